/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds Fairlead's page tables with the shared writer and switches to them.
 *
 * What is mapped: the image with W^X, the page pool, all memory of the firmware's map (the guest's as user memory, no execute), and
 * the register blocks that Fairlead itself uses: ECAM, SMMU, GIC, ITS, UART; later, the MSI-X tables of the guest's devices.
 */
#include "arch/arm64/paging.h"

#include "arch/arm64/cpu.h"
#include "arch/arm64/guest_mem.h"
#include "core/image.h"
#include "arch/arm64/stacks.h"
#include "arch/arm64/sysregs.h"
#include "boot/boot_info.h"
#include "core/arch.h"
#include "core/errno.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/own_map.h"
#include "core/pages.h"
#include "core/pagetable/pagetable.h"
#include "core/vm.h"

#define OWN_LEVELS 4
#define OWN_BITS 48
#define LARGEST_LEAF 2
#define PS_48_BITS 5u

static LOCK_CLASS(host_tables_class, "host_tables");
/* Changes of `host` after boot; under it only the page allocator's. */
static struct spinlock host_lock ACQUIRED_AFTER(pci_vpci_class) ACQUIRED_BEFORE(leaf_locks) =
	SPINLOCK_INIT(host_tables_class);
static struct pagetable host;
struct el2_regime el2_regime;
static bool pan;

static ALIGNED(STACK_AREA_BYTES) u8 boot_stacks[STACK_AREA_BYTES];
static paddr_t other_stacks; /* CPU 1's and so on, one behind the other */

/* ---- what is mapped ---- */

paddr_t stack_area(unsigned int cpu)
{
	return cpu ? other_stacks + (cpu - 1) * (u64)STACK_AREA_BYTES : virt_to_phys(boot_stacks);
}

/* Before the table is in use: a block that hardware uses may not be split just so (Arm ARM D8.14.1, break before make). */
static int guard_stacks(unsigned int cpus)
{
	int ret = 0;

	for (unsigned int cpu = 0; !ret && cpu < cpus; cpu++)
		ret = pt_unmap(&host, stack_area(cpu) + STACK_GUARD, PAGE_SIZE);
	return ret;
}

static int take_stacks(unsigned int cpus)
{
	void *stacks;

	if (cpus < 2)
		return 0;
	stacks = pages_alloc_contig((cpus - 1) * (u64)STACK_AREA_BYTES / PAGE_SIZE, STACK_AREA_BYTES);
	other_stacks = virt_to_phys(stacks);
	return stacks ? 0 : -ENOMEM;
}

static int map_range(const struct dt_range *r)
{
	return own_map_registers(&host, r->base, r->size);
}

static int map_devices(void)
{
	const struct dt_machine *dt = &boot_info.dt;
	int ret = map_range(&dt->gicd);

	for (unsigned int i = 0; !ret && i < dt->redistributor_regions; i++)
		ret = map_range(&dt->gicr[i]);
	if (!ret)
		ret = map_range(&dt->its);
	if (!ret)
		ret = map_range(&dt->uart.registers);
	return ret ? ret : own_map_pci(&host);
}

/* Needs no flush: what was absent is not cached. */
int arch_map_registers(paddr_t base, u64 size)
{
	int ret;

	spin_lock(&host_lock);
	ret = own_map_more_registers(&host, base, size);
	spin_unlock(&host_lock);
	__asm__ volatile("dsb ishst" : : : "memory"); /* the walker sees the entry before the first access */
	isb();
	return ret;
}

/* ---- the regime ---- */

static void fill_regime(void)
{
	const u64 mmfr0 = sysreg_read("id_aa64mmfr0_el1");
	const u64 size = MMFR0_PARANGE(mmfr0) < PS_48_BITS ? MMFR0_PARANGE(mmfr0) : PS_48_BITS;
	const u64 walks = TCR_T0SZ(OWN_BITS) | TCR_IRGN0_WB | TCR_ORGN0_WB | TCR_SH0_INNER;
	u64 sctlr = SCTLR_M | SCTLR_C | SCTLR_SA | SCTLR_I | SCTLR_WXN;

	if (PFR1_BT(sysreg_read("id_aa64pfr1_el1")))
		sctlr |= SCTLR_BT;
	if (cpu_has_vhe())
		el2_regime = (struct el2_regime){
			.hcr = HCR_RW | HCR_E2H,
			.tcr = walks | TCR_VHE_EPD1 | TCR_VHE_TG1_4K | size << TCR_VHE_IPS_SHIFT,
			.sctlr = sctlr | SCTLR_EL2_VHE_ONES,
		};
	else
		el2_regime = (struct el2_regime){
			.hcr = HCR_RW,
			.tcr = walks | TCR_EL2_RES1 | size << TCR_EL2_PS_SHIFT,
			.sctlr = sctlr | SCTLR_EL2_RES1,
		};
	el2_regime.mair = MAIR_VALUE;
	el2_regime.ttbr0 = virt_to_phys(host.root);
	el2_regime.vbar = virt_to_phys(el2_vectors);
	pan = cpu_has_vhe() && MMFR1_PAN(sysreg_read("id_aa64mmfr1_el1"));
}

/* MSR PAN, #imm: unknown to an assembler for Armv8.0 */
#define CLEAR_PAN ".inst 0xd500409f"
#define SET_PAN ".inst 0xd500419f"

void paging_start_cpu(void)
{
	if (pan)
		__asm__ volatile(SET_PAN : : : "memory");
}

void guest_access_begin(void)
{
	if (pan)
		__asm__ volatile(CLEAR_PAN : : : "memory");
}

void guest_access_end(void)
{
	if (pan)
		__asm__ volatile(SET_PAN : : : "memory");
}

int paging_init(unsigned int cpus)
{
	const struct pt_format *format = cpu_has_vhe() ? &pt_format_el2_vhe : &pt_format_el2;
	int ret = pt_init(&host, format, OWN_LEVELS, LARGEST_LEAF);

	if (!ret)
		ret = take_stacks(cpus);
	if (!ret)
		ret = own_map_image(&host, PT_READ | PT_EXEC | PT_GUARDED);
	if (!ret) /* at EL2 alone there is no user memory */
		ret = own_map_memory(&host, &boot_info.memmap, boot_info.image_base, boot_info.image_size,
				     cpu_has_vhe() ? PT_USER : 0);
	if (!ret)
		ret = map_devices();
	if (!ret)
		ret = guard_stacks(cpus);
	if (ret)
		return ret;
	fill_regime();
	/* While the MMU is off code comes from memory, and so does what another CPU reads at its start. */
	arch_cache_flush(__image_start, (size_t)(__image_end - __image_start));
	el2_load(&el2_regime);
	paging_start_cpu();
	return 0;
}

/* ---- the guest's ---- */

unsigned int stage2_bits(bool *wide)
{
	const u64 mmfr0 = sysreg_read("id_aa64mmfr0_el1");
	const unsigned int granule = MMFR0_TGRAN4_2(mmfr0);
	unsigned int bits = pa_bits_of(MMFR0_PARANGE(mmfr0));

	*wide = bits >= 52 && (granule == TGRAN4_2_52_BITS || (granule == TGRAN4_2_AS_STAGE1 &&
							       MMFR0_TGRAN4(mmfr0) == TGRAN4_52_BITS));
	if (bits > 48)
		bits = *wide ? 52 : 48;
	return bits;
}

void stage2_start_cpu(void)
{
	const unsigned int bits = (unsigned int)guest.stage2.address_bits, levels = guest.stage2.levels;
	bool wide;
	u64 vtcr = VTCR_RES1 | VTCR_T0SZ(bits) | (u64)(levels - 2) << VTCR_SL0_SHIFT | VTCR_IRGN0_WB | VTCR_ORGN0_WB |
		   VTCR_SH0_INNER;

	(void)stage2_bits(&wide);
	/* 6: 52 bits. Above what the table can say the size has no meaning, and the architecture caps it. */
	vtcr |= (u64)min_u32(MMFR0_PARANGE(sysreg_read("id_aa64mmfr0_el1")), wide ? 6 : 5) << VTCR_PS_SHIFT;
	if (wide)
		vtcr |= VTCR_DS;
	sysreg_write("vtcr_el2", vtcr);
	sysreg_write("vttbr_el2", virt_to_phys(guest.stage2.root) | GUEST_VMID << VTTBR_VMID_SHIFT);
	isb();
	stage2_flush_cpu();
}

void stage2_flush_cpu(void)
{
	__asm__ volatile("dsb nshst\n\ttlbi vmalls12e1\n\tdsb nsh\n\tisb" : : : "memory");
}

void stage2_flush_all(void)
{
	__asm__ volatile("dsb ishst\n\ttlbi vmalls12e1is\n\tdsb ish\n\tisb" : : : "memory");
}

void stage2_flush_table(const struct pagetable *pt UNUSED)
{
	stage2_flush_all();
}

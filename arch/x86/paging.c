/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds Fairlead's page tables with the shared writer and switches to them.
 *
 * What is mapped: the image with W^X, the page pool, all memory of the firmware's map (the guest's as user memory, no execute), and
 * the register blocks that Fairlead itself uses: ECAM, IOMMUs, APIC, HPET; later, the MSI-X tables of the guest's devices.
 */
#include "arch/x86/paging.h"

#include "arch/x86/cpu.h"
#include "arch/x86/desc.h"
#include "arch/x86/smap.h"
#include "arch/x86/vcpu.h"
#include "boot/boot_info.h"
#include "core/arch.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/own_map.h"
#include "core/pagetable/pagetable.h"
#include "core/string.h"

#define CPUID_EXT_FEATURES 0x80000001u
#define CPUID_EXT_EDX_PAGE1GB BIT32(26)
#define CPUID_FEATURES7 7u
#define CPUID_7_EBX_SMEP BIT32(7)
#define CPUID_7_EBX_SMAP BIT32(20)
#define MSR_EFER 0xc0000080u

static LOCK_CLASS(host_tables_class, "host_tables");
/* Changes of `host` after boot; under it only the page allocator's. */
static struct spinlock host_lock ACQUIRED_AFTER(pci_vpci_class) ACQUIRED_BEFORE(leaf_locks) =
	SPINLOCK_INIT(host_tables_class);
static struct pagetable host;

static int guard_stacks(void)
{
	int ret = 0;

	for (unsigned int n = 0; !ret && n < STACKS; n++)
		ret = pt_unmap(&host, stack_guard_page(0, n), PAGE_SIZE);
	return ret;
}

/* A register block of one page; 0: there is none. */
static int map_page(paddr_t base)
{
	return own_map_registers(&host, base, base ? PAGE_SIZE : 0);
}

/* Needs no flush: what was absent is not cached. */
int arch_map_registers(paddr_t base, u64 size)
{
	int ret;

	spin_lock(&host_lock);
	ret = own_map_more_registers(&host, base, size);
	spin_unlock(&host_lock);
	return ret;
}

static void write_cr3(u64 value)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

static void enable_protections(void)
{
	u32 features = cpuid(0, 0).eax >= CPUID_FEATURES7 ? cpuid(CPUID_FEATURES7, 0).ebx : 0;
	u64 cr0, cr4;

	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	/* Nothing else of the firmware's choice survives; five-level paging cannot be left without leaving long mode. */
	cr4 = (cr4 & (X86_CR4_PAE | X86_CR4_LA57)) | X86_CR4_MCE;
	if (features & CPUID_7_EBX_SMEP)
		cr4 |= X86_CR4_SMEP;
	if (features & CPUID_7_EBX_SMAP)
		cr4 |= X86_CR4_SMAP;
	__asm__ volatile("mov %0, %%cr0" : : "r"(cr0 | X86_CR0_WP) : "memory");
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4) : "memory");
	x86_smap_on = (features & CPUID_7_EBX_SMAP) != 0;
}

static bool five_levels(void)
{
	u64 cr4;

	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	return cr4 & X86_CR4_LA57;
}

void paging_load(void)
{
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | X86_EFER_NXE);
	write_cr3(virt_to_phys(host.root));
	enable_protections();
}

int paging_guard(u64 page)
{
	int ret;

	spin_lock(&host_lock);
	ret = pt_unmap(&host, page, PAGE_SIZE);
	write_cr3(virt_to_phys(host.root)); /* flushes; the other CPUs have not seen the page yet */
	spin_unlock(&host_lock);
	return ret;
}

int paging_seal_trampoline(paddr_t trampoline)
{
	paddr_t root = trampoline + PAGE_SIZE;
	int ret;

	spin_lock(&host_lock);
	ret = pt_unmap(&host, trampoline, PAGE_SIZE);
	if (!ret)
		ret = pt_map(&host, trampoline, trampoline, PAGE_SIZE, PT_READ | PT_EXEC);
	memcpy(phys_to_virt(root), host.root, PAGE_SIZE);
	write_cr3(virt_to_phys(host.root));
	spin_unlock(&host_lock);
	return ret;
}

int paging_init(void)
{
	unsigned int largest = cpuid(CPUID_EXT_FEATURES, 0).edx & CPUID_EXT_EDX_PAGE1GB ? 2 : 1;
	int ret = pt_init(&host, &pt_format_x86_64, five_levels() ? 5 : 4, largest);

	if (!ret)
		ret = own_map_image(&host, PT_READ | PT_EXEC);
	if (!ret)
		ret = guard_stacks();
	if (!ret)
		ret = own_map_memory(&host, &boot_info.memmap, boot_info.image_base, boot_info.image_size, PT_USER);
	if (!ret)
		ret = own_map_pci(&host);
	if (!ret)
		ret = map_page(boot_info.acpi.lapic_base);
	if (!ret)
		ret = map_page(boot_info.acpi.hpet_base);
	if (ret)
		return ret;
	paging_load();
	return 0;
}

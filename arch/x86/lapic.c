/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks what the guest writes to its local APIC. INIT would take the CPU out of guest mode, SIPI start another one outside Fairlead, SMI
 * run firmware on the guest's behalf: none of them passes, by any register. In xAPIC mode the page is mapped read-only, and writes
 * arrive here one by one; in x2APIC mode only the checked MSRs exit.
 */
#include "arch/x86/lapic.h"

#include "arch/x86/cpu.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/mmio.h"
#include "core/vm.h"

/* Register offsets in the page, APM vol. 2, table 16-2. */
#define APIC_ID 0x20u
#define APIC_EOI 0xb0u
#define APIC_LVT_CMCI 0x2f0u
#define APIC_ICR_LOW 0x300u
#define APIC_ICR_HIGH 0x310u
#define APIC_LVT_FIRST 0x320u
#define APIC_LVT_LINT0 0x350u
#define APIC_LVT_LAST 0x370u

/* Interrupt command register, 16.5, and local vector table, 16.4: the same fields. */
#define DELIVERY_MODE(value) ((unsigned int)((value) >> 8) & 7)
enum { MODE_FIXED, MODE_LOWEST, MODE_SMI, MODE_REMOTE_READ, MODE_NMI, MODE_INIT, MODE_STARTUP, MODE_EXTINT };
#define ICR_LOGICAL BIT(11)
#define ICR_PENDING BIT(12)
#define ICR_SHORTHAND(value) ((unsigned int)((value) >> 18) & 3)
enum { TO_DESTINATION, TO_SELF, TO_ALL, TO_OTHERS };
#define LVT_MASKED BIT32(16)

#define XAPIC_DESTINATION(icr) ((u32)((icr) >> 56))
#define X2APIC_DESTINATION(icr) ((u32)((icr) >> 32))
#define XAPIC_BROADCAST 0xffu
#define X2APIC_BROADCAST 0xffffffffu

/* APIC_BASE, 16.3.1 and 16.9 */
#define APIC_BASE_ENABLE BIT(11)
#define APIC_BASE_X2APIC BIT(10)
#define APIC_BASE_BSP BIT(8)
#define APIC_BASE_ADDRESS GENMASK64(51, 12)

#define ICR_INIT_OTHERS 0xc4500u /* INIT, edge, assert, all excluding self */
#define ICR_SPINS 1000000u

#define MESSAGE_ADDRESS 0xfee00000u
#define MESSAGE_DESTINATION_SHIFT 12

static u8 *page;
static u32 icr_high;	      /* xAPIC: what the guest wrote last */
static u64 nmis_sent;	      /* by the guest, not yet seen */
static u64 dropped[8];	      /* by delivery mode */

static bool in_x2apic(void)
{
	return rdmsr(MSR_APIC_BASE) & APIC_BASE_X2APIC;
}

static u32 apic_read(unsigned int offset)
{
	return in_x2apic() ? (u32)rdmsr(MSR_X2APIC_FIRST + offset / 16) : mmio_read32(page + offset);
}

static u32 own_id(void)
{
	u32 id = apic_read(APIC_ID);

	return in_x2apic() ? id : id >> 24;
}

enum icr_verdict icr_check(u64 icr, u32 self, bool x2apic)
{
	u32 destination = x2apic ? X2APIC_DESTINATION(icr) : XAPIC_DESTINATION(icr);
	u32 broadcast = x2apic ? X2APIC_BROADCAST : XAPIC_BROADCAST;
	unsigned int to = ICR_SHORTHAND(icr);

	switch (DELIVERY_MODE(icr)) {
	case MODE_FIXED:
	case MODE_LOWEST:
		return ICR_PASS; /* to a CPU that waits for its SIPI it does nothing */
	case MODE_NMI:
		/* "Others" has nobody; a logical destination of one CPU is its own business, and cannot reach a parked one. */
		if (to == TO_OTHERS)
			return ICR_DROP;
		if (to != TO_DESTINATION || (icr & ICR_LOGICAL) || destination == self || destination == broadcast)
			return ICR_PASS_NMI;
		return ICR_DROP;
	default:
		return ICR_DROP;
	}
}

u32 lvt_check(unsigned int offset, u32 value)
{
	switch (DELIVERY_MODE(value)) {
	case MODE_FIXED:
	case MODE_NMI:
		return value;
	case MODE_EXTINT:
		/* The 8259's interrupts, which are the guest's, arrive by LINT0 before it has set up the I/O APIC. */
		if (offset == APIC_LVT_LINT0)
			return value;
		return value | LVT_MASKED;
	default:
		return value | LVT_MASKED;
	}
}

static void note_dropped(u64 icr)
{
	unsigned int mode = DELIVERY_MODE(icr);

	if (dropped[mode]++ == 0)
		log_info("platform: interrupt command 0x%llx (delivery mode %u) refused", (unsigned long long)icr, mode);
}

/* True if it may be written. */
static bool allow_icr(u64 icr, bool x2apic)
{
	switch (icr_check(icr, own_id(), x2apic)) {
	case ICR_PASS_NMI:
		nmis_sent++;
		return true;
	case ICR_PASS:
		return true;
	case ICR_DROP:
		break;
	}
	note_dropped(icr);
	return false;
}

bool lapic_nmi_expected(void)
{
	if (!nmis_sent)
		return false;
	nmis_sent--;
	return true;
}

int lapic_write_msr(u32 msr, u64 value)
{
	unsigned int offset = (msr - MSR_X2APIC_FIRST) * 16;

	if (!in_x2apic())
		return -EPERM;
	if (msr == MSR_X2APIC_ICR) {
		if (allow_icr(value, true))
			wrmsr(msr, value);
		return 0;
	}
	if (value >> 32)
		return -EPERM;
	return wrmsr_safe(msr, lvt_check(offset, (u32)value)) ? -EPERM : 0;
}

int lapic_write_base(u64 value)
{
	u64 now = rdmsr(MSR_APIC_BASE);
	u64 fixed = APIC_BASE_ADDRESS | APIC_BASE_BSP;
	bool from_x2apic = now & APIC_BASE_X2APIC, to_x2apic = value & APIC_BASE_X2APIC;

	/* The page stays where the map has it, and the APIC stays on: Fairlead's own NMIs need it. */
	if ((value & fixed) != (now & fixed) || !(value & APIC_BASE_ENABLE)) {
		log_info("platform: APIC_BASE 0x%llx refused (is 0x%llx)", (unsigned long long)value, (unsigned long long)now);
		return -EPERM;
	}
	/* 16.9.1: out of x2APIC mode only by way of disabled, which is refused here. */
	if (from_x2apic && !to_x2apic)
		return -EPERM;
	return wrmsr_safe(MSR_APIC_BASE, value) ? -EPERM : 0;
}

static void write_icr_low(u32 value)
{
	u64 icr = (u64)icr_high << 32 | value;

	if (allow_icr(icr, false)) {
		mmio_write32(page + APIC_ICR_HIGH, icr_high);
		mmio_write32(page + APIC_ICR_LOW, value);
	}
}

/* 16.3.2: registers are 16 bytes apart and written as aligned dwords; what else software does is undefined, and dropped. */
static void page_access(void *ctx UNUSED, gpa_t gpa, unsigned int size, bool write, u64 *value)
{
	unsigned int offset = (unsigned int)(gpa & (PAGE_SIZE - 1));

	if (!write) {
		*value = size == 4 && offset % 4 == 0 ? mmio_read32(page + offset) : GENMASK64(size * 8 - 1, 0);
	} else if (size != 4 || offset % 16) {
		log_debug("platform: odd write to the APIC page at 0x%x dropped", offset);
	} else if (offset == APIC_EOI) {
		mmio_write32(page + offset, 0);
	} else if (offset == APIC_ICR_HIGH) {
		icr_high = (u32)*value;
		mmio_write32(page + offset, icr_high);
	} else if (offset == APIC_ICR_LOW) {
		write_icr_low((u32)*value);
	} else if (offset == APIC_LVT_CMCI || (offset >= APIC_LVT_FIRST && offset <= APIC_LVT_LAST)) {
		mmio_write32(page + offset, lvt_check(offset, (u32)*value));
	} else {
		mmio_write32(page + offset, (u32)*value);
	}
}

int lapic_init(paddr_t base)
{
	struct vm_mmio_region region = { base, PAGE_SIZE, page_access, NULL, "local APIC" };
	int ret = vm_map_mmio(&guest, base, base, PAGE_SIZE, PT_READ);

	page = phys_to_virt(base);
	return ret ? ret : vm_add_region(&guest, &region);
}

void lapic_park_other_cpus(void)
{
	page = phys_to_virt(rdmsr(MSR_APIC_BASE) & APIC_BASE_ADDRESS);
	if (in_x2apic()) {
		wrmsr(MSR_X2APIC_ICR, ICR_INIT_OTHERS);
		return;
	}
	mmio_write32(page + APIC_ICR_HIGH, 0);
	mmio_write32(page + APIC_ICR_LOW, ICR_INIT_OTHERS);
	for (u32 i = 0; i < ICR_SPINS; i++) {
		if (!(mmio_read32(page + APIC_ICR_LOW) & ICR_PENDING))
			return;
	}
	log_warn("platform: the other CPUs did not take INIT");
}

u64 lapic_message_address(void)
{
	return MESSAGE_ADDRESS | (u64)(own_id() & 0xff) << MESSAGE_DESTINATION_SHIFT;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks what the guest writes to its local APIC. INIT would take the CPU out of guest mode, SIPI start
 * another one outside Fairlead, SMI run firmware on the guest's behalf: none of them passes, by any
 * register. In xAPIC mode the page is mapped read-only, and writes arrive here one by one; in x2APIC mode
 * only the checked MSRs exit.
 */
#include "arch/x86/lapic.h"

#include "arch/x86/cpu.h"
#include "core/errno.h"
#include "core/counters.h"
#include "core/log.h"
#include "core/mmio.h"
#include "core/vm.h"

/* Register offsets in the page, APM vol. 2, table 16-2. */
#define APIC_ID 0x20u
#define APIC_TPR 0x80u
#define APIC_EOI 0xb0u
#define APIC_LDR 0xd0u
#define APIC_DFR 0xe0u
#define APIC_SPURIOUS 0xf0u
#define APIC_ERROR_STATUS 0x280u
#define APIC_LVT_CMCI 0x2f0u
#define APIC_ICR_LOW 0x300u
#define APIC_ICR_HIGH 0x310u
#define APIC_LVT_FIRST 0x320u
#define APIC_LVT_COUNTERS 0x340u
#define APIC_LVT_LINT0 0x350u
#define APIC_LVT_LINT1 0x360u
#define APIC_LVT_LAST 0x370u
#define APIC_INITIAL_COUNT 0x380u
#define APIC_DIVIDE 0x3e0u
/* The extended space that AMD's APICs have */
#define APIC_EXT_CONTROL 0x410u
#define APIC_EXT_EOI 0x420u
#define APIC_EXT_ENABLE_FIRST 0x480u
#define APIC_EXT_ENABLE_LAST 0x4f0u
#define APIC_EXT_LVT_FIRST 0x500u
#define APIC_EXT_LVT_LAST 0x530u

/* Interrupt command register, 16.5, and local vector table, 16.4: the same fields. */
#define DELIVERY_MODE(value) ((unsigned int)((value) >> 8) & 7)
enum { MODE_FIXED, MODE_LOWEST, MODE_SMI, MODE_REMOTE_READ, MODE_NMI, MODE_INIT, MODE_STARTUP, MODE_EXTINT };
#define ICR_LOGICAL BIT(11)
#define ICR_PENDING BIT(12)
#define ICR_SHORTHAND(value) ((unsigned int)((value) >> 18) & 3)
enum { TO_DESTINATION, TO_SELF, TO_ALL, TO_OTHERS };
#define X2APIC_ICR_RESERVED 0xfff33000u /* 31:20, 17:16, 13:12; Intel SDM vol. 3A, 11.12.9 */
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
#define ICR_NMI 0x4400u		  /* NMI, edge, assert, one physical destination */
#define ICR_INIT 0x4500u /* INIT, edge, assert, one physical destination */
#define ICR_STARTUP_AT 0x4600u /* start-up; the page in bits 7:0 */
#define ICR_SPINS 1000000u

#define MESSAGE_ADDRESS 0xfee00000u
#define MESSAGE_DESTINATION_SHIFT 12
#define MESSAGE_DESTINATION_MAX 0xffu

static u8 *page;
static bool x2apic_mode;
static u32 icr_high;	      /* xAPIC: what the guest wrote last */
static u64 nmis_sent;	      /* by the guest, not yet seen */
static u64 dropped[8];	      /* interrupt commands, by delivery mode */
static u64 writes_dropped;    /* to what is no register */

/* Where the APIC is, and which of its two faces it shows. */
static void find_apic(void)
{
	u64 base = rdmsr(MSR_APIC_BASE);

	page = phys_to_virt(base & APIC_BASE_ADDRESS);
	x2apic_mode = base & APIC_BASE_X2APIC;
}

u32 lapic_id(void)
{
	if (x2apic_mode)
		return (u32)rdmsr(MSR_X2APIC_FIRST + APIC_ID / 16);
	return mmio_read32(page + APIC_ID) >> 24;
}

static bool lvt_sends_nmi(unsigned int offset)
{
	u32 value = x2apic_mode ? (u32)rdmsr(MSR_X2APIC_FIRST + offset / 16) : mmio_read32(page + offset);

	return !(value & LVT_MASKED) && DELIVERY_MODE(value) == MODE_NMI;
}

bool lapic_lint1_sends_nmi(void)
{
	return lvt_sends_nmi(APIC_LVT_LINT1);
}

bool lapic_counters_send_nmi(void)
{
	return lvt_sends_nmi(APIC_LVT_COUNTERS);
}

/*
 * A logical x2APIC ID is fixed: the upper bits of the ID name a cluster, the lower four a bit in it (APM
 * vol. 2, 16.14).
 */
static bool x2apic_logical_match(u32 destination, u32 self)
{
	return destination >> 16 == self >> 4 && (destination & BIT32(self & 0xf));
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
		/* "Others" has nobody. In xAPIC mode a logical destination is what the guest made it. */
		if (to == TO_OTHERS)
			return ICR_DROP;
		if (to != TO_DESTINATION || destination == broadcast)
			return ICR_PASS_NMI;
		if (icr & ICR_LOGICAL)
			return !x2apic || x2apic_logical_match(destination, self) ? ICR_PASS_NMI : ICR_DROP;
		return destination == self ? ICR_PASS_NMI : ICR_DROP;
	default:
		return ICR_DROP;
	}
}

static bool is_lvt(unsigned int offset)
{
	return offset == APIC_LVT_CMCI || (offset >= APIC_LVT_FIRST && offset <= APIC_LVT_LAST) ||
	       (offset >= APIC_EXT_LVT_FIRST && offset <= APIC_EXT_LVT_LAST);
}

bool lapic_writable(unsigned int offset)
{
	if (offset % 16)
		return false;
	if (is_lvt(offset) || (offset >= APIC_EXT_ENABLE_FIRST && offset <= APIC_EXT_ENABLE_LAST))
		return true;
	switch (offset) { /* not the ID: Fairlead's own messages are addressed to the one it read */
	case APIC_TPR:
	case APIC_EOI:
	case APIC_LDR:
	case APIC_DFR:
	case APIC_SPURIOUS:
	case APIC_ERROR_STATUS:
	case APIC_ICR_LOW:
	case APIC_ICR_HIGH:
	case APIC_INITIAL_COUNT:
	case APIC_DIVIDE:
	case APIC_EXT_CONTROL:
	case APIC_EXT_EOI:
		return true;
	default:
		return false;
	}
}

u32 lvt_check(unsigned int offset, u32 value)
{
	switch (DELIVERY_MODE(value)) {
	case MODE_FIXED:
	case MODE_NMI:
		return value;
	case MODE_EXTINT:
		/*
		 * The 8259's interrupts, which are the guest's, arrive by LINT0 before it has set up the
		 * I/O APIC.
		 */
		if (offset == APIC_LVT_LINT0)
			return value;
		return value | LVT_MASKED;
	default:
		return value | LVT_MASKED;
	}
}

static u32 lvt_value(unsigned int offset, u32 value)
{
	static bool logged;
	u32 allowed = lvt_check(offset, value);

	if (allowed != value && !logged) {
		logged = true;
		log_info("platform: local vector table 0x%x: 0x%x refused (delivery mode %u), stays masked", offset, value,
			 DELIVERY_MODE(value));
	}
	return allowed;
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
	switch (icr_check(icr, lapic_id(), x2apic)) {
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

static int write_icr_msr(u64 icr)
{
	if (icr & X2APIC_ICR_RESERVED)
		return -EPERM;
	if (allow_icr(icr, true) && wrmsr_safe(MSR_X2APIC_ICR, icr))
		return -EPERM;
	return 0;
}

int lapic_write_msr(u32 msr, u64 value)
{
	unsigned int offset = (msr - MSR_X2APIC_FIRST) * 16;

	if (!x2apic_mode)
		return -EPERM;
	/* Reserved bits raise #GP: in the end the guest's. */
	if (msr == MSR_X2APIC_ICR)
		return write_icr_msr(value);
	if (value >> 32)
		return -EPERM;
	return wrmsr_safe(msr, lvt_value(offset, (u32)value)) ? -EPERM : 0;
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
	if (wrmsr_safe(MSR_APIC_BASE, value))
		return -EPERM;
	x2apic_mode = to_x2apic;
	return 0;
}

static void write_icr_low(u32 value)
{
	u64 icr = (u64)icr_high << 32 | value;

	if (allow_icr(icr, false)) {
		mmio_write32(page + APIC_ICR_HIGH, icr_high);
		mmio_write32(page + APIC_ICR_LOW, value);
	}
}

static void write_register(unsigned int offset, u32 value)
{
	if (offset == APIC_EOI) {
		mmio_write32(page + offset, 0);
	} else if (offset == APIC_ICR_LOW) {
		write_icr_low(value);
	} else {
		if (offset == APIC_ICR_HIGH)
			icr_high = value;
		mmio_write32(page + offset, is_lvt(offset) ? lvt_value(offset, value) : value);
	}
}

/*
 * 16.3.2: registers are 16 bytes apart and written as aligned dwords; what else software does is undefined,
 * and dropped. Nothing may fall through to the bus, where the same addresses are interrupt messages: so
 * neither reserved offsets, nor any in x2APIC mode.
 */
static void page_access(void *ctx UNUSED, gpa_t gpa, unsigned int size, bool write, u64 *value)
{
	unsigned int offset = (unsigned int)(gpa & (PAGE_SIZE - 1));

	if (write) {
		count_event(COUNT_APIC_WRITE);
		if (size == 4 && !x2apic_mode && lapic_writable(offset))
			write_register(offset, (u32)*value);
		else
			writes_dropped++;
	} else if (size == 4 && offset % 4 == 0 && !x2apic_mode) {
		*value = mmio_read32(page + offset);
	} else {
		*value = GENMASK64(size * 8 - 1, 0);
	}
}

int lapic_init(paddr_t base)
{
	struct vm_mmio_region region = { base, PAGE_SIZE, page_access, NULL, "local APIC" };
	int ret = vm_map_mmio(&guest, base, base, PAGE_SIZE, PT_READ);

	find_apic();
	return ret ? ret : vm_add_region(&guest, &region);
}

/* For real: of Fairlead's own, at boot. */
static void send(u32 id, u32 command)
{
	if (x2apic_mode) {
		wrmsr(MSR_X2APIC_ICR, (u64)id << 32 | command);
		return;
	}
	mmio_write32(page + APIC_ICR_HIGH, id << 24);
	mmio_write32(page + APIC_ICR_LOW, command);
	for (u32 i = 0; i < ICR_SPINS && (mmio_read32(page + APIC_ICR_LOW) & ICR_PENDING); i++)
		__asm__ volatile("pause" : : : "memory");
}

void lapic_park_other_cpus(void)
{
	find_apic();
	send(0, ICR_INIT_OTHERS);
}

static bool reachable(u32 id)
{
	return x2apic_mode || id < XAPIC_BROADCAST;
}

bool lapic_send_init(u32 id)
{
	if (reachable(id))
		send(id, ICR_INIT);
	return reachable(id);
}

bool lapic_send_startup(u32 id, u8 first_page)
{
	if (reachable(id))
		send(id, ICR_STARTUP_AT | first_page);
	return reachable(id);
}

void lapic_start_cpu(void)
{
	if (x2apic_mode)
		wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
}

void lapic_reset(void)
{
}

/*
 * The destination is spelled out: the shorthand "self" is for fixed interrupts only (APM vol. 2, table
 * 16-4; Intel SDM vol. 3A, table 11-3). In xAPIC mode the guest's upper half is put back; its lower half
 * was a command, and is spent.
 */
void lapic_send_nmi(u32 id)
{
	if (x2apic_mode) {
		/*
		 * Other than in xAPIC mode the write does not wait for stores before it (Intel SDM vol. 3A,
		 * 11.12.3).
		 */
		__asm__ volatile("mfence; lfence" : : : "memory");
		wrmsr(MSR_X2APIC_ICR, (u64)id << 32 | ICR_NMI);
		return;
	}
	for (u32 i = 0; i < ICR_SPINS && (mmio_read32(page + APIC_ICR_LOW) & ICR_PENDING); i++)
		__asm__ volatile("pause" : : : "memory"); /* what the guest sent last is on its way */
	mmio_write32(page + APIC_ICR_HIGH, id << 24);
	mmio_write32(page + APIC_ICR_LOW, ICR_NMI);
	mmio_write32(page + APIC_ICR_HIGH, icr_high);
}

u64 lapic_message_address(void)
{
	u32 id = lapic_id();

	return id <= MESSAGE_DESTINATION_MAX ? MESSAGE_ADDRESS | (u64)id << MESSAGE_DESTINATION_SHIFT : 0;
}

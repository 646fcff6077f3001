/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks what the guest writes to its local APIC. INIT would take the CPU out of guest mode, SIPI start
 * another one outside Fairlead, SMI run firmware on the guest's behalf: none of them passes, by any
 * register. In xAPIC mode the page is mapped read-only, and writes arrive here one by one; in x2APIC mode
 * only the checked MSRs exit.
 */
#include "arch/x86/lapic.h"

#include "arch/x86/cpu.h"
#include "arch/x86/cpus.h"
#include "arch/x86/icr.h"
#include "arch/x86/vcpu_request.h"
#include "core/counters.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/mmio.h"
#include "core/vm.h"

/* Register offsets in the page, APM vol. 2, table 16-2. */
#define APIC_ID 0x20u
#define APIC_VERSION 0x30u
#define APIC_TPR 0x80u
#define APIC_EOI 0xb0u
#define APIC_LDR 0xd0u
#define APIC_DFR 0xe0u
#define APIC_SPURIOUS 0xf0u
#define APIC_ISR_FIRST 0x100u
#define APIC_ISR_LAST 0x170u
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
#define ICR_PENDING BIT(12)
#define X2APIC_ICR_RESERVED 0xfff33000u /* 31:20, 17:16, 13:12; Intel SDM vol. 3A, 11.12.9 */
#define LVT_MASKED BIT32(16)
/* Number of vector table entries - 1; with CMCI there are seven (16.3.4; Intel SDM vol. 3A, 11.4.8). */
#define VERSION_MAX_LVT(version) ((version) >> 16 & 0xff)
#define MAX_LVT_WITH_CMCI 6u
#define VERSION_EXTENDED_SPACE BIT32(31) /* 16.3.4 */
#define EXT_CONTROL_8BIT_ID BIT32(2)	 /* APIC410, ExtApicIdEn (PPR 57896, 2.1.11.2.2) */
#define SPURIOUS_AFTER_INIT 0xffu	 /* not enabled by software: bit 8 */
#define DFR_AFTER_INIT 0xffffffffu
#define EXT_ENABLE_AFTER_INIT 0xffffffffu

#define XAPIC_BROADCAST 0xffu

/* APIC_BASE, 16.3.1 and 16.9 */
#define APIC_BASE_ENABLE BIT(11)
#define APIC_BASE_X2APIC BIT(10)
#define APIC_BASE_BSP BIT(8)
#define APIC_BASE_ADDRESS GENMASK64(51, 12)

#define COMMAND_INIT_OTHERS 0xc4500u /* INIT, edge, assert, all excluding self */
#define COMMAND_NMI 0x4400u		  /* NMI, edge, assert, one physical destination */
#define COMMAND_INIT 0x4500u /* INIT, edge, assert, one physical destination */
#define COMMAND_STARTUP_AT 0x4600u /* start-up; the page in bits 7:0 */
#define ICR_SPINS 1000000u

#define MESSAGE_ADDRESS 0xfee00000u
#define MESSAGE_DESTINATION_SHIFT 12
#define MESSAGE_DESTINATION_MAX 0xffu

/* The same address on every CPU; each finds its own APIC there. Set at boot. */
static u8 *page;
static u32 boot_cpu_id;
/* EXT_CONTROL_8BIT_ID as firmware left it: how APICs compare physical destinations. */
static u32 ext_control_id;
/* Each CPU's own: only that CPU writes it, whoever sends reads it. */
static struct icr_apic apics[CPUS_MAX];

static _Atomic u64 refused[ICR_MODES]; /* interrupt commands, by delivery mode */

static bool x2apic_mode(void)
{
	return apics[arch_cpu_index()].x2apic;
}

static u32 read_apic(unsigned int offset)
{
	return x2apic_mode() ? (u32)rdmsr(MSR_X2APIC_FIRST + offset / 16) : mmio_read32(page + offset);
}

/* In x2APIC mode a register that this APIC does not have would raise #GP: it is left alone. */
static void write_apic(unsigned int offset, u32 value)
{
	if (x2apic_mode())
		(void)wrmsr_safe(MSR_X2APIC_FIRST + offset / 16, value);
	else
		mmio_write32(page + offset, value);
}

/* Where the boot CPU's APIC is, and which of its two faces it shows. */
static void find_apic(void)
{
	u64 base = rdmsr(MSR_APIC_BASE);
	struct icr_apic *apic = &apics[arch_cpu_index()];

	page = phys_to_virt(base & APIC_BASE_ADDRESS);
	apic->x2apic = base & APIC_BASE_X2APIC;
	if (!apic->x2apic) {
		apic->ldr = mmio_read32(page + APIC_LDR);
		apic->dfr = mmio_read32(page + APIC_DFR);
	}
	boot_cpu_id = lapic_id();
	if (read_apic(APIC_VERSION) & VERSION_EXTENDED_SPACE)
		ext_control_id = read_apic(APIC_EXT_CONTROL) & EXT_CONTROL_8BIT_ID;
}

u32 lapic_id(void)
{
	return x2apic_mode() ? read_apic(APIC_ID) : read_apic(APIC_ID) >> 24;
}

static bool lvt_sends_nmi(unsigned int offset)
{
	u32 value = read_apic(offset);

	return !(value & LVT_MASKED) && DELIVERY_MODE(value) == ICR_MODE_NMI;
}

bool lapic_lint1_sends_nmi(void)
{
	return lvt_sends_nmi(APIC_LVT_LINT1);
}

bool lapic_counters_send_nmi(void)
{
	return lvt_sends_nmi(APIC_LVT_COUNTERS);
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

u32 lvt_check(unsigned int cpu, unsigned int offset, u32 value)
{
	switch (DELIVERY_MODE(value)) {
	case ICR_MODE_FIXED:
	case ICR_MODE_NMI:
		return value;
	case ICR_MODE_EXTINT:
		/*
		 * The 8259's interrupts, which are the guest's, arrive by the boot CPU's LINT0 before it has
		 * set up the I/O APIC.
		 */
		if (cpu == 0 && offset == APIC_LVT_LINT0)
			return value;
		return value | LVT_MASKED;
	default:
		return value | LVT_MASKED;
	}
}

static u32 lvt_value(unsigned int offset, u32 value)
{
	static _Atomic bool logged;
	u32 allowed = lvt_check(arch_cpu_index(), offset, value);

	if (allowed != value && !atomic_exchange(&logged, true))
		log_info("platform: local vector table 0x%x: 0x%x refused (delivery mode %u), stays masked", offset, value,
			 DELIVERY_MODE(value));
	return allowed;
}

static void note_refused(u64 icr)
{
	unsigned int mode = DELIVERY_MODE(icr);

	if (atomic_fetch_add(&refused[mode], 1) == 0)
		log_info("platform: interrupt command 0x%llx (delivery mode %u) refused", (unsigned long long)icr, mode);
}

/* INIT, start-up, NMI: never sent, but asked of the guest's CPU. */
static void request(const struct icr_command *command, unsigned int cpu)
{
	if (command->action == ICR_NMI)
		vcpu_request_nmi(cpu);
	else if (command->action == ICR_STARTUP)
		vcpu_request_startup(cpu, command->vector);
	else if (cpu == 0)
		machine_reset("guest INIT of the boot CPU");
	else
		vcpu_request_init(cpu);
}

/* Carries the guest's command out. True: it is the hardware's to send. */
static bool carry_out(u64 icr)
{
	struct icr_command command = icr_decode(icr, arch_cpu_index(), apics);

	count_event(COUNT_IPI);
	switch (command.action) {
	case ICR_PASS:
		return true;
	case ICR_NMI:
	case ICR_INIT:
	case ICR_STARTUP:
		for (unsigned int cpu = 0; cpu < x86_cpus.count; cpu++) {
			if (command.targets & BIT(cpu))
				request(&command, cpu);
		}
		break;
	case ICR_IGNORE:
		break;
	case ICR_REFUSE:
		note_refused(icr);
		break;
	}
	return false;
}

static int write_icr_msr(u64 icr)
{
	if (icr & X2APIC_ICR_RESERVED)
		return -EPERM;
	if (carry_out(icr) && wrmsr_safe(MSR_X2APIC_ICR, icr))
		return -EPERM;
	return 0;
}

int lapic_write_msr(u32 msr, u64 value)
{
	unsigned int offset = (msr - MSR_X2APIC_FIRST) * 16;

	if (!x2apic_mode())
		return -EPERM;
	if (msr == MSR_X2APIC_ICR)
		return write_icr_msr(value);
	if (value >> 32)
		return -EPERM;
	return wrmsr_safe(msr, lvt_value(offset, (u32)value)) ? -EPERM : 0;
}

int lapic_write_base(u64 value)
{
	static _Atomic bool logged;
	u64 now = rdmsr(MSR_APIC_BASE);
	u64 fixed = APIC_BASE_ADDRESS | APIC_BASE_BSP;
	bool from_x2apic = now & APIC_BASE_X2APIC, to_x2apic = value & APIC_BASE_X2APIC;

	/* The page stays where the map has it, and the APIC stays on: Fairlead's own NMIs need it. */
	if ((value & fixed) != (now & fixed) || !(value & APIC_BASE_ENABLE)) {
		if (!atomic_exchange(&logged, true))
			log_info("platform: APIC_BASE 0x%llx refused (is 0x%llx)", (unsigned long long)value,
				 (unsigned long long)now);
		return -EPERM;
	}
	/* 16.9.1: out of x2APIC mode only by way of disabled, which is refused here. */
	if (from_x2apic && !to_x2apic)
		return -EPERM;
	if (wrmsr_safe(MSR_APIC_BASE, value))
		return -EPERM;
	apics[arch_cpu_index()].x2apic = to_x2apic;
	return 0;
}

static void write_icr_low(u32 value)
{
	/* The upper half has a register of its own, with what the guest wrote last: lapic_send_nmi(). */
	u64 icr = (u64)mmio_read32(page + APIC_ICR_HIGH) << 32 | value;

	if (carry_out(icr))
		mmio_write32(page + APIC_ICR_LOW, value);
}

static void write_register(unsigned int offset, u32 value)
{
	struct icr_apic *apic = &apics[arch_cpu_index()];

	if (offset == APIC_ICR_LOW) {
		write_icr_low(value);
		return;
	}
	if (offset == APIC_EOI)
		value = 0;
	else if (offset == APIC_LDR)
		apic->ldr = value;
	else if (offset == APIC_DFR)
		apic->dfr = value;
	else if (offset == APIC_EXT_CONTROL) /* Fairlead's own messages are addressed as firmware set it up */
		value = (value & ~EXT_CONTROL_8BIT_ID) | ext_control_id;
	else if (is_lvt(offset))
		value = lvt_value(offset, value);
	mmio_write32(page + offset, value);
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
		if (size == 4 && !x2apic_mode() && lapic_writable(offset))
			write_register(offset, (u32)*value);
	} else if (size == 4 && offset % 4 == 0 && !x2apic_mode()) {
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

/* ---- Fairlead's own use ---------------------------------------------------------------------------- */

/* What was sent last, perhaps by the guest, is on its way. */
static void wait_until_sent(void)
{
	for (u32 i = 0; i < ICR_SPINS && (mmio_read32(page + APIC_ICR_LOW) & ICR_PENDING); i++)
		__asm__ volatile("pause" : : : "memory");
}

/*
 * In xAPIC mode the upper half of the register is put back: the guest may be between its two writes, or an
 * NMI may have come between ours. The lower half was a command, and is spent.
 */
static void send(u32 id, u32 command)
{
	u32 high;

	if (x2apic_mode()) {
		/*
		 * Other than in xAPIC mode the write does not wait for stores before it (Intel SDM vol. 3A,
		 * 11.12.3).
		 */
		__asm__ volatile("mfence; lfence" : : : "memory");
		wrmsr(MSR_X2APIC_ICR, (u64)id << 32 | command);
		return;
	}
	wait_until_sent();
	high = mmio_read32(page + APIC_ICR_HIGH);
	mmio_write32(page + APIC_ICR_HIGH, id << 24);
	mmio_write32(page + APIC_ICR_LOW, command);
	wait_until_sent();
	mmio_write32(page + APIC_ICR_HIGH, high);
}

void lapic_park_other_cpus(void)
{
	find_apic();
	send(0, COMMAND_INIT_OTHERS);
}

static bool reachable(u32 id)
{
	return x2apic_mode() || id < XAPIC_BROADCAST;
}

bool lapic_send_init(u32 id)
{
	if (reachable(id))
		send(id, COMMAND_INIT);
	return reachable(id);
}

bool lapic_send_startup(u32 id, u8 first_page)
{
	if (reachable(id))
		send(id, COMMAND_STARTUP_AT | first_page);
	return reachable(id);
}

/*
 * The destination is spelled out: the shorthand "self" is for fixed interrupts only (APM vol. 2, table
 * 16-4; Intel SDM vol. 3A, table 11-3).
 */
void lapic_send_nmi(u32 id)
{
	send(id, COMMAND_NMI);
}

u64 lapic_message_address(void)
{
	if (boot_cpu_id > MESSAGE_DESTINATION_MAX)
		return 0;
	return MESSAGE_ADDRESS | (u64)boot_cpu_id << MESSAGE_DESTINATION_SHIFT;
}

/* ---- reset ----------------------------------------------------------------------------------------- */

/*
 * Off and on again, in the steps that are allowed (16.9.1; Intel SDM vol. 3A, 11.12.5): the APIC may forget
 * all that was set up (SDM, 11.4.3). Hardware does, pending interrupts included; QEMU's model keeps everything.
 */
static void switch_off_and_on(bool x2apic)
{
	u64 off = (rdmsr(MSR_APIC_BASE) & APIC_BASE_BSP) | virt_to_phys(page);

	wrmsr(MSR_APIC_BASE, off);
	wrmsr(MSR_APIC_BASE, off | APIC_BASE_ENABLE);
	if (x2apic)
		wrmsr(MSR_APIC_BASE, off | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
	apics[arch_cpu_index()].x2apic = x2apic;
}

/* Ends what is in service: one EOI for each bit, that is at most 256. An EOI is for the highest. */
static void end_in_service(void)
{
	for (unsigned int offset = APIC_ISR_LAST; offset >= APIC_ISR_FIRST; offset -= 16) {
		for (u32 isr = read_apic(offset); isr; isr &= isr - 1)
			write_apic(APIC_EOI, 0);
	}
}

static void reset_xapic_registers(void)
{
	write_apic(APIC_LDR, 0);
	write_apic(APIC_DFR, DFR_AFTER_INIT);
	write_apic(APIC_ICR_HIGH, 0);
}

static void reset_extended_registers(void)
{
	write_apic(APIC_EXT_CONTROL, ext_control_id);
	for (unsigned int offset = APIC_EXT_ENABLE_FIRST; offset <= APIC_EXT_ENABLE_LAST; offset += 16)
		write_apic(offset, EXT_ENABLE_AFTER_INIT);
	for (unsigned int offset = APIC_EXT_LVT_FIRST; offset <= APIC_EXT_LVT_LAST; offset += 16)
		write_apic(offset, LVT_MASKED);
}

/* The state after INIT: APM vol. 2, 16.3.2; Intel SDM vol. 3A, 11.4.7.1 and 11.4.7.3. */
static void reset_registers(void)
{
	struct icr_apic *apic = &apics[arch_cpu_index()];

	write_apic(APIC_SPURIOUS, SPURIOUS_AFTER_INIT); /* first: nothing is accepted any more */
	/* What an APIC does not have is an error, which the guest would see (and in QEMU's can never clear). */
	if (VERSION_MAX_LVT(read_apic(APIC_VERSION)) >= MAX_LVT_WITH_CMCI)
		write_apic(APIC_LVT_CMCI, LVT_MASKED);
	for (unsigned int offset = APIC_LVT_FIRST; offset <= APIC_LVT_LAST; offset += 16)
		write_apic(offset, LVT_MASKED);
	write_apic(APIC_INITIAL_COUNT, 0); /* stops the timer; a deadline ended with its mode, in the vector table */
	write_apic(APIC_DIVIDE, 0);
	write_apic(APIC_TPR, 0);
	if (read_apic(APIC_VERSION) & VERSION_EXTENDED_SPACE)
		reset_extended_registers();
	if (!apic->x2apic)
		reset_xapic_registers();
	apic->ldr = 0;
	apic->dfr = DFR_AFTER_INIT;
	end_in_service();
	/* Each write makes errors visible that came since the one before it: after two there are none. */
	write_apic(APIC_ERROR_STATUS, 0);
	write_apic(APIC_ERROR_STATUS, 0);
}

void lapic_start_cpu(void)
{
	switch_off_and_on(apics[0].x2apic);
	reset_registers();
}

void lapic_reset(void)
{
	write_apic(APIC_SPURIOUS, SPURIOUS_AFTER_INIT); /* nothing may come in while it goes off (SDM, 11.4.3) */
	switch_off_and_on(x2apic_mode());
	reset_registers();
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's local APIC: which commands and vector table entries reach the hardware. Every delivery mode with every shorthand, in both
 * modes of the APIC (AMD64 APM vol. 2: 16.4 vector table, 16.5 commands, 16.9 APIC_BASE; Intel SDM vol. 3A, 11.12.9).
 */
#include "lapic_machine.h"

/* ---- registers ----------------------------------------------------------------------------------------------------- */

/* APM vol. 2, 16.4: fixed, SMI, NMI, ExtINT; the others are reserved. */
static bool vector_table_allows(unsigned int cpu, u32 offset, u32 value)
{
	u32 mode = value >> 8 & 7;

	/* ExtINT by the boot CPU's LINT0 is how the 8259's interrupts, the guest's, come in. */
	return (value & MASKED) || mode == FIXED || mode == NMI || (mode == EXTINT && offset == 0x350 && cpu == 0);
}

static void vector_table_modes(void **state)
{
	static const u32 offsets[] = { 0x2f0, 0x320, 0x330, 0x340, 0x350, 0x360, 0x370, 0x500, 0x510, 0x520, 0x530 };

	for (unsigned int i = 0; i < ARRAY_SIZE(offsets); i++) {
		for (u32 mode = 0; mode < 8; mode++) {
			u32 value = mode << 8 | 0x40;

			for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
				bool allowed = vector_table_allows(cpu, offsets[i], value);

				assert_int_equal(lvt_check(cpu, offsets[i], value), allowed ? value : (value | MASKED));
				assert_int_equal(lvt_check(cpu, offsets[i], value | MASKED), value | MASKED);
			}
		}
	}
}

/*
 * Every register of the x2APIC space (APM vol. 2, table 16-6; Intel SDM vol. 3A, table 11-6). Those that send something exit: ICR and
 * the vector table; of the others SELF_IPI (83Fh) sends fixed interrupts to its own CPU. What is no register is refused.
 */
static void x2apic_space(void **state)
{
	static const struct {
		u32 first, last;
		enum msr_rule rule;
	} spec[] = {
		{ 0x802, 0x803, MSR_PASSED },	/* ID, version */
		{ 0x808, 0x80b, MSR_PASSED },	/* TPR, APR, PPR, EOI */
		{ 0x80d, 0x80d, MSR_PASSED },	/* LDR: read-only */
		{ 0x80f, 0x80f, MSR_PASSED },	/* SVR */
		{ 0x810, 0x827, MSR_PASSED },	/* ISR, TMR, IRR */
		{ 0x828, 0x828, MSR_PASSED },	/* ESR */
		{ 0x82f, 0x82f, MSR_EMULATED }, /* CMCI */
		{ 0x830, 0x830, MSR_EMULATED }, /* ICR */
		{ 0x832, 0x837, MSR_EMULATED }, /* timer, thermal, counters, LINT0, LINT1, error */
		{ 0x838, 0x839, MSR_PASSED },
		{ 0x83e, 0x83f, MSR_PASSED },
		{ 0x840, 0x842, MSR_PASSED },
		{ 0x848, 0x84f, MSR_PASSED },
		{ 0x850, 0x853, MSR_EMULATED }, /* extended vector table */
	};

	for (u32 msr = 0x800; msr <= 0x8ff; msr++) {
		enum msr_rule expected = MSR_REFUSED;

		for (unsigned int i = 0; i < ARRAY_SIZE(spec); i++) {
			if (msr >= spec[i].first && msr <= spec[i].last)
				expected = spec[i].rule;
		}
		assert_int_equal(msr_write_rule(msr), expected);
		assert_int_equal(msr_read_rule(msr), expected == MSR_REFUSED ? MSR_REFUSED : MSR_PASSED);
	}
}

static void only_registers_are_writable(void **state)
{
	static const u32 yes[] = { 0x80, 0xb0, 0xd0, 0xe0, 0xf0, 0x280, 0x2f0, 0x300, 0x310, 0x320, 0x330, 0x340, 0x350, 0x360,
				   0x370, 0x380, 0x3e0, 0x410, 0x420, 0x480, 0x4f0, 0x500, 0x530 };
	unsigned int count = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(yes); i++)
		assert_true(lapic_writable(yes[i]));
	for (u32 offset = 0; offset < PAGE_SIZE; offset++)
		count += lapic_writable(offset);
	assert_int_equal(count, ARRAY_SIZE(yes) + 8); /* 490h-4E0h, 510h, 520h */
}

/* ---- x2APIC ------------------------------------------------------------------------------------------------------- */

/* Once a mode, however often. First of all: who has said it, says it no more. */
static void refused_commands_are_logged_once(void **state)
{
	static const unsigned int modes[] = { SMI, REMOTE_READ, EXTINT, NMI };

	for (unsigned int i = 0; i < ARRAY_SIZE(modes); i++) {
		fake_log();
		for (unsigned int n = 0; n < 3; n++)
			assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(modes[i], TO_ALL, 0x31)), 0);
		assert_int_equal(log_lines, 1);
		assert_non_null(strstr(last_line, "refused"));
	}
	assert_int_equal(msr_find(MSR_X2APIC_ICR)->writes, 0);
	assert_int_equal(nmis_of(0) + nmis_of(1) + nmis_of(2), 0);
}

static void x2apic_commands(void **state)
{
	struct fake_msr *icr = msr_find(MSR_X2APIC_ICR);
	unsigned int nmis;

	assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(FIXED, TO_SELF, 0x41)), 0);
	assert_int_equal(icr->value, COMMAND(FIXED, TO_SELF, 0x41));
	assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(LOWEST, DESTINATION, 0x42) | X2_DEST(0x12345678)), 0);
	assert_true(icr->value == (COMMAND(LOWEST, DESTINATION, 0x42) | X2_DEST(0x12345678)));
	assert_int_equal(icr->writes, 2);
	for (unsigned int mode = 0; mode < 8; mode++) {
		if (mode == FIXED || mode == LOWEST)
			continue;
		assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(mode, TO_OTHERS, 0x10)), 0);
		assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(mode, DESTINATION, 0x10) | X2_DEST(ID_OF(1))), 0);
	}
	assert_int_equal(icr->writes, 2);
	assert_true(inits_of(1));
	assert_true(requests_of(2, &nmis).startup);
	assert_int_equal(inits_of(0), 0);
}

/* INIT, then start-up, as a kernel sends them; the page is the vector. De-assert does nothing. */
static void init_and_startup(void **state)
{
	struct vcpu_requests r;
	unsigned int nmis;

	assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, 0xc500 | X2_DEST(ID_OF(2))), 0); /* level, assert */
	assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, 0x8500 | X2_DEST(ID_OF(2))), 0); /* level, de-assert */
	assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, 0x0699 | X2_DEST(ID_OF(2))), 0);
	r = requests_of(2, &nmis);
	assert_true(r.init && r.startup);
	assert_int_equal(r.vector, 0x99);
	r = requests_of(1, &nmis);
	assert_false(r.init || r.startup);
	assert_int_equal(log_lines, 0);
	assert_int_equal(msr_find(MSR_X2APIC_ICR)->writes, 0);
}

static bool resets(u64 icr)
{
	reset_reason = "";
	if (RESETS(assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, icr), 0)))
		return !strcmp(reset_reason, "guest INIT of the boot CPU");
	return false;
}

/* By name, by broadcast, by shorthand from another: INIT of the boot CPU is a reset of the machine. */
static void init_of_the_boot_cpu(void **state)
{
	host_cpu = 1;
	assert_true(resets(COMMAND(INIT, DESTINATION, 0) | X2_DEST(ID_OF(0))));
	assert_true(resets(COMMAND(INIT, DESTINATION, 0) | X2_DEST(0xffffffff)));
	assert_true(resets(COMMAND(INIT, DESTINATION, 0) | X2_DEST(1 << SELF) | LOGICAL));
	assert_true(resets(COMMAND(INIT, TO_OTHERS, 0)));
	assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(INIT, DESTINATION, 0) | X2_DEST(ID_OF(1))), 0);
	assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(STARTUP, DESTINATION, 0) | X2_DEST(ID_OF(0))), 0);
	host_cpu = 0;
	assert_true(inits_of(1));
}

/* Reserved bits: #GP in the guest, not in Fairlead (the fake fails the test then). */
static void x2apic_reserved_bits(void **state)
{
	for (unsigned int n = 0; n < 32; n++) {
		bool reserved = 0xfff33000u >> n & 1;

		assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, BIT(n)), reserved ? -EPERM : 0);
	}
	/* Also with a command that would be dropped; and an NMI that was not sent is not expected. */
	assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(INIT, TO_OTHERS, 0) | BIT(31)), -EPERM);
	assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(NMI, DESTINATION, 0) | X2_DEST(SELF) | BIT(12)), -EPERM);
	assert_int_equal(nmis_of(0), 0);
	assert_int_equal(lapic_write_msr(MSR_X2APIC_LVT_FIRST, BIT(31)), -EPERM);
	assert_int_equal(lapic_write_msr(MSR_X2APIC_LVT_FIRST, BIT(32)), -EPERM);
}

static void x2apic_vector_table(void **state)
{
	static const u32 msrs[] = { 0x82f, 0x832, 0x833, 0x834, 0x835, 0x836, 0x837, 0x850, 0x851, 0x852, 0x853 };

	for (unsigned int i = 0; i < ARRAY_SIZE(msrs) * 8; i++) {
		u32 msr = msrs[i / 8], value = i % 8 << 8 | 0x40;

		msr_set(msr, MASKED);
		for (host_cpu = 0; host_cpu < CPUS; host_cpu++) {
			bool allowed = vector_table_allows(host_cpu, (msr - 0x800) * 16, value);

			assert_int_equal(lapic_write_msr(msr, value), 0);
			assert_int_equal(msr_find(msr)->value, allowed ? value : (value | MASKED));
		}
	}
	host_cpu = 0;
}

/* The CPU itself included: the mark is taken before the next entry. */
static void nmis_are_requests(void **state)
{
	for (host_cpu = 0; host_cpu < CPUS; host_cpu++) {
		for (unsigned int to = 0; to < CPUS; to++) {
			assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(NMI, DESTINATION, 0) | X2_DEST(ID_OF(to))), 0);
			for (unsigned int cpu = 0; cpu < CPUS; cpu++)
				assert_int_equal(nmis_of(cpu), cpu == to);
		}
		assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(NMI, TO_OTHERS, 0)), 0);
		for (unsigned int cpu = 0; cpu < CPUS; cpu++)
			assert_int_equal(nmis_of(cpu), cpu != host_cpu);
	}
	host_cpu = 0;
	assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(NMI, DESTINATION, 0) | X2_DEST(ID_OF(CPUS))), 0);
	assert_int_equal(nmis_of(0) + nmis_of(1) + nmis_of(2), 0);
	assert_int_equal(msr_find(MSR_X2APIC_ICR)->writes, 0);
}

/* There the same addresses would be interrupt messages on the bus. */
static void x2apic_page_is_dead(void **state)
{
	u64 value = 0;

	for (u32 offset = 0; offset < PAGE_SIZE; offset += 16) {
		guest_write(offset, 4, 0x500);
		assert_int_equal(page_writes, 0);
	}
	apic_region.fn(apic_region.ctx, APIC_PAGE + 0x20, 4, false, &value);
	assert_int_equal(value, 0xffffffff);
}

/* ---- xAPIC -------------------------------------------------------------------------------------------------------- */

static void page_is_mapped_without_write(void **state)
{
	assert_int_equal(map_prot & PT_WRITE, 0);
	assert_int_equal(apic_region.base, APIC_PAGE);
	assert_int_equal(apic_region.size, PAGE_SIZE);
}

static void xapic_commands(void **state)
{
	guest_write(0x310, 4, (u64)ID_OF(1) << 24);
	for (unsigned int mode = FIXED; mode <= LOWEST; mode++) {
		guest_write(0x300, 4, COMMAND(mode, DESTINATION, 0x55));
		assert_int_equal(page_writes, 1);
		assert_int_equal(reg[0x300 / 16], COMMAND(mode, DESTINATION, 0x55));
		assert_int_equal(command_high, ID_OF(1) << 24);
	}
	for (unsigned int i = SMI * 4; i < 8 * 4; i++) {
		guest_write(0x300, 4, COMMAND(i / 4, i % 4, 0x10));
		assert_int_equal(page_writes, 0);
	}
	assert_true(inits_of(1));
	assert_true(inits_of(2)); /* "others" */
	assert_int_equal(inits_of(0), 0);
	guest_write(0x300, 4, COMMAND(NMI, DESTINATION, 0));
	assert_int_equal(page_writes, 0);
	assert_int_equal(nmis_of(1), 1);
	guest_write(0x310, 4, (u64)SELF << 24);
	assert_true(RESETS(guest_write(0x300, 4, COMMAND(INIT, DESTINATION, 0)))); /* itself, the boot CPU */
}

/* The upper half is each CPU's own. */
static void xapic_destination_is_each_cpus(void **state)
{
	host_cpu = 1;
	guest_write(0x310, 4, (u64)ID_OF(2) << 24);
	host_cpu = 2;
	guest_write(0x310, 4, (u64)ID_OF(1) << 24);
	host_cpu = 1;
	guest_write(0x300, 4, COMMAND(NMI, DESTINATION, 0));
	assert_int_equal(nmis_of(2), 1);
	assert_int_equal(nmis_of(1), 0);
	host_cpu = 2;
	guest_write(0x300, 4, COMMAND(INIT, DESTINATION, 0));
	assert_true(inits_of(1));
	host_cpu = 0;
}

/* The target's LDR and DFR as it wrote them, at once. */
static void xapic_logical_ids_are_seen_by_others(void **state)
{
	for (host_cpu = 0; host_cpu < CPUS; host_cpu++)
		guest_write(0xd0, 4, 1u << (24 + host_cpu));
	host_cpu = 2;
	guest_write(0x310, 4, 0x03000000);
	guest_write(0x300, 4, COMMAND(NMI, DESTINATION, 0) | LOGICAL);
	assert_int_equal(nmis_of(0), 1);
	assert_int_equal(nmis_of(1), 1);
	assert_int_equal(nmis_of(2), 0);
	host_cpu = 1;
	guest_write(0xe0, 4, 0x0fffffff); /* 02h is cluster 0, bit 1 */
	guest_write(0xd0, 4, 0x12000000);
	host_cpu = 2;
	guest_write(0x300, 4, COMMAND(NMI, DESTINATION, 0) | LOGICAL);
	assert_int_equal(nmis_of(0), 1);
	assert_int_equal(nmis_of(1), 0);
	guest_write(0x310, 4, 0x12000000);
	guest_write(0x300, 4, COMMAND(NMI, DESTINATION, 0) | LOGICAL);
	assert_int_equal(nmis_of(1), 1);
	assert_int_equal(nmis_of(0), 0);
	host_cpu = 0;
}

/*
 * Every offset, every width, every delivery mode, on the boot CPU and on another: what reaches the hardware is an aligned dword of a
 * register that may be written; no command but fixed and lowest priority, no vector table entry that is not masked or allowed, no ID.
 */
static void whatever_is_written_to_the_page(void **state)
{
	static const unsigned int sizes[] = { 1, 2, 4, 8 };

	for (unsigned int n = 0; n < PAGE_SIZE * ARRAY_SIZE(sizes) * 8 * 2; n++) {
		u32 offset = n / (ARRAY_SIZE(sizes) * 8 * 2), mode = n & 7, value = COMMAND(mode, TO_OTHERS, 0x31);
		unsigned int size = sizes[n >> 3 & 3];

		host_cpu = 1 + (n >> 5 & 1);
		if (mode == INIT && offset == 0x300 && size == 4)
			continue; /* resets the machine */
		guest_write(offset, size, value | (u64)value << 32);
		if (size != 4 || offset % 16 || !lapic_writable(offset) || (offset == 0x300 && mode > LOWEST)) {
			assert_int_equal(page_writes, 0);
			continue;
		}
		assert_int_equal(page_writes, 1);
		assert_int_equal(last_offset, offset);
		assert_int_not_equal(offset, 0x20);
		if (offset == 0x2f0 || (offset >= 0x320 && offset <= 0x370) || (offset >= 0x500 && offset <= 0x530))
			assert_true(vector_table_allows(host_cpu, offset, reg[offset / 16]));
	}
	host_cpu = 0;
}

/* REP MOVS onto the page: the emulator brings each element by itself, as wide as the instruction says (test_emulate_string.c). */
static void string_moves_onto_the_page(void **state)
{
	static const unsigned int sizes[] = { 1, 2, 4, 8 };
	const u64 pattern = 0x000c06990008069aull; /* as dwords and as quadwords: start-up */

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (u32 offset = 0; offset < PAGE_SIZE; offset += sizes[i]) {
			guest_write(offset, sizes[i], pattern >> (offset % 8 * 8));
			if (offset == 0x300 || !lapic_writable(offset) || sizes[i] != 4)
				assert_int_equal(page_writes, 0);
			else
				assert_int_equal(last_offset, offset);
		}
		for (u32 offset = 0x320; offset <= 0x370; offset += 16)
			assert_true(sizes[i] < 4 || (reg[offset / 16] & MASKED));
	}
}

/* How APICs compare physical destinations (APIC410, ExtApicIdEn) stays as firmware set it: Fairlead's kicks need it. */
static void width_of_ids_stays(void **state)
{
	for (unsigned int firmware = 0; firmware <= 4; firmware += 4) {
		regs[0][0x30 / 16] = 0x80050010;
		regs[0][0x410 / 16] = firmware;
		assert_int_equal(lapic_init(APIC_PAGE), 0);
		for (u32 value = 0; value < 8; value++) {
			guest_write(0x410, 4, value);
			assert_int_equal(reg[0x410 / 16], (value & 3) | firmware);
		}
	}
}

static void xapic_registers_pass(void **state)
{
	guest_write(0xb0, 4, 0);
	assert_int_equal(page_writes, 1);
	assert_int_equal(last_offset, 0xb0);
	guest_write(0x80, 4, 0x20);
	assert_int_equal(reg[0x80 / 16], 0x20);
	guest_write(0x380, 4, 1000000);
	assert_int_equal(reg[0x380 / 16], 1000000);
	guest_write(0x330, 4, 0x200);
	assert_int_equal(reg[0x330 / 16], 0x200 | MASKED);
	guest_write(0x510, 4, 0x200);
	assert_int_equal(reg[0x510 / 16], 0x200 | MASKED);
}

static void odd_writes_are_dropped(void **state)
{
	static const u32 reserved[] = { 0x00, 0x10, 0x20 /* ID: kept */, 0x30, 0x40, 0x70, 0xa0, 0xc0, 0x100, 0x2e0, 0x3f0, 0x400, 0x540, 0x1000 - 16 };

	for (unsigned int i = 0; i < ARRAY_SIZE(reserved); i++) {
		guest_write(reserved[i], 4, 0x500);
		assert_int_equal(page_writes, 0);
	}
	guest_write(0x300, 1, 0x00);
	assert_int_equal(page_writes, 0);
	guest_write(0x300, 8, 0x500);
	assert_int_equal(page_writes, 0);
	guest_write(0x304, 4, 0x500);
	assert_int_equal(page_writes, 0);
	guest_write(0x301, 2, 0x05);
	assert_int_equal(page_writes, 0);
}

static void x2apic_registers_need_x2apic_mode(void **state)
{
	msr_set(MSR_X2APIC_ICR, 0);
	assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(FIXED, TO_SELF, 0x41)), -EPERM);
	assert_int_equal(msr_find(MSR_X2APIC_ICR)->writes, 0);
}

/* ---- APIC_BASE ---------------------------------------------------------------------------------------------------- */

static void base_from_xapic(void **state)
{
	struct fake_msr *base = msr_find(MSR_APIC_BASE);
	u64 now = base->value;

	assert_int_equal(lapic_write_base(now), 0);
	assert_int_equal(lapic_write_base(now ^ 0x1000), -EPERM);	       /* elsewhere */
	assert_int_equal(lapic_write_base(now & ~ENABLED), -EPERM);	       /* off */
	assert_int_equal(lapic_write_base((now & ~ENABLED) | X2APIC), -EPERM); /* no such state */
	assert_int_equal(lapic_write_base(now & ~BSP), -EPERM);
	assert_int_equal(lapic_write_base(now | BIT(0)), -EPERM); /* reserved */
	assert_int_equal(base->value, now);
	assert_int_equal(lapic_write_base(now | X2APIC), 0);
	assert_int_equal(base->value, now | X2APIC);
	/* From now on commands go by MSR, and the page is dead. */
	msr_set(0x802, SELF);
	msr_set(MSR_X2APIC_ICR, 0);
	assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(FIXED, TO_SELF, 0x41)), 0);
	guest_write(0x300, 4, COMMAND(FIXED, TO_SELF, 0x41));
	assert_int_equal(page_writes, 0);
}

static void base_from_x2apic(void **state)
{
	u64 now = msr_find(MSR_APIC_BASE)->value;

	assert_int_equal(lapic_write_base(now), 0);
	assert_int_equal(lapic_write_base(now & ~X2APIC), -EPERM); /* only by way of disabled */
	assert_int_equal(lapic_write_base(now & ~(X2APIC | ENABLED)), -EPERM);
	assert_int_equal(lapic_write_base(now & ~ENABLED), -EPERM);
	assert_int_equal(msr_find(MSR_APIC_BASE)->value, now);
}

/* Each CPU changes over by itself. */
static void modes_are_each_cpus(void **state)
{
	u64 boot = msr_find(MSR_APIC_BASE)->value, other = boot & ~BSP;

	msr_set(MSR_APIC_BASE, other);
	host_cpu = 1;
	assert_int_equal(lapic_write_base(other | BSP), -EPERM);
	assert_int_equal(lapic_write_base(other & ~ENABLED), -EPERM);
	assert_int_equal(lapic_write_base(other | X2APIC), 0);
	set_x2apic_registers();
	assert_int_equal(lapic_id(), ID_OF(1));
	assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(NMI, DESTINATION, 0) | X2_DEST(SELF)), 0);
	guest_write(0x300, 4, COMMAND(NMI, DESTINATION, 0));
	assert_int_equal(nmis_of(0), 1);
	host_cpu = 0;
	assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(NMI, DESTINATION, 0) | X2_DEST(SELF)), -EPERM);
	/* To the one that changed: its logical ID is made of its ID (6: bit 6), what it wrote before does not count. */
	guest_write(0x310, 4, 0x40000000);
	guest_write(0x300, 4, COMMAND(NMI, DESTINATION, 0) | LOGICAL);
	assert_int_equal(nmis_of(1), 1);
	assert_int_equal(nmis_of(2), 0);
	lapic_send_nmi(ID_OF(1));
	assert_int_equal(command_high, ID_OF(1) << 24);
	host_cpu = 1;
	lapic_send_nmi(SELF);
	assert_true(msr_find(MSR_X2APIC_ICR)->value == (0x4400 | X2_DEST(SELF)));
	host_cpu = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(refused_commands_are_logged_once, x2apic),
		cmocka_unit_test(vector_table_modes),
		cmocka_unit_test(x2apic_space),
		cmocka_unit_test(only_registers_are_writable),
		cmocka_unit_test_setup(x2apic_commands, x2apic),
		cmocka_unit_test_setup(init_and_startup, x2apic),
		cmocka_unit_test_setup(init_of_the_boot_cpu, x2apic),
		cmocka_unit_test_setup(x2apic_reserved_bits, x2apic),
		cmocka_unit_test_setup(x2apic_vector_table, x2apic),
		cmocka_unit_test_setup(nmis_are_requests, x2apic),
		cmocka_unit_test_setup(x2apic_page_is_dead, x2apic),
		cmocka_unit_test_setup(page_is_mapped_without_write, xapic),
		cmocka_unit_test_setup(xapic_commands, xapic),
		cmocka_unit_test_setup(xapic_destination_is_each_cpus, xapic),
		cmocka_unit_test_setup(xapic_logical_ids_are_seen_by_others, xapic),
		cmocka_unit_test_setup(whatever_is_written_to_the_page, xapic),
		cmocka_unit_test_setup(string_moves_onto_the_page, xapic),
		cmocka_unit_test_setup(width_of_ids_stays, xapic),
		cmocka_unit_test_setup(xapic_registers_pass, xapic),
		cmocka_unit_test_setup(odd_writes_are_dropped, xapic),
		cmocka_unit_test_setup(x2apic_registers_need_x2apic_mode, xapic),
		cmocka_unit_test_setup(base_from_xapic, xapic),
		cmocka_unit_test_setup(base_from_x2apic, x2apic),
		cmocka_unit_test_setup(modes_are_each_cpus, xapic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Fairlead itself sends by the local APIC: kicks, between any two writes of the guest's; INIT and start-up at boot; the address of
 * messages (AMD64 APM vol. 2, 16.5; Intel SDM vol. 3A, 11.6.1, 11.11.1 and 11.12.9).
 */
#include "lapic_machine.h"

/* The guest finds its upper half as it left it, whoever kicked whom in between. */
static void kick_between_the_guests_two_writes(void **state)
{
	for (host_cpu = 0; host_cpu < CPUS; host_cpu++) {
		guest_write(0x310, 4, (u64)(0x70 + host_cpu) << 24);
		for (unsigned int to = 0; to < CPUS; to++) {
			pending_reads = pending_after = 3;
			lapic_send_nmi(ID_OF(to));
			assert_false(written_while_pending);
			pending_reads = pending_after = 0;
			assert_int_equal(reg[0x300 / 16], 0x4400); /* NMI, edge, assert, physical, one destination */
			assert_int_equal(command_high, ID_OF(to) << 24);
			assert_int_equal(reg[0x310 / 16], (0x70 + host_cpu) << 24);
		}
		guest_write(0x300, 4, COMMAND(FIXED, DESTINATION, 0x55));
		assert_int_equal(command_high, (0x70 + host_cpu) << 24);
	}
	host_cpu = 0;
	assert_int_equal(nmis_of(0) + nmis_of(1) + nmis_of(2), 0); /* none of them is the guest's */
}

/* A command that stays pending does not stop Fairlead. */
static void never_waits_for_ever(void **state)
{
	pending_reads = ~0u;
	lapic_send_nmi(ID_OF(1));
	assert_int_equal(command_high, ID_OF(1) << 24);
}

static void x2apic_kicks(void **state)
{
	for (host_cpu = 0; host_cpu < CPUS; host_cpu++) {
		lapic_send_nmi(0x12345678);
		assert_true(msr_find(MSR_X2APIC_ICR)->value == (0x4400 | X2_DEST(0x12345678)));
	}
	host_cpu = 0;
	assert_int_equal(msr_find(MSR_X2APIC_ICR)->writes, CPUS);
}

/* 16.5: INIT 0x4500, start-up 0x46vv, all excluding self in bits 19:18. */
static void wakes_and_parks(void **state)
{
	assert_true(lapic_send_init(0xfe));
	assert_int_equal(reg[0x300 / 16], 0x4500);
	assert_int_equal(command_high, 0xfe000000);
	assert_true(lapic_send_startup(0xfe, 0x9a));
	assert_int_equal(reg[0x300 / 16], 0x469a);
	page_writes = 0;
	assert_false(lapic_send_init(0xff)); /* everybody */
	assert_false(lapic_send_startup(0xff, 0));
	assert_false(lapic_send_init(0x100)); /* not CPU 0 */
	assert_false(lapic_send_startup(0x105, 0));
	assert_int_equal(page_writes, 0);
	lapic_park_other_cpus();
	assert_int_equal(reg[0x300 / 16], 0xc4500);
}

static void x2apic_wakes_and_parks(void **state)
{
	struct fake_msr *icr = msr_find(MSR_X2APIC_ICR);

	assert_true(lapic_send_init(0x1ff));
	assert_true(icr->value == (0x4500 | X2_DEST(0x1ff)));
	assert_true(lapic_send_startup(0x1ff, 0x9a));
	assert_true(icr->value == (0x469a | X2_DEST(0x1ff)));
	lapic_park_other_cpus();
	assert_int_equal(icr->value, 0xc4500);
}

/* SDM vol. 3A, 11.11.1: destination in bits 19:12. Always the boot CPU's. */
static void messages_go_to_the_boot_cpu(void **state)
{
	host_cpu = 2;
	assert_int_equal(lapic_message_address(), 0xfee00000 | SELF << 12);
	assert_int_equal(lapic_id(), ID_OF(2));
	host_cpu = 0;
	assert_int_equal(lapic_message_address(), 0xfee00000 | SELF << 12);
}

static void messages_have_8_bits(void **state)
{
	msr_set(0x802, 0xff);
	assert_int_equal(lapic_init(APIC_PAGE), 0);
	assert_int_equal(lapic_message_address(), 0xfee00000 | 0xff << 12);
	msr_set(0x802, 0x105);
	assert_int_equal(lapic_init(APIC_PAGE), 0);
	assert_int_equal(lapic_message_address(), 0);
}

static void who_may_send_nmis(void **state)
{
	host_cpu = 1;
	assert_false(lapic_lint1_sends_nmi());
	reg[0x360 / 16] = 0x400;
	assert_true(lapic_lint1_sends_nmi());
	assert_false(lapic_counters_send_nmi());
	reg[0x340 / 16] = 0x400 | MASKED;
	assert_false(lapic_counters_send_nmi());
	reg[0x340 / 16] = 0x400;
	assert_true(lapic_counters_send_nmi());
	host_cpu = 0;
	assert_false(lapic_lint1_sends_nmi());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(kick_between_the_guests_two_writes, xapic),
		cmocka_unit_test_setup(never_waits_for_ever, xapic),
		cmocka_unit_test_setup(x2apic_kicks, x2apic),
		cmocka_unit_test_setup(wakes_and_parks, xapic),
		cmocka_unit_test_setup(x2apic_wakes_and_parks, x2apic),
		cmocka_unit_test_setup(messages_go_to_the_boot_cpu, xapic),
		cmocka_unit_test_setup(messages_have_8_bits, x2apic),
		cmocka_unit_test_setup(who_may_send_nmis, xapic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

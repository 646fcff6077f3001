/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NMIs with several CPUs: each CPU has its own sources and debts; what the guest's CPUs send each other arrives once, as often as
 * hardware would deliver it. Expectations: AMD64 APM vol. 2, 8.5.1 (one is handled, one waits behind it), 13.2 (counters), 14.1.3
 * (the state after INIT); ACPI 6.4, 5.2.12.7 (which CPUs' LINT1 the chipset's NMI comes by).
 */
#include "tests/unit/nmi_machine.h"

static void on(unsigned int cpu)
{
	host_cpu = cpu;
}

/* The kick's NMI, on that CPU; the test goes on there. */
static void kick_arrives(unsigned int cpu)
{
	on(cpu);
	nmi();
}

/* What comes next is nobody's of ours: nothing is owed. */
static void next_is_the_guests(void)
{
	nmi();
	assert_true(entered());
	run_iret();
	assert_false(entered());
}

/* ---- each CPU its own ------------------------------------------------------------------------------------------- */

static void a_kick_goes_to_that_cpus_id(void **state)
{
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		on((cpu + 1) % CPUS);
		arch_cpu_kick(cpu);
		assert_int_equal(nmis_sent, cpu + 1);
		assert_int_equal(sent_to, APIC_ID_OF(cpu));
	}
	arch_cpu_kick(2); /* on its way */
	assert_int_equal(nmis_sent, CPUS);
	kick_arrives(2);
	arch_cpu_kick(2);
	arch_cpu_kick(3);
	assert_int_equal(nmis_sent, CPUS + 1);
}

static void a_kick_explains_nothing_elsewhere(void **state)
{
	arch_cpu_kick(2);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		on(cpu);
		if (cpu != 2)
			next_is_the_guests();
	}
	kick_arrives(2);
	assert_false(entered());
	next_is_the_guests();
}

/* Their messages go to the boot CPU: elsewhere they explain nothing, and stay to be found there. */
static void faults_and_the_timer_are_the_boot_cpus(void **state)
{
	units[0].fault = true;
	timer_has_fired = true;
	for (unsigned int cpu = 1; cpu < CPUS; cpu++) {
		on(cpu);
		next_is_the_guests();
		assert_int_equal(units[0].drained, 0);
		assert_true(timer_has_fired);
	}
	on(0);
	for (unsigned int i = 0; i < 3; i++) { /* the fault, one behind it, the timer */
		nmi();
		assert_false(entered());
	}
	assert_int_equal(units[0].drained, 1);
	next_is_the_guests();
}

static void debts_are_a_cpus_own(void **state)
{
	nmi_expect();
	nmi_entry(true);
	on(1);
	nmi_entry(true);
	next_is_the_guests();
	on(0);
	nmi();
	assert_false(entered());
	next_is_the_guests();
}

/* An entry of one CPU disproves nothing of another's. */
static void proofs_are_a_cpus_own(void **state)
{
	nmi_expect();
	nmi_entry(true);
	on(1);
	nmi_entry(true);
	now += 2000;
	other_exit();
	other_exit();
	on(0);
	nmi();
	assert_false(entered());
}

static void an_nmi_is_taken_by_the_cpu_it_came_to(void **state)
{
	nmi_arrived[1] = true;
	nmi_handle(&v);
	assert_false(entered());
	assert_true(nmi_arrived[1]);
	on(1);
	nmi_handle(&v);
	assert_false(nmi_arrived[1]);
	assert_true(entered());
}

static void only_the_boot_cpu_expects_messages(void **state)
{
	on(1);
	assert_true(PANICS(nmi_expect()));
}

/* ---- who takes faults out ----------------------------------------------------------------------------------------- */

/*
 * A timer asks for another look, on whichever CPU it expires. Taken out there, the message of a new fault would find nothing on the
 * boot CPU, and be taken for the guest's.
 */
static void faults_are_taken_out_by_the_boot_cpu(void **state)
{
	units[0].fault = true;
	units[0].waiting = 1;
	nmi();
	assert_int_equal(units[0].drained, 1);
	nmis_sent = 0;
	on(3);
	now += 1001;
	exit_tail();
	assert_int_equal(units[0].drained, 1);
	assert_int_equal(nmis_sent, 1);
	assert_int_equal(sent_to, APIC_ID_OF(0));
	kick_arrives(0);
	assert_int_equal(units[0].drained, 2);
	assert_false(entered());
}

/* One that comes while faults are taken out without an NMI is taken out, too; its message follows. */
static void a_fault_during_a_look_by_timer(void **state)
{
	units[0].fault = true;
	units[0].waiting = 1;
	nmi();
	now += SECOND + 1;
	other_exit(); /* the timer's look, and any debt from before is void */
	assert_int_equal(units[0].drained, 2);
	nmi();
	assert_false(entered());
	next_is_the_guests();
}

/* ---- the guest's own, from CPU to CPU ------------------------------------------------------------------------------- */

static void one_from_another_cpu(void **state)
{
	vcpu_request_nmi(2);
	assert_int_equal(nmis_sent, 1);
	assert_int_equal(sent_to, APIC_ID_OF(2));
	assert_false(entered()); /* not here */
	kick_arrives(2);
	assert_true(entered());
	run_iret();
	assert_false(entered());
	next_is_the_guests(); /* nothing is owed: the kick has come */
}

static void one_to_itself_needs_no_kick(void **state)
{
	on(1);
	vcpu_request_nmi(1);
	assert_int_equal(nmis_sent, 0);
	other_exit();
	assert_true(entered());
	run_iret();
	assert_false(entered());
}

/* Found at an exit for something else: the kick that comes with it is still ours. */
static void found_before_its_kick(void **state)
{
	vcpu_request_nmi(1);
	on(1);
	other_exit();
	assert_true(entered());
	nmi(); /* the kick, into the handler */
	run_iret();
	assert_false(entered());
	next_is_the_guests();
}

static void merged_with_a_kick(void **state)
{
	arch_cpu_kick(1); /* somebody's work */
	vcpu_request_nmi(1);
	assert_int_equal(nmis_sent, 1);
	kick_arrives(1);
	assert_true(entered());
	run_iret();
	next_is_the_guests();
}

/* The mark is there, its kick merged with one that has just been taken note of. */
static void marked_while_a_kick_is_handled(void **state)
{
	on(1);
	arch_cpu_kick(1);
	nmi_arrived[1] = true;
	nmi_handle(&v);
	vcpu_request_nmi(1); /* by whomever */
	exit_tail();
	assert_true(entered());
}

static void two_are_two_and_more_are_not(void **state)
{
	for (unsigned int sent = 1; sent <= 5; sent++) {
		setup(NULL);
		for (unsigned int i = 0; i < sent; i++)
			vcpu_request_nmi(1);
		kick_arrives(1);
		assert_true(entered());
		run_iret();
		if (sent > 1) {
			assert_true(entered());
			run_iret();
		}
		assert_false(entered());
	}
}

/* While the handler runs one waits, however many come, and however Fairlead learns of them. */
static void one_waits_behind_the_handler(void **state)
{
	vcpu_request_nmi(1);
	kick_arrives(1);
	assert_true(entered());
	for (unsigned int i = 0; i < 6; i++) {
		vcpu_request_nmi(1);
		if (i % 2)
			assert_false(entered());
	}
	run_iret();
	assert_true(entered());
	run_iret();
	assert_false(entered());
}

/* Those that nobody has looked at when the handler ends came before its end. */
static void not_yet_seen_at_the_handlers_end(void **state)
{
	vcpu_request_nmi(1);
	kick_arrives(1);
	assert_true(entered());
	vcpu_request_nmi(1);
	vcpu_request_nmi(1);
	v.rip = HANDLER_IRET;
	nmi_iret(&v);
	v.rip = PROGRAM;
	assert_true(entered());
	run_iret();
	assert_false(entered());
}

/* Behind two that wait a third is one too many, wherever they come from. */
static void marks_saturate_with_the_others(void **state)
{
	on(1);
	nmi();
	nmi();
	vcpu_request_nmi(1);
	assert_true(entered());
	run_iret();
	assert_true(entered());
	run_iret();
	assert_false(entered());
}

static void delivered_while_one_is_owed(void **state)
{
	nmi_expect();
	nmi_entry(true);
	vcpu_request_nmi(0);
	other_exit();
	assert_true(entered());
	run_iret();
	nmi();
	assert_false(entered());
	next_is_the_guests();
}

/* ---- the chipset's -------------------------------------------------------------------------------------------------- */

/* Each of the CPUs that listen gets the line's NMI, and no other asks. */
static void the_chipsets_comes_by_lint1(void **state)
{
	lint1_is_nmi[0] = false;
	lint1_is_nmi[1] = lint1_is_nmi[2] = true;
	fake_port[0x61] = SERR;
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		bool listens = cpu == 1 || cpu == 2;

		arch_cpu_kick(cpu);
		kick_arrives(cpu);
		assert_int_equal(entered(), listens);
	}
}

/* ---- its performance counters --------------------------------------------------------------------------------------- */

static void an_overflow_is_delivered_while_one_is_owed(void **state)
{
	nmi_expect();
	nmi_entry(true);
	overflowed[0] = true;
	nmi();
	assert_true(entered());
	overflowed[0] = false; /* the handler has set it anew */
	run_iret();
	nmi();
	assert_false(entered());
	next_is_the_guests();
}

static void an_overflow_merged_with_a_kick(void **state)
{
	arch_cpu_kick(1);
	overflowed[1] = true;
	kick_arrives(1);
	assert_true(entered());
	overflowed[1] = false;
	run_iret();
	nmi(); /* if they were two: the kick's */
	assert_false(entered());
	next_is_the_guests();
}

/* Its handler may be at work on just that overflow. */
static void kicks_during_the_counters_handler(void **state)
{
	overflowed[1] = true;
	on(1);
	nmi();
	assert_true(entered());
	for (unsigned int i = 0; i < 3; i++) {
		arch_cpu_kick(1);
		nmi();
		assert_false(entered());
	}
	overflowed[1] = false;
	run_iret();
	assert_false(entered());
	assert_int_equal(v.nmi_waiting, 0);
}

static void a_kick_while_the_counters_nmi_waits(void **state)
{
	overflowed[1] = true;
	on(1);
	nmi();
	arch_cpu_kick(1);
	nmi();
	assert_true(entered());
	overflowed[1] = false;
	run_iret();
	assert_false(entered());
}

/* It comes into another handler, merged with a kick, and must not be lost: the counter would never be set anew. */
static void an_overflow_in_another_handler(void **state)
{
	vcpu_request_nmi(1);
	kick_arrives(1);
	assert_true(entered());
	overflowed[1] = true;
	arch_cpu_kick(1);
	nmi();
	assert_false(entered());
	run_iret();
	assert_true(entered());
	overflowed[1] = false;
	run_iret();
	assert_false(entered());
}

/* The same, and another that waits as well is delivered first: only then is it asked whether the counter still waits. */
static void an_overflow_behind_another(void **state)
{
	for (unsigned int found_by_the_other = 0; found_by_the_other < 2; found_by_the_other++) {
		setup(NULL);
		vcpu_request_nmi(1);
		kick_arrives(1);
		assert_true(entered());
		overflowed[1] = true;
		arch_cpu_kick(1);
		nmi();
		vcpu_request_nmi(1);
		run_iret();
		assert_true(entered());
		overflowed[1] = !found_by_the_other;
		run_iret();
		assert_int_equal(entered(), !found_by_the_other);
	}
}

/* Without a visit in between there is nothing to ask for. */
static void the_counters_are_not_asked_for_nothing(void **state)
{
	vcpu_request_nmi(1);
	kick_arrives(1);
	assert_true(entered());
	overflowed[1] = true; /* its NMI is on its way */
	run_iret();
	assert_false(entered());
	nmi();
	assert_true(entered());
}

/* One look, not one at every later exit: from then on an overflow has its own NMI again. */
static void the_counters_are_asked_once(void **state)
{
	an_overflow_in_another_handler(state);
	overflowed[1] = true; /* its NMI is on its way */
	other_exit();
	assert_false(entered());
	nmi();
	assert_true(entered());
}

static void counters_are_a_cpus_own(void **state)
{
	overflowed[2] = true;
	arch_cpu_kick(1);
	kick_arrives(1);
	assert_false(entered());
}

/* ---- a CPU that waits for the guest's SIPI --------------------------------------------------------------------------- */

static void wakes(unsigned int cpu)
{
	on(cpu);
	nmi_arrived[cpu] = true;
	nmi_while_waiting();
	assert_false(nmi_arrived[cpu]);
}

static void nobodys_while_it_waits(void **state)
{
	wakes(1);
	wakes(1);
	assert_int_equal(v.nmi_waiting, 0);
	nmi_entry(true);
	assert_false(entered());
	next_is_the_guests();
}

static void kicks_while_it_waits(void **state)
{
	for (unsigned int i = 1; i <= 3; i++) {
		on(0);
		arch_cpu_kick(1);
		assert_int_equal(nmis_sent, i); /* the one before was seen */
		wakes(1);
	}
	nmi_entry(true);
	next_is_the_guests();
}

/* A look without an NMI takes note of nothing: the kick is still on its way. */
static void a_look_before_the_kick(void **state)
{
	on(1);
	arch_cpu_kick(1);
	nmi_while_waiting();
	arch_cpu_kick(1);
	assert_int_equal(nmis_sent, 1);
	wakes(1);
	nmi_entry(true);
	next_is_the_guests();
}

/* Sent between INIT and SIPI, or behind both: for the CPU as it is then. */
static void marked_while_it_waits(void **state)
{
	vcpu_request_init(1);
	vcpu_request_nmi(1);
	wakes(1);
	assert_true(vcpu_take_requests().init);
	nmi_reset(&v);
	assert_true(entered());
}

static void init_ends_the_handler(void **state)
{
	on(1);
	nmi();
	assert_true(entered());
	nmi();
	nmi_reset(&v);
	assert_false(v.nmi_blocked);
	assert_int_equal(v.nmi_waiting, 0);
	assert_false(entered());
	next_is_the_guests();
}

static void init_at_the_handlers_iret(void **state)
{
	on(1);
	nmi();
	assert_true(entered());
	reach_iret(HANDLER_IRET);
	nmi_reset(&v);
	v.rip = HANDLER_IRET; /* where the guest's SIPI may start it */
	nmi();
	assert_true(entered());
}

/* What a visit of the old life has left to ask for is nothing to the new one. */
static void init_forgets_the_counters(void **state)
{
	on(1);
	vcpu_request_nmi(1);
	other_exit();
	assert_true(entered());
	arch_cpu_kick(1);
	nmi();
	nmi_reset(&v);
	overflowed[1] = true; /* its NMI is on its way */
	assert_false(entered());
}

/* The reset of the local APIC has swallowed it: the next one is sent all the same. */
static void a_kick_that_init_has_swallowed(void **state)
{
	on(1);
	arch_cpu_kick(1);
	nmi_reset(&v);
	arch_cpu_kick(1);
	assert_int_equal(nmis_sent, 2);
	wakes(1);
	/* What is owed for the lost one is void once an entry has shown that it does not come. */
	nmi_entry(true);
	now += 1001;
	other_exit();
	other_exit();
	next_is_the_guests();
}

/* It has not: it is still ours. */
static void a_kick_that_init_has_not_swallowed(void **state)
{
	on(1);
	arch_cpu_kick(1);
	nmi_reset(&v);
	nmi_entry(true);
	nmi();
	assert_false(entered());
	next_is_the_guests();
}

static void init_without_a_kick_owes_nothing(void **state)
{
	on(1);
	nmi_reset(&v);
	nmi_entry(true);
	next_is_the_guests();
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_kick_goes_to_that_cpus_id),
		TEST(a_kick_explains_nothing_elsewhere),
		TEST(faults_and_the_timer_are_the_boot_cpus),
		TEST(debts_are_a_cpus_own),
		TEST(proofs_are_a_cpus_own),
		TEST(an_nmi_is_taken_by_the_cpu_it_came_to),
		TEST(only_the_boot_cpu_expects_messages),
		TEST(faults_are_taken_out_by_the_boot_cpu),
		TEST(a_fault_during_a_look_by_timer),
		TEST(one_from_another_cpu),
		TEST(one_to_itself_needs_no_kick),
		TEST(found_before_its_kick),
		TEST(merged_with_a_kick),
		TEST(marked_while_a_kick_is_handled),
		TEST(two_are_two_and_more_are_not),
		TEST(one_waits_behind_the_handler),
		TEST(not_yet_seen_at_the_handlers_end),
		TEST(marks_saturate_with_the_others),
		TEST(delivered_while_one_is_owed),
		TEST(the_chipsets_comes_by_lint1),
		TEST(an_overflow_is_delivered_while_one_is_owed),
		TEST(an_overflow_merged_with_a_kick),
		TEST(kicks_during_the_counters_handler),
		TEST(a_kick_while_the_counters_nmi_waits),
		TEST(an_overflow_in_another_handler),
		TEST(an_overflow_behind_another),
		TEST(the_counters_are_not_asked_for_nothing),
		TEST(the_counters_are_asked_once),
		TEST(counters_are_a_cpus_own),
		TEST(nobodys_while_it_waits),
		TEST(kicks_while_it_waits),
		TEST(a_look_before_the_kick),
		TEST(marked_while_it_waits),
		TEST(init_ends_the_handler),
		TEST(init_at_the_handlers_iret),
		TEST(init_forgets_the_counters),
		TEST(a_kick_that_init_has_swallowed),
		TEST(a_kick_that_init_has_not_swallowed),
		TEST(init_without_a_kick_owes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

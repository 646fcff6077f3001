/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NMIs of Fairlead's own that come late, together, or not at all: which later ones they excuse, and for how long.
 */
#include "tests/unit/nmi_machine.h"

/* ---- the timer, kicks, and what is on its way ------------------------------------------------------- */

/* What only one source explains, and was no other's, is one NMI: the next one is the guest's. */
static void the_timers_is_ours(void **state)
{
	timer_has_fired = true;
	nmi();
	assert_false(entered());
	nmi();
	assert_true(entered());
}

static void a_kick_is_ours(void **state)
{
	nmi_init(); /* which CPU a kick goes to */
	arch_cpu_kick(0);
	assert_int_equal(nmis_sent, 1);
	assert_int_equal(sent_to, 1);
	nmi();
	assert_false(entered());
	nmi();
	assert_true(entered());
}

/* Two would be two NMIs, and the first visit would take the explanation of both. */
static void kicks_on_their_way_are_one(void **state)
{
	arch_cpu_kick(0);
	arch_cpu_kick(0);
	assert_int_equal(nmis_sent, 1);
	nmi();
	arch_cpu_kick(0);
	assert_int_equal(nmis_sent, 2);
	nmi();
	assert_false(entered());
}

/* Several sources found at once: their NMIs may have merged, or follow one by one. */
static void two_sources_are_two_visits_or_one(void **state)
{
	for (unsigned int merged = 0; merged < 2; merged++) {
		setup(NULL);
		timer_has_fired = true;
		arch_cpu_kick(0);
		nmi();
		assert_false(entered());
		if (!merged) {
			nmi();
			assert_false(entered());
		} else {
			now += SECOND + 1; /* what has not come by then had merged */
		}
		nmi();
		assert_true(entered());
	}
}

static void all_sources_at_once(void **state)
{
	units[0].fault = true;
	timer_has_fired = true;
	arch_cpu_kick(0);
	for (unsigned int i = 0; i < 4; i++) { /* two faults, the timer, the kick */
		nmi();
		assert_false(entered());
	}
	nmi();
	assert_true(entered());
}

/* All arrive as one NMI: each is served by that visit, whatever comes later. */
static void of_all_at_once_none_is_lost(void **state)
{
	nmi_init();
	units[0].fault = units[1].fault = true;
	timer_has_fired = true;
	arch_cpu_kick(0);
	nmi();
	assert_int_equal(units[0].drained, 1);
	assert_int_equal(units[1].drained, 1);
	assert_false(timer_has_fired); /* asked, and has posted its work */
	assert_int_equal(nmis_sent, 1);
	arch_cpu_kick(0); /* the one before was seen: another is sent */
	assert_int_equal(nmis_sent, 2);
	assert_false(entered());
}

/* They arrive one by one, each while the one before is handled, in every order. */
static void of_one_after_the_other_none_is_lost(void **state)
{
	for (unsigned int order = 0; order < 27; order++) {
		unsigned int faults = 0, kicks = 0;

		setup(NULL);
		nmi_init();
		for (unsigned int i = 0, left = order; i < 3; i++, left /= 3) {
			if (left % 3 == 0) {
				units[0].fault = true;
				faults++;
			} else if (left % 3 == 1) {
				timer_has_fired = true;

			} else {
				arch_cpu_kick(0);
				kicks++;
			}
			nmi();
			assert_false(entered());
			assert_false(timer_has_fired);
			assert_int_equal(units[0].drained, faults);
			assert_int_equal(nmis_sent, kicks);
		}
	}
}

/* Taken at boot, where no visit looks: what sends no other NMI is looked for. */
static void what_boot_has_taken_is_looked_for(void **state)
{
	units[1].fault = true;
	nmi_look();
	exit_tail();
	assert_int_equal(units[1].drained, 1);
	nmi_look();
	exit_tail();
	assert_int_equal(units[1].drained, 1);
}

/* The guest's came first, and ours is on its way: as many reach the guest as were sent to it. */
static void ours_on_its_way_behind_the_guests(void **state)
{
	fake_port[0x61] = SERR;
	arch_cpu_kick(0);
	nmi();
	fake_port[0x61] = TIMER_AND_REFRESH;
	assert_true(entered());
	run_iret();
	nmi(); /* the kick's */
	assert_false(entered());
	nmi();
	assert_true(entered());
}

static void announced_by_the_timer(void **state)
{
	nmi_expect();
	nmi_entry(true);
	now += 100;
	nmi();
	assert_false(entered());
	nmi();
	assert_true(entered());
}

/* The CPU may have stood still, below a hypervisor: it was entered, and nothing else has happened. */
static void a_late_one_is_excused(void **state)
{
	static const u64 late[] = { 1001, 50000, SECOND };

	for (unsigned int i = 0; i < ARRAY_SIZE(late); i++) {
		setup(NULL);
		nmi_expect();
		now += SECOND; /* inside Fairlead: it is held */
		nmi_entry(true);
		now += late[i];
		nmi();
		assert_false(entered());
		nmi();
		assert_true(entered());
	}
}

static void one_that_never_comes_is_forgotten(void **state)
{
	nmi_expect();
	nmi_entry(true);
	now += SECOND + 1;
	nmi();
	assert_true(entered());
}

/* What had arrived would have ended the entry: a debt is disproved by one that something else ends. */
static void an_entry_without_it_disproves_it(void **state)
{
	nmi_expect();
	now += SECOND;
	nmi_entry(true);
	now += 1001;
	nmi_entry(true); /* after the first, maybe before it arrived; from here on it cannot hide */
	other_exit();
	nmi();
	assert_true(entered());
}

static void an_early_entry_disproves_nothing(void **state)
{
	nmi_expect();
	now += SECOND;
	nmi_entry(true);
	now += 500;
	other_exit();
	now += 499;
	other_exit();
	now += 50000;
	nmi();
	assert_false(entered());
}

/* An event comes first, or the guest is in its handler: its exit is no proof. */
static void an_entry_that_holds_nmis_disproves_nothing(void **state)
{
	nmi_expect();
	nmi_entry(true);
	now += 2000;
	for (unsigned int i = 0; i < 5; i++) {
		exit_tail();
		nmi_entry(false);
	}
	nmi();
	assert_false(entered());
}

/* The exit is an NMI's, but it has not been taken yet. */
static void an_exit_by_an_nmi_disproves_nothing(void **state)
{
	nmi_expect();
	nmi_entry(true);
	now += 2000;
	other_exit();
	nmi_handle(&v);
	other_exit();
	nmi();
	assert_false(entered());
	nmi();
	assert_true(entered());
}

/* A new debt is not disproved with an old one. */
static void each_debt_has_its_time(void **state)
{
	nmi_expect();
	nmi_entry(true);
	now += 2000;
	other_exit();
	nmi_expect();
	other_exit();
	now += 500;
	other_exit();
	nmi();
	assert_false(entered());
	nmi();
	assert_true(entered());
}

/* An idle guest exits for the timer's NMIs only. */
static void an_old_debt_does_not_outlive_our_own_nmis(void **state)
{
	nmi_expect();
	nmi_entry(true);
	for (unsigned int i = 0; i < 2; i++) {
		now += 100000;
		timer_has_fired = true;
		nmi();
		assert_false(entered());
	}
	nmi();
	assert_true(entered());
}

/* The timer fires while the visit that was owed is at work: its message follows. */
static void one_owed_and_one_found_are_two(void **state)
{
	nmi_expect();
	nmi_entry(true);
	timer_has_fired = true;
	nmi();
	assert_false(entered());
	nmi();
	assert_false(entered());
	nmi();
	assert_true(entered());
}

/* All that had arrived at that entry were one. */
static void what_waited_together_was_one(void **state)
{
	nmi_expect();
	nmi_expect();
	nmi_entry(true);
	now += 2000;
	other_exit();
	nmi();
	assert_false(entered());
	nmi();
	assert_true(entered());
}

static void old_debts_do_not_add_up(void **state)
{
	for (unsigned int i = 0; i < 3; i++) {
		nmi_expect();
		nmi_entry(true);
		now += SECOND + 1;
	}
	nmi_expect();
	nmi_entry(true);
	nmi();
	assert_false(entered());
	nmi();
	assert_true(entered());
}

/* Two messages of the IOMMUs', the timer's, a kick: not more than four are excused. */
static void four_are_excused(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		nmi();
		assert_false(entered());
	}
	nmi();
	assert_true(entered());
	run_iret();
}

static void debts_are_bounded(void **state)
{
	for (unsigned int i = 0; i < 50; i++)
		nmi_expect();
	nmi_entry(true);
	four_are_excused();
	for (unsigned int i = 0; i < 10; i++) {
		units[0].fault = true;
		timer_has_fired = true;
		arch_cpu_kick(0);
		nmi();
		assert_false(entered());
	}
	four_are_excused();
}

/* A unit sends nothing for a fault that comes while others wait: it must be found all the same. */
static void faults_during_the_drain_are_not_lost(void **state)
{
	units[0].fault = true;
	units[0].waiting = 2;
	nmi();
	assert_int_equal(units[0].drained, 1); /* and the guest runs on: a storm must not hold it */
	assert_int_equal(nmis_sent, 0);
	for (unsigned int drained = 2; drained <= 3; drained++) {
		now += 1001;
		exit_tail();
		assert_int_equal(units[0].drained, drained);
	}
	now += SECOND;
	exit_tail();
	assert_int_equal(units[0].drained, 3);
}

static void two_units_at_once(void **state)
{
	units[0].fault = units[1].fault = true;
	nmi();
	assert_int_equal(units[0].drained, 1);
	assert_int_equal(units[1].drained, 1);
	nmi();
	assert_false(entered());
}

static void an_id_that_no_message_names(void **state)
{
	message_address = 0;
	nmi_init();
	assert_int_equal(units[0].address, 0); /* masked */
	assert_non_null(strstr(last_line, "APIC ID 1 "));
	message_address = MESSAGE_ADDRESS;
	nmi_init();
}

/* ---- an idle boot CPU: nothing but Fairlead's timer ends an entry ------------------------------------ */

#define STEP_MAX_US 2000u

/* The comparator is reached, and its message ends the entry. */
static void timer_step(void)
{
	assert_true(armed_at > now && armed_at - now <= STEP_MAX_US);
	now = armed_at;
	timer_has_fired = true;
	nmi();
	assert_false(entered());
}

/* The next is the guest's, and no timer is left. */
static void nothing_is_owed(void)
{
	assert_true(armed_at == NEVER);
	nmi();
	assert_true(entered());
}

static void two_steps_disprove_a_debt(void **state)
{
	nmi_expect();
	nmi_entry(true);
	timer_step();
	timer_step();
	nothing_is_owed();
}

/* As it comes about with several CPUs: a kick is found together with the timer. */
static void two_steps_disprove_what_had_merged(void **state)
{
	timer_has_fired = true;
	arch_cpu_kick(0);
	nmi();
	timer_step();
	timer_step();
	nothing_is_owed();
}

static void a_step_alone_disproves_nothing(void **state)
{
	nmi_expect();
	nmi_entry(true);
	timer_step();
	now += 100;
	nmi();
	assert_false(entered());
	nmi();
	assert_true(entered());
}

/* The debt is paid: the step that was asked for comes, and is the last. */
static void a_paid_debt_has_one_step(void **state)
{
	nmi_expect();
	nmi_entry(true);
	nmi();
	assert_false(entered());
	timer_step();
	nothing_is_owed();
	assert_int_equal(times_armed, 1);
}

/* Its exits have disproved it before. */
static void a_busy_guests_debt_has_one_step(void **state)
{
	nmi_expect();
	nmi_entry(true);
	for (unsigned int i = 0; i < 10; i++) {
		now += 350;
		other_exit();
	}
	assert_int_equal(times_armed, 1);
	nothing_is_owed();
}

static void without_a_debt_the_timer_is_left_alone(void **state)
{
	for (unsigned int i = 0; i < 10; i++) {
		now += 1000;
		arch_cpu_kick(0);
		nmi();
		timer_has_fired = true;
		nmi();
		other_exit();
	}
	assert_int_equal(times_armed, 0);
	assert_int_equal(nmis_sent, 10);
}

static void many_debts_have_one_timer(void **state)
{
	for (unsigned int i = 0; i < 50; i++) {
		nmi_expect();
		nmi_entry(true);
		other_exit();
	}
	assert_int_equal(times_armed, 1);
	timer_step();
	timer_step();
	nothing_is_owed();
}

/* An event comes first, or the guest is in its handler: the next step asks again. */
static void steps_go_on_until_it_is_disproved(void **state)
{
	nmi_expect();
	nmi_entry(true);
	for (unsigned int i = 0; i < 5; i++) {
		assert_true(armed_at - now <= STEP_MAX_US);
		now = armed_at;
		timer_has_fired = true;
		nmi_arrived[0] = true;
		nmi_handle(&v);
		exit_tail();
		nmi_entry(false);
	}
	timer_step();
	timer_step();
	nothing_is_owed();
}

/* Another CPU's exit may be the first to find it expired; the message comes here all the same. */
static void a_step_that_expires_elsewhere(void **state)
{
	nmi_expect();
	nmi_entry(true);
	now = armed_at;
	host_cpu = 3;
	other_exit();
	host_cpu = 0;
	timer_has_fired = true;
	nmi();
	timer_step();
	nothing_is_owed();
}

/* It comes before its time by our clock. */
static void a_message_that_is_early(void **state)
{
	nmi_expect();
	nmi_entry(true);
	now = armed_at - 200;
	timer_has_fired = true;
	nmi();
	assert_int_equal(times_armed, 1);
	timer_step();
	timer_step();
	nothing_is_owed();
}

static struct work left_by_arming;

static void no_work(struct work *w)
{
}

static void leave_work(void)
{
	on_arming = NULL;
	(void)work_post(&left_by_arming);
}

/* Behind the tail: nobody would run it before the guest's next exit. */
static void work_that_setting_leaves(void **state)
{
	work_init(&left_by_arming, no_work);
	nmi_expect();
	on_arming = leave_work;
	nmi_entry(true);
	assert_true(work_pending());
	assert_int_equal(nmis_sent, 1);
	assert_int_equal(sent_to, APIC_ID_OF(0));
	nmi();
	assert_false(work_pending());
	assert_false(entered());
	timer_step();
	timer_step();
	nothing_is_owed();
	assert_int_equal(nmis_sent, 1);
}

static void announce(void)
{
	on_arming = NULL;
	nmi_expect();
}

/* The comparator had been reached when it was set anew: both are still to come. */
static void setting_announces_another(void **state)
{
	nmi_expect();
	nmi_entry(true);
	now += 5000;
	exit_tail();
	on_arming = announce;
	nmi_entry(true);
	for (unsigned int i = 0; i < 2; i++) {
		nmi();
		assert_false(entered());
	}
	nmi();
	assert_true(entered());
}

/* The timer's NMI would not come there. */
static void other_cpus_set_no_timer(void **state)
{
	host_cpu = 2;
	arch_cpu_kick(2);
	nmi_reset(&v);
	nmi_entry(true);
	assert_int_equal(times_armed, 0);
	assert_int_equal(nmis_sent, 1);
	nmi();
	assert_false(entered());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_timers_is_ours, setup),
		cmocka_unit_test_setup(a_kick_is_ours, setup),
		cmocka_unit_test_setup(kicks_on_their_way_are_one, setup),
		cmocka_unit_test_setup(two_sources_are_two_visits_or_one, setup),
		cmocka_unit_test_setup(all_sources_at_once, setup),
		cmocka_unit_test_setup(of_all_at_once_none_is_lost, setup),
		cmocka_unit_test_setup(of_one_after_the_other_none_is_lost, setup),
		cmocka_unit_test_setup(what_boot_has_taken_is_looked_for, setup),
		cmocka_unit_test_setup(ours_on_its_way_behind_the_guests, setup),
		cmocka_unit_test_setup(announced_by_the_timer, setup),
		cmocka_unit_test_setup(a_late_one_is_excused, setup),
		cmocka_unit_test_setup(one_that_never_comes_is_forgotten, setup),
		cmocka_unit_test_setup(an_entry_without_it_disproves_it, setup),
		cmocka_unit_test_setup(an_early_entry_disproves_nothing, setup),
		cmocka_unit_test_setup(an_entry_that_holds_nmis_disproves_nothing, setup),
		cmocka_unit_test_setup(an_exit_by_an_nmi_disproves_nothing, setup),
		cmocka_unit_test_setup(each_debt_has_its_time, setup),
		cmocka_unit_test_setup(an_old_debt_does_not_outlive_our_own_nmis, setup),
		cmocka_unit_test_setup(one_owed_and_one_found_are_two, setup),
		cmocka_unit_test_setup(what_waited_together_was_one, setup),
		cmocka_unit_test_setup(old_debts_do_not_add_up, setup),
		cmocka_unit_test_setup(debts_are_bounded, setup),
		cmocka_unit_test_setup(faults_during_the_drain_are_not_lost, setup),
		cmocka_unit_test_setup(two_units_at_once, setup),
		cmocka_unit_test_setup(an_id_that_no_message_names, setup),
		cmocka_unit_test_setup(two_steps_disprove_a_debt, setup),
		cmocka_unit_test_setup(two_steps_disprove_what_had_merged, setup),
		cmocka_unit_test_setup(a_step_alone_disproves_nothing, setup),
		cmocka_unit_test_setup(a_paid_debt_has_one_step, setup),
		cmocka_unit_test_setup(a_busy_guests_debt_has_one_step, setup),
		cmocka_unit_test_setup(without_a_debt_the_timer_is_left_alone, setup),
		cmocka_unit_test_setup(many_debts_have_one_timer, setup),
		cmocka_unit_test_setup(steps_go_on_until_it_is_disproved, setup),
		cmocka_unit_test_setup(a_step_that_expires_elsewhere, setup),
		cmocka_unit_test_setup(a_message_that_is_early, setup),
		cmocka_unit_test_setup(work_that_setting_leaves, setup),
		cmocka_unit_test_setup(setting_announces_another, setup),
		cmocka_unit_test_setup(other_cpus_set_no_timer, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

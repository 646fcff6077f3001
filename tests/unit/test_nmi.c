/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NMIs: whose they are, and when the guest gets its own. Expectations: AMD64 APM vol. 2, 8.5.1 (a further
 * one is held pending, one at most, until the handler's IRET has completed); Intel ICH9 datasheet, 13.7.1
 * (port 61h); Intel SDM vol. 3A, 11.11 (messages).
 */
#include "fake_x86.h"

#include "arch/x86/desc.h"
#include "arch/x86/lapic.h"
#include "arch/x86/nmi.h"
#include "core/arch.h"
#include "core/work.h"
#include "drivers/iommu/iommu.h"

#define SERR		  0x80
#define IOCHK		  0x40
#define TIMER_AND_REFRESH 0x30 /* bits 5:4 of port 61h: nothing about NMIs */
#define MESSAGE_ADDRESS	  0xfee01000u
#define SECOND		  1000000u

volatile bool nmi_arrived;

static unsigned int guest_sent; /* NMIs that the guest has sent itself */

bool lapic_nmi_expected(void)
{
	return guest_sent && guest_sent--;
}

void arch_cpu_relax(void)
{
}

static bool timer_has_fired;

bool timer_fired(void)
{
	bool fired = timer_has_fired;

	timer_has_fired = false;
	return fired;
}

static u64 now;
static unsigned int nmis_sent; /* by kicks */
static u32 sent_to;
static u64 message_address = MESSAGE_ADDRESS;

u64 arch_time_us(void)
{
	return now;
}

u32 lapic_id(void)
{
	return 1;
}

void lapic_send_nmi(u32 id)
{
	nmis_sent++;
	sent_to = id;
}

u64 lapic_message_address(void)
{
	return message_address;
}

/* ---- two IOMMUs ------------------------------------------------------------------------------------ */

static struct unit {
	struct iommu iommu;
	bool fault;
	unsigned int waiting; /* more, which the next drain leaves */
	unsigned int drained;
	u64 address;
	u32 data;
} units[2];

static bool fault_pending(struct iommu *iommu)
{
	return container_of(iommu, struct unit, iommu)->fault;
}

static unsigned int drain_faults(struct iommu *iommu, unsigned int budget, iommu_fault_fn fn, void *ctx)
{
	struct unit *u = container_of(iommu, struct unit, iommu);

	u->fault = u->waiting > 0;
	u->waiting -= u->fault;
	u->drained++;
	return 1;
}

static void fault_message(struct iommu *iommu, u64 address, u32 data)
{
	struct unit *u = container_of(iommu, struct unit, iommu);

	u->address = address;
	u->data = data;
}

static const struct iommu_ops ops = {
	.name = "fake",
	.drain_faults = drain_faults,
	.fault_pending = fault_pending,
	.fault_message = fault_message,
};

/* ---- the guest's CPU ------------------------------------------------------------------------------- */

#define HANDLER	     0x1000u
#define HANDLER_IRET 0x1080u
#define PROGRAM	     0x2000u

static struct vcpu v;

static void nmi(void)
{
	nmi_arrived = true;
	nmi_handle(&v);
	exit_tail();
	nmi_entry(true);
}

/* The guest exits for something else, and is entered again. */
static void other_exit(void)
{
	exit_tail();
	nmi_entry(true);
}

/* Is one injected at the entry that follows? The guest then is at its handler. */
static bool entered(void)
{
	if (!nmi_take(&v))
		return false;
	v.rip = HANDLER;
	return true;
}

/* The handler comes to its IRET: exit, entry at the same RIP. */
static void reach_iret(u64 at)
{
	v.rip = at;
	nmi_iret(&v);
	assert_false(entered());
}

static void run_iret(void)
{
	reach_iret(HANDLER_IRET);
	v.rip = PROGRAM;
}

static int setup(void **state)
{
	v = (struct vcpu){ .rip = PROGRAM };
	guest_sent = 0;
	nmi_arrived = false;
	fake_port[0x61] = TIMER_AND_REFRESH;
	ports_forget();
	fake_log();
	iommu_forget_all();
	memset(units, 0, sizeof(units));
	for (unsigned int i = 0; i < ARRAY_SIZE(units); i++) {
		units[i].iommu.ops = &ops;
		iommu_register(&units[i].iommu);
	}
	/* Nothing that the test before has left on its way is excused here. */
	timer_has_fired = false;
	message_address = MESSAGE_ADDRESS;
	for (unsigned int i = 0; i < 2; i++) {
		nmi();
		now += SECOND + 1;
		other_exit();
	}
	v.nmi_waiting = 0;
	nmis_sent = 0;
	return 0;
}

/* ---- whose ----------------------------------------------------------------------------------------- */

static void every_iommu_reports_by_nmi(void **state)
{
	nmi_init();
	for (unsigned int i = 0; i < ARRAY_SIZE(units); i++) {
		assert_int_equal(units[i].address, MESSAGE_ADDRESS);
		assert_int_equal(units[i].data >> 8 & 7, 4); /* delivery mode NMI */
	}
}

static void an_exit_without_an_nmi_is_nobodys(void **state)
{
	nmi_handle(&v);
	assert_false(entered());
}

static void unexplained_is_the_guests(void **state)
{
	nmi();
	assert_false(nmi_arrived);
	assert_true(entered());
	run_iret();
	assert_false(entered());
}

static void a_fault_is_ours(void **state)
{
	units[1].fault = true;
	nmi();
	assert_int_equal(units[1].drained, 1);
	assert_false(entered());
}

static void a_fault_beside_the_guests_own(void **state)
{
	units[0].fault = true;
	guest_sent = 1;
	nmi();
	assert_int_equal(units[0].drained, 1);
	assert_int_equal(guest_sent, 0);
	assert_true(entered());
}

static void a_fault_beside_the_chipsets(void **state)
{
	static const u8 status[] = { SERR, IOCHK, SERR | IOCHK };

	for (unsigned int i = 0; i < ARRAY_SIZE(status); i++) {
		setup(NULL);
		fake_port[0x61] = status[i] | TIMER_AND_REFRESH;
		units[0].fault = true;
		log_lines = 0;
		nmi();
		assert_int_equal(units[0].drained, 1);
		assert_true(log_lines >= 1);
		assert_true(entered());
	}
}

static void the_chipsets_is_the_guests(void **state)
{
	fake_port[0x61] = SERR;
	nmi();
	assert_non_null(strstr(last_line, "SERR#"));
	assert_int_equal(port_write_count, 0); /* the guest's handler clears it */
	assert_true(entered());
}

/* ---- the second message of two faults -------------------------------------------------------------- */

static void the_very_next_one_is_excused(void **state)
{
	units[0].fault = true;
	nmi();
	nmi(); /* latched by a second fault that the first visit has drained */
	assert_false(entered());
	nmi();
	assert_true(entered());
}

/* It is known whose the guest's own is: ours is still to come. */
static void the_guests_own_is_delivered_while_one_is_owed(void **state)
{
	units[0].fault = true;
	nmi();
	guest_sent = 1;
	nmi();
	assert_true(entered());
	run_iret();
	nmi();
	assert_false(entered());
	nmi();
	assert_true(entered());
}

static void an_excuse_does_not_hide_what_is_known(void **state)
{
	units[0].fault = true;
	nmi();
	fake_port[0x61] = IOCHK;
	nmi();
	assert_true(entered());
}

static void each_fault_excuses_one(void **state)
{
	for (unsigned int i = 0; i < 3; i++) {
		units[i % 2].fault = true;
		nmi();
		assert_false(entered());
	}
	for (unsigned int i = 0; i < 3; i++) {
		nmi();
		assert_false(entered());
	}
	nmi();
	assert_true(entered());
}

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

/* The guest's came first, and ours is on its way: as many reach the guest as were sent to it. */
static void ours_on_its_way_behind_the_guests(void **state)
{
	guest_sent = 1;
	arch_cpu_kick(0);
	nmi();
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

/* ---- when ------------------------------------------------------------------------------------------ */

static void one_at_a_time(void **state)
{
	nmi();
	assert_true(entered());
	nmi();
	v.rip += 5;
	assert_false(entered());
	v.rip += 5;
	assert_false(entered());
	run_iret();
	assert_true(entered());
	run_iret();
	assert_false(entered());
}

static void hardware_keeps_one(void **state)
{
	nmi();
	assert_true(entered());
	for (unsigned int i = 0; i < 10; i++)
		nmi();
	run_iret();
	assert_true(entered());
	run_iret();
	assert_false(entered());
}

static void one_delivered_and_one_kept(void **state)
{
	for (unsigned int i = 0; i < 10; i++)
		nmi();
	assert_true(entered());
	nmi(); /* one is kept already */
	run_iret();
	assert_true(entered());
	run_iret();
	assert_false(entered());
}

static void the_iret_itself_runs_first(void **state)
{
	nmi();
	assert_true(entered());
	nmi();
	reach_iret(HANDLER_IRET);
	/* An exit in between (a page fault on its stack, say) leaves it where it was. */
	assert_false(entered());
	nmi();
	assert_false(entered());
	v.rip = PROGRAM;
	assert_true(entered());
}

/* In 16-bit code a handler may well be one IRET at offset 0. */
static void an_iret_at_zero_runs_first(void **state)
{
	nmi();
	assert_true(entered());
	nmi();
	reach_iret(0);
	v.rip = PROGRAM;
	assert_true(entered());
}

/* Other handlers may end with the same IRET instruction. */
static void later_the_same_iret_holds_nothing_up(void **state)
{
	nmi();
	assert_true(entered());
	run_iret();
	assert_false(entered());
	v.rip = HANDLER_IRET;
	nmi();
	assert_true(entered());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_iommu_reports_by_nmi, setup),
		cmocka_unit_test_setup(an_exit_without_an_nmi_is_nobodys, setup),
		cmocka_unit_test_setup(unexplained_is_the_guests, setup),
		cmocka_unit_test_setup(a_fault_is_ours, setup),
		cmocka_unit_test_setup(a_fault_beside_the_guests_own, setup),
		cmocka_unit_test_setup(a_fault_beside_the_chipsets, setup),
		cmocka_unit_test_setup(the_chipsets_is_the_guests, setup),
		cmocka_unit_test_setup(the_very_next_one_is_excused, setup),
		cmocka_unit_test_setup(the_guests_own_is_delivered_while_one_is_owed, setup),
		cmocka_unit_test_setup(an_excuse_does_not_hide_what_is_known, setup),
		cmocka_unit_test_setup(each_fault_excuses_one, setup),
		cmocka_unit_test_setup(the_timers_is_ours, setup),
		cmocka_unit_test_setup(a_kick_is_ours, setup),
		cmocka_unit_test_setup(kicks_on_their_way_are_one, setup),
		cmocka_unit_test_setup(two_sources_are_two_visits_or_one, setup),
		cmocka_unit_test_setup(all_sources_at_once, setup),
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
		cmocka_unit_test_setup(one_at_a_time, setup),
		cmocka_unit_test_setup(hardware_keeps_one, setup),
		cmocka_unit_test_setup(one_delivered_and_one_kept, setup),
		cmocka_unit_test_setup(the_iret_itself_runs_first, setup),
		cmocka_unit_test_setup(an_iret_at_zero_runs_first, setup),
		cmocka_unit_test_setup(later_the_same_iret_holds_nothing_up, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Management operations that fail: where the device is when any of their steps does, and when it vanishes at
 * any moment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/unit/manage_run.h"

/* ---- each call fails once ---- */

/* A failed assign: the device is in quarantine, whole; its counts are as before. */
static void assign_fails_at_each_step(void **state)
{
	for (unsigned int n = 1;; n++) {
		struct pci_event event;
		unsigned int resets;

		assert_true(n < 20);
		done(manage_deassign, NIC, PCI_OP_DEASSIGN);
		resets = nic->resets;
		fail_from(n, 1);
		event = run(manage_assign, NIC, PCI_OP_ASSIGN);
		manage_fault = NULL;
		assert_int_equal(event_count, 1);
		oracle_is_content();
		no_op_is_left();
		if (!calls[0]) {
			assert_int_equal(n, 5); /* four calls that can fail */
			assert_int_equal(event.result, 0);
			is_the_guests(NIC);
			return;
		}
		assert_int_equal(event.result, -EIO);
		/* Before, if it came to that; and after, if the guest may have used it. */
		assert_int_equal(nic->resets - resets, n == 1 ? 0 : n == 4 ? 2 : 1);
		is_in_quarantine(NIC, false);
		done(manage_assign, NIC, PCI_OP_ASSIGN); /* nothing is left of the failure */
		is_the_guests(NIC);
	}
}

static int two_errors(const char *function)
{
	if (!strcmp(function, "vpci_attach"))
		return -ENOSPC;
	return strcmp(function, "iommu_block") ? 0 : -ETIMEDOUT;
}

/* The event has the error that began it. */
static void first_error_is_told(void **state)
{
	done(manage_deassign, NIC, PCI_OP_DEASSIGN);
	manage_fault = two_errors;
	assert_int_equal(run(manage_assign, NIC, PCI_OP_ASSIGN).result, -ENOSPC);
	assert_int_equal(event_count, 1);
	manage_fault = NULL;
	is_in_quarantine(NIC, true);
	oracle_is_content();
}

static int attaches_and_fails(const char *function)
{
	if (strcmp(function, "iommu_attach"))
		return 0;
	ok(iommu_attach(device(NIC), &vm.dma));
	return -EIO;
}

/* A backend that could not take back what it had done: "what could not be taken back is logged" (iommu.h). */
static void half_attached(void **state)
{
	done(manage_deassign, NIC, PCI_OP_DEASSIGN);
	manage_fault = attaches_and_fails;
	assert_int_equal(run(manage_assign, NIC, PCI_OP_ASSIGN).result, -EIO);
	manage_fault = NULL;
	is_in_quarantine(NIC, false);
	oracle_is_content();
}

/* And then a step of the undoing fails: BROKEN. */
static void undoing_an_assign_fails(void **state)
{
	for (unsigned int first = 2; first <= 4; first++) {
		for (unsigned int second = first + 1;; second++) {
			struct pci_event event;
			bool failed;

			shutdown_machine(state);
			boot(state);
			done(manage_deassign, NIC, PCI_OP_DEASSIGN);
			fail_from(first, 1);
			fail_times = second - first + 1; /* both, and all between */
			event = run(manage_assign, NIC, PCI_OP_ASSIGN);
			manage_fault = NULL;
			failed = asked >= second;
			assert_int_equal(event.result, -EIO);
			assert_int_equal(event_count, 1);
			oracle_is_content();
			if (!failed)
				break;
			assert_true(second < 20);
			is_in_quarantine(NIC, info_of(NIC).flags & PCI_FLAG_BROKEN);
			/* vpci_withdraw_start() is tried three times before that counts as broken. */
			if (second == first + 1 && first < 4)
				assert_true(!strstr(calls, "iommu_block") ==
					    !(info_of(NIC).flags & PCI_FLAG_BROKEN));
		}
	}
}

static const char *const deassign_calls[] = { "vpci_withdraw_start", "iommu_block", "vpci_detach",
					      "pci_reset_start" };

/* A failed deassign: BROKEN in quarantine, but for a withdrawal that worked when it was tried again. */
static void deassign_fails_at_each_step(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(deassign_calls); i++) {
		struct pci_event event;

		shutdown_machine(state);
		boot(state);
		fail_from(i + 1, 1);
		event = run(manage_deassign, NIC, PCI_OP_DEASSIGN);
		manage_fault = NULL;
		assert_int_equal(event_count, 1);
		assert_int_equal(strncmp(calls, deassign_calls[i], strlen(deassign_calls[i])), 0);
		assert_int_equal(event.result, i ? -EIO : 0);
		is_in_quarantine(NIC, i > 0);
		assert_false(fi_dma(NIC, DMA_PAGE)); /* whatever failed */
		assert_int_equal(maps_to(NIC_BAR), 0);
		oracle_is_content();
		no_op_is_left();
	}
}

static void deassign_cannot(const char *function)
{
	failing = function;
	manage_fault = fail_always;
	assert_int_equal(run(manage_deassign, NIC, PCI_OP_DEASSIGN).result, -ETIMEDOUT);
	assert_int_equal(event_count, 1);
	manage_fault = NULL;
	is_in_quarantine(NIC, true);
	oracle_is_content();
}

/* Hardware may go on delivering what its entries said: nobody gets them, and the device stays where it is, BROKEN. */
static void entries_cannot_be_flushed(void **state)
{
	is_the_guests(NIC);
	vpci_write(at(NIC), 0x54, 4, 0xfee00000);
	vpci_write(at(NIC), 0x5c, 2, 0x40);
	vpci_write(at(NIC), 0x52, 2, 0x0021);
	fake_remap.fail_flushes = 1;
	assert_int_equal(run(manage_deassign, NIC, PCI_OP_DEASSIGN).result, -ETIMEDOUT);
	is_in_quarantine(NIC, true);
	assert_true(logged("freeing its messages"));
	assert_int_equal(info_of(NIC).refs_by_kind[PCI_REF_MSI], 0);
	assert_int_equal(fake_entries_used(), 4);
	assert_null(fake_remap.misuse);
	oracle_is_content();
}

/* What an earlier deassign could not do, a later one may. It stays BROKEN. */
static void deassign_tries_again(void **state)
{
	deassign_cannot("iommu_block");
	assert_true(fi_dma(NIC, DMA_PAGE));
	assert_false(info_of(NIC).flags & PCI_FLAG_QUARANTINED);
	assert_true(logged("its DMA is still not blocked"));
	done(manage_deassign, NIC, PCI_OP_DEASSIGN);
	assert_false(fi_dma(NIC, DMA_PAGE));
	is_in_quarantine(NIC, true);
	refused(manage_deassign, NIC, -EALREADY, "it is in quarantine already");
	refused(manage_assign, NIC, -EPERM, "broken: a reset or a release of it has failed");
	assert_int_equal(info_of(NIC).refs, 2);
}

static void registers_cannot_be_taken(void **state)
{
	deassign_cannot("vpci_withdraw_start");
	assert_int_equal(info_of(NIC).refs_by_kind[PCI_REF_VPCI],
			 1); /* a CPU may still reach it: the object stays */
	assert_false(fi_dma(NIC, DMA_PAGE));
	done(manage_deassign, NIC, PCI_OP_DEASSIGN);
	assert_int_equal(maps_to(NIC_BAR), 0);
	assert_int_equal(info_of(NIC).refs, 2);
}

/* A CPU that does not answer the shoot-down: tried three times, a second each; then it answers. */
static void cpu_does_not_answer(void **state)
{
	u64 start = now_us;

	atomic_store(&vm.shootdown.cpu[1].in_guest, 1);
	assert_int_equal(run(manage_deassign, NIC, PCI_OP_DEASSIGN).result, -ETIMEDOUT);
	assert_true(now_us - start >= 3000000 && now_us - start < 6000000);
	is_in_quarantine(NIC, true);
	atomic_store(&vm.shootdown.cpu[1].in_guest, 0);
	oracle_is_content();
	done(manage_deassign, NIC, PCI_OP_DEASSIGN);
	assert_int_equal(info_of(NIC).refs, 2);
}

/* The IOMMU's own operations fail, the n-th one. */
static void iommu_fails(void **state)
{
	for (int n = 1; n < 4; n++) {
		struct pci_event event;

		shutdown_machine(state);
		boot(state);
		fi.fail_after = n;
		event = run(manage_deassign, NIC, PCI_OP_DEASSIGN);
		assert_int_equal(event_count, 1);
		oracle_is_content();
		is_in_quarantine(NIC, event.result);
		if (event.result || fi.fail_after == 0)
			assert_false(fi_dma(NIC, DMA_PAGE)); /* blocked after all */
		fi.fail_after = 0;
		if (event.result)
			continue;
		fi.fail_after = n;
		event = run(manage_assign, NIC, PCI_OP_ASSIGN);
		assert_int_equal(event_count, 1);
		oracle_is_content();
		if (event.result)
			is_in_quarantine(NIC, info_of(NIC).flags & PCI_FLAG_BROKEN);
		else
			is_the_guests(NIC);
	}
	fi.fail_after = 0;
}

/* A reset from which the device does not come back: its IDs are not what they were. */
static void reset_fails(void **state)
{
	fake_put(nic->rw, 0, 4, 0xffffffff);
	assert_int_equal(run(manage_deassign, NIC, PCI_OP_DEASSIGN).result, -ETIMEDOUT);
	assert_int_equal(event_count, 1);
	fake_put(nic->cfg, 0, 4, 0x10d38086);
	fake_put(nic->rw, 0, 4, 0);
	is_in_quarantine(NIC, true);
	assert_int_equal(info_of(NIC).refs, 2);
	assert_false(fi_dma(NIC, DMA_PAGE));
	oracle_is_content();
}

static void reset_of_assign_fails(void **state)
{
	fake_put(pf->rw, 0, 4, 0xffffffff);
	assert_int_equal(run(manage_assign, PF, PCI_OP_ASSIGN).result, -ETIMEDOUT);
	assert_int_equal(event_count, 1);
	fake_put(pf->cfg, 0, 4, 0x10d38086);
	is_in_quarantine(PF, true);
	assert_false(fi_dma(PF, DMA_PAGE));
	oracle_is_content();
}

/* reset=none: hands change without a reset, but a reset is none. */
static void without_a_reset(void **state)
{
	atomic_fetch_or(&device(PLAIN)->flags, PCI_FLAG_RESET_NONE);
	done(manage_assign, PLAIN, PCI_OP_ASSIGN);
	assert_true(logged("manage: assign 0000:00:05.0: not reset (reset=none)"));
	done(manage_deassign, PLAIN, PCI_OP_DEASSIGN);
	is_in_quarantine(PLAIN, false);
	refused(manage_reset, PLAIN, -EOPNOTSUPP, "no FLR, no power state with reset, and it shares bus 00");
}

/* ---- it vanishes ---- */

static void is_gone_for_good(u16 bdf, unsigned int objects)
{
	assert_null(pci_dev_find(at(bdf)));
	assert_int_equal(pci_objects_left(), objects + 1);
	assert_false(fi_dma(bdf, DMA_PAGE));
	if (bdf == NIC)
		assert_int_equal(maps_to(NIC_BAR), 0);
	oracle_is_content();
	no_op_is_left();
}

static void surprise(void **state)
{
	unsigned int objects = pci_objects_left();
	unsigned long writes = nic->writes;

	vpci_write(at(NIC), 0x52, 2, 0x0001);
	writes = nic->writes;
	fake_vanish(nic);
	forget_events();
	assert_int_equal(vpci_read(at(NIC), 0, 4), 0xffffffff);
	pci_dev_surprise(device(NIC));
	settle();
	is_gone_for_good(NIC, objects);
	assert_int_equal(nic->writes, writes); /* not touched */
	assert_int_equal(event_count, 1);
	assert_int_equal(events[0].op, PCI_OP_SURPRISE);
	assert_int_equal(events[0].result, 0);
}

static int link_is_off(const char *function)
{
	if (!strcmp(function, "iommu_block"))
		assert_int_equal(fake_reg(port, 0x50, 2) & 0x10, 0x10);
	return note_call(function);
}

static void surprise_below_a_port(void **state)
{
	unsigned int objects = pci_objects_left();
	u32 control = fake_reg(port, 0x50, 2);

	calls[0] = '\0';
	manage_fault = link_is_off;
	fake_vanish(behind);
	pci_dev_surprise(device(BEHIND));
	settle();
	is_gone_for_good(BEHIND, objects);
	assert_string_equal(calls, "vpci_withdraw_start iommu_block vpci_detach iommu_block ");
	assert_int_equal(fake_reg(port, 0x50, 2), control);
	assert_true(logged("the link below 0000:00:06.0 is disabled"));
	assert_true(logged("the link below 0000:00:06.0 is enabled"));
}

/* A surprise cannot fail: what does not work is tried until it does. */
static void surprise_waits(void **state)
{
	unsigned int objects = pci_objects_left();

	failing = "vpci_withdraw_start";
	manage_fault = fail_always;
	fake_vanish(nic);
	pci_dev_surprise(device(NIC));
	idle(3000);
	assert_int_equal(info_of(NIC).op, PCI_OP_SURPRISE);
	assert_int_equal(event_count, 0);
	manage_fault = NULL;
	settle();
	is_gone_for_good(NIC, objects);
	assert_int_equal(event_count, 1);
}

/* DMA of a vanished device that cannot be blocked: its object is kept, BROKEN. */
static void surprise_cannot_block(void **state)
{
	failing = "iommu_block";
	manage_fault = fail_always;
	fake_vanish(nic);
	pci_dev_surprise(device(NIC));
	idle(3000);
	assert_int_equal(info_of(NIC).state, PCI_LIVE);
	assert_int_equal(info_of(NIC).owner, PCI_OWNER_QUARANTINE);
	assert_true(info_of(NIC).flags & PCI_FLAG_BROKEN);
	assert_int_equal(event_count, 1);
	assert_int_equal(events[0].result, -ETIMEDOUT);
	oracle_is_content();
}

/* At each of its reads. Whether it is noticed at once or only later, the end is the same. */
static void vanishes_during(operation_fn operation, enum pci_op op, bool start_with_guest)
{
	for (unsigned int n = 1;; n++) {
		struct pci_event event;
		struct pci_reason why;
		unsigned int objects;
		u32 ticket;
		int ret;

		shutdown_machine(NULL);
		boot(NULL);
		if (!start_with_guest)
			done(manage_deassign, NIC, PCI_OP_DEASSIGN);
		forget_events();
		objects = pci_objects_left();
		nic->vanish_after_reads = n;
		ret = operation(at(NIC), &ticket, &why);
		settle();
		if (!nic->vanished) {
			assert_true(n > 10);
			assert_int_equal(ret, -EINPROGRESS);
			nic->vanish_after_reads = 0;
			return;
		}
		if (pci_dev_find_unnoted(at(NIC))) {
			struct pci_dev *dev = device(NIC);

			if (pci_ref_drop(dev, PCI_REF_TRANSIENT))
				fail();
			pci_dev_surprise(dev);
			settle();
		}
		is_gone_for_good(NIC, objects);
		assert_false(logged("is broken")); /* that would be another thing */
		event = events[0];
		if (ret == -EINPROGRESS) {
			assert_int_equal(event_count, 2);
			assert_int_equal(event.op, op);
			assert_int_equal(event.ticket, ticket);
			assert_int_equal(events[1].op, PCI_OP_SURPRISE);
			assert_int_equal(events[1].result, 0);
		} else {
			assert_int_equal(event_count, 1);
			assert_int_equal(event.op, PCI_OP_SURPRISE);
			assert_true(why.text[0]);
		}
	}
}

static void vanishes_during_deassign(void **state)
{
	vanishes_during(manage_deassign, PCI_OP_DEASSIGN, true);
}

static void vanishes_during_assign(void **state)
{
	vanishes_during(manage_assign, PCI_OP_ASSIGN, false);
}

static const char *noticed_at;

/* Somebody else, a guest's access on another CPU, finds that it is gone. */
static int notice(const char *function)
{
	if (!nic->vanished && !strcmp(function, noticed_at)) {
		fake_vanish(nic);
		pci_dev_surprise(device(NIC));
	}
	return 0;
}

static void noticed_during(operation_fn operation, enum pci_op op, const char *function, int result)
{
	unsigned int objects;

	shutdown_machine(NULL);
	boot(NULL);
	if (op == PCI_OP_ASSIGN)
		done(manage_deassign, NIC, PCI_OP_DEASSIGN);
	objects = pci_objects_left();
	noticed_at = function;
	manage_fault = notice;
	assert_int_equal(run(operation, NIC, op).result, result);
	manage_fault = NULL;
	assert_int_equal(event_count, 2);
	assert_int_equal(events[1].op, PCI_OP_SURPRISE);
	is_gone_for_good(NIC, objects);
}

static void noticed_by_others(void **state)
{
	noticed_during(manage_assign, PCI_OP_ASSIGN, "pci_reset_start", -ENODEV);
	noticed_during(manage_assign, PCI_OP_ASSIGN, "iommu_attach", -ENODEV);
	noticed_during(manage_assign, PCI_OP_ASSIGN, "vpci_attach", -ENODEV);
	/* Too late for the assign: it is taken from the guest. */
	noticed_during(manage_assign, PCI_OP_ASSIGN, "pci_dev_set_owner", 0);
	noticed_during(manage_deassign, PCI_OP_DEASSIGN, "vpci_withdraw_start", -ENODEV);
	noticed_during(manage_deassign, PCI_OP_DEASSIGN, "iommu_block", -ENODEV);
	noticed_during(manage_deassign, PCI_OP_DEASSIGN, "vpci_detach", -ENODEV);
	noticed_during(manage_deassign, PCI_OP_DEASSIGN, "pci_reset_start", -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(assign_fails_at_each_step),
		T(first_error_is_told),
		T(half_attached),
		T(undoing_an_assign_fails),
		T(deassign_fails_at_each_step),
		T(entries_cannot_be_flushed),
		T(deassign_tries_again),
		T(registers_cannot_be_taken),
		T(cpu_does_not_answer),
		T(iommu_fails),
		T(reset_fails),
		T(reset_of_assign_fails),
		T(without_a_reset),
		T(surprise),
		T(surprise_below_a_port),
		T(surprise_waits),
		T(surprise_cannot_block),
		T(vanishes_during_deassign),
		T(vanishes_during_assign),
		T(noticed_by_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Management operations on a whole machine: what each does and in which order, what it refuses, and others
 * who get in between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/rendezvous.h"
#include "tests/unit/manage_run.h"

extern _Thread_local unsigned int host_cpu;

/* ---- the sequences ---- */

/* The order of design/pci-objects, seen at the moment of each call. */
static int watch_deassign(const char *function)
{
	struct pci_dev *dev = device(NIC);

	assert_int_equal(pci_dev_op(dev), PCI_OP_DEASSIGN);
	assert_int_equal(pci_dev_owner(dev), PCI_OWNER_GUEST);
	if (!strcmp(function, "iommu_block")) {
		assert_int_equal(maps_to(NIC_BAR), 0);
		assert_false(port_open[NIC_PORTS]);
		assert_int_equal(fake_reg(nic, 0x52, 2) & 1, 0);	 /* MSI off */
		assert_int_equal(fake_reg(nic, 0x04, 2) & 0x404, 0x400); /* bus mastering and the pin, too */
		assert_true(pci_msi_count(dev) > 0);
	}
	if (!strcmp(function, "vpci_detach"))
		assert_null(atomic_load(&fi.entry[NIC]));
	if (!strcmp(function, "pci_reset_start")) {
		assert_int_equal(pci_msi_count(dev), 0);
		assert_false(vpci_attached(dev, NULL));
		assert_int_equal(nic->resets, 0);
	}
	return note_call(function);
}

static void deassign_in_order(void **state)
{
	is_the_guests(NIC);
	vpci_write(at(NIC), 0x54, 4, 0xfee00000);
	vpci_write(at(NIC), 0x5c, 2, 0x40);
	vpci_write(at(NIC), 0x52, 2, 0x0021); /* four messages */
	assert_int_equal(info_of(NIC).refs_by_kind[PCI_REF_MSI], 4);
	calls[0] = '\0';
	manage_fault = watch_deassign;
	done(manage_deassign, NIC, PCI_OP_DEASSIGN);
	assert_string_equal(calls, "vpci_withdraw_start iommu_block vpci_detach pci_reset_start ");
	is_in_quarantine(NIC, false);
	assert_int_equal(nic->resets, 1);
	assert_int_equal(info_of(NIC).flags, PCI_FLAG_QUARANTINED);
	assert_true(logged("manage: deassign 0000:00:02.0: vPCI off"));
	assert_true(logged("manage: deassign 0000:00:02.0: DMA blocked\n"));
	assert_true(logged("manage: deassign 0000:00:02.0: messages freed\n"));
	assert_true(logged("manage: deassign 0000:00:02.0: in quarantine\n"));
	oracle_is_content();
}

static int watch_assign(const char *function)
{
	struct pci_dev *dev = device(NIC);

	assert_int_equal(pci_dev_op(dev), PCI_OP_ASSIGN);
	assert_int_equal(pci_dev_owner(dev), PCI_OWNER_QUARANTINE);
	if (!strcmp(function, "iommu_attach"))
		assert_int_equal(nic->resets, 2); /* the deassign's, and ours */
	if (!strcmp(function, "vpci_attach"))
		assert_non_null(atomic_load(&fi.entry[NIC]));
	if (!strcmp(function, "pci_dev_set_owner"))
		assert_true(vpci_attached(dev, NULL));
	return note_call(function);
}

static void assign_in_order(void **state)
{
	done(manage_deassign, NIC, PCI_OP_DEASSIGN);
	calls[0] = '\0';
	manage_fault = watch_assign;
	done(manage_assign, NIC, PCI_OP_ASSIGN);
	assert_string_equal(calls, "pci_reset_start iommu_attach vpci_attach pci_dev_set_owner ");
	is_the_guests(NIC);
	assert_int_equal(fake_reg(nic, 0x04, 2) & 4, 0); /* the guest's driver switches it on again */
	assert_true(logged("manage: assign 0000:00:02.0: owned by the guest\n"));
	oracle_is_content();
}

/*
 * A stale translation of the device's DMA does not survive, nor a stale one of a CPU: the shoot-down is
 * waited for.
 */
static void nothing_stale(void **state)
{
	u64 generation = atomic_load(&vm.shootdown.generation);

	assert_true(fi_dma(NIC, DMA_PAGE)); /* now cached */
	done(manage_deassign, NIC, PCI_OP_DEASSIGN);
	assert_false(fi_dma(NIC, DMA_PAGE));
	assert_true(atomic_load(&vm.shootdown.generation) > generation);
}

static void reset_in_quarantine(void **state)
{
	done(manage_deassign, NIC, PCI_OP_DEASSIGN);
	done(manage_reset, NIC, PCI_OP_RESET);
	assert_int_equal(nic->resets, 2);
	is_in_quarantine(NIC, false);
	refused(manage_reset, BEHIND, -EBUSY, "owned by the guest");
}

/* Transactions Pending is waited for, at most a second. */
static int pending_is_over(const char *function)
{
	if (!strcmp(function, "iommu_block"))
		assert_int_equal(fake_reg(nic, 0x8a, 2) & 0x20, 0);
	return 0;
}

static void pending_transactions(void **state)
{
	struct pci_reason why;
	u64 start = now_us;
	u32 ticket;

	fake_put(nic->cfg, 0x8a, 2, 0x20);
	manage_fault = pending_is_over;
	assert_int_equal(manage_deassign(at(NIC), &ticket, &why), -EINPROGRESS);
	idle(300);
	assert_int_equal(info_of(NIC).op, PCI_OP_DEASSIGN);
	assert_non_null(atomic_load(&fi.entry[NIC]));
	fake_put(nic->cfg, 0x8a, 2, 0);
	settle();
	is_in_quarantine(NIC, false);
	manage_fault = NULL;
	done(manage_assign, NIC, PCI_OP_ASSIGN);
	fake_put(nic->cfg, 0x8a, 2, 0x20);
	start = now_us;
	done(manage_deassign, NIC, PCI_OP_DEASSIGN);
	assert_true(now_us - start >= 1000000);
	assert_true(logged("transactions are pending for 1 s: its DMA is blocked all the same"));
	is_in_quarantine(NIC, false);
}

/* ---- refusals: nothing changes, and no event comes ---- */

static void refusals(void **state)
{
	refused(manage_assign, PCI_BDF(0, 9, 0), -ENODEV, "there is no such device");
	refused(manage_deassign, PCI_BDF(0, 9, 0), -ENODEV, "there is no such device");
	refused(manage_assign, NIC, -EALREADY, "the guest has it already");
	refused(manage_deassign, PF, -EALREADY, "it is in quarantine already");
	refused(manage_deassign, PORT, -EOPNOTSUPP, "a bridge is part of the machine: it cannot be reset");
	refused(manage_deassign, PCI_BDF(0, 0, 0), -EOPNOTSUPP,
		"a bridge is part of the machine: it cannot be reset");
	refused(manage_assign, PLAIN, -EOPNOTSUPP, "no FLR, no power state with reset, and it shares bus 00");
	atomic_fetch_or(&device(PF)->flags, PCI_FLAG_HIDDEN);
	refused(manage_assign, PF, -EPERM, "hidden by the configuration");
	refused(manage_reset, PF, -EPERM, "hidden by the configuration");
	atomic_store(&device(PF)->flags, PCI_FLAG_BROKEN);
	refused(manage_assign, PF, -EPERM, "broken: a reset or a release of it has failed");
	refused(manage_deassign, PF, -EALREADY, "it is in quarantine already");
	refused(manage_reset, PF, -EPERM, "broken: a reset or a release of it has failed");
	atomic_store(&device(PF)->flags, 0);
	ok(pci_dev_set_owner(device(PF), PCI_OWNER_FAIRLEAD));
	refused(manage_assign, PF, -EPERM, "Fairlead uses it");
	refused(manage_deassign, PF, -EPERM, "Fairlead uses it");
	ok(pci_dev_set_owner(device(PF), PCI_OWNER_QUARANTINE));
}

static void refused_while_claimed(void **state)
{
	struct pci_reason why;
	u32 ticket;

	ok(pci_op_begin(device(PF), PCI_OP_VFS, &ticket, NULL));
	assert_int_equal(manage_assign(at(PF), &ticket, &why), -EBUSY);
	assert_string_equal(why.text, "operation vfs runs on it");
	assert_int_equal(info_of(PF).op, PCI_OP_VFS);
	pci_op_cancel(device(PF));
	idle(10);
	assert_int_equal(event_count, 0);
	assert_int_equal(manage_deassign(at(NIC), &ticket, &why), -EINPROGRESS);
	assert_int_equal(manage_assign(at(NIC), &ticket, &why), -EBUSY);
	assert_string_equal(why.text, "operation deassign runs on it");
	assert_int_equal(pci_dev_remove(at(NIC), &ticket, &why), -EBUSY);
	idle(20);
	assert_int_equal(pci_dev_remove(at(NIC), &ticket, &why), -EBUSY);
	settle();
	assert_int_equal(event_count, 1);
	ok(pci_dev_remove(at(NIC), &ticket, &why));
	refused(manage_assign, NIC, -ENODEV, "there is no such device");
}

/* Without the rules, as tests set their scene. */
static void to_quarantine(u16 bdf)
{
	struct pci_dev *dev = device(bdf);

	ok(vpci_withdraw_start(dev));
	ok(vpci_detach(dev));
	ok(iommu_block(dev));
	ok(pci_dev_set_owner(dev, PCI_OWNER_QUARANTINE));
}

static void registers_in_one_page(void **state)
{
	refused(manage_deassign, PAIR_A, -EPERM,
		"its registers share a page with 0000:00:04.0, which is the guest's");
	to_quarantine(PAIR_B);
	to_quarantine(PAIR_A);
	refused(manage_assign, PAIR_A, -EPERM,
		"its registers share a page with 0000:00:04.0, which is not the guest's");
}

/* A refused operation was in the way of a surprise: that goes on. */
/* Only one of the two is the guest's, as after the other was pulled out and put in again. */
static void part(void)
{
	oracle_after_operations(false); /* it would say so */
	ok(vpci_withdraw_start(device(PAIR_B)));
	ok(vpci_detach(device(PAIR_B)));
	ok(iommu_block(device(PAIR_B)));
	ok(pci_dev_set_owner(device(PAIR_B), PCI_OWNER_QUARANTINE));
}

/* One comes to the guest while the other leaves it: both answers were right when they were given, and they would be parted. */
static void two_callers_and_one_page(void **state)
{
	struct pci_reason why;
	u32 ticket;

	part();
	assert_int_equal(manage_assign(at(PAIR_B), &ticket, &why), -EINPROGRESS);
	assert_int_equal(manage_deassign(at(PAIR_A), &ticket, &why), -EBUSY);
	assert_string_equal(why.text, "its registers share a page with 0000:00:04.0, which is changing hands");
	settle();
	assert_int_equal(info_of(PAIR_A).owner, PCI_OWNER_GUEST);
	assert_int_equal(info_of(PAIR_B).owner, PCI_OWNER_GUEST);
	oracle_is_content();

	part();
	assert_int_equal(manage_deassign(at(PAIR_A), &ticket, &why), -EINPROGRESS);
	assert_int_equal(manage_assign(at(PAIR_B), &ticket, &why), -EBUSY);
	assert_string_equal(why.text, "its registers share a page with 0000:00:03.0, which is changing hands");
	settle();
	assert_int_equal(info_of(PAIR_A).owner, PCI_OWNER_QUARANTINE);
	assert_int_equal(info_of(PAIR_B).owner, PCI_OWNER_QUARANTINE);
	oracle_is_content();
}

static void refused_and_gone(void **state)
{
	unsigned int objects = pci_objects_left();

	ok(pci_op_begin(device(PF), PCI_OP_ASSIGN, NULL, NULL));
	fake_vanish(pf);
	pci_dev_surprise(device(PF));
	idle(20);
	assert_int_equal(info_of(PF).op, PCI_OP_ASSIGN);
	pci_op_cancel(device(PF));
	settle();
	assert_null(pci_dev_find(at(PF)));
	assert_int_equal(pci_objects_left(), objects + 1);
	assert_int_equal(event_count, 1);
	assert_int_equal(events[0].op, PCI_OP_SURPRISE);
}

static void isolation_group(void **state)
{
	device(PF)->group = NIC;
	device(NIC)->group = NIC;
	atomic_fetch_or(&device(NIC)->flags, PCI_FLAG_BROKEN);
	refused(manage_assign, PF, -EPERM, "its group holds 0000:00:02.0, which is broken");
	atomic_fetch_and(&device(NIC)->flags, ~(u32)PCI_FLAG_BROKEN);
	done(manage_assign, PF, PCI_OP_ASSIGN);
}

/* The policy of boot has seen each device covered; this one came later. */
static void no_unit(void **state)
{
	uncovered = PF;
	refused(manage_assign, PF, -EPERM, "no IOMMU unit covers it");
	give(PF); /* at boot the policy has been asked (iommu=optional) */
	done(manage_deassign, PF, PCI_OP_DEASSIGN);
	assert_true(logged("0000:00:07.0: no IOMMU unit covers it: its DMA cannot be blocked"));
	done(manage_assign, PF, PCI_OP_ASSIGN);
}

static void virtual_functions(void **state)
{
	struct pci_dev *vf = pci_dev_create_vf(at(PCI_BDF(0, 7, 1)), device(PF));

	assert_non_null(vf);
	ok(pci_vf_publish(vf));
	oracle_is_content();
	refused(manage_assign, PF, -EBUSY, "1 virtual function exists");
	refused(manage_reset, PF, -EBUSY, "1 virtual function exists");
}

static void too_many(void **state)
{
	struct manage_op *op[MANAGE_OPS];

	for (unsigned int i = 0; i < MANAGE_OPS; i++) {
		pci_dev_get(device(PORT), PCI_REF_WORK);
		op[i] = manage_op_new(device(PORT), PCI_OP_RESET);
		assert_non_null(op[i]);
	}
	refused(manage_assign, PF, -EBUSY, "too many operations at once");
	/* A surprise cannot be refused: it waits. */
	fake_vanish(nic);
	assert_int_equal(pci_dev_read(device(NIC), 0, 2), 0xffff);
	pci_dev_surprise(device(NIC));
	idle(50);
	assert_true(logged("too many operations at once, it waits"));
	assert_int_equal(info_of(NIC).op, PCI_OP_SURPRISE);
	assert_true(info_of(NIC).flags & PCI_FLAG_WAITS);
	manage_op_free(op[3]);
	for (unsigned int i = 0; i < 50; i++)
		idle(1);
	assert_null(pci_dev_find(at(NIC)));
	assert_false(fi_dma(NIC, DMA_PAGE));
	for (unsigned int i = 0; i < MANAGE_OPS; i++) {
		if (i != 3)
			manage_op_free(op[i]);
	}
	settle();
	assert_int_equal(event_count, 1);
	assert_int_equal(events[0].op, PCI_OP_SURPRISE);
	oracle_is_content();
}

/* ---- boot ---- */

static void boot_fails_at_each_step(void **state)
{
	for (unsigned int n = 1; n <= 3; n++) {
		struct pci_reason why;

		fail_from(n, 1);
		assert_int_equal(manage_give_at_boot(device(PF), &why), -EIO);
		manage_fault = NULL;
		assert_true(why.text[0]);
		is_in_quarantine(PF, false);
		oracle_is_content();
	}
	fail_from(3, 2); /* and the withdrawal */
	assert_int_equal(manage_give_at_boot(device(PF), NULL), -EIO);
	manage_fault = NULL;
	is_in_quarantine(PF, true);
}

static void boot_refuses(void **state)
{
	struct pci_reason why;

	atomic_fetch_or(&device(PF)->flags, PCI_FLAG_HIDDEN);
	assert_int_equal(manage_give_at_boot(device(PF), &why), -EPERM);
	assert_string_equal(why.text, "hidden by the configuration");
	atomic_store(&device(PF)->flags, 0);
	give(PF);
	is_the_guests(PF);
}

/* ---- others remove and add it meanwhile ---- */

static _Atomic bool stop_removing;
static _Atomic unsigned int rounds; /* of the other CPU */

static void *remover(void *ctx)
{
	unsigned int *removed = ctx;
	struct pci_reason why;
	u32 ticket;

	host_cpu = 1;
	while (!atomic_load(&stop_removing)) {
		int ret;

		rendezvous_work();
		ret = pci_dev_remove(at(PF), &ticket, &why);

		if (ret == 0 || ret == -EINPROGRESS)
			++*removed;
		else if (ret != -EBUSY && ret != -ENODEV && ret != -EALREADY)
			fail_msg("remove: %d", ret);
		(void)!pci_dev_add(at(PF));
		exit_tail();
		atomic_fetch_add(&rounds, 1);
		sched_yield();
	}
	exit_tail();
	return NULL;
}

/* The other CPU has its turn: twice round, so that a whole round lies in between. */
static void let_it_run(void)
{
	unsigned int from = atomic_load(&rounds);

	while (atomic_load(&rounds) < from + 2)
		sched_yield();
}

static void against_remove(void **state)
{
	unsigned int removed = 0, assigned = 0, started = 0, ended = 0;
	pthread_t thread;

	atomic_store(&stop_removing, false);
	assert_int_equal(pthread_create(&thread, NULL, remover, &removed), 0);
	for (unsigned int i = 0; i < 20000 && (assigned < 20 || removed < 20); i++) {
		struct pci_reason why;
		u32 ticket;
		int ret;

		rendezvous_work();
		ret = i % 2 ? manage_deassign(at(PF), &ticket, &why) : manage_assign(at(PF), &ticket, &why);

		started += ret == -EINPROGRESS;
		if (ret != -EINPROGRESS && ret != -EBUSY && ret != -ENODEV && ret != -EALREADY)
			fail_msg("%d: %s", ret, why.text);
		for (unsigned int n = 0; n < 20; n++)
			idle(20);
		for (unsigned int e = 0; e < event_count; e++) {
			ended += events[e].op == PCI_OP_ASSIGN || events[e].op == PCI_OP_DEASSIGN;
			assigned += events[e].op == PCI_OP_ASSIGN && !events[e].result;
		}
		event_count = 0;
		let_it_run();
	}
	atomic_store(&stop_removing, true);
	pthread_join(thread, NULL);
	settle();
	for (unsigned int e = 0; e < event_count; e++)
		ended += events[e].op == PCI_OP_ASSIGN || events[e].op == PCI_OP_DEASSIGN;
	assert_int_equal(started, ended);
	assert_true(assigned >= 20 && removed >= 20);
	oracle_is_content();
	no_op_is_left();
}

/* ---- the pool, from two CPUs ---- */

static _Atomic unsigned int taken_twice;

/* `tries` is the taker's, and nobody else writes it before the operation begins. */
static void *take_and_give(void *arg)
{
	host_cpu = (unsigned int)(uintptr_t)arg;
	for (unsigned int n = 0; n < 100000; n++) {
		struct manage_op *op;

		pci_dev_get(device(PORT), PCI_REF_WORK);
		op = manage_op_new(device(PORT), PCI_OP_RESET);
		if (!op || op->tries++)
			taken_twice++;
		if (!op)
			break;
		for (volatile unsigned int i = 0; i < n % 256; i++)
			; /* the other may come meanwhile */
		op->tries--;
		manage_op_free(op);
	}
	return NULL;
}

static void pool_of_two_cpus(void **state)
{
	pthread_t cpu[2];

	no_op_is_left();
	for (uintptr_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&cpu[i], NULL, take_and_give, (void *)i), 0);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(cpu[i], NULL);
	host_cpu = 0;
	assert_int_equal(taken_twice, 0);
	no_op_is_left();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(deassign_in_order),
		T(assign_in_order),
		T(nothing_stale),
		T(reset_in_quarantine),
		T(pending_transactions),
		T(refusals),
		T(refused_while_claimed),
		T(registers_in_one_page),
		T(two_callers_and_one_page),
		T(refused_and_gone),
		T(isolation_group),
		T(no_unit),
		T(virtual_functions),
		T(too_many),
		T(boot_fails_at_each_step),
		T(boot_refuses),
		T(against_remove),
		T(pool_of_two_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

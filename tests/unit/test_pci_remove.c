/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Removal: each answer of pci_dev_remove(), the release behind it, what happens when that fails, and other CPUs in
 * between.
 */
#include "tests/unit/pci_world.h"

/* Everything about a device that a refused removal must leave as it was. */
struct before {
	u64 state, owner, flags, op, refs;
	u64 generation;
	u64 listed, writes;
};

static struct before look(struct pci_dev *dev)
{
	struct fake_fn *f = fake_find(dev->sbdf.segment, dev->sbdf.bdf);

	return (struct before){
		dev->state, dev->owner, dev->flags, dev->op, refcnt_read(&dev->refs),
		pci_slot_generation(dev->sbdf),
		pci_domain_count(pci_dev_owner(dev)), f ? (unsigned int)f->writes : 0,
	};
}

static void assert_refused(struct pci_dev *dev, const char *text)
{
	struct before before = look(dev), after;

	assert_int_equal(take_out(dev->sbdf), -EBUSY);
	assert_string_equal(why.text, text);
	run_work();
	after = look(dev);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(world.blocks, 0);
	assert_int_equal(world.events, 0);
	assert_ptr_equal(found(dev->sbdf), dev);
}

/* ---- the answers ---- */

static void test_removed_at_once(void **state)
{
	struct fake_fn *f;

	one_device(&f);
	assert_int_equal(take_out(AT(0, 1, 0)), 0);
	assert_null(found(AT(0, 1, 0)));
	assert_int_equal(pci_slot_generation(AT(0, 1, 0)), 1);
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
	assert_int_equal(pci_domain_count(PCI_OWNER_QUARANTINE), 0);
	/*
	 * Silenced before its DMA was blocked: bus mastering, memory and I/O decoding off, the rest as it
	 * was.
	 */
	assert_int_equal(world.blocks, 1);
	assert_int_equal(world.blocked[0].command, 0x0500);
	assert_int_equal(world.blocked[0].refs, 0);
	assert_int_equal(world.blocked[0].state, PCI_RELEASING);
	assert_int_equal(fake_reg(f, 0x04, 2), 0x0500);
	run_work();
	assert_int_equal(world.events, 0); /* the answer was the answer */
	assert_int_equal(take_out(AT(0, 1, 0)), -ENODEV);
	assert_string_equal(why.text, "there is no such device");
	assert_int_equal(pci_dev_remove(AT(9, 9, 0), NULL, NULL), -ENODEV);
}

static void test_removed_while_held(void **state)
{
	struct pci_dev *dev = one_device(NULL), *held = pci_dev_find(AT(0, 1, 0));
	u32 first;

	pci_dev_get(dev, PCI_REF_MSI);
	assert_int_equal(take_out(AT(0, 1, 0)), -EINPROGRESS);
	first = ticket;
	assert_int_not_equal(first, 0);
	assert_int_equal(pci_dev_state(dev), PCI_DYING);
	assert_int_equal(dev->refs_by_kind[PCI_REF_BASE], 0);
	assert_int_equal(dev->refs_by_kind[PCI_REF_OWNER], 0);
	assert_int_equal(refcnt_read(&dev->refs), 2);
	assert_int_equal(pci_domain_count(PCI_OWNER_QUARANTINE), 0);
	assert_null(pci_dev_find(AT(0, 1, 0)));
	/* A second one changes nothing. */
	assert_int_equal(take_out(AT(0, 1, 0)), -EALREADY);
	assert_string_equal(why.text, "it is being removed already");
	assert_int_equal(refcnt_read(&dev->refs), 2);
	/* Holders may finish, and duplicate what they have. */
	pci_dev_get(dev, PCI_REF_WORK);
	assert_int_equal(pci_dev_read(dev, 0x00, 2), 0x8086);
	pci_dev_put(held, PCI_REF_TRANSIENT);
	pci_dev_put(dev, PCI_REF_MSI);
	run_work();
	assert_int_equal(world.events, 0);
	pci_dev_put(dev, PCI_REF_WORK);
	assert_int_equal(world.blocks, 0); /* a put only queues */
	assert_int_equal(take_out(AT(0, 1, 0)), -EALREADY);
	run_work();
	assert_int_equal(world.blocks, 1);
	assert_int_equal(world.events, 1);
	assert_int_equal(world.event[0].ticket, first);
	assert_int_equal(world.event[0].op, PCI_OP_REMOVE);
	assert_int_equal(world.event[0].sbdf.bdf, PCI_BDF(0, 1, 0));
	assert_int_equal(world.event[0].result, 0);
	assert_int_equal(take_out(AT(0, 1, 0)), -ENODEV);
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
}

static void test_refused_names_owner_and_holders(void **state)
{
	struct pci_dev *dev = one_device(NULL);
	struct pci_dev *held;

	assert_int_equal(pci_dev_set_owner(dev, PCI_OWNER_GUEST), 0);
	assert_refused(dev, "owned by the guest");
	pci_dev_get(dev, PCI_REF_VPCI);
	pci_dev_get(dev, PCI_REF_MSI);
	pci_dev_get(dev, PCI_REF_MSI);
	assert_refused(dev, "owned by the guest; held by vpci 1, msi 2");
	held = pci_dev_find_at(AT(0, 1, 0), (struct code_site){ "drivers/vpci/vpci.c:123" });
	assert_refused(dev, "owned by the guest; held by vpci 1, msi 2, "
			    "transient 1 (drivers/vpci/vpci.c:123)");
	pci_dev_get_at(dev, PCI_REF_TRANSIENT, (struct code_site){ "a.c:1" });
	pci_dev_convert_at(dev, PCI_REF_TRANSIENT, PCI_REF_WORK, (struct code_site){ "b.c:2" });
	/* Who came last has converted his: the earlier one's name stays. */
	assert_refused(dev, "owned by the guest; held by vpci 1, msi 2, work 1 (b.c:2), "
			    "transient 1 (drivers/vpci/vpci.c:123)");
	pci_dev_put(held, PCI_REF_TRANSIENT);
}

static void test_refused_to_fairlead(void **state)
{
	struct pci_dev *dev = one_device(NULL);

	assert_int_equal(pci_dev_set_owner(dev, PCI_OWNER_FAIRLEAD), 0);
	assert_refused(dev, "used by Fairlead");
}

static void test_refused_while_claimed(void **state)
{
	struct pci_dev *dev = one_device(NULL);

	assert_int_equal(pci_op_begin(dev, PCI_OP_RESET, &ticket, NULL), 0);
	assert_refused(dev, "operation reset runs on it");
	pci_op_end(dev, 0);
	assert_int_equal(take_out(AT(0, 1, 0)), 0);
}

static void test_refused_while_new(void **state)
{
	assert_non_null(pci_dev_create(AT(0, 1, 0), NULL));
	assert_int_equal(take_out(AT(0, 1, 0)), -EBUSY);
	assert_string_equal(why.text, "it is being added");
}

static void test_hidden_devices_can_be_removed(void **state)
{
	struct pci_dev *dev = one_device(NULL);

	atomic_fetch_or(&dev->flags, PCI_FLAG_HIDDEN | PCI_FLAG_BROKEN);
	assert_int_equal(take_out(AT(0, 1, 0)), 0);
}

static void test_bridge_with_devices_behind_it(void **state)
{
	struct fake_fn *b = fake_add_bridge(PCI_BDF(0, 2, 0), 1, 1);
	struct pci_dev *bridge, *child;

	fake_add(PCI_BDF(1, 0, 0), 0x8086, 1, 0x020000, 0);
	fake_add(PCI_BDF(1, 1, 0), 0x8086, 1, 0x020000, 0);
	assert_int_equal(pci_rescan(), 3);
	bridge = must_find(AT(0, 2, 0));
	assert_refused(bridge, "2 devices behind it; held by parent 2");
	child = pci_dev_find(AT(1, 0, 0));
	assert_int_equal(take_out(AT(1, 1, 0)), 0);
	assert_int_equal(take_out(AT(1, 0, 0)), -EINPROGRESS);
	world.blocks = 0;
	assert_refused(bridge, "1 device behind it; held by parent 1"); /* dying, but there */
	pci_dev_put(child, PCI_REF_TRANSIENT);
	run_work();
	b->writes = 0;
	assert_int_equal(take_out(AT(0, 2, 0)), 0);
	/* Decoding off; a bridge's bus mastering stays as it is. */
	assert_int_equal(fake_reg(b, 0x04, 2), 0x0004);
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
}

static void test_host_bridges_are_not_silenced(void **state)
{
	struct fake_fn *f = fake_add(PCI_BDF(0, 0, 0), 0x8086, 0x29c0, 0x060000, 0);

	fake_put(f->cfg, 0x04, 2, 0x0107);
	assert_int_equal(pci_dev_add(AT(0, 0, 0)), 0);
	assert_int_equal(take_out(AT(0, 0, 0)), 0);
	assert_int_equal(f->writes, 0);
	assert_int_equal(world.blocks, 1);
}

/* ---- virtual functions ---- */

static void test_pf_with_vfs_stays_healthy(void **state)
{
	struct pci_dev *pf = one_device(NULL), *vf;

	vf = add_vf(pf, AT(0, 1, 1));
	assert_refused(pf, "1 virtual function exists; held by pf 1");
	add_vf(pf, AT(0, 1, 2));
	add_vf(pf, AT(0, 1, 3));
	assert_int_equal(vf_count(pf), 3);
	assert_refused(pf, "3 virtual functions exist; held by pf 3");
	assert_int_equal(pci_dev_set_owner(pf, PCI_OWNER_GUEST), 0); /* it is as usable as before */
	assert_int_equal(pci_dev_set_owner(pf, PCI_OWNER_QUARANTINE), 0);
	/* From the middle, the head and the tail of its list. */
	assert_int_equal(take_out(AT(0, 1, 2)), 0);
	assert_int_equal(vf_count(pf), 2);
	assert_int_equal(take_out(AT(0, 1, 3)), 0);
	assert_int_equal(take_out(AT(0, 1, 1)), 0);
	assert_int_equal(vf_count(pf), 0);
	assert_null(pf->vf_first);
	assert_int_equal(refcnt_read(&pf->refs), 2);
	assert_int_equal(take_out(AT(0, 1, 0)), 0);
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
	(void)vf;
}

/* A VF that is being made when its PF is removed is never published. */
static void test_vf_of_a_dying_pf(void **state)
{
	struct pci_dev *pf = one_device(NULL), *vf = pci_dev_create_vf(AT(0, 1, 1), pf);

	assert_int_equal(take_out(AT(0, 1, 0)), -EINPROGRESS); /* its PF reference */
	assert_int_equal(pci_vf_publish(vf), -ENODEV);
	assert_int_equal(pci_dev_state(vf), PCI_NEW);
	assert_int_equal(vf_count(pf), 0);
	pci_dev_drop(vf);
	run_work();
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
	assert_int_equal(world.events, 1);
}

/* ---- the release fails ---- */

static void test_release_that_failed_keeps_the_object(void **state)
{
	struct pci_dev *dev = one_device(NULL), *held = pci_dev_find(AT(0, 1, 0));
	u32 first;

	world.block_result = -ETIMEDOUT;
	assert_int_equal(take_out(AT(0, 1, 0)), -EINPROGRESS);
	first = ticket;
	assert_int_equal(pci_dev_add(AT(0, 1, 0)), -EBUSY); /* latched, and then of no use */
	pci_dev_put(held, PCI_REF_TRANSIENT);
	run_work();
	assert_int_equal(world.events, 1);
	assert_int_equal(world.event[0].ticket, first);
	assert_int_equal(world.event[0].result, -ETIMEDOUT);
	assert_ptr_equal(found(AT(0, 1, 0)), dev);
	assert_int_equal(pci_dev_state(dev), PCI_LIVE);
	assert_true(pci_dev_has(dev, PCI_FLAG_BROKEN));
	assert_int_equal(pci_dev_owner(dev), PCI_OWNER_QUARANTINE);
	assert_int_equal(pci_domain_count(PCI_OWNER_QUARANTINE), 1);
	assert_int_equal(refcnt_read(&dev->refs), 2);
	assert_int_equal(dev->refs_by_kind[PCI_REF_BASE], 1);
	assert_int_equal(dev->refs_by_kind[PCI_REF_OWNER], 1);
	assert_int_equal(pci_dev_op(dev), PCI_OP_NONE);
	assert_int_equal(pci_slot_generation(AT(0, 1, 0)), 0);
	assert_int_equal(pci_objects_left(), POOL_DEVICES - 1);
	assert_true(logged("0000:00:01.0: its DMA cannot be blocked (-110)"));
	/* Within remove itself: the event brings the result. */
	assert_int_equal(take_out(AT(0, 1, 0)), -EINPROGRESS);
	assert_int_not_equal(ticket, first);
	run_work();
	assert_int_equal(world.events, 2);
	assert_int_equal(world.event[1].ticket, ticket);
	assert_int_equal(world.event[1].result, -ETIMEDOUT);
	/* Later it works. */
	world.block_result = 0;
	assert_int_equal(take_out(AT(0, 1, 0)), 0);
	run_work();
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
	assert_null(found(AT(0, 1, 0))); /* the latch was taken back */
	assert_int_equal(pci_dev_add(AT(0, 1, 0)), 0);
	assert_false(pci_dev_has(must_find(AT(0, 1, 0)), PCI_FLAG_BROKEN));
}

static void add_while_kept(enum pci_test_point point)
{
	if (point == PCI_TEST_KEEPS)
		assert_int_equal(pci_dev_add(AT(0, 1, 0)), -EBUSY); /* latched */
}

/* Latched at the last moment before it is LIVE again: it is there, and its next remove is its end. */
static void test_latched_while_it_is_kept(void **state)
{
	one_device(NULL);
	world.block_result = -ETIMEDOUT;
	pci_test_hook = add_while_kept;
	assert_int_equal(take_out(AT(0, 1, 0)), -EINPROGRESS);
	pci_test_hook = NULL;
	run_work();
	assert_int_equal(pci_dev_state(must_find(AT(0, 1, 0))), PCI_LIVE);
	world.block_result = 0;
	assert_int_equal(take_out(AT(0, 1, 0)), 0);
	run_work();
	assert_null(found(AT(0, 1, 0)));
	assert_int_equal(world.events, 1);
}

/* ---- others in between ---- */

/* A fault handler finds the device and puts it while remove is between its lookup and its decision. */
static struct pci_dev *fault_dev;

static void fault_between(enum pci_test_point point)
{
	if (point == PCI_TEST_REMOVE_FOUND)
		fault_dev = pci_dev_find(AT(0, 1, 0));
}

static void test_fault_handler_after_the_last_reference(void **state)
{
	struct pci_dev *dev = one_device(NULL);

	pci_test_hook = fault_between;
	assert_int_equal(take_out(AT(0, 1, 0)), -EINPROGRESS);
	pci_test_hook = NULL;
	assert_ptr_equal(fault_dev, dev);
	/* All other references are gone; the handler still may use what it holds. */
	assert_int_equal(refcnt_read(&dev->refs), 1);
	pci_dev_stop_dma(fault_dev);
	pci_dev_put(fault_dev, PCI_REF_TRANSIENT);
	assert_null(pci_dev_find(AT(0, 1, 0))); /* a later fault finds nothing */
	run_work();
	assert_int_equal(world.events, 1);
	assert_int_equal(world.event[0].ticket, ticket);
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
}

/* Two removers: the second one comes between the first one's lookup and decision. */
static int inner;

static void remove_between(enum pci_test_point point)
{
	if (point != PCI_TEST_REMOVE_FOUND)
		return;
	pci_test_hook = NULL;
	inner = pci_dev_remove(AT(0, 1, 0), NULL, NULL);
}

static void test_two_removers(void **state)
{
	one_device(NULL);
	pci_test_hook = remove_between;
	assert_int_equal(take_out(AT(0, 1, 0)), -EALREADY);
	assert_string_equal(why.text, "it is being removed already");
	assert_int_equal(inner, -EINPROGRESS); /* the other one held it */
	run_work();
	assert_int_equal(world.events, 1);
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
}

/* Assign and remove from several CPUs: each time exactly one wins. */
#define RACERS 4
#define RACES  3000

static pthread_barrier_t barrier;
static _Atomic unsigned int assigned, taken_out;

static void race_once(bool remover)
{
	struct pci_dev *dev;
	u32 t;

	if (remover) {
		int ret = pci_dev_remove(AT(0, 1, 0), &t, NULL);

		if (ret == 0 || ret == -EINPROGRESS)
			taken_out++;
		return;
	}
	dev = pci_dev_find(AT(0, 1, 0));
	if (!dev)
		return;
	if (!pci_op_begin(dev, PCI_OP_ASSIGN, &t, NULL)) {
		if (!pci_dev_set_owner(dev, PCI_OWNER_GUEST))
			assigned++;
		pci_op_end(dev, 0);
	}
	pci_dev_put(dev, PCI_REF_TRANSIENT);
}

static void *racer(void *arg)
{
	host_cpu = (unsigned int)(size_t)arg;
	for (unsigned int i = 0; i < RACES; i++) {
		pthread_barrier_wait(&barrier);
		race_once(host_cpu % 2);
		work_run(WORK_BUDGET);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static void test_assign_races_remove(void **state)
{
	pthread_t thread[RACERS];
	unsigned int won[2] = { 0, 0 };

	fake_add(PCI_BDF(0, 1, 0), 0x8086, 1, 0x020000, 0);
	pci_set_hooks(NULL);
	pci_set_event_listener(NULL, NULL);
	pthread_barrier_init(&barrier, NULL, RACERS + 1);
	for (size_t i = 0; i < RACERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, racer, (void *)(i + 1)), 0);
	for (unsigned int i = 0; i < RACES; i++) {
		struct pci_dev *dev;

		assigned = taken_out = 0;
		assert_int_equal(pci_dev_add(AT(0, 1, 0)), 0);
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		/* Two assigns one after the other may both succeed: the device is there already. */
		assert_true((assigned > 0) != (taken_out > 0));
		assert_true(taken_out <= 1);
		won[taken_out]++;
		run_work();
		dev = found(AT(0, 1, 0));
		assert_int_equal(dev != NULL, assigned > 0);
		if (!dev)
			continue;
		assert_int_equal(refcnt_read(&dev->refs), 2);
		assert_int_equal(pci_dev_set_owner(dev, PCI_OWNER_QUARANTINE), 0);
		assert_int_equal(pci_dev_remove(AT(0, 1, 0), NULL, NULL), 0);
	}
	for (size_t i = 0; i < RACERS; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&barrier);
	run_work();
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
	assert_int_equal(pci_domain_count(PCI_OWNER_GUEST) + pci_domain_count(PCI_OWNER_QUARANTINE), 0);
	print_message("removed %u, assigned %u times\n", won[1], won[0]);
}

/*
 * Lookups, holders and walkers on three CPUs while two devices that share the pool's objects come and go on a
 * fourth: nobody is ever handed another device than asked for, and nothing is left over.
 */
#define LOOKERS 3
#define LIVES	500

static _Atomic bool stop;
static _Atomic unsigned int wrong;

static void *looker(void *arg)
{
	struct sbdf sbdf = { 0, PCI_BDF(0, 1, 0) };
	struct pci_dev_info info;

	host_cpu = (unsigned int)(size_t)arg;
	while (!stop) {
		struct pci_dev *dev = pci_dev_find(sbdf);
		u32 from = 0;

		if (dev) {
			wrong += dev->sbdf.bdf != sbdf.bdf || dev->device != sbdf.bdf;
			pci_dev_convert(dev, PCI_REF_TRANSIENT, PCI_REF_WORK);
			pci_dev_put(dev, PCI_REF_WORK);
		}
		for (dev = pci_dev_next(NULL); dev; dev = pci_dev_next(dev))
			wrong += dev->device != dev->sbdf.bdf;
		while (pci_dev_info_next(&from, &info))
			wrong += info.state != PCI_NEW && info.device != info.sbdf.bdf;
		sbdf.bdf ^= PCI_BDF(0, 1, 0) ^ PCI_BDF(0, 2, 0);
		work_run(WORK_BUDGET);
	}
	work_run(WORK_BUDGET);
	return NULL;
}

static void test_lookups_while_devices_come_and_go(void **state)
{
	pthread_t thread[LOOKERS];
	unsigned int lives = 0;

	pci_set_hooks(NULL);
	pci_set_event_listener(NULL, NULL);
	stop = false;
	for (unsigned int i = 1; i < 3; i++)
		fake_add(PCI_BDF(0, i, 0), 0x8086, PCI_BDF(0, i, 0), 0x020000, 0);
	for (size_t i = 0; i < LOOKERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, looker, (void *)(i + 1)), 0);
	for (unsigned int i = 0; lives < LIVES; i++) {
		struct sbdf sbdf = AT(0, 1 + i % 2, 0);
		u64 generation;

		if (!pci_dev_add(sbdf)) {
			lives++;
			sched_yield();
		}
		generation = pci_slot_generation(sbdf);
		if (!pci_dev_remove(sbdf, NULL, NULL))
			/* 0 means that it is gone; an older one may have gone since, and a latched one come. */
			wrong += pci_slot_generation(sbdf) <= generation;
		work_run(WORK_BUDGET);
	}
	stop = true;
	for (size_t i = 0; i < LOOKERS; i++)
		pthread_join(thread[i], NULL);
	run_work();
	for (unsigned int i = 1; i < 3; i++) /* a latched add may have been the last */
		assert_int_equal(pci_dev_remove(AT(0, i, 0), NULL, NULL), found(AT(0, i, 0)) ? 0 : -ENODEV);
	run_work();
	assert_int_equal(wrong, 0);
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
	assert_int_equal(pci_domain_count(PCI_OWNER_QUARANTINE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_removed_at_once),
		T(test_removed_while_held),
		T(test_refused_names_owner_and_holders),
		T(test_refused_to_fairlead),
		T(test_refused_while_claimed),
		T(test_refused_while_new),
		T(test_hidden_devices_can_be_removed),
		T(test_bridge_with_devices_behind_it),
		T(test_host_bridges_are_not_silenced),
		T(test_pf_with_vfs_stays_healthy),
		T(test_vf_of_a_dying_pf),
		T(test_release_that_failed_keeps_the_object),
		T(test_latched_while_it_is_kept),
		T(test_fault_handler_after_the_last_reference),
		T(test_two_removers),
		T(test_assign_races_remove),
		T(test_lookups_while_devices_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

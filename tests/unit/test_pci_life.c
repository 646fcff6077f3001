/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of device objects: lookup and its second check, references by kind, the slot table with its
 * generations and latches, adding.
 */
#include "tests/unit/pci_world.h"

/* ---- lookup ---- */

static void test_lookup_takes_one_transient_reference(void **state)
{
	struct pci_dev *dev = one_device(NULL), *held;

	assert_int_equal(refcnt_read(&dev->refs), 2); /* BASE and OWNER */
	held = pci_dev_find(AT(0, 1, 0));
	assert_ptr_equal(held, dev);
	assert_int_equal(refcnt_read(&dev->refs), 3);
	assert_int_equal(dev->refs_by_kind[PCI_REF_BASE], 1);
	assert_int_equal(dev->refs_by_kind[PCI_REF_OWNER], 1);
	assert_int_equal(dev->refs_by_kind[PCI_REF_TRANSIENT], 1);
	pci_dev_put(held, PCI_REF_TRANSIENT);
	assert_int_equal(refcnt_read(&dev->refs), 2);
	assert_null(pci_dev_find(AT(0, 1, 1)));
	assert_null(pci_dev_find(AT(9, 1, 0)));
	assert_null(pci_dev_find((struct sbdf){ 7, PCI_BDF(0, 1, 0) }));
}

static void test_new_is_not_found_and_has_its_slot(void **state)
{
	struct pci_dev *dev = pci_dev_create(AT(0, 1, 0), NULL), *rival;

	assert_non_null(dev);
	assert_int_equal(pci_dev_state(dev), PCI_NEW);
	assert_null(pci_dev_find(AT(0, 1, 0)));
	assert_int_equal(pci_dev_reserve(AT(0, 1, 0), NULL, NULL, &rival), -EBUSY);
	assert_int_equal(pci_objects_left(), POOL_DEVICES - 1);
	assert_int_equal(refcnt_read(&dev->refs), 2); /* the failed lookup gave back what it took */
	pci_dev_publish(dev);
	assert_int_equal(pci_dev_state(dev), PCI_LIVE);
	assert_ptr_equal(found(AT(0, 1, 0)), dev);
	assert_int_equal(pci_domain_count(PCI_OWNER_QUARANTINE), 1);
}

static void test_dropped_before_publication(void **state)
{
	struct pci_dev *dev = pci_dev_create(AT(0, 1, 0), NULL);

	pci_dev_drop(dev);
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
	assert_int_equal(world.blocks, 0); /* it was nobody's yet: nothing to silence */
	dev = pci_dev_create(AT(0, 1, 0), NULL);
	assert_non_null(dev);
	pci_dev_publish(dev);
	panic_expected = true;
	if (!setjmp(panic_jump)) {
		pci_dev_drop(dev);
		fail();
	}
	assert_non_null(strstr(panic_text, "0000:00:01.0: dropped by its creator"));
}

/* Between the load of the slot and the reference the device is removed for good. */
static void remove_it(enum pci_test_point point)
{
	if (point != PCI_TEST_LOOKUP_LOADED)
		return;
	pci_test_hook = NULL;
	assert_int_equal(pci_dev_remove(AT(0, 1, 0), NULL, NULL), 0);
}

static void test_stale_pointer_to_free_object(void **state)
{
	one_device(NULL);
	pci_test_hook = remove_it;
	assert_null(pci_dev_find(AT(0, 1, 0)));
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
	assert_int_equal(run_work(), 0); /* nothing was released twice */
}

/* ... and its object is born again as another device. */
static void replace_it(enum pci_test_point point)
{
	if (point != PCI_TEST_LOOKUP_LOADED)
		return;
	pci_test_hook = NULL;
	assert_int_equal(pci_dev_remove(AT(0, 1, 0), NULL, NULL), 0);
	assert_int_equal(pci_dev_add(AT(0, 2, 0)), 0);
}

static void test_stale_pointer_to_another_device(void **state)
{
	struct pci_dev *dev = one_device(NULL);

	fake_add(PCI_BDF(0, 2, 0), 0x8086, 2, 0x020000, 0);
	pci_test_hook = replace_it;
	assert_null(pci_dev_find(AT(0, 1, 0)));
	assert_ptr_equal(found(AT(0, 2, 0)), dev); /* the pool gave the same object */
	assert_int_equal(refcnt_read(&dev->refs), 2);
}

/* ... or as a new one at the same address: that is the device that was asked for. */
static void readd_it(enum pci_test_point point)
{
	if (point != PCI_TEST_LOOKUP_LOADED)
		return;
	pci_test_hook = NULL;
	assert_int_equal(pci_dev_remove(AT(0, 1, 0), NULL, NULL), 0);
	assert_int_equal(pci_dev_add(AT(0, 1, 0)), 0);
}

static void test_stale_pointer_to_the_same_address(void **state)
{
	struct pci_dev *dev = one_device(NULL), *again;

	pci_test_hook = readd_it;
	again = pci_dev_find(AT(0, 1, 0));
	assert_ptr_equal(again, dev);
	assert_int_equal(pci_slot_generation(AT(0, 1, 0)), 1);
	pci_dev_put(again, PCI_REF_TRANSIENT);
}

/* Between the reference and the second check: the stray put is the last one, and only queues. */
static int removed;

static void remove_taken(enum pci_test_point point)
{
	if (point != PCI_TEST_LOOKUP_TAKEN)
		return;
	pci_test_hook = NULL;
	removed = pci_dev_remove(AT(0, 1, 0), NULL, NULL);
}

static void test_stray_put_is_the_last(void **state)
{
	struct pci_dev *dev = one_device(NULL);

	pci_test_hook = remove_taken;
	assert_null(pci_dev_find(AT(0, 1, 0)));
	assert_int_equal(removed, -EINPROGRESS);
	assert_int_equal(refcnt_read(&dev->refs), 0);
	assert_int_equal(world.blocks, 0); /* not within the put */
	assert_int_equal(pci_dev_state(dev), PCI_DYING);
	run_work();
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
	assert_int_equal(world.events, 1);
	assert_int_equal(world.event[0].op, PCI_OP_REMOVE);
	assert_int_equal(world.event[0].result, 0);
}

/* ---- walking ---- */

static void test_walk_in_order(void **state)
{
	static const u16 bdfs[] = { PCI_BDF(5, 0, 1), PCI_BDF(0, 31, 7), PCI_BDF(0, 0, 0), PCI_BDF(255, 31, 7),
				    PCI_BDF(5, 0, 0) };
	static const struct { u16 segment, bdf; } order[] = {
		{ 0, PCI_BDF(0, 0, 0) }, { 0, PCI_BDF(0, 31, 7) }, { 0, PCI_BDF(5, 0, 0) },
		{ 0, PCI_BDF(5, 0, 1) }, { 0, PCI_BDF(255, 31, 7) }, { 2, PCI_BDF(1, 0, 0) }, { 9, PCI_BDF(0, 0, 0) },
	};
	struct pci_dev *dev;
	unsigned int n = 0;

	pci_dev_publish(pci_dev_create((struct sbdf){ 9, PCI_BDF(0, 0, 0) }, NULL));
	pci_dev_publish(pci_dev_create((struct sbdf){ 2, PCI_BDF(1, 0, 0) }, NULL));
	for (unsigned int i = 0; i < 5; i++)
		pci_dev_publish(pci_dev_create((struct sbdf){ 0, bdfs[i] }, NULL));
	assert_non_null(pci_dev_create(AT(0, 3, 0), NULL)); /* NEW: not met */
	for (dev = pci_dev_next(NULL); dev; dev = pci_dev_next(dev), n++) {
		assert_in_range(n, 0, 6);
		assert_int_equal(dev->sbdf.segment, order[n].segment);
		assert_int_equal(dev->sbdf.bdf, order[n].bdf);
		assert_int_equal(refcnt_read(&dev->refs), 3);
	}
	assert_int_equal(n, 7);
	dev = found(AT(0, 0, 0));
	assert_int_equal(refcnt_read(&dev->refs), 2);
}

static void test_walk_survives_the_removal_of_where_it_stands(void **state)
{
	struct pci_dev *dev;

	for (unsigned int i = 1; i < 4; i++)
		pci_dev_publish(pci_dev_create(AT(0, i, 0), NULL));
	dev = pci_dev_next(NULL);
	assert_int_equal(pci_dev_remove(AT(0, 1, 0), NULL, NULL), -EINPROGRESS);
	assert_int_equal(pci_dev_remove(AT(0, 2, 0), NULL, NULL), 0);
	dev = pci_dev_next(dev);
	assert_int_equal(dev->sbdf.bdf, PCI_BDF(0, 3, 0));
	assert_null(pci_dev_next(dev));
	run_work();
	assert_int_equal(pci_objects_left(), POOL_DEVICES - 1);
}

static void test_info_shows_every_state(void **state)
{
	struct pci_dev_info info;
	struct pci_dev *held, *dev = one_device(NULL);
	u32 from = 0;

	assert_non_null(pci_dev_create(AT(0, 2, 0), NULL));
	assert_int_equal(pci_op_begin(dev, PCI_OP_RESET, &ticket, NULL), 0);
	assert_true(pci_dev_info_next(&from, &info));
	assert_int_equal(info.sbdf.bdf, PCI_BDF(0, 1, 0));
	assert_int_equal(info.vendor, 0x8086);
	assert_int_equal(info.device, 0x10d3);
	assert_int_equal(info.class_code, 0x020000);
	assert_int_equal(info.state, PCI_LIVE);
	assert_int_equal(info.owner, PCI_OWNER_QUARANTINE);
	assert_int_equal(info.op, PCI_OP_RESET);
	assert_int_equal(info.refs, 2);
	assert_int_equal(info.refs_by_kind[PCI_REF_OWNER], 1);
	assert_int_equal(info.generation, 0);
	assert_true(pci_dev_info_next(&from, &info));
	assert_int_equal(info.sbdf.bdf, PCI_BDF(0, 2, 0));
	assert_int_equal(info.state, PCI_NEW);
	assert_false(pci_dev_info_next(&from, &info));
	pci_op_end(dev, 0);
	held = pci_dev_find(AT(0, 1, 0));
	assert_int_equal(pci_dev_remove(AT(0, 1, 0), &ticket, NULL), -EINPROGRESS);
	from = 0;
	assert_true(pci_dev_info_next(&from, &info));
	assert_int_equal(info.state, PCI_DYING);
	assert_int_equal(info.op, PCI_OP_REMOVE);
	assert_int_equal(info.holder_kind[0], PCI_REF_TRANSIENT);
	assert_non_null(strstr(info.holder[0], "tests/unit/test_pci_life.c:"));
	pci_dev_put(held, PCI_REF_TRANSIENT);
	run_work();
	assert_int_equal(pci_dev_add(AT(0, 1, 0)), 0);
	from = 0;
	assert_true(pci_dev_info_next(&from, &info));
	assert_int_equal(info.generation, 1);
	assert_int_equal(from, PCI_BDF(0, 1, 0) + 1);
	from = (u32)PCI_BDF(255, 31, 7) + 1; /* another segment: none there */
	assert_false(pci_dev_info_next(&from, &info));
}

/* ---- references ---- */

static void test_kinds_and_holders(void **state)
{
	struct pci_dev *dev = one_device(NULL);
	unsigned int listed = 0;

	pci_dev_get(dev, PCI_REF_VPCI);
	pci_dev_get(dev, PCI_REF_MSI);
	pci_dev_get(dev, PCI_REF_MSI);
	pci_dev_get(dev, PCI_REF_TRANSIENT);
	assert_int_equal(dev->refs_by_kind[PCI_REF_MSI], 2);
	pci_dev_convert(dev, PCI_REF_TRANSIENT, PCI_REF_WORK);
	assert_int_equal(dev->refs_by_kind[PCI_REF_TRANSIENT], 0);
	assert_int_equal(dev->refs_by_kind[PCI_REF_WORK], 1);
	assert_int_equal(refcnt_read(&dev->refs), 6);
	for (unsigned int i = 0; i < PCI_SITES; i++)
		listed += dev->holder_site[i] != NULL;
	assert_int_equal(listed, 4);
	pci_dev_put(dev, PCI_REF_MSI);
	pci_dev_put(dev, PCI_REF_WORK);
	listed = 0;
	for (unsigned int i = 0; i < PCI_SITES; i++) {
		assert_int_equal(dev->holder_site[i] != NULL, dev->holder_kind[i] != 0);
		listed += dev->holder_kind[i] == PCI_REF_MSI || dev->holder_kind[i] == PCI_REF_VPCI;
		assert_int_not_equal(dev->holder_kind[i], PCI_REF_WORK);
	}
	assert_int_equal(listed, 2);
	pci_dev_put(dev, PCI_REF_MSI);
	panic_expected = true;
	if (!setjmp(panic_jump)) {
		pci_dev_put(dev, PCI_REF_MSI);
		fail();
	}
	assert_string_equal(panic_text, "0000:00:01.0: a msi reference was dropped that nobody took");
}

static void test_more_holders_than_places(void **state)
{
	struct pci_dev *dev = one_device(NULL);

	for (unsigned int i = 0; i < PCI_SITES + 5; i++)
		pci_dev_get(dev, PCI_REF_MSI);
	assert_int_equal(dev->refs_by_kind[PCI_REF_MSI], PCI_SITES + 5);
	for (unsigned int i = 0; i < PCI_SITES + 5; i++)
		pci_dev_put(dev, PCI_REF_MSI);
	for (unsigned int i = 0; i < PCI_SITES; i++)
		assert_null(dev->holder_site[i]);
	assert_int_equal(refcnt_read(&dev->refs), 2);
}

/* A leak beyond all bounds costs the object, never its memory's safety. */
static void test_saturated_is_never_released(void **state)
{
	struct pci_dev *dev = one_device(NULL);

	atomic_store(&dev->refs.n, REFCNT_SATURATED - 1);
	pci_dev_get(dev, PCI_REF_MSI);
	assert_int_equal(refcnt_read(&dev->refs), REFCNT_SATURATED);
	pci_dev_put(dev, PCI_REF_MSI);
	assert_int_equal(pci_dev_remove(AT(0, 1, 0), &ticket, NULL), -EINPROGRESS);
	run_work();
	assert_int_equal(pci_dev_state(dev), PCI_DYING);
	assert_int_equal(refcnt_read(&dev->refs), REFCNT_SATURATED);
	assert_int_equal(pci_objects_left(), POOL_DEVICES - 1);
	assert_int_equal(pci_dev_remove(AT(0, 1, 0), &ticket, NULL), -EALREADY);
}

/* Lookups and gets from many CPUs at once leave the books as they were. */
#define CPUS 4
#define ROUNDS 20000

static void *hold_and_let_go(void *arg)
{
	host_cpu = (unsigned int)(size_t)arg;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct pci_dev *dev = pci_dev_find(AT(0, 1, 0));

		if (!dev)
			return arg;
		pci_dev_get(dev, PCI_REF_MSI);
		pci_dev_convert(dev, PCI_REF_TRANSIENT, PCI_REF_WORK);
		pci_dev_put(dev, PCI_REF_MSI);
		pci_dev_put(dev, PCI_REF_WORK);
	}
	return NULL;
}

static void test_books_of_many_cpus(void **state)
{
	struct pci_dev *dev = one_device(NULL);
	pthread_t thread[CPUS];
	void *failed;

	for (size_t i = 0; i < CPUS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, hold_and_let_go, (void *)(i + 1)), 0);
	for (size_t i = 0; i < CPUS; i++) {
		assert_int_equal(pthread_join(thread[i], &failed), 0);
		assert_null(failed);
	}
	assert_int_equal(refcnt_read(&dev->refs), 2);
	for (unsigned int kind = 0; kind < PCI_REF_KINDS; kind++)
		assert_int_equal(dev->refs_by_kind[kind], kind == PCI_REF_BASE || kind == PCI_REF_OWNER);
	for (unsigned int i = 0; i < PCI_SITES; i++) {
		assert_null(dev->holder_site[i]);
		assert_int_equal(dev->holder_kind[i], 0);
	}
}

/* ---- adding ---- */

static void test_add_answers(void **state)
{
	struct fake_fn *f;
	struct pci_dev *dev = one_device(&f);
	unsigned long reads = f->reads, writes = f->writes;

	assert_int_equal(pci_domain_count(PCI_OWNER_QUARANTINE), 1);
	assert_int_equal(pci_dev_owner(dev), PCI_OWNER_QUARANTINE);
	assert_int_equal(dev->requester_id[0], PCI_BDF(0, 1, 0));
	assert_int_equal(pci_dev_add(AT(0, 1, 0)), -EBUSY);
	assert_int_equal(f->reads, reads); /* its holders' to touch */
	assert_int_equal(f->writes, writes);
	assert_int_equal(pci_dev_add(AT(0, 2, 0)), -ENODEV);
	assert_int_equal(pci_objects_left(), POOL_DEVICES - 1);
	assert_int_equal(pci_slot_generation(AT(0, 2, 0)), 1); /* reserved and emptied */
	fake_add(PCI_BDF(0, 4, 0), 0x0000, 1, 0x020000, 0); /* some bridges answer 0 for what is not there */
	fake_add(PCI_BDF(0, 5, 0), 0x0001, 0xffff, 0x020000, 0); /* configuration request retry */
	assert_int_equal(pci_dev_add(AT(0, 4, 0)), -ENODEV);
	assert_int_equal(pci_dev_add(AT(0, 5, 0)), -ENODEV);
	fake_add(PCI_BDF(0, 3, 0), 0x8086, 1, 0x020000, 0x03); /* no such header type */
	assert_int_equal(pci_dev_add(AT(0, 3, 0)), -ENODEV);
	assert_int_equal(pci_objects_left(), POOL_DEVICES - 1);
}

static void test_pool_exhausted(void **state)
{
	u16 bdf;

	for (unsigned int i = 0; i <= POOL_DEVICES; i++) {
		bdf = (u16)(PCI_BDF(0, 1, 0) + 8 * (i % 30) + i / 30);
		fake_add(bdf, 0x8086, 1, 0x020000, 0x80);
		assert_int_equal(pci_dev_add((struct sbdf){ 0, bdf }), i < POOL_DEVICES ? 0 : -ENOMEM);
	}
	assert_true(logged("no object is left for it"));
	assert_int_equal(pci_rescan(), -ENOMEM);
	assert_int_equal(pci_dev_remove(AT(0, 1, 0), NULL, NULL), 0);
	assert_int_equal(pci_dev_add((struct sbdf){ 0, bdf }), 0);
}

static void test_failed_add_leaves_nothing(void **state)
{
	for (unsigned int reads = 1; reads < 60; reads++) {
		struct fake_fn *b = fake_add_bridge(PCI_BDF(0, 1, 0), 1, 1);
		int ret;

		fake_express(b, 0x40, 4);
		b->vanish_after_reads = reads;
		ret = pci_dev_add(AT(0, 1, 0));
		if (!ret) {
			assert_int_equal(pci_dev_remove(AT(0, 1, 0), NULL, NULL), 0);
		} else {
			assert_int_equal(ret, -ENODEV);
			assert_false(logged("255-255"));
		}
		assert_int_equal(pci_objects_left(), POOL_DEVICES);
		assert_false(work_pending());
		fake_machine_reset();
	}
}

/* A function at the address of a dying device is added when that is gone. */
static void test_latched_add(void **state)
{
	struct pci_dev *dev = one_device(NULL), *held = pci_dev_find(AT(0, 1, 0));

	assert_int_equal(pci_dev_remove(AT(0, 1, 0), &ticket, NULL), -EINPROGRESS);
	assert_int_equal(pci_dev_add(AT(0, 1, 0)), -EBUSY);
	assert_int_equal(pci_dev_add(AT(0, 1, 0)), -EBUSY);
	assert_int_equal(pci_slot_generation(AT(0, 1, 0)), 0);
	pci_dev_put(held, PCI_REF_TRANSIENT);
	run_work();
	assert_int_equal(pci_slot_generation(AT(0, 1, 0)), 1);
	dev = must_find(AT(0, 1, 0));
	assert_int_equal(pci_dev_state(dev), PCI_LIVE);
	assert_int_equal(world.events, 2);
	assert_int_equal(world.event[0].ticket, ticket);
	assert_int_equal(world.event[0].op, PCI_OP_REMOVE);
	assert_int_equal(world.event[1].op, PCI_OP_ADD);
	assert_int_equal(world.event[1].sbdf.bdf, PCI_BDF(0, 1, 0));
	assert_int_equal(world.event[1].result, 0);
	/* Once: the next remove is the end. */
	assert_int_equal(pci_dev_remove(AT(0, 1, 0), NULL, NULL), 0);
	run_work();
	assert_null(found(AT(0, 1, 0)));
	assert_int_equal(world.events, 2);
}

/* A rescan is faster than what was latched: that is answered, and the next remove is the end all the same. */
static void test_added_before_the_latched(void **state)
{
	struct pci_dev *held;

	one_device(NULL);
	held = pci_dev_find(AT(0, 1, 0));
	assert_int_equal(pci_dev_remove(AT(0, 1, 0), NULL, NULL), -EINPROGRESS);
	assert_int_equal(pci_dev_add(AT(0, 1, 0)), -EBUSY);
	pci_dev_put(held, PCI_REF_TRANSIENT);
	assert_int_equal(work_run(1), 1);
	assert_int_equal(pci_slot_generation(AT(0, 1, 0)), 1); /* empty, the latched add queued */
	assert_int_equal(pci_dev_add(AT(0, 1, 0)), 0);
	run_work();
	assert_int_equal(pci_dev_remove(AT(0, 1, 0), NULL, NULL), 0);
	run_work();
	assert_null(found(AT(0, 1, 0)));
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
	assert_int_equal(world.events, 1); /* of the first remove */
}

/* The same when that one finds nothing there: nobody looks once more. */
static void test_looked_for_before_the_latched(void **state)
{
	struct pci_dev *held;
	struct fake_fn *f;

	one_device(&f);
	held = pci_dev_find(AT(0, 1, 0));
	assert_int_equal(pci_dev_remove(AT(0, 1, 0), NULL, NULL), -EINPROGRESS);
	assert_int_equal(pci_dev_add(AT(0, 1, 0)), -EBUSY);
	pci_dev_put(held, PCI_REF_TRANSIENT);
	assert_int_equal(work_run(1), 1);
	fake_vanish(f);
	assert_int_equal(pci_dev_add(AT(0, 1, 0)), -ENODEV);
	run_work();
	assert_int_equal(world.events, 1);
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
}

static void test_latched_but_gone_again(void **state)
{
	struct fake_fn *f;
	struct pci_dev *held;

	one_device(&f);
	held = pci_dev_find(AT(0, 1, 0));
	assert_int_equal(pci_dev_remove(AT(0, 1, 0), NULL, NULL), -EINPROGRESS);
	assert_int_equal(pci_dev_add(AT(0, 1, 0)), -EBUSY);
	fake_vanish(f);
	pci_dev_put(held, PCI_REF_TRANSIENT);
	run_work();
	assert_int_equal(world.event[1].op, PCI_OP_ADD);
	assert_int_equal(world.event[1].result, -ENODEV);
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
}

/* An address whose device is alive latches nothing. */
static void test_live_slot_is_not_latched(void **state)
{
	one_device(NULL);
	assert_int_equal(pci_dev_add(AT(0, 1, 0)), -EBUSY);
	assert_int_equal(pci_dev_remove(AT(0, 1, 0), NULL, NULL), 0);
	run_work();
	assert_null(found(AT(0, 1, 0)));
	assert_int_equal(world.events, 0);
}

/* A second start after a stop: nothing of the first life is left in the object. */
static void test_second_life_is_clean(void **state)
{
	struct pci_dev *dev = one_device(NULL), *again;

	atomic_fetch_or(&dev->flags, PCI_FLAG_RESET_NONE | PCI_FLAG_BROKEN | PCI_FLAG_QUARANTINED);
	dev->requester_ids = 9;
	dev->bar[0].size = 4096;
	assert_int_equal(pci_dev_set_owner(dev, PCI_OWNER_GUEST), 0);
	assert_int_equal(pci_dev_set_owner(dev, PCI_OWNER_QUARANTINE), 0);
	assert_int_equal(pci_dev_remove(AT(0, 1, 0), NULL, NULL), 0);
	assert_int_equal(pci_dev_add(AT(0, 1, 0)), 0);
	again = must_find(AT(0, 1, 0));
	assert_ptr_equal(again, dev);
	assert_int_equal(again->flags, 0);
	assert_int_equal(again->op, PCI_OP_NONE);
	assert_int_equal(pci_dev_owner(again), PCI_OWNER_QUARANTINE);
	assert_int_equal(again->requester_ids, 1);
	assert_int_equal(again->bar[0].size, 0);
	assert_int_equal(refcnt_read(&again->refs), 2);
	assert_int_equal(pci_domain_count(PCI_OWNER_QUARANTINE), 1);
	assert_int_equal(pci_domain_count(PCI_OWNER_GUEST), 0);
}

/* ---- rescan ---- */

static void test_rescan_adds_what_is_new_and_touches_nothing_else(void **state)
{
	struct fake_fn *f, *b, *n;
	struct pci_dev *dev = one_device(&f);

	b = fake_add_bridge(PCI_BDF(0, 2, 0), 1, 1);
	assert_int_equal(pci_rescan(), 1);
	n = fake_add(PCI_BDF(1, 0, 0), 0x8086, 7, 0x020000, 0);
	f->reads = f->writes = b->reads = b->writes = 0;
	assert_int_equal(pci_rescan(), 1);
	assert_int_equal(f->writes + b->writes, 0);
	assert_ptr_equal(must_find(AT(1, 0, 0))->parent, must_find(AT(0, 2, 0)));
	assert_ptr_equal(must_find(AT(0, 1, 0)), dev);
	f->reads = b->reads = n->reads = n->writes = 0;
	assert_int_equal(pci_rescan(), 0);
	assert_int_equal(f->reads + b->reads + n->reads + n->writes, 0);
	assert_int_equal(pci_dev_add(AT(1, 3, 0)), -ENODEV);
}

/* The bridge's registers change behind our back: the cached numbers count. */
static void test_rescan_uses_cached_bus_numbers(void **state)
{
	struct fake_fn *b = fake_add_bridge(PCI_BDF(0, 2, 0), 1, 2);

	assert_int_equal(pci_rescan(), 1);
	fake_add(PCI_BDF(1, 0, 0), 0x8086, 7, 0x020000, 0);
	b->cfg[0x1a] = 0; /* subordinate */
	assert_int_equal(pci_rescan(), 1);
	assert_int_equal(must_find(AT(1, 0, 0))->parent->subordinate_bus, 2);
	assert_int_equal(must_find(AT(1, 0, 0))->parent->secondary_bus, 1);
}

/* A vanished bridge reads 0xff: nothing behind it is looked for, and bus 255 is nobody's. */
static void test_rescan_does_not_enter_a_vanished_bridge(void **state)
{
	struct fake_fn *b = fake_add_bridge(PCI_BDF(0, 2, 0), 1, 1);
	struct pci_dev *bridge;

	assert_int_equal(pci_rescan(), 1);
	bridge = pci_dev_find(AT(0, 2, 0));
	fake_add(PCI_BDF(1, 0, 0), 0x8086, 7, 0x020000, 0);
	fake.root[1] = true; /* something answers there all the same */
	fake_vanish(b);
	atomic_fetch_or(&bridge->flags, PCI_FLAG_GONE);
	b->reads = 0;
	assert_int_equal(pci_rescan(), 0);
	assert_int_equal(pci_dev_add(AT(1, 0, 0)), -ENODEV);
	assert_int_equal(b->reads, 0);
	pci_dev_put(bridge, PCI_REF_TRANSIENT);
}

static void test_bridge_vanished_before_its_buses_were_read(void **state)
{
	struct fake_fn *b = fake_add_bridge(PCI_BDF(0, 2, 0), 1, 1);
	unsigned int reads;

	assert_int_equal(pci_dev_add(AT(0, 2, 0)), 0);
	reads = (unsigned int)b->reads;
	assert_int_equal(pci_dev_remove(AT(0, 2, 0), NULL, NULL), 0);
	for (unsigned int n = reads; n > reads - 4; n--) {
		log_text[0] = '\0';
		b->vanished = false;
		b->vanish_after_reads = n;
		assert_int_equal(pci_dev_add(AT(0, 2, 0)), n == reads ? 0 : -ENODEV);
		assert_false(logged("bus numbers 255"));
		if (n == reads)
			assert_int_equal(pci_dev_remove(AT(0, 2, 0), NULL, NULL), 0);
	}
}

static void test_two_bridges_to_one_bus(void **state)
{
	fake_add_bridge(PCI_BDF(0, 1, 0), 1, 1);
	fake_add_bridge(PCI_BDF(0, 2, 0), 1, 1);
	assert_int_equal(pci_dev_add(AT(0, 1, 0)), 0);
	assert_int_equal(pci_dev_add(AT(0, 2, 0)), 0);
	assert_int_equal(must_find(AT(0, 2, 0))->secondary_bus, 0);
	assert_true(logged("0000:00:02.0: bus numbers 1-1 are another bridge's"));
	assert_int_equal(must_find(AT(0, 1, 0))->secondary_bus, 1);
}

/* A rescan meets a dying device whose function answers: it comes back by itself. */
static void test_rescan_latches(void **state)
{
	struct pci_dev *held;

	one_device(NULL);
	held = pci_dev_find(AT(0, 1, 0));
	assert_int_equal(pci_dev_remove(AT(0, 1, 0), NULL, NULL), -EINPROGRESS);
	assert_int_equal(pci_rescan(), 0);
	pci_dev_put(held, PCI_REF_TRANSIENT);
	run_work();
	assert_non_null(found(AT(0, 1, 0)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_lookup_takes_one_transient_reference),
		T(test_new_is_not_found_and_has_its_slot),
		T(test_dropped_before_publication),
		T(test_stale_pointer_to_free_object),
		T(test_stale_pointer_to_another_device),
		T(test_stale_pointer_to_the_same_address),
		T(test_stray_put_is_the_last),
		T(test_walk_in_order),
		T(test_walk_survives_the_removal_of_where_it_stands),
		T(test_info_shows_every_state),
		T(test_kinds_and_holders),
		T(test_more_holders_than_places),
		T(test_saturated_is_never_released),
		T(test_books_of_many_cpus),
		T(test_add_answers),
		T(test_pool_exhausted),
		T(test_failed_add_leaves_nothing),
		T(test_latched_add),
		T(test_added_before_the_latched),
		T(test_looked_for_before_the_latched),
		T(test_latched_but_gone_again),
		T(test_live_slot_is_not_latched),
		T(test_second_life_is_clean),
		T(test_rescan_adds_what_is_new_and_touches_nothing_else),
		T(test_rescan_uses_cached_bus_numbers),
		T(test_rescan_does_not_enter_a_vanished_bridge),
		T(test_bridge_vanished_before_its_buses_were_read),
		T(test_two_bridges_to_one_bus),
		T(test_rescan_latches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

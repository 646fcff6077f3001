/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who owns a device, who has claimed it, and what is told when an operation ends.
 */
#include "tests/unit/pci_world.h"

/* ---- owners ---- */

static void assert_list(enum pci_owner owner, unsigned int count, struct pci_dev **devices)
{
	struct pci_domain *dom = pci_domain(owner);
	struct pci_dev *dev, *prev = NULL;
	unsigned int n = 0;

	pci_domain_lock(dom);
	for (dev = dom->first; dev; prev = dev, dev = dev->domain_next, n++) {
		assert_true(n < count);
		assert_ptr_equal(dev, devices[n]);
		assert_ptr_equal(dev->domain_prev, prev);
	}
	assert_int_equal(n, count);
	assert_ptr_equal(dom->last, prev);
	assert_int_equal(dom->count, count);
	pci_domain_unlock(dom);
}

static void test_each_device_is_on_one_list(void **state)
{
	struct pci_dev *d[3];

	for (unsigned int i = 0; i < 3; i++) {
		d[i] = pci_dev_create(AT(0, i + 1, 0), NULL);
		pci_dev_publish(d[i]);
	}
	assert_list(PCI_OWNER_QUARANTINE, 3, d);
	assert_int_equal(pci_dev_set_owner(d[1], PCI_OWNER_GUEST), 0);
	assert_list(PCI_OWNER_GUEST, 1, &d[1]);
	assert_list(PCI_OWNER_QUARANTINE, 2, (struct pci_dev *[]){ d[0], d[2] });
	assert_int_equal(pci_dev_set_owner(d[1], PCI_OWNER_GUEST), 0); /* it is there */
	assert_list(PCI_OWNER_GUEST, 1, &d[1]);
	assert_int_equal(pci_dev_set_owner(d[0], PCI_OWNER_FAIRLEAD), 0);
	assert_int_equal(pci_dev_set_owner(d[1], PCI_OWNER_QUARANTINE), 0);
	assert_list(PCI_OWNER_QUARANTINE, 2, (struct pci_dev *[]){ d[2], d[1] });
	assert_list(PCI_OWNER_FAIRLEAD, 1, &d[0]);
	assert_int_equal(refcnt_read(&d[1]->refs), 2); /* OWNER moved along */
	assert_int_equal(pci_dev_remove(AT(0, 2, 0), NULL, NULL), 0);
	assert_list(PCI_OWNER_QUARANTINE, 1, &d[2]);
	assert_string_equal(pci_owner_name(PCI_OWNER_GUEST), "guest");
}

static void test_owner_is_not_moved_onto_a_dying_device(void **state)
{
	struct pci_dev *dev = one_device(NULL), *held = pci_dev_find(AT(0, 1, 0));

	assert_int_equal(pci_dev_remove(AT(0, 1, 0), NULL, NULL), -EINPROGRESS);
	assert_int_equal(pci_dev_set_owner(dev, PCI_OWNER_GUEST), -EBUSY);
	assert_int_equal(pci_dev_set_owner(dev, PCI_OWNER_QUARANTINE), -EBUSY);
	assert_int_equal(pci_dev_owner(dev), PCI_OWNER_QUARANTINE);
	assert_list(PCI_OWNER_GUEST, 0, NULL);
	assert_list(PCI_OWNER_QUARANTINE, 0, NULL);
	pci_dev_put(held, PCI_REF_TRANSIENT);
}

/* It dies while it is on neither list. */
static struct pci_dev *dying;

static void die_between(enum pci_test_point point)
{
	if (point != PCI_TEST_OWNER_BETWEEN)
		return;
	pci_test_hook = NULL;
	pci_dev_lock(dying);
	atomic_store(&dying->state, PCI_DYING);
	pci_dev_unlock(dying);
}

static void test_death_between_two_lists(void **state)
{
	dying = one_device(NULL);
	pci_test_hook = die_between;
	assert_int_equal(pci_dev_set_owner(dying, PCI_OWNER_GUEST), -EBUSY);
	assert_list(PCI_OWNER_GUEST, 0, NULL);
	assert_list(PCI_OWNER_QUARANTINE, 0, NULL);
}

static int removed;

/* It is removed between the first look at its state and the lists' locks. */
static void remove_before(enum pci_test_point point)
{
	if (point != PCI_TEST_OWNER_LEAVES)
		return;
	pci_test_hook = NULL;
	removed = pci_dev_remove(AT(0, 1, 0), NULL, NULL);
}

static void test_removed_before_it_leaves_its_list(void **state)
{
	struct pci_dev *dev = one_device(NULL), *held = pci_dev_find(AT(0, 1, 0));

	pci_test_hook = remove_before;
	assert_int_equal(pci_dev_set_owner(dev, PCI_OWNER_GUEST), -EBUSY);
	assert_int_equal(removed, -EINPROGRESS);
	assert_int_equal(pci_dev_owner(dev), PCI_OWNER_QUARANTINE);
	assert_list(PCI_OWNER_GUEST, 0, NULL);
	pci_dev_put(held, PCI_REF_TRANSIENT);
}

/* ---- claims and events ---- */

static void test_claims(void **state)
{
	struct pci_dev *dev = one_device(NULL), *held = pci_dev_find(AT(0, 1, 0));
	u32 first, second;

	assert_int_equal(pci_op_begin(dev, PCI_OP_ASSIGN, &first, &why), 0);
	assert_string_equal(why.text, "");
	assert_int_equal(pci_dev_op(dev), PCI_OP_ASSIGN);
	assert_int_not_equal(first, 0);
	assert_int_equal(pci_op_begin(dev, PCI_OP_RESET, &second, &why), -EBUSY);
	assert_string_equal(why.text, "operation assign runs on it");
	pci_op_end(dev, -EIO);
	assert_int_equal(pci_dev_op(dev), PCI_OP_NONE);
	assert_int_equal(world.events, 0); /* deferred */
	assert_int_equal(pci_op_begin(dev, PCI_OP_RESET, &second, &why), 0);
	assert_int_not_equal(first, second);
	pci_op_end(dev, 0);
	run_work();
	assert_int_equal(world.events, 2);
	assert_int_equal(world.event[0].ticket, first);
	assert_int_equal(world.event[0].op, PCI_OP_ASSIGN);
	assert_int_equal(world.event[0].result, -EIO);
	assert_int_equal(world.event[0].sbdf.bdf, PCI_BDF(0, 1, 0));
	assert_int_equal(world.event[1].ticket, second);
	assert_int_equal(world.event[1].op, PCI_OP_RESET);
	panic_expected = true;
	if (!setjmp(panic_jump)) {
		pci_op_end(dev, 0);
		fail();
	}
	panic_expected = false;
	assert_int_equal(pci_dev_remove(AT(0, 1, 0), NULL, NULL), -EINPROGRESS);
	assert_int_equal(pci_op_begin(dev, PCI_OP_RESET, NULL, &why), -ENODEV);
	pci_dev_put(held, PCI_REF_TRANSIENT);
}

static void test_events_beyond_the_ring_are_counted(void **state)
{
	for (unsigned int i = 0; i < PCI_EVENTS_MAX + 3; i++)
		pci_event_post(&(struct pci_event){ .ticket = i + 1, .op = PCI_OP_ADD });
	assert_int_equal(pci_events_lost(), 3);
	assert_true(logged("event of add lost"));
	run_work();
	assert_int_equal(world.events, PCI_EVENTS_MAX);
	for (unsigned int i = 0; i < PCI_EVENTS_MAX; i++)
		assert_int_equal(world.event[i].ticket, i + 1);
	pci_event_post(&(struct pci_event){ .ticket = 7 }); /* round the corner */
	run_work();
	assert_int_equal(world.event[PCI_EVENTS_MAX].ticket, 7);
	pci_set_event_listener(NULL, NULL);
	pci_event_post(&(struct pci_event){ .ticket = 8 });
	run_work();
	assert_int_equal(world.events, PCI_EVENTS_MAX + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_each_device_is_on_one_list),
		T(test_owner_is_not_moved_onto_a_dying_device),
		T(test_death_between_two_lists),
		T(test_removed_before_it_leaves_its_list),
		T(test_claims),
		T(test_events_beyond_the_ring_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

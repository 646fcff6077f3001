/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices that vanish: what is done at once, what waits for whom, and that nothing touches them any more.
 */
#include "tests/unit/pci_world.h"

/* ---- surprise removal ---- */

static void test_vanished_from_quarantine(void **state)
{
	struct fake_fn *f;
	struct pci_dev *dev = one_device(&f), *held = pci_dev_find(AT(0, 1, 0));

	fake_vanish(f);
	pci_vpci_lock(dev); /* whoever reads may hold it */
	assert_int_equal(pci_dev_read(dev, 0x00, 2), 0xffff);
	assert_true(pci_dev_has(dev, PCI_FLAG_GONE));
	assert_int_equal(pci_dev_state(dev), PCI_LIVE); /* only queued */
	pci_surprise_post(dev);
	assert_int_equal(dev->refs_by_kind[PCI_REF_WORK], 1); /* once */
	pci_vpci_unlock(dev);
	f->vanished = false; /* a new card */
	f->writes = f->reads = 0;
	run_work();
	assert_int_equal(pci_dev_state(dev), PCI_DYING);
	assert_int_equal(pci_domain_count(PCI_OWNER_QUARANTINE), 0);
	assert_int_equal(world.surprises, 0);
	assert_int_equal(take_out(AT(0, 1, 0)), -EALREADY);
	pci_dev_put(held, PCI_REF_TRANSIENT);
	run_work();
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
	assert_int_equal(world.blocks, 1);
	assert_int_equal(f->writes + f->reads, 0); /* the new card met no old holder */
	assert_int_equal(world.events, 1);
	assert_int_equal(world.event[0].op, PCI_OP_SURPRISE);
	assert_int_equal(world.event[0].result, 0);
	assert_int_not_equal(world.event[0].ticket, 0);
}

static void test_vanished_from_the_guest(void **state)
{
	struct pci_dev *dev = one_device(NULL);

	assert_int_equal(pci_dev_set_owner(dev, PCI_OWNER_GUEST), 0);
	pci_dev_get(dev, PCI_REF_VPCI);
	pci_dev_surprise(dev);
	pci_dev_surprise(dev); /* the first one wins */
	run_work();
	assert_int_equal(world.surprises, 1);
	assert_ptr_equal(world.surprised[0], dev);
	assert_int_equal(pci_dev_state(dev), PCI_LIVE); /* until nothing of the guest's refers to it */
	assert_int_equal(pci_dev_op(dev), PCI_OP_SURPRISE);
	assert_int_equal(pci_dev_owner(dev), PCI_OWNER_GUEST);
	assert_int_equal(take_out(AT(0, 1, 0)), -EBUSY);
	pci_surprise_done(dev);
	assert_int_equal(pci_dev_state(dev), PCI_DYING);
	assert_int_equal(pci_domain_count(PCI_OWNER_GUEST), 0);
	assert_int_equal(pci_domain_count(PCI_OWNER_QUARANTINE), 0);
	assert_int_equal(refcnt_read(&dev->refs), 1);
	pci_dev_put(dev, PCI_REF_VPCI);
	run_work();
	assert_int_equal(world.events, 1);
	assert_int_equal(world.event[0].op, PCI_OP_SURPRISE);
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
}

static void test_vanished_from_fairlead(void **state)
{
	struct pci_dev *dev = one_device(NULL), *held = pci_dev_find(AT(0, 1, 0));

	assert_int_equal(pci_dev_set_owner(dev, PCI_OWNER_FAIRLEAD), 0);
	pci_dev_surprise(dev);
	assert_int_equal(world.surprises, 0);
	assert_int_equal(pci_domain_count(PCI_OWNER_FAIRLEAD), 0);
	pci_dev_put(held, PCI_REF_TRANSIENT);
	run_work();
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
}

/* While another operation runs on it: GONE at once, the rest when that ends. */
static void test_vanished_while_claimed(void **state)
{
	struct pci_dev *dev = one_device(NULL), *held = pci_dev_find(AT(0, 1, 0));

	assert_int_equal(pci_op_begin(dev, PCI_OP_ASSIGN, &ticket, NULL), 0);
	pci_dev_surprise(dev);
	run_work();
	assert_true(pci_dev_has(dev, PCI_FLAG_GONE));
	assert_int_equal(pci_dev_state(dev), PCI_LIVE);
	pci_op_end(dev, -ENODEV);
	assert_int_equal(pci_op_begin(dev, PCI_OP_ASSIGN, &ticket, &why), -ENODEV);
	run_work();
	assert_int_equal(pci_dev_state(dev), PCI_DYING);
	pci_dev_put(held, PCI_REF_TRANSIENT);
	run_work();
	assert_int_equal(world.events, 2);
	assert_int_equal(world.event[0].op, PCI_OP_ASSIGN);
	assert_int_equal(world.event[1].op, PCI_OP_SURPRISE);
}

static void test_vfs_go_before_their_pf(void **state)
{
	struct pci_dev *pf = one_device(NULL), *vf[2], *held = pci_dev_find(AT(0, 1, 0));

	vf[0] = add_vf(pf, AT(0, 1, 1));
	vf[1] = add_vf(pf, AT(0, 1, 2));
	pci_dev_get(vf[1], PCI_REF_VPCI);
	assert_int_equal(pci_dev_set_owner(vf[1], PCI_OWNER_GUEST), 0);
	pci_dev_surprise(pf);
	assert_true(pci_dev_has(vf[0], PCI_FLAG_GONE));
	assert_true(pci_dev_has(vf[1], PCI_FLAG_GONE));
	run_work();
	assert_null(found(AT(0, 1, 1)));
	assert_int_equal(world.surprises, 1); /* the guest's */
	assert_int_equal(pci_dev_state(pf), PCI_LIVE);
	pci_surprise_done(vf[1]);
	assert_int_equal(pci_dev_state(vf[1]), PCI_DYING);
	run_work();
	assert_int_equal(pci_dev_state(pf), PCI_DYING);
	assert_int_equal(vf_count(pf), 1);
	pci_dev_put(held, PCI_REF_TRANSIENT);
	run_work();
	assert_int_equal(pci_objects_left(), POOL_DEVICES - 2); /* the VF holds its PF */
	pci_dev_put(vf[1], PCI_REF_VPCI);
	run_work();
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
	assert_int_equal(world.events, 3);
	assert_int_equal(world.event[2].sbdf.bdf, PCI_BDF(0, 1, 0));
}

static struct pci_dev *port_with_two_functions(struct pci_dev *child[2])
{
	struct fake_fn *b = fake_add_bridge(PCI_BDF(0, 2, 0), 1, 1);

	fake_express(b, 0x40, 4); /* root port */
	fake_express(fake_add(PCI_BDF(1, 0, 0), 0x8086, 1, 0x020000, 0x80), 0x40, 0);
	fake_express(fake_add(PCI_BDF(1, 0, 1), 0x8086, 1, 0x020000, 0x80), 0x40, 0);
	assert_int_equal(pci_rescan(), 3);
	child[0] = pci_dev_find(AT(1, 0, 0));
	child[1] = pci_dev_find(AT(1, 0, 1));
	return must_find(AT(0, 2, 0));
}

static void test_link_is_off_until_the_last_is_reaped(void **state)
{
	struct pci_dev *child[2], *port = port_with_two_functions(child);

	pci_dev_surprise(child[0]);
	pci_dev_surprise(child[1]);
	pci_dev_surprise(child[0]);
	run_work();
	assert_int_equal(world.links, 1);
	assert_int_equal(world.link[0].sbdf.bdf, PCI_BDF(0, 2, 0));
	assert_false(world.link[0].enable);
	pci_dev_put(child[0], PCI_REF_TRANSIENT);
	run_work();
	assert_int_equal(pci_slot_generation(AT(1, 0, 0)), 1);
	assert_int_equal(world.links, 1);
	pci_dev_put(child[1], PCI_REF_TRANSIENT);
	run_work();
	assert_int_equal(world.links, 2);
	assert_true(world.link[1].enable);
	assert_int_equal(pci_dev_state(port), PCI_LIVE);
	assert_int_equal(take_out(AT(0, 2, 0)), 0);
}

static void test_what_is_behind_a_bridge_vanishes_with_it(void **state)
{
	struct pci_dev *child[2], *port = port_with_two_functions(child), *held = pci_dev_find(AT(0, 2, 0));

	pci_dev_surprise(port);
	assert_true(pci_dev_has(child[0], PCI_FLAG_GONE));
	assert_true(pci_dev_has(child[1], PCI_FLAG_GONE));
	run_work();
	assert_int_equal(pci_dev_state(child[1]), PCI_DYING);
	assert_int_equal(pci_dev_state(port), PCI_DYING);
	assert_int_equal(world.links, 0); /* a port that has gone is told nothing */
	assert_null(pci_dev_create(AT(1, 2, 0), port));
	pci_dev_put(held, PCI_REF_TRANSIENT);
	pci_dev_put(child[0], PCI_REF_TRANSIENT);
	pci_dev_put(child[1], PCI_REF_TRANSIENT);
	run_work();
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
}

/* ---- who comes in between ---- */

static struct pci_dev *vanishing;

static void vanish_between(enum pci_test_point point)
{
	if (point != PCI_TEST_REMOVE_FOUND)
		return;
	pci_test_hook = NULL;
	pci_dev_surprise(vanishing);
}

/* The PF saw a LIVE VF and waits for it; it goes by an ordinary remove, which has to wake the PF as well. */
static void test_pf_waits_for_a_vf_that_is_removed(void **state)
{
	struct pci_dev *pf = one_device(NULL), *held = pci_dev_find(AT(0, 1, 0));

	add_vf(pf, AT(0, 1, 1));
	vanishing = pf;
	pci_test_hook = vanish_between;
	assert_int_equal(take_out(AT(0, 1, 1)), -EINPROGRESS);
	assert_int_equal(pci_dev_state(pf), PCI_LIVE);
	run_work();
	assert_int_equal(pci_dev_state(pf), PCI_DYING);
	pci_dev_put(held, PCI_REF_TRANSIENT);
	run_work();
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
	assert_int_equal(world.events, 2);
	assert_int_equal(world.event[1].op, PCI_OP_SURPRISE);
	assert_int_equal(world.event[1].sbdf.bdf, PCI_BDF(0, 1, 0));
}

/* How often that lock was taken. */
static u16 tickets(struct pci_dev *dev)
{
	return atomic_load(&dev->lock.next);
}

static u32 class_index(const char *name)
{
	struct lock_class_info info;
	u32 i = 0;

	while (lockcheck_class(i, &info) && strcmp(info.name, name))
		i++;
	return i;
}

/* "A VF's also under its PF's": each of these takes the PF's lock. */
static void test_a_vf_changes_under_its_pfs_lock(void **state)
{
	struct pci_dev *pf = one_device(NULL), *vf = add_vf(pf, AT(0, 1, 1));
	u16 before = tickets(pf);

	pci_dev_get(vf, PCI_REF_WORK);
	lockcheck_reset();
	assert_int_equal(pci_dev_set_owner(vf, PCI_OWNER_GUEST), 0);
	assert_int_equal((u16)(tickets(pf) - before), 2); /* off a list, on a list */
	assert_int_equal(pci_dev_set_owner(vf, PCI_OWNER_QUARANTINE), 0);
	before = tickets(pf);
	assert_int_equal(take_out(AT(0, 1, 1)), -EINPROGRESS);
	assert_int_equal((u16)(tickets(pf) - before), 1); /* DYING */
	world.block_result = -ETIMEDOUT;
	pci_dev_put(vf, PCI_REF_WORK);
	run_work();
	assert_int_equal(pci_dev_state(vf), PCI_LIVE);
	assert_int_equal((u16)(tickets(pf) - before), 3); /* RELEASING, LIVE */
	pci_dev_get(vf, PCI_REF_WORK);
	before = tickets(pf);
	pci_dev_surprise(vf);
	assert_int_equal(pci_dev_state(vf), PCI_DYING);
	assert_int_equal((u16)(tickets(pf) - before), 1);
	assert_true(lockcheck_edge(class_index("pci_dev"), class_index("pci_vf")));
	world.block_result = 0;
	pci_dev_put(vf, PCI_REF_WORK);
	run_work();
	assert_int_equal((u16)(tickets(pf) - before), 3); /* RELEASING, off the PF's list */
	assert_int_equal(pci_dev_state(pf), PCI_LIVE);
}

static int meanwhile;

static void remove_meanwhile(enum pci_test_point point)
{
	if (point == PCI_TEST_KEEPS)
		meanwhile = pci_dev_remove(AT(0, 1, 1), NULL, NULL);
}

/* A VF whose release fails is LIVE again under a PF that is, and no other: it stays as it is until a remove. */
static void test_vf_is_not_live_again_when_its_pf_went(void **state)
{
	struct pci_dev *pf = one_device(NULL), *vf = add_vf(pf, AT(0, 1, 1));
	struct pci_dev *held = pci_dev_find(AT(0, 1, 0));

	pci_dev_get(vf, PCI_REF_WORK);
	assert_int_equal(take_out(AT(0, 1, 1)), -EINPROGRESS);
	pci_dev_surprise(pf);
	assert_true(pci_dev_has(vf, PCI_FLAG_GONE)); /* DYING as it is */
	assert_int_equal(pci_dev_state(pf), PCI_DYING);
	world.block_result = -ETIMEDOUT;
	pci_dev_put(vf, PCI_REF_WORK);
	pci_dev_put(held, PCI_REF_TRANSIENT);
	run_work();
	assert_int_equal(pci_dev_state(vf), PCI_RELEASING);
	assert_true(pci_dev_has(vf, PCI_FLAG_BROKEN));
	assert_null(found(AT(0, 1, 1)));
	assert_int_equal(world.events, 1);
	assert_int_equal(world.event[0].ticket, ticket);
	assert_int_equal(world.event[0].result, -ETIMEDOUT);
	assert_int_equal(vf_count(pf), 1); /* which it keeps in memory */
	assert_int_equal(pci_slot_generation(AT(0, 1, 1)), 0);
	assert_int_equal(pci_domain_count(PCI_OWNER_QUARANTINE), 0);
	/* Tried again, by one at a time, it fails again, and then not. */
	pci_test_hook = remove_meanwhile;
	assert_int_equal(take_out(AT(0, 1, 1)), -EINPROGRESS);
	pci_test_hook = NULL;
	assert_int_equal(meanwhile, -EALREADY);
	run_work();
	assert_int_equal(world.events, 2);
	assert_int_equal(world.event[1].ticket, ticket);
	assert_int_equal(world.event[1].op, PCI_OP_REMOVE);
	assert_int_equal(world.event[1].result, -ETIMEDOUT);
	world.block_result = 0;
	assert_int_equal(take_out(AT(0, 1, 1)), 0);
	assert_int_equal(take_out(AT(0, 1, 1)), -ENODEV);
	run_work();
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
}

/* The same while the PF is claimed: it is LIVE yet, but it has vanished, and would wait for the VF. */
static void test_vf_is_not_live_again_when_its_pf_is_gone(void **state)
{
	struct pci_dev *pf = one_device(NULL), *vf = add_vf(pf, AT(0, 1, 1));

	assert_int_equal(pci_op_begin(pf, PCI_OP_VFS, NULL, NULL), 0);
	pci_dev_get(vf, PCI_REF_WORK);
	assert_int_equal(take_out(AT(0, 1, 1)), -EINPROGRESS);
	pci_dev_surprise(pf);
	assert_int_equal(pci_dev_state(pf), PCI_LIVE);
	world.block_result = -ETIMEDOUT;
	pci_dev_put(vf, PCI_REF_WORK);
	run_work();
	assert_int_equal(pci_dev_state(vf), PCI_RELEASING);
	world.block_result = 0;
	pci_op_end(pf, -ENODEV);
	run_work();
	assert_int_equal(pci_dev_state(pf), PCI_DYING);
	assert_int_equal(take_out(AT(0, 1, 1)), 0);
	run_work();
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
}

static u16 seen_tickets;

static void gone_after_live(enum pci_test_point point)
{
	if (point != PCI_TEST_PUBLISHED)
		return;
	/* A surprise on another CPU that has passed our slot by. */
	atomic_fetch_or(&vanishing->flags, PCI_FLAG_GONE);
	seen_tickets = tickets(vanishing);
}

static void look_behind(enum pci_test_point point)
{
	if (point != PCI_TEST_LOOKUP_LOADED)
		return;
	pci_test_hook = NULL;
	seen_tickets = tickets(vanishing);
}

/*
 * LIVE, then GONE is looked for; GONE, then the LIVE are looked for. Either has to be ordered by the bridge's lock, or
 * both may miss the other.
 */
static void test_bridge_vanishes_at_publication(void **state)
{
	struct pci_dev *child[2], *port = port_with_two_functions(child);
	struct pci_dev *late = pci_dev_create(AT(1, 2, 0), port);
	u16 before;

	vanishing = port;
	pci_test_hook = gone_after_live;
	pci_dev_publish(late);
	pci_test_hook = NULL;
	assert_int_equal((u16)(tickets(port) - seen_tickets), 1);
	run_work();
	assert_int_equal(pci_slot_generation(AT(1, 2, 0)), 1);
	before = tickets(port);
	pci_test_hook = look_behind;
	pci_dev_surprise(port);
	assert_true((u16)(seen_tickets - before) >= 1);
	pci_dev_put(child[0], PCI_REF_TRANSIENT);
	pci_dev_put(child[1], PCI_REF_TRANSIENT);
	run_work();
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
}

/* A function that got its bridge's reference before that vanished, and is published after. */
static void test_published_below_a_vanished_bridge(void **state)
{
	struct pci_dev *child[2], *port = port_with_two_functions(child);
	struct pci_dev *late = pci_dev_create(AT(1, 2, 0), port);

	pci_dev_put(child[0], PCI_REF_TRANSIENT);
	pci_dev_put(child[1], PCI_REF_TRANSIENT);
	pci_dev_surprise(port);
	pci_dev_publish(late);
	run_work();
	assert_int_equal(pci_objects_left(), POOL_DEVICES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_vanished_from_quarantine),
		T(test_vanished_from_the_guest),
		T(test_vanished_from_fairlead),
		T(test_vanished_while_claimed),
		T(test_vfs_go_before_their_pf),
		T(test_link_is_off_until_the_last_is_reaped),
		T(test_what_is_behind_a_bridge_vanishes_with_it),
		T(test_pf_waits_for_a_vf_that_is_removed),
		T(test_a_vf_changes_under_its_pfs_lock),
		T(test_vf_is_not_live_again_when_its_pf_went),
		T(test_vf_is_not_live_again_when_its_pf_is_gone),
		T(test_bridge_vanishes_at_publication),
		T(test_published_below_a_vanished_bridge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

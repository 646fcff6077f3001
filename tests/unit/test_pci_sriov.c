/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual functions, by a clock that the test moves. The regressions that this model was made against: a VF added without, and
 * while removing, its PF; a PF removed with VFs.
 */
#include "tests/unit/pci_machine.h"
#include "tests/fake/fake_sriov.h"

#define PF PCI_BDF(1, 0, 0)
#define VF(i) ((u16)(PF + 0x80 + 2 * (i)))
#define VFS 20
#define CAP 0x160

static struct fake_fn *fn, *port;
static struct pci_dev *pf;
static struct pci_event events[64];
static unsigned int event_count;
static u32 ticket;
static struct pci_reason why;

static void listener(const struct pci_event *event, void *ctx)
{
	if (event_count < ARRAY_SIZE(events))
		events[event_count++] = *event;
}

static void build(void)
{
	again();
	event_count = 0;
	port = fake_add_bridge(PCI_BDF(0, 1, 0), 1, 1);
	fake_express(port, 0x40, 4);
	fn = fake_add(PF, 0x8086, 0x10c9, 0x020000, 0);
	fake_bar(fn, 0, 0x20000, 0, 0xfe800000);
	fake_express(fn, 0x40, 0);
	fake_ext_cap(fn, 0x100, 0x0001, 2);
	fake_sriov_add(fn, CAP, VFS, 0x80, 2);
	assert_int_equal(pci_enumerate(), 2);
	pci_set_event_listener(listener, NULL);
	pf = must_find(PF);
}

static unsigned int vfs_seen(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < VFS; i++)
		n += found(VF(i)) != NULL;
	return n;
}

/* The one event of that operation. */
static int result_of(u32 number)
{
	int result = 1;

	for (unsigned int i = 0; i < event_count; i++) {
		if (events[i].ticket != number)
			continue;
		assert_int_equal(result, 1);
		assert_int_equal(events[i].op, PCI_OP_VFS);
		assert_int_equal(events[i].sbdf.bdf, PF);
		result = events[i].result;
	}
	return result;
}

static void enable(unsigned int count)
{
	assert_int_equal(pci_vfs_enable(pf, count, &ticket, &why), -EINPROGRESS);
	pass(150 * MS);
	assert_int_equal(result_of(ticket), 0);
	assert_int_equal(vfs_seen(), count);
}

static void hardware_is_content(void)
{
	assert_int_equal(fake_sriov.touched_early, 0);
	assert_int_equal(fake_sriov.locked_writes, 0);
	assert_int_equal(fake_sriov.sized_while_on, 0);
	assert_int_equal(fake.bad_accesses, 0);
}

static void test_enable(void **state)
{
	u64 begin;

	build();
	assert_int_equal(pci_sriov_total(pf), VFS);
	assert_int_equal(pci_sriov_total(must_find(PCI_BDF(0, 1, 0))), 0);
	begin = fake_now;
	assert_int_equal(pci_vfs_enable(pf, 3, &ticket, &why), -EINPROGRESS);
	assert_int_equal(fake_reg(fn, CAP + 8, 2) & 9, 9);
	assert_int_equal(fake_reg(fn, CAP + 0x10, 2), 3);
	assert_int_equal(fake_reg(fn, CAP + 0x20, 4), 1);
	pass(99 * MS);
	assert_int_equal(vfs_seen(), 0);
	assert_int_equal(fake_sriov.vf[0]->reads, 0);
	assert_int_equal(pci_dev_op(pf), PCI_OP_VFS);
	pass(5 * MS);
	assert_int_equal(vfs_seen(), 3);
	assert_true(fake_now - begin >= 100 * MS);
	assert_int_equal(result_of(ticket), 0);
	assert_int_equal(pci_dev_op(pf), PCI_OP_NONE);
	for (unsigned int i = 0; i < 3; i++) {
		struct pci_dev *vf = must_find(VF(i));

		assert_ptr_equal(vf->pf, pf);
		assert_ptr_equal(vf->parent, pf->parent);
		assert_int_equal(vf->vendor, 0x8086);
		assert_int_equal(vf->device, 0x10ca);
		assert_int_equal(vf->class_code, 0x020000);
		assert_int_equal(vf->owner, PCI_OWNER_QUARANTINE);
		assert_int_equal(vf->pcie_cap, 0x40);
		assert_int_equal(vf->cfg_size, 4096);
		assert_int_equal(vf->requester_ids, 1);
		assert_int_equal(vf->requester_id[0], VF(i));
		assert_int_equal(vf->bar[0].type, PCI_BAR_MEM64);
		assert_true(vf->bar[0].base == 0x480000000ull + i * 0x4000);
		assert_int_equal(vf->bar[0].size, 0x4000);
		assert_true(vf->bar[0].prefetchable);
		assert_int_equal(vf->bar[1].type, PCI_BAR_MEM64_HIGH);
		assert_int_equal(vf->bar[2].type, PCI_BAR_NONE);
		assert_int_equal(vf->bar[3].type, PCI_BAR_MEM32);
		assert_int_equal(vf->bar[3].base, 0xd1000000 + i * 0x1000);
		assert_int_equal(vf->bar[3].size, 0x1000);
		/* As through its object; the bus itself says all-ones. */
		assert_int_equal(pci_dev_read(vf, 0, 4), 0x10ca8086);
		assert_int_equal(pci_dev_read(vf, 2, 2), 0x10ca);
		assert_int_equal(pci_dev_read(vf, 1, 1), 0x80);
		assert_int_equal(pci_sriov_total(vf), 0);
	}
	assert_int_equal(pf->vf_count, 3);
	assert_int_equal(pci_domain_count(PCI_OWNER_QUARANTINE), 5);
	hardware_is_content();
}

/* The port has no ACS: all below are one group. With it, VFs stand alone. */
static void test_groups(void **state)
{
	build();
	pci_groups_compute();
	enable(2);
	assert_int_equal(must_find(VF(1))->group, PCI_BDF(0, 1, 0));
	build();
	fake_ext_cap(port, 0x100, 0x000d, 1);
	fake_set(port, 0x104, 4, 0x001d001d, 0, 0);
	pci_groups_compute();
	enable(2);
	assert_int_equal(must_find(VF(0))->group, VF(0));
	assert_int_equal(must_find(VF(1))->group, VF(1));
	pci_groups_compute();
	assert_int_equal(pf->group, PF);
	assert_int_equal(must_find(VF(1))->group, VF(1));
}

static void test_refusals(void **state)
{
	build();
	assert_int_equal(pci_vfs_enable(pf, 0, &ticket, &why), -EINVAL);
	assert_int_equal(pci_vfs_enable(pf, VFS + 1, &ticket, &why), -EINVAL);
	assert_non_null(strstr(why.text, "1 to 20"));
	assert_int_equal(pci_vfs_enable(must_find(PCI_BDF(0, 1, 0)), 1, &ticket, &why), -EOPNOTSUPP);
	assert_int_equal(pci_op_begin(pf, PCI_OP_ASSIGN, &ticket, &why), 0);
	assert_int_equal(pci_vfs_enable(pf, 1, &ticket, &why), -EBUSY);
	assert_non_null(strstr(why.text, "assign"));
	pci_op_end(pf, 0);
	assert_int_equal(pci_vfs_disable(pf, &ticket, &why), 0); /* there are none */
	assert_int_equal(fn->writes > 0 ? fake_reg(fn, CAP + 8, 2) : 0, 0);
	enable(2);
	assert_int_equal(pci_vfs_enable(pf, 1, &ticket, &why), -EBUSY);
	assert_non_null(strstr(why.text, "exist"));
	assert_int_equal(pci_dev_op(pf), PCI_OP_NONE);
	/* Twice at once. */
	build();
	assert_int_equal(pci_vfs_enable(pf, 1, &ticket, &why), -EINPROGRESS);
	assert_int_equal(pci_vfs_enable(pf, 1, &ticket, &why), -EBUSY);
	pass(200 * MS);
	assert_int_equal(vfs_seen(), 1);
	/* Bus numbers that lead out of the bridge's. */
	build();
	fake_put(fn->cfg, CAP + 0x14, 2, 0xf0);
	assert_int_equal(pci_vfs_enable(pf, 9, &ticket, &why), -EINVAL);
	assert_non_null(strstr(why.text, "bus numbers"));
	assert_int_equal(fake_reg(fn, CAP + 8, 2), 0);
	assert_int_equal(pci_dev_op(pf), PCI_OP_NONE);
	fn->vanished = true;
	(void)pci_dev_read(pf, 0, 2);
	assert_int_equal(pci_vfs_enable(pf, 1, &ticket, &why), -ENODEV);
}

static void disable(void)
{
	assert_int_equal(pci_vfs_disable(pf, &ticket, &why), -EINPROGRESS);
	pass(1100 * MS);
	assert_int_equal(result_of(ticket), 0);
	assert_int_equal(vfs_seen(), 0);
	assert_int_equal(fake_reg(fn, CAP + 8, 2) & 9, 0);
	assert_int_equal(pf->vf_count, 0);
}

static void test_disable(void **state)
{
	unsigned int left;

	build();
	left = pci_objects_left();
	for (unsigned int round = 0; round < 3; round++) {
		enable(VFS);
		disable();
		assert_int_equal(pci_objects_left(), left);
	}
	hardware_is_content();
}

/* Holders may touch a VF until they let go: VF Enable stays on so long. */
static void test_disable_waits_for_holders(void **state)
{
	struct pci_dev *vf;

	build();
	enable(2);
	vf = pci_dev_find((struct sbdf){ 0, VF(1) });
	pci_dev_convert(vf, PCI_REF_TRANSIENT, PCI_REF_WORK);
	assert_int_equal(pci_vfs_disable(pf, &ticket, &why), -EINPROGRESS);
	pass(3000 * MS);
	assert_int_equal(result_of(ticket), 1);
	assert_true(fake_vfs_on());
	assert_int_equal(vfs_seen(), 0);
	assert_int_equal(pf->vf_count, 1);
	assert_int_equal(pci_dev_read(vf, 0, 2), 0x8086);
	pci_dev_put(vf, PCI_REF_WORK);
	pass(20 * MS);
	assert_false(fake_vfs_on());
	pass(1000 * MS);
	assert_int_equal(result_of(ticket), 0);
}

static int block_result;

static int block_second(struct pci_dev *dev)
{
	return dev->sbdf.bdf == VF(1) ? block_result : 0;
}

/* One that cannot be released is LIVE again, and BROKEN: the disable ends with an error, and can be tried again. */
static void test_disable_ends_when_one_stays(void **state)
{
	static const struct pci_hooks hooks = { .block_dma = block_second };

	build();
	pci_set_hooks(&hooks);
	block_result = -ETIMEDOUT;
	enable(3);
	assert_int_equal(pci_vfs_disable(pf, &ticket, &why), -EINPROGRESS);
	pass(50 * MS);
	assert_int_equal(result_of(ticket), -EIO);
	assert_int_equal(pci_dev_op(pf), PCI_OP_NONE);
	assert_int_equal(vfs_seen(), 1);
	assert_true(pci_dev_has(must_find(VF(1)), PCI_FLAG_BROKEN));
	assert_true(fake_vfs_on());
	block_result = 0;
	disable();
	pci_set_hooks(NULL);
	hardware_is_content();
}

/* The PF vanishes, and one that cannot be released goes with it: the operation ends, the PF dies. */
static void test_disable_ends_when_its_pf_went(void **state)
{
	static const struct pci_hooks hooks = { .block_dma = block_second };
	struct pci_dev *vf;

	build();
	pci_set_hooks(&hooks);
	block_result = -ETIMEDOUT;
	enable(2);
	vf = must_find(VF(1));
	pci_dev_get(vf, PCI_REF_WORK);
	assert_int_equal(pci_vfs_disable(pf, &ticket, &why), -EINPROGRESS);
	pass(20 * MS);
	assert_int_equal(pci_dev_state(vf), PCI_DYING);
	fn->vanished = true;
	pci_dev_get(pf, PCI_REF_TRANSIENT);
	pci_dev_surprise(pf);
	pci_dev_put(pf, PCI_REF_TRANSIENT);
	pci_dev_put(vf, PCI_REF_WORK);
	pass(50 * MS);
	assert_int_equal(result_of(ticket), -ENODEV);
	assert_int_equal(pci_dev_state(pf), PCI_DYING);
	assert_int_equal(pci_dev_state(vf), PCI_RELEASING);
	block_result = 0;
	assert_int_equal(pci_dev_remove((struct sbdf){ 0, VF(1) }, NULL, NULL), 0);
	pass(10 * MS);
	assert_int_equal(pci_objects_left(), POOL_DEVICES - 1); /* the port */
	pci_set_hooks(NULL);
}

static void test_disable_is_vetoed(void **state)
{
	build();
	enable(3);
	assert_int_equal(pci_dev_set_owner(must_find(VF(1)), PCI_OWNER_GUEST), 0);
	assert_int_equal(pci_vfs_disable(pf, &ticket, &why), -EBUSY);
	assert_non_null(strstr(why.text, "0000:01:10.2 is the guest's"));
	pass(1500 * MS);
	assert_int_equal(vfs_seen(), 3);
	assert_true(fake_vfs_on());
	assert_int_equal(pci_dev_op(pf), PCI_OP_NONE);
	assert_int_equal(pci_dev_set_owner(must_find(VF(1)), PCI_OWNER_QUARANTINE), 0);
	assert_int_equal(pci_op_begin(must_find(VF(2)), PCI_OP_ASSIGN, NULL, NULL), 0);
	assert_int_equal(pci_vfs_disable(pf, &ticket, &why), -EBUSY);
	assert_non_null(strstr(why.text, "assign"));
	pass(1500 * MS);
	assert_int_equal(vfs_seen(), 3);
	pci_op_end(must_find(VF(2)), 0);
	disable();
}

/* One that does not come: none stays, and the hardware is switched off again. */
static void test_all_or_none(void **state)
{
	for (unsigned int bad = 0; bad < 12; bad++) {
		unsigned int left;

		build();
		left = pci_objects_left();
		fake_sriov.vf[bad]->vanished = true;
		assert_int_equal(pci_vfs_enable(pf, 12, &ticket, &why), -EINPROGRESS);
		pass(1300 * MS);
		assert_int_equal(result_of(ticket), -ENODEV);
		assert_int_equal(vfs_seen(), 0);
		assert_false(fake_vfs_on());
		assert_int_equal(pf->vf_count, 0);
		assert_int_equal(pci_objects_left(), left);
		assert_int_equal(pci_dev_op(pf), PCI_OP_NONE);
		fake_sriov.vf[bad]->vanished = false;
		enable(12);
		hardware_is_content();
	}
}

/* Firmware left VF Enable on: ours begin anew, after the second that hardware may take. */
static void test_firmware_left_it_on(void **state)
{
	build();
	fake_put(fn->cfg, CAP + 8, 2, 9);
	fake_put(fn->cfg, CAP + 0x10, 2, 7);
	assert_int_equal(pci_vfs_enable(pf, 2, &ticket, &why), -EINPROGRESS);
	assert_false(fake_vfs_on());
	pass(999 * MS);
	assert_false(fake_vfs_on());
	pass(200 * MS);
	assert_int_equal(result_of(ticket), 0);
	assert_int_equal(vfs_seen(), 2);
	hardware_is_content();
	build();
	fake_put(fn->cfg, CAP + 8, 2, 9);
	disable();
}

/* ---- the regressions ---- */

/* A PF with VFs: refused, healthy afterwards, and removable when they are gone. */
static void test_pf_is_not_removed_with_vfs(void **state)
{
	u32 number;

	build();
	assert_int_equal(pci_vfs_enable(pf, 2, &ticket, &why), -EINPROGRESS);
	assert_int_equal(pci_dev_remove(pf->sbdf, &number, &why), -EBUSY); /* nor while they come */
	pass(200 * MS);
	assert_int_equal(pci_dev_remove(pf->sbdf, &number, &why), -EBUSY);
	assert_non_null(strstr(why.text, "2 virtual functions exist"));
	assert_int_equal(pci_dev_state(pf), PCI_LIVE);
	assert_int_equal(vfs_seen(), 2);
	assert_int_equal(pci_vfs_disable(pf, &ticket, &why), -EINPROGRESS);
	assert_int_equal(pci_dev_remove(pf->sbdf, &number, &why), -EBUSY); /* nor while they go */
	pass(1100 * MS);
	assert_int_equal(pci_dev_remove(pf->sbdf, &number, &why), 0);
	assert_null(found(PF));
}

/* A VF without its PF: its address gives nothing, and a NEW one is not published under a PF that dies. */
static void test_vf_without_its_pf(void **state)
{
	struct pci_dev *vf, *held;
	unsigned int left;
	u32 number;

	build();
	enable(1);
	assert_int_equal(pci_dev_add((struct sbdf){ 0, VF(0) }), -EBUSY);
	assert_int_equal(pci_dev_add((struct sbdf){ 0, VF(1) }), -ENODEV);
	disable();
	left = pci_objects_left();
	vf = pci_dev_create_vf((struct sbdf){ 0, VF(0) }, pf);
	assert_non_null(vf);
	held = pci_dev_find(pf->sbdf);
	assert_int_equal(pci_dev_remove(pf->sbdf, &number, &why), -EINPROGRESS);
	assert_int_equal(pci_vf_publish(vf), -ENODEV);
	assert_int_equal(pci_dev_state(vf), PCI_NEW);
	assert_null(found(VF(0)));
	assert_int_equal(held->vf_count, 0);
	pci_dev_drop(vf);
	pci_dev_put(held, PCI_REF_TRANSIENT);
	pass(10 * MS);
	assert_null(found(PF));
	assert_int_equal(pci_objects_left(), left + 1);
}

/* Published, it is on the PF's list and in the table at once. */
static void test_publish(void **state)
{
	struct pci_dev *vf;

	build();
	vf = pci_dev_create_vf((struct sbdf){ 0, VF(4) }, pf);
	assert_null(found(VF(4)));
	assert_int_equal(pci_vf_publish(vf), 0);
	assert_ptr_equal(found(VF(4)), vf);
	assert_ptr_equal(pf->vf_first, vf);
	assert_int_equal(pf->vf_count, 1);
	assert_int_equal(pci_dev_remove(vf->sbdf, &ticket, &why), 0);
	assert_int_equal(pf->vf_count, 0);
	vf = pci_dev_create_vf((struct sbdf){ 0, VF(5) }, pf);
	atomic_fetch_or(&pf->flags, PCI_FLAG_GONE);
	assert_int_equal(pci_vf_publish(vf), -ENODEV);
	pci_dev_drop(vf);
}

/* The PF is pulled out: at each moment of an enable and a disable. No reference stays, and the operation ends once. */
static void test_pf_vanishes(void **state)
{
	for (unsigned int disabling = 0; disabling < 2; disabling++) {
		for (u64 at = 0; at < (disabling ? 1100 : 130) * MS; at += disabling ? 50 * MS : 5 * MS) {
			bool running;

			build();
			if (disabling) {
				enable(10);
				assert_int_equal(pci_vfs_disable(pf, &ticket, &why), -EINPROGRESS);
			} else {
				assert_int_equal(pci_vfs_enable(pf, 10, &ticket, &why), -EINPROGRESS);
			}
			pass(at);
			running = result_of(ticket) == 1;
			fn->vanished = true;
			fn->writes = 0;
			pci_dev_get(pf, PCI_REF_TRANSIENT);
			pci_dev_surprise(pf);
			pci_dev_put(pf, PCI_REF_TRANSIENT);
			pass(2500 * MS);
			assert_null(found(PF));
			assert_int_equal(vfs_seen(), 0);
			assert_int_equal(fn->writes, 0);
			assert_int_equal(pci_objects_left(), POOL_DEVICES - 1); /* the port */
			assert_int_equal(result_of(ticket), running ? -ENODEV : 0);
		}
	}
}

/* ---- resets ---- */

static int reset_result;

static void reset_done(struct pci_reset *r, int result)
{
	reset_result = result;
}

/* What firmware gave the VFs comes back after a reset of the PF; a VF's reset leaves its BARs alone, for it has none. */
static void test_resets(void **state)
{
	static struct pci_reset r;

	build();
	fake_put(fn->cfg, CAP + 0x20, 4, 0x10);
	r = (struct pci_reset){ .dev = pf, .done = reset_done };
	reset_result = 1;
	assert_int_equal(pci_reset_start(&r), 0);
	pass(300 * MS);
	assert_int_equal(reset_result, 0);
	assert_int_equal(fn->resets, 1);
	assert_int_equal(fake_reg(fn, CAP + 0x20, 4), 0x10);
	assert_int_equal(fake_reg(fn, CAP + 0x24, 4), 0x8000000c);
	assert_int_equal(fake_reg(fn, CAP + 0x28, 4), 4);
	assert_int_equal(fake_reg(fn, CAP + 0x30, 4), 0xd1000000);
	enable(2);
	assert_int_equal(fake_reg(fn, CAP + 0x20, 4), 1);
	assert_int_equal(pci_reset_start(&r), -EBUSY);
	r = (struct pci_reset){ .dev = must_find(VF(1)), .done = reset_done };
	reset_result = 1;
	assert_int_equal(pci_reset_method(r.dev, NULL), PCI_RESET_FLR);
	assert_int_equal(pci_reset_start(&r), 0);
	pass(300 * MS);
	assert_int_equal(reset_result, 0);
	assert_int_equal(fake_sriov.vf[1]->resets, 1);
	/* Without FLR there is no other way: the bus is the PF's as well. */
	fake_put(fake_sriov.vf[0]->cfg, 0x44, 4, 0x8001);
	assert_int_equal(pci_reset_method(must_find(VF(0)), &why), PCI_RESET_NONE);
	assert_non_null(strstr(why.text, "virtual function"));
}

static void hide(struct pci_dev *dev)
{
	assert_int_equal(pci_dev_state(dev), PCI_NEW); /* nobody can have found it yet */
	assert_int_equal(dev->vendor, 0x8086);
	atomic_fetch_or(&dev->flags, PCI_FLAG_HIDDEN);
}

/* What comes later, in each of the ways, is what the configuration says of it. */
static void test_later_devices_are_configured(void **state)
{
	build();
	pci_set_configure(hide);
	enable(2);
	assert_true(pci_dev_has(must_find(VF(0)), PCI_FLAG_HIDDEN));
	assert_true(pci_dev_has(must_find(VF(1)), PCI_FLAG_HIDDEN));
	fake_add(PCI_BDF(0, 4, 0), 0x8086, 1, 0x020000, 0);
	assert_int_equal(pci_rescan(), 1);
	assert_true(pci_dev_has(must_find(PCI_BDF(0, 4, 0)), PCI_FLAG_HIDDEN));
	fake_add(PCI_BDF(0, 5, 0), 0x8086, 1, 0x020000, 0);
	assert_int_equal(pci_dev_add((struct sbdf){ 0, PCI_BDF(0, 5, 0) }), 0);
	assert_true(pci_dev_has(must_find(PCI_BDF(0, 5, 0)), PCI_FLAG_HIDDEN));
	assert_false(pci_dev_has(pf, PCI_FLAG_HIDDEN));
	pci_set_configure(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_enable),		   T(test_groups),	   T(test_refusals),
		T(test_disable),	   T(test_disable_waits_for_holders),
		T(test_disable_ends_when_one_stays),
		T(test_disable_ends_when_its_pf_went), T(test_disable_is_vetoed),
		T(test_all_or_none),	   T(test_firmware_left_it_on),
		T(test_pf_is_not_removed_with_vfs), T(test_vf_without_its_pf),
		T(test_publish),	   T(test_pf_vanishes),	   T(test_resets),
		T(test_later_devices_are_configured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

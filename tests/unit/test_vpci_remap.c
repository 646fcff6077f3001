/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two phases of moving a BAR, one interleaving after the other: what other CPUs do while one waits for
 * its shoot-down is played from inside that wait. (test_vpci_threads.c does the same with threads.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/work.h"
#include "tests/fake/fake_vpci.h"

#define A SMALL /* its two small BARs share the page 0xfea00000 */
#define B BEHIND

static unsigned int waits;
static u16 waiting_device;

static u32 held(u16 bdf, enum pci_ref_kind kind)
{
	return atomic_load(&device(bdf)->refs_by_kind[kind]);
}

static bool vpci_lock_is_free(u16 bdf)
{
	struct pci_dev *dev = device(bdf);
	bool taken = spin_trylock(&dev->vpci_lock);

	if (taken)
		spin_unlock(&dev->vpci_lock);
	return taken;
}

static bool settled(u16 bdf)
{
	bool is;

	assert_true(vpci_attached(device(bdf), &is));
	return is;
}

static u64 stands_at(u16 bdf, unsigned int bar)
{
	struct vpci_bar_info info;

	assert_true(vpci_bar_info(device(bdf), bar, &info));
	return info.mapped ? info.placed_at : 0;
}

/* ---- the phases ---- */

/* Called between the two phases: nobody's lock is held, and the old place is out of the table already. */
static void look_around(void)
{
	waits++;
	assert_true(vpci_lock_is_free(waiting_device));
	assert_true(vpci_lock_is_free(A));
	assert_true(vpci_lock_is_free(B));
	assert_int_equal(reach(0xfeb80000), 0);
	assert_true(reach_stale(0xfeb80000));
	assert_false(settled(NIC));
}

static void test_no_lock_is_held_over_the_wait(void **state)
{
	waits = 0;
	waiting_device = NIC;
	at_wait = look_around;
	wr(NIC, 0x10, 4, 0xe0000000);
	assert_int_equal(waits, 1);
	assert_int_equal(reach(0xe0000000), 0xfeb80000);
	wr(NIC, 0x3c, 1, 5); /* nothing structural: no shoot-down */
	wr(NIC, 0x04, 2, 0x0007);
	assert_int_equal(waits, 1);
	assert_true(settled(NIC));
	assert_int_equal(held(NIC, PCI_REF_TRANSIENT), 0);
	assert_int_equal(held(NIC, PCI_REF_WORK), 0);
}

/* What is only put in needs no shoot-down: what was absent is not cached. */
static void test_no_shootdown_without_need(void **state)
{
	unsigned int before = shootdowns;

	wr(B, 0x04, 2, 2);
	assert_int_equal(reach(0xfe800000), 0xfe800000);
	assert_int_equal(shootdowns, before);
	/* One for all that leave together. */
	wr(NIC, 0x04, 2, 0);
	assert_int_equal(reach(0xfeb80000), 0);
	assert_int_equal(reach(0xa000000000), 0);
	assert_int_equal(shootdowns, before + 1);
	/* A page that another BAR goes on to need does not leave. */
	wr(A, 0x10, 4, 0);
	assert_int_equal(shootdowns, before + 1);
}

/* The hardware decodes before the guest can reach it, and until no CPU can any more. */
static void expect_decoding(void)
{
	waits++;
	note((fake_reg(nic, 4, 2) & 2) == 2);
}

static void expect_decoding_at(u64 gpa)
{
	expect_decoding();
}

static void test_decoding_brackets_reach(void **state)
{
	waits = 0;
	at_wait = expect_decoding;
	at_map = at_unmap = expect_decoding_at;
	wr(NIC, 0x04, 2, 0x0004);
	assert_int_equal(waits, 4); /* three unmapped (BAR 2 is in two pieces), one wait */
	assert_int_equal(fake_reg(nic, 4, 2), 0x0004);
	assert_int_equal(rd(NIC, 4, 2), 0x0004);
	wr(NIC, 0x04, 2, 0x0006);
	assert_int_equal(waits, 7);
	assert_int_equal(fake_reg(nic, 4, 2), 0x0006);
	/* Moving a BAR leaves the decoder alone. */
	wr(NIC, 0x10, 4, 0xe0000000);
	assert_int_equal(fake_reg(nic, 4, 2), 0x0006);
}

/* Off is put off, and on again before it has happened. */
static void decode_on_again(void)
{
	at_wait = NULL;
	assert_int_equal(fake_reg(nic, 4, 2) & 3, 3);
	wr(NIC, 0x04, 2, 0x0002);
	assert_int_equal(rd(NIC, 4, 2), 0x0002);
}

static void test_decoding_comes_back_meanwhile(void **state)
{
	at_wait = decode_on_again;
	wr(NIC, 0x04, 2, 0x0000);
	assert_int_equal(rd(NIC, 4, 2), 0x0002);
	assert_int_equal(fake_reg(nic, 4, 2), 0x0002); /* the ports are off, as that second write said */
	assert_int_equal(reach(0xfeb80000), 0xfeb80000);
	assert_int_equal(reach_port(0xc040), 0);
	assert_true(settled(NIC));
}

static void expect_rom_decoding(void)
{
	waits++;
	note(fake_reg(nic, 0x30, 4) == 0xfe000001);
}

static void expect_rom_decoding_at(u64 gpa)
{
	expect_rom_decoding();
}

static void test_rom_enable_brackets_reach(void **state)
{
	waits = 0;
	at_map = at_unmap = expect_rom_decoding_at;
	wr(NIC, 0x30, 4, 0xfe000001);
	at_wait = expect_rom_decoding;
	wr(NIC, 0x30, 4, 0xfe000000);
	assert_int_equal(waits, 3);
	assert_int_equal(fake_reg(nic, 0x30, 4), 0xfe000000);
}

/* ---- a place has one tenant ---- */

/* While the NIC leaves 0xfeb80000, the other device comes: it must not get the place yet. */
static void come_early(void)
{
	at_wait = NULL;
	wr(B, 0x10, 4, 0xfeb80000);
	wr(B, 0x04, 2, 2);
	assert_int_equal(reach(0xfeb80000), 0);
	assert_int_equal(stands_at(B, 0), 0);
	assert_true(settled(B)); /* it waits for the place, and for nobody's lock */
}

static void test_place_is_given_after_the_shootdown(void **state)
{
	at_wait = come_early;
	wr(NIC, 0x10, 4, 0xe0000000);
	assert_int_equal(reach(0xfeb80000), 0xfe800000);
	assert_int_equal(stands_at(B, 0), 0xfeb80000);
	assert_int_equal(reach(0xe0000000), 0xfeb80000);
}

/* Two devices onto each other's places: the second begins inside the first one's wait. */
static void swap_back(void)
{
	at_wait = NULL;
	wr(B, 0x10, 4, 0xe1000000);
}

static void test_two_devices_onto_each_other(void **state)
{
	wr(B, 0x04, 2, 2);
	wr(A, 0x14, 4, 0);
	wr(A, 0x10, 4, 0xe1000100);
	wr(B, 0x10, 4, 0xe2000000);
	assert_int_equal(reach(0xe1000100), 0xfea00100);
	assert_int_equal(reach(0xe2000000), 0xfe800000);
	at_wait = swap_back;
	wr(A, 0x10, 4, 0xe2000100);
	assert_int_equal(stands_at(A, 0), 0xe2000100);
	assert_int_equal(stands_at(B, 0), 0xe1000000);
	assert_int_equal(reach(0xe2000100), 0xfea00100);
	assert_int_equal(reach(0xe1000000), 0xfe800000);
	assert_true(settled(A) && settled(B));
}

/*
 * Who comes back to his place while he is on the way out gets it again, after the shoot-down; so does a
 * second user.
 */
static void come_back(void)
{
	at_wait = NULL;
	wr(NIC, 0x10, 4, 0xfeb80000);
	assert_int_equal(reach(0xfeb80000), 0);
}

static void test_back_again(void **state)
{
	at_wait = come_back;
	wr(NIC, 0x10, 4, 0xe0000000);
	assert_int_equal(stands_at(NIC, 0), 0xfeb80000);
	assert_int_equal(reach(0xe0000000), 0);
	assert_true(settled(NIC));
}

/*
 * Three users of one page, which are functions of one device: while the last two leave, another comes; while
 * that one leaves again, it must not free the place before the shoot-down that is still waited for.
 */
static void come_and_go(void)
{
	at_wait = NULL;
	assert_int_equal(vpci_attach(device(PCI_BDF(0, 7, 0))), 0);
	assert_int_equal(reach(0xfea00300), 0);
	wr(PCI_BDF(0, 7, 0), 4, 2, 0);
	wr(B, 0x10, 4, 0xfea00000);
	wr(B, 0x04, 2, 2);
	assert_int_equal(reach(0xfea00000), 0); /* the page's shoot-down is not through */
}

/* The same, and it stays. */
static void come_and_stay(void)
{
	at_wait = NULL;
	assert_int_equal(vpci_attach(device(PCI_BDF(0, 7, 0))), 0);
	assert_int_equal(reach(0xfea00300), 0);
}

static void test_page_passes_to_another_user(void **state)
{
	struct fake_fn *third = fake_add(PCI_BDF(0, 7, 0), 0x1234, 1, 0x00ff00, 0);

	fake_put(third->cfg, 0x04, 2, 2);
	fake_bar(third, 0, 0x100, 0, 0xfea00300);
	assert_int_equal(pci_objects_init(32), 0);
	assert_int_equal(pci_enumerate(), 6);
	assert_int_equal(vpci_attach(device(A)), 0);
	at_wait = come_and_stay;
	wr(A, 0x04, 2, 0);
	assert_int_equal(reach(0xfea00300), 0xfea00300);
	assert_int_equal(vpci_map_users(), 1);
}

static void test_third_user_of_a_page(void **state)
{
	struct fake_fn *third = fake_add(PCI_BDF(0, 7, 0), 0x1234, 1, 0x00ff00, 0);

	fake_put(third->cfg, 0x04, 2, 2);
	fake_bar(third, 0, 0x100, 0, 0xfea00300);
	assert_int_equal(pci_objects_init(32), 0);
	assert_int_equal(pci_enumerate(), 6);
	assert_int_equal(vpci_attach(device(A)), 0);
	assert_int_equal(vpci_attach(device(B)), 0);
	at_wait = come_and_go;
	wr(A, 0x04, 2, 0);
	assert_int_equal(reach(0xfea00000), 0xfe800000);
	wr(B, 0x04, 2, 0);
	wr(PCI_BDF(0, 7, 0), 4, 2, 2);
	wr(A, 0x04, 2, 2);
	assert_int_equal(reach(0xfea00300), 0xfea00300);
	assert_int_equal(vpci_map_users(), 3);
}

/* ---- ports ---- */

static void ports_between(void)
{
	waits++;
	assert_int_equal(reach_port(0xc040), 0);
	assert_int_equal(reach_port(0xd000), 0);
	assert_int_equal(fake_reg(nic, 4, 2) & 1, 1);
}

static void test_ports_have_the_same_phases(void **state)
{
	waits = 0;
	at_wait = ports_between;
	wr(NIC, 0x14, 4, 0xd001);
	assert_int_equal(waits, 1);
	assert_int_equal(reach_port(0xd000), 0xc040);
	at_wait = NULL;
	wr(NIC, 0x14, 4, 0xc041);
	at_wait = ports_between;
	wr(NIC, 0x04, 2, 2);
	assert_int_equal(waits, 2);
	assert_int_equal(fake_reg(nic, 4, 2), 2);
}

static unsigned int port_device_step;

static void port_neighbour_comes(void)
{
	at_wait = NULL;
	wr(PCI_BDF(0, 7, 0), 0x10, 4, 0xc041);
	assert_int_equal(reach_port(0xc040), 0);
	port_device_step++;
}

static void test_port_place_is_given_after_the_shootdown(void **state)
{
	struct fake_fn *f = fake_add(PCI_BDF(0, 7, 0), 0x8086, 1, 0x020000, 0);

	fake_put(f->cfg, 0x04, 2, 1);
	fake_bar(f, 0, 0x20, 1, 0xb000);
	assert_int_equal(pci_objects_init(32), 0);
	assert_int_equal(pci_enumerate(), 6);
	assert_int_equal(vpci_attach(device(NIC)), 0);
	assert_int_equal(vpci_attach(device(PCI_BDF(0, 7, 0))), 0);
	port_device_step = 0;
	at_wait = port_neighbour_comes;
	wr(NIC, 0x14, 4, 0xd001);
	assert_int_equal(port_device_step, 1);
	assert_int_equal(reach_port(0xc040), 0xb000);
	assert_int_equal(reach_port(0xd000), 0xc040);
}

/* ---- two CPUs and one device ---- */

static void write_meanwhile(void)
{
	at_wait = NULL;
	wr(NIC, 0x10, 4, 0xe2000000); /* records, and leaves */
	assert_int_equal(rd(NIC, 0x10, 4), 0xe2000000);
	assert_int_equal(reach(0xe2000000), 0);
	assert_int_equal(reach(0xe0000000), 0);
	assert_false(settled(NIC));
}

static void test_second_writer_leaves_it_to_the_first(void **state)
{
	at_wait = write_meanwhile;
	wr(NIC, 0x10, 4, 0xe0000000);
	assert_int_equal(reach(0xe2000000), 0xfeb80000);
	assert_int_equal(reach(0xe0000000), 0);
	assert_int_equal(stands_at(NIC, 0), 0xe2000000);
	assert_true(settled(NIC));
	assert_int_equal(vpci_map_users(), 6); /* the NIC's three, the small device's two, the port's */
}

/* Another CPU writes again and again: the first one does not stay for ever. */
static u32 restless_address;

static void restless(void)
{
	waits++;
	restless_address ^= 0x01000000;
	wr(NIC, 0x10, 4, restless_address);
}

static void test_bounded_rounds_then_work(void **state)
{
	struct pci_dev *dev = device(NIC);

	waits = 0;
	restless_address = 0xe0000000;
	at_wait = restless;
	wr(NIC, 0x10, 4, 0xe2000000);
	assert_in_range(waits, 2, 32);
	assert_true(work_pending());
	assert_int_equal(held(NIC, PCI_REF_WORK), 1);
	assert_int_equal(held(NIC, PCI_REF_TRANSIENT), 0);
	assert_false(settled(NIC));
	/* Deferred work is the remapper now. */
	waits = 0;
	wr(NIC, 0x10, 4, 0xe4000000);
	assert_int_equal(waits, 0);
	assert_int_equal(vpci_withdraw_start(dev), -EINPROGRESS);
	assert_int_equal(vpci_detach(dev), -EBUSY);
	assert_int_equal(rd(NIC, 0, 4), 0xffffffff);
	at_wait = NULL;
	assert_int_equal(work_run(WORK_BUDGET), 1);
	assert_int_equal(held(NIC, PCI_REF_WORK), 0);
	assert_false(work_pending());
	assert_int_equal(reach(0xe4000000), 0);
	assert_int_equal(vpci_withdraw_start(dev), 0);
	assert_int_equal(vpci_detach(dev), 0);
	assert_int_equal(held(NIC, PCI_REF_VPCI), 0);
}

static void test_work_goes_on_in_turn(void **state)
{
	waits = 0;
	restless_address = 0xe0000000;
	at_wait = restless;
	wr(NIC, 0x10, 4, 0xe2000000);
	assert_int_equal(work_run(WORK_BUDGET), 1); /* no end: it posts itself once more */
	assert_int_equal(held(NIC, PCI_REF_WORK), 1);
	at_wait = NULL;
	assert_int_equal(work_run(WORK_BUDGET), 1);
	assert_true(settled(NIC));
	assert_int_equal(stands_at(NIC, 0), restless_address);
	assert_int_equal(held(NIC, PCI_REF_WORK), 0);
}

/* ---- taking a device away ---- */

/* Unplug during a deferred BAR mapping. */
static void withdraw_meanwhile(void)
{
	struct pci_dev *dev = device(NIC);

	at_wait = NULL;
	waits++;
	assert_int_equal(vpci_withdraw_start(dev), -EINPROGRESS);
	assert_int_equal(vpci_withdraw_start(dev), -EINPROGRESS);
	assert_int_equal(vpci_detach(dev), -EBUSY);
	assert_int_equal(rd(NIC, 0, 4), 0xffffffff);
	wr(NIC, 0x10, 4, 0xe2000000); /* finds nothing */
	assert_int_equal(vpci_attach(dev), -EBUSY);
}

static void test_withdraw_during_a_remap(void **state)
{
	struct pci_dev *dev = device(NIC);
	unsigned int others = mappings - 3; /* BAR 2 is in two pieces */

	waits = 0;
	at_wait = withdraw_meanwhile;
	wr(NIC, 0x10, 4, 0xe0000000);
	assert_int_equal(waits, 1);
	assert_int_equal(mappings, others);
	assert_int_equal(reach_port(0xc040), 0);
	assert_int_equal(vpci_withdraw_start(dev), 0);
	assert_int_equal(vpci_detach(dev), 0);
	assert_int_equal(held(NIC, PCI_REF_VPCI), 0);
	assert_int_equal(vpci_detach(dev), -ENODEV);
	assert_int_equal(vpci_attach(dev), 0);
	assert_int_equal(reach(0xfeb80000), 0xfeb80000);
}

/* Detach is refused from the very moment of the withdrawal's own wait, too. */
static void detach_meanwhile(void)
{
	waits++;
	assert_int_equal(vpci_detach(device(NIC)), -EBUSY);
	assert_int_equal(vpci_withdraw_start(device(NIC)), -EINPROGRESS);
	assert_true(vpci_lock_is_free(NIC));
}

static void test_withdraw_waits_for_its_shootdown(void **state)
{
	unsigned long writes = nic->writes;

	waits = 0;
	at_wait = detach_meanwhile;
	assert_int_equal(vpci_withdraw_start(device(NIC)), 0);
	assert_int_equal(waits, 1);
	assert_int_equal(reach(0xfeb80000), 0);
	assert_int_equal(reach_port(0xc040), 0);
	assert_int_equal(nic->writes, writes); /* the device was not told: it may be gone, or another's */
	assert_int_equal(vpci_detach(device(NIC)), 0);
}

/* What the guest had switched off stays on in the hardware: the device is on its way to another. */
static void test_withdraw_leaves_the_decoder(void **state)
{
	waits = 0;
	at_wait = withdraw_meanwhile;
	wr(NIC, 0x04, 2, 0);
	assert_int_equal(waits, 1);
	assert_int_equal(fake_reg(nic, 4, 2) & 3, 3);
	assert_int_equal(vpci_withdraw_start(device(NIC)), 0);
	assert_int_equal(fake_reg(nic, 4, 2) & 3, 3);
}

static void test_withdraw_of_a_vanished_device(void **state)
{
	unsigned long accesses;

	fake_vanish(nic);
	assert_int_equal(rd(NIC, 0, 2), 0xffff);
	accesses = nic->reads + nic->writes;
	assert_int_equal(vpci_withdraw_start(device(NIC)), 0);
	assert_int_equal(reach(0xfeb80000), 0);
	assert_int_equal(vpci_detach(device(NIC)), 0);
	assert_int_equal(nic->reads + nic->writes, accesses);
}

static void test_withdraw_serves_who_waits(void **state)
{
	wr(B, 0x10, 4, 0xfeb80000);
	wr(B, 0x04, 2, 2);
	assert_int_equal(stands_at(B, 0), 0);
	assert_int_equal(vpci_withdraw_start(device(NIC)), 0);
	assert_int_equal(reach(0xfeb80000), 0xfe800000);
	assert_int_equal(vpci_withdraw_start(device(NIC)), 0); /* once more: nothing to do */
	assert_int_equal(reach(0xfeb80000), 0xfe800000);
}

/* ---- failures ---- */

static void test_unanswered_shootdown(void **state)
{
	struct pci_dev *dev = device(NIC);

	shootdown_failures = 1;
	wr(NIC, 0x10, 4, 0xe0000000);
	assert_int_equal(reach(0xfeb80000), 0);
	assert_int_equal(reach(0xe0000000), 0); /* not before it has left its old place */
	assert_false(settled(NIC));
	assert_int_equal(times_logged("00:02.0 BAR 0 cannot be taken from 0xfeb80000"), 1);
	/* The place is nobody's: a CPU may still use it. */
	wr(B, 0x10, 4, 0xfeb80000);
	wr(B, 0x04, 2, 2);
	assert_int_equal(reach(0xfeb80000), 0);
	shootdown_failures = 1;
	assert_int_equal(vpci_withdraw_start(dev), -ETIMEDOUT);
	assert_int_equal(vpci_detach(dev), -EBUSY);
	assert_int_equal(reach(0xfeb80000), 0);
	assert_int_equal(vpci_withdraw_start(dev), 0);
	assert_int_equal(reach(0xfeb80000), 0xfe800000);
	assert_int_equal(vpci_detach(dev), 0);
}

static void test_next_write_tries_again(void **state)
{
	shootdown_failures = 1;
	wr(NIC, 0x04, 2, 0);
	assert_int_equal(fake_reg(nic, 4, 2) & 2, 2); /* a CPU may still use it: the decoder stays on */
	wr(NIC, 0x3c, 1, 5);
	assert_true(settled(NIC));
	assert_int_equal(fake_reg(nic, 4, 2), 0);
	wr(NIC, 0x04, 2, 2);
	assert_int_equal(reach(0xfeb80000), 0xfeb80000);
}

/* What could not be mapped is forgotten: it does not come up later where the BAR no longer is. */
static void test_failed_mapping_is_forgotten(void **state)
{
	wr(B, 0x10, 4, 0xe1000000);
	map_error = -ENOMEM;
	wr(B, 0x04, 2, 2);
	assert_int_equal(reach(0xe1000000), 0);
	wr(B, 0x10, 4, 0xe2000000);
	assert_int_equal(reach(0xe2000000), 0xfe800000);
	wr(NIC, 0x10, 4, 0xe1000000);
	wr(NIC, 0x10, 4, 0xfeb80000);
	assert_int_equal(reach(0xe1000000), 0);
}

static void test_table_refuses_to_unmap(void **state)
{
	unmap_error = -ENOMEM;
	assert_int_equal(vpci_withdraw_start(device(NIC)), -ENOMEM);
	assert_int_equal(reach(0xfeb80000), 0xfeb80000); /* it still stands there */
	assert_int_equal(vpci_detach(device(NIC)), -EBUSY);
	assert_int_equal(vpci_withdraw_start(device(NIC)), 0);
	assert_int_equal(reach(0xfeb80000), 0);
	assert_int_equal(vpci_map_users(), 3); /* the small device's, the port's */
}

/* ---- resets ---- */

static void busy_device_is_silent(void)
{
	waits++;
	assert_true(vpci_lock_is_free(NIC));
}

static void test_guest_flr(void **state)
{
	waits = 0;
	at_wait = busy_device_is_silent;
	wr(NIC, 0x80 + 8, 2, 0x8000);
	assert_int_equal(nic->resets, 1);
	assert_int_equal(waits, 1);
	assert_int_equal(reach(0xfeb80000), 0);
	assert_true(pci_dev_has(device(NIC), PCI_FLAG_BUSY));
	assert_int_equal(rd(NIC, 4, 2), 0); /* it answers: BUSY ends */
	assert_false(pci_dev_has(device(NIC), PCI_FLAG_BUSY));
	assert_int_equal(rd(NIC, 0x10, 4), 0);
}

/*
 * As long as it does not answer, reads are all-ones, writes go nowhere, and that is no sign of a vanished
 * device.
 */
static void test_reset_takes_its_time(void **state)
{
	wr(NIC, 0x80 + 8, 2, 0x8000);
	fake_vanish(nic);
	assert_int_equal(rd(NIC, 0x10, 4), 0xffffffff);
	assert_int_equal(rd(NIC, 0x3c, 1), 0xff); /* of a shadow, too */
	wr(NIC, 0x10, 4, 0xe0000000);
	wr(NIC, 0x3c, 1, 7);
	assert_false(pci_dev_has(device(NIC), PCI_FLAG_GONE));
	nic->vanished = false;
	assert_int_equal(rd(NIC, 0x10, 4), 0);
	assert_int_not_equal(rd(NIC, 0x3c, 1), 7);
}

/* A reset of ours ends when we say so: until then nothing is sent to the device. */
static void test_our_reset(void **state)
{
	struct pci_dev *dev = device(NIC);
	unsigned long accesses;

	atomic_fetch_or(&dev->flags, PCI_FLAG_BUSY | PCI_FLAG_RESETTING);
	accesses = nic->reads + nic->writes;
	assert_int_equal(rd(NIC, 0, 4), 0xffffffff);
	wr(NIC, 4, 2, 0);
	wr(NIC, 0x10, 4, 0xe0000000);
	assert_int_equal(nic->reads + nic->writes, accesses);
	assert_int_equal(reach(0xfeb80000), 0xfeb80000);
	atomic_fetch_and(&dev->flags, ~(u32)(PCI_FLAG_BUSY | PCI_FLAG_RESETTING));
	assert_int_equal(rd(NIC, 0, 4), 0x10d38086);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_no_lock_is_held_over_the_wait),
		T(test_no_shootdown_without_need),
		T(test_decoding_brackets_reach),
		T(test_decoding_comes_back_meanwhile),
		T(test_rom_enable_brackets_reach),
		T(test_place_is_given_after_the_shootdown),
		T(test_two_devices_onto_each_other),
		T(test_back_again),
		BARE(test_page_passes_to_another_user),
		BARE(test_third_user_of_a_page),
		T(test_ports_have_the_same_phases),
		BARE(test_port_place_is_given_after_the_shootdown),
		T(test_second_writer_leaves_it_to_the_first),
		T(test_bounded_rounds_then_work),
		T(test_work_goes_on_in_turn),
		T(test_withdraw_during_a_remap),
		T(test_withdraw_waits_for_its_shootdown),
		T(test_withdraw_leaves_the_decoder),
		T(test_withdraw_of_a_vanished_device),
		T(test_withdraw_serves_who_waits),
		T(test_unanswered_shootdown),
		T(test_next_write_tries_again),
		T(test_failed_mapping_is_forgotten),
		T(test_table_refuses_to_unmap),
		T(test_guest_flr),
		T(test_reset_takes_its_time),
		T(test_our_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

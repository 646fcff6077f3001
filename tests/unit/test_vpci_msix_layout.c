/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where an MSI-X table may lie, and what of its BAR the guest reaches then: all but the pages with a part of the
 * table, which nobody reaches. Layouts from PCIe base spec 6.0, 7.7.2; pages of 4 KiB.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "drivers/vpci/row.h"
#include "tests/unit/msix_machine.h"

#define X PCI_BDF(0, 5, 0)
#define Y PCI_BDF(0, 6, 0)
#define XCAP 0x40u

/* A device with a BAR 0, decoding on. */
static struct fake_fn *add_device(u16 bdf, u64 base, u64 size)
{
	struct fake_fn *f = fake_add(bdf, 0x1234, 0x5678, 0x010802, 0);

	fake_put(f->cfg, 4, 2, 2);
	fake_bar(f, 0, size, 0, base);
	return f;
}

static void add_msix(struct fake_fn *f, unsigned int entries, u32 place)
{
	fake_cap(f, XCAP, 0x11);
	fake_set(f, XCAP + 2, 2, entries - 1, 0xc000, 0);
	fake_set(f, XCAP + 4, 4, place, 0, 0);
}

static void enumerate(void)
{
	fake_remap_begin(true);
	assert_int_equal(pci_objects_init(32), 0);
	assert_true(pci_enumerate() > 5);
	fake.bad_accesses = 0;
}

static bool shown(u16 bdf)
{
	return (rd(bdf, 0x34, 1) & 0xfc) == XCAP;
}

/* ---- one BAR ---- */

static const struct layout {
	const char *name;
	u64 base, size;
	unsigned int entries;
	u32 place;
	bool shown;
	u64 from, to; /* trapped, from the BAR's first page on */
} layouts[] = {
	{ "a BAR of its own", 0xe0000000, 0x1000, 16, 0, true, 0, 0x1000 },
	{ "registers behind it", 0xe0000000, 0x4000, 16, 0, true, 0, 0x1000 },
	{ "registers before it", 0xe0000000, 0x4000, 16, 0x3000, true, 0x3000, 0x4000 },
	{ "registers around it", 0xe0000000, 0x4000, 16, 0x1800, true, 0x1000, 0x2000 },
	{ "up to a page's end", 0xe0000000, 0x4000, 16, 0x1f00, true, 0x1000, 0x2000 },
	{ "one entry over a page's end", 0xe0000000, 0x4000, 17, 0x1f00, true, 0x1000, 0x3000 },
	{ "2048 entries", 0xe0000000, 0x10000, 2048, 0x1000, true, 0x1000, 0x9000 },
	{ "2048 entries, not at a page", 0xe0000000, 0x10000, 2048, 0x1008, true, 0x1000, 0xa000 },
	{ "up to the BAR's end", 0xe0000000, 0x8000, 2048, 0, true, 0, 0x8000 },
	{ "a small BAR", 0xe0000400, 0x100, 4, 0x40, true, 0, 0x1000 },
	{ "over the BAR's end", 0xe0000000, 0x8000, 2048, 0x8, false, 0, 0 },
	{ "beyond the BAR", 0xe0000000, 0x4000, 1, 0x4000, false, 0, 0 },
	{ "at 4 GiB's end", 0xe0000000, 0x4000, 2048, 0xfffffff8, false, 0, 0 },
	{ "no such BAR", 0xe0000000, 0x4000, 1, 1, false, 0, 0 },
	{ "BAR 6, reserved: the ROM", 0xe0000000, 0x4000, 1, 6, false, 0, 0 },
	{ "BAR 7, reserved", 0xe0000000, 0x4000, 1, 7, false, 0, 0 },
	{ "an I/O BAR", 0xe0000000, 0x4000, 1, 2, false, 0, 0 },
	{ "no address", 0, 0x4000, 1, 0, false, 0, 0 },
	{ "a blocked BAR", 0xfed90000, 0x1000, 1, 0, false, 0, 0 },
};

static void check_reach(const struct layout *l)
{
	u64 page = l->base & ~0xfffull;

	for (u64 at = 0; l->base && at < l->size; at += 0x40) {
		u64 gpa = l->base + at, value = 0;
		bool trapped = gpa - page >= l->from && gpa - page < l->to;

		if (l->base == 0xfed90000)
			continue;
		assert_true(reach(gpa) == (trapped ? 0 : gpa));
		assert_true(vm.trap(gpa, 4, false, &value) == trapped);
	}
}

static void test_layouts(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(layouts); i++) {
		const struct layout *l = &layouts[i];
		struct fake_fn *f;
		u64 left;

		teardown(state);
		setup(state);
		f = add_device(X, l->base, l->size);
		fake_bar(f, 2, 0x20, 1, 0xd000);
		fake_rom(f, 0x10000, 0xe1000000);
		add_msix(f, l->entries, l->place);
		fake_put(f->cfg, XCAP + 2, 2, 0x8000 | (l->entries - 1)); /* firmware left it on */
		fake_registers(l->base & ~0xfffull, 0x10000);
		enumerate();
		left = pages_left();
		assert_int_equal(vpci_attach(device(X)), 0);
		if (shown(X) != l->shown)
			fail_msg("%s", l->name);
		assert_int_equal(times_logged("MSI-X is hidden"), !l->shown);
		assert_int_equal(fake_reg(f, XCAP + 2, 2), l->entries - 1);
		if (!l->shown) {
			assert_int_equal(rd(X, XCAP + 4, 4), 0);
			wr(X, XCAP + 2, 2, 0x8000);
			assert_int_equal(fake_reg(f, XCAP + 2, 2), l->entries - 1);
		}
		check_reach(l);
		/* The last entry, and what is not there of a small BAR. */
		if (l->shown) {
			u64 last = l->base + l->place + 16 * (l->entries - 1), value = 0x77;

			assert_true(vm.trap(last + 8, 4, true, &value));
			assert_true(vm.trap(last + 8, 8, false, &value));
			assert_true(value == 0x100000077);
			assert_false(vm.trap(l->base - 8, 8, false, &value));
			assert_false(vm.trap(l->base + l->size, 4, false, &value));
			assert_false(vm.trap(l->base + l->size - 4, 8, false, &value));
		}
		detach(X);
		assert_true(pages_left() == left);
	}
}

/* No page for the copy: hidden, and nothing is kept. */
static void test_no_memory(void **state)
{
	struct fake_fn *f = add_device(X, 0xe0000000, 0x10000);
	void *taken = NULL;
	u64 left;

	add_msix(f, 2048, 0);
	enumerate();
	while (pages_left() > 5) {
		void **page = page_alloc();

		*page = taken;
		taken = page;
	}
	left = pages_left();
	assert_int_equal(vpci_attach(device(X)), 0);
	assert_false(shown(X));
	assert_true(pages_left() == left);
	assert_int_equal(times_logged("no memory for its table"), 1);
	assert_int_equal(reach(0xe0000000), 0xe0000000);
	detach(X);
}

/* ---- more than one on a page ---- */

static void neighbours(void **state, bool x_first)
{
	struct fake_fn *x = add_device(X, 0xe0000000, 0x100);

	add_msix(x, 4, 0);
	add_device(Y, 0xe0000100, 0x100);
	enumerate();
	assert_int_equal(vpci_attach(device(x_first ? X : Y)), 0);
	assert_int_equal(vpci_attach(device(x_first ? Y : X)), 0);
	assert_false(shown(X));
	assert_int_equal(times_logged("another BAR has registers on the pages of its table"), 1);
	assert_int_equal(reach(0xe0000100), 0xe0000100);
	detach(X);
	detach(Y);
}

static void test_two_devices_on_a_page(void **state)
{
	neighbours(state, true);
}

static void test_two_devices_on_a_page_the_other_way(void **state)
{
	neighbours(state, false);
}

static void test_two_bars_on_a_page(void **state)
{
	struct fake_fn *x = add_device(X, 0xe0000000, 0x100);

	fake_bar(x, 1, 0x100, 0, 0xe0000800);
	add_msix(x, 4, 1);
	enumerate();
	assert_int_equal(vpci_attach(device(X)), 0);
	assert_false(shown(X));
	assert_int_equal(reach(0xe0000800), 0xe0000800);
}

/* The interval map itself: what comes later than the claim, and earlier. */
static void test_claims(void **state)
{
	const struct sbdf a = { 0, X }, b = { 0, Y };
	struct vpci_range r = { .at = 0xe0000000, .host = 0xe0000000, .size = 0x4000, .prot = 3 };
	struct vpci_range mine = r, io = { .io = true, .at = 0xd000, .host = 0xd000, .size = 0x20 };
	bool shoot_down = false;
	struct sbdf owner;
	unsigned int bar;

	mine.trap_from = 0x1000;
	mine.trap_to = 0x2000;
	mine.owner = a;
	mine.bar = 3;
	assert_int_equal(vpci_map_claim(a, 0xe0001000, 0x1000), 0);
	assert_int_equal(vpci_map_claim(b, 0xe0000000, 0x4000), -EBUSY);
	assert_int_equal(vpci_map_enter(&r), -EACCES);
	assert_int_equal(vpci_map_users(), 0);
	assert_int_equal(vpci_map_enter(&io), 0);
	assert_int_equal(vpci_map_enter(&mine), 0);
	assert_true(reach(0xe0000fff) && !reach(0xe0001000) && !reach(0xe0001fff) && reach(0xe0002000));
	assert_true(vpci_map_trapped(0xe0001000, &owner, &bar) && owner.bdf == X && bar == 3);
	assert_true(vpci_map_trapped(0xe0001fff, &owner, &bar));
	assert_false(vpci_map_trapped(0xe0000fff, &owner, &bar));
	assert_false(vpci_map_trapped(0xe0002000, &owner, &bar));
	/* On his way out: not trapped any more, and the pages are still in use. */
	assert_int_equal(vpci_map_leave(&mine, &shoot_down), 0);
	assert_true(shoot_down);
	assert_false(vpci_map_trapped(0xe0001000, &owner, &bar));
	vpci_map_unclaim(b);
	assert_int_equal(vpci_map_enter(&r), -EACCES);
	vpci_map_unclaim(a);
	assert_int_equal(vpci_map_claim(b, 0xe0000000, 0x1000), -EBUSY);
	assert_int_equal(vpci_map_shootdown(), 0);
	vpci_map_left(&mine);
	assert_int_equal(vpci_map_claim(b, 0xe0000000, 0x1000), 0);
	vpci_map_unclaim(b);
	assert_int_equal(reach(0xe0000000), 0);
}

/* Who waits for a place is not trapped there, and is when he gets it. */
static void test_waiting(void **state)
{
	struct vpci_range first = { .at = 0xe0001000, .host = 0xe8000000, .size = 0x1000, .prot = 3 };
	struct vpci_range mine = { .at = 0xe0000000, .host = 0xe0000000, .size = 0x4000, .prot = 3,
				   .trap_from = 0x1000, .trap_to = 0x2000 };
	bool shoot_down = false;
	struct sbdf owner;
	unsigned int bar;

	assert_int_equal(vpci_map_enter(&first), 0);
	assert_int_equal(vpci_map_enter(&mine), -EEXIST); /* the trapped piece is a place like any other */
	assert_false(vpci_map_trapped(0xe0001000, &owner, &bar));
	assert_int_equal(reach(0xe0001000), 0xe8000000);
	assert_int_equal(vpci_map_leave(&first, &shoot_down), 0);
	assert_false(vpci_map_trapped(0xe0001000, &owner, &bar));
	assert_int_equal(vpci_map_shootdown(), 0);
	vpci_map_left(&first);
	assert_true(vpci_map_trapped(0xe0001000, &owner, &bar));
	assert_int_equal(reach(0xe0003000), 0xe0003000);
}

/* The second piece finds no memory: nothing is mapped, and the place is free only after a shoot-down. */
static void room_for_one(u64 gpa)
{
	(void)gpa;
	at_map = NULL;
	map_error = -ENOMEM; /* the next one */
}

static void test_second_piece_fails(void **state)
{
	struct vpci_range mine = { .at = 0xe0000000, .host = 0xe0000000, .size = 0x4000, .prot = 3,
				   .trap_from = 0x1000, .trap_to = 0x2000 };
	struct vpci_range other = { .at = 0xe0000000, .host = 0xe8000000, .size = 0x1000, .prot = 3 };
	bool shoot_down = false;

	at_map = room_for_one;
	assert_int_equal(vpci_map_enter(&mine), -EEXIST);
	at_map = NULL;
	assert_int_equal(reach(0xe0000000), 0);
	assert_false(vpci_map_holds(&mine));
	assert_true(reach_stale(0xe0000000));
	assert_int_equal(vpci_map_enter(&other), -EEXIST);
	assert_int_equal(vpci_map_leave(&mine, &shoot_down), 0);
	assert_true(shoot_down);
	assert_int_equal(vpci_map_shootdown(), 0);
	vpci_map_left(&mine);
	assert_int_equal(reach(0xe0000000), 0xe8000000);
}

/* A BAR that is moved takes its table along. */
static void test_moves(void **state)
{
	struct fake_fn *x = add_device(X, 0xe0000000, 0x4000);
	u64 value = 0x55;

	add_msix(x, 4, 0x1000);
	enumerate();
	assert_int_equal(vpci_attach(device(X)), 0);
	assert_true(vm.trap(0xe0001008, 4, true, &value));
	wr(X, 0x10, 4, 0xe4000000);
	assert_false(vm.trap(0xe0001008, 4, false, &value));
	assert_true(vm.trap(0xe4001008, 4, false, &value));
	assert_int_equal(value, 0x55);
	assert_int_equal(reach(0xe4001000), 0);
	assert_int_equal(reach(0xe4002000), 0xe0002000);
	detach(X);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BARE(test_layouts),
		BARE(test_no_memory),
		BARE(test_two_devices_on_a_page),
		BARE(test_two_devices_on_a_page_the_other_way),
		BARE(test_two_bars_on_a_page),
		BARE(test_claims),
		BARE(test_waiting),
		BARE(test_second_piece_fails),
		BARE(test_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

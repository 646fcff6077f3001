/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When an MSI-X table can be reached at all: power states, resets, devices that vanish or are withdrawn, BARs on
 * their way; and what reaching all of a large one costs. Expectations from PCIe base spec 6.0, 7.7.2 and 5.3.1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "drivers/vpci/row.h"
#include "tests/unit/msix_machine.h"

#define PMCSR 0xccu /* power state 1:0, No_Soft_Reset 3 */
#define D3HOT 3u

/* ---- power states: other than in D0, memory requests are unsupported (5.3.1.4.1) ---- */

static void keeps_its_state(void)
{
	fake_put(nic->cfg, PMCSR, 2, 0x2008);
}

static void sleep_d3(void)
{
	wr(NIC, PMCSR, 2, D3HOT);
	fake_mmio.gone = true;
	fake_mmio.accesses = 0;
}

static void wake(void)
{
	note(fake_mmio.accesses == 0);
	fake_mmio.gone = false;
	wr(NIC, PMCSR, 2, 0);
}

/* The table is not there, and what is written to it is lost; what it holds stays. */
static void test_asleep(void **state)
{
	keeps_its_state();
	wr(NIC, CONTROL, 2, 0x8000);
	unmask(0, 0x60);
	sleep_d3();
	assert_true(rd_mmio(TABLE, 8) == ~(u64)0);
	assert_true(rd_mmio(TABLE + 0x100, 2) == 0xffff);
	set_entry(0, 12, 1);
	set_entry(1, 12, 0);
	wr_mmio(TABLE + 0x100, 4, 0x1234);
	wake();
	/* It needs a while before it answers (5.9). */
	assert_int_equal(fake_mmio.accesses, 0);
	assert_int_equal(nic->last_write_offset, PMCSR);
	assert_int_equal(nic->last_read_offset, PMCSR);
	assert_int_equal(entry(0, 12), 0);
	assert_int_equal(entry(1, 12), 1);
	fake_fire(table, 0);
	assert_int_equal(table->sent, 1);
	set_entry(0, 12, 1);
	assert_int_equal(fake_entry_reg(table, 0, 12), 1);
	fake_fire(table, 0);
	assert_int_equal(table->sent, 1);
}

/* Configuration requests it answers: it may be enabled and disabled. */
static void test_enabled_while_asleep(void **state)
{
	keeps_its_state();
	fake_table_fill(table, 0xfee00000, 0x30, 0);
	unmask(0, 0x60);
	sleep_d3();
	wr(NIC, CONTROL, 2, 0x8000);
	assert_int_equal(rd(NIC, CONTROL, 2), 0x8004);
	assert_int_equal(fake_reg(nic, CONTROL, 2), 4);
	wake();
	assert_int_equal(fake_reg(nic, CONTROL, 2), 0x8004);
	fake_fire(table, 0);
	fake_fire(table, 1);
	assert_int_equal(table->sent, 1);
	assert_int_equal(fake_interrupt.vector, 0x60);
	sleep_d3();
	wr(NIC, CONTROL, 2, 0);
	assert_int_equal(fake_reg(nic, CONTROL, 2), 4);
	assert_int_equal(fake_entries_used(), 0);
	wake();
	fake_fire(table, 0);
	assert_int_equal(table->sent, 1);
}

static void sleep_once(void)
{
	fake_remap.at_flush = NULL;
	sleep_d3();
}

static void test_opens_when_awake(void **state)
{
	keeps_its_state();
	wr(NIC, CONTROL, 2, 0x8000);
	fake_remap.at_flush = sleep_once;
	unmask(0, 0x60);
	wake();
	fake_fire(table, 0);
	assert_int_equal(table->sent, 1);
}

/* Without No_Soft_Reset the way back is a reset: the table is lost, in the hardware and for the guest. */
static void test_wakes_with_a_reset(void **state)
{
	wr(NIC, CONTROL, 2, 0xc000);
	unmask(0, 0x60);
	sleep_d3();
	assert_int_equal(rd(NIC, CONTROL, 2), 0xc004);
	wake();
	reset_hardware();
	assert_int_equal(fake_entries_used(), 0);
	rd(NIC, 0, 4);
	assert_int_equal(rd(NIC, CONTROL, 2), 4);
	wr(NIC, 0x18, 4, 0);
	wr(NIC, 0x1c, 4, 0xa0);
	wr(NIC, 4, 2, 2);
	assert_int_equal(entry(0, 0), 0);
	assert_int_equal(entry(0, 8), 0);
	assert_int_equal(entry(0, 12), 1);
	wr(NIC, CONTROL, 2, 0x8000);
	fake_fire(table, 0);
	assert_int_equal(table->sent, 0);
	unmask(0, 0x61);
	assert_int_equal(table->sent, 1);
	assert_int_equal(fake_interrupt.vector, 0x61);
}

/* A function level reset ends in D0, too. */
static void test_reset_while_asleep(void **state)
{
	keeps_its_state();
	wr(NIC, CONTROL, 2, 0x8000);
	sleep_d3();
	wr(NIC, 0x88, 2, 0x8000);
	assert_int_equal(fake_mmio.accesses, 0);
	fake_mmio.gone = false;
	reset_hardware();
	rd(NIC, 0, 4);
	wr(NIC, 0x18, 4, 0);
	wr(NIC, 0x1c, 4, 0xa0);
	wr(NIC, 4, 2, 2);
	assert_int_equal(entry(0, 12), 1);
}

static void test_attached_asleep(void **state)
{
	detach(NIC);
	fake_put(nic->cfg, PMCSR, 2, 0x2008 | D3HOT);
	fake_mmio.gone = true;
	fake_mmio.accesses = 0;
	assert_int_equal(vpci_attach(device(NIC)), 0);
	assert_true(rd_mmio(TABLE, 4) == 0xffffffff);
	wake();
	assert_int_equal(entry(0, 12), 1);
}

/* ---- a device that is not there, or not the guest's any more ---- */

static void vanish_once(void)
{
	fake_remap.at_flush = NULL;
	fake_vanish(nic);
	rd(NIC, 0, 4);
	fake_mmio.accesses = 0;
}

static void test_vanishes_during_the_flush(void **state)
{
	wr(NIC, CONTROL, 2, 0x8000);
	fake_remap.at_flush = vanish_once;
	unmask(0, 0x60);
	assert_int_equal(fake_mmio.accesses, 0);
}

/* Who looks at messages does not look at the table of one that is being withdrawn: it may be reset any time. */
static void test_looked_at_while_closing(void **state)
{
	struct vpci_message_info info;

	wr(NIC, CONTROL, 2, 0x8000);
	unmask(0, 0x60);
	assert_true(vpci_message_info(device(NIC), true, 0, &info));
	assert_true(info.open && info.programmed.address == fake_remappable(0));
	assert_int_equal(vpci_withdraw_start(device(NIC)), 0);
	fake_mmio.accesses = 0;
	(void)vpci_message_info(device(NIC), true, 0, &info);
	assert_int_equal(fake_mmio.accesses, 0);
}

/* ---- BARs that are on their way: another CPU is the remapper, and has not begun ---- */

static void set_remapper(bool on)
{
	struct pci_dev *dev = device(NIC);

	pci_vpci_lock(dev);
	dev->vpci->remapping = on;
	pci_vpci_unlock(dev);
}

static bool stands(u64 gpa)
{
	return vm.trap(gpa, 4, false, &(u64){ 0 });
}

static void test_bar_is_about_to_move(void **state)
{
	set_remapper(true);
	wr(NIC, 0x1c, 4, 0xa1);
	fake_mmio.accesses = 0;
	assert_false(stands(TABLE));
	assert_false(stands(TABLE + 0x100));
	assert_false(stands(0xa100002000));
	set_remapper(false);
	wr(NIC, 0x1c, 4, 0xa1);
	assert_false(stands(TABLE));
	assert_true(stands(0xa100002000));
	assert_int_equal(fake_mmio.accesses, 0);
}

static void test_decoding_is_about_to_end(void **state)
{
	set_remapper(true);
	wr(NIC, 4, 2, 0);
	assert_false(stands(TABLE));
	wr(NIC, 4, 2, 2);
	assert_true(stands(TABLE));
	set_remapper(false);
	wr(NIC, 4, 2, 2);
	assert_true(stands(TABLE));
}

/* The device was exchanged between the map's answer and the lock: another BAR is there, which holds no table. */
static void test_not_on_the_tables_pages(void **state)
{
	struct pci_dev *dev = device(NIC);

	pci_vpci_lock(dev);
	dev->vpci->bar[2].trap_from = 0x3000;
	dev->vpci->bar[2].trap_to = 0x4000;
	pci_vpci_unlock(dev);
	assert_false(stands(TABLE));
	pci_vpci_lock(dev);
	dev->vpci->bar[2].trap_from = dev->vpci->bar[2].trap_to = 0;
	pci_vpci_unlock(dev);
	assert_false(stands(TABLE));
	pci_vpci_lock(dev);
	dev->vpci->bar[2].trap_from = 0x2000;
	dev->vpci->bar[2].trap_to = 0x3000;
	pci_vpci_unlock(dev);
	assert_true(stands(TABLE));
	assert_false(vm.trap(TABLE + 0xffc, 8, false, &(u64){ 0 }));
}

/* ---- changes under the function's mask (7.7.2.2: as if each entry were masked) ---- */

static void test_change_under_the_functions_mask(void **state)
{
	wr(NIC, CONTROL, 2, 0x8000);
	unmask(1, 0x51);
	wr(NIC, CONTROL, 2, 0xc000);
	fake_fire(table, 1);
	set_entry(1, 0, 0xfee03000);
	set_entry(1, 8, 0x52);
	unmask(2, 0x53);
	fake_fire(table, 2);
	assert_int_equal(rd_mmio(PBA, 8), 6);
	assert_int_equal(table->sent, 0);
	set_entry(2, 12, 1);
	wr(NIC, CONTROL, 2, 0x8000);
	fake_resend(table);
	assert_int_equal(table->sent, 1);
	assert_int_equal(fake_interrupt.vector, 0x52);
	assert_int_equal(fake_interrupt.destination, 3);
	assert_int_equal(rd_mmio(PBA, 8), 4);
	set_entry(2, 12, 0);
	assert_int_equal(table->sent, 2);
	assert_int_equal(fake_interrupt.vector, 0x53);
	assert_int_equal(table->blocked, 0);
}

/* ---- a second capability ---- */

static void test_second_capability(void **state)
{
	detach(NIC);
	fake_cap(nic, 0xf0, 0x11);
	fake_set(nic, 0xf2, 2, 4, 0xc000, 0);
	fake_set(nic, 0xf4, 4, 0x2002, 0, 0); /* the same table */
	assert_int_equal(vpci_attach(device(NIC)), 0);
	assert_int_equal(rd(NIC, CONTROL, 2), 4);
	for (unsigned int at = 0xf0; at < 0xfc; at += 4)
		assert_int_equal(rd(NIC, at, 4), 0);
	for (unsigned int at = (unsigned int)rd(NIC, 0x34, 1); at; at = (unsigned int)rd(NIC, at + 1, 1))
		assert_int_not_equal(at, 0xf0);
	wr(NIC, 0xf2, 2, 0x8000);
	assert_int_equal(fake_reg(nic, 0xf2, 2), 4);
	wr(NIC, CONTROL, 2, 0x8000);
	unmask(0, 0x60);
	fake_fire(table, 0);
	assert_int_equal(table->sent, 1);
}

/* ---- 2048 entries: what one write of the guest's costs ---- */

static void enable(u32 filled, unsigned int at_most)
{
	fake_table_fill(table, 0, 0, filled);
	fake_mmio.accesses = 0;
	wr(NIC, CONTROL, 2, 0x8000);
	assert_int_equal(fake_reg(nic, CONTROL, 2), 0x87ff);
	assert_true(fake_mmio.accesses <= at_most);
	assert_true(fake_mmio.accesses >= 2048);
}

static void test_accesses_of_a_large_table(void **state)
{
	u64 first = 0xa000000000;

	detach(NIC);
	memset(&fake_mmio.table[0], 0, sizeof(fake_mmio.table[0]));
	fake_bar(nic, 2, 0x10000, 0xc, first);
	table = fake_table(nic, NIC, CAP, 2048, fake_registers(0xa000000000, 0x10000), 0, 2, 0x8000);
	fake_mmio.registers[0].size = 0;
	device(NIC)->bar[2].size = 0x10000;
	assert_int_equal(vpci_attach(device(NIC)), 0);
	enable(1, 2048);
	wr(NIC, CONTROL, 2, 0);
	enable(0, 3 * 2048);
	wr(NIC, CONTROL, 2, 0);
	/* All unmasked beforehand: one flush for all of them, then each is written: five accesses. */
	for (unsigned int i = 0; i < 2048; i++) {
		wr_mmio(first + 16 * i, 8, 0xfee02000);
		wr_mmio(first + 16 * i + 8, 8, 0x40 + i % 128);
	}
	fake_remap.flushes = 0;
	enable(1, 6 * 2048);
	assert_int_equal(fake_remap.flushes, 1);
	fake_fire(table, 2047);
	assert_int_equal(fake_interrupt.vector, 0x40 + 127);
	/* The function's mask, and an enable that changes nothing, do not look at the table. */
	fake_mmio.accesses = 0;
	wr(NIC, CONTROL, 2, 0xc000);
	wr(NIC, CONTROL, 2, 0x8000);
	wr(NIC, 4, 2, 6);
	wr(NIC, CONTROL, 2, 0);
	assert_int_equal(fake_mmio.accesses, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		M(test_asleep),
		M(test_enabled_while_asleep),
		M(test_opens_when_awake),
		M(test_wakes_with_a_reset),
		M(test_reset_while_asleep),
		M(test_attached_asleep),
		M(test_vanishes_during_the_flush),
		M(test_looked_at_while_closing),
		M(test_bar_is_about_to_move),
		M(test_decoding_is_about_to_end),
		M(test_not_on_the_tables_pages),
		M(test_change_under_the_functions_mask),
		M(test_second_capability),
		M(test_accesses_of_a_large_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

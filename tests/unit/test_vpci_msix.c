/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI-X as the guest sees it, and what the hardware and its messages make of that. Expectations come from PCIe base
 * spec 6.0, 7.7.2 and 6.1.4, with numbers written out here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/msix_machine.h"

/* ---- entries ---- */

static void test_reset_value(void **state)
{
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(entry(i, 0), 0);
		assert_int_equal(entry(i, 4), 0);
		assert_int_equal(entry(i, 8), 0);
		assert_int_equal(entry(i, 12), 1);
	}
	assert_int_equal(rd(NIC, CONTROL, 2), 4);
}

/* Firmware's table is not the guest's to see, and not the hardware's to use. */
static void test_firmware_left_it_on(void **state)
{
	detach(NIC);
	fake_table_fill(table, 0xfee01000, 0x55, 0);
	fake_put(nic->cfg, CONTROL, 2, 0xc004);
	assert_int_equal(vpci_attach(device(NIC)), 0);
	assert_int_equal(fake_reg(nic, CONTROL, 2), 4);
	test_reset_value(state);
	wr(NIC, CONTROL, 2, 0x8000);
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(fake_entry_reg(table, i, 12), 1);
	fake_fire(table, 2);
	assert_int_equal(table->sent + table->blocked, 0);
}

static void test_entries_read_as_written(void **state)
{
	static const u32 wrote[] = { 0xffffffff, 0x89abcdef, 0x12345678, 0xfffffffe };
	static const u32 reads[] = { 0xfffffffc, 0x89abcdef, 0x12345678, 0x00000000 };

	for (unsigned int on = 0; on < 2; on++) {
		for (unsigned int r = 0; r < 4; r++)
			set_entry(4, 4 * r, wrote[r]);
		for (unsigned int r = 0; r < 4; r++)
			assert_int_equal(entry(4, 4 * r), reads[r]);
		assert_int_equal(entry(3, 12), 1);
		set_entry(4, 12, 1);
		wr(NIC, CONTROL, 2, 0x8000);
	}
	/* Quadwords. */
	wr_mmio(TABLE + 32, 8, 0x00000000fee02000);
	wr_mmio(TABLE + 40, 8, 0x0000000100000077);
	assert_true(rd_mmio(TABLE + 32, 8) == 0x00000000fee02000);
	assert_true(rd_mmio(TABLE + 40, 8) == 0x0000000100000077);
	assert_int_equal(entry(2, 8), 0x77);
	assert_int_equal(entry(2, 12), 1);
}

/* Each size at each offset: aligned dwords and quadwords are written, others are not; all can be read. */
static void test_sizes_and_alignments(void **state)
{
	for (unsigned int size = 1; size <= 8; size *= 2) {
		for (unsigned int at = 0; at < 40; at++) {
			bool writes = size >= 4 && at % size == 0;
			u8 before[5 * 16], after[5 * 16];
			u64 value;

			for (unsigned int i = 0; i < 20; i++)
				wr_mmio(TABLE + 4 * i, 4, (i % 4 == 3) ? 1 : 0x11111110 * (i + 1));
			copy_table(before);
			assert_int_equal(fake_mmio.bad, 0);
			value = rd_mmio(TABLE + at, size);
			assert_memory_equal(&value, before + at, size);
			wr_mmio(TABLE + at, size, 0x4444444044444440);
			copy_table(after);
			if (!writes)
				assert_memory_equal(before, after, sizeof(before));
			else
				assert_memory_not_equal(before, after, sizeof(before));
			for (unsigned int b = 0; b < sizeof(before); b++)
				assert_true(before[b] == after[b] || (b >= at && b < at + size));
		}
	}
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(fake_entry_reg(table, i, 0), 0);
		assert_int_equal(fake_entry_reg(table, i, 12), 1);
	}
}

/* ---- what else is on the page ---- */

static void test_other_registers_are_forwarded(void **state)
{
	for (unsigned int size = 1; size <= 8; size *= 2) {
		unsigned int before = fake_mmio.accesses;

		wr_mmio(TABLE + 0x100, size, 0x8877665544332211);
		assert_int_equal(fake_mmio.accesses, before + 1);
		assert_int_equal(fake_mmio.last.size, size);
		assert_true(fake_mmio.last.write && fake_mmio.last.at == BAR2 + 0x2100);
		assert_true(rd_mmio(TABLE + 0x100, size) == (0x8877665544332211 & ones(size)));
		assert_int_equal(fake_mmio.accesses, before + 2);
		assert_int_equal(fake_mmio.last.size, size);
	}
	/* Directly behind the table, and at the page's end. */
	wr_mmio(TABLE + 80, 4, 0xabcd);
	assert_int_equal(fake_mmio_get(registers, 0x2050, 4), 0xabcd);
	wr_mmio(TABLE + 0xff8, 8, 0x1122334455667788);
	assert_int_equal(fake_mmio_get(registers, 0x2ffc, 4), 0x11223344);
	/* Not aligned: it arrives in aligned pieces, each byte where it belongs. */
	wr_mmio(TABLE + 0x203, 4, 0xddccbbaa);
	assert_int_equal(fake_mmio_get(registers, 0x2203, 4), 0xddccbbaa);
	assert_int_equal(rd_mmio(TABLE + 0x203, 4), 0xddccbbaa);
}

/* Over the table's end: the table's part by the rule of the table, the rest goes on. */
static void test_straddles_the_end(void **state)
{
	set_entry(4, 12, 1);
	wr_mmio(TABLE + 80 - 4, 8, 0x1234567800000000);
	assert_int_equal(entry(4, 12), 1);
	assert_int_equal(fake_mmio_get(registers, 0x2050, 4), 0x12345678);
	assert_int_equal(fake_entry_reg(table, 4, 12), 1);
	assert_true(rd_mmio(TABLE + 80 - 4, 8) == 0x1234567800000001);
	wr_mmio(TABLE + 79, 2, 0xee00);
	assert_int_equal(fake_mmio_get(registers, 0x2050, 4), 0x123456ee);
	assert_int_equal(rd_mmio(TABLE + 79, 2), 0xee00);
}

static void test_pending_bits_are_the_hardwares(void **state)
{
	wr(NIC, CONTROL, 2, 0x8000);
	assert_int_equal(rd_mmio(PBA, 8), 0);
	fake_fire(table, 3);
	assert_int_equal(rd_mmio(PBA, 8), 8);
	assert_int_equal(rd_mmio(PBA, 4), 8);
	wr_mmio(PBA, 8, 0);
	assert_int_equal(rd_mmio(PBA, 8), 8);
	unmask(3, 0x41);
	assert_int_equal(rd_mmio(PBA, 8), 0);
	assert_int_equal(table->sent, 1);
	assert_int_equal(fake_interrupt.vector, 0x41);
}

/* ---- Message Control ---- */

static void test_messages_arrive(void **state)
{
	wr(NIC, CONTROL, 2, 0x8000);
	assert_int_equal(fake_reg(nic, CONTROL, 2), 0x8004);
	assert_int_equal(rd(NIC, CONTROL, 2), 0x8004);
	assert_int_equal(fake_remap.sets, 0);
	for (unsigned int i = 0; i < 5; i++)
		unmask(i, 0x40 + i);
	for (unsigned int i = 0; i < 5; i++) {
		fake_fire(table, i);
		assert_int_equal(table->sent, i + 1);
		assert_int_equal(fake_interrupt.vector, 0x40 + i);
		assert_int_equal(fake_interrupt.destination, 2);
		assert_true(table->last_address == fake_remappable(i) && table->last_data == 0);
	}
	assert_int_equal(table->blocked, 0);
	/* What the guest reads is its own. */
	assert_int_equal(entry(3, 0), 0xfee02000);
	assert_int_equal(entry(3, 8), 0x43);
}

/* Programmed and unmasked first, enabled then; and all the orders of the function's mask. */
static void test_orders(void **state)
{
	unmask(1, 0x51);
	fake_fire(table, 1);
	assert_int_equal(table->sent, 0);
	assert_int_equal(fake_entry_reg(table, 1, 12), 1);
	wr(NIC, CONTROL, 2, 0xc000);
	assert_int_equal(fake_reg(nic, CONTROL, 2), 0xc004);
	fake_fire(table, 1);
	assert_int_equal(table->sent, 0);
	wr(NIC, CONTROL + 1, 1, 0x80);
	assert_int_equal(rd(NIC, CONTROL, 2), 0x8004);
	fake_resend(table);
	assert_int_equal(table->sent, 1);
	assert_int_equal(fake_interrupt.vector, 0x51);
	/* The function's mask goes on at once, and leaves the entries alone. */
	wr(NIC, CONTROL, 2, 0xc000);
	assert_int_equal(fake_reg(nic, CONTROL, 2), 0xc004);
	fake_fire(table, 1);
	assert_int_equal(table->sent, 1);
	unmask(2, 0x52);
	fake_fire(table, 2);
	assert_int_equal(table->sent, 1);
	wr(NIC, CONTROL, 2, 0x8000);
	fake_resend(table);
	assert_int_equal(table->sent, 3);
	/* Off: at once; the guest's table stays. */
	wr(NIC, CONTROL, 2, 0);
	assert_int_equal(fake_reg(nic, CONTROL, 2), 4);
	fake_fire(table, 1);
	assert_int_equal(table->sent, 3);
	assert_int_equal(fake_entries_used(), 0);
	assert_int_equal(entry(1, 8), 0x51);
	assert_int_equal(entry(1, 12), 0);
	wr(NIC, CONTROL, 2, 0x8000);
	fake_fire(table, 1);
	fake_fire(table, 2);
	assert_int_equal(table->sent, 5);
	assert_int_equal(fake_interrupt.vector, 0x52);
	fake_fire(table, 0);
	assert_int_equal(table->sent, 5);
}

/* Mask: when the write returns, the hardware does not send. */
static void test_mask_is_at_once(void **state)
{
	unsigned int flushes;

	wr(NIC, CONTROL, 2, 0x8000);
	unmask(0, 0x60);
	flushes = fake_remap.flushes;
	set_entry(0, 12, 1);
	assert_int_equal(fake_entry_reg(table, 0, 12), 1);
	assert_false(fake_mmio.last.write); /* read back: the write has arrived */
	assert_true(fake_mmio.last.at == BAR2 + 0x2000 + 12);
	assert_int_equal(fake_remap.flushes, flushes);
	fake_fire(table, 0);
	assert_int_equal(table->sent, 0);
	/* Nothing has changed: neither entry nor flush. */
	set_entry(0, 12, 0);
	assert_int_equal(fake_remap.flushes, flushes);
	assert_int_equal(table->sent, 1);
	assert_int_equal(fake_interrupt.vector, 0x60);
}

/* The usual change of an affinity: mask, write, unmask. */
static void test_change_while_masked(void **state)
{
	unsigned int flushes;

	wr(NIC, CONTROL, 2, 0x8000);
	unmask(0, 0x60);
	flushes = fake_remap.flushes;
	set_entry(0, 12, 1);
	set_entry(0, 0, 0xfee03000);
	set_entry(0, 8, 0x61);
	assert_int_equal(fake_remap.flushes, flushes);
	fake_fire(table, 0);
	assert_int_equal(table->sent, 0);
	set_entry(0, 12, 0);
	assert_int_equal(fake_remap.flushes, flushes + 1);
	assert_int_equal(table->sent, 1);
	assert_int_equal(fake_interrupt.vector, 0x61);
	assert_int_equal(fake_interrupt.destination, 3);
}

/* Undefined by 7.7.2.5, and yet no interrupt goes anywhere but to what was, or is, written. */
static void test_change_while_unmasked(void **state)
{
	wr(NIC, CONTROL, 2, 0x8000);
	unmask(0, 0x60);
	set_entry(0, 8, 0x62);
	fake_fire(table, 0);
	assert_int_equal(table->sent, 1);
	assert_int_equal(fake_interrupt.vector, 0x62);
	wr_mmio(TABLE, 8, 0xfee05000);
	fake_fire(table, 0);
	assert_int_equal(fake_interrupt.destination, 5);
	wr_mmio(TABLE + 8, 8, 0x63);
	fake_fire(table, 0);
	assert_int_equal(fake_interrupt.vector, 0x63);
	assert_int_equal(table->sent, 3);
}

/* While the flush is waited for: the entry is closed, and keeps what comes. */
static void fire_in_between(void)
{
	note(fake_entry_reg(table, 0, 12) == 1);
	fake_fire(table, 0);
	note(table->sent == 0);
}

static void test_closed_until_flushed(void **state)
{
	wr(NIC, CONTROL, 2, 0x8000);
	fake_remap.at_flush = fire_in_between;
	unmask(0, 0x60);
	fake_remap.at_flush = NULL;
	assert_int_equal(table->sent, 1);
	assert_int_equal(table->blocked, 0);
	assert_int_equal(fake_interrupt.vector, 0x60);
}

/* Another CPU masks, changes or disables while one waits: the commit does not undo it. */
static unsigned int what;

static void meanwhile(void)
{
	fake_remap.at_flush = NULL;
	switch (what) {
	case 0:
		set_entry(0, 12, 1);
		break;
	case 1:
		wr(NIC, CONTROL, 2, 0);
		break;
	case 2:
		wr(NIC, CONTROL, 2, 0);
		wr(NIC, CONTROL, 2, 0x8000);
		set_entry(0, 12, 1);
		break;
	case 3:
		wr(NIC, 4, 2, 0);
		break;
	case 4:
		wr(NIC, 0x88, 2, 0x8000); /* a function level reset, which masks all */
		break;
	case 5:
		note(vpci_withdraw_start(device(NIC)) == 0);
		break;
	case 6:
		detach(NIC);
		note(vpci_attach(device(NIC)) == 0);
		break;
	default:
		set_entry(0, 12, 1);
		set_entry(0, 8, 0x66);
		break;
	}
}

static void test_commit_looks_again(void **state)
{
	for (what = 0; what < 8; what++) {
		wr(NIC, CONTROL, 2, 0x8000);
		fake_remap.at_flush = meanwhile;
		unmask(0, 0x60);
		fake_remap.at_flush = NULL;
		assert_int_equal(fake_entry_reg(table, 0, 12), 1);
		fake_fire(table, 0);
		assert_int_equal(table->sent, 0);
		detach_quietly();
		reset_hardware();
		assert_int_equal(vpci_attach(device(NIC)), 0);
	}
}

/* Another CPU gives the entry a newer message while one waits: opened by who flushed the newer one. */
static void newer_message(void)
{
	fake_remap.at_flush = NULL;
	set_entry(0, 8, 0x71);
	note(fake_entry_reg(table, 0, 12) == 0);
	fake_fire(table, 0);
	note(fake_interrupt.vector == 0x71);
	set_entry(0, 12, 1);
	set_entry(0, 8, 0x72);
	fake_remap.fail_flushes = 1;
	set_entry(0, 12, 0); /* its flush fails: it stays closed */
}

static void test_commit_of_an_older_change(void **state)
{
	wr(NIC, CONTROL, 2, 0x8000);
	fake_remap.at_flush = newer_message;
	unmask(0, 0x70);
	assert_int_equal(fake_entry_reg(table, 0, 12), 1);
	assert_int_equal(table->sent, 1);
	/* The next attempt has a flush of its own. */
	set_entry(0, 12, 1);
	set_entry(0, 12, 0);
	fake_fire(table, 0);
	assert_int_equal(table->sent, 2);
	assert_int_equal(fake_interrupt.vector, 0x72);
}

/* Masked and changed while one waits: what was flushed is not what the next unmasking asks for. */
static void test_changed_meanwhile(void **state)
{
	wr(NIC, CONTROL, 2, 0x8000);
	what = 7;
	fake_remap.at_flush = meanwhile;
	unmask(0, 0x60);
	set_entry(0, 12, 0);
	fake_fire(table, 0);
	assert_int_equal(table->sent, 1);
	assert_int_equal(fake_interrupt.vector, 0x66);
}

static void test_failed_flush(void **state)
{
	wr(NIC, CONTROL, 2, 0x8000);
	fake_remap.fail_flushes = 1;
	unmask(0, 0x60);
	assert_int_equal(fake_entry_reg(table, 0, 12), 1);
	assert_int_equal(times_logged("cannot be flushed"), 1);
	set_entry(0, 12, 0);
	assert_int_equal(fake_entry_reg(table, 0, 12), 0);
}

/* What is no interrupt is not sent, with remapping and without. */
static void test_refused_message(void **state)
{
	for (unsigned int on = 0; on < 2; on++) {
		detach(NIC);
		fake_remap_begin(on);
		assert_int_equal(vpci_attach(device(NIC)), 0);
		wr(NIC, CONTROL, 2, 0x8000);
		unmask(0, 0x260); /* an SMI */
		assert_int_equal(fake_entry_reg(table, 0, 12), 1);
		set_entry(0, 8, 0x60);
		fake_fire(table, 0);
		assert_int_equal(table->sent, on + 1);
		set_entry(0, 0, 0x12345000); /* memory */
		assert_int_equal(fake_entry_reg(table, 0, 12), 1);
		fake_fire(table, 0);
		assert_int_equal(table->sent + table->blocked, on + 1);
		fake_table_fill(table, 0, 0, 1);
		memset(registers->byte + table->pba, 0, 8);
	}
}

/* Not remapped: the device gets what the guest wrote, and nothing before it was looked at. */
static void test_plain_messages(void **state)
{
	detach(NIC);
	fake_remap_begin(false);
	assert_int_equal(vpci_attach(device(NIC)), 0);
	wr(NIC, CONTROL, 2, 0x8000);
	unmask(2, 0x4042);
	fake_fire(table, 2);
	assert_int_equal(table->sent, 1);
	assert_int_equal(fake_entry_reg(table, 2, 8), 0x4042);
	assert_int_equal(fake_entry_reg(table, 1, 0), 0);
}

static void test_no_descriptors(void **state)
{
	fake_remap.alloc_error = -ENOSPC;
	wr(NIC, CONTROL, 2, 0xc000);
	assert_int_equal(fake_reg(nic, CONTROL, 2), 0x4004);
	assert_int_equal(rd(NIC, CONTROL, 2), 0x4004);
	unmask(0, 0x60);
	assert_int_equal(fake_remap.sets, 0);
	fake_remap.alloc_error = 0;
	wr(NIC, CONTROL, 2, 0x8000);
	fake_fire(table, 0);
	assert_int_equal(table->sent, 1);
}

/* A device that does not keep its mask bits cannot be held: MSI-X stays off. */
static void test_masks_that_do_not_stay(void **state)
{
	fake_table_fill(table, 0xfee00000, 0x30, 0);
	fake_mmio.stuck = true;
	wr(NIC, CONTROL, 2, 0x8000);
	assert_int_equal(fake_reg(nic, CONTROL, 2) & 0x8000, 0);
	assert_int_equal(rd(NIC, CONTROL, 2) & 0x8000, 0);
	assert_int_equal(fake_entries_used(), 0);
	assert_int_equal(times_logged("does not keep its mask bits"), 1);
	fake_mmio.stuck = false;
	fake_mmio.gone = true; /* all-ones: not a mask either */
	wr(NIC, CONTROL, 2, 0x8000);
	assert_int_equal(fake_reg(nic, CONTROL, 2) & 0x8000, 0);
}

/* Reserved bits of vector control belong to the hardware: kept there, not shown. */
static void test_reserved_bits(void **state)
{
	fake_table_fill(table, 0, 0, 0x00ab0001);
	assert_int_equal(entry(0, 12), 1);
	wr(NIC, CONTROL, 2, 0x8000);
	unmask(0, 0x60);
	assert_int_equal(fake_entry_reg(table, 0, 12), 0x00ab0000);
	set_entry(0, 12, 0xffffffff);
	assert_int_equal(entry(0, 12), 1);
	assert_int_equal(fake_entry_reg(table, 0, 12), 0x00ab0001);
}

/* ---- without memory decoding ---- */

static void test_enable_waits_for_the_decoder(void **state)
{
	fake_table_fill(table, 0xfee0f000, 0x99, 0);
	unmask(0, 0x60);
	wr(NIC, 4, 2, 0);
	fake_mmio.accesses = 0;
	wr(NIC, CONTROL, 2, 0x8000);
	assert_int_equal(rd(NIC, CONTROL, 2), 0x8004);
	assert_int_equal(fake_reg(nic, CONTROL, 2), 4);
	assert_int_equal(fake_mmio.accesses, 0);
	wr(NIC, 4, 2, 2);
	assert_int_equal(fake_reg(nic, CONTROL, 2), 0x8004);
	fake_fire(table, 1);
	fake_fire(table, 0);
	assert_int_equal(table->sent, 1);
	assert_int_equal(fake_interrupt.vector, 0x60);
	/* Off again: the device goes on to interrupt, and the table is nobody's to see. */
	wr(NIC, 4, 2, 0);
	fake_fire(table, 0);
	assert_int_equal(table->sent, 2);
	assert_false(access_table(TABLE, 4, false, &(u64){ 0 }));
	wr(NIC, 4, 2, 2);
	assert_int_equal(entry(0, 8), 0x60);
}

static void decoder_off(void)
{
	fake_remap.at_flush = NULL;
	wr(NIC, 4, 2, 0);
}

static void test_opens_when_the_decoder_is_on_again(void **state)
{
	wr(NIC, CONTROL, 2, 0x8000);
	fake_remap.at_flush = decoder_off;
	unmask(0, 0x60);
	assert_int_equal(fake_entry_reg(table, 0, 12), 1);
	wr(NIC, 4, 2, 2);
	assert_int_equal(fake_entry_reg(table, 0, 12), 0);
}

/* A change of the power state has reset it: when the guest enables it anew, all begins anew. */
static void test_lost_enable_bit(void **state)
{
	wr(NIC, CONTROL, 2, 0x8000);
	unmask(0, 0x60);
	unmask(1, 0x61);
	fake_put(nic->cfg, CONTROL, 2, 4);
	fake_table_fill(table, 0, 0, 1);
	set_entry(1, 12, 1);
	wr(NIC, CONTROL, 2, 0x8000);
	fake_fire(table, 0);
	fake_fire(table, 1);
	assert_int_equal(table->sent, 1);
	assert_int_equal(fake_interrupt.vector, 0x60);
	assert_int_equal(fake_entries_used(), 5);
	set_entry(1, 12, 0);
	assert_int_equal(table->sent, 2);
}

/* ---- reset, detach, vanishing ---- */

static void test_function_reset(void **state)
{
	wr(NIC, CONTROL, 2, 0xc000);
	unmask(0, 0x60);
	wr(NIC, 0x88, 2, 0x8000);
	assert_int_equal(fake_entries_used(), 0);
	reset_hardware();
	rd(NIC, 0, 4);
	assert_int_equal(rd(NIC, CONTROL, 2), 4);
	assert_false(access_table(TABLE, 4, false, &(u64){ 0 })); /* decoding is off */
	wr(NIC, 0x18, 4, 0);
	wr(NIC, 0x1c, 4, 0xa0);
	wr(NIC, 4, 2, 2);
	test_reset_value(state);
	wr(NIC, CONTROL, 2, 0x8000);
	fake_fire(table, 0);
	assert_int_equal(table->sent, 0);
}

static void test_detach_gives_back(void **state)
{
	u64 left;

	detach(NIC);
	left = pages_left();
	for (unsigned int i = 0; i < 10; i++) {
		assert_int_equal(vpci_attach(device(NIC)), 0);
		assert_true(pages_left() < left);
		wr(NIC, CONTROL, 2, 0x8000);
		unmask(0, 0x60);
		detach(NIC);
		reset_hardware();
		assert_true(pages_left() == left);
		assert_int_equal(fake_entries_used(), 0);
	}
	assert_false(access_table(TABLE, 4, false, &(u64){ 0 }));
}

static void test_vanished(void **state)
{
	u64 value = 0;

	unmask(0, 0x60);
	fake_vanish(nic);
	fake_mmio.gone = true;
	rd(NIC, 0, 4);
	assert_true(access_table(TABLE, 8, false, &value));
	assert_true(value == ~(u64)0);
	value = 0;
	assert_true(access_table(TABLE, 2, false, &value));
	assert_int_equal(value, 0xffff);
	fake_mmio.accesses = 0;
	wr_mmio(TABLE + 12, 4, 0);
	wr_mmio(TABLE + 0x100, 4, 0);
	assert_int_equal(fake_mmio.accesses, 0);
	detach(NIC);
}

/* Both at once is undefined (7.7.2): each is as it is alone. */
static void test_msi_and_msix_at_once(void **state)
{
	wr(NIC, CONTROL, 2, 0x8000);
	wr(NIC, 0xd4, 4, 0xfee01000);
	wr(NIC, 0xdc, 2, 0x33);
	wr(NIC, 0xd2, 2, 1);
	unmask(4, 0x64);
	fake_fire(table, 4);
	assert_int_equal(fake_interrupt.vector, 0x64);
	assert_int_equal(fake_entries_used(), 6);
	wr(NIC, 0xd2, 2, 0);
	fake_fire(table, 4);
	assert_int_equal(table->sent, 2);
	assert_int_equal(fake_entries_used(), 5);
}

/* Whatever the guest does to the page, the hardware sends nothing but Fairlead's messages. */
static void test_garbage(void **state)
{
	srand(20261121);
	for (unsigned int n = 0; n < 100000; n++) {
		unsigned int size = 1u << (rand() % 4), at = (unsigned int)(rand() % (rand() % 4 ? 96 : 4096 - 8));
		u64 value = (u64)rand() << 33 ^ (u64)rand() << 11 ^ (u64)rand();

		if (rand() % 3)
			value = rand() % 2 ? value & 1 : 0xfee00000 | (value & 0xff000);
		if (rand() % 2)
			at &= ~3u;
		if (at % 16 == 8 && rand() % 2)
			value = 0x40 + value % 0x80;
		if (rand() % 50 == 0)
			wr(NIC, CONTROL, 2, (u64)rand());
		if (rand() % 2)
			wr_mmio(TABLE + at, size, value);
		else
			rd_mmio(TABLE + at, size);
		if (n % 16 == 0)
			fake_fire(table, (unsigned int)(rand() % 5));
		for (unsigned int i = 0; i < 5; i++) {
			u64 address = fake_entry_reg(table, i, 0) | (u64)fake_entry_reg(table, i, 4) << 32;
			u32 data = fake_entry_reg(table, i, 8), control = fake_entry_reg(table, i, 12);

			assert_true((address == 0 && (control & 1)) || (address & ~(u64)0xfffe4) == 0xfee00010);
			assert_int_equal(data, 0);
			assert_true(control <= 1);
		}
	}
	assert_true(table->sent > 100);
	assert_null(fake_remap.misuse);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		M(test_reset_value),
		M(test_firmware_left_it_on),
		M(test_entries_read_as_written),
		M(test_sizes_and_alignments),
		M(test_other_registers_are_forwarded),
		M(test_straddles_the_end),
		M(test_pending_bits_are_the_hardwares),
		M(test_messages_arrive),
		M(test_orders),
		M(test_mask_is_at_once),
		M(test_change_while_masked),
		M(test_change_while_unmasked),
		M(test_closed_until_flushed),
		M(test_commit_looks_again),
		M(test_commit_of_an_older_change),
		M(test_changed_meanwhile),
		M(test_failed_flush),
		M(test_refused_message),
		M(test_plain_messages),
		M(test_no_descriptors),
		M(test_masks_that_do_not_stay),
		M(test_reserved_bits),
		M(test_enable_waits_for_the_decoder),
		M(test_opens_when_the_decoder_is_on_again),
		M(test_lost_enable_bit),
		M(test_function_reset),
		M(test_detach_gives_back),
		M(test_vanished),
		M(test_msi_and_msix_at_once),
		M(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

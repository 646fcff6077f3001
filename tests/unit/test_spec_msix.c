/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI-X against tests/spec: the capability, the table over two pages, the pending bits and the other registers that
 * share a page with it, with every partial write. What the hardware's table says is judged by firing its vectors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/spec/pci_msi.h"
#include "tests/spec/world.h"

#define CAP 0x60u
#define BAR 0xa000000000ull
#define ENTRIES 300u
#define TABLE 0x1000u /* to 0x22c0 */
#define PBA 0x2800u   /* 300 bits in quadwords: to 0x2828 */

static struct fake_table *table;
static struct subject card;

/* ---- the device ---- */

static void build_card(struct subject *s)
{
	struct fake_fn *f = s->f = fake_add(s->bdf, 0x5a5a, 0x0011, 0x020000, 0);

	fake_bar(f, 0, 0x4000, 0x4, BAR);
	fake_cap(f, CAP, 0x11);
	fake_put(f->cfg, CAP + 2, 2, ENTRIES - 1);
	fake_put(f->cfg, CAP + 4, 4, TABLE);
	fake_put(f->cfg, CAP + 8, 4, PBA);
	fake_put(f->cfg, 4, 2, 2); /* firmware has switched decoding on */
}

static void describe_card(struct spec_model *m)
{
	spec_add_field(m, 0, &(struct spec_field){ 0x10, 0, 0, SPEC_ZERO, "BAR", SPEC_STILL });
	describe_header(m, CAP);
	spec_add(m, 0, &spec_device_command);
	spec_add(m, 0, &spec_type0);
	spec_constant(m, CAP, 2, 0x11);
	spec_add(m, CAP, &spec_msix);
	spec_rest(m, 0x00, 0x40, SPEC_ZERO);
	spec_rest(m, 0x40, 0x100, SPEC_RW);
	spec_rest(m, 0x100, 0x1000, SPEC_ZERO);
}

static int setup_msix(void **state)
{
	(void)state;
	fake_mmio_begin();
	spec_build(&card, 1);
	table = fake_table(card.f, card.bdf, CAP, ENTRIES, fake_registers(BAR, 0x4000), TABLE, 0, PBA);
	memcpy(card.cfg, card.f->cfg, sizeof(card.cfg));
	return 0;
}

static int teardown_msix(void **state)
{
	assert_int_equal(fake_mmio.bad, 0);
	assert_int_equal(table->blocked, 0); /* nothing was sent that the remapping unit had to stop */
	return spec_teardown(state);
}

/* ---- a page of the BAR, as a space of its own ---- */

static struct spec_model page;
static unsigned int page_at; /* offset in the BAR */
static unsigned int control; /* Message Control as the guest wrote it last */

static u64 page_read(void *ctx, unsigned int offset, unsigned int size)
{
	u64 value = 0;

	if (!vm.trap(BAR + page_at + offset, size, false, &value))
		fail_msg("nobody at 0x%x", page_at + offset);
	return value;
}

static void page_write(void *ctx, unsigned int offset, unsigned int size, u64 value)
{
	(void)vm.trap(BAR + page_at + offset, size, true, &value);
}

/* The entry as the guest has it now. */
static u32 entry_dword(unsigned int entry, unsigned int offset)
{
	return spec_get(page.value, TABLE + 16 * entry + offset - page_at);
}

static const char *fires_right(unsigned int entry)
{
	bool masked = (control & 0x4000) || (entry_dword(entry, 12) & 1);
	struct fake_interrupt asked;
	bool may = fake_parse(entry_dword(entry, 0) | (u64)entry_dword(entry, 4) << 32, entry_dword(entry, 8), &asked) &&
		   (control & 0x8000) && !masked;
	unsigned int sent = table->sent;

	fake_fire(table, entry);
	if (table->blocked)
		return "the device sent what the remapping unit had to stop";
	if (table->sent - sent != may)
		return may ? "an interrupt that the guest may have is not sent" : "an interrupt is sent that should not be";
	if (may && (fake_interrupt.vector != asked.vector || fake_interrupt.destination != asked.destination ||
		    fake_interrupt.logical != asked.logical || fake_interrupt.lowest != asked.lowest))
		return "another interrupt is delivered";
	/* 7.7.2: masked, it is pending */
	if ((control & 0x8000) && masked && !fake_pending(table, entry))
		return "a masked message is not pending";
	fake_set_pending(table, entry, false);
	return NULL;
}

/* After each write: all entries that were near it. */
static unsigned int near;

static const char *table_hook(void *ctx, const struct spec_model *m)
{
	for (unsigned int entry = near ? near - 1 : 0; entry <= near + 1 && entry < ENTRIES; entry++) {
		unsigned int at = TABLE + 16 * entry;
		const char *wrong = at >= page_at && at < page_at + 4096 ? fires_right(entry) : NULL;

		if (wrong)
			return wrong;
	}
	return NULL;
}

static void set_control(unsigned int value)
{
	control = value;
	wr(card.bdf, CAP + 2, 2, value);
	assert_int_equal(rd(card.bdf, CAP + 2, 2), (value & 0xc000) | (ENTRIES - 1));
}

static void begin_page(struct spec_target *t, unsigned int at)
{
	struct spec_target config;

	fake_table_fill(table, 0, 0, 1);
	assert_true(subject_begin(&card, &config, NO_DWORD));
	page_at = at;
	memset(&page, 0, sizeof(page));
	for (unsigned int entry = 0; entry < ENTRIES; entry++) {
		if (TABLE + 16 * entry >= at && TABLE + 16 * entry < at + 4096)
			spec_add(&page, TABLE + 16 * entry - at, &spec_msix_entry);
	}
	if (PBA >= at && PBA < at + 4096)
		spec_add_field(&page, 0, &(struct spec_field){ PBA - at, 319, 0, SPEC_HW, "Pending Bits", SPEC_MESSAGE });
	spec_rest(&page, 0, 4096, SPEC_RW); /* other registers: the device's */
	spec_begin(&page, table->r->byte + at);
	*t = (struct spec_target){ .read = page_read,
				   .write = page_write,
				   .hardware = table->r->byte + at,
				   .bytes = 4096,
				   .within = true,
				   .dwords_to = at == TABLE ? 4096 : TABLE + 16 * ENTRIES - at,
				   .hook = table_hook };
	set_control(0);
}

static const u32 before[][4] = {
	{ 0, 0, 0, 1 },
	{ 0xfee01000, 0, 0x41, 0 },
	{ 0xfee0200c, 0, 0x4142, 1 },
	{ 0xfee03000, 0, 0x0243, 0 }, /* SMI */
	{ 0xfee04000, 1, 0x44, 0 },   /* not the interrupt range */
};
static const unsigned int controls[] = { 0x8000, 0x0000, 0xc000, 0x4000 };

/* As 7.7.2 has it: aligned dwords and quadwords. */
static bool writes_to_entry(struct spec_target *t, unsigned int entry, unsigned int at, u32 pattern)
{
	for (unsigned int offset = 0; offset < 16; offset += 4) {
		if (!spec_one_write(&page, t, at + offset, 4, pattern))
			return false;
		if (offset % 8 == 0 && !spec_one_write(&page, t, at + offset, 8, pattern | (u64)~pattern << 32))
			return false;
		for (unsigned int i = 0; i < 4; i++) { /* back to something that means something */
			if (!spec_one_write(&page, t, at + 4 * i, 4, before[1][i]))
				return false;
		}
	}
	return true;
}

static void check_entry(struct spec_target *t, unsigned int entry)
{
	unsigned int at = TABLE + 16 * entry - page_at;

	near = entry;
	for (unsigned int c = 0; c < ARRAY_SIZE(controls); c++) {
		set_control(controls[c]);
		for (unsigned int b = 0; b < ARRAY_SIZE(before); b++) {
			for (unsigned int i = 0; i < 4; i++) {
				if (!spec_one_write(&page, t, at + 4 * i, 4, before[b][i]))
					fail_msg("entry %u: %s", entry, spec_complaint);
			}
			for (unsigned int i = 0; i < 4; i++) {
				if (!spec_all_reads(&page, t, at + 4 * i))
					fail_msg("entry %u: %s", entry, spec_complaint);
			}
		}
		for (unsigned int bit = 0; bit < 34; bit++) {
			if (!writes_to_entry(t, entry, at, bit < 32 ? 1u << bit : bit == 32 ? ~0u : 0))
				fail_msg("entry %u, control 0x%x: %s", entry, control, spec_complaint);
		}
	}
}

static void test_table(void **state)
{
	static const unsigned int entries[] = { 0, 1, 127, 254, 255, 256, 257, 298, 299 };
	struct spec_target t;

	for (unsigned int i = 0; i < ARRAY_SIZE(entries); i++) {
		begin_page(&t, entries[i] < 256 ? TABLE : TABLE + 0x1000);
		check_entry(&t, entries[i]);
	}
}

/*
 * Accesses of other sizes and alignments are undefined in the table (7.7.2): they are read as the bytes stand, and
 * not written (docs/design/interrupts.md).
 */
static void test_partial_writes(void **state)
{
	static const unsigned int entries[] = { 5, 256, 299 };
	struct spec_target t;

	for (unsigned int i = 0; i < ARRAY_SIZE(entries); i++) {
		for (unsigned int c = 0; c < ARRAY_SIZE(controls); c++) {
			begin_page(&t, entries[i] < 256 ? TABLE : TABLE + 0x1000);
			set_control(controls[c]);
			near = entries[i];
			for (unsigned int offset = 0; offset < 16; offset += 4) {
				if (!spec_check_dword(&page, &t, TABLE + 16 * entries[i] + offset - page_at))
					fail_msg("entry %u, control 0x%x: %s", entries[i], control, spec_complaint);
			}
		}
	}
}

/* On the table's page: pending bits are read-only, everything else is the device's own. */
static void test_what_shares_the_page(void **state)
{
	struct spec_target t;

	for (unsigned int c = 0; c < ARRAY_SIZE(controls); c++) {
		begin_page(&t, TABLE + 0x1000);
		set_control(controls[c]);
		near = 299;
		for (unsigned int dword = 0x2c0; dword < 0x1000; dword += dword >= 0x7d0 && dword < 0x830 ? 4 : 0x30) {
			if (dword >= PBA - page_at && dword < PBA - page_at + 40)
				spec_put(t.hardware, dword, 0x5a5a5a5a), spec_put(page.real, dword, 0x5a5a5a5a);
			if (!spec_check_dword(&page, &t, dword))
				fail_msg("page's dword 0x%x, control 0x%x: %s", dword, control, spec_complaint);
		}
	}
}

/* In configuration space; whatever is written there, a vector that is open fires as it should, or not at all. */
static const char *control_hook(void *ctx, const struct spec_model *m)
{
	control = fake_get(m->value + CAP, 2, 2) & 0xc000;
	return fires_right(0) ? fires_right(0) : fires_right(255);
}

static void test_capability(void **state)
{
	for (unsigned int open = 0; open < 2; open++) {
		for (unsigned int dword = CAP - 4; dword <= CAP + 12; dword += 4) {
			struct spec_target t, config;

			begin_page(&t, TABLE);
			near = 0;
			for (unsigned int i = 0; i < 4 && open; i++) {
				assert_true(spec_one_write(&page, &t, 4 * i, 4, before[1][i]));
				assert_true(spec_one_write(&page, &t, 4080 + 4 * i, 4, before[2][i]));
			}
			config = (struct spec_target){ .ctx = &card,
						       .read = subject_read,
						       .write = subject_write,
						       .hardware = card.f->cfg,
						       .bytes = 256,
						       .hook = control_hook };
			if (!spec_check_dword(&spec_model, &config, dword))
				fail_msg("dword 0x%x: %s", dword, spec_complaint);
		}
	}
}

static struct subject card = { .name = "MSI-X", .bdf = PCI_BDF(0, 2, 0), .build = build_card, .describe = describe_card };

#define X(name) cmocka_unit_test_setup_teardown(name, setup_msix, teardown_msix)

int main(void)
{
	const struct CMUnitTest tests[] = {
		X(test_table), X(test_partial_writes), X(test_what_shares_the_page), X(test_capability),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

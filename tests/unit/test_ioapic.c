/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The I/O APIC as the guest sees it, and what its entries become. Expectations: Intel 82093AA datasheet, 3.1 and 3.2; ICH9 datasheet,
 * 13.5 (index register of 8 bits, dwords only, EOI register); VT-d specification 4.1, 5.1.5.1 (entries in remappable format: index
 * 14:0 in bits 63:49, format in 48, index 15 in 11, 10:8 zero; trigger mode as in the remapping entry).
 */
#include "tests/unit/ioapic_machine.h"

static struct fake_entry irte(unsigned int n)
{
	return intr_memory[0x40 + n];
}

/* ---- registers ---- */

static void the_select_register_has_8_bits(void **state)
{
	(void)access_page(0, 0, 4, true, 0xffffff01);
	assert_int_equal(access_page(0, 0, 4, false, 0), 1);
	(void)access_page(0, 0, 1, true, 0x10);
	assert_int_equal(access_page(0, 0, 1, false, 0), 0x10);
	(void)access_page(0, 0, 2, true, 0x1234);
	assert_int_equal(access_page(0, 0, 4, false, 0), 0x34);
	(void)access_page(0, 1, 1, true, 0x55); /* reserved bits: no register */
	assert_int_equal(access_page(0, 0, 4, false, 0), 0x34);
}

static void the_version_is_the_real_one(void **state)
{
	assert_int_equal(reg_read(0, 1), 0x00170020); /* without the pin assertion register, which is not there */
	reg_write(0, 1, 0xffffffff);
	assert_int_equal(reg_read(0, 1), 0x00170020);
}

static void the_id_reads_as_written(void **state)
{
	assert_int_equal(reg_read(0, 0), 0x02000000);
	reg_write(0, 0, 0xffffffff);
	assert_int_equal(reg_read(0, 0), 0x0f000000);
	assert_int_equal(reg_read(0, 2), 0x0f000000); /* 3.2.3: loaded with it */
	reg_write(0, 2, 0x03000000);
	assert_int_equal(reg_read(0, 2), 0x0f000000);
	assert_int_equal(chips[0].id, 0x02000000); /* and names nothing */
}

static void reserved_registers(void **state)
{
	unsigned int before = chips[0].writes;

	for (unsigned int index = 3; index < 256; index++) {
		if (index == 0x10)
			index = 0x10 + 48; /* behind the last pin */
		reg_write(0, index, 0xffffffff);
		assert_int_equal(reg_read(0, index), 0);
	}
	assert_int_equal(chips[0].writes, before);
}

static void no_other_access_reaches_hardware(void **state)
{
	unsigned int writes = chips[0].writes;

	entry(3, TO(1), 0x31);
	writes = chips[0].writes;
	for (unsigned int offset = 0; offset < 0x100; offset++) {
		for (unsigned int size = 1; size <= 8; size *= 2) {
			u64 ones = size == 8 ? ~0ull : (1ull << (8 * size)) - 1;

			(void)access_page(0, 0, 4, true, 0x16);
			if (offset == 0 || ((offset == 0x10 || offset == 0x40) && size == 4))
				continue;
			(void)access_page(0, offset, size, true, 0xffffffffffffffff);
			assert_true(access_page(0, offset, size, false, 0) == ones);
			assert_int_equal(access_page(0, 0, 4, false, 0), 0x16);
		}
	}
	assert_true(access_page(0, 0x40, 4, false, 0) == 0xffffffff); /* write-only */
	assert_int_equal(chips[0].writes, writes);
	assert_int_equal(chips[0].eois, 0);
	assert_int_equal(low_read(3), 0x31);
}

/* All bits of every entry, in both orders, are what was written; the read-only ones are hardware's. */
static void entries_read_as_written(void **state)
{
	static const u32 lows[] = { 0, 0xffffffff, 0x0001a931, 0x00000831, 0x31, MASKED, 0x0000ffff, 0xdeadbeef };

	for (unsigned int order = 0; order < 2; order++) {
		for (unsigned int n = 0; n < 24; n++) {
			for (unsigned int i = 0; i < ARRAY_SIZE(lows); i++) {
				if (order) {
					low_write(n, lows[i]);
					high_write(n, ~lows[i]);
				} else {
					high_write(n, ~lows[i]);
					low_write(n, lows[i]);
				}
				assert_int_equal(low_read(n), lows[i] & 0x0001afff);
				assert_int_equal(high_read(n), ~lows[i] & 0xff000000);
			}
			low_write(n, 0x10000);
		}
	}
}

static void after_a_reset_all_are_masked(void **state)
{
	for (unsigned int n = 0; n < 24; n++) {
		assert_int_equal(low_read(n), MASKED);
		assert_int_equal(high_read(n), 0);
	}
	low_write(5, 0x31); /* nothing of firmware's is left in the other half */
	edge(0, 5);
	assert_int_equal(last.destination, 0);
}

static void delivery_status_and_remote_irr_are_the_hardwares(void **state)
{
	entry(4, TO(1), 0x31);
	chips[0].low[4] |= STATUS;
	assert_int_equal(low_read(4), STATUS | 0x31);
	chips[0].low[4] ^= STATUS;
	assert_int_equal(low_read(4), 0x31);
	entry(6, TO(1), LEVEL | 0x41);
	pin(0, 6, true);
	assert_int_equal(low_read(6), LEVEL | REMOTE_IRR | 0x41);
	low_write(6, LEVEL | 0x41); /* read-only: does not end it */
	assert_int_equal(low_read(6), LEVEL | REMOTE_IRR | 0x41);
	pin(0, 6, false);
	cpu_eoi(0x41);
	assert_int_equal(low_read(6), LEVEL | 0x41);
	low_write(6, LEVEL | REMOTE_IRR | STATUS | 0x41);
	assert_int_equal(low_read(6), LEVEL | 0x41);
}

static void the_eoi_register_passes(void **state)
{
	entry(6, TO(1), LEVEL | 0x41);
	pin(0, 6, true);
	pin(0, 6, false);
	(void)access_page(0, 0x40, 4, true, 0x42);
	assert_int_equal(low_read(6), LEVEL | REMOTE_IRR | 0x41);
	(void)access_page(0, 0x40, 4, true, 0xabcdef41);
	assert_int_equal(low_read(6), LEVEL | 0x41);
	assert_int_equal(chips[0].eois, 2);
}

static void an_82093aa_has_no_eoi_register(void **state)
{
	power_on();
	chip_add(0, BASE, 24, VERSION_82093AA);
	boot();
	(void)access_page(0, 0x40, 4, true, 0x41);
	assert_int_equal(chips[0].eois, 0);
	/* Software then turns to edge and back (Linux, __eoi_ioapic_pin). */
	entry(6, TO(1), LEVEL | 0x41);
	pin(0, 6, true);
	pin(0, 6, false);
	low_write(6, MASKED | 0x41);
	low_write(6, MASKED | LEVEL | 0x41);
	low_write(6, LEVEL | 0x41);
	assert_int_equal(low_read(6), LEVEL | 0x41);
	pin(0, 6, true);
	assert_int_equal(delivered, 2);
}

/* ---- what may be delivered ---- */

static void every_delivery_mode(void **state)
{
	for (unsigned int mode = 0; mode < 8; mode++) {
		unsigned int before = delivered;

		entry(mode, TO(1), MODE(mode) | 0x50);
		assert_int_equal(low_read(mode), MODE(mode) | 0x50);
		assert_int_equal(chips[0].low[mode] & MASKED, mode <= LOWEST ? 0 : MASKED);
		edge(0, mode);
		assert_int_equal(delivered - before, mode <= LOWEST);
		assert_int_equal(intr_memory[0x40 + mode].present && fake_intr.remapped, mode <= LOWEST && fake_intr.remapped);
	}
	assert_int_equal(odd + blocked, 0);
}

static void vectors_below_16_are_none(void **state)
{
	for (u32 vector = 0; vector < 256; vector++) {
		entry(1, TO(1), vector);
		edge(0, 1);
		assert_int_equal(vectors[vector], vector >= 16);
		assert_int_equal(!(chips[0].low[1] & MASKED), vector >= 16);
	}
}

static void one_line_for_each_mode(void **state)
{
	for (unsigned int i = 0; i < 3; i++) {
		for (unsigned int mode = 0; mode < 8; mode++)
			low_write(i, MODE(mode) | 0x50);
	}
	assert_int_equal(infos, 6);
	assert_non_null(strstr(last_line, "pin 0"));
	low_write(0, MASKED | MODE(SMI));
	assert_int_equal(infos, 6);
}

/* Firmware and kernels write such values to masked entries: nothing to say about them. */
static void what_is_masked_is_not_refused(void **state)
{
	for (unsigned int mode = 0; mode < 8; mode++)
		low_write(2, MASKED | MODE(mode));
	assert_int_equal(infos, 0);
	low_write(2, 5); /* a vector that is none */
	assert_int_equal(infos, 1);
	low_write(2, LEVEL | MODE(NMI) | 0x31); /* only the mask bit makes it nothing */
	assert_int_equal(infos, 2);
}

static void a_refused_entry_is_masked_at_once(void **state)
{
	entry(3, TO(1), 0x31);
	low_write(3, MODE(NMI) | 0x31);
	assert_true(chips[0].low[3] & MASKED);
	edge(0, 3);
	low_write(3, 0x31);
	edge(0, 3);
	assert_int_equal(delivered, 1);
	assert_int_equal(vectors[0x31], 1);
}

/* An interrupt in service must end: its EOI looks for the vector. */
static void a_refused_entry_keeps_vector_and_trigger(void **state)
{
	entry(3, TO(1), LEVEL | 0x31);
	pin(0, 3, true);
	pin(0, 3, false);
	low_write(3, LEVEL | MODE(SMI) | 0x31);
	assert_int_equal(chips[0].low[3] & 0xff, 0x31);
	cpu_eoi(0x31);
	assert_int_equal(low_read(3), LEVEL | MODE(SMI) | 0x31);
}

/* ---- in the remappable format ---- */

static void an_entry_is_remappable(void **state)
{
	static const u32 firsts[] = { 0, 0x40, 0x7ff0, 0x8000, 0xff00 };

	for (unsigned int i = 0; i < ARRAY_SIZE(firsts); i++) {
		power_on();
		fake_intr.first = firsts[i];
		boot();
		for (unsigned int n = 0; n < 24; n++) {
			u32 index = firsts[i] + n, expected = (index & 0x7fff) << 17 | 1u << 16;

			assert_int_equal(chips[0].high[n], expected);
			entry(n, TO(0x35), LOGICAL | ACTIVE_LOW | LEVEL | MODE(LOWEST) | 0x77);
			assert_int_equal(chips[0].high[n], expected);
			assert_int_equal(chips[0].low[n], ACTIVE_LOW | LEVEL | 0x77 | (index & 0x8000 ? LOGICAL : 0));
			entry(n, TO(0x35), 0x78); /* what the index does to the hardware's entry is not shown */
			assert_int_equal(low_read(n), 0x78);
		}
	}
}

static void what_the_remapping_entry_says(void **state)
{
	entry(3, TO(0x35), LOGICAL | LEVEL | MODE(LOWEST) | 0x77);
	assert_true(irte(3).present);
	assert_int_equal(irte(3).target.destination, 0x35);
	assert_int_equal(irte(3).target.vector, 0x77);
	assert_true(irte(3).target.logical && irte(3).target.lowest && irte(3).target.level && !irte(3).target.nmi);
	entry(3, TO(0xff), 0x78);
	assert_int_equal(irte(3).target.destination, 0xffffffff); /* all CPUs, whatever the size of an ID */
	assert_false(irte(3).target.logical || irte(3).target.lowest || irte(3).target.level);
	entry(3, TO(0xff), LOGICAL | 0x78);
	assert_int_equal(irte(3).target.destination, 0xff); /* a set of eight */
	entry(3, TO(2), MODE(LOWEST) | 0x78);
	assert_false(irte(3).target.lowest); /* one APIC: nobody to choose from */
	for (unsigned int n = 0; n < 24; n++)
		assert_int_equal(irte(n).present, n == 3);
	low_write(3, MODE(EXTINT) | 0x78);
	assert_false(irte(3).present);
}

static void what_is_delivered(void **state)
{
	entry(3, TO(0x35), LOGICAL | MODE(LOWEST) | 0x77);
	edge(0, 3);
	assert_int_equal(last.vector, 0x77);
	assert_int_equal(last.destination, 0x35);
	assert_true(last.logical && last.lowest && !last.level);
	entry(4, TO(2), LEVEL | ACTIVE_LOW | 0x78);
	pin(0, 4, true);
	assert_int_equal(last.vector, 0x78);
	assert_int_equal(last.destination, 2);
	assert_true(!last.logical && !last.lowest && last.level);
	assert_int_equal(chips[0].low[4] & ACTIVE_LOW, ACTIVE_LOW);
	assert_int_equal(blocked + wrong_trigger + odd, 0);
}

/* ---- without remapping ---- */

static void the_guests_own_entry(void **state)
{
	entry(3, TO(0x35) | 0x00ffffff, 0xfffe0000 | LOGICAL | ACTIVE_LOW | MODE(LOWEST) | 0x77);
	assert_int_equal(chips[0].low[3], LOGICAL | ACTIVE_LOW | MODE(LOWEST) | 0x77);
	assert_int_equal(chips[0].high[3], TO(0x35)); /* never the remappable format */
	edge(0, 3);
	assert_int_equal(last.destination, 0x35);
	high_write(3, TO(0x36));
	edge(0, 3);
	assert_int_equal(last.destination, 0x36);
	assert_int_equal(fake_intr.sets + fake_intr.flushes + fake_intr.allocs, 0);
}

static void the_guests_own_entry_has_its_destination_first(void **state)
{
	low_write(3, LEVEL | MASKED | 0x41);
	pin(0, 3, true);
	high_write(3, TO(7));
	assert_int_equal(delivered, 0);
	low_write(3, LEVEL | 0x41);
	assert_int_equal(last.destination, 7);
}

/* ---- INTx: two devices on one pin ---- */

static void shared_level(unsigned int n, u8 vector)
{
	unsigned int taken = 0, served[2] = { 0, 0 };
	bool wants[2] = { false, false };

	entry(n, TO(1), LEVEL | ACTIVE_LOW | vector);
	exits = 0;
	srand(1);
	for (unsigned int i = 0; i < 10000; i++) {
		unsigned int before = vectors[vector];

		wants[rand() & 1] = true;
		if (rand() & 1)
			wants[0] = wants[1] = true;
		pin(0, n, wants[0] || wants[1]);
		assert_int_equal(vectors[vector] - before, 1);
		for (unsigned int device = 0; wants[0] || wants[1]; device ^= 1) {
			if (!wants[device])
				continue;
			wants[device] = false; /* its driver reads the cause */
			served[device]++;
			pin(0, n, wants[0] || wants[1]);
			cpu_eoi(vector); /* the other is still asserted: once more */
		}
		taken += vectors[vector] - before;
		assert_false(chips[0].low[n] & REMOTE_IRR);
	}
	assert_int_equal(taken, served[0] + served[1]);
	assert_true(served[0] > 5000 && served[1] > 5000);
	assert_int_equal(exits, 0);
	assert_int_equal(chips[0].eois, 0);
}

static void two_devices_share_a_pin(void **state)
{
	shared_level(17, 0x61);
}

/* ---- boot ---- */

static void leftovers_are_masked_first(void **state)
{
	power_on();
	chips[0].asserted[5] = false;
	ioapic_quiet(&acpi, &map);
	for (unsigned int n = 0; n < 24; n++)
		assert_int_equal(chips[0].low[n], MASKED);
	pin(0, 5, true);
	edge(0, 0);
	assert_int_equal(delivered + blocked + odd, 0);
}

/* Firmware had one in service and never ended it: by its vector, on each chip that has the EOI register (version 20h and later). */
static void a_leftover_in_service_is_ended(void **state)
{
	static const u8 versions[] = { 0x20, 0x2f, 0x40, 0x80, 0xff };
	static const u8 left[] = { 0x55, 0xaa, 0x10, 0xff, 0x01 };

	for (unsigned int i = 0; i < ARRAY_SIZE(versions); i++) {
		power_on();
		chip_add(0, BASE, 24, versions[i]);
		chips[0].low[5] = LEVEL | ACTIVE_LOW | REMOTE_IRR | left[i];
		boot();
		assert_int_equal(chips[0].eois, 1);
		assert_int_equal(chips[0].last_eoi, left[i]);
		entry(5, TO(1), LEVEL | 0x41);
		pin(0, 5, true);
		assert_int_equal(delivered, 1);
		(void)access_page(0, 0x40, 4, true, 0x41);
		assert_int_equal(chips[0].eois, 2);
	}
}

static void it_is_named_by_its_madt_id(void **state)
{
	power_on();
	chip_add(1, SECOND_BASE, 32, VERSION_ICH9);
	acpi.ioapics = 2;
	acpi.ioapic[1].base = SECOND_BASE;
	acpi.ioapic[1].id = 0x21;
	boot();
	assert_int_equal(fake_intr.allocs, 2);
	assert_int_equal(fake_intr.last_kind, INTR_IOAPIC);
	assert_int_equal(fake_intr.last_id, 0x21);
	assert_int_equal(fake_intr.last_count, 32);
	reg_write(1, 0x10 + 2 * 31, 0x91);
	edge(1, 31);
	assert_int_equal(vectors[0x91], 1);
	assert_int_equal(reg_read(0, 0x10), MASKED);
	assert_int_equal(regions[0].base, BASE);
	assert_int_equal(regions[1].base, SECOND_BASE);
}

static void two_on_one_page(void **state)
{
	power_on();
	chip_add(1, BASE + 0x400, 24, VERSION_ICH9);
	acpi.ioapics = 2;
	acpi.ioapic[1].base = BASE + 0x400;
	boot();
	assert_int_equal(region_count, 2);
	assert_int_equal(warnings, 0);
	assert_true(regions[0].base + regions[0].size <= regions[1].base);
	reg_write(1, 0x12, 0x92);
	edge(1, 1);
	assert_int_equal(vectors[0x92], 1);
}

/* One line, and it is not there. */
static void not_used(unsigned int others)
{
	warnings = region_count = 0;
	ioapic_quiet(&acpi, &map);
	assert_int_equal(warnings, 1);
	assert_int_equal(ioapic_init((struct vm *)8), 0);
	assert_int_equal(region_count, others);
}

static void listed_twice(void **state)
{
	power_on();
	acpi.ioapics = 2;
	acpi.ioapic[1].base = BASE;
	not_used(1);
	assert_non_null(strstr(last_line, "twice"));
}

static void overlapping(void **state)
{
	power_on();
	acpi.ioapics = 2;
	acpi.ioapic[1].base = BASE + 0x80;
	not_used(1);
}

static void nothing_answers(void **state)
{
	power_on();
	chips[0].base = 0;
	not_used(0);
	assert_non_null(strstr(last_line, "nothing answers"));
}

/* 3.1: the index has 8 bits. */
static void more_pins_than_can_be_selected(void **state)
{
	power_on();
	chip_add(0, BASE, 121, VERSION_ICH9);
	not_used(0);
	chip_add(0, BASE, 240, VERSION_ICH9);
	not_used(0);
	chip_add(0, BASE, 120, VERSION_ICH9);
	boot();
	assert_int_equal(reg_read(0, 1), 0x00770020);
	low_write(119, 0x93);
	edge(0, 119);
	assert_int_equal(vectors[0x93], 1);
}

static void registers_in_memory(void **state)
{
	static const enum mem_type types[] = { MEM_RAM, MEM_FAIRLEAD, MEM_CUT };

	for (unsigned int i = 0; i < ARRAY_SIZE(types); i++) {
		power_on();
		map.range[0] = (struct mem_range){ .base = BASE, .size = PAGE_SIZE, .type = types[i] };
		not_used(0);
		assert_int_equal(chips[0].writes, 0);
	}
	power_on();
	map.range[0] = (struct mem_range){ .base = BASE, .size = PAGE_SIZE, .type = MEM_RESERVED };
	boot();
	assert_int_equal(region_count, 1);
	power_on();
	acpi.ioapic[0].base = BASE + 0x18;
	not_used(0);
	power_on();
	map.count = 0;
	acpi.ioapic[0].base = 0;
	not_used(0);
}

static void no_unit_remaps_it(void **state)
{
	static const int errors[] = { -ENODEV, -ENOSPC };

	for (unsigned int i = 0; i < ARRAY_SIZE(errors); i++) {
		power_on();
		fake_intr.alloc_result = errors[i];
		boot();
		assert_int_equal(warnings, 1);
		assert_non_null(strstr(last_line, "stay masked"));
		entry(3, TO(1), LEVEL | 0x41);
		pin(0, 3, true);
		entry(4, TO(1), 0x42);
		edge(0, 4);
		assert_int_equal(low_read(3), LEVEL | 0x41);
		assert_int_equal(delivered + blocked, 0);
		assert_true(chips[0].low[3] & chips[0].low[4] & MASKED);
		assert_int_equal(fake_intr.sets + fake_intr.flushes, 0);
	}
}

static void no_room(void **state)
{
	power_on();
	no_memory = true;
	ioapic_quiet(&acpi, &map);
	assert_int_equal(ioapic_init((struct vm *)8), -ENOMEM);
	power_on();
	region_result = -ENOSPC;
	region_count = 0;
	ioapic_quiet(&acpi, &map);
	assert_int_equal(ioapic_init((struct vm *)8), -ENOSPC);
}

static void without_any(void **state)
{
	power_on();
	acpi.ioapics = 0;
	boot();
	assert_int_equal(region_count + warnings, 0);
}

#define REMAPPED(f) cmocka_unit_test_setup(f, remapped)
#define PLAIN(f) { "plain: " #f, f, plain, NULL, NULL }
#define BOTH(f) REMAPPED(f), PLAIN(f)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(the_select_register_has_8_bits),
		BOTH(the_version_is_the_real_one),
		BOTH(the_id_reads_as_written),
		BOTH(reserved_registers),
		BOTH(no_other_access_reaches_hardware),
		BOTH(entries_read_as_written),
		BOTH(after_a_reset_all_are_masked),
		BOTH(delivery_status_and_remote_irr_are_the_hardwares),
		BOTH(the_eoi_register_passes),
		REMAPPED(an_82093aa_has_no_eoi_register),
		BOTH(every_delivery_mode),
		BOTH(vectors_below_16_are_none),
		BOTH(one_line_for_each_mode),
		BOTH(what_is_masked_is_not_refused),
		BOTH(a_refused_entry_is_masked_at_once),
		BOTH(a_refused_entry_keeps_vector_and_trigger),
		REMAPPED(an_entry_is_remappable),
		REMAPPED(what_the_remapping_entry_says),
		REMAPPED(what_is_delivered),
		PLAIN(the_guests_own_entry),
		PLAIN(the_guests_own_entry_has_its_destination_first),
		BOTH(two_devices_share_a_pin),
		REMAPPED(leftovers_are_masked_first),
		REMAPPED(a_leftover_in_service_is_ended),
		REMAPPED(it_is_named_by_its_madt_id),
		REMAPPED(two_on_one_page),
		REMAPPED(listed_twice),
		REMAPPED(overlapping),
		REMAPPED(nothing_answers),
		REMAPPED(more_pins_than_can_be_selected),
		REMAPPED(registers_in_memory),
		REMAPPED(no_unit_remaps_it),
		REMAPPED(no_room),
		REMAPPED(without_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

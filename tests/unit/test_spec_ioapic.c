/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The I/O APIC against tests/spec/ioapic.h: every register, every bit, and what the pins raise after each write.
 */
#include "tests/unit/ioapic_machine.h"

#include "tests/spec/ioapic.h"

#define PINS 24

static struct spec_model model;

static void begin(void)
{
	u8 hardware[SPEC_BYTES] = { 0 };

	spec_describe_ioapic(&model, PINS);
	assert_null(model.mistake);
	spec_put(hardware, 0, chips[0].id);
	spec_put(hardware, 4, chips[0].version | (PINS - 1) << 16 | 0x8000);
	for (unsigned int n = 0; n < PINS; n++)
		spec_put(hardware, SPEC_IOAPIC_ENTRY(n), MASKED); /* 3.2.4: the default */
	spec_begin(&model, hardware);
}

/* What the hardware says by itself of an entry. */
static void poke(unsigned int n, u32 read_only)
{
	chips[0].low[n] = (chips[0].low[n] & ~(STATUS | REMOTE_IRR)) | read_only;
	spec_put(model.real, SPEC_IOAPIC_ENTRY(n), read_only);
}

static bool reads_right(unsigned int index)
{
	u32 is = reg_read(0, index), should = (u32)spec_bytes(&model, SPEC_IOAPIC_BYTES, 4 * index, 4);

	return is == should ? true : spec_wrong("register 0x%x reads 0x%08x, should be 0x%08x", index, is, should);
}

/* Raised, the pin delivers just what the guest asked for, or nothing. */
static bool raises_right(unsigned int n)
{
	u32 low = spec_get(model.value, SPEC_IOAPIC_ENTRY(n)), high = spec_get(model.value, SPEC_IOAPIC_ENTRY(n) + 4);
	bool may = !(low & MASKED) && spec_is_interrupt(low);
	unsigned int before = delivered;
	u32 hw = chips[0].low[n];

	if ((hw ^ low) & (LEVEL | ACTIVE_LOW | 0xff))
		return spec_wrong("entry %u is 0x%08x in the hardware: not its trigger mode, polarity or vector", n, hw);
	if (!(hw & MASKED) != may)
		return spec_wrong("entry %u is %smasked in the hardware", n, may ? "" : "not ");
	edge(0, n);
	cpu_eoi((u8)low);
	if (delivered - before != may)
		return spec_wrong("entry %u: %u interrupts of one", n, delivered - before);
	if (!may)
		return true;
	if (last.vector != (u8)low || last.level != !!(low & LEVEL) || last.logical != !!(low & LOGICAL) ||
	    /* of one CPU that is the same */
	    (last.lowest != ((low >> 8 & 7) == LOWEST) && (low & LOGICAL || last.lowest)))
		return spec_wrong("entry %u is delivered as another interrupt", n);
	/* SDM vol. 3A, 11.6.2.1: 8 bits of ones are all CPUs, however many bits a destination has */
	if (last.destination != high >> 24 && !(high >> 24 == 0xff && !(low & LOGICAL) && last.destination == ~0u))
		return spec_wrong("entry %u goes to %u, should be %u", n, last.destination, high >> 24);
	return true;
}

static bool one_write(unsigned int index, u32 value)
{
	reg_write(0, index, value);
	spec_write(&model, SPEC_IOAPIC_BYTES, 4 * index, 4, value);
	return reads_right(index) && (index < 0x10 || reads_right(index ^ 1));
}

static void check(bool right, unsigned int index, u32 value)
{
	if (!right)
		fail_msg("after 0x%08x to register 0x%x: %s", value, index, spec_complaint);
}

static void registers_without_entries(void **state)
{
	begin();
	for (unsigned int index = 0; index < 256; index++) {
		if (index >= 0x10 && index < 0x10 + 2 * PINS)
			continue;
		for (unsigned int bit = 0; bit <= 34; bit++) {
			u32 value = bit < 32 ? 1u << bit : bit == 32 ? ~0u : bit == 33 ? 0 : spec_random();
			u32 id = chips[0].id, version = chips[0].version;

			if (index == 2) { /* the arbitration ID: 0, or as the ID (3.2.3); read-only */
				reg_write(0, 2, value);
				assert_true(reg_read(0, 2) == 0 || reg_read(0, 2) == reg_read(0, 0));
				check(reads_right(0), index, value);
				continue;
			}
			check(one_write(index, value), index, value);
			assert_int_equal(chips[0].id, id);
			assert_int_equal(chips[0].version, version);
		}
	}
	for (unsigned int n = 0; n < PINS; n++)
		check(raises_right(n), 0, 0);
}

/* Each half, each bit alone and each bit missing, after entries of different kinds. */
static void every_bit_of_each_entry(void **state)
{
	static const u32 before[][2] = {
		{ 0x00010000, 0 }, { 0x00000031, 0x02000000 }, { 0x0000a931, 0x0f000000 }, { 0x00010231, 0xff000000 },
		{ 0x00002841, 0x81000000 }, { 0x0000e141, 0x03000000 }, { 0x00000700, 0x01000000 },
	};

	begin();
	for (unsigned int n = 0; n < PINS; n++) {
		unsigned int index = 0x10 + 2 * n;

		for (unsigned int b = 0; b < ARRAY_SIZE(before); b++) {
			for (unsigned int i = 0; i < 2 * 64; i++) {
				u32 bit = 1u << (i & 31), value = i & 64 ? ~bit : bit;
				unsigned int half = index + (i >> 5 & 1);

				check(one_write(index + 1, before[b][1]), index + 1, before[b][1]);
				check(one_write(index, before[b][0]), index, before[b][0]);
				check(raises_right(n), index, before[b][0]);
				check(one_write(half, value), half, value);
				check(raises_right(n), half, value);
				check(one_write(half, before[b][half & 1] ^ bit), half, before[b][half & 1] ^ bit);
				check(raises_right(n), half, before[b][half & 1] ^ bit);
			}
		}
		check(one_write(index, MASKED), index, MASKED);
	}
}

static void read_only_bits_are_the_hardwares(void **state)
{
	static const u32 read_only[] = { 0, STATUS, REMOTE_IRR, STATUS | REMOTE_IRR };

	begin();
	for (unsigned int n = 0; n < PINS; n++) {
		check(one_write(0x10 + 2 * n, LEVEL | 0x41), 0x10 + 2 * n, LEVEL | 0x41);
		for (unsigned int r = 0; r < ARRAY_SIZE(read_only); r++) {
			poke(n, read_only[r]);
			check(reads_right(0x10 + 2 * n), 0x10 + 2 * n, 0);
			check(one_write(0x10 + 2 * n, ~0u), 0x10 + 2 * n, ~0u);
			check(one_write(0x10 + 2 * n, LEVEL | 0x41), 0x10 + 2 * n, LEVEL | 0x41);
			check(one_write(0x10 + 2 * n, LEVEL | 0x41 | STATUS | REMOTE_IRR), 0x10 + 2 * n, 0);
		}
		poke(n, 0);
		check(one_write(0x10 + 2 * n, MASKED), 0x10 + 2 * n, MASKED);
	}
}

static void random_writes(void **state)
{
	unsigned int unmasked = 0;

	begin();
	for (unsigned int i = 0; i < 20000; i++) {
		u32 r = spec_random(), value = spec_random();
		unsigned int n = r % PINS, index = 0x10 + 2 * n + (r >> 8 & 1);

		if (r & 0xc00)
			value &= index & 1 ? ~0u : ~0x00010600u; /* mostly an interrupt */
		check(one_write(index, value), index, value);
		check(raises_right(n), index, value);
		unmasked += !(chips[0].low[n] & MASKED);
	}
	assert_in_range(unmasked, 5000, 19000);
	assert_int_equal(odd, 0);
	assert_int_equal(wrong_trigger, 0);
}

/*
 * 82093AA 3.1: index register of 8 bits, window of 32; ICH9 13.5: dwords only, and the EOI register. Accesses of other sizes or
 * places have no effect on any register.
 */
static void the_window_and_nothing_else(void **state)
{
	begin();
	for (unsigned int n = 0; n < PINS; n++)
		check(one_write(0x10 + 2 * n, 0x31 + n), 0, 0);
	for (unsigned int offset = 1; offset < 0x100; offset++) {
		for (unsigned int size = 1; size <= 8 && offset + size <= 0x100; size *= 2) {
			if (size == 4 && (offset == 0x10 || offset == 0x40))
				continue;
			(void)access_page(0, 0, 4, true, 0x10 + 2 * (offset % PINS));
			(void)access_page(0, offset, size, true, ~0ull);
		}
		check(reads_right(0x10 + 2 * (offset % PINS)), offset, 0);
	}
	for (unsigned int n = 0; n < PINS; n++) {
		check(reads_right(0x10 + 2 * n), 0, 0);
		check(raises_right(n), 0, 0);
	}
	for (unsigned int i = 0; i < 256; i++) {
		(void)access_page(0, 0, 4, true, 0xffffff00u | i);
		assert_int_equal(access_page(0, 0, 4, false, 0), i);
		assert_int_equal(access_page(0, 0, 1, false, 0), i);
	}
}

/* 3.2.2: version and number of pins are the chip's; what is reserved in between, and the ICH9's bit 15, reads 0. */
static void every_version(void **state)
{
	(void)state;
	for (unsigned int version = 0x10; version < 0x100; version += version == 0x1f ? 0xc1 : 1) {
		static const unsigned int pins[] = { 1, 2, 16, 24, 33, 65, 120 };

		for (unsigned int i = 0; i < ARRAY_SIZE(pins); i++) {
			power_on();
			chip_add(0, BASE, pins[i], (u8)version);
			chips[0].version |= 0xff00ff00;
			boot();
			assert_int_equal(reg_read(0, 1), version | (pins[i] - 1) << 16);
			assert_int_equal(reg_read(0, 0x10 + 2 * (pins[i] - 1)), MASKED);
			if (pins[i] < 120)
				assert_int_equal(reg_read(0, 0x10 + 2 * pins[i]), 0);
		}
	}
}

/* ICH9 13.5.1: the entries with that vector, level-triggered, and no other. */
static void the_eoi_of_each_vector(void **state)
{
	(void)state;
	begin();
	for (unsigned int vector = 16; vector < 256; vector++) {
		unsigned int other = vector == 255 ? 16 : vector + 1;

		entry(6, TO(1), LEVEL | vector);
		entry(7, TO(1), LEVEL | other);
		pin(0, 6, true);
		pin(0, 7, true);
		pin(0, 6, false);
		pin(0, 7, false);
		(void)access_page(0, 0x40, 4, true, 0xffffff00u | vector);
		assert_int_equal(low_read(6), LEVEL | vector);
		assert_int_equal(low_read(7), LEVEL | REMOTE_IRR | other);
		(void)access_page(0, 0x40, 4, true, other);
		assert_int_equal(low_read(7), LEVEL | other);
	}
}

/* An interrupt that firmware has left unanswered, and whose pin is still asserted, is not sent again while it is put away. */
static void what_firmware_left_is_quiet(void **state)
{
	unsigned int before;

	(void)state;
	power_on();
	chips[0].low[7] = LEVEL | REMOTE_IRR | 0x41;
	chips[0].asserted[7] = true;
	before = delivered + blocked;
	boot();
	assert_int_equal(delivered + blocked, before);
	assert_int_equal(chips[0].low[7], MASKED);
}

#define R(name) cmocka_unit_test_setup(name, remapped)
#define P(name) { #name " without remapping", name, plain, NULL, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		R(registers_without_entries), R(every_bit_of_each_entry), R(read_only_bits_are_the_hardwares),
		R(random_writes),	      R(the_window_and_nothing_else), P(registers_without_entries),
		cmocka_unit_test(every_version), R(the_eoi_of_each_vector), cmocka_unit_test(what_firmware_left_is_quiet),
		P(every_bit_of_each_entry),   P(read_only_bits_are_the_hardwares), P(random_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a specification says of a register, bit by bit, and an interpreter that holds any implementation
 * against it. The tables (tests/spec/pci_*.h and the others) are pure data, written from the specifications
 * with numbers of their own; nothing here includes a table, a mask or a register name of the code under test.
 *
 * The model predicts, for one access of the guest, what the guest reads afterwards and what the hardware
 * holds. The hardware that it is used with takes every write (only write-1-to-clear bits behave), so a bit
 * that should not have been written shows.
 */
#ifndef TESTS_SPEC_SPEC_H
#define TESTS_SPEC_SPEC_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum spec_rule {
	SPEC_ZERO, /* reserved, or not offered: reads 0, writes are dropped (what a table does not name) */
	SPEC_ONE,  /* reads 1, writes are dropped */
	SPEC_HW,   /* read-only: the hardware's bit */
	SPEC_RW,   /* the guest's writes reach the hardware, and reads come from there */
	SPEC_W1C,  /* as hardware has it; writing 1 clears it there */
	SPEC_OWN,  /* the guest's own: begins as the hardware's; the hardware is never told */
};

/* Quirks of a field, for the tests that drive it. */
#define SPEC_STILL 1u /* the hardware does not change it by itself */
#define SPEC_AVOID 2u /* writing 1 acts beyond the register: tested elsewhere, never written here */
#define SPEC_LOOSE 4u /* what the hardware holds is not the register's rule, but tested by the target's hook */
#define SPEC_CLEAR 8u /* the guest's own, and begins as 0 whatever the hardware has */
#define SPEC_WIRED 16u /* the hardware does not take writes: what is written here cannot do harm */

/* In the tables, what a field leaves out is 0. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
struct spec_field {
	uint16_t offset;    /* of the register from the structure's start; its bits are counted from there */
	uint16_t high, low; /* bits, as the specification numbers them */
	enum spec_rule rule;
	const char *name;
	unsigned int quirks;
	uint32_t legal; /* not 0: values of the field that take effect, a bit each; others leave it as it was */
};

struct spec_table {
	const char *name;   /* the structure, and where it is specified */
	unsigned int length; /* bytes; bits that no field names are SPEC_ZERO. 0: they are left to other tables */
	const struct spec_field *field;
	unsigned int fields;
};

#define SPEC_TABLE(title, bytes, array) { title, bytes, array, sizeof(array) / sizeof((array)[0]) }

#define SPEC_BYTES 4096u

struct spec_choice { /* a field with `legal` */
	unsigned int offset, low, width;
	uint32_t legal;
};

struct spec_model {
	/* One rule a bit; in none of them: SPEC_ZERO. */
	uint8_t one[SPEC_BYTES], hw[SPEC_BYTES], rw[SPEC_BYTES], w1c[SPEC_BYTES], own[SPEC_BYTES];
	uint8_t named[SPEC_BYTES]; /* bits that a table has spoken of */
	uint8_t still[SPEC_BYTES], avoid[SPEC_BYTES], loose[SPEC_BYTES], clear[SPEC_BYTES], wired[SPEC_BYTES];
	uint8_t value[SPEC_BYTES + 8]; /* the guest's own bits now */
	uint8_t real[SPEC_BYTES + 8];  /* what the hardware should hold now */
	struct spec_choice choice[8];
	unsigned int choices;
	const char *mistake; /* a table contradicts itself or another */
};

/* The implementation, and the hardware behind it. */
struct spec_target {
	void *ctx;
	uint64_t (*read)(void *ctx, unsigned int offset, unsigned int size);
	void (*write)(void *ctx, unsigned int offset, unsigned int size, uint64_t value);
	uint8_t *hardware;  /* SPEC_BYTES bytes */
	unsigned int bytes; /* of the space */
	bool within;	    /* no access crosses its end: it is a page */
	unsigned int dwords_from, dwords_to; /* bytes that take aligned dwords and quadwords only */
	/* More to hold against it after each write; returns what is wrong, or NULL. May be NULL. */
	const char *(*hook)(void *ctx, const struct spec_model *m);
};

static char spec_complaint[512]; /* the last thing that was wrong */

static inline bool __attribute__((format(printf, 1, 2))) spec_wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(spec_complaint, sizeof(spec_complaint), format, args);
	va_end(args);
	return false;
}

/* ---- from tables to a model ---- */

static inline void spec_set_bit(uint8_t *bits, unsigned int bit)
{
	bits[bit / 8] |= (uint8_t)(1u << bit % 8);
}

static inline void spec_add_field(struct spec_model *m, unsigned int base, const struct spec_field *f)
{
	uint8_t *of[] = { NULL, m->one, m->hw, m->rw, m->w1c, m->own };

	for (unsigned int n = f->low; n <= f->high; n++) {
		unsigned int bit = 8 * (base + f->offset) + n;

		if (m->named[bit / 8] & (1u << bit % 8))
			m->mistake = f->name;
		spec_set_bit(m->named, bit);
		if (of[f->rule])
			spec_set_bit(of[f->rule], bit);
		if (f->quirks & SPEC_STILL)
			spec_set_bit(m->still, bit);
		if (f->quirks & SPEC_AVOID)
			spec_set_bit(m->avoid, bit);
		if (f->quirks & SPEC_LOOSE)
			spec_set_bit(m->loose, bit);
		if (f->quirks & SPEC_CLEAR)
			spec_set_bit(m->clear, bit);
		if (f->quirks & SPEC_WIRED)
			spec_set_bit(m->wired, bit);
	}
	if (f->legal)
		m->choice[m->choices++] = (struct spec_choice){ base + f->offset, f->low,
								f->high - f->low + 1u, f->legal };
}

static inline void spec_add(struct spec_model *m, unsigned int base, const struct spec_table *t)
{
	for (unsigned int i = 0; i < t->fields; i++) {
		if (t->length && t->field[i].offset + t->field[i].high / 8u >= t->length)
			m->mistake = t->field[i].name;
		spec_add_field(m, base, &t->field[i]);
	}
	for (unsigned int i = 0; i < t->length; i++)
		m->named[base + i] = 0xff;
}

/* A register whose value the test knows: read-only. */
static inline void spec_constant(struct spec_model *m, unsigned int offset, unsigned int size, uint32_t value)
{
	for (unsigned int i = 0; i < size; i++) {
		if (m->named[offset + i])
			m->mistake = "constant";
		m->named[offset + i] = 0xff;
		m->one[offset + i] = (uint8_t)(value >> (8 * i));
	}
}

/* What stands in no structure, in [from, to). */
static inline void spec_rest(struct spec_model *m, unsigned int from, unsigned int to, enum spec_rule rule)
{
	uint8_t *of[] = { NULL, m->one, m->hw, m->rw, m->w1c, m->own };

	for (unsigned int i = from; i < to; i++) {
		if (of[rule])
			of[rule][i] |= (uint8_t)~m->named[i];
		m->named[i] = 0xff;
	}
}

/* The hardware as the guest finds it. */
static inline void spec_begin(struct spec_model *m, const uint8_t *hardware)
{
	for (unsigned int i = 0; i < SPEC_BYTES; i++) {
		m->real[i] = hardware[i];
		m->value[i] = hardware[i] & m->own[i] & (uint8_t)~m->clear[i];
	}
}

/* ---- prediction ---- */

static inline uint8_t spec_byte(const struct spec_model *m, unsigned int i)
{
	return (uint8_t)(m->one[i] | (m->real[i] & (m->hw[i] | m->rw[i] | m->w1c[i])) | (m->value[i] & m->own[i]));
}

static inline uint64_t spec_bytes(const struct spec_model *m, unsigned int bytes, unsigned int offset,
				  unsigned int size)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)(offset + i < bytes ? spec_byte(m, offset + i) : 0xff) << (8 * i);
	return value;
}

static inline uint32_t spec_get(const uint8_t *from, unsigned int offset)
{
	return (uint32_t)from[offset] | (uint32_t)from[offset + 1] << 8 | (uint32_t)from[offset + 2] << 16 |
	       (uint32_t)from[offset + 3] << 24;
}

static inline void spec_put(uint8_t *to, unsigned int offset, uint32_t value)
{
	for (unsigned int i = 0; i < 4; i++)
		to[offset + i] = (uint8_t)(value >> (8 * i));
}

/* A value that has no meaning leaves the field as it was, in the hardware and here. */
static inline void spec_choose(struct spec_model *m, const struct spec_choice *c, const uint8_t *real,
			       const uint8_t *value)
{
	for (int own = 0; own < 2; own++) {
		uint8_t *now = own ? m->value : m->real;
		uint32_t new = spec_get(now, c->offset), mask = ((1u << c->width) - 1) << c->low;

		if (!(c->legal >> ((new & mask) >> c->low) & 1))
			spec_put(now, c->offset, (new & ~mask) | (spec_get(own ? value : real, 0) & mask));
	}
}

static inline void spec_write(struct spec_model *m, unsigned int bytes, unsigned int offset, unsigned int size,
			      uint64_t v)
{
	uint8_t real[8][4], value[8][4];

	for (unsigned int c = 0; c < m->choices; c++) {
		memcpy(real[c], m->real + m->choice[c].offset, 4);
		memcpy(value[c], m->value + m->choice[c].offset, 4);
	}
	for (unsigned int i = offset; i < offset + size && i < bytes; i++, v >>= 8) {
		uint8_t b = (uint8_t)v;

		m->real[i] = (uint8_t)((m->real[i] & ~m->rw[i] & ~(m->w1c[i] & b)) | (b & m->rw[i]));
		m->value[i] = (uint8_t)((m->value[i] & ~m->own[i]) | (b & m->own[i]));
	}
	for (unsigned int c = 0; c < m->choices; c++)
		spec_choose(m, &m->choice[c], real[c], value[c]);
}

/* ---- comparison ---- */

/* The guest's bytes, read with that size at that offset. */
static inline bool spec_reads(struct spec_model *m, const struct spec_target *t, unsigned int offset,
			      unsigned int size)
{
	uint64_t is = t->read(t->ctx, offset, size), should = spec_bytes(m, t->bytes, offset, size);

	if (is == should)
		return true;
	return spec_wrong("read of %u at 0x%x: 0x%llx, should be 0x%llx", size, offset, (unsigned long long)is,
			  (unsigned long long)should);
}

static inline bool spec_hardware_agrees(struct spec_model *m, const struct spec_target *t)
{
	if (!memcmp(m->real, t->hardware, t->bytes))
		return true;
	for (unsigned int i = 0; i < t->bytes; i++) {
		if ((m->real[i] ^ t->hardware[i]) & (uint8_t)~m->loose[i])
			return spec_wrong("hardware's byte 0x%x: 0x%02x, should be 0x%02x", i, t->hardware[i],
					  m->real[i]);
		m->real[i] = t->hardware[i]; /* left to the hook */
	}
	return true;
}

/* The hardware changes by itself, in bits where it may. */
static inline void spec_poke(struct spec_model *m, const struct spec_target *t, unsigned int dword, uint32_t v)
{
	for (unsigned int i = dword; i < dword + 4; i++, v >>= 8) {
		uint8_t may = (uint8_t)~(m->still[i] | m->loose[i]);

		t->hardware[i] = (uint8_t)((t->hardware[i] & ~may) | (v & may));
		m->real[i] = t->hardware[i];
	}
}

/* Bytes that do not take an access of that size there keep what they have. */
static inline void spec_write_target(struct spec_model *m, const struct spec_target *t, unsigned int offset,
				     unsigned int size, uint64_t v)
{
	bool aligned = size >= 4 && offset % size == 0;
	uint8_t value[8], real[8];

	memcpy(value, m->value + offset, size);
	memcpy(real, m->real + offset, size);
	spec_write(m, t->bytes, offset, size, v);
	for (unsigned int i = 0; i < size && !aligned; i++) {
		if (offset + i < t->dwords_from || offset + i >= t->dwords_to)
			continue;
		m->value[offset + i] = value[i];
		m->real[offset + i] = real[i];
	}
}

static inline bool spec_one_write(struct spec_model *m, const struct spec_target *t, unsigned int offset,
				  unsigned int size, uint64_t v)
{
	unsigned int first = offset & ~3u;
	uint32_t before = spec_get(m->real, first);
	const char *wrong;
	char told[256];

	for (unsigned int i = 0; i < size && offset + i < t->bytes; i++)
		v &= ~((uint64_t)m->avoid[offset + i] << (8 * i));
	t->write(t->ctx, offset, size, v);
	spec_write_target(m, t, offset, size, v);
	wrong = t->hook ? t->hook(t->ctx, m) : NULL;
	if (wrong)
		return spec_wrong("write of %u at 0x%x, value 0x%llx: %s", size, offset, (unsigned long long)v, wrong);
	if (spec_hardware_agrees(m, t)) {
		unsigned int dword = first;

		while (dword < offset + size && dword < t->bytes && spec_reads(m, t, dword, 4))
			dword += 4;
		if (dword >= offset + size || dword >= t->bytes)
			return true;
	}
	memcpy(told, spec_complaint, sizeof(told) - 1);
	told[sizeof(told) - 1] = '\0';
	return spec_wrong("write of %u at 0x%x, value 0x%llx, hardware's dword was 0x%08x: %s", size, offset,
			  (unsigned long long)v, before, told);
}

static inline uint32_t spec_random(void)
{
	static uint32_t x = 0x2545f491;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

/* Of each size, at each place that touches the dword. */
static inline bool spec_all_writes(struct spec_model *m, const struct spec_target *t, unsigned int dword,
				   uint32_t state, uint64_t pattern)
{
	for (unsigned int size = 1; size <= 8; size *= 2) {
		for (unsigned int at = dword + 4; at-- > 0 && at + size > dword;) {
			if (t->within && at + size > t->bytes)
				continue;
			spec_poke(m, t, dword, state);
			if (!spec_one_write(m, t, at, size, pattern))
				return false;
		}
	}
	return true;
}

static inline bool spec_all_reads(struct spec_model *m, const struct spec_target *t, unsigned int dword)
{
	for (unsigned int size = 1; size <= 8; size *= 2) {
		for (unsigned int at = dword + 4; at-- > 0 && at + size > dword;) {
			if (t->within && at + size > t->bytes)
				continue;
			if (!spec_reads(m, t, at, size))
				return false;
		}
	}
	return spec_hardware_agrees(m, t); /* reading has no side effect */
}

/*
 * Everything about one dword: reads of each size and place, and every partial write, with all ones, zeros,
 * each single bit, each single bit missing, and random values, over several states of the hardware (in none
 * of which the vendor ID is all ones: that is a device that is gone). False: spec_complaint says what is wrong.
 */
static inline bool spec_check_dword(struct spec_model *m, const struct spec_target *t, unsigned int dword)
{
	uint32_t states[] = { spec_get(m->real, dword), 0x5a5a5a5a, 0xa5a5a5a5, 0xffff5aff, 0, spec_random() };

	if (m->mistake)
		return spec_wrong("the tables contradict each other at: %s", m->mistake);
	for (unsigned int s = 0; s < sizeof(states) / sizeof(states[0]); s++) {
		spec_poke(m, t, dword, states[s]);
		if (!spec_all_reads(m, t, dword))
			return false;
		if (!spec_all_writes(m, t, dword, states[s], ~0ull) || !spec_all_writes(m, t, dword, states[s], 0))
			return false;
		if (!spec_all_writes(m, t, dword, states[s], (uint64_t)spec_random() << 32 | spec_random()))
			return false;
		for (unsigned int bit = 0; bit < 32; bit++) { /* the whole dword, and its byte and word alone */
			uint64_t v = 1ull << bit;

			spec_poke(m, t, dword, states[s]);
			if (!spec_one_write(m, t, dword, 4, v) || !spec_one_write(m, t, dword, 4, ~v) ||
			    !spec_one_write(m, t, dword + bit / 8, 1, v >> (bit & ~7u)) ||
			    !spec_one_write(m, t, dword + bit / 16 * 2, 2, ~(v >> (bit & ~15u))))
				return false;
		}
	}
	spec_poke(m, t, dword, states[0]);
	return true;
}

#endif

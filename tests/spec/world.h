/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine of functions, and of each what it should be like for a guest: tables of tests/spec put together
 * (functions.h, messages.h). Used by the tests (tests/unit/test_spec_*.c) and by the mutation of the rows
 * (tests/spec/mutate.c).
 *
 * Include after cmocka.h.
 */
#ifndef TESTS_SPEC_WORLD_H
#define TESTS_SPEC_WORLD_H

#include "tests/fake/fake_vpci.h"
#include "tests/spec/pci_caps.h"
#include "tests/spec/pci_header.h"

struct subject {
	const char *name;
	u16 bdf;
	void (*build)(struct subject *s);
	void (*describe)(struct spec_model *m);
	const char *(*hook)(void *subject, const struct spec_model *m); /* after each write; NULL: nothing more */
	struct fake_fn *f;
	u8 cfg[4096], w1c[4096]; /* of the hardware, before anybody uses it */
};

static struct spec_model spec_model; /* of the subject that is looked at */
static unsigned int begun;	    /* how often a subject was shown to the guest */
static struct subject *subjects;    /* of this machine */
static unsigned int subject_count;

/* ---- pieces ---- */

/* Bytes of a structure that tell one from another, and bits that a test would miss if they were all 0. */
static inline void fill(struct fake_fn *f, unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++)
		f->cfg[i] = (u8)(0x35 + 29 * i);
}

static inline void cap(struct fake_fn *f, unsigned int offset, u8 id, unsigned int length)
{
	fake_cap(f, offset, id);
	fill(f, offset + 2, offset + length);
}

static inline void ext_cap(struct fake_fn *f, unsigned int offset, u16 id, unsigned int length)
{
	fake_ext_cap(f, offset, id, 1);
	fill(f, offset + 4, offset + length);
}

static inline void express(struct fake_fn *f, unsigned int offset, unsigned int version, unsigned int type)
{
	fake_express(f, offset, (u8)type);
	fake_set(f, offset + 0x02, 2, version | type << 4 | 0x100, 0, 0);
	fake_set(f, offset + 0x04, 4, 0x00008021, 0, 0); /* no FLR, extended tags, 256 bytes payload */
}

/* A register for an address (7.5.1.2.1): `size` bytes, the low bits wired. */
static inline void describe_bar(struct spec_model *m, unsigned int offset, unsigned int size, u32 flags)
{
	unsigned int low = 0;

	while (size >> low > 1)
		low++;
	for (unsigned int bit = 0; bit < low; bit++) {
		struct spec_field f = { offset, bit, bit, flags >> bit & 1 ? SPEC_ONE : SPEC_ZERO, "BAR, wired" };

		spec_add_field(m, 0, &f);
	}
	spec_add_field(m, 0, &(struct spec_field){ offset, 31, low, SPEC_OWN, "BAR, address", SPEC_STILL });
}

static inline void describe_header(struct spec_model *m, u8 first_cap)
{
	spec_add(m, 0, &spec_common);
	spec_constant(m, 0x34, 1, first_cap);
}

/* A capability as the guest finds it: ID and next pointer. */
static inline void describe_cap(struct spec_model *m, unsigned int offset, u8 id, u8 next,
				const struct spec_table *t)
{
	spec_constant(m, offset, 2, id | (u32)next << 8);
	spec_add(m, offset, t);
}

static inline void describe_ext_cap(struct spec_model *m, unsigned int offset, u16 id, unsigned int next,
				    const struct spec_table *t)
{
	spec_constant(m, offset, 4, id | 1u << 16 | next << 20);
	spec_add(m, offset, t);
}

/* ---- the machine ---- */

static inline void spec_build(struct subject *list, unsigned int count)
{
	subjects = list;
	subject_count = count;
	if (!pool)
		pool = aligned_alloc(SIZE_2M, POOL_SIZE);
	pages_init(virt_to_phys(pool), POOL_SIZE);
	mappings = 0;
	memset(ports, 0, sizeof(ports));
	fake_machine_reset();
	for (unsigned int i = 0; i < subject_count; i++) {
		struct subject *s = &subjects[i];

		s->build(s);
		memcpy(s->cfg, s->f->cfg, sizeof(s->cfg));
		memcpy(s->w1c, s->f->w1c, sizeof(s->w1c));
	}
	assert_int_equal(pci_objects_init(32), 0);
	assert_int_equal(pci_enumerate(), subject_count);
	assert_int_equal(vpci_init(&vm, &test_platform, 8), 0);
	fake.bad_accesses = 0;
	fake_remap_begin(true);
}

static inline int spec_teardown(void **state)
{
	(void)state;
	free(pool);
	pool = NULL;
	assert_int_equal(fake.bad_accesses, 0);
	assert_null(broken);
	assert_null(fake_remap.misuse);
	return 0;
}

static inline u64 subject_read(void *ctx, unsigned int offset, unsigned int size)
{
	return rd(((struct subject *)ctx)->bdf, offset, size);
}

static inline void subject_write(void *ctx, unsigned int offset, unsigned int size, u64 value)
{
	wr(((struct subject *)ctx)->bdf, offset, size, value);
}

/* Other values of what the guest's own bits begin with, in that dword. */
static inline void subject_invert(struct subject *s, unsigned int dword)
{
	for (unsigned int i = dword; i < dword + 4; i++)
		s->f->cfg[i] ^= (u8)(spec_model.own[i] & ~spec_model.still[i]);
}

#define NO_DWORD 0xffffffffu

/*
 * Hardware as it was, the guest's view anew, the model with it. The hardware takes every write.
 * `inverted`: a dword whose own bits begin otherwise, or NO_DWORD.
 */
static inline bool subject_begin(struct subject *s, struct spec_target *t, unsigned int inverted)
{
	struct pci_dev *dev = device(s->bdf);
	static u8 before[4096];

	for (unsigned int i = 0; i < subject_count; i++) {
		struct pci_dev *d = device(subjects[i].bdf);

		if (vpci_attached(d, NULL) && (vpci_withdraw_start(d) || vpci_detach(d)))
			return spec_wrong("%s cannot be taken away", subjects[i].name);
	}
	if (fake_entries_used())
		return spec_wrong("entries are not given back");
	atomic_store(&dev->flags, 0);
	memcpy(s->f->cfg, s->cfg, sizeof(s->cfg));
	memcpy(s->f->w1c, s->w1c, sizeof(s->w1c));
	memset(&spec_model, 0, sizeof(spec_model));
	s->describe(&spec_model);
	for (unsigned int i = 0; i < sizeof(s->cfg); i++) {
		s->f->w1c[i] |= spec_model.w1c[i];
		s->f->rw[i] = (u8)~(s->f->w1c[i] | spec_model.wired[i]);
	}
	if (inverted != NO_DWORD)
		subject_invert(s, inverted);
	memcpy(before, s->f->cfg, sizeof(before));
	begun++;
	if (vpci_attach(dev))
		return spec_wrong("cannot be attached");
	for (unsigned int i = 0; i < sizeof(s->cfg); i++) {
		if ((s->f->cfg[i] ^ before[i]) & (u8)~spec_model.loose[i])
			return spec_wrong("to show it has changed the hardware's byte 0x%x", i);
	}
	spec_begin(&spec_model, s->f->cfg);
	*t = (struct spec_target){ .ctx = s,
				   .read = subject_read,
				   .write = subject_write,
				   .hardware = s->f->cfg,
				   .bytes = s->f->size,
				   .hook = s->hook };
	return true;
}

static inline bool subject_check(struct subject *s, unsigned int dword)
{
	struct spec_target t;

	if (!subject_begin(s, &t, NO_DWORD) || !spec_check_dword(&spec_model, &t, dword))
		return false;
	if (!spec_get(spec_model.own, dword))
		return true;
	return subject_begin(s, &t, dword) && spec_all_reads(&spec_model, &t, dword);
}

/* Where something stands in the device's space; the rest of the extended space is sampled. */
static inline bool subject_worth_checking(const struct subject *s, unsigned int dword)
{
	return dword < 0x320 ? dword < s->f->size : dword < s->f->size && (dword % 0x170 == 0 || dword == 0xffc);
}

#endif

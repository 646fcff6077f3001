/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fake machine's configuration space, behind pci_cfg_register(). Each function has 4 KiB of bytes with
 * masks for what sticks (rw) and what writing 1 clears (w1c), so sizing BARs, error bits and read-only
 * registers behave as the specification says. A function answers only if its bus is a root bus or bridges
 * lead to it, by the bus numbers that those hold now. Functions can vanish, and reset.
 *
 * Written from the specifications with numbers of its own: it shares no table with the code under test.
 */
#ifndef TESTS_FAKE_PCI_H
#define TESTS_FAKE_PCI_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/pci/pci.h"

#define FAKE_FUNCTIONS 600

struct fake_fn {
	struct sbdf sbdf;
	bool vanished;
	unsigned int size; /* 256 or 4096 */
	u8 cfg[4096], rw[4096], w1c[4096];
	unsigned int last_cap, last_ext_cap;
	unsigned int express; /* offset of the PCI Express capability; its FLR works */
	unsigned int af;
	unsigned int vanish_after_reads; /* 0: stays */
	unsigned int resets;
	unsigned int moved_while_decoding; /* address registers that changed under an enabled decoder */
	unsigned long reads, writes;
	unsigned int last_write_offset, last_write_size; /* the access as it arrived */
	u32 last_write_value;
	unsigned int last_read_offset, last_read_size;
};

static struct fake_machine {
	struct fake_fn *fn[FAKE_FUNCTIONS];
	unsigned int count;
	bool root[256]; /* of segment 0; bus 0 always */
	bool extended;	/* offsets above 255 can be reached */
	unsigned long bad_accesses; /* of a size or alignment that no bus carries */
	/* A test's own model; each may be NULL. */
	void (*attempt)(struct sbdf sbdf, bool write); /* before any access, whether or not somebody answers */
	bool (*silent)(const struct fake_fn *f);       /* it is there, but does not answer now */
	void (*wrote)(struct fake_fn *f, unsigned int offset, unsigned int size, u32 value); /* it has taken effect */
} fake;

/* ---- little-endian registers ---- */

static inline u32 fake_get(const u8 *bytes, unsigned int offset, unsigned int size)
{
	u32 value = 0;

	for (unsigned int i = 0; i < size; i++)
		value |= (u32)bytes[offset + i] << (8 * i);
	return value;
}

static inline void fake_put(u8 *bytes, unsigned int offset, unsigned int size, u32 value)
{
	for (unsigned int i = 0; i < size; i++)
		bytes[offset + i] = (u8)(value >> (8 * i));
}

/* What the hardware's register holds; and setting it with the bits that writes may change. */
static inline u32 fake_reg(const struct fake_fn *f, unsigned int offset, unsigned int size)
{
	return fake_get(f->cfg, offset, size);
}

static inline void fake_set(struct fake_fn *f, unsigned int offset, unsigned int size, u32 value, u32 rw,
			    u32 w1c)
{
	fake_put(f->cfg, offset, size, value);
	fake_put(f->rw, offset, size, rw);
	fake_put(f->w1c, offset, size, w1c);
}

/* ---- who answers ---- */

static inline bool fake_bus_reachable(u16 segment, unsigned int bus, unsigned int depth)
{
	if ((segment == 0 && fake.root[bus]) || bus == 0)
		return true;
	for (unsigned int i = 0; i < fake.count && depth; i++) {
		const struct fake_fn *f = fake.fn[i];

		if (f->vanished || f->sbdf.segment != segment || (f->cfg[0x0e] & 0x7f) != 1 ||
		    f->cfg[0x19] != bus)
			continue;
		if (PCI_BUS(f->sbdf.bdf) != bus &&
		    fake_bus_reachable(segment, PCI_BUS(f->sbdf.bdf), depth - 1))
			return true;
	}
	return false;
}

static inline struct fake_fn *fake_find(u16 segment, u16 bdf)
{
	for (unsigned int i = 0; i < fake.count; i++) {
		if (fake.fn[i]->sbdf.segment == segment && fake.fn[i]->sbdf.bdf == bdf)
			return fake.fn[i];
	}
	return NULL;
}

static inline struct fake_fn *fake_answering(struct sbdf sbdf, unsigned int offset)
{
	struct fake_fn *f = fake_find(sbdf.segment, sbdf.bdf);

	if (!f || f->vanished || offset >= f->size || (fake.silent && fake.silent(f)) ||
	    !fake_bus_reachable(sbdf.segment, PCI_BUS(sbdf.bdf), 16))
		return NULL;
	return f;
}

static inline u32 fake_ones(unsigned int size)
{
	return size == 4 ? 0xffffffffu : (1u << (8 * size)) - 1;
}

static inline void fake_check_access(unsigned int offset, unsigned int size)
{
	if ((size != 1 && size != 2 && size != 4) || offset % size || offset >= 4096)
		fake.bad_accesses++;
}

static inline u32 fake_read(void *ctx, struct sbdf sbdf, unsigned int offset, unsigned int size)
{
	struct fake_fn *f;

	(void)ctx;
	if (fake.attempt)
		fake.attempt(sbdf, false);
	f = fake_answering(sbdf, offset);
	fake_check_access(offset, size);
	if (!f)
		return fake_ones(size);
	f->reads++;
	f->last_read_offset = offset;
	f->last_read_size = size;
	if (f->vanish_after_reads && !--f->vanish_after_reads)
		f->vanished = true;
	return fake_reg(f, offset, size);
}

/* What a function level reset does to configuration space: everything that software may set is 0 again. */
static inline void fake_fn_reset(struct fake_fn *f)
{
	for (unsigned int i = 0; i < sizeof(f->cfg); i++)
		f->cfg[i] &= (u8)~(f->rw[i] | f->w1c[i]);
	f->resets++;
}

static inline void fake_write(void *ctx, struct sbdf sbdf, unsigned int offset, unsigned int size, u32 value)
{
	struct fake_fn *f;

	(void)ctx;
	if (fake.attempt)
		fake.attempt(sbdf, true);
	f = fake_answering(sbdf, offset);
	fake_check_access(offset, size);
	if (!f)
		return;
	f->writes++;
	f->last_write_offset = offset;
	f->last_write_size = size;
	f->last_write_value = value;
	if (offset >= 0x10 && offset < (f->cfg[0x0e] & 1 ? 0x18u : 0x28u) && (f->cfg[0x04] & 3) &&
	    ((fake_reg(f, offset, size) ^ value) & fake_get(f->rw, offset, size)))
		f->moved_while_decoding++;
	for (unsigned int i = 0; i < size; i++) {
		u8 byte = (u8)(value >> (8 * i)), rw = f->rw[offset + i];
		u8 *cell = &f->cfg[offset + i];

		/* A thread that plays the device may be reading it. */
		__atomic_store_n(cell, (u8)((*cell & ~rw & ~(f->w1c[offset + i] & byte)) | (byte & rw)), __ATOMIC_RELAXED);
		if (f->express && offset + i == f->express + 9 && (byte & 0x80) &&
		    (f->cfg[f->express + 7] & 0x10))
			fake_fn_reset(f);
		if (f->af && offset + i == f->af + 4 && (byte & 1))
			fake_fn_reset(f);
	}
	if (fake.wrote)
		fake.wrote(f, offset, size, value);
}

static inline bool fake_reaches(void *ctx, struct sbdf sbdf, unsigned int offset)
{
	(void)ctx;
	(void)sbdf;
	return offset < (fake.extended ? 4096u : 256u);
}

/* ---- building a machine ---- */

/* An empty machine, reached through the one registered way. */
static inline void fake_machine_reset(void)
{
	static const struct pci_cfg_ops ops = { "fake", fake_read, fake_write, fake_reaches };
	static bool registered;

	for (unsigned int i = 0; i < fake.count; i++)
		free(fake.fn[i]);
	memset(&fake, 0, sizeof(fake));
	fake.extended = true;
	if (!registered && pci_cfg_register(&ops, NULL))
		abort();
	registered = true;
}

static inline struct fake_fn *fake_add(u16 bdf, u16 vendor, u16 device, u32 class_code, u8 header_type)
{
	struct fake_fn *f = calloc(1, sizeof(*f));

	if (!f || fake.count == FAKE_FUNCTIONS)
		abort();
	fake.fn[fake.count++] = f;
	f->sbdf = (struct sbdf){ 0, bdf };
	f->size = 256;
	fake_put(f->cfg, 0x00, 2, vendor);
	fake_put(f->cfg, 0x02, 2, device);
	fake_set(f, 0x04, 2, 0, 0x05ff, 0);
	fake_set(f, 0x06, 2, 0, 0, 0xf900);
	fake_put(f->cfg, 0x08, 4, class_code << 8 | 0x01);
	fake_set(f, 0x0c, 1, 0, 0xff, 0);
	fake_set(f, 0x0d, 1, 0, 0xff, 0);
	f->cfg[0x0e] = header_type;
	fake_set(f, 0x3c, 1, 11, 0xff, 0);
	f->cfg[0x3d] = 1;
	if ((header_type & 0x7f) == 0)
		fake_put(f->cfg, 0x2c, 4, 0x11001af4);
	return f;
}

/* A BAR of that size (a power of two); flags are its low bits: 1 I/O, 0 and 8 memory, 4 64-bit. */
static inline void fake_bar(struct fake_fn *f, unsigned int i, u64 size, u32 flags, u64 base)
{
	u32 wired = flags & 1 ? 3 : 15;

	fake_set(f, 0x10 + 4 * i, 4, (u32)base | flags, (u32) ~(size - 1) & ~wired, 0);
	if (!(flags & 1) && (flags & 6) == 4)
		fake_set(f, 0x14 + 4 * i, 4, (u32)(base >> 32), (u32)(~(size - 1) >> 32), 0);
}

static inline void fake_rom(struct fake_fn *f, u32 size, u32 base)
{
	unsigned int offset = (f->cfg[0x0e] & 0x7f) == 1 ? 0x38 : 0x30;

	fake_set(f, offset, 4, base, (~(size - 1) & 0xfffff800u) | 1, 0);
}

/* A PCI-PCI bridge with 64-bit prefetchable and 16-bit I/O windows, open for nothing until set. */
static inline struct fake_fn *fake_add_bridge(u16 bdf, u8 secondary, u8 subordinate)
{
	struct fake_fn *f = fake_add(bdf, 0x1b36, 0x000c, 0x060400, 1);

	fake_set(f, 0x18, 4, PCI_BUS(bdf) | (u32)secondary << 8 | (u32)subordinate << 16, 0xffffffff, 0);
	fake_set(f, 0x1c, 2, 0x00f0, 0xf0f0, 0); /* base above limit: closed */
	fake_set(f, 0x1e, 2, 0, 0, 0xf900);
	fake_set(f, 0x20, 4, 0xfe80fe70, 0xfff0fff0, 0);
	fake_set(f, 0x24, 4, 0x0001fff1, 0xfff0fff0, 0);
	fake_set(f, 0x28, 4, 0x80, 0xffffffff, 0);
	fake_set(f, 0x2c, 4, 0x80, 0xffffffff, 0);
	fake_set(f, 0x3e, 2, 0, 0x0fff, 0);
	fake_put(f->cfg, 0x04, 2, 0x0007);
	return f;
}

/* Appends a standard capability to the list; its body is 0 and read-only until the caller sets it. */
static inline unsigned int fake_cap(struct fake_fn *f, unsigned int offset, u8 id)
{
	f->cfg[f->last_cap ? f->last_cap + 1 : 0x34] = (u8)offset;
	f->cfg[0x06] |= 0x10;
	f->cfg[offset] = id;
	f->cfg[offset + 1] = 0;
	f->last_cap = offset;
	return offset;
}

/* A PCI Express capability, version 2, of that device/port type; extended space answers from now on. */
static inline unsigned int fake_express(struct fake_fn *f, unsigned int offset, u8 type)
{
	fake_cap(f, offset, 0x10);
	fake_set(f, offset + 0x02, 2, 2u | (u32)type << 4, 0, 0);
	fake_set(f, offset + 0x04, 4, 0x10008001, 0, 0); /* FLR, 256 bytes payload */
	fake_set(f, offset + 0x08, 2, 0x2810, 0x7fff, 0);
	fake_set(f, offset + 0x0a, 2, 0, 0, 0x000f);
	fake_set(f, offset + 0x0c, 4, 0x00437c11, 0, 0);
	fake_set(f, offset + 0x10, 2, 0, 0x0fdb, 0);
	fake_set(f, offset + 0x12, 2, 0x0011, 0, 0xc000);
	fake_set(f, offset + 0x24, 4, 0x0000001f, 0, 0);
	fake_set(f, offset + 0x28, 2, 0, 0x07ff, 0);
	f->express = offset;
	f->size = 4096;
	return offset;
}

static inline unsigned int fake_ext_cap(struct fake_fn *f, unsigned int offset, u16 id, u8 version)
{
	if (f->last_ext_cap)
		fake_put(f->cfg, f->last_ext_cap, 4,
			 (fake_reg(f, f->last_ext_cap, 4) & 0xfffff) | (u32)offset << 20);
	fake_put(f->cfg, offset, 4, id | (u32)version << 16);
	f->last_ext_cap = offset;
	return offset;
}

static inline void fake_vanish(struct fake_fn *f)
{
	f->vanished = true;
}

#endif

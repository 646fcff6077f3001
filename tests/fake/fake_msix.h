/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory-mapped registers of fake devices, and among them MSI-X tables that are alive: a device that wants to
 * interrupt sends what its table says, or keeps it pending (PCIe base spec 6.0, 6.1.4 and 7.7.2). Numbers of its own.
 *
 *	fake_registers(base, size)                      plain registers there; what is nowhere is a bad access
 *	fake_table(f, bdf, cap, registers, ...)         a table in them
 *	fake_fire(t, vector)                            the device wants to interrupt
 *	fake_resend(t)                                  what was pending is sent, where it now may
 */
#ifndef TESTS_FAKE_MSIX_H
#define TESTS_FAKE_MSIX_H

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/mmio.h"
#include "tests/fake/fake_pci.h"
#include "tests/fake/fake_remap.h"

#define FAKE_REGISTERS 8
#define FAKE_TABLES 4

struct fake_access {
	u64 at, value;
	unsigned int size;
	bool write;
};

struct fake_registers {
	u64 base, size;
	u8 *byte;
};

struct fake_table {
	struct fake_fn *f;
	u16 bdf;
	unsigned int cap, entries;
	struct fake_registers *r;
	u64 table, pba; /* offsets in the registers */
	unsigned int sent, blocked;
	u64 last_address; /* of a message that was sent */
	u32 last_data;
};

static struct {
	struct fake_registers registers[FAKE_REGISTERS];
	struct fake_table table[FAKE_TABLES];
	unsigned int bad;	   /* accesses to nowhere, or of an odd size */
	struct fake_access last;   /* the last one that arrived */
	unsigned int accesses;
	bool stuck;		   /* mask bits do not stay */
	bool gone;		   /* reads give all-ones, writes are lost */
	pthread_mutex_t lock;	   /* a device does one thing after the other */
} fake_mmio;

static inline u32 fake_mmio_get(const struct fake_registers *r, u64 at, unsigned int size)
{
	u32 value = 0;

	memcpy(&value, r->byte + at, size);
	return value;
}

static inline u32 fake_entry_reg(const struct fake_table *t, unsigned int vector, unsigned int offset)
{
	return fake_mmio_get(t->r, t->table + 16 * vector + offset, 4);
}

static inline bool fake_pending(const struct fake_table *t, unsigned int vector)
{
	return t->r->byte[t->pba + vector / 8] >> (vector % 8) & 1;
}

static inline void fake_set_pending(struct fake_table *t, unsigned int vector, bool on)
{
	u8 bit = (u8)(1u << (vector % 8)), *byte = &t->r->byte[t->pba + vector / 8];

	*byte = on ? *byte | bit : *byte & (u8)~bit;
}

/*
 * Message Control: enable 15, function mask 14; vector control: mask 0. A CPU may be writing the upper byte of
 * Message Control; it is seen whole, as fake_write() stores it.
 */
static inline void fake_try(struct fake_table *t, unsigned int vector)
{
	u8 control = __atomic_load_n(&t->f->cfg[t->cap + 3], __ATOMIC_RELAXED);

	if ((control & 0xc0) != 0x80 || (fake_entry_reg(t, vector, 12) & 1)) {
		fake_set_pending(t, vector, (control & 0x80) || fake_pending(t, vector));
		return;
	}
	fake_set_pending(t, vector, false);
	t->last_address = fake_entry_reg(t, vector, 0) | (u64)fake_entry_reg(t, vector, 4) << 32;
	t->last_data = fake_entry_reg(t, vector, 8);
	if (fake_message(t->bdf, t->last_address, t->last_data) == FAKE_DELIVERED)
		t->sent++;
	else
		t->blocked++;
}

static inline void fake_fire(struct fake_table *t, unsigned int vector)
{
	pthread_mutex_lock(&fake_mmio.lock);
	fake_try(t, vector);
	pthread_mutex_unlock(&fake_mmio.lock);
}

static inline void fake_resend(struct fake_table *t)
{
	pthread_mutex_lock(&fake_mmio.lock);
	for (unsigned int i = 0; i < t->entries; i++) {
		if (fake_pending(t, i))
			fake_try(t, i);
	}
	pthread_mutex_unlock(&fake_mmio.lock);
}

static inline struct fake_registers *fake_registers_at(u64 address, unsigned int size)
{
	for (unsigned int i = 0; i < FAKE_REGISTERS; i++) {
		struct fake_registers *r = &fake_mmio.registers[i];

		if (r->size && address - r->base < r->size && size <= r->size - (address - r->base))
			return r;
	}
	return NULL;
}

static inline bool fake_mmio_access(u64 address, unsigned int size, bool write, u64 *value)
{
	struct fake_registers *r = fake_registers_at(address, size);

	if (!r) {
		if (address >> 40 || address < 0x80000000 || address >= 0xb000000000)
			return false; /* the test's own memory */
		fake_mmio.bad++;
		*value = ~(u64)0;
		return true;
	}
	fake_mmio.bad += address % size != 0;
	fake_mmio.accesses++;
	fake_mmio.last = (struct fake_access){ address, write ? *value : 0, size, write };
	if (fake_mmio.gone) {
		*value = ~(u64)0;
		return true;
	}
	if (!write) {
		*value = 0;
		memcpy(value, r->byte + (address - r->base), size);
		return true;
	}
	for (unsigned int i = 0; i < FAKE_TABLES; i++) {
		struct fake_table *t = &fake_mmio.table[i];
		u64 at = address - r->base - t->pba;

		if (t->r == r && at < (t->entries + 63) / 64 * 8)
			return true; /* pending bits are read-only */
	}
	memcpy(r->byte + (address - r->base), value, size);
	for (unsigned int i = 0; i < FAKE_TABLES; i++) {
		struct fake_table *t = &fake_mmio.table[i];
		u64 at = address - r->base - t->table;

		if (t->r != r || at >= 16 * t->entries)
			continue;
		if (fake_mmio.stuck)
			r->byte[t->table + at / 16 * 16 + 12] &= (u8)~1u;
		if (fake_pending(t, (unsigned int)(at / 16)))
			fake_try(t, (unsigned int)(at / 16));
	}
	return true;
}

static inline bool fake_mmio_read(const volatile void *addr, unsigned int size, u64 *value)
{
	bool answered;

	pthread_mutex_lock(&fake_mmio.lock);
	answered = fake_mmio_access((u64)(uintptr_t)addr, size, false, value);
	pthread_mutex_unlock(&fake_mmio.lock);
	return answered;
}

static inline bool fake_mmio_write(volatile void *addr, unsigned int size, u64 value)
{
	bool answered;

	pthread_mutex_lock(&fake_mmio.lock);
	answered = fake_mmio_access((u64)(uintptr_t)addr, size, true, &value);
	pthread_mutex_unlock(&fake_mmio.lock);
	return answered;
}

static inline void fake_mmio_begin(void)
{
	for (unsigned int i = 0; i < FAKE_REGISTERS; i++)
		free(fake_mmio.registers[i].byte);
	memset(&fake_mmio, 0, sizeof(fake_mmio));
	pthread_mutex_init(&fake_mmio.lock, NULL);
	host_mmio_read = fake_mmio_read;
	host_mmio_write = fake_mmio_write;
}

static inline struct fake_registers *fake_registers(u64 base, u64 size)
{
	for (unsigned int i = 0; i < FAKE_REGISTERS; i++) {
		struct fake_registers *r = &fake_mmio.registers[i];

		if (r->size)
			continue;
		*r = (struct fake_registers){ base, size, calloc(1, size) };
		return r->byte ? r : NULL;
	}
	return NULL;
}

/* As after a reset: all masked; or as firmware may leave it. */
static inline void fake_table_fill(struct fake_table *t, u64 address, u32 data, u32 control)
{
	for (unsigned int i = 0; i < t->entries; i++) {
		u32 reg[4] = { (u32)address, (u32)(address >> 32), data, control };

		memcpy(t->r->byte + t->table + 16 * i, reg, sizeof(reg));
	}
}

/*
 * The capability at `cap`, with the table at that offset of that BAR, whose registers are r. The pending bits are in
 * r too (where the capability says they are, nobody but a guest's software asks).
 */
static inline struct fake_table *fake_table(struct fake_fn *f, u16 bdf, unsigned int cap, unsigned int entries,
					    struct fake_registers *r, u32 table, u32 bar, u32 pba)
{
	for (unsigned int i = 0; i < FAKE_TABLES; i++) {
		struct fake_table *t = &fake_mmio.table[i];

		if (t->f)
			continue;
		*t = (struct fake_table){ .f = f, .bdf = bdf, .cap = cap, .entries = entries, .r = r,
					  .table = table, .pba = pba };
		fake_set(f, cap + 2, 2, entries - 1, 0xc000, 0);
		fake_set(f, cap + 4, 4, table | bar, 0, 0);
		fake_table_fill(t, 0, 0, 1);
		return t;
	}
	return NULL;
}

#endif

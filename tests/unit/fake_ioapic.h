/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O APICs on the bus, as the 82093AA datasheet (3.0, 3.2) and the ICH9's (13.5) describe them, with pins that devices drive, the
 * message that each raises (VT-d specification 4.1, 5.1.5.1 and 5.1.2), and a local APIC that takes it. Written without the headers of
 * arch/x86. Included by one test program each.
 */
#ifndef TESTS_FAKE_IOAPIC_H
#define TESTS_FAKE_IOAPIC_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/log.h"
#include "core/mmio.h"
#include "tests/unit/fake_intr.h"

/* An entry's lower half */
#define STATUS (1u << 12)
#define ACTIVE_LOW (1u << 13)
#define REMOTE_IRR (1u << 14)
#define LEVEL (1u << 15)
#define MASKED (1u << 16)
#define LOGICAL (1u << 11)
#define MODE(m) ((u32)(m) << 8)
enum { FIXED, LOWEST, SMI, RESERVED, NMI, INIT, RESERVED_TOO, EXTINT };
#define TO(destination) ((u32)(destination) << 24) /* upper half */

#define CHIPS 3
static struct chip {
	paddr_t base; /* 0: not there */
	u32 id, version;
	unsigned int pins;
	u8 select;
	u32 low[240], high[240];
	bool asserted[240]; /* by a device, whatever the polarity */
	unsigned int reads, writes, eois;
	u8 last_eoi;
} chips[CHIPS];
static pthread_mutex_t chip_mutex; /* recursive: an EOI raises the next */

/* What the local APIC has got. */
struct delivery {
	u8 vector;
	u32 destination;
	bool logical, lowest, level;
};
static struct delivery last;
static _Atomic unsigned int delivered, blocked, wrong_trigger, odd; /* odd: SMI, INIT and the like left the chip */
static _Atomic unsigned int vectors[256];

static void take(const struct delivery *d)
{
	last = *d;
	vectors[d->vector]++;
	delivered++;
}

/* A message of the entry goes out. True: somebody accepts it. */
static bool send(struct chip *c, unsigned int n)
{
	u32 low = c->low[n], high = c->high[n];
	bool level = low & LEVEL;

	if (high >> 16 & 1) { /* bit 48: remappable */
		struct fake_entry e = fake_intr_look((high >> 17) | (low & LOGICAL ? 0x8000 : 0));

		if (!fake_intr.remapped || !e.present || (low & MODE(7))) {
			blocked++;
			return false;
		}
		if (e.target.level != level)
			wrong_trigger++;
		take(&(struct delivery){ e.target.vector, e.target.destination, e.target.logical, e.target.lowest, e.target.level });
		return true;
	}
	if (fake_intr.remapped) {
		blocked++; /* compatibility format */
		return false;
	}
	if ((low >> 8 & 7) > LOWEST)
		odd++;
	take(&(struct delivery){ (u8)low, high >> 24, low & LOGICAL, (low >> 8 & 7) == LOWEST, level });
	return true;
}

static void evaluate(struct chip *c, unsigned int n)
{
	if ((c->low[n] & (MASKED | LEVEL | REMOTE_IRR)) == LEVEL && c->asserted[n] && send(c, n))
		c->low[n] |= REMOTE_IRR;
}

static void chip_eoi(struct chip *c, u8 vector)
{
	pthread_mutex_lock(&chip_mutex);
	for (unsigned int n = 0; n < c->pins; n++) {
		if ((c->low[n] & 0xff) == vector && (c->low[n] & LEVEL)) {
			c->low[n] &= ~REMOTE_IRR;
			evaluate(c, n);
		}
	}
	pthread_mutex_unlock(&chip_mutex);
}

/* The CPU's EOI of a level-triggered interrupt: broadcast to all, no exit. */
static UNUSED void cpu_eoi(u8 vector)
{
	for (unsigned int i = 0; i < CHIPS; i++)
		chip_eoi(&chips[i], vector);
}

/* A device drives its pin. Edges on a masked pin are ignored. */
static UNUSED void pin(unsigned int chip, unsigned int n, bool assert)
{
	struct chip *c = &chips[chip];

	pthread_mutex_lock(&chip_mutex);
	if (assert && !c->asserted[n] && !(c->low[n] & (MASKED | LEVEL)))
		(void)send(c, n);
	c->asserted[n] = assert;
	evaluate(c, n);
	pthread_mutex_unlock(&chip_mutex);
}

static UNUSED void edge(unsigned int chip, unsigned int n)
{
	pin(chip, n, true);
	pin(chip, n, false);
}

static struct chip *chip_at(paddr_t pa)
{
	for (unsigned int i = 0; i < CHIPS; i++) {
		if (chips[i].base && pa - chips[i].base < 0x100)
			return &chips[i];
	}
	return NULL;
}

static bool chip_read(const volatile void *addr, unsigned int size, u64 *value)
{
	paddr_t pa = virt_to_phys(addr);
	struct chip *c = chip_at(pa);
	unsigned int n;

	if (!c)
		return pa - 0xfec00000u < 0x100000 ? *value = ~0ull, true : false; /* nothing answers */
	assert_int_equal(size, 4);
	assert_int_equal(pa - c->base, 0x10);
	pthread_mutex_lock(&chip_mutex);
	c->reads++;
	n = (c->select - 0x10u) / 2;
	*value = 0;
	if (c->select == 0)
		*value = c->id;
	else if (c->select == 1)
		*value = c->version;
	else if (c->select >= 0x10 && n < c->pins)
		*value = c->select & 1 ? c->high[n] : c->low[n];
	else
		fail_msg("read of register 0x%x", c->select);
	pthread_mutex_unlock(&chip_mutex);
	return true;
}

static void write_rte(struct chip *c, unsigned int n, bool upper, u32 value)
{
	if (upper) {
		c->high[n] = value;
		return;
	}
	assert_int_equal(value & ~0x1ffffu, 0); /* reserved */
	c->low[n] = (value & ~(STATUS | REMOTE_IRR)) | (c->low[n] & (STATUS | REMOTE_IRR));
	if (!(value & LEVEL))
		c->low[n] &= ~REMOTE_IRR; /* undefined by the datasheet; Linux relies on it */
	evaluate(c, n);
}

static bool chip_write(volatile void *addr, unsigned int size, u64 value)
{
	paddr_t pa = virt_to_phys(addr);
	struct chip *c = chip_at(pa);

	if (!c)
		return pa - 0xfec00000u < 0x100000;
	assert_int_equal(size, 4);
	pthread_mutex_lock(&chip_mutex);
	if (pa - c->base == 0x00) {
		assert_true(value <= 0xff);
		c->select = (u8)value;
	} else if (pa - c->base == 0x10) {
		c->writes++;
		assert_true(c->select >= 0x10 && (c->select - 0x10u) / 2 < c->pins);
		write_rte(c, (c->select - 0x10u) / 2, c->select & 1, (u32)value);
	} else if (pa - c->base == 0x40) {
		assert_true(value <= 0xff);
		c->eois++;
		c->last_eoi = (u8)value;
		chip_eoi(c, (u8)value);
	} else {
		fail_msg("write to +0x%llx", (unsigned long long)(pa - c->base));
	}
	pthread_mutex_unlock(&chip_mutex);
	return true;
}

static UNUSED void chips_reset(void)
{
	static bool once;

	if (!once) {
		pthread_mutexattr_t attr;

		pthread_mutexattr_init(&attr);
		pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
		pthread_mutex_init(&chip_mutex, &attr);
		once = true;
	}
	memset(chips, 0, sizeof(chips));
	memset((void *)vectors, 0, sizeof(vectors));
	delivered = blocked = wrong_trigger = odd = 0;
	host_mmio_read = chip_read;
	host_mmio_write = chip_write;
}

/* With what firmware might have left: an 8259 behind pin 0, a level-triggered pin, an SMI. */
static UNUSED void chip_add(unsigned int i, paddr_t base, unsigned int pins, u8 version)
{
	struct chip *c = &chips[i];

	*c = (struct chip){ .base = base, .pins = pins, .version = (pins - 1) << 16 | 0x8000 | version };
	c->id = 0x02000000;
	for (unsigned int n = 0; n < pins; n++) {
		c->low[n] = MASKED;
		c->high[n] = 0;
	}
	c->low[0] = MODE(EXTINT);
	c->low[5] = LEVEL | ACTIVE_LOW | 0x55;
	c->low[7] = MODE(SMI);
	c->high[5] = TO(0xff);
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who answers which trapped port. One byte a port names its claim, so a dispatch is one load; the permission map that the
 * hardware reads is changed in the same place, so the two cannot disagree.
 *
 * A claim may be released while another CPU is on its way to its handler: who dispatches takes a copy. The handler may
 * so be called once more, just after the release; it finds the ports as an access a moment before would have.
 */
#include "arch/x86/pio.h"

#include "arch/x86/cpu.h"
#include "core/errno.h"
#include "core/lock.h"

#define PORTS 0x10000u
#define CLAIMS_MAX 128u

struct claim {
	u16 first, count; /* count 0: free */
	pio_fn fn;
	void *ctx;
	const char *name;
};

/* An access at FFFFh may run past the last port: its bits stand in the third page, and such an access always exits. */
u8 pio_bitmap[12288] ALIGNED(4096) = { [PORTS / 8] = 0x07 };

static LOCK_CLASS(ports_class, "ports");
static struct spinlock ports_lock LEAF_LOCK = SPINLOCK_INIT(ports_class);
static struct claim claims[CLAIMS_MAX] GUARDED_BY(ports_lock); /* number 0 is never used */
static u8 claim_of_port[PORTS] GUARDED_BY(ports_lock);

static void set_range(u16 first, u16 count, u8 claim) REQUIRES(ports_lock)
{
	for (u32 port = first; port < (u32)first + count; port++) {
		claim_of_port[port] = claim;
		if (claim)
			pio_bitmap[port / 8] |= (u8)(1u << port % 8);
		else
			pio_bitmap[port / 8] &= (u8)~(1u << port % 8);
	}
}

static int claim_range(u16 first, u16 count, pio_fn fn, void *ctx, const char *name) REQUIRES(ports_lock)
{
	u8 number = 0;

	for (u32 port = first; port < (u32)first + count; port++) {
		if (claim_of_port[port])
			return -EEXIST;
	}
	for (u8 i = 1; i < CLAIMS_MAX && !number; i++) {
		if (!claims[i].count)
			number = i;
	}
	if (!number)
		return -ENOSPC;
	claims[number] = (struct claim){ first, count, fn, ctx, name };
	set_range(first, count, number);
	return 0;
}

int pio_claim(u16 first, u16 count, pio_fn fn, void *ctx, const char *name)
{
	int ret;

	if (!count || (u32)first + count > PORTS)
		return -EINVAL;
	spin_lock(&ports_lock);
	ret = claim_range(first, count, fn, ctx, name);
	spin_unlock(&ports_lock);
	return ret;
}

/* A copy of the port's claim; fn is NULL: it has none. */
static struct claim claim_of(u16 port)
{
	struct claim c;

	spin_lock(&ports_lock);
	c = claims[claim_of_port[port]];
	spin_unlock(&ports_lock);
	return c;
}

bool pio_claimed_by(u16 port, pio_fn fn)
{
	struct claim c = claim_of(port);

	return c.fn && c.fn == fn;
}

static int release(u16 first) REQUIRES(ports_lock)
{
	u8 number = claim_of_port[first];
	struct claim *c = &claims[number];

	if (!number || c->first != first)
		return -ENOENT;
	set_range(first, c->count, 0);
	*c = (struct claim){ 0 };
	return 0;
}

int pio_release(u16 first)
{
	int ret;

	spin_lock(&ports_lock);
	ret = release(first);
	spin_unlock(&ports_lock);
	return ret;
}

/* One byte of an access that is not all one claim's. Ports that nobody claimed pass, so this byte of it does, too. */
static void access_byte(u16 port, bool write, u32 *value)
{
	struct claim c = claim_of(port);

	if (c.fn)
		c.fn(c.ctx, port, 1, write, value);
	else if (write)
		outb(port, (u8)*value);
	else
		*value = inb(port);
}

void pio_access(u16 port, unsigned int size, bool write, u32 *value)
{
	struct claim c = claim_of(port);
	u32 result = 0;

	if (c.fn && (u32)port + size <= (u32)c.first + c.count) {
		c.fn(c.ctx, port, size, write, value);
		return;
	}
	for (unsigned int i = 0; i < size; i++) {
		u32 byte = write ? *value >> (8 * i) & 0xff : 0xff;

		if ((u32)port + i < PORTS)
			access_byte((u16)(port + i), write, &byte);
		result |= (byte & 0xff) << (8 * i);
	}
	if (!write)
		*value = result;
}

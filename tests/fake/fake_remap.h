/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fake interrupt-remapping unit: what becomes of a message that a device sends. Written from Intel's VT-d
 * specification (rev. 4.1), 5.1, with constants of its own. It caches entries until they are invalidated,
 * as hardware may (6.5.5), and it blocks what emulators let through: messages in compatibility format.
 */
#ifndef TESTS_FAKE_REMAP_H
#define TESTS_FAKE_REMAP_H

#include "core/types.h"

#define FAKE_IRTES 64u

enum fake_verdict { /* 7.1.3, table 29 */
	FAKE_DELIVERED = 0,
	FAKE_BEYOND_TABLE = 0x21,
	FAKE_NOT_PRESENT = 0x22,
	FAKE_COMPATIBILITY = 0x25,
	FAKE_WRONG_REQUESTER = 0x26,
};

struct fake_irte {
	bool present;
	u16 sid; /* source validation: this requester only */
	u8 vector;
};

static struct {
	bool on;		/* GSTS.IRES */
	bool compatibility;	/* GSTS.CFIS: compatibility format passes */
	struct fake_irte table[FAKE_IRTES], cached[FAKE_IRTES];
	bool is_cached[FAKE_IRTES];
	u8 delivered;		/* the last vector */
} remap;

/*
 * 5.1.3: the address of a remappable message has bit 4 set, 19:5 are handle 14:0, bit 2 handle 15, bit 3
 * "subhandle valid".
 */
static inline u64 fake_remappable(u16 index)
{
	return 0xfee00010u | (u64)(index & 0x7fff) << 5 | (u64)(index >> 15) << 2;
}

static inline enum fake_verdict fake_message(u16 requester, u64 address, u16 data)
{
	u32 index = (u32)(address >> 5 & 0x7fff) | (u32)(address >> 2 & 1) << 15;
	const struct fake_irte *e;

	if (!remap.on || !(address & 0x10)) {
		if (remap.on && !remap.compatibility)
			return FAKE_COMPATIBILITY;
		remap.delivered = (u8)data;
		return FAKE_DELIVERED;
	}
	index += address & 8 ? data : 0;
	if (index >= FAKE_IRTES)
		return FAKE_BEYOND_TABLE;
	if (!remap.is_cached[index]) {
		remap.cached[index] = remap.table[index];
		remap.is_cached[index] = true;
	}
	e = &remap.cached[index];
	if (!e->present)
		return FAKE_NOT_PRESENT;
	if (e->sid != requester)
		return FAKE_WRONG_REQUESTER;
	remap.delivered = e->vector;
	return FAKE_DELIVERED;
}

/* 6.5.2.7: the interrupt entry cache's invalidation of one index. */
static inline void fake_invalidate_irte(u16 index)
{
	remap.is_cached[index] = false;
}

#endif

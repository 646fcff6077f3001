/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of Fairlead's own functions, for the dump of a crash.
 *
 * The table is made by tools/gensyms.py from the linked image and linked into a second pass; it is constant
 * and needs no lock. Offsets count from the start of the image (__image_start), wherever the firmware put
 * that.
 */
#ifndef CORE_KSYMS_H
#define CORE_KSYMS_H

#include "core/types.h"

struct ksym {
	u32 offset;	/* of the function's first byte, from __image_start */
	u32 name;		/* index of the name's first byte in ksym_names */
};

extern const struct ksym ksyms[];	/* sorted by offset, each offset once */
extern const u32 ksyms_count;	/* 0 in the first pass of the link */
extern const char ksym_names[];		/* NUL-terminated names, one after the other */

/*
 * ksym_lookup - the function that an address lies in.
 * @offset: address minus __image_start, in bytes; any value is allowed
 * @delta: where the distance from the function's first byte goes, in bytes; must not be NULL
 *
 * Returns the name, which is constant; or NULL, with *delta untouched, when @offset lies before the first
 * function or the table is empty. An offset behind the last function is attributed to that one: the caller
 * checks the range of the text. Any context, no locks.
 */
const char *ksym_lookup(u64 offset, u64 *delta);

#endif

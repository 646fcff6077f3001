/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding the function that an address belongs to. It runs while Fairlead is crashing, so it reads constant
 * data only and takes no lock.
 */
#include "core/ksyms.h"

const char *ksym_lookup(u64 offset, u64 *delta)
{
	u32 low = 0;
	u32 high = ksyms_count;

	/* Entries before low start at or before the offset, entries from high on start behind it. */
	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (ksyms[middle].offset <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;

	*delta = offset - ksyms[low - 1].offset;
	return &ksym_names[ksyms[low - 1].name];
}

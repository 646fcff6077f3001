/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * First fit from below or from above. Ends are kept as last bytes, so that nothing wraps at the top of the
 * address space.
 */
#include "boot/place.h"

/* The lowest and the highest place in one range. False: it does not fit. */
static bool fit(const struct mem_range *r, const struct place_request *q, paddr_t *low, paddr_t *high)
{
	u64 first = max_u64(r->base, q->minimum);
	u64 last = min_u64(r->base + (r->size - 1), q->last);

	if (last < first || last - first < q->size - 1)
		return false;
	if (first > ~(u64)0 - (q->alignment - 1))
		return false;
	*low = ALIGN_UP(first, q->alignment);
	*high = ALIGN_DOWN(last - (q->size - 1), q->alignment);
	return *low <= *high;
}

bool place_find(const struct memmap *free, const struct place_request *request, paddr_t *base)
{
	unsigned int i;
	bool found = false;

	for (i = 0; i < free->count; i++) {
		paddr_t low, high;

		if (free->range[i].type != MEM_RAM || !fit(&free->range[i], request, &low, &high))
			continue;
		found = true;
		*base = request->high ? high : low;
		if (!request->high)
			break;
	}
	return found;
}

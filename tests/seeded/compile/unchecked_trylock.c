/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded: nobody asks whether trylock took the lock. */
#include "core/lock.h"

void seeded(void);

static LOCK_CLASS(tried_class, "tried");
static struct spinlock tried LEAF_LOCK = SPINLOCK_INIT(tried_class);
static u32 value GUARDED_BY(tried);

void seeded(void)
{
#ifdef SEEDED
	spin_trylock(&tried);
	value++;
	spin_unlock(&tried);
#else
	if (!spin_trylock(&tried))
		return;
	value++;
	spin_unlock(&tried);
#endif
}

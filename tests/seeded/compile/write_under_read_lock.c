/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded: a guarded field is written under the readers' side of a shared lock. */
#include "tests/seeded/shared_lock.h"

void seeded(void);

static struct shared_lock lock;
static u32 value GUARDED_BY(lock);

void seeded(void)
{
	u32 seen;

	shared_read_lock(&lock);
	seen = value; /* reading is what it is for */
#ifdef SEEDED
	value = seen + 1;
	shared_read_unlock(&lock);
#else
	shared_read_unlock(&lock);
	shared_write_lock(&lock);
	value = seen + 1;
	shared_write_unlock(&lock);
#endif
}

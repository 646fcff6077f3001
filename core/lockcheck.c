/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The run-time lock checker: see the header. Empty in release builds.
 */
#include "core/lockcheck.h"

#ifdef FL_DEBUG
void lockcheck_acquire(struct spinlock *lock UNUSED, struct code_site site UNUSED, bool try UNUSED)
{
}

void lockcheck_acquired(struct spinlock *lock UNUSED, bool waited UNUSED)
{
}

void lockcheck_release(struct spinlock *lock UNUSED)
{
}
#endif

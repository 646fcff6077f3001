/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A lock that readers share, as far as the compiler's analysis needs one. Fairlead has none (docs/design/locks.md says why);
 * should it get one, this shows that a write under the readers' side is found.
 */
#ifndef TESTS_SEEDED_SHARED_LOCK_H
#define TESTS_SEEDED_SHARED_LOCK_H

#include "core/lock.h"

#define ACQUIRES_SHARED(...) THREAD_ATTR(acquire_shared_capability(__VA_ARGS__))
#define RELEASES_SHARED(...) THREAD_ATTR(release_shared_capability(__VA_ARGS__))

struct CAPABILITY("shared lock") shared_lock {
	_Atomic u32 word;
};

void shared_read_lock(struct shared_lock *lock) ACQUIRES_SHARED(*lock);
void shared_read_unlock(struct shared_lock *lock) RELEASES_SHARED(*lock);
void shared_write_lock(struct shared_lock *lock) ACQUIRES(*lock);
void shared_write_unlock(struct shared_lock *lock) RELEASES(*lock);

#endif

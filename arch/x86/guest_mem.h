/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's memory by guest-physical address. Every access of Fairlead to it goes through here, and the
 * guest's second-stage table decides: what the guest cannot reach, Fairlead does not reach on its behalf.
 * Unit tests supply these functions themselves.
 */
#ifndef ARCH_X86_GUEST_MEM_H
#define ARCH_X86_GUEST_MEM_H

#include "core/types.h"

/*
 * Copy n bytes (1..4096) out of, or into, the guest's RAM. Exit path.
 * -EFAULT: a byte is not mapped for the guest at all; -EACCES: it is mapped, but is no RAM (a device's register,
 * firmware's reserved memory), or without the right to do this. Nothing was copied on an error.
 */
int MUST_CHECK guest_phys_read(gpa_t gpa, void *buf, size_t n);
int MUST_CHECK guest_phys_write(gpa_t gpa, const void *buf, size_t n);
/*
 * The word at gpa, which is aligned to `size` (4 or 8 bytes), in one access: for page-table entries. Exit path. Errors as of
 * guest_phys_cmpxchg(), but for -EAGAIN.
 */
int MUST_CHECK guest_phys_load(gpa_t gpa, unsigned int size, u64 *value);
/*
 * Atomically replaces `expected` by `desired` at gpa, which is aligned to `size` (4 or 8 bytes). Exit path.
 * -EAGAIN: something else stood there; -EFAULT, -EACCES as above; -EINVAL: size or alignment.
 */
int MUST_CHECK guest_phys_cmpxchg(gpa_t gpa, unsigned int size, u64 expected, u64 desired);

#endif

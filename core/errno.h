/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Error numbers, with Linux's values (POSIX fixes the names only). Functions return them negated; 0 is
 * success. On the host the libc's own macros have the same values, hence the guards.
 */
#ifndef CORE_ERRNO_H
#define CORE_ERRNO_H

#ifdef FL_HOST
#include <errno.h>
#else
#define EPERM 1
#define ENOENT 2
#define EIO 5
#define E2BIG 7
#define EAGAIN 11
#define ENOMEM 12
#define EACCES 13
#define EFAULT 14
#define EBUSY 16
#define EEXIST 17
#define ENODEV 19
#define EINVAL 22
#define ENOSPC 28
#define ERANGE 34
#define ENOSYS 38
#define EBADMSG 74
#define EOVERFLOW 75
#define EILSEQ 84
#define EOPNOTSUPP 95
#define ETIMEDOUT 110
#define EALREADY 114
#define EINPROGRESS 115
#endif

#endif

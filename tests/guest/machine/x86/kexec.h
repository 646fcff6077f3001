/* SPDX-License-Identifier: BSD-2-Clause */
/* kexec on x86: the kernel takes the two files apart itself. */
#ifndef TESTS_GUEST_MACHINE_KEXEC_H
#define TESTS_GUEST_MACHINE_KEXEC_H

#include <sys/syscall.h>
#include <unistd.h>

#include "tests/guest/guest.h"

/* Loads the other kernel; `cmdline` ends with a NUL and has `length` bytes with it. */
static inline void load_kernel(int kernel, int initrd, const char *cmdline, size_t length)
{
	if (syscall(SYS_kexec_file_load, kernel, initrd, (unsigned long)length, cmdline, 0ul))
		fail("kexec_file_load: %s", strerror(errno));
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints the time-stamp counter. With run-qemu --icount it counts the instructions since the machine was switched on.
 */
#include <x86intrin.h>

#include "tests/guest/guest.h"

int main(void)
{
	printf("tsc=%llu\n", (unsigned long long)__rdtsc());
	return 0;
}

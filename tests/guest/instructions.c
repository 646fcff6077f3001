/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints how many instructions the machine has executed since it was switched on. For run-qemu --icount, where one takes a
 * nanosecond of the machine's own time.
 */
#include "machine.h"

int main(void)
{
	printf("instructions=%llu\n", (unsigned long long)instructions());
	return 0;
}

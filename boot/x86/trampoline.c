/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the other CPUs can begin.
 */
#include "boot/x86/trampoline.h"
#include "boot/boot_info.h"

/*
 * A SIPI names a page below 1 MiB (Intel SDM vol. 3A, 9.4.4.1). Not in the first 64 KiB, into which some
 * firmware writes at any time (Linux leaves them alone for that reason), and not in the last page below
 * 640 KiB, in whose last KiB guests look for the MP floating pointer (MultiProcessor Specification 1.4,
 * chapter 4). As low as possible then, for Linux searches everything from 512 KiB up for an iSCSI boot table.
 */
#define TRAMPOLINE_MINIMUM ((paddr_t)0x10000)
#define TRAMPOLINE_LAST ((paddr_t)0x9efff)

const struct place_request place_for_trampoline = {
	.size = TRAMPOLINE_SIZE,
	.alignment = PAGE_SIZE,
	.minimum = TRAMPOLINE_MINIMUM,
	.last = TRAMPOLINE_LAST,
};

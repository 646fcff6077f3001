/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads the guest's RAM. What this guards: an address comes from the guest, so its own second-stage table
 * decides.
 */
#include "arch/arm64/guest_mem.h"

#include "core/errno.h"
#include "core/vm.h"

int guest_read_u32(gpa_t ipa, u32 *value)
{
	unsigned int prot;
	paddr_t pa;

	if (!IS_ALIGNED(ipa, sizeof(*value)) || vm_lookup(&guest, ipa, &pa, &prot))
		return -EFAULT;
	if (!(prot & PT_READ) || (prot & PT_DEVICE))
		return -EFAULT;
	/* RAM stays mapped for as long as the guest runs: it cannot go between the look and the access. */
	guest_access_begin();
	*value = *(const volatile u32 *)phys_to_virt(pa);
	guest_access_end();
	return 0;
}

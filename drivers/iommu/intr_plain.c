/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages of devices on x86 as long as nothing remaps them: what the guest asks for is checked and goes to the
 * device as it is. Until intr.c, which brings both ways, takes its place.
 */
#include "drivers/iommu/intr.h"

/* Intel SDM vol. 3A, 11.11.1: FEEh in bits 31:20, 11:4 reserved; 11.11.2: vector 7:0, delivery mode 10:8. */
#define ADDRESS_FIXED	   0xfffffffffff00ff0ull
#define ADDRESS_BASE	   0xfee00000ull
#define DATA_VECTOR(data)  ((data) & 0xff)
#define DATA_MODE(data)	   ((data) >> 8 & 7)
#define DATA_MODE_LOWEST   1u

static int plain_alloc(struct pci_dev *dev UNUSED, unsigned int count UNUSED, u32 *first)
{
	*first = 0;
	return 0;
}

static bool plain_set(struct pci_dev *dev UNUSED, u32 entry UNUSED, const struct pci_message *guest)
{
	return !guest ||
	       ((guest->address & ADDRESS_FIXED) == ADDRESS_BASE && DATA_MODE(guest->data) <= DATA_MODE_LOWEST &&
		DATA_VECTOR(guest->data) >= APIC_VECTOR_FIRST);
}

static struct pci_message plain_program(struct pci_dev *dev UNUSED, u32 entry UNUSED, bool multiple UNUSED,
					const struct pci_message *guest)
{
	return *guest;
}

static int plain_flush(struct pci_dev *dev UNUSED, u32 first UNUSED, unsigned int count UNUSED)
{
	return 0;
}

static void plain_free(struct pci_dev *dev UNUSED, u32 first UNUSED, unsigned int count UNUSED)
{
}

static bool plain_agrees(struct pci_dev *dev UNUSED, u32 entry UNUSED, const struct pci_message *guest UNUSED)
{
	return true;
}

static const struct pci_msi_ops plain_ops = {
	.alloc = plain_alloc,
	.set = plain_set,
	.program = plain_program,
	.flush = plain_flush,
	.free = plain_free,
	.agrees = plain_agrees,
};

void intr_start(void)
{
	pci_msi_set_ops(&plain_ops);
}

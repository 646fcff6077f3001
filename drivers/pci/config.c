/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration access by address. There may be two ways to reach a register (ECAM; CF8/CFC on x86): this
 * file picks, for each access, the first registered way that reaches it. It guards that a malformed access
 * never gets to the hardware.
 */
#include "core/errno.h"
#include "drivers/pci/internal.h"
#include "drivers/pci/pci.h"

#define CFG_WAYS_MAX 2

static struct cfg_way {
	const struct pci_cfg_ops *ops;
	void *ctx;
} ways[CFG_WAYS_MAX]; /* written at boot, by one CPU; constant afterwards */
static unsigned int way_count;

int pci_cfg_register(const struct pci_cfg_ops *ops, void *ctx)
{
	if (way_count == CFG_WAYS_MAX)
		return -ENOSPC;
	ways[way_count++] = (struct cfg_way){ .ops = ops, .ctx = ctx };
	return 0;
}

static const struct cfg_way *way_to(struct sbdf sbdf, unsigned int offset)
{
	for (unsigned int i = 0; i < way_count; i++) {
		if (ways[i].ops->reaches(ways[i].ctx, sbdf, offset))
			return &ways[i];
	}
	return NULL;
}

bool pci_cfg_reaches(struct sbdf sbdf, unsigned int offset)
{
	return way_to(sbdf, offset) != NULL;
}

/* Sizes that the buses know, within one dword of a function's space. */
static bool access_is_sane(unsigned int offset, unsigned int size)
{
	return (size == 1 || size == 2 || size == 4) && offset < PCIE_CFG_SIZE && (offset & 3) + size <= 4;
}

u32 pci_all_ones(unsigned int size)
{
	return size >= 4 ? 0xffffffffu : (1u << (size * 8)) - 1;
}

u32 pci_cfg_read(struct sbdf sbdf, unsigned int offset, unsigned int size)
{
	const struct cfg_way *way = access_is_sane(offset, size) ? way_to(sbdf, offset) : NULL;

	if (!way)
		return pci_all_ones(size);
	return way->ops->read(way->ctx, sbdf, offset, size) & pci_all_ones(size);
}

void pci_cfg_write(struct sbdf sbdf, unsigned int offset, unsigned int size, u32 value)
{
	const struct cfg_way *way = access_is_sane(offset, size) ? way_to(sbdf, offset) : NULL;

	if (way)
		way->ops->write(way->ctx, sbdf, offset, size, value & pci_all_ones(size));
}

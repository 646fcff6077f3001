/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Before and after the stress run: what the machine looked like, whether it has come to rest, and whether
 * every count is back where it began.
 */
#include "core/errno.h"
#include "core/manage/manage.h"
#include "drivers/iommu/iommu.h"
#include "drivers/pci/sriov.h"
#include "tests/fake/fake_iommu.h"
#include "tests/stress/stress.h"

static unsigned int objects_left;
static struct pci_dev_info baseline[OBJECTS];
static unsigned int devices;

static unsigned int take(struct pci_dev_info *list)
{
	unsigned int n = 0;
	u32 from = 0;

	while (n < OBJECTS && pci_dev_info_next(&from, &list[n]))
		n++;
	return n;
}

void remember_baseline(void)
{
	objects_left = pci_objects_left();
	devices = take(baseline);
}

bool nothing_under_way(void)
{
	struct pci_dev_info list[OBJECTS];
	unsigned int n = take(list);

	for (unsigned int i = 0; i < n; i++) {
		if (list[i].state != PCI_LIVE || list[i].op != PCI_OP_NONE)
			return false;
	}
	return true;
}

/* Everything into quarantine, no VFs, every device there: as at the beginning. */
void put_all_back(void)
{
	struct pci_dev_info list[OBJECTS];
	unsigned int n = take(list);
	struct pci_reason why;
	u32 ticket;

	for (unsigned int i = 0; i < n; i++) {
		if (list[i].owner == PCI_OWNER_GUEST) {
			int ret = manage_deassign(list[i].sbdf, &ticket, &why);

			if (ret && ret != -EINPROGRESS)
				complain("the last deassign of " SBDF_FMT ": %d (%s)", SBDF_ARGS(list[i].sbdf), ret, why.text);
		}
		if (list[i].sbdf.bdf == PF_BDF) {
			struct pci_dev *pf = pci_dev_find(list[i].sbdf);

			if (pf) {
				(void)!pci_vfs_disable(pf, &ticket, &why);
				pci_dev_put(pf, PCI_REF_TRANSIENT);
			}
		}
	}
	if (pci_rescan() < 0)
		complain("the last rescan failed");
}

static void compare_device(const struct pci_dev_info *was, const struct pci_dev_info *is)
{
	if (was->sbdf.bdf != is->sbdf.bdf) {
		complain("device " SBDF_FMT " is missing, or " SBDF_FMT " was not there before", SBDF_ARGS(was->sbdf),
			 SBDF_ARGS(is->sbdf));
		return;
	}
	if (is->refs != was->refs)
		complain(SBDF_FMT ": %u references, %u at the beginning", SBDF_ARGS(is->sbdf), is->refs, was->refs);
	for (unsigned int kind = 0; kind < PCI_REF_KINDS; kind++) {
		if (is->refs_by_kind[kind] != was->refs_by_kind[kind])
			complain(SBDF_FMT ": %u references of kind %s, %u at the beginning", SBDF_ARGS(is->sbdf),
				 is->refs_by_kind[kind], pci_ref_kind_name((enum pci_ref_kind)kind),
				 was->refs_by_kind[kind]);
	}
	if (is->owner != was->owner || is->state != was->state)
		complain(SBDF_FMT ": owner %u, state %u", SBDF_ARGS(is->sbdf), is->owner, is->state);
	if (is->flags & PCI_FLAG_BROKEN)
		complain(SBDF_FMT " is broken", SBDF_ARGS(is->sbdf));
	if (atomic_load(&fi.entry[is->sbdf.bdf]))
		complain(SBDF_FMT " is attached to a domain", SBDF_ARGS(is->sbdf));
}

void compare_with_baseline(void)
{
	struct pci_dev_info list[OBJECTS];
	unsigned int n = take(list);

	if (n != devices)
		complain("%u devices, %u at the beginning", n, devices);
	if (pci_objects_left() != objects_left)
		complain("%u objects left in the pool, %u at the beginning", pci_objects_left(), objects_left);
	for (unsigned int i = 0; i < n && i < devices; i++)
		compare_device(&baseline[i], &list[i]);
}

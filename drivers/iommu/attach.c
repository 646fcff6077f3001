/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which devices are attached under which requester IDs. It guards that an ID translates as long as some
 * attached device needs it, and no longer: an alias of a conventional bridge is shared by all devices behind
 * it.
 *
 * Attaching and blocking wait for hardware, so no lock is held over them; they take turns, one at a time for
 * each unit, because the decision that somebody is an alias's last user has to last until the alias is
 * blocked.
 */
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/trace.h"
#include "drivers/iommu/internal.h"
#include "drivers/pci/regs.h"

#define ATTACHMENTS_MAX 4096
/* A device's 16 IDs on a unit that hangs take longer; then a second device is refused. */
#define TURN_TIMEOUT_US 4000000u

struct attachment {
	const struct iommu *iommu; /* NULL: free */
	struct sbdf sbdf;
	u16 id;
	const struct iommu_domain *domain;
};

static LOCK_CLASS(attachments_class, "iommu_attachments");
static struct spinlock attachments_lock LEAF_LOCK = SPINLOCK_INIT(attachments_class);
static struct attachment attachment[ATTACHMENTS_MAX] GUARDED_BY(attachments_lock);
static unsigned int attachments_top GUARDED_BY(attachments_lock); /* none is in use from here on */

/* ---- turns ---- */

/*
 * May one of its IDs be another device's, too? A bridge's own is what conventional devices behind it may be
 * seen as.
 */
static bool shares_ids(const struct pci_dev *dev)
{
	return dev->requester_ids > 1 || dev->header_type == PCI_HEADER_BRIDGE;
}

static int MUST_CHECK take_turn(struct iommu *iommu, const struct pci_dev *dev)
{
	u64 start = arch_time_us();

	if (!shares_ids(dev))
		return 0;
	while (atomic_exchange_explicit(&iommu->turn, true, memory_order_acquire)) {
		if (arch_time_us() - start > TURN_TIMEOUT_US) {
			log_error("iommu: unit %u: an attachment does not come to its end", iommu->index);
			return -ETIMEDOUT;
		}
		arch_cpu_relax();
	}
	return 0;
}

static void end_turn(struct iommu *iommu, const struct pci_dev *dev)
{
	if (shares_ids(dev))
		atomic_store_explicit(&iommu->turn, false, memory_order_release);
}

/* ---- who is attached under which ID ---- */

void iommu_attachments_forget(void)
{
	spin_lock(&attachments_lock);
	for (unsigned int i = 0; i < attachments_top; i++)
		attachment[i].iommu = NULL;
	attachments_top = 0;
	spin_unlock(&attachments_lock);
}

static bool is_of(const struct attachment *a, const struct pci_dev *dev)
{
	return a->sbdf.segment == dev->sbdf.segment && a->sbdf.bdf == dev->sbdf.bdf;
}

/*
 * 0: there was none, and there is one now. -EALREADY: it has it, of that domain. -EBUSY: of another domain;
 * -ENOSPC.
 */
static int MUST_CHECK record(const struct iommu *iommu, const struct pci_dev *dev, u16 id,
			     const struct iommu_domain *domain)
{
	unsigned int place = ATTACHMENTS_MAX;
	int ret = -ENOSPC;

	spin_lock(&attachments_lock);
	for (unsigned int i = 0; i < attachments_top; i++) {
		const struct attachment *a = &attachment[i];

		if (!a->iommu && place == ATTACHMENTS_MAX)
			place = i;
		if (a->iommu == iommu && a->id == id && is_of(a, dev))
			ret = a->domain == domain ? -EALREADY : -EBUSY;
	}
	if (place == ATTACHMENTS_MAX && attachments_top < ATTACHMENTS_MAX)
		place = attachments_top;
	if (ret == -ENOSPC && place != ATTACHMENTS_MAX) {
		attachment[place] = (struct attachment){ iommu, dev->sbdf, id, domain };
		attachments_top += place == attachments_top;
		ret = 0;
	}
	spin_unlock(&attachments_lock);
	return ret;
}

/* The device is no user of that ID any more. True: somebody else is. */
static bool forget(const struct iommu *iommu, const struct pci_dev *dev, u16 id)
{
	bool others = false;

	spin_lock(&attachments_lock);
	for (unsigned int i = 0; i < attachments_top; i++) {
		struct attachment *a = &attachment[i];

		if (a->iommu != iommu || a->id != id)
			continue;
		if (is_of(a, dev))
			a->iommu = NULL;
		else
			others = true;
	}
	spin_unlock(&attachments_lock);
	return others;
}

/* Who uses that ID? */
static void users_of(const struct iommu *iommu, const struct pci_dev *dev, u16 id, bool *mine, bool *others)
{
	*mine = *others = false;
	spin_lock(&attachments_lock);
	for (unsigned int i = 0; i < attachments_top; i++) {
		const struct attachment *a = &attachment[i];

		if (a->iommu == iommu && a->id == id)
			*(is_of(a, dev) ? mine : others) = true;
	}
	spin_unlock(&attachments_lock);
}

unsigned int iommu_attachments(void)
{
	unsigned int count = 0;

	spin_lock(&attachments_lock);
	for (unsigned int i = 0; i < attachments_top; i++)
		count += attachment[i].iommu != NULL;
	spin_unlock(&attachments_lock);
	return count;
}

/* ---- attach and block, in turn ---- */

/* One ID. *added: it was not attached for this device before. */
static int MUST_CHECK attach_id(struct iommu *iommu, struct pci_dev *dev, u16 id, struct iommu_domain *domain,
				bool *added)
{
	int ret = record(iommu, dev, id, domain);

	*added = !ret;
	if (ret && ret != -EALREADY)
		return ret;
	ret = iommu->ops->attach(iommu, domain, id);
	if (ret && *added) {
		*added = false; /* the backend has undone its part, or the ID is another domain's */
		(void)forget(iommu, dev, id);
	}
	return ret;
}

/* What this call has added, it takes back. False: something stays reachable. */
static bool undo(struct iommu *iommu, struct pci_dev *dev, u32 added)
{
	bool done = true;

	for (unsigned int i = 0; i < dev->requester_ids; i++) {
		u16 id = dev->requester_id[i];

		if (!(added >> i & 1) || forget(iommu, dev, id) || !iommu->ops->block(iommu, id))
			continue;
		done = false;
		log_error("iommu: " SBDF_FMT ": could not be blocked after it failed to attach",
			  SBDF_ARGS(dev->sbdf));
	}
	return done;
}

static int MUST_CHECK attach_all(struct iommu *iommu, struct pci_dev *dev, struct iommu_domain *domain)
{
	u32 flags = atomic_fetch_and(&dev->flags, ~(u32)PCI_FLAG_QUARANTINED);
	bool was_quarantined = flags & PCI_FLAG_QUARANTINED;
	u32 added = 0;
	int ret = 0;

	static_assert(PCI_REQUESTER_IDS <= 32, "a bit each");
	for (unsigned int i = 0; i < dev->requester_ids && !ret; i++) {
		bool one;

		ret = attach_id(iommu, dev, dev->requester_id[i], domain, &one);
		added |= (u32)one << i;
	}
	if (!ret) {
		iommu_ats_join(iommu, dev);
		return 0;
	}
	if (undo(iommu, dev, added) && was_quarantined)
		atomic_fetch_or(&dev->flags, PCI_FLAG_QUARANTINED);
	return ret;
}

/*
 * A device that has more requester IDs than its object can hold has none there (pci_requester_ids()): it is
 * left blocked.
 */
static int MUST_CHECK begin(struct iommu *iommu, const struct pci_dev *dev)
{
	if (!iommu)
		return -ENODEV;
	return dev->requester_ids ? take_turn(iommu, dev) : -E2BIG;
}

int iommu_attach(struct pci_dev *dev, struct iommu_domain *domain)
{
	u64 began = trace_begin(TRACE_CLASS_IOMMU);
	struct iommu *iommu = iommu_of(dev);
	int ret = begin(iommu, dev);

	if (ret)
		return ret;
	ret = attach_all(iommu, dev, domain);
	end_turn(iommu, dev);
	trace_since(TRACE_IOMMU_ATTACH, began, 0, 0, (u32)dev->sbdf.segment << 16 | dev->sbdf.bdf);
	return ret;
}

int iommu_block(struct pci_dev *dev)
{
	u64 began = trace_begin(TRACE_CLASS_IOMMU);
	struct iommu *iommu = iommu_of(dev);
	int ret = begin(iommu, dev);
	bool all = true;

	if (ret)
		return ret;
	ret = iommu_ats_leave(iommu, dev);
	for (unsigned int i = 0; i < dev->requester_ids; i++) {
		u16 id = dev->requester_id[i];
		int err = 0;

		if (forget(iommu, dev, id))
			all = false;
		else
			err = iommu->ops->block(iommu, id);
		ret = ret ? ret : err;
	}
	if (ret)
		atomic_fetch_and(&dev->flags, ~(u32)PCI_FLAG_QUARANTINED); /* nobody knows what hardware goes by */
	else if (all)
		atomic_fetch_or(&dev->flags, PCI_FLAG_QUARANTINED);
	end_turn(iommu, dev);
	trace_since(TRACE_IOMMU_BLOCK, began, 0, 0, (u32)dev->sbdf.segment << 16 | dev->sbdf.bdf);
	return ret;
}

/* ---- what the hardware's entries say ---- */

enum iommu_reach iommu_reach(struct pci_dev *dev, const struct iommu_domain *domain)
{
	struct iommu *iommu = iommu_of(dev);
	unsigned int through = 0, nothing = 0;

	if (!iommu)
		return IOMMU_REACHES_NOTHING;
	for (unsigned int i = 0; i < dev->requester_ids; i++) {
		u16 id = dev->requester_id[i], domain_id;
		bool mine, others, present;
		paddr_t root;

		users_of(iommu, dev, id, &mine, &others);
		present = iommu->ops->lookup(iommu, id, &root, &domain_id);
		if (mine && present && root == domain->root && domain_id == domain->id)
			through++;
		if (!mine && (!present || others))
			nothing++;
	}
	if (nothing == dev->requester_ids)
		return IOMMU_REACHES_NOTHING;
	return through == dev->requester_ids ? IOMMU_REACHES_DOMAIN : IOMMU_REACHES_PART;
}

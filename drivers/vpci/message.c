/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages that the guest has set up: what MSI (msi.c) and MSI-X (msix.c) share. For each message that the guest
 * has enabled there is a descriptor with an entry (drivers/pci/msi.h): with MSI, as many as the guest enabled;
 * with MSI-X, as many as the table has entries. They are there before the enable bit is set, and leave after it
 * was cleared.
 *
 * It guards that the hardware uses a changed entry only after the flush (row.h, struct vpci_flush).
 */
#include "core/errno.h"
#include "core/log.h"
#include "drivers/pci/msi.h"
#include "drivers/vpci/row.h"

/* Changes of entries so far, of all devices. 64 bits do not wrap. */
static _Atomic u64 changes;

/* ---- entries ---- */

static void note(struct vpci_flush *flush, u32 entry, u64 number)
{
	u32 first = entry, last = entry;

	if (flush->wanted) {
		first = min_u32(first, flush->first);
		last = max_u32(last, flush->first + flush->count - 1);
	}
	*flush = (struct vpci_flush){ .wanted = true, .first = first, .count = last - first + 1, .upto = number };
}

bool vpci_message_set(struct vpci_dev *v, u32 entry, const struct pci_message *asked, u64 *number)
{
	bool allowed = pci_msi_get_ops()->set(v->dev, entry, asked);

	*number = atomic_fetch_add_explicit(&changes, 1, memory_order_relaxed) + 1;
	note(&v->flush, entry, *number);
	if (!allowed && !v->refused_message_logged) {
		log_warn("vpci: " SBDF_FMT ": message 0x%llx/0x%x is not an ordinary interrupt: it is not sent",
			 SBDF_ARGS(v->dev->sbdf), (unsigned long long)asked->address, asked->data);
		v->refused_message_logged = true;
	}
	return allowed;
}

struct vpci_flush vpci_flush_take(struct vpci_dev *v)
{
	struct vpci_flush flush = v->flush;

	v->flush = (struct vpci_flush){ 0 };
	return flush;
}

static void commit(struct vpci_dev *v, const struct vpci_flush *flush) REQUIRES(pci_vpci_class)
{
	vpci_msi_commit(v, flush);
	vpci_msix_commit(v, flush);
}

void vpci_flush_finish(struct pci_dev *dev, const struct vpci_flush *flush)
{
	int ret = pci_msi_get_ops()->flush(dev, flush->first, flush->count);
	struct vpci_dev *v;

	pci_vpci_lock(dev);
	v = dev->vpci;
	/* One that is being withdrawn is silenced by another, who must not be undone. */
	if (v && !v->closing) {
		if (ret)
			vpci_msi_give_up(v, flush);
		else
			commit(v, flush);
	}
	pci_vpci_unlock(dev);
	if (ret)
		log_error("vpci: " SBDF_FMT ": interrupt entries cannot be flushed (%d): what was changed is off",
			  SBDF_ARGS(dev->sbdf), ret);
}

/* ---- descriptors ---- */

static const char *why_none(int error)
{
	switch (error) {
	case -ENOMEM:
		return "no descriptors are left";
	case -ENOSPC:
		return "no interrupt entries are left";
	case -ENODEV:
		return "nothing turns them into interrupts";
	default:
		return "what raises them cannot be checked";
	}
}

bool vpci_messages_grow(struct vpci_dev *v, bool msix, unsigned int count, u32 *first)
{
	int ret = pci_msi_grow(v->dev, msix, count, first);

	if (ret && !v->messages_logged) {
		log_warn("vpci: " SBDF_FMT ": %u %s messages stay off: %s (%d)", SBDF_ARGS(v->dev->sbdf), count,
			 msix ? "MSI-X" : "MSI", why_none(ret), ret);
		v->messages_logged = true;
	}
	return !ret;
}

void vpci_messages_retire(struct vpci_dev *v, bool msix)
{
	v->retired = pci_msi_shrink(v->dev, msix, v->retired);
	if (v->retired)
		vpci_wish(v);
}

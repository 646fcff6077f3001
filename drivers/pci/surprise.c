/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices that vanish: pulled out, or dead enough to read as all-ones.
 *
 * GONE is set at once, by whoever notices, under whatever lock; the rest is deferred. What depends on the
 * device goes first: virtual functions before their PF; functions behind a bridge are GONE with it. The
 * port's link stays disabled until the objects are reaped: a new card must not meet old holders. A device of
 * the guest's is taken from it by the hook.
 */
#include "core/errno.h"
#include "core/log.h"
#include "drivers/pci/internal.h"
#include "drivers/pci/pci.h"
#include "drivers/pci/regs.h"

/* True: we are the first to say so. */
static bool mark_gone(struct pci_dev *dev)
{
	return !(atomic_fetch_or_explicit(&dev->flags, PCI_FLAG_GONE, memory_order_acq_rel) & PCI_FLAG_GONE);
}

static bool is_behind(const struct pci_dev *dev, const struct pci_dev *bridge)
{
	/*
	 * Each has a reference on the one above; a bridge's bus number is lower than its secondary's, so this
	 * ends.
	 */
	for (const struct pci_dev *above = dev->parent; above; above = above->parent) {
		if (above == bridge)
			return true;
	}
	return false;
}

/* What is behind it is GONE too. Each dies by a work of its own: no recursion. */
static void take_along(struct pci_dev *bridge)
{
	for (struct pci_dev *dev = pci_dev_next(NULL); dev; dev = pci_dev_next(dev)) {
		if (is_behind(dev, bridge) && mark_gone(dev))
			pci_surprise_post(dev);
	}
}

/*
 * Its virtual functions are GONE with it. True: some are LIVE yet, and the last of them to die or to be
 * removed will post the PF again. Who publishes a VF, or makes one LIVE again, looks for GONE under the
 * same lock, so none can come after us.
 */
static bool waits_for_vfs(struct pci_dev *pf)
{
	bool live = false;

	pci_dev_lock(pf);
	for (struct pci_dev *vf = pf->vf_first; vf; vf = vf->vf_next) {
		bool first = mark_gone(vf);

		if (pci_dev_state(vf) != PCI_LIVE)
			continue;
		live = true;
		/* On the list it stays in memory; its count may be 0 already, if a remove has just won. */
		if (!first || !pci_ref_try(vf))
			continue;
		pci_surprise_post(vf);
		if (pci_ref_drop(vf, PCI_REF_TRANSIENT))
			work_post(&vf->release);
	}
	pci_dev_unlock(pf);
	return live;
}

/* ---- the port's link ---- */

static bool is_port(const struct pci_dev *dev)
{
	return dev && dev->is_pcie &&
	       (dev->pcie_type == PCIE_TYPE_ROOT_PORT || dev->pcie_type == PCIE_TYPE_DOWNSTREAM);
}

static void link_hold(struct pci_dev *dev)
{
	struct pci_dev *port = dev->parent;
	bool first;

	if (dev->pf || dev->holds_link || !is_port(port) || !pci_hooks_get()->link)
		return;
	dev->holds_link = true;
	pci_dev_lock(port);
	first = port->links_held++ == 0;
	pci_dev_unlock(port);
	if (first && !pci_dev_has(port, PCI_FLAG_GONE))
		pci_hooks_get()->link(port, false);
}

void pci_link_release(struct pci_dev *dev)
{
	struct pci_dev *port = dev->parent;
	bool last;

	if (!dev->holds_link)
		return;
	pci_dev_lock(port);
	last = --port->links_held == 0;
	pci_dev_unlock(port);
	if (last && !pci_dev_has(port, PCI_FLAG_GONE))
		pci_hooks_get()->link(port, true);
}

/* ---- death ---- */

void pci_pf_wake(struct pci_dev *vf)
{
	if (vf->pf && pci_dev_has(vf->pf, PCI_FLAG_GONE))
		pci_surprise_post(vf->pf);
}

/* LIVE -> DYING for the one who has claimed it (PCI_OP_SURPRISE). The reaper posts the event. */
static void die(struct pci_dev *dev)
{
	struct pci_domain *dom = pci_domain(pci_dev_owner(dev)); /* claimed: it stays */
	bool won;

	pci_domain_lock(dom);
	pci_dev_lock_with_pf(dev);
	won = pci_dev_state(dev) == PCI_LIVE;
	if (won) {
		atomic_store_explicit(&dev->state, PCI_DYING, memory_order_release);
		pci_domain_unlink(dom, dev);
	}
	pci_dev_unlock_with_pf(dev);
	pci_domain_unlock(dom);
	if (!won)
		return;
	pci_pf_wake(dev);
	pci_dev_put(dev, PCI_REF_OWNER);
	pci_dev_put(dev, PCI_REF_BASE);
}

void pci_surprise_done(struct pci_dev *dev)
{
	if (pci_dev_owner(dev) != PCI_OWNER_QUARANTINE && pci_dev_set_owner(dev, PCI_OWNER_QUARANTINE))
		log_error("pci: " SBDF_FMT " vanished and is on nobody's list", SBDF_ARGS(dev->sbdf));
	die(dev);
}

void pci_dev_surprise(struct pci_dev *dev)
{
	const struct pci_hooks *h = pci_hooks_get();
	bool waits;

	if (mark_gone(dev))
		log_warn("pci: " SBDF_FMT " vanished", SBDF_ARGS(dev->sbdf));
	/*
	 * Takes the device's lock, between the mark and the look at what is behind it: see
	 * parent_vanished().
	 */
	waits = waits_for_vfs(dev);
	take_along(dev);
	/* Its VFs' deaths come back to us; so does the end of an operation that has claimed it. */
	if (waits || pci_op_begin(dev, PCI_OP_SURPRISE, NULL, NULL))
		return;
	link_hold(dev);
	if (pci_dev_owner(dev) == PCI_OWNER_GUEST && h->surprise)
		h->surprise(dev);
	else
		die(dev);
}

static void vanished(struct work *w)
{
	struct pci_dev *dev = container_of(w, struct pci_dev, vanished);

	pci_dev_surprise(dev);
	pci_dev_put(dev, PCI_REF_WORK);
}

void pci_surprise_init(struct pci_dev *dev)
{
	work_init(&dev->vanished, vanished);
}

void pci_surprise_post(struct pci_dev *dev)
{
	/* The queue's reference comes before the post: the work may run, and put it, at once. */
	pci_dev_get(dev, PCI_REF_WORK);
	if (!work_post(&dev->vanished))
		pci_dev_put(dev, PCI_REF_WORK);
}

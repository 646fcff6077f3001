/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The release of an object whose count has reached 0. The last put may happen anywhere, so it only queues;
 * this runs as deferred work (or at the end of the remove that dropped the last reference itself), with no
 * lock held. Nobody else refers to the object but lookups that are about to notice that it is not LIVE.
 *
 * It guards that an address becomes free only when the device there is silent and its DMA is blocked. If that
 * fails, the object is kept whole.
 */
#include "core/errno.h"
#include "core/log.h"
#include "drivers/pci/internal.h"
#include "drivers/pci/pci.h"
#include "drivers/pci/regs.h"

static const struct pci_hooks no_hooks;
static const struct pci_hooks *_Atomic hooks = &no_hooks;

void pci_set_hooks(const struct pci_hooks *set)
{
	atomic_store_explicit(&hooks, set ? set : &no_hooks, memory_order_release);
}

const struct pci_hooks *pci_hooks_get(void)
{
	return atomic_load_explicit(&hooks, memory_order_acquire);
}

/* RELEASING from here on. True: it was published once, so there is a device to be silenced. */
static bool begin(struct pci_dev *dev, struct pci_event *event)
{
	bool lived;

	pci_dev_lock_with_pf(dev);
	lived = pci_dev_state(dev) != PCI_NEW;
	event->op = pci_dev_op(dev);
	event->ticket = dev->ticket;
	atomic_store_explicit(&dev->state, PCI_RELEASING, memory_order_release);
	pci_dev_unlock_with_pf(dev);
	return lived;
}

/* Bus mastering and decoding off. Host and ISA bridges are the machine itself: never touched. */
static void silence(struct pci_dev *dev)
{
	bool bridge = dev->header_type == PCI_HEADER_BRIDGE;
	u32 command;

	if (dev->header_type > PCI_HEADER_BRIDGE)
		return;
	if (PCI_BASE_CLASS(dev->class_code) == PCI_BASE_CLASS_BRIDGE && !bridge)
		return;
	pci_dev_stop_dma(dev);
	command = pci_dev_read(dev, PCI_COMMAND, 2);
	if (pci_dev_has(dev, PCI_FLAG_GONE))
		return;
	pci_dev_write(dev, PCI_COMMAND, 2, command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	(void)pci_dev_read(dev, PCI_COMMAND, 2); /* ordered behind the write: the device has seen it */
}

/* May it be LIVE? A VF of a PF that has vanished, or dies for it, may not. The caller holds both locks. */
static bool may_live(const struct pci_dev *dev)
{
	const struct pci_dev *pf = dev->pf;

	return !pf || (pci_dev_state(pf) == PCI_LIVE && !pci_dev_has(pf, PCI_FLAG_GONE));
}

/*
 * The release failed: back to quarantine as if nobody had removed it, but BROKEN; a later remove tries
 * again. A VF that went with its PF stays RELEASING, in its slot and with its PF reference: it is the next
 * remover's. Then it is not ours from the unlock on.
 */
static void keep(struct pci_dev *dev)
{
	struct pci_domain *dom = pci_domain(PCI_OWNER_QUARANTINE);

	atomic_fetch_or_explicit(&dev->flags, PCI_FLAG_BROKEN, memory_order_relaxed);
	PCI_TEST_POINT(PCI_TEST_KEEPS);
	pci_domain_lock(dom);
	pci_dev_lock_with_pf(dev);
	dev->ticket = 0;
	atomic_store_explicit(&dev->op, PCI_OP_NONE, memory_order_release);
	atomic_store_explicit(&dev->owner, PCI_OWNER_QUARANTINE, memory_order_release);
	if (may_live(dev)) {
		/*
		 * The one place where a count rises from 0: it is ours alone, and lookups still see
		 * RELEASING.
		 */
		pci_refs_init(dev);
		pci_dev_make_live(dev);
	} else {
		atomic_fetch_or_explicit(&dev->flags, PCI_FLAG_GONE | PCI_FLAG_KEPT, memory_order_release);
	}
	pci_dev_unlock_with_pf(dev);
	pci_domain_unlock(dom);
}

/* Off its PF's list. */
static void leave_pf(struct pci_dev *dev, struct pci_dev *pf)
{
	struct pci_dev *before = NULL;

	pci_dev_lock(pf);
	for (struct pci_dev *vf = pf->vf_first; vf; before = vf, vf = vf->vf_next) {
		if (vf != dev)
			continue;
		if (before)
			before->vf_next = dev->vf_next;
		else
			pf->vf_first = dev->vf_next;
		pf->vf_count--;
		break;
	}
	pci_dev_unlock(pf);
	pci_dev_put(pf, PCI_REF_PF);
}

static void leave_parent(struct pci_dev *parent)
{
	pci_dev_lock(parent);
	parent->children--;
	pci_dev_unlock(parent);
	pci_dev_put(parent, PCI_REF_PARENT);
}

int pci_dev_reap(struct pci_dev *dev, bool tell)
{
	const struct pci_hooks *h = pci_hooks_get();
	struct pci_event event = { .sbdf = dev->sbdf };
	bool latched;

	if (begin(dev, &event)) {
		silence(dev);
		event.result = h->block_dma ? h->block_dma(dev) : 0;
	}
	if (event.result) {
		log_error("pci: " SBDF_FMT ": its DMA cannot be blocked (%d): kept in quarantine",
			  SBDF_ARGS(dev->sbdf), event.result);
		keep(dev);
		pci_event_post(&event);
		return event.result;
	}
	latched = pci_slot_empty(dev);
	pci_link_release(dev);
	if (dev->pf)
		leave_pf(dev, dev->pf);
	if (dev->parent)
		leave_parent(dev->parent);
	pci_pool_put(dev);
	if (tell && event.op != PCI_OP_NONE)
		pci_event_post(&event);
	if (latched)
		pci_latched_post();
	return 0;
}

static void release(struct work *w)
{
	(void)pci_dev_reap(container_of(w, struct pci_dev, release), true);
}

void pci_reap_init(struct pci_dev *dev)
{
	work_init(&dev->release, release);
}

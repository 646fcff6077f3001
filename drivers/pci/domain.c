/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who owns a device, and who has claimed it for an operation.
 *
 * A domain's pdevs_lock guards its list; a device's lock guards its owner and its claim. A device changes
 * hands with one list locked at a time: who moves it has claimed it, so nobody else moves it in between. Only
 * death can come in between, and is looked for again.
 */
#include "core/errno.h"
#include "core/log.h"
#include "drivers/pci/internal.h"
#include "drivers/pci/pci.h"

LOCK_CLASS(pci_domain_class, "pci_domain");
LOCK_CLASS(pci_vpci_class, "pci_vpci");
LOCK_CLASS(pci_dev_class, "pci_dev");
LOCK_CLASS(pci_vf_class, "pci_vf");

static struct pci_domain domains[PCI_OWNERS] = {
	[PCI_OWNER_QUARANTINE] = { .name = "quarantine", .pdevs_lock = SPINLOCK_INIT(pci_domain_class) },
	[PCI_OWNER_GUEST] = { .name = "guest", .pdevs_lock = SPINLOCK_INIT(pci_domain_class) },
	[PCI_OWNER_FAIRLEAD] = { .name = "Fairlead", .pdevs_lock = SPINLOCK_INIT(pci_domain_class) },
};
static _Atomic u32 last_ticket;

struct pci_domain *pci_domain(enum pci_owner owner)
{
	return &domains[owner];
}

const char *pci_owner_name(enum pci_owner owner)
{
	return (unsigned int)owner < PCI_OWNERS ? domains[owner].name : "unknown";
}

const char *pci_op_name(enum pci_op op)
{
	static const char *const names[PCI_OPS] = {
		[PCI_OP_NONE] = "none",	      [PCI_OP_ADD] = "add",	  [PCI_OP_ASSIGN] = "assign",
		[PCI_OP_DEASSIGN] = "deassign", [PCI_OP_REMOVE] = "remove", [PCI_OP_RESET] = "reset",
		[PCI_OP_VFS] = "vfs",	      [PCI_OP_SURPRISE] = "surprise",
	};

	return (unsigned int)op < PCI_OPS ? names[op] : "unknown";
}

u32 pci_ticket_new(void)
{
	u32 ticket = atomic_fetch_add_explicit(&last_ticket, 1, memory_order_relaxed) + 1;

	/* 0 means "no ticket"; it comes by once in four billion. */
	return ticket ? ticket : atomic_fetch_add_explicit(&last_ticket, 1, memory_order_relaxed) + 1;
}

void pci_domains_init(void)
{
	for (unsigned int i = 0; i < PCI_OWNERS; i++) {
		pci_domain_lock(&domains[i]);
		domains[i].first = domains[i].last = NULL;
		domains[i].count = 0;
		pci_domain_unlock(&domains[i]);
	}
}

unsigned int pci_domain_count(enum pci_owner owner)
{
	unsigned int n;

	pci_domain_lock(&domains[owner]);
	n = domains[owner].count;
	pci_domain_unlock(&domains[owner]);
	return n;
}

void pci_domain_link(struct pci_domain *dom, struct pci_dev *dev)
{
	dev->domain_next = NULL;
	dev->domain_prev = dom->last;
	if (dom->last)
		dom->last->domain_next = dev;
	else
		dom->first = dev;
	dom->last = dev;
	dom->count++;
	dev->listed = true;
}

void pci_domain_unlink(struct pci_domain *dom, struct pci_dev *dev)
{
	if (!dev->listed)
		return;
	if (dev->domain_prev)
		dev->domain_prev->domain_next = dev->domain_next;
	else
		dom->first = dev->domain_next;
	if (dev->domain_next)
		dev->domain_next->domain_prev = dev->domain_prev;
	else
		dom->last = dev->domain_prev;
	dev->domain_next = dev->domain_prev = NULL;
	dom->count--;
	dev->listed = false;
}

/* Off the list of `from`; `to` is its owner from here on. */
static bool leave(struct pci_dev *dev, enum pci_owner from, enum pci_owner to)
{
	struct pci_domain *dom = pci_domain(from);
	bool ok;

	pci_domain_lock(dom);
	pci_dev_lock_with_pf(dev);
	ok = pci_dev_state(dev) == PCI_LIVE && pci_dev_owner(dev) == from;
	if (ok) {
		pci_domain_unlink(dom, dev);
		atomic_store_explicit(&dev->owner, to, memory_order_release);
	}
	pci_dev_unlock_with_pf(dev);
	pci_domain_unlock(dom);
	return ok;
}

/* On the list of its owner, unless it died between the two. */
static bool join(struct pci_dev *dev, enum pci_owner owner)
{
	struct pci_domain *dom = pci_domain(owner);
	bool ok;

	pci_domain_lock(dom);
	pci_dev_lock_with_pf(dev);
	ok = pci_dev_state(dev) == PCI_LIVE && pci_dev_owner(dev) == owner && !dev->listed;
	if (ok)
		pci_domain_link(dom, dev);
	pci_dev_unlock_with_pf(dev);
	pci_domain_unlock(dom);
	return ok;
}

int pci_dev_set_owner(struct pci_dev *dev, enum pci_owner owner)
{
	enum pci_owner from = pci_dev_owner(dev);

	if (pci_dev_state(dev) != PCI_LIVE)
		return -EBUSY;
	if (from == owner)
		return 0;
	PCI_TEST_POINT(PCI_TEST_OWNER_LEAVES);
	if (!leave(dev, from, owner))
		return -EBUSY;
	PCI_TEST_POINT(PCI_TEST_OWNER_BETWEEN);
	return join(dev, owner) ? 0 : -EBUSY;
}

/* ---- claims ---- */

int pci_op_begin(struct pci_dev *dev, enum pci_op op, u32 *ticket, struct pci_reason *why)
{
	enum pci_op running;
	u32 number = pci_ticket_new();
	int ret = 0;

	if (why)
		why->text[0] = '\0';
	pci_dev_lock(dev);
	running = pci_dev_op(dev);
	/* A device that has vanished can only be taken away. */
	if (pci_dev_state(dev) != PCI_LIVE || (pci_dev_has(dev, PCI_FLAG_GONE) && op != PCI_OP_SURPRISE)) {
		ret = -ENODEV;
	} else if (running != PCI_OP_NONE) {
		ret = -EBUSY;
	} else {
		atomic_store_explicit(&dev->op, op, memory_order_release);
		dev->ticket = number;
	}
	pci_dev_unlock(dev);
	if (ret == -ENODEV)
		pci_reason_add(why, "the device is no longer there");
	if (ret == -EBUSY)
		pci_reason_add(why, "operation %s runs on it", pci_op_name(running));
	if (!ret && ticket)
		*ticket = number;
	return ret;
}

/* The claim is nobody's any more; what it was. */
static struct pci_event unclaim(struct pci_dev *dev)
{
	struct pci_event event = { .sbdf = dev->sbdf };

	pci_dev_lock(dev);
	event.op = pci_dev_op(dev);
	event.ticket = dev->ticket;
	dev->ticket = 0;
	atomic_store_explicit(&dev->op, PCI_OP_NONE, memory_order_release);
	pci_dev_unlock(dev);
	if (event.op == PCI_OP_NONE)
		panic(SBDF_FMT ": the end of an operation that nobody began", SBDF_ARGS(dev->sbdf));
	return event;
}

void pci_op_cancel(struct pci_dev *dev)
{
	(void)unclaim(dev);
	if (pci_dev_has(dev, PCI_FLAG_GONE))
		pci_surprise_post(dev);
}

void pci_op_end(struct pci_dev *dev, int result)
{
	struct pci_event event = unclaim(dev);

	event.result = result;
	pci_event_post(&event);
	/* It vanished while it was claimed: the surprise found it busy and left the rest to us. */
	if (pci_dev_has(dev, PCI_FLAG_GONE))
		pci_surprise_post(dev);
}

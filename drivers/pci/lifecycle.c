/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Birth and removal. Every transition happens under the device's lock (a VF's: and its PF's); the
 * transitions between "on a list" and "on none" also under the list's. So remove's questions (whose is it,
 * is it claimed, is anything behind it) and its answer are one step.
 */
#include "core/errno.h"
#include "core/log.h"
#include "core/string.h"
#include "drivers/pci/group.h"
#include "drivers/pci/internal.h"
#include "drivers/pci/pci.h"
#include "drivers/pci/regs.h"

/* ---- birth ---- */

/* A bridge takes a child, as long as it is LIVE and there: from here on it cannot be removed. */
static bool adopt(struct pci_dev *parent)
{
	bool ok;

	pci_dev_lock(parent);
	ok = pci_dev_state(parent) == PCI_LIVE && !pci_dev_has(parent, PCI_FLAG_GONE);
	if (ok) {
		parent->children++;
		pci_dev_get(parent, PCI_REF_PARENT);
	}
	pci_dev_unlock(parent);
	return ok;
}

int pci_dev_reserve(struct sbdf sbdf, struct pci_dev *parent, struct pci_dev *pf, struct pci_dev **out)
{
	struct pci_dev *dev = pci_pool_get();
	int ret;

	if (!dev)
		return -ENOMEM;
	/*
	 * A stale lookup may look at the object at any time, so the count stays 0 until all else is
	 * written, and is not written before: everything behind it is cleared.
	 */
	static_assert(offsetof(struct pci_dev, refs) == 0, "the count comes first");
	memset((u8 *)dev + sizeof(dev->refs), 0, sizeof(*dev) - sizeof(dev->refs));
	spin_init(&dev->lock, pf ? &pci_vf_class : &pci_dev_class);
	spin_init(&dev->vpci_lock, &pci_vpci_class);
	atomic_store_explicit(&dev->state, PCI_NEW, memory_order_relaxed);
	atomic_store_explicit(&dev->owner, PCI_OWNER_QUARANTINE, memory_order_relaxed);
	dev->sbdf = sbdf;
	dev->cfg_size = PCI_CFG_SIZE;
	pci_reap_init(dev);
	pci_surprise_init(dev);
	if (parent && !adopt(parent)) {
		pci_pool_put(dev);
		return -ENODEV;
	}
	dev->parent = parent;
	dev->pf = pf;
	if (pf)
		pci_dev_get(pf, PCI_REF_PF);
	pci_refs_init(dev);
	ret = pci_slot_reserve(dev);
	if (ret)
		pci_dev_drop(dev);
	else
		*out = dev;
	return ret;
}

struct pci_dev *pci_dev_create(struct sbdf sbdf, struct pci_dev *parent)
{
	struct pci_dev *dev;

	return pci_dev_reserve(sbdf, parent, NULL, &dev) ? NULL : dev;
}

struct pci_dev *pci_dev_create_vf(struct sbdf sbdf, struct pci_dev *pf)
{
	struct pci_dev *dev;

	return pci_dev_reserve(sbdf, pf->parent, pf, &dev) ? NULL : dev;
}

void pci_dev_make_live(struct pci_dev *dev)
{
	pci_domain_link(pci_domain(PCI_OWNER_QUARANTINE), dev);
	pci_slot_make_live(dev);
}

/*
 * The bridge's surprise says GONE, passes the bridge's lock, and looks for the living behind it; we are
 * LIVE, pass that lock, and look for GONE. Who comes second sees the other.
 */
static bool parent_vanished(struct pci_dev *parent)
{
	bool gone;

	pci_dev_lock(parent);
	gone = pci_dev_has(parent, PCI_FLAG_GONE);
	pci_dev_unlock(parent);
	return gone;
}

void pci_dev_publish(struct pci_dev *dev)
{
	struct pci_domain *dom = pci_domain(PCI_OWNER_QUARANTINE);

	/* Once it is LIVE anybody may remove it. */
	pci_dev_get(dev, PCI_REF_TRANSIENT);
	pci_domain_lock(dom);
	pci_dev_lock(dev);
	pci_dev_make_live(dev);
	pci_dev_unlock(dev);
	pci_domain_unlock(dom);
	PCI_TEST_POINT(PCI_TEST_PUBLISHED);
	/* The bridge may have vanished since it took the child, and not have met it among the living. */
	if (dev->parent && parent_vanished(dev->parent))
		pci_surprise_post(dev);
	pci_dev_put(dev, PCI_REF_TRANSIENT);
}

/* The last put of one who holds no lock: the release runs here, so that the slot is empty on return. */
void pci_dev_drop(struct pci_dev *dev)
{
	if (pci_dev_state(dev) != PCI_NEW)
		panic(SBDF_FMT ": dropped by its creator after it was published", SBDF_ARGS(dev->sbdf));
	pci_dev_put(dev, PCI_REF_OWNER);
	/*
	 * A stale lookup may hold it for a moment yet: then its put is the last, and the work does the rest.
	 */
	if (pci_ref_drop(dev, PCI_REF_BASE))
		(void)pci_dev_reap(dev, false);
}

/* The bridge whose secondary bus that is, with a TRANSIENT reference. NULL: a root bus. */
static struct pci_dev *bridge_to(struct sbdf sbdf)
{
	struct pci_dev *dev;

	for (dev = pci_dev_next(NULL); dev; dev = pci_dev_next(dev)) {
		if (dev->sbdf.segment == sbdf.segment && dev->secondary_bus &&
		    dev->secondary_bus == PCI_BUS(sbdf.bdf))
			return dev;
	}
	return NULL;
}

/* Two bridges cannot lead to one bus. */
static void check_secondary(struct pci_dev *dev)
{
	struct pci_dev *other;

	if (!dev->secondary_bus)
		return;
	other = bridge_to((struct sbdf){ dev->sbdf.segment, PCI_BDF(dev->secondary_bus, 0, 0) });
	if (!other)
		return;
	pci_bridge_disbelieve(dev);
	pci_dev_put(other, PCI_REF_TRANSIENT);
}

static void (*configure)(struct pci_dev *dev); /* written at boot */

void pci_set_configure(void (*fn)(struct pci_dev *dev))
{
	configure = fn;
}

void pci_dev_configure(struct pci_dev *dev)
{
	if (configure)
		configure(dev);
}

static int add_below(struct sbdf sbdf, struct pci_dev *parent)
{
	struct pci_dev *dev;
	int ret;

	/* The slot first: a device that has an object is its holders' to touch, not ours. */
	ret = pci_dev_reserve(sbdf, parent, NULL, &dev);
	if (ret)
		return ret;
	ret = pci_function_answers(sbdf) ? pci_dev_fill(dev) : -ENODEV;
	if (ret) {
		pci_dev_drop(dev);
		return ret;
	}
	check_secondary(dev);
	pci_acs_enable(dev);
	pci_dev_configure(dev);
	pci_dev_publish(dev);
	return 0;
}

int pci_dev_add(struct sbdf sbdf)
{
	struct pci_dev *parent;
	int ret;

	if (!pci_cfg_reaches(sbdf, PCI_VENDOR_ID))
		return -ENODEV;
	parent = bridge_to(sbdf);
	ret = add_below(sbdf, parent);
	if (parent)
		pci_dev_put(parent, PCI_REF_TRANSIENT);
	if (!ret)
		pci_groups_compute();
	if (ret == -ENOMEM)
		log_error("pci: " SBDF_FMT ": no object is left for it", SBDF_ARGS(sbdf));
	return ret;
}

/* Functions that showed up while their slot was still a dying device's. */
static void add_latched(struct work *w UNUSED)
{
	struct sbdf sbdf;
	u32 from = 0;

	while (pci_slot_next_latched(&from, &sbdf)) {
		struct pci_event event = { .op = PCI_OP_ADD, .sbdf = sbdf, .ticket = pci_ticket_new() };

		event.result = pci_dev_add(sbdf);
		pci_event_post(&event);
		if (from == 0) /* that was the last slot there can be */
			break;
	}
}

static struct work latched_work = { .fn = add_latched };

void pci_latched_post(void)
{
	work_post(&latched_work);
}

/* ---- removal ---- */

/* What speaks against removing it now; NULL: nothing. The caller holds the device's lock. */
static const char *objection(const struct pci_dev *dev, u32 *number) REQUIRES(pci_dev_class)
{
	*number = 0;
	if (pci_dev_owner(dev) == PCI_OWNER_GUEST)
		return "owned by the guest";
	if (pci_dev_owner(dev) == PCI_OWNER_FAIRLEAD)
		return "used by Fairlead";
	*number = dev->vf_count;
	if (dev->vf_count)
		return dev->vf_count == 1 ? "virtual function exists" : "virtual functions exist";
	*number = dev->children;
	if (dev->children)
		return dev->children == 1 ? "device behind it" : "devices behind it";
	return NULL;
}

struct verdict {
	int ret;
	u32 ticket, number;
	enum pci_op running;
	const char *objection;
};

/*
 * The one step: question and transition. `dev` is LIVE -> DYING and off quarantine's list, or nothing has
 * changed.
 */
static struct verdict decide(struct pci_dev *dev)
{
	struct pci_domain *dom = pci_domain(PCI_OWNER_QUARANTINE);
	struct verdict v = { .ret = -EBUSY, .ticket = pci_ticket_new() };

	pci_domain_lock(dom);
	pci_dev_lock_with_pf(dev);
	v.running = pci_dev_op(dev);
	v.objection = objection(dev, &v.number);
	if (pci_dev_state(dev) != PCI_LIVE) {
		v.ret = -EALREADY;
	} else if (!v.objection && v.running == PCI_OP_NONE) {
		v.ret = -EINPROGRESS;
		atomic_store_explicit(&dev->state, PCI_DYING, memory_order_release);
		atomic_store_explicit(&dev->op, PCI_OP_REMOVE, memory_order_release);
		dev->ticket = v.ticket;
		pci_domain_unlink(dom, dev);
	}
	pci_dev_unlock_with_pf(dev);
	pci_domain_unlock(dom);
	return v;
}

static void explain(struct pci_reason *why, const struct pci_dev *dev, const struct verdict *v)
{
	if (v->objection && v->number)
		pci_reason_add(why, "%u %s", v->number, v->objection);
	else if (v->objection)
		pci_reason_add(why, "%s", v->objection);
	else
		pci_reason_add(why, "operation %s runs on it", pci_op_name(v->running));
	pci_reason_add_holders(why, dev, 1);
}

/* Its release failed, and it could not become LIVE again: the release alone is what there is to be done. */
static int release_again(struct pci_dev *dev, u32 *ticket)
{
	u32 number = pci_ticket_new();

	pci_dev_lock_with_pf(dev);
	dev->ticket = number;
	atomic_store_explicit(&dev->op, PCI_OP_REMOVE, memory_order_release);
	pci_dev_unlock_with_pf(dev);
	if (ticket)
		*ticket = number;
	return pci_dev_reap(dev, false) ? -EINPROGRESS : 0;
}

/* Nothing LIVE was found at that address. */
static int remove_not_found(struct sbdf sbdf, u32 *ticket, struct pci_reason *why)
{
	struct pci_dev *kept = pci_slot_take_kept(sbdf);
	enum pci_state state;

	if (kept)
		return release_again(kept, ticket);
	if (!pci_slot_tenant(sbdf, &state)) {
		pci_reason_add(why, "there is no such device");
		return -ENODEV;
	}
	if (state >= PCI_DYING) {
		pci_reason_add(why, "it is being removed already");
		return -EALREADY;
	}
	pci_reason_add(why, state == PCI_NEW ? "it is being added" : "it has just come");
	return -EBUSY;
}

int pci_dev_remove(struct sbdf sbdf, u32 *ticket, struct pci_reason *why)
{
	struct pci_dev *dev = pci_dev_find_unnoted(sbdf);
	struct verdict v;

	if (why)
		why->text[0] = '\0';
	if (!dev)
		return remove_not_found(sbdf, ticket, why);
	PCI_TEST_POINT(PCI_TEST_REMOVE_FOUND);
	v = decide(dev);
	if (v.ret == -EINPROGRESS) {
		if (ticket)
			*ticket = v.ticket;
		pci_pf_wake(dev);
		pci_dev_put(dev, PCI_REF_OWNER);
		pci_dev_put(dev, PCI_REF_BASE);
	} else if (v.ret == -EALREADY) {
		pci_reason_add(why, "it is being removed already");
	} else {
		explain(why, dev, &v);
	}
	if (!pci_ref_drop(dev, PCI_REF_TRANSIENT))
		return v.ret;
	/*
	 * Ours was the last. If we are the remover, the slot is empty on return and that is the answer; if
	 * not, an earlier remover waits for the event.
	 */
	if (v.ret != -EINPROGRESS) {
		work_post(&dev->release);
		return v.ret;
	}
	return pci_dev_reap(dev, false) ? -EINPROGRESS : 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The oracle: is the machine what the model says it is? Counts and lists here, maps in oracle_maps.c,
 * interrupts in oracle_messages.c. It asks each part what is, and works out itself what should be; it changes
 * nothing.
 *
 * It reads thousands of things that belong together, so all other CPUs rest meanwhile (core/rendezvous.h): between
 * two pieces of work everything has to be right, and so whatever is wrong then is a breach.
 *
 * Two passes: over the slots of the table, whatever state their objects are in; then over the LIVE ones, with
 * a reference on each.
 */
#include "core/manage/oracle.h"

#include "core/errno.h"
#include "core/log.h"
#include "core/rendezvous.h"
#include "drivers/vpci/vpci.h"

bool oracle_breach(struct oracle *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)fl_vsnprintf(o->text, ORACLE_TEXT_MAX, fmt, ap);
	va_end(ap);
	return false;
}

static const char *state_name(enum pci_state state)
{
	static const char *const names[] = { "NEW", "LIVE", "DYING", "RELEASING" };

	return (unsigned int)state < ARRAY_SIZE(names) ? names[state] : "of no known state";
}

/* ---- slots and counts, without a reference ---- */

static bool slot_is_right(struct oracle *o, u32 at, const struct pci_dev_info *info)
{
	struct sbdf place = { (u16)(at >> 16), (u16)at };
	struct pci_dev *found;
	bool same;

	if (info->sbdf.segment != place.segment || info->sbdf.bdf != place.bdf)
		return oracle_breach(o, SBDF_FMT ": its slot holds " SBDF_FMT, SBDF_ARGS(place),
				     SBDF_ARGS(info->sbdf));
	if ((unsigned int)info->state > PCI_RELEASING || (unsigned int)info->owner >= PCI_OWNERS)
		return oracle_breach(o, SBDF_FMT ": state %u, owner %u", SBDF_ARGS(place),
				     (unsigned int)info->state, (unsigned int)info->owner);
	found = pci_dev_find(place);
	same = !found == (info->state != PCI_LIVE);
	if (found)
		pci_dev_put(found, PCI_REF_TRANSIENT);
	return same || oracle_breach(o, SBDF_FMT ": %s, and a lookup %s", SBDF_ARGS(place),
				     state_name(info->state), found ? "finds it" : "fails");
}

static bool counts_are_right(struct oracle *o, const struct pci_dev_info *info)
{
#ifdef FL_DEBUG
	u32 held = info->state == PCI_NEW || info->state == PCI_LIVE;
	u32 sum = 0;

	for (unsigned int kind = 0; kind < PCI_REF_KINDS; kind++)
		sum += info->refs_by_kind[kind];
	if (sum != info->refs)
		return oracle_breach(o, SBDF_FMT ": kinds add up to %u, count is %u", SBDF_ARGS(info->sbdf),
				     sum, info->refs);
	if (info->refs_by_kind[PCI_REF_BASE] != held || info->refs_by_kind[PCI_REF_OWNER] != held)
		return oracle_breach(o, SBDF_FMT ": %s with %u base and %u owner references",
				     SBDF_ARGS(info->sbdf), state_name(info->state),
				     info->refs_by_kind[PCI_REF_BASE], info->refs_by_kind[PCI_REF_OWNER]);
#else
	(void)o;
	(void)info;
#endif
	return true;
}

static bool flags_are_right(struct oracle *o, const struct pci_dev_info *info)
{
	if (info->state != PCI_LIVE)
		return true;
	if (info->owner == PCI_OWNER_GUEST && (info->flags & PCI_FLAG_HIDDEN))
		return oracle_breach(o, SBDF_FMT ": hidden, and the guest's", SBDF_ARGS(info->sbdf));
	if (info->op == PCI_OP_NONE && (info->flags & PCI_FLAG_WAITS))
		return oracle_breach(o,
				     SBDF_FMT ": waits to be taken from the guest, and nobody has claimed it",
				     SBDF_ARGS(info->sbdf));
	if (info->owner == PCI_OWNER_GUEST && info->op == PCI_OP_NONE && (info->flags & PCI_FLAG_QUARANTINED))
		return oracle_breach(o, SBDF_FMT ": the guest's, and flagged as blocked",
				     SBDF_ARGS(info->sbdf));
	return true;
}

static bool check_slots(struct oracle *o)
{
	struct pci_dev_info info;
	u32 from = 0;

	while (pci_dev_info_next(&from, &info)) {
		if (!slot_is_right(o, from - 1, &info) || !counts_are_right(o, &info) ||
		    !flags_are_right(o, &info))
			return false;
		if (info.state == PCI_LIVE)
			o->live[info.owner]++;
		else
			o->not_live++;
	}
	return true;
}

/* ---- lists ---- */

static bool member_is_right(struct oracle *o, struct pci_domain *dom, enum pci_owner owner,
			    struct pci_dev *dev, const struct pci_dev *before) REQUIRES(pci_domain_class)
{
	if (pci_dev_owner(dev) != owner)
		return oracle_breach(o, SBDF_FMT ": on the list of %s, owned by %s", SBDF_ARGS(dev->sbdf),
				     dom->name, pci_owner_name(pci_dev_owner(dev)));
	if (pci_dev_state(dev) != PCI_LIVE)
		return oracle_breach(o, SBDF_FMT ": on the list of %s, and %s", SBDF_ARGS(dev->sbdf),
				     dom->name, state_name(pci_dev_state(dev)));
	if (!dev->listed || dev->domain_prev != before)
		return oracle_breach(o, SBDF_FMT ": the list of %s is torn", SBDF_ARGS(dev->sbdf), dom->name);
	return true;
}

static bool list_is_right(struct oracle *o, struct pci_domain *dom, enum pci_owner owner)
	REQUIRES(pci_domain_class)
{
	const struct pci_dev *before = NULL;
	unsigned int n = 0;

	for (struct pci_dev *dev = dom->first; dev && n <= dom->count; dev = dev->domain_next, n++) {
		if (!member_is_right(o, dom, owner, dev, before))
			return false;
		before = dev;
	}
	if (dom->last != before || n != dom->count)
		return oracle_breach(o, "the list of %s has %u devices, its count is %u", dom->name, n,
				     dom->count);
	if (n != o->live[owner])
		return oracle_breach(o, "the list of %s has %u devices, it owns %u", dom->name, n,
				     o->live[owner]);
	return true;
}

static bool check_lists(struct oracle *o)
{
	for (unsigned int i = 0; i < PCI_OWNERS; i++) {
		struct pci_domain *dom = pci_domain((enum pci_owner)i);
		bool right;

		pci_domain_lock(dom);
		right = list_is_right(o, dom, (enum pci_owner)i);
		pci_domain_unlock(dom);
		if (!right)
			return false;
	}
	return true;
}

/* ---- what each kind of reference stands for ---- */

bool oracle_kind_is(struct oracle *o, const struct pci_dev *dev, enum pci_ref_kind kind, u32 expected,
		    const char *what)
{
#ifdef FL_DEBUG
	u32 n = atomic_load_explicit(&dev->refs_by_kind[kind], memory_order_relaxed);

	if (n != expected)
		return oracle_breach(o, SBDF_FMT ": %u %s references, %u %s", SBDF_ARGS(dev->sbdf), n,
				     pci_ref_kind_name(kind), expected, what);
#else
	(void)o;
	(void)dev;
	(void)kind;
	(void)expected;
	(void)what;
#endif
	return true;
}

struct relatives {
	u32 children, live_vfs; /* LIVE devices that name it as parent, as PF */
};

static struct relatives relatives_of(const struct pci_dev *dev)
{
	struct relatives r = { 0 };

	for (struct pci_dev *d = pci_dev_next(NULL); d; d = pci_dev_next(d)) {
		r.children += d->parent == dev;
		r.live_vfs += d->pf == dev;
	}
	return r;
}

/* The PF's list, as far as its count goes. */
static void count_vfs(struct pci_dev *pf, u32 *listed, u32 *live, u32 *count)
{
	*listed = *live = 0;
	pci_dev_lock(pf);
	*count = pf->vf_count;
	for (const struct pci_dev *vf = pf->vf_first; vf && *listed <= *count; vf = vf->vf_next) {
		++*listed;
		*live += pci_dev_state(vf) == PCI_LIVE;
	}
	pci_dev_unlock(pf);
}

static bool check_vfs(struct oracle *o, struct pci_dev *dev, const struct relatives *found)
{
	u32 listed, live, count;

	if (dev->pf || pci_dev_op(dev) == PCI_OP_VFS)
		return true;
	count_vfs(dev, &listed, &live, &count);
	if (listed != count)
		return oracle_breach(o, SBDF_FMT ": %u virtual functions on its list, its count is %u",
				     SBDF_ARGS(dev->sbdf), listed, count);
	if (live != found->live_vfs)
		return oracle_breach(o, SBDF_FMT ": %u LIVE virtual functions on its list, %u in the table",
				     SBDF_ARGS(dev->sbdf), live, found->live_vfs);
	return oracle_kind_is(o, dev, PCI_REF_PF, count, "virtual functions");
}

static bool check_children(struct oracle *o, struct pci_dev *dev, const struct relatives *found)
{
	u32 children;

	if (dev->pf) /* a VF's lock is of another class, and it is no bridge */
		return true;
	pci_dev_lock(dev);
	children = dev->children;
	pci_dev_unlock(dev);
	if (!oracle_kind_is(o, dev, PCI_REF_PARENT, children, "devices behind it"))
		return false;
	if (found->children > children || (!o->not_live && found->children != children))
		return oracle_breach(o, SBDF_FMT ": %u devices behind it, its count is %u",
				     SBDF_ARGS(dev->sbdf), found->children, children);
	return true;
}

static bool check_vpci(struct oracle *o, struct pci_dev *dev)
{
	bool attached = vpci_attached(dev, NULL);

	if (!oracle_kind_is(o, dev, PCI_REF_VPCI, attached, "virtual configuration spaces"))
		return false;
	if (oracle_at_rest(dev) && attached != (pci_dev_owner(dev) == PCI_OWNER_GUEST))
		return oracle_breach(o, SBDF_FMT ": owned by %s, and the guest %s it", SBDF_ARGS(dev->sbdf),
				     pci_owner_name(pci_dev_owner(dev)), attached ? "sees" : "does not see");
	return true;
}

static bool check_device(struct oracle *o, struct pci_dev *dev)
{
	struct relatives found = relatives_of(dev);

	o->moving += pci_dev_op(dev) != PCI_OP_NONE || pci_dev_has(dev, PCI_FLAG_BROKEN);
	return check_vpci(o, dev) && oracle_device_messages(o, dev) &&
	       oracle_kind_is(o, dev, PCI_REF_ATS, iommu_ats_on(dev), "places on a unit's ATS list") &&
	       check_vfs(o, dev, &found) && check_children(o, dev, &found) && oracle_device_maps(o, dev);
}

static bool check_devices(struct oracle *o)
{
	for (struct pci_dev *dev = pci_dev_next(NULL); dev; dev = pci_dev_next(dev)) {
		if (!check_device(o, dev)) {
			pci_dev_put(dev, PCI_REF_TRANSIENT);
			return false;
		}
	}
	return true;
}

int oracle_check(struct vm *vm, char text[ORACLE_TEXT_MAX])
{
	struct oracle o = { .vm = vm, .text = text };

	text[0] = '\0';
	return check_slots(&o) && check_lists(&o) && check_devices(&o) && oracle_tables(&o) && oracle_entries(&o) ?
		       0 :
		       -EBADMSG;
}

#ifdef FL_DEBUG
#ifdef FL_HOST
static _Atomic bool after_operations;
#else
static _Atomic bool after_operations = true;
#endif

void oracle_after_operations(bool on)
{
	atomic_store(&after_operations, on);
}

void oracle_run(struct vm *vm, const char *after)
{
	char text[ORACLE_TEXT_MAX];
	int ret;

	if (!atomic_load(&after_operations) || !rendezvous_begin())
		return;
	ret = oracle_check(vm, text);
	rendezvous_end();
	if (!ret)
		return;
	log_error("oracle: after %s: %s", after, text);
	panic("oracle: after %s: %s", after, text);
}
#endif

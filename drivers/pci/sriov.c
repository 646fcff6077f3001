/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual functions: switching them on and off, and what each of them is ([PCIe] 9.3).
 *
 * An operation on a physical function's VFs claims the PF, so no two run at once and the PF is neither
 * removed, reset nor given away meanwhile. It is a state machine on a timer:
 *
 *	enable   VF Enable -> 100 ms -> a few VFs are added -> ... -> done; if one cannot be added, as disable
 *	disable  the VFs are removed -> none is held any more -> VF Enable off -> 1 s -> done
 *
 * The registers are the PF's, so nothing but an operation touches them, and it runs on one CPU at a time.
 */
#include "drivers/pci/sriov.h"

#include "core/errno.h"
#include "core/log.h"
#include "core/timer.h"
#include "drivers/pci/group.h"
#include "drivers/pci/internal.h"
#include "drivers/pci/regs.h"

#define MS 1000u /* microseconds */
#define ENABLE_US  (100 * MS)  /* from VF Enable to the first access ([PCIe] 9.3.3.3.1) */
#define DISABLE_US (1000 * MS) /* from its end to the next access of the capability (the same section) */
#define LOOK_US	   (10 * MS)   /* between two looks whether VFs are still held */

#define OPERATIONS  8u /* at once, on as many PFs */
#define VFS_A_STEP  8u /* added or removed by one call of the timer */

enum step { STEP_WAS_ON, STEP_ADD, STEP_REMOVE, STEP_HELD, STEP_OFF };

struct vf_operation {
	_Atomic bool used;
	struct timer timer;
	enum step step;
	struct pci_dev *pf; /* a WORK reference */
	unsigned int cap;
	unsigned int count, next; /* VFs in all; the next to be added or removed */
	u16 first, stride, vf_device;
	int result; /* why it is being undone; 0: as was asked */
	struct pci_bar bar[PCI_BARS]; /* of the first VF */
};

static struct vf_operation operations[OPERATIONS];

static u32 get(const struct vf_operation *op, unsigned int offset, unsigned int size)
{
	return pci_dev_read(op->pf, op->cap + offset, size);
}

static void put(const struct vf_operation *op, unsigned int offset, unsigned int size, u32 value)
{
	pci_dev_write(op->pf, op->cap + offset, size, value);
}

unsigned int pci_sriov_total(struct pci_dev *dev)
{
	unsigned int cap = dev->pf ? 0 : pci_find_ext_cap(dev, PCIE_EXT_ID_SRIOV);
	u32 total = cap ? pci_dev_read(dev, cap + PCIE_SRIOV_TOTAL_VFS, 2) : 0;

	return pci_dev_has(dev, PCI_FLAG_GONE) ? 0 : total;
}

void pci_sriov_save(struct pci_dev *dev, struct pci_sriov_saved *s)
{
	unsigned int cap = dev->pf ? 0 : pci_find_ext_cap(dev, PCIE_EXT_ID_SRIOV);

	if (!cap)
		return;
	s->page_size = pci_dev_read(dev, cap + PCIE_SRIOV_SYSTEM_PAGE_SIZE, 4);
	for (unsigned int i = 0; i < PCI_BARS; i++)
		s->bar[i] = pci_dev_read(dev, cap + PCIE_SRIOV_BAR0 + 4 * i, 4);
}

void pci_sriov_restore(struct pci_dev *dev, const struct pci_sriov_saved *s)
{
	unsigned int cap = dev->pf ? 0 : pci_find_ext_cap(dev, PCIE_EXT_ID_SRIOV);

	if (!cap)
		return;
	pci_dev_write(dev, cap + PCIE_SRIOV_SYSTEM_PAGE_SIZE, 4, s->page_size);
	for (unsigned int i = 0; i < PCI_BARS; i++)
		pci_dev_write(dev, cap + PCIE_SRIOV_BAR0 + 4 * i, 4, s->bar[i]);
}

/* ---- the operations' places ---- */

static void step(struct timer *t);

static struct vf_operation *operation_get(void)
{
	for (unsigned int i = 0; i < OPERATIONS; i++) {
		bool used = false;

		if (atomic_compare_exchange_strong(&operations[i].used, &used, true))
			return &operations[i];
	}
	return NULL;
}

static void operation_init(struct vf_operation *op, struct pci_dev *pf)
{
	timer_init(&op->timer, step);
	op->pf = pf;
	op->cap = pci_find_ext_cap(pf, PCIE_EXT_ID_SRIOV);
	op->count = op->next = 0;
	op->result = 0;
	pci_dev_get(pf, PCI_REF_WORK);
}

static void operation_put(struct vf_operation *op)
{
	pci_dev_put(op->pf, PCI_REF_WORK);
	op->pf = NULL;
	atomic_store(&op->used, false);
}

static void next(struct vf_operation *op, enum step s, u64 delay_us)
{
	op->step = s;
	timer_set(&op->timer, delay_us);
}

static void finish(struct vf_operation *op)
{
	struct pci_dev *pf = op->pf;

	pci_op_end(pf, pci_dev_has(pf, PCI_FLAG_GONE) ? -ENODEV : op->result);
	operation_put(op);
}

static u32 vfs_of(struct pci_dev *pf)
{
	u32 n;

	pci_dev_lock(pf);
	n = pf->vf_count;
	pci_dev_unlock(pf);
	return n;
}

/* ---- one virtual function ---- */

/* Routing IDs count on from the PF's ([PCIe] 9.3.3.9, 9.3.3.10). */
static u32 vf_bdf(const struct vf_operation *op, unsigned int i)
{
	return op->pf->sbdf.bdf + op->first + i * (u32)op->stride;
}

/*
 * IDs come from the PF's registers, because a VF reads its own as all-ones ([PCIe] 9.3.4.1.1); it has no
 * BARs either, but a share of the PF's VF BARs (9.3.3.14). Header type is 0, and the multi-function bit
 * means nothing in it.
 */
static int fill(const struct vf_operation *op, struct pci_dev *vf, unsigned int i)
{
	u32 class_rev;

	vf->vendor = op->pf->vendor;
	vf->device = op->vf_device;
	vf->cfg_size = op->pf->cfg_size;
	if ((pci_dev_read(vf, PCI_VENDOR_ID, 2) & 0xffffu) == PCI_VENDOR_NONE)
		return -ENODEV;
	class_rev = pci_dev_read(vf, PCI_REVISION_ID, 4);
	vf->class_code = class_rev >> 8;
	vf->revision = (u8)class_rev;
	vf->subsystem_vendor = (u16)pci_dev_read(vf, PCI_SUBSYSTEM_VENDOR_ID, 2);
	vf->subsystem = (u16)pci_dev_read(vf, PCI_SUBSYSTEM_ID, 2);
	vf->pcie_cap = (u16)pci_find_cap(vf, PCI_CAP_ID_EXPRESS);
	vf->is_pcie = vf->pcie_cap != 0;
	if (vf->is_pcie)
		vf->pcie_type = PCIE_CAPABILITIES_TYPE(pci_dev_read(vf, vf->pcie_cap + PCIE_CAPABILITIES, 2));
	for (unsigned int b = 0; b < PCI_BARS; b++) {
		vf->bar[b] = op->bar[b];
		if (vf->bar[b].base)
			vf->bar[b].base += i * vf->bar[b].size;
	}
	return pci_requester_ids(vf);
}

static int add_vf(const struct vf_operation *op, unsigned int i)
{
	struct sbdf sbdf = { op->pf->sbdf.segment, (u16)vf_bdf(op, i) };
	struct pci_dev *vf = pci_dev_create_vf(sbdf, op->pf);
	int ret;

	if (!vf)
		return -EBUSY;
	ret = fill(op, vf, i);
	if (!ret) {
		pci_dev_configure(vf);
		pci_group_compute(vf);
		ret = pci_vf_publish(vf);
	}
	if (ret)
		pci_dev_drop(vf);
	return ret;
}

/* Both locks: that the PF is LIVE and that the VF is on its list are one fact. */
int pci_vf_publish(struct pci_dev *vf)
{
	struct pci_domain *dom = pci_domain(PCI_OWNER_QUARANTINE);
	struct pci_dev *pf = vf->pf;
	int ret = -ENODEV;

	pci_domain_lock(dom);
	pci_dev_lock(pf);
	if (pci_dev_state(pf) == PCI_LIVE && !pci_dev_has(pf, PCI_FLAG_GONE)) {
		pci_vf_lock(vf);
		vf->vf_next = pf->vf_first;
		pf->vf_first = vf;
		pf->vf_count++;
		pci_dev_make_live(vf);
		pci_vf_unlock(vf);
		ret = 0;
	}
	pci_dev_unlock(pf);
	pci_domain_unlock(dom);
	return ret;
}

/* ---- the registers ---- */

/*
 * As bars.c does it for a function's own: all-ones, see what sticks, the old value back. VF MSE is off, so
 * nothing decodes.
 */
static u32 sizing_mask(const struct vf_operation *op, unsigned int offset)
{
	const u32 held = get(op, offset, 4);
	u32 answer;

	put(op, offset, 4, 0xffffffffu);
	answer = get(op, offset, 4);
	put(op, offset, 4, held);
	return answer;
}

/* One VF's share of VF BAR `i`; returns how many registers it takes. VF BARs are memory ([PCIe] 9.3.3.14). */
static unsigned int size_vf_bar(struct vf_operation *op, unsigned int i)
{
	const unsigned int offset = PCIE_SRIOV_BAR0 + 4 * i;
	const u32 low = sizing_mask(op, offset);
	const bool is64 = (low & PCI_BAR_MEM_TYPE) == PCI_BAR_MEM_TYPE_64 && i + 1 < PCI_BARS;
	u64 mask = low & PCI_BAR_MEM_MASK, base = get(op, offset, 4) & PCI_BAR_MEM_MASK;

	if (is64) {
		mask |= (u64)sizing_mask(op, offset + 4) << 32;
		base |= (u64)get(op, offset + 4, 4) << 32;
	}
	if (!mask || (low & PCI_BAR_IO_SPACE))
		return 1;
	op->bar[i] = (struct pci_bar){ is64 ? PCI_BAR_MEM64 : PCI_BAR_MEM32, low & PCI_BAR_MEM_PREFETCH, base,
				       mask & (~mask + 1) };
	if (is64)
		op->bar[i + 1].type = PCI_BAR_MEM64_HIGH;
	return is64 ? 2 : 1;
}

static bool ids_fit(const struct vf_operation *op)
{
	const struct pci_dev *above = op->pf->parent;
	const u32 last = vf_bdf(op, op->count - 1);
	const u32 bus = above ? above->subordinate_bus : PCI_BUS(op->pf->sbdf.bdf);

	return last >> 8 <= bus && op->first && (op->stride || op->count == 1);
}

/* VFs are off. NumVFs first: offset and stride may depend on it ([PCIe] 9.3.3.9). 0, or -EINVAL. */
static int set_up(struct vf_operation *op)
{
	put(op, PCIE_SRIOV_NUM_VFS, 2, op->count);
	put(op, PCIE_SRIOV_SYSTEM_PAGE_SIZE, 4, PCIE_SRIOV_PAGE_4K);
	op->first = (u16)get(op, PCIE_SRIOV_FIRST_OFFSET, 2);
	op->stride = (u16)get(op, PCIE_SRIOV_STRIDE, 2);
	op->vf_device = (u16)get(op, PCIE_SRIOV_VF_DEVICE, 2);
	if (!ids_fit(op)) {
		put(op, PCIE_SRIOV_NUM_VFS, 2, 0);
		return -EINVAL;
	}
	for (unsigned int i = 0; i < PCI_BARS; i++)
		op->bar[i] = (struct pci_bar){ .type = PCI_BAR_NONE };
	for (unsigned int i = 0; i < PCI_BARS;)
		i += size_vf_bar(op, i);
	put(op, PCIE_SRIOV_CONTROL, 2, get(op, PCIE_SRIOV_CONTROL, 2) | PCIE_SRIOV_VF_ENABLE | PCIE_SRIOV_VF_MSE);
	return 0;
}

static void switch_off(const struct vf_operation *op)
{
	put(op, PCIE_SRIOV_CONTROL, 2, get(op, PCIE_SRIOV_CONTROL, 2) & ~(PCIE_SRIOV_VF_ENABLE | PCIE_SRIOV_VF_MSE));
}

/* ---- the steps ---- */

static void undo(struct vf_operation *op, int why)
{
	log_warn("pci: " SBDF_FMT ": virtual function %u of %u cannot be added (error %d): none is", SBDF_ARGS(op->pf->sbdf),
		 op->next + 1, op->count, why);
	op->result = why;
	op->count = op->next;
	op->next = 0;
	next(op, STEP_REMOVE, 0);
}

static void step_was_on(struct vf_operation *op)
{
	op->result = set_up(op);
	if (op->result)
		finish(op);
	else
		next(op, STEP_ADD, ENABLE_US);
}

static void step_add(struct vf_operation *op)
{
	for (unsigned int i = 0; i < VFS_A_STEP && op->next < op->count; i++, op->next++) {
		int ret = add_vf(op, op->next);

		if (ret) {
			undo(op, ret);
			return;
		}
	}
	if (op->next < op->count)
		next(op, STEP_ADD, 0);
	else
		finish(op);
}

/* One that was claimed since we asked stays, and so do those after it: VF Enable stays on for them. */
static void step_remove(struct vf_operation *op)
{
	for (unsigned int i = 0; i < VFS_A_STEP && op->next < op->count; i++, op->next++) {
		struct sbdf sbdf = { op->pf->sbdf.segment, (u16)vf_bdf(op, op->next) };
		u32 ticket;

		if (pci_dev_remove(sbdf, &ticket, NULL) == -EBUSY) {
			op->result = -EBUSY;
			finish(op);
			return;
		}
	}
	next(op, op->next < op->count ? STEP_REMOVE : STEP_HELD, 0);
}

/* Of those that were removed: one whose release failed is LIVE again. */
static bool one_came_back(struct pci_dev *pf)
{
	bool any = false;

	pci_dev_lock(pf);
	for (const struct pci_dev *vf = pf->vf_first; vf && !any; vf = vf->vf_next)
		any = pci_dev_state(vf) == PCI_LIVE;
	pci_dev_unlock(pf);
	return any;
}

/*
 * Holders may touch a VF until they let go of it, so it stays switched on until then; and for good, if one
 * cannot be released. Of a PF that has vanished there is nothing to be switched off: the surprise goes on
 * without us.
 */
static void step_held(struct vf_operation *op)
{
	if (one_came_back(op->pf) || pci_dev_has(op->pf, PCI_FLAG_GONE)) {
		op->result = op->result ? op->result : -EIO;
		finish(op);
		return;
	}
	if (vfs_of(op->pf)) {
		next(op, STEP_HELD, LOOK_US);
		return;
	}
	switch_off(op);
	next(op, STEP_OFF, DISABLE_US);
}

static void step(struct timer *t)
{
	struct vf_operation *op = container_of(t, struct vf_operation, timer);

	switch (op->step) {
	case STEP_WAS_ON: step_was_on(op); break;
	case STEP_ADD: step_add(op); break;
	case STEP_REMOVE: step_remove(op); break;
	case STEP_HELD: step_held(op); break;
	case STEP_OFF: finish(op); break;
	}
}

/* ---- what is asked for ---- */

static int claim(struct pci_dev *pf, u32 *ticket, struct pci_reason *why, struct vf_operation **out)
{
	struct vf_operation *op = operation_get();
	int ret;

	if (!op) {
		pci_reason_add(why, "operations on virtual functions run on %u devices already", OPERATIONS);
		return -EBUSY;
	}
	ret = pci_op_begin(pf, PCI_OP_VFS, ticket, why);
	if (ret) {
		atomic_store(&op->used, false);
		return ret;
	}
	operation_init(op, pf);
	*out = op;
	return 0;
}

/* Refused after it was claimed: the claim is given back. */
static int refuse(struct vf_operation *op, int ret)
{
	pci_op_end(op->pf, ret);
	operation_put(op);
	return ret;
}

int pci_vfs_enable(struct pci_dev *pf, unsigned int count, u32 *ticket, struct pci_reason *why)
{
	unsigned int total = pci_sriov_total(pf);
	struct vf_operation *op;
	int ret;

	if (why)
		why->text[0] = '\0';
	if (pci_dev_has(pf, PCI_FLAG_GONE))
		return -ENODEV;
	if (!total) {
		pci_reason_add(why, "it has no virtual functions");
		return -EOPNOTSUPP;
	}
	if (!count || count > total) {
		pci_reason_add(why, "it has 1 to %u virtual functions", total);
		return -EINVAL;
	}
	ret = claim(pf, ticket, why, &op);
	if (ret)
		return ret;
	if (vfs_of(pf)) {
		pci_reason_add(why, "virtual functions exist");
		return refuse(op, -EBUSY);
	}
	op->count = count;
	if (get(op, PCIE_SRIOV_CONTROL, 2) & PCIE_SRIOV_VF_ENABLE) { /* firmware's: ours begin anew */
		switch_off(op);
		next(op, STEP_WAS_ON, DISABLE_US);
		return -EINPROGRESS;
	}
	ret = set_up(op);
	if (ret) {
		pci_reason_add(why, "their bus numbers do not fit below the bridge");
		return refuse(op, ret);
	}
	next(op, STEP_ADD, ENABLE_US);
	return -EINPROGRESS;
}

/* A VF that is not ours to take; its text is added to `why`. */
static bool vf_in_the_way(struct pci_dev *pf, struct pci_reason *why)
{
	bool any = false;

	pci_dev_lock(pf);
	for (struct pci_dev *vf = pf->vf_first; vf && !any; vf = vf->vf_next) {
		any = true;
		if (pci_dev_owner(vf) == PCI_OWNER_GUEST)
			pci_reason_add(why, SBDF_FMT " is the guest's", SBDF_ARGS(vf->sbdf));
		else if (pci_dev_op(vf) != PCI_OP_NONE && pci_dev_op(vf) != PCI_OP_REMOVE)
			pci_reason_add(why, "operation %s runs on " SBDF_FMT, pci_op_name(pci_dev_op(vf)), SBDF_ARGS(vf->sbdf));
		else
			any = false;
	}
	pci_dev_unlock(pf);
	return any;
}

int pci_vfs_disable(struct pci_dev *pf, u32 *ticket, struct pci_reason *why)
{
	struct vf_operation *op;
	unsigned int cap;
	int ret;

	if (why)
		why->text[0] = '\0';
	cap = pci_find_ext_cap(pf, PCIE_EXT_ID_SRIOV);
	if (!vfs_of(pf) && !(cap && (pci_dev_read(pf, cap + PCIE_SRIOV_CONTROL, 2) & PCIE_SRIOV_VF_ENABLE)))
		return 0;
	ret = claim(pf, ticket, why, &op);
	if (ret)
		return ret;
	if (vf_in_the_way(pf, why))
		return refuse(op, -EBUSY);
	op->count = get(op, PCIE_SRIOV_NUM_VFS, 2);
	op->first = (u16)get(op, PCIE_SRIOV_FIRST_OFFSET, 2);
	op->stride = (u16)get(op, PCIE_SRIOV_STRIDE, 2);
	next(op, STEP_REMOVE, 0);
	return -EINPROGRESS;
}

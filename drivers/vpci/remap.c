/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's map follows its wishes, in two phases. What the guest writes (Command, BARs, the ROM, a reset)
 * is only recorded, under vpci_lock. Then one CPU, the device's remapper, works without that lock: it takes
 * out what has to leave, shoots the translations down, waits, puts in what arrives; and commits under the
 * lock where the BARs stand now. So nothing waits, and no other lock than a leaf is taken, under a device's
 * lock.
 *
 * There is one remapper a device (`remapping`). A CPU that comes meanwhile records and leaves; the remapper
 * goes round until nothing is left to do, and after a few rounds goes on as deferred work, so that one busy
 * guest CPU cannot keep another in here. vpci_detach() refuses while there is one, so the state outlives the
 * unlocked phase.
 */
#include "core/errno.h"
#include "core/log.h"
#include "drivers/pci/msi.h"
#include "drivers/pci/regs.h"
#include "drivers/vpci/row.h"

#define ROUNDS 8
#define BARS   (PCI_ROM_BAR + 1)

struct step {
	unsigned int bar;
	struct vpci_range range;
	u64 at;	    /* the guest's address of the BAR, which `range` is around */
	bool begun; /* leaving: an earlier shoot-down was not answered */
	int ret;
};

/* What one round does, copied from under the lock. */
struct plan {
	struct step leave[BARS], enter[BARS];
	unsigned int leaves, enters;
	struct pci_msi *retired;
};

void vpci_wish(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	v->unsettled = true;
	for (unsigned int i = 0; i < BARS; i++)
		v->bar[i].refused = false; /* a new write is a new attempt */
}

bool vpci_remap_claim(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	if (!v->unsettled || v->remapping)
		return false;
	v->remapping = true;
	return true;
}

/* ---- under the lock: what is to be done ---- */

static void plan_leave(struct vpci_dev *v, unsigned int i, struct plan *plan) REQUIRES(pci_vpci_class)
{
	const struct vpci_bar *bar = &v->bar[i];

	if (bar->placed && (!vpci_bar_wanted(v, bar) || bar->placed_at != bar->guest || bar->leaving))
		plan->leave[plan->leaves++] = (struct step){ .bar = i,
							     .range = vpci_bar_range(v, i, bar->placed_at),
							     .begun = bar->leaving };
}

static void plan_enter(struct vpci_dev *v, unsigned int i, struct plan *plan) REQUIRES(pci_vpci_class)
{
	struct vpci_bar *bar = &v->bar[i];
	bool moves = bar->placed && (bar->placed_at != bar->guest || bar->leaving);
	int ret;

	if (bar->blocked || !vpci_bar_wanted(v, bar) || (bar->placed && !moves) || bar->refused)
		return;
	ret = vpci_bar_may_stand(bar);
	if (ret)
		vpci_bar_complain(v, i, ret);
	else
		plan->enter[plan->enters++] =
			(struct step){ .bar = i, .range = vpci_bar_range(v, i, bar->guest), .at = bar->guest };
	bar->refused = ret;
}

/* False: the guest's map is as the guest wants it. */
static bool make_plan(struct vpci_dev *v, struct plan *plan) REQUIRES(pci_vpci_class)
{
	plan->leaves = plan->enters = 0;
	plan->retired = v->retired;
	v->retired = NULL;
	for (unsigned int i = 0; i < BARS; i++) {
		plan_leave(v, i, plan);
		plan_enter(v, i, plan);
	}
	return plan->leaves || plan->enters || plan->retired;
}

/* ---- without a lock ---- */

/* All that leave share one shoot-down. 0: none of them is in anybody's reach any more. */
static int carry_out_leaves(struct plan *plan)
{
	bool shoot_down = false;
	int ret, failed = 0;

	for (unsigned int i = 0; i < plan->leaves; i++) {
		struct step *s = &plan->leave[i];

		if (s->begun)
			shoot_down = true;
		else
			s->ret = vpci_map_leave(&s->range, &shoot_down);
		s->begun = !s->ret;
	}
	ret = shoot_down ? vpci_map_shootdown() : 0;
	for (unsigned int i = 0; i < plan->leaves; i++) {
		struct step *s = &plan->leave[i];

		if (s->begun)
			s->ret = ret;
		if (!s->ret)
			vpci_map_left(&s->range);
		failed |= s->ret;
	}
	return failed;
}

/* First all that leave: a device may swap two of its BARs. */
static void carry_out(struct plan *plan)
{
	if (carry_out_leaves(plan))
		plan->enters = 0;
	for (unsigned int i = 0; i < plan->enters; i++)
		plan->enter[i].ret = vpci_map_enter(&plan->enter[i].range);
	(void)pci_msi_release(plan->retired); /* what fails is logged: nobody else gets those entries */
}

/* ---- under the lock again ---- */

static int commit_leave(struct vpci_dev *v, const struct step *s) REQUIRES(pci_vpci_class)
{
	struct vpci_bar *bar = &v->bar[s->bar];

	bar->placed = s->ret;
	bar->leaving = s->ret && s->begun;
	if (s->ret)
		log_error("vpci: " SBDF_FMT " BAR %u cannot be taken from 0x%llx (%d)",
			  SBDF_ARGS(v->dev->sbdf), s->bar, (unsigned long long)bar->placed_at, s->ret);
	return s->ret;
}

/* Two that overlap: the second one is recorded, and waits. */
static void commit_enter(struct vpci_dev *v, const struct step *s) REQUIRES(pci_vpci_class)
{
	struct vpci_bar *bar = &v->bar[s->bar];

	bar->placed = !s->ret || s->ret == -EEXIST;
	bar->placed_at = s->at;
	bar->refused = !bar->placed && bar->guest == s->at;
	if (s->ret)
		vpci_bar_complain(v, s->bar, s->ret);
}

static int commit(struct vpci_dev *v, const struct plan *plan) REQUIRES(pci_vpci_class)
{
	int ret = 0;

	for (unsigned int i = 0; i < plan->leaves; i++) {
		int err = commit_leave(v, &plan->leave[i]);

		ret = ret ? ret : err;
	}
	for (unsigned int i = 0; i < plan->enters; i++)
		commit_enter(v, &plan->enter[i]);
	return ret;
}

int vpci_remap(struct pci_dev *dev)
{
	struct plan plan;
	int ret = 0;

	pci_vpci_lock(dev);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct vpci_dev *v = dev->vpci;

		if (ret || !make_plan(v, &plan)) {
			v->unsettled = ret;
			v->remapping = false;
			if (!ret)
				vpci_decode_off(v);
			pci_vpci_unlock(dev);
			return ret;
		}
		pci_vpci_unlock(dev);
		carry_out(&plan);
		pci_vpci_lock(dev);
		ret = commit(dev->vpci, &plan);
	}
	pci_dev_get(dev, PCI_REF_WORK);
	work_post(&dev->vpci->work);
	pci_vpci_unlock(dev);
	return -EINPROGRESS;
}

/* Goes on where vpci_remap() stopped; it is still the remapper, so the state is there, and the device. */
void vpci_remap_work(struct work *w)
{
	struct pci_dev *dev = container_of(w, struct vpci_dev, work)->dev;

	(void)vpci_remap(dev); /* what fails is logged, and tried again with the guest's next write */
	pci_dev_put(dev, PCI_REF_WORK);
}

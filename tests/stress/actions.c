/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a CPU does inside Fairlead in one round: one of the things that the object model must stand, chosen
 * at random. Each answer is held against what the rules allow; which of the allowed ones comes depends on
 * the other threads.
 */
#include "core/errno.h"
#include "core/manage/manage.h"
#include "drivers/pci/sriov.h"
#include "drivers/vpci/vpci.h"
#include "tests/fake/fake_threads.h"
#include "tests/stress/stress.h"

#define LOOKUPS_A_ROUND 8u
#define LIVES_A_ROUND	8u
#define ORACLE_ROUNDS	512u /* it runs in one of so many */

/* The address of a device, and whether a remove of it is under way: from the call until it is gone. */
static _Atomic bool removing[HOT];
static _Atomic unsigned int last_removed;
_Atomic u64 assign_calls[HOT];
/*
 * Generation + 1 of the tenant that was last seen to be dying. Until the slot is emptied nobody may find
 * it.
 */
static _Atomic u64 dying[HOT];

/* xorshift64*: fast, and the same for each seed. */
u64 random_number(struct actor *a)
{
	a->random ^= a->random >> 12;
	a->random ^= a->random << 25;
	a->random ^= a->random >> 27;
	return a->random * 0x2545f4914f6cdd1du;
}

static u64 below(struct actor *a, u64 limit)
{
	return (random_number(a) >> 16) % limit;
}

static void count(_Atomic u64 *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static struct sbdf hot(unsigned int i)
{
	return (struct sbdf){ 0, HOT_BDF(i) };
}

static void unexpected(const char *what, struct sbdf sbdf, int ret)
{
	complain("%s " SBDF_FMT " answered %d", what, SBDF_ARGS(sbdf), ret);
}

/* ---- lookups ---- */

/* Every other lookup goes to where a remove was last begun: that is where the races are. */
static unsigned int choose(struct actor *a)
{
	if (below(a, 2))
		return atomic_load_explicit(&last_removed, memory_order_relaxed);
	return (unsigned int)below(a, HOT);
}

static void let_go(struct actor *a)
{
	struct pci_dev **place = &a->held[a->next_held++ % HELD];

	if (*place)
		pci_dev_put(*place, PCI_REF_WORK);
	*place = NULL;
}

/* Keeps a reference for some rounds, as an operation of several steps does; lets go of the oldest. */
static void keep(struct actor *a, struct pci_dev *dev)
{
	unsigned int place = a->next_held % HELD;

	let_go(a);
	pci_dev_convert(dev, PCI_REF_TRANSIENT, PCI_REF_WORK);
	a->held[place] = dev;
}

void drop_held(struct actor *a)
{
	for (unsigned int i = 0; i < HELD; i++) {
		if (a->held[i])
			pci_dev_put(a->held[i], PCI_REF_WORK);
		a->held[i] = NULL;
	}
}

static void look(struct actor *a)
{
	unsigned int i = choose(a);
	bool overlap = atomic_load_explicit(&removing[i], memory_order_relaxed);
	u64 dead = atomic_load(&dying[i]);
	struct pci_dev *dev = pci_dev_find(hot(i));

	if (dev && dead == pci_slot_generation(hot(i)) + 1)
		complain("a lookup found " SBDF_FMT ", which is dying", SBDF_ARGS(hot(i)));
	overlap |= atomic_load_explicit(&removing[i], memory_order_relaxed);
	count(&counters.lookups);
	if (overlap)
		count(&counters.overlaps);
	if (!dev)
		return;
	count(&counters.hits);
	if (dev->sbdf.bdf != HOT_BDF(i) || dev->vendor != 0x8086)
		complain("a lookup of " SBDF_FMT " gave another device", SBDF_ARGS(hot(i)));
	if (below(a, 8) == 0 && pci_dev_state(dev) < PCI_LIVE)
		complain("a found device is not published");
	if (below(a, 16) == 0)
		keep(a, dev);
	else
		pci_dev_put(dev, PCI_REF_TRANSIENT);
}

/* ---- the guest's config accesses ---- */

/*
 * Where BAR 1 goes: home, or onto another device's. A driver that finds another's MSI-X table where it left its own would
 * write into that, and the messages of two devices would be wrong by the guest's own doing: so no two tables share an
 * address. A device with one goes onto its neighbour's BAR, which has none; those without one go anywhere.
 */
static u32 second_bar(struct actor *a, unsigned int i)
{
	if (below(a, 3))
		return HOT_TABLE(i);
	return HOT_TABLE(HAS_MSIX(i) ? i - 1 : below(a, HOT));
}

static void write_config(struct actor *a, unsigned int i)
{
	struct sbdf sbdf = hot(i);

	switch (below(a, 4)) {
	case 0: /* decoding on and off */
		vpci_write(sbdf, 0x04, 2, below(a, 4) ? 0x0006 : 0x0000);
		break;
	case 1: /* a BAR home, or onto another device's */
		vpci_write(sbdf, 0x10, 4, HOT_BAR(below(a, 3) ? i : below(a, HOT)));
		break;
	case 2: /* the same with the one that may hold an MSI-X table */
		vpci_write(sbdf, 0x14, 4, second_bar(a, i));
		break;
	default: /* sizing */
		vpci_write(sbdf, 0x14, 4, 0xffffffff);
		(void)vpci_read(sbdf, 0x14, 4);
		vpci_write(sbdf, 0x14, 4, HOT_TABLE(i));
	}
}

static void access_config(struct actor *a)
{
	unsigned int i = (unsigned int)below(a, HOT);

	count(&counters.config);
	if (below(a, 2)) {
		(void)vpci_read(hot(i), (unsigned int)below(a, 0x400), 1u << below(a, 4));
		return;
	}
	meddle_begin(i);
	write_config(a, i);
	meddle_end(i);
}

/* ---- life and death ---- */

static void add(struct actor *a, unsigned int i)
{
	int ret = pci_dev_add(hot(i));

	(void)a;
	if (ret == 0)
		count(&counters.lifecycles);
	else if (ret == -EBUSY)
		count(&counters.add_busy);
	else if (ret != -ENODEV) /* pulled out */
		unexpected("add", hot(i), ret);
}

static void remove_and_add(struct actor *a)
{
	unsigned int i = (unsigned int)below(a, HOT);
	u64 generation = pci_slot_generation(hot(i));
	struct pci_reason why;
	u32 ticket;
	int ret;

	atomic_store(&last_removed, i);
	atomic_store(&removing[i], true);
	ret = pci_dev_remove(hot(i), &ticket, &why);
	switch (ret) {
	case 0:
		atomic_store(&removing[i], false);
		break;
	case -EINPROGRESS: /* `removing` ends with the completion event */
		count(&counters.in_progress);
		if (pci_slot_generation(hot(i)) == generation)
			atomic_store(&dying[i], generation + 1);
		break;
	case -EBUSY:
		count(&counters.busy);
		atomic_store(&removing[i], false);
		if (!why.text[0])
			complain("a refusal without a reason");
		return;
	case -EALREADY:
		count(&counters.already);
		return;
	case -ENODEV:
		count(&counters.nodev);
		atomic_store(&removing[i], false);
		break;
	default:
		unexpected("remove", hot(i), ret);
	}
	if (below(a, 2))
		add(a, i);
}

/*
 * Another card in the slot, which has just got power. Its BARs are empty then, and Fairlead gives out no addresses: who does
 * is the firmware's hot-plug handler, before anybody sees the card. Now and then it does not, and until the next card
 * comes nobody can use this one's registers.
 */
static void plug_in(struct actor *a, unsigned int i)
{
	struct ft_fn *f = ft_fn[HOT_BDF(i)];

	ft_power_up(f);
	if (below(a, 8)) {
		ft_put(f, 0x10, 4, HOT_BAR(i));
		ft_put(f, 0x14, 4, HOT_TABLE(i));
	}
	atomic_store_explicit(&f->absent, false, memory_order_relaxed);
}

static void vanish(struct actor *a)
{
	unsigned int i = (unsigned int)below(a, HOT);
	struct pci_dev *dev = pci_dev_find(hot(i));

	if (!dev)
		return;
	ft_pull_out(HOT_BDF(i), true);
	if (pci_dev_read(dev, 0, 2) == 0xffff)
		count(&counters.vanished);
	pci_dev_put(dev, PCI_REF_TRANSIENT);
	plug_in(a, i);
}

/* ---- changes of owner ---- */

static void change_owner(struct actor *a)
{
	unsigned int i = (unsigned int)below(a, HOT);
	struct pci_reason why;
	u32 ticket;
	int ret;

	if (below(a, 8) == 0) {
		ret = manage_reset(hot(i), &ticket, &why);
	} else if (below(a, 2)) {
		count(&assign_calls[i]);
		ret = manage_assign(hot(i), &ticket, &why);
	} else {
		ret = manage_deassign(hot(i), &ticket, &why);
	}
	if (ret == -EINPROGRESS)
		return;
	count(&counters.refused);
	if (ret != -EBUSY && ret != -EALREADY && ret != -ENODEV && ret != -EPERM)
		unexpected("assign, deassign or reset", hot(i), ret);
}

/* Virtual functions come and go, and now and then somebody tries to take their PF away under them. */
static void change_vfs(struct actor *a)
{
	struct sbdf sbdf = { 0, PF_BDF };
	struct pci_dev *pf = pci_dev_find(sbdf);
	struct pci_reason why;
	u32 ticket;
	struct pci_dev *vf = pci_dev_find((struct sbdf){ 0, VF_BDF(0) });
	bool on = below(a, 2), existed = vf;
	int ret;

	if (vf)
		pci_dev_put(vf, PCI_REF_TRANSIENT);
	if (!pf) {
		(void)!pci_dev_add(sbdf); /* the remove below has won once */
		return;
	}
	ret = on ? pci_vfs_enable(pf, 1 + (unsigned int)below(a, PF_VFS), &ticket, &why) :
		   pci_vfs_disable(pf, &ticket, &why);
	if (ret == 0 || ret == -EINPROGRESS)
		count(on ? &counters.vfs_on : existed ? &counters.vfs_off : &counters.refused);
	else if (ret != -EBUSY && ret != -ENODEV && ret != -EALREADY)
		unexpected("VFs of", sbdf, ret);
	pci_dev_put(pf, PCI_REF_TRANSIENT);
	if (below(a, 4))
		return;
	ret = pci_dev_remove(sbdf, &ticket, &why);
	if (ret && ret != -EINPROGRESS && ret != -EBUSY && ret != -EALREADY && ret != -ENODEV)
		unexpected("remove of PF", sbdf, ret);
}

/* ---- events ---- */

void stress_event(const struct pci_event *event, void *ctx)
{
	unsigned int i = (event->sbdf.bdf >> 3) - 16u;

	(void)ctx;
	switch (event->op) {
	case PCI_OP_REMOVE:
	case PCI_OP_SURPRISE:
		if (i < HOT)
			atomic_store(&removing[i], false);
		break;
	case PCI_OP_ADD:
		if (event->result == 0)
			count(&counters.lifecycles);
		break;
	case PCI_OP_ASSIGN:
		count(event->result ? &counters.refused : &counters.assigned);
		break;
	case PCI_OP_RESET:
		count(event->result ? &counters.refused : &counters.resets);
		break;
	case PCI_OP_DEASSIGN:
		count(event->result ? &counters.refused : &counters.deassigned);
		break;
	default:
		break;
	}
}

/*
 * At any moment, and for a part of the run at the end of each operation, too. Not of all: each time all threads meet, and
 * between two meetings they must have time to race.
 */
static void look_around(struct actor *a)
{
	oracle_after_operations(true);
	oracle_run(&ft_vm, "a round");
	count(&counters.oracle_runs);
	oracle_after_operations(below(a, 4) == 0);
}

void act(struct actor *a)
{
	u64 dice = below(a, 1000);

	if (below(a, ORACLE_ROUNDS) == 0)
		look_around(a);

	if (below(a, 8) == 0) /* or the dying would wait for the held for ever */
		let_go(a);
	if (dice < 500) {
		for (unsigned int i = 0; i < LOOKUPS_A_ROUND; i++)
			look(a);
	} else if (dice < 700) {
		access_config(a);
	} else if (dice < 720) {
		switch_off(a);
	} else if (dice < 800) {
		change_messages(a);
	} else if (dice < 900) {
		for (unsigned int i = 0; i < LIVES_A_ROUND; i++)
			remove_and_add(a);
	} else if (dice < 980) {
		change_owner(a);
	} else if (dice < 997) {
		change_vfs(a);
	} else {
		vanish(a);
	}
}

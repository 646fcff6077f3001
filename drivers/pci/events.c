/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Completion events: a ring, filled from anywhere but NMI context, delivered in order by deferred work to the
 * one listener. The ring's lock is a leaf and is not held while the listener runs; `delivering` keeps a
 * second CPU from overtaking.
 */
#include "core/log.h"
#include "core/work.h"
#include "drivers/pci/internal.h"
#include "drivers/pci/pci.h"

static LOCK_CLASS(events_class, "pci_events");
static struct spinlock events_lock LEAF_LOCK = SPINLOCK_INIT(events_class);
static struct pci_event ring[PCI_EVENTS_MAX] GUARDED_BY(events_lock);
static u32 head GUARDED_BY(events_lock), waiting GUARDED_BY(events_lock);
static bool delivering GUARDED_BY(events_lock);
static u64 lost GUARDED_BY(events_lock);
static void (*listener)(const struct pci_event *event, void *ctx) GUARDED_BY(events_lock);
static void *listener_ctx GUARDED_BY(events_lock);
static struct work deliver_work;

/* One event to the listener. False: there is none, or another CPU is at it. */
static bool deliver_one(bool mine)
{
	void (*fn)(const struct pci_event *event, void *ctx);
	struct pci_event event;
	void *ctx;

	spin_lock(&events_lock);
	if ((delivering && !mine) || !waiting) {
		if (mine)
			delivering = false;
		spin_unlock(&events_lock);
		return false;
	}
	delivering = true;
	event = ring[head];
	head = (head + 1) % PCI_EVENTS_MAX;
	waiting--;
	fn = listener;
	ctx = listener_ctx;
	spin_unlock(&events_lock);
	if (fn)
		fn(&event, ctx);
	return true;
}

static void deliver(struct work *w)
{
	unsigned int n = 0;

	while (n < PCI_EVENTS_MAX && deliver_one(n > 0))
		n++;
	if (n < PCI_EVENTS_MAX)
		return;
	/* As many came as the ring holds: let others have the CPU. */
	spin_lock(&events_lock);
	delivering = false;
	spin_unlock(&events_lock);
	work_post(w);
}

void pci_events_init(void)
{
	work_init(&deliver_work, deliver);
	spin_lock(&events_lock);
	head = waiting = 0;
	lost = 0;
	delivering = false;
	spin_unlock(&events_lock);
}

void pci_set_event_listener(void (*fn)(const struct pci_event *event, void *ctx), void *ctx)
{
	spin_lock(&events_lock);
	listener = fn;
	listener_ctx = ctx;
	spin_unlock(&events_lock);
}

void pci_event_post(const struct pci_event *event)
{
	bool full;

	spin_lock(&events_lock);
	full = waiting == PCI_EVENTS_MAX;
	if (full)
		lost++;
	else
		ring[(head + waiting++) % PCI_EVENTS_MAX] = *event;
	spin_unlock(&events_lock);
	if (full)
		log_error("pci: " SBDF_FMT ": event of %s lost: nobody fetches them", SBDF_ARGS(event->sbdf),
			  pci_op_name(event->op));
	work_post(&deliver_work);
}

u64 pci_events_lost(void)
{
	u64 n;

	spin_lock(&events_lock);
	n = lost;
	spin_unlock(&events_lock);
	return n;
}

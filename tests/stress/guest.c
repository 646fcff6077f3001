/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest, between an entry and the next exit: its CPU touches device registers through a TLB that keeps
 * translations until it is flushed, and its devices write to memory. What was in quarantine all the while
 * must not be reached by either.
 */
#include "core/shootdown.h"
#include "drivers/vpci/vpci.h"
#include "tests/fake/fake_iommu.h"
#include "tests/fake/fake_threads.h"
#include "tests/stress/stress.h"

#define ACCESSES_A_LONG_ENTRY 64u /* as long as nobody kicks */
#define ACCESSES_A_KICK	      8u  /* that many a CPU may still do until the kick arrives */

extern _Atomic u64 assign_calls[HOT];

struct standing look_at(unsigned int i)
{
	struct pci_dev_info info;
	u32 from = HOT_BDF(i);
	struct standing s = { .calls = atomic_load(&assign_calls[i]) };

	if (pci_dev_info_next(&from, &info) && info.sbdf.bdf == HOT_BDF(i)) {
		bool at_rest = info.state == PCI_LIVE && info.op == PCI_OP_NONE;

		s.quarantined = at_rest && info.owner == PCI_OWNER_QUARANTINE;
		s.guests = at_rest && info.owner == PCI_OWNER_GUEST && !(info.flags & PCI_FLAG_GONE);
		s.generation = info.generation;
	}
	return s;
}

bool unchanged(struct standing before, unsigned int i)
{
	struct standing after = look_at(i);

	return before.quarantined == after.quarantined && before.guests == after.guests &&
	       before.generation == after.generation && before.calls == after.calls;
}

static bool quarantined_throughout(struct standing before, unsigned int i)
{
	return before.quarantined && unchanged(before, i);
}

/*
 * The page walker of a CPU: it reads tables while they change, as hardware does, so the sanitizers look
 * away. AMD64 APM vol. 2, 15.25: an identity of four levels, bit 0 present, bit 7 large.
 */
__attribute__((no_sanitize("thread"), no_sanitize("address"))) static u64 walk(u64 gpa)
{
	u64 *table = ft_vm.stage2.root;

	for (unsigned int level = 4; level; level--) {
		unsigned int shift = 12 + 9 * (level - 1);
		u64 entry = *(volatile u64 *)&table[(gpa >> shift) & 511];

		if (!(entry & 1))
			return 0;
		if (level == 1 || (entry & 0x80))
			return (entry & 0x000ffffffffff000u & ~((1ull << shift) - 1)) | (gpa & ((1ull << shift) - 1));
		table = (u64 *)(uintptr_t)(entry & 0x000ffffffffff000u);
	}
	return 0;
}

/*
 * A device that is switched off: how many writes to its Command and BARs had begun then, and how often it had been
 * given to somebody. As long as both are so, nobody reaches it.
 */
static struct {
	_Atomic u64 meddlers, calls;
} off[HOT];
static _Atomic unsigned int last_off;

static bool is_off(unsigned int i, struct standing s, u64 meddled)
{
	return meddled && s.guests && atomic_load(&off[i].meddlers) == meddled && atomic_load(&off[i].calls) == s.calls;
}

/* Nothing is left to be done: no remapper is under way as deferred work. */
static bool settled(unsigned int i)
{
	struct pci_dev *dev = pci_dev_find((struct sbdf){ 0, HOT_BDF(i) });
	bool is = false;

	if (!dev)
		return false;
	(void)vpci_attached(dev, &is);
	pci_dev_put(dev, PCI_REF_TRANSIENT);
	return is;
}

void switch_off(struct actor *a)
{
	unsigned int i = (unsigned int)((random_number(a) >> 16) % HOT);
	struct sbdf sbdf = { 0, HOT_BDF(i) };
	struct standing before;
	u64 meddled;

	if (!be_driver(i))
		return;
	before = look_at(i);
	atomic_store(&last_off, i);
	sched_yield(); /* others get it into their TLBs */
	meddle_begin(i);
	vpci_write(sbdf, 0x04, 2, 0);
	meddle_end(i);
	meddled = meddlers(i);
	if (meddled && before.guests && settled(i) && vpci_read(sbdf, 0x04, 2) == 0 && unchanged(before, i)) {
		atomic_store(&off[i].calls, before.calls);
		atomic_store(&off[i].meddlers, meddled);
		atomic_fetch_add_explicit(&counters.switched_off, 1, memory_order_relaxed);
		for (unsigned int n = 0; n < 4; n++)
			sched_yield(); /* others run, and look */
	}
	meddle_begin(i);
	vpci_write(sbdf, 0x04, 2, 6);
	meddle_end(i);
	stop_driving(i);
}

static u64 translate(struct actor *a, u64 gpa)
{
	unsigned int line = (unsigned int)(gpa >> PAGE_SHIFT) % TLB;

	if (a->tlb[line].gpa != gpa) {
		u64 hpa = walk(gpa);

		if (!hpa)
			return 0; /* an absent translation is not cached (APM 5.5.2) */
		a->tlb[line].gpa = gpa;
		a->tlb[line].hpa = hpa;
	}
	return a->tlb[line].hpa;
}

static void touch_registers(struct actor *a, unsigned int i, u64 gpa)
{
	struct standing before = look_at(i);
	u64 meddled = meddlers(i);
	bool was_off = is_off(i, before, meddled);
	u64 hpa = translate(a, gpa);

	if (hpa && hpa - HOT_BAR(i) < 0x10000 && was_off && is_off(i, look_at(i), meddlers(i)) && meddlers(i) == meddled)
		complain("the guest reached a BAR of device %u, which it has switched off", i);
	for (unsigned int n = 0; n < HOT; n++) {
		if (HAS_MSIX(n) && hpa == HOT_TABLE(n))
			complain("the guest reached the MSI-X table of device %u", n);
	}

	if (hpa && hpa - HOT_BAR(i) < 0x10000 && quarantined_throughout(before, i))
		complain("the guest reached a BAR of device %u, which is in quarantine", i);
	atomic_fetch_add_explicit(hpa ? &counters.guest_reached : &counters.guest_nothing, 1, memory_order_relaxed);
}

static void write_by_dma(unsigned int i)
{
	struct standing before = look_at(i);
	bool through = fi_dma(HOT_BDF(i), DMA_PAGE);

	if (through && quarantined_throughout(before, i))
		complain("device %u, which is in quarantine, reached memory", i);
	atomic_fetch_add_explicit(through ? &counters.dma_reached : &counters.dma_blocked, 1, memory_order_relaxed);
}

static void one_access(struct actor *a)
{
	u64 random = random_number(a) >> 16;
	unsigned int i = (unsigned int)(random % HOT), where = (unsigned int)(random >> 8) % HOT;

	/* where i's registers, or another's, may stand */
	touch_registers(a, i, random >> 16 & 1 ? HOT_BAR(where) : HOT_TABLE(where));
	write_by_dma(i);
}

/* Longer than an exit of another CPU takes: what it takes away there, this CPU has in its TLB. */
static void stay(struct actor *a)
{
	for (unsigned int n = 0; n < ACCESSES_A_LONG_ENTRY; n++) {
		unsigned int i = atomic_load_explicit(&last_off, memory_order_relaxed);

		touch_registers(a, i, HOT_BAR(i));
		if (n % ACCESSES_A_KICK)
			continue;
		if (atomic_load_explicit(&kicked[host_cpu], memory_order_relaxed) ||
		    atomic_load_explicit(&stop, memory_order_relaxed))
			return;
		sched_yield();
	}
}

void be_the_guest(struct actor *a)
{
	if (shootdown_enter(&ft_vm.shootdown))
		memset(a->tlb, 0, sizeof(a->tlb));
	one_access(a);
	send_messages(a);
	if (random_number(a) % 64 == 0)
		stay(a);
	shootdown_exit(&ft_vm.shootdown);
	if (atomic_exchange_explicit(&kicked[host_cpu], false, memory_order_relaxed))
		atomic_fetch_add_explicit(&counters.kicked, 1, memory_order_relaxed);
}

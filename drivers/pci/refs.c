/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * References. Release builds count; debug builds also keep books: how many of each kind, and where the
 * holders took theirs, so that a refusal can name them. The books are lock-free, because a put may happen
 * under any lock.
 *
 * A place in the list of holders is free while its kind is BASE: BASE and OWNER always exist and are not
 * listed. Who claims one sets the kind and then the site; who clears one takes the site and then frees the
 * kind.
 */
#include "core/lockcheck.h"
#include "core/log.h"
#include "core/trace.h"
#include "drivers/pci/internal.h"
#include "drivers/pci/pci.h"

const char *pci_ref_kind_name(enum pci_ref_kind kind)
{
	static const char *const names[PCI_REF_KINDS] = {
		[PCI_REF_BASE] = "base",     [PCI_REF_OWNER] = "owner", [PCI_REF_VPCI] = "vpci",
		[PCI_REF_MSI] = "msi",	     [PCI_REF_ATS] = "ats",	[PCI_REF_PF] = "pf",
		[PCI_REF_PARENT] = "parent", [PCI_REF_WORK] = "work",	[PCI_REF_TRANSIENT] = "transient",
	};

	return (unsigned int)kind < PCI_REF_KINDS ? names[kind] : "unknown";
}

#ifdef FL_DEBUG
#define PLACE_FREE ((u32)PCI_REF_BASE)

void pci_kind_up(struct pci_dev *dev, enum pci_ref_kind kind)
{
	atomic_fetch_add_explicit(&dev->refs_by_kind[kind], 1, memory_order_relaxed);
}

/* Before the put: afterwards the object may be another device's. */
void pci_kind_down(struct pci_dev *dev, enum pci_ref_kind kind)
{
	if (atomic_fetch_sub_explicit(&dev->refs_by_kind[kind], 1, memory_order_relaxed) == 0)
		panic(SBDF_FMT ": a %s reference was dropped that nobody took", SBDF_ARGS(dev->sbdf),
		      pci_ref_kind_name(kind));
}

static bool is_listed(enum pci_ref_kind kind)
{
	return kind != PCI_REF_BASE && kind != PCI_REF_OWNER;
}

void pci_holder_add(struct pci_dev *dev, enum pci_ref_kind kind, struct code_site site)
{
	if (kind == PCI_REF_TRANSIENT)
		lockcheck_ref(dev, site, true);
	for (unsigned int i = 0; i < PCI_SITES && is_listed(kind); i++) {
		u32 expected = PLACE_FREE;

		if (atomic_load_explicit(&dev->holder_kind[i], memory_order_relaxed) != PLACE_FREE ||
		    !atomic_compare_exchange_strong_explicit(&dev->holder_kind[i], &expected, (u32)kind,
							     memory_order_acquire, memory_order_relaxed))
			continue;
		atomic_store_explicit(&dev->holder_site[i], site.text, memory_order_release);
		return;
	}
}

/*
 * A put does not say which get it undoes. Who came last usually leaves first, and new ones take the lowest
 * place, so this begins at the top: the name of one who holds on for long stays.
 */
static bool holder_clear_one(struct pci_dev *dev, enum pci_ref_kind kind)
{
	for (unsigned int i = PCI_SITES; i-- > 0;) {
		const char *site = NULL;

		if (atomic_load_explicit(&dev->holder_kind[i], memory_order_acquire) == (u32)kind)
			site = atomic_exchange_explicit(&dev->holder_site[i], NULL, memory_order_acquire);
		/*
		 * Only who got the site may free the place, and so it keeps its kind; it may have changed
		 * before.
		 */
		if (!site)
			continue;
		if (atomic_load_explicit(&dev->holder_kind[i], memory_order_relaxed) != (u32)kind) {
			atomic_store_explicit(&dev->holder_site[i], site, memory_order_release);
			continue;
		}
		atomic_store_explicit(&dev->holder_kind[i], PLACE_FREE, memory_order_release);
		return true;
	}
	return false;
}

void pci_holder_del(struct pci_dev *dev, enum pci_ref_kind kind)
{
	if (kind == PCI_REF_TRANSIENT)
		lockcheck_ref(dev, HERE, false);
	/* Others may take the places we look at, in front of us and behind us: look twice. */
	if (is_listed(kind) && !holder_clear_one(dev, kind))
		(void)holder_clear_one(dev, kind);
}
#endif

/*
 * What is done all the time asks first whether it is traced and then goes another way, out of line: so it needs no stack frame
 * when it is not.
 */
#define TRACED __attribute__((cold, noinline)) static

static void trace_ref(enum trace_event event, const struct pci_dev *dev, enum pci_ref_kind kind, u32 from)
{
	trace(event, (u16)kind, 0, from, (u32)dev->sbdf.segment << 16 | dev->sbdf.bdf);
}

static bool MUST_CHECK try(struct pci_dev *dev)
{
	if (!refcnt_get_unless_zero(&dev->refs))
		return false;
	pci_kind_up(dev, PCI_REF_TRANSIENT);
	return true;
}

TRACED bool MUST_CHECK traced_try(struct pci_dev *dev)
{
	bool taken = try(dev);

	if (taken)
		trace_ref(TRACE_REF_GET, dev, PCI_REF_TRANSIENT, 0);
	return taken;
}

bool pci_ref_try(struct pci_dev *dev)
{
	return trace_on(TRACE_CLASS_REFS) ? traced_try(dev) : try(dev);
}

static bool MUST_CHECK drop(struct pci_dev *dev, enum pci_ref_kind kind)
{
	pci_kind_down(dev, kind);
	return refcnt_put(&dev->refs);
}

TRACED bool MUST_CHECK traced_drop(struct pci_dev *dev, enum pci_ref_kind kind)
{
	trace_ref(TRACE_REF_PUT, dev, kind, 0); /* afterwards the object may be another device's */
	return drop(dev, kind);
}

bool pci_ref_drop(struct pci_dev *dev, enum pci_ref_kind kind)
{
	return trace_on(TRACE_CLASS_REFS) ? traced_drop(dev, kind) : drop(dev, kind);
}

void pci_refs_init(struct pci_dev *dev)
{
	refcnt_init(&dev->refs);
	pci_kind_up(dev, PCI_REF_BASE);
	pci_dev_get(dev, PCI_REF_OWNER);
}

static void get(struct pci_dev *dev, enum pci_ref_kind kind, struct code_site site)
{
	refcnt_get(&dev->refs);
	pci_kind_up(dev, kind);
	pci_holder_add(dev, kind, site);
}

TRACED void traced_get(struct pci_dev *dev, enum pci_ref_kind kind, struct code_site site)
{
	get(dev, kind, site);
	trace_ref(TRACE_REF_GET, dev, kind, 0);
}

void pci_dev_get_at(struct pci_dev *dev, enum pci_ref_kind kind, struct code_site site)
{
	if (trace_on(TRACE_CLASS_REFS))
		traced_get(dev, kind, site);
	else
		get(dev, kind, site);
}

static void put(struct pci_dev *dev, enum pci_ref_kind kind)
{
	pci_holder_del(dev, kind);
	if (drop(dev, kind))
		work_post(&dev->release);
}

TRACED void traced_put(struct pci_dev *dev, enum pci_ref_kind kind)
{
	trace_ref(TRACE_REF_PUT, dev, kind, 0);
	put(dev, kind);
}

void pci_dev_put(struct pci_dev *dev, enum pci_ref_kind kind)
{
	if (trace_on(TRACE_CLASS_REFS))
		traced_put(dev, kind);
	else
		put(dev, kind);
}

void pci_dev_convert_at(struct pci_dev *dev, enum pci_ref_kind from, enum pci_ref_kind to,
			struct code_site site)
{
	trace_ref(TRACE_REF_CONVERT, dev, to, (u32)from);
	/* Up before down: the sum of the kinds is never less than the count. */
	pci_kind_up(dev, to);
	pci_holder_add(dev, to, site);
	pci_holder_del(dev, from);
	pci_kind_down(dev, from);
}

/* ---- for people ---- */

void pci_reason_add(struct pci_reason *why, const char *fmt, ...)
{
	size_t used = 0;
	va_list ap;

	if (!why)
		return;
	while (used < sizeof(why->text) - 1 && why->text[used])
		used++;
	va_start(ap, fmt);
	(void)fl_vsnprintf(why->text + used, sizeof(why->text) - used, fmt, ap);
	va_end(ap);
}

#ifdef FL_DEBUG
/* " (file:line, file:line)": where the holders of that kind took theirs. */
static void add_sites(struct pci_reason *why, const struct pci_dev *dev, u32 kind)
{
	const char *before = " (";

	for (unsigned int i = 0; i < PCI_SITES; i++) {
		const char *site = atomic_load_explicit(&dev->holder_site[i], memory_order_acquire);

		if (!site || atomic_load_explicit(&dev->holder_kind[i], memory_order_relaxed) != kind)
			continue;
		pci_reason_add(why, "%s%s", before, site);
		before = ", ";
	}
	if (before[0] == ',')
		pci_reason_add(why, ")");
}

void pci_reason_add_holders(struct pci_reason *why, const struct pci_dev *dev, u32 own)
{
	const char *before = "; held by ";

	for (u32 kind = 0; kind < PCI_REF_KINDS; kind++) {
		u32 n = atomic_load_explicit(&dev->refs_by_kind[kind], memory_order_relaxed);

		if (!is_listed((enum pci_ref_kind)kind) || n <= (kind == PCI_REF_TRANSIENT ? own : 0))
			continue;
		pci_reason_add(why, "%s%s %u", before, pci_ref_kind_name((enum pci_ref_kind)kind),
			       n - (kind == PCI_REF_TRANSIENT ? own : 0));
		/* The others' places are known by their kind; these may come from anywhere. */
		if (kind == PCI_REF_WORK || kind == PCI_REF_TRANSIENT)
			add_sites(why, dev, kind);
		before = ", ";
	}
}
#else
void pci_reason_add_holders(struct pci_reason *why UNUSED, const struct pci_dev *dev UNUSED, u32 own UNUSED)
{
}
#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way in: devices are shown to the guest and withdrawn, and its configuration accesses are split into
 * dwords and handed to the rows of the one device they name. One lookup, one reference, one lock; nothing
 * here grows with the number of devices.
 */
#include "core/errno.h"
#include "core/counters.h"
#include "core/log.h"
#include "core/trace.h"
#include "core/pages.h"
#include "core/string.h"
#include "drivers/pci/msi.h"
#include "drivers/pci/regs.h"
#include "drivers/vpci/row.h"

static const struct vpci_platform *platform;

static LOCK_CLASS(pool_class, "vpci_pool");
/* Which entries are in use, and `retired`. */
static struct spinlock pool_lock LEAF_LOCK = SPINLOCK_INIT(pool_class);
static struct vpci_dev *pool; /* pool_size blocks of VPCI_DEV_PAGES pages; written at boot */
static unsigned int pool_size;
static struct vpci_stats retired GUARDED_BY(pool_lock); /* counts of devices that were detached */
static _Atomic u64 absent_reads, absent_writes; /* of functions that the guest does not have */

const struct vpci_platform *vpci_platform(void)
{
	return platform;
}

static struct vpci_dev *pool_entry(unsigned int i)
{
	return (struct vpci_dev *)(void *)((u8 *)pool + (size_t)i * VPCI_DEV_PAGES * PAGE_SIZE);
}

int vpci_init(struct vm *vm, const struct vpci_platform *p, unsigned int devices)
{
	if (!p || !p->may_map)
		return -EINVAL;
	pool = pages_alloc_contig((u64)devices * VPCI_DEV_PAGES, PAGE_SIZE);
	if (!pool)
		return -ENOMEM;
	pool_size = devices;
	platform = p;
	spin_lock(&pool_lock);
	retired = (struct vpci_stats){ 0 };
	spin_unlock(&pool_lock);
	atomic_store(&absent_reads, 0);
	atomic_store(&absent_writes, 0);
	if (pci_msi_init(PCI_MSI_MESSAGES))
		return -ENOMEM;
	return vpci_barmap_init(vm, devices);
}

static struct vpci_dev *pool_get(struct pci_dev *dev)
{
	struct vpci_dev *v = NULL;

	spin_lock(&pool_lock);
	for (unsigned int i = 0; i < pool_size && !v; i++) {
		if (!pool_entry(i)->dev)
			v = pool_entry(i);
	}
	if (v)
		v->dev = dev;
	spin_unlock(&pool_lock);
	return v;
}

static u64 counted(const _Atomic u64 *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void add_stats(struct vpci_stats *sum, const struct vpci_counters *s)
{
	sum->reads += counted(&s->reads);
	sum->writes += counted(&s->writes);
	sum->passed_reads += counted(&s->passed_reads);
	sum->passed_writes += counted(&s->passed_writes);
	sum->refused_writes += counted(&s->refused_writes);
}

static void pool_put(struct vpci_dev *v)
{
	spin_lock(&pool_lock);
	add_stats(&retired, &v->stats);
	memset(v, 0, sizeof(*v));
	spin_unlock(&pool_lock);
}

void vpci_get_stats(struct vpci_stats *out)
{
	spin_lock(&pool_lock);
	*out = retired;
	for (unsigned int i = 0; i < pool_size; i++)
		add_stats(out, &pool_entry(i)->stats);
	spin_unlock(&pool_lock);
	out->reads += atomic_load_explicit(&absent_reads, memory_order_relaxed);
	out->writes += atomic_load_explicit(&absent_writes, memory_order_relaxed);
}

/* ---- attach and detach ---- */

/* A guest looks at function 0 first; if that is not there it looks no further. */
static void warn_if_unreachable(struct pci_dev *dev)
{
	struct sbdf sbdf = { dev->sbdf.segment, (u16)(dev->sbdf.bdf & ~7u) };
	struct pci_dev *first;

	if (PCI_FN(dev->sbdf.bdf) == 0)
		return;
	first = pci_dev_find(sbdf);
	if (!first || (atomic_load_explicit(&first->flags, memory_order_relaxed) & PCI_FLAG_HIDDEN))
		log_warn("vpci: the guest will not find " SBDF_FMT ": function 0 of its slot is hidden",
			 SBDF_ARGS(dev->sbdf));
	if (first)
		pci_dev_put(first, PCI_REF_TRANSIENT);
}

static int build(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	u8 cap_pointer;
	int ret;

	v->chipset = PCI_BASE_CLASS(v->dev->class_code) == PCI_BASE_CLASS_BRIDGE ||
		     v->dev->header_type != PCI_HEADER_ENDPOINT;
	vpci_bars_init(v);
	ret = vpci_build_caps(v, &cap_pointer);
	if (!ret)
		ret = vpci_build_ext_caps(v);
	if (!ret)
		ret = vpci_build_header(v, cap_pointer);
	return ret;
}

/* What the guest will see, complete; NULL and why not in *err. */
static struct vpci_dev *make(struct pci_dev *dev, int *err) REQUIRES(pci_vpci_class)
{
	struct vpci_dev *v = dev->vpci ? NULL : pool_get(dev);

	*err = dev->vpci ? -EBUSY : -ENOMEM;
	if (!v)
		return NULL;
	*err = build(v);
	if (!*err)
		return v;
	vpci_msix_free(v);
	pool_put(v);
	return NULL;
}

int vpci_attach(struct pci_dev *dev)
{
	struct vpci_dev *v;
	int ret;

	pci_vpci_lock(dev);
	v = make(dev, &ret);
	if (v) {
		pci_dev_get(dev, PCI_REF_VPCI);
		work_init(&v->work, vpci_remap_work);
		v->remapping = true;
		vpci_msi_start(v);
		vpci_msix_start(v);
		dev->vpci = v;
	}
	pci_vpci_unlock(dev);
	if (!v)
		return ret;
	(void)vpci_remap(dev); /* what cannot be mapped is said, and reads all-ones */
	warn_if_unreachable(dev);
	return 0;
}

int vpci_withdraw_start(struct pci_dev *dev)
{
	struct vpci_dev *v;
	int ret = -EINPROGRESS;

	pci_vpci_lock(dev);
	v = dev->vpci;
	if (v) {
		v->closing = true;
		vpci_wish(v);
		if (vpci_remap_claim(v))
			ret = 0;
	}
	pci_vpci_unlock(dev);
	if (!v)
		return -ENODEV;
	return ret ? ret : vpci_remap(dev);
}

/* Withdrawn, through and through? */
static bool may_detach(const struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	return v->closing && !v->remapping && !v->unsettled;
}

int vpci_detach(struct pci_dev *dev)
{
	struct pci_msi *messages;
	struct vpci_dev *v;
	int ret;

	pci_vpci_lock(dev);
	v = dev->vpci;
	if (!v || !may_detach(v)) {
		pci_vpci_unlock(dev);
		return v ? -EBUSY : -ENODEV;
	}
	messages = pci_msi_shrink(dev, false, pci_msi_shrink(dev, true, v->retired));
	vpci_msix_free(v);
	dev->vpci = NULL;
	pci_vpci_unlock(dev);
	ret = pci_msi_release(messages);
	pool_put(v);
	pci_dev_put(dev, PCI_REF_VPCI);
	return ret;
}

/* ---- for the oracle ---- */

bool vpci_attached(struct pci_dev *dev, bool *settled)
{
	struct vpci_dev *v;
	bool attached;

	pci_vpci_lock(dev);
	v = dev->vpci;
	attached = v;
	if (settled)
		*settled = !v || (!v->unsettled && !v->remapping);
	pci_vpci_unlock(dev);
	return attached;
}

bool vpci_bar_info(struct pci_dev *dev, unsigned int i, struct vpci_bar_info *out)
{
	const struct vpci_bar *bar;
	struct vpci_range range;
	bool found;

	pci_vpci_lock(dev);
	found = dev->vpci && i <= PCI_ROM_BAR && dev->vpci->bar[i].present;
	if (found) {
		bar = &dev->vpci->bar[i];
		range = vpci_bar_range(dev->vpci, i, bar->placed_at);
		*out = (struct vpci_bar_info){
			.wanted = vpci_bar_wanted(dev->vpci, bar),
			.placed = bar->placed,
			.mapped = bar->placed && vpci_map_holds(&range),
			.io = bar->io,
			.guest = bar->guest,
			.placed_at = bar->placed_at,
			.host = bar->host,
			.size = bar->size,
			.trap_from = bar->trap_from,
			.trap_to = bar->trap_to,
		};
	}
	pci_vpci_unlock(dev);
	return found;
}

/* ---- the guest's accesses ---- */

static u64 all_ones(unsigned int size)
{
	return GENMASK64(8 * size - 1, 0);
}

static bool access_is_sane(unsigned int offset, unsigned int size)
{
	return (size == 1 || size == 2 || size == 4 || size == 8) && offset < PCIE_CFG_SIZE;
}

/*
 * How many of `left` bytes from offset on lie in its dword: the root complex splits there, low part first
 * (PCIe 7.2.2).
 */
static unsigned int within_dword(unsigned int offset, unsigned int left)
{
	unsigned int room = 4 - (offset & 3);

	return left < room ? left : room;
}

/*
 * Does the device answer now? While it is reset, its registers do not mean anything. Of a reset that the
 * guest asked for it tells the end itself: it answers with its vendor ID.
 */
static bool answers(struct pci_dev *dev)
{
	if (pci_dev_has(dev, PCI_FLAG_BUSY) && !pci_dev_has(dev, PCI_FLAG_RESETTING))
		(void)pci_dev_read(dev, PCI_VENDOR_ID, 2);
	return !pci_dev_has(dev, PCI_FLAG_GONE) && !pci_dev_has(dev, PCI_FLAG_BUSY);
}

/* What the guest sees of a device; NULL: nothing. */
static struct vpci_dev *visible(struct pci_dev *dev) REQUIRES(pci_vpci_class)
{
	return dev->vpci && !dev->vpci->closing ? dev->vpci : NULL;
}

static u64 device_read(struct vpci_dev *v, unsigned int offset, unsigned int size) REQUIRES(pci_vpci_class)
{
	u64 value = 0;

	for (unsigned int done = 0, n; done < size; done += n) {
		u64 part;

		n = within_dword(offset + done, size - done);
		part = offset + done < v->dev->cfg_size ? vpci_dword_read(v, offset + done, n) : all_ones(n);
		value |= part << (8 * done);
	}
	/* The vendor ID may just have told that the device is gone: then the rest was not real either. */
	return pci_dev_has(v->dev, PCI_FLAG_GONE) ? all_ones(size) : value;
}

static void device_write(struct vpci_dev *v, unsigned int offset, unsigned int size, u64 value)
	REQUIRES(pci_vpci_class)
{
	for (unsigned int done = 0, n; done < size; done += n) {
		n = within_dword(offset + done, size - done);
		if (offset + done < v->dev->cfg_size)
			vpci_dword_write(v, offset + done, n, (u32)(value >> (8 * done)));
	}
}

u64 vpci_read(struct sbdf sbdf, unsigned int offset, unsigned int size)
{
	struct pci_dev *dev = access_is_sane(offset, size) ? pci_dev_find(sbdf) : NULL;
	u64 value = size <= 8 && size ? all_ones(size) : ~(u64)0;
	bool seen = false;

	if (dev) {
		struct vpci_dev *v;

		pci_vpci_lock(dev);
		v = visible(dev);
		seen = v;
		if (v) {
			vpci_count(&v->stats.reads, 1);
			if (answers(dev))
				value = device_read(v, offset, size);
		}
		pci_vpci_unlock(dev);
		pci_dev_put(dev, PCI_REF_TRANSIENT);
	}
	if (!seen)
		atomic_fetch_add_explicit(&absent_reads, 1, memory_order_relaxed);
	count_event(COUNT_CONFIG_READ);
	trace(TRACE_CONFIG_READ, (u16)offset, value, (u32)sbdf.segment << 16 | sbdf.bdf, size);
	return value;
}

/*
 * What a write has begun, when the lock is given back. The flush first: what waits for interrupts should not wait
 * for a shoot-down.
 */
static void unlock_and_finish(struct pci_dev *dev, struct vpci_dev *v) RELEASES(dev->vpci_lock, pci_vpci_class)
{
	struct vpci_flush flush = { 0 };
	bool remap = false;

	if (v) {
		remap = vpci_remap_claim(v);
		flush = vpci_flush_take(v);
	}
	pci_vpci_unlock(dev);
	if (flush.wanted)
		vpci_flush_finish(dev, &flush);
	if (remap)
		(void)vpci_remap(dev); /* what fails is logged; the guest's next write tries again */
}

void vpci_write(struct sbdf sbdf, unsigned int offset, unsigned int size, u64 value)
{
	struct pci_dev *dev = access_is_sane(offset, size) ? pci_dev_find(sbdf) : NULL;
	bool seen = false;

	if (dev) {
		struct vpci_dev *v;

		pci_vpci_lock(dev);
		v = visible(dev);
		seen = v;
		if (v) {
			vpci_count(&v->stats.writes, 1);
			if (answers(dev))
				device_write(v, offset, size, value);
		}
		unlock_and_finish(dev, v);
		pci_dev_put(dev, PCI_REF_TRANSIENT);
	}
	if (!seen)
		atomic_fetch_add_explicit(&absent_writes, 1, memory_order_relaxed);
	trace(TRACE_CONFIG_WRITE, (u16)offset, value, (u32)sbdf.segment << 16 | sbdf.bdf, size);
	count_event(COUNT_CONFIG_WRITE);
}

/* ---- the pages of MSI-X tables ---- */

/* [at, at + size) is in [from, from + length). */
static bool is_within(u64 at, u64 size, u64 from, u64 length)
{
	return at - from < length && size <= length - (at - from);
}

/*
 * The whole access is in that BAR, which stands there and is decoded, and on the pages of its table: no others are
 * in Fairlead's own map.
 */
static bool stands_at(struct vpci_dev *v, unsigned int i, gpa_t gpa, unsigned int size) REQUIRES(pci_vpci_class)
{
	const struct vpci_bar *bar = &v->bar[i];
	gpa_t pages = ALIGN_DOWN(bar->placed_at, PAGE_SIZE) + bar->trap_from;

	return vpci_bar_wanted(v, bar) && bar->placed && !bar->leaving && bar->placed_at == bar->guest &&
	       is_within(gpa, size, pages, bar->trap_to - bar->trap_from) &&
	       is_within(gpa, size, bar->placed_at, bar->size);
}

bool vpci_trap(gpa_t gpa, unsigned int size, bool write, u64 *value)
{
	struct pci_dev *dev;
	struct vpci_dev *v;
	struct sbdf sbdf;
	unsigned int bar;
	bool there;

	if (!vpci_map_trapped(gpa, &sbdf, &bar))
		return false;
	dev = pci_dev_find(sbdf);
	if (!dev)
		return false;
	pci_vpci_lock(dev);
	v = visible(dev);
	there = v && stands_at(v, bar, gpa, size);
	if (there)
		count_event(COUNT_MSIX_TABLE);
	if (there && answers(dev) && vpci_msix_reachable(v))
		vpci_msix_access(v, bar, gpa - v->bar[bar].placed_at, size, write, value);
	else if (there && !write)
		*value = all_ones(size);
	unlock_and_finish(dev, v);
	pci_dev_put(dev, PCI_REF_TRANSIENT);
	return there;
}

/* ---- ECAM, as the guest sees it ---- */

/*
 * PCIe base spec 6.0, table 7-1: a function's 4 KiB page; bus, device and function are the page's number
 * from the window's base.
 */
static void ecam_access(void *ctx, gpa_t gpa, unsigned int size, bool write, u64 *value)
{
	const struct ecam_window *w = ctx;
	struct sbdf sbdf = { w->segment, (u16)((gpa - w->base) >> PAGE_SHIFT) };
	unsigned int offset = (unsigned int)(gpa & ~PAGE_MASK);

	if (write)
		vpci_write(sbdf, offset, size, *value);
	else
		*value = vpci_read(sbdf, offset, size);
}

int vpci_add_ecam_regions(struct vm *vm)
{
	static struct ecam_window copy[ECAM_WINDOWS_MAX]; /* what the regions' ctx point to */
	const struct ecam_window *windows;
	unsigned int count = pci_ecam_windows(&windows);

	for (unsigned int i = 0; i < count; i++) {
		struct vm_mmio_region region = {
			.base = windows[i].base + ((u64)windows[i].first_bus << 20),
			.size = ((u64)windows[i].last_bus - windows[i].first_bus + 1) << 20,
			.fn = ecam_access,
			.ctx = &copy[i],
			.name = "ECAM",
		};
		int ret;

		copy[i] = windows[i];
		ret = vm_add_region(vm, &region);
		if (ret)
			return ret;
	}
	return 0;
}

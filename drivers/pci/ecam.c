/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Enhanced configuration access: each function's 4 KiB of configuration space is a page of memory (PCIe
 * base spec 6.0, 7.2.2). Where is firmware's word (MCFG, device tree): each field is checked before an address is computed from it.
 */
#include "core/errno.h"
#include "core/log.h"
#include "core/mmio.h"
#include "core/string.h"
#include "drivers/pci/pci.h"

#define ECAM_BUS_SHIFT \
	20 /* PCIe base spec 6.0, table 7-1: 27:20 bus, 19:15 device, 14:12 function, 11:0 register */
#define ECAM_FN_SHIFT  12

static struct ecam_window windows[ECAM_WINDOWS_MAX]; /* written at boot, constant afterwards */
static unsigned int window_count;

static const struct ecam_window *window_of(struct sbdf sbdf)
{
	for (unsigned int i = 0; i < window_count; i++) {
		const struct ecam_window *w = &windows[i];

		if (w->segment == sbdf.segment && PCI_BUS(sbdf.bdf) >= w->first_bus &&
		    PCI_BUS(sbdf.bdf) <= w->last_bus)
			return w;
	}
	return NULL;
}

static bool ecam_reaches(void *ctx, struct sbdf sbdf, unsigned int offset)
{
	(void)ctx;
	return offset < PCIE_CFG_SIZE && window_of(sbdf);
}

/*
 * The register's address, or NULL where no window is. A BDF is bus, device and function in ECAM's own
 * order.
 */
static volatile void *ecam_address(struct sbdf sbdf, unsigned int offset)
{
	const struct ecam_window *w = window_of(sbdf);

	return w ? phys_to_virt(w->base + ((u64)sbdf.bdf << ECAM_FN_SHIFT) + offset) : NULL;
}

static u32 ecam_read(void *ctx, struct sbdf sbdf, unsigned int offset, unsigned int size)
{
	volatile void *addr = ecam_address(sbdf, offset);

	(void)ctx;
	if (!addr)
		return 0xffffffffu;
	/*
	 * A two-byte access at an odd offset stays within its dword, but a load must be aligned: two bytes
	 * then.
	 */
	if (size == 2 && (offset & 1)) {
		u32 low = mmio_read8(addr);

		return low | (u32)mmio_read8((volatile u8 *)addr + 1) << 8;
	}
	switch (size) {
	case 1:
		return mmio_read8(addr);
	case 2:
		return mmio_read16(addr);
	default:
		return mmio_read32(addr);
	}
}

static void ecam_write(void *ctx, struct sbdf sbdf, unsigned int offset, unsigned int size, u32 value)
{
	volatile void *addr = ecam_address(sbdf, offset);

	(void)ctx;
	if (!addr)
		return;
	if (size == 2 && (offset & 1)) {
		mmio_write8(addr, (u8)value);
		mmio_write8((volatile u8 *)addr + 1, (u8)(value >> 8));
		return;
	}
	switch (size) {
	case 1:
		mmio_write8(addr, (u8)value);
		break;
	case 2:
		mmio_write16(addr, (u16)value);
		break;
	default:
		mmio_write32(addr, value);
	}
}

static const struct pci_cfg_ops ecam_ops = {
	.name = "ECAM",
	.read = ecam_read,
	.write = ecam_write,
	.reaches = ecam_reaches,
};

static u64 window_start(const struct ecam_window *w)
{
	return w->base + ((u64)w->first_bus << ECAM_BUS_SHIFT);
}

static u64 window_size(const struct ecam_window *w)
{
	return ((u64)w->last_bus - w->first_bus + 1) << ECAM_BUS_SHIFT;
}

static bool windows_collide(const struct ecam_window *a, const struct ecam_window *b)
{
	if (ranges_overlap(window_start(a), window_size(a), window_start(b), window_size(b)))
		return true;
	return a->segment == b->segment && a->first_bus <= b->last_bus && b->first_bus <= a->last_bus;
}

/* What is wrong with the window, given the ones before it; NULL: nothing. */
static const char *window_fault(const struct ecam_window *w, const struct ecam_window *before,
				unsigned int count)
{
	if (w->first_bus > w->last_bus)
		return "its bus range is reversed";
	if (!w->base)
		return "its base is 0";
	if (!IS_ALIGNED(w->base, (u64)1 << ECAM_BUS_SHIFT))
		return "its base is not a multiple of 1 MiB";
	if (w->base > UINT64_MAX - ((u64)256 << ECAM_BUS_SHIFT))
		return "its end wraps past 2^64";
	for (unsigned int i = 0; i < count; i++) {
		if (windows_collide(w, &before[i]))
			return "it overlaps an earlier entry";
	}
	return NULL;
}

int pci_ecam_set(const struct ecam_window *window, unsigned int count, const char *source)
{
	static bool registered;

	if (!count || count > ECAM_WINDOWS_MAX) {
		log_error("%s: %u entries; 1 to %d are supported", source, count, ECAM_WINDOWS_MAX);
		return -EINVAL;
	}
	for (unsigned int i = 0; i < count; i++) {
		const struct ecam_window *w = &window[i];
		const char *fault = window_fault(w, window, i);

		if (fault) {
			log_error("%s: entry %u (base 0x%llx, segment %u, buses %u-%u): %s", source, i,
				  (unsigned long long)w->base, w->segment, w->first_bus, w->last_bus, fault);
			return -EINVAL;
		}
	}
	memcpy(windows, window, count * sizeof(*window));
	window_count = count;
	if (!registered) {
		int ret = pci_cfg_register(&ecam_ops, NULL);

		if (ret)
			return ret;
		registered = true;
	}
	return (int)count;
}

unsigned int pci_ecam_windows(const struct ecam_window **out)
{
	*out = windows;
	return window_count;
}

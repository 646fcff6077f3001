/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Start-up, as far as it is no architecture's (bringup.h).
 */
#include "core/manage/bringup.h"

#include "core/errno.h"
#include "core/image.h"
#include "core/log.h"
#include "core/manage/manage.h"
#include "core/pages.h"
#include "core/trace.h"
#include "drivers/iommu/iommu.h"

/* Functions that may come to the guest after boot: virtual ones, plugged-in ones. */
#define LATER_DEVICES 128

void must(int ret, const char *what)
{
	if (ret)
		panic("%s: error %d", what, ret);
}

void bringup_log_memory(const struct memmap *map, paddr_t image)
{
	for (unsigned int i = 0; i < map->count; i++) {
		const struct mem_range *r = &map->range[i];

		log_info("memory: 0x%012llx - 0x%012llx %s", (unsigned long long)r->base,
			 (unsigned long long)(r->base + r->size - 1), mem_type_name(r->type));
	}
	log_info("memory: image at 0x%llx, text 0x%llx - 0x%llx, rodata 0x%llx - 0x%llx", (unsigned long long)image,
		 (unsigned long long)virt_to_phys(__text_start), (unsigned long long)virt_to_phys(__text_end) - 1,
		 (unsigned long long)virt_to_phys(__rodata_start), (unsigned long long)virt_to_phys(__rodata_end) - 1);
}

void bringup_trace(unsigned int cpus)
{
	void *rings = pages_alloc_contig(cpus * (TRACE_RING_BYTES / PAGE_SIZE), PAGE_SIZE);

	must(rings ? 0 : -ENOMEM, "the trace");
	trace_init(cpus, rings);
}

void bringup_quiesce_devices(void)
{
	for (struct pci_dev *dev = pci_dev_next(NULL); dev; dev = pci_dev_next(dev))
		pci_dev_stop_dma(dev);
}

/* ---- the guest's maps ---- */

void bringup_map_guest(struct vm *vm, const struct memmap *map, const char *why)
{
	if (iommu_first()) {
		must(iommu_enable_all(), "switching the IOMMU on");
		must(iommu_domain_init(&vm->dma), "the guest's DMA domain");
		vm->dma_on = true;
	} else {
		log_warn("UNPROTECTED: no IOMMU is used, devices can reach all memory (iommu=%s)", why);
	}
	must(vm_map_memory(vm, map), "the guest's memory map");
}

void bringup_cut(struct vm *vm, paddr_t base, u64 size)
{
	const paddr_t start = ALIGN_DOWN(base, PAGE_SIZE), end = ALIGN_UP(base + size, PAGE_SIZE);

	if (size)
		must(vm_unmap_mmio(vm, start, end - start), "cutting registers out of the guest's map");
}

void bringup_cut_registers(struct vm *vm)
{
	const struct ecam_window *window;
	unsigned int windows = pci_ecam_windows(&window);

	for (unsigned int i = 0; i < windows; i++) {
		const u64 first = (u64)window[i].first_bus << 20, last = ((u64)window[i].last_bus + 1) << 20;

		bringup_cut(vm, window[i].base + first, last - first);
	}
	for (struct iommu *iommu = iommu_first(); iommu; iommu = iommu->next)
		bringup_cut(vm, iommu->registers, iommu->registers_size);
}

/* ---- devices ---- */

/*
 * Firmware's own wishes (RMRR): reachable for one device only would need a domain of its own; the guest's RAM it is not, so it is
 * mapped for the guest's devices as the firmware asked, unless it would open memory of ours.
 */
static void map_reserved_regions(struct vm *vm, const struct memmap *map)
{
	struct iommu_reserved r;

	for (unsigned int i = 0; iommu_reserved_region(i, &r); i++) {
		if (memmap_is(map, r.base, r.size, MEM_RESERVED)) {
			must(iommu_map(&vm->dma, r.base, r.base, r.size, PT_READ | PT_WRITE), "mapping a reserved region (RMRR)");
			log_info("iommu: reserved region 0x%llx for " SBDF_FMT " stays reachable", (unsigned long long)r.base,
				 SBDF_ARGS(r.sbdf));
		} else {
			log_warn("iommu: reserved region 0x%llx for " SBDF_FMT " is not reserved memory: not mapped",
				 (unsigned long long)r.base, SBDF_ARGS(r.sbdf));
		}
	}
}

static unsigned int count_devices(void)
{
	unsigned int n = 0;

	for (struct pci_dev *dev = pci_dev_next(NULL); dev; dev = pci_dev_next(dev))
		n++;
	return n;
}

static void hide_device(struct pci_dev *dev, void (*hide)(struct pci_dev *dev))
{
	log_info("pci: " SBDF_FMT " is hidden from the guest", SBDF_ARGS(dev->sbdf));
	if (hide)
		hide(dev);
}

/* What cannot be given stays in quarantine, as if the configuration had hidden it. */
static void give_device(struct pci_dev *dev, void (*hide)(struct pci_dev *dev))
{
	struct pci_reason why;
	int ret = manage_give_at_boot(dev, &why);

	if (!ret)
		return;
	log_warn("pci: " SBDF_FMT ": not given to the guest: %s (%d)", SBDF_ARGS(dev->sbdf), why.text, ret);
	atomic_fetch_or(&dev->flags, PCI_FLAG_HIDDEN);
	hide_device(dev, hide);
}

void bringup_give_devices(struct vm *vm, const struct vpci_platform *platform, const struct memmap *map,
			  void (*hide)(struct pci_dev *dev))
{
	must(vpci_init(vm, platform, count_devices() + LATER_DEVICES), "virtual PCI");
	must(vpci_add_ecam_regions(vm), "emulated ECAM");
	manage_init(vm);
	oracle_set_memory(map);
	if (vm->dma_on)
		map_reserved_regions(vm, map);
	for (struct pci_dev *dev = pci_dev_next(NULL); dev; dev = pci_dev_next(dev)) {
		if (dev->flags & PCI_FLAG_HIDDEN)
			hide_device(dev, hide);
		else
			give_device(dev, hide);
	}
	if (vm->dma_on)
		must(iommu_invalidate(&vm->dma, 0, 0), "flushing the IOMMU");
	oracle_run(vm, "boot");
}

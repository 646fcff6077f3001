/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fairlead's own address space (own_map.h): an identity map.
 */
#include "core/own_map.h"

#include "core/image.h"
#include "drivers/iommu/iommu.h"
#include "drivers/pci/pci.h"

#define ECAM_BUS_BYTES ((u64)1 << 20) /* PCIe base spec 6.0, 7.2.2 */

int own_map_image(struct pagetable *pt, unsigned int text_prot)
{
	paddr_t text = virt_to_phys(__text_start), rodata = virt_to_phys(__rodata_start), data = virt_to_phys(__data_start);
	int ret;

	ret = pt_map(pt, text, text, (u64)(__text_end - __text_start), text_prot);
	if (!ret)
		ret = pt_map(pt, rodata, rodata, (u64)(__rodata_end - __rodata_start), PT_READ);
	if (!ret)
		ret = pt_map(pt, data, data, (u64)(__data_end - __data_start), PT_READ | PT_WRITE);
	return ret;
}

static int map_around_image(struct pagetable *pt, const struct mem_range *r, paddr_t image, paddr_t image_end)
{
	paddr_t end = r->base + r->size;
	int ret = 0;

	if (!ranges_overlap(r->base, r->size, image, image_end - image))
		return pt_map(pt, r->base, r->base, r->size, PT_READ | PT_WRITE);
	if (r->base < image)
		ret = pt_map(pt, r->base, r->base, image - r->base, PT_READ | PT_WRITE);
	if (!ret && end > image_end)
		ret = pt_map(pt, image_end, image_end, end - image_end, PT_READ | PT_WRITE);
	return ret;
}

int own_map_memory(struct pagetable *pt, const struct memmap *map, paddr_t image, u64 image_size, unsigned int user)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < map->count; i++) {
		const struct mem_range *r = &map->range[i];

		if (r->type == MEM_FAIRLEAD)
			ret = map_around_image(pt, r, image, ALIGN_UP(image + image_size, PAGE_SIZE));
		else if (r->type == MEM_RAM)
			ret = pt_map(pt, r->base, r->base, r->size, PT_READ | PT_WRITE | user);
		else if (r->type == MEM_ACPI_RECLAIM) /* the guest's tables are there (acpi_keep_cpus()) */
			ret = pt_map(pt, r->base, r->base, r->size, PT_READ | PT_WRITE);
		else if (r->type == MEM_ACPI_NVS)
			ret = pt_map(pt, r->base, r->base, r->size, PT_READ);
	}
	return ret;
}

int own_map_registers(struct pagetable *pt, paddr_t base, u64 size)
{
	const paddr_t start = ALIGN_DOWN(base, PAGE_SIZE), end = ALIGN_UP(base + size, PAGE_SIZE);

	if (!size || pt_lookup(pt, start, NULL, NULL, NULL) == 0)
		return 0;
	return pt_map(pt, start, start, end - start, PT_READ | PT_WRITE | PT_DEVICE);
}

int own_map_more_registers(struct pagetable *pt, paddr_t base, u64 size)
{
	int ret = 0;

	for (u64 done = 0; done < size && !ret; done += PAGE_SIZE)
		ret = own_map_registers(pt, base + done, PAGE_SIZE);
	return ret;
}

int own_map_pci(struct pagetable *pt)
{
	const struct ecam_window *window;
	unsigned int windows = pci_ecam_windows(&window);
	int ret = 0;

	for (unsigned int i = 0; !ret && i < windows; i++) {
		const u64 buses = (u64)window[i].last_bus - window[i].first_bus + 1;

		ret = own_map_registers(pt, window[i].base + window[i].first_bus * ECAM_BUS_BYTES, buses * ECAM_BUS_BYTES);
	}
	for (struct iommu *iommu = iommu_first(); !ret && iommu; iommu = iommu->next)
		ret = own_map_registers(pt, iommu->registers, iommu->registers_size);
	return ret;
}

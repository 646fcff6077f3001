/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds Fairlead's page tables with the shared writer and switches to them.
 *
 * What is mapped: the image with W^X, the page pool, all memory of the firmware's map (the guest's as user memory, no execute), and
 * the register blocks that Fairlead itself uses: ECAM, IOMMUs, APIC, HPET; later, the MSI-X tables of the guest's devices.
 */
#include "arch/x86/paging.h"

#include "arch/x86/cpu.h"
#include "arch/x86/desc.h"
#include "arch/x86/smap.h"
#include "arch/x86/vcpu.h"
#include "boot/boot_info.h"
#include "core/arch.h"
#include "core/image.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/pagetable/pagetable.h"
#include "core/string.h"
#include "drivers/iommu/iommu.h"
#include "drivers/pci/pci.h"

#define CPUID_EXT_FEATURES 0x80000001u
#define CPUID_EXT_EDX_PAGE1GB BIT32(26)
#define CPUID_FEATURES7 7u
#define CPUID_7_EBX_SMEP BIT32(7)
#define CPUID_7_EBX_SMAP BIT32(20)
#define MSR_EFER 0xc0000080u

static LOCK_CLASS(host_tables_class, "host_tables");
/* Changes of `host` after boot; under it only the page allocator's. */
static struct spinlock host_lock ACQUIRED_AFTER(pci_vpci_class) ACQUIRED_BEFORE(leaf_locks) =
	SPINLOCK_INIT(host_tables_class);
static struct pagetable host;

static int map_image(void)
{
	paddr_t text = virt_to_phys(__text_start), rodata = virt_to_phys(__rodata_start), data = virt_to_phys(__data_start);
	int ret;

	ret = pt_map(&host, text, text, (u64)(__text_end - __text_start), PT_READ | PT_EXEC);
	if (!ret)
		ret = pt_map(&host, rodata, rodata, (u64)(__rodata_end - __rodata_start), PT_READ);
	if (!ret)
		ret = pt_map(&host, data, data, (u64)(__data_end - __data_start), PT_READ | PT_WRITE);
	for (unsigned int n = 0; !ret && n < STACKS; n++)
		ret = pt_unmap(&host, stack_guard_page(0, n), PAGE_SIZE);
	return ret;
}

/* Everything of ours but the image, which has rights of its own. */
static int map_fairlead_range(const struct mem_range *r)
{
	paddr_t image = boot_info.image_base, image_end = ALIGN_UP(image + boot_info.image_size, PAGE_SIZE);
	paddr_t end = r->base + r->size;
	int ret = 0;

	if (!ranges_overlap(r->base, r->size, image, image_end - image))
		return pt_map(&host, r->base, r->base, r->size, PT_READ | PT_WRITE);
	if (r->base < image)
		ret = pt_map(&host, r->base, r->base, image - r->base, PT_READ | PT_WRITE);
	if (!ret && end > image_end)
		ret = pt_map(&host, image_end, image_end, end - image_end, PT_READ | PT_WRITE);
	return ret;
}

static int map_memory(void)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < boot_info.memmap.count; i++) {
		const struct mem_range *r = &boot_info.memmap.range[i];

		if (r->type == MEM_FAIRLEAD)
			ret = map_fairlead_range(r);
		else if (r->type == MEM_RAM)
			ret = pt_map(&host, r->base, r->base, r->size, PT_READ | PT_WRITE | PT_USER);
		else if (r->type == MEM_ACPI_RECLAIM) /* the guest's tables are there (acpi_keep_cpus()) */
			ret = pt_map(&host, r->base, r->base, r->size, PT_READ | PT_WRITE);
		else if (r->type == MEM_ACPI_NVS)
			ret = pt_map(&host, r->base, r->base, r->size, PT_READ);
	}
	return ret;
}

/* Firmware may list a register block as reserved memory or name one twice: mapping it once is enough. */
static int map_registers(paddr_t base, u64 size)
{
	paddr_t end = ALIGN_UP(base + size, PAGE_SIZE);

	base = ALIGN_DOWN(base, PAGE_SIZE);
	if (!base || pt_lookup(&host, base, NULL, NULL, NULL) == 0)
		return 0;
	return pt_map(&host, base, base, end - base, PT_READ | PT_WRITE | PT_DEVICE);
}

static int map_devices(void)
{
	const struct ecam_window *window;
	unsigned int windows = pci_ecam_windows(&window);
	int ret = map_registers(boot_info.acpi.lapic_base, PAGE_SIZE);

	for (unsigned int i = 0; !ret && i < windows; i++) {
		u64 first = (u64)window[i].first_bus << 20, last = ((u64)window[i].last_bus + 1) << 20;

		ret = map_registers(window[i].base + first, last - first);
	}
	for (struct iommu *iommu = iommu_first(); !ret && iommu; iommu = iommu->next)
		ret = map_registers(iommu->registers, iommu->registers_size);
	if (!ret)
		ret = map_registers(boot_info.acpi.hpet_base, PAGE_SIZE);
	return ret;
}

/* Page by page, for a part may be there already; needs no flush: what was absent is not cached. */
int arch_map_registers(paddr_t base, u64 size)
{
	int ret = 0;

	spin_lock(&host_lock);
	for (u64 done = 0; done < size && !ret; done += PAGE_SIZE)
		ret = map_registers(base + done, PAGE_SIZE);
	spin_unlock(&host_lock);
	return ret;
}

static void write_cr3(u64 value)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

static void enable_protections(void)
{
	u32 features = cpuid(0, 0).eax >= CPUID_FEATURES7 ? cpuid(CPUID_FEATURES7, 0).ebx : 0;
	u64 cr0, cr4;

	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	/* Nothing else of the firmware's choice survives; five-level paging cannot be left without leaving long mode. */
	cr4 = (cr4 & (X86_CR4_PAE | X86_CR4_LA57)) | X86_CR4_MCE;
	if (features & CPUID_7_EBX_SMEP)
		cr4 |= X86_CR4_SMEP;
	if (features & CPUID_7_EBX_SMAP)
		cr4 |= X86_CR4_SMAP;
	__asm__ volatile("mov %0, %%cr0" : : "r"(cr0 | X86_CR0_WP) : "memory");
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4) : "memory");
	x86_smap_on = (features & CPUID_7_EBX_SMAP) != 0;
}

static bool five_levels(void)
{
	u64 cr4;

	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	return cr4 & X86_CR4_LA57;
}

void paging_load(void)
{
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | X86_EFER_NXE);
	write_cr3(virt_to_phys(host.root));
	enable_protections();
}

int paging_guard(u64 page)
{
	int ret;

	spin_lock(&host_lock);
	ret = pt_unmap(&host, page, PAGE_SIZE);
	write_cr3(virt_to_phys(host.root)); /* flushes; the other CPUs have not seen the page yet */
	spin_unlock(&host_lock);
	return ret;
}

int paging_seal_trampoline(paddr_t trampoline)
{
	paddr_t root = trampoline + PAGE_SIZE;
	int ret;

	spin_lock(&host_lock);
	ret = pt_unmap(&host, trampoline, PAGE_SIZE);
	if (!ret)
		ret = pt_map(&host, trampoline, trampoline, PAGE_SIZE, PT_READ | PT_EXEC);
	memcpy(phys_to_virt(root), host.root, PAGE_SIZE);
	write_cr3(virt_to_phys(host.root));
	spin_unlock(&host_lock);
	return ret;
}

int paging_init(void)
{
	unsigned int largest = cpuid(CPUID_EXT_FEATURES, 0).edx & CPUID_EXT_EDX_PAGE1GB ? 2 : 1;
	int ret = pt_init(&host, &pt_format_x86_64, five_levels() ? 5 : 4, largest);

	if (!ret)
		ret = map_image();
	if (!ret)
		ret = map_memory();
	if (!ret)
		ret = map_devices();
	if (ret)
		return ret;
	paging_load();
	return 0;
}

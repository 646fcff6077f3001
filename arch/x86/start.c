/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Boot services are gone: Fairlead takes the machine, step by step, and runs the guest. There is nobody left to return an error to,
 * so a step that fails ends in panic(), which resets the machine; whatever can be refused was refused before.
 *
 * The order matters: no device may write to memory between the moment the firmware lets go and the moment the IOMMU holds it, and
 * the guest's first instruction comes after both maps, its CPU's and its devices', are complete.
 */
#include "arch/x86/closed_ports.h"
#include "arch/x86/cpu.h"
#include "arch/x86/crash.h"
#include "arch/x86/desc.h"
#include "arch/x86/guest_boot.h"
#include "arch/x86/guest_walk.h"
#include "arch/x86/image.h"
#include "arch/x86/ioapic.h"
#include "arch/x86/lapic.h"
#include "arch/x86/nmi.h"
#include "arch/x86/paging.h"
#include "arch/x86/pci_ports.h"
#include "arch/x86/platform.h"
#include "arch/x86/smap.h"
#include "arch/x86/smp.h"
#include "arch/x86/svm/svm.h"
#include "arch/x86/timer.h"
#include "arch/x86/uart16550.h"
#include "boot/boot_info.h"
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/manage/manage.h"
#include "core/monitor/monitor.h"
#include "core/pages.h"
#include "core/panic.h"
#include "core/stack_protector.h"
#include "core/string.h"
#include "core/timer_debug.h"
#include "core/trace.h"
#include "core/vm.h"
#include "drivers/iommu/intr.h"
#include "drivers/pci/pci.h"
#include "drivers/vpci/vpci.h"

bool x86_smap_on;

#define CPUID_EXT_MAX 0x80000000u
#define CPUID_EXT_FEATURES 0x80000001u
#define CPUID_EXT_SIZES 0x80000008u /* EAX 7:0: physical address bits */
#define CPUID_EXT_EDX_PAGE1GB BIT32(26)

/* Interrupt messages and the local APIC's page (Intel SDM vol. 3A, 11.11.1) */
#define MESSAGE_AREA 0xfee00000u
#define MESSAGE_AREA_SIZE 0x100000u
/* The legacy video window and the option ROM area (PC/AT memory map). */
#define VGA_BASE 0xa0000u
#define VGA_SIZE 0x20000u
#define ROM_AREA_BASE 0xc0000u
#define ROM_AREA_SIZE 0x40000u
/* Functions that may come to the guest after boot: virtual ones, plugged-in ones. */
#define LATER_DEVICES 128

static void must(int ret, const char *what)
{
	if (ret)
		panic("%s: error %d", what, ret);
}

static void sink(enum log_level level, const char *line, size_t len)
{
	panic_note_line(level, line, len);
	uart_log_sink(level, line, len);
}

static void start_console(void)
{
	if (boot_info.config.console_port)
		uart_init(boot_info.config.console_port);
	panic_use_record(boot_info.panic_record);
	log_set_sink(sink);
	log_set_level(boot_info.config.loglevel);
}

static void log_memory(void)
{
	for (unsigned int i = 0; i < boot_info.memmap.count; i++) {
		const struct mem_range *r = &boot_info.memmap.range[i];

		log_info("memory: 0x%012llx - 0x%012llx %s", (unsigned long long)r->base, (unsigned long long)(r->base + r->size - 1),
			 mem_type_name(r->type));
	}
	log_info("memory: image at 0x%llx, text 0x%llx - 0x%llx, rodata 0x%llx - 0x%llx", (unsigned long long)boot_info.image_base,
		 (unsigned long long)virt_to_phys(__text_start), (unsigned long long)virt_to_phys(__text_end) - 1,
		 (unsigned long long)virt_to_phys(__rodata_start), (unsigned long long)virt_to_phys(__rodata_end) - 1);
}

/* Every device stops writing to memory; the guest's drivers switch bus mastering on again. */
static void quiesce_devices(void)
{
	for (struct pci_dev *dev = pci_dev_next(NULL); dev; dev = pci_dev_next(dev))
		pci_dev_stop_dma(dev);
}

/* What is not memory but belongs to the guest: interrupt controllers, trapped, and the legacy areas below 1 MiB. */
static void map_platform(void)
{
	must(ioapic_init(&guest), "the guest's I/O APICs");
	if (!memmap_touches(&boot_info.memmap, VGA_BASE, VGA_SIZE))
		must(vm_map_mmio(&guest, VGA_BASE, VGA_BASE, VGA_SIZE, PT_READ | PT_WRITE), "mapping the VGA window");
	if (!memmap_touches(&boot_info.memmap, ROM_AREA_BASE, ROM_AREA_SIZE))
		must(vm_map_mmio(&guest, ROM_AREA_BASE, ROM_AREA_BASE, ROM_AREA_SIZE, PT_READ), "mapping the option ROM area");
}

static void cut_page(paddr_t base, u64 size)
{
	paddr_t end = ALIGN_UP(base + size, PAGE_SIZE);

	base = ALIGN_DOWN(base, PAGE_SIZE);
	if (base)
		must(vm_unmap_mmio(&guest, base, end - base), "cutting registers out of the guest's map");
}

/* Firmware likes to list register blocks as reserved memory, which the guest reaches: those that are ours are taken out again. */
static void cut_registers(void)
{
	const struct ecam_window *window;
	unsigned int windows = pci_ecam_windows(&window);

	for (unsigned int i = 0; i < windows; i++) {
		u64 first = (u64)window[i].first_bus << 20, last = ((u64)window[i].last_bus + 1) << 20;

		cut_page(window[i].base + first, last - first);
	}
	for (struct iommu *iommu = iommu_first(); iommu; iommu = iommu->next)
		cut_page(iommu->registers, iommu->registers_size);
	cut_page(boot_info.acpi.hpet_base, PAGE_SIZE);
	/* All of it, not only the APIC's page: what a CPU writes there may become an interrupt message of any kind. */
	cut_page(MESSAGE_AREA, MESSAGE_AREA_SIZE);
	for (unsigned int i = 0; i < boot_info.acpi.ioapics; i++)
		cut_page(boot_info.acpi.ioapic[i].base, PAGE_SIZE);
}

static void build_guest_map(void)
{
	unsigned int largest = cpuid(CPUID_EXT_FEATURES, 0).edx & CPUID_EXT_EDX_PAGE1GB ? 2 : 1;

	must(vm_init(&guest, &pt_format_npt, 4, largest), "nested page table");
	if (iommu_first()) {
		must(iommu_enable_all(), "switching the IOMMU on");
		must(iommu_domain_init(&guest.dma), "the guest's DMA domain");
		guest.dma_on = true;
	} else {
		log_warn("UNPROTECTED: no IOMMU is used, devices can reach all memory (iommu=%s)",
			 boot_info.config.iommu == IOMMU_OFF ? "off" : "optional");
	}
	intr_start();
	must(vm_map_memory(&guest, &boot_info.memmap), "the guest's memory map");
	cut_registers();
}

/* Firmware's own wishes (RMRR): reachable for one device only would need a domain of its own; the guest's RAM it is not, so it is
 * mapped for the guest's devices as the firmware asked, unless it would open memory of ours. */
static void map_reserved_regions(void)
{
	struct iommu_reserved r;

	for (unsigned int i = 0; iommu_reserved_region(i, &r); i++) {
		if (memmap_is(&boot_info.memmap, r.base, r.size, MEM_RESERVED)) {
			must(iommu_map(&guest.dma, r.base, r.base, r.size, PT_READ | PT_WRITE), "mapping a reserved region (RMRR)");
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

static void hide_device(struct pci_dev *dev)
{
	log_info("pci: " SBDF_FMT " is hidden from the guest", SBDF_ARGS(dev->sbdf));
	if (closed_ports_hide(dev))
		log_warn("pci: " SBDF_FMT ": an I/O BAR cannot be closed, another rule has its ports", SBDF_ARGS(dev->sbdf));
}

/* What cannot be given stays in quarantine, and its ports are closed: as if the configuration had hidden it. */
static void give_device(struct pci_dev *dev)
{
	struct pci_reason why;
	int ret = manage_give_at_boot(dev, &why);

	if (!ret)
		return;
	log_warn("pci: " SBDF_FMT ": not given to the guest: %s (%d)", SBDF_ARGS(dev->sbdf), why.text, ret);
	atomic_fetch_or(&dev->flags, PCI_FLAG_HIDDEN);
	hide_device(dev);
}

static void give_devices(void)
{
	must(vpci_init(&guest, &x86_vpci_platform, count_devices() + LATER_DEVICES), "virtual PCI");
	must(vpci_add_ecam_regions(&guest), "emulated ECAM");
	manage_init(&guest);
	oracle_set_memory(&boot_info.memmap);
	if (guest.dma_on)
		map_reserved_regions();
	for (struct pci_dev *dev = pci_dev_next(NULL); dev; dev = pci_dev_next(dev)) {
		if (dev->flags & PCI_FLAG_HIDDEN)
			hide_device(dev);
		else
			give_device(dev);
	}
	if (guest.dma_on)
		must(iommu_invalidate(&guest.dma, 0, 0), "flushing the IOMMU");
	oracle_run(&guest, "boot");
}

/* A ring for each CPU. */
static void start_trace(void)
{
	void *rings = pages_alloc_contig(smp_wanted() * (TRACE_RING_BYTES / PAGE_SIZE), PAGE_SIZE);

	must(rings ? 0 : -ENOMEM, "the trace");
	trace_init(smp_wanted(), rings);
}

static void start_on_own_stack(void)
{
	int paging = paging_init();

	start_console();
	must(paging, "Fairlead's page tables");
	if (cpuid(CPUID_EXT_MAX, 0).eax >= CPUID_EXT_SIZES)
		guest_phys_bits = cpuid(CPUID_EXT_SIZES, 0).eax & 0xff;
	log_info("Fairlead runs: %llu KiB of memory for itself, %llu MiB for the guest",
		 (unsigned long long)memmap_bytes(&boot_info.memmap, MEM_FAIRLEAD) >> 10,
		 (unsigned long long)memmap_bytes(&boot_info.memmap, MEM_RAM) >> 20);
	panic_show_previous();
	log_memory();
	crash_if_asked(&boot_info.config);
	start_trace();
	lapic_park_other_cpus();
	smp_prepare();
	quiesce_devices();
	ioapic_quiet(&boot_info.acpi, &boot_info.memmap);
	build_guest_map();
	platform_init(&boot_info.acpi);
	map_platform();
	give_devices();
	must(svm_init(), "SVM");
	must(svm_start(&vcpus[0]), "SVM");
	nmi_init();
	timer_start(boot_info.acpi.hpet_base, boot_info.acpi.hpet_number);
	monitor_init(&guest, boot_info.config.monitor_escape);
	uart_start_input(boot_info.config.monitor_escape);
	guest_boot_state(&vcpus[0]);
	if (boot_info.config.debug_timer)
		timer_debug_start();
	smp_start();
	log_info("starting the guest; %llu KiB of pool left", (unsigned long long)pages_left() * 4);
	svm_run(&vcpus[0]);
}

/* No stack protector here: this is where its value changes. */
__attribute__((no_stack_protector)) void arch_start(void)
{
	__asm__ volatile("cli");
	__stack_chk_guard ^= (uintptr_t)rdtsc() << 8; /* the lowest byte stays 0 */
	desc_load(0);
	run_on_stack(stack_top(0, STACK_MAIN), start_on_own_stack);
}

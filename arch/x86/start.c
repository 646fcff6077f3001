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
#include "arch/x86/desc.h"
#include "arch/x86/guest_boot.h"
#include "arch/x86/guest_walk.h"
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
#include "arch/x86/uart_ports.h"
#include "boot/boot_info.h"
#include "core/arch.h"
#include "core/console/uart16550.h"
#include "core/crash.h"
#include "core/log.h"
#include "core/manage/bringup.h"
#include "core/monitor/monitor.h"
#include "core/pages.h"
#include "core/panic.h"
#include "core/pagetable/pagetable.h"
#include "core/stack_protector.h"
#include "core/timer_debug.h"
#include "core/vm.h"
#include "drivers/iommu/intr.h"
#include "drivers/pci/pci.h"

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
static void sink(enum log_level level, const char *line, size_t len)
{
	panic_note_line(level, line, len);
	console_log_sink(level, line, len);
}

static void start_console(void)
{
	if (boot_info.config.console_port)
		uart_init(boot_info.config.console_port);
	panic_use_record(boot_info.panic_record);
	log_set_sink(sink);
	log_set_level(boot_info.config.loglevel);
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

/* Registers that are ours, where firmware lists them as reserved memory, which the guest reaches. */
static void cut_registers(void)
{
	bringup_cut_registers(&guest);
	bringup_cut(&guest, boot_info.acpi.hpet_base, boot_info.acpi.hpet_base ? PAGE_SIZE : 0);
	/* All of it, not only the APIC's page: what a CPU writes there may become an interrupt message of any kind. */
	bringup_cut(&guest, MESSAGE_AREA, MESSAGE_AREA_SIZE);
	for (unsigned int i = 0; i < boot_info.acpi.ioapics; i++)
		bringup_cut(&guest, boot_info.acpi.ioapic[i].base, boot_info.acpi.ioapic[i].base ? PAGE_SIZE : 0);
}

static void build_guest_map(void)
{
	unsigned int largest = cpuid(CPUID_EXT_FEATURES, 0).edx & CPUID_EXT_EDX_PAGE1GB ? 2 : 1;

	must(vm_init(&guest, &pt_format_npt, 4, largest), "nested page table");
	bringup_map_guest(&guest, &boot_info.memmap, boot_info.config.iommu == IOMMU_OFF ? "off" : "optional");
	intr_start();
	cut_registers();
}

/* Its ports are closed, too. */
static void close_ports(struct pci_dev *dev)
{
	if (closed_ports_hide(dev))
		log_warn("pci: " SBDF_FMT ": an I/O BAR cannot be closed, another rule has its ports", SBDF_ARGS(dev->sbdf));
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
	bringup_log_memory(&boot_info.memmap, boot_info.image_base);
	crash_if_asked(boot_info.config.debug_crash, boot_info.config.debug_overflow);
	bringup_trace(smp_wanted());
	lapic_park_other_cpus();
	smp_prepare();
	bringup_quiesce_devices();
	ioapic_quiet(&boot_info.acpi, &boot_info.memmap);
	build_guest_map();
	platform_init(&boot_info.acpi);
	map_platform();
	bringup_give_devices(&guest, &x86_vpci_platform, &boot_info.memmap, close_ports);
	must(svm_init(), "SVM");
	must(svm_start(&vcpus[0]), "SVM");
	nmi_init();
	timer_start(boot_info.acpi.hpet_base, boot_info.acpi.hpet_number);
	monitor_init(&guest, boot_info.config.monitor_escape);
	uart16550_start_input(boot_info.config.monitor_escape);
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

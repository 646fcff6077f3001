/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Boot services are gone: Fairlead takes the machine, step by step, and runs the guest. There is nobody left to return an error to,
 * so a step that fails ends in panic(), which resets the machine; whatever can be refused was refused before.
 *
 * The order matters: no device may write to memory between the moment the firmware lets go and the moment the SMMU holds it, and
 * the guest's first instruction comes after both maps, its CPUs' and its devices', are complete.
 */
#include "arch/arm64/console.h"
#include "arch/arm64/cpu.h"
#include "arch/arm64/exit_reason.h"
#include "arch/arm64/gic.h"
#include "arch/arm64/its.h"
#include "arch/arm64/paging.h"
#include "arch/arm64/run.h"
#include "arch/arm64/smp.h"
#include "arch/arm64/stacks.h"
#include "arch/arm64/timer.h"
#include "arch/arm64/vgic.h"
#include "boot/boot_info.h"
#include "core/arch.h"
#include "core/crash.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/manage/bringup.h"
#include "core/monitor/monitor.h"
#include "core/pages.h"
#include "core/panic.h"
#include "core/stack_protector.h"
#include "core/timer_debug.h"
#include "core/vm.h"
#include "drivers/iommu/smmuv3/smmuv3.h"

#define LARGEST_LEAF 2

static void sink(enum log_level level, const char *line, size_t len)
{
	panic_note_line(level, line, len);
	console_log_sink(level, line, len);
}

static void start_console(void)
{
	console_init(&boot_info.dt.uart);
	log_set_sink(sink);
	log_set_level(boot_info.config.loglevel);
}

static void cut_registers(void)
{
	const struct dt_machine *dt = &boot_info.dt;

	bringup_cut_registers(&guest);
	bringup_cut(&guest, dt->gicd.base, dt->gicd.size);
	for (unsigned int i = 0; i < dt->redistributor_regions; i++)
		bringup_cut(&guest, dt->gicr[i].base, dt->gicr[i].size);
	bringup_cut(&guest, dt->its.base, dt->its.size);
	bringup_cut(&guest, dt->uart.registers.base, dt->uart.registers.size);
}

/*
 * The guest's tree names its RAM alone. What firmware reserves besides (its tables, what other processors of the board work with, even
 * registers) is not there, as on a PC, for ACPI's code to refer to.
 */
static void cut_reserved_memory(void)
{
	for (unsigned int i = 0; i < boot_info.memmap.count; i++) {
		const struct mem_range *r = &boot_info.memmap.range[i];

		if (r->type == MEM_RESERVED || r->type == MEM_ACPI_RECLAIM || r->type == MEM_ACPI_NVS)
			bringup_cut(&guest, r->base, r->size);
	}
}

/*
 * Registers that the guest's tree names, and nobody emulates: a clock, GPIOs. That they are whole pages and nothing else's was checked when
 * the tree was made; the memory map may list them as what runtime services use, and those are not called any more.
 */
static void map_platform(void)
{
	struct dt_range r;

	for (unsigned int i = 0; dt_guest_registers(i, &r); i++)
		must(vm_map_mmio(&guest, r.base, r.base, r.size, PT_READ | PT_WRITE), "mapping the guest's platform devices");
}

static void build_guest_map(void)
{
	bool wide;
	const unsigned int bits = stage2_bits(&wide);

	must(vm_init_input(&guest, wide ? &pt_format_s2_lpae_52 : &pt_format_s2_lpae, bits, LARGEST_LEAF), "stage 2 table");
	iommu_set_doorbell(its_doorbell(&boot_info.dt));
	bringup_map_guest(&guest, &boot_info.memmap, boot_info.config.iommu == IOMMU_OFF ? "off" : "optional");
	cut_registers();
	cut_reserved_memory();
}

/* Where the guest may put BARs. */
static bool may_map(void *ctx UNUSED, gpa_t gpa, u64 size)
{
	const struct dt_machine *dt = &boot_info.dt;
	struct dt_range r;

	if (ranges_overlap(gpa, size, dt->its.base, dt->its.size))
		return false;
	for (unsigned int i = 0; dt_guest_registers(i, &r); i++) {
		if (ranges_overlap(gpa, size, r.base, r.size))
			return false;
	}
	return vm_may_map(&guest, &boot_info.memmap, gpa, size);
}

static const struct vpci_platform vpci_platform = { .may_map = may_map };

static void start_interrupts(void)
{
	const struct dt_machine *dt = &boot_info.dt;

	must(gic_init(dt), "the GIC");
	must(el2_timer_init(dt), "the EL2 timer");
	must(vgic_init(&guest, dt, arm64_cpus.count, &boot_info.frame), "the guest's GIC");
	if (its_init(dt, arm64_cpus.count, &boot_info.frame))
		log_warn("its: devices have no messages");
}

static void smmu_interrupt(u32 intid)
{
	(void)smmuv3_interrupt(intid); /* only those of smmuv3_intid() come here */
}

static void claim_iommu_interrupts(void)
{
	u32 intid;

	for (unsigned int i = 0; (intid = smmuv3_intid(i)) != 0; i++) {
		must(gic_claim(intid, smmu_interrupt, "smmu"), "an interrupt of the SMMU");
		gic_set_edge(0, intid, true); /* IHI 0070F, 3.18: wired interrupts are edges */
		gic_set_priority(0, intid, GIC_PRIORITY_OURS);
		gic_route(intid, 0);
		gic_enable(0, intid, true);
	}
}

static void start_on_own_stack(void)
{
	const bool listed = smp_number_cpus();
	const int paging = paging_init(arm64_cpus.count);

	panic_use_record(boot_info.panic_record);
	start_console();
	must(paging, "Fairlead's page tables");
	must(listed ? 0 : -ENODEV, "the boot CPU is not in the device tree");
	cpus_init_power();
	arm64_name_exits();
	log_info("Fairlead runs: %llu KiB of memory for itself, %llu MiB for the guest",
		 (unsigned long long)memmap_bytes(&boot_info.memmap, MEM_FAIRLEAD) >> 10,
		 (unsigned long long)memmap_bytes(&boot_info.memmap, MEM_RAM) >> 20);
	panic_show_previous();
	bringup_log_memory(&boot_info.memmap, boot_info.image_base);
	crash_if_asked(boot_info.config.debug_crash, boot_info.config.debug_overflow);
	bringup_trace(arm64_cpus.count);
	bringup_quiesce_devices();
	build_guest_map();
	start_interrupts();
	map_platform();
	bringup_give_devices(&guest, &vpci_platform, &boot_info.memmap, NULL);
	must(smp_start_cpu(&vcpus[0]), "the boot CPU's part of the GIC");
	claim_iommu_interrupts();
	monitor_init(&guest, boot_info.config.monitor_escape);
	must(console_start_guest(&guest, boot_info.config.monitor_escape), "the guest's console");
	vcpu_reset(&vcpus[0], boot_info.kernel_entry, boot_info.boot_params);
	if (boot_info.config.debug_timer)
		timer_debug_start();
	smp_start();
	vm_set_live(&guest, stage2_flush_table);
	log_info("starting the guest; %llu KiB of pool left", (unsigned long long)pages_left() * 4);
	vcpu_run(&vcpus[0]);
}

/* No stack protector here: this is where its value changes. */
__attribute__((no_stack_protector)) void arch_start(void)
{
	arch_interrupts_off();
	__stack_chk_guard ^= (uintptr_t)arch_cycles() << 8; /* the lowest byte stays 0 */
	cpu_set_current(&vcpus[0]);
	run_on_stack(stack_area(0) + STACK_TOP, start_on_own_stack);
}

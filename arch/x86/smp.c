/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wakes the application processors (AMD64 APM vol. 2, 14.1.2 and 16.5; MP start-up as in Intel SDM vol. 3A, 9.4.4.1). It guards that a CPU
 * either is in the table and ours for good, or waits for a SIPI that nobody sends: never something between.
 *
 * One CPU at a time: it takes its number, its stack and its word of readiness from variables here.
 */
#include "arch/x86/smp.h"

#include <stdatomic.h>

#include "arch/x86/cpu.h"
#include "arch/x86/cpus.h"
#include "arch/x86/desc.h"
#include "arch/x86/lapic.h"
#include "arch/x86/paging.h"
#include "arch/x86/svm/svm.h"
#include "boot/boot_info.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/pages.h"
#include "core/string.h"

#define MSR_EFER 0xc0000080u

#define INIT_WAIT_US 10000u  /* SDM 9.4.4.1: 10 ms behind INIT, */
#define STARTUP_WAIT_US 200u /* 200 us behind the first SIPI */
#define ANSWER_US 1000000u

/* What the code in the page reads (ap_entry.asm). */
struct ap_parameters {
	u64 cr0, cr4, efer; /* the boot CPU's */
	u64 cr3;	    /* of the copy: below 4 GiB */
	u64 gdt[3];	    /* for the way to 64-bit mode only */
	u16 gdt_limit;
	u32 gdt_base;
	u32 entry_offset; /* far pointer to ap_code_64 in the page */
	u16 entry_selector;
	u64 entry;
} PACKED;
static_assert(offsetof(struct ap_parameters, gdt) == 32, "ap_entry.asm: P_GDT");
static_assert(offsetof(struct ap_parameters, gdt_limit) == 56, "ap_entry.asm: P_GDTR");
static_assert(offsetof(struct ap_parameters, entry_offset) == 62, "ap_entry.asm: P_FAR_POINTER");
static_assert(offsetof(struct ap_parameters, entry) == 68, "ap_entry.asm: P_ENTRY");
static_assert(sizeof(struct ap_parameters) == 76, "ap_entry.asm: room");

extern const u8 ap_code[], ap_code_64[], ap_parameters[], ap_code_end[];
void ap_entry64(void);

struct vcpu vcpus[CPUS_MAX];

/* The CPU that is being woken. */
enum { NOBODY, WAKING, AWAKE, READY, GIVEN_UP };
static _Atomic u32 state;
static unsigned int number;
extern u64 ap_stack;
u64 ap_stack;

unsigned int smp_wanted(void)
{
	unsigned int wanted = boot_info.acpi.cpus;

	if (boot_info.config.cpus && boot_info.config.cpus < wanted)
		wanted = boot_info.config.cpus;
	if (!boot_info.trampoline)
		wanted = 1;
	return wanted;
}

static u64 read_cr0(void)
{
	u64 value;

	__asm__ volatile("mov %%cr0, %0" : "=r"(value));
	return value;
}

static u64 read_cr4(void)
{
	u64 value;

	__asm__ volatile("mov %%cr4, %0" : "=r"(value));
	return value;
}

static void fill_trampoline(paddr_t page)
{
	paddr_t parameters = page + (u64)(ap_parameters - ap_code);
	struct ap_parameters *p = phys_to_virt(parameters);

	memcpy(phys_to_virt(page), ap_code, (size_t)(ap_code_end - ap_code));
	*p = (struct ap_parameters){
		.cr0 = read_cr0(),
		.cr4 = read_cr4(),
		.efer = rdmsr(MSR_EFER) & (X86_EFER_LME | X86_EFER_NXE),
		.cr3 = page + PAGE_SIZE,
		.gdt = { 0, DESC_CODE64, DESC_DATA },
		.gdt_limit = sizeof(p->gdt) - 1,
		.gdt_base = (u32)(parameters + offsetof(struct ap_parameters, gdt)),
		.entry_offset = (u32)(page + (u64)(ap_code_64 - ap_code)),
		.entry_selector = SEL_CODE,
		.entry = (u64)(uintptr_t)ap_entry64,
	};
}

void smp_prepare(void)
{
	x86_cpus.apic_id[0] = lapic_id();
	x86_cpus.count = 1;
	if (!boot_info.trampoline)
		return;
	fill_trampoline(boot_info.trampoline);
	if (paging_seal_trampoline(boot_info.trampoline))
		panic("the trampoline's page tables");
}

/* ---- one CPU ------------------------------------------------------------------------------------------- */

static void wait_us(u64 us)
{
	u64 start = arch_time_us();

	while (arch_time_us() - start < us)
		arch_cpu_relax();
}

static bool wait_while(u32 value, u64 us)
{
	u64 start = arch_time_us();

	while (atomic_load(&state) == value && arch_time_us() - start < us)
		arch_cpu_relax();
	return atomic_load(&state) != value;
}

/* On the new CPU. Interrupts are off, its descriptors are still the trampoline's. */
void ap_main(void)
{
	u32 expected = WAKING;

	/* Too late: the boot CPU's INIT is on its way. GIF is still 1, so it will be taken. */
	if (!atomic_compare_exchange_strong(&state, &expected, AWAKE)) {
		for (;;)
			__asm__ volatile("cli; hlt");
	}
	desc_load(number);
	paging_load();
	lapic_start_cpu();
	vcpus[number].index = number;
	if (svm_start(&vcpus[number]))
		panic("CPU %u: no memory for its VMCB", number);
	atomic_store(&state, READY);
	svm_run(&vcpus[arch_cpu_index()]);
}

/* 0; -ENODEV: it does not answer, and waits for a SIPI again; -ENOMEM. */
static int wake(unsigned int cpu, u32 apic_id, bool lost)
{
	u8 page = (u8)(boot_info.trampoline >> PAGE_SHIFT);
	u32 expected = WAKING;
	int ret = desc_prepare(cpu);

	if (ret)
		return ret;
	number = cpu;
	ap_stack = stack_top(cpu, STACK_MAIN);
	x86_cpus.apic_id[cpu] = apic_id;
	atomic_store(&state, WAKING);
	if (!lost) {
		if (!lapic_send_startup(apic_id, page))
			return -ENODEV;
		wait_while(WAKING, STARTUP_WAIT_US);
		if (atomic_load(&state) == WAKING && !lapic_send_startup(apic_id, page))
			return -ENODEV;
	}
	if (!wait_while(WAKING, ANSWER_US) && atomic_compare_exchange_strong(&state, &expected, GIVEN_UP)) {
		if (lapic_send_init(apic_id))
			wait_us(INIT_WAIT_US);
		return -ENODEV;
	}
	if (!wait_while(AWAKE, ANSWER_US))
		panic("CPU %u (APIC ID %u) has come up half way", cpu, apic_id);
	return 0;
}

static void wake_or_report(u32 apic_id, bool lost)
{
	int ret = wake(x86_cpus.count, apic_id, lost);

	if (!ret)
		x86_cpus.count++;
	else if (ret == -ENOMEM)
		log_warn("cpus: no memory for the CPU with APIC ID %u: left out", apic_id);
	else
		log_warn("cpus: the CPU with APIC ID %u does not come up: left out", apic_id);
}

void smp_start(void)
{
	const struct acpi_machine *acpi = &boot_info.acpi;
	unsigned int wanted = smp_wanted();
	bool lose = boot_info.config.debug_lost_cpu;

	wait_us(wanted > 1 ? INIT_WAIT_US : 0); /* behind lapic_park_other_cpus() */
	for (unsigned int i = 0; i < acpi->cpus && x86_cpus.count < wanted; i++) {
		bool last = x86_cpus.count == wanted - 1;

		if (acpi->cpu_apic_id[i] == x86_cpus.apic_id[0])
			continue;
		wake_or_report(acpi->cpu_apic_id[i], lose && last);
		lose = lose && !last;
	}
	if (boot_info.guest_madt)
		acpi_keep_cpus(phys_to_virt(boot_info.guest_madt), x86_cpus.apic_id, x86_cpus.count);
	log_info("cpus: the guest gets %u of %u", x86_cpus.count, acpi->cpus);
}

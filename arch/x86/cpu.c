/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPU's part of core/arch.h: its number, busy-wait hint, halt, time, cache write-back.
 */
#include "arch/x86/cpu.h"

#include "arch/x86/desc.h"
#include "core/arch.h"
#include "core/log.h"

/* 8254 timer (Intel 82C54 data sheet): channel 2 is gated by port 61h bit 0 and shows its output there as bit 5. */
#define PIT_CHANNEL_2 0x42
#define PIT_COMMAND 0x43
#define PIT_COMMAND_CH2_ONESHOT 0xb0u /* channel 2, low byte then high, mode 0, binary */
#define PIT_HZ 1193182u
#define PORT_61 0x61
#define PORT_61_GATE2 0x01u
#define PORT_61_SPEAKER 0x02u
#define PORT_61_OUT2 0x20u

#define CALIBRATION_MS 10u
#define CALIBRATION_SPINS 10000000u
#define FALLBACK_CYCLES_PER_US 1000u

static u64 cycles_per_us;

/* The task register is Fairlead's whenever Fairlead runs: the world switch brings it back first of all. */
unsigned int arch_cpu_index(void)
{
	u16 task_register;

	if (!desc_loaded)
		return 0;
	__asm__ volatile("str %0" : "=r"(task_register));
	return desc_cpu_of(task_register);
}

#define MSR_APIC_BASE 0x1bu
#define APIC_BASE_EXTD BIT(10) /* x2APIC mode (Intel SDM vol. 3A, 11.12.1) */

bool arch_wants_extended_interrupts(void)
{
	return rdmsr(MSR_APIC_BASE) & APIC_BASE_EXTD;
}

void arch_cpu_relax(void)
{
	__asm__ volatile("pause" : : : "memory");
}

void arch_cpu_halt(void)
{
	__asm__ volatile("cli; hlt" : : : "memory");
}

void arch_interrupts_off(void)
{
	__asm__ volatile("cli");
}

u64 arch_cycles(void)
{
	return rdtsc();
}

/* Counts TSC cycles while channel 2 runs for 10 ms; the firmware and the guest use channel 0 only. */
static u64 measure_cycles_per_us(void)
{
	unsigned int ticks = PIT_HZ * CALIBRATION_MS / 1000;
	u8 saved = inb(PORT_61);
	u64 start, end;
	u32 spins = 0;

	outb(PORT_61, (u8)((saved & ~PORT_61_SPEAKER) | PORT_61_GATE2));
	outb(PIT_COMMAND, PIT_COMMAND_CH2_ONESHOT);
	outb(PIT_CHANNEL_2, (u8)ticks);
	outb(PIT_CHANNEL_2, (u8)(ticks >> 8));
	start = rdtsc();
	while (!(inb(PORT_61) & PORT_61_OUT2) && spins < CALIBRATION_SPINS)
		spins++;
	end = rdtsc();
	outb(PORT_61, saved);
	if (spins == 0 || spins == CALIBRATION_SPINS) {
		log_warn("clock: the 8254 timer does not run; assuming a TSC of %u MHz", FALLBACK_CYCLES_PER_US);
		return FALLBACK_CYCLES_PER_US;
	}
	return max_u64((end - start) / (CALIBRATION_MS * 1000), 1);
}

u64 arch_cycles_per_us(void)
{
	if (!cycles_per_us)
		cycles_per_us = measure_cycles_per_us();
	return cycles_per_us;
}

u64 arch_time_us(void)
{
	return rdtsc() / arch_cycles_per_us();
}

#define CACHE_LINE 64u /* CLFLUSH size of every x86-64 CPU; CPUID 1 EBX[15:8] says 8 (x 8 bytes) */

void arch_cache_flush(const void *addr, size_t size)
{
	const u8 *line = (const u8 *)(uintptr_t)ALIGN_DOWN((u64)(uintptr_t)addr, (u64)CACHE_LINE);

	__asm__ volatile("mfence" : : : "memory");
	for (; line < (const u8 *)addr + size; line += CACHE_LINE)
		__asm__ volatile("clflush %0" : : "m"(*line) : "memory");
	__asm__ volatile("mfence" : : : "memory");
}

void arch_io_barrier(void)
{
	__asm__ volatile("mfence" : : : "memory");
}

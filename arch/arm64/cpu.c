/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPU's part of core/arch.h: its number, time, cache maintenance, barriers.
 */
#include "arch/arm64/cpu.h"

#include "arch/arm64/cpus.h"
#include "arch/arm64/sysregs.h"
#include "core/arch.h"

/* Before it is set, there is one CPU, whose TPIDR_EL2 is the firmware's. */
static bool current_set;

void cpu_set_current(struct vcpu *v)
{
	sysreg_write("tpidr_el2", virt_to_phys(v));
	current_set = true;
}

unsigned int arch_cpu_index(void)
{
	return current_set ? ((const struct vcpu *)phys_to_virt(sysreg_read("tpidr_el2")))->index : 0;
}

bool cpu_has_vhe(void)
{
	return MMFR1_VH(sysreg_read("id_aa64mmfr1_el1")) != 0;
}

u64 cpu_mpidr_self(void)
{
	return sysreg_read("mpidr_el1") & MPIDR_AFFINITY;
}

/* An interrupt ends it even if it is masked (Arm ARM D1.6.2), so none is missed between a look and the sleep. */
void cpu_wait(void)
{
	dsb_sy();
	__asm__ volatile("wfi" : : : "memory");
}

void arch_cpu_halt(void)
{
	cpu_wait();
}

void arch_interrupts_off(void)
{
	__asm__ volatile("msr daifset, #0xf" : : : "memory");
}

unsigned int pa_bits_of(unsigned int parange)
{
	static const u8 bits[16] = { 32, 36, 40, 42, 44, 48, 52, 56 };

	return bits[parange & 0xf];
}

/* The physical counter and the virtual one are the same: CNTVOFF_EL2 is 0. */
bool arch_wants_extended_interrupts(void)
{
	return false; /* x86's question */
}

void arch_cpu_relax(void)
{
	__asm__ volatile("yield" : : : "memory");
}

u64 arch_cycles(void)
{
	isb(); /* else the counter may be read early (Arm ARM D12.2.1) */
	return sysreg_read("cntpct_el0");
}

static u64 frequency(void)
{
	return sysreg_read("cntfrq_el0"); /* not 0: arch_check_cpu() */
}

u64 arch_cycles_per_us(void)
{
	return max_u64(frequency() / 1000000, 1);
}

u64 arch_time_us(void)
{
	u64 ticks = arch_cycles(), hz = frequency();

	return ticks / hz * 1000000 + ticks % hz * 1000000 / hz;
}

/* CTR_EL0.DminLine: log2 of the number of words in the smallest data cache line (Arm ARM D19.2.34) */
static u64 cache_line(void)
{
	return (u64)4 << (sysreg_read("ctr_el0") >> 16 & 0xf);
}

void arch_cache_flush(const void *start, size_t size)
{
	const u64 line = cache_line(), end = virt_to_phys(start) + size;

	for (u64 at = ALIGN_DOWN(virt_to_phys(start), line); at < end; at += line)
		__asm__ volatile("dc civac, %0" : : "r"(at) : "memory");
	dsb_sy();
}

void arch_io_barrier(void)
{
	dsb_sy();
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One function per privileged instruction. On the host (unit tests) they are plain functions that the test supplies.
 */
#ifndef ARCH_X86_CPU_H
#define ARCH_X86_CPU_H

#include "core/types.h"

struct cpuid_regs {
	u32 eax, ebx, ecx, edx;
};

#ifdef FL_HOST
u8 inb(u16 port);
u16 inw(u16 port);
u32 inl(u16 port);
void outb(u16 port, u8 value);
void outw(u16 port, u16 value);
void outl(u16 port, u32 value);
u64 rdmsr(u32 msr);
void wrmsr(u32 msr, u64 value);
struct cpuid_regs cpuid(u32 leaf, u32 subleaf);
u64 rdtsc(void);
void clear_debug_addresses(void);
#else
#define PORT_ACCESSORS(suffix, type, op)                                                \
	static inline type in##suffix(u16 port)                                         \
	{                                                                               \
		type value;                                                             \
		__asm__ volatile("in" #suffix " %1, %0" : "=a"(value) : "Nd"(port));    \
		return value;                                                           \
	}                                                                               \
	static inline void out##suffix(u16 port, type value)                            \
	{                                                                               \
		__asm__ volatile("out" #suffix " %0, %1" : : "a"(value), "Nd"(port));   \
	}
PORT_ACCESSORS(b, u8, "b")
PORT_ACCESSORS(w, u16, "w")
PORT_ACCESSORS(l, u32, "l")

static inline u64 rdmsr(u32 msr)
{
	u32 low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
	return ((u64)high << 32) | low;
}

static inline void wrmsr(u32 msr, u64 value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

static inline struct cpuid_regs cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid_regs r;

	__asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
	return r;
}

static inline u64 rdtsc(void)
{
	u32 low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return ((u64)high << 32) | low;
}

/* DR0 to DR3 */
static inline void clear_debug_addresses(void)
{
	__asm__ volatile("mov %0, %%db0; mov %0, %%db1; mov %0, %%db2; mov %0, %%db3" : : "r"((u64)0));
}
#endif

/* size: 1, 2 or 4 bytes. */
static inline u32 port_in(u16 port, unsigned int size)
{
	return size == 1 ? inb(port) : size == 2 ? inw(port) : inl(port);
}

static inline void port_out(u16 port, unsigned int size, u32 value)
{
	if (size == 1)
		outb(port, (u8)value);
	else if (size == 2)
		outw(port, (u16)value);
	else
		outl(port, value);
}

/* safe_msr.asm: for what this CPU may not have. 0, or -EFAULT: the instruction raised #GP. */
int rdmsr_safe(u32 msr, u64 *value);
int wrmsr_safe(u32 msr, u64 value);
int xsetbv_safe(u32 index, u64 value);

#endif

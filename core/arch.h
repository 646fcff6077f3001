/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an architecture provides to core/, drivers/ and boot/. Each function is implemented in arch/<name>/,
 * in the file named in its comment.
 */
#ifndef CORE_ARCH_H
#define CORE_ARCH_H

#include "core/types.h"

/*
 * check.c: can this CPU run Fairlead? 0, or -EOPNOTSUPP with one sentence that names what is missing and
 * what to do. Before ExitBootServices; changes nothing.
 */
int MUST_CHECK arch_check_cpu(char *error, size_t size);
/* check.c: the CPU's features for --probe, through log_info. Changes nothing. */
void arch_describe_cpu(void);
/*
 * pci_cf8.c: registers the configuration access that works without tables (x86: CF8/CFC; arm64: none).
 * Boot.
 */
int MUST_CHECK arch_pci_cfg_init(void);
/* start.c: boot services are gone, boot_info is complete. Takes the machine and runs the guest. */
void arch_start(void) NORETURN;
/*
 * paging.c: device registers in [base, base + size), whole pages, are reachable for Fairlead from now on, at
 * phys_to_virt(); idempotent. Exit path; takes a leaf lock. -ENOMEM.
 */
int MUST_CHECK arch_map_registers(paddr_t base, u64 size);
/* How many CPUs Fairlead can know of. */
#define CPUS_MAX 64
/* cpu.c: which CPU this is: 0 .. CPUS_MAX-1, the boot CPU is 0. Any context. */
unsigned int arch_cpu_index(void);
/* cpus.c: how many CPUs Fairlead has, 0 .. n-1: 0 early in boot. Any context. */
unsigned int arch_cpu_count(void);
/* cpu.c: stops this CPU: until a kick, if one may come now; otherwise for good. Any context. */
void arch_cpu_halt(void);
/* cpu.c: from here on no interrupt comes to this CPU (x86: but an NMI). Any context. */
void arch_interrupts_off(void);
/* One CPU, as a person wants to see it. */
struct arch_cpu_info {
	const char *id_name; /* of what the hardware tells its CPUs apart by: "APIC ID" */
	u64 id;
	const char *state; /* in the guest, in Fairlead...: a moment ago, if it is another CPU's */
};
/* cpu_state.c: false: there is no CPU of that number. Any context. */
bool MUST_CHECK arch_cpu_info(unsigned int cpu, struct arch_cpu_info *out);
/*
 * nmi.c, gic_cpu.c: a kick (x86: an NMI; arm64: an SGI of Fairlead's own): if that CPU runs the guest, it
 * exits. Never waits. Any context, NMI included: that is the inside of an NMI's handler, which arm64 does not have.
 */
void arch_cpu_kick(unsigned int cpu);
/*
 * timer.c: the timer that the guest does not have fires (x86: an NMI to the boot CPU; arm64: this CPU's own)
 * at that moment of arch_time_us(), or at once if that has passed; ~0: never. One moment at a time: the last
 * call counts; it may also fire for one before that. Any CPU, one at a time. Exit path.
 */
void arch_timer_arm(u64 at_us);
/*
 * machine_reset.c: says why and resets the machine; tries each way it has, and stops the CPU if none works.
 * Any context.
 */
void machine_reset(const char *why) NORETURN;
/*
 * cpu.c: do CPUs listen to destinations of 32 bits now (x86: the local APIC is in x2APIC mode)? The
 * hardware that sends them interrupts for devices is then told so, where it can. Boot.
 */
bool arch_wants_extended_interrupts(void);
/* cpu.c: a hint inside a busy-wait loop. */
void arch_cpu_relax(void);
/* cpu.c: microseconds since some moment, monotonic; good to about 1%; the first call measures and
 * takes 10 ms. */
u64 arch_time_us(void);
/* cpu.c: the CPU's free-running counter, for measurements and the trace; its rate is the machine's business. */
u64 arch_cycles(void);
/* cpu.c: that rate, to about 1%, at least 1. The first call may measure, as arch_time_us() does. */
u64 arch_cycles_per_us(void);
/*
 * cpu.c: writes the cache lines of [start, start+size) back to memory, drops them, and waits: for devices that do not
 * snoop the caches, which see what was written before, and whose own writes are read after it. Any context.
 */
void arch_cache_flush(const void *start, size_t size);
/*
 * cpu.c: what this CPU has written, to memory and to registers of devices, is seen by devices before what it writes or
 * reads behind it; x86 orders most of that by itself, arm64 does not. Any context.
 */
void arch_io_barrier(void);

#endif

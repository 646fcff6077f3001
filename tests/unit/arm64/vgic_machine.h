/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine with the emulated GIC on it, for tests: the fakes of the physical GIC and of the virtual CPU
 * interface, and a guest that programs the emulated one as the specification has it. Who plays the CPUs:
 * vgic_single.h, test_vgic_threads.c.
 */
#ifndef TESTS_VGIC_MACHINE_H
#define TESTS_VGIC_MACHINE_H

#include "core/vm.h"
#include "tests/unit/arm64/fake_vcpu_interface.h"
#include "tests/unit/fake_pages.h"

#define FRAME_BASE	  0x09ffe000ull
#define FRAME_FIRST	  288u /* behind 256 SPIs */
#define GICD(offset)	  (FAKE_GICD + (offset))
#define GICR(cpu, offset) (FAKE_GICR + (cpu)*0x20000ull + (offset))
#define SGI_FRAME	  0x10000u

static struct vm machine_vm;

/* In an exit, or making one. */
static inline void reg_access(u64 gpa, unsigned int size, bool write, u64 *value)
{
	bool in_guest = fv[host_cpu].in_guest;

	if (in_guest)
		fake_exit();
	vm_mmio_access(&machine_vm, gpa, size, write, value);
	if (in_guest) {
		fake_enter();
		fake_interrupts();
	}
}

static inline u64 reg_read(u64 gpa, unsigned int size)
{
	u64 value = 0xdeadbeefdeadbeef;

	reg_access(gpa, size, false, &value);
	return value;
}

static inline void reg_write(u64 gpa, unsigned int size, u64 value)
{
	reg_access(gpa, size, true, &value);
}

static inline u32 read32(u64 gpa)
{
	return (u32)reg_read(gpa, 4);
}

static inline void write32(u64 gpa, u32 value)
{
	reg_write(gpa, 4, value);
}

static inline void guest_sgi(u64 value)
{
	fake_exit();
	vgic_write_sgi(&fake_cpus[host_cpu], 1, value);
	fake_enter();
	fake_interrupts();
}

/* An interrupt's bit in a register of its own CPU, or the distributor. */
static inline u64 bit_register(u32 intid, u32 offset)
{
	return intid < 32 ? GICR(host_cpu, SGI_FRAME + offset) : GICD(offset + intid / 32 * 4);
}

static inline bool intid_bit(u32 intid, u32 offset)
{
	return read32(bit_register(intid, offset)) >> intid % 32 & 1;
}

static inline void set_intid_bit(u32 intid, u32 offset)
{
	write32(bit_register(intid, offset), 1u << intid % 32);
}

static inline void set_priority(u32 intid, u8 priority)
{
	reg_write(intid < 32 ? GICR(host_cpu, SGI_FRAME + 0x400 + intid) : GICD(0x400 + intid), 1, priority);
}

static inline void set_route(u32 intid, unsigned int cpu)
{
	reg_write(GICD(0x6000 + 8 * intid), 8, fake_mpidr(cpu));
}

static inline void set_edge(u32 intid, bool edge)
{
	u64 at = intid < 32 ? GICR(host_cpu, SGI_FRAME + 0xc00 + intid / 16 * 4)
			    : GICD(0xc00 + intid / 16 * 4);
	u32 bit = 2u << intid % 16 * 2, value = read32(at);

	write32(at, edge ? value | bit : value & ~bit);
}

/* What a Linux guest does at its start, on this CPU: group 1, priority a0h, CPU interface open. */
static inline void guest_cpu_init(void)
{
	write32(GICR(host_cpu, 0x14), 0);
	write32(GICR(host_cpu, SGI_FRAME + 0x80), ~0u);
	for (u32 i = 0; i < 32; i += 4)
		write32(GICR(host_cpu, SGI_FRAME + 0x400 + i), 0xa0a0a0a0);
	write32(GICR(host_cpu, SGI_FRAME + 0x100), 0xffff); /* SGIs */
	fv[host_cpu].vmcr = 0xf0ull << 24 | 2;
}

static inline void guest_init(void)
{
	write32(GICD(0), 0);
	for (u32 n = 1; n < 32; n++)
		write32(GICD(0x80 + 4 * n), ~0u);
	for (u32 intid = 32; intid < 1020; intid += 4)
		write32(GICD(0x400 + intid), 0xa0a0a0a0);
	write32(GICD(0), 2);
	for (unsigned int cpu = 0; cpu < fg.cpus; cpu++)
		ON_CPU(cpu)
	guest_cpu_init();
}

static inline void vgic_machine_start(const struct dt_machine *dt)
{
	struct vgic_frame frame = vgic_frame_for(256, FRAME_BASE);

	memset(fv, 0, sizeof(fv));
	memset(&machine_vm, 0, sizeof(machine_vm));
	fake_lrs = 4;
	fake_tds = true;
	fg.maintenance = fake_maintenance;
	host_cpu = 0;
	if (gic_init(dt) || vgic_init(&machine_vm, dt, dt->cpus, &frame))
		abort();
	for (unsigned int cpu = 0; cpu < dt->cpus; cpu++) {
		fake_cpus[cpu] = (struct vcpu){ .index = cpu, .mpidr = fake_mpidr(cpu) };
		ON_CPU(cpu) {
			if (gic_start_cpu())
				abort();
			for (unsigned int i = 0; i < 4; i++) /* what firmware has left */
				fv[cpu].lr[i] = 1ull << 62 | 1ull << 60 | 3;
			fv[cpu].depth = 1;
			vgic_start_cpu(&fake_cpus[cpu]);
		}
	}
}

#endif

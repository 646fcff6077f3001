/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The local APICs of three CPUs for tests of what the guest and Fairlead write to them: the registers of the page, one set a CPU, and the
 * MSRs of fake_x86.h. host_cpu says whose turn it is.
 */
#ifndef TESTS_UNIT_LAPIC_MACHINE_H
#define TESTS_UNIT_LAPIC_MACHINE_H

#include "fake_x86.h"

#include "arch/x86/cpus.h"
#include "arch/x86/lapic.h"
#include "arch/x86/msr.h"
#include "arch/x86/vcpu_request.h"
#include "core/mmio.h"
#include "core/vm.h"

#define APIC_PAGE 0xfee00000u
#define SELF 5u
#define ENABLED BIT(11)
#define X2APIC BIT(10)
#define BSP BIT(8)
#define MASKED BIT32(16)

enum { FIXED, LOWEST, SMI, REMOTE_READ, NMI, INIT, STARTUP, EXTINT };
enum { DESTINATION, TO_SELF, TO_ALL, TO_OTHERS };
#define COMMAND(mode, shorthand, vector) ((u64)(mode) << 8 | (u64)(shorthand) << 18 | 0x4000 | (vector))
#define X2_DEST(id) ((u64)(id) << 32)
#define X_DEST(id) ((u64)(id) << 56)
#define LOGICAL BIT(11)

#define CPUS 3u
#define ID_OF(cpu) (SELF + (cpu))

struct vm guest;
extern _Thread_local unsigned int host_cpu; /* core/host_cpu.c: which CPU this is */
static struct vm_mmio_region apic_region;
static unsigned int map_prot;

int vm_map_mmio(struct vm *vm, gpa_t gpa, paddr_t hpa, u64 size, unsigned int prot)
{
	assert_int_equal(gpa, APIC_PAGE);
	assert_int_equal(hpa, APIC_PAGE);
	assert_int_equal(size, PAGE_SIZE);
	map_prot = prot;
	return 0;
}

int vm_add_region(struct vm *vm, const struct vm_mmio_region *region)
{
	apic_region = *region;
	return 0;
}

/* ---- the APIC's page ---------------------------------------------------------------------------------------------- */

static u32 regs[CPUS][PAGE_SIZE / 16];
#define reg regs[host_cpu]
static unsigned int page_writes;
static u32 last_offset;
static u32 command_high; /* ICR's upper half when the lower was written last */
static unsigned int pending_reads; /* so many times more the command is on its way; ~0: for ever */
static unsigned int pending_after; /* that, behind each command */
static bool written_while_pending;

static bool page_read(const volatile void *addr, unsigned int size, u64 *value)
{
	u64 offset = virt_to_phys(addr) - APIC_PAGE;

	if (offset >= PAGE_SIZE)
		return false;
	assert_int_equal(size, 4);
	*value = reg[offset / 16];
	if (offset == 0x300 && pending_reads) {
		*value |= BIT(12);
		pending_reads -= pending_reads != ~0u;
	}
	return true;
}

static bool page_write(volatile void *addr, unsigned int size, u64 value)
{
	u64 offset = virt_to_phys(addr) - APIC_PAGE;

	if (offset >= PAGE_SIZE)
		return false;
	assert_int_equal(size, 4);
	assert_int_equal(offset % 16, 0);
	if (offset == 0x300 || offset == 0x310)
		written_while_pending |= pending_reads != 0;
	if (offset == 0x300) {
		command_high = reg[0x310 / 16];
		pending_reads = pending_reads == ~0u ? ~0u : pending_after;
	}
	reg[offset / 16] = (u32)value;
	last_offset = (u32)offset;
	page_writes++;
	return true;
}

static UNUSED void guest_write(u32 offset, unsigned int size, u64 value)
{
	page_writes = 0;
	apic_region.fn(apic_region.ctx, APIC_PAGE + offset, size, true, &value);
}

static void set_x2apic_registers(void)
{
	msr_set(0x802, ID_OF(host_cpu));
	msr_set(0x803, 0x50014);
	for (u32 msr = 0x810; msr <= 0x817; msr++)
		msr_set(msr, 0);
	msr_set(MSR_X2APIC_ICR, 0)->reserved = 0xfff33000;
	for (u32 msr = MSR_X2APIC_LVT_FIRST; msr <= MSR_X2APIC_LVT_LAST; msr++)
		msr_set(msr, MASKED)->reserved = GENMASK64(63, 19);
	msr_set(0x850, MASKED);
}

/* What is marked for that CPU, and takes it. */
static struct vcpu_requests requests_of(unsigned int cpu, unsigned int *nmis)
{
	unsigned int now = host_cpu;
	struct vcpu_requests r;

	host_cpu = cpu;
	r = vcpu_take_requests();
	*nmis = vcpu_take_nmis();
	host_cpu = now;
	return r;
}

static unsigned int nmis_of(unsigned int cpu)
{
	unsigned int nmis;

	(void)requests_of(cpu, &nmis);
	return nmis;
}

static UNUSED unsigned int inits_of(unsigned int cpu)
{
	unsigned int nmis;

	return requests_of(cpu, &nmis).init;
}

static int start(u64 base)
{
	memset(regs, 0, sizeof(regs));
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		(void)nmis_of(cpu);
		regs[cpu][0x20 / 16] = ID_OF(cpu) << 24;
		regs[cpu][0xe0 / 16] = 0xffffffff;
	}
	host_cpu = 0;
	page_writes = pending_reads = pending_after = 0;
	written_while_pending = false;
	host_mmio_read = page_read;
	host_mmio_write = page_write;
	fake_msr_count = msr_writes_total = 0;
	fake_log();
	msr_set(MSR_APIC_BASE, base)->reserved = ~(GENMASK64(47, 10) | BSP);
	if (base & X2APIC)
		set_x2apic_registers();
	x86_cpus = (struct x86_cpus){ .count = CPUS, .apic_id = { ID_OF(0), ID_OF(1), ID_OF(2) } };
	if (lapic_init(APIC_PAGE))
		return -1;
	for (host_cpu = 1; host_cpu < CPUS; host_cpu++) {
		if (base & X2APIC)
			msr_set(0x802, ID_OF(host_cpu));
		lapic_start_cpu();
	}
	host_cpu = 0;
	msr_set(MSR_APIC_BASE, base)->reserved = ~(GENMASK64(47, 10) | BSP);
	if (base & X2APIC)
		set_x2apic_registers();
	page_writes = 0;
	return 0;
}

static int xapic(void **state)
{
	return start(APIC_PAGE | ENABLED | BSP);
}

static int x2apic(void **state)
{
	return start(APIC_PAGE | ENABLED | X2APIC | BSP);
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INIT of the guest's CPU and the start of one: the local APIC afterwards is as the specifications say, on hardware, which forgets when it
 * is switched off, and on a model that forgets nothing (QEMU's). Only steps between the modes that are allowed, only registers of the mode
 * it is in, and none that this APIC does not have.
 *
 * State after INIT: AMD64 APM vol. 2, 16.3.2; Intel SDM vol. 3A, 11.4.7.1 and 11.4.7.3. Steps: APM 16.9.1, SDM 11.12.5.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86/cpu.h"
#include "arch/x86/cpus.h"
#include "arch/x86/lapic.h"
#include "arch/x86/vcpu_request.h"
#include "core/errno.h"
#include "core/mmio.h"
#include "core/vm.h"

#define APIC_PAGE 0xfee00000u
#define APIC_BASE 0x1bu
#define BSP BIT(8)
#define X2APIC BIT(10)
#define ENABLED BIT(11)
#define MASKED 0x10000u

enum { ID = 0x20, VERSION = 0x30, TPR = 0x80, EOI = 0xb0, LDR = 0xd0, DFR = 0xe0, SVR = 0xf0, ISR = 0x100, IRR = 0x200, ESR = 0x280,
       CMCI = 0x2f0, ICR = 0x300, ICR_HIGH = 0x310, TIMER = 0x320, THERMAL = 0x330, COUNTERS = 0x340, LINT0 = 0x350, LINT1 = 0x360,
       ERROR = 0x370, INITIAL = 0x380, DIVIDE = 0x3e0, EXT_FEATURE = 0x400, EXT_CONTROL = 0x410, IER = 0x480, EXT_LVT = 0x500 };

struct vm guest;
extern _Thread_local unsigned int host_cpu;
static struct vm_mmio_region apic_region;

/* ---- two APICs ----------------------------------------------------------------------------------------------------- */

static struct model {
	u64 base;
	u32 reg[PAGE_SIZE / 16];
	u32 errors;		  /* not visible yet */
	unsigned int eois, steps; /* writes of APIC_BASE */
	bool on_when_off;	  /* switched off while software had it enabled */
	u64 icr_writes;
} model[2];
static bool forgets;  /* when it is switched off */
static bool has_cmci, extended;

static struct model *own(void)
{
	return &model[host_cpu];
}

static u32 *reg(unsigned int offset)
{
	return &own()->reg[offset / 16];
}

static void power_up(struct model *m)
{
	u32 id = m->reg[ID / 16];

	memset(m->reg, 0, sizeof(m->reg));
	m->errors = 0;
	m->reg[ID / 16] = id;
	m->reg[VERSION / 16] = (has_cmci ? 0x60010u : 0x50010u) | (extended ? BIT32(31) : 0); /* entries - 1 in 23:16 */
	m->reg[DFR / 16] = 0xffffffff;
	m->reg[SVR / 16] = 0xff;
	for (unsigned int offset = TIMER; offset <= ERROR; offset += 16)
		m->reg[offset / 16] = MASKED;
	m->reg[CMCI / 16] = MASKED;
	for (unsigned int i = 0; i < 8; i++)
		m->reg[IER / 16 + i] = 0xffffffff;
	for (unsigned int i = 0; i < 4; i++)
		m->reg[EXT_LVT / 16 + i] = MASKED;
}

static bool is_vector_table(unsigned int offset)
{
	return offset == CMCI || (offset >= TIMER && offset <= ERROR) || (offset >= EXT_LVT && offset < EXT_LVT + 0x40);
}

static bool exists(unsigned int offset)
{
	if (offset == CMCI)
		return has_cmci;
	if (offset >= EXT_FEATURE)
		return extended && (offset <= 0x420 || (offset >= IER && offset < EXT_LVT + 0x40));
	return true;
}

static void end_of_interrupt(void)
{
	own()->eois++;
	for (int i = 7; i >= 0; i--) {
		u32 *isr = reg(ISR + (unsigned int)i * 16);

		if (*isr) {
			*isr &= ~(1u << (31 - __builtin_clz(*isr)));
			return;
		}
	}
}

/* False: there is none. */
static bool register_write(unsigned int offset, u32 value)
{
	if (!exists(offset))
		return false;
	if (offset == EOI) {
		assert_int_equal(value, 0);
		end_of_interrupt();
	} else if (offset == ESR) {
		assert_int_equal(value, 0);
		*reg(ESR) = own()->errors;
		own()->errors = 0;
	} else if (offset == ICR) {
		own()->icr_writes++;
	} else if (is_vector_table(offset) && !(*reg(SVR) & 0x100)) {
		*reg(offset) = value | MASKED; /* APM 16.4.7: while it is disabled by software */
	} else {
		*reg(offset) = value;
	}
	if (offset == SVR && !(value & 0x100)) {
		for (unsigned int o = CMCI; o < EXT_LVT + 0x40; o += 16)
			*reg(o) |= is_vector_table(o) ? MASKED : 0;
	}
	return true;
}

/* SDM vol. 3A, figure 11-26 (state transitions); everything else raises #GP. */
static int base_write(u64 value)
{
	static const struct {
		u64 from, to;
	} allowed[] = {
		{ 0, 0 },
		{ 0, ENABLED },
		{ ENABLED, 0 },
		{ ENABLED, ENABLED },
		{ ENABLED, ENABLED | X2APIC },
		{ ENABLED | X2APIC, 0 },
		{ ENABLED | X2APIC, ENABLED | X2APIC },
	};
	u64 from = own()->base & (ENABLED | X2APIC), to = value & (ENABLED | X2APIC);

	own()->steps++;
	for (unsigned int i = 0; i < ARRAY_SIZE(allowed); i++) {
		if (allowed[i].from != from || allowed[i].to != to)
			continue;
		own()->base = value;
		if (!to)
			own()->on_when_off = *reg(SVR) & 0x100;
		if (!to && forgets)
			power_up(own());
		if (!to)
			*reg(SVR) &= ~0x100u; /* QEMU's model does this */
		return 0;
	}
	return -EFAULT;
}

int wrmsr_safe(u32 msr, u64 value)
{
	if (msr == APIC_BASE)
		return base_write(value);
	assert_in_range(msr, 0x800, 0x8ff);
	if ((own()->base & (ENABLED | X2APIC)) != (ENABLED | X2APIC))
		fail_msg("x2APIC register %x in another mode", msr);
	if (msr == 0x80d || msr == 0x80e || msr == 0x802 || msr == 0x831) /* read-only, or not there */
		fail_msg("write of x2APIC register %x", msr);
	return register_write((msr - 0x800) * 16, (u32)value) ? 0 : -EFAULT;
}

int rdmsr_safe(u32 msr, u64 *value)
{
	if (msr == APIC_BASE) {
		*value = own()->base;
		return 0;
	}
	assert_in_range(msr, 0x800, 0x8ff);
	if (!(own()->base & X2APIC) || msr == 0x80e || !exists((msr - 0x800) * 16))
		return -EFAULT;
	*value = *reg((msr - 0x800) * 16);
	return 0;
}

u64 rdmsr(u32 msr)
{
	u64 value = 0;

	if (rdmsr_safe(msr, &value))
		fail_msg("#GP in Fairlead: rdmsr %x", msr);
	return value;
}

void wrmsr(u32 msr, u64 value)
{
	if (wrmsr_safe(msr, value))
		fail_msg("#GP in Fairlead: wrmsr %x = %llx", msr, (unsigned long long)value);
}

static unsigned int page_offset(const volatile void *addr, unsigned int size)
{
	u64 offset = virt_to_phys(addr) - APIC_PAGE;

	assert_in_range(offset, 0, PAGE_SIZE - 16);
	assert_int_equal(offset % 16, 0);
	assert_int_equal(size, 4);
	if ((own()->base & (ENABLED | X2APIC)) != ENABLED || (own()->base & GENMASK64(51, 12)) != APIC_PAGE)
		fail_msg("the page in another mode: register %x", (unsigned int)offset);
	return (unsigned int)offset;
}

static bool page_read(const volatile void *addr, unsigned int size, u64 *value)
{
	unsigned int offset = page_offset(addr, size);

	*value = *reg(offset);
	return true;
}

static bool page_write(volatile void *addr, unsigned int size, u64 value)
{
	unsigned int offset = page_offset(addr, size);

	/* An error, "illegal register address", which QEMU's model can never clear. */
	if (!register_write(offset, (u32)value))
		fail_msg("write of a register that is not there: %x", offset);
	return true;
}

int vm_map_mmio(struct vm *vm, gpa_t gpa, paddr_t hpa, u64 size, unsigned int prot)
{
	return 0;
}

int vm_add_region(struct vm *vm, const struct vm_mmio_region *region)
{
	apic_region = *region;
	return 0;
}

void machine_reset(const char *why)
{
	fail_msg("reset: %s", why);
	__builtin_trap();
}

/* ---- set-up -------------------------------------------------------------------------------------------------------- */

#define ID_OF(cpu) (3 + 4 * (cpu))

static void set_base(unsigned int cpu, u64 mode)
{
	model[cpu].base = APIC_PAGE | mode | (cpu ? 0 : BSP);
	model[cpu].reg[ID / 16] = mode & X2APIC ? ID_OF(cpu) : ID_OF(cpu) << 24;
}

/* Everything set up, much of it busy. */
static void make_dirty(void)
{
	*reg(SVR) = 0x1f0;
	*reg(TPR) = 0x40;
	*reg(LDR) = 0x02000000;
	*reg(DFR) = 0x0fffffff;
	for (unsigned int offset = TIMER; offset <= ERROR; offset += 16)
		*reg(offset) = 0x31 + offset / 16;
	*reg(TIMER) |= 0x40000; /* TSC deadline */
	*reg(COUNTERS) = 0x400;
	*reg(CMCI) = 0xf9;
	*reg(INITIAL) = 1000;
	*reg(DIVIDE) = 0xb;
	*reg(ICR_HIGH) = 0x05000000;
	*reg(ESR) = 0x20;
	own()->errors = 0x40;
	for (unsigned int i = 0; i < 8; i++)
		*reg(ISR + 16 * i) = i ? 0x80010001 : 0x80010000;
	*reg(EXT_CONTROL) = 0x7;
	*reg(IER) = 0;
	for (unsigned int i = 0; i < 4; i++)
		*reg(EXT_LVT + 16 * i) = 0x400 + i;
}

static int start(u64 mode)
{
	host_cpu = 0;
	memset(model, 0, sizeof(model));
	host_mmio_read = page_read;
	host_mmio_write = page_write;
	set_base(0, ENABLED | mode);
	set_base(1, ENABLED);
	for (unsigned int cpu = 0; cpu < 2; cpu++)
		power_up(&model[cpu]);
	model[0].reg[EXT_CONTROL / 16] = 4; /* 8-bit IDs: firmware's setting */
	x86_cpus = (struct x86_cpus){ .count = 2, .apic_id = { ID_OF(0), ID_OF(1) } };
	return lapic_init(APIC_PAGE);
}

/* ---- after INIT ---------------------------------------------------------------------------------------------------- */

static void check_after_init(u64 mode)
{
	const struct model *m = own();

	assert_int_equal(m->base, APIC_PAGE | ENABLED | mode | (host_cpu ? 0 : BSP));
	assert_int_equal(*reg(SVR), 0xff);
	assert_int_equal(*reg(TPR), 0);
	for (unsigned int offset = TIMER; offset <= ERROR; offset += 16)
		assert_int_equal(*reg(offset), MASKED);
	if (has_cmci)
		assert_int_equal(*reg(CMCI), MASKED);
	assert_int_equal(*reg(INITIAL), 0);
	assert_int_equal(*reg(DIVIDE), 0);
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(*reg(ISR + 16 * i), 0);
	assert_int_equal(*reg(ESR), 0);
	assert_int_equal(m->errors, 0);
	if (!(mode & X2APIC)) {
		assert_int_equal(*reg(LDR), 0);
		assert_int_equal(*reg(DFR), 0xffffffff);
		assert_int_equal(*reg(ICR_HIGH), 0);
	}
	assert_int_equal(m->icr_writes, 0);
	if (!extended)
		return;
	assert_int_equal(*reg(EXT_CONTROL), 4);
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(*reg(IER + 16 * i), 0xffffffff);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(*reg(EXT_LVT + 16 * i), MASKED);
}

/* mode of the CPU that is reset; every kind of APIC. */
static void reset_in(u64 mode)
{
	for (unsigned int kind = 0; kind < 8; kind++) {
		forgets = kind & 1;
		has_cmci = kind & 2;
		extended = kind & 4;
		assert_int_equal(start(mode), 0);
		host_cpu = 1;
		lapic_start_cpu();
		check_after_init(mode);
		make_dirty();
		own()->eois = own()->steps = 0;
		lapic_reset();
		check_after_init(mode);
		assert_int_equal(own()->steps, mode & X2APIC ? 3 : 2);
		assert_false(own()->on_when_off); /* SDM vol. 3A, 11.4.3: nothing may be sent to it then */
		assert_int_equal(own()->eois, forgets ? 0 : 23); /* as many as there were in service */
		lapic_reset();
		check_after_init(mode);
	}
}

static void reset_xapic(void **state)
{
	reset_in(0);
}

static void reset_x2apic(void **state)
{
	reset_in(X2APIC);
}

/* An ISR that does not get empty: the number of EOIs has an end. */
static void eois_are_bounded(void **state)
{
	forgets = has_cmci = extended = false;
	assert_int_equal(start(0), 0);
	for (unsigned int i = 0; i < 8; i++)
		*reg(ISR + 16 * i) = 0xffffffff;
	lapic_reset();
	assert_in_range(own()->eois, 240, 256);
	check_after_init(0); /* and the boot CPU's bit stays */
}

/* ---- a CPU that starts ---------------------------------------------------------------------------------------------- */

/* In whatever mode firmware has left it, and wherever its registers were. */
static void start_from_every_mode(void **state)
{
	static const u64 modes[] = { 0, ENABLED, ENABLED | X2APIC };

	for (unsigned int boot = 0; boot < 2; boot++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(modes); i++) {
			u64 mode = boot ? X2APIC : 0;

			extended = has_cmci = forgets = false;
			assert_int_equal(start(mode), 0);
			set_base(1, modes[i]);
			host_cpu = 1;
			make_dirty();
			own()->base ^= 0x1000;
			lapic_start_cpu();
			check_after_init(mode);
			set_base(1, ENABLED | mode);
			assert_int_equal(lapic_id(), ID_OF(1));
			host_cpu = 0;
			assert_int_equal(own()->steps, 0);
			assert_int_equal(lapic_id(), ID_OF(0));
		}
	}
}

/* ---- the state that others read -------------------------------------------------------------------------------------- */

static void guest_write(u32 offset, u64 value)
{
	apic_region.fn(apic_region.ctx, APIC_PAGE + offset, 4, true, &value);
}

static unsigned int nmis_of(unsigned int cpu)
{
	unsigned int nmis, now = host_cpu;

	host_cpu = cpu;
	nmis = vcpu_take_nmis();
	host_cpu = now;
	return nmis;
}

/* A logical destination that named the CPU does not after its INIT: LDR is 0, the model flat. */
static void logical_id_is_gone(void **state)
{
	extended = has_cmci = forgets = false;
	assert_int_equal(start(0), 0);
	host_cpu = 1;
	lapic_start_cpu();
	guest_write(DFR, 0x0fffffff);
	guest_write(LDR, 0x31000000);
	host_cpu = 0;
	guest_write(ICR_HIGH, 0x31000000);
	guest_write(ICR, 0x4c00); /* NMI, logical */
	assert_int_equal(nmis_of(1), 1);
	host_cpu = 1;
	lapic_reset();
	host_cpu = 0;
	guest_write(ICR, 0x4c00);
	assert_int_equal(nmis_of(1), 0);
	/* What it gets next is compared in the flat model. */
	host_cpu = 1;
	guest_write(LDR, 0x21000000);
	host_cpu = 0;
	guest_write(ICR, 0x4c00);
	assert_int_equal(nmis_of(1), 1);
}

/* What firmware left in the boot CPU's registers counts as written. */
static void firmware_ldr_counts(void **state)
{
	extended = has_cmci = forgets = false;
	assert_int_equal(start(0), 0);
	*reg(LDR) = 0x72000000;
	*reg(DFR) = 0x0fffffff;
	assert_int_equal(lapic_init(APIC_PAGE), 0);
	guest_write(ICR_HIGH, 0x72000000);
	guest_write(ICR, 0x4c00);
	assert_int_equal(nmis_of(0), 1);
	guest_write(ICR_HIGH, 0x12000000);
	guest_write(ICR, 0x4c00);
	assert_int_equal(nmis_of(0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reset_xapic),
		cmocka_unit_test(reset_x2apic),
		cmocka_unit_test(eois_are_bounded),
		cmocka_unit_test(start_from_every_mode),
		cmocka_unit_test(logical_id_is_gone),
		cmocka_unit_test(firmware_ldr_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

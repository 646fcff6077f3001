/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts: order, priorities, more pending than list registers, activation, SGIs, other CPUs, and nonsense
 * written to every register. Interrupts are acknowledged with the CPU's mask set, by reading ICC_IAR1_EL1.
 */
#include "gic.h"

#define PATIENCE 2000000u
#define PRIVATE 32u

static u64 affinity_of(unsigned int cpu)
{
	return machine.mpidr[cpu] & 0xff00ffffff;
}

u64 gicr_of(unsigned int cpu)
{
	u64 wanted = affinity_of(cpu), aff = (wanted >> 32 << 24) | (wanted & 0xffffff);

	for (u64 at = machine.gicr; at < machine.gicr + machine.gicr_size; at += GICR_STRIDE) {
		u64 typer = mmio_read(at + GICR_TYPER, 8);

		if (typer >> 32 == aff)
			return at;
		if (typer >> 4 & 1)
			break;
	}
	return machine.gicr;
}

static u64 base_of(u32 intid)
{
	return intid < PRIVATE ? gicr_of(this_cpu()->number) + GICR_SGI_BASE : machine.gicd;
}

void gic_set(unsigned int offset, u32 intid)
{
	write32(base_of(intid) + offset + intid / 32 * 4, 1u << (intid % 32));
}

bool gic_get(unsigned int offset, u32 intid)
{
	return read32(base_of(intid) + offset + intid / 32 * 4) >> (intid % 32) & 1;
}

void gic_priority(u32 intid, u8 priority)
{
	mmio_write(base_of(intid) + IPRIORITYR + intid, 1, priority);
}

u32 gic_take(void)
{
	u32 intid;

	barrier(); /* what was written to the GIC has its effect */
	intid = (u32)read_sysreg(ICC_IAR1) & 0xffffff;
	barrier();
	return intid;
}

u32 gic_wait(void)
{
	for (u32 i = 0; i < PATIENCE; i++) {
		u32 intid = gic_take();

		if (intid != SPURIOUS)
			return intid;
	}
	return SPURIOUS;
}

void gic_end(u32 intid)
{
	write_sysreg(ICC_EOIR1, intid);
}

static void wait_for_writes(void)
{
	for (u32 i = 0; i < PATIENCE && (read32(machine.gicd) & CTLR_RWP); i++)
		;
}

void gic_prepare(u32 intid, u8 priority)
{
	u64 cfg = machine.gicd + ICFGR + intid / 16 * 4;

	gic_set(ICENABLER, intid);
	wait_for_writes();
	write32(cfg, read32(cfg) | 2u << (intid % 16 * 2));
	mmio_write(machine.gicd + GICD_IROUTER + intid * 8, 8, affinity_of(this_cpu()->number));
	gic_priority(intid, priority);
	gic_set(ISENABLER, intid);
}

void gic_start_this_cpu(void)
{
	u64 rd = gicr_of(this_cpu()->number), sgi = rd + GICR_SGI_BASE;

	write32(rd + GICR_WAKER, read32(rd + GICR_WAKER) & ~WAKER_PROCESSOR_SLEEP);
	for (u32 i = 0; i < PATIENCE && (read32(rd + GICR_WAKER) & WAKER_CHILDREN_ASLEEP); i++)
		;
	write32(sgi + ICENABLER, ~0u);
	write32(sgi + ICPENDR, ~0u);
	write32(sgi + ICACTIVER, ~0u);
	write32(sgi + IGROUPR, ~0u);
	for (u32 i = 0; i < PRIVATE; i += 4)
		write32(sgi + IPRIORITYR + i, 0xa0a0a0a0);
	write_sysreg(ICC_SRE, 7);
	write_sysreg(ICC_CTLR, 0);
	write_sysreg(ICC_BPR1, 0);
	write_sysreg(ICC_PMR, 0xff);
	write_sysreg(ICC_IGRPEN1, 1);
	for (unsigned int i = 0; i < 1100 && gic_take() != SPURIOUS; i++)
		;
	/* Priorities that are still active: more EOIs than there can be do no harm. */
	for (unsigned int i = 0; i < 64 && read_sysreg(ICC_RPR) != IDLE_PRIORITY; i++)
		gic_end(FREE_FIRST);
	write32(sgi + ICACTIVER, ~0u);
}

void gic_reset(void)
{
	u32 intids = ((read32(machine.gicd + GICD_TYPER) & 0x1f) + 1) * 32;

	write_sysreg("cntv_ctl_el0", 0);
	write_sysreg("cntp_ctl_el0", 0);
	write32(machine.gicd + GICD_CTLR, 0);
	wait_for_writes();
	for (u32 i = PRIVATE; i < intids && i < 1020; i += 32) {
		write32(machine.gicd + ICENABLER + i / 8, ~0u);
		write32(machine.gicd + ICPENDR + i / 8, ~0u);
		write32(machine.gicd + ICACTIVER + i / 8, ~0u);
		write32(machine.gicd + IGROUPR + i / 8, ~0u);
	}
	wait_for_writes();
	write32(machine.gicd + GICD_CTLR, CTLR_ARE);
	wait_for_writes();
	write32(machine.gicd + GICD_CTLR, CTLR_ARE | CTLR_GROUP1);
	wait_for_writes();
	gic_start_this_cpu();
	for (u32 i = PRIVATE; i < intids && i < 1020; i += 32)
		write32(machine.gicd + ICACTIVER + i / 8, ~0u);
}

/* ---- one interrupt ---- */

static void one_spi(const char *name)
{
	const u32 intid = FREE_FIRST;

	begin_test(name);
	gic_prepare(intid, 0x80);
	gic_set(ISPENDR, intid);
	check(gic_get(ISPENDR, intid), "not pending");
	check(gic_take() == intid, "not taken");
	check(read_sysreg(ICC_RPR) == 0x80, "running priority 0x%lx", (unsigned long)read_sysreg(ICC_RPR));
	check(!gic_get(ISPENDR, intid) && gic_get(ISACTIVER, intid), "not active");
	check(gic_take() == SPURIOUS, "taken twice");
	gic_set(ISPENDR, intid); /* again while active: waits */
	check(gic_take() == SPURIOUS, "taken while active");
	gic_end(intid);
	check(gic_take() == intid, "the second is lost");
	gic_end(intid);
	check(!gic_get(ISACTIVER, intid), "still active");
	check(gic_take() == SPURIOUS && read_sysreg(ICC_RPR) == IDLE_PRIORITY, "not idle");
	end_test();
}

static void masks(void)
{
	const u32 intid = FREE_FIRST + 1;

	begin_test("gic-masks");
	gic_prepare(intid, 0x80);
	gic_set(ICENABLER, intid);
	wait_for_writes();
	gic_set(ISPENDR, intid);
	check(gic_take() == SPURIOUS, "taken while disabled");
	gic_set(ISENABLER, intid);
	write_sysreg(ICC_PMR, 0x80); /* masks 0x80 and what is below */
	check(gic_take() == SPURIOUS, "taken against the priority mask");
	gic_set(ICENABLER, intid); /* it may stand in a list register by now */
	wait_for_writes();
	write_sysreg(ICC_PMR, 0xff);
	check(gic_take() == SPURIOUS, "taken after it was disabled");
	gic_set(ISENABLER, intid);
	gic_set(ICPENDR, intid);
	check(gic_take() == SPURIOUS, "taken after it was cleared");
	gic_set(ISPENDR, intid);
	write_sysreg(ICC_IGRPEN1, 0);
	check(gic_take() == SPURIOUS, "taken with group 1 off at the CPU");
	write_sysreg(ICC_IGRPEN1, 1);
	write32(machine.gicd + GICD_CTLR, CTLR_ARE);
	wait_for_writes();
	check(gic_take() == SPURIOUS, "taken with group 1 off at the distributor");
	write32(machine.gicd + GICD_CTLR, CTLR_ARE | CTLR_GROUP1);
	wait_for_writes();
	check(gic_wait() == intid, "lost");
	gic_end(intid);
	end_test();
}

static void nesting(void)
{
	const u32 low = FREE_FIRST + 2, same = FREE_FIRST + 3, high = FREE_FIRST + 4;

	begin_test("gic-nesting");
	gic_prepare(low, 0xc0);
	gic_prepare(same, 0xc0);
	gic_prepare(high, 0x40);
	gic_set(ISPENDR, low);
	check(gic_take() == low, "the first is not taken");
	gic_set(ISPENDR, same);
	check(gic_take() == SPURIOUS, "the same priority interrupts");
	gic_set(ISPENDR, high);
	check(gic_take() == high, "a higher priority does not interrupt");
	check(read_sysreg(ICC_RPR) == 0x40, "running priority");
	gic_end(high);
	check(read_sysreg(ICC_RPR) == 0xc0, "running priority after the end of the higher one");
	check(gic_take() == SPURIOUS, "the same priority interrupts, after the higher one");
	gic_end(low);
	check(gic_take() == same, "the third is lost");
	gic_end(same);
	end_test();
}

static void separate_deactivation(void)
{
	const u32 intid = FREE_FIRST + 5;

	begin_test("gic-eoimode");
	gic_prepare(intid, 0x80);
	write_sysreg(ICC_CTLR, 1u << 1);
	gic_set(ISPENDR, intid);
	check(gic_take() == intid, "not taken");
	gic_end(intid);
	check(read_sysreg(ICC_RPR) == IDLE_PRIORITY, "the priority is not dropped");
	check(gic_get(ISACTIVER, intid), "EOIR deactivates");
	gic_set(ISPENDR, intid);
	check(gic_take() == SPURIOUS, "taken while active");
	write_sysreg(ICC_DIR, intid);
	check(gic_wait() == intid, "lost after its deactivation");
	gic_end(intid);
	write_sysreg(ICC_DIR, intid);
	check(!gic_get(ISACTIVER, intid), "still active");
	write_sysreg(ICC_CTLR, 0);
	end_test();
}

/* ---- more than there are list registers ---- */

/* All pending, then taken: by priority, each once. */
static void in_order(void)
{
	u8 priority[FREE_COUNT], taken[FREE_COUNT];
	unsigned int last = 0, count = 0;

	begin_test("gic-order");
	for (u32 i = 0; i < FREE_COUNT; i++) {
		priority[i] = (u8)((random64() % 31) << 3);
		taken[i] = 0;
		gic_prepare(FREE_FIRST + i, priority[i]);
	}
	for (u32 i = 0; i < FREE_COUNT; i++)
		gic_set(ISPENDR, FREE_FIRST + (i * 37) % FREE_COUNT);
	for (; count < FREE_COUNT; count++) {
		u32 intid = gic_wait();

		check(intid >= FREE_FIRST && intid < FREE_FIRST + FREE_COUNT, "number %lu is INTID %lu",
		      (unsigned long)count, (unsigned long)intid);
		if (intid < FREE_FIRST || intid >= FREE_FIRST + FREE_COUNT)
			break;
		check(priority[intid - FREE_FIRST] >= last, "INTID %lu of 0x%lx comes after 0x%lx",
		      (unsigned long)intid, (unsigned long)priority[intid - FREE_FIRST], (unsigned long)last);
		last = priority[intid - FREE_FIRST];
		taken[intid - FREE_FIRST]++;
		gic_end(intid);
	}
	for (u32 i = 0; i < FREE_COUNT; i++)
		check(taken[i] == 1, "INTID %lu was taken %lu times", (unsigned long)(FREE_FIRST + i),
		      (unsigned long)taken[i]);
	check(gic_take() == SPURIOUS, "one too many");
	end_test();
}

/* Raised while others wait, are active, or are taken; none is lost, none is made up. */
static void storm(void)
{
	bool pending[FREE_COUNT] = { false };
	unsigned long raised = 0, taken = 0;

	begin_test("gic-storm");
	for (unsigned int step = 0; step < 20000; step++) {
		u32 i = (u32)(random64() % FREE_COUNT), intid;

		if (random64() % 3) {
			gic_set(ISPENDR, FREE_FIRST + i);
			raised += !pending[i];
			pending[i] = true;
			continue;
		}
		intid = gic_take();
		if (intid == SPURIOUS)
			continue;
		check(intid - FREE_FIRST < FREE_COUNT && pending[(intid - FREE_FIRST) % FREE_COUNT],
		      "INTID %lu was not pending", (unsigned long)intid);
		taken++;
		pending[(intid - FREE_FIRST) % FREE_COUNT] = false;
		gic_end(intid);
	}
	for (u32 intid = gic_wait(); intid != SPURIOUS; intid = gic_take()) {
		check(pending[(intid - FREE_FIRST) % FREE_COUNT], "INTID %lu was not pending",
		      (unsigned long)intid);
		pending[(intid - FREE_FIRST) % FREE_COUNT] = false;
		taken++;
		gic_end(intid);
	}
	check(raised == taken, "%lu raised, %lu taken", raised, taken);
	end_test();
	say("INFO gic-storm: %lu interrupts", taken);
}

/* All of them active at once cannot be: as many as there are priorities can, and end in any order. */
static void all_active(void)
{
	u32 stack[16];
	unsigned int depth = 0;

	begin_test("gic-active");
	for (u32 i = 0; i < 16; i++)
		gic_prepare(FREE_FIRST + i, (u8)(0xf0 - 16 * i));
	for (; depth < 16; depth++) {
		gic_set(ISPENDR, FREE_FIRST + depth);
		stack[depth] = gic_wait();
		check(stack[depth] == FREE_FIRST + depth, "depth %lu: INTID %lu", (unsigned long)depth,
		      (unsigned long)stack[depth]);
	}
	for (u32 i = 0; i < 16; i++)
		check(gic_get(ISACTIVER, FREE_FIRST + i), "INTID %lu is not active",
		      (unsigned long)(FREE_FIRST + i));
	while (depth)
		gic_end(stack[--depth]);
	for (u32 i = 0; i < 16; i++)
		check(!gic_get(ISACTIVER, FREE_FIRST + i), "INTID %lu is still active",
		      (unsigned long)(FREE_FIRST + i));
	check(gic_take() == SPURIOUS && read_sysreg(ICC_RPR) == IDLE_PRIORITY, "not idle");
	end_test();
}

static void as_exception(void)
{
	struct cpu *c = this_cpu();

	begin_test("gic-exception");
	gic_prepare(FREE_FIRST, 0x80);
	c->interrupts = 0;
	for (u32 i = 1; i <= 1000; i++) {
		gic_set(ISPENDR, FREE_FIRST);
		__asm__ volatile("dsb sy\n\tmsr daifclr, #2\n\tisb\n\tnop\n\tmsr daifset, #2" : : : "memory");
		for (u32 wait = 0; wait < PATIENCE && c->interrupts < i; wait++)
			__asm__ volatile("msr daifclr, #2\n\tisb\n\tmsr daifset, #2" : : : "memory");
		if (c->interrupts != i)
			break;
	}
	check(c->interrupts == 1000 && c->last_interrupt == FREE_FIRST, "%lu interrupts, the last INTID %lu",
	      (unsigned long)c->interrupts, (unsigned long)c->last_interrupt);
	end_test();
}

/* ---- SGIs and other CPUs ---- */

static u64 sgi_to(unsigned int cpu, u32 sgi)
{
	u64 a = affinity_of(cpu);

	return (a >> 32 & 0xff) << 48 | (a >> 16 & 0xff) << 32 | (u64)sgi << 24 | (a >> 8 & 0xff) << 16 |
	       1u << (a & 0xf);
}

static void own_sgis(void)
{
	u32 seen = 0;

	begin_test("gic-sgi-self");
	write32(base_of(0) + ISENABLER, 0xffff);
	for (u32 sgi = 0; sgi < 16; sgi++)
		write_sysreg(ICC_SGI1R, sgi_to(0, sgi));
	for (unsigned int n = 0; n < 16; n++) {
		u32 intid = gic_wait();

		check(intid < 16 && !(seen & 1u << (intid & 15)), "INTID %lu", (unsigned long)intid);
		seen |= 1u << (intid & 15);
		gic_end(intid);
	}
	check(seen == 0xffff, "seen: 0x%lx", (unsigned long)seen);
	check(gic_take() == SPURIOUS, "one too many");
	end_test();
}

static volatile u32 got[CPUS_MAX];

/* Takes interrupts until SGI 15 comes. */
static void take_until_15(void)
{
	struct cpu *c = this_cpu();

	gic_start_this_cpu();
	write32(gicr_of(c->number) + GICR_SGI_BASE + ISENABLER, 0xffff);
	c->last_interrupt = 1;
	for (;;) {
		u32 intid = gic_wait();

		if (intid == SPURIOUS)
			continue;
		gic_end(intid);
		got[c->number]++;
		barrier();
		if (intid == 15)
			break;
	}
	write_sysreg(ICC_IGRPEN1, 0);
}

static bool wait_for(volatile u32 *counter, u32 value)
{
	for (u32 i = 0; i < PATIENCE * 10 && *counter < value; i++)
		;
	return *counter >= value;
}

static void other_cpus(void)
{
	begin_test("gic-sgi-others");
	for (unsigned int cpu = 1; cpu < machine.cpus; cpu++) {
		got[cpu] = 0;
		cpu_at(cpu)->last_interrupt = 0;
		check(start_cpu(cpu, take_until_15) == 0, "CPU %lu does not start", (unsigned long)cpu);
		check(wait_for(&cpu_at(cpu)->last_interrupt, 1), "CPU %lu is not ready", (unsigned long)cpu);
	}
	for (u32 n = 1; n <= 200 && holds(); n++) {
		for (unsigned int cpu = 1; cpu < machine.cpus; cpu++)
			write_sysreg(ICC_SGI1R, sgi_to(cpu, n % 15));
		for (unsigned int cpu = 1; cpu < machine.cpus; cpu++)
			check(wait_for(&got[cpu], n), "CPU %lu: SGI %lu is lost", (unsigned long)cpu,
			      (unsigned long)n);
	}
	write_sysreg(ICC_SGI1R, 1ull << 40 | 3u << 24); /* IRM: to all but this one */
	for (unsigned int cpu = 1; cpu < machine.cpus && holds(); cpu++)
		check(wait_for(&got[cpu], 201), "CPU %lu: the SGI to all is lost", (unsigned long)cpu);
	check(gic_take() == SPURIOUS, "the SGI to all others came here");
	/* An SPI goes where it is routed. */
	gic_prepare(FREE_FIRST, 0x80);
	mmio_write(machine.gicd + GICD_IROUTER + FREE_FIRST * 8, 8, affinity_of(1));
	gic_set(ISPENDR, FREE_FIRST);
	check(wait_for(&got[1], 202), "the SPI is lost");
	for (unsigned int cpu = 1; cpu < machine.cpus; cpu++) {
		write_sysreg(ICC_SGI1R, sgi_to(cpu, 15));
		check(wait_until_off(cpu), "CPU %lu does not go off", (unsigned long)cpu);
		check(got[cpu] == (cpu == 1 ? 203u : 202u), "CPU %lu has taken %lu", (unsigned long)cpu,
		      (unsigned long)got[cpu]);
	}
	end_test();
}

void test_gic(void)
{
	gic_reset();
	one_spi("gic-spi");
	masks();
	nesting();
	separate_deactivation();
	in_order();
	storm();
	all_active();
	as_exception();
	own_sgis();
	if (machine.cpus > 1)
		other_cpus();
	gic_reset();
}

/* ---- nonsense ---- */

static void garbage_at(u64 base, u64 size)
{
	for (u64 at = base; at < base + size; at += 4) {
		for (unsigned int width = 1; width <= 8; width *= 2) {
			if (at % width)
				continue;
			fault_begin();
			(void)mmio_read(at, width);
			mmio_write(at, width, random64());
			mmio_write(at, width, ~0ull);
			mmio_write(at, width, 0);
			(void)fault_end(); /* a width that a register does not have may be refused */
		}
	}
}

static void cpu_interface_garbage(void)
{
	begin_test("gic-garbage-cpu");
	for (unsigned int i = 0; i < 2000; i++) {
		u32 intid = (u32)random64() & (i & 1 ? 0xffffff : 0x3ff);

		fault_begin();
		write_sysreg(ICC_EOIR1, intid);
		write_sysreg(ICC_DIR, intid);
		write_sysreg(ICC_SGI1R, random64() & 0xff00000000000000 /* RES0, Aff3: to nobody */);
		check(!fault_end(), "exception class 0x%lx", (unsigned long)fault_class());
	}
	gic_reset();
	end_test();
	one_spi("gic-after-garbage-cpu");
}

void test_gic_garbage(void)
{
	gic_reset();
	cpu_interface_garbage();
	begin_test("gic-garbage");
	garbage_at(machine.gicd, 0x10000);
	for (unsigned int cpu = 0; cpu < machine.cpus; cpu++)
		garbage_at(gicr_of(cpu), GICR_STRIDE);
	if (machine.v2m)
		garbage_at(machine.v2m, 0x1000);
	gic_reset();
	end_test();
	one_spi("gic-after-garbage");
	in_order();
	own_sgis();
	gic_reset();
}

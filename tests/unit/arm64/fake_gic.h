/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine's GICv3 for tests, written from IHI 0069H (chapters 4, 12): a distributor, redistributors and
 * physical CPU interfaces. Its registers are answered through core/mmio.h's hooks; system registers are the
 * functions of gic.h that gic_cpu.c has on the machine. Each thread is a CPU (host_cpu). Numbers are the
 * specification's, not gic_regs.h's.
 */
#ifndef TESTS_FAKE_GIC_H
#define TESTS_FAKE_GIC_H

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arm64/cpus.h"
#include "arch/arm64/gic.h"
#include "core/mmio.h"

extern _Thread_local unsigned int host_cpu;

#define FAKE_GICD 0x08000000ull
#define FAKE_GICR 0x080a0000ull
#define FAKE_CPUS 8
#define FAKE_IDLE 0x100u /* running priority: none */
#define FAKE_LPIS 64

struct fake_pirq {
	bool enabled, latch, line, active, edge, group1;
	u8 priority;
	u64 route;
};

static struct {
	pthread_mutex_t lock;
	/* How it is. */
	unsigned int cpus, lines; /* GICD_TYPER.ITLinesNumber */
	u32 arch_rev;
	bool two_states;			 /* this is the Non-secure view */
	bool are_fixed_off;			 /* no affinity routing */
	bool gicd_stuck, gicr_stuck, wake_stuck; /* RWP, ChildrenAsleep never go */
	bool vlpis;				 /* four frames each */
	u64 stride;				 /* between redistributors */
	u32 last;				 /* number of the one that says so */
	bool no_sysregs;
	u32 fixed_edge[FAKE_CPUS]; /* PPIs whose configuration cannot be written: edge */
	/* State. */
	u32 ctlr;
	u32 waker[FAKE_CPUS];
	struct fake_pirq own[FAKE_CPUS][32], spi[1020];
	u32 running[FAKE_CPUS];
	u32 acked[FAKE_CPUS];
	bool on[FAKE_CPUS];
	u32 lpi[FAKE_CPUS][FAKE_LPIS];
	unsigned int lpis[FAKE_CPUS];
	/* What was noticed. */
	unsigned int odd; /* accesses that no register has, deactivation of what is not active */
	unsigned int are_while_on;
	unsigned int sgis, maintenances; /* PPI 25 taken */
	bool (*maintenance)(unsigned int cpu); /* the line of PPI 25 */
} fg = { .lock = PTHREAD_MUTEX_INITIALIZER };

static inline u64 fake_mpidr(unsigned int cpu)
{
	return (u64)(cpu / 4) << 8 | cpu % 4; /* clusters of four */
}

static inline struct fake_pirq *fake_pirq(unsigned int cpu, u32 intid)
{
	return intid < 32 ? &fg.own[cpu][intid] : &fg.spi[intid];
}

static inline bool fake_pending(unsigned int cpu, u32 intid)
{
	struct fake_pirq *p = fake_pirq(cpu, intid);

	if (intid == 25 && fg.maintenance && cpu == host_cpu)
		p->line = fg.maintenance(cpu);
	return p->latch || (p->line && !p->edge);
}

static inline u32 fake_intids(void)
{
	return min_u32(32 * (fg.lines + 1), 1020);
}

/* What the CPU interface would be told: INTID, or 1023. Locked. */
static u32 fake_highest(unsigned int cpu)
{
	u32 best = 1023, best_priority = fg.running[cpu];

	if (!fg.on[cpu] || !(fg.ctlr & 2))
		return 1023;
	for (u32 intid = 0; intid < fake_intids(); intid++) {
		struct fake_pirq *p = fake_pirq(cpu, intid);

		if (!p->enabled || p->active || !p->group1 || p->priority >= best_priority)
			continue;
		if (intid >= 32 && p->route != fake_mpidr(cpu))
			continue;
		if (!fake_pending(cpu, intid))
			continue;
		best = intid;
		best_priority = p->priority;
	}
	return best;
}

static inline bool fake_irq_signalled(unsigned int cpu)
{
	bool any;

	pthread_mutex_lock(&fg.lock);
	any = fg.lpis[cpu] || fake_highest(cpu) != 1023;
	pthread_mutex_unlock(&fg.lock);
	return any;
}

/* A device's line. */
static inline void fake_line(unsigned int cpu, u32 intid, bool level)
{
	struct fake_pirq *p = fake_pirq(cpu, intid);

	pthread_mutex_lock(&fg.lock);
	if (p->edge && level && !p->line)
		p->latch = true;
	p->line = level;
	pthread_mutex_unlock(&fg.lock);
}

/* One pulse. */
static inline void fake_edge(unsigned int cpu, u32 intid)
{
	struct fake_pirq *p = fake_pirq(cpu, intid);

	pthread_mutex_lock(&fg.lock);
	p->latch |= p->edge;
	pthread_mutex_unlock(&fg.lock);
}

static inline void fake_lpi(unsigned int cpu, u32 lpi)
{
	pthread_mutex_lock(&fg.lock);
	if (fg.lpis[cpu] < FAKE_LPIS)
		fg.lpi[cpu][fg.lpis[cpu]++] = lpi;
	pthread_mutex_unlock(&fg.lock);
}

/* ---- the CPU interface: EOImode 1 ---- */

bool gic_cpu_on(void)
{
	fg.on[host_cpu] = !fg.no_sysregs;
	fg.running[host_cpu] = FAKE_IDLE;
	return !fg.no_sysregs;
}

u32 gic_ack(void)
{
	const unsigned int cpu = host_cpu;
	u32 intid;

	pthread_mutex_lock(&fg.lock);
	if (fg.lpis[cpu] && fg.running[cpu] == FAKE_IDLE) {
		intid = fg.lpi[cpu][--fg.lpis[cpu]];
		fg.running[cpu] = 0xa0;
	} else {
		intid = fake_highest(cpu);
		if (intid != 1023) {
			struct fake_pirq *p = fake_pirq(cpu, intid);

			fg.running[cpu] = p->priority;
			p->active = true;
			p->latch = false;
		}
	}
	fg.acked[cpu] = intid;
	fg.maintenances += intid == 25;
	pthread_mutex_unlock(&fg.lock);
	return intid;
}

void gic_drop(u32 intid)
{
	pthread_mutex_lock(&fg.lock);
	fg.odd += intid != fg.acked[host_cpu] || fg.running[host_cpu] == FAKE_IDLE;
	fg.running[host_cpu] = FAKE_IDLE;
	pthread_mutex_unlock(&fg.lock);
}

/* By ICC_DIR, or by a list register with HW: of that CPU's. */
static void fake_deactivate(unsigned int cpu, u32 intid)
{
	pthread_mutex_lock(&fg.lock);
	fg.odd += !fake_pirq(cpu, intid)->active;
	fake_pirq(cpu, intid)->active = false;
	pthread_mutex_unlock(&fg.lock);
}

void gic_deactivate(u32 intid)
{
	fake_deactivate(host_cpu, intid);
}

void gic_send_sgi(unsigned int cpu, unsigned int sgi)
{
	pthread_mutex_lock(&fg.lock);
	fg.own[cpu][sgi].latch = true;
	fg.sgis++;
	pthread_mutex_unlock(&fg.lock);
}

/* ---- registers ---- */

/* One bit an interrupt, 12.9.7 ff.: a word of 32. */
static u32 fake_bits(unsigned int cpu, u32 offset, u32 first, bool write, u32 value)
{
	u32 result = 0;

	for (u32 n = 0; n < 32 && first + n < fake_intids(); n++) {
		struct fake_pirq *p = fake_pirq(cpu, first + n);
		bool one = value >> n & 1;

		switch (offset & ~0x7fu) {
		case 0x080: /* IGROUPR; Non-secure: RAZ/WI */
			if (write && !fg.two_states)
				p->group1 = one;
			result |= (u32)(p->group1 && !fg.two_states) << n;
			break;
		case 0x100: /* ISENABLER */
		case 0x180: /* ICENABLER */
			if (write && one)
				p->enabled = (offset & ~0x7fu) == 0x100;
			result |= (u32)p->enabled << n;
			break;
		case 0x200: /* ISPENDR */
		case 0x280: /* ICPENDR */
			if (write && one)
				p->latch = (offset & ~0x7fu) == 0x200;
			result |= (u32)fake_pending(cpu, first + n) << n;
			break;
		case 0x300: /* ISACTIVER */
		case 0x380: /* ICACTIVER */
			if (write && one)
				p->active = (offset & ~0x7fu) == 0x300;
			result |= (u32)p->active << n;
			break;
		}
	}
	return result;
}

static u32 fake_config(unsigned int cpu, u32 first, bool write, u32 value)
{
	u32 result = 0;

	for (u32 n = 0; n < 16 && first + n < fake_intids(); n++) {
		struct fake_pirq *p = fake_pirq(cpu, first + n);

		if (write && first + n >= 16)
			p->edge = value >> (2 * n) & 2;
		if (first + n < 16 || (first < 32 && fg.fixed_edge[cpu] >> (first + n) & 1))
			p->edge = true;
		result |= p->edge ? 2u << 2 * n : 0;
	}
	return result;
}

/* What distributor and redistributor share. False: nothing is there. */
static bool fake_common(unsigned int cpu, u32 offset, bool private, unsigned int size, bool write, u64 *value)
{
	if (offset >= 0x80 && offset < 0x400 && size == 4) {
		u32 first = (offset & 0x7f) / 4 * 32;

		if (private != (first == 0))
			return private ? false : (*value = 0, true);
		*value = fake_bits(cpu, offset, first, write, (u32)*value);
		return true;
	}
	if (offset >= 0x400 && offset < 0x800 && (size == 1 || size == 4)) {
		u32 first = offset - 0x400;

		for (u32 i = 0; i < size; i++) {
			if (private != (first + i < 32) || first + i >= 1020)
				continue;
			if (write)
				fake_pirq(cpu, first + i)->priority = (u8)(*value >> i * 8) & 0xf8;
		}
		return true;
	}
	if (offset >= 0xc00 && offset < 0xd00 && size == 4) {
		u32 first = (offset - 0xc00) / 4 * 16;

		if (private == (first < 32))
			*value = fake_config(cpu, first, write, (u32)*value);
		return true;
	}
	return false;
}

static bool fake_gicd(u32 offset, unsigned int size, bool write, u64 *value)
{
	if (offset == 0x0000 && size == 4) { /* CTLR */
		const u32 are = fg.are_fixed_off ? 0 : 0x10;

		if (write) {
			fg.are_while_on += ((*value ^ fg.ctlr) & are) && (fg.ctlr & 3);
			fg.ctlr = (u32)*value & (3 | are);
		} else {
			*value = fg.ctlr | (fg.two_states ? 0 : 0x40) | (fg.gicd_stuck ? 0x80000000u : 0);
		}
		return true;
	}
	if (offset == 0x0004 && size == 4 && !write) { /* TYPER */
		*value = fg.lines | 9u << 19;
		return true;
	}
	if (offset == 0xffe8 && size == 4 && !write) { /* PIDR2 */
		*value = fg.arch_rev << 4 | 0xb;
		return true;
	}
	if (offset >= 0x6100 && offset < 0x7fe0 && size == 8) { /* IROUTER */
		u32 intid = (offset - 0x6000) / 8;

		if (write)
			fg.spi[intid].route = *value;
		else
			*value = fg.spi[intid].route;
		return true;
	}
	return fake_common(0, offset, false, size, write, value);
}

static bool fake_gicr(unsigned int cpu, u64 offset, unsigned int size, bool write, u64 *value)
{
	if (offset == 0x0000 && size == 4 && !write) { /* CTLR */
		*value = fg.gicr_stuck ? 8 : 0;
		return true;
	}
	if (offset == 0x0008 && size == 8 && !write) { /* TYPER */
		const u64 mpidr = fake_mpidr(cpu);

		*value = ((mpidr >> 32 & 0xff) << 24 | (mpidr & 0xffffff)) << 32 | (u64)(cpu + 100) << 8 |
			 (cpu == fg.last ? 0x10 : 0) | (fg.vlpis ? 2 : 0);
		return true;
	}
	if (offset == 0x0014 && size == 4) { /* WAKER; Non-secure: RAZ/WI */
		if (write)
			fg.waker[cpu] = (u32)*value & 2;
		*value = fg.two_states
				 ? 0
				 : fg.waker[cpu] | (fg.waker[cpu] & 2 ? 4 : 0) | (fg.wake_stuck ? 4 : 0);
		return true;
	}
	if ((offset == 0xffe8 || offset == 0x1ffe8) && size == 4 && !write) {
		*value = fg.arch_rev << 4 | 0xb;
		return true;
	}
	return offset >= 0x10000 && fake_common(cpu, (u32)(offset - 0x10000), true, size, write, value);
}

static bool fake_register(u64 at, unsigned int size, bool write, u64 *value)
{
	bool known;

	if (at - FAKE_GICD < 0x10000)
		known = fake_gicd((u32)(at - FAKE_GICD), size, write, value);
	else if (at - FAKE_GICR < fg.stride * fg.cpus)
		known = fake_gicr((unsigned int)((at - FAKE_GICR) / fg.stride), (at - FAKE_GICR) % fg.stride,
				  size, write, value);
	else if (at - FAKE_GICR < 0x2000000)
		known = !write && (*value = 0, true); /* nobody there */
	else
		return false;
	fg.odd += !known || at % size;
	return true;
}

static bool fake_gic_read(const volatile void *addr, unsigned int size, u64 *value)
{
	bool mine;

	*value = 0;
	pthread_mutex_lock(&fg.lock);
	mine = fake_register((u64)(uintptr_t)addr, size, false, value);
	pthread_mutex_unlock(&fg.lock);
	return mine;
}

static bool fake_gic_write(volatile void *addr, unsigned int size, u64 value)
{
	bool mine;

	pthread_mutex_lock(&fg.lock);
	mine = fake_register((u64)(uintptr_t)addr, size, true, &value);
	pthread_mutex_unlock(&fg.lock);
	return mine;
}

/* As at reset, on a machine like QEMU's: 256 SPIs, 5 bits of priority, one Security state. */
static inline struct dt_machine fake_gic_setup(unsigned int cpus)
{
	struct dt_machine dt = {
		.cpus = cpus,
		.gicd = { FAKE_GICD, 0x10000 },
		.redistributor_regions = 1,
		.gicr = { { FAKE_GICR, 0xf60000 } },
		.maintenance_intid = 25,
	};
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	memset(&fg, 0, sizeof(fg));
	fg.lock = lock;
	fg.cpus = cpus;
	fg.lines = 8;
	fg.arch_rev = 3;
	fg.stride = 0x20000;
	fg.last = cpus - 1;
	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		fg.waker[cpu] = 2;
		fg.running[cpu] = FAKE_IDLE;
		for (u32 n = 0; n < 16; n++)
			fg.own[cpu][n].edge = true;
		arm64_cpus.mpidr[cpu] = dt.cpu_mpidr[cpu] = fake_mpidr(cpu);
	}
	arm64_cpus.count = cpus;
	host_mmio_read = fake_gic_read;
	host_mmio_write = fake_gic_write;
	return dt;
}

#endif

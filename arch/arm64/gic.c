/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's distributor and redistributors (gic.h). It guards that nothing firmware has left can come or
 * be stuck: every interrupt starts disabled, not pending and not active (an active one would never be
 * signalled again), at the guest's priority.
 *
 * All registers but ICFGR are written by the bit or the byte, or are one CPU's to write, so only ICFGR's
 * read-modify-write has a lock. With two Security states Fairlead has the Non-secure view: what belongs to
 * Secure software reads as zero and ignores writes.
 */
#include "arch/arm64/gic.h"

#include "arch/arm64/cpus.h"
#include "arch/arm64/gic_regs.h"
#include "core/arch.h"
#include "core/errno.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/mmio.h"
#include "core/string.h"

#define WAIT_US 100000u /* for a write to take effect; hardware needs a few bus cycles */
#define ALL	0xffffffffu

static struct {
	volatile u8 *gicd;
	unsigned int spis;
	struct {
		volatile u8 *rd; /* NULL: not found */
		u32 number;
	} cpu[CPUS_MAX];
} gic;

static LOCK_CLASS(gic_class, "gic");
static struct spinlock config_lock LEAF_LOCK = SPINLOCK_INIT(gic_class);

static struct {
	gic_handler fn;
	const char *name;
} claim[GIC_CLAIMS_MAX + 1]; /* from 1 */
static unsigned int claims;
static u8 claim_of[GIC_SPECIAL_FIRST]; /* 0: the guest's. Written at boot */

/* ---- registers ---- */

static volatile u32 *dist(unsigned int offset)
{
	return (volatile u32 *)(volatile void *)(gic.gicd + offset);
}

/*
 * Where the registers of an interrupt are: the distributor, or the second frame of its CPU's redistributor.
 */
static volatile u8 *frame_of(unsigned int cpu, u32 intid)
{
	return intid < GIC_SPI_FIRST ? gic.cpu[cpu].rd + GICR_SGI_FRAME : gic.gicd;
}

/* The word with its bit. */
static volatile void *bit_register(unsigned int cpu, u32 intid, unsigned int offset)
{
	return frame_of(cpu, intid) + offset + intid / 32 * 4;
}

static void write_bit(unsigned int cpu, u32 intid, unsigned int offset)
{
	mmio_write32(bit_register(cpu, intid, offset), BIT32(intid % 32));
}

static bool read_bit(unsigned int cpu, u32 intid, unsigned int offset)
{
	return mmio_read32(bit_register(cpu, intid, offset)) & BIT32(intid % 32);
}

/* A bit of a register goes to 0. False: it has not. Boot. */
static bool wait_clear(const volatile u32 *reg, u32 bit)
{
	u64 begin = arch_time_us();

	while (mmio_read32(reg) & bit) {
		if (arch_time_us() - begin > WAIT_US)
			return !(mmio_read32(reg) & bit);
		arch_cpu_relax();
	}
	return true;
}

static bool is_gicv3(const volatile u8 *frame)
{
	u32 revision = GIC_PIDR2_ARCHREV(mmio_read32(frame + GIC_PIDR2));

	return revision == GIC_ARCHREV_V3 || revision == GIC_ARCHREV_V4;
}

/* GICD_TYPER.ITLinesNumber: 31 is cut short by the special INTIDs. */
static unsigned int count_spis(const volatile u8 *gicd)
{
	u32 end = 32 * (GICD_TYPER_LINES(mmio_read32(gicd + GICD_TYPER)) + 1);

	return min_u32(end, GIC_SPECIAL_FIRST) - GIC_SPI_FIRST;
}

int gic_peek_spis(paddr_t gicd)
{
	const volatile u8 *frame = phys_to_virt(gicd);

	return is_gicv3(frame) ? (int)count_spis(frame) : -ENODEV;
}

/* ---- redistributors ---- */

static void found_redistributor(volatile u8 *rd, u64 typer)
{
	for (unsigned int cpu = 0; cpu < arm64_cpus.count; cpu++) {
		if (gic_packed_affinity(arm64_cpus.mpidr[cpu]) != GICR_TYPER_AFFINITY(typer) ||
		    gic.cpu[cpu].rd)
			continue;
		gic.cpu[cpu].rd = rd;
		gic.cpu[cpu].number = GICR_TYPER_NUMBER(typer);
	}
}

/* One after the other, up to the one that says it is the last. */
static int walk_region(const struct dt_range *region, u64 stride)
{
	for (u64 at = 0; at + GICR_BYTES <= region->size;) {
		volatile u8 *rd = (volatile u8 *)phys_to_virt(region->base + at);
		u64 typer;

		if (!is_gicv3(rd)) {
			log_error("gic: no redistributor at 0x%llx", (unsigned long long)(region->base + at));
			return -ENODEV;
		}
		typer = mmio_read64(rd + GICR_TYPER);
		found_redistributor(rd, typer);
		if (typer & GICR_TYPER_LAST)
			break;
		at += stride ? stride : typer & GICR_TYPER_VLPIS ? GICR_BYTES_VLPIS : GICR_BYTES;
	}
	return 0;
}

static int find_redistributors(const struct dt_machine *dt)
{
	/* Less than the two frames would walk over one redistributor twice; firmware's word. */
	if (dt->gicr_stride && dt->gicr_stride < GICR_BYTES) {
		log_error("gic: a redistributor stride of 0x%llx", (unsigned long long)dt->gicr_stride);
		return -ENODEV;
	}
	for (unsigned int i = 0; i < dt->redistributor_regions; i++) {
		int ret = arch_map_registers(dt->gicr[i].base, dt->gicr[i].size);

		if (!ret)
			ret = walk_region(&dt->gicr[i], dt->gicr_stride);
		if (ret)
			return ret;
	}
	if (!gic.cpu[0].rd) {
		log_error("gic: the boot CPU has no redistributor");
		return -ENODEV;
	}
	return 0;
}

/* ---- start ---- */

/* One register of 32 interrupts each, and their priorities; `frame` has them at a distributor's offsets. */
static void quiet_bank(volatile u8 *frame, unsigned int bank)
{
	const u32 priorities = GIC_PRIORITY_GUEST * 0x01010101u;

	mmio_write32(frame + GICD_ICENABLER + bank * 4, ALL);
	mmio_write32(frame + GICD_IGROUPR + bank * 4, ALL);
	mmio_write32(frame + GICD_ICPENDR + bank * 4, ALL);
	mmio_write32(frame + GICD_ICACTIVER + bank * 4, ALL);
	for (unsigned int i = 0; i < 32; i += 4)
		mmio_write32(frame + GICD_IPRIORITYR + bank * 32 + i, priorities);
}

/* Affinity routing may only be switched while both groups are off (IHI 0069H, 12.9.4). */
static int start_distributor(void)
{
	mmio_write32(dist(GICD_CTLR), mmio_read32(dist(GICD_CTLR)) & GICD_CTLR_ARE);
	if (!wait_clear(dist(GICD_CTLR), GICD_CTLR_RWP))
		goto stuck;
	mmio_write32(dist(GICD_CTLR), GICD_CTLR_ARE);
	if (!wait_clear(dist(GICD_CTLR), GICD_CTLR_RWP))
		goto stuck;
	if (!(mmio_read32(dist(GICD_CTLR)) & GICD_CTLR_ARE)) {
		log_error("gic: affinity routing cannot be switched on: a GICv2, or firmware that keeps the "
			  "GIC in its mode");
		return -EOPNOTSUPP;
	}
	for (unsigned int bank = 1; bank * 32 < GIC_SPI_FIRST + gic.spis; bank++)
		quiet_bank(gic.gicd, bank);
	for (u32 intid = GIC_SPI_FIRST; intid < GIC_SPI_FIRST + gic.spis; intid++)
		gic_route(intid, 0);
	if (!wait_clear(dist(GICD_CTLR), GICD_CTLR_RWP))
		goto stuck;
	mmio_write32(dist(GICD_CTLR), GICD_CTLR_ARE | GICD_CTLR_GRP1);
	return 0;
stuck:
	log_error("gic: the distributor does not take writes (GICD_CTLR.RWP)");
	return -ENODEV;
}

/* Nothing is found or claimed. */
static void forget(void)
{
	memset(&gic, 0, sizeof(gic));
	memset(claim_of, 0, sizeof(claim_of));
	claims = 0;
}

int gic_init(const struct dt_machine *dt)
{
	int ret = arch_map_registers(dt->gicd.base, dt->gicd.size);

	if (ret)
		return ret;
	forget();
	gic.gicd = phys_to_virt(dt->gicd.base);
	if (!is_gicv3(gic.gicd)) {
		log_error("gic: the interrupt controller at 0x%llx is no GICv3 (a GICv2?), which Fairlead "
			  "needs",
			  (unsigned long long)dt->gicd.base);
		return -EOPNOTSUPP;
	}
	gic.spis = count_spis(gic.gicd);
	ret = find_redistributors(dt);
	return ret ? ret : start_distributor();
}

int gic_start_cpu(void)
{
	const unsigned int cpu = arch_cpu_index();
	volatile u8 *rd = gic.cpu[cpu].rd;

	if (!rd) {
		log_error("gic: CPU %u has no redistributor", cpu);
		return -ENODEV;
	}
	/* With two Security states it is the firmware's, and awake: reads give 0. */
	mmio_write32(rd + GICR_WAKER, mmio_read32(rd + GICR_WAKER) & ~GICR_WAKER_SLEEP);
	if (!wait_clear((volatile u32 *)(volatile void *)(rd + GICR_WAKER), GICR_WAKER_ASLEEP)) {
		log_error("gic: the redistributor of CPU %u does not wake up", cpu);
		return -ETIMEDOUT;
	}
	quiet_bank(rd + GICR_SGI_FRAME, 0);
	if (!wait_clear((volatile u32 *)(volatile void *)(rd + GICR_CTLR), GICR_CTLR_RWP)) {
		log_error("gic: the redistributor of CPU %u does not take writes (GICR_CTLR.RWP)", cpu);
		return -ETIMEDOUT;
	}
	if (!gic_cpu_on()) {
		log_error("gic: CPU %u has no system registers for its interrupts (ICC_SRE_EL2), or "
			  "firmware masks them all (ICC_PMR_EL1)",
			  cpu);
		return -ENODEV;
	}
	gic_set_priority(cpu, GIC_SGI_KICK, GIC_PRIORITY_OURS);
	gic_enable(cpu, GIC_SGI_KICK, true);
	return 0;
}

/* ---- one interrupt ---- */

unsigned int gic_spis(void)
{
	return gic.spis;
}

void gic_enable(unsigned int cpu, u32 intid, bool on)
{
	write_bit(cpu, intid, on ? GICD_ISENABLER : GICD_ICENABLER);
}

/* Two bits an interrupt, of which the upper one says edge. */
static volatile u32 *config_register(unsigned int cpu, u32 intid)
{
	return (volatile u32 *)(volatile void *)(frame_of(cpu, intid) + GICD_ICFGR + intid / 16 * 4);
}

void gic_set_edge(unsigned int cpu, u32 intid, bool edge)
{
	volatile u32 *reg = config_register(cpu, intid);
	u32 bit = GICD_ICFGR_EDGE << intid % 16 * 2, value;

	spin_lock(&config_lock);
	value = mmio_read32(reg);
	mmio_write32(reg, edge ? value | bit : value & ~bit);
	spin_unlock(&config_lock);
}

bool gic_is_edge(unsigned int cpu, u32 intid)
{
	return mmio_read32(config_register(cpu, intid)) & GICD_ICFGR_EDGE << intid % 16 * 2;
}

void gic_set_priority(unsigned int cpu, u32 intid, u8 priority)
{
	mmio_write8(frame_of(cpu, intid) + GICD_IPRIORITYR + intid, priority);
}

void gic_route(u32 intid, unsigned int cpu)
{
	mmio_write64(gic.gicd + GICD_IROUTER + 8 * (u64)intid, arm64_cpus.mpidr[cpu] & MPIDR_AFFINITY);
}

bool gic_pending(unsigned int cpu, u32 intid)
{
	return read_bit(cpu, intid, GICD_ISPENDR);
}

void gic_set_pending(unsigned int cpu, u32 intid, bool on)
{
	write_bit(cpu, intid, on ? GICD_ISPENDR : GICD_ICPENDR);
}

void gic_set_active(unsigned int cpu, u32 intid, bool on)
{
	write_bit(cpu, intid, on ? GICD_ISACTIVER : GICD_ICACTIVER);
}

volatile void *gic_redistributor(unsigned int cpu)
{
	return gic.cpu[cpu].rd;
}

u32 gic_processor_number(unsigned int cpu)
{
	return gic.cpu[cpu].number;
}

/* ---- Fairlead's own ---- */

int gic_claim(u32 intid, gic_handler fn, const char *name)
{
	if (intid >= GIC_SPECIAL_FIRST)
		return -EINVAL;
	if (claim_of[intid]) {
		log_error("gic: interrupt %u is wanted for %s, and taken for %s", intid, name,
			  claim[claim_of[intid]].name);
		return -EEXIST;
	}
	if (claims == GIC_CLAIMS_MAX)
		return -ENOSPC;
	claims++;
	claim[claims].fn = fn;
	claim[claims].name = name;
	claim_of[intid] = (u8)claims;
	return 0;
}

gic_handler gic_claimed(u32 intid)
{
	return intid < GIC_SPECIAL_FIRST ? claim[claim_of[intid]].fn : NULL;
}

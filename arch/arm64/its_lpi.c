/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LPIs at the redistributors (IHI 0069H, 5.1): one table in memory says for all of them which LPIs are
 * enabled, and one for each redistributor holds what is pending. It guards that no redistributor goes on with
 * tables of the firmware's, in memory that is the guest's now.
 */
#include "arch/arm64/its_internal.h"
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/mmio.h"
#include "core/pages.h"

/* INTIDs of 15 bits: 24576 LPIs, of which so many are used. 14 bits, with 8192 LPIs, are everywhere. */
#define ID_BITS	    15u
#define ID_BITS_MIN 14u
#define STOP_US	    1000000u

static u8 *config;		  /* of each LPI, from GIC_LPI_FIRST on; set at boot */
static void *pending[CPUS_MAX];	  /* set at boot */
static unsigned int id_bits;	  /* set at boot */
static _Atomic bool not_coherent; /* a redistributor does not snoop: changes are written back to memory */

int its_lpi_init(void)
{
	const u32 typer = mmio_read32((const volatile u8 *)phys_to_virt(its.dt->gicd.base) + GICD_TYPER);
	const unsigned int said = GICD_TYPER_NUM_LPIS(typer);
	u64 lpis;

	id_bits = min_u32(GICD_TYPER_ID_BITS(typer), ID_BITS);
	if (!(typer & GICD_TYPER_LPIS) || id_bits < ID_BITS_MIN) {
		log_error("its: the distributor has no LPIs (GICD_TYPER 0x%08x)", typer);
		return -EOPNOTSUPP;
	}
	lpis = BIT(id_bits) - GIC_LPI_FIRST;
	its.events =
		(unsigned int)min_u64(min_u64(lpis, ITS_EVENTS_MAX), said ? BIT(said + 1) : ITS_EVENTS_MAX);
	config = pages_alloc_contig(ALIGN_UP(lpis, PAGE_SIZE) / PAGE_SIZE, PAGE_SIZE);
	if (!config)
		goto none;
	arch_cache_flush(config, lpis);
	for (unsigned int cpu = 0; cpu < its.cpus; cpu++) {
		const u64 bytes = ALIGN_UP(BIT(id_bits) / 8, PAGE_SIZE);

		pending[cpu] = pages_alloc_contig(bytes / PAGE_SIZE, GICR_PENDING_ALIGN);
		if (!pending[cpu])
			goto none;
		arch_cache_flush(pending[cpu], bytes);
	}
	return 0;
none:
	log_error("its: no memory for the LPIs' tables");
	return -ENOMEM;
}

/* ---- one redistributor, by its CPU ---- */

static volatile u8 *redistributor(void)
{
	return gic_redistributor(arch_cpu_index());
}

int its_lpi_stop(void)
{
	volatile u8 *rd = redistributor();
	const u64 start = arch_time_us();
	u32 ctlr = mmio_read32(rd + GICR_CTLR);

	if (!(ctlr & GICR_CTLR_ENABLE_LPIS))
		return 0;
	mmio_write32(rd + GICR_CTLR, ctlr & ~GICR_CTLR_ENABLE_LPIS);
	while (mmio_read32(rd + GICR_CTLR) & GICR_CTLR_RWP) {
		if (arch_time_us() - start > STOP_US) {
			log_error("its: CPU %u: the redistributor does not stop its LPIs", arch_cpu_index());
			return -ETIMEDOUT;
		}
		arch_cpu_relax();
	}
	ctlr = mmio_read32(rd + GICR_CTLR);
	if (!(ctlr & GICR_CTLR_ENABLE_LPIS))
		return 0;
	log_error("its: CPU %u: firmware has left LPIs on, and its GIC cannot switch them off%s: no messages "
		  "there",
		  arch_cpu_index(), ctlr & GICR_CTLR_CES ? "" : " (GICR_CTLR.CES is 0)");
	return -EOPNOTSUPP;
}

/* False: the register does not hold the table. Where hardware does not snoop, *snoops becomes false. */
static bool give(volatile u8 *base, u64 value, u64 address_mask, bool *snoops)
{
	u64 now;

	mmio_write64(base, value | GICR_BASER_CACHE(GIC_WRITE_BACK) | GICR_BASER_SHARE(GIC_SHARE_INNER));
	now = mmio_read64(base);
	if (!GICR_BASER_SHARE_OF(now) || !GIC_IS_CACHEABLE(GICR_BASER_CACHE_OF(now))) {
		*snoops = false;
		mmio_write64(base, value | GICR_BASER_CACHE(GIC_NON_CACHEABLE));
		now = mmio_read64(base);
	}
	return (now & address_mask) == (value & address_mask);
}

int its_lpi_start(void)
{
	volatile u8 *rd = redistributor();
	const unsigned int cpu = arch_cpu_index();
	bool snoops = true, kept = mmio_read64(rd + GICR_TYPER) & GICR_TYPER_PLPIS;

	kept = kept && give(rd + GICR_PROPBASER, virt_to_phys(config) | GICR_PROPBASER_ID_BITS(id_bits),
			    GICR_PROPBASER_ADDRESS | GICR_PROPBASER_ID_BITS_MASK, &snoops);
	if (!snoops)
		atomic_store(&not_coherent, true);
	kept = kept && give(rd + GICR_PENDBASER, virt_to_phys(pending[cpu]) | GICR_PENDBASER_PTZ,
			    GICR_PENDBASER_ADDRESS, &snoops);
	if (!kept) {
		log_error("its: CPU %u: the redistributor does not take the LPIs' tables", cpu);
		return -EOPNOTSUPP;
	}
	arch_io_barrier(); /* the tables before the bit */
	mmio_write32(rd + GICR_CTLR, mmio_read32(rd + GICR_CTLR) | GICR_CTLR_ENABLE_LPIS);
	return 0;
}

/* ---- the configuration ---- */

void its_lpi_enable(u32 index, bool on)
{
	u8 *at = &config[index];

	__atomic_store_n(at, (u8)(GIC_PRIORITY_GUEST | LPI_RES1 | (on ? LPI_ENABLED : 0)), __ATOMIC_RELEASE);
	if (atomic_load_explicit(&not_coherent, memory_order_relaxed))
		arch_cache_flush(at, sizeof(*at));
}

bool its_lpi_enabled(u32 index)
{
	return __atomic_load_n(&config[index], __ATOMIC_RELAXED) & LPI_ENABLED;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Primary fault recording: Intel VT-d specification rev. 4.1, 7.2.1 and 11.4.7. Hardware records a blocked
 * request in the next free recording register; when none is free it sets the overflow bit and records nothing
 * until software has cleared that.
 */
#include "core/log.h"
#include "core/mmio.h"
#include "drivers/iommu/vtd/vtd.h"

/* 7.1.3, tables 28 (DMA, legacy mode) and 29 (interrupt remapping), in our words. */
static const char *const reason_text[] = {
	[0x01] = "the device's bus has no context table",
	[0x02] = "the device is not attached",
	[0x03] = "invalid context entry",
	[0x04] = "address beyond the width of the table",
	[0x05] = "not mapped for writing",
	[0x06] = "not mapped for reading",
	[0x07] = "a page table could not be read",
	[0x08] = "the root table could not be read",
	[0x09] = "the context table could not be read",
	[0x0a] = "reserved bit in a root entry",
	[0x0b] = "reserved bit in a context entry",
	[0x0c] = "reserved bit in a page table entry",
	[0x0d] = "the device may not use translated addresses",
	[0x0e] = "address in the interrupt range",
	[0x20] = "reserved field in an interrupt request",
	[0x21] = "interrupt index beyond the table",
	[0x22] = "interrupt entry not present",
	[0x23] = "the interrupt table could not be read",
	[0x24] = "reserved bit in an interrupt entry",
	[0x25] = "interrupt in compatibility format",
	[0x26] = "interrupt of another device",
};

#define REASON_INTERRUPT_FIRST 0x20
#define REASON_INTERRUPT_LAST  0x2f

static const char *text_of(u8 reason)
{
	return reason < ARRAY_SIZE(reason_text) && reason_text[reason] ? reason_text[reason]
								       : "reason unknown to Fairlead";
}

static unsigned int record_count(const struct vtd_unit *unit)
{
	return VTD_CAP_NFR(unit->cap) + 1;
}

static u8 *record(const struct vtd_unit *unit, unsigned int index)
{
	return unit->regs + (size_t)VTD_CAP_FRO(unit->cap) * 16 + (size_t)index * VTD_FRCD_SIZE;
}

/* Takes one record out, if there is one. */
static bool take_record(struct vtd_unit *unit, unsigned int index, struct iommu_fault *fault)
{
	u8 *r = record(unit, index);
	u64 low, high;
	bool interrupt;

	if (!(mmio_read32(r + VTD_FRCD_TOP) & VTD_FRCD_TOP_F))
		return false;
	low = mmio_read64(r + VTD_FRCD_LOW);
	high = mmio_read64(r + VTD_FRCD_HIGH);
	mmio_write32(r + VTD_FRCD_TOP, VTD_FRCD_TOP_F);
	interrupt = VTD_FRCD_FR(high) >= REASON_INTERRUPT_FIRST && VTD_FRCD_FR(high) <= REASON_INTERRUPT_LAST;
	*fault = (struct iommu_fault){
		.source = { .segment = unit->iommu.segment, .bdf = VTD_FRCD_SID(high) },
		.interrupt = interrupt,
		.index = interrupt ? VTD_FRCD_INDEX(low) : 0,
		.address = interrupt ? 0 : VTD_FRCD_FI(low),
		.write = !interrupt && !(high & VTD_FRCD_T1),
		.reason = VTD_FRCD_FR(high),
		.text = text_of(VTD_FRCD_FR(high)),
	};
	return true;
}

void vtd_fault_init(struct vtd_unit *unit)
{
	mmio_write32(unit->regs + VTD_FECTL, VTD_FECTL_IM);
	for (unsigned int i = 0; i < record_count(unit); i++)
		mmio_write32(record(unit, i) + VTD_FRCD_TOP, VTD_FRCD_TOP_F);
	mmio_write32(unit->regs + VTD_FSTS, VTD_FSTS_PFO);
}

bool vtd_fault_pending(struct iommu *iommu)
{
	return mmio_read32(to_vtd(iommu)->regs + VTD_FSTS) & (VTD_FSTS_PPF | VTD_FSTS_PFO);
}

/* Faults were lost. Counted; logged at the first, and at each power of two after it. */
static void note_overflow(struct vtd_unit *unit) REQUIRES(vtd_fault_class)
{
	mmio_write32(unit->regs + VTD_FSTS, VTD_FSTS_PFO);
	unit->overflows++;
	if ((unit->overflows & (unit->overflows - 1)) == 0)
		log_warn("VT-d unit %u: more faults than it can record (%llu times so far)",
			 unit->iommu.index, (unsigned long long)unit->overflows);
}

unsigned int vtd_drain_faults(struct iommu *iommu, unsigned int budget, iommu_fault_fn fn, void *ctx)
{
	struct vtd_unit *unit = to_vtd(iommu);
	const unsigned int records = record_count(unit);
	unsigned int taken = 0;
	struct iommu_fault fault;
	u32 status;

	vtd_fault_lock(unit);
	status = mmio_read32(unit->regs + VTD_FSTS);
	/*
	 * The registers are a ring, and FRI says which was filled first since none was. It does not move when
	 * that one is taken, so after a budget cut a drain short, the first ones may be empty.
	 */
	for (unsigned int i = 0; i < records && taken < budget; i++) {
		if (take_record(unit, (VTD_FSTS_FRI(status) + i) % records, &fault)) {
			fn(&fault, ctx);
			taken++;
		}
	}
	atomic_fetch_add_explicit(&iommu->faults, taken, memory_order_relaxed);
	if (status & VTD_FSTS_PFO)
		note_overflow(unit);
	vtd_fault_unlock(unit);
	return taken;
}

void vtd_fault_message(struct iommu *iommu, u64 address, u32 data)
{
	struct vtd_unit *unit = to_vtd(iommu);

	mmio_write32(unit->regs + VTD_FECTL, VTD_FECTL_IM);
	if (!address)
		return;
	mmio_write32(unit->regs + VTD_FEDATA, data);
	mmio_write32(unit->regs + VTD_FEADDR, (u32)address);
	mmio_write32(unit->regs + VTD_FEUADDR, (u32)(address >> 32));
	mmio_write32(unit->regs + VTD_FECTL, 0);
}

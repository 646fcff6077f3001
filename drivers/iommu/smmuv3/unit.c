/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One unit's way from whatever firmware left to "every stream is aborted, and translation is on". There is no
 * moment in between in which a request passes: first the unit is told to abort while it is off (GBPA; out of
 * reset it lets everything through), then it is turned off, then on again with Fairlead's empty table. Each
 * step waits, bounded, until the unit says that it was taken (IHI 0070F, 6.3.9, 6.3.14).
 */
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/mmio.h"
#include "drivers/iommu/smmuv3/smmu.h"

/*
 * Polls a register until (value & mask) == expected. 0, or -ETIMEDOUT after SMMU_TIMEOUT_US and one
 * log_error.
 */
static int MUST_CHECK wait32(struct smmu_unit *unit, unsigned int reg, u32 mask, u32 expected,
			     const char *what)
{
	const u64 start = arch_time_us();
	u32 value;

	for (;;) {
		value = mmio_read32(unit->regs + reg);
		if ((value & mask) == expected)
			return 0;
		if (arch_time_us() - start > SMMU_TIMEOUT_US)
			break;
		arch_cpu_relax();
	}
	log_error("SMMUv3 unit %u: no answer to \"%s\" within 1 s (register 0x%02x is 0x%08x)",
		  unit->iommu.index, what, reg, value);
	return -ETIMEDOUT;
}

/* What a unit that is off does with every request. */
static int MUST_CHECK abort_while_off(struct smmu_unit *unit)
{
	int err = wait32(unit, SMMU_GBPA, SMMU_GBPA_UPDATE, 0, "finish an update of GBPA");
	u32 value;

	if (err)
		return err;
	value = mmio_read32(unit->regs + SMMU_GBPA);
	mmio_write32(unit->regs + SMMU_GBPA, value | SMMU_GBPA_ABORT | SMMU_GBPA_UPDATE);
	return wait32(unit, SMMU_GBPA, SMMU_GBPA_UPDATE | SMMU_GBPA_ABORT, SMMU_GBPA_ABORT,
		      "abort while off");
}

static int MUST_CHECK set_cr0(struct smmu_unit *unit, u32 value, const char *what)
{
	mmio_write32(unit->regs + SMMU_CR0, value);
	return wait32(unit, SMMU_CR0ACK, SMMU_CR0_ALL, value, what);
}

static int MUST_CHECK set_interrupts(struct smmu_unit *unit, u32 value, const char *what)
{
	mmio_write32(unit->regs + SMMU_IRQ_CTRL, value);
	return wait32(unit, SMMU_IRQ_CTRLACK, SMMU_IRQ_ALL, value, what);
}

/* Firmware may have left all of it on; its tables and queues are about to become the guest's memory. */
static int MUST_CHECK stop_firmware_use(struct smmu_unit *unit)
{
	const u32 cr0 = mmio_read32(unit->regs + SMMU_CR0ACK);
	int err;

	if (cr0 & SMMU_CR0_ALL)
		log_info("SMMUv3 unit %u: firmware left it on (CR0 0x%x); starting over", unit->iommu.index,
			 cr0);
	err = set_interrupts(unit, 0, "turn the firmware's interrupts off");
	if (!err)
		err = set_cr0(unit, 0, "turn the firmware's translation off");
	if (err)
		return err;
	/* Errors of its time are answered. */
	mmio_write32(unit->regs + SMMU_GERRORN, mmio_read32(unit->regs + SMMU_GERROR));
	return 0;
}

/*
 * 6.3.11, 6.3.12. These, and the addresses of tables and queues, may be written only while the unit is off.
 */
static void set_attributes(struct smmu_unit *unit)
{
	const u32 write_back = SMMU_CR1_QUEUE_IC_WB | SMMU_CR1_QUEUE_OC_WB | SMMU_CR1_QUEUE_ISH |
			       SMMU_CR1_TABLE_IC_WB | SMMU_CR1_TABLE_OC_WB | SMMU_CR1_TABLE_ISH;

	mmio_write32(unit->regs + SMMU_CR1, smmu_needs_flush(unit) ? 0 : write_back);
	/* PTM: Fairlead's and the guest's TLB maintenance on the CPUs is not meant for it. */
	mmio_write32(unit->regs + SMMU_CR2, SMMU_CR2_RECINVSID | SMMU_CR2_PTM);
}

/* By wire: it sends no messages of its own (3.18). */
static int MUST_CHECK interrupts_on(struct smmu_unit *unit)
{
	if (unit->idr0 & SMMU_IDR0_MSI) {
		mmio_write64(unit->regs + SMMU_GERROR_IRQ_CFG0, 0);
		mmio_write64(unit->regs + SMMU_EVENTQ_IRQ_CFG0, 0);
	}
	return set_interrupts(unit, SMMU_IRQ_GERROR | SMMU_IRQ_EVENTQ, "turn interrupts on");
}

int smmu_enable(struct iommu *iommu)
{
	struct smmu_unit *unit = to_smmu(iommu);
	u32 cr0 = SMMU_CR0_CMDQEN;
	int err;

	err = abort_while_off(unit);
	if (!err)
		err = stop_firmware_use(unit);
	if (err)
		return err;
	set_attributes(unit);
	err = smmu_stream_table_init(unit);
	if (!err)
		err = smmu_queue_init(unit);
	if (!err)
		err = smmu_event_init(unit);
	if (!err)
		err = set_cr0(unit, cr0, "turn the command queue on");
	if (!err) /* what was cached of firmware's entries and tables */
		err = smmu_invalidate_all(unit);
	cr0 |= SMMU_CR0_EVENTQEN;
	if (!err)
		err = set_cr0(unit, cr0, "turn the event queue on");
	if (!err)
		err = interrupts_on(unit);
	/*
	 * Without ATSCHK a device that says that it has translated an address itself would reach all of
	 * memory (3.9.1.2). Where there is no ATS such requests are always aborted.
	 */
	cr0 |= SMMU_CR0_SMMUEN | (unit->idr0 & SMMU_IDR0_ATS ? SMMU_CR0_ATSCHK : 0);
	return err ? err : set_cr0(unit, cr0, "turn translation on");
}

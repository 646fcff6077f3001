/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One unit's way from whatever firmware left to "every device is blocked, from memory and from interrupting,
 * and translation is on". Each step
 * is one command, and each waits, bounded, for the status register to say that it was taken (Intel VT-d
 * specification rev. 4.1, 11.4.4).
 */
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/mmio.h"
#include "core/pages.h"
#include "drivers/iommu/intr.h"
#include "drivers/iommu/vtd/vtd.h"

int vtd_wait32(struct vtd_unit *unit, unsigned int reg, u32 mask, u32 expected, const char *what)
{
	const u64 start = arch_time_us();
	u32 value;

	for (;;) {
		value = mmio_read32(unit->regs + reg);
		if ((value & mask) == expected)
			return 0;
		if (arch_time_us() - start > VTD_TIMEOUT_US)
			break;
		arch_cpu_relax();
	}
	log_error("VT-d unit %u: no answer to \"%s\" within 1 s (register 0x%02x is 0x%08x)",
		  unit->iommu.index, what, reg, value);
	return -ETIMEDOUT;
}

/* Sets or clears one of the lasting bits (TE, QIE, IRE, CFI) and waits until the status follows. Boot: one CPU
 * gives commands. */
static int MUST_CHECK command(struct vtd_unit *unit, u32 bit, bool on, const char *what)
{
	const u32 keep = mmio_read32(unit->regs + VTD_GSTS) & VTD_GSTS_KEEP;

	mmio_write32(unit->regs + VTD_GCMD, on ? keep | bit : keep & ~bit);
	return vtd_wait32(unit, VTD_GSTS, bit, on ? bit : 0, what);
}

/* Has hardware take over a table's address (SRTP, SIRTP); the status bit says that it has. */
static int MUST_CHECK one_shot(struct vtd_unit *unit, u32 bit, const char *what)
{
	mmio_write32(unit->regs + VTD_GCMD, (mmio_read32(unit->regs + VTD_GSTS) & VTD_GSTS_KEEP) | bit);
	return vtd_wait32(unit, VTD_GSTS, bit, bit, what);
}

int vtd_flush_write_buffer(struct vtd_unit *unit)
{
	const u64 start = arch_time_us();
	int err;

	if (!(unit->cap & VTD_CAP_RWBF))
		return 0;
	/* One command at a time; another CPU's flush may have begun before our change, so it does not stand
	 * for ours. */
	while (atomic_flag_test_and_set_explicit(&unit->write_buffer_busy, memory_order_acquire)) {
		if (arch_time_us() - start > VTD_TIMEOUT_US) {
			log_error("VT-d unit %u: another CPU's flush of the write buffer has not ended within 1 s",
				  unit->iommu.index);
			return -ETIMEDOUT;
		}
		arch_cpu_relax();
	}
	mmio_write32(unit->regs + VTD_GCMD,
		     (mmio_read32(unit->regs + VTD_GSTS) & VTD_GSTS_KEEP) | VTD_GCMD_WBF);
	err = vtd_wait32(unit, VTD_GSTS, VTD_GCMD_WBF, 0, "flush the write buffer");
	atomic_flag_clear_explicit(&unit->write_buffer_busy, memory_order_release);
	return err;
}

/* 6.5.2: the queue is to be empty when it is turned off. One that stands on an error never will be. */
static int MUST_CHECK stop_firmware_queue(struct vtd_unit *unit)
{
	const u32 tail = mmio_read32(unit->regs + VTD_IQT);

	if (vtd_wait32(unit, VTD_IQH, ~(u32)0, tail, "finish the firmware's invalidation queue"))
		log_warn("VT-d unit %u: turning that queue off as it stands", unit->iommu.index);
	return command(unit, VTD_GCMD_QIE, false, "turn the firmware's invalidation queue off");
}

/*
 * Firmware may have protected itself and left all of it on; its tables are about to become the guest's
 * memory. Devices have bus mastering off in this moment, and a protected region (PMEN) that firmware set
 * stays until our translation is on.
 */
static int MUST_CHECK stop_firmware_use(struct vtd_unit *unit)
{
	const u32 status = mmio_read32(unit->regs + VTD_GSTS);
	int err = 0;

	if (status & (VTD_GCMD_TE | VTD_GCMD_IRE | VTD_GCMD_QIE))
		log_info("VT-d unit %u: firmware left it on (status 0x%08x); starting over",
			 unit->iommu.index, status);
	if (status & VTD_GCMD_TE)
		err = command(unit, VTD_GCMD_TE, false, "turn the firmware's translation off");
	if (!err && (status & VTD_GCMD_IRE))
		err = command(unit, VTD_GCMD_IRE, false, "turn the firmware's interrupt remapping off");
	if (!err && (status & VTD_GCMD_QIE))
		err = stop_firmware_queue(unit);
	return err;
}

/* A root table without one present entry: every request is refused, and recorded as a fault. */
static int MUST_CHECK set_root_table(struct vtd_unit *unit)
{
	unit->root = page_alloc();
	if (!unit->root)
		return -ENOMEM;
	if (vtd_needs_flush(unit))
		arch_cache_flush(unit->root, PAGE_SIZE);
	mmio_write64(unit->regs + VTD_RTADDR, virt_to_phys(unit->root));
	return one_shot(unit, VTD_GCMD_SRTP, "set the root table");
}

/*
 * 11.4.4.1: the table is set before remapping goes on, and what hardware kept of another one is dropped, for
 * which the queue has to be on. Compatibility format is blocked first, so that there is no moment in which
 * remapping is on and lets it pass.
 */
static int MUST_CHECK remap_interrupts(struct vtd_unit *unit)
{
	int err = vtd_intr_init(unit);

	if (err)
		return err;
	err = one_shot(unit, VTD_GCMD_SIRTP, "set the interrupt remapping table");
	if (!err)
		err = vtd_invalidate_entries(unit, 0, 0);
	if (!err && (mmio_read32(unit->regs + VTD_GSTS) & VTD_GCMD_CFI))
		err = command(unit, VTD_GCMD_CFI, false, "block interrupts in compatibility format");
	return err ? err : command(unit, VTD_GCMD_IRE, true, "turn interrupt remapping on");
}

/* 11.4.8.1: protected regions block DMA beside the tables; from now on the tables alone decide. */
static int MUST_CHECK disable_protected_regions(struct vtd_unit *unit)
{
	u32 pmen;

	if (!(unit->cap & (VTD_CAP_PLMR | VTD_CAP_PHMR)))
		return 0;
	pmen = mmio_read32(unit->regs + VTD_PMEN);
	if (!(pmen & (VTD_PMEN_EPM | VTD_PMEN_PRS)))
		return 0;
	mmio_write32(unit->regs + VTD_PMEN, pmen & ~VTD_PMEN_EPM);
	return vtd_wait32(unit, VTD_PMEN, VTD_PMEN_PRS, 0, "disable the protected memory regions");
}

int vtd_enable(struct iommu *iommu)
{
	struct vtd_unit *unit = to_vtd(iommu);
	int err;

	err = stop_firmware_use(unit);
	if (!err)
		err = set_root_table(unit);
	if (!err)
		err = vtd_queue_init(unit);
	if (!err)
		err = command(unit, VTD_GCMD_QIE, true, "turn the invalidation queue on");
	if (!err) /* 6.6: after a new root table, first contexts, then translations */
		err = vtd_invalidate_all(unit);
	if (err)
		return err;
	vtd_fault_init(unit);
	/* Before translation: a write to FEExxxxx is not translated, and so would get through as any interrupt. */
	if (intr_remapped())
		err = remap_interrupts(unit);
	if (err)
		return err;
	err = command(unit, VTD_GCMD_TE, true, "turn translation on");
	return err ? err : disable_protected_regions(unit);
}

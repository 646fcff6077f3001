/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of interrupt remapping by VT-d share: a machine with it switched on, and devices that raise
 * messages. The hardware is the model in fake_vtd.h, which keeps what it has read until it is told to forget.
 */
#ifndef TESTS_INTR_MACHINE_H
#define TESTS_INTR_MACHINE_H

#include "core/arch.h"
#include "drivers/iommu/intr.h"
#include "tests/unit/vtd_machine.h"

#define NIC	PCI_BDF(0, 2, 0)
#define OTHER	PCI_BDF(0, 3, 0)
#define ENTRIES 16384u
#define EDGE_41 ((struct apic_target){ .destination = 3, .vector = 0x41 })

static const struct intr_source from_nic = { .kind = INTR_SOURCE_ID, .id = NIC };
static bool x2apic;

bool arch_wants_extended_interrupts(void)
{
	return x2apic;
}

/* ---- a machine ---- */

static inline void intr_unit(void)
{
	one_unit();
	dmar[37] = 1; /* INTR_REMAP */
}

static inline void intr_enable(int units)
{
	discover(units);
	assert_int_equal(intr_decide(INTR_REQUIRED), 0);
	assert_true(intr_remapped());
	enable();
}

static inline struct iommu *intr_machine(void)
{
	intr_unit();
	intr_enable(1);
	return iommu_first();
}

static inline u32 alloc(struct iommu *u, const struct intr_source *source, unsigned int count)
{
	u32 first = 0xdead;

	assert_int_equal(u->ops->intr_alloc(u, source, count, &first), 0);
	return first;
}

static inline const u64 *bits(unsigned int unit, u32 entry)
{
	return (const u64 *)(uintptr_t)(fake[unit].irt + 16u * entry);
}

static inline unsigned int used(struct iommu *u)
{
	unsigned int in_use, entries;

	intr_usage(u, &in_use, &entries);
	assert_int_equal(entries, ENTRIES);
	return in_use;
}

static struct fake_delivery got;

static inline bool raise_by(unsigned int unit, u16 sid, u64 address, u32 data)
{
	return fake_interrupt(&fake[unit], sid, address, data, &got);
}

static inline bool raise_entry(struct iommu *u, u16 sid, u32 entry)
{
	const struct pci_message m = intr_message(u, entry);

	return raise_by(u->index, sid, m.address, m.data);
}

static inline void expect_blocked(struct iommu *u, u16 sid, u32 entry, u8 reason)
{
	unsigned int seen = 0;

	assert_int_equal(u->ops->drain_faults(u, 100, keep_fault, &seen), 1);
	assert_true(last_fault.interrupt);
	assert_int_equal(last_fault.source.bdf, sid);
	assert_int_equal(last_fault.source.segment, u->segment);
	assert_int_equal(last_fault.index, entry);
	assert_int_equal(last_fault.reason, reason);
	assert_int_equal(last_fault.address, 0);
	assert_false(last_fault.write);
}

static inline void blocked_entry(struct iommu *u, u16 sid, u32 entry, u8 reason)
{
	assert_false(raise_entry(u, sid, entry));
	expect_blocked(u, sid, entry, reason);
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine with three devices that have MSI (PCIe base spec 6.0, 7.7.1), beside those of fake_vpci.h. They send as
 * the specification says, and what becomes of their messages is a fake unit's to say (fake_remap.h). Offsets and
 * bits are written down here a second time.
 *
 * Include after cmocka.h.
 */
#ifndef TESTS_MSI_MACHINE_H
#define TESTS_MSI_MACHINE_H

#include "drivers/pci/msi.h"
#include "tests/fake/fake_vpci.h"

/* 64-bit with masks, 8 messages; 32-bit with masks, 32 messages; 64-bit without, 4 messages. */
#define WIDE   PCI_BDF(0, 7, 0)
#define NARROW PCI_BDF(0, 8, 0)
#define SIMPLE PCI_BDF(0, 9, 0)
#define CAP 0x50
#define CONTROL (CAP + 2)
#define ADDRESS (CAP + 4)

static struct fake_fn *wide, *narrow, *simple;

static inline unsigned int data_at(u16 bdf)
{
	return bdf == NARROW ? CAP + 8 : CAP + 12;
}

static inline unsigned int mask_at(u16 bdf)
{
	return data_at(bdf) + 4;
}

static inline struct fake_fn *fn(u16 bdf)
{
	return bdf == WIDE ? wide : bdf == NARROW ? narrow : simple;
}

static inline u32 hw(u16 bdf, unsigned int offset, unsigned int size)
{
	return fake_reg(fn(bdf), offset, size);
}

static inline bool hw_enabled(u16 bdf)
{
	return hw(bdf, CONTROL, 2) & 1;
}

static inline struct fake_fn *add_device(u16 bdf, u16 control)
{
	struct fake_fn *f = fake_add(bdf, 0x8086, 0x1234, 0x020000, 0);
	bool masks = control & 0x100;
	unsigned int data = data_at(bdf);

	fake_put(f->cfg, 4, 2, 0x0004);
	fake_cap(f, CAP, 0x05);
	/* Also the enable bit of extended message data sticks: nobody may set it. */
	fake_set(f, CONTROL, 2, control, 0x0471, 0);
	fake_set(f, ADDRESS, 4, 0xdeadbee0, 0xfffffffc, 0); /* firmware's leftovers */
	if (control & 0x80)
		fake_set(f, CAP + 8, 4, 0x00000abc, 0xffffffff, 0);
	fake_set(f, data, 2, 0x5a5a, 0xffff, 0);
	fake_set(f, data + 2, 2, 0x7777, 0xffff, 0); /* extended message data */
	if (masks) {
		fake_set(f, data + 4, 4, 0x00000003, (1ull << (1u << (control >> 1 & 7))) - 1, 0);
		fake_set(f, data + 8, 4, 0, 0, 0);
	}
	fake_express(f, 0x80, 0);
	return f;
}

static inline int begin_with(void **state, bool remapped)
{
	int ret = setup(state);

	fake_remap_begin(remapped);
	wide = add_device(WIDE, 0x0386);
	narrow = add_device(NARROW, 0x010a);
	simple = add_device(SIMPLE, 0x0084);
	assert_int_equal(pci_objects_init(32), 0);
	assert_int_equal(pci_enumerate(), 8);
	for (struct pci_dev *d = pci_dev_next(NULL); d && !ret; d = pci_dev_next(d))
		ret = vpci_attach(d);
	return ret;
}

static inline int begin(void **state)
{
	return begin_with(state, true);
}

static inline int end(void **state)
{
	fake_remap.at_flush = NULL;
	fake.wrote = NULL;
	return teardown(state);
}

/* ---- the device ---- */

enum { SILENT = -1 };

/* Message i, now: a verdict, or SILENT. 7.7.1.2: 2^MME messages; 7.7.1.5: the number in the data's low bits. */
static inline int sends(u16 bdf, unsigned int i)
{
	u32 control = hw(bdf, CONTROL, 2), count = 1u << (control >> 4 & 7);
	u64 address = hw(bdf, ADDRESS, 4);
	u32 data = hw(bdf, data_at(bdf), 2);

	if (control & 0x80)
		address |= (u64)hw(bdf, CAP + 8, 4) << 32;
	if (!(control & 1) || i >= count)
		return SILENT;
	if ((control & 0x100) && (hw(bdf, mask_at(bdf), 4) >> i & 1))
		return SILENT;
	return (int)fake_message(bdf, address, (data & ~(count - 1)) | i);
}

static inline void delivers(u16 bdf, unsigned int i, u8 destination, u8 vector)
{
	assert_int_equal(sends(bdf, i), FAKE_DELIVERED);
	assert_int_equal(fake_interrupt.destination, destination);
	assert_int_equal(fake_interrupt.vector, vector);
}

static inline void write_message(u16 bdf, u8 destination, u16 data)
{
	wr(bdf, ADDRESS, 4, 0xfee00000u | (u32)destination << 12);
	if (bdf != NARROW)
		wr(bdf, CAP + 8, 4, 0);
	wr(bdf, data_at(bdf), 2, data);
}

static inline void enable(u16 bdf, unsigned int log2)
{
	wr(bdf, CONTROL, 2, 1 | log2 << 4);
}

#define M(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif

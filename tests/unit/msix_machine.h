/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine of fake_vpci.h with a living MSI-X table in the network card: five entries on the third page of its
 * BAR 2, its pending bits on that page. Messages are remapped.
 */
#ifndef TESTS_MSIX_MACHINE_H
#define TESTS_MSIX_MACHINE_H

#include "tests/fake/fake_vpci.h"

#define CAP 0xc0u
#define CONTROL (CAP + 2)
#define BAR2 0xa000000000ull
#define TABLE (BAR2 + 0x2000)
#define PBA (BAR2 + 0x2800)

static struct fake_registers *registers;
static struct fake_table *table;

static inline u64 ones(unsigned int size)
{
	return size == 8 ? ~(u64)0 : ((u64)1 << (8 * size)) - 1;
}

/* The exit: what the second-stage table does not answer. True: somebody stands there. */
static inline bool access_table(u64 gpa, unsigned int size, bool write, u64 *value)
{
	note(vm.trap);
	note(!reach(gpa));
	return vm.trap(gpa, size, write, value);
}

static inline u64 rd_mmio(u64 gpa, unsigned int size)
{
	u64 value = 0x5a5a5a5a5a5a5a5aull;

	assert_true(access_table(gpa, size, false, &value));
	assert_true((value & ~ones(size)) == 0);
	return value;
}

static inline void wr_mmio(u64 gpa, unsigned int size, u64 value)
{
	note(access_table(gpa, size, true, &value));
}

static inline u32 entry(unsigned int vector, unsigned int offset)
{
	return (u32)rd_mmio(TABLE + 16 * vector + offset, 4);
}

static inline void set_entry(unsigned int vector, unsigned int offset, u32 value)
{
	wr_mmio(TABLE + 16 * vector + offset, 4, value);
}

/* To the CPU with APIC ID 2. */
static inline void unmask(unsigned int vector, u32 data)
{
	set_entry(vector, 0, 0xfee02000);
	set_entry(vector, 4, 0);
	set_entry(vector, 8, data);
	set_entry(vector, 12, 0);
}

static inline void copy_table(u8 *out)
{
	for (unsigned int i = 0; i < 20; i++) {
		u32 value = (u32)rd_mmio(TABLE + 4 * i, 4);

		memcpy(out + 4 * i, &value, 4);
	}
}

/* As a reset leaves the device (7.7.2: Message Control 0, all entries masked, nothing pending). */
static inline void reset_hardware(void)
{
	fake_put(nic->cfg, CONTROL, 2, table->entries - 1);
	fake_put(nic->cfg, 4, 2, 2);
	fake_table_fill(table, 0, 0, 1);
	memset(table->r->byte + table->pba, 0, (table->entries + 63) / 64 * 8);
	table->sent = table->blocked = 0;
}

static inline void detach_quietly(void)
{
	struct pci_dev *dev = device(NIC);

	rd(NIC, 0, 4);
	assert_int_equal(vpci_withdraw_start(dev), 0);
	assert_int_equal(vpci_detach(dev), 0);
}

static inline int begin(void **state)
{
	int ret = setup(state);

	fake_remap_begin(true);
	registers = &fake_mmio.registers[0];
	table = fake_table(nic, NIC, CAP, 5, registers, 0x2000, 2, 0x2800);
	for (struct pci_dev *d = pci_dev_next(NULL); d && !ret; d = pci_dev_next(d))
		ret = vpci_attach(d);
	return ret;
}

static inline int end(void **state)
{
	fake_remap.at_flush = NULL;
	return teardown(state);
}

#define M(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif

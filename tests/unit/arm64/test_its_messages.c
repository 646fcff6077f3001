/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The message operations of drivers/pci/msi.h over the ITS: which rows there are, and who may raise what.
 * What a device sends goes through the model's own reading of the commands (fake_its.h).
 */
#include "tests/unit/arm64/its_machine.h"

static int boot(void **state)
{
	power_on();
	start(4);
	return 0;
}

/* ---- rows ---- */

static void test_delivers(void **state)
{
	const u32 e = take(&nic, 1);

	assert_int_equal(sends(NIC_ID, &nic, e), 0); /* before anybody asked for anything */
	assert_int_equal(msi->flush(&nic, e, 1), 0);
	assert_int_equal(sends(NIC_ID, &nic, e), 0);
	assert_true(set(&nic, e, SPI_FIRST + 3));
	assert_int_equal(msi->flush(&nic, e, 1), 0);
	assert_int_equal(sends(NIC_ID, &nic, e), 1);
	assert_int_equal(raised[SPI_FIRST + 3], 1);
	assert_int_equal(sends(NIC_ID, &nic, e), 1);
	assert_int_equal(raised[SPI_FIRST + 3], 2);
}

static void test_message(void **state)
{
	const u32 e = take(&nic, 1);
	const struct pci_message m = programmed(&nic, e);

	assert_int_equal(m.address, dt.its.base + 0x10040);
	assert_true(m.data < 65536);					   /* MSI has 16 bits of data */
	assert_int_equal(msi->program(&nic, e + 1, false, &m).address, 0); /* nobody's */
}

/* The device adds its number in the low bits: a row of 2^n EventIDs begins at a multiple of it. */
static void test_rows_are_aligned(void **state)
{
	has_msi = true;
	(void)take(&nic, 1);
	for (unsigned int count = 1; count <= 32; count *= 2) {
		const u32 e = take(&nic, count), low = programmed(&nic, e).data;

		assert_int_equal(e % count, 0);
		assert_int_equal(low % count, 0);
		for (unsigned int i = 0; i < count; i++)
			assert_int_equal(programmed(&nic, e + i).data, low + i);
		give_back(&nic, e, count);
		assert_int_equal(take(&nic, count), e);
		give_back(&nic, e, count);
	}
}

static void test_multiple_messages(void **state)
{
	u32 e;

	has_msi = true;
	e = take(&nic, 32);
	for (unsigned int i = 0; i < 32; i++)
		assert_true(set(&nic, e + i, SPI_FIRST + 64 + i));
	assert_int_equal(msi->flush(&nic, e, 32), 0);
	for (unsigned int i = 0; i < 32; i++) {
		const struct pci_message m =
			msi->program(&nic, e, true, &(struct pci_message){ FRAME + 0x40, SPI_FIRST + 64 });

		assert_true(fake_message(NIC_ID, m.address, m.data | i));
		assert_int_equal(raised[SPI_FIRST + 64 + i], 1);
	}
	assert_int_equal(all_raised, 32);
}

static void test_count_not_a_power(void **state)
{
	u32 a, b;

	has_msi = true;
	a = take(&nic, 5);
	b = take(&nic, 3);
	assert_int_equal(a % 8, 0);
	assert_int_equal(b % 4, 0);
	assert_true(b >= a + 5 || a >= b + 3);
	assert_int_equal(in_use(), 8);
	assert_int_equal(msi->alloc(&nic, 0, &a), -EINVAL);
	assert_int_equal(in_use(), 8);
}

/* A whole MSI-X table, and the next one while the last is still on its way back. */
static void test_large_tables(void **state)
{
	u32 e, again, one, first;

	msix_entries = 2048;
	e = take(&nic, 2048);
	again = take(&nic, 2048);
	assert_true(again >= e + 2048 || e >= again + 2048);
	assert_int_equal(msi->alloc(&nic, 1, &first), -ENOSPC); /* its table is full */
	assert_int_equal(in_use(), 4096);
	msix_entries = 0;
	one = take(&other, 1);
	aim(&other, one, SPI_FIRST);
	for (unsigned int i = 0; i < 2048; i++)
		assert_true(set(&nic, e + i, SPI_FIRST + i % SPIS));
	assert_int_equal(msi->flush(&nic, e, 2048), 0);
	for (unsigned int i = 0; i < 2048; i += 97)
		assert_int_equal(sends(NIC_ID, &nic, e + i), 1);
	give_back(&nic, e, 2048);
	for (unsigned int i = 0; i < 2048; i += 97)
		assert_int_equal(sends(NIC_ID, &nic, e + i), 0);
	assert_int_equal(take(&nic, 2048), e);
	assert_int_equal(sends(OTHER_ID, &other, one), 1);
}

static void test_room(void **state)
{
	msix_entries = 17; /* one more than a power of two */
	(void)take(&nic, 17);
	(void)take(&nic, 17);
	msix_entries = 0;
	has_msi = true;
	(void)take(&other, 32);
	(void)take(&other, 32);
}

static void test_all_events_used(void **state)
{
	struct pci_dev many = nic;
	unsigned int devices = 0;
	u32 e;

	msix_entries = 2048;
	for (;; devices++) {
		many.sbdf.bdf = many.requester_id[0] = (u16)(0x100 + devices);
		if (msi->alloc(&many, 2048, &e))
			break;
	}
	assert_true(devices >= 4); /* drivers/pci/msi.h counts on four of these */
	msix_entries = 0;
	assert_int_equal(msi->alloc(&nic, 1, &e), -ENOSPC);
	assert_int_equal(in_use(), devices * 2048);
}

static void test_event_bits(void **state)
{
	u32 e;

	power_on();
	fake.typer = (fake.typer & ~(0x1full << 8)) | 5ull << 8; /* 6 bits: 64 events for a device */
	start(4);
	msix_entries = 512;
	assert_int_equal(msi->alloc(&nic, 128, &e), -ENOSPC);
	e = take(&nic, 64);
	for (unsigned int i = 0; i < 64; i++)
		aim(&nic, e + i, SPI_FIRST + i);
	assert_int_equal(sends(NIC_ID, &nic, e + 63), 1);
	assert_int_equal(msi->alloc(&nic, 1, &e), -ENOSPC);
}

/* Another card in the slot, with more messages: a larger table, when nobody uses the old one. */
static void test_table_grows(void **state)
{
	u32 e = take(&nic, 4), f;

	aim(&nic, e, SPI_FIRST);
	msix_entries = 300;
	assert_int_equal(msi->alloc(&nic, 300, &f), -ENOSPC);
	assert_int_equal(sends(NIC_ID, &nic, e), 1);
	give_back(&nic, e, 4);
	f = take(&nic, 300);
	assert_int_equal(f % 512, 0);
	for (unsigned int i = 0; i < 300; i++)
		assert_true(set(&nic, f + i, SPI_FIRST + i));
	assert_int_equal(msi->flush(&nic, f, 300), 0);
	assert_int_equal(sends(NIC_ID, &nic, f + 299), 1);
	assert_int_equal(raised[SPI_FIRST + 299], 1);
	give_back(&nic, f, 300);
	e = take(&nic, 4);
	aim(&nic, e, SPI_FIRST);
	assert_int_equal(sends(NIC_ID, &nic, e), 1);
	assert_int_equal(in_use(), 4);
	assert_int_equal(fake.done_of[0x08], 3); /* MAPD: the old one, off, the new one */
}

/* ---- what the guest may ask for ---- */

static void test_only_the_frame(void **state)
{
	static const struct pci_message bad[] = {
		{ FRAME + 0x40, SPI_FIRST - 1 },
		{ FRAME + 0x40, SPI_FIRST + SPIS },
		{ FRAME + 0x40, 0 },
		{ FRAME + 0x40, 27 },
		{ FRAME + 0x40, 8192 },
		{ FRAME + 0x40, SPI_FIRST | 0x10000 },
		{ FRAME + 0x44, SPI_FIRST },
		{ FRAME, SPI_FIRST },
		{ FRAME + 0x40 + (1ull << 32), SPI_FIRST },
		{ 0xfee00000, SPI_FIRST },
		{ 0, SPI_FIRST },
	};
	const u32 e = take(&nic, 1);
	const struct pci_message translater = { dt.its.base + 0x10040, SPI_FIRST };

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		aim(&nic, e, SPI_FIRST + 1);
		assert_int_equal(sends(NIC_ID, &nic, e), 1);
		assert_false(msi->set(&nic, e, &bad[i]));
		assert_int_equal(sends(NIC_ID, &nic, e), 0);
		assert_int_equal(msi->flush(&nic, e, 1), 0);
		assert_int_equal(sends(NIC_ID, &nic, e), 0);
		assert_true(msi->agrees(&nic, e, &bad[i]));
	}
	assert_false(msi->set(&nic, e, &translater));
	aim(&nic, e, SPI_FIRST);
	aim(&nic, e, SPI_FIRST + SPIS - 1); /* the last */
	assert_int_equal(sends(NIC_ID, &nic, e), 1);
	assert_int_equal(raised[SPI_FIRST + SPIS - 1], 1);
}

/* ---- who may raise it ---- */

static void test_only_the_device(void **state)
{
	const u32 e = take(&nic, 8), f = take(&other, 8);

	for (u32 i = 0; i < 8; i++) {
		aim(&nic, e + i, SPI_FIRST + i);
		aim(&other, f + i, SPI_FIRST + 100 + i);
	}
	for (u32 id = 0; id < 0x200; id++) {
		for (u32 event = 0; event < 40; event++) {
			const unsigned int before = all_raised;
			const bool mine = (id == NIC_ID || id == OTHER_ID) && event < 8;

			(void)fake_message(id, dt.its.base + 0x10040, event);
			assert_int_equal(all_raised - before, mine);
		}
	}
	assert_int_equal(raised[SPI_FIRST], 1);
	assert_int_equal(raised[SPI_FIRST + 100], 1);
}

static void test_device_id_is_the_trees(void **state)
{
	u32 e;

	power_on();
	dt.msi_map[0] = (struct dt_msi_map){ .segment = 0, .first = 0x10, .count = 8, .device_id = 0x1230 };
	dt.msi_map[1] = (struct dt_msi_map){ .segment = 1, .first = 0x10, .count = 8, .device_id = 0x4560 };
	dt.msi_maps = 2;
	start(4);
	e = take(&nic, 1);
	aim(&nic, e, SPI_FIRST);
	assert_int_equal(sends(NIC_ID, &nic, e), 0);
	assert_int_equal(sends(0x4560, &nic, e), 0);
	assert_int_equal(sends(0x1230, &nic, e), 1);
	assert_int_equal(msi->alloc(&other, 1, &e), -ENODEV); /* the tree says nothing of it */
	other.sbdf.segment = 1;
	assert_int_equal(msi->alloc(&other, 1, &e), -ENODEV);
	other.sbdf.segment = 0;
}

/* Two requesters with one ID: the tree does not say which of them it was. */
static void test_tree_gives_one_id_twice(void **state)
{
	u32 e;

	power_on();
	dt.msi_map[1] = (struct dt_msi_map){ .segment = 1, .first = 0x8, .count = 0x10, .device_id = 0x10 };
	dt.msi_maps = 2;
	start(4);
	assert_int_equal(msi->alloc(&nic, 1, &e), -EOPNOTSUPP);
	assert_int_equal(msi->alloc(&other, 1, &e), -EOPNOTSUPP);
	other.sbdf.bdf = other.requester_id[0] = 0x20;
	aim(&other, take(&other, 1), SPI_FIRST);
	other.sbdf.bdf = other.requester_id[0] = PCI_BDF(0, 3, 0);
	assert_int_equal(in_use(), 1);
	/* of one segment; and with one requester ID */
	for (unsigned int i = 0; i < 2; i++) {
		power_on();
		dt.msi_map[0].count = 0x100;
		dt.msi_map[1] = (struct dt_msi_map){
			.segment = (u16)i, .first = i ? 0x10 : 0x200, .count = 0x10, .device_id = 0x10
		};
		dt.msi_maps = 2;
		start(4);
		assert_int_equal(msi->alloc(&nic, 1, &e), -EOPNOTSUPP);
	}
	power_on();
	dt.msi_map[1] = dt.msi_map[0]; /* said twice: the same requester */
	dt.msi_maps = 2;
	start(4);
	(void)take(&nic, 1);
}

/* ---- behind conventional bridges ---- */

static struct pci_dev to_pci = {
	/* PCIe-to-PCI, its bus is 5 */
	.sbdf = { 0, PCI_BDF(4, 0, 0) },
	.header_type = 1,
	.is_pcie = true,
	.pcie_type = 7,
	.secondary_bus = 5,
	.group = PCI_BDF(4, 0, 0),
};
static struct pci_dev old_bridge = {
	/* PCI-to-PCI on the root bus */
	.sbdf = { 0, PCI_BDF(0, 0x1e, 0) },
	.header_type = 1,
	.secondary_bus = 9,
	.group = PCI_BDF(0, 0x1e, 0),
};

static struct pci_dev behind(struct pci_dev *bridge, u8 slot)
{
	const u16 id = (u16)PCI_BDF(bridge->secondary_bus, slot, 0);

	return (struct pci_dev){ .sbdf = { 0, id },
				 .parent = bridge,
				 .requester_ids = 1,
				 .requester_id = { id },
				 .group = bridge->group,
				 .cfg_size = 256 };
}

static void shares_with(struct pci_dev *bridge, u32 id)
{
	struct pci_dev a = behind(bridge, 1), b = behind(bridge, 2);
	u32 e, f;

	memset(raised, 0, sizeof(raised));
	e = take(&a, 4);
	f = take(&b, 4);
	for (u32 i = 0; i < 4; i++) {
		aim(&a, e + i, SPI_FIRST + i);
		aim(&b, f + i, SPI_FIRST + 10 + i);
	}
	assert_int_equal(sends(a.sbdf.bdf, &a, e), 0); /* its own is not what arrives */
	assert_int_equal(sends(bridge->sbdf.bdf + 1, &a, e), 0);
	assert_int_equal(sends(id, &a, e + 3), 1);
	assert_int_equal(raised[SPI_FIRST + 3], 1);
	assert_int_equal(sends(id, &b, f + 3), 1);
	assert_int_equal(raised[SPI_FIRST + 13], 1);
	assert_true(msi->agrees(&a, e, &(struct pci_message){ FRAME + 0x40, SPI_FIRST }));
	give_back(&a, e, 4);
	assert_int_equal(sends(id, &b, f), 1);
	give_back(&b, f, 4);
}

/* The first of them makes the table, with room for others. */
static void test_room_behind_bridges(void **state)
{
	struct pci_dev a = behind(&to_pci, 1), b = behind(&to_pci, 2);

	(void)take(&a, 4);
	(void)take(&b, 32);
	(void)take(&b, 32);
}

static void test_behind_bridges(void **state)
{
	struct pci_dev stranger = behind(&to_pci, 3);
	u32 e;

	shares_with(&to_pci, PCI_BDF(5, 0, 0));
	shares_with(&old_bridge, PCI_BDF(0, 0x1e, 0));
	stranger.group = PCI_BDF(5, 3, 0); /* not in the bridge's group */
	assert_int_equal(msi->alloc(&stranger, 1, &e), -EOPNOTSUPP);
	stranger.requester_ids = 0; /* more than its object holds */
	assert_int_equal(msi->alloc(&stranger, 1, &e), -EOPNOTSUPP);
}

/* The group moves away while the device has messages: they can be taken from it all the same. */
static void test_group_changes(void **state)
{
	struct pci_dev a = behind(&to_pci, 1);
	u32 e = take(&a, 2);

	aim(&a, e, SPI_FIRST);
	assert_true(msi->agrees(&a, e, &(struct pci_message){ FRAME + 0x40, SPI_FIRST }));
	a.group = 1;
	assert_false(msi->agrees(&a, e, &(struct pci_message){ FRAME + 0x40, SPI_FIRST }));
	give_back(&a, e, 2);
	assert_int_equal(sends(PCI_BDF(5, 0, 0), &a, e), 0);
	assert_int_equal(in_use(), 0);
}

#define T(name) cmocka_unit_test_setup(name, boot)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_delivers),
		T(test_message),
		T(test_rows_are_aligned),
		T(test_multiple_messages),
		T(test_count_not_a_power),
		T(test_large_tables),
		T(test_room),
		T(test_all_events_used),
		T(test_event_bits),
		T(test_table_grows),
		T(test_only_the_frame),
		T(test_only_the_device),
		T(test_device_id_is_the_trees),
		T(test_tree_gives_one_id_twice),
		T(test_room_behind_bridges),
		T(test_behind_bridges),
		T(test_group_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the ITS and the redistributors' LPIs are started: what the specification (IHI 0069H) leaves open of
 * tables and memory, what firmware has left on, and what is refused.
 */
#include "tests/unit/arm64/its_machine.h"

/* All works: a message of the device becomes the SPI that was asked for. */
static void works(void)
{
	const u32 e = take(&nic, 4);

	memset(raised, 0, sizeof(raised));
	for (u32 i = 0; i < 4; i++)
		aim(&nic, e + i, SPI_FIRST + 7 + i);
	for (u32 i = 0; i < 4; i++) {
		assert_int_equal(sends(NIC_ID, &nic, e + i), 1);
		assert_int_equal(raised[SPI_FIRST + 7 + i], 1);
	}
	give_back(&nic, e, 4);
}

static void refused(int error, const char *words)
{
	assert_int_equal(its_init(&dt, 4, &frame), error);
	assert_int_equal(log_count("0 its:"), 1);
	assert_int_equal(log_count(words), 1);
	assert_null(pci_msi_get_ops());
	assert_false(fake.ctlr & 1);
	for (unsigned int cpu = 0; cpu < 4; cpu++)
		assert_int_equal(start_cpu(cpu), 0); /* whatever: firmware's LPIs go off */
	assert_false(fake.cpu[0].started);
}

static void test_start(void **state)
{
	start(4);
	assert_true(fake.ctlr & 1);
	for (unsigned int cpu = 0; cpu < 4; cpu++)
		assert_true(fake.cpu[cpu].ctlr & 1);
	works();
	assert_int_equal(its_doorbell(&dt), dt.its.base + 0x10000);
}

static void test_no_its(void **state)
{
	fake.cpu[1].ctlr = 1;
	dt.its = (struct dt_range){ 0, 0 };
	assert_int_equal(its_init(&dt, 4, &frame), -ENODEV);
	assert_int_equal(log_count("1 its: the machine has none"), 1);
	assert_null(pci_msi_get_ops());
	assert_int_equal(its_doorbell(&dt), 0);
	assert_int_equal(start_cpu(1), 0);
	assert_false(fake.cpu[1].ctlr & 1); /* its tables are in the guest's memory */
	its_route(SPI_FIRST, 1);
	its_interrupt(8192);
	assert_int_equal(all_raised, 0);
}

static void test_others_are_told(void **state)
{
	dt.its_others = 2;
	start(1);
	assert_int_equal(log_count("1 its: 2 others are not used"), 1);
}

static void test_no_physical_lpis(void **state)
{
	fake.typer &= ~1ull;
	refused(-EOPNOTSUPP, "no ITS for physical LPIs");
}

static void test_not_there(void **state)
{
	fake.typer = ~0ull;
	refused(-EOPNOTSUPP, "no ITS for physical LPIs");
}

static void test_short_frame(void **state)
{
	dt.its.size = 0x10000;
	refused(-EOPNOTSUPP, "in the device tree");
}

static void test_distributor_without_lpis(void **state)
{
	fake.gicd_typer &= ~(1u << 17);
	refused(-EOPNOTSUPP, "the distributor has no LPIs");
	power_on();
	fake.gicd_typer = 1u << 17 | 12u << 19; /* 13 bits: no LPI has a number */
	refused(-EOPNOTSUPP, "the distributor has no LPIs");
}

static void test_nothing_mapped(void **state)
{
	dt.msi_maps = 0;
	refused(-EOPNOTSUPP, "maps no device");
}

/* ---- what firmware has left ---- */

static void test_firmware_left_its_on(void **state)
{
	fake.ctlr = 1;
	fake.busy = 5;
	fake.baser[0] |= 1ull << 63 | 0x12340000;
	fake.cbaser = 1ull << 63;
	start(2);
	assert_int_equal(fake.busy, 0);
	works();
}

static void test_its_never_rests(void **state)
{
	const u64 before = fake_now;

	fake.ctlr = 1;
	fake.busy = ~0u;
	refused(-ETIMEDOUT, "does not come to rest");
	assert_in_range(fake_now - before, 1000000, 1200000);
}

static void test_firmware_left_lpis_on(void **state)
{
	fake.cpu[0].ctlr = fake.cpu[1].ctlr = 1;
	start(2);
	works();
}

static void test_lpis_do_not_stop(void **state)
{
	u64 before;

	assert_int_equal(its_init(&dt, 2, &frame), 0);
	fake.cpu[0].ctlr = 1;
	fake.cpu[0].slow = ~0u;
	before = fake_now;
	assert_int_equal(start_cpu(0), -ETIMEDOUT);
	assert_in_range(fake_now - before, 1000000, 1200000);
	assert_int_equal(log_count("0 its: CPU 0:"), 1);
}

/* EnableLPIs is RES1 once it was set: the CPU's LPIs are left to the others. */
static void test_lpis_cannot_be_stopped(void **state)
{
	u32 e;

	assert_int_equal(its_init(&dt, 2, &frame), 0);
	msi = pci_msi_get_ops();
	assert_int_equal(msi->alloc(&nic, 1, &e), -ENODEV); /* no CPU takes any yet */
	fake.cpu[0].ctlr = 1;
	fake.cpu[0].stuck = true;
	assert_int_equal(start_cpu(0), -EOPNOTSUPP);
	assert_int_equal(log_count("0 its: CPU 0: firmware has left LPIs on"), 1);
	assert_int_equal(log_count("CES is 0"), 1);
	assert_int_equal(fake.cpu[0].propbaser, 0);
	assert_int_equal(msi->alloc(&nic, 1, &e), -ENODEV);
	assert_int_equal(start_cpu(1), 0);
	e = take(&nic, 1);
	aim(&nic, e, SPI_FIRST); /* the guest wants it on CPU 0 */
	assert_int_equal(sends(NIC_ID, &nic, e), 1);
	assert_int_equal(raised_by[SPI_FIRST], 1);
	its_route(SPI_FIRST, 0);
	assert_int_equal(msi->flush(&nic, e, 1), 0);
	assert_int_equal(sends(NIC_ID, &nic, e), 1);
	assert_int_equal(raised_by[SPI_FIRST], 1);
}

static void test_stuck_though_said_otherwise(void **state)
{
	assert_int_equal(its_init(&dt, 2, &frame), 0);
	fake.cpu[0].ctlr = 1;
	fake.cpu[0].stuck = fake.cpu[0].ces = true;
	assert_int_equal(start_cpu(0), -EOPNOTSUPP);
	assert_int_equal(log_count("CES is 0"), 0);
}

static void test_redistributor_without_lpis(void **state)
{
	assert_int_equal(its_init(&dt, 2, &frame), 0);
	fake.cpu[1].no_lpis = true;
	assert_int_equal(start_cpu(0), 0);
	assert_int_equal(start_cpu(1), -EOPNOTSUPP);
	assert_int_equal(log_count("0 its: CPU 1:"), 1);
	assert_false(fake.cpu[1].ctlr & 1);
	msi = pci_msi_get_ops();
	works();
}

/* ---- tables ---- */

static u64 device_baser(void)
{
	return fake.baser[fake.device_baser];
}

static void test_flat(void **state)
{
	start(1);
	assert_false(device_baser() & 1ull << 62);
	assert_int_equal(fake_table_bytes(device_baser()), 0x10000 * 8);
	works();
}

/* Only as many DeviceIDs as the ITS knows, and as the tree names. */
static void test_device_bits(void **state)
{
	u32 e;

	fake.typer = (fake.typer & ~(0x1full << 13)) | 4ull << 13; /* 5 bits: IDs 0 to 31 */
	start(1);
	works();
	assert_int_equal(fake_table_bytes(device_baser()), 0x1000);
	nic.sbdf.bdf = nic.requester_id[0] = 31;
	e = take(&nic, 1);
	aim(&nic, e, SPI_FIRST);
	assert_int_equal(sends(31, &nic, e), 1);
	nic.sbdf.bdf = nic.requester_id[0] = 32;
	assert_int_equal(msi->alloc(&nic, 1, &e), -ENODEV);
	nic.sbdf.bdf = nic.requester_id[0] = NIC_ID;
	assert_int_equal(fake.refuse, 0);
	assert_false(fake.stalled);
}

static void test_small_map(void **state)
{
	u32 e;

	dt.msi_map[0].count = 0x18;
	start(1);
	assert_int_equal(fake_table_bytes(device_baser()), 0x1000);
	works();
	assert_int_equal(msi->alloc(&other, 1, &e), -ENODEV); /* 18h is not mapped */
}

static void far_apart(void)
{
	fake.typer = (fake.typer & ~(0x1full << 13)) | 23ull << 13;
	dt.msi_maps = 2;
	dt.msi_map[0] = (struct dt_msi_map){ .segment = 0, .first = 0, .count = 0x100, .device_id = 0 };
	dt.msi_map[1] =
		(struct dt_msi_map){ .segment = 1, .first = 0x40, .count = 0x800, .device_id = 0xabcd00 };
}

static void test_two_levels(void **state)
{
	struct pci_dev far = other;
	u32 e;

	for (unsigned int page = 0; page < 3; page++) {
		power_on();
		fake.smallest_page = fake.largest_page = page;
		far_apart();
		start(1);
		assert_true(device_baser() & 1ull << 62);
		assert_int_equal(device_baser() >> 8 & 3, page);
		works();
		far.sbdf = (struct sbdf){ 1, 0x240 };
		far.requester_id[0] = 0x240;
		e = take(&far, 1);
		aim(&far, e, SPI_FIRST + 100);
		assert_int_equal(sends(0xabcf00, &far, e), 1);
		far.sbdf.bdf = far.requester_id[0] = 0x83f; /* the last */
		e = take(&far, 1);
		aim(&far, e, SPI_FIRST + 101);
		assert_int_equal(sends(0xabd4ff, &far, e), 1);
		far.sbdf.bdf = far.requester_id[0] = 0x840;
		assert_int_equal(msi->alloc(&far, 1, &e), -ENODEV);
		assert_false(fake.stalled);
	}
}

/* The same, of an ITS with entries of 24 bytes. */
static void test_odd_entries(void **state)
{
	fake.device_entry = 24;
	far_apart();
	start(1);
	works();
	power_on();
	fake.device_entry = 24;
	fake.indirect = false;
	start(1);
	assert_true(fake_table_bytes(device_baser()) >= 0x10000 * 24);
	works();
}

/* No two levels, and no pages large enough: what lies beyond gets no messages. */
static void test_table_too_small(void **state)
{
	struct pci_dev far = other;
	u32 e;

	fake.indirect = false;
	fake.largest_page = 0;
	far_apart();
	start(1);
	assert_int_equal(log_count("1 its: devices with IDs from 0x20000 on"), 1);
	works();
	far.sbdf = (struct sbdf){ 1, 0x240 };
	far.requester_id[0] = 0x240;
	assert_int_equal(msi->alloc(&far, 1, &e), -ENODEV);
}

/* What the tree maps beyond the ITS's own limit has no entry, in either level. */
static void test_two_levels_limited(void **state)
{
	struct pci_dev far = other;
	u32 e;

	far_apart();
	fake.typer = (fake.typer & ~(0x1full << 13)) | 19ull << 13; /* 20 bits */
	start(1);
	assert_true(device_baser() & 1ull << 62);
	works();
	far.sbdf = (struct sbdf){ 1, 0x240 };
	far.requester_id[0] = 0x240;
	assert_int_equal(msi->alloc(&far, 1, &e), -ENODEV);
}

/* Two mappings into one page of the second level. */
static void test_second_level_shared(void **state)
{
	unsigned int pages[2];

	for (u32 i = 0; i < 2; i++) {
		power_on();
		far_apart();
		dt.msi_maps = 2 + i;
		dt.msi_map[0].count = 0x100 >> i;
		dt.msi_map[2] =
			(struct dt_msi_map){ .segment = 0, .first = 0x80, .count = 0x80, .device_id = 0x80 };
		pages[i] = fake_pages_used;
		start(1);
		pages[i] = fake_pages_used - pages[i];
		works();
	}
	assert_int_equal(pages[0], pages[1]);
}

/* More devices than there is memory for: those without a page of the second level get no messages. */
static void test_second_level_too_large(void **state)
{
	struct pci_dev far = other;
	u32 e;

	fake.device_entry = 32;
	far_apart();
	dt.msi_maps = 3;
	for (u16 i = 0; i < 3; i++)
		dt.msi_map[i] = (struct dt_msi_map){
			.segment = i, .first = 0, .count = 0x10000, .device_id = i << 20
		};
	start(1);
	assert_int_equal(log_count("1 its: devices whose IDs have no place"), 1);
	works();
	far.sbdf.segment = 1;
	e = take(&far, 1);
	aim(&far, e, SPI_FIRST);
	assert_int_equal(sends(OTHER_ID | 1u << 20, &far, e), 1);
	far.sbdf.segment = 2;
	assert_int_equal(msi->alloc(&far, 1, &e), -ENODEV);
}

static void test_larger_pages(void **state)
{
	fake.indirect = false;
	dt.msi_map[0].device_id = 0x40000;
	fake.typer = (fake.typer & ~(0x1full << 13)) | 18ull << 13;
	start(1);
	assert_int_equal(device_baser() >> 8 & 3, 1); /* 16 KiB: 4 MiB hold 0x50000 entries of 8 */
	assert_int_equal(fake_table_bytes(device_baser()), 0x50000 * 8);
}

static void test_table_not_taken(void **state)
{
	fake.fixed_addresses = true;
	refused(-EOPNOTSUPP, "does not take the table of devices");
}

static void test_queue_not_taken(void **state)
{
	fake.fixed_queue = true;
	refused(-EOPNOTSUPP, "does not take the command queue");
}

static void test_no_device_table(void **state)
{
	fake.device_baser = 8;
	fake.baser[0] = 0;
	refused(-EOPNOTSUPP, "no table of devices");
}

static void test_collections(void **state)
{
	fake.collection_baser = 8;
	fake.baser[1] = 0;
	refused(-EOPNOTSUPP, "collections for all CPUs");
	power_on();
	fake.collection_baser = 8;
	fake.baser[1] = 0;
	fake.typer |= 4ull << 24; /* it holds four itself */
	start(4);
	works();
	power_on();
	fake.typer = fake.typer & ~(15ull << 32); /* one bit: two collections */
	refused(-EOPNOTSUPP, "collections for all CPUs");
}

static void test_no_memory(void **state)
{
	unsigned int needed = 0;

	for (u64 pages = 0; pages < 64; pages++) {
		power_on();
		fake_pages_allowed = pages;
		if (!its_init(&dt, 4, &frame))
			break;
		assert_int_equal(log_count("0 its: no memory"), 1);
		assert_null(pci_msi_get_ops());
		assert_false(fake.ctlr & 1);
		needed++;
	}
	/* devices, collections, configuration, a pending table each, events, event tables, queue */
	assert_int_equal(needed, 3 + 4 + 3);
}

/* ---- memory that the ITS does not snoop ---- */

static void test_aloof(void **state)
{
	for (unsigned int source = 0; source < 2 * FAKE_SOURCES; source++) {
		power_on();
		*(source % 2 ? &fake.aloof[source / 2] : &fake.uncached[source / 2]) = true;
		if (source / 2 == FAKE_BY_TABLES)
			far_apart();
		start(2);
		works();
		works(); /* the same entries once more */
	}
}

static void test_attributes(void **state)
{
	start(1);
	/* inner shareable, inner write-back, read- and write-allocate; outer the same */
	assert_int_equal(fake.cbaser >> 59 & 7, 7);
	assert_int_equal(fake.cbaser >> 10 & 3, 1);
	assert_int_equal(fake.cbaser >> 53 & 7, 0);
	assert_int_equal(device_baser() >> 59 & 7, 7);
	assert_int_equal(device_baser() >> 10 & 3, 1);
	assert_int_equal(fake.cpu[0].propbaser >> 7 & 0xf, 7 | 8);
	assert_int_equal(fake.cpu[0].pendbaser >> 7 & 0xf, 7 | 8);
	power_on();
	for (unsigned int aloof = 0; aloof < 2; aloof++) {
		power_on();
		for (unsigned int source = 0; source < FAKE_SOURCES; source++)
			*(aloof ? &fake.aloof[source] : &fake.uncached[source]) = true;
		start(1);
		assert_int_equal(fake.cbaser >> 59 & 7, 1); /* as it is: not cached */
		assert_int_equal(fake.cbaser >> 10 & 3, 0);
		assert_int_equal(device_baser() >> 59 & 7, 1);
		assert_int_equal(device_baser() >> 10 & 3, 0);
		assert_int_equal(fake.cpu[0].propbaser >> 7 & 0xf, 1);
	}
}

/* ---- how many LPIs ---- */

static void lpis_are(unsigned int expected, unsigned int id_bits)
{
	struct pci_msi_usage usage;

	start(1);
	assert_true(msi->usage(&usage));
	assert_int_equal(usage.entries, expected);
	assert_int_equal((fake.cpu[0].propbaser & 0x1f) + 1, id_bits);
	works();
}

static void test_lpis(void **state)
{
	lpis_are(16384, 15);
	power_on();
	fake.gicd_typer = 1u << 17 | 23u << 19; /* 24 bits are not needed */
	lpis_are(16384, 15);
	power_on();
	fake.gicd_typer = 1u << 17 | 13u << 19;
	lpis_are(8192, 14);
	power_on();
	fake.gicd_typer |= 9u << 11; /* 1024 are all */
	lpis_are(1024, 15);
}

static void test_named_by_address(void **state)
{
	u32 e;

	fake.typer |= 1ull << 19; /* PTA */
	start(4);
	works();
	route[SPI_FIRST] = 3;
	e = take(&nic, 1);
	aim(&nic, e, SPI_FIRST);
	assert_int_equal(sends(NIC_ID, &nic, e), 1);
	assert_int_equal(raised_by[SPI_FIRST], 3);
}

/* Priority as an ordinary interrupt of the guest's; enabled only while it is somebody's. */
static void test_configuration(void **state)
{
	const u8 *config;
	u32 e;

	start(1);
	config = (const u8 *)(uintptr_t)(fake.cpu[0].propbaser & 0xffffffffff000ull);
	for (unsigned int i = 0; i < 24576; i++)
		assert_int_equal(config[i] & 1, 0);
	e = take(&nic, 1);
	assert_int_equal(config[e] & 1, 0);
	aim(&nic, e, SPI_FIRST);
	assert_int_equal(config[e], GIC_PRIORITY_GUEST | 3);
	give_back(&nic, e, 1);
	assert_int_equal(config[e] & 1, 0);
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_start),
		T(test_no_its),
		T(test_others_are_told),
		T(test_no_physical_lpis),
		T(test_not_there),
		T(test_short_frame),
		T(test_distributor_without_lpis),
		T(test_nothing_mapped),
		T(test_firmware_left_its_on),
		T(test_its_never_rests),
		T(test_firmware_left_lpis_on),
		T(test_lpis_do_not_stop),
		T(test_lpis_cannot_be_stopped),
		T(test_stuck_though_said_otherwise),
		T(test_redistributor_without_lpis),
		T(test_flat),
		T(test_device_bits),
		T(test_small_map),
		T(test_two_levels),
		T(test_odd_entries),
		T(test_table_too_small),
		T(test_two_levels_limited),
		T(test_second_level_shared),
		T(test_second_level_too_large),
		T(test_larger_pages),
		T(test_table_not_taken),
		T(test_queue_not_taken),
		T(test_no_device_table),
		T(test_collections),
		T(test_no_memory),
		T(test_aloof),
		T(test_attributes),
		T(test_lpis),
		T(test_named_by_address),
		T(test_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

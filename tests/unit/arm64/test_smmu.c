/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SMMUv3 backend: which units and maps are taken, who stands behind them, and that a device reaches what
 * its domain maps, nothing else, and no longer than that. The hardware is the model in fake_smmu.h.
 */
#include "tests/unit/arm64/smmu_machine.h"

/* ---- discovery ----------------------------------------------------------------------------------------- */

static void refused(const char *words, int error)
{
	discover(error);
	assert_null(iommu_first());
	if (log_count(words) != 1)
		fail_msg("no \"%s\" in: %s", words, log_text);
	assert_int_equal(log_count("\n"), 1); /* one line */
}

static void test_units_that_cannot_be_used(void **state)
{
	static const struct {
		u32 idr0_off, idr0_on, idr1_off, idr1_on, idr5;
		u32 aidr;
		const char *words;
	} cases[] = {
		{ 1, 0, 0, 0, 0, 0, "no stage 2" },
		{ 2u << 2, 1u << 2, 0, 0, 0, 0, "AArch64 tables" },
		{ 0, 3u << 21, 0, 0, 0, 0, "big-endian" },
		{ 1u << 24, 2u << 24, 0, 0, 0, 0, "stalls every request" },
		{ 0, 0, 0, 0, 1u << 5 | 5, 0, "no 4 KiB pages" },
		{ 0, 0, 0, 0, FAKE_IDR5(7), 0, "address width is a reserved value" },
		{ 0, 0, 0, 1u << 30, 0, 0, "fixed addresses" },
		{ 0, 0, 0, 1u << 29, 0, 0, "fixed addresses" },
		{ 0, 0, 0x1fu << 21, 5u << 21, 0, 0, "command queue is too small" },
		{ 3u << 27, 0, 0, 0, 0, 0, "no stream tables of two levels" },
		{ ~0u, 0, 0, 0, 0, 0, "no registers answer" },
		{ 0, ~0u, 0, 0, 0, 0, "no registers answer" },
		{ 0, 0, 0, 0, 0, 0x10, "after SMMUv3" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		one_unit();
		fake[0].idr0 = (fake[0].idr0 & ~cases[i].idr0_off) | cases[i].idr0_on;
		fake[0].idr1 = (fake[0].idr1 & ~cases[i].idr1_off) | cases[i].idr1_on;
		if (cases[i].idr5)
			fake[0].idr5 = cases[i].idr5;
		if (cases[i].aidr)
			fake[0].aidr = cases[i].aidr;
		refused(cases[i].words, -EOPNOTSUPP);
	}
}

static void test_registers_that_cannot_be(void **state)
{
	for (unsigned int i = 0; i < 3; i++) {
		one_unit();
		if (i == 0)
			firmware.unit[0].registers = 0;
		if (i == 1)
			firmware.unit[0].registers += 8;
		if (i == 2)
			firmware.unit[0].size = 0x10000;
		refused("bytes of registers", -EINVAL);
	}
}

static void test_maps_that_cannot_be(void **state)
{
	static const struct {
		struct smmu_stream_map map[2];
		int error;
		const char *words;
	} cases[] = {
		{ { { 0, 0, 0, 0, 0 } }, -EINVAL, "no such requester IDs" },
		{ { { 0, 1, 0x10000, 0, 0 } }, -EINVAL, "no such requester IDs" },
		{ { { 0, 0, 0x100, 0xff01, 0 } }, -EINVAL, "has no such streams" },
		{ { { 0, 0, 0x100, 0xffffff80, 0 } }, -EINVAL, "has no such streams" },
		{ { { 0, 0, 0x200, 0, 0 }, { 0, 0x1ff, 1, 0x1000, 0 } }, -EINVAL, "another map names some" },
		{ { { 0, 0x100, 0x100, 0, 0 }, { 0, 0, 0x101, 0x1000, 0 } },
		  -EINVAL,
		  "another map names some" },
		{ { { 0, 0, 0x200, 0, 0 }, { 0, 0x200, 1, 0x1ff, 0 } },
		  -EOPNOTSUPP,
		  "have some of these streams" },
		{ { { 0, 0, 0x100, 0, 0 }, { 1, 0, 0x100, 0x100, 0 } }, -EOPNOTSUPP, "another PCI segment" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		power_on();
		add_unit();
		memcpy(firmware.map, cases[i].map, sizeof(cases[i].map));
		firmware.maps = 1 + (cases[i].map[1].count != 0);
		refused(cases[i].words, cases[i].error);
	}
	power_on();
	add_unit();
	fake[0].idr1 = FAKE_IDR1(19, 19, 32);
	add_map(0, 0, 0x100, 0x7fff80, 0);
	refused("stream tables end before", -EOPNOTSUPP);
}

/* A second unit that cannot be used is no half of a machine. */
static void test_one_of_two_is_refused(void **state)
{
	start();
	assert_int_equal(smmuv3_intid(0), EVENT_INTID);
	power_on();
	add_unit();
	add_unit();
	add_map(0, 0, 0x8000, 0, 0);
	add_map(0, 0x8000, 0x8000, 0, 1);
	fake[1].idr0 &= ~1u;
	refused("unit 1 at", -EOPNOTSUPP);
	assert_int_equal(smmuv3_intid(0), 0);
}

static void test_discovery_changes_nothing(void **state)
{
	struct fake_smmu before;
	char expected[400];

	one_unit();
	memcpy(&before, &fake[0], sizeof(before));
	discover(1);
	assert_memory_equal(&before, &fake[0], sizeof(before));
	assert_int_equal(fake_pages_used, 0);
	assert_int_equal(log_count("SMMUv3: 1 units, 1 maps of requester IDs to streams, addresses of 48 "
				   "bits, coherent\n"),
			 1);
	iommu_first()->ops->describe(iommu_first());
	assert_memory_equal(&before, &fake[0], sizeof(before));
	snprintf(expected, sizeof(expected),
		 "SMMUv3 unit 0 at 0x%llx, version 3.2: segment 0, streams of 16 bits (16 used), addresses "
		 "of 48 bits, "
		 "VMIDs of 16 bits, coherent, interrupts 106 (faults) and 109 (errors)",
		 (unsigned long long)firmware.unit[0].registers);
	assert_int_equal(log_count(expected), 1);
	assert_int_equal(iommu_first()->registers,
			 firmware.unit[0].registers); /* to be cut out of the guest */
	assert_int_equal(iommu_first()->registers_size, 0x20000);

	power_on();
	discover(0);
	assert_null(iommu_first());
	assert_int_equal(iommu_domain_init(&guest), -ENODEV);
}

static void test_interrupts_are_listed(void **state)
{
	power_on();
	add_unit();
	add_unit();
	firmware.unit[0].gerror_intid = 0;
	add_map(0, 0, 0x100, 0, 0);
	discover(2);
	assert_int_equal(smmuv3_intid(0), EVENT_INTID);
	assert_int_equal(smmuv3_intid(1), EVENT_INTID + 10);
	assert_int_equal(smmuv3_intid(2), GERROR_INTID + 10);
	assert_int_equal(smmuv3_intid(3), 0);
	assert_false(smmuv3_interrupt(GERROR_INTID));
	assert_false(smmuv3_interrupt(0));
}

/* ---- who stands behind a unit -------------------------------------------------------------------------- */

static void test_covers(void **state)
{
	struct pci_dev aliased = nic, elsewhere = nic, crowded = nic;

	power_on();
	add_unit();
	add_unit();
	add_map(0, 0, 0x100, 0x400, 0);
	add_map(0, 0x200, 0x100, 0, 0);
	add_map(0, 0x8000, 0x100, 0x33, 1);
	discover(2);
	assert_ptr_equal(iommu_of(&nic), iommu_first());
	assert_ptr_equal(iommu_of(&far_off), iommu_first()->next);
	elsewhere.sbdf.segment = 1;
	assert_null(iommu_of(&elsewhere));
	elsewhere.sbdf = (struct sbdf){ 0, 0x100 };
	elsewhere.requester_id[0] = 0x100;
	assert_null(iommu_of(&elsewhere)); /* firmware names it nowhere: it may go past every unit */
	aliased.requester_ids = 2;
	aliased.requester_id[1] = 0x280;
	assert_ptr_equal(iommu_of(&aliased), iommu_first());
	aliased.requester_id[1] = 0x100; /* one of what it comes as */
	assert_null(iommu_of(&aliased));
	aliased.requester_id[1] = 0x8000; /* or behind another unit */
	assert_null(iommu_of(&aliased));
	crowded.requester_ids = 0;
	assert_int_equal(iommu_attach(&crowded, &guest), -E2BIG);
}

/* ---- isolation ----------------------------------------------------------------------------------------- */

static void test_nobody_reaches_anything(void **state)
{
	u64 pa;

	start();
	map(0, SIZE_2M);
	for (u32 stream = 0; stream < 0x10000; stream += 0x7f) {
		assert_false(fake_dma(&fake[0], stream, 0x1000, stream & 1, &pa));
		forget_faults();
		memset(fake[0].configs, 0, sizeof(fake[0].configs));
		memset(fake[0].l1, 0, sizeof(fake[0].l1));
	}
	for (u32 stream = 0; stream < 32; stream++) /* for which rubbish was cached */
		blocked(&fake[0], stream, 0x1000, true);
	blocked(&fake[0], 0x10000, 0x1000, true); /* beyond the table */
	blocked(&fake[0], 0xffffffff, 0x1000, true);
	assert_int_equal(fake[0].let_through, 0);
}

static void test_attach_and_block(void **state)
{
	struct fake_smmu *u = &fake[0];
	const u32 stream = nic.sbdf.bdf;
	u16 id = 0;
	paddr_t root = 0;

	start();
	map(SIZE_2M, SIZE_2M);
	map(SIZE_1G, SIZE_1G);
	map(0x5000, 0x2000);
	blocked(u, stream, SIZE_2M, true);
	expect_fault(&nic, 2); /* C_BAD_STREAMID: its 64 have no table */
	assert_true(last_fault.somewhere);
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	reaches(u, stream, SIZE_2M, true);
	reaches(u, stream, SIZE_2M + 0x123456, false);
	reaches(u, stream, SIZE_1G + 0x12345678, true);
	reaches(u, stream, 0x5ffc, true);
	reaches(u, stream, 0x6ffc, false);
	blocked(u, stream, 0x7000, true);
	expect_fault_at(&nic, 0x10, 0x7000, true);
	blocked(u, stream, 0x4ffc, false);
	expect_fault_at(&nic, 0x10, 0x4ffc, false);
	blocked(u, stream, (u64)1 << 48, true); /* beyond the table's width */
	expect_fault_at(&nic, 0x10, (u64)1 << 48, true);
	assert_true(iommu_first()->ops->lookup(iommu_first(), nic.sbdf.bdf, &root, &id));
	assert_int_equal(root, guest.root);
	assert_int_equal(id, guest.id);
	assert_int_equal(iommu_reach(&nic, &guest), IOMMU_REACHES_DOMAIN);

	blocked(u, disk.sbdf.bdf, SIZE_2M, true); /* its neighbour has an entry now, that is not valid */
	expect_fault(&disk, 4);
	assert_true(last_fault.somewhere);
	assert_int_equal(iommu_reach(&disk, &guest), IOMMU_REACHES_NOTHING);

	assert_int_equal(iommu_block(&nic), 0);
	assert_true(pci_dev_has(&nic, PCI_FLAG_QUARANTINED));
	blocked(u, stream, SIZE_2M, true);
	expect_fault(&nic, 4);
	assert_false(iommu_first()->ops->lookup(iommu_first(), nic.sbdf.bdf, &root, &id));
	assert_int_equal(iommu_reach(&nic, &guest), IOMMU_REACHES_NOTHING);
	assert_int_equal(iommu_block(&nic), 0); /* once more */
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	reaches(u, stream, SIZE_2M, true);
	assert_int_equal(iommu_block(&nic), 0);
}

/*
 * Wherever its entry stands; and in a unit that may override the type of requests, each goes on with its own.
 */
static void test_every_place_in_a_table(void **state)
{
	for (unsigned int i = 0; i < 2; i++) {
		one_unit();
		if (i)
			fake[0].idr1 |= FAKE_IDR1_OVR;
		discover(1);
		enable();
		map(0, SIZE_2M);
		for (u16 bdf = 0; bdf < 0x1ff; bdf += 5) {
			struct pci_dev dev = nic;

			dev.sbdf.bdf = dev.requester_id[0] = bdf;
			assert_int_equal(iommu_attach(&dev, &guest), 0);
			reaches(&fake[0], bdf, 0x1000, true);
			blocked(&fake[0], bdf ^ 0x20, 0x1000, true);
			blocked(&fake[0], bdf + 1, 0x1000, true);
			assert_int_equal(iommu_block(&dev), 0);
			blocked(&fake[0], bdf, 0x1000, true);
			forget_faults();
		}
	}
}

static void test_attach_is_idempotent_and_exclusive(void **state)
{
	static struct iommu_domain other;
	unsigned int commands;

	start();
	map(0, SIZE_2M);
	assert_int_equal(iommu_domain_init(&other), 0);
	assert_int_not_equal(other.id, guest.id);
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	commands = fake[0].commands[3];
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	assert_int_equal(fake[0].commands[3], commands);
	assert_int_equal(iommu_first()->ops->attach(iommu_first(), &other, nic.sbdf.bdf), -EBUSY);
	reaches(&fake[0], nic.sbdf.bdf, 0x1000, true);
	assert_int_equal(iommu_block(&nic), 0);
	assert_int_equal(iommu_attach(&nic, &other), 0);
	blocked(&fake[0], nic.sbdf.bdf, 0x1000,
		true); /* the other domain maps nothing; the first one's is cached, too */
	assert_int_equal(iommu_map(&other, 0, SIZE_2M, SIZE_2M, PT_READ | PT_WRITE), 0);
	{
		u64 pa;

		assert_true(fake_dma(&fake[0], nic.sbdf.bdf, 0x1000, true, &pa));
		assert_int_equal(pa, SIZE_2M + 0x1000);
	}
	assert_int_equal(iommu_block(&nic), 0);
}

static void test_before_enable(void **state)
{
	one_unit();
	discover(1);
	assert_int_equal(iommu_first()->ops->attach(iommu_first(), &guest, 0x10), -ENODEV);
	assert_int_equal(iommu_first()->ops->block(iommu_first(), 0x10), 0);
	assert_false(iommu_any_fault_pending());
	assert_int_equal(drain(iommu_first(), 10), 0);
}

/* All that a device's requests come as, through firmware's map. */
static void test_aliases_and_streams(void **state)
{
	struct pci_dev dev = nic;

	power_on();
	add_unit();
	add_map(0, 0, 0x100, 0x4000, 0);
	add_map(0, 0x500, 0x100, 0x80, 0);
	discover(1);
	enable();
	map(0, SIZE_2M);
	dev.requester_ids = 2;
	dev.requester_id[1] = 0x500;
	assert_int_equal(iommu_attach(&dev, &guest), 0);
	reaches(&fake[0], 0x4000 + PCI_BDF(0, 2, 0), 0x1000, true);
	reaches(&fake[0], 0x80, 0x1000, true);
	blocked(&fake[0], PCI_BDF(0, 2, 0), 0x1000, true); /* a stream of that number is nobody's */
	assert_int_equal(drain(iommu_first(), 10), 1);
	assert_int_equal(faults_seen, 0);
	assert_int_equal(log_count("DMA of stream 0x10, which is no PCI function's, blocked"), 1);
	blocked(&fake[0], 0x80, SIZE_2M, false);
	assert_int_equal(drain(iommu_first(), 10), 1);
	assert_int_equal(last_fault.source.bdf, 0x500);
	assert_int_equal(iommu_block(&dev), 0);
	dev.requester_id[1] = 0x5ff; /* the last of a map */
	assert_int_equal(iommu_attach(&dev, &guest), 0);
	reaches(&fake[0], 0x17f, 0x1000, true);
	blocked(&fake[0], 0x17f, SIZE_2M, false);
	assert_int_equal(drain(iommu_first(), 10), 1);
	assert_int_equal(last_fault.source.bdf, 0x5ff);
	assert_int_equal(iommu_block(&dev), 0);
	blocked(&fake[0], 0x4000 + PCI_BDF(0, 2, 0), 0x1000, true);
	blocked(&fake[0], 0x80, 0x1000, true);
}

static void test_two_units(void **state)
{
	power_on();
	add_unit();
	add_unit();
	add_map(0, 0, 0x8000, 0, 0);
	add_map(0, 0x8000, 0x8000, 0, 1);
	discover(2);
	enable();
	map(0, SIZE_2M);
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	assert_int_equal(iommu_attach(&far_off, &guest), 0);
	reaches(&fake[0], nic.sbdf.bdf, 0x1000, true);
	reaches(&fake[1], 0, 0x1000, true);
	blocked(&fake[1], nic.sbdf.bdf, 0x1000, true);
	assert_int_equal(iommu_unmap(&guest, 0, SIZE_2M), 0);
	assert_int_equal(iommu_invalidate(&guest, 0, SIZE_2M), 0);
	blocked(&fake[0], nic.sbdf.bdf, 0x1000, true);
	blocked(&fake[1], 0, 0x1000, true); /* dropped in both */
	assert_int_equal(iommu_block(&nic), 0);
	assert_int_equal(iommu_block(&far_off), 0);
}

/* A stream table of one page; and units of which the narrowest decides. */
static void test_widths(void **state)
{
	static const struct {
		unsigned int oas, levels, bits;
	} cases[] = { { 0, 3, 32 }, { 1, 3, 36 }, { 2, 3, 40 }, { 3, 3, 42 },
		      { 4, 4, 44 }, { 5, 4, 48 }, { 6, 4, 48 } };

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		const u64 top = (u64)1 << cases[i].bits;

		power_on();
		add_unit();
		add_unit();
		add_map(0, 0, 0x20, 7, 0);
		add_map(0, 0x8000, 0x8000, 0, 1);
		fake[0].idr0 &= ~(3u << 27); /* it has linear tables only */
		fake[0].idr1 = FAKE_IDR1(6, 3, 6);
		fake[0].idr5 = FAKE_IDR5(cases[i].oas);
		fake[1].idr5 = FAKE_IDR5(6);
		discover(2);
		enable();
		assert_int_equal(guest.levels, cases[i].levels);
		map(top - SIZE_2M, SIZE_2M);
		assert_int_equal(iommu_map(&guest, top, top, SIZE_2M, PT_READ), -EINVAL);
		assert_int_equal(iommu_attach(&nic, &guest), 0);
		assert_int_equal(iommu_attach(&far_off, &guest), 0);
		reaches(&fake[0], 7 + nic.sbdf.bdf, top - 4, true);
		reaches(&fake[1], 0, top - 4, true);
		blocked(&fake[0], 7 + nic.sbdf.bdf, top, true);
		blocked(&fake[0], 6, top - 4, true);
		blocked(&fake[0], 0x40, top - 4, true);
		assert_int_equal(iommu_block(&nic), 0);
		assert_int_equal(iommu_block(&far_off), 0);
	}
}

static void test_domain_numbers(void **state)
{
	for (unsigned int wide = 0; wide < 2; wide++) {
		unsigned int made = 0;
		struct iommu_domain d;

		one_unit();
		if (!wide)
			fake[0].idr0 &= ~FAKE_IDR0_VMID16;
		discover(1);
		while (made < 300 && !iommu_domain_init(&d)) {
			assert_int_equal(d.id, made + 1);
			made++;
		}
		assert_int_equal(made, wide ? 300 : 255);
		assert_int_equal(iommu_domain_init(&d), wide ? 0 : -ENOSPC);
	}
}

/* ---- invalidation -------------------------------------------------------------------------------------- */

/* Hardware goes by what it has cached until it is told: first that it does, then that it is told. */
static void test_unmap_wants_an_invalidation(void **state)
{
	static const struct {
		u64 iova, size; /* of the unmap */
		u64 invalidate_at, invalidate_size;
		unsigned int by_page, all;
	} cases[] = {
		{ SIZE_2M + 0x3000, 0x1000, SIZE_2M + 0x3000, 0x1000, 1, 0 },
		{ SIZE_2M + 0x3000, 0x20000, SIZE_2M + 0x3000, 0x20000, 32, 0 },
		{ SIZE_2M + 0x3000, 0x21000, SIZE_2M + 0x3000, 0x21000, 0, 1 },
		{ SIZE_2M + 0x3000, 0x1000, 0, 0, 0, 1 },
		{ SIZE_2M + 0x3000, 0x1000, SIZE_2M + 0x3ffc, 4, 1, 0 },	 /* not whole pages */
		{ SIZE_2M + 0x3000, 0x2000, SIZE_2M + 0x3ffc, 8, 2, 0 },
		{ SIZE_2M + 0x3000, 0x1000, 0, ~(u64)0, 0, 1 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake_smmu *u = &fake[0];
		const u32 stream = nic.sbdf.bdf;
		unsigned int by_page, all;

		start();
		for (u64 at = SIZE_2M; at < 2 * SIZE_2M; at += 0x2000) { /* small pages */
			map(at, 0x1000);
			map(at + 0x1000, 0x1000);
		}
		assert_int_equal(iommu_attach(&nic, &guest), 0);
		for (u64 at = 0; at < cases[i].size; at += 0x1000)
			reaches(u, stream, cases[i].iova + at, true);
		assert_int_equal(iommu_unmap(&guest, cases[i].iova, cases[i].size), 0);
		reaches(u, stream, cases[i].iova, true); /* stale */
		by_page = u->commands[0x2a];
		all = u->commands[0x28];
		assert_int_equal(iommu_invalidate(&guest, cases[i].invalidate_at, cases[i].invalidate_size),
				 0);
		for (u64 at = 0; at < cases[i].size; at += 0x1000)
			blocked(u, stream, cases[i].iova + at, true);
		reaches(u, stream, SIZE_2M, true);
		assert_int_equal(u->commands[0x2a] - by_page, cases[i].by_page);
		assert_int_equal(u->commands[0x28] - all, cases[i].all);
		assert_int_equal(iommu_block(&nic), 0);
	}
}

/* A table that an unmap emptied goes back to the pool only when no hardware can walk it. */
static void test_emptied_table(void **state)
{
	struct fake_smmu *u = &fake[0];
	const u32 stream = nic.sbdf.bdf;

	start();
	map(SIZE_2M, 0x1000);
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	reaches(u, stream, SIZE_2M, true);
	assert_int_equal(iommu_unmap(&guest, SIZE_2M, 0x1000), 0);
	u->hang_queue = true;
	fake_pages_freed = 0;
	assert_int_equal(iommu_invalidate(&guest, SIZE_2M, 0x1000), -ETIMEDOUT);
	assert_int_equal(fake_pages_freed, 0);
	u->hang_queue = false;
	assert_int_equal(iommu_invalidate(&guest, SIZE_2M, 0x1000), 0);
	assert_int_equal(fake_pages_freed, guest.levels - 1); /* all but the root */
	blocked(u, stream, SIZE_2M, true);
	blocked(u, stream, SIZE_2M + 0x1000, true); /* by no pointer to it */
	assert_int_equal(iommu_block(&nic), 0);
}

/*
 * Devices that do not stop: while it is blocked they may get through, afterwards not. Each step of an attach
 * is whole.
 */
static unsigned int tries, passed;
static bool odd;

static void keep_trying(void)
{
	u64 pa;

	odd = !odd;
	if (odd) { /* forgets the entry, and begins to read it; goes on at the next step */
		FAKE_DROP_IF(fake[0].configs, it->sid == nic.sbdf.bdf);
		fake_fetch(&fake[0], nic.sbdf.bdf);
		return;
	}
	tries++;
	passed += fake_dma(&fake[0], nic.sbdf.bdf, 0x1000, true, &pa);
}

static void test_devices_that_do_not_stop(void **state)
{
	for (unsigned int way = 0; way < 4; way++) {
		one_unit();
		if (way & 2) /* then they try between any two words that Fairlead writes */
			fake[0].idr0 &= ~FAKE_IDR0_COHACC;
		discover(1);
		enable();
		map(0, SIZE_2M);
		assert_int_equal(iommu_attach(&disk, &guest), 0); /* so that its 64 have a table */
		fake_meanwhile = keep_trying;
		odd = way & 1;
		for (unsigned int times = 0; times < 5; times++) {
			tries = passed = 0;
			assert_int_equal(iommu_attach(&nic, &guest), 0);
			assert_true(tries > 1);
			reaches(&fake[0], nic.sbdf.bdf, 0x1000, true);
			assert_int_equal(iommu_block(&nic), 0);
			blocked(&fake[0], nic.sbdf.bdf, 0x1000, true);
			tries = passed = 0;
			assert_int_equal(iommu_invalidate(&guest, 0, 0), 0);
			assert_true(tries > 0);
			assert_int_equal(passed, 0);
		}
		fake_meanwhile = NULL;
	}
}

/* What was let through before is in memory, and not on its way, when an invalidation or a block returns. */
static void test_requests_under_way(void **state)
{
	struct fake_smmu *u = &fake[0];

	start();
	map(0, SIZE_2M);
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	fake_slow_dma(u, nic.sbdf.bdf, 0x1000);
	fake_slow_dma(u, nic.sbdf.bdf, 0x5000);
	assert_int_equal(iommu_invalidate(&guest, 0x5000, 0x1000), 0);
	assert_int_equal(u->flights[0].iova, 0x1000);
	assert_false(u->flights[1].valid);
	fake_slow_dma(u, nic.sbdf.bdf, 0x9000);
	assert_int_equal(iommu_invalidate(&guest, 0, 0), 0);
	assert_false(u->flights[0].valid);
	fake_slow_dma(u, nic.sbdf.bdf, 0x1000);
	assert_int_equal(iommu_block(&nic), 0);
	assert_false(u->flights[0].valid);
}

/* ---- the doorbell -------------------------------------------------------------------------------------- */

static void test_doorbell(void **state)
{
	static struct iommu_domain other;
	const u64 page = 0x8090000;
	u64 out;
	unsigned int prot;

	one_unit();
	discover(1);
	iommu_set_doorbell(page);
	assert_int_equal(iommu_doorbell(), page);
	enable();
	assert_int_equal(iommu_domain_init(&other), 0);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(iommu_attach(&nic, i ? &other : &guest), 0);
		reaches(&fake[0], nic.sbdf.bdf, page + 0x40, true);
		blocked(&fake[0], nic.sbdf.bdf, page + 0x40, false); /* nobody reads there */
		expect_fault_at(&nic, 0x13, page + 0x40, false);
		blocked(&fake[0], nic.sbdf.bdf, page - 0x1000, true);
		expect_fault_at(&nic, 0x10, page - 0x1000, true);
		blocked(&fake[0], nic.sbdf.bdf, page + 0x1000, true);
		expect_fault_at(&nic, 0x10, page + 0x1000, true);
		assert_int_equal(iommu_block(&nic), 0);
	}
	assert_int_equal(pt_lookup(&guest.table, page, &out, &prot, NULL), 0);
	assert_int_equal(out, page);
	assert_int_equal(prot & (PT_READ | PT_WRITE | PT_DEVICE), PT_WRITE | PT_DEVICE);

	one_unit(); /* no memory for it: no domain */
	discover(1);
	assert_int_equal(iommu_enable_all(), 0);
	iommu_set_doorbell(page);
	fake_pages_allowed = 2;
	assert_int_equal(iommu_domain_init(&guest), -ENOMEM);
}

/* ---- translated requests ------------------------------------------------------------------------------- */

/* A device that says that it has translated an address itself. */
static void test_translated_requests(void **state)
{
	for (unsigned int ats = 0; ats < 2; ats++) {
		u64 pa;

		one_unit();
		if (ats)
			fake[0].idr0 |= FAKE_IDR0_ATS;
		discover(1);
		enable();
		map(0, SIZE_2M);
		assert_int_equal(iommu_attach(&nic, &guest), 0);
		reaches(&fake[0], nic.sbdf.bdf, 0x1000, true);
		assert_false(fake_request(&fake[0], nic.sbdf.bdf, 0x1000, true, true, &pa));
		expect_fault_at(&nic, 7, 0x1000, true);
		assert_false(fake_request(&fake[0], disk.sbdf.bdf, 0x1000, true, true, &pa));
		forget_faults();
		assert_int_equal(iommu_block(&nic), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_units_that_cannot_be_used),
		cmocka_unit_test(test_registers_that_cannot_be),
		cmocka_unit_test(test_maps_that_cannot_be),
		cmocka_unit_test(test_one_of_two_is_refused),
		cmocka_unit_test(test_discovery_changes_nothing),
		cmocka_unit_test(test_interrupts_are_listed),
		cmocka_unit_test(test_covers),
		cmocka_unit_test(test_nobody_reaches_anything),
		cmocka_unit_test(test_attach_and_block),
		cmocka_unit_test(test_every_place_in_a_table),
		cmocka_unit_test(test_attach_is_idempotent_and_exclusive),
		cmocka_unit_test(test_before_enable),
		cmocka_unit_test(test_aliases_and_streams),
		cmocka_unit_test(test_two_units),
		cmocka_unit_test(test_widths),
		cmocka_unit_test(test_domain_numbers),
		cmocka_unit_test(test_unmap_wants_an_invalidation),
		cmocka_unit_test(test_emptied_table),
		cmocka_unit_test(test_devices_that_do_not_stop),
		cmocka_unit_test(test_requests_under_way),
		cmocka_unit_test(test_doorbell),
		cmocka_unit_test(test_translated_requests),
	};

	return cmocka_run_group_tests(tests, machine_init, NULL);
}

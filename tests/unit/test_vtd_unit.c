/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One VT-d unit: taking it over from firmware, hardware that hangs or reports errors, memory past the caches,
 * and faults. The hardware is the model in fake_vtd.h.
 */
#include "tests/unit/vtd_machine.h"

/* ---- turning on ---------------------------------------------------------------------------------------- */

/* Firmware left everything on, with its own tables and queue. Afterwards nothing of it is in force. */
static void test_firmware_left_it_on(void **state)
{
	for (unsigned int broken = 0; broken < 2; broken++) {
		struct fake_vtd *u = &fake[0];

		one_unit();
		u->cap |= FAKE_CAP_PLMR;
		u->gsts = u->gsts_next = 0xc6000000; /* TE, RTP, QIE, IRE */
		u->root = 0xdead000;
		u->iqa = 0xbeef000;
		u->iqh = u->iqt = 0x50;
		if (broken) { /* its queue stands on an error */
			u->iqt = 0x60;
			u->fsts_sticky = 0x10;
		}
		u->pmen = 0x80000001;
		u->record[1][1] = (u64)1 << 63; /* a fault of its time */
		discover(1);
		assert_int_equal(u->gsts, 0xc6000000); /* discovery changes nothing */
		enable();
		assert_int_equal(u->gsts & 0x86000000, 0x84000000);
		assert_int_equal(u->pmen, 0);
		assert_false(u->iotlb[0].valid); /* nor what it had cached */
		assert_false(u->contexts[0].valid);
		assert_false(iommu_any_fault_pending());
		blocked(u, &nic, 0x1000, true);
		assert_int_equal(iommu_map(&guest, 0, 0, SIZE_2M, PT_READ | PT_WRITE), 0);
		assert_int_equal(iommu_attach(&nic, &guest), 0);
		reaches(u, &nic, 0x1000, true, 0x1000);
		assert_int_equal(log_count("firmware left it on"), 1);
	}
}

static void test_hardware_that_does_not_answer(void **state)
{
	struct fake_vtd *u = &fake[0];
	u64 begin;

	one_unit(); /* to the first command */
	u->hang_commands = true;
	discover(1);
	begin = fake_now;
	assert_int_equal(iommu_enable_all(), -ETIMEDOUT);
	assert_in_range(fake_now - begin, 1000000, 1100000);
	assert_int_equal(log_count("no answer to \"set the root table\""), 1);

	one_unit();
	u->gsts = u->gsts_next = 0x80000000;
	u->hang_commands = true;
	discover(1);
	assert_int_equal(iommu_enable_all(), -ETIMEDOUT);
	assert_int_equal(log_count("turn the firmware's translation off"), 1);

	one_unit(); /* to the first invalidation: translation must not go on over unknown caches */
	u->hang_queue = true;
	discover(1);
	assert_int_equal(iommu_enable_all(), -ETIMEDOUT);
	assert_int_equal(u->gsts >> 31, 0);

	start(); /* later */
	u->hang_queue = true;
	begin = fake_now;
	assert_int_equal(iommu_attach(&nic, &guest), -ETIMEDOUT); /* and the attempt to take it back */
	assert_in_range(fake_now - begin, 1000000, 2100000);
	assert_true(log_count("no answer to an invalidation") > 0);
	u->hang_queue = false;
	assert_int_equal(iommu_map(&guest, 0, 0, SIZE_2M, PT_READ | PT_WRITE), 0);
	assert_int_equal(iommu_invalidate(&guest, 0, 0), 0); /* it came back to life */
	blocked(u, &nic, 0x1000, true);			     /* a failed attach is no attach */
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	reaches(u, &nic, 0x1000, true, 0x1000);
}

/* A unit that is silent costs a second once; until it answers each question is short. Then it has its second again. */
static void test_silent_unit(void **state)
{
	u64 begin;

	start();
	for (unsigned int times = 0; times < 2; times++) {
		fake[0].hang_queue = true;
		begin = fake_now;
		assert_int_equal(iommu_invalidate(&guest, 0, 0), -ETIMEDOUT);
		assert_in_range(fake_now - begin, 1000000, 1100000);
		begin = fake_now;
		for (unsigned int n = 0; n < 16; n++)
			assert_int_equal(iommu_invalidate(&guest, 0, 0), -ETIMEDOUT);
		assert_in_range(fake_now - begin, 16 * 10000, 16 * 20000);
		assert_int_equal(log_count("VT-d unit 0: no answer to an invalidation"), 17 * (times + 1));
		assert_int_equal(log_count("VT-d unit 0: it answers again"), times);
		fake[0].hang_queue = false;
		assert_int_equal(iommu_invalidate(&guest, 0, 0), 0);
		assert_int_equal(iommu_invalidate(&guest, 0, 0), 0);
		assert_int_equal(log_count("VT-d unit 0: it answers again"), times + 1);
	}
}

/* A queue that nobody works on fills up; then, too, the call returns. And it wraps. */
static void test_full_queue(void **state)
{
	unsigned int calls = 0;

	start();
	assert_int_equal(iommu_map(&guest, 0, 0, SIZE_2M, PT_READ | PT_WRITE), 0);
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	reaches(&fake[0], &nic, 0x1000, true, 0x1000);
	fake[0].hang_queue = true;
	while (!log_count("queue was full")) {
		assert_int_equal(iommu_invalidate(&guest, 0, 0), -ETIMEDOUT);
		assert_true(++calls < 200);
	}
	assert_true(calls > 100); /* two descriptors each, of 256 */
	fake[0].hang_queue = false;
	assert_int_equal(iommu_unmap(&guest, 0, SIZE_2M), 0);
	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(iommu_invalidate(&guest, 0, 0), 0);
	blocked(&fake[0], &nic, 0x1000, true);
}

static void test_queue_errors(void **state)
{
	for (unsigned int bad = 1; bad <= 2; bad++) { /* the invalidation itself; the wait descriptor too */
		start();
		assert_int_equal(iommu_map(&guest, 0, 0, SIZE_2M, PT_READ | PT_WRITE), 0);
		assert_int_equal(iommu_attach(&nic, &guest), 0);
		fake[0].fail_descriptors = bad;
		assert_int_equal(iommu_invalidate(&guest, 0, 0), -EIO);
		assert_true(log_count("queue error IQE") >= 1);
		fake[0].fail_descriptors = 0;
		assert_int_equal(iommu_invalidate(&guest, 0, 0), 0);
		assert_int_equal(fake[0].fsts_sticky, 0);
	}
	start();
	fake[0].fsts_sticky = 0x40; /* time-out of an invalidation */
	assert_int_equal(iommu_invalidate(&guest, 0, 0), -EIO);
	assert_int_equal(log_count("queue error ITE"), 1);
	assert_int_equal(iommu_invalidate(&guest, 0, 0), 0);
}

static void test_out_of_memory(void **state)
{
	one_unit();
	discover(1);
	fake_pages_allowed = 0;
	assert_int_equal(iommu_enable_all(), -ENOMEM);
	fake_pages_allowed = 1;
	assert_int_equal(iommu_enable_all(), -ENOMEM);
	start();
	fake_pages_allowed = 0;
	assert_int_equal(iommu_attach(&nic, &guest), -ENOMEM);
	blocked(&fake[0], &nic, 0, true);
	fake_pages_allowed = 1;
	assert_int_equal(iommu_attach(&nic, &guest), 0);
}

/* Hardware that reads memory past the caches sees only what was written back. */
static void test_not_coherent(void **state)
{
	struct pci_dev neighbour = { .sbdf = { 0, PCI_BDF(0, 9, 0) }, .requester_id = { PCI_BDF(0, 9, 0) }, .requester_ids = 1 };

	one_unit();
	fake[0].ecap &= ~FAKE_ECAP_C;
	discover(1);
	enable();
	blocked(&fake[0], &nic, 0x1000, true);
	expect_fault(&nic, 0x1000, true, 1);
	assert_int_equal(iommu_map(&guest, 0, 0, SIZE_1G + 0x1000, PT_READ | PT_WRITE), 0);
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	reaches(&fake[0], &nic, 0x5000, true, 0x5000);
	reaches(&fake[0], &nic, SIZE_1G, true, SIZE_1G);
	blocked(&fake[0], &nic, (u64)1 << 40, true); /* the parts of each table that nobody wrote to */
	expect_fault(&nic, (u64)1 << 40, true, 5);
	blocked(&fake[0], &neighbour, 0x5000, true);
	expect_fault(&neighbour, 0x5000, true, 2);
	assert_int_equal(iommu_unmap(&guest, 0x5000, 0x1000), 0);
	assert_int_equal(iommu_invalidate(&guest, 0x5000, 0x1000), 0);
	blocked(&fake[0], &nic, 0x5000, true);
	reaches(&fake[0], &nic, 0x6000, true, 0x6000);
	assert_int_equal(iommu_block(&nic), 0);
	blocked(&fake[0], &nic, 0x6000, true);
}

static void test_write_buffer(void **state)
{
	unsigned int before;

	one_unit();
	fake[0].cap |= FAKE_CAP_RWBF;
	discover(1);
	enable();
	before = fake[0].write_buffer_flushes;
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	assert_true(fake[0].write_buffer_flushes > before);
	fake[0].hang_commands = true; /* nothing is begun: the flush is not seen to last */
	assert_int_equal(iommu_block(&nic), 0);
}

/* ---- faults -------------------------------------------------------------------------------------------- */

static void test_faults_in_order(void **state)
{
	struct iommu *u;
	unsigned int seen = 0;

	start();
	u = iommu_first();
	for (u64 page = 1; page <= FAKE_RECORDS; page++)
		blocked(&fake[0], &nic, page << 12, page & 1);
	assert_true(iommu_any_fault_pending());
	for (u64 page = 1; page <= FAKE_RECORDS;
	     page++) { /* one at a time: the hint where to begin grows stale */
		assert_int_equal(u->ops->drain_faults(u, 1, keep_fault, &seen), 1);
		assert_int_equal(last_fault.address, page << 12);
		assert_int_equal(last_fault.write, page & 1);
	}
	assert_int_equal(u->ops->drain_faults(u, 1, keep_fault, &seen), 0);
	assert_int_equal(u->faults, FAKE_RECORDS);
	/* the ring goes on where it stopped */
	for (u64 page = 1; page <= 3; page++)
		blocked(&fake[0], &nic, page << 12, true);
	assert_int_equal(u->ops->drain_faults(u, 100, keep_fault, &seen), 3);
	for (u64 page = 5; page <= 7; page++)
		blocked(&fake[0], &nic, page << 12, true);
	assert_int_equal(u->ops->drain_faults(u, 2, keep_fault, &seen), 2);
	assert_int_equal(last_fault.address, 0x6000);
	assert_int_equal(u->ops->drain_faults(u, 2, keep_fault, &seen), 1);
	assert_int_equal(last_fault.address, 0x7000);
	assert_false(iommu_any_fault_pending());
}

static void test_fault_overflow(void **state)
{
	start();
	for (u64 page = 0; page < 3 * FAKE_RECORDS; page++)
		blocked(&fake[0], &nic, page << 12, true);
	iommu_report_faults();
	assert_int_equal(log_count("blocked"), FAKE_RECORDS);
	assert_int_equal(log_count("more faults than it can record"), 1);
	assert_false(iommu_any_fault_pending());
	blocked(&fake[0], &nic, 0x77000, true); /* recording goes on */
	iommu_report_faults();
	assert_int_equal(log_count("0x77000"), 1);
}

static void test_fault_report(void **state)
{
	struct pci_dev noisy = { .sbdf = { 0, PCI_BDF(7, 5, 1) } },
		       quiet = { .sbdf = { 0, PCI_BDF(7, 5, 2) } };

	start();
	for (u64 i = 0; i < 4096; i++) {
		blocked(&fake[0], &noisy, 0xabc000, i & 1);
		iommu_report_faults();
	}
	assert_int_equal(log_count("by 0000:07:05.1"), 16 + 4);
	assert_int_equal(log_count("iommu: DMA write by 0000:07:05.1 to 0xabc000 blocked ("), 8 + 4);
	blocked(&fake[0], &quiet, 0xdef000, true); /* not drowned by the other */
	iommu_report_faults();
	assert_int_equal(log_count("iommu: DMA write by 0000:07:05.2 to 0xdef000 blocked (the device's bus "
				   "has no context table)"),
			 1);
	assert_int_equal(iommu_first()->faults, 4097);
}

static void test_fault_message(void **state)
{
	start();
	assert_int_equal(fake[0].fectl >> 31, 1);
	blocked(&fake[0], &nic, 0x1000, true);
	assert_int_equal(fake[0].messages, 0);
	iommu_report_faults();
	iommu_first()->ops->fault_message(iommu_first(), 0x1fee01000, 0x4042);
	assert_int_equal(fake[0].feaddr, 0xfee01000);
	assert_int_equal(fake[0].feuaddr, 1);
	assert_int_equal(fake[0].fedata, 0x4042);
	blocked(&fake[0], &nic, 0x1000, true);
	assert_int_equal(fake[0].messages, 1);
	iommu_report_faults();
	iommu_first()->ops->fault_message(iommu_first(), 0, 0);
	blocked(&fake[0], &nic, 0x1000, true);
	assert_int_equal(fake[0].messages, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_firmware_left_it_on),
		cmocka_unit_test(test_hardware_that_does_not_answer),
		cmocka_unit_test(test_silent_unit),
		cmocka_unit_test(test_full_queue),
		cmocka_unit_test(test_queue_errors),
		cmocka_unit_test(test_out_of_memory),
		cmocka_unit_test(test_not_coherent),
		cmocka_unit_test(test_write_buffer),
		cmocka_unit_test(test_faults_in_order),
		cmocka_unit_test(test_fault_overflow),
		cmocka_unit_test(test_fault_report),
		cmocka_unit_test(test_fault_message),
	};

	return cmocka_run_group_tests(tests, machine_init, NULL);
}

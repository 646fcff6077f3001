/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One SMMUv3: taking it over from firmware, hardware that hangs or reports errors, memory past the caches,
 * and events. The hardware is the model in fake_smmu.h.
 */
#include "tests/unit/arm64/smmu_machine.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/timer.h"
#include "core/work.h"

/* ---- turning on ---------------------------------------------------------------------------------------- */

/*
 * A device that does not stop. Out of reset everything passes, until the unit has taken GBPA.ABORT over;
 * where firmware has it on, with a table that lets nobody through, nothing does at any time.
 */
static unsigned int steps, open_steps;

static void watch(void)
{
	u64 pa;

	steps++;
	open_steps += fake_dma(&fake[0], 5, 0x1000, true, &pa);
}

static void test_no_moment_open(void **state)
{
	for (unsigned int firmware_on = 0; firmware_on < 2; firmware_on++) {
		one_unit();
		memset(fake[0].configs, 0,
		       sizeof(fake[0].configs)); /* without the rubbish that lets it through */
		memset(fake[0].l1, 0, sizeof(fake[0].l1));
		if (firmware_on) {
			fake[0].cr0 = fake[0].cr0ack = 1;
			fake[0].strtab = (u64)(uintptr_t)page_alloc();
			fake[0].strtab_cfg = 6;
			fake[0].gbpa = 0x1000; /* attributes of its own */
		}
		discover(1);
		steps = open_steps = 0;
		fake_meanwhile = watch;
		assert_int_equal(iommu_enable_all(), 0);
		fake_meanwhile = NULL;
		assert_true(steps > 10);
		if (firmware_on)
			assert_int_equal(open_steps, 0);
		else
			assert_in_range(open_steps, 1, 6); /* while one register is updated */
		assert_int_equal(fake[0].gbpa & 0x101000, firmware_on ? 0x101000 : 0x100000);
		assert_int_equal(fake[0].cr0ack, 0xd);
		assert_int_equal(fake[0].cr2 & 7, 6);
		assert_int_equal(fake[0].irq_ctrlack, 5);
		blocked(&fake[0], 5, 0x1000, true);
	}
}

/*
 * Firmware left everything on, with its own tables, queues and errors. Afterwards nothing of it is in force.
 */
static void test_firmware_left_it_on(void **state)
{
	struct fake_smmu *u = &fake[0];

	for (unsigned int msi = 0; msi < 2; msi++) {
		one_unit();
		if (msi)
			u->idr0 |= FAKE_IDR0_MSI | FAKE_IDR0_ATS;
		u->cr0 = u->cr0ack = msi ? 0x1f : 0xf;
		u->cr1 = 0xfff;
		u->cr2 = 1;
		u->irq_ctrl = u->irq_ctrlack = 7;
		u->gerror_msi = u->eventq_msi = 0x8090040;
		u->gerror = 0x1f5;
		u->gerrorn = 0x0a0;
		u->strtab = 0xdead000;
		u->strtab_cfg = 4;
		u->cmdq = 0xbeef0005;
		u->cmdq_prod = 7;
		u->cmdq_cons = 0x01000003; /* stands on an error */
		u->eventq = 0xcafe0003;
		u->eventq_prod = 0x80000005;
		discover(1);
		assert_int_equal(u->cr0, msi ? 0x1f : 0xf); /* discovery changes nothing */
		enable();
		assert_int_equal(log_count("firmware left it on"), 1);
		assert_int_equal(log_count("\n"), 2); /* that, and what was found: no errors */
		assert_int_equal(u->gerror, u->gerrorn);
		assert_int_equal(u->gerror_msi,
				 msi ? 0 : 0x8090040); /* without MSI the register does not exist */
		assert_int_equal(u->eventq_msi, msi ? 0 : 0x8090040);
		assert_false(u->tlb[0].valid);
		assert_false(u->configs[0].valid);
		assert_false(u->l1[0].valid);
		assert_false(iommu_any_fault_pending());
		map(0, SIZE_2M);
		blocked(u, nic.sbdf.bdf, 0x1000, true);
		assert_int_equal(iommu_attach(&nic, &guest), 0);
		reaches(u, nic.sbdf.bdf, 0x1000, true);
		assert_int_equal(u->let_through, 0);
		assert_int_equal(iommu_block(&nic), 0);
	}
}

/* Twice is once: what is attached stays so, and nothing is taken from the pool again. */
static void test_enable_again(void **state)
{
	unsigned int pages;

	for (unsigned int linear = 0; linear < 2; linear++) {
		one_unit();
		if (linear)
			firmware.map[0].count = 0x20;
		discover(1);
		enable();
		map(0, SIZE_2M);
		assert_int_equal(iommu_attach(&nic, &guest), 0);
		reaches(&fake[0], nic.sbdf.bdf, 0x1000, true);
		pages = fake_pages_used;
		assert_int_equal(iommu_enable_all(), 0);
		assert_int_equal(fake_pages_used, pages);
		reaches(&fake[0], nic.sbdf.bdf, 0x1000, true);
		blocked(&fake[0], disk.sbdf.bdf, 0x1000, true);
		assert_int_equal(iommu_invalidate(&guest, 0, 0), 0);
		assert_int_equal(iommu_block(&nic), 0);
		blocked(&fake[0], nic.sbdf.bdf, 0x1000, true);
	}
}

static void test_registers_that_do_not_answer(void **state)
{
	struct fake_smmu *u = &fake[0];
	u64 begin;

	one_unit();
	u->hang_registers = true;
	discover(1);
	begin = fake_now;
	assert_int_equal(iommu_enable_all(), -ETIMEDOUT);
	assert_in_range(fake_now - begin, 1000000, 1100000);
	assert_int_equal(log_count("no answer to \"abort while off\" within 1 s"), 1);
	assert_int_equal(u->cr0, 0);

	one_unit();
	u->gbpa = 1u << 31 | 0x1000; /* an update of firmware's that does not end */
	u->hang_registers = true;
	discover(1);
	assert_int_equal(iommu_enable_all(), -ETIMEDOUT);
	assert_int_equal(log_count("finish an update of GBPA"), 1);

	one_unit(); /* the first command: translation must not go on over unknown caches */
	u->hang_queue = true;
	discover(1);
	assert_int_equal(iommu_enable_all(), -ETIMEDOUT);
	assert_int_equal(u->cr0 & 1, 0);
	blocked(u, 5, 0x1000, true); /* and while it is off, nothing passes */
}

static void test_out_of_memory(void **state)
{
	for (unsigned int pages = 0; pages < 3; pages++) {
		one_unit();
		discover(1);
		fake_pages_allowed = pages;
		assert_int_equal(iommu_enable_all(), -ENOMEM);
		blocked(&fake[0], 5, 0x1000, true);
	}
	start();
	fake_pages_allowed = 0;
	assert_int_equal(iommu_domain_init(&guest), -ENOMEM);
	start();
	fake_pages_allowed = 0;
	assert_int_equal(iommu_attach(&nic, &guest), -ENOMEM);
	blocked(&fake[0], nic.sbdf.bdf, 0x1000, true);
	fake_pages_allowed = 1;
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	assert_int_equal(iommu_block(&nic), 0);
}

/* ---- the command queue --------------------------------------------------------------------------------- */

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
		assert_int_equal(log_count("SMMUv3 unit 0: no answer to a command"), 17 * (times + 1));
		assert_int_equal(log_count("SMMUv3 unit 0: it answers again"), times);
		fake[0].hang_queue = false;
		assert_int_equal(iommu_invalidate(&guest, 0, 0), 0);
		assert_int_equal(iommu_invalidate(&guest, 0, 0), 0);
		assert_int_equal(log_count("SMMUv3 unit 0: it answers again"), times + 1);
	}
}

static void test_attach_that_fails(void **state)
{
	u64 begin;

	start();
	map(0, SIZE_2M);
	fake[0].hang_queue = true;
	begin = fake_now;
	assert_int_equal(iommu_attach(&nic, &guest), -ETIMEDOUT); /* and the attempt to take it back */
	assert_in_range(fake_now - begin, 1000000, 2100000);
	assert_int_equal(iommu_reach(&nic, &guest), IOMMU_REACHES_NOTHING);
	assert_int_equal(log_count("could not be dropped after a failed attach"), 1);
	fake[0].hang_queue = false;
	assert_int_equal(iommu_invalidate(&guest, 0, 0), 0); /* it came back to life */
	blocked(&fake[0], nic.sbdf.bdf, 0x1000, true);	     /* a failed attach is no attach */
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	reaches(&fake[0], nic.sbdf.bdf, 0x1000, true);
	fake[0].hang_queue = true;
	assert_int_equal(iommu_block(&nic), -ETIMEDOUT);
	assert_false(pci_dev_has(&nic, PCI_FLAG_QUARANTINED)); /* nobody knows what hardware goes by */
	fake[0].hang_queue = false;
	assert_int_equal(iommu_block(&nic), 0);
	blocked(&fake[0], nic.sbdf.bdf, 0x1000, true);
}

/* An error at each of the commands of an attach: nothing of it stays, wherever it stood. */
static void test_attach_with_errors(void **state)
{
	for (unsigned int at = 0; at < 5; at++) { /* CFGI, SYNC; CFGI, TLBI, SYNC */
		start();
		map(0, SIZE_2M);
		/* The model counts: the n-th command from now is the bad one. */
		fake[0].skip_illegal = at;
		fake[0].illegal_commands = 1;
		assert_int_equal(iommu_attach(&nic, &guest), -EIO);
		assert_int_equal(log_count("command queue error 1 (illegal command)"), 1);
		assert_int_equal(iommu_reach(&nic, &guest), IOMMU_REACHES_NOTHING);
		blocked(&fake[0], nic.sbdf.bdf, 0x1000, true);
		assert_int_equal(iommu_attach(&nic, &guest), 0);
		reaches(&fake[0], nic.sbdf.bdf, 0x1000, true);
		assert_int_equal(iommu_block(&nic), 0);
	}
}

/* A queue that nobody works on fills up; then, too, the call returns. And it wraps. */
static void test_full_queue(void **state)
{
	static const unsigned int sizes[] = { 6, 8, 19 };

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		const unsigned int entries = 1u << (sizes[i] < 8 ? sizes[i] : 8);
		unsigned int calls = 0;

		one_unit();
		fake[0].idr1 = FAKE_IDR1(sizes[i], 7, 16);
		discover(1);
		enable();
		map(0, SIZE_2M);
		assert_int_equal(iommu_attach(&nic, &guest), 0);
		reaches(&fake[0], nic.sbdf.bdf, 0x1000, true);
		fake[0].hang_queue = true;
		while (!log_count("queue was full")) {
			assert_int_equal(iommu_invalidate(&guest, 0, 0), -ETIMEDOUT);
			assert_true(++calls < 200);
		}
		assert_int_equal(calls, entries / 2 + 1); /* two commands each */
		fake[0].hang_queue = false;
		assert_int_equal(iommu_unmap(&guest, 0, SIZE_2M), 0);
		for (unsigned int n = 0; n < 1000; n++)
			assert_int_equal(iommu_invalidate(&guest, 0, n % 40 * 0x1000), 0);
		blocked(&fake[0], nic.sbdf.bdf, 0x1000, true);
	}
}

/* To the last place, and not beyond. */
static void test_queue_filled_exactly(void **state)
{
	for (unsigned int beyond = 0; beyond < 2; beyond++) {
		one_unit();
		fake[0].idr1 = FAKE_IDR1(6, 7, 16);
		discover(1);
		enable();
		fake[0].hang_queue = true;
		assert_int_equal(iommu_invalidate(&guest, 0, 0x20000), -ETIMEDOUT); /* 32 and CMD_SYNC */
		assert_int_equal(iommu_invalidate(&guest, 0, 0x1e000 + 0x1000 * beyond),
				 -ETIMEDOUT); /* 30, 31 */
		assert_int_equal(log_count("no answer to a command"), 2 - beyond);
		assert_int_equal(log_count("queue was full"), beyond);
		assert_int_equal((fake[0].cmdq_prod - fake[0].cmdq_cons) & 0x7f, beyond ? 33 : 64);
		fake[0].hang_queue = false;
		assert_int_equal(iommu_invalidate(&guest, 0, 0x1000), 0);
	}
}

static void test_command_errors(void **state)
{
	for (unsigned int bad = 1; bad <= 2; bad++) { /* the invalidation itself; CMD_SYNC too */
		start();
		fake[0].illegal_commands = bad;
		assert_int_equal(iommu_invalidate(&guest, 0, 0), -EIO);
		assert_true(log_count("command queue error 1 (illegal command)") >= 1);
		fake[0].illegal_commands = 0;
		assert_int_equal(iommu_invalidate(&guest, 0, 0), 0);
		assert_int_equal(fake[0].gerror, fake[0].gerrorn);
	}
	assert_true(log_count("(command 0x28, 0x0000000100000028 0x0000000000000000)") >= 1);
	start();
	fake[0].abort_fetches = 1;
	assert_int_equal(iommu_invalidate(&guest, 0, 0), -EIO);
	assert_int_equal(log_count("command queue error 2 (the queue could not be read)"), 1);
	assert_int_equal(iommu_invalidate(&guest, 0, 0), 0); /* it was read again, and is done */
	assert_int_equal(fake[0].commands[0x28], 2);

	start(); /* and for ever: each call ends */
	fake[0].abort_fetches = ~0u;
	for (unsigned int i = 0; i < 10; i++)
		assert_int_not_equal(iommu_invalidate(&guest, 0, 0), 0);
	fake[0].abort_fetches = 0;
	if (iommu_invalidate(&guest, 0, 0)) /* may still see the last error */
		assert_true(log_count("command queue error 2") > 10);
	assert_int_equal(iommu_invalidate(&guest, 0, 0), 0);

	start(); /* an error that nobody waits for */
	map(0, SIZE_2M);
	fake_gerror(&fake[0], FAKE_GERROR_CMDQ);
	fake[0].cmdq_cons |= 3u << 24;
	assert_true(fake[0].gerror_wire > 0);
	assert_true(iommu_any_fault_pending());
	drain(iommu_first(), 10);
	assert_false(iommu_any_fault_pending());
	assert_int_equal(log_count("command queue error 3 (a device did not answer)"), 1);
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	assert_int_equal(iommu_block(&nic), 0);
}

/* Nobody waits for the unit with a lock in his hands: lockcheck ends the program that does. */
static void test_no_lock_over_a_wait(void **state)
{
	int status;
	pid_t child;

	start();
	child = fork();
	if (!child) {
		signal(SIGABRT, SIG_DFL); /* without cmocka's and the sanitizer's words */
		close(STDERR_FILENO);
		iommu_domain_lock(&guest);
		_exit(iommu_first()->ops->invalidate(iommu_first(), &guest, 0, 0));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* Positions that the unit cannot be at. */
static void test_nonsense_positions(void **state)
{
	start();
	fake[0].hang_queue = true;
	fake[0].cmdq_cons = (fake[0].cmdq_cons + 5) & 0x1ff; /* ahead of all that was asked for */
	assert_int_equal(iommu_invalidate(&guest, 0, 0), -ETIMEDOUT);
	assert_int_equal(log_count("the command queue was full"), 1);
}

/* Service failure mode: nothing is translated any more, and nobody is told that something worked. */
static void test_service_failure(void **state)
{
	start();
	fake_gerror(&fake[0], FAKE_GERROR_SFM);
	assert_int_equal(iommu_invalidate(&guest, 0, 0), -EIO);
	assert_int_equal(log_count("it has failed (service failure mode): all devices behind it are blocked"),
			 1);
	assert_false(iommu_any_fault_pending());
	start();
	fake_gerror(&fake[0], FAKE_GERROR_SFM);
	drain(iommu_first(), 10);
	assert_int_equal(log_count("service failure mode"), 1);
}

/* ---- memory past the caches ---------------------------------------------------------------------------- */

static void test_not_coherent(void **state)
{
	for (unsigned int who = 0; who < 2; who++) { /* the unit says so; or firmware does */
		start();
		assert_int_equal(fake_flushes, 0);
		one_unit();
		if (who == 0)
			fake[0].idr0 &= ~FAKE_IDR0_COHACC;
		else
			firmware.unit[0].coherent = false;
		discover(1);
		if (who == 1)
			fake[0].idr0 &= ~FAKE_IDR0_COHACC; /* what it really is */
		enable();
		map(0x5000, 0x2000);
		map(SIZE_2M, SIZE_2M);
		blocked(&fake[0], nic.sbdf.bdf, 0x5000, true);
		expect_fault(&nic, 2);
		assert_int_equal(iommu_attach(&nic, &guest), 0);
		reaches(&fake[0], nic.sbdf.bdf, 0x5000, true);
		reaches(&fake[0], nic.sbdf.bdf, SIZE_2M, true);
		blocked(&fake[0], nic.sbdf.bdf, (u64)1 << 40, true); /* where nothing was ever written */
		expect_fault_at(&nic, 0x10, (u64)1 << 40, true);
		for (unsigned int i = 0; i < 300; i++) { /* round the queue */
			blocked(&fake[0], nic.sbdf.bdf, SIZE_1G + 0x1000 * i, i & 1);
			expect_fault_at(&nic, 0x10, SIZE_1G + 0x1000 * i, i & 1);
		}
		assert_int_equal(iommu_unmap(&guest, 0x5000, 0x1000), 0);
		assert_int_equal(iommu_invalidate(&guest, 0x5000, 0x1000), 0);
		blocked(&fake[0], nic.sbdf.bdf, 0x5000, true);
		reaches(&fake[0], nic.sbdf.bdf, 0x6000, true);
		assert_int_equal(iommu_block(&nic), 0);
		blocked(&fake[0], nic.sbdf.bdf, 0x6000, true);
		assert_true(fake_flushes > 10);
		fake[0].idr0 |= FAKE_IDR0_COHACC;
		fake_flushes = 0;
	}
}

/* ---- events -------------------------------------------------------------------------------------------- */

/* Each kind: its words, and whether it says where. */
static void test_kinds_of_events(void **state)
{
	static const struct {
		u8 type;
		bool addressed;
		const char *words;
	} kinds[] = {
		{ 0x01, true, "does not know" },
		{ 0x02, false, "not attached" },
		{ 0x03, false, "stream table could not be read" },
		{ 0x04, false, "not attached" },
		{ 0x05, false, "may not ask for translations" },
		{ 0x06, false, "without a substream" },
		{ 0x07, true, "translated addresses" },
		{ 0x08, false, "substreams" },
		{ 0x0b, true, "page table could not be read" },
		{ 0x10, true, "not mapped" },
		{ 0x11, true, "beyond the width" },
		{ 0x12, true, "access flag" },
		{ 0x13, true, "for that direction" },
		{ 0x20, true, "two translations" },
		{ 0x21, false, "two configurations" },
		{ 0x7f, false, "unknown to Fairlead" },
		{ 0x00, false, "unknown to Fairlead" },
		{ 0xff, false, "unknown to Fairlead" },
	};

	start();
	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (unsigned int write = 0; write < 2; write++) {
			fake_event(&fake[0], kinds[i].type, nic.sbdf.bdf, 0xfedcba98765c, write);
			expect_fault(&nic, kinds[i].type);
			assert_int_equal(last_fault.somewhere, !kinds[i].addressed);
			assert_int_equal(last_fault.address, kinds[i].addressed ? 0xfedcba98765c : 0);
			assert_int_equal(last_fault.write, kinds[i].addressed && write);
			assert_non_null(strstr(last_fault.text, kinds[i].words));
		}
	}
	assert_int_equal(atomic_load(&iommu_first()->faults), 2 * ARRAY_SIZE(kinds));
}

/* A look takes so many, the next one the rest, in order, and nothing is taken twice. */
static void test_budget(void **state)
{
	unsigned int n = 0;

	start();
	for (unsigned int i = 0; i < 100; i++)
		fake_event(&fake[0], 0x10, nic.sbdf.bdf, 0x1000 * i, false);
	assert_int_equal(fake[0].event_wire, 1);
	while (iommu_any_fault_pending()) {
		assert_int_equal(drain(iommu_first(), 7), n < 98 ? 7 : 2);
		n += faults_seen;
		assert_int_equal(last_fault.address, 0x1000 * (n - 1));
	}
	assert_int_equal(n, 100);
	assert_int_equal(drain(iommu_first(), 0), 0);
}

/* More than the queue holds: lost, counted, said, and then it goes on. */
static void test_overflow(void **state)
{
	for (unsigned int as_qemu = 0; as_qemu < 2; as_qemu++) {
		const char *how = as_qemu ? "EVENTQ_ABT_ERR)" : "the queue was full)";

		start();
		fake[0].overflow_aborts = as_qemu;
		for (unsigned int times = 1; times <= 9; times++) {
			unsigned int n = 0;

			for (unsigned int i = 0; i < 300; i++)
				fake_event(&fake[0], 0x10, nic.sbdf.bdf, 0x1000 * i, false);
			while (iommu_any_fault_pending()) {
				drain(iommu_first(), 32);
				n += faults_seen;
				assert_true(n <= 128);
			}
			assert_int_equal(n, 128);
			assert_int_equal(last_fault.address, 127 * 0x1000);
			fake_event(&fake[0], 0x10, nic.sbdf.bdf, 0x777000, true); /* it works again */
			expect_fault_at(&nic, 0x10, 0x777000, true);
		}
		assert_int_equal(log_count("more faults than it can record"), 4); /* 1, 2, 4, 8 */
		assert_int_equal(log_count(how), 4);
		assert_int_equal(fake[0].event_wire, 18);
	}
}

/* The last place is taken before the look, and one more comes during it. */
static void one_more(const struct iommu_fault *fault, void *ctx)
{
	if (!faults_seen++)
		fake_event(&fake[0], 0x10, nic.sbdf.bdf, 0x1000, false);
}

static void test_overflow_during_the_last_look(void **state)
{
	start();
	for (unsigned int i = 0; i < 128; i++)
		fake_event(&fake[0], 0x10, nic.sbdf.bdf, 0x1000, false);
	faults_seen = 0;
	assert_int_equal(iommu_first()->ops->drain_faults(iommu_first(), 1000, one_more, NULL), 128);
	assert_int_equal(log_count("more faults than it can record"), 0); /* not seen yet */
	assert_true(iommu_any_fault_pending());
	assert_int_equal(drain(iommu_first(), 1000), 0);
	assert_int_equal(log_count("more faults than it can record"), 1);
	assert_false(iommu_any_fault_pending());
}

/* While it is drained a device goes on. */
static void test_overflow_meanwhile(void **state)
{
	unsigned int n = 0;

	start();
	for (unsigned int round = 0; round < 20; round++) {
		for (unsigned int i = 0; i < 60; i++)
			fake_event(&fake[0], 0x10, nic.sbdf.bdf, 0x1000, false);
		drain(iommu_first(), 32);
		n += faults_seen;
	}
	assert_int_equal(n, 20 * 32);
	assert_true(log_count("more faults than it can record") > 1);
	forget_faults();
	fake_event(&fake[0], 0x10, nic.sbdf.bdf, 0x777000, true);
	expect_fault_at(&nic, 0x10, 0x777000, true);
}

/* A small queue; one that wraps; and one whose position is nonsense. */
static void test_event_queue_sizes(void **state)
{
	for (unsigned int log2 = 0; log2 < 9; log2++) {
		const unsigned int entries = 1u << (log2 < 7 ? log2 : 7);

		one_unit();
		fake[0].idr1 = FAKE_IDR1(19, log2, 16);
		discover(1);
		enable();
		for (unsigned int i = 0; i < 3 * entries + 1; i++) {
			fake_event(&fake[0], 0x13, nic.sbdf.bdf, 0x1000 * i, true);
			expect_fault_at(&nic, 0x13, 0x1000 * i, true);
		}
		fake[0].eventq_prod = (fake[0].eventq_cons + entries + 1) & (2 * entries - 1);
		if (entries > 1) {
			assert_true(iommu_any_fault_pending());
			assert_int_equal(drain(iommu_first(), 1000), 0);
			assert_int_equal(log_count("more faults than it can record"), 1);
		}
		forget_faults();
		assert_false(iommu_any_fault_pending());
	}
}

/* Streams that firmware does not name cannot fill the log. */
static void test_strangers(void **state)
{
	one_unit();
	firmware.map[0].count = 0x100;
	discover(1);
	enable();
	for (unsigned int i = 0; i < 100; i++) {
		blocked(&fake[0], 0x5000 + i, 0x1000, true);
		assert_int_equal(drain(iommu_first(), 10), 1);
		assert_int_equal(faults_seen, 0);
	}
	assert_int_equal(log_count("which is no PCI function's, blocked"), 7); /* 1, 2, 4 ... 64 */
}

/* ---- interrupts ---------------------------------------------------------------------------------------- */

static void test_interrupt(void **state)
{
	start();
	assert_false(smmuv3_interrupt(EVENT_INTID + 1));
	assert_false(work_pending());
	for (unsigned int i = 0; i < 80; i++)
		fake_event(&fake[0], 0x10, nic.sbdf.bdf, 0x1000 * i, true);
	assert_true(smmuv3_interrupt(EVENT_INTID));
	assert_true(smmuv3_interrupt(GERROR_INTID)); /* one look for both */
	assert_true(work_pending());
	assert_int_equal(log_count("iommu: DMA write by 0000:00:02.0 to"), 0); /* later, not here */
	exit_tail();
	assert_int_equal(log_count("iommu: DMA write by 0000:00:02.0 to 0x0 blocked (not mapped)"), 1);
	assert_true(iommu_any_fault_pending()); /* a storm does not keep the guest from running */
	exit_tail();
	assert_true(iommu_any_fault_pending());
	for (unsigned int i = 0; i < 2; i++) {
		fake_now += 2000;
		exit_tail(); /* the timer, and the work that it posts */
		exit_tail();
	}
	assert_false(iommu_any_fault_pending());
	assert_int_equal(log_count("iommu: DMA write by 0000:00:02.0 to"), 16);
	fake_now += 2000;
	exit_tail();
	assert_false(work_pending());

	log_clear();
	fake_event(&fake[0], 4, disk.sbdf.bdf, 0, false);
	assert_true(smmuv3_interrupt(EVENT_INTID));
	exit_tail();
	assert_int_equal(log_count("iommu: DMA by 0000:00:03.0 blocked (the device is not attached)"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_moment_open),
		cmocka_unit_test(test_firmware_left_it_on),
		cmocka_unit_test(test_enable_again),
		cmocka_unit_test(test_registers_that_do_not_answer),
		cmocka_unit_test(test_out_of_memory),
		cmocka_unit_test(test_silent_unit),
		cmocka_unit_test(test_attach_that_fails),
		cmocka_unit_test(test_attach_with_errors),
		cmocka_unit_test(test_full_queue),
		cmocka_unit_test(test_queue_filled_exactly),
		cmocka_unit_test(test_command_errors),
		cmocka_unit_test(test_no_lock_over_a_wait),
		cmocka_unit_test(test_nonsense_positions),
		cmocka_unit_test(test_service_failure),
		cmocka_unit_test(test_not_coherent),
		cmocka_unit_test(test_kinds_of_events),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_overflow_during_the_last_look),
		cmocka_unit_test(test_overflow_meanwhile),
		cmocka_unit_test(test_event_queue_sizes),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_interrupt),
	};

	return cmocka_run_group_tests(tests, machine_init, NULL);
}

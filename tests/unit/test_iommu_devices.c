/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which devices are attached, whatever the IOMMU's make: shared requester IDs, undoing, quarantine, ATS,
 * faults of devices that may be gone. The unit is a fake that keeps an entry for each requester ID and notes
 * what it was asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <pthread.h>

#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/pages.h"
#include "drivers/iommu/iommu.h"
#include "drivers/pci/internal.h"
#include "tests/fake/fake_pci.h"

#define POOL_SIZE (4 * SIZE_2M)
#define NIC PCI_BDF(0, 2, 0)
#define OTHER PCI_BDF(0, 3, 0)
#define ALIAS PCI_BDF(5, 0, 0)
#define ATS 0x100 /* the NIC's capability; Control at + 6, bit 15 enables: PCIe base spec 6.0, 10.5.1 */

extern _Thread_local unsigned int host_cpu;

void panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	abort();
}

/* ---- the unit ---- */

static struct iommu unit;
static struct iommu_domain guest_dma = { .root = 0x10000, .id = 1 }, other_dma = { .root = 0x20000, .id = 2 };
static const struct iommu_domain *entry[65536];
static struct {
	u16 bdf;
	char what; /* a attach, b block, t device TLB */
	u64 iova, size;
} asked[64];
static unsigned int questions;
static unsigned int fail_at; /* the n-th question from now is answered with -ETIMEDOUT; 0: none */
static _Atomic unsigned int inside, crowds;
static struct fake_fn *nic;
static bool covered, vanishes_when_asked;
static _Atomic u64 now_us, tick_us;

u64 arch_time_us(void)
{
	return atomic_fetch_add(&now_us, atomic_load(&tick_us));
}

static int ask(char what, u16 bdf, u64 iova, u64 size)
{
	if (atomic_fetch_add(&inside, 1))
		atomic_fetch_add(&crowds, 1);
	sched_yield();
	asked[questions % ARRAY_SIZE(asked)].bdf = bdf;
	asked[questions % ARRAY_SIZE(asked)].what = what;
	asked[questions % ARRAY_SIZE(asked)].iova = iova;
	asked[questions % ARRAY_SIZE(asked)].size = size;
	questions++;
	atomic_fetch_sub(&inside, 1);
	return fail_at && !--fail_at ? -ETIMEDOUT : 0;
}

static enum iommu_cover covers(struct iommu *iommu, struct pci_dev *dev)
{
	return covered ? IOMMU_COVERS_THE_REST : IOMMU_COVERS_NOT;
}

static int op_attach(struct iommu *iommu, struct iommu_domain *domain, u16 bdf)
{
	int ret = ask('a', bdf, 0, 0);

	if (!ret && entry[bdf] && entry[bdf] != domain)
		ret = -EBUSY;
	if (!ret)
		entry[bdf] = domain;
	return ret;
}

static int op_block(struct iommu *iommu, u16 bdf)
{
	int ret = ask('b', bdf, 0, 0);

	if (!ret)
		entry[bdf] = NULL;
	return ret;
}

static bool op_lookup(struct iommu *iommu, u16 bdf, paddr_t *root, u16 *domain_id)
{
	if (!entry[bdf])
		return false;
	*root = entry[bdf]->root;
	*domain_id = entry[bdf]->id;
	return true;
}

static u32 ats_control(void)
{
	return fake_reg(nic, ATS + 6, 2);
}

static int op_device_tlb(struct iommu *iommu, u16 bdf, u64 iova, u64 size)
{
	int ret = ask('t', bdf, iova, size);

	assert_true(spin_trylock(&iommu->ats_lock)); /* nobody waits under it */
	spin_unlock(&iommu->ats_lock);
	if (vanishes_when_asked)
		atomic_fetch_or(&pci_dev_find((struct sbdf){ 0, bdf })->flags, PCI_FLAG_GONE);
	return ret;
}

static int op_invalidate(struct iommu *iommu, struct iommu_domain *domain, u64 iova, u64 size)
{
	return ask('i', 0, iova, size);
}

static struct iommu_fault faults[40];
static unsigned int fault_count;

static unsigned int op_drain(struct iommu *iommu, unsigned int budget, iommu_fault_fn fn, void *ctx)
{
	unsigned int n = fault_count < budget ? fault_count : budget;

	for (unsigned int i = 0; i < n; i++)
		fn(&faults[i], ctx);
	fault_count -= n;
	return n;
}

static bool op_pending(struct iommu *iommu)
{
	return fault_count;
}

static struct iommu_ops ops = {
	.name = "fake",
	.covers = covers,
	.attach = op_attach,
	.block = op_block,
	.lookup = op_lookup,
	.invalidate = op_invalidate,
	.drain_faults = op_drain,
	.fault_pending = op_pending,
};

/* ---- the machine ---- */

static u8 *pool;
static char lines[8192];

static void sink(enum log_level level, const char *line, size_t len)
{
	size_t used = strlen(lines);

	if (used + len + 2 < sizeof(lines))
		snprintf(lines + used, sizeof(lines) - used, "%.*s\n", (int)len, line);
}

static struct pci_dev *device(u16 bdf)
{
	struct pci_dev *dev = pci_dev_find((struct sbdf){ 0, bdf });

	assert_non_null(dev);
	pci_dev_put(dev, PCI_REF_TRANSIENT);
	return dev;
}

static u32 held(enum pci_ref_kind kind)
{
	return atomic_load(&device(NIC)->refs_by_kind[kind]);
}

static int begin(void **state)
{
	pool = aligned_alloc(SIZE_2M, POOL_SIZE);
	pages_init(virt_to_phys(pool), POOL_SIZE);
	lines[0] = '\0';
	log_set_sink(sink);
	memset(entry, 0, sizeof(entry));
	questions = fail_at = fault_count = 0;
	covered = true;
	vanishes_when_asked = false;
	ops.device_tlb_invalidate = NULL;
	fake_machine_reset();
	nic = fake_add(NIC, 0x8086, 0x10d3, 0x020000, 0);
	fake_express(nic, 0x80, 0);
	fake_ext_cap(nic, ATS, 0x000f, 1);
	fake_set(nic, ATS + 6, 2, 0, 0x801f, 0);
	fake_add(OTHER, 0x8086, 0x1234, 0x010000, 0);
	assert_int_equal(pci_objects_init(16), 0);
	assert_int_equal(pci_enumerate(), 2);
	atomic_store(&tick_us, 0);
	spin_init(&guest_dma.lock, &iommu_domain_class);
	iommu_forget_all();
	unit = (struct iommu){ .ops = &ops };
	iommu_register(&unit);
	return 0;
}

static int end(void **state)
{
	assert_int_equal(atomic_load(&crowds), 0);
	log_set_sink(NULL);
	free(pool);
	return 0;
}

/* Made by hand: a device with these requester IDs. */
static struct pci_dev with_ids(u16 own, u16 alias)
{
	return (struct pci_dev){ .sbdf = { 0, own }, .requester_id = { own, alias }, .requester_ids = 2 };
}

static bool quarantined(const struct pci_dev *dev)
{
	return pci_dev_has(dev, PCI_FLAG_QUARANTINED);
}

/* ---- requester IDs ---- */

static void test_alias_goes_with_its_last_user(void **state)
{
	struct pci_dev a = with_ids(PCI_BDF(5, 1, 0), ALIAS), b = with_ids(PCI_BDF(5, 2, 0), ALIAS);
	struct pci_dev c = with_ids(PCI_BDF(5, 3, 0), ALIAS);

	assert_int_equal(iommu_attach(&a, &guest_dma), 0);
	assert_int_equal(iommu_attach(&b, &guest_dma), 0);
	assert_int_equal(iommu_attach(&c, &guest_dma), 0);
	assert_int_equal(iommu_attachments(), 6);
	assert_int_equal(iommu_block(&a), 0);
	assert_null(entry[PCI_BDF(5, 1, 0)]);
	assert_ptr_equal(entry[ALIAS], &guest_dma);
	assert_false(quarantined(&a)); /* its requests under the alias still go through */
	assert_int_equal(iommu_block(&a), 0); /* once more: still no user */
	assert_int_equal(iommu_block(&c), 0);
	assert_ptr_equal(entry[ALIAS], &guest_dma);
	assert_int_equal(iommu_block(&b), 0);
	assert_null(entry[ALIAS]);
	assert_true(quarantined(&b));
	assert_int_equal(iommu_block(&a), 0);
	assert_true(quarantined(&a));
	assert_int_equal(iommu_attachments(), 0);
}

static void test_same_id_behind_another_segment(void **state)
{
	struct pci_dev a = with_ids(PCI_BDF(5, 1, 0), ALIAS), b = a;

	b.sbdf.segment = 1;
	assert_int_equal(iommu_attach(&a, &guest_dma), 0);
	assert_int_equal(iommu_attach(&b, &guest_dma), 0);
	assert_int_equal(iommu_attachments(), 4);
	assert_int_equal(iommu_block(&b), 0);
	assert_int_equal(iommu_reach(&a, &guest_dma), IOMMU_REACHES_DOMAIN);
}

static void test_idempotent(void **state)
{
	struct pci_dev a = with_ids(PCI_BDF(5, 1, 0), ALIAS);

	assert_int_equal(iommu_block(&a), 0);
	assert_true(quarantined(&a));
	assert_int_equal(iommu_attach(&a, &guest_dma), 0);
	assert_false(quarantined(&a));
	assert_int_equal(iommu_attach(&a, &guest_dma), 0);
	assert_int_equal(iommu_attachments(), 2);
	assert_int_equal(iommu_attach(&a, &other_dma), -EBUSY);
	assert_ptr_equal(entry[ALIAS], &guest_dma); /* what was attached before the failure stays so */
	assert_int_equal(iommu_reach(&a, &guest_dma), IOMMU_REACHES_DOMAIN);
	assert_int_equal(iommu_block(&a), 0);
	assert_null(entry[ALIAS]);
	assert_int_equal(iommu_attach(&a, &other_dma), 0);
	assert_ptr_equal(entry[ALIAS], &other_dma);
}

static void test_refused(void **state)
{
	struct pci_dev a = with_ids(PCI_BDF(5, 1, 0), ALIAS);

	a.requester_ids = 0;
	assert_int_equal(iommu_attach(&a, &guest_dma), -E2BIG);
	assert_int_equal(iommu_block(&a), -E2BIG);
	assert_false(quarantined(&a));
	covered = false;
	assert_int_equal(iommu_attach(&a, &guest_dma), -ENODEV);
	assert_int_equal(iommu_block(&a), -ENODEV);
	assert_int_equal(questions, 0);
}

/* Whichever step fails, nothing of it stays; and what others use goes on. */
static void test_failed_attach_is_undone(void **state)
{
	struct pci_dev a = with_ids(PCI_BDF(5, 1, 0), ALIAS), b = with_ids(PCI_BDF(5, 2, 0), ALIAS);

	b.requester_id[2] = PCI_BDF(5, 2, 1);
	b.requester_ids = 3;
	assert_int_equal(iommu_attach(&a, &guest_dma), 0);
	assert_int_equal(iommu_block(&b), 0);
	atomic_fetch_or(&b.flags, PCI_FLAG_QUARANTINED);
	for (unsigned int step = 1; step <= 3; step++) {
		fail_at = step;
		assert_int_equal(iommu_attach(&b, &guest_dma), -ETIMEDOUT);
		assert_null(entry[PCI_BDF(5, 2, 0)]);
		assert_null(entry[PCI_BDF(5, 2, 1)]);
		assert_ptr_equal(entry[ALIAS], &guest_dma);
		assert_int_equal(iommu_attachments(), 2);
		assert_true(quarantined(&b));
		assert_int_equal(iommu_reach(&b, &guest_dma), IOMMU_REACHES_NOTHING);
	}
	assert_int_equal(iommu_attach(&b, &guest_dma), 0);
	assert_false(quarantined(&b));
}

static void test_failed_undo_is_told(void **state)
{
	struct pci_dev a = with_ids(PCI_BDF(5, 1, 0), ALIAS);

	atomic_fetch_or(&a.flags, PCI_FLAG_QUARANTINED);
	entry[ALIAS] = &other_dma; /* another's: the second step fails */
	fail_at = 3;		   /* and so does taking back the first */
	assert_int_equal(iommu_attach(&a, &guest_dma), -EBUSY);
	assert_non_null(strstr(lines, "could not be blocked after it failed to attach"));
	assert_false(quarantined(&a));
	assert_ptr_equal(entry[ALIAS], &other_dma);
}

static void test_failed_block_goes_on(void **state)
{
	struct pci_dev a = with_ids(PCI_BDF(5, 1, 0), ALIAS);

	assert_int_equal(iommu_attach(&a, &guest_dma), 0);
	fail_at = 1;
	assert_int_equal(iommu_block(&a), -ETIMEDOUT);
	assert_null(entry[ALIAS]);
	assert_false(quarantined(&a));
	assert_int_equal(iommu_reach(&a, &guest_dma), IOMMU_REACHES_PART);
	assert_int_equal(iommu_block(&a), 0);
	assert_true(quarantined(&a));
	assert_int_equal(iommu_reach(&a, &guest_dma), IOMMU_REACHES_NOTHING);
	fail_at = 2; /* one that was blocked is not known to be so any more */
	assert_int_equal(iommu_block(&a), -ETIMEDOUT);
	assert_false(quarantined(&a));
	assert_int_equal(iommu_block(&a), 0);
	assert_true(quarantined(&a));
}

static void test_table_of_attachments_is_full(void **state)
{
	static struct pci_dev many[257];
	unsigned int attached = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(many); i++) {
		many[i] = (struct pci_dev){ .sbdf = { 0, (u16)(i * 16) }, .requester_ids = 16 };
		for (unsigned int k = 0; k < 16; k++)
			many[i].requester_id[k] = (u16)(i * 16 + k);
		if (i == 256)
			many[i].requester_id[0] = 0xffff;
		attached += iommu_attach(&many[i], &guest_dma) == 0;
	}
	assert_int_equal(attached, 256);
	assert_int_equal(iommu_attach(&many[256], &guest_dma), -ENOSPC);
	assert_null(entry[0xffff]);
	assert_int_equal(iommu_block(&many[3]), 0);
	assert_int_equal(iommu_attach(&many[256], &guest_dma), 0);
	assert_int_equal(iommu_attachments(), 4096);
}

static void test_turn_that_never_ends(void **state)
{
	struct pci_dev a = with_ids(PCI_BDF(5, 1, 0), ALIAS);

	atomic_store(&tick_us, 1000);
	atomic_store(&unit.turn, true);
	assert_int_equal(iommu_attach(&a, &guest_dma), -ETIMEDOUT);
	assert_int_equal(iommu_block(&a), -ETIMEDOUT);
	assert_int_equal(questions, 0);
	assert_int_equal(iommu_attachments(), 0);
	atomic_store(&unit.turn, false);
	assert_int_equal(iommu_attach(&a, &guest_dma), 0);
}

/* Two CPUs with devices that share an alias: who is left attached has it. */
static struct pci_dev shared[2];
static _Atomic unsigned int breaches;

static void *comes_and_goes(void *arg)
{
	struct pci_dev *dev = arg;

	host_cpu = dev == &shared[0] ? 1 : 2;
	for (unsigned int i = 0; i < 3000; i++) {
		if (iommu_attach(dev, &guest_dma) || entry[ALIAS] != &guest_dma)
			atomic_fetch_add(&breaches, 1);
		if (iommu_block(dev))
			atomic_fetch_add(&breaches, 1);
	}
	return NULL;
}

static void test_two_cpus_share_an_alias(void **state)
{
	pthread_t threads[2];

	atomic_store(&breaches, 0);
	for (unsigned int i = 0; i < 2; i++) {
		shared[i] = with_ids(PCI_BDF(5, 1 + i, 0), ALIAS);
		assert_int_equal(pthread_create(&threads[i], NULL, comes_and_goes, &shared[i]), 0);
	}
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&breaches), 0);
	assert_int_equal(iommu_attachments(), 0);
	assert_null(entry[ALIAS]);
}

static void test_what_the_hardware_says(void **state)
{
	struct pci_dev a = with_ids(PCI_BDF(5, 1, 0), ALIAS), b = with_ids(PCI_BDF(5, 2, 0), ALIAS);

	assert_int_equal(iommu_reach(&a, &guest_dma), IOMMU_REACHES_NOTHING);
	assert_int_equal(iommu_attach(&a, &guest_dma), 0);
	assert_int_equal(iommu_reach(&a, &guest_dma), IOMMU_REACHES_DOMAIN);
	assert_int_equal(iommu_reach(&a, &other_dma), IOMMU_REACHES_PART);
	assert_int_equal(iommu_reach(&b, &guest_dma), IOMMU_REACHES_NOTHING); /* the alias is a's */
	entry[PCI_BDF(5, 2, 0)] = &guest_dma; /* that nobody has attached */
	assert_int_equal(iommu_reach(&b, &guest_dma), IOMMU_REACHES_PART);
	entry[ALIAS] = NULL;
	assert_int_equal(iommu_reach(&a, &guest_dma), IOMMU_REACHES_PART);
	entry[ALIAS] = &other_dma;
	assert_int_equal(iommu_reach(&a, &guest_dma), IOMMU_REACHES_PART);
}

/* ---- ATS ---- */

static void expect_asked(const char *what)
{
	assert_int_equal(questions, strlen(what));
	for (unsigned int i = 0; i < questions; i++)
		assert_int_equal(asked[i].what, what[i]);
	questions = 0;
}

static void test_no_ats_without_the_backend(void **state)
{
	assert_int_equal(iommu_attach(device(NIC), &guest_dma), 0);
	assert_int_equal(ats_control(), 0);
	assert_int_equal(held(PCI_REF_ATS), 0);
	assert_false(iommu_ats_on(device(NIC)));
	assert_int_equal(iommu_block(device(NIC)), 0);
	expect_asked("ab");
}

static void test_ats_comes_and_goes(void **state)
{
	ops.device_tlb_invalidate = op_device_tlb;
	assert_int_equal(iommu_attach(device(OTHER), &guest_dma), 0); /* has none */
	assert_int_equal(iommu_attach(device(NIC), &guest_dma), 0);
	assert_int_equal(ats_control(), 0x8000);
	assert_int_equal(held(PCI_REF_ATS), 1);
	assert_true(iommu_ats_on(device(NIC)));
	assert_false(iommu_ats_on(device(OTHER)));
	assert_int_equal(iommu_attach(device(NIC), &guest_dma), 0);
	assert_int_equal(held(PCI_REF_ATS), 1);
	questions = 0;
	assert_int_equal(iommu_block(device(NIC)), 0);
	expect_asked("tb"); /* its own cache first: an absent entry would let no invalidation through */
	assert_int_equal(asked[0].size, 0);
	assert_int_equal(ats_control(), 0);
	assert_int_equal(held(PCI_REF_ATS), 0);
	assert_int_equal(held(PCI_REF_TRANSIENT), 0);
	assert_false(iommu_ats_on(device(NIC)));
	assert_int_equal(iommu_block(device(NIC)), 0);
	expect_asked("b");
}

static void test_failed_attach_leaves_ats_off(void **state)
{
	ops.device_tlb_invalidate = op_device_tlb;
	fail_at = 1;
	assert_int_equal(iommu_attach(device(NIC), &guest_dma), -ETIMEDOUT);
	assert_int_equal(ats_control(), 0);
	assert_int_equal(held(PCI_REF_ATS), 0);
}

/* No invalidation to a device that has vanished: nobody would answer. */
static void test_ats_of_a_vanished_device(void **state)
{
	unsigned long accesses;

	ops.device_tlb_invalidate = op_device_tlb;
	assert_int_equal(iommu_attach(device(NIC), &guest_dma), 0);
	atomic_fetch_or(&device(NIC)->flags, PCI_FLAG_GONE);
	accesses = nic->reads + nic->writes;
	questions = 0;
	assert_int_equal(iommu_invalidate(&guest_dma, 0x1000, 0x2000), 0);
	expect_asked("i");
	assert_int_equal(iommu_block(device(NIC)), 0);
	expect_asked("b");
	assert_int_equal(held(PCI_REF_ATS), 0);
	assert_int_equal(nic->reads + nic->writes, accesses);
	assert_true(quarantined(device(NIC)));
}

static void test_cache_does_not_answer(void **state)
{
	ops.device_tlb_invalidate = op_device_tlb;
	assert_int_equal(iommu_attach(device(NIC), &guest_dma), 0);
	questions = 0;
	fail_at = 1;
	assert_int_equal(iommu_block(device(NIC)), -ETIMEDOUT);
	expect_asked("tb"); /* blocked all the same */
	assert_null(entry[NIC]);
	assert_false(quarantined(device(NIC)));
	assert_int_equal(held(PCI_REF_ATS), 0);
	assert_non_null(strstr(lines, "00:02.0: its translation cache could not be emptied"));
}

static void test_vanishes_while_asked(void **state)
{
	ops.device_tlb_invalidate = op_device_tlb;
	assert_int_equal(iommu_attach(device(NIC), &guest_dma), 0);
	vanishes_when_asked = true;
	fail_at = 1;
	assert_int_equal(iommu_block(device(NIC)), 0);
	assert_true(quarantined(device(NIC)));
	pci_dev_put(device(NIC), PCI_REF_TRANSIENT); /* the one that op_device_tlb() took */
}

static void test_unmapping_reaches_device_caches(void **state)
{
	ops.device_tlb_invalidate = op_device_tlb;
	assert_int_equal(iommu_attach(device(NIC), &guest_dma), 0);
	questions = 0;
	assert_int_equal(iommu_invalidate(&guest_dma, 0x5000, 0x3000), 0);
	expect_asked("it"); /* the unit's cache first, or the device would fill its own from it again */
	assert_int_equal(asked[1].bdf, NIC);
	assert_int_equal(asked[1].iova, 0x5000);
	assert_int_equal(asked[1].size, 0x3000);
	assert_int_equal(held(PCI_REF_TRANSIENT), 0);
	fail_at = 2;
	assert_int_equal(iommu_invalidate(&guest_dma, 0x5000, 0x3000), -ETIMEDOUT);
	assert_int_equal(held(PCI_REF_TRANSIENT), 0);
}

/* ---- faults ---- */

static void fault_by(u16 bdf)
{
	faults[fault_count++] = (struct iommu_fault){ .source = { 0, bdf }, .write = true, .text = "test" };
}

static void test_faults_are_counted(void **state)
{
	u32 refs = refcnt_read(&device(NIC)->refs);

	fault_by(NIC);
	fault_by(OTHER);
	fault_by(NIC);
	iommu_report_faults();
	assert_int_equal(atomic_load(&device(NIC)->dma_faults), 2);
	assert_int_equal(atomic_load(&device(OTHER)->dma_faults), 1);
	assert_int_equal(refcnt_read(&device(NIC)->refs), refs);
	assert_int_equal(held(PCI_REF_TRANSIENT), 0);
	assert_non_null(strstr(lines, "DMA write by 0000:00:02.0"));
}

/* Hardware that does not say where: then nor does the line. */
static void test_fault_somewhere(void **state)
{
	faults[fault_count++] =
		(struct iommu_fault){ .source = { 0, NIC }, .somewhere = true, .write = true, .text = "test" };
	iommu_report_faults();
	assert_int_equal(atomic_load(&device(NIC)->dma_faults), 1);
	assert_non_null(strstr(lines, "iommu: DMA by 0000:00:02.0 blocked (test)\n"));
}

/* The fault handler after the last reference: the device is gone, its late requests are not. */
static void test_fault_of_a_removed_device(void **state)
{
	static const struct pci_hooks hooks = { .block_dma = iommu_block };
	u32 ticket;

	assert_int_equal(iommu_attach(device(NIC), &guest_dma), 0);
	pci_set_hooks(&hooks);
	assert_int_equal(pci_dev_remove((struct sbdf){ 0, NIC }, &ticket, NULL), 0);
	assert_null(entry[NIC]);
	assert_null(pci_dev_find((struct sbdf){ 0, NIC }));
	fault_by(NIC);
	fault_by(ALIAS); /* never was one */
	iommu_report_faults();
	assert_non_null(strstr(lines, "DMA write by 0000:00:02.0"));
	assert_non_null(strstr(lines, "DMA write by 0000:05:00.0"));
}

static void test_more_faults_than_one_call_handles(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(faults); i++)
		fault_by(NIC);
	iommu_report_faults();
	assert_true(fault_count > 0);
	assert_int_equal(atomic_load(&device(NIC)->dma_faults) + fault_count, ARRAY_SIZE(faults));
	iommu_report_faults();
	assert_int_equal(fault_count, 0);
	assert_int_equal(atomic_load(&device(NIC)->dma_faults), ARRAY_SIZE(faults));
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_alias_goes_with_its_last_user),
		T(test_same_id_behind_another_segment),
		T(test_idempotent),
		T(test_refused),
		T(test_failed_attach_is_undone),
		T(test_failed_undo_is_told),
		T(test_failed_block_goes_on),
		T(test_table_of_attachments_is_full),
		T(test_turn_that_never_ends),
		T(test_two_cpus_share_an_alias),
		T(test_what_the_hardware_says),
		T(test_no_ats_without_the_backend),
		T(test_ats_comes_and_goes),
		T(test_failed_attach_leaves_ats_off),
		T(test_ats_of_a_vanished_device),
		T(test_cache_does_not_answer),
		T(test_vanishes_while_asked),
		T(test_unmapping_reaches_device_caches),
		T(test_faults_are_counted),
		T(test_fault_somewhere),
		T(test_fault_of_a_removed_device),
		T(test_more_faults_than_one_call_handles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

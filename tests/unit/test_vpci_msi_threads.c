/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two CPUs change the message of a device that does not stop sending. Each interrupt is numbered and arrives once,
 * at a target that is in force or about to be; when the guest's write has returned, at the new one only. While it
 * is masked, disabled or withdrawn, none arrives.
 *
 * The device holds its interrupt back while it is masked or disabled, as one that waits for its driver. Config
 * accesses and its messages keep their order by a lock that orders no threads: relaxed atomics only, so that
 * ThreadSanitizer sees what the code under test forgets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <pthread.h>
#include <unistd.h>

#define FAKE_THREADS_HERE
#include "core/log.h"
#include "core/pages.h"
#include "core/work.h"
#include "drivers/pci/internal.h"
#include "drivers/vpci/vpci.h"
#include "tests/fake/fake_remap.h"
#include "tests/fake/fake_threads.h"

#define DEVICE PCI_BDF(0, 2, 0)
#define CONTROL 0x52 /* MSI at 0x50: 64-bit, masks */
#define ADDRESS 0x54
#define DATA	0x5c
#define MASK	0x60
#define MESSAGES_LOG2 2u
#define MESSAGES (1u << MESSAGES_LOG2)
#define VECTOR(n) (0x20u + MESSAGES * ((n) % 48)) /* aligned: the device puts the number in the low bits */
#define POOL_SIZE (16 * SIZE_2M)
#define STUCK_SECONDS 120
#ifndef ROUNDS
#define ROUNDS 4000u
#endif

static _Atomic unsigned int failures;
static _Atomic bool stop;
static struct ft_fn *device;
static struct vm test_vm;

static void failed(const char *what, u32 a, u32 b)
{
	if (atomic_fetch_add(&failures, 1) < 10)
		fprintf(stderr, "CPU %u: %s (0x%x, 0x%x)\n", host_cpu, what, a, b);
}

/* ---- what the guest has asked for: in force, and on its way there ---- */

struct wish {
	_Atomic u32 old, new;
};
static struct wish base_vector, destination;
static _Atomic bool off;	    /* disabled, and the write has returned */
static _Atomic bool quiet;	    /* withdrawn, and silenced */
static _Atomic bool leaving;	    /* from before the withdrawal on: what the guest writes may be dropped */
static _Atomic bool masked;	    /* all messages */

static u32 get(_Atomic u32 *value)
{
	return atomic_load_explicit(value, memory_order_relaxed);
}

static void put(_Atomic u32 *value, u32 to)
{
	atomic_store_explicit(value, to, memory_order_relaxed);
}

/*
 * `new` is looked at first: what has left it since the message went by its entry is in `old` by then, and stays there
 * until the next write returns, whose flush waits for this message. An acquire without a release orders nothing between
 * threads, only the two looks.
 */
static bool is_wished(struct wish *wish, u32 value)
{
	return value == atomic_load_explicit(&wish->new, memory_order_acquire) || value == get(&wish->old) ||
	       atomic_load_explicit(&leaving, memory_order_relaxed);
}

static void write_wish(struct wish *wish, unsigned int offset, unsigned int size, u32 value, u32 reg)
{
	put(&wish->new, value);
	vpci_write((struct sbdf){ 0, DEVICE }, offset, size, reg);
	put(&wish->old, value);
}

/* ---- the device ---- */

static _Atomic bool busy; /* a config access, or a message on its way */

static void device_lock(void)
{
	while (atomic_exchange_explicit(&busy, true, memory_order_relaxed))
		sched_yield();
}

static void device_unlock(void)
{
	atomic_store_explicit(&busy, false, memory_order_relaxed);
}

static u32 cfg_read(void *ctx, struct sbdf sbdf, unsigned int offset, unsigned int size)
{
	u32 value;

	device_lock();
	value = ft_read(ctx, sbdf, offset, size);
	device_unlock();
	return value;
}

static void cfg_write(void *ctx, struct sbdf sbdf, unsigned int offset, unsigned int size, u32 value)
{
	device_lock();
	ft_write(ctx, sbdf, offset, size, value);
	device_unlock();
}

static u64 sent[MESSAGES], arrived[MESSAGES]; /* the device's thread's own */

static void arrives(u16 requester, const struct fake_interrupt *interrupt)
{
	unsigned int i = interrupt->vector % MESSAGES;

	arrived[i]++;
	if (requester != DEVICE || arrived[i] != sent[i])
		failed("not the interrupt that was sent", i, (u32)arrived[i]);
	if (!is_wished(&base_vector, interrupt->vector - i))
		failed("an old vector", interrupt->vector, get(&base_vector.old));
	if (!is_wished(&destination, interrupt->destination))
		failed("an old destination", interrupt->destination, get(&destination.old));
	if (atomic_load_explicit(&masked, memory_order_relaxed))
		failed("masked", i, 0);
	if (atomic_load_explicit(&off, memory_order_relaxed))
		failed("disabled", i, 0);
	if (atomic_load_explicit(&quiet, memory_order_relaxed))
		failed("withdrawn", i, 0);
}

/* False: it is held back. */
static bool send(unsigned int i)
{
	u32 control = ft_reg(device, CONTROL, 2), count = 1u << (control >> 4 & 7);
	enum fake_verdict verdict;

	if (!(control & 1) || i >= count || (ft_reg(device, MASK, 4) >> i & 1))
		return false;
	sent[i]++;
	verdict = fake_message(DEVICE, ft_reg(device, ADDRESS, 4), (ft_reg(device, DATA, 2) & ~(count - 1)) | i);
	if (verdict != FAKE_DELIVERED || arrived[i] != sent[i])
		failed("lost", i, verdict);
	return true;
}

static void *sends(void *arg)
{
	unsigned int i = 0;

	host_cpu = (unsigned int)(uintptr_t)arg;
	while (!atomic_load(&stop)) {
		device_lock();
		if (send(i))
			i = (i + 1) % MESSAGES;
		else
			i = 0; /* there may be only one */
		device_unlock();
		if (i == 0)
			sched_yield();
	}
	return NULL;
}

/* ---- CPUs ---- */

static struct sbdf sbdf(void)
{
	return (struct sbdf){ 0, DEVICE };
}

static void exit_ends(void)
{
	work_run(WORK_BUDGET);
}

static void *moves_vector(void *arg)
{
	host_cpu = (unsigned int)(uintptr_t)arg;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		write_wish(&base_vector, DATA, n & 1 ? 1 : 2, VECTOR(n), VECTOR(n));
		exit_ends();
	}
	return NULL;
}

static void *moves_destination(void *arg)
{
	host_cpu = (unsigned int)(uintptr_t)arg;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		write_wish(&destination, ADDRESS, 4, n % 200, 0xfee00000u | (n % 200) << 12);
		exit_ends();
	}
	return NULL;
}

/* As a driver does that masks first. */
static void *moves_masked_vector(void *arg)
{
	host_cpu = (unsigned int)(uintptr_t)arg;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		vpci_write(sbdf(), MASK, 4, 0xf);
		atomic_store_explicit(&masked, true, memory_order_relaxed);
		write_wish(&base_vector, DATA, 2, VECTOR(n), VECTOR(n));
		atomic_store_explicit(&masked, false, memory_order_relaxed);
		vpci_write(sbdf(), MASK, 4, 0);
		exit_ends();
	}
	return NULL;
}

/* Off and on again, with another number of messages each time, and another destination. */
static void *switches(void *arg)
{
	host_cpu = (unsigned int)(uintptr_t)arg;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		vpci_write(sbdf(), CONTROL, 2, 0);
		atomic_store_explicit(&off, true, memory_order_relaxed);
		write_wish(&destination, ADDRESS, 4, n % 200, 0xfee00000u | (n % 200) << 12);
		atomic_store_explicit(&off, false, memory_order_relaxed);
		vpci_write(sbdf(), CONTROL, 2, 1 | (n % (MESSAGES_LOG2 + 1)) << 4);
		vpci_write(sbdf(), CONTROL, 2, 1 | MESSAGES_LOG2 << 4); /* and while it is enabled */
		exit_ends();
	}
	return NULL;
}

static _Atomic bool manager_done;

/* The guest sets it up again and again, whether or not it has it. */
static void *sets_up(void *arg)
{
	host_cpu = (unsigned int)(uintptr_t)arg;
	for (unsigned int n = 0; !atomic_load(&manager_done); n++) {
		vpci_write(sbdf(), ADDRESS, 8, 0xfee00000);
		write_wish(&base_vector, DATA, 2, VECTOR(n), VECTOR(n));
		vpci_write(sbdf(), CONTROL, 2, n % 4 ? 1 | MESSAGES_LOG2 << 4 : 0);
		exit_ends();
	}
	exit_ends();
	return NULL;
}

/* As core/manage takes a device away, and gives it back. */
static void *takes_away(void *arg)
{
	struct pci_dev *dev;

	host_cpu = (unsigned int)(uintptr_t)arg;
	dev = pci_dev_find(sbdf());
	for (unsigned int n = 0; n < ROUNDS / 4; n++) {
		int ret;

		atomic_store_explicit(&leaving, true, memory_order_relaxed);
		while ((ret = vpci_withdraw_start(dev)) == -EINPROGRESS)
			sched_yield();
		if (ret)
			failed("the withdrawal", (u32)ret, 0);
		pci_dev_write(dev, CONTROL, 2, 0);
		(void)pci_dev_read(dev, CONTROL, 2);
		atomic_store_explicit(&quiet, true, memory_order_relaxed);
		for (unsigned int i = 0; i < 20; i++)
			sched_yield();
		ret = vpci_detach(dev);
		if (ret)
			failed("the detach", (u32)ret, 0);
		if (ft_reg(device, CONTROL, 2) & 1)
			failed("enabled after it was silenced", 0, 0);
		atomic_store_explicit(&quiet, false, memory_order_relaxed);
		/* The flush of the detach has waited for the last message that it sent before. */
		atomic_store_explicit(&leaving, false, memory_order_relaxed);
		/* What the last one wrote is gone: any vector of the guest's may come now, until it is written. */
		if (vpci_attach(dev))
			failed("the attach", 0, 0);
		exit_ends();
	}
	pci_dev_put(dev, PCI_REF_TRANSIENT);
	atomic_store(&manager_done, true);
	return NULL;
}

/* ---- the runs ---- */

static u8 *pool;

static bool may_map(void *ctx, gpa_t gpa, u64 size)
{
	return true;
}

static const struct vpci_platform platform = { .may_map = may_map };

static int begin(void **state)
{
	static const struct pci_cfg_ops ops = { "fake", cfg_read, cfg_write, ft_reaches };
	static bool registered;

	pool = aligned_alloc(SIZE_2M, POOL_SIZE);
	pages_init(virt_to_phys(pool), POOL_SIZE);
	log_set_sink(NULL);
	free(ft_fn[DEVICE]);
	ft_fn[DEVICE] = NULL;
	device = ft_endpoint(DEVICE, 0, 0);
	ft_set(device, CONTROL, 2, 0x0180 | MESSAGES_LOG2 << 1, 0x0071, 0);
	ft_set(device, MASK, 4, 0, 0xf, 0);
	if (!registered)
		assert_int_equal(pci_cfg_register(&ops, NULL), 0);
	registered = true;
	assert_int_equal(pci_objects_init(32), 0);
	assert_int_equal(pci_enumerate(), 1);
	assert_int_equal(vpci_init(&test_vm, &platform, 8), 0);
	fake_remap_begin(true);
	fake_remap.threads = true;
	fake_remap.deliver = arrives;
	atomic_store(&failures, 0);
	atomic_store(&stop, false);
	atomic_store(&manager_done, false);
	atomic_store(&masked, false);
	atomic_store(&off, false);
	atomic_store(&quiet, false);
	atomic_store(&leaving, false);
	memset(sent, 0, sizeof(sent));
	memset(arrived, 0, sizeof(arrived));
	{
		struct pci_dev *dev = pci_dev_find(sbdf());

		assert_int_equal(vpci_attach(dev), 0);
		pci_dev_put(dev, PCI_REF_TRANSIENT);
	}
	host_cpu = 1;
	write_wish(&destination, ADDRESS, 4, 0, 0xfee00000);
	write_wish(&base_vector, DATA, 2, VECTOR(0), VECTOR(0));
	vpci_write(sbdf(), CONTROL, 2, 1 | MESSAGES_LOG2 << 4);
	return 0;
}

static int end(void **state)
{
	free(pool);
	return 0;
}

static void run(void *(*first)(void *), void *(*second)(void *))
{
	pthread_t cpu[2], sender;

	alarm(STUCK_SECONDS);
	assert_int_equal(pthread_create(&sender, NULL, sends, (void *)3), 0);
	assert_int_equal(pthread_create(&cpu[0], NULL, first, (void *)1), 0);
	assert_int_equal(pthread_create(&cpu[1], NULL, second, (void *)2), 0);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(cpu[i], NULL);
	for (host_cpu = 1; host_cpu <= 2; host_cpu++) {
		while (work_pending())
			exit_ends();
	}
	host_cpu = 0;
	atomic_store(&stop, true);
	pthread_join(sender, NULL);
	alarm(0);
	assert_int_equal(atomic_load(&failures), 0);
	if (atomic_load(&fake_remap.misuse))
		fail_msg("%s", atomic_load(&fake_remap.misuse));
	for (unsigned int i = 0; i < MESSAGES; i++) {
		assert_true(sent[i] > 0); /* else the threads never met */
		assert_int_equal(sent[i], arrived[i]);
	}
}

static void test_vector_and_destination(void **state)
{
	u32 flushes = fake_remap.flushes;

	run(moves_vector, moves_destination);
	assert_true(fake_remap.flushes - flushes > ROUNDS);
}

static void test_masked_moves_while_it_is_switched(void **state)
{
	run(moves_masked_vector, switches);
	assert_true(fake_remap.frees >= ROUNDS);
}

static void test_moves_while_it_is_switched(void **state)
{
	run(moves_vector, switches);
}

static void test_taken_away_while_it_is_set_up(void **state)
{
	run(sets_up, takes_away);
}

#define M(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		M(test_vector_and_destination),
		M(test_masked_moves_while_it_is_switched),
		M(test_moves_while_it_is_switched),
		M(test_taken_away_while_it_is_set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

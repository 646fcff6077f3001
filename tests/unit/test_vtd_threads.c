/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The invalidation queue with several CPUs at once (Intel VT-d specification rev. 4.1, 6.5.2). A thread plays the
 * hardware: it takes descriptors from the ring, as slowly as it likes, and writes the numbers of wait descriptors.
 * Each CPU's call must come back only when its own descriptor was executed, and must come back, also from hardware
 * that stands still.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/mmio.h"
#include "core/pages.h"
#include "drivers/iommu/vtd/vtd.h"

extern _Thread_local unsigned int host_cpu;

#define CPUS  6u
#define CALLS 3000u
#define POOL  (2 * SIZE_2M)

/* Numbers of its own: 11.4.9, 6.5.2.1, 6.5.2.2, 6.5.2.8. */
#define IQH 0x80u
#define IQT 0x88u
#define IQA 0x90u
#define TYPE(low) ((low) & 0xf)
#define TYPE_IOTLB 2u
#define TYPE_WAIT 5u

static u8 registers[4096];
static struct vtd_unit unit = { .regs = registers };
static _Atomic u64 head, tail, base; /* bytes from the start of the ring; its address */
static _Atomic bool stop, hangs;
static _Atomic u64 now, step;
static _Atomic bool asked[CPUS + 1]; /* by domain: an invalidation that was not executed */
static _Atomic u64 executed, waits;

u64 arch_time_us(void)
{
	return atomic_fetch_add(&now, step);
}

void arch_cache_flush(const void *start, size_t size)
{
}

static bool read_register(const volatile void *addr, unsigned int size, u64 *value)
{
	u64 at = (u64)((const volatile u8 *)addr - registers);

	if (at >= sizeof(registers))
		return false;
	*value = at == IQH ? atomic_load_explicit(&head, memory_order_relaxed) : 0;
	return true;
}

static bool write_register(volatile void *addr, unsigned int size, u64 value)
{
	u64 at = (u64)((volatile u8 *)addr - registers);

	if (at >= sizeof(registers))
		return false;
	if (at == IQT)
		atomic_store_explicit(&tail, value, memory_order_release);
	if (at == IQA)
		atomic_store_explicit(&base, value & PAGE_MASK, memory_order_relaxed);
	return true;
}

static void execute(u64 low, u64 high)
{
	if (TYPE(low) == TYPE_IOTLB) {
		atomic_store_explicit(&asked[low >> 16 & 0xffff], false, memory_order_relaxed);
		atomic_fetch_add(&executed, 1);
	}
	if (TYPE(low) == TYPE_WAIT && (low & 0x20)) {
		__atomic_store_n((u32 *)(uintptr_t)high, (u32)(low >> 32), __ATOMIC_RELEASE);
		atomic_fetch_add(&waits, 1);
	}
}

static void *hardware(void *arg)
{
	u64 at = 0;

	while (!stop) {
		u64 *d = (u64 *)(uintptr_t)(base + at);

		if (hangs || atomic_load_explicit(&tail, memory_order_acquire) == at) {
			sched_yield();
			continue;
		}
		execute(d[0], d[1]);
		at = (at + 16) % PAGE_SIZE;
		atomic_store_explicit(&head, at, memory_order_relaxed);
	}
	return NULL;
}

static _Atomic unsigned int early, errors;

static void *cpu_main(void *arg)
{
	u16 domain;

	host_cpu = (unsigned int)(uintptr_t)arg;
	domain = (u16)(host_cpu + 1);
	for (unsigned int n = 0; n < CALLS; n++) {
		atomic_store_explicit(&asked[domain], true, memory_order_relaxed);
		errors += vtd_invalidate_range(&unit, domain, 0, 0) != 0;
		early += atomic_load_explicit(&asked[domain], memory_order_relaxed);
	}
	return NULL;
}

static void *one_call(void *arg)
{
	host_cpu = (unsigned int)(uintptr_t)arg;
	errors += vtd_invalidate_range(&unit, (u16)(host_cpu + 1), 0, 0) == -ETIMEDOUT;
	return NULL;
}

static void on_all(void *(*fn)(void *))
{
	pthread_t cpu[CPUS];

	errors = 0;
	for (uintptr_t i = 0; i < CPUS; i++)
		assert_int_equal(pthread_create(&cpu[i], NULL, fn, (void *)i), 0);
	for (unsigned int i = 0; i < CPUS; i++)
		pthread_join(cpu[i], NULL);
}

static pthread_t hardware_thread;
static void *pool;

static int setup(void **state)
{
	pool = aligned_alloc(SIZE_2M, POOL);
	pages_init(virt_to_phys(pool), POOL);
	host_mmio_read = read_register;
	host_mmio_write = write_register;
	log_set_sink(NULL);
	spin_init(&unit.queue.lock, &vtd_queue_class);
	assert_int_equal(vtd_queue_init(&unit), 0);
	assert_int_equal(pthread_create(&hardware_thread, NULL, hardware, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	stop = true;
	pthread_join(hardware_thread, NULL);
	free(pool);
	return 0;
}

static void test_each_waits_for_its_own(void **state)
{
	on_all(cpu_main);
	assert_int_equal(errors, 0);
	assert_int_equal(early, 0);
	assert_int_equal(executed, CPUS * CALLS);
	assert_int_equal(waits, CPUS * CALLS);
}

/* All of them come back; and when it works on, it is as before. */
static void test_hardware_stands_still(void **state)
{
	u64 before;

	hangs = true;
	step = 10;
	before = now;
	on_all(one_call);
	assert_int_equal(errors, CPUS);
	assert_true(now - before < 2 * CPUS * VTD_TIMEOUT_US);
	hangs = false;
	step = 0;
	on_all(cpu_main);
	assert_int_equal(errors, 0);
	assert_int_equal(early, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_waits_for_its_own),
		cmocka_unit_test(test_hardware_stands_still),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

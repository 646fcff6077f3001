/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command queue with several CPUs at once (IHI 0070F, 3.5, 4.7.3, 7.1). A thread plays the hardware: it
 * takes commands from the ring, as slowly as it likes, and refuses some. Each CPU's call must come back as
 * done only when its own command was executed, and must come back, also from hardware that stands still.
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
#include "drivers/iommu/smmuv3/smmu.h"

extern _Thread_local unsigned int host_cpu;

#define CPUS  6u
#define CALLS 3000u
#define POOL  (2 * SIZE_2M)

/* Numbers of its own: 6.2, 4.4.3.3, 4.7.3. */
#define GERROR	0x60u
#define GERRORN 0x64u
#define BASE	0x90u
#define PROD	0x98u
#define CONS	0x9cu
#define VMALL	0x28u
#define SYNC	0x46u
#define LOG2	6u
#define MASK	((2u << LOG2) - 1)

static u8 registers[0x20000];
static const struct smmu_unit_firmware firmware = { .coherent = true };
static struct smmu_unit unit = {
	.regs = registers,
	.firmware = &firmware,
	.idr0 = 1u << 4,	  /* coherent */
	.idr1 = (u32)LOG2 << 21, /* a queue that is often full */
};
static _Atomic u64 base;
static _Atomic u32 cons, prod, gerror, gerrorn;
static _Atomic bool stop, hangs;
static _Atomic u64 now, step;
static _Atomic bool asked[CPUS + 1]; /* by VMID: an invalidation that was not executed */
static _Atomic u64 executed, syncs, refused, refuse_each;

u64 arch_time_us(void)
{
	return atomic_fetch_add(&now, step);
}

void arch_cache_flush(const void *start, size_t size)
{
}

static bool read_register(const volatile void *addr, unsigned int size, u64 *value)
{
	switch ((u64)((const volatile u8 *)addr - registers)) {
	case GERROR: *value = gerror; return true;
	case GERRORN: *value = gerrorn; return true;
	case PROD: *value = prod; return true;
	case CONS: *value = cons; return true;
	default: return false;
	}
}

static bool write_register(volatile void *addr, unsigned int size, u64 value)
{
	switch ((u64)((volatile u8 *)addr - registers)) {
	case GERRORN: gerrorn = (u32)value; return true;
	case PROD: prod = (u32)value; return true;
	case CONS: cons = (u32)value; return true;
	case BASE: base = value & 0xfffffffffffe0ull; return true;
	default: return false;
	}
}

static void *hardware(void *arg)
{
	u64 seen = 0;

	while (!stop) {
		const u32 at = cons & MASK;
		const u64 *c = (const u64 *)(uintptr_t)(base + 16ull * (at & (MASK >> 1)));

		if (hangs || !((prod ^ at) & MASK) || ((gerror ^ gerrorn) & 1)) {
			sched_yield();
			continue;
		}
		seen++;
		if ((c[0] & 0xff) == VMALL && refuse_each && seen % refuse_each == 0) {
			cons = at | 1u << 24; /* CERROR_ILL */
			refused++;
			gerror ^= 1;
			continue;
		}
		if ((c[0] & 0xff) == VMALL) {
			asked[c[0] >> 32 & 0xffff] = false;
			executed++;
		}
		syncs += (c[0] & 0xff) == SYNC;
		cons = (at + 1) & MASK;
	}
	return NULL;
}

static _Atomic unsigned int early, errors, told;

static void *cpu_main(void *arg)
{
	u16 vmid;

	host_cpu = (unsigned int)(uintptr_t)arg;
	vmid = (u16)(host_cpu + 1);
	for (unsigned int n = 0; n < CALLS; n++) {
		int err;

		asked[vmid] = true;
		err = smmu_invalidate_range(&unit, vmid, 0, 0);
		if (!err)
			early += asked[vmid];
		else if (err == -EIO)
			told++;
		else
			errors++;
	}
	return NULL;
}

static void *one_call(void *arg)
{
	host_cpu = (unsigned int)(uintptr_t)arg;
	errors += smmu_invalidate_range(&unit, (u16)(host_cpu + 1), 0, 0) == -ETIMEDOUT;
	return NULL;
}

static void on_all(void *(*fn)(void *))
{
	pthread_t cpu[CPUS];

	errors = early = told = 0;
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
	spin_init(&unit.queue.lock, &smmu_queue_class);
	assert_int_equal(smmu_queue_init(&unit), 0);
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
	assert_int_equal(told, 0);
	assert_int_equal(early, 0);
	assert_int_equal(executed, CPUS * CALLS);
	assert_int_equal(syncs, CPUS * CALLS);
}

/*
 * Whose command was refused is told; others may be, too; nobody is told that something was done that was not.
 */
static void test_refused_commands(void **state)
{
	refuse_each = 97;
	on_all(cpu_main);
	refuse_each = 0;
	assert_int_equal(errors, 0);
	assert_int_equal(early, 0);
	assert_true(refused > 10);
	assert_true(told >= refused);
	assert_int_equal(gerror, gerrorn);
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
	assert_true(now - before < 2 * CPUS * SMMU_TIMEOUT_US);
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
		cmocka_unit_test(test_refused_commands),
		cmocka_unit_test(test_hardware_stands_still),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

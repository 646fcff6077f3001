/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moving BARs and unplugging from several CPUs at once. Threads play CPUs: two inside Fairlead, with the
 * guest's configuration writes and a manager's withdrawals; two in the guest, whose translation caches keep
 * what they saw until they flush, which they do only when an entry says so. A use of a device that was
 * withdrawn, and a place that gets a new tenant while some CPU still knows the old one, are failures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <pthread.h>
#include <unistd.h>

#define FAKE_VPCI_OWN_VM
#include "core/shootdown.h"
#include "core/work.h"
#include "tests/fake/fake_vpci.h"

extern _Thread_local unsigned int host_cpu;

#define FIRST BEHIND
#define SECOND PCI_BDF(0, 7, 0)
#define FIRST_HOST 0xfe800000u
#define SECOND_HOST 0xfd000000u
#define ROUNDS 1500
#define STUCK_SECONDS 120

#define GUEST_CPUS 2
#define FIRST_GUEST_CPU 3 /* 1 and 2 are in Fairlead */

/* Places where BARs come and go. */
static const u64 place[] = { FIRST_HOST, SECOND_HOST, 0xe1000000, 0xe2000000, 0xe3000000 };
#define PLACES ARRAY_SIZE(place)

static _Atomic unsigned int failures;
static _Atomic bool stop;
static _Atomic bool dead[2]; /* FIRST, SECOND: withdrawn, and the shoot-down is done */

static void failed(const char *what, u64 at)
{
	if (atomic_fetch_add(&failures, 1) < 10)
		fprintf(stderr, "CPU %u: %s at 0x%llx\n", host_cpu, what, (unsigned long long)at);
}

u64 arch_time_us(void)
{
	return 0; /* a thread that the host does not schedule is no CPU that does not answer */
}

/* ---- CPUs in the guest ---- */

static _Atomic bool kicked[64];
static _Atomic bool in_guest[64]; /* and has flushed, if it had to */
static _Atomic u64 tlb[64][PLACES];
static _Atomic u64 uses;

void arch_cpu_kick(unsigned int cpu)
{
	atomic_store(&kicked[cpu], true);
}

/* ---- the guest's table: place -> host, 0: nothing ---- */

static pthread_mutex_t table_mutex = PTHREAD_MUTEX_INITIALIZER;
static u64 table[PLACES];

static unsigned int place_of(u64 gpa)
{
	for (unsigned int i = 0; i < PLACES; i++) {
		if (place[i] == gpa)
			return i;
	}
	return PLACES;
}

int vm_map_mmio(struct vm *v, gpa_t gpa, paddr_t hpa, u64 size, unsigned int prot)
{
	unsigned int i = place_of(gpa);

	if (i == PLACES)
		return 0; /* other devices' */
	pthread_mutex_lock(&table_mutex);
	if (table[i])
		failed("mapped over another", gpa);
	for (unsigned int cpu = 0; cpu < ARRAY_SIZE(tlb); cpu++) {
		if (atomic_load(&in_guest[cpu]) && atomic_load(&tlb[cpu][i]))
			failed("a new tenant while a CPU knows the old one", gpa);
	}
	table[i] = hpa;
	pthread_mutex_unlock(&table_mutex);
	return 0;
}

int vm_unmap_mmio(struct vm *v, gpa_t gpa, u64 size)
{
	unsigned int i = place_of(gpa);

	if (i == PLACES)
		return 0;
	pthread_mutex_lock(&table_mutex);
	if (!table[i])
		failed("unmapped twice", gpa);
	table[i] = 0;
	pthread_mutex_unlock(&table_mutex);
	return 0;
}

u64 vm_shootdown(struct vm *v)
{
	return shootdown_begin(&v->shootdown);
}

int vm_shootdown_wait(struct vm *v, u64 generation)
{
	return shootdown_wait(&v->shootdown, generation);
}

int vm_add_region(struct vm *v, const struct vm_mmio_region *region)
{
	return 0;
}

static void use(unsigned int i)
{
	u64 hpa = atomic_load(&tlb[host_cpu][i]);

	if (!hpa) {
		pthread_mutex_lock(&table_mutex);
		hpa = table[i];
		atomic_store(&tlb[host_cpu][i], hpa);
		pthread_mutex_unlock(&table_mutex);
	}
	if (hpa)
		atomic_fetch_add(&uses, 1);
	if ((hpa == FIRST_HOST && atomic_load(&dead[0])) || (hpa == SECOND_HOST && atomic_load(&dead[1])))
		failed("a withdrawn device was reached", place[i]);
}

static void *guest_cpu(void *arg)
{
	host_cpu = (unsigned int)(uintptr_t)arg;
	for (unsigned int n = 0; !atomic_load(&stop); n++) {
		if (shootdown_enter(&vm.shootdown)) {
			for (unsigned int i = 0; i < PLACES; i++)
				atomic_store(&tlb[host_cpu][i], 0);
		}
		atomic_store(&in_guest[host_cpu], true);
		for (unsigned int k = 0; !atomic_load(&kicked[host_cpu]) && !atomic_load(&stop); k++) {
			use((n + k) % PLACES);
			if (k % 64 == 63)
				sched_yield();
		}
		atomic_store(&in_guest[host_cpu], false);
		atomic_store(&kicked[host_cpu], false);
		shootdown_exit(&vm.shootdown);
	}
	return NULL;
}

/* ---- CPUs in Fairlead ---- */

static u32 next_random(u32 *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 16;
}

static void exit_ends(void)
{
	work_run(WORK_BUDGET);
}

/* Each CPU moves its own device, onto the other's place and back. */
static void *swaps(void *arg)
{
	host_cpu = (unsigned int)(uintptr_t)arg;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		wr(host_cpu == 1 ? FIRST : SECOND, 0x10, 4, (u32)place[2 + (n + host_cpu) % 2]);
		exit_ends();
	}
	return NULL;
}

/* Both CPUs at one device, whatever comes. */
static void *fights(void *arg)
{
	u32 random;

	host_cpu = (unsigned int)(uintptr_t)arg;
	random = host_cpu;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		if (next_random(&random) % 4 == 0)
			wr(FIRST, 4, 2, next_random(&random) & 2);
		else
			wr(FIRST, 0x10, 4, (u32)place[next_random(&random) % PLACES]);
		exit_ends();
	}
	return NULL;
}

static _Atomic bool manager_done;

static void *pokes(void *arg)
{
	u32 random = 7;

	host_cpu = 1;
	while (!atomic_load(&manager_done)) {
		u16 bdf = next_random(&random) & 1 ? FIRST : SECOND;

		wr(bdf, 4, 2, 2);
		wr(bdf, 0x10, 4, (u32)place[next_random(&random) % PLACES]);
		exit_ends();
	}
	exit_ends();
	return NULL;
}

static _Atomic unsigned int in_progress;

/* Withdraws while the other CPU remaps; then nobody reaches it; then it comes back. */
static void *unplugs(void *arg)
{
	host_cpu = 2;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		unsigned int which = n & 1;
		struct pci_dev *dev = pci_dev_find((struct sbdf){ 0, which ? SECOND : FIRST });
		bool detached = false;
		int ret;

		while ((ret = vpci_withdraw_start(dev)) == -EINPROGRESS && !detached) {
			atomic_fetch_add(&in_progress, 1);
			detached = !vpci_detach(dev); /* right only if the other CPU is just through */
			sched_yield();
		}
		if (ret && !detached)
			failed("the withdrawal failed", 0);
		atomic_store(&dead[which], true);
		sched_yield();
		if (!detached && vpci_detach(dev))
			failed("could not be detached", 0);
		pthread_mutex_lock(&table_mutex);
		for (unsigned int i = 0; i < PLACES; i++) {
			if (table[i] == (which ? SECOND_HOST : FIRST_HOST))
				failed("still mapped", place[i]);
		}
		pthread_mutex_unlock(&table_mutex);
		atomic_store(&dead[which], false);
		if (vpci_attach(dev))
			failed("could not be attached", 0);
		pci_dev_put(dev, PCI_REF_TRANSIENT);
		exit_ends();
	}
	atomic_store(&manager_done, true);
	return NULL;
}

static void run(void *(*first)(void *), void *(*second)(void *))
{
	pthread_t inside[2], outside[GUEST_CPUS];

	alarm(STUCK_SECONDS); /* a deadlock ends the test */
	for (unsigned int i = 0; i < GUEST_CPUS; i++)
		pthread_create(&outside[i], NULL, guest_cpu, (void *)(uintptr_t)(FIRST_GUEST_CPU + i));
	assert_int_equal(pthread_create(&inside[0], NULL, first, (void *)1), 0);
	assert_int_equal(pthread_create(&inside[1], NULL, second, (void *)2), 0);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(inside[i], NULL);
	/* What a CPU left to its deferred work, its last exit does. */
	for (host_cpu = 1; host_cpu <= 2; host_cpu++) {
		while (work_pending())
			exit_ends();
	}
	host_cpu = 0;
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < GUEST_CPUS; i++)
		pthread_join(outside[i], NULL);
	alarm(0);
	assert_int_equal(atomic_load(&failures), 0);
	assert_true(atomic_load(&uses) > 0);
}

static void stands_at(u16 bdf, u64 at, u64 hpa)
{
	struct vpci_bar_info info;
	bool settled;

	assert_true(vpci_attached(device(bdf), &settled));
	assert_true(settled);
	assert_true(vpci_bar_info(device(bdf), 0, &info));
	assert_true(info.mapped);
	assert_int_equal(info.placed_at, at);
	assert_int_equal(table[place_of(at)], hpa);
}

/* Wherever they ended, the guest's last word counts; and nothing else is mapped. */
static void end_in_order(void)
{
	unsigned int used = 0;

	wr(FIRST, 4, 2, 2);
	wr(SECOND, 4, 2, 2);
	wr(FIRST, 0x10, 4, 0xe3000000);
	wr(SECOND, 0x10, 4, 0xe2000000);
	wr(FIRST, 0x10, 4, 0xe1000000);
	stands_at(FIRST, 0xe1000000, FIRST_HOST);
	stands_at(SECOND, 0xe2000000, SECOND_HOST);
	for (unsigned int i = 0; i < PLACES; i++)
		used += table[i] != 0;
	assert_int_equal(used, 2);
	assert_int_equal(vpci_map_users(), 2 + 3); /* theirs, the small device's two, the port's */
	assert_int_equal(atomic_load(&device(FIRST)->refs_by_kind[PCI_REF_WORK]), 0);
	assert_int_equal(atomic_load(&device(FIRST)->refs_by_kind[PCI_REF_TRANSIENT]), 0);
}

static int begin(void **state)
{
	struct fake_fn *f;

	atomic_store(&failures, 0);
	atomic_store(&stop, false);
	atomic_store(&manager_done, false);
	atomic_store(&uses, 0);
	memset(table, 0, sizeof(table));
	memset(tlb, 0, sizeof(tlb));
	shootdown_init(&vm.shootdown);
	setup(state);
	f = fake_add(SECOND, 0x8086, 1, 0x020000, 0);
	fake_put(f->cfg, 4, 2, 2);
	fake_bar(f, 0, 0x1000, 0, SECOND_HOST);
	assert_int_equal(pci_objects_init(32), 0);
	assert_int_equal(pci_enumerate(), 6);
	log_set_sink(NULL);
	assert_int_equal(vpci_attach(device(SMALL)), 0);
	assert_int_equal(vpci_attach(device(PORT)), 0);
	assert_int_equal(vpci_attach(device(SECOND)), 0);
	assert_int_equal(vpci_attach(device(FIRST)), 0);
	wr(FIRST, 4, 2, 2);
	return 0;
}

static void test_two_devices_onto_each_other(void **state)
{
	run(swaps, swaps);
	end_in_order();
}

static void test_two_cpus_one_device(void **state)
{
	run(fights, fights);
	end_in_order();
}

static void test_unplug_while_bars_move(void **state)
{
	run(pokes, unplugs);
	assert_true(atomic_load(&in_progress) > 0); /* else the threads never met */
	end_in_order();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_two_devices_onto_each_other, begin, teardown),
		cmocka_unit_test_setup_teardown(test_two_cpus_one_device, begin, teardown),
		cmocka_unit_test_setup_teardown(test_unplug_while_bars_move, begin, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trace ring, and the trace's classes. The threads' test also runs under ThreadSanitizer (tools/stress.mk).
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <cmocka.h>

#include "core/counters.h"
#include "core/lock.h"
#include "core/timer.h"
#include "core/trace.h"
#include "core/vm.h"
#include "core/work.h"
#include "drivers/iommu/iommu.h"
#include "drivers/pci/pci.h"

extern _Thread_local unsigned int host_cpu; /* core/host_cpu.c */

#define SLOTS	     8u
#define RECORD_BYTES 32u

static struct trace_slot slots[SLOTS];
static struct trace_ring ring;

static void new_ring(u64 first)
{
	memset(slots, 0, sizeof(slots));
	trace_ring_init(&ring, slots, SLOTS, first);
}

/* Every bit of a record follows from its number. */
static struct trace_record record_of(u64 n)
{
	u64 mixed = (n + 1) * 0x9e3779b97f4a7c15u;

	return (struct trace_record){ .time = mixed,
				      .event = (u8)(1 + mixed % 255),
				      .cpu = (u8)(mixed >> 9),
				      .a = (u16)(mixed >> 17),
				      .b = ~mixed,
				      .c = (u32)(mixed >> 3),
				      .d = (u32)(mixed >> 29) };
}

static void put_up_to(u64 from, u64 end)
{
	for (u64 n = from; n < end; n++) {
		struct trace_record r = record_of(n);

		trace_ring_put(&ring, &r);
	}
}

static bool same(const struct trace_record *a, const struct trace_record *b)
{
	return a->time == b->time && a->event == b->event && a->cpu == b->cpu && a->a == b->a && a->b == b->b &&
	       a->c == b->c && a->d == b->d;
}

static void assert_there(u64 n)
{
	struct trace_record expected = record_of(n), r;

	memset(&r, 0xaa, sizeof(r));
	assert_true(trace_ring_get(&ring, n, &r));
	assert_true(same(&r, &expected));
}

static void assert_gone(u64 n)
{
	struct trace_record r;

	assert_false(trace_ring_get(&ring, n, &r));
}

/* ---- the ring ---- */

static void a_record_comes_back(void **state)
{
	struct trace_record r = { ~0ull, 0xff, 0xff, 0xffff, ~0ull, ~0u, ~0u }, out, small = { .event = 1 };

	assert_int_equal(sizeof(struct trace_slot), RECORD_BYTES);
	new_ring(0);
	assert_gone(0);
	assert_int_equal(trace_ring_written(&ring), 0);
	trace_ring_put(&ring, &r);
	trace_ring_put(&ring, &small);
	assert_true(trace_ring_get(&ring, 0, &out));
	assert_true(same(&r, &out));
	assert_true(trace_ring_get(&ring, 1, &out));
	assert_true(same(&small, &out));
	assert_gone(2);
	assert_int_equal(trace_ring_written(&ring), 2);
}

static void the_oldest_goes(void **state)
{
	for (u64 end = 0; end < 4 * SLOTS; end++) {
		new_ring(0);
		put_up_to(0, end);
		assert_int_equal(trace_ring_written(&ring), end);
		for (u64 n = 0; n < end + SLOTS; n++) {
			if (n < end && n + SLOTS >= end)
				assert_there(n);
			else
				assert_gone(n);
		}
	}
}

/* Only the low half of a record's number is kept with it. */
static void numbers_wrap(void **state)
{
	u64 first = ((u64)1 << 32) - 3;

	new_ring(first);
	assert_gone(first);
	put_up_to(first, first + SLOTS);
	for (u64 n = first; n < first + SLOTS; n++)
		assert_there(n);
	put_up_to(first + SLOTS, first + 2 * SLOTS);
	for (u64 n = first; n < first + SLOTS; n++)
		assert_gone(n);
	for (u64 n = first + SLOTS; n < first + 2 * SLOTS; n++)
		assert_there(n);
	assert_int_equal(trace_ring_written(&ring), first + 2 * SLOTS);
}

/* The writer stopped at each of its steps: what is in the place is never taken for a record. */
static void half_written(void **state)
{
	struct trace_record next = record_of(SLOTS), r;
	struct trace_slot whole;

	new_ring(0);
	put_up_to(0, SLOTS + 1);
	whole = slots[0];
	new_ring(0);
	put_up_to(0, SLOTS);
	assert_there(0);
	slots[0].head = 0;
	assert_gone(0);
	assert_gone(SLOTS);
	slots[0].time = next.time;
	slots[0].b = next.b;
	assert_gone(0);
	assert_gone(SLOTS);
	slots[0].dc = whole.dc;
	slots[0].head = whole.head;
	assert_gone(0);
	assert_true(trace_ring_get(&ring, SLOTS, &r)); /* all but the count of records: whole */
	assert_true(same(&r, &next));
}

/* ---- threads: a reader never gets a mixture ---- */

#define WRITTEN 400000u
static _Atomic bool writer_done;

static void *write_many(void *ctx)
{
	put_up_to(0, WRITTEN);
	atomic_store(&writer_done, true);
	return NULL;
}

struct reader {
	pthread_t thread;
	u64 whole, refused, wrong, behind;
};

static void *read_many(void *ctx)
{
	struct reader *me = ctx;

	for (u64 seen = 0; !atomic_load(&writer_done);) {
		u64 written = trace_ring_written(&ring);

		me->behind += written < seen;
		seen = written;
		/* The oldest places are those that are being overwritten. */
		for (u64 n = written > SLOTS ? written - SLOTS : 0; n < written; n++) {
			struct trace_record expected = record_of(n), r;

			if (!trace_ring_get(&ring, n, &r))
				me->refused++;
			else if (same(&r, &expected))
				me->whole++;
			else
				me->wrong++;
		}
	}
	return NULL;
}

static void no_torn_record(void **state)
{
	struct reader reader[2] = { 0 };
	u64 whole = 0, refused = 0;
	pthread_t writer;

	/* On few CPUs they may pass each other by: again, until readers have met the writer both ways. */
	for (unsigned int round = 0; round < 100 && (!whole || !refused); round++) {
		new_ring(0);
		atomic_store(&writer_done, false);
		for (unsigned int i = 0; i < ARRAY_SIZE(reader); i++)
			assert_int_equal(pthread_create(&reader[i].thread, NULL, read_many, &reader[i]), 0);
		assert_int_equal(pthread_create(&writer, NULL, write_many, NULL), 0);
		pthread_join(writer, NULL);
		for (unsigned int i = 0; i < ARRAY_SIZE(reader); i++) {
			pthread_join(reader[i].thread, NULL);
			assert_int_equal(reader[i].wrong, 0);
			assert_int_equal(reader[i].behind, 0);
			whole += reader[i].whole;
			refused += reader[i].refused;
		}
	}
	assert_true(whole && refused);
	for (u64 n = WRITTEN - SLOTS; n < WRITTEN; n++)
		assert_there(n);
}

/*
 * ---- a signal plays the other CPU: it comes between any two instructions, as threads seldom do ----
 * (ThreadSanitizer holds signals back until the thread waits; there these two prove nothing.)
 */

#define SIGNALS 1000u
static struct {
	_Atomic unsigned int signals, wrong;
} interrupted;

static void count_signal(void)
{
	atomic_fetch_add(&interrupted.signals, 1);
}

static void read_all_at_once(int signal)
{
	u64 written = trace_ring_written(&ring);

	/* The place of the oldest is the one that is being written, as a record of then or of now. */
	for (u64 n = written > SLOTS ? written - SLOTS : 0; n <= written; n++) {
		struct trace_record expected = record_of(n), r;

		if (trace_ring_get(&ring, n, &r) && !same(&r, &expected))
			atomic_fetch_add(&interrupted.wrong, 1);
	}
	count_signal();
}

static void write_all_at_once(int signal)
{
	u64 written = trace_ring_written(&ring);

	put_up_to(written, written + SLOTS + 1);
	count_signal();
}

static void signals(void (*handler)(int signal))
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	struct itimerval often = { { 0, 100 }, { 0, 100 } }, never = { { 0, 0 }, { 0, 0 } };

	if (handler) {
		atomic_store(&interrupted.signals, 0);
		atomic_store(&interrupted.wrong, 0);
		assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	}
	assert_int_equal(setitimer(ITIMER_REAL, handler ? &often : &never, NULL), 0);
}

static void writer_stopped_anywhere(void **state)
{
	u64 n = 0;

	new_ring(0);
	signals(read_all_at_once);
	for (; atomic_load(&interrupted.signals) < SIGNALS; n += 64)
		put_up_to(n, n + 64);
	signals(NULL);
	assert_int_equal(interrupted.wrong, 0);
}

static void reader_stopped_anywhere(void **state)
{
	u64 wrong = 0, whole = 0;

	new_ring(0);
	put_up_to(0, SLOTS);
	signals(write_all_at_once);
	while (atomic_load(&interrupted.signals) < SIGNALS) {
		u64 n = trace_ring_written(&ring) - SLOTS / 2;
		struct trace_record expected = record_of(n), r;

		if (!trace_ring_get(&ring, n, &r))
			continue;
		whole++;
		wrong += !same(&r, &expected);
	}
	signals(NULL);
	assert_true(whole);
	assert_int_equal(wrong, 0);
}

/* ---- classes, CPUs ---- */

static u64 first, end, lost;

static void start(unsigned int cpus)
{
	static struct trace_slot memory[2 * TRACE_RECORDS];

	assert_int_equal(sizeof(memory), 2 * TRACE_RING_BYTES);
	memset(memory, 0, sizeof(memory));
	trace_init(cpus, memory);
	host_cpu = 0;
}

static u64 kept(unsigned int cpu)
{
	trace_range(cpu, &first, &end, &lost);
	return end - first;
}

static struct trace_record newest(unsigned int cpu)
{
	struct trace_record r;

	assert_true(kept(cpu));
	assert_true(trace_get(cpu, end - 1, &r));
	return r;
}

static void every_event_asks_its_class(void **state)
{
	unsigned int events = 0;

	for (; trace_event_info(events); events++) {
		enum trace_event event = trace_event_info(events)->event;

		start(1);
		trace(event, 1, 2, 3, 4);
		trace_set_classes(TRACE_ALL & ~BIT32(TRACE_CLASS_OF(event)));
		trace(event, 1, 2, 3, 4);
		assert_int_equal(trace_begin(TRACE_CLASS_OF(event)), 0);
		trace_since(event, 0, 1, 2, 3);
		assert_int_equal(kept(0), 0);
		trace_set_classes(BIT32(TRACE_CLASS_OF(event)));
		trace(event, 1, 2, 3, 4);
		assert_int_equal(kept(0), 1);
		assert_int_equal(newest(0).event, event);
		assert_int_equal(newest(0).a, 1);
		assert_int_equal(newest(0).b, 2);
		assert_int_equal(newest(0).c, 3);
		assert_int_equal(newest(0).d, 4);
	}
	assert_true(events >= TRACE_CLASSES);
}

static void a_duration(void **state)
{
	u64 before, began, after;

	start(1);
	trace_set_classes(BIT32(TRACE_CLASS_IOMMU));
	before = arch_cycles();
	began = trace_begin(TRACE_CLASS_IOMMU);
	assert_in_range(began, before, arch_cycles());
	trace_since(TRACE_IOMMU_FLUSH, began, 5, 6, 7);
	after = arch_cycles();
	assert_int_equal(newest(0).time, began);
	assert_in_range(newest(0).c, 0, after - began);
	assert_int_equal(newest(0).d, 7);
	trace_since(TRACE_IOMMU_FLUSH, 1, 5, 6, 7); /* longer than 2^32 cycles */
	assert_int_equal(newest(0).c, 0xffffffff);
	/* Switched off meanwhile: what shows the records does so. */
	trace_set_classes(TRACE_ALL & ~BIT32(TRACE_CLASS_IOMMU));
	trace_since(TRACE_IOMMU_FLUSH, began, 5, 6, 7);
	assert_int_equal(kept(0), 2);
}

static void cpus_have_their_own(void **state)
{
	start(2);
	assert_int_equal(trace_cpus(), 2);
	trace_set_classes(TRACE_ALL);
	host_cpu = 1;
	trace(TRACE_NMI, 0, 0, 0, 0);
	assert_int_equal(kept(0), 0);
	assert_int_equal(newest(1).cpu, 1);
	host_cpu = 2; /* has no ring */
	trace(TRACE_NMI, 0, 0, 0, 0);
	host_cpu = 0;
	assert_int_equal(kept(0), 0);
	assert_int_equal(kept(1), 1);
}

static void overwriting_is_counted(void **state)
{
	start(1);
	trace_set_classes(TRACE_ALL);
	for (unsigned int i = 0; i < TRACE_RECORDS; i++)
		trace(TRACE_NMI, 0, i, 0, 0);
	assert_int_equal(kept(0), TRACE_RECORDS);
	assert_int_equal(lost, 0);
	trace(TRACE_NMI, 0, 7777, 0, 0);
	assert_int_equal(kept(0), TRACE_RECORDS);
	assert_int_equal(first, 1);
	assert_int_equal(lost, 1);
	trace_clear();
	assert_int_equal(kept(0), 0);
	assert_int_equal(lost, 0);
	trace(TRACE_NMI, 0, 8888, 0, 0);
	assert_int_equal(kept(0), 1);
	assert_int_equal(newest(0).b, 8888);
	for (unsigned int i = 0; i < TRACE_RECORDS + 4; i++)
		trace(TRACE_NMI, 0, 0, 0, 0);
	assert_int_equal(kept(0), TRACE_RECORDS);
	assert_int_equal(lost, 5);
}

static void without_rings(void **state)
{
	start(0);
	assert_int_equal(trace_cpus(), 0);
	trace_set_classes(TRACE_ALL);
	trace(TRACE_NMI, 0, 0, 0, 0);
	trace_set_classes(0);
}

static void names(void **state)
{
	static const char *const expected[] = { "exit", "inject", "config", "mmio", "iommu", "refs", "locks", "work", "nmi" };
	enum trace_class class;

	assert_int_equal(TRACE_CLASSES, ARRAY_SIZE(expected));
	for (unsigned int i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_string_equal(trace_class_name(i), expected[i]);
		assert_true(trace_class_by_name(expected[i], strlen(expected[i]), &class));
		assert_int_equal(class, i);
		assert_false(trace_class_by_name(expected[i], strlen(expected[i]) - 1, &class));
	}
	assert_false(trace_class_by_name("exits", 5, &class));
	assert_false(trace_class_by_name("", 0, &class));
	assert_string_equal(trace_class_name(TRACE_CLASSES), "unknown");
	start(1);
	trace_set_classes(~0u);
	assert_int_equal(trace_get_classes(), 0x1ff);
	for (unsigned int i = 0; trace_event_info(i); i++) {
		const struct trace_event_info *info = trace_event_info(i);

		assert_ptr_equal(trace_event_find(info->event), info);
		assert_true(TRACE_CLASS_OF(info->event) < TRACE_CLASSES);
		assert_true(info->event & 15);
		assert_null(strchr(info->name, ' '));
		for (unsigned int j = 0; j < i; j++)
			assert_string_not_equal(info->name, trace_event_info(j)->name);
	}
	assert_null(trace_event_find(0));
	assert_null(trace_event_find(0xff));
}

/* ---- what the core records ---- */

static LOCK_CLASS(traced_class, "traced");
static struct spinlock lock = SPINLOCK_INIT(traced_class);

/* Whoever waits for a lock says so. */
static _Atomic bool waiting;

void arch_cpu_relax(void)
{
	atomic_store(&waiting, true);
	sched_yield();
}

static void *hold_until_awaited(void *ctx)
{
	_Atomic bool *held = ctx;

	host_cpu = 1;
	spin_lock(&lock);
	atomic_store(&waiting, false);
	atomic_store(held, true);
	while (!atomic_load(&waiting))
		sched_yield();
	spin_unlock(&lock);
	return NULL;
}

static void locks_are_traced(void **state)
{
	static const u8 alone[] = { TRACE_LOCK_TAKEN, TRACE_LOCK_RELEASED, TRACE_LOCK_TAKEN, TRACE_LOCK_RELEASED };
	_Atomic bool held = false;
	struct trace_record r;
	pthread_t thread;

	start(2);
	spin_lock(&lock);
	spin_unlock(&lock);
	assert_int_equal(kept(0), 0);
	trace_set_classes(BIT32(TRACE_CLASS_LOCKS));
	spin_lock(&lock);
	assert_false(spin_trylock(&lock));
	spin_unlock(&lock);
	assert_true(spin_trylock(&lock));
	spin_unlock(&lock);
	assert_int_equal(kept(0), ARRAY_SIZE(alone));
	for (unsigned int i = 0; i < ARRAY_SIZE(alone); i++) {
		assert_true(trace_get(0, i, &r));
		assert_int_equal(r.event, alone[i]);
		assert_int_equal(r.b, (uintptr_t)&lock);
		assert_string_equal(lock_class_at(r.a)->name, "traced");
	}
	assert_int_equal(pthread_create(&thread, NULL, hold_until_awaited, &held), 0);
	while (!atomic_load(&held))
		sched_yield();
	trace_clear();
	spin_lock(&lock);
	spin_unlock(&lock);
	pthread_join(thread, NULL);
	assert_int_equal(kept(0), 3);
	assert_true(trace_get(0, first, &r));
	assert_int_equal(r.event, TRACE_LOCK_CONTENDED);
	assert_int_equal(r.a, lock_class_number(&traced_class));
	assert_true(r.c > 0);
	assert_true(trace_get(0, first + 1, &r));
	assert_int_equal(r.event, TRACE_LOCK_TAKEN);
}

static void do_nothing(struct work *w)
{
}

static void work_is_traced(void **state)
{
	struct work w;

	start(1);
	work_init(&w, do_nothing);
	trace_set_classes(BIT32(TRACE_CLASS_WORK));
	(void)work_post(&w);
	assert_int_equal(kept(0), 0);
	(void)work_run(WORK_BUDGET);
	assert_int_equal(kept(0), 1);
	assert_int_equal(newest(0).event, TRACE_WORK);
	assert_int_equal(newest(0).b, (uintptr_t)do_nothing);
	trace_set_classes(TRACE_ALL & ~BIT32(TRACE_CLASS_WORK) & ~BIT32(TRACE_CLASS_LOCKS));
	(void)work_post(&w);
	(void)work_run(WORK_BUDGET);
	assert_int_equal(kept(0), 1);
	trace_set_classes(0);
}

static void expire(struct timer *t)
{
}

static void timers_are_traced(void **state)
{
	struct timer t;

	start(1);
	timer_init(&t, expire);
	trace_set_classes(BIT32(TRACE_CLASS_WORK));
	timer_set(&t, 0);
	assert_int_equal(timers_run(), 1);
	assert_int_equal(kept(0), 1);
	assert_int_equal(newest(0).event, TRACE_TIMER);
	assert_int_equal(newest(0).b, (uintptr_t)expire);
	trace_set_classes(0);
}

static void trapped_accesses_are_traced(void **state)
{
	static struct vm vm;
	u64 value = 0x55;

	start(1);
	trace_set_classes(BIT32(TRACE_CLASS_MMIO));
	vm_mmio_access(&vm, 0xfed00008, 4, true, &value);
	assert_int_equal(newest(0).event, TRACE_MMIO_WRITE);
	assert_int_equal(newest(0).c, 0x55);
	vm_mmio_access(&vm, 0xfed00008, 2, false, &value);
	assert_int_equal(newest(0).event, TRACE_MMIO_READ);
	assert_int_equal(newest(0).a, 2);
	assert_int_equal(newest(0).b, 0xfed00008);
	assert_int_equal(newest(0).c, 0xffff); /* what was read */
	assert_int_equal(kept(0), 2);
	trace_set_classes(0);
}

static void references_are_traced(void **state)
{
	static const struct {
		u8 event;
		u16 a;
		u32 c;
	} expected[] = {
		{ TRACE_REF_GET, PCI_REF_VPCI, 0 },
		{ TRACE_REF_CONVERT, PCI_REF_MSI, PCI_REF_VPCI },
		{ TRACE_REF_PUT, PCI_REF_MSI, 0 },
	};
	static struct pci_dev dev = { .sbdf = { 1, PCI_BDF(0, 2, 0) } };
	struct trace_record r;

	start(1);
	refcnt_init(&dev.refs);
	trace_set_classes(BIT32(TRACE_CLASS_REFS));
	pci_dev_get(&dev, PCI_REF_VPCI);
	pci_dev_convert(&dev, PCI_REF_VPCI, PCI_REF_MSI);
	pci_dev_put(&dev, PCI_REF_MSI);
	trace_set_classes(0);
	assert_int_equal(kept(0), ARRAY_SIZE(expected));
	for (unsigned int i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_true(trace_get(0, i, &r));
		assert_int_equal(r.event, expected[i].event);
		assert_int_equal(r.a, expected[i].a);
		assert_int_equal(r.c, expected[i].c);
		assert_int_equal(r.d, 0x00010010);
	}
	assert_int_equal(refcnt_read(&dev.refs), 1);
}

static bool one_pending(struct iommu *iommu)
{
	return true;
}

static unsigned int one_fault(struct iommu *iommu, unsigned int budget, iommu_fault_fn fn, void *ctx)
{
	struct iommu_fault fault = { .source = { 0, PCI_BDF(0, 5, 0) }, .address = 0x1234000, .reason = 5, .text = "" };

	fn(&fault, ctx);
	return 1;
}

static void faults_are_counted_and_traced(void **state)
{
	static const struct iommu_ops ops = { .name = "fake", .fault_pending = one_pending, .drain_faults = one_fault };
	static struct iommu unit = { .ops = &ops };
	struct counters_snapshot before, after;

	start(1);
	iommu_register(&unit);
	trace_set_classes(BIT32(TRACE_CLASS_IOMMU));
	(void)counters_get(0, &before);
	iommu_report_faults();
	(void)counters_get(0, &after);
	trace_set_classes(0);
	iommu_forget_all();
	assert_int_equal(after.event[COUNT_IOMMU_FAULT] - before.event[COUNT_IOMMU_FAULT], 1);
	assert_int_equal(newest(0).event, TRACE_IOMMU_FAULT);
	assert_int_equal(newest(0).a, 5);
	assert_int_equal(newest(0).b, 0x1234000);
	assert_int_equal(newest(0).d, 0x28);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_comes_back),
		cmocka_unit_test(the_oldest_goes),
		cmocka_unit_test(numbers_wrap),
		cmocka_unit_test(half_written),
		cmocka_unit_test(no_torn_record),
		cmocka_unit_test(writer_stopped_anywhere),
		cmocka_unit_test(reader_stopped_anywhere),
		cmocka_unit_test(every_event_asks_its_class),
		cmocka_unit_test(a_duration),
		cmocka_unit_test(cpus_have_their_own),
		cmocka_unit_test(overwriting_is_counted),
		cmocka_unit_test(without_rings),
		cmocka_unit_test(names),
		cmocka_unit_test(locks_are_traced),
		cmocka_unit_test(work_is_traced),
		cmocka_unit_test(timers_are_traced),
		cmocka_unit_test(trapped_accesses_are_traced),
		cmocka_unit_test(references_are_traced),
		cmocka_unit_test(faults_are_counted_and_traced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

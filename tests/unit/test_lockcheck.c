/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The run-time lock checker: each report with its exact words, and silence on correct use. Threads play CPUs.
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
#include "core/lock.h"
#include "core/lockcheck.h"
#include "core/log.h"

extern _Thread_local unsigned int host_cpu; /* core/host_cpu.c */

#define AT(text) ((struct code_site){ text })

static LOCK_CLASS(a_class, "a");
static LOCK_CLASS(b_class, "b");
static LOCK_CLASS(c_class, "c");
static struct spinlock a = SPINLOCK_INIT(a_class), a2 = SPINLOCK_INIT(a_class);
static struct spinlock b = SPINLOCK_INIT(b_class);
static struct spinlock c = SPINLOCK_INIT(c_class);

static char report[2048];
static _Atomic unsigned int reports;

static void on_report(const char *text)
{
	reports++;
	snprintf(report, sizeof(report), "%s", text);
}

static int setup(void **state)
{
	lockcheck_reset();
	lockcheck_on_report(on_report);
	reports = 0;
	report[0] = '\0';
	host_cpu = 0;
	return 0;
}

static int teardown(void **state)
{
	lockcheck_on_report(NULL);
	return 0;
}

#define EXPECT_REPORT(text)                       \
	do {                                      \
		assert_string_equal(report, text); \
		assert_int_equal(reports, 1);     \
		reports = 0;                      \
		report[0] = '\0';                 \
	} while (0)

#define EXPECT_SILENCE() assert_string_equal(report, "")

/* Takes and drops two, at places named after them. */
static void nest(struct spinlock *outer, const char *outer_site, struct spinlock *inner, const char *inner_site)
{
	spin_lock_at(outer, AT(outer_site));
	spin_lock_at(inner, AT(inner_site));
	spin_unlock(inner);
	spin_unlock(outer);
}

static unsigned int index_of(const char *name)
{
	struct lock_class_info info;

	for (unsigned int i = 0; lockcheck_class(i, &info); i++)
		if (!strcmp(info.name, name))
			return i;
	fail_msg("no class %s", name);
	return 0;
}

static struct lock_class_info info_of(const char *name)
{
	struct lock_class_info info;

	assert_true(lockcheck_class(index_of(name), &info));
	return info;
}

/* ---- silence -------------------------------------------------------------------------------------------------- */

static void test_correct_use_is_silent(void **state)
{
	for (unsigned int i = 0; i < 3; i++) {
		nest(&a, "x.c:1", &b, "x.c:2");
		nest(&b, "x.c:3", &c, "x.c:4");
		nest(&a, "x.c:5", &c, "x.c:6");
		lockcheck_vm_entry();
	}
	/* in any order of release */
	spin_lock(&a);
	spin_lock(&b);
	spin_lock(&c);
	spin_unlock(&a);
	spin_unlock(&c);
	spin_unlock(&b);
	/* one after the other is no order */
	spin_lock(&c);
	spin_unlock(&c);
	spin_lock(&a);
	spin_unlock(&a);
	/* two of one class, one after the other */
	spin_lock(&a2);
	spin_unlock(&a2);
	lockcheck_ref(&a, HERE, true);
	lockcheck_ref(&a, HERE, false);
	lockcheck_vm_entry();
	EXPECT_SILENCE();
}

static void test_trylock_is_no_inner(void **state)
{
	nest(&a, "x.c:1", &b, "x.c:2");
	spin_lock(&b);
	assert_true(spin_trylock(&a)); /* cannot deadlock: it does not wait */
	assert_false(spin_trylock(&a));
	spin_unlock(&a);
	spin_unlock(&b);
	assert_true(lockcheck_edge(index_of("a"), index_of("b")));
	assert_false(lockcheck_edge(index_of("b"), index_of("a")));
	lockcheck_vm_entry();
	EXPECT_SILENCE();
}

/* ---- order ---------------------------------------------------------------------------------------------------- */

static void test_inversion(void **state)
{
	nest(&a, "x.c:1", &b, "x.c:2");
	EXPECT_SILENCE();
	nest(&b, "y.c:3", &a, "y.c:4");
	EXPECT_REPORT("lockcheck, CPU 0: lock order: a taken under b\n"
		      "  taken here: b at y.c:3, then a at y.c:4\n"
		      "  earlier: a at x.c:1, then b at x.c:2\n");
	nest(&b, "y.c:3", &a, "y.c:4"); /* each edge once */
	EXPECT_SILENCE();
}

static void test_longer_cycle(void **state)
{
	nest(&a, "x.c:1", &b, "x.c:2");
	lockcheck_vm_entry(); /* the graph is of all exits */
	nest(&b, "y.c:3", &c, "y.c:4");
	EXPECT_SILENCE();
	host_cpu = 5;
	nest(&c, "z.c:5", &a, "z.c:6");
	EXPECT_REPORT("lockcheck, CPU 5: lock order: a taken under c\n"
		      "  taken here: c at z.c:5, then a at z.c:6\n"
		      "  earlier: a at x.c:1, then b at x.c:2\n"
		      "  earlier: b at y.c:3, then c at y.c:4\n");
}

/* The order counts against everything held, not only the innermost. */
static void test_inversion_two_deep(void **state)
{
	nest(&a, "x.c:1", &b, "x.c:2");
	spin_lock_at(&b, AT("y.c:1"));
	spin_lock_at(&c, AT("y.c:2"));
	spin_lock_at(&a, AT("y.c:3"));
	spin_unlock(&a);
	spin_unlock(&c);
	spin_unlock(&b);
	EXPECT_REPORT("lockcheck, CPU 0: lock order: a taken under b\n"
		      "  taken here: b at y.c:1, then a at y.c:3\n"
		      "  earlier: a at x.c:1, then b at x.c:2\n");
	assert_true(lockcheck_edge(index_of("c"), index_of("a")));
}

/* What trylock took is held: what is taken under it waits under it. */
static void test_trylock_counts_as_outer(void **state)
{
	assert_true(spin_trylock_at(&a, AT("x.c:1")));
	spin_lock_at(&b, AT("x.c:2"));
	spin_unlock(&b);
	spin_unlock(&a);
	nest(&b, "y.c:3", &a, "y.c:4");
	EXPECT_REPORT("lockcheck, CPU 0: lock order: a taken under b\n"
		      "  taken here: b at y.c:3, then a at y.c:4\n"
		      "  earlier: a at x.c:1, then b at x.c:2\n");
}

static void test_two_of_one_class(void **state)
{
	nest(&a, "x.c:1", &a2, "x.c:2");
	EXPECT_REPORT("lockcheck, CPU 0: two locks of one class: a\n"
		      "  taken here: a at x.c:1, then a at x.c:2\n");
	spin_lock_at(&a, AT("x.c:3"));
	assert_true(spin_trylock_at(&a2, AT("x.c:4")));
	EXPECT_REPORT("lockcheck, CPU 0: two locks of one class: a\n"
		      "  taken here: a at x.c:3, then a at x.c:4\n");
	spin_unlock(&a2);
	spin_unlock(&a);
}

static void test_recursion(void **state)
{
	spin_lock_at(&a, AT("x.c:1"));
	lockcheck_acquire(&a, AT("x.c:2"), false); /* spin_lock() would now wait for itself */
	EXPECT_REPORT("lockcheck, CPU 0: recursive lock: a\n"
		      "  taken here: a at x.c:1, then a at x.c:2\n");
	lockcheck_release(&a);
	spin_unlock(&a);
	EXPECT_SILENCE();
}

/* ---- who holds what ------------------------------------------------------------------------------------------- */

static void test_release_of_what_nobody_holds(void **state)
{
	lockcheck_release(&a);
	EXPECT_REPORT("lockcheck, CPU 0: released, but not held by this CPU: a\n"
		      "  held by no CPU\n");
}

static void test_release_by_another_cpu(void **state)
{
	host_cpu = 3;
	spin_lock_at(&a, AT("x.c:1"));
	host_cpu = 1;
	lockcheck_release(&a);
	EXPECT_REPORT("lockcheck, CPU 1: released, but not held by this CPU: a\n"
		      "  held by CPU 3: a at x.c:1\n");
	host_cpu = 3;
	spin_unlock(&a);
	EXPECT_SILENCE();
}

static void test_too_many_held(void **state)
{
	static const char *const names[] = { "h0", "h1", "h2",	"h3",  "h4",  "h5",  "h6",  "h7", "h8",
					     "h9", "h10", "h11", "h12", "h13", "h14", "h15", "h16" };
	static struct lock_class class[LOCKS_HELD_MAX + 1];
	static struct spinlock lock[LOCKS_HELD_MAX + 1];

	for (unsigned int i = 0; i <= LOCKS_HELD_MAX; i++) {
		class[i].name = names[i];
		spin_init(&lock[i], &class[i]);
		EXPECT_SILENCE();
		spin_lock_at(&lock[i], AT("x.c:1"));
	}
	EXPECT_REPORT("lockcheck, CPU 0: too many locks held: h16\n"
		      "  taken here: h16 at x.c:1\n"
		      "  held: h0 at x.c:1\n  held: h1 at x.c:1\n  held: h2 at x.c:1\n  held: h3 at x.c:1\n"
		      "  held: h4 at x.c:1\n  held: h5 at x.c:1\n  held: h6 at x.c:1\n  held: h7 at x.c:1\n"
		      "  held: h8 at x.c:1\n  held: h9 at x.c:1\n  held: h10 at x.c:1\n  held: h11 at x.c:1\n"
		      "  held: h12 at x.c:1\n  held: h13 at x.c:1\n  held: h14 at x.c:1\n  held: h15 at x.c:1\n");
	for (unsigned int i = 0; i < LOCKS_HELD_MAX; i++)
		spin_unlock(&lock[i]);
	lockcheck_vm_entry();
	EXPECT_SILENCE();
}

static void test_lock_without_class(void **state)
{
	static struct spinlock bare;

	spin_lock_at(&bare, AT("x.c:1"));
	EXPECT_REPORT("lockcheck, CPU 0: a lock without a class: it\n"
		      "  taken here: it at x.c:1\n");
	spin_unlock(&bare);
	EXPECT_SILENCE();
}

/* ---- NMI, VM entry -------------------------------------------------------------------------------------------- */

static void test_nmi_context(void **state)
{
	spin_lock(&b); /* what the NMI interrupted */
	lockcheck_nmi(true);
	spin_lock_at(&a, AT("x.c:1"));
	EXPECT_REPORT("lockcheck, CPU 0: lock in NMI context: a\n"
		      "  taken here: a at x.c:1\n");
	spin_unlock(&a);
	EXPECT_SILENCE();
	assert_true(spin_trylock_at(&a, AT("x.c:2")));
	EXPECT_REPORT("lockcheck, CPU 0: lock in NMI context: a\n"
		      "  taken here: a at x.c:2\n");
	spin_unlock(&a);
	lockcheck_ref(&a, AT("x.c:3"), true);
	EXPECT_REPORT("lockcheck, CPU 0: reference in NMI context\n"
		      "  taken here: x.c:3\n");
	lockcheck_ref(&a, AT("x.c:4"), false);
	EXPECT_REPORT("lockcheck, CPU 0: reference in NMI context\n"
		      "  dropped here: x.c:4\n");
	lockcheck_nmi(false);
	spin_unlock(&b);
	spin_lock(&a);
	spin_unlock(&a);
	lockcheck_vm_entry();
	EXPECT_SILENCE();
}

static void test_nmi_is_of_one_cpu(void **state)
{
	host_cpu = 2;
	lockcheck_nmi(true);
	host_cpu = 0;
	spin_lock(&a);
	spin_unlock(&a);
	EXPECT_SILENCE();
}

static void test_lock_at_vm_entry(void **state)
{
	spin_lock_at(&a, AT("x.c:1"));
	spin_lock_at(&b, AT("x.c:2"));
	lockcheck_vm_entry();
	EXPECT_REPORT("lockcheck, CPU 0: held at VM entry\n"
		      "  lock: a at x.c:1\n"
		      "  lock: b at x.c:2\n");
	host_cpu = 1;
	lockcheck_vm_entry(); /* this one holds nothing */
	EXPECT_SILENCE();
	host_cpu = 0;
	spin_unlock(&b);
	spin_unlock(&a);
}

/* References may be held then: who waits is not waited for because of them. */
static void test_lock_over_a_wait(void **state)
{
	static int object;

	lockcheck_wait();
	lockcheck_ref(&object, AT("x.c:1"), true);
	lockcheck_wait();
	EXPECT_SILENCE();
	lockcheck_ref(&object, AT("x.c:1"), false);
	spin_lock_at(&a, AT("x.c:1"));
	spin_lock_at(&b, AT("x.c:2"));
	lockcheck_wait();
	EXPECT_REPORT("lockcheck, CPU 0: held over a wait\n"
		      "  lock: a at x.c:1\n"
		      "  lock: b at x.c:2\n");
	host_cpu = 1;
	lockcheck_wait();
	EXPECT_SILENCE();
	host_cpu = 0;
	spin_unlock(&b);
	spin_unlock(&a);
}

static void test_reference_at_vm_entry(void **state)
{
	static int object[3];

	for (unsigned int i = 0; i < 3; i++)
		lockcheck_ref(&object[i], i == 2 ? AT("z.c:3") : i ? AT("y.c:2") : AT("x.c:1"), true);
	lockcheck_ref(&object[2], AT("x.c:3"), true);
	lockcheck_ref(&object[2], AT("x.c:4"), false); /* the one of x.c:3 */
	lockcheck_ref(&object[0], AT("x.c:4"), false);
	lockcheck_vm_entry();
	EXPECT_REPORT("lockcheck, CPU 0: held at VM entry\n"
		      "  TRANSIENT reference: taken at y.c:2\n"
		      "  TRANSIENT reference: taken at z.c:3\n");
	lockcheck_ref(&object[2], AT("x.c:4"), false);
	lockcheck_ref(&object[1], AT("x.c:4"), false);
	lockcheck_vm_entry();
	EXPECT_SILENCE();
	lockcheck_ref(&object[1], AT("x.c:5"), false);
	EXPECT_REPORT("lockcheck, CPU 0: TRANSIENT reference dropped that this CPU does not hold\n"
		      "  dropped here: x.c:5\n");
}

/* More than are remembered one by one are still counted. */
static void test_many_references(void **state)
{
	static int object[40];

	for (unsigned int i = 0; i < 40; i++)
		lockcheck_ref(&object[i], AT("x.c:1"), true);
	for (unsigned int i = 0; i < 38; i++)
		lockcheck_ref(&object[i], AT("x.c:2"), false);
	lockcheck_vm_entry();
	EXPECT_REPORT("lockcheck, CPU 0: held at VM entry\n"
		      "  TRANSIENT references: 2 more\n");
	lockcheck_ref(&object[38], AT("x.c:2"), false);
	lockcheck_ref(&object[39], AT("x.c:2"), false);
	lockcheck_vm_entry();
	EXPECT_SILENCE();
}

/* ---- the default report --------------------------------------------------------------------------------------- */

static char log_text[1024];
static jmp_buf after_panic;

/* Its own lock is taken in the wrong order, while the wrong order is reported. */
static void sink(enum log_level level, const char *line, size_t len)
{
	assert_int_equal(level, LOG_ERROR);
	spin_lock(&c);
	strcat(log_text, line);
	strcat(log_text, "|");
	spin_unlock(&c);
}

void host_report(const char *text)
{
}

void panic(const char *fmt, ...)
{
	strcat(log_text, "panic");
	longjmp(after_panic, 1);
}

static void test_default_is_log_and_panic(void **state)
{
	nest(&c, "x.c:1", &a, "x.c:2");
	nest(&a, "x.c:1", &b, "x.c:2");
	lockcheck_on_report(NULL);
	log_set_sink(sink);
	log_text[0] = '\0';
	if (!setjmp(after_panic))
		nest(&b, "y.c:3", &a, "y.c:4");
	log_set_sink(NULL);
	assert_string_equal(log_text, "lockcheck, CPU 0: lock order: a taken under b|"
				      "  taken here: b at y.c:3, then a at y.c:4|"
				      "  earlier: a at x.c:1, then b at x.c:2|panic");
	spin_unlock(&b); /* a was not yet taken */
}

/* ---- counters ------------------------------------------------------------------------------------------------- */

static struct spinlock busy = SPINLOCK_INIT(c_class);
static _Atomic bool waits;

void arch_cpu_relax(void)
{
	waits = true;
	sched_yield();
}

static void *wait_for_busy(void *arg)
{
	host_cpu = 1;
	spin_lock(&busy);
	spin_unlock(&busy);
	return NULL;
}

static void test_counters(void **state)
{
	struct lock_class_info before, after;
	pthread_t thread;

	spin_lock(&busy);
	before = info_of("c");
	assert_int_equal(before.held, 1);
	waits = false;
	assert_int_equal(pthread_create(&thread, NULL, wait_for_busy, NULL), 0);
	while (!waits)
		sched_yield();
	assert_int_equal(info_of("c").held, 1); /* who waits does not hold */
	spin_unlock(&busy);
	pthread_join(thread, NULL);
	after = info_of("c");
	assert_int_equal(after.held, 0);
	assert_int_equal(after.taken, before.taken + 1);
	assert_int_equal(after.contended, before.contended + 1);
	assert_true(spin_trylock(&busy));
	spin_unlock(&busy);
	assert_int_equal(info_of("c").taken, before.taken + 2);
	assert_int_equal(info_of("c").contended, before.contended + 1);
	EXPECT_SILENCE();
}

/* ---- threads -------------------------------------------------------------------------------------------------- */

#define THREADS 4u
#define ROUNDS 2000u

static struct lock_class order_class[4] = { { .name = "o0" }, { .name = "o1" }, { .name = "o2" }, { .name = "o3" } };
static struct spinlock order[4];

static void *take_in_order(void *arg)
{
	unsigned int seed;

	host_cpu = (unsigned int)(uintptr_t)arg;
	seed = host_cpu;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		unsigned int some = (seed = seed * 1103515245u + 12345u) >> 16;

		for (unsigned int k = 0; k < 4; k++)
			if (some & (1u << k))
				spin_lock(&order[k]);
		lockcheck_ref(&order[0], HERE, true);
		lockcheck_ref(&order[0], HERE, false);
		for (unsigned int k = 0; k < 4; k++)
			if (some & (1u << k))
				spin_unlock(&order[k]);
		lockcheck_vm_entry();
	}
	return NULL;
}

static void run_threads(void *(*fn)(void *arg), unsigned int count)
{
	pthread_t thread[THREADS];

	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, fn, (void *)(uintptr_t)i), 0);
	for (unsigned int i = 0; i < count; i++)
		pthread_join(thread[i], NULL);
}

static void test_threads_in_order(void **state)
{
	for (unsigned int k = 0; k < 4; k++)
		spin_init(&order[k], &order_class[k]);
	run_threads(take_in_order, THREADS);
	EXPECT_SILENCE();
	for (unsigned int k = 0; k < 3; k++) {
		assert_true(lockcheck_edge(index_of(order_class[k].name), index_of(order_class[k + 1].name)));
		assert_false(lockcheck_edge(index_of(order_class[k + 1].name), index_of(order_class[k].name)));
		assert_int_equal(info_of(order_class[k].name).held, 0);
	}
}

static struct spinlock mine[2][2]; /* [CPU][class]: no deadlock, since no lock is shared */
static pthread_barrier_t barrier;
static _Atomic unsigned int met;

/* Both go on within a few cycles of each other. */
static void meet(void)
{
	unsigned int all = (met++ / 2 + 1) * 2;

	while (met < all)
		sched_yield();
}

#define CROSSINGS 3000u

static void *take_crosswise(void *arg)
{
	unsigned int *wrong = arg;

	host_cpu = wrong ? 1 : 0;
	for (unsigned int i = 0; i < CROSSINGS; i++) {
		meet();
		if (host_cpu) {
			*wrong += i && reports != 1;
			lockcheck_reset();
			reports = 0;
		}
		meet();
		nest(&mine[host_cpu][host_cpu], "x.c:1", &mine[host_cpu][!host_cpu], "x.c:2");
	}
	return NULL;
}

static void count_report(const char *text)
{
	reports++;
}

/* Of two CPUs that make the two halves of a cycle at the same moment, exactly one sees it. */
static void test_threads_crosswise(void **state)
{
	unsigned int wrong = 0;
	pthread_t thread;

	lockcheck_on_report(count_report);
	for (unsigned int i = 0; i < 4; i++)
		spin_init(&mine[i / 2][i % 2], i % 2 ? &b_class : &a_class);
	assert_int_equal(pthread_create(&thread, NULL, take_crosswise, &wrong), 0);
	take_crosswise(NULL);
	pthread_join(thread, NULL);
	assert_int_equal(wrong, 0);
	assert_int_equal(reports, 1);
}

static struct spinlock fresh[THREADS];
static struct lock_class fresh_class[8] = { { .name = "f0" }, { .name = "f1" }, { .name = "f2" }, { .name = "f3" },
					    { .name = "f4" }, { .name = "f5" }, { .name = "f6" }, { .name = "f7" } };

static void *register_classes(void *arg)
{
	host_cpu = (unsigned int)(uintptr_t)arg;
	pthread_barrier_wait(&barrier);
	for (unsigned int i = 0; i < 8; i++) {
		spin_init(&fresh[host_cpu], &fresh_class[i]);
		spin_lock(&fresh[host_cpu]);
		spin_unlock(&fresh[host_cpu]);
	}
	return NULL;
}

/* Classes that several CPUs use first at the same time get one number each. */
static void test_threads_register(void **state)
{
	struct lock_class_info info;

	pthread_barrier_init(&barrier, NULL, THREADS);
	run_threads(register_classes, THREADS);
	pthread_barrier_destroy(&barrier);
	for (unsigned int k = 0; k < 8; k++) {
		unsigned int found = 0;

		for (unsigned int i = 0; lockcheck_class(i, &info); i++)
			found += !strcmp(info.name, fresh_class[k].name);
		assert_int_equal(found, 1);
		assert_int_equal(info_of(fresh_class[k].name).taken, THREADS);
	}
	/* One that looks for its number while another CPU writes it down finds the same. */
	spin_init(&fresh[0], &fresh_class[3]);
	fresh_class[3].id = 0;
	spin_lock(&fresh[0]);
	spin_unlock(&fresh[0]);
	assert_int_equal(info_of("f3").taken, THREADS + 1);
	EXPECT_SILENCE();
}

/* The last test: the table stays full. */
static void test_too_many_classes(void **state)
{
	static struct lock_class class[LOCK_CLASSES_MAX + 1];
	struct lock_class_info info;
	struct spinlock lock;
	unsigned int used = 0;

	while (lockcheck_class(used, &info))
		used++;
	for (; used <= LOCK_CLASSES_MAX; used++) {
		EXPECT_SILENCE();
		class[used].name = "many";
		spin_init(&lock, &class[used]);
		spin_lock_at(&lock, AT("x.c:1"));
		spin_unlock(&lock);
	}
	EXPECT_REPORT("lockcheck, CPU 0: too many lock classes: many\n"
		      "  taken here: many at x.c:1\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_correct_use_is_silent), TEST(test_trylock_is_no_inner),
		TEST(test_inversion), TEST(test_longer_cycle), TEST(test_inversion_two_deep),
		TEST(test_trylock_counts_as_outer), TEST(test_two_of_one_class), TEST(test_recursion),
		TEST(test_release_of_what_nobody_holds), TEST(test_release_by_another_cpu), TEST(test_too_many_held),
		TEST(test_lock_without_class), TEST(test_nmi_context), TEST(test_nmi_is_of_one_cpu),
		TEST(test_lock_at_vm_entry), TEST(test_lock_over_a_wait), TEST(test_reference_at_vm_entry), TEST(test_many_references),
		TEST(test_default_is_log_and_panic), TEST(test_counters), TEST(test_threads_in_order),
		TEST(test_threads_crosswise), TEST(test_threads_register), TEST(test_too_many_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The core's small parts: formatted text (against the C library's own printf), reference counts, the page allocator, the ticket lock on
 * real threads.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/arch.h"
#include "core/errno.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/pages.h"
#include "core/refcnt.h"
#include "core/string.h"

void arch_cpu_relax(void)
{
	sched_yield();
}

/* ---- text ----------------------------------------------------------------------------------------------------- */

#define SAME_AS_LIBC(size, ...)                                              \
	do {                                                                 \
		char ours[size], theirs[size];                               \
		int n = fl_snprintf(ours, sizeof(ours), __VA_ARGS__);        \
		int m = snprintf(theirs, sizeof(theirs), __VA_ARGS__);       \
		assert_int_equal(n, m);                                      \
		assert_string_equal(ours, theirs);                           \
	} while (0)

#pragma GCC diagnostic ignored "-Wformat-truncation"

static void test_printf_agrees_with_libc(void **state)
{
	SAME_AS_LIBC(64, "plain");
	SAME_AS_LIBC(64, "%d %i %u", -1, 2147483647, 4294967295u);
	SAME_AS_LIBC(64, "%lld", (long long)(-9223372036854775807LL - 1));
	SAME_AS_LIBC(64, "%llx %llX", 0xfedcba9876543210ull, 0xfedcba9876543210ull);
	SAME_AS_LIBC(64, "[%8x] [%-8x] [%08x]", 0xabcu, 0xabcu, 0xabcu);
	SAME_AS_LIBC(64, "[%6d] [%-6d] [%06d]", -42, -42, -42);
	SAME_AS_LIBC(64, "[%10s] [%-10s] [%.2s]", "abc", "abc", "abc");
	SAME_AS_LIBC(64, "[%.*s] [%.*s] [%8.*s]", 2, "abc", -1, "abc", 1, "abc");
	SAME_AS_LIBC(64, "%c%c %%", 'x', 'y');
	SAME_AS_LIBC(64, "%hhx %hx", (unsigned int)(unsigned char)0xab, (unsigned int)(unsigned short)0xabcd);
	SAME_AS_LIBC(64, "%zu %lu", (size_t)123, 456ul);
	SAME_AS_LIBC(5, "%s", "too long for it");
	SAME_AS_LIBC(1, "%d", 12345);
}

static char seen[LOG_LINE_MAX + 1];
static unsigned int lines;

static void sink(enum log_level level, const char *line, size_t len)
{
	assert_true(len < sizeof(seen));
	assert_int_equal(strlen(line), len);
	memcpy(seen, line, len + 1);
	lines++;
}

static void test_log_cuts_and_filters(void **state)
{
	char text[2 * LOG_LINE_MAX];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_set_sink(sink);
	log_set_level(LOG_WARN);
	lines = 0;
	log_info("not this");
	assert_int_equal(lines, 0);
	log_warn("%s", text);
	assert_int_equal(lines, 1);
	assert_int_equal(strlen(seen), LOG_LINE_MAX - 1);
	assert_string_equal(seen + LOG_LINE_MAX - 4, "...");
	log_set_level(LOG_INFO);
	log_set_sink(NULL);
	log_error("dropped without a crash");
}

/* ---- reference counts ----------------------------------------------------------------------------------------- */

static void test_refcnt_last_put(void **state)
{
	struct refcnt r;

	refcnt_init(&r);
	refcnt_get(&r);
	assert_true(refcnt_get_unless_zero(&r));
	assert_false(refcnt_put(&r));
	assert_false(refcnt_put(&r));
	assert_true(refcnt_put(&r));
	assert_int_equal(refcnt_read(&r), 0);
	assert_false(refcnt_get_unless_zero(&r)); /* never 0 -> 1 */
	assert_int_equal(refcnt_read(&r), 0);
}

static struct refcnt shared_refs;
static _Atomic unsigned int last_puts, turns;

static void *get_and_put(void *arg)
{
	for (unsigned int i = 0; i < 20000; i++) {
		if (!refcnt_get_unless_zero(&shared_refs))
			break;
		refcnt_get(&shared_refs);
		last_puts += refcnt_put(&shared_refs);
		last_puts += refcnt_put(&shared_refs);
		turns++;
	}
	return NULL;
}

/* Whatever the interleaving: one put is the last, and nothing raises the count after it. */
static void test_refcnt_one_last_put(void **state)
{
	pthread_t thread[4];

	for (unsigned int round = 0; round < 10; round++) {
		last_puts = 0;
		turns = 0;
		refcnt_init(&shared_refs);
		for (unsigned int i = 0; i < 4; i++)
			assert_int_equal(pthread_create(&thread[i], NULL, get_and_put, NULL), 0);
		while (turns < 20000) /* of 80000: they are at it */
			sched_yield();
		last_puts += refcnt_put(&shared_refs);
		for (unsigned int i = 0; i < 4; i++)
			pthread_join(thread[i], NULL);
		assert_int_equal(last_puts, 1);
		assert_int_equal(refcnt_read(&shared_refs), 0);
	}
}

static void test_refcnt_misuse_saturates(void **state)
{
	struct refcnt r;

	log_set_sink(sink);
	lines = 0;
	atomic_init(&r.n, 0);
	refcnt_get(&r); /* a get of a dead object: kept for good, and said */
	assert_int_equal(refcnt_read(&r), REFCNT_SATURATED);
	assert_int_equal(lines, 1);
	assert_string_equal(seen, "reference count raised from 0: the object is kept for good");
	atomic_init(&r.n, 0);
	assert_false(refcnt_put(&r));
	assert_int_equal(refcnt_read(&r), REFCNT_SATURATED);
	assert_int_equal(lines, 2);
	assert_string_equal(seen, "reference count dropped below 0: the object is kept for good");
	assert_false(refcnt_put(&r));
	assert_int_equal(refcnt_read(&r), REFCNT_SATURATED);
	assert_int_equal(lines, 2);
	log_set_sink(NULL);
}

/* The limit is said when it is reached, and never left again. */
static void test_refcnt_limit(void **state)
{
	struct refcnt r;

	log_set_sink(sink);
	for (unsigned int by_lookup = 0; by_lookup < 2; by_lookup++) {
		lines = 0;
		atomic_init(&r.n, REFCNT_SATURATED - 2);
		refcnt_get(&r);
		assert_int_equal(refcnt_read(&r), REFCNT_SATURATED - 1);
		assert_false(refcnt_put(&r));
		assert_true(refcnt_get_unless_zero(&r));
		assert_int_equal(refcnt_read(&r), REFCNT_SATURATED - 1);
		assert_int_equal(lines, 0);
		if (by_lookup)
			assert_true(refcnt_get_unless_zero(&r));
		else
			refcnt_get(&r);
		assert_int_equal(refcnt_read(&r), REFCNT_SATURATED);
		assert_int_equal(lines, 1);
		assert_string_equal(seen, "reference count at its limit: the object is kept for good");
		for (unsigned int i = 0; i < 10; i++) {
			refcnt_get(&r);
			assert_true(refcnt_get_unless_zero(&r));
			assert_int_equal(refcnt_read(&r), REFCNT_SATURATED);
		}
		for (unsigned int i = 0; i < 30; i++) {
			assert_false(refcnt_put(&r));
			assert_int_equal(refcnt_read(&r), REFCNT_SATURATED);
		}
		assert_int_equal(lines, 1);
	}
	log_set_sink(NULL);
}

/* ---- pages ---------------------------------------------------------------------------------------------------- */

#define BLOCK_PAGES 16u

static void test_pages(void **state)
{
	u8 *block = aligned_alloc(SIZE_2M, SIZE_2M);
	void *page[BLOCK_PAGES];
	void *more;

	memset(block, 0xaa, SIZE_2M);
	pages_init(virt_to_phys(block), BLOCK_PAGES * PAGE_SIZE);
	assert_int_equal(pages_left(), BLOCK_PAGES);
	for (unsigned int i = 0; i < BLOCK_PAGES; i++) {
		page[i] = page_alloc();
		assert_true((u8 *)page[i] >= block && (u8 *)page[i] < block + BLOCK_PAGES * PAGE_SIZE);
		assert_true(IS_ALIGNED(virt_to_phys(page[i]), PAGE_SIZE));
		for (unsigned int k = 0; k < PAGE_SIZE; k++)
			assert_int_equal(((u8 *)page[i])[k], 0);
		memset(page[i], 0x55, PAGE_SIZE);
		for (unsigned int j = 0; j < i; j++)
			assert_ptr_not_equal(page[i], page[j]);
	}
	assert_null(page_alloc()); /* exhaustion is an answer, not a crash */
	assert_int_equal(block[BLOCK_PAGES * PAGE_SIZE], 0xaa);
	page_free(page[3]);
	more = page_alloc();
	assert_ptr_equal(more, page[3]);
	assert_int_equal(((u8 *)more)[100], 0); /* zeroed again */
	assert_null(page_alloc());
	free(block);
}

static void test_pages_contiguous(void **state)
{
	u8 *block = aligned_alloc(SIZE_2M, SIZE_2M);

	pages_init(virt_to_phys(block), BLOCK_PAGES * PAGE_SIZE);
	assert_non_null(page_alloc());
	assert_ptr_equal(pages_alloc_contig(2, 8 * PAGE_SIZE), block + 8 * PAGE_SIZE);
	assert_int_equal(pages_left(), BLOCK_PAGES - 3); /* what was skipped is not lost */
	assert_null(pages_alloc_contig(7, PAGE_SIZE));	 /* 6 follow */
	assert_null(pages_alloc_contig(0, PAGE_SIZE));
	assert_null(pages_alloc_contig(~(u64)0 / PAGE_SIZE, PAGE_SIZE));
	assert_non_null(pages_alloc_contig(6, PAGE_SIZE));
	free(block);
}

/* ---- the lock ------------------------------------------------------------------------------------------------- */

#define THREADS 4
#define TURNS 20000

static LOCK_CLASS(lock_class, "test");
static struct spinlock lock = SPINLOCK_INIT(lock_class);
static unsigned long counter GUARDED_BY(lock);
extern _Thread_local unsigned int host_cpu; /* core/host_cpu.c */

static void *count(void *arg)
{
	host_cpu = (unsigned int)(uintptr_t)arg;
	for (unsigned int i = 0; i < TURNS; i++) {
		unsigned long before;

		spin_lock(&lock);
		before = counter;
		if (i % 64 == 0)
			sched_yield(); /* an open door is found even on one CPU */
		counter = before + 1;
		spin_unlock(&lock);
	}
	return NULL;
}

static void test_lock_excludes(void **state)
{
	pthread_t thread[THREADS];

	for (unsigned int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, count, (void *)(uintptr_t)i), 0);
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(counter, (unsigned long)THREADS * TURNS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_printf_agrees_with_libc), cmocka_unit_test(test_log_cuts_and_filters),
		cmocka_unit_test(test_refcnt_last_put),		cmocka_unit_test(test_refcnt_misuse_saturates),
		cmocka_unit_test(test_refcnt_limit),		cmocka_unit_test(test_refcnt_one_last_put),
		cmocka_unit_test(test_pages),			cmocka_unit_test(test_pages_contiguous),
		cmocka_unit_test(test_lock_excludes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

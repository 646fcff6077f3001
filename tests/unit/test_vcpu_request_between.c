/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests between the guest's CPUs, one in the middle of another: what comes of two is what comes of them one after the other, in one order
 * or in the other. Threads meet in a window of nanoseconds once in a while; here each pair meets, between the look at the word and its
 * change. For that the source is compiled into the test, with an atomic_load() behind which the other one happens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <stdatomic.h>

#include "core/types.h"

static void meanwhile(void);
static inline u32 load_and_then(_Atomic u32 *word)
{
	u32 value = atomic_load_explicit(word, memory_order_seq_cst);

	meanwhile();
	return value;
}
#undef atomic_load
#define atomic_load(word) load_and_then(word)
#include "arch/x86/vcpu_request.c"

#define TARGET 1u

extern _Thread_local unsigned int host_cpu; /* core/host_cpu.c: which CPU this is */

void arch_cpu_kick(unsigned int cpu)
{
	assert_int_equal(cpu, TARGET);
}

/* i: INIT, a, b: start-up with that vector, n: NMI, w: wake; R, N, W: the target takes requests, NMIs, a wake. */
static const char operations[] = "iabnwRNW";

/* What was taken: by the first, by the second, and what is left in the end. */
struct outcome {
	u32 taken[2];
	u32 left_requests, left_nmis, left_wake;
};

static u32 take_requests(void)
{
	struct vcpu_requests r = vcpu_take_requests();

	return (r.init ? 0x100u : 0) | (r.startup ? 0x200u : 0) | r.vector;
}

static u32 perform(char operation)
{
	unsigned int now = host_cpu;
	u32 taken = 0;

	host_cpu = operation >= 'A' && operation <= 'Z' ? TARGET : 0;
	switch (operation) {
	case 'i': vcpu_request_init(TARGET); break;
	case 'n': vcpu_request_nmi(TARGET); break;
	case 'w': vcpu_request_wake(TARGET); break;
	case 'R': taken = take_requests(); break;
	case 'N': taken = vcpu_take_nmis(); break;
	case 'W': taken = vcpu_take_wake(); break;
	default: vcpu_request_startup(TARGET, operation == 'a' ? 0x55 : 0xaa); break;
	}
	host_cpu = now;
	return taken;
}

static char other; /* happens behind the next look at the word; 0: nothing does */
static u32 other_taken;
static unsigned int windows;

static void meanwhile(void)
{
	char now = other;

	other = 0;
	if (now) {
		windows++;
		other_taken = perform(now);
	}
}

static void begin(const char *before)
{
	other = 0;
	for (const char *c = "RNW"; *c; c++)
		perform(*c);
	for (const char *c = before; *c; c++)
		perform(*c);
}

static struct outcome finish(u32 first, u32 second)
{
	struct outcome o = { .taken = { first, second } };

	o.left_requests = perform('R');
	o.left_nmis = perform('N');
	o.left_wake = perform('W');
	return o;
}

static struct outcome one_after_the_other(const char *before, char a, char b, bool b_first)
{
	u32 taken_a, taken_b;

	begin(before);
	if (b_first) {
		taken_b = perform(b);
		taken_a = perform(a);
	} else {
		taken_a = perform(a);
		taken_b = perform(b);
	}
	return finish(taken_a, taken_b);
}

static bool same(const struct outcome *x, const struct outcome *y)
{
	return !memcmp(x, y, sizeof(*x));
}

static bool is_taking(char operation)
{
	return operation < 'a';
}

static void each_in_the_middle_of_each(void **state)
{
	static const char *const before[] = { "", "i", "a", "ia", "n", "nn", "w", "in", "iann", "nnaw", "iannw" };

	for (unsigned int i = 0; i < ARRAY_SIZE(before); i++) {
		for (const char *a = operations; *a; a++) {
			for (const char *b = operations; *b; b++) {
				struct outcome ab = one_after_the_other(before[i], *a, *b, false);
				struct outcome ba = one_after_the_other(before[i], *a, *b, true), o;
				u32 taken;

				if (is_taking(*a) && is_taking(*b))
					continue; /* the target does one thing at a time */
				begin(before[i]);
				other = *b;
				taken = perform(*a);
				if (other)
					continue; /* no look: it is done in one step */
				o = finish(taken, other_taken);
				if (!same(&o, &ab) && !same(&o, &ba))
					fail_msg("behind \"%s\": '%c' in the middle of '%c'", before[i], *b, *a);
			}
		}
	}
	assert_true(windows > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_in_the_middle_of_each) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

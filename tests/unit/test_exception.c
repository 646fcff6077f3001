/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions on top of exceptions: the whole table of AMD64 APM vol. 2, 8.2.9.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "arch/x86/vcpu.h"

static void test_one(void **state)
{
	struct vcpu v = { 0 };

	vcpu_raise_error(&v, 13, 0x18);
	assert_true(v.exception.pending && v.exception.has_error_code);
	assert_int_equal(v.exception.vector, 13);
	assert_int_equal(v.exception.error_code, 0x18);
	v = (struct vcpu){ 0 };
	vcpu_raise(&v, 6);
	assert_true(v.exception.pending && !v.exception.has_error_code);
	assert_int_equal(v.exception.vector, 6);
}

/* DE 0, TS 10, NP 11, SS 12, GP 13 contribute; PF 14; the rest are benign. */
static void test_pairs(void **state)
{
	static const u8 kind[20] = { [0] = 1, [10] = 1, [11] = 1, [12] = 1, [13] = 1, [14] = 2 };

	for (u8 first = 0; first < 20; first++) {
		for (u8 second = 0; second < 20; second++) {
			bool twice = kind[first] == 1 ? kind[second] == 1 : kind[first] == 2 && kind[second];
			struct vcpu v = { 0 };

			if (first == 8)
				continue;
			vcpu_raise_error(&v, first, 5);
			vcpu_raise_error(&v, second, 7);
			assert_false(v.shutdown);
			assert_int_equal(v.exception.vector, twice ? 8 : second);
			assert_int_equal(v.exception.error_code, twice ? 0 : 7);
			assert_true(v.exception.pending && v.exception.has_error_code);
		}
	}
}

static void test_shutdown(void **state)
{
	struct vcpu v = { 0 };

	vcpu_raise_error(&v, 13, 0);
	vcpu_raise(&v, 0);
	assert_int_equal(v.exception.vector, 8);
	assert_false(v.shutdown);
	vcpu_raise_error(&v, 14, 0);
	assert_true(v.shutdown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_shutdown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration space against tests/spec: every register of every kind of function, with every partial write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/spec/functions.h"

static int setup_functions(void **state)
{
	spec_build(functions, ARRAY_SIZE(functions));
	return 0;
}

static void check_all(unsigned int number)
{
	struct subject *s = &subjects[number];
	unsigned int checked = 0;

	for (unsigned int dword = 0; dword < s->f->size; dword += 4) {
		if (!subject_worth_checking(s, dword))
			continue;
		if (!subject_check(s, dword))
			fail_msg("%s, dword 0x%x: %s", s->name, dword, spec_complaint);
		checked++;
	}
	assert_true(checked >= 64);
}

static void test_network_card(void **state)
{
	check_all(0);
}

static void test_old_card(void **state)
{
	check_all(1);
}

static void test_root_port(void **state)
{
	check_all(2);
}

static void test_pci_bridge(void **state)
{
	check_all(3);
}

static void test_host_bridge(void **state)
{
	check_all(4);
}

static void test_cardbus_bridge(void **state)
{
	check_all(5);
}

#define S(name) cmocka_unit_test_setup_teardown(name, setup_functions, spec_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		S(test_network_card), S(test_old_card),	   S(test_root_port),
		S(test_pci_bridge),   S(test_host_bridge), S(test_cardbus_bridge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the monitor is told of a CPU: its APIC ID, and where it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86/cpus.h"
#include "core/vm.h"

static struct arch_cpu_info info;

static int setup(void **state)
{
	x86_cpus = (struct x86_cpus){ .count = 3, .apic_id = { 0, 2, 0x100 } };
	shootdown_init(&guest.shootdown);
	for (unsigned int cpu = 0; cpu < CPUS_MAX; cpu++)
		x86_cpu_set_waiting(cpu, false);
	memset(&info, 0xff, sizeof(info));
	return 0;
}

#define assert_state(cpu, text)                           \
	do {                                              \
		assert_true(arch_cpu_info((cpu), &info)); \
		assert_string_equal(info.state, (text));  \
	} while (0)

static void every_cpu_and_no_other(void **state)
{
	for (unsigned int cpu = 0; cpu < 3; cpu++) {
		assert_state(cpu, "in Fairlead");
		assert_int_equal(info.id, x86_cpus.apic_id[cpu]);
		assert_string_equal(info.id_name, "APIC ID");
	}
	assert_false(arch_cpu_info(3, &info));
	assert_false(arch_cpu_info(CPUS_MAX, &info));
	assert_false(arch_cpu_info(~0u, &info));
	x86_cpus.count = 0;
	assert_false(arch_cpu_info(0, &info));
	x86_cpus.count = CPUS_MAX;
	assert_state(CPUS_MAX - 1, "in Fairlead");
	assert_false(arch_cpu_info(CPUS_MAX, &info));
}

static void where_each_is(void **state)
{
	guest.shootdown.cpu[1].in_guest = 1;
	x86_cpu_set_waiting(2, true);
	assert_state(0, "in Fairlead");
	assert_state(1, "in the guest");
	assert_state(2, "waits for the guest's SIPI");
	guest.shootdown.cpu[1].in_guest = 0;
	assert_state(1, "in Fairlead");
	x86_cpu_set_waiting(2, false);
	assert_state(2, "in Fairlead");
	guest.shootdown.cpu[2].in_guest = 77;
	assert_state(2, "in the guest");
}

/* For as long as the mark and the entry overlap, it is where it is already going. */
static void the_guest_comes_first(void **state)
{
	x86_cpu_set_waiting(1, true);
	guest.shootdown.cpu[1].in_guest = 5;
	assert_state(1, "in the guest");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_cpu_and_no_other, setup),
		cmocka_unit_test_setup(where_each_is, setup),
		cmocka_unit_test_setup(the_guest_comes_first, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What --probe says of the CPUs: one line with their number, their APIC IDs, and whether they could be woken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "boot/boot_info.h"
#include "boot/probe.h"
#include "core/log.h"
#include "core/string.h"

static char said[LOG_LINE_MAX]; /* the line on CPUs */
static unsigned int lines;

void arch_describe_cpu(void);

void arch_describe_cpu(void)
{
}

static void sink(enum log_level level, const char *line, size_t len)
{
	if (!strstr(line, "APIC IDs"))
		return;
	lines++;
	memcpy(said, line, len + 1);
}

static void probe(bool no_acpi)
{
	const struct probe_findings findings = { .no_firmware = no_acpi };

	lines = 0;
	said[0] = 0;
	log_set_sink(sink);
	probe_report(&findings);
	log_set_sink(NULL);
}

static void says(const char *expected, const u32 *id, unsigned int count)
{
	boot_info.acpi.cpus = count;
	for (unsigned int i = 0; i < count; i++)
		boot_info.acpi.cpu_apic_id[i] = id[i];
	probe(false);
	assert_int_equal(lines, 1);
	assert_string_equal(said, expected);
}
#define IDS(...) (const u32[]){ __VA_ARGS__ }, ARRAY_SIZE(((const u32[]){ __VA_ARGS__ }))

static void test_ids(void **state)
{
	boot_info.trampoline = 0x10000;
	says("cpus: 4, APIC IDs 0-3; would be woken through 0x10000", IDS(0, 1, 2, 3));
	says("cpus: 2, APIC IDs 0-1; would be woken through 0x10000", IDS(0, 1)); /* 2 and 3 still stand there */
	says("cpus: 2, APIC IDs 1 0; would be woken through 0x10000", IDS(1, 0));
	says("cpus: 7, APIC IDs 0 2-3 300 16-17 0; would be woken through 0x10000",
	     IDS(0, 2, 3, 300, 16, 17, 0));
	says("cpus: 2, APIC IDs 4294967293-4294967294; would be woken through 0x10000",
	     IDS(0xfffffffd, 0xfffffffe));
	boot_info.acpi.more_cpus = true;
	says("cpus: 2 and more, APIC IDs 5-6; would be woken through 0x10000", IDS(5, 6));
	boot_info.trampoline = 0;
	says("cpus: 2 and more, APIC IDs 5-6; the guest would have one", IDS(5, 6));
	boot_info.acpi.more_cpus = false;
	says("cpus: 1, APIC IDs 0; the guest would have one", IDS(0));
}

/* As many as there can be, with the longest IDs: the line is cut where an ID ends, and says so. */
static void test_room(void **state)
{
	const char *end;

	boot_info.trampoline = 0x10000;
	boot_info.acpi.cpus = CPUS_MAX;
	for (unsigned int i = 0; i < CPUS_MAX; i++)
		boot_info.acpi.cpu_apic_id[i] = 4000000000u + 2 * i;
	probe(false);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(said, "cpus: 64, APIC IDs 4000000000 4000000002 "));
	end = strstr(said, " ...; would be woken through 0x10000");
	assert_non_null(end);
	assert_int_equal(end[-11], ' '); /* a whole ID of ten digits before it */
	for (unsigned int i = 0; i < CPUS_MAX; i++)
		boot_info.acpi.cpu_apic_id[i] = 2 * i;
	/* What fits is not cut, at whatever number. */
	for (unsigned int n = CPUS_MAX; n; n--) {
		char last[32];

		boot_info.acpi.cpus = n;
		probe(false);
		fl_snprintf(last, sizeof(last), " %u; would be", 2 * (n - 1));
		assert_int_equal(strstr(said, last) != NULL, strstr(said, " ...;") == NULL);
		if (n <= 40)
			assert_null(strstr(said, " ...;"));
	}
}

static void test_without_acpi(void **state)
{
	probe(true);
	assert_int_equal(lines, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_without_acpi),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

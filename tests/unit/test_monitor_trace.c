/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `trace`: what it answers, and that tools/trace2perfetto reads what it dumps.
 */
#include "fake_monitor.h"

#include "core/counters.h"
#include "core/trace.h"

extern _Thread_local unsigned int host_cpu; /* core/host_cpu.c */

static u64 now;

u64 arch_cycles(void)
{
	return now += 1500;
}

u64 arch_cycles_per_us(void)
{
	return 3000;
}

static int setup_trace(void **state)
{
	static const char *const names[] = { "cpuid", "msr-read", "msr-write", "io" };
	static struct trace_slot memory[2 * TRACE_RECORDS];

	setup_entered(state);
	memset(memory, 0, sizeof(memory));
	trace_init(2, memory);
	counters_name_exits(names, ARRAY_SIZE(names));
	host_cpu = 0;
	now = 0;
	return 0;
}

static unsigned int occurrences(const char *text)
{
	unsigned int n = 0;

	for (const char *at = said; (at = strstr(at, text)); at++)
		n++;
	return n;
}

static void put(unsigned int cpu, u64 time, u64 b)
{
	host_cpu = cpu;
	trace_put(TRACE_MMIO_READ, time, 4, b, 0xabc, 0);
	host_cpu = 0;
}

/* ---- switching ---- */

static void state_and_switching(void **state)
{
	command("trace");
	assert_said("  on: nothing\n"
		    "  CPU 0: 0 records, room for 4096; 0 overwritten\n"
		    "  CPU 1: 0 records, room for 4096; 0 overwritten\n"
		    "done\n");
	command("trace on exit,config");
	assert_said("done\n");
	assert_int_equal(trace_get_classes(), BIT32(TRACE_CLASS_EXIT) | BIT32(TRACE_CLASS_CONFIG));
	command("trace on nmi");
	command("trace");
	assert_non_null(strstr(said, "  on: exit, config, nmi\n"));
	command("trace on all");
	assert_int_equal(trace_get_classes(), TRACE_ALL);
	command("trace off");
	assert_said("done\n");
	assert_int_equal(trace_get_classes(), 0);
	for (unsigned int i = 0; i < TRACE_RECORDS + 3; i++)
		put(1, i, i);
	command("trace");
	assert_non_null(strstr(said, "  CPU 1: 4096 records, room for 4096; 3 overwritten\n"));
	command("trace clear");
	assert_said("done\n");
	command("trace");
	assert_non_null(strstr(said, "  CPU 1: 0 records, room for 4096; 0 overwritten\n"));
}

static void each_class_has_its_name(void **state)
{
	static const char *const names[] = { "exit", "inject", "config", "mmio", "iommu", "refs", "locks", "work", "nmi" };
	char line[32];

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		command("trace off");
		snprintf(line, sizeof(line), "trace on %s", names[i]);
		command(line);
		assert_int_equal(trace_get_classes(), 1u << i);
	}
	command("trace off");
	command("trace on exit,inject,config,mmio,iommu,refs,locks,work,nmi"); /* fits the line */
	assert_int_equal(trace_get_classes(), 0x1ff);
	command("trace off");
}

static void what_is_refused(void **state)
{
	static const char usage[] = "refused: write it as in `trace`, `trace on CLASS[,CLASS...]|all`, `trace off`, "
				    "`trace clear`, `trace show [N]`, `trace dump`\n";
	static const char *const wrong[] = { "trace on", "trace on exit config", "trace of", "trace off now",
					     "trace clear all", "trace dump 3", "trace show 1 2", "trace x" };
	static const char *const no_class[] = { "exits", "", "exit,", ",exit", "exit,,nmi", "al", "exit,all", "EXIT" };
	static const char *const no_number[] = { "0", "4097", "-1", "x", "99999", "1x", "100000" };
	char line[64];

	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		command(wrong[i]);
		assert_said(usage);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(no_class); i++) {
		if (!no_class[i][0])
			continue;
		snprintf(line, sizeof(line), "trace on %s", no_class[i]);
		command(line);
		assert_non_null(strstr(said, "is no class; there are all, exit, inject, config, mmio, iommu, refs, locks, work, "
					     "nmi\n"));
		assert_int_equal(trace_get_classes(), 0);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(no_number); i++) {
		snprintf(line, sizeof(line), "trace show %s", no_number[i]);
		command(line);
		assert_non_null(strstr(said, "is no number of records from 1 to 4096\n"));
	}
}

/* ---- show ---- */

static void records_for_a_person(void **state)
{
	trace_put(TRACE_EXIT, 3000000, 3, 0xffffffff81000000, 4500, 0xcf8);
	trace_put(TRACE_CONFIG_WRITE, 3003001, 0x44, 0x1234, 0x00010010, 2);
	trace_put(TRACE_REF_CONVERT, 3006000, PCI_REF_VPCI, 0, PCI_REF_TRANSIENT, 0x10);
	trace_put(TRACE_EXIT, 3009000, 9, 1, 2, 3); /* a reason without a name */
	trace_put(0xff, 3012000, 0, 0, 0, 0);
	command("trace show");
	assert_said("  CPU 0 at 1000.000 us: exit reason io rip 0xffffffff81000000 took 1.500 us detail 0xcf8\n"
		    "  CPU 0 at 1001.000 us: config-write offset 0x44 value 0x1234 sbdf 0001:00:02.0 size 2\n"
		    "  CPU 0 at 1002.000 us: ref-convert to vpci from transient sbdf 0000:00:02.0\n"
		    "  CPU 0 at 1003.000 us: exit reason 9 rip 0x1 took 0.000 us detail 0x3\n"
		    "  CPU 0 at 1004.000 us: unknown event\n"
		    "done\n");
}

static void the_newest_of_all_cpus(void **state)
{
	for (unsigned int i = 0; i < 100; i++)
		put(i & 1, 3000 * i, i);
	command("trace show");
	assert_int_equal(said_lines, 32 + 1);
	for (unsigned int i = 68; i < 100; i++) {
		char line[96];

		snprintf(line, sizeof(line), "CPU %u at %u.000 us: mmio-read size 4 address 0x%x value 0xabc\n", i & 1, i, i);
		assert_int_equal(occurrences(line), 1);
		assert_true(i == 68 || strstr(said, line) > said);
	}
	assert_non_null(strstr(said, "  CPU 0 at 68.000 us"));
	assert_ptr_equal(strstr(said, "  CPU 0 at 68.000 us"), said); /* in order */
	command("trace show 1");
	assert_int_equal(said_lines, 2);
	assert_non_null(strstr(said, "at 99.000 us"));
	command("trace show 4096");
	assert_int_equal(said_lines, 101);
	trace_clear();
	command("trace show");
	assert_said("done\n");
}

static void trace_of_64_cpus(void)
{
	static struct trace_slot memory[CPUS_MAX * TRACE_RECORDS];

	memset(memory, 0, sizeof(memory));
	trace_init(CPUS_MAX, memory);
}

/* As many CPUs as there may be, one of them silent: in order of time, whoever has the records; and each step is short. */
static void the_newest_of_64_cpus(void **state)
{
	unsigned int steps = 0;
	const char *at = said;
	unsigned int held;

	trace_of_64_cpus();
	for (unsigned int i = 0; i < 1000; i++)
		put(i * 7 % (CPUS_MAX - 1), 3000 * i, i);
	forget();
	for (const char *c = "trace show 600"; *c; c++)
		(void)monitor_input(*c, &held);
	settle();
	(void)monitor_input('\r', &held);
	for (; work_pending() && !said_lines; steps++)
		(void)work_run(1);
	assert_in_range(steps, 600 / 64, 20); /* going back, 64 at a time */
	settle();
	assert_int_equal(said_lines, 601);
	for (unsigned int i = 400; i < 1000; i++) {
		char line[96];

		snprintf(line, sizeof(line), "  CPU %u at %u.000 us: mmio-read size 4 address 0x%x value 0xabc\n",
			 i * 7 % (CPUS_MAX - 1), i, i);
		assert_memory_equal(at, line, strlen(line));
		at += strlen(line);
	}
	assert_string_equal(at, "done\n");
}

static u64 record_time(unsigned int cpu, unsigned int n)
{
	return 1000 + 10 * n + cpu;
}

/* All of all CPUs' records are in a dump, each as its CPU's; the CPUs that have none are, too. */
static void a_dump_of_64_cpus(void **state)
{
	char line[64];

	trace_of_64_cpus();
	for (unsigned int cpu = 0; cpu < CPUS_MAX; cpu += 3)
		for (unsigned int n = 0; n < 3; n++)
			put(cpu, record_time(cpu, n), n);
	command("trace dump");
	assert_non_null(strstr(said, "trace: dump 1 cycles/us 3000 cpus 64\n"));
	for (unsigned int cpu = 0; cpu < CPUS_MAX; cpu += 3) {
		for (unsigned int n = 0; n < 3; n++) {
			snprintf(line, sizeof(line), "\ntrace: %x 31 %llx 4 %x abc 0\n", cpu,
				 (unsigned long long)record_time(cpu, n), n);
			assert_int_equal(occurrences(line), 1);
		}
	}
	assert_non_null(strstr(said, "\ntrace: end records 66 lost 0 checksum "));
	command("trace");
	assert_int_equal(occurrences(": 3 records, room for 4096; 0 overwritten\n"), 22);
	assert_int_equal(occurrences(": 0 records, room for 4096; 0 overwritten\n"), 42);
}

/* What is on stays on, and nothing of the showing itself is recorded. */
static void showing_records_nothing(void **state)
{
	static const char *const lines[] = { "trace show 4096", "trace dump" };

	for (unsigned int i = 0; i < ARRAY_SIZE(lines); i++) {
		unsigned int held, steps = 0;

		trace_clear();
		trace_set_classes(0);
		for (unsigned int n = 0; n < 200; n++)
			put(0, n, n);
		trace_set_classes(TRACE_ALL);
		forget();
		for (const char *c = lines[i]; *c; c++)
			(void)monitor_input(*c, &held);
		settle();
		(void)monitor_input('\r', &held);
		for (; work_pending(); steps++) {
			(void)work_run(1);
			if (strstr(said, "abc") && !strstr(said, "done"))
				assert_int_equal(trace_get_classes(), 0);
		}
		assert_true(steps > 200 / STEP_LINES);
		assert_int_equal(trace_get_classes(), TRACE_ALL);
		trace_set_classes(0);
		assert_int_equal(occurrences("0xabc") + occurrences(" abc 0"), 200);
	}
}

/* ---- dump ---- */

static void a_dump_word_for_word(void **state)
{
	command("trace clear");
	trace_put(TRACE_EXIT, 0x1234, 3, 0xffffffff81000000, 0x64, 0xcf8);
	put(1, 0x2000, 0xfee00000);
	command("trace dump");
	assert_non_null(strstr(said, "trace: dump 1 cycles/us 3000 cpus 2\n"
				     "trace: names exit 0 cpuid msr-read msr-write io\n"
				     "trace: names ref 0 base owner vpci msi ats pf parent work\n"));
	assert_non_null(strstr(said, "\ntrace: event 1 exit exit reason:exit rip:hex took:cycles detail:hex\n"));
	assert_non_null(strstr(said, "\ntrace: event 31 mmio mmio-read size:decimal address:hex value:hex -\n"));
	assert_non_null(strstr(said, "\ntrace: 0 1 1234 3 ffffffff81000000 64 cf8\n"
				     "trace: 1 31 2000 4 fee00000 abc 0\n"
				     "trace: end records 2 lost 0 checksum "));
	assert_non_null(strstr(said, "\ndone\n"));
}

/* What is between "trace: " and the line's end, with a line feed, is summed: the CRC of IEEE 802.3, reckoned here another way. */
static u32 crc_of_dump(void)
{
	u32 table[256], crc = ~0u;

	for (u32 i = 0; i < 256; i++) {
		table[i] = i;
		for (unsigned int bit = 0; bit < 8; bit++)
			table[i] = table[i] & 1 ? table[i] >> 1 ^ 0xedb88320 : table[i] >> 1;
	}
	for (char *line = said; !strstr(line, "trace: end ") || strncmp(line, "trace: end ", 11); line = strchr(line, '\n') + 1)
		for (char *c = line + strlen("trace: ");; c++) {
			crc = crc >> 8 ^ table[(crc ^ (u8)*c) & 0xff];
			if (*c == '\n')
				break;
		}
	return ~crc;
}

static void the_checksum(void **state)
{
	char end[64];

	put(0, 1, 2);
	command("trace dump");
	snprintf(end, sizeof(end), "\ntrace: end records 1 lost 0 checksum %08x\n", crc_of_dump());
	assert_non_null(strstr(said, end));
}

static void what_was_lost_is_told(void **state)
{
	for (unsigned int i = 0; i < TRACE_RECORDS + 2; i++)
		trace_put(TRACE_NMI, 1, 0, 0, 0, 0);
	forget();
	for (const char *c = "trace dump\r"; *c; c++) {
		unsigned int held;

		(void)monitor_input(*c, &held);
	}
	while (work_pending()) { /* longer than what is kept of it */
		if (said_lines > 300 && !strstr(said, "trace: end"))
			forget();
		(void)work_run(1);
	}
	assert_non_null(strstr(said, "trace: end records 4096 lost 2 checksum "));
}

/* C writes it, the tool reads it: what it makes of the dump in `said`. */
static void through_the_tool(char *json, size_t size)
{
	char path[] = "/tmp/fairlead-trace-XXXXXX", shell[256];
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w"), *tool;
	size_t length;

	for (char *line = strtok(said, "\n"); line; line = strtok(NULL, "\n"))
		fprintf(file, "fairlead: %s\r\n", line);
	fclose(file);
	snprintf(shell, sizeof(shell), "/usr/bin/python3 -B tools/trace2perfetto %s -o - && rm %s", path, path);
	tool = popen(shell, "r");
	length = fread(json, 1, size - 1, tool);
	json[length] = '\0';
	assert_int_equal(pclose(tool), 0);
}

static void the_tool_reads_it(void **state)
{
	static char json[4096];

	trace_put(TRACE_EXIT, 3000, 3, 0xffffffff81000000, 1500, 0xcf8);
	trace_put(TRACE_CONFIG_READ, 3300, 0x10, 0xfe000000, 0x10, 4);
	put(1, 6000, 0xfee00000);
	command("trace dump");
	through_the_tool(json, sizeof(json));
	assert_non_null(strstr(json, "\"exit io\""));
	assert_non_null(strstr(json, "\"0000:00:02.0\""));
	assert_non_null(strstr(json, "\"mmio-read\""));
}

/* A row for each CPU, and each record in its own: numbers are hexadecimal in the dump, decimal in the file. */
static void the_tool_knows_64_cpus(void **state)
{
	static char json[65536];
	char text[64];

	trace_of_64_cpus();
	for (unsigned int cpu = 0; cpu < CPUS_MAX; cpu++)
		put(cpu, 3000 * (cpu + 1), 0);
	command("trace dump");
	through_the_tool(json, sizeof(json));
	for (unsigned int cpu = 0; cpu < CPUS_MAX; cpu++) {
		snprintf(text, sizeof(text), "\"name\": \"CPU %u\"", cpu);
		assert_non_null(strstr(json, text));
		snprintf(text, sizeof(text), "\"tid\": %u,\n\"ts\": %u.0,", cpu, cpu + 1);
		assert_non_null(strstr(json, text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(state_and_switching, setup_trace),
		cmocka_unit_test_setup(each_class_has_its_name, setup_trace),
		cmocka_unit_test_setup(what_is_refused, setup_trace),
		cmocka_unit_test_setup(records_for_a_person, setup_trace),
		cmocka_unit_test_setup(the_newest_of_all_cpus, setup_trace),
		cmocka_unit_test_setup(the_newest_of_64_cpus, setup_trace),
		cmocka_unit_test_setup(a_dump_of_64_cpus, setup_trace),
		cmocka_unit_test_setup(showing_records_nothing, setup_trace),
		cmocka_unit_test_setup(a_dump_word_for_word, setup_trace),
		cmocka_unit_test_setup(the_checksum, setup_trace),
		cmocka_unit_test_setup(what_was_lost_is_told, setup_trace),
		cmocka_unit_test_setup(the_tool_reads_it, setup_trace),
		cmocka_unit_test_setup(the_tool_knows_64_cpus, setup_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

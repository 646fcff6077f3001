/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The monitor's commands: each with what it asks for and each answer it may get, and what is shown of devices, locks and counters.
 */
#include "fake_monitor.h"

#include <pthread.h>

#include "core/counters.h"

extern _Thread_local unsigned int host_cpu; /* core/host_cpu.c */

/* ---- commands ---- */

static void help_names_every_command(void **state)
{
	static const char *const names[] = { "help",   "pci",	"assign", "deassign", "remove",
					     "rescan", "reset", "vfs",	  "locks",    "stats", "cpus",
					     "trace" };
	char with_blanks[16];

	command("help");
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(with_blanks, sizeof(with_blanks), "  %s ", names[i]);
		assert_non_null(strstr(said, with_blanks));
	}
	assert_non_null(strstr(said, "\ndone\n"));
	assert_int_equal(said_lines, ARRAY_SIZE(names) + 1);
}

static void unknown_commands(void **state)
{
	command("hlep");
	assert_said("unknown command \"hlep\"; `help` lists what there is\n");
	command("PCI a b c d e f");
	assert_said("unknown command \"PCI\"; `help` lists what there is\n");
	command("re");
	assert_said("unknown command \"re\"; `help` lists what there is\n");
	command("rescanx");
	assert_string_equal(called, "");
}

static void wrong_numbers_of_words(void **state)
{
	static const struct {
		const char *line, *reply;
	} cases[] = {
		{ "help me", "refused: write it as in `help`\n" },
		{ "assign", "refused: write it as in `assign SBDF`\n" },
		{ "assign 00:02.0 00:03.0", "refused: write it as in `assign SBDF`\n" },
		{ "deassign", "refused: write it as in `deassign SBDF`\n" },
		{ "remove", "refused: write it as in `remove SBDF`\n" },
		{ "rescan 00:02.0", "refused: write it as in `rescan`\n" },
		{ "reset", "refused: write it as in `reset SBDF | machine`\n" },
		{ "vfs 00:02.0", "refused: write it as in `vfs SBDF N`\n" },
		{ "vfs 00:02.0 1 2", "refused: write it as in `vfs SBDF N`\n" },
		{ "locks all", "refused: write it as in `locks`\n" },
		{ "stats a", "refused: \"a\" is no option of `stats`; there is -r\n" },
		{ "stats -r 0", "refused: write it as in `stats [-r]`\n" },
		{ "cpus 0", "refused: write it as in `cpus`\n" },
		{ "pci -v 00:02.0 x", "refused: write it as in `pci [-v] [SBDF]`\n" },
		{ "pci -v 00:02.0 x y z", "refused: write it as in `pci [-v] [SBDF]`\n" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		command(cases[i].line);
		assert_said(cases[i].reply);
		assert_string_equal(called, "");
	}
}

static void addresses(void **state)
{
	static const char *const bad[] = { "2",
					   "00:02",
					   "00:02.",
					   "00:02.8",
					   "00:20.0",
					   "0:2.0",
					   "00:02.00",
					   "000:00:02.0",
					   "00000:00:02.0",
					   "0000:00:02.0x",
					   "0000-00:02.0",
					   "gg:00.0",
					   "00:02,0",
					   "machin",
					   "0000:00:02",
					   ":",
					   "0000:" };
	char line[64], reply[128];

	command("remove 00:02.0");
	assert_string_equal(called, "remove 0000:00:02.0;");
	command("remove 12aB:fF:1f.7");
	assert_string_equal(called, "remove 12ab:ff:1f.7;");
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(line, sizeof(line), "remove %s", bad[i]);
		snprintf(reply, sizeof(reply),
			 "refused: \"%s\" is no address; write it as in 0000:00:02.0 or 00:02.0\n", bad[i]);
		command(line);
		assert_said(reply);
		assert_string_equal(called, "");
	}
}

static void every_answer_of_every_operation(void **state)
{
	static const char *const operations[] = { "assign", "deassign", "remove", "reset" };
	static const struct {
		int result;
		const char *why, *reply;
	} answers[] = {
		{ 0, NULL, "done\n" },
		{ -EINPROGRESS, NULL, "pending\n" },
		{ -EBUSY, "owned by the guest; held by vpci drivers/vpci/vpci.c:1",
		  "refused: owned by the guest; held by vpci drivers/vpci/vpci.c:1\n" },
		{ -EBUSY, NULL, "refused: it is in use (error -16)\n" },
		{ -ENODEV, NULL, "refused: there is no such device (error -19)\n" },
		{ -EALREADY, NULL,
		  "refused: so it is already, or an earlier request is not through (error -114)\n" },
		{ -EPERM, "its group holds 0000:00:1f.2", "refused: its group holds 0000:00:1f.2\n" },
		{ -EOPNOTSUPP, NULL, "refused: the device cannot do that (error -95)\n" },
		{ -7, NULL, "refused: failed (error -7)\n" },
	};
	char line[64], expected[64];

	for (unsigned int i = 0; i < ARRAY_SIZE(operations); i++) {
		snprintf(line, sizeof(line), "%s 0001:02:03.4", operations[i]);
		snprintf(expected, sizeof(expected), "%s 0001:02:03.4;", operations[i]);
		for (unsigned int j = 0; j < ARRAY_SIZE(answers); j++) {
			answer = answers[j].result;
			answer_why = answers[j].why;
			command(line);
			assert_string_equal(called, expected);
			assert_said(answers[j].reply);
		}
	}
}

static void rescan_counts(void **state)
{
	answer = 3;
	command("rescan");
	assert_said("devices added: 3\ndone\n");
	answer = -EBUSY;
	command("rescan");
	assert_said("refused: it is in use (error -16)\n");
	answer = -ENOMEM;
	command("rescan");
	assert_said("refused: no memory of the kind is left (error -12)\n");
}

static void reset_machine_resets_the_machine(void **state)
{
	unsigned int held;

	for (const char *c = "reset machine\r"; *c; c++)
		(void)monitor_input(*c, &held);
	if (!setjmp(reset_jump)) {
		settle();
		fail();
	}
	assert_string_equal(called, "");
}

static void virtual_functions(void **state)
{
	devices[0] = (struct pci_dev_info){ .sbdf = { 0, PCI_BDF(0, 2, 0) }, .state = PCI_LIVE };
	device_count = 1;
	answer = -EINPROGRESS;
	command("vfs 00:02.0 4");
	assert_string_equal(called, "vfs 4 0000:00:02.0;");
	assert_said("pending\n");
	answer = 0;
	command("vfs 00:02.0 0");
	assert_string_equal(called, "vfs off 0000:00:02.0;");
	assert_said("done\n");
	answer = -EBUSY;
	answer_why = "VFs exist";
	command("vfs 00:02.0 65535");
	assert_said("refused: VFs exist\n");
	command("vfs 00:02.0 -1");
	assert_said("refused: \"-1\" is no number of virtual functions\n");
	command("vfs 00:02.0 4294967297");
	assert_said("refused: \"4294967297\" is no number of virtual functions\n");
	answer_why = NULL;
	command("vfs 00:03.0 1");
	assert_said("refused: there is no such device (error -19)\n");
	command("vfs 00 1");
	assert_string_equal(called, "");
	assert_int_equal(references, 0);
}

static void events_are_told(void **state)
{
	static const struct {
		enum pci_op op;
		int result;
		const char *line;
	} events[] = {
		{ PCI_OP_ASSIGN, 0, "assign 0000:00:02.0: done\n" },
		{ PCI_OP_REMOVE, 0, "remove 0000:00:02.0: done\n" },
		{ PCI_OP_DEASSIGN, -ETIMEDOUT,
		  "deassign 0000:00:02.0: failed: no answer in time (error -110)\n" },
		{ PCI_OP_RESET, -ENODEV,
		  "reset 0000:00:02.0: failed: there is no such device (error -19)\n" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(events); i++) {
		struct pci_event event = { 1, events[i].op, { 0, PCI_BDF(0, 2, 0) }, events[i].result };

		forget();
		listener(&event, NULL);
		assert_said(events[i].line);
	}
}

/* ---- pci ---- */

static void one_device(void)
{
	struct pci_dev_info *info = &devices[0];

	*info = (struct pci_dev_info){ .sbdf = { 0, PCI_BDF(0, 2, 0) },
				       .vendor = 0x8086,
				       .device = 0x10d3,
				       .class_code = 0x020000,
				       .state = PCI_LIVE,
				       .owner = PCI_OWNER_GUEST,
				       .refs = 5,
				       .generation = 2 };
	info->refs_by_kind[PCI_REF_BASE] = 1;
	info->refs_by_kind[PCI_REF_OWNER] = 1;
	info->refs_by_kind[PCI_REF_MSI] = 3;
	info->holder[0] = "drivers/vpci/vpci.c:5";
	info->holder_kind[0] = PCI_REF_VPCI;
	for (unsigned int i = 1; i < 4; i++) {
		info->holder[i] = "drivers/pci/msi.c:77";
		info->holder_kind[i] = PCI_REF_MSI;
	}
	info->holder[PCI_SITES - 1] = "a.c:1"; /* those between have let go */
	info->holder_kind[PCI_SITES - 1] = PCI_REF_MSI;
	device_count = 1;
	object.pcie_cap = 0xe0;
	object.group = PCI_BDF(0, 2, 0);
	object.requester_id[0] = PCI_BDF(0, 2, 0);
	object.requester_id[1] = PCI_BDF(1, 0, 0);
	object.requester_ids = 2;
	object.bar[0] = (struct pci_bar){ PCI_BAR_MEM32, false, 0xfe840000, 0x20000 };
	object.bar[2] = (struct pci_bar){ PCI_BAR_IO, false, 0xc040, 0x20 };
	object.bar[PCI_ROM_BAR] = (struct pci_bar){ PCI_BAR_MEM32, false, 0xfe800000, 0x40000 };
}

static void a_device_in_one_line(void **state)
{
	one_device();
	command("pci");
	assert_said("0000:00:02.0 8086:10d3 live, guest, 5 references: base 1, owner 1, msi 3\ndone\n");
	command("pci 0000:00:02.0");
	assert_said("0000:00:02.0 8086:10d3 live, guest, 5 references: base 1, owner 1, msi 3\ndone\n");
	devices[0].state = PCI_DYING;
	devices[0].owner = PCI_OWNER_QUARANTINE;
	devices[0].op = PCI_OP_REMOVE;
	devices[0].flags = PCI_FLAG_GONE | PCI_FLAG_BROKEN | PCI_FLAG_QUARANTINED;
	devices[0].refs = 1;
	memset(devices[0].refs_by_kind, 0, sizeof(devices[0].refs_by_kind)); /* as in release builds */
	command("pci");
	assert_said("0000:00:02.0 8086:10d3 dying, quarantine, gone, broken, DMA blocked, in remove, 1 "
		    "reference\ndone\n");
	devices[0].flags = PCI_FLAG_BUSY | PCI_FLAG_HIDDEN | PCI_FLAG_RESET_NONE | PCI_FLAG_GROUP_MIXED;
	devices[0].state = 99;
	command("pci");
	assert_said("0000:00:02.0 8086:10d3 ?, quarantine, busy, hidden, reset=none, group=mixed, in remove, "
		    "1 reference\ndone\n");
}

static void a_device_in_detail(void **state)
{
	one_device();
	command("pci 00:02.0 -v");
	assert_said(
		"0000:00:02.0 8086:10d3 live, guest, 5 references: base 1, owner 1, msi 3\n"
		"  BARs: 0 memory 0xfe840000 + 0x20000, 2 ports 0xc040 + 0x20, ROM 0xfe800000 + 0x40000\n"
		"  class 020000, group 00:02.0, slot emptied 2 times, reset: FLR\n"
		"  requester IDs: 00:02.0, 01:00.0\n"
		"  held by: vpci drivers/vpci/vpci.c:5, msi drivers/pci/msi.c:77 (3 times)\n"
		    "  held by: msi a.c:1\n"
		"done\n");
	assert_int_equal(references, 0);
	object.pcie_cap = 0;
	command("pci -v 00:02.0");
	assert_non_null(strstr(said, "reset: none (neither FLR nor D3hot)\n"));
	devices[0].state = PCI_DYING; /* no lookup finds it, its holders are shown all the same */
	command("pci -v");
	assert_null(strstr(said, "BARs"));
	assert_non_null(strstr(said, "  held by: vpci"));
}

static void messages_of_a_device(void **state)
{
	static const struct {
		struct vpci_messages_info msi, msix;
		const char *lines;
	} cases[] = {
		{ { .possible = 1 }, { 0 }, "  MSI: 1 message, off\n  held by" },
		{ { .possible = 8 },
		  { .possible = 2048 },
		  "  MSI: 8 messages, off\n  MSI-X: 2048 messages, off\n  held by" },
		{ { .possible = 8, .enabled = true, .hardware_enabled = true, .count = 4, .masked = 1, .first = 64 },
		  { 0 },
		  "  MSI: 8 messages, enabled, 4 in use (1 masked), entries from 64 on\n  held by" },
		{ { 0 },
		  { .possible = 5, .enabled = true, .function_masked = true, .hardware_enabled = true, .count = 5,
		    .masked = 5, .first = 0x1000 },
		  "  MSI-X: 5 messages, enabled, 5 in use (5 masked), entries from 4096 on, all masked\n  held by" },
		{ { 0 },
		  { .possible = 5, .enabled = true },
		  "  MSI-X: 5 messages, enabled, not in the device\n  held by" },
	};

	one_device();
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		messages[0] = cases[i].msi;
		messages[1] = cases[i].msix;
		command("pci 00:02.0 -v");
		assert_non_null(strstr(said, cases[i].lines));
	}
	command("pci 00:02.0");
	assert_null(strstr(said, "MSI"));
	messages[0] = messages[1] = (struct vpci_messages_info){ 0 };
}

static void no_such_device(void **state)
{
	one_device();
	command("pci 00:03.0");
	assert_said("refused: there is nothing at 0000:00:03.0\n");
	command("pci 00:01.0"); /* the next one is another */
	assert_said("refused: there is nothing at 0000:00:01.0\n");
	command("pci 0001:00:02.0");
	assert_said("refused: there is nothing at 0001:00:02.0\n");
	devices[0].sbdf.segment = 1;
	command("pci 00:02.0");
	assert_said("refused: there is nothing at 0000:00:02.0\n");
	command("pci -x");
	assert_said("refused: \"-x\" is no address; write it as in 0000:00:02.0 or 00:02.0\n");
	device_count = 0;
	command("pci");
	assert_said("done\n");
}

static unsigned int occurrences(const char *text)
{
	unsigned int n = 0;

	for (const char *at = said; (at = strstr(at, text)); at++)
		n++;
	return n;
}

/* The longest answers come in steps (settle() counts their lines), each device once and in order, the last
 * address included. */
static void many_devices(void **state)
{
	char *at = said;

	device_count = DEVICES;
	for (unsigned int i = 0; i < DEVICES; i++) {
		devices[i] = (struct pci_dev_info){ .sbdf = { (u16)(i == DEVICES - 1 ? 0xffff : i / 8),
							      (u16)(i == DEVICES - 1 ? 0xffff
										     : PCI_BDF(i, 31, 7)) },
						    .state = PCI_LIVE,
						    .refs = i };
		for (unsigned int j = 0; j < PCI_SITES; j++)
			devices[i].holder[j] = j % 2 ? "drivers/pci/somewhere_deep.c:1234" : "drivers/iommu/other_place.c:99";
	}
	object.requester_ids = PCI_REQUESTER_IDS;
	for (unsigned int i = 0; i <= PCI_BARS; i++)
		object.bar[i] = (struct pci_bar){ PCI_BAR_MEM64, true, 0x123456789a000, 0x100000000 };
	for (unsigned int verbose = 0; verbose < 2; verbose++) {
		command(verbose ? "pci -v" : "pci");
		at = said;
		for (unsigned int i = 0; i < DEVICES; i++) {
			char begin[32];

			snprintf(begin, sizeof(begin), SBDF_FMT " 0000:0000", SBDF_ARGS(devices[i].sbdf));
			at = strstr(at, begin);
			assert_non_null(at);
			assert_null(strstr(at + 1, begin));
		}
		assert_non_null(strstr(at, "\ndone\n"));
	}
	assert_int_equal(occurrences("somewhere_deep.c:1234"), DEVICES * PCI_SITES / 2);
	assert_int_equal(occurrences("memory prefetchable 0x123456789a000 + 0x100000000"), DEVICES * PCI_BARS);
	assert_int_equal(references, 0);
}

/* What is typed meanwhile waits. */
static void typing_during_a_long_answer(void **state)
{
	many_devices(state);
	forget();
	type("pci\rrescan\r");
	assert_non_null(strstr(said, "ffff:ff:1f.7"));
	assert_non_null(strstr(strstr(said, "done\n") + 5, "devices added: 0\ndone\n"));
}

/* ---- locks and stats ---- */

/* The answer of a release build is a matter of the system tests. */
static void lock_classes(void **state)
{
	static struct lock_class class[30];
	static struct spinlock lock[30];
	static char names[30][16];

	for (unsigned int i = 0; i < ARRAY_SIZE(class); i++) {
		snprintf(names[i], sizeof(names[i]), "class %u", i);
		class[i] = (struct lock_class){ .name = names[i] };
		spin_init(&lock[i], &class[i]);
		for (unsigned int j = 0; j <= i; j++) {
			spin_lock(&lock[i]);
			spin_unlock(&lock[i]);
		}
	}
	spin_lock(&lock[3]);
	command("locks");
	spin_unlock(&lock[3]);
	assert_non_null(strstr(said, "class                       taken    contended   held\n"));
	assert_non_null(strstr(said, "  class 0                         1            0      0\n"));
	assert_non_null(strstr(said, "  class 3                         5            0      1\n"));
	assert_non_null(strstr(said, "  class 29                       30            0      0\n"));
	assert_non_null(strstr(said, "  monitor "));
	assert_non_null(strstr(said, "\ndone\n"));
}

static void statistics(void **state)
{
	vm.unowned_reads = 21;
	vm.unowned_writes = 22;
	command("stats");
	assert_non_null(strstr(
		said, "  devices: 11 of the guest, 10 in quarantine, 12 of Fairlead; room for 77 more\n"));
	assert_non_null(strstr(
		said,
		"  configuration space: 1 reads, 2 writes (5 refused); bytes passed: 3 read, 4 written\n"));
	assert_non_null(strstr(said, "(VT-d): 9 faults\n"));
	assert_non_null(strstr(said, "  memory: 24 KiB of pool left\n"));
	assert_non_null(strstr(said, "  addresses that nobody owns: 21 reads, 22 writes\n"));
	assert_non_null(strstr(said, "  timers: 0 expired"));
	assert_non_null(strstr(said, "\ndone\n"));
}

/* Exits and events of CPU 0, whatever it has counted before, as other tests also run work. */
static void counters_begin_at_0(void)
{
	static const char *const names[COUNTED_EXITS_MAX] = { "cpuid", "b", "c", "d", "e", "f", "g", "h",
							      "i",     "j", "k", "l", "m", "n", "o", "p" };

	counters_name_exits(names, COUNTED_EXITS_MAX);
	host_cpu = 0;
	command("stats -r");
}

static void counters_in_stats(void **state)
{
	static const char nothing[] = "  exits on CPU 0: 0\n  events on CPU 0:\ndone\n";

	counters_begin_at_0();
	command("stats");
	assert_non_null(strstr(said, nothing));
	for (unsigned int i = 0; i < 670; i++)
		count_exit(0);
	count_exit(15);
	count_event(COUNT_INJECTED_NMI);
	count_event(COUNT_IOMMU_FAULT);
	command("stats -x");
	assert_said("refused: \"-x\" is no option of `stats`; there is -r\n");
	for (unsigned int again = 0; again < 2; again++) {
		command(again ? "stats -r" : "stats");
		assert_non_null(strstr(said, "  exits on CPU 0: 671\n"
					     "    cpuid                         670\n"
					     "    p                               1\n"
					     "  events on CPU 0:\n"
					     "    injected-nmi                    1\n"
					     "    iommu-fault                     1\n"
					     "done\n"));
	}
	command("stats");
	assert_non_null(strstr(said, nothing));
}

/* More lines than a step has; a CPU that has never counted is not shown, the last one is. */
static void every_counter_of_two_cpus(void **state)
{
	char *at;

	counters_begin_at_0();
	for (host_cpu = 0; host_cpu < CPUS_MAX; host_cpu += CPUS_MAX - 1) {
		for (unsigned int i = 0; i < COUNTED_EXITS_MAX; i++)
			count_exit(i);
		for (unsigned int i = 0; i < COUNTED_EVENTS; i++)
			count_event(i);
	}
	host_cpu = 0;
	command("stats -r"); /* settle() looks at the number of lines in each step */
	assert_int_equal(occurrences("  exits on CPU "), 2);
	at = strstr(said, "  exits on CPU 0: 16\n");
	assert_non_null(at);
	at = strstr(at, "  exits on CPU 63: 16\n");
	assert_non_null(at);
	for (unsigned int i = 0; i < COUNTED_EVENTS; i++) {
		char line[64];

		snprintf(line, sizeof(line), "\n    %-20s %12u\n", counters_event_name(i), 1);
		assert_int_equal(occurrences(line), 2);
	}
	at = strstr(at, "  exits on all CPUs: 32\n");
	assert_non_null(at);
	assert_int_equal(occurrences("    cpuid                           2\n"), 1);
	for (unsigned int i = 0; i < COUNTED_EVENTS; i++) {
		char line[64];

		snprintf(line, sizeof(line), "\n    %-20s %12u\n", counters_event_name(i), 2);
		assert_non_null(strstr(strstr(at, "  events on all CPUs:\n"), line));
	}
	assert_int_equal(said_lines, 7 + 3 * (2 + COUNTED_EXITS_MAX + COUNTED_EVENTS) + 1);
	command("stats");
	assert_non_null(strstr(said, "  exits on CPU 63: 0\n  events on CPU 63:\n"
				     "  exits on all CPUs: 0\n  events on all CPUs:\ndone\n"));
}

/* Each report has a sum of its own; counts that differ from CPU to CPU. */
static void sums_of_cpus(void **state)
{
	counters_begin_at_0();
	for (unsigned int again = 0; again < 2; again++) {
		for (host_cpu = 0; host_cpu < 3; host_cpu++) {
			for (unsigned int i = 0; i < 10u + host_cpu; i++)
				count_exit(1);
			count_event(COUNT_KICK);
		}
		host_cpu = 2;
		count_exit(3);
		host_cpu = 0;
		command(again ? "stats -r" : "stats");
		assert_non_null(strstr(said, "  exits on CPU 0: "));
		assert_non_null(strstr(said, again ? "  exits on CPU 1: 22\n" : "  exits on CPU 1: 11\n"));
		assert_non_null(strstr(said, again ? "  exits on CPU 2: 26\n" : "  exits on CPU 2: 13\n"));
		assert_non_null(strstr(said, again ? "  exits on all CPUs: 68\n    b                              66\n"
						     "    d                               2\n  events on all CPUs:\n"
						     "    kick                            6\ndone\n" :
						     "  exits on all CPUs: 34\n    b                              33\n"
						     "    d                               1\n  events on all CPUs:\n"
						     "    kick                            3\ndone\n"));
	}
	command("stats");
	assert_non_null(strstr(said, "  exits on all CPUs: 0\n"));
}

static _Atomic bool stop_counting;
static u64 counted_by[3];

static void *count_until_told(void *ctx)
{
	host_cpu = (unsigned int)(uintptr_t)ctx;
	do {
		count_exit(1);
		counted_by[host_cpu - 1]++;
	} while (!atomic_load(&stop_counting));
	return NULL;
}

/* Number behind the last occurrence of a text. */
static u64 number_behind(const char *text)
{
	const char *at = strstr(said, text);

	assert_non_null(at);
	return strtoull(at + strlen(text), NULL, 10);
}

/* The boot CPU asks while others count: each exit is in exactly one report, and a report's sum is that of its CPUs. */
static void reports_while_others_count(void **state)
{
	pthread_t thread[3];
	u64 in_reports = 0, counted = 0;

	counters_begin_at_0();
	memset(counted_by, 0, sizeof(counted_by));
	atomic_store(&stop_counting, false);
	for (uintptr_t i = 0; i < ARRAY_SIZE(thread); i++)
		assert_int_equal(pthread_create(&thread[i], NULL, count_until_told, (void *)(i + 1)), 0);
	for (unsigned int round = 0; round < 200; round++) {
		char heading[32];
		u64 sum = 0;

		if (round == 199) {
			atomic_store(&stop_counting, true);
			for (unsigned int i = 0; i < ARRAY_SIZE(thread); i++)
				pthread_join(thread[i], NULL);
		}
		command("stats -r");
		for (unsigned int cpu = 0; cpu <= ARRAY_SIZE(thread); cpu++) {
			snprintf(heading, sizeof(heading), "  exits on CPU %u: ", cpu);
			if (strstr(said, heading))
				sum += number_behind(heading);
		}
		if (strstr(said, "  exits on all CPUs: "))
			assert_int_equal(number_behind("  exits on all CPUs: "), sum);
		in_reports += sum;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(thread); i++)
		counted += counted_by[i];
	assert_int_equal(in_reports, counted);
}

/* ---- cpus ---- */

static unsigned int cpus;
static const char *const states[] = { "in Fairlead", "in the guest", "waits for the guest's SIPI" };

bool arch_cpu_info(unsigned int cpu, struct arch_cpu_info *out)
{
	*out = (struct arch_cpu_info){ "APIC ID", 2 * cpu, states[cpu % ARRAY_SIZE(states)] };
	return cpu < cpus;
}

static void each_cpu_in_one_line(void **state)
{
	counters_begin_at_0();
	host_cpu = 1;
	for (unsigned int i = 0; i < 321; i++)
		count_exit(i % 5);
	count_event(COUNT_KICK); /* no exit */
	host_cpu = 0;
	cpus = 3;
	command("cpus");
	assert_said("  CPU 0: APIC ID 0x0, in Fairlead, 0 exits\n"
		    "  CPU 1: APIC ID 0x2, in the guest, 321 exits\n"
		    "  CPU 2: APIC ID 0x4, waits for the guest's SIPI, 0 exits\n"
		    "done\n");
	cpus = 1;
	command("cpus");
	assert_said("  CPU 0: APIC ID 0x0, in Fairlead, 0 exits\ndone\n");
	command("stats -r"); /* as in `stats` */
	cpus = 2;
	command("cpus");
	assert_non_null(strstr(said, "  CPU 1: APIC ID 0x2, in the guest, 0 exits\n"));
}

/* settle() looks at the number of lines in each step. */
static void as_many_cpus_as_there_may_be(void **state)
{
	for (cpus = CPUS_MAX - 1; cpus <= CPUS_MAX; cpus++) {
		command("cpus");
		assert_int_equal(said_lines, cpus + 1);
	}
	assert_non_null(strstr(said, "  CPU 63: APIC ID 0x7e, in Fairlead, "));
	for (cpus = STEP_LINES - 1; cpus <= STEP_LINES + 1; cpus++) {
		command("cpus");
		assert_int_equal(said_lines, cpus + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(help_names_every_command, setup_entered),
		cmocka_unit_test_setup(unknown_commands, setup_entered),
		cmocka_unit_test_setup(wrong_numbers_of_words, setup_entered),
		cmocka_unit_test_setup(addresses, setup_entered),
		cmocka_unit_test_setup(every_answer_of_every_operation, setup_entered),
		cmocka_unit_test_setup(rescan_counts, setup_entered),
		cmocka_unit_test_setup(reset_machine_resets_the_machine, setup_entered),
		cmocka_unit_test_setup(virtual_functions, setup_entered),
		cmocka_unit_test_setup(events_are_told, setup_entered),
		cmocka_unit_test_setup(a_device_in_one_line, setup_entered),
		cmocka_unit_test_setup(a_device_in_detail, setup_entered),
		cmocka_unit_test_setup(messages_of_a_device, setup_entered),
		cmocka_unit_test_setup(no_such_device, setup_entered),
		cmocka_unit_test_setup(many_devices, setup_entered),
		cmocka_unit_test_setup(typing_during_a_long_answer, setup_entered),
		cmocka_unit_test_setup(lock_classes, setup_entered),
		cmocka_unit_test_setup(statistics, setup_entered),
		cmocka_unit_test_setup(counters_in_stats, setup_entered),
		cmocka_unit_test_setup(every_counter_of_two_cpus, setup_entered),
		cmocka_unit_test_setup(sums_of_cpus, setup_entered),
		cmocka_unit_test_setup(reports_while_others_count, setup_entered),
		cmocka_unit_test_setup(each_cpu_in_one_line, setup_entered),
		cmocka_unit_test_setup(as_many_cpus_as_there_may_be, setup_entered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

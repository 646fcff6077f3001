/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fairlead.conf and the load options: every kind of mistake has an error that names the line and the key;
 * what is right has its effect; bytes without sense do no harm (the sanitizers watch).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "boot/config.h"
#include "boot/options.h"
#include "core/errno.h"
#include "core/string.h"
#include "drivers/pci/pci.h"

static struct config config;
static char error[CONFIG_ERROR_MAX];

/* The text in a block of its exact size, so that a read past it is seen. */
static int parse_bytes(const char *text, size_t length)
{
	char *copy = malloc(length ? length : 1);
	int ret;

	memcpy(copy, text, length);
	memset(error, 0, sizeof(error));
	config_defaults(&config);
	ret = config_parse(&config, copy, length, error);
	free(copy);
	return ret;
}

static int parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

static void refused(const char *text, const char *line, const char *key, const char *remedy)
{
	assert_int_equal(parse(text), -EINVAL);
	if (!strstr(error, line) || !strstr(error, key) || !strstr(error, remedy))
		fail_msg("\"%s\" gave \"%s\", which lacks \"%s\", \"%s\" or \"%s\"", text, error, line, key,
			 remedy);
}

static void test_unknown_key(void **state)
{
	refused("kernel=a\nkernle=b\n", "line 2:", "kernle", "kernel initrd cmdline");
	refused("Kernel=a\n", "line 1:", "Kernel", "kernel");
	refused("=b\n", "line 1:", "unknown key", "kernel");
	refused("memory memory=1G\n", "line 1:", "memory memory", "unknown key");
	refused("# one\r\n\r\nhello\r\n", "line 3:", "hello", "key=value");
	refused("\ndevice=00:02.0\n", "line 2:", "device", "unknown key");
	refused("a\001b\xff=c\n", "line 1:", "a?b?", "unknown key");
}

static void test_bad_values(void **state)
{
	static const struct {
		const char *text, *key, *remedy;
	} bad[] = {
		{ "kernel=", "kernel", "path" },
		{ "kernel= # none", "kernel", "path" },
		{ "memory=", "memory", "512M" },
		{ "memory=M", "memory", "512M" },
		{ "memory=512", "memory", "512M" },
		{ "memory=63M", "memory", "64M" },
		{ "memory=65535K", "memory", "64M" },
		{ "memory=-1G", "memory", "512M" },
		{ "memory=1.5G", "memory", "512M" },
		{ "memory=1GB", "memory", "512M" },
		{ "memory=0x10000000K", "memory", "512M" },
		{ "memory=17179869184G", "memory", "512M" },	/* 2^64 bytes */
		{ "memory=18446744073709551616K", "memory", "512M" },
		{ "memory=99999999999999999999999999G", "memory", "512M" },
		{ "cpus=0", "cpus", "from 1" },
		{ "cpus=4097", "cpus", "4096" },
		{ "cpus=two", "cpus", "from 1" },
		{ "cpus=4294967297", "cpus", "from 1" },
		{ "iommu=on", "iommu", "required, optional or off" },
		{ "iommu=Required", "iommu", "required, optional or off" },
		{ "iommu=", "iommu", "required" },
		{ "intremap=on", "intremap", "required, optional or off" },
		{ "intremap=", "intremap", "required" },
		{ "console=com3", "console", "com1" },
		{ "console=0x", "console", "com1" },
		{ "console=0x0", "console", "0x1" },
		{ "console=0xfff9", "console", "0xfff8" },
		{ "console=0x103f8", "console", "0xfff8" },
		{ "console=3f8", "console", "com1" },
		{ "loglevel=trace", "loglevel", "debug" },
		{ "monitor=", "monitor", "monitor=a for Ctrl-a" },
		{ "monitor=on", "monitor", "off, or a letter" },
		{ "monitor=1", "monitor", "a letter" },
		{ "monitor={", "monitor", "a letter" },
		{ "monitor=@", "monitor", "a letter" },
		{ "monitor=h", "monitor", "but h, j, m and u" },
		{ "monitor=j", "monitor", "but h, j, m and u" },
		{ "monitor=M", "monitor", "but h, j, m and u" },
		{ "monitor=u", "monitor", "but h, j, m and u" },
		{ "monitor=aa", "monitor", "a letter" },
		{ "probe=1", "probe", "yes or no" },
		{ "debug=on", "debug", "crash, overflow, lostcpu, timer, wait or off" },
		{ "debug=lost", "debug", "lostcpu" },
		{ "debug=lostcpu2", "debug", "lostcpu" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		refused(bad[i].text, "line 1:", bad[i].key, bad[i].remedy);
}

static void test_too_long(void **state)
{
	char text[CONFIG_CMDLINE_MAX + 64];

	memset(text, 'x', sizeof(text));
	memcpy(text, "kernel=", 7);
	text[7 + CONFIG_PATH_MAX - 1] = 0;
	assert_int_equal(parse(text), 0);
	text[7 + CONFIG_PATH_MAX - 1] = 'x';
	text[7 + CONFIG_PATH_MAX] = 0;
	refused(text, "line 1:", "kernel", "127");
	memset(text, 'x', sizeof(text));
	memcpy(text, "cmdline=", 8);
	text[8 + CONFIG_CMDLINE_MAX - 1] = 0;
	assert_int_equal(parse(text), 0);
	assert_int_equal(strlen(config.cmdline), CONFIG_CMDLINE_MAX - 1);
	text[8 + CONFIG_CMDLINE_MAX - 1] = 'x';
	text[8 + CONFIG_CMDLINE_MAX] = 0;
	refused(text, "line 1:", "cmdline", "2047");
}

static void test_given_twice(void **state)
{
	refused("iommu=off\n\niommu=required\n", "line 3:", "iommu", "line 1");
	refused("cmdline=a\ncmdline=a\n", "line 2:", "cmdline", "line 1");
}

static void test_nul_byte(void **state)
{
	assert_int_equal(parse_bytes("kernel=a\nini\0trd=b", 18), -EINVAL);
	assert_non_null(strstr(error, "line 2: NUL"));
	assert_int_equal(parse_bytes("# a\0", 4), -EINVAL);
}

static void test_bad_rules(void **state)
{
	static const char *const bad[] = {
		"device",
		"device ",
		"device 00:02.0",
		"device 00:02.0:",
		"device 00:02.0 : hide",
		"device 00:02.0:hide",
		"device : hide",
		"device 00:20.0: hide",
		"device 00:02.8: hide",
		"device 0:02.0: hide",
		"device 00:02: hide",
		"device 000:00:02.0: hide",
		"device 00000:00:02.0: hide",
		"device 00:02.0x: hide",
		"device 8086:: hide",
		"device 8086:10d: hide",
		"device 8086:10d33: hide",
		"device 8086:10g3: hide",
		"device class=: hide",
		"device class=2: hide",
		"device class=020: hide",
		"device class=0200000: hide",
		"device class=0x02: hide",
		"device 00:02.0: # hide",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		refused(bad[i], "line 1:", "device", "");
	refused("device 00:02.0: hide show\n", "line 1:", "show", "hide");
	refused("device 00:02.0: Hide\n", "line 1:", "Hide", "hide");
	refused("\ndevice 00:02.0: reset=flr\n", "line 2:", "reset=flr", "hide reset=none group=mixed");
	refused("device 00:02.0: hide group=\n", "line 1:", "group=", "group=mixed");
	refused("device 00:02.0: group = mixed\n", "line 1:", "device", "group=mixed");
}

static void test_too_many_rules(void **state)
{
	char text[4096];
	size_t used = 0;

	for (unsigned int i = 0; i < CONFIG_DEVICE_RULES; i++)
		used += (size_t)fl_snprintf(text + used, sizeof(text) - used, "device %02x:00.0: hide\n", i);
	assert_int_equal(parse(text), 0);
	assert_int_equal(config.rules, CONFIG_DEVICE_RULES);
	fl_snprintf(text + used, sizeof(text) - used, "device ff:00.0: hide\n");
	refused(text, "line 33:", "device", "32");
}

static void test_defaults(void **state)
{
	assert_int_equal(parse(""), 0);
	assert_int_equal(config.iommu, IOMMU_REQUIRED);
	assert_int_equal(config.intremap, INTR_REQUIRED);
	assert_int_equal(config.memory, 0);
	assert_int_equal(config.cpus, 0);
	assert_int_equal(config.console_port, 0x3f8);
	assert_int_equal(config.loglevel, LOG_INFO);
	assert_int_equal(config.monitor_escape, 0x01); /* Ctrl-a */
	assert_false(config.probe);
	assert_false(config.debug_wait);
	assert_false(config.debug_lost_cpu);
	assert_string_equal(config.kernel, "");
	assert_int_equal(config.rules, 0);
}

static void test_a_whole_file(void **state)
{
	assert_int_equal(parse("\xef\xbb\xbf# the test's file\n"
			       "\t kernel = \\fairlead\\vmlinuz \t # with blanks\r\n"
			       "initrd=/fairlead/initrd#1.gz\r"
			       "cmdline=  console=ttyS0 a=\"b # c\" # kept\n"
			       "\n"
			       "memory=512M\ncpus=2\niommu=optional\nconsole=com2\nloglevel=debug\nprobe="
			       "yes\ndebug=wait\n"
			       "device 00:02.0: hide # a comment"),
			 0);
	assert_string_equal(config.kernel, "\\fairlead\\vmlinuz");
	assert_string_equal(config.initrd, "/fairlead/initrd#1.gz");
	assert_string_equal(config.cmdline, "console=ttyS0 a=\"b # c\" # kept");
	assert_int_equal(config.memory, 512u << 20);
	assert_int_equal(config.cpus, 2);
	assert_int_equal(config.iommu, IOMMU_OPTIONAL);
	assert_int_equal(config.console_port, 0x2f8);
	assert_int_equal(config.loglevel, LOG_DEBUG);
	assert_true(config.probe);
	assert_true(config.debug_wait);
	assert_int_equal(config.rules, 1);
}

static void test_good_values(void **state)
{
	assert_int_equal(parse("memory=64M\nconsole=0xfff8\niommu=off\ninitrd=\n"), 0);
	assert_int_equal(config.memory, 64u << 20);
	assert_int_equal(config.console_port, 0xfff8);
	assert_int_equal(config.iommu, IOMMU_OFF);
	assert_int_equal(
		parse("memory=17179869183G\nconsole=none\ncpus=all\nloglevel=error\nprobe=no\ndebug=off"), 0);
	assert_true(config.memory == 17179869183ull << 30);
	assert_int_equal(config.console_port, 0);
	assert_int_equal(parse("intremap=off"), 0);
	assert_int_equal(config.intremap, INTR_OFF);
	assert_int_equal(parse("intremap=optional"), 0);
	assert_int_equal(config.intremap, INTR_OPTIONAL);
	assert_int_equal(parse("intremap=required"), 0);
	assert_int_equal(config.intremap, INTR_REQUIRED);
	assert_int_equal(parse("monitor=off"), 0);
	assert_int_equal(config.monitor_escape, 0);
	assert_int_equal(parse("monitor=b"), 0);
	assert_int_equal(config.monitor_escape, 0x02);
	assert_int_equal(parse("monitor=Z"), 0);
	assert_int_equal(config.monitor_escape, 0x1a);
	assert_int_equal(parse("memory=65536K\ncpus=4096"), 0);
	assert_int_equal(config.memory, 64u << 20);
}

/* debug= sets its own flag and clears all others. */
static void test_debug(void **state)
{
	static const char *const lines[] = { "debug=off", "debug=wait", "debug=crash", "debug=overflow",
					     "debug=timer", "debug=lostcpu" };

	for (unsigned int i = 0; i < ARRAY_SIZE(lines); i++) {
		config_defaults(&config);
		config.debug_wait = config.debug_crash = config.debug_overflow = true;
		config.debug_timer = config.debug_lost_cpu = true;
		assert_int_equal(config_parse(&config, lines[i], strlen(lines[i]), error), 0);
		assert_int_equal(config.debug_wait, i == 1);
		assert_int_equal(config.debug_crash, i == 2);
		assert_int_equal(config.debug_overflow, i == 3);
		assert_int_equal(config.debug_timer, i == 4);
		assert_int_equal(config.debug_lost_cpu, i == 5);
	}
}

static bool hides(u16 segment, u16 bdf, u32 class_code)
{
	return config_hides(&config, segment, bdf, 0x8086, 0x10d3, class_code);
}

static void test_rules(void **state)
{
	assert_int_equal(parse(""), 0);
	assert_false(hides(0, PCI_BDF(0, 2, 0), 0x020000));
	assert_int_equal(parse("device 0000:3a:1f.7: hide\n"), 0);
	assert_true(hides(0, PCI_BDF(0x3a, 0x1f, 7), 0x020000));
	assert_false(hides(0, PCI_BDF(0x3a, 0x1f, 6), 0x020000));
	assert_false(hides(1, PCI_BDF(0x3a, 0x1f, 7), 0x020000));
	assert_int_equal(parse("device abcd:00:02.0: hide hide\n"), 0);
	assert_true(hides(0xabcd, PCI_BDF(0, 2, 0), 0));
	assert_false(hides(0, PCI_BDF(0, 2, 0), 0));
	assert_int_equal(parse("device 8086:10D3: hide\n"), 0);
	assert_true(hides(0, 0, 0));
	assert_int_equal(parse("device 8086:10d4: hide\n"), 0);
	assert_false(hides(0, 0, 0));
	assert_int_equal(parse("device class=02: hide\n"), 0);
	assert_true(hides(0, 0, 0x028000));
	assert_false(hides(0, 0, 0x010802));
	assert_int_equal(parse("device class=0108: hide\n"), 0);
	assert_true(hides(0, 0, 0x010802));
	assert_false(hides(0, 0, 0x010601));
	assert_int_equal(parse("device class=0c0330: hide\n"), 0);
	assert_true(hides(0, 0, 0x0c0330));
	assert_false(hides(0, 0, 0x0c0320));
}

static void test_last_rule_wins(void **state)
{
	assert_int_equal(parse("device class=02: hide\ndevice 00:02.0: hide\n"), 0);
	config.rule[1].hide = false; /* the grammar has no "show" yet, the order is settled all the same */
	assert_false(hides(0, PCI_BDF(0, 2, 0), 0x020000));
	assert_true(hides(0, PCI_BDF(0, 3, 0), 0x020000));
}

static struct device_options options_of(u16 bdf, u32 class_code)
{
	return config_device_options(&config, 0, bdf, 0x8086, 0x10d3, class_code);
}

/* Other options add up over the rules, and do not show what another rule hides. */
static void test_device_options(void **state)
{
	const u16 bdf = PCI_BDF(0, 2, 0);

	assert_int_equal(parse("device class=02: hide\ndevice 00:02.0: reset=none\ndevice 8086:10d3: group=mixed\n"), 0);
	assert_true(hides(0, bdf, 0x020000));
	assert_true(options_of(bdf, 0x020000).reset_none);
	assert_true(options_of(bdf, 0x020000).group_mixed);
	assert_false(options_of(PCI_BDF(0, 3, 0), 0x020000).reset_none);
	assert_true(options_of(PCI_BDF(0, 3, 0), 0x020000).group_mixed);
	assert_false(hides(0, bdf, 0x010000));
	assert_int_equal(parse("device 00:02.0: reset=none hide\n"), 0);
	assert_true(hides(0, bdf, 0x020000));
	assert_true(options_of(bdf, 0).reset_none);
	assert_false(options_of(bdf, 0).group_mixed);
	assert_int_equal(parse("device 00:02.0: group=mixed\n"), 0);
	assert_false(hides(0, bdf, 0x020000));
	assert_true(options_of(bdf, 0).group_mixed);
	assert_false(options_of(bdf, 0).reset_none);
}

/* Every beginning of a good file, and good files with bytes changed: any answer, no wrong access, errors
 * that end. */
static void test_garbage(void **state)
{
	static const char good[] = "\xef\xbb\xbfkernel=\\k\r\ncmdline=a b\nmemory=1G # x\ndevice "
				   "0000:00:02.0: hide\nconsole=0x2e8\n";
	char text[sizeof(good)];

	srand(20260101);
	for (size_t n = 0; n < sizeof(good); n++)
		(void)!parse_bytes(good, n);
	for (unsigned int round = 0; round < 20000; round++) {
		size_t n = (size_t)rand() % sizeof(good);

		memcpy(text, good, sizeof(good));
		for (unsigned int i = 0; i < 1 + (unsigned int)rand() % 6; i++)
			text[(size_t)rand() % sizeof(good)] = (char)rand();
		if (parse_bytes(text, n)) {
			assert_memory_equal(error, "line ", 5);
			assert_true(memchr(error, 0, sizeof(error)) != NULL);
		}
	}
}

/* ---- load options ---- */

static struct options options;

static int parse_options(const char *text)
{
	size_t n = strlen(text) + 1;
	u8 *utf16 = malloc(2 * n);
	int ret;

	for (size_t i = 0; i < n; i++) {
		utf16[2 * i] = (u8)text[i];
		utf16[2 * i + 1] = 0;
	}
	memset(error, 0, sizeof(error));
	ret = options_parse(&options, utf16, 2 * n, error, sizeof(error));
	free(utf16);
	return ret;
}

static void test_options_refused(void **state)
{
	static const char *const bad[] = {
		"fairlead.efi --prob", "--probe now", "fairlead.efi probe", "--conf", "--conf=",
		"fs0:\\f.efi -h"
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(parse_options(bad[i]), -EINVAL);
		assert_non_null(strstr(error, "--probe --version --conf=PATH"));
	}
	char text[CONFIG_PATH_MAX + 16] = "--conf=";
	memset(text + 7, 'p', CONFIG_PATH_MAX);
	assert_int_equal(parse_options(text), -EINVAL);
	text[7 + CONFIG_PATH_MAX - 1] = 0;
	assert_int_equal(parse_options(text), 0);
}

static void test_options_read(void **state)
{
	assert_int_equal(options_parse(&options, NULL, 0, error, sizeof(error)), 0);
	assert_string_equal(options.conf, "\\fairlead\\fairlead.conf");
	assert_false(options.probe || options.version);
	assert_int_equal(parse_options("fs0:\\fairlead.efi\t --probe  --conf=/a.conf "), 0);
	assert_true(options.probe);
	assert_string_equal(options.conf, "/a.conf");
	assert_int_equal(parse_options("--version"), 0);
	assert_true(options.version);
	assert_int_equal(parse_options("fairlead.efi"), 0);
	assert_int_equal(parse_options(""), 0);
}

/* A boot manager's own binary data is not ours to judge. */
static void test_options_binary(void **state)
{
	u8 guid[16] = { 0x47, 0xf9, 0x05, 0x8c, 0x12 };
	u8 odd[] = { '-', 0, '-', 0, 'x' };

	assert_int_equal(options_parse(&options, guid, sizeof(guid), error, sizeof(error)), 0);
	assert_int_equal(options_parse(&options, odd, sizeof(odd), error, sizeof(error)), 0);
	assert_false(options.probe);
	srand(7);
	for (unsigned int round = 0; round < 5000; round++) {
		size_t n = (size_t)rand() % 1100;
		u8 *bytes = malloc(n + 1);

		for (size_t i = 0; i < n; i++)
			bytes[i] = i % 2 ? (u8)(rand() % 50 == 0) : (u8)(' ' + rand() % 95);
		(void)!options_parse(&options, bytes, n, error, sizeof(error));
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown_key),    cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_too_long),       cmocka_unit_test(test_given_twice),
		cmocka_unit_test(test_nul_byte),       cmocka_unit_test(test_bad_rules),
		cmocka_unit_test(test_too_many_rules), cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_a_whole_file),   cmocka_unit_test(test_good_values),
		cmocka_unit_test(test_debug),
		cmocka_unit_test(test_device_options), cmocka_unit_test(test_rules),	       cmocka_unit_test(test_last_rule_wins),
		cmocka_unit_test(test_garbage),	       cmocka_unit_test(test_options_refused),
		cmocka_unit_test(test_options_read),   cmocka_unit_test(test_options_binary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

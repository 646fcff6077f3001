/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The monitor's keyboard: the escape, against a reference written from its description, over every sequence up to a length;
 * the line that is typed; keys without sense.
 */
#include "fake_monitor.h"

/* ---- the escape ---- */

/*
 * From the description: three in a row switch. In the guest's hands, one or two that something else follows
 * are delivered before it; in the monitor's they are dropped. Returns what the guest gets.
 */
static void reference(const char *text, char *guests, bool *monitors)
{
	unsigned int row = 0;

	*monitors = false;
	for (; *text; text++) {
		if (*text == CTRL_A) {
			if (++row == 3) {
				*monitors = !*monitors;
				row = 0;
			}
			continue;
		}
		for (; row; row--) {
			if (!*monitors)
				*guests++ = CTRL_A;
		}
		if (!*monitors)
			*guests++ = *text;
	}
	*guests = '\0';
}

static void one_sequence(const char *text)
{
	char expected[64], got[64];
	size_t n = 0;
	bool monitors;

	monitor_init(&vm, CTRL_A);
	reference(text, expected, &monitors);
	for (const char *c = text; *c; c++) {
		unsigned int held = 99;

		if (monitor_input(*c, &held))
			continue;
		assert_true(held <= 2);
		while (held--)
			got[n++] = CTRL_A;
		got[n++] = *c;
	}
	got[n] = '\0';
	assert_string_equal(got, expected);
	assert_int_equal(monitor_active(), monitors);
	settle();
}

static void every_sequence(void **state)
{
	static const char alphabet[] = { CTRL_A, 'x', '\r' };
	char text[10];
	unsigned int count = 0;

	for (unsigned int length = 0; length <= 9; length++) {
		unsigned int all = 1;

		for (unsigned int i = 0; i < length; i++)
			all *= 3;
		for (unsigned int n = 0; n < all; n++) {
			unsigned int rest = n;

			for (unsigned int i = 0; i < length; i++, rest /= 3)
				text[i] = alphabet[rest % 3];
			text[length] = '\0';
			one_sequence(text);
			forget();
			count++;
		}
	}
	assert_int_equal(count, 29524);
}

static void the_switch_is_announced(void **state)
{
	escape_three_times();
	assert_said("monitor: the keyboard is Fairlead's (Ctrl-a three times: back to the guest); `help` "
		    "lists commands\n");
	assert_string_equal(shown, "(fairlead) ");
	forget();
	escape_three_times();
	assert_said("monitor: the keyboard is the guest's\n");
	assert_false(monitor_active());
}

static void another_escape(void **state)
{
	unsigned int held;

	monitor_init(&vm, 0x02);
	assert_false(monitor_input(CTRL_A, &held));
	assert_int_equal(held, 0);
	type("\x02\x02\x02");
	assert_said("monitor: the keyboard is Fairlead's (Ctrl-b three times: back to the guest); `help` "
		    "lists commands\n");
}

static void no_monitor(void **state)
{
	unsigned int held;

	monitor_init(&vm, 0);
	for (unsigned int i = 0; i < 9; i++) {
		held = 99;
		assert_false(monitor_input(i % 2 ? CTRL_A : 0, &held));
		assert_int_equal(held, 0);
	}
	assert_false(monitor_active());
	settle();
	assert_said("");
}

/* Nothing is run where the character arrives. */
static void commands_run_in_deferred_work(void **state)
{
	unsigned int held;

	for (const char *c = "rescan\r"; *c; c++)
		assert_true(monitor_input(*c, &held));
	assert_string_equal(called, "");
	assert_said("");
	assert_true(work_pending());
	settle();
	assert_string_equal(called, "rescan;");
}

/* ---- the line ---- */

static void the_line_is_edited(void **state)
{
	type("resx");
	assert_string_equal(shown, "(fairlead) resx");
	type("\x08");
	assert_string_equal(shown, "(fairlead) res");
	type("cam\x7f\x7fxan");
	assert_string_equal(shown, "(fairlead) rescxan");
	type("\x15");
	assert_string_equal(shown, "(fairlead) ");
	type("\x08");
	type("\x7f");
	type("\x15");
	assert_string_equal(shown, "(fairlead) ");
	assert_int_equal(completed, 0);
	type("rescan\r");
	assert_string_equal(called, "rescan;");
	assert_int_equal(completed, 1);
	assert_string_equal(shown, "(fairlead) ");
}

static void the_line_is_bounded(void **state)
{
	for (unsigned int i = 0; i < 300; i++)
		type("y");
	assert_int_equal(strlen(shown), strlen("(fairlead) ") + 64);
	type("\x15rescan\r");
	assert_string_equal(called, "rescan;");
}

static void what_is_not_printable_is_dropped(void **state)
{
	type("re\x1b\x02\xff\ts\x1f"
	     "can\r");
	assert_string_equal(called, "rescan;");
}

static void empty_lines_do_nothing(void **state)
{
	type("\r\n\r   \r");
	assert_said("");
	assert_int_equal(completed, 4);
}

static void blanks_do_not_matter(void **state)
{
	command("   remove    00:02.0   ");
	assert_string_equal(called, "remove 0000:00:02.0;");
}

static void several_lines_at_once(void **state)
{
	type("rescan\rassign 1:2\rrescan\r\x01\x01\x01");
	assert_string_equal(called, "rescan;rescan;");
	assert_false(monitor_active());
}

/* A line that was not finished is not there when the keyboard comes back. */
static void leaving_drops_the_line(void **state)
{
	type("resc");
	escape_three_times();
	escape_three_times();
	type("rescan\r");
	assert_string_equal(called, "rescan;");
}

/* More than the deferred work has seen: dropped, not written past the end. */
static void a_flood_of_keys_is_bounded(void **state)
{
	unsigned int held;

	for (unsigned int i = 0; i < 100000; i++)
		assert_true(monitor_input('z', &held));
	settle();
	assert_int_equal(strlen(shown), strlen("(fairlead) ") + 64);
	type("\x15rescan\r");
	assert_string_equal(called, "rescan;");
	called[0] = '\0';
	for (const char *c = "rescan\r"; *c; c++)
		assert_true(monitor_input(*c, &held));
	for (unsigned int i = 0; i < 1000; i++)
		assert_true(monitor_input('z', &held));
	settle();
	assert_string_equal(called, "rescan;"); /* what came first stays */
}

static void garbage_does_no_harm(void **state)
{
	u32 seed = 7;
	unsigned int held;

	for (unsigned int i = 0; i < 200000; i++) {
		seed = seed * 1664525 + 1013904223;
		(void)monitor_input((char)(seed >> 24), &held);
		assert_true(held <= 2);
		if (!(seed >> 8 & 15)) {
			settle();
			forget();
		}
	}
	if (!monitor_active())
		escape_three_times();
	if (!monitor_active()) /* one or two were pending */
		escape_three_times();
	type("\r");
	answer = 0;
	command("rescan");
	assert_string_equal(called, "rescan;");
	assert_said("devices added: 0\ndone\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_sequence, setup),
		cmocka_unit_test_setup(the_switch_is_announced, setup),
		cmocka_unit_test_setup(another_escape, setup),
		cmocka_unit_test_setup(no_monitor, setup),
		cmocka_unit_test_setup(commands_run_in_deferred_work, setup_entered),
		cmocka_unit_test_setup(the_line_is_edited, setup_entered),
		cmocka_unit_test_setup(the_line_is_bounded, setup_entered),
		cmocka_unit_test_setup(what_is_not_printable_is_dropped, setup_entered),
		cmocka_unit_test_setup(empty_lines_do_nothing, setup_entered),
		cmocka_unit_test_setup(blanks_do_not_matter, setup_entered),
		cmocka_unit_test_setup(several_lines_at_once, setup_entered),
		cmocka_unit_test_setup(leaving_drops_the_line, setup_entered),
		cmocka_unit_test_setup(a_flood_of_keys_is_bounded, setup_entered),
		cmocka_unit_test_setup(garbage_does_no_harm, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

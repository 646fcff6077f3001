/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the shared PL011 receives: the monitor's escape and keys, what is the guest's after all, a receiver
 * that never ends, one without an interrupt, a guest that reads nothing; and the line that is typed among
 * the guest's output.
 */
#include "fake_pl011.h"

#define ESCAPES "\x01\x01\x01"
#define ENTERED                                                                                          \
	"fairlead: monitor: the keyboard is Fairlead's (Ctrl-a three times: back to the guest); `help` " \
	"lists commands\r\n"                                                                             \
	"(fairlead) "

static int setup(void **state)
{
	return setup_with(1, &the_uart);
}

static int setup_without_monitor(void **state)
{
	return setup_with(0, &the_uart);
}

static int setup_polled(void **state)
{
	struct dt_uart polled = the_uart;

	polled.intid = 0;
	return setup_with(1, &polled);
}

static void types(const char *text)
{
	chip_types(text);
	chip_pauses();
	interrupts();
	exit_now();
}

/* Reads as long as there is something. */
static void assert_guest_gets(const char *text)
{
	char got[1024];
	unsigned int n = 0;

	while (!(in(FR) & RXFE) && n < sizeof(got) - 1)
		got[n++] = (char)in(DR);
	got[n] = '\0';
	assert_string_equal(got, text);
	assert_false(line.level);
}

/* ---- the escape ---- */

static void the_escape_is_the_monitors(void **state)
{
	out(IMSC, RX | RT);
	types("a" ESCAPES "help\r");
	assert_true(monitor_active());
	assert_string_equal(command_lines, "help|");
	assert_guest_gets("a");
	types(ESCAPES "b");
	assert_false(monitor_active());
	assert_guest_gets("b");
	assert_string_equal(command_lines, "help|");
}

static void the_guest_is_not_interrupted_by_the_monitors_keys(void **state)
{
	out(IMSC, RX | RT);
	types(ESCAPES "0123456789abcdef");
	types("\r");
	assert_int_equal(line.rises, 0);
	assert_int_equal(in(RIS) & (RX | RT), 0);
	assert_int_equal(in(FR) & (RXFE | RXFF), RXFE);
}

static void an_unfinished_escape_is_the_guests(void **state)
{
	types("\x01");
	assert_guest_gets("");
	types("\x01");
	assert_guest_gets("");
	types("x");
	assert_guest_gets("\x01\x01x");
	types("\x01y" ESCAPES);
	assert_guest_gets("\x01y");
	assert_true(monitor_active());
}

static void without_a_monitor_all_is_the_guests(void **state)
{
	types(ESCAPES "x");
	assert_false(monitor_active());
	assert_guest_gets(ESCAPES "x");
}

/* A guest that hangs with its interrupts off, or has none of the UART's, does not keep the keyboard. */
static void a_guest_that_reads_nothing_does_not_keep_the_escape(void **state)
{
	for (unsigned int i = 0; i < 600; i++)
		types("x");
	assert_int_equal(chip.input_count, 0);
	types(ESCAPES);
	assert_true(monitor_active());
	types("stats\r");
	assert_string_equal(command_lines, "stats|");
}

static void the_monitor_hears_what_came_before_the_guest_started(void **state)
{
	power_on();
	console_init(&the_uart);
	vm.regions = 0;
	monitor_init(NULL, 1);
	chip_types("early" ESCAPES);
	assert_int_equal(console_start_guest(&vm, 1), 0);
	assert_int_equal(chip.imsc, RX | RT);
	exit_now();
	assert_true(monitor_active());
	assert_guest_gets("early");
}

/* ---- bounds ---- */

/*
 * 115200 baud is twelve characters a millisecond: one that has another at once, again and again, is broken,
 * or an attack.
 */
static void endless_input_does_not_hold_the_cpu(void **state)
{
	unsigned int taken;

	chip.endless = true;
	chip.ris |= RX;
	interrupts(); /* ends, or the handler is called a hundred times */
	assert_true(chip.received <= 100);
	assert_int_equal(chip.imsc & (RX | RT), 0);
	taken = chip.received;
	pass_ms(100);
	assert_true(chip.received > taken && chip.received - taken <= 100 * 10);
	taken = gic.taken;
	chip.endless = false;
	chip.input_count = 0;
	chip.ris &= ~(u32)(RX | RT);
	pass_ms(100);
	assert_int_equal(chip.imsc & (RX | RT), RX | RT);
	assert_int_equal(gic.taken, taken);
	while (!(in(FR) & RXFE))
		(void)in(DR);
	types("and on");
	assert_guest_gets("and on");
}

static void a_long_paste_is_not_lost(void **state)
{
	char text[501];

	for (unsigned int i = 0; i < 500; i++)
		text[i] = (char)('a' + i % 26);
	text[500] = '\0';
	types(text);
	pass_ms(300);
	assert_int_equal(chip.input_count, 0);
	assert_guest_gets(text);
}

/* Typed faster than a guest reads that does read: the sender is held back, and nothing is lost. */
static void a_guest_that_reads_is_waited_for(void **state)
{
	char text[1001];
	unsigned int got = 0;

	types("x");
	assert_guest_gets("x");
	for (unsigned int i = 0; i < 1000; i++)
		text[i] = (char)('a' + i % 26);
	text[1000] = '\0';
	types(text);
	pass_ms(300);
	assert_true(chip.input_count > 0);
	for (unsigned int round = 0; round < 100 && got < 1000; round++) {
		while (!(in(FR) & RXFE))
			assert_int_equal((char)in(DR), text[got++]);
		pass_ms(50);
	}
	assert_int_equal(got, 1000);
	assert_int_equal(chip.input_count, 0);
}

/* ... but not for ever: the escape has to come through. */
static void a_guest_that_no_longer_reads_is_not_waited_for(void **state)
{
	char text[1001];

	types("x");
	assert_guest_gets("x");
	memset(text, 'q', 1000);
	text[1000] = '\0';
	types(text);
	pass_ms(300);
	assert_true(chip.input_count > 0);
	pass_ms(2000);
	assert_int_equal(chip.input_count, 0);
}

/* An interrupt of the receiver's that has nothing behind it any more is ended all the same. */
static void an_interrupt_without_a_character_ends(void **state)
{
	chip.ris |= RX | RT;
	interrupts();
	assert_int_equal(gic.taken, 1);
	assert_guest_gets("");
}

/* A character that comes when the handler has looked for the last time is not left there. */
static void (*at_next_flags)(void);

static bool read_and_more(const volatile void *addr, unsigned int size, u64 *value)
{
	bool had = chip_read(addr, size, value);

	if (at_next_flags && (u64)(uintptr_t)addr == BASE + FR && (*value & RXFE)) {
		at_next_flags();
		at_next_flags = NULL;
	}
	return had;
}

static void one_more(void)
{
	chip_types("!");
	chip_pauses();
}

static void a_character_that_comes_late_interrupts(void **state)
{
	host_mmio_read = read_and_more;
	at_next_flags = one_more;
	types("late");
	host_mmio_read = chip_read;
	assert_null(at_next_flags);
	assert_guest_gets("late!");
}

/* ---- without an interrupt ---- */

static void without_an_interrupt_a_timer_looks(void **state)
{
	assert_null(gic.handler);
	chip_types("polled" ESCAPES "help\r");
	pass_ms(50);
	assert_true(monitor_active());
	assert_string_equal(command_lines, "help|");
	assert_guest_gets("polled");
	assert_int_equal(chip.imsc, 0);
	out(IMSC, 0x7ff);
	chip_types(ESCAPES "x");
	pass_ms(50);
	assert_int_equal(line.rises, 0);
	while (!(in(FR) & RXFE))
		assert_int_equal(in(DR), 'x');
}

/* ---- the line that is typed ---- */

static void typing_is_echoed(void **state)
{
	types(ESCAPES);
	assert_sent(ENTERED);
	chip.sent_count = 0;
	types("ab");
	types("\x08");
	assert_sent("ab\b \b");
	types("c\x15");
	assert_sent("ab\b \b\b \b");
	chip.sent_count = 0;
	types("pci\r");
	assert_sent("pci\r\n(fairlead) ");
	assert_string_equal(command_lines, "pci|");
}

static void output_does_not_land_in_the_typed_line(void **state)
{
	types(ESCAPES "pc");
	chip.sent_count = 0;
	guest_says("the guest speaks");
	assert_sent("\r\nthe guest speaks");
	types("i");
	assert_sent("\r\nthe guest speaks\r\n(fairlead) pci");
	chip.sent_count = 0;
	log_info("so does Fairlead");
	assert_sent("\r\nfairlead: so does Fairlead\r\n");
	types(ESCAPES);
	assert_sent("\r\nfairlead: so does Fairlead\r\nfairlead: monitor: the keyboard is the guest's\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_escape_is_the_monitors, setup),
		cmocka_unit_test_setup(the_guest_is_not_interrupted_by_the_monitors_keys, setup),
		cmocka_unit_test_setup(an_unfinished_escape_is_the_guests, setup),
		cmocka_unit_test_setup(without_a_monitor_all_is_the_guests, setup_without_monitor),
		cmocka_unit_test_setup(a_guest_that_reads_nothing_does_not_keep_the_escape, setup),
		cmocka_unit_test_setup(the_monitor_hears_what_came_before_the_guest_started, setup),
		cmocka_unit_test_setup(endless_input_does_not_hold_the_cpu, setup),
		cmocka_unit_test_setup(a_long_paste_is_not_lost, setup),
		cmocka_unit_test_setup(a_guest_that_reads_is_waited_for, setup),
		cmocka_unit_test_setup(a_guest_that_no_longer_reads_is_not_waited_for, setup),
		cmocka_unit_test_setup(an_interrupt_without_a_character_ends, setup),
		cmocka_unit_test_setup(a_character_that_comes_late_interrupts, setup),
		cmocka_unit_test_setup(without_an_interrupt_a_timer_looks, setup_polled),
		cmocka_unit_test_setup(typing_is_echoed, setup),
		cmocka_unit_test_setup(output_does_not_land_in_the_typed_line, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the shared console receives: the escape is Fairlead's and nothing else; the guest's registers never
 * announce a byte that it does not get; a guest that waits for an interrupt gets one, a guest that hangs does
 * not keep the monitor from answering. The guest's handler below is the loop of Linux's 8250 driver.
 */
#include "fake_uart.h"

#define ESCAPE		"\x01"
#define ESCAPES		"\x01\x01\x01"
#define IIR_NONE	0x01
#define IIR_TRANSMITTER 0x02
#define IIR_RECEIVED	0x04
#define IIR_LINE_STATUS 0x06
#define HANDLER_MAX	512 /* Linux gives up here: "too much work" */

static void fairlead_prints(void)
{
	console_log_sink(LOG_INFO, "polls", 5);
}

static char got[2048];
static unsigned int got_count;

static void guest_reads(void)
{
	while (in(LSR)&LSR_DR) {
		assert_true(got_count < sizeof(got) - 1);
		got[got_count++] = (char)in(RBR);
	}
	got[got_count] = '\0';
}

/* serial8250_interrupt(): until no port has anything. Returns the turns. */
static unsigned int guest_handler(void)
{
	unsigned int turns = 0;

	while (!(in(IIR)&IIR_NONE)) {
		assert_true(++turns < HANDLER_MAX);
		guest_reads();
	}
	return turns;
}

/* The guest takes each interrupt when it rises. */
static void guest_lives(void)
{
	static unsigned int handled;

	if (chip.rises == handled)
		return;
	handled = chip.rises;
	guest_handler();
	exit_now();
}

#define assert_guest_got(text)                    \
	do {                                      \
		assert_string_equal(got, (text)); \
		got_count = 0;                    \
		got[0] = '\0';                    \
	} while (0)

static int setup(void **state)
{
	got_count = 0;
	got[0] = '\0';
	setup_with(0x01);
	out(IER, 0x05);
	chip.rises = 0;
	chip.sent_count = 0;
	return 0;
}

static int setup_without(void **state)
{
	got_count = 0;
	got[0] = '\0';
	return setup_with(0);
}

/* ---- the escape ---- */

static void the_guest_does_not_see_the_escape(void **state)
{
	chip_types(ESCAPES);
	guest_lives();
	assert_guest_got("");
	assert_int_equal(in(LSR)&LSR_DR, 0);
	assert_true(monitor_active());
	chip_types("pci\r" ESCAPES "x");
	pass_ms(100);
	assert_false(monitor_active());
	guest_handler();
	assert_guest_got("x");
	assert_string_equal(command_lines, "pci|");
}

static void an_unfinished_escape_is_the_guests(void **state)
{
	chip_types(ESCAPE);
	guest_handler();
	assert_guest_got("");
	chip_types("x");
	guest_handler();
	assert_guest_got(ESCAPE "x");
	chip_types(ESCAPE ESCAPE "y");
	guest_handler();
	assert_guest_got(ESCAPE ESCAPE "y");
	assert_false(monitor_active());
}

/* The interrupt was announced, then Fairlead kept the byte: the handler ends, and reads nothing. */
static void a_kept_byte_does_not_spin_the_handler(void **state)
{
	chip_types(ESCAPE);
	in(MSR); /* the model raises its line with the next access to it */
	assert_int_equal(chip.rises, 1);
	assert_int_equal(guest_handler(), 0);
	chip.arrives = ESCAPE; /* between the look at the queue and the hardware's IIR */
	assert_true(guest_handler() <= 1);
	assert_guest_got("");
	assert_int_equal(in(IIR)&0x0f, IIR_NONE);
}

static void data_ready_and_iir_agree(void **state)
{
	chip_types("ab" ESCAPE "c");
	for (unsigned int i = 0; i < 4; i++) {
		bool data = in(LSR)&LSR_DR;

		assert_true(data);
		assert_int_equal(in(IIR)&0x0f, IIR_RECEIVED);
		assert_int_equal(in(IIR) >> 6, 3);
		got[got_count++] = (char)in(RBR);
	}
	got[got_count] = '\0';
	assert_guest_got("ab" ESCAPE "c");
	assert_int_equal(in(LSR)&LSR_DR, 0);
	assert_int_equal(in(IIR)&0x0f, IIR_NONE);
	out(FCR, 0);
	chip_types("d");
	assert_int_equal(in(IIR), IIR_RECEIVED); /* without FIFOs */
}

/* As the hardware: the last byte again. What waits there unannounced is not touched by accident. */
static void a_read_without_data_gives_the_last_byte(void **state)
{
	chip_types("q");
	assert_int_equal(in(RBR), 'q');
	assert_int_equal(in(RBR), 'q');
	chip_types(ESCAPE);
	assert_int_equal(in(RBR), 'q');
	assert_int_equal(in(RBR), 'q');
	chip_types("r");
	assert_int_equal(in(RBR), 0x01);
	assert_int_equal(in(RBR), 'r');
}

static void without_a_monitor_all_is_the_guests(void **state)
{
	unsigned int received;

	out(IER, 0x01);
	chip_types(ESCAPES "x");
	received = chip.received;
	pass_ms(1000);
	assert_int_equal(chip.received, received);
	guest_handler();
	assert_guest_got(ESCAPES "x");
	pass_ms(1000);
	chip.lsr_reads = 0;
	pass_ms(1000);
	assert_int_equal(chip.lsr_reads, 0); /* nobody looks at an idle port */
}

/* ---- while the monitor has the keyboard ---- */

static void enter(void)
{
	chip_types(ESCAPES);
	pass_ms(300);
	assert_true(monitor_active());
}

static void the_guest_is_not_interrupted_by_what_is_typed(void **state)
{
	enter();
	chip.rises = 0;
	chip_types("help\r");
	pass_ms(100);
	assert_string_equal(command_lines, "help|");
	assert_int_equal(chip.rises, 0);
	assert_int_equal(in(IER), 0x05); /* to the guest nothing has changed */
	assert_int_equal(in(LSR)&LSR_DR, 0);
	out(IER, 0x07);
	assert_int_equal(chip.ier, 0x06);
	out(IER, 0x05);
	chip_types(ESCAPES);
	pass_ms(100);
	assert_int_equal(chip.ier, 0x05);
	chip.rises = 0;
	chip_types("x");
	in(MSR);
	assert_int_equal(chip.rises, 1);
	guest_handler();
	assert_guest_got("x");
}

static void keys_answer_within_20_ms(void **state)
{
	pass_ms(10); /* the next look is far away */
	chip_types(ESCAPES);
	guest_handler();
	exit_now();
	chip_types("k\r");
	pass_ms(30);
	assert_string_equal(command_lines, "k|");
	command_lines[0] = '\0';
	for (unsigned int i = 0; i < 10; i++) {
		chip_types("k\r");
		pass_ms(30);
		assert_int_equal(strlen(command_lines), 2 * (i + 1));
	}
}

/* A look is bounded by the FIFO's size, whatever the hardware says. */
static void endless_input_does_not_hold_the_cpu(void **state)
{
	unsigned int before;

	enter();
	chip.endless = true;
	before = chip.received;
	now_us += 20000;
	exit_now();
	assert_in_range(chip.received - before, 1, FIFO);
	before = chip.received;
	assert_int_equal(in(LSR) & LSR_DR, 0); /* it is none of the guest's */
	assert_in_range(chip.received - before, 1, FIFO);
	before = chip.received;
	in(IIR);
	in(RBR);
	assert_in_range(chip.received - before, 1, 2 * FIFO);
	before = chip.received;
	out(FCR, 0x03);
	assert_in_range(chip.received - before, 1, FIFO);
	chip.endless = false;
}

/* A guest that resets its receiver resets its own. */
static void a_receiver_reset_spares_the_monitors_bytes(void **state)
{
	enter();
	chip_types("pc");
	out(FCR, 0x03);
	chip_types("i\r");
	out(FCR, 0x00);
	pass_ms(100);
	assert_string_equal(command_lines, "pci|");
}

static void a_receiver_reset_drops_the_guests_bytes(void **state)
{
	static const u8 empties[] = { 0x03, 0x00 };

	for (unsigned int i = 0; i < ARRAY_SIZE(empties); i++) {
		out(FCR, 0x01);
		chip_types("old");
		assert_int_equal(in(LSR)&LSR_DR, LSR_DR);
		out(FCR, empties[i]);
		assert_int_equal(in(LSR)&LSR_DR, 0);
		assert_int_equal(in(IIR)&0x0f, IIR_NONE);
	}
	chip_types("kept");
	assert_int_equal(in(LSR)&LSR_DR, LSR_DR);
	out(FCR, 0x80); /* the trigger level alone, with the FIFOs off as before */
	guest_reads();
	assert_guest_got("kept");
}

/* ---- guests that do not read ---- */

static void a_hung_guest_does_not_keep_the_escape(void **state)
{
	chip_types("what now?" ESCAPES "help\r");
	pass_ms(100);
	assert_false(monitor_active());
	pass_ms(120);
	assert_true(monitor_active());
	pass_ms(60);
	assert_string_equal(command_lines, "help|");
	chip_types(ESCAPES);
	pass_ms(40);
	assert_false(monitor_active());
	guest_handler();
	assert_guest_got("what now?");
}

static void a_guest_that_reads_is_left_alone(void **state)
{
	for (unsigned int i = 0; i < 20; i++) {
		unsigned int before = chip.received;

		chip_types("a");
		pass_ms(90);
		assert_int_equal(chip.received, before);
		guest_handler();
		assert_guest_got("a");
		pass_ms(10);
	}
	assert_int_equal(chip.ier, 0x05);
}

/* The hardware has nothing left to interrupt for, so Fairlead makes it. */
static void a_guest_that_comes_back_is_interrupted(void **state)
{
	chip_types("typed ahead");
	in(MSR);
	chip.rises = 0; /* taken, but with interrupts off */
	pass_ms(500);
	assert_int_equal(chip.input_count, 0);
	assert_int_equal(chip.rises, 1);
	assert_true(guest_handler() >= 1);
	assert_guest_got("typed ahead");
	assert_int_equal(chip.ier, 0x05);
	assert_int_equal(in(IIR)&0x0f, IIR_NONE);
	pass_ms(500);
	assert_int_equal(chip.rises, 1);
}

/* The transmitter's interrupt of its own, which it has not seen yet, comes after. */
static void its_own_transmitter_interrupt_is_not_lost(void **state)
{
	out(IER, 0x07);
	assert_int_equal(in(IIR)&0x0f, IIR_TRANSMITTER);
	assert_int_equal(in(IIR)&0x0f, IIR_NONE);
	chip_types("x");
	out(IER, 0x05);
	out(IER, 0x07);
	pass_ms(300);
	assert_int_equal(in(IIR)&0x0f, IIR_RECEIVED);
	assert_int_equal(in(IIR)&0x0f, IIR_RECEIVED);
	guest_reads();
	assert_guest_got("x");
	assert_int_equal(in(IIR)&0x0f, IIR_TRANSMITTER);
	assert_int_equal(in(IIR)&0x0f, IIR_NONE);
	assert_int_equal(chip.ier, 0x07);
}

/* Linux's console output: interrupts off, LSR read for the transmitter, interrupts on again. */
static void a_byte_that_comes_during_console_output_interrupts(void **state)
{
	out(IER, 0x00);
	chip_types("x");
	assert_int_equal(in(LSR)&LSR_THRE, LSR_THRE);
	assert_int_equal(chip.input_count, 0); /* it is in the queue now */
	chip.rises = 0;
	out(IER, 0x05);
	assert_int_equal(chip.rises, 1);
	guest_handler();
	assert_guest_got("x");
	assert_int_equal(chip.ier, 0x05);
}

/* Taken before the hardware's FIFO was full enough to interrupt. */
static void a_byte_below_the_trigger_interrupts_soon(void **state)
{
	chip.below_trigger = true;
	chip_types("x");
	assert_int_equal(in(LSR)&LSR_DR, LSR_DR);
	assert_int_equal(chip.rises, 0);
	pass_ms(60);
	assert_int_equal(chip.rises, 1);
	guest_handler();
	assert_guest_got("x");
}

static void without_a_monitor_it_does_too(void **state)
{
	out(IER, 0x01);
	a_byte_below_the_trigger_interrupts_soon(state);
}

/* So that an error stays with its byte: what waits behind is left in the hardware. */
static void only_the_next_byte_is_taken(void **state)
{
	chip_types("abc");
	in(LSR);
	in(IIR);
	assert_int_equal(chip.received, 1);
	guest_reads();
	assert_guest_got("abc");
}

static void a_guest_that_masks_its_receiver_is_not_interrupted(void **state)
{
	chip_types("x");
	pass_ms(300); /* in the queue, announced */
	chip.rises = 0;
	out(IER, 0x00);
	assert_int_equal(chip.ier, 0x00);
	assert_int_equal(in(IIR)&0x0f, IIR_NONE);
	pass_ms(500);
	assert_int_equal(chip.rises, 0);
	assert_int_equal(chip.ier, 0x00);
}

/* What is too much is lost and said to be, as in the hardware; the escape is found behind it, and the order
 * stays. */
static void a_full_queue_overruns(void **state)
{
	char text[601];

	for (unsigned int i = 0; i < 600; i++)
		text[i] = (char)('a' + i % 26);
	text[600] = '\0';
	chip_types(text);
	chip_types(ESCAPES);
	pass_ms(3000);
	assert_true(monitor_active());
	assert_int_equal(in(IIR)&0x0f, IIR_LINE_STATUS);
	assert_int_equal(in(LSR)&LSR_OE, LSR_OE);
	guest_reads();
	text[512] = '\0';
	assert_guest_got(text);
}

/* An error that Fairlead's own look at LSR has cleared still has its interrupt's cause. */
static void a_missed_error_is_shown(void **state)
{
	chip.errors = LSR_FE;
	fairlead_prints();
	assert_int_equal(in(IIR)&0x0f, IIR_LINE_STATUS);
	assert_int_equal(in(LSR)&LSR_FE, LSR_FE);
	assert_int_equal(in(IIR)&0x0f, IIR_NONE);
	out(IER, 0x01);
	chip.errors = LSR_FE;
	fairlead_prints();
	assert_int_equal(in(IIR)&0x0f, IIR_NONE);
}

/* Whatever is typed, read and waited: the guest gets its bytes, in order and once. */
static void nothing_is_lost_or_swapped(void **state)
{
	char wanted[2048];
	unsigned int typed = 0;
	u32 seed = 1;

	for (unsigned int i = 0; i < 4000; i++) {
		u32 r = seed = seed * 1664525 + 1013904223;

		switch (r >> 24 & 7) {
		case 0:
		case 1:
			if (typed < sizeof(wanted) - 1 && chip.input_count < 64) {
				char c[2] = { (char)('a' + (r >> 16) % 26), '\0' };

				wanted[typed++] = c[0];
				chip_types(c);
			}
			break;
		case 2: pass_ms(10 * (r >> 16 & 3)); break;
		case 3: in(IIR); break;
		case 4: in(LSR); break;
		case 5: out(IER, r >> 16 & 0x0f); break;
		case 6: fairlead_prints(); break;
		default: guest_handler(); break;
		}
	}
	guest_reads();
	wanted[typed] = '\0';
	assert_true(typed > 500);
	assert_guest_got(wanted);
	out(IER, 0x05);
	assert_int_equal(chip.ier, 0x05);
}

/* ---- the line that is typed ---- */

#define ENTERED                                                                                          \
	"fairlead: monitor: the keyboard is Fairlead's (Ctrl-a three times: back to the guest); `help` " \
	"lists commands\r\n"                                                                             \
	"(fairlead) "

static void typing_is_echoed(void **state)
{
	enter();
	assert_sent(ENTERED);
	chip.sent_count = 0;
	chip_types("ab");
	pass_ms(20);
	assert_sent("ab");
	chip_types("\x08");
	pass_ms(20);
	assert_sent("ab\b \b");
	chip_types("c\x15");
	pass_ms(20);
	assert_sent("ab\b \b\b \b");
	chip.sent_count = 0;
	chip_types("pci\r");
	pass_ms(20);
	assert_sent("pci\r\n(fairlead) ");
	assert_string_equal(command_lines, "pci|");
}

static void output_does_not_land_in_the_typed_line(void **state)
{
	enter();
	chip_types("pc");
	pass_ms(20);
	chip.sent_count = 0;
	guest_says("the guest speaks");
	assert_sent("\r\nthe guest speaks");
	chip_types("i");
	pass_ms(20);
	assert_sent("\r\nthe guest speaks\r\n(fairlead) pci");
	chip.sent_count = 0;
	fairlead_prints();
	assert_sent("\r\nfairlead: polls\r\n");
	chip_types(ESCAPES);
	pass_ms(20);
	assert_sent("\r\nfairlead: polls\r\nfairlead: monitor: the keyboard is the guest's\r\n");
}

/* The guest has seen an empty transmitter and fills it: the line end before its text must not take the room.
 */
static void the_guests_burst_after_a_typed_line_is_not_lost(void **state)
{
	enter();
	out(FCR, 0x01);
	chip_types("pc");
	pass_ms(20);
	assert_int_equal(in(LSR)&LSR_THRE, LSR_THRE);
	chip_types("i");
	pass_ms(20);
	chip.sent_count = 0;
	guest_says("0123456789abcdef");
	assert_sent("\r\n0123456789abcdef");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_guest_does_not_see_the_escape, setup),
		cmocka_unit_test_setup(an_unfinished_escape_is_the_guests, setup),
		cmocka_unit_test_setup(a_kept_byte_does_not_spin_the_handler, setup),
		cmocka_unit_test_setup(data_ready_and_iir_agree, setup),
		cmocka_unit_test_setup(a_read_without_data_gives_the_last_byte, setup),
		cmocka_unit_test_setup(without_a_monitor_all_is_the_guests, setup_without),
		cmocka_unit_test_setup(the_guest_is_not_interrupted_by_what_is_typed, setup),
		cmocka_unit_test_setup(keys_answer_within_20_ms, setup),
		cmocka_unit_test_setup(endless_input_does_not_hold_the_cpu, setup),
		cmocka_unit_test_setup(a_receiver_reset_spares_the_monitors_bytes, setup),
		cmocka_unit_test_setup(a_receiver_reset_drops_the_guests_bytes, setup),
		cmocka_unit_test_setup(a_hung_guest_does_not_keep_the_escape, setup),
		cmocka_unit_test_setup(a_guest_that_reads_is_left_alone, setup),
		cmocka_unit_test_setup(a_guest_that_comes_back_is_interrupted, setup),
		cmocka_unit_test_setup(its_own_transmitter_interrupt_is_not_lost, setup),
		cmocka_unit_test_setup(a_byte_that_comes_during_console_output_interrupts, setup),
		cmocka_unit_test_setup(a_byte_below_the_trigger_interrupts_soon, setup),
		cmocka_unit_test_setup(without_a_monitor_it_does_too, setup_without),
		cmocka_unit_test_setup(only_the_next_byte_is_taken, setup),
		cmocka_unit_test_setup(a_guest_that_masks_its_receiver_is_not_interrupted, setup),
		cmocka_unit_test_setup(a_full_queue_overruns, setup),
		cmocka_unit_test_setup(a_missed_error_is_shown, setup),
		cmocka_unit_test_setup(nothing_is_lost_or_swapped, setup),
		cmocka_unit_test_setup(typing_is_echoed, setup),
		cmocka_unit_test_setup(output_does_not_land_in_the_typed_line, setup),
		cmocka_unit_test_setup(the_guests_burst_after_a_typed_line_is_not_lost, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

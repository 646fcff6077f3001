/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PL011 as Fairlead's console: what is set up and what is left as firmware has it, lines on the
 * terminal, a transmitter that is slow, dead, or not there.
 */
#include "fake_pl011.h"

/* A wait for a dead transmitter is millions of these: on a busy host each would let all others run first. */
void arch_cpu_relax(void)
{
}

static int setup(void **state)
{
	return setup_with(0, &the_uart);
}

/* ---- setting up ---- */

static void firmwares_speed_stays(void **state)
{
	power_on();
	console_init(&the_uart);
	assert_int_equal(chip.forbidden, 0); /* UARTIBRD, UARTFBRD are */
	assert_int_equal(chip.written[LCR_H], 0);
	assert_int_equal(chip.imsc, 0);
	assert_int_equal(chip.ris, 0);
	assert_int_equal(chip.cr & (UARTEN | TXE | RXE | LBE), UARTEN | TXE | RXE);
	assert_int_equal(chip.dmacr, 0);
	assert_int_equal(chip.ifls, 0x12); /* 3.3.9: both at one half */
}

/* What firmware has set otherwise is set while the UART is off and has sent what it had. */
static void the_format_is_set_with_the_uart_off(void **state)
{
	static const u32 formats[] = { 0, WLEN_8, FEN, 0x40 | FEN, WLEN_8 | FEN | 0x01, WLEN_8 | FEN | 0x02,
				       WLEN_8 | FEN | 0x80 };

	for (unsigned int i = 0; i < ARRAY_SIZE(formats); i++) {
		power_on();
		chip.lcr_h = formats[i];
		chip.queued = 5;
		console_init(&the_uart);
		assert_int_equal(chip.forbidden, 0);
		assert_int_equal(chip.lcr_h, WLEN_8 | FEN);
		assert_int_equal(chip.cr & (UARTEN | TXE | RXE), UARTEN | TXE | RXE);
	}
}

static void a_uart_that_is_off_is_switched_on(void **state)
{
	power_on();
	chip.cr = LBE;
	console_init(&the_uart);
	assert_int_equal(chip.cr & (UARTEN | TXE | RXE | LBE), UARTEN | TXE | RXE);
}

static void where_nothing_answers_nothing_is_done(void **state)
{
	power_on();
	chip.present = false;
	console_init(&the_uart);
	chip.reads = 0;
	log_info("into the void");
	console_drain();
	assert_int_equal(chip.reads, 0);
	vm.regions = 0;
	assert_int_equal(console_start_guest(&vm, 1), 0);
	assert_int_equal(vm.regions, 0);
	assert_null(gic.handler);
	assert_int_equal(chip.forbidden, 0);
	pass_ms(500);
}

static void without_a_uart_nothing_is_done(void **state)
{
	static const struct dt_uart none = { .kind = DT_UART_NONE };

	power_on();
	console_init(&none);
	log_info("into the void");
	vm.regions = 0;
	assert_int_equal(console_start_guest(&vm, 1), 0);
	assert_int_equal(vm.regions, 0);
	assert_int_equal(chip.flag_reads, 0);
}

static void its_interrupt_becomes_fairleads(void **state)
{
	assert_non_null(gic.handler);
	assert_true(gic.enabled && !gic.edge);
	assert_int_equal(gic.priority, GIC_PRIORITY_OURS);
	assert_int_equal(gic.cpu, 0);
	assert_int_equal(chip.imsc, RX | RT);
	assert_false(line.level);
}

static void what_cannot_be_had_is_said(void **state)
{
	power_on();
	console_init(&the_uart);
	vm.regions = 0;
	gic.error = -EEXIST;
	assert_int_equal(console_start_guest(&vm, 1), -EEXIST);
	vm.regions = VM_MMIO_REGIONS;
	assert_int_equal(console_start_guest(&vm, 1), -EEXIST); /* the one of before is among them */
	vm.region[0].base = 0;
	vm.region[0].size = 1;
	assert_int_equal(console_start_guest(&vm, 1), -ENOSPC);
}

/* A tree that gives it less than a page: what is behind it is not the UART's. */
static void it_ends_where_the_tree_says(void **state)
{
	struct dt_uart small = the_uart;

	small.registers.size = 0x200;
	setup_with(0, &small);
	assert_int_equal(in(0x1fc), 0);
	assert_int_equal(in(0x200), 0xffffffff);
	small.registers.size = 0x10000; /* nor does it own more than it has */
	setup_with(0, &small);
	assert_int_equal(in(0xfe0), 0x11);
	assert_int_equal(in(0x1000), 0xffffffff);
}

/* ---- lines ---- */

static void lines_are_marked(void **state)
{
	log_info("hello");
	log_warn("careful");
	log_error("no");
	log_error("panic: the end");
	assert_sent("fairlead: hello\r\nfairlead: warning: careful\r\n"
		    "fairlead: error: no\r\nfairlead: panic: the end\r\n");
}

static void a_line_does_not_land_in_the_guests(void **state)
{
	guest_says("half a li");
	log_info("a");
	log_info("b");
	guest_says("ne\r\n");
	log_info("c");
	assert_sent("half a li\r\nfairlead: a\r\nfairlead: b\r\nne\r\nfairlead: c\r\n");
}

static void control_characters_do_not_pass(void **state)
{
	console_log_sink(LOG_INFO, "a\x1b[2J\nb\xff", 8);
	assert_sent("fairlead: a?[2J?b?\r\n");
}

/* A guest that has seen UARTFR.TXFE fills the FIFO without looking again; Linux writes half of it unseen. */
static void nothing_is_lost_in_a_slow_transmitter(void **state)
{
	chip.patience = 40;
	log_info("in between, longer than the FIFO is");
	guest_says("0123456789abcdef0123456789abcdef");
	assert_sent("fairlead: in between, longer than the FIFO is\r\n0123456789abcdef0123456789abcdef");
}

/* ---- a dead transmitter ---- */

static void a_dead_transmitter_does_not_hold_fairlead(void **state)
{
	unsigned int reads;

	chip.stuck = true;
	log_info("more than sixteen characters"); /* waits once */
	reads = chip.flag_reads;
	assert_true(reads > 1000);
	log_info("a second line");
	guest_says("and the guest");
	console_drain();
	assert_true(chip.flag_reads - reads < 100); /* about one a character */
	assert_int_equal(chip.lost, 0);
	chip.stuck = false;
	chip.queued = 0;
	chip.sent_count = 0;
	log_info("alive");
	assert_sent("\r\nfairlead: alive\r\n");
}

/* What was known of another UART, or of this one before it was set up, does not count. */
static void a_uart_begins_anew(void **state)
{
	chip.stuck = true;
	log_info("more than sixteen characters");
	guest_says("half a line");
	power_on();
	console_init(&the_uart);
	chip.patience = 40;
	chip.queued = FIFO; /* firmware's */
	log_info("more than sixteen characters");
	assert_sent("fairlead: more than sixteen characters\r\n");
}

static void a_transmitter_that_is_busy_for_ever_is_set_up_all_the_same(void **state)
{
	power_on();
	chip.stuck = true;
	chip.queued = 3;
	chip.lcr_h = 0;
	console_init(&the_uart);
	assert_int_equal(chip.lcr_h, WLEN_8 | FEN);
}

static void all_leaves_before_a_reset(void **state)
{
	chip.patience = 100;
	log_info("last");
	assert_true(chip.queued > 0);
	console_drain();
	assert_int_equal(chip.queued, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(firmwares_speed_stays),
		cmocka_unit_test(the_format_is_set_with_the_uart_off),
		cmocka_unit_test(a_uart_that_is_off_is_switched_on),
		cmocka_unit_test(where_nothing_answers_nothing_is_done),
		cmocka_unit_test(without_a_uart_nothing_is_done),
		cmocka_unit_test_setup(its_interrupt_becomes_fairleads, setup),
		cmocka_unit_test_setup(what_cannot_be_had_is_said, setup),
		cmocka_unit_test_setup(it_ends_where_the_tree_says, setup),
		cmocka_unit_test_setup(lines_are_marked, setup),
		cmocka_unit_test_setup(a_line_does_not_land_in_the_guests, setup),
		cmocka_unit_test_setup(control_characters_do_not_pass, setup),
		cmocka_unit_test_setup(nothing_is_lost_in_a_slow_transmitter, setup),
		cmocka_unit_test_setup(a_dead_transmitter_does_not_hold_fairlead, setup),
		cmocka_unit_test_setup(a_uart_begins_anew, setup),
		cmocka_unit_test_setup(a_transmitter_that_is_busy_for_ever_is_set_up_all_the_same, setup),
		cmocka_unit_test_setup(all_leaves_before_a_reset, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

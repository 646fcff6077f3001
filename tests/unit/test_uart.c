/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One UART, two users: output and the registers. The guest is Linux's 8250 driver where its probing asks for more than transmission
 * and reception.
 */
#include "fake_uart.h"

/* A wait for a dead transmitter is millions of these: on a busy host each would let all others run first. */
void arch_cpu_relax(void)
{
}

static void fairlead_says(enum log_level level, const char *text)
{
	console_log_sink(level, text, strlen(text));
}

static int setup(void **state)
{
	return setup_with(0);
}

/* ---- output ------------------------------------------------------------------------------------------------------- */

static void lines_are_marked(void **state)
{
	fairlead_says(LOG_INFO, "hello");
	fairlead_says(LOG_WARN, "careful");
	fairlead_says(LOG_ERROR, "no");
	assert_sent("fairlead: hello\r\nfairlead: warning: careful\r\nfairlead: error: no\r\n");
}

static void a_line_does_not_land_in_the_guests(void **state)
{
	guest_says("half a li");
	fairlead_says(LOG_INFO, "a");
	fairlead_says(LOG_INFO, "b");
	guest_says("ne\r\n");
	fairlead_says(LOG_INFO, "c");
	assert_sent("half a li\r\nfairlead: a\r\nfairlead: b\r\nne\r\nfairlead: c\r\n");
}

static void control_characters_do_not_pass(void **state)
{
	fairlead_says(LOG_INFO, "a\x1b[2J\nb\xff");
	assert_sent("fairlead: a?[2J?b?\r\n");
}

/* Linux looks at THRE once and then fills the FIFO: a line of Fairlead's in between must not make it overflow. */
static void the_guests_burst_is_not_lost(void **state)
{
	out(FCR, 0x01);
	assert_int_equal(in(LSR) & LSR_THRE, LSR_THRE);
	fairlead_says(LOG_INFO, "in between");
	guest_says("0123456789abcdef");
	assert_sent("fairlead: in between\r\n0123456789abcdef");
}

static void a_fifo_reset_does_not_eat_fairleads_line(void **state)
{
	fairlead_says(LOG_INFO, "x");
	out(FCR, 0x07);
	out(FCR, 0x00);
	fairlead_says(LOG_INFO, "y");
	assert_sent("fairlead: x\r\nfairlead: y\r\n");
}

/* A guest that switches the FIFOs loses nothing of what is on its way, its own included. */
static void switching_the_fifo_drains_it(void **state)
{
	out(FCR, 0x01);
	guest_says("0123456789");
	out(FCR, 0x00);
	guest_says("a");
	assert_sent("0123456789a");
}

static void a_stuck_transmitter_does_not_hang(void **state)
{
	chip.stuck = true;
	chip.queued = 1;
	fairlead_says(LOG_INFO, "nobody reads this");
	chip.lsr_reads = 0;
	fairlead_says(LOG_INFO, "nor this");
	assert_true(chip.lsr_reads < 100); /* not one time-out per character */
	chip.stuck = false;
	chip.queued = 0;
	chip.sent_count = 0;
	fairlead_says(LOG_INFO, "back");
	assert_sent("fairlead: back\r\n");
}

static void without_a_uart_the_ports_pass(void **state)
{
	assert_int_equal(pio_release(COM1), 0);
	chip.present = false;
	uart_init(COM1);
	assert_int_equal(uart_share_with_guest(), 0);
	assert_int_equal(pio_bitmap[COM1 / 8], 0);
	chip.sent_count = 0;
	fairlead_says(LOG_INFO, "into the void");
	console_drain();
	assert_int_equal(chip.sent_count, 0);
}

/* ---- what the guest may not change -------------------------------------------------------------------------------- */

static void the_guest_cannot_change_the_line(void **state)
{
	u8 lcr = chip.lcr, dll = chip.dll, dlm = chip.dlm;

	out(LCR, DLAB | 0x02);
	out(0, 0x0c);
	out(1, 0x01);
	assert_int_equal(in(0), 0x0c);
	assert_int_equal(in(1), 0x01);
	out(LCR, 0x42); /* 7 bits, break */
	assert_int_equal(in(LCR), 0x42);
	assert_int_equal(chip.lcr, lcr);
	assert_int_equal(chip.dll, dll);
	assert_int_equal(chip.dlm, dlm);
	assert_int_equal(chip.sent_count, 0); /* the divisor was no character */
	out(MCR, 0x00);
	assert_int_equal(chip.mcr & 0x03, 0x03); /* DTR and RTS are Fairlead's as well */
}

static void interrupts_are_the_guests(void **state)
{
	out(IER, 0xff);
	assert_int_equal(chip.ier, 0x0f);
	assert_int_equal(in(IER), 0x0f);
	out(IER, 0x05);
	assert_int_equal(chip.ier, 0x05);
	out(MCR, 0x0b);
	assert_int_equal(chip.mcr & OUT2, OUT2);
	out(MCR, 0x03);
	assert_int_equal(chip.mcr & OUT2, 0);
	assert_int_equal(in(MCR), 0x03);
}

static void input_is_the_guests(void **state)
{
	memcpy(chip.input, "\x03q", 2);
	chip.input_count = 2;
	fairlead_says(LOG_INFO, "polls, but reads nothing");
	assert_int_equal(in(LSR) & LSR_DR, LSR_DR);
	assert_int_equal(in(RBR), 0x03);
	assert_int_equal(in(RBR), 'q');
	assert_int_equal(in(LSR) & LSR_DR, 0);
}

/* Reading LSR clears the error bits: what Fairlead's polling saw is kept for the guest, once. */
static void errors_are_kept_for_the_guest(void **state)
{
	chip.errors = LSR_OE | LSR_FE;
	fairlead_says(LOG_INFO, "polls");
	assert_int_equal(in(LSR) & 0x1e, LSR_OE | LSR_FE);
	assert_int_equal(in(LSR) & 0x1e, 0);
}

static void wide_accesses_are_bytes(void **state)
{
	u32 value = 0x0000425a;

	pio_access(COM1 + 6, 2, true, &value); /* MSR (read-only), scratch */
	assert_int_equal(in(SCR), 0x42);
	value = 0;
	pio_access(COM1 + 6, 2, false, &value);
	assert_int_equal(value, 0x42b0);
}

/* ---- Linux's probing (drivers/tty/serial/8250/8250_port.c, autoconfig) ------------------------------------------- */

static void linux_finds_a_16550a(void **state)
{
	u8 lcr = in(LCR), mcr = in(MCR);

	out(IER, 0);
	assert_int_equal(in(IER) & 0x0f, 0);
	out(IER, 0x0f);
	assert_int_equal(in(IER) & 0x0f, 0x0f);
	out(IER, 0);
	out(MCR, LOOP | 0x0a);
	assert_int_equal(in(MSR) & 0xf0, 0x90);
	assert_int_equal(chip.mcr & LOOP, 0);
	out(MCR, mcr);
	assert_int_equal(in(MSR) & 0xf0, 0xb0);
	out(LCR, 0xbf);
	out(2, 0);
	out(LCR, 0);
	out(FCR, 0x01);
	assert_int_equal(in(IIR) >> 6, 3);
	out(IER, 0x40); /* an XScale's unit enable: must not stick */
	assert_int_equal(in(IER) & 0x40, 0);
	out(SCR, 0xa5);
	assert_int_equal(in(SCR), 0xa5);
	out(SCR, 0x5a);
	assert_int_equal(in(SCR), 0x5a);
	out(LCR, lcr);
	assert_sent("");
}

static void loopback_follows_the_outputs(void **state)
{
	static const struct {
		u8 mcr, msr;
	} pairs[] = { { 0x01, 0x20 }, { 0x02, 0x10 }, { 0x04, 0x40 }, { 0x08, 0x80 }, { 0x0f, 0xf0 }, { 0x00, 0x00 } };

	for (unsigned int i = 0; i < ARRAY_SIZE(pairs); i++) {
		out(MCR, LOOP | pairs[i].mcr);
		assert_int_equal(in(MSR) & 0xf0, pairs[i].msr);
	}
	guest_says("not on the wire");
	assert_sent("");
	fairlead_says(LOG_INFO, "on the wire");
	assert_sent("fairlead: on the wire\r\n");
	out(MCR, 0x0b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lines_are_marked, setup),
		cmocka_unit_test_setup(a_line_does_not_land_in_the_guests, setup),
		cmocka_unit_test_setup(control_characters_do_not_pass, setup),
		cmocka_unit_test_setup(the_guests_burst_is_not_lost, setup),
		cmocka_unit_test_setup(a_fifo_reset_does_not_eat_fairleads_line, setup),
		cmocka_unit_test_setup(switching_the_fifo_drains_it, setup),
		cmocka_unit_test_setup(a_stuck_transmitter_does_not_hang, setup),
		cmocka_unit_test_setup(without_a_uart_the_ports_pass, setup),
		cmocka_unit_test_setup(the_guest_cannot_change_the_line, setup),
		cmocka_unit_test_setup(interrupts_are_the_guests, setup),
		cmocka_unit_test_setup(input_is_the_guests, setup),
		cmocka_unit_test_setup(errors_are_kept_for_the_guest, setup),
		cmocka_unit_test_setup(wide_accesses_are_bytes, setup),
		cmocka_unit_test_setup(linux_finds_a_16550a, setup),
		cmocka_unit_test_setup(loopback_follows_the_outputs, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

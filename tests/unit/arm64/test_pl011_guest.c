/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PL011 that the guest sees, register by register (ARM DDI 0183G, chapter 3), what Linux's driver does
 * with it, and garbage: whatever the guest writes, the hardware's speed, format and interrupts stay
 * Fairlead's.
 */
#include "fake_pl011.h"

#include <stdlib.h>

static int setup(void **state)
{
	return setup_with(0, &the_uart);
}

/* Characters arrive, and the machine's interrupt with them. */
static void types(const char *text)
{
	chip_types(text);
	chip_pauses();
	interrupts();
}

static void assert_reads(const char *text)
{
	for (; *text; text++) {
		assert_int_equal(in(FR) & RXFE, 0);
		assert_int_equal(in(DR), *text);
	}
	assert_int_equal(in(FR) & RXFE, RXFE);
}

/* ---- registers ---- */

static void registers_are_as_firmware_leaves_them(void **state)
{
	assert_int_equal(in(RSR), 0);
	assert_int_equal(in(FR), FR_CTS | RXFE | TXFE);
	assert_int_equal(in(LCR_H), WLEN_8 | FEN);
	assert_int_equal(in(CR), UARTEN | TXE | RXE);
	assert_int_equal(in(IFLS), 0x12);
	assert_int_equal(in(IMSC), 0);
	assert_int_equal(in(MIS), 0);
	assert_int_equal(in(ICR), 0); /* write-only */
	assert_int_equal(in(DMACR), 0);
}

/* Tables 3-16 to 3-25 */
static void the_id_registers_name_a_pl011(void **state)
{
	static const u8 id[] = { 0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(in(0xfe0 + 4 * i), id[i]);
		out(0xfe0 + 4 * i, ~0u);
		assert_int_equal(in(0xfe0 + 4 * i), id[i]);
		assert_int_equal(in_wide(0xfe0 + 4 * i, 1), id[i]);
	}
}

static const struct {
	unsigned int offset;
	u32 bits; /* that can be written */
} writable[] = {
	{ ILPR, 0xff }, { IBRD, 0xffff }, { FBRD, 0x3f }, { LCR_H, 0xff },
	{ CR, 0xff87 }, { IFLS, 0x3f },	  { IMSC, 0x7ff },
};

static void what_is_written_is_read_and_stays_here(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(writable); i++) {
		for (unsigned int bit = 0; bit < 32; bit++) {
			out(writable[i].offset, BIT32(bit));
			assert_int_equal(in(writable[i].offset), BIT32(bit) & writable[i].bits);
		}
		out(writable[i].offset, 0xffffffff);
		for (unsigned int other = 0; other < ARRAY_SIZE(writable); other++) {
			if (other != i)
				assert_int_not_equal(in(writable[other].offset), 0xffffffff);
		}
		assert_int_equal(in(writable[i].offset), writable[i].bits);
	}
	/*
	 * Of all that, only the transmitter's interrupt is the hardware's, and it is off again where it is
	 * raised.
	 */
	assert_int_equal(chip.forbidden, 0);
	assert_int_equal(chip.lcr_h, WLEN_8 | FEN);
	assert_int_equal(chip.cr & (UARTEN | TXE | RXE | LBE), UARTEN | TXE | RXE);
	assert_int_equal(chip.ifls, 0x12);
	assert_int_equal(chip.imsc & ~(u32)TX, RX | RT);
}

static void reserved_registers_are_zero(void **state)
{
	static const u16 known[] = { DR, RSR, FR, ILPR, IBRD, FBRD, LCR_H, CR, IFLS, IMSC, RIS, MIS };

	for (unsigned int offset = 0; offset < 0xfe0; offset += 4) {
		bool reserved = true;

		for (unsigned int i = 0; i < ARRAY_SIZE(known); i++)
			reserved &= offset != known[i];
		if (!reserved)
			continue;
		out(offset, 0xffffffff);
		assert_int_equal(in(offset), 0);
	}
	assert_int_equal(chip.forbidden, 0);
	assert_int_equal(chip.dmacr, 0);
}

static void read_only_registers_stay(void **state)
{
	types("x");
	for (unsigned int i = 0; i < 2; i++) {
		u32 fr = in(FR), ris = in(RIS);

		out(FR, i ? ~0u : 0);
		out(RIS, i ? ~0u : 0);
		out(MIS, i ? ~0u : 0);
		assert_int_equal(in(FR), fr);
		assert_int_equal(in(RIS), ris);
	}
	assert_reads("x");
}

/* ---- widths ---- */

static void narrow_accesses_are_of_the_register(void **state)
{
	out_wide(IBRD, 2, 0xffff1234);
	assert_int_equal(in(IBRD), 0x1234);
	assert_int_equal(in_wide(IBRD, 2), 0x1234);
	assert_int_equal(in_wide(IBRD, 1), 0x34);
	out_wide(IBRD, 1, 0x5678);
	assert_int_equal(in(IBRD), 0x78);
	out_wide(DR, 1, 'a');
	out_wide(DR, 2, 0xff00 | 'b');
	out_wide(DR, 4, 0xffffff00 | 'c');
	assert_sent("abc");
}

/*
 * Beside a register's own address there is none: a character is not taken twice, or sent as its upper half.
 */
static void between_the_registers_there_is_nothing(void **state)
{
	types("xy");
	for (unsigned int byte = 1; byte < 4; byte++) {
		for (unsigned int size = 1; size <= 8; size *= 2) {
			assert_int_equal(in_wide(DR + byte, size), 0);
			out_wide(DR + byte, size, 0x6161616161616161);
			out_wide(IMSC + byte, size, ~0ull);
			assert_int_equal(in_wide(0xfe0 + byte, size), 0);
		}
	}
	assert_int_equal(in(IMSC), 0);
	assert_sent("");
	assert_reads("xy");
}

static void a_wide_access_is_of_two_registers(void **state)
{
	assert_int_equal(in_wide(0xfe0, 8), 0x0000001000000011);
	assert_int_equal(in_wide(0xff8, 8), 0x000000b100000005);
	out_wide(IBRD - 4, 8, 0x0000123400000056); /* UARTILPR and UARTIBRD */
	assert_int_equal(in(ILPR), 0x56);
	assert_int_equal(in(IBRD), 0x1234);
}

static void garbage_stays_in_the_guests_uart(void **state)
{
	srand(1);
	for (unsigned int i = 0; i < 100000; i++) {
		unsigned int size = 1u << rand() % 4;
		unsigned int offset = i % 4 ? (unsigned int)rand() % 0x50 : (unsigned int)rand() % 0x1000;
		u64 value = (u64)rand() << 32 | (u64)rand() << 1 | (rand() & 1);

		offset &= ~(rand() % 8 ? size - 1 : 0);
		if (offset + size > 0x1000)
			continue;
		if (rand() % 2)
			out_wide(offset, size, value);
		else if (size < 8)
			assert_int_equal(in_wide(offset, size) >> (8 * size), 0);
		else
			(void)in_wide(offset, size);
		if (i % 64 == 0 && chip.input_count < FIFO) {
			chip_types("z");
			chip_pauses();
		}
		interrupts();
		/* The line is what the registers say. */
		assert_int_equal(line.level, in(MIS) != 0);
		assert_int_equal(in(MIS), in(RIS) & in(IMSC));
		chip.sent_count = 0;
	}
	assert_int_equal(chip.forbidden, 0);
	assert_int_equal(chip.lost, 0);
	assert_int_equal(chip.lcr_h, WLEN_8 | FEN);
	assert_int_equal(chip.cr & (UARTEN | TXE | RXE | LBE), UARTEN | TXE | RXE);
	assert_int_equal(chip.ifls, 0x12);
	assert_int_equal(chip.dmacr, 0);
}

/* ---- the receiver ---- */

static void what_is_typed_is_read_in_order(void **state)
{
	types("hello");
	assert_reads("hello");
	assert_int_equal(in(DR) & 0xf00, 0); /* empty: nothing is said of a character that is not there */
	types("again");
	assert_reads("again");
}

/* 3.3.9: one eighth to seven eighths of 16; in character mode (3.3.7, FEN = 0) one. */
static void the_trigger_level_is_the_guests(void **state)
{
	static const u8 level[] = { 2, 4, 8, 12, 14 };

	for (unsigned int select = 0; select <= ARRAY_SIZE(level); select++) {
		unsigned int trigger = select < ARRAY_SIZE(level) ? level[select] : 1;

		if (select < ARRAY_SIZE(level))
			out(IFLS, select << 3 | 2);
		else
			out(LCR_H, WLEN_8);
		out(IMSC, RX);
		for (unsigned int i = 1; i <= 16; i++) {
			types("c");
			assert_int_equal(in(RIS) & RX, i >= trigger ? RX : 0);
			assert_int_equal(line.level, i >= trigger);
			assert_int_equal(in(FR) & RXFF, i >= (trigger == 1 ? 1 : 16) ? RXFF : 0);
		}
		for (unsigned int i = 16; i-- > 0;) {
			assert_int_equal(in(DR), 'c');
			assert_int_equal(in(RIS) & RX, i >= trigger ? RX : 0);
			assert_int_equal(line.level, i >= trigger);
		}
	}
}

static void a_lower_level_raises_what_waits(void **state)
{
	out(IMSC, RX);
	out(IFLS, 4 << 3);
	types("0123");
	assert_false(line.level);
	out(IFLS, 1 << 3);
	assert_true(line.level);
	out(IFLS, 4 << 3);
	assert_false(line.level);
	out(LCR_H, WLEN_8);
	assert_true(line.level);
}

/* What does not fill the FIFO is announced by the timeout, and that ends with the last character. */
static void a_single_character_is_announced(void **state)
{
	out(IMSC, RT);
	types("ab");
	assert_int_equal(in(MIS), RT);
	assert_true(line.level);
	assert_int_equal(in(DR), 'a');
	assert_true(line.level);
	assert_int_equal(in(DR), 'b');
	assert_false(line.level);
	assert_int_equal(in(RIS) & RT, 0);
}

static void what_is_masked_does_not_interrupt_until_it_is_not(void **state)
{
	types("0123456789");
	assert_int_equal(in(RIS) & (RX | RT), RX | RT);
	assert_int_equal(in(MIS), 0);
	assert_false(line.level);
	out(IMSC, RT);
	assert_true(line.level);
	out(IMSC, 0);
	assert_false(line.level);
}

/* 3.3.13: cleared until the next comes, each by its own bit. */
static void cleared_interrupts_come_back_with_more(void **state)
{
	out(IMSC, RX | RT);
	types("0123456789");
	out(ICR, RX);
	assert_int_equal(in(MIS), RT);
	assert_int_equal(in(DR), '0'); /* nine are left, which is no news */
	assert_int_equal(in(MIS), RT);
	out(ICR, 0x7ff & ~(RX | RT));
	assert_int_equal(in(MIS), RT);
	out(ICR, RT);
	assert_int_equal(in(MIS), 0);
	assert_false(line.level);
	gic.handler(SPI); /* without a character, for whatever reason */
	assert_int_equal(in(MIS), 0);
	types("a");
	assert_int_equal(in(MIS), RX | RT);
	assert_true(line.level);
}

/* A driver that empties no more than a FIFO's worth: what is left in the queue behind it is announced. */
static void more_than_a_fifo_is_announced_to_the_end(void **state)
{
	types("0123456789abcdef");
	types("0123456789abcdef");
	types("rest");
	out(ICR, RX | RT);
	for (unsigned int i = 0; i < 32; i++)
		(void)in(DR);
	out(IMSC, RX | RT);
	assert_true(line.level);
	assert_reads("rest");
	assert_false(line.level);
}

/* 3.3.1, 3.3.2: errors come with their character, stand in UARTRSR, and raise their interrupts. */
static void errors_come_with_their_character(void **state)
{
	static const u16 received[] = { 'a', 0x100 | 'b', 0x200 | 'c', 0x400, 'd' };

	out(IMSC, 0x780);
	for (unsigned int i = 0; i < ARRAY_SIZE(received); i++) {
		chip_receives(&received[i], 1);
		chip_pauses();
		interrupts();
		assert_int_equal(in(RIS) & 0x780, (received[i] & 0xf00) >> 1);
		assert_int_equal(line.level, (received[i] & 0xf00) != 0);
		out(ICR, 0x780);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(received); i++) {
		assert_int_equal(in(DR), received[i]);
		assert_int_equal(in(RSR), received[i] >> 8);
		if (i == 2) {
			out(RSR, 0);
			assert_int_equal(in(RSR), 0);
		}
	}
	chip_receives(&received[3], 1);
	chip_pauses();
	interrupts();
	assert_int_equal(in(DR), 0x400);
	assert_int_equal(in(DR) & 0xf00, 0); /* there is none that it could be said of */
	assert_int_equal(in(RSR), 4);
}

/*
 * The queue behind the FIFO is long, not endless: a loss is said, by interrupt, in UARTRSR until it is
 * cleared, and with a character.
 */
static void a_loss_is_said(void **state)
{
	out(IMSC, OE);
	for (unsigned int i = 0; i < 512; i++) {
		assert_false(line.level);
		types("q");
	}
	types("l");
	assert_true(line.level);
	assert_int_equal(in(MIS), OE);
	assert_int_equal(in(RSR), 8);
	out(ICR, OE);
	assert_false(line.level);
	assert_int_equal(in(DR), 0x800 | 'q');
	assert_int_equal(in(DR), 'q');
	assert_int_equal(in(RSR), 8);
	out(RSR, 0);
	assert_int_equal(in(RSR), 0);
	assert_int_equal(in(DR), 'q');
	assert_int_equal(in(RSR), 0);
	types("n");
	for (unsigned int i = 3; i < 512; i++)
		assert_int_equal(in(DR), 'q');
	assert_reads("n");
}

/* ---- the transmitter ---- */

static void room_is_the_hardwares(void **state)
{
	chip.stuck = true;
	guest_says("0123456789abcde");
	assert_int_equal(in(FR) & (TXFF | TXFE | BUSY), BUSY);
	guest_says("f");
	assert_int_equal(in(FR) & (TXFF | TXFE | BUSY), TXFF | BUSY);
	chip.queued = 0;
	assert_int_equal(in(FR) & (TXFF | TXFE | BUSY), TXFE);
}

/* The guest asks, the hardware tells once, and is asked again when the guest has ended it. */
static void the_transmitters_interrupt_is_the_hardwares(void **state)
{
	unsigned int taken;

	chip.stuck = true;
	out(ICR, TX);
	out(IMSC, TX);
	guest_says("0123456789abcdef");
	assert_false(line.level);
	assert_int_equal(chip.imsc, RX | RT | TX);
	taken = gic.taken;
	while (chip.queued)
		chip_sends_one();
	interrupts();
	assert_int_equal(gic.taken, taken + 1);
	assert_true(line.level);
	assert_int_equal(in(MIS), TX);
	assert_int_equal(chip.imsc, RX | RT); /* no storm while the guest makes up its mind */
	guest_says("01234567");
	assert_true(line.level); /* 2.7: not until more than half is full */
	guest_says("8");
	assert_false(line.level);
	assert_int_equal(chip.imsc, RX | RT | TX);
	while (chip.queued)
		chip_sends_one();
	interrupts();
	assert_true(line.level);
	out(ICR, TX);
	assert_false(line.level);
	assert_int_equal(chip.imsc, RX | RT | TX);
	out(IMSC, 0);
	assert_int_equal(chip.imsc, RX | RT);
}

static void what_is_cleared_is_what_was_asked_for(void **state)
{
	chip.ris |= TX;
	out(IMSC, TX);
	assert_true(line.level);
	out(ICR, 0x7ff & ~TX);
	assert_true(line.level);
	out(ICR, TX);
	assert_false(line.level);
	assert_int_equal(chip.ris & TX, 0);
}

/* A line of Fairlead's fills the FIFO: what the guest was told is over, and the next look finds that. */
static void fairleads_line_does_not_leave_a_stale_interrupt(void **state)
{
	chip.ris |= TX;
	out(IMSC, TX);
	assert_true(line.level);
	chip.patience = 1000;
	log_info("a long line of Fairlead's");
	assert_true(chip.queued > HALF);
	assert_int_equal(in(MIS), 0);
	assert_false(line.level);
	while (chip.queued)
		chip_sends_one();
	interrupts();
	assert_true(line.level);
}

static void loopback_sends_nothing(void **state)
{
	out(CR, UARTEN | TXE | RXE | LBE);
	guest_says("self test");
	out(CR, UARTEN | TXE | RXE);
	guest_says("text");
	assert_sent("text");
}

/* ---- Linux's driver ---- */

/* drivers/tty/serial/earlycon: waits for room, then for the end. */
static void linux_early_console(void **state)
{
	for (const char *c = "[    0.000000] Booting Linux\r\n"; *c; c++) {
		while (in(FR) & TXFF)
			;
		out_wide(DR, 4, (u8)*c);
	}
	while (in(FR) & BUSY)
		;
	assert_sent("[    0.000000] Booting Linux\r\n");
}

static unsigned int got_count;
static char got[64];

/*
 * An interrupt handler that takes what is there and gives what it has, half a FIFO at a time, without
 * looking for room.
 */
static void linux_interrupt(const char **text)
{
	for (unsigned int rounds = 0; in(MIS); rounds++) {
		u32 status = in(RIS) & in(IMSC);

		assert_true(rounds < 20);
		out(ICR, status & ~(TX | RT | RX));
		if (status & (RT | RX)) {
			while (!(in(FR) & RXFE))
				got[got_count++] = (char)in(DR);
		}
		if (status & TX) {
			for (unsigned int i = 0; i < HALF && **text; i++)
				out_wide(DR, 2, (u8) * (*text)++);
			if (!**text)
				out(IMSC, in(IMSC) & ~TX);
		}
	}
}

static void linux_runs_by_interrupts(void **state)
{
	const char *text = "a text that is a good deal longer than the transmitter's FIFO, in steps";
	const char *rest = text;

	/* startup: format and speed, on, old interrupts gone, FIFO emptied, receiver's interrupts on */
	out(IFLS, 0x12);
	out(IBRD, 13);
	out(FBRD, 1);
	out(LCR_H, WLEN_8 | FEN);
	out(CR, 0xb01);
	out(ICR, RX | RT);
	for (unsigned int i = 0; i < 32 && !(in(FR) & RXFE); i++)
		(void)in(DR);
	out(IMSC, RX | RT);
	got_count = 0;
	/* The first characters until there is no room; the rest by interrupt. */
	while (*rest && !(in(FR) & TXFF))
		out_wide(DR, 2, (u8)*rest++);
	out(IMSC, RX | RT | TX);
	for (unsigned int i = 0; *rest || chip.queued; i++) {
		assert_true(i < 10000);
		if (i == 40)
			chip_types("typed meanwhile");
		if (i == 60)
			chip_pauses();
		if (chip.queued)
			chip_sends_one();
		interrupts();
		if (line.level)
			linux_interrupt(&rest);
	}
	assert_sent(text);
	got[got_count] = '\0';
	assert_string_equal(got, "typed meanwhile");
	assert_false(line.level);
	assert_int_equal(chip.forbidden, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(registers_are_as_firmware_leaves_them, setup),
		cmocka_unit_test_setup(the_id_registers_name_a_pl011, setup),
		cmocka_unit_test_setup(what_is_written_is_read_and_stays_here, setup),
		cmocka_unit_test_setup(reserved_registers_are_zero, setup),
		cmocka_unit_test_setup(read_only_registers_stay, setup),
		cmocka_unit_test_setup(narrow_accesses_are_of_the_register, setup),
		cmocka_unit_test_setup(between_the_registers_there_is_nothing, setup),
		cmocka_unit_test_setup(a_wide_access_is_of_two_registers, setup),
		cmocka_unit_test_setup(garbage_stays_in_the_guests_uart, setup),
		cmocka_unit_test_setup(what_is_typed_is_read_in_order, setup),
		cmocka_unit_test_setup(the_trigger_level_is_the_guests, setup),
		cmocka_unit_test_setup(a_lower_level_raises_what_waits, setup),
		cmocka_unit_test_setup(a_single_character_is_announced, setup),
		cmocka_unit_test_setup(what_is_masked_does_not_interrupt_until_it_is_not, setup),
		cmocka_unit_test_setup(cleared_interrupts_come_back_with_more, setup),
		cmocka_unit_test_setup(more_than_a_fifo_is_announced_to_the_end, setup),
		cmocka_unit_test_setup(errors_come_with_their_character, setup),
		cmocka_unit_test_setup(a_loss_is_said, setup),
		cmocka_unit_test_setup(room_is_the_hardwares, setup),
		cmocka_unit_test_setup(the_transmitters_interrupt_is_the_hardwares, setup),
		cmocka_unit_test_setup(what_is_cleared_is_what_was_asked_for, setup),
		cmocka_unit_test_setup(fairleads_line_does_not_leave_a_stale_interrupt, setup),
		cmocka_unit_test_setup(loopback_sends_nothing, setup),
		cmocka_unit_test_setup(linux_early_console, setup),
		cmocka_unit_test_setup(linux_runs_by_interrupts, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

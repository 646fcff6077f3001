/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console's 16550 by MMIO, as boards have it: registers apart (reg-shift), accessed with a width
 * (reg-io-width), as Fairlead reaches them and as the guest does. What the 16550 itself does:
 * tests/unit/test_uart*.c.
 */
#include "arch/arm64/console.h"
#include "arch/arm64/gic.h"
#include "arch/arm64/vgic.h"
#include "core/mmio.h"
#include "tests/unit/fake_16550.h"
#include "tests/unit/fake_console.h"

#include <stdlib.h>

#define BASE	0x1c090000u
#define ESCAPES "\x01\x01\x01"

static struct dt_uart uart;
static struct vm vm;
/* Accesses of Fairlead's between the registers, behind them, or of another width. */
static unsigned int forbidden;
static unsigned int divisor_writes, lcr_writes;

static bool is_uarts(const volatile void *addr, unsigned int size, unsigned int *reg)
{
	u64 offset = (u64)(uintptr_t)addr - BASE;

	if (offset >= 0x1000)
		return false;
	*reg = (unsigned int)(offset >> uart.reg_shift);
	if (*reg > 7 || (u64)*reg << uart.reg_shift != offset || size != uart.reg_width)
		forbidden++;
	return true;
}

static bool uart_read(const volatile void *addr, unsigned int size, u64 *value)
{
	unsigned int reg;

	if (!is_uarts(addr, size, &reg))
		return false;
	/* What is above the byte is anything. */
	*value = chip_in(reg & 7) | (size > 1 ? 0xa5a5a500u & (u32)GENMASK64(size * 8 - 1, 0) : 0);
	return true;
}

static bool uart_write(volatile void *addr, unsigned int size, u64 value)
{
	unsigned int reg;

	if (!is_uarts(addr, size, &reg))
		return false;
	if (reg == LCR)
		lcr_writes++;
	else if (reg <= IER && (chip.lcr & DLAB))
		divisor_writes++;
	chip_out(reg & 7, (u8)value);
	return true;
}

/* The interrupt stays the guest's. */
int gic_claim(u32 intid, gic_handler fn, const char *name)
{
	fail();
	return -1;
}

void vgic_set_level(u32 intid, bool level)
{
	fail();
}

void gic_enable(unsigned int cpu, u32 intid, bool on)
{
	fail();
}

void gic_set_edge(unsigned int cpu, u32 intid, bool edge)
{
	fail();
}

void gic_set_priority(unsigned int cpu, u32 intid, u8 priority)
{
	fail();
}

void gic_route(u32 intid, unsigned int cpu)
{
	fail();
}

/* ---- the guest ---- */

static u64 in_wide(u64 offset, unsigned int size)
{
	u64 value = 0xdeadbeefdeadbeef;

	vm_mmio_access(&vm, BASE + offset, size, false, &value);
	return value;
}

static u8 in(unsigned int reg)
{
	return (u8)in_wide((u64)reg << uart.reg_shift, uart.reg_width);
}

static void out(unsigned int reg, u8 value)
{
	u64 wide = value | 0x5a5a5a00;

	vm_mmio_access(&vm, BASE + ((u64)reg << uart.reg_shift), uart.reg_width, true, &wide);
}

static void guest_says(const char *text)
{
	while (*text)
		out(THR, (u8)*text++);
}

static void assert_sent(const char *text)
{
	chip.sent[chip.sent_count] = '\0';
	assert_string_equal(chip.sent, text);
	assert_int_equal(chip.lost, 0);
	assert_int_equal(forbidden, 0);
}

/* ---- */

static void power_on(unsigned int shift, unsigned int width)
{
	uart = (struct dt_uart){
		.kind = DT_UART_16550,
		.registers = { BASE, 0x100 },
		.reg_shift = shift,
		.reg_width = width,
		.intid = 40,
	};
	memset(&chip, 0, sizeof(chip));
	forbidden = divisor_writes = lcr_writes = 0;
	chip.present = true;
	chip.lcr = 0x03;
	host_mmio_read = uart_read;
	host_mmio_write = uart_write;
	vm.regions = 0;
	monitor_init(NULL, 1);
	log_set_sink(console_log_sink);
	log_set_level(LOG_INFO);
}

static void start(unsigned int shift, unsigned int width)
{
	power_on(shift, width);
	console_init(&uart);
	pass_ms(200); /* a timer of the test before finds nothing to do */
	assert_int_equal(console_start_guest(&vm, 1), 0);
	chip.queued = chip.sent_count = chip.lost = 0;
}

static const struct {
	unsigned int shift, width;
} layouts[] = { { 0, 1 }, { 1, 1 }, { 1, 2 }, { 2, 1 }, { 2, 2 }, { 2, 4 }, { 3, 4 } };

#define FOR_EACH_LAYOUT                                                                \
	for (unsigned int l = 0;                                                       \
	     l < ARRAY_SIZE(layouts) && (start(layouts[l].shift, layouts[l].width), true); l++)

static void firmwares_speed_stays(void **state)
{
	FOR_EACH_LAYOUT {
		assert_int_equal(divisor_writes, 0);
		assert_int_equal(lcr_writes, 0); /* a DesignWare UART that is sending takes offence */
		assert_int_equal(forbidden, 0);
		assert_int_equal(chip.ier, 0);
		assert_int_equal(chip.fcr & 1, 1);
	}
	power_on(2, 4);
	chip.lcr = 0x1b;
	console_init(&uart);
	assert_int_equal(chip.lcr, 0x03);
	assert_int_equal(divisor_writes, 0);
}

static void both_write_lines(void **state)
{
	FOR_EACH_LAYOUT {
		log_info("a");
		guest_says("half ");
		log_info("b");
		assert_sent("fairlead: a\r\nhalf \r\nfairlead: b\r\n");
	}
}

static void the_guests_registers_stand_as_the_hardwares(void **state)
{
	FOR_EACH_LAYOUT {
		out(SCR, 0x5c);
		assert_int_equal(in(SCR), 0x5c);
		out(LCR, DLAB | 0x03);
		out(0, 0x34);
		out(1, 0x12);
		assert_int_equal(in(0), 0x34);
		assert_int_equal(in(1), 0x12);
		out(LCR, 0x03);
		out(IER, 0x05);
		assert_int_equal(in(IER), 0x05);
		assert_int_equal(chip.ier, 0x05);
		assert_int_equal(divisor_writes, 0);
		assert_int_equal(forbidden, 0);
	}
}

/* Between the registers and behind the eight there is nothing, whatever the width. */
static void elsewhere_there_is_nothing(void **state)
{
	FOR_EACH_LAYOUT {
		u64 step = 1u << uart.reg_shift, ones = ~0ull;

		out(SCR, 0x5c);
		for (u64 offset = 0; offset < 0x100 - 8; offset++) {
			if (offset % step == 0 && offset / step < 8)
				continue;
			if (offset / step < 8)
				continue; /* a wide access reaches the next register */
			for (unsigned int size = 1; size <= 8; size *= 2) {
				assert_int_equal(in_wide(offset, size), 0);
				vm_mmio_access(&vm, BASE + offset, size, true, &ones);
			}
		}
		for (u64 byte = 1; byte < step; byte++) {
			vm_mmio_access(&vm, BASE + (SCR << uart.reg_shift) + byte, 1, true, &ones);
			assert_int_equal(in_wide((SCR << uart.reg_shift) + byte, 1), 0);
		}
		assert_int_equal(in(SCR), 0x5c);
		assert_sent("");
		log_set_sink(NULL);
		assert_int_equal(in_wide(0x100, 1), 0xff); /* not the UART's */
	}
}

static void bytes_side_by_side_are_reached_at_once(void **state)
{
	u64 value = 0x5cull << 56; /* IER 0 to SCR */

	start(0, 1);
	out(LCR, 0x03);
	value |= (u64)0x03 << 24 | (u64)0x0b << 32 | (u64)0x01 << 16 | 'a';
	vm_mmio_access(&vm, BASE, 8, true, &value);
	assert_sent("a");
	assert_int_equal(in(SCR), 0x5c);
	assert_int_equal(in_wide(4, 4) >> 24, 0x5c);
}

static void garbage_reaches_only_the_registers(void **state)
{
	srand(1);
	FOR_EACH_LAYOUT {
		for (unsigned int i = 0; i < 20000; i++) {
			unsigned int size = 1u << rand() % 4;
			u64 value = (u64)rand() << 32 | (u64)rand() << 1 | (rand() & 1);

			unsigned int offset = (unsigned int)rand() % (0x100 - 8);

			vm_mmio_access(&vm, BASE + offset, size, rand() % 2, &value);
			chip.sent_count = 0;
		}
		assert_int_equal(forbidden, 0);
		assert_int_equal(divisor_writes, 0);
		assert_int_equal(chip.lcr, 0x03);
		assert_int_equal(chip.mcr & LOOP, 0);
	}
}

static void input_and_escape(void **state)
{
	FOR_EACH_LAYOUT {
		out(IER, 0x05);
		chip_types("a");
		assert_int_equal(in(LSR) & LSR_DR, LSR_DR);
		assert_int_equal(in(RBR), 'a');
		chip_types(ESCAPES "help\r" ESCAPES "b");
		pass_ms(300);
		assert_string_equal(command_lines, "help|");
		assert_int_equal(in(RBR), 'b');
		assert_int_equal(forbidden, 0);
	}
}

static void where_nothing_answers_nothing_is_done(void **state)
{
	power_on(2, 4);
	chip.present = false;
	console_init(&uart);
	log_info("into the void");
	console_drain();
	assert_int_equal(console_start_guest(&vm, 1), 0);
	assert_int_equal(vm.regions, 0);
	assert_int_equal(chip.sent_count, 0);
	pass_ms(500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(firmwares_speed_stays),
		cmocka_unit_test(both_write_lines),
		cmocka_unit_test(the_guests_registers_stand_as_the_hardwares),
		cmocka_unit_test(elsewhere_there_is_nothing),
		cmocka_unit_test(bytes_side_by_side_are_reached_at_once),
		cmocka_unit_test(garbage_reaches_only_the_registers),
		cmocka_unit_test(input_and_escape),
		cmocka_unit_test(where_nothing_answers_nothing_is_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

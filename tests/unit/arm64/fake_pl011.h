/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PL011 (ARM DDI 0183G, chapter 3) that counts what it loses, its interrupt at Fairlead's handler as a
 * level, the guest at its traps, and the emulated line. Included by the tests of the shared PL011.
 *
 * What is behind the registers is nobody's, so an access past the console's lock is seen as a race by
 * ThreadSanitizer.
 */
#ifndef TESTS_FAKE_PL011_H
#define TESTS_FAKE_PL011_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/arm64/console.h"
#include "arch/arm64/gic.h"
#include "arch/arm64/vgic.h"
#include "core/errno.h"
#include "core/lock.h"
#include "core/mmio.h"
#include "tests/unit/fake_console.h"

#define BASE  0x9000000u
#define SPI   33u
#define FIFO  16u /* r1p1 */
#define HALF  8u
#ifndef CHIP_SENT
#define CHIP_SENT 4096 /* characters that are kept */
#endif

/* Table 3-1 */
enum {
	DR = 0x00, RSR = 0x04, FR = 0x18, ILPR = 0x20, IBRD = 0x24, FBRD = 0x28, LCR_H = 0x2c, CR = 0x30,
	IFLS = 0x34, IMSC = 0x38, RIS = 0x3c, MIS = 0x40, ICR = 0x44, DMACR = 0x48,
};
#define FR_CTS	0x001
#define BUSY	0x008
#define RXFE	0x010
#define TXFF	0x020
#define RXFF	0x040
#define TXFE	0x080
#define RX	0x010
#define TX	0x020
#define RT	0x040
#define FE	0x080
#define BE	0x200
#define OE	0x400
#define FEN	0x010
#define WLEN_8	0x060
#define UARTEN	0x001
#define LBE	0x080
#define TXE	0x100
#define RXE	0x200

/* ---- the hardware ---- */

static struct {
	bool present, stuck;
	u32 lcr_h, cr, ifls, imsc, ris, dmacr, ibrd, fbrd;
	unsigned int queued, lost; /* characters on their way out; written with no room */
	unsigned int patience;	   /* reads of UARTFR until one has left */
	char sent[CHIP_SENT];
	unsigned int sent_count;
	u16 input[1024];
	unsigned int input_count, received;
	bool endless;
	unsigned int flag_reads;
	unsigned int reads;
	unsigned int forbidden; /* accesses that Fairlead never makes: speed, reserved, another width */
	unsigned int written[0x50];
} chip;

/*
 * 3.3.11, 2.7: the transmitter's interrupt is a passage of the FIFO through half, downwards; the receiver's
 * is its level.
 */
static void chip_sends_one(void)
{
	if (chip.queued-- == HALF + 1)
		chip.ris |= TX;
}

static unsigned int chip_held(void)
{
	return chip.endless || chip.input_count > FIFO ? FIFO : chip.input_count;
}

static void chip_receives(const u16 *c, unsigned int n)
{
	assert_true(chip.input_count + n <= ARRAY_SIZE(chip.input));
	memcpy(chip.input + chip.input_count, c, n * sizeof(*c));
	chip.input_count += n;
	if (chip_held() >= HALF)
		chip.ris |= RX;
}

static UNUSED void chip_types(const char *text)
{
	for (; *text; text++)
		chip_receives(&(u16){ (u8)*text }, 1);
}

/* 32 bits' time pass without another character. */
static UNUSED void chip_pauses(void)
{
	if (chip_held())
		chip.ris |= RT;
}

static u32 chip_flags(void)
{
	u32 fr = FR_CTS;

	chip.flag_reads++;
	if (!chip.stuck && chip.queued && chip.flag_reads % chip.patience == 0)
		chip_sends_one();
	if (!chip_held())
		fr |= RXFE;
	if (chip_held() == FIFO)
		fr |= RXFF;
	if (!chip.queued)
		fr |= TXFE;
	if (chip.queued == FIFO)
		fr |= TXFF;
	if (chip.queued)
		fr |= BUSY;
	return fr;
}

static u32 chip_data(void)
{
	u16 c = chip.input[0];

	chip.received++;
	if (chip.endless)
		return 'e';
	if (chip.input_count)
		memmove(chip.input, chip.input + 1, --chip.input_count * sizeof(chip.input[0]));
	if (chip_held() < HALF)
		chip.ris &= ~RX;
	if (!chip_held())
		chip.ris &= ~RT;
	return c;
}

static bool chip_has(const volatile void *addr)
{
	u64 at = (u64)(uintptr_t)addr;

	return at >= BASE && at < BASE + 0x1000;
}

static bool chip_read(const volatile void *addr, unsigned int size, u64 *value)
{
	if (!chip_has(addr))
		return false;
	chip.forbidden += size != 4;
	chip.reads++;
	*value = 0xffffffff;
	if (!chip.present)
		return true;
	switch ((u64)(uintptr_t)addr - BASE) {
	case DR: *value = chip_data(); break;
	case FR: *value = chip_flags(); break;
	case LCR_H: *value = chip.lcr_h; break;
	case RIS: *value = chip.ris; break;
	default: chip.forbidden++; break;
	}
	return true;
}

static void chip_transmit(u8 value)
{
	if (chip.queued == FIFO)
		chip.lost++;
	else
		chip.queued++;
	if (chip.queued > HALF)
		chip.ris &= ~TX;
	if (chip.sent_count < sizeof(chip.sent) - 1)
		chip.sent[chip.sent_count++] = (char)value;
}

static bool chip_write(volatile void *addr, unsigned int size, u64 value)
{
	u64 offset = (u64)(uintptr_t)addr - BASE;

	if (!chip_has(addr))
		return false;
	chip.forbidden += size != 4 || !chip.present;
	if (offset < ARRAY_SIZE(chip.written))
		chip.written[offset]++;
	switch (offset) {
	case DR: chip_transmit((u8)value); break;
	case LCR_H:
		/* 3.3.7: not while it is on; and what it had would be lost */
		chip.forbidden += (chip.cr & UARTEN) || chip.queued;
		chip.lcr_h = (u32)value;
		break;
	case CR: chip.cr = (u32)value; break;
	case IFLS: chip.ifls = (u32)value; break;
	case IMSC: chip.imsc = (u32)value; break;
	case ICR: chip.ris &= ~(u32)value; break;
	case DMACR: chip.dmacr = (u32)value; break;
	default: chip.forbidden++; break;
	}
	return true;
}

/* ---- the GIC ---- */

static struct {
	gic_handler handler;
	bool enabled, edge;
	u8 priority;
	unsigned int cpu, taken;
	int error;
} gic;

int gic_claim(u32 intid, gic_handler fn, const char *name)
{
	assert_int_equal(intid, SPI);
	gic.handler = fn;
	return gic.error;
}

void gic_enable(unsigned int cpu, u32 intid, bool on)
{
	assert_int_equal(intid, SPI);
	gic.enabled = on;
}

void gic_set_edge(unsigned int cpu, u32 intid, bool edge)
{
	gic.edge = edge;
}

void gic_set_priority(unsigned int cpu, u32 intid, u8 priority)
{
	gic.priority = priority;
}

void gic_route(u32 intid, unsigned int cpu)
{
	gic.cpu = cpu;
}

/* The hardware's line is a level: as long as it is up the handler is called again. */
static UNUSED void interrupts(void)
{
	for (unsigned int i = 0; gic.enabled && (chip.ris & chip.imsc); i++) {
		if (i == 100)
			fail_msg("the handler does not end its interrupt");
		gic.taken++;
		gic.handler(SPI);
	}
}

static struct {
	bool level;
	unsigned int rises, falls;
} line;

/* The emulated GIC has a lock of its own, which is outside the console's: it may log. */
static LOCK_CLASS(fake_vgic_class, "fake_vgic");
static struct spinlock fake_vgic_lock LEAF_LOCK = SPINLOCK_INIT(fake_vgic_class);

void vgic_set_level(u32 intid, bool level)
{
	spin_lock(&fake_vgic_lock);
	assert_int_equal(intid, SPI);
	assert_true(level != line.level);
	line.level = level;
	if (level)
		line.rises++;
	else
		line.falls++;
	spin_unlock(&fake_vgic_lock);
}

/* ---- the guest ---- */

static struct vm vm;

static u64 in_wide(unsigned int offset, unsigned int size)
{
	u64 value = 0xdeadbeefdeadbeef;

	vm_mmio_access(&vm, BASE + offset, size, false, &value);
	return value;
}

static void out_wide(unsigned int offset, unsigned int size, u64 value)
{
	u64 written = value;

	vm_mmio_access(&vm, BASE + offset, size, true, &written);
	assert_int_equal(written, value);
}

static UNUSED u32 in(unsigned int offset)
{
	return (u32)in_wide(offset, 4);
}

static UNUSED void out(unsigned int offset, u32 value)
{
	out_wide(offset, 4, value);
}

static UNUSED void guest_says(const char *text)
{
	while (*text)
		out_wide(DR, 1, (u8)*text++);
}

static UNUSED void assert_sent(const char *text)
{
	chip.sent[chip.sent_count] = '\0';
	assert_string_equal(chip.sent, text);
	assert_int_equal(chip.lost, 0);
}

static void power_on(void)
{
	memset(&chip, 0, sizeof(chip));
	memset(&gic, 0, sizeof(gic));
	memset(&line, 0, sizeof(line));
	chip.present = true;
	chip.patience = 4;
	chip.lcr_h = WLEN_8 | FEN;
	chip.cr = UARTEN | TXE | RXE;
	chip.dmacr = 0x7;
	chip.imsc = 0x7ff; /* whatever firmware left */
	chip.ris = OE;
	host_mmio_read = chip_read;
	host_mmio_write = chip_write;
}

static const struct dt_uart the_uart = {
	.kind = DT_UART_PL011, .registers = { BASE, 0x1000 }, .intid = SPI, .level = true,
};

static UNUSED int setup_with(char escape, const struct dt_uart *uart)
{
	power_on();
	console_init(uart);
	pass_ms(200); /* a timer of the test before finds nothing to do */
	log_set_sink(console_log_sink);
	log_set_level(LOG_INFO);
	vm.regions = 0;
	monitor_init(NULL, escape);
	assert_int_equal(console_start_guest(&vm, escape), 0);
	guest_says("\n");
	chip.queued = chip.sent_count = chip.lost = 0;
	return 0;
}

#endif

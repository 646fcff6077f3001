/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A 16550 (PC16550D data sheet, section 8) that counts what it loses, by its eight registers. Included by
 * the tests of the shared console, which say where it is.
 */
#ifndef TESTS_FAKE_16550_H
#define TESTS_FAKE_16550_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "core/types.h"

enum { RBR = 0, THR = 0, IER = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7 };
#define DLAB	 0x80
#define LSR_DR	 0x01
#define LSR_OE	 0x02
#define LSR_FE	 0x08
#define LSR_THRE 0x20
#define LSR_TEMT 0x40
#define OUT2	 0x08
#define LOOP	 0x10

/* ---- a 16550 ---- */

#define FIFO 16
#ifndef CHIP_SENT
#define CHIP_SENT 4096 /* characters that are kept */
#endif

static struct {
	bool present, stuck;
	u8 ier, fcr, lcr, mcr, scr, dll, dlm;
	u8 errors; /* cleared by a read of LSR */
	unsigned int queued, lost;
	unsigned int patience; /* reads of LSR until a character has left */
	char sent[CHIP_SENT];
	unsigned int sent_count;
	char input[1024];
	unsigned int input_count, received; /* waiting, taken */
	bool endless;			    /* there is always another byte */
	const char *arrives;		    /* when IIR is read, just before */
	bool below_trigger;		    /* the FIFO does not hold enough for an interrupt yet */
	bool transmitter_pending;	    /* the transmitter's interrupt, until IIR shows it */
	bool line;			    /* the interrupt line; what is latched is its rise */
	unsigned int rises;
	unsigned int lsr_reads;
} chip;

static void chip_types(const char *text)
{
	size_t n = strlen(text);

	assert_true(chip.input_count + n <= sizeof(chip.input));
	memcpy(chip.input + chip.input_count, text, n);
	chip.input_count += (unsigned int)n;
}

/* Interrupt identification (table 4 of the data sheet): the highest of what is pending and enabled. */
static u8 chip_iir(void)
{
	if ((chip.ier & 4) && (chip.errors & 0x1e))
		return 0x06;
	if ((chip.ier & 1) && chip.input_count && !chip.below_trigger)
		return 0x04;
	if ((chip.ier & 2) && chip.transmitter_pending)
		return 0x02;
	return 0x01;
}

/* After each change. */
static void chip_line(void)
{
	bool line = chip_iir() != 0x01;

	if (line && !chip.line)
		chip.rises++;
	chip.line = line;
}

static u8 chip_read_iir(void)
{
	u8 iir;

	if (chip.arrives)
		chip_types(chip.arrives);
	chip.arrives = NULL;
	iir = chip_iir();
	if (iir == 0x02)
		chip.transmitter_pending = false;
	return iir | (chip.fcr & 1 ? 0xc0 : 0);
}

/* The transmitter's interrupt comes when it is switched on with the transmitter empty, too. */
static void chip_write_ier(u8 value)
{
	if ((value & ~chip.ier & 2) && !chip.queued)
		chip.transmitter_pending = true;
	if (!(value & 2))
		chip.transmitter_pending = false;
	chip.ier = value & 0x0f;
}

static u8 chip_lsr(void)
{
	u8 lsr = chip.errors | (chip.input_count || chip.endless ? LSR_DR : 0);

	chip.errors = 0;
	chip.lsr_reads++;
	if (!chip.stuck && chip.queued && chip.lsr_reads % 4 == 0) {
		chip.queued--;
		chip.transmitter_pending |= !chip.queued && (chip.ier & 2);
	}
	return chip.queued ? lsr : lsr | LSR_THRE | LSR_TEMT;
}

static u8 chip_receive(void)
{
	char c = chip.input[0];

	chip.received++;
	if (chip.endless)
		return 'e';
	if (chip.input_count)
		memmove(chip.input, chip.input + 1, --chip.input_count);
	return (u8)c;
}

static u8 chip_in(unsigned int reg)
{
	u8 value;

	if (!chip.present)
		return 0xff;
	switch (reg) {
	case RBR: value = chip.lcr & DLAB ? chip.dll : chip_receive(); break;
	case IER: value = chip.lcr & DLAB ? chip.dlm : chip.ier; break;
	case IIR: value = chip_read_iir(); break;
	case LCR: value = chip.lcr; break;
	case MCR: value = chip.mcr; break;
	case LSR: value = chip_lsr(); break;
	case MSR: value = 0xb0; break;
	default: value = chip.scr; break;
	}
	chip_line();
	return value;
}

static void chip_transmit(u8 value)
{
	if (chip.queued >= (chip.fcr & 1 ? FIFO : 1))
		chip.lost++;
	else
		chip.queued++;
	if (chip.sent_count < sizeof(chip.sent) - 1)
		chip.sent[chip.sent_count++] = (char)value;
}

static void chip_out(unsigned int reg, u8 value)
{
	switch (reg) {
	case THR:
		if (chip.lcr & DLAB)
			chip.dll = value;
		else
			chip_transmit(value);
		break;
	case IER:
		if (chip.lcr & DLAB)
			chip.dlm = value;
		else
			chip_write_ier(value);
		break;
	case FCR:
		/* Changing the enable bit, or asking for it, empties the FIFOs. */
		if (((value ^ chip.fcr) & 1) || (value & 4)) {
			chip.lost += chip.queued;
			chip.queued = 0;
		}
		if (((value ^ chip.fcr) & 1) || (value & 2))
			chip.input_count = 0;
		chip.fcr = value;
		break;
	case LCR: chip.lcr = value; break;
	case MCR: chip.mcr = value; break;
	case SCR: chip.scr = value; break;
	default: break;
	}
	chip_line();
}

#endif

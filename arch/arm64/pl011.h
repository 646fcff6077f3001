/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PrimeCell UART, PL011 (ARM DDI 0183G, chapter 3): its registers, the hardware as the console's
 * (pl011.c), and the one that the guest sees (pl011_guest.c).
 */
#ifndef ARCH_ARM64_PL011_H
#define ARCH_ARM64_PL011_H

#include "boot/arm64/dt.h"
#include "core/console/console.h"
#include "core/vm.h"

/* Table 3-1: offsets of registers, 32 bits each. */
enum pl011_register {
	UARTDR = 0x000,	  /* 3.3.1 data: read received, write to send */
	UARTRSR = 0x004,  /* 3.3.2 errors of the character that was read last; a write clears them */
	UARTFR = 0x018,	  /* 3.3.3 flags */
	UARTILPR = 0x020, /* 3.3.4 */
	UARTIBRD = 0x024, /* 3.3.5 */
	UARTFBRD = 0x028, /* 3.3.6 */
	UARTLCR_H = 0x02c, /* 3.3.7 */
	UARTCR = 0x030,	   /* 3.3.8 */
	UARTIFLS = 0x034,  /* 3.3.9 */
	UARTIMSC = 0x038,  /* 3.3.10 */
	UARTRIS = 0x03c,   /* 3.3.11 */
	UARTMIS = 0x040,   /* 3.3.12 */
	UARTICR = 0x044,   /* 3.3.13 */
	UARTDMACR = 0x048, /* 3.3.14 */
	UARTPeriphID0 = 0xfe0, /* 3.3.15 */
	UARTPCellID0 = 0xff0,  /* 3.3.16 */
	PL011_SIZE = 0x1000,
};

/* UARTDR 11:8: what was wrong with the character; the same four are UARTRSR 3:0 and interrupts 10:7. */
#define DR_CHARACTER  0x0ffu
#define DR_ERRORS     0xf00u
#define DR_OE	      0x800u /* characters were lost before this one */
#define DR_TO_RSR     8
#define DR_TO_RIS     1
#define RSR_OE	      0x8u

#define FR_BUSY BIT32(3)
#define FR_RXFE BIT32(4)
#define FR_TXFF BIT32(5)
#define FR_RXFF BIT32(6)
#define FR_BITS 0x1ffu

#define LCR_H_FEN  BIT32(4)
#define LCR_H_8BIT (3u << 5)
#define LCR_H_BITS 0xffu

#define CR_UARTEN BIT32(0)
#define CR_LBE	  BIT32(7)
#define CR_TXE	  BIT32(8)
#define CR_RXE	  BIT32(9)
#define CR_DTR	  BIT32(10)
#define CR_RTS	  BIT32(11)
#define CR_BITS	  0xff87u

#define IFLS_RX_SHIFT 3
#define IFLS_LEVEL    7u
#define IFLS_RESET    0x12u /* both FIFOs half full */
#define IFLS_BITS     0x3fu

/* The interrupts: UARTIMSC, UARTRIS, UARTMIS, UARTICR */
#define INT_RX	 BIT32(4)
#define INT_TX	 BIT32(5)
#define INT_RT	 BIT32(6)
#define INT_OE	 BIT32(10)
#define INT_BITS 0x7ffu

/* ---- the hardware: pl011.c ---- */

/*
 * Takes it as the console's: polled output, no interrupts, FIFOs on; the speed is what firmware has set.
 * False: nothing answers there. The registers are mapped. Boot.
 */
bool MUST_CHECK pl011_init(paddr_t registers);
u32 pl011_read(enum pl011_register reg) REQUIRES(console_spinlock);
void pl011_write(enum pl011_register reg, u32 value) REQUIRES(console_spinlock);
/* Only these interrupts come from here on. */
void pl011_enable(u32 interrupts) REQUIRES(console_spinlock);
/* What was wrong with characters that were received since the last call: UARTDR's bits. */
u16 pl011_errors(void) REQUIRES(console_spinlock);

/* ---- the guest's: pl011_guest.c ---- */

/* As console_start_guest(), of that UART; after pl011_init() has found one. */
int MUST_CHECK pl011_start_guest(struct vm *vm, const struct dt_uart *uart, char escape);

#endif

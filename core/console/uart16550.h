/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A 16550 as the shared console (console.h), by whatever way the architecture reaches its registers. The
 * guest sees a 16550 in the same place, whose interrupt is the hardware's: it goes to the guest, and
 * Fairlead takes none of it.
 */
#ifndef CORE_CONSOLE_UART16550_H
#define CORE_CONSOLE_UART16550_H

#include "core/console/console.h"

#define UART16550_REGISTERS 8u /* bytes, by number */

/* Reads and writes a register by its number. Called under the console's lock. */
struct uart16550_bus {
	u8 (*in)(unsigned int reg);
	void (*out)(unsigned int reg, u8 value);
};

/*
 * Sets 8N1 and polled output, and the speed by the divisor; 0: it stays as firmware has set it. False:
 * nothing answers there; output is dropped. `bus` has to last. Boot.
 */
bool uart16550_init(const struct uart16550_bus *bus, u16 divisor);
/*
 * What is received goes to the monitor first, and what is not its to the guest. `escape` is the monitor's,
 * 0: there is none. From here on Fairlead looks at the input by itself, too, so that the escape is seen
 * though the guest reads nothing. Boot.
 */
void uart16550_start_input(char escape);
/* The guest's accesses to register 0 .. 7. Only if uart16550_init() has found one. Exit path. */
u8 uart16550_guest_read(unsigned int reg);
void uart16550_guest_write(unsigned int reg, u8 value);

#endif

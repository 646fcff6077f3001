/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lock of what Fairlead says, and hears: the shared serial port and the panic record. A log line
 * may be written under any lock, so it is inside all of them; only the monitor's keys and the timers are
 * inside it.
 *
 * It is the one lock that is held while a device is slow: docs/design/locks.md.
 */
#ifndef CORE_CONSOLE_LOCK_H
#define CORE_CONSOLE_LOCK_H

#include "core/lock.h"

extern struct spinlock console_spinlock ACQUIRED_AFTER(console_class);

/*
 * Waits for it, except where waiting would be for ever: this CPU has it already (a machine check or a fault
 * came in the middle of a line), or this CPU ends the machine and nobody gives the lock back in
 * CONSOLE_WAIT_US. Then it goes on without. Does not return if another CPU ends the machine. Any context
 * but NMI.
 */
void console_lock_at(struct code_site site) ACQUIRES(console_spinlock);
#define console_lock() console_lock_at(HERE)
void console_unlock(void) RELEASES(console_spinlock);

#define CONSOLE_WAIT_US 200000u /* of a line of 256 characters at 115200 baud, 22 ms, nine */

#endif

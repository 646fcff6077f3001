/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The monitor: a line of commands on the serial console. The escape (Ctrl-a three times, configurable)
 * switches the keyboard between the guest and the monitor; the guest keeps running, and its output keeps
 * coming.
 *
 * Each command ends in one line: `done`, `pending` (and, later, what became of it), or `refused:` with the
 * reason.
 */
#ifndef CORE_MONITOR_H
#define CORE_MONITOR_H

#include "core/types.h"
#include "core/vm.h"

/* The character of the escape, 0: no monitor. Boot. */
void monitor_init(struct vm *vm, char escape);
/*
 * One character from the console. True: it is Fairlead's (part of the escape, or the monitor has the
 * keyboard). False: the guest's. Characters of an escape that was not completed are the guest's after all:
 * *held says how many escape characters go before this one. Runs commands only from deferred work. Exit path.
 */
bool monitor_input(char c, unsigned int *held);
bool monitor_active(void); /* does it have the keyboard? */

#endif

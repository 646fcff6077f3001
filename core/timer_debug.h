/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * debug=timer: shows on the console that timers and deferred work keep their time, whatever the guest does.
 */
#ifndef CORE_TIMER_DEBUG_H
#define CORE_TIMER_DEBUG_H

/* From now on a line a second: "timer: N expiries, latest M us late", of that second. Boot. */
void timer_debug_start(void);

#endif

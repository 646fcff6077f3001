/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Crashes on purpose: how a user sees what a panic looks like, and a test that the protections of Fairlead's own memory work.
 */
#ifndef CORE_CRASH_H
#define CORE_CRASH_H

#include "core/types.h"

/* debug=crash, debug=overflow: does not return then. Boot. */
void crash_if_asked(bool write, bool overflow);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Crashes on purpose: how a user sees what a panic looks like, and a test that the protections of Fairlead's own memory work.
 */
#ifndef ARCH_X86_CRASH_H
#define ARCH_X86_CRASH_H

#include "boot/config.h"

/* debug=crash, debug=overflow: does not return then. Boot. */
void crash_if_asked(const struct config *config);

#endif

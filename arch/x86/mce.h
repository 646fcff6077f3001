/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine checks (AMD64 APM vol. 2, chapter 9).
 */
#ifndef ARCH_X86_MCE_H
#define ARCH_X86_MCE_H

#include "core/types.h"

/* Logs what each bank reports, clears it, and ends the machine check. True: what ran can go on. Exit path and #MC handler. */
bool MUST_CHECK mce_log_and_classify(void);

#endif

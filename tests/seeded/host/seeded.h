/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For the seeded programs that run under the lock checker: the first report is printed and ends the program; none, and it
 * prints nothing.
 */
#ifndef TESTS_SEEDED_HOST_SEEDED_H
#define TESTS_SEEDED_HOST_SEEDED_H

#include <stdio.h>
#include <stdlib.h>

#include "core/lockcheck.h"
#include "drivers/pci/pci.h"

extern _Thread_local unsigned int host_cpu; /* core/host_cpu.c */

static void print_and_exit(const char *text)
{
	fputs(text, stdout);
	exit(0);
}

static inline void seeded_init(struct pci_dev *dev)
{
	refcnt_init(&dev->refs);
	spin_init(&dev->lock, &pci_dev_class);
	spin_init(&dev->vpci_lock, &pci_vpci_class);
	lockcheck_on_report(print_and_exit);
}

#endif

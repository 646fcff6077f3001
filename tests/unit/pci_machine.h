/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of resets, groups and virtual functions share: the fake machine, a clock that only they move, and the
 * log.
 */
#ifndef TESTS_UNIT_PCI_MACHINE_H
#define TESTS_UNIT_PCI_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/pages.h"
#include "core/timer.h"
#include "core/work.h"
#include "drivers/pci/group.h"
#include "drivers/pci/internal.h"
#include "drivers/pci/pci.h"
#include "drivers/pci/reset.h"
#include "drivers/pci/sriov.h"
#include "tests/fake/fake_pci.h"

#define POOL_SIZE SIZE_2M
#define POOL_DEVICES 512
#define MS 1000u

static u64 fake_now = 5000000;

u64 arch_time_us(void)
{
	return fake_now;
}

void panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	abort();
}

static char log_text[65536];

static void sink(enum log_level level, const char *line, size_t len)
{
	size_t used = strlen(log_text);

	if (used + len + 2 < sizeof(log_text))
		snprintf(log_text + used, sizeof(log_text) - used, "%.*s\n", (int)len, line);
}

static inline bool logged(const char *words)
{
	return strstr(log_text, words) != NULL;
}

static u8 *pool;

static int setup(void **state)
{
	pool = aligned_alloc(SIZE_2M, POOL_SIZE);
	pages_init(virt_to_phys(pool), POOL_SIZE);
	log_text[0] = '\0';
	log_set_sink(sink);
	log_set_level(LOG_DEBUG);
	fake_machine_reset();
	return pci_objects_init(POOL_DEVICES);
}

static int teardown(void **state)
{
	while (work_pending())
		exit_tail();
	log_set_sink(NULL);
	free(pool);
	return 0;
}

/* A new machine within a test. */
static inline void again(void)
{
	teardown(NULL);
	assert_int_equal(setup(NULL), 0);
}

/* Borrowed: the base reference keeps it. NULL: not there. */
static inline struct pci_dev *found(u16 bdf)
{
	struct pci_dev *dev = pci_dev_find((struct sbdf){ 0, bdf });

	if (dev)
		pci_dev_put(dev, PCI_REF_TRANSIENT);
	return dev;
}

static inline struct pci_dev *must_find(u16 bdf)
{
	struct pci_dev *dev = found(bdf);

	assert_non_null(dev);
	return dev;
}

/* Lets `us` of time pass, in steps of half a millisecond; what is due runs as on an exit. */
static inline void pass(u64 us)
{
	for (u64 end = fake_now + us; fake_now < end; fake_now += 500)
		exit_tail();
	exit_tail();
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the PCI objects share: a fake machine, a log that can be searched, hooks and an event
 * listener that remember, and a way to run deferred work to its end.
 */
#ifndef TESTS_UNIT_PCI_WORLD_H
#define TESTS_UNIT_PCI_WORLD_H

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/arch.h"
#include "core/errno.h"
#include "core/lockcheck.h"
#include "core/log.h"
#include "core/pages.h"
#include "core/work.h"
#include "drivers/pci/internal.h"
#include "drivers/pci/pci.h"
#include "drivers/pci/sriov.h"
#include "tests/fake/fake_pci.h"

#define POOL_SIZE (8 * SIZE_2M)
#define POOL_DEVICES 64

extern _Thread_local unsigned int host_cpu;

static char panic_text[256];
static jmp_buf panic_jump;
static bool panic_expected;

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(panic_text, sizeof(panic_text), fmt, ap);
	va_end(ap);
	if (panic_expected)
		longjmp(panic_jump, 1);
	fprintf(stderr, "panic: %s\n", panic_text);
	abort();
}

static char log_text[65536];

static void sink(enum log_level level, const char *line, size_t len)
{
	size_t used = strlen(log_text);

	(void)level;
	if (used + len + 2 < sizeof(log_text))
		snprintf(log_text + used, sizeof(log_text) - used, "%.*s\n", (int)len, line);
}

static inline bool logged(const char *words)
{
	return strstr(log_text, words) != NULL;
}

/* ---- hooks and events, remembered ---- */

struct seen_device {
	struct sbdf sbdf;
	u32 command; /* Command register at that moment */
	u32 refs;
	enum pci_state state;
	bool enable;
};

static struct {
	int block_result;
	unsigned int blocks, surprises, links, events;
	struct seen_device blocked[64], link[64];
	struct pci_dev *surprised[64];
	bool finish_surprise; /* the hook is done at once */
	struct pci_event event[512];
} world;

static int world_block(struct pci_dev *dev)
{
	struct fake_fn *f = fake_find(dev->sbdf.segment, dev->sbdf.bdf);

	world.blocked[world.blocks % 64] = (struct seen_device){
		dev->sbdf, f ? fake_reg(f, 0x04, 2) : 0, refcnt_read(&dev->refs), pci_dev_state(dev), false,
	};
	world.blocks++;
	return world.block_result;
}

static void world_surprise(struct pci_dev *dev)
{
	world.surprised[world.surprises++ % 64] = dev;
	if (world.finish_surprise)
		pci_surprise_done(dev);
}

static void world_link(struct pci_dev *port, bool enable)
{
	world.link[world.links++ % 64] = (struct seen_device){ .sbdf = port->sbdf, .enable = enable };
}

static void world_event(const struct pci_event *event, void *ctx)
{
	assert_ptr_equal(ctx, &world);
	world.event[world.events++ % 512] = *event;
}

static const struct pci_hooks world_hooks = { world_block, world_surprise, world_link };

/* ---- setup ---- */

static u8 *pool;

static int setup(void **state)
{
	(void)state;
	pool = aligned_alloc(SIZE_2M, POOL_SIZE);
	pages_init(virt_to_phys(pool), POOL_SIZE);
	log_text[0] = '\0';
	log_set_sink(sink);
	log_set_level(LOG_DEBUG);
	memset(&world, 0, sizeof(world));
	pci_test_hook = NULL;
	panic_expected = false;
	lockcheck_reset();
	fake_machine_reset();
	pci_set_hooks(&world_hooks);
	pci_set_event_listener(world_event, &world);
	return pci_objects_init(POOL_DEVICES);
}

static unsigned int run_work(void)
{
	unsigned int all = 0, n;

	while ((n = work_run(WORK_BUDGET)) != 0)
		all += n;
	return all;
}

static int teardown(void **state)
{
	(void)state;
	pci_test_hook = NULL;
	run_work();
	log_set_sink(NULL);
	free(pool);
	return 0;
}

/* ---- shorthands ---- */

#define AT(bus, dev, fn) ((struct sbdf){ 0, PCI_BDF(bus, dev, fn) })

static inline struct pci_dev *found(struct sbdf sbdf)
{
	struct pci_dev *dev = pci_dev_find(sbdf);

	if (dev)
		pci_dev_put(dev, PCI_REF_TRANSIENT);
	return dev;
}

static inline struct pci_dev *must_find(struct sbdf sbdf)
{
	struct pci_dev *dev = found(sbdf);

	assert_non_null(dev);
	return dev;
}

/* An endpoint at 0:1.0 that masters the bus and decodes. */
static inline struct pci_dev *one_device(struct fake_fn **out)
{
	struct fake_fn *f = fake_add(PCI_BDF(0, 1, 0), 0x8086, 0x10d3, 0x020000, 0);

	fake_express(f, 0x40, 0);
	fake_put(f->cfg, 0x04, 2, 0x0507);
	assert_int_equal(pci_dev_add(AT(0, 1, 0)), 0);
	if (out)
		*out = f;
	return must_find(AT(0, 1, 0));
}

static inline u32 vf_count(struct pci_dev *pf)
{
	u32 n;

	pci_dev_lock(pf);
	n = pf->vf_count;
	pci_dev_unlock(pf);
	return n;
}

/* A remove, and what it said. */
static struct pci_reason why UNUSED;
static u32 ticket UNUSED;

static inline int take_out(struct sbdf sbdf)
{
	memset(why.text, 'x', sizeof(why.text) - 1);
	ticket = 0;
	return pci_dev_remove(sbdf, &ticket, &why);
}

static inline struct pci_dev *add_vf(struct pci_dev *pf, struct sbdf sbdf)
{
	struct pci_dev *vf = pci_dev_create_vf(sbdf, pf);

	assert_non_null(vf);
	vf->vendor = pf->vendor;
	vf->is_pcie = true;
	assert_int_equal(pci_vf_publish(vf), 0);
	return vf;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif

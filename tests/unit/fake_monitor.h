/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the monitor calls, played for its tests: the operations give the answer they are told to, the devices are a list of
 * copies, and what is said and shown is kept.
 */
#ifndef TESTS_FAKE_MONITOR_H
#define TESTS_FAKE_MONITOR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/arch.h"
#include "core/errno.h"
#include "core/lockcheck.h"
#include "core/log.h"
#include "core/manage/manage.h"
#include "core/monitor/monitor.h"
#include "core/pages.h"
#include "core/timer.h"
#include "core/work.h"
#include "drivers/iommu/iommu.h"
#include "drivers/pci/reset.h"
#include "drivers/pci/sriov.h"
#include "drivers/vpci/vpci.h"

#define CTRL_A	   0x01
#define KEYS_MAX   128 /* typed at once */
#define STEP_LINES 16

/* ---- what is said ---- */

static char said[65536];	/* whole lines, each with a newline */
static unsigned int said_lines; /* since forgotten */
static char shown[128];		/* the line that is being typed */
static unsigned int completed UNUSED;

static void sink(enum log_level level, const char *line, size_t len)
{
	assert_true(strlen(said) + len + 2 < sizeof(said));
	strncat(said, line, len);
	strcat(said, "\n");
	said_lines++;
}

void console_edit(const char *line, size_t len, bool complete)
{
	assert_true(len < sizeof(shown) && len <= 80); /* a terminal's width */
	memcpy(shown, line, len);
	shown[len] = '\0';
	completed += complete;
}

static void forget(void)
{
	said[0] = '\0';
	said_lines = 0;
}

#define assert_said(text) assert_string_equal(said, (text))

/* One CPU, and no time. */
void arch_cpu_kick(unsigned int cpu)
{
	fail_msg("CPU %u is kicked: there is one", cpu);
}

void arch_timer_arm(u64 at_us)
{
}

u64 arch_time_us(void)
{
	return 0;
}

/* ---- what the commands call ---- */

static int answer;
static const char *answer_why;
static char called[256]; /* "assign 0000:00:02.0;" */
static jmp_buf reset_jump;
static void (*listener)(const struct pci_event *event, void *ctx);

static int called_with(const char *what, struct sbdf sbdf, struct pci_reason *why)
{
	size_t n = strlen(called);

	snprintf(called + n, sizeof(called) - n, "%s " SBDF_FMT ";", what, SBDF_ARGS(sbdf));
	if (answer_why)
		snprintf(why->text, sizeof(why->text), "%s", answer_why);
	return answer;
}

int manage_assign(struct sbdf sbdf, u32 *ticket, struct pci_reason *why)
{
	return called_with("assign", sbdf, why);
}

int manage_deassign(struct sbdf sbdf, u32 *ticket, struct pci_reason *why)
{
	return called_with("deassign", sbdf, why);
}

int manage_reset(struct sbdf sbdf, u32 *ticket, struct pci_reason *why)
{
	return called_with("reset", sbdf, why);
}

int pci_dev_remove(struct sbdf sbdf, u32 *ticket, struct pci_reason *why)
{
	return called_with("remove", sbdf, why);
}

int pci_rescan(void)
{
	strcat(called, "rescan;");
	return answer;
}

int pci_vfs_enable(struct pci_dev *pf, unsigned int count, u32 *ticket, struct pci_reason *why)
{
	char what[32];

	snprintf(what, sizeof(what), "vfs %u", count);
	return called_with(what, pf->sbdf, why);
}

int pci_vfs_disable(struct pci_dev *pf, u32 *ticket, struct pci_reason *why)
{
	return called_with("vfs off", pf->sbdf, why);
}

void machine_reset(const char *why)
{
	longjmp(reset_jump, 1);
}

void pci_set_event_listener(void (*fn)(const struct pci_event *event, void *ctx), void *ctx)
{
	listener = fn;
}

const char *pci_op_name(enum pci_op op)
{
	static const char *const name[] = { "none",   "add",   "assign", "deassign",
					    "remove", "reset", "vfs",	 "surprise" };

	return name[op];
}

const char *pci_ref_kind_name(enum pci_ref_kind kind)
{
	static const char *const name[] = { "base", "owner",  "vpci", "msi",	  "ats",
					    "pf",   "parent", "work", "transient" };

	return name[kind];
}

const char *pci_owner_name(enum pci_owner owner)
{
	static const char *const name[] = { "quarantine", "guest", "Fairlead" };

	return name[owner];
}

/* ---- the devices ---- */

#define DEVICES 40
static struct pci_dev_info devices[DEVICES];
static unsigned int device_count;
static struct pci_dev object; /* of the device that is looked up */
static unsigned int references;

bool pci_dev_info_next(u32 *from, struct pci_dev_info *out)
{
	for (unsigned int i = 0; i < device_count; i++) {
		u32 at = (u32)devices[i].sbdf.segment << 16 | devices[i].sbdf.bdf;

		if (at < *from)
			continue;
		*out = devices[i];
		*from = at + 1;
		return true;
	}
	return false;
}

struct pci_dev *pci_dev_find_at(struct sbdf sbdf, struct code_site site)
{
	for (unsigned int i = 0; i < device_count; i++) {
		if (memcmp(&devices[i].sbdf, &sbdf, sizeof(sbdf)) || devices[i].state != PCI_LIVE)
			continue;
		references++;
		object.sbdf = sbdf;
		return &object;
	}
	return NULL;
}

void pci_dev_put(struct pci_dev *dev, enum pci_ref_kind kind)
{
	assert_ptr_equal(dev, &object);
	assert_int_equal(kind, PCI_REF_TRANSIENT);
	assert_true(references--);
}

enum pci_reset_method pci_reset_method(struct pci_dev *dev, struct pci_reason *why)
{
	if (!dev->pcie_cap && why)
		strcpy(why->text, "neither FLR nor D3hot");
	return dev->pcie_cap ? PCI_RESET_FLR : PCI_RESET_NONE;
}

const char *pci_reset_method_name(enum pci_reset_method method)
{
	return method == PCI_RESET_FLR ? "FLR" : "none";
}

unsigned int pci_domain_count(enum pci_owner owner)
{
	return 10 + owner;
}

unsigned int pci_objects_left(void)
{
	return 77;
}

static struct vm vm;
static struct iommu unit = { .ops = &(const struct iommu_ops){ .name = "VT-d" }, .faults = 9 };

struct iommu *iommu_first(void)
{
	return &unit;
}

/* MSI, MSI-X: all zero: the guest does not see it. */
static struct vpci_messages_info messages[2];

bool vpci_messages_info(struct pci_dev *dev, bool msix, struct vpci_messages_info *out)
{
	*out = messages[msix];
	return messages[msix].possible;
}

void vpci_get_stats(struct vpci_stats *out)
{
	*out = (struct vpci_stats){ 1, 2, 3, 4, 5 };
}

u64 pages_left(void)
{
	return 6;
}

/* ---- typing ---- */

/* Runs the deferred work to its end; no step says more than fits the line's speed. */
static void settle(void)
{
	for (unsigned int i = 0; work_pending(); i++) {
		unsigned int before = said_lines;

		assert_true(i < 1000);
		(void)work_run(WORK_BUDGET);
		assert_true(said_lines - before <= STEP_LINES + 2);
	}
}

static void type(const char *text)
{
	unsigned int held;

	for (; *text; text++)
		assert_true(monitor_input(*text, &held));
	settle();
}

static void escape_three_times(void)
{
	type("\x01\x01\x01");
}

static void command(const char *text)
{
	forget();
	called[0] = '\0';
	type(text);
	type("\r");
}

static int setup(void **state)
{
	log_set_sink(sink);
	log_set_level(LOG_ERROR); /* answers do not depend on it */
	monitor_init(&vm, CTRL_A);
	answer = 0;
	answer_why = NULL;
	device_count = references = completed = 0;
	memset(&object, 0, sizeof(object));
	memset(devices, 0, sizeof(devices));
	called[0] = shown[0] = '\0';
	settle();
	forget();
	return 0;
}

static int setup_entered(void **state)
{
	setup(state);
	escape_three_times();
	forget();
	return 0;
}

#endif

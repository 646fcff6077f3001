/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the firmware's description of the machine is depends on the architecture: ACPI tables on x86, a device
 * tree on arm64. Each boot/<name>/ implements this header and the last part of efi_app.h; the files of boot/
 * itself know neither. Works on memory and registers, not on firmware's services, so the host tests it.
 */
#ifndef BOOT_FIRMWARE_H
#define BOOT_FIRMWARE_H

#include "boot/config.h"
#include "core/types.h"

/* Words in messages that boot/ cannot know. */
struct firmware_words {
	const char *no_tables;	  /* a probe's line when they cannot be used */
	const char *iommu_tables; /* what names the IOMMUs: "IOMMU tables" */
	const char *iommu_advice; /* how to get one, or do without */
	const char *kernel;	  /* what kernel= expects */
	const char *console;	  /* what console= expects */
};
extern const struct firmware_words firmware_words;

/* ---- the value of console= ---- */

/* What it is without the key. */
void firmware_default_console(struct config *config);
/* Reads `length` characters. False: the value is none. */
bool MUST_CHECK firmware_set_console(struct config *config, const char *value, size_t length);

/* ---- the machine, before anything is changed ---- */

/*
 * Checks and reads the description that boot_info points to into boot_info. 0; -EINVAL, -EOPNOTSUPP after one
 * log_error. Boot.
 */
int MUST_CHECK firmware_read_machine(void);
/*
 * Registers the ways to configuration space that it names, the best first. 0; -EINVAL and others after one
 * log_error. Boot.
 */
int MUST_CHECK firmware_config_access(void);
/*
 * The IOMMUs that it names. PCI is enumerated, core/pages works. The number of usable units; 0 only by
 * discover_without_iommu(); errors after one log_error. Boot.
 */
int MUST_CHECK firmware_iommus(enum iommu_policy policy);
/*
 * After it: does what the machine has satisfy intremap=? 0; -EOPNOTSUPP after one log_error. A probe is not
 * refused. Boot.
 */
int MUST_CHECK firmware_interrupts(const struct config *config);

/* ---- for --probe, through log_info ---- */

/* CPUs and what else the description says. It was read. */
void firmware_report(void);
/* Names what is missing beyond what boot/probe.c sees; returns how much that is. */
unsigned int firmware_report_missing(void);

#endif

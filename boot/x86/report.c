/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What --probe says of an ACPI machine.
 */
#include "boot/boot_info.h"
#include "boot/firmware.h"
#include "core/log.h"
#include "core/string.h"
#include "drivers/iommu/intr.h"

/* The last of the run of consecutive APIC IDs that begins with CPU `first`. */
static unsigned int run_end(const struct acpi_machine *acpi, unsigned int first)
{
	while (first + 1 < acpi->cpus && acpi->cpu_apic_id[first + 1] == acpi->cpu_apic_id[first] + 1)
		first++;
	return first;
}

/* As " 0-3 8", in the list's order; " ..." for what finds no room. */
static void write_apic_ids(const struct acpi_machine *acpi, char *text, size_t size)
{
	static const char more[] = " ...";
	size_t used = 0;
	unsigned int first, last;

	text[0] = 0;
	for (first = 0; first < acpi->cpus; first = last + 1) {
		unsigned int id = acpi->cpu_apic_id[first];
		int n;

		last = run_end(acpi, first);
		if (last == first)
			n = fl_snprintf(text + used, size - used, " %u", id);
		else
			n = fl_snprintf(text + used, size - used, " %u-%u", id, id + (last - first));
		if (used + (size_t)n + sizeof(more) > size) {
			memcpy(text + used, more, sizeof(more));
			return;
		}
		used += (size_t)n;
	}
}

static void report_cpus(void)
{
	const struct acpi_machine *acpi = &boot_info.acpi;
	const char *and_more = acpi->more_cpus ? " and more" : "";
	char ids[160];

	write_apic_ids(acpi, ids, sizeof(ids));
	if (boot_info.trampoline)
		log_info("cpus: %u%s, APIC IDs%s; would be woken through 0x%llx", acpi->cpus, and_more, ids,
			 (unsigned long long)boot_info.trampoline);
	else
		log_info("cpus: %u%s, APIC IDs%s; the guest would have one", acpi->cpus, and_more, ids);
}

static void report_acpi(void)
{
	const struct acpi_machine *acpi = &boot_info.acpi;

	log_info("acpi: local APIC at 0x%llx, %u I/O APICs, HPET %s", (unsigned long long)acpi->lapic_base,
		 acpi->ioapics, acpi->hpet_base ? "present (not for the guest)" : "absent");
	log_info("acpi: PM1a event 0x%x control 0x%x, PM1b event 0x%x control 0x%x, SMI command 0x%x",
		 (unsigned int)acpi->pm1a_event, (unsigned int)acpi->pm1a_control,
		 (unsigned int)acpi->pm1b_event, (unsigned int)acpi->pm1b_control,
		 (unsigned int)acpi->smi_command);
	log_info("acpi: power-off %s, reset register %s", acpi->s5_known ? "known" : "not known",
		 acpi->reset_supported ? "present" : "absent");
}

void firmware_report(void)
{
	report_cpus();
	report_acpi();
}

unsigned int firmware_report_missing(void)
{
	if (!iommu_first() || intr_remapped() || boot_info.config.intremap != INTR_REQUIRED)
		return 0;
	log_info("missing: interrupt remapping, and intremap=required; switch it on in the firmware "
		 "setup, or set intremap=off to run with interrupts unprotected");
	return 1;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A firmware's ACPI tables for the tests: each table in a block of exactly its length, so that a read past
 * its end is seen. Offsets are written as the ACPI specification 6.5 prints them.
 */
#ifndef TESTS_UNIT_ACPI_FIRMWARE_H
#define TESTS_UNIT_ACPI_FIRMWARE_H

#include <stdlib.h>
#include <sys/mman.h>

#include "boot/x86/acpi.h"
#include "core/log.h"
#include "core/string.h"

#define FW_TABLES_MAX 600

static struct {
	u8 *rsdp, *root, *table[FW_TABLES_MAX];
	unsigned int tables;
} fw;

static unsigned int fw_warnings, fw_errors;
static char fw_last_error[LOG_LINE_MAX];

static void fw_sink(enum log_level level, const char *line, size_t len)
{
	fw_warnings += level == LOG_WARN;
	fw_errors += level == LOG_ERROR;
	if (level == LOG_ERROR)
		memcpy(fw_last_error, line, len + 1);
}

static void fw_put(u8 *to, unsigned int offset, unsigned int size, u64 value)
{
	memcpy(to + offset, &value, size);
}

static u64 fw_get(const u8 *from, unsigned int offset, unsigned int size)
{
	u64 value = 0;

	memcpy(&value, from + offset, size);
	return value;
}

static u8 fw_sum(const u8 *bytes, size_t n)
{
	u8 sum = 0;

	while (n)
		sum = (u8)(sum + bytes[--n]);
	return sum;
}

/* Checksum of a table: at offset 9, over the length stated at offset 4. */
static void fw_seal(u8 *table)
{
	table[9] = 0;
	table[9] = (u8)-fw_sum(table, (size_t)fw_get(table, 4, 4));
}

/* A table without content, zeroed behind its header; not yet listed. */
static u8 *fw_new(const char *signature, size_t length)
{
	u8 *table = calloc(1, length < 36 ? 36 : length);

	memcpy(table, signature, 4);
	fw_put(table, 4, 4, length);
	table[8] = 1;
	memcpy(table + 10, "OEMIDxOEMTABLE", 14);
	fw_seal(table);
	return table;
}

static void fw_list(u8 *table)
{
	fw.table[fw.tables++] = table;
}

/* An RSDP of ACPI 2.0 and an XSDT with what was listed. */
static paddr_t fw_publish(void)
{
	free(fw.rsdp);
	free(fw.root);
	fw.root = fw_new("XSDT", 36 + 8 * fw.tables);
	for (unsigned int i = 0; i < fw.tables; i++)
		fw_put(fw.root, 36 + 8 * i, 8, (u64)(uintptr_t)fw.table[i]);
	fw_seal(fw.root);
	fw.rsdp = calloc(1, 36);
	memcpy(fw.rsdp, "RSD PTR ", 8);
	memcpy(fw.rsdp + 9, "RSDOEM", 6);
	fw.rsdp[15] = 2;
	fw_put(fw.rsdp, 20, 4, 36);
	fw_put(fw.rsdp, 24, 8, (u64)(uintptr_t)fw.root);
	fw.rsdp[8] = (u8)-fw_sum(fw.rsdp, 20);
	fw.rsdp[32] = (u8)-fw_sum(fw.rsdp, 36);
	return (paddr_t)(uintptr_t)fw.rsdp;
}

/* \_S5 as QEMU's DSDT has it: Name (_S5, Package (4) { 0, 0, 0, 0 }) */
UNUSED static const u8 qemu_s5[] = { 0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0x00, 0x00, 0x00, 0x00 };
UNUSED static const u8 good_s5[] = { 0x08, '_',	 'S',  '5',  '_',  0x12, 0x08,
				     0x04, 0x0a, 0x05, 0x0a, 0x07, 0x00, 0x00 };

static u8 *fw_dsdt; /* reached through the FADT only, so not listed */

UNUSED static u8 *new_aml(const char *signature, const u8 *aml, size_t length)
{
	u8 *table = fw_new(signature, 36 + length);

	memcpy(table + 36, aml, length);
	fw_seal(table);
	return table;
}

/* A FADT of ACPI 6 (276 bytes) as on a PC. */
UNUSED static u8 *new_fadt(void)
{
	u8 *t = fw_new("FACP", 276);

	free(fw_dsdt);
	fw_dsdt = new_aml("DSDT", good_s5, sizeof(good_s5));
	fw_put(t, 140, 8, (u64)(uintptr_t)fw_dsdt);
	fw_put(t, 48, 4, 0xb2);	 /* SMI_CMD */
	fw_put(t, 52, 1, 0xf1);	 /* ACPI_ENABLE */
	fw_put(t, 53, 1, 0xf0);	 /* ACPI_DISABLE */
	fw_put(t, 56, 4, 0x600); /* PM1a_EVT_BLK */
	fw_put(t, 64, 4, 0x604); /* PM1a_CNT_BLK */
	fw_put(t, 88, 1, 4);	 /* PM1_EVT_LEN */
	fw_seal(t);
	return t;
}

UNUSED static void put_gas(u8 *t, unsigned int offset, u8 space, u64 address)
{
	fw_put(t, offset, 1, space);
	fw_put(t, offset + 1, 1, 32);
	fw_put(t, offset + 4, 8, address);
}

/* A MADT with these bytes as its entries. */
UNUSED static u8 *new_madt(const u8 *entries, size_t length)
{
	u8 *t = fw_new("APIC", 44 + length);

	fw_put(t, 36, 4, 0xfee00000);
	memcpy(t + 44, entries, length);
	fw_seal(t);
	return t;
}

#define LAPIC(uid, id, flags) 0, 8, uid, id, flags, 0, 0, 0
#define X2APIC(id, flags) 9, 16, 0, 0, (id) & 0xff, (id) >> 8, 0, 0, flags, 0, 0, 0, 0, 0, 0, 0
#define IOAPIC(base16, gsi) 1, 12, 0, 0, 0, 0, (base16) & 0xff, (base16) >> 8, gsi, 0, 0, 0

UNUSED static const u8 pc_madt[] = {
	LAPIC(0, 0, 1), LAPIC(1, 1, 1), LAPIC(2, 2, 2), IOAPIC(0xfec0, 0), 2, 10, 0, 0, 2, 0, 0, 0, 0, 0
};

UNUSED static void list_pc(void)
{
	fw_list(new_fadt());
	fw_list(new_madt(pc_madt, sizeof(pc_madt)));
}

static int fw_reset(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < fw.tables; i++)
		free(fw.table[i]);
	free(fw.rsdp);
	free(fw.root);
	free(fw_dsdt);
	fw_dsdt = NULL;
	memset(&fw, 0, sizeof(fw));
	fw_warnings = fw_errors = 0;
	memset(fw_last_error, 0, sizeof(fw_last_error));
	log_set_sink(fw_sink);
	acpi_set_memory(NULL);
	return 0;
}

#endif

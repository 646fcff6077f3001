/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI tables: what is damaged is refused or skipped with its name, whatever the damage; what is right is
 * read right. The sanitizers watch that no table is read past its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/errno.h"
#include "tests/unit/acpi_firmware.h"

static struct acpi_machine machine;

static int init(void)
{
	return acpi_init(fw_publish());
}

static int read_pc(void)
{
	assert_int_equal(init(), 0);
	return acpi_read_machine(&machine);
}

static void refused_naming(const char *name)
{
	assert_int_equal(read_pc(), -EINVAL);
	assert_int_equal(fw_errors, 1);
	if (!strstr(fw_last_error, name))
		fail_msg("\"%s\" does not name %s", fw_last_error, name);
	fw_reset(NULL);
}

/* ---- root ---- */

static void test_rsdp_damaged(void **state)
{
	paddr_t rsdp;

	assert_int_equal(acpi_init(0), -EINVAL);
	assert_non_null(strstr(fw_last_error, "RSDP"));
	/* Any single byte changed breaks the signature or one of the two checksums. */
	for (unsigned int i = 0; i < 36; i++) {
		rsdp = fw_publish();
		fw.rsdp[i] ^= 0x40;
		assert_int_equal(acpi_init(rsdp), -EINVAL);
		assert_true(strstr(fw_last_error, "RSDP") || strstr(fw_last_error, "RSDT"));
	}
	rsdp = fw_publish();
	fw_put(fw.rsdp, 20, 4, 35);
	fw.rsdp[32] = 0;
	fw.rsdp[32] = (u8)-fw_sum(fw.rsdp, 35);
	assert_int_equal(acpi_init(rsdp), -EINVAL);
	rsdp = fw_publish();
	fw_put(fw.rsdp, 20, 4, 0xffffffff);
	assert_int_equal(acpi_init(rsdp), -EINVAL);
}

static void test_root_damaged(void **state)
{
	static const u32 lengths[] = { 0, 8, 35, 37, 43, 36 + 4, 0x01000001, 0xffffffff };
	paddr_t rsdp;

	for (unsigned int i = 0; i < ARRAY_SIZE(lengths); i++) {
		fw_list(fw_new("SSDT", 36));
		rsdp = fw_publish();
		fw_put(fw.root, 4, 4, lengths[i]);
		if (lengths[i] >= 36 && lengths[i] < 44)
			fw_seal(fw.root);
		assert_int_equal(acpi_init(rsdp), -EINVAL);
		assert_non_null(strstr(fw_last_error, "XSDT"));
		fw_reset(NULL);
	}
	rsdp = fw_publish();
	fw.root[0] = 'R';
	fw_seal(fw.root);
	assert_int_equal(acpi_init(rsdp), -EINVAL);
	rsdp = fw_publish();
	fw.root[20] ^= 1;
	assert_int_equal(acpi_init(rsdp), -EINVAL);
	assert_non_null(strstr(fw_last_error, "checksum"));
}

static void test_too_many_tables(void **state)
{
	for (unsigned int i = 0; i < 513; i++)
		fw_list(fw_new("SSDT", 36));
	assert_int_equal(init(), -EINVAL);
	free(fw.table[--fw.tables]);
	assert_int_equal(init(), 0);
}

/* ACPI 1.0: an RSDP of 20 bytes and 32-bit pointers. */
static void test_rsdt_only(void **state)
{
	u8 *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	u8 *rsdp = malloc(20), *facp = low, *rsdt = low + 1024;
	size_t length;

	assert_ptr_not_equal(low, MAP_FAILED);
	memcpy(facp, "FACP", 4);
	fw_put(facp, 4, 4, 116);
	fw_seal(facp);
	memcpy(rsdt, "RSDT", 4);
	fw_put(rsdt, 4, 4, 40);
	fw_put(rsdt, 36, 4, (u64)(uintptr_t)facp);
	fw_seal(rsdt);
	memset(rsdp, 0, 20);
	memcpy(rsdp, "RSD PTR ", 8);
	fw_put(rsdp, 16, 4, (u64)(uintptr_t)rsdt);
	rsdp[8] = (u8)-fw_sum(rsdp, 20);
	assert_int_equal(acpi_init((paddr_t)(uintptr_t)rsdp), 0);
	assert_ptr_equal(acpi_find("FACP", 0, &length, NULL), facp);
	assert_int_equal(length, 116);
	/* The guest gets an XSDT all the same. */
	u8 *buffer = aligned_alloc(16, 4096);
	paddr_t guest, madt = 1;
	assert_true(acpi_build_guest_tables(buffer, 4096, &guest, &madt) > 0);
	assert_int_equal(madt, 0); /* the firmware has none */
	const u8 *xsdt = (const u8 *)(uintptr_t)fw_get((const u8 *)(uintptr_t)guest, 24, 8);
	assert_memory_equal(xsdt, "XSDT", 4);
	assert_int_equal(fw_get(xsdt, 4, 4), 44);
	assert_int_equal(fw_get(xsdt, 36, 8), (uintptr_t)facp);
	free(buffer);
	free(rsdp);
	munmap(low, 4096);
}

static void test_find(void **state)
{
	bool malformed = true;
	size_t length = 0;

	fw_list(fw_new("SSDT", 40));
	fw_list(fw_new("MCFG", 60));
	fw_list(fw_new("SSDT", 50));
	assert_int_equal(init(), 0);
	assert_ptr_equal(acpi_find("SSDT", 0, &length, &malformed), fw.table[0]);
	assert_false(malformed);
	assert_int_equal(length, 40);
	assert_ptr_equal(acpi_find("SSDT", 1, &length, NULL), fw.table[2]);
	assert_int_equal(length, 50);
	assert_null(acpi_find("SSDT", 2, &length, &malformed));
	assert_null(acpi_find("DMAR", 0, &length, &malformed));
	assert_false(malformed);
}

static void test_find_malformed(void **state)
{
	bool malformed = false;
	size_t length;

	for (unsigned int i = 0; i < 4; i++)
		fw_list(fw_new("DMAR", 60));
	fw.table[0][50] ^= 1;			      /* checksum */
	fw_put(fw.table[1], 4, 4, 35);		      /* shorter than a header */
	fw_put(fw.table[2], 4, 4, (16u << 20) + 1);   /* not plausible */
	assert_int_equal(init(), 0);
	assert_ptr_equal(acpi_find("DMAR", 0, &length, &malformed), fw.table[3]);
	assert_true(malformed);
	assert_int_equal(fw_warnings, 3);
	assert_null(acpi_find("DMAR", 1, &length, &malformed));
	assert_true(malformed);
	assert_int_equal(fw_warnings, 3); /* each said once */
	assert_null(acpi_find("MCFG", 0, &length, &malformed));
	assert_false(malformed);
}

/* Pointers to where there is no memory are not followed. */
static void test_outside_memory(void **state)
{
	struct memmap map = { .count = 0 };
	u8 *block = aligned_alloc(4096, 8192); /* one page known as ACPI memory, the next not */
	size_t length;
	bool malformed;
	paddr_t rsdp;

	assert_int_equal(memmap_add(&map, (paddr_t)(uintptr_t)block, 4096, MEM_ACPI_RECLAIM), 0);
	fw_list(NULL);
	fw_list((u8 *)0xfed00000);
	fw_list(block + 4096);
	fw_list(block + 4096 - 36); /* its header is inside, its end is not */
	rsdp = fw_publish();
	memset(block, 0, 8192);
	memcpy(block, fw.rsdp, 36);
	memcpy(block + 128, fw.root, 36 + 8 * 4);
	fw_put(block, 24, 8, (u64)(uintptr_t)block + 128);
	block[8] = block[32] = 0;
	block[8] = (u8)-fw_sum(block, 20);
	block[32] = (u8)-fw_sum(block, 36);
	memcpy(block + 4096 - 36, "DMAR", 4);
	fw_put(block + 4096 - 36, 4, 4, 37);
	fw_seal(block + 4096 - 36);

	acpi_set_memory(&map);
	assert_int_equal(acpi_init(rsdp), -EINVAL);
	assert_int_equal(acpi_init((paddr_t)(uintptr_t)block), 0);
	assert_null(acpi_find("DMAR", 0, &length, &malformed));
	assert_true(malformed);
	assert_int_equal(fw_warnings, 4);
	map.count = 0;
	assert_int_equal(acpi_init((paddr_t)(uintptr_t)block), -EINVAL);
	fw.tables = 0;
	free(block);
}

/* ---- FADT ---- */

static void test_fadt_missing_or_damaged(void **state)
{
	refused_naming("FACP");
	list_pc();
	fw.table[0][60] ^= 1;
	refused_naming("FACP");
	for (unsigned int length = 36; length < 116; length++) {
		u8 *t = fw_new("FACP", length);

		fw_list(t);
		refused_naming("FACP");
	}
}

static void test_fadt_ports(void **state)
{
	list_pc();
	assert_int_equal(read_pc(), 0);
	assert_int_equal(machine.pm1a_event, 0x600);
	assert_int_equal(machine.pm1a_control, 0x604);
	assert_int_equal(machine.pm1b_event, 0);
	assert_int_equal(machine.pm1b_control, 0);
	assert_int_equal(machine.pm1_event_length, 4);
	assert_int_equal(machine.smi_command, 0xb2);
	assert_int_equal(machine.acpi_enable, 0xf1);
	assert_int_equal(machine.acpi_disable, 0xf0);
	assert_false(machine.reset_supported);
	assert_int_equal(machine.hpet_base, 0);
}

static void test_fadt_extended_ports(void **state)
{
	list_pc();
	put_gas(fw.table[0], 148, 1, 0x1800);	     /* X_PM1a_EVT_BLK */
	put_gas(fw.table[0], 172, 0, 0xfed80804);    /* X_PM1a_CNT_BLK in memory: the old field counts */
	put_gas(fw.table[0], 184, 1, 0x1904);	     /* X_PM1b_CNT_BLK */
	fw_seal(fw.table[0]);
	assert_int_equal(read_pc(), 0);
	assert_int_equal(machine.pm1a_event, 0x1800);
	assert_int_equal(machine.pm1a_control, 0x604);
	assert_int_equal(machine.pm1b_control, 0x1904);
}

static void test_fadt_not_a_port(void **state)
{
	static const unsigned int offsets[] = { 48, 56, 60, 64, 68 };

	for (unsigned int i = 0; i < ARRAY_SIZE(offsets); i++) {
		list_pc();
		fw_put(fw.table[0], offsets[i], 4, 0x10604);
		fw_seal(fw.table[0]);
		refused_naming("FACP");
	}
	list_pc();
	put_gas(fw.table[0], 172, 1, 0x100000604);
	fw_seal(fw.table[0]);
	refused_naming("FACP");
}

static void test_fadt_short(void **state)
{
	for (unsigned int length = 116; length <= 276; length++) {
		u8 *t = new_fadt();

		put_gas(t, 172, 1, 0x1904);
		fw_put(t, 4, 4, length);
		t = realloc(t, length);
		fw_seal(t);
		fw_list(t);
		fw_list(new_madt(pc_madt, sizeof(pc_madt)));
		if (length < 148) { /* x_dsdt is not there; the old field is 0 */
			assert_int_equal(read_pc(), 0);
			assert_false(machine.s5_known);
		} else {
			assert_int_equal(read_pc(), 0);
			assert_true(machine.s5_known);
		}
		assert_int_equal(machine.pm1a_control, length >= 196 ? 0x1904 : 0x604);
		fw_reset(NULL);
	}
}

static void test_fadt_reset(void **state)
{
	list_pc();
	put_gas(fw.table[0], 116, 1, 0xcf9);
	fw_put(fw.table[0], 128, 1, 0x0f);
	fw_seal(fw.table[0]);
	assert_int_equal(read_pc(), 0);
	assert_false(machine.reset_supported); /* the flag is missing */
	fw_put(fw.table[0], 112, 4, 1u << 10);
	fw_seal(fw.table[0]);
	assert_int_equal(read_pc(), 0);
	assert_true(machine.reset_supported);
	assert_int_equal(machine.reset_space, 1);
	assert_int_equal(machine.reset_address, 0xcf9);
	assert_int_equal(machine.reset_value, 0x0f);
}

static void test_fadt_hardware_reduced(void **state)
{
	list_pc();
	fw_put(fw.table[0], 112, 4, 1u << 20);
	fw_seal(fw.table[0]);
	assert_int_equal(read_pc(), 0);
	assert_int_equal(machine.pm1a_control, 0);
	assert_int_equal(machine.smi_command, 0);
}

/* ---- _S5 ---- */

static bool s5(const u8 *aml, size_t length)
{
	bool known;

	fw_reset(NULL);
	list_pc();
	free(fw_dsdt);
	fw_dsdt = new_aml("DSDT", aml, length);
	fw_put(fw.table[0], 140, 8, (u64)(uintptr_t)fw_dsdt);
	fw_seal(fw.table[0]);
	assert_int_equal(read_pc(), 0);
	known = machine.s5_known;
	assert_int_equal(fw_warnings, known ? 0 : 1);
	return known;
}
#define S5(...) s5((const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }))

static void test_s5_forms(void **state)
{
	assert_true(s5(qemu_s5, sizeof(qemu_s5)));
	assert_int_equal(machine.s5_type_a, 0);
	assert_int_equal(machine.s5_type_b, 0);
	assert_true(s5(good_s5, sizeof(good_s5)));
	assert_int_equal(machine.s5_type_a, 5);
	assert_int_equal(machine.s5_type_b, 7);
	/* root prefix, OneOp, WordPrefix */
	assert_true(S5(0x08, '\\', '_', 'S', '5', '_', 0x12, 0x07, 2, 0x01, 0x0b, 3, 0, 0));
	assert_int_equal(machine.s5_type_a, 1);
	assert_int_equal(machine.s5_type_b, 3);
	/* PkgLength of two bytes; DWordPrefix, QWordPrefix */
	assert_true(S5(0x08, '_', 'S', '5', '_', 0x12, 0x41, 0x01, 2, 0x0c, 4, 0, 0, 0, 0x0e, 6, 0, 0, 0, 0,
		       0, 0, 0));
	assert_int_equal(machine.s5_type_a, 4);
	assert_int_equal(machine.s5_type_b, 6);
	/* A mention first, the definition behind it. */
	assert_true(
		S5('x', '_', 'S', '5', '_', 0x12, 6, 2, 7, 7, 0x08, '_', 'S', '5', '_', 0x12, 4, 2, 1, 0));
	assert_int_equal(machine.s5_type_a, 1);
}

static void test_s5_refused(void **state)
{
	assert_false(S5('_', 'S', '5', '_', 0x12, 4, 2, 1, 0));			      /* nothing before it */
	assert_false(S5(0x70, '_', 'S', '5', '_', 0x12, 4, 2, 1, 0));		      /* not a Name */
	assert_false(S5(0x08, '_', 'S', '5', '_', 0x11, 4, 2, 1, 0));		      /* a buffer */
	assert_false(S5(0x08, '_', 'S', '5', '_', 0x12, 4, 1, 1, 0));		      /* one element */
	assert_false(S5(0x08, '_', 'S', '5', '_', 0x12, 3, 2, 1, 0)); /* package ends before the second */
	assert_false(S5(0x08, '_', 'S', '5', '_', 0x12, 5, 2, 1, 0)); /* package ends behind the table */
	assert_false(S5(0x08, '_', 'S', '5', '_', 0x12, 0, 2, 1, 0)); /* shorter than its own length */
	assert_false(S5(0x08, '_', 'S', '5', '_', 0x12, 0xc4, 0xff, 0xff, 0xff, 2, 1, 0)); /* 256 MiB */
	assert_false(S5(0x08, '_', 'S', '5', '_', 0x12, 5, 2, 0x0a, 8, 0));	      /* 8 is no sleep type */
	assert_false(S5(0x08, '_', 'S', '5', '_', 0x12, 6, 2, 0x0b, 5, 1, 0));	      /* 0x105 */
	assert_false(S5(0x08, '_', 'S', '5', '_', 0x12, 7, 2, 'N', 'A', 'M', 'E', 0)); /* a name */
	assert_false(S5(0x08, '_', 'S', '4', '_', 0x12, 4, 2, 1, 0));
}

static void test_s5_truncated(void **state)
{
	/* With all five bytes of constants read, what follows does not matter. */
	for (size_t n = 0; n < sizeof(good_s5); n++)
		assert_false(s5(good_s5, n));
}

static void test_s5_in_ssdt(void **state)
{
	list_pc();
	fw_list(new_aml("SSDT", qemu_s5, 4));
	fw_list(new_aml("SSDT", good_s5, sizeof(good_s5)));
	fw_dsdt[9]++; /* the DSDT is damaged */
	assert_int_equal(read_pc(), 0);
	assert_true(machine.s5_known);
	assert_int_equal(machine.s5_type_b, 7);
	assert_int_equal(fw_warnings, 1);
}

/* ---- MADT and HPET ---- */

static void test_madt(void **state)
{
	static u8 override[] = {
		LAPIC(0, 0, 1),	   5, 12, 0, 0, 0, 0, 0, 0x12, 0x34, 0, 0, 0, IOAPIC(0xfec0, 0),
		IOAPIC(0xfec8, 24)
	};

	override[34] = 0x21; /* 5.2.12.3: the second one's ID */
	list_pc();
	assert_int_equal(read_pc(), 0);
	assert_int_equal(machine.cpus, 2);
	assert_int_equal(machine.lapic_base, 0xfee00000);
	assert_int_equal(machine.ioapics, 1);
	assert_int_equal(machine.ioapic[0].base, 0xfec00000);
	fw_reset(NULL);
	fw_list(new_fadt());
	fw_list(new_madt(override, sizeof(override)));
	assert_int_equal(read_pc(), 0);
	assert_true(machine.lapic_base == 0x3412000000);
	assert_int_equal(machine.ioapics, 2);
	assert_int_equal(machine.ioapic[1].base, 0xfec80000);
	assert_int_equal(machine.ioapic[1].gsi_base, 24);
	assert_int_equal(machine.ioapic[1].id, 0x21);
}

static void test_madt_x2apic(void **state)
{
	/* CPUs 0 and 1 in both forms, 300 and 301 in the long one only, 301 not enabled. */
	static const u8 both[] = { LAPIC(0, 0, 1), LAPIC(1, 1, 1), X2APIC(0, 1),
				   X2APIC(1, 1),   X2APIC(300, 1), X2APIC(301, 0) };

	fw_list(new_fadt());
	fw_list(new_madt(both, sizeof(both)));
	assert_int_equal(read_pc(), 0);
	assert_int_equal(machine.cpus, 3);
}

static void test_madt_missing(void **state)
{
	fw_list(new_fadt());
	assert_int_equal(read_pc(), 0);
	assert_int_equal(machine.cpus, 1);
	assert_int_equal(machine.lapic_base, 0xfee00000);
	assert_int_equal(fw_warnings, 1);
}

static void test_madt_damaged(void **state)
{
	static const u8 bad[][16] = {
		{ 0, 0 },		       /* length 0: must not loop */
		{ 0, 1 },		       /* shorter than itself */
		{ 0, 7, 0, 0, 1, 0, 0 },       /* a local APIC without its last byte */
		{ 0, 17 },		       /* ends behind the table */
		{ 1, 8, 0, 0, 1, 0, 0, 0, 0x7f, 8 }, /* a short I/O APIC */
		{ 9, 8, 0, 0, 1, 0, 0, 0, 0x7f, 8 }, /* a short x2APIC */
		{ 5, 8, 0, 0, 1, 0, 0, 0, 0x7f, 8 }, /* a short address override */
		{ 0, 8, 0, 0, 1, 0, 0, 0, 0x7f, 9 }, /* the second one ends behind the table */
		{ 0x7f, 15 },		       /* one odd byte is left */
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		fw_list(new_fadt());
		fw_list(new_madt(bad[i], sizeof(bad[i])));
		refused_naming("APIC");
	}
	list_pc();
	fw.table[1][50]++;
	refused_naming("APIC");
	fw_list(new_fadt());
	fw_list(fw_new("APIC", 43));
	refused_naming("APIC");
	fw_list(new_fadt());
	fw_list(new_madt((const u8[]){ LAPIC(0, 0, 0), LAPIC(1, 1, 2) }, 16));
	refused_naming("APIC"); /* no CPU at all */
}

/* Cut at every byte, with a right checksum: whole entries count, a part of one refuses. */
static void test_madt_truncated(void **state)
{
	for (size_t n = 0; n < sizeof(pc_madt); n++) {
		bool whole = n == 8 || n == 16 || n == 24 || n == 36;
		int ret;

		fw_list(new_fadt());
		fw_list(new_madt(pc_madt, n));
		ret = read_pc();
		assert_int_equal(ret, whole ? 0 : -EINVAL);
		fw_reset(NULL);
	}
}

static void test_madt_too_many_ioapics(void **state)
{
	u8 entries[8 + 12 * 9] = { LAPIC(0, 0, 1) };
	static const u8 ioapic[] = { IOAPIC(0xfec0, 0) };

	for (unsigned int i = 0; i < 9; i++)
		memcpy(entries + 8 + 12 * i, ioapic, 12);
	fw_list(new_fadt());
	fw_list(new_madt(entries, sizeof(entries)));
	refused_naming("APIC");
	fw_list(new_fadt());
	fw_list(new_madt(entries, sizeof(entries) - 12));
	assert_int_equal(read_pc(), 0);
	assert_int_equal(machine.ioapics, 8);
}

static void test_hpet(void **state)
{
	u8 *hpet = fw_new("HPET", 56);

	list_pc();
	put_gas(hpet, 40, 0, 0xfed00000);
	hpet[52] = 3;
	fw_seal(hpet);
	fw_list(hpet);
	assert_int_equal(read_pc(), 0);
	assert_int_equal(machine.hpet_base, 0xfed00000);
	assert_int_equal(machine.hpet_number, 3);
	hpet[40] = 1; /* in I/O space */
	fw_seal(hpet);
	refused_naming("HPET");
	list_pc();
	hpet = fw_new("HPET", 56);
	hpet[9]++;
	fw_list(hpet);
	refused_naming("HPET");
	list_pc();
	fw_list(fw_new("HPET", 55));
	refused_naming("HPET");
}

/* Tables with bytes changed at random, checksums right: any answer, no wrong access, no endless loop. */
static void test_garbage(void **state)
{
	srand(20260105);
	for (unsigned int round = 0; round < 3000; round++) {
		list_pc();
		fw_list(fw_new("HPET", 56));
		for (unsigned int i = 0; i < 1 + (unsigned int)rand() % 8; i++) {
			u8 *t = fw.table[(size_t)rand() % fw.tables];
			size_t length = (size_t)fw_get(t, 4, 4), at = 36 + (size_t)rand() % (length - 36);

			if (t[0] == 'F' &&
			    (at < 48 ||
			     (at >= 140 && at < 148))) /* pointers are checked against the map, not here */
				continue;
			t[at] = (u8)rand();
			fw_seal(t);
		}
		(void)!read_pc();
		fw_reset(NULL);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fw_reset, fw_reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rsdp_damaged),      TEST(test_root_damaged),	 TEST(test_too_many_tables),
		TEST(test_rsdt_only),	      TEST(test_find),		 TEST(test_find_malformed),
		TEST(test_outside_memory),    TEST(test_fadt_missing_or_damaged), TEST(test_fadt_ports),
		TEST(test_fadt_extended_ports), TEST(test_fadt_not_a_port), TEST(test_fadt_short),
		TEST(test_fadt_reset),	      TEST(test_fadt_hardware_reduced), TEST(test_s5_forms),
		TEST(test_s5_refused),	      TEST(test_s5_truncated),	 TEST(test_s5_in_ssdt),
		TEST(test_madt),	      TEST(test_madt_x2apic),	 TEST(test_madt_missing),
		TEST(test_madt_damaged),      TEST(test_madt_truncated), TEST(test_madt_too_many_ioapics),
		TEST(test_hpet),	      TEST(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

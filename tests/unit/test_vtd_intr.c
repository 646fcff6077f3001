/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt remapping by a VT-d unit: turning it on, and what becomes of a message that a device sends.
 */
#include "tests/unit/intr_machine.h"

/* ---- turning on ---- */

static void test_turned_on(void **state)
{
	intr_machine();
	assert_int_equal(fake[0].gsts & 0x87800000, 0x87000000); /* TE, QIE, IRE, table set; CFI not */
	assert_int_equal(fake[0].irta & 0xfff, 13);	      /* 2^14 entries, xAPIC mode */
	assert_false(fake[0].irtes[0].valid);		      /* what was cached before is gone */
	assert_true(fake[0].intr_global > 0);
	for (unsigned int i = 0; i < ENTRIES; i++)
		assert_false(bits(0, i)[0] & 1);
}

/* Firmware had it on, with a table of its own, and let compatibility format pass. */
static void test_firmware_left_it_on(void **state)
{
	struct iommu *u;

	intr_unit();
	fake[0].gsts = fake[0].gsts_next = 0x07800000; /* QIE, IRE, table, CFI */
	fake[0].irt = 0xdead000;
	fake[0].irt_entries = 65536;
	discover(1);
	assert_int_equal(intr_decide(INTR_REQUIRED), 0);
	fake[0].was_open = false;
	enable();
	u = iommu_first();
	assert_false(fake[0].was_open);
	assert_false(raise_by(0, NIC, 0xfee00000, 0x41));
	expect_blocked(u, NIC, 0, 0x25);
	blocked_entry(u, NIC, 5, 0x22);
}

static void test_off_is_off(void **state)
{
	struct iommu *u;
	u32 first;

	intr_unit();
	discover(1);
	assert_int_equal(intr_decide(INTR_OFF), 0);
	assert_false(intr_remapped());
	enable();
	u = iommu_first();
	assert_int_equal(fake[0].gsts >> 25 & 1, 0);
	assert_true(raise_by(0, NIC, 0xfee00000, 0x41));
	assert_true(got.passed);
	assert_int_equal(u->ops->intr_alloc(u, &from_nic, 1, &first), -ENODEV);
	assert_int_equal(u->ops->intr_flush(u, 0, 0), 0);
	assert_false(intr_lookup(u, 0, &(struct intr_entry){ 0 }));
	assert_int_equal(intr_platform_alloc(INTR_IOAPIC, 0, 1, &u, &first), -ENODEV);
}

static void test_what_is_offered(void **state)
{
	for (unsigned int flags = 0; flags < 4; flags++) {
		for (unsigned int ir = 0; ir < 2; ir++) {
			const bool offered = (flags & 1) && ir;

			one_unit();
			dmar[37] = (u8)flags;
			fake[0].ecap &= ~(ir ? 0 : FAKE_ECAP_IR);
			discover(1);
			assert_int_equal(intr_decide(INTR_REQUIRED), offered ? 0 : -EOPNOTSUPP);
			assert_int_equal(intr_remapped(), offered);
			assert_int_equal(log_count("intremap=required"), !offered);
			assert_int_equal(log_count("DMAR flags"), !(flags & 1));
			assert_int_equal(intr_decide(INTR_OPTIONAL), 0);
			assert_int_equal(intr_remapped(), offered);
			assert_int_equal(intr_decide(INTR_OFF), 0);
			assert_false(intr_remapped());
		}
	}
}

static void test_hangs_or_no_memory(void **state)
{
	for (u64 pages = 0; pages < 4; pages++) { /* root, queue, bitmap, table */
		intr_unit();
		discover(1);
		assert_int_equal(intr_decide(INTR_REQUIRED), 0);
		fake_pages_allowed = pages;
		assert_int_equal(iommu_enable_all(), -ENOMEM);
		assert_int_equal(fake[0].gsts >> 31, 0);
	}
	intr_unit();
	discover(1);
	assert_int_equal(intr_decide(INTR_REQUIRED), 0);
	fake[0].hang_queue = true;
	assert_int_equal(iommu_enable_all(), -ETIMEDOUT);
	assert_int_equal(fake[0].gsts & 0x82000000, 0);
}

/* ---- what is delivered ---- */

static void test_delivery(void **state)
{
	struct iommu *u = intr_machine();
	const u32 e = alloc(u, &from_nic, 1);

	blocked_entry(u, NIC, e, 0x22);
	intr_set(u, e, &EDGE_41);
	assert_int_equal(intr_flush(u, e, 1), 0);
	assert_true(raise_entry(u, NIC, e));
	assert_false(got.passed);
	assert_int_equal(got.destination, 3);
	assert_int_equal(got.vector, 0x41);
	assert_int_equal(got.mode, 0);
	intr_set(u, e, &(struct apic_target){ .destination = 1, .logical = true, .lowest = true, .vector = 0x99 });
	assert_true(raise_entry(u, NIC, e));
	assert_int_equal(got.vector, 0x41); /* stale: nobody flushed */
	assert_int_equal(intr_flush(u, e, 1), 0);
	assert_true(raise_entry(u, NIC, e));
	assert_int_equal(got.vector, 0x99);
	assert_int_equal(got.mode, 1);
	assert_true(got.logical && got.hint);
	intr_set(u, e, NULL);
	assert_int_equal(intr_flush(u, e, 1), 0);
	blocked_entry(u, NIC, e, 0x22);
}

static void test_caching_mode(void **state)
{
	struct iommu *u;
	u32 e;

	intr_unit();
	fake[0].cap |= FAKE_CAP_CM;
	intr_enable(1);
	u = iommu_first();
	blocked_entry(u, NIC, 0, 0x22); /* cached as absent */
	e = alloc(u, &from_nic, 1);
	assert_int_equal(e, 0);
	intr_set(u, e, &EDGE_41);
	assert_int_equal(intr_flush(u, e, 1), 0);
	assert_true(raise_entry(u, NIC, e));
}

static void test_foreign_index_and_requester(void **state)
{
	struct iommu *u = intr_machine();
	const struct intr_source other = { .kind = INTR_SOURCE_ID, .id = OTHER };
	const u32 mine = alloc(u, &from_nic, 1), theirs = alloc(u, &other, 1);

	intr_set(u, mine, &EDGE_41);
	intr_set(u, theirs, &EDGE_41);
	assert_int_equal(intr_flush(u, 0, 0), 0);
	assert_true(raise_entry(u, NIC, mine));
	assert_true(raise_entry(u, OTHER, theirs));
	blocked_entry(u, NIC, theirs, 0x26);
	blocked_entry(u, OTHER, mine, 0x26);
	blocked_entry(u, NIC ^ 1, mine, 0x26);
	blocked_entry(u, NIC | 0x100, mine, 0x26);
	assert_false(raise_by(0, NIC, 0xfee00010ull | 0x7fffu << 5 | 4, 0));
	expect_blocked(u, NIC, 0xffff, 0x21);
}

static void test_compatibility_format_is_blocked(void **state)
{
	struct iommu *u;

	for (unsigned int wide = 0; wide < 2; wide++) {
		x2apic = wide;
		u = intr_machine();
		x2apic = false;
		for (u32 data = 0; data < 0x800; data += 0x41) { /* any mode: SMI, INIT, too */
			assert_false(raise_by(0, NIC, 0xfee00000 | (data << 12 & 0xff000), data));
			expect_blocked(u, NIC, 0, 0x25);
		}
	}
}

static void test_phantom_functions(void **state)
{
	struct iommu *u = intr_machine();
	static const u16 counts[] = { 0xffff, 0xfffb, 0xfff9, 0xfff8 };

	for (u8 ignored = 0; ignored < 4; ignored++) {
		const struct intr_source s = { .kind = INTR_SOURCE_ID, .id = NIC, .ignored = ignored };
		const u32 e = alloc(u, &s, 1);

		intr_set(u, e, &EDGE_41);
		assert_int_equal(intr_flush(u, e, 1), 0);
		for (unsigned int bit = 0; bit < 16; bit++) {
			const bool counted = counts[ignored] >> bit & 1;

			assert_int_equal(raise_entry(u, NIC ^ 1u << bit, e), !counted);
			if (counted)
				expect_blocked(u, NIC ^ 1u << bit, e, 0x26);
		}
	}
}

static void test_buses(void **state)
{
	const struct intr_source s = { .kind = INTR_SOURCE_BUSES, .first_bus = 5, .last_bus = 6 };
	struct iommu *u = intr_machine();
	const u32 e = alloc(u, &s, 1);

	intr_set(u, e, &EDGE_41);
	assert_int_equal(intr_flush(u, e, 1), 0);
	assert_true(raise_entry(u, PCI_BDF(5, 0, 0), e));
	assert_true(raise_entry(u, PCI_BDF(6, 31, 7), e));
	blocked_entry(u, PCI_BDF(4, 31, 7), e, 0x26);
	blocked_entry(u, PCI_BDF(7, 0, 0), e, 0x26);
}

/* Multi-message MSI: the device puts its number in the data's low bits. */
static void test_rows_of_messages(void **state)
{
	struct iommu *u = intr_machine();
	struct pci_message m;
	u32 first;

	(void)alloc(u, &from_nic, 3);
	first = alloc(u, &from_nic, 32);
	assert_int_equal(first % 32, 0);
	for (u32 i = 0; i < 32; i++)
		intr_set(u, first + i, &(struct apic_target){ .vector = (u8)(0x40 + i) });
	assert_int_equal(intr_flush(u, first, 32), 0);
	m = u->ops->intr_message(u, first, true);
	assert_int_equal(m.address, 0xfee00018 | first << 5);
	assert_int_equal(m.data, 0);
	for (u32 i = 0; i < 32; i++) {
		assert_true(raise_by(0, NIC, m.address, m.data | i));
		assert_int_equal(got.vector, 0x40 + i);
		assert_true(raise_entry(u, NIC, first + i));
		assert_int_equal(got.vector, 0x40 + i);
	}
	assert_false(raise_by(0, NIC, m.address, 32));
	expect_blocked(u, NIC, first + 32, 0x22);
}

static void test_message_bits(void **state)
{
	struct iommu *u = intr_machine();

	assert_int_equal(intr_message(u, 0).address, 0xfee00010);
	assert_int_equal(intr_message(u, 1).address, 0xfee00030);
	assert_int_equal(intr_message(u, 0x7fff).address, 0xfeeffff0);
	assert_int_equal(intr_message(u, 0x8000).address, 0xfee00014);
	assert_int_equal(intr_message(u, 0x1234).data, 0);
}

/* ---- more than one unit; controllers ---- */

/* A requester ID is of its segment: the same one, behind another unit, has other entries. */
static void test_two_segments(void **state)
{
	struct iommu *a, *b;
	unsigned int start;
	u32 e;

	power_on();
	dmar[37] = 1;
	dmar_unit(0, true, NULL, 0);
	start = dmar_length;
	dmar_unit(1, true, NULL, 0);
	dmar[start + 6] = 1; /* segment */
	intr_enable(2);
	a = iommu_first();
	b = a->next;
	assert_int_equal(b->segment, 1);
	assert_int_not_equal(fake[0].irt, fake[1].irt);
	e = alloc(a, &from_nic, 1);
	assert_int_equal(alloc(b, &from_nic, 1), e);
	intr_set(a, e, &EDGE_41);
	assert_int_equal(intr_flush(a, e, 1), 0);
	assert_int_equal(intr_flush(b, e, 1), 0);
	assert_true(raise_entry(a, NIC, e));
	blocked_entry(b, NIC, e, 0x22);
	a->ops->intr_free(b, e, 1);
	assert_int_equal(used(a), 1);
}

static void controller(u8 type, u8 id, u8 bus, u8 device, u8 function)
{
	const u8 entry[8] = { type, 8, 0, 0, id, bus, device, function };

	dmar_add(entry, sizeof(entry));
	dmar[48 + 2] = (u8)(dmar_length - 48); /* of the first unit */
}

static void test_controllers(void **state)
{
	struct iommu *u = NULL;
	u32 e, first;

	intr_unit();
	controller(3, 2, 0xf0, 0x1f, 0); /* not one of them is a PCI function that answers */
	controller(4, 0, 0xf0, 0x0f, 1);
	controller(4, 9, 0xf0, 0x0e, 0);
	intr_enable(1);
	assert_int_equal(log_count("names a device that is not there"), 0);
	assert_int_equal(intr_platform_alloc(INTR_IOAPIC, 2, 24, &u, &e), 0);
	assert_ptr_equal(u, iommu_first());
	assert_int_equal(e % 32, 0);
	intr_set(u, e + 5, &(struct apic_target){ .vector = 0x31, .level = true });
	assert_int_equal(intr_flush(u, e, 24), 0);
	assert_true(raise_entry(u, 0xf0f8, e + 5));
	assert_true(got.level);
	blocked_entry(u, 0xf079, e + 5, 0x26);
	assert_int_equal(intr_platform_alloc(INTR_HPET, 0, 1, &u, &first), 0);
	intr_set(u, first, &(struct apic_target){ .destination = 1, .nmi = true });
	assert_int_equal(intr_flush(u, first, 1), 0);
	assert_true(raise_entry(u, 0xf079, first));
	assert_int_equal(got.mode, 4);
	assert_int_equal(intr_platform_alloc(INTR_HPET, 2, 1, &u, &first), -ENODEV);
	assert_int_equal(intr_platform_alloc(INTR_IOAPIC, 0, 1, &u, &first), -ENODEV);
	assert_int_equal(intr_platform_alloc(INTR_IOAPIC, 9, 1, &u, &first), -ENODEV);
}

/* An endpoint that is not there is none, still; nor a controller behind a bridge that is not. */
static void test_controllers_behind_bridges(void **state)
{
	static const u8 behind[] = { 3, 10, 0, 0, 1, 0, 0x1c, 0, 0x1e, 2 };
	static const u8 nowhere[] = { 3, 10, 0, 0, 2, 0, 0x1b, 0, 0x1e, 2 };
	struct iommu *u;
	u32 e;

	intr_unit();
	controller(1, 0, 0, 0x17, 0);
	dmar_add(behind, sizeof(behind));
	dmar_add(nowhere, sizeof(nowhere));
	dmar[48 + 2] = (u8)(dmar_length - 48);
	intr_enable(1);
	assert_int_equal(log_count("names a device that is not there"), 2);
	assert_int_equal(intr_platform_alloc(INTR_IOAPIC, 1, 1, &u, &e), 0);
	assert_int_equal(bits(0, e)[1], 0x40000 | PCI_BDF(4, 0x1e, 2));
	assert_int_equal(intr_platform_alloc(INTR_IOAPIC, 2, 1, &u, &e), -ENODEV);
}

/* ---- the report ---- */

static void test_report(void **state)
{
	struct iommu *u = intr_machine();

	for (unsigned int i = 0; i < 17; i++)
		(void)alloc(u, &from_nic, 1);
	intr_set(u, 17 - 1, &EDGE_41);
	assert_false(raise_entry(u, PCI_BDF(0, 5, 0), 16));
	iommu_report_faults();
	assert_int_equal(log_count("iommu: interrupt by 0000:00:05.0 blocked (index 16: interrupt of another device)"), 1);
	for (unsigned int i = 0; i < 2048; i++) {
		assert_false(raise_entry(u, PCI_BDF(0, 5, 0), 16));
		iommu_report_faults();
	}
	assert_int_equal(log_count("interrupt by 0000:00:05.0"), 16 + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turned_on),
		cmocka_unit_test(test_firmware_left_it_on),
		cmocka_unit_test(test_off_is_off),
		cmocka_unit_test(test_what_is_offered),
		cmocka_unit_test(test_hangs_or_no_memory),
		cmocka_unit_test(test_delivery),
		cmocka_unit_test(test_caching_mode),
		cmocka_unit_test(test_foreign_index_and_requester),
		cmocka_unit_test(test_compatibility_format_is_blocked),
		cmocka_unit_test(test_phantom_functions),
		cmocka_unit_test(test_buses),
		cmocka_unit_test(test_rows_of_messages),
		cmocka_unit_test(test_message_bits),
		cmocka_unit_test(test_two_segments),
		cmocka_unit_test(test_controllers),
		cmocka_unit_test(test_controllers_behind_bridges),
		cmocka_unit_test(test_report),
	};

	return cmocka_run_group_tests(tests, machine_init, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Message descriptors: one for each message that the guest has enabled, each an MSI reference with an entry of its
 * own; freed without a lock, after one flush. Counts as PCIe base spec 6.0, 7.7.1.2 and 7.7.2.2 say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "drivers/pci/msi.h"
#include "tests/fake/fake_vpci.h"

#define MSI_CONTROL 0xd2  /* the NIC's: 64-bit */
#define MSI_ADDRESS 0xd4
#define MSI_DATA 0xdc
#define MSIX_CONTROL 0xc2 /* table size field 4: 5 entries */

static u32 msi_refs(void)
{
	return atomic_load(&device(NIC)->refs_by_kind[PCI_REF_MSI]);
}

static unsigned int total(void)
{
	return pci_msi_count(device(NIC));
}

static unsigned int entries_freed(void)
{
	return fake_remap.frees;
}

static unsigned int flushes(void)
{
	return fake_remap.flushes;
}

/* What the flush may not find given back already: the references, the descriptors, the entries. */
static void nothing_is_free_before_the_flush(void)
{
	if (total() != msi_refs())
		broken = "references and descriptors differ during a flush";
	if (fake_entries_used() < total())
		broken = "an entry was given back before its flush";
}

static int attach_devices(void)
{
	int ret = 0;

	for (struct pci_dev *d = pci_dev_next(NULL); d && !ret; d = pci_dev_next(d))
		ret = vpci_attach(d);
	return ret;
}

static int begin_bare(void **state)
{
	int ret = setup(state);

	fake_remap_begin(true);
	fake_remap.at_flush = nothing_is_free_before_the_flush;
	fake_set(nic, MSI_CONTROL, 2, 0x008a, 0x0071, 0); /* 32 messages */
	return ret;
}

static int begin(void **state)
{
	int ret = begin_bare(state);

	return ret ? ret : attach_devices();
}

static int end(void **state)
{
	fake_remap.at_flush = NULL;
	return teardown(state);
}

static void set_message(void)
{
	wr(NIC, MSI_ADDRESS, 4, 0xfee00000);
	wr(NIC, MSI_ADDRESS + 4, 4, 0);
	wr(NIC, MSI_DATA, 2, 0x0041);
}

static void test_msi_counts(void **state)
{
	static const struct {
		u16 control;
		unsigned int messages;
	} steps[] = {
		{ 0x0001, 1 }, { 0x0031, 8 }, { 0x0011, 2 }, { 0x0010, 0 }, { 0x0051, 32 },
		{ 0x0071, 32 }, /* reserved values: not more than there can be */
		{ 0x0000, 0 },
	};

	set_message();
	assert_int_equal(total(), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++) {
		wr(NIC, MSI_CONTROL, 2, steps[i].control);
		assert_int_equal(total(), steps[i].messages);
		assert_int_equal(fake_entries_used(), steps[i].messages);
		assert_int_equal(msi_refs(), steps[i].messages);
		assert_int_equal(pci_msi_left(), PCI_MSI_MESSAGES - steps[i].messages);
		assert_int_equal(fake_reg(nic, MSI_CONTROL, 2) & 1, steps[i].control & 1);
	}
	/* 1, 8 and 2 went for the next row, 32 with the guest's enable bit. */
	assert_int_equal(entries_freed(), 1 + 8 + 2 + 32);
}

static void test_msix_counts(void **state)
{
	detach(NIC);
	fake_set(nic, MSIX_CONTROL, 2, 0x001f, 0xc000, 0); /* 32 entries */
	assert_int_equal(vpci_attach(device(NIC)), 0);
	wr(NIC, MSIX_CONTROL, 2, 0x4000); /* masked, and not enabled */
	assert_int_equal(total(), 0);
	wr(NIC, MSIX_CONTROL, 2, 0xc000);
	assert_int_equal(total(), 32);
	wr(NIC, MSIX_CONTROL, 2, 0x8000); /* the mask does not matter */
	assert_int_equal(total(), 32);
	assert_int_equal(entries_freed(), 0);
	wr(NIC, MSIX_CONTROL + 1, 1, 0);
	assert_int_equal(total(), 0);
	assert_int_equal(entries_freed(), 32);
	assert_int_equal(rd(NIC, MSIX_CONTROL, 2), 0x001f);
}

static void test_both_kinds(void **state)
{
	set_message();
	wr(NIC, MSI_CONTROL, 2, 0x0021);
	wr(NIC, MSIX_CONTROL, 2, 0x8000);
	assert_int_equal(total(), 4 + 5);
	wr(NIC, MSI_CONTROL, 2, 0);
	assert_int_equal(total(), 5);
	assert_int_equal(entries_freed(), 4); /* MSI-X's stay */
	wr(NIC, MSIX_CONTROL, 2, 0);
	assert_int_equal(total(), 0);
}

/* The guest may enable before it writes the message: there are descriptors, which deliver nothing. */
static void test_refused_message_delivers_nothing(void **state)
{
	set_message();
	wr(NIC, MSI_DATA, 2, 0x0241); /* an SMI */
	wr(NIC, MSI_CONTROL, 2, 0x0001);
	assert_int_equal(total(), 1);
	assert_int_equal(fake_reg(nic, MSI_CONTROL, 2) & 1, 0);
	assert_int_equal(fake_message(NIC, fake_remappable(0), 0), FAKE_NOT_PRESENT);
}

static void test_reset_frees(void **state)
{
	set_message();
	wr(NIC, MSI_CONTROL, 2, 0x0031);
	wr(NIC, MSIX_CONTROL, 2, 0x8000);
	wr(NIC, 0x80 + 8, 2, 0x8000); /* function level reset */
	assert_int_equal(total(), 0);
	assert_int_equal(msi_refs(), 0);
	assert_int_equal(entries_freed(), 13);
	assert_int_equal(rd(NIC, MSI_CONTROL, 2) & 1, 0);
}

/*
 * Withdrawing leaves them: DMA is blocked in between, and until then the device may send. Detaching frees
 * them.
 */
static void test_detach_frees(void **state)
{
	struct pci_dev *dev = device(NIC);

	set_message();
	wr(NIC, MSI_CONTROL, 2, 0x0031);
	assert_int_equal(vpci_withdraw_start(dev), 0);
	assert_int_equal(total(), 8);
	assert_int_equal(entries_freed(), 0);
	assert_int_equal(vpci_detach(dev), 0);
	assert_int_equal(total(), 0);
	assert_int_equal(msi_refs(), 0);
	assert_int_equal(entries_freed(), 8);
	assert_int_equal(pci_msi_left(), PCI_MSI_MESSAGES);
}

static void test_vanished_device_frees(void **state)
{
	set_message();
	wr(NIC, MSI_CONTROL, 2, 0x0001);
	fake_vanish(nic);
	assert_int_equal(rd(NIC, 0, 2), 0xffff);
	detach(NIC);
	assert_int_equal(msi_refs(), 0);
	assert_int_equal(entries_freed(), 1);
}

static void test_exhaustion(void **state)
{
	assert_int_equal(pci_msi_init(6), 0);
	set_message();
	wr(NIC, MSI_CONTROL, 2, 0x0031); /* 8 */
	assert_int_equal(total(), 0);
	assert_int_equal(pci_msi_left(), 6);
	assert_int_equal(fake_reg(nic, MSI_CONTROL, 2) & 1, 0);
	assert_int_equal(rd(NIC, MSI_CONTROL, 2) & 1, 0);
	assert_int_equal(times_logged("8 MSI messages stay off: no descriptors are left"), 1);
	wr(NIC, MSI_CONTROL, 2, 0x0011);
	assert_int_equal(total(), 2);
	wr(NIC, MSIX_CONTROL, 2, 0x8000); /* 5, and 4 are left */
	assert_int_equal(total(), 2);
	assert_int_equal(fake_reg(nic, MSIX_CONTROL, 2) & 0x8000, 0);
	assert_int_equal(times_logged("messages stay off"), 1); /* one line a device */
	wr(NIC, MSI_CONTROL, 2, 0x0041); /* 16: what was enabled is off now, and its row is free */
	assert_int_equal(fake_reg(nic, MSI_CONTROL, 2) & 1, 0);
	assert_int_equal(total(), 0);
	wr(NIC, MSIX_CONTROL, 2, 0x8000);
	assert_int_equal(total(), 5);
	assert_int_equal(pci_msi_left(), 1);
}

/* What firmware left on is off when the guest first sees the device. */
static void test_left_on_by_firmware(void **state)
{
	fake_put(nic->cfg, MSI_CONTROL, 2, 0x0081);
	fake_put(nic->cfg, MSIX_CONTROL, 2, 0x8004);
	assert_int_equal(vpci_attach(device(NIC)), 0);
	assert_int_equal(fake_reg(nic, MSI_CONTROL, 2), 0x0080);
	assert_int_equal(fake_reg(nic, MSIX_CONTROL, 2), 0x0004);
	assert_int_equal(total(), 0);
}

/* A bridge's registers remember, and send nothing. */
static void test_bridge_has_none(void **state)
{
	fake_cap(port, 0x90, 0x11);
	fake_set(port, 0x92, 2, 0x0003, 0xc000, 0);
	fake_cap(port, 0xa0, 0x05);
	fake_set(port, 0xa2, 2, 0x0080, 0x0071, 0);
	assert_int_equal(vpci_attach(device(PORT)), 0);
	wr(PORT, 0x92, 2, 0x8000);
	wr(PORT, 0xa2, 2, 0x0001);
	assert_int_equal(rd(PORT, 0x92, 2), 0x8003);
	assert_int_equal(fake_reg(port, 0x92, 2), 0x0003);
	assert_int_equal(fake_reg(port, 0xa2, 2), 0x0080);
	assert_int_equal(pci_msi_count(device(PORT)), 0);
}

/* A second MSI-X capability would take the first one's descriptors for its own. */
static void test_second_msix(void **state)
{
	fake_cap(nic, 0xf0, 0x11);
	fake_set(nic, 0xf2, 2, 0x0001, 0xc000, 0);
	assert_int_equal(vpci_attach(device(NIC)), 0);
	wr(NIC, MSIX_CONTROL, 2, 0x8000);
	wr(NIC, 0xf2, 2, 0x8000);
	assert_int_equal(fake_reg(nic, 0xf2, 2), 0x0001);
	assert_int_equal(total(), 5);
}

/* ---- entries ---- */

static void test_no_entries(void **state)
{
	static const struct {
		int error;
		const char *text;
	} cases[] = {
		{ -ENOSPC, "no interrupt entries are left" },
		{ -ENODEV, "nothing turns them into interrupts" },
		{ -EOPNOTSUPP, "what raises them cannot be checked" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		log_text[0] = '\0';
		fake_remap.alloc_error = cases[i].error;
		set_message();
		for (unsigned int n = 0; n < 3; n++)
			wr(NIC, MSI_CONTROL, 2, 0x0001);
		assert_int_equal(total(), 0);
		assert_int_equal(msi_refs(), 0);
		assert_int_equal(pci_msi_left(), PCI_MSI_MESSAGES);
		assert_int_equal(rd(NIC, MSI_CONTROL, 2) & 1, 0);
		assert_int_equal(fake_reg(nic, MSI_CONTROL, 2) & 1, 0);
		assert_int_equal(times_logged(cases[i].text), 1);
		fake_remap.alloc_error = 0;
		detach(NIC);
		assert_int_equal(vpci_attach(device(NIC)), 0);
	}
}

/* A row is whole or not at all: three entries are left, four are wanted. */
static void test_too_few_entries(void **state)
{
	fake_remap.entries_left = 3;
	set_message();
	wr(NIC, MSI_CONTROL, 2, 0x0021);
	assert_int_equal(total(), 0);
	assert_int_equal(fake_entries_used(), 0);
	wr(NIC, MSI_CONTROL, 2, 0x0011);
	assert_int_equal(total(), 2);
}

static void test_no_backend(void **state)
{
	pci_msi_set_ops(NULL);
	set_message();
	wr(NIC, MSI_CONTROL, 2, 0x0001);
	wr(NIC, MSI_CONTROL, 2, 0x0000);
	wr(NIC, MSI_CONTROL, 2, 0x0001);
	assert_int_equal(total(), 0);
	assert_int_equal(fake_reg(nic, MSI_CONTROL, 2) & 1, 0);
	assert_int_equal(rd(NIC, MSI_CONTROL, 2) & 1, 0);
	assert_int_equal(times_logged("messages stay off"), 1);
	detach(NIC);
}

/* 2048 descriptors, one wait: all in the range that was flushed. */
static void test_one_flush_frees_all(void **state)
{
	u32 first;

	fake_set(nic, MSIX_CONTROL, 2, 0x07ff, 0xc000, 0);
	detach(NIC);
	assert_int_equal(vpci_attach(device(NIC)), 0);
	set_message();
	wr(NIC, MSI_CONTROL, 2, 0x0051);
	pci_vpci_lock(device(NIC));
	assert_int_equal(pci_msi_grow(device(NIC), true, 2048, &first), 0);
	pci_vpci_unlock(device(NIC));
	assert_int_equal(total(), 2048 + 32);
	assert_int_equal(first % 2048, 0);
	assert_int_equal(vpci_withdraw_start(device(NIC)), 0);
	fake_remap.flushes = 0;
	assert_int_equal(vpci_detach(device(NIC)), 0);
	assert_int_equal(flushes(), 1);
	assert_int_equal(entries_freed(), 2048 + 32);
	assert_int_equal(fake_entries_used(), 0);
	assert_int_equal(pci_msi_left(), PCI_MSI_MESSAGES);
}

/* Entries that hardware may still go by are nobody's any more; all else is given back. */
static void test_flush_fails_at_detach(void **state)
{
	set_message();
	wr(NIC, MSI_CONTROL, 2, 0x0021);
	assert_int_equal(vpci_withdraw_start(device(NIC)), 0);
	fake_remap.fail_flushes = 1;
	assert_int_equal(vpci_detach(device(NIC)), -ETIMEDOUT);
	assert_int_equal(total(), 0);
	assert_int_equal(msi_refs(), 0);
	assert_int_equal(pci_msi_left(), PCI_MSI_MESSAGES);
	assert_int_equal(entries_freed(), 0);
	assert_int_equal(fake_entries_used(), 4);
	assert_int_equal(times_logged("cannot be flushed"), 1);
	assert_false(vpci_attached(device(NIC), NULL));
	assert_int_equal(vpci_detach(device(NIC)), -ENODEV);
	/* The next row is another. */
	assert_int_equal(vpci_attach(device(NIC)), 0);
	set_message();
	wr(NIC, MSI_CONTROL, 2, 0x0021);
	assert_int_equal(fake_reg(nic, MSI_ADDRESS, 4) & ~8u, fake_remappable(4));
}

static void test_flush_fails_when_the_guest_disables(void **state)
{
	set_message();
	wr(NIC, MSI_CONTROL, 2, 0x0001);
	fake_remap.fail_flushes = 1;
	wr(NIC, MSI_CONTROL, 2, 0x0000);
	assert_int_equal(total(), 0);
	assert_int_equal(msi_refs(), 0);
	assert_int_equal(entries_freed(), 0);
	assert_int_equal(times_logged("lost"), 1);
	wr(NIC, MSI_CONTROL, 2, 0x0001);
	assert_int_equal(fake_reg(nic, MSI_ADDRESS, 4), fake_remappable(1));
}

/*
 * An entry lives as long as its descriptor. Before it, after it, from another requester, beyond the table and in
 * the format of old: blocked.
 */
static void test_messages_of_a_freed_descriptor_are_blocked(void **state)
{
	assert_int_equal(fake_message(NIC, fake_remappable(1), 0), FAKE_NOT_PRESENT);
	set_message();
	wr(NIC, MSI_CONTROL, 2, 0x0011);
	assert_int_equal(fake_message(NIC, fake_remappable(1), 0), FAKE_DELIVERED);
	assert_int_equal(fake_interrupt.vector, 0x41);
	assert_int_equal(fake_message(SMALL, fake_remappable(1), 0), FAKE_WRONG_REQUESTER);
	assert_int_equal(fake_message(NIC, fake_remappable(FAKE_IRTES), 0), FAKE_BEYOND_TABLE);
	assert_int_equal(fake_message(NIC, 0xfee00000, 0x41), FAKE_COMPATIBILITY);
	wr(NIC, MSI_CONTROL, 2, 0);
	assert_int_equal(entries_freed(), 2);
	assert_int_equal(fake_message(NIC, fake_remappable(1), 0), FAKE_NOT_PRESENT);
}

#define MB(name) cmocka_unit_test_setup_teardown(name, begin_bare, end)
#define M(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		M(test_msi_counts),
		M(test_msix_counts),
		M(test_both_kinds),
		M(test_refused_message_delivers_nothing),
		M(test_reset_frees),
		M(test_detach_frees),
		M(test_vanished_device_frees),
		M(test_exhaustion),
		M(test_messages_of_a_freed_descriptor_are_blocked),
		M(test_no_entries),
		M(test_too_few_entries),
		M(test_no_backend),
		M(test_one_flush_frees_all),
		M(test_flush_fails_at_detach),
		M(test_flush_fails_when_the_guest_disables),
		BARE(test_left_on_by_firmware),
		BARE(test_bridge_has_none),
		BARE(test_second_msix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

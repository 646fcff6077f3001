/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Message descriptors: one for each message that the guest has enabled, each an MSI reference; freed without
 * a lock, after their remapping entry. Counts as PCIe base spec 6.0, 7.7.1.2 and 7.7.2.2 say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "drivers/pci/msi.h"
#include "tests/fake/fake_remap.h"
#include "tests/fake/fake_vpci.h"

#define MSI_CONTROL 0xd2  /* the NIC's: 64-bit */
#define MSI_ADDRESS 0xd4
#define MSI_DATA 0xdc
#define MSIX_CONTROL 0xc2 /* table size field 4: 5 entries */

static unsigned int entries_freed;
static bool index_seen[64];

static u32 msi_refs(void)
{
	return atomic_load(&device(NIC)->refs_by_kind[PCI_REF_MSI]);
}

static unsigned int total(void)
{
	return pci_msi_count(device(NIC));
}

static void free_entry(struct pci_msi *msi)
{
	assert_ptr_equal(msi->dev, device(NIC));
	assert_true(spin_trylock(&msi->dev->vpci_lock)); /* it may wait for hardware */
	spin_unlock(&msi->dev->vpci_lock);
	assert_true(msi_refs() > 0); /* its reference is still there */
	assert_true(total() > 0);
	assert_false(index_seen[msi->index + 32 * msi->msix]);
	index_seen[msi->index + 32 * msi->msix] = true;
	entries_freed++;
}

static int begin(void **state)
{
	int ret = attach_all(state);

	pci_msi_set_free_entry(free_entry);
	entries_freed = 0;
	memset(index_seen, 0, sizeof(index_seen));
	return ret;
}

static int end(void **state)
{
	pci_msi_set_free_entry(NULL);
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
		memset(index_seen, 0, sizeof(index_seen));
		wr(NIC, MSI_CONTROL, 2, steps[i].control);
		assert_int_equal(total(), steps[i].messages);
		assert_int_equal(msi_refs(), steps[i].messages);
		assert_int_equal(pci_msi_left(), PCI_MSI_MESSAGES - steps[i].messages);
		assert_int_equal(fake_reg(nic, MSI_CONTROL, 2) & 1, steps[i].control & 1);
	}
	assert_int_equal(entries_freed, 6 + 2 + 32);
}

static void test_msix_counts(void **state)
{
	fake_set(nic, MSIX_CONTROL, 2, 0x001f, 0xc000, 0); /* 32 entries */
	wr(NIC, MSIX_CONTROL, 2, 0x4000); /* masked, and not enabled */
	assert_int_equal(total(), 0);
	wr(NIC, MSIX_CONTROL, 2, 0xc000);
	assert_int_equal(total(), 32);
	wr(NIC, MSIX_CONTROL, 2, 0x8000); /* the mask does not matter */
	assert_int_equal(total(), 32);
	assert_int_equal(entries_freed, 0);
	wr(NIC, MSIX_CONTROL + 1, 1, 0);
	assert_int_equal(total(), 0);
	assert_int_equal(entries_freed, 32);
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
	assert_false(index_seen[32]); /* MSI-X's stay */
	wr(NIC, MSIX_CONTROL, 2, 0);
	assert_int_equal(total(), 0);
}

static void test_refused_message_has_no_descriptor(void **state)
{
	set_message();
	wr(NIC, MSI_DATA, 2, 0x0241); /* an SMI */
	wr(NIC, MSI_CONTROL, 2, 0x0001);
	assert_int_equal(total(), 0);
}

static void test_reset_frees(void **state)
{
	set_message();
	wr(NIC, MSI_CONTROL, 2, 0x0031);
	wr(NIC, MSIX_CONTROL, 2, 0x8000);
	wr(NIC, 0x80 + 8, 2, 0x8000); /* function level reset */
	assert_int_equal(total(), 0);
	assert_int_equal(msi_refs(), 0);
	assert_int_equal(entries_freed, 13);
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
	assert_int_equal(entries_freed, 0);
	assert_int_equal(vpci_detach(dev), 0);
	assert_int_equal(total(), 0);
	assert_int_equal(msi_refs(), 0);
	assert_int_equal(entries_freed, 8);
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
	assert_int_equal(entries_freed, 1);
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
	assert_int_equal(times_logged("no descriptors for 8 MSI messages"), 1);
	wr(NIC, MSI_CONTROL, 2, 0x0011);
	assert_int_equal(total(), 2);
	wr(NIC, MSIX_CONTROL, 2, 0x8000); /* 5, and 4 are left */
	assert_int_equal(total(), 2);
	assert_int_equal(fake_reg(nic, MSIX_CONTROL, 2) & 0x8000, 0);
	assert_int_equal(times_logged("no descriptors"), 1); /* one line a device */
	wr(NIC, MSI_CONTROL, 2, 0x0041); /* 16: what was enabled is off now, and its descriptors are free */
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

/* ---- behind a remapping unit: what a freed descriptor's message becomes ---- */

static void free_remapped(struct pci_msi *msi)
{
	remap.table[msi->index] = (struct fake_irte){ 0 };
	fake_invalidate_irte(msi->index);
	free_entry(msi);
}

/*
 * An entry lives as long as its descriptor. Before it, after it, from another requester, beyond the table and in the format of
 * old: blocked.
 */
static void test_messages_of_a_freed_descriptor_are_blocked(void **state)
{
	memset(&remap, 0, sizeof(remap));
	remap.on = true;
	pci_msi_set_free_entry(free_remapped);
	assert_int_equal(fake_message(NIC, fake_remappable(1), 0), FAKE_NOT_PRESENT);
	fake_invalidate_irte(1);
	set_message();
	wr(NIC, MSI_CONTROL, 2, 0x0011);
	for (u16 i = 0; i < total(); i++)
		remap.table[i] = (struct fake_irte){ true, NIC, (u8)(0x40 + i) };
	assert_int_equal(fake_message(NIC, fake_remappable(1), 0), FAKE_DELIVERED);
	assert_int_equal(remap.delivered, 0x41);
	assert_int_equal(fake_message(SMALL, fake_remappable(1), 0), FAKE_WRONG_REQUESTER);
	assert_int_equal(fake_message(NIC, fake_remappable(FAKE_IRTES), 0), FAKE_BEYOND_TABLE);
	assert_int_equal(fake_message(NIC, 0xfee00000, 0x41), FAKE_COMPATIBILITY);
	wr(NIC, MSI_CONTROL, 2, 0);
	assert_int_equal(entries_freed, 2);
	assert_int_equal(fake_message(NIC, fake_remappable(1), 0), FAKE_NOT_PRESENT);
}

#define M(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		M(test_msi_counts),
		M(test_msix_counts),
		M(test_both_kinds),
		M(test_refused_message_has_no_descriptor),
		M(test_reset_frees),
		M(test_detach_frees),
		M(test_vanished_device_frees),
		M(test_exhaustion),
		M(test_messages_of_a_freed_descriptor_are_blocked),
		BARE(test_left_on_by_firmware),
		BARE(test_bridge_has_none),
		BARE(test_second_msix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

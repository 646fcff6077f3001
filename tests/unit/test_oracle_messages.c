/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The oracle on interrupts: silent on a machine whose messages are right, and with one thing wrong in the entries,
 * the device's registers or the descriptors it names that thing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/fake/fake_msix.h"
#include "tests/unit/manage_machine.h"

#include "drivers/iommu/intr.h"
#include "drivers/vpci/row.h"

#define MSI	   0x50 /* the NIC's capability: 64-bit */
#define MSI_MASK   (MSI + 0x10)
#define MSIX	   0xa0
#define TABLE	   0x2000 /* in BAR 0 */
#define VECTORS	   4u
#define ENTRY(i)   (TABLE + 16u * (i))
#define CONTROL(i) (ENTRY(i) + 12u)

static void says(const char *expected)
{
	char text[ORACLE_TEXT_MAX];

	assert_int_equal(oracle_check(&vm, text), -EBADMSG);
	assert_string_equal(text, expected);
}

/* ---- the guest and its devices ---- */

static void wr(unsigned int offset, unsigned int size, u32 value)
{
	vpci_write(at(NIC), offset, size, value);
}

/* Four messages from vector 0x40 on. */
static void msi_on(void)
{
	wr(MSI + 4, 4, 0xfee00000);
	wr(MSI + 12, 2, 0x40);
	wr(MSI + 2, 2, 0x0021);
}

static void table_write(unsigned int offset, u32 value)
{
	u64 wide = value;

	assert_true(vpci_trap(NIC_BAR + offset, 4, true, &wide));
}

/* Messages 0 and 1 are set up, 0 is unmasked. */
static void msix_on(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		table_write(ENTRY(i), 0xfee00000);
		table_write(ENTRY(i) + 8, 0x60 + i);
	}
	table_write(CONTROL(0), 0);
	wr(MSIX + 2, 2, 0x8000);
}

static struct fake_registers *registers;

static u32 hardware(unsigned int offset)
{
	return fake_mmio_get(registers, offset, 4);
}

static void hardware_put(unsigned int offset, u32 value)
{
	memcpy(registers->byte + offset, &value, sizeof(value));
}

static u32 entry_of(bool msix, unsigned int index)
{
	struct vpci_message_info m;

	assert_true(vpci_message_info(device(NIC), msix, index, &m));
	return m.entry;
}

/* ---- machines ---- */

static void give_again(void)
{
	struct pci_reason why;
	u32 ticket;

	assert_int_equal(manage_assign(at(NIC), &ticket, &why), -EINPROGRESS);
	settle();
}

static void take(void)
{
	struct pci_reason why;
	u32 ticket;

	assert_int_equal(manage_deassign(at(NIC), &ticket, &why), -EINPROGRESS);
	settle();
}

/* The NIC gets MSI's mask bits and MSI-X, and is given anew. */
static int begin(void **state)
{
	fake_mmio_begin();
	ok(boot(state));
	take();
	fake_put(nic->cfg, MSI + 2, 2, 0x0186);
	fake_set(nic, MSI_MASK, 4, 0, 0xff, 0);
	(void)fake_cap(nic, MSIX, 0x11);
	fake_set(nic, MSIX + 2, 2, VECTORS - 1, 0xc000, 0);
	fake_put(nic->cfg, MSIX + 4, 4, TABLE);
	fake_put(nic->cfg, MSIX + 8, 4, 0x3000);
	registers = fake_registers(NIC_BAR, 0x4000);
	assert_non_null(registers);
	for (unsigned int i = 0; i < VECTORS; i++)
		hardware_put(CONTROL(i), 1);
	give_again();
	oracle_is_content();
	return 0;
}

static int end(void **state)
{
	assert_null(atomic_load(&fake_remap.misuse));
	return shutdown_machine(state);
}

/* ---- nothing is wrong ---- */

static void content(void **state)
{
	msi_on();
	oracle_is_content();
	wr(MSI_MASK, 4, 5);
	oracle_is_content();
	wr(MSI + 12, 2, 0x48); /* moved while it is enabled */
	oracle_is_content();
	wr(MSI + 12, 2, 0x08); /* no interrupt: nothing may be delivered */
	oracle_is_content();
	wr(MSI + 2, 2, 0);
	oracle_is_content();
	msix_on();
	oracle_is_content();
	table_write(ENTRY(1) + 8, 0x99); /* under the mask: the entry comes with the unmask */
	oracle_is_content();
	table_write(CONTROL(1), 0);
	oracle_is_content();
	wr(MSIX + 2, 2, 0xc000);
	oracle_is_content();
	wr(0x04, 2, 0x0104); /* decoding off: the table cannot be read */
	hardware_put(ENTRY(0), 0);
	oracle_is_content();
	hardware_put(ENTRY(0), 0xfee00010);
	wr(0x04, 2, 0x0106);
	oracle_is_content();
	wr(MSIX + 2, 2, 0);
	oracle_is_content();
	take();
	oracle_is_content();
}

/* Also when a flush has failed: what was changed stays off. */
static void flush_failed(void **state)
{
	atomic_store(&fake_remap.fail_flushes, 1);
	msi_on();
	oracle_is_content();
	wr(MSI + 2, 2, 0);
	atomic_store(&fake_remap.fail_flushes, 3);
	msix_on();
	oracle_is_content();
}

/* ---- entries ---- */

static void entry_of_msi(void **state)
{
	struct pci_message other = { 0xfee00000, 0x44 };
	struct pci_dev *dev = device(NIC);
	u64 kept;
	u32 entry;

	msi_on();
	entry = entry_of(false, 3);
	kept = atomic_load(&fake_remap.table[entry]);
	pci_vpci_lock(dev);
	assert_true(pci_msi_get_ops()->set(dev, entry, &other));
	pci_vpci_unlock(dev);
	says("0000:00:02.0: MSI message 3, entry 3: its entry does not deliver what the guest asks for");
	pci_vpci_lock(dev);
	assert_true(pci_msi_get_ops()->set(dev, entry, NULL));
	pci_vpci_unlock(dev);
	says("0000:00:02.0: MSI message 3, entry 3: its entry does not deliver what the guest asks for");
	atomic_store(&fake_remap.table[entry], kept);
	oracle_is_content();
	atomic_fetch_xor(&fake_remap.table[entry], 1ull << 8); /* of another requester */
	says("0000:00:02.0: MSI message 3, entry 3: its entry does not deliver what the guest asks for");
	atomic_store(&fake_remap.table[entry], kept);
	oracle_is_content();
}

/* It delivers, and the guest may not have it. */
static void entry_that_should_deliver_nothing(void **state)
{
	struct pci_message nmi = { 0xfee00000, 0x0441 }, fixed = { 0xfee00000, 0x41 };
	struct pci_dev *dev = device(NIC);

	wr(MSI + 4, 4, 0xfee00000);
	wr(MSI + 12, 2, nmi.data);
	wr(MSI + 2, 2, 0x0001);
	oracle_is_content();
	pci_vpci_lock(dev);
	assert_true(pci_msi_get_ops()->set(dev, 0, &fixed));
	pci_vpci_unlock(dev);
	says("0000:00:02.0: MSI message 0, entry 0: its entry does not deliver what the guest asks for");
}

static void entry_of_msix(void **state)
{
	struct pci_message other = { 0xfee01000, 0x60 };
	struct pci_dev *dev = device(NIC);
	u64 kept;
	u32 entry;

	msix_on();
	entry = entry_of(true, 0);
	kept = atomic_load(&fake_remap.table[entry]);
	pci_vpci_lock(dev);
	assert_true(pci_msi_get_ops()->set(dev, entry, &other));
	pci_vpci_unlock(dev);
	says("0000:00:02.0: MSI-X message 0, entry 0: its entry does not deliver what the guest asks for");
	atomic_store(&fake_remap.table[entry], kept);
	oracle_is_content();
}

/* ---- the device's registers ---- */

static void message_of_msi(void **state)
{
	static const char line[] = "0000:00:02.0: MSI message 0, entry 0: "
				   "the device is programmed with another message than Fairlead's";
	static const unsigned int offsets[] = { MSI + 4, MSI + 5, MSI + 8, MSI + 12, MSI + 13 };

	msi_on();
	for (unsigned int i = 0; i < ARRAY_SIZE(offsets); i++) {
		nic->cfg[offsets[i]] ^= 0x20;
		says(line);
		nic->cfg[offsets[i]] ^= 0x20;
		oracle_is_content();
	}
}

static void message_of_msix(void **state)
{
	static const char line[] = "0000:00:02.0: MSI-X message 0, entry 0: "
				   "the device is programmed with another message than Fairlead's";

	msix_on();
	for (unsigned int offset = ENTRY(0); offset < CONTROL(0); offset += 4) {
		hardware_put(offset, hardware(offset) ^ 0x80);
		says(line);
		hardware_put(offset, hardware(offset) ^ 0x80);
		oracle_is_content();
	}
	hardware_put(ENTRY(3), 0xfee00000); /* a masked one sends nothing */
	oracle_is_content();
}

static void enabled_in_the_device(void **state)
{
	fake_put(nic->cfg, MSI + 2, 2, 0x0187);
	says("0000:00:02.0: MSI is enabled in the device, the guest has disabled it");
	fake_put(nic->cfg, MSI + 2, 2, 0x0186);
	oracle_is_content();
	fake_put(nic->cfg, MSIX + 2, 2, 0x8000 | (VECTORS - 1));
	says("0000:00:02.0: MSI-X is enabled in the device, the guest has disabled it");
	fake_put(nic->cfg, MSIX + 2, 2, VECTORS - 1);
	oracle_is_content();
}

/* No descriptors were to be had, and the device is enabled all the same. */
static void enabled_without_messages(void **state)
{
	struct pci_dev *dev = device(NIC);

	fake_remap.alloc_error = -ENOSPC;
	msi_on();
	oracle_is_content();
	fake_put(nic->cfg, MSI + 2, 2, 0x01a7);
	pci_vpci_lock(dev);
	dev->vpci->msi.control = 0x21;
	pci_vpci_unlock(dev);
	says("0000:00:02.0: MSI is enabled in the device, the guest has no message");
	fake_remap.alloc_error = 0;
	msi_on();
	pci_vpci_lock(dev);
	dev->vpci->msi.control = 0; /* and descriptors */
	pci_vpci_unlock(dev);
	says("0000:00:02.0: MSI is enabled in the device, the guest has disabled it");
	pci_vpci_lock(dev);
	dev->vpci->msi.control = 0x21;
	pci_vpci_unlock(dev);
	oracle_is_content();
}

static void masked_by_the_guest_alone(void **state)
{
	msi_on();
	wr(MSI_MASK, 4, 0x02);
	fake_put(nic->cfg, MSI_MASK, 4, 0);
	says("0000:00:02.0: MSI message 1, entry 1: it is open in the device, and masked by the guest");
	fake_put(nic->cfg, MSI_MASK, 4, 0x06); /* more is masked than the guest wants: it sends nothing */
	oracle_is_content();
	wr(MSI + 2, 2, 0);
	msix_on();
	hardware_put(CONTROL(1), 0);
	says("0000:00:02.0: MSI-X message 1, entry 1: it is open in the device, and masked by the guest");
	fake_put(nic->cfg, MSIX + 2, 2, VECTORS - 1); /* a device that is disabled sends nothing */
	oracle_is_content();
	fake_put(nic->cfg, MSIX + 2, 2, 0x8000 | (VECTORS - 1));
	hardware_put(CONTROL(1), 1);
	oracle_is_content();
}

static void open_too_early(void **state)
{
	msix_on();
	atomic_store(&fake_remap.fail_flushes, 1);
	table_write(CONTROL(1), 0); /* stays masked: what its entry says is not known to the unit */
	oracle_is_content();
	hardware_put(CONTROL(1), 0);
	says("0000:00:02.0: MSI-X message 1, entry 1: it is open in the device, "
	     "and its entry is not what the guest asks for");
}

/* ---- descriptors ---- */

static void descriptors(void **state)
{
	struct pci_dev *dev = device(NIC);

	msi_on();
	pci_vpci_lock(dev);
	dev->msi_first->entry++;
	pci_vpci_unlock(dev);
	says("0000:00:02.0: 4 MSI descriptors, 4 are listed, 1 of them for others");
	pci_vpci_lock(dev);
	dev->msi_first->entry += 5;
	dev->msi_first->index = 9;
	pci_vpci_unlock(dev);
	says("0000:00:02.0: 4 MSI descriptors, 4 are listed, 1 of them for others");
	pci_vpci_lock(dev);
	dev->msi_first->entry -= 6;
	dev->msi_first->index = 3;
	dev->msi_first->dev = device(PF);
	pci_vpci_unlock(dev);
	says("0000:00:02.0: 4 MSI descriptors, 4 are listed, 1 of them for others");
	pci_vpci_lock(dev);
	dev->msi_first->dev = dev;
	dev->msi_first->msix = true;
	pci_vpci_unlock(dev);
	says("0000:00:02.0: 4 MSI descriptors, 3 are listed, 0 of them for others");
	pci_vpci_lock(dev);
	dev->msi_first->msix = false;
	pci_vpci_unlock(dev);
	oracle_is_content();
}

/* A list that runs in a circle does not hang it. */
static void circle(void **state)
{
	struct pci_dev *dev = device(NIC);
	struct pci_msi *second;

	msi_on();
	pci_vpci_lock(dev);
	second = dev->msi_first->next->next;
	dev->msi_first->next->next = dev->msi_first;
	pci_vpci_unlock(dev);
	says("0000:00:02.0: 5 message descriptors on its list, its count is 4");
	pci_vpci_lock(dev);
	dev->msi_first->next->next = second;
	pci_vpci_unlock(dev);
	oracle_is_content();
}

static void descriptor_in_quarantine(void **state)
{
	struct pci_dev *dev = device(PF);
	struct pci_msi *list;
	u32 first;

	pci_vpci_lock(dev);
	ok(pci_msi_grow(dev, false, 1, &first));
	pci_vpci_unlock(dev);
	says("0000:00:07.0: the guest does not see it, and it has 1 message descriptors");
	pci_vpci_lock(dev);
	list = pci_msi_shrink(dev, false, NULL);
	pci_vpci_unlock(dev);
	ok(pci_msi_release(list));
	oracle_is_content();
}

/* ---- the units' tables ---- */

static void entries_in_use(void **state)
{
	fake_remap.stray = 1;
	says("1 interrupt entries are in use, 0 are somebody's");
	fake_remap.on = false;
	oracle_is_content(); /* nothing is remapped: there are no entries to count */
	fake_remap.on = true;
	fake_remap.stray = 0;
	oracle_is_content();
	msi_on();
	oracle_is_content();
	fake_remap.stray = 1;
	says("5 interrupt entries are in use, 4 are somebody's");
	fake_remap.stray = (unsigned int)-1;
	says("3 interrupt entries are in use, 4 are somebody's");
	fake_remap.stray = fake_remap.others = 24; /* an I/O APIC's count */
	oracle_is_content();
	fake_remap.stray--;
	says("27 interrupt entries are in use, 28 are somebody's");
	fake_remap.stray++;
	atomic_store(&fake_remap.fail_flushes, 1);
	wr(MSI + 2, 2, 0); /* these are lost: still in use */
	oracle_is_content();
	pci_msi_set_ops(NULL); /* no device gets a message */
	oracle_is_content();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define M(name) cmocka_unit_test_setup_teardown(name, begin, end)
		M(content),
		M(flush_failed),
		M(entry_of_msi),
		M(entry_that_should_deliver_nothing),
		M(entry_of_msix),
		M(message_of_msi),
		M(message_of_msix),
		M(enabled_in_the_device),
		M(enabled_without_messages),
		M(masked_by_the_guest_alone),
		M(open_too_early),
		M(descriptors),
		M(circle),
		M(descriptor_in_quarantine),
		M(entries_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MSI-X table (PCIe base spec 6.0, 7.7.2.5 to 7.7.2.8). The guest reads and writes a copy; the hardware's table
 * holds Fairlead's messages only, and an entry of it is unmasked only while the guest wants that and its
 * remapping entry says, for all hardware to see, what the guest wrote. What else is on the table's pages is
 * forwarded to the hardware as it is.
 *
 * An entry is `open` (unmasked in the hardware), or closed. Closing is at once. Opening takes, unless nothing has
 * changed since it was last open, a new remapping entry and its flush (row.h, struct vpci_flush). An interrupt
 * that the device raises meanwhile is kept in its pending bits, and sent when the entry is opened.
 */
#include "core/mmio.h"
#include "drivers/pci/regs.h"
#include "drivers/vpci/row.h"

/* ---- the hardware ---- */

static u8 *hardware(struct vpci_dev *v, unsigned int bar, u64 at) REQUIRES(pci_vpci_class)
{
	return phys_to_virt(v->bar[bar].host + at);
}

static u8 *hardware_entry(struct vpci_dev *v, unsigned int i) REQUIRES(pci_vpci_class)
{
	return hardware(v, v->msix.bar, v->msix.table + (u64)i * PCI_MSIX_ENTRY_SIZE);
}

/* The reserved bits beside it keep what they have (7.7.2.8). True: when this returns, the device has masked it. */
static bool mask(u8 *entry)
{
	u8 *at = entry + PCI_MSIX_ENTRY_CONTROL;
	u32 control = mmio_read32(at);

	if (!(control & PCI_MSIX_ENTRY_MASKED)) {
		mmio_write32(at, control | PCI_MSIX_ENTRY_MASKED);
		control = mmio_read32(at); /* is behind the write, and behind what the device has sent before it */
	}
	return (control & PCI_MSIX_ENTRY_MASKED) && control != 0xffffffffu;
}

bool vpci_msix_mask_all(struct vpci_dev *v)
{
	for (unsigned int i = 0; i < v->msix.entries; i++) {
		vpci_msix_entry(v, i)->open = false;
		if (!mask(hardware_entry(v, i)))
			return false;
	}
	return true;
}

/* It is masked: so address and data may change (7.7.2.5). */
static void program(u8 *entry, const struct pci_message *message)
{
	u32 control = mmio_read32(entry + PCI_MSIX_ENTRY_CONTROL);

	mmio_write32(entry + PCI_MSIX_ENTRY_ADDRESS, (u32)message->address);
	mmio_write32(entry + PCI_MSIX_ENTRY_UPPER, (u32)(message->address >> 32));
	mmio_write32(entry + PCI_MSIX_ENTRY_DATA, message->data);
	mmio_write32(entry + PCI_MSIX_ENTRY_CONTROL, control & ~PCI_MSIX_ENTRY_MASKED);
}

/* ---- an entry ---- */

static struct pci_message asked(const struct vpci_msix_entry *e)
{
	return (struct pci_message){ .address = e->address, .data = e->data };
}

static bool is_wanted(struct vpci_dev *v, const struct vpci_msix_entry *e) REQUIRES(pci_vpci_class)
{
	return v->msix.on && !(e->control & PCI_MSIX_ENTRY_MASKED);
}

static void open_entry(struct vpci_dev *v, unsigned int i) REQUIRES(pci_vpci_class)
{
	struct vpci_msix_entry *e = vpci_msix_entry(v, i);
	struct pci_message wanted = asked(e), message;

	if (!vpci_msix_reachable(v))
		return; /* when it is again: vpci_msix_in_reach() */
	message = pci_msi_get_ops()->program(v->dev, v->msix.first + i, false, &wanted);
	program(hardware_entry(v, i), &message);
	e->open = true;
}

static void close_entry(struct vpci_dev *v, unsigned int i) REQUIRES(pci_vpci_class)
{
	(void)mask(hardware_entry(v, i)); /* it has been seen to keep the bit: vpci_msix_mask_all() */
	vpci_msix_entry(v, i)->open = false;
}

static void update(struct vpci_dev *v, unsigned int i) REQUIRES(pci_vpci_class)
{
	struct vpci_msix_entry *e = vpci_msix_entry(v, i);
	struct pci_message message = asked(e);
	bool wanted = is_wanted(v, e);

	if (e->open && !(wanted && e->ready))
		close_entry(v, i);
	if (wanted && !e->ready)
		e->allowed = vpci_message_set(v, v->msix.first + i, &message, &e->changed_at);
	else if (wanted && !e->open)
		open_entry(v, i);
}

void vpci_msix_update_all(struct vpci_dev *v)
{
	for (unsigned int i = 0; i < v->msix.entries; i++)
		update(v, i);
}

void vpci_msix_commit(struct vpci_dev *v, const struct vpci_flush *flush)
{
	for (unsigned int i = 0; i < v->msix.entries; i++) {
		struct vpci_msix_entry *e = vpci_msix_entry(v, i);

		/* Unmasked: its last change says what address and data say now. */
		if (!is_wanted(v, e) || e->ready || !e->allowed ||
		    !vpci_flushed(flush, v->msix.first + i, e->changed_at))
			continue;
		e->ready = true;
		update(v, i);
	}
}

void vpci_msix_clear(struct vpci_dev *v)
{
	for (unsigned int i = 0; i < v->msix.entries; i++)
		*vpci_msix_entry(v, i) = (struct vpci_msix_entry){ .control = PCI_MSIX_ENTRY_MASKED };
}

/* ---- the guest's accesses ---- */

static bool in_table(const struct vpci_msix *m, unsigned int bar, u64 at)
{
	return bar == m->bar && at - m->table < (u64)m->entries * PCI_MSIX_ENTRY_SIZE;
}

/* The byte `at` of the table, as the guest wrote it. */
static u8 table_byte(struct vpci_dev *v, u64 at) REQUIRES(pci_vpci_class)
{
	const struct vpci_msix_entry *e = vpci_msix_entry(v, (unsigned int)(at / PCI_MSIX_ENTRY_SIZE));
	const u64 half[2] = { e->address, e->data | (u64)e->control << 32 };

	return (u8)(half[at / 8 % 2] >> (8 * (at % 8)));
}

static void write_register(struct vpci_msix_entry *e, unsigned int which, u32 value)
{
	switch (which) {
	case PCI_MSIX_ENTRY_ADDRESS:
		e->address = (e->address & ~(u64)0xffffffffu) | (value & ~3u);
		break;
	case PCI_MSIX_ENTRY_UPPER:
		e->address = (e->address & 0xffffffffu) | (u64)value << 32;
		break;
	case PCI_MSIX_ENTRY_DATA:
		e->data = value;
		break;
	default: /* vector control: the reserved bits are 0 */
		e->control = value & PCI_MSIX_ENTRY_MASKED;
		break;
	}
}

/* An aligned dword or quadword of the table. */
static void write_table(struct vpci_dev *v, u64 at, unsigned int size, u64 value) REQUIRES(pci_vpci_class)
{
	unsigned int i = (unsigned int)(at / PCI_MSIX_ENTRY_SIZE), first = at % PCI_MSIX_ENTRY_SIZE;
	struct vpci_msix_entry *e = vpci_msix_entry(v, i);
	struct pci_message before = asked(e);

	for (unsigned int done = 0; done < size; done += 4)
		write_register(e, first + done, (u32)(value >> (8 * done)));
	if (e->address != before.address || e->data != before.data)
		e->ready = false;
	update(v, i);
}

static u64 read_hardware(const u8 *at, unsigned int size)
{
	switch (size) {
	case 1:
		return mmio_read8(at);
	case 2:
		return mmio_read16(at);
	case 4:
		return mmio_read32(at);
	default:
		return mmio_read64(at);
	}
}

static void write_hardware(u8 *at, unsigned int size, u64 value)
{
	switch (size) {
	case 1:
		mmio_write8(at, (u8)value);
		break;
	case 2:
		mmio_write16(at, (u16)value);
		break;
	case 4:
		mmio_write32(at, (u32)value);
		break;
	default:
		mmio_write64(at, value);
		break;
	}
}

/* The largest aligned access that begins there: all of it, if it is aligned itself. */
static unsigned int aligned_part(u64 at, unsigned int left)
{
	unsigned int size = 8;

	while (size > left || at % size)
		size /= 2;
	return size;
}

/*
 * Of the table, only aligned dwords and quadwords may be accessed (7.7.2: others are undefined). Others are
 * read as they stand, and not written. The table begins and ends at a multiple of 8, so that no aligned access is in it
 * with a part only; one that is not aligned is taken apart.
 */
void vpci_msix_access(struct vpci_dev *v, unsigned int bar, u64 at, unsigned int size, bool write, u64 *value)
{
	const struct vpci_msix *m = &v->msix;
	bool aligned = (size == 4 || size == 8) && at % size == 0;
	u64 read = 0;

	if (write && aligned && in_table(m, bar, at)) {
		write_table(v, at - m->table, size, *value);
		return;
	}
	for (unsigned int done = 0, n; done < size; done += n) {
		bool table = in_table(m, bar, at + done);

		n = table ? 1 : aligned_part(at + done, size - done);
		if (write && !table)
			write_hardware(hardware(v, bar, at + done), n, *value >> (8 * done));
		else if (!write && table)
			read |= (u64)table_byte(v, at + done - m->table) << (8 * done);
		else if (!write)
			read |= read_hardware(hardware(v, bar, at + done), n) << (8 * done);
	}
	if (!write)
		*value = read;
}

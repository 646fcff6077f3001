/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Command register (PCIe base spec 6.0, 7.5.1.1.3). Its I/O and memory enables put BARs into the
 * guest's map and take them out; on bridges nothing of it reaches the hardware, because what is behind a
 * bridge must stay reachable.
 */
#include "core/log.h"
#include "drivers/pci/regs.h"
#include "drivers/vpci/row.h"

#define DECODE (PCI_COMMAND_IO | PCI_COMMAND_MEMORY)
/*
 * Bits that go to a device as the guest writes them. Special cycles, VGA snooping, stepping and fast
 * back-to-back are bus matters.
 */
#define PASSED                                                                              \
	(PCI_COMMAND_BUS_MASTER | PCI_COMMAND_MWI | PCI_COMMAND_PARITY | PCI_COMMAND_SERR | \
	 PCI_COMMAND_INTX_DISABLE)
#define SHADOWED (PASSED | PCI_COMMAND_SPECIAL | PCI_COMMAND_VGA_SNOOP | PCI_COMMAND_FAST_B2B)

static u32 read_command(struct vpci_dev *v, const struct vpci_row *row) REQUIRES(pci_vpci_class)
{
	return (pci_dev_read(v->dev, row->offset, 2) & ~DECODE) | v->decode;
}

static void write_command(struct vpci_dev *v, struct vpci_row *row, u32 value, u32 mask)
	REQUIRES(pci_vpci_class)
{
	u32 old = pci_dev_read(v->dev, row->offset, 2);
	u32 decode = vpci_merge(v->decode, value, mask & DECODE);
	u32 command = (vpci_merge(old, value, mask & PASSED) & ~DECODE) | (decode & v->decode_allowed);
	u32 before = command | (old & DECODE);

	if (command & ~old & DECODE)
		vpci_restore_bars(v);
	/*
	 * Decoding goes on before the guest can reach the BARs, and off (vpci_decode_off) when it no longer
	 * can.
	 */
	if (before != old)
		pci_dev_write(v->dev, row->offset, 2, before);
	v->decode = (u16)decode;
	v->decode_off = (u16)(before & ~command);
	if (decode & PCI_COMMAND_MEMORY)
		vpci_msix_in_reach(v);
	vpci_wish(v);
}

void vpci_decode_off(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	u16 off = v->decode_off;
	u32 old;

	v->decode_off = 0;
	if (v->closing)
		return; /* the device is another's business now */
	vpci_rom_off(v);
	if (!off)
		return;
	old = pci_dev_read(v->dev, PCI_COMMAND, 2);
	if (old & off)
		pci_dev_write(v->dev, PCI_COMMAND, 2, old & ~(u32)off);
}

static const struct vpci_row_ops command_ops = { read_command, write_command };

static u32 read_shadow(struct vpci_dev *v, const struct vpci_row *row) REQUIRES(pci_vpci_class)
{
	return row->value | v->decode;
}

static void write_shadow(struct vpci_dev *v, struct vpci_row *row, u32 value, u32 mask)
	REQUIRES(pci_vpci_class)
{
	row->value = vpci_merge(row->value, value, mask & SHADOWED);
	v->decode = (u16)vpci_merge(v->decode, value, mask & DECODE);
	vpci_wish(v);
}

static const struct vpci_row_ops shadow_ops = { read_shadow, write_shadow };

/*
 * A BAR that firmware left at 0 must not be switched on at 0. If firmware itself left decoding on beside
 * such a BAR, that works on this machine and stays allowed.
 */
static u16 allowed_decode(const struct vpci_dev *v, u16 command) REQUIRES(pci_vpci_class)
{
	u16 allowed = DECODE;

	for (unsigned int i = 0; i < PCI_ROM_BAR; i++) {
		const struct vpci_bar *bar = &v->bar[i];

		if (bar->present && !bar->host)
			allowed &= (u16)~(bar->io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY);
	}
	return (u16)(allowed | (command & DECODE));
}

int vpci_build_command(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	u16 command = (u16)pci_dev_read(v->dev, PCI_COMMAND, 2);
	struct vpci_row row = { .offset = PCI_COMMAND, .length = 2, .ops = &command_ops };

	v->decode = command & DECODE;
	v->decode_allowed = allowed_decode(v, command);
	if (v->chipset) {
		row.ops = &shadow_ops;
		row.value = command & (u32)~DECODE;
	}
	/*
	 * The guest's devices behind a bridge could not reach memory without it; the IOMMU decides what
	 * they reach.
	 */
	if (v->dev->header_type == PCI_HEADER_BRIDGE && !(command & PCI_COMMAND_BUS_MASTER))
		pci_dev_write(v->dev, PCI_COMMAND, 2, command | PCI_COMMAND_BUS_MASTER);
	return vpci_add_row(v, &row);
}

void vpci_function_reset(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	v->decode = 0;
	v->asleep = false;
	v->bar[PCI_ROM_BAR].flags = 0;
	for (unsigned int i = 0; i <= PCI_ROM_BAR; i++) {
		v->bar[i].complained = false;
		v->bar[i].guest = 0;
	}
	v->decode_off = 0; /* the reset does it */
	v->rom_off = false;
	vpci_wish(v);
	vpci_msi_reset(v);
	vpci_msix_reset(v);
	atomic_fetch_or(&v->dev->flags, PCI_FLAG_BUSY);
}

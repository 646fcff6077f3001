/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O BARs and the bounds of memory BARs.
 *
 * Ports are the guest's without an exit as long as a BAR stands where firmware put it. A BAR that the guest moved is reached through a
 * claim that forwards each access; the ports of a BAR that is switched off answer all-ones, so that nothing is reached by accident.
 */
#include "arch/x86/pci_ports.h"

#include "arch/x86/cpu.h"
#include "arch/x86/pio.h"
#include "boot/boot_info.h"
#include "core/errno.h"

#define LEGACY_TOP 0x100000u /* below 1 MiB: firmware, VGA, option ROMs; no BAR */

static u32 port_in(u16 port, unsigned int size)
{
	return size == 1 ? inb(port) : size == 2 ? inw(port) : inl(port);
}

static void port_out(u16 port, unsigned int size, u32 value)
{
	if (size == 1)
		outb(port, (u8)value);
	else if (size == 2)
		outw(port, (u16)value);
	else
		outl(port, value);
}

/* ctx: what to add to the guest's port to reach the device's, modulo 2^16. */
static void forward_port(void *ctx, u16 port, unsigned int size, bool write, u32 *value)
{
	u16 host = (u16)(port + (u16)(uintptr_t)ctx);

	if (write)
		port_out(host, size, *value);
	else
		*value = port_in(host, size);
}

static void closed_port(void *ctx UNUSED, u16 port UNUSED, unsigned int size UNUSED, bool write, u32 *value)
{
	if (!write)
		*value = ~0u;
}

static int map_ports(void *ctx UNUSED, u16 port, u16 host, u32 size, bool on)
{
	uintptr_t shift = (u16)(host - port);
	int ret;

	if (size > 0x10000u - port || size > 0x10000u - host)
		return -EINVAL;
	/* Only what an I/O BAR has claimed before: a guest may point one at any port, a reset or configuration port among them. */
	if (pio_claimed_by(port, forward_port) || pio_claimed_by(port, closed_port)) {
		ret = pio_release(port);
		if (ret && ret != -ENOENT) /* -ENOENT: in the middle of one; then the claim below says -EEXIST */
			return ret;
	}
	if (on && !shift)
		return 0;
	if (on)
		return pio_claim(port, (u16)size, forward_port, (void *)shift, "moved I/O BAR");
	if (shift)
		return 0; /* nothing stands there any more: an open port reaches no device of Fairlead's */
	ret = pio_claim(port, (u16)size, closed_port, NULL, "disabled I/O BAR");
	return ret == -EEXIST ? 0 : ret; /* a BAR that the guest has moved here answers in its place */
}

static bool hits(gpa_t gpa, u64 size, paddr_t base, u64 length)
{
	return base && ranges_overlap(gpa, size, base, length);
}

static bool may_map(void *ctx UNUSED, gpa_t gpa, u64 size)
{
	if (gpa < LEGACY_TOP || memmap_touches(&boot_info.memmap, gpa, size))
		return false;
	if (hits(gpa, size, boot_info.acpi.lapic_base, PAGE_SIZE) || hits(gpa, size, boot_info.acpi.hpet_base, PAGE_SIZE))
		return false;
	for (unsigned int i = 0; i < boot_info.acpi.ioapics; i++) {
		if (hits(gpa, size, boot_info.acpi.ioapic[i].base, PAGE_SIZE))
			return false;
	}
	for (struct iommu *iommu = iommu_first(); iommu; iommu = iommu->next) {
		if (hits(gpa, size, iommu->registers, iommu->registers_size))
			return false;
	}
	for (unsigned int i = 0; i < guest.regions; i++) {
		if (hits(gpa, size, guest.region[i].base, guest.region[i].size))
			return false;
	}
	return true;
}

const struct vpci_platform x86_vpci_platform = { .map_ports = map_ports, .may_map = may_map };

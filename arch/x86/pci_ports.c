/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O BARs and the bounds of memory BARs.
 *
 * Ports are the guest's without an exit as long as a BAR stands where firmware put it. A BAR that the guest
 * moved is reached through a claim that forwards each access; the ports of a BAR that is switched off
 * answer all-ones, so that nothing is reached by accident.
 */
#include "arch/x86/pci_ports.h"

#include "arch/x86/cpu.h"
#include "arch/x86/pio.h"
#include "boot/boot_info.h"
#include "core/errno.h"
#include "core/log.h"

#define AWAY_MAX 128 /* I/O BARs that are not at home, at once */
#define LEGACY_TOP 0x100000u /* below 1 MiB: firmware, VGA, option ROMs; no BAR */

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

/* Has somebody else than an I/O BAR claimed one of these ports: platform policy, a hidden device? */
static bool any_taken(u16 first, u32 size)
{
	for (u32 i = first; i < first + size; i++) {
		u16 port = (u16)i;

		if ((pio_bitmap[port / 8] >> port % 8 & 1) && !pio_claimed_by(port, forward_port) &&
		    !pio_claimed_by(port, closed_port))
			return true;
	}
	return false;
}

/*
 * Ends the claim of an I/O BAR, and of nobody else: a guest may point a BAR at any port, a reset or
 * configuration port among them. A claim that only has the port in its middle stays, and the new one fails
 * with -EEXIST.
 */
static void release_bar(u16 port, pio_fn kind)
{
	if (pio_claimed_by(port, kind))
		(void)pio_release(port);
}

/* ---- homes of BARs that are not there: what the device decodes and the guest must not reach ---- */

static struct home {
	u16 port;
	u32 size; /* 0: free */
} away[AWAY_MAX]; /* vPCI changes the map under one lock */

static struct home *find_away(u16 port, u32 size)
{
	for (unsigned int i = 0; i < AWAY_MAX; i++) {
		if (away[i].size == size && (!size || away[i].port == port))
			return &away[i];
	}
	return NULL;
}

static int close_home(u16 port, u32 size)
{
	struct home *home = find_away(port, size);
	int ret;

	if (!home)
		home = find_away(0, 0);
	if (!home)
		return -ENOSPC;
	*home = (struct home){ port, size };
	ret = pio_claim(port, (u16)size, closed_port, NULL, "disabled I/O BAR");
	return ret == -EEXIST ? 0 : ret; /* a BAR that the guest has moved here answers in its place */
}

static void open_home(u16 port, u32 size)
{
	struct home *home = find_away(port, size);

	if (home)
		home->size = 0;
	release_bar(port, closed_port);
}

/* A moved BAR has left: whose home this is may still be away. */
static void close_again(u16 port, u32 size)
{
	for (unsigned int i = 0; i < AWAY_MAX; i++) {
		if (away[i].size && ranges_overlap(away[i].port, away[i].size, port, size) &&
		    close_home(away[i].port, away[i].size))
			log_error("pci: ports 0x%x cannot be closed", away[i].port);
	}
}

static int map_moved(u16 port, u16 host, u32 size)
{
	uintptr_t shift = (u16)(host - port);
	int ret;

	/* Forwarding goes past the claims, so it must not lead to a claimed port by another number. */
	if (any_taken(host, size))
		return -EACCES;
	if (any_taken(port, size))
		return -EEXIST;
	ret = close_home(host, size);
	if (ret)
		return ret;
	release_bar(port, closed_port); /* of a BAR that is not at home: who stands there now answers */
	return pio_claim(port, (u16)size, forward_port, (void *)shift, "moved I/O BAR");
}

static int map_ports(void *ctx UNUSED, u16 port, u16 host, u32 size, bool on)
{
	if (!size || size > 0x10000u - port || size > 0x10000u - host)
		return -EINVAL;
	if (port != host && on)
		return map_moved(port, host, size);
	if (port != host) {
		release_bar(port, forward_port);
		close_again(port, size);
		return 0;
	}
	if (!on)
		return close_home(port, size);
	open_home(port, size);
	return 0;
}

static bool hits(gpa_t gpa, u64 size, paddr_t base, u64 length)
{
	return base && ranges_overlap(gpa, size, base, length);
}

static bool may_map(void *ctx UNUSED, gpa_t gpa, u64 size)
{
	if (gpa < LEGACY_TOP)
		return false;
	if (hits(gpa, size, boot_info.acpi.lapic_base, PAGE_SIZE) ||
	    hits(gpa, size, boot_info.acpi.hpet_base, PAGE_SIZE))
		return false;
	for (unsigned int i = 0; i < boot_info.acpi.ioapics; i++) {
		if (hits(gpa, size, boot_info.acpi.ioapic[i].base, PAGE_SIZE))
			return false;
	}
	return vm_may_map(&guest, &boot_info.memmap, gpa, size);
}

const struct vpci_platform x86_vpci_platform = { .map_ports = map_ports, .may_map = may_map };

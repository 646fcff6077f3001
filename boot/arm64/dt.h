/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firmware's device tree (Devicetree Specification 0.4; bindings of the Linux kernel's documentation,
 * which firmware follows): what Fairlead must know of it, and the tree that the guest gets. It is firmware's
 * word: what is malformed is refused with one line, never guessed at. Works on memory with libfdt, so the
 * host tests it.
 */
#ifndef BOOT_ARM64_DT_H
#define BOOT_ARM64_DT_H

#include "core/arch.h"
#include "core/memmap.h"
#include "core/types.h"
#include "drivers/iommu/smmuv3/smmuv3.h"

#define DT_REDISTRIBUTORS_MAX 16
#define DT_PCI_HOSTS_MAX 4
#define DT_MAP_MAX 32

/* Interrupt numbers are INTIDs of the GIC (SPI n is 32 + n, PPI n is 16 + n); 0: none. */
struct dt_range {
	paddr_t base;
	u64 size; /* bytes; 0: none */
};

enum dt_uart_kind { DT_UART_NONE, DT_UART_PL011, DT_UART_16550 };

struct dt_uart {
	enum dt_uart_kind kind;
	struct dt_range registers;
	unsigned int reg_shift; /* 16550: registers stand 1 << reg_shift bytes apart, */
	unsigned int reg_width; /* each accessed with that many bytes (1, 2, 4) */
	u32 intid;
	bool level;
};

/* One entry of msi-map: requester IDs [first, first + count) have ITS DeviceIDs device_id + (rid - first). */
struct dt_msi_map {
	u16 segment;
	u16 first;
	u32 count;
	u32 device_id;
};

struct dt_pci_host {
	struct dt_range ecam;
	u16 segment;
	u8 first_bus, last_bus;
};

struct dt_machine {
	/*
	 * CPUs that the tree does not disable, in its order, MPIDR_EL1's affinity fields each (Arm ARM
	 * D19.2.100).
	 */
	unsigned int cpus; /* 1 .. CPUS_MAX */
	u64 cpu_mpidr[CPUS_MAX];
	bool more_cpus; /* there are others; said in the log, and not used */
	bool psci_smc;	/* how the firmware's PSCI is called; false: HVC, which cannot be at EL2: refused */

	struct dt_range gicd;
	unsigned int redistributor_regions;
	struct dt_range gicr[DT_REDISTRIBUTORS_MAX];
	u64 gicr_stride; /* 0: as the redistributor's own GICR_TYPER says */
	u32 maintenance_intid;
	struct dt_range its; /* the first usable; size 0: none, so no MSI */
	unsigned int its_others; /* further ones: left alone, and not the guest's */

	u32 timer_physical_intid, timer_virtual_intid, timer_hypervisor_intid;
	struct dt_uart uart; /* that of /chosen's stdout-path */

	unsigned int pci_hosts;
	struct dt_pci_host pci_host[DT_PCI_HOSTS_MAX];
	unsigned int msi_maps;
	struct dt_msi_map msi_map[DT_MAP_MAX];

	struct smmu_firmware smmu;
};

/*
 * Reads the tree at `dtb`, of which at most `limit` bytes are memory. 0; after one log_error that names the
 * node or property: -EINVAL: malformed; -EOPNOTSUPP: a machine that Fairlead cannot run on (GICv2, PSCI by
 * HVC, no PSCI, ...).
 */
int MUST_CHECK dt_read_machine(const void *dtb, size_t limit, struct dt_machine *out);
/* Its size in bytes, once it was read. */
size_t dt_size(const void *dtb);
/*
 * The CPU with that affinity, on which Fairlead runs, becomes the first. -EINVAL after one log_error: the
 * tree does not name it.
 */
int MUST_CHECK dt_boot_cpu_first(struct dt_machine *machine, u64 mpidr);
/*
 * The UART whose registers begin at `base` instead of stdout-path's. The tree was read. -EINVAL as above;
 * none there: a warning.
 */
int MUST_CHECK dt_choose_uart(const void *dtb, paddr_t base, struct dt_machine *machine);
/* The DeviceID of a requester at the ITS. False: the tree maps it to none. Pure. */
bool MUST_CHECK dt_device_id(const struct dt_machine *dt, u16 segment, u16 rid, u32 *device_id);

/*
 * The GICv2m frame that the guest's messages go to: its page and its INTIDs, behind the hardware's SPIs.
 * count 0: no messages.
 */
struct vgic_frame {
	paddr_t base;
	u32 first, count;
};

/* What the guest's tree is made from. */
struct dt_guest {
	const struct dt_machine *machine;
	const struct memmap *memmap; /* final: its RAM is the guest's memory, and nothing else is */
	const char *cmdline;
	paddr_t initrd; /* initrd_size 0: none */
	u64 initrd_size;
	unsigned int cpus; /* how many of machine->cpu_mpidr, from the first, the guest gets */
	struct vgic_frame frame;
};
/*
 * Makes the guest's tree in buffer[size] (8-byte aligned) from the firmware's, which dt_read_machine() has
 * accepted: devices that the guest does not get and all that refers to SMMU and ITS out; each msi-map to a
 * GICv2m frame under the GIC node; memory from the map; /chosen; PSCI by HVC; the CPUs; bus numbers and BARs
 * stay the firmware's (linux,pci-probe-only). Says at LOG_INFO what is left out. -ENOSPC: the buffer is too
 * small; -EINVAL; both after a log_error. Boot.
 */
int MUST_CHECK dt_build_guest(const void *firmware, const struct dt_guest *guest, void *buffer, size_t size);
/* So much is enough for a firmware tree of that size. */
size_t dt_guest_size(size_t firmware_size);
/*
 * Registers of devices that the last tree built shows to the guest and nobody emulates (not the GIC, the
 * console's UART, ECAM), whole pages. index from 0; false: no more. Any context after boot.
 */
bool dt_guest_registers(unsigned int index, struct dt_range *out);

#endif

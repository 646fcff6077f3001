/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI: addressing, configuration access, and the device objects.
 *
 * A device is a `struct pci_dev` with a reference count. A reference keeps the object valid *and* entitles
 * its holder to touch the device. Every long-lived pointer to a device is a reference. (The rules:
 * docs/design, "PCI objects".)
 */
#ifndef DRIVERS_PCI_H
#define DRIVERS_PCI_H

#include "core/lock.h"
#include "core/refcnt.h"
#include "core/types.h"

/* Segment, bus, device, function. The low 16 bits are the requester ID (PCIe base spec 6.0, 2.2.6.2). */
struct sbdf {
	u16 segment;
	u16 bdf; /* bus 15:8, device 7:3, function 2:0 */
};

#define PCI_BDF(bus, dev, fn) ((u16)(((bus) << 8) | ((dev) << 3) | (fn)))
#define PCI_BUS(bdf) ((u8)((bdf) >> 8))
#define PCI_DEV(bdf) ((u8)(((bdf) >> 3) & 0x1f))
#define PCI_FN(bdf) ((u8)((bdf) & 7))

/* For printing: log_info("%04x:%02x:%02x.%x", SBDF_ARGS(sbdf)) */
#define SBDF_FMT "%04x:%02x:%02x.%x"
#define SBDF_ARGS(s) (unsigned int)(s).segment, PCI_BUS((s).bdf), PCI_DEV((s).bdf), PCI_FN((s).bdf)

/*
 * ---- configuration access
 * ----------------------------------------------------------------------------------
 */

#define PCI_CFG_SIZE 256u
#define PCIE_CFG_SIZE 4096u

/*
 * One way to reach configuration space. offset + size never crosses a dword (the callers split); size is 1,
 * 2 or 4. A read of what is not there gives all-ones of that size, as hardware does; a write is dropped.
 */
struct pci_cfg_ops {
	const char *name;
	u32 (*read)(void *ctx, struct sbdf sbdf, unsigned int offset, unsigned int size);
	void (*write)(void *ctx, struct sbdf sbdf, unsigned int offset, unsigned int size, u32 value);
	/* True if this way reaches that function at that offset (CF8/CFC: segment 0, offset < 256). */
	bool (*reaches)(void *ctx, struct sbdf sbdf, unsigned int offset);
};

/*
 * Registers a way; earlier registrations are preferred. At most 2. Boot. -ENOSPC. ctx must outlive
 * everything.
 */
int MUST_CHECK pci_cfg_register(const struct pci_cfg_ops *ops, void *ctx);
/*
 * Raw access by address, for enumeration and for reading what firmware set up. Any offset+size within one
 * dword, else -EINVAL is answered as all-ones / dropped. Boot and exit path; takes the config-access (leaf)
 * lock where the way needs it.
 */
u32 pci_cfg_read(struct sbdf sbdf, unsigned int offset, unsigned int size);
void pci_cfg_write(struct sbdf sbdf, unsigned int offset, unsigned int size, u32 value);

/* ECAM (PCIe base spec 6.0, 7.2.2), from the MCFG table (PCI Firmware spec 3.3, 4.1.2). */
struct ecam_window {
	paddr_t base; /* of bus 0 of the segment, whether or not bus 0 is in the window: as MCFG states it */
	u16 segment;
	u8 first_bus, last_bus;
};
#define ECAM_WINDOWS_MAX 8
/*
 * Parses an MCFG table (already length- and checksum-checked by the ACPI code; length is its whole length)
 * and registers ECAM. Returns the number of windows. -EINVAL with a log line naming MCFG: malformed (short,
 * no entries, overlapping, bus range reversed, base unaligned or wrapping).
 */
int MUST_CHECK pci_ecam_init(const void *mcfg, size_t length);
unsigned int pci_ecam_windows(const struct ecam_window **windows);

/*
 * ---- device objects
 * ------------------------------------------------------------------------------------------
 */

enum pci_state { PCI_NEW, PCI_LIVE, PCI_DYING, PCI_RELEASING };

enum pci_owner { PCI_OWNER_QUARANTINE, PCI_OWNER_GUEST, PCI_OWNER_FAIRLEAD };

enum pci_flag { /* bits of pci_dev.flags */
	PCI_FLAG_GONE = 1,   /* physically vanished: accessors give all-ones and touch nothing */
	PCI_FLAG_BROKEN = 2,
	PCI_FLAG_BUSY = 4,   /* a reset runs: all-ones are no sign of a vanished device */
	PCI_FLAG_HIDDEN = 8, /* the configuration keeps it from the guest */
};

/* Who holds a reference, and why. PARENT: each device, on the bridge above it. */
enum pci_ref_kind {
	PCI_REF_BASE,
	PCI_REF_OWNER,
	PCI_REF_VPCI,
	PCI_REF_MSI,
	PCI_REF_ATS,
	PCI_REF_PF,
	PCI_REF_PARENT,
	PCI_REF_TRANSIENT,
	PCI_REF_KINDS
};

enum pci_bar_type {
	PCI_BAR_NONE,
	PCI_BAR_IO,
	PCI_BAR_MEM32,
	PCI_BAR_MEM64,
	PCI_BAR_MEM64_HIGH /* upper half of the one before */
};

struct pci_bar {
	enum pci_bar_type type;
	bool prefetchable;
	paddr_t base; /* where firmware put it; 0: not assigned */
	u64 size;     /* bytes, a power of two; 0: not implemented */
};

#define PCI_BARS 6
#define PCI_ROM_BAR 6 /* index of the expansion ROM in pci_dev.bar[] */

struct vpci_dev; /* drivers/vpci: the guest's view */

struct pci_dev {
	struct refcnt refs;
#ifdef FL_DEBUG
	_Atomic u32 refs_by_kind[PCI_REF_KINDS]; /* their sum is refs */
#endif
	struct spinlock lock; /* guards state, owner, flags */
	_Atomic u32 state;    /* enum pci_state; readers without the lock load it */
	struct sbdf sbdf;
	u16 vendor, device, subsystem_vendor, subsystem;
	u32 class_code; /* 23:16 base class, 15:8 subclass, 7:0 programming interface */
	u8 revision;
	u8 header_type; /* 0 endpoint, 1 bridge, 2 CardBus; multi-function bit removed */
	bool multifunction;
	bool is_pcie;	 /* has the PCI Express capability */
	u8 pcie_type;	 /* device/port type of PCI Express Capabilities (PCIe 7.5.3.2), if is_pcie */
	u16 pcie_cap;	 /* offset of that capability, 0: none */
	u16 cfg_size;	 /* 256, or 4096 if extended space answers */
	u8 secondary_bus, subordinate_bus; /* bridges: cached when the object was made, never read again */
	struct pci_dev *parent;		   /* the bridge above (a reference); NULL: root bus */
	_Atomic u32 flags;
	enum pci_owner owner;
	struct pci_bar bar[PCI_BARS + 1];
	struct spinlock vpci_lock; /* guards vpci and what it points to, and outlives it */
	struct vpci_dev *vpci;	   /* NULL: the guest does not see the device */
	struct pci_dev *next;	   /* all devices in bus/device/function order (written at boot) */
};

/* Boot: pools for `max` devices. -ENOMEM. */
int MUST_CHECK pci_objects_init(unsigned int max);
/*
 * Finds every function below every root bus and makes an object of each: state LIVE, owner QUARANTINE.
 * Bridges with unset, reversed or looping bus numbers are logged and not entered. A bus that no bridge
 * leads to is scanned as another root bus. Sizes BARs with decoding off for the moment it takes and
 * everything restored; functions of class 06 other than PCI-PCI bridges (host and ISA bridges) are never
 * disturbed: their bar[] stay PCI_BAR_NONE. Changes nothing else. Boot, single CPU, nobody else using the
 * devices' registers meanwhile. Returns the number of functions; -ENOMEM: the pool is too small; -ENODEV:
 * nothing reaches configuration space, or nothing is there.
 */
int MUST_CHECK pci_enumerate(void);
/* Lookup as pci-objects.md has it: no lock, O(1). A TRANSIENT reference, or NULL. Boot and exit path. */
struct pci_dev *pci_dev_find(struct sbdf sbdf);
void pci_dev_get(struct pci_dev *dev, enum pci_ref_kind kind); /* caller already holds one */
void pci_dev_put(struct pci_dev *dev, enum pci_ref_kind kind);
/*
 * Walk all devices at boot: first, then next. Borrowed pointers: valid while nothing is removed (this
 * version removes nothing after boot).
 */
struct pci_dev *pci_dev_first(void);
/* Moves to another owner; takes dev->lock. -EBUSY unless LIVE. */
int MUST_CHECK pci_dev_set_owner(struct pci_dev *dev, enum pci_owner owner);

/*
 * Access through an object: all-ones / dropped when GONE. A read of the vendor ID that gives all-ones sets
 * GONE and logs it.
 */
u32 pci_dev_read(struct pci_dev *dev, unsigned int offset, unsigned int size);
void pci_dev_write(struct pci_dev *dev, unsigned int offset, unsigned int size, u32 value);

/* Offset of a capability, 0: none. Bounded: survives loops and pointers into the header. */
unsigned int pci_find_cap(struct pci_dev *dev, u8 id);
unsigned int pci_find_ext_cap(struct pci_dev *dev, u16 id);
/*
 * Calls fn for each capability of the list once, in list order, until it returns non-zero, which is
 * returned.
 */
typedef int (*pci_cap_fn)(struct pci_dev *dev, unsigned int offset, u16 id, unsigned int version, void *ctx);
int pci_for_each_cap(struct pci_dev *dev, pci_cap_fn fn, void *ctx);
int pci_for_each_ext_cap(struct pci_dev *dev, pci_cap_fn fn, void *ctx);

/*
 * Clears Bus Master Enable of an endpoint (never of a bridge) and reads back, so that the write has
 * arrived. Boot.
 */
void pci_dev_stop_dma(struct pci_dev *dev);
/* One line a device for --probe and the boot log: SBDF, IDs, class, BARs. */
void pci_log_tree(void);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Function reset on change of owner: FLR, else a trip through the D3hot power state, else the secondary bus
 * when the device is alone on it. A reset takes up to seconds, so it is a state machine on a timer; the
 * device is BUSY meanwhile. What software had set up in the header and the standard capabilities is saved
 * before and written back after, so that BARs decode where firmware put them.
 */
#ifndef DRIVERS_PCI_RESET_H
#define DRIVERS_PCI_RESET_H

#include "core/timer.h"
#include "drivers/pci/pci.h"
#include "drivers/pci/sriov.h"

enum pci_reset_method { PCI_RESET_NONE, PCI_RESET_FLR, PCI_RESET_AF_FLR, PCI_RESET_PM, PCI_RESET_BUS };
const char *pci_reset_method_name(enum pci_reset_method method); /* "FLR"... */

/*
 * The best method this device has; PCI_RESET_NONE: none. why (may be NULL) then names what is missing, in
 * one clause.
 */
enum pci_reset_method pci_reset_method(struct pci_dev *dev, struct pci_reason *why);

#define PCI_RESET_REBARS 6
/* What software had set up, as it was. */
struct pci_saved {
	u32 header[16];
	u16 device_control, device_control2, link_control;
	u32 rebar[PCI_RESET_REBARS]; /* Resizable BAR Control */
	struct pci_sriov_saved sriov;
};

struct pci_reset {
	struct pci_dev *dev; /* the starter's WORK reference, for as long as it runs */
	enum pci_reset_method method;
	/*
	 * 0; -ETIMEDOUT: it did not come back; -EIO: it came back, but its BARs do not hold their addresses
	 * (both: it is BROKEN); -ENODEV: it is GONE. On the exit path, no lock.
	 */
	void (*done)(struct pci_reset *r, int result);
	/* The rest is the state machine's. */
	struct timer timer;
	unsigned int step;
	u64 deadline_us;
	u32 wait_us; /* the next pause between two looks */
	u16 cap;     /* of the method */
	u16 pm_cap;
	struct pci_saved saved;
};
/*
 * Starts; the caller has claimed the device and filled dev and done. Waits for pending transactions first
 * (Device Status, at most 1 s; then resets all the same, with a warning). 0: `done` will be called, never
 * from within this call. -EOPNOTSUPP: no method and no reset=none; -ENODEV: GONE; -EBUSY: it has virtual
 * functions, which would go with it. With reset=none and no method: only bus mastering and decoding go off,
 * done(0) follows.
 */
int MUST_CHECK pci_reset_start(struct pci_reset *r);

#endif

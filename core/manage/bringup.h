/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The steps of start-up that are the same on every machine: the architecture's arch_start() calls them in the order that its own
 * steps need. There is nobody left to return an error to: a step that fails ends in panic(). Boot, after ExitBootServices.
 */
#ifndef CORE_BRINGUP_H
#define CORE_BRINGUP_H

#include "core/memmap.h"
#include "core/vm.h"
#include "drivers/pci/pci.h"
#include "drivers/vpci/vpci.h"

/* panic() unless `ret` is 0: "`what`: error ..." */
void must(int ret, const char *what);

/* What Fairlead runs in and what is whose: the first lines of the log. */
void bringup_log_memory(const struct memmap *map, paddr_t image);
/* A trace ring for each CPU. */
void bringup_trace(unsigned int cpus);
/* Every device stops writing to memory; the guest's drivers switch bus mastering on again. */
void bringup_quiesce_devices(void);
/*
 * With vm's empty second-stage table: IOMMUs on and the guest's DMA domain, or the warning that there is none (`why`: "off"); then the
 * memory map in both tables.
 */
void bringup_map_guest(struct vm *vm, const struct memmap *map, const char *why);
/* Takes the pages of [base, base + size) out of the guest's map: firmware likes to list registers as reserved memory. Size 0: nothing. */
void bringup_cut(struct vm *vm, paddr_t base, u64 size);
/* That, for ECAM and the IOMMUs. */
void bringup_cut_registers(struct vm *vm);
/*
 * Virtual PCI, management, and each device to the guest or, with a line that says why, into quarantine; `hide` is called for those
 * (NULL: nothing more is to do).
 */
void bringup_give_devices(struct vm *vm, const struct vpci_platform *platform, const struct memmap *map,
			  void (*hide)(struct pci_dev *dev));

#endif

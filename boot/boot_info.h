/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything that the EFI application hands to the hypervisor: the border between boot/ (which talks to
 * firmware) and arch/ and core/ (which have the machine for themselves).
 */
#ifndef BOOT_BOOT_INFO_H
#define BOOT_BOOT_INFO_H

#include "boot/arm64/dt.h"
#include "boot/config.h"
#include "boot/x86/acpi.h"
#include "core/memmap.h"

struct boot_info {
	struct config config;
	struct memmap memmap;	     /* final: the map that ExitBootServices accepted, with ours retyped */
	paddr_t image_base;	     /* the loaded application */
	u64 image_size;
	paddr_t pool_base;	     /* the contiguous block for core/pages */
	u64 pool_size;
	paddr_t panic_record;	     /* one reserved page that survives a warm reset; 0: none to be had */
	paddr_t rsdp;		     /* firmware's root pointer */
	paddr_t guest_rsdp;	     /* the filtered tables' */
	paddr_t guest_madt;	     /* the copy among them; 0: none */
	paddr_t trampoline;	     /* x86: TRAMPOLINE_SIZE bytes below 640 KiB, ours; 0: none to be had, one CPU */
	struct acpi_machine acpi;    /* what the tables say about ports, timers and CPUs */
	paddr_t kernel_entry;	     /* where the guest's first instruction is (x86: 64-bit entry point) */
	struct dt_machine dt;	     /* arm64: what the device tree says */
	paddr_t firmware_tree;	     /* arm64: firmware's device tree, */
	u64 firmware_tree_size;	     /* bytes */
	struct vgic_frame frame;     /* arm64: where the guest's messages go */
	paddr_t boot_params;	     /* x86: the zero page, complete; arm64: device tree */
	paddr_t guest_tables;	     /* x86: GUEST_TABLES_SIZE bytes for first page tables and GDT, zeroed */
	u64 tsc_at_entry;	     /* counter when the firmware started us, for measurements */
};

#define GUEST_TABLES_SIZE 0x10000

#define TRAMPOLINE_SIZE (2 * PAGE_SIZE)

extern struct boot_info boot_info;

#endif

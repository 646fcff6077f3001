/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first 64 bytes of configuration space, from PCI Express Base Specification 6.0, 7.5.1, and the policy
 * for a guest: a device's own bits are the guest's to set, address registers are the guest's own while the
 * hardware's stay, and of bridges and class 06 (docs/design/platform-policy.md) the hardware is told nothing.
 */
#ifndef TESTS_SPEC_PCI_HEADER_H
#define TESTS_SPEC_PCI_HEADER_H

#include "tests/spec/spec.h"

/* 7.5.1.1, types 0 and 1, what both have alike and a guest may always see. */
static const struct spec_field spec_common_fields[] = {
	{ 0x00, 15, 0, SPEC_HW, "Vendor ID" },
	{ 0x00, 31, 16, SPEC_HW, "Device ID" },
	{ 0x08, 7, 0, SPEC_HW, "Revision ID" },
	{ 0x08, 31, 8, SPEC_HW, "Class Code" },
	{ 0x0e, 7, 0, SPEC_HW, "Header Type" },
	/* 0x0f: BIST is not offered: no self-test is started. */
	/* 7.5.1.1.4, Status; 2:0 and 6 are reserved or not used by PCI Express; 4 is the list's, below */
	{ 0x06, 0, 0, SPEC_HW, "Immediate Readiness" },
	{ 0x06, 3, 3, SPEC_HW, "Interrupt Status" },
	{ 0x06, 4, 4, SPEC_ONE, "Capabilities List" },
	{ 0x06, 5, 5, SPEC_HW, "66 MHz Capable" },
	{ 0x06, 7, 7, SPEC_HW, "Fast Back-to-Back Capable" },
	{ 0x06, 8, 8, SPEC_W1C, "Master Data Parity Error" },
	{ 0x06, 10, 9, SPEC_HW, "DEVSEL Timing" },
	{ 0x06, 11, 11, SPEC_W1C, "Signaled Target Abort" },
	{ 0x06, 12, 12, SPEC_W1C, "Received Target Abort" },
	{ 0x06, 13, 13, SPEC_W1C, "Received Master Abort" },
	{ 0x06, 14, 14, SPEC_W1C, "Signaled System Error" },
	{ 0x06, 15, 15, SPEC_W1C, "Detected Parity Error" },
};
static const struct spec_table spec_common = SPEC_TABLE("common header 7.5.1.1", 0, spec_common_fields);

/*
 * Command, 7.5.1.1.3, and what else a device's driver may set. Decoding is switched in the hardware as the
 * guest does, because these devices' registers have addresses from firmware. What belongs to a bus (special
 * cycles, palette snoop, stepping, fast back-to-back) stays as it is; reserved bits show the hardware's.
 */
static const struct spec_field spec_device_command_fields[] = {
	{ 0x04, 0, 0, SPEC_RW, "I/O Space Enable", SPEC_STILL },
	{ 0x04, 1, 1, SPEC_RW, "Memory Space Enable", SPEC_STILL },
	{ 0x04, 2, 2, SPEC_RW, "Bus Master Enable" },
	{ 0x04, 3, 3, SPEC_HW, "Special Cycle Enable" },
	{ 0x04, 4, 4, SPEC_RW, "Memory Write and Invalidate" },
	{ 0x04, 5, 5, SPEC_HW, "VGA Palette Snoop" },
	{ 0x04, 6, 6, SPEC_RW, "Parity Error Response" },
	{ 0x04, 7, 7, SPEC_HW, "IDSEL Stepping" },
	{ 0x04, 8, 8, SPEC_RW, "SERR# Enable" },
	{ 0x04, 9, 9, SPEC_HW, "Fast Back-to-Back Enable" },
	{ 0x04, 10, 10, SPEC_RW, "Interrupt Disable" },
	{ 0x04, 15, 11, SPEC_HW, "reserved" },
	{ 0x0c, 7, 0, SPEC_RW, "Cache Line Size" },
	{ 0x0d, 7, 0, SPEC_RW, "Latency Timer" },
};
static const struct spec_table spec_device_command = SPEC_TABLE("command of a device", 0,
								spec_device_command_fields);

/*
 * Of bridges and class 06 it is the guest's own: what is behind them stays reachable. Here the guest sees
 * nothing that is reserved change; IDSEL stepping and reserved bits are as they were found.
 */
static const struct spec_field spec_chipset_command_fields[] = {
	{ 0x04, 1, 0, SPEC_OWN, "I/O and Memory Space Enable" },
	{ 0x04, 2, 2, SPEC_OWN, "Bus Master Enable", SPEC_STILL }, /* on in the hardware of bridges, always */
	{ 0x04, 6, 3, SPEC_OWN, "Command" },
	{ 0x04, 10, 8, SPEC_OWN, "Command" },
	{ 0x0c, 7, 0, SPEC_OWN, "Cache Line Size" },
	{ 0x0d, 7, 0, SPEC_OWN, "Latency Timer" },
};
static const struct spec_table spec_chipset_command = SPEC_TABLE("command of a bridge", 0,
								 spec_chipset_command_fields);

/* 7.5.1.2, type 0, without the address registers. */
static const struct spec_field spec_type0_fields[] = {
	{ 0x28, 31, 0, SPEC_HW, "Cardbus CIS Pointer" },
	{ 0x2c, 15, 0, SPEC_HW, "Subsystem Vendor ID" },
	{ 0x2c, 31, 16, SPEC_HW, "Subsystem ID" },
	{ 0x3c, 7, 0, SPEC_OWN, "Interrupt Line" }, /* 7.5.1.1.12: a note of software's */
	{ 0x3d, 7, 0, SPEC_HW, "Interrupt Pin" },
	{ 0x3e, 7, 0, SPEC_HW, "Min_Gnt" },
	{ 0x3f, 7, 0, SPEC_HW, "Max_Lat" },
};
static const struct spec_table spec_type0 = SPEC_TABLE("type 0 header 7.5.1.2", 0, spec_type0_fields);

/*
 * 7.5.1.3, type 1, without address registers and optional windows. Bus numbers, windows and the bridge's
 * control are the guest's own: those of the hardware stay as firmware set them.
 */
static const struct spec_field spec_type1_fields[] = {
	{ 0x18, 7, 0, SPEC_OWN, "Primary Bus Number" },
	{ 0x19, 7, 0, SPEC_OWN, "Secondary Bus Number" },
	{ 0x1a, 7, 0, SPEC_OWN, "Subordinate Bus Number" },
	{ 0x1b, 7, 0, SPEC_OWN, "Secondary Latency Timer" },
	/* 7.5.1.3.7, Secondary Status */
	{ 0x1e, 5, 5, SPEC_HW, "66 MHz Capable" },
	{ 0x1e, 7, 7, SPEC_HW, "Fast Back-to-Back Capable" },
	{ 0x1e, 8, 8, SPEC_W1C, "Master Data Parity Error" },
	{ 0x1e, 10, 9, SPEC_HW, "DEVSEL Timing" },
	{ 0x1e, 11, 11, SPEC_W1C, "Signaled Target Abort" },
	{ 0x1e, 12, 12, SPEC_W1C, "Received Target Abort" },
	{ 0x1e, 13, 13, SPEC_W1C, "Received Master Abort" },
	{ 0x1e, 14, 14, SPEC_W1C, "Received System Error" },
	{ 0x1e, 15, 15, SPEC_W1C, "Detected Parity Error" },
	/* 7.5.1.3.8: the low four bits are read-only and 0 */
	{ 0x20, 15, 4, SPEC_OWN, "Memory Base" },
	{ 0x22, 15, 4, SPEC_OWN, "Memory Limit" },
	{ 0x3c, 7, 0, SPEC_OWN, "Interrupt Line" },
	{ 0x3d, 7, 0, SPEC_HW, "Interrupt Pin" },
	/* 7.5.1.3.13, Bridge Control: 11:0 are defined */
	{ 0x3e, 11, 0, SPEC_OWN, "Bridge Control" },
};
static const struct spec_table spec_type1 = SPEC_TABLE("type 1 header 7.5.1.3", 0, spec_type1_fields);

/* 7.5.1.3.6: the low four bits say the width, read-only; 0001b: 32 bits, with the upper halves. */
static const struct spec_field spec_io32_fields[] = {
	{ 0x1c, 3, 0, SPEC_HW, "I/O Base, capability" },
	{ 0x1c, 7, 4, SPEC_OWN, "I/O Base" },
	{ 0x1d, 3, 0, SPEC_HW, "I/O Limit, capability" },
	{ 0x1d, 7, 4, SPEC_OWN, "I/O Limit" },
	{ 0x30, 15, 0, SPEC_OWN, "I/O Base Upper 16 Bits" },
	{ 0x32, 15, 0, SPEC_OWN, "I/O Limit Upper 16 Bits" },
};
static const struct spec_table spec_io32 = SPEC_TABLE("32-bit I/O window", 0, spec_io32_fields);

/* 7.5.1.3.9 to 10 */
static const struct spec_field spec_pref64_fields[] = {
	{ 0x24, 3, 0, SPEC_HW, "Prefetchable Memory Base, capability" },
	{ 0x24, 15, 4, SPEC_OWN, "Prefetchable Memory Base" },
	{ 0x26, 3, 0, SPEC_HW, "Prefetchable Memory Limit, capability" },
	{ 0x26, 15, 4, SPEC_OWN, "Prefetchable Memory Limit" },
	{ 0x28, 31, 0, SPEC_OWN, "Prefetchable Base Upper 32 Bits" },
	{ 0x2c, 31, 0, SPEC_OWN, "Prefetchable Limit Upper 32 Bits" },
};
static const struct spec_table spec_pref64 = SPEC_TABLE("64-bit prefetchable window", 0, spec_pref64_fields);

/* The narrow ones have no upper halves: these registers are read-only and 0. */
static const struct spec_table spec_io16 = { "16-bit I/O window", 0, spec_io32_fields, 4 };
static const struct spec_table spec_pref32 = { "32-bit prefetchable window", 0, spec_pref64_fields, 4 };

/* Header type 2 (PC Card Standard): shown, otherwise left alone. */
static const struct spec_field spec_cardbus_fields[] = {
	{ 0x10, 383, 0, SPEC_HW, "all of it" },
};
static const struct spec_table spec_cardbus = SPEC_TABLE("CardBus bridge header", 0, spec_cardbus_fields);

#endif

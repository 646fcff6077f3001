/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capabilities, bit by bit: what a guest may see and set. PCI Express Base Specification 6.0 (section beside
 * each), and the policy: of bridges and class 06 ("ports" below) the hardware is told nothing. The headers
 * (ID and next pointer) are not here: the guest's list is shorter than the hardware's, so a test states them.
 */
#ifndef TESTS_SPEC_PCI_CAPS_H
#define TESTS_SPEC_PCI_CAPS_H

#include "tests/spec/spec.h"

/* ---- power management, 7.5.2 ---- */

/*
 * 7.5.2.2. Power State: D0 and D3hot are in every function; a state that a function lacks leaves the field as
 * it was (D1 and D2 are not offered). No_Soft_Reset is still, or leaving D3hot would reset the function.
 */
static const struct spec_field spec_pm_device_fields[] = {
	{ 0x02, 15, 0, SPEC_HW, "PMC" },
	{ 0x04, 1, 0, SPEC_RW, "PowerState", 0, 1u << 0 | 1u << 3 },
	{ 0x04, 2, 2, SPEC_HW, "reserved" },
	{ 0x04, 3, 3, SPEC_HW, "No_Soft_Reset", SPEC_STILL },
	{ 0x04, 7, 4, SPEC_HW, "reserved" },
	{ 0x04, 8, 8, SPEC_RW, "PME_En" },
	{ 0x04, 12, 9, SPEC_RW, "Data_Select" },
	{ 0x04, 14, 13, SPEC_HW, "Data_Scale" },
	{ 0x04, 15, 15, SPEC_W1C, "PME_Status" },
	{ 0x06, 7, 0, SPEC_HW, "bridge extensions" },
	{ 0x07, 7, 0, SPEC_HW, "Data" },
};
static const struct spec_table spec_pm_device = SPEC_TABLE("power management 7.5.2", 8, spec_pm_device_fields);

/* A port that sleeps takes what is behind it along: the guest may believe it. */
static const struct spec_field spec_pm_port_fields[] = {
	{ 0x02, 15, 0, SPEC_HW, "PMC" },
	{ 0x04, 1, 0, SPEC_OWN, "PowerState" },
	{ 0x04, 3, 3, SPEC_HW, "No_Soft_Reset" },
	{ 0x04, 8, 8, SPEC_OWN, "PME_En" },
	{ 0x04, 14, 13, SPEC_HW, "Data_Scale" },
	{ 0x06, 7, 0, SPEC_HW, "bridge extensions" },
	{ 0x07, 7, 0, SPEC_HW, "Data" },
};
static const struct spec_table spec_pm_port = SPEC_TABLE("power management of a port", 8, spec_pm_port_fields);

/* ---- PCI Express, 7.5.3 ---- */

/*
 * Device Control (7.5.3.4): payload size belongs to the whole path and stays as firmware set it; phantom
 * functions (bit 9) would make requests under other functions' IDs; bit 15 starts a reset on functions that
 * can be reset, reads 0, and is not there on others.
 */
static const struct spec_field spec_express_v1_fields[] = {
	{ 0x02, 15, 0, SPEC_HW, "PCI Express Capabilities" },
	{ 0x04, 27, 0, SPEC_HW, "Device Capabilities" },
	{ 0x04, 28, 28, SPEC_HW, "Function Level Reset Capability", SPEC_STILL },
	{ 0x04, 31, 29, SPEC_HW, "Device Capabilities" },
	{ 0x08, 0, 0, SPEC_RW, "Correctable Error Reporting Enable" },
	{ 0x08, 1, 1, SPEC_RW, "Non-Fatal Error Reporting Enable" },
	{ 0x08, 2, 2, SPEC_RW, "Fatal Error Reporting Enable" },
	{ 0x08, 3, 3, SPEC_RW, "Unsupported Request Reporting Enable" },
	{ 0x08, 4, 4, SPEC_RW, "Enable Relaxed Ordering" },
	{ 0x08, 7, 5, SPEC_HW, "Max_Payload_Size", SPEC_STILL },
	{ 0x08, 8, 8, SPEC_RW, "Extended Tag Field Enable" },
	{ 0x08, 9, 9, SPEC_HW, "Phantom Functions Enable" },
	{ 0x08, 10, 10, SPEC_RW, "Aux Power PM Enable" },
	{ 0x08, 11, 11, SPEC_RW, "Enable No Snoop" },
	{ 0x08, 14, 12, SPEC_RW, "Max_Read_Request_Size" },
	{ 0x08, 15, 15, SPEC_ZERO, "Initiate Function Level Reset", SPEC_STILL | SPEC_AVOID },
	/* 7.5.3.5, Device Status */
	{ 0x0a, 0, 0, SPEC_W1C, "Correctable Error Detected" },
	{ 0x0a, 1, 1, SPEC_W1C, "Non-Fatal Error Detected" },
	{ 0x0a, 2, 2, SPEC_W1C, "Fatal Error Detected" },
	{ 0x0a, 3, 3, SPEC_W1C, "Unsupported Request Detected" },
	{ 0x0a, 4, 4, SPEC_HW, "AUX Power Detected" },
	{ 0x0a, 5, 5, SPEC_HW, "Transactions Pending" },
	{ 0x0a, 6, 6, SPEC_HW, "Emergency Power Reduction Detected" },
	{ 0x0c, 31, 0, SPEC_HW, "Link Capabilities" },
	/* 7.5.3.7, Link Control: read completion boundary as the root port's, common clock the guest's own */
	{ 0x10, 1, 0, SPEC_RW, "ASPM Control" },
	{ 0x10, 3, 3, SPEC_HW, "Read Completion Boundary" },
	{ 0x10, 6, 6, SPEC_OWN, "Common Clock Configuration" },
	{ 0x10, 7, 7, SPEC_RW, "Extended Synch" },
	{ 0x10, 8, 8, SPEC_RW, "Enable Clock Power Management" },
	{ 0x12, 15, 0, SPEC_HW, "Link Status" },
};
static const struct spec_table spec_express_v1 = SPEC_TABLE("PCI Express, version 1", 0x14, spec_express_v1_fields);

/* Slot and root registers (0x14 to 0x23) are ports': 0 on a device. */
static const struct spec_field spec_express_v2_fields[] = {
	{ 0x24, 31, 0, SPEC_HW, "Device Capabilities 2" },
	/* 7.5.3.16, Device Control 2 */
	{ 0x28, 3, 0, SPEC_RW, "Completion Timeout Value" },
	{ 0x28, 4, 4, SPEC_RW, "Completion Timeout Disable" },
	{ 0x28, 5, 5, SPEC_HW, "ARI Forwarding Enable" },
	{ 0x28, 6, 6, SPEC_RW, "AtomicOp Requester Enable" },
	{ 0x28, 7, 7, SPEC_HW, "AtomicOp Egress Blocking" },
	{ 0x28, 8, 8, SPEC_RW, "IDO Request Enable" },
	{ 0x28, 9, 9, SPEC_RW, "IDO Completion Enable" },
	{ 0x28, 10, 10, SPEC_HW, "LTR Mechanism Enable" },
	{ 0x28, 11, 11, SPEC_HW, "Emergency Power Reduction Request" },
	{ 0x28, 12, 12, SPEC_HW, "10-Bit Tag Requester Enable" },
	{ 0x28, 14, 13, SPEC_HW, "OBFF Enable" },
	{ 0x28, 15, 15, SPEC_HW, "End-End TLP Prefix Blocking" },
	{ 0x2a, 15, 0, SPEC_HW, "Device Status 2" },
	{ 0x2c, 31, 0, SPEC_HW, "Link Capabilities 2" },
	{ 0x30, 31, 0, SPEC_HW, "Link Control 2, Link Status 2" },
	{ 0x34, 63, 0, SPEC_HW, "Slot 2" },
};
static const struct spec_table spec_express_v2 = SPEC_TABLE("PCI Express, version 2", 0, spec_express_v2_fields);

/*
 * Ports. Hot-plug is Fairlead's: the slot shows none of its means (7.5.3.9, bits 6:0) and no command
 * completed events (bit 18: software need not wait). Root events go to Fairlead: none are pending.
 */
static const struct spec_field spec_express_port_fields[] = {
	{ 0x02, 15, 0, SPEC_HW, "PCI Express Capabilities" },
	{ 0x04, 31, 0, SPEC_HW, "Device Capabilities" },
	{ 0x08, 4, 0, SPEC_OWN, "Device Control, errors and ordering" },
	{ 0x08, 7, 5, SPEC_HW, "Max_Payload_Size" },
	{ 0x08, 8, 8, SPEC_OWN, "Extended Tag Field Enable" },
	{ 0x08, 11, 10, SPEC_OWN, "Aux Power, No Snoop" },
	{ 0x08, 14, 12, SPEC_OWN, "Max_Read_Request_Size" },
	{ 0x0a, 3, 0, SPEC_W1C, "Device Status, errors" },
	{ 0x0a, 6, 4, SPEC_HW, "Device Status, states" },
	{ 0x0c, 31, 0, SPEC_HW, "Link Capabilities" },
	/* 7.5.3.7: 2 is reserved, 5 (Retrain Link) reads 0, 15:12 are not offered */
	{ 0x10, 1, 0, SPEC_OWN, "ASPM Control" },
	{ 0x10, 4, 3, SPEC_OWN, "Read Completion Boundary, Link Disable" },
	{ 0x10, 11, 6, SPEC_OWN, "Common Clock to Link Autonomous Bandwidth Interrupt Enable" },
	/* 7.5.3.8: 15:14 are events of the link: none */
	{ 0x12, 13, 0, SPEC_HW, "Link Status" },
	{ 0x14, 17, 7, SPEC_HW, "Slot Capabilities" },
	{ 0x14, 18, 18, SPEC_ONE, "No Command Completed Support" },
	{ 0x14, 31, 19, SPEC_HW, "Physical Slot Number" },
	{ 0x18, 12, 0, SPEC_OWN, "Slot Control" },
	{ 0x1a, 5, 5, SPEC_HW, "MRL Sensor State" },
	{ 0x1a, 6, 6, SPEC_HW, "Presence Detect State" },
	{ 0x1a, 7, 7, SPEC_HW, "Electromechanical Interlock Status" },
	{ 0x1c, 4, 0, SPEC_OWN, "Root Control" },
	{ 0x1e, 15, 0, SPEC_HW, "Root Capabilities" },
	{ 0x24, 31, 0, SPEC_HW, "Device Capabilities 2" },
	{ 0x28, 15, 0, SPEC_OWN, "Device Control 2" },
	{ 0x2a, 15, 0, SPEC_HW, "Device Status 2" },
	{ 0x2c, 31, 0, SPEC_HW, "Link Capabilities 2" },
	{ 0x30, 15, 0, SPEC_OWN, "Link Control 2" },
	{ 0x32, 15, 0, SPEC_HW, "Link Status 2" },
	{ 0x34, 63, 0, SPEC_HW, "Slot 2" },
};
static const struct spec_table spec_express_port = SPEC_TABLE("PCI Express of a port", 0x3c, spec_express_port_fields);

/* ---- the small ones ---- */

/* 7.9.22: subsystem IDs of a bridge. */
static const struct spec_field spec_subsystem_fields[] = {
	{ 0x02, 15, 0, SPEC_HW, "reserved" },
	{ 0x04, 31, 0, SPEC_HW, "SSVID, SSID" },
};
static const struct spec_table spec_subsystem = SPEC_TABLE("subsystem ID 7.9.22", 8, spec_subsystem_fields);

/* SATA 3.0, 10.12: revision, and where the index/data pair is. */
static const struct spec_field spec_sata_fields[] = {
	{ 0x02, 15, 0, SPEC_HW, "revision" },
	{ 0x04, 31, 0, SPEC_HW, "location" },
};
static const struct spec_table spec_sata = SPEC_TABLE("SATA", 8, spec_sata_fields);

/* 7.9.21: writing 1 to control's bit 0 resets the function; it reads 0. */
static const struct spec_field spec_af_fields[] = {
	{ 0x02, 15, 0, SPEC_HW, "length, capabilities" },
	{ 0x04, 0, 0, SPEC_ZERO, "Initiate FLR", SPEC_AVOID },
	{ 0x05, 7, 0, SPEC_HW, "status" },
};
static const struct spec_table spec_af = SPEC_TABLE("advanced features 7.9.21", 8, spec_af_fields);

/* 7.9.4: byte 2 is its length, and the rest the vendor's business; a device's goes to it, class 06's does not. */
static const struct spec_field spec_vendor_fields[] = {
	{ 0x02, 15, 0, SPEC_RW, "length and what follows", SPEC_STILL },
	{ 0x04, 95, 0, SPEC_RW, "vendor's" },
};
static const struct spec_table spec_vendor = SPEC_TABLE("vendor's capability, 16 bytes", 16, spec_vendor_fields);

static const struct spec_field spec_vendor_chipset_fields[] = {
	{ 0x02, 15, 0, SPEC_OWN, "length and what follows" },
	{ 0x04, 95, 0, SPEC_HW, "vendor's" },
};
static const struct spec_table spec_vendor_chipset = SPEC_TABLE("vendor's capability of class 06, 16 bytes", 16,
								spec_vendor_chipset_fields);

/* HyperTransport, AGP: lengths depend on the block; 16 bytes here. */
static const struct spec_field spec_shown_fields[] = {
	{ 0x02, 111, 0, SPEC_HW, "all of it" },
};
static const struct spec_table spec_shown = SPEC_TABLE("shown and left alone, 16 bytes", 16, spec_shown_fields);

/* ---- extended ---- */

/*
 * Advanced Error Reporting, 7.8.4. A device's own errors are its driver's; Uncorrectable bits 27:20, 19:12, 5:4
 * are defined (31:28, 11:6, 3:0 reserved or obsolete), Correctable 15:12, 8:6, 0.
 */
static const struct spec_field spec_aer_device_fields[] = {
	{ 0x04, 5, 4, SPEC_W1C, "Uncorrectable Status" },
	{ 0x04, 27, 12, SPEC_W1C, "Uncorrectable Status" },
	{ 0x08, 5, 4, SPEC_RW, "Uncorrectable Mask" },
	{ 0x08, 27, 12, SPEC_RW, "Uncorrectable Mask" },
	{ 0x0c, 5, 4, SPEC_RW, "Uncorrectable Severity" },
	{ 0x0c, 27, 12, SPEC_RW, "Uncorrectable Severity" },
	{ 0x10, 0, 0, SPEC_W1C, "Receiver Error" },
	{ 0x10, 8, 6, SPEC_W1C, "Bad TLP, Bad DLLP, REPLAY_NUM Rollover" },
	{ 0x10, 15, 12, SPEC_W1C, "Replay Timer, Advisory, Corrected Internal, Header Log Overflow" },
	{ 0x14, 0, 0, SPEC_RW, "Receiver Error" },
	{ 0x14, 8, 6, SPEC_RW, "Bad TLP, Bad DLLP, REPLAY_NUM Rollover" },
	{ 0x14, 15, 12, SPEC_RW, "Replay Timer, Advisory, Corrected Internal, Header Log Overflow" },
	/* 7.8.4.7 */
	{ 0x18, 5, 0, SPEC_HW, "First Error Pointer, ECRC Generation Capable" },
	{ 0x18, 6, 6, SPEC_RW, "ECRC Generation Enable" },
	{ 0x18, 7, 7, SPEC_HW, "ECRC Check Capable" },
	{ 0x18, 8, 8, SPEC_RW, "ECRC Check Enable" },
	{ 0x18, 31, 9, SPEC_HW, "Multiple Header Recording and up" },
	{ 0x1c, 351, 0, SPEC_HW, "logs, root registers, prefix log" },
};
static const struct spec_table spec_aer_device = SPEC_TABLE("AER 7.8.4", 0x48, spec_aer_device_fields);

/* A port's errors are Fairlead's: seen, not touched. */
static const struct spec_field spec_aer_port_fields[] = {
	{ 0x04, 543, 0, SPEC_HW, "all of it" },
};
static const struct spec_table spec_aer_port = SPEC_TABLE("AER of a port", 0x48, spec_aer_port_fields);

static const struct spec_field spec_serial_fields[] = {
	{ 0x04, 63, 0, SPEC_HW, "Serial Number" },
};
static const struct spec_table spec_serial = SPEC_TABLE("serial number 7.9.3", 12, spec_serial_fields);

/* 7.7.11: isolation is Fairlead's to set; the egress vector (0x08) is not shown. */
static const struct spec_field spec_acs_fields[] = {
	{ 0x04, 15, 0, SPEC_HW, "ACS Capability" },
	{ 0x04, 31, 16, SPEC_HW, "ACS Control" },
};
static const struct spec_table spec_acs = SPEC_TABLE("ACS 7.7.11", 12, spec_acs_fields);

/* 7.8.8: function groups (control) are off. */
static const struct spec_field spec_ari_fields[] = {
	{ 0x04, 15, 0, SPEC_HW, "ARI Capability" },
};
static const struct spec_table spec_ari = SPEC_TABLE("ARI 7.8.8", 8, spec_ari_fields);

/* 7.8.2: value 9:0 and scale 12:10 each; the rest is reserved. */
static const struct spec_field spec_ltr_fields[] = {
	{ 0x04, 9, 0, SPEC_RW, "Max Snoop Latency Value" },
	{ 0x04, 12, 10, SPEC_RW, "Max Snoop Latency Scale" },
	{ 0x06, 9, 0, SPEC_RW, "Max No-Snoop Latency Value" },
	{ 0x06, 12, 10, SPEC_RW, "Max No-Snoop Latency Scale" },
};
static const struct spec_table spec_ltr = SPEC_TABLE("LTR 7.8.2", 8, spec_ltr_fields);

static const struct spec_field spec_l1ss_fields[] = {
	{ 0x04, 127, 0, SPEC_HW, "capabilities, control 1 and 2, status" },
};
static const struct spec_table spec_l1ss = SPEC_TABLE("L1 PM substates 7.8.3", 0x14, spec_l1ss_fields);

/* 7.9.1: port registers, and 12 bytes for each of bits 2:0 of port capability 1, plus one; here two. */
static const struct spec_field spec_vc_fields[] = {
	{ 0x04, 31, 0, SPEC_HW, "Port VC Capability 1", SPEC_STILL },
	{ 0x08, 255, 0, SPEC_HW, "the rest" },
};
static const struct spec_table spec_vc = SPEC_TABLE("virtual channels 7.9.1", 0x28, spec_vc_fields);

/* 7.9.5: ID, revision, length (31:20 of the second dword; 0x18 here), and the vendor's registers. */
static const struct spec_field spec_vsec_fields[] = {
	{ 0x04, 31, 0, SPEC_HW, "VSEC header", SPEC_STILL },
	{ 0x08, 127, 0, SPEC_HW, "vendor's" },
};
static const struct spec_table spec_vsec = SPEC_TABLE("vendor's extended capability 7.9.5", 0x18, spec_vsec_fields);

/* Hidden: unlinked; nothing of it can be reached. */
static const struct spec_table spec_hidden16 = { "hidden, 16 bytes", 16, NULL, 0 };

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration space as the specifications name it: offsets in bytes, bits as masks of the register's own
 * width.
 *
 * [PCI]  PCI Local Bus Specification 3.0, chapter 6        [BRIDGE] PCI-to-PCI Bridge Architecture
 * Specification 1.2, chapter 3 [PCIe] PCI Express Base Specification 6.0, chapter 7     [PM]     PCI Bus
 * Power Management Interface Specification 1.2
 */
#ifndef DRIVERS_PCI_REGS_H
#define DRIVERS_PCI_REGS_H

#include "core/types.h"

/*
 * ---- header, common part ([PCIe] 7.5.1.1)
 * -------------------------------------------------------------------
 */
#define PCI_VENDOR_ID	      0x00 /* 16 bits; 0xffff: no function */
#define PCI_DEVICE_ID	      0x02 /* 16 */
#define PCI_COMMAND	      0x04 /* 16 */
#define PCI_STATUS	      0x06 /* 16 */
#define PCI_REVISION_ID	      0x08 /* 8, with the class code in the upper 24 bits of the dword */
#define PCI_CACHE_LINE_SIZE   0x0c /* 8 */
#define PCI_LATENCY_TIMER     0x0d /* 8 */
#define PCI_HEADER_TYPE	      0x0e /* 8 */
#define PCI_BIST	      0x0f /* 8 */
#define PCI_CAP_POINTER	      0x34 /* 8 (types 0 and 1) */
#define PCI_INTERRUPT_LINE    0x3c /* 8 */
#define PCI_INTERRUPT_PIN     0x3d /* 8 */
#define PCI_HEADER_SIZE	      0x40

#define PCI_VENDOR_NONE	      0xffffu
#define PCI_VENDOR_CRS	      0x0001u /* with CRS software visibility: not ready yet ([PCIe] 2.3.2) */

/* Command ([PCIe] 7.5.1.1.3) */
#define PCI_COMMAND_IO		 0x0001u
#define PCI_COMMAND_MEMORY	 0x0002u
#define PCI_COMMAND_BUS_MASTER	 0x0004u
#define PCI_COMMAND_SPECIAL	 0x0008u
#define PCI_COMMAND_MWI		 0x0010u
#define PCI_COMMAND_VGA_SNOOP	 0x0020u
#define PCI_COMMAND_PARITY	 0x0040u
#define PCI_COMMAND_STEPPING	 0x0080u
#define PCI_COMMAND_SERR	 0x0100u
#define PCI_COMMAND_FAST_B2B	 0x0200u
#define PCI_COMMAND_INTX_DISABLE 0x0400u

/* Status ([PCIe] 7.5.1.1.4) */
#define PCI_STATUS_IMMEDIATE_READY 0x0001u
#define PCI_STATUS_INTERRUPT	   0x0008u
#define PCI_STATUS_CAP_LIST	   0x0010u
#define PCI_STATUS_66MHZ	   0x0020u
#define PCI_STATUS_FAST_B2B	   0x0080u
#define PCI_STATUS_DEVSEL	   0x0600u
/*
 * Master data parity error, signalled and received aborts, system error, detected parity error: cleared by
 * writing 1.
 */
#define PCI_STATUS_ERRORS	   0xf900u

#define PCI_HEADER_TYPE_MASK	 0x7fu
#define PCI_HEADER_MULTIFUNCTION 0x80u
#define PCI_HEADER_ENDPOINT	 0x00u
#define PCI_HEADER_BRIDGE	 0x01u
#define PCI_HEADER_CARDBUS	 0x02u
#define PCI_FUNCTIONS		 8u   /* of one device */
#define PCI_FUNCTIONS_ARI	 256u /* with eight-bit function numbers ([PCIe] 6.13) */

/* Class codes ([PCI] appendix D): base class 23:16, subclass 15:8, programming interface 7:0 */
#define PCI_BASE_CLASS(class_code) ((class_code) >> 16)
#define PCI_SUBCLASS(class_code)   (((class_code) >> 8) & 0xffu)
#define PCI_BASE_CLASS_BRIDGE	   0x06u
#define PCI_SUBCLASS_HOST	   0x00u
#define PCI_SUBCLASS_ISA	   0x01u
#define PCI_SUBCLASS_PCI	   0x04u

/*
 * ---- type 0 header ([PCIe] 7.5.1.2)
 * ---------------------------------------------------------------------------
 */
#define PCI_BAR0		0x10
#define PCI_CARDBUS_CIS		0x28
#define PCI_SUBSYSTEM_VENDOR_ID 0x2c /* 16 */
#define PCI_SUBSYSTEM_ID	0x2e /* 16 */
#define PCI_ROM_BAR_TYPE0	0x30
#define PCI_MIN_GNT		0x3e
#define PCI_MAX_LAT		0x3f
#define PCI_BARS_TYPE0		6u

/* Base address registers ([PCIe] 7.5.1.2.1) */
#define PCI_BAR_IO_SPACE      0x1u
#define PCI_BAR_IO_MASK	      0xfffffffcu
#define PCI_BAR_MEM_TYPE      0x6u
#define PCI_BAR_MEM_TYPE_32   0x0u
#define PCI_BAR_MEM_TYPE_64   0x4u
#define PCI_BAR_MEM_PREFETCH  0x8u
#define PCI_BAR_MEM_MASK      0xfffffff0u
/* Expansion ROM base address ([PCIe] 7.5.1.2.4) */
#define PCI_ROM_ENABLE	      0x1u
#define PCI_ROM_MASK	      0xfffff800u

/*
 * ---- type 1 header ([PCIe] 7.5.1.3, [BRIDGE] 3.2.5)
 * -----------------------------------------------------------
 */
#define PCI_PRIMARY_BUS	      0x18 /* 8 */
#define PCI_SECONDARY_BUS     0x19 /* 8 */
#define PCI_SUBORDINATE_BUS   0x1a /* 8 */
#define PCI_SECONDARY_LATENCY 0x1b /* 8 */
#define PCI_IO_BASE	      0x1c /* 8; 3:0 capability, 7:4 address 15:12 */
#define PCI_IO_LIMIT	      0x1d /* 8 */
#define PCI_SECONDARY_STATUS  0x1e /* 16 */
#define PCI_MEMORY_BASE	      0x20 /* 16; 15:4 address 31:20 */
#define PCI_MEMORY_LIMIT      0x22
#define PCI_PREF_BASE	      0x24 /* 16; 3:0 capability, 15:4 address 31:20 */
#define PCI_PREF_LIMIT	      0x26
#define PCI_PREF_BASE_UPPER   0x28 /* 32 */
#define PCI_PREF_LIMIT_UPPER  0x2c /* 32 */
#define PCI_IO_BASE_UPPER     0x30 /* 16 */
#define PCI_IO_LIMIT_UPPER    0x32 /* 16 */
#define PCI_ROM_BAR_TYPE1     0x38
#define PCI_BRIDGE_CONTROL    0x3e /* 16; bits 11:0 are defined */
#define PCI_BARS_TYPE1	      2u

#define PCI_IO_WINDOW_TYPE	0x0fu
#define PCI_IO_WINDOW_32	0x01u
#define PCI_PREF_WINDOW_TYPE	0x000fu
#define PCI_PREF_WINDOW_64	0x0001u
#define PCI_WINDOW_ADDRESS	0xfff0u
#define PCI_BRIDGE_CONTROL_BITS 0x0fffu
#define PCI_BRIDGE_CONTROL_RESET 0x0040u /* Secondary Bus Reset ([PCIe] 7.5.1.3.13) */

/*
 * ---- capabilities ([PCIe] 7.5.3 and 7.9; list in [PCI] 6.7)
 * ----------------------------------------------------
 */
#define PCI_CAP_LIST_NEXT    1 /* offset in a capability of the next pointer, 8 bits */
#define PCI_CAP_POINTER_MASK 0xfcu

#define PCI_CAP_ID_PM		0x01
#define PCI_CAP_ID_AGP		0x02
#define PCI_CAP_ID_MSI		0x05
#define PCI_CAP_ID_HT		0x08
#define PCI_CAP_ID_VENDOR	0x09
#define PCI_CAP_ID_SUBSYSTEM	0x0d
#define PCI_CAP_ID_AGP8X	0x0e
#define PCI_CAP_ID_EXPRESS	0x10
#define PCI_CAP_ID_MSIX		0x11
#define PCI_CAP_ID_SATA		0x12
#define PCI_CAP_ID_AF		0x13

/* Power management ([PM] 3.2, [PCIe] 7.5.2) */
#define PCI_PM_PMC		  2 /* 16 */
#define PCI_PM_PMCSR		  4 /* 16 */
#define PCI_PM_BRIDGE		  6 /* 8 */
#define PCI_PM_DATA		  7 /* 8 */
#define PCI_PM_SIZE		  8u
#define PCI_PMCSR_STATE		  0x0003u /* 0: D0 ... 3: D3hot */
#define PCI_PMCSR_D0		  0u
#define PCI_PMCSR_D3HOT		  3u
#define PCI_PMCSR_NO_SOFT_RESET	  0x0008u
#define PCI_PMCSR_PME_ENABLE	  0x0100u
#define PCI_PMCSR_DATA_SELECT	  0x1e00u
#define PCI_PMCSR_DATA_SCALE	  0x6000u
#define PCI_PMCSR_PME_STATUS	  0x8000u

/* MSI ([PCIe] 7.7.1) */
#define PCI_MSI_CONTROL	      2 /* 16 */
#define PCI_MSI_ADDRESS	      4 /* 32 */
#define PCI_MSI_ADDRESS_UPPER 8 /* 32, if 64-bit */
#define PCI_MSI_DATA_32	      8u /* 16 */
#define PCI_MSI_DATA_64	      12u
#define PCI_MSI_ENABLE	      0x0001u
#define PCI_MSI_MULTIPLE_CAPABLE 0x000eu
#define PCI_MSI_MULTIPLE_ENABLE 0x0070u
#define PCI_MSI_MULTIPLE_ENABLE_ONE 0x0010u /* the field's lowest bit: it is the logarithm of a count */
#define PCI_MSI_MULTIPLE_MAX  5u
#define PCI_MSI_64BIT	      0x0080u
#define PCI_MSI_PER_VECTOR_MASK 0x0100u
#define PCI_MSI_EXTENDED_DATA 0x0600u /* capable, enable */

/* MSI-X ([PCIe] 7.7.2) */
#define PCI_MSIX_CONTROL	2 /* 16 */
#define PCI_MSIX_TABLE		4 /* 32: offset of the table; 2:0 the BAR that it is in (BIR) */
#define PCI_MSIX_SIZE		12u
#define PCI_MSIX_BIR		0x00000007u
#define PCI_MSIX_TABLE_SIZE	0x07ffu
#define PCI_MSIX_FUNCTION_MASK	0x4000u
#define PCI_MSIX_ENABLE		0x8000u
/* An entry of the table, and its registers (7.7.2.5 to 7.7.2.8) */
#define PCI_MSIX_ENTRY_SIZE	16u
#define PCI_MSIX_ENTRY_ADDRESS	0u /* 32; bits 1:0 are 0 */
#define PCI_MSIX_ENTRY_UPPER	4u /* 32 */
#define PCI_MSIX_ENTRY_DATA	8u /* 32 */
#define PCI_MSIX_ENTRY_CONTROL	12u /* 32; all but the mask bit is reserved */
#define PCI_MSIX_ENTRY_MASKED	0x00000001u

/* PCI Express ([PCIe] 7.5.3) */
#define PCIE_CAPABILITIES      0x02 /* 16; 3:0 version, 7:4 device/port type, 8 slot implemented */
#define PCIE_DEVICE_CAP	       0x04
#define PCIE_DEVICE_CONTROL    0x08 /* 16 */
#define PCIE_DEVICE_STATUS     0x0a /* 16 */
#define PCIE_LINK_CAP	       0x0c
#define PCIE_LINK_CONTROL      0x10 /* 16 */
#define PCIE_LINK_STATUS       0x12 /* 16 */
#define PCIE_SLOT_CAP	       0x14
#define PCIE_SLOT_CONTROL      0x18 /* 16 */
#define PCIE_SLOT_STATUS       0x1a /* 16 */
#define PCIE_ROOT_CONTROL      0x1c /* 16 */
#define PCIE_ROOT_CAP	       0x1e /* 16 */
#define PCIE_ROOT_STATUS       0x20
#define PCIE_DEVICE_CAP2       0x24
#define PCIE_DEVICE_CONTROL2   0x28 /* 16 */
#define PCIE_DEVICE_STATUS2    0x2a
#define PCIE_LINK_CAP2	       0x2c
#define PCIE_LINK_CONTROL2     0x30
#define PCIE_LINK_STATUS2      0x32
#define PCIE_SIZE_V1_ENDPOINT  0x14u
#define PCIE_SIZE_V1_PORT      0x24u
#define PCIE_SIZE_V2	       0x3cu

#define PCIE_CAPABILITIES_VERSION 0x000fu
#define PCIE_CAPABILITIES_TYPE(v) ((u8)(((v) >> 4) & 0xf))
#define PCIE_TYPE_ENDPOINT	  0x0u
#define PCIE_TYPE_LEGACY_ENDPOINT 0x1u
#define PCIE_TYPE_ROOT_PORT	  0x4u
#define PCIE_TYPE_UPSTREAM	  0x5u
#define PCIE_TYPE_DOWNSTREAM	  0x6u
#define PCIE_TYPE_TO_PCI_BRIDGE	  0x7u
#define PCIE_TYPE_RC_ENDPOINT	  0x9u
#define PCIE_TYPE_RC_EVENTS	  0xau

#define PCIE_DEVICE_CAP_PHANTOM	      0x00000018u /* Phantom Functions Supported: bits of the function number */
#define PCIE_DEVICE_CAP_PHANTOM_SHIFT 3
#define PCIE_DEVICE_CAP_FLR	      0x10000000u
#define PCIE_DEVICE_CONTROL_ERRORS    0x000fu /* reporting enables of four kinds of error */
#define PCIE_DEVICE_CONTROL_RELAXED   0x0010u
#define PCIE_DEVICE_CONTROL_MPS	      0x00e0u /* Max_Payload_Size */
#define PCIE_DEVICE_CONTROL_EXT_TAG   0x0100u
#define PCIE_DEVICE_CONTROL_PHANTOM   0x0200u
#define PCIE_DEVICE_CONTROL_AUX_PM    0x0400u
#define PCIE_DEVICE_CONTROL_NO_SNOOP  0x0800u
#define PCIE_DEVICE_CONTROL_MRRS      0x7000u /* Max_Read_Request_Size */
#define PCIE_DEVICE_CONTROL_FLR	      0x8000u /* reads as 0 */
#define PCIE_DEVICE_STATUS_PENDING    0x0020u /* Transactions Pending */
#define PCIE_DEVICE_CONTROL_KEPT      0x7fffu /* all but FLR */
#define PCIE_DEVICE_STATUS_ERRORS     0x000fu
#define PCIE_DEVICE_STATUS_OTHER      0x0070u /* AUX power, transactions pending, emergency power reduction */
#define PCIE_LINK_CONTROL_ASPM	      0x0003u
#define PCIE_LINK_CONTROL_RCB	      0x0008u
#define PCIE_LINK_CONTROL_DISABLE     0x0010u /* of a port: Link Disable */
#define PCIE_LINK_CONTROL_COMMON_CLK  0x0040u
#define PCIE_LINK_CONTROL_EXT_SYNCH   0x0080u
#define PCIE_LINK_CONTROL_CLOCK_PM    0x0100u
/* Buttons, power controller, sensor, indicators, surprise, capable. */
#define PCIE_SLOT_CAP_HOTPLUG	      0x0000007fu
#define PCIE_SLOT_CAP_NO_COMPLETION   0x00040000u /* no command completed events */
#define PCIE_SLOT_CONTROL_BITS	      0x1fffu
#define PCIE_SLOT_STATUS_STATES	      0x00e0u /* sensor, presence, interlock: states, not events */
#define PCIE_ROOT_CONTROL_BITS	      0x001fu
#define PCIE_LINK_CONTROL_PORT	      0x0fdbu /* all but retrain link, which reads as 0 */
#define PCIE_LINK_CONTROL_ENDPOINT    0x01cbu /* what an endpoint has of it: the five above */
#define PCIE_LINK_STATUS_STATES	      0x3fffu /* without the two bandwidth events */
#define PCIE_DEVICE_CONTROL2_TIMEOUT  0x001fu /* completion timeout value and disable */
#define PCIE_DEVICE_CONTROL2_ARI      0x0020u /* ARI forwarding (ports) */
#define PCIE_DEVICE_CONTROL2_ATOMIC   0x0040u
#define PCIE_DEVICE_CONTROL2_IDO      0x0300u

/* Advanced features ([PCI] ECN Advanced Capabilities for Conventional PCI; [PCIe] 7.9.21) */
#define PCI_AF_CAP     3
#define PCI_AF_CONTROL 4 /* 8 */
#define PCI_AF_STATUS  5 /* 8 */
#define PCI_AF_FLR     0x01u
#define PCI_AF_CAP_PENDING 0x01u /* AF Capabilities: Transactions Pending Capable, FLR Capable */
#define PCI_AF_CAP_FLR	   0x02u
#define PCI_AF_STATUS_PENDING 0x01u

/*
 * ---- extended capabilities ([PCIe] 7.6.3: 15:0 ID, 19:16 version, 31:20 next)
 * ------------------------------------
 */
#define PCIE_EXT_CAP_START	   0x100u
#define PCIE_EXT_CAP_ID(header)	   ((u16)(header))
#define PCIE_EXT_CAP_VERSION(header) (((header) >> 16) & 0xfu)
#define PCIE_EXT_CAP_NEXT(header)  (((header) >> 20) & 0xffcu)

#define PCIE_EXT_ID_AER	   0x0001
#define PCIE_EXT_ID_VC	   0x0002
#define PCIE_EXT_ID_SERIAL 0x0003
#define PCIE_EXT_ID_VC_MFVC 0x0009 /* VC of a device that also has MFVC */
#define PCIE_EXT_ID_VSEC   0x000b
#define PCIE_EXT_ID_ACS	   0x000d
#define PCIE_EXT_ID_ARI	   0x000e
#define PCIE_EXT_ID_ATS	   0x000f
#define PCIE_EXT_ID_SRIOV  0x0010
#define PCIE_EXT_ID_PRI	   0x0013
#define PCIE_EXT_ID_REBAR  0x0015
#define PCIE_EXT_ID_LTR	   0x0018
#define PCIE_EXT_ID_PASID  0x001b
#define PCIE_EXT_ID_DPC	   0x001d
#define PCIE_EXT_ID_L1SS   0x001e

/* Access control services ([PCIe] 7.7.11) */
#define PCIE_ACS_CAP		    4 /* 16 */
#define PCIE_ACS_CONTROL	    6 /* 16; the same bits */
#define PCIE_ACS_SOURCE_VALIDATION  0x0001u
#define PCIE_ACS_REQUEST_REDIRECT   0x0004u
#define PCIE_ACS_COMPLETION_REDIRECT 0x0008u
#define PCIE_ACS_UPSTREAM_FORWARDING 0x0010u
#define PCIE_ACS_DIRECT_TRANSLATED  0x0040u
#define PCIE_ACS_ISOLATION \
	(PCIE_ACS_SOURCE_VALIDATION | PCIE_ACS_REQUEST_REDIRECT | PCIE_ACS_COMPLETION_REDIRECT | PCIE_ACS_UPSTREAM_FORWARDING)

/* Resizable BAR ([PCIe] 7.8.6): pairs of capability and control, one for each such BAR */
#define PCIE_REBAR_CONTROL(i)	  (8u + 8u * (i))
#define PCIE_REBAR_CONTROL_COUNT(v) (((v) >> 5) & 7u) /* in the first */
#define PCIE_REBAR_MAX		  6u

/* ATS ([PCIe] 10.5.1), page requests (10.5.2), PASID (7.8.9) */
#define PCIE_ATS_CONTROL	  6 /* 16 */
#define PCIE_ATS_ENABLE		  0x8000u
#define PCIE_PRI_CONTROL	  4 /* 16 */
#define PCIE_PRI_ENABLE		  0x0001u
#define PCIE_PASID_CONTROL	  6 /* 16 */
#define PCIE_PASID_ENABLE	  0x0001u

/* SR-IOV ([PCIe] 9.3.3) */
#define PCIE_SRIOV_CONTROL	    0x08 /* 16 */
#define PCIE_SRIOV_TOTAL_VFS	    0x0e /* 16 */
#define PCIE_SRIOV_NUM_VFS	    0x10 /* 16 */
#define PCIE_SRIOV_FIRST_OFFSET	    0x14 /* 16 */
#define PCIE_SRIOV_STRIDE	    0x16 /* 16 */
#define PCIE_SRIOV_VF_DEVICE	    0x1a /* 16 */
#define PCIE_SRIOV_SYSTEM_PAGE_SIZE 0x20 /* bit n: 4 KiB << n */
#define PCIE_SRIOV_BAR0		    0x24
#define PCIE_SRIOV_VF_ENABLE	    0x0001u
#define PCIE_SRIOV_VF_MSE	    0x0008u /* memory decoding of all VFs */
#define PCIE_SRIOV_PAGE_4K	    0x00000001u

/* Advanced error reporting ([PCIe] 7.8.4) */
#define PCIE_AER_UNCORRECTABLE_STATUS	0x04
#define PCIE_AER_UNCORRECTABLE_MASK	0x08
#define PCIE_AER_UNCORRECTABLE_SEVERITY 0x0c
#define PCIE_AER_CORRECTABLE_STATUS	0x10
#define PCIE_AER_CORRECTABLE_MASK	0x14
#define PCIE_AER_CONTROL		0x18
#define PCIE_AER_HEADER_LOG		0x1c
#define PCIE_AER_SIZE			0x48u /* with root registers and TLP prefix log */
#define PCIE_AER_UNCORRECTABLE_BITS	0x0ffff030u
#define PCIE_AER_CORRECTABLE_BITS	0x0000f1c1u
#define PCIE_AER_CONTROL_ECRC_ENABLES	0x00000140u /* generation, check */

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page-table formats, one table each. The bits are named as their specification names them.
 *
 * Accessed and dirty bits, where a format has them, are set from the start: hardware then has no reason to
 * write to a table, which Fairlead never reads back.
 */
#include "core/pagetable/formats.h"
#include "core/pagetable/pagetable.h"

#define ADDRESS_51_12 GENMASK64(51, 12)

/* ---- x86-64 long mode: AMD64 APM vol. 2 (rev. 3.42) 5.3, 5.4; Intel SDM vol. 3A 4.5 ---------------- */
enum x86_entry {
	X86_P = 1 << 0,	  /* present */
	X86_RW = 1 << 1,  /* writable */
	X86_US = 1 << 2,  /* user */
	X86_PWT = 1 << 3, /* with PCD: entry 3 of the PAT, uncacheable after reset and in Fairlead's PAT */
	X86_PCD = 1 << 4,
	X86_A = 1 << 5,	 /* accessed */
	X86_D = 1 << 6,	 /* dirty (leaves) */
	X86_PS = 1 << 7, /* leaf, above level 0. At level 0 this is the PAT bit: left clear */
};
#define X86_NX BIT(63)

#define X86_LEAF (X86_P | X86_A | X86_D)

/*
 * Fairlead's own table. Addresses are canonical (bits above the width copy the top bit), and the identity map
 * lives in the lower half, hence one bit less than a walk could take.
 */
const struct pt_format pt_format_x86_64 = {
	.name = "x86-64",
	.min_levels = 4,
	.max_levels = 5,
	.max_leaf = 2,
	.input_bits = { [4] = 47, [5] = 56 },
	.output_bits = 52,
	.present = X86_P,
	.address = ADDRESS_51_12,
	.leaf_mask = X86_PS,
	.leaf_value = X86_PS,
	.leaf = { X86_LEAF, X86_LEAF | X86_PS, X86_LEAF | X86_PS },
	.table = X86_P | X86_RW | X86_US | X86_A,
	.write = X86_RW,
	.no_exec = X86_NX,
	.user = X86_US,
	.write_needs_read = true,
	.type_mask = X86_PWT | X86_PCD,
	.device = X86_PWT | X86_PCD,
};

/*
 * Nested paging: AMD64 APM vol. 2, 15.25. The same entries, but every access the guest makes counts as a user
 * access (15.25.5), so US is set in each; guest-physical addresses have at most 52 bits.
 */
const struct pt_format pt_format_npt = {
	.name = "NPT",
	.min_levels = 4,
	.max_levels = 5,
	.max_leaf = 2,
	.input_bits = { [4] = 48, [5] = 52 },
	.output_bits = 52,
	.present = X86_P,
	.address = ADDRESS_51_12,
	.leaf_mask = X86_PS,
	.leaf_value = X86_PS,
	.leaf = { X86_LEAF | X86_US, X86_LEAF | X86_US | X86_PS, X86_LEAF | X86_US | X86_PS },
	.table = X86_P | X86_RW | X86_US | X86_A,
	.write = X86_RW,
	.no_exec = X86_NX,
	.write_needs_read = true,
	.type_mask = X86_PWT | X86_PCD,
	.device = X86_PWT | X86_PCD,
};

/* ---- EPT: Intel SDM vol. 3C 29.3.2, tables 29-1 to 29-7 ------------------------------------------------ */
enum ept_entry {
	EPT_READ = 1 << 0,
	EPT_WRITE = 1 << 1,
	EPT_EXECUTE = 1 << 2,
	EPT_TYPE = 7 << 3, /* memory type of a leaf, 29.3.7.2 */
	EPT_TYPE_UC = 0 << 3,
	EPT_TYPE_WB = 6 << 3,
	/* Bit 6, "ignore PAT", stays clear: the guest's PAT narrows the type as it does on hardware, so
	 * write-combining frame buffers, and memory that a device reads without snooping, work as their
	 * drivers expect. */
	EPT_PAGE = 1 << 7, /* leaf, above level 0 */
	EPT_ACCESSED = 1 << 8,
	EPT_DIRTY = 1 << 9,
};

#define EPT_LEAF (EPT_ACCESSED | EPT_DIRTY)

const struct pt_format pt_format_ept = {
	.name = "EPT",
	.min_levels = 4,
	.max_levels = 5,
	.max_leaf = 2,
	.input_bits = { [4] = 48, [5] = 52 },
	.output_bits = 52,
	.present = EPT_READ | EPT_WRITE | EPT_EXECUTE,
	.address = ADDRESS_51_12,
	.leaf_mask = EPT_PAGE,
	.leaf_value = EPT_PAGE,
	.leaf = { EPT_LEAF, EPT_LEAF | EPT_PAGE, EPT_LEAF | EPT_PAGE },
	.table = EPT_READ | EPT_WRITE | EPT_EXECUTE | EPT_ACCESSED,
	.read = EPT_READ,
	.write = EPT_WRITE,
	.exec = EPT_EXECUTE,
	.write_needs_read = true, /* 29.3.3.1: write without read is a misconfiguration */
	.type_mask = EPT_TYPE,
	.write_back = EPT_TYPE_WB,
	.device = EPT_TYPE_UC,
};

/* ---- VT-d second stage: Intel VT-d specification rev. 4.1, 9.8 (tables of SS-PML5E to SS-PTE) ---------- */
enum vtd_ss_entry {
	VTD_SS_R = 1 << 0,
	VTD_SS_W = 1 << 1,
	/* Clear: bits 2 (execute) and 6:3 (memory type) count in modes that Fairlead does not use, bit 11
	 * (snoop) needs ECAP.SC. */
	VTD_SS_PS = 1 << 7, /* leaf, above level 0 */
};

const struct pt_format pt_format_vtd_ss = {
	.name = "VT-d second stage",
	.min_levels = 3,
	.max_levels = 5,
	.max_leaf = 2,
	.input_bits = { [3] = 39, [4] = 48, [5] = 57 },
	.output_bits = 52,
	.present = VTD_SS_R | VTD_SS_W,
	.address = ADDRESS_51_12,
	.leaf_mask = VTD_SS_PS,
	.leaf_value = VTD_SS_PS,
	.leaf = { 0, VTD_SS_PS, VTD_SS_PS },
	.table = VTD_SS_R | VTD_SS_W,
	.read = VTD_SS_R,
	.write = VTD_SS_W,
	.exec_ignored = true,
};

/* ---- AMD-Vi: AMD I/O Virtualization Technology (IOMMU) specification rev. 3.08, 2.2.3 ---------------- */
#define AMDVI_PR BIT(0) /* present */
/* 0: leaf of this level's own size; 1 to 6: level of the table pointed to */
#define AMDVI_NEXT_LEVEL       (7ull << 9)
#define AMDVI_NEXT_LEVEL_SHIFT 9
#define AMDVI_FC	       BIT(60) /* force coherent: the access snoops */
#define AMDVI_IR	       BIT(61)
#define AMDVI_IW	       BIT(62)

const struct pt_format pt_format_amdvi = {
	.name = "AMD-Vi",
	.min_levels = 1,
	.max_levels = 6,
	.max_leaf = 2,
	.input_bits = { [1] = 21, [2] = 30, [3] = 39, [4] = 48, [5] = 57, [6] = 64 },
	.output_bits = 52,
	.present = AMDVI_PR,
	.address = ADDRESS_51_12,
	.leaf_mask = AMDVI_NEXT_LEVEL,
	.leaf_value = 0,
	.leaf = { AMDVI_PR, AMDVI_PR, AMDVI_PR },
	.table = AMDVI_PR | AMDVI_IR | AMDVI_IW,
	.next_level_shift = AMDVI_NEXT_LEVEL_SHIFT,
	.read = AMDVI_IR,
	.write = AMDVI_IW,
	.exec_ignored = true,
	.type_mask = AMDVI_FC,
	.write_back = AMDVI_FC,
	.device = 0,
};

/* ---- arm64, VMSAv8-64, 4 KiB granule: Arm ARM (DDI 0487J) D8.3 ---------------------------------------- */
/*
 * Arm's level 3 is our level 0: 5 levels start at Arm's level -1, 4 at its level 0, 3 at 1, 2 at 2.
 *
 * Addresses of 52 bits (FEAT_LPA2, with TCR_ELx.DS or VTCR_EL2.DS = 1): bits 51:50 stand in 9:8, where the
 * shareability is else; that then comes from TCR_ELx.SH0 or VTCR_EL2.SH0 (D8.3.1).
 */
#define VMSA_VALID	    BIT(0)
#define VMSA_TABLE_OR_PAGE  BIT(1) /* clear: a block, Arm's levels 1 and 2 */
#define VMSA_SH_INNER	    (3ull << 8)
#define VMSA_OA_51_50_SHIFT 8 /* DS = 1 */
#define VMSA_AF		    BIT(10)
#define VMSA_CONTIGUOUS	    BIT(52)

#define VMSA_TABLE	VMSA_VALID | VMSA_TABLE_OR_PAGE
#define VMSA_LEAVES(bits)                                                                                    \
	{                                                                                                    \
		VMSA_VALID | VMSA_AF | VMSA_TABLE_OR_PAGE | (bits), VMSA_VALID | VMSA_AF | (bits),           \
			VMSA_VALID | VMSA_AF | (bits)                                                        \
	}
#define VMSA_COMMON                                                                                          \
	.max_leaf = 2, .present = VMSA_VALID, .leaf_mask = VMSA_TABLE_OR_PAGE, .leaf_value = 0,              \
	.table = VMSA_TABLE

#define VMSA_OUTPUT_48 .output_bits = 48, .address = GENMASK64(47, 12)
#define VMSA_OUTPUT_52                                                                                       \
	.output_bits = 52, .address = GENMASK64(49, 12), .address_50_shift = VMSA_OA_51_50_SHIFT

/* ---- stage 2: D8.3.1.2, D8.4.2.3, D8.5.5; concatenated root tables: D8.2.2 ---- */
#define S2_MEMATTR		(0xfull << 2)
#define S2_MEMATTR_NORMAL_WB	(0xfull << 2) /* 0b1111: normal, inner and outer write-back */
#define S2_MEMATTR_DEVICE_NGNRE (0x1ull << 2) /* 0b0001 */
#define S2_AP_READ		BIT(6)
#define S2_AP_WRITE		BIT(7)
/* XN[1:0] = 0b10: not executable at EL1 and EL0, with and without FEAT_XNX. */
#define S2_XN_ALL BIT(54)

#define S2_COMMON                                                                                            \
	VMSA_COMMON, .min_levels = 2, .max_levels = 4, .input_bits = { [2] = 30, [3] = 39, [4] = 48 },       \
	.read = S2_AP_READ, .write = S2_AP_WRITE, .no_exec = S2_XN_ALL, .contiguous = VMSA_CONTIGUOUS,       \
	.type_mask = S2_MEMATTR, .write_back = S2_MEMATTR_NORMAL_WB, .device = S2_MEMATTR_DEVICE_NGNRE

const struct pt_format pt_format_s2_lpae = {
	.name = "arm64 stage 2",
	S2_COMMON,
	VMSA_OUTPUT_48,
	.concatenated_bits = { [2] = 34, [3] = 43, [4] = 48 },
	.leaf = VMSA_LEAVES(VMSA_SH_INNER),
};

const struct pt_format pt_format_s2_lpae_52 = {
	.name = "arm64 stage 2, 52 bits",
	S2_COMMON,
	VMSA_OUTPUT_52,
	.concatenated_bits = { [2] = 34, [3] = 43, [4] = 52 },
	.leaf = VMSA_LEAVES(0),
};

/* ---- stage 1 of EL2: D8.3.1.1, D8.4.2.1 (permissions), D8.5.1 (AttrIndx), D8.4.5 (GP) ---- */
#define S1_ATTR_INDX	       (7ull << 2)
#define S1_ATTR_INDX_NORMAL_WB (0ull << 2) /* MAIR_EL2.Attr0 = 0xff: write-back, allocating */
#define S1_ATTR_INDX_DEVICE    (1ull << 2) /* MAIR_EL2.Attr1 = 0x00: device nGnRnE */
#define S1_AP_1		       BIT(6)	   /* one privilege level: RES1; two: EL0 may, EL2 but for PAN */
#define S1_AP_2		       BIT(7)	   /* read-only */
#define S1_GP		       BIT(50)	   /* guarded page; RES0 without FEAT_BTI */
#define S1_PXN		       BIT(53)	   /* two privilege levels only */
#define S1_UXN_OR_XN	       BIT(54)

#define EL2_COMMON                                                                                           \
	VMSA_COMMON, .min_levels = 3, .write_needs_read = true, .read_only = S1_AP_2, .guarded = S1_GP,      \
	.type_mask = S1_ATTR_INDX, .write_back = S1_ATTR_INDX_NORMAL_WB, .device = S1_ATTR_INDX_DEVICE

/* HCR_EL2.E2H = 0: one privilege level. */
#define EL2_ONE_LEVEL	     EL2_COMMON, .no_exec = S1_UXN_OR_XN
#define EL2_ONE_LEVEL_LEAF   S1_AP_1
/*
 * E2H = 1: the EL2&0 regime. Nothing runs at EL0 there, so UXN is always set; what is EL0's to read is never
 * EL2's to run.
 */
#define EL2_TWO_LEVELS	     EL2_COMMON, .no_exec = S1_PXN, .user = S1_AP_1, .user_never_exec = true
#define EL2_TWO_LEVELS_LEAF  S1_UXN_OR_XN
/* The lower half of the address space, by TTBR0_EL2; of 52 bits only with DS = 1. */
#define EL2_INPUT_48	     .max_levels = 4, .input_bits = { [3] = 39, [4] = 48 }
#define EL2_INPUT_52	     .max_levels = 5, .input_bits = { [3] = 39, [4] = 48, [5] = 52 }

const struct pt_format pt_format_el2 = {
	.name = "arm64 EL2",
	EL2_ONE_LEVEL,
	EL2_INPUT_48,
	VMSA_OUTPUT_48,
	.leaf = VMSA_LEAVES(VMSA_SH_INNER | EL2_ONE_LEVEL_LEAF),
};

const struct pt_format pt_format_el2_52 = {
	.name = "arm64 EL2, 52 bits",
	EL2_ONE_LEVEL,
	EL2_INPUT_52,
	VMSA_OUTPUT_52,
	.leaf = VMSA_LEAVES(EL2_ONE_LEVEL_LEAF),
};

const struct pt_format pt_format_el2_vhe = {
	.name = "arm64 EL2&0",
	EL2_TWO_LEVELS,
	EL2_INPUT_48,
	VMSA_OUTPUT_48,
	.leaf = VMSA_LEAVES(VMSA_SH_INNER | EL2_TWO_LEVELS_LEAF),
};

const struct pt_format pt_format_el2_vhe_52 = {
	.name = "arm64 EL2&0, 52 bits",
	EL2_TWO_LEVELS,
	EL2_INPUT_52,
	VMSA_OUTPUT_52,
	.leaf = VMSA_LEAVES(EL2_TWO_LEVELS_LEAF),
};

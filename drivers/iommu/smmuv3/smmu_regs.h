/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SMMUv3's registers and the structures that it reads from and writes to memory, named as the Arm System
 * Memory Management Unit Architecture Specification (IHI 0070F) names them. Sections are those of that
 * document. No code but field access.
 */
#ifndef DRIVERS_IOMMU_SMMU_REGS_H
#define DRIVERS_IOMMU_SMMU_REGS_H

#include "core/types.h"

/* ---- registers, 6.3 (offsets: 6.2) --------------------------------------------------------------------- */

#define SMMU_REGISTERS_SIZE 0x20000u /* pages 0 and 1, 64 KiB each */

#define SMMU_IDR0	      0x00
#define SMMU_IDR1	      0x04
#define SMMU_IDR3	      0x0c
#define SMMU_IDR5	      0x14
#define SMMU_AIDR	      0x1c /* architecture: major 7:4 (0: SMMUv3), minor 3:0 */
#define SMMU_CR0	      0x20
#define SMMU_CR0ACK	      0x24
#define SMMU_CR1	      0x28
#define SMMU_CR2	      0x2c
#define SMMU_GBPA	      0x44
#define SMMU_IRQ_CTRL	      0x50
#define SMMU_IRQ_CTRLACK      0x54
#define SMMU_GERROR	      0x60
#define SMMU_GERRORN	      0x64
#define SMMU_GERROR_IRQ_CFG0  0x68 /* 64 bits: address of the message; 0: the wire */
#define SMMU_STRTAB_BASE      0x80 /* 64 bits */
#define SMMU_STRTAB_BASE_CFG  0x88
#define SMMU_CMDQ_BASE	      0x90 /* 64 bits */
#define SMMU_CMDQ_PROD	      0x98
#define SMMU_CMDQ_CONS	      0x9c
#define SMMU_EVENTQ_BASE      0xa0 /* 64 bits */
#define SMMU_EVENTQ_IRQ_CFG0  0xb0 /* 64 bits */
#define SMMU_EVENTQ_PROD      0x100a8
#define SMMU_EVENTQ_CONS      0x100ac

/* 6.3.1 */
#define SMMU_IDR0_S2P	      BIT32(0)		   /* stage 2 */
#define SMMU_IDR0_S1P	      BIT32(1)		   /* stage 1 */
#define SMMU_IDR0_TTF_AARCH32 BIT32(2)
#define SMMU_IDR0_TTF_AARCH64 BIT32(3)
#define SMMU_IDR0_COHACC      BIT32(4)		   /* tables and queues are read coherently with the CPUs */
#define SMMU_IDR0_ATS	      BIT32(10)
#define SMMU_IDR0_MSI	      BIT32(13)		   /* it can send messages of its own */
#define SMMU_IDR0_VMID16      BIT32(18)		   /* VMIDs of 16 bits; else 8 */
#define SMMU_IDR0_TTENDIAN(r) ((r) >> 21 & 3)
#define SMMU_IDR0_STALL(r)    ((r) >> 24 & 3)	   /* STALL_MODEL */
#define SMMU_IDR0_ST_LEVEL(r) ((r) >> 27 & 3)
enum smmu_ttendian { SMMU_TTENDIAN_BIG = 3 };
enum smmu_stall_model { SMMU_STALL_FORCED = 2 };
enum smmu_st_level { SMMU_ST_LINEAR = 0, SMMU_ST_TWO_LEVEL = 1 };

/* 6.3.2 */
#define SMMU_IDR1_SIDSIZE(r)	((r) & 0x3f)
#define SMMU_IDR1_EVENTQS(r)	((r) >> 16 & 0x1f) /* log2 of the most entries */
#define SMMU_IDR1_CMDQS(r)	((r) >> 21 & 0x1f)
#define SMMU_IDR1_ATTR_TYPES_OVR BIT32(27) /* entries may override the type of incoming requests */
#define SMMU_IDR1_QUEUES_PRESET BIT32(29)
#define SMMU_IDR1_TABLES_PRESET BIT32(30)

/* 6.3.6 */
#define SMMU_IDR5_OAS(r) \
	((r)&7) /* width of output addresses: 32, 36, 40, 42, 44, 48, 52 bits; 7 is reserved */
#define SMMU_IDR5_GRAN4K BIT32(4)

/* 6.3.9 */
#define SMMU_CR0_SMMUEN	  BIT32(0)
#define SMMU_CR0_EVENTQEN BIT32(2)
#define SMMU_CR0_CMDQEN	  BIT32(3)
#define SMMU_CR0_ATSCHK	  BIT32(4) /* translated requests are checked by their stream's entry, too */
#define SMMU_CR0_ALL	  0x1fu	   /* and PRIQEN */

/* 6.3.11: cacheability and shareability of what it reads and writes itself */
#define SMMU_CR1_QUEUE_IC_WB BIT32(0)
#define SMMU_CR1_QUEUE_OC_WB BIT32(2)
#define SMMU_CR1_QUEUE_ISH   (3u << 4)
#define SMMU_CR1_TABLE_IC_WB BIT32(6)
#define SMMU_CR1_TABLE_OC_WB BIT32(8)
#define SMMU_CR1_TABLE_ISH   (3u << 10)

/* 6.3.12 */
#define SMMU_CR2_RECINVSID BIT32(1) /* requests of streams beyond the table are recorded */
#define SMMU_CR2_PTM	   BIT32(2) /* the CPUs' broadcast TLB maintenance does not concern it */

/* 6.3.14: what becomes of all requests while SMMUEN = 0 */
#define SMMU_GBPA_ABORT	 BIT32(20)
#define SMMU_GBPA_UPDATE BIT32(31)

/* 6.3.16 */
#define SMMU_IRQ_GERROR BIT32(0)
#define SMMU_IRQ_EVENTQ BIT32(2)
#define SMMU_IRQ_ALL	7u

/*
 * 6.3.18: an error is active while its bit differs between GERROR and GERRORN; software answers by toggling.
 */
#define SMMU_GERROR_CMDQ_ERR	   BIT32(0)
#define SMMU_GERROR_EVENTQ_ABT_ERR BIT32(2) /* records were lost: they could not be written */
#define SMMU_GERROR_SFM_ERR	   BIT32(8) /* service failure mode: nothing is translated any more */
#define SMMU_GERROR_KNOWN	   0x1fdu

/* 6.3.24 */
#define SMMU_STRTAB_BASE_RA    BIT(62) /* read-allocate hint */
#define SMMU_STRTAB_TWO_LEVEL  (1u << 16)
#define SMMU_STRTAB_SPLIT(n)   ((u32)(n) << 6)
#define SMMU_STRTAB_LOG2(n)    ((u32)(n))

/* 6.3.26, 6.3.29: address 51:5, log2 of the entries 4:0, allocate hint 62 */
#define SMMU_QUEUE_ALLOCATE BIT(62)

/* 6.3.28 */
#define SMMU_CMDQ_ERR(cons) ((cons) >> 24 & 0x7f)
enum smmu_cmdq_error { SMMU_CERROR_NONE, SMMU_CERROR_ILL, SMMU_CERROR_ABT, SMMU_CERROR_ATC_INV_SYNC };

/* 6.3.30: OVFLG in PROD, OVACKFLG in CONS: records were lost while they differ */
#define SMMU_EVENTQ_OVERFLOW BIT32(31)

/* ---- stream table, 5.1 and 5.2 ------------------------------------------------------------------------- */

/* With 6 bits a table of the second level is one page. */
#define SMMU_SPLIT	  6u
#define SMMU_LEAF_ENTRIES (1u << SMMU_SPLIT)

/* Level 1 descriptor, 5.1: Span 4:0 (0: no table; n: 2^(n - 1) entries), L2Ptr 51:6 */
#define SMMU_L1_SPAN	((u64)SMMU_SPLIT + 1)
#define SMMU_L1_POINTER GENMASK64(51, 6)

struct smmu_ste {
	u64 word[8];
};
static_assert(sizeof(struct smmu_ste) == 64, "stream table entry, 5.2");
static_assert(SMMU_LEAF_ENTRIES * sizeof(struct smmu_ste) == PAGE_SIZE,
	      "a table of the second level is a page");

/* Word 0. V = 0: the request is aborted, and C_BAD_STE recorded. */
#define SMMU_STE_V	       BIT(0)
#define SMMU_STE_CONFIG_STAGE2 (6ull << 1) /* stage 1 is bypassed, stage 2 translates */
/* Word 1. EATS 29:28 = 0: no translation requests, no translated requests. STRW 31:30 = 0: NS-EL1 */
#define SMMU_STE_MEV	       BIT(19)	  /* like events may be merged */
#define SMMU_STE_SHCFG_INCOMING (1ull << 44) /* with IDR1.ATTR_TYPES_OVR; else the field is 0 */
/* Word 2 */
#define SMMU_STE_S2VMID(id)    ((u64)(id))
#define SMMU_STE_S2VMID_OF(w)  ((u16)(w))
#define SMMU_STE_S2T0SZ(bits)  ((u64)(64 - (bits)) << 32)
#define SMMU_STE_S2SL0(levels) (((u64)(levels) - 2) << 38) /* 4 KiB granule: 2, 3 or 4 levels */
#define SMMU_STE_S2IR0_WB      (1ull << 40)
#define SMMU_STE_S2OR0_WB      (1ull << 42)
#define SMMU_STE_S2SH0_INNER   (3ull << 44) /* S2TG 47:46 = 0: 4 KiB granule */
#define SMMU_STE_S2PS(oas)     ((u64)(oas) << 48)
#define SMMU_STE_S2AA64	       BIT(51)
#define SMMU_STE_S2AFFD	       BIT(53) /* the access flag does not count */
#define SMMU_STE_S2R	       BIT(58) /* faults are recorded; S2S 57 = 0: and terminated, not stalled */
/* Word 3 */
#define SMMU_STE_S2TTB	       GENMASK64(51, 4)

/* ---- commands, chapter 4 ------------------------------------------------------------------------------- */

struct smmu_command {
	u64 word[2]; /* opcode 7:0 */
};
static_assert(sizeof(struct smmu_command) == 16, "command, 4.1");

enum smmu_opcode {
	SMMU_CMD_CFGI_STE = 0x03,	/* 4.3.1: StreamID 63:32, Leaf 64 */
	SMMU_CMD_CFGI_STE_RANGE = 0x04, /* 4.3.2: Range 68:64; 31: CMD_CFGI_ALL, 4.3.3 */
	SMMU_CMD_TLBI_S12_VMALL = 0x28, /* 4.4.3.3: VMID 47:32 */
	SMMU_CMD_TLBI_S2_IPA = 0x2a,	/* 4.4.3.2: VMID 47:32, Leaf 64, address 115:76 */
	SMMU_CMD_TLBI_NSNH_ALL = 0x30,	/* 4.4.4.1 */
	SMMU_CMD_SYNC = 0x46,		/* 4.7.3: CS 13:12 = 0: no signal */
};
#define SMMU_CMD_OPCODE(word0) ((unsigned int)((word0) & 0xff))
#define SMMU_CMD_SID(sid)      ((u64)(sid) << 32)
#define SMMU_CMD_VMID(id)      ((u64)(id) << 32)
#define SMMU_CMD_RANGE_ALL     31ull
#define SMMU_CMD_ADDRESS       GENMASK64(51, 12) /* Leaf 0 = 0: what is known of the tables above it, too */

/* ---- events, 7.3 --------------------------------------------------------------------------------------- */

struct smmu_event {
	u64 word[4];
};
static_assert(sizeof(struct smmu_event) == 32, "event record, 7.3");

#define SMMU_EVENT_TYPE(e)   ((u8)(e)->word[0])
#define SMMU_EVENT_SID(e)    ((u32)((e)->word[0] >> 32))
#define SMMU_EVENT_RNW	     BIT(35) /* of word 1: a read */
#define SMMU_EVENT_ADDRESS(e) ((e)->word[2]) /* InputAddr, where the event has one */

enum smmu_event_type {
	SMMU_F_UUT = 0x01,
	SMMU_C_BAD_STREAMID = 0x02,
	SMMU_F_STE_FETCH = 0x03,
	SMMU_C_BAD_STE = 0x04,
	SMMU_F_BAD_ATS_TREQ = 0x05,
	SMMU_F_STREAM_DISABLED = 0x06,
	SMMU_F_TRANSL_FORBIDDEN = 0x07,
	SMMU_C_BAD_SUBSTREAMID = 0x08,
	SMMU_F_CD_FETCH = 0x09,
	SMMU_C_BAD_CD = 0x0a,
	SMMU_F_WALK_EABT = 0x0b,
	SMMU_F_TRANSLATION = 0x10,
	SMMU_F_ADDR_SIZE = 0x11,
	SMMU_F_ACCESS = 0x12,
	SMMU_F_PERMISSION = 0x13,
	SMMU_F_TLB_CONFLICT = 0x20,
	SMMU_F_CFG_CONFLICT = 0x21,
	SMMU_E_PAGE_REQUEST = 0x24,
	SMMU_F_VMS_FETCH = 0x25,
};

#endif

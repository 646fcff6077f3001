/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VT-d's registers and the structures that it reads from memory, named as the Intel VT-d specification
 * (rev. 4.1) names them. Sections are those of that document. No code but field access.
 */
#ifndef DRIVERS_IOMMU_VTD_REGS_H
#define DRIVERS_IOMMU_VTD_REGS_H

#include "core/types.h"

/* ---- registers, 11.4 (offsets: 11.2, table 55) --------------------------------------------------------- */

#define VTD_VER	    0x00 /* 32 bits, 11.4.1: major 7:4, minor 3:0 */
#define VTD_CAP	    0x08 /* 64 bits, 11.4.2 */
#define VTD_ECAP    0x10 /* 64 bits, 11.4.3 */
#define VTD_GCMD    0x18 /* 32 bits, write-only, 11.4.4.1 */
#define VTD_GSTS    0x1c /* 32 bits, read-only, 11.4.4.2 */
#define VTD_RTADDR  0x20 /* 64 bits, 11.4.5: table 63:12, mode 11:10 (0: legacy) */
#define VTD_FSTS    0x34 /* 32 bits, 11.4.7.1 */
#define VTD_FECTL   0x38 /* 32 bits, 11.4.7.2 */
#define VTD_FEDATA  0x3c /* 32 bits, 11.4.7.3 */
#define VTD_FEADDR  0x40 /* 32 bits, 11.4.7.4 */
#define VTD_FEUADDR 0x44 /* 32 bits, 11.4.7.5 */
#define VTD_PMEN    0x64 /* 32 bits, 11.4.8.1 */
#define VTD_IQH	    0x80 /* 64 bits, 11.4.9.1 */
#define VTD_IQT	    0x88 /* 64 bits, 11.4.9.2 */
#define VTD_IQA	    0x90 /* 64 bits, 11.4.9.3 */
#define VTD_IQERCD  0xb0 /* 64 bits, 11.4.9.9 */
#define VTD_IRTA    0xb8 /* 64 bits, 11.4.10: table 63:12, EIME 11, size 3:0 */

/* Capability register, 11.4.2 */
#define VTD_CAP_ND(cap)	   ((unsigned int)((cap) & 7)) /* 2^(4 + 2 * ND) domain IDs; 7 is reserved */
#define VTD_CAP_RWBF	   BIT(4)		     /* write buffer to be flushed after changes to tables */
#define VTD_CAP_PLMR	   BIT(5)		     /* protected low-memory region */
#define VTD_CAP_PHMR	   BIT(6)		     /* protected high-memory region */
#define VTD_CAP_CM	   BIT(7)		     /* caching mode: absent entries are cached too */
#define VTD_CAP_SAGAW(cap) ((unsigned int)((cap) >> 8) & 0x1f) /* bit n: tables of n + 2 levels */
/* width of an untranslated address, less one */
#define VTD_CAP_MGAW(cap) ((unsigned int)((cap) >> 16) & 0x3f)
/* fault recording registers, in units of 16 bytes */
#define VTD_CAP_FRO(cap) ((unsigned int)((cap) >> 24) & 0x3ff)
/* second-stage large pages: bit 0 2 MiB, bit 1 1 GiB */
#define VTD_CAP_SSLPS(cap) ((unsigned int)((cap) >> 34) & 0xf)
#define VTD_CAP_PSI BIT(39) /* page-selective invalidation */
/* number of fault recording registers, less one */
#define VTD_CAP_NFR(cap) ((unsigned int)((cap) >> 40) & 0xff)
/* largest address mask of a page-selective invalidation */
#define VTD_CAP_MAMV(cap) ((unsigned int)((cap) >> 48) & 0x3f)
#define VTD_CAP_DWD BIT(54) /* write draining */
#define VTD_CAP_DRD BIT(55) /* read draining */

/* Extended capability register, 11.4.3 */
#define VTD_ECAP_C	   BIT(0)				 /* table walks snoop the CPU's caches */
#define VTD_ECAP_QI	   BIT(1)				 /* queued invalidation */
#define VTD_ECAP_IR	   BIT(3)				 /* interrupt remapping */
#define VTD_ECAP_EIM	   BIT(4)				 /* extended interrupt mode */
#define VTD_ECAP_IRO(ecap) ((unsigned int)((ecap) >> 8) & 0x3ff) /* IOTLB registers, in units of 16 bytes */

/* largest index mask of an interrupt entry cache invalidation */
#define VTD_ECAP_MHMV(ecap) ((unsigned int)((ecap) >> 20) & 0xf)

/* Global command and status: the same bit numbers, 11.4.4 */
#define VTD_GCMD_TE   BIT32(31) /* translation enable */
#define VTD_GCMD_SRTP BIT32(30) /* set root table pointer (one shot) */
#define VTD_GCMD_WBF  BIT32(27) /* write buffer flush (one shot; the status bit is set while it lasts) */
#define VTD_GCMD_QIE  BIT32(26) /* queued invalidation enable */
#define VTD_GCMD_IRE  BIT32(25) /* interrupt remapping enable */
#define VTD_GCMD_SIRTP BIT32(24) /* set interrupt remapping table pointer (one shot) */
#define VTD_GCMD_CFI  BIT32(23) /* let interrupts in compatibility format pass */
/* The status bits that a command must repeat to leave as they are: all but
 * SRTP 30, SFL 29, WBF 27, SIRTP 24. */
#define VTD_GSTS_KEEP 0x96ffffffu

/* Fault status, 11.4.7.1. All but PPF and FRI are cleared by writing 1. */
#define VTD_FSTS_PFO	   BIT32(0)		  /* primary fault overflow */
#define VTD_FSTS_PPF	   BIT32(1)		  /* primary pending fault */
#define VTD_FSTS_IQE	   BIT32(4)		  /* invalidation queue error */
#define VTD_FSTS_ICE	   BIT32(5)		  /* invalidation completion error */
#define VTD_FSTS_ITE	   BIT32(6)		  /* invalidation time-out error */
#define VTD_FSTS_FRI(fsts) (((fsts) >> 8) & 0xff) /* the first pending fault recording register */

#define VTD_FECTL_IM BIT32(31) /* message masked */

#define VTD_PMEN_EPM BIT32(31) /* enable protected memory */
#define VTD_PMEN_PRS BIT32(0)  /* protected region status */

#define VTD_IQA_SIZE_256 0 /* QS 2:0: 2^QS pages of 256 descriptors of 128 bits; DW 11 = 0 */
#define VTD_IQ_SHIFT	 4 /* IQH and IQT: index at 18:4 for descriptors of 128 bits */

/* ---- fault recording registers, 11.4.7.6: 128 bits each, at VTD_CAP_FRO * 16 --------------------------- */

#define VTD_FRCD_SIZE	   16
#define VTD_FRCD_LOW	   0  /* 64 bits: faulting address 63:12 */
#define VTD_FRCD_HIGH	   8  /* 64 bits */
#define VTD_FRCD_TOP	   12 /* 32 bits: the word that holds F */
#define VTD_FRCD_FI(low)   ((low) & PAGE_MASK)
#define VTD_FRCD_INDEX(low) ((u32)((low) >> 48)) /* FI of an interrupt's fault: its index */
#define VTD_FRCD_SID(high) ((u16)(high))
#define VTD_FRCD_FR(high)  ((u8)((high) >> 32))
#define VTD_FRCD_T1	   BIT(62)   /* with T2 clear: 1 read, 0 write */
#define VTD_FRCD_TOP_F	   BIT32(31) /* a fault is recorded; writing 1 clears */

/* ---- root and context tables (legacy mode), 9.1 and 9.3 ------------------------------------------------ */

struct vtd_root_entry {
	u64 low; /* P 0, context table pointer 63:12 */
	u64 high;
};
static_assert(sizeof(struct vtd_root_entry) == 16, "root entry, 9.1");

#define VTD_ROOT_P BIT(0)

struct vtd_context_entry {
	u64 low;  /* P 0, FPD 1, TT 3:2, second-stage page table pointer 63:12 */
	u64 high; /* AW 2:0, DID 23:8 */
};
static_assert(sizeof(struct vtd_context_entry) == 16, "context entry, 9.3");

#define VTD_CONTEXT_P BIT(0)
/* second stage; translated and translation requests are blocked */
#define VTD_CONTEXT_TT_UNTRANSLATED (0ull << 2)
#define VTD_CONTEXT_AW(levels)	 ((u64)(levels) - 2)
#define VTD_CONTEXT_DID(id)	 ((u64)(id) << 8)
#define VTD_CONTEXT_DID_OF(high) ((u16)((high) >> 8))

/* ---- interrupt remapping, 5.1.2 and 9.10 --------------------------------------------------------------- */

/* Remapped format (IM 15 = 0). The high half is of the requester, and fixed while the entry is present. */
struct vtd_irte {
	u64 low;
	u64 high; /* SID 15:0, SQ 17:16, SVT 19:18 of this half */
};
static_assert(sizeof(struct vtd_irte) == 16, "interrupt remapping table entry, 9.10");
static_assert(offsetof(struct vtd_irte, high) == 8, "interrupt remapping table entry, 9.10");

#define VTD_IRTA_EIME BIT(11)			  /* destinations are 32 bits, APICs in x2APIC mode */
#define VTD_IRTA_SIZE(order) ((u64)(order) - 1) /* S 3:0: 2^(S + 1) entries */

#define VTD_IRTE_P		BIT(0) /* present; FPD 1 = 0: faults are recorded */
#define VTD_IRTE_DM		BIT(2) /* destination mode: logical */
#define VTD_IRTE_RH		BIT(3) /* redirection hint */
#define VTD_IRTE_TM		BIT(4) /* trigger mode: level */
#define VTD_IRTE_DLM(mode)	((u64)(mode) << 5)
#define VTD_IRTE_DLM_OF(low)	((unsigned int)((low) >> 5) & 7)
#define VTD_IRTE_V(vector)	((u64)(vector) << 16)
#define VTD_IRTE_V_OF(low)	((u8)((low) >> 16))
#define VTD_IRTE_DST(id)	((u64)(id) << 32) /* EIME = 1 */
#define VTD_IRTE_DST_OF(low)	((u32)((low) >> 32))
#define VTD_IRTE_DST_8(id)	((u64)(id) << 40) /* EIME = 0: bits 15:8 of the field */
#define VTD_IRTE_DST_8_OF(low)	((u8)((low) >> 40))
enum vtd_delivery_mode { VTD_DLM_FIXED = 0, VTD_DLM_LOWEST = 1, VTD_DLM_NMI = 4 };

#define VTD_IRTE_SID(id)	((u64)(id))
#define VTD_IRTE_SID_OF(high)	((u16)(high))
#define VTD_IRTE_SQ(ignored)	((u64)(ignored) << 16) /* 0: all bits count; 1: but 2; 2: but 2:1; 3: but 2:0 */
#define VTD_IRTE_SQ_OF(high)	((u8)((high) >> 16 & 3))
#define VTD_IRTE_SVT(type)	((u64)(type) << 18)
#define VTD_IRTE_SVT_OF(high)	((unsigned int)((high) >> 18) & 3)
/* BUS: SID 15:8 is the first bus, 7:0 the last */
enum vtd_validation { VTD_SVT_NONE = 0, VTD_SVT_ID = 1, VTD_SVT_BUS = 2 };

/* A message in remappable format, 5.1.2.2: handle 14:0 in address bits 19:5, its bit 15 in bit 2 */
#define VTD_MESSAGE_ADDRESS	    0xfee00000ull
#define VTD_MESSAGE_REMAPPABLE	    BIT(4)
#define VTD_MESSAGE_SHV		    BIT(3) /* the data's low 16 bits are added to the handle */
#define VTD_MESSAGE_HANDLE(index) (((u64)(index) & 0x7fff) << 5 | ((u64)(index) >> 15 & 1) << 2)

/* ---- descriptors of the invalidation queue, 6.5.2 ------------------------------------------------------ */

struct vtd_descriptor {
	u64 low; /* type 3:0 (and 11:9, zero for these) */
	u64 high;
};
static_assert(sizeof(struct vtd_descriptor) == 16, "invalidation descriptor, 6.5.2");

enum vtd_descriptor_type { VTD_DESC_CONTEXT = 1, VTD_DESC_IOTLB = 2, VTD_DESC_INTR = 4, VTD_DESC_WAIT = 5 };

/* Granularity G 5:4 of both, 6.5.2.1 and 6.5.2.3 */
enum vtd_context_granularity { VTD_CONTEXT_GLOBAL = 1, VTD_CONTEXT_DOMAIN = 2, VTD_CONTEXT_DEVICE = 3 };
enum vtd_iotlb_granularity { VTD_IOTLB_GLOBAL = 1, VTD_IOTLB_DOMAIN = 2, VTD_IOTLB_PAGES = 3 };

#define VTD_DESC_G(g)		  ((u64)(g) << 4)
#define VTD_DESC_DID(id)	  ((u64)(id) << 16)  /* 31:16 */
#define VTD_DESC_CONTEXT_SID(sid) ((u64)(sid) << 32) /* 47:32; FM 49:48 = 0: exactly this function */
#define VTD_DESC_IOTLB_DW	  BIT(6)	     /* drain writes */
#define VTD_DESC_IOTLB_DR	  BIT(7)	     /* drain reads */
#define VTD_DESC_IOTLB_AM(order) \
	((u64)(order))			 /* high, 5:0: 2^AM pages; IH 6 = 0: tables may have changed too */
/* Interrupt entry cache, 6.5.2.7: all of it, or 2^IM entries from IIDX on */
#define VTD_DESC_INTR_INDEXED	  BIT(4)
#define VTD_DESC_INTR_IM(order)	  ((u64)(order) << 27)
#define VTD_DESC_INTR_IIDX(index) ((u64)(index) << 32)
#define VTD_DESC_WAIT_SW	  BIT(5) /* write the status when all earlier descriptors are done */
#define VTD_DESC_WAIT_FN	  BIT(6) /* and do not begin later ones before */
#define VTD_DESC_WAIT_DATA(value) ((u64)(value) << 32)

/* The descriptor at `low`'s type, for a log line. */
#define VTD_DESC_TYPE(low) ((unsigned int)((low) & 0xf))

#endif

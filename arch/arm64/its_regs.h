/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ITS and what of a redistributor concerns LPIs, named as the GIC architecture specification (Arm IHI
 * 0069H) names it: registers (chapter 12), tables in memory (5.1, 5.2), commands (5.3). No code but field
 * access.
 */
#ifndef ARCH_ARM64_ITS_REGS_H
#define ARCH_ARM64_ITS_REGS_H

#include "core/types.h"

/* ---- the ITS: a control page and a translation page of 64 KiB each (12.18) ---- */

#define GITS_PAGES_SIZE 0x20000u
#define GITS_CTLR	0x0000 /* 32 bits */
#define GITS_TYPER	0x0008
#define GITS_CBASER	0x0080
#define GITS_CWRITER	0x0088
#define GITS_CREADR	0x0090
#define GITS_BASER(n)	(0x0100u + 8 * (n))
#define GITS_BASERS	8
#define GITS_TRANSLATER 0x10040 /* 32 bits: a device writes the EventID */

#define GITS_CTLR_ENABLED   BIT32(0)
#define GITS_CTLR_QUIESCENT BIT32(31) /* no translation goes on, nothing is cached that is not in memory */

#define GITS_TYPER_PHYSICAL	     BIT(0)
#define GITS_TYPER_CCT		     BIT(2) /* collections in memory come on top of HCC */
#define GITS_TYPER_ITT_ENTRY_SIZE(t) ((unsigned int)((t) >> 4 & 0xf) + 1)
#define GITS_TYPER_ID_BITS(t)	     ((unsigned int)((t) >> 8 & 0x1f) + 1)  /* of an EventID */
#define GITS_TYPER_DEVBITS(t)	     ((unsigned int)((t) >> 13 & 0x1f) + 1) /* of a DeviceID */
#define GITS_TYPER_PTA		     BIT(19) /* a redistributor is named by its address; else by its number */
#define GITS_TYPER_HCC(t)	     ((unsigned int)((t) >> 24 & 0xff)) /* collections that need no memory */
#define GITS_TYPER_CIDBITS(t) \
	((unsigned int)((t) >> 32 & 0xf) + 1) /* of a collection's ID, if CIL; else 16 */
#define GITS_TYPER_CIL BIT(36)

/* Memory attributes, as all the descriptors have them. */
#define GIC_NON_CACHEABLE 1ull /* Normal */
#define GIC_WRITE_BACK	  7ull /* Normal, read-allocate, write-allocate */
#define GIC_SHARE_INNER	  1ull
/* Does what was read back say that hardware's accesses snoop the CPUs' caches? */
#define GIC_IS_CACHEABLE(inner_cache) ((inner_cache) > GIC_NON_CACHEABLE)

#define GITS_BASER_VALID	   BIT(63)
#define GITS_BASER_INDIRECT	   BIT(62)
#define GITS_BASER_CACHE(c)	   ((u64)(c) << 59)
#define GITS_BASER_CACHE_OF(b)	   ((b) >> 59 & 7)
#define GITS_BASER_TYPE(b)	   ((unsigned int)((b) >> 56 & 7))
#define GITS_BASER_ENTRY_SIZE(b)   ((unsigned int)((b) >> 48 & 0x1f) + 1)
#define GITS_BASER_ADDRESS	   GENMASK64(47, 12)
#define GITS_BASER_HIGH_SHIFT	   36 /* with pages of 64 KiB, address bits 51:48 are in 15:12 */
#define GITS_BASER_SHARE(s)	   ((u64)(s) << 10)
#define GITS_BASER_SHARE_OF(b)	   ((b) >> 10 & 3)
#define GITS_BASER_PAGE_SIZE(code) ((u64)(code) << 8)
#define GITS_BASER_PAGE_SIZE_OF(b) ((unsigned int)((b) >> 8 & 3))
#define GITS_PAGE_BYTES(code)	   (4096ull << 2 * ((code) < 2 ? (code) : 2)) /* 4, 16, 64 KiB; 3 is as 2 */
#define GITS_BASER_PAGES_MAX	   256u
#define GITS_BASER_SIZE(pages)	   ((u64)(pages)-1)
/* What has to be read back as it was written. */
#define GITS_BASER_GIVEN (GITS_BASER_VALID | GITS_BASER_INDIRECT | GITS_BASER_ADDRESS | GENMASK64(9, 0))
enum gits_table { GITS_TABLE_NONE = 0, GITS_TABLE_DEVICES = 1, GITS_TABLE_COLLECTIONS = 4 };

/* Two levels (Indirect): an entry of the first holds the address of a page of entries. */
#define GITS_LEVEL1_VALID BIT(63)
#define GITS_LEVEL1_BYTES 8u

#define GITS_CBASER_VALID	BIT(63)
#define GITS_CBASER_CACHE(c)	((u64)(c) << 59)
#define GITS_CBASER_CACHE_OF(b) ((b) >> 59 & 7)
#define GITS_CBASER_ADDRESS	GENMASK64(51, 12) /* 15:12 have to be 0 */
#define GITS_CBASER_SHARE(s)	((u64)(s) << 10)
#define GITS_CBASER_SHARE_OF(b) ((b) >> 10 & 3)
#define GITS_CBASER_SIZE(pages) ((u64)(pages)-1) /* of 4 KiB */

#define GITS_CWRITER_RETRY  BIT(0)
#define GITS_CREADR_STALLED BIT(0)
#define GITS_QUEUE_SHIFT    5 /* CWRITER and CREADR: offset in the queue, 19:5 */
#define GITS_QUEUE_INDEX(r) ((unsigned int)((r) >> GITS_QUEUE_SHIFT & 0x7fff))

/* ---- commands, 5.3 ---- */

struct its_command {
	u64 word[4];
};
static_assert(sizeof(struct its_command) == 32, "ITS command, 5.3");

enum its_opcode {
	ITS_MOVI = 0x01,
	ITS_SYNC = 0x05,
	ITS_MAPD = 0x08,
	ITS_MAPC = 0x09,
	ITS_MAPTI = 0x0a,
	ITS_INV = 0x0c,
	ITS_INVALL = 0x0d,
	ITS_DISCARD = 0x0f,
};

#define ITS_OPCODE(word0)    ((unsigned int)((word0)&0xff))
#define ITS_DEVICE(id)	     ((u64)(id) << 32) /* word 0 */
#define ITS_EVENT(id)	     ((u64)(id))       /* word 1 */
#define ITS_INTID(id)	     ((u64)(id) << 32) /* word 1 */
#define ITS_EVENT_BITS(bits) ((u64)(bits)-1)   /* word 1 of MAPD: of the table's EventIDs */
#define ITS_VALID	     BIT(63)	       /* word 2 of MAPD, MAPC */
#define ITS_ITT_ADDRESS	     GENMASK64(51, 8)  /* word 2 of MAPD */
#define ITS_TARGET	     GENMASK64(51, 16) /* word 2 of MAPC, SYNC: a redistributor */
#define ITS_COLLECTION(id)   ((u64)(id))       /* word 2 */
#define ITS_ITT_ALIGN	     256u

/* ---- the distributor and redistributors ---- */

#define GICD_TYPER	       0x0004 /* 32 bits */
#define GICD_TYPER_LPIS	       BIT32(17)
#define GICD_TYPER_ID_BITS(t)  (((t) >> 19 & 0x1f) + 1)
#define GICD_TYPER_NUM_LPIS(t) ((t) >> 11 & 0x1f) /* not 0: 2^(n + 1) LPIs are all */

#define GICR_CTLR      0x0000 /* 32 bits */
#define GICR_TYPER     0x0008
#define GICR_PROPBASER 0x0070
#define GICR_PENDBASER 0x0078

#define GICR_CTLR_ENABLE_LPIS BIT32(0)
#define GICR_CTLR_CES	      BIT32(1) /* EnableLPIs can be cleared; 0: perhaps */
#define GICR_CTLR_RWP	      BIT32(3) /* clearing EnableLPIs has not come to its end */

#define GICR_TYPER_PLPIS BIT(0)

#define GICR_PROPBASER_ADDRESS	     GENMASK64(51, 12)
#define GICR_PROPBASER_ID_BITS(bits) ((u64)(bits)-1)
#define GICR_PROPBASER_ID_BITS_MASK  GENMASK64(4, 0)
#define GICR_PENDBASER_PTZ	     BIT(62) /* the pending table holds zeros */
#define GICR_PENDBASER_ADDRESS	     GENMASK64(51, 16)
#define GICR_PENDING_ALIGN	     0x10000u
/* Both: */
#define GICR_BASER_CACHE(c)    ((u64)(c) << 7)
#define GICR_BASER_CACHE_OF(b) ((b) >> 7 & 7)
#define GICR_BASER_SHARE(s)    ((u64)(s) << 10)
#define GICR_BASER_SHARE_OF(b) ((b) >> 10 & 3)

/* LPI configuration table, 5.1.1: a byte for each LPI, priority 7:2. */
#define LPI_ENABLED BIT32(0)
#define LPI_RES1    BIT32(1)

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One writer for every radix page table Fairlead builds: its own (x86-64 long mode), the guest's (NPT, EPT,
 * arm64 stage 2) and the devices' (VT-d second level, AMD-Vi). A format is data: which bits mean what
 * (formats.c, one entry a format, each cited). The writer knows no format by name.
 *
 * What it guards: no mapping is ever silently replaced (-EEXIST), a failed pt_map() leaves the table as it
 * was, and a table page that an unmap emptied is not reused before the owner says that stale translations are
 * gone (pt_reclaim).
 *
 * The caller serialises calls on one table. The writer does not flush: the owner of the table does, after the
 * change and before it relies on it. Large pages are used wherever alignment of both addresses and
 * pt->max_leaf allow.
 */
#ifndef CORE_PAGETABLE_H
#define CORE_PAGETABLE_H

#include "core/types.h"

/* What a mapping allows, and its memory type. Each format translates them to its own bits; a format that
 * lacks one ignores it only if ignoring is safe (EXEC for DMA), else pt_map() says -EOPNOTSUPP. */
enum pt_prot {
	PT_READ = 1,
	PT_WRITE = 2,
	PT_EXEC = 4,
	PT_USER = 8,	/* Fairlead's own table only: memory of the guest, behind SMAP */
	PT_DEVICE = 16, /* uncached device memory; default is write-back memory */
};

struct pt_format; /* formats.h */

/* Fairlead's own table: AMD64 APM vol. 2, 5.3 / Intel SDM vol. 3A, 4.5 */
extern const struct pt_format pt_format_x86_64;
/* Every access is a user access: AMD64 APM vol. 2, 15.25 */
extern const struct pt_format pt_format_npt;
/* Intel SDM vol. 3C, 29.3 */
extern const struct pt_format pt_format_ept;
/* Second-stage paging entries: Intel VT-d specification 9.8 */
extern const struct pt_format pt_format_vtd_ss;
/* AMD I/O Virtualization Technology (IOMMU) specification 2.2.3 */
extern const struct pt_format pt_format_amdvi;
/* Stage 2, 4 KiB granule: Arm ARM D8.3 */
extern const struct pt_format pt_format_s2_lpae;

struct pagetable {
	const struct pt_format *format;
	void *root;	     /* top-level table; its physical address goes in the hardware's root register */
	unsigned int levels; /* 1..6: how many tables a walk reads */
	unsigned int max_leaf; /* largest leaf: 0 = 4 KiB, 1 = 2 MiB, 2 = 1 GiB */
	u64 address_bits;      /* input addresses are below 2^address_bits */
	void *retired;	       /* tables that an unmap emptied; still possibly cached by hardware */
	u64 table_pages;       /* pages in use, the root included */
	/*
	 * For hardware that reads tables past the CPU's caches: called after each change of an entry, and for
	 * each new table before it is linked. NULL after pt_init(); an owner that needs it sets it then, and
	 * flushes the root page once.
	 */
	void (*flush)(const void *start, size_t size);
};

/* An empty table; takes one page. -ENOMEM; -EINVAL: levels or max_leaf that
 * the format does not have. Boot. */
int MUST_CHECK pt_init(struct pagetable *pt, const struct pt_format *format, unsigned int levels,
		       unsigned int max_leaf);
/*
 * Maps [in, in+size) to [out, out+size). All 4 KiB aligned, size not 0. Boot and exit path (work is bounded
 * by the tables touched). -EINVAL: unaligned, empty, wrapping or beyond the format's input or output width.
 * -EEXIST: part of it is mapped. -ENOMEM. On any error nothing has changed.
 */
int MUST_CHECK pt_map(struct pagetable *pt, u64 in, u64 out, u64 size, unsigned int prot);
/*
 * Removes whatever is mapped in [in, in+size); holes are fine. Splits large pages that straddle an end.
 * -EINVAL as above; -ENOMEM: a split found no page (nothing changed). Emptied tables are retired, not freed.
 */
int MUST_CHECK pt_unmap(struct pagetable *pt, u64 in, u64 size);
/* Gives retired tables back. The caller has just waited until no hardware can hold a pointer to them. */
void pt_reclaim(struct pagetable *pt);
/*
 * Tables retired so far, or NULL, off the list: the caller's, to be given back when no hardware can hold a pointer to
 * them, or to be retired again. Others are retired meanwhile.
 */
void *pt_take_retired(struct pagetable *pt);
void pt_free_retired(void *tables);
void pt_retire_again(struct pagetable *pt, void *tables);
/*
 * Translates one address in software. Returns 0 and fills what is not NULL, or -ENOENT: not mapped, or
 * -EINVAL: beyond the width.
 */
int MUST_CHECK pt_lookup(const struct pagetable *pt, u64 in, u64 *out, unsigned int *prot, u64 *page_size);
struct pt_leaf {
	u64 in, out, size;
	unsigned int prot;
};
/*
 * The leaf at *in, or the next one above; *in becomes its end. False: there is none. For looking through a
 * table.
 */
bool pt_next_leaf(const struct pagetable *pt, u64 *in, struct pt_leaf *leaf);
/* Frees every table. Boot, when giving up; no hardware uses it. */
void pt_destroy(struct pagetable *pt);

#endif

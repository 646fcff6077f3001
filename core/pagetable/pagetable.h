/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One writer for every radix page table Fairlead builds: its own (x86-64 long mode, arm64 EL2), the guest's
 * (NPT, EPT, arm64 stage 2) and the devices' (VT-d second level, AMD-Vi). A format is data: which bits mean
 * what (formats.c, one entry a format, each cited). The writer knows no format by name.
 *
 * What it guards: no mapping is ever silently replaced (-EEXIST), a failed pt_map() leaves the table as it
 * was, and a table page that an unmap emptied is not reused before the owner says that stale translations are
 * gone (pt_reclaim).
 *
 * The caller serialises calls on one table. The writer does not flush TLBs: the owner of the table does,
 * after the change and before it relies on it; but see "Break before make". Large pages are used wherever
 * alignment of both addresses and pt->max_leaf allow.
 *
 * Break before make. On arm64 no TLB may ever hold two translations of one address that differ in size,
 * output address, memory type or contiguous hint (Arm ARM D8.14.1): the old entry becomes invalid, is flushed
 * from every TLB, and only then the new one is written. Three things here would break that, and how each is
 * kept:
 * - a large page that an unmap cuts (leaf -> table): invalid, pt->flush_tlb(), table;
 * - a run of leaves with the contiguous hint, part of which an unmap takes: all 16 invalid, pt->flush_tlb(),
 *   those that stay come back without the hint. Runs are only formed before the table is live
 *   (pt->form_runs);
 * - something new where something was unmapped: pt_unmap() ends with pt->flush_tlb().
 * So between "invalid" and "new" a walker may miss what is mapped before and after the call. CPUs get an exit
 * for that: the owner's handler looks at the table under the lock that the writer holds, finds the access
 * allowed and lets it be tried again (vm_allows()). Devices have nobody who tries again: a device's table
 * that is live is better not cut, or has small leaves where it will be, or an IOMMU that needs no break
 * before make (SMMU_IDR3.BBML).
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
	PT_USER = 8,	 /* Fairlead's own table only: memory of the guest, behind SMAP or PAN */
	PT_DEVICE = 16,	 /* uncached device memory; default is write-back memory */
	PT_GUARDED = 32, /* arm64 EL2, with PT_EXEC, with FEAT_BTI: indirect branches land on BTI only */
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
/*
 * Stage 2, 4 KiB granule: Arm ARM D8.3. By pt_init_input(); VTCR_EL2.T0SZ is then 64 - pt.address_bits, SL0
 * pt.levels - 2. The second: VTCR_EL2.DS = 1 (FEAT_LPA2), addresses of 52 bits, SH0 inner shareable.
 */
extern const struct pt_format pt_format_s2_lpae;
extern const struct pt_format pt_format_s2_lpae_52;
/*
 * Fairlead's own at EL2, by TTBR0_EL2; vhe: HCR_EL2.E2H = 1. MAIR_EL2.Attr0 is write-back, Attr1 device
 * nGnRnE. 52: TCR_EL2.DS = 1, SH0 inner shareable; with 5 levels it can be the identity map of RAM above 2^48.
 */
extern const struct pt_format pt_format_el2, pt_format_el2_52;
extern const struct pt_format pt_format_el2_vhe, pt_format_el2_vhe_52;

struct pagetable {
	const struct pt_format *format;
	void *root;	     /* top-level table; its physical address goes in the hardware's root register */
	unsigned int levels; /* 1..6: how many tables a walk reads */
	unsigned int root_tables; /* 1..16, side by side at root, aligned to all of their size */
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
	/*
	 * For hardware that needs break before make, from the moment on that it walks the table: waits until
	 * every store so far is seen by the walkers, and nothing of what was there before them is in any TLB
	 * or walk in progress. On the exit path, with the owner's lock held: bounded. NULL after pt_init():
	 * x86, or nobody walks it yet.
	 */
	void (*flush_tlb)(const struct pagetable *pt);
	/*
	 * The contiguous hint is used, where the format has it: the owner sets it, and clears it before
	 * hardware walks the table.
	 */
	bool form_runs;
};

/* An empty table; takes one page. -ENOMEM; -EINVAL: levels or max_leaf that
 * the format does not have. Boot. */
int MUST_CHECK pt_init(struct pagetable *pt, const struct pt_format *format, unsigned int levels,
		       unsigned int max_leaf);
/*
 * An empty table for input addresses of that width: of as few levels as reach so far and have leaves of
 * max_leaf, with 1 to 16 root tables side by side if the format allows that. -EINVAL: wider or narrower than
 * the format can; -ENOMEM. Boot.
 */
int MUST_CHECK pt_init_input(struct pagetable *pt, const struct pt_format *format, unsigned int input_bits,
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
 * With pt->flush_tlb: nothing of it is in a TLB when this returns.
 */
int MUST_CHECK pt_unmap(struct pagetable *pt, u64 in, u64 size);
/* Gives retired tables back. The caller has just waited until no hardware can hold a pointer to them. */
void pt_reclaim(struct pagetable *pt);
/*
 * Tables retired so far, or NULL, off the list: the caller's, to be given back when no hardware can hold a
 * pointer to them, or to be retired again. Others are retired meanwhile.
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
/* Frees every table (but not several root tables side by side). Boot, when giving up; no hardware uses it. */
void pt_destroy(struct pagetable *pt);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walk of AMD64 APM vol. 2, chapter 5. A mode is a row of data (how many levels, how wide an entry); one
 * loop serves all.
 */
#include "arch/x86/guest_walk.h"

#include "arch/x86/guest_mem.h"
#include "core/errno.h"

unsigned int guest_phys_bits = 52;

/* Page table entry bits common to all modes (APM vol. 2, 5.4.1). */
#define PTE_P BIT(0)
#define PTE_W BIT(1)
#define PTE_U BIT(2)
#define PTE_A BIT(5)
#define PTE_D BIT(6)
#define PTE_PS BIT(7)
#define PTE_LARGE_PAT BIT(12)
#define PTE_NX BIT(63)
#define PTE_ADDRESS GENMASK64(51, 12)
/* 5.2.3: no permissions at this level */
#define PDPTE_PAE_RESERVED (GENMASK64(2, 1) | GENMASK64(8, 5) | PTE_NX)
#define CR3_PAE GENMASK64(31, 5)
#define CR3_LEGACY GENMASK64(31, 12)

/* A 4 MiB page beyond 4 GiB (APM vol. 2, figure 5-6): entry bits 20:13 are address bits 39:32, bit 21 is
 * reserved. */
#define PSE_HIGH_SHIFT 13
#define PSE_HIGH_BITS 8
#define PSE_RESERVED BIT(21)

#define MAX_LEVELS 5
/* Entries change under the walk only when another CPU of the guest writes them; a few attempts, then the
 * guest runs again. */
#define WALK_ATTEMPTS 4

struct paging_mode {
	unsigned int levels;
	unsigned int entry_size; /* bytes */
	unsigned int index_bits;
	u64 root;
	bool pae_pdpt;	     /* the top level is PAE's 4-entry table */
	unsigned int max_ps; /* highest level (0 = page table) where PS means a large page */
	bool nx;
};

struct walk {
	gpa_t entry_gpa[MAX_LEVELS];
	u64 entry[MAX_LEVELS];
	unsigned int leaf; /* level of the last entry read */
	/* Bits that all entries have, and that any has. Not of PAE's 4-entry table, which has no permissions. */
	u64 all, any;
};

static bool in_long_mode(const struct vcpu *v)
{
	return v->efer & X86_EFER_LMA;
}

static struct paging_mode paging_mode(const struct vcpu *v)
{
	bool nx = v->efer & X86_EFER_NXE;

	if (in_long_mode(v))
		return (struct paging_mode){ .levels = (v->cr4 & X86_CR4_LA57) ? 5 : 4,
					     .entry_size = 8,
					     .index_bits = 9,
					     .root = v->cr3 & PTE_ADDRESS,
					     .max_ps = 2,
					     .nx = nx };
	if (v->cr4 & X86_CR4_PAE)
		return (struct paging_mode){ .levels = 3,
					     .entry_size = 8,
					     .index_bits = 9,
					     .root = v->cr3 & CR3_PAE,
					     .pae_pdpt = true,
					     .max_ps = 1,
					     .nx = nx };
	return (struct paging_mode){ .levels = 2,
				     .entry_size = 4,
				     .index_bits = 10,
				     .root = v->cr3 & CR3_LEGACY,
				     .max_ps = (v->cr4 & X86_CR4_PSE) ? 1 : 0 };
}

static bool is_canonical(const struct vcpu *v, u64 linear)
{
	unsigned int unused = (v->cr4 & X86_CR4_LA57) ? 64 - 57 : 64 - 48;

	return (u64)((s64)(linear << unused) >> unused) == linear;
}

static bool is_leaf(const struct paging_mode *mode, unsigned int level, u64 entry)
{
	return level == 0 || (level <= mode->max_ps && (entry & PTE_PS));
}

static unsigned int level_shift(const struct paging_mode *mode, unsigned int level)
{
	return PAGE_SHIFT + level * mode->index_bits;
}

/* Bits that must be zero in an entry of this level. */
static u64 reserved_bits(const struct paging_mode *mode, unsigned int level, u64 entry)
{
	bool large = level > 0 && is_leaf(mode, level, entry);
	u64 reserved = 0;

	if (mode->entry_size == 4) {
		if (large && guest_phys_bits < 32 + PSE_HIGH_BITS)
			reserved = GENMASK64(PSE_HIGH_SHIFT + PSE_HIGH_BITS - 1,
					     PSE_HIGH_SHIFT + guest_phys_bits - 32);
		return large ? reserved | PSE_RESERVED : 0;
	}
	if (guest_phys_bits < 52)
		reserved |= GENMASK64(51, guest_phys_bits);
	if (mode->pae_pdpt)
		reserved |= GENMASK64(62, 52); /* available only in long mode */
	if (mode->pae_pdpt && level == mode->levels - 1)
		return reserved | PDPTE_PAE_RESERVED;
	if (!mode->nx)
		reserved |= PTE_NX;
	if (level > mode->max_ps)
		reserved |= PTE_PS;
	if (large) /* address bits below the page's size, but for the PAT bit */
		reserved |= GENMASK64(level_shift(mode, level) - 1, PAGE_SHIFT) & ~PTE_LARGE_PAT;
	return reserved;
}

static u64 leaf_address(const struct paging_mode *mode, const struct walk *w, u64 linear)
{
	u64 in_page = BIT(level_shift(mode, w->leaf)) - 1;
	u64 entry = w->entry[w->leaf];
	u64 address = (entry & PTE_ADDRESS & ~in_page) | (linear & in_page);

	if (mode->entry_size == 4 && w->leaf > 0)
		address |= ((entry >> PSE_HIGH_SHIFT) & (BIT(PSE_HIGH_BITS) - 1)) << 32;
	return address;
}

/* Follows the entries down to the leaf. -EFAULT with the P and RSV bits of the error code; -EIO. */
static int walk_tables(const struct paging_mode *mode, u64 linear, struct walk *w, u32 *error)
{
	u64 table = mode->root;

	w->all = ~(u64)0;
	w->any = 0;
	for (unsigned int level = mode->levels; level-- > 0;) {
		u64 index = (linear >> level_shift(mode, level)) & (BIT(mode->index_bits) - 1);
		u64 entry;

		if (mode->pae_pdpt && level == mode->levels - 1)
			index &= 3;
		w->entry_gpa[level] = table + index * mode->entry_size;
		if (guest_phys_load(w->entry_gpa[level], mode->entry_size, &entry))
			return -EIO;
		w->entry[level] = entry;
		w->leaf = level;
		*error = 0;
		if (!(entry & PTE_P))
			return -EFAULT;
		*error = PF_PRESENT | PF_RESERVED;
		if (entry & reserved_bits(mode, level, entry))
			return -EFAULT;
		if (!(mode->pae_pdpt && level == mode->levels - 1)) {
			w->all &= entry;
			w->any |= entry;
		}
		if (is_leaf(mode, level, entry))
			return 0;
		table = entry & PTE_ADDRESS;
	}
	return -EIO; /* not reached: level 0 is always a leaf */
}

/* APM vol. 2, 5.6: may this access use that page? */
static bool is_allowed(const struct vcpu *v, const struct walk *w, enum guest_access access)
{
	bool user = w->all & PTE_U, writable = w->all & PTE_W;

	if (access == GUEST_FETCH && (w->any & PTE_NX)) /* a reserved bit where there is no such permission */
		return false;
	if (v->cpl == 3)
		return user && (access != GUEST_WRITE || writable);
	if (access == GUEST_FETCH)
		return !(user && (v->cr4 & X86_CR4_SMEP));
	if (user && (v->cr4 & X86_CR4_SMAP) && !(v->rflags & X86_RFLAGS_AC))
		return false;
	return access != GUEST_WRITE || writable || !(v->cr0 & X86_CR0_WP);
}

/* Sets Accessed on the way and Dirty in the leaf, top down, only in an entry that is still the one that was
 * read. */
static int set_accessed_dirty(const struct paging_mode *mode, const struct walk *w, enum guest_access access)
{
	if ((w->all & PTE_A) && (access != GUEST_WRITE || (w->entry[w->leaf] & PTE_D)))
		return 0; /* as most often: the processor's own walk has just set them */
	for (unsigned int level = mode->levels; level-- > w->leaf;) {
		u64 bits = PTE_A;
		int err;

		if (mode->pae_pdpt && level == mode->levels - 1)
			continue;
		if (level == w->leaf && access == GUEST_WRITE)
			bits |= PTE_D;
		if ((w->entry[level] & bits) == bits)
			continue;
		err = guest_phys_cmpxchg(w->entry_gpa[level], mode->entry_size, w->entry[level],
					 w->entry[level] | bits);
		if (err)
			return err == -EAGAIN ? -EAGAIN : -EIO;
	}
	return 0;
}

static u32 access_error_bits(const struct vcpu *v, enum guest_access access)
{
	bool nx = (v->efer & X86_EFER_NXE) && (v->cr4 & X86_CR4_PAE);
	bool tells_fetch = nx || (v->cr4 & X86_CR4_SMEP);
	u32 error = v->cpl == 3 ? PF_USER : 0;

	if (access == GUEST_WRITE)
		error |= PF_WRITE;
	if (access == GUEST_FETCH && tells_fetch)
		error |= PF_FETCH;
	return error;
}

int guest_translate(struct vcpu *v, u64 linear, enum guest_access access, gpa_t *gpa, u32 *pf_error)
{
	struct paging_mode mode = paging_mode(v);
	int err = -EAGAIN;

	if (in_long_mode(v)) {
		if (!is_canonical(v, linear))
			return -ERANGE;
	} else {
		linear = (u32)linear;
	}
	if (!(v->cr0 & X86_CR0_PG)) {
		*gpa = linear;
		return 0;
	}
	for (unsigned int attempt = 0; attempt < WALK_ATTEMPTS && err == -EAGAIN; attempt++) {
		struct walk w;

		err = walk_tables(&mode, linear, &w, pf_error);
		if (!err && !is_allowed(v, &w, access)) {
			*pf_error = PF_PRESENT;
			err = -EFAULT;
		}
		if (err == -EFAULT)
			*pf_error |= access_error_bits(v, access);
		if (!err)
			err = set_accessed_dirty(&mode, &w, access);
		if (!err)
			*gpa = leaf_address(&mode, &w, linear);
	}
	return err;
}

/* With the address that a page fault would report. */
static int translate(struct vcpu *v, u64 linear, enum guest_access access, gpa_t *gpa, struct guest_fault *fault)
{
	fault->address = in_long_mode(v) ? linear : (u32)linear;
	return guest_translate(v, linear, access, gpa, &fault->error);
}

int guest_translate_span(struct vcpu *v, u64 linear, unsigned int n, enum guest_access access,
			 struct guest_span *span, struct guest_fault *fault)
{
	unsigned int first = (unsigned int)min_u64(n, PAGE_SIZE - (linear & ~PAGE_MASK));
	int err = 0;

	span->pieces = first < n ? 2 : 1;
	span->piece[0].n = first;
	span->piece[1].n = n - first;
	for (unsigned int i = 0; i < span->pieces && !err; i++)
		err = translate(v, i ? linear + first : linear, access, &span->piece[i].gpa, fault);
	return err;
}

int guest_fetch(struct vcpu *v, u8 *buf, unsigned int max, unsigned int *got, struct guest_fault *fault)
{
	bool code64 = in_long_mode(v) && (v->seg[SEG_CS].attributes & SEG_ATTR_L);
	u64 linear = code64 ? v->rip : (u32)(v->seg[SEG_CS].base + v->rip);
	unsigned int first = (unsigned int)min_u64(max, PAGE_SIZE - (linear & ~PAGE_MASK));
	int err = 0;

	*got = 0;
	while (*got < max && !err) {
		unsigned int n = *got ? max - *got : first; /* in one page */
		gpa_t gpa;

		err = translate(v, linear + *got, GUEST_FETCH, &gpa, fault);
		if (!err && guest_phys_read(gpa, buf + *got, n))
			err = -EIO;
		if (!err)
			*got += n;
	}
	return *got ? 0 : err;
}

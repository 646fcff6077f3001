/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fake machine for threads that play CPUs: configuration space that resets, sizes its BARs, clears on a
 * written 1, brings virtual functions and vanishes; and its own clock. Beside it: fake_iommu.h,
 * fake_remap.h, and the CPUs' TLBs of tests/stress/guest.c.
 *
 * Everything shared is a relaxed atomic and nothing is locked: a lock in here would order the threads, and
 * ThreadSanitizer could no longer see where the code under test forgot to.
 *
 * Time stands still while any thread does: it is the smallest of the threads' own clocks, so a thread that
 * the host does not schedule makes nobody else's wait time out.
 *
 * Written from the specifications, with numbers of its own: it shares no table with the code under test.
 */
#ifndef TESTS_FAKE_THREADS_H
#define TESTS_FAKE_THREADS_H

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arch.h"
#include "core/errno.h"
#include "core/pagetable/pagetable.h"
#include "core/vm.h"
#include "drivers/iommu/iommu.h"
#include "drivers/pci/pci.h"

#define FT_THREADS_MAX 16
#define FT_TICK_US 2000u /* what one round of a thread's work counts */

extern _Thread_local unsigned int host_cpu;

/* ---- time ---- */

/* One file of a program defines FAKE_THREADS_HERE. */
extern _Atomic u64 ft_clock[FT_THREADS_MAX];
extern unsigned int ft_threads;
struct ft_fn;
extern struct ft_fn *ft_fn[65536];
/*
 * Called before a configuration access is answered: the answer pushes what functions have sent before it (PCIe
 * base spec 6.0, 2.4.1). NULL: they send nothing.
 */
extern void (*ft_push)(void);
/* Called when a function gets power, or is reset: what it has beside its configuration space. NULL: nothing. */
extern void (*ft_wipe)(struct ft_fn *f);

#ifdef FAKE_THREADS_HERE
_Atomic u64 ft_clock[FT_THREADS_MAX];
unsigned int ft_threads = 1;
struct ft_fn *ft_fn[65536];
void (*ft_push)(void);
void (*ft_wipe)(struct ft_fn *f);

u64 arch_time_us(void)
{
	u64 now = ~(u64)0;

	for (unsigned int i = 0; i < ft_threads; i++)
		now = min_u64(now, atomic_load_explicit(&ft_clock[i], memory_order_relaxed));
	return now;
}
#endif

static inline void ft_tick(void)
{
	atomic_fetch_add_explicit(&ft_clock[host_cpu], FT_TICK_US, memory_order_relaxed);
}

/* ---- functions ---- */

struct ft_fn {
	u16 bdf;
	_Atomic bool absent; /* pulled out, or a VF whose PF has VF Enable clear */
	_Atomic u8 cfg[4096];
	u8 rw[4096], w1c[4096];
	unsigned int express, sriov; /* offsets; 0: none */
	struct ft_fn *pf;	     /* of a virtual function */
	_Atomic u64 accesses, resets;
	_Atomic u64 silent_until_us; /* after a reset it answers all-ones */
	unsigned int last_cap, last_ext;
};

static inline u8 ft_get(struct ft_fn *f, unsigned int offset)
{
	return atomic_load_explicit(&f->cfg[offset], memory_order_relaxed);
}

static inline void ft_put(struct ft_fn *f, unsigned int offset, unsigned int size, u32 value)
{
	for (unsigned int i = 0; i < size; i++)
		atomic_store_explicit(&f->cfg[offset + i], (u8)(value >> (8 * i)), memory_order_relaxed);
}

static inline u32 ft_reg(struct ft_fn *f, unsigned int offset, unsigned int size)
{
	u32 value = 0;

	for (unsigned int i = 0; i < size; i++)
		value |= (u32)ft_get(f, offset + i) << (8 * i);
	return value;
}

static inline void ft_set(struct ft_fn *f, unsigned int offset, unsigned int size, u32 value, u32 rw, u32 w1c)
{
	ft_put(f, offset, size, value);
	for (unsigned int i = 0; i < size; i++) {
		f->rw[offset + i] = (u8)(rw >> (8 * i));
		f->w1c[offset + i] = (u8)(w1c >> (8 * i));
	}
}

/* SR-IOV Control (PCIe base spec 6.0, 9.3.3.3): bit 0 VF Enable, bit 3 VF MSE; NumVFs at +0x10. */
static inline bool ft_vf_enabled(struct ft_fn *pf, struct ft_fn *vf)
{
	u32 first = ft_reg(pf, pf->sriov + 0x14, 2), stride = ft_reg(pf, pf->sriov + 0x16, 2);
	u32 index = (vf->bdf - pf->bdf - first) / (stride ? stride : 1);

	return (ft_reg(pf, pf->sriov + 8, 2) & 1) && index < ft_reg(pf, pf->sriov + 0x10, 2);
}

static inline bool ft_answers(struct ft_fn *f)
{
	if (!f || atomic_load_explicit(&f->absent, memory_order_relaxed))
		return false;
	if (f->pf && (atomic_load_explicit(&f->pf->absent, memory_order_relaxed) || !ft_vf_enabled(f->pf, f)))
		return false;
	return arch_time_us() >= atomic_load_explicit(&f->silent_until_us, memory_order_relaxed);
}

static inline u32 ft_ones(unsigned int size)
{
	return size == 4 ? 0xffffffffu : (1u << (8 * size)) - 1;
}

static inline u32 ft_read(void *ctx, struct sbdf sbdf, unsigned int offset, unsigned int size)
{
	struct ft_fn *f = ft_fn[sbdf.bdf];

	(void)ctx;
	if (sbdf.segment || !ft_answers(f))
		return ft_ones(size);
	atomic_fetch_add_explicit(&f->accesses, 1, memory_order_relaxed);
	if (ft_push)
		ft_push();
	if (f->pf && offset < 4) /* 9.3.4.1.1: a VF's vendor and device ID read as all-ones */
		return ft_ones(size);
	return ft_reg(f, offset, size);
}

/* What software may set is 0 again. */
static inline void ft_power_up(struct ft_fn *f)
{
	for (unsigned int i = 0; i < sizeof(f->cfg); i++) {
		if (f->rw[i] | f->w1c[i])
			atomic_fetch_and_explicit(&f->cfg[i], (u8)~(f->rw[i] | f->w1c[i]), memory_order_relaxed);
	}
	if (ft_wipe)
		ft_wipe(f);
}

/* What a function level reset leaves (6.6.2); for 50 ms nobody answers. */
static inline void ft_reset(struct ft_fn *f)
{
	ft_power_up(f);
	atomic_fetch_add_explicit(&f->resets, 1, memory_order_relaxed);
	atomic_store_explicit(&f->silent_until_us, arch_time_us() + 50000, memory_order_relaxed);
}

static inline void ft_write(void *ctx, struct sbdf sbdf, unsigned int offset, unsigned int size, u32 value)
{
	struct ft_fn *f = ft_fn[sbdf.bdf];

	(void)ctx;
	if (sbdf.segment || !ft_answers(f))
		return;
	atomic_fetch_add_explicit(&f->accesses, 1, memory_order_relaxed);
	for (unsigned int i = 0; i < size; i++) {
		unsigned int o = offset + i;
		u8 byte = (u8)(value >> (8 * i)), old = ft_get(f, o);

		atomic_store_explicit(&f->cfg[o],
				      (u8)((old & ~f->rw[o] & ~(f->w1c[o] & byte)) | (byte & f->rw[o])),
				      memory_order_relaxed);
		if (f->express && o == f->express + 9 && (byte & 0x80))
			ft_reset(f);
	}
	if (ft_push)
		ft_push();
}

static inline bool ft_reaches(void *ctx, struct sbdf sbdf, unsigned int offset)
{
	(void)ctx;
	return sbdf.segment == 0 && offset < 4096;
}

static inline void ft_register(void)
{
	static const struct pci_cfg_ops ops = { "fake", ft_read, ft_write, ft_reaches };

	if (pci_cfg_register(&ops, NULL))
		abort();
}

/* ---- building it ---- */

static inline struct ft_fn *ft_add(u16 bdf, u32 ids, u32 class_code, u8 header_type)
{
	struct ft_fn *f = calloc(1, sizeof(*f));

	if (!f || ft_fn[bdf])
		abort();
	f->bdf = bdf;
	ft_fn[bdf] = f;
	ft_put(f, 0x00, 4, ids);
	ft_set(f, 0x04, 2, 0x0002, 0x0547, 0);
	ft_set(f, 0x06, 2, 0, 0, 0xf900);
	ft_put(f, 0x08, 4, class_code << 8 | 1);
	ft_set(f, 0x0c, 1, 0, 0xff, 0);
	ft_put(f, 0x0e, 1, header_type);
	ft_set(f, 0x3c, 1, 11, 0xff, 0);
	return f;
}

static inline unsigned int ft_cap(struct ft_fn *f, unsigned int offset, u8 id)
{
	ft_put(f, f->last_cap ? f->last_cap + 1 : 0x34, 1, offset);
	ft_put(f, 0x06, 1, 0x10);
	ft_put(f, offset, 1, id);
	f->last_cap = offset;
	return offset;
}

static inline unsigned int ft_ext(struct ft_fn *f, unsigned int offset, u16 id)
{
	if (f->last_ext)
		ft_put(f, f->last_ext, 4, (ft_reg(f, f->last_ext, 4) & 0xfffff) | (u32)offset << 20);
	ft_put(f, offset, 4, id | 1u << 16);
	f->last_ext = offset;
	return offset;
}

/* A memory BAR, 32 bits wide. */
static inline void ft_bar(struct ft_fn *f, unsigned int i, u32 size, u32 base)
{
	ft_set(f, 0x10 + 4 * i, 4, base, ~(size - 1), 0);
}

/* A PCI Express endpoint with FLR, MSI (64-bit, 8 messages, masks) and two BARs; type as in 7.5.3.2. */
static inline struct ft_fn *ft_endpoint(u16 bdf, u8 type, u32 bar0)
{
	struct ft_fn *f = ft_add(bdf, 0x10d38086, 0x020000, 0);
	unsigned int e = ft_cap(f, 0x80, 0x10), msi = ft_cap(f, 0x50, 0x05);

	ft_set(f, e + 0x02, 2, 2u | (u32)type << 4, 0, 0);
	ft_set(f, e + 0x04, 4, 0x10008001, 0, 0); /* FLR */
	ft_set(f, e + 0x08, 2, 0x2810, 0x7fff, 0);
	ft_set(f, e + 0x0a, 2, 0, 0, 0x000f);
	ft_set(f, e + 0x10, 2, 0, 0x0fdb, 0);
	f->express = e;
	ft_set(f, msi + 2, 2, 0x0186, 0x0071, 0);
	ft_set(f, msi + 4, 4, 0, 0xfffffffc, 0);
	ft_set(f, msi + 8, 4, 0, 0xffffffff, 0);
	ft_set(f, msi + 12, 2, 0, 0xffff, 0);
	ft_set(f, msi + 16, 4, 0, 0x000000ff, 0);
	if (bar0) {
		ft_bar(f, 0, 0x4000, bar0);
		ft_bar(f, 1, 0x1000, bar0 + 0x8000);
	}
	return f;
}

/* MSI-X (7.7.2): that many messages, the table at the start of BAR 1, the pending bits behind it. */
static inline void ft_msix(struct ft_fn *f, unsigned int entries)
{
	unsigned int msix = ft_cap(f, 0x70, 0x11);

	ft_set(f, msix + 2, 2, entries - 1, 0xc000, 0);
	ft_put(f, msix + 4, 4, 0x000 | 1);
	ft_put(f, msix + 8, 4, 0x800 | 1);
}

/* Gives a physical function `vfs` virtual ones (they stand at bdf + first, + stride...) and makes these. */
static inline void ft_sriov(struct ft_fn *pf, unsigned int vfs, u16 first, u16 stride, u32 vf_bar)
{
	unsigned int s = ft_ext(pf, 0x100, 0x0010);

	pf->sriov = s;
	ft_set(pf, s + 0x08, 2, 0, 0x001f, 0); /* control */
	ft_put(pf, s + 0x0c, 2, vfs);	       /* InitialVFs */
	ft_put(pf, s + 0x0e, 2, vfs);	       /* TotalVFs */
	ft_set(pf, s + 0x10, 2, 0, 0xffff, 0); /* NumVFs */
	ft_put(pf, s + 0x14, 2, first);
	ft_put(pf, s + 0x16, 2, stride);
	ft_put(pf, s + 0x1a, 2, 0x10ca); /* VF device ID */
	ft_put(pf, s + 0x1c, 4, 0x553);	 /* supported page sizes */
	ft_set(pf, s + 0x20, 4, 1, 0xffffffff, 0);
	ft_set(pf, s + 0x24, 4, vf_bar, ~(0x4000u - 1), 0);
	for (unsigned int i = 0; i < vfs; i++) {
		struct ft_fn *vf = ft_endpoint((u16)(pf->bdf + first + i * stride), 0, 0);

		vf->pf = pf;
	}
}

/* An ATS capability (10.5.1): Enable is bit 15 of the control register at +6. */
static inline void ft_ats(struct ft_fn *f)
{
	unsigned int a = ft_ext(f, f->last_ext ? 0x200 : 0x100, 0x000f);

	ft_set(f, a + 6, 2, 0, 0x801f, 0);
}

/* Out; or in again: another one, which has just got power. */
static inline void ft_pull_out(u16 bdf, bool out)
{
	if (!out)
		ft_power_up(ft_fn[bdf]);
	atomic_store_explicit(&ft_fn[bdf]->absent, out, memory_order_relaxed);
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's RAM for tests of arch/x86: an array at guest-physical 0, one page in it that the guest may only
 * read and that counts as a device's, and nothing beyond. Implements guest_mem.h.
 */
#ifndef TESTS_UNIT_FAKE_GUEST_MEMORY_H
#define TESTS_UNIT_FAKE_GUEST_MEMORY_H

#include "arch/x86/guest_mem.h"
#include "arch/x86/vcpu.h"
#include "core/errno.h"
#include "core/string.h"

#define RAM_SIZE 0x40000u
#define DEVICE_PAGE 0x3f000u /* mapped, but not RAM */

static u8 ram[RAM_SIZE] ALIGNED(4096);
static unsigned int cmpxchg_to_fail; /* so many guest_phys_cmpxchg() find that another CPU was faster */
static unsigned int cmpxchg_calls;

static int ram_check(gpa_t gpa, size_t n)
{
	if (gpa >= RAM_SIZE || n > RAM_SIZE - gpa)
		return -EFAULT;
	return gpa + n > DEVICE_PAGE ? -EACCES : 0;
}

int guest_phys_read(gpa_t gpa, void *buf, size_t n)
{
	int err = ram_check(gpa, n);

	if (!err)
		memcpy(buf, ram + gpa, n);
	return err;
}

int guest_phys_write(gpa_t gpa, const void *buf, size_t n)
{
	int err = ram_check(gpa, n);

	if (!err)
		memcpy(ram + gpa, buf, n);
	return err;
}

int guest_phys_load(gpa_t gpa, unsigned int size, u64 *value)
{
	*value = 0;
	return (size != 4 && size != 8) || gpa % size ? -EINVAL : guest_phys_read(gpa, value, size);
}

int guest_phys_cmpxchg(gpa_t gpa, unsigned int size, u64 expected, u64 desired)
{
	u64 found = 0;
	int err = ram_check(gpa, size);

	cmpxchg_calls++;
	if (err)
		return err;
	if (cmpxchg_to_fail) {
		cmpxchg_to_fail--;
		return -EAGAIN;
	}
	memcpy(&found, ram + gpa, size);
	if (found != expected)
		return -EAGAIN;
	memcpy(ram + gpa, &desired, size);
	return 0;
}

static inline void put64(gpa_t gpa, u64 value)
{
	memcpy(ram + gpa, &value, 8);
}

static inline void put32(gpa_t gpa, u32 value)
{
	memcpy(ram + gpa, &value, 4);
}

static inline u64 get64(gpa_t gpa)
{
	u64 value;

	memcpy(&value, ram + gpa, 8);
	return value;
}

static inline u32 get32(gpa_t gpa)
{
	u32 value;

	memcpy(&value, ram + gpa, 4);
	return value;
}

/* A CPU in 64-bit mode, flat segments, paging on at CPL 0 with CR0.WP and NX; tables at cr3. */
static inline struct vcpu vcpu_64(u64 cr3)
{
	struct vcpu v = { .cr0 = X86_CR0_PE | X86_CR0_WP | X86_CR0_PG, .cr3 = cr3, .cr4 = X86_CR4_PAE,
			  .efer = X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE, .rflags = 2 };

	for (unsigned int i = 0; i < X86_SEGS; i++)
		v.seg[i] = (struct vcpu_segment){ .limit = 0xffffffff, .attributes = 0xc93 };
	v.seg[SEG_CS].attributes = 0xa9b; /* G, L, present, code */
	return v;
}

/* 32-bit protected mode without paging, flat segments. */
static inline struct vcpu vcpu_32(void)
{
	struct vcpu v = { .cr0 = X86_CR0_PE, .rflags = 2 };

	for (unsigned int i = 0; i < X86_SEGS; i++)
		v.seg[i] = (struct vcpu_segment){ .limit = 0xffffffff, .attributes = 0xc93 };
	v.seg[SEG_CS].attributes = 0xc9b;
	return v;
}

/* Real mode. */
static inline struct vcpu vcpu_16(void)
{
	struct vcpu v = { .rflags = 2 };

	for (unsigned int i = 0; i < X86_SEGS; i++)
		v.seg[i] = (struct vcpu_segment){ .limit = 0xffff, .attributes = 0x93 };
	v.seg[SEG_CS].attributes = 0x9b;
	return v;
}

#endif

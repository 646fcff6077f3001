/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Segmentation, paging and access for one operand. Everything that can fault is checked before the first byte
 * moves, since a read of a device's register cannot be taken back.
 */
#include "arch/x86/emulate_mem.h"

#include "arch/x86/guest_mem.h"
#include "core/errno.h"
#include "core/string.h"
#include "core/vm.h"

/* Segment attributes as the VMCB holds them (AMD64 APM vol. 2, 15.5.1; types: 4.7). */
#define ATTR_TYPE_RIGHT 0x2u	 /* data: writable; code: readable */
#define ATTR_TYPE_EXPAND_DOWN 0x4u /* data only */
#define ATTR_TYPE_CODE 0x8u
#define ATTR_PRESENT 0x80u

enum x86_mode vcpu_mode(const struct vcpu *v)
{
	u16 cs = v->seg[SEG_CS].attributes;

	if ((v->efer & X86_EFER_LMA) && (cs & SEG_ATTR_L))
		return X86_MODE_64;
	return (cs & SEG_ATTR_DB) ? X86_MODE_32 : X86_MODE_16;
}

/* Real and virtual-8086 mode check the limit alone. */
static bool is_protected_mode(const struct vcpu *v)
{
	return (v->cr0 & X86_CR0_PE) && !(v->rflags & X86_RFLAGS_VM);
}

static bool segment_allows(const struct vcpu *v, const struct vcpu_segment *s, bool write)
{
	if (!is_protected_mode(v))
		return true;
	if (!(s->attributes & ATTR_PRESENT))
		return false;
	if (s->attributes & ATTR_TYPE_CODE)
		return !write && (s->attributes & ATTR_TYPE_RIGHT);
	return !write || (s->attributes & ATTR_TYPE_RIGHT);
}

static bool within_limit(const struct vcpu_segment *s, u64 offset, unsigned int size)
{
	u64 last = offset + size - 1;
	bool data = !(s->attributes & ATTR_TYPE_CODE);

	if (data && (s->attributes & ATTR_TYPE_EXPAND_DOWN)) {
		u64 top = (s->attributes & SEG_ATTR_DB) ? UINT32_MAX : UINT16_MAX;

		return offset > s->limit && last <= top;
	}
	return last <= s->limit;
}

int raise_walk_error(struct vcpu *v, int err, const struct guest_fault *fault, bool stack)
{
	u32 error = fault->error;

	switch (err) {
	case -EAGAIN:
		return -EAGAIN;
	case -ERANGE:
		vcpu_raise_error(v, stack ? X86_VEC_SS : X86_VEC_GP, 0);
		return -EFAULT;
	case -EIO:
		/* Page tables where there is no memory: they read as all-ones, whose reserved bits are set.
		 * */
		error = PF_PRESENT | PF_RESERVED;
		break;
	default:
		break;
	}
	v->cr2 = fault->address;
	v->cr2_changed = true;
	vcpu_raise_error(v, X86_VEC_PF, error);
	return -EFAULT;
}

/* In 64-bit mode only FS and GS have a base and nothing has a limit (APM vol. 2, 4.5.3). */
static int to_linear(struct vcpu *v, unsigned int segment, bool stack, u64 offset, unsigned int size,
		     bool write, u64 *linear)
{
	const struct vcpu_segment *s = &v->seg[segment];

	if (vcpu_mode(v) == X86_MODE_64) {
		*linear = offset + (segment == SEG_FS || segment == SEG_GS ? s->base : 0);
		return 0;
	}
	if (!segment_allows(v, s, write) || !within_limit(s, offset, size)) {
		vcpu_raise_error(v, stack ? X86_VEC_SS : X86_VEC_GP, 0);
		return -EFAULT;
	}
	*linear = (u32)(s->base + offset);
	return 0;
}

int mem_locate(struct vcpu *v, unsigned int segment, bool stack, u64 offset, unsigned int size, bool write,
	       struct guest_span *span)
{
	struct guest_fault fault;
	u64 linear;
	int err = to_linear(v, segment, stack, offset, size, write, &linear);

	if (err)
		return err;
	err = guest_translate_span(v, linear, size, write ? GUEST_WRITE : GUEST_READ, span, &fault);
	return err ? raise_walk_error(v, err, &fault, stack) : 0;
}

bool mem_touches(const struct guest_span *span, gpa_t page)
{
	return (span->piece[0].gpa & PAGE_MASK) == page ||
	       (span->pieces == 2 && (span->piece[1].gpa & PAGE_MASK) == page);
}

/* n is 1 to 8: powers of two as they are, anything else (a part of an operand that crosses a page) in smaller
 * accesses. */
static void mmio_access(gpa_t gpa, unsigned int n, bool write, u8 *bytes)
{
	while (n) {
		unsigned int size = n >= 8 ? 8 : n >= 4 ? 4 : n >= 2 ? 2 : 1;
		u64 value = 0;

		if (write)
			memcpy(&value, bytes, size);
		vm_mmio_access(&guest, gpa, size, write, &value);
		if (!write)
			memcpy(bytes, &value, size);
		gpa += size;
		bytes += size;
		n -= size;
	}
}

static int access_piece(gpa_t gpa, unsigned int n, gpa_t trapped, bool write, u8 *bytes)
{
	int err = -EFAULT;

	if ((gpa & PAGE_MASK) != trapped)
		err = write ? guest_phys_write(gpa, bytes, n) : guest_phys_read(gpa, bytes, n);
	if (err == -EFAULT) {
		mmio_access(gpa, n, write, bytes);
		err = 0;
	}
	return err ? -EOPNOTSUPP : 0;
}

static int access_span(const struct guest_span *span, gpa_t trapped, bool write, u64 *value)
{
	u8 bytes[8];
	unsigned int done = 0;
	int err = 0;

	memcpy(bytes, value, sizeof(bytes));
	for (unsigned int i = 0; i < span->pieces && !err; i++) {
		err = access_piece(span->piece[i].gpa, span->piece[i].n, trapped, write, bytes + done);
		done += span->piece[i].n;
	}
	memcpy(value, bytes, sizeof(bytes));
	return err;
}

int mem_read(const struct guest_span *span, gpa_t trapped, u64 *value)
{
	*value = 0;
	return access_span(span, trapped, false, value);
}

int mem_write(const struct guest_span *span, gpa_t trapped, u64 value)
{
	return access_span(span, trapped, true, &value);
}

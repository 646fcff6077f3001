/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walk of the guest's page tables, against tables that each test writes bit by bit as AMD64 APM vol. 2,
 * chapter 5 draws them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "arch/x86/guest_walk.h"
#include "tests/unit/fake_guest_memory.h"

/* Entry bits by their position in the figures, apart from the names that the code under test uses. */
#define P 0x1ull
#define RW 0x2ull
#define US 0x4ull
#define A 0x20ull
#define D 0x40ull
#define PS 0x80ull
#define NX 0x8000000000000000ull
#define ALL (P | RW | US)

#define PML5 0x1000
#define PML4 0x2000
#define PDPT 0x3000
#define PD 0x4000
#define PT 0x5000

static void reset(void)
{
	memset(ram, 0, sizeof(ram));
	cmpxchg_to_fail = cmpxchg_calls = 0;
	guest_phys_bits = 52;
}

static void expect_ok(struct vcpu *v, u64 linear, enum guest_access access, gpa_t want)
{
	gpa_t gpa = 0;
	u32 error;
	int ret = guest_translate(v, linear, access, &gpa, &error);

	if (ret)
		fail_msg("0x%llx: %d, error code 0x%x", (unsigned long long)linear, ret, error);
	assert_int_equal(gpa, want);
}

static void expect_fault(struct vcpu *v, u64 linear, enum guest_access access, u32 want)
{
	gpa_t gpa = 0;
	u32 error = 0xffff;

	assert_int_equal(guest_translate(v, linear, access, &gpa, &error), -EFAULT);
	assert_int_equal(error, want);
}

/* 0xffff888012345678: indices 273 (0x111), 0, 0x91, 0x145 */
#define KERNEL 0xffff888012345678ull

static struct vcpu four_levels(u64 pte)
{
	reset();
	put64(PML4 + 0x111 * 8, PDPT | ALL);
	put64(PDPT + 0 * 8, PD | ALL);
	put64(PD + 0x91 * 8, PT | ALL);
	put64(PT + 0x145 * 8, pte);
	return vcpu_64(PML4);
}

static void test_no_paging(void **state)
{
	struct vcpu v = vcpu_32();

	reset();
	expect_ok(&v, 0x123456789, GUEST_WRITE, 0x23456789);
}

static void test_4_levels(void **state)
{
	struct vcpu v = four_levels(0xabcdef000 | ALL);

	expect_ok(&v, KERNEL, GUEST_READ, 0xabcdef678);
	expect_fault(&v, KERNEL + 0x1000, GUEST_READ, 0);
	put64(PD + 0x91 * 8, 0);
	expect_fault(&v, KERNEL, GUEST_WRITE, 2);
	v.cr3 |= 0x18; /* PWT and PCD are no address */
	put64(PD + 0x91 * 8, 0xffffc00000 | PS | 0x1000 | ALL); /* 2 MiB; bit 12 is PAT */
	expect_ok(&v, KERNEL, GUEST_READ, 0xffffd45678);
	put64(PDPT, 0xfc0000000 | PS | ALL); /* 1 GiB */
	expect_ok(&v, KERNEL, GUEST_READ, 0xfd2345678);
}

static void test_5_levels(void **state)
{
	struct vcpu v = four_levels(0xabcdef000 | ALL);

	v.cr3 = PML5;
	v.cr4 |= X86_CR4_LA57;
	put64(PML5 + 0x1fe * 8, PML4 | ALL); /* bits 56:48 */
	expect_ok(&v, 0xfffe888012345678ull, GUEST_READ, 0xabcdef678);
	expect_fault(&v, KERNEL, GUEST_READ, 0);
	put64(PML5 + 0x1fe * 8, PML4 | PS | ALL);
	expect_fault(&v, 0xfffe888012345678ull, GUEST_READ, 9);
}

static void test_canonical(void **state)
{
	struct vcpu v = four_levels(0xabcdef000 | ALL);
	gpa_t gpa;
	u32 error;

	assert_int_equal(guest_translate(&v, 0x0000800000000000ull, GUEST_READ, &gpa, &error), -ERANGE);
	assert_int_equal(guest_translate(&v, 0xffff7fffffffffffull, GUEST_READ, &gpa, &error), -ERANGE);
	assert_int_equal(guest_translate(&v, 0x00007fffffffffffull, GUEST_READ, &gpa, &error), -EFAULT);
	v.cr4 |= X86_CR4_LA57;
	assert_int_equal(guest_translate(&v, 0x0000800000000000ull, GUEST_READ, &gpa, &error), -EFAULT);
	assert_int_equal(guest_translate(&v, 0x0100000000000000ull, GUEST_READ, &gpa, &error), -ERANGE);
}

static struct vcpu paged_32(u64 cr3, u64 cr4)
{
	struct vcpu v = vcpu_32();

	reset();
	v.cr0 |= X86_CR0_PG | X86_CR0_WP;
	v.cr3 = cr3;
	v.cr4 = cr4;
	return v;
}

static void test_legacy_32(void **state)
{
	struct vcpu v = paged_32(PD, 0);

	put32(PD + 0x300 * 4, PT | ALL | 0x80); /* PS counts only with CR4.PSE */
	put32(PT + 0x155 * 4, 0xfffff000 | ALL);
	expect_ok(&v, 0xc0155abc, GUEST_WRITE, 0xfffffabc);
	expect_ok(&v, 0xffffffffc0155abcull, GUEST_READ, 0xfffffabc);
	assert_int_equal(get32(PD + 0x300 * 4), PT | ALL | 0x80 | A);
	assert_int_equal(get32(PT + 0x155 * 4), 0xfffff000 | ALL | A | D);
	v.efer = X86_EFER_NXE; /* no PAE: no NX and no fetch bit */
	expect_fault(&v, 0xc0156000, GUEST_FETCH, 0);
	v.cr4 = X86_CR4_SMEP;
	expect_fault(&v, 0xc0156000, GUEST_FETCH, 0x10);
}

static void test_legacy_4_mib(void **state)
{
	struct vcpu v = paged_32(PD, X86_CR4_PSE);

	put32(PD + 0x300 * 4, 0x12c00000 | PS | ALL | 0x1000);
	expect_ok(&v, 0xc03fedcb, GUEST_READ, 0x12ffedcb);
	put32(PD + 0x300 * 4, 0x12c00000 | PS | ALL | (0xa5 << 13)); /* address bits 39:32 */
	expect_ok(&v, 0xc03fedcb, GUEST_READ, 0xa512ffedcb);
	guest_phys_bits = 36;
	expect_fault(&v, 0xc03fedcb, GUEST_READ, 9);
	put32(PD + 0x300 * 4, 0x12c00000 | PS | ALL | (0x5 << 13));
	expect_ok(&v, 0xc03fedcb, GUEST_READ, 0x512ffedcb);
	put32(PD + 0x300 * 4, 0x12c00000 | PS | ALL | (1 << 21));
	expect_fault(&v, 0xc03fedcb, GUEST_READ, 9);
}

static void test_pae(void **state)
{
	struct vcpu v = paged_32(PDPT + 0x20, X86_CR4_PAE); /* its table is 32-byte aligned, not 4096 */

	put64(PDPT + 0x20 + 3 * 8, PD | P);
	put64(PD + 0x1ff * 8, PT | ALL);
	put64(PT + 0x1fe * 8, 0xfabcde000 | ALL);
	expect_ok(&v, 0xffffe123, GUEST_WRITE, 0xfabcde123);
	assert_int_equal(get64(PDPT + 0x20 + 3 * 8), PD | P); /* no A bit at this level */
	assert_int_equal(get64(PD + 0x1ff * 8), PT | ALL | A);
	v.cpl = 3; /* nor permissions */
	expect_ok(&v, 0xffffe123, GUEST_WRITE, 0xfabcde123);
	put64(PDPT + 0x20 + 3 * 8, PD | P | RW); /* reserved there */
	expect_fault(&v, 0xffffe123, GUEST_READ, 0xd);
	put64(PDPT + 0x20 + 3 * 8, PD | P);
	put64(PD + 0x1ff * 8, 0xfffe00000 | PS | ALL);
	expect_ok(&v, 0xffffe123, GUEST_READ, 0xfffffe123);
	put64(PD + 0x1ff * 8, 0xfffe00000 | PS | ALL | NX); /* reserved without EFER.NXE */
	expect_fault(&v, 0xffffe123, GUEST_READ, 0xd);
	v.efer = X86_EFER_NXE;
	expect_ok(&v, 0xffffe123, GUEST_READ, 0xfffffe123);
	expect_fault(&v, 0xffffe123, GUEST_FETCH, 0x15);
	put64(PD + 0x1ff * 8, 0xfffe00000 | PS | ALL | (1ull << 55));
	expect_fault(&v, 0xffffe123, GUEST_READ, 0xd);
}

static void test_reserved_bits(void **state)
{
	struct vcpu v = four_levels(0xabcdef000 | ALL | (1ull << 58)); /* available to software */

	expect_ok(&v, KERNEL, GUEST_READ, 0xabcdef678);
	guest_phys_bits = 40;
	put64(PT + 0x145 * 8, (1ull << 39) | ALL);
	expect_ok(&v, KERNEL, GUEST_READ, (1ull << 39) | 0x678);
	put64(PT + 0x145 * 8, (1ull << 40) | ALL);
	expect_fault(&v, KERNEL, GUEST_READ, 9);
	v.cpl = 3;
	expect_fault(&v, KERNEL, GUEST_WRITE, 0xf);
	v.cpl = 0;
	put64(PT + 0x145 * 8, ALL | NX);
	v.efer &= ~X86_EFER_NXE;
	expect_fault(&v, KERNEL, GUEST_READ, 9);
	put64(PT + 0x145 * 8, (1ull << 40) | RW); /* not present: nothing is reserved */
	expect_fault(&v, KERNEL, GUEST_READ, 0);
	put64(PD + 0x91 * 8, 0x2000 | PS | ALL); /* a 2 MiB page at 8 KiB */
	expect_fault(&v, KERNEL, GUEST_READ, 9);
	put64(PML4 + 0x111 * 8, PDPT | PS | ALL);
	expect_fault(&v, KERNEL, GUEST_READ, 9);
}

/*
 * APM vol. 2, 5.6 and Intel SDM vol. 3A, 4.6.1, rule by rule, for one page whose rights are split over two
 * levels.
 */
static bool may_access(const struct vcpu *v, enum guest_access access, bool user, bool writable, bool nx)
{
	bool supervisor = v->cpl != 3;

	if (access == GUEST_FETCH)
		return !nx && (supervisor ? !(user && (v->cr4 & (1 << 20))) : user);
	if (supervisor && user && (v->cr4 & (1 << 21)) && !(v->rflags & (1 << 18)))
		return false;
	if (!supervisor && !user)
		return false;
	if (access == GUEST_READ)
		return true;
	return writable || (supervisor && !(v->cr0 & (1 << 16)));
}

static void test_permissions(void **state)
{
	unsigned int allowed = 0, refused = 0;

	for (unsigned int bits = 0; bits < 1 << 11; bits++) {
		u64 upper = P | ((bits & 1) ? RW : 0) | ((bits & 2) ? US : 0) | ((bits & 4) ? NX : 0);
		u64 lower = P | ((bits & 8) ? RW : 0) | ((bits & 16) ? US : 0) | ((bits & 32) ? NX : 0);

		for (enum guest_access access = GUEST_READ; access <= GUEST_FETCH; access++) {
			struct vcpu v = four_levels(0xabcdef000 | lower);
			u32 error = 1;

			put64(PD + 0x91 * 8, PT | upper);
			v.cpl = (bits & 64) ? 3 : (u8)(bits % 3);
			v.cr0 = (bits & 128) ? v.cr0 : v.cr0 & ~(1ull << 16);
			v.cr4 |= ((bits & 256) ? 1ull << 20 : 0) | ((bits & 512) ? 1ull << 21 : 0);
			v.rflags |= (bits & 1024) ? 1ull << 18 : 0;
			if (may_access(&v, access, upper & lower & US, upper & lower & RW,
				       (upper | lower) & NX)) {
				expect_ok(&v, KERNEL, access, 0xabcdef678);
				allowed++;
				continue;
			}
			error |= access == GUEST_WRITE ? 2 : 0;
			error |= v.cpl == 3 ? 4 : 0;
			error |= access == GUEST_FETCH ? 16 : 0;
			expect_fault(&v, KERNEL, access, error);
			/* a fault leaves no trace */
			assert_int_equal(get64(PT + 0x145 * 8), 0xabcdef000 | lower);
			refused++;
		}
	}
	assert_true(allowed > 1000 && refused > 1000);
}

static void test_accessed_and_dirty(void **state)
{
	struct vcpu v = four_levels(0xabcdef000 | ALL);

	expect_ok(&v, KERNEL, GUEST_READ, 0xabcdef678);
	assert_int_equal(get64(PML4 + 0x111 * 8), PDPT | ALL | A);
	assert_int_equal(get64(PDPT), PD | ALL | A);
	assert_int_equal(get64(PD + 0x91 * 8), PT | ALL | A);
	assert_int_equal(get64(PT + 0x145 * 8), 0xabcdef000 | ALL | A);
	expect_ok(&v, KERNEL, GUEST_WRITE, 0xabcdef678);
	assert_int_equal(get64(PD + 0x91 * 8), PT | ALL | A);
	assert_int_equal(get64(PT + 0x145 * 8), 0xabcdef000 | ALL | A | D);
	cmpxchg_calls = 0;
	expect_ok(&v, KERNEL, GUEST_WRITE, 0xabcdef678);
	assert_int_equal(cmpxchg_calls, 0);

	/* Each entry for itself. */
	v = four_levels(0xabcdef000 | ALL | A | D);
	expect_ok(&v, KERNEL, GUEST_WRITE, 0xabcdef678);
	assert_int_equal(get64(PML4 + 0x111 * 8), PDPT | ALL | A);
	assert_int_equal(get64(PDPT), PD | ALL | A);
	assert_int_equal(get64(PD + 0x91 * 8), PT | ALL | A);
	v = four_levels(0xabcdef000 | ALL | A);
	put64(PML4 + 0x111 * 8, PDPT | ALL | A | D); /* D is nothing there (5.4.1) */
	put64(PDPT, PD | ALL | A);
	put64(PD + 0x91 * 8, PT | ALL | A);
	expect_ok(&v, KERNEL, GUEST_WRITE, 0xabcdef678);
	assert_int_equal(get64(PT + 0x145 * 8), 0xabcdef000 | ALL | A | D);
}

static void test_entries_that_change(void **state)
{
	struct vcpu v = four_levels(0xabcdef000 | ALL);
	gpa_t gpa;
	u32 error;

	cmpxchg_to_fail = 1; /* the walk starts anew */
	expect_ok(&v, KERNEL, GUEST_WRITE, 0xabcdef678);
	v = four_levels(0xabcdef000 | ALL);
	cmpxchg_to_fail = 1000; /* a guest that never stops changing them does not hold us */
	assert_int_equal(guest_translate(&v, KERNEL, GUEST_WRITE, &gpa, &error), -EAGAIN);
	assert_true(cmpxchg_calls < 10);
}

static void test_tables_outside_ram(void **state)
{
	struct vcpu v = four_levels(0xabcdef000 | ALL);
	gpa_t gpa;
	u32 error;

	put64(PD + 0x91 * 8, 0x7ffffff000 | ALL);
	assert_int_equal(guest_translate(&v, KERNEL, GUEST_READ, &gpa, &error), -EIO);
	put64(PD + 0x91 * 8, DEVICE_PAGE | ALL);
	assert_int_equal(guest_translate(&v, KERNEL, GUEST_READ, &gpa, &error), -EIO);
	v.cr3 = RAM_SIZE;
	assert_int_equal(guest_translate(&v, KERNEL, GUEST_READ, &gpa, &error), -EIO);
}

static void test_span(void **state)
{
	struct vcpu v = four_levels(0x10000 | ALL);
	struct guest_fault fault;
	struct guest_span span;
	u64 page_end = (KERNEL & ~0xfffull) + 0xffd;

	assert_int_equal(guest_translate_span(&v, page_end - 5, 8, GUEST_READ, &span, &fault), 0);
	assert_int_equal(span.pieces, 1);
	assert_int_equal(guest_translate_span(&v, page_end, 8, GUEST_WRITE, &span, &fault), -EFAULT);
	assert_int_equal(fault.address, page_end + 3); /* CR2 names the page that is missing */
	assert_int_equal(fault.error, 2);
	put64(PT + 0x146 * 8, 0x20000 | ALL);
	assert_int_equal(guest_translate_span(&v, page_end, 8, GUEST_WRITE, &span, &fault), 0);
	assert_int_equal(span.pieces, 2);
	assert_int_equal(span.piece[0].gpa, 0x10ffd);
	assert_int_equal(span.piece[0].n, 3);
	assert_int_equal(span.piece[1].gpa, 0x20000);
	assert_int_equal(span.piece[1].n, 5);

	v = paged_32(PD, 0); /* addresses wrap at 4 GiB, and so does CR2 */
	put32(PD + 0x3ff * 4, PT | ALL);
	put32(PT + 0x3ff * 4, 0x10000 | ALL);
	assert_int_equal(guest_translate_span(&v, 0xfffffffe, 8, GUEST_READ, &span, &fault), -EFAULT);
	assert_int_equal(fault.address, 0);
}

static void test_fetch(void **state)
{
	struct vcpu v = four_levels(0x10000 | ALL);
	struct guest_fault fault;
	unsigned int got;
	u8 bytes[15];

	for (unsigned int i = 0; i < 0x1000; i++) {
		ram[0x10000 + i] = (u8)i;
		ram[0x20000 + i] = (u8)(0x55 + i);
	}
	v.rip = KERNEL;
	v.seg[SEG_CS].base = 0x1000; /* without meaning in 64-bit mode */
	assert_int_equal(guest_fetch(&v, bytes, 15, &got, &fault), 0);
	assert_int_equal(got, 15);
	assert_int_equal(bytes[14], 0x78 + 14);
	v.rip = (KERNEL & ~0xfffull) + 0xffa;
	assert_int_equal(guest_fetch(&v, bytes, 15, &got, &fault), 0);
	assert_int_equal(got, 6);
	assert_int_equal(fault.address, (KERNEL & ~0xfffull) + 0x1000);
	assert_int_equal(fault.error, 0x10);
	put64(PT + 0x146 * 8, 0x20000 | ALL);
	assert_int_equal(guest_fetch(&v, bytes, 15, &got, &fault), 0);
	assert_int_equal(got, 15);
	assert_int_equal(bytes[5], 0xff);
	assert_int_equal(bytes[6], 0x55);
	put64(PT + 0x145 * 8, 0x10000 | ALL | NX);
	assert_int_equal(guest_fetch(&v, bytes, 15, &got, &fault), -EFAULT);
	assert_int_equal(got, 0);
	assert_int_equal(fault.error, 0x11);
	put64(PT + 0x145 * 8, 0x7ffffff000 | ALL);
	assert_int_equal(guest_fetch(&v, bytes, 15, &got, &fault), -EIO);
	v = vcpu_16();
	v.seg[SEG_CS].base = 0x10000;
	v.rip = 0x20;
	assert_int_equal(guest_fetch(&v, bytes, 15, &got, &fault), 0);
	assert_int_equal(bytes[0], 0x20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_paging),
		cmocka_unit_test(test_4_levels),
		cmocka_unit_test(test_5_levels),
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_legacy_32),
		cmocka_unit_test(test_legacy_4_mib),
		cmocka_unit_test(test_pae),
		cmocka_unit_test(test_reserved_bits),
		cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_accessed_and_dirty),
		cmocka_unit_test(test_entries_that_change),
		cmocka_unit_test(test_tables_outside_ram),
		cmocka_unit_test(test_span),
		cmocka_unit_test(test_fetch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

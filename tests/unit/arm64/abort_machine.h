/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest for tests of stage 2 aborts. Its second-stage table is real; its stage 1, its EL1 registers and
 * whoever answers its accesses are the test's.
 */
#ifndef TESTS_ARM64_ABORT_MACHINE_H
#define TESTS_ARM64_ABORT_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/arm64/el1.h"
#include "arch/arm64/exits.h"
#include "arch/arm64/guest_mem.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/pages.h"
#include "core/vm.h"

#define POOL_SIZE (4 * SIZE_2M)

/* ---- the guest's machine ---- */

#define DEVICE	  0x10000000ull		/* two pages that nobody maps, */
#define DEVICE_VA 0xffff800010000000ull /* here in the guest's stage 1 */
#define CODE_VA	  0xffff800008001000ull
#define MEMORY_VA 0xffff800020000000ull /* a page of RAM; the one behind it is DEVICE again */
#define VBAR	  0xffff800008010800ull

static u64 el1[EL1_REGISTERS];
static u32 *code; /* a page of the guest's RAM; its address is its guest-physical one too */
static u8 *pool;
static bool stage1_broken; /* another CPU of the guest has changed its tables */
static unsigned int accesses_open, lines;

u64 el1_read(enum el1_register r)
{
	return el1[r];
}

void el1_write(enum el1_register r, u64 value)
{
	el1[r] = value;
}

int el1_translate_stage1(u64 va, gpa_t *ipa)
{
	va |= 0xff00000000000000; /* TBI */
	if (stage1_broken)
		return -EFAULT;
	if (va - CODE_VA < PAGE_SIZE)
		*ipa = (uintptr_t)code + (va - CODE_VA);
	else if (va - DEVICE_VA < 2 * PAGE_SIZE)
		*ipa = DEVICE + (va - DEVICE_VA);
	else if (va - MEMORY_VA < PAGE_SIZE)
		*ipa = (uintptr_t)code + (va - MEMORY_VA);
	else if (va - MEMORY_VA < 2 * PAGE_SIZE)
		*ipa = DEVICE + (va - MEMORY_VA - PAGE_SIZE);
	else
		return -EFAULT;
	return 0;
}

void guest_access_begin(void)
{
	accesses_open++;
}

void guest_access_end(void)
{
	accesses_open--;
}

static struct access {
	gpa_t gpa;
	unsigned int size;
	bool write;
	u64 value;
	unsigned int barriers; /* before it */
} seen[4];
static unsigned int seen_count;
static u64 answer[4]; /* for reads, in their order */

static unsigned int barriers;

void arch_io_barrier(void)
{
	barriers++;
}

static bool device(gpa_t gpa, unsigned int size, bool write, u64 *value)
{
	assert_true(seen_count < 4);
	assert_int_equal(accesses_open, 0);
	assert_int_equal(gpa % size, 0);
	if (!write)
		*value = answer[seen_count] & (size == 8 ? ~0ull : (1ull << 8 * size) - 1);
	seen[seen_count++] = (struct access){ gpa, size, write, *value, barriers };
	return true;
}

static char last_line[128];

static void sink(enum log_level level, const char *line, size_t len)
{
	lines++;
	snprintf(last_line, sizeof(last_line), "%.*s", (int)len, line);
}

static int setup(void **state)
{
	pool = aligned_alloc(SIZE_2M, POOL_SIZE);
	code = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
	memset(code, 0, PAGE_SIZE);
	pages_init(virt_to_phys(pool), POOL_SIZE);
	memset(el1, 0, sizeof(el1));
	memset(answer, 0, sizeof(answer));
	el1[EL1_VBAR] = VBAR;
	stage1_broken = false;
	seen_count = lines = barriers = 0;
	log_set_sink(sink);
	if (vm_init_input(&guest, &pt_format_s2_lpae, 48, 2))
		return -1;
	guest.trap = device;
	return pt_map(&guest.stage2, (uintptr_t)code, (uintptr_t)code, PAGE_SIZE,
		      PT_READ | PT_WRITE | PT_EXEC);
}

static int teardown(void **state)
{
	log_set_sink(NULL);
	free(pool);
	free(code);
	return 0;
}

/* ---- an abort ---- */

#define DATA		       (0x24ull << 26 | 1 << 25)
#define FETCH		       (0x20ull << 26 | 1 << 25)
#define TRANSLATION	       0x06 /* level 2 */
#define PERMISSION	       0x0f /* level 3 */
#define WNR		       (1 << 6)
#define S1PTW		       (1 << 7)
#define CM		       (1 << 8)
#define ISV(sas, sse, srt, sf) (1u << 24 | (sas) << 22 | (sse) << 21 | (srt) << 16 | (sf) << 15)

static struct vcpu abort_of(u64 esr, u64 far)
{
	gpa_t ipa = 0;
	struct vcpu v = { .esr = esr, .far = far, .pc = CODE_VA + 0x10, .pstate = 0x5 };

	if (!el1_translate_stage1(far, &ipa))
		v.hpfar = ipa >> 12 << 4;
	for (unsigned int i = 0; i < 31; i++)
		v.x[i] = 0x8877665544332200 + i;
	return v;
}

enum outcome { DONE, AGAIN, EXTERNAL, ALIGNMENT };

/* Runs it and says what became of the guest. */
static enum outcome run(struct vcpu *v)
{
	const u64 pc = v->pc;

	abort_handle(v);
	assert_int_equal(accesses_open, 0);
	if (v->pc == pc + 4)
		return DONE;
	if (v->pc == pc)
		return AGAIN;
	assert_int_equal(v->pc & ~0x7ffull, VBAR);
	assert_int_equal(el1[EL1_ELR], pc);
	assert_int_equal(el1[EL1_FAR], v->far);
	return (el1[EL1_ESR] & 0x3f) == 0x10   ? EXTERNAL
	       : (el1[EL1_ESR] & 0x3f) == 0x21 ? ALIGNMENT
					       : DONE + 100;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif

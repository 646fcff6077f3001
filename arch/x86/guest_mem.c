/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Access to the guest's memory, and the check that it is the guest's. This file alone turns a guest-physical
 * address into a pointer.
 */
#include "arch/x86/guest_mem.h"

#include "arch/x86/smap.h"
#include "core/errno.h"
#include "core/string.h"
#include "core/vm.h"

/*
 * Of all that the guest reaches only its RAM may be executed (vm_map_memory()), and only that does Fairlead map for itself as the
 * guest's: firmware's reserved memory it does not map, and ACPI NVS not for writing. RAM stays where it is, so the address is good
 * after the lock.
 */
#define RAM_ONLY PT_EXEC

/* Host address of one byte of guest RAM that allows `need` (PT_READ, PT_WRITE). */
static int ram_address(gpa_t gpa, unsigned int need, paddr_t *pa)
{
	unsigned int prot;

	if (vm_lookup(&guest, gpa, pa, &prot))
		return -EFAULT;
	need |= RAM_ONLY;
	if ((prot & PT_DEVICE) || (prot & need) != need)
		return -EACCES;
	return 0;
}

struct ram_span {
	paddr_t pa[2];
	size_t first; /* bytes in the first page */
};

/* At most two pages; both are looked up before a byte moves. */
static int ram_span(gpa_t gpa, size_t n, unsigned int need, struct ram_span *span)
{
	u64 in_page = PAGE_SIZE - (gpa & ~PAGE_MASK);
	int err;

	if (!n || n > PAGE_SIZE || gpa + (n - 1) < gpa)
		return -EFAULT;
	span->first = (size_t)min_u64(n, in_page);
	err = ram_address(gpa, need, &span->pa[0]);
	if (!err && n > span->first)
		err = ram_address(gpa + span->first, need, &span->pa[1]);
	return err;
}

/*
 * Aligned words are moved in one access, as the guest's own instruction or page-table walk would (APM vol. 2, 7.3.2):
 * another of its CPUs may be changing them, and half an old page-table entry with half a new one is neither.
 */
static u64 load_word(const void *ram, size_t n)
{
	if (n == 8)
		return __atomic_load_n((const u64 *)ram, __ATOMIC_RELAXED);
	if (n == 4)
		return __atomic_load_n((const u32 *)ram, __ATOMIC_RELAXED);
	return __atomic_load_n((const u16 *)ram, __ATOMIC_RELAXED);
}

static void load(void *buf, const void *ram, size_t n)
{
	bool aligned = IS_ALIGNED((uintptr_t)ram, (uintptr_t)n);
	u64 value;

	if (!aligned || (n != 2 && n != 4 && n != 8)) {
		memcpy(buf, ram, n);
		return;
	}
	value = load_word(ram, n);
	memcpy(buf, &value, n); /* little-endian: the low bytes */
}

static void store(void *ram, const void *buf, size_t n)
{
	bool aligned = IS_ALIGNED((uintptr_t)ram, (uintptr_t)n);
	u64 value = 0;

	if (!aligned || (n != 2 && n != 4 && n != 8)) {
		memcpy(ram, buf, n);
		return;
	}
	memcpy(&value, buf, n);
	if (n == 8)
		__atomic_store_n((u64 *)ram, value, __ATOMIC_RELAXED);
	else if (n == 4)
		__atomic_store_n((u32 *)ram, (u32)value, __ATOMIC_RELAXED);
	else
		__atomic_store_n((u16 *)ram, (u16)value, __ATOMIC_RELAXED);
}

int guest_phys_read(gpa_t gpa, void *buf, size_t n)
{
	struct ram_span span;
	int err = ram_span(gpa, n, PT_READ, &span);

	if (err)
		return err;
	arch_user_access_begin();
	load(buf, phys_to_virt(span.pa[0]), span.first);
	if (n > span.first)
		memcpy((u8 *)buf + span.first, phys_to_virt(span.pa[1]), n - span.first);
	arch_user_access_end();
	return 0;
}

int guest_phys_write(gpa_t gpa, const void *buf, size_t n)
{
	struct ram_span span;
	int err = ram_span(gpa, n, PT_WRITE, &span);

	if (err)
		return err;
	arch_user_access_begin();
	store(phys_to_virt(span.pa[0]), buf, span.first);
	if (n > span.first)
		memcpy(phys_to_virt(span.pa[1]), (const u8 *)buf + span.first, n - span.first);
	arch_user_access_end();
	return 0;
}

/* Of an aligned word, which lies in one page. */
static int word_address(gpa_t gpa, unsigned int size, unsigned int need, paddr_t *pa)
{
	if ((size != 4 && size != 8) || !IS_ALIGNED(gpa, (u64)size))
		return -EINVAL;
	return ram_address(gpa, need, pa);
}

int guest_phys_load(gpa_t gpa, unsigned int size, u64 *value)
{
	paddr_t pa;
	int err = word_address(gpa, size, PT_READ, &pa);

	if (err)
		return err;
	arch_user_access_begin();
	*value = load_word(phys_to_virt(pa), size);
	arch_user_access_end();
	return 0;
}

int guest_phys_cmpxchg(gpa_t gpa, unsigned int size, u64 expected, u64 desired)
{
	u32 expected32 = (u32)expected;
	paddr_t pa;
	bool done;
	int err = word_address(gpa, size, PT_READ | PT_WRITE, &pa);

	if (err)
		return err;
	arch_user_access_begin();
	if (size == 4)
		done = __atomic_compare_exchange_n((u32 *)phys_to_virt(pa), &expected32, (u32)desired, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	else
		done = __atomic_compare_exchange_n((u64 *)phys_to_virt(pa), &expected, desired, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	arch_user_access_end();
	return done ? 0 : -EAGAIN;
}

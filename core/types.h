/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words every other file uses: fixed-width integers, addresses, and the handful of macros that C lacks.
 *
 * Fairlead's own page tables are an identity map, so a pointer and the physical address of what it points
 * to are the same number; phys_to_virt() and virt_to_phys() exist to say in the code which of the two is
 * meant.
 */
#ifndef CORE_TYPES_H
#define CORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

typedef u64 paddr_t; /* host-physical address; equals guest-physical except for a BAR that the guest moved */
typedef u64 gpa_t;   /* guest-physical address */

#define PAGE_SHIFT 12
#define PAGE_SIZE ((u64)1 << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define SIZE_2M ((u64)1 << 21)
#define SIZE_1G ((u64)1 << 30)

#define BIT(n) ((u64)1 << (n))
#define BIT32(n) ((u32)1 << (n))
/* bits h..l set, both included */
#define GENMASK64(h, l) ((~(u64)0 >> (63 - (h))) & (~(u64)0 << (l)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define ALIGN_DOWN(x, a) ((x) & ~((a) - 1)) /* a: power of two, same type as x */
#define ALIGN_UP(x, a) ALIGN_DOWN((x) + ((a) - 1), (a))
#define IS_ALIGNED(x, a) (((x) & ((a) - 1)) == 0)
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))
#define static_assert _Static_assert

#define PACKED __attribute__((packed))
#define ALIGNED(n) __attribute__((aligned(n)))
#define NORETURN __attribute__((noreturn))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define MUST_CHECK __attribute__((warn_unused_result))
#define UNUSED __attribute__((unused))

static inline u64 min_u64(u64 a, u64 b)
{
	return a < b ? a : b;
}

static inline u32 min_u32(u32 a, u32 b)
{
	return a < b ? a : b;
}

static inline u32 max_u32(u32 a, u32 b)
{
	return a > b ? a : b;
}

static inline u64 max_u64(u64 a, u64 b)
{
	return a > b ? a : b;
}

static inline void *phys_to_virt(paddr_t pa)
{
	return (void *)(uintptr_t)pa;
}

static inline paddr_t virt_to_phys(const volatile void *va)
{
	return (paddr_t)(uintptr_t)va;
}

/* Do [a, a+alen) and [b, b+blen) share a byte? Neither range may wrap past 2^64. */
static inline bool ranges_overlap(u64 a, u64 alen, u64 b, u64 blen)
{
	return alen && blen && a <= b + (blen - 1) && b <= a + (alen - 1);
}

#endif

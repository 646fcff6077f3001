/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses to device registers: exactly one load or store of the stated width, never merged, torn or reordered by the
 * compiler. The address must be mapped uncached (x86: MTRRs and page attributes; arm64: device memory).
 */
#ifndef CORE_MMIO_H
#define CORE_MMIO_H

#include "core/types.h"

#define MMIO_ACCESSORS(bits)                                                           \
	static inline u##bits mmio_read##bits(const volatile void *addr)               \
	{                                                                              \
		return *(const volatile u##bits *)addr;                                \
	}                                                                              \
	static inline void mmio_write##bits(volatile void *addr, u##bits value)        \
	{                                                                              \
		*(volatile u##bits *)addr = value;                                     \
	}

MMIO_ACCESSORS(8)
MMIO_ACCESSORS(16)
MMIO_ACCESSORS(32)
MMIO_ACCESSORS(64)

#endif

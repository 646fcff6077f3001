/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses to device registers: exactly one load or store of the stated width, never merged, torn or
 * reordered by the compiler. The address must be mapped uncached (x86: MTRRs and page attributes; arm64:
 * device memory).
 */
#ifndef CORE_MMIO_H
#define CORE_MMIO_H

#include "core/types.h"

#ifdef FL_HOST
/*
 * Unit tests model devices: a test sets these to be asked first. They return true if the address is a
 * register of the model (and then have done the access); other addresses are plain memory.
 * core/host_mmio.c.
 */
extern bool (*host_mmio_read)(const volatile void *addr, unsigned int size, u64 *value);
extern bool (*host_mmio_write)(volatile void *addr, unsigned int size, u64 value);

#define MMIO_ACCESSORS(bits)                                                                 \
	static inline u##bits mmio_read##bits(const volatile void *addr)                     \
	{                                                                                    \
		u64 value;                                                                   \
                                                                                             \
		if (host_mmio_read && host_mmio_read(addr, bits / 8, &value))                \
			return (u##bits)value;                                               \
		return *(const volatile u##bits *)addr;                                      \
	}                                                                                    \
	static inline void mmio_write##bits(volatile void *addr, u##bits value)              \
	{                                                                                    \
		if (!host_mmio_write || !host_mmio_write(addr, bits / 8, value))             \
			*(volatile u##bits *)addr = value;                                   \
	}
#else
#define MMIO_ACCESSORS(bits)                                                           \
	static inline u##bits mmio_read##bits(const volatile void *addr)               \
	{                                                                              \
		return *(const volatile u##bits *)addr;                                \
	}                                                                              \
	static inline void mmio_write##bits(volatile void *addr, u##bits value)        \
	{                                                                              \
		*(volatile u##bits *)addr = value;                                     \
	}
#endif

MMIO_ACCESSORS(8)
MMIO_ACCESSORS(16)
MMIO_ACCESSORS(32)
MMIO_ACCESSORS(64)

#endif

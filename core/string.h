/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The few string functions a freestanding program must bring along (GCC and clang emit calls to the mem*
 * four). Semantics are those of C17 7.24. On the host the libc's are used.
 */
#ifndef CORE_STRING_H
#define CORE_STRING_H

#ifdef FL_HOST
#include <string.h>
#else
#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
#endif

/* The value of a hexadecimal digit; -1: it is none. */
static inline int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What libfdt.a and libz.a, which are compiled for a C library, want of one beyond core/string.c. Only boot
 * code calls the two libraries. libz's own allocator is linked in with inflate(), but gunzip.c gives it
 * another: so malloc() has nothing to give.
 */
#include "core/string.h"
#include "core/types.h"

#ifndef FL_HOST
void *memchr(const void *s, int c, size_t n);
size_t strnlen(const char *s, size_t max);
char *strrchr(const char *s, int c);
unsigned long strtoul(const char *s, char **end, int base);
void *malloc(size_t size);
void free(void *p);

/* C17 7.24.5.1 */
void *memchr(const void *s, int c, size_t n)
{
	const u8 *at = s;

	for (; n; n--, at++) {
		if (*at == (u8)c)
			return (void *)(uintptr_t)at;
	}
	return NULL;
}

/* POSIX.1-2008 */
size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

/* C17 7.24.5.5 */
char *strrchr(const char *s, int c)
{
	const char *last = NULL;

	do {
		if (*s == (char)c)
			last = s;
	} while (*s++);
	return (char *)(uintptr_t)last;
}

/* C17 7.22.1.4 as far as libfdt's overlays, which Fairlead does not use, need it: decimal digits. */
unsigned long strtoul(const char *s, char **end, int base)
{
	unsigned long value = 0;

	for (; base == 10 && *s >= '0' && *s <= '9'; s++)
		value = value * 10 + (unsigned long)(*s - '0');
	if (end)
		*end = (char *)(uintptr_t)s;
	return value;
}

void *malloc(size_t size UNUSED)
{
	return NULL;
}

void free(void *p UNUSED)
{
}
#endif

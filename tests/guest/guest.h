/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the programs in this folder share. They run inside the guest as root and are the hands of the system tests: each
 * does one small thing to the machine and reports it as key=value lines.
 *
 * Exit status: 0 done, 1 the machine did not do it (a line error=... on stderr says why), 2 wrong arguments.
 */
#ifndef TESTS_GUEST_H
#define TESTS_GUEST_H

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 2
#define PAGE 4096u

__attribute__((noreturn, format(printf, 2, 3))) static inline void stop(int status, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("error=", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(status);
}

#define fail(...) stop(EXIT_FAILURE, __VA_ARGS__)
#define usage(...) stop(EXIT_USAGE, __VA_ARGS__)

/* A whole argument as a number (0x... or decimal), at most max. */
static inline uint64_t number(const char *text, const char *name, uint64_t max)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || *text == '+' || *text == ' ' || value > max)
		usage("%s: '%s' is not a number from 0 to 0x%llx", name, text, (unsigned long long)max);
	return value;
}

/* The largest value of that many bytes. */
static inline uint64_t max_of(unsigned int size)
{
	return size >= 8 ? UINT64_MAX : (1ull << (8 * size)) - 1;
}

/* 1, 2, 4 or 8, as far as the caller allows. */
static inline unsigned int access_size(const char *text, unsigned int largest)
{
	uint64_t size = number(text, "size", largest);

	if (size != 1 && size != 2 && size != 4 && size != 8)
		usage("size: %s is not 1, 2, 4 or 8", text);
	return (unsigned int)size;
}

/* One load or store of exactly that width, as unaligned as the machine allows. */
static inline uint64_t load(const volatile void *p, unsigned int size)
{
	switch (size) {
	case 1:
		return *(const volatile uint8_t *)p;
	case 2:
		return *(const volatile uint16_t *)p;
	case 4:
		return *(const volatile uint32_t *)p;
	default:
		return *(const volatile uint64_t *)p;
	}
}

static inline void store(volatile void *p, unsigned int size, uint64_t value)
{
	switch (size) {
	case 1:
		*(volatile uint8_t *)p = (uint8_t)value;
		break;
	case 2:
		*(volatile uint16_t *)p = (uint16_t)value;
		break;
	case 4:
		*(volatile uint32_t *)p = (uint32_t)value;
		break;
	default:
		*(volatile uint64_t *)p = value;
	}
}

/* SplitMix64 (Steele, Lea, Flood 2014): the same sequence in tests/system/pattern.py. */
static inline uint64_t random_word(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

#endif

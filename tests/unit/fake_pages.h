/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/pages.h for tests that must see every page: each is its own heap block, so that the sanitizer catches
 * a use after the free and a double free; the allocator fails when the test says so; and the contents of all
 * pages can be compared.
 */
#ifndef TESTS_FAKE_PAGES_H
#define TESTS_FAKE_PAGES_H

#include <stdlib.h>
#include <string.h>

#include "core/pages.h"

#define FAKE_PAGES_MAX 65536

static void *fake_page[FAKE_PAGES_MAX];
static unsigned int fake_page_count[FAKE_PAGES_MAX]; /* pages in that block; more than one: pages_alloc_contig() */
static unsigned int fake_pages_used;
static u64 fake_pages_allowed = FAKE_PAGES_MAX; /* allocations that still succeed */
static u64 fake_pages_freed;			/* calls of page_free() so far */

void pages_init(paddr_t base, u64 size)
{
}

void *page_alloc(void)
{
	void *page;

	if (!fake_pages_allowed || fake_pages_used == FAKE_PAGES_MAX)
		return NULL;
	fake_pages_allowed--;
	page = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
	if (!page)
		abort();
	memset(page, 0, PAGE_SIZE);
	fake_page_count[fake_pages_used] = 1;
	fake_page[fake_pages_used++] = page;
	return page;
}

void page_free(void *page)
{
	for (unsigned int i = fake_pages_used; i-- > 0;) {
		if (fake_page[i] == page) {
			if (fake_page_count[i] != 1)
				abort(); /* never given back */
			fake_page_count[i] = fake_page_count[fake_pages_used - 1];
			fake_page[i] = fake_page[--fake_pages_used];
			fake_pages_freed++;
			free(page);
			return;
		}
	}
	abort(); /* not a page of ours, or freed twice */
}

void *pages_alloc_contig(u64 count, u64 align)
{
	void *pages;

	if (count == 1 && align <= PAGE_SIZE)
		return page_alloc();
	if (!count || !fake_pages_allowed || fake_pages_used == FAKE_PAGES_MAX)
		return NULL;
	fake_pages_allowed--;
	if (posix_memalign(&pages, align, count * PAGE_SIZE)) /* aligned_alloc() wants a multiple of the alignment */
		abort();
	memset(pages, 0, count * PAGE_SIZE);
	fake_page_count[fake_pages_used] = (unsigned int)count;
	fake_page[fake_pages_used++] = pages;
	return pages;
}

/* The test is over: blocks of several pages go, which nobody else can give back. */
static inline void fake_contig_free(void)
{
	for (unsigned int i = fake_pages_used; i-- > 0;) {
		if (fake_page_count[i] == 1)
			continue;
		free(fake_page[i]);
		fake_page_count[i] = fake_page_count[fake_pages_used - 1];
		fake_page[i] = fake_page[--fake_pages_used];
	}
}

u64 pages_left(void)
{
	return fake_pages_allowed;
}

/* The machine is gone: all that was handed out, what is never given back by itself, too. */
static inline void fake_pages_forget(void)
{
	while (fake_pages_used)
		free(fake_page[--fake_pages_used]);
}

/* A sum over the contents of all pages in use; equal before and after means that nothing was written. FNV-1a,
 * 64 bits. */
static inline u64 fake_pages_hash(void)
{
	u64 hash = 0;

	for (unsigned int i = 0; i < fake_pages_used; i++) {
		const u64 *word = fake_page[i];
		u64 h = 0xcbf29ce484222325ull ^ (u64)(uintptr_t)word;

		for (unsigned int k = 0; k < fake_page_count[i] * PAGE_SIZE / sizeof(*word); k++)
			h = (h ^ word[k]) * 0x100000001b3ull;
		hash += h;
	}
	return hash;
}

#endif

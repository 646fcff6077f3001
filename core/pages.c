/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page allocator: a block that is handed out from its start, and a list of pages that came back. A free
 * page holds the pointer to the next one in its first word; it is zeroed when it is handed out again.
 */
#include "core/pages.h"

#include "core/lock.h"
#include "core/string.h"

struct free_page {
	struct free_page *next;
};

static LOCK_CLASS(pages_class, "pages");
static struct spinlock pages_lock LEAF_LOCK = SPINLOCK_INIT(pages_class);
static paddr_t block_next GUARDED_BY(pages_lock);  /* first byte never handed out */
static paddr_t block_end GUARDED_BY(pages_lock);
static struct free_page *free_list GUARDED_BY(pages_lock);
static u64 free_count GUARDED_BY(pages_lock);

void pages_init(paddr_t base, u64 size)
{
	spin_lock(&pages_lock);
	block_next = base;
	block_end = base + size;
	free_list = NULL;
	free_count = 0;
	spin_unlock(&pages_lock);
}

void *page_alloc(void)
{
	void *page = NULL;

	spin_lock(&pages_lock);
	if (free_list) {
		page = free_list;
		free_list = free_list->next;
		free_count--;
	} else if (block_end - block_next >= PAGE_SIZE) {
		page = phys_to_virt(block_next);
		block_next += PAGE_SIZE;
	}
	spin_unlock(&pages_lock);
	if (page)
		memset(page, 0, PAGE_SIZE);
	return page;
}

void page_free(void *page)
{
	struct free_page *p = page;

	spin_lock(&pages_lock);
	p->next = free_list;
	free_list = p;
	free_count++;
	spin_unlock(&pages_lock);
}

void *pages_alloc_contig(u64 count, u64 align)
{
	u64 size = count * PAGE_SIZE;
	paddr_t start;
	void *pages = NULL;

	spin_lock(&pages_lock);
	start = ALIGN_UP(block_next, align);
	if (count && start >= block_next && start <= block_end && block_end - start >= size) {
		/* The pages skipped for alignment are not lost. */
		while (block_next < start) {
			struct free_page *p = phys_to_virt(block_next);

			p->next = free_list;
			free_list = p;
			free_count++;
			block_next += PAGE_SIZE;
		}
		pages = phys_to_virt(start);
		block_next = start + size;
	}
	spin_unlock(&pages_lock);
	if (pages)
		memset(pages, 0, size);
	return pages;
}

u64 pages_left(void)
{
	u64 n;

	spin_lock(&pages_lock);
	n = free_count + (block_end - block_next) / PAGE_SIZE;
	spin_unlock(&pages_lock);
	return n;
}

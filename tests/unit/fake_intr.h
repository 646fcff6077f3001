/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A remapping unit's interrupt entries, as drivers/iommu/intr.h promises them: hardware may go by what an entry said before until it is
 * flushed, or by what it says now. Tests run both ways (intr_caches).
 *
 * Included by one test program each; defines the functions of that header for controllers that are no PCI devices.
 */
#ifndef TESTS_FAKE_INTR_H
#define TESTS_FAKE_INTR_H

#include <pthread.h>
#include <string.h>

#include "core/errno.h"
#include "drivers/iommu/intr.h"

#define INTR_ENTRIES 0x10000u /* VT-d specification, 9.9: at most */

struct fake_entry {
	bool present;
	struct apic_target target;
};

static struct fake_intr {
	bool remapped;
	int alloc_result, flush_result;
	u32 first; /* handed out next */
	unsigned int allocs, last_count;
	enum intr_platform_source last_kind;
	u8 last_id;
	_Atomic unsigned int sets, flushes;
	bool caches; /* hardware keeps what it has seen until flushed */
	void (*during_flush)(void);
} fake_intr UNUSED;
static struct fake_entry intr_memory[INTR_ENTRIES], intr_cached[INTR_ENTRIES];
static pthread_mutex_t intr_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct iommu *const fake_unit = (struct iommu *)0x1000; /* nobody looks inside */

static UNUSED void fake_intr_reset(void)
{
	fake_intr = (struct fake_intr){ .remapped = true, .first = 0x40, .caches = true };
	memset(intr_memory, 0, sizeof(intr_memory));
	memset(intr_cached, 0, sizeof(intr_cached));
}

/* What hardware delivers for that entry now. */
static UNUSED struct fake_entry fake_intr_look(u32 index)
{
	struct fake_entry entry;

	pthread_mutex_lock(&intr_mutex);
	entry = fake_intr.caches ? intr_cached[index] : intr_memory[index];
	pthread_mutex_unlock(&intr_mutex);
	return entry;
}

bool intr_remapped(void)
{
	return fake_intr.remapped;
}

int intr_platform_alloc(enum intr_platform_source kind, u8 id, unsigned int count, struct iommu **unit, u32 *first)
{
	assert_true(fake_intr.remapped);
	fake_intr.allocs++;
	fake_intr.last_kind = kind;
	fake_intr.last_id = id;
	fake_intr.last_count = count;
	*unit = (struct iommu *)0x2000; /* says nothing unless 0 is returned */
	if (fake_intr.alloc_result)
		return fake_intr.alloc_result;
	*unit = fake_unit;
	*first = fake_intr.first;
	fake_intr.first += count;
	return 0;
}

void intr_set(struct iommu *unit, u32 entry, const struct apic_target *target)
{
	assert_ptr_equal(unit, fake_unit);
	assert_true(entry < INTR_ENTRIES);
	pthread_mutex_lock(&intr_mutex);
	fake_intr.sets++;
	intr_memory[entry] = target ? (struct fake_entry){ true, *target } : (struct fake_entry){ 0 };
	pthread_mutex_unlock(&intr_mutex);
}

int intr_flush(struct iommu *unit, u32 first, unsigned int count)
{
	assert_ptr_equal(unit, fake_unit);
	fake_intr.flushes++;
	if (fake_intr.during_flush)
		fake_intr.during_flush();
	if (fake_intr.flush_result)
		return fake_intr.flush_result;
	pthread_mutex_lock(&intr_mutex);
	for (unsigned int i = 0; i < count; i++)
		intr_cached[first + i] = intr_memory[first + i];
	pthread_mutex_unlock(&intr_mutex);
	return 0;
}

/* VT-d specification 4.1, 5.1.2.2: FEEh; handle[14:0] in 19:5; format 4; SHV 3, not set; handle[15] in 2. Data: none. */
struct pci_message intr_message(struct iommu *unit, u32 entry)
{
	assert_ptr_equal(unit, fake_unit);
	return (struct pci_message){ 0xfee00010u | (entry & 0x7fff) << 5 | (entry >> 15) << 2, 0 };
}

#endif

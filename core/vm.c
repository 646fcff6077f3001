/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's address space. It guards the promise of the direct map: what the guest or its devices reach
 * is what the memory map and vPCI granted, page by page, and every other access has a defined, harmless
 * answer.
 */
#include "core/vm.h"

#include "core/errno.h"
#include "core/log.h"
#include "core/trace.h"

LOCK_CLASS(stage2_class, "stage2");

struct vm guest;

static void lock_stage2_at(struct vm *vm, struct code_site site) ACQUIRES(vm->stage2_lock, stage2_class)
	NO_THREAD_ANALYSIS
{
	spin_lock_at(&vm->stage2_lock, site);
}
#define lock_stage2(vm) lock_stage2_at(vm, HERE)

static void unlock_stage2(struct vm *vm) RELEASES(vm->stage2_lock, stage2_class) NO_THREAD_ANALYSIS
{
	spin_unlock(&vm->stage2_lock);
}

static void init_empty(struct vm *vm)
{
	*vm = (struct vm){ 0 };
	spin_init(&vm->stage2_lock, &stage2_class);
	shootdown_init(&vm->shootdown);
}

int vm_init(struct vm *vm, const struct pt_format *format, unsigned int levels, unsigned int max_leaf)
{
	init_empty(vm);
	return pt_init(&vm->stage2, format, levels, max_leaf);
}

int vm_init_input(struct vm *vm, const struct pt_format *format, unsigned int input_bits,
		  unsigned int max_leaf)
{
	int ret;

	init_empty(vm);
	ret = pt_init_input(&vm->stage2, format, input_bits, max_leaf);
	vm->stage2.form_runs = true;
	return ret;
}

void vm_set_live(struct vm *vm, void (*flush_tlb)(const struct pagetable *pt))
{
	lock_stage2(vm);
	vm->stage2.form_runs = false;
	vm->stage2.flush_tlb = flush_tlb;
	unlock_stage2(vm);
}

/* What the guest's CPU may do with memory of that type; 0: nothing. */
static unsigned int cpu_access(enum mem_type type)
{
	switch (type) {
	case MEM_RAM:
		return PT_READ | PT_WRITE | PT_EXEC;
	case MEM_RESERVED:
	case MEM_ACPI_RECLAIM:
	case MEM_ACPI_NVS:
		return PT_READ | PT_WRITE;
	case MEM_FIRMWARE:
	case MEM_FAIRLEAD:
	case MEM_CUT:
	case MEM_UNUSABLE:
		break;
	}
	return 0;
}

int vm_map_memory(struct vm *vm, const struct memmap *map)
{
	for (unsigned int i = 0; i < map->count; i++) {
		const struct mem_range *r = &map->range[i];
		unsigned int access = cpu_access(r->type);
		int ret = 0;

		if (access)
			ret = pt_map(&vm->stage2, r->base, r->base, r->size, access);
		if (!ret && r->type == MEM_RAM && vm->dma_on)
			ret = iommu_map(&vm->dma, r->base, r->base, r->size, PT_READ | PT_WRITE);
		if (ret)
			return ret;
	}
	return 0;
}

int vm_map_mmio(struct vm *vm, gpa_t gpa, paddr_t hpa, u64 size, unsigned int prot)
{
	int ret;

	lock_stage2(vm);
	ret = pt_map(&vm->stage2, gpa, hpa, size, prot | PT_DEVICE);
	unlock_stage2(vm);
	return ret;
}

int vm_unmap_mmio(struct vm *vm, gpa_t gpa, u64 size)
{
	int ret;

	lock_stage2(vm);
	ret = pt_unmap(&vm->stage2, gpa, size);
	/*
	 * The generation is read after the entries were cleared, for every CPU to see: one that is newer
	 * then began after them, and who flushes for it does not find them again. A store and a load: only
	 * a full fence orders the two.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	vm->retired_at = atomic_load_explicit(&vm->shootdown.generation, memory_order_relaxed);
	unlock_stage2(vm);
	return ret;
}

u64 vm_shootdown(struct vm *vm)
{
	return shootdown_begin(&vm->shootdown);
}

/*
 * The shoot-down of that generation is done: what was retired before it began goes back. Others may unmap all
 * the while, each after the last shoot-down began; so that this cannot go on for ever, what is there
 * is set aside, and the next shoot-down that begins frees it.
 */
static void reclaim(struct vm *vm, u64 done) REQUIRES(stage2_class)
{
	if (vm->aside && vm->aside_at < done) {
		pt_free_retired(vm->aside);
		vm->aside = NULL;
	}
	if (vm->retired_at < done) {
		pt_reclaim(&vm->stage2);
	} else if (!vm->aside) {
		vm->aside = pt_take_retired(&vm->stage2);
		vm->aside_at = vm->retired_at;
	}
}

int vm_shootdown_wait(struct vm *vm, u64 generation)
{
	int ret = shootdown_wait(&vm->shootdown, generation);

	if (ret)
		return ret; /* the tables wait for a later one that is done */
	lock_stage2(vm);
	reclaim(vm, generation);
	unlock_stage2(vm);
	return 0;
}

int vm_lookup(struct vm *vm, gpa_t gpa, paddr_t *pa, unsigned int *prot)
{
	int ret;

	lock_stage2(vm);
	ret = pt_lookup(&vm->stage2, gpa, pa, prot, NULL);
	unlock_stage2(vm);
	return ret;
}

bool vm_allows(struct vm *vm, gpa_t gpa, unsigned int prot)
{
	unsigned int allowed = 0;

	return !vm_lookup(vm, gpa, NULL, &allowed) && !(prot & ~allowed);
}

bool vm_may_map(const struct vm *vm, const struct memmap *map, gpa_t gpa, u64 size)
{
	if (memmap_touches(map, gpa, size))
		return false;
	for (struct iommu *iommu = iommu_first(); iommu; iommu = iommu->next) {
		if (ranges_overlap(gpa, size, iommu->registers, iommu->registers_size))
			return false;
	}
	for (unsigned int i = 0; i < vm->regions; i++) {
		if (ranges_overlap(gpa, size, vm->region[i].base, vm->region[i].size))
			return false;
	}
	return true;
}

int vm_add_region(struct vm *vm, const struct vm_mmio_region *region)
{
	for (unsigned int i = 0; i < vm->regions; i++) {
		if (ranges_overlap(vm->region[i].base, vm->region[i].size, region->base, region->size))
			return -EEXIST;
	}
	if (vm->regions == VM_MMIO_REGIONS)
		return -ENOSPC;
	vm->region[vm->regions++] = *region;
	return 0;
}

static const struct vm_mmio_region *find_region(const struct vm *vm, gpa_t gpa)
{
	for (unsigned int i = 0; i < vm->regions; i++) {
		if (gpa - vm->region[i].base < vm->region[i].size)
			return &vm->region[i];
	}
	return NULL;
}

static void unowned_access(struct vm *vm, gpa_t gpa, unsigned int size, bool write, u64 *value)
{
	unsigned int nth = once(vm->logged_page, gpa & PAGE_MASK);

	atomic_fetch_add_explicit(write ? &vm->unowned_writes : &vm->unowned_reads, 1, memory_order_relaxed);
	if (nth && write)
		log_info("guest: write to unowned 0x%llx dropped", (unsigned long long)gpa);
	else if (nth)
		log_info("guest: read of unowned 0x%llx gives all-ones", (unsigned long long)gpa);
	if (nth == VM_LOGGED_PAGES)
		log_info("guest: further unowned pages are counted, not logged");
	if (!write)
		*value = GENMASK64(size * 8 - 1, 0);
}

void vm_mmio_access(struct vm *vm, gpa_t gpa, unsigned int size, bool write, u64 *value)
{
	const struct vm_mmio_region *region = find_region(vm, gpa);

	if (region)
		region->fn(region->ctx, gpa, size, write, value);
	else if (!vm->trap || !vm->trap(gpa, size, write, value))
		unowned_access(vm, gpa, size, write, value);
	trace(write ? TRACE_MMIO_WRITE : TRACE_MMIO_READ, (u16)size, gpa, (u32)*value, 0);
}

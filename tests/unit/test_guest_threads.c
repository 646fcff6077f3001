/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What several of the guest's CPUs do at once with what they share: memory of nobody's, MTRRs, the 8042, trapped
 * ports. Also under ThreadSanitizer (tools/stress.mk).
 */
#include "fake_x86.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "arch/x86/guest_mem.h"
#include "arch/x86/msr.h"
#include "arch/x86/pio.h"
#include "arch/x86/platform.h"
#include "core/pages.h"
#include "core/vm.h"

extern _Thread_local unsigned int host_cpu; /* core/host_cpu.c */

#define CPUS 4

static pthread_barrier_t barrier;
static _Atomic unsigned int wrong;

/* A thread cannot fail a test of cmocka's: it counts. */
static void expect(bool right)
{
	if (!right)
		atomic_fetch_add(&wrong, 1);
}

static void run_on_cpus(unsigned int cpus, void *(*fn)(void *cpu))
{
	pthread_t thread[CPUS];

	pthread_barrier_init(&barrier, NULL, cpus);
	for (unsigned int i = 0; i < cpus; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, fn, (void *)(uintptr_t)i), 0);
	for (unsigned int i = 0; i < cpus; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&barrier);
}

static void start(void *cpu)
{
	host_cpu = (unsigned int)(uintptr_t)cpu;
	pthread_barrier_wait(&barrier);
}

/* ---- memory of nobody's ---- */

#define UNOWNED_PAGES (VM_LOGGED_PAGES + 16)
#define PAGE_ROUNDS   300

static _Atomic unsigned int lines_of_page[UNOWNED_PAGES], lines_further, lines_other;

static void page_sink(enum log_level level, const char *line, size_t len)
{
	unsigned long long page;

	if (sscanf(line, "guest: write to unowned 0x%llx dropped", &page) == 1 ||
	    sscanf(line, "guest: read of unowned 0x%llx gives", &page) == 1)
		atomic_fetch_add(&lines_of_page[page >> 12], 1);
	else if (strstr(line, "further unowned pages"))
		atomic_fetch_add(&lines_further, 1);
	else
		atomic_fetch_add(&lines_other, 1);
}

static void *touches_pages(void *cpu)
{
	start(cpu);
	for (unsigned int i = 0; i < PAGE_ROUNDS * UNOWNED_PAGES; i++) {
		u64 value = 0;

		vm_mmio_access(&guest, (gpa_t)(i % UNOWNED_PAGES) << 12, 4, (i + host_cpu) % 2, &value);
	}
	return NULL;
}

static void unowned_pages_are_logged_once_and_all_counted(void **state)
{
	unsigned int logged = 0;

	memset(&guest, 0, sizeof(guest));
	log_set_sink(page_sink);
	log_set_level(LOG_DEBUG);
	run_on_cpus(CPUS, touches_pages);
	for (unsigned int i = 0; i < UNOWNED_PAGES; i++) {
		assert_true(lines_of_page[i] <= 1);
		logged += lines_of_page[i];
	}
	assert_int_equal(logged, VM_LOGGED_PAGES);
	assert_int_equal(lines_further, 1);
	assert_int_equal(lines_other, 0);
	assert_int_equal(guest.unowned_reads + guest.unowned_writes, CPUS * PAGE_ROUNDS * UNOWNED_PAGES);
	assert_int_equal(guest.unowned_reads, guest.unowned_writes);
}

/* ---- memory that another CPU of the guest is changing: its aligned words are whole (APM vol. 2, 7.3.2) ---- */

#define WORD_ROUNDS 20000

static u8 *ram;

/* The guest's own stores, and Fairlead's for it, against Fairlead's loads: both words are all one byte. */
static void *shares_words(void *cpu)
{
	start(cpu);
	for (unsigned int i = 0; i < WORD_ROUNDS; i++) {
		u64 value = (i & 0xff) * 0x0101010101010101u, got8 = 0, entry8 = 0, entry4 = 0;
		u32 got4 = 0;
		u16 got2 = 0;

		if (host_cpu == 0) {
			__atomic_store_n((u64 *)(void *)ram, value, __ATOMIC_RELAXED);
			__atomic_store_n((u32 *)(void *)(ram + 8), (u32)value, __ATOMIC_RELAXED);
			__atomic_store_n((u16 *)(void *)(ram + 12), (u16)value, __ATOMIC_RELAXED);
			continue;
		}
		expect(!guest_phys_read(virt_to_phys(ram), &got8, 8));
		expect(!guest_phys_read(virt_to_phys(ram + 8), &got4, 4));
		expect(!guest_phys_read(virt_to_phys(ram + 12), &got2, 2));
		expect(!guest_phys_load(virt_to_phys(ram), 8, &entry8));
		expect(!guest_phys_load(virt_to_phys(ram + 8), 4, &entry4));
		expect(entry8 == (entry8 & 0xff) * 0x0101010101010101u);
		expect(entry4 == (entry4 & 0xff) * 0x01010101u);
		expect(got8 == (got8 & 0xff) * 0x0101010101010101u);
		expect(got4 == (got4 & 0xff) * 0x01010101u);
		expect(got2 == (got2 & 0xff) * 0x0101u);
		expect(!guest_phys_write(virt_to_phys(ram), &value, 8));
		expect(!guest_phys_write(virt_to_phys(ram + 8), &value, 4));
		expect(!guest_phys_write(virt_to_phys(ram + 12), &value, 2));
	}
	return NULL;
}

static void words_of_the_guests_memory_are_whole(void **state)
{
	struct memmap map = { .count = 1 };
	u8 *pool = aligned_alloc(SIZE_2M, SIZE_2M), *memory = aligned_alloc(SIZE_2M, SIZE_2M);

	assert_true(pool && memory);
	memset(memory, 0, SIZE_2M);
	pages_init(virt_to_phys(pool), SIZE_2M);
	assert_int_equal(vm_init(&guest, &pt_format_npt, 4, 2), 0);
	map.range[0] = (struct mem_range){ virt_to_phys(memory), SIZE_2M, MEM_RAM };
	assert_int_equal(vm_map_memory(&guest, &map), 0);
	ram = memory + 0x1000;
	run_on_cpus(3, shares_words);
	assert_int_equal(wrong, 0);
	memset(&guest, 0, sizeof(guest));
	free(memory);
	free(pool);
}

/* ---- MTRRs: each CPU's own (Intel SDM vol. 3A, "MTRR considerations in MP systems") ---- */

#define MTRR_CAP     0xfe
#define MTRR_DEFAULT 0x2ff
#define DEFAULT_E    BIT(11)
#define MTRR_ROUNDS  2000

static struct vcpu vcpus[CPUS];

/* The procedure of the manual: every CPU saves the register, switches off, changes, and restores it. */
static void *changes_mtrrs(void *cpu)
{
	struct vcpu *v;

	start(cpu);
	v = &vcpus[host_cpu];
	for (unsigned int i = 0; i < MTRR_ROUNDS; i++) {
		u64 saved, base = ((u64)host_cpu << 32) | ((u64)i << 12) | 6, got;

		expect(msr_read(v, MTRR_DEFAULT, &saved) == 0);
		expect(saved == (DEFAULT_E | 6));
		expect(msr_write(v, MTRR_DEFAULT, 6) == 0);
		expect(msr_write(v, 0x200, base) == 0);
		expect(msr_write(v, 0x26f, 0x0505050505050500u + host_cpu % 2) == 0);
		expect(msr_read(v, 0x200, &got) == 0);
		expect(got == base);
		expect(msr_read(v, 0x26f, &got) == 0);
		expect(got == 0x0505050505050500u + host_cpu % 2);
		expect(msr_write(v, MTRR_DEFAULT, saved) == 0);
	}
	return NULL;
}

static void each_cpu_has_its_own_mtrrs(void **state)
{
	u64 got;

	fake_log();
	msr_set(MTRR_CAP, 0x508);
	msr_set(MTRR_DEFAULT, DEFAULT_E | 6);
	msr_set(0x200, 0x80000006);
	msr_set(0x26f, 0x0606060606060606);
	msr_init();
	for (unsigned int i = 0; i < CPUS; i++) {
		vcpus[i] = (struct vcpu){ .index = i };
		/* What firmware has set up, on all of them. */
		assert_int_equal(msr_read(&vcpus[i], 0x200, &got), 0);
		assert_int_equal(got, 0x80000006);
	}
	run_on_cpus(CPUS, changes_mtrrs);
	assert_int_equal(wrong, 0);
	assert_int_equal(msr_writes_total, 0); /* the hardware's stay */
}

/* ---- the 8042 ---- */

#define KEYBOARD_ROUNDS 5000

/*
 * The controller (IBM PS/2 Hardware Interface Technical Reference): D1h makes the next data byte the output port,
 * whose bit 0 low resets the processor and bit 1 is A20; F0h-FFh pulse the lines of their low bits.
 */
static struct {
	bool to_output_port;
	unsigned int resets, a20_off, writes;
} controller;

static bool controller_write(u16 port, u8 value)
{
	if (port != 0x60 && port != 0x64)
		return false;
	sched_yield();
	controller.writes++;
	if (port == 0x64) {
		controller.to_output_port = value == 0xd1;
		controller.resets += (value & 0xf1) == 0xf0;
	} else if (controller.to_output_port) {
		controller.to_output_port = false;
		controller.resets += !(value & 1);
		controller.a20_off += !(value & 2);
	}
	return true;
}

static _Atomic unsigned int resets_by_fairlead;

static void write_port(u16 port, u8 value)
{
	u32 v = value;

	if (RESETS(pio_access(port, 1, true, &v)))
		atomic_fetch_add(&resets_by_fairlead, 1);
}

static void *types_at_the_controller(void *cpu)
{
	start(cpu);
	for (unsigned int i = 0; i < KEYBOARD_ROUNDS; i++) {
		if (host_cpu % 2) {
			write_port(0x64, 0xd1);
			write_port(0x60, 0xdf);
		} else {
			write_port(0x64, 0xaa);
			write_port(0x60, 0xdc);
		}
	}
	return NULL;
}

static void no_reset_gets_past_by_two_cpus(void **state)
{
	static const struct acpi_machine none;

	model_write = controller_write;
	assert_int_equal(reset_init(&none), 0);
	run_on_cpus(2, types_at_the_controller);
	model_write = NULL;
	assert_int_equal(controller.resets, 0);
	assert_int_equal(controller.a20_off, 0);
	assert_int_equal(controller.writes + resets_by_fairlead, 4 * KEYBOARD_ROUNDS);
}

/* ---- ports whose claim changes hands ---- */

#define MOVED	    0xc000
#define PORT_ROUNDS 20000

static _Atomic bool done;
static _Atomic unsigned int calls;

static void first_handler(void *ctx, u16 port, unsigned int size, bool write, u32 *value)
{
	atomic_fetch_add(ctx == &calls ? &calls : &wrong, 1);
	*value = 1;
}

static void second_handler(void *ctx, u16 port, unsigned int size, bool write, u32 *value)
{
	atomic_fetch_add(ctx == &wrong ? &calls : &wrong, 1);
	*value = 2;
}

static void *moves_or_accesses(void *cpu)
{
	start(cpu);
	if (host_cpu == 0) {
		/* At least until the other one has met a claim: on a busy host it comes late. */
		for (unsigned int i = 0; i < PORT_ROUNDS || !atomic_load(&calls); i++) {
			expect(pio_claim(MOVED, 8, first_handler, &calls, "first") == 0);
			expect(pio_release(MOVED) == 0);
			expect(pio_claim(MOVED, 4, second_handler, &wrong, "second") == 0);
			expect(pio_release(MOVED) == 0);
		}
		atomic_store(&done, true);
	}
	while (host_cpu == 1 && !atomic_load(&done)) {
		u32 value = 0;

		pio_access(MOVED + 2, 2, false, &value);
		/* By one claim, or byte by byte: each by a claim or by the port behind it. */
		for (unsigned int shift = 0; shift < 16; shift += 8)
			expect((value >> shift & 0xff) <= 2 || (value >> shift & 0xff) == 0x55);
	}
	return NULL;
}

static void a_port_is_answered_by_a_whole_claim(void **state)
{
	fake_port[MOVED + 2] = fake_port[MOVED + 3] = 0x55;
	run_on_cpus(2, moves_or_accesses);
	assert_int_equal(wrong, 0);
	assert_true(calls > 0);
}

/* ---- configuration mechanism #1: one latch for all CPUs ---- */

static void *latches(void *cpu)
{
	start(cpu);
	for (unsigned int i = 0; i < PORT_ROUNDS; i++) {
		u32 value = host_cpu ? 0x80ff0000 : 0x8000ff00;

		pio_access(0xcf8, 4, true, &value);
		pio_access(0xcf8, 4, false, &value);
		expect(value == 0x80ff0000 || value == 0x8000ff00);
	}
	return NULL;
}

static void the_latch_is_one_of_those_written(void **state)
{
	assert_int_equal(cfg_ports_init(), 0);
	run_on_cpus(2, latches);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unowned_pages_are_logged_once_and_all_counted),
		cmocka_unit_test(words_of_the_guests_memory_are_whole),
		cmocka_unit_test(each_cpu_has_its_own_mtrrs),
		cmocka_unit_test(no_reset_gets_past_by_two_cpus),
		cmocka_unit_test(a_port_is_answered_by_a_whole_claim),
		cmocka_unit_test(the_latch_is_one_of_those_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

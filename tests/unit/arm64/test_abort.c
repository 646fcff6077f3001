/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stage 2 aborts (Arm ARM DDI 0487J, D19.2.37 ESR_EL2, D19.2.60 HPFAR_EL2): which are tried again, which the
 * guest gets, and where the others go.
 */
#include "tests/unit/arm64/abort_machine.h"

static unsigned int flushes;

static void flush(const struct pagetable *pt)
{
	flushes++;
}

static void map_device_page(unsigned int prot)
{
	assert_int_equal(pt_map(&guest.stage2, DEVICE, DEVICE, PAGE_SIZE, prot), 0);
}

/* Somebody has mapped it meanwhile. */
static void test_again(void **state)
{
	struct vcpu v;

	map_device_page(PT_READ | PT_WRITE);
	for (unsigned int fsc = 0; fsc < 64; fsc++) {
		const bool stage2 = fsc < 0x10 || fsc == 0x29 ||
				    fsc == 0x2b; /* address size, translation, AF, permission */

		v = abort_of(DATA | fsc | ISV(2, 0, 0, 0), DEVICE_VA + 0x40);
		assert_int_equal(run(&v), stage2 || fsc == 0x30 ? AGAIN : EXTERNAL);
		v = abort_of(DATA | fsc | S1PTW, DEVICE_VA + 0x40);
		assert_int_equal(run(&v), stage2 || fsc == 0x30 ? AGAIN : EXTERNAL);
	}
	v = abort_of(FETCH | TRANSLATION, CODE_VA + 0x40);
	v.pc = v.far;
	assert_int_equal(run(&v), AGAIN);
	assert_int_equal(seen_count, 0);
}

static void test_read_only_page(void **state)
{
	struct vcpu v = abort_of(DATA | PERMISSION | WNR | ISV(2, 0, 0, 0), DEVICE_VA + 0x40);

	map_device_page(PT_READ);
	v.hpfar = 0xdead0; /* not valid for a permission fault of the access itself */
	assert_int_equal(run(&v), DONE);
	assert_int_equal(seen_count, 1);
	assert_int_equal(seen[0].gpa, DEVICE + 0x40);
	v = abort_of(DATA | PERMISSION | ISV(2, 0, 0, 0), DEVICE_VA + 0x40);
	v.hpfar = 0xdead0;
	assert_int_equal(run(&v), AGAIN);
	v = abort_of(DATA | PERMISSION | WNR | ISV(2, 0, 0, 0), DEVICE_VA + 0x40);
	stage1_broken = true;
	assert_int_equal(run(&v), AGAIN);
	assert_int_equal(seen_count, 1);
}

/* HPFAR_EL2.FIPA is bits 51:12 of the address, in 43:4; NS (63) is none of it. */
static void test_all_address_bits(void **state)
{
	struct vcpu v = abort_of(DATA | TRANSLATION | ISV(0, 0, 0, 0), DEVICE_VA);

	for (unsigned int bit = 12; bit < 52; bit++) {
		v.pc = CODE_VA;
		v.hpfar = 1ull << (bit - 8) | 1ull << 63 | 0xf;
		v.far = DEVICE_VA + 0xabc;
		seen_count = 0;
		assert_int_equal(run(&v), DONE);
		assert_int_equal(seen[0].gpa, (1ull << bit) + 0xabc);
	}
}

static void test_cache_maintenance(void **state)
{
	struct vcpu v = abort_of(DATA | TRANSLATION | CM | WNR, DEVICE_VA + 0x40);

	assert_int_equal(run(&v), DONE); /* nothing is cached of it */
	map_device_page(PT_READ);
	v = abort_of(DATA | TRANSLATION | CM | WNR, DEVICE_VA + 0x40);
	assert_int_equal(run(&v), AGAIN); /* it may be needed now */
	v = abort_of(DATA | PERMISSION | CM | WNR, DEVICE_VA + 0x40);
	assert_int_equal(run(&v), DONE);
	assert_int_equal(seen_count, 0);
}

/*
 * The guest's translation tables where it has no memory: FAR_EL2 has what was to be translated, HPFAR_EL2 the
 * entry's page.
 */
static void test_tables_nowhere(void **state)
{
	struct vcpu v = abort_of(DATA | TRANSLATION | S1PTW, CODE_VA + 0x40);

	v.hpfar = DEVICE >> 12 << 4;
	assert_int_equal(run(&v), EXTERNAL);
	v = abort_of(FETCH | TRANSLATION | S1PTW, CODE_VA + 0x40);
	v.hpfar = DEVICE >> 12 << 4;
	assert_int_equal(run(&v), EXTERNAL);
	assert_int_equal(el1[EL1_ESR], 0x86000010);
	/* device memory: HCR_EL2.PTW would have it fault for ever; a page that may not be written, neither */
	map_device_page(PT_READ | PT_WRITE | PT_DEVICE);
	v = abort_of(DATA | PERMISSION | S1PTW, CODE_VA + 0x40);
	v.hpfar = DEVICE >> 12 << 4;
	assert_int_equal(run(&v), EXTERNAL);
	assert_int_equal(pt_unmap(&guest.stage2, DEVICE, PAGE_SIZE), 0);
	map_device_page(PT_READ);
	v = abort_of(DATA | PERMISSION | S1PTW, CODE_VA + 0x40);
	v.hpfar = DEVICE >> 12 << 4;
	assert_int_equal(run(&v), EXTERNAL);
	v = abort_of(DATA | TRANSLATION | S1PTW, CODE_VA + 0x40);
	v.hpfar = DEVICE >> 12 << 4;
	assert_int_equal(run(&v), AGAIN);
	assert_int_equal(seen_count, 0);
}

static void test_fetches(void **state)
{
	struct vcpu v = abort_of(FETCH | TRANSLATION, DEVICE_VA + PAGE_SIZE + 0x40);

	v.pc = v.far;
	assert_int_equal(run(&v), EXTERNAL);
	assert_int_equal(el1[EL1_ESR], 0x86000010);
	assert_int_equal(pt_map(&guest.stage2, DEVICE + PAGE_SIZE, DEVICE, PAGE_SIZE, PT_READ | PT_WRITE), 0);
	v = abort_of(FETCH | PERMISSION, DEVICE_VA + PAGE_SIZE + 0x80);
	v.pc = v.far;
	v.hpfar = 0xdead0;
	v.pstate = 0;
	assert_int_equal(run(&v), EXTERNAL);
	assert_int_equal(el1[EL1_ESR], 0x82000010);
	assert_int_equal(v.pc, VBAR + 0x400);
	assert_int_equal(seen_count, 0);
	assert_int_equal(lines, 1); /* the same page */
	assert_non_null(strstr(last_line, "instruction at 0x10001040"));
}

static void test_of_the_machine(void **state)
{
	struct vcpu v = abort_of(DATA | 0x10 | 1 << 10, DEVICE_VA + 0x40); /* FnV */

	assert_int_equal(run(&v), EXTERNAL);
	assert_int_equal(el1[EL1_ESR], 0x96000410);
	/*
	 * D19.2.37: 010011 is one of the machine's, too; 110101 is an exclusive or atomic access that nothing
	 * supports
	 */
	v = abort_of(DATA | 0x13, 0xffff900000001000);
	assert_int_equal(run(&v), EXTERNAL);
	assert_non_null(strstr(last_line, "0xffff900000001000: the machine reports"));
	v = abort_of(DATA | 0x35, 0xffff900000002000);
	assert_int_equal(run(&v), EXTERNAL);
	assert_non_null(strstr(last_line, "0xffff900000002000: no such access"));
	v = abort_of(DATA | 0x30, DEVICE_VA + 0x40); /* a TLB conflict */
	assert_int_equal(run(&v), AGAIN);
	flushes = 0;
	vm_set_live(&guest, flush);
	v = abort_of(DATA | 0x30, DEVICE_VA + 0x40);
	assert_int_equal(run(&v), AGAIN);
	assert_int_equal(flushes, 1);
}

/* vm_set_live(): from then on what is unmapped is flushed at once, and no runs are formed. */
static void test_live_table(void **state)
{
	assert_true(guest.stage2.form_runs);
	flushes = 0;
	vm_set_live(&guest, flush);
	assert_false(guest.stage2.form_runs);
	assert_int_equal(vm_map_mmio(&guest, DEVICE, DEVICE, SIZE_2M, PT_READ), 0);
	assert_int_equal(flushes, 0);
	assert_int_equal(vm_unmap_mmio(&guest, DEVICE, PAGE_SIZE), 0);
	assert_int_equal(flushes, 2); /* the block is cut, the page is gone */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_again),
		TEST(test_read_only_page),
		TEST(test_all_address_bits),
		TEST(test_cache_maintenance),
		TEST(test_tables_nowhere),
		TEST(test_fetches),
		TEST(test_of_the_machine),
		TEST(test_live_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

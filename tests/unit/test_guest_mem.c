/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Access to the guest's memory goes where the second-stage table says, or nowhere. The table here is five
 * pages of an array, in another order than their guest-physical addresses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "arch/x86/guest_mem.h"
#include "core/errno.h"
#include "core/string.h"
#include "core/vm.h"

struct vm guest;
static u8 memory[5 * 4096] ALIGNED(4096);

static const struct {
	gpa_t gpa;
	unsigned int page, prot;
} mapped[] = {
	{ 0x1000, 2, PT_READ | PT_WRITE | PT_EXEC },
	{ 0x2000, 0, PT_READ | PT_WRITE | PT_EXEC },
	{ 0x3000, 1, PT_READ | PT_EXEC },
	{ 0x4000, 3, PT_READ | PT_WRITE | PT_EXEC | PT_DEVICE },
	{ 0x6000, 4, PT_READ | PT_WRITE }, /* firmware's: reserved, ACPI NVS (test_vm.c: test_memory_map()) */
};

/* It takes the table's lock (test_vm.c); nobody looks without it. */
int vm_lookup(struct vm *vm, gpa_t in, paddr_t *out, unsigned int *prot)
{
	assert_ptr_equal(vm, &guest);
	for (size_t i = 0; i < ARRAY_SIZE(mapped); i++) {
		if ((in & PAGE_MASK) == mapped[i].gpa) {
			*out = virt_to_phys(memory) + mapped[i].page * PAGE_SIZE + (in & ~PAGE_MASK);
			*prot = mapped[i].prot;
			return 0;
		}
	}
	return -ENOENT;
}

static void test_read_and_write(void **state)
{
	u8 buf[16];

	for (size_t i = 0; i < sizeof(memory); i++)
		memory[i] = (u8)(i >> 12);
	assert_int_equal(guest_phys_read(0x1ff8, buf, 16), 0);
	assert_int_equal(buf[7], 2);
	assert_int_equal(buf[8], 0);
	assert_int_equal(guest_phys_write(0x1ffe, "abcd", 4), 0);
	assert_memory_equal(memory + 2 * 4096 + 0xffe, "ab", 2);
	assert_memory_equal(memory, "cd", 2);
}

static void test_not_the_guests(void **state)
{
	u8 before[sizeof(memory)];
	u8 buf[16];

	memcpy(before, memory, sizeof(memory));
	/* second page read-only: not even half */
	assert_int_equal(guest_phys_write(0x2ffe, "abcd", 4), -EACCES);
	assert_int_equal(guest_phys_read(0x2ffe, buf, 4), 0);
	assert_int_equal(guest_phys_read(0x3ffe, buf, 4), -EACCES); /* registers of a device */
	assert_int_equal(guest_phys_write(0x4000, buf, 1), -EACCES);
	assert_int_equal(guest_phys_write(0xffe, buf, 4), -EFAULT);
	assert_int_equal(guest_phys_read(0x5000, buf, 1), -EFAULT);
	assert_int_equal(guest_phys_read(~(gpa_t)0, buf, 2), -EFAULT);
	assert_int_equal(guest_phys_read(0x1000, buf, 0), -EFAULT);
	assert_int_equal(guest_phys_cmpxchg(0x3000, 8, 0, 1), -EACCES);
	assert_int_equal(guest_phys_cmpxchg(0x5000, 8, 0, 1), -EFAULT);
	/* Fairlead itself does not map reserved memory, and ACPI NVS not for writing: an access would be a fault of its own. */
	assert_int_equal(guest_phys_read(0x6000, buf, 8), -EACCES);
	assert_int_equal(guest_phys_write(0x6000, buf, 8), -EACCES);
	assert_int_equal(guest_phys_cmpxchg(0x6000, 8, 0, 1), -EACCES);
	assert_memory_equal(before, memory, sizeof(memory));
}

static void test_load(void **state)
{
	u64 value;

	for (unsigned int i = 0; i < 16; i++)
		memory[2 * 4096 + 0xff0 + i] = (u8)(0xa0 + i);
	memcpy(memory + 4096, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
	value = ~0ull;
	assert_int_equal(guest_phys_load(0x1ff8, 8, &value), 0);
	assert_int_equal(value, 0xafaeadacabaaa9a8);
	assert_int_equal(guest_phys_load(0x1ffc, 4, &value), 0); /* the upper half is 0 */
	assert_int_equal(value, 0xafaeadac);
	assert_int_equal(guest_phys_load(0x3000, 8, &value), 0); /* reading is enough */
	assert_int_equal(value, 0x0807060504030201);

	value = 0x5a5a;
	assert_int_equal(guest_phys_load(0x4000, 8, &value), -EACCES); /* a device's register */
	assert_int_equal(guest_phys_load(0x6000, 8, &value), -EACCES); /* firmware's */
	assert_int_equal(guest_phys_load(0x5000, 8, &value), -EFAULT);
	assert_int_equal(guest_phys_load(0x1004, 8, &value), -EINVAL);
	assert_int_equal(guest_phys_load(0x1ffe, 4, &value), -EINVAL); /* would cross the page */
	assert_int_equal(guest_phys_load(0x1000, 2, &value), -EINVAL);
	assert_int_equal(guest_phys_load(0x1000, 16, &value), -EINVAL);
	assert_int_equal(value, 0x5a5a);
}

static void test_compare_and_exchange(void **state)
{
	memset(memory, 0x11, sizeof(memory));
	assert_int_equal(guest_phys_cmpxchg(0x1008, 8, 0x1111111111111111, 0x2222222222222222), 0);
	assert_int_equal(guest_phys_cmpxchg(0x1008, 8, 0x1111111111111111, 0x3333333333333333), -EAGAIN);
	assert_int_equal(guest_phys_cmpxchg(0x1010, 4, 0x11111111, 0x44444444), 0);
	assert_memory_equal(memory + 2 * 4096 + 8, "\x22\x22\x22\x22\x22\x22\x22\x22\x44\x44\x44\x44\x11",
			    13);
	assert_int_equal(guest_phys_cmpxchg(0x1004, 8, 0, 1), -EINVAL);
	assert_int_equal(guest_phys_cmpxchg(0x1000, 2, 0, 1), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_and_write),
		cmocka_unit_test(test_not_the_guests),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_compare_and_exchange),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trees that no firmware should make: cut short, with wrong bytes, too deep, too large. Nothing may be read
 * outside of them (the sanitizers see that), a refusal is one line, and a tree that is accepted in spite of
 * it gives a guest's tree in which nothing is that the guest must not have.
 */
#include "boot/arm64/dt_tree.h"
#include "tests/unit/arm64/dt_machine.h"

static struct memmap map;
static u8 *guest; /* of exactly the room that is given */
static size_t room;

static struct dt_guest make_guest(void)
{
	return (struct dt_guest){
		.machine = &machine,
		.memmap = &map,
		.cmdline = "quiet",
		.initrd = 0x48000000,
		.initrd_size = 0x123456,
		.cpus = machine.cpus > 2 ? 2 : machine.cpus,
		.frame = { machine.its.base, 288, machine.its.size ? 100 : 0 },
	};
}

static void make_map(void)
{
	map.count = 0;
	assert_int_equal(memmap_add(&map, 0x40000000, 0x40000000, MEM_RAM), 0);
	assert_int_equal(memmap_add(&map, 0x80000000, 0x2000000, MEM_FAIRLEAD), 0);
	assert_int_equal(memmap_add(&map, 0x82000000, 0x3e000000, MEM_RAM), 0);
}

/* Whatever the firmware says: registers are neither memory nor another device's. */
static void check_registers(void)
{
	struct dt_range r;

	for (unsigned int i = 0; dt_guest_registers(i, &r); i++) {
		assert_true(IS_ALIGNED(r.base, PAGE_SIZE) && IS_ALIGNED(r.size, PAGE_SIZE) && r.size);
		assert_false(memmap_touches(&map, r.base, r.size));
		assert_false(ranges_overlap(r.base, r.size, machine.gicd.base, machine.gicd.size));
		assert_false(ranges_overlap(r.base, r.size, machine.its.base, machine.its.size));
		for (unsigned int u = 0; u < machine.smmu.units; u++)
			assert_false(ranges_overlap(r.base, r.size, machine.smmu.unit[u].registers,
						    machine.smmu.unit[u].size));
		for (unsigned int h = 0; h < machine.pci_hosts; h++)
			assert_false(ranges_overlap(r.base, r.size, machine.pci_host[h].ecam.base,
						    machine.pci_host[h].ecam.size));
	}
}

static void check_nodes(void)
{
	static const char *const never[] = { "virtio,mmio", "qemu,fw-cfg-mmio", "cfi-flash",
					     "arm,smmu-v3", "arm,gic-v3-its",	NULL };

	struct dt_tree t;
	bool more;

	assert_int_equal(fdt_check_full(guest, room), 0);
	for (more = dt_first(&t, guest) && dt_find(&t, never); more;
	     more = dt_next(&t) && dt_find(&t, never)) {
		struct dt_range reg;
		const char *why;

		assert_int_not_equal(dt_reg_quietly(&t, 0, &reg, &why),
				     0); /* only as a name without an address */
	}
}

static void try_tree(const u8 *bytes, size_t size)
{
	int err;

	errors = 0;
	err = dt_read_machine(bytes, size, &machine);
	assert_int_equal(errors, err ? 1 : 0);
	assert_true(!err || err == -EINVAL || err == -EOPNOTSUPP);
	if (err)
		return;
	assert_true(machine.cpus >= 1 && machine.psci_smc && machine.gicd.size);
	if (machine.uart.kind != DT_UART_NONE)
		assert_true(machine.uart.registers.size);
	struct dt_guest g = make_guest();

	err = dt_build_guest(bytes, &g, guest, room);
	assert_int_equal(errors, err ? 1 : 0);
	if (err)
		return;
	check_nodes();
	check_registers();
}

static int setup_guest(void **state)
{
	setup(state);
	make_map();
	assert_int_equal(fdt_pack(tree), 0);
	room = dt_guest_size(fdt_totalsize(tree));
	guest = malloc(room);
	return 0;
}

static int teardown_guest(void **state)
{
	free(guest);
	return teardown(state);
}

static void test_cut_short(void **state)
{
	size_t size = fdt_totalsize(tree);

	for (size_t n = 0; n < size; n++) {
		u8 *copy = malloc(n ? n : 1);

		memcpy(copy, tree, n);
		errors = 0;
		assert_int_equal(dt_read_machine(copy, n, &machine), -EINVAL);
		assert_int_equal(errors, 1);
		free(copy);
	}
	assert_int_equal(dt_read_machine(tree, size, &machine), 0);
}

static void test_wrong_bytes(void **state)
{
	static const u8 flips[] = { 0x01, 0x80, 0xff, 0x20 };
	size_t size = fdt_totalsize(tree);
	u8 *copy = malloc(size);

	memcpy(copy, tree, size);
	for (size_t i = 0; i < size; i++) {
		for (unsigned int k = 0; k < ARRAY_SIZE(flips); k++) {
			copy[i] ^= flips[k];
			try_tree(copy, size);
			copy[i] ^= flips[k];
		}
	}
	errors = 0;
	try_tree(copy, size);
	assert_int_equal(errors, 0); /* it was whole all the time */
	free(copy);
}

static u64 random_state = 1;

static u32 random_below(u32 limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (u32)(random_state >> 16) % limit;
}

/* Numbers that lie at limits, in the places where numbers are. */
static void test_wrong_numbers(void **state)
{
	static const u32 numbers[] = { 0,  1,	       2,	   3,	       4,	5,	9,	   31,
				       32, 0x7fffffff, 0x80000000, 0xffffffff, 0x10000, 0xffff, 0x40000000 };
	u32 size = fdt_totalsize(tree), from = fdt_off_dt_struct(tree), end = from + fdt_size_dt_struct(tree);
	u8 *copy = malloc(size);

	for (unsigned int round = 0; round < 3000; round++) {
		memcpy(copy, tree, size);
		for (u32 n = 1 + random_below(3); n; n--) {
			fdt32_t value = cpu_to_fdt32(numbers[random_below(ARRAY_SIZE(numbers))]);

			memcpy(copy + from + 4 * random_below((end - from) / 4), &value, 4);
		}
		try_tree(copy, size);
	}
	free(copy);
}

/* As many copies of single properties at the wrong nodes. */
static void test_shuffled_words(void **state)
{
	u32 size = fdt_totalsize(tree), from = fdt_off_dt_struct(tree), words = fdt_size_dt_struct(tree) / 4;
	u8 *copy = malloc(size);

	for (unsigned int round = 0; round < 2000; round++) {
		u32 n = 1 + random_below(8), to = random_below(words - n), at_word = random_below(words - n);

		memcpy(copy, tree, size);
		memcpy(copy + from + 4 * to, tree + from + 4 * at_word, 4 * n);
		try_tree(copy, size);
	}
	free(copy);
}

static void test_header(void **state)
{
	u8 *unaligned = (u8 *)malloc(fdt_totalsize(tree) + 8) + 4;

	memcpy(unaligned, tree, fdt_totalsize(tree));
	assert_int_equal(dt_read_machine(unaligned, fdt_totalsize(tree), &machine), -EINVAL);
	assert_non_null(strstr(last_error, "aligned"));
	free(unaligned - 4);
}

static void test_limits(void **state)
{
	size_t big = (size_t)4 << 20;
	u8 *copy = malloc(big);

	memset(copy, 0, big);
	assert_int_equal(fdt_open_into(tree, copy, (int)big), 0);
	assert_int_equal(dt_read_machine(copy, big, &machine), -EINVAL); /* more than 2 MiB */
	assert_int_equal(fdt_open_into(tree, copy, (int)big / 2), 0);
	assert_int_equal(dt_read_machine(copy, big, &machine), 0);
	assert_int_equal(dt_read_machine(copy, big / 2 - 1, &machine), -EINVAL); /* more than is memory */
	fdt_set_version(copy, 16);
	fdt_set_last_comp_version(copy, 16);
	assert_int_equal(dt_read_machine(copy, big, &machine), -EINVAL);
	free(copy);
}

static void test_depth(void **state)
{
	char path[128] = "";

	assert_int_equal(fdt_open_into(tree, tree, sizeof(tree)), 0);
	for (unsigned int depth = 2; depth <= 17; depth++) {
		strcat(path, "/a");
		add(path);
		errors = 0;
		assert_int_equal(read_tree(), depth <= 16 ? 0 : -EINVAL);
	}
	assert_non_null(strstr(last_error, "deep"));
}

static void test_cells(void **state)
{
	assert_int_equal(fdt_open_into(tree, tree, sizeof(tree)), 0);
	SET("/gpio-keys", "#address-cells", 5);
	errors = 0;
	assert_int_equal(read_tree(), -EINVAL);
	assert_non_null(strstr(last_error, "/gpio-keys"));
	SET("/gpio-keys", "#address-cells", 1, 1);
	assert_int_equal(read_tree(), -EINVAL);
	drop("/gpio-keys", "#address-cells");
	SET("/gpio-keys", "#size-cells", 0xffffffff);
	assert_int_equal(read_tree(), -EINVAL);
	SET("/gpio-keys", "#size-cells", 4);
	assert_int_equal(read_tree(), 0);
	set_bytes("/gpio-keys", "interrupt-parent", "\0", 1);
	assert_int_equal(read_tree(), -EINVAL);
	assert_non_null(strstr(last_error, "interrupt-parent"));
	assert_int_equal(errors, 4);
}

#define GUEST_TEST(name) cmocka_unit_test_setup_teardown(name, setup_guest, teardown_guest)

int main(void)
{
	const struct CMUnitTest tests[] = {
		GUEST_TEST(test_cut_short),	 GUEST_TEST(test_wrong_bytes), GUEST_TEST(test_wrong_numbers),
		GUEST_TEST(test_shuffled_words), GUEST_TEST(test_header),      GUEST_TEST(test_limits),
		GUEST_TEST(test_depth),		 GUEST_TEST(test_cells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

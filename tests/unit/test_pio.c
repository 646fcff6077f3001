/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claims of ports and the permission map (AMD64 APM vol. 2, 15.10.1): one bit a port, 1 = exit; an access exits if any of its ports
 * does.
 */
#include "fake_x86.h"

#include "arch/x86/pio.h"

#define FIRST 0x400

static struct {
	unsigned int calls;
	u16 port;
	unsigned int size;
	bool write;
	u32 value;
	void *ctx;
} seen;

static void handler(void *ctx, u16 port, unsigned int size, bool write, u32 *value)
{
	seen.calls++;
	seen.port = port;
	seen.size = size;
	seen.write = write;
	seen.ctx = ctx;
	if (write)
		seen.value = *value;
	else
		*value = 0x44332211u >> (8 * (port - FIRST));
}

static bool exits(u32 port)
{
	return pio_bitmap[port / 8] >> (port % 8) & 1;
}

static int setup(void **state)
{
	memset(&seen, 0, sizeof(seen));
	memset(fake_port, 0xee, sizeof(fake_port));
	ports_forget();
	return pio_claim(FIRST, 4, handler, &seen, "four ports");
}

static int teardown(void **state)
{
	(void)pio_release(FIRST);
	return 0;
}

static void claim_sets_exactly_its_bits(void **state)
{
	for (u32 port = 0; port < 0x10000; port++)
		assert_int_equal(exits(port), port >= FIRST && port < FIRST + 4);
	assert_int_equal(pio_release(FIRST), 0);
	for (u32 port = 0; port < 0x10000; port++)
		assert_false(exits(port));
}

static void claims_do_not_overlap(void **state)
{
	assert_int_equal(pio_claim(FIRST + 3, 1, handler, NULL, "inside"), -EEXIST);
	assert_int_equal(pio_claim(FIRST - 1, 2, handler, NULL, "over the start"), -EEXIST);
	assert_int_equal(pio_claim(FIRST - 1, 8, handler, NULL, "around"), -EEXIST);
	assert_false(exits(FIRST - 1));
	assert_int_equal(pio_claim(FIRST + 4, 1, handler, NULL, "behind"), 0);
	assert_int_equal(pio_release(FIRST + 4), 0);
}

static void bad_ranges_are_refused(void **state)
{
	assert_int_equal(pio_claim(0x500, 0, handler, NULL, "empty"), -EINVAL);
	assert_int_equal(pio_claim(0xffff, 2, handler, NULL, "past the end"), -EINVAL);
	assert_int_equal(pio_release(FIRST + 1), -ENOENT);
	assert_int_equal(pio_release(0x500), -ENOENT);
}

static void a_claim_is_known_by_its_handler(void **state)
{
	assert_true(pio_claimed_by(FIRST, handler));
	assert_true(pio_claimed_by(FIRST + 3, handler));
	assert_false(pio_claimed_by(FIRST + 4, handler));
	assert_false(pio_claimed_by(FIRST, NULL));
}

static void claims_run_out_and_come_back(void **state)
{
	u16 port = 0x1000;

	while (pio_claim(port, 1, handler, NULL, "one of many") == 0)
		port++;
	assert_int_equal(pio_claim(port, 1, handler, NULL, "one too many"), -ENOSPC);
	assert_false(exits(port));
	assert_int_equal(pio_release(0x1000), 0);
	assert_int_equal(pio_claim(port, 1, handler, NULL, "in its place"), 0);
	for (u16 p = 0x1001; p <= port; p++)
		assert_int_equal(pio_release(p), 0);
}

static void an_access_inside_goes_whole(void **state)
{
	u32 value = 0;

	pio_access(FIRST, 4, false, &value);
	assert_int_equal(value, 0x44332211);
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.size, 4);
	assert_ptr_equal(seen.ctx, &seen);
	value = 0xabcd;
	pio_access(FIRST + 2, 2, true, &value);
	assert_int_equal(seen.calls, 2);
	assert_int_equal(seen.port, FIRST + 2);
	assert_true(seen.write);
	assert_int_equal(seen.value, 0xabcd);
	assert_int_equal(port_write_count, 0);
}

/* The bytes of ports that pass reach the hardware. */
static void an_access_past_the_end_is_split(void **state)
{
	u32 value = 0;

	pio_access(FIRST + 3, 2, false, &value);
	assert_int_equal(value, 0xee44);
	assert_int_equal(seen.size, 1);
	value = 0x0201;
	pio_access(FIRST + 3, 2, true, &value);
	assert_int_equal(seen.value, 0x01);
	assert_one_write(FIRST + 4, 1, 0x02);
}

static void an_access_before_the_start_is_split(void **state)
{
	u32 value = 0x04030201;

	pio_access(FIRST - 2, 4, true, &value);
	assert_int_equal(seen.calls, 2);
	assert_int_equal(seen.port, FIRST + 1);
	assert_int_equal(seen.value, 0x04);
	assert_int_equal(port_write_count, 2);
	assert_int_equal(port_writes[1].port, FIRST - 1);
	assert_int_equal(port_writes[1].value, 0x02);
}

static void the_last_port_does_not_wrap(void **state)
{
	u32 value = 0;

	for (u32 port = 0x10000; port < 0x10003; port++)
		assert_true(exits(port));
	fake_port[0xffff] = 0x55;
	fake_port[0] = 0x66;
	pio_access(0xffff, 4, false, &value);
	assert_int_equal(value, 0xffffff55);
	value = 0x04030201;
	pio_access(0xffff, 4, true, &value);
	assert_one_write(0xffff, 1, 0x01);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(claim_sets_exactly_its_bits, setup, teardown),
		cmocka_unit_test_setup_teardown(claims_do_not_overlap, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_ranges_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_claim_is_known_by_its_handler, setup, teardown),
		cmocka_unit_test_setup_teardown(claims_run_out_and_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(an_access_inside_goes_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(an_access_past_the_end_is_split, setup, teardown),
		cmocka_unit_test_setup_teardown(an_access_before_the_start_is_split, setup, teardown),
		cmocka_unit_test_setup_teardown(the_last_port_does_not_wrap, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

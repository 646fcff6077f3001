/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A million accesses of a guest that does anything at all: nothing of the machine changes that is not the
 * guest's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/fake/fake_vpci.h"

/* ---- anything at all ---- */

static u64 random_state = 0x9e3779b97f4a7c15ull;

static u64 random64(void) /* xorshift64* */
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dull;
}

/* Pages of the machine that BARs of attached devices have: what the guest may reach at most. */
static bool is_guests_bar(u64 hpa, u64 size)
{
	static const struct {
		u64 base, size;
	} bars[] = {
		{ 0xfeb80000, 0x20000 }, { 0xa000000000, 0x4000 }, { 0xfe000000, 0x40000 },
		{ 0xfea00000, 0x1000 },	 { 0xfe900000, 0x1000 },   { 0xfe800000, 0x1000 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bars); i++) {
		if (hpa >= bars[i].base && hpa + size <= bars[i].base + bars[i].size)
			return true;
	}
	return false;
}

static void check_invariants(const u8 *host_before, const u8 *port_before)
{
	assert_memory_equal(host->cfg, host_before, 4096);
	assert_memory_equal(port->cfg + 0x08, port_before + 0x08, 0x16);
	assert_memory_equal(port->cfg + 0x20, port_before + 0x20, 0x2a);
	assert_memory_equal(port->cfg + 0x4c, port_before + 0x4c, 4096 - 0x4c);
	assert_int_equal(fake_reg(port, 0x04, 2), 0x0007);
	/* BARs hold firmware's address, or what a reset left until decoding comes back. */
	if (fake_reg(nic, 4, 2) & 3) {
		assert_int_equal(fake_reg(nic, 0x10, 4), 0xfeb80000);
		assert_int_equal(fake_reg(nic, 0x14, 4), 0xc041);
		assert_int_equal(fake_reg(nic, 0x18, 4), 0x0000000c);
		assert_int_equal(fake_reg(nic, 0x1c, 4), 0xa0);
	}
	assert_int_equal(fake_reg(small, 0x10, 4), 0xfea00100);
	assert_int_equal(fake_reg(small, 0x14, 4), 0xfea00200);
	/* A message that could be sent is an ordinary interrupt. */
	if (fake_reg(nic, 0xd2, 2) & 1) {
		assert_int_equal(fake_reg(nic, 0xd4, 4) >> 20, 0xfee);
		assert_int_equal(fake_reg(nic, 0xd8, 4), 0);
		assert_int_equal((fake_reg(nic, 0xdc, 2) >> 9) & 3, 0);
	}
	assert_int_equal(fake_reg(nic, 0x108, 2), 0); /* no virtual functions */
	assert_int_equal(fake_reg(nic, 0x1a6, 2), 0); /* no ATS */
	assert_int_equal(fake_reg(nic, 0x88, 2) & 0x0200, 0); /* no phantom functions */
	for (unsigned int i = 0; i < mappings; i++) {
		assert_true(is_guests_bar(map[i].hpa, map[i].size));
		assert_true(may_map(NULL, map[i].gpa, map[i].size));
	}
	assert_int_equal(fake.bad_accesses, 0);
}

/* Likely values: all-ones, 0, one bit, decode enables, places next to each other. */
static u64 random_value(void)
{
	u64 r = random64();

	switch (r % 8) {
	case 0:
		return ~0ull;
	case 1:
		return 0;
	case 2:
		return 1ull << (r >> 8) % 64;
	case 3:
		return 0x0007 | (r & 0x400);
	case 4:
		return 0xe0000000 + ((r >> 8) % 64) * 0x1000 + ((r >> 20) & 0xf00);
	case 5:
		return 0xfee00000 | (r & 0xfffff);
	default:
		return random64();
	}
}

static void test_garbage_storm(void **state)
{
	static const u16 bdfs[] = { NIC, NIC, NIC, SMALL, HOST, PORT, BEHIND, PCI_BDF(0, 9, 0) };
	u8 host_before[4096], port_before[4096];

	memcpy(host_before, host->cfg, 4096);
	memcpy(port_before, port->cfg, 4096);
	map_calls = 0;
	for (unsigned int i = 0; i < 1000000; i++) {
		u64 r = random64();
		u16 bdf = bdfs[(r >> 40) % ARRAY_SIZE(bdfs)];
		unsigned int offset =
			(r & 3) ? (unsigned int)(r >> 8) % 0x100 : (unsigned int)(r >> 8) % 0x1010;
		unsigned int size = (r >> 32) % 16 ? 1u << (r >> 36) % 4 : (unsigned int)(r >> 36) % 12;

		if (r & 4)
			wr(bdf, offset, size, random_value());
		else
			rd(bdf, offset, size);
		if (i % 64 == 0)
			check_invariants(host_before, port_before);
	}
	check_invariants(host_before, port_before);
	/* The storm got to where it hurts, and nobody was taken for vanished. */
	assert_true(nic->resets > 500 && map_calls > 1000);
	for (struct pci_dev *d = pci_dev_next(NULL); d; d = pci_dev_next(d))
		assert_false(d->flags & PCI_FLAG_GONE);
	for (struct pci_dev *d = pci_dev_next(NULL); d; d = pci_dev_next(d)) {
		assert_int_equal(vpci_withdraw_start(d), 0);
		assert_int_equal(vpci_detach(d), 0);
	}
	assert_int_equal(mappings, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(ports); i++)
		assert_int_equal(ports[i].size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_garbage_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O BARs that the guest switches and moves, ports that stay closed, and where a memory BAR may stand.
 * Expectations: PCI Local Bus 3.0, 6.2.5.1 (a decoder that is off answers nothing: all-ones); AMD64 APM
 * vol. 2, 15.10.1 (a permission bit for each byte of an access).
 */
#include "fake_x86.h"

#include "arch/x86/closed_ports.h"
#include "arch/x86/pci_ports.h"
#include "arch/x86/pio.h"
#include "boot/boot_info.h"

#define HOME 0x5000
#define AWAY 0x6100
#define SIZE 0x20u

void arch_cpu_relax(void)
{
}

static int map(u16 port, u16 host, u32 size, bool on)
{
	return x86_vpci_platform.map_ports(x86_vpci_platform.ctx, port, host, size, on);
}

/* ---- the guest's accesses -------------------------------------------------------------------------- */

static bool exits(u16 port, unsigned int size)
{
	for (u32 p = port; p < port + size; p++) {
		if (pio_bitmap[p / 8] >> p % 8 & 1)
			return true;
	}
	return false;
}

static u32 guest_in(u16 port, unsigned int size)
{
	u32 value = 0xa5a5a5a5;

	if (exits(port, size))
		pio_access(port, size, false, &value);
	else
		value = port_in(port, size);
	return size == 4 ? value : value & ((1u << 8 * size) - 1);
}

static void guest_out(u16 port, unsigned int size, u32 value)
{
	if (exits(port, size))
		pio_access(port, size, true, &value);
	else
		port_out(port, size, value);
}

/* What stands at a port of the machine: a byte that tells it from its neighbours and from the page above. */
static u8 mark(u32 port)
{
	return (u8)((port * 7 + (port >> 8) * 31) % 251);
}

static void reaches(u16 port, u16 host, u32 size)
{
	for (u32 i = 0; i < size; i++)
		assert_int_equal(guest_in((u16)(port + i), 1), mark(host + i));
}

static void is_closed(u16 port, u32 size)
{
	for (u32 i = 0; i < size; i++)
		assert_int_equal(guest_in((u16)(port + i), 1), 0xff);
	ports_forget();
	assert_int_equal(guest_in(port, 2), 0xffff);
	assert_int_equal(guest_in(port, 4), 0xffffffff);
	guest_out(port, 1, 0x12);
	guest_out(port, 4, 0x12345678);
	assert_int_equal(port_write_count, 0);
	assert_int_equal(port_read_count, 0);
}

/* ---- claims of the platform's ---------------------------------------------------------------------- */

static const struct {
	u16 first, count;
} policy[] = { { 0xcf8, 8 }, { 0x3f8, 8 }, { 0x64, 1 }, { 0x92, 1 }, { 0x604, 2 } };

static void policy_handler(void *ctx, u16 port, unsigned int size, bool write, u32 *value)
{
	if (!write)
		*value = 0xc0de0000u | port;
}

static void policy_answers(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(policy); i++) {
		for (u16 p = policy[i].first; p < policy[i].first + policy[i].count; p++) {
			assert_true(pio_claimed_by(p, policy_handler));
			assert_int_equal(guest_in(p, 1), p & 0xff);
		}
	}
}

static bool hits_policy(u32 port, u32 size)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(policy); i++) {
		if (port < (u32)policy[i].first + policy[i].count && policy[i].first < port + size)
			return true;
	}
	return ranges_overlap(port, size, 0x510, 12); /* fw_cfg */
}

static int setup(void **state)
{
	for (u32 port = 0; port < 0x10000; port++) {
		(void)pio_release((u16)port);
		fake_port[port] = mark(port);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(policy); i++)
		assert_int_equal(pio_claim(policy[i].first, policy[i].count, policy_handler, NULL, "policy"),
				 0);
	ports_forget();
	fake_log();
	iommu_forget_all();
	return closed_ports_init();
}

/* ---- I/O BARs -------------------------------------------------------------------------------------- */

static void at_home_ports_pass_without_an_exit(void **state)
{
	assert_int_equal(map(HOME, HOME, SIZE, true), 0);
	assert_false(exits(HOME, SIZE));
	reaches(HOME, HOME, SIZE);
}

static void off_closes_and_on_opens(void **state)
{
	for (unsigned int i = 0; i < 300; i++) { /* more often than there are claims to be had */
		assert_int_equal(map(HOME, HOME, SIZE, false), 0);
		assert_int_equal(map(HOME, HOME, SIZE, true), 0);
	}
	assert_false(exits(HOME, SIZE));
	assert_int_equal(map(HOME, HOME, SIZE, false), 0);
	is_closed(HOME, SIZE);
	assert_false(exits(HOME - 1, 1));
	assert_false(exits(HOME + SIZE, 1));
}

static void a_moved_bar_is_reached_where_it_stands(void **state)
{
	static const u16 away[] = { AWAY, 0x4000, 0xffe0, 0x1000, HOME - SIZE, HOME + SIZE };

	for (unsigned int i = 0; i < ARRAY_SIZE(away); i++) {
		assert_int_equal(map(HOME, HOME, SIZE, false), 0);
		assert_int_equal(map(away[i], HOME, SIZE, true), 0);
		reaches(away[i], HOME, SIZE);
		is_closed(HOME, SIZE);
		ports_forget();
		assert_int_equal(guest_in(away[i] + 4, 4), (u32)mark(HOME + 4) | (u32)mark(HOME + 5) << 8 |
								   (u32)mark(HOME + 6) << 16 |
								   (u32)mark(HOME + 7) << 24);
		assert_int_equal(port_read_count,
				 1); /* one access of four bytes, not four: registers tell them apart */
		assert_int_equal(guest_in(away[i] + 2, 2), (u32)mark(HOME + 2) | (u32)mark(HOME + 3) << 8);
		guest_out(away[i] + 8, 2, mark(HOME + 8) | mark(HOME + 9) << 8);
		assert_one_write(HOME + 8, 2, (u32)(mark(HOME + 8) | mark(HOME + 9) << 8));
		assert_int_equal(map(away[i], HOME, SIZE, false), 0);
		assert_false(exits(away[i], SIZE - 3));
		assert_int_equal(map(HOME, HOME, SIZE, true), 0);
		assert_false(exits(HOME, SIZE));
		reaches(HOME, HOME, SIZE);
	}
}

/* An access over the end of a BAR goes to each byte's own owner. */
static void over_the_end_is_not_forwarded(void **state)
{
	assert_int_equal(map(AWAY, HOME, 4, true), 0);
	assert_int_equal(guest_in(AWAY + 2, 4), (u32)mark(HOME + 2) | (u32)mark(HOME + 3) << 8 |
							(u32)mark(AWAY + 4) << 16 |
							(u32)mark(AWAY + 5) << 24);
}

static void beyond_the_last_port_there_is_nothing(void **state)
{
	assert_int_equal(map(0xfff0, HOME, SIZE, true), -EINVAL);
	assert_int_equal(map(HOME, 0xfff0, SIZE, true), -EINVAL);
	assert_int_equal(map(0xfff0, 0xfff0, SIZE, false), -EINVAL);
	assert_int_equal(map(HOME, AWAY, 0x10001, true), -EINVAL);
	assert_int_equal(map(HOME, AWAY, ~0u, true), -EINVAL);
	assert_int_equal(map(0xffe0, HOME, SIZE, true), 0);
	reaches(0xffe0, HOME, SIZE);
}

/*
 * Wherever a BAR is pointed: what was claimed answers as before, then, after the BAR is withdrawn, and
 * after it is back.
 */
static void nobody_is_unseated(void **state)
{
	for (u32 size = 4; size <= 256; size *= 2) {
		for (u32 port = 0; port < 0x1000; port += size) {
			const bool taken = hits_policy(port, size);

			assert_int_equal(map(HOME, HOME, size, false), 0);
			assert_int_equal(map((u16)port, HOME, size, true), taken ? -EEXIST : 0);
			policy_answers();
			is_closed(0x510, 12);
			/* vPCI withdraws only what it has placed; the claims do not rest on that. */
			assert_int_equal(map((u16)port, HOME, size, false), 0);
			policy_answers();
			is_closed(0x510, 12);
			assert_int_equal(map(HOME, HOME, size, true), 0);
		}
	}
}

/* Firmware may have put a BAR over a claimed port: there it can neither be switched off... */
static void a_home_over_a_claim_leaves_the_claim(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(policy); i++) {
		u16 home = policy[i].first & 0xffe0;

		assert_int_equal(map(home, home, SIZE, true), 0);
		policy_answers();
		assert_int_equal(map(home, home, SIZE, false), 0);
		policy_answers();
		assert_int_equal(map(policy[i].first, policy[i].first, 1, false), 0);
		assert_int_equal(map(policy[i].first, policy[i].first, 1, true), 0);
		policy_answers();
	}
}

/* ... nor moved away, to be a second way to that port. */
static void no_claimed_port_by_another_number(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(policy); i++) {
		u16 home = policy[i].first & 0xffe0;

		assert_int_equal(map(AWAY, home, SIZE, true), -EACCES);
		guest_out(AWAY + (policy[i].first - home), 1, 0x06);
		assert_int_equal(fake_port[policy[i].first], mark(policy[i].first));
	}
}

static void two_bars_do_not_take_each_others_place(void **state)
{
	const u16 other = 0x7000;

	assert_int_equal(map(AWAY, HOME, SIZE, true), 0);
	assert_int_equal(map(AWAY, other, SIZE, true), -EEXIST);
	assert_int_equal(map(AWAY + 8, other, 8, true), -EEXIST);
	reaches(AWAY, HOME, SIZE);
	/* One whose home that place is goes off and on, larger and smaller. */
	assert_int_equal(map(AWAY, AWAY, 8, false), 0);
	reaches(AWAY, HOME, SIZE);
	assert_int_equal(map(AWAY, AWAY, 64, false), 0);
	reaches(AWAY, HOME, SIZE);
	assert_int_equal(map(AWAY, AWAY, 64, true), 0);
	assert_int_equal(map(AWAY, AWAY, 8, true), 0);
	reaches(AWAY, HOME, SIZE);
	assert_int_equal(map(AWAY, HOME, SIZE, false), 0);
	assert_false(exits(AWAY, SIZE));
}

/* A place that is partly taken is refused whole: the ports of a BAR that is off stay shut. */
static void a_refused_move_opens_nothing(void **state)
{
	assert_int_equal(map(0xcf0, 0xcf0, 8, false), 0);
	assert_int_equal(map(0xcf0, HOME, 16, true), -EEXIST);
	is_closed(0xcf0, 8);
	policy_answers();
}

static void two_bars_can_swap(void **state)
{
	const u16 other = HOME + SIZE;

	assert_int_equal(map(HOME, HOME, SIZE, false), 0);
	assert_int_equal(map(other, other, SIZE, false), 0);
	assert_int_equal(map(other, HOME, SIZE, true), 0);
	assert_int_equal(map(HOME, other, SIZE, true), 0);
	reaches(other, HOME, SIZE);
	reaches(HOME, other, SIZE);
	assert_int_equal(map(other, HOME, SIZE, false), 0);
	assert_int_equal(map(HOME, other, SIZE, false), 0);
	assert_int_equal(map(HOME, HOME, SIZE, true), 0);
	assert_int_equal(map(other, other, SIZE, true), 0);
	assert_false(exits(HOME, 2 * SIZE));
}

static void without_a_free_claim_it_says_so(void **state)
{
	unsigned int n = 0;
	int ret;

	do {
		ret = map((u16)(0x8000 + 8 * n), HOME, 8, true);
	} while (!ret && ++n < 1000);
	assert_int_equal(ret, -ENOSPC);
	assert_int_equal(map(0x7000, 0x7000, SIZE, false), -ENOSPC);
	policy_answers();
	reaches(0x8000, HOME, 8);
}

/* The device decodes there, wherever its BAR stands: who has it taken away must not find it at home. */
static void a_home_is_shut_while_its_bar_is_away(void **state)
{
	const u16 other = 0x7000;

	assert_int_equal(map(AWAY, HOME, SIZE, true), 0); /* it was never at home */
	is_closed(HOME, SIZE);
	assert_int_equal(map(HOME, other, SIZE, true), 0); /* another one stands there, and goes */
	reaches(HOME, other, SIZE);
	assert_int_equal(map(HOME, other, SIZE, false), 0);
	is_closed(HOME, SIZE);
	assert_int_equal(map(AWAY, HOME, SIZE, false), 0);
	is_closed(HOME, SIZE);
	assert_false(exits(AWAY, SIZE));
	assert_int_equal(map(HOME, HOME, SIZE, true), 0);
	assert_false(exits(HOME, SIZE));
}

/* ---- hidden devices -------------------------------------------------------------------------------- */

static const struct pci_dev hidden = {
	.bar = {
		{ .type = PCI_BAR_IO, .base = 0xd000, .size = 0x40 },
		{ .type = PCI_BAR_MEM32, .base = 0x9000, .size = 0x1000 },
		{ .type = PCI_BAR_IO, .base = 0, .size = 8 },
		{ .type = PCI_BAR_IO, .base = 0x2d000, .size = 8 },
		{ .type = PCI_BAR_IO, .base = 0xfff8, .size = 8 },
		{ .type = PCI_BAR_NONE, .base = 0xa000, .size = 8 },
	},
};

static void hidden_ports_answer_all_ones(void **state)
{
	assert_int_equal(closed_ports_hide(&hidden), 0);
	is_closed(0xd000, 0x40);
	for (u32 port = 0xfff8; port <= 0xffff; port++)
		assert_int_equal(guest_in((u16)port, 1), 0xff);
	assert_false(exits(0xcfff, 1));
	assert_false(exits(0xd040, 1));
	assert_false(exits(0x9000, 8)); /* a memory BAR has no ports */
	assert_false(exits(0xa000, 8));
	assert_false(exits(0, 8));
	policy_answers();
}

static void no_bar_leads_to_hidden_ports(void **state)
{
	assert_int_equal(closed_ports_hide(&hidden), 0);
	for (u32 size = 4; size <= 256; size *= 2) {
		for (u32 port = 0xd000 & ~(size - 1); port < 0xd040; port += size) {
			assert_int_equal(map((u16)port, HOME, size, true), -EEXIST);
			assert_int_equal(map((u16)port, HOME, size, false), 0);
			assert_int_equal(map((u16)port, (u16)port, size, true), 0);
			assert_int_equal(map(AWAY, (u16)port, size, true), -EACCES);
			is_closed(0xd000, 0x40);
		}
	}
}

static void two_hidden_at_one_place_are_told(void **state)
{
	static const struct pci_dev inside = {
		.bar = { [3] = { .type = PCI_BAR_IO, .base = 0xd020, .size = 0x10 } }
	};
	static const struct pci_dev over_policy = {
		.bar = { { .type = PCI_BAR_IO, .base = 0xcf0, .size = 0x10 },
			 { .type = PCI_BAR_IO, .base = 0xb000, .size = 0x20 } }
	};

	assert_int_equal(closed_ports_hide(&hidden), 0);
	assert_int_equal(closed_ports_hide(&inside), -EEXIST);
	assert_int_equal(closed_ports_hide(&over_policy), -EEXIST);
	is_closed(0xb000, 0x20); /* the BAR behind the one that cannot be closed */
	is_closed(0xd000, 0x40);
	policy_answers();
}

/* ---- memory BARs ----------------------------------------------------------------------------------- */

static bool may_map(gpa_t gpa, u64 size)
{
	return x86_vpci_platform.may_map(x86_vpci_platform.ctx, gpa, size);
}

/* Refused from the first byte to the last, allowed right before and after. */
static void only_this_is_refused(gpa_t base, u64 size)
{
	assert_false(may_map(base, size));
	assert_false(may_map(base, PAGE_SIZE));
	assert_false(may_map(base + size - PAGE_SIZE, PAGE_SIZE));
	assert_false(may_map(base - PAGE_SIZE, 2 * PAGE_SIZE));
	assert_false(may_map(base - PAGE_SIZE, size + 2 * PAGE_SIZE));
	assert_false(may_map(base + size - PAGE_SIZE, 2 * PAGE_SIZE));
	assert_true(may_map(base - PAGE_SIZE, PAGE_SIZE));
	assert_true(may_map(base + size, PAGE_SIZE));
}

static const struct iommu_ops no_ops = { .name = "fake" };
static struct iommu units[2];

static int memory_setup(void **state)
{
	static const enum mem_type types[] = { MEM_RAM,	     MEM_RESERVED, MEM_ACPI_RECLAIM, MEM_ACPI_NVS,
					       MEM_FIRMWARE, MEM_FAIRLEAD, MEM_CUT,	     MEM_UNUSABLE };

	setup(state);
	boot_info = (struct boot_info){ 0 };
	for (unsigned int i = 0; i < ARRAY_SIZE(types); i++)
		assert_int_equal(memmap_add(&boot_info.memmap, 0x10000000u * (i + 1), SIZE_2M, types[i]), 0);
	boot_info.acpi.lapic_base = 0xfee00000;
	boot_info.acpi.hpet_base = 0xfed00000;
	boot_info.acpi.ioapics = 2;
	boot_info.acpi.ioapic[0].base = 0xfec00000;
	boot_info.acpi.ioapic[1].base = 0xfec10000;
	units[0] = (struct iommu){ .ops = &no_ops, .registers = 0xfed90000, .registers_size = 0x1000 };
	units[1] = (struct iommu){ .ops = &no_ops, .registers = 0xfeda0000, .registers_size = 0x4000 };
	iommu_register(&units[0]);
	iommu_register(&units[1]);
	guest.regions = 2;
	guest.region[0] = (struct vm_mmio_region){ .base = 0xb0000000, .size = 0x10000000, .name = "ECAM" };
	guest.region[1] = (struct vm_mmio_region){ .base = 0xfef00000, .size = 0x1000, .name = "another" };
	return 0;
}

static void memory_of_any_kind_is_refused(void **state)
{
	for (unsigned int i = 0; i < boot_info.memmap.count; i++)
		only_this_is_refused(boot_info.memmap.range[i].base, boot_info.memmap.range[i].size);
}

static void the_machines_registers_are_refused(void **state)
{
	only_this_is_refused(0xfee00000, 0x1000); /* local APIC */
	only_this_is_refused(0xfed00000, 0x1000); /* HPET: its page */
	only_this_is_refused(0xfec00000, 0x1000);
	only_this_is_refused(0xfec10000, 0x1000);
	only_this_is_refused(0xfed90000, 0x1000); /* IOMMUs */
	only_this_is_refused(0xfeda0000, 0x4000);
	only_this_is_refused(0xb0000000, 0x10000000);
	only_this_is_refused(0xfef00000, 0x1000);
}

static void nothing_below_one_mib(void **state)
{
	static const gpa_t low[] = { 0, 0x1000, 0xa0000, 0xb8000, 0xc0000, 0xff000 };

	for (unsigned int i = 0; i < ARRAY_SIZE(low); i++)
		assert_false(may_map(low[i], PAGE_SIZE));
	assert_false(may_map(0xff000, SIZE_1G));
	assert_true(may_map(0x100000, PAGE_SIZE));
}

static void holes_are_free(void **state)
{
	assert_true(may_map(0xe0000000, 0x1000000));
	assert_true(may_map(0x8000000000, SIZE_1G));
}

/*
 * A machine without an HPET table, IOMMU or second I/O APIC: nothing at 0, and no entry that is not there,
 * is compared.
 */
static void what_a_machine_has_not_refuses_nothing(void **state)
{
	boot_info.acpi.hpet_base = 0;
	boot_info.acpi.ioapics = 1;
	guest.regions = 1;
	iommu_forget_all();
	assert_true(may_map(0xfed00000, 0x1000));
	assert_true(may_map(0xfec10000, 0x1000));
	assert_true(may_map(0xfef00000, 0x1000));
	assert_true(may_map(0xfed90000, 0x1000));
	assert_false(may_map(0xfec00000, 0x1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f)	       cmocka_unit_test_setup(f, setup)
#define MEMORY_TEST(f) cmocka_unit_test_setup(f, memory_setup)
		TEST(at_home_ports_pass_without_an_exit),
		TEST(off_closes_and_on_opens),
		TEST(a_moved_bar_is_reached_where_it_stands),
		TEST(over_the_end_is_not_forwarded),
		TEST(beyond_the_last_port_there_is_nothing),
		TEST(nobody_is_unseated),
		TEST(a_home_over_a_claim_leaves_the_claim),
		TEST(no_claimed_port_by_another_number),
		TEST(two_bars_do_not_take_each_others_place),
		TEST(a_refused_move_opens_nothing),
		TEST(two_bars_can_swap),
		TEST(a_home_is_shut_while_its_bar_is_away),
		TEST(without_a_free_claim_it_says_so),
		TEST(hidden_ports_answer_all_ones),
		TEST(no_bar_leads_to_hidden_ports),
		TEST(two_hidden_at_one_place_are_told),
		MEMORY_TEST(memory_of_any_kind_is_refused),
		MEMORY_TEST(the_machines_registers_are_refused),
		MEMORY_TEST(nothing_below_one_mib),
		MEMORY_TEST(holes_are_free),
		MEMORY_TEST(what_a_machine_has_not_refuses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

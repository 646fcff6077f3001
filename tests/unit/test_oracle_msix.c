/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The oracle on a BAR with an MSI-X table in its middle: it must be mapped before and behind the table's page, and
 * nobody may reach that page, wherever.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/unit/manage_machine.h"

#include "drivers/vpci/row.h"

#define CAP 0x70u
#define TABLE_PAGE (NIC_BAR + 0x1000)
#define ELSEWHERE 0x7000000000ull

static void says(const char *expected)
{
	char text[ORACLE_TEXT_MAX];

	assert_int_equal(oracle_check(&vm, text), -EBADMSG);
	assert_string_equal(text, expected);
}

/* The network card, given to the guest anew with a table of four entries on the second of its four pages. */
static int boot_with_table(void **state)
{
	int ret = boot(state);

	ok(vpci_withdraw_start(device(NIC)));
	ok(vpci_detach(device(NIC)));
	fake_cap(nic, CAP, 0x11);
	fake_set(nic, CAP + 2, 2, 3, 0xc000, 0);
	fake_set(nic, CAP + 4, 4, 0x1800, 0, 0);
	ok(vpci_attach(device(NIC)));
	oracle_is_content();
	return ret;
}

static void map(u64 gpa, u64 host, u64 size)
{
	ok(vm_map_mmio(&vm, gpa, host, size, PT_READ));
}

static void unmap(u64 gpa, u64 size)
{
	ok(vm_unmap_mmio(&vm, gpa, size));
}

static void table_in_its_place(void **state)
{
	map(TABLE_PAGE, TABLE_PAGE, PAGE_SIZE);
	says("0000:00:02.0: BAR 0 is not mapped at 0xfeb81000, the table says otherwise");
	unmap(TABLE_PAGE, PAGE_SIZE);
	oracle_is_content();
}

static void table_elsewhere(void **state)
{
	map(ELSEWHERE, TABLE_PAGE, PAGE_SIZE);
	says("0000:00:02.0: the guest reaches the MSI-X table in BAR 0 at 0x7000000000");
	/* Also while the BAR is nowhere. */
	vpci_write(at(NIC), 4, 2, 0);
	says("0000:00:02.0: the guest reaches the MSI-X table in BAR 0 at 0x7000000000");
	unmap(ELSEWHERE, PAGE_SIZE);
	oracle_is_content();
	/* In the middle of a large page. */
	map(0x40000000, NIC_BAR & ~(SIZE_2M - 1), SIZE_2M);
	says("0000:00:02.0: the guest reaches the MSI-X table in BAR 0 at 0x40000000");
	unmap(0x40000000, SIZE_2M);
	vpci_write(at(NIC), 4, 2, 7);
	oracle_is_content();
}

/* The pages next to the table's are registers like others. */
static void not_the_table(void **state)
{
	map(ELSEWHERE, TABLE_PAGE - PAGE_SIZE, PAGE_SIZE);
	map(ELSEWHERE + PAGE_SIZE, TABLE_PAGE + PAGE_SIZE, PAGE_SIZE);
	oracle_is_content();
	unmap(ELSEWHERE, PAGE_SIZE);
	unmap(ELSEWHERE + PAGE_SIZE, PAGE_SIZE);
}

static void piece_before_is_missing(void **state)
{
	unmap(NIC_BAR, PAGE_SIZE);
	says("0000:00:02.0: BAR 0 is mapped at 0xfeb80000, the table says otherwise");
	map(NIC_BAR, NIC_BAR, PAGE_SIZE);
	oracle_is_content();
}

static void piece_behind_is_missing(void **state)
{
	unmap(NIC_BAR + 0x2000, 2 * PAGE_SIZE);
	says("0000:00:02.0: BAR 0 is mapped at 0xfeb82000, the table says otherwise");
	map(NIC_BAR + 0x2000, NIC_BAR + 0x2000, PAGE_SIZE);
	says("0000:00:02.0: BAR 0 is mapped at 0xfeb83000, the table says otherwise");
	map(NIC_BAR + 0x3000, NIC_BAR + 0x3000, PAGE_SIZE);
	oracle_is_content();
}

/* What was left of the BAR where it stood is of no use there; where it goes the table is left out, too. */
static void moved(void **state)
{
	vpci_write(at(NIC), 0x10, 4, 0xfd000000);
	oracle_is_content();
	map(0xfd001000, TABLE_PAGE, PAGE_SIZE);
	says("0000:00:02.0: BAR 0 is not mapped at 0xfd001000, the table says otherwise");
	unmap(0xfd001000, PAGE_SIZE);
	map(TABLE_PAGE, TABLE_PAGE, PAGE_SIZE);
	says("0000:00:02.0: the guest reaches the MSI-X table in BAR 0 at 0xfeb81000");
	unmap(TABLE_PAGE, PAGE_SIZE);
	oracle_is_content();
}

#define W(name) cmocka_unit_test_setup_teardown(name, boot_with_table, shutdown_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		W(table_in_its_place),
		W(table_elsewhere),
		W(not_the_table),
		W(piece_before_is_missing),
		W(piece_behind_is_missing),
		W(moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI-X in the stress run (PCIe base spec 6.0, 7.7.2): the devices' tables, in registers that only a device which
 * is there and decodes memory answers; the driver's way to them, by the guest's address of the BAR, wherever
 * that is at the moment; and a device that sends by what its table says.
 *
 * As in fake_threads.h nothing here is locked, and what the threads share are relaxed atomics.
 */
#include "core/mmio.h"
#include "drivers/vpci/vpci.h"
#include "tests/fake/fake_threads.h"
#include "tests/stress/stress.h"

#define CONTROL 0x72u /* Message Control: enable 15, function mask 14 */
#define ENABLE	0x8000u
#define MASKED	1u /* vector control, bit 0 */
#define ENTRY	16u
#define PAGE	4096u

/* The whole page of each table. */
static _Atomic u32 table[HOT][PAGE / 4];

/* ---- the registers ---- */

static bool of_table(const volatile void *addr, unsigned int *i, unsigned int *at)
{
	u64 offset = virt_to_phys((void *)(uintptr_t)addr) - HOT_BAR(0);

	*i = (unsigned int)(offset / (HOT_BAR(1) - HOT_BAR(0)));
	*at = (unsigned int)(offset % (HOT_BAR(1) - HOT_BAR(0))) - (HOT_TABLE(0) - HOT_BAR(0));
	return offset < (u64)HOT * (HOT_BAR(1) - HOT_BAR(0)) && *at < PAGE;
}

static bool decodes(unsigned int i)
{
	return ft_answers(ft_fn[HOT_BDF(i)]) && (ft_get(ft_fn[HOT_BDF(i)], 0x04) & 2);
}

static bool read_table(const volatile void *addr, unsigned int size, u64 *value)
{
	unsigned int i, at;

	if (!of_table(addr, &i, &at))
		return false;
	if (size != 4 || at % 4)
		complain("a table is read by %u bytes at 0x%x", size, at);
	*value = decodes(i) ? atomic_load_explicit(&table[i][at / 4], memory_order_relaxed) : 0xffffffffu;
	if (ft_push)
		ft_push(); /* the answer is behind what the device has sent (2.4.1) */
	return true;
}

static bool write_table(volatile void *addr, unsigned int size, u64 value)
{
	unsigned int i, at;

	if (!of_table(addr, &i, &at))
		return false;
	if (size != 4 || at % 4 || at >= ENTRY * MSIX_MESSAGES)
		complain("a table is written by %u bytes at 0x%x", size, at);
	else if (decodes(i)) /* an exchange: what the CPU reads next, it reads after it */
		(void)atomic_exchange_explicit(&table[i][at / 4], (u32)value, memory_order_relaxed);
	return true;
}

/* 7.7.2.8: masked after a reset; the rest is undefined. */
static void wipe(struct ft_fn *f)
{
	unsigned int i = (f->bdf >> 3) - (HOT_BDF(0) >> 3);

	for (unsigned int n = 0; i < HOT && n < MSIX_MESSAGES; n++)
		atomic_store_explicit(&table[i][n * 4 + 3], MASKED, memory_order_relaxed);
}

void start_tables(void)
{
	for (unsigned int i = 0; i < HOT; i++)
		wipe(ft_fn[HOT_BDF(i)]);
	ft_wipe = wipe;
	host_mmio_read = read_table;
	host_mmio_write = write_table;
}

/* ---- the driver ---- */

static struct sbdf hot(unsigned int i)
{
	return (struct sbdf){ 0, HOT_BDF(i) };
}

/* An exit for an address that the guest's table does not have: others may move the BAR before it is answered. */
static u32 access_table(unsigned int i, unsigned int at, bool write, u32 value)
{
	u64 where = (vpci_read(hot(i), 0x14, 4) & ~(u64)0xf) + at, v = value;

	if (vm_allows(&ft_vm, where, write ? PT_WRITE : PT_READ))
		return 0; /* another BAR stands there by now, and the guest would try again */
	vm_mmio_access(&ft_vm, where, 4, write, &v);
	return (u32)v;
}

static u8 data_of(u8 vector, unsigned int n)
{
	return (u8)(vector | n);
}

void msix_write_all(unsigned int i, u8 vector)
{
	for (unsigned int n = 0; n < MSIX_MESSAGES; n++) {
		(void)access_table(i, ENTRY * n, true, 0xfee00000);
		(void)access_table(i, ENTRY * n + 4, true, 0);
		(void)access_table(i, ENTRY * n + 8, true, data_of(vector, n));
	}
}

void msix_mask_all(unsigned int i, bool masked)
{
	for (unsigned int n = 0; n < MSIX_MESSAGES; n++)
		(void)access_table(i, ENTRY * n + 12, true, masked ? MASKED : 0);
}

void msix_enable(unsigned int i, bool on)
{
	vpci_write(hot(i), CONTROL, 2, on ? ENABLE : 0);
}

bool msix_reads_back(unsigned int i, u8 vector, bool masked)
{
	if (!(vpci_read(hot(i), CONTROL, 2) & ENABLE) || vpci_read(hot(i), CONTROL, 2) == 0xffff)
		return false;
	for (unsigned int n = 0; n < MSIX_MESSAGES; n++) {
		if (access_table(i, ENTRY * n, false, 0) != 0xfee00000 ||
		    access_table(i, ENTRY * n + 8, false, 0) != data_of(vector, n) ||
		    access_table(i, ENTRY * n + 12, false, 0) != (masked ? MASKED : 0))
			return false;
	}
	return true;
}

/* ---- the device ---- */

static u32 entry(unsigned int i, unsigned int n, unsigned int which)
{
	return atomic_load(&table[i][n * 4 + which]);
}

/* 6.1.4.3 and 6.1.4.4: as bus master, enabled, neither masked as a function nor by the entry. */
enum sent msix_send(unsigned int i, u32 number, u64 *address, u32 *data)
{
	struct ft_fn *f = ft_fn[HOT_BDF(i)];
	bool master = ft_answers(f) && (atomic_load(&f->cfg[0x04]) & 4);
	u8 control = atomic_load(&f->cfg[CONTROL + 1]);
	unsigned int n = number % MSIX_MESSAGES;

	if (!master || !(control & 0x80))
		return master ? DISABLED : CANNOT;
	*address = entry(i, n, 0) | (u64)entry(i, n, 1) << 32;
	*data = entry(i, n, 2);
	if (entry(i, n, 3) & MASKED)
		return KEPT_BACK;
	/* If it has changed, what was read does not belong together. */
	return atomic_load(&f->cfg[CONTROL + 1]) == control ? SENT : CANNOT;
}

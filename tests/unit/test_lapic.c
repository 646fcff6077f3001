/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's local APIC: which commands and vector table entries reach the hardware. Every delivery mode with every shorthand, in both
 * modes of the APIC (AMD64 APM vol. 2: 16.4 vector table, 16.5 commands, 16.9 APIC_BASE; Intel SDM vol. 3A, 11.12.9).
 */
#include "fake_x86.h"

#include "arch/x86/cpus.h"
#include "arch/x86/lapic.h"
#include "arch/x86/vcpu_request.h"
#include "core/mmio.h"
#include "core/vm.h"

#define APIC_PAGE 0xfee00000u
#define SELF 5u
#define ENABLED BIT(11)
#define X2APIC BIT(10)
#define BSP BIT(8)
#define MASKED BIT32(16)

enum { FIXED, LOWEST, SMI, REMOTE_READ, NMI, INIT, STARTUP, EXTINT };
enum { DESTINATION, TO_SELF, TO_ALL, TO_OTHERS };
#define COMMAND(mode, shorthand, vector) ((u64)(mode) << 8 | (u64)(shorthand) << 18 | 0x4000 | (vector))
#define X2_DEST(id) ((u64)(id) << 32)
#define X_DEST(id) ((u64)(id) << 56)
#define LOGICAL BIT(11)

struct vm guest;
static struct vm_mmio_region apic_region;
static unsigned int map_prot;

int vm_map_mmio(struct vm *vm, gpa_t gpa, paddr_t hpa, u64 size, unsigned int prot)
{
	assert_int_equal(gpa, APIC_PAGE);
	assert_int_equal(hpa, APIC_PAGE);
	assert_int_equal(size, PAGE_SIZE);
	map_prot = prot;
	return 0;
}

int vm_add_region(struct vm *vm, const struct vm_mmio_region *region)
{
	apic_region = *region;
	return 0;
}

/* ---- the APIC's page ---------------------------------------------------------------------------------------------- */

static u32 reg[PAGE_SIZE / 16];
static unsigned int page_writes;
static u32 last_offset;

static bool page_read(const volatile void *addr, unsigned int size, u64 *value)
{
	u64 offset = virt_to_phys(addr) - APIC_PAGE;

	if (offset >= PAGE_SIZE)
		return false;
	assert_int_equal(size, 4);
	*value = reg[offset / 16];
	return true;
}

static bool page_write(volatile void *addr, unsigned int size, u64 value)
{
	u64 offset = virt_to_phys(addr) - APIC_PAGE;

	if (offset >= PAGE_SIZE)
		return false;
	assert_int_equal(size, 4);
	assert_int_equal(offset % 16, 0);
	reg[offset / 16] = (u32)value;
	last_offset = (u32)offset;
	page_writes++;
	return true;
}

static void guest_write(u32 offset, unsigned int size, u64 value)
{
	page_writes = 0;
	apic_region.fn(apic_region.ctx, APIC_PAGE + offset, size, true, &value);
}

static int start(u64 base)
{
	memset(reg, 0, sizeof(reg));
	reg[0x20 / 16] = SELF << 24;
	page_writes = 0;
	host_mmio_read = page_read;
	host_mmio_write = page_write;
	fake_msr_count = msr_writes_total = 0;
	fake_log();
	msr_set(MSR_APIC_BASE, base)->reserved = ~(GENMASK64(47, 10) | BSP);
	if (base & X2APIC) {
		msr_set(0x802, SELF);
		msr_set(0x803, 0x50014);
		msr_set(MSR_X2APIC_ICR, 0)->reserved = 0xfff33000;
		for (u32 msr = MSR_X2APIC_LVT_FIRST; msr <= MSR_X2APIC_LVT_LAST; msr++)
			msr_set(msr, MASKED)->reserved = GENMASK64(63, 19);
		msr_set(0x850, MASKED);
	}
	x86_cpus = (struct x86_cpus){ .count = 2, .apic_id = { SELF, SELF + 1 } };
	(void)vcpu_take_nmis();
	return lapic_init(APIC_PAGE);
}

static int xapic(void **state)
{
	return start(APIC_PAGE | ENABLED | BSP);
}

static int x2apic(void **state)
{
	return start(APIC_PAGE | ENABLED | X2APIC | BSP);
}

/* ---- registers ----------------------------------------------------------------------------------------------------- */

static void vector_table_modes(void **state)
{
	for (u32 offset = 0x320; offset <= 0x370; offset += 0x10) {
		for (u32 mode = 0; mode < 8; mode++) {
			u32 value = mode << 8 | 0x40;
			u32 got = lvt_check(0, offset, value);
			/* ExtINT by LINT0 is how the 8259's interrupts, the guest's, come in. */
			bool allowed = mode == FIXED || mode == NMI || (mode == EXTINT && offset == 0x350);

			assert_int_equal(got, allowed ? value : (value | MASKED));
			assert_int_equal(lvt_check(0, offset, value | MASKED), value | MASKED);
		}
	}
}

static void only_registers_are_writable(void **state)
{
	static const u32 yes[] = { 0x80, 0xb0, 0xd0, 0xe0, 0xf0, 0x280, 0x2f0, 0x300, 0x310, 0x320, 0x330, 0x340, 0x350, 0x360,
				   0x370, 0x380, 0x3e0, 0x410, 0x420, 0x480, 0x4f0, 0x500, 0x530 };
	unsigned int count = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(yes); i++)
		assert_true(lapic_writable(yes[i]));
	for (u32 offset = 0; offset < PAGE_SIZE; offset++)
		count += lapic_writable(offset);
	assert_int_equal(count, ARRAY_SIZE(yes) + 8); /* 490h-4E0h, 510h, 520h */
}

/* ---- x2APIC ------------------------------------------------------------------------------------------------------- */

static void x2apic_commands(void **state)
{
	struct fake_msr *icr = msr_find(MSR_X2APIC_ICR);

	assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(FIXED, TO_SELF, 0x41)), 0);
	assert_int_equal(icr->value, COMMAND(FIXED, TO_SELF, 0x41));
	assert_int_equal(icr->writes, 1);
	for (unsigned int mode = 0; mode < 8; mode++) {
		if (mode == FIXED || mode == LOWEST || mode == NMI)
			continue;
		assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(mode, TO_OTHERS, 0x10)), 0);
		assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(mode, DESTINATION, 0x10) | X2_DEST(1)), 0);
	}
	assert_int_equal(icr->writes, 1);
}

/* Reserved bits: #GP in the guest, not in Fairlead (the fake fails the test then). */
static void x2apic_reserved_bits(void **state)
{
	for (unsigned int n = 0; n < 32; n++) {
		bool reserved = 0xfff33000u >> n & 1;

		assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, BIT(n)), reserved ? -EPERM : 0);
	}
	/* Also with a command that would be dropped; and an NMI that was not sent is not expected. */
	assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(INIT, TO_OTHERS, 0) | BIT(31)), -EPERM);
	assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(NMI, DESTINATION, 0) | X2_DEST(SELF) | BIT(12)), -EPERM);
	assert_int_equal(vcpu_take_nmis(), 0);
	assert_int_equal(lapic_write_msr(MSR_X2APIC_LVT_FIRST, BIT(31)), -EPERM);
	assert_int_equal(lapic_write_msr(MSR_X2APIC_LVT_FIRST, BIT(32)), -EPERM);
}

static void x2apic_vector_table(void **state)
{
	assert_int_equal(lapic_write_msr(0x834, 0x400), 0); /* NMI by the performance counters */
	assert_int_equal(msr_find(0x834)->value, 0x400);
	assert_int_equal(lapic_write_msr(0x833, 0x200), 0); /* thermal SMI */
	assert_int_equal(msr_find(0x833)->value, 0x200 | MASKED);
	assert_int_equal(lapic_write_msr(0x850, 0x200), 0); /* extended entry */
	assert_int_equal(msr_find(0x850)->value, 0x200 | MASKED);
	assert_int_equal(lapic_write_msr(0x836, 0x500), 0); /* LINT1 INIT */
	assert_int_equal(msr_find(0x836)->value, 0x500 | MASKED);
}

static void own_nmis_are_requests(void **state)
{
	assert_int_equal(vcpu_take_nmis(), 0);
	assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(NMI, DESTINATION, 0) | X2_DEST(SELF)), 0);
	assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(NMI, DESTINATION, 0) | X2_DEST(SELF + 2)), 0);
	assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(FIXED, TO_SELF, 0x41)), 0);
	assert_int_equal(vcpu_take_nmis(), 1);
	assert_int_equal(msr_find(MSR_X2APIC_ICR)->writes, 1);
}

/* There the same addresses would be interrupt messages on the bus. */
static void x2apic_page_is_dead(void **state)
{
	u64 value = 0;

	for (u32 offset = 0; offset < PAGE_SIZE; offset += 16) {
		guest_write(offset, 4, 0x500);
		assert_int_equal(page_writes, 0);
	}
	apic_region.fn(apic_region.ctx, APIC_PAGE + 0x20, 4, false, &value);
	assert_int_equal(value, 0xffffffff);
}

/* ---- xAPIC -------------------------------------------------------------------------------------------------------- */

static void page_is_mapped_without_write(void **state)
{
	assert_int_equal(map_prot & PT_WRITE, 0);
	assert_int_equal(apic_region.base, APIC_PAGE);
	assert_int_equal(apic_region.size, PAGE_SIZE);
}

static void xapic_commands(void **state)
{
	guest_write(0x310, 4, (u64)SELF << 24);
	guest_write(0x300, 4, COMMAND(FIXED, DESTINATION, 0x55));
	assert_int_equal(last_offset, 0x300);
	assert_int_equal(reg[0x300 / 16], COMMAND(FIXED, DESTINATION, 0x55));
	assert_int_equal(reg[0x310 / 16], SELF << 24);
	assert_true(RESETS(guest_write(0x300, 4, COMMAND(INIT, DESTINATION, 0)))); /* itself, the boot CPU */
	assert_string_equal(reset_reason, "guest INIT of the boot CPU");
	guest_write(0x310, 4, (u64)(SELF + 1) << 24);
	for (unsigned int mode = 0; mode < 8; mode++) {
		for (unsigned int shorthand = 0; shorthand < 4; shorthand++) {
			if (mode == FIXED || mode == LOWEST || mode == NMI)
				continue;
			guest_write(0x300, 4, COMMAND(mode, shorthand, 0x10));
			assert_int_equal(page_writes, 0);
		}
	}
	assert_int_equal(vcpu_take_nmis(), 0);
	guest_write(0x310, 4, (u64)SELF << 24);
	guest_write(0x300, 4, COMMAND(NMI, DESTINATION, 0));
	assert_int_equal(page_writes, 0);
	assert_int_equal(vcpu_take_nmis(), 1);
}

static void xapic_registers_pass(void **state)
{
	guest_write(0xb0, 4, 0);
	assert_int_equal(page_writes, 1);
	assert_int_equal(last_offset, 0xb0);
	guest_write(0x80, 4, 0x20);
	assert_int_equal(reg[0x80 / 16], 0x20);
	guest_write(0x380, 4, 1000000);
	assert_int_equal(reg[0x380 / 16], 1000000);
	guest_write(0x330, 4, 0x200);
	assert_int_equal(reg[0x330 / 16], 0x200 | MASKED);
	guest_write(0x510, 4, 0x200);
	assert_int_equal(reg[0x510 / 16], 0x200 | MASKED);
}

static void odd_writes_are_dropped(void **state)
{
	static const u32 reserved[] = { 0x00, 0x10, 0x20 /* ID: kept */, 0x30, 0x40, 0x70, 0xa0, 0xc0, 0x100, 0x2e0, 0x3f0, 0x400, 0x540, 0x1000 - 16 };

	for (unsigned int i = 0; i < ARRAY_SIZE(reserved); i++) {
		guest_write(reserved[i], 4, 0x500);
		assert_int_equal(page_writes, 0);
	}
	guest_write(0x300, 1, 0x00);
	assert_int_equal(page_writes, 0);
	guest_write(0x300, 8, 0x500);
	assert_int_equal(page_writes, 0);
	guest_write(0x304, 4, 0x500);
	assert_int_equal(page_writes, 0);
	guest_write(0x301, 2, 0x05);
	assert_int_equal(page_writes, 0);
}

static void x2apic_registers_need_x2apic_mode(void **state)
{
	msr_set(MSR_X2APIC_ICR, 0);
	assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(FIXED, TO_SELF, 0x41)), -EPERM);
	assert_int_equal(msr_find(MSR_X2APIC_ICR)->writes, 0);
}

/* ---- APIC_BASE ---------------------------------------------------------------------------------------------------- */

static void base_from_xapic(void **state)
{
	struct fake_msr *base = msr_find(MSR_APIC_BASE);
	u64 now = base->value;

	assert_int_equal(lapic_write_base(now), 0);
	assert_int_equal(lapic_write_base(now ^ 0x1000), -EPERM);	       /* elsewhere */
	assert_int_equal(lapic_write_base(now & ~ENABLED), -EPERM);	       /* off */
	assert_int_equal(lapic_write_base((now & ~ENABLED) | X2APIC), -EPERM); /* no such state */
	assert_int_equal(lapic_write_base(now & ~BSP), -EPERM);
	assert_int_equal(lapic_write_base(now | BIT(0)), -EPERM); /* reserved */
	assert_int_equal(base->value, now);
	assert_int_equal(lapic_write_base(now | X2APIC), 0);
	assert_int_equal(base->value, now | X2APIC);
	/* From now on commands go by MSR, and the page is dead. */
	msr_set(0x802, SELF);
	msr_set(MSR_X2APIC_ICR, 0);
	assert_int_equal(lapic_write_msr(MSR_X2APIC_ICR, COMMAND(FIXED, TO_SELF, 0x41)), 0);
	guest_write(0x300, 4, COMMAND(FIXED, TO_SELF, 0x41));
	assert_int_equal(page_writes, 0);
}

static void base_from_x2apic(void **state)
{
	u64 now = msr_find(MSR_APIC_BASE)->value;

	assert_int_equal(lapic_write_base(now), 0);
	assert_int_equal(lapic_write_base(now & ~X2APIC), -EPERM); /* only by way of disabled */
	assert_int_equal(lapic_write_base(now & ~(X2APIC | ENABLED)), -EPERM);
	assert_int_equal(lapic_write_base(now & ~ENABLED), -EPERM);
	assert_int_equal(msr_find(MSR_APIC_BASE)->value, now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vector_table_modes),
		cmocka_unit_test(only_registers_are_writable),
		cmocka_unit_test_setup(x2apic_commands, x2apic),
		cmocka_unit_test_setup(x2apic_reserved_bits, x2apic),
		cmocka_unit_test_setup(x2apic_vector_table, x2apic),
		cmocka_unit_test_setup(own_nmis_are_requests, x2apic),
		cmocka_unit_test_setup(x2apic_page_is_dead, x2apic),
		cmocka_unit_test_setup(page_is_mapped_without_write, xapic),
		cmocka_unit_test_setup(xapic_commands, xapic),
		cmocka_unit_test_setup(xapic_registers_pass, xapic),
		cmocka_unit_test_setup(odd_writes_are_dropped, xapic),
		cmocka_unit_test_setup(x2apic_registers_need_x2apic_mode, xapic),
		cmocka_unit_test_setup(base_from_xapic, xapic),
		cmocka_unit_test_setup(base_from_x2apic, x2apic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

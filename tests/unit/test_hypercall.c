/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hypercalls, from Linux, Documentation/virt/kvm/x86/hypercalls.rst and include/uapi/linux/kvm_para.h: KVM_HC_KICK_CPU is 5, argument 1
 * (RCX) the APIC ID; KVM_EPERM is 1, KVM_ENOSYS 1000, answers are negative.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86/cpus.h"
#include "arch/x86/hypercall.h"
#include "arch/x86/vcpu_request.h"

#define KICK 5
#define NOBODY 99u

extern _Thread_local unsigned int host_cpu; /* core/host_cpu.c */

static struct vcpu cpu;
static unsigned int kicks[CPUS_MAX], kicks_total; /* NMIs sent */

void arch_cpu_kick(unsigned int to)
{
	assert_true(to < CPUS_MAX);
	kicks[to]++;
	kicks_total++;
}

static void in_64_bit_mode(void)
{
	cpu.efer = X86_EFER_LME | X86_EFER_LMA;
	cpu.seg[SEG_CS].attributes = 0xa9b; /* L */
}

/* Protected mode, as a 32-bit kernel runs; or with LMA, compatibility mode. */
static void in_32_bit_code(u64 efer)
{
	cpu.efer = efer;
	cpu.seg[SEG_CS].attributes = 0xc9b; /* D */
}

static int setup(void **state)
{
	memset(&cpu, 0, sizeof(cpu));
	memset(kicks, 0, sizeof(kicks));
	kicks_total = 0;
	/* IDs with holes, out of order, one beyond 8 bits. */
	x86_cpus = (struct x86_cpus){ .count = 4, .apic_id = { 2, 0, 6, 0x12345 } };
	for (host_cpu = 0; host_cpu < CPUS_MAX; host_cpu++)
		(void)vcpu_take_wake();
	host_cpu = 0;
	in_64_bit_mode();
	return 0;
}

/* Answers, and nothing but RAX changes. */
static u64 call(u64 number, u64 a0, u64 a1)
{
	struct vcpu before;

	cpu.reg[REG_RAX] = number;
	cpu.reg[REG_RBX] = a0;
	cpu.reg[REG_RCX] = a1;
	cpu.reg[REG_RDX] = 0x1111;
	cpu.reg[REG_RSI] = 0x2222;
	before = cpu;
	hypercall(&cpu);
	before.reg[REG_RAX] = cpu.reg[REG_RAX];
	assert_memory_equal(&before, &cpu, sizeof(cpu));
	return cpu.reg[REG_RAX];
}

/* The one CPU that is to stop at its next HLT, or NOBODY; takes it. */
static unsigned int kicked(void)
{
	unsigned int found = NOBODY, self = host_cpu;

	for (host_cpu = 0; host_cpu < CPUS_MAX; host_cpu++) {
		if (vcpu_take_wake()) {
			assert_int_equal(found, NOBODY);
			found = host_cpu;
		}
	}
	host_cpu = self;
	return found;
}

static void a_kick_goes_to_the_cpu_with_that_apic_id(void **state)
{
	for (unsigned int i = 1; i < 4; i++) {
		setup(state);
		assert_int_equal(call(KICK, 0, x86_cpus.apic_id[i]), 0);
		assert_int_equal(kicks[i], 1);
		assert_int_equal(kicks_total, 1);
		assert_int_equal(kicked(), i);
		assert_int_equal(kicked(), NOBODY); /* once */
	}
}

/* "An additional argument (a0) is used in the hypercall for future use." */
static void the_other_argument_does_not_matter(void **state)
{
	assert_int_equal(call(KICK, ~(u64)0, 6), 0);
	assert_int_equal(kicked(), 2);
}

/* It is here already, no NMI is needed; but its next HLT ends at once. */
static void a_kick_to_oneself(void **state)
{
	host_cpu = 2;
	assert_int_equal(call(KICK, 0, 6), 0);
	assert_int_equal(kicks_total, 0);
	assert_int_equal(kicked(), 2);
}

static void nobody_has_that_apic_id(void **state)
{
	static const u64 ids[] = { 1, 3, 4, 0xff, 0xffffffff, 0x100000002, 0x8000000000000000, ~(u64)0 };

	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++)
		assert_int_equal(call(KICK, 0, ids[i]), 0);
	/* CPUs that did not come up have no number. */
	x86_cpus.count = 3;
	assert_int_equal(call(KICK, 0, 0x12345), 0);
	/* As many as there may be: nobody is not one more. */
	x86_cpus.count = CPUS_MAX;
	for (unsigned int i = 0; i < CPUS_MAX; i++)
		x86_cpus.apic_id[i] = 1000 + i;
	assert_int_equal(call(KICK, 0, 1000 + CPUS_MAX), 0);
	assert_int_equal(kicks_total, 0);
	assert_int_equal(kicked(), NOBODY);
}

static void only_the_kernel_may(void **state)
{
	for (u8 cpl = 1; cpl <= 3; cpl++) {
		cpu.cpl = cpl;
		assert_int_equal(call(KICK, 0, 6), (u64)-1);
		assert_int_equal(call(77, 0, 6), (u64)-1);
	}
	assert_int_equal(kicks_total, 0);
	assert_int_equal(kicked(), NOBODY);
}

static void what_is_not_offered(void **state)
{
	static const u64 numbers[] = { 0, 1, 2, 3, 4, 6, 9, 10, 11, 12, 0xffffffff, 0x100000005, ~(u64)0 };

	for (unsigned int i = 0; i < ARRAY_SIZE(numbers); i++)
		assert_int_equal(call(numbers[i], 0, 6), (u64)-1000);
	assert_int_equal(kicks_total, 0);
	assert_int_equal(kicked(), NOBODY);
}

/* Upper halves do not exist, and those of the answer are clear. */
static void callers_of_32_bits(void **state)
{
	static const u64 modes[] = { 0, X86_EFER_LME | X86_EFER_LMA };

	for (unsigned int i = 0; i < ARRAY_SIZE(modes); i++) {
		in_32_bit_code(modes[i]);
		cpu.cpl = 0;
		assert_int_equal(call(0xdead00000005, 0, 0xdead00000006), 0);
		assert_int_equal(kicked(), 2);
		assert_int_equal(call(0xdead00000006, 0, 6), 0xfffffc18); /* -1000 */
		assert_int_equal(kicked(), NOBODY);
		cpu.cpl = 3;
		assert_int_equal(call(KICK, 0, 6), 0xffffffff);
		assert_int_equal(kicked(), NOBODY);
	}
	/* L means nothing outside long mode. */
	cpu.efer = 0;
	cpu.seg[SEG_CS].attributes = 0xa9b;
	cpu.cpl = 0;
	assert_int_equal(call(0xdead00000005, 0, 0xdead00000006), 0);
	assert_int_equal(kicked(), 2);
}

static void several_kicks_are_one(void **state)
{
	assert_int_equal(call(KICK, 0, 6), 0);
	assert_int_equal(call(KICK, 0, 6), 0);
	assert_int_equal(kicked(), 2);
	assert_int_equal(kicked(), NOBODY);
}

/* ---- waiting for a kick, as a guest does: none is lost ---- */

#define ROUNDS 5000u
#define LIMIT_US 10000000u
static _Atomic unsigned int wanted, taken;

static bool in_time(u64 start)
{
	arch_cpu_relax();
	return arch_time_us() - start < LIMIT_US;
}

static void *kicker(void *unused)
{
	u64 start = arch_time_us();
	struct vcpu v = { .efer = X86_EFER_LMA };

	host_cpu = 0;
	v.seg[SEG_CS].attributes = 0xa9b;
	for (unsigned int round = 1; round <= ROUNDS; round++) {
		v.reg[REG_RAX] = KICK;
		v.reg[REG_RCX] = 6;
		atomic_store(&wanted, round);
		hypercall(&v);
		while (atomic_load(&taken) < round) {
			if (!in_time(start))
				return NULL;
		}
	}
	return NULL;
}

/* What is waited for is there before the kick: whoever takes the kick, sees it. */
static void the_kick_comes_after_what_it_tells(void **state)
{
	u64 start = arch_time_us();
	pthread_t thread;

	atomic_store(&wanted, 0);
	atomic_store(&taken, 0);
	assert_int_equal(pthread_create(&thread, NULL, kicker, NULL), 0);
	host_cpu = 2;
	for (unsigned int round = 1; round <= ROUNDS; round++) {
		while (!vcpu_take_wake())
			assert_true(in_time(start));
		assert_int_equal(atomic_load(&wanted), round);
		atomic_store(&taken, round);
	}
	pthread_join(thread, NULL);
	assert_false(vcpu_take_wake());
	assert_int_equal(kicks[2], ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_kick_goes_to_the_cpu_with_that_apic_id, setup),
		cmocka_unit_test_setup(the_other_argument_does_not_matter, setup),
		cmocka_unit_test_setup(a_kick_to_oneself, setup),
		cmocka_unit_test_setup(nobody_has_that_apic_id, setup),
		cmocka_unit_test_setup(only_the_kernel_may, setup),
		cmocka_unit_test_setup(what_is_not_offered, setup),
		cmocka_unit_test_setup(callers_of_32_bits, setup),
		cmocka_unit_test_setup(several_kicks_are_one, setup),
		cmocka_unit_test_setup(the_kick_comes_after_what_it_tells, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls to the firmware (DEN 0028E, DEN 0022E): known ones, nonsense by HVC and SMC, and CPUs that switch
 * each other on and themselves off.
 */
#include "kernel.h"

#define VERSION 0x84000000u
#define CPU_OFF 0x84000002u
#define CPU_ON_64 0xc4000003u
#define AFFINITY_INFO_64 0xc4000004u
#define FEATURES 0x8400000au
#define SUCCESS 0
#define INVALID_PARAMETERS (-2)
#define DENIED (-3)
#define ALREADY_ON (-4)
#define INVALID_ADDRESS (-9)
#define OFF 1
#define PATIENCE 200000000u

u64 psci(u64 function, u64 a, u64 b, u64 c)
{
	struct call_registers r = { .x = { function, a, b, c } };

	firmware_call(&r, false);
	return r.x[0];
}

static void known_calls(bool smc)
{
	struct call_registers r = { .x = { VERSION } };

	begin_test(smc ? "smc-version" : "hvc-version");
	fault_begin();
	firmware_call(&r, smc);
	check(!fault_end(), "exception class 0x%lx", (unsigned long)fault_class());
	check(r.x[0] >= 0x10001 && r.x[0] < 0x20000, "PSCI_VERSION is 0x%lx", (unsigned long)r.x[0]);
	end_test();
}

/* What would end the machine or this CPU, or start another, is left out; bit 30 is SMC64. */
static bool is_harmless(u32 function)
{
	u32 name = function & ~0x40000000u;

	return name != 0x84000001 && name != CPU_OFF && name != 0x84000003 && name != 0x84000008 &&
	       name != 0x84000009 && (name < 0x8400000b || name > 0x84000012);
}

static u32 nonsense(unsigned int i)
{
	static const u32 classes[] = { 0x80000000, 0x81000000, 0x82000000, 0x83000000, 0x84000000, 0x86000000,
				       0xb2000000, 0xbf000000, 0xc2000000, 0xc4000000, 0xc6000000, 0x00000000,
				       0x02000000, 0x32000000, 0x72000000, 0x86000000 };

	if (i < 2048)
		return classes[i % ARRAY_SIZE(classes)] | i / ARRAY_SIZE(classes);
	return i < 4096 ? classes[i % ARRAY_SIZE(classes)] | ((u32)random64() & 0xffff) : (u32)random64();
}

/* All of them answer; what is answered does not touch other registers; the upper half of X0 says nothing. */
static void nonsense_calls(bool smc)
{
	unsigned long supported = 0;

	begin_test(smc ? "smc-nonsense" : "hvc-nonsense");
	for (unsigned int i = 0; i < 8192; i++) {
		struct call_registers r;
		u32 function = nonsense(i);
		bool fault, kept = true;

		if (!is_harmless(function))
			continue;
		for (unsigned int n = 0; n < 18; n++)
			r.x[n] = random64();
		r.x[0] = function | (u64)(u32)random64() << 32;
		struct call_registers was = r;

		fault_begin();
		firmware_call(&r, smc);
		fault = fault_end();
		for (unsigned int n = 4; n < 18; n++)
			kept &= r.x[n] == was.x[n];
		check(!fault, "0x%lx: exception class 0x%lx", (unsigned long)function,
		      (unsigned long)fault_class());
		check(kept && !r.changed, "0x%lx changes registers", (unsigned long)function);
		if (s32_of(r.x[0]) != -1)
			supported++;
		if (fault)
			break;
	}
	say("INFO %s: %lu of the calls are known", smc ? "smc" : "hvc", supported);
	check(supported < 64, "%lu of the calls are known", supported);
	end_test();
}

static void other_immediates(void)
{
	begin_test("call-immediates");
	fault_begin();
	__asm__ volatile("mov x0, #0x84000000\n\thvc #1" : : : "x0", "x1", "x2", "x3", "memory");
	check(fault_end() && fault_class() == EC_UNKNOWN, "HVC #1 is not undefined");
	fault_begin();
	__asm__ volatile("mov x0, #0x84000000\n\tsmc #0xffff" : : : "x0", "x1", "x2", "x3", "memory");
	check(fault_end() && fault_class() == EC_UNKNOWN, "SMC #0xffff is not undefined");
	end_test();
}

static void psci_answers(void)
{
	const u64 me = machine.mpidr[0], entry = (u64)secondary_start;

	begin_test("psci-answers");
	check(psci(AFFINITY_INFO_64, me, 0, 0) == SUCCESS, "this CPU is not on");
	check(s32_of(psci(AFFINITY_INFO_64, 0x7f7f7f, 0, 0)) == INVALID_PARAMETERS,
	      "a CPU that does not exist has a state");
	check(s32_of(psci(CPU_ON_64, 0x7f7f7f, entry, 0)) == INVALID_PARAMETERS,
	      "a CPU that does not exist can be started");
	check(s32_of(psci(CPU_ON_64, me, entry, 0)) == ALREADY_ON, "this CPU can be started");
	check(psci(FEATURES, CPU_ON_64, 0, 0) == SUCCESS, "no CPU_ON");
	if (machine.cpus == 1 && !command_line_has("bare")) /* where it can, this kernel ends here */
		check(s32_of(psci(CPU_OFF, 0, 0, 0)) == DENIED, "the last CPU can go off");
	end_test();
	if (machine.cpus == 1)
		return;
	begin_test("psci-entries");
	for (unsigned int i = 0; i < machine.reserved; i++)
		check(s32_of(psci(CPU_ON_64, machine.mpidr[1], machine.hidden[i].base, 0)) == INVALID_ADDRESS,
		      "a CPU can be started at 0x%lx", (unsigned long)machine.hidden[i].base);
	check(s32_of(psci(CPU_ON_64, machine.mpidr[1], machine.smmu, 0)) == INVALID_ADDRESS,
	      "a CPU can be started at the SMMU");
	check(s32_of(psci(CPU_ON_64, machine.mpidr[1], ~0xfffull, 0)) == INVALID_ADDRESS,
	      "a CPU can be started nowhere");
	end_test();
}

void test_calls(void)
{
	known_calls(false);
	known_calls(true);
	other_immediates();
	nonsense_calls(false);
	nonsense_calls(true);
	psci_answers();
}

/* ---- power ---- */

void secondary_main(void)
{
	struct cpu *c = this_cpu();

	if (c->work)
		c->work();
	psci(CPU_OFF, 0, 0, 0);
}

u64 start_cpu(unsigned int number, void (*work)(void))
{
	cpu_at(number)->work = work;
	barrier();
	return psci(CPU_ON_64, machine.mpidr[number], (u64)secondary_start, (u64)stacks[number] + STACK_SIZE);
}

bool wait_until_off(unsigned int number)
{
	for (u32 i = 0; i < PATIENCE / 1000; i++) {
		if (psci(AFFINITY_INFO_64, machine.mpidr[number], 0, 0) == OFF)
			return true;
	}
	return false;
}

static volatile u32 visits[CPUS_MAX];

static void visit(void)
{
	visits[this_cpu()->number]++;
	barrier();
}

static void off_and_on(void)
{
	begin_test("cpu-off-on");
	for (unsigned int round = 1; round <= 50 && holds(); round++) {
		for (unsigned int cpu = 1; cpu < machine.cpus; cpu++)
			check(start_cpu(cpu, visit) == SUCCESS, "round %lu: CPU %lu does not start",
			      (unsigned long)round, (unsigned long)cpu);
		for (unsigned int cpu = 1; cpu < machine.cpus; cpu++) {
			check(wait_until_off(cpu), "round %lu: CPU %lu does not go off", (unsigned long)round,
			      (unsigned long)cpu);
			check(visits[cpu] == round, "round %lu: CPU %lu was there %lu times",
			      (unsigned long)round, (unsigned long)cpu, (unsigned long)visits[cpu]);
		}
	}
	end_test();
}

static volatile u32 go, granted, refused;

/* Whoever finds CPU 1 off starts it: of all that ask at once one is told that it has. */
static void ask_for_cpu1(void)
{
	s32 answer;

	while (!go)
		;
	answer = s32_of(psci(CPU_ON_64, machine.mpidr[1], (u64)secondary_start, (u64)stacks[1] + STACK_SIZE));
	__atomic_add_fetch(answer == SUCCESS ? &granted : &refused, 1, __ATOMIC_SEQ_CST);
}

static void one_is_granted(void)
{
	begin_test("cpu-on-race");
	for (unsigned int round = 1; round <= 50 && machine.cpus > 2 && holds(); round++) {
		go = granted = refused = 0;
		cpu_at(1)->work = visit;
		for (unsigned int cpu = 2; cpu < machine.cpus; cpu++)
			check(start_cpu(cpu, ask_for_cpu1) == SUCCESS, "CPU %lu does not start",
			      (unsigned long)cpu);
		go = 1;
		barrier();
		for (unsigned int cpu = machine.cpus - 1; cpu; cpu--) /* CPU 1 last: they start it */
			check(wait_until_off(cpu), "CPU %lu does not go off", (unsigned long)cpu);
		/* One after the other they may each be granted: it is off again between them. */
		check(granted >= 1 && granted + refused == machine.cpus - 2, "%lu granted, %lu refused",
		      (unsigned long)granted, (unsigned long)refused);
		check(visits[1] == 50 + granted, "CPU 1 was there %lu times", (unsigned long)visits[1]);
		visits[1] = 50;
	}
	end_test();
}

static u64 hot[4];

static void look_at_state(void)
{
	hot[0] = read_sysreg("sctlr_el1");
	hot[1] = read_sysreg("currentel");
	hot[2] = read_sysreg("daif");
	hot[3] = read_sysreg("mpidr_el1");
	barrier();
}

/* DEN 0022E 6.4: EL1, MMU and caches off, little-endian, interrupts masked. */
static void state_at_start(void)
{
	begin_test("cpu-on-state");
	check(start_cpu(1, look_at_state) == SUCCESS && wait_until_off(1), "CPU 1 does not come and go");
	check(!(hot[0] & (1u << 0 | 1u << 2 | 1u << 12 | 1u << 25)), "SCTLR_EL1 is 0x%lx",
	      (unsigned long)hot[0]);
	check(hot[1] >> 2 == 1, "it starts at EL%lu", (unsigned long)(hot[1] >> 2));
	check(hot[2] == 0x3c0, "DAIF is 0x%lx", (unsigned long)hot[2]);
	check((hot[3] & 0xff00ffffff) == machine.mpidr[1], "its MPIDR is 0x%lx", (unsigned long)hot[3]);
	end_test();
}

void test_power(void)
{
	if (machine.cpus == 1)
		return;
	off_and_on();
	one_is_granted();
	state_at_start();
}

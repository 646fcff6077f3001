/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel for tests: a guest that does at EL1 what Linux never does, and says of each thing whether the
 * machine answered as it has to. It runs with MMU and caches off, interrupts masked, on one CPU; others are
 * started by the tests that need them.
 *
 * Its lines: "PASS name", "FAIL name: why", "INFO ...", at the end "DONE passed failed"; then PSCI
 * SYSTEM_OFF. Without Fairlead the tests of protection fail: that is what they are for.
 */
#ifndef TESTS_KERNEL_H
#define TESTS_KERNEL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CPUS_MAX 8

/* ---- this CPU ---- */

struct frame {
	u64 x[31], pc, pstate;
};

struct cpu {
	bool expecting; /* an exception is no failure: it is noted, and the instruction is passed over */
	bool taken;
	u64 esr, far;
	u64 resume;	/* where to go on when no instruction can be fetched */
	unsigned int number;
	volatile u32 interrupts;
	volatile u32 last_interrupt;
	void (*work)(void); /* what a started CPU does */
};

extern u8 stacks[CPUS_MAX][STACK_SIZE];
struct cpu *this_cpu(void);
struct cpu *cpu_at(unsigned int number);

/*
 * Between these an exception is noted. fault_end(): was there one? Its syndrome: fault_class(), fault_iss().
 */
void fault_begin(void);
bool fault_end(void);
unsigned int fault_class(void);
u32 fault_iss(void);
#define EC_UNKNOWN 0x00u
#define EC_SYSREG 0x18u
#define EC_INSTRUCTION_ABORT 0x21u
#define EC_DATA_ABORT 0x25u
#define DFSC_EXTERNAL 0x10u /* ISS[5:0] of an abort */

/* ---- what it says ---- */

void say(const char *format, ...) __attribute__((format(printf, 1, 2))); /* %s %lu %lx %c only */
void pass(const char *name);
void fail(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* One line for a test: all checks since begin_test() held, or the first that did not. */
void begin_test(const char *name);
void check(bool ok, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool holds(void); /* so far */
void end_test(void);
void power_off(void) __attribute__((noreturn));

/* ---- registers ---- */

#define read_sysreg(name)                                         \
	({                                                        \
		u64 value_;                                       \
		__asm__ volatile("mrs %0, " name : "=r"(value_)); \
		value_;                                           \
	})
#define write_sysreg(name, value) __asm__ volatile("msr " name ", %0\n\tisb" : : "r"((u64)(value)) : "memory")

static inline void barrier(void)
{
	__asm__ volatile("dsb sy\n\tisb" : : : "memory");
}

/* Plain accesses, one instruction each: the syndrome is valid. */
static inline u64 mmio_read(u64 address, unsigned int size)
{
	u64 value = 0;

	switch (size) {
	case 1:
		__asm__ volatile("ldrb %w0, [%1]" : "+r"(value) : "r"(address) : "memory");
		break;
	case 2:
		__asm__ volatile("ldrh %w0, [%1]" : "+r"(value) : "r"(address) : "memory");
		break;
	case 4:
		__asm__ volatile("ldr %w0, [%1]" : "+r"(value) : "r"(address) : "memory");
		break;
	default:
		__asm__ volatile("ldr %0, [%1]" : "+r"(value) : "r"(address) : "memory");
		break;
	}
	return value;
}

static inline void mmio_write(u64 address, unsigned int size, u64 value)
{
	switch (size) {
	case 1:
		__asm__ volatile("strb %w0, [%1]" : : "r"(value), "r"(address) : "memory");
		break;
	case 2:
		__asm__ volatile("strh %w0, [%1]" : : "r"(value), "r"(address) : "memory");
		break;
	case 4:
		__asm__ volatile("str %w0, [%1]" : : "r"(value), "r"(address) : "memory");
		break;
	default:
		__asm__ volatile("str %0, [%1]" : : "r"(value), "r"(address) : "memory");
		break;
	}
}

static inline u32 read32(u64 address)
{
	return (u32)mmio_read(address, 4);
}

static inline void write32(u64 address, u32 value)
{
	mmio_write(address, 4, value);
}

u64 random64(void); /* the same in every run */

static inline s32 s32_of(u64 x)
{
	return (s32)(u32)x;
}

/* ---- the machine, from the device tree and its command line ---- */

#define RESERVED_MAX 16

struct machine {
	u64 uart, gicd, gicr, gicr_size, v2m;
	u64 ram, ram_size;
	/* Where they are, whoever may use them: from the command line, or where QEMU's virt has them. */
	u64 smmu, its;
	unsigned int cpus;
	u64 mpidr[CPUS_MAX];
	unsigned int reserved;
	struct {
		u64 base, size;
	} hidden[RESERVED_MAX]; /* reserved memory that is not to be mapped */
	const char *command_line;
};
extern struct machine machine;
void read_tree(const void *tree);
/* name=0x... on the command line. */
bool command_line_number(const char *name, u64 *value);
bool command_line_has(const char *word);

/* ---- start.S ---- */

struct call_registers {
	u64 x[18];
	u64 changed; /* not 0: registers that no call may change were */
};
void firmware_call(struct call_registers *r, bool smc);
u64 call_code(u64 x0, const void *code);
void secondary_start(void);
void secondary_main(void);

/* A call with three arguments; what it returns in X0. */
u64 psci(u64 function, u64 a, u64 b, u64 c);
/* Starts CPU `number` with that work, and waits until it is off again. PSCI's answer to CPU_ON. */
u64 start_cpu(unsigned int number, void (*work)(void));
bool wait_until_off(unsigned int number);

/* ---- the tests, a file each ---- */

void test_sysregs(void);
void test_features(void);
void test_calls(void);
void test_power(void);
void test_gic(void);
void test_gic_garbage(void);
void test_timers(void);
void test_mmio(void);
void test_memory(void);

/* gic.c: the guest's GIC as after reset: everything disabled, nothing pending, CPU interface open. */
void gic_reset(void);
void gic_start_this_cpu(void);

#endif

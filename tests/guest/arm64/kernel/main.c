/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The test kernel's beginning and end, what it says, and how it takes exceptions.
 */
#include "kernel.h"

u8 stacks[CPUS_MAX][STACK_SIZE] __attribute__((aligned(STACK_SIZE)));

static const char *test_name, *first_failure;
static char failure[160];
static unsigned long passed, failed;

/* What the compiler calls for structures. */
void *memset(void *to, int byte, size_t size);
void *memcpy(void *to, const void *from, size_t size);

void *memset(void *to, int byte, size_t size)
{
	for (u8 *p = to; size; size--)
		*p++ = (u8)byte;
	return to;
}

void *memcpy(void *to, const void *from, size_t size)
{
	const u8 *q = from;

	for (u8 *p = to; size; size--)
		*p++ = *q++;
	return to;
}

/* ---- output: PL011 (Arm DDI 0183) ---- */

#define UART_DR 0x00
#define UART_FR 0x18
#define FR_TXFF (1u << 5)

static void put(char c)
{
	while (read32(machine.uart + UART_FR) & FR_TXFF)
		;
	write32(machine.uart + UART_DR, (u8)c);
}

static char *put_number(char *to, char *end, unsigned long value, unsigned int base)
{
	char digits[20];
	unsigned int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	while (n && to < end)
		*to++ = digits[--n];
	return to;
}

static void format_text(char *to, size_t size, const char *format, va_list args)
{
	char *end = to + size - 1;

	for (; *format && to < end; format++) {
		if (*format != '%') {
			*to++ = *format;
			continue;
		}
		switch (*++format) {
		case 's':
			for (const char *s = va_arg(args, const char *); *s && to < end; s++)
				*to++ = *s;
			break;
		case 'c':
			*to++ = (char)va_arg(args, int);
			break;
		default: /* %lu, %lx */
			to = put_number(to, end, va_arg(args, unsigned long), *++format == 'x' ? 16 : 10);
			break;
		}
	}
	*to = 0;
}

static void put_line(const char *text)
{
	while (*text)
		put(*text++);
	put('\r');
	put('\n');
}

void say(const char *format, ...)
{
	char line[200];
	va_list args;

	va_start(args, format);
	format_text(line, sizeof(line), format, args);
	va_end(args);
	put_line(line);
}

void begin_test(const char *name)
{
	test_name = name;
	first_failure = NULL;
}

void check(bool ok, const char *format, ...)
{
	va_list args;

	if (ok || first_failure)
		return;
	va_start(args, format);
	format_text(failure, sizeof(failure), format, args);
	va_end(args);
	first_failure = failure;
}

bool holds(void)
{
	return !first_failure;
}

void end_test(void)
{
	if (first_failure) {
		say("FAIL %s: %s", test_name, first_failure);
		failed++;
	} else {
		say("PASS %s", test_name);
		passed++;
	}
}

u64 random64(void)
{
	static u64 state = 0x9e3779b97f4a7c15;

	/* xorshift64: Marsaglia, "Xorshift RNGs" */
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* ---- exceptions ---- */

struct cpu *cpu_at(unsigned int number)
{
	return (struct cpu *)(void *)stacks[number];
}

struct cpu *this_cpu(void)
{
	u64 sp;

	__asm__ volatile("mov %0, sp" : "=r"(sp));
	return (struct cpu *)((sp - 1) & ~(u64)(STACK_SIZE - 1));
}

void fault_begin(void)
{
	struct cpu *c = this_cpu();

	c->taken = false;
	c->expecting = true;
	__asm__ volatile("" : : : "memory");
}

bool fault_end(void)
{
	struct cpu *c = this_cpu();

	__asm__ volatile("" : : : "memory");
	c->expecting = false;
	return c->taken;
}

unsigned int fault_class(void)
{
	return (unsigned int)(this_cpu()->esr >> 26) & 0x3f;
}

u32 fault_iss(void)
{
	return (u32)this_cpu()->esr & 0x1ffffff;
}

#define VECTOR_SYNC 4u
#define VECTOR_IRQ 5u
#define EC_PC_ALIGNMENT 0x22u

void handle_exception(struct frame *frame, unsigned int vector);

static bool note_expected(struct cpu *c, struct frame *frame)
{
	unsigned int class;

	if (!c->expecting)
		return false;
	c->taken = true;
	c->esr = read_sysreg("esr_el1");
	c->far = read_sysreg("far_el1");
	class = (unsigned int)(c->esr >> 26) & 0x3f;
	if (class == EC_INSTRUCTION_ABORT || class == EC_PC_ALIGNMENT)
		frame->pc = c->resume;
	else
		frame->pc += 4;
	return true;
}

void handle_exception(struct frame *frame, unsigned int vector)
{
	struct cpu *c = this_cpu();

	if (vector == VECTOR_SYNC && note_expected(c, frame))
		return;
	if (vector == VECTOR_IRQ) {
		u32 intid = (u32)read_sysreg("S3_0_C12_C12_0"); /* ICC_IAR1_EL1 */

		c->last_interrupt = intid;
		c->interrupts++;
		write_sysreg("S3_0_C12_C12_1", intid); /* ICC_EOIR1_EL1 */
		return;
	}
	say("FAIL %s: exception: vector %lu ESR 0x%lx FAR 0x%lx PC 0x%lx", test_name ? test_name : "start",
	    (unsigned long)vector, (unsigned long)read_sysreg("esr_el1"),
	    (unsigned long)read_sysreg("far_el1"), (unsigned long)frame->pc);
	failed++;
	power_off();
}

void power_off(void)
{
	say("DONE %lu passed %lu failed", passed, failed);
	psci(0x84000008, 0, 0, 0);
	for (;;)
		__asm__ volatile("wfi");
}

/* ---- the beginning ---- */

void kernel_main(const void *tree);

void kernel_main(const void *tree)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} groups[] = {
		{ "features", test_features }, { "calls", test_calls },	  { "gic", test_gic },
		{ "timers", test_timers },     { "power", test_power },	  { "mmio", test_mmio },
		{ "memory", test_memory },     { "sysregs", test_sysregs }, { "garbage", test_gic_garbage },
	};
	bool all = true;

	read_tree(tree);
	for (unsigned int i = 0; i < CPUS_MAX; i++)
		cpu_at(i)->number = i;
	say("INFO test kernel at EL%lu, %lu CPUs, command line '%s'",
	    (unsigned long)(read_sysreg("currentel") >> 2), (unsigned long)machine.cpus,
	    machine.command_line);
	for (unsigned int i = 0; i < ARRAY_SIZE(groups); i++)
		all &= !command_line_has(groups[i].name);
	for (unsigned int i = 0; i < ARRAY_SIZE(groups); i++) {
		if (all || command_line_has(groups[i].name))
			groups[i].run();
	}
	test_name = "end";
	power_off();
}

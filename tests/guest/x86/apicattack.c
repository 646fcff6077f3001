/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything that one CPU can be sent by a local APIC, past the kernel (apic.h).
 *
 *   apicattack sweep MODES PARKED    interrupt commands of these delivery modes (digits 0-7), from each CPU: all destinations
 *                                    (each CPU, the APIC ID PARKED, broadcast), destination modes, shorthands, levels and
 *                                    triggers. Fixed and NMI have to arrive exactly where they are sent. INIT goes to PARKED
 *                                    only, and de-asserted to all, which has no effect on any CPU of these days
 *   apicattack lvt                   every entry of the vector table with every delivery mode, restored afterwards;
 *                                    dangerous=N could be read back as something that takes the CPU away
 *   apicattack odd                   the command register in ways that are none: wrong sizes, misaligned, reserved bits, the
 *                                    registers around it; all say INIT to all others. The entries that few APICs have.
 *                                    Afterwards the kernel may be unable to put a CPU online
 *   apicattack message               interrupt messages of every delivery mode, written to FEExxxxxh by the CPU
 *   apicattack send COMMAND DEST     one command, from the CPU that this runs on (taskset)
 *   apicattack start ID PAGE         the offline CPU with that APIC ID through INIT and start-ups, in real mode, at two pages
 *                                    of RAM below 1 MiB from PAGE << 12 on; the kernel can put it online afterwards
 *   apicattack init COMMAND DEST     sends it from CPU 0 while a thread counts on each CPU, says on the serial port which of
 *                                    them stopped, and resets the machine (CF9): nothing else can be relied on then
 *
 * sweep, lvt, odd and message leave the guest as it was: alive=N is how many CPUs compute afterwards.
 */
#define _GNU_SOURCE
#include <immintrin.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/io.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/guest/x86/apic.h"

/*
 * Vectors that Linux has a handler for which only counts them (KVM's posted interrupts: rows PIN, PIW and NPI of
 * /proc/interrupts), and that nobody else sends here.
 */
#define VECTOR_COUNTED 0xf2u /* PIN */
#define VECTOR_LOWEST 0xf1u
#define VECTOR_OTHER 0xf0u

#define SETTLE_MS 1000
#define QUIET_MS 10
#define SAID_ENOUGH 8
#define PRIORITY_LEAST 19
#define SMI_OTHERS (ICR_SHORTHAND(TO_OTHERS) | ICR_ASSERT | ICR_MODE(SMI))
#define INIT_OTHERS (ICR_SHORTHAND(TO_OTHERS) | ICR_ASSERT | ICR_MODE(INIT))

static struct apic apic;
static unsigned int cpus[CPUS], count;
static uint32_t ids[CPUS], logical_ids[CPUS];
static unsigned long long sent, refused; /* refused: by #GP */

static void sleep_ms(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static void send(uint64_t command, uint32_t destination)
{
	sent++;
	if (!apic_send(&apic, command, destination))
		refused++;
}

static uint32_t broadcast(void)
{
	return apic.x2apic ? UINT32_MAX : 0xff;
}

/*
 * In xAPIC mode a command of the kernel's between the two writes of ours would send an INIT elsewhere. It sends most of them to
 * wake idle CPUs: so none is.
 */
static struct cpu_thread spinners[CPUS];

static void spin(struct cpu_thread *t)
{
	(void)t;
	if (setpriority(PRIO_PROCESS, 0, PRIORITY_LEAST))
		fail("setpriority: %s", strerror(errno));
	for (;;)
		;
}

static void keep_busy(void)
{
	if (!apic.x2apic)
		start_threads(spinners, cpus, count, spin);
}

static void look_around(void)
{
	count = online_cpus(cpus);
	for (unsigned int i = 0; i < count; i++) {
		run_on(cpus[i]);
		ids[i] = apic_id(&apic);
		logical_ids[i] = apic_logical_id(&apic);
	}
	run_on(cpus[0]);
}

/* How many CPUs still do what they are told. */
static void say_alive(void)
{
	unsigned int alive = 0;

	for (unsigned int i = 0; i < count; i++) {
		run_on(cpus[i]);
		alive++;
	}
	printf("cpus=%u\nalive=%u\n", count, alive);
}

/* ---- what arrived ---- */

/* A row of /proc/interrupts, and what it has to say if each interrupt arrives once where it was sent, and none elsewhere. */
struct row {
	const char *name;
	uint64_t expected[CPUS];
	unsigned long long lost, doubled;
};
static struct row fixed = { .name = "PIN" }, nmi = { .name = "NMI" };

static void row_begin(struct row *row)
{
	if (interrupts_by_cpu(row->name, row->expected) != count)
		fail("/proc/interrupts has no %s of %u CPUs", row->name, count);
}

/* Waits for what is expected; what does not come, or comes too often, is counted and no longer expected. */
static void row_settle(struct row *row)
{
	uint64_t now[CPUS];

	for (int ms = 0; ms < SETTLE_MS; ms++) {
		interrupts_by_cpu(row->name, now);
		if (memcmp(now, row->expected, count * sizeof(*now)) == 0)
			return;
		sleep_ms(1);
	}
	for (unsigned int i = 0; i < count; i++) {
		row->lost += now[i] < row->expected[i] ? row->expected[i] - now[i] : 0;
		row->doubled += now[i] > row->expected[i] ? now[i] - row->expected[i] : 0;
	}
	memcpy(row->expected, now, sizeof(now));
}

/* Something was sent of which nobody says whether it arrives: whatever comes is expected. */
static void row_begin_again(struct row *row)
{
	uint64_t before[CPUS];

	interrupts_by_cpu(row->name, row->expected);
	do {
		memcpy(before, row->expected, sizeof(before));
		sleep_ms(QUIET_MS);
		interrupts_by_cpu(row->name, row->expected);
	} while (memcmp(before, row->expected, count * sizeof(*before)) != 0);
}

/* Sent to the CPUs whose bits are set, by their positions. */
static void row_expect(struct row *row, uint64_t targets)
{
	for (unsigned int i = 0; i < count; i++)
		row->expected[i] += targets >> i & 1;
	row_settle(row);
}

/* ---- sweep ---- */

static uint64_t command_of(unsigned int mode, bool by_level)
{
	static const uint8_t vectors[MODES] = { [FIXED] = VECTOR_COUNTED, [LOWEST] = VECTOR_LOWEST, [STARTUP] = 0x20,
						[EXTINT] = VECTOR_OTHER };

	return ICR_MODE(mode) | (mode == FIXED && by_level ? VECTOR_OTHER : vectors[mode]);
}

/* INIT that is for a CPU of ours would end the run; a de-asserted one with level trigger is for nobody (SDM, 11.6.1). */
static bool harmless(unsigned int mode, uint64_t level, bool at_parked)
{
	return mode != INIT || at_parked || level == ICR_LEVEL;
}

static void one(unsigned int mode, uint64_t level, uint64_t extra, uint32_t destination, uint64_t targets, bool counted)
{
	unsigned int disturbed = apic.disturbed;

	send(command_of(mode, level & ICR_LEVEL) | level | extra, destination);
	if (apic.disturbed != disturbed) {
		row_begin_again(&fixed);
		row_begin_again(&nmi);
		return;
	}
	/* A trigger by level, and a de-asserted edge, are not for all modes: who gets what is then the hardware's business. */
	if (mode == FIXED && !(level & ICR_LEVEL))
		row_expect(&fixed, targets);
	else if (mode == NMI && counted && level == ICR_ASSERT)
		row_expect(&nmi, targets);
	else if (mode == NMI)
		row_begin_again(&nmi);
}

static void to_destinations(unsigned int mode, uint64_t level, uint32_t parked)
{
	uint64_t all = (1ull << count) - 1;
	uint32_t parked_logical = apic.x2apic ? (parked >> 4) << 16 | 1u << (parked & 15) : parked < 8 ? 1u << parked : 0;

	for (unsigned int i = 0; i < count && harmless(mode, level, false); i++) {
		one(mode, level, 0, ids[i], 1ull << i, true);
		one(mode, level, ICR_LOGICAL, logical_ids[i], 1ull << i, true);
	}
	one(mode, level, 0, parked, 0, true);
	one(mode, level, ICR_LOGICAL, parked_logical, 0, true);
	if (harmless(mode, level, false)) {
		one(mode, level, 0, broadcast(), all, true);
		one(mode, level, ICR_LOGICAL, broadcast(), all, true);
	}
}

static void sweep(const char *modes, uint32_t parked)
{
	static const uint64_t levels[] = { 0, ICR_ASSERT, ICR_LEVEL, ICR_LEVEL | ICR_ASSERT };
	uint64_t all = (1ull << count) - 1;

	keep_busy();
	row_begin(&fixed);
	row_begin(&nmi);
	for (unsigned int sender = 0; sender < count; sender++) {
		run_on(cpus[sender]);
		for (const char *m = modes; *m; m++) {
			unsigned int mode = (unsigned int)(*m - '0');

			for (unsigned int l = 0; l < sizeof(levels) / sizeof(levels[0]); l++) {
				uint64_t self = 1ull << sender, targets[] = { [TO_SELF] = self, [TO_ALL] = all,
									      [TO_OTHERS] = all & ~self };

				to_destinations(mode, levels[l], parked);
				for (unsigned int to = TO_SELF; to < SHORTHANDS && harmless(mode, levels[l], false); to++)
					/* SDM, table 11-3: of all modes only fixed may be sent with "self" or "all". */
					one(mode, levels[l], ICR_SHORTHAND(to), parked, targets[to], to == TO_OTHERS);
			}
		}
	}
	row_settle(&fixed);
	row_settle(&nmi);
	printf("fixed_lost=%llu\nfixed_doubled=%llu\nnmi_lost=%llu\nnmi_doubled=%llu\n", fixed.lost, fixed.doubled, nmi.lost,
	       nmi.doubled);
}

/* ---- the vector table ---- */

static unsigned long long written, dangerous, masked;

static bool is_dangerous(unsigned int offset, uint64_t entry)
{
	unsigned int mode = entry >> 8 & 7;

	if (entry & LVT_MASKED)
		return false;
	return mode != FIXED && mode != NMI && !(mode == EXTINT && offset == APIC_LVT_LINT0);
}

static void try_entry(unsigned int offset)
{
	uint64_t was, now, timer = 0;

	if (!apic_read(&apic, offset, &was))
		return; /* no such entry */
	if (offset == APIC_LVT_TIMER)
		apic_read(&apic, APIC_INITIAL_COUNT, &timer);
	for (unsigned int mode = 0; mode < MODES; mode++) {
		for (uint64_t bits = 0; bits < 4; bits++) {
			uint64_t entry = ICR_MODE(mode) | VECTOR_OTHER | (bits & 1 ? LVT_MASKED : 0) | (bits & 2 ? ICR_LEVEL : 0);

			written++;
			if (!apic_write(&apic, offset, entry)) {
				refused++;
				continue;
			}
			if (!apic_read(&apic, offset, &now))
				fail("entry 0x%x could be read before", offset);
			if (is_dangerous(offset, now)) {
				if (dangerous++ < SAID_ENOUGH)
					printf("taken=0x%x:0x%llx\n", offset, (unsigned long long)now);
			}
			masked += !(entry & LVT_MASKED) && (now & LVT_MASKED);
		}
	}
	apic_write(&apic, offset, was);
	if (offset == APIC_LVT_TIMER && timer)
		apic_write(&apic, APIC_INITIAL_COUNT, timer); /* a tick may have come while it was masked */
	apic_read(&apic, offset, &now);
	if ((now ^ was) & ~0x5000ull) /* delivery status and remote IRR are the hardware's */
		fail("entry 0x%x: 0x%llx was 0x%llx", offset, (unsigned long long)now, (unsigned long long)was);
}

static void vector_table(void)
{
	for (unsigned int i = 0; i < count; i++) {
		run_on(cpus[i]);
		for (unsigned int offset = APIC_LVT_TIMER; offset <= APIC_LVT_LAST; offset += 16)
			try_entry(offset);
	}
}

/* Entries that few APICs have. Where they are not, the access is an error that some APICs never forget (ESR), and Linux then puts no
 * CPU online any more: so this is not for vector_table(). */
static void odd_entries(void)
{
	try_entry(APIC_LVT_CMCI);
	for (unsigned int offset = APIC_EXT_LVT_FIRST; offset <= APIC_EXT_LVT_LAST; offset += 16)
		try_entry(offset);
}

/* ---- odd ways ---- */

static sigjmp_buf escape;

static void on_fault(int signal_number)
{
	siglongjmp(escape, signal_number);
}

/* Accesses that may be answered by a fault. Values that change live outside: they would not survive the way back. */
static __attribute__((noinline)) void try_store(volatile uint8_t *p, unsigned int size, uint64_t value)
{
	sent++;
	if (sigsetjmp(escape, 1) == 0)
		store(p, size, value);
	else
		refused++;
}

/* Instructions that a compiler would not take for this. */
enum odd_instruction { SSE, POP, EXCHANGE, STRING_8, STRING_16, STRING_64, ODD_INSTRUCTIONS };

static __attribute__((noinline)) void try_instruction(enum odd_instruction which, volatile uint8_t *to)
{
	static const uint32_t line[4] = { INIT_OTHERS, INIT_OTHERS, INIT_OTHERS, INIT_OTHERS };
	volatile uint64_t *icr = (volatile uint64_t *)to;

	sent++;
	if (sigsetjmp(escape, 1)) {
		refused++;
		return;
	}
	switch (which) {
	case SSE:
		_mm_storeu_si128((__m128i_u *)(uintptr_t)to, _mm_loadu_si128((const __m128i_u *)line));
		break;
	case POP:
		__asm__ volatile("push %1\n\tpop %0" : "=m"(*icr) : "r"((uint64_t)INIT_OTHERS) : "memory");
		break;
	case EXCHANGE: {
		/* Four bytes, aligned: a command if the emulator knows the instruction. So it is one that is refused. */
		uint32_t value = SMI_OTHERS;

		__asm__ volatile("lock xchgl %1, %0" : "+m"(*icr), "+r"(value) : : "memory");
		break;
	}
	default: {
		const void *from = line;
		uint64_t n = which == STRING_64 ? 1 : 4;

		if (which == STRING_8)
			__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
		else if (which == STRING_16)
			__asm__ volatile("rep movsw" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
		else
			__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
	}
	}
}

static void odd_page(volatile uint8_t *page)
{
	for (unsigned int size = 1; size <= 8; size *= 2)
		for (unsigned int at = APIC_ICR - 8; at < APIC_ICR + 32; at++)
			if (size != 4 || at != APIC_ICR)
				try_store(page + at, size, INIT_OTHERS | INIT_OTHERS << 32);
	/* What is no register, or cannot be written. Those from EXT_CONTROL on would have an effect of their own. */
	for (unsigned int at = 0; at < APIC_ICR; at += 4)
		if (at % 16 || at < 0x80 || at == 0x90 || at == 0xa0 || at == 0xc0 || (at >= 0x100 && at < 0x280))
			try_store(page + at, 4, INIT_OTHERS);
	for (unsigned int at = 0x540; at < PAGE; at += 4)
		try_store(page + at, 4, INIT_OTHERS);
	for (enum odd_instruction which = 0; which < ODD_INSTRUCTIONS; which++)
		try_instruction(which, page + APIC_ICR);
}

static void odd_msrs(void)
{
	unsigned int cpu = (unsigned int)sched_getcpu();

	/* Reserved bits (SDM, 11.12.9): each of them has to be refused. */
	for (unsigned int bit = 0; bit < 32; bit++) {
		uint64_t reserved = 1ull << bit & 0xfff33000u;

		if (!reserved)
			continue;
		sent++;
		if (msr_write(&apic, cpu, MSR_X2APIC + APIC_ICR / 16, INIT_OTHERS | reserved))
			printf("taken=icr:0x%llx\n", (unsigned long long)reserved);
		else
			refused++;
	}
	/* What is no register, or cannot be written: what becomes of it is the hardware's business, and no INIT. */
	for (uint32_t msr = MSR_X2APIC; msr < MSR_X2APIC + 0x100; msr++) {
		unsigned int offset = (msr - MSR_X2APIC) * 16;
		bool writable = (offset >= 0x80 && offset < 0x100) || (offset >= 0x280 && offset < 0x400 && offset != 0x310) ||
			(offset >= 0x400 && offset <= 0x530);

		sent++;
		if (!writable && !msr_write(&apic, cpu, msr, INIT_OTHERS))
			refused++;
	}
}

static void self_ipi(void)
{
	row_begin(&fixed);
	for (unsigned int i = 0; i < count; i++) {
		run_on(cpus[i]);
		if (!apic_write(&apic, APIC_SELF_IPI, VECTOR_COUNTED))
			fail("SELF_IPI refused");
		row_expect(&fixed, 1ull << i);
	}
	printf("self_lost=%llu\nself_doubled=%llu\n", fixed.lost, fixed.doubled);
}

static void catch_faults(void)
{
	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	signal(SIGILL, on_fault);
}

static void odd(void)
{
	volatile uint8_t *page = apic.page;

	catch_faults();
	if (apic.x2apic) {
		self_ipi();
		page = map_physical(0xfee00000, PAGE);
	}
	for (unsigned int i = 0; i < count; i++) {
		run_on(cpus[i]);
		odd_entries();
		if (apic.x2apic)
			odd_msrs();
		odd_page(page);
	}
}

/* Intel SDM vol. 3A, 11.11: what a device would send. A CPU's own writes there are no messages; where they are, not for a guest. */
static void message(void)
{
	catch_faults();
	row_begin(&nmi);
	for (unsigned int i = 0; i < count; i++) {
		volatile uint8_t *page = map_physical(0xfee00000u | ids[i] << 12, PAGE);

		for (unsigned int mode = 0; mode < MODES; mode++) {
			for (unsigned int at = 0; at < 16; at += 4)	/* hint and logical are address bits 3 and 2 */
				for (unsigned int size = 1; size <= 8; size *= 2)
					try_store(page + at, size, command_of(mode, false) | ICR_ASSERT);
		}
	}
	row_settle(&nmi);
	printf("nmi_doubled=%llu\n", nmi.doubled);
}

/* ---- start ---- */

/* Real-mode code for a page below 1 MiB, and what it leaves at 800h of its page. */
static const uint8_t start_code[] = {
	0x2e, 0xff, 0x06, 0x00, 0x08,	    /* inc word cs:[0x800] */
	0x8c, 0xc8,			    /* mov ax, cs */
	0x2e, 0xa3, 0x02, 0x08,		    /* mov cs:[0x802], ax */
	0x0f, 0x20, 0xc0,		    /* mov eax, cr0 */
	0x2e, 0x66, 0xa3, 0x04, 0x08,	    /* mov cs:[0x804], eax */
	0xf4,				    /* 1: hlt */
	0xeb, 0xfd,			    /* jmp 1b */
};
#define START_RESULT 0x800
struct start_result {
	uint16_t starts, cs;
	uint32_t cr0;
};

#define START_MS 1000
#define STILL_MS 100

static volatile struct start_result *result_at(volatile uint8_t *pages, unsigned int n)
{
	return (volatile struct start_result *)(pages + n * PAGE + START_RESULT);
}

static void wait_for_starts(volatile uint8_t *pages, unsigned int n, unsigned int starts)
{
	for (int ms = 0; ms < START_MS && result_at(pages, n)->starts != starts; ms++)
		sleep_ms(1);
	sleep_ms(STILL_MS); /* and not more often */
	if (result_at(pages, n)->starts != starts)
		fail("page %u: started %u times, expected %u", n, result_at(pages, n)->starts, starts);
}

static void start(uint32_t id, unsigned int page)
{
	volatile uint8_t *pages = map_physical((uint64_t)page * PAGE, 2 * PAGE);
	const uint64_t init = ICR_ASSERT | ICR_MODE(INIT), startup = ICR_ASSERT | ICR_MODE(STARTUP);

	for (unsigned int n = 0; n < 2; n++) {
		for (unsigned int i = 0; i < PAGE; i++)
			pages[n * PAGE + i] = i < sizeof(start_code) ? start_code[i] : 0;
	}
	keep_busy();
	send(init, id);
	wait_for_starts(pages, 0, 0);
	send(startup | page, id);
	wait_for_starts(pages, 0, 1);
	if (result_at(pages, 0)->cs != page << 8 || (result_at(pages, 0)->cr0 & 1))
		fail("CS 0x%x, CR0 0x%x", result_at(pages, 0)->cs, result_at(pages, 0)->cr0);
	printf("cr0=0x%x\n", result_at(pages, 0)->cr0);
	/* It runs: further ones have no effect. */
	send(startup | (page + 1), id);
	send(startup | page, id);
	wait_for_starts(pages, 1, 0);
	wait_for_starts(pages, 0, 1);
	/* Twice INIT, as firmware does; then elsewhere. */
	send(init, id);
	send(init, id);
	sleep_ms(STILL_MS);
	send(startup | (page + 1), id);
	wait_for_starts(pages, 1, 1);
	wait_for_starts(pages, 0, 1);
	/* Several start-ups at once are one. */
	send(init, id);
	sleep_ms(STILL_MS);
	send(startup | page, id);
	send(startup | page, id);
	wait_for_starts(pages, 0, 2);
	send(init, id);
	sleep_ms(STILL_MS);
	printf("starts=%u\n", result_at(pages, 0)->starts + result_at(pages, 1)->starts);
}

/* ---- init ---- */

#define SERIAL 0x3f8
#define SERIAL_STATUS 5
#define SERIAL_EMPTY 0x20
#define SERIAL_SPINS 1000000
#define RESET_CONTROL 0xcf9
#define RESET_FULL 6

static void count_up(struct cpu_thread *t)
{
	for (;;)
		__atomic_fetch_add(&t->done, 1, __ATOMIC_RELAXED);
}

static void serial(const char *text)
{
	for (; *text; text++) {
		for (int i = 0; i < SERIAL_SPINS && !(inb(SERIAL + SERIAL_STATUS) & SERIAL_EMPTY); i++)
			;
		outb((uint8_t)*text, SERIAL);
	}
}

/* From the command on without a system call, and not for long: the kernel may wait for a CPU that is gone. */
static uint64_t cycles_per_ms;

static void measure_cycles(void)
{
	struct timespec from, now;
	uint64_t start = __rdtsc();

	clock_gettime(CLOCK_MONOTONIC, &from);
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - from.tv_sec) * 1000 + (now.tv_nsec - from.tv_nsec) / 1000000 < 1000);
	cycles_per_ms = (__rdtsc() - start) / 1000;
}

static void busy_ms(uint64_t ms)
{
	uint64_t end = __rdtsc() + ms * cycles_per_ms;

	while (__rdtsc() < end)
		;
}

static void init(uint64_t command, uint32_t destination)
{
	static struct cpu_thread threads[CPUS];
	uint64_t before[CPUS], stopped = 0;
	char text[80];

	if (iopl(3))
		fail("iopl: %s", strerror(errno));
	run_on(0);
	start_threads(threads, cpus + 1, count - 1, count_up);
	measure_cycles(); /* meanwhile they begin to count */
	send(command, destination);
	busy_ms(50);
	for (unsigned int i = 0; i < count - 1; i++)
		before[i] = __atomic_load_n(&threads[i].done, __ATOMIC_RELAXED);
	busy_ms(500);
	for (unsigned int i = 0; i < count - 1; i++)
		stopped |= (uint64_t)(__atomic_load_n(&threads[i].done, __ATOMIC_RELAXED) == before[i]) << threads[i].cpu;
	snprintf(text, sizeof(text), "\r\napicattack: stopped=0x%llx\r\n", (unsigned long long)stopped);
	serial(text);
	outb(RESET_FULL, RESET_CONTROL);
	for (;;)
		;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	apic_open(&apic);
	if (argc == 4 && strcmp(what, "send") == 0) {
		send(number(argv[2], "COMMAND", UINT32_MAX), (uint32_t)number(argv[3], "DEST", UINT32_MAX));
		printf("sent=%llu\nrefused=%llu\n", sent, refused);
		return 0;
	}
	look_around();
	if (argc == 4 && strcmp(what, "sweep") == 0 && strspn(argv[2], "01234567") == strlen(argv[2])) {
		sweep(argv[2], (uint32_t)number(argv[3], "PARKED", UINT32_MAX));
	} else if (argc == 2 && strcmp(what, "lvt") == 0) {
		vector_table();
	} else if (argc == 2 && strcmp(what, "odd") == 0) {
		odd();
	} else if (argc == 2 && strcmp(what, "message") == 0) {
		message();
	} else if (argc == 4 && strcmp(what, "start") == 0) {
		start((uint32_t)number(argv[2], "ID", UINT32_MAX), (unsigned int)number(argv[3], "PAGE", 0x9e));
	} else if (argc == 4 && strcmp(what, "init") == 0) {
		init(number(argv[2], "COMMAND", UINT32_MAX), (uint32_t)number(argv[3], "DEST", UINT32_MAX));
	} else {
		usage("apicattack sweep MODES PARKED | lvt | odd | message | send COMMAND DEST | start ID PAGE | init COMMAND DEST");
	}
	printf("written=%llu\nmasked=%llu\ndangerous=%llu\n", written, masked, dangerous);
	printf("x2apic=%d\nsent=%llu\nrefused=%llu\ndisturbed=%u\n", apic.x2apic, sent, refused, apic.disturbed);
	say_alive();
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A CPU's local APIC, past the kernel: in x2APIC mode by the MSRs of /dev/cpu/N/msr, in xAPIC mode by its page, which is /dev/mem's
 * (iomem=relaxed) and shows the CPU that the program runs on.
 */
#ifndef TESTS_GUEST_X86_APIC_H
#define TESTS_GUEST_X86_APIC_H

#include "tests/guest/cpus.h"
#include "tests/guest/devmem.h"

/* Offsets in the page: AMD64 APM vol. 2, table 16-2; the MSR is 800h + offset / 16. */
#define MSR_APIC_BASE 0x1bu
#define APIC_BASE_X2APIC 0x400u
#define APIC_BASE_ADDRESS 0xffffff000ull
#define MSR_X2APIC 0x800u
#define APIC_ID 0x20u
#define APIC_LDR 0xd0u
#define APIC_LVT_CMCI 0x2f0u
#define APIC_ICR 0x300u
#define APIC_ICR_HIGH 0x310u
#define APIC_LVT_TIMER 0x320u
#define APIC_LVT_LINT0 0x350u
#define APIC_LVT_LAST 0x370u
#define APIC_INITIAL_COUNT 0x380u
#define APIC_CURRENT_COUNT 0x390u
#define APIC_SELF_IPI 0x3f0u
#define APIC_EXT_LVT_FIRST 0x500u
#define APIC_EXT_LVT_LAST 0x530u

/* Interrupt command register, APM 16.5; Intel SDM vol. 3A, 11.6.1 and 11.12.9. */
#define ICR_MODE(mode) ((uint64_t)(mode) << 8)
enum { FIXED, LOWEST, SMI, REMOTE_READ, NMI, INIT, STARTUP, EXTINT, MODES };
#define ICR_LOGICAL 0x800u
#define ICR_ASSERT 0x4000u
#define ICR_LEVEL 0x8000u
#define ICR_SHORTHAND(n) ((uint64_t)(n) << 18)
enum { TO_DESTINATION, TO_SELF, TO_ALL, TO_OTHERS, SHORTHANDS };
#define LVT_MASKED 0x10000u

struct apic {
	int msr[CPUS]; /* by number of the CPU; -1: not opened */
	bool x2apic;
	volatile uint8_t *page;
	unsigned int disturbed;
};

static inline int apic_msr_file(struct apic *apic, unsigned int cpu)
{
	char path[64];

	if (apic->msr[cpu] < 0) {
		snprintf(path, sizeof(path), "/dev/cpu/%u/msr", cpu);
		apic->msr[cpu] = open(path, O_RDWR | O_CLOEXEC);
		if (apic->msr[cpu] < 0)
			fail("%s: %s", path, strerror(errno));
	}
	return apic->msr[cpu];
}

/* False: #GP. */
static inline bool msr_read(struct apic *apic, unsigned int cpu, uint32_t msr, uint64_t *value)
{
	return pread(apic_msr_file(apic, cpu), value, sizeof(*value), msr) == sizeof(*value);
}

static inline bool msr_write(struct apic *apic, unsigned int cpu, uint32_t msr, uint64_t value)
{
	return pwrite(apic_msr_file(apic, cpu), &value, sizeof(value), msr) == sizeof(value);
}

static inline void apic_open(struct apic *apic)
{
	uint64_t base;

	memset(apic->msr, 0xff, sizeof(apic->msr));
	apic->disturbed = 0;
	if (!msr_read(apic, 0, MSR_APIC_BASE, &base))
		fail("APIC_BASE cannot be read");
	apic->x2apic = base & APIC_BASE_X2APIC;
	apic->page = apic->x2apic ? NULL : map_physical(base & APIC_BASE_ADDRESS, PAGE);
}

/* Of the CPU that the caller has pinned itself to. False: #GP. */
static inline bool apic_read(struct apic *apic, unsigned int offset, uint64_t *value)
{
	if (apic->x2apic)
		return msr_read(apic, (unsigned int)sched_getcpu(), MSR_X2APIC + offset / 16, value);
	*value = load(apic->page + offset, 4);
	return true;
}

static inline bool apic_write(struct apic *apic, unsigned int offset, uint64_t value)
{
	if (apic->x2apic)
		return msr_write(apic, (unsigned int)sched_getcpu(), MSR_X2APIC + offset / 16, value);
	store(apic->page + offset, 4, value);
	return true;
}

/*
 * Waits for a time at which this CPU's timer will not interrupt soon. The kernel sends its own commands by the page mostly from
 * there.
 */
#define APIC_WAITS 1000000

static inline void apic_wait_for_quiet(struct apic *apic)
{
	uint32_t whole = (uint32_t)load(apic->page + APIC_INITIAL_COUNT, 4);

	for (int n = 0; n < APIC_WAITS && load(apic->page + APIC_CURRENT_COUNT, 4) < whole / 2; n++)
		;
}

/*
 * An interrupt command. By the page it takes two writes, and the kernel may send one of its own between them: it then leaves another
 * destination behind, which is seen and counted: nobody knows where that command went. False: #GP.
 */
static inline bool apic_send(struct apic *apic, uint64_t command, uint32_t destination)
{
	if (apic->x2apic)
		return apic_write(apic, APIC_ICR, command | (uint64_t)destination << 32);
	destination &= 0xff;
	apic_wait_for_quiet(apic);
	store(apic->page + APIC_ICR_HIGH, 4, destination << 24);
	store(apic->page + APIC_ICR, 4, command);
	apic->disturbed += load(apic->page + APIC_ICR_HIGH, 4) >> 24 != destination;
	return true;
}

/* What names the CPU in a command: physical, or, as its APIC has it, logical. */
static inline uint32_t apic_id(struct apic *apic)
{
	uint64_t id = 0;

	apic_read(apic, APIC_ID, &id);
	return (uint32_t)(apic->x2apic ? id : id >> 24);
}

static inline uint32_t apic_logical_id(struct apic *apic)
{
	uint64_t id = 0;

	apic_read(apic, APIC_LDR, &id);
	return (uint32_t)(apic->x2apic ? id : id >> 24);
}

#endif

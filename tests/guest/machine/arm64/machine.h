/* SPDX-License-Identifier: BSD-2-Clause */
/* What the guest's programs need that arm64 has in its own way; tests/guest/machine/x86/machine.h is the counterpart. */
#ifndef TESTS_GUEST_MACHINE_H
#define TESTS_GUEST_MACHINE_H

#include <unistd.h>

#include "tests/guest/devmem.h"

/* The rows of /proc/interrupts for a function call on another CPU, and for "look for something to run". */
#define CALL_ROW "IPI1"
#define RESCHEDULE_ROW "IPI0"

/* The narrowest step in which memory that is a device may be addressed: Arm ARM B2.7.2, unaligned accesses to Device memory fault. */
#define DEVICE_ALIGNMENT(size) (size)

/* --- instructions, with --icount: the counter tells nanoseconds of the machine's own time, in steps of its own --- */

static inline uint64_t instructions(void)
{
	uint64_t count, frequency;

	__asm__ volatile("isb; mrs %0, cntvct_el0; mrs %1, cntfrq_el0" : "=r"(count), "=r"(frequency));
	return (uint64_t)((unsigned __int128)count * 1000000000u / frequency);
}

/* --- configuration space by another way than memory of our own: the kernel's --- */

#define DOOR "sysfs"
#define DOOR_SPACE 4096u

static inline void door_open(void)
{
}

static inline uint32_t door_access(uint16_t bdf, unsigned int offset, unsigned int size, int writing, uint32_t value)
{
	char path[80];
	ssize_t done;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/0000:%02x:%02x.%x/config", bdf >> 8, bdf >> 3 & 0x1f, bdf & 7);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return (uint32_t)max_of(size); /* what nobody answers */
	done = writing ? pwrite(fd, &value, size, offset) : (value = 0, pread(fd, &value, size, offset));
	close(fd);
	return done == (ssize_t)size ? value : (uint32_t)max_of(size);
}

/* --- a register of 4 bytes that is read again and again: memory --- */

static volatile uint8_t *register_page;

static inline void register_open(const char *text)
{
	register_page = map_physical(number(text, "ADDRESS", UINT64_MAX), 4);
}

static inline void register_read(void)
{
	load(register_page, 4);
}

/* --- what always exits: a read of configuration space, the first register that there is (iomem=relaxed) --- */

static volatile uint8_t *exit_page;

static inline void exits_begin(void)
{
	FILE *file = fopen("/proc/iomem", "re");
	char line[256];
	unsigned long long start = 0;

	while (file && !start && fgets(line, sizeof(line), file))
		if (strstr(line, "ECAM"))
			sscanf(line, " %llx-", &start);
	if (!start)
		fail("/proc/iomem names no ECAM");
	fclose(file);
	exit_page = map_physical(start, 4);
}

static inline void exit_now(void)
{
	load(exit_page, 4);
}

/* --- the address of a message: there is one way of saying it --- */

static inline uint32_t message_address(uint32_t was, uint64_t turn)
{
	(void)turn;
	return was;
}

/* --- what spin.c starts instead of a kernel, in some page of RAM of QEMU's virt; its PL011 is at 0x9000000 --- */

#define SPIN_AT 0x48000000ul

static const uint32_t spin_jmp[] __attribute__((unused)) = {
	0xd5034fdf, /* msr daifset, #0xf */
	0x14000000, /* 1: b 1b */
};
static const uint32_t spin_hlt[] __attribute__((unused)) = {
	0xd5034fdf, /* msr daifset, #0xf */
	0xd2807d01, /* mov x1, #1000 */
	0xd503207f, /* 1: wfi */
	0xf1000421, /* subs x1, x1, #1 */
	0x54ffffc1, /* b.ne 1b */
	0xd2a12002, /* mov x2, #0x9000000 */
	0x52800803, /* mov w3, #'@' */
	0xb9000043, /* str w3, [x2] */
	0x14000000, /* 2: b 2b */
};

#endif

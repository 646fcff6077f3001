/* SPDX-License-Identifier: BSD-2-Clause */
/* What the guest's programs need that x86 has in its own way; tests/guest/machine/arm64/machine.h is the counterpart. */
#ifndef TESTS_GUEST_MACHINE_H
#define TESTS_GUEST_MACHINE_H

#include <sys/io.h>
#include <x86intrin.h>

#include "tests/guest/guest.h"

/* The rows of /proc/interrupts for a function call on another CPU, and for "look for something to run". */
#define CALL_ROW "CAL"
#define RESCHEDULE_ROW "RES"

/* The narrowest step in which memory that is a device may be addressed. */
#define DEVICE_ALIGNMENT(size) 1u

/* --- instructions, with --icount: QEMU's time-stamp counter counts nanoseconds there --- */

static inline uint64_t instructions(void)
{
	return __rdtsc();
}

/* --- configuration space by another way than memory: CF8/CFC (PCI Local Bus specification 3.0, 3.2.2.3.2) --- */

#define DOOR "cf8"
#define DOOR_SPACE 256u
#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define CONFIG_ENABLE 0x80000000u
#define CF8_TRIES 1000

/* Each thread has to ask for itself. */
static inline void door_open(void)
{
	if (iopl(3))
		fail("iopl: %s", strerror(errno));
}

/*
 * The kernel may use the two ports between our two instructions; it then leaves another address behind, which is seen and
 * the access repeated. (A write that went astray cannot be taken back, but the kernel rarely touches configuration space.)
 */
static inline uint32_t door_access(uint16_t bdf, unsigned int offset, unsigned int size, int writing, uint32_t value)
{
	uint32_t address = CONFIG_ENABLE | ((uint32_t)bdf << 8) | (offset & 0xfc);
	uint16_t port = (uint16_t)(CONFIG_DATA + (offset & 3));

	for (int tries = 0; tries < CF8_TRIES; tries++) {
		outl(address, CONFIG_ADDRESS);
		if (writing && size == 1)
			outb((uint8_t)value, port);
		else if (writing && size == 2)
			outw((uint16_t)value, port);
		else if (writing)
			outl(value, port);
		else
			value = size == 1 ? inb(port) : size == 2 ? inw(port) : inl(port);
		if (inl(CONFIG_ADDRESS) == address)
			return value;
	}
	fail("CF8 does not keep its value: 0x%x written", address);
}

/* --- what always exits: a read of a port --- */

static inline void exits_begin(void)
{
	if (ioperm(CONFIG_ADDRESS, 4, 1))
		fail("ioperm: %s", strerror(errno));
}

static inline void exit_now(void)
{
	inl(CONFIG_ADDRESS);
}

/* --- a register of 4 bytes that is read again and again: a port --- */

static uint16_t register_port;

static inline void register_open(const char *text)
{
	register_port = (uint16_t)number(text, "PORT", 0xffff);
	if (ioperm(register_port, 4, 1))
		fail("ioperm: %s", strerror(errno));
}

static inline void register_read(void)
{
	inl(register_port);
}

/* --- the address of a message that goes to the boot CPU, by turns in each way of saying so: Intel SDM vol. 3A, 11.11.1 --- */

#define MESSAGE_BASE 0xfee00000u
#define MESSAGE_DESTINATION(id) ((uint32_t)(id) << 12)
#define MESSAGE_HINT 0x8u
#define MESSAGE_LOGICAL 0x4u
#define BOOT_CPU_PHYSICAL 0u
#define BOOT_CPU_LOGICAL 1u /* the same in flat, and in cluster mode's cluster 0 */

static inline uint32_t message_address(uint32_t was, uint64_t turn)
{
	static const uint32_t variants[] = {
		MESSAGE_BASE | MESSAGE_DESTINATION(BOOT_CPU_PHYSICAL),
		MESSAGE_BASE | MESSAGE_DESTINATION(BOOT_CPU_LOGICAL) | MESSAGE_LOGICAL,
		MESSAGE_BASE | MESSAGE_DESTINATION(BOOT_CPU_PHYSICAL) | MESSAGE_HINT,
		MESSAGE_BASE | MESSAGE_DESTINATION(BOOT_CPU_LOGICAL) | MESSAGE_LOGICAL | MESSAGE_HINT,
	};

	(void)was;
	return variants[turn % (sizeof(variants) / sizeof(variants[0]))];
}

/* --- what spin.c starts instead of a kernel, in some page of RAM above the legacy area --- */

#define SPIN_AT 0x4000000ul

static const unsigned char spin_jmp[] __attribute__((unused)) = { 0xfa, 0xeb, 0xfe }; /* cli; 1: jmp 1b */
static const unsigned char spin_hlt[] __attribute__((unused)) = {
	0xfa,				/* cli */
	0xb9, 0xe8, 0x03, 0x00, 0x00,	/* mov ecx, 1000 */
	0xf4, 0xe2, 0xfd,		/* 1: hlt; loop 1b */
	0x66, 0xba, 0xf8, 0x03,		/* mov dx, 0x3f8 */
	0xb0, 0x40, 0xee,		/* mov al, '@'; out dx, al */
	0xeb, 0xfe,			/* 2: jmp 2b */
};

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spin jmp|hlt: leaves Linux for good, for a few instructions with interrupts off, started as a kernel is by kexec. "jmp": a
 * loop in which the CPU never exits by itself again. "hlt": the CPU stands halted until it was woken a thousand
 * times, which only an NMI of Fairlead's can do; then a @ on the first serial port, and the loop. Returns only on failure.
 */
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/guest/guest.h"

/* Some page of RAM above the legacy area; it is copied there when Linux has ended. */
#define LOAD_AT 0x4000000ul

static const unsigned char jmp_loop[] = { 0xfa, 0xeb, 0xfe };	    /* cli; 1: jmp 1b */
static const unsigned char hlt_loop[] = {
	0xfa,				/* cli */
	0xb9, 0xe8, 0x03, 0x00, 0x00,	/* mov ecx, 1000 */
	0xf4, 0xe2, 0xfd,		/* 1: hlt; loop 1b */
	0x66, 0xba, 0xf8, 0x03,		/* mov dx, 0x3f8 */
	0xb0, 0x40, 0xee,		/* mov al, '@'; out dx, al */
	0xeb, 0xfe,			/* 2: jmp 2b */
};

int main(int argc, char **argv)
{
	struct kexec_segment segment = { .mem = (void *)LOAD_AT, .memsz = PAGE };

	if (argc == 2 && !strcmp(argv[1], "jmp")) {
		segment.buf = jmp_loop;
		segment.bufsz = sizeof(jmp_loop);
	} else if (argc == 2 && !strcmp(argv[1], "hlt")) {
		segment.buf = hlt_loop;
		segment.bufsz = sizeof(hlt_loop);
	} else {
		usage("spin jmp|hlt");
	}
	if (syscall(SYS_kexec_load, LOAD_AT, 1ul, &segment, KEXEC_ARCH_DEFAULT))
		fail("kexec_load: %s", strerror(errno));
	printf("spin: these are the guest's last words\n");
	fflush(stdout);
	reboot(LINUX_REBOOT_CMD_KEXEC);
	fail("reboot: %s", strerror(errno));
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spin jmp|hlt: leaves Linux for good, for a loop of two instructions with interrupts off, started as a
 * kernel is by kexec: the CPU never exits by itself again ("jmp"), or never even runs ("hlt"). Returns only
 * on failure.
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
static const unsigned char hlt_loop[] = { 0xfa, 0xf4, 0xeb, 0xfd }; /* cli; 1: hlt; jmp 1b */

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

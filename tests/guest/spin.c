/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spin jmp|hlt: leaves Linux for good, for a few instructions (machine.h) with interrupts off, started as a kernel is by kexec. "jmp": a
 * loop in which the CPU never exits by itself again. "hlt": the CPU stands halted until it was woken a thousand
 * times, which only Fairlead's own interrupts can do; then a @ on the first serial port, and the loop. Returns only on failure.
 */
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "machine.h"

int main(int argc, char **argv)
{
	struct kexec_segment segment = { .mem = (void *)SPIN_AT, .memsz = PAGE };

	if (argc == 2 && !strcmp(argv[1], "jmp")) {
		segment.buf = spin_jmp;
		segment.bufsz = sizeof(spin_jmp);
	} else if (argc == 2 && !strcmp(argv[1], "hlt")) {
		segment.buf = spin_hlt;
		segment.bufsz = sizeof(spin_hlt);
	} else {
		usage("spin jmp|hlt");
	}
	if (syscall(SYS_kexec_load, SPIN_AT, 1ul, &segment, KEXEC_ARCH_DEFAULT))
		fail("kexec_load: %s", strerror(errno));
	printf("spin: these are the guest's last words\n");
	fflush(stdout);
	reboot(LINUX_REBOOT_CMD_KEXEC);
	fail("reboot: %s", strerror(errno));
}

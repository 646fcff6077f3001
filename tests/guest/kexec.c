/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kexec KERNEL INITRD: starts another kernel from the running one, with the same command line, without firmware and without an orderly
 * shutdown of user space. Returns only on failure.
 */
#include <fcntl.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "kexec.h"

#define CMDLINE_MAX 4096

int main(int argc, char **argv)
{
	char cmdline[CMDLINE_MAX];
	int kernel, initrd, file;
	ssize_t n;

	if (argc != 3)
		usage("kexec KERNEL INITRD");
	kernel = open(argv[1], O_RDONLY);
	initrd = open(argv[2], O_RDONLY);
	file = open("/proc/cmdline", O_RDONLY);
	if (kernel < 0 || initrd < 0 || file < 0)
		fail("open: %s", strerror(errno));
	n = read(file, cmdline, sizeof(cmdline) - 1);
	if (n <= 0)
		fail("/proc/cmdline");
	cmdline[n - 1] = '\0'; /* the line end */
	load_kernel(kernel, initrd, cmdline, (size_t)n);
	sync();
	reboot(LINUX_REBOOT_CMD_KEXEC);
	fail("reboot: %s", strerror(errno));
}

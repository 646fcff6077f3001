/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Model-specific registers of CPU 0, through the kernel's msr driver, which turns #GP into an I/O error.
 *
 *   msr read MSR             value=0x... or error=gp
 *   msr write MSR VALUE      written=0x... or error=gp
 */
#include <fcntl.h>
#include <unistd.h>

#include "tests/guest/guest.h"

int main(int argc, char **argv)
{
	int writing = argc == 4 && strcmp(argv[1], "write") == 0;
	uint64_t value;
	ssize_t done;

	if (!writing && !(argc == 3 && strcmp(argv[1], "read") == 0))
		usage("msr read MSR | write MSR VALUE");
	off_t msr = (off_t)number(argv[2], "MSR", UINT32_MAX);
	int fd = open("/dev/cpu/0/msr", (writing ? O_RDWR : O_RDONLY) | O_CLOEXEC);

	if (fd < 0)
		fail("/dev/cpu/0/msr: %s", strerror(errno));
	if (writing) {
		value = number(argv[3], "VALUE", UINT64_MAX);
		done = pwrite(fd, &value, sizeof(value), msr);
	} else {
		done = pread(fd, &value, sizeof(value), msr);
	}
	if (done < 0 && errno == EIO)
		fail("gp");
	if (done != sizeof(value))
		fail("%s", done < 0 ? strerror(errno) : "short transfer");
	printf("%s=0x%llx\n", writing ? "written" : "value", (unsigned long long)value);
	return 0;
}

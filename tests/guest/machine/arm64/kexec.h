/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kexec on arm64, where Debian's kernel does not take files: we say what goes where. The device tree is the one that this kernel was
 * started with, unchanged, so that the command line is the same, and the initramfs has to go where it says; the kernel goes where this
 * one is, the tree behind it, and behind that the few instructions with which a boot loader would end
 * (Linux, Documentation/arm64/booting.rst).
 */
#ifndef TESTS_GUEST_MACHINE_KEXEC_H
#define TESTS_GUEST_MACHINE_KEXEC_H

#include <fcntl.h>
#include <linux/kexec.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/guest/guest.h"

#define MIB2 0x200000ul
#define FILE_MAX (256ul << 20)
#define IMAGE_TEXT_OFFSET 8
#define IMAGE_SIZE 16
#define IMAGE_MAGIC_AT 56
#define IMAGE_MAGIC 0x644d5241u /* "ARM\x64" */

static inline unsigned char *whole_file(int fd, const char *name, size_t *size)
{
	size_t room = 1ul << 20;
	unsigned char *data = malloc(room);
	ssize_t n;

	if (fd < 0)
		fail("%s: %s", name, strerror(errno));
	for (*size = 0; data && (n = read(fd, data + *size, room - *size)) > 0;) {
		*size += (size_t)n;
		if (*size == room && room < FILE_MAX)
			data = realloc(data, room *= 2);
	}
	if (!data || !*size || *size == FILE_MAX)
		fail("%s cannot be read", name);
	return data;
}

/* Where this kernel was put: its code begins within the first 2 MiB. */
static inline uint64_t kernel_place(void)
{
	FILE *file = fopen("/proc/iomem", "re");
	unsigned long long start = 0;
	char line[256];

	while (file && !start && fgets(line, sizeof(line), file))
		if (strstr(line, "Kernel code"))
			sscanf(line, " %llx-", &start);
	if (!start)
		fail("/proc/iomem does not say where the kernel is");
	fclose(file);
	return start & ~(MIB2 - 1);
}

/* Cells are big-endian; there may be one or two. */
static inline uint64_t initrd_place(void)
{
	const char *name = "/proc/device-tree/chosen/linux,initrd-start";
	size_t size;
	unsigned char *cells = whole_file(open(name, O_RDONLY | O_CLOEXEC), name, &size);
	uint64_t place = 0;

	for (size_t i = 0; i < size; i++)
		place = place << 8 | cells[i];
	return place;
}

static inline unsigned long pages(size_t size)
{
	return (size + PAGE - 1) & ~(unsigned long)(PAGE - 1);
}

static inline void load_kernel(int kernel, int initrd, const char *cmdline, size_t length)
{
	/* ldr x0, tree; mov x1-x3, xzr; ldr x4, entry; br x4; then the two addresses. */
	static uint32_t stub[] = { 0x580000c0, 0xaa1f03e1, 0xaa1f03e2, 0xaa1f03e3, 0x58000084, 0xd61f0080, 0, 0, 0, 0 };
	const char *tree_name = "/sys/firmware/fdt";
	size_t kernel_size, initrd_size, tree_size;
	unsigned char *image = whole_file(kernel, "the kernel", &kernel_size);
	unsigned char *files = whole_file(initrd, "the initramfs", &initrd_size);
	unsigned char *tree = whole_file(open(tree_name, O_RDONLY | O_CLOEXEC), tree_name, &tree_size);
	uint64_t base = kernel_place(), text_offset, image_size, behind;
	uint32_t magic;

	(void)cmdline;
	(void)length;
	memcpy(&magic, image + IMAGE_MAGIC_AT, sizeof(magic));
	memcpy(&text_offset, image + IMAGE_TEXT_OFFSET, sizeof(text_offset));
	memcpy(&image_size, image + IMAGE_SIZE, sizeof(image_size));
	if (kernel_size < PAGE || magic != IMAGE_MAGIC || image_size < kernel_size)
		fail("no Image");
	behind = (base + text_offset + image_size + MIB2 - 1) & ~(uint64_t)(MIB2 - 1);
	stub[6] = (uint32_t)behind;
	stub[7] = (uint32_t)(behind >> 32);
	stub[8] = (uint32_t)(base + text_offset);
	stub[9] = (uint32_t)((base + text_offset) >> 32);
	struct kexec_segment segments[] = {
		{ .buf = image, .bufsz = kernel_size, .mem = (void *)(base + text_offset), .memsz = pages(image_size) },
		{ .buf = files, .bufsz = initrd_size, .mem = (void *)(initrd_place()), .memsz = pages(initrd_size) },
		{ .buf = tree, .bufsz = tree_size, .mem = (void *)behind, .memsz = pages(tree_size) },
		{ .buf = stub, .bufsz = sizeof(stub), .mem = (void *)(behind + MIB2), .memsz = PAGE },
	};

	if (tree_size > MIB2 || ((uintptr_t)segments[1].mem & (PAGE - 1)))
		fail("a tree of more than 2 MiB, or an initramfs that begins within a page");
	if (syscall(SYS_kexec_load, behind + MIB2, 4ul, segments, KEXEC_ARCH_DEFAULT))
		fail("kexec_load: %s", strerror(errno));
}

#endif

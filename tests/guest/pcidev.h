/* SPDX-License-Identifier: BSD-2-Clause */
/* A PCI device's configuration space and memory through sysfs, past whoever drives it (iomem=relaxed). */
#ifndef TESTS_GUEST_PCIDEV_H
#define TESTS_GUEST_PCIDEV_H

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/guest/guest.h"

#define SYSFS_DEVICE "/sys/bus/pci/devices/"

#define PCI_COMMAND 0x04
#define PCI_COMMAND_MEMORY 0x002u
#define PCI_COMMAND_MASTER 0x004u
#define PCI_COMMAND_INTX_OFF 0x400u
#define PCI_STATUS 0x06
#define PCI_STATUS_CAPABILITIES 0x10u
#define PCI_CAPABILITIES 0x34
#define CAP_MSI 0x05
#define CAP_MSIX 0x11
#define CAP_LIMIT 48 /* more do not fit */
#define MSI_CONTROL 0x02
#define MSI_ENABLE 0x0001u
#define MSI_64 0x0080u
#define MSI_ADDRESS 0x04
#define MSI_DATA_32 0x08
#define MSI_DATA_64 0x0c
#define MSIX_CONTROL 0x02
#define MSIX_ENABLE 0x8000u
#define MSIX_SIZE 0x07ffu
#define MSIX_TABLE 0x04
#define MSIX_BAR 7u
#define MSIX_ENTRY 16u
#define MSIX_ENTRY_DATA 8
#define MSIX_ENTRY_CONTROL 12
#define MSIX_MASKED 1u

/* A device's configuration space, to be given to the functions below. */
static inline int open_config(const char *device)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), SYSFS_DEVICE "%s/config", device);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	return fd;
}

static inline uint32_t config_read(int config, unsigned int offset, unsigned int size)
{
	uint32_t value = 0;

	if (pread(config, &value, size, offset) != (ssize_t)size)
		fail("configuration space at 0x%x: %s", offset, strerror(errno));
	return value;
}

static inline void config_write(int config, unsigned int offset, unsigned int size, uint32_t value)
{
	if (pwrite(config, &value, size, offset) != (ssize_t)size)
		fail("configuration space at 0x%x: %s", offset, strerror(errno));
}

/* Where the capability is; 0: nowhere. */
static inline unsigned int capability(int config, unsigned int id)
{
	unsigned int at = config_read(config, PCI_CAPABILITIES, 1);

	if (!(config_read(config, PCI_STATUS, 2) & PCI_STATUS_CAPABILITIES))
		return 0;
	for (int n = 0; at && n < CAP_LIMIT; n++) {
		if (config_read(config, at, 1) == id)
			return at;
		at = config_read(config, at + 1, 1);
	}
	return 0;
}

static inline volatile uint8_t *map_bar(const char *device, unsigned int bar, uint32_t offset, size_t size)
{
	char path[512];
	void *p;
	int fd;

	snprintf(path, sizeof(path), SYSFS_DEVICE "%s/resource%u", device, bar);
	fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)(offset & ~(PAGE - 1)));
	if (p == MAP_FAILED)
		fail("%s: %s", path, strerror(errno));
	close(fd);
	return (volatile uint8_t *)p + (offset & (PAGE - 1));
}

/* The first page of the MSI-X table: 256 entries, if it begins where a page does. */
static inline volatile uint8_t *map_msix_table(const char *device, int config, unsigned int cap)
{
	uint32_t table = config_read(config, cap + MSIX_TABLE, 4);

	return map_bar(device, table & MSIX_BAR, table & ~MSIX_BAR, PAGE);
}

#endif

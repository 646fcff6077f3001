/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes where a device's interrupts go, again and again, until it is killed: while somebody else has the device
 * raise them.
 *
 *   irqmove DEVICE             DEVICE as in 0000:00:04.0. On SIGTERM: moves=N, and all is as it was
 *
 * With several CPUs the kernel is asked to move each of the device's interrupts to the next CPU. With one CPU there is
 * nowhere to go, but the message can still change under way, as far as the machine has several ways of saying it
 * (machine.h: on x86 four mean this one CPU). So the message in use is rewritten: MSI's address register, or, masked meanwhile as the specification demands (PCI Express 6.0, 6.1.4.2), each MSI-X entry
 * in use. Needs iomem=relaxed.
 */
#include <dirent.h>
#include <sched.h>
#include <signal.h>

#include "tests/guest/interrupts.h"
#include "tests/guest/pcidev.h"

#define VECTORS 64

static volatile sig_atomic_t stopped;
static int config;

static void on_signal(int number_of_signal)
{
	(void)number_of_signal;
	stopped = 1;
}

/* One CPU: the message in use. */
static uint64_t move_msi(unsigned int cap)
{
	uint32_t was = config_read(config, cap + MSI_ADDRESS, 4);
	uint64_t moves = 0;

	while (!stopped) {
		config_write(config, cap + MSI_ADDRESS, 4, message_address(was, moves++));
		sched_yield();
	}
	config_write(config, cap + MSI_ADDRESS, 4, was);
	return moves;
}

static void set_entry(volatile uint8_t *entry, uint32_t address)
{
	store(entry + MSIX_ENTRY_CONTROL, 4, MSIX_MASKED);
	store(entry, 4, address);
	store(entry + MSIX_ENTRY_CONTROL, 4, 0);
}

static uint64_t move_msix(const char *device, unsigned int cap)
{
	unsigned int size = (config_read(config, cap + MSIX_CONTROL, 2) & MSIX_SIZE) + 1, used = 0;
	volatile uint8_t *table = map_msix_table(device, config, cap), *in_use[VECTORS];
	uint32_t was[VECTORS];
	uint64_t moves = 0;

	for (unsigned int i = 0; i < size && i < VECTORS; i++) {
		volatile uint8_t *entry = table + i * MSIX_ENTRY;

		if (load(entry + MSIX_ENTRY_CONTROL, 4) & MSIX_MASKED)
			continue;
		was[used] = (uint32_t)load(entry, 4);
		in_use[used++] = entry;
	}
	if (!used)
		fail("%s has no MSI-X entry in use", device);
	while (!stopped) {
		for (unsigned int i = 0; i < used; i++)
			set_entry(in_use[i], message_address(was[i], moves));
		moves++;
	}
	for (unsigned int i = 0; i < used; i++)
		set_entry(in_use[i], was[i]);
	printf("entries=%u\n", used);
	return moves;
}

/* Several CPUs: the kernel moves them. */
static uint64_t move_cpus(const char *device, long cpus)
{
	int irqs[VECTORS], n = 0;
	char path[512], text[32];
	struct dirent *entry;
	uint64_t moves = 0;
	DIR *dir;

	snprintf(path, sizeof(path), SYSFS_DEVICE "%s/msi_irqs", device);
	dir = opendir(path);
	while (dir && n < VECTORS && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			irqs[n++] = atoi(entry->d_name);
	if (!n)
		fail("%s has no message of its own", device);
	closedir(dir);
	while (!stopped) {
		snprintf(text, sizeof(text), "%ld", (long)(moves++ % (uint64_t)cpus));
		for (int i = 0; i < n; i++) {
			int fd;

			snprintf(path, sizeof(path), "/proc/irq/%d/smp_affinity_list", irqs[i]);
			fd = open(path, O_WRONLY | O_CLOEXEC);
			/* An interrupt that the kernel manages itself refuses; others do not. */
			if (fd < 0 || (write(fd, text, strlen(text)) < 0 && errno != EIO))
				fail("%s: %s", path, strerror(errno));
			close(fd);
		}
	}
	printf("entries=%d\n", n);
	return moves;
}

int main(int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int cap;
	uint64_t moves;

	if (argc != 2)
		usage("irqmove DEVICE");
	config = open_config(argv[1]);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);

	if (cpus > 1)
		moves = move_cpus(argv[1], cpus);
	else if ((cap = capability(config, CAP_MSIX)) && (config_read(config, cap + MSIX_CONTROL, 2) & MSIX_ENABLE))
		moves = move_msix(argv[1], cap);
	else if ((cap = capability(config, CAP_MSI)) && (config_read(config, cap + MSI_CONTROL, 2) & MSI_ENABLE))
		moves = move_msi(cap);
	else
		fail("%s has no message enabled", argv[1]);
	printf("cpus=%ld\nmoves=%llu\n", cpus, (unsigned long long)moves);
	return 0;
}

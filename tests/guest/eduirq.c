/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts of QEMU's `edu` device (docs/specs/edu.rst of QEMU): raised on demand, one by one, each with a number.
 *
 *   eduirq DEVICE message OTHER ENTRY  its MSI is enabled and says what MSI-X entry ENTRY of the device OTHER says
 *   eduirq DEVICE raise VALUE          raises one, and acknowledges it: status= what the device says it has raised
 *   eduirq DEVICE seq COUNT IRQ        raises COUNT, and has the kernel's count of IRQ follow after each: lost=
 *                                      (not counted within LOST_MS), doubled= (counted more than once), wrong=
 *                                      (another number in the device)
 *   eduirq DEVICE intx COUNT UIO       raises COUNT by pin, and waits for each at /dev/UIO (uio_pci_generic drives
 *                                      the device)
 *
 * DEVICE and OTHER as in 0000:00:05.0. Nothing in Linux drives an edu, so its message borrows the vector of an
 * interrupt whose handler does not mind being called without a reason, as virtio's for configuration changes.
 */
#include <poll.h>
#include <sched.h>
#include <stdbool.h>

#include "tests/guest/interrupts.h"
#include "tests/guest/pcidev.h"

#define EDU_BAR_SIZE 0x100000u
#define EDU_ID 0x00
#define EDU_ID_MASK 0xffff
#define EDU_ID_VALUE 0x00ed
#define EDU_STATUS 0x24 /* the values raised and not yet acknowledged */
#define EDU_RAISE 0x60
#define EDU_ACKNOWLEDGE 0x64

#define LOST_MS 2000
#define LATE_MS 100 /* after the last one, for one too many to arrive */

static volatile uint8_t *bar;
static int config;

static void open_edu(const char *device)
{
	config = open_config(device);
	config_write(config, PCI_COMMAND, 2, config_read(config, PCI_COMMAND, 2) | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	bar = map_bar(device, 0, 0, EDU_BAR_SIZE);
	if ((load(bar + EDU_ID, 4) & EDU_ID_MASK) != EDU_ID_VALUE)
		fail("%s does not answer as edu: 0x%llx", device, (unsigned long long)load(bar + EDU_ID, 4));
	store(bar + EDU_ACKNOWLEDGE, 4, UINT32_MAX);
}

static int message(const char *other, unsigned int number_of_entry)
{
	int from = open_config(other);
	unsigned int msi = capability(config, CAP_MSI), msix = capability(from, CAP_MSIX), control;
	volatile uint8_t *entry;
	uint32_t address, data;

	if (!msi || !msix)
		fail("no MSI here, or no MSI-X in %s", other);
	entry = map_msix_table(other, from, msix) + number_of_entry * MSIX_ENTRY;
	address = (uint32_t)load(entry, 4);
	data = (uint32_t)load(entry + MSIX_ENTRY_DATA, 4);
	control = config_read(config, msi + MSI_CONTROL, 2);
	config_write(config, msi + MSI_CONTROL, 2, control & ~MSI_ENABLE);
	config_write(config, msi + MSI_ADDRESS, 4, address);
	if (control & MSI_64)
		config_write(config, msi + MSI_ADDRESS + 4, 4, 0);
	config_write(config, msi + (control & MSI_64 ? MSI_DATA_64 : MSI_DATA_32), 2, data);
	config_write(config, msi + MSI_CONTROL, 2, control | MSI_ENABLE);
	printf("address=0x%x\ndata=0x%x\n", address, data);
	return 0;
}

static int raise_once(uint32_t value)
{
	store(bar + EDU_RAISE, 4, value);
	printf("status=0x%llx\n", (unsigned long long)load(bar + EDU_STATUS, 4));
	store(bar + EDU_ACKNOWLEDGE, 4, UINT32_MAX);
	return 0;
}

/* The kernel's count of one interrupt, over all CPUs. */
static uint64_t counted(int file)
{
	char text[4096], *at = text;
	ssize_t n = pread(file, text, sizeof(text) - 1, 0);
	uint64_t sum = 0;

	if (n <= 0)
		fail("the kernel does not count: %s", strerror(errno));
	text[n] = '\0';
	while (*at && *at != '\n') {
		sum += strtoull(at, &at, 10);
		at += *at == ',';
	}
	return sum;
}

/* The count once it is not `before` any more, or LOST_MS later. */
static uint64_t count_after(int file, uint64_t before, uint64_t raised)
{
	uint64_t now = counted(file);

	while (now == before && now_us() - raised < LOST_MS * 1000u)
		now = counted(file);
	return now;
}

static int sequence(uint32_t count, const char *irq)
{
	uint64_t lost = 0, doubled = 0, wrong = 0, worst = 0, start = now_us(), before, first;
	char path[512];
	int file;

	snprintf(path, sizeof(path), "/sys/kernel/irq/%s/per_cpu_count", irq);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		fail("%s: %s", path, strerror(errno));
	first = before = counted(file);
	for (uint32_t i = 1; i <= count && lost < LOST_ENOUGH; i++) {
		uint64_t raised = now_us(), after;

		store(bar + EDU_RAISE, 4, i);
		after = count_after(file, before, raised);
		if (now_us() - raised > worst)
			worst = now_us() - raised;
		lost += after == before;
		doubled += after > before + 1;
		before = after;
		wrong += load(bar + EDU_STATUS, 4) != i;
		store(bar + EDU_ACKNOWLEDGE, 4, UINT32_MAX);
		sched_yield(); /* whoever moves the interrupt has his turn */
	}
	usleep(LATE_MS * 1000);
	printf("sent=%u\nlost=%llu\ndoubled=%llu\nwrong=%llu\ncounted=%llu\nworst_us=%llu\nus=%llu\n", count,
	       (unsigned long long)lost, (unsigned long long)doubled, (unsigned long long)wrong,
	       (unsigned long long)(counted(file) - first), (unsigned long long)worst,
	       (unsigned long long)(now_us() - start));
	return lost || doubled || wrong;
}

/*
 * UIO's handler switches the pin off (Command, bit 10); it is to be switched on again for each. On a shared line its
 * count says little: it counts for a device that waits to be acknowledged whenever another one interrupts.
 */
static void pin_on(void)
{
	config_write(config, PCI_COMMAND, 2, config_read(config, PCI_COMMAND, 2) & ~PCI_COMMAND_INTX_OFF);
}

static int by_pin(uint32_t count, const char *uio)
{
	struct pollfd event = { .events = POLLIN };
	uint64_t lost = 0, wrong = 0, start = now_us();
	uint32_t events;
	char path[512];

	snprintf(path, sizeof(path), "/dev/%s", uio);
	event.fd = open(path, O_RDWR | O_CLOEXEC);
	if (event.fd < 0)
		fail("%s: %s", path, strerror(errno));
	pin_on();
	if (poll(&event, 1, 0) > 0 && read(event.fd, &events, sizeof(events)) != sizeof(events))
		fail("%s: %s", path, strerror(errno));
	for (uint32_t i = 1; i <= count && lost < LOST_ENOUGH; i++) {
		store(bar + EDU_RAISE, 4, i);
		if (poll(&event, 1, LOST_MS) <= 0)
			lost++;
		else if (read(event.fd, &events, sizeof(events)) != sizeof(events))
			fail("%s: %s", path, strerror(errno));
		wrong += load(bar + EDU_STATUS, 4) != i;
		store(bar + EDU_ACKNOWLEDGE, 4, UINT32_MAX);
		pin_on();
	}
	printf("sent=%u\nlost=%llu\nwrong=%llu\nus=%llu\n", count, (unsigned long long)lost, (unsigned long long)wrong,
	       (unsigned long long)(now_us() - start));
	return lost || wrong;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : "";
	int wanted = strcmp(what, "raise") == 0 ? 4 :
		strcmp(what, "message") == 0 || strcmp(what, "seq") == 0 || strcmp(what, "intx") == 0 ? 5 : 0;

	if (argc != wanted)
		usage("eduirq DEVICE message OTHER ENTRY | raise VALUE | seq COUNT IRQ | intx COUNT UIO");
	open_edu(argv[1]);
	if (strcmp(what, "message") == 0)
		return message(argv[3], (unsigned int)number(argv[4], "ENTRY", PAGE / MSIX_ENTRY - 1));

	uint32_t n = (uint32_t)number(argv[3], "a number", UINT32_MAX);

	if (strcmp(what, "raise") == 0)
		return raise_once(n);
	return strcmp(what, "seq") == 0 ? sequence(n, argv[4]) : by_pin(n, argv[4]);
}

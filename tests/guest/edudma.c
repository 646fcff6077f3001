/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes QEMU's `edu` device (docs/specs/edu.rst of QEMU) move memory by DMA: a device that does what a hostile one would.
 *
 *   edudma [-s SEED] self              a page of our own to the device and back, compared: DMA works at all
 *   edudma [-s SEED] hold              the same, and the page stays ours until the program is killed
 *   edudma [-s SEED] to ADDRESS [BYTES]    a page of pattern, or its beginning, from the device to a physical address
 *   edudma [-s SEED] from ADDRESS [BYTES]  the same from a physical address into the device; says what arrived
 *   edudma [-s SEED] range START END STEP   `to` and `from` at each address; says how often something arrived
 *
 * The pattern is the SplitMix64 sequence of SEED (default 1), so that whoever looks at memory can recognise it.
 * What arrived is one of: pattern (nothing: the buffer is as it was), zeros, ones, other.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "tests/guest/guest.h"

#define EDU_VENDOR 0x1234
#define EDU_DEVICE 0x11e8
#define EDU_BAR_SIZE 0x100000u
#define EDU_ID 0x00
#define EDU_ID_MASK 0xffff
#define EDU_ID_VALUE 0x00ed /* low half of the identification register: RRrr00ED */
#define EDU_DMA_SOURCE 0x80
#define EDU_DMA_DESTINATION 0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA_COMMAND 0x98
#define EDU_DMA_START 1u
#define EDU_DMA_TO_RAM 2u
#define EDU_BUFFER 0x40000u /* the device's own memory, in its own addresses: one page */

#define PCI_COMMAND 0x04
#define PCI_COMMAND_MEMORY 2u
#define PCI_COMMAND_MASTER 4u

#define DMA_SECONDS 10 /* a transfer takes 100 ms of the machine's time */

#define UNTOUCHED 0x5a /* what our page holds before the device writes it */

#define SYSFS "/sys/bus/pci/devices/"

static volatile uint8_t *bar;
static uint8_t *page; /* ours, locked, one page */
static uint64_t page_address;
static uint8_t pattern[PAGE];

static unsigned int sysfs_hex(const char *device, const char *attribute)
{
	char path[512];
	unsigned int value = 0;
	FILE *file;

	snprintf(path, sizeof(path), SYSFS "%s/%s", device, attribute);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%x", &value) != 1)
		value = 0;
	if (file)
		fclose(file);
	return value;
}

static bool find_edu(char *name, size_t size)
{
	DIR *dir = opendir(SYSFS);
	struct dirent *entry;
	bool found = false;

	if (!dir)
		fail(SYSFS ": %s", strerror(errno));
	while (!found && (entry = readdir(dir))) {
		if (sysfs_hex(entry->d_name, "vendor") == EDU_VENDOR &&
		    sysfs_hex(entry->d_name, "device") == EDU_DEVICE) {
			snprintf(name, size, "%s", entry->d_name);
			found = true;
		}
	}
	closedir(dir);
	return found;
}

/* Memory decoding and bus mastering on, then BAR 0 mapped. */
static void open_edu(const char *name)
{
	char path[512];
	uint16_t command;
	int fd;

	snprintf(path, sizeof(path), SYSFS "%s/config", name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || pread(fd, &command, sizeof(command), PCI_COMMAND) != sizeof(command))
		fail("%s: %s", path, strerror(errno));
	command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	if (pwrite(fd, &command, sizeof(command), PCI_COMMAND) != sizeof(command))
		fail("%s: %s", path, strerror(errno));
	close(fd);

	snprintf(path, sizeof(path), SYSFS "%s/resource0", name);
	fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	bar = mmap(NULL, EDU_BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bar == MAP_FAILED)
		fail("%s: mmap: %s", path, strerror(errno));
	close(fd);
	if ((load(bar + EDU_ID, 4) & EDU_ID_MASK) != EDU_ID_VALUE)
		fail("%s does not answer as edu: 0x%llx", name, (unsigned long long)load(bar + EDU_ID, 4));
}

/* The physical address of a page that is locked in memory (Documentation/admin-guide/mm/pagemap.rst of Linux). */
static uint64_t physical_address(const void *p)
{
	const uint64_t present = 1ull << 63, frame_mask = (1ull << 55) - 1;
	uint64_t entry;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)p / PAGE * sizeof(entry))) != sizeof(entry))
		fail("/proc/self/pagemap: %s", strerror(errno));
	close(fd);
	if (!(entry & present) || !(entry & frame_mask))
		fail("/proc/self/pagemap does not say where our page is: 0x%llx", (unsigned long long)entry);
	return (entry & frame_mask) * PAGE;
}

static void own_page(void)
{
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (page == MAP_FAILED || mlock(page, PAGE))
		fail("a locked page: %s", strerror(errno));
	page[0] = 1; /* a frame of our own, not the shared page of zeros */
	page_address = physical_address(page);
}

static void dma(uint64_t source, uint64_t destination, uint64_t length, uint64_t direction)
{
	struct timespec start, now;

	/* Eight bytes at once: a narrower write would clear the upper half. */
	store(bar + EDU_DMA_SOURCE, 8, source);
	store(bar + EDU_DMA_DESTINATION, 8, destination);
	store(bar + EDU_DMA_COUNT, 8, length);
	store(bar + EDU_DMA_COMMAND, 8, EDU_DMA_START | direction);
	clock_gettime(CLOCK_MONOTONIC, &start);
	while (load(bar + EDU_DMA_COMMAND, 8) & EDU_DMA_START) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - start.tv_sec > DMA_SECONDS)
			fail("the device did not finish within %d s", DMA_SECONDS);
		usleep(1000);
	}
}

static void to_ram(uint64_t address, uint64_t length)
{
	dma(EDU_BUFFER, address, length, EDU_DMA_TO_RAM);
}

static void from_ram(uint64_t address, uint64_t length)
{
	dma(address, EDU_BUFFER, length, 0);
}

/* Fill the device's buffer with the pattern, by way of our page. */
static void load_pattern(void)
{
	memcpy(page, pattern, PAGE);
	from_ram(page_address, PAGE);
}

static bool all_bytes(const uint8_t *p, uint64_t length, uint8_t value)
{
	for (uint64_t i = 0; i < length; i++)
		if (p[i] != value)
			return false;
	return true;
}

/* What is at the beginning of the device's buffer now? Brings it to our page. */
static const char *what_arrived(uint64_t length)
{
	memset(page, UNTOUCHED, PAGE);
	to_ram(page_address, PAGE);
	if (all_bytes(page, PAGE, UNTOUCHED))
		fail("the device does not reach a page of our own");
	if (memcmp(page, pattern, length) == 0)
		return "pattern";
	if (all_bytes(page, length, 0))
		return "zeros";
	if (all_bytes(page, length, 0xff))
		return "ones";
	return "other";
}

static int self(void)
{
	load_pattern();
	printf("page=0x%llx\n", (unsigned long long)page_address);
	if (strcmp(what_arrived(PAGE), "pattern") != 0)
		fail("the device does not read a page of our own");
	printf("self=ok\n");
	return 0;
}

static int range(uint64_t start, uint64_t end, uint64_t step)
{
	unsigned int count = 0, other = 0;

	if (start >= end || step == 0 || end + step < end)
		usage("range: START below END and a STEP that is not 0");
	for (uint64_t address = start; address < end; address += step) {
		load_pattern();
		to_ram(address, PAGE);
		from_ram(address, PAGE);
		count++;
		if (strcmp(what_arrived(PAGE), "other") == 0) {
			other++;
			printf("other_at=0x%llx\n", (unsigned long long)address);
		}
	}
	printf("addresses=%u\nother=%u\n", count, other);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t seed = 1;
	char name[256];

	if (argc > 2 && strcmp(argv[1], "-s") == 0) {
		seed = number(argv[2], "SEED", UINT64_MAX);
		argc -= 2;
		argv += 2;
	}
	const char *what = argc > 1 ? argv[1] : "";
	int wanted = strcmp(what, "self") == 0 || strcmp(what, "hold") == 0 ? 2 : strcmp(what, "range") == 0 ? 5 :
		strcmp(what, "to") == 0 || strcmp(what, "from") == 0 ? 3 : 0;

	if (argc != wanted && !(wanted == 3 && argc == 4))
		usage("edudma [-s SEED] self | hold | to ADDRESS [BYTES] | from ADDRESS [BYTES] | range START END STEP");
	uint64_t number_of[3] = { 0 };

	for (int i = 2; i < argc; i++)
		number_of[i - 2] = number(argv[i], "address", UINT64_MAX);
	uint64_t length = argc == 4 ? number(argv[3], "BYTES", PAGE) : PAGE;

	for (unsigned int i = 0; i < PAGE; i += 8) {
		uint64_t word = random_word(&seed);

		memcpy(pattern + i, &word, 8);
	}
	if (!find_edu(name, sizeof(name)))
		fail("no edu device here");
	printf("device=%s\n", name);
	open_edu(name);
	own_page();

	if (strcmp(what, "self") == 0)
		return self();
	if (strcmp(what, "hold") == 0) {
		self();
		fflush(stdout);
		pause();
	}
	if (strcmp(what, "range") == 0)
		return range(number_of[0], number_of[1], number_of[2]);
	load_pattern();
	if (strcmp(what, "to") == 0) {
		to_ram(number_of[0], length);
		printf("to=done\n");
	} else {
		from_ram(number_of[0], length);
		printf("from=%s\n", what_arrived(length));
	}
	return 0;
}

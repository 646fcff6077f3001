/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration space from all CPUs at once, past the kernel: half of the threads by memory (ECAM), half by the machine's other
 * door (machine.h), which they take in turns.
 *
 *   cfgstorm one SECONDS ECAM BDF OFFSET           one register of 4 bytes: all write it, each value four equal bytes; who reads
 *                                                  others (torn) has seen two writes at once
 *   cfgstorm each SECONDS ECAM BDF@OFFSET/SIZE...  a register of its own for each CPU: what is read back is what was written
 *
 * ECAM is where the window of bus 0 begins; OFFSET "msi" is the upper half of the address in the MSI capability. All registers are
 * restored. absent= counts reads of all ones: the device was not there. An identity that is neither its own nor all ones is wrong.
 */
#define _GNU_SOURCE
#include "tests/guest/cfgspace.h"
#include "tests/guest/cpus.h"
#include "tests/guest/pcidev.h"

#define IDENTITY 0
#define MSI_UPPER 8
#define BATCH 32

struct target {
	uint16_t bdf;
	unsigned int offset, size;
	volatile uint8_t *space;
	uint32_t identity, was;
};

static struct target targets[CPUS];
static unsigned int target_count;
static bool each;
static volatile bool over;
static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint64_t absent, wrong_identity;

static uint32_t all_ones(unsigned int size)
{
	return (uint32_t)max_of(size);
}

static uint32_t access_by(bool by_door, struct target *t, unsigned int offset, unsigned int size, bool writing, uint32_t value)
{
	if (by_door) {
		pthread_mutex_lock(&door);
		value = door_access(t->bdf, offset, size, writing, value);
		pthread_mutex_unlock(&door);
	} else if (writing) {
		store(t->space + offset, size, value);
	} else {
		value = (uint32_t)load(t->space + offset, size);
	}
	return value;
}

static void look_at_identity(bool by_door, struct target *t)
{
	uint32_t identity = access_by(by_door, t, IDENTITY, 4, false, 0);

	if (identity == UINT32_MAX)
		absent++;
	else if (identity != t->identity)
		wrong_identity++;
}

/* Never all ones, and another one each time. */
static uint32_t some_value(struct cpu_thread *t, unsigned int size)
{
	uint32_t byte = 1 + (t->index + (uint32_t)(t->done++) * 7) % 0xfd;

	if (each)
		return (byte * 0x01030507u ^ (uint32_t)t->done << 8) & all_ones(size) & ~0x80u;
	return byte * 0x01010101u;
}

static void storm(struct cpu_thread *t)
{
	struct target *target = &targets[each ? t->index : 0];
	bool by_door = t->index & 1;

	door_open();
	while (!over) {
		for (int i = 0; i < BATCH; i++) {
			uint32_t value = some_value(t, target->size), seen;

			access_by(by_door, target, target->offset, target->size, true, value);
			seen = access_by(by_door, target, target->offset, target->size, false, 0);
			if (seen == all_ones(target->size))
				absent++;
			else if (each ? seen != value : seen != (seen & 0xff) * 0x01010101u)
				t->wrong++;
			look_at_identity(by_door, target);
		}
	}
}

static unsigned int msi_upper(const char *device)
{
	char full[32];
	int config;
	unsigned int at;

	snprintf(full, sizeof(full), "0000:%s", device);
	config = open_config(full);
	at = capability(config, CAP_MSI);
	if (!at || !(config_read(config, at + MSI_CONTROL, 2) & MSI_64) ||
	    (config_read(config, at + MSI_CONTROL, 2) & MSI_ENABLE))
		fail("%s has no MSI capability with an upper half that is not in use", device);
	close(config);
	return at + MSI_UPPER;
}

static void add_target(uint64_t ecam, const char *device, const char *offset, unsigned int size)
{
	unsigned int bus, slot, function;
	struct target *t = &targets[target_count++];

	if (sscanf(device, "%2x:%2x.%1x", &bus, &slot, &function) != 3)
		usage("'%s' is not BUS:DEVICE.FUNCTION as in 00:1f.0", device);
	t->bdf = (uint16_t)(bus << 8 | slot << 3 | function);
	t->offset = strcmp(offset, "msi") == 0 ? msi_upper(device) : (unsigned int)number(offset, "OFFSET", 252);
	t->size = size;
	t->space = map_physical(ecam + ecam_offset(t->bdf, 0), PAGE);
	t->identity = (uint32_t)load(t->space + IDENTITY, 4);
	t->was = (uint32_t)load(t->space + t->offset, size);
}

static void add_targets(uint64_t ecam, char **arguments, int n)
{
	for (int i = 0; i < n && target_count < CPUS; i++) {
		char *at = strchr(arguments[i], '@'), *slash = at ? strchr(at, '/') : NULL;

		if (!slash)
			usage("'%s' is not BDF@OFFSET/SIZE", arguments[i]);
		*at = *slash = '\0';
		add_target(ecam, arguments[i], at + 1, access_size(slash + 1, 4));
	}
}

int main(int argc, char **argv)
{
	struct cpu_thread threads[CPUS];
	unsigned int cpus[CPUS], count = online_cpus(cpus);
	uint64_t done = 0, torn = 0, ecam;

	each = argc > 4 && strcmp(argv[1], "each") == 0;
	if (!each && !(argc == 6 && strcmp(argv[1], "one") == 0))
		usage("cfgstorm one SECONDS ECAM BDF OFFSET | each SECONDS ECAM BDF@OFFSET/SIZE...");
	door_open();
	ecam = number(argv[3], "ECAM", UINT64_MAX);
	if (each)
		add_targets(ecam, argv + 4, argc - 4);
	else
		add_target(ecam, argv[4], argv[5], 4);
	if (each && target_count < count)
		usage("%u CPUs need a register each", count);
	printf("started=1\n"); /* the registers are found: from here on the device may go */
	fflush(stdout);
	start_threads(threads, cpus, count, storm);
	sleep((unsigned int)number(argv[2], "SECONDS", 3600));
	over = true;
	join_threads(threads, count);
	for (unsigned int i = 0; i < count; i++) {
		done += threads[i].done;
		torn += threads[i].wrong;
		printf("cpu%u=%llu\n", cpus[i], (unsigned long long)threads[i].done);
	}
	for (unsigned int i = 0; i < target_count; i++)
		store(targets[i].space + targets[i].offset, targets[i].size, targets[i].was);
	printf("cpus=%u\nrounds=%llu\ntorn=%llu\nabsent=%llu\nwrong_identity=%llu\n", count, (unsigned long long)done,
	       (unsigned long long)torn, (unsigned long long)absent, (unsigned long long)wrong_identity);
	return 0;
}

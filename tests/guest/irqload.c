/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work that has a device interrupt again and again, between two marks that can be seen from outside.
 *
 *   irqload ping COUNT NAME ADDRESS     pings, each sent when the one before was answered
 *   irqload disk COUNT NAME PATH        reads of 4096 bytes past the cache, one after the other
 *   irqload port COUNT NAME PORT        reads of a port (arm64: of a register in memory), 4 bytes wide
 *   irqload none COUNT NAME -           COUNT exits and nothing else: what the marks count from outside can be checked
 *
 * NAME: what /proc/interrupts calls the interrupts to be counted. WARM_UP operations come first, before the mark.
 * Says done=, lost= (no answer within LOST_MS), interrupts= (between the marks), worst_us=, us=.
 */
#define _GNU_SOURCE /* O_DIRECT */
#include <arpa/inet.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "tests/guest/interrupts.h"

#define WARM_UP 100
#define LOST_MS 2000
#define BLOCK 4096u
#define MARKS 3

static int file;
static char *block;
static uint64_t blocks;

static uint16_t checksum(const void *data, size_t length)
{
	const uint16_t *word = data;
	uint32_t sum = 0;

	for (; length > 1; length -= 2)
		sum += *word++;
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)~(sum + (sum >> 16));
}

/* True: answered. */
static bool ping(uint32_t n)
{
	struct icmphdr request = { .type = ICMP_ECHO, .un.echo = { .id = (uint16_t)getpid(), .sequence = (uint16_t)n } };
	struct pollfd answer = { .fd = file, .events = POLLIN };
	uint64_t end = now_us() + LOST_MS * 1000u;

	request.checksum = checksum(&request, sizeof(request));
	if (send(file, &request, sizeof(request), 0) != sizeof(request))
		return false;
	for (uint64_t now = now_us(); now < end; now = now_us()) {
		uint8_t packet[256];

		if (poll(&answer, 1, (int)((end - now) / 1000) + 1) <= 0)
			return false;

		ssize_t length = recv(file, packet, sizeof(packet), 0);
		size_t header = (packet[0] & 0xfu) * 4u;
		struct icmphdr reply;

		if (length < (ssize_t)(header + sizeof(reply)))
			continue;
		memcpy(&reply, packet + header, sizeof(reply));
		if (reply.type == ICMP_ECHOREPLY && reply.un.echo.id == request.un.echo.id &&
		    reply.un.echo.sequence == request.un.echo.sequence)
			return true;
	}
	return false;
}

static bool read_block(uint32_t n)
{
	return pread(file, block, BLOCK, (off_t)(n % blocks * BLOCK)) == BLOCK;
}

static bool read_port(uint32_t n)
{
	(void)n;
	register_read();
	return true;
}

static bool exit_once(uint32_t n)
{
	(void)n;
	mark(1);
	return true;
}

static bool (*prepare(const char *what, const char *target))(uint32_t)
{
	if (strcmp(what, "ping") == 0) {
		struct sockaddr_in address = { .sin_family = AF_INET };

		if (!inet_aton(target, &address.sin_addr))
			usage("ADDRESS: %s", target);
		file = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
		if (file < 0 || connect(file, (struct sockaddr *)&address, sizeof(address)))
			fail("%s: %s", target, strerror(errno));
		return ping;
	}
	if (strcmp(what, "disk") == 0) {
		file = open(target, O_RDONLY | O_DIRECT | O_CLOEXEC);
		if (file < 0)
			fail("%s: %s", target, strerror(errno));
		blocks = (uint64_t)lseek(file, 0, SEEK_END) / BLOCK;
		block = aligned_alloc(BLOCK, BLOCK);
		if (!blocks || !block)
			fail("%s is empty, or no memory", target);
		return read_block;
	}
	if (strcmp(what, "port") == 0) {
		register_open(target);
		return read_port;
	}
	if (strcmp(what, "none") == 0)
		return exit_once;
	return NULL;
}

int main(int argc, char **argv)
{
	bool (*work)(uint32_t n) = argc == 5 ? prepare(argv[1], argv[4]) : NULL;
	uint64_t lost = 0, worst = 0, start, before, interrupts;
	uint32_t count, n;

	if (!work)
		usage("irqload ping|disk|port|none COUNT NAME ADDRESS|PATH|PORT|-");
	count = (uint32_t)number(argv[2], "COUNT", UINT32_MAX);
	marks_begin();
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		fail("mlockall: %s", strerror(errno));
	for (n = 0; work != exit_once && n < WARM_UP; n++)
		work(n);
	before = interrupts_of(argv[3]);
	start = now_us();

	mark(MARKS);
	for (n = 0; n < count && lost < LOST_ENOUGH; n++) {
		uint64_t began = now_us(), took;

		lost += !work(n);
		took = now_us() - began;
		if (took > worst)
			worst = took;
	}
	mark(MARKS);

	start = now_us() - start;
	interrupts = interrupts_of(argv[3]) - before;
	printf("done=%u\nlost=%llu\ninterrupts=%llu\nworst_us=%llu\nus=%llu\n", n, (unsigned long long)lost,
	       (unsigned long long)interrupts, (unsigned long long)worst, (unsigned long long)start);
	return lost != 0;
}

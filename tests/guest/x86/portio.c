/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Port I/O, single and string instructions.
 *
 *   portio in SIZE PORT                  one access of 1, 2 or 4 bytes
 *   portio out SIZE PORT VALUE
 *   portio ins SIZE PORT COUNT           one REP INS of COUNT units; prints the bytes in hexadecimal
 *   portio outs SIZE PORT TEXT           one REP OUTS of the bytes of TEXT (\n is a line end); a multiple of SIZE
 */
#include <sys/io.h>

#include "tests/guest/guest.h"

#define PORT_MAX 0xffff
#define BUFFER 65536u

static uint32_t in(unsigned int size, uint16_t port)
{
	return size == 1 ? inb(port) : size == 2 ? inw(port) : inl(port);
}

static void out(unsigned int size, uint16_t port, uint32_t value)
{
	if (size == 1)
		outb((uint8_t)value, port);
	else if (size == 2)
		outw((uint16_t)value, port);
	else
		outl(value, port);
}

static void in_string(unsigned int size, uint16_t port, void *buffer, unsigned long count)
{
	if (size == 1)
		insb(port, buffer, count);
	else if (size == 2)
		insw(port, buffer, count);
	else
		insl(port, buffer, count);
}

static void out_string(unsigned int size, uint16_t port, const void *buffer, unsigned long count)
{
	if (size == 1)
		outsb(port, buffer, count);
	else if (size == 2)
		outsw(port, buffer, count);
	else
		outsl(port, buffer, count);
}

/* \n to a line end, in place. Returns the length. */
static size_t unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (from[0] == '\\' && from[1] == 'n') {
			*to++ = '\n';
			from++;
		} else {
			*to++ = *from;
		}
	}
	*to = 0;
	return (size_t)(to - text);
}

int main(int argc, char **argv)
{
	static uint8_t buffer[BUFFER];

	if (argc < 4)
		usage("portio in SIZE PORT | out SIZE PORT VALUE | ins SIZE PORT COUNT | outs SIZE PORT TEXT");
	const char *what = argv[1];
	unsigned int size = access_size(argv[2], 4);
	uint16_t port = (uint16_t)number(argv[3], "PORT", PORT_MAX);

	if (iopl(3))
		fail("iopl: %s", strerror(errno));
	if (strcmp(what, "in") == 0 && argc == 4) {
		printf("value=0x%x\n", in(size, port));
	} else if (strcmp(what, "out") == 0 && argc == 5) {
		out(size, port, (uint32_t)number(argv[4], "VALUE", max_of(size)));
		printf("out=done\n");
	} else if (strcmp(what, "ins") == 0 && argc == 5) {
		unsigned long count = number(argv[4], "COUNT", BUFFER / size);

		in_string(size, port, buffer, count);
		printf("bytes=");
		for (unsigned long i = 0; i < count * size; i++)
			printf("%02x", buffer[i]);
		printf("\n");
	} else if (strcmp(what, "outs") == 0 && argc == 5) {
		size_t length = unescape(argv[4]);

		if (length % size)
			usage("TEXT: %zu bytes are not a multiple of %u", length, size);
		out_string(size, port, argv[4], length / size);
		printf("outs=%zu\n", length);
	} else {
		usage("portio: '%s' with %d arguments", what, argc - 2);
	}
	return 0;
}

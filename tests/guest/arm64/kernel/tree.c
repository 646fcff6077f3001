/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the test kernel wants of the device tree (Devicetree Specification 0.4, chapter 5): a walk over the
 * structure block, with the few properties that it looks for. It believes the tree: whoever loads this kernel
 * made it.
 */
#include "kernel.h"

struct machine machine;

#define FDT_BEGIN_NODE 1u
#define FDT_END_NODE 2u
#define FDT_PROP 3u
#define FDT_NOP 4u
#define FDT_END 9u
#define DEPTH_MAX 8

struct header {
	u32 magic, totalsize, structure, strings;
};

/* One node while it is being read. */
struct node {
	const char *name;
	const u32 *reg;
	unsigned int reg_cells;
	const char *compatible;
	unsigned int compatible_size;
	bool no_map, is_cpu, is_memory;
};

static u32 be32(const u32 *p)
{
	return __builtin_bswap32(*p);
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static bool begins(const char *text, const char *with)
{
	while (*with && *text == *with) {
		text++;
		with++;
	}
	return !*with;
}

static size_t length(const char *text)
{
	size_t n = 0;

	while (text[n])
		n++;
	return n;
}

static bool is_compatible(const struct node *n, const char *with)
{
	for (unsigned int at = 0; at < n->compatible_size;
	     at += (unsigned int)length(n->compatible + at) + 1) {
		if (same(n->compatible + at, with))
			return true;
	}
	return false;
}

/* Everything but CPUs has two cells of address and two of size on the machines that this is for. */
static u64 cells2(const struct node *n, unsigned int at)
{
	return at + 2 <= n->reg_cells ? (u64)be32(n->reg + at) << 32 | be32(n->reg + at + 1) : 0;
}

static void add_cpu(const struct node *n)
{
	if (machine.cpus == CPUS_MAX)
		return;
	machine.mpidr[machine.cpus++] = n->reg_cells == 1 ? be32(n->reg) : cells2(n, 0);
}

static void add_hidden(const struct node *n)
{
	if (machine.reserved == RESERVED_MAX || !n->reg_cells)
		return;
	machine.hidden[machine.reserved].base = cells2(n, 0);
	machine.hidden[machine.reserved++].size = cells2(n, 2);
}

static void finish(const struct node *n, const struct node *parent)
{
	if (is_compatible(n, "arm,pl011")) {
		if (!machine.uart)
			machine.uart = cells2(n, 0);
	} else if (is_compatible(n, "arm,gic-v3")) {
		machine.gicd = cells2(n, 0);
		machine.gicr = cells2(n, 4);
		machine.gicr_size = cells2(n, 6);
	} else if (is_compatible(n, "arm,gic-v2m-frame")) {
		machine.v2m = cells2(n, 0);
	} else if (n->is_memory && !machine.ram_size) {
		machine.ram = cells2(n, 0);
		machine.ram_size = cells2(n, 2);
	} else if (n->is_cpu) {
		add_cpu(n);
	} else if (n->no_map && parent && same(parent->name, "reserved-memory")) {
		add_hidden(n);
	}
}

static void property(struct node *n, const char *name, const u32 *value, unsigned int size)
{
	const char *text = (const char *)value;

	if (same(name, "reg")) {
		n->reg = value;
		n->reg_cells = size / 4;
	} else if (same(name, "compatible")) {
		n->compatible = text;
		n->compatible_size = size;
	} else if (same(name, "no-map")) {
		n->no_map = true;
	} else if (same(name, "device_type")) {
		n->is_cpu = same(text, "cpu");
		n->is_memory = same(text, "memory");
	} else if (same(name, "bootargs")) {
		machine.command_line = text;
	}
}

void read_tree(const void *tree)
{
	const struct header *h = tree;
	const char *strings = (const char *)tree + be32(&h->strings);
	const u32 *at = (const u32 *)(const void *)((const char *)tree + be32(&h->structure));
	static struct node nodes[DEPTH_MAX];
	unsigned int depth = 0;

	machine.command_line = "";
	for (;; at++) {
		u32 token = be32(at);

		if (token == FDT_BEGIN_NODE) {
			const char *name = (const char *)(at + 1);

			if (depth < DEPTH_MAX)
				nodes[depth] = (struct node){ .name = name };
			depth++;
			at += (length(name) + 4) / 4;
		} else if (token == FDT_PROP) {
			u32 size = be32(at + 1);

			if (depth && depth <= DEPTH_MAX)
				property(&nodes[depth - 1], strings + be32(at + 2), at + 3, size);
			at += 2 + (size + 3) / 4;
		} else if (token == FDT_END_NODE) {
			depth--;
			if (depth < DEPTH_MAX)
				finish(&nodes[depth], depth ? &nodes[depth - 1] : NULL);
		} else if (token != FDT_NOP) {
			break;
		}
	}
	/* QEMU's virt, hw/arm/virt.c: memory map of the board */
	if (!command_line_number("smmu", &machine.smmu))
		machine.smmu = 0x09050000;
	if (!command_line_number("its", &machine.its))
		machine.its = 0x08080000;
}

static const char *find_word(const char *word)
{
	const char *at = machine.command_line;

	while (*at) {
		while (*at == ' ')
			at++;
		if (begins(at, word))
			return at + length(word);
		while (*at && *at != ' ')
			at++;
	}
	return NULL;
}

bool command_line_has(const char *word)
{
	const char *behind = find_word(word);

	return behind && (!*behind || *behind == ' ');
}

bool command_line_number(const char *name, u64 *value)
{
	const char *at = find_word(name);
	u64 n = 0;

	if (!at || !begins(at, "=0x"))
		return false;
	for (at += 3; *at && *at != ' '; at++) {
		unsigned int digit = *at >= 'a' ? (unsigned int)(*at - 'a') + 10 : (unsigned int)(*at - '0');

		n = n << 4 | (digit & 0xf);
	}
	*value = n;
	return true;
}

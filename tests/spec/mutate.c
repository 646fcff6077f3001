/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mutation of the rows of drivers/vpci: does a wrong bit in a mask make the tests of tests/spec fail?
 *
 * The linker puts the functions below in the place of vpci_add_row() and vpci_add_rows() (--wrap), so every row
 * of every function of the machine passes here, with no trace of it in the sources. One mutant: one bit of one
 * row gets another rule (moved), or one bit of one mask is flipped (flipped; most of these contradict the row's
 * other masks and are refused as the row is added). Then the dwords that the row covers are checked as
 * tests/unit/test_spec_pci.c does. A handler's row has no masks: tools/mutate-masks mutates its source.
 *
 * Output: a line for each survivor, KIND SUBJECT OFFSET BIT CHANGE, and the sums.
 */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define panic panic_of_the_fake /* ours comes back */
#include "tests/spec/functions.h"
#include "tests/spec/messages.h"
#undef panic

#include "drivers/vpci/row.h"

enum rule { ZERO, ONE, RO, RW, W1C, SHADOW, SHADOW_ONE, RULES };
enum field { FIELD_RO, FIELD_RW, FIELD_W1C, FIELD_SHADOW, FIELD_VALUE, FIELDS };

static const char *const rule_name[RULES] = { "zero", "one", "ro", "rw", "w1c", "shadow", "shadow-from-1" };
static const char *const field_name[FIELDS] = { "ro", "rw", "w1c", "shadow", "value" };

#define ROWS 256 /* of one function */
#define FUNCTIONS 8 /* of one machine */

static struct {
	unsigned int rows; /* seen since the function was attached, */
	unsigned int begun; /* for the how manieth time */
	struct vpci_row seen[ROWS];
	const void *table[ROWS]; /* the row of a table in the source; NULL: made on the spot */
	bool on, flip;
	unsigned int row, bit, to; /* `to`: a rule, or a field */
} mutation;

/* A row as the source has it: it may be in several functions, and a mutant is killed if one of them shows it. */
static struct source_row {
	const void *table;
	struct vpci_row row;
	struct {
		struct subject *s;
		unsigned int number; /* of the rows of that function */
		struct vpci_row row;
	} use[FUNCTIONS];
	unsigned int uses;
} source[4 * FUNCTIONS * ROWS];
static unsigned int sources, mutated_rows;
static unsigned int machine_start; /* the first that this machine has brought */

static struct {
	unsigned int all, killed, refused, survived;
} moved, flipped;

static jmp_buf refused;
static bool may_refuse;

void panic(const char *fmt, ...)
{
	if (may_refuse)
		longjmp(refused, 1);
	fprintf(stderr, "panic: %s\n", fmt);
	abort();
}

static enum rule rule_of(const struct vpci_row *row, unsigned int bit)
{
	u32 b = 1u << bit;

	if (row->shadow & b)
		return row->value & b ? SHADOW_ONE : SHADOW;
	return row->w1c & b ? W1C : row->rw & b ? RW : row->ro & b ? RO : row->value & b ? ONE : ZERO;
}

static void move(struct vpci_row *row, u32 b, enum rule to)
{
	row->ro = (row->ro & ~b) | (to == RO ? b : 0);
	row->rw = (row->rw & ~b) | (to == RW ? b : 0);
	row->w1c = (row->w1c & ~b) | (to == W1C ? b : 0);
	row->shadow = (row->shadow & ~b) | (to == SHADOW || to == SHADOW_ONE ? b : 0);
	row->value = (row->value & ~b) | (to == ONE || to == SHADOW_ONE ? b : 0);
}

static void flip(struct vpci_row *row, u32 b, enum field field)
{
	u32 *fields[] = { &row->ro, &row->rw, &row->w1c, &row->shadow, &row->value };

	*fields[field] ^= b;
}

static struct vpci_row mutated(const struct vpci_row *template, unsigned int base, const void *table)
{
	struct vpci_row row = *template;

	if (mutation.begun != begun) /* the first row of the function */
		mutation.rows = 0;
	mutation.begun = begun;
	assert(mutation.rows < ROWS);
	mutation.seen[mutation.rows] = row;
	mutation.seen[mutation.rows].offset = (u16)(row.offset + base);
	mutation.table[mutation.rows] = table;
	if (mutation.on && mutation.row == mutation.rows) {
		if (mutation.flip)
			flip(&row, 1u << mutation.bit, mutation.to);
		else
			move(&row, 1u << mutation.bit, mutation.to);
	}
	mutation.rows++;
	return row;
}

int __real_vpci_add_row(struct vpci_dev *v, const struct vpci_row *row);
int __wrap_vpci_add_row(struct vpci_dev *v, const struct vpci_row *row);
int __real_vpci_add_rows(struct vpci_dev *v, unsigned int base, const struct vpci_row *rows, unsigned int count);
int __wrap_vpci_add_rows(struct vpci_dev *v, unsigned int base, const struct vpci_row *rows, unsigned int count);

int __wrap_vpci_add_row(struct vpci_dev *v, const struct vpci_row *row)
{
	struct vpci_row copy = mutated(row, 0, NULL);

	return __real_vpci_add_row(v, &copy);
}

int __wrap_vpci_add_rows(struct vpci_dev *v, unsigned int base, const struct vpci_row *rows, unsigned int count)
{
	struct vpci_row copy[64];

	assert(count <= ARRAY_SIZE(copy));
	for (unsigned int i = 0; i < count; i++)
		copy[i] = mutated(&rows[i], base, &rows[i]);
	return __real_vpci_add_rows(v, base, copy, count);
}

/* ---- one mutant ---- */

/* The dwords of a row; of a long range, the first, the last and what lies in between sampled. */
static bool survives(struct subject *s, const struct vpci_row *row)
{
	unsigned int first = row->offset & ~3u, end = row->offset + row->length;

	for (unsigned int dword = first; dword < end; dword += 4) {
		if (!subject_check(s, dword))
			return false;
		if (row->length > 16 && dword > first && dword + 8 < end)
			dword = ALIGN_DOWN(end - 1, 4u) - 4;
	}
	return true;
}

/* A panic leaves the device's lock held and its entry in the pool used: the machine is built anew. */
static bool is_refused(struct subject *s)
{
	struct spec_target t;
	struct pci_dev *dev = device(s->bdf);

	may_refuse = true;
	if (!setjmp(refused)) {
		(void)!subject_begin(s, &t, NO_DWORD);
		may_refuse = false;
		return false;
	}
	may_refuse = false;
	pci_vpci_unlock(dev);
	mutation.on = false;
	spec_build(subjects, subject_count);
	return true;
}

static void tell(const char *kind, const struct source_row *r, const char *from, const char *to)
{
	printf("%s %s 0x%03x.%u %u %s->%s\n", kind, r->use[0].s->name, r->use[0].row.offset, r->row.length, mutation.bit,
	       from, to);
}

/* In none of the functions that have the row does a test fail. */
static bool survives_all(const struct source_row *r)
{
	for (unsigned int i = 0; i < r->uses; i++) {
		mutation.row = r->use[i].number;
		if (!survives(r->use[i].s, &r->use[i].row))
			return false;
	}
	return true;
}

static void try_moves(const struct source_row *r, unsigned int bit)
{
	enum rule from = rule_of(&r->row, bit);

	for (enum rule to = 0; to < RULES; to++) {
		if (to == from || (r->row.length > 4 && (to == ONE || to == SHADOW || to == SHADOW_ONE)))
			continue;
		mutation.on = true;
		mutation.flip = false;
		mutation.bit = bit;
		mutation.to = to;
		moved.all++;
		if (survives_all(r)) {
			moved.survived++;
			tell("moved", r, rule_name[from], rule_name[to]);
		} else {
			moved.killed++;
		}
	}
}

static void try_flips(const struct source_row *r, unsigned int bit)
{
	for (enum field field = 0; field < FIELDS; field++) {
		mutation.row = r->use[0].number;
		mutation.on = true;
		mutation.flip = true;
		mutation.bit = bit;
		mutation.to = field;
		flipped.all++;
		if (is_refused(r->use[0].s)) {
			flipped.refused++;
		} else if (survives_all(r)) {
			flipped.survived++;
			tell("flipped", r, rule_name[rule_of(&r->row, bit)], field_name[field]);
		} else {
			flipped.killed++;
		}
	}
}

static void mutate(const struct source_row *r)
{
	unsigned int bits = r->row.length < 4 ? 8u * r->row.length : 32;

	if (r->row.ops)
		return;
	mutation.on = false;
	mutated_rows++;
	if (!survives_all(r)) {
		fprintf(stderr, "%s 0x%x fails without a mutation: %s\n", r->use[0].s->name, r->use[0].row.offset,
			spec_complaint);
		exit(1);
	}
	for (unsigned int bit = 0; bit < bits; bit++) {
		try_moves(r, bit);
		try_flips(r, bit);
	}
	mutation.on = false;
}

static struct source_row *source_of(const void *table)
{
	for (unsigned int i = 0; i < sources && table; i++) {
		if (source[i].table == table)
			return &source[i];
	}
	source[sources].table = table;
	return &source[sources++];
}

static void collect(struct subject *s)
{
	struct spec_target t;

	if (!subject_begin(s, &t, NO_DWORD))
		abort();
	for (unsigned int i = 0; i < mutation.rows; i++) {
		struct source_row *r = source_of(mutation.table[i]);

		if (r < &source[machine_start])
			continue;
		r->row = mutation.seen[i];
		r->use[r->uses].s = s;
		r->use[r->uses].number = i;
		r->use[r->uses++].row = mutation.seen[i];
	}
}

/*
 * Rows at [from, to). Of tables that an earlier machine has shown already they are not mutated again.
 */
static void mutate_machine(struct subject *list, unsigned int count, unsigned int from, unsigned int to)
{
	machine_start = sources;
	spec_build(list, count);
	for (unsigned int i = 0; i < count; i++)
		collect(&list[i]);
	for (unsigned int i = machine_start; i < sources; i++) {
		if (source[i].row.offset >= from && source[i].row.offset < to)
			mutate(&source[i]);
	}
}

int main(void)
{
	mutate_machine(functions, ARRAY_SIZE(functions), 0, PCIE_CFG_SIZE);
	mutate_machine(msi_functions, ARRAY_SIZE(msi_functions), MSI_CAP, MSI_CAP + 0x20);
	printf("rows: %u\n", mutated_rows);
	printf("rules moved: %u mutants, %u killed, %u survived\n", moved.all, moved.killed, moved.survived);
	printf("bits flipped: %u mutants, %u killed, %u refused, %u survived\n", flipped.all, flipped.killed,
	       flipped.refused, flipped.survived);
	return 0;
}

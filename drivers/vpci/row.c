/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Access to a virtual configuration space through its rows: each guest access arrives here as bytes of one
 * dword, is given to the rows that cover them, and what no row covers gets the default of its part of the
 * space.
 */
#include "core/errno.h"
#include "core/log.h"
#include "drivers/pci/regs.h"
#include "drivers/vpci/row.h"

/* The low `count` bytes, 1 to 4. */
static u32 bytes_mask(unsigned int count)
{
	return count >= 4 ? 0xffffffffu : (1u << (8 * count)) - 1;
}

/* ---- the hardware, in accesses it knows: 1, 2 or 4 bytes, naturally aligned ---- */

static unsigned int piece_size(unsigned int offset, unsigned int count)
{
	if ((offset & 1) || count == 1)
		return 1;
	return count == 4 && !(offset & 3) ? 4 : 2;
}

static u32 hw_read(struct vpci_dev *v, unsigned int offset, unsigned int count) REQUIRES(pci_vpci_class)
{
	u32 value = 0;

	for (unsigned int done = 0; done < count;) {
		unsigned int n = piece_size(offset + done, count - done);

		value |= pci_dev_read(v->dev, offset + done, n) << (8 * done);
		done += n;
	}
	return value;
}

static void hw_write(struct vpci_dev *v, unsigned int offset, unsigned int count, u32 value)
	REQUIRES(pci_vpci_class)
{
	for (unsigned int done = 0; done < count;) {
		unsigned int n = piece_size(offset + done, count - done);

		pci_dev_write(v->dev, offset + done, n, (value >> (8 * done)) & bytes_mask(n));
		done += n;
	}
}

/* ---- building ---- */

static bool is_range(const struct vpci_row *row)
{
	return row->length > 4;
}

static bool row_is_sane(const struct vpci_row *row)
{
	bool disjoint = !(row->ro & row->rw) && !((row->ro | row->rw) & row->w1c) &&
			!((row->ro | row->rw | row->w1c) & row->shadow);

	/* A constant or a shadow's beginning, never of bits that are the hardware's. */
	if (row->value & (row->ro | row->rw | row->w1c))
		return false;
	if (!disjoint || !row->length || row->offset + row->length > PCIE_CFG_SIZE)
		return false;
	if (is_range(row))
		return !(row->offset & 3) && !(row->length & 3) && !row->shadow && !row->value && !row->ops;
	return (row->offset & 3) + row->length <= 4;
}

/* True if a row of that dword has one of those bytes already. */
static bool bytes_taken(const struct vpci_dev *v, unsigned int offset, unsigned int length)
	REQUIRES(pci_vpci_class)
{
	for (u8 i = v->index[offset / 4]; i; i = v->row[i - 1].next) {
		const struct vpci_row *row = &v->row[i - 1];

		if (is_range(row) || ranges_overlap(row->offset, row->length, offset, length))
			return true;
	}
	return false;
}

static void index_range(struct vpci_dev *v, const struct vpci_row *row, u8 number) REQUIRES(pci_vpci_class)
{
	for (unsigned int d = row->offset / 4u; d < (row->offset + row->length) / 4u; d++) {
		if (!v->index[d])
			v->index[d] = number;
	}
}

/* On class 06 nothing that the guest writes goes to the hardware, save clearing error bits. */
static void guard_chipset(struct vpci_row *row)
{
	if (is_range(row))
		row->ro |= row->rw;
	else
		row->shadow |= row->rw;
	row->rw = 0;
	row->guard = row->offset >= PCI_HEADER_SIZE;
}

int vpci_add_row(struct vpci_dev *v, const struct vpci_row *template) REQUIRES(pci_vpci_class)
{
	struct vpci_row *row;
	u8 number;

	if (!row_is_sane(template))
		panic("vpci: the row at 0x%x contradicts itself", template->offset);
	if (!is_range(template) && bytes_taken(v, template->offset, template->length))
		return 0;
	if (v->rows == VPCI_ROWS_MAX) {
		if (!v->overflow_logged)
			log_warn("vpci: " SBDF_FMT " has more registers than fit", SBDF_ARGS(v->dev->sbdf));
		v->overflow_logged = true;
		return -ENOSPC;
	}
	row = &v->row[v->rows++];
	number = (u8)v->rows;
	*row = *template;
	if (v->chipset)
		guard_chipset(row);
	if (is_range(row)) {
		index_range(v, row, number);
		return 0;
	}
	if (row->shadow)
		row->value |= hw_read(v, row->offset, row->length) & row->shadow;
	row->next = v->index[row->offset / 4];
	v->index[row->offset / 4] = number;
	return 0;
}

int vpci_add_rows(struct vpci_dev *v, unsigned int base, const struct vpci_row *rows, unsigned int count)
	REQUIRES(pci_vpci_class)
{
	for (unsigned int i = 0; i < count; i++) {
		struct vpci_row row = rows[i];
		int ret;

		row.offset = (u16)(row.offset + base);
		ret = vpci_add_row(v, &row);
		if (ret)
			return ret;
	}
	return 0;
}

/* ---- access ---- */

void vpci_refused(struct vpci_dev *v, unsigned int offset) REQUIRES(pci_vpci_class)
{
	vpci_count(&v->stats.refused_writes, 1);
	if (!v->chipset || v->refusal_logged)
		return;
	v->refusal_logged = true;
	log_info("vpci: " SBDF_FMT ": write to chipset register 0x%x dropped (further ones are counted)",
		 SBDF_ARGS(v->dev->sbdf), offset);
}

/* A row, or what stands in for one, seen through the bytes of one access. */
struct slice {
	unsigned int offset; /* of the first byte, in configuration space */
	unsigned int count;  /* bytes, 1 to 4 */
	unsigned int shift;  /* bits from the register's first byte to the slice's */
};

/* The part of [offset, offset + count) that the row covers. False: none. */
static bool slice_of(const struct vpci_row *row, unsigned int offset, unsigned int count, struct slice *s)
{
	unsigned int start = row->offset, end = start + row->length;

	if (is_range(row)) { /* the same rule in each dword */
		start = ALIGN_DOWN(offset, 4u);
		end = start + 4;
	}
	if (offset + count <= start || end <= offset)
		return false;
	s->offset = offset > start ? offset : start;
	s->count = (offset + count < end ? offset + count : end) - s->offset;
	s->shift = 8 * (s->offset - start);
	return true;
}

static u32 row_read(struct vpci_dev *v, const struct vpci_row *row, struct slice s) REQUIRES(pci_vpci_class)
{
	u32 mask = bytes_mask(s.count);
	u32 real;

	if (row->ops)
		return (row->ops->read(v, row) >> s.shift) & mask;
	real = ((row->ro | row->rw | row->w1c) >> s.shift) & mask;
	return ((row->value >> s.shift) & mask & ~real) | (real ? hw_read(v, s.offset, s.count) & real : 0);
}

static void row_write(struct vpci_dev *v, struct vpci_row *row, struct slice s, u32 value)
	REQUIRES(pci_vpci_class)
{
	u32 mask = bytes_mask(s.count);
	u32 clear = (row->w1c >> s.shift) & mask;
	u32 pass = ((row->rw >> s.shift) & mask) | clear;
	u32 shadow = (row->shadow >> s.shift) & mask;

	value &= mask;
	if (row->ops) {
		row->ops->write(v, row, value << s.shift, mask << s.shift);
		return;
	}
	row->value = vpci_merge(row->value, value << s.shift, shadow << s.shift);
	if (!pass && !shadow && row->guard)
		vpci_refused(v, s.offset);
	if (!pass)
		return;
	/*
	 * What the guest may not change is written as it is; write-1-to-clear bits only where the guest
	 * wrote 1.
	 */
	if (pass != mask)
		value = (hw_read(v, s.offset, s.count) & ~pass) | (value & pass);
	hw_write(v, s.offset, s.count, value);
}

/* Bytes outside any register that Fairlead knows. True: they are the device's own, and pass. */
static bool uncovered_passes(const struct vpci_dev *v, unsigned int offset, bool write)
	REQUIRES(pci_vpci_class)
{
	if (offset < PCI_HEADER_SIZE || offset >= PCI_CFG_SIZE)
		return false; /* reserved; extended space is by allow-list only */
	return !write || !v->chipset;
}

/* The bytes of an access, from `covered` (a byte mask), that are nobody's and go to the device. */
static u32 passing_bytes(const struct vpci_dev *v, unsigned int offset, unsigned int count, u32 covered,
			 bool write) REQUIRES(pci_vpci_class)
{
	u32 through = 0;

	for (unsigned int i = 0; i < count; i++) {
		u32 byte = 0xffu << (8 * i);

		if (!(covered & byte) && uncovered_passes(v, offset + i, write))
			through |= byte;
	}
	return through;
}

static unsigned int count_bytes(u32 byte_mask)
{
	unsigned int n = 0;

	for (; byte_mask; byte_mask >>= 8)
		n += byte_mask & 1;
	return n;
}

u32 vpci_dword_read(struct vpci_dev *v, unsigned int offset, unsigned int count) REQUIRES(pci_vpci_class)
{
	u32 value = 0, covered = 0, through;

	for (u8 i = v->index[offset / 4]; i; i = v->row[i - 1].next) {
		struct slice s;

		if (!slice_of(&v->row[i - 1], offset, count, &s))
			continue;
		value |= row_read(v, &v->row[i - 1], s) << (8 * (s.offset - offset));
		covered |= bytes_mask(s.count) << (8 * (s.offset - offset));
	}
	through = passing_bytes(v, offset, count, covered, false);
	vpci_count(&v->stats.passed_reads, count_bytes(through));
	if (through == bytes_mask(count)) /* the usual case: the device sees the guest's very access */
		return hw_read(v, offset, count);
	for (unsigned int i = 0; i < count; i++) {
		if (through & (0xffu << (8 * i)))
			value |= hw_read(v, offset + i, 1) << (8 * i);
	}
	return value;
}

void vpci_dword_write(struct vpci_dev *v, unsigned int offset, unsigned int count, u32 value)
	REQUIRES(pci_vpci_class)
{
	u32 covered = 0, through;

	for (u8 i = v->index[offset / 4]; i;) {
		struct vpci_row *row = &v->row[i - 1];
		struct slice s;

		i = row->next;
		if (!slice_of(row, offset, count, &s))
			continue;
		row_write(v, row, s, value >> (8 * (s.offset - offset)));
		covered |= bytes_mask(s.count) << (8 * (s.offset - offset));
	}
	through = passing_bytes(v, offset, count, covered, true);
	vpci_count(&v->stats.passed_writes, count_bytes(through));
	if ((covered | through) != bytes_mask(count) && offset >= PCI_HEADER_SIZE)
		vpci_refused(v, offset);
	if (through == bytes_mask(count)) {
		hw_write(v, offset, count, value & bytes_mask(count));
		return;
	}
	for (unsigned int i = 0; i < count; i++) {
		if (through & (0xffu << (8 * i)))
			hw_write(v, offset + i, 1, (value >> (8 * i)) & 0xff);
	}
}

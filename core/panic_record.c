/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The record of a panic, written line by line as errors are logged, so that it is there even if what
 * follows never ends. Its checksum tells it from whatever else a page may hold after a reset: nothing in
 * the page is believed before it fits.
 *
 * It is written under the console's lock, so that lines of several CPUs do not spoil its checksum.
 */
#include "core/panic.h"

#include "core/console/lock.h"
#include "core/string.h"

#define PANIC_MAGIC    0x3143494e41504c46u /* "FLPANIC1" */
#define PANIC_TEXT_MAX 4064u
/*
 * Errors of a run that goes on may fill this much; the rest is the panic's, which a guest that causes
 * errors cannot crowd out.
 */
#define ERRORS_TEXT_MAX (PANIC_TEXT_MAX / 4)

struct panic_record {
	u64 magic;
	u64 length;   /* bytes of text */
	u64 complete; /* 1: a panic began; 0: only errors so far */
	u64 checksum; /* of the text and the three words above */
	char text[PANIC_TEXT_MAX];
};
static_assert(sizeof(struct panic_record) == PAGE_SIZE, "the record is one page");

static paddr_t record_page; /* 0: none; written at boot */

void panic_use_record(paddr_t page)
{
	record_page = page;
}

static struct panic_record *the_record(void)
{
	return record_page ? phys_to_virt(record_page) : NULL;
}

/* FNV-1a, 64 bits: enough to tell a record from noise. */
static u64 checksum(const struct panic_record *r)
{
	u64 sum = 0xcbf29ce484222325u ^ r->magic ^ r->length ^ r->complete;

	for (u64 i = 0; i < r->length; i++)
		sum = (sum ^ (u8)r->text[i]) * 0x100000001b3u;
	return sum;
}

static bool valid(const struct panic_record *r)
{
	return r->magic == PANIC_MAGIC && r->length <= PANIC_TEXT_MAX && r->checksum == checksum(r);
}

static void show_line(const char *line, size_t len)
{
	char text[LOG_LINE_MAX];

	len = min_u64(len, sizeof(text) - 1);
	memcpy(text, line, len);
	text[len] = '\0';
	log_info("  previous: %s", text);
}

static void show(const struct panic_record *r)
{
	u64 start = 0;

	log_warn("the previous run ended in a panic:");
	for (u64 i = 0; i < r->length; i++) {
		if (r->text[i] != '\n')
			continue;
		show_line(r->text + start, i - start);
		start = i + 1;
	}
}

void panic_show_previous(void)
{
	struct panic_record *r = the_record();

	if (!r)
		return;
	if (valid(r) && r->complete == 1)
		show(r);
	memset(r, 0, sizeof(*r));
}

/* The record, begun anew if the page holds none; NULL: there is no page. */
static struct panic_record *begun_record(void) REQUIRES(console_spinlock)
{
	struct panic_record *r = the_record();

	if (r && !valid(r)) {
		memset(r, 0, sizeof(*r));
		r->magic = PANIC_MAGIC;
	}
	return r;
}

void panic_mark_record(void)
{
	struct panic_record *r;

	console_lock();
	r = begun_record();
	if (r) {
		r->complete = 1;
		r->checksum = checksum(r);
	}
	console_unlock();
}

static void note_error(const char *line, size_t len) REQUIRES(console_spinlock)
{
	struct panic_record *r = begun_record();

	if (!r || r->length + len + 1 > (r->complete ? PANIC_TEXT_MAX : ERRORS_TEXT_MAX))
		return; /* the first errors say most */
	memcpy(r->text + r->length, line, len);
	r->text[r->length + len] = '\n';
	r->length += len + 1;
	r->checksum = checksum(r);
}

void panic_note_line(enum log_level level, const char *line, size_t len)
{
	if (level != LOG_ERROR)
		return;
	console_lock();
	note_error(line, len);
	console_unlock();
}

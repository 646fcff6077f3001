/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * panic() and its record. The record is written line by line as errors are logged, so that it is there even if what follows
 * never ends; its checksum tells it from whatever else a page may hold after a reset.
 */
#include "arch/x86/panic.h"

#include "arch/x86/platform.h"
#include "boot/boot_info.h"
#include "core/string.h"

#define PANIC_MAGIC 0x3143494e41504c46u /* "FLPANIC1" */
#define PANIC_TEXT_MAX 4064u

struct panic_record {
	u64 magic;
	u64 length;   /* bytes of text */
	u64 complete; /* 1: panic() was reached; 0: only errors so far */
	u64 checksum; /* of the text and the three words above */
	char text[PANIC_TEXT_MAX];
};
static_assert(sizeof(struct panic_record) == PAGE_SIZE, "the record is one page");

static bool panicking;

static struct panic_record *the_record(void)
{
	return boot_info.panic_record ? phys_to_virt(boot_info.panic_record) : NULL;
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

void panic_show_previous(void)
{
	struct panic_record *r = the_record();
	const char *line, *end;

	if (!r)
		return;
	if (valid(r) && r->complete == 1) {
		log_warn("the previous run ended in a panic:");
		for (line = r->text; line < r->text + r->length; line = end + 1) {
			for (end = line; end < r->text + r->length - 1 && *end != '\n'; end++)
				;
			log_info("  previous: %.*s", (int)(end - line), line);
		}
	}
	memset(r, 0, sizeof(*r));
}

static void record_line(const char *line, size_t len)
{
	struct panic_record *r = the_record();

	if (!r)
		return;
	if (!valid(r)) {
		memset(r, 0, sizeof(*r));
		r->magic = PANIC_MAGIC;
	}
	if (r->length + len + 1 > PANIC_TEXT_MAX)
		return; /* the first errors say most */
	memcpy(r->text + r->length, line, len);
	r->text[r->length + len] = '\n';
	r->length += len + 1;
	r->complete = panicking;
	r->checksum = checksum(r);
}

void panic_note_line(enum log_level level, const char *line, size_t len)
{
	if (level == LOG_ERROR)
		record_line(line, len);
}

void panic(const char *fmt, ...)
{
	char line[LOG_LINE_MAX - 16];
	va_list ap;

	__asm__ volatile("cli");
	va_start(ap, fmt);
	fl_vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (panicking) /* a panic while panicking: nothing can be trusted any more */
		machine_reset("panic within a panic");
	panicking = true;
	log_error("panic: %s", line);
	machine_reset("panic");
}

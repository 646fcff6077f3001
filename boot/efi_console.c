/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Log lines on the firmware's console (UEFI 2.10, 12.4). OutputString() may not be called above TPL_NOTIFY,
 * so lines that come while the TPL is raised wait in a buffer.
 */
#include "boot/efi_app.h"
#include "core/log.h"
#include "core/string.h"

#define MARK "fairlead: "
#define HELD_BYTES 4096

static struct {
	bool on;
	size_t used;
	unsigned int dropped;
	char text[HELD_BYTES]; /* whole lines, each with its NUL */
} held;

static void print_ascii(const char *text, size_t len)
{
	CHAR16 out[LOG_LINE_MAX + 1];
	size_t i;

	if (len > LOG_LINE_MAX)
		len = LOG_LINE_MAX;
	for (i = 0; i < len; i++)
		out[i] = text[i] >= ' ' && text[i] <= '~' ? (CHAR16)text[i] : (CHAR16)'?';
	out[len] = 0;
	efi.system->ConOut->OutputString(efi.system->ConOut, out);
}

static void print_end_of_line(void)
{
	CHAR16 end[] = { '\r', '\n', 0 };

	efi.system->ConOut->OutputString(efi.system->ConOut, end);
}

static const char *prefix(enum log_level level)
{
	switch (level) {
	case LOG_ERROR: return MARK "error: ";
	case LOG_WARN: return MARK "warning: ";
	case LOG_INFO:
	case LOG_DEBUG: break;
	}
	return MARK;
}

static void sink(enum log_level level, const char *line, size_t len)
{
	const char *before = prefix(level);

	if (!efi.system->ConOut)
		return;
	if (!held.on) {
		print_ascii(before, strlen(before));
		print_ascii(line, len);
		print_end_of_line();
		return;
	}
	if (strlen(before) + len + 1 > sizeof(held.text) - held.used) {
		held.dropped++;
		return;
	}
	memcpy(held.text + held.used, before, strlen(before));
	held.used += strlen(before);
	memcpy(held.text + held.used, line, len);
	held.used += len;
	held.text[held.used++] = 0;
}

void efi_console_init(void)
{
	log_set_sink(sink);
}

void efi_console_hold(void)
{
	held.on = true;
}

void efi_console_release(void)
{
	size_t at = 0;

	held.on = false;
	while (at < held.used) {
		print_ascii(held.text + at, strlen(held.text + at));
		print_end_of_line();
		at += strlen(held.text + at) + 1;
	}
	held.used = 0;
	if (held.dropped)
		log_warn("%u lines of the log were lost", held.dropped);
	held.dropped = 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Load options, word by word.
 */
#include "boot/options.h"
#include "core/errno.h"
#include "core/string.h"

#define DEFAULT_CONF "\\fairlead\\fairlead.conf"
#define LINE_MAX 512

/* UTF-16 to ASCII up to the NUL or the end. False: not text, or too long to be ours. */
static bool to_ascii(char *out, size_t out_size, const u8 *utf16, size_t size)
{
	size_t i, n = 0;

	for (i = 0; i + 1 < size; i += 2) {
		u16 c = (u16)(utf16[i] | utf16[i + 1] << 8);

		if (!c)
			break;
		if ((c < ' ' && c != '\t') || c > '~' || n + 1 >= out_size)
			return false;
		out[n++] = (char)c;
	}
	out[n] = 0;
	return size % 2 == 0;
}

/* The next word, NUL-terminated in place; *line then begins behind it. NULL: no more. */
static char *next_word(char **line)
{
	char *word = *line, *end;

	while (*word == ' ' || *word == '\t')
		word++;
	if (!*word)
		return NULL;
	for (end = word; *end && *end != ' ' && *end != '\t'; end++)
		;
	*line = *end ? end + 1 : end;
	*end = 0;
	return word;
}

static bool take_word(struct options *out, const char *word)
{
	static const char conf[] = "--conf=";
	size_t length = strlen(word);

	if (!strcmp(word, "--probe")) {
		out->probe = true;
	} else if (!strcmp(word, "--version")) {
		out->version = true;
	} else if (!strncmp(word, conf, strlen(conf)) && length > strlen(conf) &&
		   length - strlen(conf) < sizeof(out->conf)) {
		memcpy(out->conf, word + strlen(conf), length - strlen(conf) + 1);
	} else {
		return false;
	}
	return true;
}

int options_parse(struct options *out, const void *load_options, size_t size, char *error, size_t error_size)
{
	char buffer[LINE_MAX], *line = buffer, *word;
	bool first = true;

	memset(out, 0, sizeof(*out));
	memcpy(out->conf, DEFAULT_CONF, sizeof(DEFAULT_CONF));
	if (!to_ascii(buffer, sizeof(buffer), load_options, size))
		return 0;
	for (; (word = next_word(&line)); first = false) {
		if (first && strncmp(word, "--", 2) != 0) /* the program's name */
			continue;
		if (!take_word(out, word)) {
			fl_snprintf(
				error, error_size,
				"load option \"%.40s\" is unknown; there are: --probe --version --conf=PATH",
				word);
			return -EINVAL;
		}
	}
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parser of fairlead.conf.
 *
 *	file    = line*                      line ends: LF, CRLF or CR; a UTF-8 BOM may come first
 *	line    = blank* [ setting | rule ] [ blank+ "#" anything ]      or a comment alone
 *	setting = key blank* "=" blank* value           cmdline= takes the rest of the line, "#" included
 *	rule    = "device" blank+ selector ":" ( blank+ option )+
 *	selector= [ssss:]bb:dd.f | vvvv:dddd | class=XX[XX[XX]]          hexadecimal
 *	option  = "hide" | "reset=none" | "group=mixed"
 *
 * One row of `settings` is one key. Nothing is guessed: what is not in the grammar is an error that says what
 * would be right.
 */
#include "boot/config.h"
#include "boot/firmware.h"
#include "core/errno.h"
#include "core/string.h"
#include "drivers/pci/pci.h"

#define MEMORY_MIN ((u64)64 << 20)
#define CPUS_ASKED_MAX 4096u /* more than Fairlead can know of: a file serves other machines, too */
#define CTRL_A 1

/* A piece of the text: not NUL-terminated. */
struct span {
	const char *at;
	size_t len;
};

struct parser {
	struct config *config;
	char *error;
	unsigned int line;
};

/* Reads the value; NULL when it is right, else what would have been. */
typedef const char *(*setting_fn)(struct config *config, struct span value);

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct span trim_left(struct span s)
{
	while (s.len && is_blank(*s.at)) {
		s.at++;
		s.len--;
	}
	return s;
}

static struct span trim(struct span s)
{
	s = trim_left(s);
	while (s.len && is_blank(s.at[s.len - 1]))
		s.len--;
	return s;
}

static bool span_is(struct span s, const char *text)
{
	return s.len == strlen(text) && !memcmp(s.at, text, s.len);
}

static bool starts_with(struct span s, const char *text)
{
	return s.len >= strlen(text) && !memcmp(s.at, text, strlen(text));
}

static struct span skip(struct span s, size_t n)
{
	return (struct span){ s.at + n, s.len - n };
}

/* The part before the first blank. */
static struct span first_word(struct span s)
{
	size_t n = 0;

	while (n < s.len && !is_blank(s.at[n]))
		n++;
	return (struct span){ s.at, n };
}

/* The user's own words in a message: short, and printable whatever the file held. */
struct quoted {
	char text[36];
};

static struct quoted quote(struct span s)
{
	struct quoted q;
	size_t i, n = s.len < sizeof(q.text) - 4 ? s.len : sizeof(q.text) - 4;

	for (i = 0; i < n; i++)
		q.text[i] = s.at[i] >= ' ' && s.at[i] <= '~' ? s.at[i] : '?';
	memcpy(q.text + n, s.len > n ? "..." : "", s.len > n ? 4 : 1);
	return q;
}

/* ---- numbers ---- */

/* All of the span is a number not above max. */
static bool parse_number(struct span s, unsigned int base, u64 max, u64 *out)
{
	u64 value = 0;
	size_t i;

	for (i = 0; i < s.len; i++) {
		int digit = hex_digit(s.at[i]);

		if (digit < 0 || (unsigned int)digit >= base)
			return false;
		if ((u64)digit > max || value > (max - (u64)digit) / base)
			return false;
		value = value * base + (u64)digit;
	}
	*out = value;
	return s.len > 0;
}

/* Exactly `digits` hexadecimal digits at *s, which then begins behind them. */
static bool take_hex(struct span *s, size_t digits, u32 max, u32 *out)
{
	u64 value;

	if (s->len < digits || !parse_number((struct span){ s->at, digits }, 16, max, &value))
		return false;
	*s = skip(*s, digits);
	*out = (u32)value;
	return true;
}

static bool take_char(struct span *s, char c)
{
	if (!s->len || *s->at != c)
		return false;
	*s = skip(*s, 1);
	return true;
}

/* ---- the keys ---- */

static const char *copy_text(char *out, size_t size, struct span value, const char *too_long)
{
	if (value.len >= size)
		return too_long;
	memcpy(out, value.at, value.len);
	out[value.len] = 0;
	return NULL;
}

static const char *set_path(char *out, struct span value)
{
	static_assert(CONFIG_PATH_MAX == 128, "the message below states it");
	return copy_text(out, CONFIG_PATH_MAX, value, "a path of at most 127 characters");
}

static const char *set_kernel(struct config *config, struct span value)
{
	return value.len ? set_path(config->kernel, value) : firmware_words.kernel;
}

static const char *set_initrd(struct config *config, struct span value)
{
	return set_path(config->initrd, value);
}

static const char *set_cmdline(struct config *config, struct span value)
{
	static_assert(CONFIG_CMDLINE_MAX == 2048, "the message below states it");
	return copy_text(config->cmdline, CONFIG_CMDLINE_MAX, value, "at most 2047 characters");
}

static const char *set_memory(struct config *config, struct span value)
{
	static const char expected[] = "all, or a size of at least 64M such as 512M or 2G";
	unsigned int shift;
	u64 number;

	if (span_is(value, "all")) {
		config->memory = 0;
		return NULL;
	}
	if (!value.len)
		return expected;
	switch (value.at[value.len - 1]) {
	case 'K': shift = 10; break;
	case 'M': shift = 20; break;
	case 'G': shift = 30; break;
	default: return expected;
	}
	value.len--;
	if (!parse_number(value, 10, ~(u64)0 >> shift, &number) || number << shift < MEMORY_MIN)
		return expected;
	config->memory = number << shift;
	return NULL;
}

static const char *set_cpus(struct config *config, struct span value)
{
	u64 number = 0;

	if (!span_is(value, "all") && (!parse_number(value, 10, CPUS_ASKED_MAX, &number) || !number))
		return "all, or a number from 1 to 4096";
	config->cpus = (unsigned int)number;
	return NULL;
}

static const char *set_iommu(struct config *config, struct span value)
{
	if (span_is(value, "required"))
		config->iommu = IOMMU_REQUIRED;
	else if (span_is(value, "optional"))
		config->iommu = IOMMU_OPTIONAL;
	else if (span_is(value, "off"))
		config->iommu = IOMMU_OFF;
	else
		return "required, optional or off";
	return NULL;
}

static const char *set_intremap(struct config *config, struct span value)
{
	if (span_is(value, "required"))
		config->intremap = INTR_REQUIRED;
	else if (span_is(value, "optional"))
		config->intremap = INTR_OPTIONAL;
	else if (span_is(value, "off"))
		config->intremap = INTR_OFF;
	else
		return "required, optional or off";
	return NULL;
}

static const char *set_console(struct config *config, struct span value)
{
	return firmware_set_console(config, value.at, value.len) ? NULL : firmware_words.console;
}

static const char *set_loglevel(struct config *config, struct span value)
{
	if (span_is(value, "error"))
		config->loglevel = LOG_ERROR;
	else if (span_is(value, "warn"))
		config->loglevel = LOG_WARN;
	else if (span_is(value, "info"))
		config->loglevel = LOG_INFO;
	else if (span_is(value, "debug"))
		config->loglevel = LOG_DEBUG;
	else
		return "error, warn, info or debug";
	return NULL;
}

/* The letter of the control character. Those that edit the monitor's line, or end it, cannot be the escape. */
static const char *set_monitor(struct config *config, struct span value)
{
	char letter = value.len ? (char)(*value.at | ('a' ^ 'A')) : 0;

	if (span_is(value, "off")) {
		config->monitor_escape = 0;
		return NULL;
	}
	if (value.len != 1 || letter < 'a' || letter > 'z' || letter == 'h' || letter == 'j' || letter == 'm' ||
	    letter == 'u')
		return "off, or a letter but h, j, m and u: as in monitor=a for Ctrl-a";
	config->monitor_escape = (char)(letter - 'a' + 1);
	return NULL;
}

static const char *set_probe(struct config *config, struct span value)
{
	if (!span_is(value, "yes") && !span_is(value, "no"))
		return "yes or no";
	config->probe = span_is(value, "yes");
	return NULL;
}

static const char *set_debug(struct config *config, struct span value)
{
	if (!span_is(value, "crash") && !span_is(value, "overflow") && !span_is(value, "timer") &&
	    !span_is(value, "lostcpu") && !span_is(value, "wait") && !span_is(value, "off"))
		return "crash, overflow, lostcpu, timer, wait or off";
	config->debug_wait = span_is(value, "wait");
	config->debug_crash = span_is(value, "crash");
	config->debug_overflow = span_is(value, "overflow");
	config->debug_lost_cpu = span_is(value, "lostcpu");
	config->debug_timer = span_is(value, "timer");
	return NULL;
}

static const struct {
	const char *key;
	setting_fn set;
	bool whole_line; /* a "#" is part of the value */
} settings[] = {
	{ "kernel", set_kernel, false },   { "initrd", set_initrd, false },
	{ "cmdline", set_cmdline, true },  { "memory", set_memory, false },
	{ "cpus", set_cpus, false },	   { "iommu", set_iommu, false },
	{ "intremap", set_intremap, false },
	{ "console", set_console, false }, { "loglevel", set_loglevel, false },
	{ "monitor", set_monitor, false }, { "probe", set_probe, false },
	{ "debug", set_debug, false },
};

#define KNOWN_KEYS "kernel initrd cmdline memory cpus iommu intremap console loglevel monitor probe debug"

/* ---- device rules ---- */

static bool parse_sbdf(struct span s, struct device_rule *rule)
{
	struct span with_segment = s;
	u32 segment = 0, bus, dev, fn;

	if (take_hex(&with_segment, 4, 0xffff, &segment) && take_char(&with_segment, ':'))
		s = with_segment;
	else
		segment = 0;
	if (!take_hex(&s, 2, 0xff, &bus) || !take_char(&s, ':') || !take_hex(&s, 2, 0x1f, &dev) ||
	    !take_char(&s, '.') || !take_hex(&s, 1, 7, &fn) || s.len)
		return false;
	rule->match = MATCH_SBDF;
	rule->segment = (u16)segment;
	rule->bdf = PCI_BDF(bus, dev, fn);
	return true;
}

static bool parse_id(struct span s, struct device_rule *rule)
{
	u32 vendor, device;

	if (!take_hex(&s, 4, 0xffff, &vendor) || !take_char(&s, ':') || !take_hex(&s, 4, 0xffff, &device) ||
	    s.len)
		return false;
	rule->match = MATCH_ID;
	rule->vendor = (u16)vendor;
	rule->device = (u16)device;
	return true;
}

/* Digits that are left out match any value: class=02 is every network controller. */
static bool parse_class(struct span s, struct device_rule *rule)
{
	unsigned int missing_bits;
	u64 value;

	if (!starts_with(s, "class="))
		return false;
	s = skip(s, strlen("class="));
	if ((s.len != 2 && s.len != 4 && s.len != 6) || !parse_number(s, 16, 0xffffff, &value))
		return false;
	missing_bits = 24 - 4 * (unsigned int)s.len;
	rule->match = MATCH_CLASS;
	rule->class_code = (u32)value << missing_bits;
	rule->class_mask = (0xffffffu << missing_bits) & 0xffffffu;
	return true;
}

static bool set_option(struct device_rule *rule, struct span option)
{
	if (span_is(option, "hide"))
		rule->hide = true;
	else if (span_is(option, "reset=none"))
		rule->reset_none = true;
	else if (span_is(option, "group=mixed"))
		rule->group_mixed = true;
	else
		return false;
	return true;
}

/* `rest` is what follows the word "device". */
static int parse_rule(struct parser *p, struct span rest)
{
	struct device_rule rule = { 0 };
	struct span selector, option;

	rest = trim(rest);
	selector = first_word(rest);
	rest = trim_left(skip(rest, selector.len));
	if (selector.len < 2 || selector.at[selector.len - 1] != ':' || !rest.len) {
		fl_snprintf(p->error, CONFIG_ERROR_MAX,
			    "line %u: device: not a rule; write it as in \"device 00:02.0: hide\"", p->line);
		return -EINVAL;
	}
	selector.len--;
	if (!parse_sbdf(selector, &rule) && !parse_id(selector, &rule) && !parse_class(selector, &rule)) {
		fl_snprintf(p->error, CONFIG_ERROR_MAX,
			    "line %u: device: \"%s\" is no selector; write [ssss:]bb:dd.f, vendor:device "
			    "(4+4 digits) or class=XX[XX[XX]]",
			    p->line, quote(selector).text);
		return -EINVAL;
	}
	for (; rest.len; rest = trim_left(skip(rest, option.len))) {
		option = first_word(rest);
		if (!set_option(&rule, option)) {
			fl_snprintf(p->error, CONFIG_ERROR_MAX,
				    "line %u: device: unknown option \"%s\"; there are: hide reset=none group=mixed",
				    p->line, quote(option).text);
			return -EINVAL;
		}
	}
	if (p->config->rules == CONFIG_DEVICE_RULES) {
		fl_snprintf(p->error, CONFIG_ERROR_MAX,
			    "line %u: device: more than %u rules; put several devices in one by class=",
			    p->line, CONFIG_DEVICE_RULES);
		return -EINVAL;
	}
	p->config->rule[p->config->rules++] = rule;
	return 0;
}

/* ---- lines ---- */

/* Cuts off a comment, which is a "#" after a blank and all that follows. `before` is the character before
 * the span. */
static struct span without_comment(struct span s, char before)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (s.at[i] == '#' && is_blank(before))
			s.len = i;
		before = s.at[i];
	}
	return s;
}

static int parse_setting(struct parser *p, struct span line, unsigned int first_line[ARRAY_SIZE(settings)])
{
	struct span key = { line.at, 0 }, value;
	const char *expected;
	unsigned int i;

	while (key.len < line.len && line.at[key.len] != '=')
		key.len++;
	if (key.len == line.len) {
		fl_snprintf(p->error, CONFIG_ERROR_MAX,
			    "line %u: \"%s\" is neither key=value nor \"device ...: ...\"; a comment begins "
			    "with #",
			    p->line, quote(trim(without_comment(line, ' '))).text);
		return -EINVAL;
	}
	value = skip(line, key.len + 1);
	key = trim(key);
	for (i = 0; i < ARRAY_SIZE(settings) && !span_is(key, settings[i].key); i++)
		;
	if (i == ARRAY_SIZE(settings)) {
		fl_snprintf(p->error, CONFIG_ERROR_MAX, "line %u: unknown key \"%s\"; there are: " KNOWN_KEYS,
			    p->line, quote(key).text);
		return -EINVAL;
	}
	if (first_line[i]) {
		fl_snprintf(p->error, CONFIG_ERROR_MAX,
			    "line %u: %s: given before, on line %u; remove one of the two", p->line,
			    settings[i].key, first_line[i]);
		return -EINVAL;
	}
	first_line[i] = p->line;
	if (settings[i].whole_line)
		value = trim_left(value);
	else
		value = trim(without_comment(value, value.at[-1]));
	expected = settings[i].set(p->config, value);
	if (expected) {
		fl_snprintf(p->error, CONFIG_ERROR_MAX, "line %u: %s: bad value \"%s\"; expected %s", p->line,
			    settings[i].key, quote(value).text, expected);
		return -EINVAL;
	}
	return 0;
}

static int parse_line(struct parser *p, struct span line, unsigned int first_line[ARRAY_SIZE(settings)])
{
	line = trim_left(line);
	if (!line.len || *line.at == '#')
		return 0;
	if (span_is(first_word(line), "device") && !starts_with(trim_left(skip(line, strlen("device"))), "="))
		return parse_rule(p, without_comment(skip(line, strlen("device")), 'e'));
	return parse_setting(p, line, first_line);
}

/* The next line without its end; *text then begins behind it. */
static struct span take_line(struct span *text)
{
	struct span line = { text->at, 0 };

	while (line.len < text->len && line.at[line.len] != '\n' && line.at[line.len] != '\r')
		line.len++;
	*text = skip(*text, line.len);
	if (text->len >= 2 && text->at[0] == '\r' && text->at[1] == '\n')
		*text = skip(*text, 2);
	else if (text->len)
		*text = skip(*text, 1);
	return line;
}

void config_defaults(struct config *config)
{
	memset(config, 0, sizeof(*config));
	config->iommu = IOMMU_REQUIRED;
	config->intremap = INTR_REQUIRED;
	firmware_default_console(config);
	config->loglevel = LOG_INFO;
	config->monitor_escape = CTRL_A;
}

int config_parse(struct config *config, const char *text, size_t length, char *error)
{
	unsigned int first_line[ARRAY_SIZE(settings)] = { 0 };
	struct parser p = { config, error, 0 };
	struct span rest = { text, length };

	if (starts_with(rest, "\xef\xbb\xbf"))
		rest = skip(rest, 3);
	while (rest.len) {
		struct span line = take_line(&rest);
		size_t i;
		int err;

		p.line++;
		for (i = 0; i < line.len && line.at[i]; i++)
			;
		if (i < line.len) {
			fl_snprintf(error, CONFIG_ERROR_MAX,
				    "line %u: NUL byte; save the file as plain ASCII or UTF-8 text", p.line);
			return -EINVAL;
		}
		err = parse_line(&p, line, first_line);
		if (err)
			return err;
	}
	return 0;
}

static bool rule_matches(const struct device_rule *rule, u16 segment, u16 bdf, u16 vendor, u16 device,
			 u32 class_code)
{
	switch (rule->match) {
	case MATCH_SBDF: return rule->segment == segment && rule->bdf == bdf;
	case MATCH_ID: return rule->vendor == vendor && rule->device == device;
	case MATCH_CLASS: return (class_code & rule->class_mask) == rule->class_code;
	}
	return false;
}

bool config_hides(const struct config *config, u16 segment, u16 bdf, u16 vendor, u16 device, u32 class_code)
{
	unsigned int i;

	for (i = config->rules; i > 0; i--) {
		const struct device_rule *rule = &config->rule[i - 1];

		if (!rule->hide && (rule->reset_none || rule->group_mixed))
			continue;
		if (rule_matches(rule, segment, bdf, vendor, device, class_code))
			return rule->hide;
	}
	return false;
}

struct device_options config_device_options(const struct config *config, u16 segment, u16 bdf, u16 vendor, u16 device,
					    u32 class_code)
{
	struct device_options options = { false, false };
	unsigned int i;

	for (i = 0; i < config->rules; i++) {
		const struct device_rule *rule = &config->rule[i];

		if (!rule_matches(rule, segment, bdf, vendor, device, class_code))
			continue;
		options.reset_none |= rule->reset_none;
		options.group_mixed |= rule->group_mixed;
	}
	return options;
}

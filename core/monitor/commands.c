/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The monitor's commands: one row each. A line is cut into words, its first finds the row, and the row's
 * function runs step by step.
 */
#include "core/monitor/internal.h"

#include "core/arch.h"
#include "core/log.h"
#include "core/string.h"

static enum monitor_step show_help(struct monitor_run *run);

static const struct monitor_command commands[] = {
	{ "help", "", "this list", 1, 1, show_help },
	{ "pci", "[-v] [SBDF]", "PCI devices: state, owner, who holds them; -v: all that is known", 1, 3,
	  monitor_show_devices },
	{ "assign", "SBDF", "give a quarantined device to the guest", 2, 2, monitor_assign },
	{ "deassign", "SBDF", "take a device from the guest, reset it, quarantine it", 2, 2,
	  monitor_deassign },
	{ "remove", "SBDF", "take a quarantined device out, so that it may be unplugged", 2, 2,
	  monitor_remove },
	{ "rescan", "", "look for devices that have come", 1, 1, monitor_rescan },
	{ "reset", "SBDF | machine", "reset a quarantined device; or the whole machine, at once", 2, 2,
	  monitor_reset },
	{ "vfs", "SBDF N", "switch on N virtual functions of a device; 0: off", 3, 3, monitor_vfs },
	{ "locks", "", "lock classes: taken, contended, held (debug builds)", 1, 1, monitor_show_locks },
	{ "stats", "[-r]", "counters; -r: exits and events then begin at 0 again", 1, 2, monitor_show_stats },
	{ "cpus", "", "CPUs: what each is doing, and its exits", 1, 1, monitor_show_cpus },
	{ "trace", "[...]", "what happens when: on CLASS[,CLASS...]|all, off, clear, show [N], dump", 1, 4,
	  monitor_trace },
};

static struct monitor_run run;

static enum monitor_step show_help(struct monitor_run *r UNUSED)
{
	static_assert(ARRAY_SIZE(commands) < MONITOR_STEP_LINES, "the list is one step");
	char usage[32];

	for (unsigned int i = 0; i < ARRAY_SIZE(commands); i++) {
		fl_snprintf(usage, sizeof(usage), "%s %s", commands[i].name, commands[i].arguments);
		log_print("  %-22s %s", usage, commands[i].help);
	}
	return MONITOR_DONE;
}

enum monitor_step monitor_refuse(const char *fmt, ...)
{
	char reason[PCI_REASON_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)fl_vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	log_print("refused: %s", reason);
	return MONITOR_SAID;
}

/* ---- words ---- */

/* Cuts the line at its blanks; a word more than any command takes is enough to refuse it. */
static void cut_into_words(void)
{
	bool inside = false;

	run.words = 0;
	for (char *c = run.line; *c; c++) {
		if (*c == ' ') {
			*c = '\0';
			inside = false;
		} else if (!inside && run.words < MONITOR_WORDS_MAX) {
			run.word[run.words++] = c;
			inside = true;
		}
	}
}

/* Exactly `digits` hexadecimal digits, then `end`. */
static bool take_hex(const char **word, unsigned int digits, char end, u32 max, u32 *out)
{
	u32 value = 0;

	for (unsigned int i = 0; i < digits; i++) {
		int digit = hex_digit((*word)[i]);

		if (digit < 0)
			return false;
		value = value << 4 | (u32)digit;
	}
	if ((*word)[digits] != end || value > max)
		return false;
	*word += digits + (end != '\0');
	*out = value;
	return true;
}

bool monitor_sbdf(const char *word, struct sbdf *out)
{
	u32 segment = 0, bus, device, function;

	(void)take_hex(&word, 4, ':', 0xffff, &segment);
	if (!take_hex(&word, 2, ':', 0xff, &bus) || !take_hex(&word, 2, '.', 0x1f, &device) ||
	    !take_hex(&word, 1, '\0', 7, &function))
		return false;
	*out = (struct sbdf){ (u16)segment, PCI_BDF(bus, device, function) };
	return true;
}

bool monitor_sbdf_or_refuse(const char *word, struct sbdf *out)
{
	if (monitor_sbdf(word, out))
		return true;
	monitor_refuse("\"%s\" is no address; write it as in 0000:00:02.0 or 00:02.0", word);
	return false;
}

/* ---- running ---- */

void monitor_commands_init(struct vm *vm)
{
	run = (struct monitor_run){ .vm = vm };
	pci_set_event_listener(monitor_event, NULL);
}

static const struct monitor_command *find(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	}
	return NULL;
}

bool monitor_start(const char *line)
{
	const struct monitor_command *command;

	fl_snprintf(run.line, sizeof(run.line), "%s", line);
	cut_into_words();
	if (!run.words)
		return false;
	command = find(run.word[0]);
	if (!command) {
		log_print("unknown command \"%s\"; `help` lists what there is", run.word[0]);
		return false;
	}
	if (run.words < command->words_min || run.words > command->words_max) {
		monitor_refuse("write it as in `%s%s%s`", command->name, *command->arguments ? " " : "",
			       command->arguments);
		return false;
	}
	run.command = command;
	run.cursor = run.shown = 0;
	return true;
}

bool monitor_continue(void)
{
	enum monitor_step step = run.command->step(&run);

	if (step == MONITOR_DONE)
		log_print("done");
	return step == MONITOR_MORE;
}

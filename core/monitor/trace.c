/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `trace`: which classes are on; the newest records for a person; all of them for tools/trace2perfetto.
 *
 * While records are shown nothing is recorded, or showing them would push them out.
 */
#include "core/counters.h"
#include "core/log.h"
#include "core/monitor/internal.h"
#include "core/string.h"
#include "core/trace.h"

typedef unsigned long long ull;

#define FORMAT_VERSION 1u
#define NAMES_IN_LINE  8u
#define SHOWN_BY_DEFAULT 32u
#define BACK_IN_STEP	 64u /* records that a step goes back over; each is a look at every CPU's ring */

/* ---- names of numbers ---- */

static const char *lock_class_name(u32 number)
{
	const struct lock_class *class = lock_class_at(number);

	return class ? class->name : NULL;
}

static const char *exit_name(u32 number)
{
	return number < counters_exits() ? counters_exit_name(number) : NULL;
}

static const char *ref_name(u32 number)
{
	return number < PCI_REF_KINDS ? pci_ref_kind_name((enum pci_ref_kind)number) : NULL;
}

/* `name`: NULL: no such number. */
static const struct kind_info {
	const char *text;
	u32 first; /* number that has a name */
	const char *(*name)(u32 number);
} kinds[] = {
	[TRACE_NO_FIELD] = { "-", 0, NULL },
	[TRACE_HEX] = { "hex", 0, NULL },
	[TRACE_DECIMAL] = { "decimal", 0, NULL },
	[TRACE_CYCLES] = { "cycles", 0, NULL },
	[TRACE_SBDF] = { "sbdf", 0, NULL },
	[TRACE_CODE] = { "code", 0, NULL },
	[TRACE_EXIT_REASON] = { "exit", 0, exit_name },
	[TRACE_REF_KIND] = { "ref", 0, ref_name },
	[TRACE_LOCK_CLASS] = { "lock", 1, lock_class_name },
};

/* ---- a command that shows records: what it remembers from step to step ---- */

enum dump_part { DUMP_HEADER, DUMP_NAMES, DUMP_EVENTS, DUMP_RECORDS, DUMP_END, DUMP_THROUGH };

static struct {
	u32 classes; /* that were on */
	u64 first[CPUS_MAX], next[CPUS_MAX], end[CPUS_MAX];
	u64 lost, records;
	unsigned int back; /* so many records more to go back over, before any is shown */
	unsigned int cpu;
	enum dump_part part;
	unsigned int kind, index; /* of the table that is being dumped */
	u32 crc;
} showing;

static void begin_showing(void)
{
	memset(&showing, 0, sizeof(showing));
	showing.classes = trace_get_classes();
	trace_set_classes(0);
	for (unsigned int cpu = 0; cpu < trace_cpus(); cpu++) {
		u64 lost;

		trace_range(cpu, &showing.first[cpu], &showing.end[cpu], &lost);
		showing.next[cpu] = showing.first[cpu];
		showing.lost += lost;
	}
}

static enum monitor_step end_showing(void)
{
	trace_set_classes(showing.classes);
	return MONITOR_DONE;
}

/* ---- for a person ---- */

static void add_text(char *line, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void add_text(char *line, size_t size, const char *fmt, ...)
{
	size_t used = strlen(line);
	va_list ap;

	va_start(ap, fmt);
	(void)fl_vsnprintf(line + used, size - used, fmt, ap);
	va_end(ap);
}

static void add_microseconds(char *line, size_t size, u64 cycles)
{
	u64 rate = arch_cycles_per_us();

	add_text(line, size, "%llu.%03llu us", (ull)(cycles / rate), (ull)(cycles % rate * 1000 / rate));
}

static void add_value(char *line, size_t size, enum trace_kind kind, u64 value)
{
	const char *name = kinds[kind].name ? kinds[kind].name((u32)value) : NULL;
	struct sbdf sbdf = { (u16)(value >> 16), (u16)value };

	if (name)
		add_text(line, size, "%s", name);
	else if (kind == TRACE_CYCLES)
		add_microseconds(line, size, value);
	else if (kind == TRACE_SBDF)
		add_text(line, size, SBDF_FMT, SBDF_ARGS(sbdf));
	else if (kind == TRACE_HEX || kind == TRACE_CODE)
		add_text(line, size, "0x%llx", (ull)value);
	else
		add_text(line, size, "%llu", (ull)value);
}

static void show_record(const struct trace_record *r)
{
	const struct trace_event_info *info = trace_event_find(r->event);
	char line[LOG_LINE_MAX] = "";

	add_text(line, sizeof(line), "  CPU %u at ", r->cpu);
	add_microseconds(line, sizeof(line), r->time);
	add_text(line, sizeof(line), ": %s", info ? info->name : "unknown event");
	for (unsigned int i = 0; info && i < TRACE_FIELDS; i++) {
		if (info->field[i].kind == TRACE_NO_FIELD)
			continue;
		add_text(line, sizeof(line), " %s ", info->field[i].name);
		add_value(line, sizeof(line), info->field[i].kind, trace_field_value(r, (enum trace_field)i));
	}
	log_print("%s", line);
}

/*
 * The CPU whose record is to be taken next: the latest of those before their ends (`back`), or the earliest of those that are next.
 * Records that were overwritten meanwhile are passed over. False: there is none left.
 */
static bool choose_cpu(bool back, unsigned int *chosen, struct trace_record *out)
{
	bool found = false;

	for (unsigned int cpu = 0; cpu < trace_cpus(); cpu++) {
		struct trace_record r;

		while (back && showing.next[cpu] > showing.first[cpu] && !trace_get(cpu, showing.next[cpu] - 1, &r))
			showing.next[cpu]--;
		while (!back && showing.next[cpu] < showing.end[cpu] && !trace_get(cpu, showing.next[cpu], &r))
			showing.next[cpu]++;
		if (showing.next[cpu] == (back ? showing.first[cpu] : showing.end[cpu]) ||
		    (found && (back ? r.time <= out->time : r.time >= out->time)))
			continue;
		*out = r;
		*chosen = cpu;
		found = true;
	}
	return found;
}

static void start_going_back(unsigned int count)
{
	memcpy(showing.next, showing.end, sizeof(showing.next));
	showing.back = count;
}

/* One step back over the newest records of all CPUs. */
static void go_back(void)
{
	struct trace_record r;
	unsigned int cpu;

	for (unsigned int i = 0; i < BACK_IN_STEP && showing.back; i++, showing.back--) {
		if (!choose_cpu(true, &cpu, &r)) {
			showing.back = 0;
			return;
		}
		showing.next[cpu]--;
	}
}

static enum monitor_step show_newest(struct monitor_run *run)
{
	unsigned int count = SHOWN_BY_DEFAULT, cpu;
	struct trace_record r;

	if (!run->cursor) {
		if (run->words == 3 && (!monitor_count(run->word[2], &count) || !count || count > TRACE_RECORDS))
			return monitor_refuse("\"%s\" is no number of records from 1 to %u", run->word[2], TRACE_RECORDS);
		begin_showing();
		start_going_back(count);
		run->cursor = 1;
	}
	if (showing.back) {
		go_back();
		return MONITOR_MORE;
	}
	for (unsigned int lines = 0; lines < MONITOR_STEP_LINES; lines++) {
		if (!choose_cpu(false, &cpu, &r))
			return end_showing();
		showing.next[cpu]++;
		show_record(&r);
	}
	return MONITOR_MORE;
}

/* ---- for tools/trace2perfetto ---- */

/* CRC-32 of IEEE 802.3, bit by bit: a line takes longer to send than to sum. */
#define CRC_POLYNOMIAL 0xedb88320u

static u32 crc_add(u32 crc, const char *text, size_t length)
{
	while (length--) {
		crc ^= (u8)*text++;
		for (unsigned int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? CRC_POLYNOMIAL : 0);
	}
	return crc;
}

/* A line of the dump; all but the last count in the checksum, with a line feed behind each. */
static void PRINTF_LIKE(1, 2) dump_line(const char *fmt, ...)
{
	char line[LOG_LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)fl_vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	showing.crc = crc_add(showing.crc, line, strlen(line));
	showing.crc = crc_add(showing.crc, "\n", 1);
	log_print("trace: %s", line);
}

static void dump_header(void)
{
	showing.crc = ~0u;
	dump_line("dump %u cycles/us %llu cpus %u", FORMAT_VERSION, (ull)arch_cycles_per_us(), trace_cpus());
	showing.part = DUMP_NAMES;
}

/* A line of names, from the number showing.index of its kind on. */
static void dump_names(void)
{
	const struct kind_info *kind = &kinds[showing.kind];
	char line[LOG_LINE_MAX] = "";
	u32 first = showing.index, count = 0;

	if (showing.kind == ARRAY_SIZE(kinds)) {
		showing.part = DUMP_EVENTS;
		showing.index = 0;
		return;
	}
	for (; kind->name && count < NAMES_IN_LINE; count++) {
		const char *name = kind->name(kind->first + first + count);

		if (!name)
			break;
		add_text(line, sizeof(line), " %s", name);
	}
	if (count)
		dump_line("names %s %u%s", kind->text, kind->first + first, line);
	showing.index += count;
	if (count < NAMES_IN_LINE) {
		showing.kind++;
		showing.index = 0;
	}
}

static void dump_event(void)
{
	const struct trace_event_info *info = trace_event_info(showing.index++);
	char line[LOG_LINE_MAX] = "";

	if (!info) {
		showing.part = DUMP_RECORDS;
		return;
	}
	for (unsigned int i = 0; i < TRACE_FIELDS; i++) {
		if (info->field[i].kind == TRACE_NO_FIELD)
			add_text(line, sizeof(line), " -");
		else
			add_text(line, sizeof(line), " %s:%s", info->field[i].name, kinds[info->field[i].kind].text);
	}
	dump_line("event %x %s %s%s", (unsigned int)info->event, trace_class_name(TRACE_CLASS_OF(info->event)), info->name,
		  line);
}

/* CPU, event, time, and its fields, all hexadecimal. */
static void dump_record(void)
{
	struct trace_record r;

	if (showing.cpu == trace_cpus()) {
		showing.part = DUMP_END;
	} else if (showing.next[showing.cpu] == showing.end[showing.cpu]) {
		showing.cpu++;
	} else if (trace_get(showing.cpu, showing.next[showing.cpu]++, &r)) {
		dump_line("%x %x %llx %x %llx %x %x", r.cpu, r.event, (ull)r.time, r.a, (ull)r.b, r.c, r.d);
		showing.records++;
	} else {
		showing.lost++; /* its CPU was still writing */
	}
}

static void dump_end(void)
{
	log_print("trace: end records %llu lost %llu checksum %08x", (ull)showing.records, (ull)showing.lost, ~showing.crc);
	showing.part = DUMP_THROUGH;
}

/* Each call says one line at most. */
static enum monitor_step dump(struct monitor_run *run)
{
	if (!run->cursor)
		begin_showing();
	run->cursor = 1;
	for (unsigned int i = 0; i < MONITOR_STEP_LINES; i++) {
		switch (showing.part) {
		case DUMP_HEADER: dump_header(); break;
		case DUMP_NAMES: dump_names(); break;
		case DUMP_EVENTS: dump_event(); break;
		case DUMP_RECORDS: dump_record(); break;
		case DUMP_END: dump_end(); break;
		case DUMP_THROUGH: return end_showing();
		}
	}
	return MONITOR_MORE;
}

/* ---- switching ---- */

static void show_classes(void)
{
	u32 on = trace_get_classes();
	char line[LOG_LINE_MAX] = "";

	for (unsigned int i = 0; i < TRACE_CLASSES; i++) {
		if (on & BIT32(i))
			add_text(line, sizeof(line), "%s%s", line[0] ? ", " : "", trace_class_name(i));
	}
	log_print("  on: %s", on ? line : "nothing");
}

/* The cursor is the CPU. */
static enum monitor_step show_state(struct monitor_run *run)
{
	if (!run->cursor)
		show_classes();
	for (unsigned int lines = 1; lines < MONITOR_STEP_LINES; lines++) {
		unsigned int cpu = run->cursor++;
		u64 first, end, lost;

		if (cpu >= trace_cpus())
			return MONITOR_DONE;
		trace_range(cpu, &first, &end, &lost);
		log_print("  CPU %u: %llu records, room for %u; %llu overwritten", cpu, (ull)(end - first), TRACE_RECORDS,
			  (ull)lost);
	}
	return MONITOR_MORE;
}

/* "exit,config", or "all". False: some name is none; it has refused. */
static bool parse_classes(const char *word, u32 *classes)
{
	enum trace_class class;

	*classes = 0;
	if (!strcmp(word, "all")) {
		*classes = TRACE_ALL;
		return true;
	}
	for (;;) {
		const char *comma = strchr(word, ',');
		size_t length = comma ? (size_t)(comma - word) : strlen(word);

		if (!trace_class_by_name(word, length, &class)) {
			monitor_refuse("\"%.*s\" is no class; there are all, exit, inject, config, mmio, iommu, refs, locks, "
				       "work, nmi", (int)length, word);
			return false;
		}
		*classes |= BIT32(class);
		if (!comma)
			return true;
		word = comma + 1;
	}
}

/* Adds to what is on. */
static enum monitor_step switch_on(struct monitor_run *run)
{
	u32 classes;

	if (!parse_classes(run->word[2], &classes))
		return MONITOR_SAID;
	trace_set_classes(trace_get_classes() | classes);
	return MONITOR_DONE;
}

static enum monitor_step switch_off(struct monitor_run *run UNUSED)
{
	trace_set_classes(0);
	return MONITOR_DONE;
}

static enum monitor_step clear(struct monitor_run *run UNUSED)
{
	trace_clear();
	return MONITOR_DONE;
}

static const struct {
	const char *name;
	unsigned int words_min, words_max; /* `trace` included */
	enum monitor_step (*step)(struct monitor_run *run);
} actions[] = {
	{ "on", 3, 3, switch_on },
	{ "off", 2, 2, switch_off },
	{ "clear", 2, 2, clear },
	{ "show", 2, 3, show_newest },
	{ "dump", 2, 2, dump },
};

enum monitor_step monitor_trace(struct monitor_run *run)
{
	if (run->words == 1)
		return show_state(run);
	for (unsigned int i = 0; i < ARRAY_SIZE(actions); i++) {
		if (!strcmp(run->word[1], actions[i].name) && run->words >= actions[i].words_min &&
		    run->words <= actions[i].words_max)
			return actions[i].step(run);
	}
	return monitor_refuse("write it as in `trace`, `trace on CLASS[,CLASS...]|all`, `trace off`, `trace clear`, "
			      "`trace show [N]`, `trace dump`");
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The monitor's keyboard: the escape, and the line that is being typed.
 *
 * Characters arrive on the exit path of whichever CPU reads the console; all they do there is to be queued.
 * The line and the running command belong to the monitor's work, which always runs on the boot CPU and so
 * needs no lock for them.
 */
#include "core/monitor/monitor.h"

#include "core/console/console.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/monitor/internal.h"
#include "core/string.h"
#include "core/work.h"

#define ESCAPE_LENGTH 3u
#define KEYS	      128u /* typed and not yet seen; a power of two */
#define BOOT_CPU      0

#define CTRL_U	  0x15
#define BACKSPACE 0x08
#define DELETE	  0x7f

static const char prompt[] = "(fairlead) ";

static LOCK_CLASS(monitor_class, "monitor");
static struct spinlock keys_lock CONSOLE_LEAF = SPINLOCK_INIT(monitor_class);
static struct {
	char key[KEYS];
	unsigned int head, count;
	unsigned int escapes; /* escape characters in a row */
} keys GUARDED_BY(keys_lock);
static char escape;
static _Atomic bool active; /* written under keys_lock */

static struct work work;
/* The rest is the work's. */
static bool announced; /* as which the keyboard was last said to be ours */
static bool running;
static char line[MONITOR_LINE_MAX + 1];
static size_t line_length;

bool monitor_active(void)
{
	return atomic_load_explicit(&active, memory_order_acquire);
}

/* Returns whether the character completes the escape. */
static bool take_escape(void) REQUIRES(keys_lock)
{
	if (++keys.escapes < ESCAPE_LENGTH)
		return false;
	keys.escapes = 0;
	atomic_store_explicit(&active, !monitor_active(), memory_order_release);
	return true;
}

static void take_key(char c) REQUIRES(keys_lock)
{
	keys.escapes = 0;
	if (keys.count < KEYS)
		keys.key[(keys.head + keys.count++) % KEYS] = c;
}

bool monitor_input(char c, unsigned int *held)
{
	bool ours = true, news;

	*held = 0;
	if (!escape)
		return false;
	spin_lock(&keys_lock);
	if (c == escape) {
		news = take_escape();
	} else if (monitor_active()) {
		take_key(c);
		news = true;
	} else {
		*held = keys.escapes;
		keys.escapes = 0;
		ours = news = false;
	}
	spin_unlock(&keys_lock);
	if (news)
		work_post_on(BOOT_CPU, &work);
	return ours;
}

static bool next_key(char *c)
{
	bool found;

	spin_lock(&keys_lock);
	found = keys.count;
	if (found) {
		*c = keys.key[keys.head];
		keys.head = (keys.head + 1) % KEYS;
		keys.count--;
	}
	spin_unlock(&keys_lock);
	return found;
}

static void show_line(bool complete)
{
	char text[sizeof(prompt) + MONITOR_LINE_MAX];

	memcpy(text, prompt, sizeof(prompt) - 1);
	memcpy(text + sizeof(prompt) - 1, line, line_length);
	console_edit(text, sizeof(prompt) - 1 + line_length, complete);
}

static void run_line(void)
{
	show_line(true);
	line[line_length] = '\0';
	line_length = 0;
	running = monitor_start(line);
}

static void edit(char c)
{
	switch (c) {
	case '\r':
	case '\n': run_line(); break;
	case BACKSPACE:
	case DELETE:
		if (line_length)
			line_length--;
		break;
	case CTRL_U: line_length = 0; break;
	default:
		if (c >= ' ' && c <= '~' && line_length < MONITOR_LINE_MAX)
			line[line_length++] = c;
		break;
	}
}

static void announce(void)
{
	char letter = (char)(escape - 1 + 'a');

	announced = monitor_active();
	line_length = 0;
	if (announced)
		log_print("monitor: the keyboard is Fairlead's (Ctrl-%c three times: back to the guest); "
			  "`help` lists commands",
			  letter);
	else
		log_print("monitor: the keyboard is the guest's");
}

/* A step of the command that runs, or else what was typed, up to the end of a line. */
static void monitor_work(struct work *w)
{
	char c;

	if (!announced && monitor_active())
		announce();
	if (running)
		running = monitor_continue();
	while (!running && next_key(&c))
		edit(c);
	if (running) {
		work_post_on(BOOT_CPU, w);
		return;
	}
	if (announced && !monitor_active())
		announce();
	if (announced)
		show_line(false);
}

void monitor_init(struct vm *vm, char escape_character)
{
	work_init(&work, monitor_work);
	spin_lock(&keys_lock);
	keys.head = keys.count = keys.escapes = 0;
	spin_unlock(&keys_lock);
	atomic_store_explicit(&active, false, memory_order_release);
	announced = running = false;
	line_length = 0;
	monitor_commands_init(vm);
	escape = escape_character;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Fairlead writes on the shared console (console.h). The lock is held for a whole line; what comes in
 * the middle of one on the same CPU, a machine check, begins a line of its own.
 */
#include "core/arch.h"
#include "core/console/internal.h"

/*
 * Far more than a character takes at 115200 baud, for the sake of an emulated UART: that one takes no more
 * while nobody reads what it has sent, and its emulator may want the CPU that spins here.
 */
#define TRANSMIT_SPINS 4000000u

/* Whose the terminal's current line is. */
enum terminal_line { LINE_EMPTY, LINE_GUEST, LINE_EDITED, LINE_FAIRLEAD };

const struct console_uart *console_uart;

static struct {
	/* The transmitter did not become ready in time: look again, but do not wait for it again. */
	bool stuck;
	enum terminal_line line;
} out GUARDED_BY(console_spinlock);

/* The line that is being typed to the monitor, as the terminal shows it. */
#define EDIT_MAX 80
static struct {
	char text[EDIT_MAX];
	size_t len;
} edited GUARDED_BY(console_spinlock);

void console_attach(const struct console_uart *uart) REQUIRES(console_spinlock)
{
	console_uart = uart;
	out.stuck = false;
	out.line = LINE_EMPTY;
	console_input_reset();
}

/* Bounded; after one time-out each call looks just once, until the UART moves again. */
static bool wait_for(bool (*ready)(void)) REQUIRES(console_spinlock)
{
	u32 spins = out.stuck ? 1 : TRANSMIT_SPINS;

	for (u32 i = 0; i < spins; i++) {
		if (ready()) {
			out.stuck = false;
			return true;
		}
		arch_cpu_relax();
	}
	out.stuck = true;
	return false;
}

void console_put(u8 c) REQUIRES(console_spinlock)
{
	if (console_uart && wait_for(console_uart->can_send))
		console_uart->send(c);
}

static void put_text(const char *text) REQUIRES(console_spinlock)
{
	while (*text)
		console_put((u8)*text++);
}

static void begin_line(void) REQUIRES(console_spinlock)
{
	if (out.line != LINE_EMPTY)
		put_text("\r\n");
	out.line = LINE_EMPTY;
}

/*
 * A guest that has seen room in the transmitter's FIFO fills it without looking again: leave as much as we
 * found.
 */
static void leave_room(void) REQUIRES(console_spinlock)
{
	if (console_uart)
		(void)wait_for(console_uart->can_send);
}

void console_log_sink(enum log_level level, const char *line, size_t len)
{
	static const char panic_mark[] = "panic:";
	bool is_panic = len >= sizeof(panic_mark) - 1 &&
			__builtin_strncmp(line, panic_mark, sizeof(panic_mark) - 1) == 0;

	console_lock();
	begin_line();
	out.line = LINE_FAIRLEAD;
	put_text("fairlead: ");
	if (level == LOG_ERROR && !is_panic)
		put_text("error: ");
	if (level == LOG_WARN)
		put_text("warning: ");
	for (size_t i = 0; i < len; i++)
		console_put(line[i] >= ' ' && line[i] <= '~' ? (u8)line[i] : '?');
	put_text("\r\n");
	out.line = LINE_EMPTY;
	leave_room();
	console_unlock();
}

void console_drain_locked(void) REQUIRES(console_spinlock)
{
	if (console_uart)
		(void)wait_for(console_uart->idle);
}

void console_drain(void)
{
	console_lock();
	console_drain_locked();
	console_unlock();
}

void console_guest_sends(u8 c) REQUIRES(console_spinlock)
{
	if (out.line == LINE_EDITED) {
		begin_line();
		leave_room();
	}
	out.line = c == '\n' ? LINE_EMPTY : LINE_GUEST;
}

/* Only what differs from what is shown is written. */
static void edit(const char *line, size_t len, bool complete) REQUIRES(console_spinlock)
{
	size_t same = 0;

	len = min_u64(len, sizeof(edited.text));
	if (out.line != LINE_EDITED) {
		begin_line();
		edited.len = 0;
	}
	while (same < len && same < edited.len && line[same] == edited.text[same])
		same++;
	for (; edited.len > same; edited.len--)
		put_text("\b \b");
	for (; edited.len < len; edited.len++) {
		edited.text[edited.len] = line[edited.len];
		console_put((u8)line[edited.len]);
	}
	out.line = LINE_EDITED;
	if (complete)
		begin_line();
	leave_room();
}

void console_edit(const char *line, size_t len, bool complete)
{
	console_lock();
	edit(line, len, complete);
	console_unlock();
}

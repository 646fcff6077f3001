/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the shared console receives. Every character passes monitor_input(); the guest's wait in a queue
 * here, which is the receive FIFO that it sees: so it never sees one announced that Fairlead then keeps.
 *
 * The monitor gets each character under the console's lock, so that those that two CPUs read keep their
 * order.
 */
#include "core/console/internal.h"
#include "core/monitor/monitor.h"

#define QUEUE 512u /* characters; a power of two */

static struct {
	u16 entry[QUEUE];
	unsigned int head, count;
	u16 last;     /* what a read of the empty queue gives, as the hardware does */
	bool overran; /* one was lost */
	char escape;
} rx GUARDED_BY(console_spinlock);

void console_input_reset(void) REQUIRES(console_spinlock)
{
	rx.head = rx.count = 0;
	rx.overran = false;
}

void console_set_escape(char escape) REQUIRES(console_spinlock)
{
	rx.escape = escape;
}

static void queue(u16 entry) REQUIRES(console_spinlock)
{
	if (rx.count == QUEUE)
		rx.overran = true;
	else
		rx.entry[(rx.head + rx.count++) % QUEUE] = entry;
}

static void take_one(void) REQUIRES(console_spinlock)
{
	u16 entry = console_uart->receive();
	unsigned int held;

	if (monitor_input((char)entry, &held))
		return;
	for (; held; held--)
		queue((u8)rx.escape);
	queue(entry);
}

bool console_take(unsigned int most, unsigned int wanted) REQUIRES(console_spinlock)
{
	for (; console_uart && rx.count < wanted && console_uart->has_input(); most--) {
		if (!most)
			return true;
		take_one();
	}
	return false;
}

unsigned int console_waiting(void) REQUIRES(console_spinlock)
{
	return rx.count;
}

u16 console_next(void) REQUIRES(console_spinlock)
{
	if (rx.count) {
		rx.last = rx.entry[rx.head];
		rx.head = (rx.head + 1) % QUEUE;
		rx.count--;
	}
	return rx.last;
}

void console_drop(void) REQUIRES(console_spinlock)
{
	rx.count = 0;
}

bool console_overran(void) REQUIRES(console_spinlock)
{
	bool overran = rx.overran;

	rx.overran = false;
	return overran;
}

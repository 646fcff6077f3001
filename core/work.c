/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queues of deferred work, one a CPU. It guards that each post is followed by exactly one run, which
 * sees all that the poster wrote, and that no poster ever waits.
 *
 * Posters push on a list of which only the newest is known; the CPU takes the whole list with one exchange,
 * so an item that is taken off and posted again while somebody pushes harms nobody. What was taken is
 * turned round and appended to the CPU's own list, which nobody else touches.
 */
#include "core/work.h"

#include "core/arch.h"
#include "core/rendezvous.h"
#include "core/timer.h"
#include "core/trace.h"

static struct queue {
	_Atomic(struct work *) newest; /* pushed, by whomever */
	struct work *first, *last;     /* taken: this CPU's only */
	_Atomic u64 run, left_over;    /* written by this CPU only */
} queues[CPUS_MAX];

void work_init(struct work *w, void (*fn)(struct work *w))
{
	w->next = NULL;
	w->fn = fn;
	atomic_init(&w->queued, false);
}

static void push(struct queue *q, struct work *w)
{
	struct work *newest = atomic_load_explicit(&q->newest, memory_order_relaxed);

	do
		w->next = newest;
	while (!atomic_compare_exchange_weak_explicit(&q->newest, &newest, w, memory_order_release,
						      memory_order_relaxed));
}

/*
 * Whoever finds it queued wrote before the run: both sides exchange `queued`, so the run's exchange
 * acquires what every post since the last run released, even of those that changed nothing.
 */
static bool claim(struct work *w)
{
	return !atomic_exchange_explicit(&w->queued, true, memory_order_acq_rel);
}

bool work_post(struct work *w)
{
	if (!claim(w))
		return false;
	push(&queues[arch_cpu_index()], w);
	return true;
}

bool work_post_on(unsigned int cpu, struct work *w)
{
	if (!claim(w))
		return false;
	push(&queues[cpu], w);
	if (cpu != arch_cpu_index())
		arch_cpu_kick(cpu);
	return true;
}

/* Moves what was pushed, newest first, to the end of the CPU's own list, oldest first. */
static void take(struct queue *q)
{
	struct work *w = atomic_exchange_explicit(&q->newest, NULL, memory_order_acquire);
	struct work *newest = w, *oldest = NULL;

	while (w) {
		struct work *older = w->next;

		w->next = oldest;
		oldest = w;
		w = older;
	}
	if (!oldest)
		return;
	if (q->last)
		q->last->next = oldest;
	else
		q->first = oldest;
	q->last = newest;
}

/* Of the CPU's own list, the first. */
static void run_one(struct queue *q)
{
	struct work *w = q->first;
	void (*fn)(struct work *w) = w->fn;
	u64 began = trace_begin(TRACE_CLASS_WORK);

	q->first = w->next;
	if (!q->first)
		q->last = NULL;
	/* From here on it may be posted again. */
	(void)atomic_exchange_explicit(&w->queued, false, memory_order_acq_rel);
	fn(w);
	trace_since(TRACE_WORK, began, 0, (u64)(uintptr_t)fn, 0);
}

static void count_one(_Atomic u64 *counter)
{
	u64 old = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, old + 1, memory_order_relaxed);
}

unsigned int work_run(unsigned int budget)
{
	struct queue *q = &queues[arch_cpu_index()];
	unsigned int done = 0;

	take(q);
	while (done < budget && q->first) {
		run_one(q);
		count_one(&q->run);
		done++;
	}
	return done;
}

bool work_pending(void)
{
	struct queue *q = &queues[arch_cpu_index()];

	return q->first || atomic_load_explicit(&q->newest, memory_order_relaxed);
}

void exit_tail(void)
{
	unsigned int self = arch_cpu_index();

	rendezvous_work(); /* a CPU that sleeps in Fairlead comes here without an exit */
	(void)timers_run();
	(void)work_run(WORK_BUDGET);
	if (work_pending()) {
		count_one(&queues[self].left_over);
		arch_cpu_kick(self);
	}
	rendezvous_rest();
}

void work_get_stats(struct work_stats *out)
{
	*out = (struct work_stats){ 0 };
	for (unsigned int cpu = 0; cpu < CPUS_MAX; cpu++) {
		out->run += atomic_load_explicit(&queues[cpu].run, memory_order_relaxed);
		out->left_over += atomic_load_explicit(&queues[cpu].left_over, memory_order_relaxed);
	}
}

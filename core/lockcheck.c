/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The run-time lock checker: see the header. Empty in release builds.
 *
 * What one CPU holds is written by that CPU alone; the graph is written under a flag of its own, and only
 * when an edge is new, so that of two CPUs that take A, B and B, A at the same time one sees the other's
 * edge. The text of a report is made on the stack; while a CPU reports, what it takes and drops goes
 * unchecked, because the log has locks too.
 */
#include "core/lockcheck.h"

#ifdef FL_DEBUG
#include "core/arch.h"
#include "core/log.h"
#include "core/string.h"

#define REFS_HELD_MAX 32 /* remembered with their site; more are counted */
#define REPORT_MAX 1536	 /* bytes; a longer report is cut */

/* A report's text is on the stack, and only while one is made. */
#define REPORTER __attribute__((cold, noinline)) static

struct held_lock {
	_Atomic(struct spinlock *) lock;
	_Atomic(const char *) site;
	_Atomic u32 class; /* number from 1; 0: none, the lock takes no part in the order */
	_Atomic bool taken; /* false: it still waits */
};

struct held_ref {
	const void *object;
	const char *site;
};

/* One CPU's. Others read held[] only to name a lock's holder in a report. */
static struct cpu_held {
	_Atomic u32 locks;
	struct held_lock held[LOCKS_HELD_MAX];
	u32 refs, more_refs;
	struct held_ref ref[REFS_HELD_MAX];
	_Atomic u32 nmi;
	_Atomic bool reporting;
} cpus[CPUS_MAX];

/* [lock_class_number() - 1] */
static struct class_entry {
	_Atomic u64 taken, contended;
	_Atomic u32 held;
} classes[LOCK_CLASSES_MAX];

/* "Inner was taken under outer", and where both were taken when that was first seen; inner NULL: never. */
struct edge {
	_Atomic(const char *) outer, inner;
};
static struct edge edges[LOCK_CLASSES_MAX][LOCK_CLASSES_MAX];
static atomic_flag edges_busy = ATOMIC_FLAG_INIT; /* who adds edges */

static _Atomic(void (*)(const char *text)) report_fn;

#define GET(x) atomic_load_explicit(&(x), memory_order_relaxed)
#define SET(x, value) atomic_store_explicit(&(x), (value), memory_order_relaxed)
#define ADD(x, value) ((void)atomic_fetch_add_explicit(&(x), (value), memory_order_relaxed))

static struct cpu_held *this_cpu(void)
{
	return &cpus[arch_cpu_index()];
}

static const char *site_text(struct code_site site)
{
	return site.text ? site.text : "an unknown place";
}

static const char *class_name(u32 class)
{
	return class ? lock_class_at(class)->name : "a lock without a class";
}

/*
 * ---- reports
 * --------------------------------------------------------------------------------------------------
 */

struct report {
	size_t length;
	char text[REPORT_MAX];
};

static void PRINTF_LIKE(2, 3) add(struct report *r, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = fl_vsnprintf(r->text + r->length, sizeof(r->text) - r->length, fmt, ap);
	va_end(ap);
	if (n > 0)
		r->length = (size_t)min_u64(r->length + (size_t)n, sizeof(r->text) - 1);
}

#ifdef FL_HOST
void host_report(const char *text); /* core/host_cpu.c: tests have no log unless they ask for one */
#else
static void host_report(const char *text UNUSED)
{
}
#endif

static void log_and_panic(char *text)
{
	host_report(text);
	for (char *line = text; *line;) {
		char *end = strchr(line, '\n');

		*end = '\0';
		log_error("%s", line);
		line = end + 1;
	}
	panic("lockcheck: see the lines above");
}

static void start_report(struct report *r)
{
	SET(this_cpu()->reporting, true);
	r->length = 0;
	add(r, "lockcheck, CPU %u: ", arch_cpu_index());
}

static void send_report(struct report *r)
{
	void (*fn)(const char *text) = atomic_load_explicit(&report_fn, memory_order_acquire);

	r->text[r->length - 1] = '\n'; /* it is, unless the text was cut */
	if (fn)
		fn(r->text);
	else
		log_and_panic(r->text);
	SET(this_cpu()->reporting, false);
}

static void add_taken_here(struct report *r, const char *name, struct code_site site)
{
	add(r, "  taken here: %s at %s\n", name, site_text(site));
}

static void add_held(struct report *r, const struct cpu_held *cpu)
{
	for (u32 i = 0; i < GET(cpu->locks); i++)
		add(r, "  held: %s at %s\n", class_name(GET(cpu->held[i].class)), GET(cpu->held[i].site));
}

REPORTER void report_lock(const char *what, const char *name, struct code_site site, const struct cpu_held *show_held)
{
	struct report r;

	start_report(&r);
	add(&r, "%s: %s\n", what, name);
	add_taken_here(&r, name, site);
	if (show_held)
		add_held(&r, show_held);
	send_report(&r);
}

/*
 * ---- classes
 * --------------------------------------------------------------------------------------------------
 */

static u32 class_of(struct spinlock *lock, struct code_site site)
{
	u32 number;

	if (!lock->class) {
		report_lock("a lock without a class", "it", site, NULL);
		return 0;
	}
	number = lock_class_number(lock->class);
	if (!number)
		report_lock("too many lock classes", lock->class->name, site, NULL);
	return number;
}

/*
 * ---- the order
 * ------------------------------------------------------------------------------------------------
 */

static const char *edge_seen(u32 outer, u32 inner)
{
	return atomic_load_explicit(&edges[outer - 1][inner - 1].inner, memory_order_acquire);
}

/*
 * A shortest way along edges from one class to another: next[class] is the class after it. False: there is
 * none. Each class is entered once.
 */
static bool find_way(u32 from, u32 to, u8 next[LOCK_CLASSES_MAX + 1])
{
	u8 queue[LOCK_CLASSES_MAX];
	u32 head = 0, tail = 0;

	memset(next, 0, LOCK_CLASSES_MAX + 1);
	queue[tail++] = (u8)to;
	while (head < tail) {
		u8 node = queue[head++];

		for (u32 before = 1; before <= LOCK_CLASSES_MAX; before++) {
			if (before == to || next[before] || !edge_seen(before, node))
				continue;
			next[before] = node;
			if (before == from)
				return true;
			queue[tail++] = (u8)before;
		}
	}
	return false;
}

/*
 * Adds an edge. True: it was new and closes a cycle, whose other edges are those along next[] from inner to
 * outer.
 */
static bool add_edge(u32 outer, const char *outer_site, u32 inner, const char *inner_site,
		     u8 next[LOCK_CLASSES_MAX + 1])
{
	struct edge *edge = &edges[outer - 1][inner - 1];
	bool cycle = false;

	if (edge_seen(outer, inner))
		return false;
	while (atomic_flag_test_and_set_explicit(&edges_busy, memory_order_acquire))
		arch_cpu_relax();
	if (!edge_seen(outer, inner)) {
		cycle = find_way(inner, outer, next);
		SET(edge->outer, outer_site);
		atomic_store_explicit(&edge->inner, inner_site, memory_order_release);
	}
	atomic_flag_clear_explicit(&edges_busy, memory_order_release);
	return cycle;
}

REPORTER void report_order(u32 outer, const char *outer_site, u32 inner, const char *inner_site, const u8 *next)
{
	struct report r;

	start_report(&r);
	add(&r, "lock order: %s taken under %s\n", class_name(inner), class_name(outer));
	add(&r, "  taken here: %s at %s, then %s at %s\n", class_name(outer), outer_site, class_name(inner), inner_site);
	for (u32 class = inner; class != outer; class = next[class]) {
		const char *then = edge_seen(class, next[class]);

		add(&r, "  earlier: %s at %s, then %s at %s\n", class_name(class),
		    GET(edges[class - 1][next[class] - 1].outer), class_name(next[class]), then);
	}
	send_report(&r);
}

REPORTER void report_same_class(const struct held_lock *held, u32 class, bool same, struct code_site site)
{
	struct report r;

	start_report(&r);
	add(&r, "%s: %s\n", same ? "recursive lock" : "two locks of one class", class_name(class));
	add(&r, "  taken here: %s at %s, then %s at %s\n", class_name(class), GET(held->site), class_name(class),
	    site_text(site));
	send_report(&r);
}

/* Everything held against the lock that is to be taken. One report at most; all new edges are kept. */
static void check_order(struct cpu_held *cpu, struct spinlock *lock, u32 class, struct code_site site, bool try)
{
	u8 next[LOCK_CLASSES_MAX + 1];
	bool reported = false;

	for (u32 i = 0; i < GET(cpu->locks); i++) {
		const struct held_lock *outer = &cpu->held[i];
		u32 outer_class = GET(outer->class);

		if (class && outer_class == class) {
			if (!reported)
				report_same_class(outer, class, GET(outer->lock) == lock, site);
			reported = true;
		} else if (class && outer_class && !try &&
			   add_edge(outer_class, GET(outer->site), class, site_text(site), next)) {
			if (!reported)
				report_order(outer_class, GET(outer->site), class, site_text(site), next);
			reported = true;
		}
	}
}

/*
 * ---- what a CPU holds
 * -----------------------------------------------------------------------------------------
 */

static void push(struct cpu_held *cpu, struct spinlock *lock, u32 class, struct code_site site)
{
	u32 depth = GET(cpu->locks);
	struct held_lock *held = &cpu->held[depth];

	SET(held->lock, lock);
	SET(held->site, site_text(site));
	SET(held->class, class);
	SET(held->taken, false);
	SET(cpu->locks, depth + 1);
}

static struct held_lock *find_held(struct cpu_held *cpu, const struct spinlock *lock)
{
	for (u32 i = GET(cpu->locks); i-- > 0;)
		if (GET(cpu->held[i].lock) == lock)
			return &cpu->held[i];
	return NULL;
}

/* Locks are released in any order. */
static void pop(struct cpu_held *cpu, struct held_lock *held)
{
	u32 last = GET(cpu->locks) - 1;

	for (; held < &cpu->held[last]; held++) {
		SET(held->lock, GET(held[1].lock));
		SET(held->site, GET(held[1].site));
		SET(held->class, GET(held[1].class));
		SET(held->taken, GET(held[1].taken));
	}
	SET(cpu->locks, last);
}

REPORTER void report_release(const struct spinlock *lock)
{
	const char *name = lock->class ? lock->class->name : "a lock without a class";
	bool found = false;
	struct report r;

	start_report(&r);
	add(&r, "released, but not held by this CPU: %s\n", name);
	for (unsigned int i = 0; i < CPUS_MAX; i++) {
		const struct held_lock *held = find_held(&cpus[i], lock);

		if (held && GET(held->taken)) {
			add(&r, "  held by CPU %u: %s at %s\n", i, name, GET(held->site));
			found = true;
		}
	}
	if (!found)
		add(&r, "  held by no CPU\n");
	send_report(&r);
}

void lockcheck_acquire(struct spinlock *lock, struct code_site site, bool try)
{
	struct cpu_held *cpu = this_cpu();
	u32 class;

	if (GET(cpu->reporting))
		return;
	if (GET(cpu->nmi)) {
		report_lock("lock in NMI context", lock->class ? lock->class->name : "a lock without a class", site,
			    NULL);
		return;
	}
	class = class_of(lock, site);
	check_order(cpu, lock, class, site, try);
	if (GET(cpu->locks) == LOCKS_HELD_MAX)
		report_lock("too many locks held", class_name(class), site, cpu);
	else
		push(cpu, lock, class, site);
}

void lockcheck_acquired(struct spinlock *lock, bool waited)
{
	struct cpu_held *cpu = this_cpu();
	struct held_lock *held;
	u32 class;

	if (GET(cpu->reporting) || GET(cpu->nmi))
		return;
	held = find_held(cpu, lock);
	if (!held)
		return; /* there was no room for it: reported */
	SET(held->taken, true);
	class = GET(held->class);
	if (!class)
		return;
	ADD(classes[class - 1].taken, 1u);
	ADD(classes[class - 1].contended, waited);
	ADD(classes[class - 1].held, 1u);
}

void lockcheck_release(struct spinlock *lock)
{
	struct cpu_held *cpu = this_cpu();
	struct held_lock *held;

	if (GET(cpu->reporting) || GET(cpu->nmi))
		return;
	held = find_held(cpu, lock);
	if (!held) {
		report_release(lock);
		return;
	}
	if (GET(held->class))
		ADD(classes[GET(held->class) - 1].held, ~0u);
	pop(cpu, held);
}

void lockcheck_nmi(bool inside)
{
	ADD(this_cpu()->nmi, inside ? 1u : ~0u);
}

/*
 * ---- TRANSIENT references
 * -------------------------------------------------------------------------------------
 */

REPORTER void report_ref(const char *what, const char *verb, struct code_site site)
{
	struct report r;

	start_report(&r);
	add(&r, "%s\n  %s here: %s\n", what, verb, site_text(site));
	send_report(&r);
}

static void take_ref(struct cpu_held *cpu, const void *object, struct code_site site)
{
	if (cpu->refs == REFS_HELD_MAX) {
		cpu->more_refs++;
		return;
	}
	cpu->ref[cpu->refs].object = object;
	cpu->ref[cpu->refs].site = site_text(site);
	cpu->refs++;
}

static void drop_ref(struct cpu_held *cpu, const void *object, struct code_site site)
{
	u32 i = cpu->refs;

	while (i-- > 0)
		if (cpu->ref[i].object == object)
			break;
	if (i < cpu->refs) {
		cpu->refs--;
		memmove(&cpu->ref[i], &cpu->ref[i + 1], (cpu->refs - i) * sizeof(cpu->ref[0]));
	} else if (cpu->more_refs) {
		cpu->more_refs--;
	} else {
		report_ref("TRANSIENT reference dropped that this CPU does not hold", "dropped", site);
	}
}

void lockcheck_ref(const void *object, struct code_site site, bool taken)
{
	struct cpu_held *cpu = this_cpu();

	if (GET(cpu->reporting))
		return;
	if (GET(cpu->nmi))
		report_ref("reference in NMI context", taken ? "taken" : "dropped", site);
	else if (taken)
		take_ref(cpu, object, site);
	else
		drop_ref(cpu, object, site);
}

static void add_locks(struct report *r, const struct cpu_held *cpu)
{
	for (u32 i = 0; i < GET(cpu->locks); i++)
		add(r, "  lock: %s at %s\n", class_name(GET(cpu->held[i].class)), GET(cpu->held[i].site));
}

REPORTER void report_vm_entry(const struct cpu_held *cpu)
{
	struct report r;

	start_report(&r);
	add(&r, "held at VM entry\n");
	add_locks(&r, cpu);
	for (u32 i = 0; i < cpu->refs; i++)
		add(&r, "  TRANSIENT reference: taken at %s\n", cpu->ref[i].site);
	if (cpu->more_refs)
		add(&r, "  TRANSIENT references: %u more\n", cpu->more_refs);
	send_report(&r);
}

void lockcheck_vm_entry(void)
{
	const struct cpu_held *cpu = this_cpu();

	if (!GET(cpu->reporting) && (GET(cpu->locks) || cpu->refs || cpu->more_refs))
		report_vm_entry(cpu);
}

REPORTER void report_wait(const struct cpu_held *cpu)
{
	struct report r;

	start_report(&r);
	add(&r, "held over a wait\n");
	add_locks(&r, cpu);
	send_report(&r);
}

void lockcheck_wait(void)
{
	const struct cpu_held *cpu = this_cpu();

	if (!GET(cpu->reporting) && GET(cpu->locks))
		report_wait(cpu);
}

/*
 * ---- for the monitor and tests
 * --------------------------------------------------------------------------------
 */

bool lockcheck_class(unsigned int index, struct lock_class_info *out)
{
	const struct lock_class *class = lock_class_at(index + 1);

	if (!class)
		return false;
	out->name = class->name;
	out->taken = GET(classes[index].taken);
	out->contended = GET(classes[index].contended);
	out->held = GET(classes[index].held);
	return true;
}

bool lockcheck_edge(unsigned int outer, unsigned int inner)
{
	return outer < LOCK_CLASSES_MAX && inner < LOCK_CLASSES_MAX && edge_seen(outer + 1, inner + 1);
}

void lockcheck_on_report(void (*fn)(const char *text))
{
	atomic_store_explicit(&report_fn, fn, memory_order_release);
}

void lockcheck_reset(void)
{
	for (unsigned int i = 0; i < CPUS_MAX; i++) {
		SET(cpus[i].locks, 0);
		SET(cpus[i].nmi, 0);
		SET(cpus[i].reporting, false);
		cpus[i].refs = 0;
		cpus[i].more_refs = 0;
	}
	for (unsigned int i = 0; i < LOCK_CLASSES_MAX; i++) {
		SET(classes[i].held, 0);
		for (unsigned int k = 0; k < LOCK_CLASSES_MAX; k++) {
			SET(edges[i][k].outer, NULL);
			SET(edges[i][k].inner, NULL);
		}
	}
}
#endif

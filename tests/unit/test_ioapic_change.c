/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Redirection entries that change while their pins fire: no interrupt lost, none doubled, and what was written is in force when the
 * write returns, whether hardware keeps old remapping entries until a flush or not. Expectations: Intel 82093AA datasheet, 3.2.4 (an
 * edge on a masked pin is ignored; a level is seen when it is unmasked; Remote IRR ends with an EOI of the entry's vector); VT-d
 * specification 4.1, 5.1.5.1 (trigger modes of both entries are equal) and 6.5.2 (an entry is cached until invalidated).
 */
#include <sched.h>
#include <time.h>

#include "tests/unit/ioapic_machine.h"

extern _Thread_local unsigned int host_cpu;

#define PIN 9u
#define V1 0x61u
#define V2 0x62u
#define V3 0x63u

static unsigned int at_flush; /* the hardware's lower half then */

static unsigned int total(void)
{
	return vectors[V1] + vectors[V2] + vectors[V3];
}

/* ---- what happens while a flush is waited for ---- */

static void edge_in_flush(void)
{
	at_flush = chips[0].low[PIN];
	edge(0, PIN);
}

static void level_in_flush(void)
{
	at_flush = chips[0].low[PIN];
	pin(0, PIN, true);
}

static void an_edge_in_the_middle_is_delivered(void **state)
{
	static const struct {
		u32 high, low;
	} change[] = {
		{ TO(2), V1 }, { TO(1), V2 }, { TO(2), V2 }, { TO(1), LOGICAL | V1 }, { TO(1), MODE(LOWEST) | LOGICAL | V3 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(change); i++) {
		unsigned int before, fired;

		entry(PIN, TO(1), V1);
		before = total();
		fired = fake_intr.flushes;
		fake_intr.during_flush = edge_in_flush;
		entry(PIN, change[i].high, change[i].low);
		fake_intr.during_flush = NULL;
		fired = fake_intr.flushes - fired;
		assert_true(fired >= 1);
		assert_int_equal(total() - before, fired);
		assert_false(at_flush & MASKED);
		before = vectors[change[i].low & 0xff];
		edge(0, PIN); /* in force */
		assert_int_equal(vectors[change[i].low & 0xff] - before, 1);
		assert_int_equal(last.destination, change[i].high >> 24);
		assert_int_equal(last.logical, !!(change[i].low & LOGICAL));
	}
	assert_int_equal(blocked + wrong_trigger + odd, 0);
}

static void a_level_in_the_middle_is_delivered_once(void **state)
{
	for (unsigned int what = 0; what < 2; what++) {
		unsigned int before;

		entry(PIN, TO(1), LEVEL | V1);
		before = total();
		fake_intr.during_flush = level_in_flush;
		if (what)
			low_write(PIN, LEVEL | V2);
		else
			high_write(PIN, TO(2));
		fake_intr.during_flush = NULL;
		assert_int_equal(total() - before, 1);
		if (what) {
			assert_true(at_flush & MASKED); /* none with the old vector, whose EOI nobody would know */
			assert_int_equal(last.vector, V2);
		}
		assert_int_equal(total() - before, 1);
		pin(0, PIN, false);
		cpu_eoi(last.vector);
		assert_false(chips[0].low[PIN] & (REMOTE_IRR | MASKED));
		assert_int_equal(total() - before, 1);
	}
	assert_int_equal(blocked + wrong_trigger + odd, 0);
}

/* Asserted before, not served yet: the pin fires once the entry is complete. */
static void an_asserted_level_survives_a_masked_change(void **state)
{
	entry(PIN, TO(1), MASKED | LEVEL | V1);
	pin(0, PIN, true);
	low_write(PIN, MASKED | LEVEL | V2);
	high_write(PIN, TO(3));
	assert_int_equal(total(), 0);
	low_write(PIN, LEVEL | V2);
	assert_int_equal(total(), 1);
	assert_int_equal(last.vector, V2);
	assert_int_equal(last.destination, 3);
}

static void from_edge_to_level(void **state)
{
	entry(PIN, TO(1), V1);
	fake_intr.during_flush = level_in_flush;
	low_write(PIN, LEVEL | V1);
	assert_int_equal(total(), 1);
	assert_true(last.level);
	pin(0, PIN, false);
	cpu_eoi(V1);
	assert_false(chips[0].low[PIN] & REMOTE_IRR);
	assert_int_equal(blocked + wrong_trigger, 0);
}

/* Never masked: the edge that comes then would be lost. */
static void from_level_to_edge(void **state)
{
	entry(PIN, TO(1), LEVEL | V1);
	fake_intr.during_flush = edge_in_flush;
	low_write(PIN, V1);
	fake_intr.during_flush = NULL;
	assert_int_equal(total(), 1);
	edge(0, PIN);
	assert_int_equal(total(), 2);
	assert_false(last.level);
	assert_int_equal(blocked, 0);
}

/* Each field alone is a change, and in force at once. */
static void each_field_counts(void **state)
{
	static const struct {
		u32 high, low;
	} step[] = {
		{ TO(1), LOGICAL | V1 },		{ TO(1), LOGICAL | MODE(LOWEST) | V1 }, { TO(1), LOGICAL | V1 },
		{ TO(2), LOGICAL | V1 },		{ TO(2), V1 },				{ TO(2), V2 },
		{ TO(2), ACTIVE_LOW | V2 },		{ TO(2), LOGICAL | V2 },		{ TO(2), V2 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(step); i++) {
		unsigned int before = delivered;

		if (i && step[i].high != step[i - 1].high)
			high_write(PIN, step[i].high);
		else if (i)
			low_write(PIN, step[i].low);
		else
			entry(PIN, step[i].high, step[i].low);
		edge(0, PIN);
		assert_int_equal(delivered - before, 1);
		assert_int_equal(last.vector, step[i].low & 0xff);
		assert_int_equal(last.destination, step[i].high >> 24);
		assert_int_equal(last.logical, !!(step[i].low & LOGICAL));
		assert_int_equal(last.lowest, !!(step[i].low & MODE(LOWEST)));
		assert_int_equal(chips[0].low[PIN] & ACTIVE_LOW, step[i].low & ACTIVE_LOW);
	}
}

/* ---- what costs what ---- */

static void a_new_destination_leaves_the_entry_alone(void **state)
{
	static const u32 lows[] = { V1, LEVEL | V1 };

	for (unsigned int i = 0; i < ARRAY_SIZE(lows); i++) {
		unsigned int writes, flushes;

		entry(PIN, TO(1), lows[i]);
		writes = chips[0].writes;
		flushes = fake_intr.flushes;
		high_write(PIN, TO(2));
		assert_int_equal(chips[0].writes, writes);
		assert_int_equal(fake_intr.flushes - flushes, 1);
		high_write(PIN, TO(2)); /* nothing new */
		assert_int_equal(fake_intr.flushes - flushes, 1);
	}
}

static void masking_waits_for_nothing(void **state)
{
	entry(PIN, TO(1), LEVEL | V1);
	fake_intr.flushes = fake_intr.sets = 0;
	low_write(PIN, MASKED | LEVEL | V1);
	assert_true(chips[0].low[PIN] & MASKED);
	low_write(PIN, LEVEL | V1);
	assert_false(chips[0].low[PIN] & MASKED);
	low_write(PIN, MASKED | LEVEL | V2); /* with another vector at once */
	assert_true(chips[0].low[PIN] & MASKED);
	assert_int_equal(fake_intr.flushes, 0);
}

static void masking_an_edge_waits_for_nothing(void **state)
{
	entry(PIN, TO(1), V1);
	fake_intr.flushes = fake_intr.sets = 0;
	low_write(PIN, MASKED | V1);
	low_write(PIN, V1);
	edge(0, PIN);
	assert_int_equal(vectors[V1], 1);
	assert_int_equal(fake_intr.flushes + fake_intr.sets, 0); /* the remapping entry did not change */
}

/* As Linux sets one up: masked, upper half, lower half. */
static void one_flush_for_a_masked_change(void **state)
{
	low_write(PIN, MASKED | V1);
	high_write(PIN, TO(2));
	low_write(PIN, MASKED | V2);
	assert_int_equal(fake_intr.flushes, 0);
	low_write(PIN, V2);
	assert_int_equal(fake_intr.flushes, 1);
	edge(0, PIN);
	assert_int_equal(vectors[V2], 1);
	assert_int_equal(last.destination, 2);
}

/* There and back: the hardware may have seen what was in between. */
static void back_to_the_old_one_is_a_change(void **state)
{
	entry(PIN, TO(1), V1);
	low_write(PIN, MASKED | V2);
	fake_intr.flushes = 0;
	low_write(PIN, MASKED | V1);
	low_write(PIN, V1);
	assert_int_equal(fake_intr.flushes, 1);
	low_write(PIN, V1);
	assert_int_equal(fake_intr.flushes, 1);
}

/* ---- a flush that fails ---- */

static void without_a_flush_it_stays_masked(void **state)
{
	static const u32 lows[] = { V2, LEVEL | V2 };

	for (unsigned int i = 0; i < ARRAY_SIZE(lows); i++) {
		unsigned int before;

		entry(PIN, TO(1), V1 | (lows[i] & LEVEL));
		fake_intr.flush_result = -ETIMEDOUT;
		low_write(PIN, lows[i]);
		assert_int_equal(chips[0].low[PIN], MASKED | lows[i]);
		assert_int_equal(low_read(PIN), lows[i]);
		before = delivered;
		edge(0, PIN);
		assert_int_equal(delivered, before);
		low_write(PIN, lows[i]); /* again, in vain */
		assert_true(chips[0].low[PIN] & MASKED);
		fake_intr.flush_result = 0;
		low_write(PIN, lows[i]);
		assert_false(chips[0].low[PIN] & MASKED);
		edge(0, PIN);
		assert_int_equal(delivered, before + 1);
		assert_int_equal(last.vector, V2);
		cpu_eoi(V2);
	}
}

/* ---- another CPU in the middle ---- */

static u32 read_low, read_high;

static void read_in_flush(void)
{
	read_low = low_read(PIN);
	read_high = high_read(PIN);
}

/* An edge's old entry is still in the hardware: not for the guest to see. */
static void a_read_in_the_middle_sees_the_new_entry(void **state)
{
	static const struct {
		u32 high, low;
	} change[] = {
		{ TO(2), 0x55 }, { TO(1), 0xaa }, { TO(0xff), 0x55 }, { TO(2), LEVEL | ACTIVE_LOW | 0x55 }, { TO(1), 0xaa },
	};

	entry(PIN, TO(1), 0xaa);
	for (unsigned int i = 0; i < ARRAY_SIZE(change); i++) {
		high_write(PIN, change[i].high);
		read_high = 0;
		fake_intr.during_flush = read_in_flush;
		low_write(PIN, change[i].low);
		fake_intr.during_flush = NULL;
		assert_int_equal(read_low, change[i].low);
		assert_int_equal(read_high, change[i].high);
	}
}

static u32 other_index, other_value;
static int other_flush;

static void other_cpu(void)
{
	int result = fake_intr.flush_result;

	fake_intr.during_flush = NULL;
	fake_intr.flush_result = other_flush;
	host_cpu = 2;
	reg_write(0, other_index, other_value);
	host_cpu = 1;
	fake_intr.flush_result = result;
}

static void write_with_another(u32 low, u32 index, u32 value)
{
	host_cpu = 1;
	other_index = index;
	other_value = value;
	fake_intr.during_flush = other_cpu;
	low_write(PIN, low);
	assert_null(fake_intr.during_flush);
	host_cpu = 0;
}

/* The newest counts, also when an older one's wait ends later. */
static void the_newest_change_counts(void **state)
{
	for (unsigned int trigger = 0; trigger < 2; trigger++) {
		const u32 level = trigger ? LEVEL : 0;

		entry(PIN, TO(1), level | V1);
		write_with_another(level | V2, 0x10 + 2 * PIN, level | V3);
		assert_int_equal(chips[0].low[PIN], level | V3);
		assert_int_equal(low_read(PIN), level | V3);
		edge(0, PIN);
		assert_int_equal(last.vector, V3);
		cpu_eoi(V3);

		write_with_another(level | V2, 0x10 + 2 * PIN, MASKED | level | V2);
		assert_true(chips[0].low[PIN] & MASKED);

		low_write(PIN, level | V1);
		write_with_another(level | V2, 0x10 + 2 * PIN, MODE(NMI) | level | V2);
		assert_true(chips[0].low[PIN] & MASKED);
		assert_false(intr_memory[0x40 + PIN].present);

		low_write(PIN, level | V1);
		write_with_another(level | V2, 0x11 + 2 * PIN, TO(7));
		assert_int_equal(chips[0].low[PIN], level | V2);
		edge(0, PIN);
		assert_int_equal(last.vector, V2);
		assert_int_equal(last.destination, 7);
		cpu_eoi(V2);
	}
}

/* It needs no new target; but the old one may still be in force. */
static void an_unmask_in_the_middle_flushes_too(void **state)
{
	entry(PIN, TO(1), LEVEL | V1);
	fake_intr.flushes = 0;
	write_with_another(LEVEL | V2, 0x10 + 2 * PIN, LEVEL | V2);
	assert_int_equal(fake_intr.flushes, 2);
	pin(0, PIN, true);
	assert_int_equal(last.vector, V2);
}

/* What one flush did not reach, another's success does not stand for. */
static void an_older_flush_proves_nothing(void **state)
{
	entry(PIN, TO(1), V1);
	other_flush = -ETIMEDOUT;
	write_with_another(V2, 0x10 + 2 * PIN, V3);
	other_flush = 0;
	assert_true(chips[0].low[PIN] & MASKED);
	fake_intr.flushes = 0;
	low_write(PIN, V3);
	assert_int_equal(fake_intr.flushes, 1);
	assert_int_equal(chips[0].low[PIN], V3);
}

/* And a failure that is older does not undo. */
static void an_older_failure_is_overtaken(void **state)
{
	entry(PIN, TO(1), V1);
	fake_intr.flush_result = -ETIMEDOUT;
	write_with_another(V2, 0x10 + 2 * PIN, V3);
	fake_intr.flush_result = 0;
	assert_int_equal(chips[0].low[PIN], V3);
	edge(0, PIN);
	assert_int_equal(last.vector, V3);
}

static void another_cpu_selects_in_the_middle(void **state)
{
	entry(PIN, TO(1), V1);
	entry(3, TO(1), V3);
	write_with_another(V2, 0x10 + 2 * 3, V1);
	assert_int_equal(low_read(PIN), V2);
	assert_int_equal(low_read(3), V1);
	assert_int_equal(chips[0].low[PIN], V2);
	assert_int_equal(chips[0].low[3], V1);
}

/* ---- in service ---- */

/*
 * The entry takes the new vector at once, as it would without Fairlead: the EOI of the old one ends nothing, and the pin is silent
 * until software ends it by the new vector. That is the guest's to avoid, and Linux does.
 */
static void a_new_vector_while_in_service(void **state)
{
	entry(PIN, TO(1), LEVEL | V1);
	pin(0, PIN, true);
	low_write(PIN, LEVEL | V2);
	pin(0, PIN, false);
	cpu_eoi(V1);
	assert_int_equal(low_read(PIN), LEVEL | REMOTE_IRR | V2);
	(void)access_page(0, 0x40, 4, true, V2);
	assert_int_equal(low_read(PIN), LEVEL | V2);
	pin(0, PIN, true);
	assert_int_equal(vectors[V2], 1);
	assert_int_equal(total(), 2);
}

static void a_new_destination_while_in_service(void **state)
{
	entry(PIN, TO(1), LEVEL | V1);
	pin(0, PIN, true);
	high_write(PIN, TO(2));
	assert_int_equal(total(), 1);
	cpu_eoi(V1); /* still asserted */
	assert_int_equal(total(), 2);
	assert_int_equal(last.destination, 2);
	pin(0, PIN, false);
	cpu_eoi(V1);
	assert_false(chips[0].low[PIN] & REMOTE_IRR);
}

/* ---- threads ---- */

#define EDGES 20000u
#define LEVELS 5000u
#define CHANGERS 2
#define SHARED_EDGE 20u
#define SHARED_LEVEL 21u
#define LEVEL_V1 0x91u
#define LEVEL_V2 0x92u

static _Atomic bool stop, failed;
static _Atomic unsigned int fired;
static pthread_mutex_t guest_lock = PTHREAD_MUTEX_INITIALIZER; /* of software: select and window belong together */

static void yield_in_flush(void)
{
	sched_yield();
}

static void locked_write(unsigned int index, u32 value)
{
	pthread_mutex_lock(&guest_lock);
	reg_write(0, index, value);
	pthread_mutex_unlock(&guest_lock);
}

static void *fire_edges(void *arg)
{
	unsigned int n = (unsigned int)(uintptr_t)arg;

	for (unsigned int i = 0; i < EDGES; i++) {
		edge(0, n);
		fired++;
		if (i % 16 == 0)
			sched_yield();
	}
	return NULL;
}

static unsigned int levels_taken(void)
{
	return vectors[LEVEL_V1] + vectors[LEVEL_V2];
}

/* A device, and its handler: the pin goes down, then the EOI of the vector that came. */
static void *fire_levels(void *arg)
{
	struct timespec now;
	time_t end;

	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec + 60;
	for (unsigned int i = 0; i < LEVELS && !failed; i++) {
		unsigned int before = levels_taken(), first = vectors[LEVEL_V1];

		pin(0, SHARED_LEVEL, true);
		while (levels_taken() == before && !failed) {
			sched_yield();
			clock_gettime(CLOCK_MONOTONIC, &now);
			if (now.tv_sec > end)
				failed = true; /* lost */
		}
		pin(0, SHARED_LEVEL, false);
		if (levels_taken() != before + 1)
			failed = true; /* doubled */
		cpu_eoi(vectors[LEVEL_V1] != first ? LEVEL_V1 : LEVEL_V2);
	}
	return NULL;
}

static void *change_edges(void *arg)
{
	unsigned int cpu = (unsigned int)(uintptr_t)arg, seed = cpu;

	host_cpu = cpu;
	while (!stop) {
		unsigned int n = rand_r(&seed) & 1 ? SHARED_EDGE : 10 + cpu;

		if (rand_r(&seed) & 1)
			locked_write(0x11 + 2 * n, TO(rand_r(&seed) & 7));
		else
			locked_write(0x10 + 2 * n, 0x30u + (rand_r(&seed) & 15));
	}
	return NULL;
}

/* As Linux moves one: masked, and a new vector only if none is in service. */
static void *change_level(void *arg)
{
	unsigned int seed = 7;
	u32 vector = LEVEL_V1;

	host_cpu = 3;
	while (!stop) {
		pthread_mutex_lock(&guest_lock);
		if (rand_r(&seed) & 1) {
			reg_write(0, 0x11 + 2 * SHARED_LEVEL, TO(rand_r(&seed) & 7)); /* in flight */
		} else {
			reg_write(0, 0x10 + 2 * SHARED_LEVEL, MASKED | LEVEL | vector);
			if (!(reg_read(0, 0x10 + 2 * SHARED_LEVEL) & REMOTE_IRR))
				vector = rand_r(&seed) & 1 ? LEVEL_V1 : LEVEL_V2;
			reg_write(0, 0x10 + 2 * SHARED_LEVEL, MASKED | LEVEL | vector);
			reg_write(0, 0x10 + 2 * SHARED_LEVEL, LEVEL | vector);
		}
		pthread_mutex_unlock(&guest_lock);
	}
	return NULL;
}

static void interrupts_and_changes_side_by_side(void **state)
{
	pthread_t changer[CHANGERS], level_changer, device[CHANGERS + 1], level_device;
	unsigned int edges = 0;

	stop = failed = false;
	fired = 0;
	fake_intr.during_flush = yield_in_flush;
	entry(SHARED_EDGE, TO(1), 0x30);
	entry(11, TO(1), 0x30);
	entry(12, TO(1), 0x30);
	entry(SHARED_LEVEL, TO(1), LEVEL | LEVEL_V1);
	for (uintptr_t i = 0; i < CHANGERS; i++) {
		assert_int_equal(pthread_create(&changer[i], NULL, change_edges, (void *)(i + 1)), 0);
		assert_int_equal(pthread_create(&device[i], NULL, fire_edges, (void *)(i + 11)), 0);
	}
	assert_int_equal(pthread_create(&device[CHANGERS], NULL, fire_edges, (void *)(uintptr_t)SHARED_EDGE), 0);
	assert_int_equal(pthread_create(&level_changer, NULL, change_level, NULL), 0);
	assert_int_equal(pthread_create(&level_device, NULL, fire_levels, NULL), 0);
	for (unsigned int i = 0; i <= CHANGERS; i++)
		pthread_join(device[i], NULL);
	pthread_join(level_device, NULL);
	stop = true;
	for (unsigned int i = 0; i < CHANGERS; i++)
		pthread_join(changer[i], NULL);
	pthread_join(level_changer, NULL);
	for (unsigned int v = 0x30; v < 0x40; v++)
		edges += vectors[v];
	assert_false(failed);
	assert_int_equal(fired, 3 * EDGES);
	assert_int_equal(edges, fired);
	assert_int_equal(levels_taken(), LEVELS);
	assert_int_equal(blocked + wrong_trigger + odd, 0);
	assert_true(fake_intr.flushes > 10);
}

/* Without a lock of its own the guest writes anywhere; what is delivered is still what an entry may ask for. */
static void *write_anything(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;

	host_cpu = seed;
	for (unsigned int i = 0; i < 30000; i++) {
		(void)access_page(0, 0, 4, true, 0x10 + (rand_r(&seed) % 4));
		(void)access_page(0, 0x10, 4, true, (u32)rand_r(&seed) * 0x10001u);
		if (i % 64 == 0)
			sched_yield();
	}
	return NULL;
}

static void select_races_are_the_guests_own(void **state)
{
	pthread_t writer[3], device;

	fake_intr.during_flush = yield_in_flush;
	for (uintptr_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&writer[i], NULL, write_anything, (void *)(i + 1)), 0);
	assert_int_equal(pthread_create(&device, NULL, fire_edges, (void *)0), 0);
	for (unsigned int i = 0; i < 3; i++)
		pthread_join(writer[i], NULL);
	pthread_join(device, NULL);
	for (unsigned int v = 0; v < 16; v++)
		assert_int_equal(vectors[v], 0);
	assert_int_equal(odd, 0);
	/* Once it is quiet, entries and hardware agree. */
	fake_intr.during_flush = NULL;
	for (unsigned int n = 0; n < 2; n++) {
		cpu_eoi((u8)chips[0].low[n]);
		entry(n, TO(1), V1 + n);
		edge(0, n);
		assert_int_equal(last.vector, V1 + n);
	}
	for (unsigned int n = 2; n < 24; n++)
		assert_int_equal(chips[0].low[n], MASKED);
}

#define CACHED(f) cmocka_unit_test_setup(f, remapped)
#define UNCACHED(f) { "uncached: " #f, f, remapped_uncached, NULL, NULL }
#define EACH(f) CACHED(f), UNCACHED(f)
#define PLAIN(f) { "plain: " #f, f, plain, NULL, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(an_edge_in_the_middle_is_delivered),
		EACH(a_level_in_the_middle_is_delivered_once),
		EACH(an_asserted_level_survives_a_masked_change),
		PLAIN(an_asserted_level_survives_a_masked_change),
		EACH(from_edge_to_level),
		EACH(from_level_to_edge),
		EACH(each_field_counts),
		PLAIN(each_field_counts),
		CACHED(a_new_destination_leaves_the_entry_alone),
		CACHED(masking_waits_for_nothing),
		CACHED(masking_an_edge_waits_for_nothing),
		CACHED(one_flush_for_a_masked_change),
		CACHED(back_to_the_old_one_is_a_change),
		CACHED(without_a_flush_it_stays_masked),
		EACH(a_read_in_the_middle_sees_the_new_entry),
		EACH(the_newest_change_counts),
		CACHED(an_unmask_in_the_middle_flushes_too),
		CACHED(an_older_flush_proves_nothing),
		EACH(an_older_failure_is_overtaken),
		EACH(another_cpu_selects_in_the_middle),
		EACH(a_new_vector_while_in_service),
		PLAIN(a_new_vector_while_in_service),
		EACH(a_new_destination_while_in_service),
		PLAIN(a_new_destination_while_in_service),
		EACH(interrupts_and_changes_side_by_side),
		EACH(select_races_are_the_guests_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

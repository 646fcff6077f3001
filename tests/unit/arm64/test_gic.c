/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's GIC: what firmware may have left in it, what it may not be, and what it may refuse to do (IHI
 * 0069H, 12.9, 12.11).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/errno.h"
#include "core/log.h"
#include "tests/unit/arm64/fake_gic.h"

static u64 now;
static unsigned int errors;
static char last_error[LOG_LINE_MAX];

u64 arch_time_us(void)
{
	return now += 10;
}

static void sink(enum log_level level, const char *line, size_t len)
{
	if (level != LOG_ERROR)
		return;
	errors++;
	memcpy(last_error, line, len);
	last_error[len] = 0;
}

static struct dt_machine dt;

static int setup(void **state)
{
	dt = fake_gic_setup(4);
	host_cpu = 0;
	now = errors = 0;
	last_error[0] = 0;
	log_set_sink(sink);
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(fg.odd, 0);
	assert_true(now < 1000000); /* every wait has an end */
	return 0;
}

/* Whatever can be in it. */
static void firmware(unsigned int seed)
{
	for (unsigned int cpu = 0; cpu < 4; cpu++) {
		for (u32 intid = 0; intid < 1020; intid++) {
			struct fake_pirq *p = fake_pirq(cpu, intid);
			int bits = rand_r(&seed);

			p->enabled = bits & 1;
			p->latch = bits & 2;
			p->active = bits & 4;
			p->group1 = fg.two_states || bits & 8;
			p->priority = (u8)(bits >> 4) & 0xf8;
			p->route = (u64)(bits >> 12 & 0xff);
		}
	}
	fg.ctlr = (u32)rand_r(&seed) & 0x13;
}

static void assert_quiet(const struct fake_pirq *p)
{
	assert_false(p->enabled);
	assert_false(p->latch);
	assert_false(p->active);
	assert_true(p->group1);
	assert_int_equal(p->priority, GIC_PRIORITY_GUEST);
}

static void starts_from_anything(void **state)
{
	for (unsigned int seed = 0; seed < 32; seed++) {
		setup(state);
		fg.two_states = seed & 1;
		fg.arch_rev = seed & 2 ? 4 : 3;
		firmware(seed);
		assert_int_equal(gic_init(&dt), 0);
		assert_int_equal(fg.ctlr, 0x12); /* affinity routing, group 1 */
		assert_int_equal(fg.are_while_on, 0);
		for (u32 intid = 32; intid < 288; intid++) {
			assert_quiet(&fg.spi[intid]);
			assert_true(fg.spi[intid].route == fake_mpidr(0));
		}
		for (host_cpu = 0; host_cpu < 4; host_cpu++) {
			assert_int_equal(gic_start_cpu(), 0);
			assert_true(fg.on[host_cpu]);
			assert_int_equal(fg.waker[host_cpu], 0);
			for (u32 intid = 1; intid < 32; intid++)
				assert_quiet(&fg.own[host_cpu][intid]);
			assert_true(fg.own[host_cpu][0].enabled); /* kicks */
			assert_false(fg.own[host_cpu][0].active || fg.own[host_cpu][0].latch);
			assert_int_equal(fg.own[host_cpu][0].priority, GIC_PRIORITY_OURS);
			assert_int_equal(gic_ack(), 1023);
		}
		assert_int_equal(errors, 0);
		teardown(state);
	}
}

static void refuses(int error, const char *says)
{
	assert_int_equal(gic_init(&dt), error);
	assert_int_equal(errors, 1);
	assert_non_null(strstr(last_error, says));
}

static void a_gicv2_is_refused(void **state)
{
	fg.arch_rev = 2;
	assert_int_equal(gic_peek_spis(FAKE_GICD), -ENODEV);
	refuses(-EOPNOTSUPP, "GICv2");
	assert_int_equal(fg.ctlr, 0);
}

static void no_affinity_routing_is_refused(void **state)
{
	fg.are_fixed_off = true;
	refuses(-EOPNOTSUPP, "affinity routing");
}

static void a_distributor_that_never_answers(void **state)
{
	fg.gicd_stuck = true;
	refuses(-ENODEV, "RWP");
}

static void how_many_spis(void **state)
{
	assert_int_equal(gic_peek_spis(FAKE_GICD), 256);
	fg.lines = 31;
	assert_int_equal(gic_peek_spis(FAKE_GICD), 1020 - 32);
	fg.lines = 0;
	assert_int_equal(gic_peek_spis(FAKE_GICD), 0);
	fg.arch_rev = 4;
	fg.lines = 1;
	assert_int_equal(gic_peek_spis(FAKE_GICD), 32);
	assert_int_equal(gic_init(&dt), 0);
	assert_int_equal(gic_spis(), 32);
	fg.arch_rev = 0;
	assert_int_equal(gic_peek_spis(FAKE_GICD), -ENODEV);
}

/* ---- redistributors ---- */

static void assert_found(void)
{
	for (unsigned int cpu = 0; cpu < 4; cpu++) {
		assert_ptr_equal(gic_redistributor(cpu), (void *)(uintptr_t)(FAKE_GICR + cpu * fg.stride));
		assert_int_equal(gic_processor_number(cpu), cpu + 100);
	}
}

static void redistributors_close_together(void **state)
{
	assert_int_equal(gic_init(&dt), 0);
	assert_found();
}

static void redistributors_with_vlpis(void **state)
{
	fg.vlpis = true;
	fg.stride = 0x40000;
	assert_int_equal(gic_init(&dt), 0);
	assert_found();
}

static void redistributors_by_the_trees_stride(void **state)
{
	fg.stride = dt.gicr_stride = 0x100000;
	assert_int_equal(gic_init(&dt), 0);
	assert_found();
}

static void redistributors_in_two_regions(void **state)
{
	dt.redistributor_regions = 2;
	dt.gicr[0] = (struct dt_range){ FAKE_GICR, 0x40000 };
	dt.gicr[1] = (struct dt_range){ FAKE_GICR + 0x40000, 0x40000 };
	assert_int_equal(gic_init(&dt), 0);
	assert_found();
}

/* Nothing says that it is the last: the region ends all the same. */
static void a_region_without_a_last_one(void **state)
{
	fg.last = 99;
	dt.gicr[0].size = 0x80000;
	assert_int_equal(gic_init(&dt), 0);
	assert_found();
}

/* It is walked past its end, where nothing is. */
static void a_region_that_is_too_long(void **state)
{
	fg.last = 99;
	refuses(-ENODEV, "no redistributor at 0x8120000");
}

static void a_stride_that_is_too_small(void **state)
{
	dt.gicr_stride = 0x10000;
	refuses(-ENODEV, "stride");
}

static void the_order_of_cpus_is_not_the_redistributors(void **state)
{
	arm64_cpus.mpidr[0] = fake_mpidr(2); /* firmware has started Fairlead there */
	arm64_cpus.mpidr[2] = fake_mpidr(0);
	assert_int_equal(gic_init(&dt), 0);
	assert_ptr_equal(gic_redistributor(0), (void *)(uintptr_t)(FAKE_GICR + 2 * fg.stride));
	assert_ptr_equal(gic_redistributor(2), (void *)(uintptr_t)FAKE_GICR);
	assert_true(fg.spi[100].route == fake_mpidr(2));
}

static void a_cpu_without_a_redistributor(void **state)
{
	arm64_cpus.mpidr[3] = 0x77;
	assert_int_equal(gic_init(&dt), 0);
	assert_null(gic_redistributor(3));
	host_cpu = 3;
	assert_int_equal(gic_start_cpu(), -ENODEV);
	assert_int_equal(errors, 1);
	setup(state);
	arm64_cpus.mpidr[0] = 0x77;
	refuses(-ENODEV, "boot CPU");
	host_cpu = 0;
}

static void a_redistributor_that_does_not_wake(void **state)
{
	assert_int_equal(gic_init(&dt), 0);
	fg.wake_stuck = true;
	assert_int_equal(gic_start_cpu(), -ETIMEDOUT);
	assert_int_equal(errors, 1);
}

static void a_redistributor_that_never_answers(void **state)
{
	assert_int_equal(gic_init(&dt), 0);
	fg.gicr_stuck = true;
	assert_int_equal(gic_start_cpu(), -ETIMEDOUT);
	assert_int_equal(errors, 1);
}

static void a_cpu_without_system_registers(void **state)
{
	assert_int_equal(gic_init(&dt), 0);
	fg.no_sysregs = true;
	assert_int_equal(gic_start_cpu(), -ENODEV);
	assert_int_equal(errors, 1);
}

/* ---- one interrupt ---- */

/* Each function changes what it names, of that interrupt alone. */
static void each_for_itself(void **state)
{
	static const u32 intids[] = { 0, 15, 16, 31, 32, 63, 64, 287 };

	assert_int_equal(gic_init(&dt), 0);
	for (host_cpu = 0; host_cpu < 4; host_cpu++)
		assert_int_equal(gic_start_cpu(), 0);
	host_cpu = 0;
	gic_enable(0, GIC_SGI_KICK, false);
	gic_enable(2, GIC_SGI_KICK, false);
	for (unsigned int i = 0; i < ARRAY_SIZE(intids); i++) {
		const u32 intid = intids[i];
		struct fake_pirq *p = fake_pirq(2, intid), *of_another_cpu = fake_pirq(1, intid);
		struct fake_pirq was = *p, other = *of_another_cpu;

		gic_enable(2, intid, true);
		assert_true(p->enabled);
		gic_set_pending(2, intid, true);
		assert_true(p->latch && gic_pending(2, intid));
		gic_set_active(2, intid, true);
		assert_true(p->active);
		gic_set_priority(2, intid, 0x38);
		assert_int_equal(p->priority, 0x38);
		if (intid >= 16) {
			gic_set_edge(2, intid, true);
			assert_true(p->edge && gic_is_edge(2, intid));
			gic_set_edge(2, intid, false);
			assert_false(p->edge || gic_is_edge(2, intid));
		}
		if (intid < 32)
			assert_memory_equal(of_another_cpu, &other, sizeof(other));
		for (u32 k = 0; k < 288; k++) {
			const struct fake_pirq *q = fake_pirq(2, k);

			if (k != intid)
				assert_false(q->enabled || q->latch || q->active || q->priority == 0x38);
		}
		gic_enable(2, intid, false);
		gic_set_pending(2, intid, false);
		gic_set_active(2, intid, false);
		gic_set_priority(2, intid, was.priority);
		assert_false(p->enabled || p->latch || p->active || gic_pending(2, intid));
	}
	gic_route(40, 3);
	assert_true(fg.spi[40].route == fake_mpidr(3) && fg.spi[41].route == fake_mpidr(0));
}

/* An edge's configuration beside its neighbour's, and one that hardware has fixed. */
static void configuration(void **state)
{
	fg.fixed_edge[1] = 1u << 20;
	assert_int_equal(gic_init(&dt), 0);
	gic_set_edge(0, 47, true);
	gic_set_edge(0, 48, true);
	gic_set_edge(0, 46, true);
	gic_set_edge(0, 47, false);
	assert_true(fg.spi[46].edge && fg.spi[48].edge && !fg.spi[47].edge);
	gic_set_edge(1, 20, false);
	assert_true(gic_is_edge(1, 20));
	assert_false(gic_is_edge(1, 21));
	assert_true(gic_is_edge(1, 3));
}

/* ---- claims ---- */

static void one(u32 intid)
{
}

static void other(u32 intid)
{
}

static void claims(void **state)
{
	assert_int_equal(gic_init(&dt), 0);
	assert_null(gic_claimed(33));
	assert_int_equal(gic_claim(33, one, "one"), 0);
	assert_int_equal(gic_claim(1019, other, "other"), 0);
	assert_ptr_equal(gic_claimed(33), one);
	assert_ptr_equal(gic_claimed(1019), other);
	assert_null(gic_claimed(34));
	assert_null(gic_claimed(1020));
	assert_null(gic_claimed(8192));
	assert_null(gic_claimed(~0u));
	assert_int_equal(gic_claim(33, other, "other"), -EEXIST);
	assert_int_equal(errors, 1);
	assert_non_null(strstr(last_error, "one"));
	assert_ptr_equal(gic_claimed(33), one);
	assert_int_equal(gic_claim(1020, one, "one"), -EINVAL);
	for (u32 i = 2; i < GIC_CLAIMS_MAX; i++)
		assert_int_equal(gic_claim(100 + i, one, "one"), 0);
	assert_int_equal(gic_claim(200, one, "one"), -ENOSPC);
	assert_null(gic_claimed(200));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(starts_from_anything),
		TEST(a_gicv2_is_refused),
		TEST(no_affinity_routing_is_refused),
		TEST(a_distributor_that_never_answers),
		TEST(how_many_spis),
		TEST(redistributors_close_together),
		TEST(redistributors_with_vlpis),
		TEST(redistributors_by_the_trees_stride),
		TEST(redistributors_in_two_regions),
		TEST(a_region_without_a_last_one),
		TEST(a_region_that_is_too_long),
		TEST(a_stride_that_is_too_small),
		TEST(the_order_of_cpus_is_not_the_redistributors),
		TEST(a_cpu_without_a_redistributor),
		TEST(a_redistributor_that_does_not_wake),
		TEST(a_redistributor_that_never_answers),
		TEST(a_cpu_without_system_registers),
		TEST(each_for_itself),
		TEST(configuration),
		TEST(claims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command queue when the ITS is slow, full, silent, or refuses: every wait ends, nothing that may still
 * deliver is given away, and one device's error is not the end of the others.
 */
#include <pthread.h>

#include "tests/unit/arm64/its_machine.h"

#define QUEUE 2048u /* commands */

static int boot(void **state)
{
	power_on();
	start(4);
	return 0;
}

static struct its_usage usage_now(void)
{
	struct its_usage usage;

	its_usage(&usage);
	return usage;
}

/* ---- the ring ---- */

static void test_wraps(void **state)
{
	const u32 e = take(&nic, 1);

	for (unsigned int i = 0; fake.done < 5 * QUEUE; i++) {
		aim(&nic, e, SPI_FIRST + i % SPIS);
		assert_int_equal(sends(NIC_ID, &nic, e), 1);
		assert_true(msi->set(&nic, e, NULL));
		assert_int_equal(msi->flush(&nic, e, 1), 0);
		assert_int_equal(sends(NIC_ID, &nic, e), 0);
	}
	assert_false(fake.stalled);
}

/* More commands than fit: those behind wait for room, and all are done when the flush returns. */
static void test_more_than_fits(void **state)
{
	u32 e;

	msix_entries = 2048;
	e = take(&nic, 2048);
	fake.at_once = 40;
	for (unsigned int i = 0; i < 2048; i++)
		assert_true(set(&nic, e + i, SPI_FIRST + i % SPIS));
	assert_int_equal(msi->flush(&nic, e, 2048), 0);
	assert_true(fake.done > QUEUE);
	assert_int_equal(fake.done_of[0x0a], 2048);
	for (unsigned int i = 0; i < 2048; i++)
		assert_int_equal(sends(NIC_ID, &nic, e + i), 1);
	give_back(&nic, e, 2048);
	assert_int_equal(fake.done_of[0x0f], 2048);
	assert_int_equal(in_use(), 0);
}

/* ---- an ITS that does not answer ---- */

static void test_silent(void **state)
{
	const u32 e = take(&nic, 1), f = take(&other, 1);
	u64 before;

	aim(&other, f, SPI_FIRST + 1);
	log_clear();
	before = fake_now;
	fake.at_once = 0;
	assert_true(set(&nic, e, SPI_FIRST));
	assert_int_equal(msi->flush(&nic, e, 1), -ETIMEDOUT);
	assert_in_range(fake_now - before, 1000000, 1100000);
	assert_int_equal(log_count("0 its: no answer"), 1);
	before = fake_now;
	assert_int_equal(msi->flush(&nic, e, 1), -ETIMEDOUT); /* once it is known: shorter */
	assert_in_range(fake_now - before, 10000, 20000);
	assert_false(set(&nic, e, 0));
	assert_true(msi->set(&nic, e, NULL));
	assert_int_equal(msi->flush(&nic, e, 1), -ETIMEDOUT);
	assert_int_equal(sends(OTHER_ID, &other, f), 1); /* what is mapped goes on */
	fake.at_once = 1;
	assert_int_equal(msi->flush(&nic, e, 1), 0);
	assert_int_equal(log_count("1 its: it answers again"), 1);
	assert_int_equal(sends(NIC_ID, &nic, e), 0);
	aim(&nic, e, SPI_FIRST);
	assert_int_equal(sends(NIC_ID, &nic, e), 1);
	fake.at_once = 0;
	before = fake_now;
	assert_true(msi->set(&nic, e, NULL));
	assert_int_equal(msi->flush(&nic, e, 1), -ETIMEDOUT);
	assert_in_range(fake_now - before, 1000000, 1100000); /* it had answered */
}

/* The queue fills up, and nobody takes anything out. */
static void test_full(void **state)
{
	const u64 before = fake_now;
	u32 e;

	msix_entries = 2048;
	e = take(&nic, 2048);
	fake.at_once = 0;
	for (unsigned int i = 0; i < 2048; i++)
		assert_true(set(&nic, e + i, SPI_FIRST + i % SPIS));
	assert_int_equal(msi->flush(&nic, e, 2048), -ETIMEDOUT);
	assert_in_range(fake_now - before, 1000000, 1100000);
	its_route(SPI_FIRST + 2, 1); /* no room, no wait */
	assert_true(fake_now - before < 1100000);
	fake.at_once = 64;
	assert_int_equal(msi->flush(&nic, e, 2048), 0);
	for (unsigned int i = 0; i < 2048; i += 31)
		assert_int_equal(sends(NIC_ID, &nic, e + i), 1);
	assert_false(fake.stalled);
}

static void test_route_without_room(void **state)
{
	const u64 unmoved = usage_now().unmoved;
	const u32 e = take(&nic, 1);
	unsigned int cpu = 0;

	aim(&nic, e, SPI_FIRST);
	fake.at_once = 0;
	for (unsigned int i = 0; i < QUEUE; i++)
		its_route(SPI_FIRST, ++cpu % 4);
	assert_true(usage_now().unmoved - unmoved > QUEUE / 4);
	assert_true(fake.cwriter < QUEUE * 32);
	fake.at_once = 64;
	route[SPI_FIRST] = 1;
	assert_int_equal(msi->flush(&nic, e, 1), 0);
	assert_int_equal(sends(NIC_ID, &nic, e), 1);
	assert_int_equal(raised_by[SPI_FIRST], 1);
}

/* An offset that no queue has is no progress. */
static void test_nonsense(void **state)
{
	const u32 e = take(&nic, 1);
	const u64 before = fake_now;

	fake.mad = ~0ull;
	assert_true(set(&nic, e, SPI_FIRST));
	assert_int_equal(msi->flush(&nic, e, 1), -ETIMEDOUT);
	assert_in_range(fake_now - before, 1000000, 1100000);
	assert_int_equal(usage_now().errors, 0);
	fake.mad = fake.cwriter + 64; /* beyond what it was given */
	assert_int_equal(msi->flush(&nic, e, 1), -ETIMEDOUT);
	fake.mad = fake.cwriter + 32 + QUEUE * 32; /* the next SYNC's, but beyond the ring */
	assert_int_equal(msi->flush(&nic, e, 1), -ETIMEDOUT);
	fake.mad = fake.cwriter + 64 + 1; /* stalled, there */
	assert_int_equal(msi->flush(&nic, e, 1), -ETIMEDOUT);
	assert_int_equal(usage_now().errors, 0);
	fake.mad = 0;
	assert_int_equal(msi->flush(&nic, e, 1), 0);
	assert_int_equal(sends(NIC_ID, &nic, e), 1);
}

static void test_cpu_that_cannot_start(void **state)
{
	u64 before;

	power_on();
	assert_int_equal(its_init(&dt, 2, &frame), 0);
	assert_int_equal(start_cpu(0), 0);
	fake.at_once = 0;
	before = fake_now;
	assert_int_equal(start_cpu(1), -ETIMEDOUT);
	assert_in_range(fake_now - before, 1000000, 1100000);
	fake.at_once = 3;
	msi = pci_msi_get_ops();
	route[SPI_FIRST] = 1;
	aim(&nic, take(&nic, 1), SPI_FIRST); /* to CPU 0, which has started */
	assert_true(fake_message(NIC_ID, dt.its.base + 0x10040, 0));
	assert_int_equal(raised_by[SPI_FIRST], 0);
}

/* ---- commands that are refused ---- */

static void refuse(u8 kind)
{
	fake.refuse = 1;
	fake.refused_kind = kind;
}

static void test_refused(void **state)
{
	static const u8 kinds[] = { 0x08, 0x0a, 0x0c, 0x05 };

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		u32 e, f;

		(void)boot(NULL);
		f = take(&other, 1);
		aim(&other, f, SPI_FIRST + 1);
		e = take(&nic, 2);
		assert_true(set(&nic, e, SPI_FIRST));
		refuse(kinds[i]);
		assert_int_equal(msi->flush(&nic, e, 1), -EIO);
		assert_int_equal(fake.refuse, 0);
		assert_false(fake.stalled);
		assert_true(usage_now().errors >= 1);
		/* the others go on */
		aim(&other, f, SPI_FIRST + 2);
		assert_int_equal(sends(OTHER_ID, &other, f), 1);
		/* nobody knows what hardware has of it: it is lost, and says so */
		assert_true(msi->set(&nic, e, NULL));
		assert_int_equal(msi->flush(&nic, e, 1), -EIO);
		assert_int_equal(sends(NIC_ID, &nic, e), 0);
		msi->free(&nic, e, 1);
		assert_int_equal(in_use(), 3);
		msi->free(&nic, e + 1, 1);
		assert_int_equal(in_use(), 2);
	}
}

static void test_discard_refused(void **state)
{
	const u32 e = take(&nic, 1);
	u32 f;

	aim(&nic, e, SPI_FIRST);
	assert_true(msi->set(&nic, e, NULL));
	refuse(0x0f);
	assert_int_equal(msi->flush(&nic, e, 8), -EIO);
	msi->free(&nic, e, 1);
	assert_int_equal(in_use(), 1); /* the LPI is nobody else's */
	f = take(&nic, 1);
	assert_int_equal(f, e + 1); /* that was nobody's, and so is not lost */
	aim(&nic, f, SPI_FIRST + 5);
	(void)fake_message(NIC_ID, dt.its.base + 0x10040, 0); /* mapped still: delivers nothing */
	assert_int_equal(all_raised, 0);
	assert_int_equal(sends(NIC_ID, &nic, f), 1);
}

static void test_said_once(void **state)
{
	unsigned int said = 0;

	for (unsigned int i = 0; i < 20; i++) {
		u32 e;

		(void)boot(NULL);
		e = take(&nic, 1);
		assert_true(set(&nic, e, SPI_FIRST));
		refuse(0x0a);
		assert_int_equal(msi->flush(&nic, e, 1), -EIO);
		said += log_count("its: it refuses command 0x0a");
	}
	assert_true(said <= 1); /* an earlier test may have seen it */
}

/* An ITS that refuses whatever it gets, SYNC as well. */
static void test_refuses_all(void **state)
{
	const u32 e = take(&nic, 1);
	const u64 before = fake_now;
	int ret;

	fake.refuse = ~0u;
	assert_true(set(&nic, e, SPI_FIRST));
	ret = msi->flush(&nic, e, 1);
	assert_true(ret == -EIO || ret == -ETIMEDOUT);
	assert_in_range(fake_now - before, 0, 1100000);
	fake.refuse = 0;
	assert_int_equal(msi->flush(&nic, e, 1),
			 -EIO); /* what was queued behind the command that was dropped */
	aim(&other, take(&other, 1), SPI_FIRST + 1);
}

/* MOVI refused: nobody waited for it; the event goes on at the old CPU. */
static void test_move_refused(void **state)
{
	const u32 e = take(&nic, 1), f = take(&other, 1);

	aim(&nic, e, SPI_FIRST);
	refuse(0x01);
	its_route(SPI_FIRST, 2);
	assert_int_equal(msi->flush(&other, f, 1), -EIO); /* waited at that time */
	assert_int_equal(sends(NIC_ID, &nic, e), 1);
	assert_int_equal(raised_by[SPI_FIRST], 0);
}

/* ---- several CPUs ---- */

#define ROUNDS 300u

static pthread_mutex_t model = PTHREAD_MUTEX_INITIALIZER;

static bool locked_read(const volatile void *address, unsigned int size, u64 *value)
{
	bool is;

	pthread_mutex_lock(&model);
	is = fake_read(address, size, value);
	pthread_mutex_unlock(&model);
	return is;
}

static bool locked_write(volatile void *address, unsigned int size, u64 value)
{
	bool is;

	pthread_mutex_lock(&model);
	fake.told = true; /* barriers of several CPUs are not told apart */
	is = fake_write(address, size, value);
	pthread_mutex_unlock(&model);
	return is;
}

/* Each has a device of its own: after its flush, its device delivers what it asked for, and after the next,
 * nothing. */
static void *cpu_thread(void *arg)
{
	const unsigned int cpu = (unsigned int)(uintptr_t)arg;
	struct pci_dev dev = nic;
	const u32 spi = SPI_FIRST + 16 * cpu;

	host_cpu = cpu;
	dev.sbdf.bdf = dev.requester_id[0] = (u16)(0x100 + cpu);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		const u32 e = take(&dev, 4);
		const struct pci_message m = programmed(&dev, e);

		aim(&dev, e, spi + i % 16);
		its_route(spi + i % 16, (cpu + i) % 4);
		pthread_mutex_lock(&model);
		raised[spi + i % 16] = 0;
		assert_true(fake_message(0x100 + cpu, m.address, m.data));
		assert_int_equal(raised[spi + i % 16], 1);
		pthread_mutex_unlock(&model);
		give_back(&dev, e, 4);
		pthread_mutex_lock(&model);
		assert_false(fake_message(0x100 + cpu, m.address, m.data));
		pthread_mutex_unlock(&model);
	}
	return NULL;
}

static void test_several_cpus(void **state)
{
	pthread_t thread[4];

	host_mmio_read = locked_read;
	host_mmio_write = locked_write;
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, cpu_thread, (void *)(uintptr_t)i), 0);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(in_use(), 0);
	assert_int_equal(usage_now().errors, 0);
	assert_false(fake.stalled);
}

#define T(name) cmocka_unit_test_setup(name, boot)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_wraps),
		T(test_more_than_fits),
		T(test_silent),
		T(test_full),
		T(test_route_without_room),
		T(test_nonsense),
		T(test_cpu_that_cannot_start),
		T(test_refused),
		T(test_discard_refused),
		T(test_said_once),
		T(test_refuses_all),
		T(test_move_refused),
		T(test_several_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Resets, by a clock that the test moves: each method, each wait, each way in which the device does not come back, and a device
 * that vanishes at any one of all accesses. Waits and registers are the specification's, not the code's.
 */
#include "tests/unit/pci_machine.h"

#define DEV PCI_BDF(1, 0, 0)
#define PORT PCI_BDF(0, 1, 0)

/* Where the device's capabilities are. */
enum { EXPRESS = 0x40, PM = 0x80, MSI = 0x90, MSIX = 0xb0, AF = 0xc0, ATS = 0x100, ACS = 0x140, REBAR = 0x160 };

static struct fake_fn *fn, *port;
static struct pci_dev *dev;
static struct pci_reset reset;

/* What the model saw. */
static u64 triggered, untriggered, first_access, hold_off, d3_at, d0_at;
static bool in_reset, no_soft_reset, away, forgetful;
static unsigned int w1c_written, accesses, vanish_at, written_when_gone;
static unsigned int done_calls;
static int done_result;
static u64 done_at;

static void reset_begins(void)
{
	triggered = fake_now;
	first_access = 0;
}

static bool silent(const struct fake_fn *f)
{
	if (f != fn)
		return false;
	return in_reset || away || (triggered && fake_now < triggered + hold_off);
}

static void wrote(struct fake_fn *f, unsigned int offset, unsigned int size, u32 value)
{
	for (unsigned int i = 0; i < size; i++) {
		if (f->w1c[offset + i] & (u8)(value >> (8 * i)))
			w1c_written++;
	}
	if (f == port && offset == 0x3e) { /* Bridge Control, Secondary Bus Reset */
		if ((value & 0x40) && !in_reset)
			reset_begins();
		if (!(value & 0x40) && in_reset) {
			untriggered = fake_now;
			fake_fn_reset(fn);
		}
		in_reset = value & 0x40;
	}
	if (f != fn)
		return;
	if ((offset == EXPRESS + 8 && (value & 0x8000)) || (offset == AF + 4 && (value & 1))) {
		reset_begins();
		if (forgetful) { /* what a reset should have switched off stays on */
			fake_put(fn->cfg, MSI + 2, 2, 0x0081);
			fake_put(fn->cfg, MSIX + 2, 2, 0x8003);
			fake_put(fn->cfg, ATS + 6, 2, 0x8000);
			fake_put(fn->cfg, 0x04, 2, 0x0547);
		}
	}
	if (offset == PM + 4 && (value & 3) == 3)
		d3_at = fake_now;
	if (offset == PM + 4 && (value & 3) == 0 && d3_at && !d0_at) {
		d0_at = fake_now;
		if (!no_soft_reset) {
			fake_fn_reset(f);
			reset_begins();
		}
	}
}

static void attempt(struct sbdf sbdf, bool write)
{
	if (sbdf.bdf != DEV)
		return;
	accesses++;
	if (triggered && !first_access && fake_now > triggered)
		first_access = fake_now;
	if (vanish_at && accesses >= vanish_at)
		fn->vanished = true;
	if (write && dev && pci_dev_has(dev, PCI_FLAG_GONE))
		written_when_gone++;
}

static void done(struct pci_reset *r, int result)
{
	assert_ptr_equal(r, &reset);
	done_calls++;
	done_result = result;
	done_at = fake_now;
}

/* A PCI Express function alone below a root port, with everything there is to save, set up by firmware. */
static void build(void)
{
	(void)timer_cancel(&reset.timer); /* of a test that failed in between */
	again();
	triggered = untriggered = first_access = hold_off = d3_at = d0_at = 0;
	in_reset = no_soft_reset = away = forgetful = false;
	w1c_written = accesses = vanish_at = written_when_gone = done_calls = 0;
	dev = NULL;
	port = fake_add_bridge(PORT, 1, 1);
	fake_express(port, 0x40, 4);
	fn = fake_add(DEV, 0x8086, 0x10d3, 0x020000, 0);
	fake_bar(fn, 0, 0x20000, 0, 0xfe800000);
	fake_bar(fn, 1, 0x20, 1, 0xc000);
	fake_bar(fn, 2, 0x4000, 0xc, 0x380000000ull);
	fake_rom(fn, 0x10000, 0xfe900001);
	fake_express(fn, EXPRESS, 0);
	fake_cap(fn, PM, 0x01);
	fake_set(fn, PM + 4, 2, 0x0100, 0x1f03, 0x8000);
	fake_cap(fn, MSI, 0x05);
	fake_set(fn, MSI + 2, 2, 0x0081, 0x0071, 0);
	fake_cap(fn, MSIX, 0x11);
	fake_set(fn, MSIX + 2, 2, 0x8003, 0xc000, 0);
	fake_ext_cap(fn, ATS, 0x000f, 1);
	fake_set(fn, ATS + 6, 2, 0x8000, 0x801f, 0);
	fake_ext_cap(fn, ACS, 0x000d, 1);
	fake_set(fn, ACS + 4, 2, 0x1d, 0, 0);
	fake_set(fn, ACS + 6, 2, 0x1d, 0x1f, 0);
	fake_ext_cap(fn, REBAR, 0x0015, 1);
	fake_set(fn, REBAR + 8, 4, 0x00000520, 0x1f00, 0);
	fake_put(fn->cfg, 0x04, 2, 0x0547);
	fake_put(fn->cfg, 0x06, 2, 0xf910); /* errors that are another's to clear */
	fake_put(fn->cfg, 0x0c, 1, 0x10);
	fake_put(fn->cfg, 0x0d, 1, 0x40);
	fake_put(fn->cfg, EXPRESS + 0x08, 2, 0x2937);
	fake_put(fn->cfg, EXPRESS + 0x0a, 2, 0x000f);
	fake_put(fn->cfg, EXPRESS + 0x10, 2, 0x0043);
	fake_put(fn->cfg, EXPRESS + 0x28, 2, 0x0009);
	fake.silent = silent;
	fake.wrote = wrote;
	fake.attempt = attempt;
}

/* Leaves the device only this way. */
static void only(enum pci_reset_method method)
{
	if (method != PCI_RESET_FLR)
		fake_put(fn->cfg, EXPRESS + 4, 4, 0x8001);
	if (method == PCI_RESET_AF_FLR) {
		fake_cap(fn, AF, 0x13);
		fn->cfg[AF + 3] = 3;
		fn->af = AF;
	}
	if (method != PCI_RESET_PM && method != PCI_RESET_FLR) {
		fake_put(fn->cfg, PM + 4, 2, 0x0108); /* No_Soft_Reset */
		no_soft_reset = true;
	}
	if (method == PCI_RESET_NONE)
		fake_add(PCI_BDF(1, 0, 1), 0x8086, 1, 0x020000, 0);
}

static void enumerate(void)
{
	if (fn->cfg[0x0e] == 0 && fake.count > 2)
		fn->cfg[0x0e] = 0x80;
	assert_int_equal(pci_enumerate(), fake.count);
	dev = must_find(DEV);
	accesses = w1c_written = 0;
	fn->moved_while_decoding = 0;
}

static int start(void)
{
	reset = (struct pci_reset){ .dev = dev, .done = done };
	done_calls = 0;
	return pci_reset_start(&reset);
}

static void started(void)
{
	assert_int_equal(start(), 0);
	assert_int_equal(done_calls, 0); /* never from within */
}

static void finished(int result)
{
	assert_int_equal(done_calls, 1);
	assert_int_equal(done_result, result);
	assert_false(pci_dev_has(dev, PCI_FLAG_BUSY));
	assert_false(pci_dev_has(dev, PCI_FLAG_RESETTING));
	assert_int_equal(pci_dev_has(dev, PCI_FLAG_BROKEN), result && result != -ENODEV);
	assert_false(timers_run());
}

/* All as firmware had it, save what sends on its own. */
static void restored(void)
{
	assert_int_equal(fn->resets, 1);
	assert_int_equal(fake_reg(fn, 0x04, 2), 0x0543); /* Bus Master off */
	assert_int_equal(fake_reg(fn, 0x0c, 1), 0x10);
	assert_int_equal(fake_reg(fn, 0x0d, 1), 0x40);
	assert_int_equal(fake_reg(fn, 0x10, 4), 0xfe800000);
	assert_int_equal(fake_reg(fn, 0x14, 4), 0xc001);
	assert_int_equal(fake_reg(fn, 0x18, 4), 0x8000000c);
	assert_int_equal(fake_reg(fn, 0x1c, 4), 3);
	assert_int_equal(fake_reg(fn, 0x30, 4), 0xfe900000); /* enable off */
	assert_int_equal(fake_reg(fn, 0x3c, 1), 11);
	assert_int_equal(fake_reg(fn, EXPRESS + 0x08, 2), 0x2937);
	assert_int_equal(fake_reg(fn, EXPRESS + 0x10, 2), 0x0043);
	assert_int_equal(fake_reg(fn, EXPRESS + 0x28, 2), 0x0009);
	assert_int_equal(fake_reg(fn, MSI + 2, 2) & 1, 0);
	assert_int_equal(fake_reg(fn, MSIX + 2, 2) & 0x8000, 0);
	assert_int_equal(fake_reg(fn, ATS + 6, 2) & 0x8000, 0);
	assert_int_equal(fake_reg(fn, ACS + 6, 2), 0x1d);
	assert_int_equal(fake_reg(fn, REBAR + 8, 4), 0x520);
	assert_int_equal(fake_reg(fn, PM + 4, 2) & 3, 0);
	assert_int_equal(fn->moved_while_decoding, 0);
	assert_int_equal(w1c_written, 0);
	assert_int_equal(fake.bad_accesses, 0);
}

/* ---- which way ---- */

static void test_methods(void **state)
{
	static const struct {
		enum pci_reset_method method;
		const char *name;
	} all[] = {
		{ PCI_RESET_FLR, "FLR" },	  { PCI_RESET_AF_FLR, "AF FLR" },     { PCI_RESET_PM, "power state" },
		{ PCI_RESET_BUS, "secondary bus" }, { PCI_RESET_NONE, "none" },
	};
	struct pci_reason why;

	for (unsigned int i = 0; i < ARRAY_SIZE(all); i++) {
		build();
		only(all[i].method);
		enumerate();
		why.text[0] = '\0';
		assert_int_equal(pci_reset_method(dev, &why), all[i].method);
		assert_int_equal(pci_reset_method(dev, NULL), all[i].method);
		assert_string_equal(pci_reset_method_name(all[i].method), all[i].name);
		assert_string_equal(why.text, all[i].method ? "" :
			"no FLR, no power state with reset, and it shares bus 01");
		assert_int_equal(pci_reset_method(must_find(PORT), &why), PCI_RESET_NONE);
		assert_non_null(strstr(why.text, "bridge"));
	}
	/* AF without Transactions Pending, and without FLR, is none. */
	for (unsigned int bits = 1; bits < 3; bits++) {
		build();
		only(PCI_RESET_AF_FLR);
		fn->cfg[AF + 3] = (u8)bits;
		enumerate();
		assert_int_equal(pci_reset_method(dev, NULL), PCI_RESET_BUS);
	}
	/* Alone on the root bus: no bridge. */
	build();
	fake_add(PCI_BDF(0, 5, 0), 0x1234, 0x11e8, 0x00ff00, 0);
	assert_int_equal(pci_enumerate(), 3);
	assert_int_equal(pci_reset_method(must_find(PCI_BDF(0, 5, 0)), &why), PCI_RESET_NONE);
	assert_string_equal(why.text, "no FLR, no power state with reset, and it shares bus 00");
}

static void test_no_method(void **state)
{
	build();
	only(PCI_RESET_NONE);
	enumerate();
	fn->writes = 0;
	assert_int_equal(start(), -EOPNOTSUPP);
	pass(2000 * MS);
	assert_int_equal(done_calls, 0);
	assert_int_equal(fn->writes, 0);
	/* reset=none: nothing is reset, but nothing goes on. */
	atomic_fetch_or(&dev->flags, PCI_FLAG_RESET_NONE);
	started();
	pass(5 * MS);
	finished(0);
	assert_int_equal(fn->resets, 0);
	assert_int_equal(fake_reg(fn, 0x04, 2), 0x0540);
	/* With a method, reset=none changes nothing. */
	build();
	enumerate();
	atomic_fetch_or(&dev->flags, PCI_FLAG_RESET_NONE);
	started();
	pass(300 * MS);
	finished(0);
	restored();
}

static void test_gone_and_vfs(void **state)
{
	build();
	enumerate();
	pci_dev_lock(dev);
	dev->vf_count = 1;
	pci_dev_unlock(dev);
	assert_int_equal(start(), -EBUSY);
	pci_dev_lock(dev);
	dev->vf_count = 0;
	pci_dev_unlock(dev);
	fn->vanished = true;
	assert_int_equal(start(), -ENODEV);
	assert_int_equal(start(), -ENODEV);
	pass(10 * MS);
	assert_int_equal(done_calls, 0);
}

/* ---- each method ---- */

static void test_flr(void **state)
{
	build();
	enumerate();
	hold_off = 100 * MS;
	started();
	pass(10 * MS);
	assert_true(triggered);
	assert_true(pci_dev_has(dev, PCI_FLAG_BUSY));
	pass(300 * MS);
	finished(0);
	restored();
	assert_true(first_access - triggered >= 100 * MS); /* 6.6.2 */
	assert_true(done_at - triggered <= 120 * MS);
}

/* A reset that forgets some of it leaves nothing to the next owner all the same. */
static void test_forgetful(void **state)
{
	build();
	enumerate();
	forgetful = true;
	started();
	pass(300 * MS);
	finished(0);
	restored();
}

/* Somebody's look at the vendor ID, good or bad, neither ends BUSY nor makes the device vanish. */
static void test_busy_is_ours(void **state)
{
	build();
	enumerate();
	started();
	pass(10 * MS);
	assert_int_equal(pci_dev_read(dev, 0, 2), 0x8086); /* it answers early */
	assert_true(pci_dev_has(dev, PCI_FLAG_BUSY));
	away = true;
	assert_int_equal(pci_dev_read(dev, 0, 2), 0xffff);
	assert_false(pci_dev_has(dev, PCI_FLAG_GONE));
	away = false;
	pass(300 * MS);
	finished(0);
}

/* The guest reset it before us: addresses are those that firmware gave. */
static void test_addresses_are_firmwares(void **state)
{
	build();
	enumerate();
	for (unsigned int i = 0x10; i < 0x28; i += 4)
		fake_put(fn->cfg, i, 4, fake_reg(fn, i, 4) & 0xf);
	fake_put(fn->cfg, 0x10, 4, 0x12340000);
	started();
	pass(300 * MS);
	finished(0);
	assert_int_equal(fake_reg(fn, 0x10, 4), 0xfe800000);
	assert_int_equal(fake_reg(fn, 0x14, 4), 0xc001);
	assert_int_equal(fake_reg(fn, 0x18, 4), 0x8000000c);
	assert_int_equal(fake_reg(fn, 0x1c, 4), 3);
}

static void test_power_state(void **state)
{
	build();
	only(PCI_RESET_PM);
	fake_put(fn->cfg, PM + 4, 2, 0x8100); /* PME Status, Enable */
	enumerate();
	started();
	pass(300 * MS);
	finished(0);
	restored();
	assert_true(d0_at - d3_at >= 10 * MS);
	assert_true(first_access - d0_at >= 10 * MS);
	assert_true(done_at - d0_at <= 30 * MS);
	assert_int_equal(fake_reg(fn, PM + 4, 2) & 0x0100, 0);
}

static void test_af_flr(void **state)
{
	build();
	only(PCI_RESET_AF_FLR);
	fn->cfg[AF + 5] = 1; /* Transactions Pending */
	fake_put(fn->cfg, EXPRESS + 0x0a, 2, 0x0000);
	enumerate();
	started();
	pass(400 * MS);
	assert_false(triggered);
	fn->cfg[AF + 5] = 0;
	pass(20 * MS);
	assert_true(triggered);
	pass(300 * MS);
	finished(0);
	restored();
	assert_true(first_access - triggered >= 100 * MS);
}

static void test_secondary_bus(void **state)
{
	build();
	only(PCI_RESET_BUS);
	fake_put(port->cfg, 0x3e, 2, 0x0003);
	enumerate();
	started();
	pass(1 * MS);
	assert_true(in_reset);
	pass(300 * MS);
	finished(0);
	restored();
	assert_int_equal(fake_reg(port, 0x3e, 2), 0x0003);
	assert_in_range(untriggered - triggered, 1 * MS, 10 * MS);
	assert_true(done_at - untriggered >= 100 * MS);
	assert_int_equal(w1c_written, 0);
}

/* The bus does not stay in reset, whatever happens to the device in the meantime. */
static void test_bus_is_let_go(void **state)
{
	build();
	only(PCI_RESET_BUS);
	enumerate();
	started();
	pass(1 * MS);
	assert_true(in_reset);
	atomic_fetch_or(&dev->flags, PCI_FLAG_GONE);
	pass(20 * MS);
	assert_false(in_reset);
	finished(-ENODEV);
}

/* Asleep when its turn comes: it is woken first, and what it held in D3hot comes back. */
static void test_asleep(void **state)
{
	build();
	fake_put(fn->cfg, PM + 4, 2, 0x0003);
	enumerate();
	started();
	d3_at = 1;
	pass(5 * MS);
	assert_true(d0_at);
	assert_int_equal(fn->resets, 1); /* waking it was one */
	fn->resets = 0;
	pass(300 * MS);
	finished(0);
	restored();
	assert_true(triggered - d0_at >= 10 * MS);
}

/* ---- waits ---- */

static void test_pending(void **state)
{
	build();
	enumerate();
	fake_put(fn->cfg, EXPRESS + 0x0a, 2, 0x0020);
	started();
	pass(500 * MS);
	assert_false(triggered);
	assert_int_equal(fake_reg(fn, 0x04, 2) & 4, 0); /* nothing new meanwhile */
	fake_put(fn->cfg, EXPRESS + 0x0a, 2, 0);
	pass(20 * MS);
	assert_true(triggered);
	pass(300 * MS);
	finished(0);
	assert_false(logged("pending"));
}

static void test_pending_for_ever(void **state)
{
	u64 begin;

	build();
	enumerate();
	fake_put(fn->cfg, EXPRESS + 0x0a, 2, 0x0020);
	begin = fake_now;
	started();
	pass(1500 * MS);
	assert_in_range(triggered - begin, 1000 * MS, 1020 * MS);
	assert_true(logged("transactions are pending"));
	finished(0);
}

static void test_never_back(void **state)
{
	static const enum pci_reset_method methods[] = { PCI_RESET_FLR, PCI_RESET_AF_FLR, PCI_RESET_PM, PCI_RESET_BUS };

	for (unsigned int i = 0; i < ARRAY_SIZE(methods); i++) {
		build();
		only(methods[i]);
		enumerate();
		hold_off = 3600 * (u64)1000 * MS;
		started();
		pass(5000 * MS);
		finished(-ETIMEDOUT);
		assert_in_range(done_at - triggered, 1000 * MS, 2500 * MS);
		assert_true(logged("did not come back"));
	}
}

static void test_late(void **state)
{
	build();
	enumerate();
	hold_off = 1050 * MS;
	started();
	pass(2600 * MS);
	finished(0);
	restored();
}

/* Configuration retries (2.3.2), or another card in its place: not the device. */
static void test_not_the_device(void **state)
{
	for (unsigned int i = 0; i < 3; i++) {
		u32 ids;

		build();
		enumerate();
		ids = fake_reg(fn, 0, 4);
		started();
		pass(10 * MS);
		fake_put(fn->cfg, 0, 4, i == 0 ? 0xffff0001 : i == 1 ? 0x10d48086 : 0x10d38087);
		fn->writes = 0;
		pass(500 * MS);
		assert_int_equal(fn->writes, 0);
		assert_int_equal(done_calls, 0);
		if (i == 0) {
			fake_put(fn->cfg, 0, 4, ids);
			pass(1000 * MS);
			finished(0);
		} else {
			pass(3000 * MS);
			finished(-ETIMEDOUT);
			assert_int_equal(fn->writes, 0);
		}
	}
}

static void test_bars_do_not_hold(void **state)
{
	for (unsigned int i = 0; i < 4; i++) {
		build();
		enumerate();
		started();
		pass(10 * MS);
		fake_put(fn->rw, 0x10 + 4 * i, 4, 0);
		pass(300 * MS);
		finished(-EIO);
		assert_true(logged("BARs do not hold"));
	}
}

/* ---- vanishing ---- */

/* Pulled out: the flag is set by another, at each moment of the run. */
static void test_gone_at_each_moment(void **state)
{
	static const enum pci_reset_method methods[] = { PCI_RESET_FLR, PCI_RESET_PM, PCI_RESET_BUS };

	for (unsigned int i = 0; i < ARRAY_SIZE(methods); i++) {
		for (u64 at = 0; at < 130 * MS; at += at < 30 * MS ? 500 : 10 * MS) {
			bool running;

			build();
			only(methods[i]);
			enumerate();
			started();
			pass(at);
			running = !done_calls;
			atomic_fetch_or(&dev->flags, PCI_FLAG_GONE);
			fn->vanished = true;
			pass(2500 * MS);
			assert_int_equal(done_calls, 1);
			if (running)
				finished(-ENODEV);
			assert_int_equal(written_when_gone, 0);
			assert_false(in_reset);
		}
	}
}

/* It stops answering at its n-th access, for each n there is. */
static void test_vanishes_at_each_access(void **state)
{
	static const enum pci_reset_method methods[] = { PCI_RESET_FLR, PCI_RESET_AF_FLR, PCI_RESET_PM, PCI_RESET_BUS,
							 PCI_RESET_NONE };

	for (unsigned int i = 0; i < ARRAY_SIZE(methods); i++) {
		bool reached = true;

		for (unsigned int n = 1; reached; n++) {
			int ret;

			build();
			only(methods[i]);
			enumerate();
			atomic_fetch_or(&dev->flags, PCI_FLAG_RESET_NONE);
			vanish_at = n;
			ret = start();
			if (!ret) {
				pass(3000 * MS);
				reached = fn->vanished;
				assert_int_equal(done_calls, 1);
				assert_true(done_result == -ENODEV || done_result == -ETIMEDOUT || done_result == -EIO ||
					    done_result == 0);
				/* 0 only if it was there when it was looked at last. */
				if (done_result == 0 && reached)
					assert_true(accesses - n < 40);
				finished(done_result);
			} else {
				assert_true(ret == -ENODEV || ret == -EOPNOTSUPP);
				pass(100 * MS);
				assert_int_equal(done_calls, 0);
			}
			assert_int_equal(written_when_gone, 0);
			assert_false(in_reset);
			assert_true(n < 2000);
		}
		assert_true(accesses > 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_methods),	 T(test_no_method),	T(test_gone_and_vfs),
		T(test_flr),		 T(test_forgetful),	T(test_busy_is_ours),	T(test_addresses_are_firmwares),
		T(test_power_state),	 T(test_af_flr),	T(test_secondary_bus),
		T(test_bus_is_let_go),	 T(test_asleep),	T(test_pending),
		T(test_pending_for_ever), T(test_never_back),	T(test_late),
		T(test_not_the_device),	 T(test_bars_do_not_hold),
		T(test_gone_at_each_moment), T(test_vanishes_at_each_access),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

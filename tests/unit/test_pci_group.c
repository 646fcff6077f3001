/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requester IDs, ACS and isolation groups, against machines built from the specification's figures.
 */
#include "tests/unit/pci_machine.h"

/* ACS capability and control (PCIe base spec 6.0, 7.7.11): V 0, B 1, R 2, C 3, U 4, E 5, T 6. */
static void acs(struct fake_fn *f, unsigned int at, u16 has, u16 on)
{
	fake_ext_cap(f, at, 0x000d, 1);
	fake_set(f, at + 4, 2, has, 0, 0);
	fake_set(f, at + 6, 2, on, 0x7f, 0);
}

static struct fake_fn *port(u16 bdf, u8 type, u8 secondary, u8 subordinate, bool with_acs)
{
	struct fake_fn *f = fake_add_bridge(bdf, secondary, subordinate);

	fake_express(f, 0x40, type);
	if (with_acs)
		acs(f, 0x100, 0x5f, 0);
	return f;
}

static struct fake_fn *endpoint(u16 bdf, bool multi)
{
	struct fake_fn *f = fake_add(bdf, 0x8086, 0x1000, 0x020000, multi ? 0x80 : 0);

	fake_express(f, 0x40, 0);
	return f;
}

static void compute(int functions)
{
	assert_int_equal(pci_enumerate(), functions);
	for (struct pci_dev *dev = pci_dev_next(NULL); dev; dev = pci_dev_next(dev))
		pci_acs_enable(dev);
	pci_groups_compute();
}

static u16 group(u16 bdf)
{
	return must_find(bdf)->group;
}

/* ---- requester IDs ---- */

static void ids_are(u16 bdf, const u16 *expected, unsigned int count)
{
	struct pci_dev *dev = must_find(bdf);

	assert_int_equal(dev->requester_ids, count);
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(dev->requester_id[i], expected[i]);
}
#define IDS(bdf, ...) \
	do { \
		const u16 list[] = { __VA_ARGS__ }; \
		ids_are(bdf, list, ARRAY_SIZE(list)); \
	} while (0)

/* 7.5.3.3: one, two or three bits of the function number, and only with Phantom Functions Enable. */
static void test_phantoms(void **state)
{
	static const struct {
		u8 fn, bits;
		bool enabled;
		u8 count, ids[8];
	} cases[] = {
		{ 0, 1, false, 1, { 0 } },
		{ 0, 0, true, 1, { 0 } },
		{ 0, 1, true, 2, { 0, 4 } },
		{ 3, 1, true, 2, { 3, 7 } },
		{ 4, 1, true, 1, { 4 } }, /* breaks the rule: has none */
		{ 0, 2, true, 4, { 0, 2, 4, 6 } },
		{ 1, 2, true, 4, { 1, 3, 5, 7 } },
		{ 2, 2, true, 1, { 2 } },
		{ 0, 3, true, 8, { 0, 1, 2, 3, 4, 5, 6, 7 } },
		{ 1, 3, true, 1, { 1 } },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake_fn *f;
		u16 bdf = PCI_BDF(0, 9, cases[i].fn), expected[8];

		again();
		if (cases[i].fn)
			fake_add(PCI_BDF(0, 9, 0), 0x8086, 0x1000, 0x020000, 0x80);
		f = endpoint(bdf, true);
		fake_put(f->cfg, 0x44, 4, fake_reg(f, 0x44, 4) | (u32)cases[i].bits << 3);
		fake_put(f->cfg, 0x48, 2, cases[i].enabled ? 0x0200 : 0x0000);
		assert_true(pci_enumerate() > 0);
		for (unsigned int k = 0; k < cases[i].count; k++)
			expected[k] = PCI_BDF(0, 9, cases[i].ids[k]);
		ids_are(bdf, expected, cases[i].count);
	}
}

static void test_aliases(void **state)
{
	port(PCI_BDF(0, 1, 0), 4, 1, 3, true);
	port(PCI_BDF(1, 0, 0), 7, 2, 3, false); /* PCIe to PCI */
	fake_add_bridge(PCI_BDF(2, 4, 0), 3, 3); /* PCI to PCI */
	fake_add(PCI_BDF(3, 5, 1), 1, 1, 0x020000, 0); /* not seen: no function 0 */
	fake_add(PCI_BDF(3, 6, 0), 0x8086, 1, 0x020000, 0);
	fake_add(PCI_BDF(2, 0, 0), 0x8086, 1, 0x020000, 0); /* is itself what the bridge takes */
	compute(5);
	IDS(PCI_BDF(0, 1, 0), PCI_BDF(0, 1, 0));
	IDS(PCI_BDF(1, 0, 0), PCI_BDF(1, 0, 0));
	IDS(PCI_BDF(2, 0, 0), PCI_BDF(2, 0, 0), PCI_BDF(1, 0, 0));
	IDS(PCI_BDF(3, 6, 0), PCI_BDF(3, 6, 0), PCI_BDF(2, 4, 0), PCI_BDF(2, 0, 0), PCI_BDF(1, 0, 0));
}

/* Sixteen fit, the seventeenth does not: then none, hidden, and a word. */
static void test_too_many_ids(void **state)
{
	for (unsigned int bus = 0; bus < 16; bus++)
		fake_add_bridge(PCI_BDF(bus, 1, 0), (u8)(bus + 1), 17);
	fake_add(PCI_BDF(15, 2, 0), 0x8086, 1, 0x020000, 0);
	fake_add(PCI_BDF(16, 2, 0), 0x8086, 1, 0x020000, 0);
	fake.root[0] = true;
	assert_int_equal(pci_enumerate(), 18);
	assert_int_equal(must_find(PCI_BDF(15, 2, 0))->requester_ids, 16);
	assert_false(pci_dev_has(must_find(PCI_BDF(15, 2, 0)), PCI_FLAG_HIDDEN));
	assert_int_equal(must_find(PCI_BDF(16, 2, 0))->requester_ids, 0);
	assert_true(pci_dev_has(must_find(PCI_BDF(16, 2, 0)), PCI_FLAG_HIDDEN));
	assert_true(logged("0000:10:02.0 has more than 16 requester IDs"));
}

/* ---- ACS ---- */

static void test_acs_enable(void **state)
{
	struct fake_fn *a = endpoint(PCI_BDF(0, 1, 0), true), *b = endpoint(PCI_BDF(0, 1, 1), true);

	acs(a, 0x100, 0x7f, 0x62); /* what else is on stays, but for direct translated P2P */
	acs(b, 0x100, 0x0c, 0x00); /* it has only what it has */
	compute(2);
	assert_int_equal(fake_reg(a, 0x106, 2), 0x3f);
	assert_int_equal(fake_reg(b, 0x106, 2), 0x0c);
	assert_int_equal(group(PCI_BDF(0, 1, 1)), PCI_BDF(0, 1, 1));
	/* Nothing is written twice. */
	a->writes = 0;
	pci_acs_enable(must_find(PCI_BDF(0, 1, 0)));
	assert_int_equal(a->writes, 0);
}

/* ---- groups ---- */

static void test_slots_of_the_root_complex(void **state)
{
	endpoint(PCI_BDF(0, 2, 0), false);
	endpoint(PCI_BDF(0, 3, 0), false);
	fake_add(PCI_BDF(0, 4, 0), 0x8086, 1, 0x020000, 0); /* conventional, alone */
	fake_add(PCI_BDF(0, 0x1f, 0), 0x8086, 0x2918, 0x060100, 0x80);
	fake_add(PCI_BDF(0, 0x1f, 2), 0x8086, 0x2922, 0x010601, 0x80);
	fake_add(PCI_BDF(0, 0x1f, 3), 0x8086, 0x2930, 0x0c0500, 0x80);
	compute(6);
	assert_int_equal(group(PCI_BDF(0, 2, 0)), PCI_BDF(0, 2, 0));
	assert_int_equal(group(PCI_BDF(0, 3, 0)), PCI_BDF(0, 3, 0));
	assert_int_equal(group(PCI_BDF(0, 4, 0)), PCI_BDF(0, 4, 0));
	for (unsigned int fn = 0; fn < 4; fn += fn ? 1 : 2)
		assert_int_equal(group(PCI_BDF(0, 0x1f, fn)), PCI_BDF(0, 0x1f, 0));
	pci_groups_log();
	assert_true(logged("group 0000:00:1f.0 00:1f.2 00:1f.3:"));
	assert_false(logged("group 0000:00:02.0"));
}

/* One function of the device that lacks it is enough. */
static void test_multifunction_acs(void **state)
{
	for (unsigned int lacking = 0; lacking < 4; lacking++) {
		again();
		for (unsigned int fn = 0; fn < 3; fn++) {
			struct fake_fn *f = endpoint(PCI_BDF(0, 5, fn), true);

			if (fn != lacking)
				acs(f, 0x100, 0x1c, 0);
		}
		compute(3);
		for (unsigned int fn = 0; fn < 3; fn++)
			assert_int_equal(group(PCI_BDF(0, 5, fn)), lacking == 3 ? PCI_BDF(0, 5, fn) : PCI_BDF(0, 5, 0));
	}
}

/* Without enabling nothing is isolated by it: what a probe sees. Each of the four bits counts. */
static void test_acs_as_it_stands(void **state)
{
	for (unsigned int off = 0; off < 8; off++) {
		again();
		acs(endpoint(PCI_BDF(0, 5, 0), true), 0x100, 0x5f, 0x1f & ~(1u << off));
		acs(endpoint(PCI_BDF(0, 5, 1), true), 0x100, 0x5f, off == 6 ? 0x5f : 0x1f);
		assert_int_equal(pci_enumerate(), 2);
		pci_groups_compute();
		/* Translation blocking (1) is not asked for; direct translated P2P (6) must be off. */
		assert_int_equal(group(PCI_BDF(0, 5, 1)),
				 off == 1 || off == 5 || off == 7 ? PCI_BDF(0, 5, 1) : PCI_BDF(0, 5, 0));
	}
}

static void test_root_ports(void **state)
{
	port(PCI_BDF(0, 1, 0), 4, 1, 1, true);
	port(PCI_BDF(0, 2, 0), 4, 2, 2, false);
	endpoint(PCI_BDF(1, 0, 0), false);
	endpoint(PCI_BDF(2, 0, 0), false);
	/* Two root ports in one slot, without ACS: they and what is below. */
	port(PCI_BDF(0, 3, 0), 4, 3, 3, false)->cfg[0x0e] |= 0x80;
	port(PCI_BDF(0, 3, 1), 4, 4, 4, false)->cfg[0x0e] |= 0x80;
	endpoint(PCI_BDF(3, 0, 0), false);
	endpoint(PCI_BDF(4, 0, 0), false);
	/* The same with ACS. */
	port(PCI_BDF(0, 4, 0), 4, 5, 5, true)->cfg[0x0e] |= 0x80;
	port(PCI_BDF(0, 4, 1), 4, 6, 6, true)->cfg[0x0e] |= 0x80;
	endpoint(PCI_BDF(5, 0, 0), false);
	endpoint(PCI_BDF(6, 0, 0), false);
	/* And with one of them having it. */
	port(PCI_BDF(0, 5, 0), 4, 7, 7, true)->cfg[0x0e] |= 0x80;
	port(PCI_BDF(0, 5, 1), 4, 8, 8, false)->cfg[0x0e] |= 0x80;
	endpoint(PCI_BDF(7, 0, 0), false);
	endpoint(PCI_BDF(8, 0, 0), false);
	compute(16);
	assert_int_equal(group(PCI_BDF(7, 0, 0)), PCI_BDF(0, 5, 0));
	assert_int_equal(group(PCI_BDF(8, 0, 0)), PCI_BDF(0, 5, 0));
	assert_int_equal(group(PCI_BDF(1, 0, 0)), PCI_BDF(1, 0, 0));
	assert_int_equal(group(PCI_BDF(2, 0, 0)), PCI_BDF(0, 2, 0));
	assert_int_equal(group(PCI_BDF(3, 0, 0)), PCI_BDF(0, 3, 0));
	assert_int_equal(group(PCI_BDF(4, 0, 0)), PCI_BDF(0, 3, 0));
	assert_int_equal(group(PCI_BDF(5, 0, 0)), PCI_BDF(5, 0, 0));
	assert_int_equal(group(PCI_BDF(6, 0, 0)), PCI_BDF(6, 0, 0));
}

static void test_conventional_bus(void **state)
{
	port(PCI_BDF(0, 1, 0), 4, 1, 3, true);
	port(PCI_BDF(1, 0, 0), 7, 2, 3, false);
	fake_add(PCI_BDF(2, 1, 0), 0x8086, 1, 0x020000, 0);
	fake_add_bridge(PCI_BDF(2, 4, 0), 3, 3);
	fake_add(PCI_BDF(3, 6, 0), 0x8086, 1, 0x020000, 0);
	fake_add_bridge(PCI_BDF(0, 0x1e, 0), 4, 4);
	fake_add(PCI_BDF(4, 1, 0), 0x8086, 1, 0x020000, 0);
	compute(7);
	assert_int_equal(group(PCI_BDF(2, 1, 0)), PCI_BDF(1, 0, 0));
	assert_int_equal(group(PCI_BDF(3, 6, 0)), PCI_BDF(1, 0, 0));
	assert_int_equal(group(PCI_BDF(0, 1, 0)), PCI_BDF(0, 1, 0));
	assert_int_equal(group(PCI_BDF(4, 1, 0)), PCI_BDF(0, 0x1e, 0));
}

static void a_switch(bool first_acs, bool second_acs)
{
	port(PCI_BDF(0, 1, 0), 4, 1, 4, true);
	port(PCI_BDF(1, 0, 0), 5, 2, 4, false);
	port(PCI_BDF(2, 0, 0), 6, 3, 3, first_acs);
	port(PCI_BDF(2, 1, 0), 6, 4, 4, second_acs);
	endpoint(PCI_BDF(3, 0, 0), false);
	endpoint(PCI_BDF(4, 0, 0), false);
	compute(6);
}

static void test_switch(void **state)
{
	a_switch(true, true);
	assert_int_equal(group(PCI_BDF(3, 0, 0)), PCI_BDF(3, 0, 0));
	assert_int_equal(group(PCI_BDF(4, 0, 0)), PCI_BDF(4, 0, 0));
	again();
	a_switch(false, false);
	assert_int_equal(group(PCI_BDF(3, 0, 0)), PCI_BDF(1, 0, 0));
	assert_int_equal(group(PCI_BDF(4, 0, 0)), PCI_BDF(1, 0, 0));
	/* What comes up through the port without ACS goes down through the one with it. */
	for (unsigned int i = 0; i < 2; i++) {
		again();
		a_switch(i, !i);
		assert_int_equal(group(PCI_BDF(3, 0, 0)), PCI_BDF(1, 0, 0));
		assert_int_equal(group(PCI_BDF(4, 0, 0)), PCI_BDF(1, 0, 0));
	}
}

static void test_ari_device(void **state)
{
	struct fake_fn *p = port(PCI_BDF(0, 1, 0), 4, 1, 1, true);

	fake_put(p->cfg, 0x68, 2, 0x20); /* ARI forwarding */
	endpoint(PCI_BDF(1, 0, 0), true);
	endpoint(PCI_BDF(1, 2, 5), true);
	compute(3);
	assert_int_equal(group(PCI_BDF(1, 2, 5)), PCI_BDF(1, 0, 0));
}

/* ---- who may have what ---- */

static int allows(u16 bdf, enum pci_owner owner, struct pci_reason *why)
{
	why->text[0] = '\0';
	return pci_group_allows(must_find(bdf), owner, why);
}

static void test_allows(void **state)
{
	const u16 isa = PCI_BDF(0, 0x1f, 0), ahci = PCI_BDF(0, 0x1f, 2), smbus = PCI_BDF(0, 0x1f, 3);
	struct pci_reason why;
	struct pci_dev *other;

	test_slots_of_the_root_complex(state);
	assert_int_equal(allows(ahci, PCI_OWNER_GUEST, &why), 0); /* the other one waits */
	atomic_fetch_or(&must_find(isa)->flags, PCI_FLAG_HIDDEN);
	atomic_fetch_or(&must_find(PCI_BDF(0, 2, 0))->flags, PCI_FLAG_HIDDEN);
	assert_int_equal(allows(ahci, PCI_OWNER_GUEST, &why), 0); /* a bridge; another group */
	atomic_fetch_or(&must_find(smbus)->flags, PCI_FLAG_HIDDEN);
	assert_int_equal(allows(ahci, PCI_OWNER_GUEST, &why), -EPERM);
	assert_string_equal(why.text, "its group holds 0000:00:1f.3, which is hidden");
	assert_int_equal(pci_group_allows(must_find(ahci), PCI_OWNER_GUEST, NULL), -EPERM);
	assert_int_equal(allows(ahci, PCI_OWNER_QUARANTINE, &why), 0);
	assert_int_equal(allows(isa, PCI_OWNER_GUEST, &why), 0);
	/* group=mixed on any of the three. */
	for (unsigned int fn = 0; fn < 4; fn += fn ? 1 : 2) {
		struct pci_dev *dev = must_find(PCI_BDF(0, 0x1f, fn));

		atomic_fetch_or(&dev->flags, PCI_FLAG_GROUP_MIXED);
		assert_int_equal(allows(ahci, PCI_OWNER_GUEST, &why), 0);
		atomic_fetch_and(&dev->flags, ~(u32)PCI_FLAG_GROUP_MIXED);
	}
	/* The same numbers in another segment are another group. */
	fake_add(ahci, 0x8086, 1, 0x010601, 0)->sbdf.segment = 1;
	assert_int_equal(pci_dev_add((struct sbdf){ 1, ahci }), 0);
	other = pci_dev_find((struct sbdf){ 1, ahci });
	assert_non_null(other);
	other->group = must_find(smbus)->group;
	assert_int_equal(pci_group_allows(other, PCI_OWNER_GUEST, &why), 0);
	pci_dev_put(other, PCI_REF_TRANSIENT);
	atomic_store(&must_find(smbus)->flags, PCI_FLAG_BROKEN);
	assert_int_equal(allows(ahci, PCI_OWNER_GUEST, &why), -EPERM);
	assert_non_null(strstr(why.text, "which is broken"));
	atomic_store(&must_find(smbus)->flags, 0);
	assert_int_equal(pci_dev_set_owner(must_find(smbus), PCI_OWNER_FAIRLEAD), 0);
	assert_int_equal(allows(ahci, PCI_OWNER_GUEST, &why), -EPERM);
	assert_non_null(strstr(why.text, "which Fairlead uses"));
	assert_int_equal(pci_dev_set_owner(must_find(smbus), PCI_OWNER_GUEST), 0);
	assert_int_equal(allows(ahci, PCI_OWNER_GUEST, &why), 0);
	assert_int_equal(allows(ahci, PCI_OWNER_FAIRLEAD, &why), -EPERM);
	assert_non_null(strstr(why.text, "which is the guest's"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_phantoms),	  T(test_aliases),	   T(test_too_many_ids),
		T(test_acs_enable),	  T(test_slots_of_the_root_complex),
		T(test_multifunction_acs), T(test_acs_as_it_stands), T(test_root_ports),
		T(test_conventional_bus), T(test_switch),	   T(test_ari_device),
		T(test_allows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

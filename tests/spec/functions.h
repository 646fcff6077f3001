/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions with every capability that a guest may see but messages (messages.h), hidden ones in between, and
 * for each what it should be like for a guest.
 */
#ifndef TESTS_SPEC_FUNCTIONS_H
#define TESTS_SPEC_FUNCTIONS_H

#include "tests/spec/world.h"

/* ---- a network card: PCI Express 2, everything that a device may have ---- */

static inline void build_card(struct subject *s)
{
	struct fake_fn *f = s->f = fake_add(s->bdf, 0x5a5a, 0x10d3, 0x020000, 0);

	fake_bar(f, 0, 0x20000, 0x0, 0xfeb80000);
	fake_bar(f, 1, 0x20, 0x1, 0xc040);
	fake_bar(f, 2, 0x4000, 0xc, 0xa000000000);
	fake_rom(f, 0x40000, 0xfe000000);
	cap(f, 0x40, 0x01, 8);
	fake_put(f->cfg, 0x44, 2, 0x2008); /* D0, No_Soft_Reset */
	express(f, 0x50, 2, 0);
	cap(f, 0x90, 0x09, 16);
	f->cfg[0x92] = 16;
	cap(f, 0xa0, 0x0d, 8);
	cap(f, 0xb0, 0x03, 16); /* VPD: hidden */
	cap(f, 0xc0, 0x12, 8);
	cap(f, 0xd0, 0x08, 16);
	cap(f, 0xe0, 0x13, 8);
	ext_cap(f, 0x100, 0x0010, 0x40); /* SR-IOV: hidden, and the first */
	ext_cap(f, 0x140, 0x0001, 0x48);
	fake_put(f->w1c, 0x144, 4, 0x0ffff030);
	fake_put(f->w1c, 0x150, 4, 0x0000f1c1);
	ext_cap(f, 0x190, 0x0003, 12);
	ext_cap(f, 0x1a0, 0x000d, 12);
	ext_cap(f, 0x1b0, 0x000e, 8);
	ext_cap(f, 0x1c0, 0x0018, 8);
	ext_cap(f, 0x1d0, 0x001e, 0x14);
	ext_cap(f, 0x200, 0x0002, 0x28);
	fake_put(f->cfg, 0x204, 4, 1); /* two channels */
	ext_cap(f, 0x230, 0x000b, 0x18);
	fake_put(f->cfg, 0x234, 4, 0x01800042);
	ext_cap(f, 0x250, 0x000f, 8); /* ATS: hidden */
	fake_put(f->cfg, 0x100, 4, 0x14010010);
	fill(f, 0x300, 0x310);
}

static inline void describe_card(struct spec_model *m)
{
	describe_header(m, 0x40);
	spec_add(m, 0, &spec_device_command);
	spec_add(m, 0, &spec_type0);
	describe_bar(m, 0x10, 0x20000, 0);
	describe_bar(m, 0x14, 0x20, 1);
	describe_bar(m, 0x18, 0x4000, 0xc);
	describe_bar(m, 0x1c, 1, 0);
	/* 7.5.1.2.4: the enable bit follows the guest's; 10:1 are reserved (or 0), as address bits below the size */
	spec_add_field(m, 0, &(struct spec_field){ 0x30, 0, 0, SPEC_RW, "Expansion ROM Enable", SPEC_STILL });
	spec_add_field(m, 0, &(struct spec_field){ 0x30, 17, 1, SPEC_ZERO, "ROM, wired", SPEC_STILL });
	spec_add_field(m, 0, &(struct spec_field){ 0x30, 31, 18, SPEC_OWN, "ROM address", SPEC_STILL });
	describe_cap(m, 0x40, 0x01, 0x50, &spec_pm_device);
	describe_cap(m, 0x50, 0x10, 0x90, &spec_express_v1);
	spec_add(m, 0x50, &spec_express_v2);
	spec_rest(m, 0x64, 0x8c, SPEC_ZERO);
	describe_cap(m, 0x90, 0x09, 0xa0, &spec_vendor);
	describe_cap(m, 0xa0, 0x0d, 0xc0, &spec_subsystem);
	spec_add(m, 0xb0, &spec_hidden16);
	describe_cap(m, 0xc0, 0x12, 0xd0, &spec_sata);
	describe_cap(m, 0xd0, 0x08, 0xe0, &spec_shown);
	describe_cap(m, 0xe0, 0x13, 0x00, &spec_af);
	spec_constant(m, 0x100, 4, 0x14000000); /* 7.9.28: a null capability leads on */
	describe_ext_cap(m, 0x140, 0x0001, 0x190, &spec_aer_device);
	describe_ext_cap(m, 0x190, 0x0003, 0x1a0, &spec_serial);
	describe_ext_cap(m, 0x1a0, 0x000d, 0x1b0, &spec_acs);
	describe_ext_cap(m, 0x1b0, 0x000e, 0x1c0, &spec_ari);
	describe_ext_cap(m, 0x1c0, 0x0018, 0x1d0, &spec_ltr);
	describe_ext_cap(m, 0x1d0, 0x001e, 0x200, &spec_l1ss);
	describe_ext_cap(m, 0x200, 0x0002, 0x230, &spec_vc);
	describe_ext_cap(m, 0x230, 0x000b, 0x000, &spec_vsec);
	spec_rest(m, 0x00, 0x40, SPEC_ZERO);
	spec_rest(m, 0x40, 0x100, SPEC_RW); /* outside any capability: the device's own */
	spec_rest(m, 0x100, 0x1000, SPEC_ZERO);
}

/* ---- an old card: PCI Express 1, no extended capability, no ROM ---- */

static inline void build_old(struct subject *s)
{
	struct fake_fn *f = s->f = fake_add(s->bdf, 0x5a5a, 0x4321, 0x040300, 0);

	fake_bar(f, 0, 0x4000, 0x4, 0xa100000000);
	cap(f, 0x48, 0x02, 24);
	express(f, 0x60, 1, 1);
	f->cfg[0x67] = 0x10; /* it can be reset */
	cap(f, 0xdc, 0x0e, 16);
}

static inline void describe_old(struct spec_model *m)
{
	static const struct spec_field agp_fields[] = { { 0x02, 175, 0, SPEC_HW, "all of it" } };
	static const struct spec_table agp = SPEC_TABLE("AGP, 24 bytes", 24, agp_fields);
	static const struct spec_field agp8x_fields[] = { { 0x02, 271, 0, SPEC_HW, "all of it" } };
	static const struct spec_table agp8x = SPEC_TABLE("AGP 8x, to the end", 36, agp8x_fields);

	describe_header(m, 0x48);
	spec_add(m, 0, &spec_device_command);
	spec_add(m, 0, &spec_type0);
	describe_bar(m, 0x10, 0x4000, 4);
	describe_bar(m, 0x14, 1, 0);
	describe_cap(m, 0x48, 0x02, 0x60, &agp);
	describe_cap(m, 0x60, 0x10, 0xdc, &spec_express_v1);
	describe_cap(m, 0xdc, 0x0e, 0x00, &agp8x);
	spec_rest(m, 0x00, 0x40, SPEC_ZERO);
	spec_rest(m, 0x40, 0x100, SPEC_RW);
	spec_rest(m, 0x100, 0x1000, SPEC_ZERO);
}

/* ---- a root port ---- */

static inline void build_rootport(struct subject *s)
{
	struct fake_fn *f = s->f = fake_add_bridge(s->bdf, 1, 1);

	fake_put(f->cfg, 0x00, 2, 0x5a5a);
	fake_set(f, 0x1c, 2, 0x01f1, 0xf0f0, 0); /* 32-bit I/O window, closed */
	fake_bar(f, 0, 0x1000, 0, 0xfe900000);
	cap(f, 0x80, 0x01, 8);
	fake_put(f->cfg, 0x84, 2, 0x0008);
	express(f, 0x90, 2, 4);
	fake_set(f, 0xa4, 4, 0x0004007b, 0, 0); /* slot capabilities: everything */
	fake_put(f->w1c, 0xa2, 2, 0xc000);
	fake_put(f->w1c, 0xaa, 2, 0x011f);
	fake_put(f->w1c, 0xb0, 4, 0x00010000);
	cap(f, 0xd0, 0x0d, 8);
	ext_cap(f, 0x100, 0x0001, 0x48);
	fake_put(f->w1c, 0x104, 4, 0x0ffff030);
	ext_cap(f, 0x150, 0x000d, 12);
	ext_cap(f, 0x160, 0x001d, 0x20); /* DPC: hidden */
	ext_cap(f, 0x180, 0x0002, 0x28);
	fake_put(f->cfg, 0x184, 4, 1);
}

static inline void describe_rootport(struct spec_model *m)
{
	describe_header(m, 0x80);
	spec_add(m, 0, &spec_chipset_command);
	spec_add(m, 0, &spec_type1);
	spec_add(m, 0, &spec_io32);
	spec_add(m, 0, &spec_pref64);
	describe_bar(m, 0x10, 0x1000, 0);
	describe_cap(m, 0x80, 0x01, 0x90, &spec_pm_port);
	describe_cap(m, 0x90, 0x10, 0xd0, &spec_express_port);
	describe_cap(m, 0xd0, 0x0d, 0x00, &spec_subsystem);
	describe_ext_cap(m, 0x100, 0x0001, 0x150, &spec_aer_port);
	describe_ext_cap(m, 0x150, 0x000d, 0x180, &spec_acs);
	describe_ext_cap(m, 0x180, 0x0002, 0x000, &spec_vc);
	spec_rest(m, 0x00, 0x40, SPEC_ZERO);
	spec_rest(m, 0x40, 0x100, SPEC_HW);
	spec_rest(m, 0x100, 0x1000, SPEC_ZERO);
}

/* ---- a PCI bridge: no I/O window, a 32-bit prefetchable one ---- */

static inline void build_bridge(struct subject *s)
{
	struct fake_fn *f = s->f = fake_add_bridge(s->bdf, 2, 2);

	fake_put(f->cfg, 0x00, 2, 0x5a5a);
	fake_set(f, 0x1c, 2, 0, 0, 0);
	fake_set(f, 0x24, 4, 0x0000fff0, 0xfff0fff0, 0);
	fake_set(f, 0x28, 4, 0x11223344, 0xffffffff, 0);
	cap(f, 0x50, 0x0d, 8);
}

static inline void describe_bridge(struct spec_model *m)
{
	describe_header(m, 0x50);
	spec_add(m, 0, &spec_chipset_command);
	spec_add(m, 0, &spec_type1);
	spec_add(m, 0, &spec_pref32);
	describe_cap(m, 0x50, 0x0d, 0x00, &spec_subsystem);
	spec_rest(m, 0x00, 0x40, SPEC_ZERO);
	spec_rest(m, 0x40, 0x100, SPEC_HW);
	spec_rest(m, 0x100, 0x1000, SPEC_ZERO);
}

/* ---- a host bridge: class 06, header type 0 ---- */

static inline void build_hostbridge(struct subject *s)
{
	struct fake_fn *f = s->f = fake_add(s->bdf, 0x5a5a, 0x29c0, 0x060000, 0);

	fake_set(f, 0x10, 4, 0xfed10000, 0xfffff000, 0);
	cap(f, 0xe0, 0x09, 16);
	f->cfg[0xe2] = 16;
	fill(f, 0x60, 0x70);
}

static inline void describe_hostbridge(struct spec_model *m)
{
	describe_header(m, 0xe0);
	spec_add(m, 0, &spec_chipset_command);
	spec_add(m, 0, &spec_type0);
	describe_cap(m, 0xe0, 0x09, 0x00, &spec_vendor_chipset);
	spec_rest(m, 0x10, 0x28, SPEC_HW); /* never sized: what firmware left there is shown */
	spec_rest(m, 0x00, 0x40, SPEC_ZERO);
	spec_rest(m, 0x40, 0x100, SPEC_HW); /* the chipset's registers drop writes */
	spec_rest(m, 0x100, 0x1000, SPEC_ZERO);
}

/* ---- a CardBus bridge ---- */

static inline void build_cardbus(struct subject *s)
{
	s->f = fake_add(s->bdf, 0x5a5a, 0x1217, 0x060700, 2);
	fill(s->f, 0x10, 0x40);
}

static inline void describe_cardbus(struct spec_model *m)
{
	spec_add(m, 0, &spec_chipset_command);
	spec_add(m, 0, &spec_common);
	spec_add(m, 0, &spec_cardbus);
	m->one[0x06] = 0; /* no capability list */
	spec_rest(m, 0x00, 0x40, SPEC_ZERO);
	spec_rest(m, 0x40, 0x100, SPEC_HW);
	spec_rest(m, 0x100, 0x1000, SPEC_ZERO);
}

static struct subject functions[] = {
	{ .name = "network card", .bdf = PCI_BDF(0, 2, 0), .build = build_card, .describe = describe_card },
	{ .name = "old card", .bdf = PCI_BDF(0, 3, 0), .build = build_old, .describe = describe_old },
	{ .name = "root port", .bdf = PCI_BDF(0, 4, 0), .build = build_rootport, .describe = describe_rootport },
	{ .name = "PCI bridge", .bdf = PCI_BDF(0, 5, 0), .build = build_bridge, .describe = describe_bridge },
	{ .name = "host bridge", .bdf = PCI_BDF(0, 0, 0), .build = build_hostbridge, .describe = describe_hostbridge },
	{ .name = "CardBus bridge", .bdf = PCI_BDF(0, 6, 0), .build = build_cardbus, .describe = describe_cardbus },
};

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions that have MSI in each of its forms. What the hardware was programmed with is judged by what becomes
 * of the messages that it would send now: they have to arrive as what the guest asked for (Intel SDM vol. 3A,
 * 11.11; tests/fake/fake_remap.h), or it must not be able to send any.
 */
#ifndef TESTS_SPEC_MESSAGES_H
#define TESTS_SPEC_MESSAGES_H

#include "tests/spec/pci_msi.h"
#include "tests/spec/world.h"

#define MSI_CAP 0x60
#define MSI_FORMS 6

static const struct {
	bool is64, maskable;
	unsigned int capable;
} msi_form[MSI_FORMS] = { { false, false, 0 }, { true, false, 3 }, { false, true, 3 },
			  { true, true, 5 },   { true, true, 0 },  { true, true, 2 } };

static inline struct spec_msi form_of(const struct subject *s);

static inline void build_msi_function(struct subject *s)
{
	struct spec_msi form = form_of(s);
	struct fake_fn *f = s->f = fake_add(s->bdf, 0x5a5a, 0x0005, 0x020000, 0);

	fake_cap(f, MSI_CAP, 0x05);
	fake_put(f->cfg, MSI_CAP + 2, 2,
		 0xfe71u | form.capable << 1 | (u32)form.is64 << 7 | (u32)form.maskable << 8);
	fake_put(f->cfg, MSI_CAP + 4, 4, 0xfeeaaaac); /* firmware's, enabled, and what is reserved is not 0 */
	fake_put(f->cfg, MSI_CAP + 8, 4, 0x12345678);
	fake_put(f->cfg, MSI_CAP + 12, 4, 0x12345678);
	if (form.pending)
		fake_put(f->cfg, MSI_CAP + form.pending, 4, 0x5a5a5a5a);
	cap(f, 0xa0, 0x0d, 8);
}

static inline void describe_msi_function(struct spec_model *m, unsigned int number)
{
	struct spec_msi form =
		spec_msi_form(msi_form[number].is64, msi_form[number].maskable, msi_form[number].capable);

	describe_header(m, MSI_CAP);
	spec_add(m, 0, &spec_device_command);
	spec_add(m, 0, &spec_type0);
	spec_constant(m, MSI_CAP, 2, 0x05 | 0xa0 << 8);
	spec_add_msi(m, MSI_CAP, &form);
	describe_cap(m, 0xa0, 0x0d, 0x00, &spec_subsystem);
	spec_rest(m, 0x00, 0x40, SPEC_ZERO);
	spec_rest(m, 0x40, 0x100, SPEC_RW);
	spec_rest(m, 0x100, 0x1000, SPEC_ZERO);
}

/* ---- what the messages mean ---- */

/* 7.7.1.5: of several messages, the function puts the number in the data's low bits. */
static inline u32 message_data(u32 data, unsigned int log, unsigned int i)
{
	u32 low = (1u << log) - 1;

	return (data & ~low) | i;
}

static inline bool same_interrupt(const struct fake_interrupt *a, const struct fake_interrupt *b)
{
	return a->vector == b->vector && a->destination == b->destination && a->logical == b->logical &&
	       a->lowest == b->lowest;
}

struct msi_registers {
	u64 address;
	u32 control, data, mask;
};

static inline struct msi_registers msi_registers(const u8 *bytes, const struct spec_msi *form)
{
	const u8 *at = bytes + MSI_CAP;

	return (struct msi_registers){
		.control = fake_get(at, 2, 2),
		.address = fake_get(at, 4, 4) | (form->is64 ? (u64)fake_get(at, 8, 4) << 32 : 0),
		.data = fake_get(at, form->data, 2),
		.mask = form->mask ? fake_get(at, form->mask, 4) : 0,
	};
}

/* Does each message that the guest asks for mean an interrupt? */
static inline bool all_meant(const struct msi_registers *asked, unsigned int log)
{
	struct fake_interrupt interrupt;

	for (unsigned int i = 0; i < 1u << log; i++) {
		if (!fake_parse(asked->address, message_data(asked->data, log, i), &interrupt))
			return false;
	}
	return true;
}

static inline const char *msi_hook(void *ctx, const struct spec_model *m)
{
	const struct subject *s = ctx;
	struct spec_msi form = form_of(s);
	struct msi_registers asked = msi_registers(m->value, &form), hw = msi_registers(s->f->cfg, &form);
	unsigned int log = asked.control >> 4 & 7, hw_log = hw.control >> 4 & 7;
	u32 valid = form.capable == 5 ? ~0u : (1u << (1u << form.capable)) - 1;

	if (!(hw.control & 1))
		return (asked.control & 1) && log <= form.capable && all_meant(&asked, log) ?
			       "MSI is disabled, though the guest may have what it asks for" :
			       NULL;
	if (!(asked.control & 1))
		return "MSI is enabled, and the guest has not enabled it";
	if (hw_log > form.capable)
		return "more messages are enabled than the function has"; /* 7.7.1.2 */
	if (log > form.capable)
		return NULL; /* not defined what that does */
	if (hw_log != log)
		return "another number of messages is enabled";
	for (unsigned int i = 0; i < 1u << log; i++) {
		struct fake_interrupt meant;

		if (!fake_parse(asked.address, message_data(asked.data, log, i), &meant))
			return "MSI is enabled, and a message of the guest's means no interrupt";
		if (fake_message(s->bdf, hw.address, message_data(hw.data, log, i)) != FAKE_DELIVERED)
			return "a message is not delivered";
		if (!same_interrupt(&meant, &fake_interrupt))
			return "a message is delivered as another interrupt";
	}
	if (!fake_remap.on && (hw.address != asked.address || hw.data != asked.data))
		return "the device does not have the guest's own message";
	if (form.maskable && ((hw.mask ^ asked.mask) & valid))
		return "the mask bits are not the guest's";
	return NULL;
}

#define MSI_FUNCTION(n)                                        \
	static inline void describe_msi_##n(struct spec_model *m) \
	{                                                      \
		describe_msi_function(m, n);                   \
	}
MSI_FUNCTION(0)
MSI_FUNCTION(1)
MSI_FUNCTION(2)
MSI_FUNCTION(3)
MSI_FUNCTION(4)
MSI_FUNCTION(5)

#define MSI_SUBJECT(n, text)                                                                               \
	{                                                                                                  \
		.name = text, .bdf = PCI_BDF(0, 8 + (n), 0), .build = build_msi_function, .describe = describe_msi_##n, \
		.hook = msi_hook                                                                           \
	}
static struct subject msi_functions[MSI_FORMS] = {
	MSI_SUBJECT(0, "MSI 32-bit"),
	MSI_SUBJECT(1, "MSI 64-bit, 8"),
	MSI_SUBJECT(2, "MSI 32-bit, masks, 8"),
	MSI_SUBJECT(3, "MSI 64-bit, masks, 32"),
	MSI_SUBJECT(4, "MSI 64-bit, masks"),
	MSI_SUBJECT(5, "MSI 64-bit, masks, 4"),
};

static inline struct spec_msi form_of(const struct subject *s)
{
	unsigned int n = (unsigned int)(s - msi_functions);

	return spec_msi_form(msi_form[n].is64, msi_form[n].maskable, msi_form[n].capable);
}

#endif

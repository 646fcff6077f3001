/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The I/O APIC's registers behind its window: Intel 82093AA datasheet (290566), 3.2; Intel ICH9 datasheet, 13.5. Register i is
 * the dword at 4 * i of the model's space. What the guest may set is its own: ID names nothing here, and entries go into the
 * hardware in another form, which the test looks at by raising the pins.
 */
#ifndef TESTS_SPEC_IOAPIC_H
#define TESTS_SPEC_IOAPIC_H

#include "tests/spec/spec.h"

/* 3.2.1 and 3.2.2. Arbitration (3.2.3) is gone on the ICH9: the test looks at it. */
static const struct spec_field spec_ioapic_fields[] = {
	{ 0x00, 27, 24, SPEC_OWN, "I/O APIC Identification" },
	{ 0x04, 7, 0, SPEC_HW, "APIC Version" },
	/* 15 is the ICH9's Pin Assertion Register Supported: not offered */
	{ 0x04, 23, 16, SPEC_HW, "Maximum Redirection Entry" },
};
static const struct spec_table spec_ioapic = SPEC_TABLE("I/O APIC 3.2", 0, spec_ioapic_fields);

/* 3.2.4: two registers, low first. */
static const struct spec_field spec_redirection_fields[] = {
	{ 0x00, 7, 0, SPEC_OWN, "Interrupt Vector" },
	{ 0x00, 10, 8, SPEC_OWN, "Delivery Mode" },
	{ 0x00, 11, 11, SPEC_OWN, "Destination Mode" },
	{ 0x00, 12, 12, SPEC_HW, "Delivery Status" },
	{ 0x00, 13, 13, SPEC_OWN, "Interrupt Input Pin Polarity" },
	{ 0x00, 14, 14, SPEC_HW, "Remote IRR" },
	{ 0x00, 15, 15, SPEC_OWN, "Trigger Mode" },
	{ 0x00, 16, 16, SPEC_OWN, "Interrupt Mask" },
	{ 0x04, 31, 24, SPEC_OWN, "Destination" },
};
static const struct spec_table spec_redirection = SPEC_TABLE("redirection entry 3.2.4", 8, spec_redirection_fields);

#define SPEC_IOAPIC_BYTES 1024u
#define SPEC_IOAPIC_ENTRY(n) (4u * (0x10 + 2 * (n)))

static inline void spec_describe_ioapic(struct spec_model *m, unsigned int pins)
{
	memset(m, 0, sizeof(*m));
	spec_add(m, 0, &spec_ioapic);
	for (unsigned int n = 0; n < pins; n++)
		spec_add(m, SPEC_IOAPIC_ENTRY(n), &spec_redirection);
	spec_rest(m, 0, SPEC_IOAPIC_BYTES, SPEC_ZERO);
}

/* Delivery modes (3.2.4) that are an ordinary interrupt: fixed, lowest priority; vectors below 16 are none (SDM 11.5.2). */
static inline bool spec_is_interrupt(uint32_t low)
{
	return (low >> 8 & 7) <= 1 && (low & 0xff) >= 16;
}

#endif

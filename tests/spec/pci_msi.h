/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Message Signalled Interrupts, PCI Express Base Specification 6.0, 7.7.1, in its four forms, and MSI-X, 7.7.2.
 * The guest's registers are its own: the hardware gets other messages (docs/design/interrupts.md), which the
 * tests' hooks look at.
 */
#ifndef TESTS_SPEC_PCI_MSI_H
#define TESTS_SPEC_PCI_MSI_H

#include "tests/spec/spec.h"

#define SPEC_MESSAGE (SPEC_STILL | SPEC_LOOSE)

/* Offsets of the registers of one form. */
struct spec_msi {
	bool is64, maskable;
	unsigned int capable;		    /* Multiple Message Capable: logarithm of the number of messages */
	unsigned int data, mask, pending, length; /* mask, pending: 0 if there are none */
};

/* 7.7.1.2: 10:9, extended message data, is not offered (x86 has no use for it): read-only 0; 15:11 are reserved. */
static const struct spec_field spec_msi_control_fields[] = {
	{ 0x02, 0, 0, SPEC_OWN, "MSI Enable", SPEC_MESSAGE | SPEC_CLEAR },
	{ 0x02, 3, 1, SPEC_HW, "Multiple Message Capable", SPEC_STILL | SPEC_WIRED },
	{ 0x02, 6, 4, SPEC_OWN, "Multiple Message Enable", SPEC_MESSAGE | SPEC_CLEAR },
	{ 0x02, 7, 7, SPEC_HW, "64-bit Address Capable", SPEC_STILL | SPEC_WIRED },
	{ 0x02, 8, 8, SPEC_HW, "Per-Vector Masking Capable", SPEC_STILL | SPEC_WIRED },
	{ 0x02, 15, 9, SPEC_ZERO, "Extended Message Data, reserved", SPEC_MESSAGE },
	{ 0x04, 1, 0, SPEC_ZERO, "Message Address, reserved", SPEC_MESSAGE }, /* 7.7.1.3 */
	{ 0x04, 31, 2, SPEC_OWN, "Message Address", SPEC_MESSAGE | SPEC_CLEAR },
};
static const struct spec_table spec_msi_control = SPEC_TABLE("MSI 7.7.1.2, 7.7.1.3", 0, spec_msi_control_fields);

/* 7.7.1.4 to 7.7.1.8, and figures 7-61 to 7-64 for where they are. */
static inline struct spec_msi spec_msi_form(bool is64, bool maskable, unsigned int capable)
{
	unsigned int data = is64 ? 0x0c : 0x08;

	return (struct spec_msi){
		.is64 = is64,
		.maskable = maskable,
		.capable = capable,
		.data = data,
		.mask = maskable ? data + 4 : 0,
		.pending = maskable ? data + 8 : 0,
		.length = data + (maskable ? 12 : 4),
	};
}

static inline void spec_add_msi(struct spec_model *m, unsigned int cap, const struct spec_msi *form)
{
	unsigned int last = (1u << form->capable) - 1;
	unsigned int bytes = form->length;

	spec_add(m, cap, &spec_msi_control);
	if (form->is64)
		spec_add_field(m, cap, &(struct spec_field){ 0x08, 31, 0, SPEC_OWN, "Message Upper Address", SPEC_MESSAGE | SPEC_CLEAR });
	spec_add_field(m, cap, &(struct spec_field){ form->data, 15, 0, SPEC_OWN, "Message Data", SPEC_MESSAGE | SPEC_CLEAR });
	if (form->maskable) { /* of messages that the function does not have, reserved */
		spec_add_field(m, cap, &(struct spec_field){ form->mask, last, 0, SPEC_OWN, "Mask Bits", SPEC_MESSAGE | SPEC_CLEAR });
		spec_add_field(m, cap, &(struct spec_field){ form->pending, 31, 0, SPEC_HW, "Pending Bits" });
		if (last < 31)
			spec_add_field(m, cap, &(struct spec_field){ form->mask, 31, last + 1, SPEC_ZERO, "reserved",
								     SPEC_MESSAGE });
	}
	spec_rest(m, cap, cap + bytes, SPEC_ZERO);
}

/* 7.7.2.2 to 7.7.2.4. Table Size and where table and pending bits are do not change. */
static const struct spec_field spec_msix_fields[] = {
	{ 0x02, 10, 0, SPEC_HW, "Table Size", SPEC_STILL | SPEC_WIRED },
	{ 0x02, 14, 14, SPEC_OWN, "Function Mask", SPEC_MESSAGE | SPEC_CLEAR },
	{ 0x02, 15, 15, SPEC_OWN, "MSI-X Enable", SPEC_MESSAGE | SPEC_CLEAR },
	{ 0x04, 2, 0, SPEC_HW, "Table BIR", SPEC_STILL },
	{ 0x04, 31, 3, SPEC_HW, "Table Offset", SPEC_STILL },
	{ 0x08, 2, 0, SPEC_HW, "PBA BIR", SPEC_STILL },
	{ 0x08, 31, 3, SPEC_HW, "PBA Offset", SPEC_STILL },
};
static const struct spec_table spec_msix = SPEC_TABLE("MSI-X 7.7.2", 12, spec_msix_fields);

/*
 * One entry of the table, 7.7.2.5 to 7.7.2.8. Bits 1:0 of the address must be written as 0; vector control's bits 31:1 are
 * reserved.
 */
static const struct spec_field spec_msix_entry_fields[] = {
	{ 0x00, 1, 0, SPEC_ZERO, "Message Address, reserved", SPEC_MESSAGE | SPEC_AVOID },
	{ 0x00, 31, 2, SPEC_OWN, "Message Address", SPEC_MESSAGE | SPEC_CLEAR },
	{ 0x04, 31, 0, SPEC_OWN, "Message Upper Address", SPEC_MESSAGE | SPEC_CLEAR },
	{ 0x08, 31, 0, SPEC_OWN, "Message Data", SPEC_MESSAGE | SPEC_CLEAR },
	{ 0x0c, 0, 0, SPEC_OWN, "Mask Bit", SPEC_MESSAGE }, /* 1 after a reset */
	{ 0x0c, 31, 1, SPEC_ZERO, "reserved", SPEC_MESSAGE },
};
static const struct spec_table spec_msix_entry = SPEC_TABLE("MSI-X table entry 7.7.2.5", 16, spec_msix_entry_fields);

#endif

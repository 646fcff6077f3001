/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI against tests/spec: each form of the capability, every partial write, from states in which messages are
 * disabled, enabled and refused; and long random sequences.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/spec/messages.h"

static int setup_msi(void **state)
{
	spec_build(msi_functions, ARRAY_SIZE(msi_functions));
	return 0;
}

/* Where messages are only checked, not remapped, the device gets the guest's own. */
static int setup_plain(void **state)
{
	setup_msi(state);
	fake_remap_begin(false);
	return 0;
}

/* What the guest has written before: no message, a good one, one that is no interrupt (SMI), several. */
static const struct {
	u32 address, data, control, mask;
} before[] = {
	{ 0, 0, 0, 0 },		    { 0xfee01004, 0x0041, 0x0001, 0x5 },  { 0xfee02000, 0x0140, 0x0000, 0 },
	{ 0xfee01000, 0x0230, 0x0001, 0 }, { 0xfee0f00c, 0x4148, 0x0021, 0xa }, { 0xfee03000, 0x0060, 0x0051, 0xf0 },
};

static bool put_before(struct subject *s, const struct spec_target *t, unsigned int which)
{
	struct spec_msi form = form_of(s);

	return spec_one_write(&spec_model, t, MSI_CAP + 4, 4, before[which].address) &&
	       spec_one_write(&spec_model, t, MSI_CAP + form.data, 2, before[which].data) &&
	       (!form.mask || spec_one_write(&spec_model, t, MSI_CAP + form.mask, 4, before[which].mask)) &&
	       spec_one_write(&spec_model, t, MSI_CAP + 2, 2, before[which].control);
}

static void test_every_partial_write(void **state)
{
	for (unsigned int i = 0; i < MSI_FORMS; i++) {
		struct subject *s = &msi_functions[i];
		unsigned int end = MSI_CAP + form_of(s).length;

		for (unsigned int dword = MSI_CAP - 4; dword <= end; dword += 4) {
			for (unsigned int b = 0; b < ARRAY_SIZE(before); b++) {
				struct spec_target t;

				if (!subject_begin(s, &t, NO_DWORD) || !put_before(s, &t, b) ||
				    !spec_check_dword(&spec_model, &t, dword))
					fail_msg("%s, dword 0x%x, state %u: %s", s->name, dword, b, spec_complaint);
			}
		}
	}
}

/* Mostly values that mean something, so that enabled states are long. */
static u64 likely(const struct spec_msi *form, unsigned int offset)
{
	static const u32 addresses[] = { 0xfee00000, 0xfee01004, 0xfee0200c, 0xfee0f000, 0xfee00010, 0 };
	static const u32 data[] = { 0x41, 0x4130, 0x130, 0x240, 0x00 };
	u32 r = spec_random();

	if (r % 4 == 0)
		return (u64)spec_random() << 32 | spec_random();
	if (offset == MSI_CAP)
		return (u64)(r & 0x300 ? 0x01 : r >> 10 & 0x71) << 16 | (u64)addresses[r % 6] << 32;
	if (offset == MSI_CAP + 4)
		return addresses[r % 6] | (form->is64 ? 0 : (u64)data[(r >> 8) % 5] << 32);
	if (offset == MSI_CAP + form->data)
		return data[(r >> 8) % 5] | (u64)spec_random() << 32;
	return 0;
}

static void test_random_sequences(void **state)
{
	for (unsigned int i = 0; i < MSI_FORMS; i++) {
		struct subject *s = &msi_functions[i];
		struct spec_msi form = form_of(s);
		unsigned int enabled = 0;
		struct spec_target t;

		assert_true(subject_begin(s, &t, NO_DWORD));
		for (unsigned int n = 0; n < 4000; n++) {
			u32 r = spec_random();
			unsigned int size = 1u << (r & 3), at = MSI_CAP - 4 + (r >> 8) % (form.length + 8);

			if (r & 0x30) { /* as drivers write */
				size = r & 0x40 ? 4 : 2;
				at &= ~(size - 1);
			}
			if (!spec_one_write(&spec_model, &t, at, size, likely(&form, at & ~3u) >> (8 * (at & 3))))
				fail_msg("%s, write %u: %s", s->name, n, spec_complaint);
			enabled += s->f->cfg[MSI_CAP + 2] & 1;
		}
		assert_in_range(enabled, 200, 3800);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_partial_write, setup_msi, spec_teardown),
		cmocka_unit_test_setup_teardown(test_random_sequences, setup_msi, spec_teardown),
		{ "test_every_partial_write, not remapped", test_every_partial_write, setup_plain, spec_teardown, NULL },
		{ "test_random_sequences, not remapped", test_random_sequences, setup_plain, spec_teardown, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

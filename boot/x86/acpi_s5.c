/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The values that switch the machine off: \_S5 is a package of constants in AML (ACPI specification 6.5,
 * 7.4.2 and 20.2). An interpreter is not needed to read it; what is needed is that no byte of the table can
 * lead the reader out of the table.
 */
#include "boot/x86/acpi_tables.h"
#include "core/string.h"

/* AML encodings, 20.2. */
enum aml_op {
	AML_ZERO = 0x00,
	AML_ONE = 0x01,
	AML_NAME = 0x08,
	AML_BYTE = 0x0a,
	AML_WORD = 0x0b,
	AML_DWORD = 0x0c,
	AML_QWORD = 0x0e,
	AML_PACKAGE = 0x12,
	AML_ROOT = '\\',
};

#define SLP_TYP_MAX 7 /* three bits of PM1_CNT, 4.8.3.2.1 */

struct aml {
	const u8 *at;
	size_t left;
};

static bool take(struct aml *aml, u8 *byte)
{
	if (!aml->left)
		return false;
	*byte = *aml->at++;
	aml->left--;
	return true;
}

/* PkgLength, 20.2.4: the two high bits of the first byte say how many follow; it counts from its own first
 * byte. Narrows to the package. */
static bool enter_package(struct aml *aml)
{
	size_t before = aml->left, length;
	unsigned int i, following;
	u8 byte;

	if (!take(aml, &byte))
		return false;
	following = byte >> 6;
	length = following ? byte & 0x0f : byte & 0x3f;
	for (i = 0; i < following; i++) {
		if (!take(aml, &byte))
			return false;
		length |= (size_t)byte << (4 + 8 * i);
	}
	if (length > before || length < before - aml->left)
		return false;
	aml->left = length - (before - aml->left);
	return true;
}

/* A constant that is a sleep type. */
static bool take_sleep_type(struct aml *aml, u8 *type)
{
	unsigned int i, bytes;
	u64 value = 0;
	u8 op, byte;

	if (!take(aml, &op))
		return false;
	switch (op) {
	case AML_ZERO: bytes = 0; break;
	case AML_ONE: bytes = 0; value = 1; break;
	case AML_BYTE: bytes = 1; break;
	case AML_WORD: bytes = 2; break;
	case AML_DWORD: bytes = 4; break;
	case AML_QWORD: bytes = 8; break;
	default: return false;
	}
	for (i = 0; i < bytes; i++) {
		if (!take(aml, &byte))
			return false;
		value |= (u64)byte << (8 * i);
	}
	*type = (u8)value;
	return value <= SLP_TYP_MAX;
}

/* What follows the name: PackageOp PkgLength NumElements element element... */
static bool parse_package(struct aml aml, u8 *type_a, u8 *type_b)
{
	u8 op, elements;

	return take(&aml, &op) && op == AML_PACKAGE && enter_package(&aml) && take(&aml, &elements) &&
	       elements >= 2 && take_sleep_type(&aml, type_a) && take_sleep_type(&aml, type_b);
}

bool aml_find_s5(const u8 *aml, size_t length, u8 *type_a, u8 *type_b)
{
	static const char name[4] = { '_', 'S', '5', '_' };
	size_t i;

	for (i = 1; i + sizeof(name) <= length; i++) {
		u8 a, b;

		if (memcmp(aml + i, name, sizeof(name)))
			continue;
		/* A definition is NameOp, perhaps the root's prefix, the name; elsewhere these letters are
		 * a reference. */
		if (aml[i - 1] != AML_NAME && !(i >= 2 && aml[i - 1] == AML_ROOT && aml[i - 2] == AML_NAME))
			continue;
		if (parse_package((struct aml){ aml + i + sizeof(name), length - i - sizeof(name) }, &a,
				  &b)) {
			*type_a = a;
			*type_b = b;
			return true;
		}
	}
	return false;
}

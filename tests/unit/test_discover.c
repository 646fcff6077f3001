/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The iommu= policy: for each policy and each state of the machine, refusal or start, and what is hidden. The
 * hardware's side (PCI, VT-d, the architecture) is played by fakes; the ACPI code is the real one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "boot/discover.h"
#include "boot/firmware.h"
#include "core/arch.h"
#include "core/errno.h"
#include "drivers/iommu/intr.h"
#include "drivers/iommu/vtd/discover.h"
#include "tests/unit/acpi_firmware.h"

/* ---- fakes ---- */

static int vtd_answer, ecam_answer, cfg_answer;
static unsigned int vtd_calls, order_ecam, order_cfg, calls;
static const void *vtd_table;
static size_t vtd_length;
static struct pci_dev devices[3];
static struct iommu unit;
static bool behind_unit[3];

int vtd_discover(const void *dmar, size_t length)
{
	vtd_calls++;
	vtd_table = dmar;
	vtd_length = length;
	return vtd_answer;
}

int pci_ecam_init(const void *mcfg, size_t length)
{
	order_ecam = ++calls;
	return ecam_answer;
}

int arch_pci_cfg_init(void)
{
	order_cfg = ++calls;
	return cfg_answer;
}

struct pci_dev *pci_dev_next_at(struct pci_dev *prev, struct code_site site)
{
	if (!prev)
		return &devices[0];
	return prev == &devices[2] ? NULL : prev + 1;
}

static void (*configure_later)(struct pci_dev *dev);

void pci_set_configure(void (*fn)(struct pci_dev *dev))
{
	configure_later = fn;
}

struct iommu *iommu_of(struct pci_dev *dev)
{
	return behind_unit[dev - devices] ? &unit : NULL;
}

static enum intr_policy decided;
static int intr_answer;

int intr_decide(enum intr_policy policy)
{
	decided = policy;
	return intr_answer;
}

/* ---- tests ---- */

static int setup(void **state)
{
	fw_reset(state);
	vtd_answer = 1;
	ecam_answer = 1;
	cfg_answer = 0;
	vtd_calls = order_ecam = order_cfg = calls = 0;
	memset(devices, 0, sizeof(devices));
	for (unsigned int i = 0; i < 3; i++) {
		devices[i].sbdf.bdf = PCI_BDF(0, i + 1, 0);
		devices[i].class_code = 0x020000;
		behind_unit[i] = true;
	}
	return 0;
}

static void publish(void)
{
	assert_int_equal(acpi_init(fw_publish()), 0);
}

static const enum iommu_policy policies[] = { IOMMU_REQUIRED, IOMMU_OPTIONAL, IOMMU_OFF };

static void test_no_iommu(void **state)
{
	publish();
	assert_int_equal(discover_iommus(IOMMU_REQUIRED), -EOPNOTSUPP);
	assert_int_equal(fw_errors, 1);
	assert_non_null(strstr(fw_last_error, "iommu=required"));
	assert_non_null(strstr(fw_last_error, "DMAR"));
	assert_non_null(strstr(fw_last_error, "iommu=off"));
	assert_int_equal(discover_iommus(IOMMU_OPTIONAL), 0);
	assert_int_equal(fw_warnings, 1);
	assert_int_equal(discover_iommus(IOMMU_OFF), 0);
	assert_int_equal(fw_errors, 1);
	assert_int_equal(vtd_calls, 0);
}

static void test_other_iommu(void **state)
{
	fw_list(fw_new("IVRS", 60));
	publish();
	assert_int_equal(discover_iommus(IOMMU_REQUIRED), -EOPNOTSUPP);
	assert_non_null(strstr(fw_last_error, "IVRS"));
	assert_int_equal(discover_iommus(IOMMU_OPTIONAL), 0);
	fw.table[0][50]++; /* damaged or not, it is there */
	assert_int_equal(discover_iommus(IOMMU_REQUIRED), -EOPNOTSUPP);
	assert_non_null(strstr(fw_last_error, "IVRS"));
}

static void test_damaged_dmar(void **state)
{
	fw_list(fw_new("DMAR", 64));
	fw_list(fw_new("DMAR", 64));
	fw.table[0][50]++;
	publish();
	assert_int_equal(discover_iommus(IOMMU_REQUIRED), -EINVAL);
	assert_non_null(strstr(fw_last_error, "DMAR"));
	assert_int_equal(discover_iommus(IOMMU_OPTIONAL), -EINVAL);
	assert_int_equal(discover_iommus(IOMMU_OFF), 0);
	assert_int_equal(vtd_calls, 0); /* not even the second one, which is whole */
}

static void test_backend_refuses(void **state)
{
	fw_list(fw_new("DMAR", 64));
	publish();
	vtd_answer = -EINVAL;
	assert_int_equal(discover_iommus(IOMMU_REQUIRED), -EINVAL);
	assert_int_equal(discover_iommus(IOMMU_OPTIONAL), -EINVAL);
	vtd_answer = -EOPNOTSUPP;
	assert_int_equal(discover_iommus(IOMMU_OPTIONAL), -EOPNOTSUPP);
	assert_int_equal(discover_iommus(IOMMU_OFF), 0);
	vtd_answer = 0; /* a table without a unit */
	assert_int_equal(discover_iommus(IOMMU_REQUIRED), -EOPNOTSUPP);
	assert_int_equal(discover_iommus(IOMMU_OPTIONAL), 0);
}

static void test_found(void **state)
{
	fw_list(fw_new("DMAR", 64));
	publish();
	vtd_answer = 2;
	for (unsigned int i = 0; i < ARRAY_SIZE(policies); i++) {
		vtd_calls = 0;
		assert_int_equal(discover_iommus(policies[i]), policies[i] == IOMMU_OFF ? 0 : 2);
		assert_int_equal(vtd_calls, policies[i] == IOMMU_OFF ? 0 : 1);
	}
	assert_ptr_equal(vtd_table, fw.table[0]);
	assert_int_equal(vtd_length, 64);
	assert_int_equal(fw_errors, 0);
}

/* A probe is told, not refused; off stays off. */
static void test_remapping_policy(void **state)
{
	static const enum intr_policy asked[] = { INTR_REQUIRED, INTR_OPTIONAL, INTR_OFF };
	static const enum intr_policy probed[] = { INTR_OPTIONAL, INTR_OPTIONAL, INTR_OFF };
	struct config config;

	config_defaults(&config);
	assert_int_equal(config.intremap, INTR_REQUIRED);
	for (unsigned int i = 0; i < ARRAY_SIZE(asked); i++) {
		config.intremap = asked[i];
		config.probe = false;
		intr_answer = -EOPNOTSUPP;
		assert_int_equal(firmware_interrupts(&config), -EOPNOTSUPP);
		assert_int_equal(decided, asked[i]);
		config.probe = true;
		intr_answer = 0;
		assert_int_equal(firmware_interrupts(&config), 0);
		assert_int_equal(decided, probed[i]);
	}
}

static void test_hide_unprotected(void **state)
{
	struct config config;

	for (unsigned int i = 0; i < ARRAY_SIZE(policies); i++) {
		for (unsigned int units = 0; units <= 1; units++) {
			bool hide = policies[i] == IOMMU_REQUIRED && units;

			setup(state);
			config_defaults(&config);
			config.iommu = policies[i];
			behind_unit[1] = false;
			assert_int_equal(discover_hide_devices(&config, units), hide);
			assert_int_equal(devices[0].flags, 0);
			assert_int_equal(devices[1].flags, hide ? PCI_FLAG_HIDDEN : 0);
			assert_int_equal(devices[2].flags, 0);
			assert_int_equal(fw_warnings, units);
		}
	}
}

static void test_hide_by_rule(void **state)
{
	static const char rules[] = "device 00:02.0: hide\ndevice 00:03.0: reset=none\ndevice class=02: group=mixed\n";
	char error[CONFIG_ERROR_MAX];
	struct config config;

	config_defaults(&config);
	assert_int_equal(config_parse(&config, rules, strlen(rules), error), 0);
	devices[1].flags = PCI_FLAG_BUSY;
	assert_int_equal(discover_hide_devices(&config, 1), 1);
	assert_int_equal(devices[1].flags, PCI_FLAG_BUSY | PCI_FLAG_HIDDEN | PCI_FLAG_GROUP_MIXED);
	assert_int_equal(devices[0].flags, PCI_FLAG_GROUP_MIXED);
	assert_int_equal(devices[2].flags, PCI_FLAG_GROUP_MIXED | PCI_FLAG_RESET_NONE);
	/* A device that comes again, as an object without a past, is what the configuration says of it. */
	for (unsigned int i = 0; i < 3; i++) {
		u32 flags = devices[i].flags & ~(u32)PCI_FLAG_BUSY;

		devices[i].flags = 0;
		configure_later(&devices[i]);
		assert_int_equal(devices[i].flags, flags);
	}
}

static void test_config_access(void **state)
{
	fw_list(fw_new("MCFG", 60));
	publish();
	assert_int_equal(firmware_config_access(), 0);
	assert_int_equal(order_ecam, 1); /* the preferred way comes first */
	assert_int_equal(order_cfg, 2);
	ecam_answer = -EINVAL;
	assert_int_equal(firmware_config_access(), -EINVAL);
	ecam_answer = 1;
	cfg_answer = -ENOSPC;
	assert_int_equal(firmware_config_access(), -ENOSPC);
	fw.table[0][50]++;
	assert_int_equal(firmware_config_access(), -EINVAL);
	assert_non_null(strstr(fw_last_error, "MCFG"));
}

static void test_config_access_without_mcfg(void **state)
{
	publish();
	assert_int_equal(firmware_config_access(), 0);
	assert_int_equal(order_ecam, 0);
	assert_int_equal(order_cfg, 1);
	assert_int_equal(fw_warnings, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fw_reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_iommu),	     TEST(test_other_iommu),  TEST(test_damaged_dmar),
		TEST(test_backend_refuses),  TEST(test_found),	      TEST(test_hide_unprotected),
		TEST(test_remapping_policy),
		TEST(test_hide_by_rule),     TEST(test_config_access), TEST(test_config_access_without_mcfg),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * boot/firmware.h on a machine with a device tree: where the facts of the tree go, the policy of iommu=,
 * console=, and the report. The machine's side (SMMU, ECAM, GIC, this CPU) is played by fakes.
 */
#include "arch/arm64/cpu.h"
#include "arch/arm64/vgic.h"
#include "boot/boot_info.h"
#include "boot/discover.h"
#include "boot/firmware.h"
#include "core/arch.h"
#include "drivers/pci/pci.h"
#include "tests/unit/arm64/dt_machine.h"

/* ---- fakes ---- */

static int smmu_answer, ecam_answer, spis;
static const struct smmu_firmware *smmu_asked;
static struct ecam_window windows[ECAM_WINDOWS_MAX];
static unsigned int window_count;
static u64 own_mpidr;

int smmuv3_discover(const struct smmu_firmware *fw)
{
	smmu_asked = fw;
	return smmu_answer;
}

int pci_ecam_set(const struct ecam_window *window, unsigned int count, const char *source)
{
	memcpy(windows, window, count * sizeof(*window));
	window_count = count;
	return ecam_answer ? ecam_answer : (int)count;
}

unsigned int pci_ecam_windows(const struct ecam_window **out)
{
	*out = windows;
	return window_count;
}

int arch_pci_cfg_init(void)
{
	return 0;
}

int gic_peek_spis(paddr_t gicd)
{
	assert_int_equal(gicd, 0x8000000);
	return spis;
}

struct vgic_frame vgic_frame_for(unsigned int hardware_spis, paddr_t base)
{
	return (struct vgic_frame){ base, 32 + hardware_spis, 100 };
}

u64 cpu_mpidr_self(void)
{
	return own_mpidr;
}

/* ---- tests ---- */

static int prepare(void **state)
{
	setup(state);
	smmu_answer = 1;
	ecam_answer = 0;
	spis = 256;
	own_mpidr = 0;
	window_count = 0;
	smmu_asked = NULL;
	memset(&boot_info, 0, sizeof(boot_info));
	config_defaults(&boot_info.config);
	boot_info.firmware_tree = virt_to_phys(tree);
	boot_info.firmware_tree_size = 1 << 30;
	return 0;
}

static void test_read(void **state)
{
	own_mpidr = 2;
	assert_int_equal(firmware_read_machine(), 0);
	assert_int_equal(boot_info.dt.cpus, 4);
	assert_int_equal(boot_info.dt.cpu_mpidr[0], 2);
	assert_int_equal(boot_info.firmware_tree_size, fdt_totalsize(tree));
	assert_int_equal(boot_info.frame.base, 0x8080000);
	assert_int_equal(boot_info.frame.first, 288);
	assert_int_equal(boot_info.frame.count, 100);
	own_mpidr = 7;
	assert_int_equal(firmware_read_machine(), -EINVAL);
	assert_non_null(strstr(last_error, "0x7"));
	own_mpidr = 0;
	spis = -ENODEV;
	assert_int_equal(firmware_read_machine(), -EOPNOTSUPP);
	assert_int_equal(errors, 2);
	spis = 256;
	drop_node("/intc@8000000/its@8080000");
	assert_int_equal(firmware_read_machine(), 0);
	assert_int_equal(boot_info.frame.count, 0);
	boot_info.firmware_tree_size = 40;
	assert_int_equal(firmware_read_machine(), -EINVAL);
}

static void parse(const char *text, int expected)
{
	char error[CONFIG_ERROR_MAX];

	config_defaults(&boot_info.config);
	assert_int_equal(config_parse(&boot_info.config, text, strlen(text), error), expected);
	if (expected)
		assert_non_null(strstr(error, "auto, none, or the address"));
}

static void test_console(void **state)
{
	static const char *const wrong[] = {
		"com1", "0x",	"0", "9000000", "0x0", "0xffffffffffffffff", "0x12345678123456789",
		"0x9g", "Auto", ""
	};

	assert_int_equal(boot_info.config.console_base, 0);
	parse("console=auto", 0);
	assert_int_equal(boot_info.config.console_base, 0);
	assert_int_equal(firmware_read_machine(), 0);
	assert_int_equal(boot_info.dt.uart.kind, DT_UART_PL011);
	parse("console=none", 0);
	assert_int_equal(firmware_read_machine(), 0);
	assert_int_equal(boot_info.dt.uart.kind, DT_UART_NONE);
	assert_int_equal(warnings, 0);
	add_device("/uart@9040000", "ns16550a", 0x9040000, 0x100, 9);
	parse("console=0x9040000", 0);
	assert_int_equal(boot_info.config.console_base, 0x9040000);
	assert_int_equal(firmware_read_machine(), 0);
	assert_int_equal(boot_info.dt.uart.kind, DT_UART_16550);
	assert_int_equal(boot_info.dt.uart.registers.base, 0x9040000);
	parse("console=0xFEDCBA9876543210", 0);
	assert_int_equal(boot_info.config.console_base, 0xfedcba9876543210);
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		char line[64];

		snprintf(line, sizeof(line), "console=%s", wrong[i]);
		parse(line, -EINVAL);
	}
}

static void test_config_access(void **state)
{
	SET("/pcie@10000000", "bus-range", 0x10, 0x1f);
	SET("/pcie@10000000", "linux,pci-domain", 5);
	assert_int_equal(firmware_read_machine(), 0);
	assert_int_equal(firmware_config_access(), 0);
	assert_int_equal(window_count, 1);
	assert_int_equal(windows[0].base, 0x400f000000); /* where bus 0 would be */
	assert_int_equal(windows[0].segment, 5);
	assert_int_equal(windows[0].first_bus, 0x10);
	assert_int_equal(windows[0].last_bus, 0x1f);
	ecam_answer = -EINVAL;
	assert_int_equal(firmware_config_access(), -EINVAL);
	drop_node("/pcie@10000000");
	window_count = 0;
	assert_int_equal(firmware_read_machine(), 0);
	assert_int_equal(firmware_config_access(), 0);
	assert_int_equal(window_count, 0);
	assert_int_equal(warnings, 1);
}

static void test_iommus(void **state)
{
	assert_int_equal(firmware_read_machine(), 0);
	assert_int_equal(discover_iommus(IOMMU_REQUIRED), 1);
	assert_ptr_equal(smmu_asked, &boot_info.dt.smmu);
	smmu_asked = NULL;
	assert_int_equal(discover_iommus(IOMMU_OFF), 0);
	assert_null(smmu_asked);
	smmu_answer = -EOPNOTSUPP;
	assert_int_equal(discover_iommus(IOMMU_OPTIONAL), -EOPNOTSUPP);
	smmu_answer = 0;
	assert_int_equal(discover_iommus(IOMMU_OPTIONAL), 0);
	assert_int_equal(discover_iommus(IOMMU_REQUIRED), -EOPNOTSUPP);
	assert_int_equal(errors, 1);
	drop_node("/smmuv3@9050000");
	assert_int_equal(firmware_read_machine(), 0);
	smmu_asked = NULL;
	assert_int_equal(discover_iommus(IOMMU_OPTIONAL), 0);
	assert_int_equal(discover_iommus(IOMMU_REQUIRED), -EOPNOTSUPP);
	assert_non_null(strstr(last_error, "iommu=required"));
	assert_non_null(strstr(last_error, "iommu=off"));
	assert_null(smmu_asked);
	assert_int_equal(firmware_interrupts(&boot_info.config), 0);
}

static void test_report(void **state)
{
	assert_int_equal(firmware_read_machine(), 0);
	firmware_report();
	assert_non_null(strstr(told, "cpus: 4, affinities 0x0 0x1 0x2 0x3\n"));
	assert_non_null(strstr(told, "ITS present"));
	assert_non_null(strstr(told, "PL011 at 0x9000000"));
	told[0] = 0;
	boot_info.dt.cpus = CPUS_MAX;
	boot_info.dt.more_cpus = true;
	for (unsigned int i = 0; i < CPUS_MAX; i++)
		boot_info.dt.cpu_mpidr[i] = 0xff00ffff00 + i;
	boot_info.dt.its.size = 0;
	boot_info.frame.count = 0;
	boot_info.dt.uart.kind = DT_UART_NONE;
	firmware_report();
	assert_non_null(strstr(told, "cpus: 64 and more, affinities 0xff00ffff00 0xff00ffff01 "));
	assert_non_null(strstr(told, " ...\n"));
	assert_non_null(strstr(told, "ITS absent"));
	assert_null(strstr(told, "message interrupts would be"));
	assert_non_null(strstr(told, "console: none"));
	assert_int_equal(firmware_report_missing(), 0);
}

#define FIRMWARE_TEST(name) cmocka_unit_test_setup_teardown(name, prepare, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIRMWARE_TEST(test_read),   FIRMWARE_TEST(test_console), FIRMWARE_TEST(test_config_access),
		FIRMWARE_TEST(test_iommus), FIRMWARE_TEST(test_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

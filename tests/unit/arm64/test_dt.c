/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What dt_read_machine() takes from a device tree, and what it refuses. Expected numbers come from the
 * Devicetree Specification and the bindings, by hand from the tree in dt_machine.h.
 */
#include "tests/unit/arm64/dt_machine.h"

static void test_whole_machine(void **state)
{
	accepted();
	assert_int_equal(warnings, 0);
	assert_int_equal(machine.cpus, 4);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(machine.cpu_mpidr[i], i);
	assert_false(machine.more_cpus);
	assert_true(machine.psci_smc);
	assert_int_equal(machine.gicd.base, 0x8000000);
	assert_int_equal(machine.gicd.size, 0x10000);
	assert_int_equal(machine.redistributor_regions, 1);
	assert_int_equal(machine.gicr[0].base, 0x80a0000);
	assert_int_equal(machine.gicr[0].size, 0xf60000);
	assert_int_equal(machine.gicr_stride, 0);
	assert_int_equal(machine.maintenance_intid, 25); /* PPI 9 */
	assert_int_equal(machine.its.base, 0x8080000);
	assert_int_equal(machine.its.size, 0x20000);
	assert_int_equal(machine.its_others, 0);
	assert_int_equal(machine.timer_physical_intid, 30);
	assert_int_equal(machine.timer_virtual_intid, 27);
	assert_int_equal(machine.timer_hypervisor_intid, 26);
	assert_int_equal(machine.uart.kind, DT_UART_PL011);
	assert_int_equal(machine.uart.registers.base, 0x9000000);
	assert_int_equal(machine.uart.registers.size, 0x1000);
	assert_int_equal(machine.uart.intid, 33);
	assert_true(machine.uart.level);
	assert_int_equal(machine.pci_hosts, 1);
	assert_int_equal(machine.pci_host[0].ecam.base, 0x4010000000);
	assert_int_equal(machine.pci_host[0].ecam.size, 0x10000000);
	assert_int_equal(machine.pci_host[0].segment, 0);
	assert_int_equal(machine.pci_host[0].first_bus, 0);
	assert_int_equal(machine.pci_host[0].last_bus, 255);
	assert_int_equal(machine.msi_maps, 1);
	assert_int_equal(machine.msi_map[0].count, 0x10000);
	assert_int_equal(machine.smmu.units, 1);
	assert_int_equal(machine.smmu.unit[0].registers, 0x9050000);
	assert_int_equal(machine.smmu.unit[0].size, 0x20000);
	assert_int_equal(machine.smmu.unit[0].event_intid, 106);
	assert_int_equal(machine.smmu.unit[0].pri_intid, 107);
	assert_int_equal(machine.smmu.unit[0].sync_intid, 108);
	assert_int_equal(machine.smmu.unit[0].gerror_intid, 109);
	assert_true(machine.smmu.unit[0].coherent);
	assert_int_equal(machine.smmu.maps, 1);
	assert_int_equal(machine.smmu.map[0].count, 0x10000);
	assert_int_equal(machine.smmu.map[0].unit, 0);
	assert_int_equal(dt_size(tree), fdt_totalsize(tree));
}

/* ---- CPUs ---- */

static void test_cpus(void **state)
{
	TEXT("/cpus/cpu@1", "status", "disabled");
	accepted();
	assert_int_equal(machine.cpus, 3);
	assert_int_equal(machine.cpu_mpidr[1], 2);
	TEXT("/cpus/cpu@1", "status", "okay");
	TEXT("/cpus/cpu@2", "enable-method", "spin-table");
	accepted();
	assert_int_equal(machine.cpus, 3);
	assert_int_equal(warnings, 1);
	TEXT("/cpus/cpu@2", "enable-method", "psci");
	SET("/cpus/cpu@2", "reg", 3);
	refused(-EINVAL, "same reg");
	SET("/cpus/cpu@2", "reg", 0x1000002); /* above Aff2 there is nothing in 32 bits */
	refused(-EINVAL, "cpu@2");
	SET("/cpus/cpu@2", "reg", 0, 2);
	refused(-EINVAL, "cpu@2");
	drop("/cpus/cpu@2", "reg");
	refused(-EINVAL, "cpu@2");
	drop_node("/cpus");
	refused(-EINVAL, "/cpus");
}

/* Two cells: Aff3 is bits 39:32, which are the first cell's lowest byte. */
static void test_wide_affinity(void **state)
{
	SET("/cpus", "#address-cells", 2);
	for (unsigned int i = 0; i < 4; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/cpus/cpu@%x", i);
		SET(path, "reg", 0x81, 0x10200 + i);
	}
	accepted();
	assert_int_equal(machine.cpu_mpidr[3], 0x8100010203);
	SET("/cpus/cpu@0", "reg", 0x100, 0);
	refused(-EINVAL, "cpu@0");
	SET("/cpus/cpu@0", "reg", 0, 0x80000000);
	refused(-EINVAL, "cpu@0");
}

static void test_many_cpus(void **state)
{
	for (unsigned int i = 4; i < CPUS_MAX + 1; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/cpus/cpu@%x", i);
		add(path);
		TEXT(path, "device_type", "cpu");
		SET(path, "reg", i);
		accepted();
		assert_int_equal(machine.cpus, i < CPUS_MAX ? i + 1 : CPUS_MAX);
		assert_int_equal(machine.more_cpus, i == CPUS_MAX);
	}
}

static void test_boot_cpu(void **state)
{
	static const u64 moved[] = { 2, 0, 1, 3 };

	accepted();
	assert_int_equal(dt_boot_cpu_first(&machine, 0), 0);
	assert_int_equal(machine.cpu_mpidr[1], 1);
	assert_int_equal(dt_boot_cpu_first(&machine, 2), 0);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(machine.cpu_mpidr[i], moved[i]);
	assert_int_equal(dt_boot_cpu_first(&machine, 4), -EINVAL);
	assert_int_equal(errors, 1);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(machine.cpu_mpidr[i], moved[i]);
}

/* ---- PSCI and timer ---- */

static void test_psci(void **state)
{
	TEXT("/psci", "compatible", "arm,psci-0.2");
	accepted();
	TEXT("/psci", "method", "hvc");
	refused(-EOPNOTSUPP, "HVC");
	TEXT("/psci", "method", "fax");
	refused(-EINVAL, "method");
	set_bytes("/psci", "method", "smc", 3); /* no NUL */
	refused(-EINVAL, "method");
	drop("/psci", "method");
	refused(-EINVAL, "method");
	TEXT("/psci", "compatible", "arm,psci");
	refused(-EOPNOTSUPP, "0.1");
	drop_node("/psci");
	refused(-EOPNOTSUPP, "PSCI");
}

static void test_timer(void **state)
{
	TEXT("/timer", "interrupt-names", "hyp-phys\0virt\0phys");
	SET("/timer", "interrupts", 1, 1, 4, 1, 2, 4, 1, 3, 4);
	accepted();
	assert_int_equal(machine.timer_hypervisor_intid, 17);
	assert_int_equal(machine.timer_virtual_intid, 18);
	assert_int_equal(machine.timer_physical_intid, 19);
	TEXT("/timer", "interrupt-names", "virt\0phys");
	refused(-EINVAL, "timer");
	drop("/timer", "interrupt-names");
	refused(-EINVAL, "timer"); /* the fourth is the hypervisor's */
	SET("/timer", "interrupts", 1, 13, 4, 1, 14, 4, 1, 11, 4, 0, 10, 4); /* an SPI */
	refused(-EINVAL, "timer");
	SET("/timer", "interrupts", 1, 13, 4, 1, 14, 4, 1, 16, 4, 1, 10, 4); /* there are 16 PPIs */
	refused(-EINVAL, "timer");
	SET("/timer", "interrupts", 1, 13, 4, 1, 14, 4, 1, 11);
	refused(-EINVAL, "interrupts");
	drop_node("/timer");
	refused(-EINVAL, "timer");
}

/* Each line may name its own controller; the property's entries have that controller's length. */
static void test_interrupts_extended(void **state)
{
	drop("/timer", "interrupts");
	add("/other");
	SET("/other", "phandle", 60);
	SET("/other", "#interrupt-cells", 1);
	SET("/timer", "interrupts-extended", 60, 5, PH_GIC, 1, 14, 4, PH_GIC, 1, 11, 4, PH_GIC, 1, 10, 4);
	accepted();
	assert_int_equal(machine.timer_physical_intid, 30);
	assert_int_equal(machine.timer_hypervisor_intid, 26);
	SET("/timer", "interrupts-extended", PH_GIC, 1, 13, 4, 60, 5, PH_GIC, 1, 11, 4, PH_GIC, 1, 10, 4);
	refused(-EINVAL, "timer");
	SET("/timer", "interrupts-extended", PH_GIC, 1, 13, 4, PH_GIC, 1, 14, 4, PH_GIC, 1, 11, 4, PH_GIC, 1,
	    10);
	refused(-EINVAL, "interrupts-extended");
	SET("/timer", "interrupts-extended", 61, 1, 13, 4, PH_GIC, 1, 14, 4, PH_GIC, 1, 11, 4, PH_GIC, 1, 10,
	    4);
	refused(-EINVAL, "interrupts-extended"); /* nobody has that phandle */
	SET("/other", "#interrupt-cells", 3); /* looks like a line of the GIC, and is none */
	SET("/timer", "interrupts-extended", PH_GIC, 1, 13, 4, 60, 1, 14, 4, PH_GIC, 1, 11, 4, PH_GIC, 1, 10, 4);
	refused(-EINVAL, "timer");
}

/* ---- GIC ---- */

static void test_gic(void **state)
{
	SET("/intc@8000000", "#redistributor-regions", 2);
	refused(-EINVAL, "redistributors");
	SET("/intc@8000000", "reg", 0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0x40000, 0x1, 0, 0, 0x20000);
	SET("/intc@8000000", "redistributor-stride", 0, 0x40000);
	SET("/intc@8000000", "#interrupt-cells", 4);
	drop("/", "interrupt-parent");
	SET("/intc@8000000", "interrupts", 1, 9, 4, 0);
	SET("/timer", "interrupt-parent", PH_GIC);
	SET("/timer", "interrupts", 1, 13, 4, 0, 1, 14, 4, 0, 1, 11, 4, 0, 1, 10, 4, 0);
	accepted();
	assert_int_equal(machine.redistributor_regions, 2);
	assert_int_equal(machine.gicr[1].base, 0x100000000);
	assert_int_equal(machine.gicr_stride, 0x40000);
	assert_int_equal(machine.maintenance_intid, 25);
	assert_int_equal(machine.uart.intid, 0); /* no interrupt parent: polled, after a warning */
	SET("/intc@8000000", "#redistributor-regions", 17);
	refused(-EOPNOTSUPP, "redistributors");
	SET("/intc@8000000", "#redistributor-regions", 0);
	refused(-EOPNOTSUPP, "redistributors");
	SET("/intc@8000000", "#redistributor-regions", 2);
	SET("/intc@8000000", "redistributor-stride", 0x1000);
	refused(-EINVAL, "stride");
	drop("/intc@8000000", "redistributor-stride");
	SET("/intc@8000000", "#interrupt-cells", 2);
	refused(-EINVAL, "#interrupt-cells");
}

static void test_gic_refusals(void **state)
{
	SET("/intc@8000000", "reg", 0, 0x8000000, 0, 0x8000, 0, 0x80a0000, 0, 0x40000);
	refused(-EINVAL, "distributor");
	SET("/intc@8000000", "reg", 0, 0x8001000, 0, 0x10000, 0, 0x80a0000, 0, 0x40000);
	refused(-EINVAL, "distributor");
	SET("/intc@8000000", "reg", 0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0x10000);
	refused(-EINVAL, "redistributors");
	SET("/intc@8000000", "reg", 0, 0x8000000, 0, 0x10000, 0xffffffff, 0xffff0000, 0, 0x20000);
	refused(-EINVAL, "address space");
	SET("/intc@8000000", "reg", 0, 0x8000000, 0, 0x10000, 0);
	refused(-EINVAL, "reg");
	SET("/intc@8000000", "reg", 0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0x40000);
	SET("/intc@8000000", "interrupts", 0, 9, 4);
	refused(-EOPNOTSUPP, "maintenance");
	drop("/intc@8000000", "interrupts");
	refused(-EOPNOTSUPP, "maintenance");
	drop("/intc@8000000", "phandle");
	refused(-EINVAL, "phandle");
	TEXT("/intc@8000000", "compatible", "arm,cortex-a15-gic");
	refused(-EOPNOTSUPP, "GICv2");
	TEXT("/intc@8000000", "compatible", "apple,aic");
	refused(-EOPNOTSUPP, "GICv3");
}

static void test_its(void **state)
{
	add("/intc@8000000/its@9000");
	TEXT("/intc@8000000/its@9000", "compatible", "arm,gic-v3-its");
	SET("/intc@8000000/its@9000", "reg", 0, 0x7000000, 0, 0x20000);
	SET("/intc@8000000/its@9000", "phandle", 61);
	accepted();
	/* The other one comes first now: the map is to another, so nobody has messages. */
	assert_int_equal(machine.its.base, 0x7000000);
	assert_int_equal(machine.its_others, 1);
	assert_int_equal(machine.msi_maps, 0);
	assert_int_equal(warnings, 1);
	TEXT("/intc@8000000/its@9000", "status", "disabled");
	accepted();
	assert_int_equal(machine.its.base, 0x8080000);
	assert_int_equal(machine.its_others, 0);
	SET("/intc@8000000/its@8080000", "reg", 0, 0x8080000, 0, 0x10000);
	refused(-EINVAL, "ITS");
	warnings = 0;
	TEXT("/intc@8000000/its@8080000", "status", "fail");
	accepted();
	assert_int_equal(machine.its.size, 0);
	assert_int_equal(machine.msi_maps, 0);
	assert_true(warnings >= 1);
}

/* ---- the console ---- */

static void test_stdout(void **state)
{
	TEXT("/chosen", "stdout-path", "/pl011@9000000");
	accepted();
	assert_int_equal(machine.uart.kind, DT_UART_PL011);
	drop("/chosen", "stdout-path");
	TEXT("/chosen", "linux,stdout-path", "serial0");
	accepted();
	assert_int_equal(machine.uart.kind, DT_UART_PL011);
	drop("/chosen", "linux,stdout-path");
	accepted();
	assert_int_equal(machine.uart.kind, DT_UART_NONE);
	assert_int_equal(warnings, 1);
	TEXT("/chosen", "stdout-path", "serial7:9600");
	accepted();
	assert_int_equal(machine.uart.kind, DT_UART_NONE);
	TEXT("/chosen", "stdout-path", "/fw-cfg@9020000");
	accepted();
	assert_int_equal(machine.uart.kind, DT_UART_NONE);
	assert_non_null(strstr(last_warning, "fw-cfg"));
	set_bytes("/chosen", "stdout-path", "/pl011@9000000", 14); /* no NUL */
	accepted();
	assert_int_equal(machine.uart.kind, DT_UART_NONE);
	set_bytes("/chosen", "stdout-path", "serial0:", 8); /* nor here, where a zero follows by chance */
	accepted();
	assert_int_equal(machine.uart.kind, DT_UART_NONE);
	TEXT("/chosen", "stdout-path", "serial0");
	TEXT("/pl011@9000000", "status", "disabled");
	accepted();
	assert_int_equal(machine.uart.kind, DT_UART_NONE);
}

/* A UART on a bus whose addresses are not the CPU's, with registers four bytes apart. */
static void make_soc(void)
{
	add("/soc");
	TEXT("/soc", "compatible", "simple-bus");
	SET("/soc", "#address-cells", 1);
	SET("/soc", "#size-cells", 1);
	SET("/soc", "ranges", 0x10000, 0x2, 0xfe200000, 0x10000, 0x0, 0x0, 0xfe000000, 0x1000);
	add("/soc/serial@10500");
	TEXT("/soc/serial@10500", "compatible", "snps,dw-apb-uart");
	SET("/soc/serial@10500", "reg", 0x10500, 0x100);
	SET("/soc/serial@10500", "reg-shift", 2);
	SET("/soc/serial@10500", "reg-io-width", 4);
	SET("/soc/serial@10500", "interrupts", 0, 100, 1);
}

static void test_16550(void **state)
{
	make_soc();
	TEXT("/chosen", "stdout-path", "/soc/serial@10500");
	accepted();
	assert_int_equal(machine.uart.kind, DT_UART_16550);
	assert_int_equal(machine.uart.registers.base, 0x2fe200500);
	assert_int_equal(machine.uart.registers.size, 0x100);
	assert_int_equal(machine.uart.reg_shift, 2);
	assert_int_equal(machine.uart.reg_width, 4);
	assert_int_equal(machine.uart.intid, 132);
	assert_false(machine.uart.level);
	drop("/soc/serial@10500", "reg-io-width");
	drop("/soc/serial@10500", "reg-shift");
	TEXT("/soc/serial@10500", "compatible", "ns16550a");
	accepted();
	assert_int_equal(machine.uart.reg_shift, 0);
	assert_int_equal(machine.uart.reg_width, 1);
	SET("/soc/serial@10500", "reg-io-width", 4); /* registers would overlap */
	refused(-EINVAL, "reg-shift");
	SET("/soc/serial@10500", "reg-io-width", 3);
	SET("/soc/serial@10500", "reg-shift", 2);
	refused(-EINVAL, "reg-shift");
	SET("/soc/serial@10500", "reg-shift", 4);
	refused(-EINVAL, "reg-shift");
	SET("/soc/serial@10500", "reg-shift", 2, 0);
	refused(-EINVAL, "reg-shift");
}

/* INTIDs above 1019 are no SPIs of a device. */
static void test_last_spi(void **state)
{
	SET("/pl011@9000000", "interrupts", 0, 987, 4);
	accepted();
	assert_int_equal(machine.uart.intid, 1019);
	assert_int_equal(warnings, 0);
	SET("/pl011@9000000", "interrupts", 0, 988, 4);
	accepted();
	assert_int_equal(machine.uart.intid, 0);
	assert_int_equal(warnings, 1);
	SET("/pl011@9000000", "interrupts", 1, 16, 4); /* nor are there more than 16 PPIs */
	accepted();
	assert_int_equal(machine.uart.intid, 0);
	SET("/pl011@9000000", "interrupts", 2, 1, 4); /* extended SPIs are not known */
	accepted();
	assert_int_equal(machine.uart.intid, 0);
}

static void test_ranges(void **state)
{
	make_soc();
	TEXT("/chosen", "stdout-path", "/soc/serial@10500");
	SET("/soc/serial@10500", "reg", 0x1ff01, 0x100); /* half outside the window */
	refused(-EINVAL, "serial@10500");
	SET("/soc/serial@10500", "reg", 0x1ff00, 0x100);
	accepted();
	assert_int_equal(machine.uart.registers.base, 0x2fe20ff00);
	SET("/soc/serial@10500", "reg", 0x800, 0x100);
	accepted();
	assert_int_equal(machine.uart.registers.base, 0xfe000800);
	SET("/soc/serial@10500", "reg", 0x1000, 0x100); /* behind the second */
	refused(-EINVAL, "serial@10500");
	SET("/soc/serial@10500", "reg", 0x800, 0x100);
	SET("/soc", "ranges", 0x10000, 0x2, 0xfe200000, 0x10000, 0x0);
	refused(-EINVAL, "ranges");
	FLAG("/soc", "ranges"); /* empty: the same addresses */
	accepted();
	assert_int_equal(machine.uart.registers.base, 0x800);
	drop("/soc", "ranges"); /* none: nothing that a CPU reaches */
	refused(-EINVAL, "serial@10500");
	SET("/soc", "ranges", 0x0, 0xffffffff, 0xffffff00, 0x1000); /* wraps */
	refused(-EINVAL, "serial@10500");
}

/* What is below a node that is switched off is so, too. */
static void test_status_of_parent(void **state)
{
	make_soc();
	TEXT("/chosen", "stdout-path", "/soc/serial@10500");
	TEXT("/soc", "status", "disabled");
	accepted();
	assert_int_equal(machine.uart.kind, DT_UART_NONE);
	TEXT("/soc", "status", "ok");
	accepted();
	assert_int_equal(machine.uart.kind, DT_UART_16550);
}

static void test_console_by_address(void **state)
{
	make_soc();
	accepted();
	assert_int_equal(dt_choose_uart(tree, 0x2fe200500, &machine), 0);
	assert_int_equal(machine.uart.kind, DT_UART_16550);
	assert_int_equal(machine.uart.intid, 132);
	assert_int_equal(dt_choose_uart(tree, 0x9000000, &machine), 0);
	assert_int_equal(machine.uart.kind, DT_UART_PL011);
	assert_int_equal(warnings, 0);
	assert_int_equal(dt_choose_uart(tree, 0x9020000, &machine), 0);
	assert_int_equal(machine.uart.kind, DT_UART_NONE);
	assert_int_equal(warnings, 1);
	assert_non_null(strstr(last_warning, "0x9020000"));
}

/* ---- PCI ---- */

static void test_device_ids(void **state)
{
	u32 id = 0;

	SET("/pcie@10000000", "linux,pci-domain", 3);
	SET("/pcie@10000000", "msi-map", 0x100, PH_ITS, 0x20000, 0x100, 0x8000, PH_ITS, 0, 0x8000);
	accepted();
	assert_int_equal(machine.pci_host[0].segment, 3);
	assert_true(dt_device_id(&machine, 3, 0x100, &id));
	assert_int_equal(id, 0x20000);
	assert_true(dt_device_id(&machine, 3, 0x1ff, &id));
	assert_int_equal(id, 0x200ff);
	assert_true(dt_device_id(&machine, 3, 0xffff, &id));
	assert_int_equal(id, 0x7fff);
	id = 1234;
	assert_false(dt_device_id(&machine, 3, 0x200, &id));
	assert_false(dt_device_id(&machine, 3, 0xff, &id));
	assert_false(dt_device_id(&machine, 0, 0x100, &id));
	assert_int_equal(id, 1234);
	drop("/pcie@10000000", "msi-map");
	accepted();
	assert_false(dt_device_id(&machine, 3, 0, &id));
	SET("/pcie@10000000", "msi-parent", PH_ITS); /* without a map: identity */
	accepted();
	assert_true(dt_device_id(&machine, 3, 0xabcd, &id));
	assert_int_equal(id, 0xabcd);
	SET("/pcie@10000000", "msi-map", 0x100, PH_ITS, 0x20000, 0x100); /* which comes before it */
	accepted();
	assert_int_equal(machine.msi_maps, 1);
	assert_false(dt_device_id(&machine, 3, 0xabcd, &id));
	drop("/pcie@10000000", "msi-map");
	set_bytes("/pcie@10000000", "msi-parent", "\0\0", 2);
	refused(-EINVAL, "msi-parent");
}

static void malformed_map(const char *name, u32 target, const char *mask)
{
	SET("/pcie@10000000", name, 0, target, 0);
	refused(-EINVAL, "malformed");
	SET("/pcie@10000000", name, 0, target, 0, 0);
	refused(-EINVAL, "malformed");
	SET("/pcie@10000000", name, 0, target, 0, 0x10001);
	refused(-EINVAL, "malformed");
	SET("/pcie@10000000", name, 0x10000, target, 0, 1);
	refused(-EINVAL, "malformed");
	SET("/pcie@10000000", name, 0xffff, target, 0, 2);
	refused(-EINVAL, "malformed");
	SET("/pcie@10000000", name, 0, target, 0xffffff01, 0x100);
	refused(-EINVAL, "malformed");
	SET("/pcie@10000000", name, 0, target, 0, 0x100, 0xff, target, 0x1000, 1);
	refused(-EINVAL, "malformed");
	SET("/pcie@10000000", name, 0, target, 0xffffff00, 0x100, 0x100, target, 0x1000, 1);
	accepted();
	SET("/pcie@10000000", mask, 0xfff8);
	refused(-EOPNOTSUPP, "mask");
	SET("/pcie@10000000", mask, 0xffff);
	accepted();
	set_bytes("/pcie@10000000", mask, "", 0);
	refused(-EINVAL, mask);
}

static void test_malformed_msi_map(void **state)
{
	malformed_map("msi-map", PH_ITS, "msi-map-mask");
}

static void test_malformed_iommu_map(void **state)
{
	malformed_map("iommu-map", PH_SMMU, "iommu-map-mask");
}

static void test_streams(void **state)
{
	add("/smmuv3@9070000");
	TEXT("/smmuv3@9070000", "compatible", "arm,smmu-v3");
	SET("/smmuv3@9070000", "reg", 0, 0x9070000, 0, 0x20000);
	SET("/smmuv3@9070000", "phandle", 70);
	TEXT("/smmuv3@9070000", "interrupt-names", "combined");
	SET("/smmuv3@9070000", "interrupts", 0, 80, 1);
	SET("/pcie@10000000", "iommu-map", 0, PH_SMMU, 0x500, 0x80, 0x100, 70, 0x800, 0x10, 0x200, PH_GIC, 0,
	    0x10);
	accepted();
	assert_int_equal(machine.smmu.units, 2);
	assert_int_equal(machine.smmu.unit[0].registers, 0x9070000); /* libfdt puts new nodes first */
	assert_int_equal(machine.smmu.unit[0].event_intid, 112);
	assert_int_equal(machine.smmu.unit[0].gerror_intid, 112);
	assert_false(machine.smmu.unit[0].coherent);
	assert_int_equal(machine.smmu.maps, 2);
	assert_int_equal(machine.smmu.map[0].unit, 1);
	assert_int_equal(machine.smmu.map[0].stream, 0x500);
	assert_int_equal(machine.smmu.map[1].unit, 0);
	assert_int_equal(machine.smmu.map[1].first, 0x100);
	assert_int_equal(machine.smmu.map[1].count, 0x10);
	assert_int_equal(machine.smmu.map[1].stream, 0x800);
	assert_int_equal(warnings, 1); /* an interrupt controller is no SMMU */
	SET("/smmuv3@9070000", "reg", 0, 0x9071000, 0, 0x20000);
	refused(-EINVAL, "SMMUv3");
	drop("/smmuv3@9070000", "reg");
	refused(-EINVAL, "SMMUv3");
	TEXT("/smmuv3@9070000", "status", "disabled");
	accepted();
	assert_int_equal(machine.smmu.units, 1);
	assert_int_equal(machine.smmu.maps, 1);
}

static void test_no_smmu(void **state)
{
	drop_node("/smmuv3@9050000");
	accepted();
	assert_int_equal(machine.smmu.units, 0);
	assert_int_equal(machine.smmu.maps, 0);
}

/* `count` entries of one requester each. */
static void set_long_map(const char *name, u32 target, u32 count)
{
	set_bytes("/pcie@10000000", name, "", 0);
	for (u32 i = 0; i < count; i++) {
		const u32 entry[] = { i, target, i, 1 };

		for (unsigned int k = 0; k < ARRAY_SIZE(entry); k++)
			assert_int_equal(fdt_appendprop_u32(tree, at("/pcie@10000000"), name, entry[k]), 0);
	}
}

static void test_too_many(void **state)
{
	set_long_map("msi-map", PH_ITS, DT_MAP_MAX);
	set_long_map("iommu-map", PH_SMMU, SMMU_STREAM_MAPS_MAX);
	accepted();
	assert_int_equal(machine.msi_maps, 32);
	assert_int_equal(machine.smmu.maps, 32);
	set_long_map("iommu-map", PH_SMMU, 33);
	refused(-EOPNOTSUPP, "iommu-map than");
	set_long_map("msi-map", PH_ITS, 33);
	refused(-EOPNOTSUPP, "msi-map than");
	drop("/pcie@10000000", "msi-map");
	SET("/pcie@10000000", "iommu-map", 0, PH_SMMU, 0, 1);
	for (unsigned int i = 0; i < SMMU_UNITS_MAX; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/smmu%u", i);
		add(path);
		TEXT(path, "compatible", "arm,smmu-v3");
		SET(path, "reg", 0, 0xa0000000 + i * 0x20000, 0, 0x20000);
		if (i + 1 < SMMU_UNITS_MAX)
			accepted();
	}
	refused(-EOPNOTSUPP, "SMMUs");
}

static void add_host(unsigned int i)
{
	char path[32];

	snprintf(path, sizeof(path), "/host%u", i);
	add(path);
	TEXT(path, "compatible", "pci-host-ecam-generic");
	TEXT(path, "device_type", "pci");
	SET(path, "reg", 0x50 + i, 0, 0, 0x1000000);
	SET(path, "linux,pci-domain", i);
}

static void test_hosts(void **state)
{
	for (unsigned int i = 1; i < DT_PCI_HOSTS_MAX; i++) {
		add_host(i);
		accepted();
		assert_int_equal(machine.pci_hosts, i + 1);
	}
	assert_int_equal(machine.pci_host[0].ecam.base, 0x5300000000);
	assert_int_equal(machine.pci_host[0].last_bus, 15); /* 16 MiB hold 16 buses */
	SET("/host2", "linux,pci-domain", 1);
	refused(-EINVAL, "pci-domain");
	SET("/host2", "linux,pci-domain", 0x10000);
	refused(-EINVAL, "pci-domain");
	SET("/host2", "linux,pci-domain", 0xffff);
	accepted();
	add_host(9);
	refused(-EOPNOTSUPP, "hosts");
}

static void test_buses(void **state)
{
	SET("/pcie@10000000", "bus-range", 0x10, 0x1f);
	accepted();
	assert_int_equal(machine.pci_host[0].first_bus, 0x10);
	assert_int_equal(machine.pci_host[0].last_bus, 0x1f);
	SET("/pcie@10000000", "reg", 0x40, 0x10000000, 0, 0x800000);
	accepted();
	assert_int_equal(machine.pci_host[0].last_bus, 0x17); /* room for eight */
	SET("/pcie@10000000", "bus-range", 0x1f, 0x10);
	refused(-EINVAL, "bus-range");
	SET("/pcie@10000000", "bus-range", 0, 0x100);
	refused(-EINVAL, "bus-range");
	SET("/pcie@10000000", "bus-range", 0);
	refused(-EINVAL, "bus-range");
	SET("/pcie@10000000", "bus-range", 0x10, 0x1f);
	SET("/pcie@10000000", "reg", 0, 0x800000, 0, 0x800000); /* bus 0 would be below 0 */
	refused(-EINVAL, "bus-range");
	drop("/pcie@10000000", "bus-range");
	SET("/pcie@10000000", "reg", 0x40, 0x10000000, 0, 0xfffff);
	refused(-EINVAL, "configuration space");
	SET("/pcie@10000000", "reg", 0x40, 0x10080000, 0, 0x1000000);
	refused(-EINVAL, "configuration space");
	drop("/pcie@10000000", "reg");
	refused(-EINVAL, "configuration space");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole_machine),
		TEST(test_cpus),
		TEST(test_wide_affinity),
		TEST(test_many_cpus),
		TEST(test_boot_cpu),
		TEST(test_psci),
		TEST(test_timer),
		TEST(test_interrupts_extended),
		TEST(test_gic),
		TEST(test_gic_refusals),
		TEST(test_its),
		TEST(test_stdout),
		TEST(test_16550),
		TEST(test_last_spi), TEST(test_status_of_parent),
		TEST(test_ranges),
		TEST(test_console_by_address),
		TEST(test_device_ids),
		TEST(test_malformed_msi_map),
		TEST(test_malformed_iommu_map),
		TEST(test_streams),
		TEST(test_no_smmu),
		TEST(test_too_many),
		TEST(test_hosts),
		TEST(test_buses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

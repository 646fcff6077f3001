/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree that the guest gets: what is in it, what is not, and which registers are the guest's.
 */
#include "tests/unit/arm64/dt_machine.h"

#define INITRD	    0x7f000000u
#define INITRD_SIZE 0x123456u
#define V2M_FIRST   288u
#define V2M_COUNT   128u

static u8 made[TREE_ROOM + 32768] __attribute__((aligned(8)));
static struct memmap map;
static struct dt_guest wanted;

static void range(paddr_t base, u64 size, enum mem_type type)
{
	assert_int_equal(memmap_add(&map, base, size, type), 0);
}

/* What can be in a map, once each. */
static void make_map(void)
{
	map.count = 0;
	range(0x4000000, 0x4000000, MEM_FIRMWARE);
	range(0x9010000, 0x1000, MEM_FIRMWARE); /* AAVMF lists the clock */
	range(0x40000000, 0x1000, MEM_RESERVED);
	range(0x40001000, 0x3ffff000, MEM_RAM);
	range(0x80000000, 0x2000000, MEM_FAIRLEAD);
	range(0x82000000, 0x1000, MEM_ACPI_RECLAIM);
	range(0x82001000, 0x1000, MEM_ACPI_NVS);
	range(0x82002000, 0x1000, MEM_UNUSABLE);
	range(0x82003000, 0x10000000, MEM_RAM);
	range(0x92003000, 0x2dffd000, MEM_CUT);
	range(0x880000000, 0x80000000, MEM_RAM);
}

static int setup_guest(void **state)
{
	setup(state);
	make_map();
	return 0;
}

static int build(size_t room)
{
	memset(made, 0xa5, sizeof(made));
	return dt_build_guest(tree, &wanted, made, room);
}

/* Reads the tree as it is now and makes the guest's. */
static void make(void)
{
	accepted();
	wanted = (struct dt_guest){
		.machine = &machine,
		.memmap = &map,
		.cmdline = "console=ttyAMA0 quiet",
		.initrd = INITRD,
		.initrd_size = INITRD_SIZE,
		.cpus = wanted.cpus ? wanted.cpus : machine.cpus,
		.frame = { machine.its.base, V2M_FIRST, machine.its.size ? V2M_COUNT : 0 },
	};
	if (build(dt_guest_size(fdt_totalsize(tree))))
		fail_msg("not built: %s", last_error);
	assert_int_equal(fdt_check_full(made, sizeof(made)), 0);
}

static int setup_made(void **state)
{
	setup_guest(state);
	memset(&wanted, 0, sizeof(wanted));
	return 0;
}

/* ---- looking at it ---- */

static bool there(const char *path)
{
	return fdt_path_offset(made, path) >= 0;
}

static int node(const char *path)
{
	int offset = fdt_path_offset(made, path);

	if (offset < 0)
		fail_msg("the guest has no %s", path);
	return offset;
}

static bool has(const char *path, const char *name)
{
	return fdt_getprop(made, node(path), name, NULL);
}

static void expect_bytes(const char *path, const char *name, const void *value, size_t size)
{
	int length = -1;
	const void *is = fdt_getprop(made, node(path), name, &length);

	if (!is || (size_t)length != size || memcmp(is, value, size) != 0)
		fail_msg("%s of %s is not what it should be", name, path);
}
#define EXPECT_TEXT(path, name, text) expect_bytes(path, name, text, sizeof(text))

static void expect_array(const char *path, const char *name, const u32 *cells, size_t count)
{
	fdt32_t value[64];

	for (size_t i = 0; i < count; i++)
		value[i] = cpu_to_fdt32(cells[i]);
	expect_bytes(path, name, value, count * 4);
}
#define EXPECT(path, name, ...)                                \
	expect_array(path, name, (const u32[]){ __VA_ARGS__ }, \
		     sizeof((const u32[]){ __VA_ARGS__ }) / sizeof(u32))

static u32 cell(const char *path, const char *name)
{
	const fdt32_t *value = fdt_getprop(made, node(path), name, NULL);

	assert_non_null(value);
	return fdt32_to_cpu(*value);
}

/* Is there such a page among the guest's registers, and how many are there in all? */
static bool listed(paddr_t page, unsigned int *count)
{
	struct dt_range r;
	bool found = false;

	for (*count = 0; dt_guest_registers(*count, &r); (*count)++)
		found |= r.base <= page && page - r.base < r.size;
	return found;
}

/* ---- memory ---- */

static void test_memory(void **state)
{
	make();
	assert_false(there("/memory@40000000"));
	EXPECT_TEXT("/memory@40001000", "device_type", "memory");
	EXPECT("/memory@40001000", "reg", 0, 0x40001000, 0, 0x3ffff000, 0, 0x82003000, 0, 0x10000000, 8,
	       0x80000000, 0, 0x80000000);
	assert_int_equal(fdt_node_offset_by_prop_value(made, node("/memory@40001000"), "device_type",
						       "memory", 7),
			 -FDT_ERR_NOTFOUND);
}

static void test_narrow_cells(void **state)
{
	/* With one cell for sizes, 4 GiB in one piece cannot be said. */
	drop_node("/pcie@10000000");
	accepted();
	SET("/", "#size-cells", 1);
	wanted = (struct dt_guest){ .machine = &machine, .memmap = &map, .cmdline = "", .cpus = 4 };
	map.range[map.count - 1].size = 0xfffff000;
	assert_int_equal(build(sizeof(made)), 0);
	EXPECT("/memory@40001000", "reg", 0, 0x40001000, 0x3ffff000, 0, 0x82003000, 0x10000000, 8, 0x80000000,
	       0xfffff000);
	map.range[map.count - 1].size = 0x100000000;
	assert_int_equal(build(sizeof(made)), -EINVAL);
	assert_int_equal(errors, 1);
}

static void test_reserved(void **state)
{
	add("/reserved-memory");
	SET("/reserved-memory", "#address-cells", 2);
	SET("/reserved-memory", "#size-cells", 2);
	FLAG("/reserved-memory", "ranges");
	add("/reserved-memory/ours@41000000"); /* in the guest's RAM: stays set aside */
	SET("/reserved-memory/ours@41000000", "reg", 0, 0x41000000, 0, 0x2000);
	add("/reserved-memory/theirs@80000000"); /* not the guest's at all */
	SET("/reserved-memory/theirs@80000000", "reg", 0, 0x80000000, 0, 0x2000);
	add("/reserved-memory/both@7ffff000");
	SET("/reserved-memory/both@7ffff000", "reg", 0, 0x7ffff000, 0, 0x2000);
	add("/reserved-memory/pool"); /* the kernel chooses */
	SET("/reserved-memory/pool", "size", 0, 0x400000);
	assert_int_equal(fdt_add_mem_rsv(tree, 0x42000000, 0x1000), 0);
	assert_int_equal(fdt_add_mem_rsv(tree, 0x80001000, 0x1000), 0);
	assert_int_equal(fdt_add_mem_rsv(tree, 0x43000800, 0x100), 0);
	assert_int_equal(fdt_add_mem_rsv(tree, 0xfffffffffffff000, 0x2000), 0);
	make();
	assert_true(there("/reserved-memory/ours@41000000"));
	assert_false(there("/reserved-memory/theirs@80000000"));
	assert_false(there("/reserved-memory/both@7ffff000"));
	assert_true(there("/reserved-memory/pool"));
	assert_int_equal(fdt_num_mem_rsv(made), 2);
	for (int i = 0; i < 2; i++) {
		u64 base, size;

		assert_int_equal(fdt_get_mem_rsv(made, i, &base, &size), 0);
		assert_int_equal(base, i ? 0x43000800 : 0x42000000);
		assert_int_equal(size, i ? 0x100 : 0x1000);
	}
}

/* ---- /chosen, PSCI, CPUs ---- */

static void test_chosen(void **state)
{
	SET("/chosen", "linux,uefi-system-table", 1, 2);
	SET("/chosen", "linux,uefi-mmap-start", 1, 2);
	SET("/chosen", "linux,initrd-start", 0x12345678);
	TEXT("/chosen", "bootargs", "another one's, and a long one, longer than the new one");
	add("/chosen/framebuffer@1");
	make();
	EXPECT_TEXT("/chosen", "bootargs", "console=ttyAMA0 quiet");
	EXPECT("/chosen", "linux,initrd-start", 0, INITRD);
	EXPECT("/chosen", "linux,initrd-end", 0, INITRD + INITRD_SIZE);
	EXPECT("/chosen", "linux,pci-probe-only", 1);
	EXPECT_TEXT("/chosen", "stdout-path", "serial0:115200n8");
	EXPECT("/chosen", "rng-seed", 1, 2, 3, 4);
	assert_false(has("/chosen", "kaslr-seed"));
	assert_false(has("/chosen", "linux,uefi-system-table"));
	assert_false(has("/chosen", "linux,uefi-mmap-start"));
	assert_false(there("/chosen/framebuffer@1"));
}

static void test_no_chosen_no_initrd(void **state)
{
	drop_node("/chosen");
	make();
	wanted.initrd_size = 0;
	assert_int_equal(build(sizeof(made)), 0);
	EXPECT_TEXT("/chosen", "bootargs", "console=ttyAMA0 quiet");
	assert_false(has("/chosen", "linux,initrd-start"));
	assert_false(has("/chosen", "linux,initrd-end"));
}

static void test_psci(void **state)
{
	add("/psci/power-domain-cpu0");
	make();
	EXPECT_TEXT("/psci", "method", "hvc");
	EXPECT_TEXT("/psci", "compatible", "arm,psci-1.0\0arm,psci-0.2");
	assert_false(has("/psci", "cpu_on"));
	assert_false(there("/psci/power-domain-cpu0"));
}

static void test_all_cpus(void **state)
{
	drop("/cpus/cpu@3", "enable-method");
	make();
	for (unsigned int i = 0; i < 4; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/cpus/cpu@%u", i);
		EXPECT_TEXT(path, "enable-method", "psci");
		EXPECT(path, "reg", i);
		assert_false(has(path, "cpu-idle-states"));
		snprintf(path, sizeof(path), "/cpus/cpu-map/cluster%u/core%u", i / 2, i % 2);
		assert_true(there(path));
	}
}

static void test_fewer_cpus(void **state)
{
	add("/intc@8000000/ppi-partitions"); /* names sets of CPUs */
	make();
	assert_true(there("/intc@8000000/ppi-partitions"));
	/* The second and fourth CPU share a PMU's interrupt, the first and third have another. */
	SET("/pmu", "interrupt-affinity", PH_CPU0, PH_CPU0 + 2);
	add("/pmu-other");
	SET("/pmu-other", "interrupt-affinity", PH_CPU0 + 1, PH_CPU0 + 3);
	accepted();
	assert_int_equal(dt_boot_cpu_first(&machine, 2), 0);
	wanted = (struct dt_guest){ .machine = &machine, .memmap = &map, .cmdline = "", .cpus = 2 };
	assert_int_equal(build(sizeof(made)), 0); /* 2 and 0 */
	assert_false(there("/intc@8000000/ppi-partitions"));
	assert_true(there("/cpus/cpu@0"));
	assert_false(there("/cpus/cpu@1"));
	assert_true(there("/cpus/cpu@2"));
	assert_false(there("/cpus/cpu@3"));
	assert_true(there("/cpus/cpu-map/cluster0/core0"));
	assert_false(there("/cpus/cpu-map/cluster0/core1"));
	assert_true(there("/cpus/cpu-map/cluster1/core0"));
	assert_true(there("/pmu"));
	assert_false(there("/pmu-other"));
	wanted.cpus = 1;
	assert_int_equal(build(sizeof(made)), 0);
	assert_false(there("/cpus/cpu@0"));
	assert_true(there("/cpus/cpu@2"));
	assert_false(there("/cpus/cpu-map/cluster0")); /* a cluster of nobody */
	assert_true(there("/cpus/cpu-map/cluster1/core0"));
	assert_false(there("/pmu"));
}

/* ---- GIC and messages ---- */

static void test_frame(void **state)
{
	u32 phandle;

	SET("/intc@8000000", "reg", 0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0xf60000, 0, 0x8010000, 0,
	    0x10000); /* GICC */
	FLAG("/intc@8000000", "msi-controller");
	make();
	EXPECT("/intc@8000000", "reg", 0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0xf60000);
	assert_false(has("/intc@8000000", "interrupts"));
	assert_false(has("/intc@8000000", "msi-controller"));
	assert_true(has("/intc@8000000", "interrupt-controller"));
	EXPECT("/intc@8000000", "phandle", PH_GIC);
	assert_false(there("/intc@8000000/its@8080000"));
	EXPECT_TEXT("/intc@8000000/v2m@8080000", "compatible", "arm,gic-v2m-frame");
	EXPECT("/intc@8000000/v2m@8080000", "reg", 0, 0x8080000, 0, 0x1000);
	EXPECT("/intc@8000000/v2m@8080000", "arm,msi-base-spi", V2M_FIRST);
	EXPECT("/intc@8000000/v2m@8080000", "arm,msi-num-spis", V2M_COUNT);
	assert_true(has("/intc@8000000/v2m@8080000", "msi-controller"));
	phandle = cell("/intc@8000000/v2m@8080000", "phandle");
	assert_int_equal(fdt_node_offset_by_phandle(made, phandle), node("/intc@8000000/v2m@8080000"));
	EXPECT("/pcie@10000000", "msi-map", 0, phandle, 0, 0x10000);
	assert_false(has("/pcie@10000000", "iommu-map"));
	assert_false(there("/smmuv3@9050000"));
	assert_int_equal(fdt_node_offset_by_phandle(made, PH_ITS), -FDT_ERR_NOTFOUND);
	assert_int_equal(fdt_node_offset_by_phandle(made, PH_SMMU), -FDT_ERR_NOTFOUND);
}

/* Only what the ITS knows has messages, by its own requester IDs; the rest of the tree has no say. */
static void test_partial_msi_map(void **state)
{
	u32 phandle;

	SET("/pcie@10000000", "msi-map", 0x100, PH_ITS, 0x5000, 0x80, 0x400, PH_GIC, 0, 0x100, 0x8000, PH_ITS,
	    0, 0x100);
	SET("/pcie@10000000", "msi-map-mask", 0xffff);
	SET("/pl031@9010000", "msi-parent", PH_ITS, 7);
	SET("/pl031@9010000", "iommus", PH_SMMU, 7);
	make();
	phandle = cell("/intc@8000000/v2m@8080000", "phandle");
	EXPECT("/pcie@10000000", "msi-map", 0x100, phandle, 0x100, 0x80, 0x8000, phandle, 0x8000, 0x100);
	assert_false(has("/pcie@10000000", "msi-map-mask"));
	assert_false(has("/pl031@9010000", "msi-parent"));
	assert_false(has("/pl031@9010000", "iommus"));
}

/* Each host has its own requesters. */
static void test_two_hosts(void **state)
{
	u32 phandle;

	add("/pcie@20000000");
	TEXT("/pcie@20000000", "compatible", "pci-host-ecam-generic");
	SET("/pcie@20000000", "#address-cells", 3);
	SET("/pcie@20000000", "#size-cells", 2);
	SET("/pcie@20000000", "reg", 0x50, 0, 0, 0x1000000);
	SET("/pcie@20000000", "linux,pci-domain", 7);
	SET("/pcie@20000000", "msi-map", 0x20, PH_ITS, 0x10000, 0x10);
	make();
	phandle = cell("/intc@8000000/v2m@8080000", "phandle");
	EXPECT("/pcie@20000000", "msi-map", 0x20, phandle, 0x20, 0x10);
	EXPECT("/pcie@20000000", "linux,pci-domain", 7);
	EXPECT("/pcie@10000000", "msi-map", 0, phandle, 0, 0x10000);
}

static void test_no_its(void **state)
{
	drop_node("/intc@8000000/its@8080000");
	make();
	assert_false(has("/pcie@10000000", "msi-map"));
	assert_int_equal(fdt_node_offset_by_compatible(made, -1, "arm,gic-v2m-frame"), -FDT_ERR_NOTFOUND);
}

/* A GIC on a bus whose addresses are not the CPU's. */
static void test_gic_on_a_bus(void **state)
{
	drop_node("/intc@8000000");
	add("/soc");
	TEXT("/soc", "compatible", "simple-bus");
	SET("/soc", "#address-cells", 1);
	SET("/soc", "#size-cells", 1);
	SET("/soc", "ranges", 0, 0, 0x8000000, 0x2000000);
	add("/soc/intc@0");
	TEXT("/soc/intc@0", "compatible", "arm,gic-v3");
	SET("/soc/intc@0", "phandle", PH_GIC);
	SET("/soc/intc@0", "#interrupt-cells", 3);
	SET("/soc/intc@0", "#address-cells", 1);
	SET("/soc/intc@0", "#size-cells", 1);
	SET("/soc/intc@0", "ranges", 0, 0x80000, 0x20000);
	SET("/soc/intc@0", "reg", 0, 0x10000, 0xa0000, 0xf60000);
	SET("/soc/intc@0", "interrupts", 1, 9, 4);
	add("/soc/intc@0/its@0");
	TEXT("/soc/intc@0/its@0", "compatible", "arm,gic-v3-its");
	SET("/soc/intc@0/its@0", "reg", 0, 0x20000);
	SET("/soc/intc@0/its@0", "phandle", PH_ITS);
	make();
	assert_int_equal(machine.its.base, 0x8080000);
	assert_int_equal(machine.gicr[0].base, 0x80a0000);
	assert_false(there("/soc/intc@0/its@0"));
	EXPECT("/soc/intc@0/v2m@80000", "reg", 0x80000, 0x1000);
	EXPECT("/soc/intc@0", "#address-cells", 1);
	expect_bytes("/soc/intc@0", "ranges", "", 0);
	EXPECT("/soc/intc@0", "reg", 0, 0x10000, 0xa0000, 0xf60000);
}

/* ---- PCI ---- */

static void test_pci_windows(void **state)
{
	make();
	EXPECT("/pcie@10000000", "ranges", 0x2000000, 0, 0x10000000, 0, 0x10000000, 0, 0x2eff0000, 0x3000000,
	       0x80, 0, 0x80, 0, 0x80, 0);
	EXPECT("/pcie@10000000", "reg", 0x40, 0x10000000, 0, 0x10000000);
	EXPECT("/pcie@10000000", "bus-range", 0, 0xff);
	drop("/pcie@10000000", "linux,pci-domain");
	SET("/pcie@10000000", "ranges", 0x1000000, 0, 0, 0, 0x3eff0000, 0, 0x10000);
	add("/pcie@10000000/pci@1,0");
	SET("/pcie@10000000/pci@1,0", "reg", 0x800, 0, 0, 0, 0);
	SET("/pcie@10000000/pci@1,0", "iommus", PH_SMMU, 8);
	make();
	assert_false(has("/pcie@10000000", "ranges"));
	EXPECT("/pcie@10000000", "linux,pci-domain", 0);
	assert_true(there("/pcie@10000000/pci@1,0"));
	assert_false(has("/pcie@10000000/pci@1,0", "iommus"));
	SET("/pcie@10000000", "ranges", 0x2000000, 0, 0, 0, 0x3eff0000, 0);
	errors = 0;
	assert_int_equal(build(sizeof(made)), -EINVAL);
	assert_int_equal(errors, 1);
}

/* ---- devices ---- */

static void test_devices(void **state)
{
	unsigned int count;

	add("/ethernet@a100000"); /* can do DMA, and nobody stops it */
	TEXT("/ethernet@a100000", "compatible", "vendor,mac");
	SET("/ethernet@a100000", "reg", 0, 0xa100000, 0, 0x1000);
	add("/pcie@50000000"); /* a host that Fairlead does not know */
	TEXT("/pcie@50000000", "compatible", "snps,dw-pcie");
	TEXT("/pcie@50000000", "device_type", "pci");
	SET("/pcie@50000000", "reg", 0, 0x50000000, 0, 0x1000);
	add("/off@a200000");
	TEXT("/off@a200000", "compatible", "arm,pl031");
	SET("/off@a200000", "reg", 0, 0xa200000, 0, 0x1000);
	TEXT("/off@a200000", "status", "disabled");
	add("/odd@a400000");
	TEXT("/odd@a400000", "compatible", "vendor,mac");
	SET("/odd@a400000", "reg", 0, 0xa400000, 0);
	make();
	assert_false(there("/odd@a400000"));
	assert_false(there("/ethernet@a100000"));
	assert_false(there("/pcie@50000000"));
	assert_false(there("/off@a200000"));
	assert_false(there("/fw-cfg@9020000"));
	assert_false(there("/virtio_mmio@a000000"));
	assert_false(there("/virtio_mmio@a000200"));
	assert_false(there("/flash@0"));
	assert_true(there("/pl011@9000000"));
	assert_true(there("/pl031@9010000"));
	assert_true(there("/pl061@9030000"));
	assert_true(there("/gpio-keys/poweroff"));
	assert_true(there("/timer"));
	assert_true(there("/apb-pclk"));
	assert_true(listed(0x9010000, &count));
	assert_true(listed(0x9030000, &count));
	assert_false(listed(0x9000000, &count)); /* the console is emulated */
	assert_int_equal(count, 2);
	assert_non_null(strstr(told, "2 x virtio,mmio"));
	assert_non_null(strstr(told, "2 x vendor,mac"));
	assert_null(strstr(told, "arm,pl0"));
}

/* Without it as Fairlead's console, the UART is the guest's; and a second one is in any case. */
static void test_uarts(void **state)
{
	unsigned int count;

	add_device("/pl011@9040000", "arm,pl011", 0x9040000, 0x1000, 8);
	make();
	assert_true(listed(0x9040000, &count));
	assert_false(listed(0x9000000, &count));
	machine.uart.kind = DT_UART_NONE;
	assert_int_equal(build(sizeof(made)), 0);
	assert_true(listed(0x9040000, &count));
	assert_true(listed(0x9000000, &count));
	assert_true(there("/pl011@9000000"));
}

static void gone(const char *path, paddr_t page)
{
	unsigned int count;

	make();
	assert_false(there(path));
	assert_false(listed(page, &count));
}

/* A page is the guest's only if nothing else is in it. */
static void test_pages_of_others(void **state)
{
	unsigned int count;

	add_device("/rtc@a300800", "arm,pl031", 0xa300800, 0x800, 8); /* not a whole page */
	gone("/rtc@a300800", 0xa300000);
	SET("/rtc@a300800", "reg", 0, 0xa000000, 0, 0x200); /* virtio's page */
	gone("/rtc@a300800", 0xa000000);
	SET("/rtc@a300800", "reg", 0, 0x9050000, 0, 0x1000); /* the SMMU's */
	gone("/rtc@a300800", 0x9050000);
	SET("/rtc@a300800", "reg", 0, 0x8080000, 0, 0x1000); /* the ITS's */
	gone("/rtc@a300800", 0x8080000);
	SET("/rtc@a300800", "reg", 0x40, 0x10000000, 0, 0x1000); /* configuration space */
	gone("/rtc@a300800", 0x4010000000);
	SET("/rtc@a300800", "reg", 0, 0x80000000, 0, 0x1000); /* Fairlead */
	gone("/rtc@a300800", 0x80000000);
	SET("/rtc@a300800", "reg", 8, 0xffffffff, 0, 0x1000);
	gone("/rtc@a300800", 0x8fffff000);
	SET("/rtc@a300800", "reg", 8, 0x80001000, 0, 0x1000); /* memory that only the map knows */
	gone("/rtc@a300800", 0x880001000);
	SET("/rtc@a300800", "reg", 0, 0, 0xffffffff, 0xffffffff); /* everything: no number of pages */
	gone("/rtc@a300800", 0);
	SET("/rtc@a300800", "reg", 0xffffffff, 0xfffff000, 0, 0xfff);
	make(); /* the last page */
	assert_true(there("/rtc@a300800"));
	SET("/rtc@a300800", "reg", 0, 0xa300000, 0, 0x1000, 0, 0x80000000, 0, 0x1000); /* half of it */
	gone("/rtc@a300800", 0xa300000);
	SET("/rtc@a300800", "reg", 0, 0xa300000, 0, 0);
	gone("/rtc@a300800", 0xa300000);
	SET("/rtc@a300800", "reg", 0, 0xa300000, 0);
	gone("/rtc@a300800", 0xa300000);
	SET("/rtc@a300800", "reg", 0, 0xa300000, 0, 0x10);
	make();
	assert_true(there("/rtc@a300800"));
	assert_true(listed(0xa300000, &count));
	assert_int_equal(count, 3);
}

/* A number among siblings is no address; what a bus hides behind no window cannot be reached. */
static void test_no_addresses(void **state)
{
	SET("/gpio-keys", "#address-cells", 1);
	SET("/gpio-keys", "#size-cells", 0);
	SET("/gpio-keys/poweroff", "reg", 0);
	make();
	assert_true(there("/gpio-keys/poweroff"));
}

static void test_firmware_nodes(void **state)
{
	add("/firmware");
	add("/firmware/optee");
	add("/hypervisor");
	add("/distance-map");
	SET("/cpus/cpu@0", "numa-node-id", 1);
	SET("/pcie@10000000", "numa-node-id", 1);
	make();
	assert_false(there("/firmware"));
	assert_false(there("/hypervisor"));
	assert_false(there("/distance-map"));
	assert_false(has("/cpus/cpu@0", "numa-node-id"));
	assert_false(has("/pcie@10000000", "numa-node-id"));
}

/* ---- room ---- */

static void test_room(void **state)
{
	size_t size;

	make();
	size = fdt_totalsize(made);
	assert_true(size <= dt_guest_size(fdt_totalsize(tree)));
	for (size_t n = 0; n < dt_guest_size(fdt_totalsize(tree)); n += 97) {
		int err;

		errors = 0;
		err = build(n);
		assert_int_equal(errors, err ? 1 : 0);
		assert_true(!err || err == -ENOSPC);
		assert_true(n >= size || err == -ENOSPC);
		for (size_t i = n; i < sizeof(made); i++)
			assert_int_equal(made[i], 0xa5);
	}
	errors = 0;
	assert_int_equal(build(((size_t)2 << 20) + 1), -EINVAL); /* more than a kernel maps */
	assert_int_equal(dt_guest_size((size_t)2 << 20), (size_t)2 << 20);
}

/* The firmware's tree stays as it is, and the same comes of it each time. */
static void test_again(void **state)
{
	static u8 before[sizeof(tree)], first[sizeof(made)];

	memcpy(before, tree, sizeof(tree));
	make();
	memcpy(first, made, sizeof(made));
	assert_int_equal(build(dt_guest_size(fdt_totalsize(tree))), 0);
	assert_memory_equal(first, made, fdt_totalsize(made));
	assert_memory_equal(before, tree, sizeof(tree));
}

#define GUEST_TEST(name) cmocka_unit_test_setup_teardown(name, setup_made, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		GUEST_TEST(test_memory),
		GUEST_TEST(test_narrow_cells),
		GUEST_TEST(test_reserved),
		GUEST_TEST(test_chosen),
		GUEST_TEST(test_no_chosen_no_initrd),
		GUEST_TEST(test_psci),
		GUEST_TEST(test_all_cpus),
		GUEST_TEST(test_fewer_cpus),
		GUEST_TEST(test_frame),
		GUEST_TEST(test_partial_msi_map),
		GUEST_TEST(test_two_hosts), GUEST_TEST(test_no_its),
		GUEST_TEST(test_gic_on_a_bus),
		GUEST_TEST(test_pci_windows),
		GUEST_TEST(test_devices),
		GUEST_TEST(test_uarts),
		GUEST_TEST(test_pages_of_others),
		GUEST_TEST(test_no_addresses),
		GUEST_TEST(test_firmware_nodes),
		GUEST_TEST(test_room),
		GUEST_TEST(test_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device tree for the tests of boot/arm64/dt*.c: a machine as QEMU's virt describes it, made with libfdt
 * from a few helpers that the tests also use to change it; and the log.
 */
#ifndef TESTS_UNIT_ARM64_DT_MACHINE_H
#define TESTS_UNIT_ARM64_DT_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "boot/arm64/dt.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/string.h"

#include <libfdt.h>

#define TREE_ROOM 32768

enum { PH_CLOCK = 1, PH_GIC, PH_ITS, PH_SMMU, PH_GPIO, PH_CPU0 /* and the next three */ };

static u8 tree[TREE_ROOM] __attribute__((aligned(8)));
static struct dt_machine machine;

/* ---- the log ---- */

static unsigned int errors, warnings;
static char last_error[LOG_LINE_MAX + 1], last_warning[LOG_LINE_MAX + 1], told[8192];

static void sink(enum log_level level, const char *line, size_t len)
{
	if (level == LOG_ERROR) {
		errors++;
		snprintf(last_error, sizeof(last_error), "%s", line);
	} else if (level == LOG_WARN) {
		warnings++;
		snprintf(last_warning, sizeof(last_warning), "%s", line);
	} else {
		snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s\n", line);
	}
	(void)len;
}

/* ---- making a tree ---- */

static int at(const char *path)
{
	int node = fdt_path_offset(tree, path);

	if (node < 0)
		fail_msg("no node %s: %s", path, fdt_strerror(node));
	return node;
}

static void add(const char *path)
{
	char parent[128];
	const char *name = strrchr(path, '/');

	snprintf(parent, sizeof(parent), "%.*s", name == path ? 1 : (int)(name - path), path);
	assert_true(fdt_add_subnode(tree, at(parent), name + 1) >= 0);
}

static void set_bytes(const char *path, const char *name, const void *value, size_t size)
{
	assert_int_equal(fdt_setprop(tree, at(path), name, value, (int)size), 0);
}

static void set_array(const char *path, const char *name, const u32 *cells, size_t count)
{
	fdt32_t value[128];

	assert_true(count <= ARRAY_SIZE(value));
	for (size_t i = 0; i < count; i++)
		value[i] = cpu_to_fdt32(cells[i]);
	set_bytes(path, name, value, count * 4);
}
#define SET(path, name, ...)                                \
	set_array(path, name, (const u32[]){ __VA_ARGS__ }, \
		  sizeof((const u32[]){ __VA_ARGS__ }) / sizeof(u32))
/* Several strings: with "\0" between them. */
#define TEXT(path, name, text) set_bytes(path, name, text, sizeof(text))
#define FLAG(path, name)       set_bytes(path, name, "", 0)

static void __attribute__((unused)) drop(const char *path, const char *name)
{
	assert_int_equal(fdt_delprop(tree, at(path), name), 0);
}

static void __attribute__((unused)) drop_node(const char *path)
{
	assert_int_equal(fdt_del_node(tree, at(path)), 0);
}

static void add_device(const char *path, const char *compatible, u32 base, u32 size, u32 spi)
{
	add(path);
	set_bytes(path, "compatible", compatible, strlen(compatible) + 1);
	SET(path, "reg", 0, base, 0, size);
	SET(path, "interrupts", 0, spi, 4);
}

static void make_cpus(void)
{
	add("/cpus");
	SET("/cpus", "#address-cells", 1);
	SET("/cpus", "#size-cells", 0);
	for (unsigned int i = 4; i-- > 0;) {
		char path[32];

		snprintf(path, sizeof(path), "/cpus/cpu@%x", i);
		add(path);
		TEXT(path, "device_type", "cpu");
		TEXT(path, "compatible", "arm,cortex-a57");
		TEXT(path, "enable-method", "psci");
		SET(path, "reg", i);
		SET(path, "phandle", PH_CPU0 + i);
		SET(path, "cpu-idle-states", 77);
	}
	add("/cpus/cpu-map");
	for (unsigned int i = 0; i < 4; i++) {
		char path[64];

		if (i % 2 == 0) {
			snprintf(path, sizeof(path), "/cpus/cpu-map/cluster%u", i / 2);
			add(path);
		}
		snprintf(path, sizeof(path), "/cpus/cpu-map/cluster%u/core%u", i / 2, i % 2);
		add(path);
		SET(path, "cpu", PH_CPU0 + i);
	}
}

static void make_gic(void)
{
	add("/intc@8000000");
	TEXT("/intc@8000000", "compatible", "arm,gic-v3");
	SET("/intc@8000000", "phandle", PH_GIC);
	SET("/intc@8000000", "#interrupt-cells", 3);
	FLAG("/intc@8000000", "interrupt-controller");
	SET("/intc@8000000", "#address-cells", 2);
	SET("/intc@8000000", "#size-cells", 2);
	FLAG("/intc@8000000", "ranges");
	SET("/intc@8000000", "#redistributor-regions", 1);
	SET("/intc@8000000", "reg", 0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0xf60000);
	SET("/intc@8000000", "interrupts", 1, 9, 4);
	add("/intc@8000000/its@8080000");
	TEXT("/intc@8000000/its@8080000", "compatible", "arm,gic-v3-its");
	FLAG("/intc@8000000/its@8080000", "msi-controller");
	SET("/intc@8000000/its@8080000", "#msi-cells", 1);
	SET("/intc@8000000/its@8080000", "reg", 0, 0x8080000, 0, 0x20000);
	SET("/intc@8000000/its@8080000", "phandle", PH_ITS);
}

static void make_pci(void)
{
	add("/pcie@10000000");
	TEXT("/pcie@10000000", "compatible", "pci-host-ecam-generic");
	TEXT("/pcie@10000000", "device_type", "pci");
	SET("/pcie@10000000", "#address-cells", 3);
	SET("/pcie@10000000", "#size-cells", 2);
	SET("/pcie@10000000", "linux,pci-domain", 0);
	SET("/pcie@10000000", "bus-range", 0, 0xff);
	SET("/pcie@10000000", "reg", 0x40, 0x10000000, 0, 0x10000000);
	SET("/pcie@10000000", "ranges", 0x1000000, 0, 0, 0, 0x3eff0000, 0, 0x10000, 0x2000000, 0, 0x10000000,
	    0, 0x10000000, 0, 0x2eff0000, 0x3000000, 0x80, 0, 0x80, 0, 0x80, 0);
	SET("/pcie@10000000", "msi-map", 0, PH_ITS, 0, 0x10000);
	SET("/pcie@10000000", "iommu-map", 0, PH_SMMU, 0, 0x10000);
	add("/smmuv3@9050000");
	TEXT("/smmuv3@9050000", "compatible", "arm,smmu-v3");
	SET("/smmuv3@9050000", "phandle", PH_SMMU);
	SET("/smmuv3@9050000", "#iommu-cells", 1);
	FLAG("/smmuv3@9050000", "dma-coherent");
	SET("/smmuv3@9050000", "reg", 0, 0x9050000, 0, 0x20000);
	TEXT("/smmuv3@9050000", "interrupt-names", "eventq\0priq\0cmdq-sync\0gerror");
	SET("/smmuv3@9050000", "interrupts", 0, 74, 1, 0, 75, 1, 0, 76, 1, 0, 77, 1);
}

static void make_tree(void)
{
	assert_int_equal(fdt_create_empty_tree(tree, sizeof(tree)), 0);
	SET("/", "#address-cells", 2);
	SET("/", "#size-cells", 2);
	SET("/", "interrupt-parent", PH_GIC);
	TEXT("/", "compatible", "linux,dummy-virt");
	add("/chosen");
	TEXT("/chosen", "stdout-path", "serial0:115200n8");
	SET("/chosen", "rng-seed", 1, 2, 3, 4);
	SET("/chosen", "kaslr-seed", 5, 6);
	add("/aliases");
	TEXT("/aliases", "serial0", "/pl011@9000000");
	add("/memory@40000000");
	TEXT("/memory@40000000", "device_type", "memory");
	SET("/memory@40000000", "reg", 0, 0x40000000, 0, 0x80000000);
	add("/psci");
	TEXT("/psci", "compatible", "arm,psci-1.0\0arm,psci-0.2\0arm,psci");
	TEXT("/psci", "method", "smc");
	SET("/psci", "cpu_on", 0xc4000003);
	add("/timer");
	TEXT("/timer", "compatible", "arm,armv8-timer\0arm,armv7-timer");
	SET("/timer", "interrupts", 1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4, 1, 12, 4);
	add("/pmu");
	TEXT("/pmu", "compatible", "arm,armv8-pmuv3");
	SET("/pmu", "interrupts", 1, 7, 4);
	add("/apb-pclk");
	TEXT("/apb-pclk", "compatible", "fixed-clock");
	SET("/apb-pclk", "phandle", PH_CLOCK);
	make_cpus();
	make_gic();
	make_pci();
	add_device("/pl011@9000000", "arm,pl011", 0x9000000, 0x1000, 1);
	SET("/pl011@9000000", "clocks", PH_CLOCK, PH_CLOCK);
	add_device("/pl031@9010000", "arm,pl031", 0x9010000, 0x1000, 2);
	add_device("/pl061@9030000", "arm,pl061", 0x9030000, 0x1000, 7);
	SET("/pl061@9030000", "phandle", PH_GPIO);
	add("/gpio-keys");
	TEXT("/gpio-keys", "compatible", "gpio-keys");
	add("/gpio-keys/poweroff");
	SET("/gpio-keys/poweroff", "gpios", PH_GPIO, 3, 0);
	add_device("/fw-cfg@9020000", "qemu,fw-cfg-mmio", 0x9020000, 0x18, 9);
	add_device("/virtio_mmio@a000000", "virtio,mmio", 0xa000000, 0x200, 16);
	add_device("/virtio_mmio@a000200", "virtio,mmio", 0xa000200, 0x200, 17);
	add("/flash@0");
	TEXT("/flash@0", "compatible", "cfi-flash");
	SET("/flash@0", "reg", 0, 0, 0, 0x4000000, 0, 0x4000000, 0, 0x4000000);
}

static int setup(void **state)
{
	(void)state;
	errors = warnings = 0;
	last_error[0] = last_warning[0] = told[0] = 0;
	memset(&machine, 0x5a, sizeof(machine));
	log_set_level(LOG_INFO);
	log_set_sink(sink);
	make_tree();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_set_sink(NULL);
	return 0;
}

static int __attribute__((unused)) read_tree(void)
{
	return dt_read_machine(tree, sizeof(tree), &machine);
}

/* One line, which names what is wrong. */
static void __attribute__((unused)) refused(int err, const char *words)
{
	errors = 0;
	assert_int_equal(read_tree(), err);
	assert_int_equal(errors, 1);
	if (!strstr(last_error, words))
		fail_msg("\"%s\" does not say \"%s\"", last_error, words);
}

static void __attribute__((unused)) accepted(void)
{
	errors = 0;
	if (read_tree())
		fail_msg("refused: %s", last_error);
	assert_int_equal(errors, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif

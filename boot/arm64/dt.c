/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the device tree says of the machine: CPUs, PSCI, the timer's interrupts; the other parts are in
 * dt_*.c.
 */
#include "boot/arm64/dt_read.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/string.h"

#define SPI_FIRST 32u
/* MPIDR_EL1.Aff3, Aff2..Aff0 (Arm ARM DDI 0487J, D19.2.100). */
#define AFFINITY (GENMASK64(39, 32) | GENMASK64(23, 0))

/*
 * Linux Documentation/devicetree/bindings/arm/psci.yaml; 0.2 brought function numbers that need no
 * properties.
 */
const char *const dt_psci_names[] = { "arm,psci-1.0", "arm,psci-0.2", NULL };
static const char *const old_psci_names[] = { "arm,psci", NULL };
/* bindings/timer/arm,arch_timer.yaml */
const char *const dt_timer_names[] = { "arm,armv8-timer", "arm,armv7-timer", NULL };

/* ---- CPUs: Devicetree Specification 0.4, 3.8; bindings/arm/cpus.yaml ---- */

bool dt_is_cpu(const struct dt_tree *t)
{
	return t->depth == 3 && dt_is_under(t, "cpus") && dt_string_is(t, "device_type", "cpu");
}

static bool is_listed(const struct dt_machine *machine, u64 mpidr)
{
	for (unsigned int i = 0; i < machine->cpus; i++) {
		if (machine->cpu_mpidr[i] == mpidr)
			return true;
	}
	return false;
}

int dt_cpu_mpidr(const struct dt_tree *t, u64 *mpidr)
{
	u32 cells = t->level[t->depth - 2].address_cells;
	size_t length;
	const u8 *reg = dt_property(t, "reg", &length);

	if (!reg || !cells || length != cells * 4 || !dt_cells(reg, cells, mpidr) || *mpidr & ~AFFINITY)
		return dt_refuse(t, -EINVAL, "reg is no affinity of a CPU; update the firmware");
	return 0;
}

static int add_cpu(const struct dt_tree *t, struct dt_machine *out)
{
	u64 mpidr;
	int err = dt_cpu_mpidr(t, &mpidr);

	if (err)
		return err;
	if (is_listed(out, mpidr))
		return dt_refuse(t, -EINVAL, "another CPU has the same reg; update the firmware");
	if (dt_has(t, "enable-method") && !dt_string_is(t, "enable-method", "psci"))
		dt_warn(t, "enable-method is not psci; the CPU is not used");
	else if (out->cpus == CPUS_MAX)
		out->more_cpus = true;
	else
		out->cpu_mpidr[out->cpus++] = mpidr;
	return 0;
}

static int read_cpus(const void *fdt, struct dt_machine *out)
{
	struct dt_tree t;
	bool more;

	for (more = dt_first(&t, fdt); more; more = dt_next(&t)) {
		int err = dt_is_cpu(&t) && t.level[t.depth - 1].available ? add_cpu(&t, out) : 0;

		if (err)
			return err;
	}
	if (!out->cpus) {
		log_error("device tree: /cpus names no CPU that can be used; update the firmware");
		return -EINVAL;
	}
	if (out->more_cpus)
		log_warn("device tree: more than %u CPUs; those beyond are not used", CPUS_MAX);
	return 0;
}

int dt_boot_cpu_first(struct dt_machine *machine, u64 mpidr)
{
	for (unsigned int i = 0; i < machine->cpus; i++) {
		if (machine->cpu_mpidr[i] != mpidr)
			continue;
		memmove(&machine->cpu_mpidr[1], &machine->cpu_mpidr[0], i * sizeof(mpidr));
		machine->cpu_mpidr[0] = mpidr;
		return 0;
	}
	log_error("device tree: /cpus does not name the CPU that Fairlead runs on (MPIDR 0x%llx); update the "
		  "firmware",
		  (unsigned long long)mpidr);
	return -EINVAL;
}

/* ---- PSCI and timer ---- */

static int read_psci(const void *fdt, struct dt_machine *out)
{
	struct dt_tree t;

	if (!dt_first(&t, fdt) || !dt_find(&t, dt_psci_names)) {
		if (dt_first(&t, fdt) && dt_find(&t, old_psci_names))
			return dt_refuse(&t, -EOPNOTSUPP,
					 "PSCI 0.1; Fairlead needs 0.2 or newer: update the firmware");
		log_error("device tree: no PSCI (0.2 or newer), which Fairlead needs to wake and stop CPUs");
		return -EOPNOTSUPP;
	}
	out->psci_smc = dt_string_is(&t, "method", "smc");
	if (out->psci_smc)
		return 0;
	if (!dt_string_is(&t, "method", "hvc"))
		return dt_refuse(&t, -EINVAL, "method is neither smc nor hvc; update the firmware");
	return dt_refuse(
		&t, -EOPNOTSUPP,
		"PSCI is called by HVC, so a hypervisor is below; with QEMU: -machine virtualization=on");
}

static int private_interrupt(const struct dt_tree *t, const struct dt_controller *gic, const char *name,
			     unsigned int index, u32 *intid)
{
	int err = dt_named_interrupt(t, gic, name, index, intid);

	if (err == -EINVAL)
		return err;
	if (err || *intid >= SPI_FIRST)
		return dt_refuse(t, -EINVAL,
				 "interrupts does not name the timer's lines; update the firmware");
	return 0;
}

static int read_timer(const void *fdt, const struct dt_controller *gic, struct dt_machine *out)
{
	/* The binding's order: secure physical, physical, virtual, hypervisor's physical and virtual. */
	enum { PHYSICAL = 1, VIRTUAL, HYPERVISOR };
	struct dt_tree t;
	int err;

	if (!dt_first(&t, fdt) || !dt_find(&t, dt_timer_names)) {
		log_error("device tree: no timer (arm,armv8-timer); update the firmware");
		return -EINVAL;
	}
	err = private_interrupt(&t, gic, "phys", PHYSICAL, &out->timer_physical_intid);
	if (!err)
		err = private_interrupt(&t, gic, "virt", VIRTUAL, &out->timer_virtual_intid);
	if (!err)
		err = private_interrupt(&t, gic, "hyp-phys", HYPERVISOR, &out->timer_hypervisor_intid);
	return err;
}

int dt_read_machine(const void *dtb, size_t limit, struct dt_machine *out)
{
	struct dt_controller gic;
	int err;

	memset(out, 0, sizeof(*out));
	err = dt_check(dtb, limit);
	if (!err)
		err = dt_read_gic(dtb, &gic, out);
	if (!err)
		err = read_psci(dtb, out);
	if (!err)
		err = read_cpus(dtb, out);
	if (!err)
		err = read_timer(dtb, &gic, out);
	if (!err)
		err = dt_read_smmus(dtb, &gic, out);
	if (!err)
		err = dt_read_pci(dtb, out);
	if (!err)
		err = dt_read_uart(dtb, &gic, 0, &out->uart);
	return err;
}

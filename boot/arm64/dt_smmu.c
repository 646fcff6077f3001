/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SMMUv3 units in the device tree (Linux Documentation/devicetree/bindings/iommu/arm,smmu-v3.yaml).
 */
#include "boot/arm64/dt_read.h"
#include "core/errno.h"

const char *const dt_smmu_names[] = { "arm,smmu-v3", NULL };

#define SMMU_ALIGNMENT 0x10000u

/* 0 where the unit has no such line, or one that is not the GIC's: then it is polled. */
static int read_line(const struct dt_tree *t, const struct dt_controller *gic, const char *name, u32 *intid)
{
	int err;

	*intid = 0;
	/* One line for all of them is called combined. */
	err = dt_named_interrupt(t, gic, name, ~0u, intid);
	if (err == -ENOENT)
		err = dt_named_interrupt(t, gic, "combined", ~0u, intid);
	return err == -EINVAL ? err : 0;
}

static int read_unit(const struct dt_tree *t, const struct dt_controller *gic,
		     struct smmu_unit_firmware *unit)
{
	struct dt_range registers;
	int err = dt_reg(t, 0, &registers);

	if (err == -EINVAL)
		return err;
	if (err || !registers.size || !IS_ALIGNED(registers.base, SMMU_ALIGNMENT))
		return dt_refuse(t, -EINVAL, "reg does not hold an SMMUv3; update the firmware");
	*unit = (struct smmu_unit_firmware){ .registers = registers.base, .size = registers.size };
	unit->coherent = dt_has(t, "dma-coherent");
	err = read_line(t, gic, "eventq", &unit->event_intid);
	if (!err)
		err = read_line(t, gic, "gerror", &unit->gerror_intid);
	if (!err)
		err = read_line(t, gic, "cmdq-sync", &unit->sync_intid);
	if (!err)
		err = read_line(t, gic, "priq", &unit->pri_intid);
	return err;
}

int dt_read_smmus(const void *fdt, const struct dt_controller *gic, struct dt_machine *out)
{
	struct dt_tree t;
	bool more;

	for (more = dt_first(&t, fdt) && dt_find(&t, dt_smmu_names); more;
	     more = dt_next(&t) && dt_find(&t, dt_smmu_names)) {
		int err;

		if (out->smmu.units == SMMU_UNITS_MAX)
			return dt_refuse(&t, -EOPNOTSUPP, "more SMMUs than Fairlead knows (8)");
		err = read_unit(&t, gic, &out->smmu.unit[out->smmu.units]);
		if (err)
			return err;
		out->smmu.units++;
	}
	return 0;
}

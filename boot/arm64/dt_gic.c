/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interrupt controller in the device tree (Linux
 * Documentation/devicetree/bindings/interrupt-controller/arm,gic-v3.yaml).
 */
#include "boot/arm64/dt_read.h"
#include "core/errno.h"
#include "core/log.h"

#include <libfdt.h>

#define GIC_CELLS_MIN	3u
#define GIC_CELLS_MAX	4u
#define GICD_SIZE_MIN	0x10000u
#define GICR_SIZE_MIN	0x20000u /* RD_base and SGI_base: two frames of 64 KiB (IHI 0069H, 12.10) */
#define ITS_SIZE_MIN	0x20000u /* control and translation: the same (12.18) */
#define FRAME_ALIGNMENT 0x10000u

const char *const dt_gic_names[] = { "arm,gic-v3", NULL };
const char *const dt_its_names[] = { "arm,gic-v3-its", NULL };
/* Controllers before GICv3; the last is what Arm's own board models say. */
static const char *const old_gic_names[] = {
	"arm,cortex-a15-gic", "arm,gic-400", "arm,cortex-a7-gic", "arm,cortex-a9-gic", "arm,eb11mp-gic",
	"qcom,msm-qgic2",     NULL
};

static bool frame_fits(const struct dt_range *r, u64 minimum)
{
	return r->size >= minimum && IS_ALIGNED(r->base, FRAME_ALIGNMENT);
}

static int read_redistributors(const struct dt_tree *t, struct dt_machine *out)
{
	size_t length;
	const u8 *stride = dt_property(t, "redistributor-stride", &length);
	u32 regions = 1;
	unsigned int i;
	int err = dt_u32(t, "#redistributor-regions", &regions);

	if (err == -EINVAL)
		return err;
	if (!regions || regions > DT_REDISTRIBUTORS_MAX)
		return dt_refuse(t, -EOPNOTSUPP,
				 "more regions of redistributors than Fairlead knows (16), or none");
	if (stride &&
	    ((length != 4 && length != 8) || !dt_cells(stride, (unsigned int)length / 4, &out->gicr_stride) ||
	     !IS_ALIGNED(out->gicr_stride, FRAME_ALIGNMENT)))
		return dt_refuse(t, -EINVAL, "redistributor-stride is malformed; update the firmware");
	for (i = 0; i < regions; i++) {
		err = dt_reg(t, 1 + i, &out->gicr[i]);
		if (err == -EINVAL)
			return err;
		if (err || !frame_fits(&out->gicr[i], GICR_SIZE_MIN))
			return dt_refuse(t, -EINVAL,
					 "reg does not hold the redistributors; update the firmware");
	}
	out->redistributor_regions = regions;
	return 0;
}

static int read_maintenance(const struct dt_tree *t, const struct dt_controller *gic, struct dt_machine *out)
{
	struct dt_tree self = *t;
	u32 flags;
	int err;

	/* Its own line is its own, whatever its parent on paper. */
	self.level[self.depth - 1].interrupt_parent = gic->phandle;
	err = dt_interrupt(&self, gic, 0, &out->maintenance_intid, &flags);
	if (err == -EINVAL)
		return err;
	if (err || out->maintenance_intid >= 32)
		return dt_refuse(t, -EOPNOTSUPP,
				 "no maintenance interrupt among interrupts; Fairlead needs a GIC with "
				 "virtualization");
	return 0;
}

/* The first usable ITS; without one, messages stay off. */
static int read_its(const void *fdt, struct dt_machine *out)
{
	struct dt_tree t;
	bool more;

	for (more = dt_first(&t, fdt) && dt_find(&t, dt_its_names); more;
	     more = dt_next(&t) && dt_find(&t, dt_its_names)) {
		struct dt_range its;
		int err = dt_reg(&t, 0, &its);

		if (err == -EINVAL)
			return err;
		if (err || !frame_fits(&its, ITS_SIZE_MIN))
			return dt_refuse(&t, -EINVAL, "reg does not hold an ITS; update the firmware");
		if (out->its.size)
			out->its_others++;
		else
			out->its = its;
	}
	if (!out->its.size)
		log_warn("device tree: no ITS: the guest's devices get no message interrupts (MSI)");
	return 0;
}

static int no_gicv3(const void *fdt)
{
	struct dt_tree t;

	if (dt_first(&t, fdt) && dt_find(&t, old_gic_names))
		return dt_refuse(&t, -EOPNOTSUPP,
				 "a GICv2; Fairlead needs a GICv3 (with QEMU: -machine gic-version=3)");
	log_error("device tree: no GICv3, which Fairlead needs");
	return -EOPNOTSUPP;
}

int dt_find_gic(const void *fdt, struct dt_tree *t, struct dt_controller *gic)
{
	int err;

	*gic = (struct dt_controller){ 0 };
	if (!dt_first(t, fdt) || !dt_find(t, dt_gic_names))
		return no_gicv3(fdt);
	err = dt_u32(t, "#interrupt-cells", &gic->cells);
	if (err == -EINVAL)
		return err;
	if (gic->cells < GIC_CELLS_MIN || gic->cells > GIC_CELLS_MAX)
		return dt_refuse(t, -EINVAL, "#interrupt-cells is not 3 or 4; update the firmware");
	gic->phandle = fdt_get_phandle(fdt, dt_node(t));
	if (!gic->phandle)
		return dt_refuse(t, -EINVAL, "no phandle, so no interrupt is its; update the firmware");
	return 0;
}

int dt_read_gic(const void *fdt, struct dt_controller *gic, struct dt_machine *out)
{
	struct dt_tree t;
	int err = dt_find_gic(fdt, &t, gic);

	if (err)
		return err;
	err = dt_reg(&t, 0, &out->gicd);
	if (err == -EINVAL)
		return err;
	if (err || !frame_fits(&out->gicd, GICD_SIZE_MIN))
		return dt_refuse(&t, -EINVAL, "reg does not hold the distributor; update the firmware");
	err = read_redistributors(&t, out);
	if (!err)
		err = read_maintenance(&t, gic, out);
	return err ? err : read_its(fdt, out);
}

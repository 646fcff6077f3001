/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The GICv2m frame: where the guest has its devices send messages (Server Base System Architecture, DEN 0029,
 * appendix on GICv2m). A device's message never gets here: vPCI has it sent to the ITS. A write by the
 * guest's own CPU raises the SPI as the frame would.
 */
#include "arch/arm64/vgic_internal.h"
#include "core/counters.h"

struct vgic_frame vgic_frame_for(unsigned int hardware_spis, paddr_t base)
{
	const u32 first = GIC_SPI_FIRST + hardware_spis;
	const u32 last =
		GIC_SPECIAL_FIRST - 2; /* not 1019: Linux refuses a frame of which first + count passes it */

	return (struct vgic_frame){ base, first, first <= last ? last - first + 1 : 0 };
}

void vgic_frame_access(void *ctx, gpa_t gpa, unsigned int size, bool write, u64 *value)
{
	const struct vgic_frame *frame = ctx;
	const u64 offset = gpa - frame->base;
	u32 intid;

	count_event(COUNT_GIC);
	if (write) {
		intid = (u32)*value & V2M_INTID_MASK;
		if (offset == V2M_SETSPI_NS && size == 4 && intid - frame->first < frame->count)
			vgic_raise(intid);
		return;
	}
	*value = 0;
	if (size != 4)
		return;
	if (offset == V2M_TYPER)
		*value = frame->first << V2M_TYPER_BASE_SHIFT | frame->count;
	else if (offset == V2M_IIDR)
		*value = VGIC_IIDR;
	else if (offset == V2M_PIDR2)
		*value = VGIC_PIDR2;
}

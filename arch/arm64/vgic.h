/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's GICv3: an emulated distributor and redistributors, and the hardware's virtual CPU interface,
 * fed through list registers (IHI 0069H, chapters 8, 11, 12). What is pending beyond the list registers waits
 * here in priority order; a maintenance interrupt says when there is room again. LPIs are not shown
 * (GICD_TYPER.LPIS = 0): messages arrive as SPIs of a GICv2m frame.
 *
 * Three kinds of virtual interrupts: linked to a physical one of the same INTID (the guest's deactivation is
 * the hardware's); level by software (vgic_set_level: emulated UART); edge by software (SGIs, messages).
 */
#ifndef ARCH_ARM64_VGIC_H
#define ARCH_ARM64_VGIC_H

#include "arch/arm64/gic.h"
#include "arch/arm64/vcpu.h"
#include "core/vm.h"

/*
 * Pure: the frame for a machine whose distributor has that many SPIs. `base`: a page that nothing else has.
 */
struct vgic_frame vgic_frame_for(unsigned int hardware_spis, paddr_t base);

/*
 * Boot CPU, after gic_init(): state for `cpus` CPUs, emulated regions added to vm: distributor,
 * redistributors, frame. -ENOMEM, -ENOSPC.
 */
int MUST_CHECK vgic_init(struct vm *vm, const struct dt_machine *dt, unsigned int cpus,
			 const struct vgic_frame *frame);
/*
 * Each CPU before its first entry: ICH_HCR_EL2, ICH_VMCR_EL2; and at each PSCI start: private state as after
 * reset.
 */
void vgic_start_cpu(struct vcpu *v);
/*
 * Directly before each entry: list registers filled, highest priority first. Directly after each exit: read
 * back.
 */
void vgic_enter(struct vcpu *v);
void vgic_leave(struct vcpu *v);
/*
 * Physical interrupts wait: takes them all (bounded), Fairlead's own to their handlers, LPIs by
 * its_interrupt(), others become virtual.
 */
void vgic_take_interrupts(struct vcpu *v);

/*
 * Software's: an SPI of the guest rises as an edge, or its line changes. Any CPU; kicks the target if it is
 * another. Exit path.
 */
void vgic_raise(u32 intid);
void vgic_set_level(u32 intid, bool level);
/*
 * The guest's write of ICC_SGI1R_EL1 (group 1), or of ICC_SGI0R_EL1 or ICC_ASGI1R_EL1 (both group 0: with a
 * single security state there is no other group 1). sysreg.c calls.
 */
void vgic_write_sgi(struct vcpu *v, unsigned int group, u64 value);
/*
 * The guest's write of ICC_DIR_EL1, which traps while more interrupts are active than there are list
 * registers. sysreg.c calls.
 */
void vgic_write_dir(struct vcpu *v, u32 intid);
/* Which CPU an SPI goes to now. */
unsigned int vgic_target(u32 intid);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of dt_read_machine(). Each reads one kind of node; 0, or an error after one log_error. Shared by
 * dt*.c only.
 */
#ifndef BOOT_ARM64_DT_READ_H
#define BOOT_ARM64_DT_READ_H

#include "boot/arm64/dt_tree.h"

/* What the nodes are called by the bindings of Linux' Documentation/devicetree/bindings/. */
extern const char *const dt_gic_names[],
	*const dt_its_names[], *const dt_smmu_names[],
				       *const dt_pci_names[], *const dt_pl011_names[],
								      *const dt_16550_names[],
									      *const dt_psci_names[],
										      *const dt_timer_names[];

/* The walk at the GICv3's node, and what refers to it. dt_gic.c */
int MUST_CHECK dt_find_gic(const void *fdt, struct dt_tree *t, struct dt_controller *gic);
/* Sets *gic, too, which the others need. */
int MUST_CHECK dt_read_gic(const void *fdt, struct dt_controller *gic, struct dt_machine *out); /* dt_gic.c */
int MUST_CHECK dt_read_smmus(const void *fdt, const struct dt_controller *gic,
			     struct dt_machine *out); /* dt_smmu.c */
/* After the two: their nodes are what msi-map and iommu-map refer to. */
int MUST_CHECK dt_read_pci(const void *fdt, struct dt_machine *out); /* dt_pci.c */

/* The UART at `base`, or with 0 that of stdout-path; kind DT_UART_NONE after a warning. dt_uart.c */
int MUST_CHECK dt_read_uart(const void *fdt, const struct dt_controller *gic, paddr_t base,
			    struct dt_uart *out);

/* Is the present node a child of /cpus that is a CPU? dt.c */
bool dt_is_cpu(const struct dt_tree *t);
/* Its affinity. 0; -EINVAL, logged. */
int MUST_CHECK dt_cpu_mpidr(const struct dt_tree *t, u64 *mpidr);

/* Is the node with that phandle one whose registers begin there? For the targets of msi-map and iommu-map. */
bool dt_phandle_is(const void *fdt, u32 phandle, const char *const compatible[], paddr_t base);

#endif

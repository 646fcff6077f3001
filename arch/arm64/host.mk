# SPDX-License-Identifier: BSD-2-Clause
# What is tested on the host of arm64, and what its machines do not have: interrupt messages there are the ITS's.

ARM64_OMITS = $(wildcard drivers/iommu/vtd/*.c) drivers/iommu/intr.c drivers/iommu/apic_message.c

# Files without instructions of their own.
ARM64_HOST_SRCS = $(filter-out $(ARM64_MACHINE_SRCS),$(wildcard arch/arm64/*.c))

# Files that only the machine can run.
ARM64_MACHINE_SRCS = $(addprefix arch/arm64/,check.c cpu.c el1.c exits.c gic_cpu.c machine_reset.c paging.c run.c smc.c smp.c \
	start.c sysreg_cpu.c timer.c trap.c vgic_cpu.c)

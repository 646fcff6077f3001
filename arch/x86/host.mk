# SPDX-License-Identifier: BSD-2-Clause
# What is tested on the host of x86-64, and what its machines do not have.

X86_OMITS = $(wildcard drivers/iommu/smmuv3/*.c)

# Files without instructions of their own, tested on the host.
X86_HOST_SRCS := $(wildcard arch/x86/decode*.c arch/x86/emulate*.c arch/x86/*_policy.c \
	arch/x86/alu.c arch/x86/exception.c arch/x86/guest_mem.c arch/x86/guest_walk.c arch/x86/pio_string.c)
X86_HOST_SRCS += $(addprefix arch/x86/,pio.c acpi_pm.c cfg_ports.c closed_ports.c cpuid.c cpus.c vcpu_request.c cpu_state.c exit_reason.c hypercall.c icr.c ioapic.c ioapic_rte.c lapic.c mce.c msr.c \
	nmi.c pmu.c timer.c pci_ports.c reset.c smi.c svm/event.c svm/init_state.c svm/reason.c svm/svm_check.c uart_ports.c)

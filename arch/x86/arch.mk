# SPDX-License-Identifier: BSD-2-Clause
# What the Makefile has to know of x86-64: sources, flags, the EFI parts of GNU-EFI, the PE format.

# Interrupt handlers run on the interrupted stack, so no red zone; the guest owns the SSE registers while it runs, so
# none is used. Indirect-branch tracking and shadow stacks stay off, hence no markers for them.
ARCH_CFLAGS := -m64 -mno-red-zone -mgeneral-regs-only -fcf-protection=none
ARCH_EFI_CFLAGS := -DGNU_EFI_USE_MS_ABI

EFI_LIBDIR ?= /usr/lib
EFI_INCDIR ?= /usr/include/efi
ARCH_EFI_INCLUDE := -isystem $(EFI_INCDIR) -isystem $(EFI_INCDIR)/x86_64
ARCH_EFI_CRT0 := $(EFI_LIBDIR)/crt0-efi-x86_64.o
ARCH_EFI_LIBS := $(EFI_LIBDIR)/libgnuefi.a $(EFI_LIBDIR)/libefi.a
ARCH_LDS := arch/x86/fairlead.lds
ARCH_PE_FORMAT := --target=efi-app-x86_64

ARCH_GUEST_SRCS := $(wildcard tests/guest/x86/*.c)
ARCH_SRCS := $(wildcard arch/x86/*.c arch/x86/svm/*.c)
ARCH_ASM := $(wildcard arch/x86/*.asm arch/x86/svm/*.asm)

ARCH_PROTECTOR := -mstack-protector-guard=global
ARCH_OMITS = $(X86_OMITS)
ARCH_HOST_SRCS = $(X86_HOST_SRCS)

NASM ?= nasm
NASMFLAGS := -f elf64 -g -F dwarf -w+all -w+error -I ./

# The paths of -g would differ from one work tree to the next; nasm has no prefix map, so it gets relative names.
$(B)/%.asm.o: %.asm | $(BUILD_READY)
	@mkdir -p $(@D)
	$(call say,NASM,$<)
	$(Q)$(NASM) $(NASMFLAGS) -MD $(@:.o=.d) -o $@ $<

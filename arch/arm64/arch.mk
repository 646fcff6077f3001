# SPDX-License-Identifier: BSD-2-Clause
# What the Makefile has to know of arm64: sources, flags, the EFI parts of GNU-EFI, the PE format.

CROSS := aarch64-linux-gnu-
ARCH_CLANG_TARGET := --target=aarch64-linux-gnu

# GNU-EFI, libfdt and zlib for arm64 are Debian's, unpacked here without touching the system (tools/fetch-foreign).
ARM64_ROOT := build/arm64-root
ARM64_LIBDIR := $(ARM64_ROOT)/usr/lib/aarch64-linux-gnu
ARM64_PACKAGES := gnu-efi libfdt-dev zlib1g-dev
ARCH_FOREIGN := $(if $(filter no,$(SETUP)),,$(ARM64_ROOT)/complete)
$(ARM64_ROOT)/complete: | $(call setup-stamp,build-arm64)
	$(call say,FETCH,$(ARM64_ROOT))
	$(Q)tools/fetch-foreign arm64 $(ARM64_ROOT) $(ARM64_PACKAGES)
	$(Q)touch $@

# The guest owns the vector registers while it runs, so none is used. Code is position-independent; landing pads for
# indirect branches (BTI) count only where the CPU knows them.
ARCH_CFLAGS := -isystem $(ARM64_ROOT)/usr/include -march=armv8-a -mgeneral-regs-only -mstrict-align -mbranch-protection=bti -mno-outline-atomics
ARCH_PROTECTOR :=
ARCH_OMITS = $(ARM64_OMITS)
ARCH_HOST_SRCS = $(ARM64_HOST_SRCS)

EFI_LIBDIR := $(ARM64_ROOT)/usr/lib
EFI_INCDIR := $(ARM64_ROOT)/usr/include/efi
ARCH_EFI_CFLAGS :=
ARCH_EFI_INCLUDE := -isystem $(EFI_INCDIR) -isystem $(EFI_INCDIR)/aarch64
ARCH_EFI_CRT0 := $(EFI_LIBDIR)/crt0-efi-aarch64.o
ARCH_EFI_LIBS := $(EFI_LIBDIR)/libgnuefi.a $(ARM64_LIBDIR)/libfdt.a $(ARM64_LIBDIR)/libz.a
ARCH_LDS := arch/arm64/fairlead.lds
ARCH_LDFLAGS := --defsym=EFI_SUBSYSTEM=0xa
# GNU-EFI's crt0 holds the PE headers itself.
ARCH_PE_FORMAT := -O binary

# tests/guest/arm64/ is a kernel of its own, not programs of the Linux guest.
ARCH_GUEST_SRCS :=
TEST_KERNEL_DIR := tests/guest/arm64/kernel
TEST_KERNEL_FLAGS := -std=gnu17 -O2 -g -ffreestanding -fpie -fvisibility=hidden -fno-stack-protector -fno-common \
	-fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns -mgeneral-regs-only -mstrict-align -mno-outline-atomics \
	-march=armv8-a -Wall -Wextra -Werror -nostdlib -static-pie -Wl,--build-id=none,-z,norelro,-z,notext \
	-Wl,--no-warn-rwx-segments,-z,max-page-size=4096
guest: $(GUEST)/testkernel
$(GUEST)/testkernel: $(wildcard $(TEST_KERNEL_DIR)/*) | $(call setup-stamp,build-arm64)
	@mkdir -p $(@D)
	$(call say,KERNEL,$@)
	$(Q)$(CROSS)gcc $(TEST_KERNEL_FLAGS) -ffile-prefix-map=$(CURDIR)=. -Wl,-T,$(TEST_KERNEL_DIR)/kernel.lds -o $@.elf \
		$(filter %.S %.c,$^)
	$(Q)$(CROSS)objcopy -O binary $@.elf $@
ARCH_SRCS := $(wildcard arch/arm64/*.c)
ARCH_ASM := $(wildcard arch/arm64/*.S)

$(B)/%.S.o: %.S | $(BUILD_READY)
	@mkdir -p $(@D)
	$(call say,AS,$<)
	$(Q)$(TARGET_CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# SPDX-License-Identifier: BSD-2-Clause
#
# Fairlead's build. `make help` lists what there is to ask for.

ARCH ?= x86
ifeq ($(filter $(ARCH),x86 arm64),)
$(error ARCH=$(ARCH): there are x86 and arm64)
endif
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG := $(notdir $(firstword $(shell command -v clang-14 clang) clang))
ifeq ($(CC),clang)
override CC := $(CLANG)
endif
IS_CLANG := $(findstring clang,$(CC))
DEBUG ?= 0
V ?= 0
SETUP ?= yes

# One folder for each way of building, so that none reads another's objects.
B ?= build/$(ARCH)$(if $(IS_CLANG),-clang)$(if $(filter 1,$(DEBUG)),-debug)
HOST := build/host
GUEST := build/guest$(if $(filter-out x86,$(ARCH)),-$(ARCH))
STAMPS := build/stamps

PYTHON := /usr/bin/python3
# What a cross compiler's tools begin with; arch.mk sets it.
CROSS :=
LD = $(CROSS)ld
OBJCOPY = $(CROSS)objcopy
NM = $(CROSS)nm
TARGET_CC = $(if $(IS_CLANG),$(CC) $(ARCH_CLANG_TARGET),$(CROSS)$(CC))

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' '$(1)' '$(2)')

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

# --- what has to be installed --------------------------------------------------------------------------------------
# One stamp a group; tools/setup installs what is missing and needs no time when nothing is. SETUP=no leaves the
# machine alone.
setup-stamp = $(if $(filter no,$(SETUP)),,$(STAMPS)/setup-$(1))
# Some groups are an architecture's own.
arch-stamp = $(call setup-stamp,$(1)$(if $(filter-out x86,$(ARCH)),-$(ARCH)))
BUILD_READY = $(call arch-stamp,build) $(ARCH_FOREIGN)

$(STAMPS)/setup-%: tools/setup
	@tools/setup $*
	@mkdir -p $(@D)
	@touch $@

# --- flags ---------------------------------------------------------------------------------------------------------
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wundef -Wpointer-arith -Wwrite-strings -Wimplicit-fallthrough -Wformat=2

# Fairlead's own environment: no C library, an image that is relocated at start, wide characters as UEFI has them.
# The stack protector's value is a plain variable (core/stack_protector.c), not one in thread-local storage.
FREESTANDING := -ffreestanding -fpic -fvisibility=hidden -fshort-wchar -fno-strict-aliasing \
	-fno-asynchronous-unwind-tables -fno-common
PROTECTOR = -fstack-protector-strong $(ARCH_PROTECTOR)

include arch/$(ARCH)/arch.mk
include arch/x86/host.mk
include arch/arm64/host.mk
include tools/host.mk
include tools/seeded.mk
include tools/stress.mk
include tools/mutate.mk
include tools/check.mk
include tools/bench.mk

CFLAGS := -std=c17 -O2 -g $(FREESTANDING) $(ARCH_CFLAGS) $(WARNINGS) -ffile-prefix-map=$(CURDIR)=. -I.
ifeq ($(DEBUG),1)
CFLAGS += -DFL_DEBUG
endif

# --- sources: by folder, found by wildcard -------------------------------------------------------------------------
# ARCH_OMITS: what the other architecture's machines have.
EFI_SRCS := $(wildcard boot/efi_*.c boot/$(ARCH)/efi_*.c)
PURE_BOOT_SRCS := $(filter-out $(EFI_SRCS) $(ARCH_OMITS),$(wildcard boot/*.c boot/$(ARCH)/*.c))
ALL_COMMON_SRCS := $(wildcard core/*.c core/*/*.c drivers/*/*.c drivers/*/*/*.c)
COMMON_SRCS := $(filter-out $(ARCH_OMITS),$(ALL_COMMON_SRCS))
SRCS := $(COMMON_SRCS) $(PURE_BOOT_SRCS) $(EFI_SRCS) $(ARCH_SRCS)

OBJS := $(SRCS:%.c=$(B)/%.o) $(patsubst %,$(B)/%.o,$(ARCH_ASM))

# --- the image -----------------------------------------------------------------------------------------------------
# Linked twice: first with an empty symbol table, then with the one made from the first link. The second link must
# not move a function, or crash dumps would name the wrong ones; that is checked.
LDFLAGS := -nostdlib -shared -Bsymbolic -z nocombreloc -z text -z defs -z noexecstack -z max-page-size=0x1000 \
	--hash-style=sysv --build-id=none --no-dynamic-linker --fatal-warnings --no-warn-rwx-segments $(ARCH_LDFLAGS) -T $(ARCH_LDS)
LINK = $(LD) $(LDFLAGS) $(ARCH_EFI_CRT0) $(OBJS) $(1) $(ARCH_EFI_LIBS) -o $@
PE_SECTIONS := .text .rodata .dynamic .rela .dynsym .dynstr .hash .reloc .data

.PHONY: all
all: $(B)/fairlead.efi

$(B)/fairlead.efi: $(B)/fairlead.so
	$(call say,EFI,$@)
	$(Q)$(OBJCOPY) $(PE_SECTIONS:%=-j %) $(ARCH_PE_FORMAT) $< $@
	$(Q)$(PYTHON) tools/check-image.py $< $@

$(B)/fairlead.so: $(B)/ksyms.o $(B)/pass1.so
	$(call say,LINK,$@)
	$(Q)$(call LINK,$(B)/ksyms.o)
	$(Q)$(NM) -n $(B)/pass1.so | grep ' [tTW] ' > $(B)/pass1.text
	$(Q)$(NM) -n $@ | grep ' [tTW] ' | cmp - $(B)/pass1.text || \
		{ echo "the second link moved functions: ksyms would be wrong" >&2; exit 1; }

$(B)/pass1.so: $(OBJS) $(B)/noksyms.o $(ARCH_LDS)
	$(call say,LINK,$@)
	$(Q)$(call LINK,$(B)/noksyms.o)

$(B)/noksyms.c: tools/gensyms.py | $(BUILD_READY)
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/gensyms.py < /dev/null > $@

$(B)/ksyms.c: $(B)/pass1.so tools/gensyms.py
	$(call say,KSYMS,$@)
	$(Q)$(NM) -n $< | $(PYTHON) tools/gensyms.py > $@

$(B)/ksyms.o $(B)/noksyms.o: %.o: %.c core/ksyms.h
	$(Q)$(TARGET_CC) $(CFLAGS) -c -o $@ $<

# The files that speak to the firmware see GNU-EFI's headers, and run before there is a value for the stack protector.
$(EFI_SRCS:%.c=$(B)/%.o): CFLAGS_FILE = $(ARCH_EFI_CFLAGS) $(ARCH_EFI_INCLUDE)
CFLAGS_FILE = $(PROTECTOR)

# When flags change, everything is built again.
FLAGS_TEXT = $(TARGET_CC) $(CFLAGS) $(PROTECTOR) $(ARCH_EFI_CFLAGS) $(NASMFLAGS) $(LDFLAGS) $(sort $(OBJS))
$(B)/flags: force | $(BUILD_READY)
	@mkdir -p $(@D)
	@echo '$(FLAGS_TEXT)' | cmp -s - $@ || echo '$(FLAGS_TEXT)' > $@
$(B)/pass1.so $(OBJS): $(B)/flags
.PHONY: force
force:

$(B)/%.o: %.c | $(BUILD_READY)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(TARGET_CC) $(CFLAGS) $(CFLAGS_FILE) -MMD -MP -c -o $@ $<

-include $(OBJS:.o=.d)

# --- the guest -----------------------------------------------------------------------------------------------------
GUEST_PROGRAMS := $(patsubst %.c,$(GUEST)/bin/%,$(notdir $(wildcard tests/guest/*.c) $(ARCH_GUEST_SRCS)))
GUEST_FILES := $(wildcard tools/guest/*)

.PHONY: guest
guest: $(GUEST)/initrd.gz

# The kernel stays what was fetched first: `make clean` keeps it, `make distclean` does not.
$(GUEST)/vmlinuz: | $(call arch-stamp,run)
	$(call say,FETCH,$@)
	$(Q)tools/fetch-kernel $(GUEST) $(ARCH)

# tests/guest/machine/: what each architecture has in its own way, under the same names.
GUEST_HEADERS := $(wildcard tests/guest/*.h tests/guest/$(ARCH)/*.h tests/guest/machine/$(ARCH)/*.h)
GUEST_COMPILE = $(CROSS)gcc -std=gnu17 -O2 -static -Wall -Wextra -Werror -I. -Itests/guest/machine/$(ARCH) \
	-ffile-prefix-map=$(CURDIR)=. -o $@ $<
$(GUEST)/bin/%: tests/guest/%.c $(GUEST_HEADERS) | $(call arch-stamp,run)
	@mkdir -p $(@D)
	$(call say,GUESTCC,$<)
	$(Q)$(GUEST_COMPILE)
$(GUEST)/bin/%: tests/guest/$(ARCH)/%.c $(GUEST_HEADERS) | $(call arch-stamp,run)
	@mkdir -p $(@D)
	$(call say,GUESTCC,$<)
	$(Q)$(GUEST_COMPILE)

$(GUEST)/initrd.gz: $(GUEST)/vmlinuz tools/mkinitramfs $(GUEST_FILES) $(GUEST_PROGRAMS)
	$(call say,INITRD,$@)
	$(Q)tools/mkinitramfs $(GUEST) $@ $(GUEST_PROGRAMS)

# --- running -------------------------------------------------------------------------------------------------------
.PHONY: run debug
run: $(B)/fairlead.efi $(GUEST)/initrd.gz | $(call arch-stamp,run)
	@$(PYTHON) tools/run-qemu --arch $(ARCH) --efi $(B)/fairlead.efi $(ARGS)

debug: $(B)/fairlead.efi $(GUEST)/initrd.gz | $(call arch-stamp,debug)
	@$(PYTHON) tools/debug --arch $(ARCH) --image $(B)/fairlead.so --efi $(B)/fairlead.efi $(ARGS)

# --- the book ------------------------------------------------------------------------------------------------------
.PHONY: docs
docs: | $(call setup-stamp,docs)
	$(Q)$(PYTHON) -B -m sphinx -q -W --keep-going -b html -d build/docs-cache docs build/docs
	$(call say,DOCS,build/docs/index.html)

# --- the rest ------------------------------------------------------------------------------------------------------
.PHONY: clean distclean help
FETCHED := $(wildcard build/guest* build/arm64-root)
clean:
	rm -rf $(filter-out $(STAMPS) $(FETCHED),$(wildcard build/*))
	rm -rf $(foreach guest,$(wildcard build/guest*),$(guest)/bin $(guest)/initrd.gz)

distclean:
	rm -rf build

help:
	@sed -n 's/^#H \{0,1\}//p' Makefile

#H make             build/x86/fairlead.efi (CC=clang: build/x86-clang, DEBUG=1: with self-checks, V=1: show commands)
#H make ARCH=arm64  build/arm64/fairlead.efi; ARCH=arm64 goes with run, debug, guest, bench and repro as well
#H make run         boot the guest under Fairlead in QEMU; ARGS="..." goes to tools/run-qemu
#H make debug       the same, waiting for gdb, with symbols at the right address
#H make check       for both architectures: lint, unit tests, both compilers, reproducibility, system tests (25 minutes at most)
#H make check-full  all system tests (90 minutes at most)
#H make soak        the long runs
#H make unit        the unit tests alone
#H make lint        the linters alone
#H make model       the models of the object rules, with spin (make soak: the large ones too)
#H make seeded      breaches of the locking rules, each of which has to be reported
#H make mutate      wrong bits in the masks of the register tables, each of which has to fail a test
#H make bench       exits of the guest by reason: idle, in a build, per packet, per MB, per disk read; instructions per IPI
#H make bench-host  measurements on the host
#H make stress      threads on the fake machine, with the sanitizers (LIFECYCLES=10000, STRESS_SEED=1)
#H make guest       the guest's kernel and initramfs
#H make format      what clang-format would change (advice)
#H make docs        the book, as build/docs/index.html
#H make clean       remove what was built; the fetched kernel stays (make distclean: everything)
#H make help        this text
#H
#H What a target needs is installed by tools/setup; SETUP=no leaves the machine as it is.

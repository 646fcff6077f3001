# SPDX-License-Identifier: BSD-2-Clause
# Unit tests: everything without hardware instructions, compiled for the host with the sanitizers, and one program
# for each tests/unit/test_*.c linked with it. Functions that only the machine has are supplied by the test as fakes.

HOST_CC := gcc
HOST_CFLAGS = -std=gnu17 -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-strict-aliasing -DFL_HOST -DFL_DEBUG $(WARNINGS) -I.
# cmocka's test functions get a parameter that most do not use, and tests define fakes without a header.
HOST_TEST_CFLAGS = $(HOST_CFLAGS) -Wno-unused-parameter -Wno-missing-prototypes -Wno-conversion -Wno-sign-conversion

# The host's C library has its own string functions, its linker puts things elsewhere.
HOST_OMITS := core/string.c core/crash.c core/manage/bringup.c core/own_map.c
# One library an architecture, for what both have under the same name; tests/unit/arm64/ is linked with the second.
host_boot = $(filter-out $(wildcard boot/efi_*.c boot/*/efi_*.c),$(wildcard boot/*.c boot/$(1)/*.c))
host_srcs = $(filter-out $(HOST_OMITS) $(2),$(ALL_COMMON_SRCS) $(call host_boot,$(1))) $(3)
HOST_SRCS = $(call host_srcs,x86,$(X86_OMITS),$(X86_HOST_SRCS))
HOST_OBJS = $(HOST_SRCS:%.c=$(HOST)/%.o)
HOST_ARM64_OBJS = $(patsubst %.c,$(HOST)/%.o,$(call host_srcs,arm64,$(ARM64_OMITS),$(ARM64_HOST_SRCS)))
UNIT_SRCS := $(wildcard tests/unit/test_*.c)
UNIT_ARM64_SRCS := $(wildcard tests/unit/arm64/test_*.c)
UNIT_X86_PROGRAMS := $(UNIT_SRCS:%.c=$(HOST)/%)
UNIT_ARM64_PROGRAMS := $(UNIT_ARM64_SRCS:%.c=$(HOST)/%)
UNIT_PROGRAMS := $(UNIT_X86_PROGRAMS) $(UNIT_ARM64_PROGRAMS)
CHECK_READY := $(call setup-stamp,check)

.SECONDEXPANSION:
$(HOST)/libfairlead.a: $$(HOST_OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)ar rcsD $@ $(HOST_OBJS)

$(HOST)/libfairlead-arm64.a: $$(HOST_ARM64_OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)ar rcsD $@ $(HOST_ARM64_OBJS)

$(HOST)/tests/unit/%.o: tests/unit/%.c tools/host.mk | $(CHECK_READY)
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)
	$(Q)$(HOST_CC) $(HOST_TEST_CFLAGS) -MMD -MP -c -o $@ $<

$(HOST)/%.o: %.c tools/host.mk | $(CHECK_READY)
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -MMD -MP -c -o $@ $<

# The weak arch_*() come first, or the linker would take the real ones, and all they need, from the archive.
$(UNIT_X86_PROGRAMS): %: %.o $(HOST)/libfairlead.a
	$(call say,HOSTLD,$@)
	$(Q)$(HOST_CC) -fsanitize=address,undefined -o $@ $< $(HOST)/core/host_cpu.o $(HOST)/libfairlead.a -lcmocka

$(UNIT_ARM64_PROGRAMS): %: %.o $(HOST)/libfairlead-arm64.a
	$(call say,HOSTLD,$@)
	$(Q)$(HOST_CC) -fsanitize=address,undefined -o $@ $< $(HOST)/core/host_cpu.o $(HOST)/libfairlead-arm64.a \
		-lcmocka -lfdt -lz

-include $(wildcard $(HOST)/*/*.d $(HOST)/*/*/*.d $(HOST)/*/*/*/*.d)

.PHONY: unit
unit: $(UNIT_PROGRAMS)
	@$(PYTHON) tools/run-unit $(UNIT_PROGRAMS)

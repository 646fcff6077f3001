# SPDX-License-Identifier: BSD-2-Clause
# The stress run and the measurements on the host: the same sources as the unit tests, compiled once for each sanitizer, and
# once as released.

comma := ,
STRESS_SRCS := $(wildcard tests/stress/*.c)
STRESS_CFLAGS = -std=gnu17 -O1 -g -fno-omit-frame-pointer -fno-strict-aliasing -DFL_HOST -DFL_DEBUG -Wall -Wextra -Werror \
	-Wno-unused-function -I.
LIFECYCLES ?= 10000
# ThreadSanitizer is slow: `make soak` asks for fewer of it.
TSAN_LIFECYCLES ?= $(LIFECYCLES)
STRESS_SEED ?= 1
# ThreadSanitizer wants its shadow where address-space randomisation does not put anything.
UNRANDOMISED = $(shell setarch -R true 2>/dev/null && echo setarch -R)

STRESS_ALL_SRCS = $(filter-out $(HOST_OMITS),$(COMMON_SRCS)) $(PURE_BOOT_SRCS) $(ARCH_HOST_SRCS) $(STRESS_SRCS)

define STRESS_BUILD
build/stress/$(1)/%.o: %.c tools/stress.mk | $(CHECK_READY)
	@mkdir -p $$(@D)
	$$(call say,STRESS,$$<)
	$$(Q)$(2) $$(STRESS_CFLAGS) -fsanitize=$(3) -MMD -MP -c -o $$@ $$<
build/stress/$(1)/lib.a: $$$$(patsubst %.c,build/stress/$(1)/%.o,$$$$(filter-out tests/%,$$$$(STRESS_ALL_SRCS)))
	$$(Q)rm -f $$@
	$$(Q)ar rcsD $$@ $$^
build/stress/$(1)/stress: $$$$(patsubst %.c,build/stress/$(1)/%.o,$$$$(STRESS_SRCS)) build/stress/$(1)/lib.a
	$$(Q)$(2) -fsanitize=$(3) -o $$@ $$^ -lpthread
-include $$(wildcard build/stress/$(1)/*/*.d build/stress/$(1)/*/*/*.d build/stress/$(1)/*/*/*/*.d)
endef
$(eval $(call STRESS_BUILD,thread,$(CLANG),thread))
$(eval $(call STRESS_BUILD,address,gcc,address$(comma)undefined -fno-sanitize-recover=all))

# Unit tests with threads: the trace ring's readers and its writer; CPUs and a device that sends while its MSI-X table changes;
# requests between the guest's CPUs; what is said once; what the guest's CPUs share; the console; who looks and who works; the invalidation queue; BARs that move.
# The weak arch_*() come first, as in tools/host.mk.
THREAD_TESTS := test_trace test_vpci_msix_threads test_once test_guest_threads test_console_threads test_stop
THREAD_TESTS += test_rendezvous test_vtd_threads test_vpci_threads test_vcpu_request
# Timers, deferred work, kicks and marks between CPUs.
THREAD_TESTS += test_timer_threads test_work test_nmi_threads
build/stress/thread/test_%: tests/unit/test_%.c build/stress/thread/core/host_cpu.o build/stress/thread/lib.a
	$(Q)$(CLANG) $(STRESS_CFLAGS) -Wno-unused-parameter -fsanitize=thread -o $@ $^ -lcmocka -lpthread

# arm64's, with its library: the power of the guest's CPUs; the console.
ARM64_THREAD_TESTS := test_cpus
ARM64_THREAD_TESTS += test_pl011_threads test_smmu_threads
# Interrupts of the guest, from all sides.
ARM64_THREAD_TESTS += test_vgic_threads
build/stress/thread/lib-arm64.a: $$(patsubst %.c,build/stress/thread/%.o,$$(call host_srcs,arm64,$$(ARM64_OMITS),$$(ARM64_HOST_SRCS)))
	$(Q)rm -f $@
	$(Q)ar rcsD $@ $^
build/stress/thread/arm64/test_%: tests/unit/arm64/test_%.c build/stress/thread/core/host_cpu.o build/stress/thread/lib-arm64.a
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(STRESS_CFLAGS) -Wno-unused-parameter -fsanitize=thread -o $@ $^ -lcmocka -lfdt -lz -lpthread
THREAD_PROGRAMS := $(THREAD_TESTS) $(ARM64_THREAD_TESTS:%=arm64/%)

.PHONY: stress
stress: build/stress/thread/stress build/stress/address/stress $(THREAD_PROGRAMS:%=build/stress/thread/%)
	$(call say,STRESS,$(THREAD_PROGRAMS)$(comma) ThreadSanitizer)
	$(Q)for t in $(THREAD_PROGRAMS); do CMOCKA_MESSAGE_OUTPUT=TAP TSAN_OPTIONS=halt_on_error=1 $(UNRANDOMISED) \
		build/stress/thread/$$t || exit 1; done
	$(call say,STRESS,$(TSAN_LIFECYCLES) lifecycles$(comma) ThreadSanitizer)
	$(Q)TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 $(UNRANDOMISED) build/stress/thread/stress \
		--lifecycles $(TSAN_LIFECYCLES) --seed $(STRESS_SEED)
	$(call say,STRESS,$(LIFECYCLES) lifecycles$(comma) AddressSanitizer and UndefinedBehaviorSanitizer)
	$(Q)build/stress/address/stress --lifecycles $(LIFECYCLES) --seed $(STRESS_SEED)

# ---- measurements, of the sources as released ----
BENCH_CFLAGS = -std=gnu17 -O2 -g -fno-strict-aliasing -DFL_HOST -Wall -Wextra -Werror -I.
BENCH_SRCS = $(filter core/%.c core/pagetable/%.c drivers/pci/%.c drivers/iommu/%.c,$(filter-out $(HOST_OMITS),$(COMMON_SRCS)))

build/bench/%.o: %.c tools/stress.mk | $(CHECK_READY)
	@mkdir -p $(@D)
	$(Q)gcc $(BENCH_CFLAGS) -MMD -MP -c -o $@ $<
BENCH_OBJS = $(BENCH_SRCS:%.c=build/bench/%.o)
build/bench/lib.a: $$(BENCH_OBJS)
	$(Q)rm -f $@
	$(Q)ar rcsD $@ $^
build/bench/lookup: build/bench/tests/bench/lookup.o build/bench/lib.a
	$(Q)gcc -o $@ $^ -lpthread
-include $(wildcard build/bench/*/*.d build/bench/*/*/*.d)

.PHONY: bench-lookup
bench-host: bench-lookup
bench-lookup: build/bench/lookup
	$(call say,BENCH,$<)
	$(Q)$<

# SPDX-License-Identifier: BSD-2-Clause
# The checks: linters, both compilers, reproducibility, system tests in their three tiers; for both architectures, whatever ARCH
# is. What is done once for each is a target NAME-ARCH.

ARCHITECTURES := x86 arm64
for-each = $(ARCHITECTURES:%=$(1)-%)
.PHONY: $(foreach target,ready lint-code images,$(call for-each,$(target)))
$(foreach target,ready lint-code images,$(call for-each,$(target))):
	@$(MAKE) --no-print-directory ARCH=$(lastword $(subst -, ,$@)) $(@:-$(lastword $(subst -, ,$@))=)

# What must be there before several things may run at a time.
.PHONY: ready
ready: guest | $(BUILD_READY) $(CHECK_READY)

PYTEST := $(PYTHON) -B -m pytest -p no:cacheprovider -v --durations=0
SHELL_SCRIPTS = tools/setup tools/fetch-foreign tools/fetch-kernel tools/mkinitramfs tools/mkboot .ci/run $(wildcard tools/guest/*)
PYTHON_SCRIPTS = tools/compile-python tools/run-qemu tools/debug tools/run-unit tools/lint-rules tools/trace2perfetto tools/mutate-masks tests/seeded/run tests/model/run $(wildcard tools/*.py tools/fl/*.py \
	tests/system/*.py tests/bench/*.py)

# What clang-14 sees of locks in C, tried out: fields guarded by a class's token, functions that require a token or one
# object's lock, locks left held on a path, the same token twice. With -Wthread-safety-beta also the order of core/lock_order.h,
# but only within a function and what it requires, and only if what a declaration names was declared before it. Not seen: which
# object's lock covers a field, an order through a callee, a token taken twice through a callee; for these there is
# core/lockcheck.c. tests/seeded shows each.
LINT_CLANG = $(CLANG) $(ARCH_CLANG_TARGET) -fsyntax-only -Wthread-safety -Wthread-safety-beta $(CFLAGS)

# Left to the compilers, which see further: uninitvar (cppcheck takes an array filled by memcpy for unset).
# comparePointers: the linker script's symbols are compared on purpose.
.PHONY: lint lint-tree lint-code
lint: lint-tree $(call for-each,lint-code)
lint-tree: | $(CHECK_READY)
	$(call say,LINT,rules of the tree)
	$(Q)$(PYTHON) tools/lint-rules
	$(call say,LINT,shellcheck)
	$(Q)shellcheck $(SHELL_SCRIPTS)
	$(call say,LINT,python)
	$(Q)$(PYTHON) -B tools/compile-python $(PYTHON_SCRIPTS)

lint-code: | $(CHECK_READY) $(BUILD_READY)
	$(call say,LINT,$(ARCH)$(comma) clang with thread-safety analysis)
	$(Q)for debug in -UFL_DEBUG -DFL_DEBUG; do \
		for file in $(COMMON_SRCS) $(PURE_BOOT_SRCS) $(ARCH_SRCS); do \
			$(LINT_CLANG) $$debug $$file || exit 1; done; \
		for file in $(EFI_SRCS); do \
			$(LINT_CLANG) $$debug $(ARCH_EFI_CFLAGS) $(ARCH_EFI_INCLUDE) $$file || exit 1; done; done
	$(call say,LINT,$(ARCH)$(comma) cppcheck)
	$(Q)cppcheck --quiet --std=c11 --platform=unix64 --enable=warning,portability --inline-suppr \
		--error-exitcode=1 --suppress=missingIncludeSystem --suppress=unknownMacro -I. \
		--suppress=preprocessorErrorDirective --suppress=comparePointers --suppress=uninitvar \
		$(COMMON_SRCS) $(PURE_BOOT_SRCS) $(ARCH_SRCS)

.PHONY: format
format: | $(call setup-stamp,format)
	@$(firstword $(shell command -v clang-format-14 clang-format) clang-format) --dry-run \
		$(wildcard core/*.[ch] core/*/*.[ch] drivers/*/*.[ch] drivers/*/*/*.[ch] boot/*.[ch] arch/*/*.[ch] \
		arch/*/*/*.[ch] tests/*/*.[ch])

# The same sources in another folder have to give the same bytes.
.PHONY: repro
repro: both-compilers
	$(call say,REPRO,$(B)/fairlead.efi)
	$(Q)work=$$(mktemp -d) && trap 'rm -rf "$$work"' EXIT && \
	cp -r Makefile arch boot core drivers tools "$$work" && \
	mkdir "$$work/build" && ln -s "$(CURDIR)/build/arm64-root" "$$work/build/" && \
	$(MAKE) --no-print-directory -s -C "$$work" SETUP=no B=elsewhere CC=$(CC) elsewhere/fairlead.efi && \
	cmp $(B)/fairlead.efi "$$work/elsewhere/fairlead.efi"

.PHONY: both-compilers
both-compilers:
	@$(MAKE) --no-print-directory CC=gcc all
	@$(MAKE) --no-print-directory CC=clang all

.PHONY: images
images: repro debug-image

# With self-checks: the oracle, the lock checker, who holds what.
.PHONY: debug-image
debug-image:
	@$(MAKE) --no-print-directory CC=gcc DEBUG=1 all

# The rules of the object model, searched exhaustively by spin; each has a mutant that breaks it. `make soak` takes the large
# configurations as well.
.PHONY: model model-large
model: | $(CHECK_READY)
	$(call say,MODEL,tests/model)
	$(Q)$(PYTHON) -B tests/model/run
model-large: | $(CHECK_READY)
	$(call say,MODEL,tests/model --large)
	$(Q)$(PYTHON) -B tests/model/run --large
soak: model-large
check-full: mutate-code

# One machine runs at a time: the tests measure it. Everything before them may use all CPUs.
.PHONY: check check-full soak check-host
check-host: lint unit model seeded stress mutate-rows $(call for-each,images)

check check-full soak: $(call for-each,ready)
	@start=$$(date +%s); \
	$(MAKE) --no-print-directory -j$$(nproc) check-host ARCH=x86 LIFECYCLES=$(LIFECYCLES) TSAN_LIFECYCLES=$(TSAN_LIFECYCLES) || exit 1; \
	$(PYTEST) tests/system -m "$(TIER)"; status=$$?; \
	seconds=$$(($$(date +%s) - start)); \
	echo "make $@: $$((seconds / 60)) min $$((seconds % 60)) s"; \
	exit $$status
check: TIER = not full and not soak
check-full: TIER = not soak
soak: TIER = soak
soak: LIFECYCLES = 1000000
soak: TSAN_LIFECYCLES = 100000

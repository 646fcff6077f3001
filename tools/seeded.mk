# SPDX-License-Identifier: BSD-2-Clause
# Seeded breaches of the locking rules, and the measurement behind "no reader-writer lock".

.PHONY: seeded
seeded: $(HOST)/core/host_cpu.o $(HOST)/libfairlead.a
	$(call say,SEEDED,tests/seeded)
	$(Q)$(PYTHON) -B tests/seeded/run --clang $(CLANG) --cc $(HOST_CC) --library $^

$(HOST)/bench/rwlock: tests/bench/rwlock.c core/lock.c core/lock.h | $(BUILD_READY)
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)
	$(Q)$(HOST_CC) -std=gnu17 -O2 -DFL_HOST $(WARNINGS) -I. -o $@ tests/bench/rwlock.c core/lock.c -lpthread

.PHONY: bench-rwlock bench-host
bench-host: bench-rwlock
bench-rwlock: $(HOST)/bench/rwlock
	$(call say,BENCH,$<)
	$(Q)$<

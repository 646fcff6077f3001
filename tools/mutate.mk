# SPDX-License-Identifier: BSD-2-Clause
# Mutation of the masks in the register tables: each wrong bit has to make a test of tests/spec fail. The rows pass through
# tests/spec/mutate.c on their way in, by the linker's doing: the sources do not know.

$(HOST)/tests/spec/mutate.o: tests/spec/mutate.c tools/mutate.mk | $(CHECK_READY)
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)
	$(Q)$(HOST_CC) $(HOST_TEST_CFLAGS) -MMD -MP -c -o $@ $<

$(HOST)/tests/spec/mutate: $(HOST)/tests/spec/mutate.o $(HOST)/libfairlead.a
	$(call say,HOSTLD,$@)
	$(Q)$(HOST_CC) -fsanitize=address,undefined -Wl,--wrap=vpci_add_row,--wrap=vpci_add_rows -o $@ $< \
		$(HOST)/core/host_cpu.o $(HOST)/libfairlead.a -lcmocka

.PHONY: mutate mutate-rows
mutate: mutate-rows
mutate-rows: $(HOST)/tests/spec/mutate
	$(call say,MUTATE,rows of drivers/vpci)
	$(Q)$(PYTHON) -B tools/mutate-masks rows --program $<

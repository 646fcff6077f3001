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

# The rows take 13 seconds; masks in the code 4 to 5 minutes (make check-full).
.PHONY: mutate mutate-rows mutate-code
mutate: mutate-rows mutate-code
mutate-rows: $(HOST)/tests/spec/mutate
	$(call say,MUTATE,rows of drivers/vpci)
	$(Q)$(PYTHON) -B tools/mutate-masks rows --program $<
mutate-code: $(UNIT_PROGRAMS)
	$(call say,MUTATE,masks in the code)
	$(Q)$(PYTHON) -B tools/mutate-masks code --host $(HOST) --cc "$(HOST_CC) $(HOST_TEST_CFLAGS)"

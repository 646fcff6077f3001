# SPDX-License-Identifier: BSD-2-Clause
# Measurements on the machine: counts, not times.

.PHONY: bench
bench: $(B)/fairlead.efi guest | $(CHECK_READY)
	@mkdir -p build/bench
	$(Q)$(PYTHON) tests/bench/exits.py --arch $(ARCH) --efi $(B)/fairlead.efi --json build/bench/exits$(if $(filter-out x86,$(ARCH)),-$(ARCH)).json
ifeq ($(ARCH),x86)
	$(Q)$(PYTHON) tests/bench/ipi.py --efi $(B)/fairlead.efi --json build/bench/ipi.json
endif

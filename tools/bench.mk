# SPDX-License-Identifier: BSD-2-Clause
# Measurements on the machine: counts, not times.

.PHONY: bench
bench: $(B)/fairlead.efi guest | $(CHECK_READY)
	@mkdir -p build/bench
	$(Q)$(PYTHON) tests/bench/exits.py --efi $(B)/fairlead.efi --json build/bench/exits.json
	$(Q)$(PYTHON) tests/bench/ipi.py --efi $(B)/fairlead.efi --json build/bench/ipi.json

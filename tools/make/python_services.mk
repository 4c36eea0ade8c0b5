# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Real Python frameworks under load, each with each cause: `make python-services` (root, minutes).

.PHONY: python-services
python-services: $(B)/seep
	$(Q)tests/python_services/run --build $(B)

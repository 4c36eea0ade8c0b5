# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Scripted behaviours and the verdicts on them: `make verdicts` runs the table (root, minutes).

VERDICT_SOURCES := $(sort $(wildcard tests/verdicts/*.c))

$(B)/verdicts/behaviours: $(VERDICT_SOURCES) tests/verdicts/behaviour.h
	@mkdir -p $(dir $@)
	$(call say,LD,$@)$(CC) -std=gnu11 $(WARN) -D_GNU_SOURCE -O1 -g -fno-builtin-malloc -o $@ $(VERDICT_SOURCES) -lm -pthread

.PHONY: verdicts
verdicts: $(B)/seep $(B)/verdicts/behaviours
	$(Q)tests/verdicts/run --build $(B)

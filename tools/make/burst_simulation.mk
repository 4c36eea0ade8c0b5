# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Sites traced in bursts, simulated: how often the estimate's interval holds the truth.

$(B)/burst-simulation: tools/burst_simulation.c tests/unit/burst_world.h $(B)/libseep.a
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(B)/libseep.a -lm

.PHONY: burst-simulation
burst-simulation: $(B)/burst-simulation
	$(Q)$(B)/burst-simulation

-include $(B)/burst-simulation.d

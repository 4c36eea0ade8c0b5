# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The time that naming addresses takes: $(B)/bench-symbols FILE...

$(B)/bench-symbols: tools/bench_symbols.c $(B)/libseep.a
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(B)/libseep.a $(LDFLAGS) $(LIBS)

-include $(B)/bench-symbols.d

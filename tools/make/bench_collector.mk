# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The collector alone: events a second, bytes a block. Needs no kernel side.

BENCH_COLLECTOR_SOURCES := tools/bench_collector.c user/ingest/decode.c \
	$(wildcard user/heap/*.c user/base/*.c)
BENCH_COLLECTOR_OBJECTS := $(BENCH_COLLECTOR_SOURCES:%.c=$(B)/%.o)

$(B)/tools/%.o: tools/%.c
	@mkdir -p $(dir $@)
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/bench-collector: $(BENCH_COLLECTOR_OBJECTS)
	$(call say,LD,$@)$(CC) $(ALL_CFLAGS) -o $@ $^ -lm

-include $(B)/tools/bench_collector.d

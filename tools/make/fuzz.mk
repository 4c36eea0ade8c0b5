# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Fuzzing: each tests/fuzz/fuzz_*.c is a libFuzzer target, linked with the library built by
# clang with sanitizers and coverage. `make fuzz` runs each for FUZZ_SECONDS, from the seeds in
# tests/fuzz/corpus; what it learns stays in $(B)/fuzz/corpus, and an input that fails in
# $(B)/fuzz/NAME-crash-*. `make fuzz-keep` merges what is worth keeping into the seeds, and
# `make fuzz-replay` runs the seeds alone, in the unit tests' build.

FUZZ_SECONDS ?= 20
FUZZ_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FUZZ_SOURCES := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_NAMES := $(FUZZ_SOURCES:tests/fuzz/%.c=%)
FUZZ_PROGRAMS := $(FUZZ_NAMES:%=$(B)/fuzz/%)
REPLAY_PROGRAMS := $(FUZZ_NAMES:%=$(B)/replay/%)
FUZZ_LIB_OBJECTS := $(LIB_SOURCES:%.c=$(B)/fuzz/%.o)

# What one input may cost; debug information has a budget of 10 s of its own.
FUZZ_LIMITS := -timeout=5 -rss_limit_mb=1024 -max_len=16384
FUZZ_LIMITS_fuzz_symbols := -timeout=25
FUZZ_LIMITS_fuzz_capture := -max_len=262144

$(B)/fuzz/%.o: %.c | $(GENERATED)
	@mkdir -p $(dir $@)
	$(call say,CC,"$< (fuzz)")$(CLANG) $(ALL_CFLAGS) -O1 $(FUZZ_SANITIZE) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(B)/libseep-fuzz.a: $(FUZZ_LIB_OBJECTS)
	$(call say,AR,$@)rm -f $@ && ar rcs $@ $^

$(FUZZ_PROGRAMS): $(B)/fuzz/%: tests/fuzz/%.c $(B)/libseep-fuzz.a
	@mkdir -p $(dir $@)
	$(call say,FUZZ,$<)$(CLANG) $(ALL_CFLAGS) -O1 $(FUZZ_SANITIZE) -fsanitize=fuzzer -MMD -MP -MF $@.d -o $@ $< $(B)/libseep-fuzz.a $(LIBS)

$(REPLAY_PROGRAMS): $(B)/replay/%: tests/fuzz/%.c tests/fuzz/replay.c $(B)/libseep-asan.a
	@mkdir -p $(dir $@)
	$(call say,FUZZ,"$< (replay)")$(CC) $(ALL_CFLAGS) -O1 $(SANITIZE) -o $@ $^ $(LIBS)

# One at a time: a target is measured by what it reaches in its time.
define fuzz_one
mkdir -p $(B)/fuzz/corpus/$(1) && echo "  FUZZ  $(1) for $(FUZZ_SECONDS) s" && \
	{ $(B)/fuzz/$(1) -max_total_time=$(FUZZ_SECONDS) $(FUZZ_LIMITS) $(FUZZ_LIMITS_$(1)) -print_final_stats=1 \
		-artifact_prefix=$(B)/fuzz/$(1)- $(B)/fuzz/corpus/$(1) $(wildcard tests/fuzz/corpus/$(1)) \
		>$(B)/fuzz/$(1).log 2>&1 || { tail -40 $(B)/fuzz/$(1).log; exit 1; }; } && \
	grep -hE 'number_of_executed|slowest_unit|peak_rss' $(B)/fuzz/$(1).log
endef

.PHONY: fuzz fuzz-keep fuzz-replay
fuzz: $(FUZZ_PROGRAMS)
	$(Q)$(foreach name,$(FUZZ_NAMES),$(call fuzz_one,$(name)) &&) true

fuzz-keep: $(FUZZ_PROGRAMS)
	$(Q)for name in $(FUZZ_NAMES); do \
		mkdir -p tests/fuzz/corpus/$$name $(B)/fuzz/corpus/$$name; \
		$(B)/fuzz/$$name -merge=1 -use_counters=0 tests/fuzz/corpus/$$name $(B)/fuzz/corpus/$$name >$(B)/fuzz/$$name.merge 2>&1 || \
			{ tail -20 $(B)/fuzz/$$name.merge; exit 1; }; \
	done

fuzz-replay: $(REPLAY_PROGRAMS)
	$(Q)tests/fuzz/run $(REPLAY_PROGRAMS)

-include $(FUZZ_PROGRAMS:%=%.d) $(FUZZ_LIB_OBJECTS:.o=.d)

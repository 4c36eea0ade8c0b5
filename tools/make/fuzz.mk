# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Fuzzing: each tests/fuzz/fuzz_*.c is a libFuzzer target, linked with the library built by
# clang with sanitizers and coverage. `make fuzz` runs each for FUZZ_SECONDS; what it has
# learned stays in $(B)/fuzz/corpus, and an input that fails in $(B)/fuzz/NAME-crash-*.

FUZZ_SECONDS ?= 20
FUZZ_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FUZZ_SOURCES := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_PROGRAMS := $(FUZZ_SOURCES:tests/fuzz/%.c=$(B)/fuzz/%)
FUZZ_LIB_OBJECTS := $(LIB_SOURCES:%.c=$(B)/fuzz/%.o)

$(B)/fuzz/%.o: %.c | $(GENERATED)
	@mkdir -p $(dir $@)
	$(call say,CC,"$< (fuzz)")$(CLANG) $(ALL_CFLAGS) -O1 $(FUZZ_SANITIZE) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(B)/libseep-fuzz.a: $(FUZZ_LIB_OBJECTS)
	$(call say,AR,$@)rm -f $@ && ar rcs $@ $^

$(FUZZ_PROGRAMS): $(B)/fuzz/%: tests/fuzz/%.c $(B)/libseep-fuzz.a
	@mkdir -p $(dir $@)
	$(call say,FUZZ,$<)$(CLANG) $(ALL_CFLAGS) -O1 $(FUZZ_SANITIZE) -fsanitize=fuzzer -MMD -MP -MF $@.d -o $@ $< $(B)/libseep-fuzz.a $(LIBS)

.PHONY: fuzz
fuzz: $(FUZZ_PROGRAMS)
	$(Q)for program in $(FUZZ_PROGRAMS); do \
		name=$${program##*/}; corpus=$(B)/fuzz/corpus/$$name; mkdir -p $$corpus; \
		echo "  FUZZ  $$name for $(FUZZ_SECONDS) s"; \
		$$program -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 \
			-print_final_stats=1 -artifact_prefix=$(B)/fuzz/$$name- $$corpus \
			>$(B)/fuzz/$$name.log 2>&1 || { tail -40 $(B)/fuzz/$$name.log; exit 1; }; \
		grep -h number_of_executed_units $(B)/fuzz/$$name.log; \
	done

-include $(FUZZ_PROGRAMS:%=%.d) $(FUZZ_LIB_OBJECTS:.o=.d)

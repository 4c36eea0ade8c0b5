# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# seep's stacks against libdw's and gdb's, on threads stopped at an allocation. `make truth`
# is all of it, `make truth-quick` what CI runs. x86_64 only: the witness knows its registers.

TRUTH_SOURCES := $(sort $(wildcard tests/truth/*.c))
TRUTH_OBJECTS := $(patsubst tests/truth/%.c,$(B)/truth/%.o,\
	$(filter-out %.bpf.c tests/truth/churn.c,$(TRUTH_SOURCES)))
TRUTH_PROGRAMS := $(B)/truth/compare $(B)/truth/churn $(B)/truth/churn-cxx

$(B)/truth/witness.bpf.o: tests/truth/witness.bpf.c
	@mkdir -p $(dir $@)
	$(call say,BPF,$<)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/witness.bpf.o: $(B)/truth/witness.bpf.o
	$(call say,LINK,$@)$(BPFTOOL) gen object $@ $^

$(B)/truth/%.o: tests/truth/%.c | $(B)/witness.skel.h
	@mkdir -p $(dir $@)
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The places at which it looks on: where seep attaches probes, tells the kernel of mappings, and
# takes records.
TRUTH_WRAP := -Wl,--wrap=link_multi,--wrap=unwind_spaces_set,--wrap=decode_record,--wrap=kernel_poll
$(B)/truth/compare: $(TRUTH_OBJECTS) $(B)/libseep.a
	$(call say,LD,$@)$(CC) $(ALL_CFLAGS) $(TRUTH_WRAP) -o $@ $^ $(LDFLAGS) $(LIBS)

$(B)/truth/churn: tests/truth/churn.c $(STACK_HEADERS)
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(CC) $(STACK_FLAGS) -o $@ $<

$(B)/truth/churn-cxx: tests/truth/churn.cc
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(CXX) -std=c++17 $(STACK_FLAGS) -o $@ $<

.PHONY: truth truth-quick truth-programs
truth-programs: $(TRUTH_PROGRAMS)

truth: $(TRUTH_PROGRAMS) fixtures
	$(Q)tests/truth/run --build $(B)

truth-quick: $(TRUTH_PROGRAMS) fixtures
	$(Q)tests/truth/run --build $(B) --quick

.SECONDARY: $(B)/witness.bpf.o $(B)/witness.skel.h

-include $(TRUTH_OBJECTS:.o=.d) $(B)/truth/witness.bpf.d

# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The kernel side: each bpf/*.bpf.c is compiled, all are linked into one object, and its
# skeleton is what user/ includes. bpf/features/ is an object of its own, and so is each of
# bpf/triage/: they run where there is no tracer.

BPF_SOURCES := $(sort $(wildcard bpf/*.bpf.c))
BPF_OBJECTS := $(BPF_SOURCES:%.c=$(B)/%.o)
BPF_CFLAGS := -g -O2 -target bpf -D__TARGET_ARCH_$(BPF_ARCH) $(BPF_EXTRA) -Ivmlinux -Ibpf \
	-Wall -Werror -Wno-gnu-variable-sized-type-not-at-end
TRIAGE_SOURCES := $(sort $(wildcard bpf/triage/*.bpf.c))
TRIAGE_NAMES := $(TRIAGE_SOURCES:bpf/triage/%.bpf.c=%)
TRIAGE_SKELETONS := $(TRIAGE_NAMES:%=$(B)/%.skel.h)
GENERATED += $(B)/tracer.skel.h $(B)/early.skel.h $(B)/trial.skel.h $(TRIAGE_SKELETONS)

# The same for kernels that have no bpf_find_vma, and do not load what could call it.
EARLY_OBJECTS := $(BPF_SOURCES:%.c=$(B)/early/%.o)

$(B)/bpf/%.o: bpf/%.c
	@mkdir -p $(dir $@)
	$(call say,BPF,$<)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/early/bpf/%.o: bpf/%.c
	@mkdir -p $(dir $@)
	$(call say,BPF,"$< (early kernels)")$(CLANG) $(BPF_CFLAGS) -DEARLY_KERNELS -MMD -MP -c -o $@ $<

$(B)/early.bpf.o: $(EARLY_OBJECTS)
	$(call say,LINK,$@)$(BPFTOOL) gen object $@ $^

$(B)/tracer.bpf.o: $(BPF_OBJECTS)
	$(call say,LINK,$@)$(BPFTOOL) gen object $@ $^

$(B)/trial.bpf.o: $(B)/bpf/features/trial.bpf.o
	$(call say,LINK,$@)$(BPFTOOL) gen object $@ $^

$(TRIAGE_NAMES:%=$(B)/%.bpf.o): $(B)/%.bpf.o: $(B)/bpf/triage/%.bpf.o
	$(call say,LINK,$@)$(BPFTOOL) gen object $@ $^

$(B)/%.skel.h: $(B)/%.bpf.o
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name $*_bpf > $@.tmp && mv $@.tmp $@

.SECONDARY: $(B)/tracer.bpf.o $(B)/early.bpf.o $(B)/trial.bpf.o $(B)/tracer.skel.h \
	$(B)/early.skel.h $(B)/trial.skel.h $(TRIAGE_NAMES:%=$(B)/%.bpf.o) $(TRIAGE_SKELETONS)

-include $(BPF_OBJECTS:.o=.d) $(EARLY_OBJECTS:.o=.d) $(B)/bpf/features/trial.bpf.d \
	$(TRIAGE_NAMES:%=$(B)/bpf/triage/%.bpf.d)

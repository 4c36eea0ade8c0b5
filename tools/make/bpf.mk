# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The kernel side: each bpf/*.bpf.c is compiled, all are linked into one object, and its
# skeleton is what user/ includes.

BPF_SOURCES := $(sort $(wildcard bpf/*.bpf.c))
BPF_OBJECTS := $(BPF_SOURCES:%.c=$(B)/%.o)
BPF_CFLAGS := -g -O2 -target bpf -D__TARGET_ARCH_$(BPF_ARCH) $(BPF_EXTRA) -Ivmlinux -Ibpf -Wall -Werror
GENERATED := $(B)/seep.skel.h

$(B)/bpf/%.o: bpf/%.c
	@mkdir -p $(dir $@)
	$(call say,BPF,$<)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/seep.bpf.o: $(BPF_OBJECTS)
	$(call say,LINK,$@)$(BPFTOOL) gen object $@ $^

$(B)/seep.skel.h: $(B)/seep.bpf.o
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name seep > $@.tmp && mv $@.tmp $@

-include $(BPF_OBJECTS:.o=.d)

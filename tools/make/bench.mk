# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What tools/bench/run measures with: bench-floor sets probes that do nothing, malloc_loop is
# what is probed, with frame pointers, since the table is about walking by them.

BENCH_PROGRAMS := $(B)/bench-floor $(B)/bench-collector $(B)/bench-symbols $(B)/bench/malloc_loop \
	$(B)/bench/llvm_loop $(B)/bench-unwind-table $(B)/bench-unwind-host $(B)/fixtures/planted.so

.PHONY: bench-programs
bench-programs: $(BENCH_PROGRAMS)

$(B)/bench/floor.bpf.o: tools/bench/floor.bpf.c
	@mkdir -p $(dir $@)
	$(call say,BPF,$<)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/floor.bpf.o: $(B)/bench/floor.bpf.o
	$(call say,LINK,$@)$(BPFTOOL) gen object $@ $^

$(B)/bench-floor: tools/bench/floor.c $(B)/floor.skel.h $(B)/libseep.a
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(B)/libseep.a $(LDFLAGS) $(LIBS)

$(B)/bench/malloc_loop: tools/bench/malloc_loop.c
	@mkdir -p $(dir $@)
	$(call say,CC,$<)$(CC) -O1 -g -fno-omit-frame-pointer -fno-optimize-sibling-calls -fno-builtin \
		-Wl,-rpath,'$$ORIGIN/libraries' -o $@ $<

$(B)/bench/llvm_loop: tools/bench/llvm_loop.c
	@mkdir -p $(dir $@)
	$(call say,CC,$<)$(CC) -O1 -g -o $@ $< -ldl

.SECONDARY: $(B)/floor.bpf.o $(B)/floor.skel.h

-include $(B)/bench-floor.d $(B)/bench/floor.bpf.d

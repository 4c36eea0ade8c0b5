# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What the report formats generate: pprof's messages, and the flame graph page. The page
# needs npm and, once, the network; without them `seep report --format html` says so.

PPROF_GENERATED := $(B)/report/pprof.pb-c.c
PAGE_GENERATED := $(B)/report/flamegraph_page.h
GENERATED += $(PPROF_GENERATED) $(PAGE_GENERATED)
# Rules that were read before this file know nothing of the line above.
$(B)/user/report/pprof.o $(B)/asan/user/report/pprof.o $(B)/fuzz/user/report/pprof.o: | $(PPROF_GENERATED)
$(B)/user/report/html.o $(B)/asan/user/report/html.o $(B)/fuzz/user/report/html.o: | $(PAGE_GENERATED)

$(PPROF_GENERATED): user/report/pprof.proto
	@mkdir -p $(dir $@)
	$(call say,PROTO,$<)protoc-c --proto_path=$(dir $<) --c_out=$(dir $@) $<

PAGE_SOURCES := $(wildcard tools/flamegraph/*.json tools/flamegraph/page.* tools/flamegraph/build.mjs)
$(PAGE_GENERATED): $(PAGE_SOURCES)
	@mkdir -p $(dir $@) $(B)/flamegraph
	$(call say,PAGE,$@)tools/flamegraph/build $(B)/flamegraph $@

# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Live tests: tiny programs with known leaks, one source built once an allocator family.

FIXTURE_FLAGS := -O1 -g -Wall -Wextra -fno-omit-frame-pointer -fno-optimize-sibling-calls \
	-fno-builtin -pthread -Wno-unused-result -Wno-use-after-free -Wno-alloc-size-larger-than
F := $(B)/fixtures

# program-family: entries-jemalloc is tests/fixtures/entries.c with jemalloc
FAMILY_SOURCES := entries realloc threads retain
FAMILIES := glibc plain static jemalloc tcmalloc mimalloc
FAMILY_glibc := -DHAVE_PVALLOC
FAMILY_plain :=
FAMILY_static := -static -DHAVE_PVALLOC
FAMILY_jemalloc := -Wl,--no-as-needed -ljemalloc
FAMILY_tcmalloc := -Wl,--no-as-needed -ltcmalloc_minimal
FAMILY_mimalloc := -Wl,--no-as-needed -lmimalloc
MUSL_GCC := $(shell command -v musl-gcc 2>/dev/null)
RUSTC := $(shell command -v rustc 2>/dev/null)

PLAIN_FIXTURES := process late mapping blocks lost abandon pair hungry grower sessions leaping jit
CXX_FAMILIES := glibc jemalloc tcmalloc mimalloc

# Stacks without frame pointers.
STACK_FLAGS := -O2 -g -fomit-frame-pointer -fasynchronous-unwind-tables -Wall -Wextra \
	-fno-optimize-sibling-calls -fno-builtin -pthread -D_GNU_SOURCE
STACK_HEADERS := tests/fixtures/chain.h tests/fixtures/links.h tests/fixtures/fixture.h
STACK_FIXTURES := $(addprefix $(F)/,stacks stacks.so stacks-stripped stacks-static stacks-cxx broken \
	damaged_library.so mappings mappings-first.so mappings-second.so)
ifneq ($(MUSL_GCC),)
STACK_FIXTURES += $(F)/stacks-musl $(F)/stacks-musl-static
endif

FIXTURES := $(foreach s,$(FAMILY_SOURCES),$(FAMILIES:%=$(F)/$(s)-%)) \
	$(CXX_FAMILIES:%=$(F)/cxx-%) $(PLAIN_FIXTURES:%=$(F)/%) $(F)/service $(F)/lost-sanitized \
	$(F)/custom $(F)/acme.so $(F)/late_library.so $(F)/prefixed.so $(F)/wrapper.so $(F)/pair_library.so $(F)/planted.so
ifneq ($(MUSL_GCC),)
FIXTURES += $(foreach s,$(FAMILY_SOURCES),$(F)/$(s)-musl $(F)/$(s)-musl-static)
endif
FIXTURES += $(STACK_FIXTURES)
ifneq ($(RUSTC),)
FIXTURES += $(F)/leak-rust
endif

.PHONY: fixtures live
fixtures: $(FIXTURES)

# make live T='threads.*': only those tests
# Live tests at a time; they wait most of the time.
LIVE_JOBS ?= 3

live: fixtures $(B)/seep
	$(Q)tests/live/run -j $(LIVE_JOBS) --build $(B) $(T)

define family_rule
$(F)/%-$(1): tests/fixtures/%.c tests/fixtures/fixture.h
	@mkdir -p $$(dir $$@)
	$$(call say,FIX,$$@)$(CC) $(FIXTURE_FLAGS) -D_GNU_SOURCE -o $$@ $$< $(FAMILY_$(1))
endef
$(foreach f,$(FAMILIES),$(eval $(call family_rule,$(f))))

$(F)/%-musl: tests/fixtures/%.c tests/fixtures/fixture.h
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(MUSL_GCC) $(FIXTURE_FLAGS) -D_GNU_SOURCE -o $@ $<

$(F)/%-musl-static: tests/fixtures/%.c tests/fixtures/fixture.h
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(MUSL_GCC) $(FIXTURE_FLAGS) -D_GNU_SOURCE -static -o $@ $<

$(F)/cxx-%: tests/fixtures/cxx.cc tests/fixtures/fixture.h
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(CXX) -std=c++17 $(FIXTURE_FLAGS) -o $@ $< $(FAMILY_$*)

$(F)/stacks: tests/fixtures/stacks.c $(STACK_HEADERS)
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(CC) $(STACK_FLAGS) -o $@ $<

$(F)/stacks.so: tests/fixtures/stacks.c $(STACK_HEADERS)
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(CC) $(STACK_FLAGS) -DLIBRARY -fPIC -shared -o $@ $<

$(F)/broken: tests/fixtures/broken.c $(STACK_HEADERS)
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(CC) $(STACK_FLAGS) -o $@ $<

$(F)/damaged_library.so: tests/fixtures/damaged_library.c
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(CC) $(STACK_FLAGS) -fPIC -shared -o $@ $<

$(F)/mappings: tests/fixtures/mappings.c tests/fixtures/fixture.h
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(CC) $(STACK_FLAGS) -o $@ $<

$(F)/mappings-first.so: tests/fixtures/mappings_library.c
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(CC) $(STACK_FLAGS) -fPIC -shared -o $@ $<

$(F)/mappings-second.so: tests/fixtures/mappings_library.c
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(CC) $(STACK_FLAGS) -DSECOND -fPIC -shared -o $@ $<

# The same code, so that addresses are those of the twin that has symbols.
$(F)/stacks-stripped: $(F)/stacks
	$(call say,STRIP,$@)strip --strip-all -o $@ $<

# dlopen needs the shared libraries: not of use in a static program.
$(F)/stacks-static: tests/fixtures/stacks.c $(STACK_HEADERS)
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(CC) $(STACK_FLAGS) -DNO_LIBRARY -static -o $@ $<

STACK_MUSL := tests/fixtures/stacks.c tests/fixtures/find_object.c
$(F)/stacks-musl: $(STACK_MUSL) $(STACK_HEADERS)
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(MUSL_GCC) $(STACK_FLAGS) -Wl,--eh-frame-hdr -o $@ $(STACK_MUSL)

$(F)/stacks-musl-static: $(STACK_MUSL) $(STACK_HEADERS)
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(MUSL_GCC) $(STACK_FLAGS) -Wl,--eh-frame-hdr -static -o $@ $(STACK_MUSL)

$(F)/stacks-cxx: tests/fixtures/stacks.cc $(STACK_HEADERS)
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(CXX) -std=c++17 $(STACK_FLAGS) -o $@ $<

$(F)/service: tests/fixtures/service.cc
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(CXX) -std=c++17 -O2 -g -fno-omit-frame-pointer -o $@ $<

# The same program by the compiler's own leak checker.
$(F)/lost-sanitized: tests/fixtures/lost.c tests/fixtures/fixture.h
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(CC) $(FIXTURE_FLAGS) -D_GNU_SOURCE -fsanitize=leak -o $@ $<

$(F)/acme.so: tests/fixtures/prefixed.c
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(CC) $(FIXTURE_FLAGS) -DPREFIX=acme_ -fPIC -shared -o $@ $<

$(F)/%.so: tests/fixtures/%.c
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(CC) $(FIXTURE_FLAGS) -D_GNU_SOURCE -fPIC -shared -o $@ $<

$(F)/abandon: tests/fixtures/abandon.c tests/fixtures/fixture.h $(F)/prefixed.so
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(CC) $(FIXTURE_FLAGS) -D_GNU_SOURCE -o $@ $< $(F)/prefixed.so -Wl,-rpath,'$$ORIGIN'

$(F)/custom: tests/fixtures/custom.c tests/fixtures/fixture.h $(F)/acme.so
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(CC) $(FIXTURE_FLAGS) -D_GNU_SOURCE -o $@ $< $(F)/acme.so -Wl,-rpath,'$$ORIGIN'

$(F)/pair: tests/fixtures/pair.c tests/fixtures/fixture.h $(F)/pair_library.so
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(CC) $(FIXTURE_FLAGS) -D_GNU_SOURCE -o $@ $< $(F)/pair_library.so -Wl,-rpath,'$$ORIGIN'

$(F)/leak-rust: tests/fixtures/leak.rs
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)MAKEFLAGS= $(RUSTC) --edition 2021 -C opt-level=1 -C force-frame-pointers=yes -g -o $@ $<

$(F)/%: tests/fixtures/%.c tests/fixtures/fixture.h
	@mkdir -p $(dir $@)
	$(call say,FIX,$@)$(CC) $(FIXTURE_FLAGS) -D_GNU_SOURCE -o $@ $<

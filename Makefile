# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# All outputs go to $(B). `make V=1` shows whole command lines.

B ?= build
PREFIX ?= /usr/local
DESTDIR ?=
CC ?= cc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
LLVM_STRIP ?= llvm-strip
VERSION := 0.1.0

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2);)

MACHINE := $(shell uname -m)
BPF_ARCH := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(MACHINE)))

WARN := -Wall -Wextra -Wno-unused-parameter $(if $(WERROR),-Werror)
CFLAGS ?= -O2 -g
ALL_CFLAGS := -std=gnu11 $(WARN) $(CFLAGS) -D_GNU_SOURCE -DSEEP_VERSION='"$(VERSION)"' -Iuser -I$(B)
LIBS := -lbpf -ldw -lelf -lz -llzma -lZydis -lsqlite3 -ljansson -lprotobuf-c -liberty -linih \
	-lncursesw -ltinfo -lm -pthread

# Everything under user/ but the commands is the library that the tests link too.
LIB_SOURCES := $(sort $(wildcard user/*/*.c))
MAIN_SOURCES := $(sort $(wildcard user/*.c))
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(B)/%.o)
MAIN_OBJECTS := $(MAIN_SOURCES:%.c=$(B)/%.o)

# What a command that failed has left half written is not taken for done.
.DELETE_ON_ERROR:

.PHONY: all
all: $(B)/seep

include tools/make/bpf.mk
include $(sort $(filter-out tools/make/bpf.mk,$(wildcard tools/make/*.mk)))

$(B)/seep: $(MAIN_OBJECTS) $(B)/libseep.a
	$(call say,LD,$@)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDFLAGS) $(LIBS)

$(B)/libseep.a: $(LIB_OBJECTS)
	$(call say,AR,$@)rm -f $@ && ar rcs $@ $^

$(B)/%.o: %.c | $(GENERATED)
	@mkdir -p $(dir $@)
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

.PHONY: clean
clean:
	rm -rf $(B)

-include $(patsubst %.o,%.d,$(LIB_OBJECTS) $(MAIN_OBJECTS))

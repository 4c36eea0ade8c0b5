# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Unwind tables against libdw ($(B)/cfi-check FILE...), and how long they take to build
# ($(B)/bench-unwind-table FILE...).

CFI_SOURCES := $(wildcard user/stack/cfi_*.c) $(wildcard user/stack/table_*.c) \
	user/stack/unwind_table.c user/stack/elf_open.c user/base/hashmap.c user/base/log.c
CFI_OBJECTS := $(CFI_SOURCES:%.c=$(B)/%.o)

$(B)/cfi-check: tools/cfi_check.c $(CFI_OBJECTS)
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(CFI_OBJECTS) $(LDFLAGS) -ldw -lelf -lZydis

$(B)/bench-unwind-table: tools/bench_unwind_table.c $(CFI_OBJECTS)
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(CFI_OBJECTS) $(LDFLAGS) -ldw -lelf

-include $(B)/cfi-check.d $(B)/bench-unwind-table.d

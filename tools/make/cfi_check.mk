# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Unwind tables against libdw ($(B)/cfi-check FILE...), and how long they take to build
# ($(B)/bench-unwind-table FILE...).

$(B)/cfi-check: tools/cfi_check.c $(B)/libseep.a
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(B)/libseep.a $(LDFLAGS) -ldw -lelf -lZydis

$(B)/bench-unwind-table: tools/bench_unwind_table.c $(B)/libseep.a
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(B)/libseep.a $(LDFLAGS) -ldw -lelf -lZydis

-include $(B)/cfi-check.d $(B)/bench-unwind-table.d

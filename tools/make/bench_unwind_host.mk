# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The unwind memory of a large host, simulated from the files of this one.

$(B)/bench-unwind-host: tools/bench_unwind_host.c $(B)/libseep.a
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(B)/libseep.a $(LIBS)

.PHONY: bench-unwind-host
bench-unwind-host: $(B)/bench-unwind-host
	$(Q)find /usr/bin /usr/sbin /usr/lib -xdev -type f \( -perm -u+x -o -name '*.so*' \) | \
		xargs -s 1000000 -n 8000 $(B)/bench-unwind-host

-include $(wildcard $(B)/bench-unwind-host.d)

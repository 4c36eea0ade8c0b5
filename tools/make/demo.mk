# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The service that `make demo` traces, built as services are, with frame pointers.

$(B)/demo-service: tools/demo_service.c
	@mkdir -p $(dir $@)
	$(call say,CC,$<)$(CC) -std=gnu11 $(WARN) -O2 -g -D_GNU_SOURCE -fno-omit-frame-pointer -pthread -o $@ $<

# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# make readers: every report format, read by programs that are not ours.

$(B)/readers/make_profile: tests/readers/make_profile.c $(B)/libseep.a tests/unit/sample_profile.h
	@mkdir -p $(dir $@)
	$(call say,TEST,$<)$(CC) $(ALL_CFLAGS) -o $@ $< $(B)/libseep.a $(LDFLAGS) $(LIBS)

.PHONY: readers
readers: $(B)/readers/make_profile
	$(Q)tests/readers/run $(B)

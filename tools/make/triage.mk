# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The program by which the live tests ask user/triage. The library is made first: it is not a
# fixture's usual ingredient.

$(B)/fixtures/triage: tests/triage/triage.c $(B)/libseep.a
	@mkdir -p $(dir $@)
	$(call say,LD,$@)$(CC) $(ALL_CFLAGS) -o $@ $< $(B)/libseep.a $(LDFLAGS) $(LIBS)

fixtures: $(B)/fixtures/triage

# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Unit tests: tests/unit/test_*.c, each one program with cmocka, the library rebuilt with
# sanitizers beside the normal one.

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
UNIT_SOURCES := $(sort $(wildcard tests/unit/test_*.c))
UNIT_PROGRAMS := $(UNIT_SOURCES:tests/unit/%.c=$(B)/unit/%)
UNIT_LIB_OBJECTS := $(LIB_SOURCES:%.c=$(B)/asan/%.o)

$(B)/asan/%.o: %.c | $(GENERATED)
	@mkdir -p $(dir $@)
	$(call say,CC,"$< (asan)")$(CC) $(ALL_CFLAGS) -O1 $(SANITIZE) -MMD -MP -c -o $@ $<

$(B)/libseep-asan.a: $(UNIT_LIB_OBJECTS)
	$(call say,AR,$@)rm -f $@ && ar rcs $@ $^

$(B)/unit/%: tests/unit/%.c $(B)/libseep-asan.a
	@mkdir -p $(dir $@)
	$(call say,TEST,$<)$(CC) $(ALL_CFLAGS) -O1 $(SANITIZE) -MMD -MP -MF $@.d -o $@ $< $(B)/libseep-asan.a -lcmocka $(LIBS)

.PHONY: unit
unit: $(UNIT_PROGRAMS)
	$(Q)tests/unit/run $(UNIT_PROGRAMS)

-include $(UNIT_PROGRAMS:%=%.d) $(UNIT_LIB_OBJECTS:.o=.d)

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Each shortfall of stacks is told with its figures, and nothing where there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "trace/left_out.h"

struct told {
	char text[1024];
	int nr, fail_at;
};

static int note(void *context, const char *what, const char *reason)
{
	struct told *told = context;
	size_t used = strlen(told->text);

	snprintf(told->text + used, sizeof(told->text) - used, "%s: %s\n", what, reason);
	return ++told->nr == told->fail_at ? -12 : 0;
}

static void nothing_left_out_is_nothing_told(void **state)
{
	const struct unwinding_stats stats = { .tables = 7, .rules = 9, .tables_waiting = 1 };
	struct told told = { .nr = 0 };

	assert_int_equal(left_out_of_stacks(&stats, 0, note, &told), 0);
	assert_int_equal(told.nr, 0);
}

static void each_is_told_with_its_figures(void **state)
{
	const struct unwinding_stats stats = {
		.tables_left_out = 3, .mappings_left_out = 4, .rules_left_out = 5, .missed = 6
	};
	struct told told = { .nr = 0 };

	assert_int_equal(left_out_of_stacks(&stats, 2, note, &told), 0);
	assert_int_equal(told.nr, 4);
	assert_non_null(
		strstr(told.text, "unwind tables: no room for the tables of 3 files and 4 "));
	assert_non_null(strstr(told.text, "unwind tables: no number was left for 5 rules"));
	assert_non_null(strstr(told.text, "asked for 6 times"));
	assert_non_null(strstr(told.text, "Python frames: in 2 builds"));
}

/* Each alone, and with any other. */
static void one_is_told_without_the_others(void **state)
{
	static const struct {
		struct unwinding_stats stats;
		const char *text;
	} rows[] = {
		{ { .tables_left_out = 3 }, "the tables of 3 files and 0 mappings" },
		{ { .mappings_left_out = 4 }, "the tables of 0 files and 4 mappings" },
		{ { .rules_left_out = 5 }, "for 5 rules" },
		{ { .missed = 6 }, "asked for 6 times" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct told told = { .nr = 0 };

		assert_int_equal(left_out_of_stacks(&rows[i].stats, 0, note, &told), 0);
		assert_int_equal(told.nr, 1);
		assert_non_null(strstr(told.text, rows[i].text));
	}
}

static void a_failure_ends_it(void **state)
{
	const struct unwinding_stats stats = { .mappings_left_out = 1,
					       .rules_left_out = 1,
					       .missed = 1 };

	for (int fail_at = 1; fail_at <= 4; fail_at++) {
		struct told told = { .fail_at = fail_at };

		assert_int_equal(left_out_of_stacks(&stats, 1, note, &told), -12);
		assert_int_equal(told.nr, fail_at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_left_out_is_nothing_told),
		cmocka_unit_test(each_is_told_with_its_figures),
		cmocka_unit_test(one_is_told_without_the_others),
		cmocka_unit_test(a_failure_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Of which containers growth is a cause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/vec.h"
#include "runtime/why.h"

enum { LOOKS = 5 };

/* One container that has grown by `step` at each of some looks, as a runtime fills it in. */
static struct cause cause_of(const struct why_container *like, uint64_t step)
{
	struct why_log *log = why_log_new();
	struct cause cause = { 0 };

	assert_non_null(log);
	for (int i = 0; i < LOOKS; i++) {
		struct why *why = why_new();
		struct why_container *c;

		assert_non_null(why);
		why->time = i;
		why->objects = 10000;
		assert_int_equal(container_log_begin(log->containers, i), 0);
		assert_int_equal(container_log_add(log->containers, 8, like->length + i * step), 0);
		c = vec_push(&why->containers, &why->nr_containers, &why->cap_containers);
		assert_non_null(c);
		*c = *like;
		c->length = like->length + i * step;
		c->has_growth = container_log_growth(log->containers, 8, 0, &c->growth);
		why_log_add(log, why, &(struct why_collector){ .enabled = 1 });
		cause = why->cause;
		why_free(why);
	}
	why_log_free(log);
	return cause;
}

static void what_grows_is_a_cause(void **state)
{
	const struct why_container list = { .type = "list", .length = 60, .capacity = -1 };

	assert_int_equal(cause_of(&list, 30).kind, CAUSE_CONTAINER);
}

static void a_register_of_weak_references_is_none_while_it_is_short(void **state)
{
	const struct why_container weak = {
		.type = "list", .length = 60, .capacity = -1, .weak = true
	};

	assert_int_equal(cause_of(&weak, 30).kind, CAUSE_NONE);
	assert_int_equal(cause_of(&weak, 300).kind, CAUSE_CONTAINER);
}

static void the_runtimes_own_lists_are_none(void **state)
{
	const struct why_container own = {
		.type = "dict", .length = 60, .capacity = -1, .own = true
	};

	assert_int_equal(cause_of(&own, 300).kind, CAUSE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_grows_is_a_cause),
		cmocka_unit_test(a_register_of_weak_references_is_none_while_it_is_short),
		cmocka_unit_test(the_runtimes_own_lists_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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

/* What a look finds besides containers. */
struct found {
	uint64_t modules, dead;
	int64_t frozen;
};

/* One look at containers that are so long; their places in the array tell them apart. */
static struct cause look_at(struct why_log *log, int time, const struct why_container *containers,
			    size_t nr, const struct found *found, int64_t *ret_modules)
{
	struct why *why = why_new();
	struct cause cause;

	assert_non_null(why);
	why->time = time;
	why->objects = 10000;
	why->modules = found->modules;
	assert_int_equal(census_add(why->dead, "cell", found->dead, 0), 0);
	assert_int_equal(container_log_begin(log->containers, time), 0);
	for (size_t i = 0; i < nr; i++) {
		struct why_container *c =
			vec_push(&why->containers, &why->nr_containers, &why->cap_containers);

		assert_non_null(c);
		*c = containers[i];
		assert_int_equal(container_log_add(log->containers, 8 + 8 * i, c->length), 0);
	}
	for (size_t i = 0; i < nr; i++)
		why->containers[i].has_growth = container_log_growth(log->containers, 8 + 8 * i, 0,
								     &why->containers[i].growth);
	why_log_add(log, why, &(struct why_collector){ .enabled = 1, .frozen = found->frozen });
	cause = why->cause;
	if (ret_modules)
		*ret_modules = why->modules_growth;
	why_free(why);
	return cause;
}

/* Of two containers, with their lengths at each look. */
static struct cause cause_of_two(const uint64_t lengths[2][LOOKS], int64_t first_capacity)
{
	struct why_container both[2] = { { .type = "list", .capacity = first_capacity },
					 { .type = "dict", .capacity = -1 } };
	const struct found nothing = { 0 };
	struct why_log *log = why_log_new();
	struct cause cause = { 0 };

	assert_non_null(log);
	for (int i = 0; i < LOOKS; i++) {
		both[0].length = lengths[0][i];
		both[1].length = lengths[1][i];
		cause = look_at(log, i, both, 2, &nothing, NULL);
	}
	why_log_free(log);
	return cause;
}

static void the_one_that_grew_most_leads(void **state)
{
	static const uint64_t slow_first[2][LOOKS] = { { 60, 90, 120, 150, 180 },
						       { 60, 360, 660, 960, 1260 } };
	static const uint64_t fast_first[2][LOOKS] = { { 60, 360, 660, 960, 1260 },
						       { 60, 90, 120, 150, 180 } };

	assert_int_equal(cause_of_two(slow_first, -1).objects, 1200);
	assert_int_equal(cause_of_two(fast_first, -1).objects, 1200);
}

static void one_with_a_limit_comes_last(void **state)
{
	static const uint64_t lengths[2][LOOKS] = { { 60, 360, 660, 960, 1260 },
						    { 60, 90, 120, 150, 180 } };
	struct cause cause = cause_of_two(lengths, 10000);

	assert_int_equal(cause.kind, CAUSE_CONTAINER);
	assert_int_equal(cause.objects, 120);
}

static void one_that_was_loaded_once_does_not_lead(void **state)
{
	static const uint64_t lengths[2][LOOKS] = { { 60, 5000, 5000, 5000, 5000 },
						    { 60, 90, 120, 150, 180 } };
	struct cause cause = cause_of_two(lengths, -1);

	assert_int_equal(cause.kind, CAUSE_CONTAINER);
	assert_int_equal(cause.objects, 120);
}

static void the_last_looks_are_kept(void **state)
{
	struct why_log *log = why_log_new();
	int64_t modules = 0;

	assert_non_null(log);
	for (int i = 0; i < 2 * CONTAINER_LOOKS; i++) {
		const struct found found = { .modules = 100 + 10 * (uint64_t)i };

		look_at(log, i, NULL, 0, &found, &modules);
		if (i == 4)
			assert_int_equal(modules, 40);
	}
	assert_int_equal(log->looks, CONTAINER_LOOKS);
	assert_int_equal(modules, 10 * (CONTAINER_LOOKS - 1));
	assert_int_equal(log->times[0], CONTAINER_LOOKS);
	why_log_free(log);
}

/* Dead objects grow while the collector is told to spare more and more; `frozen` by look. */
static enum cause_kind cause_of_frozen(const int64_t frozen[LOOKS])
{
	struct why_log *log = why_log_new();
	struct cause cause = { 0 };

	assert_non_null(log);
	for (int i = 0; i < LOOKS; i++) {
		const struct found found = { .dead = 200 * (uint64_t)i, .frozen = frozen[i] };

		cause = look_at(log, i, NULL, 0, &found, NULL);
	}
	why_log_free(log);
	return cause.kind;
}

static void what_the_collector_does_not_tell_is_as_before(void **state)
{
	static const int64_t told[LOOKS] = { 0, 300, 600, 900, 1200 };
	static const int64_t not_at_last[LOOKS] = { 0, 300, 600, 900, -1 };
	static const int64_t never[LOOKS] = { -1, -1, -1, -1, -1 };

	assert_int_equal(cause_of_frozen(told), CAUSE_CYCLE);
	assert_int_equal(cause_of_frozen(not_at_last), CAUSE_CYCLE);
	assert_int_equal(cause_of_frozen(never), CAUSE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_grows_is_a_cause),
		cmocka_unit_test(a_register_of_weak_references_is_none_while_it_is_short),
		cmocka_unit_test(the_runtimes_own_lists_are_none),
		cmocka_unit_test(the_one_that_grew_most_leads),
		cmocka_unit_test(one_with_a_limit_comes_last),
		cmocka_unit_test(one_that_was_loaded_once_does_not_lead),
		cmocka_unit_test(the_last_looks_are_kept),
		cmocka_unit_test(what_the_collector_does_not_tell_is_as_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

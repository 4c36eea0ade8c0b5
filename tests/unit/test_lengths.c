// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which container grows, by lengths alone; and what becomes of a look for holders by them. */
#include "runtime/lengths.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/vec.h"
#include "runtime/why.h"

enum { LIST = 11, OTHER = 12 };

static void look(struct lengths *lengths, double time, uint64_t list, uint64_t other)
{
	struct census_container a = { LIST, "list", list }, b = { OTHER, "dict", other };

	assert_int_equal(lengths_begin(lengths, time), 0);
	assert_int_equal(lengths_add(lengths, &a), 0);
	assert_int_equal(lengths_add(lengths, &b), 0);
	/* a census that is taken twice */
	assert_int_equal(lengths_add(lengths, &a), 0);
}

static void the_one_that_grew_most(void **state)
{
	struct lengths *lengths = lengths_new();
	struct lengths_leader leader;

	for (int i = 0; i < 5; i++) {
		assert_int_equal(lengths_leader(lengths, &leader), i > 2);
		look(lengths, i, 1000000 + 5000 * i, 5000 + 200 * i);
	}
	assert_true(lengths_leader(lengths, &leader));
	assert_int_equal(leader.number, LIST);
	assert_string_equal(leader.type, "list");
	assert_int_equal(leader.length, 1020000);
	assert_int_equal(leader.growth.delta, 20000);
	lengths_free(lengths);
}

/* The one that leads grew once: then it is the next. */
static void one_that_grew_once(void **state)
{
	struct lengths *lengths = lengths_new();
	struct lengths_leader leader;

	for (int i = 0; i < 6; i++)
		look(lengths, i, i < 2 ? 1000 : 90000, 500 + 100 * i);
	assert_true(lengths_leader(lengths, &leader));
	assert_int_equal(leader.number, OTHER);
	lengths_free(lengths);
}

/* Emptied now and then, to nothing or to a little. */
static void a_saw(void **state)
{
	struct lengths *lengths = lengths_new();
	struct lengths_leader leader;

	for (int i = 0; i < 12; i++) {
		look(lengths, i, 200 + 1000 * (i % 4), 5 + 100 * ((i + 2) % 4));
		assert_true(i < 4 || !lengths_leader(lengths, &leader));
	}
	lengths_free(lengths);
}

/* Where one is put anew each time only its place tells; the young are left to who knows it. */
static void a_young_one(void **state)
{
	struct lengths *lengths = lengths_new();
	struct lengths_leader leader;

	for (int i = 0; i < 8; i++)
		look(lengths, i, i < 2 ? 10 : 1000 * i, 300);
	assert_false(lengths_leader(lengths, &leader));
	lengths_free(lengths);
}

static void put(struct why *why, uint64_t number, uint64_t length, int64_t capacity)
{
	struct why_container *c =
		vec_push(&why->containers, &why->nr_containers, &why->cap_containers);

	assert_non_null(c);
	c->number = number;
	c->type = "list";
	c->length = length;
	c->capacity = capacity;
}

/* One look for holders at the beginning, then lengths alone. */
static void a_look_is_brought_up_to_date(void **state)
{
	struct lengths *lengths = lengths_new();
	struct why_log *log = why_log_new();
	struct why *why = why_new();

	look(lengths, 0, 1000000, 5000);
	why->objects = 1000000;
	put(why, LIST, 1000000, -1);
	put(why, OTHER, 5000, -1);
	assert_int_equal(container_log_begin(log->containers, 0), 0);
	why_log_add(log, why, &(struct why_collector){ .enabled = 1 });
	assert_int_equal(why->cause.kind, CAUSE_TOO_LITTLE);
	for (int i = 1; i < 4; i++) {
		look(lengths, 5 * i, 1000000 + 4000 * i, 5000);
		why_refresh(why, lengths_log(lengths));
		assert_int_equal(why->cause.kind, i < 2 ? CAUSE_TOO_LITTLE : CAUSE_CONTAINER);
	}
	assert_int_equal(why->cause.objects, 12000);
	assert_true(why->cause.rate == 800);
	assert_int_equal(why->containers[0].length, 1012000);
	assert_int_equal(why->containers[1].growth.delta, 0);
	why->containers[0].capacity = 2000000;
	why_refresh(why, lengths_log(lengths));
	assert_int_equal(why->cause.kind, CAUSE_FILLING);
	why_free(why);
	why_log_free(log);
	lengths_free(lengths);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_one_that_grew_most),
		cmocka_unit_test(one_that_grew_once),
		cmocka_unit_test(a_saw),
		cmocka_unit_test(a_young_one),
		cmocka_unit_test(a_look_is_brought_up_to_date),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

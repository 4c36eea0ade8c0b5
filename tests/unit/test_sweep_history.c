// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the counts of several passes say of a process that one pass says little of. */
#include "sweep/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sample_profile.h"

enum { PID = 7, STARTED = 100, OBJECTS = 50000 };

struct counted {
	enum profile_verdict verdict;
	const char *cause, *path;
	uint64_t objects, length;
};

static struct profile *profile_of(pid_t pid, const struct counted *counted)
{
	struct profile *p = profile_new();
	struct profile_objects *row;

	assert_non_null(p);
	sample_process(p, (uint32_t)pid, "app", "/app")->verdict = counted->verdict;
	row = vec_push(&p->objects, &p->nr_objects, &p->cap_objects);
	assert_non_null(row);
	row->collected_by = profile_string(p, "python 3.11.2");
	row->cause = profile_string(p, counted->cause);
	row->reason = profile_string(p, "As it was.");
	row->path = profile_string(p, counted->path);
	row->objects = counted->objects;
	row->length = counted->length;
	return p;
}

/* Of the pass `number`, a minute after the one before. */
static enum profile_verdict pass(struct history *history, int number, uint64_t start,
				 const struct counted *counted)
{
	struct profile *p = profile_of(PID, counted);
	enum profile_verdict verdict;

	assert_int_equal(history_weigh(history, PID, start, 60.0 * number, p), 0);
	verdict = p->processes[0].verdict;
	assert_true(verdict == counted->verdict || p->processes[0].evidence);
	profile_free(p);
	return verdict;
}

static void a_container_that_rises_slowly(void **state)
{
	struct counted counted = { VERDICT_NONE, "none", "modules[app].S", OBJECTS, 1000 };
	struct history *history = history_new();

	for (int i = 0; i < 2; i++, counted.length += 60)
		assert_int_equal(pass(history, i, STARTED, &counted), VERDICT_NONE);
	assert_int_equal(pass(history, 2, STARTED, &counted), VERDICT_LEAK);
	/* another process of that pid */
	assert_int_equal(pass(history, 3, STARTED + 1, &counted), VERDICT_NONE);
	history_free(history);
}

static void another_container_each_time(void **state)
{
	const char *const paths[] = { "a", "b", "c", "d" };
	struct counted counted = { VERDICT_NONE, "none", NULL, OBJECTS, 1000 };
	struct history *history = history_new();

	for (int i = 0; i < 4; i++, counted.length += 60) {
		counted.path = paths[i];
		assert_int_equal(pass(history, i, STARTED, &counted), VERDICT_NONE);
	}
	history_free(history);
}

static void what_goes_up_and_down(void **state)
{
	struct counted counted = { VERDICT_NONE, "none", "modules[app].S", OBJECTS, 1000 };
	struct history *history = history_new();

	for (int i = 0; i < 8; i++) {
		counted.length = i % 2 ? 3000 : 1000 + 10 * i;
		counted.objects = OBJECTS + (i % 2 ? 400 : 0);
		assert_int_equal(pass(history, i, STARTED, &counted), VERDICT_NONE);
	}
	history_free(history);
}

/* Objects alone take away a clean bill; with growth in the pass as well they are a leak. */
static void objects_that_become_more(void **state)
{
	struct counted counted = { VERDICT_NONE, "none", NULL, OBJECTS, 0 };
	struct history *history = history_new();

	assert_int_equal(pass(history, 0, STARTED, &counted), VERDICT_NONE);
	for (int i = 1; i < 4; i++) {
		counted.objects += 2000;
		assert_int_equal(pass(history, i, STARTED, &counted), VERDICT_TOO_LITTLE_DATA);
	}
	counted.objects += 2000;
	counted.cause = "objects";
	counted.verdict = VERDICT_TOO_LITTLE_DATA;
	assert_int_equal(pass(history, 4, STARTED, &counted), VERDICT_LEAK);
	history_free(history);
}

static void too_few_passes_for_a_leak(void **state)
{
	struct counted counted = { VERDICT_TOO_LITTLE_DATA, "objects", NULL, OBJECTS, 0 };
	struct history *history = history_new();

	for (int i = 0; i < 3; i++, counted.objects += 2000)
		assert_int_equal(pass(history, i, STARTED, &counted), VERDICT_TOO_LITTLE_DATA);
	history_free(history);
}

static void a_cache_that_fills(void **state)
{
	struct counted counted = { VERDICT_NONE, "filling", "modules[app].load.cache", OBJECTS,
				   1000 };
	struct history *history = history_new();

	for (int i = 0; i < 6; i++, counted.length += 5000, counted.objects += 5000)
		assert_int_equal(pass(history, i, STARTED, &counted), VERDICT_NONE);
	history_free(history);
}

static void says_what_came_since(void **state)
{
	struct counted counted = { VERDICT_LEAK, "container", "modules[app].S", OBJECTS, 1000 };
	struct history *history = history_new();
	struct profile *p;

	assert_int_equal(pass(history, 0, STARTED, &counted), VERDICT_LEAK);
	counted.objects += 3600;
	p = profile_of(PID, &counted);
	assert_int_equal(history_weigh(history, PID, STARTED, 61, p), 0);
	assert_string_equal(p->objects[0].reason,
			    "As it was. Since the pass 61 s ago: +3600 objects.");
	profile_free(p);
	history_free(history);
}

/* More processes than there is room for: the ones that were not seen for longest are forgotten. */
static void room_is_bounded(void **state)
{
	struct counted counted = { VERDICT_NONE, "none", "modules[app].S", OBJECTS, 1000 };
	struct history *history = history_new();

	for (int i = 0; i < 2; i++, counted.length += 100)
		pass(history, i, STARTED, &counted);
	for (pid_t pid = 1000; pid < 3000; pid++) {
		struct profile *p = profile_of(pid, &counted);

		assert_int_equal(history_weigh(history, pid, 1, 100 + pid, p), 0);
		profile_free(p);
	}
	counted.length += 100;
	assert_int_equal(pass(history, 100, STARTED, &counted), VERDICT_NONE);
	history_free(history);
}

static void without_objects(void **state)
{
	struct history *history = history_new();
	struct profile *p = profile_new();

	sample_process(p, PID, "app", "/app");
	assert_int_equal(history_weigh(history, PID, STARTED, 1, p), 0);
	profile_free(p);
	history_free(history);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_container_that_rises_slowly),
		cmocka_unit_test(another_container_each_time),
		cmocka_unit_test(what_goes_up_and_down),
		cmocka_unit_test(objects_that_become_more),
		cmocka_unit_test(too_few_passes_for_a_leak),
		cmocka_unit_test(a_cache_that_fills),
		cmocka_unit_test(says_what_came_since),
		cmocka_unit_test(room_is_bounded),
		cmocka_unit_test(without_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is kept of a course when there is more than there is room for: its troughs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>

#include <cmocka.h>

#include "triage/courses.h"

enum { PAGE = 4096 };

static void put(struct courses *courses, double time, uint64_t pages)
{
	assert_int_equal(courses_begin(courses, time), 0);
	assert_int_equal(courses_put(courses, 1, 1, pages * PAGE), 0);
	courses_end(courses);
}

/* Two slots become one, whichever of them is the lower. */
static void halving_keeps_the_lowest(void **state)
{
	struct series_point points[COURSE_POINTS];
	struct courses *courses = courses_new(1000, 4);
	size_t nr;

	for (int i = 0; i < COURSE_POINTS; i++)
		put(courses, i, i % 4 == 0 || i % 4 == 3 ? 7 : 100);
	assert_int_equal(courses_points(courses, 1, 1, points), COURSE_POINTS);
	put(courses, COURSE_POINTS, 50);
	nr = courses_points(courses, 1, 1, points);
	assert_int_equal(nr, COURSE_POINTS / 2 + 1);
	for (size_t i = 0; i + 1 < nr; i++) {
		assert_true(points[i].value == 7 * PAGE);
		assert_true(points[i].time == 2 * (double)i);
	}
	assert_true(points[nr - 1].value == 50 * PAGE);
	courses_free(courses);
}

/* One that began in the midst of it has no more than it was seen for. */
static void halving_adds_nothing_before_the_beginning(void **state)
{
	struct series_point points[COURSE_POINTS];
	struct courses *courses = courses_new(1000, 4);

	for (int i = 0; i < COURSE_POINTS + 1; i++) {
		assert_int_equal(courses_begin(courses, i), 0);
		assert_int_equal(courses_put(courses, 1, 1, PAGE), 0);
		if (i >= 41)
			assert_int_equal(courses_put(courses, 2, 1, 9 * PAGE), 0);
		courses_end(courses);
	}
	/* the pairs of 40 and 41 up to 62 and 63, and 64 */
	assert_int_equal(courses_points(courses, 2, 1, points), 13);
	for (size_t i = 0; i < 13; i++)
		assert_true(points[i].value == 9 * PAGE);
	courses_free(courses);
}

static void looks_that_share_a_slot_keep_the_lowest(void **state)
{
	struct series_point points[COURSE_POINTS];
	struct courses *courses = courses_new(62, 4);
	size_t nr;

	/* ten looks a second, of which one is low and not the last of its slot */
	for (int i = 0; i < 3000; i++)
		put(courses, i / 10.0, i % 10 == 4 ? 7 : 100);
	nr = courses_points(courses, 1, 1, points);
	assert_in_range(nr, COURSE_POINTS / 2, COURSE_POINTS);
	for (size_t i = 0; i + 1 < nr; i++)
		assert_true(points[i].value == 7 * PAGE);
	courses_free(courses);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(halving_keeps_the_lowest),
		cmocka_unit_test(halving_adds_nothing_before_the_beginning),
		cmocka_unit_test(looks_that_share_a_slot_keep_the_lowest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

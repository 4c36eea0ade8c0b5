// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "shapes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

/* The evidence is what a user goes by: it has its numbers. */
static void test_evidence(void **state)
{
	struct simulation s;
	struct verdict v;

	simulation_begin(&s, 16, 3);
	for (int i = 0; i < 10000; i++)
		simulate_block(&s, (i + 0.5) * 16 / 10000, NEVER, 1024);
	verdict_site(&s.course, &v);
	assert_int_equal(v.verdict, VERDICT_GROWING);
	assert_string_equal(
		v.evidence,
		"none of 5,000 blocks allocated in the first 8.0 s was freed; 625 KiB/s");
	assert_true(fabs(v.growth_rate - 640000) < 1);

	s.course.ended = true;
	verdict_site(&s.course, &v);
	assert_int_equal(v.verdict, VERDICT_LIVE_AT_EXIT);

	s.course.ended = false;
	s.course.evicted_count = 1000;
	verdict_site(&s.course, &v);
	assert_int_equal(v.verdict, VERDICT_TOO_LITTLE_DATA);
}

static void test_process(void **state)
{
	struct verdict_process p = { .seconds = 20, .live_bytes = 100 << 20, .alloc_count = 1000 };
	struct verdict v;

	p.by_verdict[VERDICT_STEADY].bytes = 100 << 20;
	p.by_verdict[VERDICT_STEADY].sites = 3;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_NONE);

	p.live_start_bytes = 99 << 20;
	p.rss_start_bytes = 200 << 20;
	p.rss_bytes = 300 << 20;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_RETENTION);
	p.live_start_bytes = 0;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_NONE);

	p.by_verdict[VERDICT_BURST].bytes = 200 << 20;
	p.by_verdict[VERDICT_BURST].sites = 1;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_OVERFLOW);

	p.by_verdict[VERDICT_GROWING].sites = 2;
	p.by_verdict[VERDICT_GROWING].rate = 2048;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_LEAK);
	assert_string_equal(v.evidence, "2 growing sites, 2.0 KiB/s together");

	p = (struct verdict_process){ .seconds = 0.5, .alloc_count = 3 };
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_TOO_LITTLE_DATA);
}

static void test_bytes(void **state)
{
	static const struct {
		double bytes;
		const char *text;
	} rows[] = { { 0, "0 B" },	    { 999, "999 B" },	       { 1000, "1.0 KiB" },
		     { 1536, "1.5 KiB" },   { 640 * 1024, "640 KiB" }, { 1 << 20, "1.0 MiB" },
		     { -2048, "-2.0 KiB" }, { 1e30, "999999 PiB" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[16];

		verdict_bytes(rows[i].bytes, text);
		assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_evidence),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

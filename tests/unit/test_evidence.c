// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "shapes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
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
		"none of 5,000 blocks allocated in the first 8.0 s was freed; 625 KiB/s.");
	assert_true(fabs(v.growth_rate - 640000) < 1);

	s.course.ended = true;
	verdict_site(&s.course, &v);
	assert_int_equal(v.verdict, VERDICT_LIVE_AT_EXIT);

	s.course.ended = false;
	s.course.evicted_count = 1000;
	verdict_site(&s.course, &v);
	assert_int_equal(v.verdict, VERDICT_TOO_LITTLE_DATA);
}

/* Two sites that no older block's end can explain together, though it could each of them. */
static void test_waiting(void **state)
{
	struct verdict_process p = { .seconds = 16, .live_bytes = 2048000, .alloc_count = 2000 };
	struct simulation s;
	struct verdict v;

	simulation_begin(&s, 16, 3);
	for (int i = 0; i < 1000; i++)
		simulate_block(&s, (i + 0.5) * 16 / 1000, NEVER, 1024);
	for (int i = 0; i < 600; i++)
		simulate_block(&s, -1, (i + 0.5) * 16 / 600, 1024);
	verdict_site(&s.course, &v);
	assert_int_equal(v.verdict, VERDICT_TOO_LITTLE_DATA);
	assert_true(fabs(v.waiting_rise - 62.5) < 0.1 && fabs(v.waiting_offset - 37.5) < 0.5);

	p.by_verdict[VERDICT_TOO_LITTLE_DATA].bytes = 2048000;
	p.by_verdict[VERDICT_TOO_LITTLE_DATA].sites = 2;
	p.waiting.sites = 1;
	p.waiting.rise = 62.5;
	p.waiting.offset = 37.5;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_TOO_LITTLE_DATA);
	p.waiting.sites = 2;
	p.waiting.rise = 125;
	p.waiting.rate = 128000;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_LEAK);
	assert_string_equal(v.evidence,
			    "2 sites rise by 125 blocks/s together (125 KiB/s), and only 37.5/s of "
			    "older blocks are freed: at least one of them grows.");
	assert_true(v.growth_rate > 127999);
	p.waiting.offset = 63;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_TOO_LITTLE_DATA);
}

/* After each tooth only what is kept of it and of those before is outstanding. */
static void note_dips(struct verdict_course *c, double tooth, double kept)
{
	double outstanding = 0;

	for (size_t i = 0; i < c->nr; i++) {
		double begin = (double)i * c->interval, end = begin + c->interval;
		double first = floor(begin / tooth) + 1;

		if (first * tooth < end)
			c->intervals[i].dip = fmax(outstanding - first * kept, 0);
		outstanding += c->intervals[i].alloc_count - c->intervals[i].gone_count;
	}
}

/* Batches of which a fifteenth is kept: a batch is as large as all that leaks in half a minute. */
static void test_teeth_that_leak(void **state)
{
	enum { BATCH = 150 };
	int growing = 0;

	for (double rate = 70; rate <= 110; rate += 0.5) {
		struct simulation s;
		struct verdict v;

		simulation_begin(&s, 30, 1);
		for (int i = 0; i < 30 * rate; i++) {
			double end = (i / BATCH + 1) * BATCH / rate;

			simulate_block(&s, i / rate, i % 15 ? end : NEVER, 4000);
		}
		note_dips(&s.course, BATCH / rate, BATCH / 15);
		verdict_site(&s.course, &v);
		growing += v.verdict == VERDICT_GROWING;
	}
	assert_in_range(growing, 77, 81);
}

enum { SITES = 6 };

/* Sessions that outlive the capture, at all sites; `leaks` of them never end instead. */
static struct verdict judge_sessions(uint64_t seed, int leaks, double load)
{
	struct verdict_process p = { .seconds = 20, .live_bytes = 1 << 20, .alloc_count = 10000 };
	static struct simulation sites[SITES];
	struct verdict v;

	for (int i = 0; i < SITES; i++) {
		enum lifetime lifetime = i < leaks ? LIVES_FOR_EVER : LIVES_EXPONENTIAL;

		simulation_begin(&sites[i], 20, seed * 100 + i);
		if (i >= leaks)
			simulate_stream(&sites[i], -400, 0, 20, lifetime, 60);
		simulate_stream(&sites[i], 0, 10, 20, lifetime, 60);
		simulate_stream(&sites[i], 10, 20, 20 * load, lifetime, 60);
	}
	for (size_t t = 0; t < sites[0].course.nr; t++) {
		double unmatched = 0;

		for (int i = 0; i < SITES; i++)
			unmatched += sites[i].course.intervals[t].unmatched;
		for (int i = 0; i < SITES; i++)
			sites[i].course.intervals[t].unmatched = unmatched;
	}
	for (int i = 0; i < SITES; i++) {
		verdict_site(&sites[i].course, &v);
		p.by_verdict[v.verdict].sites++;
		p.by_verdict[v.verdict].bytes += 1 << 16;
		if (v.waiting_rise <= 0)
			continue;
		p.waiting.sites++;
		p.waiting.rise += v.waiting_rise;
		p.waiting.offset = fmax(p.waiting.offset, v.waiting_offset);
	}
	assert_int_equal(p.by_verdict[VERDICT_GROWING].sites, leaks == SITES ? SITES : 0);
	verdict_process(&p, &v);
	return v;
}

/* What is in balance is no leak at any one of many sites, nor in sum; where most leaks it is. */
static void test_sessions_in_sum(void **state)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		assert_int_not_equal(judge_sessions(seed, 0, 1).verdict, VERDICT_LEAK);
		assert_int_not_equal(judge_sessions(seed, 0, 1.4).verdict, VERDICT_LEAK);
		assert_int_equal(judge_sessions(seed, SITES - 1, 1).verdict, VERDICT_LEAK);
	}
}

static void test_process(void **state)
{
	struct verdict_process p = { .seconds = 20, .live_bytes = 100 << 20, .alloc_count = 1000 };
	struct verdict v;

	p.by_verdict[VERDICT_STEADY].bytes = 100 << 20;
	p.by_verdict[VERDICT_STEADY].sites = 3;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_NONE);
	assert_string_equal(v.evidence, "No site grows; 100 MiB live after 20.0 s.");

	p.live_start_bytes = 99 << 20;
	p.rss_start_bytes = 200 << 20;
	p.rss_bytes = 300 << 20;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_RETENTION);
	/* In bursts most of what is outstanding is not seen. */
	p.bursts = true;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_NONE);
	p.bursts = false;
	p.live_start_bytes = 0;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_NONE);

	/* What is resident besides is no part of what the headline calls outstanding. */
	p.live_bytes = 260 << 20;
	p.by_verdict[VERDICT_BURST].bytes = 200 << 20;
	p.by_verdict[VERDICT_BURST].sites = 1;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_OVERFLOW);
	assert_string_equal(v.evidence, "200 MiB of the 260 MiB outstanding were allocated in "
					"short bursts and kept, at 1 site.");

	p.by_verdict[VERDICT_GROWING].sites = 2;
	p.by_verdict[VERDICT_GROWING].rate = 2048;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_LEAK);
	assert_string_equal(v.evidence, "2 growing sites, 2.0 KiB/s together.");

	p = (struct verdict_process){ .seconds = 0.5, .alloc_count = 3 };
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_TOO_LITTLE_DATA);
}

/* Blocks, mappings and handles each in their own measure. */
static void test_layers(void **state)
{
	struct verdict_process p = { .seconds = 20, .live_bytes = 1024, .alloc_count = 50 };
	struct verdict v;

	p.growing_handles.sites = 1;
	p.growing_handles.rate = 2.5;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_LEAK);
	assert_string_equal(v.evidence, "1 growing site of handles, 2.5/s.");
	p.growing_mappings.sites = 2;
	p.growing_mappings.rate = 4096;
	p.by_verdict[VERDICT_GROWING].sites = 1;
	p.by_verdict[VERDICT_GROWING].rate = 2048;
	verdict_process(&p, &v);
	assert_string_equal(v.evidence,
			    "1 growing site, 2.0 KiB/s; 2 growing sites of mappings, 4.0 KiB/s; "
			    "1 growing site of handles, 2.5/s.");

	p = (struct verdict_process){ .ended = true, .live_handles = 1, .alloc_count = 1 };
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_LIVE_AT_EXIT);
	assert_string_equal(v.evidence, "1 handle was not released when the process ended.");
	p.live_handles = 5;
	verdict_process(&p, &v);
	assert_string_equal(v.evidence, "5 handles were not released when the process ended.");
}

/* One is not several. */
static void test_plurals(void **state)
{
	struct verdict_process p = { .seconds = 20, .live_bytes = 2048, .alloc_count = 1 };
	struct simulation s;
	struct verdict v;

	p.by_verdict[VERDICT_TOO_LITTLE_DATA].sites = 1;
	p.by_verdict[VERDICT_TOO_LITTLE_DATA].bytes = 2048;
	verdict_process(&p, &v);
	assert_string_equal(v.evidence, "1 site with most of the 2.0 KiB live is unclear.");
	p.by_verdict[VERDICT_TOO_LITTLE_DATA].sites = 3;
	verdict_process(&p, &v);
	assert_string_equal(v.evidence, "3 sites with most of the 2.0 KiB live are unclear.");

	simulation_begin(&s, 16, 3);
	simulate_block(&s, 1, NEVER, 1024);
	s.course.ended = true;
	verdict_site(&s.course, &v);
	assert_string_equal(v.evidence, "1 of 1 block (1.0 KiB) was live when the process ended.");
	simulate_block(&s, 2, NEVER, 1024);
	verdict_site(&s.course, &v);
	assert_string_equal(v.evidence,
			    "2 of 2 blocks (2.0 KiB) were live when the process ended.");
	simulation_begin(&s, 16, 3);
	simulate_block(&s, 1, 1, 1024);
	verdict_site(&s.course, &v);
	assert_string_equal(v.evidence, "the 1 block allocated was freed.");
}

/* Handles have no bytes, and mappings are no blocks. */
static void test_units(void **state)
{
	struct simulation s;
	struct verdict v;

	simulation_begin(&s, 16, 3);
	for (int i = 0; i < 100; i++)
		simulate_block(&s, (i + 0.5) * 16 / 100, NEVER, 1);
	s.course.unit = "handle";
	verdict_site(&s.course, &v);
	assert_int_equal(v.verdict, VERDICT_GROWING);
	assert_string_equal(v.evidence,
			    "none of 50 handles allocated in the first 8.0 s was freed; 6.25/s.");
	s.course.ended = true;
	verdict_site(&s.course, &v);
	assert_string_equal(v.evidence, "100 of 100 handles were live when the process ended.");
	s.course.unit = "mapping";
	verdict_site(&s.course, &v);
	assert_string_equal(v.evidence,
			    "100 of 100 mappings (100 B) were live when the process ended.");

	simulation_begin(&s, 16, 3);
	for (int i = 0; i < 100; i++)
		simulate_block(&s, (i + 0.5) * 16 / 100, (i + 0.5) * 16 / 100 + 1, 1);
	s.course.unit = "handle";
	verdict_site(&s.course, &v);
	assert_int_equal(v.verdict, VERDICT_STEADY);
	assert_string_equal(
		v.evidence,
		"94.0% of 100 handles were freed; 6 handles live, 0% of it older than 8.0 s.");
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

static void idle_process(struct verdict_process *p)
{
	*p = (struct verdict_process){ .seconds = 60, .live_bytes = 10 << 20, .alloc_count = 1000 };
	p->by_verdict[VERDICT_STEADY].bytes = 10 << 20;
	p->by_verdict[VERDICT_STEADY].sites = 3;
}

static void says_who_holds_it_free(void **state)
{
	struct verdict_process p;
	struct verdict v;

	idle_process(&p);
	p.live_start_bytes = 10 << 20;
	p.rss_start_bytes = 100 << 20;
	p.rss_bytes = 200 << 20;
	p.allocator.name = "glibc";
	p.allocator.held_bytes = 110 << 20;
	p.allocator.free_bytes = 90 << 20;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_RETENTION);
	assert_string_equal(v.evidence,
			    "Resident memory grew by 100 MiB, outstanding blocks by 0 B; "
			    "90.0 MiB of the 110 MiB that glibc got from the kernel are free.");
	p.allocator.name = "jemalloc";
	p.allocator.at_most = true;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_RETENTION);
	assert_string_equal(v.evidence,
			    "Resident memory grew by 100 MiB, outstanding blocks by 0 B; jemalloc "
			    "holds at most 90.0 MiB free (resident, and in no outstanding block).");
	/* not what it holds: it is none of its memory */
	p.allocator.free_bytes = 1 << 20;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_TOO_LITTLE_DATA);
	assert_non_null(strstr(v.evidence, "but at most 1.0 MiB of jemalloc is free"));
	p.allocator.at_most = false;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_TOO_LITTLE_DATA);
	assert_non_null(strstr(v.evidence, "memory of another kind"));
}

static void says_that_a_limit_is_too_small(void **state)
{
	struct verdict_process p;
	struct verdict v;

	idle_process(&p);
	p.limit = (struct verdict_limit){ "memory.max of cgroup /a", 100 << 20, 1 << 20, 0, 0, 0 };
	verdict_process(&p, &v);
	/* full, and in no need */
	assert_int_equal(v.verdict, VERDICT_NONE);
	p.limit.hits = 3;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_LIMIT);
	assert_true(v.limit_seconds == 0);
	p.limit.oom_kills = 1;
	verdict_process(&p, &v);
	assert_string_equal(v.evidence,
			    "No site grows, but memory.max of cgroup /a (100 MiB) has 1.0 MiB "
			    "left, and 1 process was killed for it meanwhile.");
	p.limit.room_bytes = 50 << 20;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_NONE);
	/* what grows comes first: more room would not help */
	p.limit.room_bytes = 1 << 20;
	p.by_verdict[VERDICT_GROWING].sites = 1;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_LEAK);
}

static void of_one_that_was_killed_the_course_counts(void **state)
{
	struct verdict_process p;
	struct verdict v;

	idle_process(&p);
	p.killed = true;
	p.live_bytes = 60 << 20;
	p.limit = (struct verdict_limit){ "memory.max of cgroup /a", 100 << 20, 0, 0, 1, 0 };
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_LIMIT);
	assert_string_equal(v.evidence,
			    "No site grows, but memory.max of cgroup /a (100 MiB) was reached.");
	/* what was loaded at once comes before a limit that is too small, unlike in the living */
	p.by_verdict[VERDICT_BURST].bytes = 50 << 20;
	p.by_verdict[VERDICT_BURST].sites = 1;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_OVERFLOW);
	p.killed = false;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_LIMIT);
	p.killed = true;
	p.by_verdict[VERDICT_GROWING].sites = 1;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_LEAK);
	assert_true(v.limit_seconds == 0);
}

static void takes_the_runtimes_word(void **state)
{
	struct verdict_process p;
	struct verdict v;

	idle_process(&p);
	p.runtime.evidence = "Old.";
	p.runtime.state = VERDICT_RUNTIME_GROWS;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_LEAK);
	assert_string_equal(v.evidence, "Old.");
	p.runtime.state = VERDICT_RUNTIME_TIGHT;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_LIMIT);
	p.runtime.state = VERDICT_RUNTIME_NATIVE;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_LEAK);
	p.runtime.state = VERDICT_RUNTIME_STEADY;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_NONE);
	/* it maps its heap as it fills */
	p.growing_mappings.sites = 2;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_NONE);
	p.runtime.state = VERDICT_RUNTIME_UNKNOWN;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_LEAK);
}

enum { COURSE = 60 };

static void course_of(struct verdict_point course[COURSE], double start, double per_second)
{
	for (int i = 0; i < COURSE; i++)
		course[i] = (struct verdict_point){ i, start + per_second * i,
						    2 * start + per_second * i };
}

static void says_when_a_leak_meets_its_limit(void **state)
{
	struct verdict_point course[COURSE];
	struct verdict_process p;
	struct verdict v;

	idle_process(&p);
	course_of(course, 10 << 20, 1 << 20);
	p.course = course;
	p.nr_course = COURSE;
	p.limit = (struct verdict_limit){ "RLIMIT_AS", 1 << 30, 100 << 20, 0, 0, 0 };
	verdict_process(&p, &v);
	/* no site grows: it may come back */
	assert_true(v.limit_seconds == 0);
	p.by_verdict[VERDICT_GROWING].sites = 1;
	verdict_process(&p, &v);
	assert_true(v.limit_seconds > 95 && v.limit_seconds < 105);
	assert_true(v.limit_seconds_low <= v.limit_seconds);
	assert_true(v.limit_seconds_high >= v.limit_seconds && v.limit_seconds_high < 120);
	/* neither outstanding nor resident goes on rising */
	course_of(course, 10 << 20, 0);
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_LEAK);
	assert_true(v.limit_seconds == 0);
	p.nr_course = 3;
	verdict_process(&p, &v);
	assert_true(v.limit_seconds == 0);
}

static void tells_a_backlog_and_a_cache(void **state)
{
	struct verdict_point course[COURSE];
	struct verdict_process p;
	struct verdict v;

	idle_process(&p);
	p.by_verdict[VERDICT_FILLING].bytes = 8 << 20;
	p.by_verdict[VERDICT_FILLING].sites = 1;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_FILLING);
	p.by_verdict[VERDICT_FILLING].bytes = 1 << 20;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_NONE);

	course_of(course, 1 << 20, 150 << 10);
	p.course = course;
	p.nr_course = COURSE;
	p.backlog.bytes = 9 << 20;
	p.backlog.rate = 150 << 10;
	p.backlog.sites = 1;
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_OVERFLOW);
	assert_non_null(strstr(v.evidence, "more come than go"));
	assert_true(v.limit_seconds == 0);
	course_of(course, 10 << 20, 0);
	verdict_process(&p, &v);
	assert_int_equal(v.verdict, VERDICT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_who_holds_it_free),
		cmocka_unit_test(says_that_a_limit_is_too_small),
		cmocka_unit_test(of_one_that_was_killed_the_course_counts),
		cmocka_unit_test(takes_the_runtimes_word),
		cmocka_unit_test(says_when_a_leak_meets_its_limit),
		cmocka_unit_test(tells_a_backlog_and_a_cache),
		cmocka_unit_test(test_evidence),
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_teeth_that_leak),
		cmocka_unit_test(test_sessions_in_sum),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_plurals),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

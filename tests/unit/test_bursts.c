/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tracing in bursts: the counts, the plan of bursts, the estimate on simulated sites whose
 * truth is known, and the verdict. tools/burst_simulation.c shows many more of these.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "burst_world.h"
#include "feed.h"
#include "heap/burst_verdict.h"
#include "heap/bursts_internal.h"

static void ages_are_in_order(void **state)
{
	double before = -1;

	for (unsigned int age = 0; age < AGES; age++) {
		assert_true(age_edge(age) > before);
		before = age_edge(age);
		assert_int_equal(age_of((uint32_t)ceil(age_begin(age))), age);
	}
	assert_true(age_of(UINT32_MAX) < AGES);
}

static void times_are_brought_into_the_burst(void **state)
{
	struct bursts *b = bursts_new();

	assert_int_equal(bursts_clamp(b, 7), 7);
	assert_int_equal(bursts_begin(b, 100), 0);
	assert_int_equal(bursts_clamp(b, 99), 100);
	assert_int_equal(bursts_clamp(b, 500), 500);
	bursts_end(b, 150);
	assert_int_equal(bursts_clamp(b, 500), 150);
	assert_int_equal(bursts_traced(b), 50);
	bursts_free(b);
}

/* Bound: the oldest are forgotten, and what was born in them is not missed. */
static void the_oldest_bursts_are_forgotten(void **state)
{
	struct bursts *b = bursts_new();

	for (uint32_t i = 0; i < 2000; i++) {
		assert_int_equal(bursts_begin(b, 100 * i), 0);
		bursts_birth(b, 1, 1, 16 * i + 16);
		bursts_end(b, 100 * i + 10);
	}
	assert_in_range(bursts_count(b), 384, 512);
	bursts_death(b, 1, 1, 16, 0, 199905);
	bursts_death(b, 1, 1, 16 * 2000, 199900, 199905);
	assert_int_equal(b->sites[1].nr_deaths, 1);
	assert_int_equal(b->sites[1].nr_births, bursts_count(b));
	assert_int_equal(bursts_lost(b), 0);
	bursts_free(b);
}

static void plans_have_their_mean(void **state)
{
	struct burst_plan plan = {
		.state = 42, .shortest = 0.01, .longest = 0.1, .least_pause = 0.05
	};
	double length = 0, pause = 0;

	for (int i = 0; i < 20000; i++) {
		double drawn = burst_plan_length(&plan), rest = burst_plan_pause(&plan, 1.5);

		assert_true(drawn >= 0.01 && drawn <= 0.1 && rest >= 0.05);
		length += drawn / 20000;
		pause += rest / 20000;
	}
	assert_true(fabs(length - 0.09 / log(10)) < 0.002);
	assert_true(fabs(pause - 1.5) < 0.08);
	assert_true(burst_plan_pause(&plan, 0.01) == 0.05);
}

/* Of eight one after another one is of each part: no run of long pauses, or of short bursts. */
static void plans_have_no_runs(void **state)
{
	struct burst_plan plan = {
		.state = 7, .shortest = 0.01, .longest = 0.1, .least_pause = 0.05
	};

	for (int i = 0; i < 500; i++) {
		unsigned int lengths = 0, longest = 0;

		for (int k = 0; k < 8; k++) {
			lengths |= 1U << (int)(log10(burst_plan_length(&plan) / 0.01) * 8);
			/* the longest eighth begins at 4.05 s, where the mean is 1.5 s */
			longest += burst_plan_pause(&plan, 1.5) > 4.1;
		}
		assert_int_equal(lengths, 0xff);
		assert_true(longest <= 1);
	}
}

struct tally_of_runs {
	int runs, covered, called;
};

static struct tally_of_runs many(const struct world *like, int runs, double seconds)
{
	struct tally_of_runs sum = { 0 };

	for (int i = 1; i <= runs; i++) {
		struct world w = *like;
		struct burst_share share;
		struct world_run *r;
		double truth, off;

		w.seed = (uint64_t)i;
		r = world_begin(&w);
		world_run(r, seconds);
		assert_int_equal(world_share(r, &share), 0);
		truth = world_truth(&w, share.horizon);
		off = 2 * sqrt(truth * (1 - truth) / (double)(share.born + 1)) + 0.002;
		sum.runs++;
		sum.covered += truth >= share.low - off && truth <= share.high + off;
		sum.called += share.surely > 0.002;
		world_end(r);
	}
	return sum;
}

/* Every law, with and without reuse of addresses: the interval holds the truth. */
static void intervals_cover_the_truth(void **state)
{
	static const double leaks[] = { 0, 0.5, 1 };
	int runs = 0, covered = 0;

	for (size_t law = 0; law < WORLD_LAWS; law++)
		for (size_t i = 0; i < 6; i++) {
			struct world w = { .rate = 150,
					   .busy_rate = i & 1 ? 400 : 0,
					   .law = &world_laws[law],
					   .leak = leaks[i / 2],
					   .reuses = i & 1,
					   .shortest = 0.015,
					   .longest = 0.12,
					   .duty = 0.1 };
			struct tally_of_runs sum = many(&w, 4, 30);

			runs += sum.runs;
			covered += sum.covered;
			if (leaks[i / 2] == 0 && sum.called > 1)
				fail_msg("%s, %s reuse: a leak where there is none", w.law->name,
					 i & 1 ? "with" : "without");
			if (leaks[i / 2] == 1)
				assert_int_equal(sum.called, sum.runs);
		}
	if (covered < 0.9 * runs)
		fail_msg("the interval holds the truth in %d of %d", covered, runs);
}

/* At a fiftieth of the time a leak is told within a minute by what the process grows by. */
static void little_time_is_enough(void **state)
{
	struct world w = { .rate = 300,
			   .busy_rate = 1000,
			   .law = &world_laws[0],
			   .leak = 1,
			   .reuses = true,
			   .shortest = 0.015,
			   .longest = 0.12,
			   .duty = 0.02 };

	assert_true(many(&w, 5, 60).called >= 4);
	w.leak = 0;
	assert_int_equal(many(&w, 5, 60).called, 0);
}

/*
 * A hundredth of the calls leaks: it is told, since frees in the burst of birth say that the
 * others' do not.
 */
static void a_little_among_much_is_told(void **state)
{
	struct world w = { .rate = 100,
			   .busy_rate = 10000,
			   .busy_life = 0.001,
			   .least_pause = 0.1,
			   .law = &world_laws[0],
			   .leak = 1,
			   .reuses = true,
			   .shortest = 0.0075,
			   .longest = 0.1,
			   .duty = 0.1 };

	assert_int_equal(many(&w, 2, 25).called, 2);
	w.leak = 0;
	assert_int_equal(many(&w, 2, 25).called, 0);
}

/*
 * Emptied every 1.3 s, on an allocator that gives no address out again: no burst may have met it,
 * but resident memory does not go on rising. That of a leak does.
 */
static void freed_at_once_is_no_leak(void **state)
{
	struct world w = { .rate = 300,
			   .busy_rate = 400,
			   .law = &world_laws[WORLD_LAWS - 1],
			   .shortest = 0.019,
			   .longest = 0.075,
			   .least_pause = 0.1,
			   .duty = 0.02 };
	struct burst_growth growth;
	struct burst_share share;
	int suggested = 0, named = 0;

	assert_string_equal(w.law->name, "batches");
	for (w.seed = 1; w.seed <= 20; w.seed++) {
		struct world_run *r = world_begin(&w);

		world_run(r, 45);
		assert_int_equal(world_share(r, &share), 0);
		suggested += burst_leaks(&share);
		assert_int_equal(world_settle(r, WORLD_SITE, &share, &growth), 0);
		assert_false(burst_leaks(&share));
		assert_true(share.low == 0);
		world_end(r);
	}
	assert_true(suggested >= 4);
	w.leak = 1;
	for (w.seed = 1; w.seed <= 5; w.seed++) {
		struct world_run *r = world_begin(&w);

		world_run(r, 60);
		assert_int_equal(world_settle(r, WORLD_SITE, &share, &growth), 0);
		named += burst_leaks(&share);
		world_end(r);
	}
	assert_int_equal(named, 5);
}

/* Met once, it is one observation, of however many blocks. */
static void a_lump_is_one_observation(void **state)
{
	struct world w = { .rate = 100,
			   .law = &world_lumps[9],
			   .shortest = 0.05,
			   .longest = 0.2,
			   .least_pause = 0.01,
			   .duty = 0.5 };
	int covered = 0;

	assert_string_equal(w.law->name, "generations");
	for (w.seed = 1; w.seed <= 20; w.seed++) {
		struct world_run *r = world_begin(&w);
		struct burst_share share;

		world_run(r, 20);
		assert_int_equal(world_share(r, &share), 0);
		covered += world_truth(&w, share.horizon) <= share.high + 0.01;
		world_end(r);
	}
	if (covered < 19)
		fail_msg("the truth is above the interval in %d of 20", 20 - covered);
}

/* A rise in 60 looks, with a tooth that falls back every `teeth` looks. */
static struct burst_resident *a_course(double rate, double tooth, int teeth)
{
	struct series_point points[60];

	for (int i = 0; i < 60; i++)
		points[i] = (struct series_point){ i, 1e7 + i * rate + tooth * (i % teeth) };
	return burst_resident_new(points, 60);
}

/* A rise that goes on at so much less of its rate after half of 60 looks. */
static struct burst_resident *a_bent_course(double rate, double later)
{
	struct series_point points[60];

	for (int i = 0; i < 60; i++)
		points[i] =
			(struct series_point){ i,
					       1e7 + rate * (i < 30 ? i : 30 + later * (i - 30)) };
	return burst_resident_new(points, 60);
}

static void resident_memory_bears_leaks_out(void **state)
{
	struct burst_resident *r = a_course(20e3, 0, 1);

	assert_true(burst_resident_bears_out(r, 20e3));
	assert_true(burst_resident_bears_out(r, 30e3));
	assert_false(burst_resident_bears_out(r, 50e3));
	assert_false(burst_resident_bears_out(r, 1e3));
	assert_false(burst_resident_bears_out(r, 0));
	/* A larger one is borne out by it: nothing is left. One that is not takes nothing. */
	assert_int_equal(burst_resident_claim(r, 5e3, 64), 0);
	assert_int_equal(burst_resident_claim(r, 1e6, 64), 0);
	assert_true(burst_resident_bears_out(r, 5e3));
	assert_int_equal(burst_resident_claim(r, 18e3, 64), 0);
	assert_false(burst_resident_bears_out(r, 5e3));
	assert_true(burst_resident_bears_out(r, 18e3));
	assert_true(burst_resident_bears_out(r, 18e3 / 3 * 3 * (1 - 1e-9)));
	burst_resident_free(r);
	r = a_course(0, 20e3, 25);
	assert_false(burst_resident_bears_out(r, 20e3));
	burst_resident_free(r);
	r = a_course(0, 0, 1);
	assert_false(burst_resident_bears_out(r, 20e3));
	burst_resident_free(r);
	/* A server with less to do, and a warm-up. */
	r = a_bent_course(30e3, 0.35);
	assert_true(burst_resident_bears_out(r, 20e3));
	burst_resident_free(r);
	r = a_bent_course(30e3, 0.02);
	assert_false(burst_resident_bears_out(r, 20e3));
	burst_resident_free(r);
	r = burst_resident_new(NULL, 0);
	assert_false(burst_resident_bears_out(r, 20e3));
	burst_resident_free(r);
}

/* What was traced nearly all the time needs no other witness. */
static void enough_of_the_time_is_a_witness(void **state)
{
	struct burst_share share = { .share = 1,
				     .low = 0.9,
				     .high = 1,
				     .surely = 0.8,
				     .bursts = 40,
				     .born = 1000,
				     .unproven = 1000,
				     .lumps_within = 70 };
	struct burst_growth growth = { .bytes = 2048 };

	burst_settle(&share, &growth);
	assert_true(burst_leaks(&share));
	share.lumps_within = 10;
	burst_settle(&share, &growth);
	assert_true(!burst_leaks(&share) && share.lumped && share.low == 0);
}

static struct burst_share a_share(void)
{
	return (struct burst_share){ .enough = true,
				     .share = 0.97,
				     .low = 0.91,
				     .high = 1,
				     .surely = 0.8,
				     .bursts = 40,
				     .born = 1000,
				     .unproven = 970,
				     .net_at_most = 1000 };
}

static void verdicts_have_words(void **state)
{
	struct burst_growth growth = { .bytes = 2048 };
	struct burst_share share = a_share();
	struct verdict v;

	verdict_bursts(&share, &growth, &v);
	assert_int_equal(v.verdict, VERDICT_GROWING);
	assert_string_equal(v.evidence,
			    "leaks 97% (91-100%) of what it allocates, 40 bursts; 1.9 KiB/s.");
	growth = (struct burst_growth){ .bytes = 1 << 20, .seconds = 60, .resident = 1 << 20 };
	verdict_bursts(&share, &growth, &v);
	assert_int_equal(v.verdict, VERDICT_TOO_LITTLE_DATA);
	assert_non_null(strstr(v.evidence, "resident memory does not grow by"));
	share.net_at_most = 300;
	verdict_bursts(&share, &growth, &v);
	assert_int_equal(v.verdict, VERDICT_TOO_LITTLE_DATA);
	assert_non_null(strstr(v.evidence, "releases about as many"));
	share = a_share();
	share.surely = 0;
	share.low = 0.1;
	verdict_bursts(&share, &growth, &v);
	assert_int_equal(v.verdict, VERDICT_TOO_LITTLE_DATA);
	assert_string_equal(v.evidence, "may leak 97% (10-100%) of what it allocates, 40 bursts: "
					"too little to tell.");
	share = a_share();
	burst_settle(&share, &growth);
	verdict_bursts(&share, &growth, &v);
	assert_int_equal(v.verdict, VERDICT_TOO_LITTLE_DATA);
	assert_non_null(strstr(v.evidence, "free it all at once between bursts"));
	share = (struct burst_share){ .enough = true, .high = 0.004, .bursts = 40, .born = 1000 };
	verdict_bursts(&share, &growth, &v);
	assert_int_equal(v.verdict, VERDICT_STEADY);
	assert_string_equal(v.evidence, "leaks at most 0.4% of what it allocates, 40 bursts.");
	share = (struct burst_share){ 0 };
	verdict_bursts(&share, &growth, &v);
	assert_int_equal(v.verdict, VERDICT_TOO_LITTLE_DATA);
}

/* Of a process that loses 128 bytes a millisecond, and of one that does not. */
static uint64_t rising;

static uint64_t resident(void *context, uint32_t space)
{
	return (8 << 20) + (*(bool *)context ? rising : 0);
}

/* Through the heap: two sites in bursts, one of which leaks. */
static void name_the_leak(bool rises)
{
	struct heap_options options = { .start_time = START_NS };
	struct heap *h = heap_new(&options);
	struct profile *p = profile_new();
	uint64_t address = 0x1000;
	const struct profile_site *leak, *steady;

	for (uint64_t i = 0; i < 60; i++) {
		uint64_t ms = 100 * i + 7 * (i % 5);

		assert_int_equal(heap_burst_begin(h, at_ms(ms)), 0);
		for (uint64_t k = 0; k < 40; k++) {
			feed_alloc(h, 1, address += 64, 64, 0x100, ms + k / 2);
			feed_alloc(h, 1, 0x10, 64, 0x200, ms + k / 2);
			feed_free(h, 1, 0x10, ms + k / 2);
		}
		heap_burst_end(h, at_ms(ms + 20));
		rising = 128 * ms;
		heap_mark(h, at_ms(ms + 20), resident, &rises);
	}
	assert_int_equal(heap_fill(h, at_ms(6200), NULL, false, 10, NULL, p), 0);
	assert_int_equal(p->nr_sites, 2);
	leak = p->sites[0].live_count ? &p->sites[0] : &p->sites[1];
	steady = leak == &p->sites[0] ? &p->sites[1] : &p->sites[0];
	assert_int_equal(leak->verdict, rises ? VERDICT_GROWING : VERDICT_TOO_LITTLE_DATA);
	assert_int_equal(leak->leak_bursts, 60);
	assert_true(leak->leak_share > 0.9);
	assert_true(rises ? leak->leak_share_low > 0.5 : leak->leak_share_low == 0);
	/* 64 bytes of each of 2 blocks a millisecond. */
	assert_true(fabs(leak->growth_rate / (2 * 64 * 1000) - 1) < 0.1);
	assert_int_equal(steady->verdict, VERDICT_STEADY);
	assert_true(steady->leak_share_high < 0.01);
	profile_free(p);
	heap_free(h);
}

static void the_heap_names_the_leak(void **state)
{
	name_the_leak(true);
	name_the_leak(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ages_are_in_order),
		cmocka_unit_test(times_are_brought_into_the_burst),
		cmocka_unit_test(the_oldest_bursts_are_forgotten),
		cmocka_unit_test(plans_have_their_mean),
		cmocka_unit_test(plans_have_no_runs),
		cmocka_unit_test(intervals_cover_the_truth),
		cmocka_unit_test(little_time_is_enough),
		cmocka_unit_test(a_little_among_much_is_told),
		cmocka_unit_test(freed_at_once_is_no_leak),
		cmocka_unit_test(a_lump_is_one_observation),
		cmocka_unit_test(resident_memory_bears_leaks_out),
		cmocka_unit_test(enough_of_the_time_is_a_witness),
		cmocka_unit_test(verdicts_have_words),
		cmocka_unit_test(the_heap_names_the_leak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

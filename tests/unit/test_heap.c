// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The cases a collector gets wrong: realloc races, address reuse, fork and exec,
 * sampling, filters. One test a case.
 */
#include "feed.h"
#include "heap/released.h"

#include <errno.h>
#include <math.h>

static void test_alloc_free(void **state)
{
	struct heap *h = new_heap(0, 0);
	struct profile *p;

	feed_alloc(h, 1, 0x1000, 100, 7, 10);
	feed_alloc(h, 1, 0x2000, 50, 7, 1200);
	feed_alloc(h, 1, 0x3000, 8, 7, 1300);
	feed_free(h, 1, 0x3000, 1400);
	feed_free(h, 1, 0x9000, 1400);
	feed_alloc(h, 1, 0, 64, 7, 1500);
	p = filled(h, 5010, NULL);
	assert_int_equal(p->nr_processes, 1);
	assert_int_equal(p->nr_sites, 1);
	assert_int_equal(p->sites[0].live_bytes, 150);
	assert_int_equal(p->sites[0].alloc_bytes, 158);
	assert_int_equal(p->sites[0].free_bytes, 8);
	assert_int_equal(p->sites[0].largest, 100);
	assert_true(fabs(p->sites[0].oldest_seconds - 5.0) < 1e-9);
	assert_int_equal(p->processes[0].live_bytes, 150);
	assert_int_equal(p->processes[0].unmatched_frees, 1);
	assert_int_equal(p->health.unmatched_frees, 1);
	assert_string_equal(p->processes[0].comm, "service");
	profile_free(p);
	heap_free(h);
}

static void test_missed_free(void **state)
{
	struct heap *h = new_heap(0, 0);

	feed_alloc(h, 1, 0x1000, 100, 7, 10);
	feed_alloc(h, 1, 0x1000, 30, 8, 20);
	check_stack(h, PID, 7, 0, 0, 1, 1);
	check_stack(h, PID, 8, 30, 1, 1, 0);
	assert_int_equal(heap_stats(h).missed_frees, 1);
	heap_free(h);
}

/*
 * What an ending thread's cache gives back was freed before, and a block from before the capture
 * is freed once: only that counts as unmatched.
 */
static void test_repeated_free(void **state)
{
	struct heap *h = new_heap(0, 0);
	struct profile *p;

	feed_alloc(h, 1, 0x1000, 100, 7, 10);
	feed_free(h, 1, 0x1000, 20);
	feed_free(h, 1, 0x1000, 20); /* by the allocator */
	feed_free(h, 1, 0x2000, 20); /* the cache itself, */
	feed_free(h, 1, 0x2000, 30); /* and the next one in its place */
	feed_free(h, 2, 0x1000, 30); /* of another process */
	assert_int_equal(heap_stats(h).unmatched_frees, 2);
	assert_int_equal(heap_stats(h).repeated_frees, 2);
	/* In between it was a block: each time it is one, its release is that of a block. */
	feed_alloc(h, 1, 0x1000, 100, 7, 40);
	feed_free(h, 1, 0x1000, 50);
	feed_alloc(h, 1, 0x1000, 100, 7, 60);
	p = filled(h, 5000, NULL);
	assert_int_equal(site_of(p, PID, 7)->live_count, 1);
	assert_int_equal(site_of(p, PID, 7)->free_count, 2);
	assert_int_equal(p->health.repeated_frees, 2);
	assert_int_equal(p->processes[0].repeated_frees, 2);
	profile_free(p);
	heap_free(h);
}

/* One release offsets one block, not one at each site. */
static void test_sites_that_rise_together(void **state)
{
	for (unsigned int older = 4; older <= 9; older += 5) {
		struct heap *h = new_heap(0, 0);
		struct profile *p;

		/* Each of two sites allocates 100 a second; 80 or 180 older blocks go. */
		for (unsigned int i = 0; i < 2000; i++) {
			feed_alloc(h, 1, 0x100000 + i * 64, 100, 7 + i % 2, i * 5);
			if (i % 10 < older)
				feed_free(h, 1, 0x900000 + i * 64, i * 5);
		}
		p = filled(h, 10000, NULL);
		for (size_t i = 0; i < p->nr_sites; i++)
			assert_int_equal(p->sites[i].verdict, VERDICT_TOO_LITTLE_DATA);
		assert_int_equal(p->processes[0].verdict,
				 older > 4 ? VERDICT_TOO_LITTLE_DATA : VERDICT_LEAK);
		profile_free(p);
		heap_free(h);
	}
}

/* Batches about as long as an interval, of which a part is kept: what is left of each is seen. */
static void test_teeth_that_leak(void **state)
{
	enum { BATCH = 150 };

	for (unsigned int rate = 80; rate <= 100; rate += 4) {
		struct heap *h = new_heap(0, 0);
		struct profile *p;

		for (unsigned int i = 0; i < 30 * rate; i++) {
			uint64_t ms = i * 1000 / rate;

			feed_alloc(h, 1, 0x100000 + i * 64, 4000, 7, ms);
			for (unsigned int k = i + 1 - BATCH; i % BATCH == BATCH - 1 && k <= i; k++)
				if (k % 15)
					feed_free(h, 1, 0x100000 + k * 64, ms);
		}
		p = filled(h, 30000, NULL);
		assert_int_equal(p->sites[0].verdict, VERDICT_GROWING);
		profile_free(p);
		heap_free(h);
	}
}

/* Between two bursts an address may be handed out unseen: then it is no repetition. */
static void test_repeated_free_in_bursts(void **state)
{
	struct heap *h = new_heap(0, 0);

	assert_int_equal(heap_burst_begin(h, at_ms(0)), 0);
	feed_alloc(h, 1, 0x1000, 100, 7, 10);
	feed_free(h, 1, 0x1000, 20);
	feed_free(h, 1, 0x1000, 20);
	assert_int_equal(heap_stats(h).repeated_frees, 1);
	heap_burst_end(h, at_ms(100));
	assert_int_equal(heap_burst_begin(h, at_ms(1000)), 0);
	feed_free(h, 1, 0x1000, 1010);
	assert_int_equal(heap_stats(h).repeated_frees, 1);
	assert_int_equal(heap_stats(h).unmatched_frees, 1);
	heap_free(h);
}

/* As many as there is room for are known: the later ones. */
static void test_repeated_frees_bound(void **state)
{
	struct released *released = released_new(1024);
	unsigned int again = 0;

	assert_non_null(released);
	assert_true(released_bytes(released) <= 1024 + 32);
	for (unsigned int i = 0; i < 10000; i++)
		assert_false(released_note(released, 1, 0x1000 + 16 * i));
	for (unsigned int i = 10000 - 64; i < 10000; i++)
		again += released_note(released, 1, 0x1000 + 16 * i);
	assert_in_range(again, 32, 64);
	released_forget(released);
	assert_false(released_note(released, 1, 0x1000 + 16 * 9999));
	released_free(released);
	released_free(NULL);
}

static void test_realloc_moves(void **state)
{
	struct heap *h = new_heap(0, 0);

	feed_alloc(h, 1, 0x1000, 100, 7, 10);
	feed_realloc_begin(h, 1, 5, 0x1000, 20);
	check_stack(h, PID, 7, 100, 1, 1, 0);
	/* Another thread is given the old address before the END arrives. */
	feed_alloc(h, 1, 0x1000, 11, 8, 21);
	feed_realloc_end(h, 1, 5, 0x2000, 200, 9, 0, 22);
	check_stack(h, PID, 7, 0, 0, 1, 1);
	check_stack(h, PID, 8, 11, 1, 1, 0);
	check_stack(h, PID, 9, 200, 1, 1, 0);
	feed_free(h, 1, 0x2000, 30);
	feed_free(h, 1, 0x1000, 30);
	assert_int_equal(heap_stats(h).blocks, 0);
	assert_int_equal(heap_stats(h).unmatched_frees, 0);
	assert_int_equal(heap_stats(h).missed_frees, 0);
	heap_free(h);
}

static void test_realloc_fails(void **state)
{
	struct heap *h = new_heap(0, 0);
	struct profile *p;

	feed_alloc(h, 1, 0x1000, 100, 7, 1000);
	feed_realloc_begin(h, 1, 5, 0x1000, 2000);
	feed_realloc_end(h, 1, 5, 0, 1ULL << 40, 9, SEEP_FAILED, 2000);
	p = filled(h, 5000, NULL);
	assert_int_equal(site_of(p, PID, 7)->live_bytes, 100);
	assert_true(fabs(site_of(p, PID, 7)->oldest_seconds - 4.0) < 1e-9);
	assert_null(site_of(p, PID, 9));
	profile_free(p);
	feed_free(h, 1, 0x1000, 5001);
	assert_int_equal(heap_stats(h).blocks, 0);
	assert_int_equal(heap_stats(h).unmatched_frees, 0);
	heap_free(h);
}

static void test_realloc_abandoned(void **state)
{
	struct heap *h = new_heap(0, 0);

	feed_alloc(h, 1, 0x1000, 100, 7, 10);
	feed_alloc(h, 1, 0x2000, 50, 7, 10);
	feed_realloc_begin(h, 1, 5, 0x1000, 20);
	feed_realloc_begin(h, 1, 5, 0x2000, 30);
	assert_int_equal(heap_stats(h).parked, 1);
	assert_int_equal(heap_stats(h).blocks, 1);
	/* A thread that never comes back: another one frees what it had parked. */
	feed_free(h, 1, 0x2000, 40);
	assert_int_equal(heap_stats(h).parked, 0);
	assert_int_equal(heap_stats(h).unmatched_frees, 0);
	feed_realloc_begin(h, 1, 6, 0x1000, 50);
	feed_space(h, SEEP_SPACE_END, SEEP_SPACE_EXIT, 1, 0, PID, 60);
	assert_int_equal(heap_stats(h).parked, 0);
	check_stack(h, PID, 7, 100, 1, 2, 1);
	heap_free(h);
}

static void test_realloc_zero_and_unknown(void **state)
{
	struct heap *h = new_heap(0, 0);

	feed_alloc(h, 1, 0x1000, 100, 7, 10);
	feed_realloc_begin(h, 1, 5, 0x1000, 20);
	feed_realloc_end(h, 1, 5, 0, 0, 9, SEEP_NULL_FREES | SEEP_FAILED, 20);
	check_stack(h, PID, 7, 0, 0, 1, 1);
	/* A block from before the capture: moved counts as one unmatched release ... */
	feed_realloc_begin(h, 1, 5, 0x5000, 30);
	feed_realloc_end(h, 1, 5, 0x6000, 10, 9, 0, 30);
	assert_int_equal(heap_stats(h).unmatched_frees, 1);
	/* ... failed or in place as none. */
	feed_realloc_begin(h, 1, 5, 0x7000, 40);
	feed_realloc_end(h, 1, 5, 0, 10, 9, SEEP_FAILED, 40);
	feed_realloc_begin(h, 1, 5, 0x7000, 50);
	feed_realloc_end(h, 1, 5, 0x7000, 20, 9, 0, 50);
	assert_int_equal(heap_stats(h).unmatched_frees, 1);
	check_stack(h, PID, 9, 30, 2, 2, 0);
	heap_free(h);
}

static void test_resize_in_place(void **state)
{
	struct heap *h = new_heap(0, 0);
	struct seep_alloc end = an_alloc(1, 0x1000, 300, 9, 3000);
	struct profile *p;

	feed_alloc(h, 1, 0x1000, 100, 7, 1000);
	feed_realloc_begin(h, 1, 1, 0x1000, 3000);
	end.kind = SEEP_REALLOC_END;
	end.op = SEEP_OP_RESIZE;
	heap_realloc_end(h, &end);
	p = filled(h, 5000, NULL);
	assert_null(site_of(p, PID, 9));
	assert_int_equal(site_of(p, PID, 7)->live_bytes, 300);
	assert_int_equal(site_of(p, PID, 7)->free_count, 0);
	assert_int_equal(site_of(p, PID, 7)->free_bytes, 0);
	assert_true(fabs(site_of(p, PID, 7)->oldest_seconds - 4.0) < 1e-9);
	profile_free(p);
	heap_free(h);
}

static void test_spaces(void **state)
{
	struct heap *h = new_heap(0, 0);
	struct profile *p;

	feed_alloc(h, 1, 0x1000, 100, 7, 10);
	/* A child has its own copy; what it frees of its parent's is no error. */
	feed_space(h, SEEP_SPACE_BEGIN, SEEP_SPACE_FORK, 2, 1, 43, 100);
	feed_free(h, 2, 0x1000, 110);
	feed_alloc(h, 2, 0x1000, 33, 8, 120);
	/* It becomes another program, then that one ends. */
	feed_space(h, SEEP_SPACE_BEGIN, SEEP_SPACE_EXEC, 3, 2, 43, 200);
	feed_free(h, 3, 0x9000, 210);
	feed_alloc(h, 3, 0x1000, 44, 9, 220);
	feed_space(h, SEEP_SPACE_END, SEEP_SPACE_EXIT, 3, 0, 43, 2300);
	/* Its pid is used again; and one that was never announced. */
	feed_space(h, SEEP_SPACE_BEGIN, SEEP_SPACE_FORK, 4, 1, 43, 2400);
	feed_alloc(h, 5, 0x1000, 55, 10, 2500);
	p = filled(h, 5000, NULL);
	assert_int_equal(p->nr_processes, 5);
	assert_int_equal(p->processes[0].live_bytes, 100);
	assert_int_equal(p->processes[0].inherited_frees, 0);
	assert_int_equal(p->processes[1].inherited_frees, 1);
	assert_int_equal(p->processes[1].unmatched_frees, 0);
	assert_int_equal(p->processes[1].parent, 0);
	assert_true(p->processes[1].exited);
	assert_int_equal(p->processes[1].live_bytes, 33);
	assert_int_equal(p->processes[2].generation, 1);
	assert_int_equal(p->processes[2].parent, 0);
	assert_int_equal(p->processes[2].unmatched_frees, 1);
	assert_int_equal(p->processes[2].live_bytes, 44);
	assert_true(p->processes[2].exited);
	assert_int_equal(p->processes[2].verdict, VERDICT_LIVE_AT_EXIT);
	assert_int_equal(p->sites[2].verdict, VERDICT_LIVE_AT_EXIT);
	assert_true(fabs(p->sites[2].oldest_seconds - 2.08) < 1e-9);
	assert_int_equal(p->processes[3].pid, 43);
	assert_int_equal(p->processes[3].generation, 0);
	assert_false(p->processes[3].exited);
	assert_int_equal(p->processes[4].pid, 0);
	assert_int_equal(p->processes[4].live_bytes, 55);
	profile_free(p);
	heap_free(h);
}

static void test_taint(void **state)
{
	struct heap *h = new_heap(0, 0);
	struct profile *p;

	heap_taint(h, 1, 3);
	heap_taint(h, 99, 3);
	p = filled(h, 5000, NULL);
	assert_int_equal(p->processes[0].lost_frees, 3);
	assert_true(p->processes[0].tainted);
	profile_free(p);
	heap_free(h);
}

static void test_filter(void **state)
{
	struct heap *h = new_heap(0, 0);
	struct heap_filter old = { .min_age_ns = 3000 * MS },
			   sized = { .min_size = 60, .max_size = 90 };
	struct profile *p;

	feed_alloc(h, 1, 0x1000, 100, 7, 1000);
	feed_alloc(h, 1, 0x2000, 80, 7, 4000);
	feed_map(h, SEEP_MAP, 1, 1, 0x90000, 0x3000, 8, 0, 1000);
	p = filled(h, 5000, &old);
	assert_int_equal(site_of(p, PID, 7)->live_bytes, 100);
	assert_int_equal(site_of(p, PID, 7)->alloc_count, 2);
	assert_int_equal(site_of(p, PID, 7)->free_count, 0);
	assert_int_equal(site_of(p, PID, 8)->live_bytes, 0x3000);
	assert_int_equal(p->processes[0].live_bytes, 100);
	profile_free(p);
	p = filled(h, 5000, &sized);
	assert_int_equal(site_of(p, PID, 7)->live_bytes, 80);
	assert_int_equal(site_of(p, PID, 7)->live_count, 1);
	assert_int_equal(site_of(p, PID, 7)->largest, 80);
	assert_int_equal(site_of(p, PID, 8)->live_bytes, 0);
	profile_free(p);
	heap_free(h);
}

static void test_cohorts(void **state)
{
	struct heap *h = new_heap(0, 0);
	const struct profile_site *s;
	uint64_t alloc = 0, live = 0;
	struct profile *p;

	for (uint64_t i = 0; i < 10000; i++)
		feed_alloc(h, 1, 0x1000 + i * 64, 10, 7, i * 10);
	for (uint64_t i = 0; i < 5000; i++)
		feed_free(h, 1, 0x1000 + i * 64, 100000);
	p = filled(h, 100000, NULL);
	s = site_of(p, PID, 7);
	assert_in_range(s->nr_cohorts, PROFILE_COHORTS / 2, PROFILE_COHORTS);
	for (uint32_t i = 0; i < s->nr_cohorts; i++) {
		const struct profile_cohort *c = &s->cohorts[i];

		alloc += c->alloc_count;
		live += c->live_count;
		if (c->end <= 50)
			assert_int_equal(c->live_count, 0);
		if (c->begin >= 50)
			assert_int_equal(c->live_count, c->alloc_count);
	}
	assert_int_equal(alloc, 10000);
	assert_int_equal(live, 5000);
	assert_true(fabs(s->cohorts[s->nr_cohorts - 1].end - 100) < 1e-9);
	profile_free(p);
	heap_free(h);
}

static void test_top_sites(void **state)
{
	struct heap *h = new_heap(0, 0);
	struct profile *p = profile_new();
	static const struct heap_naming naming = { .add_stack = stack_by_number };

	for (uint64_t i = 0; i < 10; i++)
		feed_alloc(h, 1, 0x1000 + i * 64, 10 + i, 1 + i, 10);
	feed_alloc(h, 1, 0x9000, 1, 99, 10);
	feed_free(h, 1, 0x9000, 11);
	assert_int_equal(heap_fill(h, at_ms(100), NULL, true, 3, &naming, p), 0);
	assert_int_equal(p->nr_sites, 4);
	assert_non_null(site_of(p, PID, 10));
	assert_null(site_of(p, PID, 7));
	assert_null(site_of(p, PID, 99));
	assert_string_equal(p->sites[3].operation, "other sites");
	assert_int_equal(p->sites[3].live_count, 7);
	assert_int_equal(p->sites[3].live_bytes, 10 + 11 + 12 + 13 + 14 + 15 + 16);
	assert_int_equal(p->sites[3].stack, PROFILE_NONE);
	assert_int_equal(p->processes[0].live_bytes, 145);
	assert_int_equal(p->processes[0].alloc_count, 11);
	profile_free(p);
	heap_free(h);
}

/* The estimate of many captures is right on average, and its error is what it says. */
static void test_sampling(void **state)
{
	enum { RUNS = 300, BLOCKS = 400 };
	const uint64_t mean = 4096;
	double sum = 0, squares = 0, variance = 0, truth = 0, counts = 0;
	uint64_t seed = 12345;

	for (int run = 0; run < RUNS; run++) {
		struct heap *h = new_heap(0, mean);
		struct profile *p;
		double live, error;

		truth = 0;
		for (uint64_t i = 0; i < BLOCKS; i++) {
			uint64_t size = 16 + i * 40;
			struct seep_alloc a = an_alloc(1, 0x100000 + i * 65536, size, 7, i);

			truth += (double)size;
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			if ((double)(seed >> 11) / 9007199254740992.0 >
			    -expm1(-(double)size / mean))
				continue;
			a.flags = SEEP_SAMPLED;
			heap_alloc(h, &a);
		}
		p = filled(h, 5000, NULL);
		live = (double)p->sites[0].live_bytes;
		error = p->sites[0].live_bytes_error;
		counts += (double)p->sites[0].live_count / RUNS;
		sum += live / RUNS;
		squares += live * live / RUNS;
		variance += error * error / RUNS;
		profile_free(p);
		for (uint64_t i = 0; i < BLOCKS; i++)
			feed_free(h, 1, 0x100000 + i * 65536, 5000);
		p = filled(h, 5000, NULL);
		assert_int_equal(p->sites[0].live_bytes, 0);
		assert_int_equal(p->sites[0].live_count, 0);
		assert_int_equal(p->processes[0].free_bytes, p->processes[0].alloc_bytes);
		profile_free(p);
		heap_free(h);
	}
	assert_true(fabs(sum / truth - 1) < 0.01);
	assert_true(fabs(counts / BLOCKS - 1) < 0.05);
	assert_true(fabs(sqrt(variance / (squares - sum * sum)) - 1) < 0.15);
}

static uint64_t fake_rss(void *context, uint32_t space)
{
	return *(uint64_t *)context += 4096;
}

static void test_marks(void **state)
{
	struct heap *h = new_heap(0, 0);
	uint64_t rss = 0;
	struct profile *p;

	for (uint64_t i = 0; i < 3000; i++) {
		feed_alloc(h, 1, 0x1000 + i * 64, 10, 7, i * 1000);
		heap_mark(h, at_ms(i * 1000 + 1), fake_rss, &rss);
	}
	p = filled(h, 3000 * 1000, NULL);
	assert_in_range(p->nr_points, 256, 512);
	for (size_t i = 1; i < p->nr_points; i++) {
		double step = p->points[i].seconds - p->points[i - 1].seconds;

		assert_true(fabs(step - 8) < 1e-6);
		assert_int_equal(p->points[i].live_bytes,
				 10 * (1 + (uint64_t)p->points[i].seconds));
	}
	assert_int_equal(p->processes[0].rss_start_bytes, 4096);
	assert_int_equal(p->processes[0].rss_bytes, 3000 * 4096);
	profile_free(p);
	heap_free(h);
}

static void test_leak_is_named(void **state)
{
	struct heap *h = new_heap(0, 0);
	struct profile *p;

	for (uint64_t i = 0; i < 5000; i++) {
		feed_alloc(h, 1, 0x100000 + i * 64, 100, 7, i);
		feed_alloc(h, 1, 0x10, 100, 8, i);
		feed_free(h, 1, 0x10, i);
	}
	p = filled(h, 5000, NULL);
	assert_int_equal(site_of(p, PID, 7)->verdict, VERDICT_GROWING);
	assert_int_equal(site_of(p, PID, 8)->verdict, VERDICT_STEADY);
	assert_int_equal(p->processes[0].verdict, VERDICT_LEAK);
	assert_true(fabs(site_of(p, PID, 7)->growth_rate - 100000) < 500);
	profile_free(p);
	heap_free(h);
	/* As many blocks from before the capture go, but only in its first half: seen later. */
	h = new_heap(0, 0);
	for (uint64_t i = 0; i < 20000; i++) {
		feed_alloc(h, 1, 0x100000 + i * 64, 100, 7, i);
		if (i == 5000) {
			p = filled(h, 5000, NULL);
			assert_int_equal(site_of(p, PID, 7)->verdict, VERDICT_TOO_LITTLE_DATA);
			profile_free(p);
		}
		if (i < 12000)
			feed_free(h, 1, 0x9000000 + i * 64, i);
	}
	p = filled(h, 20000, NULL);
	assert_int_equal(site_of(p, PID, 7)->verdict, VERDICT_GROWING);
	profile_free(p);
	heap_free(h);
}

/* Handles are not bytes, and mappings are not blocks: neither is in the process's sums. */
static void test_layers_apart(void **state)
{
	const struct heap_filter none = { 0 };
	struct heap *h = new_heap(0, 0);
	struct profile *p;

	for (int i = 0; i < 6; i++) {
		struct seep_alloc handle = an_alloc(1, 0x9000 + i, 1, 8, 20);

		handle.op = SEEP_OP_ACQUIRE;
		assert_int_equal(heap_alloc(h, &handle), 0);
	}
	feed_free(h, 1, 0x9000, 30);
	feed_alloc(h, 1, 0x1000, 100, 7, 10);
	feed_map(h, SEEP_MAP, 1, 1, 0x40000000, 8192, 9, SEEP_ANONYMOUS, 40);
	heap_mark(h, at_ms(50), NULL, NULL);
	p = filled(h, 5000, &none);
	assert_int_equal(p->processes[0].live_bytes, 100);
	assert_int_equal(p->processes[0].live_count, 1);
	assert_int_equal(p->processes[0].alloc_bytes, 100);
	assert_int_equal(p->processes[0].alloc_count, 1);
	assert_int_equal(p->processes[0].free_count, 0);
	assert_int_equal(p->processes[0].mapped_bytes, 8192);
	assert_int_equal(p->points[0].live_bytes, 100);
	assert_int_equal(p->points[0].live_count, 1);
	assert_int_equal(site_of(p, PID, 8)->live_count, 5);
	assert_int_equal(site_of(p, PID, 8)->free_count, 1);
	profile_free(p);
	feed_space(h, SEEP_SPACE_END, SEEP_SPACE_EXIT, 1, 0, PID, 4000);
	p = filled(h, 5000, &none);
	assert_string_equal(site_of(p, PID, 8)->evidence,
			    "5 of 6 handles were live when the process ended.");
	profile_free(p);
	heap_free(h);
}

/* Where sites are summed, each layer has a sum of its own. */
static void test_layers_folded(void **state)
{
	static const struct heap_naming naming = { .add_stack = stack_by_number };
	struct heap *h = new_heap(0, 0);
	struct profile *p = profile_new();
	uint64_t sum = 0;

	for (unsigned int i = 0; i < 6; i++) {
		struct seep_alloc handle = an_alloc(1, 0x9000 + i, 1, 100 + i, 20);

		handle.op = SEEP_OP_ACQUIRE;
		heap_alloc(h, &handle);
		feed_alloc(h, 1, 0x1000 * (i + 1), 1000, 200 + i, 10);
		feed_map(h, SEEP_MAP, 1, 1, 0x40000000 + 0x10000 * i, 8192, 300 + i, SEEP_ANONYMOUS,
			 40);
	}
	assert_int_equal(heap_fill(h, at_ms(5000), NULL, false, 7, &naming, p), 0);
	/* The mappings and one site of blocks, then the rest of the blocks, and the handles. */
	assert_int_equal(p->nr_sites, 9);
	for (size_t i = 0; i < p->nr_sites; i++)
		if (p->sites[i].live_bytes % 1000 == 0)
			sum += p->sites[i].live_bytes;
	assert_int_equal(sum, p->processes[0].live_bytes);
	assert_int_equal(p->sites[7].live_bytes, 5000);
	assert_int_equal(p->sites[8].live_bytes, 6);
	assert_true(p->sites[7].id != p->sites[8].id);
	profile_free(p);
	heap_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layers_apart),
		cmocka_unit_test(test_layers_folded),
		cmocka_unit_test(test_alloc_free),
		cmocka_unit_test(test_missed_free),
		cmocka_unit_test(test_repeated_free),
		cmocka_unit_test(test_repeated_free_in_bursts),
		cmocka_unit_test(test_sites_that_rise_together),
		cmocka_unit_test(test_teeth_that_leak),
		cmocka_unit_test(test_repeated_frees_bound),
		cmocka_unit_test(test_realloc_moves),
		cmocka_unit_test(test_realloc_fails),
		cmocka_unit_test(test_realloc_abandoned),
		cmocka_unit_test(test_realloc_zero_and_unknown),
		cmocka_unit_test(test_resize_in_place),
		cmocka_unit_test(test_spaces),
		cmocka_unit_test(test_taint),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_cohorts),
		cmocka_unit_test(test_top_sites),
		cmocka_unit_test(test_sampling),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_leak_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

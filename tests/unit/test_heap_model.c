// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Random records, sense and nonsense, against a model so plain that it is right by looking
 * at it: arrays over a few spaces, threads, addresses and stacks.
 */
#include "feed.h"

#include <stdlib.h>

enum { SPACES = 3, THREADS = 4, ADDRESSES = 48, STACKS = 6, STEP_EVENTS = 20000, STEPS = 150 };

struct model_block {
	bool live;
	uint64_t size, born;
	int stack;
};

struct model_parked {
	bool busy, known;
	int address;
	struct model_block block;
};

struct model {
	struct model_block blocks[SPACES][ADDRESSES];
	struct model_parked parked[SPACES][THREADS];
	uint64_t alloc_bytes[SPACES][STACKS], alloc_count[SPACES][STACKS];
	bool released[SPACES][ADDRESSES]; /* at some time */
	uint64_t unmatched, repeated, missed;
};

static uint64_t seed = 4101842887655102017ULL;

static unsigned int below(unsigned int n)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (unsigned int)((seed * 2685821657736338717ULL >> 33) % n);
}

static void model_unmatched(struct model *m, int s, int a)
{
	if (m->released[s][a])
		m->repeated++;
	else
		m->unmatched++;
	m->released[s][a] = true;
}

static void model_alloc(struct model *m, int s, int a, uint64_t size, int stack, uint64_t ms)
{
	if (m->blocks[s][a].live) {
		m->missed++;
		m->released[s][a] = true;
	}
	m->blocks[s][a] = (struct model_block){ true, size, ms, stack };
	m->alloc_bytes[s][stack] += size;
	m->alloc_count[s][stack]++;
}

static void model_free(struct model *m, int s, int a)
{
	if (m->blocks[s][a].live) {
		m->blocks[s][a].live = false;
		m->released[s][a] = true;
		return;
	}
	for (int t = 0; t < THREADS; t++) {
		struct model_parked *p = &m->parked[s][t];

		if (p->busy && p->known && p->address == a) {
			p->busy = false;
			m->released[s][a] = true;
			return;
		}
	}
	model_unmatched(m, s, a);
}

static void model_restore(struct model *m, int s, struct model_parked *p)
{
	if (p->busy && p->known) {
		if (m->blocks[s][p->address].live) {
			m->missed++;
			m->released[s][p->address] = true;
		} else {
			m->blocks[s][p->address] = p->block;
		}
	}
	p->busy = false;
}

static void model_begin(struct model *m, int s, int t, int a)
{
	struct model_parked *p = &m->parked[s][t];

	model_restore(m, s, p);
	*p = (struct model_parked){ true, m->blocks[s][a].live, a, m->blocks[s][a] };
	m->blocks[s][a].live = false;
}

static void model_end(struct model *m, int s, int t, int a, uint64_t size, int stack, bool frees,
		      uint64_t ms)
{
	struct model_parked *p = &m->parked[s][t];

	if (p->busy && p->known)
		m->released[s][p->address] = true;
	else if (p->busy && (frees || p->address != a))
		model_unmatched(m, s, p->address);
	p->busy = false;
	if (!frees)
		model_alloc(m, s, a, size, stack, ms);
}

/* A free may find two threads' parked blocks of one address: which one goes is open. */
static bool ambiguous(const struct model *m, int s, int a)
{
	int parked = 0;

	for (int t = 0; t < THREADS; t++) {
		const struct model_parked *p = &m->parked[s][t];

		parked += p->busy && p->known && p->address == a;
	}
	return parked > 1;
}

static void random_event(struct heap *h, struct model *m, uint64_t ms)
{
	int s = (int)below(SPACES), t = (int)below(THREADS), a = (int)below(ADDRESSES);
	int stack = (int)below(STACKS), kind = (int)below(20);
	uint64_t size = below(500), address = 0x1000 + (uint64_t)a * 16;

	if (kind < 7) {
		model_alloc(m, s, a, size, stack, ms);
		feed_alloc(h, s + 1, address, size, stack + 1, ms);
	} else if (kind < 13) {
		if (!m->blocks[s][a].live && ambiguous(m, s, a))
			return;
		model_free(m, s, a);
		feed_free(h, s + 1, address, ms);
	} else if (kind < 16) {
		model_begin(m, s, t, a);
		feed_realloc_begin(h, s + 1, t, address, ms);
	} else if (kind < 17) {
		model_restore(m, s, &m->parked[s][t]);
		feed_realloc_end(h, s + 1, t, 0, size, stack + 1, SEEP_FAILED, ms);
	} else if (kind < 18) {
		model_end(m, s, t, a, size, stack, true, ms);
		feed_realloc_end(h, s + 1, t, 0, 0, stack + 1, SEEP_NULL_FREES | SEEP_FAILED, ms);
	} else {
		/* Often the address that it had: in place. */
		if (below(2) && m->parked[s][t].busy)
			address = 0x1000 + (uint64_t)(a = m->parked[s][t].address) * 16;
		model_end(m, s, t, a, size, stack, false, ms);
		feed_realloc_end(h, s + 1, t, address, size, stack + 1, 0, ms);
	}
}

struct sum {
	uint64_t bytes, count, largest, oldest;
};

static void add(struct sum *sum, const struct model_block *b)
{
	sum->bytes += b->size;
	sum->count++;
	if (b->size > sum->largest)
		sum->largest = b->size;
	if (b->born < sum->oldest)
		sum->oldest = b->born;
}

static struct sum model_sum(const struct model *m, int s, int stack)
{
	struct sum sum = { .oldest = UINT64_MAX };

	for (int a = 0; a < ADDRESSES; a++)
		if (m->blocks[s][a].live && m->blocks[s][a].stack == stack)
			add(&sum, &m->blocks[s][a]);
	for (int t = 0; t < THREADS; t++) {
		const struct model_parked *p = &m->parked[s][t];

		if (p->busy && p->known && p->block.stack == stack)
			add(&sum, &p->block);
	}
	return sum;
}

/* Sites of one stack may be two, by operation: the model does not tell them apart. */
static void compare(struct heap *h, const struct model *m, uint64_t ms)
{
	struct profile *p = filled(h, ms, NULL);

	assert_non_null(p);
	for (int s = 0; s < SPACES; s++)
		for (int stack = 0; stack < STACKS; stack++) {
			struct sum want = model_sum(m, s, stack);
			uint64_t bytes = 0, count = 0, allocs = 0, alloc_bytes = 0, largest = 0;
			uint64_t cohort_live = 0;
			double oldest = 0;

			for (size_t i = 0; i < p->nr_sites; i++) {
				const struct profile_site *site = &p->sites[i];

				if ((int)p->processes[site->process].pid != 100 + s ||
				    (int)site->stack != stack + 1)
					continue;
				bytes += site->live_bytes;
				count += site->live_count;
				allocs += site->alloc_count;
				alloc_bytes += site->alloc_bytes;
				assert_int_equal(site->free_count,
						 site->alloc_count - site->live_count);
				if (site->largest > largest)
					largest = site->largest;
				if (site->oldest_seconds > oldest)
					oldest = site->oldest_seconds;
				for (uint32_t c = 0; c < site->nr_cohorts; c++)
					cohort_live += site->cohorts[c].live_bytes;
			}
			assert_int_equal(bytes, want.bytes);
			assert_int_equal(cohort_live, want.bytes);
			assert_int_equal(count, want.count);
			assert_int_equal(largest, want.largest);
			assert_int_equal(allocs, m->alloc_count[s][stack]);
			assert_int_equal(alloc_bytes, m->alloc_bytes[s][stack]);
			if (want.count)
				assert_int_equal((uint64_t)(oldest * 1000 + 0.5), ms - want.oldest);
		}
	assert_int_equal(p->health.unmatched_frees, m->unmatched);
	assert_int_equal(p->health.repeated_frees, m->repeated);
	assert_int_equal(p->health.missed_frees, m->missed);
	profile_free(p);
}

static void test_model(void **state)
{
	struct heap_options options = { .start_time = START_NS };
	struct heap *h = heap_new(&options);
	struct model *m = calloc(1, sizeof(*m));
	uint64_t ms = 0;

	assert_non_null(h);
	assert_non_null(m);
	for (uint32_t s = 0; s < SPACES; s++)
		feed_space(h, SEEP_SPACE_BEGIN, SEEP_SPACE_SEEN, s + 1, 0, 100 + s, 0);
	for (int step = 0; step < STEPS; step++) {
		for (int i = 0; i < STEP_EVENTS; i++) {
			ms += !below(50);
			random_event(h, m, ms);
		}
		compare(h, m, ms);
	}
	/* At the end of a space all calls under way are given up. */
	for (uint32_t space = 1; space <= SPACES; space++)
		feed_space(h, SEEP_SPACE_END, SEEP_SPACE_EXIT, space, 0, 99 + space, ms);
	assert_int_equal(heap_stats(h).parked, 0);
	free(m);
	heap_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_model) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

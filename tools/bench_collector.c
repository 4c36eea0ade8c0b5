// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Measures the collector alone, single-threaded: records in memory, as the ring buffer would
 * hold them, through decode and heap. Prints "key value unit" lines.
 *
 * The load: a working set of live blocks at random heap addresses, 4000 sites; each pair of
 * records releases a random live block (or, for nine in ten, one of the last 64, since most
 * blocks die young) and allocates one. Records are made in batches outside the measured time.
 */
#include "heap/heap.h"
#include "ingest/decode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SITES = 4000, BATCH = 16384, YOUNG = 64 };

struct load {
	uint64_t *live;
	size_t nr_live;
	uint64_t seed, time, next_address;
	union {
		struct seep_alloc alloc;
		struct seep_free release;
	} records[BATCH];
};

static int alloc(void *heap, const struct seep_alloc *a)
{
	return heap_alloc(heap, a);
}

static int release(void *heap, const struct seep_free *r)
{
	return heap_release(heap, r);
}

static const struct decode_ops ops = { .alloc = alloc, .release = release };

static uint64_t random_number(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Seconds of one core used by this process: others on the machine do not count. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t new_address(struct load *l)
{
	l->next_address += 16 + (random_number(&l->seed) & 0x3f0);
	return l->next_address;
}

static void make_alloc(struct load *l, size_t at, uint64_t address)
{
	uint64_t r = random_number(&l->seed), site = 1 + r % SITES;

	l->time += 400;
	l->records[at].alloc = (struct seep_alloc){
		.kind = SEEP_ALLOC,
		.family = 1,
		.space = 1,
		.tid = 100,
		.op = SEEP_OP_MALLOC,
		.address = address,
		.size = 16 + (r >> 32) % 1000,
		.stack = site * 0x9e3779b97f4a7c15ULL,
		.time = l->time,
	};
}

static void make_free(struct load *l, size_t at, uint64_t address)
{
	l->time += 400;
	l->records[at].release = (struct seep_free){
		.kind = SEEP_FREE,
		.family = 1,
		.space = 1,
		.tid = 100,
		.op = SEEP_OP_FREE,
		.address = address,
		.time = l->time,
	};
}

/* Returns the seconds that decode and heap took. */
static double play(struct load *l, struct heap *heap, size_t nr, struct decode_counts *counts)
{
	double begin = now();

	for (size_t i = 0; i < nr; i++) {
		size_t size = l->records[i].alloc.kind == SEEP_ALLOC ? sizeof(struct seep_alloc)
								     : sizeof(struct seep_free);

		decode_record(&ops, heap, &l->records[i], size, counts);
	}
	return now() - begin;
}

static double grow(struct load *l, struct heap *heap, size_t wanted, struct decode_counts *counts)
{
	double spent = 0;

	while (l->nr_live < wanted) {
		size_t nr = 0;

		while (nr < BATCH && l->nr_live < wanted) {
			l->live[l->nr_live] = new_address(l);
			make_alloc(l, nr++, l->live[l->nr_live++]);
		}
		spent += play(l, heap, nr, counts);
	}
	return spent;
}

static double churn(struct load *l, struct heap *heap, size_t events, bool young,
		    struct decode_counts *counts)
{
	double spent = 0;

	for (size_t done = 0; done < events; done += BATCH) {
		for (size_t nr = 0; nr < BATCH; nr += 2) {
			uint64_t r = random_number(&l->seed);
			size_t i = r % l->nr_live;

			if (young && r >> 40 & 15)
				i = l->nr_live - 1 - r % YOUNG;
			make_free(l, nr, l->live[i]);
			/* A young block's address is handed out again, as allocators do. */
			if (i < l->nr_live - YOUNG)
				l->live[i] = new_address(l);
			make_alloc(l, nr + 1, l->live[i]);
		}
		spent += play(l, heap, BATCH, counts);
	}
	return spent;
}

static void print_fill(struct heap *heap, const struct load *l, size_t live)
{
	struct profile *profile = profile_new();
	double begin = now();

	if (!profile || heap_fill(heap, l->time, NULL, false, 10000, NULL, profile))
		exit(1);
	printf("collector_fill_ms_%zu %.1f ms\n", live, (now() - begin) * 1000);
	profile_free(profile);
}

static void print_bytes(struct heap *heap, size_t live)
{
	struct heap_stats stats = heap_stats(heap);

	printf("collector_bytes_per_block_%zu %.1f bytes\n", live,
	       (double)stats.block_bytes / (double)stats.blocks);
}

int main(void)
{
	static const size_t levels[] = { 10000,	 30000,	 100000,  200000,  300000,
					 500000, 700000, 1000000, 1400000, 2000000 };
	static const size_t events = 6000000;
	struct heap_options options = { .start_time = 0 };
	struct decode_counts counts = { 0 };
	struct load *l = calloc(1, sizeof(*l));
	struct heap *heap = heap_new(&options);
	double spent;

	if (!l || !heap)
		return 1;
	l->live = calloc(levels[9], sizeof(*l->live));
	if (!l->live)
		return 1;
	l->seed = 88172645463325252ULL;
	l->next_address = 0x7f0000000000;
	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
		grow(l, heap, levels[i], &counts);
		print_bytes(heap, levels[i]);
		if (levels[i] != 1000000)
			continue;
		spent = churn(l, heap, events, true, &counts);
		printf("collector_events_per_second %.0f 1/s\n", (double)events / spent);
		spent = churn(l, heap, events, false, &counts);
		printf("collector_events_per_second_all_random %.0f 1/s\n", (double)events / spent);
		print_fill(heap, l, levels[i]);
	}
	printf("collector_bad_records %" PRIu64 " records\n", counts.bad_records);
	printf("collector_sites %" PRIu64 " sites\n", heap_stats(heap).sites);
	printf("collector_unmatched %" PRIu64 " frees\n", heap_stats(heap).unmatched_frees);
	heap_free(heap);
	free(l->live);
	free(l);
	return 0;
}

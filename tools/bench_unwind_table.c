// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Times the building of unwind tables of the files given: call-site and full ones, and the
 * reading of cached ones; the median of some rounds each. Prints "key value unit" lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "stack/table_cache.h"

enum { ROUNDS = 5 };

struct totals {
	uint64_t files, rows_seen;
	uint64_t full_rows, full_bytes, full_rules;
	uint64_t call_rows, call_bytes, call_rules;
	double full, call, cached; /* seconds */
	double random_ns; /* a look-up */
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int compare_doubles(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return a < b ? -1 : a > b;
}

/* The median time; the table of the last round. NULL when it cannot be built. */
static struct unwind_table *time_build(struct table_cache *cache, int fd, bool full,
				       double *seconds)
{
	const struct unwind_table_options options = { .full = full };
	struct unwind_table *table = NULL;
	double rounds[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		double start = now();

		unwind_table_free(table);
		table = NULL;
		if (table_cache_build(cache, fd, &options, &table))
			return NULL;
		rounds[i] = now() - start;
	}
	qsort(rounds, ROUNDS, sizeof(rounds[0]), compare_doubles);
	*seconds += rounds[ROUNDS / 2];
	return table;
}

static double time_look_ups(const struct unwind_table *table)
{
	struct unwind_table_view view = unwind_table_view(table);
	uint64_t size = (uint64_t)view.nr_pages << SEEP_PAGE_SHIFT, state = 1, sum = 0;
	double start = now();

	for (int i = 0; i < 1 << 20; i++) {
		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		sum += unwind_table_find(table, (view.first_page << SEEP_PAGE_SHIFT) +
							(state >> 20) % size)
			       ->cfa;
	}
	/* used, so that the loop stays */
	return (now() - start + (sum == 1 ? 1e-12 : 0)) / (1 << 20) * 1e9;
}

static void measure(struct table_cache *cache, const char *path, struct totals *totals)
{
	__cleanup(close_fd)
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct unwind_table *full = fd < 0 ? NULL : time_build(NULL, fd, true, &totals->full);
	struct unwind_table *calls = full ? time_build(NULL, fd, false, &totals->call) : NULL;
	struct unwind_table *cached = calls ? time_build(cache, fd, false, &totals->cached) : NULL;

	if (cached) {
		struct unwind_table_view view = unwind_table_view(full);

		totals->files++;
		totals->rows_seen += view.stats.rows_seen;
		totals->full_rows += view.nr_rows;
		totals->full_rules += view.nr_rules;
		totals->full_bytes += unwind_table_bytes(full);
		view = unwind_table_view(calls);
		totals->call_rows += view.nr_rows;
		totals->call_rules += view.nr_rules;
		totals->call_bytes += unwind_table_bytes(calls);
		totals->random_ns += time_look_ups(calls);
	}
	unwind_table_free(full);
	unwind_table_free(calls);
	unwind_table_free(cached);
}

static void print_totals(const struct totals *t)
{
	printf("files %llu files\n", (unsigned long long)t->files);
	printf("rows_seen %llu rows\n", (unsigned long long)t->rows_seen);
	printf("full_build %.6f s\n", t->full);
	printf("full_build_per_million_rows %.6f s\n", t->full * 1e6 / (double)t->rows_seen);
	printf("full_rows %llu rows\n", (unsigned long long)t->full_rows);
	printf("full_rules %llu rules\n", (unsigned long long)t->full_rules);
	printf("full_bytes %llu bytes\n", (unsigned long long)t->full_bytes);
	printf("call_site_build %.6f s\n", t->call);
	printf("call_site_build_per_million_rows %.6f s\n", t->call * 1e6 / (double)t->rows_seen);
	printf("call_site_rows %llu rows\n", (unsigned long long)t->call_rows);
	printf("call_site_rules %llu rules\n", (unsigned long long)t->call_rules);
	printf("call_site_bytes %llu bytes\n", (unsigned long long)t->call_bytes);
	printf("cached_read %.6f s\n", t->cached);
	printf("look_up %.1f ns\n", t->random_ns / (double)t->files);
}

int main(int argc, char **argv)
{
	char folder[] = "/tmp/seep-bench-XXXXXX", command[64];
	struct table_cache_options options = { .directory = folder };
	struct table_cache *cache = NULL;
	struct totals totals = { 0 };
	int err = mkdtemp(folder) ? table_cache_open(&options, &cache) : -errno;

	if (err) {
		fprintf(stderr, "bench-unwind-table: %s: %s\n", folder, strerror(-err));
		return 1;
	}
	for (int i = 1; i < argc; i++)
		measure(cache, argv[i], &totals);
	table_cache_free(cache);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	if (totals.files)
		print_totals(&totals);
	return system(command) != 0 || !totals.files;
}

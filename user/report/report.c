/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns the table of formats and the order of sites. Adding a format is adding its file
 * and its line here.
 */
#include "report/report.h"
#include "report/formats.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct report_format *const report_formats[] = {
	&report_text, &report_json, &report_collapsed, &report_pprof, &report_speedscope,
	&report_html, NULL,
};

const struct report_format *report_format_find(const char *name)
{
	for (size_t i = 0; report_formats[i]; i++)
		if (!strcmp(report_formats[i]->name, name))
			return report_formats[i];
	return NULL;
}

int report_finish(FILE *out)
{
	errno = 0;
	if (fflush(out) == 0 && !ferror(out))
		return 0;
	return errno ? -errno : -EIO;
}

static const char *const sort_words[] = {
	[REPORT_BY_LIVE_BYTES] = "bytes",	 [REPORT_BY_LIVE_COUNT] = "count",
	[REPORT_BY_GROWTH] = "growth",		 [REPORT_BY_AGE] = "age",
	[REPORT_BY_ALLOC_BYTES] = "total-bytes", [REPORT_BY_ALLOC_COUNT] = "total-count",
};

int report_sort_parse(const char *word, enum report_sort *ret_sort)
{
	for (size_t i = 0; i < sizeof(sort_words) / sizeof(sort_words[0]); i++) {
		if (!strcmp(sort_words[i], word)) {
			*ret_sort = i;
			return 0;
		}
	}
	return -EINVAL;
}

struct ranked {
	uint64_t whole; /* the key of a sort by an integer */
	double real; /* of a sort by a real number */
	uint64_t live_bytes; /* ties go to the larger site, then to the earlier row */
	uint32_t site;
};

static void rank(const struct profile_site *site, enum report_sort sort, struct ranked *ranked)
{
	ranked->live_bytes = site->live_bytes;
	switch (sort) {
	case REPORT_BY_LIVE_BYTES:
		ranked->whole = site->live_bytes;
		break;
	case REPORT_BY_LIVE_COUNT:
		ranked->whole = site->live_count;
		break;
	case REPORT_BY_GROWTH:
		ranked->real = isnan(site->growth_rate) ? 0 : site->growth_rate;
		break;
	case REPORT_BY_AGE:
		ranked->real = isnan(site->oldest_seconds) ? 0 : site->oldest_seconds;
		break;
	case REPORT_BY_ALLOC_BYTES:
		ranked->whole = site->alloc_bytes;
		break;
	case REPORT_BY_ALLOC_COUNT:
		ranked->whole = site->alloc_count;
		break;
	}
}

static int compare_ranked(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;

	if (a->whole != b->whole)
		return a->whole < b->whole ? 1 : -1;
	if (a->real != b->real)
		return a->real < b->real ? 1 : -1;
	if (a->live_bytes != b->live_bytes)
		return a->live_bytes < b->live_bytes ? 1 : -1;
	return a->site < b->site ? -1 : a->site > b->site;
}

int report_sort_sites(const struct profile *profile, uint32_t process, enum report_sort sort,
		      uint32_t **ret_sites, size_t *ret_nr)
{
	struct ranked *ranked = calloc(profile->nr_sites + 1, sizeof(*ranked));
	uint32_t *sites = calloc(profile->nr_sites + 1, sizeof(*sites));
	size_t nr = 0;

	if (!ranked || !sites) {
		free(ranked);
		free(sites);
		return -ENOMEM;
	}
	for (size_t i = 0; i < profile->nr_sites; i++) {
		if (process != PROFILE_NONE && profile->sites[i].process != process)
			continue;
		rank(&profile->sites[i], sort, &ranked[nr]);
		ranked[nr++].site = i;
	}
	qsort(ranked, nr, sizeof(*ranked), compare_ranked);
	for (size_t i = 0; i < nr; i++)
		sites[i] = ranked[i].site;
	free(ranked);
	*ret_sites = sites;
	*ret_nr = nr;
	return 0;
}

bool report_has_findings(const struct profile *profile)
{
	for (size_t i = 0; i < profile->nr_processes; i++)
		if (profile->processes[i].verdict == VERDICT_LEAK ||
		    profile->processes[i].verdict == VERDICT_OVERFLOW)
			return true;
	for (size_t i = 0; i < profile->nr_sites; i++)
		if (profile->sites[i].verdict == VERDICT_GROWING ||
		    profile->sites[i].verdict == VERDICT_LOST)
			return true;
	return false;
}

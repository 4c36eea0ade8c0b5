/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns the ranking of sites over many captures. A single capture is noisy: load comes and goes,
 * a site may be in its warm-up. So a site's growth is the median over the captures that saw it,
 * each counted as often as sweeps like it would have been made (1 / probability), and a capture
 * that saw it steady counts as no growth. What that is worth is multiplied by the number of
 * processes that have it. A process seen in k sweeps of probability p stands for itself and, if
 * it lived too briefly to be seen more often, for others: it counts 1 / (p k), at least 1.
 */
#include "heap/fleet.h"
#include "heap/fleet_internal.h"
#include "base/ranks.h"
#include "base/strpool.h"
#include "base/vec.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

struct fleet *fleet_new(void)
{
	struct fleet *fleet = calloc(1, sizeof(*fleet));

	if (!fleet)
		return NULL;
	fleet->strings = strpool_new();
	if (!fleet->strings) {
		free(fleet);
		return NULL;
	}
	return fleet;
}

void fleet_free(struct fleet *fleet)
{
	if (!fleet)
		return;
	strpool_free(fleet->strings);
	free(fleet->programs);
	free(fleet->looks);
	free(fleet->sightings);
	free(fleet);
}

bool fleet_is_accused(const struct fleet_sighting *sighting)
{
	return sighting->verdict == VERDICT_GROWING || sighting->verdict == VERDICT_LOST;
}

static int compare_sightings(const void *left, const void *right, void *context)
{
	const struct fleet_sighting *all = context;
	const struct fleet_sighting *a = &all[*(const uint32_t *)left],
				    *b = &all[*(const uint32_t *)right];

	if (a->names != b->names)
		return a->names < b->names ? -1 : 1;
	if (a->look != b->look)
		return a->look < b->look ? -1 : 1;
	return a->site < b->site ? -1 : a->site > b->site;
}

int fleet_group(const struct fleet *fleet, uint32_t **ret_order)
{
	uint32_t *order = calloc(fleet->nr_sightings + 1, sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < fleet->nr_sightings; i++)
		order[i] = i;
	qsort_r(order, fleet->nr_sightings, sizeof(*order), compare_sightings, fleet->sightings);
	*ret_order = order;
	return 0;
}

bool fleet_next_group(const struct fleet *fleet, const uint32_t *order, struct fleet_group *group)
{
	size_t nr = fleet->nr_sightings;

	for (;;) {
		bool accused = false;

		group->begin = group->end;
		if (group->begin == nr)
			return false;
		group->names = fleet->sightings[order[group->begin]].names;
		while (group->end < nr && fleet->sightings[order[group->end]].names == group->names)
			accused |= fleet_is_accused(&fleet->sightings[order[group->end++]]);
		if (accused)
			return true;
	}
}

bool fleet_next_look(const struct fleet *fleet, const uint32_t *order,
		     const struct fleet_group *group, struct fleet_seen *seen)
{
	if (seen->end == 0)
		seen->end = group->begin;
	seen->begin = seen->end;
	if (seen->begin >= group->end)
		return false;
	seen->look = fleet->sightings[order[seen->begin]].look;
	seen->growth = 0;
	seen->accused = false;
	for (; seen->end < group->end; seen->end++) {
		const struct fleet_sighting *one = &fleet->sightings[order[seen->end]];

		if (one->look != seen->look)
			break;
		if (!fleet_is_accused(one))
			continue;
		seen->accused = true;
		seen->growth += one->growth > 0 ? one->growth : 0;
	}
	if (fleet->looks[seen->look].processes)
		seen->growth /= fleet->looks[seen->look].processes;
	return true;
}

/* A process that a site was accused in. */
struct sufferer {
	const char *host;
	uint32_t pid;
	double started;
	double weight;
};

static int compare_sufferers(const void *left, const void *right)
{
	const struct sufferer *a = left, *b = right;

	if (a->host != b->host)
		return (uintptr_t)a->host < (uintptr_t)b->host ? -1 : 1;
	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	return a->started < b->started ? -1 : a->started > b->started;
}

/* Memory for one group at a time, as large as the largest can be. */
struct scratch {
	struct sufferer *sufferers;
	struct ranks_weighted *growths;
	uint32_t *program_looks; /* how many each program has */
	size_t *program_seen; /* number of the group that saw it last */
	bool *program_accused;
};

static void scratch_free(struct scratch *scratch)
{
	free(scratch->sufferers);
	free(scratch->growths);
	free(scratch->program_looks);
	free(scratch->program_seen);
	free(scratch->program_accused);
}

static int scratch_new(const struct fleet *fleet, struct scratch *ret_scratch)
{
	struct scratch scratch = {
		.sufferers = calloc(fleet->nr_sightings + 1, sizeof(*scratch.sufferers)),
		.growths = calloc(fleet->nr_looks + 1, sizeof(*scratch.growths)),
		.program_looks = calloc(fleet->nr_programs + 1, sizeof(*scratch.program_looks)),
		.program_seen = calloc(fleet->nr_programs + 1, sizeof(*scratch.program_seen)),
		.program_accused = calloc(fleet->nr_programs + 1, sizeof(bool)),
	};

	if (!scratch.sufferers || !scratch.growths || !scratch.program_looks ||
	    !scratch.program_seen || !scratch.program_accused) {
		scratch_free(&scratch);
		return -ENOMEM;
	}
	for (size_t i = 0; i < fleet->nr_looks; i++)
		scratch.program_looks[fleet->looks[i].program]++;
	*ret_scratch = scratch;
	return 0;
}

static void count_processes(struct fleet_site *site, struct sufferer *sufferers, size_t nr)
{
	qsort(sufferers, nr, sizeof(*sufferers), compare_sufferers);
	for (size_t begin = 0, end; begin < nr; begin = end) {
		double weight = 0;

		for (end = begin; end < nr; end++) {
			if (compare_sufferers(&sufferers[begin], &sufferers[end]))
				break;
			weight += sufferers[end].weight;
		}
		/* The mean weight of the looks, over how many they are. */
		weight /= (double)(end - begin) * (end - begin);
		site->processes++;
		site->hosts += !begin || sufferers[begin].host != sufferers[begin - 1].host;
		site->weighted_processes += fmax(1, weight);
	}
}

/* A look's sightings: each process once. */
static size_t add_sufferers(const struct fleet *fleet, const uint32_t *order,
			    const struct fleet_seen *seen, struct sufferer *sufferers, size_t nr)
{
	size_t first = nr;

	for (size_t i = seen->begin; i < seen->end; i++) {
		const struct fleet_sighting *one = &fleet->sightings[order[i]];
		struct sufferer sufferer = { fleet->looks[one->look].host, one->pid,
					     one->process_started, fleet->looks[one->look].weight };
		bool known = false;

		if (!fleet_is_accused(one))
			continue;
		for (size_t j = first; j < nr && !known; j++)
			known = !compare_sufferers(&sufferers[j], &sufferer);
		if (!known)
			sufferers[nr++] = sufferer;
	}
	return nr;
}

static void note_program(struct fleet_site *site, const struct fleet_seen *seen, uint32_t program,
			 size_t group, struct scratch *scratch)
{
	if (scratch->program_seen[program] != group) {
		scratch->program_seen[program] = group;
		scratch->program_accused[program] = false;
		site->looks += scratch->program_looks[program];
	}
	if (seen->accused && !scratch->program_accused[program]) {
		scratch->program_accused[program] = true;
		site->builds++;
	}
}

static uint32_t accused_of(const struct fleet *fleet, const uint32_t *order,
			   const struct fleet_seen *seen)
{
	uint32_t worst = order[seen->begin];
	double most = -1;

	for (size_t i = seen->begin; i < seen->end; i++) {
		const struct fleet_sighting *one = &fleet->sightings[order[i]];

		if (fleet_is_accused(one) && one->growth > most) {
			most = one->growth;
			worst = order[i];
		}
	}
	return worst;
}

static struct fleet_site judge(const struct fleet *fleet, const uint32_t *order,
			       const struct fleet_group *group, size_t number,
			       struct scratch *scratch)
{
	struct fleet_site site = { .names = group->names, .first_seen = INFINITY };
	struct fleet_seen seen = { 0 };
	size_t nr_sufferers = 0;

	while (fleet_next_look(fleet, order, group, &seen)) {
		const struct fleet_look *look = &fleet->looks[seen.look];

		scratch->growths[site.seen++] =
			(struct ranks_weighted){ seen.growth, look->weight };
		note_program(&site, &seen, look->program, number, scratch);
		if (!seen.accused)
			continue;
		site.accused++;
		site.latest = accused_of(fleet, order, &seen);
		site.first_seen = fmin(site.first_seen, look->started);
		site.last_seen = fmax(site.last_seen, look->started);
		nr_sufferers = add_sufferers(fleet, order, &seen, scratch->sufferers, nr_sufferers);
	}
	site.signature = fleet->sightings[site.latest].signature;
	count_processes(&site, scratch->sufferers, nr_sufferers);
	site.growth = ranks_weighted_median(scratch->growths, site.seen);
	site.score = site.growth * site.weighted_processes;
	return site;
}

static int compare_sites(const void *left, const void *right)
{
	const struct fleet_site *a = left, *b = right;

	if (a->score != b->score)
		return a->score < b->score ? 1 : -1;
	if (a->accused != b->accused)
		return a->accused < b->accused ? 1 : -1;
	return a->names < b->names ? -1 : a->names > b->names;
}

int fleet_rank(const struct fleet *fleet, struct fleet_site **ret_sites, size_t *ret_nr)
{
	struct scratch scratch;
	struct fleet_group group = { 0 };
	struct fleet_site *sites = NULL, *site;
	size_t nr = 0, cap = 0;
	uint32_t *order;
	int err = scratch_new(fleet, &scratch);

	if (err)
		return err;
	err = fleet_group(fleet, &order);
	if (err) {
		scratch_free(&scratch);
		return err;
	}
	while (!err && fleet_next_group(fleet, order, &group)) {
		site = vec_push(&sites, &nr, &cap);
		if (site)
			*site = judge(fleet, order, &group, nr, &scratch);
		err = site ? 0 : -ENOMEM;
	}
	free(order);
	scratch_free(&scratch);
	if (err) {
		free(sites);
		return err;
	}
	if (nr)
		qsort(sites, nr, sizeof(*sites), compare_sites);
	*ret_sites = sites;
	*ret_nr = nr;
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads the heap out into a profile; this file owns processes and which sites are shown,
 * fill_site.c the row of a site. Sums come from the cohorts of the sites; what only the
 * blocks can tell (the largest, the oldest, the error of an estimate, and everything when a
 * filter leaves blocks out) from one walk over all of them. Verdicts are always made from
 * all blocks: a filter changes what is shown, not what is so.
 */
#include "heap/filling.h"

#include "base/vec.h"
#include "heap/verdict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A site on its way into the profile. */
struct candidate {
	uint32_t number, space;
	uint64_t live_bytes;
};

static int by_space_and_size(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;

	if (a->space != b->space)
		return a->space < b->space ? -1 : 1;
	if (a->live_bytes != b->live_bytes)
		return a->live_bytes > b->live_bytes ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

static int add_process(struct filling *f, uint32_t index)
{
	struct space *space = spaces_at(f->heap->spaces, index);
	struct profile *p = f->profile;
	struct profile_process *row = vec_push(&p->processes, &p->nr_processes, &p->cap_processes);

	if (!row)
		return -ENOMEM;
	f->process_of[index] = (uint32_t)p->nr_processes - 1;
	row->pid = space->tgid;
	row->ns_pid = space->ns_tgid;
	row->parent = PROFILE_NONE;
	if (space->forked_from && space->forked_from < index)
		row->parent = f->process_of[space->forked_from];
	row->generation = space->generation;
	row->comm = profile_string(p, space->comm);
	if (!row->comm) {
		p->nr_processes--;
		return -ENOMEM;
	}
	row->seen_seconds =
		filling_seconds(filling_end_of(f, space)) - filling_seconds(space->begin);
	row->exited = space->ended;
	row->exit_status = -1;
	row->rss_bytes = space->rss_last;
	row->rss_start_bytes = space->rss_first;
	row->unmatched_frees = space->unmatched_frees;
	row->inherited_frees = space->inherited_frees;
	row->repeated_frees = space->repeated_frees;
	row->missed_frees = space->missed_frees;
	row->lost_frees = space->lost_frees;
	row->tainted = space->lost_frees != 0;
	if (f->naming->describe_process)
		f->naming->describe_process(f->naming->context, space->id, p, row);
	return 0;
}

static int add_points(struct filling *f, uint32_t index)
{
	const struct space *space = spaces_at(f->heap->spaces, index);
	struct profile *p = f->profile;

	for (size_t i = 0; i < space->nr_points; i++) {
		struct profile_point *to = vec_push(&p->points, &p->nr_points, &p->cap_points);

		if (!to)
			return -ENOMEM;
		to->process = f->process_of[index];
		to->seconds = filling_seconds(space->points[i].time);
		to->live_bytes = space->points[i].live_bytes;
		to->live_count = space->points[i].live_count;
		to->rss_bytes = space->points[i].rss_bytes;
	}
	return 0;
}

/* The sums of all sites of a space, whether they are shown or not, by layer. */
static int sum_layers(const struct filling *f, const struct candidate *candidates, size_t nr,
		      struct profile_site sums[LAYER_COUNT])
{
	int err = 0;

	memset(sums, 0, LAYER_COUNT * sizeof(*sums));
	for (size_t i = 0; i < nr && !err; i++) {
		const struct site *site = sites_at(f->heap->sites, candidates[i].number);

		err = filling_add_figures(f, candidates[i].number, &sums[site_layer(site)]);
	}
	for (int layer = 0; layer < LAYER_COUNT; layer++)
		free(sums[layer].cohorts);
	return err;
}

static void set_totals(const struct profile_site sums[LAYER_COUNT], struct profile_process *process)
{
	const struct profile_site *blocks = &sums[LAYER_BLOCKS];

	process->live_bytes = blocks->live_bytes;
	process->live_count = blocks->live_count;
	process->alloc_bytes = blocks->alloc_bytes;
	process->alloc_count = blocks->alloc_count;
	process->free_bytes = blocks->free_bytes;
	process->free_count = blocks->free_count;
	process->mapped_bytes = sums[LAYER_MAPPINGS].live_bytes;
	process->mapped_count = sums[LAYER_MAPPINGS].live_count;
}

/* Is nearly all that was born early gone, though more and more is held? */
static bool is_backlog(const struct profile_site *s)
{
	uint64_t born = 0, live = 0;

	if (s->verdict != VERDICT_TOO_LITTLE_DATA || s->growth_rate <= 0 ||
	    s->free_count < s->alloc_count / 4 || s->nr_cohorts < 8)
		return false;
	for (uint32_t i = 0; i < s->nr_cohorts / 4; i++) {
		born += s->cohorts[i].alloc_count;
		live += s->cohorts[i].live_count;
	}
	return born && live <= born / 20;
}

static void sum_verdicts(const struct filling *f, size_t first_site,
			 struct verdict_process *process)
{
	for (size_t i = first_site; i < f->profile->nr_sites; i++) {
		const struct profile_site *s = &f->profile->sites[i];
		enum site_layer layer = filling_layer(f, s);

		if (layer == LAYER_BLOCKS) {
			process->by_verdict[s->verdict].bytes += s->live_bytes;
			process->by_verdict[s->verdict].rate += s->growth_rate;
			process->by_verdict[s->verdict].sites++;
			if (is_backlog(s)) {
				process->backlog.bytes += s->live_bytes;
				process->backlog.rate += s->growth_rate;
				process->backlog.sites++;
			}
		} else if (s->verdict == VERDICT_GROWING && layer == LAYER_MAPPINGS) {
			process->growing_mappings.rate += s->growth_rate;
			process->growing_mappings.sites++;
		} else if (s->verdict == VERDICT_GROWING) {
			process->growing_handles.rate += s->growth_rate;
			process->growing_handles.sites++;
		}
	}
}

static struct verdict_point *course_of(const struct space *space)
{
	struct verdict_point *course = calloc(space->nr_points + 1, sizeof(*course));

	for (size_t i = 0; course && i < space->nr_points; i++)
		course[i] = (struct verdict_point){ filling_seconds(space->points[i].time),
						    (double)space->points[i].live_bytes,
						    (double)space->points[i].rss_bytes };
	return course;
}

static enum verdict_runtime runtime_state(const char *verdict)
{
	static const struct {
		const char *name;
		enum verdict_runtime state;
	} states[] = { { PROFILE_RUNTIME_STEADY, VERDICT_RUNTIME_STEADY },
		       { PROFILE_RUNTIME_TIGHT, VERDICT_RUNTIME_TIGHT },
		       { PROFILE_RUNTIME_GROWS, VERDICT_RUNTIME_GROWS },
		       { PROFILE_RUNTIME_NATIVE, VERDICT_RUNTIME_NATIVE } };

	for (size_t i = 0; verdict && i < sizeof(states) / sizeof(*states); i++)
		if (!strcmp(states[i].name, verdict))
			return states[i].state;
	return VERDICT_RUNTIME_UNKNOWN;
}

/* What was found out about the process from outside. */
static void take_surroundings(const struct profile_process *row, struct verdict_process *process)
{
	process->limit = (struct verdict_limit){
		.name = row->limit_name,
		.bytes = row->limit_bytes,
		.room_bytes = row->limit_room_bytes,
		.hits = row->limit_hits,
		.oom_kills = row->oom_kills,
		.pressure = row->pressure,
	};
	process->allocator.name = row->allocator;
	process->allocator.held_bytes = row->allocator_held_bytes;
	process->allocator.free_bytes = row->allocator_free_bytes;
	process->allocator.at_most = row->allocator_at_most;
	process->runtime.evidence = row->runtime_evidence ? row->runtime_evidence : "";
	process->runtime.state = runtime_state(row->runtime_verdict);
}

static int judge_process(struct filling *f, uint32_t index, size_t first_site,
			 const struct profile_site sums[LAYER_COUNT])
{
	const struct space *space = spaces_at(f->heap->spaces, index);
	struct profile *p = f->profile;
	struct profile_process *row = &p->processes[f->process_of[index]];
	struct verdict_process process = {
		.seconds = row->seen_seconds,
		/* What was freed between bursts seems to live. */
		.ended = row->exited && !row->oom_killed && !f->bursts,
		.killed = row->oom_killed,
		.bursts = f->bursts,
		.live_bytes = row->live_bytes,
		.live_handles = sums[LAYER_HANDLES].live_count,
		.rss_start_bytes = row->rss_start_bytes,
		.rss_bytes = row->rss_bytes,
		.lost_frees = row->lost_frees,
	};
	struct verdict_point *course;
	struct verdict verdict;

	if (space->nr_points)
		process.live_start_bytes = space->points[0].live_bytes;
	for (int layer = 0; layer < LAYER_COUNT; layer++)
		process.alloc_count += sums[layer].alloc_count;
	sum_verdicts(f, first_site, &process);
	process.waiting.rise = f->waiting.rise;
	process.waiting.offset = f->waiting.offset;
	process.waiting.rate = f->waiting.rate;
	process.waiting.sites = f->waiting.sites;
	take_surroundings(row, &process);
	course = course_of(space);
	if (!course)
		return -ENOMEM;
	process.course = course;
	process.nr_course = space->nr_points;
	verdict_process(&process, &verdict);
	free(course);
	row->verdict = verdict.verdict;
	row->limit_seconds = verdict.limit_seconds;
	row->limit_seconds_low = verdict.limit_seconds_low;
	row->limit_seconds_high = verdict.limit_seconds_high;
	row->evidence = profile_string(p, verdict.evidence);
	return row->evidence ? 0 : -ENOMEM;
}

static int add_others(struct filling *f, const uint32_t *numbers, size_t nr)
{
	uint32_t *same = malloc((nr + 1) * sizeof(*same));
	int err = same ? 0 : -ENOMEM;

	for (int layer = 0; layer < LAYER_COUNT && !err; layer++) {
		size_t nr_same = 0;

		for (size_t i = 0; i < nr; i++)
			if ((int)site_layer(sites_at(f->heap->sites, numbers[i])) == layer)
				same[nr_same++] = numbers[i];
		if (nr_same)
			err = filling_add_row(f, same, nr_same, true);
	}
	free(same);
	return err;
}

/* The rows of one space, whose candidates come largest first. */
static int add_sites(struct filling *f, const struct candidate *candidates, size_t nr)
{
	uint32_t *rest = malloc((nr + 1) * sizeof(*rest));
	size_t nr_rest = 0, shown = 0;
	int err = 0;

	if (!rest)
		return -ENOMEM;
	for (size_t i = 0; i < nr && !err; i++) {
		const struct candidate *c = &candidates[i];
		bool others = sites_at(f->heap->sites, c->number)->key.kind == SITE_OTHERS;

		if (f->live_only && !tallies_at(f->tallies, c->number)->seen)
			continue;
		if (others || shown >= f->max_sites) {
			rest[nr_rest++] = c->number;
			continue;
		}
		shown++;
		err = filling_add_row(f, &c->number, 1, false);
	}
	if (!err)
		err = add_others(f, rest, nr_rest);
	free(rest);
	return err;
}

static struct candidate *list_candidates(const struct filling *f, size_t *ret_nr)
{
	size_t nr = sites_count(f->heap->sites);
	struct candidate *list = calloc(nr + 1, sizeof(*list));

	if (!list)
		return NULL;
	for (uint32_t n = 1; n <= nr; n++)
		list[n - 1] = (struct candidate){ n, sites_at(f->heap->sites, n)->key.space,
						  tallies_at(f->tallies, n)->live_bytes };
	qsort(list, nr, sizeof(*list), by_space_and_size);
	*ret_nr = nr;
	return list;
}

/* A process that came and went between two looks and allocated nothing is no news. */
static bool worth_a_row(const struct space *space, size_t nr_sites)
{
	return nr_sites || !space->ended || space->unmatched_frees || space->lost_frees;
}

static void sum_activity(struct filling *f, const struct candidate *candidates, size_t nr)
{
	memset(f->activity, 0, sizeof(f->activity));
	for (size_t n = 0; n < nr; n++) {
		const struct site *site = sites_at(f->heap->sites, candidates[n].number);

		for (uint32_t i = 0; i < f->nr_cohorts; i++)
			f->activity[i] += site->cohorts[i].alloc_count;
	}
}

static int look_at_bursts(struct filling *f, uint32_t index, const struct candidate *candidates,
			  size_t nr)
{
	uint32_t *numbers;
	size_t nr_numbers = 0;
	int err;

	if (!f->bursts)
		return 0;
	numbers = calloc(nr + 1, sizeof(*numbers));
	if (!numbers)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++)
		if (site_layer(sites_at(f->heap->sites, candidates[i].number)) != LAYER_MAPPINGS)
			numbers[nr_numbers++] = candidates[i].number;
	err = burst_view_space(f->bursts, index, numbers, nr_numbers);
	if (!err)
		err = filling_weigh_resident(f, spaces_at(f->heap->spaces, index), numbers,
					     nr_numbers);
	free(numbers);
	return err;
}

static int add_space(struct filling *f, uint32_t index, const struct candidate *candidates,
		     size_t nr)
{
	size_t first_row = f->profile->nr_sites;
	struct profile_site sums[LAYER_COUNT];
	int err = sum_layers(f, candidates, nr, sums);

	if (!err)
		err = add_process(f, index);
	if (err)
		return err;
	sum_activity(f, candidates, nr);
	memset(&f->waiting, 0, sizeof(f->waiting));
	err = look_at_bursts(f, index, candidates, nr);
	if (err)
		return err;
	set_totals(sums, &f->profile->processes[f->process_of[index]]);
	err = add_sites(f, candidates, nr);
	if (!err)
		err = judge_process(f, index, first_row, sums);
	return err ? err : add_points(f, index);
}

static int add_spaces(struct filling *f)
{
	size_t nr, first = 0, last;
	struct candidate *list = list_candidates(f, &nr);
	int err = list ? 0 : -ENOMEM;

	for (uint32_t index = 1; index <= spaces_count(f->heap->spaces) && !err; index++) {
		for (last = first; last < nr && list[last].space == index;)
			last++;
		f->process_of[index] = PROFILE_NONE;
		if (!worth_a_row(spaces_at(f->heap->spaces, index), last - first))
			continue;
		err = add_space(f, index, &list[first], last - first);
		first = last;
	}
	free(list);
	return err;
}

static void add_health(const struct heap *h, struct profile_health *health)
{
	struct heap_stats stats = heap_stats(h);

	health->unmatched_frees += stats.unmatched_frees;
	health->inherited_frees += stats.inherited_frees;
	health->repeated_frees += stats.repeated_frees;
	health->missed_frees += stats.missed_frees;
	health->blocks_evicted += stats.blocks_evicted;
	health->evicted_bytes += stats.evicted_bytes;
	health->sites_folded += stats.sites_folded;
	health->collector_bytes += stats.bytes;
}

int heap_fill(struct heap *h, uint64_t now, const struct heap_filter *filter, bool live_only,
	      size_t max_sites, const struct heap_naming *naming, struct profile *profile)
{
	static const struct heap_naming nameless;
	struct filling f = {
		.heap = h,
		.naming = naming ? naming : &nameless,
		.profile = profile,
		.max_sites = max_sites,
		.live_only = live_only,
		.now = heap_time(h, now),
	};
	int err = -ENOMEM;

	f.nr_cohorts = sites_cohort(h->sites, f.now) + 1;
	f.process_of = calloc(spaces_count(h->spaces) + 1, sizeof(*f.process_of));
	f.tallies = tallies_new(h, f.now, filter);
	if (h->bursts)
		f.bursts = burst_view_new(h->bursts, f.now);
	if (f.process_of && f.tallies && (f.bursts || !h->bursts))
		err = add_spaces(&f);
	if (!err)
		add_health(h, &profile->health);
	burst_resident_free(f.resident);
	burst_view_free(f.bursts);
	tallies_free(f.tallies);
	free(f.process_of);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the question whom to suspect of growing. The course of anonymous and swapped memory is
 * judged by base/series.h: what stays level, what comes back to where it was, and what rose once
 * is no suspect, or hardly one. Among those that rise the share of the room that they take in an
 * hour counts, that is, how soon somebody is killed; the young count less, since whoever starts
 * takes memory.
 *
 * Shared memory is left out: a process that touches what others have filled seems to grow. It
 * shows in the growth of the cgroup, as do processes too short-lived to have a course.
 */
#include "triage/ranking.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/vec.h"
#include "triage/courses.h"
#include "triage/reason.h"

_Static_assert((int)RANKING_POINTS == (int)COURSE_POINTS, "the header promises it");

enum { MAX_PROCESSES = 32768, HOUR = 3600 };

static const double WINDOW = 600;
static const uint64_t LEAST = 1 << 20;
/* How much what is not rising, but not level either, counts. */
static const double WEIGHT_SLOWING = 0.25, WEIGHT_STEP = 0.1;
/* A process that was born so many windows ago counts in full, a newborn so much. */
static const double GROWN_UP = 5, WEIGHT_NEWBORN = 0.3;
/* A cgroup of whose growth one below makes so much is not told as well. */
static const double EXPLAINED = 0.8;

struct ranking {
	struct ranking_options options;
	struct courses *processes; /* by pid and start */
	struct courses *cgroups; /* by id */
	const struct host_look *look; /* the last one */
};

int ranking_new(const struct ranking_options *options, struct ranking **ret_ranking)
{
	struct ranking *ranking = calloc(1, sizeof(*ranking));
	struct ranking_options *o;

	if (!ranking)
		return -ENOMEM;
	o = &ranking->options;
	if (options)
		*o = *options;
	if (!(o->window > 0))
		o->window = WINDOW;
	if (!o->least)
		o->least = LEAST;
	if (!o->max_processes)
		o->max_processes = MAX_PROCESSES;
	ranking->processes = courses_new(o->window, o->max_processes);
	ranking->cgroups = courses_new(o->window, o->max_processes);
	if (!ranking->processes || !ranking->cgroups) {
		ranking_free(ranking);
		return -ENOMEM;
	}
	*ret_ranking = ranking;
	return 0;
}

void ranking_free(struct ranking *ranking)
{
	if (!ranking)
		return;
	courses_free(ranking->processes);
	courses_free(ranking->cgroups);
	free(ranking);
}

static uint64_t process_bytes(const struct host_process *process)
{
	return process->anonymous + process->swap;
}

/* What of a cgroup's memory the kernel cannot drop; CGROUP_UNKNOWN. */
static uint64_t cgroup_bytes(const struct host_cgroup *cgroup)
{
	if (!cgroup_known(cgroup->current) || !cgroup_known(cgroup->reclaimable))
		return cgroup->anonymous;
	return cgroup->current > cgroup->reclaimable ? cgroup->current - cgroup->reclaimable : 0;
}

static int add_processes(struct ranking *ranking, const struct host_look *look)
{
	int err = courses_begin(ranking->processes, look->time);

	for (size_t i = 0; i < look->nr_processes && !err; i++) {
		const struct host_process *process = &look->processes[i];

		if (process->kernel_thread)
			continue;
		err = courses_put(ranking->processes, (uint64_t)process->pid, process->start_ticks,
				  process_bytes(process));
		/* A full table takes no new ones; those in it go on. */
		err = err == -ENOSPC ? 0 : err;
	}
	if (!err)
		courses_end(ranking->processes);
	return err;
}

int ranking_add(struct ranking *ranking, const struct host_look *look)
{
	int err = add_processes(ranking, look);

	err = err ?: courses_begin(ranking->cgroups, look->time);
	for (size_t i = 0; i < look->nr_cgroups && !err; i++) {
		uint64_t bytes = cgroup_bytes(&look->cgroups[i]);

		if (!cgroup_known(bytes))
			continue;
		err = courses_put(ranking->cgroups, look->cgroups[i].id, 0, bytes);
		err = err == -ENOSPC ? 0 : err;
	}
	if (err)
		return err;
	courses_end(ranking->cgroups);
	ranking->look = look;
	return 0;
}

/* The limit that is nearer: the cgroup's, or all memory of the machine. */
static void set_room(const struct host_look *look, const struct host_cgroup *cgroup,
		     struct growth *growth)
{
	const struct limits_host *host = &look->memory;

	growth->limit = growth->room = MEMORY_UNLIMITED;
	if (cgroup_known(host->total) && cgroup_known(host->available)) {
		growth->limit = host->total;
		growth->room = host->available + host->swap_free;
	}
	if (cgroup && cgroup->limit != MEMORY_UNLIMITED && cgroup->room <= growth->room) {
		growth->limit = cgroup->limit;
		growth->room = cgroup->room;
	}
}

static double lowest(const struct series_point *points, size_t nr)
{
	double least = points[0].value;

	for (size_t i = 1; i < nr; i++)
		least = fmin(least, points[i].value);
	return least;
}

/*
 * A saw whose period is about that of two of the judge's stretches can look like a step: what
 * rose and stays is above all of the first half.
 */
static bool stays(const struct ranking *ranking, const struct series_point *points, size_t nr)
{
	return lowest(points + nr / 2, nr - nr / 2) - lowest(points, nr / 2) >=
	       (double)ranking->options.least / 2;
}

static void judge(const struct ranking *ranking, const struct series_point *points, size_t nr,
		  struct growth *growth)
{
	struct series_trend trend;

	growth->looks = nr;
	growth->seconds = points[nr - 1].time - points[0].time;
	series_judge(points, nr, (double)ranking->options.least, &trend);
	growth->shape = trend.shape;
	if ((trend.shape == SERIES_STEP || trend.shape == SERIES_SLOWING) &&
	    !stays(ranking, points, nr))
		growth->shape = SERIES_FLAT;
	growth->time_to_limit = growth->earliest = growth->latest = INFINITY;
	if (trend.shape == SERIES_TOO_SHORT) {
		growth->rise = points[nr - 1].value - points[0].value;
		growth->rate = growth->seconds > 0 ? growth->rise / growth->seconds : 0;
		growth->rate_low = -INFINITY;
		growth->rate_high = INFINITY;
		return;
	}
	growth->rise = trend.growth;
	growth->rate = trend.slope;
	growth->rate_low = trend.slope_low;
	growth->rate_high = trend.slope_high;
	growth->score = trend.score;
	if (growth->room != MEMORY_UNLIMITED)
		series_time_to(&trend, (double)growth->room, &growth->time_to_limit,
			       &growth->earliest, &growth->latest);
}

static const struct host_cgroup *cgroup_of(const struct host_look *look, uint32_t index)
{
	return index < look->nr_cgroups ? &look->cgroups[index] : NULL;
}

bool ranking_process(const struct ranking *ranking, const struct host_process *process,
		     struct growth *ret_growth)
{
	struct series_point points[COURSE_POINTS];
	size_t nr = courses_points(ranking->processes, (uint64_t)process->pid, process->start_ticks,
				   points);
	struct growth growth = { .bytes = process_bytes(process) };
	long ticks = sysconf(_SC_CLK_TCK);

	if (!nr || !ranking->look)
		return false;
	if (ranking->look->uptime > 0 && ticks > 0)
		growth.age = ranking->look->uptime - (double)process->start_ticks / (double)ticks;
	growth.age = fmax(growth.age, 0);
	set_room(ranking->look, cgroup_of(ranking->look, process->cgroup), &growth);
	judge(ranking, points, nr, &growth);
	*ret_growth = growth;
	return true;
}

bool ranking_cgroup(const struct ranking *ranking, const struct host_cgroup *cgroup,
		    struct growth *ret_growth)
{
	struct series_point points[COURSE_POINTS];
	size_t nr = courses_points(ranking->cgroups, cgroup->id, 0, points);
	struct growth growth = { .bytes = cgroup_bytes(cgroup) };

	if (!nr || !ranking->look)
		return false;
	set_room(ranking->look, cgroup, &growth);
	judge(ranking, points, nr, &growth);
	*ret_growth = growth;
	return true;
}

/* How much the shape of its course counts. */
static double weight_of(const struct ranking *ranking, const struct growth *growth)
{
	double grown_up = ranking->options.window * GROWN_UP, weight;

	switch (growth->shape) {
	case SERIES_RISING:
		weight = 1;
		break;
	case SERIES_SLOWING:
		weight = WEIGHT_SLOWING;
		break;
	case SERIES_STEP:
		weight = WEIGHT_STEP;
		break;
	default:
		return 0;
	}
	if (growth->age > 0 && growth->age < grown_up)
		weight *= WEIGHT_NEWBORN + (1 - WEIGHT_NEWBORN) * growth->age / grown_up;
	return weight;
}

/* The share of the room that is taken in an hour; of a full limit's, a hundredth is left. */
static double score_of(const struct ranking *ranking, const struct growth *growth)
{
	double room = (double)growth->room, rate = growth->rate;

	if (growth->limit == MEMORY_UNLIMITED)
		room = 1ULL << 40;
	else
		room = fmax(room, (double)growth->limit / 100);
	/* A step's slope says little; what it added does. */
	if (growth->seconds > 0)
		rate = fmax(rate, growth->rise / growth->seconds);
	return weight_of(ranking, growth) * fmax(rate, 0) * HOUR / room;
}

static int by_score(const void *left, const void *right)
{
	const struct suspect *a = left, *b = right;

	return (a->score < b->score) - (a->score > b->score);
}

struct suspects {
	struct suspect *items;
	size_t nr, cap;
};

static int add_suspect(const struct ranking *ranking, struct suspects *suspects,
		       struct suspect suspect)
{
	struct suspect *item;

	suspect.score = score_of(ranking, &suspect.growth);
	if (!(suspect.score > 0))
		return 0;
	item = vec_push(&suspects->items, &suspects->nr, &suspects->cap);
	if (!item)
		return -ENOMEM;
	*item = suspect;
	return 0;
}

static int suspect_processes(const struct ranking *ranking, ranking_keep_fn keep, void *context,
			     struct suspects *suspects)
{
	const struct host_look *look = ranking->look;
	int err = 0;

	for (size_t i = 0; i < look->nr_processes && !err; i++) {
		struct suspect suspect = { .kind = SUSPECT_PROCESS,
					   .process = &look->processes[i] };

		suspect.cgroup = cgroup_of(look, suspect.process->cgroup);
		if ((!keep || keep(context, suspect.process, suspect.cgroup)) &&
		    ranking_process(ranking, suspect.process, &suspect.growth))
			err = add_suspect(ranking, suspects, suspect);
	}
	return err;
}

/* Does one cgroup below make most of its growth? */
static bool is_explained(const struct ranking *ranking, size_t index, double rate)
{
	const struct host_look *look = ranking->look;
	struct growth growth;

	for (size_t i = index + 1; i < look->nr_cgroups; i++)
		if (look->cgroups[i].parent == index &&
		    ranking_cgroup(ranking, &look->cgroups[i], &growth) &&
		    growth.rate >= EXPLAINED * rate)
			return true;
	return false;
}

static int suspect_cgroups(const struct ranking *ranking, ranking_keep_fn keep, void *context,
			   struct suspects *suspects)
{
	const struct host_look *look = ranking->look;
	int err = 0;

	for (size_t i = 0; i < look->nr_cgroups && !err; i++) {
		struct suspect suspect = { .kind = SUSPECT_CGROUP, .cgroup = &look->cgroups[i] };

		if ((keep && !keep(context, NULL, suspect.cgroup)) ||
		    !ranking_cgroup(ranking, suspect.cgroup, &suspect.growth) ||
		    score_of(ranking, &suspect.growth) <= 0 ||
		    is_explained(ranking, i, suspect.growth.rate))
			continue;
		err = add_suspect(ranking, suspects, suspect);
	}
	return err;
}

int ranking_suspects(const struct ranking *ranking, enum suspect_kind kind, size_t max,
		     ranking_keep_fn keep, void *context, struct suspect **ret_suspects,
		     size_t *ret_nr)
{
	struct suspects suspects = { 0 };
	int err = 0;

	if (ranking->look)
		err = kind == SUSPECT_PROCESS ? suspect_processes(ranking, keep, context, &suspects)
					      : suspect_cgroups(ranking, keep, context, &suspects);
	if (err) {
		free(suspects.items);
		return err;
	}
	if (suspects.nr)
		qsort(suspects.items, suspects.nr, sizeof(*suspects.items), by_score);
	if (suspects.nr > max)
		suspects.nr = max;
	for (size_t i = 0; i < suspects.nr; i++)
		suspect_explain(&suspects.items[i], ranking->look);
	*ret_suspects = suspects.items;
	*ret_nr = suspects.nr;
	return 0;
}

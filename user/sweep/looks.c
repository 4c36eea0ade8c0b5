// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns who is looked at and for how long. Two views of the same looks: a pass's own, which is
 * short and finds what grows now, and with several passes a long one over all the time between
 * them, which finds what grows slowly. It knows nothing of tracing.
 */
#include "sweep/looks.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "proc/process.h"

/* However many grow, more than these are not told apart. */
enum { RANKED_MOST = 1024 };

struct looks {
	const struct sweep_settings *settings;
	struct host *host;
	struct ranking *pass, *between; /* between: NULL with a single pass */
	const struct host_look *last;
};

/* The long view: over so many passes. */
static const double PASSES_SEEN = 4;

void looks_close(struct looks *looks)
{
	if (!looks)
		return;
	ranking_free(looks->pass);
	ranking_free(looks->between);
	host_close(looks->host);
	free(looks);
}

int looks_open(const struct sweep_settings *settings, struct looks **ret_looks)
{
	struct ranking_options far = { .window = PASSES_SEEN * settings->every,
				       .least = settings->least_growth };
	struct looks *looks = calloc(1, sizeof(*looks));
	int err = looks ? host_open(NULL, &looks->host) : -ENOMEM;

	if (!err && settings->every > 0)
		err = ranking_new(&far, &looks->between);
	if (err) {
		looks_close(looks);
		return err;
	}
	looks->settings = settings;
	*ret_looks = looks;
	return 0;
}

int looks_begin_pass(struct looks *looks)
{
	struct ranking_options near = { .window = 2 * looks->settings->triage,
					.least = looks->settings->least_growth };
	struct ranking *ranking = NULL;
	int err = ranking_new(&near, &ranking);

	if (err)
		return err;
	ranking_free(looks->pass);
	looks->pass = ranking;
	return 0;
}

int looks_take(struct looks *looks)
{
	int err = host_look(looks->host, &looks->last);

	if (err) {
		looks->last = NULL;
		return err;
	}
	if (looks->pass)
		err = ranking_add(looks->pass, looks->last);
	if (!err && looks->between)
		err = ranking_add(looks->between, looks->last);
	return err;
}

const struct host_look *looks_last(const struct looks *looks)
{
	return looks->last;
}

double looks_pause(const struct looks *looks)
{
	return looks->settings->triage / (LOOKS_OF_A_PASS - 1);
}

double looks_idle_pause(const struct looks *looks)
{
	double window = PASSES_SEEN * looks->settings->every;

	return looks->between ? fmax(window / RANKING_POINTS, looks_pause(looks)) : 0;
}

struct choice {
	const struct looks *looks;
	size_t excluded;
};

static bool wanted(const struct sweep_settings *settings, const struct host_process *process,
		   const struct host_cgroup *cgroup)
{
	bool ask = sweep_patterns_ask_exe(&settings->only) ||
		   sweep_patterns_ask_exe(&settings->exclude);
	const char *comm = process ? process->comm : NULL, *path = cgroup ? cgroup->path : NULL;
	bool deleted;
	char *exe = process && ask ? process_exe(process->pid, &deleted) : NULL;
	bool keep = !settings->only.nr || sweep_patterns_match(&settings->only, comm, exe, path);

	keep = keep && !sweep_patterns_match(&settings->exclude, comm, exe, path);
	free(exe);
	return keep;
}

/* Never itself and the kernel's own threads; init only where that was asked for. */
static bool keep(void *context, const struct host_process *process,
		 const struct host_cgroup *cgroup)
{
	struct choice *choice = context;
	const struct sweep_settings *settings = choice->looks->settings;

	if (process && (process->kernel_thread || process->pid == getpid()))
		return false;
	if (process && process->pid == 1 && !settings->init)
		return false;
	if (wanted(settings, process, cgroup))
		return true;
	choice->excluded++;
	return false;
}

static bool same(const struct suspect *a, const struct suspect *b)
{
	return a->kind == SUSPECT_PROCESS ? a->process == b->process : a->cgroup == b->cgroup;
}

static int compare(const void *left, const void *right)
{
	const struct suspect *a = left, *b = right;

	return a->score < b->score ? 1 : a->score > b->score ? -1 : 0;
}

/* The worse view of each. */
static size_t merge(struct suspect *items, size_t nr)
{
	size_t kept = 0;

	qsort(items, nr, sizeof(*items), compare);
	for (size_t i = 0; i < nr; i++) {
		bool known = false;

		for (size_t j = 0; j < kept && !known; j++)
			known = same(&items[j], &items[i]);
		if (!known)
			items[kept++] = items[i];
	}
	return kept;
}

/* Appends the other view's; both arrays are given up for the result. */
static struct suspect *join(struct suspect *near, size_t nr_near, struct suspect *far,
			    size_t nr_far)
{
	struct suspect *all = reallocarray(near, nr_near + nr_far + 1, sizeof(*all));

	if (all && nr_far)
		memcpy(all + nr_near, far, nr_far * sizeof(*all));
	if (!all)
		free(near);
	free(far);
	return all;
}

int looks_suspects(struct looks *looks, enum suspect_kind kind, size_t max,
		   struct looks_suspects *ret_suspects)
{
	struct choice near_choice = { .looks = looks }, far_choice = near_choice;
	struct looks_suspects found = { 0 };
	struct suspect *near = NULL, *far = NULL;
	size_t nr_near = 0, nr_far = 0;
	int err = ranking_suspects(looks->pass, kind, RANKED_MOST, keep, &near_choice, &near,
				   &nr_near);

	if (!err && looks->between)
		err = ranking_suspects(looks->between, kind, RANKED_MOST, keep, &far_choice, &far,
				       &nr_far);
	if (err) {
		free(near);
		return err;
	}
	found.items = join(near, nr_near, far, nr_far);
	if (!found.items)
		return -ENOMEM;
	found.nr_growing = merge(found.items, nr_near + nr_far);
	found.nr = found.nr_growing < max ? found.nr_growing : max;
	found.excluded = near_choice.excluded;
	*ret_suspects = found;
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the kills between two reports. They are kept in a pass of their own, since they come at
 * any time, also while none runs; beyond a bound they are counted alone.
 */
#include "sweep/kills.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/vec.h"
#include "triage/oom_watch.h"

struct kills {
	struct oom_watch *watch; /* NULL: err says why */
	int err;
	struct pass *waiting;
	uint64_t told_lost;
};

struct kills *kills_open(void)
{
	struct kills *kills = calloc(1, sizeof(*kills));

	if (!kills)
		return NULL;
	kills->waiting = pass_new();
	if (!kills->waiting) {
		free(kills);
		return NULL;
	}
	kills->err = oom_watch_open(&kills->watch);
	return kills;
}

void kills_close(struct kills *kills)
{
	if (!kills)
		return;
	if (kills->watch)
		oom_watch_close(kills->watch);
	pass_free(kills->waiting);
	free(kills);
}

static double seconds_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t known(uint64_t bytes)
{
	return cgroup_known(bytes) ? bytes : 0;
}

static void take(void *context, const struct oom_victim *victim)
{
	struct pass *waiting = context;
	struct pass_kill *kill = NULL;

	if (waiting->nr_kills < PASS_KILLS_MOST)
		kill = vec_push(&waiting->kills, &waiting->nr_kills, &waiting->cap_kills);
	if (!kill) {
		waiting->kills_lost++;
		return;
	}
	*kill = (struct pass_kill){
		.time = seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_MONOTONIC) + victim->time,
		.pid = victim->pid,
		.uid = victim->uid,
		.comm = pass_string(waiting, victim->comm),
		.cgroup = pass_string(waiting, victim->cgroup),
		.limit_cgroup = pass_string(waiting, victim->limit_cgroup),
		.limit = known(victim->limit),
		.anonymous = known(victim->anonymous),
		.whole_host = victim->whole_host,
	};
}

void kills_poll(struct kills *kills, int timeout_ms)
{
	if (kills->watch)
		oom_watch_poll(kills->watch, timeout_ms, take, kills->waiting);
	else if (timeout_ms)
		poll(NULL, 0, timeout_ms);
}

static int copy(struct pass *pass, const struct pass_kill *from)
{
	struct pass_kill *kill = vec_push(&pass->kills, &pass->nr_kills, &pass->cap_kills);

	if (!kill)
		return -ENOMEM;
	*kill = *from;
	kill->comm = pass_string(pass, from->comm ? from->comm : "");
	kill->cgroup = pass_string(pass, from->cgroup);
	kill->limit_cgroup = pass_string(pass, from->limit_cgroup);
	return kill->comm ? 0 : -ENOMEM;
}

int kills_hand_over(struct kills *kills, struct pass *pass)
{
	struct pass *empty = pass_new();
	int err = empty ? 0 : -ENOMEM;
	uint64_t lost;

	kills_poll(kills, 0);
	lost = kills->watch ? oom_watch_lost(kills->watch) : 0;
	for (size_t i = 0; i < kills->waiting->nr_kills && !err; i++)
		err = copy(pass, &kills->waiting->kills[i]);
	if (err) {
		pass_free(empty);
		return err;
	}
	pass->kills_lost = kills->waiting->kills_lost + lost - kills->told_lost;
	kills->told_lost = lost;
	if (!kills->watch)
		pass->kills_unseen = pass_string(pass, strerror(-kills->err));
	pass_free(kills->waiting);
	kills->waiting = empty;
	return 0;
}

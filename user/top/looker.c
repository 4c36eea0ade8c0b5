// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns how looks of the triage become rows: who is shown, which limit is the nearest, how long
 * until it is reached. Must not know how rows are shown.
 *
 * Limits of cgroups and of the host come with each look. A process's own limits are asked for
 * where it has any: that is found out once a process.
 */
#include "top/looker_filter.h"
#include "top/row_limit.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/strpool.h"
#include "base/vec.h"
#include "report/label.h"
#include "triage/host.h"
#include "triage/oom_watch.h"
#include "triage/ranking.h"

enum {
	KILLS_KEPT = 8,
	LIMITED_MOST = 64,
	CONTAINER_SHORT = 12,
	NUMBER_LONG = 32,
	LIMITS_TEXT = 1 << 14
};

static const double DEFAULT_WINDOW = 60;

_Static_assert(OVERVIEW_UNLIMITED == MEMORY_UNLIMITED && OVERVIEW_UNKNOWN == CGROUP_UNKNOWN,
	       "an overview's words for no figure are those of proc/");

/* What one look leaves for the next. */
struct seen {
	pid_t pid;
	uint64_t start_ticks, cpu_ticks;
	bool limited; /* it has a limit of its own */
};

struct kill {
	double time;
	pid_t pid;
	char comm[OOM_COMM];
	char *cgroup;
	uint64_t limit, anonymous;
};

struct looker {
	struct looker_options options;
	struct host *host;
	struct ranking *ranking;
	struct oom_watch *oom; /* NULL: nothing is heard */
	struct seen *seen; /* by pid */
	size_t nr_seen;
	double last_time, last_cpu; /* monotonic; seep's own seconds */
	struct kill kills[KILLS_KEPT]; /* newest first */
	size_t nr_kills;
	uint64_t nr_kills_seen;
	char name[256];
	long ticks_a_second;
};

static double clock_seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double own_cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int looker_open(const struct looker_options *options, struct looker **ret_looker)
{
	struct host_options host = { .root = options->root };
	struct ranking_options ranking = { .window = options->window > 0 ? options->window
									 : DEFAULT_WINDOW };
	struct looker *looker = calloc(1, sizeof(*looker));
	int err;

	if (!looker)
		return -ENOMEM;
	looker->options = *options;
	looker->ticks_a_second = sysconf(_SC_CLK_TCK);
	gethostname(looker->name, sizeof(looker->name) - 1);
	err = host_open(&host, &looker->host);
	err = err ? err : ranking_new(&ranking, &looker->ranking);
	if (err) {
		looker_close(looker);
		return err;
	}
	if (oom_watch_open(&looker->oom))
		looker->oom = NULL;
	*ret_looker = looker;
	return 0;
}

void looker_close(struct looker *looker)
{
	if (!looker)
		return;
	oom_watch_close(looker->oom);
	ranking_free(looker->ranking);
	host_close(looker->host);
	free(looker->seen);
	for (size_t i = 0; i < looker->nr_kills; i++)
		free(looker->kills[i].cgroup);
	free(looker);
}

int looker_fd(const struct looker *looker)
{
	return looker->oom ? oom_watch_fd(looker->oom) : -1;
}

static void note_kill(void *context, const struct oom_victim *victim)
{
	struct looker *looker = context;
	struct kill kill = {
		.time = clock_seconds(CLOCK_REALTIME) - clock_seconds(CLOCK_MONOTONIC) +
			victim->time,
		.pid = victim->pid,
		.limit = victim->limit,
		.anonymous = victim->anonymous,
	};

	memcpy(kill.comm, victim->comm, sizeof(kill.comm));
	kill.comm[sizeof(kill.comm) - 1] = '\0';
	if (victim->limit_cgroup)
		kill.cgroup = strdup(victim->limit_cgroup);
	looker->nr_kills_seen++;
	if (looker->nr_kills == KILLS_KEPT)
		free(looker->kills[--looker->nr_kills].cgroup);
	memmove(&looker->kills[1], &looker->kills[0], looker->nr_kills * sizeof(kill));
	looker->kills[0] = kill;
	looker->nr_kills++;
}

int looker_hear(struct looker *looker)
{
	return looker->oom ? oom_watch_poll(looker->oom, 0, note_kill, looker) : 0;
}

static const struct seen *find_seen(const struct looker *looker, const struct host_process *process,
				    size_t *at)
{
	/* Both are in the order of pids. */
	while (*at < looker->nr_seen && looker->seen[*at].pid < process->pid)
		(*at)++;
	if (*at == looker->nr_seen || looker->seen[*at].pid != process->pid ||
	    looker->seen[*at].start_ticks != process->start_ticks)
		return NULL;
	return &looker->seen[*at];
}

/* Names that are nothing but a long number are told apart by their beginning. */
static const char *short_place(struct strpool *strings, const char *path)
{
	const char *name, *id;
	size_t length;

	id = cgroup_container(path, &length);
	if (!id) {
		id = name = label_base_name(path);
		length = strlen(name);
		if (!strcmp(path, "/"))
			return NULL;
		if (length < NUMBER_LONG || strspn(name, "0123456789abcdef") != length)
			return strpool_add(strings, name);
	}
	return strpool_add_n(strings, id, length < CONTAINER_SHORT ? length : CONTAINER_SHORT);
}

/* Others grow in the cgroup too: it may be full before this one alone would fill it. */
static void add_company(const struct looker *looker, const struct host_look *look,
			const struct host_cgroup *cgroup, struct overview_row *row)
{
	struct growth growth;

	if (row->shape != SERIES_RISING || !cgroup || cgroup->limit_cgroup == HOST_NO_CGROUP ||
	    row->limit != cgroup->limit ||
	    !ranking_cgroup(looker->ranking, &look->cgroups[cgroup->limit_cgroup], &growth) ||
	    !(growth.time_to_limit < row->time_to_limit))
		return;
	row->time_to_limit = growth.time_to_limit;
	row->earliest = growth.earliest;
	row->latest = growth.latest;
}

static void add_growth(const struct looker *looker, const struct host_process *process,
		       struct overview_row *row)
{
	struct growth growth;

	row->limit = row->room = OVERVIEW_UNKNOWN;
	row->time_to_limit = row->earliest = row->latest = INFINITY;
	if (!ranking_process(looker->ranking, process, &growth))
		return;
	row->looks = growth.looks;
	row->seconds = growth.seconds;
	row->shape = growth.shape;
	row->rate = growth.rate;
	row->rate_low = growth.rate_low;
	row->rate_high = growth.rate_high;
	row->limit = growth.limit;
	row->room = growth.room;
	row->time_to_limit = growth.time_to_limit;
	row->earliest = growth.earliest;
	row->latest = growth.latest;
}

static double cpu_percent(const struct looker *looker, const struct host_process *process,
			  const struct seen *before, double interval)
{
	if (!before || interval <= 0 || looker->ticks_a_second <= 0)
		return -1;
	if (process->cpu_ticks < before->cpu_ticks)
		return 0;
	return 100.0 * (double)(process->cpu_ticks - before->cpu_ticks) /
	       (double)looker->ticks_a_second / interval;
}

struct look_context {
	const struct host_look *look;
	struct overview *overview;
	double interval;
	size_t limited; /* processes whose own limits were read */
};

static int add_row(struct looker *looker, struct look_context *c,
		   const struct host_process *process, const struct seen *before, bool limited)
{
	struct overview *overview = c->overview;
	const struct host_cgroup *cgroup =
		process->cgroup == HOST_NO_CGROUP ? NULL : &c->look->cgroups[process->cgroup];
	struct overview_row *row;

	if (!looker_wants(&looker->options, process, cgroup))
		return 0;
	row = vec_push(&overview->rows, &overview->nr_rows, &overview->cap_rows);
	if (!row)
		return -ENOMEM;
	row->pid = process->pid;
	row->start_ticks = process->start_ticks;
	row->comm = strpool_add(overview->strings, process->comm);
	row->anonymous = process->anonymous;
	row->swap = process->swap;
	row->cpu = cpu_percent(looker, process, before, c->interval);
	add_growth(looker, process, row);
	if (cgroup) {
		row->cgroup = strpool_add(overview->strings, cgroup->path);
		row->place = short_place(overview->strings, cgroup->path);
	}
	row_limit_name(overview, c->look, cgroup, row);
	add_company(looker, c->look, cgroup, row);
	if (limited && c->limited++ < LIMITED_MOST)
		row_limit_own(looker->options.root, row);
	return row->comm ? 0 : -ENOMEM;
}

/* All processes, for the next look; those that are wanted, as rows. */
static int add_rows(struct looker *looker, struct look_context *c)
{
	struct seen *seen = calloc(c->look->nr_processes + 1, sizeof(*seen));
	size_t at = 0;
	int err = seen ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < c->look->nr_processes; i++) {
		const struct host_process *process = &c->look->processes[i];
		const struct seen *before = find_seen(looker, process, &at);
		bool limited = before ? before->limited
			       : process->kernel_thread
				       ? false
				       : row_limit_exists(looker->options.root, process->pid);

		seen[i] = (struct seen){ process->pid, process->start_ticks, process->cpu_ticks,
					 limited };
		c->overview->processes += !process->kernel_thread;
		err = add_row(looker, c, process, before, limited);
	}
	if (err) {
		free(seen);
		return err;
	}
	free(looker->seen);
	looker->seen = seen;
	looker->nr_seen = c->look->nr_processes;
	return 0;
}

static int add_kills(const struct looker *looker, struct overview *overview)
{
	overview->kills_known = looker->oom != NULL;
	overview->nr_kills_seen = looker->nr_kills_seen;
	for (size_t i = 0; i < looker->nr_kills; i++) {
		const struct kill *kill = &looker->kills[i];
		struct overview_kill *row =
			vec_push(&overview->kills, &overview->nr_kills, &overview->cap_kills);

		if (!row)
			return -ENOMEM;
		row->time = kill->time;
		row->pid = kill->pid;
		row->comm = strpool_add(overview->strings, *kill->comm ? kill->comm : "?");
		row->cgroup = strpool_add(overview->strings, kill->cgroup);
		row->limit = kill->limit;
		row->anonymous = kill->anonymous;
		if (!row->comm)
			return -ENOMEM;
	}
	return 0;
}

static void add_host(struct looker *looker, struct look_context *c)
{
	const struct limits_host *memory = &c->look->memory;
	struct overview *overview = c->overview;
	double cpu = own_cpu_seconds();

	overview->time = clock_seconds(CLOCK_REALTIME);
	overview->interval = c->interval;
	overview->host = strpool_add(overview->strings, looker->name);
	overview->left_out = c->look->left_out + c->look->unreadable;
	overview->memory_total = memory->total;
	overview->memory_available = memory->available;
	overview->swap_total = memory->swap_total;
	overview->swap_free = memory->swap_free;
	overview->pressure_known = memory->pressure.known;
	overview->pressure_some = memory->pressure.some_10;
	overview->pressure_full = memory->pressure.full_10;
	overview->own_cpu = c->interval > 0 ? 100 * (cpu - looker->last_cpu) / c->interval : -1;
	looker->last_cpu = cpu;
}

int looker_look(struct looker *looker, struct overview **ret_overview)
{
	struct look_context c = { .overview = overview_new() };
	int err = c.overview ? host_look(looker->host, &c.look) : -ENOMEM;

	err = err ? err : ranking_add(looker->ranking, c.look);
	if (err) {
		overview_free(c.overview);
		return err;
	}
	looker_hear(looker);
	c.interval = looker->last_time > 0 ? fmax(c.look->time - looker->last_time, 0) : 0;
	looker->last_time = c.look->time;
	add_host(looker, &c);
	err = add_rows(looker, &c);
	err = err ? err : add_kills(looker, c.overview);
	if (err) {
		overview_free(c.overview);
		return err;
	}
	*ret_overview = c.overview;
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the thread that looks, and when it does. A look at a million objects takes seconds, in
 * which the ring would overflow if the tracer's loop waited. Over time the thread takes at most
 * COST_SHARE of a processor; but three looks say what grows and two do not, so that the first
 * ones, and with them the one in the middle of a trace, come as soon as they are needed. What
 * goes up and down looks like growth in one of six series of three, so the next few are
 * dear as well. Where
 * there are too many objects they are only counted. The thread alone opens and reads
 * processes; the lock guards what both sides know.
 */
#include "trace/inner.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/vec.h"
#include "proc/process.h"
#include "runtime/census.h"
#include "runtime/growth.h"
#include "runtime/runtime.h"

enum {
	MAX_PROCESSES = 1024,
	MAX_OPENS = 4, /* of a process: an interpreter may be loaded late, or by exec */
	MAX_OBJECTS = 1000000, /* more than these are only counted */
	LOOK_SECONDS = 5, /* that a look may take at most */
	LEAST_LOOKS = 3,
	GOOD_LOOKS = 6,
	LEAST_NEED = 128 << 10, /* bytes */
	CONTAINERS = 20, /* told of each order */
	LOOKS_IN_TRACE = 8,
};

static const double COST_SHARE = 0.05;
static const double EARLY_SHARE = 0.15; /* before GOOD_LOOKS */
static const double RESTART_WAIT = 0.3; /* an interpreter needs a moment to begin */
static const double PACE_LEAST = 1, PACE_MOST = 60, PACE_UNKNOWN = 10, PACE_FIRST = 2;

struct inner_process {
	pid_t pid;
	bool ended, asked, restart; /* by the tracer */
	bool busy; /* the thread looks at it, without the lock */
	double due; /* CLOCK_MONOTONIC; when to look next */
	double first, last; /* looks */
	uint64_t rss_first; /* at the first look */
	uint64_t need; /* of another look, as next_process has it */
	struct inner_seen seen;
	/* Of the thread alone. */
	struct runtime *runtime;
	struct why_log *holders;
	struct growth_log *counts;
	unsigned int opens;
};

struct inner {
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t changed;
	bool stop;
	double trace_seconds; /* negative: not known */
	struct inner_process **processes;
	size_t nr_processes, cap_processes;
};

static double clock_seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

struct inner *inner_new(void)
{
	struct inner *inner = calloc(1, sizeof(*inner));
	pthread_condattr_t attributes;

	if (!inner)
		return NULL;
	inner->trace_seconds = -1;
	pthread_mutex_init(&inner->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&inner->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	return inner;
}

static void seen_release(struct inner_seen *seen)
{
	free(seen->runtime);
	free(seen->type);
	why_free(seen->why);
}

/* What was read so far is of no use for another program, nor for an ended one. */
static void close_process(struct inner_process *p)
{
	runtime_close(p->runtime);
	why_log_free(p->holders);
	growth_log_free(p->counts);
	p->runtime = NULL;
	p->holders = NULL;
	p->counts = NULL;
}

static void free_process(struct inner_process *p)
{
	close_process(p);
	seen_release(&p->seen);
	free(p);
}

void inner_free(struct inner *inner)
{
	if (!inner)
		return;
	pthread_mutex_lock(&inner->lock);
	inner->stop = true;
	pthread_cond_broadcast(&inner->changed);
	pthread_mutex_unlock(&inner->lock);
	if (inner->has_thread)
		pthread_join(inner->thread, NULL);
	for (size_t i = 0; i < inner->nr_processes; i++)
		free_process(inner->processes[i]);
	free(inner->processes);
	pthread_mutex_destroy(&inner->lock);
	pthread_cond_destroy(&inner->changed);
	free(inner);
}

/* The thread's part: what one look shows. */

static int open_process(struct inner_process *p)
{
	char *reason = NULL;
	int err;

	if (p->runtime)
		return 0;
	p->opens++;
	err = runtime_open(p->pid, &p->runtime, &reason);
	free(reason);
	if (err)
		return err;
	p->holders = why_log_new();
	p->counts = growth_log_new();
	return p->holders && p->counts ? 0 : -ENOMEM;
}

static int put_growth(const struct inner_process *p, struct inner_seen *seen)
{
	struct growth *growth;
	int err = growth_compute(p->counts, &growth);

	if (err)
		return err;
	seen->objects = growth->objects;
	seen->objects_growth = growth->delta;
	seen->looks = growth->censuses;
	seen->seconds = growth->seconds;
	if (growth->leader) {
		seen->type = strdup(growth->leader->name);
		seen->type_growth = growth->leader->delta;
	}
	growth_free(growth);
	return 0;
}

static int count_objects(struct inner_process *p, struct inner_seen *seen)
{
	const struct census_options options = { .pause = false };
	struct census *census;
	int err = runtime_census(p->runtime, &options, &census);

	if (err)
		return err;
	err = growth_log_add(p->counts, census);
	census_free(census);
	return err ? err : put_growth(p, seen);
}

static int look_inside(struct inner_process *p, struct inner_seen *seen)
{
	const struct why_options options = { .limit = CONTAINERS, .seconds = LOOK_SECONDS };
	struct runtime_gc gc = { .enabled = -1 };
	int err = count_objects(p, seen);

	if (err)
		return err;
	seen->counted_only = seen->objects > MAX_OBJECTS;
	if (!seen->counted_only) {
		err = runtime_why(p->runtime, &options, p->holders, &seen->why);
		if (err == -ENOSYS)
			seen->counted_only = true;
		else if (err)
			return err;
	}
	runtime_gc(p->runtime, &gc);
	seen->gc_enabled = runtime_gc_collects(&gc);
	seen->runtime_name = runtime_name(p->runtime);
	if (asprintf(&seen->runtime, "%s %s", runtime_name(p->runtime),
		     runtime_version(p->runtime)) < 0)
		seen->runtime = NULL;
	return seen->runtime ? 0 : -ENOMEM;
}

/* When to look next: several times in a trace, and not too often for what it costs. */
static double wait_of(const struct inner *inner, const struct inner_process *p, double cost)
{
	double trace = inner->trace_seconds, wait = PACE_UNKNOWN;
	double share = p->seen.looks < GOOD_LOOKS ? EARLY_SHARE : COST_SHARE;

	if (trace > 0)
		wait = trace / LOOKS_IN_TRACE;
	if (wait < PACE_LEAST)
		wait = PACE_LEAST;
	if (wait > PACE_MOST)
		wait = PACE_MOST;
	if (wait < cost / share)
		wait = cost / share;
	if (p->seen.looks < LEAST_LOOKS && trace <= 0)
		wait = PACE_FIRST;
	if (p->seen.looks < LEAST_LOOKS - 1 && trace > 0 && wait > trace / 2)
		wait = trace / 2;
	return wait;
}

static void keep(struct inner *inner, struct inner_process *p, struct inner_seen *seen, double now,
		 double cost)
{
	seen->cost = p->seen.cost + cost;
	/* No answer about holders is less than the one before. */
	if (!seen->why && !seen->counted_only) {
		seen->why = p->seen.why;
		p->seen.why = NULL;
	}
	seen_release(&p->seen);
	p->seen = *seen;
	if (!p->first)
		p->rss_first = process_rss(p->pid);
	p->first = p->first ? p->first : now;
	p->last = now;
	p->due = now + wait_of(inner, p, cost);
}

/* It may be on its way to be what can be read: half a second, then longer. */
static void give_up_for_now(struct inner_process *p, double now, int err)
{
	bool hopeless = err == -ESRCH || err == -ENOTSUP || err == -ENOMEM || err == -EACCES;

	close_process(p);
	if ((hopeless || p->opens >= MAX_OPENS) && !p->restart)
		p->ended = true;
	p->due = now + 0.5 * (1 << p->opens);
}

/* Another program: what was seen of the one before does not count. */
static void begin_again(struct inner_process *p)
{
	close_process(p);
	seen_release(&p->seen);
	p->seen = (struct inner_seen){ .gc_enabled = -1 };
	p->first = p->last = 0;
	p->opens = 0;
	p->restart = false;
}

/* Called with the lock, which it leaves meanwhile. */
static void look(struct inner *inner, struct inner_process *p)
{
	struct inner_seen seen = { .gc_enabled = -1 };
	bool answers = p->asked;
	double began, cost, now;
	int err;

	if (p->restart)
		begin_again(p);
	p->busy = true;
	pthread_mutex_unlock(&inner->lock);
	began = clock_seconds(CLOCK_THREAD_CPUTIME_ID);
	err = open_process(p);
	err = err ? err : look_inside(p, &seen);
	cost = clock_seconds(CLOCK_THREAD_CPUTIME_ID) - began;
	now = clock_seconds(CLOCK_MONOTONIC);
	pthread_mutex_lock(&inner->lock);
	p->busy = false;
	if (!err) {
		keep(inner, p, &seen, now, cost);
		/* One that had begun before will do, if they are enough. */
		if (answers || p->seen.looks >= LEAST_LOOKS)
			p->asked = false;
	} else {
		p->asked = false;
		seen_release(&seen);
		give_up_for_now(p, now, err);
	}
	pthread_cond_broadcast(&inner->changed);
}

/* By how much its memory has grown since its first look, where it still needs looks. */
static uint64_t need_of(const struct inner_process *p, double now)
{
	uint64_t rss;

	if (p->due > now || !p->seen.looks || p->seen.looks >= GOOD_LOOKS)
		return 0;
	rss = process_rss(p->pid);
	return rss > p->rss_first + LEAST_NEED ? rss - p->rss_first : 0;
}

static bool comes_before(const struct inner_process *p, const struct inner_process *other)
{
	if (p->asked != other->asked)
		return p->asked;
	if (p->need != other->need && p->seen.looks && other->seen.looks)
		return p->need > other->need;
	return p->due < other->due;
}

/*
 * Who is to be looked at first: what a report waits for; where there are more than there is
 * time for, the one that grows, since a look at each of them tells nothing of any; then what
 * has waited longest.
 */
static struct inner_process *next_process(const struct inner *inner)
{
	double now = clock_seconds(CLOCK_MONOTONIC);
	struct inner_process *next = NULL;

	for (size_t i = 0; i < inner->nr_processes; i++) {
		struct inner_process *p = inner->processes[i];

		if (p->ended)
			continue;
		p->need = need_of(p, now);
		if (!next || comes_before(p, next))
			next = p;
	}
	return next;
}

static void wait_until(struct inner *inner, double when)
{
	struct timespec t = { .tv_sec = (time_t)when };

	t.tv_nsec = (long)((when - (double)t.tv_sec) * 1e9);
	pthread_cond_timedwait(&inner->changed, &inner->lock, &t);
}

static void *run(void *context)
{
	struct inner *inner = context;

	pthread_mutex_lock(&inner->lock);
	while (!inner->stop) {
		struct inner_process *p = next_process(inner);

		if (!p)
			pthread_cond_wait(&inner->changed, &inner->lock);
		else if (!p->asked && p->due > clock_seconds(CLOCK_MONOTONIC))
			wait_until(inner, p->due);
		else
			look(inner, p);
	}
	pthread_mutex_unlock(&inner->lock);
	return NULL;
}

/* The tracer's part. */

/* Signals are for the thread that waits for records. */
static void start_thread(struct inner *inner)
{
	sigset_t all, before;

	if (inner->has_thread)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	inner->has_thread = !pthread_create(&inner->thread, NULL, run, inner);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static struct inner_process *find(const struct inner *inner, pid_t pid)
{
	for (size_t i = 0; i < inner->nr_processes; i++)
		if (inner->processes[i]->pid == pid)
			return inner->processes[i];
	return NULL;
}

static int add_new(struct inner *inner, pid_t pid)
{
	struct inner_process **slot, *p;

	if (inner->nr_processes >= MAX_PROCESSES || pid == getpid())
		return 0;
	p = calloc(1, sizeof(*p));
	slot = p ? vec_push(&inner->processes, &inner->nr_processes, &inner->cap_processes) : NULL;
	if (!slot) {
		free(p);
		return -ENOMEM;
	}
	p->pid = pid;
	p->due = clock_seconds(CLOCK_MONOTONIC);
	*slot = p;
	pthread_cond_broadcast(&inner->changed);
	return 0;
}

int inner_add(struct inner *inner, pid_t pid)
{
	int err;

	pthread_mutex_lock(&inner->lock);
	err = find(inner, pid) ? 0 : add_new(inner, pid);
	start_thread(inner);
	pthread_mutex_unlock(&inner->lock);
	return err;
}

/* One that nothing was seen of makes room: a shell may start thousands. */
static void remove_process(struct inner *inner, struct inner_process *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < inner->nr_processes; i++)
		if (inner->processes[i] != p)
			inner->processes[kept++] = inner->processes[i];
	inner->nr_processes = kept;
	free_process(p);
}

void inner_end(struct inner *inner, pid_t pid)
{
	struct inner_process *p;

	pthread_mutex_lock(&inner->lock);
	p = find(inner, pid);
	if (p && (p->busy || p->seen.looks))
		p->ended = true;
	else if (p)
		remove_process(inner, p);
	pthread_mutex_unlock(&inner->lock);
}

void inner_restart(struct inner *inner, pid_t pid)
{
	struct inner_process *p;

	pthread_mutex_lock(&inner->lock);
	p = find(inner, pid);
	if (p) {
		p->restart = true;
		p->ended = false;
		p->due = clock_seconds(CLOCK_MONOTONIC) + RESTART_WAIT;
		pthread_cond_broadcast(&inner->changed);
	}
	pthread_mutex_unlock(&inner->lock);
}

void inner_pace(struct inner *inner, double seconds)
{
	pthread_mutex_lock(&inner->lock);
	inner->trace_seconds = seconds;
	pthread_mutex_unlock(&inner->lock);
}

/* Only what was seen before: a report does not wait for what may never be readable. */
static bool is_wanted(const struct inner_process *p, double now)
{
	if (p->ended || !p->seen.looks || now - p->last < PACE_LEAST / 2)
		return false;
	if (p->seen.looks < LEAST_LOOKS)
		return true;
	return p->seen.cost <
	       (p->seen.looks < GOOD_LOOKS ? EARLY_SHARE : COST_SHARE) * (now - p->first);
}

void inner_ask(struct inner *inner)
{
	double now = clock_seconds(CLOCK_MONOTONIC);

	pthread_mutex_lock(&inner->lock);
	for (size_t i = 0; i < inner->nr_processes; i++)
		inner->processes[i]->asked = is_wanted(inner->processes[i], now);
	pthread_cond_broadcast(&inner->changed);
	pthread_mutex_unlock(&inner->lock);
}

bool inner_asked(struct inner *inner)
{
	bool asked = false;

	pthread_mutex_lock(&inner->lock);
	for (size_t i = 0; i < inner->nr_processes; i++)
		asked |= inner->processes[i]->asked && !inner->processes[i]->ended;
	pthread_mutex_unlock(&inner->lock);
	return asked;
}

bool inner_tell(struct inner *inner, pid_t pid,
		void (*fn)(void *context, const struct inner_seen *seen), void *context)
{
	struct inner_process *p;
	bool known;

	pthread_mutex_lock(&inner->lock);
	p = find(inner, pid);
	known = p && p->seen.looks;
	if (known)
		fn(context, &p->seen);
	pthread_mutex_unlock(&inner->lock);
	return known;
}

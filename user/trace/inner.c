// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the thread that looks, and the processes that it looks at. A look at a million objects takes
 * seconds, in which the ring would overflow if the tracer's loop waited. The thread alone opens and
 * reads processes (inner_look.c); the lock guards what both sides know. When who is looked at is
 * decided in inner_pace.c.
 */
#include "trace/inner_internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/thread.h"
#include "base/vec.h"
#include "proc/cpu.h"
#include "proc/process.h"

enum {
	MAX_PROCESSES = 1024,
	MAX_OPENS = 4, /* of a process: an interpreter may be loaded late, or by exec */
};

static const double RESTART_WAIT = 0.3; /* an interpreter needs a moment to begin */

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

static void free_process(struct inner_process *p)
{
	inner_close(p);
	inner_seen_release(&p->seen);
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

/* The thread's part. */

static void keep(struct inner *inner, struct inner_process *p, struct inner_seen *seen, double now,
		 double cost)
{
	uint64_t rss = process_rss(p->pid);
	bool asked = seen->why;

	seen->cost = p->seen.cost + cost;
	seen->holder_looks = p->seen.holder_looks + asked;
	/* No answer about holders is less than the one before. */
	if (!seen->why && !seen->counted_only) {
		seen->why = p->seen.why;
		p->seen.why = NULL;
	}
	inner_seen_release(&p->seen);
	if (!p->first)
		p->rss_first = rss;
	seen->grew = rss > p->rss_first + INNER_LEAST_GROWTH;
	if (seen->many)
		inner_bring_up(p, seen);
	p->seen = *seen;
	p->first = p->first ? p->first : now;
	p->last = now;
	if (asked) {
		p->rss_asked = rss;
		p->objects_asked = seen->objects;
		p->holders_due = now + inner_holders_wait(inner, p);
	}
	p->due = now + inner_wait(inner, p, seen->many ? p->count_cost : cost);
}

/* It may be on its way to be what can be read: half a second, then longer. */
static void give_up_for_now(struct inner_process *p, double now, int err)
{
	bool hopeless = err == -ESRCH || err == -ENOTSUP || err == -ENOMEM || err == -EACCES;

	inner_close(p);
	if ((hopeless || p->opens >= MAX_OPENS) && !p->restart)
		p->ended = true;
	p->due = now + 0.5 * (1 << p->opens);
}

/* Another program: what was seen of the one before does not count. */
static void begin_again(struct inner_process *p)
{
	inner_close(p);
	inner_seen_release(&p->seen);
	p->seen = (struct inner_seen){ .gc_enabled = -1 };
	p->first = p->last = p->holders_due = 0;
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
	began = inner_clock(CLOCK_THREAD_CPUTIME_ID);
	err = inner_open(p);
	err = err ? err : inner_look(p, &seen);
	cost = inner_clock(CLOCK_THREAD_CPUTIME_ID) - began;
	now = inner_clock(CLOCK_MONOTONIC);
	pthread_mutex_lock(&inner->lock);
	p->busy = false;
	if (!err) {
		keep(inner, p, &seen, now, cost);
		/* One that had begun before will do, if they are enough. */
		if (answers || p->seen.looks >= INNER_LEAST_LOOKS)
			p->asked = false;
	} else {
		p->asked = false;
		inner_seen_release(&seen);
		give_up_for_now(p, now, err);
	}
	pthread_cond_broadcast(&inner->changed);
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
		struct inner_process *p = inner_next(inner);

		if (!p)
			pthread_cond_wait(&inner->changed, &inner->lock);
		else if (!p->asked && p->due > inner_clock(CLOCK_MONOTONIC))
			wait_until(inner, p->due);
		else
			look(inner, p);
	}
	pthread_mutex_unlock(&inner->lock);
	return NULL;
}

/* The tracer's part. */

static void begin_thread(struct inner *inner)
{
	if (!inner->has_thread)
		inner->has_thread = !thread_start(&inner->thread, run, inner);
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
	p->added = p->due = inner_clock(CLOCK_MONOTONIC);
	p->cpu_added = process_cpu_seconds(pid);
	*slot = p;
	pthread_cond_broadcast(&inner->changed);
	return 0;
}

int inner_add(struct inner *inner, pid_t pid)
{
	int err;

	pthread_mutex_lock(&inner->lock);
	err = find(inner, pid) ? 0 : add_new(inner, pid);
	begin_thread(inner);
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
		p->due = inner_clock(CLOCK_MONOTONIC) + RESTART_WAIT;
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

void inner_ask(struct inner *inner)
{
	double now = inner_clock(CLOCK_MONOTONIC);

	pthread_mutex_lock(&inner->lock);
	for (size_t i = 0; i < inner->nr_processes; i++)
		inner->processes[i]->asked = inner_is_wanted(inner->processes[i], now);
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

bool inner_is_short(struct inner *inner)
{
	bool is_short = false;

	pthread_mutex_lock(&inner->lock);
	for (size_t i = 0; i < inner->nr_processes; i++)
		is_short |= inner_is_undecided(inner->processes[i]);
	pthread_mutex_unlock(&inner->lock);
	return is_short;
}

static double cpu_share(const struct inner_process *p)
{
	double seconds = inner_clock(CLOCK_MONOTONIC) - p->added;
	double used = process_cpu_seconds(p->pid) - p->cpu_added;

	return seconds > 0 && used > 0 ? used / seconds : 0;
}

bool inner_tell(struct inner *inner, pid_t pid,
		void (*fn)(void *context, const struct inner_seen *seen), void *context)
{
	struct inner_process *p;
	bool known;

	pthread_mutex_lock(&inner->lock);
	p = find(inner, pid);
	known = p && p->seen.looks;
	if (known) {
		p->seen.cpu_share = cpu_share(p);
		fn(context, &p->seen);
	}
	pthread_mutex_unlock(&inner->lock);
	return known;
}

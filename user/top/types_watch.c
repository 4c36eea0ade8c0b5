// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the thread that counts a process's objects while the screen goes on. The runtime is the
 * thread's alone; what crosses is a copy, under a lock.
 */
#include "top/types_watch.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/thread.h"
#include "runtime/growth.h"
#include "runtime/runtime.h"

enum { ROWS_MOST = 500 };

/* Counting may take so much of a processor. */
static const double COUNT_SHARE = 0.05;

struct types_watch {
	pthread_t thread;
	pid_t pid;
	char comm[64];
	double interval;
	int event;
	pthread_mutex_t lock; /* of what is below */
	pthread_cond_t wake;
	bool stop, fresh;
	struct types_news news;
};

static void tell(struct types_watch *w, struct types_news *news)
{
	uint64_t one = 1;

	news->pid = w->pid;
	memcpy(news->comm, w->comm, sizeof(news->comm));
	pthread_mutex_lock(&w->lock);
	types_news_release(&w->news);
	w->news = *news;
	w->fresh = true;
	pthread_mutex_unlock(&w->lock);
	memset(news, 0, sizeof(*news));
	if (write(w->event, &one, sizeof(one)) < 0)
		return; /* the counter is full: it is readable anyway */
}

/* `last` is the summary of the last count: it stays true of a process that cannot be read now. */
static void explain(struct types_watch *w, const struct types_news *last, int err,
		    const char *reason)
{
	struct types_news news = *last;

	news.phase = err == -ESRCH ? TYPES_ENDED : TYPES_FAILED;
	switch (err) {
	case -ENOENT:
		snprintf(news.problem, sizeof(news.problem),
			 "It runs no language runtime that seep can read (CPython 2.7, 3.6 to "
			 "3.15). Enter on its row traces its allocations.");
		break;
	case -ESRCH:
		snprintf(news.problem, sizeof(news.problem), "The process has ended.");
		break;
	case -EACCES:
		snprintf(news.problem, sizeof(news.problem),
			 "It cannot be read: CAP_SYS_PTRACE is needed (run as root).");
		break;
	case -EFAULT:
		snprintf(news.problem, sizeof(news.problem),
			 "What its memory says made no sense: it may be starting or ending.");
		break;
	default:
		snprintf(news.problem, sizeof(news.problem), "It cannot be read: %s.",
			 reason ? reason : strerror(-err));
	}
	tell(w, &news);
}

static void add_rows(struct types_news *news, const struct growth *growth)
{
	size_t nr = growth->nr_types < ROWS_MOST ? growth->nr_types : ROWS_MOST;

	news->rows = calloc(nr ? nr : 1, sizeof(*news->rows));
	for (size_t i = 0; news->rows && i < nr; i++) {
		const struct growth_type *type = &growth->types[i];
		char *name = strdup(type->name);

		if (!name)
			break;
		news->rows[news->nr_rows++] = (struct types_row){
			.name = name,
			.count = type->count,
			.bytes = type->bytes,
			.delta = type->delta,
			.rate = type->rate,
			.trend = growth->censuses > 2 ? growth_trend_name(type->trend) : "",
		};
	}
}

/* One count; *last without its rows. */
static int count(struct types_watch *w, struct runtime *runtime, struct growth_log *log,
		 struct types_news *last)
{
	static const struct census_options options = { .pause = false };
	struct types_news news = { .phase = TYPES_COUNTING, .collector = -1 };
	struct census *census = NULL;
	struct growth *growth = NULL;
	struct runtime_gc gc;
	int err = runtime_gc(runtime, &gc);

	if (!err)
		news.collector = gc.enabled;
	err = err ? err : runtime_census(runtime, &options, &census);
	err = err ? err : growth_log_add(log, census);
	err = err ? err : growth_compute(log, &growth);
	if (!err) {
		snprintf(news.runtime, sizeof(news.runtime), "%s %s", runtime_name(runtime),
			 runtime_version(runtime));
		news.objects = census->objects;
		news.cost = census->seconds;
		news.delta = growth->delta;
		news.rate = growth->rate;
		news.seconds = growth->seconds;
		news.censuses = growth->censuses;
		news.verdict = growth->censuses > 1 ? growth_verdict_name(growth->verdict) : NULL;
		*last = news;
		add_rows(&news, growth);
		tell(w, &news);
	}
	growth_free(growth);
	census_free(census);
	return err;
}

/* True: to be ended. */
static bool wait_for(struct types_watch *w, double seconds)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)seconds;
	until.tv_nsec += (long)((seconds - floor(seconds)) * 1e9);
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&w->lock);
	while (!w->stop && pthread_cond_timedwait(&w->wake, &w->lock, &until) != ETIMEDOUT)
		;
	stop = w->stop;
	pthread_mutex_unlock(&w->lock);
	return stop;
}

static void *work(void *context)
{
	struct types_watch *w = context;
	struct types_news news = { .phase = TYPES_STARTING, .collector = -1 }, last = news;
	struct growth_log *log = growth_log_new();
	struct runtime *runtime = NULL;
	char *reason = NULL;
	int err;

	tell(w, &news);
	err = log ? runtime_open(w->pid, &runtime, &reason) : -ENOMEM;
	do {
		err = err ? err : count(w, runtime, log, &last);
	} while (!err && !wait_for(w, fmax(w->interval, fmin(last.cost / COUNT_SHARE, 600))));
	if (err)
		explain(w, &last, err, reason);
	runtime_close(runtime);
	growth_log_free(log);
	free(reason);
	return NULL;
}

int types_watch_start(pid_t pid, const char *comm, double interval, struct types_watch **ret_watch)
{
	struct types_watch *w = calloc(1, sizeof(*w));
	pthread_condattr_t attributes;
	int err;

	if (!w)
		return -ENOMEM;
	w->pid = pid;
	w->interval = interval;
	snprintf(w->comm, sizeof(w->comm), "%s", comm);
	w->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = w->event < 0 ? -errno : 0;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	err = err ? err : thread_start(&w->thread, work, w);
	if (err) {
		if (w->event >= 0)
			close(w->event);
		free(w);
		return err;
	}
	*ret_watch = w;
	return 0;
}

int types_watch_fd(const struct types_watch *watch)
{
	return watch->event;
}

bool types_watch_take(struct types_watch *w, struct types_news *ret_news)
{
	uint64_t count;
	bool fresh;

	if (read(w->event, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return false;
	pthread_mutex_lock(&w->lock);
	fresh = w->fresh;
	if (fresh) {
		*ret_news = w->news;
		w->news.rows = NULL;
		w->news.nr_rows = 0;
		w->fresh = false;
	}
	pthread_mutex_unlock(&w->lock);
	return fresh;
}

void types_watch_free(struct types_watch *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	close(w->event);
	types_news_release(&w->news);
	free(w);
}

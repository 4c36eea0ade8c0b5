// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the thread in which a process is traced while the screen goes on. The tracer belongs to
 * the thread alone; what crosses is a copy of what is known, handed over under a lock, the newest
 * in place of one that nobody took. Must not know of the screen.
 */
#include "top/watch.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/thread.h"
#include "trace/tracer.h"

enum { SITES_MOST = 300 };

/* Making profiles may take so much of a processor, and no more; the first comes early. */
static const double PROFILE_SHARE = 0.02, FIRST_SECONDS = 1;

struct watch {
	pthread_t thread;
	struct watch_options options;
	pid_t pid;
	char comm[64];
	volatile sig_atomic_t
		stop; /* set as a signal's handler would: the tracer looks at it often */
	int event;
	pthread_mutex_t lock; /* of all below */
	struct watch_news news;
	bool fresh, done;
	/* the thread's own */
	double wall, cpu; /* at the last profile */
};

static double clock_seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Takes the profile over. */
static void tell(struct watch *w, enum watch_phase phase, struct profile *profile,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));

static void tell(struct watch *w, enum watch_phase phase, struct profile *profile,
		 const char *format, ...)
{
	uint64_t one = 1;
	va_list arguments;

	pthread_mutex_lock(&w->lock);
	if (profile || phase == WATCH_STARTING) {
		profile_free(w->news.profile);
		w->news.profile = profile;
	}
	w->news.phase = phase;
	w->news.pid = w->pid;
	w->news.budget = w->options.budget;
	memcpy(w->news.comm, w->comm, sizeof(w->news.comm));
	va_start(arguments, format);
	vsnprintf(w->news.problem, sizeof(w->news.problem), format, arguments);
	va_end(arguments);
	w->fresh = true;
	pthread_mutex_unlock(&w->lock);
	if (write(w->event, &one, sizeof(one)) < 0)
		return; /* the counter is full: it is readable anyway */
}

/* What the tracing costs, since the last profile here, since its beginning there. */
static void note_cost(struct watch *w, const struct profile *profile)
{
	double wall = clock_seconds(CLOCK_MONOTONIC), cpu = clock_seconds(CLOCK_THREAD_CPUTIME_ID);
	const struct profile_health *health = &profile->health;

	pthread_mutex_lock(&w->lock);
	w->news.own_cpu = w->wall > 0 ? 100 * (cpu - w->cpu) / fmax(wall - w->wall, 1e-3) : -1;
	w->news.target_cost = w->news.target_core = -1;
	if (health->target_seconds > 0)
		w->news.target_cost = 100 * health->cost_seconds / health->target_seconds;
	if (health->target_seconds > 0 && profile->capture.seconds > 0)
		w->news.target_core = 100 * health->cost_seconds / profile->capture.seconds;
	pthread_mutex_unlock(&w->lock);
	w->wall = wall;
	w->cpu = cpu;
}

/* What keeps it from being traced, and what helps. */
static void explain(struct watch *w, int err)
{
	const char *why;

	switch (err) {
	case -ESRCH:
		tell(w, WATCH_ENDED, NULL, "It has ended.");
		return;
	case -EPERM:
	case -EACCES:
		why = "the kernel or the process's seccomp filter does not allow it; run seep as "
		      "root, and see 'seep doctor -p' of its pid";
		break;
	case -ENOEXEC:
		why = "it is of another architecture (a 32-bit program?)";
		break;
	case -ENOTSUP:
		why = "it is a kernel thread, or this kernel has no way to attach";
		break;
	default:
		why = strerror(-err);
	}
	tell(w, WATCH_FAILED, NULL, "It cannot be traced: %s.", why);
}

static int open_tracer(struct watch *w, struct tracer **ret_tracer)
{
	struct tracer_options options = {
		.budget = w->options.budget,
		.command = w->options.command,
		.no_objects = true, /* they have a page of their own */
		.max_memory = 512 << 20,
	};
	struct tracer *tracer = NULL;
	struct features features;
	int err = features_probe(false, &features);

	if (!err && (!features.btf || features.best == ATTACH_NONE))
		err = -ENOTSUP;
	err = err ? err : tracer_new(&options, &features, &tracer);
	/* Without an allocator its mappings are traced, and libraries that it opens later. */
	if (!err && !w->stop)
		err = tracer_add(tracer, w->pid);
	if (err && err != -ENOENT) {
		tracer_free(tracer);
		return err;
	}
	if (err == -ENOENT)
		tell(w, WATCH_TRACING, NULL,
		     "It maps no allocator with symbols that could be probed: only its mappings "
		     "are traced ('seep doctor -p %d' says why).",
		     (int)w->pid);
	else
		tell(w, WATCH_TRACING, NULL, "%s", "");
	*ret_tracer = tracer;
	return 0;
}

static void give(struct watch *w, struct tracer *tracer, enum watch_phase phase,
		 const char *problem)
{
	static const struct tracer_report report = { .live_only = true, .max_sites = SITES_MOST };
	struct profile *profile = NULL;
	int err = tracer_profile(tracer, &report, &profile);

	if (!err)
		note_cost(w, profile);
	tell(w, phase, profile, "%s", err ? "There is no memory for what was found." : problem);
}

static enum watch_phase end_of(const struct watch *w, const struct tracer *tracer, int err)
{
	if (tracer_gave_up(tracer))
		return WATCH_GAVE_UP;
	if (w->stop)
		return WATCH_STOPPED;
	if (tracer_targets_ended(tracer))
		return WATCH_ENDED;
	return err ? WATCH_FAILED : WATCH_STOPPED;
}

static void trace(struct watch *w, struct tracer *tracer)
{
	double wait = FIRST_SECONDS;
	char problem[sizeof(w->news.problem)];
	enum watch_phase end;
	int err = 0;

	memcpy(problem, w->news.problem, sizeof(problem));
	while (!w->stop && !err && !tracer_gave_up(tracer) && !tracer_targets_ended(tracer)) {
		double begin;

		err = tracer_run(tracer, wait, &w->stop);
		if (w->stop || err || tracer_gave_up(tracer) || tracer_targets_ended(tracer))
			break;
		begin = clock_seconds(CLOCK_THREAD_CPUTIME_ID);
		give(w, tracer, WATCH_TRACING, problem);
		wait = fmax(w->options.interval,
			    (clock_seconds(CLOCK_THREAD_CPUTIME_ID) - begin) / PROFILE_SHARE);
	}
	if (w->stop)
		tell(w, WATCH_STOPPING, NULL, "%s", problem);
	tracer_stop(tracer);
	if (err)
		snprintf(problem, sizeof(problem), "Tracing ended early: %s.", strerror(-err));
	end = end_of(w, tracer, err);
	/* What is live when a process ends tells less than how it lived. */
	if (end == WATCH_ENDED && w->wall > 0)
		tell(w, end, NULL, "%s", problem);
	else
		give(w, tracer, end, problem);
}

static void *work(void *context)
{
	struct watch *w = context;
	struct tracer *tracer = NULL;
	int err;

	tell(w, WATCH_STARTING, NULL, "%s", "");
	err = open_tracer(w, &tracer);
	if (err)
		explain(w, err);
	else
		trace(w, tracer);
	tracer_free(tracer);
	pthread_mutex_lock(&w->lock);
	w->done = true;
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int watch_start(pid_t pid, const char *comm, const struct watch_options *options,
		struct watch **ret_watch)
{
	struct watch *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->options = *options;
	w->pid = pid;
	snprintf(w->comm, sizeof(w->comm), "%s", comm);
	w->news.own_cpu = w->news.target_cost = w->news.target_core = -1;
	w->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = w->event < 0 ? -errno : -pthread_mutex_init(&w->lock, NULL);
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

int watch_fd(const struct watch *watch)
{
	return watch->event;
}

bool watch_take(struct watch *w, struct watch_news *ret_news)
{
	uint64_t count;
	bool fresh;

	if (read(w->event, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return false;
	pthread_mutex_lock(&w->lock);
	fresh = w->fresh;
	if (fresh) {
		*ret_news = w->news;
		w->news.profile = NULL;
		w->fresh = false;
	}
	pthread_mutex_unlock(&w->lock);
	return fresh;
}

void watch_stop(struct watch *w)
{
	w->stop = 1;
}

bool watch_is_done(struct watch *w)
{
	bool done;

	pthread_mutex_lock(&w->lock);
	done = w->done && !w->fresh;
	pthread_mutex_unlock(&w->lock);
	return done;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	watch_stop(w);
	pthread_join(w->thread, NULL);
	pthread_mutex_destroy(&w->lock);
	close(w->event);
	profile_free(w->news.profile);
	free(w);
}

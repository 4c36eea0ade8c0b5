// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the loop of the interactive screen: waits for keys, for the time of the next look, and for
 * news of who traces and counts beside it; all else is done by others. Nothing in the loop waits
 * for a process.
 */
#include "top/session.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/capture.h"
#include "top/screen.h"
#include "top/types_watch.h"
#include "top/view.h"
#include "top/watch.h"

/* A resize that comes just before the wait is seen so late at most. */
enum { WAIT_MOST_MS = 500, KEYS_AT_ONCE = 64 };

static const double PROFILE_SECONDS = 2, TYPES_SECONDS = 3;

struct session {
	const struct session_options *options;
	volatile sig_atomic_t *stop;
	struct top_state state;
	struct looker *looker;
	struct watch *watch; /* NULL: nothing is traced */
	pid_t next_pid; /* to be traced when the present tracing has ended; 0 none */
	char next_comm[64];
	struct types_watch *types; /* NULL: nothing is counted */
	double next_look;
	unsigned long looks;
};

static double monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void show(struct session *s)
{
	struct canvas *canvas = canvas_new(screen_width(), screen_height(), screen_utf8());

	if (!canvas)
		return;
	top_draw(&s->state, canvas);
	screen_show(canvas);
	canvas_free(canvas);
}

static int look(struct session *s)
{
	struct overview *overview;
	int err = looker_look(s->looker, &overview);

	if (!err)
		err = top_state_look(&s->state, overview);
	s->looks++;
	s->next_look += s->options->interval;
	/* After a stop by the shell, or on a host that is too slow for it. */
	if (s->next_look < monotonic())
		s->next_look = monotonic() + s->options->interval;
	return err;
}

static void say_starting(struct session *s, pid_t pid, const char *comm)
{
	struct watch_news news = { .phase = WATCH_STARTING,
				   .pid = pid,
				   .own_cpu = -1,
				   .target_cost = -1,
				   .target_core = -1,
				   .budget = s->options->budget };

	snprintf(news.comm, sizeof(news.comm), "%s", comm);
	top_state_watch(&s->state, &news);
}

static void start_watch(struct session *s, pid_t pid, const char *comm)
{
	const struct watch_options options = { s->options->budget, PROFILE_SECONDS,
					       s->options->command };
	int err = watch_start(pid, comm, &options, &s->watch);

	if (err) {
		s->watch = NULL;
		top_state_say(&s->state, "cannot trace %d: %s", (int)pid, strerror(-err));
	}
}

/* One process at a time: the present one is let go first, without waiting for it. */
static void ask_to_trace(struct session *s, pid_t pid)
{
	const struct overview_row *row = top_state_chosen(&s->state);
	const char *comm = row && row->pid == pid ? row->comm : "?";

	say_starting(s, pid, comm);
	if (!s->watch) {
		start_watch(s, pid, comm);
		return;
	}
	s->next_pid = pid;
	snprintf(s->next_comm, sizeof(s->next_comm), "%s", comm);
	watch_stop(s->watch);
}

static void count_types(struct session *s, pid_t pid)
{
	const struct overview_row *row = top_state_chosen(&s->state);
	struct types_news news = { .phase = TYPES_STARTING, .pid = pid, .collector = -1 };
	const char *comm = s->state.watch.pid == pid ? s->state.watch.comm
			   : row && row->pid == pid  ? row->comm
						     : "?";
	int err;

	snprintf(news.comm, sizeof(news.comm), "%s", comm);
	types_watch_free(s->types);
	err = types_watch_start(pid, comm, TYPES_SECONDS, &s->types);
	if (err) {
		s->types = NULL;
		news.phase = TYPES_FAILED;
		snprintf(news.problem, sizeof(news.problem), "Cannot count: %s.", strerror(-err));
	}
	top_state_types(&s->state, &news);
}

static void save(struct session *s)
{
	char *message = NULL;
	int err = capture_write(s->state.line, s->state.watch.profile, &message);

	if (err)
		top_state_say(&s->state, "not saved: %s", message ? message : strerror(-err));
	else
		top_state_say(&s->state, "saved: seep report %s", s->state.line);
	free(message);
}

/* False: seep is to end. */
static bool fulfil(struct session *s, enum top_wish wish)
{
	switch (wish) {
	case WISH_QUIT:
		return false;
	case WISH_TRACE:
		ask_to_trace(s, s->state.wish_pid);
		break;
	case WISH_DETACH:
		s->next_pid = 0;
		if (s->watch)
			watch_stop(s->watch);
		break;
	case WISH_TYPES:
		count_types(s, s->state.wish_pid);
		break;
	case WISH_TYPES_END:
		types_watch_free(s->types);
		s->types = NULL;
		break;
	case WISH_SAVE:
		if (s->state.watch.profile)
			save(s);
		break;
	default:
		break;
	}
	return true;
}

static void take_news(struct session *s)
{
	struct watch_news watch;
	struct types_news types;

	while (s->watch && watch_take(s->watch, &watch))
		if (s->next_pid)
			profile_free(watch.profile); /* of the one that is let go */
		else if (top_state_watch(&s->state, &watch))
			top_state_say(&s->state, "no memory for what was found");
	if (s->watch && watch_is_done(s->watch)) {
		watch_free(s->watch);
		s->watch = NULL;
	}
	if (!s->watch && s->next_pid) {
		pid_t pid = s->next_pid;

		s->next_pid = 0;
		start_watch(s, pid, s->next_comm);
	}
	if (s->types && types_watch_take(s->types, &types))
		top_state_types(&s->state, &types);
	looker_hear(s->looker);
}

/* Until a key, news, or the time of the next look. False: the terminal is gone. */
static bool wait_for_something(struct session *s)
{
	struct pollfd files[] = {
		{ .fd = 0, .events = POLLIN },
		{ .fd = looker_fd(s->looker), .events = POLLIN },
		{ .fd = s->watch ? watch_fd(s->watch) : -1, .events = POLLIN },
		{ .fd = s->types ? types_watch_fd(s->types) : -1, .events = POLLIN },
	};
	double left = fmax(s->next_look - monotonic(), 0) * 1000 + 1;

	poll(files, sizeof(files) / sizeof(*files), (int)fmin(left, WAIT_MOST_MS));
	return !(files[0].revents & (POLLHUP | POLLERR | POLLNVAL)) || (files[0].revents & POLLIN);
}

/* False: seep is to end. */
static bool take_keys(struct session *s)
{
	for (int i = 0; i < KEYS_AT_ONCE; i++) {
		enum top_key key = KEY_IS_TEXT;
		char text[8];
		enum screen_event event = screen_read(&key, text);

		if (event == SCREEN_NOTHING)
			return true;
		if (event == SCREEN_KEY && !fulfil(s, top_state_key(&s->state, key, text)))
			return false;
	}
	return true;
}

static bool looked_enough(const struct session *s)
{
	return s->options->count && s->looks > s->options->count;
}

static int run(struct session *s)
{
	int err = 0;

	show(s);
	s->next_look = monotonic();
	err = look(s);
	while (!err && !*s->stop && !looked_enough(s)) {
		show(s);
		if (!wait_for_something(s) || !take_keys(s))
			break;
		take_news(s);
		if (monotonic() >= s->next_look)
			err = look(s);
	}
	return err;
}

int session_run(const struct session_options *options, volatile sig_atomic_t *stop)
{
	struct session s = {
		.options = options,
		.stop = stop,
		.state = { .interval = options->interval,
			   .budget = options->budget,
			   .order = options->order,
			   .reverse = options->reverse },
	};
	int err = looker_open(&options->looker, &s.looker);

	if (!err)
		err = screen_open(options->colour);
	if (!err)
		err = run(&s);
	/* The terminal first: whoever waits for the probes to go has it back. */
	screen_close();
	watch_free(s.watch);
	types_watch_free(s.types);
	looker_close(s.looker);
	top_state_release(&s.state);
	return err;
}

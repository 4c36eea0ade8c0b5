// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the processes whose objects are asked for: which they are, what can be said when one
 * cannot be read, or ends, and what was seen of each and of all together.
 */
#include "objects_targets.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/vec.h"
#include "command.h"

static void fail(struct target *t, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* It is not looked at again; what was counted stays. */
static void fail(struct target *t, int status, const char *format, ...)
{
	va_list arguments;

	free(t->error);
	va_start(arguments, format);
	if (vasprintf(&t->error, format, arguments) < 0)
		t->error = NULL;
	va_end(arguments);
	t->status = status;
	runtime_close(t->runtime);
	t->runtime = NULL;
}

/* Why it cannot be read, and what helps. `reason` may be NULL. */
static void explain(struct target *t, int err, const char *reason)
{
	switch (err) {
	case -ESRCH:
		fail(t, EXIT_TARGET_GONE,
		     t->census || t->why
			     ? "process %d has ended, or runs another program now"
			     : "there is no process %d (ended, or another pid namespace)",
		     t->pid);
		break;
	case -EACCES:
	case -EPERM:
		fail(t, EXIT_PRIVILEGE,
		     "the memory of process %d cannot be read: CAP_SYS_PTRACE is needed (run as "
		     "root)",
		     t->pid);
		break;
	case -ENOENT:
		fail(t, EXIT_USAGE,
		     "process %d is not CPython: no interpreter is in its program and libraries "
		     "('seep trace -p %d' traces its allocations)",
		     t->pid, t->pid);
		break;
	case -ENOTSUP:
		fail(t, EXIT_PARTIAL, "process %d: %s ('seep trace -p %d' traces its allocations)",
		     t->pid, reason ? reason : "not supported", t->pid);
		break;
	case -EBUSY:
	case -ETIMEDOUT:
		fail(t, EXIT_PARTIAL, "process %d cannot be held: %s; leave out --pause", t->pid,
		     err == -EBUSY ? "it is being debugged" : "a thread of it does not stop");
		break;
	case -EFAULT:
		fail(t, EXIT_PARTIAL,
		     "process %d: what its memory says made no sense, it may be starting or "
		     "ending: "
		     "try again",
		     t->pid);
		break;
	default:
		fail(t, EXIT_PARTIAL, "process %d cannot be read: %s", t->pid, strerror(-err));
	}
}

/* 0 or -ENOMEM; what is wrong with the process itself is kept with it. */
static int add(struct targets *targets, pid_t pid, bool may_be_another)
{
	struct target t = { .pid = pid }, *item;
	struct process_info info;
	char *reason = NULL;
	int err = process_read(pid, &info);

	if (!err) {
		memcpy(t.comm, info.comm, sizeof(t.comm));
		err = runtime_open(pid, &t.runtime, &reason);
	}
	if (may_be_another && (err == -ENOENT || err == -ESRCH || pid == getpid())) {
		runtime_close(t.runtime);
		return 0;
	}
	if (err)
		explain(&t, err, reason);
	free(reason);
	if (t.runtime) {
		t.runtime_name = strdup(runtime_name(t.runtime));
		t.version = strdup(runtime_version(t.runtime));
	}
	t.log = growth_log_new();
	t.why_log = why_log_new();
	item = vec_push(&targets->items, &targets->nr, &targets->cap);
	if (!item || !t.log || !t.why_log)
		return -ENOMEM;
	*item = t;
	return 0;
}

int targets_add(struct targets *targets, pid_t pid)
{
	return add(targets, pid, false);
}

int targets_add_matching(struct targets *targets, const struct process_filter *filter)
{
	pid_t *pids = NULL;
	size_t nr = 0;
	int err = process_list(&pids, &nr);

	for (size_t i = 0; !err && i < nr; i++)
		if (process_matches(pids[i], filter))
			err = add(targets, pids[i], true);
	free(pids);
	return err;
}

void targets_free(struct targets *targets)
{
	for (size_t i = 0; i < targets->nr; i++) {
		struct target *t = &targets->items[i];

		runtime_close(t->runtime);
		free(t->runtime_name);
		free(t->version);
		growth_free(t->growth);
		growth_log_free(t->log);
		census_free(t->census);
		why_free(t->why);
		why_log_free(t->why_log);
		free(t->error);
	}
	free(targets->items);
	growth_free(targets->growth);
	growth_log_free(targets->log);
	census_free(targets->together);
}

static int update_growth(struct growth_log *log, const struct census *census,
			 struct growth **growth)
{
	int err = growth_log_add(log, census);

	growth_free(*growth);
	*growth = NULL;
	return err ? err : growth_compute(log, growth);
}

static int count_objects(struct target *t, const void *options)
{
	struct census *census;
	int err = runtime_gc(t->runtime, &t->gc);

	t->has_gc = !err;
	if (!err)
		err = runtime_census(t->runtime, options, &census);
	if (err)
		return err;
	census_free(t->census);
	t->census = census;
	return update_growth(t->log, census, &t->growth);
}

static int find_holders(struct target *t, const void *options)
{
	struct why *why;
	int err = runtime_why(t->runtime, options, t->why_log, &why);

	if (err)
		return err;
	why_free(t->why);
	t->why = why;
	return 0;
}

/* How many can still be read, or -ENOMEM. */
static int look_at_all(struct targets *targets, int (*look)(struct target *, const void *),
		       const void *options)
{
	int left = 0;

	for (size_t i = 0; i < targets->nr; i++) {
		struct target *t = &targets->items[i];
		int err = t->runtime ? look(t, options) : 0;

		if (err == -ENOMEM)
			return err;
		if (err)
			explain(t, err, NULL);
		left += t->runtime != NULL;
	}
	return left;
}

static int add_up(struct targets *targets)
{
	int err = 0;

	targets->together = census_new();
	if (!targets->log)
		targets->log = growth_log_new();
	if (!targets->together || !targets->log)
		return -ENOMEM;
	targets->together->consistent = true;
	for (size_t i = 0; !err && i < targets->nr; i++)
		if (targets->items[i].runtime)
			err = census_merge(targets->together, targets->items[i].census);
	if (err)
		return err;
	census_sort(targets->together);
	return update_growth(targets->log, targets->together, &targets->growth);
}

int targets_count(struct targets *targets, const struct census_options *options)
{
	int left = look_at_all(targets, count_objects, options), err = 0;

	census_free(targets->together);
	targets->together = NULL;
	if (left > 1)
		err = add_up(targets);
	return err ? err : left;
}

int targets_why(struct targets *targets, const struct why_options *options)
{
	return look_at_all(targets, find_holders, options);
}

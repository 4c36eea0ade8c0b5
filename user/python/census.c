// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the rule by which a count of living objects is called exact: a scan of memory during
 * which no full collection ran. A collection of the young is let pass: it touches some
 * hundred objects. If the process collects whenever it is looked at, the last scan counts, and the
 * census says that it is not exact.
 *
 * Frozen objects (gc.freeze; some that 3.12 makes by itself) are not in gc.get_objects(), so
 * they are taken off again.
 */
#include "python/census.h"

#include <errno.h>
#include <time.h>

#include "memory/pause.h"
#include "python/heap.h"
#include "python/types.h"

enum {
	TRIES = 3,
	IDLE_WAIT_MS = 500, /* for a collection under way */
};

struct count {
	struct python_process *process;
	struct python_types *types;
	struct python_visit visit;
	bool consistent;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int count_object(void *context, const struct python_object *object)
{
	struct count *count = context;

	object->type->count++;
	object->type->bytes += python_object_bytes(count->process, object);
	return 0;
}

/* The scan may have seen fewer of them: never below nothing. */
static int uncount_object(void *context, const struct python_object *object)
{
	struct count *count = context;
	uint64_t bytes = python_object_bytes(count->process, object);
	struct python_type *type = object->type;

	type->count -= type->count > 0;
	type->bytes -= type->bytes < bytes ? type->bytes : bytes;
	return 0;
}

static int start_count(struct count *count)
{
	python_types_free(count->types);
	page_cache_forget(count->process->pages);
	count->types = python_types_new(count->process);
	return count->types ? 0 : -ENOMEM;
}

/* The state of the collectors once none runs, or as it is when that takes too long. */
static int quiet_moment(struct python_process *process, bool may_wait, struct python_moment *ret)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0;; i++) {
		int err = python_heap_moment(process, ret);

		if (err || !ret->collecting || !may_wait || i == IDLE_WAIT_MS)
			return err;
		nanosleep(&pause, NULL);
	}
}

/* The frozen ones are off; a list that has no end leaves some of them in. */
static int leave_frozen_out(struct count *count)
{
	struct python_visit frozen;
	int err = python_heap_frozen(count->process, count->types, uncount_object, count, &frozen);

	if (err != -EFAULT)
		return err;
	count->consistent = false;
	return 0;
}

/* One scan; says whether it was left in peace. */
static int scan_once(struct count *count, bool may_wait)
{
	struct python_moment before, after;
	int err = start_count(count);

	err = err ? err : quiet_moment(count->process, may_wait, &before);
	err = err ? err
		  : python_heap_scan(count->process, count->types, count_object, count,
				     &count->visit);
	/* A collection that runs now may have begun before: its end will tell. */
	err = err ? err : quiet_moment(count->process, may_wait, &after);
	if (err)
		return err;
	count->consistent = !python_heap_disturbed(&before, &after);
	return leave_frozen_out(count);
}

static int count_objects(struct count *count, struct census *census, bool held)
{
	bool may_wait = count->process->pid && !held;
	int err = 0;

	while (!err && !count->consistent && census->tries < (held ? 1 : TRIES)) {
		census->tries++;
		err = scan_once(count, may_wait);
	}
	return err;
}

/* Stopped, but not in the middle of a collection if that can be had. */
static int pause_between_collections(struct python_process *process, struct pause **ret_pause,
				     double *seconds)
{
	struct python_moment moment;

	for (int i = 0;; i++) {
		int err = quiet_moment(process, true, &moment);

		err = err ? err : pause_begin(process->pid, ret_pause);
		if (err)
			return err;
		err = python_heap_moment(process, &moment);
		if (!err && (!moment.collecting || i == TRIES))
			return 0;
		*seconds += pause_end(*ret_pause);
		if (err)
			return err;
	}
}

static int fill(struct census *census, const struct count *count)
{
	const struct python_type *type;
	size_t cursor = 0;

	while ((type = python_types_next(count->types, &cursor))) {
		int err = type->count ? census_add(census, type->name, type->count, type->bytes)
				      : 0;

		if (err)
			return err;
	}
	census->types_dropped = python_types_full(count->types);
	census->consistent = count->consistent;
	census_sort(census);
	return 0;
}

static int take_census(struct python_process *process, bool hold, struct census *census)
{
	uint64_t read_before = remote_bytes_read(process->remote);
	struct count count = { .process = process };
	struct pause *pause = NULL;
	double began = now(), ended;
	int err = 0;

	if (hold)
		err = pause_between_collections(process, &pause, &census->pause_seconds);
	if (!err)
		err = count_objects(&count, census, hold);
	if (hold)
		census->pause_seconds += pause_end(pause);
	ended = now();
	if (!err)
		err = fill(census, &count);
	python_types_free(count.types);
	census->paused = hold;
	census->bytes_read = remote_bytes_read(process->remote) - read_before;
	census->seconds = ended - began;
	census->time = (began + ended) / 2;
	return err;
}

int python_census(struct python_process *process, const struct census_options *options,
		  struct census **ret_census)
{
	struct census *census = census_new();
	int err;

	if (!census)
		return -ENOMEM;
	err = options->pause && !process->pid ? -EINVAL
					      : take_census(process, options->pause, census);
	if (err) {
		census_free(census);
		return err;
	}
	*ret_census = census;
	return 0;
}

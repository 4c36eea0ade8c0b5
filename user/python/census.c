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
	PART_PAGES = 1024,
};

/* What one thread counted. */
struct part {
	struct python_process view; /* the process, with a page cache of its own */
	struct python_types *types;
	const struct census_options *options;
};

struct count {
	struct python_process *process;
	struct part parts[PYTHON_MAX_SCANNERS];
	size_t nr;
	bool consistent;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int tell_container(const struct part *part, const struct python_object *object)
{
	struct census_container container = {
		.number = python_container_number(object->address, object->type->address),
		.type = object->type->name,
	};

	if (!python_object_length(&part->view, object, &container.length))
		return 0;
	return part->options->container(part->options->context, &container);
}

static int count_object(void *context, const struct python_object *object)
{
	struct part *part = context;

	object->type->count++;
	object->type->bytes += python_object_bytes(&part->view, object);
	return part->options->container ? tell_container(part, object) : 0;
}

/* The scan may have seen fewer of them: never below nothing. */
static int uncount_object(void *context, const struct python_object *object)
{
	struct part *part = context;
	uint64_t bytes = python_object_bytes(&part->view, object);
	struct python_type *type = object->type;

	type->count -= type->count > 0;
	type->bytes -= type->bytes < bytes ? type->bytes : bytes;
	return 0;
}

static void free_count(struct count *count)
{
	for (size_t i = 0; i < count->nr; i++) {
		python_types_free(count->parts[i].types);
		if (count->parts[i].view.pages != count->process->pages)
			page_cache_free(count->parts[i].view.pages);
	}
}

/* The first part is that of this thread, and sums up all. */
static int open_count(struct count *count, struct python_process *process,
		      const struct census_options *options)
{
	unsigned threads = options->container ? 1 : options->threads;

	*count = (struct count){ .process = process };
	while (count->nr < PYTHON_MAX_SCANNERS && (!count->nr || count->nr < threads)) {
		struct part *part = &count->parts[count->nr++];

		part->view = *process;
		part->options = options;
		if (count->nr > 1)
			part->view.pages = page_cache_new(process->remote, PART_PAGES);
		if (!part->view.pages)
			return -ENOMEM;
	}
	return 0;
}

static int start_count(struct count *count)
{
	for (size_t i = 0; i < count->nr; i++) {
		struct part *part = &count->parts[i];

		page_cache_forget(part->view.pages);
		python_types_free(part->types);
		part->types = python_types_new(&part->view);
		if (!part->types)
			return -ENOMEM;
	}
	return 0;
}

static int count_all(struct count *count)
{
	struct python_scanner scanners[PYTHON_MAX_SCANNERS];
	int err;

	for (size_t i = 0; i < count->nr; i++) {
		struct part *part = &count->parts[i];

		scanners[i] = (struct python_scanner){ &part->view, part->types, part };
	}
	err = python_heap_scan(scanners, count->nr, count_object);
	for (size_t i = 1; !err && i < count->nr; i++)
		err = python_types_add(count->parts[0].types, count->parts[i].types);
	return err;
}

/* The frozen ones are off; a list that has no end leaves some of them in. */
static int leave_frozen_out(struct count *count)
{
	struct part *sum = &count->parts[0];
	int err = python_heap_frozen(count->process, sum->types, uncount_object, sum);

	if (err != -EFAULT)
		return err;
	count->consistent = false;
	return 0;
}

/* One scan; says whether it was left in peace. */
static int scan_once(struct count *count, unsigned wait_ms)
{
	struct python_moment before, after;
	int err = start_count(count);

	err = err ? err : python_heap_quiet_moment(count->process, wait_ms, &before);
	err = err ? err : count_all(count);
	/* A collection that runs now may have begun before: its end will tell. */
	err = err ? err : python_heap_quiet_moment(count->process, wait_ms, &after);
	if (err)
		return err;
	count->consistent = !python_heap_disturbed(&before, &after);
	return leave_frozen_out(count);
}

static int count_objects(struct count *count, struct census *census, bool held)
{
	unsigned wait_ms = held ? 0 : IDLE_WAIT_MS;
	int err = 0;

	while (!err && !count->consistent && census->tries < (held ? 1 : TRIES)) {
		census->tries++;
		err = scan_once(count, wait_ms);
	}
	return err;
}

/* Stopped, but not in the middle of a collection if that can be had. */
static int pause_between_collections(struct python_process *process, struct pause **ret_pause,
				     double *seconds)
{
	struct python_moment moment;

	for (int i = 0;; i++) {
		int err = python_heap_quiet_moment(process, IDLE_WAIT_MS, &moment);

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
	struct python_types *types = count->parts[0].types;
	const struct python_type *type;
	size_t cursor = 0;

	while ((type = python_types_next(types, &cursor))) {
		int err = type->count ? census_add(census, type->name, type->count, type->bytes)
				      : 0;

		if (err)
			return err;
	}
	census->types_dropped = python_types_full(types);
	census->consistent = count->consistent;
	census_sort(census);
	return 0;
}

/* Times are those of the reading alone. */
static int count_held(struct count *count, bool hold, struct census *census)
{
	struct pause *pause = NULL;
	double began = now(), ended;
	int err = 0;

	if (hold)
		err = pause_between_collections(count->process, &pause, &census->pause_seconds);
	if (!err)
		err = count_objects(count, census, hold);
	if (hold)
		census->pause_seconds += pause_end(pause);
	ended = now();
	census->paused = hold;
	census->seconds = ended - began;
	census->time = (began + ended) / 2;
	return err;
}

static int take_census(struct python_process *process, const struct census_options *options,
		       struct census *census)
{
	uint64_t read_before = remote_bytes_read(process->remote);
	struct count count;
	int err = open_count(&count, process, options);

	if (!err)
		err = count_held(&count, options->pause, census);
	if (!err)
		err = fill(census, &count);
	free_count(&count);
	census->bytes_read = remote_bytes_read(process->remote) - read_before;
	return err;
}

int python_census(struct python_process *process, const struct census_options *options,
		  struct census **ret_census)
{
	struct census *census = census_new();
	int err;

	if (!census)
		return -ENOMEM;
	err = options->pause && !process->pid ? -EINVAL : take_census(process, options, census);
	if (err) {
		census_free(census);
		return err;
	}
	*ret_census = census;
	return 0;
}

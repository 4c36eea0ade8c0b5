// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the files of the memory controller, v1 and v2 (Documentation/admin-guide/cgroup-v2.rst
 * and cgroup-v1/memory.rst), one level after the other up to the root of the mount. A limit of
 * any level holds for all below it, hence all are read. Which of them is near is for limits.c.
 *
 * A file that is not there is normal: the root has no limits, kernels differ, swap accounting can
 * be off. A file with other content than the kernel writes is a problem that is told.
 */
#include "proc/cgroup_memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "proc/proc_file.h"

enum { FILE_BOUND = 1 << 16 };

struct reader {
	const char *root;
	const struct cgroup_place *place;
	struct cgroup_memory *memory;
	struct cgroup_level *level;
};

static void note(struct reader *r, const char *name, const char *what)
{
	if (!r->memory->problems++)
		snprintf(r->memory->problem, sizeof(r->memory->problem), "%s of cgroup %.120s %s",
			 name, r->level->path, what);
}

/* The text of a file of the level, NULL when there is none to be had. */
static char *read_text(struct reader *r, const char *name)
{
	__cleanup(free_text)
	char *path = NULL;
	char *text;
	size_t length;
	int err;

	if (asprintf(&path, "%s%s/%s", r->place->mount,
		     strcmp(r->level->path, "/") ? r->level->path : "", name) < 0) {
		path = NULL;
		note(r, name, "could not be read: out of memory");
		return NULL;
	}
	err = proc_file_read_under(r->root, path, FILE_BOUND, &text, &length);
	if (!err)
		return text;
	/* A cgroup removed with its file open reads as ENODEV. */
	if (err == -ENODEV)
		r->level->gone = true;
	else if (err != -ENOENT && err != -EOPNOTSUPP)
		note(r, name, err == -EACCES ? "may not be read" : "could not be read");
	return NULL;
}

static uint64_t read_bytes(struct reader *r, const char *name)
{
	__cleanup(free_text)
	char *text = read_text(r, name);
	uint64_t bytes = CGROUP_UNKNOWN;

	if (text && memory_text_bytes(text, &bytes) != 0)
		note(r, name, "is no number of bytes");
	return bytes;
}

/* A field of a file that was read; `missing` when it has none. */
static uint64_t field(struct reader *r, const char *file, const char *text, const char *name,
		      uint64_t missing)
{
	uint64_t value = missing;

	if (text && memory_text_field(text, name, &value) == -EBADMSG)
		note(r, file, "has a figure that is no number");
	return value;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	uint64_t total;

	if (!cgroup_known(a) || !cgroup_known(b) || __builtin_add_overflow(a, b, &total))
		return CGROUP_UNKNOWN;
	return total;
}

static void read_stat(struct reader *r, const char *anonymous, const char *file,
		      const char *inactive, const char *active, const char *slab)
{
	static const char name[] = "memory.stat";
	__cleanup(free_text)
	char *text = read_text(r, name);
	uint64_t inactive_bytes = field(r, name, text, inactive, CGROUP_UNKNOWN);
	uint64_t active_bytes = field(r, name, text, active, CGROUP_UNKNOWN);

	r->level->anonymous = field(r, name, text, anonymous, CGROUP_UNKNOWN);
	r->level->file = field(r, name, text, file, CGROUP_UNKNOWN);
	r->level->reclaimable = sum(inactive_bytes, active_bytes);
	if (slab)
		r->level->reclaimable = sum(r->level->reclaimable, field(r, name, text, slab, 0));
}

static void read_level_v2(struct reader *r)
{
	struct cgroup_level *level = r->level;
	static const char events[] = "memory.events", pressure[] = "memory.pressure";
	__cleanup(free_text)
	char *event_text = NULL;
	__cleanup(free_text)
	char *pressure_text = NULL;

	level->max = read_bytes(r, "memory.max");
	level->high = read_bytes(r, "memory.high");
	level->usage = read_bytes(r, "memory.current");
	level->peak = read_bytes(r, "memory.peak");
	level->swap_max = read_bytes(r, "memory.swap.max");
	level->swap_usage = read_bytes(r, "memory.swap.current");
	read_stat(r, "anon", "file", "inactive_file", "active_file", "slab_reclaimable");
	event_text = read_text(r, events);
	level->reached_max = field(r, events, event_text, "max", 0);
	level->reached_high = field(r, events, event_text, "high", 0);
	level->oom = field(r, events, event_text, "oom", 0);
	level->oom_kill = field(r, events, event_text, "oom_kill", 0);
	pressure_text = read_text(r, pressure);
	if (pressure_text && memory_text_pressure(pressure_text, &level->pressure) != 0)
		note(r, pressure, "is no pressure information");
}

static void read_level_v1(struct reader *r)
{
	struct cgroup_level *level = r->level;
	static const char control[] = "memory.oom_control";
	__cleanup(free_text)
	char *text = NULL;
	uint64_t failures;

	level->max = read_bytes(r, "memory.limit_in_bytes");
	level->high = CGROUP_UNKNOWN;
	level->usage = read_bytes(r, "memory.usage_in_bytes");
	level->peak = read_bytes(r, "memory.max_usage_in_bytes");
	level->swap_max = read_bytes(r, "memory.memsw.limit_in_bytes");
	level->swap_usage = read_bytes(r, "memory.memsw.usage_in_bytes");
	read_stat(r, "total_rss", "total_cache", "total_inactive_file", "total_active_file", NULL);
	failures = read_bytes(r, "memory.failcnt");
	level->reached_max = cgroup_known(failures) ? failures : 0;
	text = read_text(r, control);
	level->oom_kill = field(r, control, text, "oom_kill", 0);
	level->under_oom = field(r, control, text, "under_oom", 0) != 0;
}

static int add_level(struct reader *r, const char *path, size_t length)
{
	struct cgroup_level *level = &r->memory->levels[r->memory->nr_levels];

	level->path = length ? strndup(path, length) : strdup("/");
	if (!level->path)
		return -ENOMEM;
	r->memory->nr_levels++;
	r->level = level;
	if (r->place->version == 2)
		read_level_v2(r);
	else
		read_level_v1(r);
	return 0;
}

/* v1 without memory.use_hierarchy: levels above do not count what is below them. */
static bool counts_children(struct reader *r, const char *path, size_t length)
{
	struct cgroup_level above = { .path = strndup(path, length) };
	struct cgroup_level *level = r->level;
	char *text;
	bool counts;

	if (r->place->version == 2 || !above.path) {
		free(above.path);
		return true;
	}
	r->level = &above;
	text = read_text(r, "memory.use_hierarchy");
	r->level = level;
	counts = !text || text[0] != '0';
	free(text);
	free(above.path);
	return counts;
}

static size_t parent_length(const char *path, size_t length)
{
	while (length && path[length - 1] != '/')
		length--;
	while (length && path[length - 1] == '/')
		length--;
	return length;
}

static size_t levels_above(const char *path, size_t length)
{
	size_t nr = 1; /* the root */

	for (; length; length = parent_length(path, length))
		nr++;
	return nr;
}

static bool is_there(struct reader *r)
{
	return cgroup_known(r->level->usage) || r->level->max != CGROUP_UNKNOWN ||
	       cgroup_known(r->level->anonymous) || strcmp(r->level->path, "/") == 0;
}

static int read_levels(const char *root, const struct cgroup_place *place, size_t bound,
		       struct cgroup_memory *ret_memory)
{
	struct cgroup_memory memory = { .version = place->version };
	struct reader r = { root, place, &memory, NULL };
	const char *path = place->path;
	size_t length = strlen(path);
	bool more = true;
	int err = 0;

	while (length && path[length - 1] == '/')
		length--;
	while (more && memory.nr_levels < bound) {
		size_t above = parent_length(path, length);

		err = add_level(&r, path, length);
		if (!err && memory.nr_levels == 1 && !is_there(&r))
			err = memory.problems ? -EACCES : -ENOENT;
		if (err)
			break;
		more = length && (above == 0 || counts_children(&r, path, above));
		length = above;
	}
	if (err) {
		cgroup_memory_release(&memory);
		return err;
	}
	memory.levels_left_out = more ? levels_above(path, length) : 0;
	*ret_memory = memory;
	return 0;
}

int cgroup_memory_read(const char *root, const struct cgroup_place *place,
		       struct cgroup_memory *ret_memory)
{
	return read_levels(root, place, CGROUP_LEVELS, ret_memory);
}

int cgroup_memory_read_one(const char *root, const struct cgroup_place *place,
			   struct cgroup_memory *ret_memory)
{
	return read_levels(root, place, 1, ret_memory);
}

uint64_t cgroup_memory_usage(const char *root, const struct cgroup_place *place)
{
	struct cgroup_memory memory = { .version = place->version };
	struct cgroup_level level = { .path = place->path };
	struct reader r = { root, place, &memory, &level };

	return read_bytes(&r, place->version == 2 ? "memory.current" : "memory.usage_in_bytes");
}

void cgroup_memory_release(struct cgroup_memory *memory)
{
	for (size_t i = 0; i < memory->nr_levels; i++)
		free(memory->levels[i].path);
	memory->nr_levels = 0;
}

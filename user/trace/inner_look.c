// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns what one look at a process is: its objects counted, and where they are not too many, asked
 * who holds them. It knows neither the lock nor the time.
 */
#include "trace/inner_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/census.h"
#include "runtime/growth.h"
#include "runtime/runtime.h"

enum {
	MAX_OBJECTS = 1000000, /* more than these are only counted */
	LOOK_SECONDS = 5, /* that a look may take at most */
	CONTAINERS = 20, /* told of each order */
};

void inner_seen_release(struct inner_seen *seen)
{
	free(seen->runtime);
	free(seen->type);
	why_free(seen->why);
}

void inner_close(struct inner_process *p)
{
	runtime_close(p->runtime);
	why_log_free(p->holders);
	growth_log_free(p->counts);
	p->runtime = NULL;
	p->holders = NULL;
	p->counts = NULL;
}

int inner_open(struct inner_process *p)
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

int inner_look(struct inner_process *p, struct inner_seen *seen)
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

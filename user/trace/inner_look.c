// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns what one look at a process is: its objects counted, with the lengths of its containers, and
 * asked who holds them. That takes twenty times as long: where there are many it is asked at the
 * first look, and then only while something grows that no answer has explained, and where there are
 * too many never. It does not know the lock.
 */
#include "trace/inner_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proc/process.h"
#include "runtime/census.h"
#include "runtime/growth.h"
#include "runtime/lengths.h"
#include "runtime/runtime.h"

enum {
	MANY_OBJECTS = 200000, /* that is 0.2 s of a processor */
	MAX_OBJECTS = 1500000, /* more than these are only counted */
	HELD_OBJECTS = 3000000, /* with those that no collector lists: 280 MB of seep */
	LEAST_OBJECTS = 1000, /* that are more than what comes and goes */
	LOOK_SECONDS = 5, /* that a look may take at most */
	CONTAINERS = 20, /* told of each order */
};

void inner_seen_release(struct inner_seen *seen)
{
	free(seen->runtime);
	free(seen->type);
	free(seen->container.type);
	why_free(seen->why);
}

void inner_close(struct inner_process *p)
{
	runtime_close(p->runtime);
	why_log_free(p->holders);
	growth_log_free(p->counts);
	lengths_free(p->lengths);
	p->runtime = NULL;
	p->lengths = NULL;
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
	p->lengths = lengths_new();
	return p->holders && p->counts && p->lengths ? 0 : -ENOMEM;
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
	const struct census_options options = { .container = lengths_add, .context = p->lengths };
	struct census *census;
	int err = lengths_begin(p->lengths, inner_clock(CLOCK_MONOTONIC));

	err = err ? err : runtime_census(p->runtime, &options, &census);
	if (err)
		return err;
	err = growth_log_add(p->counts, census);
	census_free(census);
	return err ? err : put_growth(p, seen);
}

static bool is_named(const struct why *why, uint64_t container)
{
	for (size_t i = 0; why && i < why->nr_containers; i++)
		if (why->containers[i].number == container)
			return true;
	return false;
}

void inner_bring_up(const struct inner_process *p, struct inner_seen *seen)
{
	struct lengths_leader leader;

	if (seen->why)
		why_refresh(seen->why, lengths_log(p->lengths));
	if (!lengths_leader(p->lengths, &leader))
		return;
	seen->container.type = strdup(leader.type);
	seen->container.length = leader.length;
	seen->container.growth = leader.growth.delta;
	seen->container.named = is_named(seen->why, leader.number);
}

/* What has grown since it was last asked, and what was found then does not say why. */
static bool is_unexplained(const struct inner_process *p, const struct inner_seen *seen)
{
	const struct why *why = p->seen.why;
	struct lengths_leader leader;

	if (lengths_leader(p->lengths, &leader) && !is_named(why, leader.number))
		return true;
	if (why->cause.kind != CAUSE_NONE && why->cause.kind != CAUSE_TOO_LITTLE)
		return false;
	return seen->objects > p->objects_asked + LEAST_OBJECTS ||
	       process_rss(p->pid) > p->rss_asked + INNER_LEAST_GROWTH;
}

static bool is_to_be_asked(const struct inner_process *p, const struct inner_seen *seen)
{
	if (seen->counted_only)
		return false;
	if (!seen->many || !p->seen.why)
		return true;
	return inner_clock(CLOCK_MONOTONIC) >= p->holders_due && is_unexplained(p, seen);
}

static int ask_holders(struct inner_process *p, struct inner_seen *seen)
{
	const struct why_options options = {
		.limit = CONTAINERS,
		.seconds = LOOK_SECONDS,
		.objects_most = HELD_OBJECTS,
		.lengths = seen->many ? lengths_log(p->lengths) : NULL,
	};
	double began = inner_clock(CLOCK_THREAD_CPUTIME_ID);
	int err = runtime_why(p->runtime, &options, p->holders, &seen->why);

	p->holders_cost = inner_clock(CLOCK_THREAD_CPUTIME_ID) - began;
	if (err != -ENOSYS)
		return err;
	seen->counted_only = true;
	return 0;
}

int inner_look(struct inner_process *p, struct inner_seen *seen)
{
	double began = inner_clock(CLOCK_THREAD_CPUTIME_ID);
	struct runtime_gc gc = { .enabled = -1 };
	int err = count_objects(p, seen);

	if (err)
		return err;
	p->count_cost = inner_clock(CLOCK_THREAD_CPUTIME_ID) - began;
	seen->many = seen->objects > MANY_OBJECTS;
	seen->counted_only = seen->objects > MAX_OBJECTS;
	if (is_to_be_asked(p, seen))
		err = ask_holders(p, seen);
	if (err)
		return err;
	runtime_gc(p->runtime, &gc);
	seen->gc_enabled = runtime_gc_collects(&gc);
	seen->runtime_name = runtime_name(p->runtime);
	if (asprintf(&seen->runtime, "%s %s", runtime_name(p->runtime),
		     runtime_version(p->runtime)) < 0)
		seen->runtime = NULL;
	return seen->runtime ? 0 : -ENOMEM;
}

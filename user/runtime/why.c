// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns what is kept from look to look, and the numbers that a cause is decided by. */
#include "runtime/why.h"

#include <stdlib.h>
#include <string.h>

#include "base/strpool.h"
#include "runtime/trend.h"

enum { LEAST_WEAK = 1000 };

struct why *why_new(void)
{
	struct why *why = calloc(1, sizeof(*why));

	if (!why)
		return NULL;
	why->held = census_new();
	why->dead = census_new();
	why->garbage = census_new();
	why->names = strpool_new();
	if (why->held && why->dead && why->garbage && why->names)
		return why;
	why_free(why);
	return NULL;
}

void why_free(struct why *why)
{
	if (!why)
		return;
	for (size_t i = 0; i < why->nr_containers; i++) {
		free(why->containers[i].path);
		free(why->containers[i].shape);
	}
	for (size_t i = 0; i < why->nr_paths; i++) {
		free(why->paths[i].shape);
		free(why->paths[i].example);
	}
	free(why->containers);
	free(why->paths);
	census_free(why->held);
	census_free(why->dead);
	census_free(why->garbage);
	strpool_free(why->names);
	free(why);
}

struct why_log *why_log_new(void)
{
	struct why_log *log = calloc(1, sizeof(*log));

	if (!log)
		return NULL;
	log->containers = container_log_new();
	if (!log->containers) {
		free(log);
		return NULL;
	}
	return log;
}

void why_log_free(struct why_log *log)
{
	if (!log)
		return;
	container_log_free(log->containers);
	free(log);
}

/* As at the look before, where the collector does not tell. */
static uint64_t frozen_objects(const struct why_log *log, int64_t frozen)
{
	if (frozen >= 0)
		return (uint64_t)frozen;
	return log->looks ? log->frozen[log->looks - 1] : 0;
}

/* The last looks stay, when there are too many. */
static void push(struct why_log *log, const struct why *why, const struct why_collector *collector)
{
	if (log->looks == CONTAINER_LOOKS) {
		log->looks--;
		memmove(log->held, log->held + 1, log->looks * sizeof(*log->held));
		memmove(log->dead, log->dead + 1, log->looks * sizeof(*log->dead));
		memmove(log->modules, log->modules + 1, log->looks * sizeof(*log->modules));
		memmove(log->frozen, log->frozen + 1, log->looks * sizeof(*log->frozen));
		memmove(log->times, log->times + 1, log->looks * sizeof(*log->times));
	}
	log->held[log->looks] = why->held->objects;
	log->dead[log->looks] = why->dead->objects;
	log->modules[log->looks] = why->modules;
	log->frozen[log->looks] = frozen_objects(log, collector->frozen);
	log->times[log->looks++] = why->time;
}

/*
 * Who is told of something is entered by a weak reference, and what has died is swept out only
 * now and then: by sqlite3 after 200 cursors of a connection.
 */
static bool is_register(const struct why_container *c)
{
	return c->weak && c->length < LEAST_WEAK;
}

/* The container that keeps growing and grew most; one without a limit of its own first. */
static const struct why_container *leader(const struct why *why)
{
	const struct why_container *best = NULL;

	for (size_t i = 0; i < why->nr_containers; i++) {
		const struct why_container *c = &why->containers[i];

		if (c->own || is_register(c) || !c->has_growth || c->growth.trend != TREND_GROWING)
			continue;
		if (!best || (best->capacity > 0 && c->capacity <= 0) ||
		    ((best->capacity > 0) == (c->capacity > 0) &&
		     c->growth.delta > best->growth.delta))
			best = c;
	}
	return best;
}

static void set_leader(struct why *why)
{
	const struct why_container *grown = leader(why);
	struct cause_numbers *numbers = &why->numbers;

	numbers->container_growth = grown ? grown->growth.delta : 0;
	numbers->container_seconds =
		grown && grown->growth.rate > 0 ? grown->growth.delta / grown->growth.rate : 0;
	numbers->container_length = grown ? grown->length : 0;
	numbers->container_trend = grown ? grown->growth.trend : TREND_FLAT;
	numbers->container_capacity = grown ? grown->capacity : -1;
}

void why_refresh(struct why *why, const struct container_log *lengths)
{
	for (size_t i = 0; i < why->nr_containers; i++) {
		struct why_container *c = &why->containers[i];

		if (!c->number || !container_log_is_old(lengths, c->number))
			continue;
		c->length = container_log_length(lengths, c->number);
		c->has_growth = container_log_growth(lengths, c->number, 0, &c->growth);
	}
	set_leader(why);
	why->cause = cause_decide(&why->numbers);
}

void why_log_add(struct why_log *log, struct why *why, const struct why_collector *collector)
{
	struct cause_numbers numbers = {
		.gc_enabled = collector->enabled,
		.garbage = collector->garbage,
	};

	push(log, why, collector);
	why->modules_growth = (int64_t)(why->modules - log->modules[0]);
	numbers.looks = log->looks;
	numbers.seconds = container_log_seconds(log->containers);
	numbers.modules_growth = why->modules_growth;
	numbers.modules_trend = trend_of_counts(log->modules, log->times, log->looks);
	numbers.objects = why->objects;
	numbers.held = why->held->objects;
	numbers.held_before = log->held[0];
	numbers.held_trend = trend_of_counts(log->held, log->times, log->looks);
	numbers.dead = why->dead->objects;
	numbers.dead_before = log->dead[0];
	numbers.frozen_growth = (int64_t)(log->frozen[log->looks - 1] - log->frozen[0]);
	numbers.dead_trend = trend_of_counts(log->dead, log->times, log->looks);
	why->numbers = numbers;
	set_leader(why);
	why->cause = cause_decide(&why->numbers);
}

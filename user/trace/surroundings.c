// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns what is remembered of each process's surroundings: how often its limits had been reached
 * when it was first looked at, so that later counts are those of the capture; the course of a
 * JVM's figures; what its runtime was told. Limits and allocators are read anew for each report of
 * a living process, and the limits of one that has ended are those last seen.
 */
#include "trace/surroundings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "allocator/coverage.h"
#include "allocator/holding.h"
#include "attach/families.h"
#include "base/hashmap.h"
#include "jvm/jvm.h"
#include "memory/stream.h"
#include "proc/limits.h"
#include "proc/maps.h"
#include "runtime/settings.h"

enum { JVM_POINTS = 512, RUNTIME_TRIES = 3 };
/* Resident memory that has not grown by as much is kept by no allocator worth a look. */
static const uint64_t GROWN = 4 << 20;

struct surrounding {
	bool used;
	struct settings settings;
	uint64_t hits, oom_kills; /* of its cgroups, when first seen */
	struct jvm_point *jvm; /* NULL: none, or it does not publish */
	size_t nr_jvm;
	unsigned tries; /* to find its runtime */
	unsigned stride, skipped; /* one look in `stride` is kept */
	bool killed; /* for want of memory */
	char *limit_name; /* that was reached then; NULL unknown */
	uint64_t limit;
};

struct surroundings {
	struct surrounding items[SURROUNDINGS_MOST];
	size_t nr;
	struct hashmap *by_space; /* to the index */
};

struct surroundings *surroundings_new(void)
{
	struct surroundings *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->by_space = hashmap_new();
	if (!s->by_space) {
		free(s);
		return NULL;
	}
	return s;
}

void surroundings_free(struct surroundings *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nr; i++) {
		free(s->items[i].jvm);
		free(s->items[i].limit_name);
	}
	hashmap_free(s->by_space);
	free(s);
}

static struct surrounding *find(struct surroundings *s, uint32_t space)
{
	uint64_t index;

	return hashmap_get(s->by_space, space, &index) ? &s->items[index] : NULL;
}

/* Of all levels: v1 counts each apart, v2 what is below too. */
static void count_events(const struct limits *limits, uint64_t *ret_hits, uint64_t *ret_kills)
{
	*ret_hits = *ret_kills = 0;
	for (size_t i = 0; limits->cgroup_known && i < limits->cgroup.nr_levels; i++) {
		const struct cgroup_level *level = &limits->cgroup.levels[i];

		if (!cgroup_known(level->max))
			continue;
		*ret_hits += level->reached_max;
		*ret_kills += level->oom_kill;
	}
}

static struct surrounding *add(struct surroundings *s, uint32_t space)
{
	struct surrounding *one = &s->items[s->nr];

	if (s->nr == SURROUNDINGS_MOST || hashmap_put(s->by_space, space, s->nr) != 0)
		return NULL;
	s->nr++;
	one->stride = 1;
	return one;
}

static void begin(struct surroundings *s, uint32_t space, pid_t pid)
{
	struct surrounding *one = add(s, space);
	struct limits limits;

	if (one && limits_read("", pid, &limits) == 0) {
		count_events(&limits, &one->hits, &one->oom_kills);
		limits_release(&limits);
		one->used = true;
	}
}

/* A program that has only just started loads its runtime, and publishes, a little later. */
static void find_runtime(struct surrounding *one, pid_t pid)
{
	struct jvm_heap heap;

	one->tries++;
	if (settings_read("", pid, &one->settings) != 0)
		one->settings = (struct settings){ 0 };
	if (one->settings.kind == SETTINGS_JVM && jvm_read(pid, &heap) == 0)
		one->jvm = calloc(JVM_POINTS, sizeof(*one->jvm));
}

static void note_jvm(struct surrounding *one, pid_t pid, double now, uint64_t resident)
{
	struct jvm_heap heap;

	if (one->skipped++ % one->stride || jvm_read(pid, &heap) != 0)
		return;
	/* Full: every other point goes, and fewer come. Collections in between stay counted. */
	if (one->nr_jvm == JVM_POINTS) {
		for (size_t i = 0; i < JVM_POINTS / 2; i++)
			one->jvm[i] = one->jvm[2 * i];
		one->nr_jvm = JVM_POINTS / 2;
		one->stride *= 2;
	}
	jvm_point_set(&heap, now, (double)resident, &one->jvm[one->nr_jvm++]);
}

void surroundings_look(struct surroundings *s, uint32_t space, pid_t pid, double now,
		       uint64_t resident)
{
	struct surrounding *one = find(s, space);

	if (!one) {
		begin(s, space, pid);
		one = find(s, space);
	}
	if (one && !one->jvm && one->tries < RUNTIME_TRIES)
		find_runtime(one, pid);
	if (one && one->jvm)
		note_jvm(one, pid, now, resident);
}

void surroundings_killed(struct surroundings *s, uint32_t space, const struct oom_victim *victim)
{
	struct surrounding *one = find(s, space);

	if (!one)
		one = add(s, space);
	if (!one || one->killed)
		return;
	one->killed = true;
	one->limit = victim->limit;
	if (!victim->limit_name || !cgroup_known(victim->limit))
		return;
	if (asprintf(&one->limit_name, "%s%s%s", victim->limit_name,
		     victim->limit_cgroup ? " " : "",
		     victim->limit_cgroup ? victim->limit_cgroup : "") < 0)
		one->limit_name = NULL;
}

/* The limit that it was killed for was full. */
static void describe_kill(const struct surrounding *one, struct profile *profile,
			  struct profile_process *row)
{
	row->oom_killed = true;
	row->oom_kills = row->oom_kills ? row->oom_kills : 1;
	row->limit_name = profile_string(profile, one->limit_name);
	if (!row->limit_name)
		return;
	row->limit_bytes = row->limit_used_bytes = one->limit;
	row->limit_room_bytes = 0;
}

static void describe_limit(const struct limits *limits, struct profile *profile,
			   struct profile_process *row)
{
	const struct limit *near = limits_nearest(limits, true);
	const struct memory_pressure *pressure = &limits->host.pressure;
	char *name;

	if (!near)
		return;
	if (limits->cgroup_known && limits->cgroup.levels[0].pressure.known)
		pressure = &limits->cgroup.levels[0].pressure;
	if (asprintf(&name, "%s%s%s", limit_name(near->kind, limits->cgroup.version),
		     near->cgroup ? " " : "", near->cgroup ? near->cgroup : "") < 0)
		return;
	row->limit_name = profile_string(profile, name);
	free(name);
	row->limit_bytes = near->bytes;
	row->limit_used_bytes = near->used;
	row->limit_room_bytes = near->room;
	row->pressure = pressure->known ? pressure->full_10 : 0;
}

struct looked_into {
	struct remote *remote;
	int pagemap; /* or -errno */
	struct regions regions;
	struct holding glibc, python; /* held is 0 where there is none */
};

static void looked_into_free(struct looked_into *look)
{
	remote_free(look->remote);
	regions_free(&look->regions);
	if (look->pagemap >= 0)
		close(look->pagemap);
}

static int look_into(pid_t pid, struct looked_into *ret_look)
{
	struct looked_into look = { .pagemap = stream_open_pagemap(pid) };
	struct maps maps = { 0 };
	int err = maps_read(pid, &maps);

	err = err ?: regions_writable(&maps, &look.regions);
	err = err ?: remote_open(pid, &look.remote);
	if (!err) {
		holding_glibc(look.remote, &look.regions, &look.glibc);
		holding_pymalloc(look.remote, &look.regions, look.pagemap, &look.python);
	}
	maps_free(&maps);
	if (err)
		looked_into_free(&look);
	else
		*ret_look = look;
	return err;
}

static void cover_block(void *context, uint64_t address, uint64_t size)
{
	coverage_add(context, address, size);
}

static int measure_rest(const struct heap *heap, uint32_t space, const struct looked_into *look,
			struct holding *ret_holding)
{
	struct coverage *coverage = NULL;
	int err = look->pagemap < 0 ? look->pagemap : coverage_new(&look->regions, &coverage);

	err = err ?: heap_each_live(heap, space, cover_block, coverage);
	err = err ?: coverage_measure(coverage, look->pagemap, ret_holding);
	coverage_free(coverage);
	return err;
}

static void name_allocators(const char *first, const char *second, struct profile *profile,
			    struct profile_process *row)
{
	char both[64];

	snprintf(both, sizeof(both), "%s%s%s", first ? first : "", first && second ? " and " : "",
		 second ? second : "");
	row->allocator = both[0] ? profile_string(profile, both) : NULL;
}

/*
 * An allocator that is not known from within: what is resident beside the outstanding blocks, and
 * beside the objects in Python's own arenas.
 */
static void describe_bound(const struct heap *heap, uint32_t space, const char *family,
			   const struct looked_into *look, struct profile *profile,
			   struct profile_process *row)
{
	uint64_t objects = look->python.held - look->python.free;
	struct holding rest;

	if (measure_rest(heap, space, look, &rest) != 0)
		return;
	row->allocator_at_most = true;
	row->allocator_held_bytes = rest.held;
	row->allocator_free_bytes = rest.free > objects ? rest.free - objects : 0;
	name_allocators(family, look->python.held ? "pymalloc" : NULL, profile, row);
}

static void describe_allocators(const struct heap *heap, uint32_t space, pid_t pid,
				struct profile *profile, struct profile_process *row)
{
	const struct family *glibc = family_find("glibc");
	uint8_t family = heap_main_family(heap, space);
	struct looked_into look;

	if (look_into(pid, &look) != 0)
		return;
	if (family && family != glibc->id) {
		describe_bound(heap, space, family_name(family), &look, profile, row);
	} else {
		row->allocator_held_bytes = look.glibc.held + look.python.held;
		row->allocator_free_bytes = look.glibc.free + look.python.free;
		name_allocators(look.glibc.held ? "glibc" : NULL,
				look.python.held ? "pymalloc" : NULL, profile, row);
	}
	looked_into_free(&look);
}

static void describe_settings(const struct settings *settings, struct profile *profile,
			      struct profile_process *row)
{
	static const struct {
		enum settings_kind kind;
		const char *name;
		size_t setting;
	} limits[] = {
		{ SETTINGS_JVM, "-Xmx", offsetof(struct settings, heap_max) },
		{ SETTINGS_NODE, "--max-old-space-size", offsetof(struct settings, old_space) },
		{ SETTINGS_NODE, "--max-heap-size", offsetof(struct settings, heap_max) },
		{ SETTINGS_GO, "GOMEMLIMIT", offsetof(struct settings, heap_max) },
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits) && !row->runtime_limit; i++) {
		const struct setting *one =
			(const void *)((const char *)settings + limits[i].setting);
		char name[96];

		if (limits[i].kind != settings->kind || !one->set || one->value < 1)
			continue;
		snprintf(name, sizeof(name), "%s (%s)", limits[i].name, one->source);
		row->runtime_limit = profile_string(profile, name);
		row->runtime_limit_bytes = (uint64_t)one->value;
	}
}

static void describe_jvm(const struct surrounding *one, struct profile *profile,
			 struct profile_process *row)
{
	struct jvm_judgement judgement;

	if (!one->jvm)
		return;
	jvm_judge(one->jvm, one->nr_jvm, &judgement);
	row->runtime_verdict = profile_string(profile, jvm_verdict_name(judgement.verdict));
	row->runtime_evidence = profile_string(profile, judgement.evidence);
}

void surroundings_describe(struct surroundings *s, const struct heap *heap, uint32_t space,
			   pid_t pid, struct profile *profile, struct profile_process *row)
{
	struct surrounding *one = find(s, space);
	struct limits limits;

	if (!one)
		return;
	describe_settings(&one->settings, profile, row);
	describe_jvm(one, profile, row);
	if (one->killed)
		describe_kill(one, profile, row);
	if (row->exited || one->killed || limits_read("", pid, &limits) != 0)
		return;
	describe_limit(&limits, profile, row);
	if (one->used) {
		uint64_t hits, kills;

		count_events(&limits, &hits, &kills);
		row->limit_hits = hits > one->hits ? hits - one->hits : 0;
		row->oom_kills = kills > one->oom_kills ? kills - one->oom_kills : 0;
	}
	limits_release(&limits);
	if (row->rss_start_bytes && row->rss_bytes > row->rss_start_bytes + GROWN)
		describe_allocators(heap, space, pid, profile, row);
}

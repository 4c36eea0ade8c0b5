// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the reading of the collector's figures. From 3.7 on they are in one structure, for each
 * interpreter from 3.9; before that they are variables of gcmodule.c, of which only the
 * generations are exported: the others are known where .symtab was left in, else told
 * as unknown. In 3.15 the statistics are rings of the latest collections
 * (Include/internal/pycore_interp_structs.h: struct gc_stats), in which the counts only grow, so
 * the entry with the highest is the newest.
 */
#include "python/gc_state.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "python/chain.h"
#include "python/heap.h"

enum {
	LIST_LIMIT = 1 << 26, /* steps along the frozen objects */
	LEAST_OBJECT = 32,
	FROZEN_TRIES = 4,
	/* Items of the rings of 3.15, young and old; a ring ends with its index. */
	RING_YOUNG = 11,
	RING_OLD = 3,
	RING_INDEX = 8,
};

struct figures {
	int64_t collections, collected, uncollectable;
};

static int read_figures(struct python_process *p, uint64_t at, struct figures *ret_figures)
{
	return remote_read(p->remote, at, ret_figures, sizeof(*ret_figures));
}

static int newest_of_ring(struct python_process *p, uint64_t ring, int items,
			  struct figures *ret_figures)
{
	struct figures newest = { 0 }, figures;

	for (int i = 0; i < items; i++) {
		int err = read_figures(
			p, ring + (uint64_t)i * p->layout.stats_size + p->layout.stats_collections,
			&figures);

		if (err)
			return err;
		if (figures.collections > newest.collections)
			newest = figures;
	}
	*ret_figures = newest;
	return 0;
}

/* -ENODATA: this version, or build, does not tell. */
static int generation_figures(struct python_process *p, uint64_t state, int generation,
			      struct figures *ret_figures)
{
	const struct python_layout *l = &p->layout;
	uint64_t stats = p->build.generation_stats;
	int err;

	if (l->stats_ring) {
		err = remote_read_u64(p->remote, state + l->gc_stats, &stats);
		if (err)
			return err;
		if (generation == 0)
			return newest_of_ring(p, stats, RING_YOUNG, ret_figures);
		stats += RING_YOUNG * l->stats_size + RING_INDEX;
		stats += (uint64_t)(generation - 1) * (RING_OLD * l->stats_size + RING_INDEX);
		return newest_of_ring(p, stats, RING_OLD, ret_figures);
	}
	if (l->gc_stats != PYTHON_ABSENT)
		stats = state + l->gc_stats;
	if (!stats)
		return -ENODATA;
	return read_figures(p, stats + (uint64_t)generation * l->stats_size, ret_figures);
}

/* An int in the structure, or a variable where there is none. -1 unknown. */
static int read_flag(struct python_process *p, uint64_t state, uint16_t offset, uint64_t variable,
		     int *ret_value)
{
	uint64_t at = offset == PYTHON_ABSENT ? variable : state + offset;
	int32_t value;
	int err;

	*ret_value = -1;
	if (!at)
		return 0;
	err = remote_read(p->remote, at, &value, sizeof(value));
	if (!err)
		*ret_value = value != 0;
	return err;
}

/* len(gc.garbage), or 0 before the first; -1 unknown. */
static int read_garbage(struct python_process *p, uint64_t state, int64_t *ret_length)
{
	uint16_t offset = p->layout.gc_garbage;
	uint64_t at = offset == PYTHON_ABSENT ? p->build.garbage : state + offset, list;
	int err;

	*ret_length = -1;
	if (!at)
		return 0;
	err = remote_read_u64(p->remote, at, &list);
	if (err)
		return err;
	if (!list)
		*ret_length = 0;
	else if (remote_read(p->remote, list + PYTHON_OB_SIZE, ret_length, 8) || *ret_length < 0)
		*ret_length = -1;
	return 0;
}

/* A list longer than the memory that it could be in has no end. */
static int longest_list(struct python_process *p, int64_t *ret_objects)
{
	struct regions regions;
	int err = p->source.regions(p->source.context, &regions);

	if (err)
		return err;
	*ret_objects = regions.bytes / LEAST_OBJECT;
	if (*ret_objects > LIST_LIMIT)
		*ret_objects = LIST_LIMIT;
	regions_free(&regions);
	return 0;
}

/* -EFAULT: it was relinked meanwhile, or is longer than `most`. */
static int walk_frozen(struct python_process *p, uint64_t head, int64_t most, int64_t *ret_count)
{
	struct chain chain = { 0 };
	uint64_t at = head;

	for (int64_t count = 0; count <= most; count++) {
		int err = page_cache_u64(p->pages, at, &at);

		if (err)
			return err;
		at &= ~(uint64_t)PYTHON_LINK_FLAGS;
		if (at == head) {
			*ret_count = count;
			return 0;
		}
		/* Or a ring that its head is not in. */
		if (!at || chain_closes(&chain, at))
			break;
	}
	return -EFAULT;
}

/* -1, unknown, where it changes faster than it can be read. */
static int read_frozen(struct python_process *p, uint64_t state, int64_t *ret_count)
{
	int64_t most;
	int err;

	*ret_count = -1;
	if (p->layout.gc_permanent == PYTHON_ABSENT)
		return 0;
	err = longest_list(p, &most);
	for (int i = 0; !err && i < FROZEN_TRIES; i++) {
		err = walk_frozen(p, state + p->layout.gc_permanent, most, ret_count);
		if (err != -EFAULT)
			break;
		err = 0;
		page_cache_forget(p->pages);
	}
	return err;
}

/* -1, unknown, stays unknown. */
static void add(int64_t *sum, int64_t value)
{
	if (*sum < 0 || value < 0 || __builtin_add_overflow(*sum, value, sum))
		*sum = -1;
}

static int add_generation(struct python_process *p, uint64_t state, int i,
			  struct runtime_generation *sum, bool first)
{
	struct figures figures = { -1, -1, -1 };
	uint64_t generations;
	int32_t numbers[2];
	int err = python_gc_generations(p, state, &generations);

	if (!err)
		err = remote_read(p->remote,
				  generations + (uint64_t)i * p->layout.generation +
					  p->layout.gc_head,
				  numbers, sizeof(numbers));
	if (!err)
		err = generation_figures(p, state, i, &figures);
	if (err && err != -ENODATA)
		return err;
	if (first)
		sum->threshold = numbers[0];
	sum->count += numbers[1];
	add(&sum->collections, figures.collections);
	add(&sum->collected, figures.collected);
	add(&sum->uncollectable, figures.uncollectable);
	return 0;
}

static int add_state(struct python_process *p, uint64_t state, struct runtime_gc *gc, bool first)
{
	const struct python_layout *l = &p->layout;
	int64_t garbage, frozen;
	int enabled, collecting;
	int err = read_flag(p, state, l->gc_enabled, p->build.enabled, &enabled);

	err = err ? err : read_flag(p, state, l->gc_collecting, p->build.collecting, &collecting);
	err = err ? err : read_garbage(p, state, &garbage);
	err = err ? err : read_frozen(p, state, &frozen);
	for (int i = 0; !err && i < PYTHON_GENERATIONS; i++)
		err = add_generation(p, state, i, &gc->generations[i], first);
	if (err)
		return err;
	if (first)
		gc->enabled = enabled;
	gc->collecting = collecting > gc->collecting ? collecting : gc->collecting;
	add(&gc->garbage, garbage);
	add(&gc->frozen, frozen);
	return 0;
}

/* As CPython's release notes of 3.14.5 tell. */
static const char *caveat_of(const struct python_build *build)
{
	if (build->major == 3 && build->minor == 14 && build->micro < 5)
		return "this version collects incrementally and late: its users saw memory double; "
		       "3.14.5 went back to the collector of 3.13";
	return NULL;
}

int python_gc_read(struct python_process *process, struct runtime_gc *ret_gc)
{
	struct runtime_gc gc = { .enabled = -1, .collecting = -1 };
	uint64_t states[PYTHON_MAX_INTERPRETERS];
	size_t nr;
	int err = python_gc_states(process, states, &nr);

	page_cache_forget(process->pages);
	for (size_t i = 0; !err && i < nr; i++)
		err = add_state(process, states[i], &gc, i + 1 == nr);
	if (err)
		return err;
	gc.nr_generations = PYTHON_GENERATIONS;
	gc.interpreters = nr;
	gc.caveat = caveat_of(&process->build);
	*ret_gc = gc;
	return 0;
}

int python_heap_moment(struct python_process *process, struct python_moment *ret_moment)
{
	const struct python_layout *l = &process->layout;
	struct python_moment moment = { 0 };
	uint64_t states[PYTHON_MAX_INTERPRETERS], generations;
	struct figures figures;
	int32_t numbers[2];
	size_t nr;
	int err = python_gc_states(process, states, &nr), collecting;

	for (size_t i = 0; !err && i < nr; i++) {
		err = read_flag(process, states[i], l->gc_collecting, process->build.collecting,
				&collecting);
		moment.collecting |= collecting == 1;
		err = err ? err : python_gc_generations(process, states[i], &generations);
		if (!err)
			err = remote_read(process->remote,
					  generations + 2 * (uint64_t)l->generation + l->gc_head,
					  numbers, sizeof(numbers));
		if (err)
			break;
		err = generation_figures(process, states[i], 2, &figures);
		if (!err)
			moment.full_collections += figures.collections;
		else if (err == -ENODATA)
			moment.oldest_count += numbers[1];
		err = err == -ENODATA ? 0 : err;
	}
	if (!err)
		*ret_moment = moment;
	return err;
}

int python_heap_quiet_moment(struct python_process *process, unsigned wait_ms,
			     struct python_moment *ret_moment)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (unsigned i = 0;; i++) {
		int err = python_heap_moment(process, ret_moment);

		/* Nothing moves in an image. */
		if (err || !ret_moment->collecting || !process->pid || i == wait_ms)
			return err;
		nanosleep(&pause, NULL);
	}
}

bool python_heap_disturbed(const struct python_moment *before, const struct python_moment *after)
{
	return before->collecting || after->collecting ||
	       before->full_collections != after->full_collections ||
	       after->oldest_count < before->oldest_count;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What each record of the ring does: blocks go to the heap, stacks are placed, and what
 * tells of processes and new code leads to maps being read and probes attached.
 */
#include "trace/tracer_internal.h"

#include <errno.h>
#include <signal.h>

#include "attach/families.h"
#include "base/hashmap.h"
#include "base/log.h"
#include "base/vec.h"

enum { REFRESH_NS = 200000000 }; /* maps are read again for unplaced frames at most so often */

/* The program is the same for all families where the kernel has no cookies. */
static uint8_t family_of_stack(struct tracer *t, uint64_t stack)
{
	uint64_t family;

	if (hashmap_get(t->families, stack, &family))
		return family;
	family = objects_family(t->objects, stacks_leaf_module(t->stacks, stack));
	hashmap_put(t->families, stack, family);
	return family;
}

static bool family_frees_on_null(uint8_t id)
{
	for (size_t i = 0; i < nr_families; i++)
		if (families[i].id == id)
			return families[i].null_realloc_frees;
	return false;
}

/* The record with its family, in *copy where it had none. */
static const struct seep_alloc *with_family(struct tracer *t, const struct seep_alloc *alloc,
					    struct seep_alloc *copy)
{
	if (alloc->family || t->features.best != ATTACH_PERF)
		return alloc;
	*copy = *alloc;
	copy->family = family_of_stack(t, alloc->stack);
	/* glibc's realloc(p, 0): what returns NULL has freed. */
	if (alloc->flags & SEEP_FAILED && !alloc->size && family_frees_on_null(copy->family))
		copy->flags = (alloc->flags & ~SEEP_FAILED) | SEEP_NULL_FREES;
	return copy;
}

static int on_alloc(void *context, const struct seep_alloc *alloc)
{
	struct tracer *t = context;
	struct seep_alloc copy;

	t->clock = alloc->time;
	return heap_alloc(t->heap, with_family(t, alloc, &copy));
}

static int on_release(void *context, const struct seep_free *release)
{
	struct tracer *t = context;
	struct seep_free timed = *release;

	timed.time = t->clock;
	return heap_release(t->heap, &timed);
}

static int on_realloc_begin(void *context, const struct seep_free *old)
{
	struct tracer *t = context;
	struct seep_free timed = *old;

	timed.time = t->clock;
	return heap_realloc_begin(t->heap, &timed);
}

static int on_realloc_end(void *context, const struct seep_alloc *moved)
{
	struct tracer *t = context;
	struct seep_alloc copy;

	return heap_realloc_end(t->heap, with_family(t, moved, &copy));
}

void tracer_refresh_maps(struct tracer *t, uint32_t space, pid_t pid, enum unwinding_wait wait)
{
	if (t->unwinding)
		unwinding_before_refresh(t->unwinding, space);
	if (modules_refresh(t->modules, space, pid)) {
		/* It has ended; what the kernel side gave it must be known all the same. */
		if (t->unwinding)
			unwinding_fork(t->unwinding, space);
		return;
	}
	hashmap_put(t->refreshed, space, monotonic_ns());
	if (t->unwinding)
		unwinding_refresh(t->unwinding, space, wait);
	if (t->pythons && pythons_refresh(t->pythons, space, pid))
		t->out_of_memory = true;
}

/* A process that has stopped itself waits for its probes anyway. */
static enum unwinding_wait wait_for(uint16_t flags)
{
	return flags & SEEP_HELD ? UNWINDING_ALL : UNWINDING_SMALL;
}

void tracer_forget_maps(struct tracer *t, uint32_t space)
{
	modules_forget(t->modules, space);
	hashmap_remove(t->refreshed, space);
	hashmap_remove(t->stale, space);
	kernel_forget_space(t->kernel, space);
	if (t->unwinding)
		unwinding_forget(t->unwinding, space);
	if (t->pythons)
		pythons_forget(t->pythons, space);
}

static int on_stack(void *context, const struct seep_stack *stack)
{
	const struct traced_process *process;
	struct tracer *t = context;
	uint64_t refreshed = 0;
	size_t unplaced = 0;

	if (stacks_add(t->stacks, stack, &unplaced)) {
		t->out_of_memory = true;
		return -ENOMEM;
	}
	if (!unplaced)
		return 0;
	process = processes_find(t->processes, stack->space);
	hashmap_get(t->refreshed, stack->space, &refreshed);
	if (!process || process->ended || monotonic_ns() - refreshed < REFRESH_NS)
		return 0;
	tracer_refresh_maps(t, stack->space, process->pid, UNWINDING_SMALL);
	stacks_place_again(t->stacks, stack->id);
	return 0;
}

/* It stopped itself; by now its probes are on. */
static void let_go(struct tracer *t, pid_t pid)
{
	pid_t *slot = vec_push(&t->held, &t->nr_held, &t->cap_held);

	if (slot)
		*slot = pid;
	kill(pid, SIGCONT);
}

static void scan(struct tracer *t, pid_t pid)
{
	size_t attached = 0;
	int err = objects_scan(t->objects, pid, &attached);

	log_debug("process %d: %zu files attached (%d)", pid, attached, err);
}

/*
 * A space has the maps of another one: its parent's, or those read when its process was
 * attached to. By now it may have replaced them.
 */
static bool take_over_maps(struct tracer *t, const struct seep_space *space)
{
	uint32_t from = space->reason == SEEP_SPACE_FORK ? space->parent
							 : SEEP_UNWIND_BY_TGID(space->tgid);

	if (space->reason == SEEP_SPACE_EXEC || modules_fork(t->modules, from, space->space))
		return false;
	if (t->unwinding)
		unwinding_fork(t->unwinding, space->space);
	if (t->pythons && pythons_fork(t->pythons, from, space->space, space->tgid))
		t->out_of_memory = true;
	return true;
}

static void space_begins(struct tracer *t, const struct seep_space *space)
{
	if (space->reason != SEEP_SPACE_FORK && tracer_leaves_alone(t, space->tgid))
		return;
	if (!take_over_maps(t, space))
		tracer_refresh_maps(t, space->space, space->tgid, wait_for(space->flags));
	if (space->reason != SEEP_SPACE_FORK || !t->options.host_wide)
		scan(t, space->tgid);
	if (space->reason == SEEP_SPACE_SEEN)
		tracer_forget_maps(t, SEEP_UNWIND_BY_TGID(space->tgid));
	if (space->flags & SEEP_HELD)
		let_go(t, space->tgid);
}

/* A process that is not traced has called exec: perhaps it is one of those wanted. */
static void consider(struct tracer *t, pid_t pid)
{
	if (t->options.has_filter && !process_matches(pid, &t->options.filter))
		return;
	if (!tracer_was_added(t, pid))
		tracer_add(t, pid);
}

static int on_space(void *context, const struct seep_space *space)
{
	struct tracer *t = context;

	if (!space->space) {
		consider(t, space->tgid);
		return 0;
	}
	if (processes_note(t->processes, space) || heap_space(t->heap, space)) {
		t->out_of_memory = true;
		return -ENOMEM;
	}
	if (space->kind == SEEP_SPACE_BEGIN) {
		space_begins(t, space);
		return 0;
	}
	if (space->reason == SEEP_SPACE_EXIT)
		tracer_forget(t, space->tgid);
	else if (t->inner)
		inner_restart(t->inner, space->tgid);
	tracer_forget_maps(t, space->space);
	return 0;
}

/* An allocator asks for memory at most so many calls deep. */
enum { ALLOCATOR_DEPTH = 12 };

static bool passes_allocator(struct tracer *t, uint64_t stack)
{
	uint64_t known;
	struct place place;
	bool passes = false;

	if (hashmap_get(t->allocator_stacks, stack, &known))
		return known;
	for (size_t i = 1; !passes && i < ALLOCATOR_DEPTH; i++) {
		if (!stacks_place(t->stacks, stack, i, &place))
			break;
		passes = place.module != PLACE_NONE &&
			 objects_is_probed(t->objects, modules_info(t->modules, place.module).path,
					   place.offset);
	}
	hashmap_put(t->allocator_stacks, stack, passes);
	return passes;
}

/* Of calls that were not drawn, or between bursts, the kernel side does not know. */
static int on_mapping(void *context, const struct seep_map *map)
{
	struct tracer *t = context;
	struct seep_map copy = *map;
	bool unseen = t->options.sample_bytes || (t->governor && governor_bursts(t->governor));

	if (unseen && map->stack && passes_allocator(t, map->stack))
		copy.flags |= SEEP_IN_ALLOCATOR;
	return heap_mapping(t->heap, &copy);
}

/*
 * A process that maps much code in a row has its maps read once for some of it: reading
 * takes as long as they are, and may have a quarter of the time.
 */
static void read_new_code(struct tracer *t, uint32_t space, pid_t pid, uint16_t flags)
{
	uint64_t begin = monotonic_ns(), end;

	hashmap_remove(t->stale, space);
	tracer_refresh_maps(t, space, pid, wait_for(flags));
	scan(t, pid);
	end = monotonic_ns();
	t->maps_rest = end + 3 * (end - begin);
}

void tracer_refresh_stale(struct tracer *t)
{
	uint64_t space, pid;
	size_t cursor = 0;

	while (monotonic_ns() >= t->maps_rest && hashmap_next(t->stale, &cursor, &space, &pid)) {
		read_new_code(t, space, pid, 0);
		cursor = 0;
	}
}

static int on_new_code(void *context, const struct seep_map *map)
{
	struct tracer *t = context;

	if (!(map->flags & SEEP_HELD) && monotonic_ns() < t->maps_rest &&
	    !hashmap_put(t->stale, map->space, map->tgid))
		return 0;
	read_new_code(t, map->space, map->tgid, map->flags);
	if (map->flags & SEEP_HELD)
		let_go(t, map->tgid);
	return 0;
}

static const struct decode_ops ops = {
	.alloc = on_alloc,
	.release = on_release,
	.realloc_begin = on_realloc_begin,
	.realloc_end = on_realloc_end,
	.stack = on_stack,
	.space = on_space,
	.mapping = on_mapping,
	.new_code = on_new_code,
};

void tracer_record(void *context, const void *data, size_t size)
{
	struct tracer *t = context;

	decode_record(&ops, t, data, size, &t->decoded);
}

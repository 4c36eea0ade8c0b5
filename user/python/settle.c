// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the decision that a layout is right. What a version's row, or the process itself,
 * says is not believed before the collector's lists are found by it: three list heads one
 * after the other, each of whose neighbours points back to it, the thresholds between them
 * sane, and behind the first link an object whose type is a type. Nothing else looks like
 * that, and where patch releases or compilers moved the structures, the other places where
 * they can be are tried.
 *
 * The process runs meanwhile: a link may change between two reads, and while a collection
 * runs the back links of its objects hold counts. So each link counts when it was seen right
 * once, in some hundred looks.
 */
#include "python/settle.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LOOKS = 200,
	LOOK_PAUSE_US = 1000,
	LOOKS_AT_GUESSES = 20,
	TRIES_OF_KNOWN = 5,
};

/* A place of the generations in the collector's state, and the sizes that go with it. */
struct place {
	uint16_t generations, gc_head, generation;
};

int python_refuse(char **ret_reason, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(ret_reason, format, arguments) < 0)
		*ret_reason = NULL;
	va_end(arguments);
	return -ENOTSUP;
}

static uint64_t link_of(uint64_t word)
{
	return word & ~(uint64_t)PYTHON_LINK_FLAGS;
}

static bool points_to(uint64_t word, uint64_t address)
{
	return link_of(word) == address;
}

/* Bits of struct ring.seen */
enum { SEEN_NEXT = 1, SEEN_PREVIOUS = 2 };

struct ring {
	uint64_t head;
	unsigned seen;
};

/* Looks at a list head once more; false when it cannot be one. */
static bool look_at_ring(struct python_process *p, const struct regions *regions,
			 const struct place *place, struct ring *ring)
{
	uint64_t links[2], back;
	int32_t numbers[2];

	if (remote_read(p->remote, ring->head, links, sizeof(links)) ||
	    remote_read(p->remote, ring->head + place->gc_head, numbers, sizeof(numbers)))
		return false;
	if (numbers[0] < 0 || numbers[1] < 0)
		return false;
	for (int i = 0; i < 2; i++) {
		uint64_t to = link_of(links[i]);

		if (!regions_hold(regions, to, 16))
			return false;
		if (!remote_read_u64(p->remote, to + (i == 0 ? 8 : 0), &back) &&
		    points_to(back, ring->head))
			ring->seen |= i == 0 ? SEEN_NEXT : SEEN_PREVIOUS;
	}
	return true;
}

/* Does a list lead to an object? Or is it empty, which says nothing against it. */
static bool leads_to_object(struct python_process *p, const struct place *place, uint64_t head)
{
	uint64_t next, type, metatype, flags;

	if (remote_read_u64(p->remote, head, &next))
		return false;
	if (points_to(next, head))
		return true;
	next = link_of(next) + place->gc_head;
	return !remote_read_u64(p->remote, next + PYTHON_OB_TYPE, &type) &&
	       !remote_read_u64(p->remote, type + PYTHON_TYPE_FLAGS, &flags) &&
	       flags & PYTHON_FLAG_HAVE_GC && flags & PYTHON_FLAG_READY &&
	       !remote_read_u64(p->remote, type + PYTHON_OB_TYPE, &metatype) &&
	       !remote_read_u64(p->remote, metatype + PYTHON_TYPE_FLAGS, &flags) &&
	       flags & PYTHON_FLAG_TYPE;
}

/* Are the generations there? */
static bool fits(struct python_process *p, const struct regions *regions, const struct place *place,
		 uint64_t generations, int looks)
{
	struct ring rings[PYTHON_GENERATIONS] = { 0 };

	for (int i = 0; i < PYTHON_GENERATIONS; i++)
		rings[i].head = generations + (uint64_t)i * place->generation;
	while (looks--) {
		bool seen = true, object = true;

		for (int i = 0; i < PYTHON_GENERATIONS; i++) {
			if (!look_at_ring(p, regions, place, &rings[i]))
				return false;
			seen = seen && rings[i].seen;
			object = object && leads_to_object(p, place, rings[i].head);
		}
		if (seen && object)
			return true;
		/* Nothing moves in an image. */
		if (!p->pid)
			return false;
		usleep(LOOK_PAUSE_US);
	}
	return false;
}

/* All places that some release or compiler may have chosen; the known one first. */
static size_t places_of(const struct python_layout *layout, struct place *places, size_t most)
{
	static const struct place old[] = {
		/* heads of 24 or 32 bytes, aligned to 8 or to 16 */
		{ 32, 32, 48 },
		{ 24, 24, 32 },
		{ 24, 32, 40 },
	};
	size_t nr = 0;

	places[nr++] =
		(struct place){ layout->gc_generations, layout->gc_head, layout->generation };
	if (layout->gc_head > 16) {
		for (size_t i = 0; i < sizeof(old) / sizeof(*old) && nr < most; i++)
			places[nr++] = old[i];
		return nr;
	}
	for (uint16_t at = 0; at <= 64 && nr < most; at += 4)
		if (at != layout->gc_generations)
			places[nr++] = (struct place){ at, layout->gc_head, layout->generation };
	return nr;
}

static uint16_t align_to(unsigned offset, unsigned alignment)
{
	return (offset + alignment - 1) / alignment * alignment;
}

/*
 * What follows the generations moves with their size: in 3.7 a pointer, the permanent
 * generation, the statistics and the rest are there, one after the other.
 */
static void take_place(struct python_layout *layout, const struct place *place)
{
	bool resized = place->generation != layout->generation;

	layout->gc_head = place->gc_head;
	layout->generation = place->generation;
	if (layout->gc_generations == PYTHON_ABSENT)
		return;
	layout->gc_generations = place->generations;
	if (!resized)
		return;
	layout->gc_permanent = align_to(place->generations + 3 * place->generation + 8,
					place->generation == 48 ? 16 : 8);
	layout->gc_stats = layout->gc_permanent + place->generation;
	layout->gc_collecting = layout->gc_stats + 3 * layout->stats_size;
	layout->gc_garbage = layout->gc_collecting + 8;
}

/*
 * 1: the generations are there, 0: they are not, or an error. An object in memory that was mapped
 * after the regions were read looks like none, so the known place is tried with newer ones.
 */
static int try_place(struct python_process *p, const struct place *place, uint64_t at, bool known)
{
	int tries = known ? TRIES_OF_KNOWN : 1;

	for (int i = 0; i < tries; i++) {
		struct regions regions;
		int err = p->source.regions(p->source.context, &regions);

		if (err)
			return err;
		err = fits(p, &regions, place, at, known ? LOOKS : LOOKS_AT_GUESSES);
		regions_free(&regions);
		if (err)
			return 1;
	}
	return 0;
}

static int settle_generations(struct python_process *p, char **ret_reason)
{
	uint64_t states[PYTHON_MAX_INTERPRETERS], base;
	struct place places[32];
	size_t nr_states, nr = places_of(&p->layout, places, sizeof(places) / sizeof(*places));
	int err = python_gc_states(p, states, &nr_states);

	if (!err && p->build.generation0 && !p->build.runtime)
		err = remote_read_u64(p->remote, p->build.generation0, &base);
	else if (!err)
		base = states[0];
	if (err == -ESRCH || err == -EACCES)
		return err;
	if (err || !base)
		return python_refuse(
			ret_reason,
			"CPython %s has not started its interpreter yet, or has ended it",
			p->build.version);
	for (size_t i = 0; i < nr; i++) {
		uint64_t at = p->build.runtime ? base + places[i].generations : base;

		err = try_place(p, &places[i], at, i == 0);
		if (err > 0)
			take_place(&p->layout, &places[i]);
		if (err)
			return err > 0 ? 0 : err;
	}
	return python_refuse(
		ret_reason,
		"the collector's lists of CPython %s are not where this version has them: "
		"an unusual build, which cannot be read",
		p->build.version);
}

/* From 3.13 on the process tells. */
static int settle_told(struct python_process *p, char **ret_reason)
{
	uint8_t bytes[PYTHON_TOLD_BYTES];
	struct python_told told;
	int err = remote_read(p->remote, p->build.runtime, bytes, sizeof(bytes));

	if (err == -ESRCH || err == -EACCES)
		return err;
	if (!err)
		err = python_layout_told(&p->layout, bytes, sizeof(bytes), &told);
	if (err)
		return python_refuse(ret_reason,
				     "CPython %s does not describe itself as that version does: an "
				     "unusual build, which cannot be read",
				     p->build.version);
	if (told.free_threaded)
		return python_refuse(
			ret_reason,
			"CPython %s is a free-threaded build, which keeps no lists of its "
			"objects: only builds with the GIL can be read",
			p->build.version);
	return 0;
}

int python_settle(struct python_process *process, char **ret_reason)
{
	int err = 0;

	if (python_layout_of(process->build.major, process->build.minor, &process->layout))
		return python_refuse(
			ret_reason,
			"CPython %s is not a version that is known here (2.7, 3.6 to 3.15)",
			process->build.version[0] ? process->build.version : "of no version");
	if (process->build.runtime && process->layout.minor >= 13)
		err = settle_told(process, ret_reason);
	return err ? err : settle_generations(process, ret_reason);
}

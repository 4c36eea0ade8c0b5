// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the finding of container objects in raw memory: at every step that an allocator may
 * have put one, a PyGC_Head followed by a reference count and a type. It beats following
 * the collector's lists: each page is read once and in order, nothing depends on what the
 * process relinks meanwhile, and one object missed is one object, not the rest of a list.
 *
 * What makes memory an object that the collector tracks:
 *   3.8 on    both links set; untracking clears them (Include/internal/pycore_gc.h).
 *   3.6, 3.7  gc_refs, above its flag bit, is GC_REACHABLE, -3 (Modules/gcmodule.c).
 *   2.7       gc_refs is GC_REACHABLE, -3.
 * Then the links lead to aligned writable memory, the reference count is possible, and the type is
 * one that has HAVE_GC. Freed memory does not pass: an object is untracked before it is freed, and
 * has no references. What does pass are words that happen to lie so: in frames on CPython's
 * stack (code, stack pointer, small numbers, a class as first local), in the tuples of immortal
 * objects, in the data of a program. So where something is unusual, both neighbours must point
 * back: a count so high that it may be more than a count, a file's data, and a previous
 * object that begins just behind this one, which a stack pointer does.
 *
 * While a collection runs, the objects that it looks at have a count of references where
 * later a link, or GC_REACHABLE, is again: from 3.8 on marked by a bit
 * (_PyGC_PREV_MASK_COLLECTING), and never above the object's own count. Those are taken too, if
 * what follows in their list is an object: collections of the young run all the time in a busy
 * process.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "python/heap.h"

enum {
	SURE_REFERENCES = 1 << 16,
	OBJECT_BYTES = 16,
	JUST_BEHIND = 2048, /* bytes; a frame has fewer locals */
	COLLECTING_BIT = 2, /* in _gc_prev; the count is above it */
	GC_REACHABLE = -3,
	GC_TENTATIVELY_UNREACHABLE = -4,
	MAX_HEADS = PYTHON_MAX_INTERPRETERS * (PYTHON_GENERATIONS + 1),
};

/* Of the collector's lists, which are aligned to 4 at least. */
struct heads {
	uint64_t *items;
	size_t nr;
};

/* Of one thread. */
struct scan {
	struct python_process *process;
	struct python_types *types;
	python_object_fn each;
	void *context;
	/* Of the layout, and of the regions: what the loop needs. */
	const struct regions *regions;
	const struct region *nearby; /* where the last link led to */
	uint64_t low, span;
	size_t head, step;
	/*
	 * Bits that no count has: what has them is mostly a pointer, as in any array of them,
	 * and is not worth a look at the type. From 3.14 on the highest 16 are flags.
	 */
	uint64_t impossible_references;
	bool doubtful; /* every object of this region must be confirmed */
	const struct heads *heads;
};

static uint64_t word_at(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

static inline bool in_range(const struct scan *s, uint64_t address)
{
	return address - s->low < s->span;
}

/* The reference count of the object behind the head, as the collector counts down from it. */
static uint64_t references_of(const struct scan *s, const uint8_t *at)
{
	return word_at(at + s->head + PYTHON_OB_REFCNT) & UINT32_MAX;
}

/* 3.8 and later: a count in the place of the link to the previous object. */
static bool holds_count(const struct scan *s, const uint8_t *at)
{
	uint64_t word = word_at(at + 8);

	return word & COLLECTING_BIT && word >> 2 <= references_of(s, at);
}

/* Up to 3.7: gc_refs says whether it is tracked, or is a count meanwhile. */
static bool is_marked(const struct scan *s, const uint8_t *at)
{
	int64_t mark = (int64_t)word_at(at + 16);

	/* From 3.4 on the lowest bit says that it is finalized. */
	if (s->process->layout.major == 3)
		mark >>= 1;
	if (mark == GC_REACHABLE)
		return true;
	return mark == GC_TENTATIVELY_UNREACHABLE ||
	       (mark >= 0 && (uint64_t)mark <= references_of(s, at));
}

/* Is this, behind a link at the head, what the collector leaves in an object that it tracks? */
static inline bool is_tracked(const struct scan *s, const uint8_t *at)
{
	uint64_t previous = word_at(at + 8);

	if (s->head == 16)
		return in_range(s, previous & ~(uint64_t)PYTHON_LINK_FLAGS) || holds_count(s, at);
	return in_range(s, previous) && is_marked(s, at);
}

static bool is_list_head(const struct scan *s, uint64_t address)
{
	for (size_t i = 0; i < s->heads->nr; i++)
		if (s->heads->items[i] == address)
			return true;
	return false;
}

/* Can there be an object, or a list's head? */
static bool leads_somewhere(struct scan *s, uint64_t link)
{
	uint64_t to = link & ~(uint64_t)PYTHON_LINK_FLAGS;

	if (to % s->step)
		return is_list_head(s, to);
	if (s->nearby && to >= s->nearby->start && to < s->nearby->end)
		return true;
	s->nearby = regions_find(s->regions, to);
	return s->nearby;
}

/* Do both neighbours point back? */
static bool is_linked(struct scan *s, uint64_t head, const uint8_t *at)
{
	uint64_t flags = PYTHON_LINK_FLAGS, back = 0, forth = 0;

	return !remote_read_u64(s->process->remote, (word_at(at) & ~flags) + 8, &back) &&
	       !remote_read_u64(s->process->remote, word_at(at + 8) & ~flags, &forth) &&
	       (back & ~flags) == head && (forth & ~flags) == head;
}

/* Is an object, or the end of a list, what comes next? */
static bool is_followed(struct scan *s, uint64_t next)
{
	uint64_t type;

	if (is_list_head(s, next))
		return true;
	return !page_cache_u64(s->process->pages, next + s->head + PYTHON_OB_TYPE, &type) &&
	       in_range(s, type) && python_types_get(s->types, type);
}

static bool is_just_behind(uint64_t head, uint64_t previous)
{
	return previous - head < JUST_BEHIND;
}

/*
 * The links of what has a type. An object is never linked to itself. What is just behind is mostly
 * in the chunk too, read at the same moment, so that looking there costs next to nothing.
 */
static bool links_are_sane(struct scan *s, const struct stream_chunk *chunk, size_t offset,
			   uint64_t references)
{
	const uint8_t *at = chunk->bytes + offset;
	uint64_t flags = PYTHON_LINK_FLAGS, head = chunk->address + offset;
	uint64_t next = word_at(at), previous = word_at(at + 8) & ~flags;
	size_t there = previous - chunk->address;

	if ((next & ~flags) == head || !leads_somewhere(s, next))
		return false;
	if (s->head == 16 && holds_count(s, at))
		return is_followed(s, next & ~flags);
	if (previous == head || !leads_somewhere(s, previous))
		return false;
	if (references > SURE_REFERENCES || s->doubtful)
		return is_linked(s, head, at);
	if (!is_just_behind(head, previous))
		return true;
	return there + 8 <= chunk->readable ? (word_at(chunk->bytes + there) & ~flags) == head
					    : is_linked(s, head, at);
}

/* 0: on; other than 0 ends the scan. */
static inline int look_at(struct scan *s, const struct stream_chunk *chunk, size_t offset)
{
	const uint8_t *at = chunk->bytes + offset, *object = at + s->head;
	struct python_object found;
	uint64_t references;

	/* Without a branch between: which words are pointers is hard to foretell. */
	if (!((int)in_range(s, word_at(at)) & (int)in_range(s, word_at(object + PYTHON_OB_TYPE))))
		return 0;
	if (!is_tracked(s, at))
		return 0;
	references = word_at(object + PYTHON_OB_REFCNT);
	if (!(uint32_t)references || references & s->impossible_references)
		return 0;
	found.type = python_types_get(s->types, word_at(object + PYTHON_OB_TYPE));
	if (!found.type || !links_are_sane(s, chunk, offset, references))
		return 0;
	found.address = chunk->address + offset + s->head;
	found.bytes = object;
	found.readable = chunk->readable - offset - s->head;
	found.around = chunk;
	return s->each(s->context, &found);
}

static int scan_chunk(void *context, const struct stream_chunk *chunk)
{
	struct scan *s = context;
	size_t least = s->head + OBJECT_BYTES;

	for (size_t offset = 0; offset < chunk->size && offset + least <= chunk->readable;
	     offset += s->step) {
		int err = look_at(s, chunk, offset);

		if (err)
			return err;
	}
	return 0;
}

/* Regions of one kind; those of others are left out. */
static int scan_kind(struct scan *scans, size_t nr, enum region_kind kind)
{
	const struct python_process *process = scans->process;
	struct regions regions = { 0 };
	struct stream_totals totals;
	void *contexts[PYTHON_MAX_SCANNERS];
	int err = 0;

	for (size_t i = 0; i < nr; i++) {
		scans[i].doubtful = kind == REGION_FILE;
		contexts[i] = &scans[i];
	}
	for (size_t i = 0; !err && i < scans->regions->nr; i++) {
		const struct region *region = &scans->regions->items[i];

		if (region->kind == kind)
			err = regions_add(&regions, region->start, region->end, kind);
	}
	if (!err)
		err = stream_regions_shared(process->remote, &regions, process->source.pagemap,
					    scan_chunk, contexts, nr, &totals);
	regions_free(&regions);
	return err;
}

static int add_head(struct heads *heads, uint64_t head)
{
	if (heads->nr == MAX_HEADS)
		return 0;
	if (!heads->items)
		heads->items = calloc(MAX_HEADS, sizeof(*heads->items));
	if (!heads->items)
		return -ENOMEM;
	heads->items[heads->nr++] = head;
	return 0;
}

static int find_heads(struct python_process *process, struct heads *heads)
{
	const struct python_layout *layout = &process->layout;
	uint64_t states[PYTHON_MAX_INTERPRETERS], generations;
	size_t nr;
	int err = python_gc_states(process, states, &nr);

	for (size_t i = 0; !err && i < nr; i++) {
		err = python_gc_generations(process, states[i], &generations);
		for (int j = 0; !err && j < PYTHON_GENERATIONS; j++)
			err = add_head(heads, generations + (uint64_t)j * layout->generation);
		if (!err && layout->gc_permanent != PYTHON_ABSENT)
			err = add_head(heads, states[i] + layout->gc_permanent);
	}
	return err;
}

static void start_scan(struct scan *s, const struct python_scanner *scanner, python_object_fn each,
		       const struct regions *regions, const struct heads *heads)
{
	const struct python_layout *layout = &scanner->process->layout;
	bool has_flags = layout->major == 3 && layout->minor >= 14;

	*s = (struct scan){
		.process = scanner->process,
		.types = scanner->types,
		.each = each,
		.context = scanner->context,
		.regions = regions,
		.heads = heads,
		.head = layout->gc_head,
		.step = layout->gc_head == 16 ? 16 : 8,
		.impossible_references = UINT64_C(0xffffffff) << 32,
	};
	if (has_flags)
		s->impossible_references = UINT64_C(0xffff) << 32;
	if (regions->nr) {
		s->low = regions->items[0].start;
		s->span = regions->items[regions->nr - 1].end - s->low;
	}
}

int python_heap_scan(const struct python_scanner *scanners, size_t nr, python_object_fn each)
{
	struct python_process *process = scanners->process;
	struct scan scans[PYTHON_MAX_SCANNERS];
	struct heads heads = { 0 };
	struct regions regions;
	int err;

	if (nr > PYTHON_MAX_SCANNERS)
		return -EINVAL;
	err = process->source.regions(process->source.context, &regions);
	if (err)
		return err;
	err = find_heads(process, &heads);
	for (size_t i = 0; i < nr; i++)
		start_scan(&scans[i], &scanners[i], each, &regions, &heads);
	if (!err)
		err = scan_kind(scans, nr, REGION_ANONYMOUS);
	if (!err)
		err = scan_kind(scans, nr, REGION_FILE);
	regions_free(&regions);
	free(heads.items);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the way along the collector's lists. Only forward links are followed: they stay whole
 * while a collection runs. In a process that allocates at the same time a walk may lose
 * what is relinked under it, so it is the second choice for the living objects, and the
 * only one for the frozen ones (gc.freeze), which nothing relinks.
 */
#include <errno.h>
#include <string.h>

#include "python/chain.h"
#include "python/heap.h"

enum {
	OBJECT_BYTES = 64,
	/* The smallest object that is tracked: a head and a PyObject. */
	LEAST_OBJECT = 32,
};

struct walk {
	struct python_process *process;
	struct python_types *types;
	python_object_fn each;
	void *context;
	uint64_t left; /* steps; a list that never ends is torn */
};

static int visit_object(struct walk *w, uint64_t head)
{
	struct python_object object = { .address = head + w->process->layout.gc_head };
	uint8_t bytes[OBJECT_BYTES];
	uint64_t type;
	int err = page_cache_read(w->process->pages, object.address, bytes, sizeof(bytes));

	object.readable = sizeof(bytes);
	/* At the end of a region there may be no more than a PyObject. */
	if (err == -EFAULT) {
		object.readable = 16;
		err = page_cache_read(w->process->pages, object.address, bytes, 16);
	}
	if (err)
		return err;
	memcpy(&type, bytes + PYTHON_OB_TYPE, sizeof(type));
	object.type = python_types_get(w->types, type);
	if (!object.type)
		return 0;
	object.bytes = bytes;
	return w->each(w->context, &object);
}

static int walk_list(struct walk *w, uint64_t head)
{
	struct chain chain = { 0 };
	uint64_t at = head, next;
	int err;

	for (;;) {
		err = page_cache_u64(w->process->pages, at, &next);
		if (err)
			return err;
		at = next & ~(uint64_t)PYTHON_LINK_FLAGS;
		if (at == head)
			return 0;
		/* Or a ring that its head is not in. */
		if (!at || !w->left-- || chain_closes(&chain, at))
			return -EFAULT;
		err = visit_object(w, at);
		if (err)
			return err;
	}
}

static int start_walk(struct walk *w)
{
	struct regions regions;
	int err = w->process->source.regions(w->process->source.context, &regions);

	if (err)
		return err;
	w->left = regions.bytes / LEAST_OBJECT;
	regions_free(&regions);
	page_cache_forget(w->process->pages);
	return 0;
}

static int walk_generations(struct walk *w, uint64_t state)
{
	uint64_t generations;
	int err = python_gc_generations(w->process, state, &generations);

	for (int i = 0; !err && i < PYTHON_GENERATIONS; i++)
		err = walk_list(w, generations + (uint64_t)i * w->process->layout.generation);
	return err;
}

static int walk_permanent(struct walk *w, uint64_t state)
{
	uint16_t permanent = w->process->layout.gc_permanent;

	return permanent == PYTHON_ABSENT ? 0 : walk_list(w, state + permanent);
}

static int walk_states(struct walk *w, int (*one)(struct walk *, uint64_t))
{
	uint64_t states[PYTHON_MAX_INTERPRETERS];
	size_t nr;
	int err = start_walk(w);

	if (!err)
		err = python_gc_states(w->process, states, &nr);
	for (size_t i = 0; !err && i < nr; i++)
		err = one(w, states[i]);
	return err;
}

int python_heap_walk(struct python_process *process, struct python_types *types,
		     python_object_fn each, void *context)
{
	struct walk w = { .process = process, .types = types, .each = each, .context = context };

	return walk_states(&w, walk_generations);
}

int python_heap_frozen(struct python_process *process, struct python_types *types,
		       python_object_fn each, void *context)
{
	struct walk w = { .process = process, .types = types, .each = each, .context = context };

	return walk_states(&w, walk_permanent);
}

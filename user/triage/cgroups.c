// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the tree of the cgroups that matter, and when their files are read. Reading all files of a
 * cgroup costs as much as four processes, and memory.stat makes the kernel sum up over all CPUs;
 * so a look reads its usage alone, and the rest when that has changed, or at every FULL_EVERY-th
 * look, since limits and pressure can change without it.
 *
 * Texts of /proc/PID/cgroup are few however many processes there are: which cgroup one
 * means is found once. Knows nothing of processes.
 */
#include "triage/cgroups.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hashmap.h"
#include "base/strpool.h"
#include "base/vec.h"
#include "proc/proc_file.h"

enum {
	FULL_EVERY = 8,
	MOUNTS_BOUND = 4 << 20,
	TEXTS_PER_CGROUP = 4,
	UNUSED_KEPT = 16, /* and a quarter of all */
};

struct node {
	uint64_t id;
	struct cgroup_place place; /* the pool's strings */
	uint32_t parent;
	uint32_t processes; /* in it, in this look */
	bool used; /* there are some in it or below it */
	bool read; /* once at least */
	bool gone;
	bool counted_above; /* what is in it counts against the levels above it, too */
	struct cgroup_level level; /* without its path */
	uint32_t placed; /* its item in this look */
};

struct cgroups {
	const char *root;
	size_t max;
	struct strpool *pool;
	struct hashmap *by_text; /* pool's string -> index or HOST_NO_CGROUP */
	struct hashmap *by_path; /* "version:mount:path" of the pool -> index */
	struct node *nodes; /* parents before children */
	size_t nr, cap;
	struct host_cgroup *items;
	size_t nr_items, cap_items;
	uint64_t next_id;
	unsigned int look;
	char *mounts; /* read when first needed in a look */
};

struct cgroups *cgroups_new(const char *root, size_t max)
{
	struct cgroups *cgroups = calloc(1, sizeof(*cgroups));

	if (!cgroups)
		return NULL;
	cgroups->root = root;
	cgroups->max = max;
	cgroups->pool = strpool_new();
	cgroups->by_text = hashmap_new();
	cgroups->by_path = hashmap_new();
	if (!cgroups->pool || !cgroups->by_text || !cgroups->by_path) {
		cgroups_free(cgroups);
		return NULL;
	}
	return cgroups;
}

void cgroups_free(struct cgroups *cgroups)
{
	if (!cgroups)
		return;
	strpool_free(cgroups->pool);
	hashmap_free(cgroups->by_text);
	hashmap_free(cgroups->by_path);
	free(cgroups->nodes);
	free(cgroups->items);
	free(cgroups->mounts);
	free(cgroups);
}

/* The pool's own name of a cgroup; NULL out of memory. */
static const char *path_key(struct strpool *pool, const struct cgroup_place *place,
			    size_t path_length)
{
	__cleanup(free_text)
	char *key = NULL;

	if (asprintf(&key, "%d:%s:%.*s", place->version, place->mount, (int)path_length,
		     place->path) < 0) {
		key = NULL;
		return NULL;
	}
	return strpool_add(pool, key);
}

static int add_node(struct cgroups *cgroups, const char *key, const struct cgroup_place *place,
		    size_t path_length, uint32_t parent)
{
	char *mount = (char *)strpool_add(cgroups->pool, place->mount);
	char *path = (char *)(path_length ? strpool_add_n(cgroups->pool, place->path, path_length)
					  : strpool_add(cgroups->pool, "/"));
	struct node *node;

	if (!mount || !path || hashmap_put(cgroups->by_path, (uintptr_t)key, cgroups->nr) != 0)
		return -ENOMEM;
	node = vec_push(&cgroups->nodes, &cgroups->nr, &cgroups->cap);
	if (!node) {
		hashmap_remove(cgroups->by_path, (uintptr_t)key);
		return -ENOMEM;
	}
	node->id = ++cgroups->next_id;
	node->place = (struct cgroup_place){ place->version, mount, path };
	node->parent = parent;
	return 0;
}

/* The node of the first `path_length` bytes of the path, added when there is none. */
static int find_node(struct cgroups *cgroups, const struct cgroup_place *place, size_t path_length,
		     uint32_t parent, uint32_t *ret_index)
{
	const char *key = path_key(cgroups->pool, place, path_length);
	uint64_t index;
	int err;

	if (!key)
		return -ENOMEM;
	if (!hashmap_get(cgroups->by_path, (uintptr_t)key, &index)) {
		index = cgroups->nr;
		if (index >= cgroups->max)
			return -ENOSPC;
		err = add_node(cgroups, key, place, path_length, parent);
		if (err)
			return err;
	}
	*ret_index = index;
	return 0;
}

/* From the root of the mount down, so that parents come first. */
static int find_chain(struct cgroups *cgroups, const struct cgroup_place *place,
		      uint32_t *ret_index)
{
	uint32_t index = HOST_NO_CGROUP;
	size_t length = strlen(place->path);
	int err;

	while (length && place->path[length - 1] == '/')
		length--;
	err = find_node(cgroups, place, 0, HOST_NO_CGROUP, &index);
	for (size_t at = 1; !err && at <= length; at++)
		if (at == length || (place->path[at] == '/' && place->path[at - 1] != '/'))
			err = find_node(cgroups, place, at, index, &index);
	if (!err)
		*ret_index = index;
	return err;
}

static int read_mounts(struct cgroups *cgroups)
{
	size_t length;

	if (cgroups->mounts)
		return 0;
	return proc_file_read_under(cgroups->root, "/proc/self/mountinfo", MOUNTS_BOUND,
				    &cgroups->mounts, &length);
}

uint32_t cgroups_find(struct cgroups *cgroups, const char *text, size_t *left_out)
{
	const char *key = strpool_add(cgroups->pool, text);
	struct cgroup_place place = { 0 };
	uint32_t index = HOST_NO_CGROUP;
	uint64_t known;
	int err;

	if (!key)
		return HOST_NO_CGROUP;
	if (hashmap_get(cgroups->by_text, (uintptr_t)key, &known))
		return known;
	if (read_mounts(cgroups) != 0)
		return HOST_NO_CGROUP;
	err = cgroup_place_find(text, cgroups->mounts, &place);
	if (!err) {
		err = find_chain(cgroups, &place, &index);
		*left_out += err == -ENOSPC;
		cgroup_place_free(&place);
	}
	/* What it means is tried again when there was no room for it. */
	if (err != -ENOSPC && err != -ENOMEM)
		hashmap_put(cgroups->by_text, (uintptr_t)key, index);
	return index;
}

void cgroups_begin(struct cgroups *cgroups)
{
	cgroups->look++;
	for (size_t i = 0; i < cgroups->nr; i++) {
		cgroups->nodes[i].processes = 0;
		cgroups->nodes[i].used = false;
	}
}

void cgroups_count(struct cgroups *cgroups, uint32_t index)
{
	cgroups->nodes[index].processes++;
}

static void read_node(struct cgroups *cgroups, size_t index)
{
	struct node *node = &cgroups->nodes[index];
	struct cgroup_memory memory;
	int err;

	if (node->read && (cgroups->look + node->id) % FULL_EVERY != 0 &&
	    cgroup_memory_usage(cgroups->root, &node->place) == node->level.usage)
		return;
	err = cgroup_memory_read_one(cgroups->root, &node->place, &memory);
	node->read = true;
	node->gone = err == -ENOENT;
	if (err) {
		node->level = (struct cgroup_level){ .max = CGROUP_UNKNOWN,
						     .high = CGROUP_UNKNOWN,
						     .usage = CGROUP_UNKNOWN,
						     .swap_max = CGROUP_UNKNOWN,
						     .swap_usage = CGROUP_UNKNOWN,
						     .anonymous = CGROUP_UNKNOWN,
						     .reclaimable = CGROUP_UNKNOWN };
		return;
	}
	node->level = memory.levels[0];
	node->gone |= node->level.gone;
	node->counted_above = memory.levels_left_out > 0;
	cgroup_memory_release(&memory);
	node->level.path = NULL;
}

/* The item of the ancestor with that very path. */
static uint32_t item_of(const struct cgroups *cgroups, uint32_t index, const char *path)
{
	while (index != HOST_NO_CGROUP && cgroups->nodes[index].place.path != path)
		index = cgroups->nodes[index].parent;
	return cgroups_place(cgroups, index);
}

/* The limit that is reached first, of the cgroup and all that count it. */
static void set_limit(const struct cgroups *cgroups, uint32_t index, const struct limits_host *host,
		      struct host_cgroup *item)
{
	struct cgroup_memory chain = { .version = cgroups->nodes[index].place.version };
	struct limits limits;

	for (uint32_t at = index; at != HOST_NO_CGROUP && chain.nr_levels < CGROUP_LEVELS;) {
		const struct node *node = &cgroups->nodes[at];

		chain.levels[chain.nr_levels] = node->level;
		chain.levels[chain.nr_levels++].path = node->place.path;
		at = node->counted_above ? node->parent : HOST_NO_CGROUP;
	}
	limits_of_cgroup(&chain, host, &limits);
	item->limit = item->room = MEMORY_UNLIMITED;
	item->limit_cgroup = HOST_NO_CGROUP;
	for (size_t i = 0; i < limits.nr; i++) {
		const struct limit *limit = &limits.items[i];

		if (limit->kind != LIMIT_CGROUP_MAX && limit->kind != LIMIT_CGROUP_MEMSW)
			continue;
		item->limit = limit->bytes;
		item->room = limit->room;
		item->limit_cgroup = item_of(cgroups, index, limit->cgroup);
		return;
	}
}

static int add_item(struct cgroups *cgroups, uint32_t index, const struct limits_host *host)
{
	struct node *node = &cgroups->nodes[index];
	const struct cgroup_level *level = &node->level;
	struct host_cgroup *item;

	node->placed = cgroups->nr_items;
	item = vec_push(&cgroups->items, &cgroups->nr_items, &cgroups->cap_items);
	if (!item)
		return -ENOMEM;
	*item = (struct host_cgroup){
		.id = node->id,
		.path = node->place.path,
		.parent = node->parent == HOST_NO_CGROUP ? HOST_NO_CGROUP
							 : cgroups->nodes[node->parent].placed,
		.processes = node->processes,
		.gone = node->gone,
		.current = level->usage,
		.anonymous = level->anonymous,
		.reclaimable = level->reclaimable,
		.max = level->max,
		.high = level->high,
		.oom = level->oom,
		.oom_kill = level->oom_kill,
		.reached_max = level->reached_max,
		.reached_high = level->reached_high,
		.pressure = level->pressure,
	};
	set_limit(cgroups, index, host, item);
	return 0;
}

int cgroups_look(struct cgroups *cgroups, const struct limits_host *host,
		 const struct host_cgroup **ret_items, size_t *ret_nr)
{
	int err = 0;

	free(cgroups->mounts);
	cgroups->mounts = NULL;
	cgroups->nr_items = 0;
	for (size_t i = cgroups->nr; i-- > 0;) {
		struct node *node = &cgroups->nodes[i];

		node->used |= node->processes > 0;
		if (node->used && node->parent != HOST_NO_CGROUP)
			cgroups->nodes[node->parent].used = true;
	}
	for (size_t i = 0; i < cgroups->nr && !err; i++) {
		if (!cgroups->nodes[i].used)
			continue;
		read_node(cgroups, i);
		err = add_item(cgroups, i, host);
	}
	if (err)
		return err;
	*ret_items = cgroups->items;
	*ret_nr = cgroups->nr_items;
	return 0;
}

uint32_t cgroups_place(const struct cgroups *cgroups, uint32_t index)
{
	return index == HOST_NO_CGROUP ? index : cgroups->nodes[index].placed;
}

/* The nodes in use again in a new one, which takes the old one's place. */
static int copy_used(struct cgroups *to, const struct cgroups *from, uint32_t *moved)
{
	for (size_t i = 0; i < from->nr; i++) {
		const struct node *node = &from->nodes[i];
		size_t length = strcmp(node->place.path, "/") ? strlen(node->place.path) : 0;
		uint32_t parent = node->parent;
		const char *key;
		int err;

		moved[i] = HOST_NO_CGROUP;
		if (!node->used)
			continue;
		key = path_key(to->pool, &node->place, length);
		parent = parent == HOST_NO_CGROUP ? parent : moved[parent];
		err = key ? add_node(to, key, &node->place, length, parent) : -ENOMEM;
		if (err)
			return err;
		moved[i] = to->nr - 1;
		to->nodes[moved[i]].id = node->id;
		to->nodes[moved[i]].read = node->read;
		to->nodes[moved[i]].gone = node->gone;
		to->nodes[moved[i]].counted_above = node->counted_above;
		to->nodes[moved[i]].level = node->level;
		to->nodes[moved[i]].used = true;
	}
	return 0;
}

int cgroups_sweep(struct cgroups *cgroups, uint32_t **ret_moved)
{
	struct cgroups *fresh, old;
	size_t unused = 0;
	uint32_t *moved;
	int err;

	for (size_t i = 0; i < cgroups->nr; i++)
		unused += !cgroups->nodes[i].used;
	*ret_moved = NULL;
	if (unused <= cgroups->nr / 4 + UNUSED_KEPT && cgroups->nr < cgroups->max &&
	    hashmap_size(cgroups->by_text) <= TEXTS_PER_CGROUP * cgroups->max)
		return 0;
	moved = calloc(cgroups->nr + 1, sizeof(*moved));
	fresh = cgroups_new(cgroups->root, cgroups->max);
	err = moved && fresh ? copy_used(fresh, cgroups, moved) : -ENOMEM;
	if (err) {
		free(moved);
		cgroups_free(fresh);
		return err;
	}
	fresh->next_id = cgroups->next_id;
	fresh->look = cgroups->look;
	old = *cgroups;
	*cgroups = *fresh;
	*fresh = old;
	cgroups_free(fresh);
	*ret_moved = moved;
	return 0;
}

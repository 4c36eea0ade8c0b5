// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the way to a JVM's figures. It has its hsperfdata file mapped, and so the bytes are there
 * in its memory: no name of a user, no pid of a namespace and no file in a world-writable folder
 * is to be trusted.
 */
#include "jvm/jvm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory/remote.h"
#include "proc/maps.h"

static int read_at(pid_t pid, uint64_t address, size_t size, struct jvm_heap *ret_heap)
{
	uint8_t *bytes = malloc(size);
	struct remote *remote = NULL;
	int err = bytes ? remote_open(pid, &remote) : -ENOMEM;

	err = err ?: remote_read(remote, address, bytes, size);
	err = err ?: hsperfdata_parse(bytes, size, ret_heap);
	remote_free(remote);
	free(bytes);
	return err == -EFAULT ? -ENOENT : err;
}

int jvm_read(pid_t pid, struct jvm_heap *ret_heap)
{
	struct maps maps;
	int err = maps_read(pid, &maps);

	if (err)
		return err;
	err = -ENOENT;
	for (size_t i = 0; i < maps.nr; i++) {
		const struct mapping *mapping = &maps.items[i];
		uint64_t size = mapping->end - mapping->start;

		if (!strstr(mapping->path, "/hsperfdata_") || size > JVM_PERFDATA_BOUND)
			continue;
		err = read_at(pid, mapping->start, size, ret_heap);
		if (err != -EBADMSG)
			break;
	}
	maps_free(&maps);
	return err;
}

void jvm_point_set(const struct jvm_heap *heap, double time, double resident,
		   struct jvm_point *ret_point)
{
	/* A heap without generations (Z, Shenandoah) is all old. */
	const struct jvm_generation *old = &heap->generations[heap->nr_generations > 1];
	struct jvm_point point = {
		.time = time,
		.resident = resident,
		.metaspace = (double)heap->metaspace_capacity,
		.old_used = (double)old->used,
		.old_max = (double)old->max,
	};

	for (size_t i = 0; i < heap->nr_generations; i++)
		point.capacity += (double)heap->generations[i].capacity;
	for (size_t i = 0; i < heap->nr_collectors; i++) {
		point.pauses += heap->collectors[i].seconds;
		if (i || heap->nr_generations < 2)
			point.old_collections += (double)heap->collectors[i].invocations;
	}
	*ret_point = point;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns the choice of ranges that objects can be in. Knows maps, reads no memory. */
#include "memory/regions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

int regions_add(struct regions *regions, uint64_t start, uint64_t end, enum region_kind kind)
{
	struct region *last = regions->nr ? &regions->items[regions->nr - 1] : NULL, *item;

	if (end <= start || (last && start < last->end))
		return -EINVAL;
	if (last && last->end == start && last->kind == kind) {
		last->end = end;
	} else {
		item = vec_push(&regions->items, &regions->nr, &regions->cap);
		if (!item)
			return -ENOMEM;
		*item = (struct region){ start, end, kind };
	}
	regions->bytes += end - start;
	return 0;
}

static bool is_stack(const char *path)
{
	return strncmp(path, "[stack", 6) == 0;
}

/* vsyscall, vvar and their like are the kernel's; named anonymous memory ("[anon:") is not. */
static bool is_kernels(const char *path)
{
	return path[0] == '[' && !is_stack(path) && strcmp(path, "[heap]") != 0 &&
	       strncmp(path, "[anon", 5) != 0;
}

int regions_writable(const struct maps *maps, struct regions *ret_regions)
{
	struct regions regions = { 0 };

	for (size_t i = 0; i < maps->nr; i++) {
		const struct mapping *m = &maps->items[i];
		enum region_kind kind = m->inode ? REGION_FILE : REGION_ANONYMOUS;
		int err;

		if (!m->readable || !m->writable || m->shared || is_kernels(m->path))
			continue;
		err = regions_add(&regions, m->start, m->end,
				  is_stack(m->path) ? REGION_STACK : kind);
		/* Maps that overlap are torn: the first one counts. */
		if (err == -ENOMEM) {
			regions_free(&regions);
			return err;
		}
	}
	*ret_regions = regions;
	return 0;
}

void regions_free(struct regions *regions)
{
	free(regions->items);
	memset(regions, 0, sizeof(*regions));
}

const struct region *regions_find(const struct regions *regions, uint64_t address)
{
	size_t low = 0, high = regions->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct region *region = &regions->items[middle];

		if (address < region->start)
			high = middle;
		else if (address >= region->end)
			low = middle + 1;
		else
			return region;
	}
	return NULL;
}

bool regions_hold(const struct regions *regions, uint64_t address, uint64_t size)
{
	const struct region *region = regions_find(regions, address);

	return region && size <= region->end - address;
}

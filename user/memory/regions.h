/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ranges of a process in which it can have put objects: private and writable. */
#ifndef SEEP_MEMORY_REGIONS_H
#define SEEP_MEMORY_REGIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proc/maps.h"

enum region_kind {
	REGION_ANONYMOUS, /* heap, mmap: also the pages behind a file's data (bss) */
	REGION_FILE, /* a file's own data */
	REGION_STACK, /* of the first thread; others' are anonymous */
};

struct region {
	uint64_t start, end;
	enum region_kind kind;
};

struct regions {
	struct region *items; /* by address, none empty, none overlapping */
	size_t nr, cap;
	uint64_t bytes;
};

/* 0 or -ENOMEM. Free with regions_free, which accepts a zeroed struct. */
int regions_writable(const struct maps *maps, struct regions *ret_regions);
/* Adds one at the end; those that touch and are of one kind are joined. 0, -ENOMEM, -EINVAL. */
int regions_add(struct regions *regions, uint64_t start, uint64_t end, enum region_kind kind);
void regions_free(struct regions *regions);

/* The region that holds this address; NULL none. */
const struct region *regions_find(const struct regions *regions, uint64_t address);
/* Are these bytes in one region? */
bool regions_hold(const struct regions *regions, uint64_t address, uint64_t size);

#endif

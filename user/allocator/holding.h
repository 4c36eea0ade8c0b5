/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How much memory an allocator of a process has from the kernel and hands out to nobody. Read
 * from outside while the process runs: the figures are near, not exact.
 */
#ifndef SEEP_ALLOCATOR_HOLDING_H
#define SEEP_ALLOCATOR_HOLDING_H

#include <stdbool.h>
#include <stdint.h>

#include "memory/regions.h"
#include "memory/remote.h"

struct holding {
	const char *allocator; /* "glibc", "pymalloc" */
	uint64_t arenas;
	uint64_t held; /* bytes that it has from the kernel for small blocks */
	uint64_t free; /* of these, given to nobody */
	/* Of free: at the end of an arena, or whole pools; it could be given back or used at once.
	 */
	uint64_t free_whole;
	uint64_t pieces; /* free blocks, or pools with room, that the rest is made of */
	bool partly; /* lists were torn while they were read, or too long: it is more */
};

/*
 * glibc's malloc: all arenas, without the per-thread caches (at most some 100 KiB a thread) and
 * without blocks of their own mapping, which are given back when freed. It needs no symbols:
 * main_arena is found by its shape. 0; -ENOENT: no such allocator, or never used; -ESRCH,
 * -EACCES, -ENOMEM.
 */
int holding_glibc(struct remote *remote, const struct regions *regions,
		  struct holding *ret_holding);

/*
 * CPython's own, 2.7 to 3.14, likewise by shape. Its arenas are mappings, none of glibc's. To find
 * it, whatever may be a pointer is followed, though not into pages that the process does not use:
 * of them `pagemap` tells, an open /proc/PID/pagemap, or -1.
 */
int holding_pymalloc(struct remote *remote, const struct regions *regions, int pagemap,
		     struct holding *ret_holding);

#endif

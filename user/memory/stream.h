/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All the memory in some regions once, in order, through one reused buffer: the fastest
 * way over a heap, in constant memory. Several threads can share the work. Pages that the
 * process has never touched are left out, where the kernel tells which (pagemap): reading
 * them would make it map them.
 */
#ifndef SEEP_MEMORY_STREAM_H
#define SEEP_MEMORY_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory/regions.h"
#include "memory/remote.h"

enum { STREAM_LOOKAHEAD = 256 };

struct stream_chunk {
	uint64_t address;
	const uint8_t *bytes; /* 16-byte aligned as the address is; ends with the call */
	size_t size; /* bytes that are this chunk's: what begins in them belongs to it */
	/* Bytes that can be read from `bytes` on: up to STREAM_LOOKAHEAD more than `size`. */
	size_t readable;
};

struct stream_totals {
	uint64_t read; /* bytes */
	uint64_t skipped; /* never touched */
	uint64_t failed; /* bytes that could not be read: unmapped meanwhile */
};

/* Other than 0 ends the stream and is returned. */
typedef int (*stream_fn)(void *context, const struct stream_chunk *chunk);

/*
 * `pagemap` is an open /proc/PID/pagemap, or -1: then everything is read. 0, -ESRCH,
 * -EACCES, -ENOMEM, or what `each` returned. *ret_totals is set in every case.
 */
int stream_regions(struct remote *remote, const struct regions *regions, int pagemap,
		   stream_fn each, void *context, struct stream_totals *ret_totals);

/*
 * The same by `nr` threads, each of which has a context of its own and takes a piece of
 * some MiB after the other: in order within a piece. The first that `each` ends ends all. What
 * the remote is made of must bear several readers at once.
 */
int stream_regions_shared(struct remote *remote, const struct regions *regions, int pagemap,
			  stream_fn each, void *const *contexts, size_t nr,
			  struct stream_totals *ret_totals);

/* /proc/PID/pagemap: a descriptor to close, or -errno. */
int stream_open_pagemap(int pid);
/* Has the process touched the page at this address, and kept it? Where it is not told: yes. */
bool stream_page_in_use(int pagemap, uint64_t address);

#endif

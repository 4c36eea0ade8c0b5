// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the one buffer through which all memory of a process passes. A chunk is read together
 * with the bytes after it, so that whoever looks for something that begins in a
 * chunk sees it whole. The buffer fits in a second level cache: a fresh page of our own for
 * each page of theirs would cost more than the copy.
 *
 * /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst) has a word of 64 bits for each page:
 * bit 63 present, bit 62 swapped out. Neither: never touched, or given back.
 */
#include "memory/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	CHUNK = 256 << 10,
	PAGE = 4096,
	MAP_WORDS = CHUNK / PAGE,
};

#define PAGE_PRESENT (UINT64_C(1) << 63)
#define PAGE_SWAPPED (UINT64_C(1) << 62)

struct stream {
	struct remote *remote;
	uint8_t *buffer;
	int pagemap;
	long page_size;
	stream_fn each;
	void *context;
	struct stream_totals totals;
	/* The pages from `map_start` on, as the kernel last told. */
	uint64_t map_start;
	size_t map_nr;
	uint64_t map[MAP_WORDS];
};

int stream_open_pagemap(int pid)
{
	char path[sizeof("/proc//pagemap") + 12];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Was this page ever touched? Where it is not told: yes. */
static bool in_use(struct stream *s, uint64_t page)
{
	ssize_t got;

	if (s->pagemap < 0)
		return true;
	if (page < s->map_start || page - s->map_start >= s->map_nr) {
		got = pread(s->pagemap, s->map, sizeof(s->map), (off_t)(page * sizeof(*s->map)));
		s->map_start = page;
		s->map_nr = got > 0 ? (size_t)got / sizeof(*s->map) : 0;
		if (!s->map_nr)
			return true;
	}
	return s->map[page - s->map_start] & (PAGE_PRESENT | PAGE_SWAPPED);
}

/* From `start` on: the end of the run of pages that are (or are not) in use. */
static uint64_t run_end(struct stream *s, uint64_t start, uint64_t end, bool used)
{
	uint64_t page = start / s->page_size;

	while (page * s->page_size < end && in_use(s, page) == used)
		page++;
	return page * s->page_size < end ? page * s->page_size : end;
}

static int pass_on(struct stream *s, uint64_t address, size_t size, size_t readable)
{
	const struct stream_chunk chunk = {
		.address = address,
		.bytes = s->buffer,
		.size = size,
		.readable = readable,
	};

	return s->each(s->context, &chunk);
}

/* The bytes from start to end, which were in use; reading goes on to `limit` for what begins. */
static int stream_run(struct stream *s, uint64_t start, uint64_t end, uint64_t limit)
{
	while (start < end) {
		size_t size = end - start < CHUNK ? end - start : CHUNK;
		size_t want = limit - start < size + STREAM_LOOKAHEAD ? limit - start
								      : size + STREAM_LOOKAHEAD;
		ssize_t got = remote_read_some(s->remote, start, s->buffer, want);
		int err;

		if (got < 0)
			return got;
		s->totals.read += got;
		err = got ? pass_on(s, start, (size_t)got < size ? (size_t)got : size, got) : 0;
		if (err)
			return err;
		start += size;
		/* A page in the middle has gone: on after it. */
		if ((size_t)got < size) {
			uint64_t hole = start - size + got;
			uint64_t next = (hole / s->page_size + 1) * s->page_size;

			s->totals.failed += (next < start ? next : start) - hole;
			start = next < start ? next : start;
		}
	}
	return 0;
}

static int stream_region(struct stream *s, const struct region *region)
{
	uint64_t at = region->start;

	while (at < region->end) {
		uint64_t end = run_end(s, at, region->end, false);
		int err;

		s->totals.skipped += end - at;
		at = end;
		if (at == region->end)
			break;
		end = run_end(s, at, region->end, true);
		/* What begins in a run may go on in a page that it touched since we asked. */
		err = stream_run(s, at, end, region->end);
		if (err)
			return err;
		at = end;
	}
	return 0;
}

int stream_regions(struct remote *remote, const struct regions *regions, int pagemap,
		   stream_fn each, void *context, struct stream_totals *ret_totals)
{
	struct stream *s = calloc(1, sizeof(*s));
	int err = 0;

	*ret_totals = (struct stream_totals){ 0 };
	if (!s)
		return -ENOMEM;
	s->buffer = aligned_alloc(PAGE, CHUNK + PAGE);
	s->remote = remote;
	s->pagemap = pagemap;
	s->page_size = sysconf(_SC_PAGESIZE);
	s->each = each;
	s->context = context;
	for (size_t i = 0; !err && s->buffer && i < regions->nr; i++)
		err = stream_region(s, &regions->items[i]);
	err = s->buffer ? err : -ENOMEM;
	*ret_totals = s->totals;
	free(s->buffer);
	free(s);
	return err;
}

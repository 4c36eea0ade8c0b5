// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the one buffer, of each thread, through which all memory of a process passes. A chunk is
 * read together with the bytes after it, so that whoever looks for something that begins in a
 * chunk sees it whole. The buffer fits in a second level cache: a fresh page of our own for
 * each page of theirs would cost more than the copy.
 *
 * Copying is bound by how fast one processor gets at memory that it does not have in its caches,
 * 5 to 6 GB a second; two get nearly twice that. So threads share by pieces, small enough
 * that none waits long for another at the end.
 *
 * /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst) has a word of 64 bits for each page:
 * bit 63 present, bit 62 swapped out. Neither: never touched, or given back.
 */
#include "memory/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/parallel.h"

enum {
	CHUNK = 256 << 10,
	PIECE = 4 << 20,
	PAGE = 4096,
	MAP_WORDS = CHUNK / PAGE,
};

#define PAGE_PRESENT (UINT64_C(1) << 63)
#define PAGE_SWAPPED (UINT64_C(1) << 62)

/* Of one thread. */
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

/* Of all of them: what is left to do. */
struct work {
	struct remote *remote;
	const struct regions *regions;
	int pagemap;
	stream_fn each;
	void *const *contexts;
	pthread_mutex_t lock; /* of what follows */
	size_t region;
	uint64_t at; /* within that region; 0: at its start */
	int result; /* other than 0: it is over */
	struct stream_totals totals;
};

int stream_open_pagemap(int pid)
{
	char path[sizeof("/proc//pagemap") + 12];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

bool stream_page_in_use(int pagemap, uint64_t address)
{
	uint64_t page = address / (uint64_t)sysconf(_SC_PAGESIZE), word;

	if (pread(pagemap, &word, sizeof(word), (off_t)(page * sizeof(word))) != sizeof(word))
		return true;
	return word & (PAGE_PRESENT | PAGE_SWAPPED);
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

/* From start to end, in the region that ends at `limit`. */
static int stream_piece(struct stream *s, uint64_t start, uint64_t end, uint64_t limit)
{
	uint64_t at = start;

	while (at < end) {
		uint64_t next = run_end(s, at, end, false);
		int err;

		s->totals.skipped += next - at;
		at = next;
		if (at == end)
			break;
		next = run_end(s, at, end, true);
		/* What begins in a run may go on in a page that it touched since we asked. */
		err = stream_run(s, at, next, limit);
		if (err)
			return err;
		at = next;
	}
	return 0;
}

/* False: nothing is left. */
static bool take_piece(struct work *work, uint64_t *start, uint64_t *end, uint64_t *limit)
{
	bool taken = false;

	pthread_mutex_lock(&work->lock);
	if (!work->result && work->region < work->regions->nr) {
		const struct region *region = &work->regions->items[work->region];

		*start = work->at ? work->at : region->start;
		*limit = region->end;
		*end = *limit - *start > PIECE ? *start + PIECE : *limit;
		work->at = *end == *limit ? 0 : *end;
		work->region += *end == *limit;
		taken = true;
	}
	pthread_mutex_unlock(&work->lock);
	return taken;
}

static void add_up(struct work *work, const struct stream_totals *totals, int result)
{
	pthread_mutex_lock(&work->lock);
	work->totals.read += totals->read;
	work->totals.skipped += totals->skipped;
	work->totals.failed += totals->failed;
	if (!work->result)
		work->result = result;
	pthread_mutex_unlock(&work->lock);
}

static void stream_pieces(void *context, size_t index)
{
	struct work *work = context;
	struct stream *s = calloc(1, sizeof(*s));
	uint64_t start, end, limit;
	int err = 0;

	if (s)
		s->buffer = aligned_alloc(PAGE, CHUNK + PAGE);
	if (!s || !s->buffer) {
		add_up(work, &(struct stream_totals){ 0 }, -ENOMEM);
		free(s);
		return;
	}
	s->remote = work->remote;
	s->pagemap = work->pagemap;
	s->page_size = sysconf(_SC_PAGESIZE);
	s->each = work->each;
	s->context = work->contexts[index];
	while (!err && take_piece(work, &start, &end, &limit))
		err = stream_piece(s, start, end, limit);
	add_up(work, &s->totals, err);
	free(s->buffer);
	free(s);
}

int stream_regions_shared(struct remote *remote, const struct regions *regions, int pagemap,
			  stream_fn each, void *const *contexts, size_t nr,
			  struct stream_totals *ret_totals)
{
	struct work work = {
		.remote = remote,
		.regions = regions,
		.pagemap = pagemap,
		.each = each,
		.contexts = contexts,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};

	parallel_each(nr, stream_pieces, &work);
	*ret_totals = work.totals;
	return work.result;
}

int stream_regions(struct remote *remote, const struct regions *regions, int pagemap,
		   stream_fn each, void *context, struct stream_totals *ret_totals)
{
	return stream_regions_shared(remote, regions, pagemap, each, &context, 1, ret_totals);
}

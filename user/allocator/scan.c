// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the walk over the variables of files: .data is a private writable mapping of a file, .bss
 * the anonymous one that begins where it ends. Bounded in all, since a program can have gigabytes
 * of bss. Knows no structure.
 */
#include "allocator/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 20 };
static const uint64_t BOUND = 256 << 20, BSS_BOUND = 64 << 20;

static int scan_range(struct remote *remote, uint64_t from, uint64_t to, size_t nr_words,
		      uint64_t *words, scan_match *match, void *context)
{
	while (to - from >= nr_words * 8) {
		size_t size = to - from < CHUNK ? to - from : CHUNK;
		ssize_t got = remote_read_some(remote, from, words, size);
		size_t have;

		if (got < 0)
			return (int)got;
		have = (size_t)got / 8;
		for (size_t i = 0; i + nr_words <= have; i++)
			if (match(context, from + i * 8, &words[i]))
				return 0;
		/* The last ones are looked at again with what follows them. */
		if (have < nr_words || (size_t)got < size)
			return -ENOENT;
		from += (have - nr_words + 1) * 8;
	}
	return -ENOENT;
}

int scan_variables(struct remote *remote, const struct regions *regions, size_t nr_words,
		   scan_match *match, void *context)
{
	uint64_t *words = malloc(CHUNK), scanned = 0;
	int err = words ? -ENOENT : -ENOMEM;

	for (size_t i = 0; i < regions->nr && err == -ENOENT && scanned < BOUND; i++) {
		const struct region *region = &regions->items[i];
		bool follows = i && region[-1].kind == REGION_FILE &&
			       region[-1].end == region->start && region->kind == REGION_ANONYMOUS;
		uint64_t end = region->end;

		if (region->kind != REGION_FILE && !follows)
			continue;
		if (end - region->start > BSS_BOUND)
			end = region->start + BSS_BOUND;
		scanned += end - region->start;
		err = scan_range(remote, region->start, end, nr_words, words, match, context);
	}
	free(words);
	return err;
}

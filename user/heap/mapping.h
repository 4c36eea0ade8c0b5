/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The mappings that a space has made since the capture began, as a set of disjoint ranges.
 * Unmapping any range trims, splits or removes what it meets; a mapping made over others
 * replaces them. A mapping counts as one for as long as any piece of it is left.
 */
#ifndef SEEP_HEAP_MAPPING_H
#define SEEP_HEAP_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAPPINGS_MAX 131072 /* pieces of one space; beyond, new mappings are refused */

struct piece {
	uint64_t begin, end; /* end is the first address behind */
	uint32_t origin; /* the mapping it is a piece of; see mappings_drop */
	uint32_t born; /* milliseconds since the capture began */
	uint32_t site;
	bool in_allocator; /* belongs to an allocator: tracked, not accounted */
};

/* Pieces taken out of the set; the owner frees `items`. Starts as {0}. */
struct pieces {
	struct piece *items;
	size_t nr, cap;
};

struct mappings;

struct mappings *mappings_new(void);
void mappings_free(struct mappings *mappings);

/*
 * Moves whatever lies in [begin, end) out of the set to the end of *pieces, pieces cut at
 * the borders. 0 or -ENOMEM, with both unchanged.
 */
int mappings_cut(struct mappings *mappings, uint64_t begin, uint64_t end, struct pieces *pieces);

/*
 * Adds a new mapping; the range must have been cut out before. -ENOSPC at the bound,
 * -ENOMEM.
 */
int mappings_add(struct mappings *mappings, const struct piece *piece);

/*
 * Puts a piece back after its unmapping failed. What of its range is taken by now is lost:
 * *ret_lost bytes of it, and *ret_ended says that nothing of its mapping is left.
 * 0 or -ENOMEM, the piece then all lost.
 */
int mappings_restore(struct mappings *mappings, const struct piece *piece, uint64_t *ret_lost,
		     bool *ret_ended);

/* Gives a piece up that was cut out. True when its mapping has no piece left. */
bool mappings_drop(struct mappings *mappings, const struct piece *piece);

const struct piece *mappings_pieces(const struct mappings *mappings, size_t *ret_nr);
/* Origins are below this. */
size_t mappings_origins(const struct mappings *mappings);
uint64_t mappings_bytes(const struct mappings *mappings);

#endif

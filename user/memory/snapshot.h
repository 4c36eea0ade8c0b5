/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The parts of a process's memory that were looked at, as they were at the first look: for
 * who follows pointers through the same memory for a second or more. A block is read whole
 * when first needed. What was marked to be kept stays; of the rest only the latest blocks.
 */
#ifndef SEEP_MEMORY_SNAPSHOT_H
#define SEEP_MEMORY_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#include "memory/remote.h"

struct snapshot;

enum { SNAPSHOT_BLOCK = 64 << 10 };

/* Holds `window` bytes besides what is kept, in all `limit` bytes. NULL when out of memory. */
struct snapshot *snapshot_new(struct remote *remote, uint64_t window, uint64_t limit);
void snapshot_free(struct snapshot *snapshot);

/* Reads through the snapshot; the snapshot's own, to be used no longer than it. */
struct remote *snapshot_remote(struct snapshot *snapshot);
void snapshot_set_window(struct snapshot *snapshot, uint64_t window);
/* The block with this address stays, if it was read and there is room. */
void snapshot_keep(struct snapshot *snapshot, uint64_t address);

/*
 * `size` bytes (no more than a block) at an address: where they lie, or a copy in `spill`
 * when they are in two blocks. Valid until the next call. NULL when not all can be read.
 */
const uint8_t *snapshot_bytes(struct snapshot *snapshot, uint64_t address, size_t size,
			      void *spill);
/* A word; 0 when it cannot be read. */
uint64_t snapshot_word(struct snapshot *snapshot, uint64_t address);

/* The most bytes it held at any time. */
uint64_t snapshot_peak(const struct snapshot *snapshot);

#endif

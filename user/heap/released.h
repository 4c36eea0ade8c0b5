/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Inside the heap: which addresses have been released in the capture. Whatever was allocated
 * before it can be released only once, and never where a release has been seen already.
 */
#ifndef SEEP_HEAP_RELEASED_H
#define SEEP_HEAP_RELEASED_H

#include <stdbool.h>
#include <stdint.h>

struct released;

/* Bounded by max_bytes, and at half a MiB anyway; 0: that alone. NULL when out of memory. */
struct released *released_new(uint64_t max_bytes);
void released_free(struct released *released);

/*
 * Notes a release. True when one of the same address was noted before, since the last
 * released_forget. Of more addresses than there is room for the later ones are known.
 */
bool released_note(struct released *released, uint32_t space, uint64_t address);

/* From now on nothing is known of any address. */
void released_forget(struct released *released);

uint64_t released_bytes(const struct released *released);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From the bytes of one ring buffer record to a call of the handler of its kind. Bytes are
 * not trusted: a record that is too short, of an unknown kind, or says of itself what cannot
 * be is counted and passed over.
 */
#ifndef SEEP_INGEST_DECODE_H
#define SEEP_INGEST_DECODE_H

#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

#include "../../bpf/event.h"

/*
 * Each may be NULL: the record is then counted, and left at that. A record is valid during
 * the call only, and aligned. Handlers return 0 or -errno.
 */
struct decode_ops {
	int (*alloc)(void *context, const struct seep_alloc *alloc);
	int (*release)(void *context, const struct seep_free *release);
	int (*realloc_begin)(void *context, const struct seep_free *old);
	int (*realloc_end)(void *context, const struct seep_alloc *moved);
	int (*stack)(void *context, const struct seep_stack *stack);
	int (*space)(void *context, const struct seep_space *space);
	int (*mapping)(void *context, const struct seep_map *map); /* SEEP_MAP .. SEEP_BRK */
	int (*new_code)(void *context, const struct seep_map *map);
};

struct decode_counts {
	uint64_t events; /* records, bad ones included */
	uint64_t bad_records;
	uint64_t by_kind[SEEP_KIND_COUNT];
};

/* -EBADMSG for a bad record; else what the handler returned. */
int decode_record(const struct decode_ops *ops, void *context, const void *data, size_t size,
		  struct decode_counts *counts);

#endif

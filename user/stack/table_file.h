/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An unwind table as bytes: what the cache keeps on disk. */
#ifndef SEEP_STACK_TABLE_FILE_H
#define SEEP_STACK_TABLE_FILE_H

#include "stack/unwind_table.h"

enum { TABLE_BUILD_ID_MAX = 64 };

/* Which table of which file. */
struct table_key {
	uint8_t build_id[TABLE_BUILD_ID_MAX];
	uint32_t build_id_length;
	bool full;
	/*
	 * Of the bytes that the table is made from, as a build id is what a file says of
	 * itself: one that lies must not name the tables of another.
	 */
	uint64_t identity;
};

/* A hash of any bytes, continued from `seed`. It finds accidents, not forgers. */
uint64_t table_file_hash(const void *bytes, size_t size, uint64_t seed);

/* Bytes that the caller frees. 0 or -ENOMEM. */
int table_file_encode(const struct unwind_table *table, const struct table_key *key,
		      void **ret_bytes, size_t *ret_size);
/*
 * 0 with a table to free; -EINVAL for anything else than a whole file of this version with
 * this key, all of whose numbers are in bounds; -ENOMEM.
 */
int table_file_decode(const void *bytes, size_t size, const struct table_key *key,
		      struct unwind_table **ret_table);

/* Makes the checksum right again after the bytes (a header at least) were changed: for tests. */
void table_file_seal(void *bytes, size_t size);

#endif

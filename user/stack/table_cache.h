/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Unwind tables kept on disk between runs, by build id: one file a table. The directory
 * may be shared by any number of processes at once. A file that is damaged, of another
 * version or not our own is as good as none. Not safe for threads: one cache each.
 */
#ifndef SEEP_STACK_TABLE_CACHE_H
#define SEEP_STACK_TABLE_CACHE_H

#include "stack/table_file.h"
#include "stack/unwind_table.h"

struct table_cache;

struct table_cache_options {
	/*
	 * Its parent must exist. NULL: $XDG_CACHE_HOME/seep/unwind, else for root
	 * /var/cache/seep/unwind, for others $HOME/.cache/seep/unwind.
	 */
	const char *directory;
	uint64_t max_bytes; /* of all files; 0: 512 MiB */
};

struct table_cache_stats {
	uint64_t hits, misses;
	uint64_t rejected; /* files that were there and not right */
	uint64_t stored, not_stored; /* of tables built: no room, no right to write */
	uint64_t evicted; /* files removed to make room */
};

/*
 * Makes the directory, mode 0700, where there is none. 0; -EPERM when it is another
 * user's or others may write to it; -ELOOP, -ENOTDIR when it is a link or no directory;
 * -ENOENT, -EACCES, -ENOMEM.
 */
int table_cache_open(const struct table_cache_options *options, struct table_cache **ret_cache);
void table_cache_free(struct table_cache *cache);

/*
 * The table of the file, from the cache or else built and put there. Errors are those of
 * unwind_table_build alone: a cache that cannot be used is none, and so is NULL.
 */
int table_cache_build(struct table_cache *cache, int fd, const struct unwind_table_options *options,
		      struct unwind_table **ret_table);

/* The key of a file's table. 0, -ENOENT when it has no build id, else as unwind_table_build. */
int table_cache_key(int fd, const struct unwind_table_options *options, struct table_key *ret_key);
/* 0, -ENOENT, -ENOMEM. */
int table_cache_get(struct table_cache *cache, const struct table_key *key,
		    struct unwind_table **ret_table);
/* 0, -EFBIG when it is larger than all may be, -errno. Older tables may be removed for it. */
int table_cache_put(struct table_cache *cache, const struct table_key *key,
		    const struct unwind_table *table);

struct table_cache_stats table_cache_stats(const struct table_cache *cache);

#endif

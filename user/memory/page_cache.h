/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading here and there, for who follows pointers: whole pages are kept, so many small
 * reads cost few calls. What is kept is as old as its first read: forget it to look anew.
 */
#ifndef SEEP_MEMORY_PAGE_CACHE_H
#define SEEP_MEMORY_PAGE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory/remote.h"

struct page_cache;

/* Keeps up to `pages` pages (rounded up to a power of two). NULL when out of memory. */
struct page_cache *page_cache_new(struct remote *remote, size_t pages);
void page_cache_free(struct page_cache *cache);
void page_cache_forget(struct page_cache *cache);
/*
 * Pages that the process has never touched, has given back, or does not have are zeros, and are
 * not read: that would make it map them. For who follows what may be no pointer. `pagemap` is
 * an open /proc/PID/pagemap that outlives the cache, or -1.
 */
void page_cache_skip_untouched(struct page_cache *cache, int pagemap);

/* All bytes, over page borders too: 0, -EFAULT, -ESRCH, -EACCES. */
int page_cache_read(struct page_cache *cache, uint64_t address, void *bytes, size_t size);
/*
 * A string that ends within `size` - 1 bytes, else what there is up to there, always with
 * a NUL. 0, or an error when not even its first byte can be read.
 */
int page_cache_string(struct page_cache *cache, uint64_t address, char *text, size_t size);

static inline int page_cache_u64(struct page_cache *cache, uint64_t address, uint64_t *ret_value)
{
	return page_cache_read(cache, address, ret_value, sizeof(*ret_value));
}

static inline int page_cache_u32(struct page_cache *cache, uint64_t address, uint32_t *ret_value)
{
	return page_cache_read(cache, address, ret_value, sizeof(*ret_value));
}

#endif

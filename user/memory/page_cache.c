// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns copies of pages, each in the one slot that its number hashes to: no lists, no
 * eviction to manage, and a bound on memory. A page that could not be read is remembered
 * too, so that a wild pointer costs one call however often it is followed.
 */
#include "memory/page_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"
#include "memory/stream.h"

enum { PAGE_BYTES = 4096, PAGE_SHIFT = 12 };

#define NO_PAGE UINT64_MAX

struct slot {
	uint64_t page; /* NO_PAGE: empty */
	int error; /* of reading it */
};

struct page_cache {
	struct remote *remote;
	int pagemap; /* -1: all are read */
	struct slot *slots;
	uint8_t (*pages)[PAGE_BYTES];
	size_t mask;
};

struct page_cache *page_cache_new(struct remote *remote, size_t pages)
{
	struct page_cache *cache = calloc(1, sizeof(*cache));
	size_t slots = 1;

	if (!cache)
		return NULL;
	while (slots < pages)
		slots *= 2;
	cache->remote = remote;
	cache->pagemap = -1;
	cache->mask = slots - 1;
	cache->slots = malloc(slots * sizeof(*cache->slots));
	/* Not cleared: only what is used becomes resident. */
	cache->pages = malloc(slots * PAGE_BYTES);
	if (!cache->slots || !cache->pages) {
		page_cache_free(cache);
		return NULL;
	}
	page_cache_forget(cache);
	return cache;
}

void page_cache_free(struct page_cache *cache)
{
	if (!cache)
		return;
	free(cache->slots);
	free(cache->pages);
	free(cache);
}

void page_cache_forget(struct page_cache *cache)
{
	for (size_t i = 0; i <= cache->mask; i++)
		cache->slots[i].page = NO_PAGE;
}

void page_cache_skip_untouched(struct page_cache *cache, int pagemap)
{
	cache->pagemap = pagemap;
}

static int read_page(struct page_cache *cache, uint64_t page, uint8_t *bytes)
{
	if (cache->pagemap >= 0 && !stream_page_in_use(cache->pagemap, page << PAGE_SHIFT)) {
		memset(bytes, 0, PAGE_BYTES);
		return 0;
	}
	return remote_read(cache->remote, page << PAGE_SHIFT, bytes, PAGE_BYTES);
}

/* The bytes of a page, or NULL with *ret_error set. */
static const uint8_t *page_of(struct page_cache *cache, uint64_t page, int *ret_error)
{
	size_t i = hash_mix(page) & cache->mask;
	struct slot *slot = &cache->slots[i];

	if (slot->page != page) {
		slot->error = read_page(cache, page, cache->pages[i]);
		slot->page = page;
	}
	*ret_error = slot->error;
	return slot->error ? NULL : cache->pages[i];
}

int page_cache_read(struct page_cache *cache, uint64_t address, void *bytes, size_t size)
{
	uint8_t *to = bytes;

	if (size && address > UINT64_MAX - (size - 1))
		return -EFAULT;
	while (size) {
		size_t offset = address & (PAGE_BYTES - 1);
		size_t length = PAGE_BYTES - offset < size ? PAGE_BYTES - offset : size;
		int err;
		const uint8_t *page = page_of(cache, address >> PAGE_SHIFT, &err);

		if (!page)
			return err;
		memcpy(to, page + offset, length);
		to += length;
		address += length;
		size -= length;
	}
	return 0;
}

int page_cache_string(struct page_cache *cache, uint64_t address, char *text, size_t size)
{
	size_t done = 0;
	int err = -EFAULT;

	while (done + 1 < size) {
		size_t offset = address & (PAGE_BYTES - 1), length = PAGE_BYTES - offset;
		const uint8_t *page = page_of(cache, address >> PAGE_SHIFT, &err);
		const uint8_t *end;

		if (!page)
			break;
		if (length > size - 1 - done)
			length = size - 1 - done;
		end = memchr(page + offset, '\0', length);
		if (end)
			length = end - (page + offset);
		memcpy(text + done, page + offset, length);
		done += length;
		address += length;
		if (end)
			break;
	}
	if (!done && err)
		return err;
	text[done] = '\0';
	return 0;
}

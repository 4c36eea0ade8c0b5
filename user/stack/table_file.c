// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the format of a table on disk: a header, pages, rows, rules, as they are in memory.
 * The checksum finds what disks and crashes do; then every index is checked, as a table
 * goes on into the kernel side. It must not know where files are.
 */
#include "stack/table_file.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"

static const char MAGIC[8] = "SEEPUNW";
enum {
	VERSION = 2, /* to be raised when the meaning of any byte changes, rules included */
	MAX_PAGES = 1 << 18,
	MAX_ROWS = 1 << 24,
};

struct header {
	char magic[8];
	uint32_t version;
	uint32_t header_size;
	uint64_t checksum; /* of the bytes after it */
	uint64_t identity;
	uint64_t first_page;
	uint32_t nr_pages, nr_rows, nr_rules;
	uint16_t machine;
	uint16_t full;
	uint32_t build_id_length;
	uint32_t reserved;
	uint8_t build_id[TABLE_BUILD_ID_MAX];
	struct unwind_table_stats stats;
};
_Static_assert(sizeof(struct header) == 232, "no padding, which would be written");

enum { SEALED = offsetof(struct header, identity) };

uint64_t table_file_hash(const void *bytes, size_t size, uint64_t seed)
{
	const uint8_t *at = bytes;
	uint64_t hash = hash_mix(seed ^ size), word;

	for (; size >= sizeof(word); size -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 29;
	}
	word = 0;
	memcpy(&word, at, size);
	return hash_mix(hash ^ word);
}

void table_file_seal(void *bytes, size_t size)
{
	uint64_t checksum = table_file_hash((char *)bytes + SEALED, size - SEALED, VERSION);

	memcpy((char *)bytes + offsetof(struct header, checksum), &checksum, sizeof(checksum));
}

static size_t file_size(const struct header *header)
{
	return sizeof(*header) + header->nr_pages * sizeof(struct seep_unwind_page) +
	       header->nr_rows * sizeof(uint32_t) +
	       header->nr_rules * sizeof(struct seep_unwind_rule);
}

static char *append(char *at, const void *bytes, size_t size)
{
	return (char *)memcpy(at, bytes, size) + size;
}

int table_file_encode(const struct unwind_table *table, const struct table_key *key,
		      void **ret_bytes, size_t *ret_size)
{
	struct unwind_table_view view = unwind_table_view(table);
	struct header header = {
		.version = VERSION,
		.header_size = sizeof(header),
		.identity = key->identity,
		.first_page = view.first_page,
		.nr_pages = view.nr_pages,
		.nr_rows = view.nr_rows,
		.nr_rules = view.nr_rules,
		.machine = view.machine,
		.full = view.full,
		.build_id_length = key->build_id_length,
		.stats = view.stats,
	};
	size_t size = file_size(&header);
	char *bytes = malloc(size), *at;

	if (!bytes)
		return -ENOMEM;
	memcpy(header.magic, MAGIC, sizeof(MAGIC));
	memcpy(header.build_id, key->build_id, key->build_id_length);
	at = append(bytes, &header, sizeof(header));
	at = append(at, view.pages, view.nr_pages * sizeof(*view.pages));
	at = append(at, view.rows, view.nr_rows * sizeof(*view.rows));
	append(at, view.rules, view.nr_rules * sizeof(*view.rules));
	table_file_seal(bytes, size);
	*ret_bytes = bytes;
	*ret_size = size;
	return 0;
}

static bool header_is_right(const struct header *header, size_t size, const struct table_key *key)
{
	return !memcmp(header->magic, MAGIC, sizeof(MAGIC)) && header->version == VERSION &&
	       header->header_size == sizeof(*header) && header->identity == key->identity &&
	       header->full == key->full && header->build_id_length == key->build_id_length &&
	       !memcmp(header->build_id, key->build_id, key->build_id_length) &&
	       (header->machine == EM_X86_64 || header->machine == EM_AARCH64) &&
	       header->nr_pages && header->nr_pages <= MAX_PAGES && header->nr_rows <= MAX_ROWS &&
	       header->nr_rules && header->nr_rules <= SEEP_UNWIND_RULES_MAX &&
	       header->first_page <= (UINT64_MAX >> SEEP_PAGE_SHIFT) - MAX_PAGES &&
	       size == file_size(header);
}

/* The rows of a page: from offset 0, ascending, with rules that exist. */
static bool page_is_right(const uint32_t *rows, uint32_t nr_rows, uint32_t nr_rules)
{
	if (nr_rows && SEEP_UNWIND_ROW_OFFSET(rows[0]) != 0)
		return false;
	for (uint32_t i = 0; i < nr_rows; i++) {
		uint32_t offset = SEEP_UNWIND_ROW_OFFSET(rows[i]);

		if (SEEP_UNWIND_ROW_RULE(rows[i]) >= nr_rules || offset >> SEEP_PAGE_SHIFT ||
		    (i && offset <= SEEP_UNWIND_ROW_OFFSET(rows[i - 1])))
			return false;
	}
	return true;
}

/* The pages take the rows one after the other, without a rest. */
static bool pages_are_right(const struct unwind_table_view *view)
{
	uint32_t next = 0;

	for (uint32_t i = 0; i < view->nr_pages; i++) {
		const struct seep_unwind_page *page = &view->pages[i];

		if (page->first_row != next || page->nr_rows > SEEP_PAGE_ROWS_MAX ||
		    page->nr_rows > view->nr_rows - next || page->reserved ||
		    !page_is_right(view->rows + next, page->nr_rows, view->nr_rules))
			return false;
		next += page->nr_rows;
	}
	return next == view->nr_rows;
}

static bool rules_are_right(const struct unwind_table_view *view)
{
	for (uint32_t i = 0; i < view->nr_rules; i++) {
		const struct seep_unwind_rule *rule = &view->rules[i];

		if (rule->cfa >= SEEP_CFA_COUNT || rule->fp >= SEEP_WHERE_COUNT ||
		    rule->ra > SEEP_WHERE_CFA)
			return false;
	}
	return view->rules[SEEP_UNWIND_NO_RULE].cfa == SEEP_CFA_NONE;
}

/* A copy of the next bytes, which there are; NULL when out of memory. */
static void *take(const char **at, size_t size)
{
	void *copy = malloc(size ? size : 1);

	if (copy)
		memcpy(copy, *at, size);
	*at += size;
	return copy;
}

int table_file_decode(const void *bytes, size_t size, const struct table_key *key,
		      struct unwind_table **ret_table)
{
	const char *at = (const char *)bytes + sizeof(struct header);
	struct unwind_table_view view;
	struct header header;
	int err = 0;

	if (size < sizeof(header))
		return -EINVAL;
	memcpy(&header, bytes, sizeof(header));
	if (!header_is_right(&header, size, key) ||
	    header.checksum !=
		    table_file_hash((const char *)bytes + SEALED, size - SEALED, VERSION))
		return -EINVAL;
	view = (struct unwind_table_view){
		.machine = header.machine,
		.full = header.full,
		.first_page = header.first_page,
		.nr_pages = header.nr_pages,
		.nr_rows = header.nr_rows,
		.nr_rules = header.nr_rules,
		.stats = header.stats,
	};
	view.pages = take(&at, view.nr_pages * sizeof(*view.pages));
	view.rows = take(&at, view.nr_rows * sizeof(*view.rows));
	view.rules = take(&at, view.nr_rules * sizeof(*view.rules));
	if (!view.pages || !view.rows || !view.rules)
		err = -ENOMEM;
	else if (!pages_are_right(&view) || !rules_are_right(&view))
		err = -EINVAL;
	if (!err)
		return unwind_table_adopt(&view, ret_table);
	free((void *)(uintptr_t)view.pages);
	free((void *)(uintptr_t)view.rows);
	free((void *)(uintptr_t)view.rules);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns what seep has told its kernel side of mappings, learnt where it does: the linker puts
 * __wrap_unwind_spaces_set in the place of unwind_spaces_set (trace/unwind_spaces.h), which
 * is called through. All this happens in the collector's thread.
 */
#include "known_files.h"

#include <errno.h>
#include <stdbool.h>

#include "base/hashmap.h"
#include "trace/unwind_spaces.h"

static struct hashmap *biases; /* hash of (file, bias) -> 1 */
static struct hashmap *latest; /* file -> its bias seen last */

int __real_unwind_spaces_set(struct unwind_spaces *spaces, uint32_t space,
			     const struct seep_unwind_mapping *mappings, size_t nr,
			     uint32_t changes);
int __wrap_unwind_spaces_set(struct unwind_spaces *spaces, uint32_t space,
			     const struct seep_unwind_mapping *mappings, size_t nr,
			     uint32_t changes);

int known_files_begin(void)
{
	biases = hashmap_new();
	latest = hashmap_new();
	return biases && latest ? 0 : -ENOMEM;
}

void known_files_end(void)
{
	hashmap_free(biases);
	hashmap_free(latest);
	biases = latest = NULL;
}

static uint64_t key_of(uint16_t table, uint64_t bias)
{
	return hash_mix(bias) ^ table;
}

uint64_t known_files_address(uint64_t frame, uint64_t wanted)
{
	uint16_t table = SEEP_FRAME_TABLE(frame);
	uint64_t elf = SEEP_FRAME_ELF(frame), value;

	if (!table)
		return frame;
	if (hashmap_get(biases, key_of(table, wanted - elf), &value))
		return wanted;
	return hashmap_get(latest, table, &value) ? elf + value : 0;
}

int __wrap_unwind_spaces_set(struct unwind_spaces *spaces, uint32_t space,
			     const struct seep_unwind_mapping *mappings, size_t nr,
			     uint32_t changes)
{
	for (size_t i = 0; biases && i < nr; i++) {
		if (!mappings[i].table)
			continue;
		hashmap_put(biases, key_of(mappings[i].table, mappings[i].bias), 1);
		hashmap_put(latest, mappings[i].table, mappings[i].bias);
	}
	return __real_unwind_spaces_set(spaces, space, mappings, nr, changes);
}

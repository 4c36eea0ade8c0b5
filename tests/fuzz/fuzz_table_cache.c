/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Any bytes as a file of the cache, with their checksum made right: what is accepted must
 * answer for any address, and be the same when written again.
 */
#include <stdlib.h>

#include "../unit/cfi_file.h"
#include "stack/table_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

enum { HEADER = 64 };
static const struct table_key key = { .build_id = { 1, 2, 3 }, .build_id_length = 3, .full = true };

static size_t make_seed(uint8_t *data, size_t most)
{
	static const uint8_t frame[] = { 0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6 };
	const struct unwind_table_options options = { .full = true };
	static struct cfi_file file;
	struct unwind_table *table;
	void *bytes = NULL;
	size_t size = 0;

	memset(&file, 0, sizeof(file));
	cfi_usual_cie(&file);
	cfi_fde(&file, 0, 16, 4096, frame, sizeof(frame));
	cfi_finish(&file);
	if (unwind_table_build_memory(file.bytes, file.size, &options, &table))
		abort();
	if (table_file_encode(table, &key, &bytes, &size) == 0 && size <= most)
		memcpy(data, bytes, size);
	free(bytes);
	unwind_table_free(table);
	return size <= most ? size : 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed)
{
	if (size < HEADER || memcmp(data, "SEEPUNW", 8) != 0)
		size = make_seed(data, most);
	return LLVMFuzzerMutate(data, size, most);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unwind_table *table = NULL;
	struct unwind_table_view view;
	void *bytes, *again;
	size_t again_size;
	uint64_t first;

	if (size < HEADER)
		return 0;
	bytes = malloc(size);
	memcpy(bytes, data, size);
	table_file_seal(bytes, size);
	if (table_file_decode(bytes, size, &key, &table) == 0) {
		view = unwind_table_view(table);
		first = view.first_page << SEEP_PAGE_SHIFT;
		for (uint64_t pc = 0; pc < (uint64_t)view.nr_pages << SEEP_PAGE_SHIFT; pc += 997)
			if (unwind_table_find(table, first + pc)->cfa >= SEEP_CFA_COUNT)
				abort();
		if (table_file_encode(table, &key, &again, &again_size) == 0) {
			if (again_size != size)
				abort();
			free(again);
		}
		unwind_table_free(table);
	}
	free(bytes);
	return 0;
}

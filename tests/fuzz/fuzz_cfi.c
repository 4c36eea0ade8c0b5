/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Any bytes as .eh_frame or .debug_frame of a file that is otherwise right (the first byte
 * chooses machine, section and how it is found), and as a whole file. What comes out must
 * be a table that the reader of cached tables accepts, too.
 */
#include <stdlib.h>

#include "../unit/cfi_file.h"
#include "stack/table_file.h"
#include "stack/unwind_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

/* Something to start from: a CIE and two functions. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed)
{
	static const uint8_t frame[] = { 0x41, 0x0e, 16,   0x86, 2, 0x43, 0x0d,
					 6,    0x0a, 0x48, 0x0c, 7, 8,	  0x0b };
	static const uint8_t plt[] = { 0x0f, 11,   0x77, 8,    0x80, 0,	  0x3f,
				       0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22 };
	static struct cfi_file file;

	if (size < 24 && most > 512) {
		memset(&file, 0, sizeof(file));
		file.debug = seed & 2;
		cfi_usual_cie(&file);
		cfi_fde(&file, 0, 16, 4096, frame, sizeof(frame));
		cfi_fde(&file, 0, 5000, 64, plt, sizeof(plt));
		data[0] = file.debug ? 2 : 0;
		memcpy(data + 1, file.frames, file.frames_size);
		size = file.frames_size + 1;
	}
	return LLVMFuzzerMutate(data, size, most);
}

static void check_table(const struct unwind_table *table)
{
	struct unwind_table_view view = unwind_table_view(table);
	const struct table_key key = { .full = view.full };
	struct unwind_table *copy = NULL;
	void *bytes = NULL;
	size_t size;

	if (table_file_encode(table, &key, &bytes, &size))
		return;
	if (table_file_decode(bytes, size, &key, &copy))
		abort();
	for (uint64_t pc = CFI_TEXT; pc < CFI_TEXT + CFI_TEXT_SIZE; pc += 61)
		if (memcmp(unwind_table_find(table, pc), unwind_table_find(copy, pc),
			   sizeof(struct seep_unwind_rule)) != 0)
			abort();
	unwind_table_free(copy);
	free(bytes);
}

static void build(const uint8_t *bytes, size_t size, bool full)
{
	const struct unwind_table_options options = { .full = full };
	struct unwind_table *table = NULL;

	if (unwind_table_build_memory(bytes, size, &options, &table))
		return;
	check_table(table);
	unwind_table_free(table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cfi_file file;

	build(data, size, true);
	if (!size || size - 1 > sizeof(file.frames))
		return 0;
	memset(&file, 0, sizeof(file));
	file.machine = data[0] & 1 ? EM_AARCH64 : EM_X86_64;
	file.debug = data[0] & 2;
	file.no_sections = data[0] & 4;
	file.no_header = data[0] & 8;
	/* code with calls here and there, and a signal restorer */
	for (size_t i = 0; i < sizeof(file.text); i += 64)
		file.text[i] = 0xe8;
	memcpy(file.text + 0x2800, "\x48\xc7\xc0\x0f\0\0\0\x0f\x05", 9);
	cfi_put(&file, data + 1, size - 1);
	cfi_finish(&file);
	build(file.bytes, file.size, true);
	build(file.bytes, file.size, false);
	return 0;
}

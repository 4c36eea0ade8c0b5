/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Any bytes as .eh_frame or .debug_frame of a file that is otherwise right (the first byte
 * chooses machine, section and how it is found). What comes out must be a table that the
 * reader of cached tables accepts, too. Whole files are for fuzz_elf.
 */
#include <stdlib.h>

#include "../unit/cfi_file.h"
#include "base/hashmap.h"
#include "stack/table_file.h"
#include "stack/unwind_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

/*
 * Mutations keep entries entries, or hardly any would be looked at: a list of CIEs and
 * FDEs is taken apart, one of them changed, added or dropped, and put together again with
 * lengths that are right and FDEs that point to the CIE before them.
 */
enum { ENTRIES_MOST = 64, ENTRY_MOST = 512 };

struct entries {
	struct entry {
		uint8_t bytes[ENTRY_MOST]; /* after the CIE's id or pointer */
		size_t size;
		bool cie;
	} items[ENTRIES_MOST];
	size_t nr;
};

static void add_entry(struct entries *entries, bool cie, const void *bytes, size_t size)
{
	struct entry *entry = &entries->items[entries->nr];

	if (entries->nr == ENTRIES_MOST || size > ENTRY_MOST)
		return;
	memcpy(entry->bytes, bytes, size);
	entry->size = size;
	entry->cie = cie;
	entries->nr++;
}

/* Something to start from, after the head of each entry. */
static void add_cie(struct entries *entries, uint64_t which)
{
	/* version, augmentation, alignments, return column, augmentation's data, program */
	static const uint8_t plain[] = { 1, 'z', 'R', 0, 1, 0x78, 16, 1, 0, 0x0c, 7, 8, 0x90, 1 };
	static const uint8_t relative[] = { 1,	  'z',	'P',  'L', 'R',	 0, 1, 0x78,
					    16,	  7,	0x9b, 16,  0,	 0, 0, 0x1b,
					    0x1b, 0x0c, 7,    8,   0x90, 1 };
	static const uint8_t signal[] = { 1, 'z',  'R',	 'S', 0,    1,	 0x78, 16,
					  1, 0x1b, 0x0f, 4,   0x77, 160, 1,    6 };
	static const uint8_t arm64[] = { 1, 'z', 'R', 'B', 0, 4, 0x78, 30, 1, 0, 0x0c, 31, 0 };
	static const uint8_t old[] = { 1, 'e', 'h', 0, 0,    0,	 0,    0, 0,
				       0, 0,   0,   1, 0x7c, 16, 0x0c, 7, 8 };
	static const uint8_t fourth[] = { 4, 0, 8, 0, 1, 0x78, 16, 0x0c, 7, 8, 0x90, 1 };
	static const struct {
		const uint8_t *bytes;
		size_t size;
	} all[] = { { plain, sizeof(plain) },	{ relative, sizeof(relative) },
		    { signal, sizeof(signal) }, { arm64, sizeof(arm64) },
		    { old, sizeof(old) },	{ fourth, sizeof(fourth) } };

	which %= sizeof(all) / sizeof(*all);
	add_entry(entries, true, all[which].bytes, all[which].size);
}

static void add_fde(struct entries *entries, uint64_t start, uint64_t size, uint64_t which)
{
	static const uint8_t programs[][16] = {
		{ 0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x0a, 0x48, 0x0c, 7, 8, 0x0b },
		{ 0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22 },
		{ 0x0f, 3, 0x76, 0x70, 6, 0x10, 6, 2, 0x76, 0, 0x41, 0x07, 16 },
		{ 0x10, 6, 3, 0x77, 0xd0, 0, 0x42, 0x11, 6, 0x7e, 0x13, 0x7d, 0x41, 0xc6 },
	};
	uint8_t bytes[17 + 16] = { 0 };

	start += CFI_TEXT;
	memcpy(bytes, &start, 8);
	memcpy(bytes + 8, &size, 8);
	memcpy(bytes + 17, programs[which % 4], 16);
	add_entry(entries, false, bytes, sizeof(bytes));
}

static void take_apart(const uint8_t *data, size_t size, bool debug, struct entries *entries)
{
	uint32_t length, id;

	entries->nr = 0;
	for (size_t at = 0; size - at >= 8; at += 4 + length) {
		memcpy(&length, data + at, 4);
		memcpy(&id, data + at + 4, 4);
		if (length < 4 || length > size - at - 4)
			break;
		add_entry(entries, id == (debug ? UINT32_MAX : 0), data + at + 8, length - 4);
	}
}

static size_t put_together(const struct entries *entries, bool debug, uint8_t *data, size_t most)
{
	size_t at = 0, cie = 0;

	for (size_t i = 0; i < entries->nr; i++) {
		const struct entry *entry = &entries->items[i];
		uint32_t length = (uint32_t)((entry->size + 7) & ~(size_t)3);
		uint32_t id = debug ? (uint32_t)cie : (uint32_t)(at + 4 - cie);

		if (most - at < 4 + length)
			break;
		if (entry->cie) {
			cie = at;
			id = debug ? UINT32_MAX : 0;
		}
		memcpy(data + at, &length, 4);
		memcpy(data + at + 4, &id, 4);
		memset(data + at + 8, 0, length - 4);
		memcpy(data + at + 8, entry->bytes, entry->size);
		at += 4 + length;
	}
	return at;
}

static void change(struct entries *entries, uint64_t random)
{
	size_t which = entries->nr ? random / 8 % entries->nr : 0;
	struct entry *entry = &entries->items[which];

	switch (random % 8) {
	case 0:
		add_cie(entries, random >> 8);
		add_fde(entries, random >> 9 & 0x3fff, random >> 20 & 0xfff, random >> 4);
		break;
	case 1:
		add_fde(entries, random >> 9 & 0x3fff, random >> 20 & 0xfff, random >> 4);
		break;
	case 2:
		*entry = entries->items[entries->nr - 1];
		entries->nr--;
		break;
	default:
		entry->size = LLVMFuzzerMutate(entry->bytes, entry->size, ENTRY_MOST);
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed)
{
	static struct entries entries;
	uint64_t random = hash_mix(seed);
	bool debug = size && data[0] & 2;

	if (size && random % 32 == 0)
		return LLVMFuzzerMutate(data, size, most);
	random /= 32;
	if (most < 64)
		return LLVMFuzzerMutate(data, size, most);
	if (!size)
		data[0] = 0;
	take_apart(data + 1, size ? size - 1 : 0, debug, &entries);
	if (!entries.nr) {
		add_cie(&entries, random);
		add_fde(&entries, 16, 4096, random >> 3);
	} else if (random % 16 == 0) {
		data[0] ^= 1 << (random / 16 % 5);
		debug = data[0] & 2;
	} else {
		change(&entries, random / 16);
	}
	return 1 + put_together(&entries, debug, data + 1, most - 1);
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

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Finds glibc's __malloc_arena_thread_freeres in files without .symtab.
 *
 * malloc can be replaced, so in a shared libc whoever frees does it through the PLT. Only
 * malloc.c itself calls __libc_free directly: in realloc(p, 0), which is an entry point, and,
 * from 2.26 to 2.41, in tcache_thread_shutdown, which is inlined into the function looked for
 * or is found in its place. Direct calls are told by their bytes (call rel32, bl), functions by
 * the search table that the linker makes of their call frame information: .eh_frame_hdr
 * (Linux Standard Base core, 10.6.2), which no strip takes away. Seen in Debian's builds of
 * 2.31, 2.36 and 2.41 for x86_64 and aarch64; in 2.43 there is no such call and nothing is
 * found, as it should be. In a static program all calls are direct, so that nothing can be
 * told.
 */
#include "attach/thread_end.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>

#include "../../bpf/event.h"

enum { READ_BYTES = 1 << 16, CALL_BYTES = 5 };
/* All of a libc's code has room in that many times over. */
static const uint64_t CODE_MOST = 64 << 20;

struct table_entry {
	int32_t function, description; /* from the table's section on */
};

/* The functions of a file, by address. */
struct functions {
	uint64_t address; /* of the section */
	char *bytes;
	const struct table_entry *entries;
	size_t nr;
};

struct search {
	const struct elf_file *file;
	const struct entry_points *points;
	struct functions functions;
	uint64_t free_address;
	uint64_t found, size;
	bool several;
};

/* 0 with none where there is no table that can be read; -ENOMEM. */
static int read_functions(const struct elf_file *file, struct functions *functions)
{
	/* version 1, pc-relative and 32 bits, a 32-bit number, from the section on and 32 bits */
	static const uint8_t form[] = { 1, 0x1b, 0x03, 0x3b };
	const struct elf_section *section = elf_file_section_named(file, ".eh_frame_hdr");
	uint32_t nr;
	int err;

	if (!section || section->size < 12)
		return 0;
	err = elf_file_read_section(file, section, &functions->bytes);
	if (err)
		return err == -ENOMEM ? err : 0;
	memcpy(&nr, functions->bytes + 8, sizeof(nr));
	if (memcmp(functions->bytes, form, sizeof(form)) != 0 ||
	    nr > (section->size - 12) / sizeof(struct table_entry))
		return 0;
	functions->address = section->address;
	functions->entries = (const struct table_entry *)(functions->bytes + 12);
	functions->nr = nr;
	return 0;
}

static uint64_t function_start(const struct functions *functions, size_t i)
{
	return functions->address + (uint64_t)(int64_t)functions->entries[i].function;
}

/* The function that the address is in or behind; false none. */
static bool function_at(const struct functions *functions, uint64_t address, uint64_t *ret_start,
			uint64_t *ret_size)
{
	size_t low = 0, high = functions->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (function_start(functions, middle) <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return false;
	*ret_start = function_start(functions, low - 1);
	*ret_size = low < functions->nr ? function_start(functions, low) - *ret_start : 0;
	return true;
}

static bool is_entry_point(const struct entry_points *points, uint64_t address)
{
	for (size_t i = 0; i < points->nr; i++)
		if (points->items[i].address == address)
			return true;
	return false;
}

static void on_call(struct search *search, uint64_t at)
{
	uint64_t start, size;

	if (!function_at(&search->functions, at, &start, &size) ||
	    is_entry_point(search->points, start))
		return;
	search->several = search->several || (search->found && search->found != start);
	search->found = start;
	search->size = size;
}

static void scan_x86(struct search *search, const uint8_t *code, size_t size, uint64_t address)
{
	for (size_t at = 0; at + CALL_BYTES <= size; at++) {
		int32_t distance;

		if (code[at] != 0xe8)
			continue;
		memcpy(&distance, code + at + 1, sizeof(distance));
		if (address + at + CALL_BYTES + (uint64_t)(int64_t)distance == search->free_address)
			on_call(search, address + at);
	}
}

static void scan_arm64(struct search *search, const uint8_t *code, size_t size, uint64_t address)
{
	for (size_t at = 0; at + 4 <= size; at += 4) {
		uint32_t word;

		memcpy(&word, code + at, sizeof(word));
		/* bl: 26 bits of words */
		if ((word & 0xfc000000) == 0x94000000 &&
		    address + at +
				    (uint64_t)((int64_t)((uint64_t)(word & 0x3ffffff) << 38) >>
					       36) ==
			    search->free_address)
			on_call(search, address + at);
	}
}

static int scan_segment(struct search *search, const struct elf_segment *segment)
{
	uint64_t size = segment->file_size < CODE_MOST ? segment->file_size : CODE_MOST;
	bool x86 = search->file->machine == EM_X86_64;
	uint8_t *code = malloc(READ_BYTES + CALL_BYTES);

	if (!code)
		return -ENOMEM;
	for (uint64_t at = 0; at < size && !search->several; at += READ_BYTES) {
		uint64_t address = segment->address + at;
		/* An instruction may lie across the border; arm64's never do. */
		size_t got = elf_file_read(search->file, address, code,
					   x86 ? READ_BYTES + CALL_BYTES - 1 : READ_BYTES);

		if (x86)
			scan_x86(search, code, got, address);
		else
			scan_arm64(search, code, got, address);
	}
	free(code);
	return 0;
}

static uint64_t address_of_free(const struct entry_points *points)
{
	for (size_t i = 0; i < points->nr; i++)
		if (points->items[i].op == SEEP_OP_FREE &&
		    strcmp(points->items[i].symbol, "free") == 0)
			return points->items[i].address;
	return 0;
}

int thread_end_find(const struct elf_file *file, const struct entry_points *points,
		    uint64_t *ret_address, uint64_t *ret_size)
{
	struct search search = {
		.file = file,
		.points = points,
		.free_address = address_of_free(points),
	};
	int err = search.free_address ? read_functions(file, &search.functions) : 0;

	for (size_t i = 0; !err && search.functions.nr && i < file->nr_segments; i++)
		if (file->segments[i].executable)
			err = scan_segment(&search, &file->segments[i]);
	free(search.functions.bytes);
	if (err)
		return err;
	*ret_address = search.several ? 0 : search.found;
	*ret_size = search.size;
	return 0;
}

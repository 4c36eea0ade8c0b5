// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the search for what Go's runtime finds by symbols that a stripped program has not.
 *
 * The table is in a section of its own; without section headers it is found by its first
 * bytes. The record that joins a module's tables, runtime.firstmoduledata, starts with the
 * table's address and with those of its parts: it is found by them, in the writable
 * data. In a position-independent program these words may be zero in the file and come
 * from relocations, by which it is found then.
 */
#include "stack/go_module.h"

#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stack/elf_open.h"
#include "stack/elf_section.h"

enum {
	WORD = 8,
	TABLE_ALIGNMENT = 32,
	CHUNK = 1 << 20,
	MAX_RELOCATIONS = 1 << 22,
	MAX_DYNAMIC = 1 << 16, /* bytes */
	/* words of runtime.moduledata: src/runtime/symtab.go */
	WORD_NAMES = 1,
	WORD_UNITS = 4,
	WORD_TEXT = 22,
	WORD_INLINE_TREES = 38, /* two more from 1.20 on */
	WORDS_TO_TEXT_SECTIONS = 2, /* from there to the number of parts of the text */
};
static const uint64_t MAX_SEARCHED = 1ULL << 30; /* bytes */

size_t go_module_read(int fd, const struct image *image, uint64_t address, void *buffer,
		      size_t size)
{
	size_t i;

	for (i = 0; i < image->nr_segments; i++) {
		const struct image_segment *segment = &image->segments[i];
		uint64_t into = address - segment->address;
		ssize_t n;

		if (address < segment->address || into >= segment->file_size)
			continue;
		if (size > segment->file_size - into)
			size = segment->file_size - into;
		n = pread(fd, buffer, size, (off_t)(segment->offset + into));
		return n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static bool word_at(int fd, const struct image *image, uint64_t address, uint64_t *ret_word)
{
	return go_module_read(fd, image, address, ret_word, WORD) == WORD;
}

/*
 * The table by its section, which has a prefix in position-independent programs. Linkers of
 * other makers put it among other data: then, and without section headers, *ret_search.
 */
static bool find_section(int fd, struct go_module *ret_module, bool *ret_search)
{
	Elf *elf = elf_open(fd);
	Elf_Scn *section = elf ? elf_section_find(elf, ".gopclntab") : NULL;
	size_t nr = 0;
	GElf_Shdr header;
	bool found;

	if (elf && !section)
		section = elf_section_find(elf, ".data.rel.ro.gopclntab");
	found = section && gelf_getshdr(section, &header) && header.sh_addr;
	if (found)
		*ret_module = (struct go_module){ .table = header.sh_addr, .size = header.sh_size };
	*ret_search = elf &&
		      (elf_getshdrnum(elf, &nr) || !nr || elf_section_find(elf, ".go.buildinfo") ||
		       elf_section_find(elf, ".note.go.buildid"));
	elf_end(elf);
	return found;
}

struct search {
	int fd;
	const struct image *image;
	uint64_t searched;
	/* Looks at `left` bytes that lie at the address: is it here? */
	bool (*is_here)(const struct search *search, const uint8_t *bytes, size_t left,
			uint64_t address);
	const struct go_lines *lines;
	const struct go_module *module;
};

/* Walks the segment in chunks that overlap by what is looked at, aligned steps apart. */
static bool search_segment(struct search *search, const struct image_segment *segment,
			   size_t alignment, uint8_t *chunk, uint64_t *ret_address)
{
	uint64_t at = (segment->address + alignment - 1) / alignment * alignment;
	uint64_t end = segment->address + segment->file_size;

	while (at < end && search->searched < MAX_SEARCHED) {
		size_t got = go_module_read(search->fd, search->image, at, chunk, CHUNK), i;

		for (i = 0; i + GO_LINES_HEADER <= got; i += alignment) {
			if (search->is_here(search, chunk + i, got - i, at + i)) {
				*ret_address = at + i;
				return true;
			}
		}
		if (!i)
			break;
		at += i;
		search->searched += i;
	}
	return false;
}

static int search_file(struct search *search, size_t alignment, uint64_t *ret_address)
{
	uint8_t *chunk = malloc(CHUNK);
	int err = -ENOENT;
	size_t i;

	if (!chunk)
		return -ENOMEM;
	for (i = 0; err && i < search->image->nr_segments; i++) {
		const struct image_segment *segment = &search->image->segments[i];

		if (!segment->executable && segment->file_size <= INT64_MAX &&
		    segment->address <= INT64_MAX &&
		    search_segment(search, segment, alignment, chunk, ret_address))
			err = 0;
	}
	free(chunk);
	return err;
}

static bool is_table(const struct search *search, const uint8_t *bytes, size_t left,
		     uint64_t address)
{
	return go_lines_magic(bytes, left);
}

static uint64_t left_in_segment(const struct image *image, uint64_t address)
{
	size_t i;

	for (i = 0; i < image->nr_segments; i++) {
		const struct image_segment *segment = &image->segments[i];

		if (address >= segment->address && address - segment->address < segment->file_size)
			return segment->file_size - (address - segment->address);
	}
	return 0;
}

int go_module_find(int fd, const struct image *image, struct go_module *ret_module)
{
	struct search search = { .fd = fd, .image = image, .is_here = is_table };
	struct go_module module = { 0 };
	bool may_search;
	int err = 0;

	if (!find_section(fd, &module, &may_search)) {
		err = may_search ? search_file(&search, TABLE_ALIGNMENT, &module.table) : -ENOENT;
		module.size = left_in_segment(image, module.table);
	}
	if (!err)
		*ret_module = module;
	return err;
}

static bool is_module(const struct search *search, const uint8_t *bytes, size_t left,
		      uint64_t address)
{
	uint64_t words[WORD_UNITS + 1];

	if (left < sizeof(words))
		return false;
	memcpy(words, bytes, sizeof(words));
	return words[0] == search->module->table &&
	       words[WORD_NAMES] == search->module->table + search->lines->names &&
	       words[WORD_UNITS] == search->module->table + search->lines->units;
}

/* Words that relocations fill: place and value. */
struct fill {
	uint64_t place, value;
};

struct fills {
	struct fill *items;
	size_t nr;
};

static int compare_fills(const void *left, const void *right)
{
	const struct fill *a = left, *b = right;

	return a->place < b->place ? -1 : a->place > b->place;
}

static bool is_relative(Elf *elf, uint64_t type)
{
	GElf_Ehdr header;

	if (!gelf_getehdr(elf, &header))
		return false;
	return header.e_machine == EM_AARCH64 ? type == R_AARCH64_RELATIVE
					      : type == R_X86_64_RELATIVE;
}

/* Found by PT_DYNAMIC, as section headers may be missing. */
static Elf_Data *find_relocations(Elf *elf, const struct image *image)
{
	uint64_t address = 0, size = 0;
	size_t nr = 0, i, k;

	elf_getphdrnum(elf, &nr);
	for (i = 0; i < nr; i++) {
		GElf_Phdr header;
		GElf_Dyn entry;
		Elf_Data *data;

		if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_DYNAMIC ||
		    header.p_filesz > MAX_DYNAMIC)
			continue;
		data = elf_getdata_rawchunk(elf, (int64_t)header.p_offset, header.p_filesz,
					    ELF_T_DYN);
		for (k = 0; data && k < 4096 && gelf_getdyn(data, (int)k, &entry); k++) {
			if (entry.d_tag == DT_RELA)
				address = entry.d_un.d_ptr;
			else if (entry.d_tag == DT_RELASZ)
				size = entry.d_un.d_val;
		}
	}
	if (size > MAX_RELOCATIONS * sizeof(Elf64_Rela))
		return NULL;
	for (i = 0; address && i < image->nr_segments; i++) {
		const struct image_segment *segment = &image->segments[i];

		if (address >= segment->address && address - segment->address < segment->file_size)
			return elf_getdata_rawchunk(
				elf, (int64_t)(segment->offset + (address - segment->address)),
				size, ELF_T_RELA);
	}
	return NULL;
}

static int read_fills(int fd, const struct image *image, struct fills *ret_fills)
{
	struct fills fills = { 0 };
	Elf *elf = elf_open(fd);
	Elf_Data *data = elf ? find_relocations(elf, image) : NULL;
	GElf_Rela relocation;
	size_t nr, i;

	nr = data ? data->d_size / sizeof(Elf64_Rela) : 0;
	fills.items = calloc(nr ? nr : 1, sizeof(*fills.items));
	for (i = 0; fills.items && i < nr && gelf_getrela(data, (int)i, &relocation); i++) {
		if (is_relative(elf, GELF_R_TYPE(relocation.r_info)))
			fills.items[fills.nr++] =
				(struct fill){ relocation.r_offset, (uint64_t)relocation.r_addend };
	}
	elf_end(elf);
	if (!fills.items)
		return -ENOMEM;
	qsort(fills.items, fills.nr, sizeof(*fills.items), compare_fills);
	*ret_fills = fills;
	return 0;
}

static uint64_t filled(const struct fills *fills, uint64_t place)
{
	const struct fill key = { .place = place };
	const struct fill *fill =
		bsearch(&key, fills->items, fills->nr, sizeof(*fills->items), compare_fills);

	return fill ? fill->value : 0;
}

/* What the word will be in memory. */
static uint64_t loaded_word(int fd, const struct image *image, const struct fills *fills,
			    uint64_t address)
{
	uint64_t word = filled(fills, address);

	if (!word && !word_at(fd, image, address, &word))
		return 0;
	return word;
}

static uint64_t find_by_fills(const struct fills *fills, const struct go_lines *lines,
			      const struct go_module *module)
{
	size_t i;

	for (i = 0; i < fills->nr; i++) {
		uint64_t place = fills->items[i].place;

		if (fills->items[i].value == module->table &&
		    filled(fills, place + WORD * WORD_NAMES) == module->table + lines->names &&
		    filled(fills, place + WORD * WORD_UNITS) == module->table + lines->units)
			return place;
	}
	return 0;
}

int go_module_complete(int fd, const struct image *image, const struct go_lines *lines,
		       struct go_module *module)
{
	struct search search = {
		.fd = fd, .image = image, .is_here = is_module, .lines = lines, .module = module
	};
	struct fills fills = { 0 };
	uint64_t record = 0, trees, parts = 0;
	int err;

	if (lines->version < GO_1_18)
		return 0;
	err = read_fills(fd, image, &fills);
	if (!err)
		record = find_by_fills(&fills, lines, module);
	if (!err && !record && search_file(&search, WORD, &record))
		record = 0;
	module->text = lines->text;
	if (!err && record) {
		trees = record + WORD * (WORD_INLINE_TREES + (lines->version >= GO_1_20 ? 2 : 0));
		if (!module->text)
			module->text = loaded_word(fd, image, &fills, record + WORD * WORD_TEXT);
		module->inline_trees = loaded_word(fd, image, &fills, trees);
		word_at(fd, image, trees + WORD * WORDS_TO_TEXT_SECTIONS, &parts);
	}
	free(fills.items);
	/* A text in several parts, as linkers make for 32-bit branches, is not laid out evenly. */
	if (!err && (!module->text || (parts > 1 && parts < 1024)))
		err = -ENOENT;
	return err;
}

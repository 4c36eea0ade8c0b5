// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the function symbols of a module.
 *
 * Symbols overlap: aliases share an address, assembly puts labels inside functions, and
 * damaged tables do anything. They are sorted by address with the best name of an
 * address last, and searched through a range index, which comes from behind.
 *
 * It must not know files or mangling; it is given open ELF handles.
 */
#include "stack/symbol_table.h"

#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "stack/dynamic_symbols.h"
#include "stack/elf_section.h"
#include "stack/range_index.h"

enum {
	MAX_SYMBOLS = 1 << 24,
	MAX_SYMBOLS_SIZE = MAX_SYMBOLS * sizeof(Elf64_Sym),
	MAX_NAMES_SIZE = 512 << 20, /* a browser has 200 MB */
	COMPARED = 1024, /* bytes of a name that choosing among several may cost */
};

struct entry {
	uint64_t address;
	uint64_t end;
	uint64_t section_end; /* 0 unknown */
	const char *name;
	uint8_t binding_rank; /* lower is better, as all of these are */
	uint8_t underscores; /* at the name's start */
	bool versioned;
	bool sized;
};

struct symbol_table {
	struct entry *items;
	size_t nr, cap;
	struct range_index ranges; /* values: numbers of items */
};

struct symbol_table *symbol_table_new(void)
{
	return calloc(1, sizeof(struct symbol_table));
}

void symbol_table_free(struct symbol_table *table)
{
	if (!table)
		return;
	range_index_free(&table->ranges);
	free(table->items);
	free(table);
}

size_t symbol_table_bytes(const struct symbol_table *table)
{
	return sizeof(*table) + table->cap * sizeof(*table->items) +
	       table->ranges.cap * sizeof(*table->ranges.items);
}

static uint8_t binding_rank(unsigned char info)
{
	switch (GELF_ST_BIND(info)) {
	case STB_GLOBAL:
	case STB_GNU_UNIQUE:
		return 0;
	case STB_WEAK:
		return 1;
	default:
		return 2;
	}
}

static bool is_function(const GElf_Sym *symbol)
{
	unsigned char type = GELF_ST_TYPE(symbol->st_info);

	return type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE;
}

/* Labels that compilers and assemblers leave: ".L12", and "$x", "$d" of the ARMs. */
static bool is_marker(const char *name)
{
	return !*name || *name == '$' || (name[0] == '.' && name[1] == 'L');
}

static uint8_t leading_underscores(const char *name)
{
	uint8_t nr = 0;

	while (nr < UINT8_MAX && name[nr] == '_')
		nr++;
	return nr;
}

static bool is_versioned(const char *name)
{
	return memchr(name, '@', strnlen(name, COMPARED));
}

static int add_entry(struct symbol_table *table, const GElf_Sym *symbol, const char *name,
		     uint64_t section_end)
{
	struct entry *entry;

	if (table->nr >= MAX_SYMBOLS)
		return 0;
	entry = vec_push(&table->items, &table->nr, &table->cap);
	if (!entry)
		return -ENOMEM;
	entry->address = symbol->st_value;
	entry->sized = symbol->st_size;
	entry->end = symbol->st_size > UINT64_MAX - symbol->st_value
			     ? UINT64_MAX
			     : symbol->st_value + symbol->st_size;
	entry->section_end = section_end;
	entry->name = name;
	entry->binding_rank = binding_rank(symbol->st_info);
	entry->underscores = leading_underscores(name);
	entry->versioned = is_versioned(name);
	return 0;
}

/* True when the section holds code and the address; *ret_end is then where it ends. */
static bool in_code(Elf *elf, size_t index, uint64_t address, uint64_t *ret_end)
{
	Elf_Scn *section = elf_getscn(elf, index);
	GElf_Shdr header;

	if (!section || !gelf_getshdr(section, &header) || !(header.sh_flags & SHF_EXECINSTR) ||
	    address < header.sh_addr || address - header.sh_addr >= header.sh_size)
		return false;
	*ret_end = header.sh_addr + header.sh_size;
	return true;
}

static Elf_Scn *find_section(Elf *elf, uint32_t type)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while ((section = elf_nextscn(elf, section))) {
		if (gelf_getshdr(section, &header) && header.sh_type == type)
			return section;
	}
	return NULL;
}

static Elf_Data *extended_indices(Elf *elf, Elf_Scn *symbols)
{
	Elf_Scn *section = find_section(elf, SHT_SYMTAB_SHNDX);
	GElf_Shdr header;

	if (!elf_section_fits(section, MAX_SYMBOLS * sizeof(Elf32_Word)) ||
	    !gelf_getshdr(section, &header) || header.sh_link != elf_ndxscn(symbols))
		return NULL;
	return elf_getdata(section, NULL);
}

/*
 * The names of a symbol table. They must be ended, or each of them would have to be
 * searched for its end.
 */
static Elf_Data *names_of(Elf *elf, size_t index)
{
	Elf_Scn *section = elf_getscn(elf, index);
	Elf_Data *data = elf_section_fits(section, MAX_NAMES_SIZE) ? elf_getdata(section, NULL)
								   : NULL;

	if (!data || !data->d_buf || !data->d_size || ((char *)data->d_buf)[data->d_size - 1])
		return NULL;
	return data;
}

static int add_section(struct symbol_table *table, Elf *elf, Elf_Scn *section)
{
	Elf_Data *data, *indices, *names;
	GElf_Shdr header;
	size_t nr, i;
	int err = 0;

	if (!elf_section_fits(section, MAX_SYMBOLS_SIZE) || !gelf_getshdr(section, &header) ||
	    !header.sh_entsize)
		return 0;
	data = elf_getdata(section, NULL);
	indices = extended_indices(elf, section);
	names = names_of(elf, header.sh_link);
	if (!data || !names)
		return 0;
	nr = data->d_size / header.sh_entsize;
	for (i = 1; !err && i < nr && i < MAX_SYMBOLS; i++) {
		Elf32_Word extended = 0;
		uint64_t section_end;
		const char *name;
		GElf_Sym symbol;
		size_t index;

		if (!gelf_getsymshndx(data, indices, (int)i, &symbol, &extended) ||
		    !is_function(&symbol))
			continue;
		index = symbol.st_shndx == SHN_XINDEX ? extended : symbol.st_shndx;
		if (symbol.st_shndx != SHN_XINDEX && symbol.st_shndx >= SHN_LORESERVE)
			continue;
		if (!index || !in_code(elf, index, symbol.st_value, &section_end))
			continue;
		name = (const char *)names->d_buf + symbol.st_name;
		if (symbol.st_name < names->d_size && !is_marker(name))
			err = add_entry(table, &symbol, name, section_end);
	}
	return err;
}

/* Without section headers nothing tells code from data but the symbol's own type. */
static int add_dynamic(struct symbol_table *table, Elf *elf)
{
	struct dynamic_symbols symbols;
	size_t i;
	int err = 0;

	if (!dynamic_symbols_find(elf, &symbols))
		return 0;
	for (i = 1; !err && i < symbols.nr; i++) {
		GElf_Sym symbol;
		const char *name;

		if (!gelf_getsym(symbols.entries, (int)i, &symbol) ||
		    symbol.st_shndx == SHN_UNDEF || GELF_ST_TYPE(symbol.st_info) == STT_NOTYPE ||
		    !is_function(&symbol) || symbol.st_name >= symbols.names_size)
			continue;
		name = symbols.names + symbol.st_name;
		if (!is_marker(name))
			err = add_entry(table, &symbol, name, 0);
	}
	return err;
}

int symbol_table_add(struct symbol_table *table, Elf *elf, bool dynamic, size_t *ret_added)
{
	Elf_Scn *section = find_section(elf, dynamic ? SHT_DYNSYM : SHT_SYMTAB);
	size_t before = table->nr;
	int err = 0;

	if (section)
		err = add_section(table, elf, section);
	else if (dynamic)
		err = add_dynamic(table, elf);
	if (!err)
		*ret_added = table->nr - before;
	return err;
}

/* Which of two names of one address is shown: negative when `a` is the better one. */
static int compare_names(const struct entry *a, const struct entry *b)
{
	if (a->sized != b->sized)
		return b->sized - a->sized;
	if (a->binding_rank != b->binding_rank)
		return a->binding_rank - b->binding_rank;
	if (a->versioned != b->versioned)
		return a->versioned - b->versioned;
	if (a->underscores != b->underscores)
		return a->underscores - b->underscores;
	return strncmp(a->name, b->name, COMPARED);
}

/* By address, the better name last: a search comes from behind. */
static int compare_entries(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	return -compare_names(a, b);
}

/* The first entry beyond `address` at or after `from`. */
static size_t next_address(const struct symbol_table *table, size_t from, uint64_t address)
{
	while (from < table->nr && table->items[from].address == address)
		from++;
	return from;
}

/*
 * Gives symbols without size the reach to the next one in their section, and drops those
 * that may not have it: inside a sized function they are but labels.
 */
static void settle_unsized(struct symbol_table *table, bool complete)
{
	uint64_t farthest = 0;
	size_t i, kept = 0, next = 0;

	for (i = 0; i < table->nr; i++) {
		struct entry entry = table->items[i];

		if (next <= i)
			next = next_address(table, i, entry.address);
		if (!entry.sized) {
			if (!complete || !entry.section_end || entry.address < farthest)
				continue;
			entry.end = entry.section_end;
			if (next < table->nr && table->items[next].address < entry.end)
				entry.end = table->items[next].address;
		} else if (entry.end > farthest) {
			farthest = entry.end;
		}
		table->items[kept++] = entry;
	}
	table->nr = kept;
}

int symbol_table_finish(struct symbol_table *table, bool complete)
{
	size_t i;
	int err = 0;

	if (table->nr)
		qsort(table->items, table->nr, sizeof(*table->items), compare_entries);
	settle_unsized(table, complete);
	for (i = 0; !err && i < table->nr; i++)
		err = range_index_add(&table->ranges, table->items[i].address, table->items[i].end,
				      (uint32_t)i);
	range_index_sort(&table->ranges);
	return err;
}

const char *symbol_table_find(const struct symbol_table *table, uint64_t address)
{
	size_t cursor = SIZE_MAX;
	uint32_t i;

	return range_index_next(&table->ranges, address, &cursor, &i) ? table->items[i].name : NULL;
}

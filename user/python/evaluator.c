// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the search for the evaluator's code in a file. _PyEval_EvalFrameDefault (2.7:
 * PyEval_EvalFrameEx) is exported, so that a stripped file has it too. But what the compiler
 * holds for unlikely it moves away, into a part "….cold" that only .symtab knows: 14 KB
 * of opcodes in Debian's 3.11, which is stripped. There the call frame information tells:
 * the compiler writes the entry of the moved part right behind that of the function, and it
 * begins not as functions do but with the frame that the function's body has.
 */
#include "python/walk.h"

#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>

#include "base/vec.h"
#include "stack/cfi_entries.h"
#include "stack/dynamic_symbols.h"
#include "stack/elf_open.h"
#include "stack/unwind_table.h"

enum {
	MAX_SYMBOLS = 4 << 20,
	MAX_RANGES = 1024,
	PROBES = 64, /* addresses of the function whose rules are compared */
};

/* "x", and what link-time optimisation makes of it: "x.cold", "x.lto_priv.0". */
static bool named(const char *name, const char *wanted)
{
	size_t length = strlen(wanted);

	return !strncmp(name, wanted, length) && (!name[length] || name[length] == '.');
}

static bool is_evaluator(const struct python_walk *walk, const char *name)
{
	if (walk->layout.major < 3)
		return named(name, "PyEval_EvalFrameEx");
	/* From 3.14 on each opcode may be a function that ends in a jump to the next. */
	return named(name, "_PyEval_EvalFrameDefault") || !strncmp(name, "_TAIL_CALL_", 11);
}

static int add_range(struct python_walk *walk, uint64_t start, uint64_t end)
{
	struct python_range *range;

	for (size_t i = 0; i < walk->nr_evaluator; i++)
		if (walk->evaluator[i].start == start)
			return 0;
	if (walk->nr_evaluator >= MAX_RANGES)
		return 0;
	range = vec_push(&walk->evaluator, &walk->nr_evaluator, &walk->cap_evaluator);
	if (!range)
		return -ENOMEM;
	*range = (struct python_range){ start, end };
	return 0;
}

static int look_at(struct python_walk *walk, const GElf_Sym *symbol, const char *name)
{
	unsigned type = GELF_ST_TYPE(symbol->st_info);

	if (symbol->st_shndx == SHN_UNDEF || !symbol->st_value)
		return 0;
	if (type == STT_OBJECT && !strcmp(name, "_PyThreadState_Current"))
		walk->current = symbol->st_value;
	if (type == STT_FUNC && symbol->st_size && is_evaluator(walk, name))
		return add_range(walk, symbol->st_value, symbol->st_value + symbol->st_size);
	return 0;
}

static int read_section(Elf *elf, Elf_Scn *section, const GElf_Shdr *header,
			struct python_walk *walk)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t nr = data && header->sh_entsize ? data->d_size / header->sh_entsize : 0;
	int err = 0;

	for (size_t i = 0; !err && i < nr && i < MAX_SYMBOLS; i++) {
		const char *name;
		GElf_Sym symbol;

		if (!gelf_getsym(data, (int)i, &symbol))
			break;
		name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if (name)
			err = look_at(walk, &symbol, name);
	}
	return err;
}

/* A file without section headers still has what the loader needs. */
static int read_dynamic(Elf *elf, struct python_walk *walk)
{
	struct dynamic_symbols symbols;
	int err = 0;

	if (!dynamic_symbols_find(elf, &symbols))
		return 0;
	for (size_t i = 0; !err && i < symbols.nr && i < MAX_SYMBOLS; i++) {
		GElf_Sym symbol;

		if (!gelf_getsym(symbols.entries, (int)i, &symbol))
			break;
		if (symbol.st_name < symbols.names_size)
			err = look_at(walk, &symbol, symbols.names + symbol.st_name);
	}
	return err;
}

static int read_symbols(int fd, struct python_walk *walk)
{
	Elf_Scn *section = NULL;
	bool any = false;
	Elf *elf;
	int err = 0;

	elf = elf_open(fd);
	if (!elf)
		return -ENOENT;
	while (!err && (section = elf_nextscn(elf, section))) {
		GElf_Shdr header;

		if (!gelf_getshdr(section, &header) ||
		    (header.sh_type != SHT_DYNSYM && header.sh_type != SHT_SYMTAB))
			continue;
		any = true;
		err = read_section(elf, section, &header, walk);
	}
	if (!err && !any)
		err = read_dynamic(elf, walk);
	elf_end(elf);
	return err;
}

/* Does code that begins at `address` begin inside a frame of the function's body? */
static bool continues(const struct unwind_table *table, const struct python_range *function,
		      uint64_t address)
{
	const struct seep_unwind_rule *entry = unwind_table_find(table, function->start);
	const struct seep_unwind_rule *begin = unwind_table_find(table, address);

	if (!entry || !begin || !memcmp(entry, begin, sizeof(*entry)))
		return false;
	for (uint64_t i = 1; i < PROBES; i++) {
		uint64_t at = function->start + (function->end - function->start) / PROBES * i;
		const struct seep_unwind_rule *rule = unwind_table_find(table, at);

		if (rule && !memcmp(rule, begin, sizeof(*rule)))
			return true;
	}
	return false;
}

static const struct cfi_fde *next_entry(const struct cfi_entries *entries, uint64_t start)
{
	const struct cfi_fde *function = NULL;

	for (size_t i = 0; !function && i < entries->nr_fdes; i++)
		if (entries->fdes[i].start == start)
			function = &entries->fdes[i];
	for (size_t i = 0; function && i < entries->nr_fdes; i++)
		if (entries->fdes[i].order == function->order + 1)
			return &entries->fdes[i];
	return NULL;
}

/* The moved parts of the functions found so far. */
static int add_parts(const struct cfi_entries *entries, const struct unwind_table *table,
		     struct python_walk *walk)
{
	size_t nr = walk->nr_evaluator;
	int err = 0;

	for (size_t i = 0; !err && i < nr; i++) {
		struct python_range function = walk->evaluator[i];
		const struct cfi_fde *part = next_entry(entries, function.start);

		if (part && continues(table, &function, part->start))
			err = add_range(walk, part->start, part->end);
	}
	return err;
}

static int find_parts(const struct cfi_image *image, const struct unwind_table *table,
		      struct python_walk *walk)
{
	struct cfi_section section = { 0 };
	struct cfi_entries entries;
	int err = cfi_entries_new(image, &entries);

	if (err)
		return err;
	if (!cfi_image_eh_section(image, &section) || !cfi_image_eh_header(image, &section))
		err = cfi_entries_add(&entries, &section);
	if (!err)
		err = add_parts(&entries, table, walk);
	cfi_entries_free(&entries);
	cfi_section_free(&section);
	return err;
}

/* Without call frame information there is nothing to add. */
static int read_parts(int fd, struct python_walk *walk)
{
	const struct unwind_table_options options = { .full = true };
	struct unwind_table *table;
	struct cfi_image image;
	int err = unwind_table_build(fd, &options, &table);

	if (err)
		return err == -ENOMEM ? err : 0;
	err = cfi_image_open(fd, &image);
	if (!err) {
		err = find_parts(&image, table, walk);
		cfi_image_close(&image);
	}
	unwind_table_free(table);
	return err == -ENOMEM ? err : 0;
}

int python_evaluator_read(int fd, struct python_walk *walk)
{
	int err = read_symbols(fd, walk);

	if (err)
		return err;
	/* .symtab has told of the parts, if there are any. */
	return walk->nr_evaluator == 1 ? read_parts(fd, walk) : 0;
}

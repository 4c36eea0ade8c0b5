// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the bytes of Go's table: a header, the functions sorted by address, a record for each,
 * and for each the values (file, line, inlined call) that hold for ranges of its code, as
 * differences in variable-length numbers.
 *
 * Every offset in it is taken as hostile. A list of values has no length of its own: it is
 * read within a bound of steps and on a budget of time.
 *
 * It must not know ELF files, nor where the table came from.
 */
#include "stack/go_lines.h"

#include <string.h>

#include "stack/cfi_cursor.h"

enum {
	WORD = 8,
	MAX_FUNCTIONS = 1 << 24,
	MAX_STEPS = 1 << 20, /* of one list of values */
	MAX_NAME = 1 << 16,
	/* of internal/abi/symtab.go */
	PCDATA_INLINED = 2,
	FUNCDATA_INLINE_TREE = 3,
};

static const uint32_t magics[] = {
	[GO_1_2] = 0xfffffffb,
	[GO_1_16] = 0xfffffffa,
	[GO_1_18] = 0xfffffff0,
	[GO_1_20] = 0xfffffff1,
};

/* A number at the offset; false beyond the end. */
static bool number_at(const struct go_lines *lines, uint64_t offset, size_t size, uint64_t *ret)
{
	uint64_t number = 0;

	if (offset > lines->size || size > lines->size - offset)
		return false;
	memcpy(&number, lines->bytes + offset, size);
	*ret = number;
	return true;
}

static int find_version(const uint8_t *bytes)
{
	uint32_t magic;
	size_t i;

	memcpy(&magic, bytes, sizeof(magic));
	for (i = 0; i < sizeof(magics) / sizeof(*magics); i++) {
		if (magics[i] == magic)
			return (int)i;
	}
	return -1;
}

bool go_lines_magic(const uint8_t *bytes, size_t size)
{
	return size >= 2 * WORD && find_version(bytes) >= 0 && !bytes[4] && !bytes[5] &&
	       (bytes[6] == 1 || bytes[6] == 2 || bytes[6] == 4) && bytes[7] == WORD;
}

/* Bytes of a number in the sorted list of functions. */
static size_t list_field(const struct go_lines *lines)
{
	return lines->version >= GO_1_18 ? 4 : WORD;
}

static uint64_t list_start(const struct go_lines *lines)
{
	return lines->version == GO_1_2 ? 2 * WORD : lines->functions;
}

static uint64_t list_length(const struct go_lines *lines)
{
	return (2 * lines->nr_functions + 1) * list_field(lines);
}

/* Before 1.16 all is found from the start of the table, and the files behind the list. */
static bool read_oldest(struct go_lines *lines)
{
	return number_at(lines, list_start(lines) + list_length(lines), 4, &lines->files);
}

/* The header's words: functions, files, from 1.18 on the text, then the offset of each part. */
static bool read_parts(struct go_lines *lines)
{
	uint64_t *const parts[] = { &lines->names, &lines->units, &lines->files, &lines->values,
				    &lines->functions };
	uint64_t word = 8 + 2 * WORD;
	size_t i;

	if (lines->version >= GO_1_18) {
		if (!number_at(lines, word, WORD, &lines->text))
			return false;
		word += WORD;
	}
	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++, word += WORD) {
		if (!number_at(lines, word, WORD, parts[i]) || *parts[i] >= lines->size)
			return false;
	}
	return true;
}

bool go_lines_read(const uint8_t *bytes, size_t size, struct go_lines *ret_lines)
{
	struct go_lines lines = { .bytes = bytes, .size = size };
	uint64_t ignored;
	bool ok;

	if (!go_lines_magic(bytes, size))
		return false;
	lines.version = (enum go_version)find_version(bytes);
	lines.quantum = bytes[6];
	if (!number_at(&lines, 8, WORD, &lines.nr_functions) || !lines.nr_functions ||
	    lines.nr_functions > MAX_FUNCTIONS)
		return false;
	ok = lines.version == GO_1_2 ? read_oldest(&lines) : read_parts(&lines);
	if (!ok || !number_at(&lines, list_start(&lines) + list_length(&lines) - 1, 1, &ignored))
		return false;
	*ret_lines = lines;
	return true;
}

/* The start of the i-th function; with i the number of functions, the end of the last. */
static uint64_t start_of(const struct go_lines *lines, uint64_t i)
{
	uint64_t start = 0;

	number_at(lines, list_start(lines) + 2 * i * list_field(lines), list_field(lines), &start);
	return start + lines->text;
}

/* The record repeats where its function starts, which tells that the two belong together. */
static bool is_record_of(const struct go_lines *lines, const struct go_function *f)
{
	uint64_t start;

	return number_at(lines, f->record, list_field(lines), &start) &&
	       start + lines->text == f->start;
}

void go_lines_text(const struct go_lines *lines, uint64_t *ret_start, uint64_t *ret_end)
{
	*ret_start = start_of(lines, 0);
	*ret_end = start_of(lines, lines->nr_functions);
}

bool go_lines_function(const struct go_lines *lines, uint64_t i, struct go_function *ret)
{
	uint64_t record = 0;
	struct go_function f;

	if (i >= lines->nr_functions)
		return false;
	f.start = start_of(lines, i);
	f.end = start_of(lines, i + 1);
	number_at(lines, list_start(lines) + (2 * i + 1) * list_field(lines), list_field(lines),
		  &record);
	if (record >= lines->size)
		return false;
	f.record = lines->functions + record;
	if (!is_record_of(lines, &f))
		return false;
	*ret = f;
	return true;
}

bool go_lines_find(const struct go_lines *lines, uint64_t address, struct go_function *ret)
{
	uint64_t low = 0, high = lines->nr_functions;
	struct go_function f;

	if (address < start_of(lines, 0) || address >= start_of(lines, high))
		return false;
	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;

		if (address < start_of(lines, middle))
			high = middle;
		else
			low = middle;
	}
	if (!go_lines_function(lines, low, &f) || address < f.start || address >= f.end)
		return false;
	*ret = f;
	return true;
}

static const char *text_at(const struct go_lines *lines, uint64_t offset)
{
	size_t left;

	if (offset >= lines->size)
		return NULL;
	left = lines->size - offset;
	if (!lines->bytes[offset] ||
	    !memchr(lines->bytes + offset, 0, left < MAX_NAME ? left : MAX_NAME))
		return NULL;
	return (const char *)lines->bytes + offset;
}

const char *go_lines_name(const struct go_lines *lines, int32_t offset)
{
	return offset > 0 || (!offset && lines->version > GO_1_2)
		       ? text_at(lines, lines->names + (uint32_t)offset)
		       : NULL;
}

/* The fields of a record, in the order of runtime._func behind its start. */
enum field {
	FIELD_NAME = 0,
	FIELD_FILES = 4,
	FIELD_LINES = 5,
	FIELD_NR_VALUES = 6,
	FIELD_UNIT = 7, /* from 1.16 on */
};

static uint32_t field_of(const struct go_lines *lines, const struct go_function *f,
			 enum field field)
{
	uint64_t value = 0;

	number_at(lines, f->record + list_field(lines) + 4 * (uint64_t)field, 4, &value);
	return (uint32_t)value;
}

/* Bytes of a record before its lists: up to 1.15 seven fields, then the unit, then a line. */
static uint64_t record_size(const struct go_lines *lines)
{
	static const uint8_t fields[] = {
		[GO_1_2] = 8,
		[GO_1_16] = 9,
		[GO_1_18] = 9,
		[GO_1_20] = 10,
	};

	return list_field(lines) + 4ULL * fields[lines->version];
}

const char *go_lines_function_name(const struct go_lines *lines, const struct go_function *f)
{
	return go_lines_name(lines, (int32_t)field_of(lines, f, FIELD_NAME));
}

/* Are these bytes there, with a zero behind them? */
static bool ends_with(const struct go_lines *lines, uint64_t offset, const char *text)
{
	size_t length = strlen(text) + 1;

	return offset <= lines->size && length <= lines->size - offset &&
	       !memcmp(lines->bytes + offset, text, length);
}

bool go_lines_is_named(const struct go_lines *lines, const struct go_function *f, const char *name)
{
	uint64_t at = lines->names + field_of(lines, f, FIELD_NAME);
	size_t length = strlen(name);

	if (at > lines->size || length > lines->size - at ||
	    memcmp(lines->bytes + at, name, length) != 0)
		return false;
	return ends_with(lines, at + length, "") || ends_with(lines, at + length, ".abi0");
}

static uint32_t small_number(struct cfi_cursor *cursor)
{
	return (uint32_t)cfi_uleb(cursor);
}

/* The value that the list at `offset` has for the address; -1 none. */
static int32_t value_at(const struct go_lines *lines, const struct go_function *f, uint32_t offset,
			uint64_t address, struct debug_budget *budget)
{
	struct cfi_cursor cursor;
	uint64_t at = f->start;
	uint32_t value = UINT32_MAX, steps;

	if (!offset || offset >= lines->size - lines->values)
		return -1;
	cursor = (struct cfi_cursor){ .at = lines->bytes + lines->values + offset,
				      .end = lines->bytes + lines->size };
	for (steps = 0; steps < MAX_STEPS && debug_budget_step(budget); steps++) {
		uint32_t difference = small_number(&cursor);

		/* An odd number is negative, and zero ends the list unless it begins it. */
		if (!difference && steps)
			return -1;
		value += difference & 1 ? ~(difference >> 1) : difference >> 1;
		at += (uint64_t)small_number(&cursor) * lines->quantum;
		if (cursor.failed)
			return -1;
		if (address < at)
			return (int32_t)value;
	}
	return -1;
}

static const char *file_of(const struct go_lines *lines, const struct go_function *f, int32_t file)
{
	uint64_t offset;

	if (lines->version == GO_1_2) {
		/* The list of files starts with their number. */
		if (!file || !number_at(lines, lines->files + 4 * (uint64_t)file, 4, &offset))
			return NULL;
		return text_at(lines, offset);
	}
	if (!number_at(lines,
		       lines->units +
			       4 * ((uint64_t)field_of(lines, f, FIELD_UNIT) + (uint32_t)file),
		       4, &offset) ||
	    offset == UINT32_MAX)
		return NULL;
	return text_at(lines, lines->files + offset);
}

bool go_lines_place(const struct go_lines *lines, const struct go_function *f, uint64_t address,
		    struct debug_budget *budget, const char **ret_file, uint32_t *ret_line)
{
	int32_t file = value_at(lines, f, field_of(lines, f, FIELD_FILES), address, budget);
	int32_t line = value_at(lines, f, field_of(lines, f, FIELD_LINES), address, budget);
	const char *path = file >= 0 && line > 0 ? file_of(lines, f, file) : NULL;

	if (!path)
		return false;
	*ret_file = path;
	*ret_line = (uint32_t)line;
	return true;
}

int32_t go_lines_inlined(const struct go_lines *lines, const struct go_function *f,
			 uint64_t address, struct debug_budget *budget)
{
	uint64_t offset;

	if (lines->version == GO_1_2 || field_of(lines, f, FIELD_NR_VALUES) <= PCDATA_INLINED ||
	    !number_at(lines, f->record + record_size(lines) + 4 * PCDATA_INLINED, 4, &offset))
		return -1;
	return value_at(lines, f, (uint32_t)offset, address, budget);
}

bool go_lines_inline_tree(const struct go_lines *lines, const struct go_function *f,
			  uint64_t *ret_where)
{
	uint64_t count = 0, where, size = lines->version >= GO_1_18 ? 4 : WORD;
	uint64_t list =
		f->record + record_size(lines) + 4 * (uint64_t)field_of(lines, f, FIELD_NR_VALUES);

	if (lines->version == GO_1_2 ||
	    !number_at(lines, f->record + record_size(lines) - 1, 1, &count) ||
	    count <= FUNCDATA_INLINE_TREE)
		return false;
	/* Addresses are aligned. */
	list = (list + size - 1) / size * size;
	if (!number_at(lines, list + FUNCDATA_INLINE_TREE * size, size, &where) ||
	    where == (size == 4 ? UINT32_MAX : 0))
		return false;
	*ret_where = where;
	return true;
}

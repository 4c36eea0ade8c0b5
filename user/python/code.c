// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns what has been read of a process's code objects. An object's address may come to hold
 * another one, so each is looked at again when it is asked for, by one read of its
 * header: while the pointers to its names and its table, and its first line, are the same,
 * what was read holds. Where no code object is there any more, or no process, it is what the
 * frame was in when it was seen, as well as can be known.
 *
 * Memory is bounded: a program that makes code without end has it forgotten, and read again.
 */
#include "python/code.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/vec.h"
#include "python/lines.h"

enum {
	HEADER_MOST = 256,
	TABLE_MOST = 1 << 20,
	BYTES_DATA = 32, /* of a bytes object */
	BYTES_DATA_2 = 36, /* and of 2.7's */
	CODES_MOST = 1 << 16,
	TABLES_MOST = 32 << 20,
	LINE_MOST = 1 << 28,
};

/* What tells one code object from another at the same address. */
struct code_header {
	uint64_t type, file, name, qualname, lines;
	int32_t first;
};

struct code {
	struct code_header header;
	const char *function, *file;
	uint8_t *table;
	size_t size;
	bool hidden;
};

struct python_codes {
	struct remote *remote;
	struct python_layout layout;
	struct strpool *names;
	struct hashmap *by_address; /* to an index of codes */
	struct code *codes;
	size_t nr, cap;
	size_t table_bytes;
	size_t header_bytes; /* to be read of an object */
};

static size_t header_bytes(const struct python_layout *layout)
{
	const uint16_t fields[] = { layout->code_filename, layout->code_name, layout->code_qualname,
				    layout->code_firstlineno, layout->code_lines };
	size_t most = 0;

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (fields[i] != PYTHON_ABSENT && fields[i] + 8U > most)
			most = fields[i] + 8;
	return most;
}

struct python_codes *python_codes_new(struct remote *remote, const struct python_layout *layout,
				      struct strpool *names)
{
	struct python_codes *codes = calloc(1, sizeof(*codes));

	if (!codes)
		return NULL;
	codes->remote = remote;
	codes->layout = *layout;
	codes->names = names;
	codes->header_bytes = header_bytes(layout);
	codes->by_address = hashmap_new();
	if (!codes->by_address || codes->header_bytes > HEADER_MOST) {
		python_codes_free(codes);
		return NULL;
	}
	return codes;
}

static void forget_all(struct python_codes *codes)
{
	for (size_t i = 0; i < codes->nr; i++)
		free(codes->codes[i].table);
	free(codes->codes);
	codes->codes = NULL;
	codes->nr = codes->cap = codes->table_bytes = 0;
	hashmap_free(codes->by_address);
	codes->by_address = NULL;
}

void python_codes_free(struct python_codes *codes)
{
	if (!codes)
		return;
	forget_all(codes);
	free(codes);
}

size_t python_codes_bytes(const struct python_codes *codes)
{
	return sizeof(*codes) + codes->cap * sizeof(*codes->codes) + codes->table_bytes +
	       (codes->by_address ? hashmap_bytes(codes->by_address) : 0);
}

static uint64_t pointer_at(const uint8_t *bytes, uint16_t offset)
{
	uint64_t value = 0;

	if (offset != PYTHON_ABSENT)
		memcpy(&value, bytes + offset, sizeof(value));
	return value;
}

static int read_header(struct python_codes *codes, uint64_t address, struct code_header *ret_header)
{
	const struct python_layout *layout = &codes->layout;
	struct code_header header = { 0 };
	uint8_t bytes[HEADER_MOST];
	int err = remote_read(codes->remote, address, bytes, codes->header_bytes);

	if (err)
		return err;
	header.type = pointer_at(bytes, PYTHON_OB_TYPE);
	header.file = pointer_at(bytes, layout->code_filename);
	header.name = pointer_at(bytes, layout->code_name);
	header.qualname = pointer_at(bytes, layout->code_qualname);
	header.lines = pointer_at(bytes, layout->code_lines);
	memcpy(&header.first, bytes + layout->code_firstlineno, sizeof(header.first));
	*ret_header = header;
	return 0;
}

static bool same_header(const struct code_header *a, const struct code_header *b)
{
	return a->type == b->type && a->file == b->file && a->name == b->name &&
	       a->qualname == b->qualname && a->lines == b->lines && a->first == b->first;
}

/* The type of code objects is called "code"; its names are objects of one type. */
static int check_header(struct python_codes *codes, const struct code_header *header)
{
	uint64_t name, file_type, name_type;
	char text[5] = "";
	int err = remote_read_u64(codes->remote, header->type + PYTHON_TYPE_NAME, &name);

	err = err ?: remote_read(codes->remote, name, text, sizeof(text));
	err = err ?: remote_read_u64(codes->remote, header->file + PYTHON_OB_TYPE, &file_type);
	err = err ?: remote_read_u64(codes->remote, header->name + PYTHON_OB_TYPE, &name_type);
	if (err)
		return err;
	if (memcmp(text, "code", sizeof(text)) != 0 || file_type != name_type ||
	    header->first < 0 || header->first > LINE_MOST)
		return -EFAULT;
	return 0;
}

static int read_table(struct python_codes *codes, uint64_t address, struct code *code)
{
	uint64_t size;
	int err = remote_read_u64(codes->remote, address + PYTHON_OB_SIZE, &size);

	if (err)
		return err;
	if (size > TABLE_MOST)
		return -EFAULT;
	code->table = malloc(size ? size : 1);
	if (!code->table)
		return -ENOMEM;
	code->size = size;
	address += codes->layout.major < 3 ? BYTES_DATA_2 : BYTES_DATA;
	return remote_read(codes->remote, address, code->table, size);
}

static int read_name(struct python_codes *codes, uint64_t address, const char **ret_name)
{
	char *text;
	int err = python_text_read(codes->remote, &codes->layout, address, &text);

	if (err)
		return err;
	*ret_name = strpool_add(codes->names, text);
	free(text);
	return *ret_name ? 0 : -ENOMEM;
}

static int read_code(struct python_codes *codes, const struct code_header *header,
		     struct code *ret_code)
{
	struct code code = { .header = *header };
	int err = check_header(codes, header);

	err = err ?: read_name(codes, header->file, &code.file);
	err = err
		      ?: read_name(codes, header->qualname ? header->qualname : header->name,
				   &code.function);
	err = err ?: read_table(codes, header->lines, &code);
	if (err) {
		free(code.table);
		return err;
	}
	/* From 3.12 on a call of a class goes through code that is in no file (_Py_InitCleanup). */
	code.hidden = header->file == header->name;
	*ret_code = code;
	return 0;
}

static int make_room(struct python_codes *codes)
{
	if (codes->nr >= CODES_MOST || codes->table_bytes >= TABLES_MOST)
		forget_all(codes);
	if (!codes->by_address)
		codes->by_address = hashmap_new();
	return codes->by_address ? 0 : -ENOMEM;
}

/* Puts it in the place of what was there. */
static int keep(struct python_codes *codes, uint64_t address, const struct code *code,
		struct code **ret_kept)
{
	struct code *slot;
	uint64_t index;

	if (hashmap_get(codes->by_address, address, &index)) {
		slot = &codes->codes[index];
		codes->table_bytes -= slot->size;
		free(slot->table);
	} else {
		slot = vec_push(&codes->codes, &codes->nr, &codes->cap);
		if (!slot)
			return -ENOMEM;
		if (hashmap_put(codes->by_address, address, codes->nr - 1)) {
			codes->nr--;
			return -ENOMEM;
		}
	}
	*slot = *code;
	codes->table_bytes += code->size;
	*ret_kept = slot;
	return 0;
}

static int find_code(struct python_codes *codes, uint64_t address, struct code **ret_code)
{
	struct code *known = NULL, fresh;
	struct code_header header;
	uint64_t index;
	int err;

	if (codes->by_address && hashmap_get(codes->by_address, address, &index))
		known = &codes->codes[index];
	err = read_header(codes, address, &header);
	if (known && (err == -ESRCH || (!err && same_header(&header, &known->header)))) {
		*ret_code = known;
		return 0;
	}
	err = err ?: read_code(codes, &header, &fresh);
	/* It has been freed since the frame was seen. */
	if (known && err == -EFAULT) {
		*ret_code = known;
		return 0;
	}
	if (err)
		return err;
	err = make_room(codes) ?: keep(codes, address, &fresh, ret_code);
	if (err)
		free(fresh.table);
	return err;
}

static void locate(const struct python_codes *codes, const struct code *code, int64_t instruction,
		   struct python_location *ret_location)
{
	const struct python_lines lines = {
		.format = python_lines_format(codes->layout.major, codes->layout.minor),
		.bytes = code->table,
		.size = code->size,
		.first = code->header.first,
	};

	*ret_location = (struct python_location){
		.function = code->function,
		.file = code->file,
		.line = python_lines_find(&lines, instruction),
		.name_at = code->header.name,
		.lines_at = code->header.lines,
		.hidden = code->hidden,
	};
}

int python_codes_find(struct python_codes *codes, uint64_t address, int64_t instruction,
		      struct python_location *ret_location)
{
	struct code *code;
	int err = find_code(codes, address, &code);

	if (!err)
		locate(codes, code, instruction, ret_location);
	return err;
}

bool python_codes_kept(const struct python_codes *codes, uint64_t address, int64_t instruction,
		       struct python_location *ret_location)
{
	uint64_t index;

	if (!codes->by_address || !hashmap_get(codes->by_address, address, &index))
		return false;
	locate(codes, &codes->codes[index], instruction, ret_location);
	return true;
}

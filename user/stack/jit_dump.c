// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the bytes of a jit-PID.dump: a header, and records of code that was loaded or moved,
 * of the lines of code that is loaded next, and others that are passed over.
 *
 * The file is written by the traced process: each length is checked against the record that
 * it is in, and a record that does not add up tells nothing. (V8 writes damaged ones: of code
 * of its baseline compiler the file names are cut wrong.)
 */
#include "stack/jit_dump.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proc/maps.h"
#include "proc/process.h"
#include "stack/cfi_cursor.h"
#include "stack/jit_code.h"

enum {
	MAGIC = 0x4a695444,
	HEADER = 40, /* bytes */
	MAX_HEADER = 4096,
	RECORD_HEADER = 16, /* kind, size, time */
	CODE_LOAD = 0,
	CODE_MOVE = 1,
	CODE_LINES = 2,
	MAX_NAME = 4096,
	FIRST_CHUNK = 1 << 20,
	MAX_RECORD = 64 << 20, /* a longer one is skipped; it has the code's bytes in it */
	/*
	 * perf inject makes an ELF file of each function, and V8 gives the lines' addresses as
	 * they are behind that file's header (src/diagnostics/perf-jit.cc of V8). Its names
	 * of code with lines begin so.
	 */
	V8_SHIFT = sizeof(Elf64_Ehdr),
};
static const char V8_PREFIX[] = "JS:";
static const uint64_t MAX_FILE = 8ULL << 30;

struct jit_dump {
	struct jit_code_table *table;
	bool started; /* the header was read */
	uint64_t lines_of; /* the code that the lines read last belong to; 0 none */
	int fd; /* -1 not open */
	uint64_t consumed; /* bytes of the file */
};

struct jit_dump *jit_dump_new(void)
{
	struct jit_dump *dump = calloc(1, sizeof(*dump));

	if (!dump)
		return NULL;
	dump->fd = -1;
	dump->table = jit_code_table_new();
	if (!dump->table) {
		free(dump);
		return NULL;
	}
	return dump;
}

void jit_dump_free(struct jit_dump *dump)
{
	if (!dump)
		return;
	jit_code_table_free(dump->table);
	close_fd(&dump->fd);
	free(dump);
}

static int clear(struct jit_dump *dump)
{
	struct jit_code_table *empty = jit_code_table_new();

	if (!empty)
		return -ENOMEM;
	jit_code_table_free(dump->table);
	dump->table = empty;
	dump->started = false;
	dump->lines_of = 0;
	dump->consumed = 0;
	return 0;
}

static uint16_t own_machine(void)
{
#ifdef __aarch64__
	return EM_AARCH64;
#else
	return EM_X86_64;
#endif
}

/* The text at the cursor, up to its NUL; NULL when it does not end. */
static const char *read_text(struct cfi_cursor *cursor)
{
	size_t left = cfi_left(cursor);
	const char *text = (const char *)cursor->at;
	const char *end = memchr(text, 0, left < MAX_NAME ? left : MAX_NAME);

	if (!end) {
		cursor->failed = true;
		return NULL;
	}
	cfi_skip(cursor, (uint64_t)(end - text) + 1);
	return text;
}

/* A path as compilers write it; what has control characters was misread. */
static bool is_path(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	}
	return true;
}

/* process, thread, address (twice), size, number, name, code */
static int read_load(struct jit_dump *dump, struct cfi_cursor *record)
{
	uint64_t start, size, shift;
	const char *name;
	bool has_lines;

	cfi_skip(record, 4 + 4 + 8);
	start = cfi_number(record, 8);
	size = cfi_number(record, 8);
	cfi_skip(record, 8);
	name = read_text(record);
	cfi_skip(record, size);
	has_lines = dump->lines_of && dump->lines_of == start;
	dump->lines_of = 0;
	if (record->failed || !*name || !size || size > UINT64_MAX - start) {
		jit_code_drop_lines(dump->table);
		return 0;
	}
	if (!has_lines)
		jit_code_drop_lines(dump->table);
	shift = strncmp(name, V8_PREFIX, strlen(V8_PREFIX)) ? 0 : V8_SHIFT;
	return jit_code_add(dump->table, start, start + size, name, shift);
}

/* process, thread, address, old and new address, size, number */
static int read_move(struct jit_dump *dump, struct cfi_cursor *record)
{
	uint64_t old, new, size;

	cfi_skip(record, 4 + 4 + 8);
	old = cfi_number(record, 8);
	new = cfi_number(record, 8);
	size = cfi_number(record, 8);
	if (record->failed || !size || size > UINT64_MAX - new)
		return 0;
	return jit_code_move(dump->table, old, new, new + size);
}

/* code's address, number of entries; each: address, line, discriminator, file */
static int read_lines(struct jit_dump *dump, struct cfi_cursor *record)
{
	static const char same[] = "\xff"; /* "the file of the entry before" */
	const char *file = NULL;
	uint64_t code, nr, i;
	int err = 0;

	jit_code_drop_lines(dump->table);
	dump->lines_of = 0;
	code = cfi_number(record, 8);
	nr = cfi_number(record, 8);
	for (i = 0; !err && !record->failed && i < nr; i++) {
		uint64_t address = cfi_number(record, 8);
		uint32_t line = (uint32_t)cfi_number(record, 4);
		const char *name;

		cfi_skip(record, 4);
		name = read_text(record);
		if (name && strcmp(name, same)) {
			file = name;
			record->failed |= !is_path(name);
		}
		if (name && file)
			err = jit_code_add_line(dump->table, address - code, line, file);
	}
	if (err)
		return err;
	/* Entries that end elsewhere than the record were misread. */
	if (record->failed || cfi_left(record) >= 8)
		jit_code_drop_lines(dump->table);
	else
		dump->lines_of = code;
	return 0;
}

static int read_record(struct jit_dump *dump, uint32_t kind, struct cfi_cursor *record)
{
	switch (kind) {
	case CODE_LOAD:
		return read_load(dump, record);
	case CODE_MOVE:
		return read_move(dump, record);
	case CODE_LINES:
		return read_lines(dump, record);
	default:
		return 0;
	}
}

/* magic, version, its own size, machine, padding, process, time, flags. Bytes or -EINVAL. */
static ssize_t read_header(const uint8_t *bytes, size_t length)
{
	struct cfi_cursor cursor = { .at = bytes, .end = bytes + length };
	uint64_t magic, size, machine;

	if (length < HEADER)
		return 0;
	magic = cfi_number(&cursor, 4);
	cfi_skip(&cursor, 4);
	size = cfi_number(&cursor, 4);
	machine = cfi_number(&cursor, 4);
	if (magic != MAGIC || size < HEADER || size > MAX_HEADER || machine != own_machine())
		return -EINVAL;
	return size <= length ? (ssize_t)size : 0;
}

ssize_t jit_dump_parse(struct jit_dump *dump, const uint8_t *bytes, size_t length,
		       uint64_t *ret_needed)
{
	size_t used = 0;

	*ret_needed = 0;
	if (!dump->started) {
		ssize_t header = read_header(bytes, length);

		if (header <= 0)
			return header;
		dump->started = true;
		used = (size_t)header;
	}
	while (length - used >= RECORD_HEADER) {
		struct cfi_cursor record = { .at = bytes + used, .end = bytes + length };
		uint32_t kind = (uint32_t)cfi_number(&record, 4);
		uint64_t size = cfi_number(&record, 4);
		int err;

		/* Nothing behind it can be found again. */
		if (size < RECORD_HEADER)
			return -EINVAL;
		if (size > length - used) {
			*ret_needed = size;
			break;
		}
		record.at = bytes + used + RECORD_HEADER;
		record.end = bytes + used + size;
		err = read_record(dump, kind, &record);
		if (err)
			return err;
		used += size;
	}
	return (ssize_t)used;
}

/* A file of the name that perf looks for (tools/perf/util/jitdump.c of Linux). */
static bool is_dump(const struct mapping *mapping, pid_t pid)
{
	const char *slash = strrchr(mapping->path, '/');
	char name[sizeof("jit-.dump") + 12];

	snprintf(name, sizeof(name), "jit-%d.dump", (int)pid);
	return mapping->executable && mapping->inode && slash && !strcmp(slash + 1, name);
}

/* The file that the process maps. A descriptor or -errno. */
static int open_file(pid_t pid)
{
	struct process_info info;
	struct maps maps;
	int err = process_read(pid, &info), fd = -ENOENT;
	size_t i;

	if (!err)
		err = maps_read(pid, &maps);
	if (err)
		return err;
	for (i = 0; fd < 0 && i < maps.nr; i++) {
		if (is_dump(&maps.items[i], info.ns_pid))
			fd = maps_open(pid, &maps.items[i]);
	}
	maps_free(&maps);
	return fd;
}

/* Keeps the open file unless the process maps another one by now. */
static int refresh_file(struct jit_dump *dump, pid_t pid)
{
	struct stat old, new;
	int fd = open_file(pid);

	if (fd < 0)
		return dump->fd >= 0 ? 0 : fd;
	if (fstat(fd, &new) || !S_ISREG(new.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	if (dump->fd >= 0 && !fstat(dump->fd, &old) && old.st_dev == new.st_dev &&
	    old.st_ino == new.st_ino) {
		close(fd);
		return 0;
	}
	close_fd(&dump->fd);
	dump->fd = fd;
	return clear(dump);
}

/* Reads and parses one chunk, which grows to hold a record. 0 done, 1 more to read, -errno. */
static int read_chunk(struct jit_dump *dump, uint8_t **chunk, size_t *size)
{
	ssize_t n = pread(dump->fd, *chunk, *size, (off_t)dump->consumed), used;
	uint64_t needed;
	uint8_t *grown;

	if (n <= 0)
		return n ? -errno : 0;
	used = jit_dump_parse(dump, *chunk, (size_t)n, &needed);
	if (used < 0)
		return (int)used;
	dump->consumed += (uint64_t)used;
	if (needed > MAX_RECORD) {
		dump->consumed += needed;
		return 1;
	}
	if (needed <= *size)
		return used && (size_t)n == *size;
	grown = realloc(*chunk, needed);
	if (!grown)
		return -ENOMEM;
	*chunk = grown;
	*size = needed;
	return 1;
}

int jit_dump_update(struct jit_dump *dump, pid_t pid, bool seek)
{
	size_t size = FIRST_CHUNK;
	struct stat status;
	uint8_t *chunk;
	int err = seek ? refresh_file(dump, pid) : 0;

	if (!err && dump->fd < 0)
		err = -ENOENT;
	if (err)
		return err;
	if (fstat(dump->fd, &status))
		return -errno;
	if ((uint64_t)status.st_size < dump->consumed && clear(dump))
		return -ENOMEM;
	if ((uint64_t)status.st_size == dump->consumed || dump->consumed >= MAX_FILE)
		return 0;
	chunk = malloc(size);
	err = chunk ? 1 : -ENOMEM;
	while (err > 0 && dump->consumed < MAX_FILE)
		err = read_chunk(dump, &chunk, &size);
	free(chunk);
	return err > 0 ? 0 : err;
}

/*
 * V8's names end with the function's file. A line of another file is that of a function inlined
 * there, of which the dump has no name: it would stand beside the wrong one.
 */
bool jit_dump_find(struct jit_dump *dump, uint64_t address, struct jit_code *ret_code)
{
	struct jit_code code;

	if (!jit_code_find(dump->table, address, &code))
		return false;
	if (code.file && !strncmp(code.name, V8_PREFIX, strlen(V8_PREFIX)) &&
	    !strstr(code.name, code.file)) {
		code.file = NULL;
		code.line = 0;
	}
	*ret_code = code;
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Makes jitdump files, by the specification that stack/jit_dump.h names. */
#ifndef TESTS_JIT_DUMP_FILE_H
#define TESTS_JIT_DUMP_FILE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct dump_file {
	uint8_t bytes[1 << 16];
	size_t size;
};

static inline void dump_number(struct dump_file *file, uint64_t value, size_t size)
{
	memcpy(file->bytes + file->size, &value, size);
	file->size += size;
}

static inline void dump_text(struct dump_file *file, const char *text)
{
	memcpy(file->bytes + file->size, text, strlen(text) + 1);
	file->size += strlen(text) + 1;
}

static inline void dump_header(struct dump_file *file)
{
#ifdef __aarch64__
	const uint32_t machine = EM_AARCH64;
#else
	const uint32_t machine = EM_X86_64;
#endif

	file->size = 0;
	dump_number(file, 0x4a695444, 4);
	dump_number(file, 1, 4);
	dump_number(file, 40, 4);
	dump_number(file, machine, 4);
	dump_number(file, 0, 4);
	dump_number(file, 1, 4);
	dump_number(file, 0, 8);
	dump_number(file, 0, 8);
}

/* Returns where the record's size is to be put by dump_end. */
static inline size_t dump_begin(struct dump_file *file, uint32_t kind)
{
	size_t at = file->size;

	dump_number(file, kind, 4);
	dump_number(file, 0, 4);
	dump_number(file, 12345, 8);
	return at;
}

static inline void dump_end(struct dump_file *file, size_t at)
{
	uint32_t size = (uint32_t)(file->size - at);

	memcpy(file->bytes + at + 4, &size, 4);
}

static inline void dump_load(struct dump_file *file, uint64_t start, uint64_t size,
			     const char *name)
{
	size_t at = dump_begin(file, 0);

	dump_number(file, 1, 4);
	dump_number(file, 1, 4);
	dump_number(file, start, 8);
	dump_number(file, start, 8);
	dump_number(file, size, 8);
	dump_number(file, 0, 8);
	dump_text(file, name);
	memset(file->bytes + file->size, 0x90, size);
	file->size += size;
	dump_end(file, at);
}

static inline void dump_move(struct dump_file *file, uint64_t old, uint64_t start, uint64_t size)
{
	size_t at = dump_begin(file, 1);

	dump_number(file, 1, 4);
	dump_number(file, 1, 4);
	dump_number(file, start, 8);
	dump_number(file, old, 8);
	dump_number(file, start, 8);
	dump_number(file, size, 8);
	dump_number(file, 0, 8);
	dump_end(file, at);
}

struct dump_line {
	uint64_t address;
	uint32_t line;
	const char *file;
};

static inline void dump_lines(struct dump_file *file, uint64_t start, const struct dump_line *lines,
			      size_t nr)
{
	size_t at = dump_begin(file, 2), i;

	dump_number(file, start, 8);
	dump_number(file, nr, 8);
	for (i = 0; i < nr; i++) {
		dump_number(file, lines[i].address, 8);
		dump_number(file, lines[i].line, 4);
		dump_number(file, 0, 4);
		dump_text(file, lines[i].file);
	}
	dump_end(file, at);
}

#endif

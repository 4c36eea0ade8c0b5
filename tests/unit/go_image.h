/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Makes a file with a Go table of each version, by the description in go_lines.h: without
 * section headers, one function of 0x40 bytes in "/src/a.go" whose bytes 0x10 to 0x1f are
 * of a function inlined from "/src/b.go".
 */
#ifndef TESTS_GO_IMAGE_H
#define TESTS_GO_IMAGE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "stack/go_lines.h"

enum {
	GO_IMAGE_SIZE = 0xa000,
	GO_BASE = 0x10000,
	GO_TABLE = 0x1000, /* in the file, as what follows */
	GO_TREES = 0x8000,
	GO_MODULE = 0x9000,
	GO_TEXT = 0x400000,
	GO_LENGTH = 0x40,
	/* in the table */
	GO_NAMES = 0x100,
	GO_UNITS = 0x200,
	GO_FILES = 0x240,
	GO_FILE_NAMES = 0x260,
	GO_VALUES = 0x300,
	GO_FUNCTIONS = 0x400,
	GO_RECORD = 0x480,
};

static const uint32_t go_magics[] = { 0xfffffffb, 0xfffffffa, 0xfffffff0, 0xfffffff1 };

static inline void go_put(uint8_t *at, uint64_t value, size_t size)
{
	memcpy(at, &value, size);
}

static inline void go_put_elf(uint8_t *file)
{
	const Elf64_Phdr segment = {
		.p_type = PT_LOAD,
		.p_flags = PF_R,
		.p_vaddr = GO_BASE,
		.p_filesz = GO_IMAGE_SIZE,
		.p_memsz = GO_IMAGE_SIZE,
		.p_align = 4096,
	};
	const Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(header),
		.e_ehsize = sizeof(header),
		.e_phentsize = sizeof(segment),
		.e_phnum = 1,
	};

	memcpy(file, &header, sizeof(header));
	memcpy(file + sizeof(header), &segment, sizeof(segment));
}

static inline void go_put_header(uint8_t *table, enum go_version version)
{
	static const uint16_t parts[] = { GO_NAMES, GO_UNITS, GO_FILES, GO_VALUES, GO_FUNCTIONS };
	uint8_t *at = table + 24;
	size_t i;

	go_put(table, go_magics[version], 4);
	table[6] = 1;
	table[7] = 8;
	go_put(table + 8, 1, 8);
	if (version == GO_1_2)
		return;
	go_put(table + 16, 2, 8);
	if (version >= GO_1_18) {
		go_put(at, GO_TEXT, 8);
		at += 8;
	}
	for (i = 0; i < 5; i++)
		go_put(at + 8 * i, parts[i], 8);
}

/* The sorted list: start, record, end. */
static inline void go_put_list(uint8_t *table, enum go_version version)
{
	uint8_t *list = table + (version == GO_1_2 ? 16 : GO_FUNCTIONS);
	size_t size = version >= GO_1_18 ? 4 : 8;
	uint64_t start = version >= GO_1_18 ? 0 : GO_TEXT;

	go_put(list, start, size);
	go_put(list + size, version == GO_1_2 ? GO_RECORD : GO_RECORD - GO_FUNCTIONS, size);
	go_put(list + 2 * size, start + GO_LENGTH, size);
	if (version == GO_1_2)
		go_put(list + 3 * size, GO_FILES, 4);
}

static inline void go_put_record(uint8_t *table, enum go_version version)
{
	uint8_t *record = table + GO_RECORD, *at = record + (version >= GO_1_18 ? 4 : 8);

	go_put(record, version >= GO_1_18 ? 0 : GO_TEXT, version >= GO_1_18 ? 4 : 8);
	go_put(at, version == GO_1_2 ? GO_NAMES + 1 : 1, 4);
	go_put(at + 16, version == GO_1_2 ? GO_VALUES + 1 : 1, 4); /* files */
	go_put(at + 20, version == GO_1_2 ? GO_VALUES + 11 : 11, 4); /* lines */
	go_put(at + 24, 3, 4);
	at += version == GO_1_2 ? 28 : version == GO_1_20 ? 36 : 32;
	at[3] = 4;
	go_put(at + 4 + 8, version == GO_1_2 ? GO_VALUES + 21 : 21, 4); /* inlined calls */
	at += 4 + 12;
	if (version >= GO_1_18) {
		go_put(at + 12, 0x20, 4);
	} else {
		at += (size_t)(at - table) % 8;
		go_put(at + 24, GO_BASE + GO_TREES + 0x20, 8);
	}
}

/* Lists of (difference, length): zigzag; the first difference is to -1. */
static inline void go_put_values(uint8_t *table, enum go_version version)
{
	static const uint8_t lines[] = { 22, 0x10, 80, 0x10, 75, 0x20, 0 };
	static const uint8_t inlined[] = { 0, 0x10, 2, 0x10, 1, 0x20, 0 };
	uint8_t files[] = { version == GO_1_2 ? 4 : 2, 0x10, 2, 0x10, 1, 0x20, 0 };
	uint8_t *names = table + (version == GO_1_2 ? GO_FILE_NAMES : GO_FILES);

	memcpy(table + GO_VALUES + 1, files, sizeof(files));
	memcpy(table + GO_VALUES + 11, lines, sizeof(lines));
	memcpy(table + GO_VALUES + 21, inlined, sizeof(inlined));
	memcpy(names, "/src/a.go\0/src/b.go", 20);
	memcpy(table + GO_NAMES + 1, "main.outer\0main.inner", 22);
	if (version == GO_1_2) {
		go_put(table + GO_FILES, 3, 4);
		go_put(table + GO_FILES + 4, GO_FILE_NAMES, 4);
		go_put(table + GO_FILES + 8, GO_FILE_NAMES + 10, 4);
	} else {
		go_put(table + GO_UNITS, 0, 4);
		go_put(table + GO_UNITS + 4, 10, 4);
	}
}

/* The tree's one entry: the name, and where it is called. */
static inline void go_put_tree(uint8_t *tree, enum go_version version)
{
	go_put(tree + (version >= GO_1_20 ? 4 : 12), 12, 4);
	go_put(tree + (version >= GO_1_20 ? 8 : 16), 0x25, 4);
}

static inline void go_put_module(uint8_t *module, enum go_version version)
{
	go_put(module, GO_BASE + GO_TABLE, 8);
	go_put(module + 8, GO_BASE + GO_TABLE + GO_NAMES, 8);
	go_put(module + 32, GO_BASE + GO_TABLE + GO_UNITS, 8);
	go_put(module + 176, GO_TEXT, 8);
	go_put(module + (version >= GO_1_20 ? 320 : 304), GO_BASE + GO_TREES, 8);
}

static inline void go_image(uint8_t file[GO_IMAGE_SIZE], enum go_version version)
{
	uint8_t *table = file + GO_TABLE;

	memset(file, 0, GO_IMAGE_SIZE);
	go_put_elf(file);
	go_put_header(table, version);
	go_put_list(table, version);
	go_put_record(table, version);
	go_put_values(table, version);
	go_put_tree(file + GO_TREES + 0x20, version);
	go_put_module(file + GO_MODULE, version);
}

#endif

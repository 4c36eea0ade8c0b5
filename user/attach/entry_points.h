/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which allocator entry points (and functions of user-given pairs) an ELF file defines,
 * by its symbols: one item an address, whatever number of names it has.
 */
#ifndef SEEP_ATTACH_ENTRY_POINTS_H
#define SEEP_ATTACH_ENTRY_POINTS_H

#include "attach/elf_file.h"
#include "attach/plan.h"

struct entry_point {
	char *symbol; /* the plainest of its names */
	char *aliases; /* the others, ", " between them; NULL none */
	const struct family *family;
	uint32_t rank; /* order of the tables */
	uint8_t op;
	uint8_t argument; /* bits 16-19 of the cookie */
	bool throws;
	bool wrapper;
	bool indirect; /* STT_GNU_IFUNC: the address is of what picks the function */
	uint64_t address, size;
};

struct entry_points {
	struct entry_point *items; /* by rank */
	size_t nr, cap;
	const struct family *owner; /* of the plain names malloc, free; NULL none */
	size_t nr_symbols; /* that the file has at all */
	bool loader; /* ld.so: its malloc serves the start-up only */
	bool overflow; /* more than ENTRY_POINTS_MOST: the rest was left out */
};

enum { ENTRY_POINTS_MOST = 4096 };

/* 0, -EINVAL for a corrupt file, -ENOMEM. */
int entry_points_find(const struct elf_file *file, const char *path,
		      const struct plan_options *options, struct entry_points *ret_points);
void entry_points_free(struct entry_points *points);

#endif

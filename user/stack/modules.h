/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the symbolizer asks of the modules table beyond the public stack/symbols.h. */
#ifndef SEEP_STACK_MODULES_H
#define SEEP_STACK_MODULES_H

#include "stack/symbols.h"

/*
 * The file of the module, even where its path means another by now. A descriptor of
 * the caller's own to close, or -errno: -ENOEXEC for what is no ELF file, -ENOENT when
 * it cannot be had any more.
 */
int modules_open(struct modules *modules, uint32_t module);

/* The root of the process that the module was first seen in (see roots_of), even after its end. */
int modules_root(const struct modules *modules, uint32_t module);

/* How many files are held open at most; beyond it the least recently used is closed. */
void modules_limit(struct modules *modules, size_t descriptors);

/* One executable mapping of a space. */
struct module_mapping {
	uint64_t start, end;
	uint64_t offset; /* ELF address of `start` */
	uint32_t module; /* PLACE_NONE: anonymous memory */
};
/* The `i`-th by address; false beyond the last. */
bool modules_mapping(const struct modules *modules, uint32_t space, size_t i,
		     struct module_mapping *ret_mapping);

/*
 * What is to be added to an offset in the module's file to get the ELF address of the code
 * there. False when there is no one such number.
 */
bool modules_code_distance(const struct modules *modules, uint32_t module, uint64_t *ret_distance);

/* Descriptors held open now. */
size_t modules_descriptors(const struct modules *modules);

#endif

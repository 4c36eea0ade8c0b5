/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What makes sites of different captures, hosts and versions the same site: two numbers from a
 * site's stack. Both are part of what stores hold: the rules below change only together with
 * the store's schema.
 *
 * Of the stack count the physical frames (a function inlined into another is that other's code),
 * without those inside the allocator: the innermost ones that are an allocator's own, or a
 * wrapper that a language's runtime exports (operator new, strdup, PyMem_Malloc). A stack of
 * nothing else counts as a whole. A frame that equals its caller is left out: recursion makes
 * no other site. Blocks, mappings and handles of one stack are different sites.
 *
 * `code`: each frame is its file's build id (the file's base name when it has none) and ELF
 * offset. Equal on every host that runs the same binaries.
 * `names`: each frame is its file's base name without version ("libz.so.1.2" is "libz.so") and
 * its function, without parameters, template arguments and what compilers append; a frame
 * without a name is its file. What the C library calls a program from does not count. Survives
 * a new build.
 *
 * In both, a Python frame is its file's base name and function. A frame in no file (JIT, unknown
 * memory) is its name without tier marks, else one mark for all of them. A site whose stack was
 * lost is its operation, program and, in `code`, that program's build id.
 */
#ifndef SEEP_HEAP_SIGNATURE_H
#define SEEP_HEAP_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/profile.h"

struct signature {
	uint64_t code;
	uint64_t names;
};

struct signature signature_of(const struct profile *profile, const struct profile_site *site);

/* As people read and type it: 16 lower-case hexadecimal digits. */
struct signature_text {
	char text[17];
};
const char *signature_write(struct signature_text *text, uint64_t signature);

/*
 * The first of `size` bytes: a function as `names` counts it, a file as `names` counts it.
 * Never fails: what does not fit is cut. Returns `out`.
 */
char *signature_function(const char *function, char *out, size_t size);
char *signature_module(const char *path, char *out, size_t size);

/* The module that is the process's executable; NULL when no frame is in it. */
const struct profile_module *signature_executable(const struct profile *profile,
						  const struct profile_process *process);

#endif

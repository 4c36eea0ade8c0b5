/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Functions of a file by name, to set return probes of the test's own on callers: the kernel
 * then has its trampoline in the place of their return addresses.
 */
#ifndef SEEP_TRUTH_RETURN_PROBES_H
#define SEEP_TRUTH_RETURN_PROBES_H

#include <stddef.h>

/*
 * Offsets in the file of the functions whose names match the pattern (fnmatch(3)), at most
 * `most`. How many, or -errno; -ENOENT for none.
 */
int return_probes_find(const char *path, const char *pattern, unsigned long *offsets, size_t most);

#endif

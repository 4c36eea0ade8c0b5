/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Looking through the variables of a process's files for a structure known by its shape. */
#ifndef SEEP_ALLOCATOR_SCAN_H
#define SEEP_ALLOCATOR_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory/regions.h"
#include "memory/remote.h"

/*
 * Is what lies here such a structure? `words` are the bytes at the address, `nr` of them, as many
 * as were asked for. True ends the search.
 */
typedef bool scan_match(void *context, uint64_t address, const uint64_t *words);

/*
 * Tries each address that is a multiple of 8, in files' data and in what follows them (bss), with
 * `nr_words` readable there. 0: one matched; -ENOENT; -ESRCH, -EACCES, -ENOMEM.
 */
int scan_variables(struct remote *remote, const struct regions *regions, size_t nr_words,
		   scan_match *match, void *context);

#endif

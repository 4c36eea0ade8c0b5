/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the variables of C are: what files have for data, and the bss behind it. */
#ifndef SEEP_PYTHON_GLOBALS_H
#define SEEP_PYTHON_GLOBALS_H

#include "python/reader.h"

/*
 * As each mapped file's own program headers tell it; of an image, its regions of files. 0,
 * -ESRCH, -EACCES, -ENOMEM. Free with regions_free.
 */
int python_globals_ranges(struct python_reader *reader, struct regions *ret_ranges);

/* "counter in libfoo.so", "libfoo.so+0x4010": a variable of C; its address at worst. */
void python_globals_name(struct python_reader *reader, uint64_t address, char *text, size_t size);

#endif

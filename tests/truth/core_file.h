/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A core file of one stopped thread, for debuggers: what core(5) has, without memory that
 * only repeats a file, and without mappings too large to matter.
 */
#ifndef SEEP_TRUTH_CORE_FILE_H
#define SEEP_TRUTH_CORE_FILE_H

#include "stopped.h"

/* 0 or -errno. The file at `path` is made or replaced. */
int core_file_write(const struct stopped *stopped, const char *path);

#endif

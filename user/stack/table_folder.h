/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The directory of cached tables. */
#ifndef SEEP_STACK_TABLE_FOLDER_H
#define SEEP_STACK_TABLE_FOLDER_H

/*
 * Opens the directory, made with mode 0700 where there is none: `path`, whose parent must
 * exist, or the default one of table_cache.h. A descriptor, or the errors of
 * table_cache_open.
 */
int table_folder_open(const char *path);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whole files under /proc/PID, whose size is only known once they are read. */
#ifndef SEEP_PROC_PROC_FILE_H
#define SEEP_PROC_PROC_FILE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Reads /proc/PID/NAME up to `limit` bytes (what is longer is cut there) into memory that
 * the caller frees; a NUL follows the last byte. 0, -ESRCH when the process is gone,
 * -EACCES, -ENOMEM or another -errno.
 */
int proc_file_read(pid_t pid, const char *name, size_t limit, char **ret_text, size_t *ret_length);

/*
 * Reads any file under `root` ("" for the machine's own tree), likewise; what is not there is
 * -ENOENT. `path` begins with a slash.
 */
int proc_file_read_under(const char *root, const char *path, size_t limit, char **ret_text,
			 size_t *ret_length);

#endif

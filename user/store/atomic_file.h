/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files that are there as a whole or not at all. */
#ifndef SEEP_STORE_ATOMIC_FILE_H
#define SEEP_STORE_ATOMIC_FILE_H

#include <stddef.h>

/*
 * Makes `path` a file with these bytes, on the disk when it returns. On failure, or when
 * the process is killed, what was at `path` is as it was and nothing is beside it. Two
 * exceptions when killed, which leave ".NAME.PID.part": the instant between giving the
 * new file that name and renaming it over an old one, and a file system that has no
 * files without a name.
 * A symbolic link is followed; what is no regular file (a pipe, /dev/stdout) is written
 * to as it is. 0 or -errno.
 */
int atomic_file_write(const char *path, const void *bytes, size_t size);

#endif

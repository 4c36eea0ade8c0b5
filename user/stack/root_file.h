/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files as a process sees them, opened without trusting it. */
#ifndef SEEP_STACK_ROOT_FILE_H
#define SEEP_STACK_ROOT_FILE_H

#include <sys/types.h>

/*
 * Opens the regular file `path` read-only in the root directory of the process (pid 0:
 * in our own). Links are followed within that root and never lead out of it; pipes and
 * devices are not opened. A descriptor or -errno.
 */
int root_file_open(pid_t pid, const char *path);
/* The same in the directory behind a descriptor, which stays the caller's; -1: in our root. */
int root_file_open_at(int root, const char *path);

#endif

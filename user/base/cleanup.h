/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Freed at the end of the scope: `__cleanup(close_fd) int fd = -1;` */
#ifndef SEEP_BASE_CLEANUP_H
#define SEEP_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define __cleanup(f) __attribute__((cleanup(f)))

static inline void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void close_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline void free_text(char **text)
{
	free(*text);
}

#endif

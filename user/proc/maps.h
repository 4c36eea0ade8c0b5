/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A process's mappings, as /proc/PID/maps tells them at one moment. */
#ifndef SEEP_PROC_MAPS_H
#define SEEP_PROC_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct mapping {
	uint64_t start, end;
	uint64_t offset; /* in the file, bytes */
	uint64_t inode; /* 0: no file */
	uint32_t device_major, device_minor;
	bool readable, writable, executable, shared;
	bool deleted; /* " (deleted)" was cut off the path */
	const char *path; /* "" for anonymous memory; "[heap]", "[vdso]" as they are */
};

struct maps {
	struct mapping *items; /* by address */
	size_t nr, cap;
	char *text; /* holds the paths */
};

/* 0, -ESRCH, -EACCES, -ENOMEM. Free with maps_free, which also accepts a zeroed struct. */
int maps_read(pid_t pid, struct maps *ret_maps);
/* The same from text of that form (which is copied), for tests. */
int maps_parse(const char *text, size_t length, struct maps *ret_maps);
void maps_free(struct maps *maps);
const struct mapping *maps_find(const struct maps *maps, uint64_t address);

/*
 * Opens a mapped file read-only, whatever its path means by now: through
 * /proc/PID/map_files, else /proc/PID/root and the path (then checked to be the same
 * device and inode where those can be compared). A descriptor or -errno.
 */
int maps_open(pid_t pid, const struct mapping *mapping);

#endif

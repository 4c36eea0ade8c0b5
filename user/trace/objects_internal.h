/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What objects.c (files and their plans) and objects_place.c (what is attached of them, and for
 * whom) share. Nobody else includes it.
 */
#ifndef SEEP_TRACE_OBJECTS_INTERNAL_H
#define SEEP_TRACE_OBJECTS_INTERNAL_H

#include "trace/objects.h"

struct object {
	uint64_t number; /* of kernel_file_number; 0 unknown */
	struct plan *plan; /* NULL: the file could not be read as one */
	int error; /* of plan_make, or of the last attachment */
	size_t failed; /* probes that could not be attached */
	int fd; /* of a file with probes, to attach it again; -1 */
	size_t processes; /* that have probes of their own in it */
};

/* What a file is mapped as. */
struct name {
	char *path;
	size_t object;
};

struct placed {
	pid_t pid; /* 0: for the host; or, of a file, what its processes must share */
	size_t object;
	struct attachment *attachment; /* NULL: failed, not to be tried again; or not now */
	bool waits; /* for objects_resume */
};

struct objects {
	struct kernel *kernel;
	const struct plan_options *options;
	const struct features *features;
	bool host_wide, paused;
	struct object *items;
	size_t nr, cap;
	struct name *names; /* of all that have a plan */
	size_t nr_names, cap_names;
	struct placed *placed;
	size_t nr_placed, cap_placed;
	struct hashmap *by_file; /* file_key -> index of items */
	struct unlinking *unlinking; /* of objects_detach */
};

bool objects_is_placed(const struct objects *objects, pid_t pid, size_t object);
/* Attaches the object, whose file is behind `fd`, for a process (0: the host). */
int objects_place(struct objects *objects, pid_t pid, size_t object, int fd);

#endif

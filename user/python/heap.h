/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The container objects that the collector knows, all of them once: by a scan of memory
 * (also those that gc.freeze set apart) or along the collector's lists (gc.get_objects()).
 */
#ifndef SEEP_PYTHON_HEAP_H
#define SEEP_PYTHON_HEAP_H

#include <stddef.h>
#include <stdint.h>

#include "memory/stream.h"
#include "python/process.h"
#include "python/types.h"

struct python_object {
	uint64_t address; /* of the PyObject, not of its GC head */
	struct python_type *type;
	const uint8_t *bytes; /* the object's first bytes; end with the call */
	size_t readable; /* how many: 16 at least */
	const struct stream_chunk *around; /* memory that was read with it; NULL none */
};

/* Other than 0 ends the visit and is returned. */
typedef int (*python_object_fn)(void *context, const struct python_object *object);

/* One of those who share a scan; nobody else uses these meanwhile but the process's remote. */
struct python_scanner {
	struct python_process *process; /* one process, seen through a page cache of its own */
	struct python_types *types; /* made with that */
	void *context;
};

enum { PYTHON_MAX_SCANNERS = 4 };

/*
 * Shared by `nr` threads, PYTHON_MAX_SCANNERS at most. 0, -ESRCH, -EACCES, -ENOMEM, or what
 * `each` returned.
 */
int python_heap_scan(const struct python_scanner *scanners, size_t nr, python_object_fn each);
/*
 * The same along the lists, by this thread alone; bounded, but may lose objects that move
 * meanwhile. -EFAULT when a list leads nowhere.
 */
int python_heap_walk(struct python_process *process, struct python_types *types,
		     python_object_fn each, void *context);

/* The objects set apart by gc.freeze, which the walk leaves out and the scan finds too. */
int python_heap_frozen(struct python_process *process, struct python_types *types,
		       python_object_fn each, void *context);

/*
 * Collections cannot be seen to begin, but their end is counted: the state of all
 * collectors before and after a visit tells whether one ran meanwhile.
 */
struct python_moment {
	uint64_t full_collections; /* of the oldest generation, all interpreters */
	uint64_t oldest_count; /* where those are not counted: falls at a full collection */
	bool collecting; /* now */
};
int python_heap_moment(struct python_process *process, struct python_moment *ret_moment);
/* Once none collects, or as it is after that many milliseconds. */
int python_heap_quiet_moment(struct python_process *process, unsigned wait_ms,
			     struct python_moment *ret_moment);
bool python_heap_disturbed(const struct python_moment *before, const struct python_moment *after);

/* Items in a container that can grow, from the object's own bytes. False: it is none. */
bool python_object_length(const struct python_process *process, const struct python_object *object,
			  uint64_t *ret_length);
/* What a container is known by from look to look. */
uint64_t python_container_number(uint64_t address, uint64_t type);

/* Own memory of an object, as sys.getsizeof has it. */
uint64_t python_object_bytes(struct python_process *process, const struct python_object *object);

#endif

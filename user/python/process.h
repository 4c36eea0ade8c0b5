/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A CPython process, opened for reading: its layout is settled and cross-checked, its
 * interpreters can be walked. Everything else in this folder starts from here.
 */
#ifndef SEEP_PYTHON_PROCESS_H
#define SEEP_PYTHON_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "memory/page_cache.h"
#include "memory/regions.h"
#include "memory/remote.h"
#include "python/build.h"
#include "python/layout.h"

enum {
	PYTHON_GENERATIONS = 3,
	PYTHON_MAX_INTERPRETERS = 1024,
	/* PyGC_Head's pointers carry flags in these bits. */
	PYTHON_LINK_FLAGS = 3,
};

/* Where the memory comes from: a process, or an image in tests. */
struct python_source {
	struct remote *remote; /* the process's when python_new took it */
	int pagemap; /* -1 none; likewise */
	/* The writable regions now. 0, -ESRCH, -EACCES, -ENOMEM. */
	int (*regions)(void *context, struct regions *ret_regions);
	void *context;
};

struct python_process {
	pid_t pid; /* 0: an image */
	struct python_source source;
	struct remote *remote; /* source.remote */
	struct page_cache *pages; /* for pointers; forgotten before each census */
	struct python_build build;
	struct python_layout layout;
	bool owns_source; /* it was opened by python_open */
};

/*
 * The process's, as struct runtime_ops::open says: -ENOENT, -ENOTSUP with a reason, -ESRCH,
 * -EACCES, -ENOMEM.
 */
int python_open(pid_t pid, struct python_process **ret_process, char **ret_reason);
/*
 * From parts: settles the layout by what the memory says. On success the build's strings
 * are the process's; the source stays the caller's.
 */
int python_new(const struct python_source *source, const struct python_build *build,
	       struct python_process **ret_process, char **ret_reason);
void python_close(struct python_process *process);

/* Addresses of its interpreter states, the main one last as CPython links them. 2.7 and
 * 3.6 tell none: *ret_nr is 0. 0, -EFAULT, -ESRCH. */
int python_interpreters(struct python_process *process,
			uint64_t ret_interpreters[PYTHON_MAX_INTERPRETERS], size_t *ret_nr);

/*
 * The collector's states: an address each (of the interpreter's gc; of _PyRuntime's in 3.7
 * and 3.8). In 2.7 and 3.6 one, 0, as there is no such structure.
 */
int python_gc_states(struct python_process *process, uint64_t ret_states[PYTHON_MAX_INTERPRETERS],
		     size_t *ret_nr);
/* Of one of these: the head of generations[0]. 0 or -EFAULT. */
int python_gc_generations(struct python_process *process, uint64_t state, uint64_t *ret_address);

#endif

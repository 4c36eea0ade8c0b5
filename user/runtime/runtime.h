/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Language runtimes behind one table of operations. A new one is a `const struct
 * runtime_ops`, its name in runtimes.h and a line in the table of runtime.c; what uses
 * them knows no runtime by name.
 */
#ifndef SEEP_RUNTIME_RUNTIME_H
#define SEEP_RUNTIME_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/census.h"
#include "runtime/why.h"

enum { RUNTIME_GENERATIONS = 3 };

struct runtime_generation {
	int64_t threshold, count; /* a collection is due when count exceeds threshold */
	int64_t collections, collected, uncollectable; /* -1 unknown */
};

/* The garbage collector; -1 wherever it cannot be known. */
struct runtime_gc {
	int enabled;
	int collecting;
	int64_t garbage; /* objects that it found and could not free (len(gc.garbage)) */
	int64_t frozen; /* objects that it was told to leave alone (gc.freeze) */
	size_t nr_generations;
	struct runtime_generation generations[RUNTIME_GENERATIONS]; /* youngest first */
	size_t interpreters; /* the figures are sums over these */
	const char *caveat; /* a known fault of this version's collector; NULL none */
};

struct runtime_ops {
	const char *name; /* "python" */
	/*
	 * 0 with a process to close. -ENOENT: not this runtime. -ENOTSUP: it is, but this
	 * build of it cannot be read; *ret_reason says why and what to do. -ESRCH,
	 * -EACCES, -ENOMEM. The reason is NULL or the caller's to free.
	 */
	int (*open)(pid_t pid, void **ret_process, char **ret_reason);
	void (*close)(void *process);
	const char *(*version)(const void *process); /* "3.11.2" */
	/* 0, -ESRCH, -EACCES, -EFAULT (its memory made no sense). */
	int (*gc)(void *process, struct runtime_gc *ret_gc);
	/* The same, and -ENOMEM, -EBUSY or -ETIMEDOUT (it cannot be paused). */
	int (*census)(void *process, const struct census_options *options,
		      struct census **ret_census);
	/*
	 * Who holds its objects; the log is of this process alone. NULL: not known of this
	 * runtime. As census.
	 */
	int (*why)(void *process, const struct why_options *options, struct why_log *log,
		   struct why **ret_why);
};

struct runtime;

/*
 * The first runtime that knows the process. 0 or as `open`; -ENOENT: none does. Free with
 * runtime_close.
 */
int runtime_open(pid_t pid, struct runtime **ret_runtime, char **ret_reason);
void runtime_close(struct runtime *runtime);
const char *runtime_name(const struct runtime *runtime);
const char *runtime_version(const struct runtime *runtime);
int runtime_gc(struct runtime *runtime, struct runtime_gc *ret_gc);
/* Does it collect by itself? Not where its first threshold is 0, either; -1 unknown. */
int runtime_gc_collects(const struct runtime_gc *gc);
int runtime_census(struct runtime *runtime, const struct census_options *options,
		   struct census **ret_census);
/* The same, its cause decided; -ENOSYS: not known of this runtime. */
int runtime_why(struct runtime *runtime, const struct why_options *options, struct why_log *log,
		struct why **ret_why);
/* The state behind it, when it is of this runtime; NULL otherwise. */
void *runtime_process(const struct runtime *runtime, const struct runtime_ops *ops);

#endif

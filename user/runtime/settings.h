/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How much memory a process's own runtime was told it may take: options of the JVM, of node and
 * of Go, from its command line and from its environment at start.
 */
#ifndef SEEP_RUNTIME_SETTINGS_H
#define SEEP_RUNTIME_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum settings_kind {
	SETTINGS_NONE = 0, /* none that is known here */
	SETTINGS_JVM,
	SETTINGS_NODE,
	SETTINGS_GO,
};

/* One that was set. */
struct setting {
	bool set;
	double value; /* bytes, or percent */
	const char *source; /* "command line", "JAVA_TOOL_OPTIONS", ... */
};

struct settings {
	enum settings_kind kind;
	/* JVM: -Xmx or -XX:MaxHeapSize. node: --max-heap-size. Go: GOMEMLIMIT, which is soft. */
	struct setting heap_max;
	struct setting heap_initial; /* -Xms */
	struct setting ram_percent; /* -XX:MaxRAMPercentage; used where heap_max is not set */
	struct setting ram; /* -XX:MaxRAM: what the JVM takes for the machine's memory */
	struct setting old_space; /* node: --max-old-space-size */
	struct setting direct_max; /* -XX:MaxDirectMemorySize */
	struct setting metaspace_max; /* -XX:MaxMetaspaceSize */
	bool more_elsewhere; /* options are in files that were not read: @file, -XX:Flags= */
	size_t rejected; /* options whose value could not be understood */
	char problem[160]; /* the first of these; "" none */
};

/*
 * From what the process was started with: `cmdline` and `environ` as in /proc, strings that each
 * end with a NUL (a last one may lack it).
 */
void settings_parse(enum settings_kind kind, const char *cmdline, size_t cmdline_length,
		    const char *environ, size_t environ_length, struct settings *ret_settings);
/*
 * Of a process, read under `root` ("" for the machine's own tree): the kind too, from its
 * executable and maps. 0, -ESRCH, -EACCES, -ENOMEM.
 */
int settings_read(const char *root, pid_t pid, struct settings *ret_settings);

/*
 * What a JVM's heap can come to on a machine (or in a container) with so much memory: as told, or
 * by its own rule, a quarter. 0 for other runtimes, or when `memory` is needed and 0.
 */
double settings_heap_max(const struct settings *settings, double memory);

#endif

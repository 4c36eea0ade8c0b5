/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Names for addresses. A modules table knows which file an address of a process belongs
 * to, from the process's maps, and remembers it after the process is gone; a symbolizer
 * turns (module, ELF address) into functions, files and lines. Both are off the event
 * path: an address is placed when its stack is first seen, and named when reported.
 */
#ifndef SEEP_STACK_SYMBOLS_H
#define SEEP_STACK_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct modules;
struct symbolizer;

/* Where an address was: module PLACE_NONE for memory of no file. */
#define PLACE_NONE UINT32_MAX
struct place {
	uint32_t module; /* number in the modules table */
	uint64_t offset; /* ELF virtual address: comparable over processes and ASLR; in a */
	/* file that is no ELF its offset, without a file the address */
	uint64_t address; /* in the process */
};

struct module_info {
	const char *path; /* as the process sees it; "[vdso]" for the vDSO */
	const char *build_id; /* lower-case hex, NULL none */
	bool deleted;
};

struct modules *modules_new(void);
void modules_free(struct modules *modules);

/*
 * (Re)reads the maps of the process and makes them those of `space`. Files are opened
 * now (through /proc/PID/map_files, else /proc/PID/root), so that they can be read after
 * the process has ended or replaced them; one descriptor a file, shared by all processes
 * (same device, inode). 0, -ESRCH when the process is gone (what was known stays).
 */
int modules_refresh(struct modules *modules, uint32_t space, pid_t pid);
/* The child's maps are the parent's. */
int modules_fork(struct modules *modules, uint32_t parent, uint32_t child);
void modules_forget(struct modules *modules, uint32_t space);

/* True when `address` is in known executable memory of `space`; *ret_place is set either way. */
bool modules_place(const struct modules *modules, uint32_t space, uint64_t address,
		   struct place *ret_place);
struct module_info modules_info(const struct modules *modules, uint32_t module);

struct symbolizer_options {
	bool no_inline; /* only physical frames */
	bool no_demangle;
	bool debuginfod; /* ask the servers of $DEBUGINFOD_URLS */
	uint32_t debuginfod_file_ms; /* the time for one file of theirs; 0: 5 s */
	uint32_t debuginfod_total_ms; /* and for all; 0: 20 s */
	bool no_lines; /* skip DWARF: functions only */
	uint32_t hurry_ms; /* see symbolizer_hurry; 0: 1 s */
};

/* `modules` must outlive it. NULL when out of memory. */
struct symbolizer *symbolizer_new(struct modules *modules,
				  const struct symbolizer_options *options);
void symbolizer_free(struct symbolizer *symbolizer);

/*
 * Are the names wanted now, as in a trace that goes on, whose events wait meanwhile? Servers are
 * not waited for then, and after a time frames that were not named before stay nameless.
 * To be said before each report; later ones have what this one had no time for.
 */
void symbolizer_hurry(struct symbolizer *symbolizer, bool hurry);

struct symbol {
	const char *function; /* demangled; NULL unknown. Lives as long as the symbolizer */
	const char *file; /* NULL unknown */
	uint32_t line; /* 0 unknown */
	bool inlined; /* into the next symbol */
	bool jit; /* from a perf map or a jitdump file */
	const char *language; /* "c", "c++", "rust", ... NULL unknown */
};

/*
 * The symbols of one place, innermost inlined function first and the physical function
 * last; at least one, perhaps nameless. `return_address`: look up one byte before (the
 * call), as for every frame but the probed function itself. `pid` serves perf maps
 * (/tmp/perf-PID.map in the process's root) and jitdump files; 0 none,
 * negative that of a process that has ended. The array belongs to the
 * symbolizer and ends with the next call. Returns its length, or -errno.
 */
int symbolizer_name(struct symbolizer *symbolizer, const struct place *place, bool return_address,
		    pid_t pid, const struct symbol **ret_symbols);

/* Frames asked for, and those that got no name. */
void symbolizer_counts(const struct symbolizer *symbolizer, uint64_t *ret_frames,
		       uint64_t *ret_unnamed);

#endif

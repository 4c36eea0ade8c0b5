/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a module's debug information lies when it is in a file of its own:
 * https://sourceware.org/gdb/current/onlinedocs/gdb.html/Separate-Debug-Files.html
 */
#ifndef SEEP_STACK_DEBUG_FILES_H
#define SEEP_STACK_DEBUG_FILES_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct debug_servers;

struct debug_search {
	const char *path; /* of the module, as its process sees it */
	const char *build_id; /* of the module, lower-case hex; NULL none */
	int root; /* directory that is searched before our own root; -1 none. Not owned */
	struct debug_servers *servers; /* asked last; NULL none */
};

/*
 * The debug file of the module `elf`: by build id under /usr/lib/debug, then by
 * .gnu_debuglink. It is only taken when it belongs to the module: by build id, or by the
 * link's checksum when the module has none. A descriptor to close, or -errno.
 */
int debug_files_open(const struct debug_search *search, Elf *elf);

/*
 * The file that several debug files share (DWARF 5, section 7.3.6; written by dwz), from the
 * .gnu_debugaltlink of one of them.
 */
int debug_files_open_shared(const struct debug_search *search, const char *name,
			    const uint8_t *build_id, size_t build_id_length);

#endif

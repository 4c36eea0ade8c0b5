/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The files that processes map executable: one entry each, with an open descriptor. */
#ifndef SEEP_STACK_MODULE_FILES_H
#define SEEP_STACK_MODULE_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proc/maps.h"
#include "stack/symbols.h"

struct module_files;

struct module_files *module_files_new(void);
void module_files_free(struct module_files *files);

/*
 * The number of the mapping's file, which is opened and read when it is new; PLACE_NONE
 * for memory of no file. 0 or -ENOMEM.
 */
int module_files_see(struct module_files *files, pid_t pid, const struct mapping *mapping,
		     uint32_t *ret_module);

/* The ELF address of the mapping's start; in a file that is no ELF, its offset. */
uint64_t module_files_address(const struct module_files *files, uint32_t module,
			      const struct mapping *mapping);

struct module_info module_files_info(const struct module_files *files, uint32_t module);
/* As the functions of that name in stack/modules.h. */
bool module_files_code_distance(const struct module_files *files, uint32_t module,
				uint64_t *ret_distance);
int module_files_open(struct module_files *files, uint32_t module);
int module_files_root(const struct module_files *files, uint32_t module);
void module_files_limit(struct module_files *files, size_t descriptors);
size_t module_files_descriptors(const struct module_files *files);

#endif

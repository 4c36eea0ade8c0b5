/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One module opened for naming: its symbols and its debug information. */
#ifndef SEEP_STACK_OBJECT_H
#define SEEP_STACK_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack/debug_files.h"
#include "stack/debug_info.h"
#include "stack/go_table.h"

struct object;

/*
 * Takes over the descriptor, whatever comes of it. `lines`: with debug information. 0,
 * -ENOEXEC for what is no ELF file, -ENOMEM. A file in which nothing is found is an
 * object without names.
 */
int object_open(int fd, const struct debug_search *search, bool lines, struct object **ret_object);
void object_free(struct object *object);

/* The symbol that covers the address, mangled; NULL none. Lives as long as the object. */
const char *object_symbol(const struct object *object, uint64_t address);
/* NULL when there is none. */
struct debug_info *object_debug_info(const struct object *object);
/* Read when first asked for; NULL for what is no Go program. */
struct go_table *object_go_table(struct object *object);

/* Memory that the object holds, roughly. */
size_t object_bytes(const struct object *object);

#endif

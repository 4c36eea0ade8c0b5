/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The function symbols of one module, by address. */
#ifndef SEEP_STACK_SYMBOL_TABLE_H
#define SEEP_STACK_SYMBOL_TABLE_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbol_table;

struct symbol_table *symbol_table_new(void);
void symbol_table_free(struct symbol_table *table);

/*
 * Adds what .symtab or, with `dynamic`, .dynsym has; the latter also without section
 * headers, through PT_DYNAMIC. Names are not copied: `elf` must stay open as long as the
 * table. 0 (*ret_added tells how many), -ENOMEM. Damaged entries are passed over.
 */
int symbol_table_add(struct symbol_table *table, Elf *elf, bool dynamic, size_t *ret_added);

/*
 * To be called once, after the last addition. `complete`: all functions of the module
 * are there, so that a symbol without size, as hand-written assembly has, reaches to the
 * next one; otherwise such symbols are dropped. 0 or -ENOMEM.
 */
int symbol_table_finish(struct symbol_table *table, bool complete);

/*
 * The mangled name of the function that covers the address, NULL none: never the nearest
 * one. Of several names of one function the most public is given.
 */
const char *symbol_table_find(const struct symbol_table *table, uint64_t address);

size_t symbol_table_bytes(const struct symbol_table *table);

#endif

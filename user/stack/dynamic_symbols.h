/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The dynamic symbols of a file without section headers. */
#ifndef SEEP_STACK_DYNAMIC_SYMBOLS_H
#define SEEP_STACK_DYNAMIC_SYMBOLS_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>

struct dynamic_symbols {
	Elf_Data *entries; /* for gelf_getsym; lives as long as the ELF handle, as names */
	size_t nr;
	const char *names;
	size_t names_size;
};

/* As the dynamic linker finds them, through PT_DYNAMIC. False when there are none. */
bool dynamic_symbols_find(Elf *elf, struct dynamic_symbols *ret_symbols);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which compilation units, and in them which functions, cover an address. Units are
 * listed when first asked; the functions of a unit when an address first falls into it.
 */
#ifndef SEEP_STACK_DEBUG_UNITS_H
#define SEEP_STACK_DEBUG_UNITS_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack/debug_budget.h"

struct debug_units;

/* A unit that covers the address. */
struct debug_unit_match {
	Dwarf_Die unit; /* with the line table */
	Dwarf_Die full; /* with the functions and the language: another one in split DWARF */
	Dwarf_Die function; /* the concrete DW_TAG_subprogram */
	bool has_function;
};

/* Both must live as long as it. NULL when out of memory. */
struct debug_units *debug_units_new(Dwarf *dwarf, struct debug_budget *budget);
void debug_units_free(struct debug_units *units);

/* The best match: one with a function before one without. False when no unit covers it. */
bool debug_units_find(struct debug_units *units, uint64_t address,
		      struct debug_unit_match *ret_match);

/* True when [dwarf_ranges of the DIE] cover the address; *ret_any whether it has any. */
bool debug_ranges_cover(Dwarf_Die *die, uint64_t address, bool *ret_any);

#endif

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the address index of a module's DWARF.
 *
 * .debug_aranges would give units by address, but only GCC writes it, and one file may
 * have units of several compilers; so the ranges of all unit DIEs are read, which costs
 * some microseconds a unit. Concrete functions lie at the top of a unit or, in Rust and
 * in some of Clang's output, inside namespaces and types; never inside functions, but
 * for GNU C's nested ones, which are then named by the symbol table alone.
 *
 * Split units (DWARF 5, section 3.1.2) are left to libdw, which opens any path that the
 * file names: so it is first made sure that the path is no pipe and no device.
 */
#include "stack/debug_units.h"

#include <dwarf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "stack/range_index.h"

enum {
	MAX_UNITS = 1 << 20,
	MAX_RANGES = 1 << 16, /* of one DIE */
	MAX_DEPTH = 64, /* of namespaces and types */
};

struct unit {
	Dwarf_Die die;
	Dwarf_Die full; /* the split unit of a skeleton, once listed */
	bool skeleton; /* its functions are in another file */
	bool listed;
	struct range_index ranges; /* values: numbers of functions */
	Dwarf_Die *functions;
	size_t nr, cap;
};

struct debug_units {
	Dwarf *dwarf;
	struct debug_budget *budget;
	bool listed;
	struct range_index ranges; /* values: numbers of items */
	struct unit *items;
	size_t nr, cap;
};

struct debug_units *debug_units_new(Dwarf *dwarf, struct debug_budget *budget)
{
	struct debug_units *units = calloc(1, sizeof(*units));

	if (!units)
		return NULL;
	units->dwarf = dwarf;
	units->budget = budget;
	return units;
}

void debug_units_free(struct debug_units *units)
{
	size_t i;

	if (!units)
		return;
	for (i = 0; i < units->nr; i++) {
		range_index_free(&units->items[i].ranges);
		free(units->items[i].functions);
	}
	range_index_free(&units->ranges);
	free(units->items);
	free(units);
}

bool debug_ranges_cover(Dwarf_Die *die, uint64_t address, bool *ret_any)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t offset = 0;
	int i;

	*ret_any = false;
	for (i = 0; i < MAX_RANGES; i++) {
		offset = dwarf_ranges(die, offset, &base, &start, &end);
		if (offset <= 0)
			break;
		*ret_any = true;
		if (address >= start && address < end)
			return true;
	}
	return false;
}

/* Address 0 is what linkers leave for functions that they dropped. */
static bool add_ranges(struct debug_units *units, struct range_index *index, Dwarf_Die *die,
		       uint32_t value)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t offset = 0;
	size_t before = index->nr;
	int i;

	for (i = 0; i < MAX_RANGES && debug_budget_step(units->budget); i++) {
		offset = dwarf_ranges(die, offset, &base, &start, &end);
		if (offset <= 0)
			break;
		if (start && range_index_add(index, start, end, value))
			units->budget->exhausted = true;
	}
	return index->nr > before;
}

static void list_units(struct debug_units *units)
{
	Dwarf_CU *cu = NULL;
	uint8_t type;
	Dwarf_Die die;

	units->listed = true;
	while (units->nr < MAX_UNITS && debug_budget_step(units->budget) &&
	       !dwarf_get_units(units->dwarf, cu, &cu, NULL, &type, &die, NULL)) {
		struct unit *unit;

		if (type != DW_UT_compile && type != DW_UT_skeleton)
			continue;
		if (!add_ranges(units, &units->ranges, &die, (uint32_t)units->nr))
			continue;
		unit = vec_push(&units->items, &units->nr, &units->cap);
		if (!unit) {
			units->budget->exhausted = true;
			units->ranges.nr = 0;
			return;
		}
		unit->die = die;
		unit->skeleton = type == DW_UT_skeleton;
	}
	range_index_sort(&units->ranges);
}

static bool may_hold_functions(int tag)
{
	switch (tag) {
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type:
	case DW_TAG_interface_type:
		return true;
	default:
		return false;
	}
}

static void list_children(struct debug_units *units, struct unit *unit, Dwarf_Die *parent,
			  int depth)
{
	Dwarf_Die child;
	int more = dwarf_child(parent, &child);

	while (!more && debug_budget_step(units->budget)) {
		int tag = dwarf_tag(&child);

		if (tag == DW_TAG_subprogram) {
			if (add_ranges(units, &unit->ranges, &child, (uint32_t)unit->nr)) {
				Dwarf_Die *die = vec_push(&unit->functions, &unit->nr, &unit->cap);

				if (!die)
					units->budget->exhausted = true;
				else
					*die = child;
			}
		} else if (depth < MAX_DEPTH && may_hold_functions(tag)) {
			list_children(units, unit, &child, depth + 1);
		}
		more = dwarf_siblingof(&child, &child);
	}
}

static const char *string_of(Dwarf_Die *die, unsigned int name, unsigned int other_name)
{
	Dwarf_Attribute attribute;

	if (!dwarf_attr(die, name, &attribute) && !dwarf_attr(die, other_name, &attribute))
		return NULL;
	return dwarf_formstring(&attribute);
}

/* False when the split unit's path leads to what must not be opened. */
static bool split_file_is_safe(Dwarf_Die *die)
{
	const char *name = string_of(die, DW_AT_dwo_name, DW_AT_GNU_dwo_name);
	const char *folder = string_of(die, DW_AT_comp_dir, DW_AT_comp_dir);
	__cleanup(free_text)
	char *joined = NULL;
	struct stat status;

	if (!name)
		return false;
	if (!stat(name, &status) && !S_ISREG(status.st_mode))
		return false;
	if (*name == '/' || !folder)
		return true;
	if (asprintf(&joined, "%s/%s", folder, name) < 0) {
		joined = NULL;
		return false;
	}
	return stat(joined, &status) || S_ISREG(status.st_mode);
}

static void list_functions(struct debug_units *units, struct unit *unit)
{
	Dwarf_Die split = { 0 };

	unit->listed = true;
	unit->full = unit->die;
	if (unit->skeleton && split_file_is_safe(&unit->die) &&
	    !dwarf_cu_info(unit->die.cu, NULL, NULL, NULL, &split, NULL, NULL, NULL) && split.cu)
		unit->full = split;
	list_children(units, unit, &unit->full, 0);
	/* Out of memory between a range and its function: the range has no function. */
	if (units->budget->exhausted)
		unit->ranges.nr = 0;
	range_index_sort(&unit->ranges);
}

bool debug_units_find(struct debug_units *units, uint64_t address,
		      struct debug_unit_match *ret_match)
{
	size_t unit_cursor = SIZE_MAX;
	bool found = false;
	uint32_t number;

	if (!units->listed)
		list_units(units);
	while (range_index_next(&units->ranges, address, &unit_cursor, &number) &&
	       debug_budget_step(units->budget)) {
		struct unit *unit = &units->items[number];
		size_t cursor = SIZE_MAX;
		uint32_t function;

		if (!unit->listed)
			list_functions(units, unit);
		if (!found)
			*ret_match = (struct debug_unit_match){ unit->die, unit->full,
								.has_function = false };
		found = true;
		if (!range_index_next(&unit->ranges, address, &cursor, &function))
			continue;
		*ret_match = (struct debug_unit_match){ unit->die, unit->full,
							unit->functions[function], true };
		return true;
	}
	return found;
}

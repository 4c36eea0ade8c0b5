/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of the stacks share: stacks.c (what is known of them), stacks_report.c (how
 * they come into a profile). Nobody else includes it. */
#ifndef SEEP_TRACE_STACKS_INTERNAL_H
#define SEEP_TRACE_STACKS_INTERNAL_H

#include "trace/python_stack.h"
#include "trace/pythons.h"
#include "trace/stacks.h"

struct stack_entry {
	uint32_t first; /* in numbers[] */
	uint32_t nr;
	uint32_t placed; /* leading frames that lie in code; what follows is no stack */
	uint32_t space;
	uint32_t reported; /* index in the profile + 1; 0 not yet */
	uint8_t end; /* enum profile_stack_end, as the kernel side saw it */
	bool python_cut; /* Python frames further out are missing */
	uint32_t first_python, nr_python; /* in python[] */
};

struct known_place {
	struct place place;
	bool guessed; /* by frame pointer, where no table led */
	uint32_t python; /* of pythons_name, + 1; 0: a native frame */
};

/*
 * Where a place's frames are in the profile, as caller and as leaf; a Python frame's where its
 * order is known and where it is guessed.
 */
struct named {
	uint32_t first[2]; /* index of the first frame + 1; 0 not yet */
	uint32_t nr[2];
};

struct stacks {
	struct modules *modules;
	struct symbolizer *symbolizer;
	struct stacks_files files;
	struct hashmap *by_id; /* stack id -> index of entries */
	struct hashmap *by_place; /* place_key -> index of places */
	struct stack_entry *entries;
	size_t nr_entries, cap_entries;
	uint32_t *numbers;
	size_t nr_numbers, cap_numbers;
	struct known_place *places;
	size_t nr_places, cap_places;
	struct python_stack_frame *python; /* their names are indices of places */
	size_t nr_python, cap_python;
	struct named *named; /* one a place, while a profile is made */
	size_t nr_named;
	struct hashmap *modules_named; /* module -> index in the profile */
};

/* NULL for an unknown stack. */
struct stack_entry *stacks_find(const struct stacks *stacks, uint64_t id);
/* Looks again which of its frames are in code. */
void stacks_count_placed(struct stacks *stacks, struct stack_entry *entry);

#endif

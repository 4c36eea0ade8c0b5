// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the places and the stacks made of them. A place is a (module, offset), or an
 * address of no file in one address space; a stack is a list of place numbers. What the
 * current profile already has is remembered beside them, so that each is named once.
 */
#include "trace/stacks_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/vec.h"

struct stacks *stacks_new(struct modules *modules, struct symbolizer *symbolizer,
			  const struct stacks_files *files)
{
	struct stacks *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->modules = modules;
	s->symbolizer = symbolizer;
	if (files)
		s->files = *files;
	s->by_id = hashmap_new();
	s->by_place = hashmap_new();
	if (!s->by_id || !s->by_place) {
		stacks_free(s);
		return NULL;
	}
	return s;
}

void stacks_free(struct stacks *s)
{
	if (!s)
		return;
	hashmap_free(s->by_id);
	hashmap_free(s->by_place);
	hashmap_free(s->modules_named);
	free(s->entries);
	free(s->numbers);
	free(s->places);
	free(s->python);
	free(s->named);
	free(s);
}

/* Files are alike over processes; addresses outside of files are not. */
static uint64_t place_key(uint32_t space, const struct known_place *known)
{
	const struct place *place = &known->place;
	bool guessed = known->guessed;

	if (known->python)
		return hash_mix(hash_mix(known->python));
	if (place->module == PLACE_NONE)
		return hash_mix(place->address ^ (uint64_t)space << 48 ^ guessed) | 1ULL << 63;
	return hash_mix(place->offset ^ (uint64_t)place->module << 44 ^ (uint64_t)guessed << 43) &
	       ~(1ULL << 63);
}

/* A frame as the kernel side sent it; false when no known code holds it. */
static bool place_frame(const struct stacks *s, uint32_t space, uint64_t frame,
			struct place *ret_place)
{
	uint16_t table = SEEP_FRAME_TABLE(frame);

	if (!table)
		return modules_place(s->modules, space, frame, ret_place);
	ret_place->module = s->files.module ? s->files.module(s->files.context, table) : PLACE_NONE;
	ret_place->offset = ret_place->address = SEEP_FRAME_ELF(frame);
	return ret_place->module != PLACE_NONE;
}

static int number_place(struct stacks *s, uint32_t space, const struct known_place *known,
			uint32_t *ret_number)
{
	uint64_t number, key = place_key(space, known);
	struct known_place *slot;

	if (hashmap_get(s->by_place, key, &number)) {
		*ret_number = number;
		return 0;
	}
	slot = vec_push(&s->places, &s->nr_places, &s->cap_places);
	if (!slot)
		return -ENOMEM;
	*slot = *known;
	*ret_number = s->nr_places - 1;
	return hashmap_put(s->by_place, key, s->nr_places - 1);
}

static int place_number(struct stacks *s, uint32_t space, uint64_t frame, bool guessed,
			uint32_t *ret_number, size_t *unplaced)
{
	struct known_place known = { .guessed = guessed };

	*unplaced += !place_frame(s, space, frame, &known.place);
	return number_place(s, space, &known, ret_number);
}

/*
 * A chain of frame pointers that leaves code has lost its way. The frame that first does
 * may still be in memory that has become code since its maps were read.
 */
void stacks_count_placed(struct stacks *s, struct stack_entry *entry)
{
	struct place place;

	while (entry->placed < entry->nr) {
		uint32_t *number = &s->numbers[entry->first + entry->placed];
		struct known_place known = s->places[*number];
		size_t unplaced = 0;

		if (known.place.module == PLACE_NONE) {
			if (!modules_place(s->modules, entry->space, known.place.address, &place))
				break;
			if (place.module != PLACE_NONE &&
			    place_number(s, entry->space, known.place.address, known.guessed,
					 number, &unplaced))
				break;
		}
		entry->placed++;
	}
}

/* The index of a frame that was guessed and is no code; 0 none. */
static uint32_t wrong_guess(const struct stacks *s, const struct seep_stack *stack)
{
	struct place place;

	if (!(stack->flags & SEEP_STACK_GUESS) || stack->nr_frames < 2)
		return 0;
	return !place_frame(s, stack->space, stack->frames[1], &place);
}

/* A walk that the kernel side calls cut and gives no reason for has lost its way. */
static enum profile_stack_end end_of(const struct seep_stack *stack)
{
	static const enum profile_stack_end ends[] = {
		[SEEP_STACK_WHOLE] = STACK_WHOLE,     [SEEP_STACK_FULL] = STACK_DEPTH,
		[SEEP_STACK_FAULT] = STACK_FAULT,     [SEEP_STACK_NO_RULE] = STACK_NO_RULE,
		[SEEP_STACK_NO_CODE] = STACK_NO_CODE,
	};
	bool known = stack->reason < sizeof(ends) / sizeof(ends[0]);
	enum profile_stack_end end = known ? ends[stack->reason] : STACK_NO_CODE;

	if (!(stack->flags & SEEP_STACK_CUT))
		return STACK_WHOLE;
	return end == STACK_WHOLE ? STACK_NO_CODE : end;
}

static bool is_guessed(const struct seep_stack *stack, uint32_t frame)
{
	return frame < 128 && stack->guessed[frame / 64] >> frame % 64 & 1;
}

/* Python frames lie behind the native ones. */
static int add_python(struct stacks *s, const struct seep_stack *stack)
{
	const __u64 *pairs = stack->frames + stack->nr_frames;
	int err = 0;

	for (uint32_t i = 0; !err && s->files.pythons && i < stack->nr_python; i++) {
		struct known_place known = { .place = { .module = PLACE_NONE } };
		struct python_stack_frame *frame =
			vec_push(&s->python, &s->nr_python, &s->cap_python);
		uint32_t name = PROFILE_NONE;

		err = frame ? pythons_frame(s->files.pythons, stack->space, pairs[2 * i],
					    pairs[2 * i + 1], &name)
			    : -ENOMEM;
		if (err)
			break;
		frame->entry = pairs[2 * i + 1] & SEEP_PYTHON_ENTRY;
		frame->shown = name != PROFILE_NONE;
		known.python = name + 1;
		if (frame->shown)
			err = number_place(s, stack->space, &known, &frame->name);
	}
	return err;
}

int stacks_add(struct stacks *s, const struct seep_stack *stack, size_t *ret_unplaced)
{
	size_t unplaced = 0, first = s->nr_numbers, first_python = s->nr_python;
	struct stack_entry *entry;
	uint32_t skipped;
	int err = 0;

	if (stacks_has(s, stack->id))
		return 0;
	skipped = wrong_guess(s, stack);
	for (uint32_t i = 0; !err && i < stack->nr_frames; i++) {
		uint32_t *number;

		if (i == skipped && i)
			continue;
		number = vec_push(&s->numbers, &s->nr_numbers, &s->cap_numbers);

		err = number ? place_number(s, stack->space, stack->frames[i], is_guessed(stack, i),
					    number, &unplaced)
			     : -ENOMEM;
	}
	err = err ?: add_python(s, stack);
	entry = err ? NULL : vec_push(&s->entries, &s->nr_entries, &s->cap_entries);
	if (!entry || hashmap_put(s->by_id, stack->id, s->nr_entries - 1)) {
		s->nr_numbers = first;
		s->nr_python = first_python;
		return -ENOMEM;
	}
	entry->first = first;
	entry->first_python = first_python;
	entry->nr_python = s->nr_python - first_python;
	entry->python_cut = stack->flags & SEEP_PYTHON_CUT;
	entry->nr = s->nr_numbers - first;
	entry->space = stack->space;
	entry->end = end_of(stack);
	stacks_count_placed(s, entry);
	*ret_unplaced = unplaced;
	return 0;
}

struct stack_entry *stacks_find(const struct stacks *s, uint64_t id)
{
	uint64_t index;

	return hashmap_get(s->by_id, id, &index) ? &s->entries[index] : NULL;
}

bool stacks_has(const struct stacks *s, uint64_t id)
{
	uint64_t index;

	return hashmap_get(s->by_id, id, &index);
}

void stacks_place_again(struct stacks *s, uint64_t id)
{
	struct stack_entry *entry = stacks_find(s, id);

	if (entry)
		stacks_count_placed(s, entry);
}

bool stacks_place(const struct stacks *s, uint64_t id, size_t i, struct place *ret_place)
{
	const struct stack_entry *entry = stacks_find(s, id);

	if (!entry || i >= entry->placed)
		return false;
	*ret_place = s->places[s->numbers[entry->first + i]].place;
	return true;
}

const char *stacks_leaf_module(const struct stacks *s, uint64_t id)
{
	const struct stack_entry *entry = stacks_find(s, id);
	const struct place *place;

	if (!entry || !entry->nr)
		return NULL;
	place = &s->places[s->numbers[entry->first]].place;
	return place->module == PLACE_NONE ? NULL : modules_info(s->modules, place->module).path;
}

size_t stacks_bytes(const struct stacks *s)
{
	return s->cap_entries * sizeof(*s->entries) + s->cap_numbers * sizeof(*s->numbers) +
	       s->cap_places * sizeof(*s->places) + s->cap_python * sizeof(*s->python) +
	       hashmap_bytes(s->by_id) + hashmap_bytes(s->by_place);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the places and the stacks made of them. A place is a (module, offset), or an
 * address of no file in one address space; a stack is a list of place numbers. What the
 * current profile already has is remembered beside them, so that each is named once.
 */
#include "trace/stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/vec.h"
#include "trace/python_stack.h"
#include "trace/pythons.h"

struct entry {
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
	struct entry *entries;
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
static void count_placed(struct stacks *s, struct entry *entry)
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
	struct entry *entry;
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
	count_placed(s, entry);
	*ret_unplaced = unplaced;
	return 0;
}

bool stacks_has(const struct stacks *s, uint64_t id)
{
	uint64_t index;

	return hashmap_get(s->by_id, id, &index);
}

static struct entry *find(const struct stacks *s, uint64_t id)
{
	uint64_t index;

	return hashmap_get(s->by_id, id, &index) ? &s->entries[index] : NULL;
}

void stacks_place_again(struct stacks *s, uint64_t id)
{
	struct entry *entry = find(s, id);

	if (entry)
		count_placed(s, entry);
}

void stacks_begin_report(struct stacks *s)
{
	for (size_t i = 0; i < s->nr_entries; i++) {
		count_placed(s, &s->entries[i]);
		s->entries[i].reported = 0;
	}
	free(s->named);
	s->named = NULL;
	s->nr_named = 0;
	hashmap_free(s->modules_named);
	s->modules_named = NULL;
}

static uint32_t report_module(struct stacks *s, uint32_t module, struct profile *profile)
{
	struct module_info info;
	struct profile_module *row;
	uint64_t index;

	if (module == PLACE_NONE)
		return PROFILE_NONE;
	if (!s->modules_named)
		s->modules_named = hashmap_new();
	if (!s->modules_named)
		return PROFILE_NONE;
	if (hashmap_get(s->modules_named, module, &index))
		return index;
	row = vec_push(&profile->modules, &profile->nr_modules, &profile->cap_modules);
	if (!row)
		return PROFILE_NONE;
	info = modules_info(s->modules, module);
	row->path = profile_string(profile, info.path ? info.path : "");
	row->build_id = profile_string(profile, info.build_id);
	row->deleted = info.deleted;
	hashmap_put(s->modules_named, module, profile->nr_modules - 1);
	return profile->nr_modules - 1;
}

static int report_frame(struct stacks *s, const struct known_place *known,
			const struct symbol *symbol, bool leaf, struct profile *profile)
{
	const struct place *place = &known->place;
	uint32_t module = report_module(s, place->module, profile);
	struct profile_frame *frame =
		vec_push(&profile->frames, &profile->nr_frames, &profile->cap_frames);

	if (!frame)
		return -ENOMEM;
	frame->module = module;
	frame->address = place->address;
	frame->offset = place->offset;
	frame->function = profile_string(profile, symbol->function);
	frame->file = profile_string(profile, symbol->file);
	frame->line = symbol->line;
	frame->language = profile_string(profile, symbol->language);
	frame->flags = (leaf ? FRAME_ALLOCATOR : 0) | (symbol->inlined ? FRAME_INLINED : 0) |
		       (symbol->jit ? FRAME_JIT : 0) | (known->guessed ? FRAME_GUESSED : 0);
	return 0;
}

static int report_python(struct stacks *s, const struct known_place *known, bool guessed,
			 struct profile *profile)
{
	struct python_name name = pythons_name(s->files.pythons, known->python - 1);
	struct profile_frame *frame =
		vec_push(&profile->frames, &profile->nr_frames, &profile->cap_frames);

	if (!frame)
		return -ENOMEM;
	frame->module = PROFILE_NONE;
	frame->function = profile_string(profile, name.function);
	frame->file = profile_string(profile, name.file);
	frame->line = name.line;
	frame->language = profile_string(profile, "python");
	frame->flags = guessed ? FRAME_GUESSED : 0;
	return 0;
}

/* The frames of one place: several where functions were inlined. */
static int report_place(struct stacks *s, uint32_t number, bool leaf, pid_t pid,
			struct profile *profile, struct named **ret_named)
{
	const struct symbol *symbols;
	struct named *named;
	int nr;

	if (!s->named) {
		s->named = calloc(s->nr_places, sizeof(*s->named));
		s->nr_named = s->nr_places;
		if (!s->named)
			return -ENOMEM;
	}
	named = &s->named[number];
	*ret_named = named;
	if (named->first[leaf])
		return 0;
	if (s->places[number].python) {
		named->first[leaf] = profile->nr_frames + 1;
		named->nr[leaf] = 1;
		return report_python(s, &s->places[number], leaf, profile);
	}
	nr = symbolizer_name(s->symbolizer, &s->places[number].place, !leaf, pid, &symbols);
	if (nr < 0)
		return nr;
	named->first[leaf] = profile->nr_frames + 1;
	for (int i = 0; i < nr; i++)
		if (report_frame(s, &s->places[number], &symbols[i], leaf, profile))
			return -ENOMEM;
	named->nr[leaf] = nr;
	return 0;
}

/* The entry's frames, native and Python's in one order; how many. */
static size_t merge_frames(const struct stacks *s, const struct entry *entry,
			   struct merged_frame *merged)
{
	bool evaluator[SEEP_STACK_MAX] = { false };
	const struct python_stack stack = {
		.evaluator = evaluator,
		.nr_native = entry->placed,
		.native_whole = entry->placed == entry->nr && entry->end == STACK_WHOLE,
		.frames = s->python + entry->first_python,
		.nr_frames = entry->nr_python,
		.frames_whole = !entry->python_cut,
	};

	for (uint32_t i = 0; entry->nr_python && i < entry->placed; i++)
		evaluator[i] = pythons_is_evaluator(s->files.pythons,
						    &s->places[s->numbers[entry->first + i]].place);
	return python_stack_merge(&stack, merged);
}

static int report_frames(struct stacks *s, const struct entry *entry, pid_t pid,
			 struct profile *profile, struct profile_stack *stack)
{
	struct merged_frame merged[SEEP_STACK_MAX + SEEP_PYTHON_MAX];
	size_t nr = 0, cap = 0, nr_merged = merge_frames(s, entry, merged);
	int err = 0;

	for (size_t i = 0; !err && i < nr_merged; i++) {
		const struct merged_frame *m = &merged[i];
		uint32_t number = m->python ? m->index : s->numbers[entry->first + m->index];
		struct named *named = NULL;
		bool leaf = m->python ? m->guessed : !m->index;

		err = report_place(s, number, leaf, pid, profile, &named);
		for (uint32_t j = 0; !err && j < named->nr[leaf]; j++) {
			uint32_t *slot = vec_push(&stack->frames, &nr, &cap);

			if (slot)
				*slot = named->first[leaf] - 1 + j;
			else
				err = -ENOMEM;
		}
	}
	stack->nr_frames = nr;
	return err;
}

uint32_t stacks_report(struct stacks *s, uint64_t id, pid_t pid, struct profile *profile)
{
	struct entry *entry = find(s, id);
	struct profile_stack stack = { 0 }, *row;

	if (!entry)
		return PROFILE_NONE;
	if (entry->reported)
		return entry->reported - 1;
	if (report_frames(s, entry, pid, profile, &stack)) {
		free(stack.frames);
		return PROFILE_NONE;
	}
	row = vec_push(&profile->stacks, &profile->nr_stacks, &profile->cap_stacks);
	if (!row) {
		free(stack.frames);
		return PROFILE_NONE;
	}
	/* Whatever ended it further out, frames outside of code are no part of the stack. */
	stack.end = entry->placed < entry->nr ? STACK_NO_CODE : entry->end;
	stack.cut = stack.end != STACK_WHOLE;
	*row = stack;
	entry->reported = profile->nr_stacks;
	return profile->nr_stacks - 1;
}

bool stacks_place(const struct stacks *s, uint64_t id, size_t i, struct place *ret_place)
{
	const struct entry *entry = find(s, id);

	if (!entry || i >= entry->placed)
		return false;
	*ret_place = s->places[s->numbers[entry->first + i]].place;
	return true;
}

const char *stacks_leaf_module(const struct stacks *s, uint64_t id)
{
	const struct entry *entry = find(s, id);
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

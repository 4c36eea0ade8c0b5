// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the way of stacks into a profile: places are named, and native frames and Python's made
 * one list. A place is named once a profile, a stack is in it once.
 */
#include "trace/stacks_internal.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hashmap.h"
#include "base/vec.h"

void stacks_begin_report(struct stacks *s)
{
	for (size_t i = 0; i < s->nr_entries; i++) {
		stacks_count_placed(s, &s->entries[i]);
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
static size_t merge_frames(const struct stacks *s, const struct stack_entry *entry,
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

static int report_frames(struct stacks *s, const struct stack_entry *entry, pid_t pid,
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
	struct stack_entry *entry = stacks_find(s, id);
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

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Stacks on their way into a profile: which frames are shown, and why they end where they do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "stack/modules.h"
#include "trace/stacks.h"

enum { SPACE = 1, FRAMES = 3 };

struct fixture {
	struct modules *modules;
	struct symbolizer *symbolizer;
	struct stacks *stacks;
	struct profile *profile;
};

/* Files 1 and 2 are modules 0 and 1. */
static uint32_t module_of_file(const void *context, uint16_t table)
{
	(void)context;
	return table <= 2 ? table - 1U : PLACE_NONE;
}

static struct fixture set_up(void)
{
	static const struct stacks_files files = { .module = module_of_file };
	static const struct symbolizer_options options = { .no_inline = true, .no_lines = true };
	struct fixture f = { .modules = modules_new(), .profile = profile_new() };

	assert_non_null(f.modules);
	assert_int_equal(modules_refresh(f.modules, SPACE, getpid()), 0);
	f.symbolizer = symbolizer_new(f.modules, &options);
	assert_non_null(f.symbolizer);
	f.stacks = stacks_new(f.modules, f.symbolizer, &files);
	assert_non_null(f.stacks);
	stacks_begin_report(f.stacks);
	return f;
}

static void tear_down(struct fixture *f)
{
	stacks_free(f->stacks);
	symbolizer_free(f->symbolizer);
	modules_free(f->modules);
	profile_free(f->profile);
}

/* Three frames in this program, the last one at `outermost` instead where that is not 0. */
static const struct profile_stack *report(struct fixture *f, uint8_t reason, uint16_t flags,
					  uint64_t outermost)
{
	static uint64_t id;
	struct seep_stack *record = calloc(1, sizeof(*record) + FRAMES * sizeof(uint64_t));
	size_t unplaced = 0;
	uint32_t index;

	record->kind = SEEP_STACK;
	record->reason = reason;
	record->flags = flags;
	record->space = SPACE;
	record->nr_frames = FRAMES;
	record->id = ++id;
	record->frames[0] = (uint64_t)(uintptr_t)set_up;
	record->frames[1] = (uint64_t)(uintptr_t)tear_down + 1;
	record->frames[2] = outermost ? outermost : (uint64_t)(uintptr_t)report + 1;
	assert_int_equal(stacks_add(f->stacks, record, &unplaced), 0);
	assert_int_equal(unplaced, outermost != 0);
	index = stacks_report(f->stacks, record->id, getpid(), f->profile);
	free(record);
	assert_true(index < f->profile->nr_stacks);
	return &f->profile->stacks[index];
}

static void the_end_of_a_walk_is_kept(void **state)
{
	static const struct {
		uint8_t reason;
		uint16_t flags;
		enum profile_stack_end end;
	} rows[] = {
		{ SEEP_STACK_WHOLE, 0, STACK_WHOLE },
		{ SEEP_STACK_FULL, SEEP_STACK_CUT, STACK_DEPTH },
		{ SEEP_STACK_FAULT, SEEP_STACK_CUT, STACK_FAULT },
		{ SEEP_STACK_NO_RULE, SEEP_STACK_CUT, STACK_NO_RULE },
		{ SEEP_STACK_NO_CODE, SEEP_STACK_CUT, STACK_NO_CODE },
		/* a reason of a later version, and none */
		{ 200, SEEP_STACK_CUT, STACK_NO_CODE },
		{ SEEP_STACK_WHOLE, SEEP_STACK_CUT, STACK_NO_CODE },
	};
	struct fixture f = set_up();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct profile_stack *stack = report(&f, rows[i].reason, rows[i].flags, 0);

		assert_int_equal(stack->end, rows[i].end);
		assert_int_equal(stack->cut, rows[i].end != STACK_WHOLE);
		assert_int_equal(stack->nr_frames, FRAMES);
	}
	tear_down(&f);
}

/* A chain of frame pointers that leaves code says nothing itself: it has lost its way. */
static void frames_outside_of_code_end_a_stack(void **state)
{
	struct fixture f = set_up();
	const struct profile_stack *stack = report(&f, SEEP_STACK_WHOLE, 0, 16);

	assert_int_equal(stack->nr_frames, FRAMES - 1);
	assert_true(stack->cut);
	assert_int_equal(stack->end, STACK_NO_CODE);
	stack = report(&f, SEEP_STACK_FULL, SEEP_STACK_CUT, 16);
	assert_int_equal(stack->end, STACK_NO_CODE);
	tear_down(&f);
}

/* What the kernel side placed is not placed again: the process may have unmapped it by now. */
static void frames_of_files_need_no_mapping(void **state)
{
	struct {
		struct seep_stack head;
		uint64_t frames[FRAMES];
	} record = {
		.head = { .kind = SEEP_STACK,
			  .space = SPACE + 1,
			  .nr_frames = FRAMES,
			  .id = 1ULL << 40 },
		.frames = { SEEP_FRAME(1, 0x1234), SEEP_FRAME(2, 0xffffffffffULL),
			    SEEP_FRAME(3, 5) },
	};
	struct fixture f = set_up();
	struct place place;
	size_t unplaced = 0;

	assert_int_equal(stacks_add(f.stacks, &record.head, &unplaced), 0);
	assert_int_equal(unplaced, 1);
	assert_true(stacks_place(f.stacks, record.head.id, 0, &place));
	assert_int_equal(place.module, 0);
	assert_int_equal(place.offset, 0x1234);
	assert_true(stacks_place(f.stacks, record.head.id, 1, &place));
	assert_int_equal(place.module, 1);
	assert_int_equal(place.offset, 0xffffffffffULL);
	assert_true(!stacks_place(f.stacks, record.head.id, 2, &place) ||
		    place.module == PLACE_NONE);
	tear_down(&f);
}

static void ends_have_names(void **state)
{
	for (int end = 0; end < STACK_END_COUNT; end++)
		assert_int_equal(profile_stack_end_parse(profile_stack_end_name(end)), end);
	assert_int_equal(profile_stack_end_parse("hole"), STACK_END_COUNT);
	assert_string_equal(profile_stack_end_name(STACK_NO_RULE), "no rule");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_of_a_walk_is_kept),
		cmocka_unit_test(frames_outside_of_code_end_a_stack),
		cmocka_unit_test(frames_of_files_need_no_mapping),
		cmocka_unit_test(ends_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

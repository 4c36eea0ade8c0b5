// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One stack of two: which Python frames take the place of which frame of the evaluator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "trace/python_stack.h"

enum { MOST = 32 };

struct row {
	/* a letter a frame, leaf first; E: the evaluator */
	const char *native;
	/* a digit a frame, its name; '|' behind the last of a run; '-' one that is not shown */
	const char *python;
	const char *merged; /* '?' behind a guess */
	bool native_cut, python_cut;
};

static size_t parse_python(const char *text, struct python_stack_frame *frames)
{
	size_t nr = 0;

	for (; *text; text++) {
		if (*text == '|')
			frames[nr - 1].entry = true;
		else
			frames[nr++] = (struct python_stack_frame){ .name = (uint32_t)*text,
								    .shown = *text != '-' };
	}
	return nr;
}

static void merge(const struct row *row, char *text)
{
	struct python_stack_frame frames[MOST] = { 0 };
	struct merged_frame merged[2 * MOST];
	bool evaluator[MOST] = { false };
	struct python_stack stack = {
		.evaluator = evaluator,
		.nr_native = strlen(row->native),
		.native_whole = !row->native_cut,
		.frames = frames,
		.nr_frames = parse_python(row->python, frames),
		.frames_whole = !row->python_cut,
	};
	size_t nr;

	for (size_t i = 0; i < stack.nr_native; i++)
		evaluator[i] = row->native[i] == 'E';
	nr = python_stack_merge(&stack, merged);
	assert_true(nr <= stack.nr_native + stack.nr_frames);
	for (size_t i = 0; i < nr; i++) {
		*text++ = merged[i].python ? (char)merged[i].index : row->native[merged[i].index];
		if (merged[i].guessed)
			*text++ = '?';
	}
	*text = '\0';
}

static void check(const struct row *rows, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		char text[4 * MOST];

		merge(&rows[i], text);
		assert_string_equal(text, rows[i].merged);
	}
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

static void a_run_takes_its_evaluators_place(void **state)
{
	static const struct row rows[] = {
		{ .native = "abc", .python = "", .merged = "abc" },
		/* each its own, as up to 3.10 */
		{ .native = "mcEcEm", .python = "1|2|", .merged = "mc1c2m" },
		{ .native = "mEEE", .python = "1|2|3|", .merged = "m123" },
		/* many in one, as from 3.11 on */
		{ .native = "mcEcEm", .python = "123|45|", .merged = "mc123c45m" },
		/* the interpreter's own steps, and a run that has left its last frame */
		{ .native = "mEcE", .python = "1-2|3|", .merged = "m12c3" },
		{ .native = "mEcE", .python = "1|-|", .merged = "m1cE" },
		{ .native = "mEcE", .python = "-|1|", .merged = "mEc1" },
		/* what a thread's first run stands on */
		{ .native = "mE", .python = "12|-|", .merged = "m12" },
		{ .native = "m", .python = "-|-|", .merged = "m" },
		/* what an interpreter's part stands on, within another's */
		{ .native = "mEcE", .python = "12|-|3|-|", .merged = "m12c3" },
		{ .native = "mEcEcE", .python = "-|12|-|3|", .merged = "mEc12c3" },
	};

	(void)state;
	CHECK(rows);
}

static void a_stack_that_is_cut_is_right_at_the_leaf(void **state)
{
	static const struct row rows[] = {
		{ .native = "mEcE",
		  .python = "1|2|3|4|",
		  .merged = "m1c23?4?",
		  .native_cut = true },
		{ .native = "m", .python = "12|3|", .merged = "m1?2?3?", .native_cut = true },
		{ .native = "mEcEcE", .python = "1|2", .merged = "m1c2cE", .python_cut = true },
	};

	(void)state;
	CHECK(rows);
}

static void whole_stacks_belong_together_at_the_outermost(void **state)
{
	static const struct row rows[] = {
		{ .native = "mEcEcE", .python = "1|2|", .merged = "mEc1?c2?" },
		{ .native = "mcEcE", .python = "1|2|3|", .merged = "mc1?2?c3?" },
		{ .native = "mcd", .python = "1|2|", .merged = "mcd1?2?" },
	};

	(void)state;
	CHECK(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_takes_its_evaluators_place),
		cmocka_unit_test(a_stack_that_is_cut_is_right_at_the_leaf),
		cmocka_unit_test(whole_stacks_belong_together_at_the_outermost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

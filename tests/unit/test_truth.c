// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What tests/truth calls identical and what not: it must not find agreement where there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../truth/verdicts.c"

static struct truth truth;
static struct walked walked;

/* Two whole stacks of so many frames, the same in both, all in a file. */
static void set_up(uint32_t frames)
{
	memset(&truth, 0, sizeof(truth));
	memset(&walked, 0, sizeof(walked));
	truth.nr = frames;
	walked.nr = frames < SEEP_STACK_MAX ? frames : SEEP_STACK_MAX;
	for (uint32_t i = 0; i < frames; i++) {
		truth.frames[i] = 0x1000 + i * 16;
		truth.modules[i] = "file";
		if (i < walked.nr)
			walked.frames[i] = truth.frames[i];
	}
}

static void cut(uint32_t frames, enum seep_stack_end reason)
{
	walked.nr = frames;
	walked.reason = reason;
	walked.flags = SEEP_STACK_CUT;
}

static void check(enum verdict wanted)
{
	assert_string_equal(verdict_word(verdict_of(&truth, &walked)), verdict_word(wanted));
}

static void test_identical(void **state)
{
	set_up(20);
	check(VERDICT_IDENTICAL);
	/* libdw does not know that this frame is the outermost. */
	truth.gave_up = true;
	check(VERDICT_IDENTICAL);
	assert_int_equal(verdict_of(&truth, NULL), VERDICT_MISSING);
}

static void test_deeper(void **state)
{
	set_up(140);
	cut(SEEP_STACK_MAX, SEEP_STACK_FULL);
	check(VERDICT_DEPTH);
	walked.frames[100]++;
	check(VERDICT_WRONG);
}

static void test_wrong(void **state)
{
	set_up(20);
	walked.frames[0]++;
	check(VERDICT_WRONG);
	set_up(20);
	walked.frames[10]++;
	check(VERDICT_WRONG);
	/* Ends early, or goes on, without a word. */
	set_up(20);
	walked.nr = 12;
	check(VERDICT_WRONG);
	set_up(20);
	truth.nr = 12;
	check(VERDICT_WRONG);
	/* Full long before it is. */
	set_up(20);
	cut(12, SEEP_STACK_FULL);
	check(VERDICT_WRONG);
}

static void test_cut(void **state)
{
	static const struct {
		enum seep_stack_end reason;
		enum verdict verdict;
	} ends[] = { { SEEP_STACK_FAULT, VERDICT_FAULT },
		     { SEEP_STACK_NO_RULE, VERDICT_NO_RULE },
		     { SEEP_STACK_NO_CODE, VERDICT_NO_CODE } };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		set_up(20);
		cut(8, ends[i].reason);
		check(ends[i].verdict);
		/* Only its last frame may have lost the way. */
		walked.frames[7]++;
		check(ends[i].verdict);
		walked.frames[6]++;
		check(VERDICT_WRONG);
	}
}

static void test_guessed(void **state)
{
	set_up(20);
	walked.frames[9]++;
	walked.guessed[0] = 1 << 9;
	check(VERDICT_GUESSED);
	/* The guess was right, and they part far beyond it. */
	walked.guessed[0] = 1 << 4;
	check(VERDICT_WRONG);
}

static void test_libdw_cut(void **state)
{
	set_up(20);
	truth.nr = 7;
	truth.gave_up = true;
	check(VERDICT_TRUTH_CUT);
	walked.frames[3]++;
	check(VERDICT_WRONG);
	set_up(20);
	truth.gave_up = true;
	cut(20, SEEP_STACK_NO_RULE);
	check(VERDICT_BOTH_CUT);
}

static void test_jit(void **state)
{
	set_up(20);
	truth.modules[5] = NULL;
	check(VERDICT_IDENTICAL);
	cut(8, SEEP_STACK_NO_RULE);
	check(VERDICT_JIT);
	/* Below the code of no file there is no excuse. */
	walked.frames[3]++;
	check(VERDICT_WRONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identical), cmocka_unit_test(test_deeper),
		cmocka_unit_test(test_wrong),	  cmocka_unit_test(test_cut),
		cmocka_unit_test(test_guessed),	  cmocka_unit_test(test_libdw_cut),
		cmocka_unit_test(test_jit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "verdicts.h"

static const char *const words[VERDICTS] = {
	[VERDICT_IDENTICAL] = "identical",
	[VERDICT_DEPTH] = "deeper",
	[VERDICT_JIT] = "jit",
	[VERDICT_TRUTH_CUT] = "libdw_cut",
	[VERDICT_BOTH_CUT] = "both_cut",
	[VERDICT_NO_CODE] = "no_code",
	[VERDICT_NO_RULE] = "no_rule",
	[VERDICT_GUESSED] = "guessed",
	[VERDICT_FAULT] = "fault",
	[VERDICT_MISSING] = "missing",
	[VERDICT_WRONG] = "wrong",
};

const char *verdict_word(enum verdict verdict)
{
	return words[verdict];
}

uint32_t frames_in_common(const struct truth *truth, const struct walked *walked)
{
	uint32_t n = 0;

	while (n < truth->nr && n < walked->nr && truth->frames[n] == walked->frames[n])
		n++;
	return n;
}

/* Code that no file describes is among the frames from which both had to go on. */
static bool through_jit(const struct truth *truth, uint32_t common)
{
	for (uint32_t i = 0; i < common && i < truth->nr; i++)
		if (!truth->modules[i])
			return true;
	return false;
}

/* The first frame that is seep's alone, or the one it was found from, was found by a guess. */
static bool by_guess(const struct walked *walked, uint32_t common)
{
	for (uint32_t i = common ? common - 1 : 0; i <= common && i < walked->nr; i++)
		if (walked->guessed[i >> 6] >> (i & 63) & 1)
			return true;
	return false;
}

static enum verdict cut_verdict(const struct walked *walked)
{
	switch (walked->reason) {
	case SEEP_STACK_FAULT:
		return VERDICT_FAULT;
	case SEEP_STACK_NO_RULE:
		return VERDICT_NO_RULE;
	case SEEP_STACK_NO_CODE:
		return VERDICT_NO_CODE;
	default:
		return VERDICT_WRONG;
	}
}

enum verdict verdict_of(const struct truth *truth, const struct walked *walked)
{
	bool cut, truth_ends, walked_ends;
	uint32_t common;

	if (!walked)
		return VERDICT_MISSING;
	cut = walked->flags & SEEP_STACK_CUT;
	common = frames_in_common(truth, walked);
	truth_ends = common == truth->nr;
	walked_ends = common == walked->nr;
	/* libdw wants to be told which frame is the outermost; the addresses are the same. */
	if (truth_ends && walked_ends && !cut)
		return VERDICT_IDENTICAL;
	if (walked_ends && cut && walked->reason == SEEP_STACK_FULL && walked->nr == SEEP_STACK_MAX)
		return VERDICT_DEPTH;
	if (through_jit(truth, common))
		return VERDICT_JIT;
	if (truth->gave_up && truth_ends)
		return cut && walked_ends ? VERDICT_BOTH_CUT : VERDICT_TRUTH_CUT;
	if (by_guess(walked, common))
		return VERDICT_GUESSED;
	/* The last frame of a walk that has lost its way may lie outside of all code. */
	if (cut && common + 1 >= walked->nr)
		return cut_verdict(walked);
	return VERDICT_WRONG;
}

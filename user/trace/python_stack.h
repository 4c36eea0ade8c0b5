/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One stack of two: a native stack, in which CPython's evaluator stands for whatever it runs,
 * and the frames that it runs. Pure.
 */
#ifndef SEEP_TRACE_PYTHON_STACK_H
#define SEEP_TRACE_PYTHON_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A Python frame. A run is what one frame of the evaluator has under way. */
struct python_stack_frame {
	uint32_t name; /* the caller's number for it */
	bool entry; /* the last frame of its run */
	bool shown; /* else it is only there to end a run, or the interpreter's own */
};

/* Both leaf first. */
struct python_stack {
	const bool *evaluator; /* of each native frame: is it the evaluator's? */
	size_t nr_native;
	bool native_whole; /* the native stack reaches the outermost frame */
	const struct python_stack_frame *frames;
	size_t nr_frames;
	bool frames_whole; /* and so do the Python frames */
};

struct merged_frame {
	uint32_t index; /* of a native frame; the name of a Python one */
	bool python;
	bool guessed; /* a Python frame: what it stands between is not known for sure */
};

/*
 * Puts each run in the place of its evaluator's frame. Stacks that are not whole are laid
 * together at the leaf; runs beyond the last evaluator's frame follow all native frames, as
 * guesses. Where whole ones have more runs than such frames, or fewer, the outermost belong
 * together: an evaluator without a run stays, runs without an evaluator come before the first
 * one, and all Python frames are guesses. Writes at most nr_native + nr_frames, and returns
 * how many.
 */
size_t python_stack_merge(const struct python_stack *stack, struct merged_frame *ret_frames);

#endif

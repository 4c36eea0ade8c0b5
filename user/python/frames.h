/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Frames as holders of objects. A frame is a PyFrameObject up to 3.10, from 3.11 on a
 * _PyInterpreterFrame, which is no object and may lie in a generator.
 */
#ifndef SEEP_PYTHON_FRAMES_H
#define SEEP_PYTHON_FRAMES_H

#include "python/references.h"

/* What a frame's own part holds: function, locals, evaluation stack. 0 or what `each` did. */
int python_frame_references(struct python_reader *reader, uint64_t frame, python_reference_fn each,
			    void *context);
/* The frame inside a generator or a frame object; 0: it has none of its own. */
uint64_t python_frame_within(struct python_reader *reader, const struct python_form *form,
			     uint64_t object);
/* The code that it runs; 0 none. */
uint64_t python_frame_code(struct python_reader *reader, uint64_t frame);
uint64_t python_frame_back(struct python_reader *reader, uint64_t frame);

/* The name (a str) of the local in this place; 0: none, it is a temporary. */
uint64_t python_code_local(struct python_reader *reader, uint64_t code, uint32_t index);
/* The name of a closure's cell by its place among `cells`; 0 none. */
uint64_t python_code_free_variable(struct python_reader *reader, uint64_t code, uint32_t index,
				   uint64_t cells);
/* "handle (app.py:12)", where the function is defined. False: what is there is no code. */
bool python_code_title(struct python_reader *reader, uint64_t code, char *text, size_t size);

#endif

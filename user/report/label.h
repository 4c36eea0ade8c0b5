/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Names of frames and processes as reports show them. Names come from other processes'
 * files and memory: what is printed of them is always valid UTF-8 without control
 * characters, so that no name can drive a terminal or break a file format.
 */
#ifndef SEEP_REPORT_LABEL_H
#define SEEP_REPORT_LABEL_H

#include <stdbool.h>
#include <stddef.h>

#include "heap/profile.h"

/* A cleaned copy, which the caller frees; NULL when out of memory. NULL in gives "". */
char *label_clean(const char *text);
/* The same with every character of `forbidden` replaced by `substitute` (ASCII). */
char *label_clean_except(const char *text, const char *forbidden, char substitute);

/* The part of a path after its last slash; the path itself when that is empty. */
const char *label_base_name(const char *path);

/*
 * The function, else "libx.so+0x1234", else "0x7f...", else "[unknown]": cleaned; the
 * caller frees it. NULL when out of memory.
 */
char *label_frame(const struct profile *profile, const struct profile_frame *frame);

/*
 * Frames to be shown for a stack that is lost, or whose walk ended early, in formats
 * that have nothing but names.
 */
#define LABEL_STACK_CUT "[stack cut here]"
#define LABEL_STACK_UNKNOWN "[stack unknown]"

/* What a site's figures are: they do not add up across layers. */
enum label_layer {
	LABEL_BLOCKS = 0, /* bytes of an allocator */
	LABEL_MAPPINGS, /* bytes of address space */
	LABEL_HANDLES, /* handles of a pair of functions */
	LABEL_LAYERS,
};
enum label_layer label_layer(const struct profile_site *site);

/* The stack of a site; NULL when it was lost. */
const struct profile_stack *label_site_stack(const struct profile *profile,
					     const struct profile_site *site);

/*
 * The frame that a person would call the place of the allocation: the innermost one that
 * is neither the allocator nor a layer that only passes allocations on (operator new,
 * the standard containers, strdup). PROFILE_NONE for a stack without a frame.
 */
uint32_t label_place(const struct profile *profile, const struct profile_site *site);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The stacks seen so far: each placed in its modules when it arrives, while the process
 * is still there, and named only when a profile asks for it. Places are kept once.
 */
#ifndef SEEP_TRACE_STACKS_H
#define SEEP_TRACE_STACKS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/types.h>

#include "../../bpf/event.h"
#include "heap/profile.h"
#include "stack/symbols.h"

struct stacks;

struct pythons;

/* Whose number is in a frame: the module of SEEP_FRAME_TABLE, or PLACE_NONE. */
struct stacks_files {
	uint32_t (*module)(const void *context, uint16_t table);
	const void *context;
	struct pythons *pythons; /* NULL: Python frames are passed over */
};

/* `modules` and `symbolizer` must outlive it; files NULL: no frame has such a number. */
struct stacks *stacks_new(struct modules *modules, struct symbolizer *symbolizer,
			  const struct stacks_files *files);
void stacks_free(struct stacks *stacks);

/*
 * Adds what a SEEP_STACK record brings; a stack that is there already is left as it is.
 * *ret_unplaced gets how many of its frames no known code holds. 0 or -ENOMEM.
 */
int stacks_add(struct stacks *stacks, const struct seep_stack *stack, size_t *ret_unplaced);
bool stacks_has(const struct stacks *stacks, uint64_t id);
/* Gives the frames that no code held another try: the maps have been read again. */
void stacks_place_again(struct stacks *stacks, uint64_t id);

/*
 * Names the stack and appends it to the profile, with its frames and modules; a frame is
 * appended once a profile. Its index there, PROFILE_NONE when it is unknown.
 */
uint32_t stacks_report(struct stacks *stacks, uint64_t id, pid_t pid, struct profile *profile);
/* A new profile begins: indices into the last one are forgotten. */
void stacks_begin_report(struct stacks *stacks);

/* The place of its `i`-th native frame; false beyond the last, and for an unknown stack. */
bool stacks_place(const struct stacks *stacks, uint64_t id, size_t i, struct place *ret_place);
/* The path of the module of the leaf frame; NULL unknown. */
const char *stacks_leaf_module(const struct stacks *stacks, uint64_t id);
size_t stacks_bytes(const struct stacks *stacks);

#endif

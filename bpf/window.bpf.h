/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The window on the user stack: read at once, because a read of user memory costs as much
 * for some KiB as for 8 bytes, and moved when a walk leaves it.
 */
#ifndef SEEP_WINDOW_BPF_H
#define SEEP_WINDOW_BPF_H

#include "maps.bpf.h"

#define PAGE_BYTES 4096
#define FIRST_WINDOW 2048 /* where nothing is known of the stack */
#define WINDOW_MARGIN 256 /* a frame's slots are within so much of its stack pointer, mostly */
#define STACK_REACH (64ULL << 20) /* what is further up, or down, is of another stack */

/*
 * An index into a table of a power of two. The compiler may know that the mask does
 * nothing; the verifier has to be shown.
 */
static __always_inline __u64 masked(__u64 index, __u64 entries)
{
	barrier_var(index);
	return index & (entries - 1);
}

static __always_inline void open_window(struct thread *t)
{
	t->window_bytes = 0;
	t->window_is_last = 0;
}

/*
 * How much to read at `address`: up to where the last walk ended, where that is known. What is
 * beyond may not be there, as above the stack of a thread, and a failed read is dear.
 */
static __always_inline __u64 window_size(const struct thread *t, __u64 address)
{
	__u64 rest = t->stack_end - address;

	if (rest < WINDOW_MARGIN || rest > STACK_REACH)
		return FIRST_WINDOW;
	return rest < STACK_WINDOW ? rest : STACK_WINDOW;
}

/* Moves the window to `address`; it may hold less where the stack ends. */
static __always_inline void move_window(struct thread *t, __u64 address)
{
	__u64 size = window_size(t, address);

	t->window_base = address;
	t->window_bytes = size & ~7ULL;
	if (!bpf_probe_read_user(t->window, size, (void *)address))
		return;
	/* The next page is not there: the stack's last one. A failed read is dear, so once. */
	t->window_is_last = 1;
	size = masked(PAGE_BYTES - (address & (PAGE_BYTES - 1)), STACK_WINDOW);
	t->window_bytes = bpf_probe_read_user(t->window, size, (void *)address) ? 0 : size & ~7ULL;
}

/* Makes sure, where that can be, that `margin` bytes from `address` on are in the window. */
static __always_inline void slide_window(struct thread *t, __u64 address, __u64 margin)
{
	__u64 distance = address - t->window_base;

	/* Below the window the distance is that of a word beyond all windows. */
	if ((distance > STACK_WINDOW || distance + margin > t->window_bytes) &&
	    !(t->window_is_last && t->window_bytes))
		move_window(t, address);
}

/* The word at `address`, from the window if it is there. */
static __always_inline bool load(struct thread *t, __u64 address, __u64 *value)
{
	__u64 distance = address - t->window_base;

	if (distance >= t->window_bytes || distance & 7)
		return !bpf_probe_read_user(value, sizeof(*value), (void *)address);
	*value = t->window[masked(distance >> 3, STACK_WINDOW / 8)];
	return true;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The window on the user stack: read at once, because a read of user memory costs as much
 * for 2 KiB as for 8 bytes, and moved when a walk leaves it.
 */
#ifndef SEEP_WINDOW_BPF_H
#define SEEP_WINDOW_BPF_H

#include "maps.bpf.h"

#define PAGE_BYTES 4096

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

/* Moves the window to `address`; it may hold less where the stack ends. */
static __always_inline void move_window(struct thread *t, __u64 address)
{
	__u64 rest;

	t->window_base = address;
	t->window_bytes = STACK_WINDOW;
	if (!bpf_probe_read_user(t->window, STACK_WINDOW, (void *)address))
		return;
	/* The next page is not there: the stack's last one. A failed read is dear, so once. */
	t->window_is_last = 1;
	rest = masked(PAGE_BYTES - (address & (PAGE_BYTES - 1)), STACK_WINDOW);
	t->window_bytes = bpf_probe_read_user(t->window, rest, (void *)address) ? 0 : rest & ~7ULL;
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

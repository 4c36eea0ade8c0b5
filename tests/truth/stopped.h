/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A thread that stands at an allocation: its registers and its memory, as they were there. */
#ifndef SEEP_TRUTH_STOPPED_H
#define SEEP_TRUTH_STOPPED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

#include "witness.h"

enum { STOPPED_STACK = 256 << 10 }; /* bytes of stack that are read at once */

struct stopped {
	const struct witness_hit *hit;
	uint8_t *stack; /* from hit's sp on, with the return addresses that the program put there */
	size_t stack_bytes;
};

/* Reads the stack. 0 or -errno; free with stopped_release. */
int stopped_read(const struct witness_hit *hit, struct stopped *ret_stopped);
void stopped_release(struct stopped *stopped);

/* One word of its memory. */
bool stopped_word(const struct stopped *stopped, uint64_t address, uint64_t *ret_word);
/* Bytes of its memory as they are now, return probes included; how many could be read. */
size_t stopped_bytes(const struct stopped *stopped, uint64_t address, void *buffer, size_t size);

#endif

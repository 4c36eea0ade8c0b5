/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The stack of a stopped thread by libdw's unwinder, which reads the same files in its own
 * way. It must be asked while the thread stands.
 */
#ifndef SEEP_TRUTH_ORACLE_H
#define SEEP_TRUTH_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "stopped.h"

enum { TRUTH_FRAMES = 512 };

struct truth {
	uint32_t nr;
	bool gave_up; /* it could not go on; else the last frame is the outermost */
	bool full; /* more than TRUTH_FRAMES */
	const char *why; /* its words for it; NULL none. Lasts */
	uint64_t frames[TRUTH_FRAMES]; /* frame 0 is the pc, the others are return addresses */
	const char *modules[TRUTH_FRAMES]; /* path; NULL: no file's code. Lasts */
	uint64_t offsets[TRUTH_FRAMES]; /* from where the module begins in memory */
};

struct oracle;

struct oracle *oracle_new(void);
void oracle_free(struct oracle *oracle);

/* 0, or -errno when nothing could be said. */
int oracle_ask(struct oracle *oracle, const struct stopped *stopped, struct truth *ret_truth);
/* The process has ended, or has become another program. */
void oracle_forget(struct oracle *oracle, pid_t tgid);

#endif

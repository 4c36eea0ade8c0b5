/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a process with a JIT compiler was started with, as far as its stacks need it. */
#ifndef SEEP_STACK_JIT_PROCESS_H
#define SEEP_STACK_JIT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum jit_runtime {
	JIT_NONE = 0,
	JIT_HOTSPOT, /* Java: libjvm.so */
	JIT_NODE, /* V8 in node */
};

struct jit_process {
	enum jit_runtime runtime;
	unsigned int release; /* of Java: 8, 17...; 0 unknown */
	bool frame_pointers; /* kept by compiled code: always by V8, on request by HotSpot */
	bool interpreted_frames; /* of V8: each interpreted function has code of its own */
	bool map_asked; /* a perf map or jitdump file is written while it runs, or at its end */
	bool has_map; /* there is a perf map */
	bool has_dump; /* it maps a jitdump file */
};

/* 0, -ESRCH or -EACCES. */
int jit_process_read(pid_t pid, struct jit_process *ret_process);

/*
 * Applies options, one after the other: `words` separated by NULs (/proc/PID/cmdline, of
 * which the first is the program's name and only those before the first operand count:
 * `command_line`) or by blanks.
 */
void jit_process_options(struct jit_process *process, const char *words, size_t length,
			 bool command_line);

#endif

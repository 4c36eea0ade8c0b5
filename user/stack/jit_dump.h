/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a JIT compiler records of its code in jit-PID.dump for perf: names, and files and
 * lines (tools/perf/Documentation/jitdump-specification.txt of Linux).
 */
#ifndef SEEP_STACK_JIT_DUMP_H
#define SEEP_STACK_JIT_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "stack/jit_code.h"

struct jit_dump;

struct jit_dump *jit_dump_new(void);
void jit_dump_free(struct jit_dump *dump);

/*
 * Adds the whole records at the start of `bytes`, the first time after the header;
 * *ret_needed is then how many bytes the record behind them has, 0 when even that is not
 * known. Returns the bytes used, -EINVAL for what is no such file or not of this
 * machine, -ENOMEM. Records that contradict themselves are skipped.
 */
ssize_t jit_dump_parse(struct jit_dump *dump, const uint8_t *bytes, size_t length,
		       uint64_t *ret_needed);

/*
 * Reads what the process has written since the last time to the file that it maps
 * executable, as perf finds it. `seek`: looks which file that is; otherwise it is the one
 * of the last time. 0; -ENOENT when it maps none; names known stay.
 */
int jit_dump_update(struct jit_dump *dump, pid_t pid, bool seek);

/*
 * The code at the address, as it was last written: what other code has overwritten since is
 * gone. False: none. Strings live until the next update.
 */
bool jit_dump_find(struct jit_dump *dump, uint64_t address, struct jit_code *ret_code);

#endif

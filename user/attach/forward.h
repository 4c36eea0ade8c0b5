/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a short function hands its work over: operator delete that jumps to free must not
 * be probed beside it.
 */
#ifndef SEEP_ATTACH_FORWARD_H
#define SEEP_ATTACH_FORWARD_H

#include "attach/elf_file.h"

enum {
	FORWARD_EXITS_MOST = 8,
	FORWARD_CODE_MOST = 128, /* a longer function does work of its own */
};

/* Where control goes: an address in this file, or a symbol that may be another file's. */
struct forward_exit {
	uint64_t address; /* of a function that is not behind the PLT; else 0 */
	char *symbol; /* behind the PLT or a GOT slot; else NULL */
};

struct forward {
	bool only_jumps; /* its first instruction is the jump */
	struct forward_exit jumps[FORWARD_EXITS_MOST];
	size_t nr_jumps;
	struct forward_exit calls[FORWARD_EXITS_MOST];
	size_t nr_calls;
	bool unknown; /* it is too long, or goes somewhere that the code does not tell */
};

/* Free with forward_free. */
void forward_read(const struct elf_file *file, uint64_t address, uint64_t size,
		  struct forward *ret_forward);
void forward_free(struct forward *forward);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the call frame information of Go programs does not say (src/runtime/asm_amd64.s and
 * src/cmd/internal/obj/x86/obj6.go of Go, those of arm64 alike): which functions of the runtime
 * change stacks, and that all code keeps frame pointers.
 */
#ifndef SEEP_STACK_GO_STACKS_H
#define SEEP_STACK_GO_STACKS_H

#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>

#include "../../bpf/unwind_table.h"
#include "stack/cfi_image.h"

enum { GO_STACKS_MAX = 32 };

struct go_stack_change {
	uint64_t start, end; /* ELF addresses, in one executable segment */
	/*
	 * SEEP_CFA_NONE: its frame pointer leads to the caller, on whichever stack. SEEP_CFA_END:
	 * what is on the stack it came from need not be there any more.
	 */
	enum seep_unwind_cfa cfa;
};

struct go_stacks {
	struct go_stack_change changes[GO_STACKS_MAX];
	size_t nr; /* 0 in what is no Go program */
	/*
	 * Where Go's own code is: a function there that has moved its stack pointer has saved its
	 * caller's frame pointer right below the return address.
	 */
	uint64_t text_start, text_end;
};

/* 0 or -ENOMEM. */
int go_stacks_find(const struct cfi_image *image, struct go_stacks *ret_stacks);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where in a function to put a probe. A uprobe on an instruction that the kernel
 * emulates costs one trap; on any other it is single-stepped out of line, which is 5-15
 * times dearer. So the straight-line prologue is decoded and the first emulated
 * instruction is taken at which what the probe reads is still there.
 */
#ifndef SEEP_ATTACH_SITES_H
#define SEEP_ATTACH_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SITE_PROLOGUE_MOST = 256,
	SITE_CODE_MOST = 4096,
};

enum site_class {
	SITE_NOP5 = 0, /* 5-byte nop: no trap at all from kernel 6.18 on */
	SITE_EMULATED, /* nop, push, call, jmp, jcc: one trap */
	SITE_STEPPED, /* anything else: trap and single-step */
};

struct site_wish {
	uint16_t machine; /* EM_X86_64, EM_AARCH64 */
	uint8_t arguments; /* argument registers the probe reads, as a bit mask from bit 0 */
	bool needs_return; /* a return probe too: the return address must be on top of the stack */
	bool nop5_is_free; /* the kernel has optimised 5-byte-nop probes (>= 6.18, tried) */
};

struct site {
	uint32_t offset; /* from the function's first byte */
	enum site_class class;
	bool skips_null; /* a branch before it has left with a NULL argument (free) */
	char instruction[48]; /* disassembled, for doctor */
	const char *why; /* static words: "first push", "nop at entry", "nothing emulated in the
			    prologue" */
};

/*
 * `code` is the function from its first byte, `size` how much of it may be read. At most
 * SITE_PROLOGUE_MOST bytes are looked at for a site, SITE_CODE_MOST for branches back into
 * them. Never fails: offset 0 is always a valid answer.
 */
void site_choose(const struct site_wish *wish, const uint8_t *code, size_t size,
		 struct site *ret_site);

/* The first byte whatever it is, with its class. */
void site_entry(const struct site_wish *wish, const uint8_t *code, size_t size,
		struct site *ret_site);

const char *site_class_name(enum site_class class);

#endif

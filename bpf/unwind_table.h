/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tables by which the kernel side finds the caller of a frame, compiled from the call
 * frame information of ELF files. As event.h it includes nothing, and is shared by bpf/
 * and user/ alone.
 *
 * A table belongs to one ELF file and is asked with ELF addresses. It has three parts:
 *
 *   page directory   one struct seep_unwind_page a 4 KiB page of text, from `first_page`
 *   rows             one __u32 each, those of a page together and ascending
 *   rules            struct seep_unwind_rule, shared by rows
 *
 * Look-up of `pc` (for a return address: of the byte before it, which is the call's own):
 *
 *   1. page = (pc >> SEEP_PAGE_SHIFT) - first_page; none when not below nr_pages.
 *   2. nr_rows == 0: nothing is known of this page. Else its first row has offset 0
 *      (one is made for each page), so that no other page need be looked at.
 *   3. Binary search among rows[first_row .. first_row + nr_rows) for the last row that
 *      is not above SEEP_UNWIND_KEY(pc): 12 steps at most, plain comparisons of __u32.
 *   4. rules[SEEP_UNWIND_ROW_RULE(row)]; rule 0 is "nothing known".
 *
 * In the kernel, rows and page directories of all tables lie in the unwind memory: chunks
 * of SEEP_CHUNK_BYTES, made when they are needed and never taken away. first_row is then an
 * index over all chunks, the rows of one page never lie in two of them, and rules are
 * numbered over all tables. What user/stack/unwind_table.h calls placing makes it so. A
 * struct seep_unwind_table for each file leads to its directory, or says that there is none
 * at the moment. What it led to is used for something else only after it was emptied and all
 * programs that ran then have ended.
 */
#ifndef SEEP_UNWIND_TABLE_H
#define SEEP_UNWIND_TABLE_H

#define SEEP_PAGE_SHIFT 12
#define SEEP_CHUNK_BYTES (64 << 10)
#define SEEP_CHUNK_ROWS (SEEP_CHUNK_BYTES / 4)
#define SEEP_PAGE_ROWS_MAX 4096
#define SEEP_CHUNK_PAGES (SEEP_CHUNK_BYTES / 8)
#define SEEP_CHUNK_MAPPINGS (SEEP_CHUNK_BYTES / 32)
#define SEEP_CHUNKS_MAX 8192
#define SEEP_UNWIND_RULES_MAX 65536
#define SEEP_UNWIND_TABLES_MAX 65536 /* numbered from 1 */

/* A row: offset in the page in bits 16-27, rule in bits 0-15. Rows sort as numbers. */
#define SEEP_UNWIND_ROW(pc, rule) (((__u32)(pc)&0xfff) << 16 | (__u16)(rule))
#define SEEP_UNWIND_ROW_OFFSET(row) ((row) >> 16)
#define SEEP_UNWIND_ROW_RULE(row) ((__u16)(row))
#define SEEP_UNWIND_KEY(pc) SEEP_UNWIND_ROW(pc, 0xffff)

#define SEEP_UNWIND_NO_RULE 0

/* seep_unwind_rule.cfa: the caller's stack pointer, "canonical frame address" */
enum seep_unwind_cfa {
	SEEP_CFA_NONE = 0, /* no call frame information covers the address */
	SEEP_CFA_UNSUPPORTED, /* some does, but it says what no rule can: give up or guess */
	SEEP_CFA_END, /* outermost frame: there is no caller */
	SEEP_CFA_SP, /* sp + cfa_offset */
	SEEP_CFA_FP, /* fp + cfa_offset */
	SEEP_CFA_SP_DEREF, /* *(sp + cfa_offset) + cfa_add */
	SEEP_CFA_FP_DEREF, /* *(fp + cfa_offset) + cfa_add: main realigned its stack */
	SEEP_CFA_PLT, /* sp + cfa_offset + ((pc & 15) >= cfa_add ? 8 : 0) */
	SEEP_CFA_SIGNAL, /* a signal was delivered here: all from the ucontext, see below */
	SEEP_CFA_COUNT,
};

/* seep_unwind_rule.fp and .ra: where the caller's frame pointer, and the return address, are */
enum seep_unwind_where {
	SEEP_WHERE_SAME = 0, /* fp: unchanged; ra: in the link register (leaf frame alone) */
	SEEP_WHERE_CFA, /* at CFA + offset */
	SEEP_WHERE_FP, /* at this frame's fp + offset */
	SEEP_WHERE_LOST, /* cannot be had; for fp, a caller that needs it ends the walk */
	SEEP_WHERE_COUNT,
};

struct seep_unwind_rule {
	__u8 cfa; /* enum seep_unwind_cfa */
	__u8 fp; /* enum seep_unwind_where */
	__u8 ra; /* enum seep_unwind_where: SAME or CFA */
	__s8 cfa_add;
	__s32 cfa_offset;
	__s32 fp_offset;
	__s32 ra_offset;
};

/*
 * SEEP_CFA_SIGNAL: the interrupted registers, at these distances from sp. That pc is
 * exact: look it up itself, not the byte before. x86_64: sp is at struct ucontext
 * (asm/ucontext.h, asm/sigcontext.h). aarch64: sp is at struct rt_sigframe, 128 bytes of
 * siginfo before the ucontext, whose mcontext is 176 bytes in, regs[] 8 bytes further.
 */
#define SEEP_SIGNAL_X86_FP 120
#define SEEP_SIGNAL_X86_SP 160
#define SEEP_SIGNAL_X86_PC 168
#define SEEP_SIGNAL_ARM64_FP (128 + 176 + 8 + 29 * 8)
#define SEEP_SIGNAL_ARM64_LR (SEEP_SIGNAL_ARM64_FP + 8)
#define SEEP_SIGNAL_ARM64_SP (SEEP_SIGNAL_ARM64_FP + 16)
#define SEEP_SIGNAL_ARM64_PC (SEEP_SIGNAL_ARM64_FP + 24)

struct seep_unwind_page {
	__u32 first_row;
	__u16 nr_rows;
	__u16 reserved;
};

struct seep_unwind_table {
	__u32 first_page;
	__u32 used; /* the value of `unwind_epoch` when it was last asked, there or not */
	__u64 placed; /* SEEP_TABLE_PLACED, in one word to be read at once; 0: no table */
};

/* Of the page directory: `pages` counts as if all chunks held nothing else. */
#define SEEP_TABLE_PLACED(pages, nr_pages) ((__u64)(pages) << 32 | (__u32)(nr_pages))
#define SEEP_TABLE_PAGES(placed) ((__u32)((placed) >> 32))
#define SEEP_TABLE_NR_PAGES(placed) ((__u32)(placed))

#ifndef __cplusplus
_Static_assert(sizeof(struct seep_unwind_table) == 16, "seep_unwind_table");
_Static_assert(sizeof(struct seep_unwind_rule) == 16, "seep_unwind_rule");
_Static_assert(sizeof(struct seep_unwind_page) == 8, "seep_unwind_page");
#endif

#endif

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Compares the unwind tables of ELF files with libdw's reading of the same call frame
 * information, at every row boundary of either side, one byte inside, and at the last
 * byte; and call-site tables with full ones at every call that a disassembler finds.
 * Prints each kind of mismatch per file, then "key value unit" lines; fails on any.
 */
#include <Zydis/Zydis.h>
#include <dwarf.h>
#include <elf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "stack/cfi_image.h"
#include "stack/cfi_rules.h"
#include "stack/cfi_state.h"
#include "stack/go_stacks.h"
#include "stack/unwind_table.h"

enum { SHOWN = 5 };

struct totals {
	uint64_t files, without, failed, rows, call_site_rows, pcs, mismatches, unsupported;
	uint64_t restorers, go_changes, refused, calls, call_mismatches, bytes, call_site_bytes;
	struct cfi_rules *rules; /* of all files */
};

struct check {
	const char *path;
	const struct cfi_architecture *architecture;
	Elf *elf;
	Dwarf *dwarf;
	Dwarf_CFI *eh, *debug;
	struct unwind_table *full, *call_sites;
	struct go_stacks go; /* what its call frame information does not say, or says wrong */
	struct totals *totals;
	uint64_t shown;
};

/* register + offset, or what is there + add; `ok` when the operations say no more */
struct sum {
	bool ok, deref;
	uint64_t base;
	int64_t offset, add;
};

static struct sum sum_of(const Dwarf_Op *ops, size_t nr)
{
	struct sum sum = { 0 };

	if (nr && ops[0].atom == DW_OP_call_frame_cfa)
		ops++, nr--; /* what an expression's stack starts with */
	if (!nr)
		return sum;
	if (ops[0].atom >= DW_OP_breg0 && ops[0].atom <= DW_OP_breg31) {
		sum.base = ops[0].atom - DW_OP_breg0;
		sum.offset = (int64_t)ops[0].number;
	} else if (ops[0].atom == DW_OP_bregx) {
		sum.base = ops[0].number;
		sum.offset = (int64_t)ops[0].number2;
	} else {
		return sum;
	}
	for (size_t i = 1; i < nr; i++) {
		if (ops[i].atom == DW_OP_deref && !sum.deref)
			sum.deref = true;
		else if (ops[i].atom == DW_OP_plus_uconst)
			*(sum.deref ? &sum.add : &sum.offset) += (int64_t)ops[i].number;
		else
			return sum;
	}
	sum.ok = true;
	return sum;
}

static bool is_plt(const Dwarf_Op *ops, size_t nr)
{
	return nr == 9 && ops[0].atom == DW_OP_breg7 && ops[1].atom == DW_OP_breg16 &&
	       ops[2].atom == DW_OP_lit15 && ops[3].atom == DW_OP_and && ops[5].atom == DW_OP_ge &&
	       ops[6].atom == DW_OP_lit3 && ops[7].atom == DW_OP_shl && ops[8].atom == DW_OP_plus;
}

/* The rule that libdw's frame asks for. */
static void expected_cfa(const struct check *check, Dwarf_Frame *frame,
			 struct seep_unwind_rule *rule)
{
	Dwarf_Op *ops;
	struct sum sum;
	size_t nr;

	rule->cfa = SEEP_CFA_UNSUPPORTED;
	if (dwarf_frame_cfa(frame, &ops, &nr))
		return;
	if (is_plt(ops, nr)) {
		rule->cfa = SEEP_CFA_PLT;
		rule->cfa_offset = (int32_t)ops[0].number;
		rule->cfa_add = (int8_t)(ops[4].atom - DW_OP_lit0);
		return;
	}
	sum = sum_of(ops, nr);
	if (!sum.ok)
		return;
	if (sum.base == check->architecture->sp)
		rule->cfa = sum.deref ? SEEP_CFA_SP_DEREF : SEEP_CFA_SP;
	else if (sum.base == check->architecture->fp)
		rule->cfa = sum.deref ? SEEP_CFA_FP_DEREF : SEEP_CFA_FP;
	rule->cfa_offset = (int32_t)sum.offset;
	rule->cfa_add = (int8_t)sum.add;
}

/* Where a register is: one of enum seep_unwind_where, or -1 for "undefined". */
static int expected_place(const struct check *check, Dwarf_Frame *frame, int number,
			  const struct seep_unwind_rule *rule, int32_t *ret_offset)
{
	Dwarf_Op memory[3], *ops;
	struct sum sum;
	size_t nr;

	*ret_offset = 0;
	if (dwarf_frame_register(frame, number, memory, &ops, &nr))
		return SEEP_WHERE_LOST;
	if (!nr)
		return ops == memory ? -1 : SEEP_WHERE_SAME;
	if (ops[0].atom == DW_OP_call_frame_cfa &&
	    (nr == 1 || (nr == 2 && ops[1].atom == DW_OP_plus_uconst))) {
		*ret_offset = nr == 2 ? (int32_t)ops[1].number : 0;
		return SEEP_WHERE_CFA;
	}
	sum = sum_of(ops, nr);
	if (!sum.ok || sum.deref)
		return SEEP_WHERE_LOST;
	*ret_offset = (int32_t)(sum.offset - rule->cfa_offset);
	if ((sum.base == check->architecture->sp && rule->cfa == SEEP_CFA_SP) ||
	    (sum.base == check->architecture->fp && rule->cfa == SEEP_CFA_FP))
		return SEEP_WHERE_CFA;
	*ret_offset = (int32_t)sum.offset;
	return sum.base == check->architecture->fp ? SEEP_WHERE_FP : SEEP_WHERE_LOST;
}

/* True when the caller's stack pointer is the CFA. */
static bool sp_is_cfa(const struct check *check, Dwarf_Frame *frame)
{
	Dwarf_Op memory[3], *ops;
	size_t nr;

	if (dwarf_frame_register(frame, check->architecture->sp, memory, &ops, &nr))
		return false;
	/* DW_CFA_val_offset of 0, in all versions of libdw and in none */
	return nr == 0 ||
	       (ops[0].atom == DW_OP_call_frame_cfa && ops[nr - 1].atom == DW_OP_stack_value &&
		(nr == 2 || (nr == 3 && ops[1].number == 0)));
}

static struct seep_unwind_rule expected_rule(const struct check *check, Dwarf_Frame *frame)
{
	static const struct seep_unwind_rule unsupported = { .cfa = SEEP_CFA_UNSUPPORTED };
	struct seep_unwind_rule rule = { 0 };
	int ra = dwarf_frame_info(frame, NULL, NULL, NULL), where;
	bool signal_frame = false;

	dwarf_frame_info(frame, NULL, NULL, &signal_frame);
	if (signal_frame)
		return (struct seep_unwind_rule){ .cfa = SEEP_CFA_SIGNAL };
	/* libdw takes a register that calls do not keep for undefined, and so for the end */
	if (ra != check->architecture->ra)
		return unsupported;
	expected_cfa(check, frame, &rule);
	where = expected_place(check, frame, ra, &rule, &rule.ra_offset);
	if (where < 0)
		return (struct seep_unwind_rule){ .cfa = SEEP_CFA_END };
	if (rule.cfa == SEEP_CFA_UNSUPPORTED || where == SEEP_WHERE_LOST ||
	    where == SEEP_WHERE_FP || !sp_is_cfa(check, frame) ||
	    (where == SEEP_WHERE_SAME && check->architecture->machine == EM_X86_64))
		return unsupported;
	rule.ra = (uint8_t)where;
	where = expected_place(check, frame, check->architecture->fp, &rule, &rule.fp_offset);
	rule.fp = where < 0 ? SEEP_WHERE_LOST : (uint8_t)where;
	if (rule.fp == SEEP_WHERE_LOST)
		rule.fp_offset = 0;
	return rule;
}

/* *ret_refused: there is a program, but libdw does not like it. */
static Dwarf_Frame *frame_at(const struct check *check, uint64_t pc, bool *ret_refused)
{
	Dwarf_Frame *frame = NULL;

	*ret_refused = false;
	if (check->eh && dwarf_cfi_addrframe(check->eh, pc, &frame) == 0)
		return frame;
	*ret_refused = check->eh && !strcmp(dwarf_errmsg(-1), "invalid CFI section");
	if (check->debug && dwarf_cfi_addrframe(check->debug, pc, &frame) == 0)
		return frame;
	return NULL;
}

static void show(struct check *check, uint64_t pc, const struct seep_unwind_rule *expected,
		 const struct seep_unwind_rule *found)
{
	if (check->shown++ >= SHOWN)
		return;
	printf("%s: %#" PRIx64 ": expected cfa %u%+d%+d fp %u%+d ra %u%+d, found cfa %u%+d%+d "
	       "fp %u%+d ra %u%+d\n",
	       check->path, pc, expected->cfa, expected->cfa_offset, expected->cfa_add,
	       expected->fp, expected->fp_offset, expected->ra, expected->ra_offset, found->cfa,
	       found->cfa_offset, found->cfa_add, found->fp, found->fp_offset, found->ra,
	       found->ra_offset);
}

static bool changes_stacks(const struct check *check, uint64_t pc)
{
	for (size_t i = 0; i < check->go.nr; i++)
		if (pc >= check->go.changes[i].start && pc < check->go.changes[i].end)
			return true;
	return false;
}

/* Returns where libdw's row ends; `next` when it has none. */
static uint64_t check_pc(struct check *check, uint64_t pc, uint64_t next)
{
	const struct seep_unwind_rule *found = unwind_table_find(check->full, pc);
	struct seep_unwind_rule expected = { 0 };
	bool refused;
	Dwarf_Frame *frame = frame_at(check, pc, &refused);
	Dwarf_Addr end = next;
	Dwarf_Op *ops;
	size_t nr_ops;

	check->totals->pcs++;
	if (frame) {
		dwarf_frame_info(frame, NULL, &end, NULL);
		expected = expected_rule(check, frame);
		refused = dwarf_frame_cfa(frame, &ops, &nr_ops) != 0;
		free(frame);
	}
	if (refused) {
		check->totals->refused++;
		return next;
	}
	if (!frame && found->cfa == SEEP_CFA_SIGNAL) {
		check->totals->restorers++;
		return next;
	}
	if (changes_stacks(check, pc)) {
		check->totals->go_changes++;
		return next;
	}
	check->totals->unsupported += found->cfa == SEEP_CFA_UNSUPPORTED;
	if (memcmp(&expected, found, sizeof(expected)) != 0) {
		check->totals->mismatches++;
		show(check, pc, &expected, found);
	}
	return end > pc && end < next ? end : next;
}

/* All of libdw's rows within one of ours. */
static void check_row(struct check *check, uint64_t start, uint64_t next)
{
	uint64_t pc = start;

	while (pc < next) {
		uint64_t end = check_pc(check, pc, next);

		if (pc + 1 < end)
			check_pc(check, pc + 1, next);
		if (pc + 2 < end)
			check_pc(check, end - 1, next);
		pc = end;
	}
}

static void compare_rules_at(struct check *check, uint64_t pc)
{
	const struct seep_unwind_rule *full = unwind_table_find(check->full, pc);
	const struct seep_unwind_rule *found = unwind_table_find(check->call_sites, pc);

	check->totals->calls++;
	if (memcmp(full, found, sizeof(*full)) != 0) {
		check->totals->call_mismatches++;
		show(check, pc, full, found);
	}
}

/* Every call of the code in one row, decoded from its start. */
static void check_calls_x86(struct check *check, uint64_t start, const uint8_t *bytes, size_t size)
{
	ZydisDecodedInstruction instruction;
	ZydisDecoder decoder;
	size_t at = 0;

	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	while (at < size) {
		uint64_t pc = start + at;

		if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, bytes + at,
								size - at, &instruction)))
			return;
		at += instruction.length;
		if (instruction.mnemonic == ZYDIS_MNEMONIC_CALL) {
			compare_rules_at(check, start + at - 1);
		} else if (instruction.mnemonic == ZYDIS_MNEMONIC_SYSCALL) {
			compare_rules_at(check, pc);
			compare_rules_at(check, start + at);
		}
	}
}

static void check_calls_arm64(struct check *check, uint64_t start, const uint8_t *bytes,
			      size_t size)
{
	for (size_t at = 0; at + 4 <= size; at += 4) {
		uint32_t word;

		memcpy(&word, bytes + at, 4);
		/* branch with link: immediate; register, with or without authentication */
		if (word >> 26 == 0x25 || (word >> 25 == 0x6b && (word >> 21 & 7) == 1))
			compare_rules_at(check, start + at + 3);
	}
}

static void check_calls(struct check *check, const struct cfi_image *image, uint64_t start,
			uint64_t next)
{
	uint8_t *bytes;
	size_t size;

	if (unwind_table_find(check->full, start)->cfa == SEEP_CFA_NONE)
		return;
	bytes = malloc(next - start);
	size = bytes ? cfi_image_read(image, start, bytes, next - start) : 0;
	if (image->machine == EM_X86_64)
		check_calls_x86(check, start, bytes, size);
	else
		check_calls_arm64(check, start, bytes, size);
	free(bytes);
}

static void check_table(struct check *check, const struct cfi_image *image)
{
	struct unwind_table_view view = unwind_table_view(check->full);
	uint64_t start = 0;
	uint16_t rule = 0;
	bool begun = false;

	for (uint32_t i = 0; i < view.nr_pages; i++) {
		uint64_t page = (view.first_page + i) << SEEP_PAGE_SHIFT;

		for (uint32_t k = 0; k < view.pages[i].nr_rows; k++) {
			uint32_t row = view.rows[view.pages[i].first_row + k];
			uint64_t pc = page + SEEP_UNWIND_ROW_OFFSET(row);

			/* The first row of a page mostly goes on with what was before. */
			if (begun && !SEEP_UNWIND_ROW_OFFSET(row) &&
			    rule == SEEP_UNWIND_ROW_RULE(row))
				continue;
			rule = SEEP_UNWIND_ROW_RULE(row);
			if (begun) {
				check_row(check, start, pc);
				check_calls(check, image, start, pc);
			}
			start = pc;
			begun = true;
		}
		if (begun && !view.pages[i].nr_rows) {
			check_row(check, start, page);
			start = page;
			rule = SEEP_UNWIND_NO_RULE;
		}
	}
	if (begun)
		check_row(check, start, (view.first_page + view.nr_pages) << SEEP_PAGE_SHIFT);
}

static void count_tables(struct check *check)
{
	struct unwind_table_view view = unwind_table_view(check->full);
	struct totals *totals = check->totals;
	uint16_t id;

	for (uint32_t i = 0; i < view.nr_rules; i++)
		cfi_rules_add(totals->rules, &view.rules[i], &id);

	totals->files++;
	totals->rows += view.nr_rows;
	totals->call_site_rows += unwind_table_view(check->call_sites).nr_rows;
	totals->bytes += unwind_table_bytes(check->full);
	totals->call_site_bytes += unwind_table_bytes(check->call_sites);
}

static int build_both(struct check *check, int fd)
{
	const struct unwind_table_options full = { .full = true };
	int err = unwind_table_build(fd, &full, &check->full);

	return err ? err : unwind_table_build(fd, NULL, &check->call_sites);
}

static void check_file(const char *path, struct totals *totals)
{
	struct check check = { .path = path, .totals = totals };
	__cleanup(close_fd)
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct cfi_image image = { 0 };
	int err = fd < 0 ? -errno : build_both(&check, fd);

	if (!err)
		err = cfi_image_open(fd, &image);
	if (!err)
		err = go_stacks_find(&image, &check.go);
	if (!err) {
		check.architecture = cfi_architecture(image.machine);
		check.elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
		check.eh = dwarf_getcfi_elf(check.elf);
		check.dwarf = dwarf_begin_elf(check.elf, DWARF_C_READ, NULL);
		check.debug = check.dwarf ? dwarf_getcfi(check.dwarf) : NULL;
		count_tables(&check);
		check_table(&check, &image);
		dwarf_cfi_end(check.eh);
		dwarf_end(check.dwarf);
		elf_end(check.elf);
		cfi_image_close(&image);
	} else if (err == -ENOENT || err == -ENOEXEC) {
		totals->without++;
	} else {
		totals->failed++;
		printf("%s: %s\n", path, strerror(-err));
	}
	if (check.shown > SHOWN)
		printf("%s: %" PRIu64 " mismatches in all\n", path, check.shown);
	unwind_table_free(check.full);
	unwind_table_free(check.call_sites);
}

int main(int argc, char **argv)
{
	struct totals totals = { .rules = cfi_rules_new() };
	size_t nr_rules;

	if (!totals.rules)
		return 1;
	elf_version(EV_CURRENT);
	for (int i = 1; i < argc; i++)
		check_file(argv[i], &totals);
	printf("files %" PRIu64 " files\nwithout_cfi %" PRIu64 " files\nfailed %" PRIu64 " files\n",
	       totals.files, totals.without, totals.failed);
	printf("rows %" PRIu64 " rows\ncall_site_rows %" PRIu64 " rows\n", totals.rows,
	       totals.call_site_rows);
	cfi_rules_all(totals.rules, &nr_rules);
	printf("rules %zu rules\n", nr_rules);
	cfi_rules_free(totals.rules);
	printf("bytes %" PRIu64 " bytes\ncall_site_bytes %" PRIu64 " bytes\n", totals.bytes,
	       totals.call_site_bytes);
	printf("pcs %" PRIu64 " addresses\nmismatches %" PRIu64 " addresses\n", totals.pcs,
	       totals.mismatches);
	printf("go_stack_changes %" PRIu64 " addresses\n", totals.go_changes);
	printf("unsupported %" PRIu64 " addresses\nrestorers %" PRIu64 " addresses\n",
	       totals.unsupported, totals.restorers);
	printf("refused_by_libdw %" PRIu64 " addresses\n", totals.refused);
	printf("calls %" PRIu64 " addresses\ncall_mismatches %" PRIu64 " addresses\n", totals.calls,
	       totals.call_mismatches);
	return totals.mismatches || totals.call_mismatches || totals.failed;
}

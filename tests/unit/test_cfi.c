// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Call frame programs, entries and how they are found, on files written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cfi_file.h"

#include <errno.h>
#include "stack/cfi_pointer.h"
#include "stack/unwind_table.h"

#define PROGRAM(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static struct cfi_file file;
static struct unwind_table *table;

static int begin(void **state)
{
	(void)state;
	memset(&file, 0, sizeof(file));
	table = NULL;
	return 0;
}

static int end(void **state)
{
	(void)state;
	unwind_table_free(table);
	return 0;
}

static void build(bool full)
{
	const struct unwind_table_options options = { .full = full };

	cfi_finish(&file);
	unwind_table_free(table);
	table = NULL;
	assert_int_equal(unwind_table_build_memory(file.bytes, file.size, &options, &table), 0);
}

static struct unwind_table_stats stats(void)
{
	return unwind_table_view(table).stats;
}

static const struct seep_unwind_rule *at(uint64_t offset)
{
	return unwind_table_find(table, CFI_TEXT + offset);
}

static void check(uint64_t offset, struct seep_unwind_rule expected)
{
	const struct seep_unwind_rule *found = at(offset);

	if (memcmp(found, &expected, sizeof(expected)) != 0)
		fail_msg("at %#llx: cfa %d%+d%+d fp %d%+d ra %d%+d", (unsigned long long)offset,
			 found->cfa, found->cfa_offset, found->cfa_add, found->fp, found->fp_offset,
			 found->ra, found->ra_offset);
}

static struct seep_unwind_rule sp_rule(int offset)
{
	return (struct seep_unwind_rule){
		.cfa = SEEP_CFA_SP, .cfa_offset = offset, .ra = SEEP_WHERE_CFA, .ra_offset = -8
	};
}

static struct seep_unwind_rule with_fp(struct seep_unwind_rule rule, int offset)
{
	rule.fp = SEEP_WHERE_CFA;
	rule.fp_offset = offset;
	return rule;
}

static const struct seep_unwind_rule none = { .cfa = SEEP_CFA_NONE };
static const struct seep_unwind_rule unsupported = { .cfa = SEEP_CFA_UNSUPPORTED };

/* One function of 0x100 bytes at 0x100. */
static void build_function(const uint8_t *program, size_t size)
{
	cfi_fde(&file, cfi_usual_cie(&file), 0x100, 0x100, program, size);
	build(true);
}

static void test_frame_pointer_prologue(void **state)
{
	struct seep_unwind_rule fp = with_fp(sp_rule(16), -16);

	(void)state;
	/* advance 1; CFA offset 16; fp at -16; advance 3; CFA register fp; advance 0x50; CFA sp+8
	 */
	build_function(
		PROGRAM(0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x02, 0x50, 0x0c, 7, 8, 0xc6));
	fp.cfa = SEEP_CFA_FP;
	check(0xff, none);
	check(0x100, sp_rule(8));
	check(0x101, with_fp(sp_rule(16), -16));
	check(0x103, with_fp(sp_rule(16), -16));
	check(0x104, fp);
	check(0x153, fp);
	check(0x154, sp_rule(8));
	check(0x1ff, sp_rule(8));
	check(0x200, none);
	assert_int_equal(stats().functions, 1);
	assert_int_equal(stats().bad_entries, 0);
}

static void test_advances(void **state)
{
	(void)state;
	/* by 1, 2, 4 and 8 bytes of distance, and to an address */
	build_function(PROGRAM(0x02, 1, 0x0e, 16, 0x03, 2, 0, 0x0e, 24, 0x04, 3, 0, 0, 0, 0x0e, 32,
			       0x1d, 4, 0, 0, 0, 0, 0, 0, 0, 0x0e, 40, 0x01, 0x40, 0x11, 0x40, 0, 0,
			       0, 0, 0, 0x0e, 48));
	check(0x100, sp_rule(8));
	check(0x101, sp_rule(16));
	check(0x103, sp_rule(24));
	check(0x106, sp_rule(32));
	check(0x10a, sp_rule(40));
	check(0x13f, sp_rule(40));
	check(0x140, sp_rule(48));
}

static void test_long_advances(void **state)
{
	(void)state;
	cfi_fde(&file, cfi_usual_cie(&file), 0x100, 0x2000,
		PROGRAM(0x03, 0x0e, 0x02, 0x0e, 16, 0x04, 0x0e, 0x10, 0, 0, 0x0e, 24));
	build(true);
	check(0x30d, sp_rule(8));
	check(0x30e, sp_rule(16));
	check(0x131b, sp_rule(16));
	check(0x131c, sp_rule(24));
}

static void test_advance_past_end(void **state)
{
	(void)state;
	build_function(PROGRAM(0x0e, 16, 0x03, 0, 2, 0x0e, 99, 0xff));
	check(0x1ff, sp_rule(16));
	check(0x200, none);
	assert_int_equal(stats().bad_programs, 0);
}

static void test_remember_and_restore(void **state)
{
	(void)state;
	/* remembered twice, taken back twice; the CFA comes along */
	build_function(PROGRAM(0x0e, 16, 0x86, 2, 0x0a, 0x41, 0x0c, 6, 32, 0x0a, 0x41, 0xc6, 0x0e,
			       40, 0x41, 0x0b, 0x41, 0x0b));
	check(0x100, with_fp(sp_rule(16), -16));
	assert_int_equal(at(0x101)->cfa, SEEP_CFA_FP);
	assert_int_equal(at(0x102)->fp, SEEP_WHERE_SAME);
	assert_int_equal(at(0x102)->cfa_offset, 40);
	assert_int_equal(at(0x103)->fp, SEEP_WHERE_CFA);
	assert_int_equal(at(0x103)->cfa_offset, 32);
	check(0x104, with_fp(sp_rule(16), -16));
}

static void test_register_operations(void **state)
{
	(void)state;
	/* fp: extended, signed, negative (old gcc), same, restored, undefined, in another */
	build_function(PROGRAM(0x05, 6, 3, 0x41, 0x11, 6, 0x7c, 0x41, 0x2f, 6, 5, 0x41, 0x08, 6,
			       0x41, 0x05, 6, 2, 0x41, 0x06, 6, 0x41, 0x07, 6, 0x41, 0x09, 6, 3,
			       0x41, 0x14, 6, 2));
	check(0x100, with_fp(sp_rule(8), -24));
	check(0x101, with_fp(sp_rule(8), 32));
	check(0x102, with_fp(sp_rule(8), 40));
	check(0x103, sp_rule(8));
	check(0x104, with_fp(sp_rule(8), -16));
	check(0x105, sp_rule(8));
	for (uint64_t offset = 0x106; offset < 0x109; offset++)
		assert_int_equal(at(offset)->fp, SEEP_WHERE_LOST);
	assert_int_equal(at(0x108)->cfa, SEEP_CFA_SP);
}

static void test_factored_cfa(void **state)
{
	(void)state;
	/* def_cfa_sf and def_cfa_offset_sf count in units of -8; args_size says nothing */
	build_function(PROGRAM(0x12, 7, 0x7e, 0x41, 0x13, 0x7d, 0x2e, 32));
	check(0x100, sp_rule(16));
	check(0x101, sp_rule(24));
}

static void test_outermost(void **state)
{
	(void)state;
	build_function(PROGRAM(0x41, 0x07, 16));
	check(0x100, sp_rule(8));
	check(0x101, (struct seep_unwind_rule){ .cfa = SEEP_CFA_END });
}

static void test_expressions(void **state)
{
	struct seep_unwind_rule rule = sp_rule(0);

	(void)state;
	/* main's: *(fp - 8), fp at fp + 0; then *(sp + 40) + 8; then fp + 16 written out */
	build_function(PROGRAM(0x0f, 3, 0x76, 0x78, 0x06, 0x10, 6, 2, 0x76, 0, 0x41, 0x0f, 5, 0x77,
			       40, 0x06, 0x23, 8, 0xc6, 0x41, 0x0f, 4, 0x76, 8, 0x23, 8));
	rule.cfa = SEEP_CFA_FP_DEREF;
	rule.cfa_offset = -8;
	rule.fp = SEEP_WHERE_FP;
	check(0x100, rule);
	rule.cfa = SEEP_CFA_SP_DEREF;
	rule.cfa_offset = 40;
	rule.cfa_add = 8;
	rule.fp = SEEP_WHERE_SAME;
	check(0x101, rule);
	rule.cfa = SEEP_CFA_FP;
	rule.cfa_offset = 16;
	rule.cfa_add = 0;
	check(0x102, rule);
	assert_int_equal(stats().cfa_expression, 0);
}

static void test_register_after_expression(void **state)
{
	(void)state;
	build_function(PROGRAM(0x0e, 56, 0x0f, 3, 0x77, 16, 0x06, 0x41, 0x0d, 7));
	check(0x101, sp_rule(56));
}

static void test_plt(void **state)
{
	struct seep_unwind_rule rule = sp_rule(8);

	(void)state;
	build_function(
		PROGRAM(0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22));
	rule.cfa = SEEP_CFA_PLT;
	rule.cfa_add = 11;
	check(0x100, rule);
}

static void test_unsupported(void **state)
{
	(void)state;
	/* CFA from r10; an expression with a product; sp kept elsewhere; ra in a register */
	build_function(PROGRAM(0x0c, 10, 0, 0x41, 0x0f, 4, 0x77, 8, 0x32, 0x1e, 0x41, 0x0c, 7, 8,
			       0x05, 7, 2, 0x41, 0x14, 7, 0, 0x09, 16, 2, 0x41, 0x0c, 7, 0xff, 0xff,
			       0xff, 0xff, 0xff, 0x7f, 0x41, 0x0c, 7, 8, 0x90, 1));
	for (uint64_t offset = 0x100; offset < 0x105; offset++)
		check(offset, unsupported);
	check(0x105, sp_rule(8));
	assert_int_equal(stats().cfa_register, 1);
	assert_int_equal(stats().cfa_expression, 1);
	assert_int_equal(stats().sp_rule, 1);
	assert_int_equal(stats().ra_rule, 1);
	assert_int_equal(stats().too_far, 1);
}

static void test_signal_frames(void **state)
{
	static const uint8_t absolute;
	size_t cie;

	(void)state;
	/* what glibc's has: *(sp + 160), which is the interrupted sp */
	cie = cfi_cie(&file, "RS", &absolute, 1, PROGRAM(0x0f, 4, 0x77, 0xa0, 1, 0x06));
	cfi_fde(&file, cie, 0x100, 0x10, PROGRAM(0));
	cie = cfi_cie(&file, "RS", &absolute, 1, PROGRAM(0x0f, 4, 0x77, 0x98, 1, 0x06));
	cfi_fde(&file, cie, 0x110, 0x10, PROGRAM(0));
	build(true);
	check(0x100, (struct seep_unwind_rule){ .cfa = SEEP_CFA_SIGNAL });
	check(0x110, unsupported);
	assert_int_equal(stats().signal_layout, 1);
	build(false);
	check(0x100, (struct seep_unwind_rule){ .cfa = SEEP_CFA_SIGNAL });
}

static void test_damaged_programs(void **state)
{
	static const struct {
		uint8_t bytes[40];
		size_t size;
	} bad[] = {
		{ { 0x41, 0x0b }, 2 }, /* taken back without having been remembered */
		{ { 0x3f }, 1 }, /* no such operation */
		{ { 0x0f, 0x7f }, 2 }, /* an expression beyond the end */
		{ { 0x41, 0x0c, 0x80 }, 3 }, /* a number that does not end */
		{ { 0x44, 0x01, 0, 0x10, 0x40, 0, 0, 0, 0, 0 },
		  10 }, /* back to an address before */
	};
	uint8_t deep[33];
	size_t cie, i;

	(void)state;
	memset(deep, 0x0a, sizeof(deep));
	cie = cfi_usual_cie(&file);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t padded[48] = { 0 };
		/* entries are filled up with 0 to 8 bytes, which must not complete the operation */
		size_t pad = (8 - (25 + bad[i].size) % 8) % 8;

		memcpy(padded + pad, bad[i].bytes, bad[i].size);
		cfi_fde(&file, cie, 0x100 + i * 0x10, 0x10, padded, pad + bad[i].size);
	}
	cfi_fde(&file, cie, 0x100 + i * 0x10, 0x10, deep, sizeof(deep));
	i++;
	cfi_fde(&file, cie, 0x100 + i * 0x10, 0x10, deep, sizeof(deep) - 1);
	build(true);
	for (size_t k = 0; k < i; k++)
		check(0x100 + k * 0x10, unsupported);
	check(0x100 + i * 0x10, sp_rule(8));
	assert_int_equal(stats().bad_programs, i);
}

static void test_damaged_entries(void **state)
{
	static const uint8_t absolute;
	size_t cie = cfi_usual_cie(&file), broken, place;

	(void)state;
	/* for no code of the file */
	cfi_fde(&file, cie, 0x100000, 0x10, PROGRAM(0));
	/* of a CIE that is none, and of one whose program is damaged */
	cfi_fde(&file, file.frames_size - 16, 0x100, 0x10, PROGRAM(0));
	broken = cfi_cie(&file, "R", &absolute, 1, PROGRAM(0x3f));
	cfi_fde(&file, broken, 0x110, 0x10, PROGRAM(0));
	/* of no bytes */
	cfi_fde(&file, cie, 0x130, 0, PROGRAM(0));
	cfi_fde(&file, cie, 0x120, 0x10, PROGRAM(0));
	/* reaches out of the section */
	place = file.frames_size;
	cfi_fde(&file, cie, 0x140, 0x10, PROGRAM(0));
	file.frames[place]++;
	build(true);
	check(0x100, none);
	check(0x110, none);
	check(0x120, sp_rule(8));
	check(0x130, none);
	check(0x140, none);
	assert_int_equal(stats().bad_entries, 5);
	assert_int_equal(stats().functions, 1);
}

/* A section that ends within an entry, and one that ends within the length of the next. */
static void test_cut_sections(void **state)
{
	size_t cie = cfi_usual_cie(&file);

	(void)state;
	cfi_fde(&file, cie, 0x100, 0x10, PROGRAM(0));
	cfi_fde(&file, cie, 0x110, 0x10, PROGRAM(0));
	build(true);
	assert_int_equal(stats().bad_entries, 0);
	file.frames_size += 2;
	build(true);
	assert_int_equal(stats().bad_entries, 1);
	check(0x110, sp_rule(8));
	file.frames_size -= 10;
	build(true);
	assert_int_equal(stats().bad_entries, 1);
	check(0x100, sp_rule(8));
	check(0x110, none);
}

static void test_faults_in_words(void **state)
{
	static const int errors[] = { 0, -ENOENT, -ENOEXEC, -EFBIG, -EINVAL, -ENOMEM };
	const struct unwind_table_stats bad = { .bad_programs = 1 }, good = { .functions = 9 };

	(void)state;
	assert_null(unwind_table_fault(0, &good));
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		const char *words = unwind_table_fault(errors[i], &bad);

		assert_non_null(words);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(words, unwind_table_fault(errors[k], &bad));
	}
}

static void test_unknown_augmentation(void **state)
{
	static const uint8_t data[] = { 0, 1, 2, 3 };
	size_t cie = cfi_cie(&file, "RX", data, sizeof(data), PROGRAM(0x0c, 7, 16));

	(void)state;
	cfi_fde(&file, cie, 0x100, 0x10, PROGRAM(0));
	build(true);
	check(0x100, sp_rule(16));
}

/* Each encoding of the same function's start, and sizes in the same format. */
static void test_pointer_encodings(void **state)
{
	static const struct {
		uint8_t encoding;
		size_t size;
		bool pc_relative, text_relative;
	} encodings[] = {
		{ 0x00, 8, false, false }, { 0x04, 8, false, false }, { 0x0c, 8, false, false },
		{ 0x03, 4, false, false }, { 0x0b, 4, false, false }, { 0x1b, 4, true, false },
		{ 0x1c, 8, true, false },  { 0x10, 8, true, false },  { 0x22, 2, false, true },
		{ 0x2a, 2, false, true },  { 0x2b, 4, false, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
		/* also skipped: a personality of 4 bytes, an encoding of landing pads */
		uint8_t data[] = { encodings[i].encoding, 0x1b, 1, 2, 3, 4, 0x1b };
		uint64_t value = CFI_TEXT + 0x100;
		size_t start, cie;

		begin(NULL);
		cie = cfi_cie(&file, "RPL", data, sizeof(data), PROGRAM(0x0c, 7, 24));
		cfi_begin_fde(&file, cie, &start);
		if (encodings[i].pc_relative)
			value -= CFI_FRAMES + file.frames_size;
		if (encodings[i].text_relative)
			value -= CFI_TEXT;
		cfi_put_number(&file, value, encodings[i].size);
		cfi_put_number(&file, 0x20, encodings[i].size);
		/* where landing pads are: 5 bytes that are no operations */
		cfi_put_number(&file, 5, 1);
		cfi_put_number(&file, 0x3f3f3f3f3f, 5);
		cfi_end_entry(&file, start);
		build(true);
		check(0xff, none);
		check(0x100, sp_rule(24));
		check(0x11f, sp_rule(24));
		check(0x120, none);
		unwind_table_free(table);
		table = NULL;
	}
}

/* The formats and bases that are rare in files. */
static void test_pointer_formats(void **state)
{
	static const uint8_t bytes[16] = { 0xf0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					   0x10, 0,    0,    0,	   0,	 0,    0,    0 };
	static const struct {
		uint8_t encoding;
		uint64_t value;
		bool indirect;
		size_t size;
	} cases[] = {
		{ 0x02, 0xfff0, false, 2 },	  { 0x0a, UINT64_MAX - 15, false, 2 },
		{ 0x3a, 0x20000 - 16, false, 2 }, { 0x4b, 0x30000 - 16, false, 4 },
		{ 0x9b, 0x1001 - 16, true, 4 },
	};
	const struct cfi_bases bases = { .bytes = bytes,
					 .address = 0x1001,
					 .text = 0x10000,
					 .data = 0x20000,
					 .function = 0x30000 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cfi_cursor cursor = { bytes, bytes + sizeof(bytes), false };
		uint64_t value = 0;
		bool indirect;

		assert_true(cfi_pointer(&cursor, cases[i].encoding, &bases, &value, &indirect));
		assert_int_equal(value, cases[i].value);
		assert_int_equal(indirect, cases[i].indirect);
		assert_int_equal(cursor.at - bytes, cases[i].size);
	}
}

/* From an odd address on, the pointer is at the next multiple of 8. */
static void test_aligned_pointer(void **state)
{
	static const uint8_t bytes[16] = { [7] = 0x34, [8] = 0x12 };
	const struct cfi_bases bases = { .bytes = bytes, .address = 0x1001 };
	struct cfi_cursor cursor = { bytes, bytes + sizeof(bytes), false };
	uint64_t value;
	bool indirect;

	(void)state;
	assert_true(cfi_pointer(&cursor, 0x50, &bases, &value, &indirect));
	assert_int_equal(value, 0x1234);
	assert_false(cfi_pointer(&cursor, 0x00, &bases, &value, &indirect));
	assert_false(cfi_pointer(&cursor, 0x60, &bases, &value, &indirect));
}

static void test_leb_pointers(void **state)
{
	static const uint8_t encoding = 0x01;
	size_t start, cie = cfi_cie(&file, "R", &encoding, 1, PROGRAM(0x0c, 7, 24));

	(void)state;
	cfi_begin_fde(&file, cie, &start);
	cfi_put(&file, PROGRAM(0x80, 0xa2, 0x80, 0x02)); /* 0x401100 */
	cfi_put(&file, PROGRAM(0x20, 0));
	cfi_end_entry(&file, start);
	build(true);
	check(0x100, sp_rule(24));
	check(0x120, none);
}

static void test_arm64(void **state)
{
	struct seep_unwind_rule rule = { .cfa = SEEP_CFA_SP };

	(void)state;
	file.machine = EM_AARCH64;
	/* in units of 4 bytes; fp and lr at the bottom of 32; signed return address; fp in use */
	build_function(PROGRAM(0x41, 0x2d, 0x41, 0x0e, 32, 0x9d, 4, 0x9e, 3, 0x41, 0x0d, 29));
	check(0x100, rule);
	check(0x107, rule);
	rule.cfa_offset = 32;
	rule.fp = rule.ra = SEEP_WHERE_CFA;
	rule.fp_offset = -32;
	rule.ra_offset = -24;
	check(0x108, rule);
	rule.cfa = SEEP_CFA_FP;
	check(0x10c, rule);
}

static void test_return_column(void **state)
{
	static const uint8_t absolute;
	size_t cie;

	(void)state;
	file.machine = EM_AARCH64;
	cie = cfi_cie(&file, "R", &absolute, 1, PROGRAM(0x0c, 31, 0));
	file.frames[cie + 14] = 15; /* the return address is in x15 */
	cfi_fde(&file, cie, 0x100, 0x10, PROGRAM(0));
	build(true);
	check(0x100, unsupported);
	assert_int_equal(stats().ra_rule, 1);
}

static void test_overlap(void **state)
{
	size_t cie = cfi_usual_cie(&file);

	(void)state;
	cfi_fde(&file, cie, 0x140, 0x80, PROGRAM(0x0e, 24));
	cfi_fde(&file, cie, 0x100, 0x80, PROGRAM(0x0e, 16));
	cfi_fde(&file, cie, 0x100, 0x20, PROGRAM(0x0e, 99));
	build(true);
	check(0x100, sp_rule(16));
	check(0x13f, sp_rule(16));
	check(0x140, sp_rule(24));
	check(0x1bf, sp_rule(24));
	check(0x1c0, none);
	assert_int_equal(stats().overlaps, 1);
}

/* The same functions by section, by program header, and by the looks of the bytes alone. */
static void test_ways_to_find(void **state)
{
	size_t cie = cfi_usual_cie(&file);

	(void)state;
	cfi_fde(&file, cie, 0x100, 0x80, PROGRAM(0x41, 0x0e, 16));
	cfi_fde(&file, cie, 0x200, 0x80, PROGRAM(0x42, 0x0e, 24));
	cfi_put_number(&file, 0, 4);
	for (int way = 0; way < 3; way++) {
		file.no_sections = way > 0;
		file.no_header = way > 1;
		build(true);
		check(0x101, sp_rule(16));
		check(0x202, sp_rule(24));
		assert_int_equal(stats().functions, 2);
		assert_int_equal(stats().bad_entries, 0);
	}
}

/* What the search would not take for a CIE, as it is so long, is found by the header. */
static void test_by_header(void **state)
{
	static const uint8_t absolute, program[80] = { 0x0c, 7, 24 };

	(void)state;
	cfi_fde(&file, cfi_cie(&file, "R", &absolute, 1, program, sizeof(program)), 0x100, 0x80,
		PROGRAM(0));
	file.no_sections = true;
	build(true);
	check(0x100, sp_rule(24));
	file.no_header = true;
	cfi_finish(&file);
	unwind_table_free(table);
	table = NULL;
	assert_int_equal(unwind_table_build_memory(file.bytes, file.size, NULL, &table), -2);
}

static void test_end_in_the_middle(void **state)
{
	size_t cie = cfi_usual_cie(&file);

	(void)state;
	cfi_put_number(&file, 0, 4);
	cfi_fde(&file, cie, 0x100, 0x80, PROGRAM(0x41, 0x0e, 16));
	build(true);
	check(0x101, sp_rule(16));
}

static void test_debug_frame(void **state)
{
	(void)state;
	file.debug = true;
	file.no_header = true;
	build_function(PROGRAM(0x41, 0x0e, 16));
	check(0x100, sp_rule(8));
	check(0x101, sp_rule(16));
}

static void test_nothing(void **state)
{
	(void)state;
	cfi_finish(&file);
	assert_int_equal(unwind_table_build_memory(file.bytes, file.size, NULL, &table), -2);
	assert_int_equal(unwind_table_build_memory(file.bytes, 40, NULL, &table), -8);
	file.bytes[EI_CLASS] = ELFCLASS32;
	assert_int_equal(unwind_table_build_memory(file.bytes, file.size, NULL, &table), -8);
	assert_null(table);
}

/* musl's, in code without call frame information; a handler returns to its first byte. */
static void test_restorer(void **state)
{
	const struct seep_unwind_rule signal_rule = { .cfa = SEEP_CFA_SIGNAL };

	(void)state;
	memcpy(file.text + 0x300, "\x48\xc7\xc0\x0f\0\0\0\x0f\x05", 9);
	/* inside a function it is no restorer */
	memcpy(file.text + 0x180, "\x48\xc7\xc0\x0f\0\0\0\x0f\x05", 9);
	build_function(PROGRAM(0x0e, 16));
	for (int full = 0; full < 2; full++) {
		build(full);
		check(0x2ff, signal_rule);
		check(0x308, signal_rule);
		check(0x309, none);
		assert_int_equal(stats().restorers, 1);
	}
	check(0x180, sp_rule(16));
	check(0x2fe, none);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(test_frame_pointer_prologue),
		TEST(test_advances),
		TEST(test_long_advances),
		TEST(test_advance_past_end),
		TEST(test_remember_and_restore),
		TEST(test_register_operations),
		TEST(test_factored_cfa),
		TEST(test_outermost),
		TEST(test_expressions),
		TEST(test_register_after_expression),
		TEST(test_plt),
		TEST(test_unsupported),
		TEST(test_signal_frames),
		TEST(test_damaged_programs),
		TEST(test_damaged_entries),
		TEST(test_cut_sections),
		TEST(test_faults_in_words),
		TEST(test_unknown_augmentation),
		TEST(test_pointer_encodings),
		TEST(test_leb_pointers),
		TEST(test_pointer_formats),
		TEST(test_aligned_pointer),
		TEST(test_by_header),
		TEST(test_arm64),
		TEST(test_return_column),
		TEST(test_overlap),
		TEST(test_ways_to_find),
		TEST(test_end_in_the_middle),
		TEST(test_debug_frame),
		TEST(test_nothing),
		TEST(test_restorer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

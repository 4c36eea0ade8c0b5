/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which symbol a GOT slot is for: found by address, read once, and within bounds. */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attach/elf_file.h"
#include "attach/elf_slots.h"

enum { SECTIONS = 40, MOST_READ = 16, RELOCATIONS = 64 };

/* A file that is nothing but relocations; sections are of the tests' making. */
static Elf64_Rela relocations[RELOCATIONS];
static struct elf_section sections[SECTIONS];
static struct elf_file file;
static struct elf_slots *slots;

static int begin(void **state)
{
	(void)state;
	memset(relocations, 0, sizeof(relocations));
	memset(sections, 0, sizeof(sections));
	file = (struct elf_file){ .fd = -1,
				  .image = (const uint8_t *)relocations,
				  .size = sizeof(relocations),
				  .machine = EM_X86_64,
				  .sections = sections,
				  .nr_sections = SECTIONS };
	slots = elf_slots_new();
	return slots ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	elf_slots_free(slots);
	return 0;
}

static void set(size_t i, uint64_t address, uint32_t symbol, uint32_t type)
{
	relocations[i] = (Elf64_Rela){ .r_offset = address, .r_info = ELF64_R_INFO(symbol, type) };
}

static void list(size_t section, size_t first, size_t nr)
{
	sections[section] = (struct elf_section){ .type = SHT_RELA,
						  .offset = first * sizeof(Elf64_Rela),
						  .size = nr * sizeof(Elf64_Rela),
						  .entry_size = sizeof(Elf64_Rela) };
}

static uint32_t symbol_at(uint64_t address)
{
	const struct elf_slot *slot = elf_slots_find(slots, &file, address);

	return slot ? slot->symbol : 0;
}

static void slots_are_found_by_address(void **state)
{
	(void)state;
	set(0, 0x3000, 7, R_X86_64_JUMP_SLOT);
	set(1, 0x1000, 5, R_X86_64_JUMP_SLOT);
	set(2, 0x2000, 6, R_X86_64_GLOB_DAT);
	set(3, 0x4000, 8, R_X86_64_RELATIVE);
	list(3, 0, 2);
	list(9, 2, 2);
	assert_int_equal(symbol_at(0x1000), 5);
	assert_int_equal(symbol_at(0x2000), 6);
	assert_int_equal(symbol_at(0x3000), 7);
	/* it points into this file: no symbol's */
	assert_int_equal(symbol_at(0x4000), 0);
	assert_int_equal(symbol_at(0x1001), 0);
	assert_int_equal(symbol_at(0), 0);
	assert_int_equal(symbol_at(UINT64_MAX), 0);
	assert_int_equal(elf_slots_find(slots, &file, 0x2000)->section, 9);
}

static void types_are_the_machines(void **state)
{
	(void)state;
	file.machine = EM_AARCH64;
	set(0, 0x1000, 5, R_X86_64_JUMP_SLOT);
	set(1, 0x2000, 6, R_AARCH64_JUMP_SLOT);
	set(2, 0x3000, 7, R_AARCH64_GLOB_DAT);
	list(1, 0, 3);
	assert_int_equal(symbol_at(0x1000), 0);
	assert_int_equal(symbol_at(0x2000), 6);
	assert_int_equal(symbol_at(0x3000), 7);
}

static void of_two_the_first_section_holds(void **state)
{
	(void)state;
	set(0, 0x1000, 5, R_X86_64_JUMP_SLOT);
	set(1, 0x1000, 6, R_X86_64_JUMP_SLOT);
	list(1, 1, 1);
	list(2, 0, 1);
	assert_int_equal(symbol_at(0x1000), 6);
}

/* What is damaged has no slots; what comes after it has. */
static void damaged_sections_are_passed_over(void **state)
{
	(void)state;
	set(0, 0x1000, 5, R_X86_64_JUMP_SLOT);
	set(RELOCATIONS - 1, 0x2000, 6, R_X86_64_JUMP_SLOT);
	list(1, 0, 1);
	sections[1].entry_size = 1;
	list(2, RELOCATIONS - 1, 2); /* beyond the end */
	list(3, 0, 1);
	sections[3].size = 1ULL << 40;
	assert_int_equal(symbol_at(0x1000), 0);
	assert_int_equal(symbol_at(0x2000), 0);
	elf_slots_free(slots);
	slots = elf_slots_new();
	list(4, 0, 1);
	sections[4].size += 23; /* and a piece of another */
	assert_int_equal(symbol_at(0x1000), 5);
}

/* The same bytes as many sections: no more than a linker makes are read, and once. */
static void sections_beyond_the_bound_are_not_read(void **state)
{
	(void)state;
	set(0, 0x1000, 5, R_X86_64_JUMP_SLOT);
	set(1, 0x2000, 6, R_X86_64_JUMP_SLOT);
	for (size_t i = 1; i < MOST_READ; i++)
		list(i, 2, 1);
	list(MOST_READ, 0, 1);
	list(MOST_READ + 1, 1, 1);
	assert_int_equal(symbol_at(0x1000), 5);
	assert_int_equal(symbol_at(0x2000), 0);
	set(0, 0x5000, 9, R_X86_64_JUMP_SLOT);
	assert_int_equal(symbol_at(0x5000), 0);
	assert_int_equal(symbol_at(0x1000), 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(slots_are_found_by_address),
		TEST(types_are_the_machines),
		TEST(of_two_the_first_section_holds),
		TEST(damaged_sections_are_passed_over),
		TEST(sections_beyond_the_bound_are_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

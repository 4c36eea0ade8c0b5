/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ELF files made to cost time and memory: what headers claim, tables without end, parts
 * that share their bytes. What is asked of them is a bounded answer. Where only time tells,
 * the limit is a hundred times what is needed, and a hundredth of what it was.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "cfi_file.h"
#include "elf_image.h"
#include "stack/elf_image.h"
#include "stack/elf_open.h"
#include "stack/object.h"
#include "stack/unwind_table.h"

#define LENGTH_WITH_HOLES ((off_t)1 << 40)

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int opens(const struct cfi_file *file, size_t size)
{
	int fd = image_file(file->bytes, file->size);
	Elf *elf;

	assert_true(fd >= 0);
	if (size)
		assert_int_equal(ftruncate(fd, (off_t)size), 0);
	elf = elf_open(fd);
	elf_end(elf);
	close(fd);
	return elf != NULL;
}

/* Each header alone is possible in a file with holes; together they would need 200 GB. */
static void test_numbers_of_headers(void **state)
{
	static struct cfi_file file;
	Elf64_Ehdr *header = (Elf64_Ehdr *)file.bytes;
	Elf64_Shdr *first;

	(void)state;
	cfi_fde(&file, cfi_usual_cie(&file), 16, 64, "", 0);
	cfi_finish(&file);
	assert_true(opens(&file, LENGTH_WITH_HOLES));
	first = (Elf64_Shdr *)(file.bytes + header->e_shoff);
	header->e_shnum = 0;
	first->sh_size = 4;
	assert_true(opens(&file, LENGTH_WITH_HOLES));
	first->sh_size = 1 << 30;
	assert_false(opens(&file, LENGTH_WITH_HOLES));
	first->sh_size = 4;
	header->e_phnum = PN_XNUM;
	first->sh_info = 2;
	assert_true(opens(&file, LENGTH_WITH_HOLES));
	first->sh_info = 1 << 30;
	assert_false(opens(&file, LENGTH_WITH_HOLES));
}

static void test_other_files(void **state)
{
	static struct cfi_file file;

	(void)state;
	cfi_finish(&file);
	for (file.size = 0; file.size < sizeof(Elf64_Ehdr); file.size++)
		assert_false(opens(&file, 0));
	file.size = 4096;
	file.bytes[EI_DATA] = ELFDATA2MSB;
	assert_false(opens(&file, 0));
	file.bytes[EI_DATA] = ELFDATA2LSB;
	file.bytes[EI_CLASS] = 7;
	assert_false(opens(&file, 0));
	file.bytes[EI_CLASS] = ELFCLASS64;
	file.bytes[0] = '!';
	assert_false(opens(&file, 0));
}

/* A name is looked for from behind: in a table that does not end, each time in all of it. */
static void test_names_without_end(void **state)
{
	static struct cfi_file file;
	Elf64_Shdr *sections;

	(void)state;
	cfi_finish(&file);
	assert_true(opens(&file, 0));
	sections = (Elf64_Shdr *)(file.bytes + ((Elf64_Ehdr *)file.bytes)->e_shoff);
	sections[3].sh_size--;
	assert_false(opens(&file, 0));
}

enum { NOTE_SIZE = sizeof(Elf64_Nhdr) + 4 + 20 };

/* A file of nothing but note segments; those from `first` on are build ids. */
static int notes_file(size_t nr, size_t first, size_t claimed)
{
	static uint8_t bytes[1 << 20];
	Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, 1 },
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(header),
		.e_ehsize = sizeof(header),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (uint16_t)nr,
	};
	size_t at = sizeof(header) + nr * sizeof(Elf64_Phdr);

	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, &header, sizeof(header));
	for (size_t i = 0; i < nr; i++, at += NOTE_SIZE) {
		Elf64_Nhdr note = { 4, 20, i < first ? 99 : NT_GNU_BUILD_ID };
		Elf64_Phdr segment = { .p_type = PT_NOTE,
				       .p_offset = at,
				       .p_filesz = claimed ? claimed : NOTE_SIZE,
				       .p_align = 4 };

		memcpy(bytes + sizeof(header) + i * sizeof(segment), &segment, sizeof(segment));
		memcpy(bytes + at, &note, sizeof(note));
		memcpy(bytes + at + sizeof(note), "GNU", 4);
		memset(bytes + at + sizeof(note) + 4, 0xab, 20);
	}
	return image_file(bytes, sizeof(bytes));
}

static size_t build_id_length(size_t nr, size_t first, size_t claimed)
{
	uint8_t build_id[ELF_BUILD_ID_MOST];
	int fd = notes_file(nr, first, claimed);
	Elf *elf = elf_open(fd);
	size_t length;

	assert_non_null(elf);
	length = elf_build_id(elf, build_id);
	for (size_t i = 0; i < length; i++)
		assert_int_equal(build_id[i], 0xab);
	elf_end(elf);
	close(fd);
	return length;
}

/* Each segment of notes is read whole and kept: four thousand of all the file were too many. */
static void test_notes(void **state)
{
	(void)state;
	assert_int_equal(build_id_length(1, 0, 0), 20);
	assert_int_equal(build_id_length(16, 15, 0), 20);
	assert_int_equal(build_id_length(17, 16, 0), 0);
	assert_int_equal(build_id_length(1, 0, 1 << 16), 20);
	assert_int_equal(build_id_length(1, 0, (1 << 16) + 4), 0);
}

static const char *symbol_in(struct elf_image *image, off_t size, uint64_t address)
{
	const struct debug_search search = { .path = "hostile" };
	struct object *object;
	int fd = image_file(image->bytes, image->size);
	static char name[64];
	const char *found;

	if (size)
		assert_int_equal(ftruncate(fd, size), 0);
	assert_int_equal(object_open(fd, &search, false, &object), 0);
	found = object_symbol(object, address);
	snprintf(name, sizeof(name), "%s", found ? found : "");
	object_free(object);
	return name;
}

static Elf64_Shdr *section_of(struct elf_image *image, size_t number)
{
	return (Elf64_Shdr *)(image->bytes + ((Elf64_Ehdr *)image->bytes)->e_shoff) + number;
}

/* Tables as long as the file, which has holes, are not read. */
static void test_symbols_of_holes(void **state)
{
	static struct elf_image image;
	static const uint8_t code[] = { 0x55, 0xc3 };
	uint64_t address = image_function(&image, "outer", code, sizeof(code));

	(void)state;
	image_finish(&image);
	section_of(&image, 1)->sh_addr = IMAGE_BASE + IMAGE_TEXT;
	section_of(&image, 1)->sh_flags = SHF_EXECINSTR;
	assert_string_equal(symbol_in(&image, LENGTH_WITH_HOLES, address), "outer");
	section_of(&image, 2)->sh_size = LENGTH_WITH_HOLES - 4096;
	assert_string_equal(symbol_in(&image, LENGTH_WITH_HOLES, address), "");
	section_of(&image, 2)->sh_size = 2 * sizeof(Elf64_Sym);
	assert_string_equal(symbol_in(&image, LENGTH_WITH_HOLES, address), "outer");
	section_of(&image, 3)->sh_size = LENGTH_WITH_HOLES - 65536;
	assert_string_equal(symbol_in(&image, LENGTH_WITH_HOLES, address), "");
	/* and names that do not end are none */
	section_of(&image, 3)->sh_size = strlen("outer") + 1;
	assert_string_equal(symbol_in(&image, 0, address), "");
}

static struct unwind_table *table_of(const void *bytes, size_t size)
{
	struct unwind_table *table = NULL;
	const struct unwind_table_options options = { .full = true };

	assert_int_equal(unwind_table_build_memory(bytes, size, &options, &table), 0);
	return table;
}

/* An expression is read once a row: one of many nops makes a program take its square. */
static void test_long_expressions(void **state)
{
	static struct cfi_file file;

	(void)state;
	for (size_t nr_nops = 62; nr_nops <= 63; nr_nops++) {
		uint8_t program[3 + 64] = { 0x0f, (uint8_t)(2 + nr_nops), 0x77, 8 };
		struct unwind_table *table;

		memset(program + 4, 0x96, nr_nops);
		memset(&file, 0, sizeof(file));
		cfi_fde(&file, cfi_usual_cie(&file), 0x100, 0x100, program, 4 + nr_nops);
		cfi_finish(&file);
		table = table_of(file.bytes, file.size);
		assert_int_equal(unwind_table_find(table, CFI_TEXT + 0x100)->cfa,
				 nr_nops == 62 ? SEEP_CFA_SP : SEEP_CFA_UNSUPPORTED);
		unwind_table_free(table);
	}
}

enum {
	CIES = 2000,
	CIE_SIZE = 9,
	CIE_LENGTH = 0x01010101, /* no zero byte in it, which would end the letters before */
	LETTERS = 4 + CIE_LENGTH - CIES * CIE_SIZE,
	FDE_SIZE = 24,
	ENDLESS_SIZE = 4 + CIE_LENGTH + CIES * FDE_SIZE,
};

/* .debug_frame with CIEs whose augmentations all run on to the section's end. */
static void endless_letters(uint8_t *at)
{
	const uint32_t cie[] = { CIE_LENGTH, UINT32_MAX };
	const uint64_t range[] = { CFI_TEXT, 16 };

	for (uint32_t i = 0; i < CIES; i++, at += CIE_SIZE) {
		memcpy(at, cie, 8);
		at[8] = 1;
	}
	memset(at, 'a', LETTERS);
	at += LETTERS;
	for (uint32_t i = 0; i < CIES; i++, at += FDE_SIZE) {
		const uint32_t head[] = { FDE_SIZE - 4, i * CIE_SIZE };

		memcpy(at, head, 8);
		memcpy(at + 8, range, 16);
	}
}

static void test_endless_augmentation(void **state)
{
	static struct cfi_file file;
	size_t whole = sizeof(file.bytes) + ENDLESS_SIZE;
	uint8_t *bytes = calloc(1, whole);
	struct unwind_table *table = NULL;
	Elf64_Shdr *sections;
	double start;

	(void)state;
	file.debug = true;
	cfi_finish(&file);
	memcpy(bytes, file.bytes, file.size);
	/* the first entry spans all CIEs and letters, so that the walk comes to the FDEs */
	endless_letters(bytes + sizeof(file.bytes));
	sections = (Elf64_Shdr *)(bytes + ((Elf64_Ehdr *)bytes)->e_shoff);
	sections[2].sh_offset = sizeof(file.bytes);
	sections[2].sh_size = ENDLESS_SIZE;
	start = cpu_seconds();
	assert_int_equal(unwind_table_build_memory(bytes, whole, NULL, &table), -ENOENT);
	assert_true(cpu_seconds() - start < 5);
	free(bytes);
}

/* Code of nothing but the last byte of a signal restorer, one at its end; how many are found. */
static size_t restorers_after(size_t nr_bytes)
{
	static const uint8_t restorer[] = { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 };
	static struct cfi_file file;
	size_t whole = sizeof(file.bytes) + nr_bytes + sizeof(restorer), found;
	uint8_t *bytes = malloc(whole);
	struct unwind_table *table;
	Elf64_Phdr *segments;

	memset(&file, 0, sizeof(file));
	cfi_fde(&file, cfi_usual_cie(&file), 0x10, 0x20, "", 0);
	cfi_finish(&file);
	memset(bytes, 0x05, whole);
	memcpy(bytes, file.bytes, sizeof(file.bytes));
	memcpy(bytes + whole - sizeof(restorer), restorer, sizeof(restorer));
	segments = (Elf64_Phdr *)(bytes + sizeof(Elf64_Ehdr));
	segments[1] = segments[0];
	segments[1].p_vaddr = CFI_TEXT + CFI_TEXT_SIZE;
	segments[1].p_offset = sizeof(file.bytes);
	segments[1].p_filesz = whole - sizeof(file.bytes);
	table = table_of(bytes, whole);
	found = unwind_table_view(table).stats.restorers;
	unwind_table_free(table);
	free(bytes);
	return found;
}

static void test_restorers_nearly(void **state)
{
	(void)state;
	assert_int_equal(restorers_after(1 << 20), 1);
	assert_int_equal(restorers_after(1 << 24), 0);
}

/* Two segments for one address: the first has it, the second what is left. */
static void test_segments_overlap(void **state)
{
	static struct cfi_file file;
	struct unwind_table *table;
	Elf64_Phdr *segments;

	(void)state;
	cfi_fde(&file, cfi_usual_cie(&file), 0x10, 0x20, "", 0);
	cfi_finish(&file);
	segments = (Elf64_Phdr *)(file.bytes + sizeof(Elf64_Ehdr));
	segments[1] = segments[2] = segments[0];
	segments[1].p_vaddr += 0x1000;
	segments[2].p_vaddr += 0x2000;
	table = table_of(file.bytes, file.size);
	assert_int_equal(unwind_table_view(table).nr_pages, (CFI_TEXT_SIZE + 0x2000) >> 12);
	unwind_table_free(table);
	/* no more than twice the file is looked at, whatever segments say */
	segments[1].p_vaddr = CFI_TEXT + CFI_TEXT_SIZE;
	segments[2].p_vaddr = CFI_TEXT + 2 * CFI_TEXT_SIZE;
	table = table_of(file.bytes, file.size);
	assert_int_equal(unwind_table_view(table).nr_pages,
			 (2 * file.size / CFI_TEXT_SIZE) * CFI_TEXT_SIZE >> 12);
	unwind_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_of_headers),
		cmocka_unit_test(test_other_files),
		cmocka_unit_test(test_names_without_end),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_symbols_of_holes),
		cmocka_unit_test(test_long_expressions),
		cmocka_unit_test(test_endless_augmentation),
		cmocka_unit_test(test_segments_overlap),
		cmocka_unit_test(test_restorers_nearly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

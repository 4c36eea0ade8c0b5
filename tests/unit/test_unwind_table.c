// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Whole tables: their layout, placing in chunks, the same table from one program in
 * several shapes, and this very process's stack walked with them.
 */
#include "stack_program.h"

#include <dlfcn.h>
#include <elf.h>
#include <execinfo.h>
#include <gnu/libc-version.h>
#include <link.h>
#include <sys/auxv.h>
#include <ucontext.h>

#include "base/cleanup.h"
#include "cfi_file.h"
#include "stack/unwind_table.h"

static struct unwind_table *build_memory(const void *bytes, size_t size, bool full)
{
	const struct unwind_table_options options = { .full = full };
	struct unwind_table *table = NULL;

	assert_int_equal(unwind_table_build_memory(bytes, size, &options, &table), 0);
	return table;
}

static struct unwind_table *build_file(const char *path, bool full)
{
	const struct unwind_table_options options = { .full = full };
	struct unwind_table *table = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(unwind_table_build(fd, &options, &table), 0);
	close(fd);
	return table;
}

static void assert_same(const struct unwind_table *a, const struct unwind_table *b)
{
	struct unwind_table_view left = unwind_table_view(a), right = unwind_table_view(b);

	assert_int_equal(left.first_page, right.first_page);
	assert_int_equal(left.nr_pages, right.nr_pages);
	assert_int_equal(left.nr_rows, right.nr_rows);
	assert_int_equal(left.nr_rules, right.nr_rules);
	assert_memory_equal(left.pages, right.pages, left.nr_pages * sizeof(*left.pages));
	assert_memory_equal(left.rows, right.rows, left.nr_rows * sizeof(*left.rows));
	assert_memory_equal(left.rules, right.rules, left.nr_rules * sizeof(*left.rules));
}

/* A function over three pages, with one row at the very start of the second. */
static void make_pages(struct cfi_file *file)
{
	static const uint8_t program[] = { 0x03, 0xf0, 0x0f, 0x0e, 16, 0x50, 0x0e, 24 };

	memset(file, 0, sizeof(*file));
	cfi_fde(file, cfi_usual_cie(file), 0, 0x2800, program, sizeof(program));
	cfi_finish(file);
}

static void test_pages(void **state)
{
	static struct cfi_file file;
	struct unwind_table *table;
	struct unwind_table_view view;

	(void)state;
	make_pages(&file);
	table = build_memory(file.bytes, file.size, true);
	view = unwind_table_view(table);
	assert_int_equal(view.first_page, CFI_TEXT >> SEEP_PAGE_SHIFT);
	assert_int_equal(view.nr_pages, 3);
	/* 0 and 0xff0; then 0x1000 alone; then its page's own, and the end of the function */
	assert_int_equal(view.pages[0].nr_rows, 2);
	assert_int_equal(view.pages[1].nr_rows, 1);
	assert_int_equal(view.pages[2].nr_rows, 2);
	assert_int_equal(view.nr_rows, 5);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(SEEP_UNWIND_ROW_OFFSET(view.rows[view.pages[i].first_row]), 0);
	assert_int_equal(unwind_table_find(table, CFI_TEXT + 0xfef)->cfa_offset, 8);
	assert_int_equal(unwind_table_find(table, CFI_TEXT + 0xff0)->cfa_offset, 16);
	assert_int_equal(unwind_table_find(table, CFI_TEXT + 0x1000)->cfa_offset, 24);
	assert_int_equal(unwind_table_find(table, CFI_TEXT + 0x27ff)->cfa_offset, 24);
	assert_int_equal(unwind_table_find(table, CFI_TEXT + 0x2800)->cfa, SEEP_CFA_NONE);
	assert_int_equal(unwind_table_find(table, CFI_TEXT - 1)->cfa, SEEP_CFA_NONE);
	assert_int_equal(unwind_table_find(table, CFI_TEXT + 0x3000)->cfa, SEEP_CFA_NONE);
	assert_int_equal(unwind_table_find(table, UINT64_MAX)->cfa, SEEP_CFA_NONE);
	assert_int_equal(unwind_table_find(table, 0)->cfa, SEEP_CFA_NONE);
	unwind_table_free(table);
}

/* Pages within a row have one of their own; pages of nothing have none. */
static void test_pages_between(void **state)
{
	static const uint8_t program[] = { 0x03, 0x00, 0x20, 0x0e, 16 };
	static struct cfi_file file;
	struct unwind_table *table;
	struct unwind_table_view view;

	(void)state;
	memset(&file, 0, sizeof(file));
	cfi_fde(&file, cfi_usual_cie(&file), 0, 0x2100, program, sizeof(program));
	cfi_finish(&file);
	table = build_memory(file.bytes, file.size, true);
	view = unwind_table_view(table);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(view.pages[i].nr_rows, i < 2 ? 1 : 2);
	assert_int_equal(unwind_table_find(table, CFI_TEXT + 0x1800)->cfa_offset, 8);
	assert_int_equal(unwind_table_find(table, CFI_TEXT + 0x2000)->cfa_offset, 16);
	unwind_table_free(table);

	memset(&file, 0, sizeof(file));
	cfi_fde(&file, cfi_usual_cie(&file), 0x1100, 0x10, program, 0);
	cfi_finish(&file);
	table = build_memory(file.bytes, file.size, true);
	view = unwind_table_view(table);
	assert_int_equal(view.pages[0].nr_rows, 0);
	assert_int_equal(view.pages[1].nr_rows, 3);
	assert_int_equal(view.pages[2].nr_rows, 0);
	assert_int_equal(view.nr_rows, 3);
	unwind_table_free(table);
}

/* Calls in the second row of three alone: the others' addresses are left to it. */
static void test_call_sites(void **state)
{
	static const uint8_t program[] = { 0x40 | 32, 0x0e, 16, 0x40 | 32, 0x0e, 24 };
	static const struct {
		uint8_t bytes[8];
		size_t size;
		bool call;
	} codes[] = {
		{ { 0xe8, 1, 2, 3, 4 }, 5, true },
		{ { 0xff, 0xd0 }, 2, true }, /* call *%rax */
		{ { 0x41, 0xff, 0xd4 }, 3, true }, /* call *%r12 */
		{ { 0xff, 0x14, 0xc8 }, 3, true }, /* call *(%rax,%rcx,8) */
		{ { 0xff, 0x14, 0xc5, 0, 0, 0, 0 }, 7, true }, /* call *0(,%rax,8) */
		{ { 0xff, 0x15, 0, 0, 0, 0 }, 6, true }, /* call *0(%rip) */
		{ { 0xff, 0x50, 8 }, 3, true }, /* call *8(%rax) */
		{ { 0xff, 0x54, 0x24, 8 }, 4, true }, /* call *8(%rsp) */
		{ { 0xff, 0x90, 0, 1, 0, 0 }, 6, true }, /* call *256(%rax) */
		{ { 0xff, 0x94, 0x24, 0, 1, 0, 0 }, 7, true }, /* call *256(%rsp) */
		{ { 0x0f, 0x05 }, 2, true }, /* syscall */
		{ { 0xff, 0xe0 }, 2, false }, /* jmp *%rax */
		{ { 0xff, 0x30 }, 2, false }, /* push (%rax) */
		{ { 0x0f, 0x0b }, 2, false },
	};
	static struct cfi_file file;

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct unwind_table *table;
		/* the code's last byte is the row's last: the call does not return */
		size_t place = 0x140 - codes[i].size;

		memset(&file, 0, sizeof(file));
		memset(file.text, 0x90, sizeof(file.text));
		file.text[0x105] = file.text[0x165] = 0xe8;
		memcpy(file.text + place, codes[i].bytes, codes[i].size);
		cfi_fde(&file, cfi_usual_cie(&file), 0x100, 0x100, program, sizeof(program));
		cfi_finish(&file);
		table = build_memory(file.bytes, file.size, false);
		assert_int_equal(unwind_table_find(table, CFI_TEXT + 0x105)->cfa_offset, 8);
		assert_int_equal(unwind_table_find(table, CFI_TEXT + 0x13f)->cfa_offset,
				 codes[i].call ? 16 : 8);
		assert_int_equal(unwind_table_find(table, CFI_TEXT + 0x165)->cfa_offset, 24);
		assert_false(unwind_table_view(table).full);
		unwind_table_free(table);
	}
}

/* After a system call the pc may be the first of the next row. */
static void test_after_system_call(void **state)
{
	static const uint8_t program[] = { 0x40 | 32, 0x0e, 16 };
	static struct cfi_file file;
	struct unwind_table *table;

	(void)state;
	memset(&file, 0, sizeof(file));
	memcpy(file.text + 0x11e, "\x0f\x05", 2);
	cfi_fde(&file, cfi_usual_cie(&file), 0x100, 0x100, program, sizeof(program));
	cfi_finish(&file);
	table = build_memory(file.bytes, file.size, false);
	assert_int_equal(unwind_table_find(table, CFI_TEXT + 0x11e)->cfa_offset, 8);
	assert_int_equal(unwind_table_find(table, CFI_TEXT + 0x120)->cfa_offset, 16);
	unwind_table_free(table);
}

static void test_arm64_call_sites(void **state)
{
	static const uint8_t program[] = { 0x40 | 8, 0x0e, 16, 0x40 | 8, 0x0e, 32 };
	static const struct {
		uint32_t word;
		bool call;
	} codes[] = {
		{ 0x94000010, true }, /* bl */
		{ 0x97fffff0, true }, /* bl backwards */
		{ 0xd63f0100, true }, /* blr x8 */
		{ 0xd73f0901, true }, /* blraa x8, x1 */
		{ 0xd63f091f, true }, /* blraaz x8 */
		{ 0xd4000001, true }, /* svc 0 */
		{ 0x14000010, false }, /* b */
		{ 0xd61f0100, false }, /* br x8 */
		{ 0xd65f03c0, false }, /* ret */
	};
	static struct cfi_file file;

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		const uint32_t bl = 0x94000000;
		struct unwind_table *table;

		memset(&file, 0, sizeof(file));
		file.machine = EM_AARCH64;
		memcpy(file.text + 0x104, &bl, 4);
		memcpy(file.text + 0x13c, &codes[i].word, 4);
		memcpy(file.text + 0x160, &bl, 4);
		cfi_fde(&file, cfi_usual_cie(&file), 0x100, 0x100, program, sizeof(program));
		cfi_finish(&file);
		table = build_memory(file.bytes, file.size, false);
		assert_int_equal(unwind_table_find(table, CFI_TEXT + 0x13f)->cfa_offset,
				 codes[i].call ? 16 : 0);
		assert_int_equal(unwind_table_find(table, CFI_TEXT + 0x163)->cfa_offset, 32);
		unwind_table_free(table);
	}
}

/* Looks up in placed rows and pages, as the kernel side does. */
static uint16_t find_placed(const uint32_t *all_rows, const struct seep_unwind_page *pages,
			    const struct unwind_table_view *view, uint64_t pc)
{
	const struct seep_unwind_page *page = &pages[(pc >> SEEP_PAGE_SHIFT) - view->first_page];
	uint32_t key = SEEP_UNWIND_KEY(pc);
	uint16_t rule = SEEP_UNWIND_NO_RULE;

	for (uint32_t i = 0; i < page->nr_rows; i++)
		if (all_rows[page->first_row + i] <= key)
			rule = SEEP_UNWIND_ROW_RULE(all_rows[page->first_row + i]);
	return rule;
}

/* A file with some chunks of rows. */
static const char *libc_path(void)
{
	Dl_info info;

	assert_true(dladdr((void *)gnu_get_libc_version, &info));
	return info.dli_fname;
}

static void test_placing(void **state)
{
	struct unwind_table *table = build_file(libc_path(), true);
	struct unwind_table_view view = unwind_table_view(table);
	const uint64_t first = SEEP_CHUNK_ROWS - 5;
	uint64_t end = unwind_table_placed_end(table, first);
	struct seep_unwind_page *pages = calloc(view.nr_pages, sizeof(*pages));
	uint32_t *rows = malloc(end * sizeof(*rows));
	uint16_t *ids = malloc(view.nr_rules * sizeof(*ids));

	(void)state;
	assert_true(view.nr_rows > SEEP_CHUNK_ROWS);
	memset(rows, 0xff, end * sizeof(*rows));
	ids[0] = 0;
	for (uint32_t i = 1; i < view.nr_rules; i++)
		ids[i] = (uint16_t)(i + 1000);
	unwind_table_place(table, first, ids, rows + first, pages);
	for (uint32_t i = 0; i < view.nr_pages; i++) {
		uint64_t last = pages[i].first_row + pages[i].nr_rows - 1;

		if (pages[i].nr_rows)
			assert_int_equal(pages[i].first_row / SEEP_CHUNK_ROWS,
					 last / SEEP_CHUNK_ROWS);
		assert_true(last < end || !pages[i].nr_rows);
	}
	for (uint64_t row = first; row < end; row++)
		assert_true(rows[row] != UINT32_MAX);
	for (uint64_t k = 0; k < (uint64_t)view.nr_pages << SEEP_PAGE_SHIFT; k += 37) {
		uint64_t pc = (view.first_page << SEEP_PAGE_SHIFT) + k;
		const struct seep_unwind_rule *rule = unwind_table_find(table, pc);

		assert_int_equal(find_placed(rows, pages, &view, pc), ids[rule - view.rules]);
	}
	free(rows);
	free(pages);
	free(ids);
	unwind_table_free(table);
}

static void *read_whole(const char *path, size_t *ret_size)
{
	__cleanup(close_fd)
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	void *bytes;

	assert_true(fd >= 0 && fstat(fd, &status) == 0);
	bytes = malloc((size_t)status.st_size);
	assert_int_equal(read(fd, bytes, (size_t)status.st_size), status.st_size);
	*ret_size = (size_t)status.st_size;
	return bytes;
}

/* A static program, then without section headers, then without .eh_frame_hdr as well. */
static void test_stripped(void **state)
{
	struct unwind_table *table, *other;
	size_t size;
	Elf64_Ehdr *header;
	Elf64_Phdr *segments;

	(void)state;
	write_source("hello.c",
		     "#include <stdio.h>\nint main(void) { return puts(\"hello\") < 0; }\n");
	run_command("cc -O2 -static -o hello hello.c");
	table = build_file(in_folder("hello"), true);
	assert_true(unwind_table_view(table).nr_rows > 5000);
	header = read_whole(in_folder("hello"), &size);
	header->e_shoff = header->e_shnum = header->e_shstrndx = 0;
	other = build_memory(header, size, true);
	assert_same(table, other);
	unwind_table_free(other);
	segments = (Elf64_Phdr *)((char *)header + header->e_phoff);
	for (int i = 0; i < header->e_phnum; i++)
		if (segments[i].p_type == PT_GNU_EH_FRAME)
			segments[i].p_type = PT_NULL;
	other = build_memory(header, size, true);
	assert_same(table, other);
	unwind_table_free(other);
	unwind_table_free(table);
	free(header);
}

static void test_debug_frame_packed(void **state)
{
	static const char *const forms[] = { "zlib", "zlib-gnu" };
	struct unwind_table *table, *other;

	(void)state;
	write_source("leaf.c", "int g(int);\nint f(int n) { return n ? g(n) + n : 0; }\n"
			       "int g(int n) { int a[64]; a[n & 63] = f(n - 1); return a[0]; }\n"
			       "void _start(void) { f(9); for (;;) ; }\n");
	run_command("cc -g -O1 -fno-inline -fno-asynchronous-unwind-tables -nostdlib -static "
		    "-o leaf leaf.c && ! readelf -SW leaf | grep eh_frame && "
		    "readelf -SW leaf | grep -q debug_frame");
	table = build_file(in_folder("leaf"), true);
	assert_true(unwind_table_view(table).stats.functions == 3);
	for (size_t i = 0; i < 2; i++) {
		if (!try_command("objcopy --compress-debug-sections=%s leaf packed-%zu", forms[i],
				 i))
			continue;
		other = build_file(in_folder(i ? "packed-1" : "packed-0"), true);
		assert_same(table, other);
		unwind_table_free(other);
	}
	unwind_table_free(table);
}

static void test_cut_file(void **state)
{
	size_t size;
	char *bytes = read_whole("/proc/self/exe", &size);

	(void)state;
	for (size_t part = 0; part < size; part += size / 40 + 1) {
		struct unwind_table *table = NULL;

		if (unwind_table_build_memory(bytes, part, NULL, &table) == 0)
			assert_true(unwind_table_view(table).nr_rows > 0);
		unwind_table_free(table);
	}
	free(bytes);
}

static void test_vdso(void **state)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)getauxval(AT_SYSINFO_EHDR);
	struct unwind_table *table;

	(void)state;
	if (!header)
		skip();
	table = build_memory(header,
			     header->e_shoff + (size_t)header->e_shnum * header->e_shentsize, true);
	assert_true(unwind_table_view(table).stats.functions >= 2);
	unwind_table_free(table);
}

/* Walking this process's own stack. */
#if defined(__x86_64__)
enum { MAX_TABLES = 16, DEPTH = 64 };

static struct known_table {
	uint64_t base;
	struct unwind_table *table;
} known_tables[MAX_TABLES];
static size_t nr_known_tables;
static bool walk_full;

static const struct seep_unwind_rule *rule_of(uint64_t pc)
{
	struct link_map *map = NULL;
	Dl_info info;
	size_t i = 0;

	assert_true(dladdr1((void *)pc, &info, (void **)&map, RTLD_DL_LINKMAP));
	while (i < nr_known_tables && known_tables[i].base != map->l_addr)
		i++;
	if (i == nr_known_tables) {
		assert_true(i < MAX_TABLES);
		known_tables[i].base = map->l_addr;
		known_tables[i].table =
			build_file(*map->l_name ? map->l_name : "/proc/self/exe", walk_full);
		nr_known_tables++;
	}
	return unwind_table_find(known_tables[i].table, pc - map->l_addr);
}

static void forget_tables(void)
{
	while (nr_known_tables)
		unwind_table_free(known_tables[--nr_known_tables].table);
}

__attribute__((no_sanitize("address"))) static uint64_t word_at(uint64_t address)
{
	return *(const uint64_t *)address;
}

/* The stack from a ucontext on, as bpf/unwind_table.h says. */
static size_t walk(const ucontext_t *context, uint64_t *frames, bool *ret_end)
{
	uint64_t pc = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
	uint64_t sp = (uint64_t)context->uc_mcontext.gregs[REG_RSP];
	uint64_t fp = (uint64_t)context->uc_mcontext.gregs[REG_RBP];
	bool exact = true;
	size_t nr = 0;

	*ret_end = false;
	while (nr < DEPTH) {
		const struct seep_unwind_rule *rule = rule_of(exact ? pc : pc - 1);
		uint64_t cfa = 0;

		frames[nr++] = pc;
		exact = false;
		switch (rule->cfa) {
		case SEEP_CFA_SP:
			cfa = sp + rule->cfa_offset;
			break;
		case SEEP_CFA_FP:
			cfa = fp + rule->cfa_offset;
			break;
		case SEEP_CFA_SP_DEREF:
			cfa = word_at(sp + rule->cfa_offset) + rule->cfa_add;
			break;
		case SEEP_CFA_FP_DEREF:
			cfa = word_at(fp + rule->cfa_offset) + rule->cfa_add;
			break;
		case SEEP_CFA_PLT:
			cfa = sp + rule->cfa_offset +
			      ((pc & 15) >= (uint64_t)rule->cfa_add ? 8 : 0);
			break;
		case SEEP_CFA_SIGNAL:
			pc = word_at(sp + SEEP_SIGNAL_X86_PC);
			fp = word_at(sp + SEEP_SIGNAL_X86_FP);
			sp = word_at(sp + SEEP_SIGNAL_X86_SP);
			exact = true;
			continue;
		case SEEP_CFA_END:
			*ret_end = true;
			return nr;
		default:
			return nr;
		}
		pc = word_at(cfa + rule->ra_offset);
		if (rule->fp == SEEP_WHERE_CFA)
			fp = word_at(cfa + rule->fp_offset);
		else if (rule->fp == SEEP_WHERE_FP)
			fp = word_at(fp + rule->fp_offset);
		sp = cfa;
	}
	return nr;
}

static size_t walked;

/* The frames above this one are the same to libgcc's unwinder. */
__attribute__((noinline)) static void compare_walks(void)
{
	uint64_t frames[DEPTH];
	void *expected[DEPTH];
	int nr_expected = backtrace(expected, DEPTH);
	ucontext_t context;
	size_t nr, skipped = 0;
	bool ended;

	getcontext(&context);
	nr = walk(&context, frames, &ended);
	assert_true(ended);
	assert_true(nr_expected > 4);
	/* where backtrace itself is intercepted, it lists one more */
	while (skipped < 3 && (uint64_t)expected[skipped + 1] != frames[1])
		skipped++;
	assert_true(nr >= (size_t)nr_expected - skipped);
	for (size_t i = 1; i < (size_t)nr_expected - skipped; i++)
		assert_int_equal(frames[i], (uint64_t)expected[i + skipped]);
	walked++;
}

static int compare_items(const void *left, const void *right)
{
	if (!walked)
		compare_walks();
	return *(const int *)left - *(const int *)right;
}

static void on_signal(int number)
{
	(void)number;
	compare_walks();
}

/* Through a callback of libc, a realigned frame, one of variable size, and a signal. */
__attribute__((noinline)) static void walk_from(size_t size)
{
	_Alignas(64) volatile char aligned[64];
	volatile char variable[size];
	int items[] = { 3, 1, 2 };

	aligned[0] = variable[0] = (char)size;
	walked = 0;
	qsort(items, 3, sizeof(items[0]), compare_items);
	assert_int_equal(walked, 1);
	raise(SIGUSR1);
	assert_int_equal(walked, 2);
	assert_int_equal(aligned[0], variable[0]);
}

static void test_own_stack(void **state)
{
	const struct sigaction action = { .sa_handler = on_signal },
			       before = { .sa_handler = SIG_DFL };

	(void)state;
	sigaction(SIGUSR1, &action, NULL);
	for (int full = 0; full < 2; full++) {
		walk_full = full;
		walk_from(100);
		forget_tables();
	}
	sigaction(SIGUSR1, &before, NULL);
}
#else
static void test_own_stack(void **state)
{
	(void)state;
	skip();
}
#endif

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_pages_between),
		cmocka_unit_test(test_call_sites),
		cmocka_unit_test(test_after_system_call),
		cmocka_unit_test(test_arm64_call_sites),
		cmocka_unit_test(test_placing),
		cmocka_unit_test(test_stripped),
		cmocka_unit_test(test_debug_frame_packed),
		cmocka_unit_test(test_cut_file),
		cmocka_unit_test(test_vdso),
		cmocka_unit_test(test_own_stack),
	};

	return cmocka_run_group_tests(tests, make_work_folder, remove_work_folder);
}

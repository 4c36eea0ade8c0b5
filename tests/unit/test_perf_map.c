// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names of JIT code: the form of the file, and how it changes while it is read. */
#include "stack_program.h"

#include "stack/perf_map.h"
#include "stack/symbols.h"

enum { SPACE = 1, PAGE = 4096 };

static struct perf_map *parse(const char *text, size_t expected_used)
{
	struct perf_map *map = perf_map_new();

	assert_non_null(map);
	assert_int_equal(perf_map_parse(map, text, strlen(text)), expected_used);
	return map;
}

static void check(struct perf_map *map, uint64_t address, const char *expected)
{
	const char *name = perf_map_find(map, address);

	if (expected)
		assert_string_equal(name ? name : "(none)", expected);
	else
		assert_null(name);
}

static void test_form(void **state)
{
	static const char text[] = "7f0010 20 LazyCompile:~add /srv/app.js:3\n"
				   "0x7F0040 0x8 Builtin:Call\n"
				   "7f0100 10 half";
	struct perf_map *map = parse(text, strlen(text) - strlen("7f0100 10 half"));

	(void)state;
	check(map, 0x7f000f, NULL);
	check(map, 0x7f0010, "LazyCompile:~add /srv/app.js:3");
	check(map, 0x7f002f, "LazyCompile:~add /srv/app.js:3");
	check(map, 0x7f0030, NULL);
	check(map, 0x7f0047, "Builtin:Call");
	check(map, 0x7f0048, NULL);
	check(map, 0x7f0100, NULL);
	perf_map_free(map);
}

static void test_bad_lines(void **state)
{
	static const char text[] = "\n \n  \nabc\n10\n10 20\n10 20 \nxyz 10 a\n10 xyz a\n-1 10 a\n"
				   "10 0 empty\n11112222333344445 10 long\n0x 10 a\n"
				   "ffffffffffffffff 10 wraps\n100 10 good\n";
	struct perf_map *map = parse(text, strlen(text));
	uint64_t address;

	(void)state;
	for (address = 0; address < 0x100; address++)
		check(map, address, NULL);
	check(map, 0x100, "good");
	check(map, UINT64_MAX, NULL);
	perf_map_free(map);
}

/* Code that takes the place of other code: the later line is right where both cover. */
static void test_latest_wins(void **state)
{
	static const char text[] = "1000 100 old\n1080 100 new\n1000 10 newest\n1040 8 inner\n";
	struct perf_map *map = parse(text, strlen(text));

	(void)state;
	check(map, 0x1000, "newest");
	check(map, 0x1010, "old");
	check(map, 0x1044, "inner");
	check(map, 0x1048, "old");
	check(map, 0x1080, "new");
	check(map, 0x10ff, "new");
	check(map, 0x1170, "new");
	assert_int_equal(perf_map_parse(map, "1044 4 last\n", 12), 12);
	check(map, 0x1043, "inner");
	check(map, 0x1044, "last");
	perf_map_free(map);
}

static void map_code(int to_test, void *data)
{
	uint64_t base = (uintptr_t)mmap(NULL, PAGE, PROT_READ | PROT_EXEC,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)data;
	if (write(to_test, &base, sizeof(base)) < 0)
		_exit(1);
}

static void append_line(pid_t pid, const char *mode, uint64_t start, uint64_t size,
			const char *name)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)pid);
	file = fopen(path, mode);
	assert_non_null(file);
	fprintf(file, "%lx %lx %s", (unsigned long)start, (unsigned long)size, name);
	assert_int_equal(fclose(file), 0);
}

static void remove_map(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)pid);
	unlink(path);
}

static void test_growing_file(void **state)
{
	struct perf_map *map = perf_map_new();
	struct still_process process;
	uint64_t base;

	(void)state;
	process = start_still(map_code, NULL);
	read_words(&process, &base, 1);
	remove_map(process.pid);
	assert_int_equal(perf_map_update(map, process.pid), -ENOENT);
	append_line(process.pid, "w", 0x1000, 16, "first\n");
	append_line(process.pid, "a", 0x2000, 16, "sec");
	assert_int_equal(perf_map_update(map, process.pid), 0);
	check(map, 0x1000, "first");
	check(map, 0x2000, NULL);
	append_line(process.pid, "a", 0x3000, 16, "third\n"); /* ends the half line, too */
	assert_int_equal(perf_map_update(map, process.pid), 0);
	check(map, 0x1000, "first");
	check(map, 0x2000, "sec3000 10 third");
	append_line(process.pid, "a", 0x3000, 16, "third\n");
	assert_int_equal(perf_map_update(map, process.pid), 0);
	check(map, 0x3000, "third");
	/* cut, and replaced */
	append_line(process.pid, "w", 0x1000, 16, "cut\n");
	assert_int_equal(perf_map_update(map, process.pid), 0);
	check(map, 0x1000, "cut");
	check(map, 0x3000, NULL);
	remove_map(process.pid);
	append_line(process.pid, "w", 0x1000, 16, "another file that is longer than that\n");
	append_line(process.pid, "a", 0x1800, 16, "x\n");
	assert_int_equal(perf_map_update(map, process.pid), 0);
	check(map, 0x1000, "another file that is longer than that");
	/* kept when the process and its file are gone */
	end_still(&process);
	remove_map(process.pid);
	perf_map_update(map, process.pid);
	check(map, 0x1800, "x");
	perf_map_free(map);
}

static void test_after_exit(void **state)
{
	struct perf_map *map = perf_map_new();
	struct still_process process;
	uint64_t base;

	(void)state;
	process = start_still(map_code, NULL);
	read_words(&process, &base, 1);
	append_line(process.pid, "w", base, 16, "late\n");
	end_still(&process);
	assert_int_equal(perf_map_update(map, process.pid), 0);
	check(map, base, "late");
	remove_map(process.pid);
	perf_map_free(map);
}

/* A map that someone else left under the name, a pipe, a folder: none is read. */
static void test_foreign_file(void **state)
{
	struct perf_map *map = perf_map_new();
	struct still_process process;
	char path[64];
	uint64_t base;

	(void)state;
	process = start_still(map_code, NULL);
	read_words(&process, &base, 1);
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)process.pid);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(perf_map_update(map, process.pid), -EINVAL);
	unlink(path);
	append_line(process.pid, "w", base, 16, "planted\n");
	if (!geteuid()) {
		assert_int_equal(chown(path, 12345, 12345), 0);
		assert_int_equal(perf_map_update(map, process.pid), -EACCES);
		check(map, base, NULL);
	}
	remove_map(process.pid);
	end_still(&process);
	perf_map_free(map);
}

static void test_many_lines(void **state)
{
	struct perf_map *map = perf_map_new();
	struct still_process process;
	char path[64];
	uint64_t base, i;
	FILE *file;

	(void)state;
	process = start_still(map_code, NULL);
	read_words(&process, &base, 1);
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)process.pid);
	file = fopen(path, "w");
	assert_non_null(file);
	for (i = 0; i < 50000; i++)
		fprintf(file, "%lx 10 function-%lu\n", (unsigned long)(i * 32), (unsigned long)i);
	/* a line longer than what is read at once does not stop the rest */
	fprintf(file, "5 5 ");
	for (i = 0; i < 300000; i++)
		fputc('x', file);
	fprintf(file, "\n20000000 10 behind\n");
	fclose(file);
	assert_int_equal(perf_map_update(map, process.pid), 0);
	check(map, 49999 * 32 + 15, "function-49999");
	check(map, 1234 * 32, "function-1234");
	check(map, 1234 * 32 + 16, NULL);
	check(map, 0x20000000, "behind");
	remove_map(process.pid);
	end_still(&process);
	perf_map_free(map);
}

/* The whole way: an address in memory without file, named for its process. */
static void test_symbolizer(void **state)
{
	struct modules *modules = modules_new();
	struct symbolizer *symbolizer = symbolizer_new(modules, NULL);
	const struct symbol *symbols;
	struct still_process process;
	struct place place;
	uint64_t base, frames, unnamed;

	(void)state;
	process = start_still(map_code, NULL);
	read_words(&process, &base, 1);
	append_line(process.pid, "w", base + 0x10, 0x10, "*render /srv/app.js:7\n");
	assert_int_equal(modules_refresh(modules, SPACE, process.pid), 0);
	assert_true(modules_place(modules, SPACE, base + 0x20, &place));
	/* a return address just behind the function belongs to the call in it */
	assert_int_equal(symbolizer_name(symbolizer, &place, true, process.pid, &symbols), 1);
	assert_string_equal(symbols[0].function, "*render /srv/app.js:7");
	assert_true(symbols[0].jit);
	assert_string_equal(symbols[0].language, "jit");
	assert_int_equal(symbolizer_name(symbolizer, &place, false, process.pid, &symbols), 1);
	assert_null(symbols[0].function);
	assert_false(symbols[0].jit);
	assert_int_equal(symbolizer_name(symbolizer, &place, true, 0, &symbols), 1);
	assert_null(symbols[0].function);
	/* what was compiled since */
	usleep(30000);
	append_line(process.pid, "a", base + 0x20, 0x10, "later\n");
	assert_int_equal(symbolizer_name(symbolizer, &place, false, process.pid, &symbols), 1);
	assert_string_equal(symbols[0].function, "later");
	symbolizer_counts(symbolizer, &frames, &unnamed);
	assert_int_equal(frames, 4);
	assert_int_equal(unnamed, 2);
	/* "it has ended" is not so: the pid could be another's */
	assert_int_equal(symbolizer_name(symbolizer, &place, false, -process.pid, &symbols), 1);
	assert_null(symbols[0].function);
	end_still(&process);
	assert_int_equal(symbolizer_name(symbolizer, &place, false, -process.pid, &symbols), 1);
	assert_string_equal(symbols[0].function, "later");
	remove_map(process.pid);
	symbolizer_free(symbolizer);
	modules_free(modules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),	    cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_latest_wins), cmocka_unit_test(test_growing_file),
		cmocka_unit_test(test_after_exit),  cmocka_unit_test(test_foreign_file),
		cmocka_unit_test(test_many_lines),  cmocka_unit_test(test_symbolizer),
	};

	return cmocka_run_group_tests(tests, make_work_folder, remove_work_folder);
}

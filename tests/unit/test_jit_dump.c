// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names and lines of JIT code from jitdump files: made here, and written by node. */
#include "stack_program.h"

#include "base/hashmap.h"
#include "jit_dump_file.h"
#include "stack/jit_dump.h"
#include "stack/symbols.h"

enum { SPACE = 1 };

static void parse_all(struct jit_dump *dump, const struct dump_file *file)
{
	uint64_t needed;

	assert_int_equal(jit_dump_parse(dump, file->bytes, file->size, &needed), file->size);
	assert_int_equal(needed, 0);
}

static void check(struct jit_dump *dump, uint64_t address, const char *name, const char *file,
		  uint32_t line)
{
	struct jit_code code;

	if (!name) {
		assert_false(jit_dump_find(dump, address, &code));
		return;
	}
	assert_true(jit_dump_find(dump, address, &code));
	assert_string_equal(code.name, name);
	if (file)
		assert_string_equal(code.file, file);
	else
		assert_null(code.file);
	assert_int_equal(code.line, line);
}

static void test_load(void **state)
{
	struct jit_dump *dump = jit_dump_new();
	struct dump_file file;

	(void)state;
	dump_header(&file);
	dump_load(&file, 0x1000, 0x40, "first");
	dump_end(&file, dump_begin(&file, 3));
	dump_end(&file, dump_begin(&file, 77)); /* a kind that is not known */
	dump_load(&file, 0x2000, 0x40, "second");
	parse_all(dump, &file);
	check(dump, 0xfff, NULL, NULL, 0);
	check(dump, 0x1000, "first", NULL, 0);
	check(dump, 0x103f, "first", NULL, 0);
	check(dump, 0x1040, NULL, NULL, 0);
	check(dump, 0x2020, "second", NULL, 0);
	jit_dump_free(dump);
}

/* What was overwritten in part is gone as a whole; what moved is named where it is now. */
static void test_replaced(void **state)
{
	struct jit_dump *dump = jit_dump_new();
	struct dump_file file;

	(void)state;
	dump_header(&file);
	dump_load(&file, 0x1000, 0x100, "old");
	dump_load(&file, 0x1200, 0x100, "beside");
	dump_load(&file, 0x10c0, 0x80, "new");
	dump_load(&file, 0x3000, 0x40, "mover");
	dump_move(&file, 0x3000, 0x5000, 0x40);
	dump_move(&file, 0x9000, 0x9100, 0x40); /* nothing was there */
	dump_load(&file, 0x7000, 0x40, "tier 1");
	dump_load(&file, 0x7000, 0x40, "tier 2");
	parse_all(dump, &file);
	check(dump, 0x1000, NULL, NULL, 0);
	check(dump, 0x10c0, "new", NULL, 0);
	check(dump, 0x1210, "beside", NULL, 0);
	check(dump, 0x3000, NULL, NULL, 0);
	check(dump, 0x5010, "mover", NULL, 0);
	check(dump, 0x9110, NULL, NULL, 0);
	check(dump, 0x7000, "tier 2", NULL, 0);
	/* and after it was asked for, too */
	dump_header(&file);
	file.size = 0;
	dump_load(&file, 0x5000, 0x10, "last");
	dump_move(&file, 0x7000, 0x8000, 0x40);
	parse_all(dump, &file);
	check(dump, 0x5008, "last", NULL, 0);
	check(dump, 0x5010, NULL, NULL, 0);
	check(dump, 0x7000, NULL, NULL, 0);
	check(dump, 0x8000, "tier 2", NULL, 0);
	jit_dump_free(dump);
}

static void test_lines(void **state)
{
	const struct dump_line lines[] = { { 0x1004, 7, "/a.js" },
					   { 0x1010, 9, "\xff" },
					   { 0x1020, 3, "/b.js" } };
	const struct dump_line shifted[] = { { 0x2040, 7, "/a.js" },
					     { 0x2050, 8, "/a.js" },
					     { 0x2060, 99, "/other.js" } };
	struct jit_dump *dump = jit_dump_new();
	struct dump_file file;

	(void)state;
	dump_header(&file);
	dump_lines(&file, 0x1000, lines, 3);
	dump_load(&file, 0x1000, 0x40, "f");
	dump_load(&file, 0x1100, 0x40, "without");
	dump_lines(&file, 0x2000, shifted, 3);
	dump_load(&file, 0x2000, 0x40, "JS:*f /a.js:7");
	dump_lines(&file, 0x4444, lines, 3);
	dump_load(&file, 0x3000, 0x40, "not theirs");
	parse_all(dump, &file);
	check(dump, 0x1003, "f", NULL, 0);
	check(dump, 0x1004, "f", "/a.js", 7);
	check(dump, 0x1010, "f", "/a.js", 9);
	check(dump, 0x103f, "f", "/b.js", 3);
	check(dump, 0x1100, "without", NULL, 0);
	check(dump, 0x2000, "JS:*f /a.js:7", "/a.js", 7);
	check(dump, 0x200f, "JS:*f /a.js:7", "/a.js", 7);
	check(dump, 0x2010, "JS:*f /a.js:7", "/a.js", 8);
	/* inlined there: who it is is not told */
	check(dump, 0x2020, "JS:*f /a.js:7", NULL, 0);
	check(dump, 0x3000, "not theirs", NULL, 0);
	/* lines go with what moves */
	file.size = 0;
	dump_move(&file, 0x1000, 0x6000, 0x40);
	dump_load(&file, 0x2000, 0x40, "other");
	parse_all(dump, &file);
	check(dump, 0x6012, "f", "/a.js", 9);
	check(dump, 0x2010, "other", NULL, 0);
	jit_dump_free(dump);
}

/* Lines whose entries do not fill their record were misread, as some that V8 writes. */
static void test_damaged_lines(void **state)
{
	const struct dump_line lines[] = { { 0x1000, 7, "/a.js" }, { 0x1010, 9, "/a.js" } };
	const struct dump_line garbage[] = { { 0x4000, 7, "*W\003" } };
	struct jit_dump *dump = jit_dump_new();
	struct dump_file file;
	size_t start;

	(void)state;
	dump_header(&file);
	start = file.size;
	dump_lines(&file, 0x1000, lines, 2);
	file.bytes[start + 24] = 1;
	dump_load(&file, 0x1000, 0x40, "short");
	start = file.size;
	dump_lines(&file, 0x2000, lines, 2);
	file.bytes[start + 24] = 200;
	dump_load(&file, 0x2000, 0x40, "long");
	dump_lines(&file, 0x4000, garbage, 1);
	dump_load(&file, 0x4000, 0x40, "garbage");
	dump_load(&file, 0x3000, 0, "empty");
	dump_load(&file, UINT64_MAX - 4, 0x40, "around");
	parse_all(dump, &file);
	check(dump, 0x1010, "short", NULL, 0);
	check(dump, 0x2010, "long", NULL, 0);
	check(dump, 0x4010, "garbage", NULL, 0);
	check(dump, 0x3000, NULL, NULL, 0);
	check(dump, UINT64_MAX - 2, NULL, NULL, 0);
	jit_dump_free(dump);
}

static void test_header(void **state)
{
	struct jit_dump *dump = jit_dump_new();
	struct dump_file file;
	uint64_t needed;

	(void)state;
	dump_header(&file);
	assert_int_equal(jit_dump_parse(dump, file.bytes, 39, &needed), 0);
	file.bytes[0] ^= 1;
	assert_int_equal(jit_dump_parse(dump, file.bytes, file.size, &needed), -EINVAL);
	dump_header(&file);
	file.bytes[12] = EM_S390;
	assert_int_equal(jit_dump_parse(dump, file.bytes, file.size, &needed), -EINVAL);
	dump_header(&file);
	dump_number(&file, 0, 4);
	dump_number(&file, 15, 4); /* a record shorter than its header */
	dump_number(&file, 0, 8);
	assert_int_equal(jit_dump_parse(dump, file.bytes, file.size, &needed), -EINVAL);
	jit_dump_free(dump);
}

static uint64_t next_random(uint64_t *state)
{
	return hash_mix(*state += 0x9e3779b97f4a7c15ULL);
}

/* Random loads and moves, in random parts, against a map that says for each byte what it is. */
static void test_model(void **state)
{
	enum { GROUND = 512, ROUNDS = 400 };
	static uint32_t start_of[ROUNDS * 20], end_of[ROUNDS * 20];
	struct jit_dump *dump = jit_dump_new();
	uint64_t random = 3, needed, nr = 0, i, k, j;
	struct dump_file file;

	(void)state;
	dump_header(&file);
	parse_all(dump, &file);
	for (i = 0; i < ROUNDS; i++) {
		file.size = 0;
		for (k = next_random(&random) % 20; k; k--, nr++) {
			uint32_t start = next_random(&random) % (GROUND - 40);
			uint32_t end = start + 1 + next_random(&random) % 39;
			char name[16];

			snprintf(name, sizeof(name), "%lu", (unsigned long)nr);
			dump_load(&file, 0x1000 + start, end - start, name);
			for (j = 0; j < nr; j++) {
				if (start_of[j] < end && start < end_of[j])
					end_of[j] = start_of[j] = 0;
			}
			start_of[nr] = start;
			end_of[nr] = end;
		}
		for (j = 0; j < file.size;) {
			uint64_t part = 1 + next_random(&random) % (file.size - j);
			ssize_t used = jit_dump_parse(dump, file.bytes + j, part, &needed);

			assert_true(used >= 0 && (uint64_t)used <= part);
			j += (uint64_t)used;
		}
		for (j = 0; j < GROUND; j++) {
			struct jit_code code;
			bool known = false;

			for (k = 0; k < nr && !known; k++)
				known = start_of[k] <= j && j < end_of[k];
			assert_int_equal(jit_dump_find(dump, 0x1000 + j, &code), known);
			if (known)
				assert_int_equal(strtoull(code.name, NULL, 10), k - 1);
		}
	}
	jit_dump_free(dump);
}

/* A process that maps its file as perf wants it, and runs code of no file. */
static void map_dump(int to_test, void *data)
{
	struct dump_file *file = data;
	uint64_t base;
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/jit-%d.dump", work_folder, (int)getpid());
	base = (uintptr_t)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			       0);
	dump_load(file, base + 0x10, 0x10, "compiled");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (write(fd, file->bytes, file->size) != (ssize_t)file->size ||
	    mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ||
	    write(to_test, &base, sizeof(base)) < 0)
		_exit(1);
}

static void append(pid_t pid, const void *bytes, size_t size)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "jit-%d.dump", (int)pid);
	fd = open(in_folder(name), O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

static const char *name_of(struct symbolizer *symbolizer, struct modules *modules, pid_t pid,
			   uint64_t address, bool *ret_jit)
{
	const struct symbol *symbols;
	struct place place;

	assert_true(modules_place(modules, SPACE, address, &place));
	assert_int_equal(symbolizer_name(symbolizer, &place, false, pid, &symbols), 1);
	*ret_jit = symbols->jit;
	return symbols->function ? symbols->function : "(none)";
}

static void test_process(void **state)
{
	enum { LARGE = 3 << 20 };
	struct modules *modules = modules_new();
	struct symbolizer *symbolizer = symbolizer_new(modules, NULL);
	static struct dump_file file;
	struct still_process process;
	uint8_t *large = calloc(1, LARGE);
	uint64_t base;
	bool jit;

	(void)state;
	dump_header(&file);
	process = start_still(map_dump, &file);
	read_words(&process, &base, 1);
	assert_int_equal(modules_refresh(modules, SPACE, process.pid), 0);
	assert_string_equal(name_of(symbolizer, modules, process.pid, base + 0x18, &jit),
			    "compiled");
	assert_true(jit);
	assert_string_equal(name_of(symbolizer, modules, process.pid, base + 0x20, &jit), "(none)");
	assert_false(jit);
	/* compiled since, half of it written; before it a record longer than what is read at once
	 */
	file.size = 0;
	dump_load(&file, base + 0x20, 0x10, "later");
	memcpy(large, "\3\0\0\0", 4);
	memcpy(large + 4, &(uint32_t){ LARGE }, 4);
	append(process.pid, large, LARGE);
	append(process.pid, file.bytes, file.size - 5);
	usleep(30000);
	assert_string_equal(name_of(symbolizer, modules, process.pid, base + 0x28, &jit), "(none)");
	append(process.pid, file.bytes + file.size - 5, 5);
	usleep(30000);
	assert_string_equal(name_of(symbolizer, modules, process.pid, base + 0x28, &jit), "later");
	end_still(&process);
	free(large);
	symbolizer_free(symbolizer);
	modules_free(modules);
}

static const char NODE_SOURCE[] =
	"function leafy(n) {\n  const a = [];\n  for (let i = 0; i < n; i++)\n"
	"    a.push({ x: i, s: 'v' + i });\n  return a.length;\n}\n"
	"function driver(k) {\n  let t = 0;\n  for (let i = 0; i < k; i++)\n"
	"    t += leafy(i % 50);\n  return t;\n}\ndriver(200000);\ndriver(200000);\n"
	"const fs = require('fs');\nconst b = Buffer.alloc(8);\nfs.writeSync(1, b);\n"
	"while (fs.readSync(0, b) > 0) ;\n";

static void exec_node(int to_test, void *data)
{
	(void)data;
	dup2(to_test, 1);
	if (!chdir(work_folder))
		execlp("node", "node", "--perf-prof", "--perf-basic-prof", "n.js", (char *)NULL);
	_exit(127);
}

/* What node says in its perf map is in its dump, too; and a line of the right function. */
static void test_node(void **state)
{
	struct jit_dump *dump = jit_dump_new();
	struct still_process process;
	size_t lines = 0, same = 0, other = 0, nr = 0;
	char path[64], name[4096];
	uint64_t word, start, size;
	FILE *map;

	(void)state;
	if (!have_command("node")) {
		print_message("skipped: no node\n");
		jit_dump_free(dump);
		skip();
	}
	write_source("n.js", NODE_SOURCE);
	process = start_still(exec_node, NULL);
	read_words(&process, &word, 1);
	assert_int_equal(jit_dump_update(dump, process.pid, true), 0);
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)process.pid);
	map = fopen(path, "r");
	assert_non_null(map);
	while (fscanf(map, "%lx %lx %4095[^\n]", &start, &size, name) == 3) {
		struct jit_code code;

		nr++;
		if (!jit_dump_find(dump, start, &code))
			continue;
		same += !strcmp(code.name, name);
		other += strcmp(code.name, name) != 0;
		if (strstr(name, "JS:*") && strstr(name, "/n.js:") &&
		    jit_dump_find(dump, start + size / 2, &code) && code.file &&
		    strstr(code.file, "/n.js"))
			lines += code.line >= 1 && code.line <= 12;
	}
	fclose(map);
	unlink(path);
	/* the map has code that was replaced since, and code that is not in the dump */
	assert_true(nr > 100 && same * 100 >= nr * 85 && other * 100 <= nr * 2);
	assert_true(lines > 0);
	end_still(&process);
	jit_dump_free(dump);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load),	cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_lines),	cmocka_unit_test(test_damaged_lines),
		cmocka_unit_test(test_header),	cmocka_unit_test(test_model),
		cmocka_unit_test(test_process), cmocka_unit_test(test_node),
	};

	return cmocka_run_group_tests(tests, make_work_folder, remove_work_folder);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tables on disk: kept, found again, damaged, removed to make room, shared by processes. */
#include "stack_program.h"

#include <dirent.h>
#include <time.h>

#include "base/cleanup.h"
#include "cfi_file.h"
#include "stack/table_cache.h"

static struct unwind_table *make_table(uint8_t offset)
{
	const uint8_t program[] = { 0x41, 0x0e, offset, 0x48, 0x0c, 6, offset };
	struct unwind_table *table = NULL;
	static struct cfi_file file;

	memset(&file, 0, sizeof(file));
	memset(file.text, 0xe8, sizeof(file.text));
	cfi_fde(&file, cfi_usual_cie(&file), 0x100, 0x1800, program, sizeof(program));
	cfi_finish(&file);
	assert_int_equal(unwind_table_build_memory(file.bytes, file.size, NULL, &table), 0);
	return table;
}

static struct table_key make_key(uint8_t number)
{
	return (struct table_key){ .build_id = { 0xab, number },
				   .build_id_length = 20,
				   .identity = 7 };
}

static struct table_cache *open_cache(const char *name, uint64_t max_bytes)
{
	const struct table_cache_options options = { .directory = in_folder(name),
						     .max_bytes = max_bytes };
	struct table_cache *cache = NULL;

	assert_int_equal(table_cache_open(&options, &cache), 0);
	return cache;
}

static void put(struct table_cache *cache, uint8_t number)
{
	struct unwind_table *table = make_table(number);
	struct table_key key = make_key(number);

	assert_int_equal(table_cache_put(cache, &key, table), 0);
	unwind_table_free(table);
}

/* Is it there, and the right one? */
static bool get(struct table_cache *cache, uint8_t number)
{
	struct table_key key = make_key(number);
	struct unwind_table *table = NULL;
	int err = table_cache_get(cache, &key, &table);

	if (err) {
		assert_int_equal(err, -ENOENT);
		assert_null(table);
		return false;
	}
	assert_int_equal(unwind_table_find(table, CFI_TEXT + 0x101)->cfa_offset, number);
	assert_int_equal(unwind_table_find(table, CFI_TEXT + 0x1800)->cfa, SEEP_CFA_FP);
	unwind_table_free(table);
	return true;
}

/* Number of files in a folder; the last one's path in it. */
static size_t list(const char *name, char *ret_path, size_t size)
{
	DIR *folder = opendir(in_folder(name));
	struct dirent *entry;
	size_t nr = 0;

	assert_non_null(folder);
	while ((entry = readdir(folder))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (ret_path)
			snprintf(ret_path, size, "%s/%s", in_folder(name), entry->d_name);
		nr++;
	}
	closedir(folder);
	return nr;
}

static void test_kept(void **state)
{
	struct table_cache *cache = open_cache("kept", 0);
	struct table_key other = make_key(16);
	struct unwind_table *table;
	struct stat status;

	(void)state;
	assert_false(get(cache, 16));
	put(cache, 16);
	assert_true(get(cache, 16));
	assert_int_equal(table_cache_stats(cache).hits, 1);
	assert_int_equal(table_cache_stats(cache).misses, 1);
	assert_int_equal(table_cache_stats(cache).stored, 1);
	/* another file of the same build id, and the full table, are others */
	other.identity++;
	assert_int_equal(table_cache_get(cache, &other, &table), -ENOENT);
	other.identity--;
	other.full = true;
	assert_int_equal(table_cache_get(cache, &other, &table), -ENOENT);
	table_cache_free(cache);
	cache = open_cache("kept/", 0);
	assert_true(get(cache, 16));
	table_cache_free(cache);
	assert_int_equal(stat(in_folder("kept"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
}

/* Any byte changed, any length cut: as if it was not there, and put again. */
static void test_damaged(void **state)
{
	struct table_cache *cache = open_cache("damaged", 0);
	char path[4096], *bytes;
	struct stat status;
	int fd;

	(void)state;
	put(cache, 16);
	assert_int_equal(list("damaged", path, sizeof(path)), 1);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0 && fstat(fd, &status) == 0);
	bytes = malloc((size_t)status.st_size);
	assert_int_equal(read(fd, bytes, (size_t)status.st_size), status.st_size);
	for (off_t i = 0; i < status.st_size; i++) {
		char changed = bytes[i] ^ 0x10;

		assert_int_equal(pwrite(fd, &changed, 1, i), 1);
		assert_false(get(cache, 16));
		assert_int_equal(pwrite(fd, &bytes[i], 1, i), 1);
	}
	assert_true(get(cache, 16));
	for (off_t length = 0; length < status.st_size; length += 7) {
		assert_int_equal(ftruncate(fd, length), 0);
		assert_false(get(cache, 16));
	}
	assert_true(table_cache_stats(cache).rejected > (uint64_t)status.st_size);
	put(cache, 16);
	assert_true(get(cache, 16));
	close(fd);
	free(bytes);
	table_cache_free(cache);
}

/* With the checksum right, what is out of bounds is still found. */
static void test_bounds(void **state)
{
	struct unwind_table *table = make_table(16), *copy = NULL;
	struct unwind_table_view view = unwind_table_view(table);
	struct table_key key = make_key(16);
	size_t size, pages, rows, rules;
	uint8_t *bytes;

	(void)state;
	assert_int_equal(table_file_encode(table, &key, (void **)&bytes, &size), 0);
	rules = size - view.nr_rules * sizeof(*view.rules);
	rows = rules - view.nr_rows * sizeof(*view.rows);
	pages = rows - view.nr_pages * sizeof(*view.pages);
	const struct {
		size_t place;
		uint8_t value;
	} changes[] = {
		{ pages, 1 }, /* first row of the first page */
		{ pages + 4, 1 }, /* its number of rows */
		{ pages + 6, 1 }, /* reserved */
		{ rows, 99 }, /* rule of the first row */
		{ rows + 2, 1 }, /* its offset */
		{ rows + view.pages[0].nr_rows * 4 - 1, 0x10 }, /* an offset beyond the page */
		{ rules, SEEP_CFA_SP }, /* rule 0 */
		{ rules + 2 * 16, SEEP_CFA_COUNT },
		{ rules + 2 * 16 + 1, SEEP_WHERE_COUNT },
		{ rules + 2 * 16 + 2, SEEP_WHERE_FP },
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		uint8_t before = bytes[changes[i].place];

		assert_int_not_equal(before, changes[i].value);
		bytes[changes[i].place] = changes[i].value;
		table_file_seal(bytes, size);
		if (table_file_decode(bytes, size, &key, &copy) != -EINVAL)
			fail_msg("change %zu was accepted", i);
		bytes[changes[i].place] = before;
	}
	table_file_seal(bytes, size);
	assert_int_equal(table_file_decode(bytes, size, &key, &copy), 0);
	unwind_table_free(copy);
	unwind_table_free(table);
	free(bytes);
}

static void check_refused(const void *bytes, size_t size, const struct table_key *key)
{
	struct unwind_table *copy = NULL;

	assert_int_equal(table_file_decode(bytes, size, key, &copy), -EINVAL);
	assert_null(copy);
}

/* Another key than the file was written for; a row that no page has. */
static void test_other_contents(void **state)
{
	struct table_key key = make_key(16), other = key;
	struct unwind_table *table = make_table(16);
	struct unwind_table_view view = unwind_table_view(table);
	uint32_t *rows = calloc(view.nr_rows + 1, sizeof(*rows));
	size_t size;
	void *bytes;

	(void)state;
	assert_int_equal(table_file_encode(table, &key, &bytes, &size), 0);
	other.identity++;
	check_refused(bytes, size, &other);
	other = make_key(17);
	check_refused(bytes, size, &other);
	other = key;
	other.build_id_length--;
	check_refused(bytes, size, &other);
	other = key;
	other.full = true;
	check_refused(bytes, size, &other);
	free(bytes);

	view.pages = memcpy(malloc(view.nr_pages * sizeof(*view.pages)), view.pages,
			    view.nr_pages * sizeof(*view.pages));
	view.rules = memcpy(malloc(view.nr_rules * sizeof(*view.rules)), view.rules,
			    view.nr_rules * sizeof(*view.rules));
	memcpy(rows, view.rows, view.nr_rows * sizeof(*rows));
	view.rows = rows;
	view.nr_rows++;
	unwind_table_free(table);
	assert_int_equal(unwind_table_adopt(&view, &table), 0);
	assert_int_equal(table_file_encode(table, &key, &bytes, &size), 0);
	check_refused(bytes, size, &key);
	free(bytes);
	unwind_table_free(table);
}

/* A file's last use, in the past. */
static void set_age(const char *folder, uint8_t number, time_t seconds)
{
	const struct timespec times[2] = { { .tv_sec = time(NULL) - seconds },
					   { .tv_sec = time(NULL) - seconds } };
	char path[4096];

	snprintf(path, sizeof(path), "%s/ab%02x%036d-%016d-c.unwind", in_folder(folder), number, 0,
		 7);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_room(void **state)
{
	struct unwind_table *table = make_table(1);
	struct table_key key = make_key(1);
	struct table_cache *cache;
	uint64_t total = 0;
	size_t size, nr;
	void *bytes;

	(void)state;
	assert_int_equal(table_file_encode(table, &key, &bytes, &size), 0);
	cache = open_cache("room", 8 * size);
	for (uint8_t i = 1; i <= 8; i++) {
		put(cache, i);
		set_age("room", i, 100 - i);
	}
	assert_int_equal(list("room", NULL, 0), 8);
	/* the first is used again, so that the second is the oldest */
	assert_true(get(cache, 1));
	put(cache, 9);
	assert_false(get(cache, 2));
	assert_true(get(cache, 1));
	assert_true(get(cache, 9));
	assert_true(get(cache, 8));
	for (int round = 0; round < 40; round++) {
		put(cache, (uint8_t)(10 + round));
		nr = list("room", NULL, 0);
		total = nr * size;
		assert_true(total <= 8 * size);
		assert_true(nr >= 5);
	}
	assert_true(table_cache_stats(cache).evicted >= 40);
	table_cache_free(cache);
	/* what does not fit at all is not kept, and costs nothing else */
	cache = open_cache("small", size - 1);
	assert_int_equal(table_cache_put(cache, &key, table), -EFBIG);
	assert_int_equal(table_cache_stats(cache).not_stored, 1);
	assert_int_equal(list("small", NULL, 0), 0);
	table_cache_free(cache);
	/* a smaller bound is kept from the start on */
	cache = open_cache("room", 2 * size);
	assert_true(list("room", NULL, 0) <= 2);
	table_cache_free(cache);
	unwind_table_free(table);
	free(bytes);
}

static int try_open(const char *path)
{
	const struct table_cache_options options = { .directory = path };
	struct table_cache *cache = NULL;
	int err = table_cache_open(&options, &cache);

	table_cache_free(cache);
	return err;
}

static void test_hostile_folders(void **state)
{
	(void)state;
	run_command("mkdir -m 700 real; ln -s real link; touch file; mkdir -m 777 open; chmod 777 "
		    "open; "
		    "mkdir -m 755 seen");
	assert_int_equal(try_open(in_folder("real")), 0);
	assert_int_equal(try_open(in_folder("link")), -ENOTDIR);
	assert_int_equal(try_open(in_folder("file")), -ENOTDIR);
	assert_int_equal(try_open(in_folder("open")), -EPERM);
	assert_int_equal(try_open(in_folder("missing/one")), -ENOENT);
	assert_int_equal(try_open(in_folder("seen")), 0);
	run_command("test $(stat -c %%a seen) = 700");
	if (geteuid() == 0) {
		run_command("mkdir -m 700 theirs; chown 12345 theirs");
		assert_int_equal(try_open(in_folder("theirs")), -EPERM);
	}
}

/* Links, pipes and others' files in place of a table are no tables. */
static void test_hostile_files(void **state)
{
	struct table_cache *cache = open_cache("files", 0);
	char path[4096];

	(void)state;
	put(cache, 16);
	assert_int_equal(list("files", path, sizeof(path)), 1);
	run_command("mv %s elsewhere && ln -s $PWD/elsewhere %s", path, path);
	assert_false(get(cache, 16));
	run_command("rm %s && mkfifo %s", path, path);
	assert_false(get(cache, 16));
	run_command("rm %s && mkdir %s", path, path);
	assert_false(get(cache, 16));
	run_command("rmdir %s && cp elsewhere %s", path, path);
	assert_true(get(cache, 16));
	if (geteuid() == 0) {
		run_command("chown 12345 %s", path);
		assert_false(get(cache, 16));
	}
	/* a link is replaced, and what it leads to stays as it was */
	run_command("rm %s && echo untouched >elsewhere && ln -s $PWD/elsewhere %s", path, path);
	put(cache, 16);
	assert_true(get(cache, 16));
	run_command("grep -q untouched elsewhere");
	table_cache_free(cache);
}

static void test_dead_writers(void **state)
{
	(void)state;
	run_command("mkdir -m 700 dead; touch dead/.1-1-1.part; touch -d '2 hours ago' "
		    "dead/.2-2-2.part; "
		    "touch -d '2 years ago' dead/notes");
	table_cache_free(open_cache("dead", 0));
	run_command("test -e dead/.1-1-1.part -a ! -e dead/.2-2-2.part -a -e dead/notes");
}

/* Writers and readers at once, and too little room for all. */
static void one_of_many(uint32_t seed)
{
	struct table_cache *cache = open_cache("many", 6000);

	for (int round = 0; round < 300; round++) {
		seed = seed * 1664525 + 1013904223;
		uint8_t number = 1 + (seed >> 24) % 12;

		if (!get(cache, number))
			put(cache, number);
	}
	/* nobody ever saw half a table */
	if (table_cache_stats(cache).rejected)
		_exit(1);
	table_cache_free(cache);
}

static void test_many_processes(void **state)
{
	pid_t children[4];

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (!children[i]) {
			one_of_many(i);
			_exit(0);
		}
	}
	for (size_t i = 0; i < 4; i++) {
		int status;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	run_command("! ls many/.*.part 2>/dev/null | grep part");
}

static struct unwind_table *build(struct table_cache *cache, const char *name)
{
	struct unwind_table *table = NULL;
	int fd = open(in_folder(name), O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(table_cache_build(cache, fd, NULL, &table), 0);
	close(fd);
	return table;
}

static void test_build(void **state)
{
	struct table_cache *cache = open_cache("build", 0);
	struct unwind_table *table;
	uint32_t nr_rows;

	(void)state;
	write_source("a.c", "#include <stdio.h>\nint main(void) { return puts(\"a\") < 0; }\n");
	run_command(
		"cc -O2 -Wl,--build-id=0x0102030405060708 -o a a.c && "
		"cc -O0 -fno-omit-frame-pointer -Wl,--build-id=0x0102030405060708 -o lying a.c && "
		"cc -O2 -Wl,--build-id=none -o nameless a.c");
	table = build(cache, "a");
	nr_rows = unwind_table_view(table).nr_rows;
	unwind_table_free(table);
	table = build(cache, "a");
	assert_int_equal(unwind_table_view(table).nr_rows, nr_rows);
	assert_true(unwind_table_view(table).stats.functions > 0);
	unwind_table_free(table);
	assert_int_equal(table_cache_stats(cache).hits, 1);
	assert_int_equal(table_cache_stats(cache).stored, 1);
	/* the same build id on another program does not give it the first one's table */
	unwind_table_free(build(cache, "lying"));
	assert_int_equal(table_cache_stats(cache).hits, 1);
	assert_int_equal(table_cache_stats(cache).stored, 2);
	unwind_table_free(build(cache, "nameless"));
	assert_int_equal(table_cache_stats(cache).stored, 2);
	/* no right to write, no cache: the table is built all the same */
	unwind_table_free(build(NULL, "a"));
	run_command("rm -r build");
	unwind_table_free(build(cache, "a"));
	assert_int_equal(table_cache_stats(cache).not_stored, 1);
	table_cache_free(cache);
}

static void test_default_folder(void **state)
{
	struct table_cache *cache = NULL;

	(void)state;
	setenv("XDG_CACHE_HOME", in_folder("xdg"), 1);
	assert_int_equal(table_cache_open(NULL, &cache), 0);
	put(cache, 16);
	table_cache_free(cache);
	unsetenv("XDG_CACHE_HOME");
	assert_int_equal(list("xdg/seep/unwind", NULL, 0), 1);
	run_command("test $(stat -c %%a xdg/seep) = 700 -a $(stat -c %%a xdg/seep/unwind) = 700");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept),	       cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_bounds),	       cmocka_unit_test(test_other_contents),
		cmocka_unit_test(test_room),	       cmocka_unit_test(test_hostile_folders),
		cmocka_unit_test(test_hostile_files),  cmocka_unit_test(test_dead_writers),
		cmocka_unit_test(test_many_processes), cmocka_unit_test(test_build),
		cmocka_unit_test(test_default_folder),
	};

	return cmocka_run_group_tests(tests, make_work_folder, remove_work_folder);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which file an address is in, through all that can happen to the file meanwhile. */
#include "stack_program.h"

#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "stack/elf_image.h"
#include "stack/modules.h"

enum { SPACE = 1, CHILD_SPACE = 2, PAGE = 4096 };

static const char PROGRAM[] =
	"__attribute__((noinline)) int first(int x) { return x * 3 + 1; }\n"
	"__attribute__((noinline)) int second(int x) { return x * 5 + 2; }\n" PROGRAM_WAITS(
		"(void *)first, (void *)second");

static struct place place_of(const struct modules *modules, uint32_t space, uint64_t address)
{
	struct place place;

	assert_true(modules_place(modules, space, address, &place));
	assert_int_equal(place.address, address);
	return place;
}

/* Each function's place has the address that nm tells. */
static void check_layout(const char *options)
{
	struct modules *modules = modules_new();
	struct still_process process;
	uint64_t functions[2];
	struct place place;

	write_source("layout.c", PROGRAM);
	run_command("cc -O1 %s -o layout layout.c", options);
	process = start_program(in_folder("layout"));
	read_words(&process, functions, 2);
	assert_int_equal(modules_refresh(modules, SPACE, process.pid), 0);
	place = place_of(modules, SPACE, functions[0]);
	assert_int_equal(place.offset, symbol_value("layout", "first"));
	assert_string_equal(modules_info(modules, place.module).path, in_folder("layout"));
	assert_false(modules_info(modules, place.module).deleted);
	place = place_of(modules, SPACE, functions[1]);
	assert_int_equal(place.offset, symbol_value("layout", "second"));
	end_still(&process);
	modules_free(modules);
}

static void test_layouts(void **state)
{
	(void)state;
	check_layout("-pie -fPIE");
	check_layout("-no-pie");
	check_layout("-static");
	/* code and read-only data share file pages, which are mapped twice */
	check_layout("-pie -fPIE -Wl,-z,noseparate-code");
	check_layout("-pie -fPIE -Wl,-z,max-page-size=0x10000");
	check_layout("-no-pie -Wl,-Ttext-segment=0x10000000");
}

/*
 * As lld lays files out: segments meet within a page, which is therefore mapped twice, and
 * the address depends on which of the two a mapping is.
 */
static void test_shared_pages(void **state)
{
	struct image_segment segments[] = {
		{ 0, 0x1234, 0, false },
		{ 0x1234, 0x3000, 0x2234, true },
		{ 0x4234, 0x500, 0x6234, false },
	};
	const struct image image = { .segments = segments, .nr_segments = 3 };
	uint64_t address = 1;

	(void)state;
	assert_true(image_address(&image, 0, 0x2000, false, &address));
	assert_int_equal(address, 0);
	assert_true(image_address(&image, 0x1000, 0x4000, true, &address));
	assert_int_equal(address, 0x2000);
	assert_true(image_address(&image, 0x2000, 0x1000, true, &address));
	assert_int_equal(address, 0x3000);
	assert_true(image_address(&image, 0x4000, 0x1000, false, &address));
	assert_int_equal(address, 0x6000);
	/* a page that was made executable by itself keeps the segment that it is of */
	assert_true(image_address(&image, 0, 0x1000, true, &address));
	assert_int_equal(address, 0);
	/* one segment in two mappings of different rights */
	assert_true(image_address(&image, 0x1000, 0x1000, false, &address));
	assert_int_equal(address, 0x1000);
	address = 7;
	assert_false(image_address(&image, 0x5000, 0x1000, true, &address));
	assert_int_equal(address, 7);
}

static void test_build_id(void **state)
{
	struct modules *modules = modules_new();
	struct still_process process;
	uint64_t functions[2];
	struct place place;

	(void)state;
	write_source("id.c", PROGRAM);
	run_command("cc -Wl,--build-id=0x00ff10cdeadbeef0 -o id id.c");
	process = start_program(in_folder("id"));
	read_words(&process, functions, 2);
	assert_int_equal(modules_refresh(modules, SPACE, process.pid), 0);
	place = place_of(modules, SPACE, functions[0]);
	assert_string_equal(modules_info(modules, place.module).build_id, "00ff10cdeadbeef0");
	end_still(&process);

	/* without section headers it is found through the program headers */
	run_command("cp id id2 && printf '\\0\\0\\0\\0\\0\\0\\0\\0' | "
		    "dd of=id2 bs=1 seek=40 conv=notrunc && printf '\\0\\0\\0\\0' | "
		    "dd of=id2 bs=1 seek=60 conv=notrunc");
	process = start_program(in_folder("id2"));
	read_words(&process, functions, 2);
	assert_int_equal(modules_refresh(modules, SPACE, process.pid), 0);
	place = place_of(modules, SPACE, functions[0]);
	assert_string_equal(modules_info(modules, place.module).build_id, "00ff10cdeadbeef0");
	end_still(&process);

	run_command("cc -Wl,--build-id=none -o id3 id.c");
	process = start_program(in_folder("id3"));
	read_words(&process, functions, 2);
	assert_int_equal(modules_refresh(modules, SPACE, process.pid), 0);
	place = place_of(modules, SPACE, functions[0]);
	assert_null(modules_info(modules, place.module).build_id);
	end_still(&process);
	modules_free(modules);
}

static bool same_bytes(int fd, const char *path)
{
	char ours[256], theirs[256];
	FILE *file = fopen(path, "r");
	bool same;

	assert_non_null(file);
	assert_int_equal(fread(theirs, 1, sizeof(theirs), file), sizeof(theirs));
	assert_int_equal(pread(fd, ours, sizeof(ours), 0), sizeof(ours));
	same = !memcmp(ours, theirs, sizeof(ours));
	fclose(file);
	return same;
}

/* The file is replaced while it runs: the process has the old one, and so have we. */
static void test_replaced(void **state)
{
	struct modules *modules = modules_new();
	struct still_process process;
	uint64_t functions[2];
	struct place before, after;
	int fd;

	(void)state;
	write_source("service.c", PROGRAM);
	run_command("cc -Wl,--build-id=0x0101010101010101 -o service service.c && cp service kept");
	process = start_program(in_folder("service"));
	read_words(&process, functions, 2);
	assert_int_equal(modules_refresh(modules, SPACE, process.pid), 0);
	before = place_of(modules, SPACE, functions[0]);

	run_command("cc -O3 -DNEW -Wl,--build-id=0x0202020202020202 -o new service.c && mv new "
		    "service");
	assert_int_equal(modules_refresh(modules, SPACE, process.pid), 0);
	after = place_of(modules, SPACE, functions[0]);
	assert_int_equal(before.module, after.module);
	assert_int_equal(before.offset, after.offset);
	assert_true(modules_info(modules, after.module).deleted);
	assert_string_equal(modules_info(modules, after.module).path, in_folder("service"));
	assert_string_equal(modules_info(modules, after.module).build_id, "0101010101010101");
	end_still(&process);

	fd = modules_open(modules, after.module);
	assert_true(fd >= 0);
	assert_true(same_bytes(fd, in_folder("kept")));
	close(fd);

	/* the new file is another module */
	process = start_program(in_folder("service"));
	read_words(&process, functions, 2);
	assert_int_equal(modules_refresh(modules, SPACE, process.pid), 0);
	after = place_of(modules, SPACE, functions[0]);
	assert_int_not_equal(before.module, after.module);
	assert_false(modules_info(modules, after.module).deleted);
	assert_string_equal(modules_info(modules, after.module).build_id, "0202020202020202");
	end_still(&process);
	modules_free(modules);
}

/* A file first seen when it was gone already is still opened, through the process. */
static void test_seen_deleted(void **state)
{
	struct modules *modules = modules_new();
	struct still_process process;
	uint64_t functions[2];
	struct place place;
	int fd;

	(void)state;
	write_source("gone.c", PROGRAM);
	run_command("cc -o gone gone.c && cp gone gone.kept");
	process = start_program(in_folder("gone"));
	read_words(&process, functions, 2);
	run_command("rm gone");
	assert_int_equal(modules_refresh(modules, SPACE, process.pid), 0);
	place = place_of(modules, SPACE, functions[1]);
	assert_true(modules_info(modules, place.module).deleted);
	fd = modules_open(modules, place.module);
	if (fd < 0)
		print_message("to open a deleted file needs CAP_CHECKPOINT_RESTORE here\n");
	else
		assert_int_equal(place.offset, symbol_value("gone.kept", "second"));
	if (fd >= 0)
		close(fd);
	end_still(&process);
	modules_free(modules);
}

struct mapped_file {
	int fd;
	uint64_t offsets[3];
};

/* Maps single pages of a file, at several offsets, executable. */
static void map_pages(int to_test, void *data)
{
	const struct mapped_file *file = data;
	uint64_t addresses[3];
	size_t i;

	for (i = 0; i < 3; i++)
		addresses[i] = (uintptr_t)mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE,
					       file->fd, (off_t)file->offsets[i]);
	if (write(to_test, addresses, sizeof(addresses)) < 0)
		_exit(1);
}

static void make_big_code(void)
{
	write_source("big.S", ".text\n.globl start_of_code\nstart_of_code:\n"
			      ".space 65536, 0x90\n.section .note.GNU-stack,\"\"\n");
	run_command("cc -shared -nostdlib -o big.so big.S");
}

/* File offset of the code's second page, and its ELF address. */
static void find_code(uint64_t *ret_offset, uint64_t *ret_address)
{
	char *text =
		output_of("readelf -lW big.so | awk '$1 == \"LOAD\" && / E / { print $2, $3 }'");
	char *rest;

	*ret_offset = strtoull(text, &rest, 16);
	*ret_address = strtoull(rest, NULL, 16);
	assert_true(*ret_address);
	free(text);
}

static void test_several_offsets(void **state)
{
	struct modules *modules = modules_new();
	uint64_t addresses[3], offset, address, page;
	struct mapped_file file;
	struct still_process process;
	struct place places[3];
	size_t i;

	(void)state;
	make_big_code();
	find_code(&offset, &address);
	page = offset / PAGE * PAGE;
	file = (struct mapped_file){ open(in_folder("big.so"), O_RDONLY | O_CLOEXEC),
				     { page + 5 * PAGE, page + 2 * PAGE, page + 5 * PAGE } };
	process = start_still(map_pages, &file);
	read_words(&process, addresses, 3);
	assert_int_equal(modules_refresh(modules, SPACE, process.pid), 0);
	for (i = 0; i < 3; i++) {
		places[i] = place_of(modules, SPACE, addresses[i] + 17);
		assert_int_equal(places[i].module, places[0].module);
		assert_int_equal(places[i].offset, file.offsets[i] + 17 - offset + address);
	}
	end_still(&process);
	close(file.fd);
	modules_free(modules);
}

/* A memfd: many have one name, all are "deleted", and none has a path to open. */
static void test_memfd(void **state)
{
	struct modules *modules = modules_new();
	uint64_t addresses[3], offset, address;
	struct mapped_file file = { .fd = memfd_create("jitted", MFD_CLOEXEC) };
	struct still_process process;
	struct place place;
	char bytes[1 << 17];
	size_t size, i;
	FILE *elf;
	int fd;

	(void)state;
	make_big_code();
	find_code(&offset, &address);
	elf = fopen(in_folder("big.so"), "r");
	assert_non_null(elf);
	size = fread(bytes, 1, sizeof(bytes), elf);
	fclose(elf);
	assert_int_equal(write(file.fd, bytes, size), size);
	for (i = 0; i < 3; i++)
		file.offsets[i] = (offset / PAGE + i) * PAGE;
	process = start_still(map_pages, &file);
	read_words(&process, addresses, 3);
	close(file.fd);
	assert_int_equal(modules_refresh(modules, SPACE, process.pid), 0);
	place = place_of(modules, SPACE, addresses[1] + 3);
	assert_int_equal(place.offset, file.offsets[1] + 3 - offset + address);
	assert_string_equal(modules_info(modules, place.module).path, "/memfd:jitted");
	assert_false(modules_info(modules, place.module).deleted);
	end_still(&process);
	/* where the file could be opened at all, it can after the process has ended */
	fd = modules_open(modules, place.module);
	if (fd >= 0) {
		assert_int_equal(pread(fd, bytes, 4, 0), 4);
		assert_memory_equal(bytes, "\177ELF", 4);
		close(fd);
	} else {
		assert_int_not_equal(geteuid(), 0);
	}
	modules_free(modules);
}

/* One page of code, a hole, a page of code without file, a page of data. */
static void map_memory(int to_test, void *data)
{
	uint64_t addresses[3];
	char *base = mmap(NULL, 5 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)data;
	munmap(base + PAGE, PAGE);
	mprotect(base + 2 * PAGE, PAGE, PROT_READ | PROT_EXEC);
	mprotect(base + 3 * PAGE, PAGE, PROT_READ | PROT_WRITE);
	addresses[0] = (uintptr_t)base + PAGE;
	addresses[1] = (uintptr_t)base + 2 * PAGE;
	addresses[2] = (uintptr_t)base + 3 * PAGE;
	if (write(to_test, addresses, sizeof(addresses)) < 0)
		_exit(1);
}

static void test_memory_without_file(void **state)
{
	struct modules *modules = modules_new();
	struct still_process process;
	struct place place;
	uint64_t addresses[3];

	(void)state;
	process = start_still(map_memory, NULL);
	read_words(&process, addresses, 3);
	assert_int_equal(modules_refresh(modules, SPACE, process.pid), 0);
	/* a hole */
	assert_false(modules_place(modules, SPACE, addresses[0] + 5, &place));
	assert_int_equal(place.module, PLACE_NONE);
	assert_int_equal(place.address, addresses[0] + 5);
	/* code */
	assert_true(modules_place(modules, SPACE, addresses[1] + 5, &place));
	assert_int_equal(place.module, PLACE_NONE);
	assert_int_equal(place.offset, addresses[1] + 5);
	assert_true(modules_place(modules, SPACE, addresses[1] + PAGE - 1, &place));
	/* data is no place for code */
	assert_false(modules_place(modules, SPACE, addresses[2], &place));
	assert_false(modules_place(modules, SPACE, 0, &place));
	assert_false(modules_place(modules, SPACE, UINT64_MAX, &place));
	assert_false(modules_place(modules, SPACE + 7, addresses[1], &place));
	end_still(&process);
	modules_free(modules);
}

static void test_vdso(void **state)
{
	struct modules *modules = modules_new();
	uint64_t base = getauxval(AT_SYSINFO_EHDR);
	struct place place;
	char magic[4];
	int fd;

	(void)state;
	if (!base)
		skip();
	assert_int_equal(modules_refresh(modules, SPACE, getpid()), 0);
	place = place_of(modules, SPACE, base + 0x40);
	assert_string_equal(modules_info(modules, place.module).path, "[vdso]");
	assert_int_equal(place.offset, 0x40);
	assert_non_null(modules_info(modules, place.module).build_id);
	fd = modules_open(modules, place.module);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, magic, 4, 0), 4);
	assert_memory_equal(magic, "\177ELF", 4);
	close(fd);
	modules_free(modules);
}

static void test_spaces(void **state)
{
	struct modules *modules = modules_new();
	uint64_t here = (uintptr_t)test_spaces;
	struct place place, gone, child;

	(void)state;
	assert_int_equal(modules_fork(modules, SPACE, CHILD_SPACE), -ENOENT);
	assert_int_equal(modules_refresh(modules, SPACE, getpid()), 0);
	place = place_of(modules, SPACE, here);
	assert_int_equal(modules_fork(modules, SPACE, CHILD_SPACE), 0);
	assert_int_equal(modules_fork(modules, SPACE, CHILD_SPACE), 0);
	modules_forget(modules, SPACE);
	modules_forget(modules, SPACE);
	assert_false(modules_place(modules, SPACE, here, &gone));
	child = place_of(modules, CHILD_SPACE, here);
	assert_int_equal(child.module, place.module);
	assert_int_equal(child.offset, place.offset);
	assert_int_equal(modules_fork(modules, CHILD_SPACE, CHILD_SPACE), 0);
	modules_forget(modules, CHILD_SPACE);
	assert_false(modules_place(modules, CHILD_SPACE, here, &child));
	modules_free(modules);
}

/* What was known of a process outlives it. */
static void test_gone(void **state)
{
	struct modules *modules = modules_new();
	struct still_process process;
	uint64_t functions[2];
	struct place before, after;

	(void)state;
	write_source("short.c", PROGRAM);
	run_command("cc -o short short.c");
	process = start_program(in_folder("short"));
	read_words(&process, functions, 2);
	assert_int_equal(modules_refresh(modules, SPACE, process.pid), 0);
	before = place_of(modules, SPACE, functions[0]);
	end_still(&process);
	assert_int_equal(modules_refresh(modules, SPACE, process.pid), -ESRCH);
	after = place_of(modules, SPACE, functions[0]);
	assert_int_equal(before.module, after.module);
	assert_int_equal(before.offset, after.offset);
	assert_int_equal(modules_refresh(modules, CHILD_SPACE, process.pid), -ESRCH);
	assert_false(modules_place(modules, CHILD_SPACE, functions[0], &after));
	modules_free(modules);
}

/* Too many files: some are closed, and opened again by path if they are still the same. */
static void test_descriptors(void **state)
{
	struct modules *modules = modules_new();
	struct still_process process;
	uint64_t functions[2];
	struct place ours, theirs;
	int fd;

	(void)state;
	write_source("many.c", PROGRAM);
	run_command("cc -Wl,--build-id=0x0a0a0a0a0a0a0a0a -o many many.c && cp many many.kept");
	modules_limit(modules, 1);
	process = start_program(in_folder("many"));
	read_words(&process, functions, 2);
	assert_int_equal(modules_refresh(modules, SPACE, process.pid), 0);
	assert_int_equal(modules_descriptors(modules), 1);
	theirs = place_of(modules, SPACE, functions[0]);
	assert_int_equal(modules_refresh(modules, CHILD_SPACE, getpid()), 0);
	assert_int_equal(modules_descriptors(modules), 1);
	ours = place_of(modules, CHILD_SPACE, (uintptr_t)test_descriptors);

	fd = modules_open(modules, theirs.module);
	assert_true(fd >= 0);
	assert_true(same_bytes(fd, in_folder("many.kept")));
	close(fd);
	fd = modules_open(modules, ours.module);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(modules_descriptors(modules), 1);

	run_command("cc -Wl,--build-id=0x0b0b0b0b0b0b0b0b -o new many.c && mv new many");
	assert_int_equal(modules_open(modules, theirs.module), -ENOENT);
	end_still(&process);
	modules_free(modules);
}

static void test_no_elf(void **state)
{
	struct modules *modules = modules_new();
	struct mapped_file file;
	struct still_process process;
	struct place place;
	uint64_t addresses[3];

	(void)state;
	run_command("head -c 65536 /dev/zero >zeros");
	file = (struct mapped_file){ open(in_folder("zeros"), O_RDONLY | O_CLOEXEC),
				     { 0, 3 * PAGE, 8 * PAGE } };
	process = start_still(map_pages, &file);
	read_words(&process, addresses, 3);
	assert_int_equal(modules_refresh(modules, SPACE, process.pid), 0);
	place = place_of(modules, SPACE, addresses[1] + 9);
	assert_int_equal(place.offset, 3 * PAGE + 9);
	assert_string_equal(modules_info(modules, place.module).path, in_folder("zeros"));
	assert_int_equal(modules_open(modules, place.module), -ENOEXEC);
	assert_int_equal(modules_open(modules, 12345), -EINVAL);
	assert_string_equal(modules_info(modules, 12345).path, "");
	end_still(&process);
	close(file.fd);
	modules_free(modules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layouts),	     cmocka_unit_test(test_shared_pages),
		cmocka_unit_test(test_build_id),     cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_seen_deleted), cmocka_unit_test(test_several_offsets),
		cmocka_unit_test(test_memfd),	     cmocka_unit_test(test_memory_without_file),
		cmocka_unit_test(test_vdso),	     cmocka_unit_test(test_spaces),
		cmocka_unit_test(test_gone),	     cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_no_elf),
	};

	return cmocka_run_group_tests(tests, make_work_folder, remove_work_folder);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "proc/maps.h"

static struct maps parse(const char *text)
{
	struct maps maps;

	assert_int_equal(maps_parse(text, strlen(text), &maps), 0);
	return maps;
}

static void reads_all_fields(void **state)
{
	struct maps maps = parse("7f0012340000-7f0012350000 r-xp 0001a000 fd:1b 4294967399"
				 "                  /usr/lib/libc.so.6\n");

	assert_int_equal(maps.nr, 1);
	assert_true(maps.items[0].start == 0x7f0012340000 && maps.items[0].end == 0x7f0012350000);
	assert_true(maps.items[0].offset == 0x1a000 && maps.items[0].inode == 4294967399);
	assert_int_equal(maps.items[0].device_major, 0xfd);
	assert_int_equal(maps.items[0].device_minor, 0x1b);
	assert_true(maps.items[0].readable && maps.items[0].executable);
	assert_false(maps.items[0].writable || maps.items[0].shared || maps.items[0].deleted);
	assert_string_equal(maps.items[0].path, "/usr/lib/libc.so.6");
	maps_free(&maps);
}

static void keeps_odd_paths(void **state)
{
	struct maps maps = parse("1000-2000 rw-s 0 00:01 7   /dev/shm/a b  c\n"
				 "2000-3000 rw-p 0 00:00 0 \n"
				 "3000-4000 rw-p 0 00:00 0\n"
				 "4000-5000 rw-p 0 00:00 0 [heap]\n"
				 "5000-6000 r--p 0 08:01 8 /tmp/two\\012lines\n"
				 "6000-7000 r--p 0 08:01 9 /tmp/not\\040decoded\n"
				 "7000-8000 r--p 0 08:01 9 [anon: (deleted)");

	assert_int_equal(maps.nr, 7);
	assert_string_equal(maps.items[0].path, "/dev/shm/a b  c");
	assert_true(maps.items[0].shared);
	assert_string_equal(maps.items[1].path, "");
	assert_string_equal(maps.items[2].path, "");
	assert_string_equal(maps.items[3].path, "[heap]");
	assert_string_equal(maps.items[4].path, "/tmp/two\nlines");
	assert_string_equal(maps.items[5].path, "/tmp/not\\040decoded");
	assert_string_equal(maps.items[6].path, "[anon: (deleted)");
	assert_false(maps.items[6].deleted);
	maps_free(&maps);
}

static void cuts_deleted(void **state)
{
	struct maps maps = parse("1000-2000 r-xp 0 08:01 5 /opt/lib x.so (deleted)\n"
				 "2000-3000 r-xp 0 08:01 5 /memfd:jit (deleted)\n");

	assert_string_equal(maps.items[0].path, "/opt/lib x.so");
	assert_true(maps.items[0].deleted);
	assert_string_equal(maps.items[1].path, "/memfd:jit");
	assert_true(maps.items[1].deleted);
	maps_free(&maps);
}

static void leaves_out_what_is_no_mapping(void **state)
{
	struct maps maps = parse("\n\nnonsense\n-1000-2000 r-xp 0 08:01 5 /a\n1000 r-xp\n"
				 "2000-1000 r-xp 0 08:01 5 /backwards\n1000-2000 r-x\n"
				 "1000-2000 r-xp 0 08:01\n1000-2000 r-xp 0 08:01 x /b\n"
				 "9000-a000 r-xp 0 08:01 5 /good\n");

	assert_int_equal(maps.nr, 1);
	assert_string_equal(maps.items[0].path, "/good");
	maps_free(&maps);
	assert_int_equal(maps_parse("", 0, &maps), 0);
	assert_int_equal(maps.nr, 0);
	maps_free(&maps);
}

static void finds_by_address(void **state)
{
	struct maps maps = parse("5000-6000 r--p 0 00:00 0 c\n1000-2000 r--p 0 00:00 0 a\n"
				 "2000-3000 r--p 0 00:00 0 b\n");

	assert_null(maps_find(&maps, 0xfff));
	assert_string_equal(maps_find(&maps, 0x1000)->path, "a");
	assert_string_equal(maps_find(&maps, 0x1fff)->path, "a");
	assert_string_equal(maps_find(&maps, 0x2000)->path, "b");
	assert_null(maps_find(&maps, 0x3000));
	assert_string_equal(maps_find(&maps, 0x5fff)->path, "c");
	assert_null(maps_find(&maps, 0x6000));
	assert_null(maps_find(&maps, UINT64_MAX));
	maps_free(&maps);
}

static void reads_this_process(void **state)
{
	struct maps maps;
	const struct mapping *own;
	struct stat exe, st;
	int fd;

	assert_int_equal(maps_read(getpid(), &maps), 0);
	own = maps_find(&maps, (uintptr_t)&reads_this_process);
	assert_non_null(own);
	assert_true(own->executable);
	fd = maps_open(getpid(), own);
	assert_true(fd >= 0);
	assert_int_equal(stat("/proc/self/exe", &exe), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(exe.st_ino == st.st_ino && exe.st_dev == st.st_dev);
	close(fd);
	maps_free(&maps);
	assert_int_equal(maps_read(INT32_MAX, &maps), -ESRCH);
}

/* A file mapped, then replaced by another of the same name. */
static void opens_the_mapped_file_and_no_other(void **state)
{
	char name[] = "/tmp/seep map XXXXXX";
	int fd = mkstemp(name), opened;
	struct mapping moved;
	struct maps maps;
	const struct mapping *mapping;
	char byte = 0;
	void *at;

	assert_int_equal(write(fd, "old", 4), 4);
	at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	close(fd);
	unlink(name);
	fd = open(name, O_CREAT | O_RDWR, 0600);
	assert_int_equal(write(fd, "new", 4), 4);
	close(fd);
	assert_int_equal(maps_read(getpid(), &maps), 0);
	mapping = maps_find(&maps, (uintptr_t)at);
	assert_true(mapping->deleted);
	assert_string_equal(mapping->path, name);
	opened = maps_open(getpid(), mapping);
	if (opened >= 0) {
		assert_int_equal(read(opened, &byte, 1), 1);
		assert_int_equal(byte, 'o');
		close(opened);
	}
	/* No such range in map_files: the path is tried, and its file is not the mapped one. */
	moved = *mapping;
	moved.start += 0x1000;
	moved.end += 0x2000;
	opened = maps_open(getpid(), &moved);
	assert_int_equal(opened, -ESTALE);
	munmap(at, 4096);
	unlink(name);
	maps_free(&maps);
}

static void never_opens_a_device(void **state)
{
	struct mapping mapping = { .start = 0x1000, .end = 0x2000, .path = "/dev/zero" };
	struct stat st;

	assert_int_equal(stat("/dev/zero", &st), 0);
	mapping.inode = st.st_ino;
	mapping.device_major = st.st_dev >> 8 & 0xfff;
	mapping.device_minor = st.st_dev & 0xff;
	assert_int_equal(maps_open(getpid(), &mapping), -EINVAL);
	mapping.path = "";
	assert_int_equal(maps_open(getpid(), &mapping), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_all_fields),
		cmocka_unit_test(keeps_odd_paths),
		cmocka_unit_test(cuts_deleted),
		cmocka_unit_test(leaves_out_what_is_no_mapping),
		cmocka_unit_test(finds_by_address),
		cmocka_unit_test(reads_this_process),
		cmocka_unit_test(opens_the_mapped_file_and_no_other),
		cmocka_unit_test(never_opens_a_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layouts as data: what real builds tell of themselves is the witness of the rows. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "python/layout.h"
#include "python_told.h"

struct told {
	unsigned minor;
	uint8_t bytes[PYTHON_TOLD_BYTES];
};

static struct told told_of(unsigned minor)
{
	struct told told = { .minor = minor };

	if (minor == 13)
		memcpy(told.bytes, told_3_13, sizeof(told_3_13));
	if (minor == 14)
		memcpy(told.bytes, told_3_14, sizeof(told_3_14));
	if (minor == 15)
		memcpy(told.bytes, told_3_15, sizeof(told_3_15));
	return told;
}

static void set_word(struct told *told, size_t offset, uint64_t value)
{
	memcpy(told->bytes + offset, &value, sizeof(value));
}

static void knows_its_versions(void **state)
{
	struct python_layout layout;

	for (unsigned minor = 6; minor <= 15; minor++) {
		assert_int_equal(python_layout_of(3, minor, &layout), 0);
		assert_int_equal(layout.minor, minor);
		assert_int_equal(layout.gc_head, minor < 8 ? 32 : 16);
	}
	assert_int_equal(python_layout_of(2, 7, &layout), 0);
	layout.gc_head = 99;
	assert_int_equal(python_layout_of(3, 16, &layout), -ENOENT);
	assert_int_equal(python_layout_of(3, 5, &layout), -ENOENT);
	assert_int_equal(python_layout_of(2, 6, &layout), -ENOENT);
	assert_int_equal(python_layout_of(0, 0, &layout), -ENOENT);
	assert_int_equal(layout.gc_head, 99);
}

/* The rows were made from headers; the processes tell the same. */
static void rows_are_what_processes_tell(void **state)
{
	for (unsigned minor = 13; minor <= 15; minor++) {
		struct python_layout row, layout;
		struct told told = told_of(minor);
		struct python_told says;

		assert_int_equal(python_layout_of(3, minor, &row), 0);
		layout = row;
		assert_int_equal(python_layout_told(&layout, told.bytes, sizeof(told.bytes), &says),
				 0);
		assert_memory_equal(&layout, &row, sizeof(row));
		assert_int_equal(says.version >> 16, 0x300 | minor);
		assert_false(says.free_threaded);
	}
}

/* All but the version and the cookie may differ, and then the process is right. */
static void the_process_is_right(void **state)
{
	struct told told = told_of(14);
	struct python_layout layout;
	struct python_told says;

	python_layout_of(3, 14, &layout);
	set_word(&told, 40, 1000); /* runtime_state.interpreters_head */
	set_word(&told, 656, 300); /* gc.collecting */
	assert_int_equal(python_layout_told(&layout, told.bytes, sizeof(told.bytes), &says), 0);
	assert_int_equal(layout.runtime_interpreters, 1000);
	assert_int_equal(layout.gc_collecting, 300);
	assert_int_equal(layout.gc_garbage, 308);
}

static void says_when_it_is_free_threaded(void **state)
{
	for (unsigned minor = 13; minor <= 15; minor++) {
		struct python_layout layout, row;
		struct told told = told_of(minor);
		struct python_told says = { 0 };

		python_layout_of(3, minor, &row);
		layout = row;
		set_word(&told, 16, 1);
		/* As such builds have it: everything in an object is elsewhere. */
		set_word(&told, minor == 13 ? 360 : minor == 14 ? 408 : 472, 24);
		assert_int_equal(python_layout_told(&layout, told.bytes, sizeof(told.bytes), &says),
				 0);
		assert_true(says.free_threaded);
		assert_memory_equal(&layout, &row, sizeof(row));
	}
}

static void refuses(unsigned minor, size_t offset, uint64_t value, int expected)
{
	struct python_layout layout, row;
	struct told told = told_of(13);
	struct python_told says;

	python_layout_of(3, minor, &row);
	layout = row;
	set_word(&told, offset, value);
	assert_int_equal(python_layout_told(&layout, told.bytes, sizeof(told.bytes), &says),
			 expected);
	assert_memory_equal(&layout, &row, sizeof(row));
}

static void refuses_what_contradicts_itself(void **state)
{
	refuses(13, 0, 0, -ENOENT); /* no cookie */
	refuses(14, 0, 0x79706775626564ULL << 8 | 'x', -EINVAL); /* another version */
	refuses(13, 8, 0x03100000, -EINVAL); /* 3.16 */
	refuses(13, 360, 16, -EINVAL); /* ob_type is not where it is */
	refuses(13, 392, 176, -EINVAL); /* tp_flags */
	refuses(13, 184, 1 << 20, -EINVAL); /* an offset of a megabyte */
	refuses(13, 40, UINT64_MAX, -EINVAL);
}

static void wants_all_bytes(void **state)
{
	struct told told = told_of(13);
	struct python_layout layout;
	struct python_told says;

	python_layout_of(3, 13, &layout);
	assert_int_equal(python_layout_told(&layout, told.bytes, PYTHON_TOLD_BYTES - 1, &says),
			 -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_its_versions),
		cmocka_unit_test(rows_are_what_processes_tell),
		cmocka_unit_test(the_process_is_right),
		cmocka_unit_test(says_when_it_is_free_threaded),
		cmocka_unit_test(refuses_what_contradicts_itself),
		cmocka_unit_test(wants_all_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Opening a process: which layout its memory agrees with, and what is refused. */
#include "python_case.h"

#include "python/gc_state.h"

/* The patch release that moved the generations by 4 bytes: 3.13.18 of Debian. */
static void finds_moved_generations(void **state)
{
	struct python_process *process;
	struct census *census;

	make(8);
	assert_int_equal(image.layout.minor, 13);
	for (int i = 0; i < 3 * 24; i += 4)
		image_put_int(&image, image_gc(&image) + 24 + i, 0);
	image.layout.gc_generations = 20;
	for (int i = 0; i < PYTHON_GENERATIONS; i++)
		image_add_list(&image, image_generation(&image, i));
	fill();
	process = open_image();
	assert_int_equal(process->layout.gc_generations, 20);
	census = take(process);
	assert_int_equal(census->objects, 6);
	census_free(census);
	python_close(process);
	image_free(&image);
}

/* The heads of 24 bytes that releases of 3.7 had with other compilers. */
static void finds_small_heads(void **state)
{
	struct python_process *process;
	struct census *census;

	make(2);
	memset(image.bytes + image_gc(&image), 0, 400);
	image.layout.gc_head = 24;
	image.layout.generation = 32;
	image.layout.gc_generations = 24;
	image.layout.gc_permanent = 128;
	image_add_list(&image, image_gc(&image) + 128);
	for (int i = 0; i < PYTHON_GENERATIONS; i++)
		image_add_list(&image, image_generation(&image, i));
	fill();
	process = open_image();
	assert_int_equal(process->layout.gc_head, 24);
	assert_int_equal(process->layout.gc_permanent, 128);
	assert_int_equal(process->layout.gc_collecting, 232);
	census = take(process);
	assert_int_equal(census->objects, 6);
	census_free(census);
	python_close(process);
	image_free(&image);
}

static int reads_of_regions;

/* What the objects are in was mapped after the first time that the regions were read. */
static int late_regions(void *context, struct regions *ret_regions)
{
	struct regions regions = { 0 };
	uint64_t end = reads_of_regions++ ? IMAGE_BYTES : IMAGE_OBJECTS;
	int err = regions_add(&regions, IMAGE_BASE, IMAGE_BASE + end, REGION_ANONYMOUS);

	*ret_regions = regions;
	return err;
}

static void waits_for_new_memory(void **state)
{
	for (size_t v = 0; v < VERSIONS; v++) {
		struct python_process *process;

		make(v);
		fill();
		image.source.regions = late_regions;
		reads_of_regions = 0;
		process = open_image();
		assert_int_equal(reads_of_regions, 2);
		python_close(process);
		image_free(&image);
	}
}

static void refuses_with_a_reason(void **state)
{
	make(9);
	image_put(&image, IMAGE_RUNTIME + 16, 1);
	refused("free-threaded");

	make(9);
	image_put(&image, IMAGE_RUNTIME, 0);
	refused("does not describe itself");

	make(5);
	image.build.minor = 99;
	refused("not a version that is known");

	make(5);
	image_put(&image, IMAGE_RUNTIME + image.layout.runtime_interpreters, 0);
	refused("has not started");

	make(5);
	image_put(&image, image_generation(&image, 1), 1234);
	refused("unusual build");
}

/* Heads whose neighbours are of other lists. */
static void refuses_lists_that_are_none(void **state)
{
	make(6);
	fill();
	image_put(&image, image_head(&image, 0) + 8, IMAGE_BASE + image_head(&image, 1));
	image_put(&image, image_head(&image, 2), IMAGE_BASE + image_head(&image, 1));
	refused("unusual build");
}

/* Heads that look right with an object behind them that is none. */
static void refuses_lists_of_no_objects(void **state)
{
	make(6);
	fill();
	image_put(&image, image_type(IMAGE_TUPLE) + PYTHON_TYPE_FLAGS, 0);
	refused("unusual build");
}

static void counts_all_interpreters(void **state)
{
	struct python_process *process;
	uint64_t second = 0x20000, gc;
	uint64_t found[PYTHON_MAX_INTERPRETERS];
	struct census *census;
	struct runtime_gc gc_state;
	size_t nr;

	make(6);
	fill();
	gc = second + image.layout.interpreter_gc;
	image_put(&image, IMAGE_INTERPRETER + image.layout.interpreter_next, IMAGE_BASE + second);
	for (int i = 0; i < PYTHON_GENERATIONS; i++)
		image_add_list(&image, gc + image.layout.gc_generations + 24 * i);
	image_add_list(&image, gc + image.layout.gc_permanent);
	image_put_int(&image, gc + image.layout.gc_generations + 16, 55);
	image_put_int(&image, gc + image.layout.gc_generations + 20, 4);
	image_put_int(&image, image_generation(&image, 0) + 20, 3);
	image_add(&image, gc + image.layout.gc_generations, IMAGE_USER);
	process = open_image();
	assert_int_equal(python_interpreters(process, found, &nr), 0);
	assert_int_equal(nr, 2);
	census = take(process);
	assert_int_equal(census->objects, 7);
	census_free(census);
	/* The main one is the last; counts are sums. */
	assert_int_equal(python_gc_read(process, &gc_state), 0);
	assert_int_equal(gc_state.interpreters, 2);
	assert_int_equal(gc_state.generations[0].threshold, 55);
	assert_int_equal(gc_state.generations[0].count, 7);
	/* A ring of interpreters is torn, and ends. */
	image_put(&image, second + image.layout.interpreter_next, IMAGE_BASE + IMAGE_INTERPRETER);
	assert_int_equal(python_interpreters(process, found, &nr), 0);
	assert_int_equal(nr, PYTHON_MAX_INTERPRETERS);
	python_close(process);
	image_free(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_moved_generations),
		cmocka_unit_test(finds_small_heads),
		cmocka_unit_test(waits_for_new_memory),
		cmocka_unit_test(refuses_with_a_reason),
		cmocka_unit_test(refuses_lists_that_are_none),
		cmocka_unit_test(refuses_lists_of_no_objects),
		cmocka_unit_test(counts_all_interpreters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

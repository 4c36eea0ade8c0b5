/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counting objects, on images of every version's memory. */
#include "python_case.h"

#include "python/gc_state.h"
#include "python/heap.h"

static void counts_by_type(void **state)
{
	for (size_t v = 0; v < VERSIONS; v++) {
		struct python_process *process;
		struct census *census;

		make(v);
		fill();
		process = open_image();
		census = take(process);
		assert_int_equal(census->objects, 6);
		assert_int_equal(census->nr_types, 3);
		assert_string_equal(census->types[0].name, "tuple");
		assert_int_equal(count_of(census, "tuple"), 3);
		assert_int_equal(count_of(census, "Order"), 2);
		assert_int_equal(count_of(census, "list"), 1);
		assert_true(census->consistent);
		census_free(census);
		python_close(process);
		image_free(&image);
	}
}

static void none_is_none(void **state)
{
	for (size_t v = 0; v < VERSIONS; v++) {
		struct python_process *process;
		struct census *census;

		make(v);
		process = open_image();
		census = take(process);
		assert_int_equal(census->objects, 0);
		census_free(census);
		python_close(process);
		image_free(&image);
	}
}

static void untrack(size_t number)
{
	uint64_t head = image_head(&image, number);

	/* As _PyObject_GC_UNTRACK leaves it. */
	image_put(&image, head, 0);
	if (image.layout.gc_head == 16)
		image_put(&image, head + 8, 0);
	else
		image_put(&image, head + 16, image.layout.major == 2 ? (uint64_t)-2 : (uint64_t)-4);
}

/* One bent object in each version: it must not count, and the others must. */
static void without_the_last(void (*bend)(uint64_t head, uint64_t object))
{
	for (size_t v = 0; v < VERSIONS; v++) {
		struct python_process *process;
		struct census *census;

		make(v);
		fill();
		process = open_image();
		bend(image_head(&image, 5), image_object(&image, 5));
		census = take(process);
		assert_int_equal(census->objects, 5);
		assert_int_equal(count_of(census, "list"), 0);
		census_free(census);
		python_close(process);
		image_free(&image);
	}
}

static void bend_untracked(uint64_t head, uint64_t object)
{
	untrack(5);
}

static void bend_freed(uint64_t head, uint64_t object)
{
	image_put(&image, object + PYTHON_OB_REFCNT, 0);
}

static void bend_pointer_as_count(uint64_t head, uint64_t object)
{
	image_put(&image, object + PYTHON_OB_REFCNT, IMAGE_BASE + IMAGE_TYPES);
}

static void bend_no_type(uint64_t head, uint64_t object)
{
	image_put(&image, object + PYTHON_OB_TYPE, IMAGE_BASE + IMAGE_OBJECTS);
}

static void bend_type_without_gc(uint64_t head, uint64_t object)
{
	image_put(&image, image_type(IMAGE_LIST) + PYTHON_TYPE_FLAGS,
		  PYTHON_FLAG_LIST | PYTHON_FLAG_READY);
}

static void bend_type_of_no_type(uint64_t head, uint64_t object)
{
	image_put(&image, image_type(IMAGE_LIST) + PYTHON_OB_TYPE,
		  IMAGE_BASE + image_type(IMAGE_TUPLE));
}

static void bend_absurd_basicsize(uint64_t head, uint64_t object)
{
	image_put(&image, image_type(IMAGE_LIST) + PYTHON_TYPE_BASICSIZE, UINT64_C(1) << 62);
}

static void bend_links_outside(uint64_t head, uint64_t object)
{
	image_put(&image, head, 0xfffffff0);
}

/* In memory, but where nothing that is aligned can be. */
static void bend_links_between(uint64_t head, uint64_t object)
{
	image_put(&image, head, IMAGE_BASE + IMAGE_KEYS + 4);
}

static void bend_next_is_itself(uint64_t head, uint64_t object)
{
	image_put(&image, head, IMAGE_BASE + head);
}

static void bend_previous_is_itself(uint64_t head, uint64_t object)
{
	image_put(&image, head + 8, IMAGE_BASE + head);
}

/* As if it were being collected, in a list of what is no object. */
static void bend_collected_alone(uint64_t head, uint64_t object)
{
	image_put(&image, head, IMAGE_BASE + IMAGE_KEYS);
	image_put(&image, head + 8, 1 << 2 | 2);
}

/* A high count that is one, and a high count of what is in no list. */
static void bend_high_count_unlinked(uint64_t head, uint64_t object)
{
	image_put(&image, object + PYTHON_OB_REFCNT, 1 << 20);
	image_put(&image, head + 8, IMAGE_BASE + image_head(&image, 0));
}

/* An interpreter's frame: code, stack pointer just behind, a small number, a class. */
static void bend_frame(uint64_t head, uint64_t object)
{
	image_put(&image, head, IMAGE_BASE + IMAGE_KEYS);
	image_put(&image, head + 8, IMAGE_BASE + head + 0x40);
}

static void is_no_object(void **state)
{
	without_the_last(bend_untracked);
	without_the_last(bend_freed);
	without_the_last(bend_pointer_as_count);
	without_the_last(bend_no_type);
	without_the_last(bend_type_without_gc);
	without_the_last(bend_type_of_no_type);
	without_the_last(bend_absurd_basicsize);
	without_the_last(bend_links_outside);
	without_the_last(bend_links_between);
	without_the_last(bend_next_is_itself);
	without_the_last(bend_previous_is_itself);
	without_the_last(bend_collected_alone);
	without_the_last(bend_high_count_unlinked);
	without_the_last(bend_frame);
}

static void counts_what_many_refer_to(void **state)
{
	for (size_t v = 0; v < VERSIONS; v++) {
		struct python_process *process;
		struct census *census;

		make(v);
		fill();
		image_put(&image, image_object(&image, 1) + PYTHON_OB_REFCNT, 1 << 20);
		process = open_image();
		census = take(process);
		assert_int_equal(census->objects, 6);
		census_free(census);
		python_close(process);
		image_free(&image);
	}
}

static void leaves_frozen_ones_out(void **state)
{
	for (size_t v = 0; v < VERSIONS; v++) {
		struct python_process *process;
		struct census *census;
		struct runtime_gc gc;

		make(v);
		if (image.layout.gc_permanent != PYTHON_ABSENT) {
			fill();
			for (int i = 0; i < 4; i++)
				image_add(&image, image_gc(&image) + image.layout.gc_permanent,
					  IMAGE_TUPLE);
			process = open_image();
			census = take(process);
			assert_int_equal(census->objects, 6);
			assert_int_equal(count_of(census, "tuple"), 3);
			assert_int_equal(python_gc_read(process, &gc), 0);
			assert_int_equal(gc.frozen, 4);
			census_free(census);
			python_close(process);
		}
		image_free(&image);
	}
}

/* Of one that leads back into itself nothing is said; and it does not take for ever. */
static void frozen_ones_without_end(void **state)
{
	struct python_process *process;
	struct census *census;
	struct runtime_gc gc;

	make(6);
	fill();
	image_add_zeros(&image);
	for (int i = 0; i < 4; i++)
		image_add(&image, image_gc(&image) + image.layout.gc_permanent, IMAGE_TUPLE);
	image_put(&image, image_head(&image, 9), IMAGE_BASE + image_head(&image, 8));
	process = open_image();
	assert_int_equal(python_gc_read(process, &gc), 0);
	assert_int_equal(gc.frozen, -1);
	census = take(process);
	assert_false(census->consistent);
	census_free(census);
	python_close(process);
	image_free(&image);
}

static void knows_own_bytes(void **state)
{
	for (size_t v = 0; v < VERSIONS; v++) {
		const struct python_layout *l = &image.layout;
		struct python_process *process;
		uint64_t list, dict, set, tuple;
		struct census *census;

		make(v);
		tuple = image_object(&image,
				     image_add(&image, image_generation(&image, 2), IMAGE_TUPLE));
		list = image_object(&image,
				    image_add(&image, image_generation(&image, 2), IMAGE_LIST));
		dict = image_object(&image,
				    image_add(&image, image_generation(&image, 2), IMAGE_DICT));
		set = image_object(&image,
				   image_add(&image, image_generation(&image, 2), IMAGE_SET));
		image_put(&image, tuple + PYTHON_OB_SIZE, 3);
		image_put(&image, list + PYTHON_OB_SIZE, 2);
		image_put(&image, list + PYTHON_LIST_ALLOCATED, 4);
		image_put(&image, set + PYTHON_SET_MASK, 31);
		image_add_keys(&image, 4);
		/* 2.7's ma_mask is where the keys are later */
		image_put(&image, dict + PYTHON_DICT_KEYS,
			  l->major == 2 ? 15 : IMAGE_BASE + IMAGE_KEYS);
		process = open_image();
		census = take(process);
		assert_int_equal(bytes_of(census, "tuple"), l->gc_head + 24 + 3 * 8);
		assert_int_equal(bytes_of(census, "list"), l->gc_head + 40 + 4 * 8);
		assert_int_equal(bytes_of(census, "set"), l->gc_head + 200 + 32 * 16);
		if (l->major == 2)
			assert_int_equal(bytes_of(census, "dict"), l->gc_head + 248 + 16 * 24);
		else if (l->minor < 11)
			assert_int_equal(bytes_of(census, "dict"),
					 l->gc_head + 48 + 40 + 16 + 10 * 24);
		else
			assert_int_equal(bytes_of(census, "dict"),
					 l->gc_head + 48 + 32 + 16 + 10 * 16);
		census_free(census);
		python_close(process);
		image_free(&image);
	}
}

/* Keys that a class and its instances share are nobody's own; the values are the dict's. */
static void shared_keys_are_nobodys(void **state)
{
	for (size_t v = 1; v < VERSIONS; v++) {
		struct python_process *process;
		struct census *census;
		uint64_t dict;

		make(v);
		dict = image_object(&image,
				    image_add(&image, image_generation(&image, 2), IMAGE_DICT));
		image_add_keys(&image, 4);
		image_put(&image, IMAGE_KEYS, 2);
		image_put(&image, dict + PYTHON_DICT_KEYS, IMAGE_BASE + IMAGE_KEYS);
		image_put(&image, dict + PYTHON_DICT_VALUES, IMAGE_BASE + IMAGE_KEYS);
		process = open_image();
		census = take(process);
		assert_int_equal(bytes_of(census, "dict"), image.layout.gc_head + 48 + 10 * 8);
		census_free(census);
		python_close(process);
		image_free(&image);
	}
}

/* Sizes that no process has count as none: totals stay figures. */
static void absurd_sizes_count_as_none(void **state)
{
	for (size_t v = 0; v < VERSIONS; v++) {
		uint64_t absurd = UINT64_C(1) << 62, at;
		struct python_process *process;
		struct census *census;

		make(v);
		at = image_object(&image,
				  image_add(&image, image_generation(&image, 2), IMAGE_TUPLE));
		image_put(&image, at + PYTHON_OB_SIZE, absurd);
		at = image_object(&image,
				  image_add(&image, image_generation(&image, 2), IMAGE_LIST));
		image_put(&image, at + PYTHON_LIST_ALLOCATED, absurd);
		at = image_object(&image,
				  image_add(&image, image_generation(&image, 2), IMAGE_SET));
		image_put(&image, at + PYTHON_SET_MASK, absurd);
		at = image_object(&image,
				  image_add(&image, image_generation(&image, 2), IMAGE_DICT));
		image_put(&image, at + PYTHON_DICT_KEYS, absurd);
		process = open_image();
		census = take(process);
		assert_int_equal(census->objects, 4);
		assert_true(census->bytes < 1024);
		census_free(census);
		python_close(process);
		image_free(&image);
	}
}

static void reads_the_collector(void **state)
{
	for (size_t v = 0; v < VERSIONS; v++) {
		const struct python_layout *l = &image.layout;
		struct python_process *process;
		struct runtime_gc gc;

		make(v);
		for (int i = 0; i < PYTHON_GENERATIONS; i++)
			image_put_int(&image, image_generation(&image, i) + l->gc_head + 4, 3 + i);
		if (l->gc_enabled != PYTHON_ABSENT)
			image_put_int(&image, image_gc(&image) + l->gc_enabled, 1);
		process = open_image();
		assert_int_equal(python_gc_read(process, &gc), 0);
		assert_int_equal(gc.generations[0].threshold, 10);
		assert_int_equal(gc.generations[2].count, 5);
		if (l->gc_enabled == PYTHON_ABSENT) {
			assert_int_equal(gc.enabled, -1);
			assert_int_equal(gc.garbage, -1);
		} else {
			assert_int_equal(gc.enabled, 1);
			assert_int_equal(gc.garbage, 0);
		}
		python_close(process);
		image_free(&image);
	}
}

/* 3.15 keeps its latest collections in rings; the newest has the highest counts. */
static void reads_rings_of_statistics(void **state)
{
	uint64_t young = IMAGE_STATS + 16, old = IMAGE_STATS + 712 + 200 + 16;
	struct python_process *process;
	struct python_moment moment;
	struct runtime_gc gc;

	make(10);
	for (int i = 0; i < 11; i++)
		image_put(&image, young + 64 * i, i < 4 ? 30 + i : 20 + i);
	image_put(&image, young + 64 * 3 + 8, 777);
	image_put(&image, old + 64, 5);
	image_put(&image, old + 64 + 16, 9);
	process = open_image();
	assert_int_equal(python_gc_read(process, &gc), 0);
	assert_int_equal(gc.generations[0].collections, 33);
	assert_int_equal(gc.generations[0].collected, 777);
	assert_int_equal(gc.generations[1].collections, 0);
	assert_int_equal(gc.generations[2].collections, 5);
	assert_int_equal(gc.generations[2].uncollectable, 9);
	assert_int_equal(python_heap_moment(process, &moment), 0);
	assert_int_equal(moment.full_collections, 5);
	python_close(process);
	image_free(&image);
}

/* What the collector makes of an object while it looks at it. */
static void collect(size_t number, uint64_t count)
{
	uint64_t head = image_head(&image, number);

	if (image.layout.gc_head == 16)
		image_put(&image, head + 8, count << 2 | 2);
	else
		image_put(&image, head + 16, image.layout.major == 2 ? count : count << 1);
}

/*
 * A collection that does not end: what it looks at counts, and it is said, where the version
 * tells that one runs.
 */
static void counts_while_it_collects(void **state)
{
	for (size_t v = 0; v < VERSIONS; v++) {
		struct python_process *process;
		struct census *census;

		make(v);
		fill();
		process = open_image();
		if (image.layout.gc_collecting != PYTHON_ABSENT)
			image_put_int(&image, image_gc(&image) + image.layout.gc_collecting, 1);
		for (size_t i = 0; i < 5; i++)
			collect(i, i % 2);
		/* More than the references that it has: no count, and no object. */
		collect(5, 2);
		census = take(process);
		assert_int_equal(census->consistent,
				 image.layout.major == 2 || image.layout.minor == 6);
		assert_int_equal(census->objects, 5);
		assert_int_equal(count_of(census, "list"), 0);
		census_free(census);
		python_close(process);
		image_free(&image);
	}
}

static int count_one(void *context, const struct python_object *object)
{
	++*(size_t *)context;
	return 0;
}

/* Counts of several threads: types that both know, and one that only the other does. */
static void adds_up_types(void **state)
{
	for (size_t v = 0; v < VERSIONS; v++) {
		struct python_types *sum, *other;
		struct python_process *process;
		struct python_type *type;
		size_t cursor = 0, nr = 0;

		make(v);
		process = open_image();
		sum = python_types_new(process);
		other = python_types_new(process);
		python_types_get(sum, IMAGE_BASE + image_type(IMAGE_LIST))->count = 2;
		type = python_types_get(other, IMAGE_BASE + image_type(IMAGE_LIST));
		type->count = 3;
		type->bytes = 100;
		python_types_get(other, IMAGE_BASE + image_type(IMAGE_TUPLE))->count = 5;
		assert_int_equal(python_types_add(sum, other), 0);
		python_types_free(other);
		type = python_types_get(sum, IMAGE_BASE + image_type(IMAGE_LIST));
		assert_int_equal(type->count, 5);
		assert_int_equal(type->bytes, 100);
		type = python_types_get(sum, IMAGE_BASE + image_type(IMAGE_TUPLE));
		assert_int_equal(type->count, 5);
		assert_string_equal(type->name, "tuple");
		while (python_types_next(sum, &cursor))
			nr++;
		assert_int_equal(nr, 2);
		python_types_free(sum);
		python_close(process);
		image_free(&image);
	}
}

/* More threads than there is work for, and than there may be. */
static void counts_with_threads(void **state)
{
	for (size_t v = 0; v < VERSIONS; v++) {
		const struct census_options options = { .threads = 100 };
		struct python_process *process;
		struct census *census;

		make(v);
		fill();
		process = open_image();
		assert_int_equal(python_census(process, &options, &census), 0);
		assert_int_equal(census->objects, 6);
		assert_int_equal(count_of(census, "tuple"), 3);
		assert_int_equal(census->types_dropped, 0);
		census_free(census);
		python_close(process);
		image_free(&image);
	}
}

static void walks_along_the_lists(void **state)
{
	for (size_t v = 0; v < VERSIONS; v++) {
		struct python_process *process;
		struct python_types *types;
		size_t seen = 0;

		make(v);
		fill();
		process = open_image();
		types = python_types_new(process);
		assert_int_equal(python_heap_walk(process, types, count_one, &seen), 0);
		assert_int_equal(seen, 6);
		/* The second points back to the first: it has no end, and is left. */
		image_put(&image, image_head(&image, 1), IMAGE_BASE + image_head(&image, 0));
		assert_int_equal(python_heap_walk(process, types, count_one, &seen), -EFAULT);
		image_put(&image, image_head(&image, 1), 0);
		assert_int_equal(python_heap_walk(process, types, count_one, &seen), -EFAULT);
		python_types_free(types);
		python_close(process);
		image_free(&image);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_by_type),
		cmocka_unit_test(none_is_none),
		cmocka_unit_test(is_no_object),
		cmocka_unit_test(counts_what_many_refer_to),
		cmocka_unit_test(leaves_frozen_ones_out),
		cmocka_unit_test(frozen_ones_without_end),
		cmocka_unit_test(knows_own_bytes),
		cmocka_unit_test(shared_keys_are_nobodys),
		cmocka_unit_test(absurd_sizes_count_as_none),
		cmocka_unit_test(reads_the_collector),
		cmocka_unit_test(reads_rings_of_statistics),
		cmocka_unit_test(counts_while_it_collects),
		cmocka_unit_test(adds_up_types),
		cmocka_unit_test(counts_with_threads),
		cmocka_unit_test(walks_along_the_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

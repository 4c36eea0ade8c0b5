// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who holds what, on images of every version's memory, whole and broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "python/why.h"
#include "python_holders.h"

static const uint8_t versions[][2] = {
	{ 2, 7 },  { 3, 6 },  { 3, 7 },	 { 3, 8 },  { 3, 9 },  { 3, 10 },
	{ 3, 11 }, { 3, 12 }, { 3, 13 }, { 3, 14 }, { 3, 15 },
};

enum { VERSIONS = sizeof(versions) / sizeof(*versions) };

static struct python_image image;
static struct holders holders;
static struct why_log *why_log;

static void make(size_t version)
{
	holders_make(&holders, &image, versions[version][0], versions[version][1]);
	why_log = why_log_new();
	assert_non_null(why_log);
}

static void unmake(void)
{
	why_log_free(why_log);
	image_free(&image);
}

/* The process may be refused, when its memory is broken: NULL. */
static struct why *look(const struct why_options *options)
{
	struct python_process *process;
	struct why *why = NULL;
	char *reason;

	if (python_new(&image.source, &image.build, &process, &reason)) {
		free(reason);
		return NULL;
	}
	if (!python_why(process, options, why_log, &why))
		why_log_add(why_log, why, &(struct why_collector){ .enabled = 1 });
	python_close(process);
	return why;
}

static struct why *look_at_all(const char *type)
{
	const struct why_options options = { .type = type, .seconds = 10 };
	struct why *why = look(&options);

	assert_non_null(why);
	return why;
}

static const struct why_container *at(const struct why *why, const char *path)
{
	for (size_t i = 0; i < why->nr_containers; i++)
		if (!strcmp(why->containers[i].path, path))
			return &why->containers[i];
	return NULL;
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* With room for fewer objects than there are the rest is missing, and nobody is accused for it. */
static void fewer_objects(void **state)
{
	for (size_t v = 0; v < VERSIONS; v++) {
		struct why *all, *some;

		make(v);
		all = look_at_all(NULL);
		assert_false(all->cut);
		for (size_t most = all->objects - 1; most > 1; most /= 2) {
			const struct why_options options = { .seconds = 10, .objects_most = most };

			some = look(&options);
			assert_non_null(some);
			assert_true(some->cut && some->objects <= most);
			assert_true(!some->held->objects && !some->dead->objects);
			why_free(some);
		}
		why_free(all);
		unmake();
	}
}

/* Items that are none take time all the same: a table as long as all memory, in each kind. */
static void endless_tables(void **state)
{
	const struct why_options options = { .seconds = 0.1 };

	for (size_t v = 0; v < VERSIONS; v++)
		for (int kind = 0; kind < 2; kind++) {
			struct why *why;
			double began = seconds_now();

			make(v);
			image_add_zeros(&image);
			if (kind) {
				image_put(&image, holders.seen + PYTHON_SET_MASK,
					  IMAGE_ZEROS_BYTES / 16 - 1);
				image_put(&image, holders.seen + PYTHON_SET_TABLE,
					  IMAGE_ZEROS_BASE);
			} else {
				image_put(&image, holders.rows + PYTHON_OB_SIZE,
					  IMAGE_ZEROS_BYTES / 8);
				image_put(&image, holders.rows + PYTHON_LIST_ALLOCATED,
					  IMAGE_ZEROS_BYTES / 8);
				image_put(&image, holders.rows + PYTHON_LIST_ITEMS,
					  IMAGE_ZEROS_BASE);
			}
			why = look(&options);
			assert_non_null(why);
			assert_true(why->cut);
			assert_true(seconds_now() - began < 5);
			why_free(why);
			unmake();
		}
}

static void each_container(void **state)
{
	static const char *const paths[] = { "modules[app].ROWS", "modules[app].CACHE",
					     "modules[app].JOBS", "modules[app].SEEN" };
	static const char *const types[] = { "list", "dict", "deque", "set" };

	for (size_t v = 0; v < VERSIONS; v++) {
		struct why *why;

		make(v);
		why = look_at_all(NULL);
		for (size_t i = 0; i < 4; i++) {
			const struct why_container *c = at(why, paths[i]);

			if (!c)
				fail_msg("%d.%d: no %s", versions[v][0], versions[v][1], paths[i]);
			assert_string_equal(c->type, types[i]);
			assert_int_equal(c->length, HOLDERS_ITEMS);
			assert_string_equal(c->root, "module");
			assert_int_equal(c->nr_holds, 1);
			assert_string_equal(c->holds[0].type, "Order");
			/* The users are 48 bytes each, and a head. */
			assert_true(c->bytes >= HOLDERS_ITEMS * 64);
			assert_false(c->has_growth);
		}
		why_free(why);
		unmake();
	}
}

static void unreached_apart(void **state)
{
	for (size_t v = 0; v < VERSIONS; v++) {
		struct why *why;

		make(v);
		why = look_at_all(NULL);
		assert_int_equal(why->held->objects, 1);
		assert_string_equal(why->held->types[0].name, "list");
		assert_int_equal(why->dead->objects, 1);
		assert_true(why->consistent);
		assert_false(why->cut);
		why_free(why);
		unmake();
	}
}

/* The first page is a file's data. */
static int regions_with_a_file(void *context, struct regions *ret_regions)
{
	struct regions regions = { 0 };
	int err = regions_add(&regions, IMAGE_BASE, IMAGE_BASE + 0x1000, REGION_FILE);

	if (!err)
		err = regions_add(&regions, IMAGE_BASE + 0x1000, IMAGE_BASE + IMAGE_BYTES,
				  REGION_ANONYMOUS);
	*ret_regions = regions;
	return err;
}

static void a_variable_of_c_holds(void **state)
{
	for (size_t v = 0; v < VERSIONS; v++) {
		struct why *why;
		bool found = false;

		make(v);
		image.source.regions = regions_with_a_file;
		image_put(&image, 0x100, IMAGE_BASE + holders.lost);
		/* As a free list has them: it holds nothing. */
		image_put(&image, 0x108, IMAGE_BASE + holders.itself);
		why = look_at_all("list");
		assert_int_equal(why->of_type, 3);
		assert_int_equal(why->sampled, 3);
		for (size_t i = 0; i < why->nr_paths; i++)
			found = found ||
				(!strcmp(why->paths[i].root, "global") &&
				 !strcmp(why->paths[i].example, "<C global 0x7f0000000100>"));
		assert_true(found);
		assert_int_equal(why->held->objects, 0);
		assert_int_equal(why->dead->objects, 1);
		why_free(why);
		unmake();
	}
}

static void grows(void **state)
{
	struct why *why;

	make(6);
	image_put(&image, holders.rows + PYTHON_OB_SIZE, HOLDERS_ITEMS - 3);
	why_free(look_at_all(NULL));
	image_put(&image, holders.rows + PYTHON_OB_SIZE, HOLDERS_ITEMS);
	why = look_at_all(NULL);
	assert_string_equal(why->containers[0].path, "modules[app].ROWS");
	assert_true(why->containers[0].has_growth);
	assert_int_equal(why->containers[0].growth.delta, 3);
	why_free(why);
	unmake();
}

static void keys_are_hidden(void **state)
{
	struct why_options options = { .type = "Order", .seconds = 10 };
	bool shown = false;
	struct why *why;

	for (size_t v = 0; v < VERSIONS; v++) {
		make(v);
		options.show_keys = false;
		why = look(&options);
		assert_non_null(why);
		for (size_t i = 0; i < why->nr_paths; i++) {
			assert_null(strstr(why->paths[i].example, "secret"));
			assert_null(strstr(why->paths[i].shape, "secret"));
		}
		why_free(why);
		options.show_keys = true;
		why = look(&options);
		for (size_t i = 0; i < why->nr_paths; i++)
			shown = shown ||
				!strcmp(why->paths[i].example, "modules[app].CACHE[\"secret0\"]");
		assert_true(shown);
		why_free(why);
		unmake();
	}
}

static void lengths_are_bounded(void **state)
{
	static const uint64_t lengths[] = { UINT64_C(1) << 62, UINT64_MAX, 1 << 20,
					    UINT64_C(1) << 40 };

	for (size_t v = 0; v < VERSIONS; v++)
		for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
			time_t began = time(NULL);

			make(v);
			image_put(&image, holders.rows + PYTHON_OB_SIZE, lengths[i]);
			image_put(&image, holders.rows + PYTHON_LIST_ALLOCATED, lengths[i]);
			image_put(&image, holders.jobs + PYTHON_OB_SIZE, lengths[i]);
			image_put(&image, holders.jobs + 48, lengths[i]);
			image_put(&image, holders.seen + PYTHON_SET_MASK, lengths[i]);
			image_put(&image, holders.cache + PYTHON_DICT_USED, lengths[i]);
			image_put(&image, holders.cache + 32, lengths[i]);
			why_free(look_at_all("Order"));
			assert_true(time(NULL) - began < 5);
			unmake();
		}
}

/* A chain as long as memory is: its path is shown in part. */
static void long_paths(void **state)
{
	struct why *why;
	uint64_t last;

	make(6);
	last = image_get(&image, holders.rows + PYTHON_LIST_ITEMS) - IMAGE_BASE;
	for (int i = 0; i < 300; i++) {
		uint64_t list = holders_object(&holders, IMAGE_LIST);

		image_put(&image, last, IMAGE_BASE + list);
		last = holders_raw(&holders, 8);
		image_put(&image, list + PYTHON_OB_SIZE, 1);
		image_put(&image, list + PYTHON_LIST_ITEMS, IMAGE_BASE + last);
		image_put(&image, list + PYTHON_LIST_ALLOCATED, 1);
	}
	image_put(&image, last, IMAGE_BASE + holders_list(&holders, 17));
	why = look_at_all(NULL);
	for (size_t i = 0; i < why->nr_containers; i++)
		if (why->containers[i].length == 17) {
			assert_non_null(strstr(why->containers[i].path, "more..."));
			assert_true(strlen(why->containers[i].path) < 300);
		}
	/* What it replaced is held by nothing now. */
	assert_int_equal(why->held->objects, 2);
	why_free(why);
	unmake();
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Words anywhere become pointers, lengths, nothing. */
static void bend(uint64_t *seed)
{
	for (int i = next_random(seed) % 40; i >= 0; i--) {
		uint64_t at = IMAGE_TYPES + next_random(seed) % (holders.raw - IMAGE_TYPES);
		uint64_t value = next_random(seed);

		switch (value >> 60) {
		case 0 ... 7:
			value = IMAGE_BASE + value % holders.raw / 8 * 8;
			break;
		case 8 ... 10:
			value %= 1024;
			break;
		case 11:
			value = 0;
			break;
		default:
			break;
		}
		image_put(&image, at & ~UINT64_C(7), value);
	}
}

static void broken_memory(void **state)
{
	const struct why_options options = { .type = "Order", .seconds = 2, .samples = 100 };
	const char *rounds = getenv("SEEP_LONG") ? "20000" : "220";
	uint64_t seed = 88172645463325252;

	for (long i = 0; i < atol(rounds); i++) {
		make(i % VERSIONS);
		bend(&seed);
		why_free(look(&options));
		unmake();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_container),
		cmocka_unit_test(fewer_objects),
		cmocka_unit_test(endless_tables),
		cmocka_unit_test(unreached_apart),
		cmocka_unit_test(a_variable_of_c_holds),
		cmocka_unit_test(grows),
		cmocka_unit_test(keys_are_hidden),
		cmocka_unit_test(lengths_are_bounded),
		cmocka_unit_test(long_paths),
		cmocka_unit_test(broken_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

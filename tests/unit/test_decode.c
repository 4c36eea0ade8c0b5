// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "feed.h"
#include "ingest/decode.h"
#include "ingest/replay.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

struct seen {
	unsigned int alloc, release, begin, end, stack, space, mapping, new_code;
	uint64_t last_frame;
};

#define COUNTS(name, type)                                                                         \
	static int on_##name(void *context, const struct type *record)                             \
	{                                                                                          \
		((struct seen *)context)->name++;                                                  \
		return 0;                                                                          \
	}

COUNTS(release, seep_free)
COUNTS(begin, seep_free)
COUNTS(end, seep_alloc)
COUNTS(space, seep_space)
COUNTS(mapping, seep_map)
COUNTS(new_code, seep_map)

static int on_alloc(void *context, const struct seep_alloc *a)
{
	((struct seen *)context)->alloc++;
	return a->address == 13 ? -ENOMEM : 0;
}

static int on_stack(void *context, const struct seep_stack *stack)
{
	struct seen *seen = context;

	seen->stack++;
	for (uint32_t i = 0; i < stack->nr_frames; i++)
		seen->last_frame = stack->frames[i];
	return 0;
}

static const struct decode_ops ops = {
	.alloc = on_alloc,
	.release = on_release,
	.realloc_begin = on_begin,
	.realloc_end = on_end,
	.stack = on_stack,
	.space = on_space,
	.mapping = on_mapping,
	.new_code = on_new_code,
};

static const struct {
	uint8_t kind;
	size_t size;
} shapes[] = {
	{ SEEP_ALLOC, 48 },	  { SEEP_FREE, 32 },	    { SEEP_REALLOC_BEGIN, 32 },
	{ SEEP_REALLOC_END, 48 }, { SEEP_STACK, 40 },	    { SEEP_SPACE_BEGIN, 56 },
	{ SEEP_SPACE_END, 56 },	  { SEEP_MAP, 48 },	    { SEEP_UNMAP_BEGIN, 48 },
	{ SEEP_UNMAP_END, 48 },	  { SEEP_REMAP_BEGIN, 48 }, { SEEP_REMAP_END, 48 },
	{ SEEP_BRK, 48 },	  { SEEP_NEW_CODE, 48 },
};

/* On the heap, of just that length, so that the sanitizer sees a byte too far. */
static int decode_copy(const void *data, size_t size, struct seen *seen,
		       struct decode_counts *counts)
{
	void *copy = malloc(size ? size : 1);
	int err;

	assert_non_null(copy);
	memcpy(copy, data, size);
	err = decode_record(&ops, seen, copy, size, counts);
	free(copy);
	return err;
}

static void test_lengths(void **state)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		struct decode_counts counts = { 0 };
		uint8_t record[64] = { shapes[i].kind, SEEP_SPACE_SEEN };
		struct seen seen = { 0 };

		for (size_t size = 0; size < shapes[i].size; size++)
			assert_int_equal(decode_copy(record, size, &seen, &counts), -EBADMSG);
		assert_int_equal(counts.bad_records, shapes[i].size);
		assert_int_equal(decode_copy(record, shapes[i].size, &seen, &counts), 0);
		assert_int_equal(counts.events, shapes[i].size + 1);
		assert_int_equal(counts.by_kind[shapes[i].kind], 1);
		assert_int_equal(seen.alloc + seen.release + seen.begin + seen.end + seen.stack +
					 seen.space + seen.mapping + seen.new_code,
				 1);
	}
}

static void test_dispatch(void **state)
{
	struct decode_counts counts = { 0 };
	struct seen seen = { 0 };

	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		uint8_t record[64] = { shapes[i].kind, SEEP_SPACE_SEEN };

		decode_copy(record, shapes[i].size, &seen, &counts);
	}
	assert_int_equal(seen.alloc, 1);
	assert_int_equal(seen.release, 1);
	assert_int_equal(seen.begin, 1);
	assert_int_equal(seen.end, 1);
	assert_int_equal(seen.stack, 1);
	assert_int_equal(seen.space, 2);
	assert_int_equal(seen.mapping, 6);
	assert_int_equal(seen.new_code, 1);
}

static void test_lies(void **state)
{
	struct decode_counts counts = { 0 };
	struct {
		struct seep_stack stack;
		uint64_t frames[SEEP_STACK_MAX + 1];
	} s = { .stack = { .kind = SEEP_STACK, .nr_frames = 3 }, .frames = { 1, 2, 3 } };
	struct seep_alloc a = an_alloc(1, 13, 1, 1, 1);
	uint8_t unknown[64] = { SEEP_KIND_COUNT };
	struct seen seen = { 0 };

	assert_int_equal(decode_copy(&s, sizeof(s.stack) + 24, &seen, &counts), 0);
	assert_int_equal(seen.last_frame, 3);
	assert_int_equal(decode_copy(&s, sizeof(s.stack) + 23, &seen, &counts), -EBADMSG);
	s.stack.nr_frames = SEEP_STACK_MAX + 1;
	assert_int_equal(decode_copy(&s, sizeof(s), &seen, &counts), -EBADMSG);
	s.stack.nr_frames = UINT32_MAX;
	assert_int_equal(decode_copy(&s, sizeof(s), &seen, &counts), -EBADMSG);
	assert_int_equal(decode_copy(unknown, sizeof(unknown), &seen, &counts), -EBADMSG);
	unknown[0] = 0;
	assert_int_equal(decode_copy(unknown, sizeof(unknown), &seen, &counts), -EBADMSG);
	unknown[0] = SEEP_SPACE_BEGIN;
	assert_int_equal(decode_copy(unknown, sizeof(unknown), &seen, &counts), -EBADMSG);
	/* What a handler returns comes back. */
	assert_int_equal(decode_copy(&a, sizeof(a), &seen, &counts), -ENOMEM);
	a.op = SEEP_OP_COUNT;
	assert_int_equal(decode_copy(&a, sizeof(a), &seen, &counts), -EBADMSG);
	assert_int_equal(seen.alloc, 1);
	assert_int_equal(counts.bad_records, 7);
}

static void test_unaligned(void **state)
{
	struct decode_counts counts = { 0 };
	struct seep_stack s = { .kind = SEEP_STACK, .nr_frames = 1 };
	uint64_t frame = 0x1234567890;
	struct seen seen = { 0 };
	uint8_t *bytes = malloc(1 + sizeof(s) + 8);

	memcpy(bytes + 1, &s, sizeof(s));
	memcpy(bytes + 1 + sizeof(s), &frame, 8);
	assert_int_equal(decode_record(&ops, &seen, bytes + 1, sizeof(s) + 8, &counts), 0);
	assert_true(seen.last_frame == frame);
	free(bytes);
}

static int to_heap_alloc(void *h, const struct seep_alloc *a)
{
	return heap_alloc(h, a);
}

static int to_heap_release(void *h, const struct seep_free *f)
{
	return heap_release(h, f);
}

static int to_heap_begin(void *h, const struct seep_free *f)
{
	return heap_realloc_begin(h, f);
}

static int to_heap_end(void *h, const struct seep_alloc *a)
{
	return heap_realloc_end(h, a);
}

static int to_heap_space(void *h, const struct seep_space *s)
{
	return heap_space(h, s);
}

static int to_heap_mapping(void *h, const struct seep_map *m)
{
	return heap_mapping(h, m);
}

static const struct decode_ops to_heap = {
	.alloc = to_heap_alloc,
	.release = to_heap_release,
	.realloc_begin = to_heap_begin,
	.realloc_end = to_heap_end,
	.space = to_heap_space,
	.mapping = to_heap_mapping,
};

/* Random bytes through decode into a heap: nothing breaks, whatever they say. */
static void test_noise(void **state)
{
	struct heap_options options = { .max_bytes = 4 << 20, .sample_bytes = 1000 };
	struct heap *h = heap_new(&options);
	struct decode_counts counts = { 0 };
	uint64_t seed = 7;
	struct profile *p;

	for (int i = 0; i < 300000; i++) {
		uint64_t words[8];

		for (int w = 0; w < 8; w++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			words[w] = seed >> 17;
			if (seed >> 62)
				words[w] &= 0x3;
			else if (seed >> 61)
				words[w] = -words[w];
		}
		((uint8_t *)words)[0] %= SEEP_KIND_COUNT + 1;
		if (((uint8_t *)words)[0] == SEEP_SPACE_BEGIN)
			((uint8_t *)words)[1] &= 3;
		decode_record(&to_heap, h, words, sizeof(words), &counts);
	}
	assert_true(counts.bad_records > 1000);
	assert_true(counts.bad_records < counts.events);
	p = profile_new();
	assert_int_equal(heap_fill(h, 1ULL << 40, NULL, true, 20, NULL, p), 0);
	profile_free(p);
	heap_free(h);
}

static void test_replay(void **state)
{
	struct seep_alloc a = an_alloc(1, 0x1000, 100, 7, 10);
	struct seep_free f = a_free(1, 0x1000, 20);
	char path[] = "/tmp/seep-replay-XXXXXX";
	struct decode_counts counts = { 0 };
	struct seen seen = { 0 };
	struct replay_writer *w;
	struct replay_reader *r;
	const void *record;
	size_t size;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(replay_create(path, &w), 0);
	assert_int_equal(replay_write(w, &a, sizeof(a)), 0);
	assert_int_equal(replay_write(w, &f, sizeof(f)), 0);
	assert_int_equal(replay_write(w, &f, 0), -EMSGSIZE);
	assert_int_equal(replay_finish(w), 0);
	assert_int_equal(replay_open(path, &r), 0);
	while (replay_read(r, &record, &size) == 1)
		assert_int_equal(decode_record(&ops, &seen, record, size, &counts), 0);
	assert_int_equal(replay_read(r, &record, &size), 0);
	replay_close(r);
	assert_int_equal(seen.alloc, 1);
	assert_int_equal(seen.release, 1);
	/* Cut within the last record; a length beyond all; no replay at all. */
	assert_int_equal(ftruncate(fd, 8 + 4 + 48 + 4 + 31), 0);
	assert_int_equal(replay_open(path, &r), 0);
	assert_int_equal(replay_read(r, &record, &size), 1);
	assert_int_equal(replay_read(r, &record, &size), -EBADMSG);
	replay_close(r);
	assert_int_equal(pwrite(fd, "\xff\xff\x01\x00", 4, 8), 4);
	assert_int_equal(ftruncate(fd, 300000), 0);
	assert_int_equal(replay_open(path, &r), 0);
	assert_int_equal(replay_read(r, &record, &size), -EBADMSG);
	replay_close(r);
	assert_int_equal(ftruncate(fd, 7), 0);
	assert_int_equal(replay_open(path, &r), -EBADMSG);
	close(fd);
	unlink(path);
	assert_int_equal(replay_open(path, &r), -ENOENT);
	assert_int_equal(replay_create("/nonexistent/x", &w), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths), cmocka_unit_test(test_dispatch),
		cmocka_unit_test(test_lies),	cmocka_unit_test(test_unaligned),
		cmocka_unit_test(test_noise),	cmocka_unit_test(test_replay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

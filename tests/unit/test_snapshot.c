// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Memory stays as it was at the first look; what is kept, and what may go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "memory/snapshot.h"

enum { BLOCKS = 32, BYTES = BLOCKS * SNAPSHOT_BLOCK };

#define BASE UINT64_C(0x10000000)

static uint8_t memory[BYTES];
static uint64_t hole = UINT64_MAX; /* offset of a page that cannot be read */
static size_t reads;

static ssize_t read_memory(void *context, uint64_t address, void *bytes, size_t size)
{
	uint64_t offset = address - BASE;

	reads++;
	if (offset >= BYTES || (offset >= hole && offset < hole + 4096))
		return 0;
	if (size > BYTES - offset)
		size = BYTES - offset;
	if (offset < hole && size > hole - offset)
		size = hole - offset;
	memcpy(bytes, memory + offset, size);
	return size;
}

static const struct remote_ops ops = { .read = read_memory };

static void first_look_counts(void **state)
{
	struct remote *remote = remote_new(&ops, NULL);
	struct snapshot *s = snapshot_new(remote, BYTES, BYTES);
	uint64_t word = 7;

	memory[100] = 1;
	assert_int_equal(snapshot_word(s, BASE + 100), 1);
	memory[100] = 2;
	assert_int_equal(snapshot_word(s, BASE + 100), 1);
	assert_int_equal(remote_read_u64(snapshot_remote(s), BASE + 100, &word), 0);
	assert_int_equal(word, 1);
	memory[100] = 0;
	assert_int_equal(snapshot_peak(s), SNAPSHOT_BLOCK);
	snapshot_free(s);
	remote_free(remote);
}

static void over_borders_and_holes(void **state)
{
	struct remote *remote = remote_new(&ops, NULL);
	struct snapshot *s;
	uint8_t spill[64], whole[64];

	for (size_t i = 0; i < 64; i++)
		memory[SNAPSHOT_BLOCK - 32 + i] = i;
	s = snapshot_new(remote, BYTES, BYTES);
	assert_ptr_equal(snapshot_bytes(s, BASE + SNAPSHOT_BLOCK - 32, 64, spill), spill);
	for (size_t i = 0; i < 64; i++)
		assert_int_equal(spill[i], i);
	assert_null(snapshot_bytes(s, BASE + BYTES - 8, 16, spill));
	assert_null(snapshot_bytes(s, UINT64_MAX - 8, 64, spill));
	assert_null(snapshot_bytes(s, 8, 8, spill));
	snapshot_free(s);
	hole = SNAPSHOT_BLOCK + 8192;
	s = snapshot_new(remote, BYTES, BYTES);
	assert_null(snapshot_bytes(s, BASE + hole, 8, spill));
	assert_null(snapshot_bytes(s, BASE + hole - 8, 16, spill));
	assert_non_null(snapshot_bytes(s, BASE + hole - 8, 8, spill));
	assert_non_null(snapshot_bytes(s, BASE + hole + 4096, 8, spill));
	assert_int_equal(remote_read_some(snapshot_remote(s), BASE + hole - 16, whole, 64), 16);
	hole = UINT64_MAX;
	snapshot_free(s);
	remote_free(remote);
}

static void the_latest_and_the_kept_stay(void **state)
{
	struct remote *remote = remote_new(&ops, NULL);
	/* Eight blocks is the least. */
	struct snapshot *s = snapshot_new(remote, 1, BYTES);

	snapshot_word(s, BASE);
	snapshot_keep(s, BASE);
	for (uint64_t i = 1; i < BLOCKS; i++)
		snapshot_word(s, BASE + i * SNAPSHOT_BLOCK);
	assert_true(snapshot_peak(s) <= 10 * SNAPSHOT_BLOCK);
	reads = 0;
	snapshot_word(s, BASE);
	snapshot_word(s, BASE + (BLOCKS - 1) * SNAPSHOT_BLOCK);
	assert_int_equal(reads, 0);
	snapshot_word(s, BASE + SNAPSHOT_BLOCK);
	assert_true(reads > 0);
	snapshot_free(s);
	remote_free(remote);
}

static void no_more_than_the_limit(void **state)
{
	struct remote *remote = remote_new(&ops, NULL);
	struct snapshot *s = snapshot_new(remote, BYTES, 10 * SNAPSHOT_BLOCK);

	for (uint64_t i = 0; i < BLOCKS; i++)
		snapshot_word(s, BASE + i * SNAPSHOT_BLOCK);
	assert_true(snapshot_peak(s) <= 10 * SNAPSHOT_BLOCK);
	snapshot_free(s);
	remote_free(remote);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_look_counts),
		cmocka_unit_test(over_borders_and_holes),
		cmocka_unit_test(the_latest_and_the_kept_stay),
		cmocka_unit_test(no_more_than_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

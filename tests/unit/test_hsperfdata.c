/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Figures of JVMs out of made-up files, right and wrong ones; and what their course means. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "jvm/jvm.h"
#include "perfdata_file.h"

#define MIB (1024.0 * 1024)

static void reads_both_byte_orders(void **state)
{
	struct perfdata_file f;
	struct jvm_heap heap;
	struct jvm_point point;

	for (int big = 0; big < 2; big++) {
		perfdata_usual(&f, big);
		assert_int_equal(hsperfdata_parse(f.bytes, f.size, &heap), 0);
		assert_int_equal(heap.nr_generations, 2);
		assert_string_equal(heap.generations[1].name, "tenured");
		assert_int_equal(heap.generations[0].used, 750);
		assert_int_equal(heap.generations[1].used, 1234);
		assert_int_equal(heap.generations[1].max, 9000);
		assert_int_equal(heap.nr_collectors, 2);
		assert_string_equal(heap.collectors[1].name, "MSC");
		assert_int_equal(heap.collectors[1].invocations, 3);
		assert_true(heap.collectors[0].seconds == 2.5);
		assert_true(heap.safepoint_seconds == 4);
		assert_string_equal(heap.version, "17.0.15");
		assert_string_equal(heap.arguments, "-Xmx64m");
		assert_int_equal(heap.entries, f.entries);
		jvm_point_set(&heap, 1, 100000, &point);
		assert_true(point.capacity == 8000 && point.old_used == 1234);
		assert_true(point.old_collections == 3 && point.pauses == 3);
	}
}

static void wrong_files_are_refused(void **state)
{
	struct perfdata_file f;
	struct jvm_heap heap;

	perfdata_usual(&f, false);
	for (size_t size = 0; size < f.size; size++)
		assert_int_equal(hsperfdata_parse(f.bytes, size, &heap), -EBADMSG);
	f.bytes[7] = 0;
	assert_int_equal(hsperfdata_parse(f.bytes, f.size, &heap), -ENODATA);
	perfdata_new(&f, false);
	assert_int_equal(hsperfdata_parse(f.bytes, f.size, &heap), -ENODATA);
	perfdata_usual(&f, false);
	perfdata_number(&f, 28, 1 << 30, 4);
	assert_int_equal(hsperfdata_parse(f.bytes, f.size, &heap), -EBADMSG);
	perfdata_usual(&f, false);
	perfdata_number(&f, 32, 0, 4); /* an entry that never ends */
	assert_int_equal(hsperfdata_parse(f.bytes, f.size, &heap), -EBADMSG);
	perfdata_usual(&f, false);
	perfdata_number(&f, 36, 1 << 20, 4);
	assert_int_equal(hsperfdata_parse(f.bytes, f.size, &heap), -EBADMSG);
	perfdata_usual(&f, false);
	f.bytes[5] = 1;
	assert_int_equal(hsperfdata_parse(f.bytes, f.size, &heap), -EBADMSG);
}

static void numbers_out_of_reason(void **state)
{
	struct perfdata_file f;
	struct jvm_heap heap;

	perfdata_new(&f, false);
	perfdata_add(&f, "sun.gc.generation.0.space.0.used", UINT64_MAX / 2, NULL);
	perfdata_add(&f, "sun.gc.generation.0.space.1.used", UINT64_MAX / 2, NULL);
	perfdata_add(&f, "sun.gc.generation.0.space.2.used", UINT64_MAX / 2, NULL);
	perfdata_add(&f, "sun.gc.generation.0.capacity", UINT64_MAX, NULL); /* negative */
	perfdata_add(&f, "sun.gc.generation.7.capacity", 5, NULL);
	perfdata_add(&f, "sun.gc.generation.0.name", 0, "a\nb\033[1m");
	assert_int_equal(hsperfdata_parse(f.bytes, f.size, &heap), 0);
	assert_int_equal(heap.generations[0].used, UINT64_MAX);
	assert_int_equal(heap.generations[0].capacity, 0);
	assert_int_equal(heap.nr_generations, 1);
	assert_string_equal(heap.generations[0].name, "a?b?[1m");
}

/* Collected every fourth look; old(x) is what stays then. */
static void expect(enum jvm_verdict verdict, size_t nr, double keeps, double per_look,
		   double pauses, double native)
{
	struct jvm_point points[200];
	struct jvm_judgement j;

	for (size_t i = 0; i < nr; i++)
		points[i] = (struct jvm_point){
			.time = (double)i,
			.resident = 90 * MIB + native * (double)i,
			.capacity = 64 * MIB,
			.old_used =
				keeps + per_look * (double)(i - i % 4) + (double)(i % 4) * 2 * MIB,
			.old_max = 64 * MIB,
			.old_collections = (double)(i / 4),
			.pauses = pauses * (double)i,
		};
	jvm_judge(points, nr, &j);
	print_message("          %s: %s\n", jvm_verdict_name(j.verdict), j.evidence);
	assert_int_equal(j.verdict, verdict);
}

static void three_answers(void **state)
{
	expect(JVM_STEADY, 80, 20 * MIB, 0, 0.01, 0);
	expect(JVM_OLD_GROWS, 80, 10 * MIB, 0.3 * MIB, 0.02, 0);
	expect(JVM_OLD_GROWS, 30, 10 * MIB, 0.6 * MIB, 0.02, 0);
	expect(JVM_HEAP_TOO_SMALL, 80, 56 * MIB, 0, 0.1, 0);
	expect(JVM_HEAP_TOO_SMALL, 80, 42 * MIB, 0, 0.5, 0);
	expect(JVM_NATIVE_GROWS, 80, 20 * MIB, 0, 0.01, 0.5 * MIB);
	/* slow, but not for want of room */
	expect(JVM_STEADY, 80, 10 * MIB, 0, 0.4, 0);
	expect(JVM_TOO_LITTLE, 8, 10 * MIB, 1 * MIB, 0.4, 0);
}

static void no_jvm(void **state)
{
	struct jvm_heap heap;

	assert_int_equal(jvm_read(getpid(), &heap), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_both_byte_orders),
		cmocka_unit_test(wrong_files_are_refused),
		cmocka_unit_test(numbers_out_of_reason),
		cmocka_unit_test(three_answers),
		cmocka_unit_test(no_jvm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

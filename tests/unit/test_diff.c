/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Comparing captures: which sites are the same, what counts as a change, what is said. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sample_profile.h"
#include "report/diff.h"
#include "report/report.h"

#include <jansson.h>
#include <stdio.h>

static const struct diff_row *row_of(const struct diff *diff, uint32_t before_site)
{
	for (size_t i = 0; i < diff->nr_rows; i++)
		if (diff->rows[i].before.site == before_site)
			return &diff->rows[i];
	return NULL;
}

static int findings(const struct profile *before, const struct profile *after)
{
	FILE *nowhere = fopen("/dev/null", "we");
	int found = report_diff(before, after, &(struct report_options){ 0 }, true, nowhere);

	fclose(nowhere);
	return found;
}

static void nothing_changed(void **state)
{
	struct profile *before = sample_profile(), *after = sample_profile();
	struct diff diff;

	assert_int_equal(diff_make(before, after, &diff), 0);
	assert_int_equal(diff.nr_rows, 6);
	assert_int_equal(diff.counts[DIFF_SAME], 6);
	diff_free(&diff);
	assert_int_equal(findings(before, after), 0);
	profile_free(before);
	profile_free(after);
}

/* Another build on another host: other addresses, lines, pid and allocator, same sites. */
static void sites_match_by_name(void **state)
{
	struct profile *before = sample_profile(), *after = sample_profile();
	struct diff diff;

	for (size_t i = 0; i < after->nr_frames; i++) {
		struct profile_frame *frame = &after->frames[i];

		frame->address += 0x1000;
		if (frame->function)
			frame->offset += 0x40;
		if (frame->line)
			frame->line += 3;
		if (frame->flags & FRAME_ALLOCATOR)
			frame->function = profile_string(after, "je_malloc");
	}
	for (size_t i = 0; i < after->nr_modules; i++)
		if (after->modules[i].build_id)
			after->modules[i].build_id = profile_string(after, "00ff");
	after->processes[0].pid = 99;
	after->processes[0].exe = profile_string(after, "/opt/new/sessiond");
	assert_int_equal(diff_make(before, after, &diff), 0);
	assert_int_equal(diff.nr_rows, 6);
	assert_int_equal(diff.counts[DIFF_SAME], 6);
	diff_free(&diff);

	/* Another function, another program or another nameless offset is another site. */
	after->frames[3].function = profile_string(after, "SessionTable::create2()");
	after->frames[7].offset++;
	assert_int_equal(diff_make(before, after, &diff), 0);
	assert_int_equal(diff.counts[DIFF_NEW], 2);
	assert_int_equal(diff.counts[DIFF_GONE], 2);
	diff_free(&diff);
	after->processes[0].exe = profile_string(after, "/opt/new/other");
	assert_int_equal(diff_make(before, after, &diff), 0);
	assert_int_equal(diff.counts[DIFF_NEW], 4);
	diff_free(&diff);
	profile_free(before);
	profile_free(after);
}

/* A worker of the same program adds to the same row. */
static void processes_of_a_program_add_up(void **state)
{
	struct profile *before = sample_profile(), *after = sample_profile();
	struct profile_process *twin =
		sample_process(after, 4243, "sessiond", "/usr/sbin/sessiond");
	struct diff diff;

	sample_site(after, twin - after->processes, after->sites[0].stack, "glibc", "malloc", 1600,
		    100, 100);
	assert_int_equal(diff_make(before, after, &diff), 0);
	assert_int_equal(diff.nr_rows, 6);
	assert_int_equal(diff.rows[0].change, DIFF_GROWN);
	assert_int_equal((int)diff.rows[0].delta, 160000);
	assert_int_equal(diff.rows[0].after.count, 63100);
	diff_free(&diff);
	profile_free(before);
	profile_free(after);
}

static void changes_are_told_apart(void **state)
{
	struct profile *before = sample_profile(), *after = sample_profile();
	struct diff diff;

	after->sites[0].live_bytes += 1000;
	after->sites[1].live_bytes -= 5000;
	after->sites[2].live_bytes = after->sites[2].live_count = 0;
	before->sites[4].live_bytes = before->sites[4].live_count = 0;
	assert_int_equal(diff_make(before, after, &diff), 0);
	assert_int_equal(row_of(&diff, 0)->change, DIFF_GROWN);
	assert_int_equal(row_of(&diff, 1)->change, DIFF_SHRUNK);
	assert_int_equal(row_of(&diff, 2)->change, DIFF_GONE);
	assert_int_equal(row_of(&diff, 4)->change, DIFF_NEW);
	assert_int_equal(row_of(&diff, 5)->change, DIFF_SAME);
	/* The largest change first; what is the same last. */
	assert_int_equal(diff.rows[0].before.site, 4);
	assert_int_equal(diff.rows[1].before.site, 2);
	assert_int_equal(diff.rows[4].change, DIFF_SAME);
	diff_free(&diff);
	/* A growing site has grown: a finding. */
	assert_int_equal(findings(before, after), 1);
	after->sites[0].live_bytes = before->sites[0].live_bytes;
	assert_int_equal(findings(before, after), 0);
	profile_free(before);
	profile_free(after);
}

/* Twice as long with twice as much is no change; within the error is none either. */
static void length_and_error_count(void **state)
{
	struct profile *before = sample_profile(), *after = sample_profile();
	struct diff diff;

	after->capture.seconds *= 2;
	for (size_t i = 0; i < after->nr_sites; i++)
		after->sites[i].live_bytes *= 2;
	assert_int_equal(diff_make(before, after, &diff), 0);
	assert_true(diff.by_rate);
	assert_int_equal(diff.counts[DIFF_SAME], 6);
	diff_free(&diff);
	after->capture.seconds = before->capture.seconds * 1.05;
	assert_int_equal(diff_make(before, after, &diff), 0);
	assert_false(diff.by_rate);
	assert_int_equal(diff.counts[DIFF_GROWN], 6);
	diff_free(&diff);
	before->sites[2].live_bytes_error = 30000;
	after->sites[2].live_bytes_error = 20000;
	assert_int_equal(diff_make(before, after, &diff), 0);
	assert_int_equal(diff.counts[DIFF_GROWN], 5);
	assert_int_equal(row_of(&diff, 2)->change, DIFF_SAME);
	diff_free(&diff);
	after->sites[2].live_bytes_error = 1000;
	assert_int_equal(diff_make(before, after, &diff), 0);
	assert_int_equal(diff.counts[DIFF_GROWN], 6);
	diff_free(&diff);
	profile_free(before);
	profile_free(after);
}

static char *rendered(const struct profile *before, const struct profile *after, bool json)
{
	char *bytes = NULL;
	size_t size;
	FILE *out = open_memstream(&bytes, &size);

	assert_true(report_diff(before, after, &(struct report_options){ .width = 80, .top = 3 },
				json, out) >= 0);
	fclose(out);
	return bytes;
}

static void check_golden(const char *path, const char *bytes)
{
	static char expected[1 << 16];
	FILE *file;
	size_t size;

	if (getenv("SEEP_REGENERATE_GOLDEN")) {
		file = fopen(path, "we");
		fputs(bytes, file);
		fclose(file);
	}
	file = fopen(path, "re");
	assert_non_null(file);
	size = fread(expected, 1, sizeof(expected) - 1, file);
	fclose(file);
	expected[size] = '\0';
	assert_string_equal(bytes, expected);
}

static void text_and_json_are_golden(void **state)
{
	struct profile *before = sample_profile(), *after = sample_profile();
	char *bytes;
	json_t *root;

	after->capture.seconds = 600;
	after->capture.mode = PROFILE_SAMPLED;
	after->sites[0].live_bytes *= 4;
	after->sites[2].live_bytes = after->sites[2].live_count = 0;
	before->sites[4].live_bytes = before->sites[4].live_count = 0;
	bytes = rendered(before, after, false);
	check_golden("tests/golden/diff.txt", bytes);
	free(bytes);
	bytes = rendered(before, after, true);
	check_golden("tests/golden/diff.json", bytes);
	root = json_loads(bytes, JSON_REJECT_DUPLICATES, NULL);
	assert_int_equal(json_array_size(json_object_get(root, "sites")), 6);
	json_decref(root);
	free(bytes);
	profile_free(before);
	profile_free(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_changed),
		cmocka_unit_test(sites_match_by_name),
		cmocka_unit_test(processes_of_a_program_add_up),
		cmocka_unit_test(changes_are_told_apart),
		cmocka_unit_test(length_and_error_count),
		cmocka_unit_test(text_and_json_are_golden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

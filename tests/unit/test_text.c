/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the text report says, and leaves out, sentence by sentence. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sample_profile.h"
#include "report/formats.h"
#include "report/report.h"
#include "report/words.h"

#include <string.h>

static char *render(const struct profile *profile, const struct report_options *options)
{
	char *bytes = NULL;
	size_t size;
	FILE *out = open_memstream(&bytes, &size);

	assert_int_equal(report_text.write(profile, options, out), 0);
	fclose(out);
	return bytes;
}

/* Wide, so that no sentence is broken. */
static void check(const struct profile *profile, bool verbose, const char *text, bool wanted)
{
	char *bytes =
		render(profile, &(struct report_options){ .width = 4000, .verbose = verbose });

	if (!!strstr(bytes, text) != wanted)
		fail_msg("'%s' is %s in:\n%s", text, wanted ? "not" : "still", bytes);
	free(bytes);
}

static void has(const struct profile *profile, const char *text)
{
	check(profile, false, text, true);
}

static void lacks(const struct profile *profile, const char *text)
{
	check(profile, false, text, false);
}

static struct profile *one_process(enum profile_verdict verdict)
{
	struct profile *p = profile_new();

	sample_process(p, 10, "server", "/bin/server")->verdict = verdict;
	p->capture.seconds = 300;
	return p;
}

static uint32_t add_ended(struct profile *p, uint32_t pid, uint64_t live)
{
	struct profile_process *process = sample_process(p, pid, "awk", "/bin/awk");
	uint32_t index = p->nr_processes - 1;

	process->exited = true;
	process->verdict = live ? VERDICT_LIVE_AT_EXIT : VERDICT_NONE;
	if (live)
		sample_site(p, index, PROFILE_NONE, "glibc", "malloc", live, 1, 1)->verdict =
			VERDICT_LIVE_AT_EXIT;
	return index;
}

static void ended_processes_fold(void **state)
{
	struct profile *p = one_process(VERDICT_NONE);

	for (uint32_t i = 0; i < 3; i++)
		add_ended(p, 100 + i, (i + 1) * KIB);
	has(p, "awk (pid 100): live at exit");
	lacks(p, "processes have ended");
	add_ended(p, 103, 0);
	lacks(p, "(pid 100)");
	lacks(p, "awk, pid 102");
	has(p, "4 processes have ended, 3 of them with something live at exit: 6.00 KiB in all, "
	       "the most in awk (pid 102), 3.00 KiB (-v shows each).");
	has(p, "server (pid 10)");
	check(p, true, "awk (pid 100): live at exit", true);
	check(p, true, "processes have ended", false);
	profile_free(p);
}

/* What has a finding, or was what seep ran, is never folded away. */
static void findings_do_not_fold(void **state)
{
	struct profile *p = one_process(VERDICT_NONE);

	for (uint32_t i = 0; i < 7; i++)
		add_ended(p, 100 + i, KIB);
	p->processes[1].verdict = VERDICT_LEAK;
	p->processes[2].verdict = VERDICT_OVERFLOW;
	p->sites[2].verdict = VERDICT_GROWING;
	has(p, "4 processes have ended, all of them");
	has(p, "(pid 100)");
	has(p, "(pid 101)");
	has(p, "(pid 102)");
	p->processes[4].exit_status = 0;
	has(p, "awk (pid 103): live at exit");
	profile_free(p);
}

static void only_the_allocator_is_no_place(void **state)
{
	struct profile *p = one_process(VERDICT_LEAK);
	uint32_t libc = sample_module(p, "/lib/libc.so.6", NULL, false);
	uint32_t leaf = sample_frame(p, libc, 1, "malloc", NULL, 0, "c", FRAME_ALLOCATOR);
	struct profile_site *site =
		sample_site(p, 0, SAMPLE_STACK(p, true, leaf), "glibc", "malloc", 100, 20, 20);

	sample_verdict(p, site, 10, 1024, VERDICT_GROWING, NULL);
	has(p, "leaks 3.52 MiB an hour, all of it from an unknown caller.");
	site->stack = PROFILE_NONE;
	has(p, "all of it from an unknown caller.");
	site->operation = profile_string(p, "other sites");
	has(p, "all of it from other sites.");
	profile_free(p);
}

static void handles_are_no_bytes(void **state)
{
	struct profile *p = one_process(VERDICT_LEAK);
	struct profile_process *process = &p->processes[0];
	struct profile_site *site =
		sample_site(p, 0, PROFILE_NONE, PROFILE_HANDLES, "acquire", 1, 9, 5);

	process->live_bytes = process->live_count = 0;
	sample_verdict(p, site, 10, 0.5, VERDICT_GROWING, NULL);
	has(p, "leaks 1,800 handles an hour, all of them from an unknown caller.");
	has(p, "  1. 5 handles, +1,800 handles/h, oldest 10 s, pair acquire");
	has(p, "  5 handles were not released (--pair).");
	lacks(p, "5 B");
	process->exited = true;
	process->verdict = site->verdict = VERDICT_LIVE_AT_EXIT;
	has(p, "live at exit; 5 handles outstanding, all of them from an unknown caller.");
	site->live_count = 1;
	has(p, "  1. 1 handle, oldest");
	has(p, "  1 handle was not released (--pair).");
	profile_free(p);
}

/* The share is one of what the headline counts, and mappings are none of it. */
static void overflow_counts_blocks(void **state)
{
	struct profile *p = one_process(VERDICT_OVERFLOW);
	uint64_t live;

	sample_site(p, 0, PROFILE_NONE, "glibc", "malloc", 30 * MIB, 1, 1)->verdict = VERDICT_BURST;
	sample_site(p, 0, PROFILE_NONE, "glibc", "calloc", 10 * MIB, 1, 1)->verdict =
		VERDICT_STEADY;
	live = p->processes[0].live_bytes;
	sample_site(p, 0, PROFILE_NONE, PROFILE_MAPPINGS, "mmap", 900 * MIB, 1, 1)->verdict =
		VERDICT_BURST;
	p->processes[0].live_bytes = live;
	has(p, "holds too much at once: 40.0 MiB outstanding, 75% of it from");
	p->sites[0].verdict = VERDICT_STEADY;
	has(p, "holds too much at once: 40.0 MiB outstanding.");
	profile_free(p);
}

static void rss_of_the_start_is_left_out(void **state)
{
	struct profile *p = one_process(VERDICT_NONE);

	p->processes[0].rss_start_bytes = p->processes[0].rss_bytes = 16 * KIB;
	has(p, "Resident 16.0 KiB, +0 B since");
	p->processes[0].exited = true;
	lacks(p, "Resident");
	sample_point(p, 0, 1, 0, 0, 16 * KIB);
	lacks(p, "Resident");
	sample_point(p, 0, 2, 0, 0, 16 * KIB);
	has(p, "Resident 16.0 KiB, +0 B since");
	p->nr_points = 0;
	p->processes[0].rss_bytes = 20 * KIB;
	has(p, "Resident 20.0 KiB, +4.00 KiB since");
	profile_free(p);
}

static void a_short_capture_has_no_share(void **state)
{
	struct profile *p = one_process(VERDICT_NONE);

	p->health.cpu_seconds = 0.342;
	p->capture.seconds = 1.9;
	has(p, "seep itself used 342 ms of processor time and");
	p->capture.seconds = 2;
	has(p, "seep itself used 342 ms of processor time (17% of one processor) and");
	profile_free(p);
}

/* Each reason in its words, counted once a stack, and stacks of no site not at all. */
static void cut_stacks_have_reasons(void **state)
{
	static const char *const reasons[STACK_END_COUNT] = {
		[STACK_DEPTH] = "[stack cut here: it is deeper than stacks are followed]",
		[STACK_FAULT] = "[stack cut here: its memory could not be read]",
		[STACK_NO_RULE] = "[stack cut here: nothing describes this code's frames]",
		[STACK_NO_CODE] = "[stack cut here: the next address is in no known code]",
	};
	struct profile *p = one_process(VERDICT_NONE);
	uint32_t leaf = sample_frame(p, PROFILE_NONE, 1, "malloc", NULL, 0, "c", FRAME_ALLOCATOR);
	uint32_t whole = SAMPLE_STACK(p, false, leaf), cut = SAMPLE_STACK(p, true, leaf);

	SAMPLE_STACK(p, true, leaf);
	sample_site(p, 0, whole, "glibc", "malloc", 100, 1, 1);
	lacks(p, "cut");
	sample_site(p, 0, cut, "glibc", "malloc", 100, 1, 1);
	sample_site(p, 0, cut, "glibc", "calloc", 100, 1, 1);
	for (int end = 1; end < STACK_END_COUNT; end++) {
		p->stacks[cut].end = end;
		has(p, reasons[end]);
	}
	has(p, "1 of 2 stacks is cut: 1 where the next address is in no known code (");
	p->stacks[cut].end = STACK_WHOLE;
	has(p, "[stack cut here]");
	p->stacks[whole].cut = true;
	p->stacks[whole].end = STACK_FAULT;
	p->stacks[cut].end = STACK_DEPTH;
	has(p, "2 of 2 stacks are cut: 1 too deep, 1 at memory that could not be read.");
	profile_free(p);
}

static void reports_are_set_apart(void **state)
{
	struct profile *p = profile_new();
	char *bytes = NULL;
	size_t size;
	FILE *out = open_memstream(&bytes, &size);

	p->capture.started = 1700000300.25;
	p->capture.seconds = 61;
	assert_int_equal(report_text_separator(p, out), 0);
	fclose(out);
	assert_string_equal(bytes, "======== 2023-11-14 22:19:21 UTC ========\n");
	free(bytes);
	profile_free(p);
}

static void handles_have_words(void **state)
{
	struct words w;

	assert_string_equal(words_handles(&w, 1), "1 handle");
	assert_string_equal(words_handles(&w, 1234), "1,234 handles");
	assert_string_equal(words_signed_handles(&w, -2), "-2 handles");
	assert_string_equal(words_handle_growth(&w, 0.5), "+1,800 handles/h");
	assert_string_equal(words_handle_growth(&w, 0), "0 handles/h");
	assert_string_equal(words_handle_growth(&w, -1.0 / 3600), "-1 handle/h");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ended_processes_fold),
		cmocka_unit_test(findings_do_not_fold),
		cmocka_unit_test(only_the_allocator_is_no_place),
		cmocka_unit_test(handles_are_no_bytes),
		cmocka_unit_test(overflow_counts_blocks),
		cmocka_unit_test(rss_of_the_start_is_left_out),
		cmocka_unit_test(a_short_capture_has_no_share),
		cmocka_unit_test(cut_stacks_have_reasons),
		cmocka_unit_test(reports_are_set_apart),
		cmocka_unit_test(handles_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

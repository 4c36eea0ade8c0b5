// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a pass has found, as text and as JSON: nothing is left out, and foreign names do no harm. */
#include "base/vec.h"
#include "report/sweep.h"
#include "sweep/pass.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sample_profile.h"

static struct suppression known = {
	.kind = SUPPRESS_FUNCTION, .line = 4, .text = "function:f*", .comment = "ticket 7"
};

static struct pass_suspect *add(struct pass *pass, const char *comm, pid_t pid)
{
	struct pass_suspect *s = vec_push(&pass->suspects, &pass->nr_suspects, &pass->cap_suspects);

	s->comm = pass_string(pass, comm);
	s->pid = pid;
	s->growth = 1000;
	s->time_to_limit = s->earliest = s->latest = INFINITY;
	s->why = pass_string(pass, "grew 5 MB in 2 s");
	return s;
}

static void add_places(struct pass *pass, struct pass_suspect *s)
{
	static const char *const functions[] = { "memset", "grow\x1b", NULL };
	struct pass_place *place = vec_push(&s->places, &s->nr_places, &s->cap_places);

	s->faults = 4096;
	place->faults = 3768;
	place->share = 0.92;
	for (size_t i = 0; i < 4; i++) {
		struct pass_frame *frame =
			vec_push(&place->frames, &place->nr_frames, &place->cap_frames);

		frame->function = i < 3 ? functions[i] : NULL;
		frame->module = i < 3 ? pass_string(pass, "/usr/lib/libgrow.so") : NULL;
		frame->offset = 0x1234;
	}
	place = vec_push(&s->places, &s->nr_places, &s->cap_places);
	place->share = 0.08;
	((struct pass_frame *)vec_push(&place->frames, &place->nr_frames, &place->cap_frames))
		->function = "main";
}

/* A traced leaker, one whose finding is suppressed, one that ended, and a cgroup. */
static struct pass *make(void)
{
	struct pass *pass = pass_new();
	struct pass_suspect *s = add(pass, "leaker\x1b[31m", 77);
	struct finding_hidden *hidden;
	struct pass_kill *kill;

	pass->took_part = true;
	pass->started = 1700000000;
	pass->seconds = 100;
	pass->probability = 0.25;
	pass->processes = 2003;
	pass->nr_growing = 3;
	pass->triage_cpu = 0.5;
	pass->trace_cpu = 1.25;
	pass->faults_cpu = 0.25;
	pass->places_unseen = "it cost too much";
	s->traced = s->tried = true;
	s->trace_seconds = 60;
	s->profile = sample_profile();
	assert_int_equal(findings_judge(NULL, s->profile, &s->findings), 0);
	s = add(pass, "quiet", 78);
	s->traced = s->tried = true;
	s->profile = sample_profile();
	s->findings.suppressed = 2;
	hidden = vec_push(&s->findings.hidden, &s->findings.nr_hidden, &s->findings.cap_hidden);
	hidden->by = &known;
	hidden->sites = 2;
	hidden->live_bytes = 2048;
	s = add(pass, "gone", 79);
	s->tried = true;
	s->not_traced = pass_string(pass, "it has ended");
	add_places(pass, s);
	s = add(pass, "/kubepods/a", 0);
	s->is_cgroup = true;
	s->cgroup = s->comm;
	s->not_traced = pass_string(pass, "it is no process");
	kill = vec_push(&pass->kills, &pass->nr_kills, &pass->cap_kills);
	*kill = (struct pass_kill){ .pid = 99,
				    .uid = (uid_t)-1,
				    .comm = pass_string(pass, "victim"),
				    .limit_cgroup = pass_string(pass, "/kubepods"),
				    .limit = 64 << 20 };
	return pass;
}

typedef int (*writer)(const struct sweep_report *, const struct report_options *, FILE *);

static char *write_report(struct pass *pass, writer write, const char *store_problem)
{
	struct sweep_report report = { .pass = pass,
				       .outcome = pass_outcome(pass),
				       .host = "web-17",
				       .store = "/var/lib/seep/seep.db",
				       .store_problem = store_problem };
	struct report_options options = { .top = 10 };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(write(&report, &options, out), 0);
	fclose(out);
	return text;
}

static void has(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("no '%s' in:\n%s", words, text);
}

static void test_text(void **state)
{
	struct pass *pass = make();
	char *text = write_report(pass, sweep_write_text, NULL);

	has(text, "web-17, 2023-11-14 22:13:20 UTC: 2,003 processes");
	has(text, "3 grow, 2 traced");
	has(text, "(pid 77): grew 5 MB in 2 s; traced for 1m 00s");
	has(text, "LEAK       sessiond");
	has(text, "SUPPRESSED 2 sites (2.00 KiB) by function:f* in line 4: ticket 7");
	has(text, "NOT TRACED gone (pid 79): grew 5 MB in 2 s; it has ended.");
	has(text, "touched in: 92% memset < grow");
	has(text, " < libgrow.so+0x1234 < unknown code.");
	has(text, "touched in: 8% main.");
	has(text, "250 ms to");
	has(text, "first touched is not known: it cost too much.");
	has(text, "CGROUP     /kubepods/a");
	has(text, "KILLED     victim (pid 99)");
	has(text, "64.0 MiB, was reached");
	has(text, "2.00% of one core over 1m 40s");
	assert_null(strstr(text, "\x1b"));
	assert_null(strstr(text, "NOT STORED"));
	free(text);
	text = write_report(pass, sweep_write_text, "the disk is full");
	has(text, "NOT STORED the disk is full");
	free(text);
	pass_free(pass);
}

/* The suppressed one has its line, and not its sites. */
static void test_text_of_suppressed(void **state)
{
	struct pass *pass = make();
	char *text, *first;

	pass->suspects[1].findings.nr = 0;
	text = write_report(pass, sweep_write_text, NULL);
	first = strstr(text, "LEAK       sessiond");
	assert_non_null(first);
	assert_null(strstr(first + 1, "LEAK       sessiond"));
	free(text);
	pass_free(pass);
}

static void test_json(void **state)
{
	struct pass *pass = make();
	char *text = write_report(pass, sweep_write_json, "the disk is full");
	json_t *root, *sweep, *suspects, *suspect, *place, *kill;

	/* one line */
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	root = json_loads(text, 0, NULL);
	assert_non_null(root);
	assert_int_equal(json_integer_value(json_object_get(root, "schema")), 1);
	sweep = json_object_get(root, "sweep");
	assert_true(json_real_value(json_object_get(sweep, "weight")) == 4);
	assert_true(json_real_value(json_object_get(sweep, "cpu_share")) == 0.02);
	assert_int_equal(json_integer_value(json_object_get(sweep, "suppressed")), 2);
	assert_string_equal(json_string_value(json_object_get(sweep, "store_problem")),
			    "the disk is full");
	assert_true(json_is_null(json_object_get(sweep, "store_sweep")));
	suspects = json_object_get(root, "suspects");
	assert_int_equal(json_array_size(suspects), 4);
	suspect = json_array_get(suspects, 0);
	assert_true(json_is_null(json_object_get(suspect, "limit_seconds")));
	assert_int_equal(
		json_array_size(json_object_get(json_object_get(suspect, "profile"), "processes")),
		pass->suspects[0].profile->nr_processes);
	suspect = json_array_get(json_object_get(json_array_get(suspects, 1), "suppressions"), 0);
	assert_string_equal(json_string_value(json_object_get(suspect, "comment")), "ticket 7");
	suspect = json_array_get(suspects, 2);
	assert_true(json_is_null(json_object_get(suspect, "profile")));
	assert_string_equal(json_string_value(json_object_get(suspect, "not_traced")),
			    "it has ended");
	assert_int_equal(json_integer_value(json_object_get(suspect, "faults")), 4096);
	place = json_array_get(json_object_get(suspect, "places"), 0);
	assert_true(json_real_value(json_object_get(place, "share")) == 0.92);
	assert_int_equal(json_array_size(json_object_get(place, "frames")), 4);
	place = json_array_get(json_object_get(place, "frames"), 0);
	assert_string_equal(json_string_value(json_object_get(place, "function")), "memset");
	suspect = json_array_get(suspects, 3);
	assert_true(json_is_null(json_object_get(suspect, "faults")));
	assert_int_equal(json_array_size(json_object_get(suspect, "places")), 0);
	assert_string_equal(json_string_value(json_object_get(suspect, "kind")), "cgroup");
	assert_true(json_is_null(json_object_get(suspect, "pid")));
	kill = json_array_get(json_object_get(root, "kills"), 0);
	assert_true(json_is_null(json_object_get(kill, "uid")));
	json_decref(root);
	free(text);
	pass_free(pass);
}

static void test_outcome(void **state)
{
	struct pass *pass = pass_new();
	struct pass_suspect *s;

	pass->took_part = true;
	assert_string_equal(pass_outcome(pass), "clean");
	s = add(pass, "gone", 79);
	s->not_traced = "it has ended";
	assert_false(pass_is_partial(pass));
	s->failed = true;
	assert_true(pass_is_partial(pass));
	assert_string_equal(pass_outcome(pass), "partial: 1 not wholly traced (clean so far)");
	s->failed = false;
	s->findings.nr = 1;
	assert_string_equal(pass_outcome(pass), "findings");
	s->profile = profile_new();
	s->profile->health.dropped = 1;
	assert_true(pass_is_partial(pass));
	pass->stopped = true;
	assert_string_equal(pass_outcome(pass), "partial: it was stopped (findings so far)");
	assert_int_equal(pass_problem(pass, "no %s", "host"), 0);
	pass->stopped = false;
	assert_string_equal(pass_outcome(pass), "partial: no host (findings so far)");
	pass_free(pass);
}

static void test_left_out_by_chance(void **state)
{
	struct pass *pass = pass_new();
	char *text;

	pass->probability = 0.125;
	text = write_report(pass, sweep_write_text, NULL);
	has(text, "left out by chance (--probability 0.125)");
	assert_null(strstr(text, "COST"));
	free(text);
	pass_free(pass);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_of_suppressed),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_outcome),
		cmocka_unit_test(test_left_out_by_chance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pages as pictures: what an engineer must see is seen, at every size. */
#include <jansson.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sample_profile.h"
#include "top/batch.h"
#include "top/view.h"
#include "top_overview.h"

static char *picture(struct top_state *s, int width, int height)
{
	struct canvas *canvas = canvas_new(width, height, true);
	char *text;

	assert_non_null(canvas);
	top_draw(s, canvas);
	text = canvas_text(canvas);
	canvas_free(canvas);
	return text;
}

static struct top_state *new_state(void)
{
	struct top_state *s = calloc(1, sizeof(*s));

	s->interval = 2;
	assert_int_equal(top_state_look(s, sample_overview()), 0);
	return s;
}

static void free_state(struct top_state *s)
{
	top_state_release(s);
	free(s);
}

static void press(struct top_state *s, const char *key)
{
	top_state_key(s, KEY_IS_TEXT, key);
}

static void trace(struct top_state *s, enum watch_phase phase)
{
	struct watch_news news = { .phase = phase,
				   .pid = 4242,
				   .comm = "java",
				   .profile = sample_profile(),
				   .own_cpu = 0.7,
				   .target_cost = 1.2,
				   .target_core = 0.9,
				   .budget = 2 };

	assert_true(news.profile->nr_processes > 0);
	news.pid = (pid_t)news.profile->processes[0].pid;
	assert_int_equal(top_state_watch(s, &news), 0);
}

static void count_types(struct top_state *s)
{
	struct types_news news = { .phase = TYPES_COUNTING,
				   .pid = 40,
				   .comm = "python3",
				   .runtime = "python 3.11.2",
				   .objects = 100000,
				   .delta = 5000,
				   .rate = 250.5,
				   .seconds = 20,
				   .censuses = 4,
				   .cost = 0.1,
				   .verdict = "growing",
				   .collector = 0,
				   .nr_rows = 2 };

	news.rows = calloc(2, sizeof(*news.rows));
	news.rows[0] = (struct types_row){ strdup("Session"), 9000, 1 << 20, 4500, 225, "growing" };
	news.rows[1] = (struct types_row){ strdup("li\x1bst"), 100, 800, -3, -0.15, "flat" };
	top_state_types(s, &news);
}

static bool line_has(const char *text, int number, const char *what)
{
	char line[1024];

	while (number-- && text)
		text = strchr(text, '\n') + 1;
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\n"), text);
	return strstr(line, what);
}
#define SEES(text, what) assert_non_null(strstr(text, what))

static void the_grower_is_the_first_row(void **state)
{
	struct top_state *s = new_state();
	char *text = picture(s, 80, 24);

	assert_true(line_has(text, 0, "web-12"));
	assert_true(line_has(text, 0, "7 processes"));
	assert_true(line_has(text, 1, "16.0G, 4.0G available"));
	assert_true(line_has(text, 2, "none since"));
	assert_true(line_has(text, 3, "Tracing none"));
	assert_true(line_has(text, 4, ">GROWTH/m"));
	assert_true(line_has(text, 5, ">      40 java @012345"));
	assert_true(line_has(text, 5, "800M    +12.0M   1.0G   200M   16m 40s growing"));
	/* And all of it in words. */
	SEES(text, "java (40): 800 MiB in memory");
	SEES(text,
	     "200 MiB left of 1.00 GiB, memory limit of cgroup /kubepods/pod1, reached in 16m");
	SEES(text, "(15m 00s - 20m 00s)");
	free(text);
	free_state(s);
}

static void foreign_names_drive_no_terminal(void **state)
{
	struct top_state *s = new_state();
	char *text = picture(s, 80, 24);

	assert_null(strchr(text, '\x1b'));
	SEES(text, "日本?[31m");
	free(text);
	free_state(s);
}

static void a_wide_terminal_shows_more(void **state)
{
	struct top_state *s = new_state();
	char *text = picture(s, 140, 30);

	SEES(text, "CGROUP");
	SEES(text, "CPU%");
	SEES(text, "15m 00s - 20m 00s");
	free(text);
	free_state(s);
}

static void kills_are_told(void **state)
{
	struct top_state *s = new_state();
	struct overview *o = sample_overview();
	struct overview_kill *kill = vec_push(&o->kills, &o->nr_kills, &o->cap_kills);
	char *text;

	*kill = (struct overview_kill){ .time = o->time,
					.pid = 77,
					.comm = strpool_add(o->strings, "victim"),
					.cgroup = strpool_add(o->strings, "/a"),
					.limit = 64 << 20,
					.anonymous = 60 << 20 };
	o->nr_kills_seen = 1;
	assert_int_equal(top_state_look(s, o), 0);
	text = picture(s, 80, 24);
	SEES(text, "victim (77), 60.0M at the limit of 64.0M of /a");
	free(text);
	/* And where it was being traced. */
	trace(s, WATCH_ENDED);
	s->page = PAGE_SITES;
	s->watch.pid = 77;
	text = picture(s, 80, 24);
	assert_true(line_has(text, 0, "WAS KILLED for want of memory"));
	free(text);
	free_state(s);
}

static void the_traced_process_is_marked_with_its_cost(void **state)
{
	struct top_state *s = new_state();
	struct overview *o = sample_overview();
	char *text;

	trace(s, WATCH_TRACING);
	o->rows[2].pid = s->watch.pid;
	assert_int_equal(top_state_look(s, o), 0);
	text = picture(s, 80, 24);
	SEES(text, "0.9% of a core, 1.2% of its CPU; seep 0.7%");
	SEES(text, "\n *");
	free(text);
	free_state(s);
}

static void sites_are_seen_with_verdict_and_stack(void **state)
{
	struct top_state *s = new_state();
	const struct profile_process *process;
	char *text;

	s->page = PAGE_SITES;
	trace(s, WATCH_TRACING);
	process = &s->watch.profile->processes[0];
	text = picture(s, 100, 40);
	SEES(text, profile_verdict_name(process->verdict));
	SEES(text, "Tracing costs it 0.9% of a core, 1.2% of its CPU (budget 2%); seep uses 0.7%");
	SEES(text, "growing");
	SEES(text, "SessionTable::create");
	SEES(text, "The chosen site");
	assert_non_null(top_state_chosen_site(s)->evidence);
	free(text);
	text = picture(s, 80, 24);
	SEES(text, "The chosen site");
	SEES(text, "Server::loop");
	free(text);
	free_state(s);
}

static void an_ended_process_is_said_to_have_ended(void **state)
{
	struct top_state *s = new_state();
	struct watch_news news = { .phase = WATCH_FAILED, .pid = 9, .comm = "x" };
	char *text;

	s->page = PAGE_SITES;
	trace(s, WATCH_ENDED);
	text = picture(s, 80, 24);
	assert_true(line_has(text, 0, "HAS ENDED"));
	SEES(text, "SessionTable::create");
	free(text);
	strcpy(news.problem, "It cannot be traced: it is a kernel thread.");
	assert_int_equal(top_state_watch(s, &news), 0);
	text = picture(s, 80, 24);
	SEES(text, "it is a kernel thread");
	free(text);
	free_state(s);
}

static void types_are_seen(void **state)
{
	struct top_state *s = new_state();
	char *text;

	s->page = PAGE_TYPES;
	count_types(s);
	text = picture(s, 80, 24);
	assert_true(line_has(text, 0, "python 3.11.2"));
	SEES(text, "collector OFF");
	SEES(text, "Verdict: growing");
	SEES(text, "9,000      +4,500     +225.0    1.0M growing   Session");
	SEES(text, "li?st");
	free(text);
	free_state(s);
}

/* No page may need more than it is given, nor less than 80x24 to say what its keys are. */
static void every_size_is_survived(void **state)
{
	static const char *const pages[] = { "", "h", "/", "s" };
	struct top_state *s = new_state();

	trace(s, WATCH_TRACING);
	count_types(s);
	for (int page = PAGE_HOST; page <= PAGE_TYPES; page++)
		for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
			s->page = page;
			press(s, pages[i]);
			for (int width = 1; width < 200; width += width < 30 ? 1 : 17)
				for (int height = 1; height < 60; height += height < 30 ? 1 : 9)
					free(picture(s, width, height));
			top_state_key(s, KEY_IS_ESCAPE, NULL);
		}
	free_state(s);
}

static void keys_and_help_fit_a_small_terminal(void **state)
{
	struct top_state *s = new_state();
	char *text;

	trace(s, WATCH_TRACING);
	for (int page = PAGE_HOST; page <= PAGE_TYPES; page++) {
		s->page = page;
		text = picture(s, 80, 24);
		assert_false(line_has(text, 23, "…"));
		SEES(text, "q ");
		free(text);
	}
	s->page = PAGE_HOST;
	press(s, "h");
	text = picture(s, 80, 24);
	SEES(text, "* traced");
	assert_null(strstr(text, "…"));
	free(text);
	free_state(s);
}

static char *batch(int (*write)(const struct overview *, const struct batch_options *, FILE *),
		   const struct batch_options *options)
{
	struct overview *o = sample_overview();
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(write(o, options, out), 0);
	fclose(out);
	overview_free(o);
	return text;
}

static void batches_are_tables(void **state)
{
	const struct batch_options options = { .limit = 2, .utf8 = true };
	char *text = batch(batch_write_text, &options);

	assert_true(line_has(text, 0, "7 processes"));
	assert_true(line_has(text, 3, "40 java"));
	assert_true(line_has(text, 4, "41 compile"));
	assert_null(strstr(text, "cache"));
	free(text);
}

static void batches_are_json(void **state)
{
	const struct batch_options options = { .order = ORDER_PID, .reverse = true };
	char *text = batch(batch_write_json, &options);
	json_t *document = json_loads(text, 0, NULL), *rows, *row;

	assert_non_null(document);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_int_equal(json_integer_value(json_object_get(document, "schema")), 1);
	rows = json_object_get(document, "processes");
	assert_int_equal(json_array_size(rows), 7);
	row = json_array_get(rows, 0);
	assert_string_equal(json_string_value(json_object_get(row, "comm")), "日本?[31m");
	assert_true(json_is_null(json_object_get(row, "cpu_percent")));
	assert_true(json_is_null(json_object_get(json_object_get(row, "limit"), "seconds")));
	row = json_array_get(rows, 5);
	assert_int_equal(json_integer_value(json_object_get(row, "pid")), 40);
	assert_string_equal(json_string_value(json_object_get(row, "trend")), "growing");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(row, "limit"), "room_bytes")),
		(long long)(200 * MEBI));
	json_decref(document);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_grower_is_the_first_row),
		cmocka_unit_test(foreign_names_drive_no_terminal),
		cmocka_unit_test(a_wide_terminal_shows_more),
		cmocka_unit_test(kills_are_told),
		cmocka_unit_test(the_traced_process_is_marked_with_its_cost),
		cmocka_unit_test(sites_are_seen_with_verdict_and_stack),
		cmocka_unit_test(an_ended_process_is_said_to_have_ended),
		cmocka_unit_test(types_are_seen),
		cmocka_unit_test(every_size_is_survived),
		cmocka_unit_test(keys_and_help_fit_a_small_terminal),
		cmocka_unit_test(batches_are_tables),
		cmocka_unit_test(batches_are_json),
	};

	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

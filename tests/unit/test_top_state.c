/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What keys do, what stays chosen, and what news change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sample_profile.h"
#include "top/state.h"
#include "top_overview.h"

static struct top_state *new_state(void)
{
	struct top_state *s = calloc(1, sizeof(*s));

	s->lines = 3;
	assert_int_equal(top_state_look(s, sample_overview()), 0);
	return s;
}

static void free_state(struct top_state *s)
{
	top_state_release(s);
	free(s);
}

/* Characters; the last one's wish. */
static enum top_wish type_keys(struct top_state *s, const char *keys)
{
	enum top_wish wish = WISH_NONE;

	for (; *keys; keys++)
		wish = top_state_key(s, KEY_IS_TEXT, (const char[]){ *keys, '\0' });
	return wish;
}

static void order_is(const struct top_state *s, const pid_t *pids, size_t nr)
{
	assert_int_equal(s->nr_rows, nr);
	for (size_t i = 0; i < nr; i++)
		assert_int_equal(s->overview->rows[s->rows[i]].pid, pids[i]);
}
#define ORDER_IS(s, ...)                                                                           \
	order_is(s, (const pid_t[]){ __VA_ARGS__ },                                                \
		 sizeof((const pid_t[]){ __VA_ARGS__ }) / sizeof(pid_t))

static void what_really_grows_is_first(void **state)
{
	struct top_state *s = new_state();

	/* The compiler grew more, but nobody knows yet whether it goes on. */
	ORDER_IS(s, 40, 41, 44, 42, 1, 4194304, 43);
	type_keys(s, "M");
	ORDER_IS(s, 42, 40, 44, 41, 43, 1, 4194304);
	type_keys(s, "L");
	assert_int_equal(s->overview->rows[s->rows[0]].pid, 40);
	type_keys(s, "P");
	ORDER_IS(s, 1, 40, 41, 42, 43, 44, 4194304);
	type_keys(s, "P");
	ORDER_IS(s, 4194304, 44, 43, 42, 41, 40, 1);
	type_keys(s, "r");
	assert_int_equal(s->overview->rows[s->rows[0]].pid, 1);
	type_keys(s, "C");
	assert_int_equal(s->overview->rows[s->rows[6]].pid, 4194304); /* unknown comes last */
	free_state(s);
}

static void a_filter_is_typed(void **state)
{
	struct top_state *s = new_state();

	type_keys(s, "/LO");
	ORDER_IS(s, 44);
	assert_int_equal(top_state_key(s, KEY_IS_ERASE, NULL), WISH_NONE);
	assert_string_equal(s->filter, "L");
	top_state_key(s, KEY_IS_ERASE, NULL);
	top_state_key(s, KEY_IS_ERASE, NULL);
	assert_int_equal(s->nr_rows, 7);
	type_keys(s, "kubepods");
	top_state_key(s, KEY_IS_ENTER, NULL);
	assert_int_equal(s->prompt, PROMPT_NONE);
	ORDER_IS(s, 40);
	/* It holds for what comes later too. */
	assert_int_equal(top_state_look(s, sample_overview()), 0);
	ORDER_IS(s, 40);
	assert_int_equal(top_state_key(s, KEY_IS_ESCAPE, NULL), WISH_NONE);
	assert_int_equal(s->nr_rows, 7);
	type_keys(s, "/nobody");
	assert_int_equal(s->nr_rows, 0);
	assert_null(top_state_chosen(s));
	top_state_key(s, KEY_IS_ENTER, NULL);
	assert_int_equal(top_state_key(s, KEY_IS_ENTER, NULL), WISH_NONE);
	free_state(s);
}

static void a_pid_filters_wholly(void **state)
{
	struct top_state *s = new_state();

	type_keys(s, "/4");
	assert_int_equal(s->nr_rows, 1); /* only pid 40's cgroup has a 4; pids must be whole */
	type_keys(s, "3");
	ORDER_IS(s, 43);
	free_state(s);
}

static void text_of_a_prompt_is_bounded(void **state)
{
	struct top_state *s = new_state();

	type_keys(s, "/");
	for (int i = 0; i < 2 * TOP_LINE; i++)
		top_state_key(s, KEY_IS_TEXT, "日");
	assert_true(strlen(s->line) < TOP_LINE);
	assert_int_equal(strlen(s->line) % 3, 0);
	top_state_key(s, KEY_IS_ERASE, NULL);
	assert_int_equal(strlen(s->line) % 3, 0);
	for (int i = 0; i < TOP_LINE; i++)
		top_state_key(s, KEY_IS_ERASE, NULL);
	assert_string_equal(s->line, "");
	free_state(s);
}

static void the_chosen_row_stays_chosen(void **state)
{
	struct top_state *s = new_state();
	struct overview *next = sample_overview();

	top_state_key(s, KEY_GO_DOWN, NULL);
	assert_int_equal(top_state_chosen(s)->pid, 41);
	next->rows[4].shape = SERIES_RISING; /* pid 43 overtakes */
	next->rows[4].rate = 1e9;
	assert_int_equal(top_state_look(s, next), 0);
	assert_int_equal(s->overview->rows[s->rows[0]].pid, 43);
	assert_int_equal(top_state_chosen(s)->pid, 41);
	free_state(s);
}

static void untouched_the_first_row_is_chosen(void **state)
{
	struct top_state *s = new_state();
	struct overview *next = sample_overview();

	next->rows[4].shape = SERIES_RISING;
	next->rows[4].rate = 1e9;
	assert_int_equal(top_state_look(s, next), 0);
	assert_int_equal(top_state_chosen(s)->pid, 43);
	free_state(s);
}

static void another_process_of_that_pid_is_not_chosen(void **state)
{
	struct top_state *s = new_state();
	struct overview *next = sample_overview();

	type_keys(s, "P");
	top_state_key(s, KEY_GO_LAST, NULL);
	assert_int_equal(top_state_chosen(s)->pid, 4194304);
	next->rows[6].start_ticks = 9999;
	next->rows[6].pid = 2;
	add_process(next, 4194304, "new", 1, SERIES_FLAT, 0)->start_ticks = 5;
	assert_int_equal(top_state_look(s, next), 0);
	assert_int_equal(top_state_chosen(s)->pid, 44);
	free_state(s);
}

static void moving_stays_in_the_list(void **state)
{
	struct top_state *s = new_state();

	type_keys(s, "P");
	for (int i = 0; i < 20; i++)
		top_state_key(s, KEY_GO_DOWN, NULL);
	assert_int_equal(s->list.chosen, 6);
	assert_int_equal(s->list.first, 4);
	top_state_key(s, KEY_GO_PAGE_UP, NULL);
	assert_int_equal(s->list.chosen, 4);
	type_keys(s, "kkkkkkkk");
	assert_int_equal(s->list.chosen, 0);
	assert_int_equal(s->list.first, 0);
	top_state_key(s, KEY_GO_PAGE_DOWN, NULL);
	type_keys(s, "j");
	assert_int_equal(s->list.chosen, 3);
	top_state_key(s, KEY_GO_LAST, NULL);
	top_state_key(s, KEY_GO_FIRST, NULL);
	assert_int_equal(s->list.chosen, 0);
	/* Fewer rows than before. */
	top_state_key(s, KEY_GO_LAST, NULL);
	type_keys(s, "/cache");
	assert_int_equal(s->list.chosen, 0);
	free_state(s);
}

static void a_pause_holds_what_is_seen(void **state)
{
	struct top_state *s = new_state();
	const struct overview *seen = s->overview;

	type_keys(s, "p");
	assert_int_equal(top_state_look(s, sample_overview()), 0);
	assert_ptr_equal(s->overview, seen);
	type_keys(s, "/j");
	ORDER_IS(s, 40);
	top_state_key(s, KEY_IS_ESCAPE, NULL);
	type_keys(s, " ");
	assert_int_equal(top_state_look(s, sample_overview()), 0);
	assert_false(s->paused);
	free_state(s);
}

static void watch(struct top_state *s, enum watch_phase phase, struct profile *profile)
{
	struct watch_news news = { .phase = phase, .pid = 40, .profile = profile };

	strcpy(news.comm, "ja/../va");
	assert_int_equal(top_state_watch(s, &news), 0);
	assert_null(news.profile);
}

static void enter_traces_and_back_goes_on_tracing(void **state)
{
	struct top_state *s = new_state();

	assert_int_equal(top_state_key(s, KEY_IS_ENTER, NULL), WISH_TRACE);
	assert_int_equal(s->wish_pid, 40);
	assert_int_equal(s->page, PAGE_SITES);
	watch(s, WATCH_TRACING, sample_profile());
	assert_true(s->nr_sites > 2);
	assert_int_equal(type_keys(s, "q"), WISH_NONE);
	assert_int_equal(s->page, PAGE_HOST);
	assert_true(top_state_traces(s));
	/* The same again is no new tracing. */
	assert_int_equal(top_state_key(s, KEY_IS_ENTER, NULL), WISH_NONE);
	assert_int_equal(s->page, PAGE_SITES);
	assert_int_equal(top_state_key(s, KEY_IS_ESCAPE, NULL), WISH_NONE);
	/* Another one is. */
	top_state_key(s, KEY_GO_DOWN, NULL);
	assert_int_equal(top_state_key(s, KEY_IS_ENTER, NULL), WISH_TRACE);
	assert_int_equal(s->wish_pid, 41);
	assert_int_equal(type_keys(s, "d"), WISH_DETACH);
	watch(s, WATCH_STOPPED, NULL);
	assert_int_equal(type_keys(s, "d"), WISH_NONE);
	type_keys(s, "q");
	assert_int_equal(type_keys(s, "q"), WISH_QUIT);
	free_state(s);
}

static void what_was_seen_of_an_ended_process_stays(void **state)
{
	struct top_state *s = new_state();

	top_state_key(s, KEY_IS_ENTER, NULL);
	watch(s, WATCH_STARTING, NULL);
	watch(s, WATCH_TRACING, sample_profile());
	watch(s, WATCH_ENDED, NULL);
	assert_non_null(s->watch.profile);
	assert_true(s->nr_sites > 2);
	assert_false(top_state_traces(s));
	watch(s, WATCH_STARTING, NULL);
	assert_null(s->watch.profile);
	assert_int_equal(s->nr_sites, 0);
	assert_null(top_state_chosen_site(s));
	free_state(s);
}

static void sites_that_grow_come_first(void **state)
{
	struct top_state *s = new_state();
	const struct profile_site *site;
	uint64_t id;

	top_state_key(s, KEY_IS_ENTER, NULL);
	watch(s, WATCH_TRACING, sample_profile());
	site = top_state_chosen_site(s);
	assert_non_null(site);
	assert_true(site->verdict == VERDICT_GROWING || site->verdict == VERDICT_BURST ||
		    site->verdict == VERDICT_LOST);
	type_keys(s, "M");
	for (size_t i = 1; i < s->nr_sites; i++)
		assert_true(s->watch.profile->sites[s->sites[i - 1]].live_bytes >=
			    s->watch.profile->sites[s->sites[i]].live_bytes);
	type_keys(s, "N");
	for (size_t i = 1; i < s->nr_sites; i++)
		assert_true(s->watch.profile->sites[s->sites[i - 1]].live_count >=
			    s->watch.profile->sites[s->sites[i]].live_count);
	/* The chosen site is found again in the next profile. */
	top_state_key(s, KEY_GO_DOWN, NULL);
	id = top_state_chosen_site(s)->id;
	type_keys(s, "p");
	type_keys(s, "p");
	watch(s, WATCH_TRACING, sample_profile());
	assert_int_equal(top_state_chosen_site(s)->id, id);
	free_state(s);
}

static void saving_asks_for_a_harmless_name(void **state)
{
	struct top_state *s = new_state();

	assert_int_equal(type_keys(s, "s"), WISH_NONE);
	assert_int_equal(s->prompt, PROMPT_NONE);
	assert_true(*s->message);
	top_state_key(s, KEY_IS_ENTER, NULL);
	watch(s, WATCH_TRACING, sample_profile());
	type_keys(s, "s");
	assert_int_equal(s->prompt, PROMPT_SAVE);
	assert_string_equal(s->line, "ja____va-40.seep");
	/* Letters are text now. */
	assert_int_equal(type_keys(s, "qd"), WISH_NONE);
	assert_int_equal(top_state_key(s, KEY_IS_ENTER, NULL), WISH_SAVE);
	assert_string_equal(s->line, "ja____va-40.seepqd");
	type_keys(s, "s");
	assert_int_equal(top_state_key(s, KEY_IS_ESCAPE, NULL), WISH_NONE);
	assert_int_equal(s->prompt, PROMPT_NONE);
	free_state(s);
}

static void types_come_and_stay(void **state)
{
	struct top_state *s = new_state();
	struct types_news news = { .phase = TYPES_COUNTING, .pid = 40, .nr_rows = 1 };

	assert_int_equal(type_keys(s, "t"), WISH_TYPES);
	assert_int_equal(s->wish_pid, 40);
	news.rows = calloc(1, sizeof(*news.rows));
	news.rows[0].name = strdup("Session");
	top_state_types(s, &news);
	news = (struct types_news){ .phase = TYPES_ENDED, .pid = 40 };
	top_state_types(s, &news);
	assert_int_equal(s->types.nr_rows, 1);
	assert_int_equal(s->types.phase, TYPES_ENDED);
	assert_int_equal(type_keys(s, "t"), WISH_NONE);
	assert_int_equal(type_keys(s, "q"), WISH_TYPES_END);
	assert_int_equal(s->page, PAGE_HOST);
	free_state(s);
}

static void help_goes_with_any_key(void **state)
{
	struct top_state *s = new_state();

	type_keys(s, "h");
	assert_true(s->help);
	assert_int_equal(type_keys(s, "q"), WISH_NONE);
	assert_false(s->help);
	type_keys(s, "?");
	assert_int_equal(top_state_key(s, KEY_IS_ESCAPE, NULL), WISH_NONE);
	assert_false(s->help);
	free_state(s);
}

static void keys_before_the_first_look_do_nothing(void **state)
{
	struct top_state *s = calloc(1, sizeof(*s));
	static const char keys[] = "GMLCPjkrptsdh?/x";

	for (size_t i = 0; i < sizeof(keys) - 1; i++)
		top_state_key(s, KEY_IS_TEXT, (const char[]){ keys[i], '\0' });
	for (enum top_key key = KEY_GO_UP; key <= KEY_IS_ERASE; key++)
		assert_int_equal(top_state_key(s, key, NULL), WISH_NONE);
	assert_int_equal(type_keys(s, "q"), WISH_QUIT);
	free_state(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_really_grows_is_first),
		cmocka_unit_test(a_filter_is_typed),
		cmocka_unit_test(a_pid_filters_wholly),
		cmocka_unit_test(text_of_a_prompt_is_bounded),
		cmocka_unit_test(the_chosen_row_stays_chosen),
		cmocka_unit_test(untouched_the_first_row_is_chosen),
		cmocka_unit_test(another_process_of_that_pid_is_not_chosen),
		cmocka_unit_test(moving_stays_in_the_list),
		cmocka_unit_test(a_pause_holds_what_is_seen),
		cmocka_unit_test(enter_traces_and_back_goes_on_tracing),
		cmocka_unit_test(what_was_seen_of_an_ended_process_stays),
		cmocka_unit_test(sites_that_grow_come_first),
		cmocka_unit_test(saving_asks_for_a_harmless_name),
		cmocka_unit_test(types_come_and_stay),
		cmocka_unit_test(help_goes_with_any_key),
		cmocka_unit_test(keys_before_the_first_look_do_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Text as cells: what is foreign is made harmless, what is wide takes two, what is long is cut. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "top/canvas.h"
#include "top/columns.h"
#include "top/figures.h"
#include "top/overview.h"

static void shows(const struct canvas *canvas, const char *expected)
{
	char *text = canvas_text(canvas);

	assert_string_equal(text, expected);
	free(text);
}

static void text_is_cut_with_a_mark(void **state)
{
	struct canvas *canvas = canvas_new(10, 2, true);

	assert_int_equal(canvas_put(canvas, 0, 0, 5, CANVAS_PLAIN, "abcde"), 5);
	assert_int_equal(canvas_put(canvas, 1, 2, 5, CANVAS_BOLD, "abcdef"), 7);
	shows(canvas, "abcde\n  abcd…\n");
	assert_int_equal(canvas_line(canvas, 1)[2].style, CANVAS_BOLD);
	assert_int_equal(canvas_line(canvas, 1)[7].style, CANVAS_PLAIN);
	canvas_free(canvas);
}

static void nothing_is_put_outside(void **state)
{
	struct canvas *canvas = canvas_new(4, 1, true);

	canvas_put(canvas, 0, -1, 3, CANVAS_PLAIN, "x");
	canvas_put(canvas, 0, 4, 3, CANVAS_PLAIN, "x");
	canvas_put(canvas, 1, 0, 3, CANVAS_PLAIN, "x");
	canvas_put(canvas, -1, 0, 3, CANVAS_PLAIN, "x");
	canvas_put(canvas, 0, 1, 0, CANVAS_PLAIN, "x");
	canvas_put(canvas, 0, 2, 2147483647, CANVAS_PLAIN, "xyz");
	canvas_paint(canvas, 7, CANVAS_BAR);
	shows(canvas, "  x…\n");
	assert_null(canvas_line(canvas, 1));
	assert_null(canvas_line(canvas, -1));
	canvas_free(canvas);
}

static void control_characters_are_shown_as_marks(void **state)
{
	struct canvas *canvas = canvas_new(40, 1, true);

	canvas_put(canvas, 0, 0, 40, CANVAS_PLAIN, "a\x1b[2Jb\nc\td\x7f\xc2\x9b\xff\xe2\x80\xae");
	shows(canvas, "a?[2Jb?c?d??\xef\xbf\xbd?\n");
	canvas_free(canvas);
}

static void wide_characters_take_two_columns(void **state)
{
	struct canvas *canvas = canvas_new(8, 1, true);

	assert_int_equal(canvas_put(canvas, 0, 0, 8, CANVAS_PLAIN, "日本x"), 5);
	assert_int_equal(canvas_line(canvas, 0)[0].width, 2);
	assert_int_equal(canvas_line(canvas, 0)[1].width, 0);
	assert_int_equal(canvas_line(canvas, 0)[4].character, 'x');
	shows(canvas, "日本x\n");
	/* One half is overwritten: the other is blank. */
	canvas_put(canvas, 0, 1, 1, CANVAS_PLAIN, "y");
	shows(canvas, " y本x\n");
	canvas_put(canvas, 0, 2, 1, CANVAS_PLAIN, "z");
	shows(canvas, " yz x\n");
	/* There is no room for half of one. */
	canvas_put(canvas, 0, 5, 2, CANVAS_PLAIN, "日本");
	shows(canvas, " yz x…\n");
	canvas_free(canvas);
}

static void combining_marks_are_left_out(void **state)
{
	struct canvas *canvas = canvas_new(8, 1, true);

	assert_int_equal(canvas_put(canvas, 0, 0, 8, CANVAS_PLAIN, "e\xcc\x81x"), 2);
	shows(canvas, "ex\n");
	canvas_free(canvas);
}

static void a_terminal_of_ascii_gets_ascii(void **state)
{
	struct canvas *canvas = canvas_new(6, 1, false);

	canvas_put(canvas, 0, 0, 6, CANVAS_PLAIN, "é日abcdef");
	shows(canvas, "??abc~\n");
	canvas_free(canvas);
}

static void text_is_put_at_the_right(void **state)
{
	struct canvas *canvas = canvas_new(10, 3, true);

	canvas_put_right(canvas, 0, 0, 6, CANVAS_PLAIN, "ab");
	canvas_put_right(canvas, 1, 0, 6, CANVAS_PLAIN, "日");
	canvas_put_right(canvas, 2, 0, 6, CANVAS_PLAIN, "abcdefgh");
	shows(canvas, "    ab\n    日\nabcde…\n");
	canvas_free(canvas);
}

static void long_text_is_broken_at_blanks(void **state)
{
	struct canvas *canvas = canvas_new(10, 4, true);

	assert_int_equal(canvas_wrap(canvas, 0, 0, 4, CANVAS_PLAIN, "one two three four"), 2);
	shows(canvas, "one two\nthree four\n\n\n");
	canvas_free(canvas);
	canvas = canvas_new(10, 4, true);
	assert_int_equal(canvas_wrap(canvas, 0, 0, 2, CANVAS_PLAIN, "abcdefghijklmnopq rest more"),
			 2);
	shows(canvas, "abcdefghij\nklmnopq r…\n\n\n");
	canvas_free(canvas);
	canvas = canvas_new(1, 1, true);
	assert_int_equal(canvas_wrap(canvas, 0, 0, 4, CANVAS_PLAIN, "one two"), 0);
	canvas_free(canvas);
}

static void columns_share_what_is_left(void **state)
{
	static const struct column all[] = {
		{ "A", 3, 0, true, 1 },
		{ "B", 0, 0, false, -1 },
		{ "C", 4, 30, true, 2 },
	};
	struct canvas *canvas = canvas_new(20, 1, true);
	struct columns columns;

	columns_lay_out(&columns, all, 3, 2, 20);
	assert_int_equal(columns.begin[0], 2);
	assert_int_equal(columns.begin[1], 6);
	assert_int_equal(columns.width[1], 14);
	assert_int_equal(columns.width[2], 0);
	columns_draw_heads(&columns, canvas, 0, 1, false);
	shows(canvas, "   >A B\n");
	columns_lay_out(&columns, all, 3, 0, 30);
	assert_int_equal(columns.width[1], 21);
	assert_int_equal(columns.begin[2], 26);
	/* Too narrow for all: nothing is below zero. */
	columns_lay_out(&columns, all, 3, 0, 2);
	assert_int_equal(columns.width[1], 0);
	columns_draw(&columns, canvas, 0, 1, CANVAS_PLAIN, "x");
	canvas_free(canvas);
}

static void figures_are_narrow(void **state)
{
	struct figure f;

	assert_string_equal(figure_bytes(&f, 0), "0");
	assert_string_equal(figure_bytes(&f, 1023), "1023");
	assert_string_equal(figure_bytes(&f, 1024), "1.0K");
	assert_string_equal(figure_bytes(&f, 1023.9 * 1024), "1.0M");
	assert_string_equal(figure_bytes(&f, 99.94 * 1024), "99.9K");
	assert_string_equal(figure_bytes(&f, 99.96 * 1024), "100K");
	assert_string_equal(figure_limit(&f, OVERVIEW_UNLIMITED), "-");
	assert_string_equal(figure_limit(&f, OVERVIEW_UNKNOWN), "?");
	assert_string_equal(figure_growth(&f, 1024.0 * 1024 / 60), "+1.0M");
	assert_string_equal(figure_growth(&f, -1024.0 / 60), "-1.0K");
	assert_string_equal(figure_growth(&f, 0.001), "0");
	assert_string_equal(figure_growth(&f, 0.0 / 0.0), "0");
	assert_string_equal(figure_time(&f, 1.0 / 0.0), "-");
	assert_string_equal(figure_time(&f, 7800), "2h 10m");
	assert_string_equal(figure_time(&f, 200 * 86400.0), ">100 d");
	assert_string_equal(figure_percent(&f, -1), "?");
	assert_string_equal(figure_percent(&f, 0.034), "0.03");
	assert_string_equal(figure_percent(&f, 250), "250");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_cut_with_a_mark),
		cmocka_unit_test(nothing_is_put_outside),
		cmocka_unit_test(control_characters_are_shown_as_marks),
		cmocka_unit_test(wide_characters_take_two_columns),
		cmocka_unit_test(combining_marks_are_left_out),
		cmocka_unit_test(a_terminal_of_ascii_gets_ascii),
		cmocka_unit_test(text_is_put_at_the_right),
		cmocka_unit_test(long_text_is_broken_at_blanks),
		cmocka_unit_test(columns_share_what_is_left),
		cmocka_unit_test(figures_are_narrow),
	};

	/* The width of a character is asked of the C library. */
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

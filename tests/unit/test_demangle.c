// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names as c++filt and rustc write them, and a bound on those that explode. */
#include "stack_program.h"

#include <time.h>

#include "stack/demangle.h"

static void check(const char *symbol, const char *expected)
{
	char *text = demangle(symbol);

	if (expected)
		assert_string_equal(text ? text : "(none)", expected);
	else
		assert_null(text);
	free(text);
}

/* All C++ symbols of the C++ library in use, compared with c++filt. */
static void test_like_cxxfilt(void **state)
{
	char *symbols, *expected, *line, *expected_line, *rest = NULL, *expected_rest = NULL;
	size_t nr = 0;

	(void)state;
	if (!have_command("c++filt") || !have_command("nm") || !have_command("c++"))
		skip();
	run_command("nm -D --defined-only $(c++ -print-file-name=libstdc++.so.6) | "
		    "sed 's/.* //; s/@.*//' | grep ^_Z | sort -u >symbols && "
		    "c++filt --no-verbose <symbols >expected");
	symbols = output_of("cat symbols");
	expected = output_of("cat expected");
	line = strtok_r(symbols, "\n", &rest);
	expected_line = strtok_r(expected, "\n", &expected_rest);
	while (line) {
		char *text = demangle(line);

		assert_non_null(expected_line);
		assert_string_equal(text ? text : line, expected_line);
		assert_string_equal(demangle_language(line), "c++");
		free(text);
		line = strtok_r(NULL, "\n", &rest);
		expected_line = strtok_r(NULL, "\n", &expected_rest);
		nr++;
	}
	assert_true(nr > 1000);
	free(symbols);
	free(expected);
}

/* The examples of the two schemes: the book of rustc, "Symbol Mangling", and RFC 2603. */
static void test_rust(void **state)
{
	(void)state;
	check("_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write");
	check("_ZN4core3fmt5write17h0123456789abcdefE.llvm.8054", "core::fmt::write");
	check("_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$"
	      "3bar17h930b740aa94f1d3aE",
	      "<Test + 'static as foo::Bar<Test>>::bar");
	check("_RNvC6_123foo3bar", "123foo::bar");
	check("_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar");
	check("_RINvNtC3std3mem8align_ofjdE", "std::mem::align_of::<usize, f64>");
	assert_string_equal(demangle_language("_ZN4core3fmt5write17h0123456789abcdefE"), "rust");
	assert_string_equal(demangle_language("_RNvC6_123foo3bar"), "rust");
}

static void test_d(void **state)
{
	(void)state;
	check("_D8demangle4testFZv", "demangle.test()");
	assert_string_equal(demangle_language("_D8demangle4testFZv"), "d");
}

static void test_others(void **state)
{
	(void)state;
	check("malloc", NULL);
	check("", NULL);
	check("_", NULL);
	check("_Z", NULL);
	check("_ZN", NULL);
	check("_R", NULL);
	check("_D9999999999999999999999", NULL);
	check("_ZN3foo", NULL);
	check("runtime.mallocgc", NULL);
	check("_Z3fooi.constprop.0", "foo(int) [clone .constprop.0]");
	assert_null(demangle_language("malloc"));
	assert_null(demangle_language("_Rhythm"));
	assert_null(demangle_language("_Dump"));
	assert_null(demangle_language(""));
	/* an identifier that only looks like a hash */
	check("_ZN3foo17h0123456789abcdeE", NULL);
}

/* Each parameter is a function type of the one before, twice: 2^60 bytes of text. */
static void test_explosion(void **state)
{
	struct timespec start, end;
	char symbol[2048] = "_Z1fFviE";
	size_t i;
	char *text;

	(void)state;
	for (i = 0; i < 60; i++) {
		static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
		char last[8] = "S_";

		if (i > 36)
			snprintf(last, sizeof(last), "S1%c_", digits[i - 37]);
		else if (i)
			snprintf(last, sizeof(last), "S%c_", digits[i - 1]);
		snprintf(symbol + strlen(symbol), sizeof(symbol) - strlen(symbol), "Fv%s%sE", last,
			 last);
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	text = demangle(symbol);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(!text || strlen(text) <= 16384);
	assert_true(end.tv_sec - start.tv_sec < 5);
	free(text);
	memset(symbol, 'F', sizeof(symbol) - 1);
	memcpy(symbol, "_Z1f", 4);
	symbol[sizeof(symbol) - 1] = '\0';
	free(demangle(symbol));
	memset(symbol, 'Q', sizeof(symbol) - 1);
	memcpy(symbol, "_D1f", 4);
	symbol[sizeof(symbol) - 1] = '\0';
	free(demangle(symbol));
}

/* Sixteen bytes that libiberty takes for more lifetimes than it can ever name. */
static void test_lifetimes(void **state)
{
	(void)state;
	check("_RYXYDGXDGXqGDq_qZ", NULL);
	check("_RMCs4fqI2P2rA04_13const_genericINtB0_4TestFGZZZZ_RL0_hEuE", NULL);
	check("_RINvC1c3fooFG_RL0_hEuE", "c::foo::<for<'a> fn(&'a u8)>");
	check("_RNvC1c10FGraph_x10", NULL);
	check("_RNvC1c7Graph_x", "c::Graph_x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_like_cxxfilt),
		cmocka_unit_test(test_rust),
		cmocka_unit_test(test_d),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_explosion),
		cmocka_unit_test(test_lifetimes),
	};

	return cmocka_run_group_tests(tests, make_work_folder, remove_work_folder);
}

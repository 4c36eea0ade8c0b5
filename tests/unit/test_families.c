/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <linux/types.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../bpf/event.h"
#include "attach/families.h"

static void names_and_ids_agree(void **state)
{
	static const char *const names[] = { "glibc",	 "musl",    "jemalloc", "tcmalloc",
					     "mimalloc", "generic", "pair" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct family *family = family_find(names[i]);

		assert_non_null(family);
		/* ids are stored nowhere but in cookies; the names are */
		assert_string_equal(family_name(family->id), names[i]);
	}
	assert_string_equal(family_name(0), "unknown");
	assert_string_equal(family_name(200), "unknown");
	assert_null(family_find("no such"));
}

static void every_function_can_be_probed(void **state)
{
	for (size_t i = 0; i < nr_families; i++) {
		const struct family *family = &families[i];

		assert_true(family->id != 0);
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(family->id, families[k].id);
		for (size_t f = 0; f < family->nr_functions; f++) {
			const struct family_function *function = &family->functions[f];

			assert_true(function->op > SEEP_OP_NONE && function->op < SEEP_OP_COUNT);
			assert_string_not_equal(operation_name(function->op), "unknown");
			/* six argument registers; no op reads more than three */
			assert_true(function->shift <= 3);
			for (size_t g = 0; g < f; g++)
				assert_string_not_equal(function->symbol,
							family->functions[g].symbol);
		}
	}
	assert_string_equal(operation_name(SEEP_OP_NONE), "unknown");
	assert_string_equal(operation_name(255), "unknown");
}

static const struct family_function *function(const char *family_named, const char *symbol)
{
	const struct family *family = family_find(family_named);

	for (size_t i = 0; i < family->nr_functions; i++)
		if (strcmp(family->functions[i].symbol, symbol) == 0)
			return &family->functions[i];
	return NULL;
}

static void shapes_are_right(void **state)
{
	assert_null(function("glibc", "_Znwm"));
	assert_true(function("jemalloc", "_Znwm")->throws);
	assert_false(function("jemalloc", "_ZnwmRKSt9nothrow_t")->throws);
	assert_int_equal(function("jemalloc", "xallocx")->op, SEEP_OP_RESIZE);
	assert_int_equal(function("mimalloc", "mi_heap_malloc")->shift, 1);
	assert_int_equal(function("mimalloc", "mi_zalloc")->shift, 0);
	assert_int_equal(function("mimalloc", "mi_strdup")->op, SEEP_OP_STRDUP);
	assert_true(function("glibc", "reallocarray")->wrapper);
	assert_true(family_find("glibc")->null_realloc_frees);
	assert_false(family_find("musl")->null_realloc_frees);
}

static void parses_pairs(void **state)
{
	struct pair pair;
	char *message;

	assert_int_equal(pair_parse("libssl.so*:SSL_new=SSL_free", &pair, &message), 0);
	assert_string_equal(pair.library, "libssl.so*");
	assert_string_equal(pair.acquire, "SSL_new");
	assert_string_equal(pair.release, "SSL_free");
	assert_int_equal(pair.acquire_argument, 0);
	assert_int_equal(pair.release_argument, 1);
	pair_free(&pair);
	assert_int_equal(pair_parse("/opt/a:b/libx.so:open@2=close@6", &pair, &message), 0);
	assert_string_equal(pair.library, "/opt/a:b/libx.so");
	assert_string_equal(pair.acquire, "open");
	assert_int_equal(pair.acquire_argument, 2);
	assert_int_equal(pair.release_argument, 6);
	pair_free(&pair);
}

static void refuses_bad_pairs(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "library" },
		{ "a=b", "library" },
		{ ":a=b", "library" },
		{ "lib:a", "'='" },
		{ "lib:=b", "acquiring" },
		{ "lib:a=", "releasing" },
		{ "lib:a@0=b", "acquiring" },
		{ "lib:a@7=b", "acquiring" },
		{ "lib:a=b@", "releasing" },
		{ "lib:a=b@12", "releasing" },
		{ "lib:a b=c", "acquiring" },
		{ "lib:a=b=c", "releasing" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair pair;
		char *message = NULL;

		assert_int_equal(pair_parse(cases[i].text, &pair, &message), -EINVAL);
		assert_non_null(strstr(message, cases[i].says));
		free(message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_ids_agree),
		cmocka_unit_test(every_function_can_be_probed),
		cmocka_unit_test(shapes_are_right),
		cmocka_unit_test(parses_pairs),
		cmocka_unit_test(refuses_bad_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Names from debug information that other tools have taken apart: dwz, which moves what
 * debug files have in common to one more, and dwp, which packs split DWARF. What they
 * did not touch says what is right.
 */
#include "symbol_session.h"

/* All frames at every third byte of the functions are the same in both programs. */
static void check_same(const char *whole, const char *parted, size_t least_inlined)
{
	struct session left = open_session(whole, NULL), right = open_session(parted, NULL);
	static const char *const functions[] = { "outer", "hidden" };
	size_t i, inlined = 0;

	for (i = 0; i < 2; i++) {
		uint64_t start = symbol_value(whole, functions[i]), at;

		for (at = start; at < start + 40; at += 3) {
			const struct symbol *a, *b;
			int nr = name_at(&left, at, &a), k;

			assert_int_equal(name_at(&right, at, &b), nr);
			for (k = 0; k < nr && a[k].function; k++) {
				assert_string_equal(b[k].function, a[k].function);
				assert_int_equal(b[k].line, a[k].line);
				assert_int_equal(b[k].inlined, a[k].inlined);
				if (a[k].file)
					assert_string_equal(b[k].file, a[k].file);
				inlined += a[k].inlined;
			}
		}
	}
	assert_true(inlined >= least_inlined);
	close_session(&left);
	close_session(&right);
}

static void test_dwz(void **state)
{
	(void)state;
	if (!have_command("dwz")) {
		print_message("skipped: no dwz\n");
		skip();
	}
	write_source("a.c", C_SOURCE);
	run_command(
		"cp a.c b.c && cc -g -O2 -Wl,--build-id=sha1 -o whole a.c && "
		"cc -g -O2 -Wl,--build-id=0x1122334455 -o other b.c && mkdir -p .debug && "
		"for f in whole other; do objcopy --only-keep-debug $f .debug/$f.debug && "
		"strip -o $f.bare $f && objcopy --add-gnu-debuglink=.debug/$f.debug $f.bare; done "
		"&& "
		"dwz -m .debug/common -M %s/.debug/common .debug/whole.debug .debug/other.debug && "
		"readelf -S .debug/whole.debug | grep -q gnu_debugaltlink && "
		/* the link's checksum is not looked at where there is a build id */
		"mv whole.bare parted",
		work_folder);
	check_same("whole", "parted", 4);
	/* without what is shared, no name is made up; the symbols are left */
	run_command("rm .debug/common");
	{
		struct session session = open_session("parted", NULL);

		assert_string_equal(function_at(&session, symbol_value("whole", "outer")), "outer");
		close_session(&session);
	}
}

static void test_dwp(void **state)
{
	(void)state;
	if (!have_command("dwp")) {
		print_message("skipped: no dwp\n");
		skip();
	}
	write_source("p.c", C_SOURCE);
	run_command(
		"cc -g -O2 -c -o w.o p.c && cc -o whole w.o && "
		"cc -g -gdwarf-4 -gsplit-dwarf -O2 -c -o packed.o p.c && cc -o packed packed.o && "
		"dwp -e packed -o packed.dwp && rm -f *.dwo");
	check_same("whole", "packed", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dwz),
		cmocka_unit_test(test_dwp),
	};

	return cmocka_run_group_tests(tests, make_work_folder, remove_work_folder);
}

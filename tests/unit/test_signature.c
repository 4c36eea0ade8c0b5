/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Signatures: what a new build, another host, another allocator or deeper recursion changes of a
 * stack does not make it another site; what tells sites apart does.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sample_profile.h"
#include "heap/signature.h"
#include "heap/signature_name.h"

/* A program that leaks in parse(), called by main, as one build of it on one host. */
struct build {
	const char *libc, *libc_id, *exe_id, *library;
	const char *start, *parse;
	uint64_t shift; /* of all offsets in the program */
	unsigned int recursion;
	const char *allocator; /* in place of libc's malloc */
	bool inlined, steady_wrapper;
};

static const struct build usual = {
	.libc = "/usr/lib/x86_64-linux-gnu/libc.so.6",
	.libc_id = "aa11",
	.exe_id = "bb22",
	.library = "/usr/lib/libparse.so.3.1",
	.start = "__libc_start_call_main",
	.parse = "parse(char const*)",
	.recursion = 1,
};

static uint32_t program_stack(struct profile *p, const struct build *build)
{
	uint32_t libc = sample_module(p, build->libc, build->libc_id, false);
	uint32_t exe = sample_module(p, "/usr/bin/reader", build->exe_id, false);
	uint32_t library = sample_module(p, build->library, NULL, false);
	uint32_t frames[64];
	size_t nr = 0;

	frames[nr++] = sample_frame(p, build->allocator ? library : libc, 0x100, "malloc", NULL, 0,
				    "c", FRAME_ALLOCATOR);
	if (build->steady_wrapper)
		frames[nr++] = sample_frame(p, libc, 0x180, "strdup", NULL, 0, "c", 0);
	if (build->inlined)
		frames[nr++] = sample_frame(p, exe, build->shift + 0x200, "grow", "p.c", 9, "c",
					    FRAME_INLINED);
	frames[nr++] = sample_frame(p, exe, build->shift + 0x200, build->parse, NULL, 0, "c", 0);
	for (unsigned int i = 0; i < build->recursion; i++)
		frames[nr++] =
			sample_frame(p, exe, build->shift + 0x280, "descend", NULL, 0, "c", 0);
	frames[nr++] = sample_frame(p, library, 0x300, "walk", NULL, 0, "c", 0);
	frames[nr++] = sample_frame(p, exe, build->shift + 0x400, "main", NULL, 0, "c", 0);
	frames[nr++] = sample_frame(p, libc, 0x500, build->start, NULL, 0, "c", 0);
	frames[nr++] = sample_frame(p, exe, build->shift + 0x600, "_start", NULL, 0, "c", 0);
	frames[nr] = PROFILE_NONE;
	return sample_stack(p, false, frames);
}

static struct signature of_site(struct build build, const char *family, const char *operation)
{
	struct profile *p = profile_new();
	struct signature signature;

	sample_process(p, 1, "reader", "/usr/bin/reader");
	sample_site(p, 0, program_stack(p, &build), family, operation, 16, 10, 10);
	signature = signature_of(p, &p->sites[0]);
	profile_free(p);
	return signature;
}

static struct signature of(struct build build)
{
	return of_site(build, "glibc", "malloc");
}

static void assert_same(struct signature a, struct signature b)
{
	assert_true(a.code == b.code);
	assert_true(a.names == b.names);
}

static void a_signature_is_for_years(void **state)
{
	struct signature_text text;

	/* Worked out by hand from the rules: stores hold them, so they must not change. */
	assert_string_equal(signature_write(&text, of(usual).code), "2a418934f42fe70d");
	assert_string_equal(signature_write(&text, of(usual).names), "9f1fd2b56e089874");
}

static void what_allocates_does_not_count(void **state)
{
	struct build other = usual;

	other.allocator = "/usr/lib/libjemalloc.so.2";
	assert_same(of(usual), of_site(other, "jemalloc", "calloc"));
	other.steady_wrapper = true;
	assert_same(of(usual), of(other));
}

static void inlining_and_recursion_do_not_count(void **state)
{
	struct build other = usual;

	other.inlined = true;
	assert_same(of(usual), of(other));
	other.recursion = 30;
	assert_same(of(usual), of(other));
	other.recursion = 0;
	assert_true(of(usual).code != of(other).code);
}

static void a_new_build_keeps_the_names(void **state)
{
	struct build other = usual;

	other.exe_id = "cc33";
	other.shift = 0x40;
	other.library = "/opt/libparse.so.4";
	other.parse = "parse(std::string_view)";
	assert_true(of(usual).code != of(other).code);
	assert_true(of(usual).names == of(other).names);
	other.parse = "parse_all(char const*)";
	assert_true(of(usual).names != of(other).names);
}

static void another_c_library_keeps_the_names(void **state)
{
	struct build other = usual;

	other.libc = "/lib/libc-2.31.so";
	other.libc_id = "dd44";
	other.start = "__libc_start_main";
	assert_true(of(usual).code != of(other).code);
	assert_true(of(usual).names == of(other).names);
}

static void kinds_of_sites_stay_apart(void **state)
{
	struct signature blocks = of(usual), mapped = of_site(usual, PROFILE_MAPPINGS, "mmap"),
			 handles = of_site(usual, PROFILE_HANDLES, "open");

	assert_true(blocks.code != mapped.code && blocks.names != mapped.names);
	assert_true(handles.code != mapped.code && handles.names != blocks.names);
}

static struct signature of_frame(const char *path, const char *build_id, uint64_t offset,
				 const char *function, const char *file, const char *language)
{
	struct profile *p = profile_new();
	uint32_t module = path ? sample_module(p, path, build_id, false) : PROFILE_NONE;
	uint32_t flags = language && !strcmp(language, "jit") ? FRAME_JIT : 0;
	uint32_t frame = sample_frame(p, module, offset, function, file, 7, language, flags);
	struct signature signature;

	sample_process(p, 1, "x", "/x");
	sample_site(p, 0, SAMPLE_STACK(p, false, frame), "glibc", "malloc", 1, 1, 1);
	signature = signature_of(p, &p->sites[0]);
	profile_free(p);
	return signature;
}

static void python_is_file_and_function(void **state)
{
	struct signature here = of_frame(NULL, NULL, 0, "load", "/srv/a/rows.py", "python");

	assert_same(here, of_frame(NULL, NULL, 99, "load", "/opt/rows.py", "python"));
	assert_true(here.code != of_frame(NULL, NULL, 0, "load", "/srv/a/cols.py", "python").code);
	assert_true(here.code != of_frame(NULL, NULL, 0, "store", "/srv/a/rows.py", "python").code);
}

static void code_in_no_file_is_its_name(void **state)
{
	struct signature unknown = of_frame(NULL, NULL, 0x7000, NULL, NULL, "jit");
	struct signature hot = of_frame(NULL, NULL, 0x7000, "LazyCompile:*run a.js:3", NULL, "jit");

	assert_same(unknown, of_frame(NULL, NULL, 0x9000, NULL, NULL, NULL));
	assert_same(hot, of_frame(NULL, NULL, 0x8000, "LazyCompile:~run a.js:3", NULL, "jit"));
	assert_true(hot.names != unknown.names);
}

static void a_nameless_frame_is_its_file(void **state)
{
	struct signature here = of_frame("/usr/lib/libx.so.1", "aa", 0x10, NULL, NULL, NULL);

	assert_true(here.code != of_frame("/usr/lib/libx.so.1", "aa", 0x18, NULL, NULL, NULL).code);
	assert_true(here.names == of_frame("/lib/libx.so.2", "bb", 0x18, NULL, NULL, NULL).names);
	/* Without a build id the file's name stands for it. */
	assert_true(of_frame("/a/libx.so", NULL, 1, NULL, NULL, NULL).code ==
		    of_frame("/b/libx.so", NULL, 1, NULL, NULL, NULL).code);
}

static struct signature of_lost(const char *exe, const char *operation)
{
	struct profile *p = profile_new();
	struct signature signature;

	sample_module(p, "/opt/reader-1.2", "aa", false);
	sample_process(p, 1, "reader", exe);
	sample_site(p, 0, PROFILE_NONE, "glibc", operation, 1, 1, 1);
	signature = signature_of(p, &p->sites[0]);
	profile_free(p);
	return signature;
}

static void a_lost_stack_is_its_program(void **state)
{
	struct signature lost = of_lost("/opt/reader-1.2", "malloc");

	assert_true(lost.names == of_lost("/opt/reader-1.3", "malloc").names);
	assert_true(lost.code != of_lost("/opt/reader-1.3", "malloc").code);
	assert_true(lost.names != of_lost("/opt/reader-1.2", "calloc").names);
	assert_true(lost.names != of_lost(NULL, "other sites").names);
}

/* A stack of nothing but the allocator still has a signature of its own. */
static void a_stack_of_allocators_counts_whole(void **state)
{
	struct profile *p = profile_new();
	uint32_t libc = sample_module(p, "/lib/libc.so.6", "aa", false);
	uint32_t a = sample_frame(p, libc, 0x10, "malloc", NULL, 0, "c", FRAME_ALLOCATOR);
	uint32_t b = sample_frame(p, libc, 0x20, "strdup", NULL, 0, "c", 0);

	sample_process(p, 1, "x", "/x");
	sample_site(p, 0, SAMPLE_STACK(p, false, a), "glibc", "malloc", 1, 1, 1);
	sample_site(p, 0, SAMPLE_STACK(p, false, a, b), "glibc", "malloc", 1, 1, 1);
	assert_true(signature_of(p, &p->sites[0]).code != signature_of(p, &p->sites[1]).code);
	assert_true(signature_of(p, &p->sites[0]).names != signature_of(p, &p->sites[1]).names);
	profile_free(p);
}

static void functions_lose_what_a_build_adds(void **state)
{
	static const char *const names[][2] = {
		{ "parse", "parse" },
		{ "parse.constprop.0", "parse" },
		{ "parse.part.3.cold", "parse" },
		{ "parse.llvm.1234567", "parse" },
		{ "parse(int) [clone .isra.0]", "parse" },
		{ "ns::parse(std::vector<int, std::allocator<int> > const&) const",
		  "ns::parse const" },
		{ "std::map<int, Session*>::emplace(int&&)", "std::map::emplace" },
		{ "std::ostream& operator<< <char>(std::ostream&, char const*)",
		  "std::ostream& operator<<" },
		{ "Matrix::operator()(int, int)", "Matrix::operator()" },
		{ "bool operator< <int>(A<int> const&, A<int> const&)", "bool operator<" },
		{ "(anonymous namespace)::grow(unsigned long)", "(anonymous namespace)::grow" },
		{ "Server::run()::{lambda(int)#2}::operator()(int) const",
		  "Server::run::{lambda#2}::operator() const" },
		{ "make[abi:cxx11](int)", "make" },
		{ "<alloc::vec::Vec<T,A> as core::ops::Drop>::drop",
		  "<alloc::vec::Vec as core::ops::Drop>::drop" },
		{ "app::cache::Cache::<K, V>::insert", "app::cache::Cache::insert" },
		{ "app::main::h0123456789abcdef", "app::main" },
		{ "main.(*Server).handle", "main.(*Server).handle" },
		{ "main.keep[go.shape.int]", "main.keep" },
		{ "main.handle.func1", "main.handle.func1" },
		{ "broken<int", "broken" },
		{ "broken(((", "broken" },
		{ "", "" },
	};
	char out[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_string_equal(signature_function(names[i][0], out, sizeof(out)), names[i][1]);
	assert_string_equal(signature_function("abcdef", out, 4), "abc");
	assert_string_equal(signature_module("/lib/libabc.so.1", out, 4), "lib");
}

static void modules_lose_their_version(void **state)
{
	static const char *const names[][2] = {
		{ "/usr/lib/libz.so.1.2.13", "libz.so" },
		{ "/usr/lib/libfoo-1.2.3.so", "libfoo.so" },
		{ "/usr/lib/libpython3.11.so.1.0", "libpython.so" },
		{ "/usr/bin/python3.11", "python" },
		{ "/opt/app-2.0.1", "app" },
		{ "/opt/app-v12", "app" },
		{ "/usr/sbin/nginx", "nginx" },
		{ "/x/_json.cpython-311-x86_64-linux-gnu.so", "_json.so" },
		{ "/x/2.0", "2.0" },
		{ "/x/.so", ".so" },
		{ "/x/a.sock", "a.sock" },
		{ "[vdso]", "[vdso]" },
		{ "/", "/" },
	};
	char out[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_string_equal(signature_module(names[i][0], out, sizeof(out)), names[i][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_is_for_years),
		cmocka_unit_test(what_allocates_does_not_count),
		cmocka_unit_test(inlining_and_recursion_do_not_count),
		cmocka_unit_test(a_new_build_keeps_the_names),
		cmocka_unit_test(another_c_library_keeps_the_names),
		cmocka_unit_test(kinds_of_sites_stay_apart),
		cmocka_unit_test(python_is_file_and_function),
		cmocka_unit_test(code_in_no_file_is_its_name),
		cmocka_unit_test(a_nameless_frame_is_its_file),
		cmocka_unit_test(a_lost_stack_is_its_program),
		cmocka_unit_test(a_stack_of_allocators_counts_whole),
		cmocka_unit_test(functions_lose_what_a_build_adds),
		cmocka_unit_test(modules_lose_their_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

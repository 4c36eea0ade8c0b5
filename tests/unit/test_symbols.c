// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Names, lines and inlined functions of programs built now, compared with addr2line and nm.
 * Where ranges of inlined functions are nested and equal, addr2line 2.40 sometimes gives one
 * the name of the other (llvm-symbolizer and the DWARF agree with us): one name in a hundred
 * may differ, the lines and the depth may not.
 */
#include "symbol_session.h"

#include <sys/auxv.h>

#include "base/hashmap.h"
#include "stack/mini_debug.h"
#include "stack/object.h"

enum { MAX_CHECKED = 3000 };

static const char CXX_SOURCE[] =
	"#include <string>\n#include <vector>\n#include <map>\n#include <unistd.h>\n"
	"namespace shop {\n"
	"static inline int twice(int k, int n) { return k * 2 + n; }\n"
	"template <typename T> struct shelf {\n\tstd::vector<T> items;\n"
	"\tvoid put(const T &item) { items.push_back(item); }\n"
	"\tT take() { T item = items.back(); items.pop_back(); return item; }\n};\n"
	"class store {\npublic:\n\tstore() : names() {}\n"
	"\t__attribute__((noinline)) void fill(int n);\n"
	"\tstd::map<std::string, int> names;\n};\n"
	"void store::fill(int n)\n{\n\tshelf<std::string> shelf;\n"
	"\tfor (int i = 0; i < n; i++) {\n\t\tshelf.put(std::to_string(i));\n"
	"\t\tnames[shelf.take()] = twice(i, n);\n\t}\n}\n}\n"
	"extern \"C\" __attribute__((noinline)) void entry(int n)\n"
	"{\n\tshop::store *s = new shop::store;\n\ts->fill(n);\n\tdelete s;\n}\n" PROGRAM_WAITS(
		"(void *)entry, (void *)entry");

static const char RUST_SOURCE[] =
	"use std::io::{Read, Write};\n"
	"mod cart {\n    pub struct Cart { pub items: Vec<String> }\n    impl Cart {\n"
	"        #[inline(always)]\n        fn add(&mut self, s: &str) { "
	"self.items.push(s.to_string()); }\n"
	"        #[inline(never)]\n        pub fn fill(&mut self, n: usize) {\n"
	"            for i in 0..n { self.add(&format!(\"item {}\", i)); }\n        }\n    }\n}\n"
	"#[no_mangle]\n#[inline(never)]\npub extern \"C\" fn entry(n: usize) -> usize {\n"
	"    let mut c = cart::Cart { items: Vec::new() };\n    c.fill(n);\n    c.items.len()\n}\n"
	"fn main() {\n    let a = [entry as usize, entry as usize];\n"
	"    let mut b = [0u8; 1];\n    let mut o = std::io::stdout();\n"
	"    for x in a.iter() { o.write_all(&x.to_ne_bytes()).unwrap(); }\n    "
	"o.flush().unwrap();\n"
	"    while std::io::stdin().read(&mut b).unwrap() > 0 {}\n    std::process::exit("
	"entry(b[0] as usize) as i32);\n}\n";

/* A program that runs, its places and its names. */
static void bare_name(const char *name, char *bare, size_t size)
{
	char *end;

	snprintf(bare, size, "%s", name);
	end = strstr(bare, " [clone");
	if (end)
		*end = '\0';
	end = strstr(bare, ".constprop");
	if (!end)
		end = strstr(bare, ".part.");
	if (!end)
		end = strstr(bare, ".cold");
	if (end)
		*end = '\0';
	/* symbols have parameters, names of DWARF alone have none */
	end = strchr(bare, '(');
	if (end && end > bare && strncmp(end, "({", 2))
		*end = '\0';
}

static size_t names_differ;

static void check_frame(const struct symbol *symbol, const char *name, const char *location,
			uint64_t address)
{
	char ours[1024], theirs[1024], place[2048];
	const char *note = strstr(location, " (discriminator");
	int length = note ? (int)(note - location) : (int)strlen(location);

	bare_name(symbol->function ? symbol->function : "??", ours, sizeof(ours));
	bare_name(name, theirs, sizeof(theirs));
	if (strcmp(ours, theirs)) {
		print_message("at %lx: %s, %s\n", (unsigned long)address, ours, theirs);
		names_differ++;
	}
	if (symbol->line)
		snprintf(place, sizeof(place), "%s:%u", symbol->file, symbol->line);
	else
		snprintf(place, sizeof(place), "%s:?", symbol->file ? symbol->file : "??");
	if (strlen(place) != (size_t)length || strncmp(place, location, (size_t)length))
		print_message("at %lx %s: ours %s theirs %s\n", (unsigned long)address, name, place,
			      location);
	assert_int_equal(strlen(place), length);
	assert_memory_equal(place, location, (size_t)length);
}

/* Checks one address: `answer` is addr2line's, from the line after the address on. */
static char *check_address(struct session *session, uint64_t address, char *answer,
			   size_t *nr_inlined)
{
	const struct symbol *symbols;
	int nr = name_at(session, address, &symbols), i;

	for (i = 0; *answer && strncmp(answer, "0x", 2); i++) {
		char *name = strsep(&answer, "\n"), *location = strsep(&answer, "\n");

		if (!strncmp(location, "??", 2))
			continue;
		assert_true(i < nr);
		check_frame(&symbols[i], name, location, address);
		assert_int_equal(symbols[i].inlined, i < nr - 1);
		*nr_inlined += symbols[i].inlined;
	}
	assert_int_equal(i, nr);
	return answer;
}

/* Compares with addr2line all over the functions whose nm line matches `pattern`. */
static void compare_with_addr2line(const char *program, const char *symbols_of, const char *pattern,
				   const char *language, size_t min_inlined)
{
	struct session session = open_session(program, NULL);
	size_t checked = 0, nr_inlined = 0;
	char *answers, *answer;
	const struct symbol *symbols;

	names_differ = 0;
	run_command("nm -S %s | grep -i ' t ' | grep '%s' | cut -d' ' -f1,2 | while read a n; do "
		    "seq -f %%.0f $((0x$a)) 3 $((0x$a + 0x$n - 1)); done | head -%d | "
		    "xargs printf '%%x\\n' >addresses",
		    symbols_of, pattern, MAX_CHECKED);
	answers = output_of("addr2line -afiC -e %s <addresses", symbols_of);
	for (answer = answers; *answer;) {
		uint64_t address = strtoull(strsep(&answer, "\n"), NULL, 16);

		answer = check_address(&session, address, answer, &nr_inlined);
		checked++;
	}
	assert_true(checked > 20);
	assert_true(names_differ * 100 <= checked);
	assert_true(nr_inlined >= min_inlined);
	name_at(&session, symbol_value(symbols_of, strcmp(language, "c") ? "entry" : "outer"),
		&symbols);
	assert_non_null(symbols[0].language);
	assert_string_equal(symbols[0].language, language);
	free(answers);
	close_session(&session);
}

static void check_c(const char *build)
{
	write_source("c.c", C_SOURCE);
	run_command("%s -o c c.c", build);
	compare_with_addr2line("c", "c", "outer\\|hidden", "c", 8);
}

static void test_c(void **state)
{
	(void)state;
	check_c("cc -g -O2 -pie -fPIE");
	check_c("cc -g -O2 -no-pie");
	check_c("cc -g -O2 -static");
	check_c("cc -gdwarf-4 -O2");
	check_c("cc -g -O2 -gz");
	check_c("cc -g -O2 -ffunction-sections -freorder-blocks-and-partition");
	if (have_command("clang"))
		check_c("clang -g -O2 -fPIE -pie");
}

static void test_cxx(void **state)
{
	(void)state;
	if (!have_command("c++"))
		skip();
	write_source("cxx.cc", CXX_SOURCE);
	run_command("c++ -g -O2 -o cxx cxx.cc");
	compare_with_addr2line("cxx", "cxx", "entry\\|fill\\|take", "c++", 300);
}

static void test_rust(void **state)
{
	(void)state;
	if (!have_command("rustc"))
		skip();
	write_source("r.rs", RUST_SOURCE);
	run_command("rustc -g -O -o r r.rs");
	compare_with_addr2line("r", "r", "entry\\|cart", "rust", 100);
	run_command("rustc -g -O -C symbol-mangling-version=v0 -o r r.rs");
	compare_with_addr2line("r", "r", "entry\\|cart", "rust", 100);
}

static const char D_SOURCE[] =
	"module shop.cart;\nimport core.sys.posix.unistd;\nstruct Item { int n; }\n"
	"class Cart(T) { T[] items; pragma(inline, false) void add(T t) { items ~= t; } }\n"
	"extern(C) int outer(int n) { auto c = new Cart!Item; c.add(Item(n)); return n; }\n"
	"int main() {\n\tvoid*[2] a = [cast(void*)&outer, cast(void*)&outer];\n\tubyte b;\n"
	"\twrite(1, a.ptr, 16);\n\twhile (read(0, &b, 1) > 0) outer(b);\n\treturn 0;\n}\n";

/* As gdb names them. */
static void test_d(void **state)
{
	struct session session;
	char *symbol, *expected;

	(void)state;
	if (!have_command("gdc") || !have_command("gdb")) {
		print_message("skipped: no gdc, or no gdb\n");
		skip();
	}
	write_source("d.d", D_SOURCE);
	run_command("gdc -O1 -g -o d d.d");
	symbol =
		output_of("nm d | sed -n 's/.* [TtWw] \\(_D4shop.*3add.*\\)$/\\1/p' | tr -d '\\n'");
	expected = output_of("gdb -batch -nx -iex 'set debuginfod enabled off' "
			     "-ex 'info symbol 0x%lx' d 2>/dev/null | sed 's/ in section.*//' | "
			     "tr -d '\\n'",
			     (unsigned long)symbol_value("d", symbol));
	assert_non_null(strstr(expected, "Cart!(shop.cart.Item)"));
	session = open_session("d", NULL);
	assert_string_equal(function_at(&session, symbol_value("d", symbol)), expected);
	close_session(&session);
	free(symbol);
	free(expected);
}

/* Split DWARF: lines from the program, functions from the .dwo beside its source. */
static void test_split(void **state)
{
	struct session session;
	const struct symbol *symbols;
	uint64_t address;
	int nr;

	(void)state;
	write_source("split.c", C_SOURCE);
	run_command("cc -g -O2 -c -o whole.o split.c && cc -o whole whole.o && "
		    "cc -g -gsplit-dwarf -O2 -c -o split.o split.c && cc -o split split.o");
	compare_with_addr2line("split", "whole", "outer\\|hidden", "c", 8);
	/* without it the physical function and the line are left */
	run_command("rm *.dwo");
	session = open_session("split", NULL);
	address = symbol_value("split", "outer");
	nr = name_at(&session, address, &symbols);
	assert_int_equal(nr, 1);
	assert_string_equal(symbols[0].function, "outer");
	assert_true(symbols[0].line > 0);
	close_session(&session);
	/* a pipe in its place is not opened, which would wait for ever */
	run_command("mkfifo $(strings split | grep -m1 'dwo$')");
	session = open_session("split", NULL);
	assert_string_equal(function_at(&session, address), "outer");
	close_session(&session);
	run_command("rm -f *.dwo");
}

static void test_options(void **state)
{
	struct symbolizer_options options = { .no_inline = true };
	const struct symbol *symbols;
	struct session session;
	uint64_t entry, call = 0;
	char *answer;

	(void)state;
	write_source("o.cc", CXX_SOURCE);
	run_command("c++ -g -O2 -o o o.cc");
	entry = symbol_value("o", "_ZN4shop5store4fillEi");
	/* somewhere in it is an inlined function */
	answer = output_of("seq -f %%.0f %lu %lu | xargs printf '%%x\\n' | addr2line -afie o | "
			   "awk '/^0x/ { a = $1; n = 0 } !/^0x/ { n++ } n == 5 { print a; exit }'",
			   (unsigned long)entry, (unsigned long)entry + 200);
	call = strtoull(answer, NULL, 16);
	free(answer);
	assert_true(call > entry);
	session = open_session("o", &options);
	assert_int_equal(name_at(&session, call, &symbols), 1);
	assert_string_equal(symbols[0].function, "shop::store::fill(int)");
	assert_non_null(strstr(symbols[0].file, "/o.cc"));
	close_session(&session);

	options = (struct symbolizer_options){ .no_lines = true };
	session = open_session("o", &options);
	assert_int_equal(name_at(&session, call, &symbols), 1);
	assert_string_equal(symbols[0].function, "shop::store::fill(int)");
	assert_string_equal(symbols[0].language, "c++");
	assert_null(symbols[0].file);
	assert_int_equal(symbols[0].line, 0);
	close_session(&session);

	options = (struct symbolizer_options){ .no_demangle = true };
	session = open_session("o", &options);
	assert_true(name_at(&session, call, &symbols) > 1);
	assert_string_equal(function_at(&session, call), "_ZN4shop5store4fillEi");
	close_session(&session);
}

/* Only what is exported has a name then; what is not stays nameless. */
static void test_stripped(void **state)
{
	struct session session;
	uint64_t outer, hidden;

	(void)state;
	write_source("s.c", C_SOURCE);
	run_command("cc -g -O2 -rdynamic -o full s.c && strip -o bare full");
	outer = symbol_value("full", "outer");
	hidden = symbol_value("full", "hidden");
	session = open_session("bare", NULL);
	assert_string_equal(function_at(&session, outer + 5), "outer");
	assert_string_equal(function_at(&session, hidden), "(none)");
	assert_string_equal(function_at(&session, hidden + 5), "(none)");
	close_session(&session);
	/* and even without section headers */
	run_command("cp bare blind && printf '\\0\\0\\0\\0\\0\\0\\0\\0' | "
		    "dd of=blind bs=1 seek=40 conv=notrunc && printf '\\0\\0\\0\\0' | "
		    "dd of=blind bs=1 seek=60 conv=notrunc");
	session = open_session("blind", NULL);
	assert_string_equal(function_at(&session, outer + 5), "outer");
	assert_string_equal(function_at(&session, hidden + 5), "(none)");
	close_session(&session);
	run_command("cc -g -O2 -rdynamic -Wl,--hash-style=sysv -o blind s.c && strip blind && "
		    "cp blind blind2 && printf '\\0\\0\\0\\0\\0\\0\\0\\0' | "
		    "dd of=blind2 bs=1 seek=40 conv=notrunc && printf '\\0\\0\\0\\0' | "
		    "dd of=blind2 bs=1 seek=60 conv=notrunc");
	session = open_session("blind2", NULL);
	assert_string_equal(function_at(&session, session.functions[0] ? outer + 5 : 0), "outer");
	close_session(&session);
}

static void check_linked(const char *build_id, const char *where)
{
	struct session session;

	write_source("l.c", C_SOURCE);
	run_command(
		"rm -rf where l .debug && mkdir -p where/.debug && "
		"cc -g -O2 %s -o full l.c && objcopy --only-keep-debug full where/%s/l.debug && "
		"strip -o where/l full && cd where && "
		"objcopy --add-gnu-debuglink=%s/l.debug l",
		build_id, where, where);
	run_command("cp where/l l && mkdir -p .debug && cp where/%s/l.debug %s/", where, where);
	compare_with_addr2line("l", "full", "outer\\|hidden", "c", 8);
	/* a debug file of another build is not believed, however alike */
	if (*build_id)
		run_command("cc -g -O2 -Wl,--build-id=0x1234567890abcdef -o other l.c && "
			    "objcopy --only-keep-debug other %s/l.debug",
			    where);
	else
		run_command("printf x >>%s/l.debug", where);
	session = open_session("l", NULL);
	assert_string_equal(function_at(&session, symbol_value("full", "hidden")), "(none)");
	close_session(&session);
	run_command("rm -f l.debug .debug/l.debug");
}

static void test_debuglink(void **state)
{
	(void)state;
	check_linked("-Wl,--build-id=sha1", ".");
	check_linked("-Wl,--build-id=sha1", ".debug");
	check_linked("-Wl,--build-id=none", ".");
}

/* As Fedora makes it: function symbols that .dynsym lacks, compressed. */
static void test_mini_debug(void **state)
{
	struct session session;
	Elf *elf, *mini;
	void *memory;
	int fd;

	(void)state;
	if (!have_command("xz"))
		skip();
	write_source("m.c", C_SOURCE);
	run_command(
		"cc -O2 -rdynamic -o full m.c && "
		"nm -D full --format=posix --defined-only | awk '{ print $1 }' | sort >dynamic && "
		"nm full --format=posix --defined-only | "
		"awk '$2 == \"T\" || $2 == \"t\" { print $1 }' | sort >all && "
		"comm -13 dynamic all >keep && objcopy --only-keep-debug full mini.debug && "
		"objcopy -S --remove-section .gdb_index --remove-section .comment "
		"--keep-symbols=keep mini.debug mini && strip -o m full && rm -f mini.xz && xz "
		"mini && "
		"objcopy --add-section .gnu_debugdata=mini.xz m");
	session = open_session("m", NULL);
	assert_string_equal(function_at(&session, symbol_value("full", "hidden") + 3), "hidden");
	assert_string_equal(function_at(&session, symbol_value("full", "outer") + 3), "outer");
	close_session(&session);
	/* one that unpacks to far too much is left alone, before it does */
	run_command("head -c 300000000 /dev/zero | xz -0 >bomb.xz && "
		    "objcopy --update-section .gnu_debugdata=bomb.xz m m2");
	fd = open(in_folder("m2"), O_RDONLY | O_CLOEXEC);
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	assert_int_equal(mini_debug_open(elf, &mini, &memory), -EFBIG);
	elf_end(elf);
	close(fd);
	session = open_session("m2", NULL);
	assert_string_equal(function_at(&session, symbol_value("full", "hidden") + 3), "(none)");
	assert_string_equal(function_at(&session, symbol_value("full", "outer") + 3), "outer");
	close_session(&session);
}

static const char ASSEMBLY[] =
	".text\n.globl plain\n.type plain, @function\nplain: .skip 16, 0x90\n.size plain, 16\n"
	".skip 32, 0xcc\n" /* a gap */
	".globl sizeless\nsizeless: .skip 16, 0x90\n"
	"label_in_code: .skip 8, 0x90\n"
	".globl strong\n.weak soft\n.type strong, @function\n.type soft, @function\n"
	"__strong: strong: soft: local_name: .skip 16, 0x90\n"
	"inside: .skip 16, 0x90\n.size strong, 32\n.size soft, 32\n"
	".size local_name, 32\n.type local_name, @function\n"
	".globl versioned_impl\n.type versioned_impl, @function\n"
	"versioned_impl: .skip 16, 0x90\n.size versioned_impl, 16\n"
	".symver versioned_impl, versioned@@SHOP_1.0, remove\n"
	".section .data\n.globl object\nobject: .skip 8\n"
	".section .note.GNU-stack,\"\"\n";

static void test_which_name(void **state)
{
	struct session session;
	uint64_t plain, sizeless, label, strong, versioned;

	(void)state;
	write_source("a.S", ASSEMBLY);
	write_source("a.c",
		     "extern int plain(void);\n" PROGRAM_WAITS("(void *)plain, (void *)plain"));
	write_source("a.map", "SHOP_1.0 { global: *; };\n");
	run_command("cc -no-pie -Wl,--version-script=a.map -rdynamic -o a a.c a.S");
	plain = symbol_value("a", "plain");
	sizeless = symbol_value("a", "sizeless");
	label = symbol_value("a", "label_in_code");
	strong = symbol_value("a", "strong");
	versioned = symbol_value("a", "versioned@@SHOP_1.0");
	session = open_session("a", NULL);
	assert_string_equal(function_at(&session, plain), "plain");
	assert_string_equal(function_at(&session, plain + 15), "plain");
	assert_string_equal(function_at(&session, plain + 16), "(none)");
	assert_string_equal(function_at(&session, sizeless - 1), "(none)");
	assert_string_equal(function_at(&session, sizeless + 15), "sizeless");
	assert_string_equal(function_at(&session, label), "label_in_code");
	assert_string_equal(function_at(&session, label + 7), "label_in_code");
	assert_string_equal(function_at(&session, strong), "strong");
	assert_string_equal(function_at(&session, strong + 20), "strong");
	assert_string_equal(function_at(&session, versioned + 1), "versioned");
	assert_string_equal(function_at(&session, symbol_value("a", "object")), "(none)");
	close_session(&session);
	/* when only exports are left, nothing tells how far the sizeless one reaches */
	run_command("strip a");
	session = open_session("a", NULL);
	assert_string_equal(function_at(&session, plain + 15), "plain");
	assert_string_equal(function_at(&session, sizeless), "(none)");
	close_session(&session);
}

/* A call as the last instruction: the return address is in the next function already. */
static void test_return_address(void **state)
{
	struct session session;
	const struct symbol *symbols;
	struct place place;
	uint64_t frames, unnamed;

	(void)state;
	write_source("a.S", ASSEMBLY);
	write_source("a.c",
		     "extern int plain(void);\n" PROGRAM_WAITS("(void *)plain, (void *)plain"));
	run_command("sed -i '/symver/d' a.S && cc -o a a.c a.S");
	session = open_session("a", NULL);
	place = (struct place){ session.module, symbol_value("a", "plain") + 16, 0 };
	assert_int_equal(symbolizer_name(session.symbolizer, &place, true, 0, &symbols), 1);
	assert_string_equal(symbols[0].function, "plain");
	assert_int_equal(symbolizer_name(session.symbolizer, &place, false, 0, &symbols), 1);
	assert_null(symbols[0].function);
	assert_int_equal(symbolizer_name(session.symbolizer, &place, true, 0, &symbols), 1);
	assert_string_equal(symbols[0].function, "plain");
	symbolizer_counts(session.symbolizer, &frames, &unnamed);
	assert_int_equal(frames, 3);
	assert_int_equal(unnamed, 1);
	close_session(&session);
}

/* The process is gone and its file was replaced: names come from the file it ran. */
static void test_after_replacement(void **state)
{
	struct session session;
	uint64_t outer;

	(void)state;
	write_source("x.c", C_SOURCE);
	run_command("cc -g -O2 -o x x.c");
	outer = symbol_value("x", "outer");
	session = open_session("x", NULL);
	run_command("echo 'int main(void) { return 0; }' >y.c && cc -o y y.c && mv y x");
	end_still(&session.process);
	assert_string_equal(function_at(&session, outer + 1), "outer");
	symbolizer_free(session.symbolizer);
	modules_free(session.modules);
}

/* What there was no time for in a hurry has its name later. */
static void test_hurry(void **state)
{
	const struct symbolizer_options options = { .hurry_ms = 1 };
	struct session session, calm;
	const struct symbol *symbols;
	uint64_t start, at, late = 0;

	(void)state;
	write_source("h.cc", CXX_SOURCE);
	run_command("c++ -g -O2 -o h h.cc");
	start = symbol_value("h", "_ZN4shop5store4fillEi");
	session = open_session("h", &options);
	calm = open_session("h", NULL);
	symbolizer_hurry(session.symbolizer, true);
	for (at = start; at < start + 1000; at++)
		name_at(&session, at, &symbols);
	name_at(&calm, start + 5, &symbols);
	assert_non_null(symbols[0].function);
	for (at = start; at < start + 300; at++)
		late += !strcmp(function_at(&session, at), "(none)") &&
			strcmp(function_at(&calm, at), "(none)");
	assert_true(late > 0);
	symbolizer_hurry(session.symbolizer, false);
	for (at = start; at < start + 300; at++)
		assert_string_equal(function_at(&session, at), function_at(&calm, at));
	close_session(&calm);
	close_session(&session);
}

static void test_vdso(void **state)
{
	struct modules *modules = modules_new();
	struct symbolizer *symbolizer = symbolizer_new(modules, NULL);
	uint64_t base = getauxval(AT_SYSINFO_EHDR), offset, named = 0;
	const struct symbol *symbols;
	struct place place;

	(void)state;
	if (!base)
		skip();
	assert_int_equal(modules_refresh(modules, SPACE, getpid()), 0);
	for (offset = 0; offset < 4096; offset += 16) {
		assert_true(modules_place(modules, SPACE, base + offset, &place));
		assert_int_equal(symbolizer_name(symbolizer, &place, false, 0, &symbols), 1);
		if (symbols[0].function && strstr(symbols[0].function, "vdso"))
			named++;
	}
	assert_true(named > 3);
	symbolizer_free(symbolizer);
	modules_free(modules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_c),
		cmocka_unit_test(test_cxx),
		cmocka_unit_test(test_rust),
		cmocka_unit_test(test_d),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_stripped),
		cmocka_unit_test(test_debuglink),
		cmocka_unit_test(test_mini_debug),
		cmocka_unit_test(test_which_name),
		cmocka_unit_test(test_return_address),
		cmocka_unit_test(test_after_replacement),
		cmocka_unit_test(test_hurry),
		cmocka_unit_test(test_vdso),
	};

	return cmocka_run_group_tests(tests, make_work_folder, remove_work_folder);
}

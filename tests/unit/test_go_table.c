// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Names of stripped Go programs: tables made by hand of each version, and programs built now,
 * of which llvm-symbolizer reads the DWARF before it is stripped. The two number the
 * lines of wrappers that Go generates differently: below one address in 500.
 */
#include "symbol_session.h"

#include "base/hashmap.h"
#include "go_image.h"
#include "stack/go_table.h"
#include "stack/unwind_table.h"

static const char GO_SOURCE[] =
	"package main\nimport (\n\t\"os\"\n\t\"strconv\"\n\t\"unsafe\"\n)\n"
	"type shelf struct{ items []string }\n"
	"func (s *shelf) put(item string) { s.items = append(s.items, item) }\n"
	"func innermost(n int) []byte { return make([]byte, n) }\n"
	"func middle(n int) []byte { return append(innermost(n+1), innermost(n+2)...) }\n"
	"//go:noinline\nfunc outer(n int) int {\n\tvar s shelf\n\ttotal := 0\n"
	"\tfor i := 0; i < n; i++ {\n\t\ttotal += len(middle(i))\n"
	"\t\ts.put(strconv.Itoa(i))\n\t}\n\treturn total + len(s.items)\n}\n"
	"//go:noinline\nfunc hidden(n int) int { return outer(n) + 1 }\n"
	"func main() {\n\tkeep := []func(int) int{outer, hidden}\n\tvar words [2]uintptr\n"
	"\tfor i := range keep {\n\t\twords[i] = **(**uintptr)(unsafe.Pointer(&keep[i]))\n\t}\n"
	"\tos.Stdout.Write((*[16]byte)(unsafe.Pointer(&words))[:])\n\tvar b [1]byte\n"
	"\tfor {\n\t\tif n, _ := os.Stdin.Read(b[:]); n == 0 {\n\t\t\tbreak\n\t\t}\n"
	"\t\thidden(int(b[0]))\n\t}\n}\n";

static struct go_table *open_bytes(const uint8_t *bytes, size_t size, int *ret_fd)
{
	struct go_table *table = NULL;

	*ret_fd = memfd_create("go", MFD_CLOEXEC);
	assert_int_equal(write(*ret_fd, bytes, size), size);
	go_table_open(*ret_fd, &table);
	return table;
}

static void check_frame(const struct debug_frame *frame, const char *name, const char *file,
			uint32_t line)
{
	assert_string_equal(frame->name, name);
	if (file)
		assert_string_equal(frame->file, file);
	else
		assert_null(frame->file);
	assert_int_equal(frame->line, line);
}

static void check_inlined(struct go_table *table, enum go_version version)
{
	struct debug_frame frames[DEBUG_FRAMES_MAX];

	if (version == GO_1_2) {
		/* as go tool addr2line: these tables do not say what was inlined */
		assert_int_equal(go_table_find(table, GO_TEXT + 0x15, true, frames), 1);
		check_frame(&frames[0], "main.outer", "/src/b.go", 50);
		return;
	}
	assert_int_equal(go_table_find(table, GO_TEXT + 0x15, true, frames), 2);
	check_frame(&frames[0], "main.inner", "/src/b.go", 50);
	check_frame(&frames[1], "main.outer", "/src/a.go", 12);
	assert_int_equal(go_table_find(table, GO_TEXT + 0x15, false, frames), 1);
	check_frame(&frames[0], "main.outer", "/src/a.go", 12);
}

static void check_named(const struct go_table *table)
{
	const char *const names[] = { "main", "main.outer", "main.oute", "main.outer.abi" };
	struct go_place places[4];
	uint64_t start, end;

	assert_int_equal(go_table_named(table, names, 4, places, 4), 1);
	assert_int_equal(places[0].start, GO_TEXT);
	assert_int_equal(places[0].end, GO_TEXT + GO_LENGTH);
	assert_int_equal(places[0].name, 1);
	assert_int_equal(go_table_named(table, names, 4, places, 0), 0);
	go_table_text(table, &start, &end);
	assert_int_equal(start, GO_TEXT);
	assert_int_equal(end, GO_TEXT + GO_LENGTH);
}

static void test_versions(void **state)
{
	static uint8_t file[GO_IMAGE_SIZE];
	struct debug_frame frames[DEBUG_FRAMES_MAX];
	enum go_version version;

	(void)state;
	for (version = GO_1_2; version <= GO_1_20; version++) {
		struct go_table *table;
		int fd;

		go_image(file, version);
		table = open_bytes(file, sizeof(file), &fd);
		assert_non_null(table);
		assert_int_equal(go_table_find(table, GO_TEXT - 1, true, frames), 0);
		assert_int_equal(go_table_find(table, GO_TEXT + GO_LENGTH, true, frames), 0);
		assert_int_equal(go_table_find(table, GO_TEXT, true, frames), 1);
		check_frame(&frames[0], "main.outer", "/src/a.go", 10);
		assert_int_equal(go_table_find(table, GO_TEXT + 0x3f, true, frames), 1);
		check_frame(&frames[0], "main.outer", "/src/a.go", 12);
		check_inlined(table, version);
		check_named(table);
		go_table_free(table);
		close(fd);
	}
}

/* Without the tree of inlined calls the line is not the named function's: it is left out. */
static void test_no_tree(void **state)
{
	static uint8_t file[GO_IMAGE_SIZE];
	struct debug_frame frames[DEBUG_FRAMES_MAX];
	struct go_table *table;
	int fd;

	(void)state;
	go_image(file, GO_1_20);
	memset(file + GO_MODULE, 0, 8);
	table = open_bytes(file, sizeof(file), &fd);
	assert_non_null(table);
	assert_int_equal(go_table_find(table, GO_TEXT + 0x15, true, frames), 1);
	check_frame(&frames[0], "main.outer", NULL, 0);
	assert_int_equal(go_table_find(table, GO_TEXT, true, frames), 1);
	check_frame(&frames[0], "main.outer", "/src/a.go", 10);
	go_table_free(table);
	close(fd);
	/* and without the address of the text nothing can be placed */
	go_put(file + GO_TABLE + 24, 0, 8);
	assert_null(open_bytes(file, sizeof(file), &fd));
	close(fd);
}

static uint64_t next_random(uint64_t *state)
{
	return hash_mix(*state += 0x9e3779b97f4a7c15ULL);
}

static void test_damaged(void **state)
{
	static uint8_t file[GO_IMAGE_SIZE];
	struct debug_frame frames[DEBUG_FRAMES_MAX];
	const char *const names[] = { "main.outer" };
	struct go_place places[2];
	uint64_t random = 7;
	size_t round, i;

	(void)state;
	for (round = 0; round < 4000; round++) {
		struct go_table *table;
		size_t size = round % 7 ? sizeof(file) : next_random(&random) % sizeof(file);
		int fd;

		go_image(file, (enum go_version)(round % 4));
		for (i = next_random(&random) % 6 + 1; i; i--) {
			uint64_t where = next_random(&random) % 0x520;

			if (where >= 0x4c0)
				where = GO_TREES - GO_TABLE + where % 0x40;
			file[GO_TABLE + where] = (uint8_t)next_random(&random);
		}
		table = open_bytes(file, size, &fd);
		for (i = 0; table && i < GO_LENGTH; i += 5)
			go_table_find(table, GO_TEXT + i, true, frames);
		if (table)
			go_table_named(table, names, 1, places, 2);
		go_table_free(table);
		close(fd);
	}
}

/* Names that DWARF has beside the runtime's own: "f.abi0". */
static size_t bare_length(const char *name)
{
	const char *end = strstr(name, ".abi0");

	return end ? (size_t)(end - name) : strlen(name);
}

/* One address: `answer` is what follows it in llvm-symbolizer's output. Is ours the same? */
static bool is_same(struct session *session, uint64_t address, char **answer, size_t *nr_inlined)
{
	const struct symbol *symbols;
	int nr = name_at(session, address, &symbols), i;
	bool same = true;

	for (i = 0; **answer && strncmp(*answer, "0x", 2); i++) {
		char *name = strsep(answer, "\n"), *where = strsep(answer, "\n"), place[2048];

		if (!strncmp(where, "./", 2))
			where += 2;
		if (i >= nr || !symbols[i].function)
			return !strncmp(where, "??", 2);
		snprintf(place, sizeof(place), "%s:%u", symbols[i].file, symbols[i].line);
		same &= strlen(symbols[i].function) == bare_length(name) &&
			!strncmp(symbols[i].function, name, bare_length(name)) &&
			!strcmp(place, where) && symbols[i].inlined == (i < nr - 1);
		*nr_inlined += symbols[i].inlined;
		if (!strncmp(where, "??", 2))
			same = true; /* padding */
	}
	return same && i == nr;
}

/* Bytes of this program and of the runtime. */
static void compare(const char *program)
{
	struct session session = open_session(program, NULL);
	size_t checked = 0, differ = 0, nr_inlined = 0;
	char *answers, *answer;

	run_command("nm -S full | awk '$3 ~ /[tT]/ && $4 ~ /^(main|strconv|os|sync|runtime)\\./ { "
		    "print $1, $2 }'"
		    " | while read a n; do seq -f %%.0f $((0x$a)) 7 $((0x$a + 0x$n - 1)); done | "
		    "sort -R --random-source=full | head -3000 | xargs printf '0x%%x\\n' "
		    ">addresses && test -s addresses");
	answers = output_of("llvm-symbolizer --output-style=GNU -afi -e full <addresses | "
			    "sed 's/ (discriminator.*//; /^$/d'");
	for (answer = answers; answer && *answer; checked++) {
		uint64_t address = strtoull(strsep(&answer, "\n"), NULL, 16);

		differ += !is_same(&session, address, &answer, &nr_inlined);
		while (answer && *answer && strncmp(answer, "0x", 2))
			strsep(&answer, "\n");
	}
	assert_true(checked > 2000 && nr_inlined > 200);
	assert_true(differ * 500 <= checked);
	free(answers);
	close_session(&session);
}

/* Zeroes the place of the section headers, their number and that of their names. */
static void drop_section_headers(const char *name)
{
	static const char zeros[8];
	int fd = open(in_folder(name), O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, zeros, 8, 40), 8);
	assert_int_equal(pwrite(fd, zeros, 4, 60), 4);
	close(fd);
}

static const struct seep_unwind_rule *rule_at(const struct unwind_table *table, const char *symbol,
					      uint64_t distance)
{
	return unwind_table_find(table, symbol_value("full", symbol) + distance);
}

/* What the runtime does with stacks is known; where code is described, so are frame pointers. */
static void check_rules(const char *program, bool described)
{
	const struct unwind_table_options options = { .full = true };
	const struct seep_unwind_rule *rule;
	struct unwind_table *table;
	int fd = open(in_folder(program), O_RDONLY | O_CLOEXEC);

	assert_int_equal(unwind_table_build(fd, &options, &table), 0);
	close(fd);
	assert_int_equal(rule_at(table, "runtime.mcall", 0)->cfa, SEEP_CFA_END);
	assert_int_equal(rule_at(table, "runtime.systemstack.abi0", 16)->cfa, SEEP_CFA_NONE);
	assert_int_equal(rule_at(table, "runtime.asmcgocall.abi0", 16)->cfa, SEEP_CFA_NONE);
	rule = rule_at(table, "main.outer", 0);
	assert_int_equal(rule->cfa, described ? SEEP_CFA_SP : SEEP_CFA_NONE);
	assert_int_equal(rule->fp, SEEP_WHERE_SAME);
	rule = rule_at(table, "main.outer", 100);
	assert_int_equal(rule->cfa, described ? SEEP_CFA_SP : SEEP_CFA_NONE);
	assert_int_equal(rule->fp, described ? SEEP_WHERE_CFA : SEEP_WHERE_SAME);
	assert_int_equal(rule->fp_offset, described ? rule->ra_offset - 8 : 0);
	unwind_table_free(table);
}

static void check_built(const char *options)
{
	const struct symbolizer_options plain = { .no_inline = true, .no_lines = true };
	const struct symbol *symbols;
	struct session session;

	run_command("export HOME=${HOME:-$PWD} GO111MODULE=off && go build %s -o full g.go && "
		    "strip -o bare full",
		    options);
	compare("bare");
	check_rules("full", true);
	check_rules("bare", false);
	run_command("cp bare blind");
	drop_section_headers("blind");
	compare("blind");
	session = open_session("bare", &plain);
	assert_int_equal(name_at(&session, symbol_value("full", "main.outer") + 100, &symbols), 1);
	assert_string_equal(symbols[0].function, "main.outer");
	assert_string_equal(symbols[0].language, "go");
	assert_null(symbols[0].file);
	assert_int_equal(symbols[0].line, 0);
	close_session(&session);
}

static void test_programs(void **state)
{
	(void)state;
	if (!have_command("go") || !have_command("llvm-symbolizer")) {
		print_message("skipped: no go, or no llvm-symbolizer\n");
		skip();
	}
	write_source("g.go", GO_SOURCE);
	check_built("-buildmode=exe");
	check_built("-buildmode=pie");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_no_tree),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_programs),
	};

	return cmocka_run_group_tests(tests, make_work_folder, remove_work_folder);
}

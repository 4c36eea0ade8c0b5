// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Known sites are hidden, counted and said; nothing else is. */
#include "heap/signature.h"
#include "sweep/findings.h"
#include "sweep/suppressions.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "sample_profile.h"

enum { LEAK, CACHE, LOST };

/* One process, three sites: a leak in a plugin, a cache that fills, and a lost block. */
static struct profile *make(void)
{
	struct profile *p = profile_new();
	uint32_t libc = sample_module(p, "/usr/lib/libc.so.6", "aa", false);
	uint32_t exe = sample_module(p, "/usr/bin/service", "bb", false);
	uint32_t plugin = sample_module(p, "/opt/vendor/libplugin.so.3", "cc", false);
	uint32_t allocator = sample_frame(p, libc, 1, "malloc", NULL, 0, "c", FRAME_ALLOCATOR);
	uint32_t leaking = sample_frame(p, plugin, 2, "plugin_call(int)", NULL, 0, "c++", 0);
	uint32_t lambda =
		sample_frame(p, exe, 3, "serve()::{lambda()#1}::operator()", NULL, 0, "c++", 0);
	uint32_t caching = sample_frame(p, exe, 4, "cache_fill", NULL, 0, "c", 0);

	sample_process(p, 7, "service", "/usr/bin/service")->verdict = VERDICT_LEAK;
	sample_verdict(p,
		       sample_site(p, 0, SAMPLE_STACK(p, false, allocator, leaking, lambda),
				   "glibc", "malloc", 64, 100, 100),
		       9, 10, VERDICT_GROWING, "grows");
	sample_verdict(p,
		       sample_site(p, 0, SAMPLE_STACK(p, false, allocator, caching, lambda),
				   "glibc", "malloc", 32, 100, 100),
		       9, 0, VERDICT_FILLING, "fills");
	sample_verdict(p, sample_site(p, 0, PROFILE_NONE, "glibc", "malloc", 16, 10, 10), 9, 0,
		       VERDICT_LOST, "lost");
	return p;
}

static int parse(struct suppressions *s, const char *text, char **ret_message)
{
	*ret_message = NULL;
	return suppressions_parse(s, "known", text, strlen(text), ret_message);
}

/* Whether the line hides the site. */
static bool hides(const char *line, const struct profile *profile, size_t site)
{
	struct suppressions s = { 0 };
	char *message;
	bool result;

	assert_int_equal(parse(&s, line, &message), 0);
	result = suppressions_match(&s, profile, &profile->sites[site]) != NULL;
	suppressions_release(&s);
	return result;
}

static void test_kinds(void **state)
{
	struct profile *p = make();
	struct signature signature = signature_of(p, &p->sites[LEAK]);
	struct signature_text text;
	char line[64];

	assert_true(hides("function:plugin_call*", p, LEAK));
	assert_false(hides("function:plugin_call*", p, CACHE));
	assert_true(hides("function:serve()::{lambda()#1}*", p, CACHE));
	assert_false(hides("function:malloc", p, LEAK));
	assert_false(hides("function:*", p, LOST));
	assert_true(hides("module:libplugin.so*", p, LEAK));
	assert_true(hides("module:/opt/vendor/*", p, LEAK));
	assert_false(hides("module:libplugin.so*", p, CACHE));
	assert_false(hides("module:libc.so.6", p, LEAK));
	snprintf(line, sizeof(line), "signature:%s", signature_write(&text, signature.code));
	assert_true(hides(line, p, LEAK));
	assert_false(hides(line, p, CACHE));
	snprintf(line, sizeof(line), "signature:%s", signature_write(&text, signature.names));
	assert_true(hides(line, p, LEAK));
	assert_false(hides("signature:0000000000000000", p, LEAK));
	profile_free(p);
}

static void test_file(void **state)
{
	struct suppressions s = { 0 };
	char *message;

	assert_int_equal(parse(&s,
			       "# known here\n"
			       "\n"
			       "  function:serve()::{lambda()#1}* # upstream knows: #77 \r\n"
			       "module:libplugin.so*\t# the vendor's\n"
			       "signature:00000000DEADBEEF",
			       &message),
			 0);
	assert_int_equal(s.nr, 3);
	assert_string_equal(s.items[0].text, "function:serve()::{lambda()#1}*");
	assert_string_equal(s.items[0].comment, "upstream knows: #77");
	assert_int_equal(s.items[0].line, 3);
	assert_string_equal(s.items[1].glob, "libplugin.so*");
	assert_string_equal(s.items[1].comment, "the vendor's");
	assert_int_equal(s.items[2].signature, 0xdeadbeef);
	assert_null(s.items[2].comment);
	suppressions_release(&s);
}

static void test_wrong(void **state)
{
	static const char *const lines[] = {
		"plugin_call",
		"functions:x",
		"function:",
		"function: # x",
		"signature:12",
		"signature:zzzzzzzzzzzzzzzz",
		"signature:00000000000000001",
		"function:a\x02",
	};
	char long_line[SUPPRESSION_LENGTH + 10];

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct suppressions s = { 0 };
		char text[128], *message;

		snprintf(text, sizeof(text), "function:a\n%s\n", lines[i]);
		assert_int_equal(parse(&s, text, &message), -EINVAL);
		if (!message || strncmp(message, "known:2: ", 9) != 0)
			fail_msg("'%s': '%s'", lines[i], message ? message : "nothing");
		free(message);
		suppressions_release(&s);
	}
	memset(long_line, 'a', sizeof(long_line));
	memcpy(long_line, "function:", 9);
	long_line[sizeof(long_line) - 1] = '\0';
	for (size_t length = 0; length < 1; length++) {
		struct suppressions s = { 0 };
		char *message;

		assert_int_equal(parse(&s, long_line, &message), -EINVAL);
		assert_non_null(strstr(message, "known:1: the line is longer"));
		free(message);
		suppressions_release(&s);
	}
}

static struct findings judge(const char *text, const struct profile *profile,
			     struct suppressions *s)
{
	struct findings findings;
	char *message;

	assert_int_equal(parse(s, text, &message), 0);
	assert_int_equal(findings_judge(s, profile, &findings), 0);
	return findings;
}

static void test_findings(void **state)
{
	struct suppressions none = { 0 }, one = { 0 };
	struct profile *p = make();
	struct findings findings = judge("", p, &none);

	/* the leak and the lost one; what fills is none, and the process has its sites */
	assert_int_equal(findings.nr, 2);
	assert_int_equal(findings.suppressed, 0);
	findings_release(&findings);
	findings = judge("function:cache*\nmodule:libplugin* # known\n", p, &one);
	assert_int_equal(findings.nr, 1);
	assert_int_equal(findings.suppressed, 1);
	assert_int_equal(findings.nr_hidden, 1);
	assert_int_equal(findings.hidden[0].sites, 1);
	assert_int_equal(findings.hidden[0].live_bytes, 6400);
	assert_string_equal(findings.hidden[0].by->comment, "known");
	findings_release(&findings);
	suppressions_release(&one);
	/* a process that leaks without such a site is one of its own */
	p->sites[LEAK].verdict = p->sites[LOST].verdict = VERDICT_STEADY;
	findings = judge("", p, &none);
	assert_int_equal(findings.nr, 1);
	findings_release(&findings);
	p->processes[0].verdict = VERDICT_NONE;
	findings = judge("", p, &none);
	assert_int_equal(findings.nr, 0);
	findings_release(&findings);
	suppressions_release(&none);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every format of the sample profile, byte for byte, against tests/golden. After a
 * wanted change: SEEP_REGENERATE_GOLDEN=1, then read the difference.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sample_profile.h"
#include "report/formats.h"
#include "report/label.h"
#include "report/report.h"
#include "report/select.h"
#include "report/words.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <zlib.h>

static char *render(const struct report_format *format, const struct profile *profile,
		    const struct report_options *options, size_t *ret_size)
{
	char *bytes = NULL;
	FILE *out = open_memstream(&bytes, ret_size);

	assert_int_equal(format->write(profile, options, out), 0);
	fclose(out);
	return bytes;
}

static char *read_whole(const char *path, size_t *ret_size)
{
	FILE *in = fopen(path, "re");
	char *bytes = malloc(1 << 20);

	if (!in)
		fail_msg("%s is not there", path);
	*ret_size = fread(bytes, 1, 1 << 20, in);
	fclose(in);
	return bytes;
}

static void check_golden(const char *name, const char *bytes, size_t size)
{
	char *path, *expected;
	size_t expected_size;

	assert_true(asprintf(&path, "tests/golden/%s", name) > 0);
	if (getenv("SEEP_REGENERATE_GOLDEN")) {
		FILE *out = fopen(path, "we");

		assert_non_null(out);
		assert_int_equal(fwrite(bytes, 1, size, out), size);
		fclose(out);
	}
	expected = read_whole(path, &expected_size);
	if (size != expected_size || memcmp(bytes, expected, size))
		fail_msg("%s differs; what was written:\n%.*s", path, (int)size, bytes);
	free(expected);
	free(path);
}

static void check_format(const char *format, const char *name, const struct report_options *options)
{
	struct profile *profile = sample_profile();
	size_t size;
	char *bytes = render(report_format_find(format), profile, options, &size);

	check_golden(name, bytes, size);
	free(bytes);
	profile_free(profile);
}

static void text_is_golden(void **state)
{
	check_format("text", "sample.txt", &(struct report_options){ .width = 80, .top = 10 });
}

static void verbose_colour_text_is_golden(void **state)
{
	check_format("text", "sample-verbose.txt",
		     &(struct report_options){
			     .verbose = true, .colour = true, .top = 1, .sort = REPORT_BY_GROWTH });
}

static void json_is_golden(void **state)
{
	check_format("json", "sample.json", &(struct report_options){ 0 });
}

static void collapsed_is_golden(void **state)
{
	check_format("collapsed", "sample.folded", &(struct report_options){ 0 });
}

static void speedscope_is_golden(void **state)
{
	check_format("speedscope", "sample.speedscope.json", &(struct report_options){ 0 });
}

static void pprof_is_golden(void **state)
{
	struct profile *profile = sample_profile();
	size_t size;
	char *bytes = render(&report_pprof, profile, &(struct report_options){ 0 }, &size);
	static char message[1 << 16];
	z_stream stream = { .next_in = (Bytef *)bytes,
			    .avail_in = size,
			    .next_out = (Bytef *)message,
			    .avail_out = sizeof(message) };

	/* The compressed bytes may change with zlib; the message may not. */
	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	check_golden("sample.pprof", message, stream.total_out);
	inflateEnd(&stream);
	free(bytes);
	profile_free(profile);
}

/* No terminal can be driven, and no line is wider than asked for, at any width. */
static void text_is_safe_and_narrow(void **state)
{
	struct profile *profile = sample_profile();

	profile->processes[0].comm =
		profile_string(profile, "a\n\x1b]0;owned\x07\xc2\x9b\xe2\x80\xae");
	for (unsigned int width = 60; width < 130; width += 10) {
		size_t size, line = 0;
		char *bytes = render(&report_text, profile,
				     &(struct report_options){ .width = width }, &size);

		for (size_t i = 0; i < size; i++) {
			assert_true((unsigned char)bytes[i] >= 0x20 || bytes[i] == '\n');
			line = bytes[i] == '\n' ? 0 : line + ((bytes[i] & 0xc0) != 0x80);
			assert_true(line <= width);
		}
		assert_null(strstr(bytes, "\xc2\x9b"));
		assert_null(strstr(bytes, "\xe2\x80\xae"));
		assert_non_null(strstr(bytes, "a??]0;owned???"));
		free(bytes);
	}
	profile_free(profile);
}

/* Sums over sites are those of the processes, whatever is not shown or not known. */
static void json_adds_up(void **state)
{
	struct profile *profile = sample_profile();
	size_t size, i, j;
	char *bytes;
	json_t *root, *process, *site;

	profile->sites[0].growth_rate = NAN;
	bytes = render(&report_json, profile, &(struct report_options){ 0 }, &size);
	root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	assert_int_equal(json_array_size(json_object_get(root, "processes")), 5);
	json_array_foreach(json_object_get(root, "processes"), i, process)
	{
		json_int_t sum = 0;

		json_array_foreach(json_object_get(process, "sites"), j, site)
		{
			sum += json_integer_value(json_object_get(site, "live_bytes"));
			assert_non_null(json_object_get(site, "frames"));
		}
		assert_int_equal(sum, json_integer_value(json_object_get(process, "live_bytes")));
	}
	process = json_array_get(json_object_get(root, "processes"), 0);
	site = json_array_get(json_object_get(process, "sites"), 0);
	assert_true(json_is_null(json_object_get(site, "growth_rate")));
	json_decref(root);
	free(bytes);
	profile_free(profile);
}

static void sorts_by_every_word(void **state)
{
	static const struct {
		const char *word;
		uint32_t first;
	} expected[] = {
		{ "bytes", 4 }, { "count", 0 },	      { "growth", 0 },
		{ "age", 0 },	{ "total-bytes", 4 }, { "total-count", 2 },
	};
	struct profile *profile = sample_profile();
	enum report_sort sort = REPORT_BY_AGE;
	uint32_t *sites;
	size_t nr;

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		assert_int_equal(report_sort_parse(expected[i].word, &sort), 0);
		assert_int_equal(report_sort_sites(profile, PROFILE_NONE, sort, &sites, &nr), 0);
		assert_int_equal(nr, profile->nr_sites);
		assert_int_equal(sites[0], expected[i].first);
		free(sites);
	}
	assert_int_equal(report_sort_sites(profile, 1, REPORT_BY_LIVE_COUNT, &sites, &nr), 0);
	assert_int_equal(nr, 2);
	assert_int_equal(sites[0], 5);
	free(sites);
	assert_int_equal(report_sort_parse("size", &sort), -EINVAL);
	profile_free(profile);
}

static void knows_a_finding(void **state)
{
	struct profile *profile = sample_profile();

	assert_true(report_has_findings(profile));
	for (size_t i = 0; i < profile->nr_processes; i++)
		profile->processes[i].verdict = VERDICT_NONE;
	assert_true(report_has_findings(profile));
	for (size_t i = 0; i < profile->nr_sites; i++)
		profile->sites[i].verdict = VERDICT_STEADY;
	assert_false(report_has_findings(profile));
	profile->processes[4].verdict = VERDICT_OVERFLOW;
	assert_true(report_has_findings(profile));
	profile_free(profile);
}

static void selects_a_pid(void **state)
{
	struct profile *profile = sample_profile();
	size_t size;
	char *bytes;

	assert_int_equal(report_select_pid(profile, 4300), 1);
	assert_int_equal(profile->nr_sites, 2);
	assert_int_equal(profile->sites[1].process, 0);
	assert_int_equal(profile->nr_points, 0);
	assert_int_equal(profile->processes[0].parent, PROFILE_NONE);
	assert_int_equal(profile->health.nr_skipped_probes, 2);
	bytes = render(&report_json, profile, &(struct report_options){ 0 }, &size);
	assert_null(strstr(bytes, "sessiond\""));
	free(bytes);
	assert_int_equal(report_select_pid(profile, 1), 0);
	assert_int_equal(profile->nr_sites, 0);
	profile_free(profile);
}

static void finds_the_place(void **state)
{
	struct profile *profile = sample_profile();
	uint32_t place = label_place(profile, &profile->sites[0]);

	/* Neither malloc, nor operator new, nor the inlined std::map. */
	assert_string_equal(profile->frames[place].function,
			    "SessionTable::create(Request const&)");
	place = label_place(profile, &profile->sites[1]);
	assert_int_equal(profile->frames[place].offset, 0x1f3c);
	assert_int_equal(label_place(profile, &profile->sites[3]), PROFILE_NONE);
	profile_free(profile);
}

static void cleans_text(void **state)
{
	static const char *const pairs[][2] = {
		{ "plain", "plain" },
		{ "caf\xc3\xa9 \xf0\x9f\x98\x80", "caf\xc3\xa9 \xf0\x9f\x98\x80" },
		{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" }, /* overlong */
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* surrogate */
		{ "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd" },
		{ "\x1b[2J\x7f\xc2\x85", "?[2J??" },
		{ "a\xe2\x81\xa6z", "a?z" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char *clean = label_clean(pairs[i][0]);

		assert_string_equal(clean, pairs[i][1]);
		free(clean);
	}
}

static void words_are_right(void **state)
{
	struct words w;

	assert_string_equal(words_bytes(&w, 0), "0 B");
	assert_string_equal(words_bytes(&w, 1023), "1023 B");
	assert_string_equal(words_bytes(&w, 1024), "1.00 KiB");
	assert_string_equal(words_bytes(&w, 1023.9 * 1024), "1.00 MiB");
	assert_string_equal(words_bytes(&w, 1.5 * MIB), "1.50 MiB");
	assert_string_equal(words_bytes(&w, 99.96 * MIB), "100 MiB");
	assert_string_equal(words_bytes(&w, UINT64_MAX), "16.0 EiB");
	assert_string_equal(words_signed_bytes(&w, -2048), "-2.00 KiB");
	assert_string_equal(words_count(&w, 1234567), "1,234,567");
	assert_string_equal(words_count(&w, 999), "999");
	assert_string_equal(words_signed_count(&w, 1234), "+1,234");
	assert_string_equal(words_signed_count(&w, -5), "-5");
	assert_string_equal(words_signed_count(&w, 0), "0");
	assert_string_equal(words_signed_count(&w, INT64_MIN), "-9,223,372,036,854,775,808");
	assert_string_equal(words_seconds(&w, 0), "0 ms");
	assert_string_equal(words_seconds(&w, 0.004), "4 ms");
	assert_string_equal(words_seconds(&w, 59.6), "1m 00s");
	assert_string_equal(words_seconds(&w, 3599.7), "1h 00m");
	assert_string_equal(words_seconds(&w, 90000), "1d 01h");
	assert_string_equal(words_seconds(&w, NAN), "0 ms");
	assert_string_equal(words_share(&w, 1, 3), "33%");
	assert_string_equal(words_share(&w, 999, 1000), "99.9%");
	assert_string_equal(words_share(&w, 1, 100000), "<0.01%");
	assert_string_equal(words_share(&w, 1, 0), "0%");
	assert_string_equal(words_growth(&w, MIB / 3600.0), "+1.00 MiB/h");
	assert_string_equal(words_growth(&w, -1024 / 3600.0), "-1.00 KiB/h");
	assert_string_equal(words_growth(&w, NAN), "0 B/h");
}

/* A full device is an error, in each format. */
static void write_errors_are_told(void **state)
{
	struct profile *profile = sample_profile();

	for (size_t i = 0; report_formats[i]; i++) {
		FILE *full = fopen("/dev/full", "we");
		int err = report_formats[i]->write(profile, &(struct report_options){ 0 }, full);

		/* A build without npm has no page. */
		assert_true(err == -ENOSPC || err == -EIO ||
			    (err == -ENOTSUP && report_formats[i] == &report_html));
		fclose(full);
	}
	profile_free(profile);
}

/* The profile is data in the page, never markup. */
static void html_keeps_names_inert(void **state)
{
	struct profile *profile = sample_profile();
	struct profile *plain = profile_new();
	char *bytes = NULL, *plain_bytes, *at;
	size_t size, scripts = 0, plain_scripts = 0;
	FILE *out = open_memstream(&bytes, &size);
	int err = report_html.write(profile, &(struct report_options){ 0 }, out);

	fclose(out);
	if (err == -ENOTSUP) {
		free(bytes);
		profile_free(profile);
		profile_free(plain);
		skip();
	}
	assert_int_equal(err, 0);
	plain_bytes = render(&report_html, plain, &(struct report_options){ 0 }, &size);
	for (at = bytes; (at = strcasestr(at, "</script")); at++)
		scripts++;
	for (at = plain_bytes; (at = strcasestr(at, "</script")); at++)
		plain_scripts++;
	assert_int_equal(scripts, plain_scripts);
	assert_non_null(strstr(bytes, "\\u003c/script>\\u003cb>"));
	free(bytes);
	free(plain_bytes);
	profile_free(profile);
	profile_free(plain);
}

/* The frame that a call was inlined into stays, with its own place in the source. */
static void selects_physical_frames(void **state)
{
	struct profile *profile = sample_profile();
	size_t inlined = 0, before = 0, after = 0;

	(void)state;
	for (size_t i = 0; i < profile->nr_stacks; i++) {
		before += profile->stacks[i].nr_frames;
		for (uint32_t k = 0; k < profile->stacks[i].nr_frames; k++)
			inlined += (profile->frames[profile->stacks[i].frames[k]].flags &
				    FRAME_INLINED) != 0;
	}
	report_select_physical(profile);
	for (size_t i = 0; i < profile->nr_stacks; i++) {
		after += profile->stacks[i].nr_frames;
		for (uint32_t k = 0; k < profile->stacks[i].nr_frames; k++)
			assert_false(profile->frames[profile->stacks[i].frames[k]].flags &
				     FRAME_INLINED);
	}
	assert_true(inlined > 0);
	assert_int_equal(after, before - inlined);
	profile_free(profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_golden),
		cmocka_unit_test(verbose_colour_text_is_golden),
		cmocka_unit_test(json_is_golden),
		cmocka_unit_test(collapsed_is_golden),
		cmocka_unit_test(speedscope_is_golden),
		cmocka_unit_test(pprof_is_golden),
		cmocka_unit_test(text_is_safe_and_narrow),
		cmocka_unit_test(json_adds_up),
		cmocka_unit_test(sorts_by_every_word),
		cmocka_unit_test(knows_a_finding),
		cmocka_unit_test(selects_a_pid),
		cmocka_unit_test(selects_physical_frames),
		cmocka_unit_test(finds_the_place),
		cmocka_unit_test(cleans_text),
		cmocka_unit_test(words_are_right),
		cmocka_unit_test(write_errors_are_told),
		cmocka_unit_test(html_keeps_names_inert),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Compare a report (--format json) with what a program says it did, exactly.
 *
 *   check REPORT TRUTH
 *
 * For each function of the truth (see load.c) the sites with that function in their stack are
 * added up. Prints what differs; the exit status is 0 when nothing does. A report with losses
 * proves nothing and is refused.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sums {
	long long live_count, live_bytes, alloc_count, free_count;
	int sites;
};

static long long number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static int site_has(const json_t *site, const char *function)
{
	const json_t *frame;
	size_t i;

	json_array_foreach(json_object_get(site, "frames"), i, frame)
	{
		const char *name = json_string_value(json_object_get(frame, "function"));

		if (name && !strcmp(name, function))
			return 1;
	}
	return 0;
}

static struct sums add_up(const json_t *report, const char *function)
{
	struct sums sums = { 0 };
	const json_t *process, *site;
	size_t i, j;

	json_array_foreach(json_object_get(report, "processes"), i, process)
	{
		json_array_foreach(json_object_get(process, "sites"), j, site)
		{
			if (!site_has(site, function))
				continue;
			sums.live_count += number(site, "live_count");
			sums.live_bytes += number(site, "live_bytes");
			sums.alloc_count += number(site, "alloc_count");
			sums.free_count += number(site, "free_count");
			sums.sites++;
		}
	}
	return sums;
}

static int differs(const char *function, const char *what, long long got, const char *wanted)
{
	if (!strcmp(wanted, "-") || got == atoll(wanted))
		return 0;
	printf("%s: %s %lld, should be %s\n", function, what, got, wanted);
	return 1;
}

static int check_function(const json_t *report, const char *line)
{
	char function[64], live_count[24], live_bytes[24], allocs[24], frees[24];
	struct sums sums;
	int wrong = 0;

	if (sscanf(line, "%63s %23s %23s %23s %23s", function, live_count, live_bytes, allocs,
		   frees) != 5) {
		printf("cannot read the truth: %s", line);
		return 1;
	}
	sums = add_up(report, function);
	wrong += differs(function, "live_count", sums.live_count, live_count);
	wrong += differs(function, "live_bytes", sums.live_bytes, live_bytes);
	/* a report may leave out sites with nothing live; its events still count them */
	if (sums.sites || atoll(live_count)) {
		wrong += differs(function, "alloc_count", sums.alloc_count, allocs);
		wrong += differs(function, "free_count", sums.free_count, frees);
	}
	return wrong;
}

static int check_health(const json_t *report, long long least_events)
{
	const json_t *health = json_object_get(report, "health");

	if (number(report, "schema") != 1 || !json_is_object(health)) {
		printf("no report of schema 1\n");
		return 1;
	}
	if (number(health, "dropped")) {
		printf("%lld events dropped\n", number(health, "dropped"));
		return 1;
	}
	if (number(health, "events") < least_events) {
		printf("%lld events, should be at least %lld\n", number(health, "events"),
		       least_events);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	long long least_events = 0, allocs, frees;
	json_error_t error;
	json_t *report;
	char line[256];
	FILE *truth;
	int wrong = 0, functions = 0;

	if (argc != 3)
		return 2;
	report = json_load_file(argv[1], 0, &error);
	truth = fopen(argv[2], "r");
	if (!report || !truth) {
		printf("cannot read %s: %s\n", report ? argv[2] : argv[1],
		       report ? "no such file" : error.text);
		return 1;
	}
	while (fgets(line, sizeof(line), truth)) {
		functions++;
		wrong += check_function(report, line);
		if (sscanf(line, "%*s %*s %*s %lld %lld", &allocs, &frees) == 2)
			least_events += allocs + frees;
	}
	wrong += check_health(report, least_events);
	if (!functions)
		printf("the truth is empty\n");
	fclose(truth);
	json_decref(report);
	return wrong || !functions;
}

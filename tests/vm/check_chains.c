// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Compare the stacks of a report (--format json) with those a program's own unwinder saw,
 * frame by frame.
 *
 *   check_chains REPORT TOLD
 *
 * TOLD is what tests/fixtures/stacks.c wrote (chain.h): a line a chain. Each must be the
 * stack of a site: the allocator and the leaf, then every return address of the truth, none
 * of them guessed, to the end or to the bound. Of the chain of 115 links the functions must
 * have their names too. Prints what differs; the exit status is 0 when nothing does.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHAIN_BYTES = 777, /* of chain.h */
	LEAD = 2, /* frames before the leaf's caller: the allocator, the leaf */
	DEPTH = 127, /* SEEP_STACK_MAX of bpf/event.h */
	CHAINS = 10,
	NAMED_LINKS = 115,
};

/* How far a site's frames are those of a chain, and what is wrong with the next one. */
struct verdict {
	size_t alike;
	char wrong[400]; /* "": nothing */
};

static const char *text(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value ? value : "";
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The program's own file has no name in the truth. */
static int same_file(const json_t *frame, const json_t *wanted)
{
	const char *path = json_string_value(json_array_get(wanted, 0));

	return !path || !*path || !strcmp(base_name(path), base_name(text(frame, "module")));
}

static void compare_frame(const json_t *frame, const json_t *wanted, struct verdict *verdict)
{
	long long offset = json_integer_value(json_array_get(wanted, 1));
	long long found = json_integer_value(json_object_get(frame, "offset"));

	if (found != offset || !same_file(frame, wanted))
		snprintf(verdict->wrong, sizeof(verdict->wrong),
			 "frame %zu is %.60s (%.60s+%llx), not +%llx", verdict->alike + LEAD,
			 text(frame, "function"), text(frame, "module"), found, offset);
	else if (json_is_true(json_object_get(frame, "guessed")))
		snprintf(verdict->wrong, sizeof(verdict->wrong), "frame %zu (%.60s) is guessed",
			 verdict->alike + LEAD, text(frame, "function"));
}

static void compare_ends(const json_t *site, size_t wanted, struct verdict *verdict)
{
	size_t found = json_array_size(json_object_get(site, "frames"));
	const char *end = wanted + LEAD > DEPTH ? "depth" : "whole";

	if (found != (wanted + LEAD > DEPTH ? DEPTH : wanted + LEAD) ||
	    strcmp(text(site, "stack_end"), end))
		snprintf(verdict->wrong, sizeof(verdict->wrong),
			 "%zu frames that end in \"%s\", should be %zu and \"%s\"", found,
			 text(site, "stack_end"), wanted + LEAD, end);
}

static struct verdict compare(const json_t *site, const json_t *chain)
{
	const json_t *frames = json_object_get(site, "frames");
	const json_t *wanted = json_object_get(chain, "frames");
	struct verdict verdict = { 0, "" };
	size_t nr = json_array_size(wanted);

	if (!nr--) { /* the first is the leaf itself */
		snprintf(verdict.wrong, sizeof(verdict.wrong), "the truth is empty");
		return verdict;
	}
	while (verdict.alike < nr && verdict.alike + LEAD < json_array_size(frames)) {
		compare_frame(json_array_get(frames, verdict.alike + LEAD),
			      json_array_get(wanted, verdict.alike + 1), &verdict);
		if (*verdict.wrong)
			return verdict;
		verdict.alike++;
	}
	compare_ends(site, nr, &verdict);
	return verdict;
}

static int check_name(const json_t *frames, size_t i, const char *wanted)
{
	const char *name = text(json_array_get(frames, i), "function");

	if (!strcmp(name, wanted))
		return 0;
	printf("frame %zu is called %s, not %s\n", i, name, wanted);
	return 1;
}

/* leaf, link_114 ... link_000, at_depth, main */
static int check_names(const json_t *site)
{
	const json_t *frames = json_object_get(site, "frames");
	int wrong = check_name(frames, 1, "leaf");
	char name[32];
	size_t i;

	for (i = 0; i < NAMED_LINKS; i++) {
		snprintf(name, sizeof(name), "link_%03zu", NAMED_LINKS - 1 - i);
		wrong += check_name(frames, LEAD + i, name);
	}
	wrong += check_name(frames, LEAD + NAMED_LINKS, "at_depth");
	return wrong + check_name(frames, LEAD + NAMED_LINKS + 1, "main");
}

/* The site that agrees longest is taken for the chain's. */
static int check_chain(const json_t *report, const json_t *chain)
{
	struct verdict best = { 0, "no site" }, verdict;
	const json_t *process, *site, *taken = NULL;
	size_t i, j;

	json_array_foreach(json_object_get(report, "processes"), i, process)
	{
		json_array_foreach(json_object_get(process, "sites"), j, site)
		{
			if (json_integer_value(json_object_get(site, "largest")) != CHAIN_BYTES)
				continue;
			verdict = compare(site, chain);
			if (taken && *verdict.wrong && verdict.alike <= best.alike)
				continue;
			best = verdict;
			taken = site;
			if (!*verdict.wrong)
				break;
		}
		if (!*best.wrong)
			break;
	}
	if (*best.wrong) {
		printf("%s: %s\n", text(chain, "case"), best.wrong);
		return 1;
	}
	return strcmp(text(chain, "case"), "deep-115") ? 0 : check_names(taken);
}

/* Interrupted anywhere: its truth is a matter of libgcc's own reading of that one address. */
static int is_exempt(const json_t *chain)
{
	return !strcmp(text(chain, "case"), "interrupt");
}

int main(int argc, char **argv)
{
	static char line[1 << 18];
	json_error_t error;
	json_t *report, *chain;
	int wrong = 0, chains = 0;
	FILE *told;

	if (argc != 3)
		return 2;
	report = json_load_file(argv[1], 0, &error);
	told = fopen(argv[2], "r");
	if (!report || !told) {
		printf("cannot read %s: %s\n", report ? argv[2] : argv[1],
		       report ? "no such file" : error.text);
		return 1;
	}
	while (fgets(line, sizeof(line), told)) {
		if (strncmp(line, "chain ", 6))
			continue;
		chain = json_loads(line + 6, 0, &error);
		if (!is_exempt(chain)) {
			chains++;
			wrong += check_chain(report, chain);
		}
		json_decref(chain);
	}
	if (chains != CHAINS)
		printf("%d chains, should be %d\n", chains, CHAINS);
	fclose(told);
	json_decref(report);
	return wrong || chains != CHAINS;
}

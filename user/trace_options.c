// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "trace_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/quantity.h"
#include "base/vec.h"

enum {
	KEY_OLDER = 256,
	KEY_SORT,
	KEY_THREADS,
	KEY_SAMPLE,
	KEY_PAIR,
	KEY_ALLOC,
	KEY_RING,
	KEY_MAX_MEMORY,
	KEY_MAX_THREADS,
	KEY_MAX_STACKS,
	KEY_MAX_SAMPLED,
	KEY_NO_FOLLOW,
	KEY_FORMAT,
	KEY_NO_INLINE,
	KEY_NO_DEMANGLE,
	KEY_NO_LINES,
	KEY_DEBUGINFOD,
	KEY_DEBUGINFOD_TIMEOUT,
	KEY_DEBUGINFOD_TOTAL,
	KEY_ATTACH,
	KEY_NO_COLOUR,
	KEY_NO_MAPPINGS,
	KEY_THROWING,
	KEY_ENTRY_SITES,
	KEY_ALL_SITES,
	KEY_FRAME_POINTERS,
	KEY_NO_PYTHON,
	KEY_NO_OBJECTS,
};

enum { TOP_SITES = 10, DEFAULT_MAX_MEMORY = 512 << 20 };

static const struct argp_option option_table[] = {
	{ NULL, 0, NULL, 0, "What is reported:", 1 },
	{ "format", KEY_FORMAT, "FORMAT", 0,
	  "text (default), json, collapsed, pprof, speedscope, html", 0 },
	{ "output", 'o', "FILE", 0, "Save a capture, for 'seep report' and 'seep diff'", 0 },
	{ "top", 'T', "N", 0, "Sites shown of each process; 0 all (default 10)", 0 },
	{ "sort", KEY_SORT, "WORD", 0,
	  "bytes (default), count, growth, age, total-bytes, total-count", 0 },
	{ "older", KEY_OLDER, "AGE", 0, "Only blocks at least so old: 30s, 5m, 1h", 0 },
	{ "min-size", 'z', "BYTES", 0, "Only blocks of at least this size", 0 },
	{ "max-size", 'Z', "BYTES", 0, "Only blocks of at most this size", 0 },
	{ "threads", KEY_THREADS, NULL, 0, "A site for each thread", 0 },
	{ "all-sites", KEY_ALL_SITES, NULL, 0, "Sites with nothing outstanding too", 0 },
	{ "no-inline", KEY_NO_INLINE, NULL, 0, "Do not expand inlined functions", 0 },
	{ "no-demangle", KEY_NO_DEMANGLE, NULL, 0, "Names as in the symbol table", 0 },
	{ "no-lines", KEY_NO_LINES, NULL, 0, "Functions only: no files and lines", 0 },
	{ "debuginfod", KEY_DEBUGINFOD, NULL, 0, "Fetch debug information from $DEBUGINFOD_URLS",
	  0 },
	{ "debuginfod-timeout", KEY_DEBUGINFOD_TIMEOUT, "TIME", 0,
	  "The time for one file of these (default 5s)", 0 },
	{ "debuginfod-total", KEY_DEBUGINFOD_TOTAL, "TIME", 0, "And for all (default 20s)", 0 },
	{ "no-color", KEY_NO_COLOUR, NULL, 0, "No colours, as with NO_COLOR set", 0 },
	{ "verbose", 'v', NULL, 0, "Whole names, cohorts, build ids; debug messages", 0 },
	{ "quiet", 'q', NULL, 0, "No progress messages", 0 },
	{ NULL, 0, NULL, 0, "What is traced:", 2 },
	{ "sample-bytes", KEY_SAMPLE, "BYTES", 0,
	  "Sample one block in so many bytes instead of tracing all", 0 },
	{ "sample", 's', "BYTES", OPTION_ALIAS, NULL, 0 },
	{ "pair", KEY_PAIR, "LIB:ACQUIRE=RELEASE", 0,
	  "Trace this pair of functions too ('acquire@2': through its 2nd argument)", 0 },
	{ "alloc", KEY_ALLOC, "PREFIX|LIB", 0,
	  "An allocator whose functions have this prefix, or in this library", 0 },
	{ "no-follow", KEY_NO_FOLLOW, NULL, 0, "Not the children of traced processes", 0 },
	{ "no-mappings", KEY_NO_MAPPINGS, NULL, 0, "Not mmap, munmap, mremap", 0 },
	{ "frame-pointers", KEY_FRAME_POINTERS, NULL, 0,
	  "Walk stacks by frame pointers alone, without unwind tables", 0 },
	{ "no-python", KEY_NO_PYTHON, NULL, 0, "Not the functions that CPython runs", 0 },
	{ "no-objects", KEY_NO_OBJECTS, NULL, 0, "Do not look at the objects of CPython", 0 },
	{ "throwing", KEY_THROWING, NULL, 0,
	  "Probe C++ operator new itself where it bypasses malloc (see seep(1))", 0 },
	{ NULL, 0, NULL, 0, "Bounds:", 3 },
	{ "ring-bytes", KEY_RING, "BYTES", 0, "Ring buffer (default 16M)", 0 },
	{ "max-memory", KEY_MAX_MEMORY, "BYTES", 0,
	  "Memory of the collector (default 512M; 0 no bound)", 0 },
	{ "max-threads", KEY_MAX_THREADS, "N", 0, "Threads traced at once (default 16384)", 0 },
	{ "max-stacks", KEY_MAX_STACKS, "N", 0,
	  "Stacks remembered by the kernel side (default 262144)", 0 },
	{ "max-sampled", KEY_MAX_SAMPLED, "N", 0, "Sampled blocks live at once (default 262144)",
	  0 },
	{ "attach", KEY_ATTACH, "MODE", 0,
	  "session, multi, perf-cookie or perf; default: the best that works", 0 },
	{ "entry-sites", KEY_ENTRY_SITES, NULL, OPTION_HIDDEN, "Always probe the first byte", 0 },
	{ 0 },
};

uint64_t parse_bytes(struct argp_state *state, const char *text)
{
	uint64_t bytes = 0;

	if (!quantity_bytes(text, &bytes))
		argp_error(state, "'%s' is not a number of bytes (as in 4096, 64K, 1.5G)", text);
	return bytes;
}

double parse_seconds(struct argp_state *state, const char *text)
{
	double seconds = 0;

	if (!quantity_seconds(text, &seconds))
		argp_error(state, "'%s' is not a time (as in 90, 30s, 5m, 2h)", text);
	return seconds;
}

double parse_budget(struct argp_state *state, const char *text)
{
	double percent = 0;

	if (!strcmp(text, "off"))
		return 0;
	if (!quantity_percent(text, &percent) || !(percent >= 0.01 && percent <= 100))
		argp_error(state, "--budget is from 0.01 to 100 percent, or off");
	return percent;
}

unsigned long parse_count(struct argp_state *state, const char *text, unsigned long most)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value > most)
		argp_error(state, "'%s' is not a number from 0 to %lu", text, most);
	return value;
}

/* Milliseconds, at least one and at most an hour. */
static uint32_t parse_limit(struct argp_state *state, const char *text)
{
	double seconds = parse_seconds(state, text);

	if (seconds < 0.001 || seconds > 3600)
		argp_error(state, "'%s' is not a time from 1 ms to 1 hour", text);
	return (uint32_t)(seconds * 1000);
}

static void add_pair(struct argp_state *state, struct trace_options *o, const char *text)
{
	struct pair *pair = vec_push(&o->pairs, &o->nr_pairs, &o->cap_pairs);
	char *message = NULL;

	if (!pair)
		argp_failure(state, 1, ENOMEM, "--pair");
	else if (pair_parse(text, pair, &message))
		argp_error(state, "--pair '%s': %s", text,
			   message ? message : "not LIB:ACQUIRE=RELEASE");
}

static void add_alloc(struct argp_state *state, struct trace_options *o, const char *text)
{
	const char **slot = vec_push(&o->alloc, &o->nr_alloc, &o->cap_alloc);

	if (!slot)
		argp_failure(state, 1, ENOMEM, "--alloc");
	else
		*slot = text;
}

static error_t parse_report_option(int key, char *value, struct argp_state *state,
				   struct trace_options *o)
{
	switch (key) {
	case KEY_FORMAT:
		o->format = report_format_find(value);
		if (!o->format)
			argp_error(state, "there is no format '%s'", value);
		break;
	case 'o':
		o->capture = value;
		break;
	case 'T':
		o->text.top = parse_count(state, value, UINT32_MAX);
		break;
	case KEY_SORT:
		if (report_sort_parse(value, &o->text.sort))
			argp_error(state, "cannot sort by '%s'", value);
		break;
	case KEY_OLDER:
		o->report.filter.min_age_ns = (uint64_t)(parse_seconds(state, value) * 1e9);
		break;
	case 'z':
		o->report.filter.min_size = parse_bytes(state, value);
		break;
	case 'Z':
		o->report.filter.max_size = parse_bytes(state, value);
		break;
	case KEY_ALL_SITES:
		o->report.live_only = false;
		break;
	case KEY_NO_COLOUR:
		o->no_colour = true;
		break;
	case 'v':
		o->text.verbose = true;
		log_verbosity = 1;
		break;
	case 'q':
		o->quiet = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_symbol_option(int key, char *value, struct argp_state *state,
				   struct symbolizer_options *symbols)
{
	switch (key) {
	case KEY_NO_INLINE:
		symbols->no_inline = true;
		break;
	case KEY_NO_DEMANGLE:
		symbols->no_demangle = true;
		break;
	case KEY_NO_LINES:
		symbols->no_lines = true;
		break;
	case KEY_DEBUGINFOD:
		symbols->debuginfod = true;
		break;
	case KEY_DEBUGINFOD_TIMEOUT:
		symbols->debuginfod_file_ms = parse_limit(state, value);
		break;
	case KEY_DEBUGINFOD_TOTAL:
		symbols->debuginfod_total_ms = parse_limit(state, value);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_target_option(int key, char *value, struct argp_state *state,
				   struct trace_options *o)
{
	struct tracer_options *t = &o->tracer;

	switch (key) {
	case KEY_THREADS:
		t->by_thread = true;
		break;
	case KEY_SAMPLE:
	case 's':
		t->sample_bytes = parse_bytes(state, value);
		break;
	case KEY_PAIR:
		add_pair(state, o, value);
		break;
	case KEY_ALLOC:
		add_alloc(state, o, value);
		break;
	case KEY_NO_FOLLOW:
		t->follow = false;
		break;
	case KEY_NO_MAPPINGS:
		t->no_mappings = true;
		break;
	case KEY_FRAME_POINTERS:
		t->frame_pointers = true;
		break;
	case KEY_NO_PYTHON:
		t->no_python = true;
		break;
	case KEY_NO_OBJECTS:
		t->no_objects = true;
		break;
	case KEY_THROWING:
		t->plan.allow_throwing = true;
		break;
	case KEY_ENTRY_SITES:
		t->plan.entry_sites_only = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_bound(int key, char *value, struct argp_state *state, struct trace_options *o)
{
	struct tracer_options *t = &o->tracer;

	switch (key) {
	case KEY_RING:
		t->ring_bytes = parse_bytes(state, value);
		break;
	case KEY_MAX_MEMORY:
		t->max_memory = parse_bytes(state, value);
		break;
	case KEY_MAX_THREADS:
		t->max_threads = parse_count(state, value, 1 << 22);
		break;
	case KEY_MAX_STACKS:
		t->max_stacks = parse_count(state, value, 1 << 24);
		break;
	case KEY_MAX_SAMPLED:
		t->max_sampled = parse_count(state, value, 1 << 26);
		break;
	case KEY_ATTACH:
		o->attach = attach_mode_parse(value);
		if (o->attach == ATTACH_NONE)
			argp_error(state, "--attach is session, multi, perf-cookie or perf");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct trace_options *o = state->input;
	error_t err = parse_report_option(key, value, state, o);

	if (err == ARGP_ERR_UNKNOWN)
		err = parse_symbol_option(key, value, state, &o->tracer.symbols);
	if (err == ARGP_ERR_UNKNOWN)
		err = parse_target_option(key, value, state, o);
	if (err == ARGP_ERR_UNKNOWN)
		err = parse_bound(key, value, state, o);
	return err;
}

const struct argp trace_options_argp = { .options = option_table, .parser = parse_option };

void trace_options_init(struct trace_options *o)
{
	memset(o, 0, sizeof(*o));
	o->format = report_format_find("text");
	o->text.top = TOP_SITES;
	o->attach = ATTACH_NONE;
	o->duration = -1;
	o->report.live_only = true;
	o->tracer.follow = true;
	o->tracer.max_memory = DEFAULT_MAX_MEMORY;
}

void trace_options_release(struct trace_options *o)
{
	for (size_t i = 0; i < o->nr_pairs; i++)
		pair_free(&o->pairs[i]);
	free(o->pairs);
	free(o->alloc);
}

void parse_pids(struct argp_state *state, char *text, struct pid_list *list)
{
	char *word;

	while ((word = strsep(&text, ","))) {
		pid_t *slot = vec_push(&list->items, &list->nr, &list->cap);

		if (!slot)
			argp_failure(state, 1, ENOMEM, "-p");
		*slot = parse_count(state, word, INT32_MAX);
		if (!*slot)
			argp_error(state, "0 is no process");
	}
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The options that trace and run share, and what both do with them. */
#ifndef SEEP_TRACE_OPTIONS_H
#define SEEP_TRACE_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/report.h"
#include "trace/tracer.h"

struct trace_options {
	struct tracer_options tracer;
	struct tracer_report report;
	struct report_options text;
	const struct report_format *format;
	const char *capture; /* -o; NULL none */
	enum attach_mode attach; /* ATTACH_NONE: the best that works */
	double interval; /* 0: one report at the end */
	unsigned long count; /* of intervals; 0 without end */
	double duration; /* negative: until Ctrl-C */
	bool budget_given; /* else it is the default, and goes where it cannot be had */
	bool no_colour, quiet;
	/* lists that grow while parsing; they belong to this struct */
	const char **alloc;
	size_t nr_alloc, cap_alloc;
	struct pair *pairs;
	size_t nr_pairs, cap_pairs;
};

void trace_options_init(struct trace_options *options);
void trace_options_release(struct trace_options *options);

/* For the `children` of a command's argp; its input is a struct trace_options. */
extern const struct argp trace_options_argp;

/* Numbers with a unit: "64K", "1.5G"; "90", "30s", "5m", "2h". argp_error on nonsense. */
uint64_t parse_bytes(struct argp_state *state, const char *text);
double parse_seconds(struct argp_state *state, const char *text);
/* Percent of the targets' CPU time: "2", "0.5%"; 0 for "off". */
double parse_budget(struct argp_state *state, const char *text);
/* Adds the processes of "A,B"; the list is the caller's to free. */
struct pid_list {
	pid_t *items;
	size_t nr, cap;
};
void parse_pids(struct argp_state *state, char *text, struct pid_list *list);
unsigned long parse_count(struct argp_state *state, const char *text, unsigned long most);

/*
 * Tries what the kernel offers and chooses how to attach, for who makes tracers of its own. On
 * failure prints what is missing and how to get it, and returns an exit code; else 0.
 */
int trace_find_features(const struct trace_options *options, struct features *ret_features);

/*
 * Finds the features, and makes the tracer. On failure prints
 * what is missing and how to get it, and returns an exit code; else 0.
 */
int trace_begin(struct trace_options *options, struct features *ret_features,
		struct tracer **ret_tracer);

/* Renders the profile to stdout, and saves it where -o said. An exit code. */
int trace_deliver(const struct trace_options *options, struct profile *profile, bool save);

/* The command line as one string, for the capture. The caller frees it. */
char *command_line(int argc, char **argv);

#endif

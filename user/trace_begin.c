// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What trace and run do alike before and after tracing. Prints errors, with the remedy. */
#include "trace_options.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/features_cache.h"
#include "base/log.h"
#include "base/vec.h"
#include "command.h"
#include "output.h"
#include "store/capture.h"

static int explain_privilege(void)
{
	log_error("loading BPF programs was refused. Run as root (sudo seep ...), or give the "
		  "binary CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH");
	return EXIT_PRIVILEGE;
}

static int choose_mode(const struct trace_options *o, struct features *features)
{
	if (!features->btf) {
		log_error("the kernel has no type information (/sys/kernel/btf/vmlinux): a kernel "
			  "built with CONFIG_DEBUG_INFO_BTF is needed; distributions have it since "
			  "5.10");
		return EXIT_PRIVILEGE;
	}
	if (o->attach != ATTACH_NONE && !features->works[o->attach]) {
		log_error("%s does not work on this kernel (seep doctor says what does)",
			  attach_mode_name(o->attach));
		return EXIT_PRIVILEGE;
	}
	if (o->attach != ATTACH_NONE)
		features->best = o->attach;
	if (features->best == ATTACH_NONE) {
		log_error("no way to attach uprobes works on this kernel; 'seep doctor' shows what "
			  "was "
			  "tried. CONFIG_UPROBE_EVENTS and CONFIG_BPF_EVENTS are needed");
		return EXIT_PRIVILEGE;
	}
	if (features->best == ATTACH_PERF && o->nr_pairs) {
		log_error("--pair needs attach cookies (kernel 5.15)");
		return EXIT_PRIVILEGE;
	}
	return 0;
}

static int explain_open(int err)
{
	if (err == -EPERM || err == -EACCES)
		return explain_privilege();
	if (err == -ENOMEM)
		log_error("not enough memory for the maps and the ring: make them smaller "
			  "(--ring-bytes, --max-stacks, --max-threads)");
	else
		log_error("the kernel refused the tracing programs: %s (run with -v for its words)",
			  strerror(-err));
	return EXIT_PRIVILEGE;
}

/* Better told now than after an hour of tracing. */
static int check_capture(const char *path)
{
	char *copy = path ? strdup(path) : NULL;
	int status = 0;

	if (copy && faccessat(AT_FDCWD, dirname(copy), W_OK, AT_EACCESS)) {
		log_error("a capture cannot be written to %s: %s", path, strerror(errno));
		status = EXIT_USAGE;
	}
	free(copy);
	return status;
}

static void warn_of_what_is_missing(const struct trace_options *o, const struct features *features)
{
	if (!features->tracefs && !features->call_entries && !o->tracer.no_mappings)
		log_warn("no tracefs (mount -t tracefs nodev /sys/kernel/tracing): mmap is not "
			 "traced, "
			 "and libraries opened later are found once a second");
	if (o->tracer.symbols.debuginfod && !getenv("DEBUGINFOD_URLS"))
		log_warn("--debuginfod asks nobody: $DEBUGINFOD_URLS names no server (sudo drops "
			 "it: "
			 "sudo --preserve-env=DEBUGINFOD_URLS)");
}

/* Tries them now. 0 or an exit code. */
static int try_features(const struct trace_options *o, struct features *ret_features)
{
	bool all = o->attach != ATTACH_NONE;
	int err = features_probe(all, ret_features);

	if (!err && ret_features->best != ATTACH_NONE)
		features_remember(NULL, all, ret_features);
	if (!err)
		return 0;
	if (err == -EPERM || err == -EACCES)
		return explain_privilege();
	log_error("cannot find out what the kernel offers: %s", strerror(-err));
	return EXIT_PRIVILEGE;
}

/* With features tried now or, *ret_recalled, at an earlier start. 0 or an exit code. */
static int find_features(const struct trace_options *o, struct features *ret_features,
			 bool *ret_recalled)
{
	features_look(ret_features);
	*ret_recalled = features_recall(NULL, o->attach != ATTACH_NONE, ret_features);
	return *ret_recalled ? 0 : try_features(o, ret_features);
}

int trace_find_features(const struct trace_options *o, struct features *ret_features)
{
	struct features features = { .best = ATTACH_NONE };
	int err;

	features_look(&features);
	err = try_features(o, &features);
	err = err ? err : choose_mode(o, &features);
	if (err)
		return err;
	warn_of_what_is_missing(o, &features);
	*ret_features = features;
	return 0;
}

/* A budget that nobody has asked for is no reason not to trace. */
static int new_tracer(struct trace_options *o, const struct features *features,
		      struct tracer **ret_tracer)
{
	int err = tracer_new(&o->tracer, features, ret_tracer);

	if (err != -EPERM || !(o->tracer.budget > 0) || o->budget_given)
		return err;
	o->tracer.budget = 0;
	err = tracer_new(&o->tracer, features, ret_tracer);
	if (!err)
		log_warn("traced without a budget: to know what tracing costs needs CAP_SYS_ADMIN, "
			 "or kernel.bpf_stats_enabled = 1 (sysctl)");
	return err;
}

/* -EAGAIN: what was recalled of the kernel is not so any more. Else 0 or an exit code. */
static int open_tracer(struct trace_options *o, struct features *ret_features,
		       struct tracer **ret_tracer)
{
	struct features features = { .best = ATTACH_NONE };
	bool recalled;
	int err = find_features(o, &features, &recalled);

	err = err ? err : choose_mode(o, &features);
	if (err)
		return err;
	err = new_tracer(o, &features, ret_tracer);
	if (err && recalled && err != -ENOMEM) {
		features_forget(NULL);
		return -EAGAIN;
	}
	*ret_features = features;
	return err ? explain_open(err) : 0;
}

int trace_begin(struct trace_options *o, struct features *ret_features, struct tracer **ret_tracer)
{
	const char **end = vec_push(&o->alloc, &o->nr_alloc, &o->cap_alloc);
	int err = end ? check_capture(o->capture) : explain_open(-ENOMEM);

	if (err)
		return err;
	o->tracer.plan.extra_families = o->alloc;
	o->tracer.plan.pairs = o->pairs;
	o->tracer.plan.nr_pairs = o->nr_pairs;
	err = open_tracer(o, ret_features, ret_tracer);
	if (err == -EAGAIN)
		err = open_tracer(o, ret_features, ret_tracer);
	if (!err)
		warn_of_what_is_missing(o, ret_features);
	return err;
}

static int save(const char *path, const struct profile *profile)
{
	char *message = NULL;
	int err = capture_write(path, profile, &message);

	if (err)
		log_error("the capture was not saved: %s", message ? message : strerror(-err));
	free(message);
	return err;
}

int trace_deliver(const struct trace_options *o, struct profile *profile, bool save_it)
{
	struct report_options options = o->text;
	bool saved = !save_it || !o->capture || !save(o->capture, profile);
	int status;

	output_look_at_terminal(&options, o->no_colour);
	status = output_to_stdout(profile, o->format, &options);
	return saved ? status : EXIT_PARTIAL;
}

char *command_line(int argc, char **argv)
{
	size_t length = 1;
	char *line;

	for (int i = 0; i < argc; i++)
		length += strlen(argv[i]) + 1;
	line = malloc(length);
	if (!line)
		return NULL;
	*line = '\0';
	for (int i = 0; i < argc; i++) {
		strcat(line, argv[i]);
		if (i + 1 < argc)
			strcat(line, " ");
	}
	return line;
}

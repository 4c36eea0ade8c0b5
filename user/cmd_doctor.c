// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* seep doctor: what this kernel and this process allow, what would be probed, and why. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "attach/features.h"
#include "attach/plan.h"
#include "base/log.h"
#include "command.h"
#include "doctor_jit.h"
#include "proc/maps.h"
#include "proc/process.h"
#include "stack/unwind_table.h"
#include "trace_options.h"

enum { SHOWN_SKIPS = 20 };

struct doctor_arguments {
	pid_t pid;
	bool verbose;
};

static const struct argp_option option_table[] = {
	{ "pid", 'p', "PID", 0, "Look at this process: which files, which probes", 0 },
	{ "verbose", 'v', NULL, 0, "All skipped functions; debug messages", 0 },
	{ 0 },
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct doctor_arguments *a = state->input;

	switch (key) {
	case 'p':
		a->pid = parse_count(state, value, INT32_MAX);
		break;
	case 'v':
		a->verbose = true;
		log_verbosity = 1;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "no arguments: -p PID looks at a process");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const char *yes(bool is)
{
	return is ? "yes" : "no";
}

static void show_kernel(const struct features *f)
{
	struct utsname name;

	if (!uname(&name))
		printf("kernel %s %s\n", name.release, name.machine);
	printf("  type information (BTF)        %s\n", yes(f->btf));
	printf("  system call functions         %s\n", yes(f->call_entries));
	printf("  system call tracepoints       %s\n", yes(f->tracefs));
	for (int mode = 0; mode < ATTACH_MODES; mode++) {
		printf("  %-29s ", attach_mode_name(mode));
		if (f->works[mode])
			puts(mode == (int)f->best ? "works, used" : "works");
		else if (f->error[mode])
			printf("no: %s\n", strerror(-f->error[mode]));
		else
			puts("no: it does not count right (see the kernel's fixes)");
	}
	printf("  5-byte nops without a trap    %s\n", yes(f->nop5_is_free));
	printf("  safe under seccomp filters    %s\n", yes(!f->returns_kill_filtered));
}

static void show_probe(const struct plan_probe *probe)
{
	char where[32];

	snprintf(where, sizeof(where), "+%u", probe->site.offset);
	printf("    %-24s %-5s %-9s %-22s %s%s\n", probe->symbol, where,
	       site_class_name(probe->site.class), probe->site.instruction, probe->site.why,
	       probe->needs_return ? "; and at its return" : "");
	if (probe->aliases)
		printf("    %-24s also %s\n", "", probe->aliases);
}

static void show_plan(const struct plan *plan, bool verbose)
{
	size_t shown = verbose ? plan->nr_skips : SHOWN_SKIPS;

	printf("  %s: %s, %zu probes\n", plan->path,
	       plan->family ? family_name(plan->family) : "no allocator", plan->nr_probes);
	for (size_t i = 0; i < plan->nr_probes; i++)
		show_probe(&plan->probes[i]);
	for (size_t i = 0; i < plan->nr_skips && i < shown; i++)
		printf("    %-24s skipped: %s\n",
		       plan->skips[i].symbol ? plan->skips[i].symbol : "", plan->skips[i].reason);
	if (plan->nr_skips > shown)
		printf("    and %zu more skipped (-v shows them)\n", plan->nr_skips - shown);
}

static bool seen_before(const struct maps *maps, size_t i)
{
	const struct mapping *m = &maps->items[i];

	for (size_t j = 0; j < i; j++)
		if (maps->items[j].executable && maps->items[j].inode == m->inode &&
		    maps->items[j].device_major == m->device_major &&
		    maps->items[j].device_minor == m->device_minor)
			return true;
	return false;
}

/* Said when stacks through the file's code cannot be walked by its table, or to be verbose. */
static void show_table(int fd, const char *path, bool verbose)
{
	struct unwind_table_stats stats = { 0 };
	struct unwind_table *table = NULL;
	int err = unwind_table_build(fd, NULL, &table);
	const char *fault;

	if (!err)
		stats = unwind_table_view(table).stats;
	fault = unwind_table_fault(err, &stats);
	/* Libraries of data alone, which are mapped executable too, have none. */
	if (fault && (verbose || err != -ENOENT))
		printf("  %s: stacks through it may be cut: %s\n", path, fault);
	else if (!fault && verbose)
		printf("  %s: unwind table of %" PRIu64 " functions\n", path,
		       (uint64_t)stats.functions);
	unwind_table_free(table);
}

static size_t show_probes(int fd, const struct mapping *m, const struct features *f, bool verbose)
{
	const struct plan_options options = { .nop5_is_free = f->nop5_is_free };
	struct plan *plan;
	size_t probes;
	int err = plan_make(fd, m->path, &options, &plan);

	if (err) {
		printf("  %s: cannot be read as an ELF file of this machine: %s\n", m->path,
		       strerror(-err));
		return 0;
	}
	if (plan->nr_probes || plan->family || verbose)
		show_plan(plan, verbose);
	probes = plan->nr_probes;
	plan_free(plan);
	return probes;
}

/* The number of probes in the file. */
static size_t show_file(pid_t pid, const struct mapping *m, const struct features *f, bool verbose)
{
	int fd = maps_open(pid, m);
	size_t probes;

	if (fd < 0) {
		printf("  %s: cannot be opened: %s\n", m->path, strerror(-fd));
		return 0;
	}
	probes = show_probes(fd, m, f, verbose);
	show_table(fd, m->path, verbose);
	close(fd);
	return probes;
}

static int show_process(pid_t pid, const struct features *f, bool verbose)
{
	struct process_info info;
	size_t probes = 0;
	struct maps maps;
	int err = process_read(pid, &info);

	err = err ? err : maps_read(pid, &maps);
	if (err == -ESRCH) {
		log_error("there is no process %d", pid);
		return EXIT_TARGET_GONE;
	}
	if (err) {
		log_error("process %d cannot be read: %s (run as root)", pid, strerror(-err));
		return EXIT_PRIVILEGE;
	}
	printf("process %d (%s)\n", pid, info.comm);
	if (info.seccomp_filter)
		printf("  has a seccomp filter%s\n",
		       f->returns_kill_filtered
			       ? ": not traced, this kernel's return probes would kill it"
			       : "");
	if (info.shadow_stack)
		puts("  uses a shadow stack: return probes need a kernel with the fix of June "
		     "2024");
	doctor_show_jit(pid);
	for (size_t i = 0; i < maps.nr; i++)
		if (maps.items[i].executable && maps.items[i].inode && !seen_before(&maps, i))
			probes += show_file(pid, &maps.items[i], f, verbose);
	maps_free(&maps);
	if (!probes)
		puts("  nothing to probe: no mapped file defines an allocator by name (a stripped "
		     "static "
		     "binary?). --alloc names a prefix or a library, --pair any two functions");
	return EXIT_CLEAN;
}

static int run_doctor(int argc, char **argv)
{
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.doc = "Says what this kernel and this process allow, what would be probed, what "
		       "is "
		       "skipped and why.",
	};
	struct doctor_arguments a = { .pid = 0 };
	struct features features;
	int err;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	err = features_probe(true, &features);
	if (err) {
		log_error("BPF programs cannot be loaded: %s. Run as root, or with CAP_BPF, "
			  "CAP_PERFMON "
			  "and CAP_SYS_PTRACE",
			  strerror(-err));
		return EXIT_PRIVILEGE;
	}
	show_kernel(&features);
	if (a.pid)
		return show_process(a.pid, &features, a.verbose);
	return features.best == ATTACH_NONE ? EXIT_PRIVILEGE : EXIT_CLEAN;
}

const struct command command_doctor = {
	.name = "doctor",
	.summary = "what this kernel and a process allow, what would be probed and why",
	.run = run_doctor,
};

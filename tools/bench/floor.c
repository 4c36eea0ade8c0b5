// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The least that tracing can cost: the probes that seep would set in a process, at the sites
 * that it would choose, with programs that do nothing. Once they are in it prints "ready",
 * their number and the milliseconds that attaching took; at the end of its standard input it
 * takes them out, and prints "out" and the milliseconds of that.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "attach/link.h"
#include "attach/plan.h"
#include "base/cleanup.h"
#include "floor.skel.h"
#include "proc/maps.h"

enum floor_mode {
	FLOOR_SESSION = 0, /* allocations: entry and return by one uprobe.session */
	FLOOR_MULTI, /* entry and return by two uprobe.multi links */
	FLOOR_ENTRY, /* a session that declines its return, as for a block not sampled */
	FLOOR_STACK, /* a session in which the kernel's walker takes the stack */
	FLOOR_STACKID, /* and puts it in its table of stacks */
	FLOOR_MODES,
};

static const char *const mode_names[FLOOR_MODES] = { "session", "multi", "entry", "stack",
						     "stackid" };

enum { MOST_LINKS = 64 };

struct floor {
	pid_t pid; /* 0: whoever runs the files */
	const char *files[MOST_LINKS];
	size_t nr_files;
	enum floor_mode mode;
	bool first_byte;
	struct floor_bpf *bpf;
	int links[MOST_LINKS];
	size_t nr_links, nr_probes;
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct floor *f = state->input;

	switch (key) {
	case 'p':
		f->pid = atoi(value);
		break;
	case 'm':
		for (f->mode = 0; f->mode < FLOOR_MODES; f->mode++)
			if (!strcmp(value, mode_names[f->mode]))
				return 0;
		argp_error(state, "no mode '%s': session, multi, entry, stack or stackid", value);
		break;
	case 'f':
		f->first_byte = true;
		break;
	case 'F':
		if (f->nr_files == MOST_LINKS)
			argp_error(state, "at most %d files", MOST_LINKS);
		f->files[f->nr_files++] = value;
		break;
	case ARGP_KEY_END:
		if ((f->pid > 0) == (f->nr_files > 0))
			argp_error(state, "what? -p PID, or -F FILE");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct bpf_program *session_of(const struct floor *f)
{
	switch (f->mode) {
	case FLOOR_ENTRY:
		return f->bpf->progs.floor_session_entry;
	case FLOOR_STACK:
		return f->bpf->progs.floor_session_stack;
	case FLOOR_STACKID:
		return f->bpf->progs.floor_session_stackid;
	default:
		return f->bpf->progs.floor_session;
	}
}

/* The plan's releases, or its allocations, behind one program. */
static int link_some(struct floor *f, const struct plan *plan, const char *path, bool releases,
		     const struct bpf_program *program, int attach_type, bool at_return)
{
	unsigned long *offsets = calloc(plan->nr_probes, sizeof(*offsets));
	struct link_probes probes = { .path = path, .pid = f->pid, .offsets = offsets };
	int fd = 0;

	if (!offsets)
		return -ENOMEM;
	for (size_t i = 0; i < plan->nr_probes; i++)
		if (plan->probes[i].is_release == releases)
			offsets[probes.nr++] = plan->probes[i].file_offset;
	if (probes.nr && f->nr_links == MOST_LINKS)
		fd = -E2BIG;
	else if (probes.nr)
		fd = link_multi(bpf_program__fd(program), attach_type, at_return, &probes);
	free(offsets);
	if (fd < 0 || !probes.nr)
		return fd;
	f->links[f->nr_links++] = fd;
	f->nr_probes += at_return ? 0 : probes.nr;
	return 0;
}

static int attach_plan(struct floor *f, const struct plan *plan, int fd)
{
	const struct bpf_program *probe = f->bpf->progs.floor_probe;
	char path[64];
	int err;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = link_some(f, plan, path, true, probe, LINK_UPROBE_MULTI, false);
	if (err)
		return err;
	if (f->mode == FLOOR_MULTI) {
		err = link_some(f, plan, path, false, probe, LINK_UPROBE_MULTI, true);
		return err ?: link_some(f, plan, path, false, probe, LINK_UPROBE_MULTI, false);
	}
	return link_some(f, plan, path, false, session_of(f), LINK_UPROBE_SESSION, false);
}

static int attach_mapping(struct floor *f, const struct mapping *mapping)
{
	const struct plan_options options = { .entry_sites_only = f->first_byte };
	__cleanup(close_fd)
	int fd = maps_open(f->pid, mapping);
	struct plan *plan;
	int err;

	if (fd < 0 || plan_make(fd, mapping->path, &options, &plan))
		return 0;
	err = plan->nr_probes ? attach_plan(f, plan, fd) : 0;
	plan_free(plan);
	return err;
}

static int attach_all(struct floor *f)
{
	struct maps maps;
	int err = maps_read(f->pid, &maps);

	if (err)
		return err;
	for (size_t i = 0; !err && i < maps.nr; i++)
		if (maps.items[i].executable && maps.items[i].inode)
			err = attach_mapping(f, &maps.items[i]);
	maps_free(&maps);
	return err ?: f->nr_probes ? 0 : -ENOENT;
}

static int attach_file(struct floor *f, const char *path)
{
	const struct plan_options options = { .entry_sites_only = f->first_byte };
	__cleanup(close_fd)
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct plan *plan;
	int err;

	if (fd < 0)
		return -errno;
	/* Without allocators there is nothing to probe. */
	if (plan_make(fd, path, &options, &plan))
		return 0;
	err = plan->nr_probes ? attach_plan(f, plan, fd) : 0;
	plan_free(plan);
	return err;
}

static int attach_files(struct floor *f)
{
	int err = 0;

	for (size_t i = 0; !err && i < f->nr_files; i++)
		err = attach_file(f, f->files[i]);
	return err;
}

static int load(struct floor *f)
{
	const struct bpf_program *wanted;
	struct bpf_program *program;

	f->bpf = floor_bpf__open();
	if (!f->bpf)
		return -errno;
	wanted = session_of(f);
	bpf_object__for_each_program(program, f->bpf->obj)
	{
		if (program == f->bpf->progs.floor_probe)
			continue;
		bpf_program__set_autoload(program, f->mode != FLOOR_MULTI && program == wanted);
		bpf_program__set_expected_attach_type(program, LINK_UPROBE_SESSION);
	}
	return floor_bpf__load(f->bpf);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int run(struct floor *f)
{
	double begin = now_ms();
	int err = f->nr_files ? attach_files(f) : attach_all(f);
	char byte;

	if (!err) {
		printf("ready %zu %.1f\n", f->nr_probes, now_ms() - begin);
		fflush(stdout);
		while (read(STDIN_FILENO, &byte, 1) > 0)
			;
	}
	begin = now_ms();
	while (f->nr_links)
		close(f->links[--f->nr_links]);
	if (!err)
		printf("out %.1f\n", now_ms() - begin);
	return err;
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "pid", 'p', "PID", 0, "The process", 0 },
		{ "file", 'F', "FILE", 0, "Not a process: FILE, whoever runs it; may be repeated",
		  0 },
		{ "mode", 'm', "MODE", 0, "session (default), multi, entry, stack, stackid", 0 },
		{ "first-byte", 'f', NULL, 0, "Not the chosen sites: every function's first byte",
		  0 },
		{ 0 },
	};
	static const struct argp argp = { options, parse, NULL, "Probes that do nothing.",
					  NULL,	   NULL,  NULL };
	struct floor f = { 0 };
	int err;

	argp_parse(&argp, argc, argv, 0, NULL, &f);
	err = load(&f);
	err = err ?: run(&f);
	if (err)
		fprintf(stderr, "bench-floor: %s\n", strerror(-err));
	floor_bpf__destroy(f.bpf);
	return err ? 1 : 0;
}

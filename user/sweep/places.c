// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the counting of page faults during a pass's looks, and the names of what was counted. It is
 * on for those seconds alone. Nothing depends on it: a host that refuses it, or that faults too
 * often for it, is swept without.
 *
 * What is counted is memory touched for the first time, that of steady programs too, by the
 * kernel's walk along frame pointers: code without them shows its innermost function and little
 * more. What ends within the C library (malloc's own first touch of a chunk) says nothing of who
 * called it, and is no place.
 */
#include "sweep/places.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/cost.h"
#include "base/vec.h"
#include "stack/symbols.h"
#include "sweep/sweeper.h"
#include "triage/growth_probe.h"

enum {
	PLACES_MOST = 3, /* of one process */
	FRAMES_MOST = 8,
	FAULTS_LEAST = 128, /* one in 16 is counted: 8 of them */
	MAX_STACKS = 4096,
	MAX_PROCESSES = 4096,
};
static const double SHARE_LEAST = 0.05, CHECK_SECONDS = 1;

struct places {
	struct growth_probe *probe; /* NULL: nothing is counted */
	double checked;
	struct modules *modules;
	struct symbolizer *symbolizer;
};

static const char *refusal(int err)
{
	return err == -EPERM ? "the kernel refused the programs that count page faults"
			     : "this kernel does not tell of page faults";
}

struct places *places_open(struct pass *pass)
{
	struct growth_probe_options options = { .max_stacks = MAX_STACKS,
						.max_processes = MAX_PROCESSES,
						.statistics = kernel_statistics() };
	struct places *places = calloc(1, sizeof(*places));
	int err;

	if (!places) {
		if (options.statistics >= 0)
			close(options.statistics);
		return NULL;
	}
	places->checked = sweeper_now();
	if (options.statistics < 0) {
		pass->places_unseen = pass_string(
			pass, "what counting page faults costs must be known, which needs "
			      "CAP_SYS_ADMIN, or kernel.bpf_stats_enabled = 1 (sysctl)");
		return places;
	}
	err = growth_probe_open(&options, &places->probe);
	if (err)
		pass->places_unseen = pass_string(pass, refusal(err));
	return places;
}

void places_close(struct places *places)
{
	if (!places)
		return;
	growth_probe_close(places->probe);
	symbolizer_free(places->symbolizer);
	modules_free(places->modules);
	free(places);
}

/* True while it is counting. */
static bool add_cost(struct places *places, struct pass *pass)
{
	double now = sweeper_now(), seconds = now - places->checked;
	struct growth_state state;

	if (growth_probe_check(places->probe, &state) != 0)
		return true;
	places->checked = now;
	pass->faults_cpu += state.cost * seconds;
	return state.attached;
}

void places_check(struct places *places, struct pass *pass)
{
	/* Over less than that a few faults are many a second. */
	if (!places->probe || sweeper_now() - places->checked < CHECK_SECONDS)
		return;
	if (!add_cost(places, pass) && !pass->places_unseen)
		pass->places_unseen = pass_string(
			pass, "counting page faults cost too much on this host, and was ended");
}

static const char *name_of(struct places *places, pid_t pid, const struct growth_frame *frame,
			   bool innermost)
{
	const struct symbol *symbols;
	struct place place;

	if (!modules_place(places->modules, (uint32_t)pid, frame->address, &place))
		return NULL;
	if (symbolizer_name(places->symbolizer, &place, !innermost, pid, &symbols) < 1)
		return NULL;
	return symbols[0].function;
}

static int add_frame(struct places *places, struct pass *pass, pid_t pid,
		     const struct growth_stack *stack, size_t which, struct pass_place *place)
{
	const struct growth_frame *frame = &stack->frames[which];
	struct pass_frame *to = vec_push(&place->frames, &place->nr_frames, &place->cap_frames);

	if (!to)
		return -ENOMEM;
	to->function = pass_string(pass, name_of(places, pid, frame, which == 0));
	to->module = pass_string(pass, frame->module);
	to->offset = frame->offset;
	return 0;
}

static bool is_c_library(const char *module)
{
	static const char *const names[] = { "libc.so", "libc-", "libc.musl", "ld-" };
	const char *slash = module ? strrchr(module, '/') : NULL;

	for (size_t i = 0; slash && i < sizeof(names) / sizeof(*names); i++)
		if (!strncmp(slash + 1, names[i], strlen(names[i])))
			return true;
	return false;
}

static bool says_who(const struct growth_stack *stack)
{
	for (size_t i = 0; i < stack->nr_frames; i++)
		if (stack->frames[i].module && !is_c_library(stack->frames[i].module))
			return true;
	return false;
}

static int add_place(struct places *places, struct pass *pass, struct pass_suspect *suspect,
		     const struct growth_stack *stack)
{
	struct pass_place *place =
		vec_push(&suspect->places, &suspect->nr_places, &suspect->cap_places);
	int err = place ? 0 : -ENOMEM;

	if (place) {
		place->faults = stack->faults;
		place->share = fmin((double)stack->faults / (double)suspect->faults, 1);
	}
	for (size_t i = 0; i < stack->nr_frames && i < FRAMES_MOST && !err; i++)
		err = add_frame(places, pass, suspect->pid, stack, i, place);
	return err;
}

static int describe(struct places *places, struct pass *pass, struct pass_suspect *suspect)
{
	struct growth_counts counts;
	int err = growth_probe_read(places->probe, suspect->pid, PLACES_MOST, &counts);

	if (err)
		return err == -ENOMEM ? err : 0;
	suspect->faults = counts.faults;
	if (counts.faults >= FAULTS_LEAST)
		modules_refresh(places->modules, (uint32_t)suspect->pid, suspect->pid);
	for (size_t i = 0; i < counts.nr_stacks && counts.faults >= FAULTS_LEAST && !err; i++)
		if (says_who(&counts.stacks[i]) &&
		    (double)counts.stacks[i].faults >= SHARE_LEAST * (double)counts.faults)
			err = add_place(places, pass, suspect, &counts.stacks[i]);
	growth_counts_release(&counts);
	return err;
}

int places_describe(struct places *places, struct pass *pass)
{
	const struct symbolizer_options options = { .no_inline = true, .no_lines = true };
	size_t described = 0;
	int err = 0;

	if (!places->probe)
		return 0;
	add_cost(places, pass);
	places->modules = modules_new();
	places->symbolizer = places->modules ? symbolizer_new(places->modules, &options) : NULL;
	if (!places->symbolizer)
		return -ENOMEM;
	for (size_t i = 0; i < pass->nr_suspects && described < PLACES_SUSPECTS && !err; i++) {
		if (pass->suspects[i].is_cgroup)
			continue;
		err = describe(places, pass, &pass->suspects[i]);
		described++;
	}
	return err;
}

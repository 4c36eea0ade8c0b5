// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The files that people write for a sweep: the first byte says which, settings or suppressions,
 * the rest is the file. What is refused has words for it, and what is taken can be matched.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "heap/profile.h"
#include "base/vec.h"
#include "sweep/settings.h"
#include "sweep/suppressions.h"

static void need(int condition)
{
	if (!condition)
		abort();
}

static void read_settings(const char *text, size_t size)
{
	struct sweep_settings settings;
	char *message = NULL;
	int err;

	need(!sweep_settings_init(&settings));
	err = sweep_settings_parse(&settings, "file", text, size, &message);
	need(!err == !message);
	if (!err && !sweep_settings_check(&settings, &message)) {
		need(settings.triage >= 1 && settings.trace >= 1 && settings.top <= 64);
		need(settings.probability > 0 && settings.probability <= 1);
		sweep_patterns_match(&settings.only, "comm", "/usr/bin/exe", "/a/b");
		sweep_patterns_match(&settings.exclude, "aaaaaaaaaaaaaaa", NULL, "/aaa/aaa/aaa");
	}
	free(message);
	sweep_settings_release(&settings);
}

/* One site with one frame. */
static struct profile *small_profile(void)
{
	static const struct profile_frame frame = { .offset = 16, .function = "f(int)" };
	static const struct profile_module module = { .path = "/usr/lib/libf.so.1" };
	struct profile *p = profile_new();
	struct profile_stack *stack;

	need(p != NULL);
	*vec_push(&p->modules, &p->nr_modules, &p->cap_modules) = module;
	*vec_push(&p->frames, &p->nr_frames, &p->cap_frames) = frame;
	stack = vec_push(&p->stacks, &p->nr_stacks, &p->cap_stacks);
	stack->frames = calloc(1, sizeof(*stack->frames));
	stack->nr_frames = 1;
	vec_push(&p->processes, &p->nr_processes, &p->cap_processes)->comm = "f";
	*vec_push(&p->sites, &p->nr_sites, &p->cap_sites) =
		(struct profile_site){ .family = "glibc", .operation = "malloc" };
	return p;
}

static void read_suppressions(const char *text, size_t size)
{
	struct suppressions suppressions = { 0 };
	struct profile *profile = small_profile();
	char *message = NULL;
	int err = suppressions_parse(&suppressions, "file", text, size, &message);

	need(!err == !message);
	need(suppressions.nr <= SUPPRESSIONS_MOST);
	suppressions_match(&suppressions, profile, &profile->sites[0]);
	free(message);
	suppressions_release(&suppressions);
	profile_free(profile);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	text = malloc(size);
	need(text != NULL);
	memcpy(text, data + 1, size - 1);
	if (data[0] & 1)
		read_settings(text, size - 1);
	else
		read_suppressions(text, size - 1);
	free(text);
	return 0;
}

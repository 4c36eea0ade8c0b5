// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "heap/profile.h"

#include "base/strpool.h"

#include <stdlib.h>
#include <string.h>

static const char *const verdict_names[VERDICT_COUNT] = {
	[VERDICT_TOO_LITTLE_DATA] = "too little data",
	[VERDICT_GROWING] = "growing",
	[VERDICT_FILLING] = "filling",
	[VERDICT_BURST] = "burst",
	[VERDICT_STEADY] = "steady",
	[VERDICT_LIVE_AT_EXIT] = "live at exit",
	[VERDICT_LOST] = "lost",
	[VERDICT_LEAK] = "leak",
	[VERDICT_OVERFLOW] = "overflow",
	[VERDICT_RETENTION] = "allocator retention",
	[VERDICT_NONE] = "none",
	[VERDICT_LIMIT] = "limit too small",
};

struct profile *profile_new(void)
{
	struct profile *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->strings = strpool_new();
	if (!p->strings) {
		free(p);
		return NULL;
	}
	return p;
}

void profile_free(struct profile *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->nr_stacks; i++)
		free(p->stacks[i].frames);
	for (size_t i = 0; i < p->nr_sites; i++)
		free(p->sites[i].cohorts);
	free(p->health.skipped_probes);
	free(p->processes);
	free(p->sites);
	free(p->stacks);
	free(p->frames);
	free(p->modules);
	free(p->points);
	free(p->objects);
	free(p->bursts);
	strpool_free(p->strings);
	free(p);
}

const struct profile_objects *profile_objects_of(const struct profile *p, uint32_t process)
{
	for (size_t i = 0; i < p->nr_objects; i++)
		if (p->objects[i].process == process)
			return &p->objects[i];
	return NULL;
}

const char *profile_string(struct profile *p, const char *text)
{
	return strpool_add(p->strings, text);
}

const char *profile_verdict_name(enum profile_verdict verdict)
{
	return verdict < VERDICT_COUNT ? verdict_names[verdict] : "unknown";
}

enum profile_verdict profile_verdict_parse(const char *name)
{
	int v;

	for (v = 0; v < VERDICT_COUNT; v++)
		if (!strcmp(name, verdict_names[v]))
			break;
	return v;
}

static const char *const stack_end_names[STACK_END_COUNT] = {
	[STACK_WHOLE] = "whole",     [STACK_DEPTH] = "depth",	  [STACK_FAULT] = "fault",
	[STACK_NO_RULE] = "no rule", [STACK_NO_CODE] = "no code",
};

const char *profile_stack_end_name(enum profile_stack_end end)
{
	return end < STACK_END_COUNT ? stack_end_names[end] : "unknown";
}

enum profile_stack_end profile_stack_end_parse(const char *name)
{
	int end;

	for (end = 0; end < STACK_END_COUNT; end++)
		if (!strcmp(name, stack_end_names[end]))
			break;
	return end;
}

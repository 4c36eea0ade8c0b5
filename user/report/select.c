/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Owns taking rows out of a profile so that what is left still refers to itself rightly. */
#include "report/select.h"

#include <stdlib.h>

/* Index after the rows of other pids are gone. */
static uint32_t renumbered(const struct profile *profile, uint32_t process, uint32_t pid)
{
	uint32_t index = 0;

	if (process == PROFILE_NONE || profile->processes[process].pid != pid)
		return PROFILE_NONE;
	for (uint32_t i = 0; i < process; i++)
		index += profile->processes[i].pid == pid;
	return index;
}

static void select_sites(struct profile *profile, uint32_t pid)
{
	size_t kept = 0;

	for (size_t i = 0; i < profile->nr_sites; i++) {
		struct profile_site site = profile->sites[i];

		site.process = renumbered(profile, site.process, pid);
		if (site.process == PROFILE_NONE)
			free(site.cohorts);
		else
			profile->sites[kept++] = site;
	}
	profile->nr_sites = kept;
}

static void select_points(struct profile *profile, uint32_t pid)
{
	size_t kept = 0;

	for (size_t i = 0; i < profile->nr_points; i++) {
		struct profile_point point = profile->points[i];

		point.process = renumbered(profile, point.process, pid);
		if (point.process != PROFILE_NONE)
			profile->points[kept++] = point;
	}
	profile->nr_points = kept;
}

static void select_skipped_probes(struct profile_health *health, uint32_t pid)
{
	size_t kept = 0;

	for (size_t i = 0; i < health->nr_skipped_probes; i++)
		if (!health->skipped_probes[i].pid || health->skipped_probes[i].pid == pid)
			health->skipped_probes[kept++] = health->skipped_probes[i];
	health->nr_skipped_probes = kept;
}

size_t report_select_pid(struct profile *profile, uint32_t pid)
{
	size_t kept = 0;

	select_sites(profile, pid);
	select_points(profile, pid);
	select_skipped_probes(&profile->health, pid);
	for (size_t i = 0; i < profile->nr_processes; i++)
		profile->processes[i].parent =
			renumbered(profile, profile->processes[i].parent, pid);
	for (size_t i = 0; i < profile->nr_processes; i++)
		if (profile->processes[i].pid == pid)
			profile->processes[kept++] = profile->processes[i];
	profile->nr_processes = kept;
	return kept;
}

void report_select_physical(struct profile *profile)
{
	for (size_t i = 0; i < profile->nr_stacks; i++) {
		struct profile_stack *stack = &profile->stacks[i];
		uint32_t kept = 0;

		for (uint32_t k = 0; k < stack->nr_frames; k++) {
			uint32_t frame = stack->frames[k];

			if (!(profile->frames[frame].flags & FRAME_INLINED))
				stack->frames[kept++] = frame;
		}
		stack->nr_frames = kept;
	}
}

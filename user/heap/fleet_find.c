/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Owns how sites and builds are named: by as much of a number as is needed to tell them apart. */
#include "heap/fleet_find.h"
#include "heap/fleet_internal.h"
#include "heap/signature.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool begins_with(uint64_t signature, const char *digits, size_t length)
{
	struct signature_text text = { "" };

	return !strncmp(signature_write(&text, signature), digits, length);
}

int fleet_find_site(const struct fleet *fleet, const char *digits, uint64_t *ret_names)
{
	size_t length = strlen(digits);
	uint64_t names = 0;
	bool found = false;

	if (!length || length > 16 || strspn(digits, "0123456789abcdef") != length)
		return -EINVAL;
	for (size_t i = 0; i < fleet->nr_sightings; i++) {
		const struct fleet_sighting *one = &fleet->sightings[i];

		if (found && one->names == names)
			continue;
		if (!begins_with(one->names, digits, length) &&
		    !begins_with(one->signature, digits, length))
			continue;
		if (found)
			return -EEXIST;
		names = one->names;
		found = true;
	}
	if (!found)
		return -ENOENT;
	*ret_names = names;
	return 0;
}

int fleet_find_build(const struct fleet *fleet, const char *text, bool *ret_programs)
{
	const char *build_id = NULL;
	size_t length = strlen(text);
	bool found = false, by_version = false;

	/* A version is named as a whole, and goes before a build id that begins like it. */
	for (size_t i = 0; i < fleet->nr_programs && length; i++)
		by_version |= !strcmp(fleet->programs[i].version, text);
	for (size_t i = 0; i < fleet->nr_programs && length; i++) {
		const struct fleet_program *program = &fleet->programs[i];

		ret_programs[i] = by_version ? !strcmp(program->version, text)
					     : !strncmp(program->build_id, text, length);
		if (!ret_programs[i])
			continue;
		if (!by_version && found && strcmp(build_id, program->build_id))
			return -EEXIST;
		build_id = program->build_id;
		found = true;
	}
	return found ? 0 : -ENOENT;
}

static int compare_builds(const void *left, const void *right)
{
	const struct fleet_build *a = left, *b = right;

	if (a->first_seen != b->first_seen)
		return a->first_seen < b->first_seen ? -1 : 1;
	return a->program < b->program ? -1 : a->program > b->program;
}

/* Each site counts once for each program that it was accused in. */
static int count_accused(const struct fleet *fleet, struct fleet_build *builds)
{
	struct fleet_group group = { 0 };
	size_t *counted = calloc(fleet->nr_programs + 1, sizeof(*counted));
	uint32_t *order;
	int err = counted ? fleet_group(fleet, &order) : -ENOMEM;

	if (err) {
		free(counted);
		return err;
	}
	for (size_t number = 1; fleet_next_group(fleet, order, &group); number++) {
		for (size_t i = group.begin; i < group.end; i++) {
			const struct fleet_sighting *one = &fleet->sightings[order[i]];
			uint32_t program = fleet->looks[one->look].program;

			if (!fleet_is_accused(one) || counted[program] == number)
				continue;
			counted[program] = number;
			builds[program].accused++;
		}
	}
	free(order);
	free(counted);
	return 0;
}

int fleet_builds(const struct fleet *fleet, struct fleet_build **ret_builds, size_t *ret_nr)
{
	struct fleet_build *builds = calloc(fleet->nr_programs + 1, sizeof(*builds));
	size_t nr = 0;
	int err;

	if (!builds)
		return -ENOMEM;
	for (size_t i = 0; i < fleet->nr_programs; i++)
		builds[i] = (struct fleet_build){ .program = i, .first_seen = INFINITY };
	for (size_t i = 0; i < fleet->nr_looks; i++) {
		const struct fleet_look *look = &fleet->looks[i];
		struct fleet_build *build = &builds[look->program];

		build->looks++;
		build->processes += look->processes;
		build->first_seen = fmin(build->first_seen, look->started);
		build->last_seen = fmax(build->last_seen, look->started);
	}
	err = count_accused(fleet, builds);
	if (err) {
		free(builds);
		return err;
	}
	for (size_t i = 0; i < fleet->nr_programs; i++)
		if (builds[i].looks)
			builds[nr++] = builds[i];
	qsort(builds, nr, sizeof(*builds), compare_builds);
	*ret_builds = builds;
	*ret_nr = nr;
	return 0;
}

static bool is_same_build(const struct fleet *fleet, uint32_t left, uint32_t right)
{
	const struct fleet_program *a = &fleet->programs[left], *b = &fleet->programs[right];

	if (left == right)
		return true;
	return (a->build_id[0] || a->version[0]) && !strcmp(a->build_id, b->build_id) &&
	       !strcmp(a->version, b->version);
}

int fleet_newest_build(const struct fleet *fleet, const bool *other, bool older, bool *ret_programs)
{
	const struct fleet_build *newest = NULL;
	struct fleet_build *builds;
	size_t nr, end;
	int err = fleet_builds(fleet, &builds, &nr);

	if (err)
		return err;
	/* They come by when they were seen first. */
	for (end = 0; older && end < nr && !other[builds[end].program];)
		end++;
	for (size_t i = 0; i < (older ? end : nr); i++)
		if (!other[builds[i].program])
			newest = &builds[i];
	for (uint32_t i = 0; newest && i < fleet->nr_programs; i++)
		ret_programs[i] = is_same_build(fleet, i, newest->program);
	free(builds);
	return newest ? 0 : -ENOENT;
}

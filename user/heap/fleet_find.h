/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a person typed, found in a fleet. */
#ifndef SEEP_HEAP_FLEET_FIND_H
#define SEEP_HEAP_FLEET_FIND_H

#include "heap/fleet.h"

/*
 * The site whose signature, of either kind, begins with these hexadecimal digits. -EINVAL: they
 * are none; -ENOENT: no site; -EEXIST: several.
 */
int fleet_find_site(const struct fleet *fleet, const char *digits, uint64_t *ret_names);

/*
 * Flags the programs whose build id begins with `text` or whose version it is; ret_programs has
 * room for all. -ENOENT: none; -EEXIST: of several builds.
 */
int fleet_find_build(const struct fleet *fleet, const char *text, bool *ret_programs);

/* A program as it was seen: what can be compared. */
struct fleet_build {
	uint32_t program; /* index */
	size_t looks, processes;
	size_t accused; /* different sites */
	double first_seen, last_seen;
};

/* Builds with at least one look, by when they were seen first. The caller frees *ret_builds. */
int fleet_builds(const struct fleet *fleet, struct fleet_build **ret_builds, size_t *ret_nr);

/*
 * Flags the programs of the build that was seen first last, of those that are not in `other`;
 * `older`: and before any of `other` was. Programs without build id and version are builds of
 * their own. -ENOENT: there is none; -ENOMEM.
 */
int fleet_newest_build(const struct fleet *fleet, const bool *other, bool older,
		       bool *ret_programs);

#endif

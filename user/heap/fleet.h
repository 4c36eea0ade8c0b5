/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What many captures say together: which sites grow worst, and what changed between two builds
 * of a program. Whoever has captures fills the sightings; the rest is computed here, purely.
 *
 * A site is known by its names (heap/signature.h), so that builds compare. What it grew by in a
 * capture is the growth of its sites there that are accused (growing, lost), divided by the
 * number of processes of that program in the capture; nothing where none is accused.
 */
#ifndef SEEP_HEAP_FLEET_H
#define SEEP_HEAP_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/profile.h"

struct fleet_program {
	int64_t id;
	const char *exe; /* never NULL */
	const char *build_id, *version; /* "" not known */
};

/* A program in a capture: the unit that everything is counted in. */
struct fleet_look {
	int64_t capture;
	uint32_t program; /* index */
	uint64_t processes;
	const char *host; /* never NULL; equal hosts are equal pointers */
	double started; /* of its sweep, wall clock */
	double weight; /* of its sweep: 1 / probability */
};

/* A site in a capture. */
struct fleet_sighting {
	uint32_t look; /* index */
	uint32_t site; /* its number in the capture */
	uint64_t signature, names;
	uint32_t pid;
	double process_started;
	enum profile_verdict verdict;
	double growth; /* bytes a second */
	uint64_t live_bytes;
};

struct fleet {
	struct strpool *strings;
	struct fleet_program *programs;
	size_t nr_programs, cap_programs;
	struct fleet_look *looks; /* by capture, rising */
	size_t nr_looks, cap_looks;
	struct fleet_sighting *sightings;
	size_t nr_sightings, cap_sightings;
	size_t nr_sweeps; /* that these are of */
};

struct fleet *fleet_new(void);
void fleet_free(struct fleet *fleet);

/* Growing or lost: what the ranking counts. */
bool fleet_is_accused(const struct fleet_sighting *sighting);

struct fleet_site {
	uint64_t names;
	uint64_t signature; /* of the latest sighting that is accused */
	uint32_t latest; /* that sighting: index */
	size_t seen; /* looks with it, accused or not */
	size_t accused;
	size_t looks; /* at the programs that it was seen in */
	size_t processes; /* different ones that it was accused in */
	size_t hosts; /* that it was accused on */
	size_t builds; /* of programs, that it was accused in */
	double weighted_processes; /* the same, each by its sweep's weight */
	double first_seen, last_seen; /* wall clock, of the first and last look with it accused */
	double growth; /* bytes a second and process: weighted median of the looks that saw it */
	double score; /* growth x weighted_processes */
};

/*
 * Sites that were accused at least once, the highest score first; of equal ones the most often
 * accused. The caller frees *ret_sites. 0 or -ENOMEM.
 */
int fleet_rank(const struct fleet *fleet, struct fleet_site **ret_sites, size_t *ret_nr);

enum fleet_change {
	FLEET_NEW = 0, /* grows in the second, is never seen to grow in the first */
	FLEET_GONE,
	FLEET_REGRESSED, /* grows faster in the second */
	FLEET_IMPROVED,
	FLEET_SAME, /* no difference beyond chance */
	FLEET_TOO_LITTLE_DATA,
	FLEET_CHANGES,
};

/* Looks that each side needs, or any difference could be chance. */
#define FLEET_LOOKS_LEAST 3
/* A difference is believed when chance alone makes it at most this likely. */
#define FLEET_CHANCE 0.05

struct fleet_side {
	size_t looks, seen, accused;
	double growth; /* bytes a second and process: median over all looks, 0 where not seen */
	double mean; /* of the same */
};

struct fleet_difference {
	uint64_t names;
	uint32_t latest; /* sighting: index, of the second side if it is there */
	struct fleet_side before, after;
	enum fleet_change change;
	double chance; /* that it is none */
};

/*
 * Sites accused on either side, by change, then by how much; programs are given as flags, one
 * for each of fleet->programs. The caller frees *ret_differences. 0 or -ENOMEM.
 */
int fleet_compare(const struct fleet *fleet, const bool *before, const bool *after,
		  struct fleet_difference **ret_differences, size_t *ret_nr);

const char *fleet_change_name(enum fleet_change change);

#endif

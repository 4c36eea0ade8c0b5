/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Profiles as a sweep of a host takes them: one program, sites with a given growth each. */
#ifndef SEEP_TESTS_SWEEP_PROFILES_H
#define SEEP_TESTS_SWEEP_PROFILES_H

#include <stdio.h>

#include "sample_profile.h"

struct swept_site {
	const char *function;
	double growth; /* bytes a second; 0: steady */
};

struct swept_program {
	const char *exe, *build_id;
	uint32_t pid;
	double started;
	uint32_t nr_cohorts;
};

static inline uint32_t swept_stack(struct profile *p, uint32_t exe, const char *function,
				   uint64_t offset)
{
	uint32_t malloc_frame = sample_frame(p, exe, 0x10, "malloc", NULL, 0, "c", FRAME_ALLOCATOR);
	uint32_t site = sample_frame(p, exe, offset, function, "app.c", 7, "c", 0);
	uint32_t main_frame = sample_frame(p, exe, 0x20, "main", "app.c", 3, "c", 0);

	return SAMPLE_STACK(p, false, malloc_frame, site, main_frame);
}

static inline void swept_process(struct profile *p, const struct swept_program *program,
				 const struct swept_site *sites, size_t nr)
{
	uint32_t exe = sample_module(p, program->exe, program->build_id, false);
	uint32_t process = p->nr_processes;

	sample_process(p, program->pid, "app", program->exe)->started = program->started;
	for (size_t i = 0; i < nr; i++) {
		bool grows = sites[i].growth > 0;
		struct profile_site *site = sample_site(
			p, process, swept_stack(p, exe, sites[i].function, 0x100 + 0x10 * i),
			"glibc", "malloc", 64, 1000, grows ? 900 : 0);

		sample_verdict(p, site, 30, sites[i].growth,
			       grows ? VERDICT_GROWING : VERDICT_STEADY, "As it was made.");
		if (program->nr_cohorts)
			sample_cohorts(site, program->nr_cohorts);
	}
}

static inline struct profile *swept_profile(const struct swept_program *program,
					    const struct swept_site *sites, size_t nr)
{
	struct profile *p = profile_new();

	p->capture.seconds = 60;
	p->capture.started = program->started + 100;
	p->capture.host = profile_string(p, "h1");
	swept_process(p, program, sites, nr);
	return p;
}

/* Of so many sites, each with a long name of its own, so that its size can be set. */
static inline struct profile *swept_large(size_t nr)
{
	struct swept_site *sites = calloc(nr, sizeof(*sites));
	struct swept_program program = { "/usr/bin/large", "abcd", 7, 1000, 20 };
	char(*names)[128] = calloc(nr, sizeof(*names));
	struct profile *profile;

	for (size_t i = 0; i < nr; i++) {
		snprintf(names[i], sizeof(names[i]), "a_function_with_a_name_of_its_own_%zu_%080d",
			 i, (int)i);
		sites[i] = (struct swept_site){ names[i], i };
	}
	profile = swept_profile(&program, sites, nr);
	free(sites);
	free(names);
	return profile;
}

#endif

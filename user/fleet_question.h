/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of `seep fleet` share: cmd_fleet.c (options, top, site), fleet_versions.c. */
#ifndef SEEP_FLEET_QUESTION_H
#define SEEP_FLEET_QUESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/fleet.h"
#include "store/fleet_read.h"

enum { MOST_WORDS = 4 };

struct fleet_arguments {
	const char *words[MOST_WORDS];
	unsigned int nr_words;
	const char *store;
	double since; /* seconds before now; 0: all */
	size_t limit; /* 0: all */
	struct report_options options;
	const char *from, *to; /* builds; NULL not given */
	bool json, no_colour;
};

/* A question under way: the store, what was read of it, and what the answer shows. */
struct question {
	const struct fleet_arguments *arguments;
	struct fleet_reader *reader;
	struct fleet *fleet;
	struct profile **examples; /* of the rows that are shown */
	size_t nr_examples;
};

/* Both return the exit status. The message is freed. */
int fleet_complain(int err, char *message);
int fleet_written(int err);

/* Of so many rows. */
size_t fleet_shown(const struct question *question, size_t nr);
/* Room for examples of so many rows. 0 or -ENOMEM. */
int fleet_make_examples(struct question *question, size_t nr);
/* 0 or -errno, with words in *message. */
int fleet_take_example(struct question *question, size_t row, uint32_t sighting, char **message);

/* The builds of a program, or what changed between two. Returns the exit status. */
int fleet_answer_versions(struct question *question);

#endif

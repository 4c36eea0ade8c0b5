/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The lengths of a process's containers, taken along with censuses: which of them grows, at a
 * small part of what it takes to learn who holds it.
 */
#ifndef SEEP_RUNTIME_LENGTHS_H
#define SEEP_RUNTIME_LENGTHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/census.h"
#include "runtime/container_log.h"

struct lengths;

struct lengths_leader {
	uint64_t number;
	const char *type; /* the log's, until the next look */
	uint64_t length;
	struct container_growth growth;
};

struct lengths *lengths_new(void);
void lengths_free(struct lengths *lengths);

/* A census begins; seconds, CLOCK_MONOTONIC. 0 or -ENOMEM. */
int lengths_begin(struct lengths *lengths, double time);
/* For the census: `context` is the lengths. 0 or -ENOMEM. */
int lengths_add(void *context, const struct census_container *container);
/* Of those that were there at the first look and keep growing the one that grew most; or false. */
bool lengths_leader(const struct lengths *lengths, struct lengths_leader *ret_leader);
const struct container_log *lengths_log(const struct lengths *lengths);

#endif

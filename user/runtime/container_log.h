/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The lengths of containers over several looks at a process: which of them grew, and how.
 * A container is known by a number that its runtime makes of its address and type. Its place,
 * a variable or an attribute that stays, is known by another: what is put there anew,
 * longer each time, grows though no container does, and what is emptied by putting a new one
 * there does not, though each of them does.
 */
#ifndef SEEP_RUNTIME_CONTAINER_LOG_H
#define SEEP_RUNTIME_CONTAINER_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/growth.h"

struct container_log;

enum {
	CONTAINER_LEAST = 16, /* those that never were so long are not kept */
	CONTAINER_LOOKS = 32, /* then every other one is forgotten */
};

struct container_growth {
	int64_t delta; /* since the first look */
	double rate; /* items a second */
	enum growth_trend trend;
	bool is_new; /* not there, or short, at the first look */
};

struct container_log *container_log_new(void);
void container_log_free(struct container_log *log);

/* A look begins; `time` in seconds. Those that it does not see are forgotten at the next. */
int container_log_begin(struct container_log *log, double time);
/* Its length now. 0 or -ENOMEM. */
int container_log_add(struct container_log *log, uint64_t container, uint64_t length);
size_t container_log_looks(const struct container_log *log);
double container_log_seconds(const struct container_log *log);
/*
 * False: nothing is known of it, it is too short. `place` is the number of its place, which is
 * added like a container and decides where it has been known for longer; 0 none.
 */
bool container_log_growth(const struct container_log *log, uint64_t container, uint64_t place,
			  struct container_growth *ret_growth);
/* Its growth alone, at little cost; 0 where nothing is known. */
int64_t container_log_delta(const struct container_log *log, uint64_t container, uint64_t place);
bool container_log_knows(const struct container_log *log, uint64_t container);
/* It was there at the first look, and is at the last. */
bool container_log_is_old(const struct container_log *log, uint64_t container);
/* At the last look; 0 where nothing is known. */
uint64_t container_log_length(const struct container_log *log, uint64_t container);
/* Containers that were left out since there were too many. */
uint64_t container_log_dropped(const struct container_log *log);

#endif

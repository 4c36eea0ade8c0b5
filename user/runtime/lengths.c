// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the courses of long containers, and the few that grew most. A container that is younger than
 * the first look is none of them: only who knows its place can tell one that grows from one that
 * is put there anew each time.
 */
#include "runtime/lengths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cause.h"

enum {
	GROWN_MOST = 8,
	TYPE_NAME = 64,
};

struct grown {
	uint64_t number;
	int64_t delta;
	char type[TYPE_NAME];
};

struct lengths {
	struct container_log *log;
	struct grown grown[GROWN_MOST]; /* most first */
	size_t nr;
};

struct lengths *lengths_new(void)
{
	struct lengths *lengths = calloc(1, sizeof(*lengths));

	if (!lengths)
		return NULL;
	lengths->log = container_log_new();
	if (lengths->log)
		return lengths;
	free(lengths);
	return NULL;
}

void lengths_free(struct lengths *lengths)
{
	if (!lengths)
		return;
	container_log_free(lengths->log);
	free(lengths);
}

int lengths_begin(struct lengths *lengths, double time)
{
	lengths->nr = 0;
	return container_log_begin(lengths->log, time);
}

/* A census that is taken again tells of it once more. */
static void forget(struct lengths *lengths, uint64_t number)
{
	size_t kept = 0;

	for (size_t i = 0; i < lengths->nr; i++)
		if (lengths->grown[i].number != number)
			lengths->grown[kept++] = lengths->grown[i];
	lengths->nr = kept;
}

static void consider(struct lengths *lengths, const struct census_container *container,
		     int64_t delta)
{
	size_t at = lengths->nr;
	struct grown *slot;

	while (at && lengths->grown[at - 1].delta < delta)
		at--;
	if (at == GROWN_MOST)
		return;
	if (lengths->nr < GROWN_MOST)
		lengths->nr++;
	slot = &lengths->grown[at];
	memmove(slot + 1, slot, (lengths->nr - at - 1) * sizeof(*slot));
	slot->number = container->number;
	slot->delta = delta;
	snprintf(slot->type, sizeof(slot->type), "%s", container->type);
}

int lengths_add(void *context, const struct census_container *container)
{
	struct lengths *lengths = context;
	int64_t delta;
	int err;

	/* All that could be a cause is as long; there are as many others as objects. */
	if (container->length < CAUSE_LEAST &&
	    !container_log_knows(lengths->log, container->number))
		return 0;
	err = container_log_add(lengths->log, container->number, container->length);
	if (err)
		return err;
	forget(lengths, container->number);
	delta = container_log_delta(lengths->log, container->number, 0);
	if (delta >= CAUSE_LEAST && container_log_is_old(lengths->log, container->number))
		consider(lengths, container, delta);
	return 0;
}

bool lengths_leader(const struct lengths *lengths, struct lengths_leader *ret_leader)
{
	for (size_t i = 0; i < lengths->nr; i++) {
		const struct grown *grown = &lengths->grown[i];
		struct container_growth growth;

		if (!container_log_growth(lengths->log, grown->number, 0, &growth) ||
		    growth.trend != TREND_GROWING)
			continue;
		*ret_leader = (struct lengths_leader){
			.number = grown->number,
			.type = grown->type,
			.length = container_log_length(lengths->log, grown->number),
			.growth = growth,
		};
		return true;
	}
	return false;
}

const struct container_log *lengths_log(const struct lengths *lengths)
{
	return lengths->log;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the waiting events and seep's stacks. Records are seen where seep itself takes them
 * from its ring: the linker puts __wrap_decode_record in the place of decode_record
 * (ingest/decode.h), which is called through.
 *
 * A thread's record belongs to the last of its events before the record's time, if the thread
 * has made no other call in between; the others were calls that failed or threw. Records come
 * in one thread, events in another.
 */
#include "events.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"
#include "ingest/decode.h"
#include "witness_side.h"

struct event {
	struct event *next; /* of the same thread, later */
	uint64_t time, pc;
	struct truth truth;
	struct second_opinion opinion;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct hashmap *waiting; /* tid -> first struct event * */
static struct hashmap *stacks; /* id -> struct walked * */
static struct hashmap *compared_stacks; /* id -> 1 */
static struct event_counts counts;
static unsigned left_to_describe;
static struct decode_counts ignored;

int __real_decode_record(const struct decode_ops *ops, void *context, const void *data, size_t size,
			 struct decode_counts *decoded);
int __wrap_decode_record(const struct decode_ops *ops, void *context, const void *data, size_t size,
			 struct decode_counts *decoded);

static void *get(const struct hashmap *map, uint64_t key)
{
	uint64_t value;

	return hashmap_get(map, key, &value) ? (void *)(uintptr_t)value : NULL;
}

int events_begin(unsigned described)
{
	left_to_describe = described;
	waiting = hashmap_new();
	stacks = hashmap_new();
	compared_stacks = hashmap_new();
	return waiting && stacks && compared_stacks ? 0 : -ENOMEM;
}

static void free_event(struct event *event)
{
	struct event *next;

	for (; event; event = next) {
		next = event->next;
		free(event);
	}
}

void events_end(void)
{
	uint64_t key, value;
	size_t cursor = 0;

	while (waiting && hashmap_next(waiting, &cursor, &key, &value))
		free_event((struct event *)(uintptr_t)value);
	cursor = 0;
	while (stacks && hashmap_next(stacks, &cursor, &key, &value))
		free((struct walked *)(uintptr_t)value);
	hashmap_free(waiting);
	hashmap_free(stacks);
	hashmap_free(compared_stacks);
	waiting = stacks = compared_stacks = NULL;
}

static int append(pid_t tid, struct event *event)
{
	struct event *last = get(waiting, tid);

	if (!last)
		return hashmap_put(waiting, tid, (uintptr_t)event);
	while (last->next)
		last = last->next;
	last->next = event;
	return 0;
}

int events_add(const struct witness_hit *hit, const struct truth *truth,
	       const struct second_opinion *opinion)
{
	struct event *event = malloc(sizeof(*event));
	int err;

	if (!event)
		return -ENOMEM;
	event->next = NULL;
	event->time = hit->time;
	event->pc = hit->registers[WITNESS_PC];
	event->truth = *truth;
	event->opinion.nr = 0;
	if (opinion)
		event->opinion = *opinion;
	pthread_mutex_lock(&lock);
	err = append(hit->tid, event);
	pthread_mutex_unlock(&lock);
	if (err)
		free(event);
	return err;
}

size_t events_compared(void)
{
	size_t events;

	pthread_mutex_lock(&lock);
	events = counts.events;
	pthread_mutex_unlock(&lock);
	return events;
}

void events_count(struct event_counts *ret_counts)
{
	uint64_t key, value;
	size_t cursor = 0;

	pthread_mutex_lock(&lock);
	counts.stacks = hashmap_size(compared_stacks);
	*ret_counts = counts;
	while (hashmap_next(waiting, &cursor, &key, &value))
		for (struct event *e = (struct event *)(uintptr_t)value; e; e = e->next)
			ret_counts->unrecorded++;
	pthread_mutex_unlock(&lock);
}

static void describe_truth(const struct truth *truth, uint32_t i)
{
	const char *path = truth->modules[i], *slash = path ? strrchr(path, '/') : NULL;

	if (path)
		fprintf(stderr, "%s+0x%llx", slash ? slash + 1 : path,
			(unsigned long long)truth->offsets[i]);
	else
		fprintf(stderr, "%#llx", (unsigned long long)truth->frames[i]);
}

static uint32_t in_common_with_gdb(const struct second_opinion *opinion,
				   const struct walked *walked, uint32_t most)
{
	uint32_t n = 0;

	while (n < most && n < opinion->nr && opinion->frames[n] == walked->frames[n])
		n++;
	return n;
}

static void describe(const struct event *event, const struct walked *walked, enum verdict verdict)
{
	const struct truth *truth = &event->truth;
	uint32_t common = walked ? frames_in_common(truth, walked) : 0;
	uint32_t first;

	if (!left_to_describe)
		return;
	if (event->opinion.nr)
		common = in_common_with_gdb(&event->opinion, walked, common);
	first = common > 3 ? common - 3 : 0;
	left_to_describe--;
	fprintf(stderr, "%s: %u frames in common; libdw has %u (%s), seep %u (reason %d), gdb %u\n",
		verdict_word(verdict), common, truth->nr,
		truth->gave_up ? truth->why ?: "gave up" : "whole", walked ? walked->nr : 0,
		walked ? walked->reason : -1, event->opinion.nr);
	for (uint32_t i = first; i < common + 3; i++) {
		fprintf(stderr, "  %3u  libdw ", i);
		if (i < truth->nr)
			describe_truth(truth, i);
		if (walked && i < walked->nr)
			fprintf(stderr, "  seep %#llx%s", (unsigned long long)walked->frames[i],
				walked->guessed[i >> 6] >> (i & 63) & 1 ? " (guessed)" : "");
		if (i < event->opinion.nr)
			fprintf(stderr, "  gdb %#llx",
				(unsigned long long)event->opinion.frames[i]);
		fputc('\n', stderr);
	}
}

/* gdb has all frames of seep; it may stop earlier than its outermost ones, which no C has. */
static bool agrees(const struct second_opinion *opinion, const struct walked *walked)
{
	for (uint32_t i = 0; i < walked->nr; i++)
		if (i >= opinion->nr || opinion->frames[i] != walked->frames[i])
			return false;
	return walked->nr == opinion->nr || walked->nr == SEEP_STACK_MAX;
}

/* Whether gdb, if it was asked, sees what seep sees. */
static bool count_opinion(const struct event *event, const struct walked *walked,
			  enum verdict verdict)
{
	bool same;

	if (!event->opinion.nr || !walked)
		return true;
	same = agrees(&event->opinion, walked);
	if (verdict == VERDICT_TRUTH_CUT || verdict == VERDICT_BOTH_CUT) {
		counts.arbitrated++;
		counts.for_seep += same;
	} else {
		counts.asked++;
		counts.confirmed += same;
	}
	return same;
}

static void compare(const struct event *event, uint64_t stack)
{
	const struct walked *walked = get(stacks, stack);
	enum verdict verdict = verdict_of(&event->truth, walked);

	counts.events++;
	counts.by_verdict[verdict]++;
	counts.frames += walked ? walked->nr : 0;
	hashmap_put(compared_stacks, stack, 1);
	if (!count_opinion(event, walked, verdict) ||
	    (verdict != VERDICT_IDENTICAL && verdict != VERDICT_DEPTH))
		describe(event, walked, verdict);
}

/* Takes the thread's events up to `time` off its list; the last of them, or NULL. */
static struct event *take_events(pid_t tid, uint64_t time)
{
	struct event *first = get(waiting, tid), *taken = NULL;

	while (first && first->time < time) {
		counts.unrecorded += taken != NULL;
		free(taken);
		taken = first;
		first = first->next;
	}
	if (taken && first)
		hashmap_put(waiting, tid, (uintptr_t)first);
	else if (taken)
		hashmap_remove(waiting, tid);
	return taken;
}

static int on_alloc(void *context, const struct seep_alloc *alloc)
{
	struct event *event;

	pthread_mutex_lock(&lock);
	event = take_events(alloc->tid, alloc->time);
	if (event && witness_next_call(alloc->tid, event->time) < alloc->time)
		counts.unrecorded++;
	else if (event)
		compare(event, alloc->stack);
	pthread_mutex_unlock(&lock);
	free(event);
	return 0;
}

static int on_stack(void *context, const struct seep_stack *stack)
{
	struct walked *walked = get(stacks, stack->id);

	if (!walked) {
		walked = calloc(1, sizeof(*walked));
		if (!walked || hashmap_put(stacks, stack->id, (uintptr_t)walked)) {
			free(walked);
			return -ENOMEM;
		}
	}
	walked->id = stack->id;
	walked->nr = stack->nr_frames < SEEP_STACK_MAX ? stack->nr_frames : SEEP_STACK_MAX;
	walked->reason = stack->reason;
	walked->flags = stack->flags;
	memcpy(walked->guessed, stack->guessed, sizeof(walked->guessed));
	memcpy(walked->frames, stack->frames, walked->nr * sizeof(walked->frames[0]));
	return 0;
}

int __wrap_decode_record(const struct decode_ops *ops, void *context, const void *data, size_t size,
			 struct decode_counts *decoded)
{
	static const struct decode_ops own = {
		.alloc = on_alloc,
		.realloc_end = on_alloc,
		.stack = on_stack,
	};

	if (waiting)
		__real_decode_record(&own, NULL, data, size, &ignored);
	return __real_decode_record(ops, context, data, size, decoded);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the waiting events and seep's stacks. Records are seen where seep itself takes them
 * from its ring: the linker puts __wrap_decode_record in the place of decode_record
 * (ingest/decode.h), and __wrap_kernel_poll in that of kernel_poll (attach/kernel.h), which
 * are called through.
 *
 * While a thread stands at its allocation all that it has sent before is taken from the ring.
 * So its next record is that of this call, unless the call has failed or thrown and the record
 * is of a later one, which is told by the function and the size. Records come in one thread,
 * events in another.
 */
#include "events.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attach/kernel.h"
#include "base/hashmap.h"
#include "ingest/decode.h"
#include "known_files.h"

struct event {
	struct witness_hit hit;
	struct truth truth;
	struct second_opinion opinion;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct hashmap *waiting; /* tid -> struct event * */
static struct hashmap *stacks; /* id -> struct walked * */
static struct hashmap *compared_stacks; /* id -> 1 */
static struct event_counts counts;
static unsigned left_to_describe;
static struct decode_counts ignored;
static pthread_cond_t polled = PTHREAD_COND_INITIALIZER;
static uint64_t polls; /* of the ring, completed */

enum { POLL_MS = 1, POLLS_MOST = 2000 };

int __real_decode_record(const struct decode_ops *ops, void *context, const void *data, size_t size,
			 struct decode_counts *decoded);
int __wrap_decode_record(const struct decode_ops *ops, void *context, const void *data, size_t size,
			 struct decode_counts *decoded);
int __real_kernel_poll(struct kernel *kernel, int timeout_ms, kernel_record_fn fn, void *context);
int __wrap_kernel_poll(struct kernel *kernel, int timeout_ms, kernel_record_fn fn, void *context);

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
	return waiting && stacks && compared_stacks ? known_files_begin() : -ENOMEM;
}

void events_end(void)
{
	uint64_t key, value;
	size_t cursor = 0;

	while (waiting && hashmap_next(waiting, &cursor, &key, &value))
		free((struct event *)(uintptr_t)value);
	cursor = 0;
	while (stacks && hashmap_next(stacks, &cursor, &key, &value))
		free((struct walked *)(uintptr_t)value);
	hashmap_free(waiting);
	hashmap_free(stacks);
	hashmap_free(compared_stacks);
	known_files_end();
	waiting = stacks = compared_stacks = NULL;
}

/* All that was sent before is taken from the ring, by a poll that begins after now. */
static void wait_for_records(void)
{
	struct timespec until;
	uint64_t wanted = polls + 2;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += POLLS_MOST * POLL_MS / 1000;
	while (polls < wanted && !pthread_cond_timedwait(&polled, &lock, &until))
		;
}

int events_add(const struct witness_hit *hit, const struct truth *truth,
	       const struct second_opinion *opinion)
{
	struct event *event = malloc(sizeof(*event)), *last;
	int err;

	if (!event)
		return -ENOMEM;
	event->hit = *hit;
	event->truth = *truth;
	event->opinion.nr = 0;
	if (opinion)
		event->opinion = *opinion;
	pthread_mutex_lock(&lock);
	wait_for_records();
	last = get(waiting, hit->tid);
	counts.unrecorded += last != NULL;
	free(last);
	err = hashmap_put(waiting, hit->tid, (uintptr_t)event);
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
	pthread_mutex_lock(&lock);
	counts.stacks = hashmap_size(compared_stacks);
	*ret_counts = counts;
	ret_counts->unrecorded += hashmap_size(waiting);
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
	first = common > 8 ? common - 8 : 0;
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
static bool count_opinion(const struct event *event, const struct walked *walked)
{
	bool same;

	if (!event->opinion.nr || !walked)
		return true;
	same = agrees(&event->opinion, walked);
	if (event->truth.gave_up) {
		counts.arbitrated++;
		counts.for_seep += same;
	} else {
		counts.asked++;
		counts.confirmed += same;
	}
	return same;
}

/* The stack with addresses as the process has them in the place of files. */
static const struct walked *in_process(const struct walked *sent, const struct truth *truth)
{
	static struct walked walked;

	if (!sent)
		return NULL;
	walked = *sent;
	for (uint32_t i = 0; i < walked.nr; i++)
		walked.frames[i] =
			known_files_address(sent->frames[i], i < truth->nr ? truth->frames[i] : 0);
	return &walked;
}

static void compare(const struct event *event, uint64_t stack)
{
	const struct walked *walked = in_process(get(stacks, stack), &event->truth);
	enum verdict verdict = verdict_of(&event->truth, walked);

	counts.events++;
	counts.by_verdict[verdict]++;
	counts.frames += walked ? walked->nr : 0;
	hashmap_put(compared_stacks, stack, 1);
	if (!count_opinion(event, walked) ||
	    (verdict != VERDICT_IDENTICAL && verdict != VERDICT_DEPTH))
		describe(event, walked, verdict);
}

/* Whether the call had that size in its arguments; copied strings do not tell. */
static bool asked_for(const struct witness_hit *hit, const struct seep_alloc *alloc)
{
	uint64_t first = hit->registers[5], second = hit->registers[4], third = hit->registers[1];

	if (alloc->op == SEEP_OP_STRDUP || alloc->op == SEEP_OP_STRNDUP ||
	    alloc->op >= SEEP_OP_ACQUIRE || alloc->op == SEEP_OP_RESIZE)
		return true;
	return alloc->size == first || alloc->size == second || alloc->size == third ||
	       alloc->size == first * second || alloc->size == second * third;
}

/* Whether the stack begins in the function at which the thread was stopped. */
static bool begins_there(const struct witness_hit *hit, uint64_t stack)
{
	const struct walked *walked = get(stacks, stack);
	uint64_t pc = hit->registers[WITNESS_PC];

	return !walked || !walked->nr || known_files_address(walked->frames[0], pc) == pc;
}

static int on_alloc(void *context, const struct seep_alloc *alloc)
{
	struct event *event;

	pthread_mutex_lock(&lock);
	event = get(waiting, alloc->tid);
	if (event && asked_for(&event->hit, alloc) && begins_there(&event->hit, alloc->stack))
		compare(event, alloc->stack);
	else if (event)
		counts.unrecorded++;
	if (event)
		hashmap_remove(waiting, alloc->tid);
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

int __wrap_kernel_poll(struct kernel *kernel, int timeout_ms, kernel_record_fn fn, void *context)
{
	int nr = __real_kernel_poll(kernel, timeout_ms < POLL_MS ? timeout_ms : POLL_MS, fn,
				    context);

	pthread_mutex_lock(&lock);
	polls++;
	pthread_cond_broadcast(&polled);
	pthread_mutex_unlock(&lock);
	return nr;
}

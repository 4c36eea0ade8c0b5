// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the order of a look for holders: a scan for all tracked objects, undisturbed by a
 * collection if that can be had; the roots and what they reach; what they do not; and what
 * of it is shown, which is for containers.c, why_unreached.c and why_paths.c.
 */
#include "python/why.h"

#include <errno.h>
#include <time.h>

#include "python/heap.h"
#include "python/look.h"
#include "python/roots.h"

enum {
	TRIES = 3,
	WAIT_MS = 2000, /* for a collection under way */
};

static const double TELLING_SHARE = 0.25; /* of the time for a look, after it */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int scan_once(struct look *look)
{
	struct python_moment before, after;
	int err = python_reader_open(look->process, &look->reader);

	if (err)
		return err;
	python_graph_begin(&look->graph, &look->reader, look->options->seconds,
			   look->options->objects_most);
	err = python_heap_quiet_moment(look->process, WAIT_MS, &before);
	err = err ? err : python_graph_scan(&look->graph);
	err = err ? err : python_heap_quiet_moment(look->process, WAIT_MS, &after);
	look->why->consistent = !err && !python_heap_disturbed(&before, &after);
	return err;
}

static void end_look(struct look *look)
{
	python_graph_release(&look->graph);
	python_reader_close(&look->reader);
}

static int scan(struct look *look)
{
	for (int i = 1;; i++) {
		int err = scan_once(look);

		if (err || look->why->consistent || i == TRIES)
			return err;
		end_look(look);
	}
}

static int build(struct look *look)
{
	struct python_graph *g = &look->graph;
	int err = python_roots_reach(g);

	if (!err)
		err = python_graph_count(g);
	if (!err)
		err = python_roots_claim(g);
	if (!err)
		err = python_graph_judge(g);
	if (!err)
		err = python_graph_add_up(g);
	/* What is told of what was found has a time of its own. */
	python_reader_allow(&look->reader, look->options->seconds * TELLING_SHARE);
	if (!err)
		err = python_look_unreached(look);
	if (!err)
		err = python_look_containers(look);
	if (!err)
		err = python_look_paths(look);
	for (size_t i = 0; !err && i < g->nr; i++)
		look->why->bytes += python_graph_bytes(g, i);
	look->why->objects = g->nr;
	look->why->cut = g->cut;
	return err;
}

static uint64_t memory_of(const struct look *look)
{
	const struct python_graph *g = &look->graph;

	return snapshot_peak(look->reader.snapshot) + g->cap * sizeof(*g->nodes) +
	       (g->mask + 1) * sizeof(*g->slots) + g->cap_tracked * sizeof(*g->tracked) +
	       g->nr * sizeof(*g->held);
}

int python_why(struct python_process *process, const struct why_options *options,
	       struct why_log *log, struct why **ret_why)
{
	uint64_t read_before = remote_bytes_read(process->remote);
	struct look look = { .process = process, .options = options, .log = log };
	struct python_moment moment;
	int err;

	look.why = why_new();
	if (!look.why)
		return -ENOMEM;
	look.why->time = now();
	err = scan(&look);
	if (!err)
		err = build(&look);
	/* Gone meanwhile: then what could not be read was taken for nothing. */
	if (!err)
		err = python_heap_moment(process, &moment);
	look.why->seconds = now() - look.why->time;
	look.why->bytes_read = remote_bytes_read(process->remote) - read_before;
	if (look.reader.snapshot)
		look.why->memory = memory_of(&look);
	end_look(&look);
	if (err) {
		why_free(look.why);
		return err;
	}
	*ret_why = look.why;
	return 0;
}

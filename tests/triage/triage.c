// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What user/triage says of this host, as JSON on stdout, a document a line, for tests and for
 * measuring by hand:
 *
 *	triage look COUNT SECONDS	looks so far apart: processes, cost
 *	triage rank WINDOW COUNT COMM	suspects of that name, by so many looks within the window
 *	triage growth SECONDS PID [BUDGET [calls|few]]	where it grew, and what it cost to know
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "triage/growth_probe.h"
#include "triage/ranking.h"

enum { CHECKS = 5, FEW = 128 };

static void print(json_t *row)
{
	json_dumpf(row, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(row);
}

static void rest(double seconds)
{
	usleep((useconds_t)(seconds * 1e6));
}

static int look(int count, double seconds)
{
	const struct host_look *seen;
	struct host *host;
	int err = host_open(NULL, &host);

	for (int i = 0; i < count && !err; i++) {
		err = host_look(host, &seen);
		if (err)
			break;
		print(json_pack("{sI sI sI sI sf}", "processes", (json_int_t)seen->nr_processes,
				"cgroups", (json_int_t)seen->nr_cgroups, "vanished",
				(json_int_t)seen->vanished, "left_out", (json_int_t)seen->left_out,
				"cpu_seconds", seen->cpu_seconds));
		rest(seconds);
	}
	if (!err)
		host_close(host);
	return err;
}

static bool has_name(void *context, const struct host_process *process,
		     const struct host_cgroup *cgroup)
{
	return !strcmp(process->comm, context);
}

static void print_suspect(const struct suspect *suspect)
{
	print(json_pack("{si ss# ss sf sf sf ss# sf}", "pid", (int)suspect->process->pid, "comm",
			suspect->process->comm, (int)strlen(suspect->process->comm), "shape",
			series_shape_name(suspect->growth.shape), "rate", suspect->growth.rate,
			"rise", suspect->growth.rise, "seconds", suspect->growth.seconds, "reason",
			suspect->reason, (int)strlen(suspect->reason), "score", suspect->score));
}

static int rank(double window, int count, char *comm)
{
	const struct ranking_options options = { .window = window };
	struct suspect *suspects = NULL;
	const struct host_look *seen;
	struct ranking *ranking = NULL;
	struct host *host = NULL;
	size_t nr = 0;
	int err = host_open(NULL, &host);

	err = err ?: ranking_new(&options, &ranking);
	for (int i = 0; i < count && !err; i++) {
		if (i)
			rest(window / count / 2);
		err = host_look(host, &seen);
		err = err ?: ranking_add(ranking, seen);
	}
	err = err
		      ?: ranking_suspects(ranking, SUSPECT_PROCESS, 100, has_name, comm, &suspects,
					  &nr);
	for (size_t i = 0; i < nr; i++)
		print_suspect(&suspects[i]);
	free(suspects);
	ranking_free(ranking);
	host_close(host);
	return err;
}

static json_t *pack_stack(const struct growth_stack *stack)
{
	json_t *frames = json_array();

	for (size_t i = 0; i < stack->nr_frames; i++)
		json_array_append_new(frames, json_pack("{sI ss? sI}", "address",
							(json_int_t)stack->frames[i].address,
							"module", stack->frames[i].module, "offset",
							(json_int_t)stack->frames[i].offset));
	return json_pack("{sI sI so}", "faults", (json_int_t)stack->faults, "bytes",
			 (json_int_t)stack->bytes, "frames", frames);
}

/* Checks it on the way; the state is the last one, or that in which it was taken out. */
static int watch(struct growth_probe *probe, double seconds, struct growth_state *ret_state)
{
	int err = 0;

	for (int i = 0; i < CHECKS && !err; i++) {
		struct growth_state state;

		rest(seconds / CHECKS);
		err = growth_probe_check(probe, &state);
		if (!err && (i == 0 || ret_state->attached))
			*ret_state = state;
	}
	return err;
}

/* `few`: tables that a few dozen processes fill. */
static int growth(double seconds, pid_t pid, double budget, bool calls, bool few)
{
	const struct growth_probe_options options = {
		.budget = budget,
		.calls = calls,
		.max_processes = few ? FEW : 0,
		.every = few ? 1 : 0,
	};
	struct growth_counts counts = { 0 };
	struct growth_state state;
	struct growth_probe *probe;
	json_t *stacks = json_array();
	int err = growth_probe_open(&options, &probe);

	if (err)
		return err;
	puts("\"attached\"");
	fflush(stdout);
	err = watch(probe, seconds, &state);
	if (!err && growth_probe_read(probe, pid, 10, &counts) != 0)
		counts = (struct growth_counts){ 0 };
	for (size_t i = 0; i < counts.nr_stacks; i++)
		json_array_append_new(stacks, pack_stack(&counts.stacks[i]));
	if (!err)
		print(json_pack("{sb sf sf sI sI sI sI sI so}", "attached", state.attached, "cost",
				state.cost, "hits_per_second", state.hits_per_second, "stacks_lost",
				(json_int_t)state.stacks_lost, "processes_lost",
				(json_int_t)state.processes_lost, "faults",
				(json_int_t)counts.faults, "mapped", (json_int_t)counts.mapped,
				"broken", (json_int_t)counts.broken, "stacks", stacks));
	growth_counts_release(&counts);
	growth_probe_close(probe);
	return err;
}

int main(int argc, char **argv)
{
	int err = -EINVAL;

	if (argc == 4 && !strcmp(argv[1], "look"))
		err = look(atoi(argv[2]), atof(argv[3]));
	else if (argc == 5 && !strcmp(argv[1], "rank"))
		err = rank(atof(argv[2]), atoi(argv[3]), argv[4]);
	else if (argc >= 4 && !strcmp(argv[1], "growth"))
		err = growth(atof(argv[2]), atoi(argv[3]), argc > 4 ? atof(argv[4]) : 0,
			     argc > 5 && !strcmp(argv[5], "calls"),
			     argc > 5 && !strcmp(argv[5], "few"));
	if (err)
		fprintf(stderr, "triage: %s\n", strerror(-err));
	return err ? 1 : 0;
}

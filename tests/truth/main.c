// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * compare [-k] [-n EVENTS] [-e EVERY] [-g GDB] [-t SECONDS] [-v LINES] [-m MODE]
 *         [-r FILE:PATTERN] -- COMMAND...
 *
 * Runs the command under seep's own tracer and under ptrace, stops its threads at one of
 * EVERY allocations, and compares the stack that seep's kernel side has walked there with
 * libdw's; -r sets return probes on functions of a file; with -k it kills the command when there
 * have been EVENTS. One line of JSON on stdout. Exit code: 0 when it could be compared at all, 77
 * where the kernel cannot do what is needed, else 1.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "base/log.h"
#include "events.h"
#include "oracle.h"
#include "second_opinion.h"
#include "target.h"
#include "trace/tracer.h"
#include "witness_side.h"

enum { CANNOT = 77, DRAIN_MS = 200000 };

struct options {
	unsigned events; /* 0: as many as there are */
	unsigned every;
	unsigned opinions; /* of gdb, each for a sample and where libdw gave up */
	unsigned seconds;
	unsigned described;
	enum attach_mode mode;
	const char *returns; /* FILE:PATTERN of callers with return probes; NULL none */
	bool brief; /* the command is killed when there are EVENTS */
};

struct run {
	struct options options;
	struct oracle *oracle;
	struct truth truth;
	struct second_opinion opinion;
	unsigned sampled, arbitrated; /* opinions asked for */
	uint64_t stops, unanswered;
	uint64_t replaced; /* return addresses that return probes had replaced, of all stops */
	uint64_t taken;
};

static struct tracer *tracer;
static volatile sig_atomic_t stop;

static void *collect(void *data)
{
	int err = 0;

	/* It ends by itself whenever nobody is left, as before the first record. */
	while (!stop && !err)
		err = tracer_run(tracer, -1, &stop);
	return (void *)(intptr_t)err;
}

/* gdb takes long: the first few where libdw gave up, and a sample of the others. */
static const struct second_opinion *ask_again(struct run *run, const struct stopped *stopped)
{
	unsigned *asked = run->truth.gave_up ? &run->arbitrated : &run->sampled;
	bool turn = run->truth.gave_up || run->stops % (37 * (*asked + 1)) == 5;

	if (!turn || *asked >= run->options.opinions)
		return NULL;
	(*asked)++;
	return second_opinion_ask(stopped, &run->opinion) ? NULL : &run->opinion;
}

static void at_allocation(void *context, const struct witness_hit *hit)
{
	struct run *run = context;
	struct stopped stopped;

	run->stops++;
	run->replaced += hit->nr_returns;
	if (stopped_read(hit, &stopped))
		return;
	if (oracle_ask(run->oracle, &stopped, &run->truth)) {
		run->unanswered++;
	} else {
		events_add(hit, &run->truth, ask_again(run, &stopped));
		run->taken++;
	}
	stopped_release(&stopped);
	if (!run->options.events || run->taken != run->options.events)
		return;
	witness_rest();
	if (run->options.brief)
		target_kill();
}

static void forget(void *context, pid_t pid)
{
	struct run *run = context;

	oracle_forget(run->oracle, pid);
}

static void print_result(const struct run *run, int status, bool late)
{
	struct event_counts counts;
	json_t *result, *verdicts = json_object();

	events_count(&counts);
	for (int i = 0; i < VERDICTS; i++)
		json_object_set_new(verdicts, verdict_word(i), json_integer(counts.by_verdict[i]));
	result = json_pack("{sI sI sI sI sI sI sI sI sI sI sI sI si sb so}", "events",
			   (json_int_t)counts.events, "stacks", (json_int_t)counts.stacks, "frames",
			   (json_int_t)counts.frames, "stops", (json_int_t)run->stops, "replaced",
			   (json_int_t)run->replaced, "unanswered", (json_int_t)run->unanswered,
			   "unrecorded", (json_int_t)counts.unrecorded, "lost",
			   (json_int_t)witness_lost(), "gdb_asked", (json_int_t)counts.asked,
			   "gdb_confirmed", (json_int_t)counts.confirmed, "arbitrated",
			   (json_int_t)counts.arbitrated, "for_seep", (json_int_t)counts.for_seep,
			   "status", status, "late", late, "verdicts", verdicts);
	json_dumpf(result, stdout, 0);
	putchar('\n');
	json_decref(result);
}

static int compare(struct run *run, char **command)
{
	static const struct target_ops ops = { at_allocation, forget };
	pthread_t collector;
	int err, status = -1;
	pid_t pid;

	err = target_start(command, &pid);
	err = err ?: tracer_add_child(tracer, pid);
	err = err ?: -pthread_create(&collector, NULL, collect, NULL);
	if (err)
		return err;
	err = target_run(&ops, run, run->options.seconds, &status);
	usleep(DRAIN_MS);
	stop = 1;
	pthread_join(collector, NULL);
	tracer_stop(tracer);
	print_result(run, status, err == -ETIMEDOUT);
	return err == -ETIMEDOUT ? 0 : err;
}

/* -EOPNOTSUPP: this kernel cannot do what the comparison needs. */
static int open_witness(const struct run *run, struct features *ret_features)
{
	const struct options *o = &run->options;
	int err = features_probe(o->mode != ATTACH_NONE, ret_features);

	if (err)
		return err;
	if (o->mode != ATTACH_NONE)
		ret_features->best = ret_features->works[o->mode] ? o->mode : ATTACH_NONE;
	if (ret_features->best != ATTACH_SESSION && ret_features->best != ATTACH_MULTI)
		return -EOPNOTSUPP;
	return witness_open(o->every) ? -EOPNOTSUPP : 0;
}

static int begin(struct run *run)
{
	struct tracer_options options = { .follow = true, .host_wide = true, .command = "" };
	struct features features;
	int err = open_witness(run, &features);

	if (!err && run->options.returns)
		err = witness_probe_returns(run->options.returns);
	err = err ?: events_begin(run->options.described);
	run->oracle = err ? NULL : oracle_new();
	if (!err && !run->oracle)
		err = -ENOMEM;
	return err ?: tracer_new(&options, &features, &tracer);
}

static int usage(void)
{
	fprintf(stderr, "compare [-k] [-n EVENTS] [-e EVERY] [-g GDB] [-t SECONDS] [-v LINES] "
			"[-m MODE] [-r FILE:PATTERN] -- COMMAND...\n");
	return 2;
}

static bool read_options(int argc, char **argv, struct options *options)
{
	int c;

	while ((c = getopt(argc, argv, "+kn:e:g:t:v:m:r:")) != -1) {
		unsigned number = optarg ? strtoul(optarg, NULL, 10) : 0;

		switch (c) {
		case 'k':
			options->brief = true;
			break;
		case 'n':
			options->events = number;
			break;
		case 'e':
			options->every = number;
			break;
		case 'g':
			options->opinions = number;
			break;
		case 't':
			options->seconds = number;
			break;
		case 'v':
			options->described = number;
			break;
		case 'm':
			options->mode = attach_mode_parse(optarg);
			break;
		case 'r':
			options->returns = optarg;
			break;
		default:
			return false;
		}
	}
	return optind < argc && options->every;
}

int main(int argc, char **argv)
{
	static struct run run = {
		.options = { .every = 1, .seconds = 120, .described = 5, .mode = ATTACH_NONE },
	};
	int err;

	if (!read_options(argc, argv, &run.options))
		return usage();
	err = begin(&run);
	if (err) {
		fprintf(stderr, "compare: cannot begin: %s\n", strerror(-err));
		return err == -EOPNOTSUPP ? CANNOT : 1;
	}
	err = compare(&run, argv + optind);
	if (err)
		fprintf(stderr, "compare: %s\n", strerror(-err));
	tracer_free(tracer);
	witness_close();
	events_end();
	oracle_free(run.oracle);
	return err ? 1 : 0;
}

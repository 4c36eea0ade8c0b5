// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sweep_record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "command.h"
#include "heap/signature.h"
#include "store/sweep_store.h"

/* For ever, as far as a store can tell. */
#define FOR_EVER 1e12

struct sweep_record {
	const struct sweep_identity *identity;
	struct sweep_store_options options;
	struct sweep_store *store; /* NULL: it could not be opened */
	char *path; /* NULL: none is wanted */
	char *problem;
	int lock;
};

void sweep_record_close(struct sweep_record *record)
{
	if (!record)
		return;
	if (record->store)
		sweep_store_close(record->store);
	close_fd(&record->lock);
	free(record->path);
	free(record->problem);
	free(record);
}

/* Keeps the first one. Takes the message over. */
static void remember(struct sweep_record *record, int err, char *message)
{
	if (!record->problem && message)
		record->problem = message;
	else
		free(message);
	if (!record->problem &&
	    asprintf(&record->problem, "%s: %s", record->path, strerror(-err)) < 0)
		record->problem = NULL;
}

static int open_store(struct sweep_record *record)
{
	char *message = NULL;
	int err;

	if (record->store)
		return 0;
	err = sweep_store_open(record->path, &record->options, &record->store, &message);
	if (err) {
		remember(record, err, message);
		return err;
	}
	if (message)
		log_warn("%s", message);
	free(message);
	return 0;
}

static void say_who(int lock)
{
	char pid[16] = "";
	ssize_t got = pread(lock, pid, sizeof(pid) - 1, 0);

	pid[got > 0 ? strspn(pid, "0123456789") : 0] = '\0';
	log_error("another sweep%s%s uses this store: wait for its end, or name another one "
		  "(--store)",
		  *pid ? ", process " : "", pid);
}

/* Beside the store, in its folder: released by the kernel however this process ends. */
static int lock_store(struct sweep_record *record)
{
	__cleanup(free_text)
	char *path = NULL;

	if (asprintf(&path, "%s-lock", record->path) < 0) {
		path = NULL;
		return 0;
	}
	record->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (record->lock < 0)
		return 0; /* what keeps it from being made keeps the store from being written */
	if (flock(record->lock, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
		say_who(record->lock);
		return EXIT_PARTIAL;
	}
	if (ftruncate(record->lock, 0) || dprintf(record->lock, "%d\n", getpid()) < 0)
		log_debug("%s cannot be written: %s", path, strerror(errno));
	return 0;
}

int sweep_record_open(const struct sweep_settings *settings, const struct sweep_identity *identity,
		      struct sweep_record **ret_record)
{
	struct sweep_record *record = calloc(1, sizeof(*record));
	int status = 0;

	if (!record) {
		log_error("out of memory");
		return EXIT_PARTIAL;
	}
	record->lock = -1;
	record->identity = identity;
	record->options.bytes_max = settings->store_size;
	record->options.age_max = settings->keep > 0 ? settings->keep : FOR_EVER;
	if (!settings->no_store) {
		record->path = settings->store ? strdup(settings->store)
					       : sweep_store_default_path();
		if (!record->path) {
			log_error("there is no place for the store: name one (--store FILE), or "
				  "--no-store");
			status = EXIT_USAGE;
		}
	}
	if (record->path && !open_store(record))
		status = lock_store(record);
	if (status) {
		sweep_record_close(record);
		return status;
	}
	*ret_record = record;
	return 0;
}

void sweep_record_begin(struct sweep_record *record, struct pass *pass)
{
	struct sweep_begin begin = {
		.host = record->identity->host,
		.host_id = record->identity->host_id,
		.version = SEEP_VERSION,
		.command = record->identity->command,
		.started = pass->started,
		.probability = pass->probability,
		.budget = pass->budget,
	};
	char *message = NULL;
	int err;

	if (!record->path)
		return;
	free(record->problem);
	record->problem = NULL;
	if (open_store(record))
		return;
	err = sweep_store_begin(record->store, &begin, &pass->number, &message);
	if (err)
		remember(record, err, message);
	else
		free(message);
}

static const char *build_id_of(const struct pass_suspect *suspect)
{
	const struct profile *profile = suspect->profile;
	const struct profile_module *module = NULL;

	if (profile && profile->nr_processes)
		module = signature_executable(profile, &profile->processes[0]);
	return module ? module->build_id : NULL;
}

static void add_profile(struct sweep_record *record, struct pass *pass,
			struct pass_suspect *suspect)
{
	char *message = NULL;
	int err;

	if (!suspect->profile)
		return;
	err = sweep_store_add_profile(record->store, pass->number, suspect->profile, NULL,
				      &suspect->capture, &message);
	if (err)
		remember(record, err, message);
	else
		free(message);
}

static void add_suspect(struct sweep_record *record, struct pass *pass,
			const struct pass_suspect *suspect)
{
	struct sweep_suspect row = {
		.pid = (uint32_t)suspect->pid,
		.comm = suspect->comm,
		.exe = suspect->exe,
		.build_id = build_id_of(suspect),
		.cgroup = suspect->cgroup,
		.container = suspect->container,
		.growth = suspect->growth,
		.limit = suspect->limit,
		.score = suspect->score,
		.why = suspect->why,
		.traced = suspect->traced,
		.capture = suspect->capture,
		.not_traced = suspect->not_traced,
	};
	char *message = NULL, *places = pass_places_words(suspect);
	int err;

	row.places = places;
	err = sweep_store_add_suspect(record->store, pass->number, &row, &message);
	free(places);
	if (err)
		remember(record, err, message);
	else
		free(message);
}

void sweep_record_suspect(struct sweep_record *record, struct pass *pass,
			  struct pass_suspect *suspect)
{
	if (!pass->number)
		return;
	add_profile(record, pass, suspect);
	add_suspect(record, pass, suspect);
}

/* Of the victim as it was traced before; 0: it was not. */
static int64_t capture_of(const struct pass *pass, pid_t pid)
{
	for (size_t i = 0; i < pass->nr_suspects; i++)
		if (pass->suspects[i].pid == pid && !pass->suspects[i].is_cgroup)
			return pass->suspects[i].capture;
	return 0;
}

static void add_kills(struct sweep_record *record, const struct pass *pass)
{
	for (size_t i = 0; i < pass->nr_kills; i++) {
		const struct pass_kill *kill = &pass->kills[i];
		struct sweep_oom oom = {
			.time = kill->time,
			.pid = (uint32_t)kill->pid,
			.comm = kill->comm,
			.cgroup = kill->limit_cgroup ? kill->limit_cgroup : kill->cgroup,
			.limit = kill->limit,
			.anonymous = kill->anonymous,
			.capture = capture_of(pass, kill->pid),
		};
		char *message = NULL;
		int err = sweep_store_add_oom(record->store, pass->number, &oom, &message);

		if (err)
			remember(record, err, message);
		else
			free(message);
	}
}

void sweep_record_finish(struct sweep_record *record, struct pass *pass, const char *outcome)
{
	struct sweep_end end = {
		.seconds = pass->seconds,
		.outcome = outcome,
		.processes = pass->processes,
		.suspects = pass->nr_growing,
		.suppressed = pass_suppressed(pass),
		.triage_cpu_seconds = pass->triage_cpu,
		.trace_cpu_seconds = pass->trace_cpu,
	};
	char *message = NULL;
	int err;

	if (!pass->number)
		return;
	for (size_t i = 0; i < pass->nr_suspects; i++)
		if (!pass->suspects[i].tried)
			add_suspect(record, pass, &pass->suspects[i]);
	add_kills(record, pass);
	err = sweep_store_finish(record->store, pass->number, &end, &message);
	if (err)
		remember(record, err, message);
	else
		free(message);
}

const char *sweep_record_path(const struct sweep_record *record)
{
	return record->path;
}

const char *sweep_record_problem(const struct sweep_record *record)
{
	return record->problem;
}

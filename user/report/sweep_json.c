// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the JSON of sweeps, a contract: fields are added, never renamed, and what is not known is
 * null. seep-sweep(1) lists them. What was traced is embedded as `seep trace` writes it.
 */
#include "report/sweep.h"

#include <errno.h>
#include <stdlib.h>

#include "report/formats.h"
#include "report/json.h"

enum { SCHEMA = 1 };

/* Takes the item over. */
static void append(struct json_object *object, json_t *array, struct json_object *item)
{
	object->failed |= item->failed;
	if (json_array_append_new(array, item->json))
		object->failed = true;
}

static void put_number(struct json_object *object, const char *key, int64_t value)
{
	json_put(object, key, value ? json_integer(value) : json_null());
}

static void put_problems(struct json_object *object, const struct pass *pass)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < pass->nr_problems; i++)
		json_array_append_new(array, json_string(pass->problems[i]));
	json_put(object, "problems", array);
}

static void put_look(struct json_object *o, const struct pass *pass)
{
	json_put_count(o, "looks", pass->looks);
	json_put_real(o, "look_seconds", pass->look_seconds);
	json_put_count(o, "processes", pass->processes);
	json_put_count(o, "kernel_threads", pass->kernel_threads);
	json_put_count(o, "cgroups", pass->cgroups);
	json_put_count(o, "vanished", pass->vanished);
	json_put_count(o, "unreadable", pass->unreadable);
	json_put_count(o, "left_out", pass->left_out);
	json_put_count(o, "excluded", pass->excluded);
	json_put_count(o, "growing", pass->nr_growing);
}

static void put_cost(struct json_object *o, const struct pass *pass)
{
	double cpu = pass->triage_cpu + pass->trace_cpu + pass->faults_cpu;

	json_put_real(o, "triage_cpu_seconds", pass->triage_cpu);
	json_put_real(o, "faults_cpu_seconds", pass->faults_cpu);
	json_put_real(o, "trace_cpu_seconds", pass->trace_cpu);
	json_put_real(o, "cpu_share", pass->seconds > 0 ? cpu / pass->seconds : 0);
	json_put_real(o, "rested_seconds", pass->rested);
	json_put_known_count(o, "resident_bytes", pass->resident);
}

static struct json_object sweep_object(const struct sweep_report *report)
{
	const struct pass *pass = report->pass;
	struct json_object o = json_object_new();

	json_put_text(&o, "host", report->host);
	json_put_text(&o, "host_id", report->host_id);
	json_put_text(&o, "version", SEEP_VERSION);
	json_put_text(&o, "command", report->command);
	json_put_real(&o, "started", pass->started);
	json_put_real(&o, "seconds", pass->seconds);
	json_put_flag(&o, "took_part", pass->took_part);
	json_put_flag(&o, "stopped", pass->stopped);
	json_put_text(&o, "outcome", report->outcome);
	json_put_real(&o, "probability", pass->probability);
	json_put_real(&o, "weight", pass->probability > 0 ? 1 / pass->probability : 1);
	json_put_known_real(&o, "budget", pass->budget);
	json_put_known_real(&o, "own_budget", pass->own_budget);
	put_look(&o, pass);
	json_put_count(&o, "findings", pass_findings(pass));
	json_put_count(&o, "suppressed", pass_suppressed(pass));
	put_cost(&o, pass);
	json_put_count(&o, "missed_passes", report->missed);
	json_put_text(&o, "store", report->store);
	put_number(&o, "store_sweep", pass->number);
	json_put_text(&o, "store_problem", report->store_problem);
	json_put_text(&o, "places_unseen", pass->places_unseen);
	json_put_text(&o, "kills_unseen", pass->kills_unseen);
	json_put_count(&o, "kills_lost", pass->kills_lost);
	put_problems(&o, pass);
	return o;
}

static void put_kills(struct json_object *object, const struct pass *pass)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < pass->nr_kills; i++) {
		const struct pass_kill *kill = &pass->kills[i];
		struct json_object o = json_object_new();

		json_put_real(&o, "time", kill->time);
		json_put_count(&o, "pid", (uint64_t)kill->pid);
		json_put(&o, "uid", kill->uid == (uid_t)-1 ? json_null() : json_integer(kill->uid));
		json_put_text(&o, "comm", kill->comm);
		json_put_text(&o, "cgroup", kill->cgroup);
		json_put_text(&o, "limit_cgroup", kill->limit_cgroup);
		json_put_known_count(&o, "limit_bytes", kill->limit);
		json_put_known_count(&o, "anonymous_bytes", kill->anonymous);
		json_put_flag(&o, "whole_host", kill->whole_host);
		append(object, array, &o);
	}
	json_put(object, "kills", array);
}

static void put_suppressions(struct json_object *object, const struct findings *findings)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < findings->nr_hidden; i++) {
		const struct finding_hidden *hidden = &findings->hidden[i];
		struct json_object o = json_object_new();

		json_put_text(&o, "suppression", hidden->by->text);
		json_put_count(&o, "line", hidden->by->line);
		json_put_text(&o, "comment", hidden->by->comment);
		json_put_count(&o, "sites", hidden->sites);
		json_put_count(&o, "live_bytes", hidden->live_bytes);
		append(object, array, &o);
	}
	json_put(object, "suppressions", array);
}

/* As the json format writes it. */
static json_t *profile_json(const struct profile *profile, const struct report_options *options)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int err = out ? report_json.write(profile, options, out) : -ENOMEM;
	json_t *json = NULL;

	if (out && fclose(out))
		err = -ENOMEM;
	if (!err)
		json = json_loadb(text, size, 0, NULL);
	free(text);
	return json;
}

static void put_growth(struct json_object *o, const struct pass_suspect *suspect)
{
	json_put_count(o, "bytes", suspect->bytes);
	json_put_real(o, "growth_rate", suspect->growth);
	json_put_real(o, "growth_rate_low", suspect->growth_low);
	json_put_real(o, "growth_rate_high", suspect->growth_high);
	json_put_real(o, "rise_bytes", suspect->rise);
	json_put_real(o, "rise_seconds", suspect->seconds);
	json_put_known_count(o, "limit_bytes", suspect->limit);
	json_put_known_count(o, "room_bytes", suspect->room);
	json_put_real(o, "limit_seconds", suspect->time_to_limit);
	json_put_real(o, "limit_seconds_low", suspect->earliest);
	json_put_real(o, "limit_seconds_high", suspect->latest);
	json_put_real(o, "score", suspect->score);
	json_put_text(o, "why", suspect->why);
}

static json_t *frames_json(struct json_object *object, const struct pass_place *place)
{
	json_t *frames = json_array();

	for (size_t i = 0; frames && i < place->nr_frames; i++) {
		struct json_object o = json_object_new();

		json_put_text(&o, "function", place->frames[i].function);
		json_put_text(&o, "module", place->frames[i].module);
		json_put_known_count(&o, "offset", place->frames[i].offset);
		append(object, frames, &o);
	}
	return frames;
}

static void put_places(struct json_object *object, const struct pass_suspect *suspect)
{
	json_t *places = json_array();

	for (size_t i = 0; places && i < suspect->nr_places; i++) {
		const struct pass_place *place = &suspect->places[i];
		struct json_object o = json_object_new();

		json_put_count(&o, "faults", place->faults);
		json_put_real(&o, "share", place->share);
		json_put(&o, "frames", frames_json(object, place));
		append(object, places, &o);
	}
	json_put(object, "places", places);
}

static struct json_object suspect_object(const struct pass_suspect *suspect,
					 const struct report_options *options)
{
	const struct profile *profile = suspect->profile;
	const struct profile_process *process =
		profile && profile->nr_processes ? &profile->processes[0] : NULL;
	struct json_object o = json_object_new();

	json_put_text(&o, "kind", suspect->is_cgroup ? "cgroup" : "process");
	put_number(&o, "pid", suspect->pid);
	json_put(&o, "uid", suspect->is_cgroup ? json_null() : json_integer(suspect->uid));
	json_put_text(&o, "comm", suspect->is_cgroup ? NULL : suspect->comm);
	json_put_text(&o, "exe", suspect->exe);
	json_put_text(&o, "cgroup", suspect->cgroup);
	json_put_text(&o, "container", suspect->container);
	put_growth(&o, suspect);
	json_put_known_count(&o, "faults", suspect->faults);
	put_places(&o, suspect);
	json_put_flag(&o, "traced", suspect->traced);
	json_put_flag(&o, "failed", suspect->failed);
	json_put_text(&o, "not_traced", suspect->not_traced);
	json_put_real(&o, "trace_seconds", suspect->trace_seconds);
	json_put_real(&o, "cpu_seconds", suspect->cpu_seconds);
	json_put_text(&o, "verdict", process ? profile_verdict_name(process->verdict) : NULL);
	json_put_text(&o, "evidence", process ? process->evidence : NULL);
	json_put_count(&o, "findings", suspect->findings.nr);
	json_put_count(&o, "suppressed", suspect->findings.suppressed);
	put_suppressions(&o, &suspect->findings);
	put_number(&o, "store_capture", suspect->capture);
	json_put(&o, "profile", profile ? profile_json(profile, options) : json_null());
	return o;
}

int sweep_write_json(const struct sweep_report *report, const struct report_options *options,
		     FILE *out)
{
	struct json_object object = json_object_new(), sweep = sweep_object(report);
	json_t *suspects = json_array();
	int err;

	json_put_count(&object, "schema", SCHEMA);
	json_put_object(&object, "sweep", &sweep);
	put_kills(&object, report->pass);
	for (size_t i = 0; suspects && i < report->pass->nr_suspects; i++) {
		struct json_object o = suspect_object(&report->pass->suspects[i], options);

		append(&object, suspects, &o);
	}
	json_put(&object, "suspects", suspects);
	err = json_object_end(&object, out, 0);
	if (!err && fputc('\n', out) == EOF)
		err = -EIO;
	return err ? err : report_finish(out);
}

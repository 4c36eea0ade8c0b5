/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns the JSON contract, which tools/schema/seep-1.schema.json describes field by field
 * and PROFILE_SCHEMA numbers: fields are added, never renamed. Unknown is null; strings
 * are cleaned as label.h says; counters above 2^63-1 are written as that. A site's id is
 * a string of 16 hexadecimal digits, for readers whose numbers end at 2^53.
 *
 * One line is one process or one site, so that line tools work on it, and only one of
 * them is in memory at a time.
 */
#include "report/formats.h"
#include "report/label.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#define DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* An object under construction: a value that could not be made leaves it failed. */
struct object {
	json_t *json;
	bool failed;
};

static struct object object_new(void)
{
	struct object object = { .json = json_object() };

	object.failed = !object.json;
	return object;
}

static void put(struct object *object, const char *key, json_t *value)
{
	if (object->failed)
		json_decref(value);
	else if (json_object_set_new(object->json, key, value) < 0)
		object->failed = true;
}

static void put_count(struct object *object, const char *key, uint64_t value)
{
	put(object, key, json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

static void put_real(struct object *object, const char *key, double value)
{
	put(object, key, isfinite(value) ? json_real(value) : json_null());
}

static void put_known_real(struct object *object, const char *key, double value)
{
	if (value == 0)
		put(object, key, json_null());
	else
		put_real(object, key, value);
}

static void put_known_count(struct object *object, const char *key, uint64_t value)
{
	if (value == 0)
		put(object, key, json_null());
	else
		put_count(object, key, value);
}

static void put_flag(struct object *object, const char *key, bool value)
{
	put(object, key, json_boolean(value));
}

static void put_text(struct object *object, const char *key, const char *text)
{
	char *clean;

	if (!text) {
		put(object, key, json_null());
		return;
	}
	clean = label_clean(text);
	put(object, key, clean ? json_string(clean) : NULL);
	free(clean);
}

/* Writes the object and frees it; `flags` may ask for its fields without the braces. */
static int object_end(struct object *object, FILE *out, size_t flags)
{
	int err = 0;

	if (object->failed)
		err = -ENOMEM;
	else if (json_dumpf(object->json, out, DUMP_FLAGS | flags) < 0)
		err = ferror(out) ? -EIO : -ENOMEM;
	json_decref(object->json);
	return err;
}

static struct object frame_object(const struct profile *profile, const struct profile_frame *frame)
{
	const struct profile_module *module =
		frame->module == PROFILE_NONE ? NULL : &profile->modules[frame->module];
	struct object o = object_new();

	put_text(&o, "function", frame->function);
	put_text(&o, "module", module ? module->path : NULL);
	put_text(&o, "build_id", module ? module->build_id : NULL);
	if (module)
		put_count(&o, "offset", frame->offset);
	else
		put(&o, "offset", json_null());
	put_known_count(&o, "address", frame->address);
	put_text(&o, "file", frame->file);
	put_known_count(&o, "line", frame->line);
	put_flag(&o, "inlined", frame->flags & FRAME_INLINED);
	put_text(&o, "language", frame->language);
	put_flag(&o, "allocator", frame->flags & FRAME_ALLOCATOR);
	put_flag(&o, "guessed", frame->flags & FRAME_GUESSED);
	put_flag(&o, "jit", frame->flags & FRAME_JIT);
	put_flag(&o, "deleted", module && module->deleted);
	return o;
}

static void put_frames(struct object *site_object, const struct profile *profile,
		       const struct profile_stack *stack)
{
	json_t *frames = json_array();

	for (uint32_t i = 0; frames && stack && i < stack->nr_frames; i++) {
		struct object frame = frame_object(profile, &profile->frames[stack->frames[i]]);

		if (frame.failed) {
			json_decref(frame.json);
			site_object->failed = true;
			break;
		}
		if (json_array_append_new(frames, frame.json) < 0)
			site_object->failed = true;
	}
	put(site_object, "frames", frames);
}

static void put_cohorts(struct object *site_object, const struct profile_site *site)
{
	json_t *cohorts = json_array();

	for (uint32_t i = 0; cohorts && i < site->nr_cohorts; i++) {
		const struct profile_cohort *cohort = &site->cohorts[i];
		struct object o = object_new();

		put_real(&o, "begin", cohort->begin);
		put_real(&o, "end", cohort->end);
		put_count(&o, "alloc_bytes", cohort->alloc_bytes);
		put_count(&o, "alloc_count", cohort->alloc_count);
		put_count(&o, "live_bytes", cohort->live_bytes);
		put_count(&o, "live_count", cohort->live_count);
		if (o.failed || json_array_append(cohorts, o.json) < 0)
			site_object->failed = true;
		json_decref(o.json);
	}
	put(site_object, "cohorts", cohorts);
}

static int write_site(const struct profile *profile, const struct profile_site *site, FILE *out)
{
	const struct profile_stack *stack = label_site_stack(profile, site);
	struct object o = object_new();
	char id[17];

	snprintf(id, sizeof(id), "%016" PRIx64, site->id);
	put_text(&o, "id", id);
	put_text(&o, "family", site->family);
	put_text(&o, "operation", site->operation);
	put_known_count(&o, "tid", site->tid);
	put_count(&o, "live_bytes", site->live_bytes);
	put_count(&o, "live_count", site->live_count);
	put_count(&o, "alloc_bytes", site->alloc_bytes);
	put_count(&o, "alloc_count", site->alloc_count);
	put_count(&o, "free_bytes", site->free_bytes);
	put_count(&o, "free_count", site->free_count);
	put_count(&o, "largest", site->largest);
	put_real(&o, "oldest_seconds", site->oldest_seconds);
	put_real(&o, "live_bytes_error", site->live_bytes_error);
	put_real(&o, "live_count_error", site->live_count_error);
	put_real(&o, "growth_rate", site->growth_rate);
	put_text(&o, "verdict", profile_verdict_name(site->verdict));
	put_text(&o, "evidence", site->evidence);
	put_frames(&o, profile, stack);
	put_flag(&o, "stack_known", stack);
	put_flag(&o, "stack_cut", stack && stack->cut);
	put_cohorts(&o, site);
	return object_end(&o, out, 0);
}

static void put_points(struct object *process_object, const struct profile *profile,
		       uint32_t process)
{
	json_t *points = json_array();

	for (size_t i = 0; points && i < profile->nr_points; i++) {
		const struct profile_point *point = &profile->points[i];
		struct object o;

		if (point->process != process)
			continue;
		o = object_new();
		put_real(&o, "seconds", point->seconds);
		put_count(&o, "live_bytes", point->live_bytes);
		put_count(&o, "live_count", point->live_count);
		put_known_count(&o, "rss_bytes", point->rss_bytes);
		if (o.failed || json_array_append(points, o.json) < 0)
			process_object->failed = true;
		json_decref(o.json);
	}
	put(process_object, "points", points);
}

static void put_process_identity(struct object *o, const struct profile *profile,
				 const struct profile_process *process)
{
	put_count(o, "pid", process->pid);
	put_known_count(o, "ns_pid", process->ns_pid);
	if (process->parent == PROFILE_NONE)
		put(o, "parent_pid", json_null());
	else
		put_count(o, "parent_pid", profile->processes[process->parent].pid);
	put_count(o, "generation", process->generation);
	put_text(o, "comm", process->comm);
	put_text(o, "exe", process->exe);
	put_text(o, "container", process->container);
	put_text(o, "cgroup", process->cgroup);
	put_text(o, "runtime", process->runtime);
	put_known_real(o, "started", process->started);
	put_real(o, "seen_seconds", process->seen_seconds);
	put_flag(o, "exited", process->exited);
	if (process->exit_status < 0)
		put(o, "exit_status", json_null());
	else
		put_count(o, "exit_status", process->exit_status);
}

static void put_process_figures(struct object *o, const struct profile_process *process)
{
	put_text(o, "verdict", profile_verdict_name(process->verdict));
	put_text(o, "evidence", process->evidence);
	put_count(o, "live_bytes", process->live_bytes);
	put_count(o, "live_count", process->live_count);
	put_count(o, "alloc_bytes", process->alloc_bytes);
	put_count(o, "alloc_count", process->alloc_count);
	put_count(o, "free_bytes", process->free_bytes);
	put_count(o, "free_count", process->free_count);
	put_count(o, "mapped_bytes", process->mapped_bytes);
	put_count(o, "mapped_count", process->mapped_count);
	put_known_count(o, "rss_bytes", process->rss_bytes);
	put_known_count(o, "rss_start_bytes", process->rss_start_bytes);
	put_count(o, "unmatched_frees", process->unmatched_frees);
	put_count(o, "inherited_frees", process->inherited_frees);
	put_count(o, "missed_frees", process->missed_frees);
	put_count(o, "lost_frees", process->lost_frees);
	put_flag(o, "tainted", process->tainted);
}

static int write_process(const struct profile *profile, uint32_t index,
			 const struct report_options *options, FILE *out)
{
	const struct profile_process *process = &profile->processes[index];
	struct object o = object_new();
	uint32_t *sites;
	size_t nr_sites;
	int err;

	put_process_identity(&o, profile, process);
	put_process_figures(&o, process);
	put_points(&o, profile, index);
	fputc('{', out);
	err = object_end(&o, out, JSON_EMBED);
	if (err)
		return err;
	err = report_sort_sites(profile, index, options->sort, &sites, &nr_sites);
	if (err)
		return err;
	fputs(",\"sites\":[", out);
	for (size_t i = 0; i < nr_sites && !err; i++) {
		fputs(i ? ",\n" : "\n", out);
		err = write_site(profile, &profile->sites[sites[i]], out);
	}
	fputs("]}", out);
	free(sites);
	return err;
}

static int write_capture(const struct profile *profile, FILE *out)
{
	const struct profile_capture *capture = &profile->capture;
	struct object o = object_new();

	put_known_real(&o, "started", capture->started);
	put_real(&o, "seconds", capture->seconds);
	put_text(&o, "mode", capture->mode == PROFILE_SAMPLED ? "sampled" : "exact");
	put_known_count(&o, "sample_bytes", capture->sample_bytes);
	put_text(&o, "command", capture->command);
	put_text(&o, "host", capture->host);
	put_text(&o, "kernel", capture->kernel);
	put_text(&o, "architecture", capture->architecture);
	put_text(&o, "seep_version", capture->seep_version);
	put_flag(&o, "ran_child", capture->ran_child);
	return object_end(&o, out, 0);
}

static void put_skipped(struct object *health_object, const struct profile_health *health)
{
	json_t *skipped = json_array();

	for (size_t i = 0; skipped && i < health->nr_skipped_probes; i++) {
		const struct profile_skipped_probe *probe = &health->skipped_probes[i];
		struct object o = object_new();

		put_known_count(&o, "pid", probe->pid);
		put_text(&o, "module", probe->module);
		put_text(&o, "symbol", probe->symbol);
		put_text(&o, "reason", probe->reason);
		if (o.failed || json_array_append(skipped, o.json) < 0)
			health_object->failed = true;
		json_decref(o.json);
	}
	put(health_object, "skipped_probes", skipped);
}

static int write_health(const struct profile_health *health, FILE *out)
{
	struct object o = object_new();

	put_count(&o, "events", health->events);
	put_count(&o, "dropped", health->dropped);
	put_count(&o, "dropped_allocs", health->dropped_allocs);
	put_count(&o, "dropped_frees", health->dropped_frees);
	put_count(&o, "dropped_stacks", health->dropped_stacks);
	put_count(&o, "dropped_other", health->dropped_other);
	put_count(&o, "unmatched_frees", health->unmatched_frees);
	put_count(&o, "inherited_frees", health->inherited_frees);
	put_count(&o, "missed_frees", health->missed_frees);
	put_count(&o, "entries", health->entries);
	put_count(&o, "returns", health->returns);
	put_count(&o, "abandoned", health->abandoned);
	put_count(&o, "nested", health->nested);
	put_count(&o, "bad_records", health->bad_records);
	put_count(&o, "threads_full", health->threads_full);
	put_count(&o, "spaces_full", health->spaces_full);
	put_count(&o, "stacks_full", health->stacks_full);
	put_count(&o, "stack_collisions", health->stack_collisions);
	put_count(&o, "stack_faults", health->stack_faults);
	put_count(&o, "sampled_full", health->sampled_full);
	put_count(&o, "unsampled", health->unsampled);
	put_count(&o, "blocks_evicted", health->blocks_evicted);
	put_count(&o, "evicted_bytes", health->evicted_bytes);
	put_count(&o, "sites_folded", health->sites_folded);
	put_count(&o, "frames_unnamed", health->frames_unnamed);
	put_count(&o, "frames", health->frames);
	put_count(&o, "collector_bytes", health->collector_bytes);
	put_real(&o, "cpu_seconds", health->cpu_seconds);
	put_real(&o, "traced_share", health->traced_share);
	put_skipped(&o, health);
	return object_end(&o, out, 0);
}

static int write_json(const struct profile *profile, const struct report_options *options,
		      FILE *out)
{
	int err;

	fprintf(out, "{\"schema\":%d,\n\"capture\":", PROFILE_SCHEMA);
	err = write_capture(profile, out);
	if (err)
		return err;
	fputs(",\n\"processes\":[", out);
	for (size_t i = 0; i < profile->nr_processes; i++) {
		fputs(i ? ",\n" : "\n", out);
		err = write_process(profile, i, options, out);
		if (err)
			return err;
	}
	fputs("],\n\"health\":", out);
	err = write_health(&profile->health, out);
	if (err)
		return err;
	fputs("}\n", out);
	return report_finish(out);
}

const struct report_format report_json = {
	.name = "json",
	.extension = "json",
	.summary = "everything, for programs: a contract, numbered by \"schema\"",
	.write = write_json,
};

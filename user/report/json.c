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
#include "report/json.h"
#include "report/formats.h"
#include "report/label.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static struct json_object frame_object(const struct profile *profile,
				       const struct profile_frame *frame)
{
	const struct profile_module *module =
		frame->module == PROFILE_NONE ? NULL : &profile->modules[frame->module];
	struct json_object o = json_object_new();

	json_put_text(&o, "function", frame->function);
	json_put_text(&o, "module", module ? module->path : NULL);
	json_put_text(&o, "build_id", module ? module->build_id : NULL);
	if (module)
		json_put_count(&o, "offset", frame->offset);
	else
		json_put(&o, "offset", json_null());
	json_put_known_count(&o, "address", frame->address);
	json_put_text(&o, "file", frame->file);
	json_put_known_count(&o, "line", frame->line);
	json_put_flag(&o, "inlined", frame->flags & FRAME_INLINED);
	json_put_text(&o, "language", frame->language);
	json_put_flag(&o, "allocator", frame->flags & FRAME_ALLOCATOR);
	json_put_flag(&o, "guessed", frame->flags & FRAME_GUESSED);
	json_put_flag(&o, "jit", frame->flags & FRAME_JIT);
	json_put_flag(&o, "deleted", module && module->deleted);
	return o;
}

void json_put_frames(struct json_object *site_object, const struct profile *profile,
		     const struct profile_stack *stack)
{
	json_t *frames = json_array();

	for (uint32_t i = 0; frames && stack && i < stack->nr_frames; i++) {
		struct json_object frame =
			frame_object(profile, &profile->frames[stack->frames[i]]);

		if (frame.failed) {
			json_decref(frame.json);
			site_object->failed = true;
			break;
		}
		if (json_array_append_new(frames, frame.json) < 0)
			site_object->failed = true;
	}
	json_put(site_object, "frames", frames);
}

static void put_cohorts(struct json_object *site_object, const struct profile_site *site)
{
	json_t *cohorts = json_array();

	for (uint32_t i = 0; cohorts && i < site->nr_cohorts; i++) {
		const struct profile_cohort *cohort = &site->cohorts[i];
		struct json_object o = json_object_new();

		json_put_real(&o, "begin", cohort->begin);
		json_put_real(&o, "end", cohort->end);
		json_put_count(&o, "alloc_bytes", cohort->alloc_bytes);
		json_put_count(&o, "alloc_count", cohort->alloc_count);
		json_put_count(&o, "live_bytes", cohort->live_bytes);
		json_put_count(&o, "live_count", cohort->live_count);
		if (o.failed || json_array_append(cohorts, o.json) < 0)
			site_object->failed = true;
		json_decref(o.json);
	}
	json_put(site_object, "cohorts", cohorts);
}

static int write_site(const struct profile *profile, const struct profile_site *site, FILE *out)
{
	const struct profile_stack *stack = label_site_stack(profile, site);
	struct json_object o = json_object_new();
	char id[17];

	snprintf(id, sizeof(id), "%016" PRIx64, site->id);
	json_put_text(&o, "id", id);
	json_put_text(&o, "family", site->family);
	json_put_text(&o, "operation", site->operation);
	json_put_known_count(&o, "tid", site->tid);
	json_put_count(&o, "live_bytes", site->live_bytes);
	json_put_count(&o, "live_count", site->live_count);
	json_put_count(&o, "alloc_bytes", site->alloc_bytes);
	json_put_count(&o, "alloc_count", site->alloc_count);
	json_put_count(&o, "free_bytes", site->free_bytes);
	json_put_count(&o, "free_count", site->free_count);
	json_put_count(&o, "largest", site->largest);
	json_put_real(&o, "oldest_seconds", site->oldest_seconds);
	json_put_real(&o, "live_bytes_error", site->live_bytes_error);
	json_put_real(&o, "live_count_error", site->live_count_error);
	json_put_count(&o, "leak_bursts", site->leak_bursts);
	if (site->leak_bursts) {
		json_put_real(&o, "leak_share", site->leak_share);
		json_put_real(&o, "leak_share_low", site->leak_share_low);
		json_put_real(&o, "leak_share_high", site->leak_share_high);
	} else {
		json_put(&o, "leak_share", json_null());
		json_put(&o, "leak_share_low", json_null());
		json_put(&o, "leak_share_high", json_null());
	}
	json_put_real(&o, "growth_rate", site->growth_rate);
	json_put_text(&o, "verdict", profile_verdict_name(site->verdict));
	json_put_text(&o, "evidence", site->evidence);
	json_put_frames(&o, profile, stack);
	json_put_flag(&o, "stack_known", stack);
	json_put_flag(&o, "stack_cut", stack && stack->cut);
	json_put_text(&o, "stack_end", stack ? profile_stack_end_name(stack->end) : NULL);
	put_cohorts(&o, site);
	return json_object_end(&o, out, 0);
}

static void put_points(struct json_object *process_object, const struct profile *profile,
		       uint32_t process)
{
	json_t *points = json_array();

	for (size_t i = 0; points && i < profile->nr_points; i++) {
		const struct profile_point *point = &profile->points[i];
		struct json_object o;

		if (point->process != process)
			continue;
		o = json_object_new();
		json_put_real(&o, "seconds", point->seconds);
		json_put_count(&o, "live_bytes", point->live_bytes);
		json_put_count(&o, "live_count", point->live_count);
		json_put_known_count(&o, "rss_bytes", point->rss_bytes);
		if (o.failed || json_array_append(points, o.json) < 0)
			process_object->failed = true;
		json_decref(o.json);
	}
	json_put(process_object, "points", points);
}

static void put_process_identity(struct json_object *o, const struct profile *profile,
				 const struct profile_process *process)
{
	json_put_count(o, "pid", process->pid);
	json_put_known_count(o, "ns_pid", process->ns_pid);
	if (process->parent == PROFILE_NONE)
		json_put(o, "parent_pid", json_null());
	else
		json_put_count(o, "parent_pid", profile->processes[process->parent].pid);
	json_put_count(o, "generation", process->generation);
	json_put_text(o, "comm", process->comm);
	json_put_text(o, "exe", process->exe);
	json_put_text(o, "container", process->container);
	json_put_text(o, "cgroup", process->cgroup);
	json_put_text(o, "runtime", process->runtime);
	json_put_known_real(o, "started", process->started);
	json_put_real(o, "seen_seconds", process->seen_seconds);
	json_put_flag(o, "exited", process->exited);
	if (process->exit_status < 0)
		json_put(o, "exit_status", json_null());
	else
		json_put_count(o, "exit_status", process->exit_status);
}

static void put_process_figures(struct json_object *o, const struct profile_process *process)
{
	json_put_text(o, "verdict", profile_verdict_name(process->verdict));
	json_put_text(o, "evidence", process->evidence);
	json_put_count(o, "live_bytes", process->live_bytes);
	json_put_count(o, "live_count", process->live_count);
	json_put_count(o, "alloc_bytes", process->alloc_bytes);
	json_put_count(o, "alloc_count", process->alloc_count);
	json_put_count(o, "free_bytes", process->free_bytes);
	json_put_count(o, "free_count", process->free_count);
	json_put_count(o, "mapped_bytes", process->mapped_bytes);
	json_put_count(o, "mapped_count", process->mapped_count);
	json_put_known_count(o, "rss_bytes", process->rss_bytes);
	json_put_known_count(o, "rss_start_bytes", process->rss_start_bytes);
	json_put_count(o, "unmatched_frees", process->unmatched_frees);
	json_put_count(o, "inherited_frees", process->inherited_frees);
	json_put_count(o, "repeated_frees", process->repeated_frees);
	json_put_count(o, "missed_frees", process->missed_frees);
	json_put_count(o, "lost_frees", process->lost_frees);
	json_put_flag(o, "tainted", process->tainted);
}

/* Figures of a limit, an allocator or a runtime are null where there is none. */
static void put_process_surroundings(struct json_object *o, const struct profile_process *process)
{
	json_put_text(o, "limit_name", process->limit_name);
	json_put_known_count(o, "limit_bytes", process->limit_bytes);
	if (process->limit_name) {
		json_put_count(o, "limit_used_bytes", process->limit_used_bytes);
		json_put_count(o, "limit_room_bytes", process->limit_room_bytes);
	} else {
		json_put(o, "limit_used_bytes", json_null());
		json_put(o, "limit_room_bytes", json_null());
	}
	json_put_count(o, "limit_hits", process->limit_hits);
	json_put_count(o, "oom_kills", process->oom_kills);
	json_put(o, "oom_killed", json_boolean(process->oom_killed));
	json_put_real(o, "pressure", process->pressure);
	json_put_known_real(o, "limit_seconds", process->limit_seconds);
	json_put_known_real(o, "limit_seconds_low", process->limit_seconds_low);
	json_put_known_real(o, "limit_seconds_high", process->limit_seconds_high);
	json_put_text(o, "allocator", process->allocator);
	json_put_known_count(o, "allocator_held_bytes", process->allocator_held_bytes);
	json_put_known_count(o, "allocator_free_bytes", process->allocator_free_bytes);
	json_put_flag(o, "allocator_at_most", process->allocator_at_most);
	json_put_text(o, "runtime_limit", process->runtime_limit);
	json_put_known_count(o, "runtime_limit_bytes", process->runtime_limit_bytes);
	json_put_text(o, "runtime_verdict", process->runtime_verdict);
	json_put_text(o, "runtime_evidence", process->runtime_evidence);
}

static void put_objects(struct json_object *process_object, const struct profile *profile,
			uint32_t process)
{
	const struct profile_objects *row = profile_objects_of(profile, process);
	struct json_object o;

	if (!row) {
		json_put(process_object, "objects", json_null());
		return;
	}
	o = json_object_new();
	json_put_text(&o, "collected_by", row->collected_by);
	json_put_text(&o, "cause", row->cause);
	json_put_text(&o, "reason", row->reason);
	json_put_count(&o, "looks", row->looks);
	json_put_real(&o, "look_seconds", row->look_seconds);
	json_put_real(&o, "look_cost", row->look_cost);
	json_put_count(&o, "objects", row->objects);
	json_put_count(&o, "objects_before", row->objects_before);
	json_put_text(&o, "collector", row->collector);
	json_put_count(&o, "held", row->held);
	json_put_count(&o, "dead", row->dead);
	json_put_count(&o, "garbage", row->garbage);
	json_put_text(&o, "path", row->path);
	json_put_text(&o, "container", row->container);
	json_put_count(&o, "length", row->length);
	json_put_real(&o, "length_growth", row->length_growth);
	json_put_text(&o, "type", row->type);
	json_put_real(&o, "type_growth", row->type_growth);
	json_put_real(&o, "native_rate", row->native_rate);
	json_put_text(&o, "place", row->place);
	json_put_object(process_object, "objects", &o);
}

static int write_process(const struct profile *profile, uint32_t index,
			 const struct report_options *options, FILE *out)
{
	const struct profile_process *process = &profile->processes[index];
	struct json_object o = json_object_new();
	uint32_t *sites;
	size_t nr_sites;
	int err;

	put_process_identity(&o, profile, process);
	put_process_figures(&o, process);
	put_process_surroundings(&o, process);
	put_objects(&o, profile, index);
	put_points(&o, profile, index);
	fputc('{', out);
	err = json_object_end(&o, out, JSON_EMBED);
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

int json_write_capture(const struct profile *profile, FILE *out)
{
	const struct profile_capture *capture = &profile->capture;
	struct json_object o = json_object_new();

	json_put_known_real(&o, "started", capture->started);
	json_put_real(&o, "seconds", capture->seconds);
	json_put_text(&o, "mode", capture->mode == PROFILE_SAMPLED ? "sampled" : "exact");
	json_put_known_count(&o, "sample_bytes", capture->sample_bytes);
	json_put_text(&o, "command", capture->command);
	json_put_text(&o, "host", capture->host);
	json_put_text(&o, "kernel", capture->kernel);
	json_put_text(&o, "architecture", capture->architecture);
	json_put_text(&o, "seep_version", capture->seep_version);
	json_put_flag(&o, "ran_child", capture->ran_child);
	json_put_known_real(&o, "budget", capture->budget);
	json_put_text(&o, "budget_words", capture->budget_words);
	return json_object_end(&o, out, 0);
}

static void put_skipped(struct json_object *health_object, const struct profile_health *health)
{
	json_t *skipped = json_array();

	for (size_t i = 0; skipped && i < health->nr_skipped_probes; i++) {
		const struct profile_skipped_probe *probe = &health->skipped_probes[i];
		struct json_object o = json_object_new();

		json_put_known_count(&o, "pid", probe->pid);
		json_put_text(&o, "module", probe->module);
		json_put_text(&o, "symbol", probe->symbol);
		json_put_text(&o, "reason", probe->reason);
		if (o.failed || json_array_append(skipped, o.json) < 0)
			health_object->failed = true;
		json_decref(o.json);
	}
	json_put(health_object, "skipped_probes", skipped);
}

static void put_bursts(struct json_object *health_object, const struct profile *profile)
{
	json_t *bursts = json_array();

	for (size_t i = 0; bursts && i < profile->nr_bursts; i++) {
		const struct profile_burst *burst = &profile->bursts[i];
		struct json_object o = json_object_new();

		json_put_real(&o, "begin", burst->begin);
		json_put_real(&o, "end", burst->end);
		json_put_count(&o, "hits", burst->hits);
		json_put_real(&o, "cost_seconds", burst->cost_seconds);
		if (o.failed || json_array_append(bursts, o.json) < 0)
			health_object->failed = true;
		json_decref(o.json);
	}
	json_put(health_object, "bursts", bursts);
}

static int write_health(const struct profile *profile, FILE *out)
{
	const struct profile_health *health = &profile->health;
	struct json_object o = json_object_new();

	json_put_count(&o, "events", health->events);
	json_put_count(&o, "dropped", health->dropped);
	json_put_count(&o, "dropped_allocs", health->dropped_allocs);
	json_put_count(&o, "dropped_frees", health->dropped_frees);
	json_put_count(&o, "dropped_stacks", health->dropped_stacks);
	json_put_count(&o, "dropped_other", health->dropped_other);
	json_put_count(&o, "unmatched_frees", health->unmatched_frees);
	json_put_count(&o, "inherited_frees", health->inherited_frees);
	json_put_count(&o, "repeated_frees", health->repeated_frees);
	json_put_count(&o, "missed_frees", health->missed_frees);
	json_put_count(&o, "entries", health->entries);
	json_put_count(&o, "returns", health->returns);
	json_put_count(&o, "abandoned", health->abandoned);
	json_put_count(&o, "nested", health->nested);
	json_put_count(&o, "bad_records", health->bad_records);
	json_put_count(&o, "threads_full", health->threads_full);
	json_put_count(&o, "spaces_full", health->spaces_full);
	json_put_count(&o, "stacks_full", health->stacks_full);
	json_put_count(&o, "stack_collisions", health->stack_collisions);
	json_put_count(&o, "stack_faults", health->stack_faults);
	json_put_count(&o, "sampled_full", health->sampled_full);
	json_put_count(&o, "unsampled", health->unsampled);
	json_put_count(&o, "blocks_evicted", health->blocks_evicted);
	json_put_count(&o, "evicted_bytes", health->evicted_bytes);
	json_put_count(&o, "sites_folded", health->sites_folded);
	json_put_count(&o, "frames_unnamed", health->frames_unnamed);
	json_put_count(&o, "frames", health->frames);
	json_put_count(&o, "collector_bytes", health->collector_bytes);
	json_put_real(&o, "cpu_seconds", health->cpu_seconds);
	json_put_real(&o, "traced_share", health->traced_share);
	json_put_known_real(&o, "target_seconds", health->target_seconds);
	json_put_known_real(&o, "cost_seconds", health->cost_seconds);
	put_bursts(&o, profile);
	put_skipped(&o, health);
	return json_object_end(&o, out, 0);
}

static int write_json(const struct profile *profile, const struct report_options *options,
		      FILE *out)
{
	int err;

	fprintf(out, "{\"schema\":%d,\n\"capture\":", PROFILE_SCHEMA);
	err = json_write_capture(profile, out);
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
	err = write_health(profile, out);
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

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Owns the answers over many captures as JSON: seep-fleet(1) lists the fields. */
#include "report/fleet.h"
#include "report/formats.h"
#include "report/json.h"
#include "report/label.h"
#include "heap/signature.h"

#include <errno.h>

static struct json_object answer_new(const struct fleet *fleet)
{
	struct json_object answer = json_object_new();

	json_put_count(&answer, "schema", PROFILE_SCHEMA);
	json_put_count(&answer, "sweeps", fleet->nr_sweeps);
	json_put_count(&answer, "captures", fleet->nr_looks);
	return answer;
}

static int answer_end(struct json_object *answer, FILE *out)
{
	int err = json_object_end(answer, out, 0);

	if (err)
		return err;
	fputc('\n', out);
	return report_finish(out);
}

/* NULL and a failed object when out of memory. */
static json_t *array_new(struct json_object *answer)
{
	json_t *array = json_array();

	answer->failed |= !array;
	return array;
}

static void append(struct json_object *answer, json_t *array, struct json_object *row)
{
	answer->failed |= row->failed || json_array_append_new(array, row->json) < 0;
	if (row->failed)
		json_decref(row->json);
}

static void put_signature(struct json_object *object, const char *key, uint64_t signature)
{
	struct signature_text text;

	json_put_text(object, key, signature_write(&text, signature));
}

/* NULL for what is not known. */
static void put_known_text(struct json_object *object, const char *key, const char *text)
{
	json_put_text(object, key, *text ? text : NULL);
}

static void put_program(struct json_object *object, const struct fleet_program *program)
{
	json_put_text(object, "exe", program->exe);
	put_known_text(object, "build_id", program->build_id);
	put_known_text(object, "version", program->version);
}

static void put_example(struct json_object *object, const struct fleet *fleet,
			const struct fleet_sighting *latest, const struct profile *example)
{
	uint32_t place = example ? label_place(example, &example->sites[0]) : PROFILE_NONE;
	char *name = place == PROFILE_NONE ? NULL : label_frame(example, &example->frames[place]);

	put_program(object, &fleet->programs[fleet->looks[latest->look].program]);
	json_put_text(object, "verdict", profile_verdict_name(latest->verdict));
	json_put_text(object, "function", name);
	json_put_text(object, "family", example ? example->sites[0].family : NULL);
	json_put_text(object, "evidence", example ? example->sites[0].evidence : NULL);
	if (example)
		json_put_frames(object, example, label_site_stack(example, &example->sites[0]));
	free(name);
}

static void put_site(struct json_object *object, const struct fleet_site *site)
{
	json_put_count(object, "times_growing", site->accused);
	json_put_count(object, "times_seen", site->seen);
	json_put_count(object, "captures_of_programs", site->looks);
	json_put_count(object, "processes", site->processes);
	json_put_real(object, "weighted_processes", site->weighted_processes);
	json_put_count(object, "hosts", site->hosts);
	json_put_count(object, "builds", site->builds);
	json_put_real(object, "first_seen", site->first_seen);
	json_put_real(object, "last_seen", site->last_seen);
	json_put_real(object, "bytes_per_second", site->growth);
	json_put_real(object, "score", site->score);
}

int report_fleet_top_json(const struct fleet_top *top, FILE *out)
{
	struct json_object answer = answer_new(top->fleet);
	json_t *sites = array_new(&answer);

	json_put_count(&answer, "sites_in_all", top->nr);
	for (size_t i = 0; i < top->nr_shown && sites; i++) {
		const struct fleet_site *site = &top->sites[i];
		struct json_object row = json_object_new();

		put_signature(&row, "site", site->names);
		put_signature(&row, "signature", site->signature);
		put_site(&row, site);
		put_example(&row, top->fleet, &top->fleet->sightings[site->latest],
			    top->examples[i]);
		append(&answer, sites, &row);
	}
	json_put(&answer, "sites", sites);
	return answer_end(&answer, out);
}

static void append_sighting(struct json_object *answer, json_t *array,
			    const struct fleet_history *history, size_t i)
{
	const struct fleet *fleet = history->fleet;
	const struct fleet_sighting *one = &fleet->sightings[history->sightings[i]];
	const struct fleet_look *look = &fleet->looks[one->look];
	struct json_object row = json_object_new();

	json_put_count(&row, "capture", look->capture);
	json_put_real(&row, "started", look->started);
	json_put_text(&row, "host", look->host);
	json_put_count(&row, "pid", one->pid);
	put_program(&row, &fleet->programs[look->program]);
	put_signature(&row, "signature", one->signature);
	json_put_text(&row, "verdict", profile_verdict_name(one->verdict));
	json_put_text(&row, "evidence", history->evidence[i]);
	json_put_real(&row, "bytes_per_second", one->growth);
	json_put_count(&row, "live_bytes", one->live_bytes);
	append(answer, array, &row);
}

int report_fleet_history_json(const struct fleet_history *history, FILE *out)
{
	struct json_object answer = answer_new(history->fleet);
	json_t *sightings = array_new(&answer);

	put_signature(&answer, "site", history->names);
	if (history->site)
		put_site(&answer, history->site);
	put_example(&answer, history->fleet, &history->fleet->sightings[history->sightings[0]],
		    history->example);
	json_put_count(&answer, "sightings_in_all", history->nr);
	for (size_t i = 0; i < history->nr_shown && sightings; i++)
		append_sighting(&answer, sightings, history, i);
	json_put(&answer, "sightings", sightings);
	return answer_end(&answer, out);
}

static struct json_object side_new(const struct fleet_side *side)
{
	struct json_object object = json_object_new();

	json_put_count(&object, "captures", side->looks);
	json_put_count(&object, "times_seen", side->seen);
	json_put_count(&object, "times_growing", side->accused);
	json_put_real(&object, "median_bytes_per_second", side->growth);
	json_put_real(&object, "mean_bytes_per_second", side->mean);
	return object;
}

static void put_builds(struct json_object *answer, const char *key, const struct fleet *fleet,
		       const bool *programs)
{
	json_t *builds = array_new(answer);

	for (size_t i = 0; i < fleet->nr_programs && builds; i++) {
		struct json_object row;

		if (!programs[i])
			continue;
		row = json_object_new();
		put_program(&row, &fleet->programs[i]);
		append(answer, builds, &row);
	}
	json_put(answer, key, builds);
}

int report_fleet_comparison_json(const struct fleet_comparison *comparison, FILE *out)
{
	struct json_object answer = answer_new(comparison->fleet);
	json_t *sites = array_new(&answer);

	put_builds(&answer, "from", comparison->fleet, comparison->before);
	put_builds(&answer, "to", comparison->fleet, comparison->after);
	json_put_count(&answer, "sites_in_all", comparison->nr);
	for (size_t i = 0; i < comparison->nr_shown && sites; i++) {
		const struct fleet_difference *one = &comparison->differences[i];
		struct json_object row = json_object_new(), before = side_new(&one->before),
				   after = side_new(&one->after);

		put_signature(&row, "site", one->names);
		json_put_text(&row, "change", fleet_change_name(one->change));
		json_put_real(&row, "chance", one->chance);
		json_put_object(&row, "before", &before);
		json_put_object(&row, "after", &after);
		put_example(&row, comparison->fleet, &comparison->fleet->sightings[one->latest],
			    comparison->examples[i]);
		append(&answer, sites, &row);
	}
	json_put(&answer, "sites", sites);
	return answer_end(&answer, out);
}

int report_fleet_list_json(const struct fleet_list *list, FILE *out)
{
	struct json_object answer = answer_new(list->fleet);
	json_t *builds = array_new(&answer);

	for (size_t i = 0; i < list->nr && builds; i++) {
		const struct fleet_build *build = &list->builds[i];
		struct json_object row = json_object_new();

		put_program(&row, &list->fleet->programs[build->program]);
		json_put_count(&row, "captures", build->looks);
		json_put_count(&row, "processes", build->processes);
		json_put_count(&row, "sites_growing", build->accused);
		json_put_real(&row, "first_seen", build->first_seen);
		json_put_real(&row, "last_seen", build->last_seen);
		append(&answer, builds, &row);
	}
	json_put(&answer, "builds", builds);
	return answer_end(&answer, out);
}

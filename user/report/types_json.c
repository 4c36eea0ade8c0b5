// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the JSON of censuses, a contract as that of the tracer's reports is: fields are
 * added, never renamed, and what is not known is null. seep-types(1) lists them.
 */
#include <errno.h>

#include "report/json.h"
#include "report/types.h"

enum { SCHEMA = 1 };

static void put_known(struct json_object *object, const char *key, int64_t value)
{
	json_put(object, key, value < 0 ? json_null() : json_integer(value));
}

static void put_integer(struct json_object *object, const char *key, int64_t value)
{
	json_put(object, key, json_integer(value));
}

static void put_generations(struct json_object *object, const struct runtime_gc *gc)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < gc->nr_generations; i++) {
		const struct runtime_generation *g = &gc->generations[i];
		struct json_object item = json_object_new();

		put_known(&item, "threshold", g->threshold);
		put_known(&item, "count", g->count);
		put_known(&item, "collections", g->collections);
		put_known(&item, "collected", g->collected);
		put_known(&item, "uncollectable", g->uncollectable);
		json_append(object, array, &item);
	}
	json_put(object, "generations", array);
}

static void put_gc(struct json_object *object, const struct runtime_gc *gc)
{
	struct json_object part;

	if (!gc) {
		json_put(object, "gc", json_null());
		return;
	}
	part = json_object_new();
	json_put(&part, "enabled", gc->enabled < 0 ? json_null() : json_boolean(gc->enabled));
	put_generations(&part, gc);
	put_known(&part, "garbage", gc->garbage);
	put_known(&part, "frozen", gc->frozen);
	json_put_count(&part, "interpreters", gc->interpreters);
	json_put_text(&part, "caveat", gc->caveat);
	json_put_object(object, "gc", &part);
}

static void put_type(struct json_object *object, json_t *array, const struct census_type *type)
{
	struct json_object item = json_object_new();

	json_put_text(&item, "type", type->name);
	json_put_count(&item, "count", type->count);
	json_put_count(&item, "bytes", type->bytes);
	json_put(&item, "delta", json_null());
	json_put(&item, "rate", json_null());
	json_append(object, array, &item);
}

static void put_grown_type(struct json_object *object, json_t *array,
			   const struct growth_type *type)
{
	struct json_object item = json_object_new();

	json_put_text(&item, "type", type->name);
	json_put_count(&item, "count", type->count);
	json_put_count(&item, "bytes", type->bytes);
	put_integer(&item, "delta", type->delta);
	json_put_real(&item, "rate", type->rate);
	put_integer(&item, "bytes_delta", type->bytes_delta);
	put_integer(&item, "last_delta", type->last_delta);
	put_integer(&item, "above_peak", type->above_peak);
	json_put_flag(&item, "new", type->is_new);
	json_put_text(&item, "trend", growth_trend_name(type->trend));
	json_append(object, array, &item);
}

static void put_types(struct json_object *object, const struct types_report *report,
		      const struct types_process *p)
{
	bool grown = p->growth && p->growth->censuses > 1;
	size_t nr = grown ? p->growth->nr_types : p->census ? p->census->nr_types : 0;
	json_t *array = json_array();

	for (size_t i = 0; array && i < nr && (!report->limit || i < report->limit); i++) {
		if (grown)
			put_grown_type(object, array, &p->growth->types[i]);
		else
			put_type(object, array, &p->census->types[i]);
	}
	json_put(object, "types", array);
}

static void put_growth(struct json_object *object, const struct growth *growth)
{
	struct json_object part;

	if (!growth || growth->censuses < 2) {
		json_put(object, "growth", json_null());
		return;
	}
	part = json_object_new();
	json_put_count(&part, "censuses", growth->censuses);
	json_put_real(&part, "seconds", growth->seconds);
	put_integer(&part, "delta", growth->delta);
	json_put_real(&part, "rate", growth->rate);
	put_integer(&part, "bytes_delta", growth->bytes_delta);
	json_put_text(&part, "verdict", growth_verdict_name(growth->verdict));
	json_put_text(&part, "leader", growth->leader ? growth->leader->name : NULL);
	json_put_object(object, "growth", &part);
}

static void put_how(struct json_object *object, const struct census *census)
{
	json_put_flag(object, "exact", census->consistent && !census->types_dropped);
	json_put_count(object, "tries", census->tries);
	json_put_real(object, "seconds", census->seconds);
	json_put_real(object, "paused_seconds", census->paused ? census->pause_seconds : 0);
	json_put_count(object, "bytes_read", census->bytes_read);
}

static struct json_object process_object(const struct types_report *report,
					 const struct types_process *p)
{
	struct json_object object = json_object_new();

	if (p->pid) {
		put_integer(&object, "pid", p->pid);
		json_put_text(&object, "comm", p->comm);
		json_put_text(&object, "runtime", p->runtime);
		json_put_text(&object, "version", p->version);
		json_put_text(&object, "error", p->error);
	}
	if (p->census) {
		json_put_count(&object, "objects", p->census->objects);
		json_put_count(&object, "bytes", p->census->bytes);
		put_how(&object, p->census);
	}
	if (p->pid)
		put_gc(&object, p->gc);
	put_growth(&object, p->growth);
	put_types(&object, report, p);
	return object;
}

int types_write_json(const struct types_report *report, FILE *out)
{
	struct json_object object = json_object_new();
	json_t *processes = json_array();
	int err;

	put_integer(&object, "schema", SCHEMA);
	for (size_t i = 0; processes && i < report->nr; i++) {
		struct json_object process = process_object(report, &report->processes[i]);

		json_append(&object, processes, &process);
	}
	json_put(&object, "processes", processes);
	if (report->together) {
		struct json_object together = process_object(report, report->together);

		json_put_object(&object, "together", &together);
	}
	err = json_object_end(&object, out, 0);
	if (!err && (fputc('\n', out) == EOF || fflush(out)))
		err = -EIO;
	return err;
}

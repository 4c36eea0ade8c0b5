// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the JSON of holders, a contract: fields are added, never renamed, and what is not
 * known is null. seep-why(1) lists them.
 */
#include <errno.h>

#include "report/json.h"
#include "report/why.h"

enum { SCHEMA = 1 };

static void put_growth(struct json_object *item, const struct why_container *c)
{
	if (!c->has_growth) {
		json_put(item, "growth", json_null());
		json_put(item, "rate", json_null());
		json_put(item, "trend", json_null());
		json_put(item, "new", json_null());
		return;
	}
	json_put(item, "growth", json_integer(c->growth.delta));
	json_put_real(item, "rate", c->growth.rate);
	json_put_text(item, "trend", growth_trend_name(c->growth.trend));
	json_put_flag(item, "new", c->growth.is_new);
}

static void put_holds(struct json_object *object, const struct why_container *c)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < c->nr_holds; i++) {
		struct json_object item = json_object_new();

		json_put_text(&item, "type", c->holds[i].type);
		json_put_real(&item, "share", c->holds[i].share);
		json_append(object, array, &item);
	}
	json_put(object, "holds", array);
}

static void put_containers(struct json_object *object, const struct why *why)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < why->nr_containers; i++) {
		const struct why_container *c = &why->containers[i];
		struct json_object item = json_object_new();

		json_put_text(&item, "type", c->type);
		json_put_count(&item, "length", c->length);
		json_put_count(&item, "bytes", c->bytes);
		json_put(&item, "capacity",
			 c->capacity < 0 ? json_null() : json_integer(c->capacity));
		put_growth(&item, c);
		json_put_text(&item, "path", c->path);
		json_put_text(&item, "shape", c->shape);
		json_put_text(&item, "root", c->root);
		put_holds(&item, c);
		json_append(object, array, &item);
	}
	json_put(object, "containers", array);
}

static void put_types(struct json_object *object, const char *key, const struct census *census,
		      uint64_t bytes, size_t limit)
{
	struct json_object part = json_object_new();
	json_t *array = json_array();

	json_put_count(&part, "objects", census->objects);
	json_put_count(&part, "bytes", bytes);
	for (size_t i = 0; array && i < census->nr_types && (!limit || i < limit); i++) {
		struct json_object item = json_object_new();

		json_put_text(&item, "type", census->types[i].name);
		json_put_count(&item, "count", census->types[i].count);
		json_append(&part, array, &item);
	}
	json_put(&part, "types", array);
	json_put_object(object, key, &part);
}

static void put_unreached(struct json_object *object, const struct why *why, size_t limit)
{
	struct json_object part = json_object_new();

	put_types(&part, "held", why->held, why->held_bytes, limit);
	put_types(&part, "cycles", why->dead, why->dead_bytes, limit);
	put_types(&part, "uncollectable", why->garbage, why->garbage->bytes, limit);
	json_put_object(object, "unreached", &part);
}

static void put_paths(struct json_object *object, const struct why *why, const char *type,
		      size_t limit)
{
	struct json_object part = json_object_new();
	json_t *array = json_array();

	json_put_text(&part, "type", type);
	json_put_count(&part, "objects", why->of_type);
	json_put_count(&part, "sampled", why->sampled);
	for (size_t i = 0; array && i < why->nr_paths && (!limit || i < limit); i++) {
		struct json_object item = json_object_new();

		json_put_text(&item, "shape", why->paths[i].shape);
		json_put_count(&item, "count", why->paths[i].count);
		json_put_text(&item, "example", why->paths[i].example);
		json_put_text(&item, "root", why->paths[i].root);
		json_append(&part, array, &item);
	}
	json_put(&part, "shapes", array);
	json_put_object(object, "paths", &part);
}

static void put_verdict(struct json_object *object, const struct cause *cause)
{
	struct json_object part = json_object_new();

	json_put_text(&part, "cause", cause_name(cause->kind));
	json_put(&part, "objects", json_integer(cause->objects));
	json_put_real(&part, "rate", cause->rate);
	json_put_object(object, "verdict", &part);
}

static void put_look(struct json_object *object, const struct why_report *report,
		     const struct why_process *p)
{
	json_put_count(object, "objects", p->why->objects);
	json_put_count(object, "bytes", p->why->bytes);
	json_put_flag(object, "exact", p->why->consistent && !p->why->cut);
	json_put_real(object, "seconds", p->why->seconds);
	json_put_count(object, "bytes_read", p->why->bytes_read);
	json_put_count(object, "memory", p->why->memory);
	json_put_count(object, "looks", p->log ? p->log->looks : 0);
	put_containers(object, p->why);
	put_unreached(object, p->why, report->limit);
	if (report->type)
		put_paths(object, p->why, report->type, report->limit);
	put_verdict(object, &p->why->cause);
}

int why_write_json(const struct why_report *report, FILE *out)
{
	struct json_object object = json_object_new();
	json_t *processes = json_array();
	int err;

	json_put(&object, "schema", json_integer(SCHEMA));
	for (size_t i = 0; processes && i < report->nr; i++) {
		const struct why_process *p = &report->processes[i];
		struct json_object item = json_object_new();

		json_put(&item, "pid", json_integer(p->pid));
		json_put_text(&item, "comm", p->comm);
		json_put_text(&item, "runtime", p->runtime);
		json_put_text(&item, "version", p->version);
		json_put_text(&item, "error", p->error);
		if (p->why)
			put_look(&item, report, p);
		json_append(&object, processes, &item);
	}
	json_put(&object, "processes", processes);
	err = json_object_end(&object, out, 0);
	if (!err && (fputc('\n', out) == EOF || fflush(out)))
		err = -EIO;
	return err;
}

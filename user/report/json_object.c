/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Owns how values become JSON: cleaned strings, null for what is unknown, errors kept. */
#include "report/json.h"
#include "report/label.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15))

struct json_object json_object_new(void)
{
	struct json_object object = { .json = json_object() };

	object.failed = !object.json;
	return object;
}

void json_put(struct json_object *object, const char *key, json_t *value)
{
	if (object->failed)
		json_decref(value);
	else if (json_object_set_new(object->json, key, value) < 0)
		object->failed = true;
}

void json_put_object(struct json_object *object, const char *key, struct json_object *part)
{
	object->failed |= part->failed;
	json_put(object, key, part->json);
}

void json_append(struct json_object *object, json_t *array, struct json_object *item)
{
	object->failed |= item->failed;
	if (json_array_append_new(array, item->json))
		object->failed = true;
}

void json_put_count(struct json_object *object, const char *key, uint64_t value)
{
	json_put(object, key, json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

void json_put_real(struct json_object *object, const char *key, double value)
{
	json_put(object, key, isfinite(value) ? json_real(value) : json_null());
}

void json_put_known_real(struct json_object *object, const char *key, double value)
{
	if (value == 0)
		json_put(object, key, json_null());
	else
		json_put_real(object, key, value);
}

void json_put_known_count(struct json_object *object, const char *key, uint64_t value)
{
	if (value == 0)
		json_put(object, key, json_null());
	else
		json_put_count(object, key, value);
}

void json_put_flag(struct json_object *object, const char *key, bool value)
{
	json_put(object, key, json_boolean(value));
}

void json_put_text(struct json_object *object, const char *key, const char *text)
{
	char *clean;

	if (!text) {
		json_put(object, key, json_null());
		return;
	}
	clean = label_clean(text);
	json_put(object, key, clean ? json_string(clean) : NULL);
	free(clean);
}

int json_object_end(struct json_object *object, FILE *out, size_t flags)
{
	int err = 0;

	if (object->failed)
		err = -ENOMEM;
	else if (json_dumpf(object->json, out, DUMP_FLAGS | flags) < 0)
		err = ferror(out) ? -EIO : -ENOMEM;
	json_decref(object->json);
	return err;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* JSON objects under construction, and the parts of the contract that others write too. */
#ifndef SEEP_REPORT_JSON_H
#define SEEP_REPORT_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "heap/profile.h"

/* A value that could not be made leaves the object failed; its end says -ENOMEM. */
struct json_object {
	json_t *json;
	bool failed;
};

struct json_object json_object_new(void);
/* Takes the value over. */
void json_put(struct json_object *object, const char *key, json_t *value);
/* Takes the part over. */
void json_put_object(struct json_object *object, const char *key, struct json_object *part);
/* Takes the item over, into an array that is to be put into the object. */
void json_append(struct json_object *object, json_t *array, struct json_object *item);
void json_put_count(struct json_object *object, const char *key, uint64_t value);
void json_put_real(struct json_object *object, const char *key, double value);
/* The same with null for 0, which means unknown. */
void json_put_known_count(struct json_object *object, const char *key, uint64_t value);
void json_put_known_real(struct json_object *object, const char *key, double value);
void json_put_flag(struct json_object *object, const char *key, bool value);
/* Cleaned; NULL is null. */
void json_put_text(struct json_object *object, const char *key, const char *text);
/* "frames", leaf first; none for a NULL stack. */
void json_put_frames(struct json_object *object, const struct profile *profile,
		     const struct profile_stack *stack);
/* Writes the object on one line and frees it; `flags` as JSON_EMBED. 0 or -errno. */
int json_object_end(struct json_object *object, FILE *out, size_t flags);

/* The "capture" object. 0 or -errno. */
int json_write_capture(const struct profile *profile, FILE *out);

#endif

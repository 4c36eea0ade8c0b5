// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the table of settings: name, kind, bounds, and where the value goes. Options and the file
 * both end here, so that neither can know a name or a value that the other does not.
 */
#include "sweep/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"
#include "base/strpool.h"

#define ITEMS(array) (sizeof(array) / sizeof(*(array)))
#define MEMBER(field) offsetof(struct sweep_settings, field)

enum kind {
	SECONDS,
	PERCENT, /* or off, which is 0 */
	SHARE,
	COUNT,
	BYTES,
	SWITCH,
	TEXT,
	PATTERNS,
	FORMAT,
};

struct setting {
	const char *name;
	enum kind kind;
	size_t member;
	double least, most; /* of numbers */
	const char *allowed;
};

#define DAY 86400.0
#define YEARS (100 * 365 * DAY)

static const struct setting table[] = {
	{ "triage", SECONDS, MEMBER(triage), 1, DAY, "a time from 1s to 1d" },
	{ "trace", SECONDS, MEMBER(trace), 1, DAY, "a time from 1s to 1d" },
	{ "every", SECONDS, MEMBER(every), 1, 365 * DAY, "a time from 1s to 365d" },
	{ "jitter", SECONDS, MEMBER(jitter), 0, 7 * DAY, "a time from 0 to 7d" },
	{ "keep", SECONDS, MEMBER(keep), 0, YEARS, "a time (as in 12h, 30d); 0 for ever" },
	{ "budget", PERCENT, MEMBER(budget), 0.01, 100, "a percentage from 0.01 to 100, or off" },
	{ "own-budget", PERCENT, MEMBER(own_budget), 0.01, 100,
	  "a percentage of one core from 0.01 to 100, or off" },
	{ "probability", SHARE, MEMBER(probability), 1e-6, 1,
	  "a number from 0.000001 to 1, as 0.25" },
	{ "top", COUNT, MEMBER(top), 0, 64, "a number from 0 to 64" },
	{ "count", COUNT, MEMBER(passes), 1, 1e9, "a number from 1 to 1000000000" },
	{ "least-growth", BYTES, MEMBER(least_growth), 1, 1e18,
	  "a number of bytes (as in 4096, 64K, 1.5M)" },
	{ "max-memory", BYTES, MEMBER(max_memory), 1 << 20, 1e18,
	  "a number of bytes from 1M (as in 64M, 1G)" },
	{ "store-size", BYTES, MEMBER(store_size), 1 << 20, 1e18,
	  "a number of bytes from 1M (as in 256M, 1G)" },
	{ "no-store", SWITCH, MEMBER(no_store), 0, 0, "yes or no" },
	{ "no-objects", SWITCH, MEMBER(no_objects), 0, 0, "yes or no" },
	{ "init", SWITCH, MEMBER(init), 0, 0, "yes or no" },
	{ "quiet", SWITCH, MEMBER(quiet), 0, 0, "yes or no" },
	{ "store", TEXT, MEMBER(store), 0, 0, "a path" },
	{ "suppressions", TEXT, MEMBER(suppressions), 0, 0, "a path" },
	{ "only", PATTERNS, MEMBER(only), 0, 0,
	  "comm:GLOB, exe:GLOB, cgroup:GLOB or GLOB, of at most 255 bytes" },
	{ "exclude", PATTERNS, MEMBER(exclude), 0, 0,
	  "comm:GLOB, exe:GLOB, cgroup:GLOB or GLOB, of at most 255 bytes" },
	{ "format", FORMAT, MEMBER(json), 0, 0, "text or json" },
};

_Static_assert(ITEMS(table) <= SWEEP_SETTINGS_MOST, "there is a source for each");

int sweep_settings_init(struct sweep_settings *settings)
{
	*settings = (struct sweep_settings){
		.triage = 30,
		.trace = 60,
		.keep = 90 * DAY,
		.budget = 2,
		.own_budget = 2,
		.probability = 1,
		.top = 3,
		.least_growth = 1 << 20,
		.max_memory = 64 << 20,
		.store_size = 256 << 20,
	};
	settings->strings = strpool_new();
	return settings->strings ? 0 : -ENOMEM;
}

void sweep_settings_release(struct sweep_settings *settings)
{
	sweep_patterns_release(&settings->only);
	sweep_patterns_release(&settings->exclude);
	strpool_free(settings->strings);
	settings->strings = NULL;
}

static const struct setting *find(const char *name)
{
	for (size_t i = 0; i < ITEMS(table); i++)
		if (!strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

bool sweep_setting_is_switch(const char *name)
{
	const struct setting *setting = find(name);

	return setting && setting->kind == SWITCH;
}

static int set_number(const struct setting *setting, const char *text, void *member)
{
	double value = 0;
	bool good;

	if (setting->kind == PERCENT && !strcmp(text, "off")) {
		*(double *)member = 0;
		return 0;
	}
	good = setting->kind == SECONDS ? quantity_seconds(text, &value)
					: quantity_percent(text, &value);
	if (setting->kind == SHARE && strchr(text, '%'))
		good = false;
	if (!good || value < setting->least || value > setting->most)
		return -EINVAL;
	*(double *)member = value;
	return 0;
}

static int set_whole(const struct setting *setting, const char *text, void *member)
{
	uint64_t value = 0;
	bool good = setting->kind == BYTES ? quantity_bytes(text, &value)
					   : quantity_count(text, &value);

	if (!good || (double)value < setting->least || (double)value > setting->most)
		return -EINVAL;
	*(uint64_t *)member = value;
	return 0;
}

static int set_choice(const char *text, const char *on, const char *off, void *member)
{
	if (text && strcmp(text, on) && strcmp(text, off))
		return -EINVAL;
	*(bool *)member = !text || !strcmp(text, on);
	return 0;
}

static int set_text(struct sweep_settings *settings, const char *text, void *member)
{
	const char *copy = strpool_add(settings->strings, text);

	if (!*text)
		return -EINVAL;
	if (!copy)
		return -ENOMEM;
	*(const char **)member = copy;
	return 0;
}

static int add_pattern(struct sweep_settings *settings, const char *text, bool anew, void *member)
{
	struct sweep_patterns *patterns = member;
	const char *copy = strpool_add(settings->strings, text);

	if (!copy)
		return -ENOMEM;
	if (anew)
		sweep_patterns_release(patterns);
	return sweep_patterns_add(patterns, copy);
}

static int set(struct sweep_settings *settings, const struct setting *setting, const char *value,
	       bool anew)
{
	void *member = (char *)settings + setting->member;

	if (!value && setting->kind != SWITCH)
		return -EINVAL;
	switch (setting->kind) {
	case SECONDS:
	case PERCENT:
	case SHARE:
		return set_number(setting, value, member);
	case COUNT:
	case BYTES:
		return set_whole(setting, value, member);
	case SWITCH:
		return set_choice(value, "yes", "no", member);
	case FORMAT:
		return set_choice(value, "json", "text", member);
	case PATTERNS:
		return add_pattern(settings, value, anew, member);
	case TEXT:
		break;
	}
	return set_text(settings, value, member);
}

static char *names_of_all(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < ITEMS(table); i++)
		fprintf(out, "%s%s", i ? ", " : "", table[i].name);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static int refuse_name(const char *name, char **ret_message)
{
	char *names = names_of_all();

	*ret_message = NULL;
	if (!names ||
	    asprintf(ret_message, "there is no setting '%.64s'; there are %s", name, names) < 0)
		*ret_message = NULL;
	free(names);
	return -ENOENT;
}

static int refuse(const struct setting *setting, const char *value, int err, char **ret_message)
{
	int length = -1;

	*ret_message = NULL;
	if (err == -EEXIST)
		length = asprintf(ret_message, "%s: is given twice", setting->name);
	else if (err == -E2BIG)
		length = asprintf(ret_message, "%s: more than %d", setting->name,
				  SWEEP_PATTERNS_MOST);
	else if (err == -EINVAL)
		length = asprintf(ret_message, "%s: '%.64s' is not %s", setting->name,
				  value ? value : "", setting->allowed);
	if (length < 0)
		*ret_message = NULL;
	return err;
}

int sweep_settings_set(struct sweep_settings *settings, enum sweep_source source, const char *name,
		       const char *value, char **ret_message)
{
	const struct setting *setting = find(name);
	enum sweep_source *was;
	int err = 0;

	if (!setting)
		return refuse_name(name, ret_message);
	was = &settings->sources[setting - table];
	/* A value is looked at even where another one wins: a wrong file stays wrong. */
	if (source < *was) {
		struct sweep_settings tried = { .strings = settings->strings };

		err = set(&tried, setting, value, true);
		sweep_patterns_release(&tried.only);
		sweep_patterns_release(&tried.exclude);
	} else if (source == SWEEP_BY_FILE && *was == source && setting->kind != PATTERNS) {
		err = -EEXIST;
	} else {
		err = set(settings, setting, value, *was != source);
	}
	if (err)
		return refuse(setting, value, err, ret_message);
	if (source > *was)
		*was = source;
	return 0;
}

static enum sweep_source source_of(const struct sweep_settings *settings, const char *name)
{
	return settings->sources[find(name) - table];
}

int sweep_settings_check(struct sweep_settings *settings, char **ret_message)
{
	const char *wrong = NULL;

	if (settings->store && source_of(settings, "store") > source_of(settings, "no-store"))
		settings->no_store = false;
	if (settings->passes && !settings->every)
		wrong = "count: is of passes, and needs every";
	else if (settings->store && settings->no_store &&
		 source_of(settings, "store") == source_of(settings, "no-store"))
		wrong = "store and no-store exclude each other";
	else if (settings->every && settings->jitter > settings->every)
		wrong = "jitter: is longer than every";
	if (!wrong)
		return 0;
	*ret_message = strdup(wrong);
	return -EINVAL;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the file of suppressions and what one matches. A finding is never thrown away here: who
 * asks counts it, and says which line has hidden it.
 */
#include "sweep/suppressions.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "heap/signature.h"
#include "sweep/pattern.h"
#include "sweep/text_file.h"

static const char *const prefixes[] = {
	[SUPPRESS_FUNCTION] = "function:",
	[SUPPRESS_MODULE] = "module:",
	[SUPPRESS_SIGNATURE] = "signature:",
};

static const char *const allowed =
	"this is not function:GLOB, module:GLOB or signature:HEX with an optional # COMMENT";

static int refuse(const char *name, unsigned int line, const char *what, char **ret_message)
{
	if (asprintf(ret_message, "%s:%u: %s", name, line, what) < 0)
		*ret_message = NULL;
	return -EINVAL;
}

/* Where the comment begins: a "#" at the start or after a blank. Functions have "#" within. */
static size_t length_without_comment(const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (line[i] == '#' && (!i || line[i - 1] == ' ' || line[i - 1] == '\t'))
			return i;
	return length;
}

static void trim(const char **text, size_t *length)
{
	while (*length && (**text == ' ' || **text == '\t')) {
		(*text)++;
		(*length)--;
	}
	while (*length && ((*text)[*length - 1] == ' ' || (*text)[*length - 1] == '\t'))
		(*length)--;
}

static bool parse_signature(const char *text, uint64_t *ret_signature)
{
	if (strlen(text) != 16 || strspn(text, "0123456789abcdefABCDEF") != 16)
		return false;
	*ret_signature = strtoull(text, NULL, 16);
	return true;
}

/* The kind and what follows it. False: not a rule. */
static bool understand(struct suppression *item)
{
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		size_t length = strlen(prefixes[i]);

		if (strncmp(item->text, prefixes[i], length) != 0 || !item->text[length])
			continue;
		item->kind = i;
		item->glob = item->text + length;
		return i != SUPPRESS_SIGNATURE || parse_signature(item->glob, &item->signature);
	}
	return false;
}

static void release(struct suppression *item)
{
	free(item->text);
	free(item->comment);
}

/* One line that says something. 0, -EINVAL (no rule), -ENOMEM. */
static int add(struct suppressions *s, unsigned int number, const char *line, size_t length)
{
	size_t without = length_without_comment(line, length), rest = length - without;
	const char *comment = line + without;
	struct suppression item = { .line = number }, *slot;

	trim(&line, &without);
	if (rest) {
		comment++;
		rest--;
		trim(&comment, &rest);
	}
	item.text = strndup(line, without);
	item.comment = rest ? strndup(comment, rest) : NULL;
	if (!item.text || (rest && !item.comment)) {
		release(&item);
		return -ENOMEM;
	}
	if (!understand(&item)) {
		release(&item);
		return -EINVAL;
	}
	slot = vec_push(&s->items, &s->nr, &s->cap);
	if (!slot) {
		release(&item);
		return -ENOMEM;
	}
	*slot = item;
	return 0;
}

static int add_line(struct suppressions *s, const char *name, unsigned int number, const char *line,
		    size_t length, char **ret_message)
{
	size_t without = length_without_comment(line, length);
	const char *rule = line;
	int err;

	trim(&rule, &without);
	if (!sweep_text_is_plain(line, length))
		return refuse(name, number, "there is a control character in the line",
			      ret_message);
	if (!without)
		return 0;
	if (length > SUPPRESSION_LENGTH)
		return refuse(name, number, "the line is longer than 1024 bytes", ret_message);
	if (s->nr >= SUPPRESSIONS_MOST)
		return refuse(name, number, "there are more than 16384 suppressions", ret_message);
	err = add(s, number, line, length);
	return err == -EINVAL ? refuse(name, number, allowed, ret_message) : err;
}

int suppressions_parse(struct suppressions *suppressions, const char *name, const char *text,
		       size_t length, char **ret_message)
{
	const char *next = text, *end = text + length, *line;
	unsigned int number = 0;
	int err = 0;

	while (!err && sweep_text_line(&next, end, &line, &length))
		err = add_line(suppressions, name, ++number, line, length, ret_message);
	return err;
}

int suppressions_read(struct suppressions *suppressions, const char *path, char **ret_message)
{
	char *text = NULL;
	size_t length = 0;
	int err = sweep_text_read(path, &text, &length, ret_message);

	err = err ?: suppressions_parse(suppressions, path, text, length, ret_message);
	free(text);
	return err;
}

void suppressions_release(struct suppressions *suppressions)
{
	for (size_t i = 0; i < suppressions->nr; i++)
		release(&suppressions->items[i]);
	free(suppressions->items);
	memset(suppressions, 0, sizeof(*suppressions));
}

static bool match_module(const char *glob, const struct profile *profile, uint32_t module)
{
	const char *path = module == PROFILE_NONE ? NULL : profile->modules[module].path;
	const char *slash = path ? strrchr(path, '/') : NULL;

	return path && (sweep_glob(glob, path) || (slash && sweep_glob(glob, slash + 1)));
}

static bool match_frame(const struct suppression *item, const struct profile *profile,
			const struct profile_frame *frame)
{
	if (frame->flags & FRAME_ALLOCATOR)
		return false;
	if (item->kind == SUPPRESS_MODULE)
		return match_module(item->glob, profile, frame->module);
	return frame->function && sweep_glob(item->glob, frame->function);
}

static bool match(const struct suppression *item, const struct profile *profile,
		  const struct profile_site *site, const struct signature *signature)
{
	const struct profile_stack *stack;

	if (item->kind == SUPPRESS_SIGNATURE)
		return item->signature == signature->code || item->signature == signature->names;
	if (site->stack == PROFILE_NONE)
		return false;
	stack = &profile->stacks[site->stack];
	for (uint32_t i = 0; i < stack->nr_frames; i++)
		if (match_frame(item, profile, &profile->frames[stack->frames[i]]))
			return true;
	return false;
}

const struct suppression *suppressions_match(const struct suppressions *suppressions,
					     const struct profile *profile,
					     const struct profile_site *site)
{
	struct signature signature;

	if (!suppressions->nr)
		return NULL;
	signature = signature_of(profile, site);
	for (size_t i = 0; i < suppressions->nr; i++)
		if (match(&suppressions->items[i], profile, site, &signature))
			return &suppressions->items[i];
	return NULL;
}

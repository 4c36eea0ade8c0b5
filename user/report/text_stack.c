/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns how a stack looks in text: one line a frame, the function on the left, where it
 * is beside it. Runs of one frame (recursion) fold into one line, C++ template
 * arguments fold to "<...>" where a name is too long, and deep stacks end early unless
 * all is asked for.
 */
#include "report/text.h"
#include "report/label.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_SHOWN 16
#define FUNCTION_COLUMNS_MAX 46
#define LOCATION_COLUMNS_MAX 24

/* An "operator<", "operator->>" and so on ends before `at`: its bracket opens nothing. */
static bool after_operator(const char *name, const char *at)
{
	while (at > name && strchr("<>-=", at[-1]))
		at--;
	return at - name >= 8 && !strncmp(at - 8, "operator", 8);
}

/*
 * "map<int, list<int> >::at(int)" becomes "map<...>::at(int)". A bracket that opens the
 * name (Rust's "<T as U>::f") stays, and so does a name whose brackets do not match.
 * The caller frees it; NULL when out of memory.
 */
static char *fold_templates(const char *name)
{
	char *folded = malloc(3 * strlen(name) + 1), *out = folded;
	unsigned int depth = 0;

	if (!folded)
		return NULL;
	for (const char *in = name; *in; in++) {
		bool bracket = *name != '<' && (*in == '<' || *in == '>') &&
			       !after_operator(name, in);

		if (bracket && *in == '<') {
			if (depth++ == 0)
				out = stpcpy(out, "<...");
		} else if (bracket && depth) {
			if (--depth == 0)
				*out++ = '>';
		} else if (depth == 0) {
			*out++ = *in;
		}
	}
	*out = '\0';
	if (depth == 0)
		return folded;
	free(folded);
	return strdup(name);
}

/* Cuts the middle out of a name of more than `columns` columns, at code points. */
static void shorten(char *name, unsigned int columns)
{
	unsigned int total = text_columns(name), keep, seen = 0;
	char *out = name, *tail = name;

	if (total <= columns || columns < 8)
		return;
	/* The end of a qualified name tells more than its beginning. */
	keep = (columns - 3) / 3;
	for (; *out && seen <= keep; out++)
		if ((*out & 0xc0) != 0x80 && seen++ == keep)
			break;
	for (seen = 0; *tail; tail++)
		if ((*tail & 0xc0) != 0x80 && seen++ == total - (columns - 3 - keep))
			break;
	memcpy(out, "...", 3);
	memmove(out + 3, tail, strlen(tail) + 1);
}

static char *function_words(const struct text *text, const struct profile_frame *frame,
			    unsigned int columns)
{
	char *label = label_frame(text->profile, frame), *folded;

	if (!label || text->options->verbose || text_columns(label) <= columns)
		return label;
	folded = fold_templates(label);
	free(label);
	if (folded)
		shorten(folded, columns);
	return folded;
}

/* "session.c:118", "libc.so.6, allocator", "" when the function's label says it all. */
static char *location_words(const struct text *text, const struct profile_frame *frame,
			    unsigned int repeats)
{
	const struct profile *profile = text->profile;
	const struct profile_module *module =
		frame->module == PROFILE_NONE ? NULL : &profile->modules[frame->module];
	bool verbose = text->options->verbose;
	char line[16] = "", again[32] = "", *words = NULL, *clean;
	const char *where = "";

	if (frame->file)
		where = verbose ? frame->file : label_base_name(frame->file);
	else if (module && (frame->function || verbose))
		where = verbose ? module->path : label_base_name(module->path);
	if (frame->file && frame->line)
		snprintf(line, sizeof(line), ":%" PRIu32, frame->line);
	if (repeats > 1)
		snprintf(again, sizeof(again), ", %u times", repeats);
	if (asprintf(&words, ", %s%s%s%s%s%s%s", where, line,
		     frame->flags & FRAME_ALLOCATOR ? ", allocator" : "",
		     frame->flags & FRAME_INLINED ? ", inlined" : "",
		     frame->flags & FRAME_JIT ? ", compiled at run time" : "",
		     frame->flags & FRAME_GUESSED ? ", guessed" : "", again) < 0)
		return NULL;
	clean = label_clean(!*where && words[2] == ',' ? words + 4 : words + 2);
	free(words);
	return clean;
}

static void write_frame(struct text *text, const struct profile_frame *frame, unsigned int indent,
			unsigned int column, unsigned int repeats)
{
	unsigned int room = text->width > indent + 12 ? text->width - indent : 12;
	char *function = function_words(text, frame, room);
	char *location = location_words(text, frame, repeats);
	unsigned int used;

	if (!function || !location) {
		text->error = text->error ? text->error : -ENOMEM;
		goto out;
	}
	used = text_columns(function);
	fprintf(text->out, "%*s", (int)indent, "");
	if (frame->flags & FRAME_ALLOCATOR)
		text_style(text, TEXT_DIM);
	fputs(function, text->out);
	if (frame->flags & FRAME_ALLOCATOR)
		text_style(text, TEXT_PLAIN);
	if (*location) {
		unsigned int at = used < column ? column : used;

		if (indent + at + 2 + text_columns(location) <= text->width)
			fprintf(text->out, "%*s", (int)(at - used + 2), "");
		else if (indent + used + 2 + text_columns(location) <= text->width)
			fputs("  ", text->out);
		else
			fprintf(text->out, "\n%*s", (int)indent + 4, "");
		text_style(text, TEXT_DIM);
		fputs(location, text->out);
		text_style(text, TEXT_PLAIN);
	}
	fputc('\n', text->out);
out:
	free(function);
	free(location);
}

/*
 * The column at which the locations of a stack start: past its functions, but so that
 * the locations still fit beside them.
 */
static unsigned int location_column(struct text *text, const struct profile_stack *stack,
				    unsigned int indent)
{
	unsigned int column = 0, widest = 0, most = FUNCTION_COLUMNS_MAX;

	for (uint32_t i = 0; i < stack->nr_frames; i++) {
		char *location = location_words(text, &text->profile->frames[stack->frames[i]], 1);
		unsigned int columns = location ? text_columns(location) : 0;

		if (columns > widest && columns <= LOCATION_COLUMNS_MAX)
			widest = columns;
		free(location);
	}
	if (text->width < indent + most + 2 + widest)
		most = text->width - indent - 2 - widest;
	for (uint32_t i = 0; i < stack->nr_frames; i++) {
		char *function =
			function_words(text, &text->profile->frames[stack->frames[i]], most);
		unsigned int columns = function ? text_columns(function) : 0;

		if (columns > column && columns <= most)
			column = columns;
		free(function);
	}
	return column;
}

/* "[stack cut here: its memory could not be read]" */
static void write_end(struct text *text, const struct profile_stack *stack, unsigned int indent)
{
	static const char *const reasons[STACK_END_COUNT] = {
		[STACK_DEPTH] = "it is deeper than stacks are followed",
		[STACK_FAULT] = "its memory could not be read",
		[STACK_NO_RULE] = "nothing describes this code's frames",
		[STACK_NO_CODE] = "the next address is in no known code",
	};
	const char *reason = stack->end < STACK_END_COUNT ? reasons[stack->end] : NULL;

	if (!stack->cut)
		return;
	if (reason)
		text_say(text, indent, TEXT_PLAIN, "", "%.*s: %s]",
			 (int)strlen(LABEL_STACK_CUT) - 1, LABEL_STACK_CUT, reason);
	else
		text_say(text, indent, TEXT_PLAIN, "", "%s", LABEL_STACK_CUT);
}

void text_stack(struct text *text, const struct profile_site *site, unsigned int indent)
{
	const struct profile_stack *stack = label_site_stack(text->profile, site);
	unsigned int column;
	uint32_t shown = 0, i, run;

	if (!stack) {
		text_say(text, indent, TEXT_PLAIN, "", "%s", LABEL_STACK_UNKNOWN);
		return;
	}
	column = location_column(text, stack, indent);
	for (i = 0; i < stack->nr_frames; i += run) {
		for (run = 1;
		     i + run < stack->nr_frames && stack->frames[i + run] == stack->frames[i];)
			run++;
		if (!text->options->verbose && shown == FRAMES_SHOWN)
			break;
		write_frame(text, &text->profile->frames[stack->frames[i]], indent, column, run);
		shown++;
	}
	if (i < stack->nr_frames)
		text_say(text, indent, TEXT_PLAIN, "", "... %" PRIu32 " more (-v shows them)",
			 stack->nr_frames - i);
	write_end(text, stack, indent);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Owns the sentence that says of one process what is wrong with it, and where. */
#include "report/text.h"
#include "report/label.h"
#include "report/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What the sites with a finding hold, of one layer only: bytes and handles do not add up. */
struct blame {
	enum label_layer layer;
	double rate; /* a second, of all sites that grow */
	uint64_t live; /* of all sites with a finding */
	const struct profile_site *worst; /* NULL: no site has a finding */
	double worst_rate;
	uint64_t worst_live;
};

/* By itself: of one that was killed in the midst of its work the course still says something. */
static bool has_ended(const struct profile_process *process)
{
	return process->exited && !process->oom_killed;
}

/* Does the site bear out the verdict of its process? */
static bool is_finding(const struct profile_process *process, const struct profile_site *site)
{
	bool grows = site->verdict == VERDICT_GROWING || site->verdict == VERDICT_LOST;
	bool mapping = label_layer(site) == LABEL_MAPPINGS;

	if (has_ended(process))
		/* At its end every process still has what the loader mapped. */
		return grows || (site->verdict == VERDICT_LIVE_AT_EXIT && !mapping);
	if (process->verdict == VERDICT_LEAK || process->verdict == VERDICT_LOST)
		return grows;
	return grows || (site->verdict == VERDICT_BURST && label_layer(site) == LABEL_BLOCKS);
}

static struct blame blame_in(const struct profile *profile, uint32_t index, enum label_layer layer)
{
	const struct profile_process *process = &profile->processes[index];
	struct blame blame = { .layer = layer };

	for (size_t i = 0; i < profile->nr_sites; i++) {
		const struct profile_site *site = &profile->sites[i];
		double rate = !has_ended(process) && site->growth_rate > 0 ? site->growth_rate : 0;

		if (site->process != index || label_layer(site) != layer ||
		    !is_finding(process, site))
			continue;
		blame.rate += rate;
		blame.live += site->live_bytes;
		if (blame.worst &&
		    (rate < blame.worst_rate ||
		     (rate == blame.worst_rate && site->live_bytes <= blame.worst_live)))
			continue;
		blame.worst = site;
		blame.worst_rate = rate;
		blame.worst_live = site->live_bytes;
	}
	return blame;
}

static struct blame find_blame(const struct profile *profile, uint32_t process)
{
	struct blame blame = { 0 };

	for (int layer = 0; layer < LABEL_LAYERS && !blame.worst; layer++)
		blame = blame_in(profile, process, layer);
	return blame;
}

static const char *amount_words(struct words *words, const struct blame *blame, double amount)
{
	return blame->layer == LABEL_HANDLES ? words_handles(words, amount)
					     : words_bytes(words, amount);
}

char *text_place(const struct profile *profile, const struct profile_site *site)
{
	uint32_t index = label_place(profile, site);
	const struct profile_frame *frame;
	char *label, *place = NULL;
	int length;

	/* Without a caller, the function that was called is no place. */
	if (index == PROFILE_NONE || profile->frames[index].flags & FRAME_ALLOCATOR)
		return label_clean(strcmp(site->operation, "other sites") ? "an unknown caller"
									  : site->operation);
	frame = &profile->frames[index];
	label = label_frame(profile, frame);
	if (!label)
		return NULL;
	if (frame->file && frame->line)
		length = asprintf(&place, "%s (%s:%" PRIu32 ")", label,
				  label_base_name(frame->file), frame->line);
	else if (frame->function && frame->module != PROFILE_NONE)
		length = asprintf(&place, "%s (%s)", label,
				  label_base_name(profile->modules[frame->module].path));
	else
		length = asprintf(&place, "%s", label);
	free(label);
	return length < 0 ? NULL : place;
}

/*
 * ", 93% of it from session_create (session.c:118)"; "" when no site is to blame. It is a
 * share of what the headline states: of the growth of a leak, else of what is outstanding.
 */
static char *blame_words(const struct profile *profile, const struct profile_process *process,
			 const struct blame *blame)
{
	bool leak = process->verdict == VERDICT_LEAK || process->verdict == VERDICT_LOST;
	bool by_rate = leak && blame->rate > 0;
	double part = by_rate ? blame->worst_rate : (double)blame->worst_live;
	double whole = by_rate ? blame->rate : (double)blame->live;
	char *place, *sentence = NULL;
	struct words share;

	if (!blame->worst)
		return label_clean("");
	if (!leak && blame->layer == LABEL_BLOCKS)
		whole = (double)process->live_bytes;
	place = text_place(profile, blame->worst);
	if (!place)
		return NULL;
	if (asprintf(&sentence, ", %s of %s from %s",
		     part >= whole ? "all" : words_share(&share, part, whole),
		     blame->layer == LABEL_HANDLES ? "them" : "it", place) < 0)
		sentence = NULL;
	free(place);
	return sentence;
}

static void say_leak(struct text *text, const struct profile_process *process,
		     const struct blame *blame, const char *where)
{
	const struct profile_objects *objects =
		profile_objects_of(text->profile, (uint32_t)(process - text->profile->processes));
	struct words amount, blocks, age;

	if (has_ended(process) && blame->worst && blame->worst->verdict == VERDICT_LIVE_AT_EXIT)
		text_say(text, 0, TEXT_BAD, "LEAK       ",
			 "%s (pid %" PRIu32 ") ended with %s in %s %s not freed%s.", process->comm,
			 process->pid, words_bytes(&amount, process->live_bytes),
			 words_count(&blocks, process->live_count),
			 words_plural(process->live_count, "block", "blocks"), where);
	else if (blame->rate > 0)
		text_say(text, 0, TEXT_BAD, "LEAK       ",
			 "%s (pid %" PRIu32 ") leaks %s an hour%s.", process->comm, process->pid,
			 amount_words(&amount, blame, blame->rate * 3600), where);
	else if (!blame->worst && objects)
		text_say(text, 0, TEXT_BAD, "LEAK       ",
			 "%s (pid %" PRIu32 ") leaks objects: %s; %s outstanding.", process->comm,
			 process->pid, objects->cause, words_bytes(&amount, process->live_bytes));
	else
		text_say(text, 0, TEXT_BAD, "LEAK       ",
			 "%s (pid %" PRIu32 ") has leaked %s in %s%s.", process->comm, process->pid,
			 amount_words(&amount, blame,
				      blame->worst ? blame->live : process->live_bytes),
			 words_seconds(&age, process->seen_seconds), where);
}

static void say_other(struct text *text, const struct profile_process *process,
		      const struct blame *blame, const char *where)
{
	struct words live, rss;

	switch (process->verdict) {
	case VERDICT_OVERFLOW:
		text_say(text, 0, TEXT_BAD, "OVERFLOW   ",
			 "%s (pid %" PRIu32 ") holds too much at once: %s outstanding%s.",
			 process->comm, process->pid, words_bytes(&live, process->live_bytes),
			 where);
		break;
	case VERDICT_RETENTION:
		text_say(text, 0, TEXT_WARNING, "RETENTION  ",
			 "%s (pid %" PRIu32 ") gives its memory back, but the allocator keeps it: "
			 "%s outstanding, %s resident.",
			 process->comm, process->pid, words_bytes(&live, process->live_bytes),
			 words_bytes(&rss, process->rss_bytes));
		break;
	case VERDICT_LIMIT:
		text_say(text, 0, TEXT_BAD, "LIMIT      ",
			 "%s (pid %" PRIu32 ") grows nowhere, but has too little room: %s "
			 "outstanding, %s resident.",
			 process->comm, process->pid, words_bytes(&live, process->live_bytes),
			 words_bytes(&rss, process->rss_bytes));
		break;
	case VERDICT_FILLING:
		text_say(text, 0, TEXT_GOOD, "FILLING    ",
			 "%s (pid %" PRIu32 ") fills a cache or warms up: %s outstanding.",
			 process->comm, process->pid, words_bytes(&live, process->live_bytes));
		break;
	case VERDICT_TOO_LITTLE_DATA:
		text_say(text, 0, TEXT_WARNING, "UNDECIDED  ",
			 "%s (pid %" PRIu32 "): too little data for a verdict.", process->comm,
			 process->pid);
		break;
	case VERDICT_NONE:
		text_say(text, 0, TEXT_GOOD, "NO LEAK    ",
			 "%s (pid %" PRIu32 "): nothing found; %s outstanding.", process->comm,
			 process->pid, words_bytes(&live, process->live_bytes));
		break;
	default:
		text_say(text, 0, TEXT_WARNING, "NOTE       ",
			 "%s (pid %" PRIu32 "): %s; %s outstanding%s.", process->comm, process->pid,
			 profile_verdict_name(process->verdict),
			 blame->layer == LABEL_HANDLES && blame->worst
				 ? words_handles(&live, blame->live)
				 : words_bytes(&live, process->live_bytes),
			 where);
	}
}

/* When a leak meets its limit. */
static void say_time_to_limit(struct text *text, const struct profile_process *process)
{
	struct words time, low, high, bytes;
	char until[80];

	if (!process->limit_name || process->limit_seconds <= 0)
		return;
	if (process->limit_seconds_high > 0)
		snprintf(until, sizeof(until), "between %s and %s",
			 words_seconds(&low, process->limit_seconds_low),
			 words_seconds(&high, process->limit_seconds_high));
	else
		snprintf(until, sizeof(until), "not before %s",
			 words_seconds(&low, process->limit_seconds_low));
	text_say(text, 11, TEXT_PLAIN, "", "At this rate %s (%s) is reached in %s, %s.",
		 process->limit_name, words_bytes(&bytes, process->limit_bytes),
		 words_seconds(&time, process->limit_seconds), until);
}

static void say_kill(struct text *text, const struct profile_process *process)
{
	struct words bytes;

	if (!process->oom_killed)
		return;
	if (process->limit_name)
		text_say(text, 11, TEXT_BAD, "",
			 "Killed by the kernel for want of memory: limit %s, %s.",
			 words_bytes(&bytes, process->limit_bytes), process->limit_name);
	else
		text_say(text, 11, TEXT_BAD, "", "Killed by the kernel for want of memory.");
}

/* "Python: a container grows ..." */
static void say_objects(struct text *text, uint32_t index)
{
	const struct profile_objects *row = profile_objects_of(text->profile, index);
	size_t length;
	char label[32];

	if (!row || !row->reason)
		return;
	length = strcspn(row->collected_by, " ");
	snprintf(label, sizeof(label), "%.*s: ", length < 28 ? (int)length : 28, row->collected_by);
	if (label[0] >= 'a' && label[0] <= 'z')
		label[0] += 'A' - 'a';
	text_say(text, 11, TEXT_BOLD, label, "%s", row->reason);
}

void text_verdict(struct text *text, uint32_t index)
{
	const struct profile_process *process = &text->profile->processes[index];
	struct blame blame = find_blame(text->profile, index);
	char *where = blame_words(text->profile, process, &blame);

	if (!where) {
		text->error = text->error ? text->error : -ENOMEM;
		return;
	}
	if (process->verdict == VERDICT_LEAK || process->verdict == VERDICT_LOST)
		say_leak(text, process, &blame, where);
	else
		say_other(text, process, &blame, where);
	say_kill(text, process);
	if (process->evidence)
		text_say(text, 11, TEXT_PLAIN, "", "%s", process->evidence);
	say_time_to_limit(text, process);
	say_objects(text, index);
	free(where);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns the block that says how far the figures above it can be trusted: every loss, what
 * it does to them, and what seep itself cost.
 */
#include "report/text.h"
#include "report/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* With more functions than this behind one reason, the rest is counted. */
#define FUNCTIONS_LISTED 6

/* A counter, what it counts, and what that means for the figures. */
struct loss {
	size_t offset;
	const char *one, *many;
	const char *meaning;
};

#define LOSS(field, one, many, meaning)                                                            \
	{                                                                                          \
		offsetof(struct profile_health, field), one, many, meaning                         \
	}

static const struct loss losses[] = {
	LOSS(dropped_allocs, "allocation was dropped", "allocations were dropped",
	     "outstanding may be too low by as many blocks, whose releases count as unmatched."),
	LOSS(dropped_frees, "release was dropped", "releases were dropped",
	     "outstanding is an upper bound for the processes marked so."),
	LOSS(dropped_stacks, "stack was dropped", "stacks were dropped",
	     "what was allocated there is under \"[stack unknown]\"."),
	LOSS(dropped_other, "other record was dropped", "other records were dropped",
	     "of mappings, forks or exits; what they would have closed may still be shown."),
	LOSS(bad_records, "record was left out", "records were left out",
	     "this version does not know their form."),
	LOSS(threads_full, "call was not recorded", "calls were not recorded",
	     "more threads were allocating than the table holds."),
	LOSS(spaces_full, "process was not traced", "processes were not traced",
	     "the table of processes was full."),
	LOSS(stacks_full, "stack did not fit in its table", "stacks did not fit in their table",
	     "what was allocated there is under \"[stack unknown]\"."),
	LOSS(stack_collisions, "stack had the hash of another", "stacks had the hash of another",
	     "what was allocated there is under \"[stack unknown]\"."),
	LOSS(stack_faults, "stack walk ended early", "stack walks ended early",
	     "the memory to be read was not resident."),
	LOSS(sampled_full, "sampled block did not fit in its table",
	     "sampled blocks did not fit in their table",
	     "their releases go unseen, and outstanding is too high by as many."),
	LOSS(abandoned, "call of an allocator did not return",
	     "calls of an allocator did not return",
	     "the thread ended or an exception passed; what they allocated is not counted."),
	LOSS(missed_frees, "block was handed out twice", "blocks were handed out twice",
	     "the release between was not seen; it is counted at the second time."),
	LOSS(sites_folded, "small site was folded away", "small sites were folded away",
	     "they are in \"other sites\", because of the bound of memory."),
};

static uint64_t counter(const struct profile_health *health, const struct loss *loss)
{
	uint64_t value;

	memcpy(&value, (const char *)health + loss->offset, sizeof(value));
	return value;
}

static void write_losses(struct text *text, const struct profile_health *health)
{
	struct words count, bytes;

	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		uint64_t lost = counter(health, &losses[i]);

		if (lost)
			text_say(text, 2, TEXT_WARNING, "- ", "%s %s: %s",
				 words_count(&count, lost),
				 words_plural(lost, losses[i].one, losses[i].many),
				 losses[i].meaning);
	}
	if (health->blocks_evicted)
		text_say(text, 2, TEXT_WARNING, "- ",
			 "%s live %s (%s) %s forgotten at the bound of memory (--max-memory): "
			 "outstanding is too low by as much.",
			 words_count(&count, health->blocks_evicted),
			 words_plural(health->blocks_evicted, "block", "blocks"),
			 words_bytes(&bytes, health->evicted_bytes),
			 words_plural(health->blocks_evicted, "was", "were"));
}

static void write_mode(struct text *text)
{
	const struct profile_capture *capture = &text->profile->capture;
	const struct profile_health *health = &text->profile->health;
	struct words seconds, share, bytes;
	const char *all = health->traced_share >= 1 ? "all"
						    : words_share(&share, health->traced_share, 1);

	if (capture->budget_words)
		text_say(text, 2, TEXT_PLAIN, "- ", "%s", capture->budget_words);
	if (text->profile->nr_bursts)
		text_say(text, 2, TEXT_PLAIN, "- ",
			 "Between bursts releases go unseen: outstanding is of what was allocated "
			 "in "
			 "bursts and not seen freed; what leaks is estimated, with its 95%% "
			 "interval.");
	if (capture->mode == PROFILE_SAMPLED)
		text_say(text, 2, TEXT_PLAIN, "- ",
			 "Sampled, one block about every %s, for %s, probes on %s of the time: "
			 "figures are "
			 "unbiased estimates, +- is one standard error.",
			 words_bytes(&bytes, capture->sample_bytes),
			 words_seconds(&seconds, capture->seconds), all);
	else
		text_say(text, 2, TEXT_PLAIN, "- ",
			 "Exact mode: no sampling, for %s, probes on %s of the time.",
			 words_seconds(&seconds, capture->seconds), all);
}

static void write_events(struct text *text, const struct profile_health *health)
{
	struct words events, dropped, share;

	if (health->dropped)
		text_say(text, 2, TEXT_BAD, "- ", "%s records arrived; %s dropped (%s).",
			 words_count(&events, health->events),
			 words_count(&dropped, health->dropped),
			 words_share(&share, health->dropped,
				     (double)health->events + health->dropped));
	else
		text_say(text, 2, TEXT_PLAIN, "- ", "%s records arrived; none was dropped.",
			 words_count(&events, health->events));
}

static void write_releases(struct text *text, const struct profile_health *health)
{
	struct words count;

	if (health->unmatched_frees)
		text_say(text, 2, TEXT_PLAIN, "- ",
			 "%s %s of blocks from before the trace (no fault: those are not counted).",
			 words_count(&count, health->unmatched_frees),
			 words_plural(health->unmatched_frees, "release", "releases"));
	if (health->inherited_frees)
		text_say(text, 2, TEXT_PLAIN, "- ",
			 "%s %s of blocks inherited through fork (no fault).",
			 words_count(&count, health->inherited_frees),
			 words_plural(health->inherited_frees, "release", "releases"));
	if (health->repeated_frees)
		text_say(text, 2, TEXT_PLAIN, "- ",
			 "%s %s of addresses that were released before: an allocator's own (no "
			 "fault), or of blocks whose allocation is not probed.",
			 words_count(&count, health->repeated_frees),
			 words_plural(health->repeated_frees, "release", "releases"));
}

/* "2 functions not probed (malloc in libx.so, free in libx.so): reason" */
static void write_skip_group(struct text *text, const struct profile_health *health, size_t first,
			     bool *written)
{
	const char *reason = health->skipped_probes[first].reason;
	char *list = NULL;
	size_t size = 0, nr = 0;
	FILE *stream = open_memstream(&list, &size);

	if (!stream) {
		text->error = text->error ? text->error : -ENOMEM;
		return;
	}
	for (size_t i = first; i < health->nr_skipped_probes; i++) {
		const struct profile_skipped_probe *probe = &health->skipped_probes[i];

		if (written[i] || (reason ? !probe->reason || strcmp(probe->reason, reason)
					  : probe->reason != NULL))
			continue;
		written[i] = true;
		if (nr++ < FUNCTIONS_LISTED)
			fprintf(stream, "%s%s%s%s", nr > 1 ? ", " : "",
				probe->symbol ? probe->symbol : "?", probe->module ? " in " : "",
				probe->module ? probe->module : "");
	}
	if (nr > FUNCTIONS_LISTED)
		fprintf(stream, " and %zu more", nr - FUNCTIONS_LISTED);
	if (fclose(stream) == 0)
		text_say(text, 2, TEXT_WARNING, "- ", "Not probed: %s: %s", list,
			 reason ? reason : "no reason was recorded");
	free(list);
}

static void write_skips(struct text *text, const struct profile_health *health)
{
	bool *written = calloc(health->nr_skipped_probes + 1, sizeof(*written));

	if (!written) {
		text->error = text->error ? text->error : -ENOMEM;
		return;
	}
	for (size_t i = 0; i < health->nr_skipped_probes; i++)
		if (!written[i])
			write_skip_group(text, health, i, written);
	free(written);
}

/* By reason, of the stacks that the sites shown have. Returns how many stacks those are. */
static size_t count_cut(const struct profile *profile, bool *seen, uint64_t by_end[STACK_END_COUNT])
{
	size_t nr = 0;

	for (size_t i = 0; i < profile->nr_sites; i++) {
		uint32_t index = profile->sites[i].stack;

		if (index == PROFILE_NONE || seen[index])
			continue;
		seen[index] = true;
		nr++;
		if (profile->stacks[index].cut && profile->stacks[index].end < STACK_END_COUNT)
			by_end[profile->stacks[index].end]++;
	}
	return nr;
}

/* "3 of 120 stacks are cut: 1 too deep, 2 in code whose frames nothing describes ..." */
static void write_cut_stacks(struct text *text)
{
	static const char *const reasons[STACK_END_COUNT] = {
		[STACK_WHOLE] = "for no known reason",
		[STACK_DEPTH] = "too deep",
		[STACK_FAULT] = "at memory that could not be read",
		[STACK_NO_RULE] = "in code whose frames nothing describes (unwind tables or a "
				  "frame pointer would)",
		[STACK_NO_CODE] = "where the next address is in no known code (the walk lost its "
				  "way, or the process "
				  "ended too soon to be looked at)",
	};
	bool *seen = calloc(text->profile->nr_stacks + 1, sizeof(*seen));
	uint64_t by_end[STACK_END_COUNT] = { 0 }, cut = 0;
	struct words all, count;
	char list[512] = "";
	size_t nr, used = 0;

	if (!seen) {
		text->error = text->error ? text->error : -ENOMEM;
		return;
	}
	nr = count_cut(text->profile, seen, by_end);
	free(seen);
	for (int end = 0; end < STACK_END_COUNT; end++) {
		cut += by_end[end];
		if (by_end[end])
			used += snprintf(list + used, sizeof(list) - used, "%s%.30s %s",
					 used ? ", " : "", words_count(&count, by_end[end]),
					 reasons[end]);
	}
	if (cut)
		text_say(text, 2, TEXT_PLAIN, "- ", "%s of %s %s %s cut: %s.",
			 words_count(&count, cut), words_count(&all, nr),
			 words_plural(nr, "stack", "stacks"), words_plural(cut, "is", "are"), list);
}

static void write_names(struct text *text, const struct profile_health *health)
{
	struct words count, unnamed;

	if (health->frames_unnamed)
		text_say(text, 2, TEXT_PLAIN, "- ",
			 "%s of %s frames %s no name: installing debug symbols may name them.",
			 words_count(&unnamed, health->frames_unnamed),
			 words_count(&count, health->frames),
			 words_plural(health->frames_unnamed, "has", "have"));
}

/* Starting up is most of a short capture: its share of that says nothing of the cost. */
static void write_cost(struct text *text, const struct profile_health *health)
{
	static const double LEAST_SECONDS = 2;
	double seconds = text->profile->capture.seconds;
	struct words share, memory, cpu, of_one = { "" };

	if (seconds >= LEAST_SECONDS)
		snprintf(of_one.text, sizeof(of_one.text), " (%.20s of one processor)",
			 words_share(&share, health->cpu_seconds, seconds));
	text_say(text, 2, TEXT_PLAIN, "- ",
		 "seep itself used %s of processor time%s and %s of memory.",
		 words_seconds(&cpu, health->cpu_seconds), of_one.text,
		 words_bytes(&memory, health->collector_bytes));
}

static void write_capture(struct text *text)
{
	const struct profile_capture *capture = &text->profile->capture;
	time_t started = capture->started > 0 && capture->started < 4e11 ? (time_t)capture->started
									 : 0;
	char when[64] = "at an unknown time";
	struct tm calendar;

	if (started && gmtime_r(&started, &calendar))
		strftime(when, sizeof(when), "on %Y-%m-%d at %H:%M:%S UTC", &calendar);
	text_say(text, 2, TEXT_PLAIN, "- ", "Taken %s on %s (Linux %s, %s) by seep %s.", when,
		 capture->host ? capture->host : "an unknown host",
		 capture->kernel ? capture->kernel : "?",
		 capture->architecture ? capture->architecture : "?",
		 capture->seep_version ? capture->seep_version : "?");
	if (capture->command)
		text_say(text, 2, TEXT_PLAIN, "- ", "Command: %s", capture->command);
}

void text_health(struct text *text)
{
	const struct profile_health *health = &text->profile->health;

	fputc('\n', text->out);
	text_style(text, TEXT_BOLD);
	fputs("How far to trust this\n", text->out);
	text_style(text, TEXT_PLAIN);
	write_mode(text);
	write_events(text, health);
	write_losses(text, health);
	write_releases(text, health);
	write_skips(text, health);
	write_cut_stacks(text);
	write_names(text, health);
	write_cost(text, health);
	write_capture(text);
}

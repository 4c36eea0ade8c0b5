/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Owns the section of one process: its figures, then its top sites. */
#include "report/text.h"
#include "report/label.h"
#include "report/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define CONTAINER_DIGITS 12

/* "", ", was killed for want of memory", ", has ended", ", has ended with status 1", ", was killed
 * by signal 9" */
static const char *end_words(struct words *words, const struct profile_process *process)
{
	int status = process->exit_status;

	if (!process->exited)
		words->text[0] = '\0';
	else if (process->oom_killed)
		strcpy(words->text, ", was killed for want of memory");
	else if (status >= 0 && WIFSIGNALED(status))
		snprintf(words->text, sizeof(words->text), ", was killed by signal %d",
			 WTERMSIG(status));
	else if (status >= 0 && WIFEXITED(status))
		snprintf(words->text, sizeof(words->text), ", has ended with status %d",
			 WEXITSTATUS(status));
	else
		strcpy(words->text, ", has ended");
	return words->text;
}

static void write_heading(struct text *text, const struct profile_process *process)
{
	struct words end;

	fputc('\n', text->out);
	text_say(text, 0, TEXT_BOLD, "", "%s, pid %" PRIu32 "%s%s%s%.*s%s%s%s", process->comm,
		 process->pid, process->exe ? ", " : "", process->exe ? process->exe : "",
		 process->container ? ", container " : "", CONTAINER_DIGITS,
		 process->container ? process->container : "", process->runtime ? ", " : "",
		 process->runtime ? process->runtime : "", end_words(&end, process));
}

/* A process that ended before a second look at it: what it began with says nothing. */
static bool rss_is_of_start(const struct profile *profile, uint32_t index)
{
	const struct profile_process *process = &profile->processes[index];
	size_t looks = 0;

	if (!process->exited || process->rss_bytes != process->rss_start_bytes)
		return false;
	for (size_t i = 0; i < profile->nr_points; i++)
		looks += profile->points[i].process == index && profile->points[i].rss_bytes;
	return looks < 2;
}

static void write_resident(struct text *text, uint32_t index)
{
	const struct profile_process *process = &text->profile->processes[index];
	struct words rss, change;
	double grown = (double)process->rss_bytes - (double)process->rss_start_bytes;

	if (!process->rss_bytes || rss_is_of_start(text->profile, index))
		return;
	if (process->rss_start_bytes)
		text_say(text, 2, TEXT_PLAIN, "", "Resident %s, %s since it was attached to.",
			 words_bytes(&rss, process->rss_bytes), words_signed_bytes(&change, grown));
	else
		text_say(text, 2, TEXT_PLAIN, "", "Resident %s.",
			 words_bytes(&rss, process->rss_bytes));
}

/* What bounds it, what its allocator keeps, what its runtime says. */
static void write_surroundings(struct text *text, const struct profile_process *process)
{
	struct words room, bytes, held, kept;

	if (process->limit_name && !process->oom_killed)
		text_say(text, 2, TEXT_PLAIN, "", "%s left of %s (%s)%s%s.",
			 words_bytes(&room, process->limit_room_bytes), process->limit_name,
			 words_bytes(&bytes, process->limit_bytes),
			 process->limit_hits ? ", which was reached meanwhile" : "",
			 process->oom_kills ? ", and killed for" : "");
	if (process->allocator)
		text_say(text, 2, TEXT_PLAIN, "", "%s %s %s%s free, of %s.", process->allocator,
			 strstr(process->allocator, " and ") ? "hold" : "holds",
			 process->allocator_at_most ? "at most " : "",
			 words_bytes(&kept, process->allocator_free_bytes),
			 words_bytes(&held, process->allocator_held_bytes));
	if (process->runtime_limit)
		text_say(text, 2, TEXT_PLAIN, "", "Its runtime was told to stay below %s: %s.",
			 words_bytes(&bytes, process->runtime_limit_bytes), process->runtime_limit);
	if (process->runtime_evidence && process->evidence &&
	    strcmp(process->evidence, process->runtime_evidence) != 0)
		text_say(text, 2, TEXT_PLAIN, "", "By its own figures, %s: %s",
			 process->runtime_verdict, process->runtime_evidence);
}

static void write_handles(struct text *text, uint32_t process)
{
	struct words handles;
	uint64_t live = 0;

	for (size_t i = 0; i < text->profile->nr_sites; i++) {
		const struct profile_site *site = &text->profile->sites[i];

		if (site->process == process && label_layer(site) == LABEL_HANDLES)
			live += site->live_count;
	}
	if (live)
		text_say(text, 2, TEXT_PLAIN, "", "%s %s not released (--pair).",
			 words_handles(&handles, live), words_plural(live, "was", "were"));
}

static void write_figures(struct text *text, uint32_t index)
{
	const struct profile_process *process = &text->profile->processes[index];
	struct words bytes, count, allocated, allocations, freed, seen;

	text_say(text, 2, TEXT_PLAIN, "",
		 "Outstanding %s%s in %s %s; allocated %s in %s calls and released %s in %s.",
		 process->tainted ? "at most " : "", words_bytes(&bytes, process->live_bytes),
		 words_count(&count, process->live_count),
		 words_plural(process->live_count, "block", "blocks"),
		 words_bytes(&allocated, process->alloc_bytes),
		 words_count(&allocations, process->alloc_count),
		 words_bytes(&freed, process->free_bytes),
		 words_seconds(&seen, process->seen_seconds));
	write_resident(text, index);
	write_surroundings(text, process);
	if (process->mapped_count)
		text_say(text, 2, TEXT_PLAIN, "",
			 "Besides, %s in %s %s made by other code than allocators.",
			 words_bytes(&bytes, process->mapped_bytes),
			 words_count(&count, process->mapped_count),
			 words_plural(process->mapped_count, "mapping", "mappings"));
	write_handles(text, index);
	if (process->tainted)
		text_say(text, 2, TEXT_WARNING, "Upper bounds: ",
			 "%s of its releases %s lost, so blocks shown here may be long gone.",
			 words_count(&count, process->lost_frees),
			 words_plural(process->lost_frees, "was", "were"));
}

static void write_module(struct text *text, const struct profile_module *module)
{
	if (module->deleted)
		text_say(text, 2, TEXT_WARNING, "",
			 "It runs a file that has been removed or replaced on the disk: %s",
			 module->path);
	if (text->options->verbose)
		text_say(text, 2, TEXT_PLAIN, "", "Module %s, build id %s", module->path,
			 module->build_id ? module->build_id : "unknown");
}

/* What is to be said of the files that its stacks go through, each once. */
static void write_modules(struct text *text, uint32_t process)
{
	const struct profile *profile = text->profile;
	bool *seen = calloc(profile->nr_modules + 1, sizeof(*seen));

	if (!seen) {
		text->error = text->error ? text->error : -ENOMEM;
		return;
	}
	for (size_t i = 0; i < profile->nr_sites; i++) {
		const struct profile_stack *stack = label_site_stack(profile, &profile->sites[i]);

		if (profile->sites[i].process != process)
			continue;
		for (uint32_t j = 0; stack && j < stack->nr_frames; j++)
			if (profile->frames[stack->frames[j]].module != PROFILE_NONE)
				seen[profile->frames[stack->frames[j]].module] = true;
	}
	for (size_t i = 0; i < profile->nr_modules; i++)
		if (seen[i])
			write_module(text, &profile->modules[i]);
	free(seen);
}

/* " +-4%" in sampled mode, else "" */
static const char *error_words(struct words *words, double error, double value)
{
	struct words share;

	words->text[0] = '\0';
	if (error > 0 && value > 0)
		snprintf(words->text, sizeof(words->text), " +-%.40s",
			 words_share(&share, error, value));
	return words->text;
}

/* "18.4 MiB +-4% in 63 blocks", "5 handles" */
static const char *amount_words(struct words *words, const struct profile_site *site)
{
	bool mapping = label_layer(site) == LABEL_MAPPINGS;
	struct words amount, error, count;

	if (label_layer(site) == LABEL_HANDLES)
		snprintf(words->text, sizeof(words->text), "%.30s%.12s",
			 words_handles(&amount, site->live_count),
			 error_words(&error, site->live_count_error, site->live_count));
	else
		snprintf(words->text, sizeof(words->text), "%.12s%.10s in %.16s %s",
			 words_bytes(&amount, site->live_bytes),
			 error_words(&error, site->live_bytes_error, site->live_bytes),
			 words_count(&count, site->live_count),
			 words_plural(site->live_count, mapping ? "mapping" : "block",
				      mapping ? "mappings" : "blocks"));
	return words->text;
}

static const char *growth_words(struct words *words, const struct profile_site *site)
{
	return label_layer(site) == LABEL_HANDLES ? words_handle_growth(words, site->growth_rate)
						  : words_growth(words, site->growth_rate);
}

static void write_site_heading(struct text *text, const struct profile_site *site, size_t number)
{
	struct words amount, growth, age, thread = { "" };
	char label[32];

	snprintf(label, sizeof(label), "%3zu. ", number);
	growth.text[0] = '\0';
	/* What an ended process did a second says nothing of the hour. */
	if (!text->profile->processes[site->process].exited ||
	    text->profile->processes[site->process].oom_killed)
		growth_words(&growth, site);
	if (site->tid)
		snprintf(thread.text, sizeof(thread.text), ", thread %" PRIu32, site->tid);
	text_say(text, 0, TEXT_BOLD, label, "%s%s%s%s%s, %s %s%s", amount_words(&amount, site),
		 growth.text[0] ? ", " : "", growth.text, site->live_count ? ", oldest " : "",
		 site->live_count ? words_seconds(&age, site->oldest_seconds) : "", site->family,
		 site->operation, thread.text);
}

static void write_site_verdict(struct text *text, const struct profile_site *site)
{
	enum text_style style = TEXT_PLAIN;
	char label[48];

	if (site->verdict == VERDICT_GROWING || site->verdict == VERDICT_LOST ||
	    site->verdict == VERDICT_LIVE_AT_EXIT)
		style = TEXT_BAD;
	else if (site->verdict == VERDICT_STEADY)
		style = TEXT_GOOD;
	else if (site->verdict != VERDICT_TOO_LITTLE_DATA)
		style = TEXT_WARNING;
	snprintf(label, sizeof(label), "%s%s", profile_verdict_name(site->verdict),
		 site->evidence ? ": " : "");
	text_say(text, 5, style, label, "%s", site->evidence ? site->evidence : "");
}

/* How much of what was born in each interval is still there. */
static void write_cohorts(struct text *text, const struct profile_site *site)
{
	char *list = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&list, &size);
	struct words share;

	if (!stream) {
		text->error = text->error ? text->error : -ENOMEM;
		return;
	}
	for (uint32_t i = 0; i < site->nr_cohorts; i++) {
		const struct profile_cohort *cohort = &site->cohorts[i];

		if (cohort->alloc_bytes)
			fprintf(stream, " %s",
				words_share(&share, cohort->live_bytes, cohort->alloc_bytes));
		else
			fputs(" -", stream);
	}
	if (fclose(stream) == 0)
		text_say(text, 5, TEXT_PLAIN, "", "Still there of each %s's bytes, oldest first:%s",
			 words_seconds(&share, site->cohorts[0].end - site->cohorts[0].begin),
			 list);
	free(list);
}

static void write_site(struct text *text, const struct profile_site *site, size_t number)
{
	fputc('\n', text->out);
	write_site_heading(text, site, number);
	write_site_verdict(text, site);
	if (text->options->verbose && site->nr_cohorts)
		write_cohorts(text, site);
	text_stack(text, site, 8);
}

static void write_rest(struct text *text, const uint32_t *sites, size_t from, size_t nr)
{
	struct words bytes, count;
	double rest = 0, handles = 0;

	for (size_t i = from; i < nr; i++) {
		const struct profile_site *site = &text->profile->sites[sites[i]];

		if (label_layer(site) == LABEL_HANDLES)
			handles += site->live_count;
		else
			rest += site->live_bytes;
	}
	words_bytes(&bytes, rest);
	words_handles(&count, handles);
	fputc('\n', text->out);
	text_say(text, 5, TEXT_PLAIN, "", "%zu more %s with %s%s%s (-T shows more).", nr - from,
		 words_plural(nr - from, "site", "sites"), rest || !handles ? bytes.text : "",
		 rest && handles ? " and " : "", handles ? count.text : "");
}

/* Sites with nothing outstanding matter only where what was allocated is asked for. */
static size_t drop_empty(const struct text *text, uint32_t *sites, size_t nr)
{
	size_t kept = 0;

	if (text->options->sort == REPORT_BY_ALLOC_BYTES ||
	    text->options->sort == REPORT_BY_ALLOC_COUNT)
		return nr;
	for (size_t i = 0; i < nr; i++)
		if (text->profile->sites[sites[i]].live_count)
			sites[kept++] = sites[i];
	return kept;
}

/*
 * The mapping layer comes after the allocators: a mapping's size is address space, and at
 * start-up most of it is the loader's.
 */
static int put_mappings_last(const struct text *text, uint32_t *sites, size_t nr)
{
	uint32_t *mappings = calloc(nr ? nr : 1, sizeof(*mappings));
	size_t kept = 0, moved = 0;

	if (!mappings)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++) {
		if (label_layer(&text->profile->sites[sites[i]]) != LABEL_MAPPINGS)
			sites[kept++] = sites[i];
		else
			mappings[moved++] = sites[i];
	}
	memcpy(sites + kept, mappings, moved * sizeof(*mappings));
	free(mappings);
	return 0;
}

void text_process(struct text *text, uint32_t index)
{
	const struct profile_process *process = &text->profile->processes[index];
	size_t nr, shown;
	uint32_t *sites;
	int err;

	write_heading(text, process);
	write_figures(text, index);
	write_modules(text, index);
	err = report_sort_sites(text->profile, index, text->options->sort, &sites, &nr);
	if (err) {
		text->error = text->error ? text->error : err;
		return;
	}
	nr = drop_empty(text, sites, nr);
	err = put_mappings_last(text, sites, nr);
	if (err)
		text->error = text->error ? text->error : err;
	shown = text->options->top && text->options->top < nr ? text->options->top : nr;
	for (size_t i = 0; i < shown; i++)
		write_site(text, &text->profile->sites[sites[i]], i + 1);
	if (shown < nr)
		write_rest(text, sites, shown, nr);
	free(sites);
}

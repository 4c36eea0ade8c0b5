/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns how answers over many captures look: tables with a line each, the widest column last, so
 * that they can be sorted and cut by other tools too.
 */
#include "report/fleet.h"
#include "report/formats.h"
#include "report/label.h"
#include "report/text.h"
#include "report/words.h"
#include "heap/signature.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PLACE_COLUMNS 64
#define BUILD_DIGITS 12

static struct text text_of(const struct report_options *options, FILE *out)
{
	struct text text = { .options = options, .out = out };

	text.width = options->width ? options->width : 100;
	if (text.width < 40)
		text.width = 40;
	return text;
}

struct when {
	char text[24];
};

static const char *write_when(struct when *when, double time)
{
	time_t at = time > 0 && time < 4e11 ? (time_t)time : 0;
	struct tm calendar;

	strcpy(when->text, "?");
	if (at && gmtime_r(&at, &calendar))
		strftime(when->text, sizeof(when->text), "%Y-%m-%d %H:%M", &calendar);
	return when->text;
}

/* Ends a name after so many columns, at a code point. */
static void cut(char *name, unsigned int columns)
{
	unsigned int seen = 0;

	if (text_columns(name) <= columns)
		return;
	for (char *at = name; *at; at++) {
		if ((*at & 0xc0) == 0x80 || seen++ < columns - 3)
			continue;
		strcpy(at, "...");
		return;
	}
}

static const char *program_name(const struct fleet *fleet, const struct fleet_sighting *one)
{
	return label_base_name(fleet->programs[fleet->looks[one->look].program].exe);
}

/* "sessiond: create (session.c:118)", and a newline. */
static void write_place(struct text *text, const struct fleet *fleet,
			const struct fleet_sighting *one, const struct profile *example)
{
	char *program = label_clean(program_name(fleet, one));
	char *place = example ? text_place(example, &example->sites[0]) : NULL;

	if (!program || (example && !place))
		text->error = text->error ? text->error : -ENOMEM;
	if (place && !text->options->verbose)
		cut(place, PLACE_COLUMNS);
	fprintf(text->out, "%s: %s\n", program ? program : "?", place ? place : "?");
	free(program);
	free(place);
}

static void say_scope(struct text *text, const struct fleet *fleet)
{
	struct words sweeps, looks;

	text_say(text, 0, TEXT_PLAIN, "", "%s %s, %s %s of a program.",
		 words_count(&sweeps, fleet->nr_sweeps),
		 words_plural(fleet->nr_sweeps, "sweep", "sweeps"),
		 words_count(&looks, fleet->nr_looks),
		 words_plural(fleet->nr_looks, "capture", "captures"));
}

/* A site that handles are of has no bytes. */
static const char *write_growth(struct words *words, const struct profile *example, double growth)
{
	if (example && label_layer(&example->sites[0]) == LABEL_HANDLES)
		return words_handle_growth(words, growth);
	return words_growth(words, growth);
}

static void write_top_row(struct text *text, const struct fleet_top *top, size_t i)
{
	const struct fleet_site *site = &top->sites[i];
	const struct fleet_sighting *latest = &top->fleet->sightings[site->latest];
	struct signature_text signature;
	struct words growth;
	struct when first, last;
	char seen[32];

	snprintf(seen, sizeof(seen), "%zu/%zu", site->accused, site->looks);
	fprintf(text->out, "%-14s %-9s %5zu  %-16s  %-16s  %-8s %s  ",
		write_growth(&growth, top->examples[i], site->score), seen, site->processes,
		write_when(&first, site->first_seen), write_when(&last, site->last_seen),
		profile_verdict_name(latest->verdict), signature_write(&signature, site->names));
	write_place(text, top->fleet, latest, top->examples[i]);
}

int report_fleet_top(const struct fleet_top *top, const struct report_options *options, FILE *out)
{
	struct text text = text_of(options, out);

	say_scope(&text, top->fleet);
	if (!top->nr) {
		text_say(&text, 0, TEXT_PLAIN, "", "No site was seen to grow or to be lost.");
		return text.error ? text.error : report_finish(out);
	}
	fputc('\n', out);
	text_style(&text, TEXT_BOLD);
	fprintf(out, "%-14s %-9s %5s  %-16s  %-16s  %-8s %-16s  %s", "GROWTH", "SEEN", "PROCS",
		"FIRST", "LAST", "VERDICT", "SITE", "PLACE");
	text_style(&text, TEXT_PLAIN);
	fputc('\n', out);
	for (size_t i = 0; i < top->nr_shown; i++)
		write_top_row(&text, top, i);
	fputc('\n', out);
	if (top->nr > top->nr_shown)
		text_say(&text, 0, TEXT_PLAIN, "", "%zu more: --limit 0 shows all.",
			 top->nr - top->nr_shown);
	text_say(&text, 0, TEXT_DIM, "",
		 "GROWTH: median of the captures that saw the site, of a process, times "
		 "processes. SEEN: captures that found it growing or lost, of those of its "
		 "programs. 'seep fleet site SITE' shows its history.");
	return text.error ? text.error : report_finish(out);
}

static void write_build(struct text *text, const struct fleet_program *program)
{
	char *version = label_clean(program->version), *build = label_clean(program->build_id);

	if (!version || !build)
		text->error = text->error ? text->error : -ENOMEM;
	else
		fprintf(text->out, "%.*s%s%s", text->options->verbose ? 64 : BUILD_DIGITS,
			*build ? build : "-", *version ? " " : "", version);
	free(version);
	free(build);
}

static void write_sighting(struct text *text, const struct fleet_history *history, size_t i)
{
	const struct fleet *fleet = history->fleet;
	const struct fleet_sighting *one = &fleet->sightings[history->sightings[i]];
	const struct fleet_look *look = &fleet->looks[one->look];
	struct words growth, live;
	struct when when;

	fprintf(text->out, "%7lld  %-16s %7u  %-14s %-10s %-15s ", (long long)look->capture,
		write_when(&when, look->started), one->pid,
		write_growth(&growth, history->example, one->growth),
		words_bytes(&live, one->live_bytes), profile_verdict_name(one->verdict));
	write_build(text, &fleet->programs[look->program]);
	fputc('\n', text->out);
	if (history->evidence[i] && text->options->verbose)
		text_say(text, 9, TEXT_DIM, "", "%s", history->evidence[i]);
}

static void write_history_head(struct text *text, const struct fleet_history *history)
{
	const struct fleet_sighting *latest = &history->fleet->sightings[history->sightings[0]];
	const struct fleet_site *site = history->site;
	struct signature_text names, code;
	struct words growth;

	fprintf(text->out, "site %s (of this build %s)\n", signature_write(&names, history->names),
		signature_write(&code, latest->signature));
	write_place(text, history->fleet, latest, history->example);
	if (site)
		text_say(text, 0, TEXT_PLAIN, "",
			 "Growing or lost in %zu of %zu captures of its programs, in %zu %s of %zu "
			 "%s; %s a process in the median capture that saw it.",
			 site->accused, site->looks, site->processes,
			 words_plural(site->processes, "process", "processes"), site->builds,
			 words_plural(site->builds, "build", "builds"),
			 write_growth(&growth, history->example, site->growth));
	else
		text_say(text, 0, TEXT_PLAIN, "", "Never seen to grow or to be lost.");
	if (history->example && history->example->sites[0].evidence)
		text_say(text, 0, TEXT_PLAIN, "latest: ", "%s",
			 history->example->sites[0].evidence);
	if (history->example) {
		text->profile = history->example;
		fputc('\n', text->out);
		text_stack(text, &history->example->sites[0], 2);
	}
}

int report_fleet_history(const struct fleet_history *history, const struct report_options *options,
			 FILE *out)
{
	struct text text = text_of(options, out);

	write_history_head(&text, history);
	fputc('\n', out);
	text_style(&text, TEXT_BOLD);
	fprintf(out, "%7s  %-16s %7s  %-14s %-10s %-15s %s", "CAPTURE", "SWEEP", "PID", "GROWTH",
		"LIVE", "VERDICT", "BUILD");
	text_style(&text, TEXT_PLAIN);
	fputc('\n', out);
	for (size_t i = 0; i < history->nr_shown; i++)
		write_sighting(&text, history, i);
	if (history->nr > history->nr_shown)
		text_say(&text, 0, TEXT_PLAIN, "", "%zu older: --limit 0 shows all.",
			 history->nr - history->nr_shown);
	return text.error ? text.error : report_finish(out);
}

static void write_difference(struct text *text, const struct fleet_comparison *comparison, size_t i)
{
	static const enum text_style styles[FLEET_CHANGES] = {
		[FLEET_NEW] = TEXT_BAD,	   [FLEET_REGRESSED] = TEXT_BAD,
		[FLEET_GONE] = TEXT_GOOD,  [FLEET_IMPROVED] = TEXT_GOOD,
		[FLEET_SAME] = TEXT_PLAIN, [FLEET_TOO_LITTLE_DATA] = TEXT_DIM,
	};
	const struct fleet_difference *one = &comparison->differences[i];
	const struct fleet_sighting *latest = &comparison->fleet->sightings[one->latest];
	const struct profile *example = comparison->examples[i];
	struct signature_text names;
	struct words before, after;
	char chance[32] = "";

	if (one->change != FLEET_TOO_LITTLE_DATA)
		snprintf(chance, sizeof(chance), ", by chance %.2g", one->chance);
	fputc('\n', text->out);
	text_style(text, styles[one->change]);
	fprintf(text->out, "%s  ", fleet_change_name(one->change));
	text_style(text, TEXT_PLAIN);
	write_place(text, comparison->fleet, latest, example);
	text_say(text, 2, TEXT_PLAIN, "",
		 "%s -> %s a process; growing in %zu of %zu -> %zu of %zu captures%s; site %s",
		 write_growth(&before, example, one->before.mean),
		 write_growth(&after, example, one->after.mean), one->before.accused,
		 one->before.looks, one->after.accused, one->after.looks, chance,
		 signature_write(&names, one->names));
}

static size_t count_looks(const struct fleet *fleet, const bool *programs)
{
	size_t nr = 0;

	for (size_t i = 0; i < fleet->nr_looks; i++)
		nr += programs[fleet->looks[i].program];
	return nr;
}

int report_fleet_comparison(const struct fleet_comparison *comparison,
			    const struct report_options *options, FILE *out)
{
	size_t before = count_looks(comparison->fleet, comparison->before);
	size_t after = count_looks(comparison->fleet, comparison->after);
	struct text text = text_of(options, out);

	text_say(&text, 0, TEXT_BOLD, "", "%zu %s of the first, %zu of the second build.", before,
		 words_plural(before, "capture", "captures"), after);
	if (before < FLEET_LOOKS_LEAST || after < FLEET_LOOKS_LEAST)
		text_say(&text, 0, TEXT_WARNING, "",
			 "Too little data: with fewer than %d captures each, any difference could "
			 "be chance.",
			 FLEET_LOOKS_LEAST);
	if (!comparison->nr)
		text_say(&text, 0, TEXT_PLAIN, "",
			 "No site was seen to grow or to be lost in either.");
	for (size_t i = 0; i < comparison->nr_shown; i++)
		write_difference(&text, comparison, i);
	if (comparison->nr > comparison->nr_shown)
		text_say(&text, 0, TEXT_PLAIN, "", "%zu more: --limit 0 shows all.",
			 comparison->nr - comparison->nr_shown);
	return text.error ? text.error : report_finish(out);
}

int report_fleet_list(const struct fleet_list *list, const struct report_options *options,
		      FILE *out)
{
	struct text text = text_of(options, out);

	if (!list->nr)
		text_say(&text, 0, TEXT_PLAIN, "", "No sweep has traced it.");
	else
		fprintf(out, "%8s %6s %6s  %-16s  %-16s  %s\n", "CAPTURES", "PROCS", "SITES",
			"FIRST", "LAST", "BUILD");
	for (size_t i = 0; i < list->nr; i++) {
		const struct fleet_build *build = &list->builds[i];
		struct when first, last;

		fprintf(out, "%8zu %6zu %6zu  %-16s  %-16s  ", build->looks, build->processes,
			build->accused, write_when(&first, build->first_seen),
			write_when(&last, build->last_seen));
		write_build(&text, &list->fleet->programs[build->program]);
		fputc('\n', out);
	}
	return text.error ? text.error : report_finish(out);
}

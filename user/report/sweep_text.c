// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the look of a sweep on a terminal: who grows and what tracing says of them, worst first;
 * then what was left out, what was hidden, and what it all has cost. The words for one traced
 * process are those of every text report.
 */
#include "report/sweep.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report/formats.h"
#include "report/text.h"
#include "report/words.h"

/* Suspects that were not traced for want of time are only counted beyond these. */
enum { UNTRACED_SHOWN = 5 };

static void say_title(struct text *text, const struct sweep_report *report)
{
	const struct pass *pass = report->pass;
	time_t at = pass->started > 0 && pass->started < 4e11 ? (time_t)pass->started : 0;
	struct words processes, looked, growing;
	struct tm calendar;
	char when[64] = "?";
	size_t traced = 0;

	for (size_t i = 0; i < pass->nr_suspects; i++)
		traced += pass->suspects[i].traced;
	if (gmtime_r(&at, &calendar))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &calendar);
	if (!pass->took_part) {
		text_say(text, 0, TEXT_BOLD, "SWEEP      ",
			 "%s, %s: this pass was left out by chance (--probability %g).",
			 report->host ? report->host : "this host", when, pass->probability);
		return;
	}
	text_say(text, 0, TEXT_BOLD, "SWEEP      ",
		 "%s, %s: %s %s looked at for %s, %s %s, %zu traced.",
		 report->host ? report->host : "this host", when,
		 words_count(&processes, pass->processes),
		 words_plural(pass->processes, "process", "processes"),
		 words_seconds(&looked, pass->look_seconds),
		 words_count(&growing, pass->nr_growing),
		 words_plural(pass->nr_growing, "grows", "grow"), traced);
}

static void say_suspect(struct text *text, const struct pass_suspect *suspect)
{
	struct words traced;

	if (suspect->is_cgroup) {
		text_say(text, 0, TEXT_WARNING, "CGROUP     ", "%s: %s; not traced: %s.",
			 suspect->comm, suspect->why ? suspect->why : "it grows",
			 suspect->not_traced ? suspect->not_traced : "it is no process");
		return;
	}
	if (!suspect->traced) {
		text_say(text, 0, TEXT_WARNING, "NOT TRACED ", "%s (pid %d): %s; %s.",
			 suspect->comm, suspect->pid, suspect->why ? suspect->why : "it grows",
			 suspect->not_traced ? suspect->not_traced : "no reason is known");
		return;
	}
	text_say(text, 0, TEXT_BOLD, "SUSPECT    ", "%s (pid %d): %s; traced for %s%s%s.",
		 suspect->comm, suspect->pid, suspect->why ? suspect->why : "it grows",
		 words_seconds(&traced, suspect->trace_seconds), suspect->not_traced ? ": " : "",
		 suspect->not_traced ? suspect->not_traced : "");
}

/* What tracing has found out is better than where pages are touched. */
static void say_places(struct text *text, const struct pass_suspect *suspect)
{
	char *words = suspect->findings.nr ? NULL : pass_places_words(suspect), *rest = words,
	     *line;

	while ((line = strsep(&rest, "\n")))
		text_say(text, 11, TEXT_PLAIN, "", "New memory is first touched in: %s.", line);
	free(words);
}

static bool is_accused(const struct profile_process *process)
{
	switch (process->verdict) {
	case VERDICT_NONE:
	case VERDICT_STEADY:
	case VERDICT_FILLING:
	case VERDICT_TOO_LITTLE_DATA:
		return false;
	default:
		return true;
	}
}

static void say_hidden(struct text *text, const struct pass_suspect *suspect)
{
	struct words bytes, sites;

	for (size_t i = 0; i < suspect->findings.nr_hidden; i++) {
		const struct finding_hidden *hidden = &suspect->findings.hidden[i];
		const char *comment = hidden->by->comment;

		text_say(text, 0, TEXT_DIM, "SUPPRESSED ", "%s %s (%s) by %s in line %u%s%s.",
			 words_count(&sites, hidden->sites),
			 words_plural(hidden->sites, "site", "sites"),
			 words_bytes(&bytes, (double)hidden->live_bytes), hidden->by->text,
			 hidden->by->line, comment ? ": " : "", comment ? comment : "");
	}
}

/* The process's verdict and, where there is a finding, its sites. */
static void say_profile(struct text *text, const struct pass_suspect *suspect)
{
	const struct profile *profile = suspect->profile;
	bool hidden = suspect->findings.suppressed && !suspect->findings.nr;

	text->profile = profile;
	for (uint32_t i = 0; profile && i < profile->nr_processes && !hidden; i++) {
		text_verdict(text, i);
		if (suspect->findings.nr || is_accused(&profile->processes[i]))
			text_process(text, i);
	}
	text->profile = NULL;
	say_hidden(text, suspect);
	if (profile && profile->health.dropped)
		text_say(text, 11, TEXT_WARNING, "",
			 "%" PRIu64 " events were lost: its figures are bounds.",
			 profile->health.dropped);
}

static void say_suspects(struct text *text, const struct pass *pass)
{
	size_t untraced = 0;

	for (size_t i = 0; i < pass->nr_suspects; i++) {
		const struct pass_suspect *suspect = &pass->suspects[i];

		if (!suspect->traced && !suspect->failed && ++untraced > UNTRACED_SHOWN)
			continue;
		fputc('\n', text->out);
		say_suspect(text, suspect);
		say_places(text, suspect);
		if (suspect->traced)
			say_profile(text, suspect);
	}
	if (!pass->nr_suspects && pass->took_part && !pass->stopped && !pass->nr_problems)
		text_say(text, 11, TEXT_GOOD, "", "Nothing grows.");
	if (untraced > UNTRACED_SHOWN)
		text_say(text, 0, TEXT_PLAIN, "", "\n%zu more grow less, and were not traced.",
			 untraced - UNTRACED_SHOWN);
}

static void say_kills(struct text *text, const struct pass *pass)
{
	struct words bytes, had;

	for (size_t i = 0; i < pass->nr_kills; i++) {
		const struct pass_kill *kill = &pass->kills[i];

		if (kill->limit_cgroup)
			text_say(text, 0, TEXT_BAD, "KILLED     ",
				 "%s (pid %d) had %s: the limit of cgroup %s, %s, was reached.",
				 kill->comm, kill->pid, words_bytes(&had, (double)kill->anonymous),
				 kill->limit_cgroup, words_bytes(&bytes, (double)kill->limit));
		else
			text_say(text, 0, TEXT_BAD, "KILLED     ", "%s (pid %d) had %s: %s.",
				 kill->comm, kill->pid, words_bytes(&had, (double)kill->anonymous),
				 kill->whole_host ? "the host's memory was used up"
						  : "memory was used up");
	}
	if (pass->kills_lost)
		text_say(text, 0, TEXT_WARNING, "NOTE       ",
			 "%" PRIu64 " more were killed for want of memory.", pass->kills_lost);
	if (pass->kills_unseen)
		text_say(text, 0, TEXT_WARNING, "NOTE       ",
			 "kills for want of memory could not be watched: %s.", pass->kills_unseen);
	if (pass->places_unseen)
		text_say(text, 0, TEXT_DIM, "NOTE       ",
			 "where memory is first touched is not known: %s.", pass->places_unseen);
}

static void say_left_out(struct text *text, const struct sweep_report *report)
{
	const struct pass *pass = report->pass;

	if (pass->stopped)
		text_say(text, 0, TEXT_WARNING, "NOTE       ", "stopped before it was done.");
	for (size_t i = 0; i < pass->nr_problems; i++)
		text_say(text, 0, TEXT_WARNING, "NOTE       ", "%s.", pass->problems[i]);
	if (pass->unreadable)
		text_say(text, 0, TEXT_WARNING, "NOTE       ",
			 "%" PRIu64 " processes could not be read.", pass->unreadable);
	if (pass->left_out)
		text_say(text, 0, TEXT_WARNING, "NOTE       ",
			 "%" PRIu64 " processes or cgroups were beyond the bound of a look.",
			 pass->left_out);
	if (report->missed)
		text_say(text, 0, TEXT_WARNING, "NOTE       ",
			 "%" PRIu64
			 " passes were left out, since others took longer than --every, or used "
			 "what --own-budget allows.",
			 report->missed);
}

static void say_store(struct text *text, const struct sweep_report *report)
{
	if (report->store_problem)
		text_say(text, 0, TEXT_BAD, "NOT STORED ", "%s", report->store_problem);
	else if (report->store && report->pass->number)
		text_say(text, 0, TEXT_DIM, "STORED     ", "sweep %" PRId64 " in %s",
			 report->pass->number, report->store);
}

static void say_cost(struct text *text, const struct pass *pass)
{
	double cpu = pass->triage_cpu + pass->trace_cpu + pass->faults_cpu;
	struct words all, looking, faults, tracing, memory, time, rested;

	text_say(text, 0, TEXT_DIM, "COST       ",
		 "%s of CPU (%.2f%% of one core over %s): %s to look, %s to count page faults, %s "
		 "to "
		 "trace; %s resident.",
		 words_seconds(&all, cpu), pass->seconds > 0 ? 100 * cpu / pass->seconds : 0,
		 words_seconds(&time, pass->seconds), words_seconds(&looking, pass->triage_cpu),
		 words_seconds(&faults, pass->faults_cpu), words_seconds(&tracing, pass->trace_cpu),
		 words_bytes(&memory, (double)pass->resident));
	if (pass->rested >= 0.1)
		text_say(text, 11, TEXT_DIM, "",
			 "It waited for %s to keep within its own budget of %g%%.",
			 words_seconds(&rested, pass->rested), pass->own_budget);
}

int sweep_write_text(const struct sweep_report *report, const struct report_options *options,
		     FILE *out)
{
	struct text text = { .options = options, .out = out };

	text.width = options->width ? options->width : 100;
	if (text.width < 40)
		text.width = 40;
	say_title(&text, report);
	if (report->pass->took_part) {
		say_suspects(&text, report->pass);
		fputc('\n', out);
	}
	say_kills(&text, report->pass);
	say_left_out(&text, report);
	say_store(&text, report);
	if (report->pass->took_part)
		say_cost(&text, report->pass);
	return text.error ? text.error : report_finish(out);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns which processes are told of in one line together. On a whole host commands come and
 * go by the dozen, and each leaves to its end what it never meant to free: those have no
 * finding of their own, and bury the ones that do.
 */
#include "report/text.h"
#include "report/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* So many are still told one by one. */
#define TOLD_APART 3

/* A program that seep itself ran is what was asked about, however it ended. */
static bool is_passing(const struct profile_process *process)
{
	return process->exited && !process->oom_killed && process->exit_status < 0 &&
	       (process->verdict == VERDICT_LIVE_AT_EXIT || process->verdict == VERDICT_NONE);
}

static bool is_grave(enum profile_verdict verdict)
{
	return verdict == VERDICT_GROWING || verdict == VERDICT_LOST || verdict == VERDICT_BURST;
}

/* A flag a process; NULL when out of memory. */
static bool *find_passing(const struct profile *profile, size_t *ret_nr)
{
	bool *passing = calloc(profile->nr_processes + 1, sizeof(*passing));

	if (!passing)
		return NULL;
	*ret_nr = 0;
	for (size_t i = 0; i < profile->nr_processes; i++)
		passing[i] = is_passing(&profile->processes[i]);
	for (size_t i = 0; i < profile->nr_sites; i++)
		if (is_grave(profile->sites[i].verdict))
			passing[profile->sites[i].process] = false;
	for (size_t i = 0; i < profile->nr_processes; i++)
		*ret_nr += passing[i];
	return passing;
}

static void add(struct text_ended *ended, const struct profile_process *process)
{
	ended->nr++;
	ended->nr_live += process->verdict == VERDICT_LIVE_AT_EXIT;
	ended->live_bytes += process->live_bytes;
	if (!ended->largest || process->live_bytes > ended->largest->live_bytes)
		ended->largest = process;
}

size_t text_fold_ended(struct text *text, uint32_t *order, size_t nr, struct text_ended *ret_ended)
{
	struct text_ended ended = { 0 };
	size_t nr_passing, kept = 0;
	bool *passing = find_passing(text->profile, &nr_passing);

	if (!passing) {
		text->error = text->error ? text->error : -ENOMEM;
		nr_passing = 0;
	}
	if (nr_passing <= TOLD_APART || text->options->verbose) {
		kept = nr;
	} else {
		for (size_t i = 0; i < nr; i++) {
			if (passing[order[i]])
				add(&ended, &text->profile->processes[order[i]]);
			else
				order[kept++] = order[i];
		}
	}
	free(passing);
	*ret_ended = ended;
	return kept;
}

void text_ended(struct text *text, const struct text_ended *ended)
{
	struct words all, most, count, live;

	if (!ended->nr)
		return;
	words_count(&count, ended->nr);
	if (!ended->nr_live)
		text_say(
			text, 0, TEXT_GOOD, "NO LEAK    ",
			"%s processes have ended and had freed all they allocated (-v shows each).",
			count.text);
	else
		text_say(text, 0, TEXT_WARNING, "NOTE       ",
			 "%s processes have ended, %s of them with something live at exit: %s in "
			 "all, the most in %s (pid %" PRIu32 "), %s (-v shows each).",
			 count.text,
			 ended->nr_live == ended->nr ? "all" : words_count(&live, ended->nr_live),
			 words_bytes(&all, ended->live_bytes), ended->largest->comm,
			 ended->largest->pid, words_bytes(&most, ended->largest->live_bytes));
}

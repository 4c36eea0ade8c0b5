/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Owns `seep fleet versions`: which builds of a program there are, and two of them compared. */
#include "fleet_question.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "command.h"

static int list_builds(struct question *question)
{
	struct fleet_list list = { .fleet = question->fleet };
	struct fleet_build *builds = NULL;
	int status, err = fleet_builds(question->fleet, &builds, &list.nr);

	list.builds = builds;
	if (err)
		status = fleet_complain(err, NULL);
	else
		status = fleet_written(
			question->arguments->json
				? report_fleet_list_json(&list, stdout)
				: report_fleet_list(&list, &question->arguments->options, stdout));
	free(builds);
	return status;
}

static int find_build(struct question *question, const char *text, bool *ret_programs)
{
	int err = fleet_find_build(question->fleet, text, ret_programs);

	if (err == -ENOENT)
		log_error("no sweep has traced a build '%s' of %s: 'seep fleet versions %s' lists "
			  "those that are known",
			  text, question->arguments->words[1], question->arguments->words[1]);
	else if (err == -EEXIST)
		log_error("several builds begin with '%s': give more of it", text);
	return err;
}

static int write_comparison(struct question *question, struct fleet_comparison *comparison)
{
	struct fleet_difference *differences = NULL;
	char *message = NULL;
	bool worse = false;
	int status, err = fleet_compare(question->fleet, comparison->before, comparison->after,
					&differences, &comparison->nr);

	comparison->differences = differences;
	comparison->nr_shown = fleet_shown(question, comparison->nr);
	if (!err)
		err = fleet_make_examples(question, comparison->nr_shown);
	for (size_t i = 0; i < comparison->nr_shown && !err; i++)
		err = fleet_take_example(question, i, differences[i].latest, &message);
	comparison->examples = question->examples;
	for (size_t i = 0; i < comparison->nr; i++)
		worse |= differences[i].change == FLEET_NEW ||
			 differences[i].change == FLEET_REGRESSED;
	if (err)
		status = fleet_complain(err, message);
	else
		status = fleet_written(
			question->arguments->json
				? report_fleet_comparison_json(comparison, stdout)
				: report_fleet_comparison(comparison, &question->arguments->options,
							  stdout));
	free(differences);
	return status == EXIT_CLEAN && worse ? EXIT_FINDINGS : status;
}

static int find_newest(struct question *question, const bool *other, bool older, bool *ret_programs)
{
	const char *binary = question->arguments->words[1];
	int err = fleet_newest_build(question->fleet, other, older, ret_programs);

	if (err == -ENOENT)
		log_error(
			"no sweep has traced %s build of %s: 'seep fleet versions %s' lists those "
			"that are known",
			older ? "an older" : "another", binary, binary);
	else if (err)
		fleet_complain(err, NULL);
	return err;
}

/* Named both, or one of them: then the newest that can be meant. */
static int find_builds(struct question *question, bool *before, bool *after)
{
	const struct fleet_arguments *a = question->arguments;
	const char *from = a->from ? a->from : a->words[2], *to = a->to ? a->to : a->words[3];
	int err = from ? find_build(question, from, before) : 0;

	if (!err && to)
		err = find_build(question, to, after);
	else if (!err)
		err = find_newest(question, before, false, after);
	if (!err && !from)
		err = find_newest(question, after, true, before);
	return err;
}

int fleet_answer_versions(struct question *question)
{
	const struct fleet_arguments *arguments = question->arguments;
	bool *before, *after;
	int status = EXIT_USAGE;

	if (arguments->nr_words == 2 && !arguments->from && !arguments->to)
		return list_builds(question);
	before = calloc(question->fleet->nr_programs + 1, sizeof(*before));
	after = calloc(question->fleet->nr_programs + 1, sizeof(*after));
	if (!before || !after) {
		status = fleet_complain(-ENOMEM, NULL);
	} else if (!find_builds(question, before, after)) {
		struct fleet_comparison comparison = { .fleet = question->fleet,
						       .before = before,
						       .after = after };

		status = write_comparison(question, &comparison);
	}
	free(before);
	free(after);
	return status;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* seep fleet: what the sweeps of this host say together. */
#include "command.h"
#include "fleet_question.h"
#include "output.h"
#include "trace_options.h"
#include "base/log.h"
#include "store/sweep_store.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROWS_SHOWN 20

enum { KEY_FORMAT = 256, KEY_NO_COLOUR, KEY_STORE, KEY_SINCE, KEY_LIMIT, KEY_FROM, KEY_TO };

static const struct argp_option fleet_argp_options[] = {
	{ "store", KEY_STORE, "FILE", 0,
	  "The store to ask (default: /var/lib/seep/seep.db for root, else below "
	  "$XDG_STATE_HOME)",
	  0 },
	{ "since", KEY_SINCE, "TIME", 0, "Only sweeps of the last so long: 12h, 7d", 0 },
	{ "limit", KEY_LIMIT, "N", 0, "Rows shown; 0 all (default 20)", 0 },
	{ "from", KEY_FROM, "BUILD", 0,
	  "versions: compare this build with --to (default: the newest one before it)", 0 },
	{ "to", KEY_TO, "BUILD", 0, "versions: with this build (default: the newest other one)",
	  0 },
	{ "format", KEY_FORMAT, "FORMAT", 0, "text (the default) or json", 0 },
	{ "no-color", KEY_NO_COLOUR, NULL, 0, "No colours, as with NO_COLOR set", 0 },
	{ "verbose", 'v', NULL, 0, "text: whole names and build ids, evidence of each capture", 0 },
	{ 0 },
};

static void check_words(struct argp_state *state, const struct fleet_arguments *arguments)
{
	static const struct {
		const char *name;
		unsigned int least, most;
		const char *wants;
	} verbs[] = {
		{ "top", 1, 1, "nothing else" },
		{ "site", 2, 2, "the SIGNATURE of a site" },
		{ "versions", 2, 4, "a BINARY, and none or two of its builds" },
	};
	unsigned int nr = arguments->nr_words;

	if (!nr)
		argp_error(state, "what? top, site SIGNATURE, or versions BINARY [A B]");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(arguments->words[0], verbs[i].name))
			continue;
		if (nr < verbs[i].least || nr > verbs[i].most || nr == 3)
			argp_error(state, "'%s' takes %s", verbs[i].name, verbs[i].wants);
		if ((arguments->from || arguments->to) && (nr != 2 || verbs[i].most != MOST_WORDS))
			argp_error(state, "--from and --to are for 'versions BINARY'");
		return;
	}
	argp_error(state, "'%s' is none of top, site, versions", arguments->words[0]);
}

static error_t parse_fleet(int key, char *value, struct argp_state *state)
{
	struct fleet_arguments *arguments = state->input;

	switch (key) {
	case KEY_STORE:
		arguments->store = value;
		break;
	case KEY_SINCE:
		arguments->since = parse_seconds(state, value);
		break;
	case KEY_LIMIT:
		arguments->limit = parse_count(state, value, UINT32_MAX);
		break;
	case KEY_FROM:
		arguments->from = value;
		break;
	case KEY_TO:
		arguments->to = value;
		break;
	case KEY_FORMAT:
		arguments->json = !strcmp(value, "json");
		if (!arguments->json && strcmp(value, "text"))
			argp_error(state, "an answer is text or json, not '%s'", value);
		break;
	case KEY_NO_COLOUR:
		arguments->no_colour = true;
		break;
	case 'v':
		arguments->options.verbose = true;
		break;
	case ARGP_KEY_ARG:
		if (arguments->nr_words == MOST_WORDS)
			argp_error(state, "'%s' is one word too many", value);
		arguments->words[arguments->nr_words++] = value;
		break;
	case ARGP_KEY_END:
		check_words(state, arguments);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

int fleet_complain(int err, char *message)
{
	log_error("%s", message ? message : err == -ENOMEM ? "out of memory" : strerror(-err));
	free(message);
	return EXIT_USAGE;
}

int fleet_written(int err)
{
	if (!err)
		return EXIT_CLEAN;
	log_error("cannot write the standard output: %s", strerror(-err));
	return EXIT_PARTIAL;
}

size_t fleet_shown(const struct question *question, size_t nr)
{
	size_t limit = question->arguments->limit;

	return limit && limit < nr ? limit : nr;
}

int fleet_make_examples(struct question *question, size_t nr)
{
	question->examples = calloc(nr + 1, sizeof(*question->examples));
	question->nr_examples = question->examples ? nr : 0;
	return question->examples ? 0 : -ENOMEM;
}

/* A site that its capture has lost is shown without its stack: figures stay right. */
int fleet_take_example(struct question *question, size_t row, uint32_t sighting, char **message)
{
	const struct fleet_sighting *one = &question->fleet->sightings[sighting];
	int err = fleet_reader_site(question->reader, question->fleet->looks[one->look].capture,
				    one->site, &question->examples[row], message);

	if (err != -ENOENT)
		return err;
	free(*message);
	*message = NULL;
	return 0;
}

static int answer_top(struct question *question)
{
	struct fleet_top top = { .fleet = question->fleet };
	struct fleet_site *sites = NULL;
	char *message = NULL;
	int status, err = fleet_rank(question->fleet, &sites, &top.nr);

	top.sites = sites;
	top.nr_shown = fleet_shown(question, top.nr);
	if (!err)
		err = fleet_make_examples(question, top.nr_shown);
	for (size_t i = 0; i < top.nr_shown && !err; i++)
		err = fleet_take_example(question, i, sites[i].latest, &message);
	top.examples = question->examples;
	if (err)
		status = fleet_complain(err, message);
	else
		status = fleet_written(
			question->arguments->json
				? report_fleet_top_json(&top, stdout)
				: report_fleet_top(&top, &question->arguments->options, stdout));
	free(sites);
	return status;
}

static int find_site(struct question *question, uint64_t *ret_names)
{
	const char *digits = question->arguments->words[1];
	int err = fleet_find_site(question->fleet, digits, ret_names);

	if (err == -EINVAL)
		log_error("'%s' is no signature: up to 16 digits of 0-9 and a-f, as "
			  "'seep fleet top' shows them",
			  digits);
	else if (err == -ENOENT)
		log_error("no site has the signature %s", digits);
	else if (err == -EEXIST)
		log_error("several sites have signatures that begin with %s: give more of it",
			  digits);
	return err;
}

/* Indices of the site's sightings, the latest first. */
static uint32_t *sightings_of(const struct fleet *fleet, uint64_t names, size_t *ret_nr)
{
	uint32_t *sightings = calloc(fleet->nr_sightings + 1, sizeof(*sightings));
	size_t nr = 0;

	for (size_t i = fleet->nr_sightings; sightings && i-- > 0;)
		if (fleet->sightings[i].names == names)
			sightings[nr++] = i;
	*ret_nr = nr;
	return sightings;
}

static int write_history(struct question *question, struct fleet_history *history)
{
	const char **evidence = calloc(history->nr_shown + 1, sizeof(*evidence));
	char *message = NULL;
	int status, err = evidence ? fleet_make_examples(question, history->nr_shown) : -ENOMEM;

	for (size_t i = 0; i < history->nr_shown && !err; i++) {
		err = fleet_take_example(question, i, history->sightings[i], &message);
		if (!err && question->examples[i])
			evidence[i] = question->examples[i]->sites[0].evidence;
	}
	if (err) {
		free(evidence);
		return fleet_complain(err, message);
	}
	history->example = question->examples[0];
	history->evidence = evidence;
	status = fleet_written(
		question->arguments->json
			? report_fleet_history_json(history, stdout)
			: report_fleet_history(history, &question->arguments->options, stdout));
	free(evidence);
	return status;
}

static int answer_site(struct question *question)
{
	struct fleet_history history = { .fleet = question->fleet };
	struct fleet_site *sites = NULL;
	uint32_t *sightings = NULL;
	size_t nr = 0;
	int status = EXIT_USAGE, err = find_site(question, &history.names);

	if (err)
		return status;
	err = fleet_rank(question->fleet, &sites, &nr);
	for (size_t i = 0; i < nr; i++)
		if (sites[i].names == history.names)
			history.site = &sites[i];
	if (!err) {
		sightings = sightings_of(question->fleet, history.names, &history.nr);
		err = sightings ? 0 : -ENOMEM;
	}
	history.sightings = sightings;
	history.nr_shown = fleet_shown(question, history.nr);
	status = err ? fleet_complain(err, NULL) : write_history(question, &history);
	free(sightings);
	free(sites);
	return status;
}

static int ask(struct question *question, const char *path)
{
	const struct fleet_arguments *arguments = question->arguments;
	const char *verb = arguments->words[0];
	struct fleet_query query = {
		.since = arguments->since > 0 ? (double)time(NULL) - arguments->since : 0,
		.binary = strcmp(verb, "versions") ? NULL : arguments->words[1],
	};
	char *message = NULL;
	int err = fleet_reader_open(path, &question->reader, &message);

	if (!err)
		err = fleet_reader_read(question->reader, &query, &question->fleet, &message);
	if (err)
		return fleet_complain(err, message);
	if (!strcmp(verb, "top"))
		return answer_top(question);
	return !strcmp(verb, "site") ? answer_site(question) : fleet_answer_versions(question);
}

static int run_fleet(int argc, char **argv)
{
	static const struct argp argp = {
		.options = fleet_argp_options,
		.parser = parse_fleet,
		.args_doc = "top\nsite SIGNATURE\nversions BINARY [A B]",
		.doc = "Asks the store of sweeps: the worst sites, one site's history, or what "
		       "changed between two builds of a program (build ids or as much of them as "
		       "is needed, or versions; without them, and without --from and --to: lists "
		       "them).\v"
		       "Exit status: 0 answered, 10 versions: a site is new or has regressed, "
		       "2 wrong usage or no store, 5 the answer could not be written.",
	};
	struct fleet_arguments arguments = { .limit = ROWS_SHOWN };
	struct question question = { .arguments = &arguments };
	char *path;
	int status;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	output_look_at_terminal(&arguments.options, arguments.no_colour);
	path = arguments.store ? strdup(arguments.store) : sweep_store_default_path();
	if (path) {
		status = ask(&question, path);
	} else {
		log_error("where is the store? There is no home to look in: use --store");
		status = EXIT_USAGE;
	}
	for (size_t i = 0; i < question.nr_examples; i++)
		profile_free(question.examples[i]);
	free(question.examples);
	fleet_free(question.fleet);
	fleet_reader_close(question.reader);
	free(path);
	return status;
}

const struct command command_fleet = {
	.name = "fleet",
	.summary = "ask the store of sweeps: worst sites, a site's history, versions",
	.run = run_fleet,
};

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table of commands; each does its own options and errors. */
#include <stdio.h>
#include <string.h>

#include "command.h"

static const struct command *const commands[] = {
	&command_trace, &command_run, &command_report, &command_diff,  &command_doctor,
	&command_types, &command_why, &command_sweep,  &command_fleet, &command_top,
};

static void help(FILE *out)
{
	fputs("Usage: seep COMMAND [OPTIONS]\n"
	      "Finds memory that is never given back, on a running system.\n\n",
	      out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(out, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n'seep COMMAND --help' lists a command's options. First leak: seep trace -p PID\n",
	      out);
}

int main(int argc, char **argv)
{
	static char name[32];

	if (argc < 2) {
		help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("seep " SEEP_VERSION);
		return 0;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		help(stdout);
		return 0;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(argv[1], commands[i]->name))
			continue;
		/* As usage messages shall call it. */
		snprintf(name, sizeof(name), "seep %s", commands[i]->name);
		argv[1] = name;
		return commands[i]->run(argc - 1, argv + 1);
	}
	fprintf(stderr, "seep: there is no command '%s'\n", argv[1]);
	help(stderr);
	return EXIT_USAGE;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What main's table holds: one command a file, user/cmd_<name>.c. */
#ifndef SEEP_COMMAND_H
#define SEEP_COMMAND_H

struct command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
};

enum exit_code {
	EXIT_CLEAN = 0,
	EXIT_USAGE = 2,
	EXIT_PRIVILEGE = 3, /* or a kernel that does not allow it */
	EXIT_TARGET_GONE = 4,
	EXIT_PARTIAL = 5,
	EXIT_FINDINGS = 10,
};

extern const struct command command_trace, command_run, command_report, command_diff,
	command_doctor, command_types, command_why, command_sweep, command_fleet, command_top;

#endif

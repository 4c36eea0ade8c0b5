// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * seep run: starts a command, traces it from its first instruction, and reports when it
 * has ended. The child waits until it is a target; from its exec on it stops itself each
 * time that it maps code, until the probes are in.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "command.h"
#include "trace_options.h"

struct run_arguments {
	struct trace_options options; /* first: the child parsers' input */
	char **command;
	bool pass_status;
};

enum { KEY_EXIT_STATUS = 512, KEY_DURATION };
enum { COMMAND_NOT_FOUND = 127, COMMAND_NOT_EXECUTABLE = 126 };

static const struct argp_option option_table[] = {
	{ "exit-status", KEY_EXIT_STATUS, NULL, 0, "Exit as the command did (128 + signal)", 0 },
	{ "duration", KEY_DURATION, "TIME", 0, "Report after so long; the command goes on untraced",
	  0 },
	{ 0 },
};

static volatile sig_atomic_t stop, received;
static pid_t child;

/* The first signal is the command's to obey, the second ends the tracing. */
static void on_signal(int signal)
{
	if (received)
		stop = signal;
	received = signal;
	/* A terminal sends SIGINT to the whole foreground group by itself. */
	if (child > 0 && (signal != SIGINT || !isatty(STDIN_FILENO)))
		kill(child, signal);
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct run_arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->options;
		break;
	case KEY_EXIT_STATUS:
		a->pass_status = true;
		break;
	case KEY_DURATION:
		a->options.duration = parse_seconds(state, value);
		break;
	case ARGP_KEY_ARGS:
		a->command = state->argv + state->next;
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which command? seep run [OPTIONS] -- COMMAND ARGUMENTS");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

struct pipes {
	int go[2]; /* a byte: you are a target now */
	int failed[2]; /* errno of exec; closed by a successful one */
};

static void become_command(const struct pipes *pipes, char **command)
{
	char byte;
	int err;

	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	if (read(pipes->go[0], &byte, 1) != 1)
		_exit(COMMAND_NOT_FOUND);
	close(pipes->go[0]);
	execvp(command[0], command);
	err = errno;
	if (write(pipes->failed[1], &err, sizeof(err)) != sizeof(err))
		_exit(COMMAND_NOT_FOUND);
	_exit(err == ENOENT ? COMMAND_NOT_FOUND : COMMAND_NOT_EXECUTABLE);
}

static int start_child(struct pipes *pipes, char **command)
{
	if (pipe2(pipes->go, O_CLOEXEC) || pipe2(pipes->failed, O_CLOEXEC))
		return -errno;
	child = fork();
	if (child < 0)
		return -errno;
	if (!child) {
		close(pipes->go[1]);
		close(pipes->failed[0]);
		become_command(pipes, command);
	}
	close(pipes->go[0]);
	close(pipes->failed[1]);
	return 0;
}

/* As of waitpid; -1 when there is none. */
static int wait_status(void)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

/* As a shell tells it. */
static int shell_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Lets it go to its exec. 0, or an exit code when there is no such command. */
static int release_child(struct tracer *tracer, struct pipes *pipes, char **command)
{
	int err = tracer_add_child(tracer, child);

	if (err || write(pipes->go[1], "", 1) != 1) {
		log_error("the command cannot be traced: %s", strerror(err ? -err : errno));
		close(pipes->go[1]);
		wait_status();
		return EXIT_PARTIAL;
	}
	close(pipes->go[1]);
	return 0;
}

static int exec_error(const struct pipes *pipes)
{
	int err = 0;

	if (read(pipes->failed[0], &err, sizeof(err)) != sizeof(err))
		err = 0;
	close(pipes->failed[0]);
	return err;
}

static int report(struct tracer *tracer, const struct run_arguments *a)
{
	struct profile *profile;
	int status, err = tracer_profile(tracer, &a->options.report, &profile);

	if (err) {
		log_error("no report: %s", strerror(-err));
		return EXIT_PARTIAL;
	}
	profile->capture.ran_child = true;
	status = trace_deliver(&a->options, profile, true);
	profile_free(profile);
	return status;
}

static int trace(struct tracer *tracer, const struct run_arguments *a, struct pipes *pipes)
{
	int err, status, exec_failed, command_status = -1;

	status = release_child(tracer, pipes, a->command);
	if (status)
		return status;
	err = tracer_run(tracer, a->options.duration, &stop);
	if (err)
		log_warn("tracing ended early: %s; this is what was seen", strerror(-err));
	tracer_stop(tracer);
	if (tracer_targets_ended(tracer)) {
		command_status = wait_status();
		exec_failed = exec_error(pipes);
		if (exec_failed) {
			log_error("cannot run '%s': %s", a->command[0], strerror(exec_failed));
			return a->pass_status ? shell_status(command_status) : EXIT_USAGE;
		}
		tracer_set_exit_status(tracer, child, command_status);
	}
	status = report(tracer, a);
	return a->pass_status && command_status >= 0 ? shell_status(command_status) : status;
}

static int run_run(int argc, char **argv)
{
	static const struct argp_child children[] = { { &trace_options_argp, 0, NULL, 1 }, { 0 } };
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.args_doc = "COMMAND [ARGUMENTS]",
		.doc = "Runs a command, traces its memory from the first instruction on, and "
		       "reports what "
		       "it had not given back when it ended.\v"
		       "The probes are in every process that maps the same libraries, so that "
		       "children "
		       "are traced without a gap; with --no-follow in the command alone. Exit "
		       "status: "
		       "as of 'seep trace', or the command's with --exit-status.",
		.children = children,
	};
	struct sigaction action = { .sa_handler = on_signal };
	struct run_arguments a = { .command = NULL };
	char *line = command_line(argc, argv);
	struct tracer *tracer = NULL;
	struct features features;
	struct pipes pipes;
	int status, err;

	argp_err_exit_status = EXIT_USAGE;
	trace_options_init(&a.options);
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &a);
	a.options.tracer.command = line;
	a.options.tracer.host_wide = a.options.tracer.follow;
	status = trace_begin(&a.options, &features, &tracer);
	if (!status) {
		sigaction(SIGINT, &action, NULL);
		sigaction(SIGTERM, &action, NULL);
		sigaction(SIGHUP, &action, NULL);
		err = start_child(&pipes, a.command);
		if (err)
			log_error("cannot start a process: %s", strerror(-err));
		status = err ? EXIT_PARTIAL : trace(tracer, &a, &pipes);
	}
	tracer_free(tracer);
	trace_options_release(&a.options);
	free(line);
	return status;
}

const struct command command_run = {
	.name = "run",
	.summary = "trace a command from its first instruction to its end",
	.run = run_run,
};

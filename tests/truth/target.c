// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the ptrace loop. Stops of the witness are taken out; all others, seep's and the
 * program's own, are passed on as if nobody watched (man 2 ptrace, "group-stop").
 */
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "witness_side.h"

enum { COMMAND_NOT_FOUND = 127, BELOW_SP = 512, GRACE_SECONDS = 5 };

static pid_t child;
static volatile sig_atomic_t killed, given_up;
static int go[2];

static void become_command(char **command)
{
	int nowhere = open("/dev/null", O_RDWR);
	char byte;

	setsid();
	close(go[1]);
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		dup2(nowhere, fd);
	close(nowhere);
	if (read(go[0], &byte, 1) != 1)
		_exit(COMMAND_NOT_FOUND);
	execvp(command[0], command);
	_exit(COMMAND_NOT_FOUND);
}

int target_start(char **command, pid_t *ret_pid)
{
	long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
		       PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;

	if (pipe(go))
		return -errno;
	child = fork();
	if (child < 0)
		return -errno;
	if (!child)
		become_command(command);
	close(go[0]);
	if (ptrace(PTRACE_SEIZE, child, 0, options))
		return -errno;
	*ret_pid = child;
	return 0;
}

/* The thread has not gone on since: its registers are those of the allocation. */
static bool still_there(pid_t tid, const struct witness_hit *hit)
{
	struct user_regs_struct now;
	const __u64 *then = hit->registers;

	if (ptrace(PTRACE_GETREGS, tid, 0, &now))
		return false;
	return now.rbx == then[3] && now.rbp == then[6] && now.r12 == then[12] &&
	       now.r13 == then[13] && now.r14 == then[14] && now.r15 == then[15] &&
	       now.rsp <= then[WITNESS_SP] && now.rsp + BELOW_SP > then[WITNESS_SP];
}

/* The signal that the thread is to get. */
static int on_signal(pid_t tid, int signal, const struct target_ops *ops, void *context)
{
	struct witness_hit hit;

	if (signal != SIGSTOP || !witness_take(tid, &hit) || !still_there(tid, &hit))
		return signal;
	ops->allocation(context, &hit);
	return 0;
}

static bool stops_group(int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

static void on_stop(pid_t tid, int status, const struct target_ops *ops, void *context)
{
	int signal = WSTOPSIG(status), event = status >> 16;

	if (event == PTRACE_EVENT_STOP && stops_group(signal)) {
		ptrace(PTRACE_LISTEN, tid, 0, 0);
		return;
	}
	if (event == PTRACE_EVENT_EXEC)
		ops->forget(context, tid);
	ptrace(PTRACE_CONT, tid, 0, event ? 0 : (long)on_signal(tid, signal, ops, context));
}

void target_kill(void)
{
	kill(-child, SIGKILL);
	kill(child, SIGKILL);
	alarm(GRACE_SECONDS);
}

/* What has left its session ends with the test (PTRACE_O_EXITKILL). */
static void on_alarm(int signal)
{
	given_up = killed;
	killed = 1;
	target_kill();
}

int target_run(const struct target_ops *ops, void *context, unsigned seconds, int *ret_status)
{
	struct sigaction action = { .sa_handler = on_alarm };
	int status;

	sigaction(SIGALRM, &action, NULL);
	alarm(seconds);
	if (write(go[1], "", 1) != 1)
		return -errno;
	close(go[1]);
	for (;;) {
		pid_t tid = waitpid(-1, &status, __WALL);

		if (tid < 0 && errno == EINTR && !given_up)
			continue;
		if (tid < 0)
			break;
		if (WIFSTOPPED(status)) {
			on_stop(tid, status, ops, context);
			continue;
		}
		ops->forget(context, tid);
		if (tid == child)
			*ret_status = status;
	}
	alarm(0);
	return killed ? -ETIMEDOUT : 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the reading of two files of a process in one pass each. Formats: proc(5) and
 * fs/proc/array.c. The name in stat is the process's own choice, blanks and parentheses included,
 * so fields are counted from the last ')'. Opens nothing.
 */
#include "triage/process_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proc/memory_text.h"

/* PF_KTHREAD of include/linux/sched.h. */
#define KERNEL_THREAD_FLAG UINT64_C(0x00200000)

/* Fields of stat by their number in proc(5). */
enum {
	PARENT = 4,
	FLAGS = 9,
	MINOR_FAULTS = 10,
	MAJOR_FAULTS = 12,
	USER_TICKS = 14,
	SYSTEM_TICKS = 15,
	THREADS = 20,
	START = 22,
	RESIDENT = 24,
	FIELDS,
};

/* The numbers from PARENT to RESIDENT; some of them may be negative. */
static int read_fields(const char *at, uint64_t fields[FIELDS])
{
	for (int field = PARENT; field < FIELDS; field++) {
		char *end;

		if (*at != ' ' || (at[1] != '-' && !isdigit((unsigned char)at[1])))
			return -EBADMSG;
		fields[field] = strtoull(at + 1, &end, 10);
		at = end;
	}
	return 0;
}

int process_text_stat(const char *text, uint64_t page, struct host_process *process)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	uint64_t fields[FIELDS];
	size_t length;
	char state;

	if (!open || !close || close < open || close[1] != ' ' || !close[2])
		return -EBADMSG;
	state = close[2];
	if (read_fields(close + strlen(") S"), fields) != 0)
		return -EBADMSG;
	/* The first thread may have ended while others of the process live on. */
	if ((state == 'Z' || state == 'X') && fields[THREADS] <= 1)
		return -ESRCH;
	length = (size_t)(close - open - 1);
	if (length >= sizeof(process->comm))
		length = sizeof(process->comm) - 1;
	memcpy(process->comm, open + 1, length);
	process->comm[length] = '\0';
	process->parent = (pid_t)fields[PARENT];
	process->kernel_thread = fields[FLAGS] & KERNEL_THREAD_FLAG;
	process->faults = fields[MINOR_FAULTS] + fields[MAJOR_FAULTS];
	process->cpu_ticks = fields[USER_TICKS] + fields[SYSTEM_TICKS];
	process->threads = (uint32_t)fields[THREADS];
	process->start_ticks = fields[START];
	process->resident = fields[RESIDENT] * page;
	return 0;
}

/* Not every process has memory of its own: what is not there is 0. */
static int figure(const char *text, const char *name, uint64_t *ret_value)
{
	int err = memory_text_field(text, name, ret_value);

	if (err == -ENOENT)
		*ret_value = 0;
	return err == -ENOENT ? 0 : err;
}

int process_text_status(const char *text, struct host_process *process)
{
	uint64_t uid, anonymous, shared, swap;

	if (memory_text_field(text, "Uid", &uid) != 0 || figure(text, "RssAnon", &anonymous) != 0 ||
	    figure(text, "RssShmem", &shared) != 0 || figure(text, "VmSwap", &swap) != 0)
		return -EBADMSG;
	process->uid = (uid_t)uid;
	process->anonymous = anonymous;
	process->shared = shared;
	process->swap = swap;
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the text of /proc/PID/stat and /proc/PID/status says of a process's memory. Pure. */
#ifndef SEEP_TRIAGE_PROCESS_TEXT_H
#define SEEP_TRIAGE_PROCESS_TEXT_H

#include "triage/host.h"

/*
 * Fills all of *process that stat knows: not pid, uid, cgroup and the kinds of memory. `page`
 * is the size of one. 0; -ESRCH: a zombie, with nothing left; -EBADMSG, *process then as before.
 */
int process_text_stat(const char *text, uint64_t page, struct host_process *process);
/* Fills uid, anonymous, shared, swap. 0; -EBADMSG, *process then as before. */
int process_text_status(const char *text, struct host_process *process);

#endif

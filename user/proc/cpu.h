/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* CPU time that was used. */
#ifndef SEEP_PROC_CPU_H
#define SEEP_PROC_CPU_H

#include <sys/types.h>

/* Seconds of all its threads, ended ones included, to the ns; 0 when it is gone. */
double process_cpu_seconds(pid_t pid);
/* Seconds of all processors that were not idle, since boot; 0 unknown. */
double host_cpu_seconds(void);

#endif

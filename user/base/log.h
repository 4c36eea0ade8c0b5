/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Diagnostics to stderr. Libraries only ever call log_debug; what a user must know is
 * returned as an error and printed once, with the remedy, by a command (cmd_*.c).
 */
#ifndef SEEP_BASE_LOG_H
#define SEEP_BASE_LOG_H

extern int log_verbosity; /* 0: errors and warnings; 1: debug (-v) */

#define LOG_FORMAT(f, a) __attribute__((format(printf, f, a)))

void log_error(const char *format, ...) LOG_FORMAT(1, 2); /* "seep: ..." */
void log_warn(const char *format, ...) LOG_FORMAT(1, 2); /* "seep: warning: ..." */
void log_debug(const char *format, ...) LOG_FORMAT(1, 2);

#endif

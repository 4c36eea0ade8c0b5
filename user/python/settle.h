/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside python_new: which layout the process's memory agrees with. */
#ifndef SEEP_PYTHON_SETTLE_H
#define SEEP_PYTHON_SETTLE_H

#include "python/process.h"

/*
 * Takes over what the process tells of its layout, and tries the collector's structures
 * against it. 0, -ENOTSUP with a reason, -ESRCH, -EACCES, -ENOMEM.
 */
int python_settle(struct python_process *process, char **ret_reason);

/* Sets a reason to say, and is -ENOTSUP. */
int python_refuse(char **ret_reason, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who holds a CPython process's objects. */
#ifndef SEEP_PYTHON_WHY_H
#define SEEP_PYTHON_WHY_H

#include "python/process.h"
#include "runtime/why.h"

/* Adds the lengths of containers to the log. 0, -ESRCH, -EACCES, -ENOMEM, -EFAULT. */
int python_why(struct python_process *process, const struct why_options *options,
	       struct why_log *log, struct why **ret_why);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts a CPython process's objects by type. */
#ifndef SEEP_PYTHON_CENSUS_H
#define SEEP_PYTHON_CENSUS_H

#include "python/process.h"
#include "runtime/census.h"

/* 0, -ESRCH, -EACCES, -ENOMEM, -EFAULT; with a pause also -EBUSY, -ETIMEDOUT. */
int python_census(struct python_process *process, const struct census_options *options,
		  struct census **ret_census);

#endif

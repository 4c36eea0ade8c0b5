// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* CPython as one of the runtimes. */
#include "python/census.h"
#include "python/gc_state.h"
#include "python/process.h"
#include "python/why.h"
#include "runtime/runtimes.h"

static int open_process(pid_t pid, void **ret_process, char **ret_reason)
{
	struct python_process *process;
	int err = python_open(pid, &process, ret_reason);

	if (!err)
		*ret_process = process;
	return err;
}

static void close_process(void *process)
{
	python_close(process);
}

static const char *version(const void *process)
{
	return ((const struct python_process *)process)->build.version;
}

static int gc(void *process, struct runtime_gc *ret_gc)
{
	return python_gc_read(process, ret_gc);
}

static int census(void *process, const struct census_options *options, struct census **ret_census)
{
	return python_census(process, options, ret_census);
}

static int why(void *process, const struct why_options *options, struct why_log *log,
	       struct why **ret_why)
{
	return python_why(process, options, log, ret_why);
}

const struct runtime_ops runtime_python = {
	.name = "python",
	.open = open_process,
	.close = close_process,
	.version = version,
	.gc = gc,
	.census = census,
	.why = why,
};

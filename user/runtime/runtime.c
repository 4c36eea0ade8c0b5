// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns the table of runtimes, and which of them a process is of. Knows what none of them does. */
#include "runtime/runtime.h"

#include <errno.h>
#include <stdlib.h>

#include "runtime/runtimes.h"

struct runtime {
	const struct runtime_ops *ops;
	void *process;
};

static const struct runtime_ops *const runtimes[] = {
	&runtime_python,
};

int runtime_open(pid_t pid, struct runtime **ret_runtime, char **ret_reason)
{
	struct runtime *runtime = malloc(sizeof(*runtime));
	int err = -ENOENT;

	*ret_reason = NULL;
	if (!runtime)
		return -ENOMEM;
	for (size_t i = 0; err == -ENOENT && i < sizeof(runtimes) / sizeof(*runtimes); i++) {
		runtime->ops = runtimes[i];
		err = runtimes[i]->open(pid, &runtime->process, ret_reason);
	}
	if (err)
		free(runtime);
	else
		*ret_runtime = runtime;
	return err;
}

void runtime_close(struct runtime *runtime)
{
	if (!runtime)
		return;
	runtime->ops->close(runtime->process);
	free(runtime);
}

const char *runtime_name(const struct runtime *runtime)
{
	return runtime->ops->name;
}

const char *runtime_version(const struct runtime *runtime)
{
	return runtime->ops->version(runtime->process);
}

int runtime_gc(struct runtime *runtime, struct runtime_gc *ret_gc)
{
	return runtime->ops->gc(runtime->process, ret_gc);
}

int runtime_gc_collects(const struct runtime_gc *gc)
{
	if (gc->enabled > 0 && gc->nr_generations && !gc->generations[0].threshold)
		return 0;
	return gc->enabled;
}

int runtime_census(struct runtime *runtime, const struct census_options *options,
		   struct census **ret_census)
{
	return runtime->ops->census(runtime->process, options, ret_census);
}

int runtime_why(struct runtime *runtime, const struct why_options *options, struct why_log *log,
		struct why **ret_why)
{
	struct runtime_gc gc = { .enabled = -1, .garbage = -1, .frozen = -1 };
	struct why_collector collector;
	int err;

	if (!runtime->ops->why)
		return -ENOSYS;
	err = runtime->ops->why(runtime->process, options, log, ret_why);
	if (err)
		return err;
	/* Without its collector's state less can be said, but something. */
	runtime_gc(runtime, &gc);
	collector.enabled = runtime_gc_collects(&gc);
	collector.garbage = gc.garbage;
	collector.frozen = gc.frozen;
	why_log_add(log, *ret_why, &collector);
	return 0;
}

void *runtime_process(const struct runtime *runtime, const struct runtime_ops *ops)
{
	return runtime->ops == ops ? runtime->process : NULL;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns an opened process: where its memory comes from, its layout, and the way from
 * _PyRuntime to interpreters and collectors. Knows neither objects nor types.
 */
#include "python/process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory/stream.h"
#include "python/settle.h"

enum { CACHED_PAGES = 1024 };

void python_close(struct python_process *process)
{
	if (!process)
		return;
	page_cache_free(process->pages);
	python_build_release(&process->build);
	if (process->owns_source) {
		remote_free(process->source.remote);
		if (process->source.pagemap >= 0)
			close(process->source.pagemap);
	}
	free(process);
}

static int new_process(pid_t pid, const struct python_source *source,
		       const struct python_build *build, struct python_process **ret_process,
		       char **ret_reason)
{
	struct python_process *process = calloc(1, sizeof(*process));
	int err;

	if (!process)
		return -ENOMEM;
	process->pid = pid;
	process->source = *source;
	process->remote = source->remote;
	process->pages = page_cache_new(source->remote, CACHED_PAGES);
	if (!process->pages) {
		free(process);
		return -ENOMEM;
	}
	process->build = *build;
	err = python_settle(process, ret_reason);
	if (err) {
		process->build.path = NULL;
		python_close(process);
		return err;
	}
	*ret_process = process;
	return 0;
}

int python_new(const struct python_source *source, const struct python_build *build,
	       struct python_process **ret_process, char **ret_reason)
{
	*ret_reason = NULL;
	return new_process(0, source, build, ret_process, ret_reason);
}

static int regions_of_process(void *context, struct regions *ret_regions)
{
	struct maps maps;
	int err = maps_read((pid_t)(intptr_t)context, &maps);

	if (err)
		return err;
	/* A process that has ended but was not waited for has no maps, and no error. */
	err = maps.nr ? regions_writable(&maps, ret_regions) : -ESRCH;
	maps_free(&maps);
	return err;
}

static int open_build(pid_t pid, const struct python_build *build,
		      struct python_process **ret_process, char **ret_reason)
{
	struct python_source source = {
		.pagemap = -1,
		.regions = regions_of_process,
		.context = (void *)(intptr_t)pid,
	};
	int err = remote_open(pid, &source.remote);

	if (err)
		return err;
	err = new_process(pid, &source, build, ret_process, ret_reason);
	if (err) {
		remote_free(source.remote);
		return err;
	}
	(*ret_process)->source.pagemap = stream_open_pagemap(pid);
	(*ret_process)->owns_source = true;
	return 0;
}

int python_open(pid_t pid, struct python_process **ret_process, char **ret_reason)
{
	struct python_build build = { 0 };
	struct maps maps;
	int err = maps_read(pid, &maps);

	*ret_reason = NULL;
	if (err)
		return err;
	err = maps.nr ? python_build_find(pid, &maps, &build) : -ESRCH;
	maps_free(&maps);
	/* A version that is not known is told by its name. */
	if (!err || err == -ENOTSUP)
		err = open_build(pid, &build, ret_process, ret_reason);
	if (err)
		python_build_release(&build);
	return err;
}

int python_interpreters(struct python_process *process,
			uint64_t ret_interpreters[PYTHON_MAX_INTERPRETERS], size_t *ret_nr)
{
	const struct python_layout *layout = &process->layout;
	uint64_t interpreter;
	size_t nr = 0;
	int err;

	*ret_nr = 0;
	if (layout->runtime_interpreters == PYTHON_ABSENT)
		return 0;
	err = remote_read_u64(process->remote,
			      process->build.runtime + layout->runtime_interpreters, &interpreter);
	if (err)
		return err;
	/* A ring of them would be a torn read. */
	while (interpreter && nr < PYTHON_MAX_INTERPRETERS) {
		ret_interpreters[nr++] = interpreter;
		err = remote_read_u64(process->remote, interpreter + layout->interpreter_next,
				      &interpreter);
		if (err)
			return err;
	}
	*ret_nr = nr;
	return 0;
}

int python_gc_states(struct python_process *process, uint64_t ret_states[PYTHON_MAX_INTERPRETERS],
		     size_t *ret_nr)
{
	const struct python_layout *layout = &process->layout;
	size_t nr;
	int err;

	if (layout->interpreter_gc == PYTHON_ABSENT) {
		ret_states[0] = layout->runtime_gc == PYTHON_ABSENT
					? 0
					: process->build.runtime + layout->runtime_gc;
		*ret_nr = 1;
		return 0;
	}
	err = python_interpreters(process, ret_states, &nr);
	if (err)
		return err;
	if (!nr)
		return -EFAULT;
	for (size_t i = 0; i < nr; i++)
		ret_states[i] += layout->interpreter_gc;
	*ret_nr = nr;
	return 0;
}

int python_gc_generations(struct python_process *process, uint64_t state, uint64_t *ret_address)
{
	if (process->layout.gc_generations == PYTHON_ABSENT)
		return remote_read_u64(process->remote, process->build.generation0, ret_address);
	*ret_address = state + process->layout.gc_generations;
	return 0;
}

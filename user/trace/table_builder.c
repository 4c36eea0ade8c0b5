// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the thread, the queue of what is to be built and that of what is. The thread is made
 * when there is something for it, so that traces of small programs have none. Each side has
 * a cache of its own. The thread stops when a few results wait, so that their memory is
 * bounded. It must not know the kernel side nor processes.
 */
#include "trace/table_builder.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/thread.h"
#include "base/vec.h"
#include "stack/table_cache.h"

enum {
	VDSO_BYTES = 2 * 4096,
	NICE = 10,
	RESULTS_WAIT = 4, /* of the thread's */
};

struct table_builder {
	struct table_cache_options cache_options;
	struct table_cache *cache; /* of the caller's thread; NULL: none can be used */
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t changed;
	bool stop, busy;
	struct table_job *jobs;
	size_t nr_jobs, cap_jobs;
	struct table_result *results;
	size_t nr_results, cap_results;
};

struct table_builder *table_builder_new(const char *cache_directory)
{
	struct table_builder *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->cache_options.directory = cache_directory;
	if (table_cache_open(&b->cache_options, &b->cache))
		b->cache = NULL;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->changed, NULL);
	return b;
}

static void close_job(const struct table_job *job)
{
	if (job->fd >= 0)
		close(job->fd);
}

void table_builder_free(struct table_builder *b)
{
	if (!b)
		return;
	pthread_mutex_lock(&b->lock);
	b->stop = true;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
	if (b->has_thread)
		pthread_join(b->thread, NULL);
	for (size_t i = 0; i < b->nr_jobs; i++)
		close_job(&b->jobs[i]);
	for (size_t i = 0; i < b->nr_results; i++)
		unwind_table_free(b->results[i].table);
	free(b->jobs);
	free(b->results);
	table_cache_free(b->cache);
	pthread_mutex_destroy(&b->lock);
	pthread_cond_destroy(&b->changed);
	free(b);
}

static bool is_before(const struct table_job *a, const struct table_job *b)
{
	if (a->need != b->need)
		return a->need < b->need;
	return a->text_bytes < b->text_bytes;
}

/* Its index; false when there is none. */
static bool find_most_needed(const struct table_builder *b, size_t *ret_i)
{
	size_t best = 0;

	for (size_t i = 1; i < b->nr_jobs; i++)
		if (is_before(&b->jobs[i], &b->jobs[best]))
			best = i;
	*ret_i = best;
	return b->nr_jobs;
}

static struct table_job take_job(struct table_builder *b, size_t i)
{
	struct table_job job = b->jobs[i];

	b->jobs[i] = b->jobs[--b->nr_jobs];
	return job;
}

static struct table_result build(struct table_cache *cache, const struct table_job *job)
{
	const struct unwind_table_options options = { .full = job->full };
	const void *vdso = (const void *)(uintptr_t)getauxval(AT_SYSINFO_EHDR);
	struct table_result result = { .number = job->number };

	/* The kernel gives the same one to every process of this machine's class. */
	if (job->fd >= 0)
		result.error = table_cache_build(cache, job->fd, &options, &result.table);
	else if (vdso)
		result.error = unwind_table_build_memory(vdso, VDSO_BYTES, &options, &result.table);
	else
		result.error = -ENOENT;
	close_job(job);
	return result;
}

/* Room for a result was made when its job was added. */
static void put_result(struct table_builder *b, const struct table_result *result)
{
	b->results[b->nr_results++] = *result;
	pthread_cond_broadcast(&b->changed);
}

static void work_in_background(struct table_builder *b, struct table_cache *cache)
{
	size_t i;

	while (!b->stop) {
		struct table_result result;
		struct table_job job;

		if (b->nr_results >= RESULTS_WAIT || !find_most_needed(b, &i)) {
			pthread_cond_wait(&b->changed, &b->lock);
			continue;
		}
		job = take_job(b, i);
		b->busy = true;
		pthread_mutex_unlock(&b->lock);
		result = build(cache, &job);
		pthread_mutex_lock(&b->lock);
		b->busy = false;
		put_result(b, &result);
	}
}

static void *run(void *context)
{
	struct table_builder *b = context;
	struct table_cache *cache;

	setpriority(PRIO_PROCESS, syscall(SYS_gettid), NICE);
	if (table_cache_open(&b->cache_options, &cache))
		cache = NULL;
	pthread_mutex_lock(&b->lock);
	work_in_background(b, cache);
	pthread_mutex_unlock(&b->lock);
	table_cache_free(cache);
	return NULL;
}

static void begin_thread(struct table_builder *b)
{
	if (!b->has_thread)
		b->has_thread = !thread_start(&b->thread, run, b);
}

/* Room for the results of all jobs, the one at work too. */
static int reserve_results(struct table_builder *b)
{
	size_t wanted = b->nr_results + b->nr_jobs + 2;
	struct table_result *grown;

	if (wanted <= b->cap_results)
		return 0;
	grown = reallocarray(b->results, wanted * 2, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	b->results = grown;
	b->cap_results = wanted * 2;
	return 0;
}

int table_builder_add(struct table_builder *b, const struct table_job *job)
{
	struct table_job *slot = NULL;

	pthread_mutex_lock(&b->lock);
	if (!reserve_results(b))
		slot = vec_push(&b->jobs, &b->nr_jobs, &b->cap_jobs);
	if (slot)
		*slot = *job;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
	if (slot)
		return 0;
	close_job(job);
	return -ENOMEM;
}

void table_builder_hurry(struct table_builder *b, uint16_t number)
{
	pthread_mutex_lock(&b->lock);
	for (size_t i = 0; i < b->nr_jobs; i++)
		if (b->jobs[i].number == number)
			b->jobs[i].need = TABLE_ASKED;
	pthread_mutex_unlock(&b->lock);
}

/* Builds one job of at most that much text. False: there is none. */
static bool build_one(struct table_builder *b, uint64_t *text_bytes)
{
	struct table_result result;
	struct table_job job;
	size_t i;

	pthread_mutex_lock(&b->lock);
	if (!find_most_needed(b, &i) || b->jobs[i].text_bytes > *text_bytes) {
		pthread_mutex_unlock(&b->lock);
		return false;
	}
	job = take_job(b, i);
	pthread_mutex_unlock(&b->lock);
	result = build(b->cache, &job);
	if (*text_bytes != UINT64_MAX)
		*text_bytes -= job.text_bytes;
	pthread_mutex_lock(&b->lock);
	put_result(b, &result);
	pthread_mutex_unlock(&b->lock);
	return true;
}

void table_builder_work(struct table_builder *b, uint64_t text_bytes)
{
	bool all = text_bytes == UINT64_MAX;

	while (build_one(b, &text_bytes))
		;
	pthread_mutex_lock(&b->lock);
	while (all && b->busy)
		pthread_cond_wait(&b->changed, &b->lock);
	if (b->nr_jobs)
		begin_thread(b);
	pthread_mutex_unlock(&b->lock);
}

bool table_builder_next(struct table_builder *b, struct table_result *ret_result)
{
	bool ready;

	pthread_mutex_lock(&b->lock);
	ready = b->nr_results;
	if (ready) {
		*ret_result = b->results[0];
		b->nr_results--;
		for (size_t i = 0; i < b->nr_results; i++)
			b->results[i] = b->results[i + 1];
		pthread_cond_broadcast(&b->changed);
	}
	pthread_mutex_unlock(&b->lock);
	return ready;
}

size_t table_builder_waiting(const struct table_builder *b)
{
	struct table_builder *shared = (struct table_builder *)(uintptr_t)b;
	size_t nr;

	pthread_mutex_lock(&shared->lock);
	nr = b->nr_jobs + b->nr_results + b->busy;
	pthread_mutex_unlock(&shared->lock);
	return nr;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Foreign memory: of a child that is there, of one that is gone, and of images. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "memory/page_cache.h"
#include "memory/pause.h"
#include "memory/regions.h"
#include "memory/remote.h"
#include "memory/stream.h"

enum { PAGE = 4096, PAGES = 200 };

/* Shared with no one: four kinds of pages, the same in the child. */
static uint8_t *area;

static pid_t fork_child(void)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Pages 0 to 99 touched, 100 to 149 never, 150 not mapped, 151 to 199 touched. */
static void make_area(void)
{
	area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(area, MAP_FAILED);
	madvise(area, PAGES * PAGE, MADV_NOHUGEPAGE);
	for (int i = 0; i < PAGES; i++)
		if (i < 100 || i > 150)
			memset(area + i * PAGE, i + 1, PAGE);
	munmap(area + 150 * PAGE, PAGE);
}

static void reads_another_process(void **state)
{
	uint64_t at = (uintptr_t)area;
	struct remote *remote;
	uint8_t bytes[3 * PAGE];
	pid_t pid = fork_child();

	/* The child has its own copy since the fork. */
	area[5] = 99;
	assert_int_equal(remote_open(pid, &remote), 0);
	assert_int_equal(remote_read(remote, at, bytes, sizeof(bytes)), 0);
	assert_int_equal(bytes[5], 1);
	assert_int_equal(bytes[2 * PAGE], 3);
	assert_int_equal(remote_bytes_read(remote), sizeof(bytes));
	/* Up to the hole, and into it. */
	assert_int_equal(remote_read(remote, at + 149 * PAGE, bytes, 2 * PAGE), -EFAULT);
	assert_int_equal(remote_read_some(remote, at + 149 * PAGE, bytes, 2 * PAGE), PAGE);
	assert_int_equal(remote_read_some(remote, at + 150 * PAGE, bytes, PAGE), 0);
	assert_int_equal(remote_read(remote, 0, bytes, 1), -EFAULT);
	assert_int_equal(remote_read(remote, UINT64_MAX - 3, bytes, 16), -EFAULT);
	end_child(pid);
	assert_int_equal(remote_read(remote, at, bytes, 8), -ESRCH);
	remote_free(remote);
	assert_int_equal(remote_open(pid, &remote), -ESRCH);
	area[5] = 1;
}

static void reads_many_parts(void **state)
{
	enum { PARTS = 3000 };
	struct remote_part *parts = calloc(PARTS, sizeof(*parts));
	uint64_t *words = calloc(PARTS, sizeof(*words));
	struct remote *remote;
	pid_t pid = fork_child();

	assert_int_equal(remote_open(pid, &remote), 0);
	for (int i = 0; i < PARTS; i++)
		parts[i] = (struct remote_part){ (uintptr_t)area + i % PAGES * PAGE, &words[i],
						 sizeof(*words), 77 };
	assert_int_equal(remote_read_many(remote, parts, PARTS), 0);
	for (int i = 0; i < PARTS; i++) {
		int page = i % PAGES;

		assert_int_equal(parts[i].got, page == 150 ? 0 : sizeof(*words));
		if (page < 100 || page > 150)
			assert_int_equal(words[i] & 255, page + 1);
	}
	end_child(pid);
	assert_int_equal(remote_read_many(remote, parts, PARTS), -ESRCH);
	remote_free(remote);
	free(parts);
	free(words);
}

static void takes_writable_private_ranges(void **state)
{
	static const char text[] = "1000-2000 r-xp 0 08:01 5 /bin/x\n"
				   "2000-3000 rw-p 0 08:01 5 /bin/x\n"
				   "3000-5000 rw-p 0 00:00 0 [heap]\n"
				   "5000-6000 rw-p 0 00:00 0 \n"
				   "7000-8000 rw-s 0 00:01 9 /dev/shm/x\n"
				   "8000-9000 rw-p 0 00:00 0 [stack]\n"
				   "9000-a000 -w-p 0 00:00 0\n"
				   "a000-b000 rw-p 0 00:00 0 [vvar]\n"
				   "b000-c000 rw-p 0 00:00 0 [anon:arena]\n";
	struct regions regions;
	struct maps maps;

	assert_int_equal(maps_parse(text, strlen(text), &maps), 0);
	assert_int_equal(regions_writable(&maps, &regions), 0);
	assert_int_equal(regions.nr, 4);
	assert_int_equal(regions.items[0].kind, REGION_FILE);
	assert_true(regions.items[1].start == 0x3000 && regions.items[1].end == 0x6000);
	assert_int_equal(regions.items[2].kind, REGION_STACK);
	assert_int_equal(regions.items[3].start, 0xb000);
	assert_int_equal(regions.bytes, 0x6000);
	assert_null(regions_find(&regions, 0x1fff));
	assert_ptr_equal(regions_find(&regions, 0x5fff), &regions.items[1]);
	assert_null(regions_find(&regions, 0x6000));
	assert_true(regions_hold(&regions, 0x5ff0, 16));
	assert_false(regions_hold(&regions, 0x5ff0, 17));
	assert_false(regions_hold(&regions, 0x5ff0, UINT64_MAX));
	assert_int_equal(regions_add(&regions, 0xb000, 0xd000, REGION_ANONYMOUS), -EINVAL);
	regions_free(&regions);
	maps_free(&maps);
}

struct seen {
	uint64_t bytes, sum, last_end;
	size_t chunks, short_lookahead;
};

static int note_chunk(void *context, const struct stream_chunk *chunk)
{
	struct seen *seen = context;

	assert_true(chunk->address >= seen->last_end);
	assert_true(chunk->readable >= chunk->size);
	assert_true(chunk->readable <= chunk->size + STREAM_LOOKAHEAD);
	assert_int_equal((uintptr_t)chunk->bytes % 16, chunk->address % 16);
	for (size_t i = 0; i < chunk->size; i += PAGE)
		seen->sum += chunk->bytes[i];
	seen->short_lookahead += chunk->readable < chunk->size + STREAM_LOOKAHEAD;
	seen->bytes += chunk->size;
	seen->last_end = chunk->address + chunk->size;
	seen->chunks++;
	return 0;
}

static uint64_t expected_sum(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < PAGES; i++)
		if (i < 100 || i > 150)
			sum += i + 1;
	return sum;
}

static void streams_what_is_there(void **state)
{
	uint64_t at = (uintptr_t)area;
	struct regions regions = { 0 };
	struct stream_totals totals;
	struct seen seen = { 0 };
	struct remote *remote;
	int pagemap;
	pid_t pid = fork_child();

	regions_add(&regions, at, at + PAGES * PAGE, REGION_ANONYMOUS);
	assert_int_equal(remote_open(pid, &remote), 0);
	assert_int_equal(stream_regions(remote, &regions, -1, note_chunk, &seen, &totals), 0);
	assert_int_equal(seen.bytes, (PAGES - 1) * PAGE);
	assert_int_equal(seen.sum, expected_sum());
	assert_int_equal(totals.failed, PAGE);
	assert_int_equal(totals.skipped, 0);
	/* With the kernel's word for it: what was never touched is not read. */
	pagemap = stream_open_pagemap(pid);
	end_child(pid);
	if (pagemap >= 0)
		close(pagemap);
	pid = fork_child();
	remote_free(remote);
	assert_int_equal(remote_open(pid, &remote), 0);
	pagemap = stream_open_pagemap(pid);
	if (pagemap >= 0) {
		memset(&seen, 0, sizeof(seen));
		assert_int_equal(
			stream_regions(remote, &regions, pagemap, note_chunk, &seen, &totals), 0);
		assert_int_equal(seen.sum, expected_sum());
		assert_int_equal(seen.bytes, 149 * PAGE);
		assert_int_equal(totals.skipped, 51 * PAGE);
		close(pagemap);
	}
	end_child(pid);
	assert_int_equal(stream_regions(remote, &regions, -1, note_chunk, &seen, &totals), -ESRCH);
	remote_free(remote);
	regions_free(&regions);
}

static int stop_at_once(void *context, const struct stream_chunk *chunk)
{
	++*(int *)context;
	return 42;
}

/* An image of one byte value, of any length. */
static ssize_t read_filler(void *context, uint64_t address, void *bytes, size_t size)
{
	uint64_t end = *(uint64_t *)context;

	if (address >= end)
		return 0;
	size = size < end - address ? size : end - address;
	for (size_t i = 0; i < size; i++)
		((uint8_t *)bytes)[i] = (address + i) / PAGE;
	return size;
}

static const struct remote_ops filler = { .read = read_filler };

static void a_stream_can_be_ended(void **state)
{
	uint64_t end = 8 << 20;
	struct remote *remote = remote_new(&filler, &end);
	struct regions regions = { 0 };
	struct stream_totals totals;
	struct seen seen = { 0 };
	int calls = 0;

	regions_add(&regions, PAGE, 4 << 20, REGION_ANONYMOUS);
	assert_int_equal(stream_regions(remote, &regions, -1, stop_at_once, &calls, &totals), 42);
	assert_int_equal(calls, 1);
	/* What follows a chunk can be read too, but at the end of the region. */
	assert_int_equal(stream_regions(remote, &regions, -1, note_chunk, &seen, &totals), 0);
	assert_true(seen.chunks > 4);
	assert_int_equal(seen.short_lookahead, 1);
	regions_free(&regions);
	remote_free(remote);
}

enum { SHARED_MIB = 40, SHARED_BY = 3 };

/* Which MiB a thread met, and how many bytes of each. */
struct share {
	uint64_t last_end, of_mib[SHARED_MIB + 1];
	size_t short_lookahead;
	int end_with;
};

static int note_share(void *context, const struct stream_chunk *chunk)
{
	struct share *share = context;

	/* Later pieces are at higher addresses. */
	assert_true(chunk->address >= share->last_end);
	share->last_end = chunk->address + chunk->size;
	share->of_mib[chunk->address >> 20] += chunk->size;
	share->short_lookahead += chunk->readable < chunk->size + STREAM_LOOKAHEAD;
	return share->end_with;
}

static void threads_share_a_stream(void **state)
{
	uint64_t end = SHARED_MIB << 20;
	struct remote *remote = remote_new(&filler, &end);
	struct regions regions = { 0 };
	struct stream_totals totals;
	struct share shares[SHARED_BY] = { 0 };
	void *contexts[SHARED_BY] = { &shares[0], &shares[1], &shares[2] };
	size_t short_lookahead = 0;

	/* Two regions; together all but the first page. */
	regions_add(&regions, PAGE, 10 << 20, REGION_ANONYMOUS);
	regions_add(&regions, 10 << 20, end, REGION_FILE);
	assert_int_equal(stream_regions_shared(remote, &regions, -1, note_share, contexts,
					       SHARED_BY, &totals),
			 0);
	assert_int_equal(totals.read, remote_bytes_read(remote));
	for (size_t mib = 0; mib < SHARED_MIB; mib++) {
		uint64_t bytes = 0;

		for (size_t i = 0; i < SHARED_BY; i++)
			bytes += shares[i].of_mib[mib];
		assert_true(bytes >= (1 << 20) - (256 << 10) && bytes <= (1 << 20) + (256 << 10));
		shares[0].of_mib[SHARED_MIB] += bytes;
	}
	assert_int_equal(shares[0].of_mib[SHARED_MIB], end - PAGE);
	/* The end of a piece is no end; that of a region is. */
	for (size_t i = 0; i < SHARED_BY; i++)
		short_lookahead += shares[i].short_lookahead;
	assert_int_equal(short_lookahead, 2);
	/* Whichever thread comes first ends it. */
	for (size_t i = 0; i < SHARED_BY; i++)
		shares[i] = (struct share){ .end_with = 42 };
	assert_int_equal(stream_regions_shared(remote, &regions, -1, note_share, contexts,
					       SHARED_BY, &totals),
			 42);
	regions_free(&regions);
	remote_free(remote);
}

struct counted {
	uint64_t end;
	size_t reads;
};

static ssize_t count_read(void *context, uint64_t address, void *bytes, size_t size)
{
	struct counted *counted = context;

	counted->reads++;
	return read_filler(&counted->end, address, bytes, size);
}

static const struct remote_ops counting = { .read = count_read };

static void keeps_pages(void **state)
{
	struct counted counted = { .end = 64 * PAGE };
	struct remote *remote = remote_new(&counting, &counted);
	struct page_cache *cache = page_cache_new(remote, 60);
	uint8_t bytes[2 * PAGE];
	uint64_t word;

	assert_int_equal(page_cache_read(cache, 3 * PAGE - 4, bytes, 8), 0);
	assert_int_equal(bytes[3], 2);
	assert_int_equal(bytes[4], 3);
	assert_int_equal(counted.reads, 2);
	assert_int_equal(page_cache_u64(cache, 3 * PAGE + 100, &word), 0);
	assert_int_equal(word & 255, 3);
	assert_int_equal(counted.reads, 2);
	/* A page that is not there is asked for once. */
	assert_int_equal(page_cache_u64(cache, 64 * PAGE, &word), -EFAULT);
	assert_int_equal(page_cache_u64(cache, 64 * PAGE + 8, &word), -EFAULT);
	assert_int_equal(counted.reads, 3);
	assert_int_equal(page_cache_read(cache, 64 * PAGE - 4, bytes, 8), -EFAULT);
	assert_int_equal(page_cache_read(cache, UINT64_MAX - 2, bytes, 8), -EFAULT);
	counted.reads = 0;
	page_cache_forget(cache);
	assert_int_equal(page_cache_u64(cache, 3 * PAGE, &word), 0);
	assert_int_equal(counted.reads, 1);
	/* However many pages there are, each is right. */
	for (uint64_t i = 0; i < 64; i++) {
		assert_int_equal(page_cache_u64(cache, i * PAGE, &word), 0);
		assert_int_equal(word & 255, i);
	}
	page_cache_free(cache);
	remote_free(remote);
}

static void leaves_untouched_pages_alone(void **state)
{
	uint64_t at = (uintptr_t)area, word = 1;
	pid_t pid = fork_child();
	int pagemap = stream_open_pagemap(pid);
	struct page_cache *cache;
	struct remote *remote;

	assert_true(pagemap >= 0);
	assert_int_equal(remote_open(pid, &remote), 0);
	cache = page_cache_new(remote, 8);
	page_cache_skip_untouched(cache, pagemap);
	assert_int_equal(page_cache_u64(cache, at + 120 * PAGE, &word), 0);
	assert_int_equal(word, 0);
	assert_false(stream_page_in_use(pagemap, at + 120 * PAGE));
	assert_true(stream_page_in_use(pagemap, at + 7 * PAGE));
	assert_int_equal(page_cache_u64(cache, at + 7 * PAGE, &word), 0);
	assert_int_equal(word & 255, 8);
	/* Who does not ask makes the process map it. */
	page_cache_skip_untouched(cache, -1);
	page_cache_forget(cache);
	assert_int_equal(page_cache_u64(cache, at + 120 * PAGE, &word), 0);
	assert_true(stream_page_in_use(pagemap, at + 120 * PAGE));
	page_cache_free(cache);
	remote_free(remote);
	close(pagemap);
	end_child(pid);
}

struct text {
	uint64_t start;
	const char *bytes;
	size_t size;
};

static ssize_t read_text(void *context, uint64_t address, void *bytes, size_t size)
{
	const struct text *text = context;
	size_t i;

	for (i = 0; i < size; i++) {
		uint64_t at = address + i;

		if (at < text->start / PAGE * PAGE || at >= 3 * PAGE)
			break;
		((char *)bytes)[i] = at - text->start < text->size ? text->bytes[at - text->start]
								   : 'x';
	}
	return i;
}

static const struct remote_ops text_ops = { .read = read_text };

static void reads_strings(void **state)
{
	struct text text = { 2 * PAGE - 3, "collections", sizeof("collections") };
	struct remote *remote = remote_new(&text_ops, &text);
	struct page_cache *cache = page_cache_new(remote, 8);
	char name[32], small[6];

	assert_int_equal(page_cache_string(cache, text.start, name, sizeof(name)), 0);
	assert_string_equal(name, "collections");
	assert_int_equal(page_cache_string(cache, text.start, small, sizeof(small)), 0);
	assert_string_equal(small, "colle");
	assert_int_equal(page_cache_string(cache, text.start + 11, name, sizeof(name)), 0);
	assert_string_equal(name, "");
	/* Memory ends before the string does. */
	assert_int_equal(page_cache_string(cache, 3 * PAGE - 4, name, sizeof(name)), 0);
	assert_string_equal(name, "xxxx");
	assert_int_equal(page_cache_string(cache, 3 * PAGE, name, sizeof(name)), -EFAULT);
	page_cache_free(cache);
	remote_free(remote);
}

static char state_of(pid_t pid)
{
	char path[64], line[512], *at;
	size_t got;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	assert_non_null(file);
	got = fread(line, 1, sizeof(line) - 1, file);
	fclose(file);
	line[got] = '\0';
	at = strrchr(line, ')');
	return at ? at[2] : '?';
}

static void holds_and_lets_go(void **state)
{
	struct pause *held;
	pid_t pid = fork_child();
	int err = pause_begin(pid, &held);

	if (err == -EACCES) {
		end_child(pid);
		skip();
	}
	assert_int_equal(err, 0);
	assert_int_equal(state_of(pid), 't');
	assert_true(pause_end(held) > 0);
	assert_int_not_equal(state_of(pid), 't');
	end_child(pid);
	assert_int_equal(pause_begin(pid, &held), -ESRCH);
	assert_true(pause_end(NULL) == 0);
}

/* A debugger has it: that is no want of privilege. */
static void one_tracer_at_a_time(void **state)
{
	struct pause *held, *again;
	pid_t pid = fork_child();

	if (pause_begin(pid, &held)) {
		end_child(pid);
		skip();
	}
	assert_int_equal(pause_begin(pid, &again), -EBUSY);
	pause_end(held);
	end_child(pid);
}

/* One that has ended and was not waited for is no more held than one that is gone. */
static void an_ended_one_is_gone(void **state)
{
	struct pause *held;
	pid_t pid = fork_child();
	int status;

	kill(pid, SIGKILL);
	while (state_of(pid) != 'Z')
		usleep(1000);
	assert_int_equal(pause_begin(pid, &held), -ESRCH);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

/* A signal that comes while it is held is not lost. */
static void signals_wait(void **state)
{
	struct pause *held;
	int status;
	pid_t pid = fork_child();

	if (pause_begin(pid, &held)) {
		end_child(pid);
		skip();
	}
	kill(pid, SIGTERM);
	usleep(1000);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	pause_end(held);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

enum { SIGNALS = 20000 };

static volatile int *signals_seen;

static void note_signal(int number)
{
	__atomic_fetch_add(signals_seen, 1, __ATOMIC_RELAXED);
}

static pid_t fork_counter(void)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGRTMIN, note_signal);
		signals_seen[1] = 1;
		for (;;)
			pause();
	}
	while (!signals_seen[1])
		usleep(100);
	return pid;
}

static pid_t fork_sender(pid_t to)
{
	pid_t pid = fork();

	if (!pid) {
		const union sigval value = { 0 };

		/* The queue is full now and then. */
		for (int i = 0; i < SIGNALS; i++)
			while (sigqueue(to, SIGRTMIN, value) && errno == EAGAIN)
				usleep(10);
		_exit(0);
	}
	return pid;
}

/* One that comes just before it stops is given to it afterwards: none is lost. */
static void no_signal_is_lost(void **state)
{
	pid_t counter, sender;
	struct pause *held;
	int status;

	signals_seen = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	counter = fork_counter();
	if (pause_begin(counter, &held)) {
		end_child(counter);
		skip();
	}
	pause_end(held);
	sender = fork_sender(counter);
	while (!waitpid(sender, &status, WNOHANG)) {
		assert_int_equal(pause_begin(counter, &held), 0);
		pause_end(held);
	}
	for (int i = 0; i < 1000 && signals_seen[0] < SIGNALS; i++)
		usleep(1000);
	assert_int_equal(signals_seen[0], SIGNALS);
	end_child(counter);
	munmap((void *)signals_seen, PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_another_process),
		cmocka_unit_test(reads_many_parts),
		cmocka_unit_test(takes_writable_private_ranges),
		cmocka_unit_test(streams_what_is_there),
		cmocka_unit_test(a_stream_can_be_ended),
		cmocka_unit_test(threads_share_a_stream),
		cmocka_unit_test(keeps_pages),
		cmocka_unit_test(leaves_untouched_pages_alone),
		cmocka_unit_test(reads_strings),
		cmocka_unit_test(holds_and_lets_go),
		cmocka_unit_test(an_ended_one_is_gone),
		cmocka_unit_test(one_tracer_at_a_time),
		cmocka_unit_test(signals_wait),
		cmocka_unit_test(no_signal_is_lost),
	};

	make_area();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What records of the ring do in the collector: lost ones, doubled ones, of spaces that
 * were never announced, ends before beginnings; and what the profile says of losses. Heap,
 * stacks, modules and processes are the real ones. What touches the kernel (probes,
 * tables, counters) is played here, and says what it was asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "attach/families.h"
#include "base/hashmap.h"
#include "trace/tracer_internal.h"

enum { GONE = 1 << 30, SPACE = 1, SECOND = 1000000000 };

/* What was asked of the parts that are played. */
static struct {
	unsigned int scans, objects_forgotten, targets_added, asked_for_probes;
	pid_t scanned, added, forgotten;
	unsigned int tables_refreshed, tables_forked, tables_forgotten, spaces_forgotten;
	uint32_t space_forgotten;
	bool was_added, is_left_alone, is_probed;
	uint8_t family;
	uint64_t now;
	struct unwinding_stats unwinding;
} played;

uint64_t monotonic_ns(void)
{
	return played.now;
}

int tracer_add(struct tracer *tracer, pid_t pid)
{
	played.targets_added++;
	played.added = pid;
	return 0;
}

void tracer_forget(struct tracer *tracer, pid_t pid)
{
	played.forgotten = pid;
}

bool tracer_was_added(const struct tracer *tracer, pid_t pid)
{
	return played.was_added;
}

bool tracer_leaves_alone(struct tracer *tracer, pid_t pid)
{
	return played.is_left_alone;
}

int objects_scan(struct objects *objects, pid_t pid, size_t *ret_attached)
{
	played.scans++;
	played.scanned = pid;
	return -ESRCH;
}

uint8_t objects_family(const struct objects *objects, const char *path)
{
	return path ? played.family : 0;
}

bool objects_is_probed(const struct objects *objects, const char *path, uint64_t address)
{
	played.asked_for_probes++;
	return played.is_probed;
}

int objects_report_skips(const struct objects *objects, struct profile *profile)
{
	return 0;
}

void unwinding_before_refresh(struct unwinding *unwinding, uint32_t space)
{
}

int unwinding_refresh(struct unwinding *unwinding, uint32_t space, enum unwinding_wait wait)
{
	played.tables_refreshed++;
	return 0;
}

int unwinding_fork(struct unwinding *unwinding, uint32_t space)
{
	played.tables_forked++;
	return 0;
}

void unwinding_forget(struct unwinding *unwinding, uint32_t space)
{
	played.tables_forgotten++;
}

int unwinding_each_fault(const struct unwinding *unwinding, unwinding_fault_fn fn, void *context)
{
	return 0;
}

struct unwinding_stats unwinding_stats(const struct unwinding *unwinding)
{
	return played.unwinding;
}

int kernel_set_python(struct kernel *kernel, uint32_t space, const struct seep_python *python)
{
	return 0;
}

void kernel_forget_space(struct kernel *kernel, uint32_t space)
{
	played.spaces_forgotten++;
	played.space_forgotten = space;
}

/* Each counter is its number and 100. */
int kernel_counters(struct kernel *kernel, uint64_t ret_counters[SEEP_COUNT_MAX])
{
	for (uint64_t i = 0; i < SEEP_COUNT_MAX; i++)
		ret_counters[i] = 100 + i;
	return 0;
}

static struct tracer *t;

static int begin(void **state)
{
	const struct heap_options heap = { .start_time = SECOND };
	static const struct symbolizer_options symbols = { .no_inline = true, .no_lines = true };

	(void)state;
	memset(&played, 0, sizeof(played));
	played.now = 10ULL * SECOND;
	t = calloc(1, sizeof(*t));
	t->start = SECOND;
	t->clock = SECOND;
	t->modules = modules_new();
	t->symbolizer = symbolizer_new(t->modules, &symbols);
	t->stacks = stacks_new(t->modules, t->symbolizer, NULL);
	t->processes = processes_new();
	t->heap = heap_new(&heap);
	t->refreshed = hashmap_new();
	t->stale = hashmap_new();
	t->families = hashmap_new();
	t->allocator_stacks = hashmap_new();
	/* nobody looks into it: all that would is played */
	t->unwinding = (struct unwinding *)t;
	assert_non_null(t->allocator_stacks);
	return 0;
}

static int end(void **state)
{
	(void)state;
	heap_free(t->heap);
	stacks_free(t->stacks);
	symbolizer_free(t->symbolizer);
	modules_free(t->modules);
	processes_free(t->processes);
	hashmap_free(t->refreshed);
	hashmap_free(t->stale);
	hashmap_free(t->families);
	hashmap_free(t->allocator_stacks);
	free(t->added);
	free(t->held);
	free(t);
	return 0;
}

static struct seep_space space_record(uint8_t kind, uint8_t reason, uint32_t space, uint32_t tgid)
{
	return (struct seep_space){ .kind = kind,
				    .reason = reason,
				    .space = space,
				    .tgid = tgid,
				    .ns_tgid = tgid,
				    .time = SECOND,
				    .comm = "made up" };
}

static void space_begins(uint8_t reason, uint32_t space, uint32_t tgid, uint32_t parent)
{
	struct seep_space record = space_record(SEEP_SPACE_BEGIN, reason, space, tgid);

	record.parent = parent;
	tracer_record(t, &record, sizeof(record));
}

static void space_ends(uint8_t reason, uint32_t space, uint32_t tgid)
{
	struct seep_space record = space_record(SEEP_SPACE_END, reason, space, tgid);

	tracer_record(t, &record, sizeof(record));
}

static void allocate(uint32_t space, uint64_t address, uint64_t size, uint64_t stack)
{
	const struct seep_alloc record = { .kind = SEEP_ALLOC,
					   .family = 1,
					   .space = space,
					   .tid = 1,
					   .op = SEEP_OP_MALLOC,
					   .address = address,
					   .size = size,
					   .stack = stack,
					   .time = 2ULL * SECOND };

	tracer_record(t, &record, sizeof(record));
}

static void release(uint32_t space, uint64_t address)
{
	const struct seep_free record = { .kind = SEEP_FREE,
					  .family = 1,
					  .space = space,
					  .tid = 1,
					  .op = SEEP_OP_FREE,
					  .address = address };

	tracer_record(t, &record, sizeof(record));
}

static void stack_comes(uint32_t space, uint64_t id, uint64_t first, uint64_t second)
{
	struct {
		struct seep_stack head;
		uint64_t frames[2];
	} record = { .head = { .kind = SEEP_STACK, .space = space, .nr_frames = 2, .id = id },
		     .frames = { first, second } };

	tracer_record(t, &record, sizeof(record));
}

#define CODE(function) ((uint64_t)(uintptr_t)(function))

static struct profile *report(void)
{
	static const struct tracer_report options = { 0 };
	struct profile *profile = NULL;

	assert_int_equal(tracer_profile(t, &options, &profile), 0);
	return profile;
}

/* The name of the leaf of the only site's stack; NULL when the stack is not known. */
static const char *only_leaf(const struct profile *profile)
{
	const struct profile_stack *stack;

	assert_int_equal(profile->nr_sites, 1);
	if (profile->sites[0].stack == PROFILE_NONE)
		return NULL;
	stack = &profile->stacks[profile->sites[0].stack];
	return profile->frames[stack->frames[0]].function;
}

static void a_lost_stack_leaves_the_block(void **state)
{
	struct profile *profile;

	(void)state;
	space_begins(SEEP_SPACE_SEEN, SPACE, getpid(), 0);
	allocate(SPACE, 0x1000, 64, 5);
	profile = report();
	assert_null(only_leaf(profile));
	assert_int_equal(profile->sites[0].live_bytes, 64);
	profile_free(profile);
	/* the kernel side sends it with the next block */
	stack_comes(SPACE, 5, CODE(report), CODE(only_leaf) + 1);
	allocate(SPACE, 0x2000, 36, 5);
	profile = report();
	assert_non_null(strstr(only_leaf(profile), "report"));
	assert_int_equal(profile->sites[0].live_bytes, 100);
	profile_free(profile);
}

/* The kernel side tells stacks of one hash apart; what comes twice under one id is the same. */
static void the_first_stack_of_an_id_stays(void **state)
{
	struct profile *profile;

	(void)state;
	space_begins(SEEP_SPACE_SEEN, SPACE, getpid(), 0);
	stack_comes(SPACE, 5, CODE(report), CODE(only_leaf) + 1);
	stack_comes(SPACE, 5, CODE(only_leaf), CODE(report) + 1);
	stack_comes(SPACE, 6, CODE(only_leaf), CODE(report) + 1);
	allocate(SPACE, 0x1000, 1, 5);
	profile = report();
	assert_non_null(strstr(only_leaf(profile), "report"));
	profile_free(profile);
	/* another one is another site, with its own frames */
	allocate(SPACE, 0x2000, 1, 6);
	profile = report();
	assert_int_equal(profile->nr_sites, 2);
	assert_int_not_equal(profile->sites[0].stack, profile->sites[1].stack);
	profile_free(profile);
}

static void records_of_an_unknown_space(void **state)
{
	struct profile *profile;

	(void)state;
	allocate(77, 0x1000, 64, 5);
	release(77, 0x1000);
	release(77, 0x5000);
	allocate(77, 0x2000, 32, 0);
	stack_comes(77, 9, 0x1234, 0x5678);
	/* no process is known whose maps could be read again */
	assert_int_equal(played.tables_refreshed, 0);
	profile = report();
	assert_int_equal(profile->nr_processes, 1);
	assert_int_equal(profile->processes[0].live_bytes, 32);
	assert_int_equal(profile->processes[0].unmatched_frees, 1);
	assert_null(profile->processes[0].exe);
	profile_free(profile);
	assert_false(t->out_of_memory);
}

static void an_end_that_comes_first(void **state)
{
	struct profile *profile;

	(void)state;
	space_ends(SEEP_SPACE_EXIT, SPACE, GONE);
	assert_int_equal(played.forgotten, GONE);
	assert_int_equal(played.space_forgotten, SPACE);
	assert_int_equal(played.tables_forgotten, 1);
	profile = report();
	assert_int_equal(profile->nr_processes, 0);
	profile_free(profile);
	/* and doubled */
	space_begins(SEEP_SPACE_SEEN, SPACE, GONE, 0);
	allocate(SPACE, 0x1000, 8, 0);
	space_ends(SEEP_SPACE_EXIT, SPACE, GONE);
	space_ends(SEEP_SPACE_EXIT, SPACE, GONE);
	profile = report();
	assert_int_equal(profile->nr_processes, 1);
	assert_true(profile->processes[0].exited);
	assert_int_equal(profile->processes[0].live_bytes, 8);
	profile_free(profile);
}

static void exec_keeps_the_process_a_target(void **state)
{
	(void)state;
	space_begins(SEEP_SPACE_SEEN, SPACE, getpid(), 0);
	space_begins(SEEP_SPACE_EXEC, 2, getpid(), SPACE);
	space_ends(SEEP_SPACE_EXEC, SPACE, getpid());
	assert_int_equal(played.forgotten, 0);
	assert_int_equal(played.space_forgotten, SPACE);
	assert_int_equal(processes_space_of(t->processes, getpid()), 2);
}

static void beginnings_lead_to_probes(void **state)
{
	(void)state;
	space_begins(SEEP_SPACE_SEEN, SPACE, getpid(), 0);
	assert_int_equal(played.scans, 1);
	assert_int_equal(played.scanned, getpid());
	assert_int_equal(played.tables_refreshed, 1);
	assert_int_equal(played.space_forgotten, SEEP_UNWIND_BY_TGID(getpid()));
	space_begins(SEEP_SPACE_FORK, 2, GONE, SPACE);
	assert_int_equal(played.scanned, GONE);
	assert_int_equal(played.tables_refreshed, 1);
	assert_int_equal(played.tables_forked, 1);
	t->options.host_wide = true;
	space_begins(SEEP_SPACE_FORK, 3, GONE, SPACE);
	assert_int_equal(played.scans, 2);
	assert_int_equal(t->nr_held, 0);
	played.is_left_alone = true;
	space_begins(SEEP_SPACE_EXEC, 4, getpid(), 0);
	assert_int_equal(played.scans, 2);
}

/* What its process had mapped when it was attached to: by now it may be another program. */
static void a_first_event_takes_over_maps(void **state)
{
	(void)state;
	assert_int_equal(modules_refresh(t->modules, SEEP_UNWIND_BY_TGID(GONE), getpid()), 0);
	space_begins(SEEP_SPACE_SEEN, SPACE, GONE, 0);
	assert_int_equal(played.tables_refreshed, 0);
	assert_int_equal(played.tables_forked, 1);
	stack_comes(SPACE, 1, CODE(report), CODE(report) + 1);
	assert_true(stacks_leaf_module(t->stacks, 1));
}

/* Maps that take long are not read for each of many files mapped in a row. */
static void new_code_is_put_off(void **state)
{
	const struct seep_map code = { .kind = SEEP_NEW_CODE, .space = SPACE, .tgid = getpid() };

	(void)state;
	space_begins(SEEP_SPACE_SEEN, SPACE, getpid(), 0);
	t->maps_rest = played.now + 5;
	tracer_record(t, &code, sizeof(code));
	tracer_record(t, &code, sizeof(code));
	tracer_refresh_stale(t);
	assert_int_equal(played.tables_refreshed, 1);
	played.now += 5;
	tracer_refresh_stale(t);
	assert_int_equal(played.tables_refreshed, 2);
	tracer_refresh_stale(t);
	assert_int_equal(played.tables_refreshed, 2);
	/* nor for one that has ended meanwhile */
	t->maps_rest = played.now + 5;
	tracer_record(t, &code, sizeof(code));
	space_ends(SEEP_SPACE_EXIT, SPACE, getpid());
	played.now += 5;
	tracer_refresh_stale(t);
	assert_int_equal(played.tables_refreshed, 2);
}

static void what_was_held_is_let_go(void **state)
{
	struct seep_space record = space_record(SEEP_SPACE_BEGIN, SEEP_SPACE_SEEN, SPACE, getpid());
	const struct seep_map code = {
		.kind = SEEP_NEW_CODE, .flags = SEEP_HELD, .space = SPACE, .tgid = getpid()
	};

	(void)state;
	record.flags = SEEP_HELD;
	tracer_record(t, &record, sizeof(record));
	tracer_record(t, &code, sizeof(code));
	assert_int_equal(played.scans, 2);
	assert_int_equal(t->nr_held, 2);
	assert_int_equal(t->held[0], getpid());
}

/* A process that is not traced has called exec. */
static void newcomers_are_considered(void **state)
{
	(void)state;
	space_begins(SEEP_SPACE_EXEC, 0, getpid(), 0);
	assert_int_equal(played.added, getpid());
	played.was_added = true;
	space_begins(SEEP_SPACE_EXEC, 0, getpid(), 0);
	played.was_added = false;
	t->options.has_filter = true;
	t->options.filter.comm = "no such program";
	space_begins(SEEP_SPACE_EXEC, 0, getpid(), 0);
	assert_int_equal(played.targets_added, 1);
	assert_int_equal(processes_living(t->processes), 0);
}

/* Frames in no known code have the maps read again, but not for each stack of a JIT. */
static void maps_are_read_again_now_and_then(void **state)
{
	(void)state;
	space_begins(SEEP_SPACE_SEEN, SPACE, getpid(), 0);
	assert_int_equal(played.tables_refreshed, 1);
	stack_comes(SPACE, 1, CODE(report), 16);
	assert_int_equal(played.tables_refreshed, 1);
	played.now += SECOND;
	stack_comes(SPACE, 2, CODE(report), CODE(report) + 1);
	assert_int_equal(played.tables_refreshed, 1);
	stack_comes(SPACE, 3, CODE(report), 16);
	assert_int_equal(played.tables_refreshed, 2);
	stack_comes(SPACE, 4, CODE(report), 17);
	assert_int_equal(played.tables_refreshed, 2);
	/* nor once the process has ended */
	space_ends(SEEP_SPACE_EXIT, SPACE, getpid());
	played.now += SECOND;
	stack_comes(SPACE, 5, CODE(report), 18);
	assert_int_equal(played.tables_refreshed, 2);
}

/* Code that was mapped without a word: its frames belong to the stack after all. */
static void new_code_is_found_by_its_stack(void **state)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct profile *profile;
	char *code;

	(void)state;
	space_begins(SEEP_SPACE_SEEN, SPACE, getpid(), 0);
	code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	assert_true(code != MAP_FAILED);
	close(fd);
	played.now += SECOND;
	stack_comes(SPACE, 5, CODE(report), CODE(code) + 100);
	allocate(SPACE, 0x1000, 8, 5);
	/* by the time of the report it may be gone */
	space_ends(SEEP_SPACE_EXIT, SPACE, getpid());
	profile = report();
	assert_int_equal(profile->stacks[profile->sites[0].stack].nr_frames, 2);
	assert_false(profile->stacks[profile->sites[0].stack].cut);
	profile_free(profile);
	munmap(code, 4096);
}

/* Where the kernel has no cookies, the leaf's file tells the family. */
static void families_come_from_stacks(void **state)
{
	struct seep_alloc record = { .kind = SEEP_ALLOC,
				     .space = SPACE,
				     .op = SEEP_OP_MALLOC,
				     .address = 0x1000,
				     .size = 8,
				     .stack = 5 };
	struct profile *profile;

	(void)state;
	space_begins(SEEP_SPACE_SEEN, SPACE, getpid(), 0);
	stack_comes(SPACE, 5, CODE(report), CODE(report) + 1);
	t->features.best = ATTACH_PERF;
	played.family = families[1].id;
	tracer_record(t, &record, sizeof(record));
	/* it is asked for once */
	played.family = families[2].id;
	record.address = 0x2000;
	tracer_record(t, &record, sizeof(record));
	profile = report();
	assert_int_equal(profile->nr_sites, 1);
	assert_string_equal(profile->sites[0].family, family_name(families[1].id));
	assert_int_equal(profile->sites[0].live_count, 2);
	profile_free(profile);
}

/* Sampled: growth of an allocator is told by its stack, which is looked at once. */
static void mappings_of_allocators_are_told_by_stack(void **state)
{
	struct seep_map map = { .kind = SEEP_MAP,
				.family = SEEP_FAMILY_MAPPING,
				.space = SPACE,
				.address = 0x10000,
				.size = 0x4000,
				.stack = 5 };

	(void)state;
	space_begins(SEEP_SPACE_SEEN, SPACE, getpid(), 0);
	stack_comes(SPACE, 5, CODE(report), CODE(only_leaf) + 1);
	played.is_probed = true;
	tracer_record(t, &map, sizeof(map));
	assert_int_equal(played.asked_for_probes, 0);
	t->options.sample_bytes = 4096;
	map.address += map.size;
	tracer_record(t, &map, sizeof(map));
	assert_int_equal(played.asked_for_probes, 1);
	map.address += map.size;
	tracer_record(t, &map, sizeof(map));
	assert_int_equal(played.asked_for_probes, 1);
	/* a stack that is not known is in no allocator */
	map.stack = 99;
	tracer_record(t, &map, sizeof(map));
	assert_int_equal(played.asked_for_probes, 1);
}

static void records_that_cannot_be(void **state)
{
	struct seep_space record = space_record(SEEP_SPACE_BEGIN, SEEP_SPACE_SEEN, SPACE, getpid());
	struct profile *profile;

	(void)state;
	tracer_record(t, &record, sizeof(record) - 1);
	tracer_record(t, &record, 0);
	record.reason = 99;
	tracer_record(t, &record, sizeof(record));
	record.kind = 255;
	tracer_record(t, &record, sizeof(record));
	assert_int_equal(processes_living(t->processes), 0);
	profile = report();
	assert_int_equal(profile->health.bad_records, 4);
	assert_int_equal(profile->health.events, 4);
	profile_free(profile);
}

/* Every loss that the kernel side counts has its place. */
static void losses_are_reported(void **state)
{
	struct profile *profile;
	const struct profile_health *health;

	(void)state;
	profile = report();
	health = &profile->health;
	assert_int_equal(health->dropped_allocs, 100 + SEEP_COUNT_DROPPED_ALLOC);
	assert_int_equal(health->dropped_frees, 100 + SEEP_COUNT_DROPPED_FREE);
	assert_int_equal(health->dropped_stacks, 100 + SEEP_COUNT_DROPPED_STACK);
	assert_int_equal(health->dropped_other, 100 + SEEP_COUNT_DROPPED_OTHER);
	assert_int_equal(health->dropped, health->dropped_allocs + health->dropped_frees +
						  health->dropped_stacks + health->dropped_other);
	assert_int_equal(health->entries, 100 + SEEP_COUNT_ENTRIES);
	assert_int_equal(health->returns, 100 + SEEP_COUNT_RETURNS);
	assert_int_equal(health->nested, 100 + SEEP_COUNT_NESTED);
	assert_int_equal(health->abandoned, 100 + SEEP_COUNT_ABANDONED);
	assert_int_equal(health->threads_full, 100 + SEEP_COUNT_THREADS_FULL);
	assert_int_equal(health->spaces_full, 100 + SEEP_COUNT_SPACES_FULL);
	assert_int_equal(health->stacks_full, 100 + SEEP_COUNT_STACKS_FULL);
	assert_int_equal(health->stack_collisions, 100 + SEEP_COUNT_STACK_COLLISION);
	assert_int_equal(health->stack_faults, 100 + SEEP_COUNT_STACK_FAULT);
	assert_int_equal(health->sampled_full, 100 + SEEP_COUNT_SAMPLED_FULL);
	assert_int_equal(health->unsampled, 100 + SEEP_COUNT_UNSAMPLED);
	assert_int_equal(health->nr_skipped_probes, 0);
	profile_free(profile);
}

static void what_has_no_room_is_said(void **state)
{
	static const struct {
		size_t tables, mappings;
	} rows[] = { { 3, 0 }, { 0, 4 }, { 5, 6 } };
	struct profile *profile;
	char reason[128];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		played.unwinding.tables_left_out = rows[i].tables;
		played.unwinding.mappings_left_out = rows[i].mappings;
		snprintf(reason, sizeof(reason), "%zu files and %zu mappings", rows[i].tables,
			 rows[i].mappings);
		profile = report();
		assert_int_equal(profile->health.nr_skipped_probes, 1);
		assert_non_null(strstr(profile->health.skipped_probes[0].reason, reason));
		profile_free(profile);
	}
	played.unwinding = (struct unwinding_stats){ .missed = 7 };
	profile = report();
	assert_int_equal(profile->health.nr_skipped_probes, 1);
	assert_non_null(strstr(profile->health.skipped_probes[0].reason, "7 times"));
	profile_free(profile);
	/* frame pointers alone: there are no tables that could lack room */
	t->unwinding = NULL;
	profile = report();
	assert_int_equal(profile->health.nr_skipped_probes, 0);
	profile_free(profile);
}

static size_t idle_processes(void)
{
	struct profile *profile = report();
	size_t nr = profile->nr_processes;

	if (nr)
		assert_int_equal(profile->processes[0].pid, getpid());
	profile_free(profile);
	return nr;
}

static void who_did_nothing_is_reported_too(void **state)
{
	pid_t *added = calloc(2, sizeof(*added));

	(void)state;
	added[0] = getpid();
	added[1] = GONE;
	t->added = added;
	t->nr_added = t->cap_added = 2;
	assert_int_equal(idle_processes(), 1);
	t->options.everything = true;
	assert_int_equal(idle_processes(), 0);
	t->options.everything = false;
	/* once its space is known it is there by that */
	space_begins(SEEP_SPACE_SEEN, SPACE, getpid(), 0);
	assert_int_equal(idle_processes(), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_lost_stack_leaves_the_block),
		TEST(the_first_stack_of_an_id_stays),
		TEST(records_of_an_unknown_space),
		TEST(an_end_that_comes_first),
		TEST(exec_keeps_the_process_a_target),
		TEST(beginnings_lead_to_probes),
		TEST(a_first_event_takes_over_maps),
		TEST(new_code_is_put_off),
		TEST(what_was_held_is_let_go),
		TEST(newcomers_are_considered),
		TEST(maps_are_read_again_now_and_then),
		TEST(new_code_is_found_by_its_stack),
		TEST(families_come_from_stacks),
		TEST(mappings_of_allocators_are_told_by_stack),
		TEST(records_that_cannot_be),
		TEST(losses_are_reported),
		TEST(what_has_no_room_is_said),
		TEST(who_did_nothing_is_reported_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

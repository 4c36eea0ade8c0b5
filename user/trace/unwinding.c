// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns which module has which number, and how far its table is. Joins what knows the modules
 * (stack), what builds (table_builder), what keeps tables and mappings in the kernel's memory
 * (unwind_tables, unwind_spaces, unwind_memory), and the kernel side.
 */
#include "trace/unwinding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attach/kernel_unwind.h"
#include "base/hashmap.h"
#include "base/log.h"
#include "base/vec.h"
#include "stack/modules.h"
#include "trace/table_builder.h"
#include "trace/unwind_memory.h"
#include "trace/unwind_rules.h"
#include "trace/unwind_spaces.h"
#include "trace/unwind_tables.h"

enum {
	DEFAULT_BYTES = 64 << 20,
	IDLE_EPOCHS = 10, /* a mapped file's table that nothing asked for so long may go */
	RETRY_EPOCHS = 10, /* for one that found no room */
	TEXT_AT_ONCE = 6 << 20, /* some 20 ms */
};

enum file_state { FILE_ABSENT = 0, FILE_WAITING, FILE_PLACED, FILE_FAILED };

struct file {
	uint32_t module;
	enum file_state state;
	bool left_out; /* when last tried; not again before `retry` */
	uint32_t retry;
	uint64_t text_bytes;
	const char *fault; /* of the file: its table says not all, or is none; NULL: fine */
};

struct unwinding {
	struct kernel *kernel;
	struct modules *modules;
	struct table_builder *builder;
	struct unwind_memory *memory;
	struct unwind_rules *rules;
	struct unwind_tables *tables;
	struct unwind_spaces *spaces;
	struct hashmap *by_module; /* module -> number */
	struct file *files; /* by number */
	size_t nr_files, cap_files;
	size_t nr_unsettled; /* files whose table is on its way, or gone */
	uint32_t before_space, before_changes; /* of unwinding_before_refresh */
	struct seep_unwind_mapping *mappings; /* of the space at hand */
	size_t nr_mappings, cap_mappings;
	struct unwinding_stats stats;
};

static int grow(void *kernel, size_t nr_chunks)
{
	return kernel_unwind_grow(kernel, nr_chunks);
}

static void wait_for_programs(void *kernel)
{
	kernel_unwind_wait(kernel);
}

static uint64_t records_written(void *kernel)
{
	return kernel_ring_written(kernel);
}

static uint64_t records_read(void *kernel)
{
	return kernel_ring_read(kernel);
}

static int get_space(void *kernel, uint32_t space, struct seep_unwind_space *ret_entry)
{
	return kernel_unwind_get_space(kernel, space, ret_entry);
}

static int set_space(void *kernel, uint32_t space, const struct seep_unwind_space *entry)
{
	return kernel_unwind_set_space(kernel, space, entry);
}

static void forget_space(void *kernel, uint32_t space)
{
	kernel_unwind_forget_space(kernel, space);
}

static int open_parts(struct unwinding *u, size_t max_bytes)
{
	const struct unwind_backing backing = { u->kernel, grow, wait_for_programs, records_written,
						records_read };
	const struct unwind_space_ops ops = { u->kernel, get_space, set_space, forget_space };
	struct kernel_unwind_bounds bounds = kernel_unwind_bounds(u->kernel);
	size_t chunks = (max_bytes ? max_bytes : DEFAULT_BYTES) / SEEP_CHUNK_BYTES;
	struct unwind_tables_options tables = { .max = bounds.tables, .idle_epochs = IDLE_EPOCHS };

	u->memory = unwind_memory_new(&backing, kernel_unwind_words(u->kernel),
				      chunks < bounds.chunks ? chunks : bounds.chunks);
	u->rules = unwind_rules_new(kernel_unwind_rules(u->kernel), bounds.rules);
	if (!u->memory || !u->rules)
		return -ENOMEM;
	tables.memory = u->memory;
	tables.rules = u->rules;
	tables.tables = kernel_unwind_tables(u->kernel);
	u->tables = unwind_tables_new(&tables);
	u->spaces = u->tables ? unwind_spaces_new(&ops, u->memory, u->tables) : NULL;
	return u->spaces ? 0 : -ENOMEM;
}

struct unwinding *unwinding_new(struct kernel *kernel, struct modules *modules,
				const struct unwinding_options *options)
{
	struct unwinding *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->kernel = kernel;
	u->modules = modules;
	u->builder = table_builder_new(NULL);
	u->by_module = hashmap_new();
	/* Number 0 is no file's. */
	if (!u->builder || !u->by_module || open_parts(u, options ? options->max_bytes : 0) ||
	    !vec_push(&u->files, &u->nr_files, &u->cap_files)) {
		unwinding_free(u);
		return NULL;
	}
	u->files[0].module = PLACE_NONE;
	return u;
}

void unwinding_free(struct unwinding *u)
{
	if (!u)
		return;
	table_builder_free(u->builder);
	unwind_spaces_free(u->spaces);
	unwind_tables_free(u->tables);
	unwind_rules_free(u->rules);
	unwind_memory_free(u->memory);
	hashmap_free(u->by_module);
	free(u->files);
	free(u->mappings);
	free(u);
}

static bool is_vdso(const struct unwinding *u, uint32_t module)
{
	const char *path = modules_info(u->modules, module).path;

	return path && !strcmp(path, "[vdso]");
}

/* Most stacks end in the C library, and begin in the program. */
static enum table_need need_of(const struct unwinding *u, uint32_t module, bool first)
{
	const char *path = modules_info(u->modules, module).path, *name;

	if (first || !path)
		return TABLE_FIRST;
	name = strrchr(path, '/');
	name = name ? name + 1 : path;
	return !strncmp(name, "libc.", 5) || !strncmp(name, "libc-", 5) ? TABLE_FIRST : TABLE_LATER;
}

/* So that code of the file is known before the maps of its process are read. */
static void tell_identity(struct unwinding *u, uint16_t number, int fd)
{
	struct seep_unwind_file file = { .table = number };
	struct seep_file_identity identity;
	uint64_t distance;

	if (!modules_code_distance(u->modules, u->files[number].module, &distance) ||
	    kernel_unwind_identify(u->kernel, fd, &identity))
		return;
	file.distance = distance;
	if (kernel_unwind_set_file(u->kernel, &identity, &file))
		log_debug("file %u cannot be told to the kernel side", number);
}

/*
 * Full tables know every address, interrupted ones too, but are ten times larger than those
 * of call sites: they are for as long as there is plenty of room.
 */
static bool room_is_plenty(const struct unwinding *u)
{
	struct unwind_memory_stats stats = unwind_memory_stats(u->memory);

	return stats.words_used < (uint64_t)stats.max_chunks * SEEP_CHUNK_ROWS / 2;
}

static void want_table(struct unwinding *u, uint16_t number, enum table_need need, int fd)
{
	struct file *file = &u->files[number];
	const struct table_job job = { number, fd, room_is_plenty(u), need, file->text_bytes };

	file->state = table_builder_add(u->builder, &job) ? FILE_FAILED : FILE_WAITING;
	u->nr_unsettled += file->state == FILE_WAITING;
	u->stats.tables_failed += file->state == FILE_FAILED;
}

static void begin_file(struct unwinding *u, uint16_t number, enum table_need need)
{
	struct file *file = &u->files[number];
	int fd = -1;

	if (!is_vdso(u, file->module)) {
		fd = modules_open(u->modules, file->module);
		if (fd < 0) {
			file->state = FILE_FAILED;
			u->stats.tables_failed++;
			return;
		}
		tell_identity(u, number, fd);
	}
	want_table(u, number, need, fd);
}

/* The module's number; 0 when it has none. */
static uint16_t number_of(struct unwinding *u, const struct module_mapping *mapping, bool first)
{
	struct file *file;
	uint64_t number;

	if (hashmap_get(u->by_module, mapping->module, &number))
		return number;
	file = vec_push(&u->files, &u->nr_files, &u->cap_files);
	number = file ? unwind_tables_add(u->tables) : 0;
	if (hashmap_put(u->by_module, mapping->module, number) || !number) {
		u->nr_files -= file && !number;
		return 0;
	}
	file->module = mapping->module;
	file->text_bytes = mapping->end - mapping->start;
	begin_file(u, number, need_of(u, mapping->module, first));
	return number;
}

uint32_t unwinding_table_module(const struct unwinding *u, uint16_t table)
{
	return table < u->nr_files ? u->files[table].module : PLACE_NONE;
}

static int fill_mappings(struct unwinding *u, uint32_t space)
{
	struct module_mapping from;

	u->nr_mappings = 0;
	for (size_t i = 0; modules_mapping(u->modules, space, i, &from); i++) {
		struct seep_unwind_mapping *to;

		/* The vsyscall page is the kernel's, above all that a search compares. */
		if (from.start >> 63)
			continue;
		if (u->nr_mappings == SEEP_UNWIND_MAPPINGS) {
			u->stats.mappings_left_out++;
			continue;
		}
		to = vec_push(&u->mappings, &u->nr_mappings, &u->cap_mappings);
		if (!to)
			return -ENOMEM;
		to->start = from.start;
		to->end = from.end;
		to->bias = from.start - from.offset;
		if (from.module != PLACE_NONE)
			to->table = number_of(u, &from, !i);
	}
	return 0;
}

static int send_mappings(struct unwinding *u, uint32_t space, uint32_t changes)
{
	uint64_t words = u->nr_mappings * sizeof(*u->mappings) / 4;
	int err = unwind_spaces_set(u->spaces, space, u->mappings, u->nr_mappings, changes);

	if (err == -ENOSPC &&
	    unwind_tables_make_room(u->tables, words * 2, kernel_unwind_epoch(u->kernel)))
		err = unwind_spaces_set(u->spaces, space, u->mappings, u->nr_mappings, changes);
	if (err == -ENOSPC)
		u->stats.mappings_left_out += u->nr_mappings;
	return err;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

void unwinding_before_refresh(struct unwinding *u, uint32_t space)
{
	u->before_space = space;
	u->before_changes = unwind_spaces_changes(u->spaces, space);
}

static int refresh(struct unwinding *u, uint32_t space, enum unwinding_wait wait)
{
	/* Without a count from before, what was mapped meanwhile stays marked. */
	uint32_t changes = u->before_space == space ? u->before_changes : UINT32_MAX;
	double begin = seconds();
	int err;

	err = fill_mappings(u, space);
	if (u->nr_unsettled)
		table_builder_work(u->builder, wait == UNWINDING_ALL ? UINT64_MAX : TEXT_AT_ONCE);
	unwinding_collect(u);
	err = err ?: send_mappings(u, space, changes);
	u->before_space = 0;
	u->stats.build_seconds += seconds() - begin;
	return err;
}

int unwinding_refresh(struct unwinding *u, uint32_t space, enum unwinding_wait wait)
{
	unwind_spaces_adopt(u->spaces, space);
	return refresh(u, space, wait);
}

int unwinding_fork(struct unwinding *u, uint32_t space)
{
	int err;

	if (unwind_spaces_adopt(u->spaces, space))
		return 0;
	err = refresh(u, space, UNWINDING_SMALL);
	/* What it was given may be used for something else soon. */
	if (err)
		unwind_spaces_forget(u->spaces, space);
	return err;
}

void unwinding_forget(struct unwinding *u, uint32_t space)
{
	unwind_spaces_forget(u->spaces, space);
}

/*
 * What is wrong with the file. Not that it has no call frame information, as libraries of data
 * alone have none; nor that it is no ELF file, as the memory of runtimes that compile is none.
 */
static const char *fault_of(const struct table_result *result)
{
	struct unwind_table_stats stats = { 0 };

	if (result->error == -ENOENT || result->error == -ENOEXEC)
		return NULL;
	if (!result->error)
		stats = unwind_table_view(result->table).stats;
	return unwind_table_fault(result->error, &stats);
}

static void log_result(struct unwinding *u, const struct table_result *result, int err)
{
	const char *path = modules_info(u->modules, u->files[result->number].module).path;
	const struct unwind_table_stats none = { 0 };
	const char *fault = fault_of(result);

	if (result->error && !fault)
		fault = unwind_table_fault(result->error, &none);
	log_debug("%s: unwind table %u%s%s%s", path, result->number, fault ? ": " : "",
		  fault ? fault : "", err == -ENOSPC ? ": no room for it" : "");
}

static void take_result(struct unwinding *u, const struct table_result *result)
{
	struct file *file = &u->files[result->number];
	uint32_t epoch = kernel_unwind_epoch(u->kernel);
	int err = result->error;

	file->fault = fault_of(result);
	if (!err)
		err = unwind_tables_place(u->tables, result->number, result->table, epoch);
	log_result(u, result, err);
	unwind_table_free(result->table);
	u->stats.tables_left_out -= file->left_out;
	file->left_out = err == -ENOSPC;
	u->stats.tables_left_out += file->left_out;
	file->retry = epoch + RETRY_EPOCHS;
	if (file->left_out)
		file->state = FILE_ABSENT;
	else
		file->state = unwind_tables_is_there(u->tables, result->number) ? FILE_PLACED
										: FILE_FAILED;
	u->nr_unsettled -= file->state != FILE_ABSENT;
	u->stats.tables_failed += err && !file->left_out;
}

/* What the kernel side has asked for and did not find. */
static void see_to(struct unwinding *u, uint16_t number, uint32_t epoch)
{
	struct file *file = &u->files[number];
	int fd = -1;

	if (file->state == FILE_PLACED && !unwind_tables_is_there(u->tables, number)) {
		file->state = FILE_ABSENT;
		u->nr_unsettled++;
	}
	if (!unwind_tables_is_wanted(u->tables, number, epoch))
		return;
	if (file->state == FILE_WAITING)
		table_builder_hurry(u->builder, number);
	if (file->state != FILE_ABSENT || (file->left_out && (int32_t)(epoch - file->retry) < 0))
		return;
	if (!is_vdso(u, file->module))
		fd = modules_open(u->modules, file->module);
	u->nr_unsettled--;
	if (fd < 0 && !is_vdso(u, file->module))
		file->state = FILE_FAILED;
	else
		want_table(u, number, TABLE_ASKED, fd);
}

void unwinding_collect(struct unwinding *u)
{
	uint32_t epoch = kernel_unwind_epoch(u->kernel);
	struct table_result result;
	bool came = false;

	if (!u->nr_unsettled)
		return;
	while (table_builder_next(u->builder, &result)) {
		take_result(u, &result);
		came = true;
	}
	if (came)
		kernel_unwind_table_came(u->kernel);
	for (size_t i = 1; i < u->nr_files; i++)
		if (u->files[i].state == FILE_WAITING || u->files[i].state == FILE_ABSENT)
			see_to(u, i, epoch);
	if (table_builder_waiting(u->builder))
		table_builder_work(u->builder, 0);
}

void unwinding_tick(struct unwinding *u)
{
	uint32_t epoch = kernel_unwind_epoch(u->kernel);

	for (size_t i = 1; i < u->nr_files; i++)
		see_to(u, i, epoch);
	kernel_unwind_next_epoch(u->kernel);
	unwind_memory_settle(u->memory);
}

int unwinding_each_fault(const struct unwinding *u, unwinding_fault_fn fn, void *context)
{
	int err = 0;

	for (size_t i = 1; i < u->nr_files && !err; i++) {
		const struct file *file = &u->files[i];
		const char *path = modules_info(u->modules, file->module).path;

		if (file->fault)
			err = fn(context, path ? path : "", file->fault);
	}
	return err;
}

struct unwinding_stats unwinding_stats(const struct unwinding *u)
{
	struct unwind_tables_stats tables = unwind_tables_stats(u->tables);
	struct unwind_spaces_stats spaces = unwind_spaces_stats(u->spaces);
	struct unwind_memory_stats memory = unwind_memory_stats(u->memory);
	struct unwinding_stats stats = u->stats;
	uint64_t counters[SEEP_COUNT_MAX] = { 0 };

	if (!kernel_counters(u->kernel, counters))
		stats.missed = counters[SEEP_COUNT_TABLE_ABSENT];
	stats.tables = tables.there;
	stats.tables_left_out += tables.unnumbered;
	stats.tables_waiting = table_builder_waiting(u->builder);
	stats.tables_evicted = tables.evicted;
	stats.rows = tables.rows;
	stats.pages = tables.pages;
	stats.rules = tables.rules;
	stats.rules_left_out = tables.rules_full;
	stats.spaces = spaces.spaces;
	stats.mappings = spaces.mappings;
	stats.bytes = memory.chunks * SEEP_CHUNK_BYTES;
	stats.used_bytes = memory.words_used * 4;
	return stats;
}

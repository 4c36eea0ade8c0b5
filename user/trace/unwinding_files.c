// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns which module has which number, and how far its table is: wanted, being built, placed in the
 * kernel's memory, given up for others and wanted again. It knows no address space.
 */
#include "trace/unwinding_internal.h"

#include <errno.h>
#include <string.h>

#include "attach/kernel_unwind.h"
#include "base/hashmap.h"
#include "base/log.h"
#include "base/vec.h"

enum { RETRY_EPOCHS = 10 }; /* for a table that found no room */

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

uint16_t unwinding_number(struct unwinding *u, const struct module_mapping *mapping, bool first)
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

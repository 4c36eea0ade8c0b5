// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns one libdwfl session a process. Registers and memory are handed to libdw as the thread
 * had them at the allocation; the modules are reported again whenever the maps have changed.
 * Split debug files are not looked for: .eh_frame and .debug_frame of the files alone.
 */
#include "oracle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <elfutils/libdwfl.h>

#include "base/cleanup.h"
#include "base/hashmap.h"
#include "base/strpool.h"

struct process {
	Dwfl *dwfl;
	uint64_t maps; /* hash of the executable ones */
	bool attached;
	const struct stopped *stopped; /* during oracle_ask */
};

struct oracle {
	struct hashmap *processes; /* tgid -> struct process * */
	struct strpool *names;
};

struct oracle *oracle_new(void)
{
	struct oracle *oracle = calloc(1, sizeof(*oracle));

	if (!oracle)
		return NULL;
	oracle->processes = hashmap_new();
	oracle->names = strpool_new();
	if (!oracle->processes || !oracle->names) {
		oracle_free(oracle);
		return NULL;
	}
	return oracle;
}

static void process_free(struct process *process)
{
	if (process->dwfl)
		dwfl_end(process->dwfl);
	free(process);
}

void oracle_free(struct oracle *oracle)
{
	uint64_t tgid, value;
	size_t cursor = 0;

	if (!oracle)
		return;
	while (oracle->processes && hashmap_next(oracle->processes, &cursor, &tgid, &value))
		process_free((struct process *)(uintptr_t)value);
	hashmap_free(oracle->processes);
	strpool_free(oracle->names);
	free(oracle);
}

void oracle_forget(struct oracle *oracle, pid_t tgid)
{
	uint64_t value;

	if (!hashmap_get(oracle->processes, tgid, &value))
		return;
	hashmap_remove(oracle->processes, tgid);
	process_free((struct process *)(uintptr_t)value);
}

static int no_debug_file(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
			 const char *file, const char *link, GElf_Word crc, char **ret_path)
{
	return -1;
}

static struct process *find_process(struct oracle *oracle, pid_t tgid)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_linux_proc_find_elf,
		.find_debuginfo = no_debug_file,
	};
	struct process *process;
	uint64_t value;

	if (hashmap_get(oracle->processes, tgid, &value))
		return (struct process *)(uintptr_t)value;
	process = calloc(1, sizeof(*process));
	if (!process)
		return NULL;
	process->dwfl = dwfl_begin(&callbacks);
	if (!process->dwfl || hashmap_put(oracle->processes, tgid, (uintptr_t)process)) {
		process_free(process);
		return NULL;
	}
	return process;
}

/* Of the lines of code: FNV-1a (draft-eastlake-fnv). */
static uint64_t hash_of_maps(pid_t tgid)
{
	__cleanup(free_text)
	char *line = NULL;
	__cleanup(close_file)
	FILE *file = NULL;
	uint64_t hash = 0xcbf29ce484222325ULL;
	size_t capacity = 0;
	char path[64], flag;

	snprintf(path, sizeof(path), "/proc/%d/maps", tgid);
	file = fopen(path, "re");
	while (file && getline(&line, &capacity, file) > 0) {
		if (sscanf(line, "%*s %*c%*c%c", &flag) != 1 || flag != 'x')
			continue;
		for (const char *c = line; *c; c++)
			hash = (hash ^ (unsigned char)*c) * 0x100000001b3ULL;
	}
	return hash;
}

static int report_modules(struct process *process, pid_t tgid)
{
	uint64_t maps = hash_of_maps(tgid);

	if (maps == process->maps)
		return 0;
	dwfl_report_begin(process->dwfl);
	if (dwfl_linux_proc_report(process->dwfl, tgid) ||
	    dwfl_report_end(process->dwfl, NULL, NULL))
		return -ESRCH;
	process->maps = maps;
	return 0;
}

static pid_t no_next_thread(Dwfl *dwfl, void *data, void **ret_thread)
{
	return 0;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *data, void **ret_thread)
{
	*ret_thread = data;
	return true;
}

static bool read_word(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *ret_word, void *data)
{
	struct process *process = data;
	uint64_t word;

	if (!stopped_word(process->stopped, address, &word))
		return false;
	*ret_word = word;
	return true;
}

static bool set_registers(Dwfl_Thread *thread, void *data)
{
	struct process *process = data;
	Dwarf_Word registers[WITNESS_REGISTERS];

	for (size_t i = 0; i < WITNESS_REGISTERS; i++)
		registers[i] = process->stopped->hit->registers[i];
	return dwfl_thread_state_registers(thread, 0, WITNESS_REGISTERS, registers);
}

static int attach(struct process *process, pid_t tgid)
{
	static const Dwfl_Thread_Callbacks callbacks = {
		.next_thread = no_next_thread,
		.get_thread = get_thread,
		.memory_read = read_word,
		.set_initial_registers = set_registers,
	};

	if (process->attached)
		return 0;
	if (!dwfl_attach_state(process->dwfl, NULL, tgid, &callbacks, process))
		return -EINVAL;
	process->attached = true;
	return 0;
}

struct question {
	struct oracle *oracle;
	Dwfl *dwfl;
	struct truth *truth;
};

static int add_frame(Dwfl_Frame *frame, void *data)
{
	struct question *question = data;
	struct truth *truth = question->truth;
	Dwarf_Addr pc, start;
	Dwfl_Module *module;
	bool exact;
	const char *name;

	if (!dwfl_frame_pc(frame, &pc, &exact))
		return DWARF_CB_ABORT;
	if (truth->nr == TRUTH_FRAMES) {
		truth->full = true;
		return DWARF_CB_ABORT;
	}
	module = dwfl_addrmodule(question->dwfl, exact ? pc : pc - 1);
	truth->frames[truth->nr] = pc;
	truth->modules[truth->nr] = NULL;
	if (module) {
		name = dwfl_module_info(module, NULL, &start, NULL, NULL, NULL, NULL, NULL);
		truth->modules[truth->nr] = strpool_add(question->oracle->names, name);
		truth->offsets[truth->nr] = pc - start;
	}
	truth->nr++;
	return DWARF_CB_OK;
}

int oracle_ask(struct oracle *oracle, const struct stopped *stopped, struct truth *ret_truth)
{
	struct process *process = find_process(oracle, stopped->hit->tgid);
	struct question question = { .oracle = oracle, .truth = ret_truth };
	int err = process ? report_modules(process, stopped->hit->tgid) : -ENOMEM;

	err = err ?: attach(process, stopped->hit->tgid);
	if (err)
		return err;
	question.dwfl = process->dwfl;
	ret_truth->nr = 0;
	ret_truth->full = false;
	ret_truth->why = NULL;
	process->stopped = stopped;
	ret_truth->gave_up =
		dwfl_getthread_frames(process->dwfl, stopped->hit->tid, add_frame, &question) != 0;
	process->stopped = NULL;
	if (ret_truth->gave_up && !ret_truth->full)
		ret_truth->why = strpool_add(oracle->names, dwfl_errmsg(-1));
	return ret_truth->nr ? 0 : -ENODATA;
}

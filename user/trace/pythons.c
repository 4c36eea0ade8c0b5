// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns which files are interpreters, which spaces have one mapped, and the names of their
 * functions. A file is looked at once, and only when "python" is in its name or it is the
 * program itself. Code is read when the first stack with it arrives, while the process is
 * there; where it is not any more, the frame's name says so.
 */
#include "trace/pythons.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hashmap.h"
#include "base/log.h"
#include "base/strpool.h"
#include "base/vec.h"
#include "heap/profile.h"
#include "memory/remote.h"
#include "python/code.h"
#include "python/walk.h"
#include "stack/modules.h"

#define NAME_ENDED "[Python, of a process that has ended]"
#define NAME_UNREADABLE "[Python, unreadable]"

enum { NO_INTERPRETER = UINT32_MAX };

struct interpreter {
	uint32_t module;
	struct python_walk walk;
	const char *runtime;
};

struct python_space {
	uint32_t space;
	pid_t pid;
	uint32_t interpreter; /* index */
	bool ended;
	struct remote *remote; /* opened when something is to be read */
	struct python_codes *codes;
};

struct pythons {
	struct kernel *kernel;
	struct modules *modules;
	struct interpreter *interpreters;
	size_t nr_interpreters, cap_interpreters;
	struct hashmap *by_module; /* to an index of interpreters, or NO_INTERPRETER */
	struct python_space *spaces;
	size_t nr_spaces, cap_spaces;
	struct hashmap *by_space; /* to an index of spaces */
	struct strpool *strings;
	struct python_name *names;
	size_t nr_names, cap_names;
	struct hashmap *by_name; /* hash of a python_name -> its number */
};

struct pythons *pythons_new(struct kernel *kernel, struct modules *modules)
{
	struct pythons *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->kernel = kernel;
	p->modules = modules;
	p->by_module = hashmap_new();
	p->by_space = hashmap_new();
	p->by_name = hashmap_new();
	p->strings = strpool_new();
	if (!p->by_module || !p->by_space || !p->by_name || !p->strings) {
		pythons_free(p);
		return NULL;
	}
	return p;
}

static void close_space(struct python_space *space)
{
	python_codes_free(space->codes);
	remote_free(space->remote);
	space->codes = NULL;
	space->remote = NULL;
}

void pythons_free(struct pythons *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->nr_spaces; i++)
		close_space(&p->spaces[i]);
	for (size_t i = 0; i < p->nr_interpreters; i++)
		python_walk_release(&p->interpreters[i].walk);
	hashmap_free(p->by_module);
	hashmap_free(p->by_space);
	hashmap_free(p->by_name);
	strpool_free(p->strings);
	free(p->interpreters);
	free(p->spaces);
	free(p->names);
	free(p);
}

static struct python_space *find_space(const struct pythons *p, uint32_t space)
{
	uint64_t index;

	return hashmap_get(p->by_space, space, &index) ? &p->spaces[index] : NULL;
}

/* The module's interpreter, if it is one: its file is read. */
static int read_interpreter(struct pythons *p, uint32_t module, uint32_t *ret_interpreter)
{
	const char *path = modules_info(p->modules, module).path;
	int fd = modules_open(p->modules, module), err;
	struct interpreter *slot;
	struct python_walk walk;
	char runtime[64];

	*ret_interpreter = NO_INTERPRETER;
	if (fd < 0)
		return fd == -ENOMEM ? fd : 0;
	err = python_walk_read(fd, path ? path : "", &walk);
	close(fd);
	if (err != -ENOENT)
		log_debug("%s: CPython %s (%d)", path, err ? "that is not known" : walk.version,
			  err);
	if (err)
		return err == -ENOMEM ? err : 0;
	slot = vec_push(&p->interpreters, &p->nr_interpreters, &p->cap_interpreters);
	if (!slot) {
		python_walk_release(&walk);
		return -ENOMEM;
	}
	snprintf(runtime, sizeof(runtime), "python %s", walk.version);
	slot->module = module;
	slot->walk = walk;
	slot->runtime = strpool_add(p->strings, runtime);
	*ret_interpreter = p->nr_interpreters - 1;
	return 0;
}

static int interpreter_of(struct pythons *p, uint32_t module, uint32_t *ret_interpreter)
{
	uint64_t known;
	int err;

	if (hashmap_get(p->by_module, module, &known)) {
		*ret_interpreter = known;
		return 0;
	}
	err = read_interpreter(p, module, ret_interpreter);
	return err ?: hashmap_put(p->by_module, module, *ret_interpreter);
}

static bool looks_like_python(const char *path)
{
	const char *name = path ? strrchr(path, '/') : NULL;

	return name && strcasestr(name, "python");
}

/* The interpreter that the space has mapped; the program comes first in its maps. */
static int find_interpreter(struct pythons *p, uint32_t space, uint32_t *ret_interpreter,
			    uint64_t *ret_bias)
{
	uint32_t last = PLACE_NONE;
	struct module_mapping m;
	int err = 0;

	*ret_interpreter = NO_INTERPRETER;
	for (size_t i = 0; !err && *ret_interpreter == NO_INTERPRETER; i++) {
		if (!modules_mapping(p->modules, space, i, &m))
			break;
		if (m.module == PLACE_NONE || m.module == last)
			continue;
		last = m.module;
		if (i && !looks_like_python(modules_info(p->modules, m.module).path))
			continue;
		err = interpreter_of(p, m.module, ret_interpreter);
		*ret_bias = m.start - m.offset;
	}
	return err;
}

static uint16_t offset_or_0(uint16_t offset)
{
	return offset == PYTHON_ABSENT ? 0 : offset;
}

static uint16_t end_of(uint16_t offset, uint16_t most)
{
	return offset != PYTHON_ABSENT && offset + 8 > most ? offset + 8 : most;
}

static void fill_offsets(const struct python_layout *l, struct seep_python *at)
{
	at->interpreter_next = offset_or_0(l->interpreter_next);
	at->interpreter_threads = offset_or_0(l->interpreter_threads);
	at->thread_next = offset_or_0(l->thread_next);
	/* Behind `next`; in 3.x there is a pointer to the previous one before that. */
	at->thread_interpreter = l->thread_next + 8;
	at->thread_id = offset_or_0(l->thread_id);
	at->cframe = l->thread_frame == PYTHON_ABSENT;
	at->thread_frame = at->cframe ? l->thread_cframe : l->thread_frame;
	at->cframe_frame = at->cframe ? l->cframe_frame : 0;
	at->frame_back = l->frame_back;
	at->frame_code = l->frame_code;
	at->frame_instruction = l->frame_instruction;
	at->frame_run = offset_or_0(l->frame_owner);
	at->code_instructions = offset_or_0(l->code_adaptive);
	at->code_name = l->code_name;
	at->code_lines = l->code_lines;
	at->thread_bytes = end_of(at->thread_frame, end_of(at->thread_id, 0));
}

static struct seep_python for_kernel(const struct python_walk *walk, uint64_t bias)
{
	const struct python_layout *l = &walk->layout;
	unsigned version = l->major * 256 + l->minor;
	struct seep_python at = { 0 };

	fill_offsets(l, &at);
	if (walk->runtime && l->runtime_interpreters != PYTHON_ABSENT)
		at.interpreters = walk->runtime + bias + l->runtime_interpreters;
	else
		at.current = walk->current + bias;
	if (version >= 0x30c) {
		at.runs = SEEP_PYTHON_RUN_SHIM;
	} else if (version == 0x30b) {
		/* is_entry, right before the owner */
		at.runs = SEEP_PYTHON_RUN_FLAG;
		at.frame_run--;
	}
	at.pointers = version >= 0x30b;
	at.frame_bytes = end_of(at.frame_instruction, end_of(at.frame_code, 0));
	at.frame_bytes = end_of(at.frame_run & ~7U, end_of(at.frame_back, at.frame_bytes));
	return at;
}

static int add_space(struct pythons *p, uint32_t space, pid_t pid, uint32_t interpreter)
{
	struct python_space *slot = find_space(p, space);

	if (!slot) {
		slot = vec_push(&p->spaces, &p->nr_spaces, &p->cap_spaces);
		if (!slot)
			return -ENOMEM;
		if (hashmap_put(p->by_space, space, p->nr_spaces - 1)) {
			p->nr_spaces--;
			return -ENOMEM;
		}
	}
	close_space(slot);
	slot->space = space;
	slot->pid = pid;
	slot->interpreter = interpreter;
	slot->ended = false;
	return 0;
}

int pythons_refresh(struct pythons *p, uint32_t space, pid_t pid)
{
	const struct python_space *known = find_space(p, space);
	struct seep_python at;
	uint32_t interpreter;
	uint64_t bias = 0;
	int err;

	if (known && !known->ended)
		return 0;
	err = find_interpreter(p, space, &interpreter, &bias);
	if (err || interpreter == NO_INTERPRETER)
		return err;
	at = for_kernel(&p->interpreters[interpreter].walk, bias);
	if (p->kernel && kernel_set_python(p->kernel, space, &at))
		return 0;
	return add_space(p, space, pid, interpreter);
}

int pythons_fork(struct pythons *p, uint32_t parent, uint32_t child, pid_t pid)
{
	const struct python_space *known = find_space(p, parent);

	return known ? add_space(p, child, pid, known->interpreter) : 0;
}

void pythons_forget(struct pythons *p, uint32_t space)
{
	struct python_space *known = find_space(p, space);

	if (!known)
		return;
	close_space(known);
	known->ended = true;
}

bool pythons_is_evaluator(const struct pythons *p, const struct place *place)
{
	const struct python_walk *walk;
	uint64_t index;

	if (!hashmap_get(p->by_module, place->module, &index) || index == NO_INTERPRETER)
		return false;
	walk = &p->interpreters[index].walk;
	for (size_t i = 0; i < walk->nr_evaluator; i++)
		if (place->offset > walk->evaluator[i].start &&
		    place->offset <= walk->evaluator[i].end)
			return true;
	return false;
}

static uint64_t name_key(const struct python_name *name)
{
	return hash_mix(hash_mix((uintptr_t)name->function + name->line * 0x9e3779b97f4a7c15ULL) ^
			(uintptr_t)name->file);
}

/* Strings are kept once, so that equal names have equal pointers. */
static int number_name(struct pythons *p, const struct python_name *name, uint32_t *ret_name)
{
	uint64_t key = name_key(name), number;
	struct python_name *slot;

	for (; hashmap_get(p->by_name, key, &number); key++) {
		const struct python_name *known = &p->names[number];

		if (known->function == name->function && known->file == name->file &&
		    known->line == name->line) {
			*ret_name = number;
			return 0;
		}
	}
	slot = vec_push(&p->names, &p->nr_names, &p->cap_names);
	if (!slot || hashmap_put(p->by_name, key, p->nr_names - 1)) {
		p->nr_names -= !!slot;
		return -ENOMEM;
	}
	*slot = *name;
	*ret_name = p->nr_names - 1;
	return 0;
}

static int number_failure(struct pythons *p, const char *why, uint32_t *ret_name)
{
	struct python_name name = { .function = strpool_add(p->strings, why) };

	return name.function ? number_name(p, &name, ret_name) : -ENOMEM;
}

static int open_space(struct pythons *p, struct python_space *space)
{
	int err;

	if (space->codes)
		return 0;
	if (!space->remote) {
		err = remote_open(space->pid, &space->remote);
		if (err)
			return err;
	}
	space->codes = python_codes_new(
		space->remote, &p->interpreters[space->interpreter].walk.layout, p->strings);
	return space->codes ? 0 : -ENOMEM;
}

/* Another object may have taken the address since the stack was seen. */
static bool is_same_code(const struct python_location *location, uint64_t word)
{
	uint64_t seen = SEEP_PYTHON_IDENTITY(word);

	return !seen || seen == SEEP_PYTHON_IDENTITY_OF(location->name_at, location->lines_at);
}

/* What the frame is in: as it was read before, if that was the same object, else read now. */
static int locate(struct pythons *p, struct python_space *space, uint64_t code, uint64_t word,
		  struct python_location *ret_location)
{
	int64_t instruction = SEEP_PYTHON_INSTRUCTION(word);
	int err;

	if (space->codes && SEEP_PYTHON_IDENTITY(word) &&
	    python_codes_kept(space->codes, code, instruction, ret_location) &&
	    is_same_code(ret_location, word))
		return 0;
	err = open_space(p, space);
	err = err ?: python_codes_find(space->codes, code, instruction, ret_location);
	if (err)
		return err;
	return is_same_code(ret_location, word) ? 0 : -EFAULT;
}

int pythons_frame(struct pythons *p, uint32_t space_id, uint64_t code, uint64_t word,
		  uint32_t *ret_name)
{
	struct python_space *space = find_space(p, space_id);
	struct python_location location;
	struct python_name name;
	int err;

	*ret_name = PROFILE_NONE;
	if (!code)
		return 0;
	err = space && !space->ended ? locate(p, space, code, word, &location) : -ESRCH;
	if (err == -ENOMEM)
		return err;
	if (err)
		return number_failure(p, err == -ESRCH ? NAME_ENDED : NAME_UNREADABLE, ret_name);
	if (location.hidden)
		return 0;
	name = (struct python_name){ location.function, location.file, location.line };
	return number_name(p, &name, ret_name);
}

struct python_name pythons_name(const struct pythons *p, uint32_t name)
{
	static const struct python_name none = { .function = NAME_UNREADABLE };

	return name < p->nr_names ? p->names[name] : none;
}

const char *pythons_runtime(const struct pythons *p, uint32_t space)
{
	const struct python_space *known = find_space(p, space);

	return known ? p->interpreters[known->interpreter].runtime : NULL;
}

size_t pythons_without_evaluator(const struct pythons *p)
{
	size_t nr = 0;

	for (size_t i = 0; i < p->nr_interpreters; i++)
		nr += !p->interpreters[i].walk.nr_evaluator;
	return nr;
}

size_t pythons_bytes(const struct pythons *p)
{
	size_t bytes = p->cap_spaces * sizeof(*p->spaces) + p->cap_names * sizeof(*p->names) +
		       strpool_bytes(p->strings) + hashmap_bytes(p->by_name) +
		       hashmap_bytes(p->by_space) + hashmap_bytes(p->by_module);

	for (size_t i = 0; i < p->nr_spaces; i++)
		if (p->spaces[i].codes)
			bytes += python_codes_bytes(p->spaces[i].codes);
	return bytes;
}

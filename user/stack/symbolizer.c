// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the names given so far, by (module, address), and the modules open for naming. A
 * frame is named once; the open modules, which may hold hundreds of megabytes of DWARF,
 * are bounded and the least recently used are closed.
 *
 * The physical function is named by the symbol table where it can be: those are the names
 * that other tools print. Inlined functions are known to DWARF only. What no symbol
 * covers stays nameless: a wrong name costs more than none.
 */
#include "stack/symbols.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hashmap.h"
#include "base/strpool.h"
#include "base/vec.h"
#include "stack/debug_servers.h"
#include "stack/demangle.h"
#include "stack/jit_names.h"
#include "stack/modules.h"
#include "stack/object.h"

enum {
	MAX_OPEN_OBJECTS = 512,
	MAX_CACHED = 1 << 20, /* frames; beyond it all are forgotten, but not their strings */
};
static const size_t MAX_OBJECT_BYTES = 1024UL << 20;
static const uint32_t HURRY_MS = 1000;

/* A frame that was named: symbols [first, first + nr) of struct symbolizer. */
struct cached {
	uint64_t address; /* looked up, so one byte before a return address */
	uint32_t module;
	uint32_t first, nr;
	uint32_t next; /* with the same hash; UINT32_MAX ends */
};

struct open_object {
	uint32_t module;
	struct object *object; /* NULL: the module cannot be read */
	int err;
	uint64_t used;
};

struct symbolizer {
	struct modules *modules;
	struct symbolizer_options options;
	struct strpool *strings;
	struct hashmap *by_address; /* hash of (module, address) -> first of struct cached */
	struct cached *cached;
	size_t nr_cached, cap_cached;
	struct symbol *symbols;
	size_t nr_symbols, cap_symbols;
	struct hashmap *demangled; /* interned symbol -> interned readable name */
	struct open_object *objects;
	size_t nr_objects, cap_objects, object_bytes;
	struct jit_names *jit;
	struct debug_servers *servers; /* NULL: none are asked */
	struct symbol lone; /* a result that is not kept */
	uint64_t deadline; /* of the clock: no new names after it; 0 none */
	uint64_t clock;
	uint64_t nr_frames, nr_unnamed;
};

struct symbolizer *symbolizer_new(struct modules *modules, const struct symbolizer_options *options)
{
	struct symbolizer *symbolizer = calloc(1, sizeof(*symbolizer));

	if (!symbolizer)
		return NULL;
	symbolizer->modules = modules;
	if (options)
		symbolizer->options = *options;
	symbolizer->strings = strpool_new();
	symbolizer->by_address = hashmap_new();
	symbolizer->demangled = hashmap_new();
	symbolizer->jit = jit_names_new();
	if (symbolizer->options.debuginfod)
		symbolizer->servers = debug_servers_new(symbolizer->options.debuginfod_file_ms,
							symbolizer->options.debuginfod_total_ms);
	if (!symbolizer->strings || !symbolizer->by_address || !symbolizer->demangled ||
	    !symbolizer->jit || (symbolizer->options.debuginfod && !symbolizer->servers)) {
		symbolizer_free(symbolizer);
		return NULL;
	}
	return symbolizer;
}

void symbolizer_free(struct symbolizer *symbolizer)
{
	size_t i;

	if (!symbolizer)
		return;
	for (i = 0; i < symbolizer->nr_objects; i++)
		object_free(symbolizer->objects[i].object);
	free(symbolizer->objects);
	free(symbolizer->cached);
	free(symbolizer->symbols);
	jit_names_free(symbolizer->jit);
	debug_servers_free(symbolizer->servers);
	hashmap_free(symbolizer->demangled);
	hashmap_free(symbolizer->by_address);
	strpool_free(symbolizer->strings);
	free(symbolizer);
}

static void close_object(struct symbolizer *symbolizer, size_t i)
{
	struct object *object = symbolizer->objects[i].object;

	if (object)
		symbolizer->object_bytes -= object_bytes(object);
	object_free(object);
	symbolizer->objects[i] = symbolizer->objects[--symbolizer->nr_objects];
}

static void make_room(struct symbolizer *symbolizer)
{
	while (symbolizer->nr_objects && (symbolizer->nr_objects >= MAX_OPEN_OBJECTS ||
					  symbolizer->object_bytes >= MAX_OBJECT_BYTES)) {
		size_t oldest = 0, i;

		for (i = 1; i < symbolizer->nr_objects; i++) {
			if (symbolizer->objects[i].used < symbolizer->objects[oldest].used)
				oldest = i;
		}
		close_object(symbolizer, oldest);
	}
}

static int open_object(struct symbolizer *symbolizer, uint32_t module, struct object **ret_object)
{
	const struct module_info info = modules_info(symbolizer->modules, module);
	const struct debug_search search = {
		.path = info.path,
		.build_id = info.build_id,
		.root = modules_root(symbolizer->modules, module),
		.servers = symbolizer->servers,
	};
	int fd = modules_open(symbolizer->modules, module);

	if (fd < 0)
		return fd;
	return object_open(fd, &search, !symbolizer->options.no_lines, ret_object);
}

/* The module opened for naming. 0, or -errno when it cannot be read. */
static int find_object(struct symbolizer *symbolizer, uint32_t module, struct object **ret_object)
{
	struct object *object = NULL;
	struct open_object *open;
	size_t i;
	int err;

	for (i = 0; i < symbolizer->nr_objects; i++) {
		open = &symbolizer->objects[i];
		if (open->module != module)
			continue;
		open->used = ++symbolizer->clock;
		*ret_object = open->object;
		return open->err;
	}
	make_room(symbolizer);
	err = open_object(symbolizer, module, &object);
	if (err == -ENOMEM)
		return err;
	open = vec_push(&symbolizer->objects, &symbolizer->nr_objects, &symbolizer->cap_objects);
	if (!open) {
		object_free(object);
		return -ENOMEM;
	}
	*open = (struct open_object){ module, object, err, ++symbolizer->clock };
	if (object)
		symbolizer->object_bytes += object_bytes(object);
	*ret_object = object;
	return err;
}

/* Interned, without "@@GLIBC_2.14", and readable where it was mangled. */
static const char *readable(struct symbolizer *symbolizer, const char *symbol)
{
	const char *version = strchr(symbol, '@');
	size_t length = version && version > symbol ? (size_t)(version - symbol) : strlen(symbol);
	const char *name = strpool_add_n(symbolizer->strings, symbol, length);
	uint64_t known;
	char *text;

	if (!name || symbolizer->options.no_demangle || !demangle_language(name))
		return name;
	if (hashmap_get(symbolizer->demangled, (uintptr_t)name, &known))
		return (const char *)(uintptr_t)known;
	text = demangle(name);
	known = (uintptr_t)(text ? strpool_add(symbolizer->strings, text) : name);
	free(text);
	if (known)
		hashmap_put(symbolizer->demangled, (uintptr_t)name, known);
	return (const char *)(uintptr_t)known;
}

/* The interned path of the frame's file. A relative folder adds nothing that helps. */
static const char *path_of(struct symbolizer *symbolizer, const struct debug_frame *frame)
{
	const char *path;
	char *joined;

	if (*frame->file == '/' || !frame->folder || *frame->folder != '/')
		return strpool_add(symbolizer->strings, frame->file);
	if (asprintf(&joined, "%s/%s", frame->folder, frame->file) < 0)
		return NULL;
	path = strpool_add(symbolizer->strings, joined);
	free(joined);
	return path;
}

static int add_symbol(struct symbolizer *symbolizer, const char *name,
		      const struct debug_frame *frame, const char *language, bool inlined)
{
	struct symbol *symbol =
		vec_push(&symbolizer->symbols, &symbolizer->nr_symbols, &symbolizer->cap_symbols);

	if (!symbol)
		return -ENOMEM;
	symbol->inlined = inlined;
	symbol->language = language;
	if (name) {
		symbol->function = readable(symbolizer, name);
		if (!language)
			symbol->language = demangle_language(name);
		if (!symbol->function)
			return -ENOMEM;
	}
	if (frame && frame->file) {
		symbol->file = path_of(symbolizer, frame);
		if (!symbol->file)
			return -ENOMEM;
	}
	symbol->line = frame ? frame->line : 0;
	return 0;
}

/* What debug information, or a Go program's own tables, tell of the address. */
static size_t find_frames(const struct symbolizer *symbolizer, struct object *object,
			  uint64_t address, struct debug_frame frames[DEBUG_FRAMES_MAX],
			  const char **ret_language)
{
	const struct symbolizer_options *options = &symbolizer->options;
	struct debug_info *info = object_debug_info(object);
	struct go_table *go;
	size_t nr = 0, i;

	if (info)
		nr = debug_info_find(info, address, !options->no_inline, frames, ret_language);
	if (nr)
		return nr;
	go = object_go_table(object);
	if (go)
		nr = go_table_find(go, address, !options->no_inline && !options->no_lines, frames);
	if (nr)
		*ret_language = "go";
	for (i = 0; i < nr && options->no_lines; i++) {
		frames[i].file = NULL;
		frames[i].line = 0;
	}
	return nr;
}

/* Appends the symbols of the address to those of the symbolizer; at least one. */
static int name_in_object(struct symbolizer *symbolizer, struct object *object, uint64_t address)
{
	const char *symbol = object_symbol(object, address), *language = NULL;
	struct debug_frame frames[DEBUG_FRAMES_MAX];
	size_t nr = find_frames(symbolizer, object, address, frames, &language), i;
	int err = 0;

	if (!nr)
		return add_symbol(symbolizer, symbol, NULL, language, false);
	for (i = 0; !err && i < nr; i++) {
		bool physical = i == nr - 1;
		const char *name = physical && symbol ? symbol : frames[i].name;

		err = add_symbol(symbolizer, name, &frames[i], language, !physical);
	}
	return err;
}

static uint64_t frame_hash(uint32_t module, uint64_t address)
{
	return hash_mix(hash_mix(module + 1ULL) ^ address);
}

static const struct cached *find_cached(const struct symbolizer *symbolizer, uint32_t module,
					uint64_t address)
{
	uint64_t i;

	if (!hashmap_get(symbolizer->by_address, frame_hash(module, address), &i))
		return NULL;
	while (i != UINT32_MAX) {
		const struct cached *cached = &symbolizer->cached[i];

		if (cached->module == module && cached->address == address)
			return cached;
		i = cached->next;
	}
	return NULL;
}

static int forget_all(struct symbolizer *symbolizer)
{
	struct hashmap *empty = hashmap_new();

	if (!empty)
		return -ENOMEM;
	hashmap_free(symbolizer->by_address);
	symbolizer->by_address = empty;
	symbolizer->nr_cached = 0;
	symbolizer->nr_symbols = 0;
	return 0;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void symbolizer_hurry(struct symbolizer *symbolizer, bool hurry)
{
	uint32_t ms = symbolizer->options.hurry_ms ? symbolizer->options.hurry_ms : HURRY_MS;

	symbolizer->deadline = hurry ? now_ns() + ms * 1000000ULL : 0;
	if (!symbolizer->servers)
		return;
	debug_servers_wait(symbolizer->servers, !hurry);
	if (!debug_servers_again(symbolizer->servers) || forget_all(symbolizer))
		return;
	while (symbolizer->nr_objects)
		close_object(symbolizer, symbolizer->nr_objects - 1);
}

static int add_cached(struct symbolizer *symbolizer, uint32_t module, uint64_t address,
		      size_t first, const struct cached **ret_cached)
{
	uint64_t hash = frame_hash(module, address), next = UINT32_MAX;
	struct cached *cached =
		vec_push(&symbolizer->cached, &symbolizer->nr_cached, &symbolizer->cap_cached);

	if (!cached)
		return -ENOMEM;
	hashmap_get(symbolizer->by_address, hash, &next);
	*cached = (struct cached){
		.address = address,
		.module = module,
		.first = (uint32_t)first,
		.nr = (uint32_t)(symbolizer->nr_symbols - first),
		.next = (uint32_t)next,
	};
	if (hashmap_put(symbolizer->by_address, hash, symbolizer->nr_cached - 1)) {
		symbolizer->nr_cached--;
		return -ENOMEM;
	}
	*ret_cached = cached;
	return 0;
}

/* Names an address of a module that was not named before. */
static int name_new(struct symbolizer *symbolizer, uint32_t module, uint64_t address,
		    const struct cached **ret_cached)
{
	struct object *object = NULL;
	size_t first;
	int err;

	if (symbolizer->nr_cached >= MAX_CACHED) {
		err = forget_all(symbolizer);
		if (err)
			return err;
	}
	first = symbolizer->nr_symbols;
	err = find_object(symbolizer, module, &object);
	if (err)
		return err;
	err = name_in_object(symbolizer, object, address);
	if (!err)
		err = add_cached(symbolizer, module, address, first, ret_cached);
	if (err)
		symbolizer->nr_symbols = first;
	return err;
}

static int no_name(struct symbolizer *symbolizer, const struct symbol **ret_symbols)
{
	symbolizer->lone = (struct symbol){ 0 };
	symbolizer->nr_unnamed++;
	*ret_symbols = &symbolizer->lone;
	return 1;
}

/* JIT code may be replaced: its names are not kept. */
static int name_jit(struct symbolizer *symbolizer, uint64_t address, pid_t pid,
		    const struct symbol **ret_symbols)
{
	struct symbol *symbol = &symbolizer->lone;
	struct jit_code code;

	if (!pid || !jit_names_find(symbolizer->jit, pid, address, &code))
		return no_name(symbolizer, ret_symbols);
	*symbol = (struct symbol){ 0 };
	*ret_symbols = symbol;
	symbol->function = strpool_add(symbolizer->strings, code.name);
	symbol->jit = true;
	symbol->language = "jit";
	if (code.file && !symbolizer->options.no_lines) {
		symbol->file = strpool_add(symbolizer->strings, code.file);
		symbol->line = code.line;
	}
	return symbol->function ? 1 : -ENOMEM;
}

int symbolizer_name(struct symbolizer *symbolizer, const struct place *place, bool return_address,
		    pid_t pid, const struct symbol **ret_symbols)
{
	uint64_t back = return_address ? 1 : 0;
	const struct cached *cached;
	int err;

	symbolizer->nr_frames++;
	if (place->module == PLACE_NONE)
		return name_jit(symbolizer, place->address - back, pid, ret_symbols);
	cached = find_cached(symbolizer, place->module, place->offset - back);
	if (!cached) {
		if (symbolizer->deadline && now_ns() >= symbolizer->deadline)
			return no_name(symbolizer, ret_symbols);
		err = name_new(symbolizer, place->module, place->offset - back, &cached);
		if (err == -ENOMEM)
			return err;
		/* No ELF file: some JIT compilers keep their code in a file of their own. */
		if (err)
			return name_jit(symbolizer, place->address - back, pid, ret_symbols);
	}
	*ret_symbols = &symbolizer->symbols[cached->first];
	symbolizer->nr_unnamed += !(*ret_symbols)[cached->nr - 1].function;
	return (int)cached->nr;
}

void symbolizer_counts(const struct symbolizer *symbolizer, uint64_t *ret_frames,
		       uint64_t *ret_unnamed)
{
	*ret_frames = symbolizer->nr_frames;
	*ret_unnamed = symbolizer->nr_unnamed;
}

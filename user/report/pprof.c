/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pprof's format: pprof.proto, packed and gzipped. Owns how rows become its messages: a
 * module is a mapping, an instruction with all that is inlined there a location, a site
 * a sample with the four values that heap readers know. Addresses are ELF addresses in
 * mappings that start at 0, so that captures of different processes and hosts agree.
 */
#include "report/formats.h"
#include "report/label.h"
#include "base/hashmap.h"
#include "base/strpool.h"
#include "base/vec.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <report/pprof.pb-c.h>
/* Generated; a part of this file so that every build of the library has it. */
#include <report/pprof.pb-c.c>

/* What a message needs lives until the profile is written. */
struct piece {
	struct piece *next;
	max_align_t bytes[];
};

struct builder {
	const struct profile *profile;
	Pprof__Profile message;
	struct piece *pieces;
	struct strpool *pool; /* makes equal strings equal pointers */
	struct hashmap *strings; /* pointer -> index in the string table */
	struct hashmap *functions; /* frame -> function id */
	struct hashmap *functions_by_name; /* (name, file) -> function id */
	struct hashmap *runs; /* (run so far, frame) -> run */
	struct hashmap *locations; /* run -> location id */
	size_t cap_strings, cap_functions, cap_locations, cap_samples;
	uint64_t nr_runs;
	uint32_t main_module;
	bool failed; /* out of memory: what follows does nothing that matters */
};

static void *allocate(struct builder *b, size_t size)
{
	struct piece *piece = calloc(1, sizeof(*piece) + size);

	if (!piece) {
		b->failed = true;
		return NULL;
	}
	piece->next = b->pieces;
	b->pieces = piece;
	return piece->bytes;
}

/* A message of its type, made ready; the enclosing function returns when there is none. */
#define MESSAGE(b, variable, initializer)                                                          \
	do {                                                                                       \
		(variable) = allocate((b), sizeof(*(variable)));                                   \
		if (!(variable))                                                                   \
			return 0;                                                                  \
		initializer(variable);                                                             \
	} while (0)

#define PUSH(b, array, cap, item)                                                                  \
	do {                                                                                       \
		__typeof__((b)->message.array) slot_ =                                             \
			vec_push(&(b)->message.array, &(b)->message.n_##array, &(b)->cap);         \
		if (slot_)                                                                         \
			*slot_ = (item);                                                           \
		else                                                                               \
			(b)->failed = true;                                                        \
	} while (0)

static void remember(struct builder *b, struct hashmap *map, uint64_t key, uint64_t value)
{
	if (hashmap_put(map, key, value) < 0)
		b->failed = true;
}

static int64_t string_index(struct builder *b, const char *text)
{
	char *clean = label_clean(text);
	const char *kept = clean ? strpool_add(b->pool, clean) : NULL;
	uint64_t index;

	free(clean);
	if (!kept) {
		b->failed = true;
		return 0;
	}
	if (hashmap_get(b->strings, (uintptr_t)kept, &index))
		return index;
	index = b->message.n_string_table;
	PUSH(b, string_table, cap_strings, (char *)kept);
	remember(b, b->strings, (uintptr_t)kept, index);
	return index;
}

static uint64_t function_id(struct builder *b, uint32_t frame_index)
{
	const struct profile_frame *frame = &b->profile->frames[frame_index];
	Pprof__Function *function;
	char *label;
	int64_t name, file;
	uint64_t id, key;

	if (hashmap_get(b->functions, frame_index, &id))
		return id;
	label = label_frame(b->profile, frame);
	name = label ? string_index(b, label) : 0;
	b->failed |= !label;
	free(label);
	file = string_index(b, frame->file);
	key = (uint64_t)name << 32 | file;
	if (!hashmap_get(b->functions_by_name, key, &id)) {
		MESSAGE(b, function, pprof__function__init);
		id = function->id = b->message.n_function + 1;
		function->name = function->system_name = name;
		function->filename = file;
		PUSH(b, function, cap_functions, function);
		remember(b, b->functions_by_name, key, id);
	}
	remember(b, b->functions, frame_index, id);
	return id;
}

/* Modules in their order, but the main one first. Ids from 1. */
static uint64_t mapping_id(const struct builder *b, uint32_t module)
{
	if (module == PROFILE_NONE)
		return 0;
	if (module == b->main_module)
		return 1;
	return b->main_module != PROFILE_NONE && module < b->main_module ? module + 2 : module + 1;
}

/* The frames from `first` on up to the one that all the others are inlined into. */
static uint64_t make_location(struct builder *b, const uint32_t *frames, uint32_t nr)
{
	const struct profile_frame *physical = &b->profile->frames[frames[nr - 1]];
	Pprof__Location *location;
	Pprof__Line *line;

	MESSAGE(b, location, pprof__location__init);
	location->id = b->message.n_location + 1;
	location->mapping_id = mapping_id(b, physical->module);
	location->address = physical->module == PROFILE_NONE ? physical->address : physical->offset;
	location->line = allocate(b, nr * sizeof(*location->line));
	for (uint32_t i = 0; location->line && i < nr; i++) {
		MESSAGE(b, line, pprof__line__init);
		line->function_id = function_id(b, frames[i]);
		line->line = b->profile->frames[frames[i]].line;
		location->line[location->n_line++] = line;
	}
	PUSH(b, location, cap_locations, location);
	return location->id;
}

/* Id of the location that starts at frames[0]; *ret_used says how many frames it takes. */
static uint64_t location_id(struct builder *b, const uint32_t *frames, uint32_t nr,
			    uint32_t *ret_used)
{
	uint64_t run = 0, id;
	uint32_t used = 0;

	do {
		uint64_t key = run << 32 | frames[used];

		if (!hashmap_get(b->runs, key, &run)) {
			run = ++b->nr_runs;
			remember(b, b->runs, key, run);
		}
	} while (b->profile->frames[frames[used++]].flags & FRAME_INLINED && used < nr);
	*ret_used = used;
	if (hashmap_get(b->locations, run, &id))
		return id;
	id = make_location(b, frames, used);
	remember(b, b->locations, run, id);
	return id;
}

static int add_label(struct builder *b, Pprof__Sample *sample, const char *key, const char *text,
		     int64_t number)
{
	Pprof__Label *label;

	MESSAGE(b, label, pprof__label__init);
	label->key = string_index(b, key);
	if (text)
		label->str = string_index(b, text);
	else
		label->num = number;
	sample->label[sample->n_label++] = label;
	return 1;
}

static void add_labels(struct builder *b, Pprof__Sample *sample, const struct profile_site *site)
{
	const struct profile_process *process = &b->profile->processes[site->process];

	sample->label = allocate(b, 7 * sizeof(*sample->label));
	if (!sample->label)
		return;
	add_label(b, sample, "pid", NULL, process->pid);
	add_label(b, sample, "comm", process->comm, 0);
	if (process->container)
		add_label(b, sample, "container", process->container, 0);
	if (site->tid)
		add_label(b, sample, "thread", NULL, site->tid);
	add_label(b, sample, "allocator", site->family, 0);
	add_label(b, sample, "operation", site->operation, 0);
	add_label(b, sample, "verdict", profile_verdict_name(site->verdict), 0);
}

/* A frame of no code, for a stack that is not known. */
static uint64_t marker_location(struct builder *b, const char *name)
{
	Pprof__Location *location;
	Pprof__Function *function;
	Pprof__Line *line;
	uint64_t id, key = (uint64_t)string_index(b, name) << 32;

	if (hashmap_get(b->functions_by_name, key, &id))
		return hashmap_get(b->locations, UINT64_MAX - id, &key) ? key : 0;
	MESSAGE(b, function, pprof__function__init);
	id = function->id = b->message.n_function + 1;
	function->name = function->system_name = string_index(b, name);
	PUSH(b, function, cap_functions, function);
	remember(b, b->functions_by_name, key, id);
	MESSAGE(b, location, pprof__location__init);
	location->id = b->message.n_location + 1;
	location->line = allocate(b, sizeof(*location->line));
	MESSAGE(b, line, pprof__line__init);
	line->function_id = id;
	if (location->line)
		location->line[location->n_line++] = line;
	PUSH(b, location, cap_locations, location);
	remember(b, b->locations, UINT64_MAX - id, location->id);
	return location->id;
}

static void add_frames(struct builder *b, Pprof__Sample *sample, const struct profile_site *site)
{
	const struct profile_stack *stack = label_site_stack(b->profile, site);
	uint32_t nr = stack ? stack->nr_frames : 0, used;

	/* One more for the marker. */
	sample->location_id = allocate(b, (nr + 1) * sizeof(*sample->location_id));
	if (!sample->location_id)
		return;
	for (uint32_t i = 0; i < nr; i += used)
		sample->location_id[sample->n_location_id++] =
			location_id(b, stack->frames + i, nr - i, &used);
	if (!stack || stack->cut)
		sample->location_id[sample->n_location_id++] =
			marker_location(b, stack ? LABEL_STACK_CUT : LABEL_STACK_UNKNOWN);
}

static int64_t signed_count(uint64_t count)
{
	return count > INT64_MAX ? INT64_MAX : (int64_t)count;
}

static int add_sample(struct builder *b, const struct profile_site *site)
{
	Pprof__Sample *sample;

	MESSAGE(b, sample, pprof__sample__init);
	add_frames(b, sample, site);
	sample->value = allocate(b, 4 * sizeof(*sample->value));
	if (!sample->value)
		return 0;
	sample->n_value = 4;
	sample->value[0] = signed_count(site->alloc_count);
	sample->value[1] = signed_count(site->alloc_bytes);
	sample->value[2] = signed_count(site->live_count);
	sample->value[3] = signed_count(site->live_bytes);
	add_labels(b, sample, site);
	PUSH(b, sample, cap_samples, sample);
	return 1;
}

static Pprof__ValueType *value_type(struct builder *b, const char *type, const char *unit)
{
	Pprof__ValueType *value;

	MESSAGE(b, value, pprof__value_type__init);
	value->type = string_index(b, type);
	value->unit = string_index(b, unit);
	return value;
}

static void add_types(struct builder *b)
{
	static const char *const types[][2] = {
		{ "alloc_objects", "count" },
		{ "alloc_space", "bytes" },
		{ "inuse_objects", "count" },
		{ "inuse_space", "bytes" },
	};
	const struct profile_capture *capture = &b->profile->capture;

	b->message.sample_type = allocate(b, 4 * sizeof(*b->message.sample_type));
	for (size_t i = 0; b->message.sample_type && i < 4; i++)
		b->message.sample_type[b->message.n_sample_type++] =
			value_type(b, types[i][0], types[i][1]);
	b->message.default_sample_type = string_index(b, "inuse_space");
	b->message.period_type = value_type(b, "space", "bytes");
	b->message.period = capture->sample_bytes ? signed_count(capture->sample_bytes) : 1;
	/* A double holds microseconds since the epoch, not nanoseconds. */
	if (capture->started > 0 && capture->started < 9e9)
		b->message.time_nanos = llround(capture->started * 1e6) * 1000;
	if (capture->seconds > 0 && capture->seconds < 9e9)
		b->message.duration_nanos = capture->seconds * 1e9;
}

/* The module of the process with the most outstanding that is its executable. */
static uint32_t find_main_module(const struct profile *profile)
{
	const struct profile_process *largest = NULL;

	for (size_t i = 0; i < profile->nr_processes; i++)
		if (!largest || profile->processes[i].live_bytes > largest->live_bytes)
			largest = &profile->processes[i];
	for (size_t i = 0; largest && largest->exe && i < profile->nr_modules; i++)
		if (!strcmp(profile->modules[i].path, largest->exe))
			return i;
	return PROFILE_NONE;
}

static int add_mappings(struct builder *b)
{
	size_t nr = b->profile->nr_modules;

	b->main_module = find_main_module(b->profile);
	b->message.mapping = allocate(b, (nr + 1) * sizeof(*b->message.mapping));
	if (!b->message.mapping)
		return 0;
	for (size_t i = 0; i < nr; i++) {
		Pprof__Mapping *mapping;

		MESSAGE(b, mapping, pprof__mapping__init);
		mapping->id = mapping_id(b, i);
		mapping->filename = string_index(b, b->profile->modules[i].path);
		mapping->build_id = string_index(b, b->profile->modules[i].build_id);
		mapping->has_functions = mapping->has_filenames = true;
		mapping->has_line_numbers = mapping->has_inline_frames = true;
		b->message.mapping[mapping->id - 1] = mapping;
	}
	b->message.n_mapping = nr;
	return 1;
}

static void add_comments(struct builder *b)
{
	const struct profile *profile = b->profile;
	char *comment;

	b->message.comment = allocate(b, sizeof(*b->message.comment));
	if (!b->message.comment)
		return;
	if (asprintf(&comment, "seep %s, %s, host %s, %" PRIu64 " records, %" PRIu64 " dropped",
		     profile->capture.seep_version ? profile->capture.seep_version : "?",
		     profile->capture.mode == PROFILE_SAMPLED ? "sampled" : "exact",
		     profile->capture.host ? profile->capture.host : "?", profile->health.events,
		     profile->health.dropped) < 0) {
		b->failed = true;
		return;
	}
	b->message.comment[b->message.n_comment++] = string_index(b, comment);
	free(comment);
}

static void build(struct builder *b, const uint32_t *sites, size_t nr_sites)
{
	string_index(b, "");
	add_types(b);
	add_mappings(b);
	for (size_t i = 0; i < nr_sites && !b->failed; i++)
		add_sample(b, &b->profile->sites[sites[i]]);
	add_comments(b);
}

/* Gzip without a name or a time in its header: equal profiles are equal files. */
static int write_gzip(uint8_t *bytes, size_t size, FILE *out)
{
	z_stream stream = { .next_in = bytes, .avail_in = size };
	uint8_t chunk[16384];
	int code;

	if (size > UINT32_MAX)
		return -EFBIG;
	/* Window bits above 15 ask for a gzip header (zlib.h, deflateInit2). */
	if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	do {
		stream.next_out = chunk;
		stream.avail_out = sizeof(chunk);
		code = deflate(&stream, Z_FINISH);
		fwrite(chunk, 1, sizeof(chunk) - stream.avail_out, out);
	} while (code == Z_OK);
	deflateEnd(&stream);
	return code == Z_STREAM_END ? report_finish(out) : -EIO;
}

static int write_message(struct builder *b, FILE *out)
{
	size_t size = pprof__profile__get_packed_size(&b->message);
	uint8_t *bytes = malloc(size + 1);
	int err;

	if (!bytes)
		return -ENOMEM;
	pprof__profile__pack(&b->message, bytes);
	err = write_gzip(bytes, size, out);
	free(bytes);
	return err;
}

static void builder_free(struct builder *b)
{
	while (b->pieces) {
		struct piece *next = b->pieces->next;

		free(b->pieces);
		b->pieces = next;
	}
	free(b->message.string_table);
	free(b->message.function);
	free(b->message.location);
	free(b->message.sample);
	strpool_free(b->pool);
	hashmap_free(b->strings);
	hashmap_free(b->functions);
	hashmap_free(b->functions_by_name);
	hashmap_free(b->runs);
	hashmap_free(b->locations);
}

static int write_pprof(const struct profile *profile, const struct report_options *options,
		       FILE *out)
{
	struct builder b = {
		.profile = profile,
		.message = PPROF__PROFILE__INIT,
		.pool = strpool_new(),
		.strings = hashmap_new(),
		.functions = hashmap_new(),
		.functions_by_name = hashmap_new(),
		.runs = hashmap_new(),
		.locations = hashmap_new(),
	};
	uint32_t *sites = NULL;
	size_t nr_sites;
	int err = -ENOMEM;

	if (b.pool && b.strings && b.functions && b.functions_by_name && b.runs && b.locations)
		err = report_sort_sites(profile, PROFILE_NONE, options->sort, &sites, &nr_sites);
	if (!err) {
		build(&b, sites, nr_sites);
		err = b.failed ? -ENOMEM : write_message(&b, out);
	}
	free(sites);
	builder_free(&b);
	return err;
}

const struct report_format report_pprof = {
	.name = "pprof",
	.extension = "pb.gz",
	.summary = "for \"go tool pprof\" and what else reads its profiles",
	.binary = true,
	.write = write_pprof,
};

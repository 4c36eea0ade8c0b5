// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the format of hsperfdata, version 2.0 (HotSpot's perfMemory.hpp and perfData.hpp, JDK 1.5
 * to now): a prologue,
 *
 *   0 magic 0xcafec0c0, big-endian   4 byte order: 0 big, 1 little   5 major  6 minor
 *   7 accessible   8 used   12 overflow   16 time   24 offset of the first entry   28 entries
 *
 * then entries of {length, name offset, vector length (32 bits each), type, flags, units,
 * variability (8 bits each), data offset (32 bits)}, whose offsets count from the entry. Type 'J'
 * is one 64-bit number, 'B' with a length a string. Which counters mean what is the same in all
 * collectors: sun.gc.generation.N and sun.gc.collector.N.
 */
#include "jvm/hsperfdata.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	PROLOGUE = 32,
	ENTRY_HEAD = 20,
	ENTRIES = 8192,
	NAME_BOUND = 256,
};

struct file {
	const uint8_t *bytes;
	size_t size;
	bool big;
};

struct entry {
	char name[NAME_BOUND];
	bool is_text;
	int64_t number;
	const char *text; /* not ended by a NUL */
	size_t text_length;
};

/* Figures that make sense only together with others. */
struct times {
	uint64_t frequency;
	uint64_t collectors[JVM_COLLECTORS], safepoints;
};

static uint64_t read_number(const struct file *file, size_t offset, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value |= (uint64_t)file->bytes[offset + i] << 8 * (file->big ? size - 1 - i : i);
	return value;
}

/* The entry at that offset; its length in *ret_length. */
static int read_entry(const struct file *file, size_t offset, struct entry *entry,
		      size_t *ret_length)
{
	size_t length, name, vector, data, name_length;
	uint8_t type;

	if (offset > file->size || file->size - offset < ENTRY_HEAD)
		return -EBADMSG;
	length = read_number(file, offset, 4);
	if (length < ENTRY_HEAD || length > file->size - offset)
		return -EBADMSG;
	name = read_number(file, offset + 4, 4);
	vector = read_number(file, offset + 8, 4);
	type = file->bytes[offset + 12];
	data = read_number(file, offset + 16, 4);
	if (name >= length || data >= length)
		return -EBADMSG;
	name_length = strnlen((const char *)&file->bytes[offset + name], length - name);
	if (name_length >= sizeof(entry->name) || name_length == length - name)
		return -EBADMSG;
	memcpy(entry->name, &file->bytes[offset + name], name_length + 1);
	entry->is_text = type == 'B' && vector;
	if (entry->is_text) {
		size_t most = vector < length - data ? vector : length - data;

		entry->text = (const char *)&file->bytes[offset + data];
		entry->text_length = strnlen(entry->text, most);
	} else if (type == 'J' && !vector && length - data >= 8) {
		entry->number = (int64_t)read_number(file, offset + data, 8);
	} else {
		entry->number = -1;
	}
	*ret_length = length;
	return 0;
}

static bool take_text(const struct entry *entry, const char *name, char *to, size_t size)
{
	size_t length = entry->text_length < size - 1 ? entry->text_length : size - 1;

	if (!entry->is_text || strcmp(entry->name, name) != 0)
		return false;
	/* It goes to a terminal. */
	for (size_t i = 0; i < length; i++)
		to[i] = entry->text[i] < ' ' || entry->text[i] == 127 ? '?' : entry->text[i];
	to[length] = '\0';
	return true;
}

static bool take_number(const struct entry *entry, const char *name, uint64_t *to)
{
	if (entry->is_text || entry->number < 0 || strcmp(entry->name, name) != 0)
		return false;
	*to = (uint64_t)entry->number;
	return true;
}

/* After "prefix.N." of the name, with N below the bound; NULL when the name is another. */
static const char *after_index(const char *name, const char *prefix, size_t bound,
			       size_t *ret_index)
{
	size_t length = strlen(prefix);

	if (strncmp(name, prefix, length) != 0 || name[length] < '0' ||
	    name[length] >= '0' + (char)bound || name[length + 1] != '.')
		return NULL;
	*ret_index = (size_t)(name[length] - '0');
	return name + length + 2;
}

static bool take_generation(const struct entry *entry, struct jvm_heap *heap)
{
	size_t index, space;
	struct jvm_generation *generation;
	struct entry rest = *entry;
	const char *field = after_index(entry->name, "sun.gc.generation.", JVM_GENERATIONS, &index),
		   *of_space;
	uint64_t used;

	if (!field)
		return false;
	generation = &heap->generations[index];
	memmove(rest.name, rest.name + (field - entry->name), strlen(field) + 1);
	of_space = after_index(field, "space.", 10, &space);
	if (of_space && strcmp(of_space, "used") == 0 && !entry->is_text && entry->number >= 0) {
		used = (uint64_t)entry->number;
		if (__builtin_add_overflow(generation->used, used, &generation->used))
			generation->used = UINT64_MAX;
	} else if (!take_text(&rest, "name", generation->name, sizeof(generation->name)) &&
		   !take_number(&rest, "capacity", &generation->capacity) &&
		   !take_number(&rest, "maxCapacity", &generation->max)) {
		return false;
	}
	if (index >= heap->nr_generations)
		heap->nr_generations = index + 1;
	return true;
}

static bool take_collector(const struct entry *entry, struct jvm_heap *heap, struct times *times)
{
	size_t index;
	struct entry rest = *entry;
	const char *field = after_index(entry->name, "sun.gc.collector.", JVM_COLLECTORS, &index);
	struct jvm_collector *collector;

	if (!field)
		return false;
	collector = &heap->collectors[index];
	memmove(rest.name, rest.name + (field - entry->name), strlen(field) + 1);
	if (!take_text(&rest, "name", collector->name, sizeof(collector->name)) &&
	    !take_number(&rest, "invocations", &collector->invocations) &&
	    !take_number(&rest, "time", &times->collectors[index]))
		return false;
	if (index >= heap->nr_collectors)
		heap->nr_collectors = index + 1;
	return true;
}

static bool take_entry(const struct entry *entry, struct jvm_heap *heap, struct times *times)
{
	return take_generation(entry, heap) || take_collector(entry, heap, times) ||
	       take_number(entry, "sun.gc.metaspace.used", &heap->metaspace_used) ||
	       take_number(entry, "sun.gc.metaspace.capacity", &heap->metaspace_capacity) ||
	       take_number(entry, "sun.gc.metaspace.maxCapacity", &heap->metaspace_max) ||
	       take_number(entry, "sun.rt.safepoints", &heap->safepoints) ||
	       take_number(entry, "sun.rt.safepointTime", &times->safepoints) ||
	       take_number(entry, "sun.os.hrt.frequency", &times->frequency) ||
	       take_text(entry, "sun.gc.policy.name", heap->policy, sizeof(heap->policy)) ||
	       take_text(entry, "java.property.java.version", heap->version,
			 sizeof(heap->version)) ||
	       take_text(entry, "java.rt.vmArgs", heap->arguments, sizeof(heap->arguments));
}

static void set_seconds(struct jvm_heap *heap, const struct times *times)
{
	if (!times->frequency)
		return;
	for (size_t i = 0; i < heap->nr_collectors; i++)
		heap->collectors[i].seconds =
			(double)times->collectors[i] / (double)times->frequency;
	heap->safepoint_seconds = (double)times->safepoints / (double)times->frequency;
}

int hsperfdata_parse(const uint8_t *bytes, size_t size, struct jvm_heap *ret_heap)
{
	static const uint8_t magic[] = { 0xca, 0xfe, 0xc0, 0xc0 };
	struct file file = { bytes, size, false };
	struct jvm_heap heap = { 0 };
	struct times times = { 0 };
	size_t offset, entries;

	if (size < PROLOGUE || memcmp(bytes, magic, sizeof(magic)) != 0 || bytes[4] > 1 ||
	    bytes[5] != 2)
		return -EBADMSG;
	if (!bytes[7])
		return -ENODATA;
	file.big = bytes[4] == 0;
	offset = read_number(&file, 24, 4);
	entries = read_number(&file, 28, 4);
	if (entries > ENTRIES)
		return -EBADMSG;
	for (size_t i = 0; i < entries; i++) {
		struct entry entry = { 0 };
		size_t length;

		if (read_entry(&file, offset, &entry, &length) != 0)
			return -EBADMSG;
		heap.entries += take_entry(&entry, &heap, &times);
		offset += length;
	}
	if (!heap.nr_generations)
		return -ENODATA;
	set_seconds(&heap, &times);
	*ret_heap = heap;
	return 0;
}

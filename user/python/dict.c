// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the tables of dicts, in their four forms (Include/internal/pycore_dict.h,
 * Objects/dictobject.c of each version):
 *
 *   2.7        slots of hash, key, value; which may lie in the dict itself
 *   3.6-3.10   PyDictKeysObject: 40 bytes, indices, entries of hash, key, value
 *   3.11 on    32 bytes, indices, entries; of key and value alone when all keys are str
 *   split      keys of the class, values of the dict: an array; with a header from 3.13 on
 *
 * and the values of instances that have no dict yet: 3.11 a pointer 32 bytes before the
 * object and 3.12 one 24 bytes before it, its lowest bit set; from 3.13 on in the object itself.
 */
#include <errno.h>
#include <string.h>

#include "python/references.h"

enum {
	KEYS_HEADER = 40,
	KEYS_HEADER_311 = 32,
	KEYS_ENTRIES = 32, /* dk_nentries, up to 3.10 */
	KEYS_ENTRIES_311 = 24,
	ENTRY = 24,
	ENTRY_TEXT = 16,
	DICT_MASK_27 = 32,
	DICT_TABLE_27 = 40,
	MAX_LOG2 = 36,
	MANAGED_VALUES_311 = 32, /* before the object */
	MANAGED_DICT = 24,
	VALUES_HEADER = 8, /* from 3.13 on */
	MAX_ATTRIBUTES = 4096,
	PART = 512, /* entries at a time */
};

struct table {
	uint64_t entries; /* address of the first */
	uint64_t nr;
	unsigned entry, key, value; /* size, offsets */
	uint64_t values; /* of a split one; 0: they are in the entries */
	uint64_t users; /* dicts that share the keys */
};

static bool table_27(struct python_reader *r, uint64_t dict, struct table *table)
{
	uint64_t mask = python_reader_word(r, dict + DICT_MASK_27);

	if (mask >> MAX_LOG2)
		return false;
	*table = (struct table){
		.entries = python_reader_word(r, dict + DICT_TABLE_27),
		.nr = mask + 1,
		.entry = ENTRY,
		.key = 8,
		.value = 16,
		.users = 1,
	};
	return regions_hold(&r->regions, table->entries, table->nr * ENTRY);
}

static bool keys_of(struct python_reader *r, uint64_t keys, struct table *table)
{
	uint64_t word = python_reader_word(r, keys + 8), index_bytes;
	bool texts = false;

	table->users = python_reader_word(r, keys);
	if (python_at_least(r, 11)) {
		unsigned log2 = word >> 8 & 255;

		if ((word & 255) > MAX_LOG2 || log2 > MAX_LOG2 + 3)
			return false;
		texts = word >> 16 & 255;
		table->entries = keys + KEYS_HEADER_311 + (UINT64_C(1) << log2);
		table->nr = python_reader_word(r, keys + KEYS_ENTRIES_311);
		if (table->nr > UINT64_C(1) << (word & 255))
			return false;
	} else {
		if (!word || word & (word - 1) || word >> MAX_LOG2)
			return false;
		index_bytes = word <= 0xff ? 1 : word <= 0xffff ? 2 : word <= 0xffffffff ? 4 : 8;
		table->entries = keys + KEYS_HEADER + word * index_bytes;
		table->nr = python_reader_word(r, keys + KEYS_ENTRIES);
		if (table->nr > word)
			return false;
	}
	table->entry = texts ? ENTRY_TEXT : ENTRY;
	table->key = texts ? 0 : 8;
	table->value = texts ? 8 : 16;
	return !table->nr || (table->nr >> MAX_LOG2 == 0 &&
			      regions_hold(&r->regions, table->entries, table->nr * table->entry));
}

static bool table_of(struct python_reader *r, uint64_t dict, struct table *table)
{
	if (r->view.layout.major == 2)
		return table_27(r, dict, table);
	*table = (struct table){ 0 };
	if (!keys_of(r, python_reader_word(r, dict + PYTHON_DICT_KEYS), table))
		return false;
	table->values = python_reader_word(r, dict + PYTHON_DICT_VALUES);
	if (table->values && python_at_least(r, 13))
		table->values += VALUES_HEADER;
	return !table->values || regions_hold(&r->regions, table->values, table->nr * 8);
}

struct visit {
	python_reference_fn each;
	void *context;
	bool keys_twice;
};

static int visit_one(const struct visit *v, enum python_edge edge, uint64_t index, uint64_t target)
{
	const struct python_reference reference = {
		.target = target,
		.edge = edge,
		.index = index < UINT32_MAX ? (uint32_t)index : UINT32_MAX,
	};

	return target ? v->each(v->context, &reference) : 0;
}

static int visit_entry(const struct visit *v, const struct table *table, const uint8_t *bytes,
		       uint64_t index)
{
	uint64_t key, value;
	int err;

	memcpy(&key, bytes + table->key, sizeof(key));
	memcpy(&value, bytes + table->value, sizeof(value));
	/* A key without a value was deleted. */
	if (!value && !table->values)
		return 0;
	err = table->values ? 0 : visit_one(v, EDGE_VALUE, index, value);
	if (!err && table->users == 1)
		err = visit_one(v, EDGE_KEY, index, key);
	if (!err && table->users == 1 && v->keys_twice)
		err = visit_one(v, EDGE_KEY, index, key);
	return err;
}

static int visit_entries(struct python_reader *r, const struct visit *v, const struct table *table)
{
	uint8_t part[PART * ENTRY];

	for (uint64_t from = 0; from < table->nr; from += PART) {
		uint64_t nr = table->nr - from < PART ? table->nr - from : PART;
		size_t size = nr * table->entry;
		const uint8_t *at = snapshot_bytes(
			r->snapshot, table->entries + from * table->entry, size, part);

		if (python_reader_spend(r, nr))
			break;
		if (!at)
			continue;
		/* What is called may read on, and the block may go. */
		if (at != part)
			memcpy(part, at, size);
		for (uint64_t i = 0; i < nr; i++) {
			int err = visit_entry(v, table, part + i * table->entry, from + i);

			if (err)
				return err;
		}
	}
	return 0;
}

int python_dict_references(struct python_reader *r, const struct python_form *form,
			   uint64_t address, python_reference_fn each, void *context)
{
	const struct visit v = { each, context, form->keys_twice };
	struct table table;
	int err = 0;

	if (!table_of(r, address, &table))
		return 0;
	for (uint64_t i = 0; !err && table.values && i < table.nr && !python_reader_spend(r, 1);
	     i++)
		err = visit_one(&v, EDGE_VALUE, i, python_reader_word(r, table.values + i * 8));
	/* Keys that are shared are held by the class, and by each other dict. */
	if (!err && (!table.values || table.users == 1))
		err = visit_entries(r, &v, &table);
	return err;
}

uint64_t python_dict_key(struct python_reader *r, uint64_t dict, uint32_t index)
{
	struct table table;

	if (!table_of(r, dict, &table) || index >= table.nr)
		return 0;
	return python_reader_word(r, table.entries + (uint64_t)index * table.entry + table.key);
}

uint64_t python_dict_find(struct python_reader *r, uint64_t dict, const char *key)
{
	struct table table;
	char text[64];

	if (!table_of(r, dict, &table))
		return 0;
	for (uint64_t i = 0; i < table.nr && !python_reader_spend(r, 1); i++) {
		uint64_t at = table.entries + i * table.entry;

		if (python_reader_text(r, python_reader_word(r, at + table.key), text,
				       sizeof(text)) < 0 ||
		    strcmp(text, key) != 0)
			continue;
		return table.values ? python_reader_word(r, table.values + i * 8)
				    : python_reader_word(r, at + table.value);
	}
	return 0;
}

/* The names of a class's instances' values. */
static bool cached_keys(struct python_reader *r, const struct python_form *form,
			struct table *table)
{
	uint64_t at = form->type->address + r->view.layout.type_cached_keys;

	if (r->view.layout.type_cached_keys == PYTHON_ABSENT ||
	    !(form->type->flags & PYTHON_FLAG_HEAP_TYPE))
		return false;
	*table = (struct table){ 0 };
	return keys_of(r, python_reader_word(r, at), table) && table->nr <= MAX_ATTRIBUTES;
}

/* Where an instance's values are; 0 when they are in a dict. */
static uint64_t inline_values(struct python_reader *r, const struct python_form *form,
			      uint64_t object, uint64_t *ret_dict)
{
	uint64_t word = python_reader_word(r, object - MANAGED_DICT);

	*ret_dict = 0;
	if (!python_at_least(r, 12)) {
		*ret_dict = word;
		return python_reader_word(r, object - MANAGED_VALUES_311);
	}
	if (!python_at_least(r, 13)) {
		if (word & 1)
			return word + 1;
		*ret_dict = word;
		return 0;
	}
	*ret_dict = word;
	return word || !form->inline_values ? 0 : object + form->type->basicsize + VALUES_HEADER;
}

int python_attribute_references(struct python_reader *r, const struct python_form *form,
				uint64_t address, python_reference_fn each, void *context)
{
	const struct visit v = { each, context, false };
	struct table names;
	uint64_t dict, values;
	int err;

	if (!form->managed_dict)
		return 0;
	values = inline_values(r, form, address, &dict);
	err = visit_one(&v, EDGE_DICT, 0, dict);
	if (err || !values || !cached_keys(r, form, &names) ||
	    !regions_hold(&r->regions, values, names.nr * 8))
		return err;
	for (uint64_t i = 0; !err && i < names.nr; i++)
		err = visit_one(&v, EDGE_ATTRIBUTE, i, python_reader_word(r, values + i * 8));
	return err;
}

uint64_t python_attribute_name(struct python_reader *r, const struct python_form *form,
			       uint32_t index)
{
	struct table names;

	if (!cached_keys(r, form, &names) || index >= names.nr)
		return 0;
	return python_reader_word(r, names.entries + (uint64_t)index * names.entry + names.key);
}

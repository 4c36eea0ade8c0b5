// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the reckoning of an object's own memory, as sys.getsizeof does it: the object,
 * what lies before it for the collector, and the tables that belong to it alone (a list's
 * items, a dict's keys, a set's table, a deque's blocks).
 *
 * A dict's table lies elsewhere, and may be shared: then it is nobody's own. Its first bytes are
 * read through the page cache, if not with the object itself: tables lie near each other, so few
 * calls serve many. What a container is long is in the object itself.
 */
#include <errno.h>
#include <string.h>

#include "base/hashmap.h"
#include "python/heap.h"

enum {
	MAX_LOG2 = 40,
	KEYS_HEADER = 40, /* PyDictKeysObject up to 3.10 */
	KEYS_HEADER_311 = 32,
	KEYS_ENTRY = 24, /* hash, key, value */
	KEYS_ENTRY_TEXT = 16, /* all keys are str, from 3.11: no hash */
	SET_ENTRY = 16,
	SET_INSIDE = 8, /* entries in the object itself */
	DEQUE_ITEMS = 64, /* Modules/_collectionsmodule.c: BLOCKLEN */
	DEQUE_BLOCK = (DEQUE_ITEMS + 2) * 8,
	DEQUE_LENGTH_27 = 48,
	DICT_USED_27 = 24,
};

/* More than any process has: a figure read from torn memory. */
#define ABSURD (UINT64_C(1) << 40)

static uint64_t word_at(const struct python_object *object, size_t offset)
{
	uint64_t word = 0;

	if (offset + sizeof(word) <= object->readable)
		memcpy(&word, object->bytes + offset, sizeof(word));
	return word;
}

static uint64_t unless_absurd(uint64_t count, uint64_t each)
{
	return count < ABSURD ? count * each : 0;
}

static uint64_t item_bytes(const struct python_object *object)
{
	int64_t size = (int64_t)word_at(object, PYTHON_OB_SIZE);

	if (!object->type->itemsize)
		return 0;
	return unless_absurd(size < 0 ? -(uint64_t)size : (uint64_t)size, object->type->itemsize);
}

/* In 3.12 and later: the number of digits, shifted by the sign and a flag. */
static uint64_t int_bytes(const struct python_layout *layout, const struct python_object *object)
{
	if (layout->major == 3 && layout->minor >= 12)
		return unless_absurd(word_at(object, PYTHON_OB_SIZE) >> 3, object->type->itemsize);
	return item_bytes(object);
}

/* What the start of a PyDictKeysObject says. */
struct keys {
	uint64_t users; /* dk_refcnt */
	uint64_t usable; /* entries */
	uint64_t bytes;
};

/* From 3.11: dk_log2_size, dk_log2_index_bytes, dk_kind, a byte each after dk_refcnt. */
static bool new_keys(uint64_t word, struct keys *keys)
{
	unsigned log2 = word & 255, log2_index = word >> 8 & 255, kind = word >> 16 & 255;

	if (log2 >= MAX_LOG2 || log2_index >= MAX_LOG2 + 3)
		return false;
	keys->usable = (UINT64_C(1) << log2) * 2 / 3;
	keys->bytes = KEYS_HEADER_311 + (UINT64_C(1) << log2_index) +
		      keys->usable * (kind ? KEYS_ENTRY_TEXT : KEYS_ENTRY);
	return true;
}

/* Up to 3.10: dk_size. An index entry has as many bytes as that needs. */
static bool old_keys(uint64_t slots, struct keys *keys)
{
	uint64_t each = slots <= 0xff ? 1 : slots <= 0xffff ? 2 : slots <= 0xffffffff ? 4 : 8;

	if (!slots || slots & (slots - 1) || slots >= ABSURD)
		return false;
	keys->usable = slots * 2 / 3;
	keys->bytes = KEYS_HEADER + slots * each + keys->usable * KEYS_ENTRY;
	return true;
}

/* What is made together lies together, mostly: then it was read together too. */
static bool was_read(const struct stream_chunk *around, uint64_t address, void *bytes, size_t size)
{
	uint64_t offset = address - (around ? around->address : 0);

	if (!around || offset > around->readable || size > around->readable - offset)
		return false;
	memcpy(bytes, around->bytes + offset, size);
	return true;
}

static bool read_keys(struct python_process *process, const struct python_object *dict,
		      struct keys *keys)
{
	uint64_t address = word_at(dict, PYTHON_DICT_KEYS), head[2];

	if (!was_read(dict->around, address, head, sizeof(head)) &&
	    page_cache_read(process->pages, address, head, sizeof(head)))
		return false;
	keys->users = head[0];
	return process->layout.minor >= 11 ? new_keys(head[1], keys) : old_keys(head[1], keys);
}

static uint64_t dict_bytes(struct python_process *process, const struct python_object *object)
{
	uint64_t bytes = 0, mask;
	struct keys keys;

	if (process->layout.major == 2) {
		/* ma_mask; up to 8 entries are in the object */
		mask = word_at(object, 32);
		return mask > 7 ? unless_absurd(mask + 1, KEYS_ENTRY) : 0;
	}
	if (!read_keys(process, object, &keys))
		return 0;
	/* Values of its own, while the keys belong to a class. */
	if (word_at(object, PYTHON_DICT_VALUES))
		bytes += keys.usable * 8;
	return keys.users == 1 ? bytes + keys.bytes : bytes;
}

static uint64_t set_bytes(const struct python_object *object)
{
	uint64_t mask = word_at(object, PYTHON_SET_MASK);

	return mask >= SET_INSIDE ? unless_absurd(mask + 1, SET_ENTRY) : 0;
}

static uint64_t deque_bytes(const struct python_object *object)
{
	return unless_absurd(word_at(object, PYTHON_OB_SIZE) / DEQUE_ITEMS + 1, DEQUE_BLOCK);
}

uint64_t python_object_bytes(struct python_process *process, const struct python_object *object)
{
	uint64_t own = object->type->basicsize + object->type->header;

	switch (object->type->shape) {
	case SHAPE_LIST:
		return own + unless_absurd(word_at(object, PYTHON_LIST_ALLOCATED), 8);
	case SHAPE_DICT:
		return own + dict_bytes(process, object);
	case SHAPE_SET:
		return own + set_bytes(object);
	case SHAPE_DEQUE:
		return own + deque_bytes(object);
	case SHAPE_INT:
		return own + int_bytes(&process->layout, object);
	case SHAPE_PLAIN:
		break;
	}
	return own + item_bytes(object);
}

uint64_t python_container_number(uint64_t address, uint64_t type)
{
	return hash_mix(address ^ hash_mix(type));
}

bool python_object_length(const struct python_process *process, const struct python_object *object,
			  uint64_t *ret_length)
{
	bool old = process->layout.major == 2;
	uint64_t length;

	switch (object->type->shape) {
	case SHAPE_LIST:
		length = word_at(object, PYTHON_OB_SIZE);
		break;
	case SHAPE_DICT:
		length = word_at(object, old ? DICT_USED_27 : PYTHON_DICT_USED);
		break;
	case SHAPE_SET:
		length = word_at(object, PYTHON_SET_USED);
		break;
	case SHAPE_DEQUE:
		length = word_at(object, old ? DEQUE_LENGTH_27 : PYTHON_OB_SIZE);
		break;
	default:
		return false;
	}
	if (length >= ABSURD)
		return false;
	*ret_length = length;
	return true;
}

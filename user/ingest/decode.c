// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the knowledge of which kind of record has which shape. Keeps nothing.
 *
 * A record may be longer than its shape (the kernel side reserves some at a fixed size), and
 * never shorter.
 */
#include "ingest/decode.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* The longest record there is, aligned. */
union record {
	uint8_t kind;
	struct seep_alloc alloc;
	struct seep_free release;
	struct seep_space space;
	struct seep_map map;
	struct seep_stack stack;
	uint64_t words[sizeof(struct seep_stack) / 8 + SEEP_STACK_MAX + 2 * SEEP_PYTHON_MAX];
};

static size_t shortest(uint8_t kind)
{
	switch (kind) {
	case SEEP_ALLOC:
	case SEEP_REALLOC_END:
		return sizeof(struct seep_alloc);
	case SEEP_FREE:
	case SEEP_REALLOC_BEGIN:
		return sizeof(struct seep_free);
	case SEEP_STACK:
		return sizeof(struct seep_stack);
	case SEEP_SPACE_BEGIN:
	case SEEP_SPACE_END:
		return sizeof(struct seep_space);
	case SEEP_MAP:
	case SEEP_UNMAP_BEGIN:
	case SEEP_UNMAP_END:
	case SEEP_REMAP_BEGIN:
	case SEEP_REMAP_END:
	case SEEP_BRK:
	case SEEP_NEW_CODE:
		return sizeof(struct seep_map);
	default:
		return 0;
	}
}

/* Does the record say of itself what can be? Its length is at least the shortest. */
static bool plausible(const union record *r, size_t size)
{
	switch (r->kind) {
	case SEEP_ALLOC:
	case SEEP_REALLOC_END:
		return r->alloc.op < SEEP_OP_COUNT;
	case SEEP_STACK:
		return r->stack.nr_frames <= SEEP_STACK_MAX &&
		       r->stack.nr_python <= SEEP_PYTHON_MAX &&
		       size >= sizeof(r->stack) + (r->stack.nr_frames + 2 * r->stack.nr_python) *
							  sizeof(uint64_t);
	case SEEP_SPACE_BEGIN:
	case SEEP_SPACE_END:
		return r->space.reason >= SEEP_SPACE_SEEN && r->space.reason <= SEEP_SPACE_EXIT;
	default:
		return true;
	}
}

#define CALL(handler, record) ((handler) ? (handler)(context, (record)) : 0)

static int dispatch(const struct decode_ops *ops, void *context, const union record *r)
{
	switch (r->kind) {
	case SEEP_ALLOC:
		return CALL(ops->alloc, &r->alloc);
	case SEEP_FREE:
		return CALL(ops->release, &r->release);
	case SEEP_REALLOC_BEGIN:
		return CALL(ops->realloc_begin, &r->release);
	case SEEP_REALLOC_END:
		return CALL(ops->realloc_end, &r->alloc);
	case SEEP_STACK:
		return CALL(ops->stack, &r->stack);
	case SEEP_SPACE_BEGIN:
	case SEEP_SPACE_END:
		return CALL(ops->space, &r->space);
	case SEEP_NEW_CODE:
		return CALL(ops->new_code, &r->map);
	default:
		return CALL(ops->mapping, &r->map);
	}
}

int decode_record(const struct decode_ops *ops, void *context, const void *data, size_t size,
		  struct decode_counts *counts)
{
	const union record *r = data;
	union record aligned;
	size_t least;

	counts->events++;
	least = size ? shortest(*(const uint8_t *)data) : 0;
	if (!least || size < least)
		goto bad;
	if ((uintptr_t)data % _Alignof(union record)) {
		memcpy(&aligned, data, size < sizeof(aligned) ? size : sizeof(aligned));
		r = &aligned;
	}
	if (!plausible(r, size))
		goto bad;
	counts->by_kind[r->kind]++;
	return dispatch(ops, context, r);
bad:
	counts->bad_records++;
	return -EBADMSG;
}

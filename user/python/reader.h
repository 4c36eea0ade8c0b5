/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A CPython process seen through a snapshot of its memory: what everything that follows
 * references reads from, so that an object looks the same each time.
 */
#ifndef SEEP_PYTHON_READER_H
#define SEEP_PYTHON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory/regions.h"
#include "memory/snapshot.h"
#include "python/process.h"
#include "python/types.h"

/* How the references of an object are found. */
enum python_kind {
	KIND_LEAF, /* has none */
	KIND_TEXT, /* str: none, but bytes of its own */
	KIND_BYTES, /* bytearray: likewise */
	KIND_LIST,
	KIND_TUPLE,
	KIND_DICT, /* also OrderedDict, defaultdict, Counter... */
	KIND_SET,
	KIND_DEQUE,
	KIND_MODULE,
	KIND_FUNCTION,
	KIND_FRAME,
	KIND_GENERATOR, /* also coroutines */
	KIND_WEAKREF,
	KIND_CACHE, /* functools.lru_cache */
	KIND_CACHE_LINK, /* an entry of it */
	KIND_TYPE,
	KIND_OTHER,
};

/* What is to be known of a type for that. */
struct python_form {
	struct python_type *type;
	enum python_kind kind;
	uint32_t weaklist; /* offset of a pointer that owns nothing; 0 none */
	uint32_t members; /* offset of an instance's first own word, behind its base's */
	bool managed_dict, inline_values; /* 3.11 and later */
	bool keys_twice; /* OrderedDict: its own list holds the keys again */
};

struct python_reader {
	struct python_process view; /* the process, its memory the snapshot's */
	struct snapshot *snapshot;
	struct remote *live; /* the memory as it is now; the process's */
	struct python_types *types;
	struct regions regions; /* writable */
	const struct region *nearby;
	struct python_form *forms; /* python_type.count is the index + 1 */
	size_t nr_forms, cap_forms;
	double deadline; /* CLOCK_MONOTONIC; 0 none */
	uint64_t steps; /* since the last look at the clock */
	bool expired; /* the time is up: lists are not followed to their ends any more */
};

/* 0, -ESRCH, -EACCES, -ENOMEM. The process must stay open meanwhile. */
int python_reader_open(struct python_process *process, struct python_reader *ret_reader);
void python_reader_close(struct python_reader *reader);

/* Bounds, from now on, what memory can make the reader do. */
void python_reader_allow(struct python_reader *reader, double seconds);
/* So many words, or as much work, more. True: the time is up. */
bool python_reader_spend(struct python_reader *reader, uint64_t steps);

/* Can an object be there? Aligned, in writable memory. */
bool python_reader_plausible(struct python_reader *reader, uint64_t address);
/*
 * What is at the address: NULL when there is no object. Sets its reference count, ~0 for
 * one that is immortal. The form is valid until the next call.
 */
const struct python_form *python_reader_look(struct python_reader *reader, uint64_t address,
					     uint32_t *ret_references);
/* The form of a type of this reader's. NULL when out of memory. */
const struct python_form *python_reader_form(struct python_reader *reader,
					     struct python_type *type);

/* Items of a list, entries of a dict...; 0 for what is no container. */
uint64_t python_reader_length(struct python_reader *reader, const struct python_form *form,
			      uint64_t address);
/* The most items that it lets itself have (maxlen, maxsize); -1 none, or not known. */
int64_t python_reader_capacity(struct python_reader *reader, const struct python_form *form,
			       uint64_t address);
/* Is the object's own memory still what the snapshot has? */
bool python_reader_unchanged(struct python_reader *reader, const struct python_form *form,
			     uint64_t address);
/* Own memory, as sys.getsizeof has it. */
uint64_t python_reader_bytes(struct python_reader *reader, const struct python_form *form,
			     uint64_t address);
/*
 * The characters of an ASCII str (3.x; of a str of 2.7) of up to `size` - 1 characters. Its
 * length; -1: it is no such thing.
 */
int64_t python_reader_text(struct python_reader *reader, uint64_t address, char *text, size_t size);

static inline uint64_t python_reader_word(struct python_reader *reader, uint64_t address)
{
	return snapshot_word(reader->snapshot, address);
}

/* A pointer to an object; from 3.14 on those in frames carry tags. */
static inline uint64_t python_untag(uint64_t word)
{
	return word & ~UINT64_C(3);
}

static inline bool python_at_least(const struct python_reader *reader, unsigned minor)
{
	return reader->view.layout.major == 3 && reader->view.layout.minor >= minor;
}

#endif

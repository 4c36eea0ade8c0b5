/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where things are inside CPython's structures, in bytes, by version: as data. The rows come
 * from the interpreters' own headers (tools/python_offsets.c prints them); from 3.13 on a
 * process tells most of them itself (_Py_DebugOffsets), which then counts.
 */
#ifndef SEEP_PYTHON_LAYOUT_H
#define SEEP_PYTHON_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PYTHON_ABSENT UINT16_MAX

/* The same in every version. */
enum {
	PYTHON_OB_REFCNT = 0,
	PYTHON_OB_TYPE = 8,
	PYTHON_OB_SIZE = 16,
	PYTHON_TYPE_NAME = 24,
	PYTHON_TYPE_BASICSIZE = 32,
	PYTHON_TYPE_ITEMSIZE = 40,
	PYTHON_TYPE_FLAGS = 168,
	PYTHON_TYPE_BASE = 256,
	PYTHON_TYPE_DICT = 264,
	PYTHON_TYPE_DICTOFFSET = 288,
	PYTHON_LIST_ITEMS = 24,
	PYTHON_LIST_ALLOCATED = 32,
	PYTHON_SET_USED = 24,
	PYTHON_SET_MASK = 32,
	PYTHON_SET_TABLE = 40,
	/* 3.x; 2.7's dict is another */
	PYTHON_DICT_USED = 16,
	PYTHON_DICT_KEYS = 32,
	PYTHON_DICT_VALUES = 40,
};

/* tp_flags */
#define PYTHON_FLAG_INLINE_VALUES (UINT64_C(1) << 2) /* 3.13 */
#define PYTHON_FLAG_MANAGED_WEAKREF (UINT64_C(1) << 3) /* 3.12 */
#define PYTHON_FLAG_MANAGED_DICT (UINT64_C(1) << 4) /* 3.11 */
#define PYTHON_FLAG_HEAP_TYPE (UINT64_C(1) << 9)
#define PYTHON_FLAG_READY (UINT64_C(1) << 12)
#define PYTHON_FLAG_HAVE_GC (UINT64_C(1) << 14)
#define PYTHON_FLAG_INT (UINT64_C(1) << 24)
#define PYTHON_FLAG_LIST (UINT64_C(1) << 25)
#define PYTHON_FLAG_TUPLE (UINT64_C(1) << 26)
#define PYTHON_FLAG_DICT (UINT64_C(1) << 29)
#define PYTHON_FLAG_TYPE (UINT64_C(1) << 31)

struct python_layout {
	uint8_t major, minor;

	/* PyGC_Head, before an object; struct gc_generation. Settled by python_open. */
	uint16_t gc_head, generation;
	/* _PyRuntimeState; ABSENT before 3.7 */
	uint16_t runtime_interpreters; /* first interpreter */
	uint16_t runtime_gc; /* the collector's state: 3.7 and 3.8 */
	/* PyInterpreterState */
	uint16_t interpreter_next;
	uint16_t interpreter_gc; /* from 3.9 */
	uint16_t interpreter_threads; /* first thread state */
	uint16_t interpreter_modules, interpreter_sysdict, interpreter_builtins;
	/* struct _gc_runtime_state; 2.7 and 3.6 have variables instead */
	uint16_t gc_enabled, gc_generations, gc_permanent, gc_stats, gc_collecting, gc_garbage;
	/* PyThreadState */
	uint16_t thread_next, thread_id, thread_dict;
	uint16_t thread_frame; /* ABSENT: through thread_cframe, then cframe_frame */
	uint16_t thread_cframe, cframe_frame;
	/* PyFrameObject; from 3.11 _PyInterpreterFrame */
	uint16_t frame_back, frame_code, frame_globals, frame_locals;
	uint16_t frame_instruction; /* f_lasti; from 3.11 a pointer */
	uint16_t frame_localsplus, frame_owner;
	uint16_t frame_stack; /* how much of localsplus is in use; ABSENT before 3.11 */
	/* PyCodeObject */
	uint16_t code_filename, code_name, code_qualname, code_firstlineno;
	uint16_t code_lines; /* co_lnotab; co_linetable from 3.10 */
	uint16_t code_adaptive; /* co_code_adaptive */
	uint16_t code_nlocals; /* int: co_nlocals; co_nlocalsplus from 3.11 */
	uint16_t code_local_names; /* co_varnames; co_localsplusnames from 3.11 */
	/* Objects */
	uint16_t tuple_items, text_data /* of an ASCII str */, dict_size;
	uint16_t type_cached_keys, type_qualname, type_module /* PyHeapTypeObject */;
	/* struct gc_generation_stats */
	uint16_t stats_size, stats_collections; /* two more follow: collected, uncollectable */
	bool stats_ring; /* a pointer to rings of them: 3.15 */
};

/* What is known of a version. 0, or -ENOENT: nothing. */
int python_layout_of(unsigned major, unsigned minor, struct python_layout *ret_layout);

/* What a process says of itself at the start of _PyRuntime, 3.13 and later. */
struct python_told {
	uint32_t version; /* PY_VERSION_HEX */
	bool free_threaded;
	uint64_t runtime_size, gc_size;
};

enum { PYTHON_TOLD_BYTES = 1024 };

/*
 * Takes over what the _Py_DebugOffsets in these bytes say. 0; -ENOENT: there are none (an
 * older version); -EINVAL: they contradict themselves or the version's row, or are of a
 * version that is not known.
 */
int python_layout_told(struct python_layout *layout, const uint8_t *bytes, size_t size,
		       struct python_told *ret_told);

#endif

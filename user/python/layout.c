// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the offsets of CPython's structures by version, and the reading of _Py_DebugOffsets.
 *
 * A row holds for a minor version, for x86_64 and, but for structures behind an embedded
 * pthread_mutex_t, for aarch64: CPython does not change structures in patch releases. It
 * did once: 3.13 from some patch release on declares PyGC_Head aligned to 4, and the
 * generations moved from 24 to 20. And 3.6 and 3.7 had a PyGC_Head of 24 or 32 bytes by the
 * release and the compiler. So what the collector's structures say is tried by their links
 * before it counts (process.c).
 *
 * _Py_DebugOffsets, at the start of _PyRuntime from 3.13 on, is made for readers from
 * outside (Include/internal/pycore_debug_offsets.h). It lacks much: the generations, the
 * thresholds, PyGC_Head, gc.garbage. Its fields have moved in each version so far, so
 * where a field is goes by version too. Knows no process.
 */
#include "python/layout.h"

#include <errno.h>
#include <string.h>

/* The versions, in the order of the columns below. */
static const uint8_t versions[][2] = {
	{ 2, 7 },  { 3, 6 },  { 3, 7 },	 { 3, 8 },  { 3, 9 },  { 3, 10 },
	{ 3, 11 }, { 3, 12 }, { 3, 13 }, { 3, 14 }, { 3, 15 },
};

enum { VERSIONS = sizeof(versions) / sizeof(*versions) };

struct layout_row {
	uint16_t to; /* in struct python_layout */
	uint16_t values[VERSIONS];
};

#define NONE PYTHON_ABSENT
#define ROW(field, ...)                                                                            \
	{                                                                                          \
		offsetof(struct python_layout, field),                                             \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

/* clang-format off */
static const struct layout_row rows[] = {
	/*  2.7   3.6   3.7   3.8   3.9  3.10  3.11  3.12  3.13  3.14  3.15 */
	ROW(gc_head, 32, 32, 32, 16, 16, 16, 16, 16, 16, 16, 16),
	ROW(generation, 40, 48, 48, 24, 24, 24, 24, 24, 24, 24, 24),
	ROW(runtime_interpreters, NONE, NONE, 24, 32, 32, 32, 40, 40, 632, 808, 936),
	ROW(runtime_gc, NONE, NONE, 320, 344, NONE, NONE, NONE, NONE, NONE, NONE, NONE),
	ROW(interpreter_next, 0, 0, 0, 0, 0, 0, 0, 0, 7264, 7272, 7264),
	ROW(interpreter_gc, NONE, NONE, NONE, NONE, 616, 616, 648, 112, 7400, 7408, 7400),
	ROW(interpreter_threads, 8, 8, 8, 8, 8, 8, 16, 72, 7344, 7344, 7336),
	ROW(interpreter_modules, 16, 16, 40, 56, 856, 856, 888, 944, 7656, 7688, 7592),
	ROW(interpreter_sysdict, 24, 32, 56, 72, 872, 872, 904, 352, 7640, 7672, 7576),
	ROW(interpreter_builtins, 32, 40, 64, 80, 880, 880, 912, 360, 7648, 7680, 7584),
	ROW(gc_enabled, NONE, NONE, 12, 12, 12, 12, 12, 12, 12, 12, 0),
	ROW(gc_generations, NONE, NONE, 32, 24, 24, 24, 24, 24, 24, 24, 8),
	ROW(gc_permanent, NONE, NONE, 192, 104, 104, 104, 104, 104, 104, 96, 80),
	ROW(gc_stats, NONE, NONE, 240, 128, 128, 128, 128, 128, 128, 120, 104),
	ROW(gc_collecting, NONE, NONE, 312, 200, 200, 200, 200, 200, 200, 192, 112),
	ROW(gc_garbage, NONE, NONE, 320, 208, 208, 208, 208, 208, 208, 200, 128),
	ROW(thread_next, 0, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8),
	ROW(thread_id, 144, 152, 176, 176, 176, 176, 152, 136, 152, 152, 176),
	ROW(thread_dict, 120, 128, 152, 152, 152, 152, 128, 112, 128, 128, 152),
	ROW(thread_frame, 16, 24, 24, 24, 24, 24, NONE, NONE, 72, 72, 72),
	ROW(thread_cframe, NONE, NONE, NONE, NONE, NONE, NONE, 56, 56, NONE, NONE, NONE),
	ROW(cframe_frame, NONE, NONE, NONE, NONE, NONE, NONE, 8, 0, NONE, NONE, NONE),
	ROW(frame_back, 24, 24, 24, 24, 24, 24, 48, 8, 8, 8, 8),
	ROW(frame_code, 32, 32, 32, 32, 32, 32, 32, 0, 0, 0, 0),
	ROW(frame_globals, 48, 48, 48, 48, 48, 48, 8, 24, 24, 24, 24),
	ROW(frame_locals, 56, 56, 56, 56, 56, 56, 24, 40, 40, 40, 40),
	ROW(frame_instruction, 120, 120, 104, 104, 104, 96, 56, 56, 56, 56, 56),
	ROW(frame_localsplus, 376, 376, 360, 360, 360, 352, 72, 72, 72, 80, 80),
	ROW(frame_owner, NONE, NONE, NONE, NONE, NONE, NONE, 69, 70, 70, 74, 74),
	ROW(frame_stack, NONE, NONE, NONE, NONE, NONE, NONE, 64, 64, 64, 64, 64),
	ROW(code_filename, 80, 96, 96, 104, 104, 104, 112, 112, 112, 112, 112),
	ROW(code_name, 88, 104, 104, 112, 112, 112, 120, 120, 120, 120, 120),
	ROW(code_qualname, NONE, NONE, NONE, NONE, NONE, NONE, 128, 128, 128, 128, 128),
	ROW(code_firstlineno, 96, 36, 36, 40, 40, 40, 72, 68, 68, 68, 68),
	ROW(code_lines, 104, 112, 112, 120, 120, 120, 136, 136, 136, 136, 136),
	ROW(code_adaptive, NONE, NONE, NONE, NONE, NONE, NONE, 184, 192, 200, 208, 208),
	ROW(code_nlocals, 20, 24, 24, 28, 28, 28, 76, 72, 72, 72, 72),
	ROW(code_local_names, 56, 64, 64, 72, 72, 72, 96, 96, 96, 96, 96),
	ROW(tuple_items, 24, 24, 24, 24, 24, 24, 24, 24, 24, 32, 32),
	ROW(text_data, 36, 48, 48, 48, 48, 48, 48, 40, 40, 40, 40),
	ROW(dict_size, 248, 48, 48, 48, 48, 48, 48, 48, 48, 48, 48),
	ROW(type_cached_keys, NONE, 856, 856, 872, 864, 872, 872, 880, 880, 880, 888),
	ROW(type_qualname, NONE, 848, 848, 864, 856, 864, 864, 872, 872, 872, 880),
	ROW(type_module, NONE, NONE, NONE, NONE, 872, 880, 880, 888, 888, 888, 896),
	ROW(stats_size, NONE, 24, 24, 24, 24, 24, 24, 24, 24, 24, 64),
	ROW(stats_collections, NONE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16),
};
/* clang-format on */

static void set_field(struct python_layout *layout, uint16_t to, uint16_t value)
{
	memcpy((char *)layout + to, &value, sizeof(value));
}

int python_layout_of(unsigned major, unsigned minor, struct python_layout *ret_layout)
{
	for (size_t v = 0; v < VERSIONS; v++) {
		if (versions[v][0] != major || versions[v][1] != minor)
			continue;
		*ret_layout = (struct python_layout){ .major = major,
						      .minor = minor,
						      .stats_ring = major == 3 && minor >= 15 };
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
			set_field(ret_layout, rows[i].to, rows[i].values[v]);
		return 0;
	}
	return -ENOENT;
}

enum { TOLD_FIRST_MINOR = 13, TOLD_VERSIONS = 3 };

/* Byte offsets in _Py_DebugOffsets of 3.13, 3.14, 3.15; 0: it is not told. */
struct told_field {
	uint16_t to; /* in struct python_layout */
	uint16_t at[TOLD_VERSIONS];
};

/* clang-format off */
#define TOLD(field, ...) { offsetof(struct python_layout, field), { __VA_ARGS__ } }
/* clang-format on */

static const struct told_field told_fields[] = {
	TOLD(runtime_interpreters, 40, 40, 40),
	TOLD(interpreter_next, 64, 64, 64),
	TOLD(interpreter_threads, 72, 72, 72),
	TOLD(interpreter_gc, 80, 88, 88),
	TOLD(interpreter_modules, 88, 96, 96),
	TOLD(interpreter_sysdict, 96, 104, 104),
	TOLD(interpreter_builtins, 104, 112, 112),
	TOLD(thread_next, 168, 192, 192),
	TOLD(thread_frame, 184, 208, 208),
	TOLD(thread_id, 192, 216, 240),
	TOLD(frame_back, 232, 256, 320),
	TOLD(frame_code, 240, 264, 328),
	TOLD(frame_instruction, 248, 272, 336),
	TOLD(frame_localsplus, 256, 280, 344),
	TOLD(frame_owner, 264, 288, 352),
	TOLD(frame_stack, 0, 296, 360),
	TOLD(code_filename, 280, 320, 384),
	TOLD(code_name, 288, 328, 392),
	TOLD(code_qualname, 296, 336, 400),
	TOLD(code_lines, 304, 344, 408),
	TOLD(code_firstlineno, 312, 352, 416),
	TOLD(code_local_names, 328, 368, 432),
	TOLD(code_adaptive, 344, 384, 448),
	TOLD(tuple_items, 408, 456, 552),
	TOLD(dict_size, 448, 528, 624),
	TOLD(text_data, 560, 640, 736),
	TOLD(gc_collecting, 576, 656, 760),
	TOLD(gc_stats, 0, 0, 784),
	TOLD(type_cached_keys, 0, 0, 536),
};

/* What we take for the same in every version. */
struct told_constant {
	uint16_t value;
	uint16_t at[TOLD_VERSIONS];
};

static const struct told_constant told_constants[] = {
	{ PYTHON_OB_TYPE, { 360, 408, 472 } },	  { PYTHON_TYPE_NAME, { 376, 424, 488 } },
	{ PYTHON_TYPE_FLAGS, { 392, 440, 504 } }, { PYTHON_LIST_ITEMS, { 432, 480, 576 } },
	{ PYTHON_DICT_KEYS, { 456, 536, 632 } },  { PYTHON_SET_MASK, { 0, 520, 616 } },
};

static const uint16_t told_gc_size[TOLD_VERSIONS] = { 568, 648, 752 };

static uint64_t number_at(const uint8_t *bytes, size_t offset)
{
	uint64_t value;

	memcpy(&value, bytes + offset, sizeof(value));
	return value;
}

static bool constants_hold(const uint8_t *bytes, unsigned which)
{
	for (size_t i = 0; i < sizeof(told_constants) / sizeof(*told_constants); i++) {
		uint16_t at = told_constants[i].at[which];

		if (at && number_at(bytes, at) != told_constants[i].value)
			return false;
	}
	return true;
}

static int take_fields(struct python_layout *layout, const uint8_t *bytes, unsigned which)
{
	for (size_t i = 0; i < sizeof(told_fields) / sizeof(*told_fields); i++) {
		uint16_t at = told_fields[i].at[which];
		uint64_t value;

		if (!at)
			continue;
		value = number_at(bytes, at);
		if (value >= PYTHON_ABSENT)
			return -EINVAL;
		set_field(layout, told_fields[i].to, value);
	}
	return 0;
}

int python_layout_told(struct python_layout *layout, const uint8_t *bytes, size_t size,
		       struct python_told *ret_told)
{
	struct python_layout result = *layout;
	struct python_told told = { 0 };
	unsigned major, minor, which;
	uint16_t garbage;

	if (size < PYTHON_TOLD_BYTES || memcmp(bytes, "xdebugpy", 8) != 0)
		return -ENOENT;
	told.version = number_at(bytes, 8);
	told.free_threaded = number_at(bytes, 16);
	told.runtime_size = number_at(bytes, 24);
	major = told.version >> 24;
	minor = told.version >> 16 & 255;
	which = minor - TOLD_FIRST_MINOR;
	if (major != layout->major || minor != layout->minor || minor < TOLD_FIRST_MINOR ||
	    which >= TOLD_VERSIONS)
		return -EINVAL;
	told.gc_size = number_at(bytes, told_gc_size[which]);
	/* An object there begins with other fields: nothing else would hold. */
	if (told.free_threaded) {
		*ret_told = told;
		return 0;
	}
	garbage = layout->gc_garbage - layout->gc_collecting;
	if (!constants_hold(bytes, which) || take_fields(&result, bytes, which))
		return -EINVAL;
	result.gc_garbage = result.gc_collecting + garbage;
	*layout = result;
	*ret_told = told;
	return 0;
}

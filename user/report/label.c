/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns the wording of frames and the cleaning of foreign text. Knows nothing of formats.
 */
#include "report/label.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Length of the well-formed UTF-8 sequence at `s`, 0 when it is none (Unicode 15, table
 * 3-7: no overlong forms, no surrogates, nothing above U+10FFFF).
 */
static size_t utf8_length(const unsigned char *s)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t length;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	length = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return length;
}

/* C0, DEL, C1, and the marks that reorder text on a terminal (U+200E-F, U+202A-E, U+2066-9). */
static bool is_control(const unsigned char *s, size_t length)
{
	if (length == 1)
		return s[0] < 0x20 || s[0] == 0x7f;
	if (length == 2)
		return s[0] == 0xc2 && s[1] < 0xa0;
	if (length == 3 && s[0] == 0xe2 && s[1] == 0x80)
		return s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xa8 && s[2] <= 0xae);
	if (length == 3 && s[0] == 0xe2 && s[1] == 0x81)
		return s[2] >= 0xa6 && s[2] <= 0xa9;
	return false;
}

char *label_clean_except(const char *text, const char *forbidden, char substitute)
{
	const unsigned char *s = (const unsigned char *)(text ? text : "");
	/* The replacement character is three bytes for one. */
	char *clean = malloc(3 * strlen((const char *)s) + 1), *out = clean;

	if (!clean)
		return NULL;
	while (*s) {
		size_t length = utf8_length(s);

		if (length == 0) {
			out = stpcpy(out, "\xef\xbf\xbd");
			s++;
		} else if (is_control(s, length)) {
			*out++ = '?';
			s += length;
		} else if (length == 1 && strchr(forbidden, *s)) {
			*out++ = substitute;
			s++;
		} else {
			out = mempcpy(out, s, length);
			s += length;
		}
	}
	*out = '\0';
	return clean;
}

char *label_clean(const char *text)
{
	return label_clean_except(text, "", '?');
}

const char *label_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

char *label_frame(const struct profile *profile, const struct profile_frame *frame)
{
	char *raw = NULL, *clean;
	int length;

	if (frame->function && *frame->function)
		return label_clean(frame->function);
	if (frame->module != PROFILE_NONE)
		length = asprintf(&raw, "%s+0x%" PRIx64,
				  label_base_name(profile->modules[frame->module].path),
				  frame->offset);
	else if (frame->address)
		length = asprintf(&raw, "0x%" PRIx64, frame->address);
	else
		length = asprintf(&raw, "[unknown]");
	if (length < 0)
		return NULL;
	clean = label_clean(raw);
	free(raw);
	return clean;
}

enum label_layer label_layer(const struct profile_site *site)
{
	if (!strcmp(site->family, PROFILE_MAPPINGS))
		return LABEL_MAPPINGS;
	return strcmp(site->family, PROFILE_HANDLES) ? LABEL_BLOCKS : LABEL_HANDLES;
}

const struct profile_stack *label_site_stack(const struct profile *profile,
					     const struct profile_site *site)
{
	return site->stack == PROFILE_NONE ? NULL : &profile->stacks[site->stack];
}

/* Functions that allocate on behalf of their caller, as the start of their names. */
static const char *const carriers[] = {
	"operator new", "std::",	 "__gnu_cxx::",	    "void std::",      "alloc::",
	"<alloc::",	"core::",	 "<core::",	    "__rust_alloc",    "__rust_realloc",
	"__rdl_alloc",	"__rdl_realloc", "hashbrown::",	    "<hashbrown::",    "_PyMem_",
	"PyMem_",	"_PyObject_",	 "PyObject_Malloc", "PyObject_Calloc", "PyObject_Realloc",
};

/* The same, whole names. */
static const char *const carrier_names[] = {
	"strdup",	 "strndup",   "__strdup",   "__strndup",
	"asprintf",	 "vasprintf", "__asprintf", "__vasprintf_internal",
	"xmalloc",	 "xcalloc",   "xrealloc",   "xstrdup",
	"g_malloc",	 "g_malloc0", "g_realloc",  "g_strdup",
	"g_slice_alloc", "zmalloc",   "zcalloc",    "zrealloc",
};

static bool is_carrier(const char *function)
{
	for (size_t i = 0; i < sizeof(carriers) / sizeof(carriers[0]); i++)
		if (!strncmp(function, carriers[i], strlen(carriers[i])))
			return true;
	for (size_t i = 0; i < sizeof(carrier_names) / sizeof(carrier_names[0]); i++)
		if (!strcmp(function, carrier_names[i]))
			return true;
	return false;
}

uint32_t label_place(const struct profile *profile, const struct profile_site *site)
{
	const struct profile_stack *stack = label_site_stack(profile, site);
	uint32_t first = PROFILE_NONE;

	if (!stack || !stack->nr_frames)
		return PROFILE_NONE;
	for (uint32_t i = 0; i < stack->nr_frames; i++) {
		const struct profile_frame *frame = &profile->frames[stack->frames[i]];

		if (frame->flags & FRAME_ALLOCATOR)
			continue;
		if (first == PROFILE_NONE)
			first = stack->frames[i];
		if (frame->function && !is_carrier(frame->function))
			return stack->frames[i];
	}
	/* Only layers, or nothing has a name: the caller of the allocator, else the allocator. */
	return first == PROFILE_NONE ? stack->frames[0] : first;
}

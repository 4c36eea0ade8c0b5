/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns what of a stack makes it the same site elsewhere; names are made comparable in
 * signature_name.c. The hash is FNV-1a with splitmix64's finaliser: it must give the same on
 * every host and for years, so nothing of it depends on the machine.
 */
#include "heap/signature.h"
#include "heap/signature_name.h"
#include "base/hashmap.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FNV_BASIS 0xcbf29ce484222325ULL
#define FNV_PRIME 0x100000001b3ULL
enum { NAME_BYTES = 1024 };

/* With the string's end, so that "ab" "c" is not "a" "bc". NULL is "". */
static uint64_t add_text(uint64_t hash, const char *text)
{
	for (; text && *text; text++)
		hash = (hash ^ (unsigned char)*text) * FNV_PRIME;
	return hash * FNV_PRIME;
}

static uint64_t add_number(uint64_t hash, uint64_t number)
{
	for (unsigned int shift = 0; shift < 64; shift += 8)
		hash = (hash ^ (number >> shift & 0xff)) * FNV_PRIME;
	return hash;
}

static bool is_python(const struct profile_frame *frame)
{
	return frame->language && !strcmp(frame->language, "python");
}

static const struct profile_module *module_of(const struct profile *profile,
					      const struct profile_frame *frame)
{
	return frame->module == PROFILE_NONE ? NULL : &profile->modules[frame->module];
}

static uint64_t hash_python(const struct profile_frame *frame)
{
	uint64_t hash = add_text(FNV_BASIS, "python");

	hash = add_text(hash, frame->file ? signature_base_name(frame->file) : NULL);
	return add_text(hash, frame->function);
}

static uint64_t hash_fileless(const struct profile_frame *frame)
{
	char name[NAME_BYTES];
	uint64_t hash = add_text(FNV_BASIS, "no file");

	return add_text(hash, frame->function ? signature_jit(frame->function, name, sizeof(name))
					      : NULL);
}

static uint64_t hash_code(const struct profile *profile, const struct profile_frame *frame)
{
	const struct profile_module *module = module_of(profile, frame);
	uint64_t hash;

	if (is_python(frame))
		return hash_python(frame);
	if (!module)
		return hash_fileless(frame);
	hash = add_text(FNV_BASIS,
			module->build_id ? module->build_id : signature_base_name(module->path));
	return add_number(hash, frame->offset);
}

static uint64_t hash_names(const struct profile *profile, const struct profile_frame *frame)
{
	const struct profile_module *module = module_of(profile, frame);
	char name[NAME_BYTES];
	uint64_t hash;

	if (is_python(frame))
		return hash_python(frame);
	if (!module)
		return hash_fileless(frame);
	hash = add_text(FNV_BASIS, signature_module(module->path, name, sizeof(name)));
	if (!frame->function)
		return add_text(hash, NULL);
	return add_text(hash, signature_function(frame->function, name, sizeof(name)));
}

/* The C library's own way to a program's code: it differs from release to release. */
static bool is_beginning(const struct profile *profile, const struct profile_frame *frame)
{
	const struct profile_module *module = module_of(profile, frame);
	char name[NAME_BYTES];

	if (is_python(frame) || !module)
		return false;
	return signature_is_libc(signature_module(module->path, name, sizeof(name))) ||
	       (frame->function && signature_is_beginning(frame->function));
}

/* The frames that count: [begin, end) of the stack, end being the outermost. */
static void trim(const struct profile *profile, const struct profile_stack *stack,
		 uint32_t *ret_begin, uint32_t *ret_end)
{
	uint32_t begin = 0, end = stack->nr_frames;

	while (begin < end) {
		const struct profile_frame *frame = &profile->frames[stack->frames[begin]];

		if (!(frame->flags & (FRAME_ALLOCATOR | FRAME_INLINED)) &&
		    !(frame->function && signature_is_wrapper(frame->function)))
			break;
		begin++;
	}
	if (begin == end)
		begin = 0;
	while (end > begin && is_beginning(profile, &profile->frames[stack->frames[end - 1]]))
		end--;
	*ret_begin = begin;
	*ret_end = end > begin ? end : stack->nr_frames;
}

typedef uint64_t hash_frame(const struct profile *profile, const struct profile_frame *frame);

static uint64_t hash_frames(const struct profile *profile, const struct profile_stack *stack,
			    uint32_t begin, uint32_t end, hash_frame *hash_one, uint64_t hash)
{
	uint64_t before = 0;

	for (uint32_t i = begin; i < end; i++) {
		const struct profile_frame *frame = &profile->frames[stack->frames[i]];
		uint64_t own;

		if (frame->flags & FRAME_INLINED)
			continue;
		own = hash_one(profile, frame);
		if (own != before)
			hash = add_number(hash, own);
		before = own;
	}
	return hash;
}

/* Blocks of any allocator are of one kind. */
static uint64_t hash_kind(const struct profile_site *site)
{
	const char *kind = "blocks";

	if (!strcmp(site->family, PROFILE_MAPPINGS) || !strcmp(site->family, PROFILE_HANDLES))
		kind = site->family;
	return add_text(FNV_BASIS, kind);
}

const struct profile_module *signature_executable(const struct profile *profile,
						  const struct profile_process *process)
{
	for (size_t i = 0; process->exe && i < profile->nr_modules; i++)
		if (!strcmp(profile->modules[i].path, process->exe))
			return &profile->modules[i];
	return NULL;
}

static struct signature signature_of_lost(const struct profile *profile,
					  const struct profile_site *site)
{
	const struct profile_process *process = &profile->processes[site->process];
	const struct profile_module *exe = signature_executable(profile, process);
	char name[NAME_BYTES];
	uint64_t names = add_text(hash_kind(site), "no stack");

	names = add_text(names, site->operation);
	names = add_text(names, signature_module(process->exe ? process->exe : process->comm, name,
						 sizeof(name)));
	return (struct signature){
		.code = hash_mix(add_text(names, exe ? exe->build_id : NULL)),
		.names = hash_mix(names),
	};
}

struct signature signature_of(const struct profile *profile, const struct profile_site *site)
{
	const struct profile_stack *stack;
	uint32_t begin, end;
	uint64_t kind = hash_kind(site);

	if (site->stack == PROFILE_NONE || !profile->stacks[site->stack].nr_frames)
		return signature_of_lost(profile, site);
	stack = &profile->stacks[site->stack];
	trim(profile, stack, &begin, &end);
	return (struct signature){
		.code = hash_mix(
			hash_frames(profile, stack, begin, stack->nr_frames, hash_code, kind)),
		.names = hash_mix(hash_frames(profile, stack, begin, end, hash_names, kind)),
	};
}

const char *signature_write(struct signature_text *text, uint64_t signature)
{
	snprintf(text->text, sizeof(text->text), "%016" PRIx64, signature);
	return text->text;
}

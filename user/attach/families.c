/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The table of allocators. It knows names and shapes of calls and nothing of files or
 * probes; plan.c matches it with an object's symbols.
 *
 * What the table rests on, read in the disassembly of Debian 12's builds:
 * glibc 2.36	memalign, aligned_alloc and __libc_memalign are one address, as are all other
 *		__libc_ names with theirs. reallocarray jumps to realloc through the PLT.
 *		strdup, operator new (libstdc++) and all else call malloc through the PLT.
 * jemalloc 5.3	operator new has malloc's fast path inlined and calls no entry point, so it
 *		is a probe of its own; new[] jumps to new. Plain delete jumps to free, aligned
 *		sized delete ends in sdallocx, sized delete calls an internal function.
 * gperftools 2.10	free, cfree, tc_free, tc_delete and both plain deletes are one address;
 *		every other operator shares its tc_ function's.
 * mimalloc 2.0	malloc, free, calloc, realloc, new and plain delete share their mi_
 *		function's address; the other libc names jump to theirs through the PLT.
 *		mi_X loads the thread's heap and jumps to mi_heap_X. mi_strdup and the like
 *		inline malloc. Blocks that go with mi_heap_destroy are never freed one by one.
 * musl 1.2	reallocarray, memalign and posix_memalign call realloc and aligned_alloc
 *		directly, strdup calls malloc.
 */
#include <string.h>

#include <linux/types.h>

#include "attach/families.h"
#include "../../bpf/event.h"

#define ENTRY(name, shape, ...)                                                                    \
	{                                                                                          \
		.symbol = (name), .op = (shape), ##__VA_ARGS__                                     \
	}
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define STANDARD_FUNCTIONS                                                                         \
	ENTRY("malloc", SEEP_OP_MALLOC), ENTRY("calloc", SEEP_OP_CALLOC),                          \
		ENTRY("realloc", SEEP_OP_REALLOC), ENTRY("free", SEEP_OP_FREE),                    \
		ENTRY("cfree", SEEP_OP_FREE), ENTRY("posix_memalign", SEEP_OP_POSIX_MEMALIGN),     \
		ENTRY("memalign", SEEP_OP_MEMALIGN), ENTRY("aligned_alloc", SEEP_OP_MEMALIGN),     \
		ENTRY("valloc", SEEP_OP_MALLOC), ENTRY("pvalloc", SEEP_OP_MALLOC),                 \
		ENTRY("reallocarray", SEEP_OP_REALLOCARRAY, .wrapper = true),                      \
		ENTRY("free_sized", SEEP_OP_FREE), ENTRY("free_aligned_sized", SEEP_OP_FREE)

/* Itanium C++ ABI names: nw/na new and new[], dl/da delete and delete[], m size_t. */
#define CXX_OPERATORS                                                                              \
	ENTRY("_Znwm", SEEP_OP_MALLOC, .throws = true),                                            \
		ENTRY("_Znam", SEEP_OP_MALLOC, .throws = true),                                    \
		ENTRY("_ZnwmSt11align_val_t", SEEP_OP_MALLOC, .throws = true),                     \
		ENTRY("_ZnamSt11align_val_t", SEEP_OP_MALLOC, .throws = true),                     \
		ENTRY("_ZnwmRKSt9nothrow_t", SEEP_OP_MALLOC),                                      \
		ENTRY("_ZnamRKSt9nothrow_t", SEEP_OP_MALLOC),                                      \
		ENTRY("_ZnwmSt11align_val_tRKSt9nothrow_t", SEEP_OP_MALLOC),                       \
		ENTRY("_ZnamSt11align_val_tRKSt9nothrow_t", SEEP_OP_MALLOC),                       \
		ENTRY("_ZdlPv", SEEP_OP_FREE), ENTRY("_ZdaPv", SEEP_OP_FREE),                      \
		ENTRY("_ZdlPvm", SEEP_OP_FREE), ENTRY("_ZdaPvm", SEEP_OP_FREE),                    \
		ENTRY("_ZdlPvSt11align_val_t", SEEP_OP_FREE),                                      \
		ENTRY("_ZdaPvSt11align_val_t", SEEP_OP_FREE),                                      \
		ENTRY("_ZdlPvmSt11align_val_t", SEEP_OP_FREE),                                     \
		ENTRY("_ZdaPvmSt11align_val_t", SEEP_OP_FREE),                                     \
		ENTRY("_ZdlPvRKSt9nothrow_t", SEEP_OP_FREE),                                       \
		ENTRY("_ZdaPvRKSt9nothrow_t", SEEP_OP_FREE),                                       \
		ENTRY("_ZdlPvSt11align_val_tRKSt9nothrow_t", SEEP_OP_FREE),                        \
		ENTRY("_ZdaPvSt11align_val_tRKSt9nothrow_t", SEEP_OP_FREE)

static const struct family_function libc_functions[] = { STANDARD_FUNCTIONS };

/*
 * malloc/arena.c: an ending thread's cache (from 2.26 on) is freed inside, through free() up to
 * 2.41. The second name was its own up to 2.27. See thread_end.c for files without names.
 */
static const struct family_function glibc_functions[] = {
	STANDARD_FUNCTIONS,
	ENTRY("__malloc_arena_thread_freeres", SEEP_OP_PURGE),
	ENTRY("arena_thread_freeres", SEEP_OP_PURGE),
};

static const struct family_function generic_functions[] = { STANDARD_FUNCTIONS, CXX_OPERATORS };

/* jemalloc(3), "Non-standard API". */
static const struct family_function jemalloc_functions[] = {
	STANDARD_FUNCTIONS,
	CXX_OPERATORS,
	ENTRY("mallocx", SEEP_OP_MALLOC),
	ENTRY("rallocx", SEEP_OP_REALLOC),
	ENTRY("xallocx", SEEP_OP_RESIZE),
	ENTRY("dallocx", SEEP_OP_FREE),
	ENTRY("sdallocx", SEEP_OP_FREE),
};

/* gperftools/tcmalloc.h */
static const struct family_function tcmalloc_functions[] = {
	STANDARD_FUNCTIONS,
	CXX_OPERATORS,
	ENTRY("sdallocx", SEEP_OP_FREE),
	ENTRY("tc_malloc_skip_new_handler", SEEP_OP_MALLOC),
	ENTRY("tc_new", SEEP_OP_MALLOC, .throws = true),
	ENTRY("tc_newarray", SEEP_OP_MALLOC, .throws = true),
	ENTRY("tc_new_aligned", SEEP_OP_MALLOC, .throws = true),
	ENTRY("tc_newarray_aligned", SEEP_OP_MALLOC, .throws = true),
	ENTRY("tc_new_nothrow", SEEP_OP_MALLOC),
	ENTRY("tc_newarray_nothrow", SEEP_OP_MALLOC),
	ENTRY("tc_new_aligned_nothrow", SEEP_OP_MALLOC),
	ENTRY("tc_newarray_aligned_nothrow", SEEP_OP_MALLOC),
	ENTRY("tc_free_sized", SEEP_OP_FREE),
	ENTRY("tc_delete", SEEP_OP_FREE),
	ENTRY("tc_deletearray", SEEP_OP_FREE),
	ENTRY("tc_delete_sized", SEEP_OP_FREE),
	ENTRY("tc_deletearray_sized", SEEP_OP_FREE),
	ENTRY("tc_delete_aligned", SEEP_OP_FREE),
	ENTRY("tc_deletearray_aligned", SEEP_OP_FREE),
	ENTRY("tc_delete_sized_aligned", SEEP_OP_FREE),
	ENTRY("tc_deletearray_sized_aligned", SEEP_OP_FREE),
	ENTRY("tc_delete_nothrow", SEEP_OP_FREE),
	ENTRY("tc_deletearray_nothrow", SEEP_OP_FREE),
	ENTRY("tc_delete_aligned_nothrow", SEEP_OP_FREE),
	ENTRY("tc_deletearray_aligned_nothrow", SEEP_OP_FREE),
};

/*
 * mimalloc.h. mi_expand resizes in place and returns its argument or NULL, which is the
 * shape of a realloc that fails. mi_reallocf also frees when it fails, by mi_free.
 */
#define MIMALLOC_HEAP_PAIR(name, op) ENTRY("mi_" name, op), ENTRY("mi_heap_" name, op, .shift = 1)

static const struct family_function mimalloc_functions[] = {
	STANDARD_FUNCTIONS,
	CXX_OPERATORS,
	ENTRY("mi_heap_malloc", SEEP_OP_MALLOC, .shift = 1),
	ENTRY("mi_heap_calloc", SEEP_OP_CALLOC, .shift = 1),
	ENTRY("mi_heap_realloc", SEEP_OP_REALLOC, .shift = 1),
	MIMALLOC_HEAP_PAIR("zalloc", SEEP_OP_MALLOC),
	MIMALLOC_HEAP_PAIR("malloc_small", SEEP_OP_MALLOC),
	ENTRY("mi_zalloc_small", SEEP_OP_MALLOC),
	MIMALLOC_HEAP_PAIR("mallocn", SEEP_OP_CALLOC),
	MIMALLOC_HEAP_PAIR("malloc_aligned", SEEP_OP_MALLOC),
	MIMALLOC_HEAP_PAIR("malloc_aligned_at", SEEP_OP_MALLOC),
	MIMALLOC_HEAP_PAIR("zalloc_aligned", SEEP_OP_MALLOC),
	MIMALLOC_HEAP_PAIR("zalloc_aligned_at", SEEP_OP_MALLOC),
	MIMALLOC_HEAP_PAIR("calloc_aligned", SEEP_OP_CALLOC),
	MIMALLOC_HEAP_PAIR("calloc_aligned_at", SEEP_OP_CALLOC),
	MIMALLOC_HEAP_PAIR("reallocn", SEEP_OP_REALLOCARRAY),
	MIMALLOC_HEAP_PAIR("reallocf", SEEP_OP_REALLOC),
	MIMALLOC_HEAP_PAIR("rezalloc", SEEP_OP_REALLOC),
	MIMALLOC_HEAP_PAIR("recalloc", SEEP_OP_REALLOCARRAY),
	MIMALLOC_HEAP_PAIR("realloc_aligned", SEEP_OP_REALLOC),
	MIMALLOC_HEAP_PAIR("realloc_aligned_at", SEEP_OP_REALLOC),
	MIMALLOC_HEAP_PAIR("rezalloc_aligned", SEEP_OP_REALLOC),
	MIMALLOC_HEAP_PAIR("rezalloc_aligned_at", SEEP_OP_REALLOC),
	MIMALLOC_HEAP_PAIR("recalloc_aligned", SEEP_OP_REALLOCARRAY),
	MIMALLOC_HEAP_PAIR("recalloc_aligned_at", SEEP_OP_REALLOCARRAY),
	ENTRY("mi_expand", SEEP_OP_REALLOC),
	MIMALLOC_HEAP_PAIR("strdup", SEEP_OP_STRDUP),
	MIMALLOC_HEAP_PAIR("strndup", SEEP_OP_STRNDUP),
	ENTRY("mi_new", SEEP_OP_MALLOC, .throws = true),
	ENTRY("mi_new_aligned", SEEP_OP_MALLOC, .throws = true),
	ENTRY("mi_new_n", SEEP_OP_CALLOC, .throws = true),
	ENTRY("mi_heap_alloc_new", SEEP_OP_MALLOC, .throws = true, .shift = 1),
	ENTRY("mi_heap_alloc_new_n", SEEP_OP_CALLOC, .throws = true, .shift = 1),
	ENTRY("mi_new_nothrow", SEEP_OP_MALLOC),
	ENTRY("mi_new_aligned_nothrow", SEEP_OP_MALLOC),
	ENTRY("mi_free_size", SEEP_OP_FREE),
	ENTRY("mi_free_size_aligned", SEEP_OP_FREE),
	ENTRY("mi_free_aligned", SEEP_OP_FREE),
};

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define FUNCTIONS(array) .functions = (array), .nr_functions = COUNT(array)

/*
 * The libcs come first and are told by what only they define, so that a program that is
 * statically linked with a libc and carries a prefixed allocator beside it has both told
 * right. A prefixed name belongs to its family whoever owns the plain ones.
 */
const struct family families[] = {
	{
		.id = 1,
		.name = "glibc",
		.marks = NAMES("malloc_info", "__malloc_info", "__libc_mallopt"),
		.prefixes = NAMES("", "__libc_"),
		FUNCTIONS(glibc_functions),
		.null_realloc_frees = true,
	},
	{
		.id = 2,
		.name = "musl",
		.marks =
			NAMES("__malloc_donate", "__dls3", "__malloc_atfork", "__libc_malloc_impl"),
		.file_glob = "ld-musl-*",
		.prefixes = NAMES(""),
		FUNCTIONS(libc_functions),
	},
	{
		.id = 5,
		.name = "mimalloc",
		.marks = NAMES("mi_malloc"),
		.file_glob = "libmimalloc*.so*",
		.prefixes = NAMES("", "mi_", "__libc_"),
		FUNCTIONS(mimalloc_functions),
	},
	{
		.id = 4,
		.name = "tcmalloc",
		.marks = NAMES("tc_malloc", "TCMallocInternalMalloc", "TCMallocInternalNew"),
		.file_glob = "libtcmalloc*.so*",
		.prefixes = NAMES("", "tc_"),
		FUNCTIONS(tcmalloc_functions),
		.null_realloc_frees = true,
	},
	{
		.id = 3,
		.name = "jemalloc",
		.marks = NAMES("mallocx", "malloc_conf", "malloc_stats_print"),
		.file_glob = "libjemalloc*.so*",
		.prefixes = NAMES("", "je_", "_rjem_", "_rjem_je_", "jemalloc_"),
		FUNCTIONS(jemalloc_functions),
		.null_realloc_frees = true,
	},
	{
		.id = 6,
		.name = "generic",
		.prefixes = NAMES(""),
		FUNCTIONS(generic_functions),
	},
	{
		.id = 7,
		.name = "pair",
		.prefixes = NAMES(""),
	},
};

const size_t nr_families = COUNT(families);

const char *family_name(uint8_t id)
{
	for (size_t i = 0; i < nr_families; i++)
		if (families[i].id == id)
			return families[i].name;
	return id == SEEP_FAMILY_MAPPING ? "mapping" : "unknown";
}

const struct family *family_find(const char *name)
{
	for (size_t i = 0; i < nr_families; i++)
		if (strcmp(families[i].name, name) == 0)
			return &families[i];
	return NULL;
}

const char *operation_name(uint8_t op)
{
	static const char *const names[SEEP_OP_COUNT] = {
		[SEEP_OP_MALLOC] = "malloc",	   [SEEP_OP_CALLOC] = "calloc",
		[SEEP_OP_REALLOC] = "realloc",	   [SEEP_OP_REALLOCARRAY] = "reallocarray",
		[SEEP_OP_MEMALIGN] = "memalign",   [SEEP_OP_POSIX_MEMALIGN] = "posix_memalign",
		[SEEP_OP_RESIZE] = "resize",	   [SEEP_OP_STRDUP] = "strdup",
		[SEEP_OP_STRNDUP] = "strndup",	   [SEEP_OP_FREE] = "free",
		[SEEP_OP_PURGE] = "thread end",	   [SEEP_OP_ACQUIRE] = "acquire",
		[SEEP_OP_ACQUIRE_ARG] = "acquire", [SEEP_OP_RELEASE] = "release",
	};

	return op < SEEP_OP_COUNT && names[op] ? names[op] : "unknown";
}

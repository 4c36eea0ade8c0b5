/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Owns what of a name survives a new build. Compilers append what they did to a function
 * (".constprop.0", ".cold", "[clone .part.0]"), libraries carry their version, and parameters
 * and template arguments change with every refactoring of a type. The text may be anything:
 * a bracket without its partner ends with the name.
 */
#include "heap/signature.h"
#include "heap/signature_name.h"

#include <ctype.h>
#include <string.h>

static const char anonymous[] = "(anonymous namespace)";

struct writer {
	char *out;
	size_t used, size;
};

static void put(struct writer *writer, const char *text, size_t length)
{
	for (size_t i = 0; i < length && writer->used + 1 < writer->size; i++)
		writer->out[writer->used++] = text[i];
}

static char *finish(struct writer *writer)
{
	if (writer->size)
		writer->out[writer->used] = '\0';
	return writer->out;
}

/* The n-th last byte written; '\0' before the first. */
static char written(const struct writer *writer, size_t n)
{
	return writer->used < n ? '\0' : writer->out[writer->used - n];
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* The length of what begins with a bracket, its partner included. "->" closes nothing. */
static size_t bracketed(const char *at)
{
	char open = *at, close = open == '<' ? '>' : open == '(' ? ')' : ']';
	size_t length, depth = 0;

	for (length = 0; at[length]; length++) {
		if (at[length] == open)
			depth++;
		else if (at[length] == close && (close != '>' || at[length - 1] != '-'))
			depth--;
		if (!depth)
			return length + 1;
	}
	return length;
}

/* "operator<<" and the like, whose brackets are none; 0 when it is another word. */
static size_t operator_length(const char *at, char before)
{
	static const char *const signs[] = {
		"()", "<=>", "<<=", ">>=", "->*", "<<", ">>", "<=", ">=", "->", "<", ">", "[]",
	};
	size_t length = strlen("operator");

	if (is_word(before) || strncmp(at, "operator", length))
		return 0;
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (!strncmp(at + length, signs[i], strlen(signs[i])))
			return length + strlen(signs[i]);
	return 0;
}

/* What a compiler appends behind a dot; a Go package's or Python module's dot is no such. */
static bool is_suffix(const char *at)
{
	static const char *const suffixes[] = {
		"constprop", "isra",	   "part",  "cold",   "lto_priv",
		"llvm",	     "localalias", "clone", "resume", "destroy",
	};

	if (isdigit((unsigned char)at[1]))
		return true;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		size_t length = strlen(suffixes[i]);

		if (!strncmp(at + 1, suffixes[i], length) &&
		    (!at[1 + length] || at[1 + length] == '.' || at[1 + length] == ']'))
			return true;
	}
	return false;
}

/* "::h" and 16 digits at the end: the hash of Rust's older mangling. */
static bool is_rust_hash(const char *at)
{
	return !strncmp(at, "::h", 3) && strspn(at + 3, "0123456789abcdef") == 16 && !at[19];
}

/* What a bracket at `at` adds nothing to: its length, or 0 when it belongs to the name. */
static size_t skipped(struct writer *writer, const char *at)
{
	char before = written(writer, 1);

	switch (*at) {
	case '<':
		/* "Vec<T>" and Rust's "Vec::<T>", but not its "<Vec<T> as Trait>::f". */
		if (before == ':' && written(writer, 2) == ':')
			writer->used -= 2;
		else if (!is_word(before) && before != '}' && before != ']')
			return 0;
		return bracketed(at);
	case '(':
		/* Parameters, but not Go's "main.(*Server).serve". */
		return writer->used && before != '.' && before != ':' ? bracketed(at) : 0;
	case '[':
		return writer->used ? bracketed(at) : 0;
	default:
		return 0;
	}
}

char *signature_function(const char *function, char *out, size_t size)
{
	struct writer writer = { .out = out, .size = size };
	const char *at = function;

	while (*at) {
		size_t length;

		if ((*at == '.' && at != function && is_suffix(at)) || is_rust_hash(at))
			break;
		length = strncmp(at, anonymous, sizeof(anonymous) - 1)
				 ? operator_length(at, written(&writer, 1))
				 : sizeof(anonymous) - 1;
		if (length) {
			put(&writer, at, length);
			at += length;
			/* "operator<< <char>": the arguments of its template. */
			if (!strncmp(at, " <", 2))
				at += 1 + bracketed(at + 1);
			continue;
		}
		length = skipped(&writer, at);
		if (!length)
			put(&writer, at++, 1);
		at += length;
	}
	while (written(&writer, 1) == ' ')
		writer.used--;
	return finish(&writer);
}

char *signature_jit(const char *function, char *out, size_t size)
{
	struct writer writer = { .out = out, .size = size };

	for (const char *at = function; *at; at++)
		if (at == function || at[-1] != ':' || !strchr("*~^+", *at))
			put(&writer, at, 1);
	return finish(&writer);
}

const char *signature_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* Of a name without its ending: how much of it is left without a version at its end. */
static size_t stem_length(const char *name, size_t length)
{
	size_t stem = length;

	while (stem && (isdigit((unsigned char)name[stem - 1]) || name[stem - 1] == '.'))
		stem--;
	if (stem == length)
		return length;
	if (stem > 1 && name[stem - 1] == 'v' && strchr("-_", name[stem - 2]))
		stem--;
	while (stem && strchr("-_", name[stem - 1]))
		stem--;
	return stem ? stem : length;
}

char *signature_module(const char *path, char *out, size_t size)
{
	struct writer writer = { .out = out, .size = size };
	const char *name = signature_base_name(path), *shared = strstr(name, ".so"), *build;
	size_t length;

	if (shared && shared[3] && shared[3] != '.')
		shared = NULL;
	length = shared && shared != name ? (size_t)(shared - name) : strlen(name);
	/* "_json.cpython-311-x86_64-linux-gnu.so": the interpreter's version, not the module's. */
	build = memmem(name, length, ".cpython-", strlen(".cpython-"));
	if (build && build != name)
		length = build - name;
	put(&writer, name, stem_length(name, length));
	if (shared && shared != name)
		put(&writer, ".so", 3);
	return finish(&writer);
}

bool signature_is_wrapper(const char *function)
{
	static const char *const starts[] = {
		"operator new",	    "__rust_alloc",	 "__rust_realloc",   "__rdl_alloc",
		"__rdl_realloc",    "_PyMem_",		 "PyMem_",	     "_PyObject_GC_New",
		"PyObject_Malloc",  "PyObject_Calloc",	 "PyObject_Realloc", "_PyObject_Malloc",
		"_PyObject_Calloc", "_PyObject_Realloc",
	};
	static const char *const names[] = {
		"strdup",	"strndup",	 "__strdup",	   "__strndup",
		"asprintf",	"vasprintf",	 "__asprintf",	   "__vasprintf_internal",
		"reallocarray", "g_malloc",	 "g_malloc0",	   "g_malloc_n",
		"g_malloc0_n",	"g_realloc",	 "g_realloc_n",	   "g_strdup",
		"g_strndup",	"g_slice_alloc", "g_slice_alloc0",
	};

	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
		if (!strncmp(function, starts[i], strlen(starts[i])))
			return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(function, names[i]))
			return true;
	return false;
}

bool signature_is_beginning(const char *function)
{
	static const char *const names[] = {
		"_start",
		"__libc_start_main",
		"__libc_start_main_impl",
		"start_thread",
		"__libc_start_call_main",
		"__libc_start_main@@GLIBC_2.34",
		"clone",
		"clone3",
		"__clone",
		"__clone3",
		"_dl_start_user",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(function, names[i]))
			return true;
	return false;
}

bool signature_is_libc(const char *module)
{
	return !strcmp(module, "libc.so") || !strcmp(module, "libpthread.so") ||
	       !strncmp(module, "ld-linux", 8) || !strncmp(module, "ld-musl", 7) ||
	       !strcmp(module, "ld.so") || !strncmp(module, "libc.musl", 9);
}

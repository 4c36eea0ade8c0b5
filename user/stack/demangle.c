// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the bounds around libiberty's demanglers, which know the grammars: Itanium C++ ABI
 * section 5.1, Rust RFC 2603 (v0) and Rust's older _ZN..17h<hash>E, the D ABI.
 *
 * All three grammars have back references, by which a name of 200 bytes can mean 2^60
 * bytes of text. So the printing of C++ and Rust is left by longjmp once the text is too
 * long: libiberty's callback interface is made for callers that have no heap, and holds
 * nothing that would be lost but, in Rust names, one Punycode identifier. D has no such
 * interface: there, names with many possible back references stay as they are.
 */
#include "stack/demangle.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_MANGLED = 8192,
	MAX_TEXT = 16384,
	MAX_D_BACK_REFERENCES = 12, /* each may at most double the text */
};

static const int OPTIONS = DMGL_PARAMS | DMGL_ANSI;

struct text {
	char *bytes; /* MAX_TEXT + 1 */
	size_t length;
	jmp_buf too_long;
};

static void append(const char *bytes, size_t length, void *opaque)
{
	struct text *text = opaque;

	if (length > MAX_TEXT - text->length)
		longjmp(text->too_long, 1);
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
}

/* True for _ZN...17h<16 hex digits>E, perhaps with a suffix such as ".llvm.123". */
static bool is_old_rust(const char *symbol)
{
	const char *hash = symbol;

	if (strncmp(symbol, "_ZN", 3))
		return false;
	while ((hash = strstr(hash, "17h"))) {
		hash += 3;
		if (strspn(hash, "0123456789abcdef") == 16 && hash[16] == 'E' &&
		    (!hash[17] || hash[17] == '.'))
			return true;
	}
	return false;
}

const char *demangle_language(const char *symbol)
{
	if (!strncmp(symbol, "_R", 2) && symbol[2] >= 'A' && symbol[2] <= 'Z')
		return "rust";
	if (is_old_rust(symbol))
		return "rust";
	if (!strncmp(symbol, "_Z", 2))
		return "c++";
	if (!strncmp(symbol, "_D", 2) && symbol[2] >= '1' && symbol[2] <= '9')
		return "d";
	return NULL;
}

/*
 * A function type or trait object (F, D) may begin with a number of lifetimes, G and a
 * number in base 62 (RFC 2603). libiberty names each of them, and in a part of the symbol
 * that is not printed, nothing is appended that could end it: for as many as 2^64. Real
 * ones have one to three. Identifiers are not told apart: this pair is rare in them.
 */
static bool has_many_lifetimes(const char *symbol)
{
	static const char base_62[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const char *binder = symbol;

	while ((binder = strchr(binder + 1, 'G'))) {
		size_t digits = strspn(binder + 1, base_62);

		if ((binder[-1] == 'F' || binder[-1] == 'D') && digits > 1 &&
		    binder[1 + digits] == '_')
			return true;
	}
	return false;
}

static char *demangle_d(const char *symbol)
{
	size_t references = 0;
	const char *p;

	for (p = symbol; *p; p++)
		references += *p == 'Q';
	return references > MAX_D_BACK_REFERENCES ? NULL : dlang_demangle(symbol, OPTIONS);
}

/* The text's bytes, shrunk to fit, or NULL. Takes them over. */
static char *finish(struct text *text, int ok)
{
	char *fitted;

	if (!ok || !text->length) {
		free(text->bytes);
		return NULL;
	}
	text->bytes[text->length] = '\0';
	fitted = realloc(text->bytes, text->length + 1);
	return fitted ? fitted : text->bytes;
}

char *demangle(const char *symbol)
{
	const char *language = demangle_language(symbol);
	struct text text = { 0 };

	if (!language || strnlen(symbol, MAX_MANGLED + 1) > MAX_MANGLED)
		return NULL;
	if (*language == 'd')
		return demangle_d(symbol);
	if (symbol[1] == 'R' && has_many_lifetimes(symbol))
		return NULL;
	text.bytes = malloc(MAX_TEXT + 1);
	if (!text.bytes)
		return NULL;
	if (setjmp(text.too_long)) {
		free(text.bytes);
		return NULL;
	}
	if (*language == 'r')
		return finish(&text, rust_demangle_callback(symbol, OPTIONS, append, &text));
	return finish(&text, cplus_demangle_v3_callback(symbol, OPTIONS, append, &text));
}

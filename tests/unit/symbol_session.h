/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A built program mapped in a process that holds still, and names for its addresses. */
#ifndef TESTS_SYMBOL_SESSION_H
#define TESTS_SYMBOL_SESSION_H

#include "stack_program.h"

#include "stack/modules.h"
#include "stack/symbols.h"

enum { SPACE = 1 };

static const char C_SOURCE[] =
	"#include <stdlib.h>\n"
	"static inline __attribute__((always_inline)) int *innermost(int n)\n"
	"{\n\tint *p = malloc(n);\n\tif (p)\n\t\t*p = n;\n\treturn p;\n}\n"
	"static inline __attribute__((always_inline)) int *middle(int n)\n"
	"{\n\tint *p = innermost(n + 1);\n\tfree(innermost(n + 2));\n\treturn p;\n}\n"
	"__attribute__((noinline)) int *outer(int n)\n"
	"{\n\tint *p = NULL;\n\tfor (int i = 0; i < n; i++) {\n"
	"\t\tint *q = middle(i);\n\t\tfree(p);\n\t\tp = q;\n\t}\n\treturn p;\n}\n"
	"static __attribute__((noinline)) int hidden(int n)\n"
	"{\n\tint *p = outer(n);\n\tint r = *p;\n\tfree(p);\n\treturn r;\n}\n"
	"int (*volatile keep)(int) = hidden;\n" PROGRAM_WAITS("(void *)outer, (void *)hidden");

struct session {
	struct modules *modules;
	struct symbolizer *symbolizer;
	struct still_process process;
	uint64_t functions[2];
	uint32_t module;
};

static struct session open_session(const char *program, const struct symbolizer_options *options)
{
	struct session session = { .modules = modules_new() };
	struct place place;

	session.symbolizer = symbolizer_new(session.modules, options);
	assert_non_null(session.symbolizer);
	session.process = start_program(in_folder(program));
	read_words(&session.process, session.functions, 2);
	assert_int_equal(modules_refresh(session.modules, SPACE, session.process.pid), 0);
	assert_true(modules_place(session.modules, SPACE, session.functions[0], &place));
	assert_int_not_equal(place.module, PLACE_NONE);
	session.module = place.module;
	return session;
}

static void close_session(struct session *session)
{
	end_still(&session->process);
	symbolizer_free(session->symbolizer);
	modules_free(session->modules);
}

/* Names an ELF address of the program's own file. */
static int name_at(struct session *session, uint64_t address, const struct symbol **ret_symbols)
{
	struct place place = { session->module, address, address };
	int nr = symbolizer_name(session->symbolizer, &place, false, 0, ret_symbols);

	assert_true(nr >= 1);
	return nr;
}

/* The name of the function at address + add, as the symbolizer says; "(none)". */
static inline const char *function_at(struct session *session, uint64_t address)
{
	const struct symbol *symbols;
	int nr = name_at(session, address, &symbols);

	return symbols[nr - 1].function ? symbols[nr - 1].function : "(none)";
}

/* Cuts what is not the name itself: parameters, clones, and what is before a space. */

#endif

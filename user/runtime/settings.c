// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the reading of memory options of the JVM, node and Go. Order decides, as the last one
 * wins:
 *   JVM   JAVA_TOOL_OPTIONS, then the command line, to the front of which the launcher puts
 *         JDK_JAVA_OPTIONS, then _JAVA_OPTIONS (java(1); Arguments::parse of HotSpot)
 *   node  NODE_OPTIONS, then the command line (node(1)); V8 takes MiB
 *   Go    GOMEMLIMIT (package runtime), a soft limit on all that the Go runtime has
 * What follows the main class, -jar or the script is the program's own, not the runtime's. Java's
 * sizes are those of java(1): a number and k, m, g or t.
 *
 * Everything here was written by whoever started the process: lengths are bounded, numbers checked.
 */
#include "runtime/settings.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENT_BOUND = 4096, ARGUMENTS = 4096 };

static const double MIB = 1 << 20, LARGEST = 0x1p62;

static void reject(struct settings *s, const char *option, const char *source)
{
	if (!s->rejected++)
		snprintf(s->problem, sizeof(s->problem), "\"%.80s\" (%s) makes no sense", option,
			 source);
}

static void take(struct settings *s, struct setting *setting, double value, const char *option,
		 const char *source)
{
	if (value >= 0 && value < LARGEST)
		*setting = (struct setting){ true, value, source };
	else
		reject(s, option, source);
}

/* A decimal number; NAN for anything else. */
static double parse_number(const char *text, bool fraction, const char **ret_end)
{
	size_t length = strspn(text, fraction ? "0123456789." : "0123456789");
	char *end;
	double value;

	if (!length || length > 20 || !isdigit((unsigned char)text[0]))
		return NAN;
	value = strtod(text, &end);
	*ret_end = text + length;
	return end == text + length ? value : NAN;
}

/* "512m", "2G", "1048576" */
static double java_size(const char *text)
{
	static const char units[] = "kmgt";
	const char *end = text, *unit;
	double value = parse_number(text, false, &end);

	if (isnan(value) || !*end)
		return value;
	unit = strchr(units, tolower((unsigned char)*end));
	if (!unit || end[1])
		return NAN;
	return value * exp2(10 * (double)(unit - units + 1));
}

static double percent(const char *text)
{
	const char *end = text;
	double value = parse_number(text, true, &end);

	return !isnan(value) && !*end && value <= 100 ? value : NAN;
}

static double mebibytes(const char *text)
{
	const char *end = text;
	double value = parse_number(text, false, &end);

	return *end ? NAN : value * MIB;
}

/* "1GiB", "500MiB", "1024", "1024B" */
static double go_size(const char *text)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	const char *end = text;
	double value = parse_number(text, false, &end);

	if (isnan(value) || !*end)
		return value;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strcmp(end, units[i]) == 0)
			return value * exp2(10.0 * (double)i);
	return NAN;
}

struct option {
	const char *prefix;
	size_t setting; /* offset in struct settings */
	double (*parse)(const char *text);
};

static const struct option java_options[] = {
	{ "-Xmx", offsetof(struct settings, heap_max), java_size },
	{ "-XX:MaxHeapSize=", offsetof(struct settings, heap_max), java_size },
	{ "-Xms", offsetof(struct settings, heap_initial), java_size },
	{ "-XX:InitialHeapSize=", offsetof(struct settings, heap_initial), java_size },
	{ "-XX:MaxRAMPercentage=", offsetof(struct settings, ram_percent), percent },
	{ "-XX:MaxRAM=", offsetof(struct settings, ram), java_size },
	{ "-XX:MaxDirectMemorySize=", offsetof(struct settings, direct_max), java_size },
	{ "-XX:MaxMetaspaceSize=", offsetof(struct settings, metaspace_max), java_size },
	{ NULL, 0, NULL },
};
static const struct option node_options[] = {
	{ "--max-old-space-size=", offsetof(struct settings, old_space), mebibytes },
	{ "--max-heap-size=", offsetof(struct settings, heap_max), mebibytes },
	{ NULL, 0, NULL },
};

/* Does the argument begin with that prefix? node takes '_' for '-'. */
static bool begins(const char *argument, const char *prefix, bool underscores)
{
	for (; *prefix; prefix++, argument++)
		if (*argument != *prefix && !(underscores && *argument == '_' && *prefix == '-'))
			return false;
	return true;
}

static void take_option(struct settings *s, const char *argument, const char *source)
{
	bool java = s->kind == SETTINGS_JVM;

	if (java && (argument[0] == '@' || begins(argument, "-XX:Flags=", false) ||
		     begins(argument, "-XX:VMOptionsFile=", false)))
		s->more_elsewhere = true;
	for (const struct option *o = java ? java_options : node_options; o->prefix; o++) {
		if (!begins(argument, o->prefix, !java))
			continue;
		take(s, (struct setting *)((char *)s + o->setting),
		     o->parse(argument + strlen(o->prefix)), argument, source);
		return;
	}
}

/* Options of a variable: parted by blanks, with quotes around those that hold blanks. */
static void take_variable(struct settings *s, const char *text, const char *source)
{
	char word[ARGUMENT_BOUND];

	for (int i = 0; i < ARGUMENTS && *text; i++) {
		size_t length = 0;
		char quote = '\0';

		text += strspn(text, " \t\n\r\f");
		for (; *text && (quote || !isspace((unsigned char)*text)); text++) {
			if (quote ? *text == quote : *text == '"' || *text == '\'')
				quote = quote ? '\0' : *text;
			else if (length < sizeof(word) - 1)
				word[length++] = *text;
		}
		word[length] = '\0';
		if (length)
			take_option(s, word, source);
	}
}

/* The value of a variable in an environment; NULL when it is not there. */
static const char *variable(const char *environ, size_t length, const char *name)
{
	size_t name_length = strlen(name);

	while (length) {
		size_t one = strnlen(environ, length);

		/* One without its NUL was cut off. */
		if (one == length)
			return NULL;
		if (one > name_length && memcmp(environ, name, name_length) == 0 &&
		    environ[name_length] == '=')
			return environ + name_length + 1;
		environ += one + 1;
		length -= one + 1;
	}
	return NULL;
}

static bool in_list(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

/* Does the next argument belong to this one? */
static bool takes_value(enum settings_kind kind, const char *argument)
{
	static const char *const java[] = { "-cp",
					    "-classpath",
					    "--class-path",
					    "-p",
					    "--module-path",
					    "--upgrade-module-path",
					    "--add-modules",
					    "--limit-modules",
					    "--add-reads",
					    "--add-exports",
					    "--add-opens",
					    "--patch-module",
					    "--enable-native-access",
					    "--source",
					    NULL };
	static const char *const node[] = {
		"-r", "--require",    "--import",   "--loader", "--experimental-loader",
		"-C", "--conditions", "--env-file", "--title",	NULL
	};

	return in_list(kind == SETTINGS_JVM ? java : node, argument);
}

/* Is what follows the program's own? */
static bool ends_options(enum settings_kind kind, const char *argument)
{
	static const char *const java[] = { "-jar", "-m", "--module", NULL };
	static const char *const node[] = { "--", "-e", "--eval", "-p", "--print", NULL };

	if (argument[0] != '-' && !(kind == SETTINGS_JVM && argument[0] == '@'))
		return true;
	return in_list(kind == SETTINGS_JVM ? java : node, argument);
}

static void take_command_line(struct settings *s, const char *cmdline, size_t length)
{
	bool value = false;

	for (int i = 0; i < ARGUMENTS && length; i++) {
		size_t one = strnlen(cmdline, length);
		char argument[ARGUMENT_BOUND];

		snprintf(argument, sizeof(argument), "%.*s",
			 (int)(one < sizeof(argument) ? one : sizeof(argument) - 1), cmdline);
		if (i && !value) {
			if (ends_options(s->kind, argument))
				return;
			take_option(s, argument, "command line");
		}
		value = i && !value && takes_value(s->kind, argument);
		if (one == length)
			return;
		cmdline += one + 1;
		length -= one + 1;
	}
}

static void take_go(struct settings *s, const char *environ, size_t length)
{
	static const char name[] = "GOMEMLIMIT";
	const char *text = variable(environ, length, name);

	if (text && *text && strcmp(text, "off") != 0)
		take(s, &s->heap_max, go_size(text), text, name);
}

void settings_parse(enum settings_kind kind, const char *cmdline, size_t cmdline_length,
		    const char *environ, size_t environ_length, struct settings *ret_settings)
{
	static const char *const java_before[] = { "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", NULL };
	static const char *const node_before[] = { "NODE_OPTIONS", NULL };
	static const char after[] = "_JAVA_OPTIONS";
	struct settings s = { .kind = kind };
	const char *const *before = kind == SETTINGS_JVM ? java_before : node_before;
	const char *text;

	if (kind == SETTINGS_GO)
		take_go(&s, environ, environ_length);
	if (kind == SETTINGS_JVM || kind == SETTINGS_NODE) {
		for (; *before; before++) {
			text = variable(environ, environ_length, *before);
			if (text)
				take_variable(&s, text, *before);
		}
		take_command_line(&s, cmdline, cmdline_length);
	}
	if (kind == SETTINGS_JVM) {
		text = variable(environ, environ_length, after);
		if (text)
			take_variable(&s, text, after);
	}
	*ret_settings = s;
}

double settings_heap_max(const struct settings *s, double memory)
{
	double share = s->ram_percent.set ? s->ram_percent.value : 25;

	if (s->kind != SETTINGS_JVM)
		return 0;
	if (s->heap_max.set && s->heap_max.value > 0)
		return s->heap_max.value;
	/* MaxRAM bounds what the machine is taken to have. */
	if (s->ram.set && (memory <= 0 || s->ram.value < memory))
		memory = s->ram.value;
	return memory * share / 100;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The text of --pair: "lib:acquire[@N]=release[@N]". Only the text; whether a file has
 * such functions is plan.c's to find.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/families.h"

/* Six registers carry arguments on x86_64; eight on arm64, but one rule for both is plainer. */
enum { ARGUMENT_MOST = 6 };

static int complain(char **ret_message, const char *what, const char *text)
{
	char *message;

	if (asprintf(&message, "%s in '%s' (form: 'lib:acquire=release', with '@N' for argument N)",
		     what, text) < 0)
		return -ENOMEM;
	*ret_message = message;
	return -EINVAL;
}

static bool is_symbol(const char *start, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (isspace((unsigned char)start[i]) || strchr("@=:,", start[i]))
			return false;
	return length > 0;
}

/* "name" or "name@N" of `length` characters; *argument keeps its value without "@N". */
static bool parse_function(const char *start, size_t length, char **ret_name, uint8_t *argument)
{
	const char *at = memchr(start, '@', length);
	size_t name_length = at ? (size_t)(at - start) : length;

	if (!is_symbol(start, name_length))
		return false;
	if (at) {
		if (length - name_length != 2 || at[1] < '1' || at[1] > '0' + ARGUMENT_MOST)
			return false;
		*argument = at[1] - '0';
	}
	*ret_name = strndup(start, name_length);
	return true;
}

int pair_parse(const char *text, struct pair *ret_pair, char **ret_message)
{
	struct pair pair = { .release_argument = 1 };
	/* The last colon: a path may hold others. */
	const char *colon = strrchr(text, ':');
	const char *equals = colon ? strchr(colon, '=') : NULL;
	const char *wrong = NULL;

	if (!colon || colon == text)
		wrong = "no library before ':'";
	else if (!equals)
		wrong = "no '=' between the functions";
	else if (!parse_function(colon + 1, equals - colon - 1, &pair.acquire,
				 &pair.acquire_argument))
		wrong = "no acquiring function, or an argument that is not 1 to 6,";
	else if (!parse_function(equals + 1, strlen(equals + 1), &pair.release,
				 &pair.release_argument))
		wrong = "no releasing function, or an argument that is not 1 to 6,";
	if (wrong) {
		pair_free(&pair);
		return complain(ret_message, wrong, text);
	}
	pair.library = strndup(text, colon - text);
	if (!pair.library || !pair.acquire || !pair.release) {
		pair_free(&pair);
		return -ENOMEM;
	}
	*ret_pair = pair;
	return 0;
}

void pair_free(struct pair *pair)
{
	free(pair->library);
	free(pair->acquire);
	free(pair->release);
	memset(pair, 0, sizeof(*pair));
}

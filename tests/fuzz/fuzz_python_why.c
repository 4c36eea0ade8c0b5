// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who holds what in a CPython whose memory is bent: the first byte chooses the version,
 * then each six bytes set a word of the image: two say which, one what to, three how much.
 */
#include <stdlib.h>
#include <time.h>

#include "../unit/python_holders.h"
#include "python/why.h"

enum { BEND = 6, SECONDS_MOST = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t versions[][2] = {
	{ 2, 7 },  { 3, 6 },  { 3, 7 },	 { 3, 8 },  { 3, 9 },  { 3, 10 },
	{ 3, 11 }, { 3, 12 }, { 3, 13 }, { 3, 14 }, { 3, 15 },
};

static struct python_image image;

static void bend(const struct holders *h, const uint8_t *bend)
{
	uint64_t first = IMAGE_INTERPRETER / 8, words = h->raw / 8 - first;
	uint64_t at = (first + (bend[0] | (uint64_t)bend[1] << 8) % words) * 8;
	uint64_t amount = bend[3] | (uint64_t)bend[4] << 8 | (uint64_t)bend[5] << 16;

	switch (bend[2] % 4) {
	case 0:
		image_put(&image, at, IMAGE_BASE + amount * 8 % IMAGE_BYTES);
		break;
	case 1:
		image_put(&image, at, amount);
		break;
	case 2:
		image_put(&image, at, amount << 40);
		break;
	default:
		image_put(&image, at, image_get(&image, at) + amount);
		break;
	}
}

static void look(void)
{
	const struct why_options options = { .type = "list", .seconds = 1, .samples = 50 };
	struct why_log *log = why_log_new();
	struct python_process *process;
	struct why *why;
	char *reason;

	if (!log || python_new(&image.source, &image.build, &process, &reason)) {
		free(log ? reason : NULL);
		why_log_free(log);
		return;
	}
	for (int i = 0; i < 2; i++) {
		if (python_why(process, &options, log, &why))
			continue;
		why_log_add(log, why, &(struct why_collector){ .enabled = 1 });
		why_free(why);
	}
	python_close(process);
	why_log_free(log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *version;
	struct holders holders;
	clock_t began = clock();

	if (!size)
		return 0;
	version = versions[data[0] % (sizeof(versions) / sizeof(*versions))];
	holders_make(&holders, &image, version[0], version[1]);
	for (size_t i = 1; i + BEND <= size; i += BEND)
		bend(&holders, data + i);
	look();
	image_free(&image);
	/* Its own time, not that of a busy machine. */
	if (clock() - began > SECONDS_MOST * CLOCKS_PER_SEC)
		abort();
	return 0;
}

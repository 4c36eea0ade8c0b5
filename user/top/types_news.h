/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What censuses of a process's objects have shown so far, as who counts hands it on. */
#ifndef SEEP_TOP_TYPES_NEWS_H
#define SEEP_TOP_TYPES_NEWS_H

#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

enum types_phase {
	TYPES_NONE = 0,
	TYPES_STARTING,
	TYPES_COUNTING,
	TYPES_ENDED, /* the process has ended */
	TYPES_FAILED, /* `problem` says why */
};

struct types_row {
	char *name; /* foreign */
	uint64_t count, bytes;
	int64_t delta; /* objects since the first census */
	double rate; /* objects a second, since then */
	const char *trend; /* a word, of static text */
};

struct types_news {
	enum types_phase phase;
	pid_t pid;
	char comm[64]; /* foreign */
	char problem[256]; /* "" none */
	char runtime[64]; /* "python 3.11.2" */
	uint64_t objects;
	int64_t delta;
	double rate, seconds; /* objects a second; from the first census to the last */
	double cost; /* seconds that the last census took */
	size_t censuses;
	const char *verdict; /* static; NULL with fewer than two censuses */
	int collector; /* 1 on, 0 off, -1 unknown */
	struct types_row *rows; /* grown most first; of whoever holds the news */
	size_t nr_rows;
};

static inline void types_news_release(struct types_news *news)
{
	for (size_t i = 0; i < news->nr_rows; i++)
		free(news->rows[i].name);
	free(news->rows);
	news->rows = NULL;
	news->nr_rows = 0;
}

#endif

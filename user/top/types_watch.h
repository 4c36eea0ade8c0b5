/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The objects of a process counted again and again beside the screen, by a thread. */
#ifndef SEEP_TOP_TYPES_WATCH_H
#define SEEP_TOP_TYPES_WATCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "top/types_news.h"

struct types_watch;

/* Every so many seconds, or less often where a count takes long. 0 or -errno. */
int types_watch_start(pid_t pid, const char *comm, double interval, struct types_watch **ret_watch);
int types_watch_fd(const struct types_watch *watch);
/* As watch_take: what is in it becomes the caller's. */
bool types_watch_take(struct types_watch *watch, struct types_news *ret_news);
/* Waits for a count that has begun. */
void types_watch_free(struct types_watch *watch);

#endif

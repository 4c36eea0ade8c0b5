/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Debug files from the servers of $DEBUGINFOD_URLS
 * (https://sourceware.org/elfutils/Debuginfod.html), through libdebuginfod with its cache on disk,
 * and with limits of time.
 */
#ifndef SEEP_STACK_DEBUG_SERVERS_H
#define SEEP_STACK_DEBUG_SERVERS_H

#include <stdbool.h>
#include <stdint.h>

struct debug_servers;

enum {
	DEBUG_SERVERS_FILE_MS = 5000, /* the time for one file, */
	DEBUG_SERVERS_TOTAL_MS = 20000, /* and for all, unless other times are given */
};

/* 0: the times above. Asks nobody yet. NULL when out of memory. */
struct debug_servers *debug_servers_new(uint32_t file_ms, uint32_t total_ms);
/* Gives up what is under way. Accepts NULL. */
void debug_servers_free(struct debug_servers *servers);

/* May an answer be waited for? As it is made, yes. */
void debug_servers_wait(struct debug_servers *servers, bool wait);

/*
 * The debug file with the build id (lower-case hex): a descriptor to close, or -errno: -EAGAIN
 * when it is being fetched and must not be waited for, -ETIMEDOUT when the time is up,
 * -ENOTSUP without the library. Each is asked for once.
 */
int debug_servers_fetch(struct debug_servers *servers, const char *build_id);

/*
 * Is it worth asking again for what -EAGAIN was said of? It has come since, or may be
 * waited for by now. Says so once of each.
 */
bool debug_servers_again(struct debug_servers *servers);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Overviews of made-up hosts, for the tests of what shows them. */
#ifndef SEEP_TESTS_TOP_OVERVIEW_H
#define SEEP_TESTS_TOP_OVERVIEW_H

#include <math.h>
#include <stdlib.h>

#include "base/strpool.h"
#include "base/vec.h"
#include "top/overview.h"

#define MEBI (1024.0 * 1024)

static inline struct overview_row *add_process(struct overview *o, pid_t pid, const char *comm,
					       double mebibytes, enum series_shape shape,
					       double per_minute)
{
	struct overview_row *row = vec_push(&o->rows, &o->nr_rows, &o->cap_rows);

	if (!row)
		abort();
	*row = (struct overview_row){
		.pid = pid,
		.start_ticks = 100 + (uint64_t)pid,
		.comm = strpool_add(o->strings, comm),
		.anonymous = (uint64_t)(mebibytes * MEBI),
		.cpu = 1.5,
		.looks = 30,
		.seconds = 58,
		.shape = shape,
		.rate = per_minute * MEBI / 60,
		.limit = OVERVIEW_UNLIMITED,
		.room = OVERVIEW_UNLIMITED,
		.time_to_limit = INFINITY,
		.earliest = INFINITY,
		.latest = INFINITY,
	};
	return row;
}

/* Seven processes: one that grows towards the limit of its container, six that do not. */
static inline struct overview *sample_overview(void)
{
	struct overview *o = overview_new();
	struct overview_row *row;

	if (!o)
		abort();
	o->time = 1795356851;
	o->interval = 2;
	o->host = strpool_add(o->strings, "web-12");
	o->processes = 7;
	o->memory_total = (uint64_t)(16384 * MEBI);
	o->memory_available = (uint64_t)(4096 * MEBI);
	o->swap_total = o->swap_free = 0;
	o->pressure_known = o->kills_known = true;
	o->own_cpu = 0.4;
	add_process(o, 1, "systemd", 12, SERIES_FLAT, 0);
	row = add_process(o, 40, "java", 800, SERIES_RISING, 12);
	row->cgroup = strpool_add(o->strings, "/kubepods/pod1/0123456789abcdef");
	row->place = strpool_add(o->strings, "0123456789ab");
	row->limit = (uint64_t)(1024 * MEBI);
	row->room = (uint64_t)(200 * MEBI);
	row->limit_name = strpool_add(o->strings, "memory limit of cgroup /kubepods/pod1");
	row->time_to_limit = 1000;
	row->earliest = 900;
	row->latest = 1200;
	add_process(o, 41, "compile", 300, SERIES_TOO_SHORT, 900);
	add_process(o, 42, "cache", 2000, SERIES_SLOWING, 3);
	add_process(o, 43, "batch", 100, SERIES_FALLING, -50);
	add_process(o, 44, "Load", 400, SERIES_STEP, 30);
	add_process(o, 4194304, "日本\x1b[31m", 1, SERIES_FLAT, 0)->cpu = -1;
	return o;
}

#endif

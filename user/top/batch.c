// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns how overviews look to scripts. */
#include "top/batch.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/json.h"
#include "top/figures.h"
#include "top/view.h"

enum { TEXT_COLUMNS = 160, SCHEMA = 1 };

static int finish(FILE *out)
{
	errno = 0;
	if (fflush(out) || ferror(out))
		return errno ? -errno : -EIO;
	return 0;
}

static void write_head(const struct overview *s, FILE *out)
{
	struct figure clock, processes, total, available, swap_total, swap_free, kills, cpu;

	fprintf(out, "seep top  %s  %s processes\n", figure_clock(&clock, s->time),
		figure_count(&processes, s->processes));
	fprintf(out, "Memory %s, %s available  Swap %s, %s free",
		figure_limit(&total, s->memory_total),
		figure_limit(&available, s->memory_available),
		figure_limit(&swap_total, s->swap_total), figure_limit(&swap_free, s->swap_free));
	if (s->pressure_known)
		fprintf(out, "  Pressure some %.1f%% all %.1f%%", s->pressure_some,
			s->pressure_full);
	fprintf(out, "  OOM kills seen %s  seep %s%% CPU\n",
		s->kills_known ? figure_count(&kills, s->nr_kills_seen) : "?",
		figure_percent(&cpu, s->own_cpu));
}

int batch_write_text(const struct overview *overview, const struct batch_options *options,
		     FILE *out)
{
	struct top_state state = { .overview = (struct overview *)overview };
	char *table;
	int err = overview_select(overview, options->order, options->reverse, NULL, &state.rows,
				  &state.nr_rows);

	if (err)
		return err;
	if (options->limit && options->limit < state.nr_rows)
		state.nr_rows = options->limit;
	table = host_table(&state, state.nr_rows, TEXT_COLUMNS, options->utf8);
	free(state.rows);
	if (!table)
		return -ENOMEM;
	write_head(overview, out);
	fputs(table, out);
	fputc('\n', out);
	free(table);
	return finish(out);
}

static void put_bytes(struct json_object *object, const char *key, uint64_t bytes)
{
	if (bytes >= OVERVIEW_UNKNOWN)
		json_put(object, key, json_null());
	else
		json_put_count(object, key, bytes);
}

static struct json_object limit_of(const struct overview_row *row)
{
	struct json_object object = json_object_new();

	json_put_text(&object, "name", row->limit_name);
	put_bytes(&object, "bytes", row->limit);
	put_bytes(&object, "room_bytes", row->room);
	json_put_real(&object, "seconds", row->time_to_limit);
	json_put_real(&object, "seconds_low", row->earliest);
	json_put_real(&object, "seconds_high", row->latest);
	return object;
}

static struct json_object process_of(const struct overview_row *row)
{
	struct json_object object = json_object_new(), limit = limit_of(row);
	bool judged = row->shape != SERIES_TOO_SHORT;

	json_put_count(&object, "pid", (uint64_t)row->pid);
	json_put_text(&object, "comm", row->comm);
	json_put_text(&object, "cgroup", row->cgroup);
	json_put_text(&object, "place", row->place);
	json_put_count(&object, "anonymous_bytes", row->anonymous);
	json_put_count(&object, "swap_bytes", row->swap);
	json_put_real(&object, "cpu_percent", row->cpu < 0 ? NAN : row->cpu);
	json_put_count(&object, "looks", row->looks);
	json_put_real(&object, "seconds", row->seconds);
	json_put_text(&object, "trend", judged ? overview_trend(row) : "too little data");
	json_put_real(&object, "growth_rate", row->looks > 1 ? row->rate : NAN);
	json_put_real(&object, "growth_rate_low", judged ? row->rate_low : NAN);
	json_put_real(&object, "growth_rate_high", judged ? row->rate_high : NAN);
	json_put_object(&object, "limit", &limit);
	return object;
}

static struct json_object host_of(const struct overview *s)
{
	struct json_object object = json_object_new();

	json_put_text(&object, "name", s->host);
	json_put_count(&object, "processes", s->processes);
	json_put_count(&object, "left_out", s->left_out);
	put_bytes(&object, "memory_total_bytes", s->memory_total);
	put_bytes(&object, "memory_available_bytes", s->memory_available);
	put_bytes(&object, "swap_total_bytes", s->swap_total);
	put_bytes(&object, "swap_free_bytes", s->swap_free);
	json_put_real(&object, "pressure_some", s->pressure_known ? s->pressure_some : NAN);
	json_put_real(&object, "pressure_full", s->pressure_known ? s->pressure_full : NAN);
	if (s->kills_known)
		json_put_count(&object, "oom_kills", s->nr_kills_seen);
	else
		json_put(&object, "oom_kills", json_null());
	return object;
}

static json_t *kills_of(const struct overview *s, bool *failed)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < s->nr_kills; i++) {
		const struct overview_kill *kill = &s->kills[i];
		struct json_object object = json_object_new();

		json_put_real(&object, "time", kill->time);
		json_put_count(&object, "pid", (uint64_t)kill->pid);
		json_put_text(&object, "comm", kill->comm);
		json_put_text(&object, "cgroup", kill->cgroup);
		put_bytes(&object, "limit_bytes", kill->limit);
		put_bytes(&object, "anonymous_bytes", kill->anonymous);
		*failed |= object.failed || json_array_append_new(array, object.json);
	}
	return array;
}

static json_t *processes_of(const struct overview *s, const size_t *rows, size_t nr, bool *failed)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < nr; i++) {
		struct json_object object = process_of(&s->rows[rows[i]]);

		*failed |= object.failed || json_array_append_new(array, object.json);
	}
	return array;
}

int batch_write_json(const struct overview *overview, const struct batch_options *options,
		     FILE *out)
{
	struct json_object document, host;
	size_t *rows, nr;
	int err = overview_select(overview, options->order, options->reverse, NULL, &rows, &nr);

	if (err)
		return err;
	document = json_object_new();
	host = host_of(overview);
	json_put_count(&document, "schema", SCHEMA);
	json_put_real(&document, "time", overview->time);
	json_put_real(&document, "interval", overview->interval);
	json_put_real(&document, "seep_cpu_percent",
		      overview->own_cpu < 0 ? NAN : overview->own_cpu);
	json_put_object(&document, "host", &host);
	json_put(&document, "oom_kills", kills_of(overview, &document.failed));
	json_put(&document, "processes",
		 processes_of(overview, rows,
			      options->limit && options->limit < nr ? options->limit : nr,
			      &document.failed));
	free(rows);
	err = json_object_end(&document, out, 0);
	if (!err)
		fputc('\n', out);
	return err ? err : finish(out);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns where each table is among all tables. Rows, pages and rules are only ever appended:
 * a table stays where it is, so that the kernel side can read while others are added.
 */
#include "trace/unwinding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>
#include <unistd.h>

#include "base/hashmap.h"
#include "base/log.h"
#include "base/vec.h"
#include "stack/modules.h"
#include "stack/table_cache.h"
#include "stack/unwind_table.h"

enum { VDSO_BYTES = 2 * 4096 };

/* Where a module's table is; nr_pages 0: it has none. Its number is its index + 1. */
struct installed {
	uint32_t module;
	uint64_t first_page;
	uint32_t nr_pages;
	uint32_t pages_base;
};

struct unwinding {
	struct kernel *kernel;
	struct modules *modules;
	struct table_cache *cache; /* NULL: none can be used */
	struct kernel_unwind_limits limits;
	struct hashmap *by_module; /* module -> index of installed */
	struct hashmap *by_rule; /* hash of a rule -> its number */
	struct hashmap *sent; /* space -> hash of what the kernel has */
	struct installed *installed;
	size_t nr_installed, cap_installed;
	struct seep_unwind_rule *rules; /* all of them, by number */
	size_t nr_rules, cap_rules;
	uint64_t next_row, next_page;
	uint32_t generation;
	struct unwinding_stats stats;
};

struct unwinding *unwinding_new(struct kernel *kernel, struct modules *modules)
{
	struct unwinding *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->kernel = kernel;
	u->modules = modules;
	u->limits = kernel_unwind_limits(kernel);
	if (table_cache_open(&(struct table_cache_options){ 0 }, &u->cache))
		u->cache = NULL;
	u->by_module = hashmap_new();
	u->by_rule = hashmap_new();
	u->sent = hashmap_new();
	/* Rule 0 is "nothing known", of all tables. */
	if (!u->by_module || !u->by_rule || !u->sent ||
	    !vec_push(&u->rules, &u->nr_rules, &u->cap_rules)) {
		unwinding_free(u);
		return NULL;
	}
	return u;
}

void unwinding_free(struct unwinding *u)
{
	if (!u)
		return;
	table_cache_free(u->cache);
	hashmap_free(u->by_module);
	hashmap_free(u->by_rule);
	hashmap_free(u->sent);
	free(u->installed);
	free(u->rules);
	free(u);
}

static uint64_t hash_bytes(const void *bytes, size_t size)
{
	const unsigned char *b = bytes;
	uint64_t h = size;

	for (size_t i = 0; i + 8 <= size; i += 8) {
		uint64_t word;

		memcpy(&word, b + i, 8);
		h = hash_mix(h ^ word);
	}
	return h;
}

/* The number over all tables; 0 (nothing known) when there are too many rules. */
static uint16_t rule_number(struct unwinding *u, const struct seep_unwind_rule *rule)
{
	uint64_t key = hash_bytes(rule, sizeof(*rule)), number;
	struct seep_unwind_rule *slot;

	/* Two rules of one hash would be one rule: the next key is tried for the second. */
	for (; hashmap_get(u->by_rule, key, &number); key++)
		if (!memcmp(&u->rules[number], rule, sizeof(*rule)))
			return number;
	if (u->nr_rules >= u->limits.rules)
		return SEEP_UNWIND_NO_RULE;
	slot = vec_push(&u->rules, &u->nr_rules, &u->cap_rules);
	if (!slot || hashmap_put(u->by_rule, key, u->nr_rules - 1))
		return SEEP_UNWIND_NO_RULE;
	*slot = *rule;
	return u->nr_rules - 1;
}

static int number_rules(struct unwinding *u, const struct unwind_table_view *view, uint16_t *ids)
{
	size_t first = u->nr_rules;

	for (uint32_t i = 0; i < view->nr_rules; i++)
		ids[i] = view->rules[i].cfa == SEEP_CFA_NONE ? SEEP_UNWIND_NO_RULE
							     : rule_number(u, &view->rules[i]);
	return kernel_set_unwind_rules(u->kernel, first, u->rules + first, u->nr_rules - first);
}

/* Rules, then rows, then the pages that lead to them. */
static int install(struct unwinding *u, const struct unwind_table *table, struct installed *at)
{
	struct unwind_table_view view = unwind_table_view(table);
	uint64_t end = unwind_table_placed_end(table, u->next_row);
	struct seep_unwind_page *pages;
	uint16_t *ids;
	int err;

	if (end > u->limits.rows || u->next_page + view.nr_pages > u->limits.pages)
		return -ENOSPC;
	pages = calloc(view.nr_pages ? view.nr_pages : 1, sizeof(*pages));
	ids = calloc(view.nr_rules ? view.nr_rules : 1, sizeof(*ids));
	err = pages && ids ? number_rules(u, &view, ids) : -ENOMEM;
	if (!err) {
		unwind_table_place(table, u->next_row, ids,
				   kernel_unwind_rows(u->kernel) + u->next_row, pages);
		err = kernel_set_unwind_pages(u->kernel, u->next_page, pages, view.nr_pages);
	}
	if (!err) {
		at->first_page = view.first_page;
		at->nr_pages = view.nr_pages;
		at->pages_base = u->next_page;
		u->next_row = end;
		u->next_page += view.nr_pages;
	}
	free(pages);
	free(ids);
	return err;
}

static int build(struct unwinding *u, uint32_t module, bool full, struct unwind_table **ret_table)
{
	const struct unwind_table_options kind = { .full = full };
	const char *path = modules_info(u->modules, module).path;
	const void *vdso = (const void *)(uintptr_t)getauxval(AT_SYSINFO_EHDR);
	int fd, err;

	/* The kernel gives the same one to every process of this machine's class. */
	if (path && !strcmp(path, "[vdso]"))
		return vdso ? unwind_table_build_memory(vdso, VDSO_BYTES, &kind, ret_table)
			    : -ENOENT;
	fd = modules_open(u->modules, module);
	if (fd < 0)
		return fd;
	err = table_cache_build(u->cache, fd, &kind, ret_table);
	close(fd);
	return err;
}

static int build_and_install(struct unwinding *u, uint32_t module, bool full, struct installed *at)
{
	struct unwind_table *table = NULL;
	int err = build(u, module, full, &table);

	if (!err)
		err = install(u, table, at);
	unwind_table_free(table);
	return err;
}

/*
 * Full tables know every address, interrupted ones too, but are ten times larger than those
 * of call sites: they are for as long as there is plenty of room.
 */
static int add_table(struct unwinding *u, uint32_t module, struct installed *at)
{
	bool full = u->next_row < u->limits.rows / 2;
	int err = build_and_install(u, module, full, at);

	return full && err == -ENOSPC ? build_and_install(u, module, false, at) : err;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* NULL: out of memory. */
static const struct installed *find_table(struct unwinding *u, uint32_t module)
{
	struct installed *at;
	double begin;
	uint64_t index;
	int err;

	if (hashmap_get(u->by_module, module, &index))
		return &u->installed[index];
	at = vec_push(&u->installed, &u->nr_installed, &u->cap_installed);
	if (!at || hashmap_put(u->by_module, module, u->nr_installed - 1))
		return NULL;
	at->module = module;
	begin = seconds();
	err = add_table(u, module, at);
	u->stats.build_seconds += seconds() - begin;
	u->stats.tables += !err;
	u->stats.tables_left_out += err == -ENOSPC;
	u->stats.tables_failed += err && err != -ENOSPC;
	log_debug("%s: unwind table of %u pages (%d)", modules_info(u->modules, module).path,
		  at->nr_pages, err);
	return at;
}

/* 0 for those that come too late to be numbered. */
static uint16_t table_number(const struct unwinding *u, const struct installed *at)
{
	size_t number = at - u->installed + 1;

	return number <= UINT16_MAX ? number : 0;
}

uint32_t unwinding_table_module(const struct unwinding *u, uint16_t table)
{
	return table && table <= u->nr_installed ? u->installed[table - 1].module : PLACE_NONE;
}

static int fill_mapping(struct unwinding *u, const struct module_mapping *from,
			struct seep_unwind_mapping *to)
{
	const struct installed *at;

	to->start = from->start;
	to->end = from->end;
	to->bias = from->start - from->offset;
	if (from->module == PLACE_NONE)
		return 0;
	at = find_table(u, from->module);
	if (!at)
		return -ENOMEM;
	to->first_page = at->first_page;
	to->nr_pages = at->nr_pages;
	to->pages_base = at->pages_base;
	to->table = table_number(u, at);
	return 0;
}

static int fill_space(struct unwinding *u, uint32_t space, struct seep_unwind_space *all)
{
	struct module_mapping mapping;
	size_t i;
	int err;

	for (i = 0; modules_mapping(u->modules, space, i, &mapping); i++) {
		/* The vsyscall page is the kernel's, above all that a search compares. */
		if (mapping.start >> 63)
			continue;
		if (all->nr == SEEP_UNWIND_MAPPINGS) {
			u->stats.mappings_left_out++;
			continue;
		}
		err = fill_mapping(u, &mapping, &all->mappings[all->nr++]);
		if (err)
			return err;
	}
	for (i = all->nr; i < SEEP_UNWIND_MAPPINGS; i++)
		all->mappings[i].start = INT64_MAX;
	return 0;
}

int unwinding_refresh(struct unwinding *u, uint32_t space)
{
	struct seep_unwind_space *all = calloc(1, sizeof(*all));
	uint64_t hash, sent;
	int err;

	if (!all)
		return -ENOMEM;
	err = fill_space(u, space, all);
	hash = hash_bytes(all, sizeof(*all));
	if (!err && !(hashmap_get(u->sent, space, &sent) && sent == hash)) {
		all->generation = ++u->generation;
		err = kernel_set_unwind_space(u->kernel, space, all);
		if (!err)
			err = hashmap_put(u->sent, space, hash);
	}
	free(all);
	return err;
}

void unwinding_forget(struct unwinding *u, uint32_t space)
{
	hashmap_remove(u->sent, space);
}

struct unwinding_stats unwinding_stats(const struct unwinding *u)
{
	struct unwinding_stats stats = u->stats;

	stats.rows = u->next_row;
	stats.pages = u->next_page;
	stats.rules = u->nr_rules;
	return stats;
}

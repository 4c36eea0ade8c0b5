// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which cause a process with a garbage collector grows for, from plain numbers, and in what words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "trace/inner_cause.h"

static const struct inner_cause_numbers calm = {
	.looks = 6,
	.seconds = 20,
	.cause = { .kind = CAUSE_NONE },
	.objects = 40000,
	.objects_growth = -12,
	.gc_enabled = 1,
	.verdict = VERDICT_NONE,
};

static const struct inner_container sessions = {
	.path = "modules[app.cache].SESSIONS",
	.type = "dict",
	.holds = "app.Session",
	.length = 81000,
	.bytes = 81000 * 300,
	.growth = 12300,
	.capacity = -1,
};

static const struct inner_native leak = { 1 << 20, 500, "keep (leaking.so)" };

static struct inner_cause decided(const struct inner_cause_numbers *n, enum inner_cause_kind kind,
				  enum profile_verdict verdict)
{
	struct inner_cause cause;

	inner_cause_decide(n, &cause);
	assert_string_equal(inner_cause_name(cause.kind), inner_cause_name(kind));
	assert_int_equal(cause.verdict, verdict);
	return cause;
}

static void says(const struct inner_cause *cause, const char *words)
{
	if (!strstr(cause->reason, words))
		fail_msg("no '%s' in '%s'", words, cause->reason);
}

static void calm_is_none(void **state)
{
	struct inner_cause_numbers n = calm;
	struct inner_cause cause = decided(&n, INNER_NONE, VERDICT_NONE);

	assert_string_equal(cause.reason,
			    "Objects: 40,000, -12 in 20 s; no container keeps growing.");
	n.unclear = leak;
	cause = decided(&n, INNER_NONE, VERDICT_NONE);
	says(&cause, "keeps growing. Memory of C rises by 1.0 MiB/s, at keep (leaking.so), but");
	n.gc_enabled = 0;
	cause = decided(&n, INNER_NONE, VERDICT_NONE);
	says(&cause, " gc is disabled.");
}

/* Two looks do not clear a process, unless it did nothing at all. */
static void few_looks(void **state)
{
	struct inner_cause_numbers n = calm;
	struct inner_cause cause;

	n.looks = 2;
	cause = decided(&n, INNER_TOO_LITTLE, VERDICT_TOO_LITTLE_DATA);
	says(&cause, "looked at twice only, and three looks tell what grows: trace for longer.");
	n.still = true;
	decided(&n, INNER_TOO_LITTLE, VERDICT_NONE);
	/* It may have filled what was freed before. */
	n.cpu_share = 0.001;
	decided(&n, INNER_TOO_LITTLE, VERDICT_TOO_LITTLE_DATA);
	n.cpu_share = 0;
	n.objects_growth = 20;
	decided(&n, INNER_TOO_LITTLE, VERDICT_TOO_LITTLE_DATA);
	n.looks = 1;
	n.verdict = VERDICT_LEAK;
	cause = decided(&n, INNER_TOO_LITTLE, VERDICT_LEAK);
	says(&cause, "looked at once only");
}

/* Growth that is too little for a verdict is told all the same. */
static void rises_slowly(void **state)
{
	struct inner_cause_numbers n = calm;
	struct inner_cause cause;

	n.growing = sessions;
	n.growing.growth = 60;
	cause = decided(&n, INNER_NONE, VERDICT_NONE);
	assert_string_equal(
		cause.reason,
		"Objects: 40,000, -12 in 20 s; modules[app.cache].SESSIONS (dict) rises, "
		"+60 items, which is too few to tell: trace for longer.");
	n.growing.growth = 100000; /* and not the cause: classes entered by imports */
	cause = decided(&n, INNER_NONE, VERDICT_NONE);
	says(&cause, "no container keeps growing");
}

static void a_container(void **state)
{
	struct inner_cause_numbers n = calm;
	struct inner_cause cause;

	n.cause = (struct cause){ CAUSE_CONTAINER, 12300, 615 };
	n.growing = sessions;
	cause = decided(&n, INNER_CONTAINER, VERDICT_LEAK);
	assert_string_equal(cause.reason,
			    "A container grows: modules[app.cache].SESSIONS (dict) +12,300 items "
			    "in 20 s, now 81,000, mostly app.Session.");
}

/* What the items own grows with them; what nobody holds grows faster. */
static void container_or_module(void **state)
{
	struct inner_cause_numbers n = calm;
	struct inner_cause cause;

	n.cause = (struct cause){ CAUSE_CONTAINER, 12300, 615 };
	n.growing = sessions;
	n.native = leak;
	n.native.blocks = 615;
	decided(&n, INNER_CONTAINER, VERDICT_LEAK);
	n.native.blocks = 5000;
	cause = decided(&n, INNER_C_MODULE, VERDICT_LEAK);
	says(&cause, "1.0 MiB/s, at keep (leaking.so): a C module leaks.");
	/* many blocks, but fewer bytes than the container takes */
	n.native.rate = 100000;
	decided(&n, INNER_CONTAINER, VERDICT_LEAK);
}

static void a_module(void **state)
{
	struct inner_cause_numbers n = calm;

	n.native = leak;
	n.verdict = VERDICT_LEAK;
	decided(&n, INNER_C_MODULE, VERDICT_LEAK);
	n.looks = 2;
	decided(&n, INNER_TOO_LITTLE, VERDICT_LEAK);
	n.looks = 3;
	n.native.place = NULL;
	says(&(struct inner_cause[]){ decided(&n, INNER_C_MODULE, VERDICT_LEAK) }[0],
	     "grows by 1.0 MiB/s: a C module");
}

static void not_collected(void **state)
{
	struct inner_cause_numbers n = calm;
	struct inner_cause cause;

	n.gc_enabled = 0;
	n.dead_type = "Node";
	n.cause = (struct cause){ CAUSE_CYCLE, 40000, 0 };
	cause = decided(&n, INNER_CYCLE, VERDICT_LEAK);
	assert_string_equal(
		cause.reason,
		"Cycles are not collected: gc is disabled; 40,000 dead objects, mostly Node.");
	n.cause.kind = CAUSE_UNCOLLECTABLE;
	n.gc_enabled = 1;
	cause = decided(&n, INNER_UNCOLLECTABLE, VERDICT_LEAK);
	says(&cause, "gave up 40,000 objects");
	n.cause.kind = CAUSE_HELD_FROM_C;
	n.held_type = "Lost";
	cause = decided(&n, INNER_HELD_FROM_C, VERDICT_LEAK);
	says(&cause, "40,000 more in 20 s, mostly Lost.");
}

/* Imports take memory of the interpreter's own, and come to an end; but not without bound. */
static void imports(void **state)
{
	struct inner_cause_numbers n = calm;
	struct inner_cause cause;

	n.own.rate = 100 << 10;
	n.verdict = VERDICT_LEAK;
	n.objects_growth = 30000;
	n.type = "function";
	n.type_growth = 9000;
	decided(&n, INNER_OBJECTS, VERDICT_LEAK);
	n.modules_growth = 250;
	cause = decided(&n, INNER_LOADING, VERDICT_FILLING);
	says(&cause, "+30,000 in 20 s; modules are imported, +250 so far.");
	n.own.rate = 50 << 20;
	decided(&n, INNER_OBJECTS, VERDICT_LEAK);
	n.own.rate = 0;
	n.objects_growth = 3000000;
	decided(&n, INNER_OBJECTS, VERDICT_LEAK);
	n.objects_growth = 30000;
	n.modules_growth = 3;
	decided(&n, INNER_OBJECTS, VERDICT_LEAK);
	n.modules_growth = 250;
	n.cause = (struct cause){ CAUSE_CONTAINER, 12300, 615 };
	n.growing = sessions;
	decided(&n, INNER_CONTAINER, VERDICT_LEAK);
}

static void frozen(void **state)
{
	struct inner_cause_numbers n = calm;
	struct inner_cause cause;

	n.dead_type = "Node";
	n.cause = (struct cause){ CAUSE_CYCLE, 4000, 200 };
	cause = decided(&n, INNER_CYCLE, VERDICT_LEAK);
	says(&cause, "gc.freeze() is called again and again; 4,000 dead objects, mostly Node.");
}

/* Its tables make a site of the interpreter grow: that is no leak, that of a module is one. */
static void a_cache(void **state)
{
	struct inner_cause_numbers n = calm;
	struct inner_cause cause;

	n.cause = (struct cause){ CAUSE_FILLING, 12300, 615 };
	n.growing = sessions;
	n.growing.capacity = 100000;
	n.own.rate = 5000;
	n.verdict = VERDICT_LEAK;
	cause = decided(&n, INNER_FILLING, VERDICT_FILLING);
	says(&cause, "it stops at 100,000.");
	n.verdict = VERDICT_NONE;
	decided(&n, INNER_FILLING, VERDICT_FILLING);
	n.native = leak;
	n.native.blocks = 100;
	n.verdict = VERDICT_LEAK;
	decided(&n, INNER_FILLING, VERDICT_LEAK);
	n.native.blocks = 10000;
	decided(&n, INNER_C_MODULE, VERDICT_LEAK);
}

static void at_once(void **state)
{
	struct inner_cause_numbers n = calm;
	struct inner_cause cause;

	n.loaded = sessions;
	decided(&n, INNER_NONE, VERDICT_NONE);
	n.loaded.growth = 80000;
	cause = decided(&n, INNER_OVERFLOW, VERDICT_OVERFLOW);
	says(&cause, "loaded at once: modules[app.cache].SESSIONS (dict) +80,000");
	n.loaded.path = NULL;
	decided(&n, INNER_NONE, VERDICT_NONE);
	n.verdict = VERDICT_OVERFLOW;
	decided(&n, INNER_OVERFLOW, VERDICT_OVERFLOW);
}

static void kept_by_allocators(void **state)
{
	struct inner_cause_numbers n = calm;
	struct inner_cause cause;

	n.verdict = VERDICT_RETENTION;
	n.live_bytes = 2 << 20;
	n.rss_bytes = 100 << 20;
	cause = decided(&n, INNER_RETENTION, VERDICT_RETENTION);
	says(&cause, "2.0 MiB outstanding, 100 MiB resident");
	n.type = "Node";
	n.type_growth = 5000;
	cause = decided(&n, INNER_OBJECTS, VERDICT_RETENTION);
	says(&cause, "Node +5,000, in no container");
}

static void untracked(void **state)
{
	struct inner_cause_numbers n = calm;
	struct inner_cause cause;

	n.verdict = VERDICT_LEAK;
	n.own = (struct inner_native){ 2048, 3, "read (app.py:7)" };
	cause = decided(&n, INNER_UNTRACKED, VERDICT_LEAK);
	says(&cause, "2.0 KiB/s, at read (app.py:7): strings");
}

static void only_counted(void **state)
{
	struct inner_cause_numbers n = calm;
	struct inner_cause cause;

	n.counted_only = true;
	n.type = "Node";
	n.type_growth = 100000;
	cause = decided(&n, INNER_OBJECTS, VERDICT_TOO_LITTLE_DATA);
	says(&cause, "in no container that grows by itself, as far as it was asked.");
	says(&cause, "too many objects to ask who holds them");
	n.type_growth = 999;
	decided(&n, INNER_NONE, VERDICT_NONE);
}

/* Where it was not asked three times who holds them, memory that grows is not cleared. */
static void asked_too_seldom(void **state)
{
	struct inner_cause_numbers n = calm;
	struct inner_cause cause;

	n.grew = true;
	n.holder_looks = 2;
	cause = decided(&n, INNER_NONE, VERDICT_TOO_LITTLE_DATA);
	says(&cause, "it was asked too seldom who holds it");
	n.holder_looks = 3;
	decided(&n, INNER_NONE, VERDICT_NONE);
	n.holder_looks = 2;
	n.grew = false;
	decided(&n, INNER_NONE, VERDICT_NONE);
}

/* One that grows is named by its type where nobody knows who holds it. */
static void container_without_a_path(void **state)
{
	struct inner_cause_numbers n = calm;
	struct inner_cause cause;

	n.cause = (struct cause){ CAUSE_CONTAINER, 12300, 615 };
	n.growing = sessions;
	n.growing.path = n.growing.holds = NULL;
	n.growing.type = "list";
	cause = decided(&n, INNER_CONTAINER, VERDICT_LEAK);
	assert_string_equal(cause.reason, "A container grows: one of type list, +12,300 items in "
					  "20 s, now 81,000.");
}

/* Names may be as long as they like. */
static void long_names_are_cut(void **state)
{
	struct inner_cause_numbers n = calm;
	struct inner_cause cause;
	char name[2000];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	n.cause = (struct cause){ CAUSE_CONTAINER, INT64_MAX, 1 };
	n.growing = (struct inner_container){ name,	  name,	     name,     UINT64_MAX,
					      UINT64_MAX, INT64_MAX, INT64_MAX };
	cause = decided(&n, INNER_CONTAINER, VERDICT_LEAK);
	says(&cause, "+9,223,372,036,854,775,807 items");
	says(&cause, "now 18,446,744,073,709,551,615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(imports),
		cmocka_unit_test(frozen),
		cmocka_unit_test(calm_is_none),
		cmocka_unit_test(few_looks),
		cmocka_unit_test(rises_slowly),
		cmocka_unit_test(a_container),
		cmocka_unit_test(container_or_module),
		cmocka_unit_test(a_module),
		cmocka_unit_test(not_collected),
		cmocka_unit_test(a_cache),
		cmocka_unit_test(at_once),
		cmocka_unit_test(kept_by_allocators),
		cmocka_unit_test(untracked),
		cmocka_unit_test(only_counted),
		cmocka_unit_test(asked_too_seldom),
		cmocka_unit_test(container_without_a_path),
		cmocka_unit_test(long_names_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
